"""What exists in the cluster under the plan's names, in the plan's own words."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from velero_on_eks.adoption import FIELDS, SCHEDULE
from velero_on_eks.documents.kubernetes import REPOSITORY_SECRET, REPOSITORY_SECRET_KEY
from velero_on_eks.settings import Settings
from velero_on_eks.settings.settings import PASSWORD_MIN, PUBLIC_PASSWORD
from velero_on_eks.settings.versions import CHART_NAME

from velero_eks.bootstrap.adopt.existing_aws import Existing, Properties
from velero_eks.kube.client import Cluster, Object
from velero_eks.plan.model import Resource
from velero_eks.velero.installation import Installation

_VERSION = re.compile(r"^v?(\d+)\.(\d+)\.(\d+)")


class ExistingCluster:
    """Reads what exists. Methods raise `OperationError` where the API server refuses."""

    def __init__(self, settings: Settings, cluster: Cluster) -> None:
        self._settings = settings
        self._installation = Installation(cluster, settings.release.namespace)
        self._readers: dict[str, Callable[[Resource], Existing | None]] = {
            FIELDS["namespace"]: self._namespace,
            FIELDS["repository_secret"]: self._secret,
            FIELDS["release"]: self._release,
            FIELDS["snapshot_class"]: self._snapshot_class,
            SCHEDULE: self._schedule,
        }

    def find(self, resource: Resource) -> Existing | None:
        """What exists of a planned resource, None where there is nothing."""
        return self._readers[resource.type](resource)

    def reads(self, type_: str) -> bool:
        """Whether resources of this type are of the cluster."""
        return type_ in self._readers

    def password(self) -> str | None:
        """The password in the repositories' Secret, None where there is none. Only the engine is to get it."""
        found = self._installation.secret(REPOSITORY_SECRET)
        if found is None:
            return None
        return _password_in(found)

    def _namespace(self, resource: Resource) -> Existing | None:
        name = resource.inputs["metadata"]["name"]
        found = self._installation.namespace()
        if found is None:
            return None
        phase = (found.get("status") or {}).get("phase", "Active")
        if phase != "Active":
            return Existing(name, cannot=(f"it is {phase}", "wait until it is gone"))
        return Existing(name, {"metadata": _marked(found)})

    def _secret(self, resource: Resource) -> Existing | None:
        name = resource.inputs["metadata"]["name"]
        found = self._installation.secret(name)
        if found is None:
            return None
        password = _password_in(found)
        delete = f"kubectl -n {self._settings.release.namespace} delete secret {name}"
        if password is None:
            return Existing(name, cannot=(f"it has no key {REPOSITORY_SECRET_KEY}", f"if nothing uses it: {delete}"))
        weak = "Velero's public default" if password == PUBLIC_PASSWORD else f"shorter than {PASSWORD_MIN} characters"
        if password == PUBLIC_PASSWORD or len(password) < PASSWORD_MIN:
            # The settings refuse it, and it cannot be changed: what is encrypted with it stays so.
            why = f"its password is {weak}, and existing file-system backups can only be restored with it"
            return Existing(
                name, cannot=(why, f"when they are no longer needed: {delete}; a strong one is then created")
            )
        return Existing(name)

    def _schedule(self, resource: Resource) -> Existing | None:
        metadata = resource.inputs["metadata"]
        found = self._installation.schedule(metadata["name"])
        return None if found is None else Existing(metadata["name"], {"spec": found.get("spec") or {}})

    def _snapshot_class(self, resource: Resource) -> Existing | None:
        name = resource.inputs["metadata"]["name"]
        found = self._installation.snapshot_class(name)
        if found is None:
            return None
        live = {key: found.get(key) for key in ("driver", "deletionPolicy")}
        return Existing(name, {**live, "metadata": _marked(found)})

    def _release(self, resource: Resource) -> Existing | None:
        namespace, name = resource.inputs["namespace"], resource.inputs["name"]
        release = self._installation.release(name)
        if release is None:
            return self._by_hand(namespace, name)
        live = {"version": release.version, "values": release.values}
        shown = f"{namespace}/{name}"
        if release.chart != CHART_NAME:
            return Existing(
                name, cannot=(f"{shown} uses the chart {release.chart}", "set release.name to another name")
            )
        if release.status != "deployed":
            why = f"{shown} is {release.status}, not deployed"
            return Existing(name, cannot=(why, f"finish it first: helm -n {namespace} history {name}"))
        return Existing(name, live, cannot=_older(resource.inputs, live, self._settings.release.image.release))

    def _by_hand(self, namespace: str, name: str) -> Existing | None:
        found = self._installation.server()
        if found is None:
            return None
        if found.by == "operator":
            remedy = "remove the operator's subscription and its DataProtectionApplication first"
        elif found.release:
            remedy = f"set release.name: {found.release[1]}, then run this again"
        else:
            remedy = (
                f"kubectl -n {namespace} delete deployment/velero && kubectl -n {namespace} delete"
                " backupstoragelocation/default; its Backups and Schedules remain"
            )
        why = {
            "operator": "an operator manages it",
            "helm": "another Helm release created it",
            "cli": "Helm did not create it",
        }
        return Existing(name, cannot=(f"the Velero in {namespace}: {why[found.by]}", remedy))


def _password_in(secret: Object) -> str | None:
    value = (secret.get("data") or {}).get(REPOSITORY_SECRET_KEY)
    return None if value is None else base64.b64decode(value).decode(errors="replace")


def _marked(found: Object) -> Properties:
    return {"name": found["metadata"]["name"], "labels": found["metadata"].get("labels") or {}}


def _older(planned: Properties, live: Properties, velero: str) -> tuple[str, str] | None:
    """Why a release would go back in time, to `velero`: an older server does not read what a newer one wrote."""
    chart, wanted = live["version"], planned.get("version")
    if _newer(chart, wanted):
        return f"its chart is {chart}, and the stack's {wanted} is older", f"set release.chart.version: {chart}"
    tag = ((live["values"].get("image") or {}).get("tag")) or ""
    if _newer(tag, velero):
        return f"its server is {tag}, and the stack's {velero} is older", f"set release.image.tag: {tag}"
    return None


def _newer(one: Any, other: Any) -> bool:
    first, second = _VERSION.match(str(one)), _VERSION.match(str(other))
    return bool(first and second and tuple(map(int, first.groups())) > tuple(map(int, second.groups())))
