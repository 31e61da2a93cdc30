"""A cron schedule as Velero runs it: robfig/cron v3 ``ParseStandard``, its next runs, and its gaps."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC as UTC_ZONE
from datetime import datetime, timedelta
from datetime import timezone as FixedOffset
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from velero_on_eks.settings.cron_clock import clock_changes, longest_gap_over, next_run, wall_gaps
from velero_on_eks.settings.cron_fields import Fields, parse_fields, strip_space, why_never
from velero_on_eks.settings.cron_words import describe
from velero_on_eks.settings.duration import Duration, quoted
from velero_on_eks.settings.refusals import Refused

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
_ANY_ZONE = "write an IANA name, such as Asia/Kolkata, or UTC"
_YEAR = timedelta(days=366)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC_ZONE)
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """When a schedule runs. Made by ``Cron.parse``; equal when expression and zone are written the same.

    Exactly one of ``fields`` (five fields, or a descriptor that stands for them) and ``delay`` (``@every``,
    in seconds) is set.
    """

    expression: str
    timezone: str
    fields: Fields | None
    delay: int | None

    @classmethod
    def parse(cls, expression: str, timezone: str | None = None, *, allow_never: bool = False) -> Cron:
        """Read an expression as Velero's server will.

        ``timezone`` is an IANA name; None means the zone of a ``CRON_TZ=`` prefix, and without one UTC, in
        which Velero's server runs. An expression that never runs (``0 0 30 2 *``) is refused unless
        ``allow_never``: Velero would back up continuously.
        Raises ValueError naming the field, its value, the limit and the mend.
        """
        if not isinstance(expression, str):
            raise Refused("cron", f"cron {expression!r} is not text", "write it in quotes, such as '0 2 * * *'")
        return _parse(expression, timezone, allow_never)

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
        """Whether day of month and day of week are both set, so that a day which matches either is enough."""
        return self.fields is not None and self.fields.either_day

    def next_after(self, moment: datetime) -> datetime | None:
        """The first run after an aware moment, on the schedule's clock; None when it never runs again.

        Equal to robfig's ``Next``, clock changes included: a daily run at a time that the clocks skip is left
        out that day, one at a time that they repeat happens twice. It gives up after five calendar years.
        Raises ValueError for a naive datetime.
        """
        after = _unix(moment)
        run = after + (self.delay or 1) if self.fields is None else next_run(self.fields, self.zone, after)
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

    def nominal_interval(self) -> int:
        """The longest time in seconds from one run to the next, over all years, clock changes aside."""
        return self._gaps()[1]

    def shortest_gap(self) -> int:
        """The shortest time in seconds from one run to the next, clock changes aside."""
        return self._gaps()[0]

    def longest_gap(self, after: datetime, horizon: timedelta = _YEAR) -> int:
        """The longest time in seconds without a run: ``nominal_interval``, or more over a clock change.

        Looks at the changes within ``horizon`` of ``after``. A daily 02:30 in Berlin is left out when the
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
                    longest = max(longest, longest_gap_over(self.fields, zone, change))
        return longest

    def description(self) -> str:
        """A few English words (``every day at 02:00 Asia/Kolkata``), or the expression where words fail."""
        return describe(self.expression, self.fields, self.delay, self.timezone)

    def __str__(self) -> str:
        return self.expression

    def _gaps(self) -> tuple[int, int]:
        if self.fields is None:
            return (self.delay or 1), (self.delay or 1)
        if not self.fields.ever_matches:
            raise Refused("cron-never", f"cron {self.expression!r} never runs, so it has no interval")
        return wall_gaps(self.fields)


def check_timezone(name: str) -> str:
    """The name of a time zone, if it is one. Raises ValueError with the names that come closest."""
    if not isinstance(name, str) or not name:
        raise Refused("timezone", f"time zone {name!r} is not a name", _ANY_ZONE)
    if name == "Local":
        raise Refused("timezone", "time zone 'Local' is whatever the server's machine has", _ANY_ZONE)
    names = _zone_names()
    if name not in names:
        raise Refused("timezone", f"time zone {name!r} is unknown", _closest_zones(name))
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise Refused(
            "timezone", f"time zone {name!r} cannot be read on this machine", "install tzdata, or write UTC"
        ) from error
    return name


@lru_cache(maxsize=4096)
def _parse(expression: str, timezone: str | None, allow_never: bool) -> Cron:
    rest, zone = expression, timezone
    if expression.startswith(_PREFIXES):
        if timezone is not None:
            raise Refused(
                "zone-twice",
                f"cron {quoted(expression)} has a zone in front and timezone is {timezone!r}",
                "keep the timezone field",
            )
        prefix, space, rest = expression.partition(" ")
        if not space:
            raise Refused("cron", f"cron {quoted(expression)} has a zone and no fields", f"write '{prefix} 0 2 * * *'")
        zone, rest = prefix.partition("=")[2] or UTC, strip_space(rest)
    zone = check_timezone(UTC if zone is None else zone)
    fields, delay = _read(rest)
    if fields is not None and not fields.ever_matches and not allow_never:
        raise Refused(
            "cron-never",
            f"cron {quoted(rest)} never runs: {why_never(fields)}; Velero would then back up without end",
            "write a date that comes",
        )
    return Cron(rest, zone, fields, delay)


def _read(expression: str) -> tuple[Fields | None, int | None]:
    if not expression.startswith("@"):
        return parse_fields(expression), None
    if expression in _DESCRIPTORS:
        return parse_fields(_DESCRIPTORS[expression]), None
    if not expression.startswith(_EVERY):
        known = ", ".join([*_DESCRIPTORS, "@every 6h"])
        like = difflib.get_close_matches(expression.lower().strip(), _DESCRIPTORS, 1, 0.8)
        mend = f"write {like[0]}" if like else "write one of these, or five fields"
        raise Refused("cron", f"cron {quoted(expression)} is no descriptor of Velero's cron, which has {known}", mend)
    try:
        delay = Duration.parse_go(expression[len(_EVERY) :])
    except Refused as error:
        raise Refused("cron", f"cron {quoted(expression)}: {error.limit}", error.remedy) from error
    return None, max(delay.seconds, 1)


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    # The package's list rather than the machine's: the same names are refused everywhere.
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def _closest_zones(name: str) -> str:
    by_lower = {zone.lower(): zone for zone in sorted(_zone_names())}
    lower = name.lower().strip().replace(" ", "_")
    if lower in by_lower:
        return f"write {by_lower[lower]}"
    cities = [zone for zone in sorted(_zone_names()) if zone.lower().rpartition("/")[2] == lower]
    close = cities or [by_lower[key] for key in difflib.get_close_matches(lower[:60], by_lower, 3, 0.6)]
    return f"did you mean {' or '.join(close)}?" if close else _ANY_ZONE


def _unix(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give an aware datetime")
    return (moment - _EPOCH) // _ONE_SECOND
