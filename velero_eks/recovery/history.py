"""One object through all backups: in which it is, and where it changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from velero_eks.kube.objects import Difference, Object, differences
from velero_eks.velero.records import Backup


class Change(StrEnum):
    """What became of an object from one backup to the next."""

    FIRST = "first seen"
    CHANGED = "changed"
    GONE = "gone"
    BACK = "back"


@dataclass(frozen=True)
class Seen:
    """An object in a backup; None where the backup would have it and has not."""

    backup: Backup
    body: Object | None


@dataclass(frozen=True)
class Event:
    """A change of an object: the backup that first shows it, and the last one before that shows the former state.

    `same` counts the backups after it that show the same.
    """

    change: Change
    backup: Backup
    before: Backup | None
    differences: tuple[Difference, ...]
    same: int = 0


def events(seen: Iterable[Seen]) -> list[Event]:
    """When an object changed, from what each backup shows of it, oldest first. What never was there is no event."""
    return [Event(change, at, before, found, same) for change, at, before, found, same in _counted(list(seen))]


def _counted(
    seen: list[Seen],
) -> Iterator[tuple[Change, Backup, Backup | None, tuple[Difference, ...], int]]:
    found = list(_changes(seen))
    positions = [index for index, *_ in found]
    for number, (index, change, at, before, fields) in enumerate(found):
        end = positions[number + 1] if number + 1 < len(positions) else len(seen)
        yield change, at, before, fields, end - index - 1


def _changes(
    seen: list[Seen],
) -> Iterator[tuple[int, Change, Backup, Backup | None, tuple[Difference, ...]]]:
    last: Object | None = None
    present = False
    before: Backup | None = None
    for index, item in enumerate(seen):
        if item.body is None:
            if present:
                yield index, Change.GONE, item.backup, before, ()
            present = False
        else:
            found = tuple(differences(last, item.body)) if last is not None else ()
            if last is None:
                yield index, Change.FIRST, item.backup, before, ()
            elif not present:
                yield index, Change.BACK, item.backup, before, found
            elif found:
                yield index, Change.CHANGED, item.backup, before, found
            last, present = item.body, True
        before = item.backup
