"""A plan that was saved as JSON, read back as far as rules need it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from velero_on_eks.settings import Refusal

from velero_eks.errors import PlanError
from velero_eks.plan import deployments as deployments_
from velero_eks.plan import findings
from velero_eks.plan.deployments import Deployment
from velero_eks.plan.findings import PlannedFinding

VERSION = 1
_KINDS: dict[type, str] = {str: "text", bool: "true or false", list: "a list", dict: "a mapping", int: "a number"}


class BadPlanError(PlanError):
    """A document that is not a plan, or lacks what rules need. The message names the file, the field and the fix."""


@dataclass(frozen=True)
class SavedStack:
    """One stack of a saved plan. `resources` are its entries as they stand in the document."""

    stack: str
    at: datetime
    deployments: tuple[Deployment, ...]
    resources: tuple[Mapping[str, Any], ...]

    def findings(self) -> list[PlannedFinding]:
        """What the rules say of it, as of the moment that it was made at; the same as the plan's own findings."""
        return findings.find(self.deployments, self.resources, self.at)


def read(text: str | bytes, file: str) -> list[SavedStack]:
    """The stacks of `velero-eks plan --json`. `file` is what messages call the document. Raises `BadPlanError`."""
    return read_document(document_of(text, file), file)


def document_of(text: str | bytes, file: str) -> Any:
    """The JSON of a text. Raises `BadPlanError`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{file}:{error.lineno}:{error.colno}"
        cut_off = " (it is cut off)" if error.pos >= len(error.doc.rstrip()) else ""
        raise BadPlanError(f"{where}: not JSON{cut_off}; save it again with 'velero-eks plan --json'") from None
    except (ValueError, RecursionError) as error:
        raise BadPlanError(f"{file}: not JSON: {error}; save one with 'velero-eks plan --json'") from None


def unplanned(document: Any, file: str) -> dict[str, tuple[Refusal, ...]]:
    """What kept other stacks from a plan when the document was made, by stack. Raises `BadPlanError`."""
    if "errors" not in document:
        return {}
    errors = _Node(file, "", document).key("errors", dict)
    return {
        name: tuple(Refusal.from_mapping(each.value) for each in errors.key(name, list).entries(dict))
        for name in errors.value
    }


def read_document(document: Any, file: str) -> list[SavedStack]:
    """The stacks of a plan's document. Raises `BadPlanError`."""
    whole = _Node(file, "", document)
    whole.must_be(dict)
    version = whole.key("version", int)
    if version.value != VERSION:
        raise version.bad(
            f"is {version.value}, and this tool reads version {VERSION}; use the velero-eks that wrote it"
        )
    return [_stack(entry) for entry in whole.key("stacks", list).entries(dict)]


def _stack(node: _Node) -> SavedStack:
    name = node.key("stack", str).value
    at = node.key("at", str)
    try:
        moment = datetime.fromisoformat(at.value)
    except ValueError:
        raise at.bad(f"is {at.value!r}; write a time such as 2026-11-24T09:00:00+00:00") from None
    if moment.tzinfo is None:
        raise at.bad(f"is {at.value!r}, without a time zone; add it, such as +00:00")
    resources = node.key("resources", list).entries(dict)
    for resource in resources:
        _check_resource(resource)
    return SavedStack(
        name,
        moment,
        tuple(_deployment(entry) for entry in node.key("deployments", list).entries(dict)),
        tuple(resource.value for resource in resources),
    )


def _check_resource(node: _Node) -> None:
    for key in ("urn", "type", "name"):
        node.key(key, str)
    if node.key("urn", str).value.count("::") < 3:
        raise node.key("urn", str).bad("is not a URN; write urn:pulumi:STACK::PROJECT::TYPE::NAME")
    node.key("custom", bool)
    node.key("inputs", dict)
    options = node.key("options", dict)
    for key in ("protect", "retainOnDelete"):
        options.key(key, bool)
    options.key("dependsOn", list).entries(str)
    for at, key in ((node, "parent"), (options, "provider")):
        if at.value.get(key) is not None:
            at.key(key, str)


def _deployment(node: _Node) -> Deployment:
    component = node.value.get("component")
    if component is not None:
        node.key("component", str)
    said = node.key("settings", dict)
    try:
        settings = deployments_.read(said.value, said.path)
    except PlanError as error:
        raise said.bad(f"cannot be used: {error}") from None
    return Deployment(settings, component, node.key("alone", bool).value, document=said.value)


@dataclass(frozen=True)
class _Node:
    """A place in the document, for messages."""

    file: str
    path: str
    value: Any

    def bad(self, reason: str) -> BadPlanError:
        return BadPlanError(f"{self.file}: {self.path or 'the document'} {reason}")

    def must_be(self, kind: type) -> None:
        if not isinstance(self.value, kind) or (kind is int and isinstance(self.value, bool)):
            raise self.bad(f"is {json.dumps(self.value)[:60]}, expected {_KINDS[kind]}")

    def key(self, key: str, kind: type) -> _Node:
        path = f"{self.path}.{key}" if self.path else key
        if key not in self.value:
            raise BadPlanError(
                f"{self.file}: {path} is missing; save the plan again with this version's 'velero-eks plan --json'"
            )
        found = _Node(self.file, path, self.value[key])
        found.must_be(kind)
        return found

    def entries(self, kind: type) -> list[_Node]:
        found = [_Node(self.file, f"{self.path}[{index}]", entry) for index, entry in enumerate(self.value)]
        for entry in found:
            entry.must_be(kind)
        return found
