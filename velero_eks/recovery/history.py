"""One object through all backups: in which it is, and where it changed. Pure but for `found_in`, which reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

from velero_eks.errors import BadTarget, NotAllowed, OperationError, Unreachable
from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.objects import Difference, Object, ObjectKey, cleaned, differences
from velero_eks.kube.threads import Threads
from velero_eks.velero.backup_contents import SHAPELESS, BadMember, Place, Selection, Stored, Unread
from velero_eks.velero.bucket import BackupStore, Damaged
from velero_eks.velero.filters import Filters
from velero_eks.velero.records import Backup
from velero_eks.velero.results import listed

_THREADS = 4


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


def found_in(
    store: BackupStore, backups: Sequence[Backup], selection: Selection, namespace: str | None
) -> tuple[list[tuple[Backup, Stored | None]], dict[str, str]]:
    """The object in each backup that can be read, in their order; and by name, why the others could not be.

    One that is damaged, or that expires meanwhile, must not hide what all the others have. Raises `BadTarget` where
    the object is in several namespaces and none was given.
    """

    def look(backup: Backup) -> list[Stored] | OperationError:
        try:
            return _in_backup(store, backup.name, selection, namespace)
        except (NotAllowed, Unreachable):
            raise
        except OperationError as error:
            return error

    with Threads(_THREADS) as pool:
        looking = [pool.submit(look, backup) for backup in backups]
        for answer in as_completed(looking):
            answer.result()
    answers = [(backup, answer.result()) for backup, answer in zip(backups, looking, strict=True)]
    found = [(backup, answer) for backup, answer in answers if not isinstance(answer, OperationError)]
    _check_one({stored.place for _, answer in found for stored in answer}, selection)
    unread = {backup.name: str(answer) for backup, answer in answers if isinstance(answer, OperationError)}
    return [(backup, answer[0] if answer else None) for backup, answer in found], unread


def _in_backup(store: BackupStore, name: str, selection: Selection, namespace: str | None) -> list[Stored]:
    """What is meant in one backup."""
    left = sum(
        key.name == selection.name and selection.group in ("", key.group) and namespace in (None, key.namespace)
        for key, _ in listed(store.resource_list(name))
    )

    def wanted(place: Place) -> bool:
        return selection.may_match(place) and namespace in (None, place.namespace)

    found: list[Stored] = []
    unread = Unread(wanted)
    if left:
        # The list says how many there are of this name; behind the last of them no one has to read on.
        with closing(store.contents(name, wanted, unread=unread)) as contents:
            for stored in contents:
                left -= 1
                if selection.matches(stored.place, stored.body["kind"]):
                    found.append(stored)
                if not left:
                    break
    for stored in found:
        try:
            cleaned(stored.body)
        except SHAPELESS as error:
            unread.add(BadMember(str(stored.place), f"is not a Kubernetes object: {error}", stored.place))
    found = [stored for stored in found if not any(bad.place == stored.place for bad in unread.some)]
    meant = [bad for bad in unread.some if bad.place is not None]
    if meant and not found:
        raise Damaged(f"backup {name} in {store.address}: {meant[0]}")
    return found


def _check_one(places: Collection[Place], selection: Selection) -> None:
    """Refuse what is more than one object, in one backup or in several."""
    resources = sorted({place.resource for place in places})
    if len(resources) > 1:
        raise BadTarget(f"{selection} may be one of {', '.join(resources)}; write the group too")
    if len(places) > 1:
        there = ", ".join(sorted(place.namespace for place in places))
        raise BadTarget(f"{selection} is in namespaces {there}; choose one with -n")


def would_have(backup: Backup, kind: ResourceKind, key: ObjectKey) -> bool:
    """Whether a backup would have had the object, so that its absence means something."""
    filters = Filters.of(backup.spec, [kind])
    # What failed in part may lack just this one.
    if filters.selectors or not backup.good:
        return False
    namespace = key.name if kind.plural == "namespaces" else key.namespace
    return filters.of_kind(kind) is None and not (namespace and filters.of_namespace(namespace))
