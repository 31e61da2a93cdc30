"""Pages and code that are made from the code: `python -m tests.generated` writes them, a test says when they are old.

Modules are the pages of their names; `tables` has those of one table or two, `navigation` the first page of a section.
"""

from __future__ import annotations

from pathlib import Path

from tests import arguments, words
from tests.generated import commands, components, errors, navigation, rights, settings, tables
from velero_eks.rules.table import markdown as rules_table

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def files() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    made = {
        REFERENCE / "settings.md": settings.page(),
        REFERENCE / "commands.md": commands.page(),
        REFERENCE / "components.md": components.page(),
        REFERENCE / "rights.md": rights.page(),
        REFERENCE / "deployer.md": rights.deployer(),
        REFERENCE / "deployer-policy.json": rights.deployer_policy(),
        REFERENCE / "overrides.md": tables.overrides(),
        REFERENCE / "errors.md": errors.page(),
        REFERENCE / "rules.md": rules_table(),
        REFERENCE / "old-backups.md": tables.old_backups(),
        REFERENCE / "versions.md": tables.versions_and_dates(),
        REFERENCE / "attack-table.md": tables.attack_table(),
        words.PAGE: words.page(),
        ROOT / "components" / "velero_on_eks" / "settings" / "aws_regions.py": tables.regions(),
        arguments.ARGUMENTS: arguments.Writer(settings.descriptions()).text(),
        arguments.SCHEMA: arguments.schema(),
    }
    return {**made, **navigation.sections(made)}
