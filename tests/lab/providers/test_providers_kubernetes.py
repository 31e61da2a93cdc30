"""What the kubernetes stand-in knows without a cluster: kinds, ownership, charts, manifests."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import grpc
import pytest
import yaml

from lab.providers.base import ProviderError
from lab.providers.kubernetes import KubernetesProvider
from lab.providers.kubernetes.cluster import Kind, load_kubeconfig, server_of
from lab.providers.kubernetes.helm import chart_metadata
from lab.providers.kubernetes.kinds import group_version_kind, rules, schema
from lab.providers.kubernetes.ownership import imported_inputs, observed_inputs
from lab.providers.kubernetes.release import resource_names
from lab.providers.kubernetes.waiting import not_ready
from tests.lab.providers.engine import attached, reason


def kubeconfig(server: str = "https://127.0.0.1:1") -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u", "namespace": "here"}}],
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
    )


@pytest.mark.parametrize(
    ("token", "api_version", "kind"),
    [
        ("kubernetes:core/v1:Namespace", "v1", "Namespace"),
        ("kubernetes:apps/v1:Deployment", "apps/v1", "Deployment"),
        ("kubernetes:velero.io/v1:Schedule", "velero.io/v1", "Schedule"),
        (
            "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass",
            "snapshot.storage.k8s.io/v1",
            "VolumeSnapshotClass",
        ),
    ],
)
def test_a_token_names_its_kind(token, api_version, kind):
    assert group_version_kind(token) == (api_version, kind)


@pytest.mark.parametrize(
    "token",
    ["kubernetes:helm.sh/v3:Chart", "kubernetes:yaml:ConfigFile", "kubernetes:core/v1:SecretPatch", "kubernetes:x"],
)
def test_what_is_no_object_is_refused(token):
    with pytest.raises(ProviderError, match="does not know the resource type"):
        group_version_kind(token)


def test_the_sdks_kinds_have_a_schema_and_others_have_none():
    assert schema("kubernetes:core/v1:Secret") is not None
    assert schema("kubernetes:velero.io/v1:Schedule") is None
    # A group of another owner whose first word is one of Kubernetes' own.
    assert schema("kubernetes:apps.example.com/v1:App") is None
    with pytest.raises(ProviderError, match="no such resource type"):
        schema("kubernetes:core/v1:Sceret")


@pytest.mark.parametrize(
    ("token", "place", "mutable", "replaces"),
    [
        ("kubernetes:core/v1:Secret", "stringData.a", False, True),
        ("kubernetes:core/v1:Secret", "stringData.a", True, False),
        ("kubernetes:core/v1:Secret", "type", True, True),
        ("kubernetes:core/v1:ConfigMap", "data", False, True),
        ("kubernetes:core/v1:ConfigMap", "metadata.labels.a", False, False),
        ("kubernetes:velero.io/v1:Schedule", "spec.schedule", False, False),
        ("kubernetes:velero.io/v1:Schedule", "metadata.namespace", False, True),
    ],
)
def test_what_replaces_an_object(token, place, mutable, replaces):
    assert rules(token, mutable_secrets=mutable, mutable_config_maps=mutable).forces_new(place) is replaces


def managed(fields, manager="pulumi-kubernetes"):
    return [{"manager": manager, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields}]


def test_what_another_manager_changed_is_drift_and_what_the_server_rewrote_is_not():
    wish = {"apiVersion": "v1", "kind": "Pod", "spec": {"replicas": 1, "cpu": "0.5", "gone": True}}
    live = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"managedFields": managed({"f:spec": {"f:cpu": {}}})},
        "spec": {"replicas": 5, "cpu": "500m", "added": "x"},
    }
    assert observed_inputs(live, wish)["spec"] == {"replicas": 5, "cpu": "0.5"}


def test_an_element_that_somebody_added_to_a_keyed_list_is_no_drift():
    wish = {"spec": {"containers": [{"name": "velero", "image": "velero:1"}]}}
    fields = {"f:spec": {"f:containers": {'k:{"name":"velero"}': {".": {}, "f:name": {}}}}}
    injected = {"name": "istio-proxy", "image": "istio:1"}
    live = {
        "metadata": {"managedFields": managed(fields)},
        "spec": {"containers": [injected, {"name": "velero", "image": "velero:2", "imagePullPolicy": "Always"}]},
    }
    assert observed_inputs(live, wish)["spec"]["containers"] == [{"name": "velero", "image": "velero:2"}]


def test_string_data_is_read_back_from_data():
    wish = {"kind": "Secret", "stringData": {"password": "old"}}
    live = {"kind": "Secret", "metadata": {}, "data": {"password": "bmV3", "other": "eA=="}}
    assert observed_inputs(live, wish)["stringData"] == {"password": "new"}


def test_an_import_leaves_out_what_the_server_fills_in():
    live = {
        "kind": "Namespace",
        "metadata": {"name": "a", "labels": {"k": "v"}, "uid": "1", "managedFields": []},
        "status": {"phase": "Active"},
    }
    assert imported_inputs(live) == {"kind": "Namespace", "metadata": {"name": "a", "labels": {"k": "v"}}}


def test_an_import_of_what_this_provider_once_applied_finds_what_it_applied():
    fields = {"f:metadata": {"f:labels": {"f:k": {}}}, "f:data": {"f:a": {}}}
    live = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "labels": {"k": "v", "other": "x"}, "managedFields": managed(fields)},
        "data": {"a": "eA=="},
        "type": "Opaque",
    }
    assert imported_inputs(live) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "labels": {"k": "v"}},
        "data": {"a": "eA=="},
    }


@pytest.mark.parametrize(
    ("live", "why"),
    [
        ({"kind": "Namespace", "apiVersion": "v1", "status": {"phase": "Terminating"}}, "Terminating"),
        ({"kind": "Namespace", "apiVersion": "v1", "status": {"phase": "Active"}}, None),
        ({"kind": "CustomResourceDefinition", "apiVersion": "a/v1", "status": {"conditions": None}}, "not Established"),
        ({"kind": "Deployment", "apiVersion": "apps/v1"}, None),
    ],
)
def test_readiness_is_judged_where_no_kubelet_is_needed(live, why):
    reason_ = not_ready(live)
    assert (reason_ is None) if why is None else (why in (reason_ or ""))


def test_resource_names_are_grouped_as_the_real_provider_groups_them():
    documents = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "velero-server", "namespace": "velero"}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "velero"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "velero"}},
    ]
    assert resource_names(documents) == {
        "ClusterRole/rbac.authorization.k8s.io/v1": ["velero"],
        "ServiceAccount/v1": ["velero/a", "velero/velero-server"],
    }


def chart(folder: Path, *, version: str = "1.2.3", packed: bool = True) -> Path:
    source = folder / "velero"
    (source / "templates").mkdir(parents=True)
    (source / "Chart.yaml").write_text(f"apiVersion: v2\nname: velero\nversion: {version}\n")
    (source / "templates" / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {k: {{ .Values.k | quote }}}\n"
    )
    if not packed:
        return source
    archive = folder / f"velero-{version}.tgz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(source, "velero")
    return archive


@pytest.mark.parametrize("packed", [True, False])
def test_a_charts_version_is_read_from_its_folder_or_archive(tmp_path, packed):
    assert chart_metadata(chart(tmp_path, packed=packed))["version"] == "1.2.3"


def test_what_is_no_chart_is_named(tmp_path):
    (tmp_path / "chart.tgz").write_text("no archive")
    for path in (tmp_path / "chart.tgz", tmp_path):
        with pytest.raises(ProviderError, match="no chart can be read there"):
            chart_metadata(path)


def test_a_kubeconfig_is_contents_or_a_path(tmp_path):
    path = tmp_path / "config"
    path.write_text(kubeconfig())
    for given in (kubeconfig(), json.dumps(yaml.safe_load(kubeconfig())), str(path)):
        loaded, _ = load_kubeconfig(given)
        assert server_of(loaded, "lab") == "https://127.0.0.1:1"
    with pytest.raises(ProviderError, match="'prod' is not in the kubeconfig; it has lab"):
        server_of(loaded, "prod")
    with pytest.raises(ProviderError, match="set KUBECONFIG"):
        load_kubeconfig(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "the current one is never used"),
        ({"kubeconfig": kubeconfig(), "context": "prod"}, "'prod' is not in the kubeconfig"),
    ],
)
def test_a_provider_without_a_clear_cluster_says_what_to_give(config, why):
    with attached(KubernetesProvider()) as engine, pytest.raises(grpc.RpcError) as raised:
        engine.configure(**config)
    assert why in reason(raised.value)


def test_another_cluster_replaces_the_provider_and_another_token_does_not():
    provider = KubernetesProvider()
    old = {"kubeconfig": kubeconfig()}

    def replaces(new):
        return [change.replaces for change in provider.diff_config(old, {"kubeconfig": new}).changes]

    assert replaces(kubeconfig("https://b")) == [True]
    assert replaces(kubeconfig().replace("token: t", "token: u")) == [False]
    assert replaces(kubeconfig()) == []


def test_an_api_server_that_is_not_there_is_named(unused_port):
    with attached(KubernetesProvider()) as engine:
        engine.configure(kubeconfig=kubeconfig(f"https://127.0.0.1:{unused_port}"))
        with pytest.raises(grpc.RpcError) as raised:
            engine.create("kubernetes:core/v1:Namespace", "ns", {"metadata": {"name": "a"}})
    assert f"the API server at https://127.0.0.1:{unused_port} did not answer" in reason(raised.value)


def test_the_path_of_an_object_has_its_namespace_only_when_its_kind_has_one():
    from lab.providers.kubernetes.cluster import Cluster

    cluster = Cluster(kubeconfig(), None, None)
    pods = Kind("v1", "Pod", "pods", True)
    assert cluster.object_path(pods, None, "p") == "/api/v1/namespaces/here/pods/p"
    assert cluster.object_path(pods, "there", "p") == "/api/v1/namespaces/there/pods/p"
    roles = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", False)
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/velero"
    assert cluster.object_path(roles, None, "velero") == path
    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0
