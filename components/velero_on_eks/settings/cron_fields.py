"""The five fields of a cron expression as ``ParseStandard`` of Velero's two cron libraries reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from velero_on_eks.settings.duration import quoted
from velero_on_eks.settings.refusals import Refused
from velero_on_eks.settings.versions import CronLibrary

_MONTH_NAMES = {
    name: i
    for i, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_WEEKDAY_NAMES = {name: i for i, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
# Go's strconv.Atoi: an optional sign, ASCII digits, 64 bits.
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INTEGER_LIMIT = 1 << 63
# Go's unicode.IsSpace; str.split() would also split at the four ASCII separators.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_SPACE = re.compile(f"[{_SPACES}]+")
_NO_EXTENSIONS = "Velero's cron has no L, W or #"
_LONGEST_MONTH = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


_ALL_DAYS = 0xFFFFFFFE
_ALL_WEEKDAYS = 0x7F


@dataclass(frozen=True)
class _Place:
    name: str
    low: int
    high: int
    names: dict[str, int]

    @property
    def limit(self) -> str:
        if not self.names:
            return f"{self.low}-{self.high}"
        words = [name.upper() for name in self.names]
        return f"{self.low}-{self.high} or {words[0]}-{words[-1]}"


_TO_MONTH = (
    _Place("minute", 0, 59, {}),
    _Place("hour", 0, 23, {}),
    _Place("day of month", 1, 31, {}),
    _Place("month", 1, 12, _MONTH_NAMES),
)
# go-cron counts eight weekdays, and puts the last over the first at the end: '*/5' is Sunday and Friday to both, '1/2'
# of go-cron has Sunday too.
_PLACES: dict[CronLibrary, tuple[_Place, ...]] = {
    "robfig": (*_TO_MONTH, _Place("day of week", 0, 6, _WEEKDAY_NAMES)),
    "go-cron": (*_TO_MONTH, _Place("day of week", 0, 7, _WEEKDAY_NAMES)),
}


@dataclass(frozen=True)
class Fields:
    """What five fields allow: bit *n* of a set stands for the value *n*.

    ``both_days`` is cron's oldest trap: day of month and day of week are both set. With ``either_day`` a day that
    matches one of them is then enough (robfig/cron, as in Unix), without it a day must match both (go-cron).
    """

    minutes: int
    hours: int
    days: int
    months: int
    weekdays: int
    both_days: bool
    either_day: bool

    def allows_day(self, day: int, weekday: int) -> bool:
        """Whether a day of the month (from 1) on a weekday (Sunday is 0) matches, in a month that does."""
        by_day = bool(self.days >> day & 1)
        by_weekday = bool(self.weekdays >> weekday & 1)
        return by_day or by_weekday if self.either_day else by_day and by_weekday

    @property
    def ever_matches(self) -> bool:
        """Whether any day of any year matches: ``0 0 30 2 *`` never does."""
        if not (self.minutes and self.hours and self.months):
            return False
        if self.either_day and self.weekdays:
            return True
        if not self.either_day and not self.weekdays:
            return False
        first = next((day for day in range(1, 32) if self.days >> day & 1), 32)
        return any(first <= _LONGEST_MONTH[month] for month in range(1, 13) if self.months >> month & 1)


def members(bits: int) -> list[int]:
    """The values in a set of bits, in order."""
    return [value for value in range(bits.bit_length()) if bits >> value & 1]


def why_never(fields: Fields) -> str:
    """In words, why fields that never match never do."""
    sets = {"minute": fields.minutes, "hour": fields.hours, "month": fields.months}
    if not fields.either_day:
        sets |= {"day of month": fields.days, "day of week": fields.weekdays}
    empty = [name for name, bits in sets.items() if not bits]
    if empty:
        return f"it has no {empty[0]}"
    return "none of its months has that day"


def strip_space(text: str) -> str:
    """Without the white space at both ends, as Go understands white space."""
    return text.strip(_SPACES)


@lru_cache(maxsize=4096)
def parse_fields(expression: str, library: CronLibrary, *, strict: bool = True) -> Fields:
    """Read five fields. Raises ValueError naming the field, its value, the limit and the fix.

    Without ``strict`` a first value beyond the field's end is read as go-cron does, counted round the end.
    """
    words = [word for word in _SPACE.split(expression) if word]
    places = _PLACES[library]
    if len(words) != len(places):
        raise _wrong_count(expression, words)
    if library == "go-cron":
        _refuse_extensions(words)
    sets = [_parse_place(word, place, library, strict) for word, place in zip(words, places, strict=True)]
    (minutes, _), (hours, _), (days, any_day), (months, _), (weekdays, any_weekday) = sets
    if library == "go-cron":
        weekdays = (weekdays | weekdays >> 7) & _ALL_WEEKDAYS
        # It keeps no mark of a star, and where every day matches there is nothing to be in two minds about.
        both = days != _ALL_DAYS and weekdays != _ALL_WEEKDAYS
        return Fields(minutes, hours, days, months, weekdays, both_days=both, either_day=False)
    both = not (any_day or any_weekday)
    return Fields(minutes, hours, days, months, weekdays, both_days=both, either_day=both)


def _refuse_extensions(words: list[str]) -> None:
    """What go-cron has with options that Velero does not give: it looks for their letters before it reads a value."""
    _, _, day, _, weekday = words
    if set(day) & set("LlWw"):
        raise _refusal(_TO_MONTH[2], day, f"{quoted(day)} is not a value", _mend_extension(day))
    if "#" in weekday:
        raise _refusal(_PLACES["go-cron"][4], weekday, f"{quoted(weekday)} is not a value", _mend_extension(weekday))


def _parse_place(word: str, place: _Place, library: CronLibrary, strict: bool) -> tuple[int, bool]:
    """The values of one field, and whether it counts as a star."""
    bits, star = 0, False
    for part in word.split(","):
        if part:
            more, is_star = _parse_part(part, word, place, library, strict)
            bits |= more
            star |= is_star
    return bits, star


def _parse_part(part: str, word: str, place: _Place, library: CronLibrary, strict: bool) -> tuple[int, bool]:
    span, *steps = part.split("/")
    ends = span.split("-")
    star = ends[0] in ("*", "?")
    if star:
        # Whatever follows a star and a hyphen is not read at all.
        low, high = place.low, place.high
    else:
        low = _value(ends[0], word, place)
        if len(ends) > 2:
            raise _refusal(place, word, f"{quoted(span)} has more than one '-'", "write one range, such as 1-5")
        high = _value(ends[1], word, place) if len(ends) == 2 else low
    if len(steps) > 1:
        raise _refusal(place, word, f"{quoted(part)} has more than one '/'", "write one step, such as */2")
    step = 1
    if steps:
        step = _step(steps[0], word, place)
        if len(ends) == 1:
            high = place.high
    if library == "go-cron":
        if low < place.low or high > place.high or (strict and low > place.high):
            outside = low if not place.low <= low <= place.high else high
            raise _refusal(place, word, f"{outside} is out of range", _mend_value(outside, place))
        return _wrapped(low, high, step, word, place), star and step == 1
    for value in (low, high):
        if not place.low <= value <= place.high:
            raise _refusal(place, word, f"{value} is out of range", _mend_value(value, place))
    if low > high:
        raise _refusal(place, word, f"{quoted(span)} runs backwards", f"write {_unwrapped(low, high, place)}")
    bits = 0
    for value in range(low, high + 1, step):
        bits |= 1 << value
    return bits, star and step == 1


def _wrapped(low: int, high: int, step: int, word: str, place: _Place) -> int:
    """go-cron's range, which may run over the field's end and go on at its beginning.

    It does not look whether the first value lies beyond the end: '61/20' of minutes is 1, 21 and 41, and '99-5' none.
    """
    size = place.high - place.low + 1
    # Unsigned in Go: what would be below zero is more than any step.
    reach = (high - low + 1 if low <= high else size - low + high + 1) % (1 << 64)
    if step > 1 and step >= reach:
        over = f"range of {reach}" if reach > 1 else "single value"
        raise _refusal(place, word, f"a step of {step} over a {over} is too long", _mend_step(place))
    bits = 0
    for value in range(low, (high if low <= high else high + size) + 1, step):
        bits |= 1 << (value if value <= place.high else (value - place.low) % size + place.low)
    return bits


def _value(text: str, word: str, place: _Place) -> int:
    # Go's lower case of the dotted capital I is a plain i.
    named = place.names.get(text.replace("\u0130", "i").lower())
    if named is not None:
        return named
    number = _integer(text)
    if number is None:
        raise _refusal(place, word, f"{quoted(text)} is not a value", _mend_text(text, word, place))
    if number < 0:
        raise _refusal(place, word, f"{quoted(text)} is negative", f"write {place.low} or more")
    return number


def _step(text: str, word: str, place: _Place) -> int:
    number = _integer(text)
    if number is None:
        raise _refusal(place, word, f"the step {quoted(text)} is not a number", "write a whole number after '/'")
    if number < 1:
        raise _refusal(place, word, f"the step {quoted(text)} is below 1", "write 1 or more after '/'")
    return number


def _integer(text: str) -> int | None:
    """Go's Atoi, so ``+5`` is five, and what overflows is not a number."""
    if not _INTEGER.fullmatch(text) or len(text.lstrip("+-0")) > 19:
        return None
    number = int(text)
    return number if -_INTEGER_LIMIT <= number < _INTEGER_LIMIT else None


