"""Rules of resources: everything that the settings ask for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, look, rule
from velero_eks.rules.plan import Plan

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

# Rules of their own say of these that they are not meant: attachments, and what rule `unmeant-setting` judges.
_JUDGED_ELSEWHERE = (
    *kinds.ATTACHMENTS,
    kinds.BUCKET_ACL,
    kinds.BUCKET_INTELLIGENT_TIERING,
    kinds.IAM_USER,
    kinds.ACCESS_KEY,
)
_STORAGE = (
    kinds.BUCKET,
    kinds.BUCKET_POLICY,
    kinds.BUCKET_LOGGING,
    *kinds.OF_BUCKET,
    kinds.KEY,
    kinds.ALIAS,
)
# Of each, what must be there before it: the rules of the cluster side and of the schedules have the others.
_BEFORE: dict[str, tuple[str, ...]] = {
    kinds.RELEASE: (
        kinds.NAMESPACE,
        kinds.BUCKET_PUBLIC_ACCESS,
        kinds.BUCKET_VERSIONING,
        kinds.BUCKET_ENCRYPTION,
        kinds.BUCKET_POLICY,
        kinds.ROLE_POLICY,
        kinds.POD_IDENTITY,
    ),
    kinds.BUCKET_LIFECYCLE: (kinds.BUCKET_VERSIONING,),
    kinds.BUCKET_POLICY: (kinds.BUCKET_PUBLIC_ACCESS,),
}
_SECRET_OUTPUTS = {kinds.SECRET: {"data", "stringData"}, kinds.RANDOM_PASSWORD: {"bcryptHash", "result"}}
# No one loses anything by tags that something else sets.
_MAY_BE_IGNORED = ("tags", "tagsAll")


@rule(
    "unmeant-resource",
    on=kinds.ANY,
    scope="stack",
    what="No other resource touches the bucket, the key, the role, the service account or the namespace,"
    " and no expected resource exists twice.",
    source="practice against ransomware; EKS User Guide, Pod Identity; Velero 1.18, whatever is in its namespace",
)
def unmeant_resource(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    settings = plan.settings
    if settings is None or not plan.is_of_component:
        return
    if resource.within is not None:
        # Rule `helm-override` names each of these.
        return
    if resource.kind in _JUDGED_ELSEWHERE or (resource.kind in kinds.REPLICATIONS and plan.reach.is_set_by(resource)):
        return
    if plan.is_own(resource) and resource.custom:
        yield from _not_once(resource, plan, settings)
        return
    reached = plan.reach.of(resource)
    if reached is not None:
        yield (f"touches {reached}, which the settings do not ask for; remove it, or waive this with the reason.")


def _not_once(resource: PolicyResource, plan: Plan, settings: Settings) -> Iterator[str]:
    wanted = _wanted(settings)
    if resource.kind == kinds.SCHEDULE:
        name = look(resource.inputs, "metadata", "name")
        of_name = [one for one in plan.own_of(kinds.SCHEDULE) if look(one.inputs, "metadata", "name") == name]
        if resource in of_name[1:]:
            yield f"is a second Schedule {name}; remove one of them."
    elif resource.kind not in wanted:
        if resource.kind in _MADE or plan.reach.of(resource) is not None:
            yield "is not expected: the settings ask for none; remove it."
    elif resource is not _meant_one(plan.own_of(resource.kind), plan):
        yield f"is a second {resource.kind.rsplit(':', 1)[-1]}, expected one; remove one of them."


def _meant_one(found: list[PolicyResource], plan: Plan) -> PolicyResource:
    """Of several of a kind the one that the component makes: in one of its parts, and of the component's name."""
    name = plan.whole.name

    def is_odd(one: PolicyResource) -> tuple[bool, bool]:
        return ":index:" not in one.urn.split("::")[2].partition("$")[2], one.name not in (name, f"{name}-controller")

    return min(found, key=is_odd)


