"""What the state of Velero on a cluster comes to: what it was seen to be, and what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from velero_on_eks.settings.cron import Cron

from velero_eks.velero.records import Backup, Location, Operation, Repository, Restore, Schedule

# Clocks that are kept differ by less.
SKEW = timedelta(minutes=2)

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True)
class Observed:
    """Everything that was read of one Velero installation at one moment. `server` is None where nobody may look."""

    at: datetime
    locations: tuple[Location, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    backups: tuple[Backup, ...] = ()
    restores: tuple[Restore, ...] = ()
    repositories: tuple[Repository, ...] = ()
    server: bool | None = None

    @property
    def now(self) -> datetime:
        """The time: this machine's, or where its clock is slow the latest that the server is known to have had.

        By a slow clock every backup would look younger than it is.
        """
        written = (time for location in self.locations for time in (location.validated, location.synced) if time)
        latest = max(written, default=self.at)
        return latest if latest - self.at > SKEW else self.at

    @property
    def running(self) -> Iterator[Operation]:
        """The backups and restores that are under way, or wait to be."""
        yield from (backup for backup in self.backups if backup.running)
        yield from (restore for restore in self.restores if restore.running)

    def location(self, name: str) -> Location | None:
        """The location of this name, or for an empty one the default."""
        if name:
            return next((location for location in self.locations if location.name == name), None)
        return next((location for location in self.locations if location.default), None)


@dataclass(frozen=True)
class Problem:
    """Something wrong. `error` is what keeps an objective from being met, or will; `since` is None where unknown."""

    severity: Severity
    subject: str
    text: str
    since: datetime | None = None
    mend: str = ""


@dataclass(frozen=True)
class ScheduleState:
    """One schedule: `cron` is None where it cannot be parsed, `next` where it will not run."""

    schedule: Schedule
    cron: Cron | None
    last_good: Backup | None
    newest: Backup | None
    next: datetime | None


@dataclass(frozen=True)
class ObjectiveState:
    """One namespace of the objectives (`*` is all): the newest backup to restore it from, and its age in seconds.

    `lost` names a newer Completed one and says why nothing can be restored from that.
    """

    namespace: str
    rpo: int
    retention: int
    backup: Backup | None
    age: float | None
    copies: int
    oldest: datetime | None
    met: bool
    lost: str = ""


@dataclass(frozen=True)
class Status:
    """The state of one Velero installation."""

    observed: Observed
    schedules: tuple[ScheduleState, ...]
    objectives: tuple[ObjectiveState, ...]
    problems: tuple[Problem, ...] = field(default=())

    @property
    def well(self) -> bool:
        """Whether nothing is wrong that keeps an objective from being met."""
        return not any(problem.severity == "error" for problem in self.problems)
