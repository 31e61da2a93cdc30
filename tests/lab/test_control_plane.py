"""A real API server with RBAC, signed tokens and working controllers, that keeps its data over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.certificates import CertificateAuthority
from lab.cloud.tokens import verified_claims
from lab.control_plane import CONTEXT, ControlPlane
from lab.kubernetes_api import KubernetesApi
from lab.processes import ProcessFailed, Supervisor, wait_until
from lab.programs import Programs, require_programs
from velero_eks.errors import ApiError, NotAllowed, Unreachable

pytestmark = pytest.mark.lab

LIMIT = 60.0


@pytest.fixture(scope="module")
def programs() -> Programs:
    return require_programs()


@pytest.fixture(scope="module")
def plane(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    directory = tmp_path_factory.mktemp("lab")
    with Supervisor(directory / "logs") as supervisor:
        plane = ControlPlane(supervisor, programs, directory / "plane")
        plane.start()
        yield plane


def named(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def namespace(plane: ControlPlane, name: str) -> None:
    """A namespace with the service account that a controller makes."""
    plane.api.apply(named(name))
    path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    wait_until(lambda: plane.api.find(path) is not None, seconds=LIMIT, what=f"{name} had a service account")


def test_the_kubeconfig_names_its_context_and_is_private(plane: ControlPlane) -> None:
    assert plane.kubeconfig.stat().st_mode & 0o077 == 0
    assert KubernetesApi.from_kubeconfig(plane.kubeconfig, CONTEXT).is_ready()


def test_the_api_server_refuses_whoever_has_no_certificate_or_token(plane: ControlPlane) -> None:
    anonymous = KubernetesApi.at(plane.server, plane.certificate_authority)
    with pytest.raises(NotAllowed, match="does not know these credentials"):
        anonymous.list("/api/v1/namespaces")


def test_a_client_that_trusts_another_authority_does_not_speak_to_it(plane: ControlPlane, tmp_path: Path) -> None:
    stranger = CertificateAuthority(tmp_path).certificate
    api = KubernetesApi.at(plane.server, stranger)
    with pytest.raises(Unreachable, match="its certificate is not trusted"):
        api.list("/api/v1/namespaces")


def test_a_service_account_may_do_what_rbac_gives_it(plane: ControlPlane) -> None:
    namespace(plane, "rbac")
    token = plane.api.token("rbac", "default")
    account = KubernetesApi.at(plane.server, plane.certificate_authority, token=token)
    with pytest.raises(ApiError) as caught:
        account.list("/api/v1/namespaces/rbac/configmaps")
    assert caught.value.status == 403
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "view", "namespace": "rbac"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "rbac"}],
    }
    plane.api.apply(binding)

    def may_read() -> bool:
        try:
            return bool(account.list("/api/v1/namespaces/rbac/configmaps") or True)
        except ApiError:
            return False

    wait_until(may_read, seconds=LIMIT, what="the role binding took effect")


def test_tokens_are_signed_for_the_issuer_and_the_audience_asked_for(plane: ControlPlane) -> None:
    namespace(plane, "tokens")
    token = plane.api.token("tokens", "default", audiences=["sts.amazonaws.com"], seconds=600)
    claims = verified_claims(token, plane.service_account_keys.public.read_bytes())
    assert claims["iss"] == plane.issuer
    assert claims["aud"] == ["sts.amazonaws.com"]
    assert claims["sub"] == "system:serviceaccount:tokens:default"


def test_a_deleted_namespace_goes_away_with_what_is_in_it(plane: ControlPlane) -> None:
    namespace(plane, "short-lived")
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "short-lived"}}
    plane.api.apply(settings)
    plane.api.delete("/api/v1/namespaces/short-lived")
    wait_until(
        lambda: plane.api.find("/api/v1/namespaces/short-lived") is None, seconds=LIMIT, what="the namespace was gone"
    )


def test_a_custom_resource_can_be_made_as_soon_as_its_definition_is_applied(plane: ControlPlane) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.exam.example"},
        "spec": {
            "group": "exam.example",
            "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
    gadget = {"apiVersion": "exam.example/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": "default"}}
    made = plane.api.apply_all([definition, gadget], seconds=LIMIT)
    assert made[1]["metadata"]["uid"]


def test_the_data_outlives_a_killed_etcd_and_api_server(plane: ControlPlane) -> None:
    plane.api.apply(named("durable"))
    assert plane.etcd is not None
    assert plane.api_server is not None
    plane.api_server.kill()
    plane.etcd.kill()
    with pytest.raises(Unreachable):
        plane.api.find("/api/v1/namespaces/durable")
    plane.start_etcd()
    plane.start_api_server()
    assert plane.api.find("/api/v1/namespaces/durable") is not None
    plane.restart_api_server()
    assert plane.api.find("/api/v1/namespaces/durable") is not None


def test_a_second_control_plane_runs_beside_the_first(plane: ControlPlane, programs: Programs, tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs") as supervisor:
        second = ControlPlane(supervisor, programs, tmp_path / "plane", name="recovery")
        second.start()
        second.api.apply(named("only-here"))
        assert plane.api.find("/api/v1/namespaces/only-here") is None
        token = plane.api.token("default", "default")
        with pytest.raises(NotAllowed, match="does not know these credentials"):
            KubernetesApi.at(second.server, second.certificate_authority, token=token).list("/api/v1/namespaces")


def test_an_api_server_that_cannot_start_says_why(programs: Programs, tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs") as supervisor:
        plane = ControlPlane(supervisor, programs, tmp_path / "plane")
        plane.start_etcd()
        plane.service_account_keys.public.write_text("no key")
        with pytest.raises(ProcessFailed) as caught:
            plane.start_api_server()
        assert "kube-apiserver" in str(caught.value)
        assert "service-account.pub" in str(caught.value)