def _wanted(settings: Settings) -> dict[str, str]:
    """What the settings ask for, by kind, and what a person calls it. Schedules are counted by name."""
    snapshots = settings.volumes.mode == "csi-snapshot"
    found = {
        kinds.BUCKET: "bucket",
        kinds.BUCKET_POLICY: "bucket policy",
        **kinds.OF_BUCKET,
        kinds.ROLE: "role",
        kinds.ROLE_POLICY: "policy of the role",
        kinds.NAMESPACE: "namespace",
        kinds.SECRET: "secret with the repository password",
        kinds.RELEASE: "Helm release of Velero",
    }
    further = {
        kinds.BUCKET_LOGGING: ("access logs", settings.storage.access_logs is not None),
        kinds.KEY: ("KMS key, since storage.kmsKeyArn is not set", settings.storage.kms_key_arn is None),
        kinds.ALIAS: ("alias of the key", settings.storage.kms_key_arn is None),
        kinds.POD_IDENTITY: (
            "Pod Identity association, so the pod gets no role",
            settings.identity.mode == "pod-identity",
        ),
        kinds.ADDON: (
            "add-on snapshot-controller, which installs the snapshot CRDs",
            snapshots and settings.volumes.snapshot_controller == "addon",
        ),
        kinds.SNAPSHOT_CLASS: (
            "VolumeSnapshotClass, required by volumes.mode csi-snapshot: with EnableCSI and without the"
            " snapshot CRDs every backup is PartiallyFailed",
            snapshots,
        ),
        kinds.RANDOM_PASSWORD: ("generated repository password", settings.repository_password is None),
    }
    return {**found, **{kind: what for kind, (what, is_wanted) in further.items() if is_wanted}}


# Every kind that some settings ask for.
_MADE = (*_STORAGE, kinds.ROLE, kinds.ROLE_POLICY, kinds.POD_IDENTITY, kinds.ADDON, kinds.SNAPSHOT_CLASS,
         kinds.NAMESPACE, kinds.SECRET, kinds.RELEASE)  # fmt: skip
# What another rule finds missing, at the bucket or at the role.
_MISSED_ELSEWHERE = (kinds.BUCKET_POLICY, kinds.BUCKET_LOGGING, *kinds.OF_BUCKET, kinds.ROLE_POLICY)


@rule(
    "missing-resource",
    on=kinds.WHOLE,
    scope="stack",
    what="Everything in the settings is in the plan: bucket, key, role, association, namespace, password,"
    " snapshot class, release and every Schedule.",
    source="practice: an objective needs a schedule; seen on Velero 1.18.2 without the snapshot CRDs",
)
def missing_resource(whole: PolicyResource, plan: Plan) -> Iterator[str]:
    settings = plan.settings
    if settings is None or not (plan.is_of_component or plan.releases):
        return
    for kind, what in _wanted(settings).items():
        if kind in _MISSED_ELSEWHERE or plan.own_of(kind):
            continue
        if not plan.is_of_component and kind not in (kinds.POD_IDENTITY, kinds.SNAPSHOT_CLASS):
            # A program of single parts makes what it needs of them.
            continue
        if kind == kinds.RANDOM_PASSWORD and not plan.alone:
            # A program may give a password, which its settings do not show.
            continue
        yield f"{what} is missing, and the settings ask for it; add it."
    made = {look(schedule.inputs, "metadata", "name") for schedule in plan.own_of(kinds.SCHEDULE)}
    for name in settings.schedules:
        if name not in made:
            yield f"Schedule {name} is missing; add it."


