"""`velero-eks drill`: choose backup and namespaces, ask, run, report."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree

import typer
from rich.console import Console
from rich.padding import Padding

from velero_eks.commands.completion import schedules
from velero_eks.commands.help import described
from velero_eks.commands.options import (
    Context,
    Form,
    Json,
    Kubeconfig,
    Markdown,
    Namespaces,
    Stack,
    StackArgument,
    Timeout,
    VeleroNamespace,
    Yes,
    connect,
    form_of,
    one_stack,
    run,
    seconds_of,
    told_unread,
)
from velero_eks.commands.restore_report import key_document
from velero_eks.errors import BadTarget
from velero_eks.recovery.drill.run import drill as carry_out
from velero_eks.recovery.drill.scratch import leftovers, remove_all
from velero_eks.recovery.drill.verdict import Compared, CopyState, DrillCheck, Drilled, Objectives, checks
from velero_eks.recovery.restore.live import light
from velero_eks.recovery.session import Session
from velero_eks.terminal import safe, words
from velero_eks.terminal.fields import field_json, field_line
from velero_eks.terminal.output import INDENT, console, print_json, table, write
from velero_eks.terminal.progress import working
from velero_eks.terminal.questions import agreed
from velero_eks.terminal.safe import say
from velero_eks.terminal.text import Text
from velero_eks.velero.api import no_backup
from velero_eks.velero.backup_contents import Place, Stored, Unread
from velero_eks.velero.filters import Filters
from velero_eks.velero.records import Backup, newest_completed

FOUND, STOPPED = 1, 1
_SECONDS = 1800.0
_SHOWN = 20


@described(
    examples={
        "velero-eks drill prod": "Drill the namespaces of the stack's objectives.",
        "velero-eks drill prod -n exam --within 15m --yes": (
            "Drill one namespace in CI, and fail when it takes longer."
        ),
        "velero-eks drill prod --clean-up": "Remove what a drill that was killed left behind.",
    },
    exits={
        0: "Everything came back as it was, in time, and nothing was left behind.",
        1: (
            "Something is not as it was, the data is older than the RPO, it took longer than --within, something "
            "is left behind, or the answer was no."
        ),
        2: "Nothing was started: no backup fits, the cluster cannot be asked, or an argument is bad.",
    },
)
def drill(
    stack_argument: StackArgument = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule",
            metavar="NAME",
            autocompletion=schedules,
            help="Drill the newest backup of this schedule. By default: of any.",
        ),
    ] = None,
    namespaces: Namespaces = None,
    within: Annotated[
        str | None, typer.Option("--within", metavar="DURATION", help="Fail when recovery takes longer, such as 15m.")
    ] = None,
    custom_resources: Annotated[
        bool,
        typer.Option(
            "--custom-resources",
            help="Restore custom resources too; by default they are tried by dry run, since an operator would act on"
            " the copies.",
        ),
    ] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit for CI to this file.")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown-file", metavar="FILE", help="Write Markdown to this file.")
    ] = None,
    clean_up: Annotated[
        bool, typer.Option("--clean-up", help="Only remove what earlier drills left behind when they were killed.")
    ] = False,
    yes: Yes = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Prove that the newest backup restores: into scratch namespaces, compared object by object, timed, cleaned up.

    No Pod runs in them, and nothing outside is changed. Needs access to the cluster and to the bucket, and a running
    Velero server.
    """

    def command() -> int:
        form = form_of(json, markdown)
        if markdown and (stack_argument or "").endswith(".md"):
            raise BadTarget(f"--markdown takes no file. To write {stack_argument}: --markdown-file {stack_argument}")
        session = connect(one_stack(stack_argument, stack), context, velero_namespace, kubeconfig)
        if clean_up:
            return run_clean_up(session, yes=yes, form=form)
        request = DrillRequest(
            schedule=schedule,
            namespaces=tuple(namespaces or ()),
            within=seconds_of("--within", within),
            junit=junit,
            custom_too=custom_resources,
            markdown=markdown_file,
        )
        seconds = seconds_of("--timeout", timeout) or _SECONDS
        return run_drill(session, request, yes=yes, seconds=seconds, form=form)

    run(command, timeout)


