"""Facts with something in the way, and what a finding of preflight is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from velero_on_eks.adoption import FIELDS

from tests.support import ACCOUNT
from tests.velero_eks.bootstrap.cases import MADE
from velero_eks.aws.account import Bucket, Key
from velero_eks.bootstrap.preflight.facts import Namespace
from velero_eks.project.engine import StackState
from velero_eks.velero.installation import Server
from velero_eks.velero.records import Location, Schedule

ROLE_NAME = "velero-shop-eu-west-1"
BUCKET = f"velero-shop-{ACCOUNT}-eu-west-1"
KEY_ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CSI = {"volumes": {"mode": "csi-snapshot"}}
CSI_EXISTING = {"volumes": {"mode": "csi-snapshot", "snapshotController": "existing"}}
POD_IDENTITY = {"identity": {"mode": "pod-identity"}}
OWN_KEY = {"storage": {"kmsKeyArn": KEY_ARN}}
LOGS = {"storage": {"accessLogs": {"bucket": "logs-of-the-account"}}}
CONTEXT = {"cluster": {"context": "shop-admin"}}
SNAPSHOT_KINDS = frozenset(
    f"snapshot.storage.k8s.io/{kind}" for kind in ("VolumeSnapshot", "VolumeSnapshotClass", "VolumeSnapshotContent")
)
BOUNDARY = {"identity": {"permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/bounds"}}


def bucket(**changes: Any) -> Bucket:
    return Bucket(**{"name": BUCKET, "owned": True, "region": "eu-west-1", **changes})


def key(**changes: Any) -> Key:
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    given = {
        "arn": KEY_ARN,
        "state": "Enabled",
        "manager": "CUSTOMER",
        "usage": "ENCRYPT_DECRYPT",
        "spec": "SYMMETRIC_DEFAULT",
        "policy": {"Statement": [root]},
    }
    return Key(**{**given, **changes})


def statement(principal: Any, *actions: str) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*"}
    return {"policy": {"Statement": allow}}


def schedule(spec: dict[str, Any], name: str = "by-hand", namespace: str = "velero") -> Schedule:
    return Schedule({"metadata": {"name": name, "namespace": namespace}, "spec": spec})


def location(bucket: str, prefix: str = "") -> Location:
    place = {"bucket": bucket, **({"prefix": prefix} if prefix else {})}
    return Location({"metadata": {"name": "default", "namespace": "velero"}, "spec": {"objectStorage": place}})


def state(*types: str, name: str = "velero") -> StackState:
    ids = {FIELDS["bucket"]: BUCKET, FIELDS["key_alias"]: "alias/velero-shop", FIELDS["role"]: ROLE_NAME}
    return StackState({(each, name): ids.get(each, "id") for each in types})


def instead(field: str, other: str) -> StackState:
    """A state that has another one of this kind."""
    return StackState({**IN_STATE.resources, (FIELDS[field], "velero"): other})


def velero(**changes: Any) -> Server:
    image = {"namespace": "velero", "name": "velero", "image": "velero/velero:v1.15.0", "by": "cli"}
    return Server(**{**image, **changes})


ACTIVE = Namespace("Active", MADE)
HELM = velero(by="helm", release=("velero", "velero"))
FINE_TTL = schedule({"schedule": "0 2 * * *", "template": {"ttl": "720h0m0s"}})
IN_STATE = state(*(type_ for name, type_ in FIELDS.items() if name != "key"))


@dataclass(frozen=True)
class Finds:
    """One finding: the facts that provoke it, the facts (or settings) that clear it, and what it says."""

    check: str
    provoked: dict[str, Any]
    cleared: dict[str, Any]
    said: str
    remedy: str
    severity: str = "error"
    settings: dict[str, Any] = field(default_factory=dict)
    cleared_settings: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.check}: {self.said}"