@rule(
    "unmeant-option",
    on=(*_MADE, kinds.RANDOM_PASSWORD, kinds.SCHEDULE),
    scope="stack",
    what="No resource option undoes the settings: no ignored changes, no other replacement or"
    " deletion, protection as storage.protect says, dependencies complete.",
    source="Pulumi docs, resource options",
)
def unmeant_option(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    settings, options = plan.settings, resource.options
    if settings is None or not plan.is_own(resource):
        return
    adopted = resource.kind == kinds.NAMESPACE and settings.adopt.namespace is not None
    # Its labels are those of whoever made it.
    left = ("metadata.labels",) if adopted else ()
    ignored = [one for one in options.get("ignoreChanges") or () if one not in left and not _may_be_ignored(str(one))]
    if ignored:
        yield f"ignoreChanges is {', '.join(ignored)}: changes there are never applied; remove it."
    if options.get("deleteBeforeReplace") is True:
        yield "deleteBeforeReplace is on: a replacement would delete it first; remove it."
    if options.get("replaceOnChanges"):
        yield (
            f"replaceOnChanges is {', '.join(map(str, options['replaceOnChanges']))}: a change there would"
            " delete it; remove it."
        )
    if options.get("deletedWith"):
        yield f"deletedWith is {_named(options['deletedWith'])}: it would be deleted with that; remove it."
    imported = options.get("import")
    if imported and not _is_adopted(str(imported), settings):
        yield f"import is {imported}, and velero-eks:adopt does not have it; remove it, or add it there."
    if options.get("customTimeouts"):
        said = ", ".join(f"{key} {value}" for key, value in options["customTimeouts"].items())
        yield f"customTimeouts is {said}: the engine would time out at another time; remove it."
    for alias in options.get("aliases") or ():
        if plan.is_of_other(str(alias), resource):
            yield f"the alias {_named(str(alias))} would take over another resource's state; remove it."
    missing = _SECRET_OUTPUTS.get(resource.kind, set()) - set(options.get("additionalSecretOutputs") or ())
    if missing and "additionalSecretOutputs" in options:
        yield (
            f"additionalSecretOutputs lacks {', '.join(sorted(missing))}: the password would be readable in the"
            " state; add them."
        )
    yield from _unprotected(resource, plan, settings)
    if resource.urn in plan.endless:
        around = [urn for urn in resource.depends_on or () if urn in plan.endless]
        yield f"depends on itself, through {', '.join(map(_named, around))}; remove that from dependsOn."
    for needed in plan.own_of(*_BEFORE.get(resource.kind, ())):
        if plan.waits_for(resource, needed) is False:
            yield f"does not depend on {needed.label}; add it to dependsOn."


def _unprotected(resource: PolicyResource, plan: Plan, settings: Settings) -> Iterator[str]:
    if not settings.storage.protect:
        return
    protected = (*_STORAGE, kinds.NAMESPACE, kinds.SECRET, kinds.RANDOM_PASSWORD)
    retained = (*_STORAGE, kinds.SECRET, kinds.RANDOM_PASSWORD)
    judged_elsewhere: dict[str, tuple[str, ...]] = {"protect": (), "retainOnDelete": ()}
    if plan.environment != "development":
        # Rules `storage-kept` and `repository-password-kept`.
        kept = (kinds.BUCKET, kinds.KEY)
        judged_elsewhere = {"protect": (*kept, kinds.SECRET, kinds.RANDOM_PASSWORD), "retainOnDelete": kept}
    for option, value, on in (
        ("protect", resource.protect, protected),
        ("retainOnDelete", resource.retain_on_delete, retained),
    ):
        if value is False and resource.kind in on and resource.kind not in judged_elsewhere[option]:
            yield f"{option} is off, and storage.protect is true; turn it on."


def _may_be_ignored(path: str) -> bool:
    first = path.split(".", 1)[0].split("[", 1)[0]
    return first in _MAY_BE_IGNORED


def _is_adopted(id_: str, settings: Settings) -> bool:
    from velero_on_eks.documents.kubernetes import SNAPSHOT_CONTROLLER

    adopt = settings.adopt
    said: Mapping[str, Any] = adopt.model_dump()
    names = {value for value in said.values() if isinstance(value, str)} | set(adopt.schedules)
    if adopt.snapshot_controller:
        names.add(SNAPSHOT_CONTROLLER)
    return any(id_ == name or id_.endswith((f"/{name}", f":{name}", f",{name}")) for name in names)


def _named(urn: str) -> str:
    type_, _, name = urn.rpartition("::")
    return f"{type_.rpartition('$')[2].rpartition(':')[2]} {name}"
