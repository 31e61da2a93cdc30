"""`velero-eks status`: what can be recovered, what is running, and what is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table

from velero_eks.commands.help import described
from velero_eks.commands.options import (
    Context,
    Json,
    Kubeconfig,
    Markdown,
    Stack,
    StackArgument,
    Timeout,
    VeleroNamespace,
    connect,
    form_of,
    one_stack,
    run,
)
from velero_eks.errors import Forbidden, OperationError
from velero_eks.recovery.session import Session
from velero_eks.recovery.status.judge import assess
from velero_eks.recovery.status.problems import ObjectiveState, Observed, Problem, ScheduleState, Status
from velero_eks.terminal import words
from velero_eks.terminal.output import INDENT, console, print_command, print_json, print_markdown, table
from velero_eks.terminal.progress import working
from velero_eks.terminal.text import Text
from velero_eks.velero.records import Backup, Operation, Restore, newest_completed
from velero_eks.velero.volume_info import ClaimWithoutData, takes_volumes

FOUND = 1


@described(
    examples={
        "velero-eks status prod": "Show whether the stack's objectives are met.",
        "velero-eks status --context admin@prod": "Ask a cluster that has no stack here.",
        "velero-eks status prod --json": "Print JSON for a monitor.",
    },
    exits={
        0: "Every objective is met; without a stack: every schedule runs on time.",
        1: (
            "An objective is missed, or will be: a location unavailable, a schedule paused, invalid or failing, "
            "no server."
        ),
        2: "The cluster cannot be asked, or an argument is bad.",
    },
)
def status(
    stack_argument: StackArgument = None,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Show what can be recovered, what is running, what is wrong, and since when.

    With --stack the objectives are the stack file's. Needs access to the cluster, and to the bucket for what is known
    of volumes.
    """

    def command() -> int:
        form = form_of(json, markdown)
        session = connect(one_stack(stack_argument, stack), context, velero_namespace, kubeconfig)
        return run_status(session, as_json=form == "json", as_markdown=form == "markdown")

    run(command, timeout)


def run_status(session: Session, *, as_json: bool, as_markdown: bool = False) -> int:
    """Print the state of Velero; the exit code is 1 where an objective is missed or will be."""
    with working(f"reading the state of {session.target.name}"):
        found = assess(observe(session), session.settings)
    found = replace(found, problems=tuple(_for_context(problem, session) for problem in found.problems))
    if as_json:
        print_json(document(session, found))
    elif as_markdown:
        print_markdown(lambda out: render(found, session, out))
    else:
        render(found, session, console())
    return 0 if found.well else FOUND


def observe(session: Session) -> Observed:
    """Read everything that `assess` needs; what the caller may not see of the server itself is left open."""
    velero = session.velero
    try:
        server, version = session.server_ready(), session.server_version()
    except Forbidden:
        server, version = None, ""
    return _with_volumes(
        session,
        Observed(
            at=datetime.now(UTC),
            locations=tuple(velero.locations()),
            schedules=tuple(velero.schedules()),
            backups=tuple(velero.backups()),
            restores=tuple(velero.restores()),
            repositories=tuple(velero.repositories()),
            server=server,
            server_version=version,
        ),
    )


def _with_volumes(session: Session, observed: Observed) -> Observed:
    """What is known of the volumes in the newest good backup of each schedule, which only the bucket says."""
    newest = (newest_completed(observed.backups, schedule=schedule.name) for schedule in observed.schedules)
    wanted = [each for each in newest if each and takes_volumes(each.spec, session.settings)]
    found: dict[str, tuple[ClaimWithoutData, ...]] = {}
    try:
        for backup in wanted:
            found[backup.name] = tuple(session.store(backup.location).claims_without_data(backup.name))
    except OperationError as error:
        return replace(observed, without_data=found, volumes_unread=str(error))
    return replace(observed, without_data=found)


def _for_context(problem: Problem, session: Session) -> Problem:
    """A proposed command as it is typed: for this stack and context, never for the current ones."""
    for command in ("logs", "backup"):
        here = (f"velero-eks {command} ", f"velero-eks {command} {session.target.arguments} ")
        problem = replace(problem, text=problem.text.replace(*here), mend=problem.mend.replace(*here))
    if problem.mend == "pulumi up" and session.target.stack:
        # Without it Pulumi deploys whatever stack was selected last.
        return replace(problem, mend=f"pulumi up --stack {session.target.stack}")
    if not problem.mend.startswith("kubectl "):
        return problem
    context = session.target.context or _eks_context(session)
    return replace(problem, mend=f"kubectl --context {context} {problem.mend.removeprefix('kubectl ')}")


