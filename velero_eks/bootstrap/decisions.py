"""What a stack file says beyond the facts: the decisions, their defaults, and a schedule that meets them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from velero_on_eks.settings import Duration
from velero_on_eks.settings.defaults import BY_ENVIRONMENT
from velero_on_eks.settings.names import check_namespace_pattern
from velero_on_eks.settings.rules import SHORTEST_INTERVAL
from velero_on_eks.settings.timezones import check_timezone

from velero_eks.aws.eks import ClusterFacts, identity_for, volumes_for
from velero_eks.errors import BadTarget
from velero_eks.terminal import words

HOUR = 3600
ENVIRONMENTS = tuple(BY_ENVIRONMENT)
IDENTITIES = ("irsa", "pod-identity")
VOLUMES = ("none", "csi-snapshot")
# By the interval in seconds: the cron expression that keeps it. At night where there is a choice.
_CRONS = (
    (24 * HOUR, "0 2 * * *", "daily-backup"),
    (12 * HOUR, "0 2,14 * * *", "backup-every-12h"),
    (8 * HOUR, "0 2,10,18 * * *", "backup-every-8h"),
    (6 * HOUR, "0 2,8,14,20 * * *", "backup-every-6h"),
    (4 * HOUR, "0 2,6,10,14,18,22 * * *", "backup-every-4h"),
    (2 * HOUR, "0 */2 * * *", "backup-every-2h"),
    (HOUR, "0 * * * *", "hourly-backup"),
    (HOUR // 2, "*/30 * * * *", "backup-every-30m"),
    (SHORTEST_INTERVAL, "*/15 * * * *", "backup-every-15m"),
)


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What someone decides about a stack. `why` says of a default, by its name, what it was derived from."""

    environment: str
    rpo: str
    retention: str
    namespaces: tuple[str, ...] = ("*",)
    identity: str
    volumes: str
    snapshot_controller: str = "addon"
    timezone: str = "UTC"
    context: str | None = None
    allow_untested_kubernetes: bool = False
    why: dict[str, str] = field(default_factory=dict)

    def changed(self, **given: Any) -> Decisions:
        """These decisions with those that are given (not None), checked; a given one was derived from nothing."""
        values = {name: value for name, value in given.items() if value is not None}
        why = {name: text for name, text in self.why.items() if name not in values}
        return replace(self, **{name: checked(name, value) for name, value in values.items()}, why=why)

    @property
    def schedule(self) -> tuple[str, str]:
        """The name and cron of a schedule whose interval is within the rpo."""
        rpo = Duration.parse(self.rpo).seconds
        for interval, cron, name in _CRONS:
            if interval <= rpo:
                return name, cron
        raise BadTarget(
            f"--rpo {self.rpo}: a schedule that runs more often than every {words.duration(SHORTEST_INTERVAL)} needs a"
            " waiver; use at least that, or add a more frequent schedule by hand"
        )


def derived(facts: ClusterFacts, environment: str) -> Decisions:
    """The decisions that fit a cluster as it is, with the environment's objectives."""
    recovery = BY_ENVIRONMENT[checked("environment", environment)]["recovery"]
    identity, why_identity = identity_for(facts)
    volumes, controller, why_volumes = volumes_for(facts)
    return Decisions(
        environment=environment,
        rpo=recovery["rpo"],
        retention=recovery["retention"],
        identity=identity,
        volumes=volumes,
        snapshot_controller=controller,
        why={"identity": why_identity, "volumes": why_volumes},
    )


def checked(name: str, value: Any) -> Any:
    """A decision as it was given, when it can be one. Raises `BadTarget`, which names the flag and the fix."""
    try:
        if name in ("rpo", "retention"):
            Duration.parse(value)
        elif name == "namespaces":
            value = tuple(dict.fromkeys(_namespace(part) for part in value))
            if "*" in value and len(value) > 1:
                raise ValueError("'*' is every namespace and must be alone; remove the other names, or the '*'")
        elif name == "timezone":
            check_timezone(value)
    except ValueError as error:
        raise BadTarget(f"{_flag(name)}: {error}") from None
    choices = {"environment": ENVIRONMENTS, "identity": IDENTITIES, "volumes": VOLUMES}.get(name)
    if choices and value not in choices:
        raise BadTarget(f"{_flag(name)} {value!r}: one of {', '.join(choices)}{words.did_you_mean(value, choices)}")
    return value


def _namespace(pattern: str) -> str:
    try:
        return check_namespace_pattern(pattern)
    except ValueError as error:
        raise ValueError(f"{pattern!r}: {error}") from None


def _flag(name: str) -> str:
    return f"--{'namespace' if name == 'namespaces' else name}"
