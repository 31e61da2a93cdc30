"""The release's values through the real chart."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from velero_on_eks.settings.server_flags import FLAGS
from velero_on_eks.settings.versions import PINNED_CHART

from lab.programs import ProgramError
from lab.programs.cache import cache_folder, entry, find_go
from lab.programs.catalogue import PROGRAMS
from lab.programs.find import search
from tests.components.settings.test_overrides import DATA
from tests.conftest import reference
from tests.limits import HANG
from tests.support import record

pytestmark = pytest.mark.chart
OVERRIDES: list[dict[str, Any]] = yaml.safe_load(DATA.read_text(encoding="utf-8"))


def built_program(name: str) -> str:
    """A program on PATH, or the one that `make programs` built. Neither: the test says so."""
    [wanted] = [each for each in PROGRAMS if each.name == name]
    found = search([wanted], os.environ).places.get(name)
    if found is not None:
        return str(found.path)
    try:
        built = entry(cache_folder(os.environ), wanted, find_go(os.environ)) / name
    except ProgramError:
        built = None
    if built is not None and built.exists():
        return str(built)
    message = f"no {name} on PATH and none built: install it, or run `make programs`"
    # The quick tests come before the programs are built; `make lab-test` has them, and skips nothing.
    if os.environ.get("VELERO_EKS_REQUIRE_PROGRAMS"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def program() -> str:
    return built_program("helm")


def render(program: str, folder: Path, *, hooks: bool = False, **sections: Any) -> list[dict[str, Any]]:
    recording = record(**sections)
    release = recording.one("kubernetes:helm.sh/v3:Release").inputs
    values = folder / "values.json"
    values.write_text(json.dumps(release["values"]))
    command = [
        program, "template", release["name"], str(reference(f"velero-{PINNED_CHART}.tgz")),
        "--namespace", release["namespace"], "--values", str(values), "--kube-version", "1.34.1",
        *([] if hooks else ["--no-hooks"]),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] == kind]


@pytest.mark.parametrize("mode", ["none", "csi-snapshot"])
def test_the_chart_makes_one_location_an_annotated_account_and_no_snapshot_location(program, tmp_path, mode):
    documents = render(program, tmp_path, volumes={"mode": mode})
    [location] = of_kind(documents, "BackupStorageLocation")
    assert location["metadata"]["name"] == "default"
    assert location["spec"] == {
        "provider": "aws",
        "accessMode": "ReadWrite",
        "default": True,
        "objectStorage": {"bucket": "velero-shop-111122223333-eu-west-1"},
        "config": {"region": "eu-west-1"},
    }
    assert of_kind(documents, "VolumeSnapshotLocation") == []
    accounts = of_kind(documents, "ServiceAccount")
    assert [account["metadata"]["name"] for account in accounts] == ["velero-server"]
    assert accounts[0]["metadata"]["annotations"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/velero-shop-eu-west-1"
    }


def test_the_server_runs_our_versions_limits_and_rates_in_a_restricted_pod(program, tmp_path):
    [deployment] = of_kind(render(program, tmp_path), "Deployment")
    assert deployment["metadata"]["name"] == "velero"
    pod = deployment["spec"]["template"]["spec"]
    [container], [plugin] = pod["containers"], pod["initContainers"]
    assert container["image"] == "docker.io/velero/velero:v1.18.3"
    assert plugin["image"] == "docker.io/velero/velero-plugin-for-aws:v1.14.3"
    assert {"--client-qps=1000", "--client-burst=1000"} <= set(container["args"])
    assert not [argument for argument in container["args"] if argument.startswith("--features")]
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for each in (container, plugin):
        assert each["securityContext"]["allowPrivilegeEscalation"] is False
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not [variable for variable in container["env"] if variable["name"] == "AWS_SHARED_CREDENTIALS_FILE"]


def test_csi_mode_turns_the_feature_on(program, tmp_path):
    [deployment] = of_kind(render(program, tmp_path, volumes={"mode": "csi-snapshot"}), "Deployment")
    assert "--features=EnableCSI" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]


def test_the_disruption_budget_is_of_production(program, tmp_path):
    assert len(of_kind(render(program, tmp_path), "PodDisruptionBudget")) == 1
    assert of_kind(render(program, tmp_path, environment="staging"), "PodDisruptionBudget") == []


def test_an_override_reaches_the_chart(program, tmp_path):
    overrides = {"nodeSelector": {"kubernetes.io/arch": "arm64"}}
    [deployment] = of_kind(render(program, tmp_path, release={"helmValuesOverrides": overrides}), "Deployment")
    assert deployment["spec"]["template"]["spec"]["nodeSelector"] == {"kubernetes.io/arch": "arm64"}


DIGEST = "sha256:" + "73266e6bd7e2fe3f" * 4


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({"tag": "1.18.2-debian-12-r3"}, ":1.18.2-debian-12-r3"),
        ({"tag": f"v1.18.2@{DIGEST}"}, f"@{DIGEST}"),
        ({"digest": DIGEST, "version": "1.18.2"}, f"@{DIGEST}"),
        ({"tag": "prod-2026-11", "version": "1.18.2"}, ":prod-2026-11"),
    ],
)
def test_every_pod_of_the_chart_has_the_image_and_pulls_it_with_the_secrets(program, tmp_path, image, reference):
    server = {"repository": "registry.example.com:5000/mirror/velero", **image}
    documents = render(program, tmp_path, hooks=True, release={"image": server, "imagePullSecrets": ["one", "two"]})
    pods = [
        document["spec"]["template"]["spec"]
        for document in documents
        if document["kind"] in ("Deployment", "Job", "DaemonSet")
    ]
    # The server, and the job before each upgrade that brings the CRDs.
    assert len(pods) == 2
    for pod in pods:
        assert pod["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
        assert [each["image"] for each in pod["containers"]] == [f"{server['repository']}{reference}"]


def test_the_chart_takes_every_override_that_is_not_refused(program, tmp_path):
    for row in OVERRIDES:
        if "refused" not in row:
            made = render(program, tmp_path, release={"helmValuesOverrides": row["set"]})
            assert of_kind(made, "Deployment"), row["set"]


def test_the_server_has_the_flags_that_overrides_are_judged_by():
    command = [built_program("velero"), "server", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=True)
    found = dict(re.findall(r"^ +(?:-\w, )?--([\w-]+) ?(\w+)?", done.stdout, re.MULTILINE))
    assert set(found) - {"help"} == set(FLAGS)
    numbers = {"Level", "float32", "int", "uint"}
    assert {name for name, kind in found.items() if kind in numbers} - {"log_file_max_size"} == {
        flag.name for flag in FLAGS.values() if flag.kind == "number"
    }
    assert {name for name, kind in found.items() if kind in ("", "optionalBool")} - {"help"} <= {
        flag.name for flag in FLAGS.values() if flag.kind == "boolean"
    } | {"log-format", "log-level", "store-validation-frequency"}
