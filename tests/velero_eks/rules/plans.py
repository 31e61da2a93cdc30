"""Plans to inject faults into: the tests' stacks as the real program makes them, as entries of the plan's JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from velero_on_eks.settings import load_stack_file

from tests.conftest import ROOT
from tests.stacks import FILES
from velero_eks.plan.contract import describe, text
from velero_eks.plan.findings import PlannedFinding
from velero_eks.plan.runner import run_stack
from velero_eks.plan.saved import read_document
from velero_eks.project.project import Project
from velero_eks.rules import PolicyResource

_AT = datetime(2026, 1, 5, tzinfo=UTC)
_REMOVED = object()

Path_ = Sequence[str | int]


class Draft:
    """A plan that a test may change. `document` is a stack of the plan's JSON, `entries` are its resources."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The resources."""
        return self.document["resources"]

    @property
    def environment(self) -> str:
        """The environment that the settings name."""
        return self.settings["environment"]

    @environment.setter
    def environment(self, name: str) -> None:
        self.settings["environment"] = name

    @property
    def settings(self) -> dict[str, Any]:
        """What the stack was made from."""
        return self.document["deployments"][0]["settings"]

    def findings(self) -> list[PlannedFinding]:
        """What `velero-eks check` says of the plan as it stands."""
        [stack] = read_document({"version": 1, "stacks": [self.document]}, "a draft")
        return stack.findings()

    def resources(self) -> list[PolicyResource]:
        """The plan as rules read it."""
        return [PolicyResource.from_plan(entry) for entry in self.entries]

    def one(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """The first entry of a type, or the one of that logical name."""
        found = [entry for entry in self.entries if entry["type"] == kind and name in (None, entry["name"])]
        assert found, f"the plan has no {kind} {name or ''}"
        return found[0]

    def set(self, kind: str, path: Path_, value: Any, *, name: str | None = None) -> None:
        """Set an input at a path, making the mappings on the way."""
        *way, last = path
        node = self.one(kind, name)["inputs"]
        for part in way:
            node = node.setdefault(part, {}) if isinstance(part, str) else node[part]
        if value is _REMOVED:
            del node[last]
        else:
            node[last] = value

    def unset(self, kind: str, path: Path_, *, name: str | None = None) -> None:
        """Take an input away."""
        self.set(kind, path, _REMOVED, name=name)

    def option(self, kind: str, option: str, value: Any, *, name: str | None = None) -> None:
        """Set a resource option."""
        self.one(kind, name)["options"][option] = value

    def statement(self, kind: str, sid: str, field: str = "policy", /, **changes: Any) -> None:
        """Change elements of a statement of a policy document; None removes one."""
        inputs = self.one(kind)["inputs"]
        policy = json.loads(inputs[field])
        [found] = [statement for statement in policy["Statement"] if statement["Sid"] == sid]
        found.update(changes)
        for element in [element for element, value in changes.items() if value is None]:
            del found[element]
        inputs[field] = json.dumps(policy)

    def add_statement(self, kind: str, field: str = "policy", /, **statement: Any) -> None:
        """Add a statement to a policy document."""
        inputs = self.one(kind)["inputs"]
        policy = json.loads(inputs[field])
        policy["Statement"].append({"Sid": "Injected", "Effect": "Allow", **statement})
        inputs[field] = json.dumps(policy)

    def drop(self, kind: str, name: str | None = None) -> None:
        """Take a resource out of the plan."""
        self.entries.remove(self.one(kind, name))

    def drop_all(self, kind: str) -> None:
        """Take every resource of a type out of the plan."""
        self.entries[:] = [entry for entry in self.entries if entry["type"] != kind]

    def add(self, kind: str, name: str, inputs: dict[str, Any]) -> None:
        """Put a resource in, under the plan's own provider of its package."""
        package = kind.split(":", 1)[0]
        provider = next((e["urn"] for e in self.entries if e["type"] == f"pulumi:providers:{package}"), None)
        self.entries.append(
            {
                "urn": f"urn:pulumi:test::velero-eks::{kind}::{name}",
                "type": kind,
                "name": name,
                "parent": None,
                "custom": True,
                "inputs": inputs,
                "options": {"protect": True, "retainOnDelete": True, "dependsOn": [], "provider": provider},
            }
        )

    def forget(self, kind: str, needed: str) -> None:
        """Take a type out of what the first resource of another type waits for, by whatever way."""
        urns = {entry["urn"] for entry in self.entries if entry["type"] == needed}
        options = self.one(kind)["options"]
        options["dependsOn"] = [urn for urn in options["dependsOn"] if urn not in urns]


@lru_cache(maxsize=8)
def _planned(stack: str, overrides: str) -> str:
    """A stack's plan as JSON text, made by the real program."""
    given = yaml.safe_load(FILES[stack].read_text(encoding="utf-8"))
    given["config"].update(json.loads(overrides))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"Pulumi.{stack}.yaml"
        path.write_text(yaml.safe_dump(given), encoding="utf-8")
        plan = run_stack(Project.find(ROOT), load_stack_file(path))
    return text([describe(plan, _AT)])


def draft(stack: str, **overrides: Any) -> Draft:
    """A fresh copy of a stack's plan; an override `identity={…}` replaces `velero-eks:identity`."""
    config = {f"velero-eks:{name}": value for name, value in overrides.items()}
    return Draft(json.loads(_planned(stack, json.dumps(config, sort_keys=True)))["stacks"][0])


def good_resources() -> Draft:
    """The production stack: Auto Mode, IRSA, CSI snapshots, access logs."""
    return draft("prod")


def good_resources_with_pod_identity() -> Draft:
    """The same with EKS Pod Identity in place of IRSA."""
    return draft("prod", identity={"mode": "pod-identity"})
