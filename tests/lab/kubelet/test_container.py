"""A Pod's Velero server gets the command, environment and files that a container would have given it."""

from __future__ import annotations

import base64
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.kubelet.container import CannotRun, Launch, Object, prepare, server_container

API = "https://127.0.0.1:6443"
METRICS = "127.0.0.1:20001"
PROFILER = "127.0.0.1:20002"


def pod(**spec: Any) -> Object:
    """What the chart's Deployment comes down to, once the ServiceAccount admission has been at it."""
    access = "kube-api-access-x7k2p"
    container = {
        "name": "velero",
        "image": "docker.io/velero/velero:v1.18.2",
        "command": ["/velero"],
        "args": ["server", "--uploader-type=kopia"],
        "env": [
            {"name": "VELERO_SCRATCH_DIR", "value": "/scratch"},
            {"name": "VELERO_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "LD_LIBRARY_PATH", "value": "/plugins"},
        ],
        "volumeMounts": [
            {"name": "plugins", "mountPath": "/plugins"},
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": access, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True},
        ],
        **spec.pop("container", {}),
    }
    plugin = {
        "name": "aws",
        "image": "velero/velero-plugin-for-aws:v1.14.2",
        "volumeMounts": [{"name": "plugins", "mountPath": "/target"}],
    }
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    volumes = [
        {"name": "plugins", "emptyDir": {}},
        {"name": "scratch", "emptyDir": {}},
        {"name": access, "projected": {"sources": sources}},
        *spec.pop("volumes", []),
    ]
    metadata = {"name": "velero-1", "namespace": "backups", "labels": {"app": "velero"}, "uid": "u-1"}
    return {
        "metadata": metadata,
        "spec": {"containers": [container], "initContainers": [plugin], "volumes": volumes, **spec},
    }


OBJECTS: dict[tuple[str, str], Object] = {
    ("configmaps", "kube-root-ca.crt"): {"data": {"ca.crt": "authority"}},
    ("configmaps", "settings"): {"data": {"LEVEL": "debug", "MODE": "fast"}},
    ("secrets", "cloud"): {"data": {"cloud": base64.b64encode(b"[default]").decode()}},
}


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins"
    folder.mkdir()
    program = folder / "velero-plugin-for-aws"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return folder


def launch(document: Object, tmp_path: Path) -> Launch:
    return prepare(
        document,
        lambda kind, name: OBJECTS.get((kind, name)),
        tmp_path / "home",
        velero=Path("/opt/velero"),
        plugin_folder=tmp_path / "plugins",
        api_server=API,
        metrics_address=METRICS,
        profiler_address=PROFILER,
    )


def test_the_server_is_started_with_the_charts_arguments_and_the_places_of_this_machine(
    tmp_path: Path, plugins: Path
) -> None:
    made = launch(pod(), tmp_path)
    home = tmp_path / "home"
    assert made.command == [
        "/opt/velero",
        "server",
        "--uploader-type=kopia",
        "--namespace=backups",
        f"--plugin-dir={home}/volumes/plugins",
        f"--metrics-address={METRICS}",
        f"--profiler-address={PROFILER}",
        f"--kubeconfig={home}/kubeconfig",
    ]
    assert made.environment["VELERO_SCRATCH_DIR"] == str(home / "volumes" / "scratch")
    assert made.environment["VELERO_NAMESPACE"] == "backups"
    assert made.environment["LD_LIBRARY_PATH"] == str(home / "volumes" / "plugins")
    assert made.environment["HOME"] == str(home)
    assert "AWS_ACCESS_KEY_ID" not in made.environment


def test_an_argument_that_the_chart_gives_is_not_given_twice(tmp_path: Path, plugins: Path) -> None:
    arguments = ["server", "--namespace=elsewhere", "--plugin-dir", "/plugins", "--metrics-address=:9999"]
    made = launch(pod(container={"args": arguments}), tmp_path)
    assert [item for item in made.command if item.startswith("--namespace")] == ["--namespace=elsewhere"]
    assert made.command[3:5] == ["--plugin-dir", str(tmp_path / "home" / "volumes" / "plugins")]
    # The last of a repeated flag wins.
    assert [item for item in made.command if item.startswith("--metrics")][-1] == f"--metrics-address={METRICS}"


def test_the_plugin_of_an_init_container_lies_where_the_server_looks(tmp_path: Path, plugins: Path) -> None:
    launch(pod(), tmp_path)
    copied = tmp_path / "home" / "volumes" / "plugins" / "velero-plugin-for-aws"
    assert copied.read_text() == "#!/bin/sh\n"
    assert copied.stat().st_mode & stat.S_IXUSR


def test_an_unknown_plugin_is_refused_with_those_there_are(tmp_path: Path, plugins: Path) -> None:
    other = {"name": "gcp", "image": "registry.example/velero/velero-plugin-for-gcp@sha256:abc"}
    with pytest.raises(CannotRun, match="gcp@sha256:abc; the lab has: velero-plugin-for-aws"):
        launch(pod(initContainers=[other]), tmp_path)


def test_the_server_reaches_the_api_with_the_pods_own_token(tmp_path: Path, plugins: Path) -> None:
    made = launch(pod(), tmp_path)
    access = tmp_path / "home" / "volumes" / "kube-api-access-x7k2p"
    document = yaml.safe_load((tmp_path / "home" / "kubeconfig").read_text())
    assert document["clusters"][0]["cluster"] == {"server": API, "certificate-authority": str(access / "ca.crt")}
    assert document["users"][0]["user"] == {"tokenFile": str(access / "token")}
    assert (access / "ca.crt").read_text() == "authority"
    assert (access / "namespace").read_text() == "backups"
    assert [(token.path, token.audience, token.seconds) for token in made.tokens] == [(access / "token", "", 3607)]


def test_a_pod_without_a_token_gets_no_way_to_the_api(tmp_path: Path, plugins: Path) -> None:
    document = pod(container={"volumeMounts": [{"name": "plugins", "mountPath": "/plugins"}]})
    assert not any(item.startswith("--kubeconfig") for item in launch(document, tmp_path).command)


def test_environment_values_come_from_where_the_pod_says(tmp_path: Path, plugins: Path) -> None:
    environment = [
        {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "LEVEL"}}},
        {"name": "CLOUD", "valueFrom": {"secretKeyRef": {"name": "cloud", "key": "cloud"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "x", "optional": True}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
        {"name": "BOTH", "value": "$(LEVEL)-$(UNKNOWN)-$$(LEVEL)"},
    ]
    container = {
        "env": environment,
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "P_"}],
        "resources": {"limits": {"memory": "512Mi"}},
        "args": ["server", "--log-level=$(LEVEL)"],
    }
    made = launch(pod(container=container), tmp_path)
    expected = {
        "LEVEL": "debug",
        "CLOUD": "[default]",
        "APP": "velero",
        "MEMORY": "512Mi",
        "BOTH": "debug-$(UNKNOWN)-$(LEVEL)",
        "P_MODE": "fast",
    }
    assert expected.items() <= made.environment.items()
    assert "NONE" not in made.environment
    assert "--log-level=debug" in made.command


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"secretKeyRef": {"name": "missing", "key": "x"}}, "secret 'missing' not found"),
        ({"configMapKeyRef": {"name": "settings", "key": "x"}}, "couldn't find key x in configmap settings"),
        ({"fieldRef": {"fieldPath": "metadata.nothing"}}, "no field metadata.nothing"),
    ],
)
def test_a_missing_value_keeps_the_server_from_starting(
    tmp_path: Path, plugins: Path, reference: Object, message: str
) -> None:
    environment = [{"name": "X", "valueFrom": reference}]
    with pytest.raises(CannotRun, match=message):
        launch(pod(container={"env": environment}), tmp_path)