@dataclass(frozen=True, kw_only=True)
class DrillRequest:
    """What is to be drilled, and where its report goes. `within` is in seconds."""

    schedule: str | None = None
    namespaces: tuple[str, ...] = ()
    within: float | None = None
    custom_too: bool = False
    junit: Path | None = None
    markdown: Path | None = None


def run_drill(session: Session, request: DrillRequest, *, yes: bool, seconds: float, form: Form = "text") -> int:
    """Drill, and report; the exit code is 0 where all came back as it was, in time, and nothing left behind."""
    for path in (request.junit, request.markdown):
        if path is not None and not path.parent.is_dir():
            raise BadTarget(f"{path}: folder {path.parent} does not exist; create it first")
        if path is not None and path.is_dir():
            raise BadTarget(f"{path} is a folder; give the name of a file in it")
    objectives = Objectives(_rpo(session), request.within)
    began = datetime.now(UTC)
    with working(f"looking for the newest backup of {session.target.name}"):
        backup, namespaces = _chosen(session, request)
        contents, unread = _contents(session, backup, namespaces)
    out = console(stderr=form != "text")
    names = ", ".join(namespaces)
    line = Text(f"Drill in {session.target.name}: backup ").append(backup.name, style="cyan")
    out.print(line.append(f", started {words.ago(backup.started, began)}, into scratch namespaces beside {names}."))
    out.print("No Pod runs there, and everything is removed at the end.")
    if not session.server_ready():
        raise BadTarget(
            f"the Velero server is not running in {session.target.name}; nothing can be restored without it."
            f" See why: velero-eks status {session.target.arguments}"
        )
    if not agreed("Start the drill?", yes=yes):
        say("nothing was changed")
        return STOPPED
    with _terminating():
        _clear_leftovers(session)
        drilled = carry_out(
            session,
            backup,
            contents,
            namespaces,
            began=began,
            custom_too=request.custom_too,
            seconds=seconds,
            unread=unread,
        )
    return _reported(drilled, request, objectives, form=form)


def run_clean_up(session: Session, *, yes: bool, form: Form = "text") -> int:
    """Remove what earlier drills left behind, whatever their age; the exit code is 1 where something resists."""
    found = leftovers(session, any_age=True)
    if not found:
        say("no drill left anything behind")
        _told_left([], form)
        return 0
    names = ", ".join(name for namespaces in found.values() for name in namespaces) or "no namespace"
    say(f"{words.count(len(found), 'drill')} left something behind: {names}")
    if not agreed("Remove it? A drill that is running now would fail.", yes=yes):
        return STOPPED
    left = [what for name, namespaces in found.items() for what in remove_all(session, name, namespaces)]
    for what in left:
        say(f"left behind: {what}")
    _told_left(left, form)
    return FOUND if left else 0


def _told_left(left: Sequence[str], form: Form) -> None:
    """The outcome of a clean-up on standard output, where it is asked for; people have read it on the other one."""
    if form == "json":
        print_json({"good": not left, "left_behind": list(left)})
    elif form == "markdown":
        write("".join(f"- left behind: {safe.markdown(what)}\n" for what in left) or "Drills left nothing behind.\n")


def _chosen(session: Session, request: DrillRequest) -> tuple[Backup, tuple[str, ...]]:
    """The newest Completed backup that takes the namespaces in, and these. Raises `BadTarget`."""
    namespaces = request.namespaces or _of_stack(session)
    backups = session.velero.backups()
    if request.schedule is not None:
        chosen = newest_completed(backups, schedule=request.schedule)
        if chosen is None:
            schedules = [schedule.name for schedule in session.velero.schedules()]
            raise BadTarget(no_backup(request.schedule, backups, schedules, None))
        return chosen, namespaces
    covering = [backup for backup in backups if backup.schedule and _covers(backup, namespaces)]
    chosen = newest_completed(covering)
    if chosen is None:
        raise BadTarget(
            f"no schedule has a Completed backup with {', '.join(namespaces)} in it; name one with --schedule,"
            " or see velero-eks status"
        )
    return chosen, namespaces


def _of_stack(session: Session) -> tuple[str, ...]:
    from velero_on_eks.settings.namespaces import is_pattern

    settings = session.settings
    wanted = [name for one in (settings.recovery if settings else ()) for name in one.namespaces]
    named = tuple(dict.fromkeys(name for name in wanted if not is_pattern(name)))
    if not named:
        raise BadTarget("which namespace? Give --namespace, or name them in the stack's recovery.namespaces")
    return named


