"""What the components rest on in the SDK: public names alone, so that an upgrade of the SDK does not surprise."""

from __future__ import annotations

import ast
from pathlib import Path

import pulumi.runtime

from tests.conftest import ROOT

PACKAGE = ROOT / "components"


def _private(path: Path) -> list[str]:
    """Names with an underscore that a module takes from Pulumi's packages."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules: set[str] = set()
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0].startswith("pulumi"):
            taken = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            found += [name for name in taken if name.startswith("_")]
            modules |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            taken = [alias for alias in node.names if alias.name.startswith("pulumi")]
            modules |= {(alias.asname or alias.name).split(".")[0] for alias in taken}
            found += [part for alias in taken for part in alias.name.split(".") if part.startswith("_")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in modules:
                found.append(node.attr)
    return found


def test_the_components_use_no_private_name_of_the_sdk():
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 25
    assert {path.name: found for path in modules if (found := _private(path))} == {}


def test_the_check_finds_a_private_name(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("from pulumi.runtime import config as engine\nsecret = engine._SECRET_KEYS.get()\n")
    assert _private(path) == ["_SECRET_KEYS"]


def test_what_reads_the_configuration_is_public():
    for name in ("get_config", "get_config_env", "get_config_secret_keys_env", "is_config_secret"):
        assert name in pulumi.runtime.__all__
