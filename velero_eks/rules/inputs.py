"""Rules of values: every property is what the settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from velero_eks.rules import kinds
from velero_eks.rules.model import NotKnown, PolicyResource, Unknown, is_secret, look, rule
from velero_eks.rules.plan import Plan

if TYPE_CHECKING:
    from velero_on_eks.settings import Schedule, Settings

    from velero_eks.rules.meant import Meant

# What no setting asks for: each would undo one that is meant.
_NOT_OF_BUCKET = (kinds.BUCKET_ACL, kinds.BUCKET_INTELLIGENT_TIERING)
# Words and tags say nothing of how a thing behaves, and the way a type is written is Pulumi's own.
_PASSED_BY = frozenset({"apiVersion", "kind", "tags", "tagsAll", "description", "compat"})
# What rules of their own judge: documents, attachments, names, the password.
_JUDGED_ELSEWHERE: dict[str, frozenset[str]] = {
    kinds.BUCKET: frozenset({"bucket"}),
    kinds.BUCKET_POLICY: frozenset({"policy"}),
    kinds.KEY: frozenset({"policy"}),
    kinds.ROLE: frozenset({"name", "assumeRolePolicy", "inlinePolicies", "managedPolicyArns"}),
    kinds.ROLE_POLICY: frozenset({"policy"}),
    kinds.SECRET: frozenset({"stringData", "data"}),
    kinds.RANDOM_PASSWORD: frozenset({"length"}),
}
# Stands where the value is one that only AWS makes up.
_ANY = object()
# Stands where the program gives a value later, or a secret.
_LATE = object()


@rule(
    "unmeant-setting",
    on=(
        kinds.BUCKET,
        kinds.BUCKET_POLICY,
        kinds.BUCKET_LOGGING,
        kinds.KEY,
        kinds.ALIAS,
        kinds.ROLE,
        kinds.ROLE_POLICY,
        kinds.ADDON,
        kinds.NAMESPACE,
        kinds.SECRET,
        kinds.RANDOM_PASSWORD,
        kinds.SNAPSHOT_CLASS,
        *kinds.OF_BUCKET,
        *kinds.REPLICATIONS,
        *_NOT_OF_BUCKET,
    ),
    scope="stack",
    what="Bucket, key, role, namespace and snapshot class match the settings: encrypted with the key,"
    " versioned, private, no expiry of objects that Velero still reads, snapshots kept.",
    source="FSBP S3.5 to S3.17, KMS.4; Velero 1.18 kopialib; Velero docs, CSI support; velero#9254",
)
def unmeant_setting(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if resource.within is not None:
        # What the release brings along is none of the resources that the settings ask for.
        return
    if resource.kind in _NOT_OF_BUCKET:
        yield "is not expected: no setting asks for it, and it would undo one; remove it."
    elif resource.kind in kinds.REPLICATIONS:
        yield from _replication(resource, plan)
    else:
        yield from _differences(resource, plan)


@rule(
    "missing-setting",
    on=kinds.BUCKET,
    scope="stack",
    what="Each setting of the bucket is a resource: AWS's defaults differ.",
    source="FSBP S3.8, S3.10, S3.12, S3.14, S3.17",
)
def missing_setting(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.meant is None:
        return
    logged = plan.settings is not None and plan.settings.storage.access_logs is not None
    wanted = {**kinds.OF_BUCKET, **({kinds.BUCKET_LOGGING: "access logs"} if logged else {})}
    for kind, what in wanted.items():
        if not plan.of_bucket(bucket, kind):
            yield f"has no {what}, which is expected; add a {kind.rsplit(':', 1)[-1]}."


@rule(
    "unmeant-value",
    on=(kinds.RELEASE, kinds.POD_IDENTITY),
    scope="stack",
    what="The release has the chart, versions and values of the settings, and the pod its own role:"
    " with others the server loses its bucket, its role or its snapshots.",
    source="Velero chart 12 values.yaml; velero-plugin-for-aws 1.14 object_store.go; practice: reproducible plans",
)
def unmeant_value(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if resource.kind == kinds.POD_IDENTITY or resource in plan.releases or plan.is_of_component:
        yield from _differences(resource, plan)


@rule(
    "unmeant-schedule",
    on=kinds.SCHEDULE,
    scope="stack",
    what="Each Schedule is as in its settings: one that cannot be decoded stops all the others.",
    source="robfig/cron v3 ParseStandard; Velero 1.18 schedule controller, backup request validation",
)
def unmeant_schedule(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.settings is None:
        return
    if schedule.get("metadata", "name") not in plan.settings.schedules:
        known = ", ".join(plan.settings.schedules)
        yield f"the settings have no schedule {schedule.get('metadata', 'name')}; known: {known}."
        return
    yield from _differences(schedule, plan)


def _differences(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    """How a resource's inputs differ from what is meant. What cannot be known yet is told last, by NotKnown."""
    if plan.meant is None or plan.settings is None or not (plan.is_own(resource) or plan.alone):
        # What others put beside is not what the settings make, and rule `unmeant-resource` says so.
        return
    meant = _meant(resource, plan, plan.settings, plan.meant)
    if meant is None:
        return
    passed_by = _PASSED_BY | _JUDGED_ELSEWHERE.get(resource.kind, frozenset())
    found = {key: value for key, value in resource.inputs.items() if key not in passed_by}
    meant = {key: value for key, value in meant.items() if key not in passed_by}
    if resource.type.startswith("aws:") and found.get("region") is not None:
        # Of a resource: the provider's own is meant, which is the same.
        meant["region"] = _or_any(lambda: plan.meant.region if plan.meant else None)
    unknown: list[NotKnown] = []
    if plan.from_engine:
        # An engine shows what a provider answered: the inputs, and beside them all that AWS or the API server fills in.
        found, meant = _filled_in(found, meant), _without_nothing(meant)
    for path, is_there, is_meant in _compare(found, meant, (), unknown):
        place = ".".join(map(str, path))
        yield f"{place} is {_said(is_there)}, expected {_said(is_meant)}; change it to that."
    if unknown:
        raise unknown[0]


