"""Rules that span sections of a stack file, and the warnings of one that is valid.

Each rule names the sections it reads: it runs as soon as those are valid by themselves, so that one pass over a
file reports everything that can be known to be wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from velero_on_eks.settings import adopt, eks_calendar, objectives, overrides, versions
from velero_on_eks.settings.aws_facts import Arn, issuer_region, partition_of
from velero_on_eks.settings.defaults import BY_ENVIRONMENT, NONCURRENT_FLOOR_DAYS
from velero_on_eks.settings.duration import grouped, words
from velero_on_eks.settings.late import is_late
from velero_on_eks.settings.names import default_role_name
from velero_on_eks.settings.refusals import Refusal, SettingsWarning
from velero_on_eks.settings.s3_endpoint import aws_endpoint
from velero_on_eks.settings.sections import ISSUER_MISSING, Schedule

# Below this a run can start before the location's own minute of validation and synchronisation is over, and a
# month's backups would be more than 2,880 objects for every sync to list. A finding, which a stack may waive.
SHORTEST_INTERVAL = 15 * 60
# Five fields know no shorter one. `@every` does, and each backup takes longer.
CRON_INTERVAL = 60

Found = Iterator[Refusal]


@dataclass(frozen=True)
class Rule:
    """A check over valid sections: yields a refusal for each thing that is broken, its path in camelCase."""

    needs: tuple[str, ...]
    check: Callable[[Any], Found]


RULES: list[Rule] = []


def _rule(*needs: str) -> Callable[[Callable[[Any], Found]], Callable[[Any], Found]]:
    def register(check: Callable[[Any], Found]) -> Callable[[Any], Found]:
        RULES.append(Rule(needs, check))
        return check

    return register


# What warnings are called in waivers.
WARNINGS = (
    "eks-support",
    "excluded-namespaces",
    "few-copies",
    "interval-too-short",
    "key-of-another-account",
    "rpo-clock-change",
    "untested-kubernetes",
    versions.UNREHEARSED,
)


@_rule("region", "cluster")
def _issuer_in_region(s: Any) -> Found:
    issuer = s.cluster.oidc_issuer
    if is_late(issuer, s.region):
        return
    path = ("cluster", "oidcIssuer")
    if issuer and issuer_region(issuer) != s.region:
        yield Refusal(
            "issuer-region",
            f"the issuer is in {issuer_region(issuer)} and aws:region is {s.region}: one of them belongs to another"
            " cluster",
            "copy both from the same cluster",
            path,
            issuer,
        )
    suffix = partition_of(s.region).dns_suffix
    if issuer and issuer_region(issuer) == s.region and not issuer.split("/id/")[0].endswith(f".{s.region}.{suffix}"):
        yield Refusal(
            "issuer-partition",
            f"issuers of partition {partition_of(s.region).name} end with {suffix}",
            "copy it again",
            path,
            issuer,
        )


@_rule("cluster", "identity")
def _irsa_trusts_an_issuer(s: Any) -> Found:
    if s.identity.mode == "irsa" and s.cluster.oidc_issuer is None:
        yield ISSUER_MISSING.at(("cluster", "oidcIssuer"))


@_rule("region", "cluster", "storage")
def _key_is_ours(s: Any) -> Found:
    if not s.storage.kms_key_arn or is_late(s.storage.kms_key_arn, s.region, s.cluster.account):
        return
    path = ("storage", "kmsKeyArn")
    yield from _partition_fits(s, path, s.storage.kms_key_arn)
    arn = Arn.parse(s.storage.kms_key_arn)
    if arn.region != s.region:
        yield Refusal(
            "key-region",
            f"the key is in {arn.region} and the bucket in {s.region}: S3 needs a key of the bucket's region",
            "name a key of that region, or omit the field",
            path,
            s.storage.kms_key_arn,
        )


@_rule("region", "cluster", "identity")
def _boundary_is_ours(s: Any) -> Found:
    boundary = s.identity.permissions_boundary
    if boundary and not is_late(boundary, s.region, s.cluster.account):
        yield from _arn_fits(s, ("identity", "permissionsBoundary"), boundary)


@_rule("region", "cluster", "identity", "storage")
def _break_glass_is_ours(s: Any) -> Found:
    if is_late(s.region, s.cluster.account):
        return
    for number, arn in enumerate(s.storage.break_glass):
        if is_late(arn):
            continue
        path = ("storage", "breakGlass", number)
        yield from _arn_fits(s, path, arn)
        if not is_late(s.cluster.name, s.identity.role_name) and arn.rpartition("/")[2] == _velero_role(s):
            yield Refusal(
                "break-glass-velero",
                "this is Velero's own role: break-glass protects against a stolen token of its pod",
                "name the roles or users of people and of the deployment",
                path,
                arn,
            )


def _velero_role(s: Any) -> str:
    return s.identity.role_name or default_role_name(s.cluster.name, s.region)


def _arn_fits(s: Any, path: tuple[str | int, ...], text: str) -> Found:
    arn = Arn.parse(text)
    if arn.account not in (s.cluster.account, "aws"):
        yield Refusal(
            "arn-account",
            f"the ARN is of account {arn.account} and the stack of {s.cluster.account}",
            "name one of this account",
            path,
            text,
        )
    yield from _partition_fits(s, path, text)


def _partition_fits(s: Any, path: tuple[str | int, ...], text: str) -> Found:
    arn = Arn.parse(text)
    expected = partition_of(s.region).name
    if arn.partition != expected:
        yield Refusal(
            "arn-partition",
            f"{s.region} is in partition {expected}, the ARN in {arn.partition}",
            f"write arn:{expected}:…",
            path,
            text,
        )


@_rule("region", "storage")
def _endpoint_is_of_the_region(s: Any) -> Found:
    url = s.storage.s3_url
    if not url or is_late(s.region, s.storage.bucket):
        return
    path = ("storage", "s3Url")
    endpoint = aws_endpoint(url)
    if endpoint is None:
        host = urlsplit(url).hostname or ""
        if s.storage.bucket and host.startswith(f"{s.storage.bucket}."):
            yield Refusal(
                "s3-url-bucket",
                f"the host begins with the bucket's name, {s.storage.bucket}, and Velero adds it again",
                "write the host without the bucket",
                path,
                url,
            )
    elif endpoint.region != s.region:
        yield Refusal(
            "s3-url-region",
            f"this endpoint serves {endpoint.region}, and the bucket is in {s.region}",
            f"write https://s3.{s.region}.{partition_of(s.region).dns_suffix}, or omit the field",
            path,
            url,
        )


@_rule("environment", "storage")
def _deleted_backups_can_be_fetched_back(s: Any) -> Found:
    floor = NONCURRENT_FLOOR_DAYS[s.environment]
    if s.storage.noncurrent_days < floor:
        default = BY_ENVIRONMENT[s.environment]["storage"]["noncurrentDays"]
        yield Refusal(
            f"{s.environment}-noncurrent-days",
            f"in {s.environment} at least {floor}: for this long deleted backups can be recovered",
            f"write more, or omit it for {default}",
            ("storage", "noncurrentDays"),
            s.storage.noncurrent_days,
        )


@_rule("storage")
def _logs_go_elsewhere(s: Any) -> Found:
    logs = s.storage.access_logs
    if logs and logs.bucket == s.storage.bucket:
        yield Refusal(
            "logs-in-own-bucket",
            "logs in the backup bucket would make Velero's location Unavailable",
            "name another bucket",
            ("storage", "accessLogs", "bucket"),
            logs.bucket,
        )


@_rule("environment", "storage")
def _production_keeps_its_data(s: Any) -> Found:
    if s.environment != "production":
        return
    storage = s.storage
    if storage.force_destroy:
        yield Refusal(
            "production-force-destroy",
            "in production a destroy must not delete the backups",
            "set it to false",
            ("storage", "forceDestroy"),
            True,
        )
    if not storage.protect:
        yield Refusal(
            "production-protect",
            "in production bucket, key and repository password must be protected",
            "set it to true",
            ("storage", "protect"),
            False,
        )
    if storage.key_deletion_window_days != 30:
        yield Refusal(
            "production-key-window",
            "in production the window is 30 days, KMS's maximum: without its key no backup can be read",
            "leave it out",
            ("storage", "keyDeletionWindowDays"),
            storage.key_deletion_window_days,
        )
    if storage.s3_url and storage.s3_url.startswith("http://"):
        yield Refusal(
            "production-plain-http",
            "in production backups use TLS",
            "write https://, or omit the field",
            ("storage", "s3Url"),
            storage.s3_url,
        )


@_rule("environment", "release")
def _production_keeps_its_objects(s: Any) -> Found:
    if s.environment == "production" and s.release.helm_values_overrides.get("cleanUpCRDs"):
        yield Refusal(
            "production-clean-up-crds",
            "on uninstall it deletes every Backup, Restore and Schedule of the cluster",
            "remove it in production",
            ("release", "helmValuesOverrides", "cleanUpCRDs"),
            True,
        )


@_rule("release")
def _overrides_do_no_harm(s: Any) -> Found:
    yield from overrides.judge(s.release)[1]


@_rule("cluster", "release")
def _versions_go_together(s: Any) -> Found:
    release = s.release
    for refusal in versions.mismatches(
        kubernetes=s.cluster.kubernetes_version,
        velero=release.image.release,
        plugin=release.plugin.release,
        chart=release.chart.version,
    ):
        if not (release.allow_untested_kubernetes and refusal.code == versions.UNTESTED):
            yield _where_it_is_said(refusal, release)


def _where_it_is_said(refusal: Refusal, release: Any) -> Refusal:
    """A refusal of an image's release, told of the tag or of the version that says which it is."""
    image = {"image": release.image, "plugin": release.plugin}.get(str(refusal.path[1]))
    if image is None:
        return refusal
    key = "version" if image.version else "tag"
    return replace(refusal, path=(*refusal.path[:2], key), value=getattr(image, key))


