"""What happens in the lab between the commands of a runbook, by the names that the pages use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.deployment import Deployment
from lab.kubernetes_api import KubernetesApi
from lab.processes import wait_until
from lab.rehearsal import application as app
from lab.rehearsal.incidents import deploy
from lab.rehearsal.snapshot import Snapshot, compare, snapshot
from lab.rehearsal.velero import Velero
from tests.lab.tool import deny_bucket, gone, until_blocked
from velero_eks.kube.objects import Object

NIGHT = "daily-backup-20261124020000"
"""The backup that has the hotfix, as its page names it."""
_SCHEDULE = "daily-backup"
_SECONDS = 120
_MERGE = "application/merge-patch+json"
_NAMESPACE = f"/api/v1/namespaces/{app.NAMESPACE}"
_VELERO = "/apis/velero.io/v1/namespaces/velero"
_LOCATION = f"{_VELERO}/backupstoragelocations/default"
_SERVER = "/apis/apps/v1/namespaces/velero/deployments/velero"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NAMES = (app.CRD, app.WEBHOOK)
_YOUNG = f"rubrics.{app.GROUP}"


class Scenes:
    """The lab of the runbooks; `play` makes something happen, or judges what came of it."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.lab = deployment.lab
        self._before: Snapshot = {}
        self._backups = 0
        self._undo: list[Callable[[], object]] = []

    @property
    def api(self) -> KubernetesApi:
        """The cluster of the moment: a page may have it built again."""
        return self.lab.cluster.api

    @property
    def velero(self) -> Velero:
        return Velero(self.api)

    def begin(self) -> None:
        """The application whole, no backup of another page, and the objects of two GitOps controllers."""
        deploy(self.api)
        for kind in _GITOPS:
            self.api.apply_all([kind.definition, kind.namespace])
            collection = self.api.path(kind.api_version, kind.kind, kind.place)
            wait_until(
                lambda path=collection: self.api.find(path) is not None, seconds=30, what=f"{collection} was served"
            )
            self.api.apply(kind.object)
        self._remember()

    def end(self) -> None:
        """Undo what a page has left open."""
        while self._undo:
            self._undo.pop()()

    def play(self, name: str) -> None:
        """Play the scene of that name. Raises `KeyError` for one that no one wrote."""
        scenes: dict[str, Callable[[], object]] = {
            "daily-backup": self._daily_backup,
            "namespace-deleted": lambda: gone(self.api, _NAMESPACE),
            "whole": self._whole,
            "hotfix-backed-up": self._hotfix_backed_up,
            "hotfix-overwritten": self._hotfix_overwritten,
            "only-the-hotfix-came-back": self._only_the_hotfix,
            "velero-stopped": self._velero_stopped,
            "velero-started": self._velero_started,
            "crd-installed-now": self._crd_installed_now,
            "crd-without-objects-removed": lambda: gone(self.api, f"{_DEFINITIONS}/{_YOUNG}"),
            "crd-removed-and-webhook-blocks": self._crd_removed,
            "webhook-blocks": self._webhook_blocks,
            "ttl-unparseable": self._ttl_unparseable,
            "bucket-denied": self._bucket_denied,
            "bucket-allowed": self.end,
            "backup-fails-in-part": self._fails_in_part,
            "backup-is-whole-again": self.end,
            "objective-met": self._objective_met,
            "nothing-of-drills-left": self._nothing_of_drills_left,
            "cluster-lost": self.lab.rebuild_cluster,
            "backups-are-seen": self._backups_are_seen,
        }
        scenes[name]()

    # Incidents

    def _daily_backup(self, name: str = "") -> None:
        """What the schedule makes, now, and under a name like those that it gives."""
        self._backups += 1
        name = name or f"{_SCHEDULE}-202611230200{self._backups:02}"
        schedule = self.velero.schedule(_SCHEDULE)
        assert schedule is not None
        labels = {"velero.io/schedule-name": _SCHEDULE}
        self.velero.completed(self.velero.backup(name, schedule["spec"]["template"], labels=labels))
        self._remember()

    def _hotfix_backed_up(self) -> None:
        self.api.apply(app.hotfix())
        self._daily_backup(NIGHT)

    def _hotfix_overwritten(self) -> None:
        """What Git says is written back, with a release; what is wanted is that, and the fix beside it."""
        self.api.apply(app.from_git())
        self.api.apply(app.release("registry.example.com/exam:1.5.0"))
        self._remember()
        fixed = self.api.apply(app.hotfix())
        self.api.apply(app.from_git())
        self._before.update({key: fixed for key in self._before if (key.kind, key.name) == ("ConfigMap", app.HOTFIX)})

    def _velero_stopped(self) -> None:
        self._scale(0)
        self._undo.append(lambda: self._scale(1))

    def _velero_started(self) -> None:
        self.end()
        self.lab.cluster.wait_until_available("velero", "velero", seconds=_SECONDS)
        self.velero.wait_until_location_is_available()

    def _scale(self, replicas: int) -> None:
        self.api.request("PATCH", _SERVER, {"spec": {"replicas": replicas}}, content=_MERGE)
        wait_until(
            lambda: ((self.api.find(_SERVER) or {}).get("status", {}).get("availableReplicas") or 0) == replicas,
            seconds=_SECONDS,
            what=f"{replicas} servers ran",
        )

    def _crd_installed_now(self) -> None:
        """A second kind of the application's group, a moment old and without objects."""
        young = app.definition()
        young["metadata"] = {"name": _YOUNG}
        young["spec"] = {
            **young["spec"],
            "names": {"plural": "rubrics", "singular": "rubric", "kind": "Rubric", "listKind": "RubricList"},
        }
        self.api.apply_all([young])

    def _crd_removed(self) -> None:
        gone(self.api, f"{_DEFINITIONS}/{app.CRD}")
        self._webhook_blocks()

    def _webhook_blocks(self) -> None:
        self.api.apply(app.webhook(blocking=True))
        until_blocked(self.api, app.NAMESPACE)

    def _ttl_unparseable(self) -> None:
        template = {"ttl": "30d", "includedNamespaces": [app.NAMESPACE]}
        metadata = {"name": "weekly", "namespace": "velero"}
        spec = {"schedule": "0 3 * * 0", "template": template}
        self._undo.append(lambda: self.api.delete(f"{_VELERO}/schedules/weekly"))
        self.api.apply({"apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": metadata, "spec": spec})

    def _bucket_denied(self) -> None:
        frequency = self._location()["spec"].get("validationFrequency")
        allow = deny_bucket(self.deployment)
        # The server looks every minute; here it must see it sooner.
        self._validate_every("3s")
        self._undo.append(lambda: self._validate_every(frequency))
        self._undo.append(lambda: self._until_location_is("Available"))
        self._undo.append(allow)
        self._until_location_is("Unavailable")

    def _validate_every(self, frequency: str | None) -> None:
        self.api.request("PATCH", _LOCATION, {"spec": {"validationFrequency": frequency}}, content=_MERGE)

    def _until_location_is(self, phase: str) -> None:
        wait_until(
            lambda: self._location().get("status", {}).get("phase") == phase,
            seconds=_SECONDS,
            what=f"the location was {phase}",
        )

    def _location(self) -> Object:
        return self.api.request("GET", _LOCATION)

    def _fails_in_part(self) -> None:
        """A Pod whose volume Velero is told to save, where no node agent runs."""
        path = f"{_NAMESPACE}/pods"
        mount = {"name": "scratch", "mountPath": "/scratch"}
        container = {"name": "importer", "image": "registry.example.com/importer:1", "volumeMounts": [mount]}
        spec = {"nodeName": "nowhere", "containers": [container], "volumes": [{"name": "scratch", "emptyDir": {}}]}
        metadata = {"name": "importer", "annotations": {"backup.velero.io/backup-volumes": "scratch"}}
        self.api.request("POST", path, {"metadata": metadata, "spec": spec})
        # No kubelet confirms the end of a Pod on a node that is not there.
        self._undo.append(lambda: self.api.request("DELETE", f"{path}/importer", {"gracePeriodSeconds": 0}))
        wait_until(
            lambda: (self.api.find(f"{path}/importer") or {}).get("status", {}).get("phase") == "Running",
            seconds=30,
            what="the Pod was said to run",
        )

    def _backups_are_seen(self) -> None:
        wait_until(
            lambda: bool(self.api.list(f"{_VELERO}/backups")), seconds=_SECONDS, what="the server had read the bucket"
        )

    # Judgements

    def _remember(self) -> None:
        self._before = self._now()

    def _now(self) -> Snapshot:
        return snapshot(self.api, app.NAMESPACE, names=_NAMES)

    def _whole(self) -> None:
        """Every object is there, and as it was."""
        found = compare(self._before, self._now())
        assert (found.lost, found.changed) == ((), {})
        assert found.compared > 20

    def _only_the_hotfix(self) -> None:
        """The fix is back, and what was released since stays: every object is as it is wanted."""
        assert self.api.request("GET", f"{_NAMESPACE}/configmaps/{app.HOTFIX}")["data"] == app.hotfix()["data"]
        self._whole()

    def _objective_met(self) -> None:
        backups = self.api.list(f"{_VELERO}/backups")
        (found,) = [body for body in backups if body["metadata"]["name"] == "by-hand"]
        assert found["metadata"]["labels"]["velero.io/schedule-name"] == _SCHEDULE
        assert found["status"]["phase"] == "Completed"

    def _nothing_of_drills_left(self) -> None:
        for path in ("/api/v1/namespaces", f"{_VELERO}/restores", "/api/v1/namespaces/velero/configmaps"):
            for body in self.api.list(path):
                assert "velero-eks/drill" not in (body["metadata"].get("labels") or {}), body["metadata"]["name"]


class _GitOps:
    """A GitOps controller's object for the application, with its CRD as far as pausing needs it."""

    def __init__(self, group: str, version: str, kind: str, plural: str, place: str, spec: dict[str, Any]) -> None:
        self.api_version, self.kind, self.place = f"{group}/{version}", kind, place
        self.namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place}}
        metadata = {"name": app.NAMESPACE, "namespace": place}
        self.object: Object = {"apiVersion": self.api_version, "kind": kind, "metadata": metadata, "spec": spec}
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
        served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
        self.definition: Object = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
        }


_GITOPS = (
    _GitOps(
        "argoproj.io", "v1alpha1", "Application", "applications", "argocd",
        {"project": "default", "syncPolicy": {"automated": {"prune": True}}},
    ),
    _GitOps(
        "kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations", "flux-system",
        {"interval": "5m", "prune": True, "path": "./exam"},
    ),
)  # fmt: skip
