"""The comparison as JSON, version 1: docs/reference/diff.schema.json describes it.

Within a version keys are added, never renamed, removed or given another meaning.
"""

from __future__ import annotations

import json
from typing import Any

from velero_eks.diff.model import Diff, Fact, Late, PropertyChange, ResourceChange, Revision, StackDiff
from velero_eks.trees import ABSENT

VERSION = 1


def document(diff: Diff) -> dict[str, Any]:
    """The whole comparison; stacks that are the same are in it, by name and status."""
    return {
        "version": VERSION,
        "project": diff.project,
        "from": _revision(diff.old),
        "to": _revision(diff.new),
        "different": bool(diff.different),
        "notes": list(diff.notes),
        "stacks": [_stack(stack) for stack in diff.stacks],
    }


def text(diff: Diff) -> str:
    """The document as text that is the same for the same comparison, to the byte."""
    return json.dumps(document(diff), indent=1, ensure_ascii=False)


def _revision(revision: Revision) -> dict[str, Any]:
    return {"revision": revision.name or None, "commit": revision.commit}


def _stack(stack: StackDiff) -> dict[str, Any]:
    return {
        "stack": stack.stack,
        "status": stack.status,
        "operations": {
            "create": stack.count("create"),
            "update": stack.count("update"),
            "replace": stack.count("replace"),
            "delete": stack.count("delete"),
            "same": stack.same,
        },
        "facts": [_fact(fact) for fact in stack.facts],
        "resources": [_resource(change) for change in stack.resources],
        "outputs": stack.outputs,
        "errors": [{"side": side, **refusal.to_mapping()} for side, refusal in stack.errors],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "category": fact.category,
        "effect": fact.effect or None,
        "text": fact.text,
        "details": list(fact.details),
        "resources": list(fact.resources),
        "backups": fact.backups or None,
    }


def _resource(change: ResourceChange) -> dict[str, Any]:
    options = (change.old or change.new or {})["options"]
    return {
        "urn": change.urn,
        "was": change.was,
        "type": change.type,
        "name": change.entry["name"] if change.was is None else change.urn.split("::", 3)[3],
        "operation": change.operation,
        "deleteBeforeReplace": change.delete_first,
        "protect": bool(options.get("protect")),
        "retainOnDelete": bool(options.get("retainOnDelete")),
        "properties": [_property(one) for one in change.properties],
    }


def _property(change: PropertyChange) -> dict[str, Any]:
    made: dict[str, Any] = {"path": change.path, "replaces": change.replaces}
    for key, value in (("old", change.old), ("new", change.new)):
        if value is not ABSENT:
            made[key] = str(value) if isinstance(value, Late) else value
    return made