@_rule("environment", "schedules")
def _production_has_a_schedule(s: Any) -> Found:
    if s.environment == "production" and not any(not schedule.paused for schedule in s.schedules.values()):
        state = "all of them are paused" if s.schedules else "there is none"
        yield Refusal(
            "production-no-schedule",
            f"production needs at least one running schedule, and {state}",
            "run one",
            ("schedules",),
            sorted(s.schedules),
        )


@_rule("schedules", "release")
def _velero_is_left_out(s: Any) -> Found:
    for name, schedule in s.schedules.items():
        if s.release.namespace in schedule.namespaces:
            yield Refusal(
                "velero-backs-itself-up",
                "this is Velero's own namespace: a restore would overwrite its Schedules and locations",
                "remove it",
                ("schedules", name, "namespaces"),
                s.release.namespace,
            )


@_rule("schedules")
def _schedules_are_sound(s: Any) -> Found:
    for name, schedule in s.schedules.items():
        cron = schedule.recurrence
        if cron.shortest_gap() < CRON_INTERVAL:
            yield Refusal(
                "interval-below-a-minute",
                f"runs every {words(cron.shortest_gap())}, and the shortest interval is {words(CRON_INTERVAL)}",
                "run it less often",
                ("schedules", name, "cron"),
                schedule.cron,
            )
        interval = cron.nominal_interval()
        if schedule.keep.seconds <= interval:
            yield Refusal(
                "retention-below-interval",
                f"a backup would expire before the next one, made every {words(interval)}",
                "raise it above that",
                ("schedules", name, "keep"),
                str(schedule.keep),
            )
        elif schedule.minimum_copies is not None and objectives.copies(schedule) < schedule.minimum_copies:
            yield objectives.too_few(name, schedule, schedule.minimum_copies, "minimumCopies of the schedule")


