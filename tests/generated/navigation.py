"""The first page of each section of the site: its pages by their titles, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

DOCS = Path(__file__).resolve().parents[2] / "docs"
_SECTIONS = {
    "how-to": ("How to", "One page for each task."),
    "reference": ("Reference", "Most of these pages are made from the code by `make docs`: they say what it does."),
    "adr": ("Decisions", "Choices that were contested: the context, what was chosen, and what it costs."),
}


def sections(made: Mapping[Path, str]) -> dict[Path, str]:
    """The pages by file. `made` are pages as they will be, before they are written."""
    pages = yaml.safe_load((DOCS / "navigation.yaml").read_text(encoding="utf-8"))
    return {DOCS / name / "README.md": _section(name, pages[f"{name}/README.md"], made) for name in _SECTIONS}


def _section(name: str, pages: list[str], made: Mapping[Path, str]) -> str:
    title, text = _SECTIONS[name]
    rows = []
    for page in pages:
        content = made.get(DOCS / page) or (DOCS / page).read_text(encoding="utf-8")
        rows.append(f"- [{content.partition(chr(10))[0].lstrip('# ')}]({page.removeprefix(f'{name}/')})")
    return "\n".join([f"# {title}", "", text, "", *rows]) + "\n"
