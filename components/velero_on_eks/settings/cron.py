"""A cron schedule as Velero runs it: ``ParseStandard`` of the library of its version, its next runs, and its gaps."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC as UTC_ZONE
from datetime import date, datetime, timedelta
from datetime import timezone as FixedOffset
from functools import lru_cache
from zoneinfo import ZoneInfo

from velero_on_eks.settings.cron_clock import (
    YEARS_SEARCHED,
    clock_changes,
    longest_gap_over,
    longest_wait,
    next_run,
    runs_within,
    wall_gaps,
)
from velero_on_eks.settings.cron_fields import Fields, parse_fields, strip_space, why_never
from velero_on_eks.settings.cron_words import describe
from velero_on_eks.settings.duration import Duration, quoted
from velero_on_eks.settings.refusals import Refused
from velero_on_eks.settings.timezones import check_timezone
from velero_on_eks.settings.versions import CronLibrary

UTC = "UTC"
_PREFIXES = ("TZ=", "CRON_TZ=")
_EVERY = "@every "
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# go-cron takes these for a schedule that someone else triggers. It has no next run.
_TRIGGERED = ("@triggered", "@manual", "@none")
# As many bytes of an expression go-cron reads, and it takes a zone's name out of these.
_LONGEST, _ZONE_QUOTES = 1024, "\"'"
_YEAR = timedelta(days=366)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC_ZONE)
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """When a schedule runs. Made by ``Cron.parse``; equal when expression, zone and library are the same.

    At most one of ``fields`` (five fields, or a descriptor that stands for them) and ``delay`` (``@every``, in seconds)
    is set; neither is where go-cron waits for someone to trigger the schedule (``@manual``).
    """

    expression: str
    timezone: str
    library: CronLibrary
    fields: Fields | None
    delay: int | None

    @classmethod
    def parse(
        cls, expression: str, timezone: str | None = None, *, library: CronLibrary, allow_never: bool = False
    ) -> Cron:
        """Read an expression as Velero's server will.

        ``timezone`` is an IANA name; None means the zone of a ``CRON_TZ=`` prefix, and without one UTC, in
        which Velero's server runs. ``library`` is that of the server's version (``versions.cron_library``). What the
        server accepts, but no one can mean, is refused unless ``allow_never``: an expression that never runs
        (``0 0 30 2 *``) or more than five years apart, so that Velero would back up continuously, and a range from
        beyond the field's end.
        Raises ValueError naming the field, its value, the limit and the fix.
        """
        if not isinstance(expression, str):
            raise Refused("cron", f"cron {expression!r} is not text", "write it in quotes, such as '0 2 * * *'")
        return _parse(expression, timezone, library, allow_never)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose clocks the expression speaks of."""
        return ZoneInfo(self.timezone)

    @property
    def velero_expression(self) -> str:
        """What goes into ``Schedule.spec.schedule``: the zone in front, where it is not UTC and matters."""
        if self.delay is not None or self.timezone == UTC:
            return self.expression
        return f"CRON_TZ={self.timezone} {self.expression}"

    @property
    def restricts_both_day_fields(self) -> bool:
        """Whether day of month and day of week are both set: one match is enough for robfig, go-cron needs both."""
        return self.fields is not None and self.fields.both_days

    @property
    def ever_runs(self) -> bool:
        """Whether it can run at all. Velero backs up continuously by an expression that cannot."""
        return self.delay is not None if self.fields is None else self.fields.ever_matches

    @property
    def endless(self) -> Refused | None:
        """Why Velero would back up without end by it: a next run that is not found is one that is due, again and again.

        None where it always has one. Only `Cron.parse` with ``allow_never`` lets one through.
        """
        fields, then = self.fields, "Velero then backs up in a loop"
        if fields is None:
            if self.delay is not None:
                return None
            why, mend = "needs a trigger, and Velero has none", "write a time, or set paused: true"
        elif not fields.ever_matches:
            why, mend = f"never runs: {why_never(fields)}", "write a date that exists"
        elif fields.both_days and not fields.either_day and (longest_wait(fields) or 100) > YEARS_SEARCHED:
            why = (
                f"runs up to {longest_wait(fields) or 'more than 100'} years apart, because both day of month"
                f" and day of week must match, and Velero looks {YEARS_SEARCHED} years ahead"
            )
            mend = "put '*' in one of the two"
        else:
            return None
        return Refused("cron-never", f"cron {quoted(self.expression)} {why}; {then}", mend)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first run after an aware moment, on the schedule's clock; None when it never runs again.

        Equal to the library's ``Next``, clock changes included: a daily run at a time that the clocks skip is left
        out that day by robfig and made up for an hour later by go-cron, one at a time that they repeat happens twice.
        It gives up after five calendar years. Raises ValueError for a naive datetime.
        """
        after = _unix(moment)
        if self.fields is not None:
            run = next_run(self.fields, self.zone, after, self.library)
        else:
            run = None if self.delay is None else after + self.delay
        if run is None:
            return None
        # Python subtracts and compares two times of one ZoneInfo by their wall clocks, so the offset is fixed.
        time = datetime.fromtimestamp(run, self.zone)
        return time.replace(tzinfo=FixedOffset(time.utcoffset() or timedelta()), fold=0)

    def next_runs(self, after: datetime, count: int) -> list[datetime]:
        """The next ``count`` runs after an aware moment; fewer when it stops running."""
        runs: list[datetime] = []
        run = self.next_after(after) if count > 0 else None
        while run is not None:
            runs.append(run)
            run = self.next_after(run) if len(runs) < count else None
        return runs

    def runs_in_years(self, first: date, years: int) -> int:
        """How often it runs from a day on for so many years, clock changes aside."""
        last = date(first.year + years, first.month, min(first.day, 28))
        if self.fields is None:
            return (last - first).days * 86_400 // self.delay if self.delay else 0
        return runs_within(self.fields, first, last)

    def nominal_interval(self) -> int:
        """The longest time in seconds from one run to the next, over all years, clock changes aside."""
        return self._gaps()[1]

    def shortest_gap(self) -> int:
        """The shortest time in seconds from one run to the next, clock changes aside."""
        return self._gaps()[0]

    def longest_gap(self, after: datetime, horizon: timedelta = _YEAR) -> int:
        """The longest time in seconds without a run: ``nominal_interval``, or more over a clock change.

        Looks at the changes within ``horizon`` of ``after``. A daily 02:30 in Berlin is left out by robfig when the
        clocks go forward, 47 hours without a run; a daily 04:00 waits 25 hours when they go back.
        """
        longest = self.nominal_interval()
        if self.fields is None or self.timezone == UTC:
            return longest
        start, end = _unix(after), _unix(after + horizon)
        zone = self.zone
        first, last = (datetime.fromtimestamp(moment, UTC_ZONE).year for moment in (start, end))
        for year in range(first, last + 1):
            for change in clock_changes(zone, year):
                if start < change <= end:
                    longest = max(longest, longest_gap_over(self.fields, zone, change, self.library))
        return longest

    def description(self) -> str:
        """A few English words (``every day at 02:00 Asia/Kolkata``), or the expression where words fail."""
        return describe(self.expression, self.fields, self.delay, self.timezone)

    def __str__(self) -> str:
        return self.expression

    def _gaps(self) -> tuple[int, int]:
        if not self.ever_runs:
            raise Refused("cron-never", f"cron {self.expression!r} never runs, so it has no interval")
        if self.fields is None:
            return self.delay or 1, self.delay or 1
        return wall_gaps(self.fields)


@lru_cache(maxsize=4096)
def _parse(expression: str, timezone: str | None, library: CronLibrary, allow_never: bool) -> Cron:
    rest, zone = expression, timezone
    if expression.startswith(_PREFIXES):
        if timezone is not None:
            raise Refused(
                "zone-twice",
                f"cron {quoted(expression)} has a zone, and timezone is {timezone!r}",
                "keep only the timezone field",
            )
        prefix, space, rest = expression.partition(" ")
        if not space:
            raise Refused("cron", f"cron {quoted(expression)} has a zone and no fields", f"write '{prefix} 0 2 * * *'")
        zone, rest = _zone_in_front(prefix.partition("=")[2], library), strip_space(rest)
    zone = check_timezone(UTC if zone is None else zone)
    fields, delay = _read(rest, library, allow_never)
    cron = Cron(rest, zone, library, fields, delay)
    written = max(expression, cron.velero_expression, key=len)
    if library == "go-cron" and len(written.encode("utf-8", "surrogatepass")) > _LONGEST:
        raise Refused("cron", f"cron {quoted(rest)} is longer than {_LONGEST} bytes, Velero's limit", "shorten it")
    endless = None if allow_never else cron.endless
    if endless is not None:
        raise endless
    return cron


def _zone_in_front(name: str, library: CronLibrary) -> str:
    if library == "robfig":
        return name or UTC
    if len(name) >= 2 and name[0] == name[-1] and name[0] in _ZONE_QUOTES:
        name = name[1:-1]
    return name


def _read(expression: str, library: CronLibrary, allow_never: bool) -> tuple[Fields | None, int | None]:
    if not expression.startswith("@"):
        return parse_fields(expression, library, strict=not allow_never), None
    if expression in _DESCRIPTORS:
        return parse_fields(_DESCRIPTORS[expression], library), None
    if library == "go-cron" and expression in _TRIGGERED:
        return None, None
    if not expression.startswith(_EVERY):
        known = ", ".join([*_DESCRIPTORS, "@every 6h"])
        like = difflib.get_close_matches(expression.lower().strip(), _DESCRIPTORS, 1, 0.8)
        mend = f"write {like[0]}" if like else "write one of these, or five fields"
        raise Refused("cron", f"cron {quoted(expression)} is not a descriptor of Velero's cron; valid: {known}", mend)
    try:
        delay = Duration.parse_go(expression[len(_EVERY) :])
    except Refused as error:
        raise Refused("cron", f"cron {quoted(expression)}: {error.limit}", error.remedy) from error
    if library == "go-cron" and delay.nanoseconds < 10**9:
        raise Refused(
            "cron", f"cron {quoted(expression)}: @every is at least one second", "write for example @every 6h"
        )
    return None, max(delay.seconds, 1)


def _unix(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give an aware datetime")
    return (moment - _EPOCH) // _ONE_SECOND
