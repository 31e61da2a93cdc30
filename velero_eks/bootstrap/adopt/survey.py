"""What would be taken over: found under the names of the plan, compared with it, and written down as a section. Pure
but for `survey`, which asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from velero_on_eks.adoption import BUCKET_SETTINGS, FIELDS, SCHEDULE
from velero_on_eks.settings import Settings
from velero_on_eks.settings.aws_facts import Arn

from velero_eks.bootstrap.adopt.compare import differences, with_key
from velero_eks.bootstrap.adopt.existing_aws import Existing, ExistingAws
from velero_eks.bootstrap.adopt.existing_cluster import ExistingCluster
from velero_eks.plan.model import Recording, Resource
from velero_eks.project.engine import StackState
from velero_eks.trees import Difference

# In the order in which the parts depend on each other.
_ORDER = {
    type_: number
    for number, type_ in enumerate(
        [
            FIELDS["bucket"],
            *BUCKET_SETTINGS.values(),
            FIELDS["key"],
            FIELDS["key_alias"],
            FIELDS["role"],
            FIELDS["role_policy"],
            FIELDS["pod_identity_association"],
            FIELDS["snapshot_controller"],
            FIELDS["snapshot_class"],
            FIELDS["namespace"],
            FIELDS["repository_secret"],
            FIELDS["release"],
            SCHEDULE,
        ]
    )
}
_SETTING_OF = {type_: name for name, type_ in BUCKET_SETTINGS.items()}
_FIELD_OF = {type_: name for name, type_ in FIELDS.items()}


@dataclass(frozen=True)
class Found:
    """A planned resource that exists already and that the stack's state does not have."""

    resource: Resource
    live: Existing
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Blocked:
    """Something that cannot be taken over as the stack file stands, and what to do first."""

    what: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Adoption:
    """The plan: what is imported, what is recreated, what cannot be, and what someone should know."""

    found: tuple[Found, ...] = ()
    made: tuple[Resource, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()
    # Whether the engine has to be given the password that the cluster has.
    password: bool = False

    def section(self) -> dict[str, Any]:
        """`velero-eks:adopt` for the stack file, in the order of its documentation; empty where nothing exists."""
        by_field = {_FIELD_OF[each.resource.type]: each for each in self.found if each.resource.type in _FIELD_OF}
        section: dict[str, Any] = {}
        if "bucket" in by_field:
            section["bucket"] = by_field["bucket"].live.id
        present = sorted(_SETTING_OF[each.resource.type] for each in self.found if each.resource.type in _SETTING_OF)
        if present:
            section["bucketSettings"] = present
        for name, key in (
            ("key", "key"),
            ("key_alias", "keyAlias"),
            ("role", "role"),
            ("role_policy", "rolePolicy"),
            ("pod_identity_association", "podIdentityAssociation"),
            ("snapshot_controller", "snapshotController"),
            ("snapshot_class", "snapshotClass"),
            ("namespace", "namespace"),
            ("repository_secret", "repositorySecret"),
            ("release", "release"),
        ):
            if name in by_field:
                section[key] = True if name == "snapshot_controller" else by_field[name].live.id
        schedules = sorted(each.live.id for each in self.found if each.resource.type == SCHEDULE)
        if schedules:
            section["schedules"] = schedules
        return section


@dataclass
class _Survey:
    settings: Settings
    found: list[Found] = field(default_factory=list)
    made: list[Resource] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def survey(
    recording: Recording, settings: Settings, state: StackState, aws: ExistingAws, cluster: ExistingCluster
) -> Adoption:
    """Look for every resource of the plan that the state does not have. Raises `OperationError` where that is refused:
    what cannot be read may exist, and an `up` that recreates it would fail halfway."""
    result = _Survey(settings)
    wanted = [
        resource
        for resource in sorted(recording, key=lambda each: (_ORDER.get(each.type, 99), each.name))
        if resource.type in _ORDER and not state.has(resource.type, resource.name)
    ]
    lives = {
        resource.urn: aws.find(resource) if aws.reads(resource.type) else cluster.find(resource) for resource in wanted
    }
    made_up, real = _key_ids(recording, state, lives)
    for resource in wanted:
        live = lives[resource.urn]
        if live is None:
            result.made.append(resource)
        elif live.cannot:
            result.blocked.append(Blocked(_named(resource, live), *live.cannot))
        else:
            planned = with_key(resource.inputs, made_up, real)
            result.found.append(Found(resource, live, tuple(differences(resource.type, planned, live.properties))))
    _drop_parts_without_whole(result)
    present = {each.resource.type for each in result.found}
    _same_key(result, aws, present, real)
    if FIELDS["role"] in present:
        role = next(each for each in result.found if each.resource.type == FIELDS["role"])
        others = aws.other_grants(role.live.id)
        if others:
            result.notes.append(f"the role {role.live.id} keeps other policies: {', '.join(others)}")
    result.notes += _of_release(result.found)
    secret = FIELDS["repository_secret"] in present
    if not secret and not state.has(FIELDS["repository_secret"], "velero-repository") and FIELDS["bucket"] in present:
        result.notes += _without_password(settings)
    return Adoption(
        found=tuple(result.found),
        made=tuple(result.made),
        blocked=tuple(result.blocked),
        notes=tuple(result.notes),
        password=secret,
    )


def _drop_parts_without_whole(result: _Survey) -> None:
    """A bucket's setting and a role's inline policy are imported with the bucket and the role. Without them they are
    simply written again, which is the same call."""
    whole = {each.resource.type for each in result.found}
    parts = dict.fromkeys(BUCKET_SETTINGS.values(), FIELDS["bucket"]) | {FIELDS["role_policy"]: FIELDS["role"]}
    alone = [each for each in result.found if each.resource.type in parts and parts[each.resource.type] not in whole]
    result.made += [each.resource for each in alone]
    result.found = [each for each in result.found if each not in alone]


def _key_ids(
    recording: Recording, state: StackState, found: dict[str, Existing | None]
) -> tuple[str | None, str | None]:
    """The key's id in the offline plan, which made one up, and its real one: the state's, or that of what exists."""
    keys = recording.of_type(FIELDS["key"])
    if not keys:
        return None, None
    existing = found.get(keys[0].urn)
    return keys[0].id, state.resources.get((keys[0].type, keys[0].name)) or (existing.id if existing else None)


def _same_key(result: _Survey, aws: ExistingAws, present: set[str], real: str | None) -> None:
    """What the bucket is encrypted with has to stay the key that the role may use, or older backups cannot be read."""
    if FIELDS["bucket"] not in present:
        return
    bucket = next(each for each in result.found if each.resource.type == FIELDS["bucket"]).live.id
    in_use = aws.bucket_key(bucket)
    planned = result.settings.storage.kms_key_arn
    planned_id = Arn.parse(planned).resource.removeprefix("key/") if planned else real
    if in_use is None or Arn.parse(in_use).resource.removeprefix("key/") == planned_id:
        return
    result.blocked.append(
        Blocked(
            f"the bucket {bucket}",
            f"it is encrypted with {in_use}, and Velero's role would get another key: its content"
            " could no longer be read",
            f"set storage.kmsKeyArn: {in_use}",
        )
    )


def _of_release(found: list[Found]) -> Iterator[str]:
    for each in found:
        if each.resource.type != FIELDS["release"]:
            continue
        yield f"Helm upgrades the release {each.live.id} once, even with the same values: its timeout is new"
        values = each.live.properties.get("values") or {}
        schedules = sorted(values.get("schedules") or {})
        if schedules:
            yield (
                f"the release has its own Schedules ({', '.join(schedules)}), which are removed;"
                " their backups remain. Add those to keep to velero-eks:schedules"
            )


def _without_password(settings: Settings) -> Iterator[str]:
    if settings.repository_password is None:
        yield (
            "the cluster has no repository password: if the bucket has file-system backups,"
            " set the escrowed one before 'pulumi up': pulumi config set --secret velero-eks:repositoryPassword"
        )


def _named(resource: Resource, live: Existing) -> str:
    return f"{resource.type.rpartition(':')[2]} {live.id}"
