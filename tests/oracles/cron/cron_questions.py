"""What to ask the oracle: the chosen expressions of the tables, and random ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cron_expressions import (
    BOTH_DAYS,
    CHANGES,
    DURATIONS,
    EVERY,
    GO_CRON,
    LATE_STARTS,
    NEVER,
    OVER_CHANGES,
    PLAIN,
    REFUSED,
    STARTS,
    ZONED,
)

RUNS = 5

ZONES = (
    *(
        "UTC",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Asia/Dhaka",
        "Europe/Berlin",
        "Europe/London",
        "Europe/Dublin",
    ),
    *("America/New_York", "America/Los_Angeles", "America/St_Johns", "America/Sao_Paulo", "America/Asuncion"),
    *(
        "America/Santiago",
        "America/Havana",
        "America/Caracas",
        "America/Nuuk",
        "Atlantic/Azores",
        "Asia/Beirut",
    ),
    *("Asia/Tehran", "Asia/Amman", "Asia/Gaza", "Asia/Pyongyang", "Africa/Cairo", "Africa/Casablanca"),
    *("Africa/Juba", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham"),
    *("Pacific/Apia", "Pacific/Kiritimati", "Pacific/Easter", "Antarctica/Troll", "Europe/Volgograd"),
)


LIBRARIES = ("robfig", "go-cron")


def table(library: str) -> list[dict[str, Any]]:
    """The questions of a library's committed table."""
    midday = "2026-06-10T12:34:56Z"
    asked: dict[tuple[str, str], None] = {}
    for expression in PLAIN:
        for start in (*STARTS, *(LATE_STARTS if "29" in expression else ())):
            asked[expression, start] = None
    for expression in (*EVERY, *NEVER, *REFUSED, *ZONED, *GO_CRON):
        asked[expression, midday] = None
    for expression in BOTH_DAYS:
        for start in STARTS:
            asked[expression, start] = None
    for zone, day in CHANGES:
        start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=30)
        for expression in OVER_CHANGES:
            asked[f"CRON_TZ={zone} {expression}", written(start)] = None
    dice = random.Random(20261123)
    for _ in range(150):
        question = random_question(dice, library, last_year=2024)
        asked[question["expression"], question["after"]] = None
    return [
        {"library": library, "expression": expression, "after": start, "count": RUNS} for expression, start in asked
    ]


def durations() -> list[dict[str, Any]]:
    """The durations of the committed table."""
    dice = random.Random(20261123)
    return [{"duration": text} for text in dict.fromkeys([*DURATIONS, *(random_duration(dice) for _ in range(100))])]


def moment(text: str) -> datetime:
    """A time as questions and answers write it."""
    return datetime.fromisoformat(text)


def written(time: datetime) -> str:
    """A time as questions and answers write it."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAMES = {3: _MONTHS, 4: ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")}
_ODD_FIELDS = sorted({word for expression in (*REFUSED, *PLAIN, *GO_CRON) for word in expression.split(" ")})
_ODD_CHARACTERS = "0123456789*?,-/ \t@+.LW#anJMONdec\uff46\u00a0\u2003\x1c\x0bTZ=UTC"
_SPACES = (" ", " ", " ", "  ", "\t", "\u00a0", "\u3000", "\x1c", "\n", " \u2003", "\x85")
_ODD_ZONES = ("UTC", "Asia/Kolkata", "", "Asia/Nowhere", "asia/kolkata", "../etc", "UTC\t", '"UTC"', "'UTC\"")
# How likely each field is a star: so that now days, now hours, now minutes decide.
_STARRY = ((0.1, 0.3, 0.6, 0.6, 0.6), (0.0, 0.0, 0.8, 0.9, 0.9), (0.2, 0.1, 0.3, 0.3, 0.8), (0.0,) * 5)


def random_field(place: int, dice: random.Random, library: str) -> str:
    """One field, nearly always valid to the library."""
    low, high = _BOUNDS[place]
    wraps = library == "go-cron"

    def value() -> str:
        number = dice.randint(low, high)
        if place in _NAMES and dice.random() < 0.3:
            name = _NAMES[place][number - low]
            return dice.choice((name, name.lower(), name.title()))
        return str(number)

    def part() -> str:
        kind = dice.random()
        if kind < 0.15:
            return dice.choice("*?")
        if kind < 0.35:
            return f"*/{dice.randint(1, high)}"
        if kind < 0.65:
            return value()
        first, last = sorted((dice.randint(low, high), dice.randint(low, high)))
        if wraps and dice.random() < 0.3:
            return wrapped(last, first)
        span = f"{first}-{last}" if kind < 0.9 else str(first)
        return span if dice.random() < 0.5 else f"{span}/{dice.randint(1, 9)}"

    def wrapped(first: int, last: int) -> str:
        """What go-cron alone takes: over the field's end, from beyond it, from and to Sunday as 7."""
        if place == 4 and dice.random() < 0.5:
            first = 7
        if dice.random() < 0.1:
            first += dice.randint(1, 3 * high)
        if place in _NAMES and first <= high and dice.random() < 0.3:
            return f"{_NAMES[place][first - low]}-{dice.choice((_NAMES[place][last - low], last))}"
        span = dice.choice((f"{first}-{last}", f"{first}-{last}", str(first)))
        return span if dice.random() < 0.6 else f"{span}/{dice.randint(1, 5)}"

    if dice.random() < 0.01:
        return dice.choice(_ODD_FIELDS)
    return ",".join(part() for _ in range(dice.choice((1, 1, 1, 2, 3))))


