"""An object through all backups."""

from __future__ import annotations

from typing import Any

from tests.velero_eks.recovery.recorded import backup
from velero_eks.recovery.history import Change, Seen, events


def config(mode: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "grading", **metadata},
        "data": {"mode": mode},
    }


def seen(*bodies: dict[str, Any] | None) -> list[Seen]:
    """What backups `b0`, `b1`, … show, oldest first."""
    return [Seen(backup(f"b{index}", hours=100 - index), body) for index, body in enumerate(bodies)]


def story(*bodies: dict[str, Any] | None) -> list[tuple[str, str, int]]:
    return [(str(event.change), event.backup.name, event.same) for event in events(seen(*bodies))]


def test_a_change_and_its_way_back_are_two_events():
    strict, lenient = config("strict"), config("lenient")
    found = events(seen(strict, strict, lenient, strict))
    assert [(event.change, event.backup.name) for event in found] == [
        (Change.FIRST, "b0"), (Change.CHANGED, "b2"), (Change.CHANGED, "b3"),
    ]  # fmt: skip
    (difference,) = found[1].differences
    assert (difference.path, difference.before, difference.after) == ("data.mode", "strict", "lenient")
    assert found[1].before is not None and found[1].before.name == "b1"


def test_backups_that_show_the_same_are_counted_and_not_listed():
    assert story(*[config("strict")] * 5, config("lenient")) == [("first seen", "b0", 4), ("changed", "b5", 0)]


def test_what_servers_set_is_no_change():
    assert story(config("strict", resourceVersion="1"), config("strict", resourceVersion="2", uid="x")) == [
        ("first seen", "b0", 1)
    ]


def test_what_goes_and_comes_back_is_held_against_what_it_was():
    found = events(seen(config("strict"), None, None, config("lenient")))
    assert [(event.change, event.same) for event in found] == [(Change.FIRST, 0), (Change.GONE, 1), (Change.BACK, 0)]
    assert [difference.path for difference in found[2].differences] == ["data.mode"]


def test_what_is_not_there_yet_is_no_event():
    assert story(None, config("strict")) == [("first seen", "b1", 0)]
    assert story(None, None) == []