def _eks_context(session: Session) -> str:
    """What `aws eks update-kubeconfig` calls the context of a stack that names none."""
    settings = session.settings
    if settings is None:
        return session.cluster.name
    cluster = settings.cluster
    return f"arn:{settings.partition.name}:eks:{settings.region}:{cluster.account}:cluster/{cluster.name}"


def document(session: Session, found: Status) -> dict[str, Any]:
    """The status as JSON."""
    observed = found.observed
    return {
        "stack": session.target.stack,
        "cluster": session.cluster.name,
        "namespace": session.target.namespace,
        "at": observed.at,
        "well": found.well,
        "server_ready": observed.server,
        "locations": [
            {
                "name": location.name,
                "bucket": location.bucket,
                "prefix": location.prefix or None,
                "default": location.default,
                "access_mode": location.access_mode,
                "phase": location.phase,
                "available": location.available,
                "last_validated": location.validated,
                "last_synced": location.synced,
                "message": location.message or None,
            }
            for location in observed.locations
        ],
        "schedules": [_schedule(state, observed.at) for state in found.schedules],
        "objectives": [_objective(objective) for objective in found.objectives],
        "running": [_operation(operation) for operation in observed.running],
        "repositories": [
            {
                "name": repository.name,
                "phase": repository.phase,
                "last_maintained": repository.maintained,
                "message": repository.message or None,
            }
            for repository in observed.repositories
        ],
        "problems": [
            {
                "severity": problem.severity,
                "subject": problem.subject,
                "message": problem.text,
                "since": problem.since,
                "mend": problem.mend or None,
            }
            for problem in found.problems
        ],
    }


def _schedule(state: ScheduleState, now: datetime) -> dict[str, Any]:
    schedule, good = state.schedule, state.last_good
    return {
        "name": schedule.name,
        "cron": schedule.cron,
        "timezone": state.cron.timezone if state.cron else None,
        "ttl": schedule.ttl or None,
        "paused": schedule.paused,
        "phase": schedule.phase,
        "validation_errors": list(schedule.validation_errors),
        "last_good": _backup(good) if good else None,
        "age_seconds": (now - good.started).total_seconds() if good and good.started else None,
        "newest": _backup(state.newest) if state.newest else None,
        "next": state.next,
    }


def _backup(backup: Backup) -> dict[str, Any]:
    return {
        "name": backup.name,
        "phase": backup.phase,
        "started": backup.started,
        "completed": backup.completed,
        "expires": backup.expires,
    }


def _objective(objective: ObjectiveState) -> dict[str, Any]:
    return {
        "namespace": objective.namespace,
        "rpo_seconds": objective.rpo,
        "retention_seconds": objective.retention,
        "backup": objective.backup.name if objective.backup else None,
        "age_seconds": objective.age,
        "copies": objective.copies,
        "oldest": objective.oldest,
        "met": objective.met,
        "lost": objective.lost or None,
    }


def _operation(operation: Operation) -> dict[str, Any]:
    progress = operation.status.get("progress") or {}
    return {
        "kind": operation.body.get("kind"),
        "name": operation.name,
        "phase": operation.phase,
        "created": operation.created,
        "started": operation.started,
        "done": progress.get("itemsBackedUp", progress.get("itemsRestored")),
        "total": progress.get("totalItems"),
    }


def render(found: Status, session: Session, out: Console) -> None:
    """Print a status."""
    observed = found.observed
    server = {True: "server running", False: "server down", None: "server unknown"}[observed.server]
    head = Text(session.target.name, style="bold")
    where = f" · {session.cluster.name}" if session.target.stack else ""
    head.append(f"{where} · Velero in {session.target.namespace} · ", style="dim")
    out.print(head.append(server, style="green" if observed.server else "bold red"))
    out.print(Text(words.stamp(observed.at), style="dim"))
    for title, body in (
        ("What can be recovered", _objectives(found)),
        ("Schedules", _schedules(found)),
        ("Locations", _locations(observed)),
        ("Running", _running(observed)),
        ("Volume data", _repositories(observed)),
    ):
        if body is not None:
            out.print()
            out.print(Text(title, style="bold"))
            out.print(Padding(body, (0, 0, 0, INDENT), expand=False))
    if found.problems:
        out.print()
        out.print(Text("Problems", style="bold"))
    for problem in found.problems:
        _problem(out, problem, observed.at)
    out.print()
    out.print(_verdict(found))


def _objectives(found: Status) -> Table | None:
    if not found.objectives:
        return None
    rows = table("Namespace", "Newest backup", "Age", "Limit", "Copies", "Oldest", "")
    now = found.observed.at
    for objective in found.objectives:
        rows.add_row(
            Text("every namespace" if objective.namespace == "*" else objective.namespace, style="cyan"),
            objective.backup.name if objective.backup else Text("none", style="bold red"),
            _age(objective),
            words.exact(objective.rpo),
            str(objective.copies),
            words.age(objective.oldest, now) if objective.oldest else "–",
            Text("met", style="green") if objective.met else Text("missed", style="bold red"),
        )
    return rows


