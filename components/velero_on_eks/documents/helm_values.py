"""Values of the Velero chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velero_on_eks.documents.kubernetes import MANAGED_BY, STORAGE_LOCATION

# The Velero image names its user by a word, which `runAsNonRoot` cannot check; this is the plugin image's number.
NON_ROOT_USER = 65532

CONTAINER_SECURITY: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
POD_SECURITY: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": NON_ROOT_USER,
    "runAsGroup": NON_ROOT_USER,
    "fsGroup": NON_ROOT_USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
# Karpenter and Auto Mode would move the pod for the sake of a cheaper node; a restart fails the backup that is running.
DO_NOT_DISRUPT = {"karpenter.sh/do-not-disrupt": "true"}


def location_config(*, region: str, dns_suffix: str, s3_url: str | None, s3_force_path_style: bool) -> dict[str, str]:
    """`config` of the BackupStorageLocation: the region always (else the plugin asks the bucket for it), and an
    endpoint where kopia's own guess, `s3-<region>.amazonaws.com`, would be of another partition."""
    config = {"region": region}
    if s3_url is None and dns_suffix != "amazonaws.com":
        s3_url = f"https://s3.{region}.{dns_suffix}"
    if s3_url is not None:
        config["s3Url"] = s3_url
    if s3_force_path_style:
        config["s3ForcePathStyle"] = "true"
    return config


def velero_values(
    *,
    bucket: str,
    prefix: str | None,
    location: dict[str, str],
    service_account: str,
    role_arn: str | None,
    image: dict[str, str],
    plugin: str,
    csi_snapshots: bool,
    client_qps: int,
    client_burst: int,
    log_level: str,
    requests: dict[str, str],
    limits: dict[str, str],
    priority_class: str | None,
    disruption_budget: bool,
    pull_secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """Values for chart 12. `role_arn` annotates the service account (IRSA); None leaves it bare (Pod Identity).

    `image` has repository, and tag, digest or both; `plugin` is the image as a Pod names it. `client_qps` is requests
    a second of the server to the API server: a restore is bound by it. No `schedules`: those are resources of
    their own, so that their differences can be read.
    """
    storage: dict[str, Any] = {
        "name": STORAGE_LOCATION,
        "provider": "aws",
        "default": True,
        "accessMode": "ReadWrite",
        "bucket": bucket,
        "config": location,
    }
    if prefix:
        storage["prefix"] = prefix
    configuration: dict[str, Any] = {
        "backupStorageLocation": [storage],
        "volumeSnapshotLocation": [],
        "uploaderType": "kopia",
        "clientQPS": client_qps,
        "clientBurst": client_burst,
        "logLevel": log_level,
    }
    if csi_snapshots:
        configuration["features"] = "EnableCSI"
    server: dict[str, Any] = {"create": True, "name": service_account, "labels": dict(MANAGED_BY)}
    if role_arn is not None:
        server["annotations"] = {"eks.amazonaws.com/role-arn": role_arn}
    values: dict[str, Any] = {
        "image": dict(image),
        "initContainers": [
            {
                "name": "velero-plugin-for-aws",
                "image": plugin,
                "imagePullPolicy": "IfNotPresent",
                "volumeMounts": [{"mountPath": "/target", "name": "plugins"}],
                "securityContext": CONTAINER_SECURITY,
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            }
        ],
        "configuration": configuration,
        # A secret would set AWS_SHARED_CREDENTIALS_FILE, and the plugin then ignores the pod's role.
        "credentials": {"useSecret": False},
        "serviceAccount": {"server": server},
        "snapshotsEnabled": False,
        "backupsEnabled": True,
        "deployNodeAgent": False,
        "upgradeCRDs": True,
        "upgradeJobResources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "cleanUpCRDs": False,
        "resources": {"requests": requests, "limits": limits},
        "podSecurityContext": POD_SECURITY,
        "containerSecurityContext": CONTAINER_SECURITY,
        "podAnnotations": dict(DO_NOT_DISRUPT),
        "podDisruptionBudget": {"enabled": disruption_budget, "minAvailable": 1},
        "metrics": {"enabled": True},
    }
    if pull_secrets:
        # The Pods' own, and with them those of the jobs and data movers that the server starts.
        values["image"]["imagePullSecrets"] = list(pull_secrets)
    if priority_class:
        values["priorityClassName"] = priority_class
    return values


def merged(values: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """`overrides` merged over `values` as Helm lays `-f` files: mappings key by key, anything else whole."""
    result = dict(values)
    for key, value in overrides.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
