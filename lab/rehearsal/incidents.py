"""The three incidents: each happens, is seen to have happened, and is undone from a backup."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.kubernetes_api import KubernetesApi
from lab.processes import LabError, wait_until
from lab.rehearsal import application as app
from lab.rehearsal.snapshot import Comparison, Snapshot, compare, snapshot
from lab.rehearsal.velero import Velero
from velero_eks.errors import ApiError
from velero_eks.kube.objects import Object, ObjectKey

GONE_SECONDS = 60.0
SERVED_SECONDS = 30.0


@dataclass(frozen=True)
class Outcome:
    """One incident and its recovery. Times are in seconds, from the request to the end that was seen."""

    name: str
    title: str
    backup_seconds: float
    recovery_seconds: float
    comparison: Comparison


class NothingHappened(LabError):
    """An incident left no trace: the rehearsal would prove nothing."""


def deploy(api: KubernetesApi) -> None:
    """Apply the sample application, and wait until its own kind is served."""
    api.apply_all(app.application())
    path = api.path(f"{app.GROUP}/v1", "Question", app.NAMESPACE)
    wait_until(lambda: len(api.list(path)) > 0, seconds=SERVED_SECONDS, what="questions were served")


@dataclass(frozen=True)
class Rehearsal:
    """The cluster, its Velero, and a suffix that tells this run's backups from those of another."""

    api: KubernetesApi
    velero: Velero
    run: str

    def namespace_deleted(self) -> Outcome:
        """Someone deletes the namespace; all of it comes back."""
        before = self._snapshot()
        backup = self._backup("daily", {"includedNamespaces": ["*"], "excludedNamespaces": ["velero"],
                                        "includeClusterResources": True})  # fmt: skip
        self.api.delete(f"/api/v1/namespaces/{app.NAMESPACE}")
        self._wait_until_gone(f"/api/v1/namespaces/{app.NAMESPACE}")
        return self._recovered(
            "namespace-deleted", "The namespace is deleted by mistake", before, backup,
            lambda: self._restore("namespace", "daily", {"includedNamespaces": [app.NAMESPACE]}),
        )  # fmt: skip

    def hotfix_overwritten(self) -> Outcome:
        """A hotfix that Git never saw is overwritten by a sync that also releases; only the fix comes back."""
        self.api.apply(app.hotfix())
        fixed = self._snapshot()
        backup = self._backup("night", {"includedNamespaces": [app.NAMESPACE]})
        self.api.apply(app.from_git())
        self.api.apply(app.release("registry.example.com/exam:1.5.0"))
        synced = self._snapshot()
        # What is wanted is what Git says now, and the fix beside it.
        key = ObjectKey("", "ConfigMap", app.NAMESPACE, app.HOTFIX)
        wanted = {**synced, key: fixed[key]}
        return self._recovered(
            "hotfix-overwritten", "A hotfix that was never in Git is overwritten", wanted, backup,
            lambda: self._restore("hotfix", "night", {
                "includedNamespaces": [app.NAMESPACE],
                "includedResources": ["configmaps"],
                "labelSelector": {"matchLabels": app.labels(f"{app.HOTFIX}-config")},
                "existingResourcePolicy": "update",
            }),
        )  # fmt: skip

    def definition_removed(self) -> Outcome:
        """A CRD goes, with all its objects, and a webhook blocks every write; both come back from before the change."""
        before = self._snapshot()
        backup = self._backup("pre-change", {"includedNamespaces": [app.NAMESPACE], "includeClusterResources": True})
        definition = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{app.CRD}"
        self.api.delete(definition)
        self._wait_until_gone(definition)
        self.api.apply(app.webhook(blocking=True))
        self._wait_until_blocked()
        return self._recovered(
            "definition-removed", "A CRD is removed and a webhook blocks every request", before, backup,
            self._restore_definition_and_webhook,
        )  # fmt: skip

    def _restore_definition_and_webhook(self) -> None:
        # The webhook first: while it blocks, nothing can be written to the namespace, by Velero neither.
        self._restore("webhook", "pre-change", {
            "includedResources": ["validatingwebhookconfigurations.admissionregistration.k8s.io"],
            "includeClusterResources": True,
            "labelSelector": {"matchLabels": app.labels("webhook")},
            "existingResourcePolicy": "update",
        })  # fmt: skip
        self._restore("definition", "pre-change", {
            "includedResources": ["customresourcedefinitions.apiextensions.k8s.io", app.CRD],
            "includedNamespaces": [app.NAMESPACE],
            "includeClusterResources": True,
            "existingResourcePolicy": "update",
        })  # fmt: skip

    def _recovered(
        self, name: str, title: str, before: Snapshot, backup: float, recover: Callable[[], None]
    ) -> Outcome:
        damage = compare(before, self._snapshot())
        if damage.whole:
            raise NothingHappened(f"{title}: the cluster is as it was before")
        started = time.monotonic()
        recover()
        return Outcome(name, title, backup, time.monotonic() - started, compare(before, self._snapshot()))

    def _backup(self, name: str, spec: Object) -> float:
        return self.velero.completed(self.velero.backup(f"{name}-{self.run}", spec)).seconds

    def _restore(self, name: str, backup: str, spec: Object) -> None:
        body = {"backupName": f"{backup}-{self.run}", **spec}
        self.velero.completed(self.velero.restore(f"{name}-{self.run}", body))

    def _snapshot(self) -> Snapshot:
        return snapshot(self.api, app.NAMESPACE, names=(app.CRD, app.WEBHOOK))

    def _wait_until_gone(self, path: str) -> None:
        wait_until(lambda: self.api.find(path) is None, seconds=GONE_SECONDS, what=f"{path} was gone")

    def _wait_until_blocked(self) -> None:
        probe = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "is-anybody-there", "namespace": app.NAMESPACE},
        }

        def blocked() -> bool:
            try:
                self.api.request("POST", f"/api/v1/namespaces/{app.NAMESPACE}/configmaps?dryRun=All", probe)
            except ApiError as error:
                return "webhook" in str(error)
            return False

        # The API server takes a changed webhook configuration up after a moment.
        wait_until(blocked, seconds=SERVED_SECONDS, what="the webhook blocked a write")
