"""`velero-eks backup`: make a Backup, follow it to its end, and see whether what was asked for is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from velero_eks.commands.completion import schedules
from velero_eks.commands.coverage import document as coverage_document
from velero_eks.commands.coverage import render as render_coverage
from velero_eks.commands.help import described
from velero_eks.commands.logs import explain
from velero_eks.commands.options import (
    Context,
    Everything,
    Json,
    Kubeconfig,
    Namespaces,
    Stack,
    Timeout,
    VeleroNamespace,
    Yes,
    connect,
    run,
    seconds_of,
)
from velero_eks.commands.spelling import refuse_verb
from velero_eks.errors import BadTarget, Conflict, Forbidden, NotFound, OperationError
from velero_eks.kube.kinds import NAMESPACE
from velero_eks.recovery.coverage import Coverage, coverage_of
from velero_eks.recovery.discovery import Refreshed, refresh_discovery
from velero_eks.recovery.following import watching
from velero_eks.recovery.restore.run import MANAGED_BY
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.output import console, print_json
from velero_eks.terminal.questions import agreed
from velero_eks.terminal.safe import say
from velero_eks.terminal.text import Text
from velero_eks.velero.records import BACKUP, SCHEDULE_LABEL, Backup, Schedule

FOUND, STOPPED = 1, 1
_SECONDS = 3600.0
_NAME_MAX = 63
_SCOPED = tuple(
    f"{what}{scope}ScopedResources" for what in ("included", "excluded") for scope in ("Cluster", "Namespace")
)


@described(
    examples={
        "velero-eks backup first --stack prod --schedule daily-backup": "Back up what a schedule backs up.",
        "velero-eks backup exam-only --stack prod -n exam --keep 7d": "Back up one namespace, kept for seven days.",
        "velero-eks backup before-change --stack prod --pre-change cert-manager.io": (
            "Back up before CRDs of a group are changed."
        ),
    },
    exits={
        0: "The backup is Completed, and everything asked for is in it.",
        1: "The backup is not Completed or lacks something, or the answer was no.",
        2: "Nothing was started: the name is taken, the cluster cannot be asked, or an argument is bad.",
    },
)
def backup(
    context_: typer.Context,
    name_argument: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The backup's name. It must be new.", show_default=False)
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="The same as the argument; needed for a name that is a verb, such as get."
        ),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule",
            metavar="NAME",
            autocompletion=schedules,
            help="Back up what this schedule backs up, with its retention.",
        ),
    ] = None,
    namespaces: Namespaces = None,
    cluster_resources: Annotated[
        bool | None,
        typer.Option(
            "--cluster-resources/--no-cluster-resources",
            help="All cluster-scoped objects, or none; by default those that the namespaces refer to.",
        ),
    ] = None,
    pre_change: Annotated[
        list[str] | None,
        typer.Option(
            "--pre-change",
            metavar="GROUP",
            help="Before a CRD or webhook is changed: every CRD and object of this API group must be in the backup,"
            " also those installed just now. May be given more than once.",
        ),
    ] = None,
    count_for_schedule: Annotated[
        bool,
        typer.Option("--count-for-schedule", help="Let it count as a backup of --schedule, with the schedule's label."),
    ] = False,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="DURATION",
            help="How long it is kept, such as 7d: the schedule's, else the stack's retention, else 30 days.",
        ),
    ] = None,
    yes: Yes = False,
    everything: Everything = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Make a backup, follow it, and check that what was asked for is in it.

    With --schedule it backs up what the schedule does, but neither counts for it nor resets it.
    Without --timeout it may take an hour. Needs access to the cluster and a running Velero server.
    """

    if name_argument is not None:
        refuse_verb(context_, name_argument)

    def command() -> int:
        request = BackupRequest(
            name=_named(name_argument, name),
            schedule=schedule,
            namespaces=tuple(namespaces or ()),
            cluster_resources=cluster_resources,
            groups=tuple(pre_change or ()),
            count_for_schedule=count_for_schedule,
            keep=keep,
        )
        seconds = seconds_of("--timeout", timeout) or _SECONDS
        session = connect(stack, context, velero_namespace, kubeconfig)
        return run_backup(session, request, yes=yes, everything=everything, seconds=seconds, as_json=json)

    run(command, timeout)


def _named(argument: str | None, option: str | None) -> str:
    if argument and option and argument != option:
        raise BadTarget(f"two names are given: {argument}, and --name {option}. Keep one of them")
    if not (argument or option):
        raise BadTarget("the backup needs a new name: velero-eks backup NAME")
    return argument or option or ""


