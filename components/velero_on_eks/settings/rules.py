"""Rules that span sections of a stack file, and the warnings of one that is valid.

Each rule names the sections it reads: it runs as soon as those are valid by themselves, so that one pass over a
file reports everything that can be known to be wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from velero_on_eks.settings import adopt, versions
from velero_on_eks.settings.aws_facts import Arn, issuer_region, partition_of
from velero_on_eks.settings.duration import words
from velero_on_eks.settings.late import is_late
from velero_on_eks.settings.sections import Schedule

# Below this a run can start before the location's own minute of validation and synchronisation is over, and a
# month's backups would be more than 2,880 objects for every sync to list.
SHORTEST_INTERVAL = 15 * 60
PRODUCTION_NONCURRENT_DAYS = 14
_YEAR = timedelta(days=366)

Broken = tuple[str, object, str]


@dataclass(frozen=True)
class Rule:
    """A check over valid sections: yields (field, value, message with limit and mend) for what is broken."""

    needs: tuple[str, ...]
    check: Callable[[Any], Iterator[Broken]]


RULES: list[Rule] = []


def _rule(*needs: str) -> Callable[[Callable[[Any], Iterator[Broken]]], Callable[[Any], Iterator[Broken]]]:
    def register(check: Callable[[Any], Iterator[Broken]]) -> Callable[[Any], Iterator[Broken]]:
        RULES.append(Rule(needs, check))
        return check

    return register


@dataclass(frozen=True)
class SettingsWarning:
    """Something true of valid settings that whoever is on call should know. `rule` is its name for waivers."""

    rule: str
    field: str
    message: str
    severity: str = "warning"


@_rule("region", "cluster")
def _issuer_in_region(s: Any) -> Iterator[Broken]:
    issuer = s.cluster.oidc_issuer
    if is_late(issuer, s.region):
        return
    if issuer and issuer_region(issuer) != s.region:
        yield (
            "cluster.oidcIssuer",
            issuer,
            f"the issuer is in {issuer_region(issuer)} and aws:region is {s.region}; one of them is another cluster's",
        )
    suffix = partition_of(s.region).dns_suffix
    if issuer and issuer_region(issuer) == s.region and not issuer.split("/id/")[0].endswith(f".{s.region}.{suffix}"):
        yield (
            "cluster.oidcIssuer",
            issuer,
            f"issuers of partition {partition_of(s.region).name} end in {suffix}; copy it again",
        )


@_rule("region", "cluster", "storage")
def _key_is_ours(s: Any) -> Iterator[Broken]:
    if not s.storage.kms_key_arn or is_late(s.storage.kms_key_arn, s.region, s.cluster.account):
        return
    yield from _arn_fits(s, "storage.kmsKeyArn", s.storage.kms_key_arn)
    arn = Arn.parse(s.storage.kms_key_arn)
    if arn.region != s.region:
        yield (
            "storage.kmsKeyArn",
            s.storage.kms_key_arn,
            f"the key is in {arn.region} and the bucket in {s.region}: S3 takes keys of the bucket's own region;"
            " name a key there, or leave the field out",
        )


@_rule("region", "cluster", "identity")
def _boundary_is_ours(s: Any) -> Iterator[Broken]:
    boundary = s.identity.permissions_boundary
    if boundary and not is_late(boundary, s.region, s.cluster.account):
        yield from _arn_fits(s, "identity.permissionsBoundary", s.identity.permissions_boundary)


def _arn_fits(s: Any, field: str, text: str) -> Iterator[Broken]:
    arn = Arn.parse(text)
    if arn.account not in (s.cluster.account, "aws"):
        yield (
            field,
            text,
            f"the ARN is of account {arn.account} and the stack of {s.cluster.account}; name one of this account",
        )
    expected = partition_of(s.region).name
    if arn.partition != expected:
        yield (
            field,
            text,
            f"{s.region} lies in partition {expected}, the ARN in {arn.partition}; write arn:{expected}:…",
        )


@_rule("storage")
def _logs_go_elsewhere(s: Any) -> Iterator[Broken]:
    logs = s.storage.access_logs
    if logs and logs.bucket == s.storage.bucket:
        yield (
            "storage.accessLogs.bucket",
            logs.bucket,
            "logs in the backups' own bucket make a foreign folder there, and Velero calls the location Unavailable;"
            " name another bucket",
        )


@_rule("environment", "storage")
def _production_keeps_its_data(s: Any) -> Iterator[Broken]:
    if s.environment != "production":
        return
    storage = s.storage
    if storage.force_destroy:
        yield (
            "storage.forceDestroy",
            True,
            "in production a destroy may not take the backups with it; leave it false",
        )
    if not storage.protect:
        yield (
            "storage.protect",
            False,
            "in production bucket, key and repository password are protected; leave it true",
        )
    if storage.key_deletion_window_days != 30:
        yield (
            "storage.keyDeletionWindowDays",
            storage.key_deletion_window_days,
            "in production the window is 30 days, the longest KMS has: a deleted key is a deleted backup; leave it out",
        )
    if storage.noncurrent_days < PRODUCTION_NONCURRENT_DAYS:
        yield (
            "storage.noncurrentDays",
            storage.noncurrent_days,
            f"in production at least {PRODUCTION_NONCURRENT_DAYS}: it is the time in which deleted backups can be"
            " fetched back; 30 is the default",
        )
    if storage.s3_url and storage.s3_url.startswith("http://"):
        yield (
            "storage.s3Url",
            storage.s3_url,
            "in production backups travel over TLS; write https://, or leave the field out",
        )


@_rule("environment", "release")
def _production_keeps_its_objects(s: Any) -> Iterator[Broken]:
    if s.environment == "production" and s.release.helm_values_overrides.get("cleanUpCRDs"):
        yield (
            "release.helmValuesOverrides.cleanUpCRDs",
            True,
            "on uninstall it deletes every Backup, Restore and Schedule of the cluster; take it away in production",
        )


@_rule("cluster", "release")
def _versions_go_together(s: Any) -> Iterator[Broken]:
    release = s.release
    found = versions.mismatches(
        kubernetes=s.cluster.kubernetes_version,
        velero=release.image.tag,
        plugin=release.plugin.tag,
        chart=release.chart.version,
    )
    for field, value, message in found:
        if not (release.allow_untested_kubernetes and field == "cluster.kubernetesVersion"):
            yield field, value, message


@_rule("environment", "schedules")
def _production_has_a_schedule(s: Any) -> Iterator[Broken]:
    if s.environment == "production" and not any(not schedule.paused for schedule in s.schedules.values()):
        state = "all of them are paused" if s.schedules else "there is none"
        yield (
            "schedules",
            sorted(s.schedules),
            f"production has at least one running schedule, and {state}; run one",
        )


@_rule("schedules", "release")
def _velero_is_left_out(s: Any) -> Iterator[Broken]:
    for name, schedule in s.schedules.items():
        if s.release.namespace in schedule.namespaces:
            yield (
                f"schedules.{name}.namespaces",
                s.release.namespace,
                "this is Velero's own namespace: its Schedules and locations would be restored over those made here;"
                " take it away",
            )


@_rule("schedules", "recovery")
def _schedules_are_sound(s: Any) -> Iterator[Broken]:
    for name, schedule in s.schedules.items():
        cron = schedule.recurrence
        if cron.shortest_gap() < SHORTEST_INTERVAL:
            yield (
                f"schedules.{name}.cron",
                schedule.cron,
                f"runs every {words(cron.shortest_gap())}, and the shortest interval is {words(SHORTEST_INTERVAL)}: a"
                " backup must be over before the next begins; run it less often",
            )
        interval = cron.nominal_interval()
        if schedule.keep.seconds <= interval:
            yield (
                f"schedules.{name}.keep",
                str(schedule.keep),
                f"a backup would be gone before the next is made, every {words(interval)}; keep it longer than that",
            )
        elif schedule.keep.seconds < interval * s.recovery.minimum_copies:
            yield (
                f"schedules.{name}.keep",
                str(schedule.keep),
                f"with a backup every {words(interval)} fewer than {s.recovery.minimum_copies} are kept"
                f" (recovery.minimumCopies); keep them at least {words(interval * s.recovery.minimum_copies)}",
            )


@_rule("schedules", "recovery", "release")
def _objectives_are_met(s: Any) -> Iterator[Broken]:
    if not any(not schedule.paused for schedule in s.schedules.values()):
        if s.environment != "production":
            yield (
                "schedules",
                sorted(s.schedules),
                "no schedule runs, so recovery.rpo cannot hold; add one or run one",
            )
        return
    for namespace in s.recovery.namespaces:
        if namespace == s.release.namespace:
            yield "recovery.namespaces", namespace, "Velero's own namespace is never backed up; take it away"
            continue
        covering = covering_schedules(s.schedules, namespace)
        if not covering:
            yield (
                "recovery.namespaces",
                namespace,
                f"no running schedule takes it; add it to the namespaces of one of: {', '.join(s.schedules)}",
            )
        elif not any(meets(schedule, s.recovery) for schedule in covering.values()):
            said = "; ".join(
                f"{name} runs every {words(schedule.recurrence.nominal_interval())} and keeps {schedule.keep}"
                for name, schedule in covering.items()
            )
            yield (
                "recovery",
                f"{namespace}: rpo {s.recovery.rpo}, retention {s.recovery.retention}",
                f"no one schedule has an interval within the rpo and keeps its backups for the retention: {said}."
                " Run one more often, keep it longer, or lower the objective",
            )


@_rule("adopt", "identity", "volumes", "storage", "schedules", "repository_password")
def _adopted_is_made_here(s: Any) -> Iterator[Broken]:
    yield from adopt.misplaced(s)


def covers(schedule: Schedule, namespace: str) -> bool:
    """Whether `schedule` runs and its backups hold `namespace` ('*': every namespace it does not exclude by name)."""
    if schedule.paused or namespace in schedule.excluded_namespaces:
        return False
    return schedule.covers_cluster or namespace in schedule.namespaces


def covering_schedules(schedules: dict[str, Schedule], namespace: str) -> dict[str, Schedule]:
    """The schedules whose backups hold `namespace`."""
    return {name: schedule for name, schedule in schedules.items() if covers(schedule, namespace)}


def meets(schedule: Schedule, recovery: Any) -> bool:
    """Whether this one schedule satisfies both objectives; its zone's clock changes are a warning, not a refusal."""
    return (
        schedule.recurrence.nominal_interval() <= recovery.rpo.seconds
        and schedule.keep.seconds >= recovery.retention.seconds
    )


