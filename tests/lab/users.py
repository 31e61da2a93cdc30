"""A user of the lab's cluster with few rights, and the kubeconfig for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.certificates import write_private
from lab.environment import LabEnvironment
from lab.kubernetes_api import kubeconfig

_NAME = "limited"


@contextmanager
def user_with(lab: LabEnvironment, rules: list[dict[str, Any]], path: Path) -> Iterator[Path]:
    """A service account that may do what `rules` say, everywhere; a kubeconfig with the one context `limited`."""
    api, plane = lab.cluster.api, lab.cluster.control_plane
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": _NAME}
    role_ref = {"apiGroup": rbac, "kind": "ClusterRole", "name": _NAME}
    subject = {"kind": "ServiceAccount", "name": _NAME, "namespace": "default"}
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**metadata, "namespace": "default"}})
    api.apply({"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules})
    api.apply({"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": role_ref,
               "subjects": [subject]})  # fmt: skip
    try:
        user = {"token": api.token("default", _NAME)}
        content = kubeconfig(context=_NAME, server=plane.server, ca=plane.certificate_authority, user=user)
        write_private(path, content)
        yield path
    finally:
        for kind in ("clusterrolebindings", "clusterroles"):
            api.delete(f"/apis/{rbac}/v1/{kind}/{_NAME}")
        api.delete(f"/api/v1/namespaces/default/serviceaccounts/{_NAME}")
