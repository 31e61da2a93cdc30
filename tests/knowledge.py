"""Facts that may be written down once only: `python -m tests.knowledge` lists those written twice.

Each is a value that someone will have to change one day. Where it stands twice, one of the two is forgotten.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = ("__main__.py", "components", "policies", "velero_eks", "lab")
# The rules are a second opinion on what the components make, and the lab stands in for AWS and its nodes: both say
# for themselves what is expected, or a mistake in the components would find itself confirmed.
SECOND_OPINIONS = ("velero_eks/rules/", "lab/cloud/", "lab/kubelet/")
# Written from the settings' models, whose defaults its descriptions name, and from each chart by its version.
GENERATED = ("components/velero_on_eks/args.py", "components/velero_on_eks/settings/chart_values.py")


@dataclass(frozen=True)
class Fact:
    """A piece of knowledge: what it looks like in the code, and the one file that holds it."""

    name: str
    pattern: str
    home: str


FACTS = (
    Fact("the chart's version", r"\b12\.1\.0\b", "components/velero_on_eks/settings/versions.py"),
    Fact("the server's version", r"\bv1\.18\.3\b", "components/velero_on_eks/settings/versions.py"),
    Fact("the plugin's version", r"\bv1\.14\.3\b", "components/velero_on_eks/settings/versions.py"),
    Fact("the chart's repository", r"vmware-tanzu\.github\.io", "components/velero_on_eks/settings/versions.py"),
    Fact(
        "the repository secret's name",
        r"[\"']velero-repo-credentials[\"']",
        "components/velero_on_eks/documents/kubernetes.py",
    ),
    Fact(
        "the repository secret's key",
        r"[\"']repository-password[\"']",
        "components/velero_on_eks/documents/kubernetes.py",
    ),
    Fact(
        "Auto Mode's volume driver",
        r"[\"']ebs\.csi\.eks\.amazonaws\.com[\"']",
        "components/velero_on_eks/documents/kubernetes.py",
    ),
    Fact(
        "the standard volume driver",
        r"[\"']ebs\.csi\.aws\.com[\"']",
        "components/velero_on_eks/documents/kubernetes.py",
    ),
    Fact("IRSA's audience", r"[\"']sts\.amazonaws\.com[\"']", "components/velero_on_eks/documents/iam.py"),
    Fact(
        "Pod Identity's principal", r"[\"']pods\.eks\.amazonaws\.com[\"']", "components/velero_on_eks/documents/iam.py"
    ),
    Fact("Velero's public password", r"static-passw0rd", "components/velero_on_eks/settings/settings.py"),
)


def written_twice() -> list[str]:
    """Where a fact stands outside its home, and facts whose home no longer has them; one line each."""
    found: list[str] = []
    files = [path for part in CODE for path in ([ROOT / part] if part.endswith(".py") else (ROOT / part).rglob("*.py"))]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(files)}
    for fact in FACTS:
        expression = re.compile(fact.pattern)
        if not expression.search(texts.get(fact.home, "")):
            found.append(f"{fact.home}: does not hold {fact.name} any more; fix the table in tests/knowledge.py")
        for name, text in texts.items():
            for number, line in enumerate(text.splitlines(), 1):
                if (
                    name != fact.home
                    and not name.startswith((*SECOND_OPINIONS, *GENERATED))
                    and expression.search(line)
                ):
                    found.append(f"{name}:{number}: {fact.name} stands in {fact.home}; use it from there")
    return found


def main() -> int:
    """Print what is written twice; 1 where anything is."""
    found = written_twice()
    for line in found:
        print(line)
    print(f"{len(FACTS)} facts, {len(found)} written twice")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