def _refusal(place: _Place, word: str, what: str, remedy: str) -> Refused:
    return Refused("cron-field", f"{place.name} {quoted(word)}: {what}; the limit is {place.limit}", remedy)


def _mend_step(place: _Place) -> str:
    if place.name == "minute":
        return "write a shorter one, or every 90 minutes, for example, as @every 1h30m"
    return "write a shorter one, or the values themselves, such as 1,5"


def _mend_value(value: int, place: _Place) -> str:
    if place.name == "day of week" and value == 7:
        return "write 0 or SUN for Sunday"
    if place.name == "hour" and value == 24:
        return "write 0 for midnight"
    if place.name == "minute" and value == 60:
        return "write 0 for the full hour"
    if place.name == "minute":
        return "write hours in the second field: every 90 minutes, for example, is @every 1h30m"
    return f"write a value in {place.limit}"


def _mend_text(text: str, word: str, place: _Place) -> str:
    if not text:
        return f"write a value in {place.limit} on both sides of '-'" if "-" in word else "write a value"
    upper = text.upper()
    if "#" in text or re.fullmatch(r"LW?|W|[0-9]+[LW]|[A-Z]{3}L", upper):
        return _mend_extension(text)
    if place.names and text[:3].lower() in place.names and text.isalpha():
        return f"names have three letters; write {upper[:3]}"
    if "." in text:
        return "write whole numbers"
    if upper == "H":
        return "Velero's cron has no H; write a number"
    return f"write a value in {place.limit}, * , a list (1,2), a range (1-5) or a step (*/2)"


