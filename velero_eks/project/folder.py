"""Where a project is. Apart from the project, since a shell that completes a word waits for what is loaded."""

from __future__ import annotations

from pathlib import Path


def project_folder(start: Path) -> Path | None:
    """The nearest folder, from `start` upward, that has a Pulumi.yaml; None where none has."""
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    return None