def _or_any(value: Callable[[], Any]) -> Any:
    """A meant value; any where the program gives it later."""
    try:
        return value()
    except NotKnown:
        return _ANY


def _compare(
    found: Any, meant: Any, path: tuple[str | int, ...], unknown: list[NotKnown]
) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:
    if meant is _LATE or (meant is _ANY and (found not in (None, "") or isinstance(found, Unknown))):
        return
    if isinstance(found, Unknown):
        unknown.append(NotKnown(path, found))
        return
    if is_secret(found):
        if _has_late(meant):
            unknown.append(NotKnown(path, None))
        else:
            # No one can look at it, and the settings have nothing to hide there.
            yield path, "a secret", meant
        return
    if isinstance(found, Mapping) and isinstance(meant, Mapping):
        for key in sorted({*found, *meant}, key=str):
            yield from _compare(found.get(key), meant.get(key), (*path, key), unknown)
    elif isinstance(found, list) and isinstance(meant, list) and len(found) == len(meant):
        for index, (one, other) in enumerate(zip(found, meant, strict=True)):
            yield from _compare(one, other, (*path, index), unknown)
    elif _plain(found) != _plain(meant) or isinstance(found, bool) != isinstance(meant, bool):
        yield path, found, meant


def _has_late(meant: Any) -> bool:
    """Whether something of a meant value is not known, or is a secret of the settings'."""
    from velero_on_eks.settings.late import is_late

    if isinstance(meant, Mapping | list):
        return any(map(_has_late, meant.values() if isinstance(meant, Mapping) else meant))
    return meant is _ANY or meant is _LATE or is_late(meant)


def _filled_in(found: Mapping[str, Any], meant: Mapping[str, Any]) -> dict[str, Any]:
    """What was answered, without what no one asked for: other fields of the whole and of `metadata`, and nothings."""
    asked = {key: value for key, value in found.items() if key in meant}
    metadata = asked.get("metadata")
    if isinstance(metadata, Mapping):
        asked["metadata"] = {key: value for key, value in metadata.items() if key in meant["metadata"]}
    return _without_nothing(asked)