def _covers(backup: Backup, namespaces: Iterable[str]) -> bool:
    filters = Filters.of(backup.spec, [])
    return all(filters.of_namespace(name) is None for name in namespaces)


def _contents(session: Session, backup: Backup, namespaces: Sequence[str]) -> tuple[list[Stored], Unread]:
    """What the backup has of the namespaces, and what of it cannot be read. Raises `BadTarget` where it has nothing of
    one."""

    def wanted(place: Place) -> bool:
        return place.namespace in namespaces

    store = session.store(backup.location)
    unread = Unread(wanted)
    inside = store.contents(backup.name, wanted, unread=unread)
    found = [light(item) for item in inside]
    told_unread(backup.name, unread)
    missing = [name for name in namespaces if all(item.place.namespace != name for item in found)]
    if missing:
        there = sorted({place.namespace for place in store.places(backup.name, unread=Unread())} - {""})
        close = words.did_you_mean(missing[0], there)
        raise BadTarget(
            f"backup {backup.name} has nothing of {', '.join(missing)}; it has: {', '.join(there) or 'no namespace'}"
            f"{close}"
        )
    return found, unread


def _clear_leftovers(session: Session) -> None:
    for name, namespaces in leftovers(session).items():
        say(f"an earlier drill, {name}, ended before it cleaned up; removing what it left")
        for what in remove_all(session, name, namespaces):
            say(f"left behind: {what}")


def _reported(drilled: Drilled, request: DrillRequest, objectives: Objectives, *, form: Form) -> int:
    found = checks(drilled, objectives)
    if form == "json":
        print_json(document(drilled, found))
    elif form == "markdown":
        write(markdown(drilled, found))
    else:
        render(console(), drilled, found)
    for path, make in ((request.junit, junit), (request.markdown, markdown)):
        if path is None:
            continue
        try:
            path.write_text(make(drilled, found), encoding="utf-8")
        except OSError as error:
            raise BadTarget(f"{path} cannot be written: {error.strerror or error}") from error
    return 0 if all(check.good for check in found) else FOUND


def _rpo(session: Session) -> float | None:
    # The strictest of them: a drill of several namespaces has one newest backup.
    return float(min(one.rpo.seconds for one in session.settings.recovery)) if session.settings else None


