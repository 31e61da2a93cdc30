"""Run by its path, in a process of its own: `velero-eks plan` as a revision has it.

`record_revision.py TREE RECORDER ARGUMENT…` runs in the revision's folder TREE. RECORDER is "" for the revision's own
`velero_eks`; else the folder of another, whose recorder then runs the revision's program. Nothing of this
package is imported: the process belongs to the revision.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path


def _borrow(package: str, folder: str) -> None:
    """Load a package from `folder`, whatever the path says; its modules follow it."""
    spec = importlib.machinery.PathFinder.find_spec(package, [folder])
    if spec is None or spec.loader is None:
        raise SystemExit(f"error: {folder} has no {package}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    spec.loader.exec_module(module)


def main() -> None:
    """Take the revision's folder in place of this script's as the first where modules are looked for, and run."""
    _, tree, recorder, *arguments = sys.argv
    # The component package is a distribution of its own, which the environment may have from another revision.
    sys.path[:1] = [tree, str(Path(tree) / "components")]
    if recorder:
        _borrow("velero_eks", recorder)
    sys.argv = ["velero-eks", *arguments]
    from velero_eks.cli import main as run

    run()


main()
