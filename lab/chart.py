"""Where the chart comes from: `VELERO_CHART`, the pinned one's repository, or what `velero install` prints instead."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from velero_on_eks.settings import load_stack_file
from velero_on_eks.settings.versions import CHART_NAME, CHART_REPOSITORY, CHART_SHA256, PINNED_CHART

from lab.deployment import STACK_FILE
from lab.environment import LabEnvironment
from lab.processes import LabError
from velero_eks.plan.runner import run_stack
from velero_eks.project.project import Project

_PULL_SECONDS = 60


@dataclass(frozen=True)
class ChosenChart:
    """A chart's path, or the manifest that stands in for it; `said` is what is printed about it."""

    said: str
    path: Path | None = None
    install_manifest: Path | None = None


def choose_chart(lab: LabEnvironment, environ: Mapping[str, str] | None = None) -> ChosenChart:
    """The chart to install, tried in the order of the module's first line.

    `VELERO_CHART=none` takes the stand-in at once. Raises `LabError` for a path that is not there.
    """
    given = (os.environ if environ is None else environ).get("VELERO_CHART", "")
    if given and given != "none":
        path = Path(given).resolve()
        if not path.exists():
            raise LabError(f"VELERO_CHART={given}: there is no such file or folder; give a chart's folder or .tgz")
        check_digest(path)
        return ChosenChart(f"{path.name}, real, from VELERO_CHART", path=path)
    pulled = None if given else _pulled(lab)
    if pulled is not None:
        check_digest(pulled)
        return ChosenChart(f"{pulled.name}, real, from {CHART_REPOSITORY}", path=pulled)
    manifest = _install_manifest(lab)
    return ChosenChart(
        "NOT THE CHART: its repository cannot be reached, and what `velero install` prints stands in for it",
        install_manifest=manifest,
    )


def check_digest(path: Path) -> None:
    """Raise `LabError` for an archive of a known version of the chart that is not the one that its repository serves.

    Of a folder, and of a version that the table does not have, nothing is known.
    """
    wanted = CHART_SHA256.get(path.name.removeprefix(f"{CHART_NAME}-").removesuffix(".tgz"))
    if wanted is None or not path.is_file():
        return
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wanted:
        raise LabError(
            f"{path}: its SHA-256 is {found}, and the chart of that version has {wanted}: it is damaged, or not the one"
            f" that {CHART_REPOSITORY} serves; download it again"
        )


def _pulled(lab: LabEnvironment) -> Path | None:
    target = lab.directory / "chart"
    target.mkdir(exist_ok=True)
    command = [lab.programs.helm, "pull", CHART_NAME, f"--repo={CHART_REPOSITORY}", f"--version={PINNED_CHART}",
               f"--destination={target}"]  # fmt: skip
    try:
        done = subprocess.run(command, env=lab.environment, capture_output=True, timeout=_PULL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    found = sorted(target.glob(f"{CHART_NAME}-*.tgz"))
    if done.returncode != 0 or not found:
        shutil.rmtree(target, ignore_errors=True)
        return None
    return found[0]


def _install_manifest(lab: LabEnvironment) -> Path:
    """What `velero install` prints for the settings of the lab's stack, as a file."""
    release = _release_of_the_stack()
    # The stack file has a port for show; the emulator listens on today's.
    release["values"]["configuration"]["backupStorageLocation"][0]["config"]["s3Url"] = lab.cloud.endpoint
    release["values"]["image"]["tag"] = f"v{lab.programs.velero_version}"
    command = [str(lab.programs.velero), *install_arguments(release)]
    done = subprocess.run(command, env=lab.environment, capture_output=True, timeout=_PULL_SECONDS, check=False)
    if done.returncode != 0:
        raise LabError(f"velero install --dry-run ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    path = lab.directory / "velero-install.yaml"
    printed = [document for document in yaml.safe_load_all(done.stdout) if document]
    # It prints one List.
    documents = [item for document in printed for item in (document.get("items") or [document])]
    path.write_text(yaml.safe_dump_all([*completed(documents, release), *account(release)]))
    return path


def completed(documents: list[dict[str, Any]], release: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same objects, with what a Release asks for and `velero install` has no argument for put into its Deployment:
    the rate limits, the priority, and the security contexts without which the namespace admits no Pod."""
    values = release["values"]
    configuration = values["configuration"]
    for document in documents:
        if document["kind"] != "Deployment":
            continue
        pod = document["spec"]["template"]["spec"]
        pod["securityContext"] = values["podSecurityContext"]
        pod["priorityClassName"] = values.get("priorityClassName", "")
        pod.setdefault("volumes", []).append({"name": "tmpdir", "emptyDir": {}})
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            container["securityContext"] = values["containerSecurityContext"]
        server = pod["containers"][0]
        server["args"] += [
            f"--client-qps={configuration['clientQPS']}", f"--client-burst={configuration['clientBurst']}",
        ]  # fmt: skip
        server.setdefault("volumeMounts", []).append({"name": "tmpdir", "mountPath": "/tmp"})  # noqa: S108
    return documents


def account(release: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The service account that a Release asks for, and its rights: `velero install` takes a named one for given."""
    server, namespace = release["values"]["serviceAccount"]["server"], release["namespace"]
    subject = {"kind": "ServiceAccount", "name": server["name"], "namespace": namespace}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "name": server["name"],
                "namespace": namespace,
                "annotations": server.get("annotations", {}),
            },
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{namespace}-{server['name']}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [subject],
        },
    ]


def install_arguments(release: Mapping[str, Any]) -> list[str]:
    """The arguments of `velero install` that ask for what a Release's inputs ask the chart for."""
    values = release["values"]
    configuration = values["configuration"]
    location = configuration["backupStorageLocation"][0]
    server = values["serviceAccount"]["server"]
    plugin = values["initContainers"][0]
    resources = values["resources"]
    arguments = {
        "namespace": release["namespace"],
        "provider": location["provider"],
        "bucket": location["bucket"],
        "prefix": location.get("prefix"),
        "backup-location-config": ",".join(f"{key}={value}" for key, value in location["config"].items()),
        "image": f"{values['image']['repository']}:{values['image']['tag']}",
        "plugins": plugin["image"],
        "service-account-name": server["name"],
        "features": configuration.get("features"),
        "uploader-type": configuration["uploaderType"],
        "velero-pod-cpu-request": resources["requests"]["cpu"],
        "velero-pod-mem-request": resources["requests"]["memory"],
        "velero-pod-cpu-limit": resources["limits"].get("cpu", "0"),
        "velero-pod-mem-limit": resources["limits"]["memory"],
    }
    given = [f"--{name}={value}" for name, value in arguments.items() if value]
    return ["install", "--dry-run", "--output=yaml", "--no-secret", "--use-volume-snapshots=false", *given]


def _release_of_the_stack() -> dict[str, Any]:
    project = Project.find(Path(__file__).resolve().parent)
    plan = run_stack(project, load_stack_file(STACK_FILE))
    return plan.recording.one("kubernetes:helm.sh/v3:Release").inputs
