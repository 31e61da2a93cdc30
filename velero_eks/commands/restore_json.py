"""A preview and the report of a restore, as JSON."""

from __future__ import annotations

from typing import Any

from velero_eks.kube.fields import field_json
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.restore.outcome import Surprise
from velero_eks.recovery.restore.plan import VeleroStep
from velero_eks.recovery.restore.prediction import Fate, Prediction
from velero_eks.recovery.restore.preview import Preview
from velero_eks.recovery.restore.run import Report, StepResult


def preview_document(preview: Preview) -> dict[str, Any]:
    """The preview: its steps in order, each with its objects, and the time in seconds."""
    counts = preview.counts
    return {
        "backup": preview.backup.name,
        "backup_started": preview.backup.started,
        "title": preview.plan.title,
        "existing": preview.plan.existing,
        "estimated_seconds": round(preview.estimate.seconds, 1),
        "estimated_from": preview.estimate.pace.restore,
        "counts": {fate.value: counts[fate] for fate in Fate},
        "steps": [
            {
                "title": step.step.title,
                "how": "restore" if isinstance(step.step, VeleroStep) else "direct",
                "why_direct": None if isinstance(step.step, VeleroStep) else step.step.why,
                "spec": step.step.spec.document if isinstance(step.step, VeleroStep) else None,
                "objects": [_told(each) for each in step.predictions],
            }
            for step in preview.steps
        ],
        "not_asked": dict(preview.silent),
    }


def report_document(report: Report) -> dict[str, Any]:
    """The preview and what came of it."""
    return {
        **preview_document(report.preview),
        "good": report.good,
        "seconds": round(report.seconds, 2),
        "results": [_result(each) for each in report.results],
        "compared": report.outcome.compared,
        "as_foretold": report.outcome.as_foretold,
        "surprises": [_surprise(each) for each in report.outcome.surprises],
    }


def key_document(key: ObjectKey) -> dict[str, Any]:
    """Which object."""
    return {"group": key.group, "kind": key.kind, "namespace": key.namespace or None, "name": key.name}


def _told(told: Prediction) -> dict[str, Any]:
    secret = told.key.kind == "Secret"
    return {
        **key_document(told.key),
        "fate": told.fate.value,
        "reason": told.reason or None,
        "derived": told.derived,
        "fields": [field_json(difference, secret) for difference in told.fields],
    }


def _result(result: StepResult) -> dict[str, Any]:
    restore = result.restore
    return {
        "title": result.step.title,
        "good": result.good,
        "seconds": round(result.seconds, 2),
        "restore": restore.name if restore else None,
        "phase": restore.phase if restore else None,
        "why": (restore.why or None) if restore else None,
        "messages": [
            {"severity": each.severity, "where": each.where, "message": each.text} for each in result.messages
        ],
        "written": [
            {**key_document(each.key), "action": each.action, "problem": each.problem or None}
            for each in result.written
        ],
    }


def _surprise(surprise: Surprise) -> dict[str, Any]:
    secret = surprise.key.kind == "Secret"
    return {
        **key_document(surprise.key),
        "foretold": surprise.foretold,
        "found": surprise.found,
        "fields": [field_json(difference, secret) for difference in surprise.fields],
    }