def random_moment(zone: ZoneInfo, dice: random.Random, last_year: int) -> datetime:
    """Any second since 1975, or more often one within two days of a change of the zone's clocks."""
    time = datetime(1975, 1, 1, tzinfo=UTC)
    time += timedelta(seconds=dice.randint(0, (last_year - 1975) * 365 * 86_400))
    if dice.random() < 0.7:
        day = timedelta(days=1)
        for _ in range(250):
            if (time + day).astimezone(zone).utcoffset() != time.astimezone(zone).utcoffset():
                break
            time += day
        time += timedelta(seconds=dice.randint(-86_400, 2 * 86_400))
        if dice.random() < 0.7:
            time -= timedelta(seconds=time.second, minutes=time.minute % dice.choice((1, 10, 30)))
    return time + timedelta(microseconds=dice.choice((0, 0, 0, 0, 1, 500_000, 999_999)))


def random_question(dice: random.Random, library: str, last_year: int = 2040) -> dict[str, Any]:
    """An expression in a zone, nearly always valid, and a moment to start from."""
    zone = dice.choice(ZONES)
    if dice.random() < 0.03:
        body = dice.choice(EVERY)
    else:
        stars = enumerate(dice.choice(_STARRY))
        body = " ".join("*" if dice.random() < star else random_field(place, dice, library) for place, star in stars)
    after = written(random_moment(ZoneInfo(zone), dice, last_year))
    return {
        "library": library,
        "expression": f"{dice.choice(('CRON_TZ', 'TZ'))}={zone} {body}",
        "after": after,
        "count": RUNS,
    }


def random_text(dice: random.Random, library: str) -> str:
    """Something that may or may not be an expression."""
    kind = dice.random()
    if kind < 0.3:
        text = "".join(dice.choice(_ODD_CHARACTERS) for _ in range(dice.randint(0, 14)))
    elif kind < 0.4:
        text = dice.choice((*EVERY, *REFUSED, *GO_CRON))
    else:
        text = dice.choice(_SPACES).join(random_field(place, dice, library) for place in range(5))
        spot = dice.randint(0, len(text) - 1) if text else 0
        if kind < 0.6:
            text = text[:spot] + dice.choice(_ODD_CHARACTERS) + text[spot:]
        elif kind < 0.8:
            text = text[:spot] + text[spot + 1 :]
    if dice.random() < 0.2:
        prefix = dice.choice(("TZ=", "CRON_TZ=", " TZ=", "TZ =", "cron_tz="))
        zone = dice.choice(_ODD_ZONES)
        text = prefix + zone + dice.choice((" ", "  ", "\t", "", " \u3000")) + text
    return text


def random_duration(dice: random.Random) -> str:
    """Something that may or may not be a Go duration, often near Go's limits."""
    if dice.random() < 0.3:
        return "".join(dice.choice("0123456789.+-hmsnu\u00b5\u03bcd 9999") for _ in range(dice.randint(0, 10)))
    text = dice.choice(("", "", "-", "+"))
    for _ in range(dice.choice((1, 1, 2, 3))):
        limit = dice.choice((99, 2_562_048, 1 << 63, 1 << 64))
        text += str(dice.randint(0, limit))
        if dice.random() < 0.5:
            text += "." + "".join(dice.choice("0123456789") for _ in range(dice.choice((0, 1, 3, 9, 25))))
        text += dice.choice(("h", "m", "s", "ms", "us", "\u00b5s", "\u03bcs", "ns", "d", "H", ""))
    return text