@_rule("schedules", "retention_tiers")
def _a_tier_has_its_name_alone(s: Any) -> Found:
    for key, tiers in s.retention_tiers.items():
        for name, made in tiers.schedules(key).items():
            there = s.schedules.get(name)
            if there is None or there.to_mapping() != Schedule.model_validate(made).to_mapping():
                yield Refusal(
                    "tier-name-taken",
                    f"{name}, this tier's name, is also in schedules",
                    "give one of the two another name",
                    ("schedules", name),
                )


@_rule("environment", "schedules", "recovery", "release", "volumes")
def _objectives_are_met(s: Any) -> Found:
    if not any(not schedule.paused for schedule in s.schedules.values()):
        if s.environment != "production":
            yield Refusal(
                "no-schedule-runs",
                "no schedule runs, so recovery.rpo cannot be met",
                "add one or enable one",
                ("schedules",),
                sorted(s.schedules),
            )
        return
    yield from objectives.missed(s)


@_rule("adopt", "identity", "volumes", "storage", "schedules", "repository_password")
def _adopted_is_made_here(s: Any) -> Found:
    yield from adopt.misplaced(s)


def warnings(s: Any, at: datetime) -> tuple[SettingsWarning, ...]:
    """What is true of valid settings in the year after `at` and worth knowing, without making them wrong."""
    found = [*objectives.warnings(s, at), *_too_often(s)]
    key = s.storage.kms_key_arn
    if key and not is_late(key, s.cluster.account) and Arn.parse(key).account != s.cluster.account:
        found.append(
            SettingsWarning(
                "key-of-another-account",
                "storage.kmsKeyArn",
                f"the key is of account {Arn.parse(key).account}: its policy must let account"
                f" {s.cluster.account} use it (kms:GenerateDataKey, kms:Decrypt), or every upload fails;"
                " this stack does not manage that key",
            )
        )
    found += _eks_support(s, at)
    newer = versions.unrehearsed(
        velero=s.release.image.release, plugin=s.release.plugin.release, chart=s.release.chart.version
    )
    said = [_where_it_is_said(one, s.release) for one in newer]
    found += [SettingsWarning(one.code, one.field, one.sentence, "error") for one in said]
    if s.release.allow_untested_kubernetes:
        found.append(
            SettingsWarning(
                "untested-kubernetes",
                "release.allowUntestedKubernetes",
                f"Velero {s.release.image.release} may be untested on Kubernetes"
                f" {s.cluster.kubernetes_version}; rehearse a restore before relying on it",
            )
        )
    return tuple(found)


