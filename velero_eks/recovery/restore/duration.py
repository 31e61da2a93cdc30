"""How long a restore takes, estimated from what it does to objects and from the rates that were measured. Pure.

Velero restores one object after another. Two things bound it: the server's own limit of requests a second
(`--client-qps`, per client: one for namespaces, one for everything else), and what a request takes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from velero_eks.kube.objects import Object
from velero_eks.recovery.restore.prediction import Fate, Prediction
from velero_eks.velero.records import Restore

DEFAULT_QPS = 100
"""Velero's own, where its Deployment says nothing."""

# Requests that Velero 1.18 makes for one object, of the client that makes more of them (read in pkg/restore, seen in
# the lab): a created object is a POST and a PATCH of its managed fields, a changed one a PATCH; every object costs a
# GET of its namespace with the other client.
CREATED_REQUESTS, CHANGED_REQUESTS, OTHER_REQUESTS = 2, 1, 1
# Seconds for one object without any limit, and for a Restore that restores nothing: measured in the lab with 250 to
# 5,000 small objects on two cores, where a created one took 8 to 12 ms and a changed one 6 to 8. What is left alone is
# an estimate. `python -m benchmarks.day2` measures whether a prediction is within its margin.
CREATED_SECONDS, CHANGED_SECONDS, OTHER_SECONDS = 0.0105, 0.0068, 0.003
FIXED_SECONDS = 1.5
MARGIN = 1 / 3
"""A prediction is good when it is within this part of what was measured."""

PREDICTED = "velero-eks/foretold"
"""The annotation of a Restore with what it was to do, by which the next prediction learns this cluster's pace."""
# Velero's time stamps are whole seconds: of less work than this they say too little.
_LEAST_SECONDS = 5.0
# Further from the lab than this is not a pace but an accident, such as a server that was away.
_LEAST_FACTOR, _MOST_FACTOR = 0.1, 50.0
# So far do restores of 1,000 and of 5,000 objects part in one lab: a pace this near to it is not another pace.
_NOISE = 1 / 3

_LEAST_PATIENCE, _PATIENCE_TIMES = 900.0, 10.0

_NEVER = datetime.min.replace(tzinfo=UTC)
_FLAG = re.compile(r"^--client-(qps|burst)(?:=(.*))?$")


@dataclass(frozen=True)
class Limits:
    """The server's own limits: requests a second, and how many of them may come at once."""

    qps: float = DEFAULT_QPS
    burst: float = DEFAULT_QPS

    @classmethod
    def of_deployment(cls, deployment: Object | None) -> Limits:
        """The limits that Velero's Deployment gives its server; Velero's defaults where it gives none."""
        values: dict[str, float] = {}
        spec = ((deployment or {}).get("spec") or {}).get("template", {}).get("spec", {})
        for container in spec.get("containers") or []:
            arguments = [str(text) for text in [*(container.get("command") or []), *(container.get("args") or [])]]
            for text, following in zip(arguments, [*arguments[1:], ""], strict=True):
                match = _FLAG.match(text)
                value = _number((match[2] if match[2] is not None else following) if match else "")
                if match and value:
                    values[match[1]] = value
        return cls(values.get("qps", DEFAULT_QPS), values.get("burst", DEFAULT_QPS))


@dataclass(frozen=True)
class Work:
    """What Restores do, in objects. With `updating`, Velero writes its labels on those that are as they should be."""

    created: int
    changed: int
    others: int
    updating: bool = False

    @classmethod
    def of(cls, predictions: Iterable[Prediction], *, updating: bool) -> Work:
        """The work that is predicted."""
        counts = Counter(each.fate for each in predictions)
        others = counts[Fate.KEPT] + counts[Fate.BLOCKED]
        return cls(counts[Fate.CREATED], counts[Fate.CHANGED], others, updating)

    @classmethod
    def parse(cls, text: str) -> Work | None:
        """Read `text`, None where it is not that of a Work."""
        try:
            found = json.loads(text)
            counts = (int(found[name]) for name in ("created", "changed", "others"))
            return cls(*counts, updating=bool(found["updating"]))
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def text(self) -> str:
        """The work as an annotation carries it."""
        return json.dumps(asdict(self))

    @property
    def objects(self) -> int:
        return self.created + self.changed + self.others

    @property
    def seconds(self) -> float:
        """At the lab's pace, and without the server's limit."""
        untouched = 0 if self.updating else self.others
        written = self.changed + self.others - untouched
        return CREATED_SECONDS * self.created + CHANGED_SECONDS * written + OTHER_SECONDS * untouched

    def limited(self, limits: Limits) -> float:
        """The seconds that the server's own limit of requests takes, whatever the pace."""
        written = self.changed + (self.others if self.updating else 0)
        requests = CREATED_REQUESTS * self.created + CHANGED_REQUESTS * written
        return max(0.0, max(requests, OTHER_REQUESTS * self.objects) - limits.burst) / limits.qps


@dataclass(frozen=True)
class Pace:
    """How long this cluster takes for what takes a second in the lab, and the Restore that it was measured with."""

    factor: float = 1.0
    restore: str | None = None

    @classmethod
    def measured(cls, restores: Iterable[Restore], limits: Limits) -> Pace:
        """The pace of the newest Restore of this tool that was long enough to tell; the lab's where there is none."""
        for restore in sorted(restores, key=lambda each: each.completed or _NEVER, reverse=True):
            work = Work.parse((restore.body["metadata"].get("annotations") or {}).get(PREDICTED) or "")
            if work is None or restore.phase not in ("Completed", "PartiallyFailed"):
                continue
            if restore.started is None or restore.completed is None or restore.total_items < work.objects:
                continue
            took = (restore.completed - restore.started).total_seconds() - FIXED_SECONDS
            if work.seconds < _LEAST_SECONDS or took < _LEAST_SECONDS or took < 1.1 * work.limited(limits):
                # The server's own limit was what took the time.
                continue
            factor = took / work.seconds
            if _LEAST_FACTOR <= factor <= _MOST_FACTOR:
                return cls(factor if abs(factor - 1) > _NOISE else 1.0, restore.name)
        return cls()


@dataclass(frozen=True)
class Estimate:
    """Seconds that Restores take, what they do in them, and whether the server's own limit is what takes the time."""

    seconds: float
    work: Work
    pace: Pace
    limited: bool


def estimate(work: Work, limits: Limits, *, restores: int = 1, pace: Pace | None = None) -> Estimate:
    """How long `restores` Restores take that do this work, by default at the lab's pace."""
    pace = pace or Pace()
    worked, limited = work.seconds * pace.factor, work.limited(limits)
    return Estimate(restores * FIXED_SECONDS + max(limited, worked), work, pace, limited > worked)


def patience(estimated: Estimate) -> float:
    """Seconds that a Restore is waited for where no one says how long: many times what it should take, and a quarter of
    an hour at least, since it may stand behind a backup that runs."""
    return max(_LEAST_PATIENCE, _PATIENCE_TIMES * estimated.seconds)


def within_margin(estimated: float, measured: float) -> bool:
    """Whether a prediction was good. Both in seconds."""
    return abs(estimated - measured) <= MARGIN * measured


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
