#!/usr/bin/env bash
# Lint the workflows: zizmor for what can be abused, actionlint for what cannot work. Without Go, actionlint is left out
# here and is an error in CI.
set -euo pipefail
cd "$(dirname "$0")/.."

zizmor --offline --no-progress --quiet .github
if ! command -v go >/dev/null 2>&1; then
  echo "actionlint is left out: it is built with Go, which is not installed here" >&2
  [ "${CI:-}" != true ]
  exit
fi
cd tools/actionlint
# Its calls to shellcheck and pyflakes depend on what a machine happens to have, so they are off.
GOFLAGS=-mod=readonly go tool actionlint -shellcheck= -pyflakes= ../../.github/workflows/*.yml
