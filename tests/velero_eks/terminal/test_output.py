"""Text of a cluster's on a terminal, and the document for programs."""

from __future__ import annotations

import json

from tests.velero_eks.recovery.recorded import NOW
from velero_eks.terminal.output import print_json, visible


def test_what_would_move_the_cursor_is_written_out():
    assert visible("naïve ✓ plain") == "naïve ✓ plain"
    assert visible("\x1b[31mred\r\n") == "\\x1b[31mred\\r\\n"


def test_a_document_has_its_version_and_moments_with_their_zone(capsys):
    print_json({"at": NOW, "names": ("a", "b")})
    assert json.loads(capsys.readouterr().out) == {"version": 1, "at": "2026-11-23T12:00:00+00:00", "names": ["a", "b"]}
