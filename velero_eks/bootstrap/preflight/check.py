"""What a check of preflight is: a pure function over gathered facts, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings

from velero_eks.aws.eks import ClusterFacts, Unknown
from velero_eks.bootstrap.preflight.facts import Facts, Kubernetes
from velero_eks.project.engine import StackState

Severity = Literal["error", "warning"]
Outcome = Literal["passed", "warning", "failed", "not asked"]
Known = TypeVar("Known")


class NotAsked(Exception):
    """A fact that the check needs could not be found out; the message says why."""


@dataclass(frozen=True)
class Finding:
    """One thing that would go wrong, and what to do. An error makes `pulumi up` or the first backup fail."""

    severity: Severity
    message: str
    remedy: str


@dataclass(frozen=True)
class Case:
    """A stack and what was found out about it."""

    stack: str
    settings: Settings
    facts: Facts

    @cached_property
    def names(self) -> Names:
        """The names that the stack's resources get."""
        return Names.of(self.settings)

    @property
    def cluster(self) -> ClusterFacts:
        """The cluster in EKS, for checks that have nothing to say where there is none."""
        found = known(self.facts.aws.cluster)
        if found is None:
            raise NotAsked("the cluster does not exist")
        return found

    @property
    def kubernetes(self) -> Kubernetes:
        """What the API server said."""
        return known(self.facts.kubernetes)

    @property
    def adopt_command(self) -> str:
        """The command that takes over what exists."""
        return f"velero-eks adopt {self.stack}"

    def taken(
        self, what: str, type_: str, adopted: object, *, ours: bool = False, name: str = "", id_: str = ""
    ) -> Iterator[Finding]:
        """A finding for something that exists, unless the stack's state has it or it is about to be adopted.

        `type_` is its resource type, `ours` whether it bears the marks of a stack for this cluster, which counts only
        where the state cannot be read. `name` is the logical name of one of several resources of the type, `id_` the
        engine's id for it where that is known: the state may have another one.
        """
        state = self.facts.here.state
        if adopted:
            return
        if isinstance(state, Unknown):
            if not ours:
                yield Finding(
                    "warning",
                    f"{what} already exists, and the stack's state could not be read",
                    f"if this stack did not create it: {self.adopt_command}",
                )
            return
        held = [] if state is None else _held(state, type_, name)
        if not held:
            yield Finding(
                "error", f"{what} already exists, and is not in the stack's state", f"run: {self.adopt_command}"
            )
        elif id_ and id_ not in held:
            yield Finding(
                "error",
                f"{what} already exists, and the stack's state has {' and '.join(held)} instead",
                "go back to that one, or choose an unused name",
            )


def _held(state: StackState, type_: str, name: str) -> list[str]:
    return [found for (kind, logical), found in state.resources.items() if kind == type_ and name in ("", logical)]


@dataclass(frozen=True)
class Check:
    """A check: its name for programs and its title for people."""

    name: str
    title: str
    find: Callable[[Case], Iterator[Finding]]


@dataclass(frozen=True)
class Result:
    """What came of a check. `why` says why it could not be asked."""

    check: Check
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    why: str = ""


def known(fact: Known | Unknown) -> Known:
    """A fact, for checks that cannot do without it. Raises `NotAsked`."""
    if isinstance(fact, Unknown):
        raise NotAsked(fact.why)
    return fact


def result(check: Check, case: Case) -> Result:
    """Run one check. What it found before a fact was missing still counts."""
    found: list[Finding] = []
    why = ""
    try:
        found.extend(check.find(case))
    except NotAsked as error:
        why = str(error)
    outcome: Outcome = "passed"
    if any(finding.severity == "error" for finding in found):
        outcome = "failed"
    elif found:
        outcome = "warning"
    elif why:
        outcome = "not asked"
    return Result(check, outcome, tuple(found), why)


def document(results: list[Result]) -> list[dict[str, Any]]:
    """The results for programs."""
    return [
        {
            "check": each.check.name,
            "title": each.check.title,
            "outcome": each.outcome,
            "findings": [vars(finding) for finding in each.findings],
            **({"why": each.why} if each.why else {}),
        }
        for each in results
    ]
