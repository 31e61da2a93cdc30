"""Where a project is, and the files of its stacks. Apart from the project, since a shell that completes a word waits
for what is loaded."""

from __future__ import annotations

from pathlib import Path


def project_folder(start: Path) -> Path | None:
    """The nearest folder, from `start` upward, that has a Pulumi.yaml; None where none has."""
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    return None


def stack_files(folder: Path) -> dict[str, Path]:
    """The stacks whose files are in a folder: `Pulumi.STACK.yaml` by STACK, sorted."""
    found = {path.name.removeprefix("Pulumi.").removesuffix(".yaml"): path for path in folder.glob("Pulumi.*.yaml")}
    return {name: found[name] for name in sorted(found) if name}
