"""Kubernetes objects and client configuration, as plain dicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MANAGED_BY = {"app.kubernetes.io/managed-by": "pulumi", "app.kubernetes.io/part-of": "velero"}

# The program owns these objects: a field that someone changed with kubectl is taken back in place. Without it the
# server's field managers conflict, and `pulumi preview --refresh` ends with an error in place of the difference.
TAKEN_BACK = {"pulumi.com/patchForce": "true"}

STORAGE_LOCATION = "default"
REPOSITORY_SECRET = "velero-repo-credentials"  # noqa: S105
REPOSITORY_SECRET_KEY = "repository-password"  # noqa: S105

SNAPSHOT_CLASS = "velero-ebs"
# The EKS add-on, and the Deployment that it makes.
SNAPSHOT_CONTROLLER = "snapshot-controller"
AUTO_MODE_DRIVER = "ebs.csi.eks.amazonaws.com"
STANDARD_DRIVER = "ebs.csi.aws.com"


def namespace_labels() -> dict[str, str]:
    """Labels of Velero's namespace. Neither volume mode offered needs more than a restricted pod."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {**MANAGED_BY, **levels}


def namespace_metadata(name: str) -> dict[str, Any]:
    """`metadata` of Velero's namespace, where it is made here."""
    return {"name": name, "labels": namespace_labels(), "annotations": dict(TAKEN_BACK)}


def adopted_namespace_metadata(name: str) -> dict[str, Any]:
    """`metadata` of a namespace that was there before: without labels, since others may live in it."""
    return {"name": name, "annotations": dict(TAKEN_BACK)}


def schedule_metadata(name: str, namespace: str) -> dict[str, Any]:
    """`metadata` of a velero.io/v1 Schedule. Velero copies labels and annotations to the Backups that it makes."""
    return {"name": name, "namespace": namespace, "labels": dict(MANAGED_BY), "annotations": dict(TAKEN_BACK)}


def schedule_spec(
    *,
    cron: str,
    ttl: str,
    paused: bool,
    filters: Mapping[str, Any],
) -> dict[str, Any]:
    """`spec` of a velero.io/v1 Schedule. `cron` may carry a CRON_TZ prefix, `ttl` is a Go duration (no days), `filters`
    is what its backups take and leave.

    `skipImmediately` is declared since the controller writes it back as false: left out, it would drift forever.
    `useOwnerReferencesInBackup` stays false, or deleting the Schedule would delete its backups.
    """
    return {
        "schedule": cron,
        "paused": paused,
        "skipImmediately": False,
        "useOwnerReferencesInBackup": False,
        "template": {"ttl": ttl, "storageLocation": STORAGE_LOCATION, **filters},
    }


def snapshot_class(*, auto_mode: bool) -> dict[str, Any]:
    """A VolumeSnapshotClass, without apiVersion and kind, that Velero picks by its label.

    `Retain`: a snapshot outlives its VolumeSnapshot object, so a namespace deleted by mistake does not take its
    snapshots along; Velero removes them when their backup ends.
    """
    return {
        "metadata": {
            "name": SNAPSHOT_CLASS,
            "labels": {**MANAGED_BY, "velero.io/csi-volumesnapshot-class": "true"},
            "annotations": dict(TAKEN_BACK),
        },
        "driver": AUTO_MODE_DRIVER if auto_mode else STANDARD_DRIVER,
        "deletionPolicy": "Retain",
    }


def eks_kubeconfig(*, name: str, region: str, endpoint: str, certificate_authority: str) -> str:
    """A kubeconfig, as JSON text, whose token the AWS CLI signs with the caller's credentials at every use.

    A token written down here would be out of date after 15 minutes and a difference at every preview.
    """
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority},
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": "aws",
                        "args": [
                            "eks",
                            "get-token",
                            "--cluster-name",
                            name,
                            "--region",
                            region,
                            "--output",
                            "json",
                        ],
                        "interactiveMode": "Never",
                    }
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(config)
