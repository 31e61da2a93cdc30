"""Lengths of time: as a person writes them (``30d``, ``1h30m``), and as Go, so Velero, reads and prints them.

Kubernetes takes a duration as text, and one ``30d`` in a Schedule stops every Schedule of the cluster.
So days become hours (``Duration.go``) before anything leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from velero_on_eks.settings.refusals import Refused

_SECOND = 1_000_000_000
_UNIT_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WORDS = {
    "w": ("w", "wk", "week", "weeks"),
    "d": ("d", "day", "days"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "s": ("s", "sec", "secs", "second", "seconds"),
}
_UNIT_OF_WORD = {word: unit for unit, words in _WORDS.items() for word in words}

_MONTH, _YEAR = 30 * 86_400, 365 * 86_400
_CALENDAR = {
    **dict.fromkeys(("mo", "mon", "month", "months"), _MONTH),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), _YEAR),
}

_SAID = {"d": "days", "h": "h", "m": "min", "s": "s"}
_RANKS = "dhms"
_DAYS_FROM = 172_800

# Go keeps a duration in a signed 64-bit count of nanoseconds.
_GO_LIMIT = 1 << 63
MAX_SECONDS = (_GO_LIMIT - 1) // _SECOND

_WRITTEN = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", re.ASCII)
_LOOSE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*", re.ASCII)
_HOW = "write whole numbers with w, d, h, m or s, largest first, such as 30d, 24h or 1h30m"
# The same rule for readers of a JSON schema; zero is refused by the parser only.
_SCHEMA_PATTERN = r"^(?=.)([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
_HOW_GO = "write hours, minutes and seconds, such as 720h0m0s"

_GO_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3_600 * _SECOND,
}
_GO_TERM = re.compile(r"([0-9]*)(\.?)([0-9]*)([^.0-9]*)", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time. Equal, ordered and hashed by its length: ``24h`` equals ``1d``.

    ``Duration.parse`` reads what a stack file says and allows only whole, positive seconds.
    ``Duration.parse_go`` reads what a cluster says and allows all that Go allows.
    """

    nanoseconds: int
    text: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``30d``, ``24h``, ``1h30m``, ``2w``: each unit at most once, largest first.

        Raises ValueError for anything else, for zero and for more than Go can hold (292 years).
        """
        if not isinstance(text, str):
            raise _not_a_duration(text, *_bare(text))
        match = _WRITTEN.fullmatch(text)
        if match is None or not text:
            raise _not_a_duration(text, *_mend(text))
        seconds = 0
        for digits, size in zip(match.groups(), _UNIT_SECONDS.values(), strict=True):
            # Longer digits are over the limit anyway, and int() refuses very long ones in its own words.
            seconds += int((digits or "0").lstrip("0")[:15] or "0") * size
        if seconds > MAX_SECONDS:
            raise Refused(
                "duration-too-long",
                f"{quoted(text)} is longer than Go can hold: at most {MAX_SECONDS // 86_400}d (292 years)",
                "write a shorter duration",
            )
        if seconds == 0:
            raise Refused(
                "duration-zero", f"{quoted(text)} is zero: at least 1s", "write a longer duration, such as 1h"
            )
        return cls(seconds * _SECOND, text)

    @classmethod
    def parse_go(cls, text: str) -> Duration:
        """Read Go's ``time.ParseDuration`` syntax exactly: signs, fractions and zero are in, ``d`` is not.

        Raises ValueError where Go returns an error.
        """
        return cls(_go_nanoseconds(text), text)

    @classmethod
    def of_seconds(cls, seconds: int) -> Duration:
        """The duration of a whole number of seconds, written the shortest way (``1d6h``). Zero is ``0s``."""
        if not 0 <= seconds <= MAX_SECONDS:
            raise ValueError(f"{seconds} seconds: a duration is between 0 and {MAX_SECONDS} seconds")
        return cls(seconds * _SECOND, "".join(f"{n}{unit}" for n, unit in _split(seconds)) or "0s")

    @property
    def seconds(self) -> int:
        """Whole seconds; a part of a second, which only ``parse_go`` reads, is dropped, toward zero."""
        whole = abs(self.nanoseconds) // _SECOND
        return -whole if self.nanoseconds < 0 else whole

    @property
    def go(self) -> str:
        """As Go prints it, and so as Kubernetes objects carry it: ``720h0m0s``, ``1m30s``, ``300ms``."""
        size = abs(self.nanoseconds)
        sign = "-" if self.nanoseconds < 0 else ""
        if size == 0:
            return "0s"
        for unit, scale in (("ns", 1), ("\u00b5s", 1_000), ("ms", 1_000_000)):
            if size < scale * 1_000:
                return f"{sign}{_decimal(size, scale)}{unit}"
        minutes, rest = divmod(size, 60 * _SECOND)
        hours, minutes = divmod(minutes, 60)
        lead = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
        return f"{sign}{lead}{_decimal(rest, _SECOND)}s"

    @property
    def human(self) -> str:
        """For people, as `words` says it; parts of a second as Go's."""
        return self.go if self.nanoseconds % _SECOND else words(self.seconds)

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        def read(value: Any) -> Duration:
            return value if isinstance(value, cls) else cls.parse(value)

        return core_schema.no_info_plain_validator_function(read, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": _SCHEMA_PATTERN, "examples": ["30d", "24h", "1h30m"]}


def grouped(number: int) -> str:
    """A whole number for people: `4,380`."""
    return f"{number:,}"


def words(seconds: float, *, units: int = 4) -> str:
    """A length of time for people, the only place that says one: ``30 days``, ``36 h``, ``1 h 30 min``, ``4.2 s``.

    Days count from 48 hours on. Below ten seconds a measured time has one decimal. Only the `units` largest units are
    said, and what is left over is dropped; by default all of them, so that two settings that differ never read alike.
    """
    if seconds < 0:
        return f"-{words(-seconds, units=units)}"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    parts = _split(int(seconds), "dhms" if seconds >= _DAYS_FROM else "hms")
    # `2 days 7 min` would leave the reader to wonder about the hours.
    said = [part for part in parts if _RANKS.index(part[1]) - _RANKS.index(parts[0][1]) < units]
    return " ".join(f"{count} {_SAID[unit]}" for count, unit in said) or "0 s"


def _split(seconds: int, units: str = "dhms") -> list[tuple[int, str]]:
    """The non-zero parts in these units, largest first."""
    parts: list[tuple[int, str]] = []
    for unit in units:
        count, seconds = divmod(seconds, _UNIT_SECONDS[unit])
        if count:
            parts.append((count, unit))
    return parts


def _decimal(count: int, scale: int) -> str:
    whole, part = divmod(count, scale)
    if not part:
        return str(whole)
    return f"{whole}.{str(part).rjust(len(str(scale)) - 1, '0').rstrip('0')}"


def quoted(text: str) -> str:
    """A refused text in quotes, at most 60 characters of it: an error must stay readable."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _not_a_duration(value: object, why: str, remedy: str) -> Refused:
    found = quoted(value) if isinstance(value, str) else repr(value)
    return Refused("duration", f"{found} is not a duration{why and ': '}{why}", remedy)


def _bare(value: object) -> tuple[str, str]:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return "a number needs a unit", f"write {value}d, {value}h, {value}m or {value}s"
    return "", _HOW


def _mend(text: str) -> tuple[str, str]:
    """Why a text is refused, where that is not plain, and its likely meaning as advice."""
    if len(text) > 60:
        return "", _HOW
    if text.isascii() and text.isdigit() and int(text):
        return "a number needs a unit", f"write {text}d, {text}h, {text}m or {text}s"
    if text.startswith("-"):
        return "it must be longer than zero", _HOW
    text = _of_iso(text)
    terms = list(_LOOSE.finditer(text))
    if terms and "".join(term.group() for term in terms) == text:
        sizes = [_meant_seconds(term[2]) for term in terms]
        meant = sum(_whole_years(float(term[1]) * size, size) for term, size in zip(terms, sizes, strict=True))
        if all(sizes) and 0 < meant <= MAX_SECONDS and meant == int(meant):
            calendar = any(_calendar_seconds(term[2]) for term in terms)
            why = "months and years differ in length; use days" if calendar else ""
            return why, f"write {Duration.of_seconds(int(meant))}"
    return "", _HOW


def _meant_seconds(word: str) -> int:
    return _calendar_seconds(word) or _UNIT_SECONDS.get(_UNIT_OF_WORD.get(word.lower(), ""), 0)


def _of_iso(text: str) -> str:
    """`30d` of ISO 8601's `P30D`: M is months in front of the T, minutes behind it."""
    if not re.fullmatch(r"P(?=.)([0-9]+[YMWD])*(T([0-9]+[HMS])+)?", text, re.ASCII):
        return text
    date, _, time = text[1:].partition("T")
    return date + time.lower()


def _whole_years(meant: float, size: int) -> float:
    """Twelve months are a year, and not 360 days."""
    months = meant / _MONTH
    return months / 12 * _YEAR if size == _MONTH and months % 12 == 0 else meant


def _calendar_seconds(word: str) -> int:
    """A month of 30 days, a year of 365. Minutes are a small m: a capital one by itself means months."""
    return _MONTH if word == "M" else _CALENDAR.get(word.lower(), 0)


def _go_nanoseconds(text: str) -> int:
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise Refused("go-duration", f"{quoted(text)} is not a Go duration", _HOW_GO)
    total = 0
    # The pattern also matches the nothing behind the last term.
    for whole, _, fraction, unit in _GO_TERM.findall(rest)[:-1]:
        if not whole and not fraction:
            raise Refused("go-duration", f"{quoted(text)} is not a Go duration", _HOW_GO)
        if not unit:
            raise Refused("go-duration", f"{quoted(text)} is not a Go duration: a number needs a unit", _HOW_GO)
        size = _GO_UNITS.get(unit)
        if size is None:
            mend = "write days as hours, 30d as 720h" if unit in ("d", "w") else _HOW_GO
            raise Refused(
                "go-duration",
                f"{quoted(text)} is not a Go duration: {quoted(unit)} is not one of h, m, s, ms, us, ns",
                mend,
            )
        total += _go_term(whole, fraction, size, text)
        if total > _GO_LIMIT:
            raise _too_long(text)
    if text.startswith("-"):
        return -total
    if total == _GO_LIMIT:
        raise _too_long(text)
    return total


def _go_term(whole: str, fraction: str, size: int, text: str) -> int:
    whole = whole.lstrip("0") or "0"
    if len(whole) > 19 or int(whole) > _GO_LIMIT // size:
        raise _too_long(text)
    # Go stops reading digits at 64 bits and multiplies in floating point: the last nanosecond shows both.
    digits, scale = 0, 1.0
    for character in fraction:
        longer = digits * 10 + int(character)
        if longer > _GO_LIMIT:
            break
        digits = longer
        scale *= 10
    return int(whole) * size + int(float(digits) * (float(size) / scale))


def _too_long(text: str) -> Refused:
    return Refused(
        "duration-too-long",
        f"{quoted(text)} is longer than Go can hold: at most 2562047h (292 years)",
        "write a shorter duration",
    )