def test_a_mounted_secret_is_a_private_file_and_its_path_is_translated(tmp_path: Path, plugins: Path) -> None:
    container = {
        "volumeMounts": [{"name": "cloud", "mountPath": "/credentials/"}, {"name": "plugins", "mountPath": "/plugins"}],
        "env": [{"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/credentials/cloud"}],
    }
    volumes = [{"name": "cloud", "secret": {"secretName": "cloud"}}]
    made = launch(pod(container=container, volumes=volumes), tmp_path)
    path = Path(made.environment["AWS_SHARED_CREDENTIALS_FILE"])
    assert path.read_text() == "[default]"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_volume_that_the_lab_does_not_have_is_named(tmp_path: Path, plugins: Path) -> None:
    volumes = [{"name": "host", "hostPath": {"path": "/"}}]
    container = {"volumeMounts": [{"name": "host", "mountPath": "/host"}]}
    with pytest.raises(CannotRun, match=r"volume host: .*hostPath"):
        launch(pod(container=container, volumes=volumes), tmp_path)


def test_only_a_pod_that_starts_a_velero_server_is_run() -> None:
    assert server_container(pod()) is not None
    assert server_container(pod(container={"command": ["nginx"]})) is None
    assert server_container(pod(container={"args": ["node-agent", "server"]})) is None