def warnings(s: Any, at: datetime) -> tuple[SettingsWarning, ...]:
    """What is true of valid settings in the year after `at` and worth knowing, without making them wrong."""
    found: list[SettingsWarning] = []
    for namespace in s.recovery.namespaces:
        meeting = {n: sch for n, sch in covering_schedules(s.schedules, namespace).items() if meets(sch, s.recovery)}
        gaps = {name: schedule.recurrence.longest_gap(at, _YEAR) for name, schedule in meeting.items()}
        if gaps and min(gaps.values()) > s.recovery.rpo.seconds:
            name = min(gaps, key=lambda key: gaps[key])
            found.append(
                SettingsWarning(
                    "rpo-clock-change",
                    f"schedules.{name}.timezone",
                    f"when the clocks of {s.schedules[name].timezone} change, {words(gaps[name])} pass between two"
                    f" backups of {namespace}, over the rpo of {s.recovery.rpo} (a time that clocks skip is left out);"
                    " write timezone: UTC, or allow the hour in recovery.rpo",
                )
            )
        excluded = sorted({name for schedule in meeting.values() for name in schedule.excluded_namespaces})
        if namespace == "*" and excluded:
            found.append(
                SettingsWarning(
                    "excluded-namespaces",
                    "recovery.namespaces",
                    f"the objective is every namespace, and {', '.join(excluded)} is excluded by name from"
                    f" {', '.join(meeting)}: it cannot be restored from there",
                )
            )
    if s.release.allow_untested_kubernetes:
        found.append(
            SettingsWarning(
                "untested-kubernetes",
                "release.allowUntestedKubernetes",
                f"Velero {s.release.image.tag} was not necessarily tested on Kubernetes {s.cluster.kubernetes_version};"
                " rehearse a restore before relying on it",
            )
        )
    return tuple(found)