@dataclass(frozen=True, kw_only=True)
class BackupRequest:
    """What is to be backed up. `groups` are API groups whose CRDs and objects must be in it, every one."""

    name: str
    schedule: str | None = None
    namespaces: tuple[str, ...] = ()
    cluster_resources: bool | None = None
    groups: tuple[str, ...] = ()
    count_for_schedule: bool = False
    keep: str | None = None

    def spec(self, schedule: Schedule | None, own_namespace: str, default_keep: str) -> dict[str, Any]:
        """The Backup's spec: the schedule's template where there is one, with what was asked merged over it.

        Without namespaces and without a schedule it is every namespace but Velero's own.
        """
        spec: dict[str, Any] = dict(schedule.template) if schedule else {"ttl": default_keep}
        # The labels that a template gives its backups would make this one count for the schedule.
        spec.pop("metadata", None)
        if self.namespaces:
            spec["includedNamespaces"] = list(self.namespaces)
            spec.pop("excludedNamespaces", None)
        elif not schedule:
            spec["includedNamespaces"] = ["*"]
            spec["excludedNamespaces"] = [own_namespace]
        if self.cluster_resources is not None or self.groups:
            spec.update(_cluster_scoped(spec, all_of_them=bool(self.groups or self.cluster_resources)))
        if self.keep:
            spec["ttl"] = _go_duration(self.keep)
        return spec


def _cluster_scoped(spec: Mapping[str, Any], *, all_of_them: bool) -> dict[str, Any]:
    """All cluster-scoped objects, or none, in the kind of filter that the spec has: Velero refuses both in one."""
    if any(spec.get(field) for field in _SCOPED):
        lists = (["*"], []) if all_of_them else ([], ["*"])
        return dict(zip(("includedClusterScopedResources", "excludedClusterScopedResources"), lists, strict=True))
    return {"includeClusterResources": all_of_them}


def run_backup(
    session: Session, request: BackupRequest, *, yes: bool, everything: bool, seconds: float, as_json: bool
) -> int:
    """Back up, and print phase and coverage; the exit code is 0 where it is Completed and covers what was asked."""
    _check_name(request)
    _check_namespaces(session, request)
    if session.cluster.find(BACKUP.path(session.target.namespace, request.name)) is not None:
        raise BadTarget(f"backup {request.name} already exists; choose another name")
    spec = _spec(session, request)
    out = console(stderr=as_json)
    out.print(_announcement(session, request, spec))
    if not session.server_ready():
        raise BadTarget(
            f"the Velero server is not running in {session.target.name}; nothing can be backed up without it."
            f" See why: velero-eks status {session.target.arguments}"
        )
    if not agreed("Make this backup?", yes=yes):
        say("no backup was made")
        return STOPPED
    refreshed = None
    if request.groups:
        refreshed = refresh_discovery(session)
        how = "The server looked for new kinds" if refreshed.nudged else "Waited for the server to look for new kinds"
        out.print(Text(f"{how}: {words.duration(refreshed.seconds)}.", style="dim"))
    made = _made(session, request, spec, seconds)
    coverage, problem = _coverage(session, made, request.groups)
    whole = made.good and coverage is not None and coverage.whole
    if as_json:
        print_json(_document(session, made, refreshed, coverage, problem, whole))
    else:
        _report(session, made, coverage, problem, everything=everything)
    return 0 if whole else FOUND


def _check_name(request: BackupRequest) -> None:
    name = request.name
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    if not name or len(name) > _NAME_MAX or not set(name) <= allowed or not (name[0] + name[-1]).isalnum():
        raise BadTarget(
            f"backup name {name!r}: 1 to {_NAME_MAX} of a-z, 0-9, '-' and '.', with a letter or digit at both ends"
        )
    if request.count_for_schedule and not request.schedule:
        raise BadTarget("--count-for-schedule needs --schedule, the schedule that it counts for")
    if request.groups and request.cluster_resources is False:
        raise BadTarget("--pre-change takes all cluster-scoped objects; remove --no-cluster-resources")


def _check_namespaces(session: Session, request: BackupRequest) -> None:
    """Refuse a namespace that is not there: Velero would make a backup without it, and call that PartiallyFailed."""
    for name in request.namespaces:
        if any(character in name for character in "*?["):
            continue
        try:
            session.cluster.get(NAMESPACE.path(None, name))
        except NotFound as error:
            close = words.did_you_mean(name, _namespaces(session))
            raise BadTarget(
                f"{session.target.name} has no namespace {name!r}; nothing of it would be backed up{close}"
            ) from error
        except Forbidden:
            # Who may make a backup need not see namespaces.
            return