@contextmanager
def _terminating() -> Iterator[None]:
    """SIGTERM and SIGHUP end a drill as Ctrl-C does: with its clean-up. CI cancels a job with the one, a lost
    connection sends the other."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def verdict(drilled: Drilled, checks: Iterable[DrillCheck]) -> str:
    """The drill in one sentence."""
    good = all(check.good for check in checks)
    names = ", ".join(drilled.namespaces)
    if good:
        took = words.duration(drilled.seconds)
        return f"{names} can be recovered from {drilled.backup.name}: {took}, {_proven(drilled)}."
    return f"The drill of {names} from {drilled.backup.name} failed."


def _proven(drilled: Drilled) -> str:
    """What a good drill showed of the objects, and no more than that."""
    states = Counter(each.state for each in drilled.compared)
    if not states:
        return "and there was no object to compare"
    if set(states) == {CopyState.SAME}:
        return "every object as it was"
    return ", ".join(f"{words.count(states[state], 'object')} {state.value}" for state in CopyState if states[state])


def render(out: Console, drilled: Drilled, checks: Sequence[DrillCheck]) -> None:
    """For people."""
    good = all(check.good for check in checks)
    out.print(Text(verdict(drilled, checks), style="bold green" if good else "bold red"))
    out.print(Text(f"Backup {drilled.backup.name}, started {words.stamp(drilled.backup.started)}.", style="dim"))
    out.print()
    shown = table("", "What", "Found")
    for check in checks:
        mark = Text("good", style="green") if check.good else Text("failed", style="bold red")
        shown.add_row(mark, check.name, Text(check.said))
    out.print(shown)
    for each in drilled.wrong[:_SHOWN]:
        line = Text(f"{each.key}: ").append(each.state.value, style="red")
        out.print(line.append(f" {each.reason}" if each.reason else ""))
        for difference in each.fields:
            out.print(Padding(field_line(difference, _secret(each)), (0, 0, 0, INDENT), expand=False))
    if len(drilled.wrong) > _SHOWN:
        out.print(Text(words.more(len(drilled.wrong) - _SHOWN, "--json has all of them"), style="dim"))
    for message in drilled.messages:
        if message.severity == "error":
            out.print(Text(f"Velero, {message.where}: ", style="red").append(message.text))


def markdown(drilled: Drilled, checks: Sequence[DrillCheck]) -> str:
    """For a summary page of CI."""
    good = all(check.good for check in checks)
    lines = [
        f"## {'✅' if good else '❌'} {safe.markdown(verdict(drilled, checks))}",
        "",
        f"Backup {safe.markdown(drilled.backup.name)}, started {words.stamp(drilled.backup.started)}.",
        "",
        "| | What | Found |",
        "|---|---|---|",
    ]
    lines += [
        f"| {'good' if check.good else '**failed**'} | {safe.markdown(check.name)} | {safe.markdown(check.said)} |"
        for check in checks
    ]
    wrong = drilled.wrong
    if wrong:
        lines += ["", "### Not as in the backup", ""]
        lines += [f"- {safe.markdown(f'{each.key}: {each.state.value}{_details(each)}')}" for each in wrong[:_SHOWN]]
        if len(wrong) > _SHOWN:
            lines.append(f"- {words.more(len(wrong) - _SHOWN)}")
    errors = [message for message in drilled.messages if message.severity == "error"]
    if errors:
        lines += ["", "### What Velero said", ""]
        lines += [f"- {safe.markdown(f'{message.where}: {message.text}')}" for message in errors[:_SHOWN]]
    return "\n".join(lines) + "\n"


def junit(drilled: Drilled, checks: Sequence[DrillCheck]) -> str:
    """For CI: one test case a check; the restore's carries the recovery time."""
    failures = sum(not check.good for check in checks)
    suite = ElementTree.Element(
        "testsuite",
        name=safe.xml(f"velero-eks drill of {', '.join(drilled.namespaces)}"),
        tests=str(len(checks)),
        failures=str(failures),
        errors="0",
        time=f"{drilled.seconds:.3f}",
        timestamp=drilled.began.isoformat(timespec="seconds"),
    )
    for check in checks:
        seconds = drilled.seconds if check.name == "restore" else 0
        case = ElementTree.SubElement(
            suite, "testcase", classname="velero-eks.drill", name=safe.xml(check.name), time=f"{seconds:.3f}"
        )
        if not check.good:
            failure = ElementTree.SubElement(case, "failure", message=safe.xml(check.said))
            kind = check.name.removeprefix("objects: ")
            wrong = [each for each in drilled.wrong if str(each.key).partition("/")[0] == kind]
            lines = (f"{each.key}: {each.state.value}{_details(each)}" for each in wrong)
            failure.text = "\n".join(map(safe.xml, lines))
        else:
            ElementTree.SubElement(case, "system-out").text = safe.xml(check.said)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def document(drilled: Drilled, checks: Sequence[DrillCheck]) -> dict[str, Any]:
    """For programs."""
    restore = drilled.restore
    return {
        "good": all(check.good for check in checks),
        "drill": drilled.drill,
        "backup": drilled.backup.name,
        "schedule": drilled.backup.schedule,
        "backup_started": drilled.backup.started,
        "namespaces": list(drilled.namespaces),
        "began": drilled.began,
        "recovery_seconds": round(drilled.seconds, 2),
        "data_age_seconds": round(drilled.data_age),
        "restore": restore.name if restore else None,
        "phase": restore.phase if restore else None,
        "problem": drilled.problem or None,
        "checks": [{"name": check.name, "good": check.good, "found": check.said} for check in checks],
        "compared": len(drilled.compared),
        "unread": [str(member) for member in drilled.unread.some],
        "wrong": [
            {
                **key_document(each.key),
                "state": each.state.value,
                "reason": each.reason or None,
                "fields": [field_json(difference, _secret(each)) for difference in each.fields],
            }
            for each in drilled.wrong
        ],
        "messages": [
            {"severity": each.severity, "where": each.where, "message": each.text} for each in drilled.messages
        ],
        "left_behind": list(drilled.left),
    }


def _details(each: Compared) -> str:
    paths = ", ".join(difference.path for difference in each.fields)
    told = each.reason or paths
    return f" ({told})" if told else ""


def _secret(each: Compared) -> bool:
    return each.key.kind == "Secret"
