"""When a cron expression runs on the clocks of a time zone, as Velero's cron libraries have it.

An expression speaks of wall clocks, and wall clocks jump. What a library does at a jump is what happens to
backups, so its order of work is kept: find the month, the day, the hour, the minute, each by stepping the
clock, and look at the coarser fields again only when a finer one has come round to its first value. go-cron, which
began as robfig/cron, does the same with one step more: an hour that the clocks skip is made up for in the next.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable
from datetime import MAXYEAR, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from velero_on_eks.settings.cron_fields import Fields, members
from velero_on_eks.settings.versions import CronLibrary

# After this many calendar years without a match both libraries give up and answer "never".
YEARS_SEARCHED = 5

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_ALL_MONTHS = 0x1FFE
_ALL_DAYS = 0xFFFFFFFE
# A week's seven bits, times this, is five weeks.
_WEEKS = sum(1 << 7 * week for week in range(5))


def next_run(fields: Fields, zone: ZoneInfo, after: int, library: CronLibrary) -> int | None:
    """The first run after a Unix time, as a Unix time; None when there is none within five calendar years.

    None also where the library would search forever: it cannot step by days over a day that a zone left out, as
    Samoa did with 30 December 2011.
    """
    cursor = _Cursor(zone, after + 1, library)
    last_year = min(cursor.now.year + YEARS_SEARCHED, MAXYEAR - 1)
    levels: tuple[tuple[Callable[[], bool], Callable[[], _Step]], ...] = (
        (lambda: bool(fields.months >> cursor.now.month & 1), cursor.step_month),
        (lambda: fields.allows_day(cursor.now.day, cursor.now.isoweekday() % 7), cursor.step_day),
        (lambda: bool(fields.hours >> cursor.now.hour & 1), lambda: cursor.step_hour(fields.hours)),
        (lambda: bool(fields.minutes >> cursor.now.minute & 1), lambda: cursor.step_minute(fields.minutes)),
        (lambda: cursor.now.second == 0, cursor.step_second),
    )
    while cursor.now.year <= last_year and not cursor.stuck:
        for matches, step in levels:
            stepped = _Step.ON
            while stepped is _Step.ON and not matches():
                stepped = step()
            if stepped is _Step.ROUND:
                break
        else:
            return cursor.unix
    return None


class _Step(Enum):
    """How a step ended: the field came ROUND to its first value, it may go ON, or what it shows is to be TAKEN."""

    ON = 0
    ROUND = 1
    TAKEN = 2

    @classmethod
    def came(cls, round_: bool) -> _Step:
        return cls.ROUND if round_ else cls.ON


class _Cursor:
    """A moment, and the steps to later ones.

    The first step of any kind also clears the finer fields, and no later one does: a clock that a jump has
    set to half past stays there. A step of seconds does not count as a first one to go-cron.
    """

    def __init__(self, zone: ZoneInfo, unix: int, library: CronLibrary) -> None:
        self.zone = zone
        self.library = library
        self.cleared = False
        self.stuck = False
        self._to(unix)

    def _to(self, unix: int) -> None:
        self.unix = unix
        self.now = datetime.fromtimestamp(unix, self.zone)

    def step_month(self) -> _Step:
        now = self.now
        if not self.cleared:
            self.cleared = True
            self._to(instant(self.zone, now.year, now.month, 1))
            now = self.now
        self._to(instant(self.zone, now.year, now.month + 1, now.day, _seconds_into_day(now)))
        return _Step.came(self.now.month == 1)

    def step_day(self) -> _Step:
        now = self.now
        if not self.cleared:
            self.cleared = True
            self._to(instant(self.zone, now.year, now.month, now.day))
            now = self.now
        before = self.unix
        self._to(instant(self.zone, now.year, now.month, now.day + 1, _seconds_into_day(now)))
        hour = self.now.hour
        if hour:
            # Midnight does not exist here on this day, or did not on the day before.
            self._to(self.unix + (24 - hour if hour > 12 else -hour) * _HOUR)
        self.stuck = self.unix <= before
        return _Step.came(self.stuck or self.now.day == 1)

    def step_hour(self, wanted: int) -> _Step:
        if not self.cleared:
            self.cleared = True
            now = self.now
            self._to(instant(self.zone, now.year, now.month, now.day, now.hour * _HOUR))
        start, hour = self.unix, self.now.hour
        self._skip(_distance(wanted, hour, 24), _HOUR)
        skipped = self.unix - start == _HOUR and self.now.hour - hour == 2
        if skipped and self.library == "go-cron" and wanted >> (hour + 1) & 1:
            return _Step.TAKEN
        return _Step.came(self.now.hour == 0)

    def step_minute(self, wanted: int) -> _Step:
        if not self.cleared:
            self.cleared = True
            self._to(self.unix - self.unix % _MINUTE)
        self._skip(_distance(wanted, self.now.minute, 60), _MINUTE)
        return _Step.came(self.now.minute == 0)

    def step_second(self) -> _Step:
        self.cleared |= self.library == "robfig"
        self._skip(60 - self.now.second, 1)
        return _Step.came(self.now.second == 0)

    def _skip(self, count: int, size: int) -> None:
        """Several steps at once where the clock does not jump between, else a single one."""
        before = self.now.utcoffset()
        unix = self.unix
        self._to(unix + count * size)
        if count > 1 and self.now.utcoffset() != before:
            self._to(unix + size)


def _times_of_day(fields: Fields) -> list[int]:
    """The times in seconds after midnight at which a matching day has runs, in order."""
    minutes = members(fields.minutes)
    return [hour * _HOUR + minute * _MINUTE for hour in members(fields.hours) for minute in minutes]


def _seconds_into_day(now: datetime) -> int:
    return now.hour * _HOUR + now.minute * _MINUTE + now.second


def _distance(wanted: int, value: int, size: int) -> int:
    """Steps from `value` to the next wanted one, at most to the first value of the next round."""
    later = wanted >> (value + 1)
    if not later:
        return size - value
    return (later & -later).bit_length()


def instant(zone: ZoneInfo, year: int, month: int, day: int, seconds: int = 0) -> int:
    """The Unix time of a wall clock, as Go's ``time.Date`` resolves it; months and days may overflow.

    Where the clock shows a time twice or never, the answer follows Go's rule: the zone's offset is read at
    the wall time taken as UTC, then again at the moment that this gives.
    """
    years, month = divmod(month - 1, 12)
    days = date(year + years, month + 1, 1).toordinal() + day - 1 - _EPOCH_DAY
    wall = days * _DAY + seconds
    return wall - _offset(zone, wall - _offset(zone, wall))


def _offset(zone: ZoneInfo, unix: int) -> int:
    offset = datetime.fromtimestamp(unix, zone).utcoffset() or timedelta()
    return offset.days * _DAY + offset.seconds


@lru_cache(maxsize=512)
def clock_changes(zone: ZoneInfo, year: int) -> tuple[int, ...]:
    """The Unix times in a year (UTC) at which a zone's offset changes: the first second of each new offset.

    Found by looking once a day: two changes within a day that undo each other, which no zone has, are missed.
    """
    first = (date(year, 1, 1).toordinal() - _EPOCH_DAY) * _DAY
    last = (date(year + 1, 1, 1).toordinal() - _EPOCH_DAY) * _DAY
    changes: list[int] = []
    before = _offset(zone, first - 1)
    for low in range(first - 1, last - 1, _DAY):
        high = low + _DAY
        after = _offset(zone, high)
        if after == before:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if _offset(zone, middle) == before:
                low = middle
            else:
                high = middle
        changes.append(high)
        before = after
    return tuple(changes)


@lru_cache(maxsize=4096)
def longest_gap_over(fields: Fields, zone: ZoneInfo, change: int, library: CronLibrary) -> int:
    """The longest time in seconds between two runs with a clock change between them; 0 without such runs."""
    run = next_run(fields, zone, _last_match_before(fields, zone, change) - 1, library)
    longest = 0
    while run is not None and run < change:
        following = next_run(fields, zone, run, library)
        longest = max(longest, (following or run) - run)
        run = following
    return longest


def _last_match_before(fields: Fields, zone: ZoneInfo, change: int) -> int:
    """The last moment before a clock change whose wall clock matches, by the clock that ends there."""
    wall = datetime.fromtimestamp(change - 1, zone)
    latest = _seconds_into_day(wall)
    day = wall.date()
    times = _times_of_day(fields)
    if latest < times[0]:
        day, latest = day - timedelta(days=1), _DAY
    while not (fields.months >> day.month & 1 and fields.allows_day(day.day, day.isoweekday() % 7)):
        latest = _DAY
        day -= timedelta(days=1 if fields.months >> day.month & 1 else day.day)
    time = max(time for time in times if time <= latest)
    return instant(zone, day.year, day.month, day.day, time)


def runs_within(fields: Fields, first: date, last: date) -> int:
    """How many runs there are from one day up to another, which is left out; clock changes aside."""
    days = 0
    for year in range(first.year, last.year + 1):
        start = date(year, 1, 1)
        low, high = (first - start).days, (last - start).days
        days += sum(low <= day < high for day in _matching_days(fields, isleap(year), start.isoweekday() % 7))
    return days * len(_times_of_day(fields))


@lru_cache(maxsize=1024)
def longest_wait(fields: Fields) -> int | None:
    """The most calendar years from one run to the next in this century; None where there are no two in it.

    More than `YEARS_SEARCHED`, and the libraries find no next run in between.
    """
    years = [
        year for year in range(2000, 2100) if _matching_days(fields, isleap(year), date(year, 1, 1).isoweekday() % 7)
    ]
    return max((later - earlier for earlier, later in pairwise(years)), default=None)


@lru_cache(maxsize=1024)
def wall_gaps(fields: Fields) -> tuple[int, int]:
    """The shortest and the longest time in seconds between two runs, over the calendar's cycle of 400 years.

    Clock changes aside. The fields must match some day.
    """
    times = _times_of_day(fields)
    within = [later - earlier for earlier, later in pairwise(times)]
    overnight = times[0] - times[-1]
    days = _day_gaps(fields)
    gaps = [*within, *(count * _DAY + overnight for count in days)]
    return min(gaps), max(gaps)


def _day_gaps(fields: Fields) -> tuple[int, int]:
    """The shortest and the longest number of days from one matching day to the next."""
    if fields.months == _ALL_MONTHS and not fields.either_day and fields.days == _ALL_DAYS:
        week = members(fields.weekdays)
        steps = [later - earlier for earlier, later in pairwise([*week, week[0] + 7])]
        return min(steps), max(steps)
    gaps: set[int] = set()
    kinds: dict[tuple[bool, int], list[int]] = {}
    previous: int | None = None
    # One cycle, and enough of the next to close it: at most eight years lie between two 29 February.
    for year in range(2000, 2000 + 400 + 8 + 1):
        start = date(year, 1, 1).toordinal()
        kind = (isleap(year), start % 7)
        if kind not in kinds:
            kinds[kind] = _matching_days(fields, *kind)
            gaps.update(later - earlier for earlier, later in pairwise(kinds[kind]))
        days = kinds[kind]
        if days:
            if previous is not None:
                gaps.add(start + days[0] - previous)
            previous = start + days[-1]
    return min(gaps), max(gaps)


def _matching_days(fields: Fields, leap: bool, weekday: int) -> list[int]:
    """The matching days, counted from 0, of a year that begins on a weekday (Sunday is 0)."""
    found: list[int] = []
    start = 0
    for month, length in enumerate((31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 1):
        if fields.months >> month & 1:
            first = (weekday + start) % 7
            # Turned so that bit 0 is the weekday of the month's first day.
            week = (fields.weekdays >> first | fields.weekdays << (7 - first)) & 0x7F
            by_weekday = week * _WEEKS
            by_day = fields.days >> 1
            days = by_day | by_weekday if fields.either_day else by_day & by_weekday
            found.extend(start + day for day in members(days & (1 << length) - 1))
        start += length
    return found
