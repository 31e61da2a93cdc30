"""A preview and the report of a restore: for people, and as JSON for programs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.padding import Padding

from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.restore.duration import within_margin
from velero_eks.recovery.restore.plan import DirectStep, VeleroStep
from velero_eks.recovery.restore.prediction import Fate, Prediction
from velero_eks.recovery.restore.preview import Preview
from velero_eks.recovery.restore.run import RestoreReport, StepResult, Surprise
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.fields import field_json, field_line
from velero_eks.terminal.output import INDENT
from velero_eks.terminal.text import Text

_STYLES = {
    Fate.CREATED: "green",
    Fate.CHANGED: "yellow",
    Fate.KEPT: "",
    Fate.BLOCKED: "bold red",
    Fate.ABSENT: "cyan",
    Fate.LEFT_OUT: "dim",
}
# The JSON says "in the way", which at this place reads as if the object were an obstacle.
_HEADINGS = {Fate.BLOCKED: "cannot be restored"}
_SHOWN = 20
_SHOWN_FIELDS = 12
# Objects that exist and stay the same are not worth a line each.
_BRIEF = (Fate.LEFT_OUT,)


def render_preview(out: Console, preview: Preview, session: Session, *, everything: bool) -> None:
    """What the restore would do, group by group. `everything` names every object, where a long list is cut else."""
    _head(out, preview, session)
    for step in preview.steps:
        out.print()
        if isinstance(step.step, DirectStep):
            out.print(Text(f"Written directly, with your own rights: {step.step.title}", style="bold"))
            out.print(_indented(Text(f"{step.step.why}; a Restore cannot select it alone.", style="dim")))
        else:
            out.print(Text(f"By a Restore: {step.step.title}", style="bold"))
        _fates(out, step.predictions, everything=everything)
    out.print()
    _unread(out, preview)
    for kind, why in preview.silent.items():
        out.print(Text(f"Not checked with the API server, {kind}: {why}", style="yellow"))
    out.print(_time(preview))


def render_report(out: Console, report: RestoreReport, session: Session, *, everything: bool) -> None:
    """How the restore went, and where it parts from its preview."""
    for result in report.results:
        _result(out, result, session)
    undone = len(report.preview.steps) - len(report.results)
    if undone:
        out.print(Text(f"{words.count(undone, 'step')} not started, because the one before failed.", style="bold red"))
    outcome = report.outcome
    told = report.preview.estimate.seconds
    out.print()
    verdict = Text(
        f"{words.number(outcome.as_foretold)} of {words.count(outcome.compared, 'object')} as the preview said"
    )
    verdict.stylize("green" if outcome.whole else "bold red")
    out.print(verdict)
    shown = outcome.surprises if everything else outcome.surprises[:_SHOWN]
    for surprise in shown:
        out.print(_indented(_surprise(surprise)))
        for difference in surprise.fields[:_SHOWN_FIELDS]:
            out.print(_indented(field_line(difference, surprise.key.kind == "Secret"), 2 * INDENT))
    if len(outcome.surprises) > len(shown):
        out.print(_indented(Text(words.more(len(outcome.surprises) - len(shown), "--full names them"), style="dim")))
    blocked = report.preview.blocked
    if blocked:
        out.print(Text(f"{words.count(len(blocked), 'object')} not restored, as the preview said:", style="bold red"))
        for each in blocked[:_SHOWN]:
            out.print(_indented(Text(f"{each.key}: {each.reason}")))
    _unread(out, report.preview)
    close = "" if within_margin(told, report.seconds) or report.seconds < 10 else ", which is off by more than a third"
    out.print(
        Text(f"It took {words.duration(report.seconds)}; the preview said {words.duration(told)}{close}.", style="dim")
    )


def _unread(out: Console, preview: Preview) -> None:
    unread = preview.unread
    if unread.count:
        what = f"{words.count(unread.count, 'member')} of the backup cannot be read, and may not come back: "
        out.print(Text(what, style="bold red").append(Text(str(unread.some[0]))))


def _head(out: Console, preview: Preview, session: Session) -> None:
    backup = preview.backup
    taken = words.ago(backup.started, datetime.now(UTC))
    line = Text("Restore of ").append(preview.plan.title, style="bold")
    line.append(" from backup ").append(backup.name, style="cyan")
    out.print(line.append(f", started {taken}, to {session.target.name}."))
    if not backup.good:
        out.print(Text(f"The backup is {backup.phase}: objects may be missing.", style="bold yellow"))
    keep = "Existing objects are kept as they are (--existing keep); --existing update restores their backed-up state."
    update = "Existing objects get their backed-up state (--existing update): later changes are lost."
    out.print(keep if preview.plan.existing == "keep" else Text(update, style="yellow"))


def _fates(out: Console, predictions: Sequence[Prediction], *, everything: bool) -> None:
    groups: dict[Fate, list[Prediction]] = defaultdict(list)
    for each in predictions:
        if not each.derived:
            groups[each.fate].append(each)
    for fate in Fate:
        found = groups.get(fate) or []
        if not found:
            continue
        head = Text(f"{_HEADINGS.get(fate, fate.value)}: {words.number(len(found))}", style=_STYLES[fate])
        out.print(_indented(head.append(f"  {_kinds(found)}", style="dim")))
        if fate in _BRIEF and not everything:
            continue
        named = [each for each in found if everything or fate is not Fate.KEPT or each.fields]
        for each in named if everything else named[:_SHOWN]:
            _object(out, each)
        if len(named) > _SHOWN and not everything:
            rest = Text(words.more(len(named) - _SHOWN, "--full names them"), style="dim")
            out.print(_indented(rest, 2 * INDENT))
    derived = [each for each in predictions if each.derived and each.fate is not Fate.LEFT_OUT]
    if derived:
        text = f"also {words.count(len(derived), 'object')} that controllers create: {_kinds(derived)}"
        out.print(_indented(Text(text, style="dim")))


def _object(out: Console, told: Prediction) -> None:
    line = Text(str(told.key))
    if told.reason and told.fate is not Fate.ABSENT:
        line.append(f": {told.reason}", style="" if told.fate is Fate.BLOCKED else "dim")
    out.print(_indented(line, 2 * INDENT))
    for difference in told.fields[:_SHOWN_FIELDS]:
        out.print(_indented(field_line(difference, told.key.kind == "Secret"), 3 * INDENT))
    if len(told.fields) > _SHOWN_FIELDS:
        out.print(_indented(Text(f"… and {len(told.fields) - _SHOWN_FIELDS} more fields", style="dim"), 3 * INDENT))


def _time(preview: Preview) -> Text:
    estimated = preview.estimate
    if not preview.plan.restores:
        return Text("It takes seconds: no Restore is needed.", style="dim")
    about = f"It takes about {words.duration(estimated.seconds)}: {words.count(estimated.work.objects, 'object')}"
    if estimated.limited:
        rate = f"at {preview.limits.qps:g} requests a second, the server's own limit (--client-qps)"
    elif estimated.pace.restore:
        rate = f"at the pace of {estimated.pace.restore}"
    else:
        rate = "at the pace of a lab, since no long restore was timed here yet"
    return Text(f"{about}, {rate}.", style="dim")


def _result(out: Console, result: StepResult, session: Session) -> None:
    if result.restore is not None:
        restore = result.restore
        line = Text(f"Restore {restore.name} ").append(restore.phase, style="green" if restore.good else "bold red")
        out.print(line.append(f" after {words.duration(result.seconds)}"))
        if restore.why:
            out.print(_indented(Text(restore.why)))
        wrong = [each for each in result.messages if each.severity == "error" or not restore.good]
        for message in wrong[:_SHOWN]:
            out.print(_indented(Text(f"{message.severity} in {message.where}: ", style="red").append(message.text)))
        if not restore.good:
            more = f"velero-eks logs {session.target.arguments} {restore.name}"
            out.print(_indented(Text("All of it: ", style="dim").append(more, style="cyan")))
        return
    counts = Counter(each.action for each in result.written)
    told = ", ".join(f"{words.number(number)} {action}" for action, number in counts.items())
    out.print(
        Text(f"Written directly, {result.step.title}: ").append(told, style="green" if result.good else "bold red")
    )
    for each in result.written:
        if each.problem:
            out.print(_indented(Text(f"{each.key}: {each.problem}", style="red")))


def _surprise(surprise: Surprise) -> Text:
    line = Text(f"{surprise.key} ").append(surprise.found, style="red")
    return line.append(f"; the preview said: {surprise.foretold}", style="dim")


def _kinds(found: Iterable[Prediction]) -> str:
    counts = Counter(each.key.kind for each in found)
    return ", ".join(f"{words.number(number)} {kind}" for kind, number in sorted(counts.items()))


def _indented(what: Text, by: int = INDENT) -> Padding:
    return Padding(what, (0, 0, 0, by), expand=False)


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
        "unread": [str(member) for member in preview.unread.some],
    }


def report_document(report: RestoreReport) -> dict[str, Any]:
    """The preview and what came of it."""
    return {
        **preview_document(report.preview),
        "good": report.good,
        "seconds": round(report.seconds, 2),
        "results": [_result_document(each) for each in report.results],
        "compared": report.outcome.compared,
        "as_foretold": report.outcome.as_foretold,
        "surprises": [_surprise_document(each) for each in report.outcome.surprises],
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


def _result_document(result: StepResult) -> dict[str, Any]:
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


def _surprise_document(surprise: Surprise) -> dict[str, Any]:
    secret = surprise.key.kind == "Secret"
    return {
        **key_document(surprise.key),
        "foretold": surprise.foretold,
        "found": surprise.found,
        "fields": [field_json(difference, secret) for difference in surprise.fields],
    }
