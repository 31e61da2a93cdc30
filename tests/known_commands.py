"""Commands of other tools that the pages may name, with the flags that they use: what is not here is found in a page.

The lab's tests hold the list to what the programs themselves say (`tests/lab/test_known_commands.py`).
"""

from __future__ import annotations

import re

from tests.conftest import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

KNOWN: dict[str, dict[str, set[str]]] = {
    "pulumi": {
        "login": set(),
        "up": {"--yes", "--stack", "-s", "--refresh", "--run-program", "--skip-preview", "--target", "--replace"},
        "preview": {"--stack", "-s", "--diff", "--policy-pack", "--refresh", "--expect-no-changes"},
        "destroy": {"--yes", "--stack", "-s"},
        "refresh": {"--yes", "--stack", "-s"},
        "new": {"--force"},
        "stack": {"--show-urns", "--stack", "-s"},
        "stack init": {"--secrets-provider"},
        "stack rm": {"--yes"},
        "stack output": {"--show-secrets", "--json", "--stack", "-s"},
        "stack change-secrets-provider": {"--stack", "-s"},
        "state unprotect": {"--all", "--yes", "--stack", "-s"},
        "config set": {"--secret", "--path", "--stack", "-s"},
        "config get": {"--stack", "-s"},
        "package add": set(),
        "install": set(),
    },
    "kubectl": {
        "get": {"-n", "-A", "-o", "--context"},
        "delete": {"-n", "--context"},
        "patch": {"-n", "--context", "--type", "-p"},
        "apply": {"-f", "--context"},
        "create namespace": {"--context"},
        "create secret generic": {"-n", "--context", "--from-literal"},
        "rollout restart": {"-n", "--context"},
        "rollout status": {"-n", "--context"},
    },
    "velero": {
        "restore delete": {"--all", "--confirm"},
        "backup delete": {"--confirm"},
        "restore create": {"--from-backup", "--include-namespaces"},
    },
    "uv": {
        "tool install": {"--force"},
        "tool upgrade": set(),
        "init": {"--bare"},
        "add": {"--dev"},
        "sync": set(),
    },
    "uvx": {"velero-eks": set()},
    "aws": {
        "sso login": {"--profile"},
        "sts get-caller-identity": set(),
        "eks create-access-entry": {"--cluster-name", "--principal-arn", "--region"},
        "eks associate-access-policy": {
            "--cluster-name",
            "--principal-arn",
            "--policy-arn",
            "--access-scope",
            "--region",
        },
        "eks update-kubeconfig": {"--name", "--region", "--alias"},
        "eks describe-addon-versions": {"--addon-name", "--kubernetes-version", "--query"},
        "s3 rm": {"--recursive"},
        "s3 sync": {"--exclude"},
        "s3 ls": {"--recursive"},
        "s3 rb": {"--force"},
        "s3api put-bucket-lifecycle-configuration": {"--bucket", "--lifecycle-configuration"},
        "kms schedule-key-deletion": {"--key-id", "--pending-window-in-days"},
        "kms describe-key": {"--key-id"},
        "kms rotate-key-on-demand": {"--key-id"},
    },
    "terraform": {"output": {"-raw", "-json"}},
    "eksctl": {"utils associate-iam-oidc-provider": {"--cluster", "--region", "--approve"}},
    "git": {"clone": set(), "init": set(), "add": set(), "commit": {"-m"}, "diff": set()},
    "mkdir": {"": set()},
    "cd": {"": set()},
    "cat": {"": set()},
    "export": {"": set()},
    "source": {"": set()},
}


# Flags of kubectl that may stand before its command, each with a value.
_VALUED = ("-n", "--context")


def problem(words: list[str]) -> str | None:
    """What is wrong with a command of another tool; None where the list has it with all its flags."""
    program, *rest = words
    if program == "make":
        unknown = [name for name in rest if not re.search(rf"^{re.escape(name)}:", MAKEFILE, re.MULTILINE)]
        return f"make: the Makefile has no {', '.join(unknown)}" if unknown else None
    if program == "uv" and rest[:1] == ["run"]:
        return problem([word for word in rest[1:] if word != "--no-sync"])
    if program == "python":
        return None if rest and (ROOT / rest[0]).is_file() else f"python: no script {' '.join(rest[:1])}"
    known = KNOWN.get(program)
    if known is None:
        return f"{program}: a program that the list of known commands does not have"
    named = rest
    if program == "kubectl":
        named = [word for before, word in zip(("", *rest), rest, strict=False) if before not in _VALUED]
    plain = [word for word in named if not word.startswith("-")]
    for length in range(min(3, len(plain)), -1, -1):
        name = " ".join(plain[:length])
        if name in known:
            flags = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
            unknown = sorted(flags - known[name])
            return f"{program} {name}: {', '.join(unknown)} is not in the list of known flags" if unknown else None
    return f"{program} {' '.join(plain[:2])}: a command that the list of known commands does not have"