def _namespaces(session: Session) -> list[str]:
    """The namespaces that exist, none where they may not be listed."""
    try:
        found = session.cluster.list(NAMESPACE.path(None), metadata_only=True)
        return sorted(each["metadata"]["name"] for each in found)
    except OperationError:
        return []


def _spec(session: Session, request: BackupRequest) -> dict[str, Any]:
    schedule = session.velero.schedule(request.schedule) if request.schedule else None
    objectives = session.settings.recovery if session.settings else ()
    longest = max((one.retention for one in objectives), key=lambda kept: kept.seconds, default=None)
    keep = longest.go if longest else "720h0m0s"
    return request.spec(schedule, session.target.namespace, keep)


def _made(session: Session, request: BackupRequest, spec: dict[str, Any], seconds: float) -> Backup:
    labels = dict(MANAGED_BY)
    if request.count_for_schedule and request.schedule:
        labels[SCHEDULE_LABEL] = request.schedule
    try:
        session.velero.create(BACKUP, request.name, spec, labels=labels)
    except Conflict as error:
        raise BadTarget(f"backup {request.name} already exists; choose another name") from error
    try:
        with watching(session, f"Backup {request.name}") as watch:
            return session.velero.wait_for_backup(request.name, seconds=seconds, progress=watch)
    except (KeyboardInterrupt, OperationError):
        follow = f"velero-eks logs {session.target.arguments} {request.name}"
        say(f"Backup {request.name} continues in the server; see how it ended: {follow}")
        raise


def _coverage(session: Session, made: Backup, groups: Sequence[str]) -> tuple[Coverage | None, str]:
    """The coverage, or why there is none."""
    if made.phase in ("Failed", "FailedValidation"):
        return None, "nothing was backed up"
    try:
        return coverage_of(session, made, needs=groups), ""
    except OperationError as error:
        return None, str(error)


def _announcement(session: Session, request: BackupRequest, spec: dict[str, Any]) -> Text:
    what = ", ".join(spec.get("includedNamespaces") or ["*"])
    line = Text("Backup ").append(request.name, style="cyan").append(f" of {session.target.name}: namespaces {what}")
    if spec.get("excludedNamespaces"):
        line.append(f" except {', '.join(spec['excludedNamespaces'])}")
    cluster = spec.get("includeClusterResources")
    if "*" in (spec.get("includedClusterScopedResources") or ()):
        cluster = True
    elif "*" in (spec.get("excludedClusterScopedResources") or ()):
        cluster = False
    told = {True: "all cluster-scoped objects", False: "no cluster-scoped objects", None: "those they refer to"}
    line.append(f", {told[cluster]}, kept {_kept(spec)}")
    if request.schedule:
        counts = "and counts for it" if request.count_for_schedule else "and does not count for it"
        line.append(f"; from schedule {request.schedule}'s template, {counts}")
    return line.append(".")


def _kept(spec: dict[str, Any]) -> str:
    from velero_on_eks.settings.duration import Duration

    if not spec.get("ttl"):
        return "as long as the server has it"
    try:
        return words.exact(Duration.parse_go(str(spec["ttl"])).seconds)
    except ValueError:
        return str(spec["ttl"])


def _report(session: Session, made: Backup, coverage: Coverage | None, problem: str, *, everything: bool) -> None:
    out = console()
    if not made.good:
        out.print(Text(f"Backup {made.name} is {made.phase}.", style="bold red"))
        for line in explain(session, made):
            out.print(f"  {line}")
    if coverage is None:
        out.print(Text(f"Its content could not be checked: {problem}.", style="bold red"))
        return
    render_coverage(coverage, session, out, everything=everything)


def _document(
    session: Session,
    made: Backup,
    refreshed: Refreshed | None,
    coverage: Coverage | None,
    problem: str,
    whole: bool,
) -> dict[str, Any]:
    return {
        "backup": made.name,
        "phase": made.phase,
        "good": whole,
        "why": explain(session, made) if not made.good else [],
        "discovery": {"nudged": refreshed.nudged, "seconds": round(refreshed.seconds, 1)} if refreshed else None,
        "coverage": coverage_document(session, coverage) if coverage is not None else None,
        "problem": problem or None,
    }


def _go_duration(text: str) -> str:
    from velero_on_eks.settings.duration import Duration

    try:
        return Duration.parse(text).go
    except ValueError as error:
        raise BadTarget(f"--keep {text!r}: {error}") from error
