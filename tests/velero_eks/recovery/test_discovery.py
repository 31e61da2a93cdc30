"""The server is made to look for new kinds: tried again where it was busy, waited for where it cannot be made to."""

from __future__ import annotations

from typing import Any

import pytest

from velero_eks.errors import NotAllowed
from velero_eks.recovery import discovery
from velero_eks.recovery.discovery import _NudgeFailed, refresh_discovery


@pytest.fixture
def nudges(monkeypatch):
    """Lets the nudges end as given, one after another; how many there were. The server's own time is over at once."""
    monkeypatch.setattr(discovery, "REFRESH_SECONDS", -15.0)

    def end(*endings: Exception | None) -> list[Any]:
        made: list[Any] = []

        def nudge(session: Any) -> None:
            made.append(session)
            ending = endings[min(len(made), len(endings)) - 1]
            if ending is not None:
                raise ending

        monkeypatch.setattr(discovery, "_nudge", nudge)
        return made

    return end


def refresh() -> discovery.Refreshed:
    return refresh_discovery(None)  # pyright: ignore[reportArgumentType] - the nudge that would use it is replaced


def test_a_nudge_whose_backup_went_for_a_moment_is_tried_again(nudges, capsys):
    made = nudges(_NudgeFailed("Restore x is PartiallyFailed"), None)
    assert refresh().nudged
    assert len(made) == 2
    assert capsys.readouterr().err == ""


def test_a_nudge_that_never_works_is_given_up_and_the_servers_own_time_is_waited_for(nudges, capsys):
    made = nudges(_NudgeFailed("Restore x is PartiallyFailed"))
    assert not refresh().nudged
    assert len(made) == 3
    assert "discovery cannot be triggered (Restore x is PartiallyFailed)" in capsys.readouterr().err


def test_without_the_right_to_it_nothing_is_tried_twice(nudges, capsys):
    made = nudges(NotAllowed("may not patch"))
    assert not refresh().nudged
    assert len(made) == 1
    assert "may not patch" in capsys.readouterr().err
