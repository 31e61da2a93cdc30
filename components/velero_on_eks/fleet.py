"""What stacks make, compared: each stack is valid by itself, and two that make the same thing shut each other out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from velero_on_eks.documents.kubernetes import SNAPSHOT_CLASS, SNAPSHOT_CONTROLLER
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings
from velero_on_eks.settings.base import snake_case
from velero_on_eks.settings.refusals import MISSING, Refusal, StackFileError
from velero_on_eks.settings.stack_file import PROJECT, StackFile, shown_path
from velero_on_eks.settings.versions import CHART_NAME


@dataclass(frozen=True)
class Made:
    """Something that a stack makes under a name of its own: what it is, and where there can be one of this name only.

    `place` is compared; two stacks with the same one collide. `setting` gives the name, and is empty where none does.
    """

    what: str
    place: tuple[str, ...]
    name: str
    setting: str


def made_by(settings: Settings) -> Iterator[Made]:
    """Everything that a stack makes whose name is unique somewhere: in the partition, the account or the cluster."""
    names, release = Names.of(settings), settings.release
    account, region = str(settings.cluster.account), str(settings.region)
    partition, cluster = settings.partition.name, str(names.cluster)
    yield Made("bucket", ("s3", partition, str(names.bucket)), str(names.bucket), "storage.bucket")
    yield Made("role", ("iam", account, str(names.role)), str(names.role), "identity.roleName")
    if not settings.storage.kms_key_arn:
        alias = str(names.key_alias)
        yield Made("key alias", ("kms", account, region, alias), alias, "storage.kmsKeyArn")
    inside = ("eks", account, region, cluster)
    space = release.namespace
    yield Made("namespace", (*inside, "namespace", space), space, "release.namespace")
    if settings.volumes.mode == "csi-snapshot":
        yield Made("VolumeSnapshotClass", (*inside, "snapshot-class", SNAPSHOT_CLASS), SNAPSHOT_CLASS, "volumes.mode")
        if settings.volumes.snapshot_controller == "addon":
            add_on = (*inside, "add-on", SNAPSHOT_CONTROLLER)
            yield Made("EKS add-on", add_on, SNAPSHOT_CONTROLLER, "volumes.snapshotController")
    # The chart's names hold its own, and its ClusterRoleBinding is of the whole cluster.
    binding = f"{release.name if CHART_NAME in release.name else f'{release.name}-{CHART_NAME}'}-server"
    yield Made("ClusterRoleBinding", (*inside, "binding", binding), binding, "release.name")


def conflicts(files: Sequence[StackFile]) -> list[StackFileError]:
    """Stacks that make the same thing, one error for each pair's later file, with everything they both make.

    The second `pulumi up` stops at a name that is taken, or takes over what the first one made: two stacks that make
    one bucket set their own key and policy on it by turns.
    """
    made = [{each.place: each for each in made_by(file.settings)} for file in files]
    found: list[StackFileError] = []
    for number, file in enumerate(files):
        for earlier in range(number):
            shared = [each for place, each in made[number].items() if place in made[earlier]]
            if shared and len(shared) == len(made[number]):
                refusals = [_copy(shared, file, files[earlier])]
            else:
                refusals = [_refusal(each, file, files[earlier]) for each in shared]
            if refusals:
                found.append(StackFileError(refusals))
    return found


def _refusal(made: Made, file: StackFile, earlier: StackFile) -> Refusal:
    other = shown_path(earlier.path)
    section, _, field = made.setting.partition(".")
    at = (f"{PROJECT}:{section}", field)
    if made.what == "bucket":
        return _same_bucket(made, at, file, earlier)
    if made.what == "key alias":
        remedy = "give one of the two a key that exists as storage.kmsKeyArn"
    elif made.what == "EKS add-on":
        remedy = "set volumes.snapshotController: existing in one of the two"
    elif made.what == "VolumeSnapshotClass":
        remedy = "only one Velero may snapshot a cluster's volumes: set volumes.mode: none in one of the two"
    else:
        remedy = f"set another {made.setting} in one of the two, or keep one stack for the cluster"
    value = _given(file.settings, made.setting)
    return Refusal(
        "made-by-another-stack",
        f"{other} makes the {made.what} {made.name}  too, and only one can exist: the second 'pulumi up' fails",
        remedy,
        at,
        value,
        shown_path(file.path),
    )


def _copy(shared: Sequence[Made], file: StackFile, earlier: StackFile) -> Refusal:
    """The one refusal of a stack that makes nothing of its own."""
    made = ", ".join(f"{each.what} {each.name}" for each in shared[:2])
    return Refusal(
        "copy-of-another-stack",
        f"{shown_path(earlier.path)} is for the same cluster and makes the same {made} and all the rest",
        "write another cluster here, or remove one of the two files",
        (f"{PROJECT}:cluster", "name"),
        str(file.settings.cluster.name),
        shown_path(file.path),
    )


def _same_bucket(made: Made, at: tuple[str, ...], file: StackFile, earlier: StackFile) -> Refusal:
    other = shown_path(earlier.path)
    prefix, others = file.settings.storage.prefix or "", earlier.settings.storage.prefix or ""
    limit = f"{other} makes the bucket {made.name} too: each sets its own key and policy on it and locks the other out"
    if prefix == others:
        limit += "; and both write to the same prefix, so each expires the other's backups"
    elif not prefix or not others or f"{prefix}/".startswith(f"{others}/") or f"{others}/".startswith(f"{prefix}/"):
        limit += "; and one prefix is inside the other, which makes the outer location Unavailable"
    return Refusal(
        "place-of-another-stack",
        limit,
        "give each stack a bucket of its own",
        at,
        f"{made.name}/{prefix}" if prefix else made.name,
        shown_path(file.path),
    )


def _given(settings: Settings, setting: str) -> object:
    found: object = settings
    for part in setting.split("."):
        found = getattr(found, snake_case(part), MISSING)
    return MISSING if found is None else found