def _mend_extension(text: str) -> str:
    """What comes closest in five plain fields; docs/adr/0010 says why no setting makes more of it."""
    nth = re.search(r"#([1-4])", text)
    if nth:
        last = 7 * int(nth[1])
        return (
            f"{_NO_EXTENSIONS}; from 1.18.3 on write days {last - 6}-{last} with the weekday, and bothDaysMatch: true"
        )
    if re.fullmatch(r"L", text, re.IGNORECASE):
        return f"{_NO_EXTENSIONS}; write 28-31: the last day of every month is among them"
    return f"{_NO_EXTENSIONS}; write days of the month, such as 1-7 or 28"


def _unwrapped(low: int, high: int, place: _Place) -> str:
    """A range that runs over the end, as the two ranges it means."""
    words = {value: name.upper() for name, value in place.names.items()}

    def span(first: int, last: int) -> str:
        ends = [words.get(first, str(first)), words.get(last, str(last))]
        return ends[0] if first == last else "-".join(ends)

    return f"{span(low, place.high)},{span(place.low, high)}"


def _wrong_count(expression: str, words: list[str]) -> Refused:
    if not words:
        return Refused(
            "cron", "the cron expression is empty", "write five fields, such as '0 2 * * *' for every day at 02:00"
        )
    if len(words) == 1 and words[0].startswith("@"):
        return Refused(
            "cron",
            f"cron {quoted(expression)} has spaces around it, which Velero's cron refuses",
            f"remove the spaces around {quoted(words[0])}",
        )
    count = f"{len(words)} field{'s' if len(words) > 1 else ''}"
    said = f"cron {quoted(expression)} has {count}, and the limit is exactly 5"
    order = "minute, hour, day of month, month, day of week"
    if len(words) == 6:
        return Refused(
            "cron-fields",
            f"{said} ({order}): Velero's cron has no seconds field",
            f"drop the first: {quoted(' '.join(words[1:]))}",
        )
    return Refused("cron-fields", f"{said}: {order}", "write for example '0 2 * * *'")
