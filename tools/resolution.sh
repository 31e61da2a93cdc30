#!/usr/bin/env bash
# The quick tests with other versions than the lock has: `lowest-direct` is what the distributions promise to work with,
# `highest` what a new installation gets today. In an environment of its own; the lock and .venv stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
resolution="${1:?lowest-direct or highest}"
shift
uv="$(command -v uv || echo .tools/uv/bin/uv)"
environment="$(mktemp -d)"
trap 'rm -rf "$environment"' EXIT
python="$environment/bin/python"
"$uv" venv --quiet --clear --python .venv/bin/python "$environment"
"$uv" pip install --quiet --python "$python" --resolution "$resolution" --group dev --group lab --editable . --editable components
echo "$resolution: $("$uv" pip freeze --quiet --python "$python" | grep -iE '^(boto3|pulumi|pulumi-aws|pulumi-kubernetes|pydantic|typer)==' | tr '\n' ' ')"
"$python" -m pytest -q -n auto "$@"
