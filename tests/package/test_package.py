"""Both distributions, built and installed in another project: imports, types, a plan of their own program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.limits import HANG
from tests.package.bare import UV

pytestmark = pytest.mark.package

FOREIGN = Path(__file__).resolve().parent / "foreign"


def run(*command: str | Path, cwd: Path, seconds: float = 2 * HANG, code: int = 0) -> str:
    """What a command prints. Nothing of this project's own environment reaches it."""
    environment = {
        key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT")
    }
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=seconds,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def project(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Someone's Pulumi project with an environment of its own, and folders `components` and `policies` of its own."""
    root = tmp_path_factory.mktemp("shop") / "infrastructure"
    shutil.copytree(FOREIGN, root)
    (root / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (root / "Pulumi.dev.yaml").write_text("config:\n  aws:region: eu-west-1\n")
    for name in ("components", "policies"):
        (root / name).mkdir()
        (root / name / "__init__.py").write_text(f"NAME = {'their own ' + name!r}\n")
    run(UV, "venv", "--quiet", "--python", sys.executable, root / ".venv", cwd=root)
    wheels = sorted(built.glob("*.whl"))
    assert len(wheels) == 2
    run(UV, "pip", "install", "--quiet", "--python", root / ".venv/bin/python", *wheels, "mypy", "pyright[nodejs]",
        cwd=root)  # fmt: skip
    return root


def test_each_wheel_holds_its_package_its_license_and_its_types_and_nothing_else(built: Path):
    for package in ("velero_eks", "velero_on_eks"):
        (wheel,) = built.glob(f"{package}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            (metadata,) = [archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")]
        assert {name.split("/")[0].split("-")[0] for name in names} == {package}
        assert f"{package}/py.typed" in names
        assert [name for name in names if name.endswith("licenses/LICENSE")]
        assert "License-Expression: Apache-2.0" in metadata
        (source,) = built.glob(f"{package}-*.tar.gz")
        with tarfile.open(source) as archive:
            assert any(name.endswith(f"/{package}/py.typed") for name in archive.getnames())


def test_both_import_beside_packages_of_ones_own(project: Path):
    code = "import components, velero_on_eks, velero_eks; from velero_on_eks import VeleroOnEks; print(components.NAME)"
    assert run(project / ".venv/bin/python", "-c", code, cwd=project) == "their own components\n"


def test_the_component_package_needs_no_tool(built: Path, tmp_path: Path):
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / ".venv", cwd=tmp_path)
    (wheel,) = built.glob("velero_on_eks-*.whl")
    python = tmp_path / ".venv/bin/python"
    run(UV, "pip", "install", "--quiet", "--python", python, wheel, cwd=tmp_path)
    code = (
        "from velero_on_eks import VeleroOnEks, VeleroOnEksArgs; from velero_on_eks.settings import Settings;"
        "import importlib.util as u; print([n for n in ('velero_eks', 'boto3', 'typer', 'rich') if u.find_spec(n)])"
    )
    assert run(python, "-c", code, cwd=tmp_path) == "[]\n"


def test_the_tool_says_its_version(project: Path):
    assert run(project / ".venv/bin/velero-eks", "--version", cwd=project).startswith("velero-eks 0.")


def test_the_program_is_planned_with_everything_late(project: Path):
    planned = json.loads(run(project / ".venv/bin/velero-eks", "plan", "--json", cwd=project))
    (stack,) = planned["stacks"]
    assert (stack["stack"], stack["outputs"]["own"]) == ("dev", "their own components and their own policies")
    types = [resource["type"] for resource in stack["resources"]]
    assert {"velero-eks:index:VeleroOnEks", "aws:s3/bucketPolicy:BucketPolicy", "kubernetes:helm.sh/v3:Release"} <= {
        *types
    }
    assert "a password that is long enough" not in json.dumps(planned)


def test_the_program_passes_pyright(project: Path):
    (project / "pyrightconfig.json").write_text(json.dumps({"include": ["__main__.py"], "typeCheckingMode": "strict"}))
    assert "0 errors" in run(project / ".venv/bin/pyright", "--pythonpath", project / ".venv/bin/python", cwd=project)


def test_the_program_passes_mypy(project: Path):
    assert "Success" in run(project / ".venv/bin/mypy", "--strict", "__main__.py", cwd=project, seconds=3 * HANG)
