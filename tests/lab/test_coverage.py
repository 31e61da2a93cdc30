"""What a backup holds, compared with a real cluster: the filters as the real server reads them, each gap found."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from lab.processes import wait_until
from tests.lab.tool import Said, ServerRun, Tool, server_is_back
from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.objects import Object
from velero_eks.recovery.coverage import Why

pytestmark = pytest.mark.lab

NAMESPACE = "covered"
OTHER = "covered-not"
GROUP = "coverage.example.com"
_numbers = itertools.count()


@pytest.fixture(scope="module")
def objects(api):
    """Two namespaces with a few objects; one has a Pod that Velero cannot save with its volume: no node agent runs."""
    made: list[Object] = []
    for namespace in (NAMESPACE, OTHER):
        made.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        for name in ("one", "two"):
            metadata = {"name": name, "namespace": namespace, "labels": {"name": name}}
            made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": name}})
            made.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": "YQ=="}})
    for body in made:
        api.apply(body)
    yield made
    for namespace in (NAMESPACE, OTHER):
        api.delete(f"/api/v1/namespaces/{namespace}")


@pytest.fixture
def backup(velero):
    """Makes a backup and returns its name; it is removed again."""
    made: list[str] = []

    def make(spec: dict[str, Any]) -> str:
        name = f"coverage-{next(_numbers)}"
        made.append(name)
        velero.backup(name, spec)
        return name

    yield make
    for name in made:
        velero.api.delete(velero.api.path("velero.io/v1", "Backup", velero.namespace, name))


@pytest.fixture
def held(tool, backup):
    """Makes a backup and compares it with the cluster; the document, and what the command said."""

    def hold(spec: dict[str, Any], *arguments: str) -> tuple[dict[str, Any], Said]:
        said = tool("coverage", backup(spec), "--json", *arguments, code=None)
        return said.json, said

    return hold


def missing(document: dict[str, Any], why: str) -> set[tuple[str, str]]:
    """(kind, name) of what is missing for a reason."""
    return {
        (kind["kind"], item["name"]) for kind in document["kinds"] for item in kind["missing"] if item["reason"] == why
    }


def definition(plural: str) -> Object:
    kind = plural.removesuffix("s").capitalize()
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural.removesuffix("s"), "kind": kind},
            "versions": [version],
        },
    }


@pytest.fixture(scope="module")
def defined(api, lab):
    """Installs the CRD of a plural. They are removed after the last test.

    For five minutes after a CRD is gone every backup fails in part, unless the server is started again.
    """
    made: list[str] = []

    def define(plural: str) -> None:
        made.append(plural)
        api.apply_all([definition(plural)])

    yield define
    for plural in made:
        api.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{GROUP}")
    before = ServerRun.of(lab)
    lab.cluster.kill_velero()
    server_is_back(lab, before)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"includeClusterResources": True},
        {"includeClusterResources": False},
        {"includedNamespaces": [NAMESPACE]},
        {"includedNamespaces": ["cover*"], "excludedNamespaces": [OTHER]},
        {"includedNamespaces": [NAMESPACE], "excludedResources": ["secrets"], "includeClusterResources": True},
        {"includedNamespaces": ["*"], "includedResources": ["cm", "crd"], "includeClusterResources": True},
        {"includedNamespaces": [NAMESPACE], "labelSelector": {"matchLabels": {"name": "one"}}},
        {"includedNamespaces": [NAMESPACE], "orLabelSelectors": [{"matchExpressions": [
            {"key": "name", "operator": "In", "values": ["two", "three"]}]}]},
        {"includedNamespaces": [NAMESPACE], "includedNamespaceScopedResources": ["configmaps"],
         "includedClusterScopedResources": ["clusterroles.rbac.authorization.k8s.io"]},
        {"excludedNamespaceScopedResources": ["secrets"], "excludedClusterScopedResources": ["*"]},
    ],
    ids=lambda spec: ",".join(spec) or "nothing said",
)  # fmt: skip
def test_the_filters_are_read_as_the_server_reads_them(deployment, objects, backup, spec, monkeypatch):
    from velero_eks.recovery.coverage import coverage_of
    from velero_eks.recovery.session import connected
    from velero_eks.velero.filters import Filters

    for name, value in deployment.variables.items():
        monkeypatch.setenv(name, value)
    session = connected(stack=str(deployment.stack_file), context=None)
    found = coverage_of(session, session.velero.backup(backup(spec)))
    # Whatever is not there, the filters left out; and nothing is there that they left out, but what others refer to.
    assert [str(item.key) for item in found.gaps if item.why is Why.UNEXPLAINED] == []
    filters = Filters.of(found.backup.spec, session.cluster.kinds())
    there = {item.kind for item in found.kinds if item.saved}
    referred = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass", "Namespace"}

    def wrongly(kind: ResourceKind) -> bool:
        return filters.of_kind(kind) is not None and kind.kind not in referred

    assert [kind.resource for kind in there if wrongly(kind)] == []
    assert found.unlisted == {}


def test_a_backup_of_everything_that_says_nothing_leaves_cluster_scoped_objects_out(objects, held):
    document, said = held({})
    assert ("ClusterRole", "view") in missing(document, "cluster-scoped")
    assert said.code == 1


def test_a_definition_without_objects_is_found(objects, held, defined):
    defined("lonelies")
    name = f"lonelies.{GROUP}"
    document, said = held({"includedNamespaces": ["*"]})
    assert ("CustomResourceDefinition", name) in missing(document, "definition-without-objects")
    assert said.code == 1
    document, said = held(
        {"includedNamespaces": ["*"], "excludedNamespaces": ["velero"], "includeClusterResources": True}
    )
    assert ("CustomResourceDefinition", name) not in missing(document, "definition-without-objects")


def test_what_is_needed_decides(objects, held, defined):
    defined("needles")
    _, without = held({"includedNamespaces": [NAMESPACE]})
    document, needed = held({"includedNamespaces": [NAMESPACE]}, "--need", GROUP)
    assert (without.code, needed.code) == (0, 1)
    assert document["kinds"]
    _, there = held({"includedNamespaces": [NAMESPACE], "includeClusterResources": True}, "--need", GROUP)
    assert there.code == 0
    unknown, said = held({"includedNamespaces": [NAMESPACE]}, "--need", "haystack")
    assert (unknown["unknown_needs"], said.code) == (["haystack"], 1)


def test_a_kind_that_was_installed_a_second_ago_is_found(objects, held, defined, api):
    defined("youngsters")
    path = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/youngsters"
    body = {"apiVersion": f"{GROUP}/v1", "kind": "Youngster", "metadata": {"name": "first"}}
    wait_until(lambda: api.find(path) is not None, seconds=30, what="the new kind was served")
    api.request("POST", path, body)
    try:
        document, said = held({"includedNamespaces": [NAMESPACE], "includeClusterResources": True})
        assert missing(document, "kind-unknown") == {("Youngster", "first")}
        assert said.code == 1
    finally:
        api.delete(f"{path}/first")


def test_an_excluded_kind_is_found_and_is_no_gap(objects, held):
    document, said = held({"includedNamespaces": [NAMESPACE], "excludedResources": ["secrets"]})
    assert {("Secret", "one"), ("Secret", "two")} <= missing(document, "excluded")
    assert said.code == 0


def test_an_object_created_after_the_backup_is_found_and_one_deleted_since_too(objects, tool, backup, api):
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    api.request("POST", path, {"metadata": {"name": "gone"}})
    name = backup({"includedNamespaces": [NAMESPACE]})
    api.delete(f"{path}/gone")
    # Time stamps have whole seconds: what is created in the second of the backup is not later.
    begun = api.find(f"/apis/velero.io/v1/namespaces/velero/backups/{name}")["status"]["startTimestamp"]

    def created() -> bool:
        api.delete(f"{path}/late")
        made = api.request("POST", path, {"metadata": {"name": "late"}})
        return made["metadata"]["creationTimestamp"] > begun

    wait_until(created, seconds=10, what="an object was created in a later second")
    try:
        document = tool("coverage", name, "--json").json
        assert missing(document, "created-later") == {("ConfigMap", "late")}
        (config_maps,) = [kind for kind in document["kinds"] if kind["kind"] == "ConfigMap"]
        assert [item["name"] for item in config_maps["deleted_since"]] == ["gone"]
        words = tool("coverage", name).out
        assert "Created after the backup started (1)" in words and "ConfigMap/late -n covered" in words
    finally:
        api.delete(f"{path}/late")


def test_an_item_that_failed_is_found_though_the_backup_lists_it(objects, held, api):
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    container = {"name": "c", "image": "registry.example.com/c:1", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}
    spec = {"nodeName": "nowhere", "containers": [container], "volumes": [{"name": "d", "emptyDir": {}}]}
    api.request("POST", path, {"metadata": {"name": "unsaved"}, "spec": spec})
    wait_until(
        lambda: (api.find(f"{path}/unsaved") or {}).get("status", {}).get("phase") == "Running",
        seconds=30, what="the Pod was said to run",
    )  # fmt: skip
    try:
        document, said = held({"includedNamespaces": [NAMESPACE], "defaultVolumesToFsBackup": True})
        assert document["backup"]["phase"] == "PartiallyFailed"
        assert missing(document, "failed") == {("Pod", "unsaved")}
        (pods,) = [kind for kind in document["kinds"] if kind["kind"] == "Pod"]
        assert "daemonset pod not found in running state" in pods["missing"][0]["message"]
        assert said.code == 1
    finally:
        # No kubelet confirms the end of a Pod on a node that is not there, and its namespace would never go.
        api.request("DELETE", f"{path}/unsaved", {"gracePeriodSeconds": 0})


def test_a_backup_that_failed_its_validation_has_no_coverage(objects, tool, backup):
    name = backup({"includedNamespaces": [NAMESPACE], "storageLocation": "nowhere"})
    said = tool("coverage", name, code=1)
    assert "is FailedValidation and cannot be restored" in said.err
    assert "nowhere" in tool("logs", name, code=1).out


def test_a_user_who_may_not_see_a_kind_is_told_that_it_was_not_compared(objects, tool, backup, api, lab, tmp_path):
    from tests.lab.users import user_with

    name = backup({"includedNamespaces": [NAMESPACE]})
    rules = [
        {"apiGroups": ["velero.io"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["configmaps", "namespaces", "serviceaccounts"], "verbs": ["get", "list"]},
    ]
    with user_with(lab, rules, tmp_path / "kubeconfig") as kubeconfig:
        limited = Tool(tool.deployment, ("--context", "limited"), {"KUBECONFIG": str(kubeconfig)})
        document = limited("coverage", name, "--json", code=1).json
    assert 'cannot list resource "secrets"' in document["not_compared"]["secrets"]
    assert "configmaps" not in document["not_compared"]


def test_a_claim_on_an_in_tree_volume_is_passed_by_in_a_completed_backup_and_the_tool_says_so(tool, api, run):
    # Trap 20: gp2 volumes of the in-tree kind, which a backup that takes CSI snapshots leaves without a word.
    namespace, name = f"gp2-{run}", f"gp2-{run}"
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp2"}
    volume = {
        **spec,
        "capacity": {"storage": "1Gi"},
        "awsElasticBlockStore": {"volumeID": "vol-0123456789abcdef0"},
        "claimRef": {"namespace": namespace, "name": "data"},
    }
    claim = {**spec, "resources": {"requests": {"storage": "1Gi"}}, "volumeName": name}
    api.apply_all(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume},
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data", "namespace": namespace},
                "spec": claim,
            },
        ]
    )
    # No controller binds volumes in this lab, and none would remove these finalizers.
    bound = {"status": {"phase": "Bound"}}
    for path in (f"/api/v1/persistentvolumes/{name}", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/data"):
        api.request("PATCH", f"{path}/status", bound, content="application/merge-patch+json")
        api.request("PATCH", path, {"metadata": {"finalizers": None}}, content="application/merge-patch+json")

    # A context says nothing of volumes, so that they are meant to be taken; the stack's mode is none.
    context = ("--context", "velero-eks-lab")
    said = tool("backup", name, "--namespace", namespace, "--yes", "--json", where=context, code=1).json
    assert (said["phase"], said["good"]) == ("Completed", False)
    [lost] = said["coverage"]["claims_without_data"]
    assert (lost["namespace"], lost["name"], lost["volume"]) == (namespace, "data", name)
    assert "no applicable volumesnapshotter found" in lost["reason"]
    covered = tool("coverage", name, where=context, code=1)
    assert f"it has no data of {namespace}/data" in covered.all
    shown = tool("show", name, where=context)
    assert f"It has no data of {namespace}/data: they would come back empty." in shown.out
    assert f"backup {name} has no data of claim {namespace}/data" in shown.all
    tool("coverage", name)
    api.delete(f"/api/v1/namespaces/{namespace}")
    api.delete(f"/api/v1/persistentvolumes/{name}")