def _age(objective: ObjectiveState) -> Text:
    if objective.age is None:
        return Text("–", style="bold red")
    return Text(words.duration(objective.age), style="" if objective.met else "bold red")


def _schedules(found: Status) -> RenderableType:
    if not found.schedules:
        return Text("none: nothing is backed up automatically", style="yellow")
    rows = table("Schedule", "Runs", "Last good backup", "Age", "Next", "State")
    now = found.observed.at
    for state in found.schedules:
        good = state.last_good
        rows.add_row(
            Text(state.schedule.name, style="cyan"),
            state.cron.description() if state.cron else Text(state.schedule.cron, style="bold red"),
            good.name if good else Text("none", style="yellow"),
            words.age(good.started, now) if good and good.started else "",
            _next(state, now),
            _state(state),
        )
    return rows


def _next(state: ScheduleState, now: datetime) -> str:
    if state.next is None:
        return "never"
    if state.next <= now:
        return "due now"
    return f"{words.run(state.next)}, {words.ago(state.next, now)}"


def _state(state: ScheduleState) -> Text:
    schedule, newest = state.schedule, state.newest
    if schedule.paused:
        return Text("paused", style="bold yellow")
    if schedule.phase != "Enabled":
        return Text(schedule.phase if schedule.phase != "New" else "ignored by the server", style="bold red")
    if newest is not None and newest.running:
        return Text(f"backing up ({newest.phase})", style="cyan")
    if newest is not None and not newest.good and newest is not state.last_good:
        return Text(f"enabled; newest backup {newest.phase}", style="yellow")
    return Text("enabled", style="green")


def _locations(observed: Observed) -> RenderableType:
    if not observed.locations:
        return Text("none", style="bold red")
    rows = table("Location", "Bucket", "State", "Checked", "Backups read")
    for location in observed.locations:
        where = f"{location.bucket}/{location.prefix}" if location.prefix else location.bucket
        kind = [word for word, true in (("default", location.default), (location.access_mode, True)) if true]
        rows.add_row(
            Text(location.name, style="cyan").append(f" ({', '.join(kind)})", style="dim"),
            where,
            Text(location.phase, style="green" if location.available else "bold red"),
            words.ago(location.validated, observed.at),
            words.ago(location.synced, observed.at),
        )
    return rows


def _running(observed: Observed) -> Table | None:
    running = list(observed.running)
    if not running:
        return None
    rows = table("What", "Phase", "Begun", "Done")
    for operation in running:
        word = "restore" if isinstance(operation, Restore) else "backup"
        rows.add_row(
            Text(f"{word} {operation.name}", style="cyan"),
            operation.phase,
            words.ago(operation.started or operation.created, observed.at),
            _progress(operation),
        )
    return rows


def _progress(operation: Operation) -> str:
    if not isinstance(operation, (Backup, Restore)) or not operation.total_items:
        return ""
    return f"{words.number(operation.done_items)} of {words.count(operation.total_items, 'object')}"


def _repositories(observed: Observed) -> Table | None:
    if not observed.repositories:
        return None
    rows = table("Repository", "Namespace", "State", "Maintained")
    for repository in observed.repositories:
        rows.add_row(
            Text(repository.name, style="cyan"),
            repository.volume_namespace,
            Text(repository.phase, style="green" if repository.phase == "Ready" else "yellow"),
            words.ago(repository.maintained, observed.at),
        )
    return rows


def _problem(out: Console, problem: Problem, now: datetime) -> None:
    head = Text(f"{problem.severity} ", style="bold red" if problem.severity == "error" else "yellow")
    head.append(problem.subject, style="bold")
    if problem.since is not None:
        head.append(f"  since {words.stamp(problem.since)}, {words.ago(problem.since, now)}", style="dim")
    out.print(Padding(head, (0, 0, 0, INDENT)))
    out.print(Padding(Text(problem.text, overflow="fold"), (0, 0, 0, 2 * INDENT)))
    if problem.mend:
        print_command(out, problem.mend, 2 * INDENT)


def _verdict(found: Status) -> Text:
    errors = sum(problem.severity == "error" for problem in found.problems)
    warnings = len(found.problems) - errors
    worth = f" {words.count(warnings, 'warning')}." if warnings else ""
    if errors:
        return Text(f"Not OK: {words.count(errors, 'problem')}.{worth}", style="bold red")
    if found.objectives:
        return Text(f"OK: every objective is met.{worth}", style="green")
    return Text(f"OK: every schedule runs on time.{worth}", style="green")
