"""docs/reference/rules.md is what the rules say."""

from __future__ import annotations

from tests.conftest import ROOT
from velero_eks.rules import RULES
from velero_eks.rules.table import markdown


def test_the_table_of_rules_is_up_to_date():
    written = (ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
    assert written == markdown(), "write docs/reference/rules.md again from velero_eks.rules.table.markdown()"


def test_the_table_has_every_rule_once():
    assert all(markdown().count(f"| `{rule}` |") == 1 for rule in RULES)
