"""A restore that is over, held against its preview: object by object, field by field. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from velero_eks.kube.defaulted import settled
from velero_eks.kube.objects import Difference, Object, ObjectKey, differences, is_derived
from velero_eks.recovery.restore.prediction import SNAPSHOT_KINDS, Fate, Prediction


@dataclass(frozen=True)
class Surprise:
    """One object that is not as the preview said: what was said, what is, and the fields where they part.

    `fields` lead from what was foretold to what is live.
    """

    key: ObjectKey
    foretold: str
    found: str
    fields: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a restore did: how many objects were held against the preview, and those that are otherwise."""

    compared: int
    as_foretold: int
    surprises: tuple[Surprise, ...]

    @property
    def whole(self) -> bool:
        """Whether everything is as the preview said."""
        return not self.surprises


def hold(
    predictions: Iterable[Prediction], before: Mapping[ObjectKey, Object], after: Mapping[ObjectKey, Object]
) -> Outcome:
    """Hold the live objects of `after` against what was foretold from those of `before`.

    What controllers make of other objects is not looked at. Objects that came or went though nothing was foretold of
    them are surprises too: somebody else is at work, or Velero did more than it was thought to do.
    """
    told: dict[ObjectKey, Prediction] = {}
    for each in predictions:
        if not each.derived and each.fate is not Fate.LEFT_OUT:
            # A namespace is foretold by every step that writes into it; the first is the one that makes it.
            told.setdefault(each.key, each)
    found = [each for prediction in told.values() if (each := _surprise(prediction, before, after)) is not None]
    found += _untold(told, before, after)
    return Outcome(len(told), len(told) - len({each.key for each in found}), tuple(sorted(found, key=lambda e: e.key)))


def _surprise(
    told: Prediction, before: Mapping[ObjectKey, Object], after: Mapping[ObjectKey, Object]
) -> Surprise | None:
    there, is_there = before.get(told.key), after.get(told.key)
    if told.fate is Fate.BLOCKED:
        return _unblocked(told, there, is_there)
    if is_there is None:
        return Surprise(told.key, told.fate.value, "is not there")
    wanted = told.expected
    if wanted is None:
        return None
    fields = tuple(differences(settled(wanted, is_there), is_there))
    if not fields:
        return None
    if told.fate is Fate.CHANGED and there is not None and not differences(there, is_there):
        return Surprise(told.key, told.fate.value, "was not changed", fields)
    if told.fate in (Fate.KEPT, Fate.ABSENT):
        return Surprise(told.key, told.fate.value, "was changed meanwhile", fields)
    return Surprise(told.key, told.fate.value, "differs from what was foretold", fields)


def _unblocked(told: Prediction, there: Object | None, is_there: Object | None) -> Surprise | None:
    if is_there is None or is_there["metadata"].get("deletionTimestamp"):
        return None
    if there is None or there["metadata"].get("deletionTimestamp"):
        return Surprise(told.key, told.fate.value, "was restored all the same")
    if differences(there, is_there):
        return Surprise(told.key, told.fate.value, "was changed all the same", tuple(differences(there, is_there)))
    return None


def _untold(
    told: Collection[ObjectKey], before: Mapping[ObjectKey, Object], after: Mapping[ObjectKey, Object]
) -> Iterator[Surprise]:
    for key, body in after.items():
        if key in told or _made_by_others(body):
            continue
        if key not in before:
            yield Surprise(key, "nothing", "came")
        elif differences(before[key], body):
            yield Surprise(key, "nothing", "was changed meanwhile", tuple(differences(before[key], body)))
    for key, body in before.items():
        if key not in told and key not in after and not _made_by_others(body):
            yield Surprise(key, "nothing", "went")


def _made_by_others(body: Object) -> bool:
    """What comes and goes with other objects; a claim's volume among it."""
    claimed = body["kind"] == "PersistentVolume" and bool((body.get("spec") or {}).get("claimRef"))
    return claimed or body["kind"] in SNAPSHOT_KINDS or is_derived(body)
