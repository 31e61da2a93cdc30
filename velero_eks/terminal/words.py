"""How the tool says a time, a length of time, a number: the one place, and pure, so that every room may use it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from velero_on_eks.settings.duration import words as _duration
from velero_on_eks.settings.nearest import nearest
from velero_on_eks.settings.refusals import HIDDEN, names_secret, secret_shaped

# The newest backups come last, and are the likelier ones.
_SHOWN = 5


def duration(seconds: float) -> str:
    """A length of time that was measured, in its two largest units: `4.2 s`, `36 h`, `2 days 3 h`."""
    return _duration(seconds, units=2)


def exact(seconds: float) -> str:
    """A length of time that someone set, with nothing dropped: two settings that differ must not read alike."""
    return _duration(seconds)


def days(value: object) -> str:
    """A length of time that AWS counts in whole days, as a document of its says it: `1 day`, `30 days`."""
    return f"{value} day" if value == 1 else f"{value} days"


def ago(when: datetime | None, now: datetime) -> str:
    """How long ago that was: `3 h 12 min ago`, `in 2 h`, `now`; `never` for None."""
    if when is None:
        return "never"
    seconds = (now - when).total_seconds()
    if seconds < 0:
        return f"in {duration(-seconds)}"
    return f"{duration(seconds)} ago" if seconds >= 1 else "now"


def roughly(when: datetime, now: datetime) -> str:
    """The same in one unit, for a column of many: `3 h ago`, `in 13 days`."""
    seconds = (now - when).total_seconds()
    said = _duration(abs(seconds), units=1)
    return f"in {said}" if seconds < 0 else f"{said} ago"


def age(when: datetime, now: datetime) -> str:
    """How long it has been since `when`: `3 h 12 min`."""
    return duration((now - when).total_seconds())


def moment(when: datetime | None) -> str:
    """A time, in UTC as Velero's own names are: `2026-11-24 02:00 UTC`; `never` for None."""
    return "never" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def stamp(when: datetime | None) -> str:
    """A time to the second, where it says which of several it was: `2026-11-24 02:00:07 UTC`; `never` for None."""
    return "never" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def tier(begins: float, ends: float, every: float) -> str:
    """What a schedule is for, by the age of backups: `the last 3 days, every 1 h`, `3 days to 14 days, every 24 h`."""
    return f"{'' if begins else 'the '}{ages(begins, ends)}, every {exact(every)}"


def ages(begins: float, ends: float) -> str:
    """Backups of an age: `last 3 days`, `3 days to 14 days`."""
    return f"{exact(begins)} to {exact(ends)}" if begins else f"last {exact(ends)}"


def run(when: datetime) -> str:
    """A coming run, in the zone that it is given in: `Tue 24 Nov 02:00`."""
    return f"{when:%a} {when.day} {when:%b %H:%M}"


def number(value: int) -> str:
    """`2,400`."""
    return f"{value:,}"


def count(value: int, noun: str, plural: str = "") -> str:
    """`1 object`, `2,400 objects`."""
    return f"{number(value)} {noun if value == 1 else plural or f'{noun}s'}"


def more(value: int, how: str = "") -> str:
    """The end of a list that was cut: `… and 12 more; --full names them`."""
    return f"… and {number(value)} more{f'; {how}' if how else ''}"


def instead(name: str, there: Collection[str]) -> str:
    """What to give in place of an unknown name: `did you mean prod?`, `there are: dev, prod`."""
    names = list(there)
    if not names:
        return "there is none"
    close = nearest(name, names)
    if close:
        return f"did you mean {' or '.join(close)}?"
    shown = names[-_SHOWN:]
    others = " and others" if len(names) > _SHOWN else ""
    return f"there {'are' if len(names) > 1 else 'is'}: {', '.join(shown)}{others}"


def did_you_mean(name: str, there: Iterable[str]) -> str:
    """The end of a message that names what there is already: `; did you mean prod?`, empty where nothing is near."""
    close = nearest(name, there)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def command(arguments: Iterable[str]) -> str:
    """A command of someone else's as it is typed, without secrets: `kubectl oidc-login --oidc-client-secret (hidden)`.

    Hidden is the value of an option that is named like a secret, and whatever has the form of one.
    """
    shown: list[str] = []
    hidden = False
    for each in arguments:
        name, equals, value = each.partition("=")
        option = name.startswith("-")
        secret = option and names_secret(name)
        if option and secret and equals and value:
            shown.append(f"{name}={HIDDEN}")
        elif (hidden and not option) or secret_shaped(each):
            shown.append(HIDDEN)
        else:
            shown.append(shlex.quote(each))
        hidden = secret and not equals
    return " ".join(shown)
