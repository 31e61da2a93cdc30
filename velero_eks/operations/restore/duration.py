"""How long a restore takes, reckoned from what it does to objects and from the rates that were measured. Pure.

Velero restores one object after another. Two things bound it: the server's own limit of requests a second
(`--client-qps`, per client: one for namespaces, one for everything else), and what a request takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..objects import Object
from .prediction import Fate, Prediction

DEFAULT_QPS = 100
"""Velero's own, where its Deployment says nothing."""

# Requests that Velero 1.18 makes for one object, of the client that makes more of them (read in pkg/restore, seen in
# the lab): a created object is a POST and a PATCH of its managed fields, a changed one a PATCH; every object costs a
# GET of its namespace with the other client.
CREATED_REQUESTS, CHANGED_REQUESTS, OTHER_REQUESTS = 2, 1, 1
# Seconds for one object without any limit, and for a Restore that restores nothing. A created object: 83 a second, seen
# with 5,000 small objects where 1000 requests a second are allowed. The other three are estimates that no idle machine
# has confirmed; `python -m benchmarks.day2` measures whether a prediction is within its margin.
CREATED_SECONDS, CHANGED_SECONDS, OTHER_SECONDS = 0.012, 0.007, 0.003
FIXED_SECONDS = 2.0
MARGIN = 1 / 3
"""A prediction is good when it is within this part of what was measured."""

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
class Estimate:
    """Seconds that a restore takes, and what it does in them."""

    seconds: float
    created: int
    changed: int
    others: int
    restores: int

    @property
    def objects(self) -> int:
        return self.created + self.changed + self.others


def estimate(
    predictions: Iterable[Prediction], limits: Limits, *, restores: int = 1, updating: bool = False
) -> Estimate:
    """How long `restores` Restores take that do what is foretold.

    With `updating`, Velero writes its labels on objects that are as they should be, too.
    """
    counts = dict.fromkeys(Fate, 0)
    for each in predictions:
        counts[each.fate] += 1
    created, changed = counts[Fate.CREATED], counts[Fate.CHANGED]
    others = counts[Fate.KEPT] + counts[Fate.BLOCKED]
    written = changed + (others if updating else 0)
    requests = CREATED_REQUESTS * created + CHANGED_REQUESTS * written
    namespaces = OTHER_REQUESTS * (created + changed + others)
    limited = max(0.0, max(requests, namespaces) - limits.burst) / limits.qps
    untouched = changed + others - written
    worked = CREATED_SECONDS * created + CHANGED_SECONDS * written + OTHER_SECONDS * untouched
    return Estimate(restores * FIXED_SECONDS + max(limited, worked), created, changed, others, restores)


def within_margin(estimated: float, measured: float) -> bool:
    """Whether a prediction was good. Both in seconds."""
    return abs(estimated - measured) <= MARGIN * measured


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
