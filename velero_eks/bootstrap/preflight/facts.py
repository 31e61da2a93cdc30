"""What preflight finds out before it judges: gathered once, checked often. What no one could ask is `Unknown`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from velero_on_eks.settings import Refusal

from velero_eks.aws.account import Bucket, Key
from velero_eks.aws.client import CallerIdentity
from velero_eks.aws.eks import ClusterFacts, Unknown
from velero_eks.project.backend import Backend
from velero_eks.project.engine import StackState
from velero_eks.velero.installation import Server
from velero_eks.velero.records import Location, Schedule


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What lies under the prefix: its folders, and the newest backups with the uid their maker gave them.

    `backups` holds name, uid and seconds since 1970 of when it was written.
    """

    folders: tuple[str, ...] = ()
    backups: tuple[tuple[str, str, float], ...] = ()
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Aws:
    """What the account says. None stands for what is not there, `Unknown` for what could not be asked.

    `deployer` is the role or the user behind `caller`; `principals` are the ARNs that IAM has for those that
    `storage.breakGlass` names. Both are asked for only where it names any.
    """

    caller: CallerIdentity | Unknown
    cluster: ClusterFacts | Unknown | None
    bucket: Bucket | Unknown | None = None
    contents: Contents | Unknown | None = None
    key: Key | Unknown | None = None
    alias_target: str | Unknown | None = None
    role: str | Unknown | None = None
    association: str | Unknown | None = None
    boundary: str | Unknown | None = None
    logs: Bucket | Unknown | None = None
    deployer: str | Unknown | None = None
    principals: Mapping[str, str | Unknown | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A CustomResourceDefinition: whether it is being deleted, and the operator that keeps it as it is, if any."""

    name: str
    deleting: bool = False
    operator: str | None = None


@dataclass(frozen=True, kw_only=True)
class StorageClass:
    """A StorageClass and the driver behind it."""

    name: str
    provisioner: str
    default: bool = False


@dataclass(frozen=True, order=True, kw_only=True)
class Claim:
    """A claim that has a volume. `driver` is that of CSI, or `in-tree` and the kind of volume.

    `left_out` says that its labels keep Velero from its volume, `own_class` that it names a VolumeSnapshotClass itself.
    """

    driver: str
    namespace: str
    name: str
    volume: str
    left_out: bool = False
    own_class: bool = False

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Namespace:
    """A namespace: its phase, and when it was made in seconds since 1970."""

    phase: str
    created: float


@dataclass(frozen=True, kw_only=True)
class Kubernetes:
    """What the cluster's API server says. `issuer` is of the tokens that it gives pods, and no other cluster's; it is
    asked for only where a named context leads there. `neighbours` are workloads in Velero's namespace, as `Kind name`,
    that are not Velero's."""

    version: str
    issuer: str | Unknown | None = None
    served: frozenset[str] | Unknown = frozenset()
    installed: tuple[Server, ...] | Unknown = ()
    definitions: tuple[Definition, ...] | Unknown = ()
    namespace: Namespace | Unknown | None = None
    neighbours: tuple[str, ...] | Unknown = ()
    secret: bool | Unknown = False
    release: bool | Unknown = False
    snapshot_class: bool | Unknown = False
    snapshot_controllers: tuple[str, ...] | Unknown = ()
    schedules: tuple[Schedule, ...] | Unknown = ()
    locations: tuple[Location, ...] | Unknown = ()
    backup_uids: frozenset[str] | Unknown = frozenset()
    storage_classes: tuple[StorageClass, ...] | Unknown = ()
    drivers: frozenset[str] | Unknown = frozenset()
    volumes: Mapping[str, int] | Unknown = field(default_factory=dict)
    claims: tuple[Claim, ...] | Unknown = ()
    # CSI drivers of which Velero finds a VolumeSnapshotClass.
    snapshot_drivers: frozenset[str] | Unknown = frozenset()
    missing_rights: tuple[str, ...] | Unknown = ()


@dataclass(frozen=True, kw_only=True)
class Here:
    """What this machine and this project say: the stack's state, other stacks, the programs on PATH.

    `state` is None where the stack was never initialised. `uv` is None where the program is started without it.
    `uv_folder` is where `make` put it beside the project. `release` is this tool's, `deploys` the one of
    velero-on-eks that the project pins, None where it pins none.
    """

    state: StackState | Unknown | None = field(default_factory=lambda: StackState({}))
    conflicts: tuple[Refusal, ...] = ()
    aws_cli: bool = True
    engine: tuple[int, int, int] | Unknown = (3, 200, 0)
    uv: bool | None = True
    uv_folder: str | None = None
    backend: Backend = field(default_factory=Backend)
    release: str = "1.0.0"
    deploys: str | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that was found out."""

    aws: Aws
    kubernetes: Kubernetes | Unknown
    here: Here
