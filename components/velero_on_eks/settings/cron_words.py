"""A cron schedule in a few English words."""

from __future__ import annotations

from velero_on_eks.settings.cron_fields import Fields, members
from velero_on_eks.settings.duration import words

_MONTHS = [
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_ALL_DAYS, _ALL_MONTHS, _ALL_WEEKDAYS = list(range(1, 32)), list(range(1, 13)), list(range(7))
_WHICH = {1: "first", 8: "second", 15: "third", 22: "fourth"}
# Longer lists are harder to read than the expression.
_LIST_LIMIT = 4


def describe(expression: str, fields: Fields | None, delay: int | None, timezone: str) -> str:
    """``every day at 02:00 UTC``, ``every 6 h``; the expression and its zone where no short words fit."""
    if fields is None and delay is None:
        return f"never: {expression} waits for a trigger"
    if fields is None:
        return {60: "every minute", 3_600: "every hour"}.get(delay or 1) or f"every {words(delay or 1)}"
    days = _days(fields)
    times = _times(members(fields.hours), members(fields.minutes))
    if days is None or times is None:
        return f"{expression} {timezone}"
    if times.startswith("every"):
        said = times if days == "every day" else f"{times} on {days}"
        plain = days == "every day" and (times.endswith((" min", "minute", "every hour")) or timezone == "UTC")
        return said if plain and " from " not in said else f"{said} {timezone}"
    return f"{days} {times} {timezone}"


def _times(hours: list[int], minutes: list[int]) -> str | None:
    if len(hours) == 24:
        if len(minutes) == 60:
            return "every minute"
        if len(minutes) == 1:
            return "every hour" if minutes == [0] else f"every hour at {words(60 * minutes[0])} past"
        step = _even_step(minutes, 60)
        return f"every {words(60 * step)}" if step and minutes[0] == 0 else None
    if len(minutes) == 1 and len(hours) > 2:
        step = _even_step(hours, 24)
        if step:
            first = f"{hours[0]:02}:{minutes[0]:02}"
            return f"every {words(3_600 * step)}" + ("" if first == "00:00" else f" from {first}")
    if 0 < len(hours) * len(minutes) <= _LIST_LIMIT:
        return "at " + _listed([f"{hour:02}:{minute:02}" for hour in hours for minute in minutes])
    return None


def _even_step(values: list[int], size: int) -> int | None:
    """The step, if the values follow one another evenly all round."""
    if len(values) < 2 or size % len(values):
        return None
    step = size // len(values)
    return step if values == list(range(values[0], size, step)) else None


def _days(fields: Fields) -> str | None:
    days, months, weekdays = members(fields.days), members(fields.months), members(fields.weekdays)
    if fields.both_days and not fields.either_day:
        return _both_days(days, months, weekdays)
    if fields.both_days:
        by_day, by_weekday = _month_days(days, months), _weekdays(weekdays)
        if by_day is None or by_weekday is None or months != _ALL_MONTHS:
            return None
        return f"{by_day} and also {by_weekday}"
    if days == _ALL_DAYS and months == _ALL_MONTHS:
        return "every day" if weekdays == _ALL_WEEKDAYS else _weekdays(weekdays)
    if weekdays == _ALL_WEEKDAYS and days != _ALL_DAYS:
        return _month_days(days, months)
    return None


def _both_days(days: list[int], months: list[int], weekdays: list[int]) -> str | None:
    if months != _ALL_MONTHS or not weekdays:
        return None
    if len(weekdays) == 1 and days[0] in _WHICH and days == list(range(days[0], days[0] + 7)):
        return f"the {_WHICH[days[0]]} {_WEEKDAYS[weekdays[0]]} of every month"
    by_weekday = _weekdays(weekdays)
    if by_weekday is None or not 0 < len(days) <= _LIST_LIMIT:
        return None
    return f"{by_weekday} that are day {_listed([str(day) for day in days], 'or')} of a month"


def _weekdays(weekdays: list[int]) -> str | None:
    if not weekdays:
        return None
    first, last = weekdays[0], weekdays[-1]
    if len(weekdays) > 2 and weekdays == list(range(first, last + 1)):
        return f"{_WEEKDAYS[first]} to {_WEEKDAYS[last]}"
    return _listed([_WEEKDAYS[day] + "s" for day in weekdays]) if len(weekdays) <= _LIST_LIMIT else None


def _month_days(days: list[int], months: list[int]) -> str | None:
    if not 0 < len(days) <= _LIST_LIMIT:
        return None
    if months == _ALL_MONTHS:
        return f"day{'s' if len(days) > 1 else ''} {_listed([str(day) for day in days])} of every month"
    if len(days) * len(months) > _LIST_LIMIT:
        return None
    return _listed([f"{day} {_MONTHS[month]}" for month in months for day in days])


def _listed(names: list[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