def _too_often(s: Any) -> Iterator[SettingsWarning]:
    for name, schedule in s.schedules.items():
        gap = schedule.recurrence.shortest_gap()
        if gap < SHORTEST_INTERVAL:
            a_day, kept = grouped(86_400 // gap), grouped(schedule.keep.seconds // gap)
            yield SettingsWarning(
                "interval-too-short",
                f"schedules.{name}.cron",
                f"{name} runs every {words(gap)} at its closest, below {words(SHORTEST_INTERVAL)}: backups"
                f" do not overlap, so a longer one skips runs, and up to {a_day} a day"
                f" and {kept} kept are listed at every bucket sync; run it less often, or waive"
                " interval-too-short with the time that a backup takes",
                "error",
            )


def _eks_support(s: Any, at: datetime) -> list[SettingsWarning]:
    version = s.cluster.kubernetes_version
    ends = eks_calendar.support_ends(version, at)
    if ends is None:
        return []
    price = (
        f"{eks_calendar.EXTENDED_PRICE:.2f} USD an hour and not {eks_calendar.STANDARD_PRICE:.2f},"
        f" {grouped(eks_calendar.EXTRA_A_YEAR)} USD a year more"
    )
    standard, extended = ends.support.standard_until, ends.support.extended_until
    said = {
        "ending": f"standard support of Kubernetes {version} ends on {standard}, in {words(ends.days * 86_400)}: from"
        f" then on the cluster costs {price}",
        "extended": f"standard support of Kubernetes {version} ended on {standard}: the cluster costs {price}; on"
        f" {extended} extended support ends, and EKS then upgrades it automatically",
        "over": f"extended support of Kubernetes {version} ended on {extended}: EKS upgrades the cluster"
        " automatically and creates none with it",
    }[ends.stage]
    row = versions.row_of(s.release.image.release)
    newest = row.kubernetes[-1] if row else version
    mend = (
        f"upgrade it to {newest}, one minor version at a time"
        if newest != version
        else f"{version} is the newest that Velero {s.release.image.release} was tested on; plan for the next"
    )
    severity = "error" if ends.stage == "over" else "warning"
    return [SettingsWarning("eks-support", "cluster.kubernetesVersion", f"{said}; {mend}", severity)]
