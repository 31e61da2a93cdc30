"""Objects and releases on a real API server, with the real helm."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import grpc
import pytest
import yaml

from lab.control_plane import CONTEXT, ControlPlane
from lab.processes import Supervisor
from lab.providers.kubernetes import KubernetesProvider
from lab.providers.kubernetes.kinds import RELEASE
from lab.providers.properties import UNKNOWN, Secret
from tests.conftest import reference
from tests.lab.providers.engine import Engine, Refused, Resource, attached, partial_failure, reason
from tests.lab.providers.test_providers_kubernetes import chart

pytestmark = pytest.mark.lab

NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
WIDGET = "kubernetes:example.com/v1:Widget"
SCHEDULE = "kubernetes:velero.io/v1:Schedule"


@pytest.fixture(scope="module")
def plane(programs, tmp_path_factory) -> Iterator[ControlPlane]:
    directory = tmp_path_factory.mktemp("plane")
    with Supervisor(directory / "logs") as supervisor:
        plane = ControlPlane(supervisor, programs, directory / "plane")
        plane.start()
        yield plane


def connected(plane: ControlPlane, programs, **options):
    return attached(KubernetesProvider(helm=str(programs.helm), **options))


def by_hand(plane: ControlPlane, path: str, patch: dict) -> None:
    """A change by someone else, who thereby owns the field."""
    plane.api.request("PATCH", path, patch, content="application/merge-patch+json")


@pytest.fixture
def kubernetes(plane, programs) -> Iterator[Engine]:
    with connected(plane, programs) as engine:
        engine.configure(kubeconfig=str(plane.kubeconfig), context=CONTEXT)
        yield engine


@pytest.fixture
def namespace(kubernetes, request) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"t-{abs(hash(request.node.name)) % 10**8}"
    made = kubernetes.create(NAMESPACE, "ns", {"metadata": {"name": name}})
    yield name
    kubernetes.delete(made)


def found_inputs(engine: Engine, made: Resource) -> dict:
    """The inputs after a refresh."""
    found = engine.read(made)
    assert found is not None
    return found.inputs


def crd(kind: str = "Widget") -> dict:
    properties = {"size": {"type": "integer"}, "colour": {"type": "string", "default": "red"}}
    spec = {"type": "object", "properties": properties}
    version = {"name": "v1", "served": True, "storage": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    names = {"plural": f"{kind.lower()}s", "singular": kind.lower(), "kind": kind}
    return {
        "metadata": {"name": f"{kind.lower()}s.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": names,
            "versions": [{**version, "schema": schema}],
        },
    }


@pytest.fixture
def widgets(kubernetes) -> Iterator[None]:
    made = kubernetes.create(CRD, "crd", crd())
    yield
    kubernetes.delete(made)


def test_a_namespace_is_active_when_its_creation_ends_and_gone_when_its_deletion_ends(kubernetes):
    made = kubernetes.create(NAMESPACE, "ns", {"metadata": {"name": "briefly", "labels": {"a": "b"}}})
    assert made.id == "briefly"
    assert made.outputs["status"]["phase"] == "Active"
    assert not kubernetes.diff(made, {"metadata": {"name": "briefly", "labels": {"a": "b"}}})
    kubernetes.delete(made)
    assert kubernetes.read(made) is None
    kubernetes.delete(made)


def test_an_object_lives_through_update_drift_and_conflict(kubernetes, plane, namespace, widgets):
    wish = {"metadata": {"name": "w", "namespace": namespace}, "spec": {"size": 1}}
    made = kubernetes.create(WIDGET, "w", wish)
    assert made.outputs["spec"] == {"size": 1, "colour": "red"}
    assert kubernetes.read(made).inputs == made.inputs

    bigger = {**wish, "spec": {"size": 2}}
    assert kubernetes.diff(made, bigger).kinds == {"spec.size": "UPDATE"}
    made = kubernetes.update(made, bigger)
    path = f"/apis/example.com/v1/namespaces/{namespace}/widgets/w"
    assert plane.api.find(path)["spec"]["size"] == 2

    by_hand(plane, path, {"spec": {"size": 9, "colour": "blue"}})
    found = kubernetes.read(made)
    assert found.inputs["spec"] == {"size": 9}
    with pytest.raises(grpc.RpcError) as raised:
        kubernetes.update(found, bigger)
    assert ".spec.size" in reason(raised.value) and "pulumi.com/patchForce" in reason(raised.value)
    forced = {**bigger, "metadata": {**bigger["metadata"], "annotations": {"pulumi.com/patchForce": "true"}}}
    assert kubernetes.update(found, forced).outputs["spec"] == {"size": 2, "colour": "blue"}


def test_a_quantity_that_the_server_writes_otherwise_is_no_drift(kubernetes, namespace):
    labels = {"app": "a"}
    container = {"name": "c", "image": "x:1", "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    made = kubernetes.create(DEPLOYMENT, "d", {"metadata": {"name": "d", "namespace": namespace}, "spec": spec})
    assert kubernetes.read(made).inputs == made.inputs


def test_a_secret_is_hidden_and_replaced_deleting_first_when_it_changes(kubernetes, namespace):
    wish = {"metadata": {"name": "s", "namespace": namespace}, "stringData": {"password": Secret("hunter2")}}
    made = kubernetes.create(SECRET, "s", wish)
    assert isinstance(made.outputs["data"], Secret)
    assert kubernetes.read(made).inputs == made.inputs
    imported = kubernetes.import_(SECRET, "s", made.id)
    assert isinstance(imported.inputs["data"], Secret)
    assert not kubernetes.diff(imported, wish).replaces
    diff = kubernetes.diff(made, {**wish, "stringData": {"password": Secret("other")}})
    assert (diff.replaces, diff.delete_first) == (["data.password"], True)


def test_what_exists_already_is_not_taken_over_unless_the_provider_says_so(kubernetes, plane, programs, namespace):
    wish = {"metadata": {"name": "m", "namespace": namespace}, "data": {"k": "v"}}
    kubernetes.create(CONFIG_MAP, "m", wish)
    with pytest.raises(grpc.RpcError) as raised:
        kubernetes.create(CONFIG_MAP, "again", wish)
    assert "already exists" in reason(raised.value)
    with connected(plane, programs) as bold:
        bold.configure(kubeconfig=str(plane.kubeconfig), context=CONTEXT, upsertExistingObjects="true")
        assert bold.create(CONFIG_MAP, "again", wish).id == f"{namespace}/m"


def test_an_import_finds_the_object_and_leaves_alone_what_it_did_not_wish_for(kubernetes, plane, namespace):
    plane.api.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "found", "namespace": namespace, "labels": {"by": "hand"}},
            "data": {"k": "v"},
        }
    )
    found = kubernetes.import_(CONFIG_MAP, "found", f"{namespace}/found")
    assert found.inputs["data"] == {"k": "v"}
    wish = {"metadata": {"name": "found", "namespace": namespace}, "data": {"k": "v"}}
    assert not kubernetes.diff(found, wish)


def test_a_preview_asks_the_server_where_it_can(kubernetes, namespace, widgets):
    there = {"metadata": {"name": "w", "namespace": namespace}, "spec": {"size": 1}}
    outputs = kubernetes.preview_create(WIDGET, "w", there)
    assert outputs["spec"]["colour"] == "red"
    assert outputs["metadata"]["uid"] is UNKNOWN
    not_yet = {**there, "metadata": {"name": "w", "namespace": "not-made-yet"}}
    assert "uid" not in kubernetes.preview_create(WIDGET, "w", not_yet)["metadata"]
    late = {**there, "spec": {"size": UNKNOWN}}
    assert kubernetes.preview_create(WIDGET, "w", late)["spec"] == {"size": UNKNOWN}
    with pytest.raises(grpc.RpcError) as raised:
        kubernetes.preview_create(WIDGET, "w", {**there, "spec": {"sise": 1}})
    assert "sise" in reason(raised.value)


def test_a_misspelt_property_of_a_builtin_kind_is_refused_without_the_server(kubernetes):
    with pytest.raises(Refused) as raised:
        kubernetes.check(NAMESPACE, "ns", {"metadata": {"name": "a", "lables": {}}})
    assert "metadata.lables" in raised.value.failures


def test_a_kind_that_nobody_serves_is_named(kubernetes, plane, namespace):
    with pytest.raises(grpc.RpcError) as raised:
        kubernetes.create("kubernetes:example.org/v1:Gadget", "g", {"metadata": {"name": "g"}}, seconds=1)
    assert "time limit" in reason(raised.value) or "no matches for kind 'Gadget'" in reason(raised.value)


def test_a_deletion_that_is_held_says_what_holds_it(kubernetes, plane, namespace):
    wish = {"metadata": {"name": "held", "namespace": namespace, "finalizers": ["example.com/hold"]}}
    made = kubernetes.create(CONFIG_MAP, "held", wish)
    with pytest.raises(grpc.RpcError) as raised:
        kubernetes.delete(made, seconds=1)
    assert "finalizers example.com/hold" in reason(raised.value)
    by_hand(plane, f"/api/v1/namespaces/{namespace}/configmaps/held", {"metadata": {"finalizers": None}})
    kubernetes.delete(made)


def test_a_release_lives_through_upgrade_drift_and_uninstall(plane, programs, namespace, tmp_path):
    package = chart(tmp_path)
    wish = {
        "name": "velero",
        "namespace": namespace,
        "chart": "velero",
        "version": "1.2.3",
        "repositoryOpts": {"repo": "https://charts.invalid"},
        "values": {"k": "one", "password": Secret("hunter2")},
        "compat": "true",
    }
    with connected(plane, programs, chart=package) as engine:
        engine.configure(kubeconfig=str(plane.kubeconfig), context=CONTEXT)
        preview = engine.preview_create(RELEASE, "velero", wish)
        assert preview["resourceNames"] == {"ConfigMap/v1": ["velero"]}
        made = engine.create(RELEASE, "velero", wish)
        assert made.id == f"{namespace}/velero"
        assert made.outputs["status"] == {
            "appVersion": "",
            "chart": "velero",
            "name": "velero",
            "namespace": namespace,
            "revision": 1,
            "status": "deployed",
            "version": "1.2.3",
        }
        assert made.outputs["values"]["password"] == Secret("hunter2")
        assert found_inputs(engine, made) == made.inputs
        assert not engine.diff(made, wish)

        changed = {**wish, "values": {"k": "two"}}
        assert engine.diff(made, changed).kinds == {"values.k": "UPDATE", "values.password": "DELETE"}
        made = engine.update(made, changed)
        assert made.outputs["status"]["revision"] == 2
        assert plane.api.find(f"/api/v1/namespaces/{namespace}/configmaps/velero")["data"] == {"k": "two"}

        helm = [str(programs.helm), f"--kubeconfig={plane.kubeconfig}", f"--namespace={namespace}"]
        subprocess.run(
            [*helm, "upgrade", "velero", str(package), "--set=k=hand"], check=True, capture_output=True, timeout=60
        )
        assert found_inputs(engine, made)["values"] == {"k": "hand"}

        with pytest.raises(grpc.RpcError) as raised:
            engine.create(RELEASE, "again", wish)
        assert "still in use" in reason(raised.value)
        assert engine.diff(made, {**changed, "namespace": "elsewhere"}).replaces == ["namespace"]
        engine.delete(made)
        assert engine.read(made) is None
        engine.delete(made)


def test_a_release_that_fails_is_kept_in_the_state(plane, programs, namespace, tmp_path):
    package = chart(tmp_path, packed=False)
    (package / "templates" / "bad.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: UPPER}\n")
    with connected(plane, programs, chart=package) as engine:
        engine.configure(kubeconfig=str(plane.kubeconfig), context=CONTEXT)
        with pytest.raises(grpc.RpcError) as raised:
            engine.create(RELEASE, "velero", {"name": "velero", "namespace": namespace, "chart": "velero"})
        identifier, outputs, reasons = partial_failure(raised.value)
        assert (identifier, outputs["status"]["status"]) == (f"{namespace}/velero", "failed")
        assert "UPPER" in reasons[0]


def test_a_chart_of_another_version_than_asked_for_is_refused(plane, programs, tmp_path):
    with connected(plane, programs, chart=chart(tmp_path)) as engine:
        engine.configure(kubeconfig=str(plane.kubeconfig), context=CONTEXT)
        with pytest.raises(grpc.RpcError) as raised:
            engine.preview_create(RELEASE, "velero", {"name": "velero", "chart": "velero", "version": "12.1.0"})
    assert "is version 1.2.3, the program asks for 12.1.0" in reason(raised.value)


def test_a_chart_that_cannot_be_reached_fails_in_the_preview(kubernetes):
    wish = {"name": "velero", "chart": "velero", "repositoryOpts": {"repo": "http://127.0.0.1:9"}}
    with pytest.raises(grpc.RpcError) as raised:
        kubernetes.preview_create(RELEASE, "velero", wish)
    assert "helm template" in reason(raised.value) and "127.0.0.1:9" in reason(raised.value)


def test_what_the_stand_in_does_not_do_for_a_release_is_refused(kubernetes):
    with pytest.raises(Refused) as raised:
        kubernetes.check(RELEASE, "velero", {"chart": "velero", "atomic": True, "vlaues": {}})
    assert raised.value.failures.keys() == {"atomic", "vlaues"}


def test_a_schedule_is_made_right_after_the_release_that_brings_its_kind(plane, programs, namespace, tmp_path):
    objects = [
        *yaml.safe_load_all((reference("velero-crds-1.18.2") / "velero.io_schedules.yaml").read_text()),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"not": "ours"}}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "velero", "namespace": namespace}},
    ]
    manifest = tmp_path / "install.yaml"
    manifest.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": objects}))
    wish = {"name": "velero", "namespace": namespace, "chart": "velero", "version": "12.1.0", "values": {}}
    with connected(plane, programs, manifest=manifest, state=tmp_path / "state.json") as engine:
        engine.configure(kubeconfig=str(plane.kubeconfig), context=CONTEXT)
        made = engine.create(RELEASE, "velero", wish)
        assert made.outputs["status"]["status"] == "deployed"
        spec = {"schedule": "0 2 * * *", "skipImmediately": False, "template": {"ttl": "720h0m0s"}}
        daily = {"metadata": {"name": "daily", "namespace": namespace}, "spec": spec}
        schedule = engine.create(SCHEDULE, "daily", daily)
        assert not engine.diff(schedule, daily)
        engine.delete(schedule)

    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/velero"
    with connected(plane, programs, manifest=manifest, state=tmp_path / "state.json") as engine:
        engine.configure(kubeconfig=str(plane.kubeconfig), context=CONTEXT)
        again = engine.read(made)
        assert again is not None and again.outputs == made.outputs
        manifest.write_text(yaml.safe_dump_all(objects[:-1]))
        made = engine.update(made, {**wish, "values": {"k": "v"}})
        assert made.outputs["status"]["revision"] == 2
        assert plane.api.find(account) is None
        engine.delete(made)
        assert engine.read(made) is None
    labels = plane.api.find(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
    assert "not" not in labels