def _without_nothing(value: Any) -> Any:
    """A value without what means the same as its absence in a provider's answer: false, zero, empty."""
    if isinstance(value, Mapping):
        held = {key: _without_nothing(item) for key, item in value.items()}
        return {key: item for key, item in held.items() if item is _ANY or item not in (None, False, 0, "", [], {})}
    return [_without_nothing(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """A value without what says nothing: a null, an empty mapping."""
    return None if value in (None, {}) else value


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    text = "a value of AWS's own" if value is _ANY else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"


def _meant(resource: PolicyResource, plan: Plan, settings: Settings, meant: Meant) -> dict[str, Any] | None:
    storage = settings.storage
    if resource.kind in (*kinds.OF_BUCKET, kinds.BUCKET_POLICY, kinds.BUCKET_LOGGING):
        return {"bucket": _or_any(lambda: meant.bucket_name), **_of_bucket(resource.kind, settings, meant)}
    match resource.kind:
        case kinds.BUCKET:
            return {"forceDestroy": storage.force_destroy}
        case kinds.KEY:
            return {
                "deletionWindowInDays": storage.key_deletion_window_days,
                "enableKeyRotation": True,
                "rotationPeriodInDays": storage.key_rotation_days,
            }
        case kinds.ALIAS:
            return {
                "name": _or_any(lambda: meant.key_alias),
                "targetKeyId": _or_any(lambda: meant.key_arn.rpartition("/")[2]),
            }
        case kinds.ROLE:
            return {"permissionsBoundary": settings.identity.permissions_boundary, "maxSessionDuration": 12 * 3600}
        case kinds.ROLE_POLICY:
            from velero_on_eks.documents.iam import POLICY_NAME

            return {"name": POLICY_NAME, "role": _or_any(lambda: meant.role_name)}
        case kinds.ADDON if resource in plan.own_of(kinds.ADDON) and settings.volumes.mode == "csi-snapshot":
            from velero_on_eks.documents.kubernetes import SNAPSHOT_CONTROLLER

            return {
                "clusterName": _or_any(lambda: meant.cluster_name),
                "addonName": SNAPSHOT_CONTROLLER,
                "addonVersion": settings.volumes.snapshot_controller_version,
                "resolveConflictsOnCreate": "OVERWRITE",
                "resolveConflictsOnUpdate": "PRESERVE",
            }
        case kinds.SNAPSHOT_CLASS:
            from velero_on_eks.documents.kubernetes import snapshot_class

            return snapshot_class(auto_mode=settings.cluster.auto_mode)
        case kinds.NAMESPACE:
            from velero_on_eks.documents.kubernetes import adopted_namespace_metadata, namespace_metadata

            name = settings.release.namespace
            # One that is adopted keeps the labels that it has.
            adopted = settings.adopt.namespace == name
            return {"metadata": adopted_namespace_metadata(name) if adopted else namespace_metadata(name)}
        case kinds.SECRET:
            from velero_on_eks.documents.kubernetes import MANAGED_BY, REPOSITORY_SECRET

            metadata = {"name": REPOSITORY_SECRET, "namespace": settings.release.namespace, "labels": dict(MANAGED_BY)}
            return {"metadata": metadata, "type": "Opaque"}
        case kinds.RANDOM_PASSWORD:
            return {"special": False}
        case kinds.POD_IDENTITY:
            release = settings.release
            return {
                "clusterName": _or_any(lambda: meant.cluster_name),
                "namespace": release.namespace,
                "serviceAccount": release.service_account,
                "roleArn": meant.role_arn,
            }
        case kinds.RELEASE:
            return _release(settings, meant)
        case kinds.SCHEDULE:
            return _schedule(settings, str(resource.get("metadata", "name")))
    return None


def _of_bucket(kind: str, settings: Settings, meant: Meant) -> dict[str, Any]:
    match kind:
        case kinds.BUCKET_VERSIONING:
            return {"versioningConfiguration": {"status": "Enabled"}}
        case kinds.BUCKET_OWNERSHIP:
            return {"rule": {"objectOwnership": "BucketOwnerEnforced"}}
        case kinds.BUCKET_PUBLIC_ACCESS:
            blocks = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
            return dict.fromkeys(blocks, True)
        case kinds.BUCKET_ENCRYPTION:
            from velero_on_eks.documents.storage import SSE_C

            default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": meant.key_arn}
            rule = {
                "applyServerSideEncryptionByDefault": default,
                "bucketKeyEnabled": True,
                "blockedEncryptionTypes": [SSE_C],
            }
            return {"rules": [rule]}
        case kinds.BUCKET_LIFECYCLE:
            return {"rules": _lifecycle(settings)}
        case kinds.BUCKET_LOGGING if (logs := settings.storage.access_logs) is not None:
            return {"targetBucket": logs.bucket, "targetPrefix": f"{logs.prefix}/" if logs.prefix else ""}
    return {}


def _replication(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    """What keeps a replication from being a replica: no setting makes one, so that this is all that is known of it."""
    meant = plan.meant
    if meant is None or not plan.reach.is_set_by(resource):
        return
    for entry in resource.items("rules"):
        called = f"replication rule {look(entry, 'id', default='without id')}"
        destination = look(entry, "destination", default={})
        narrowed = {key: value for key, value in look(entry, "filter", default={}).items() if value not in (None, "")}
        if look(entry, "status") != "Enabled":
            yield f"{called} is {look(entry, 'status')}, so it copies nothing; write Enabled, or remove it."
        if narrowed or look(entry, "prefix"):
            yield f"{called} copies only part of the backups; remove its filter."
        if look(entry, "deleteMarkerReplication", "status") == "Enabled":
            yield f"{called} copies deletions too, so the replica loses what the bucket loses; write Disabled."
        if look(destination, "account") not in (None, meant.account):
            yield (
                f"{called} copies to account {look(destination, 'account')}, and the settings name only"
                f" {meant.account}; if that account is yours, waive this with the reason."
            )
        if str(look(destination, "bucket")).rpartition(":::")[2] == meant.bucket_name:
            yield f"{called} copies the bucket into itself; name another bucket."


def _lifecycle(settings: Settings) -> list[dict[str, Any]]:
    from velero_on_eks.documents.storage import lifecycle_rules

    made = lifecycle_rules(
        noncurrent_days=settings.storage.noncurrent_days, abort_multipart_days=settings.storage.abort_multipart_days
    )
    return [_camel(one) for one in made]


def _camel(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_camel_key(str(key)): _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


def _camel_key(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _release(settings: Settings, meant: Meant) -> dict[str, Any]:
    from velero_on_eks.documents import helm_values
    from velero_on_eks.settings.aws_facts import partition_of
    from velero_on_eks.settings.versions import CHART_NAME

    release, storage, resources = settings.release, settings.storage, settings.release.resources
    limits = {"memory": resources.memory_limit, **({"cpu": resources.cpu_limit} if resources.cpu_limit else {})}
    values = helm_values.velero_values(
        bucket=meant.bucket_name,
        prefix=storage.prefix,
        location=helm_values.location_config(
            region=meant.region,
            dns_suffix=partition_of(meant.region).dns_suffix,
            s3_url=storage.s3_url,
            s3_force_path_style=storage.s3_force_path_style,
        ),
        service_account=release.service_account,
        role_arn=meant.role_arn if settings.identity.mode == "irsa" else None,
        image=release.image.parts,
        plugin=release.plugin.reference,
        csi_snapshots=settings.volumes.mode == "csi-snapshot",
        client_qps=release.client_qps,
        client_burst=release.client_burst,
        log_level=release.log_level,
        requests={"cpu": resources.cpu_request, "memory": resources.memory_request},
        limits=limits,
        priority_class=release.priority_class,
        disruption_budget=release.disruption_budget,
        pull_secrets=release.image_pull_secrets,
    )
    from_registry = release.chart.repository.startswith("oci://")
    return {
        "name": release.name,
        "namespace": release.namespace,
        "chart": f"{release.chart.repository.rstrip('/')}/{CHART_NAME}" if from_registry else CHART_NAME,
        "version": release.chart.version,
        "repositoryOpts": None if from_registry else {"repo": release.chart.repository},
        "values": helm_values.merged(values, _without_late(release.helm_values_overrides)),
        "atomic": False,
        "cleanupOnFail": False,
        "createNamespace": False,
        "skipAwait": False,
        "timeout": release.timeout_seconds,
    }


def _without_late(value: Any) -> Any:
    from velero_on_eks.settings.late import is_late

    if isinstance(value, Mapping):
        return {key: _without_late(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_late(item) for item in value]
    return _LATE if is_late(value) else value


def _schedule(settings: Settings, name: str) -> dict[str, Any]:
    from velero_on_eks.documents.kubernetes import schedule_metadata, schedule_spec

    schedule: Schedule = settings.schedules[name]
    namespace = settings.release.namespace
    spec = schedule_spec(
        cron=schedule.recurrence.velero_expression,
        ttl=schedule.keep.go,
        paused=schedule.paused,
        filters=schedule.filters(velero=namespace, snapshot_volumes=settings.volumes.mode == "csi-snapshot"),
    )
    return {"metadata": schedule_metadata(name, namespace), "spec": spec}
