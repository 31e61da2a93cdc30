"""`velero-eks restore`: plan, preview, ask, run, and compare the outcome with the preview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Annotated, Any, cast

import typer

from velero_eks.commands.completion import schedules
from velero_eks.commands.help import described
from velero_eks.commands.options import (
    At,
    Context,
    Everything,
    Json,
    Kubeconfig,
    Namespace,
    Stack,
    StackArgument,
    Timeout,
    VeleroNamespace,
    Yes,
    connect,
    moment_of,
    one_stack,
    seconds_of,
    told_unread,
)
from velero_eks.commands.options import run as run_command
from velero_eks.commands.restore_report import preview_document, render_preview, render_report, report_document
from velero_eks.errors import BadTarget, NotAllowed
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import ResourceKind
from velero_eks.recovery.restore.duration import patience
from velero_eks.recovery.restore.live import light
from velero_eks.recovery.restore.plan import RestorePlan, find_object, plan_cluster, plan_namespace, plan_objects
from velero_eks.recovery.restore.prediction import refuse_taken_volumes
from velero_eks.recovery.restore.preview import Preview, make_preview
from velero_eks.recovery.restore.run import run
from velero_eks.recovery.session import DEPLOYMENT, Session
from velero_eks.terminal import words
from velero_eks.terminal.output import console, print_json
from velero_eks.terminal.progress import working
from velero_eks.terminal.questions import agreed
from velero_eks.terminal.safe import say
from velero_eks.velero.api import Velero
from velero_eks.velero.backup_contents import Place, Selection, Stored, Unread
from velero_eks.velero.records import Backup, Restore, newest_completed
from velero_eks.velero.restore_spec import Existing

Source = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="SCHEDULE|BACKUP",
        help="A backup, or a schedule: its newest Completed backup.",
        autocompletion=schedules,
    ),
]
ExistingPolicy = Annotated[
    str,
    typer.Option(
        "--existing",
        metavar="keep|update",
        help="What to do with existing objects that differ: keep them, or update them to their backed-up state.",
    ),
]
PreviewOnly = Annotated[bool, typer.Option("--preview", help="Show what would happen, and change nothing.")]

restore = typer.Typer(
    add_completion=False,
    help="Restore a namespace, single objects or a cluster: preview, restore, compare with the preview.",
    no_args_is_help=True,
)

FOUND, STOPPED = 1, 1
_EXITS = {
    0: "Everything is as the preview said; with --preview: nothing blocks it.",
    1: "Something is not as the preview said or is blocked, or the answer was no.",
    2: "Nothing was started: the backup does not exist, the cluster cannot be asked, or an argument is bad.",
}
Planner = Callable[[Backup, Sequence[Stored]], RestorePlan]


@restore.command("namespace")
@described(
    examples={
        "velero-eks restore namespace exam --from daily-backup --stack prod --preview": "Show what a restore would do.",
        "velero-eks restore namespace exam --from daily-backup --stack prod": "Preview, ask, restore, compare.",
        "velero-eks restore namespace exam --from daily-backup --into exam-copy --stack prod": (
            "Restore beside the original."
        ),
    },
    exits=_EXITS,
)
def restore_namespace(
    namespace: Annotated[str, typer.Argument(metavar="NAMESPACE", help="As the backup has it.")],
    source: Source,
    at: At = None,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="NAMESPACE", help="Restore into another namespace, beside the original."),
    ] = None,
    existing: ExistingPolicy = "keep",
    preview: PreviewOnly = False,
    yes: Yes = False,
    everything: Everything = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    as_json: Json = False,
) -> None:
    """Restore everything in one namespace, and the missing CRDs of its objects.

    Nothing is deleted: what is not in the backup stays. Needs access to the cluster and to the bucket, and
    a running Velero server.
    """
    given = locals()

    def command() -> int:
        how = _how(given)
        session = connect(stack, context, velero_namespace, kubeconfig)
        return run_namespace(session, namespace, into=into, how=how)

    run_command(command, timeout)


@restore.command("object")
@described(
    examples={
        "velero-eks restore object configmap/grading -n exam --from daily-backup --stack prod": (
            "Restore one ConfigMap as it was."
        ),
        "velero-eks restore object crd/exams.example.org --from daily-backup --stack prod": (
            "Restore a CRD with all its objects."
        ),
    },
    exits=_EXITS,
)
def restore_object(
    objects: Annotated[list[str], typer.Argument(metavar="KIND/NAME...", help="As kubectl names them.")],
    source: Source,
    namespace: Namespace = None,
    at: At = None,
    existing: ExistingPolicy = "update",
    preview: PreviewOnly = False,
    yes: Yes = False,
    everything: Everything = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    as_json: Json = False,
) -> None:
    """Restore these objects and nothing else; a CRD comes with its objects.

    Velero selects by labels only. An object that its labels cannot select alone is written from the backup with your
    own rights; the preview says so. Claims come back with their namespace only. Needs access to the cluster and to the
    bucket.
    """
    given = locals()

    def command() -> int:
        how = _how(given)
        session = connect(stack, context, velero_namespace, kubeconfig)
        return run_objects(session, objects, namespace=namespace, how=how)

    run_command(command, timeout)


@restore.command("cluster")
@described(
    examples={
        "velero-eks restore cluster --from daily-backup --stack prod --preview": "Show what a restore would do.",
        "velero-eks restore cluster --from daily-backup --at 2026-11-24T09:00Z --stack prod": (
            "Restore the newest backup before a time."
        ),
    },
    exits=_EXITS,
)
def restore_cluster(
    source: Source,
    stack_argument: StackArgument = None,
    at: At = None,
    system: Annotated[
        bool,
        typer.Option(
            "--system", help="Also kube-system, kube-public and kube-node-lease, which a new cluster already has."
        ),
    ] = False,
    existing: ExistingPolicy = "keep",
    preview: PreviewOnly = False,
    yes: Yes = False,
    everything: Everything = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    as_json: Json = False,
) -> None:
    """Restore a whole cluster into a new one: every namespace, CRDs, webhooks and other cluster-scoped objects.

    Webhooks come last. Velero's own namespace and what every cluster creates for itself are left out. Needs access to
    the new cluster and to the bucket, and a running Velero server.
    """
    given = locals()

    def command() -> int:
        how = _how(given)
        session = connect(one_stack(stack_argument, stack), context, velero_namespace, kubeconfig)
        return run_cluster(session, system=system, how=how)

    run_command(command, timeout)


def _how(given: dict[str, Any]) -> RestoreOptions:
    """What every restore takes, of a command's arguments: its options are called as the fields are."""
    return RestoreOptions(
        **{field.name: given[field.name] for field in fields(RestoreOptions) if field.name in given}
        | {"at": moment_of(given["at"]), "seconds": seconds_of("--timeout", given["timeout"])}
    )


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """What a restore takes apart from what it restores. `seconds` limits the wait for each Restore."""

    source: str
    at: datetime | None = None
    existing: str = "keep"
    preview: bool = False
    yes: bool = False
    everything: bool = False
    as_json: bool = False
    seconds: float | None = None

    @property
    def policy(self) -> Existing:
        """What happens to existing objects. Raises `BadTarget`."""
        if self.existing not in ("keep", "update"):
            raise BadTarget(f"--existing {self.existing!r}: expected keep or update")
        return cast(Existing, self.existing)


def run_namespace(session: Session, namespace: str, *, into: str | None, how: RestoreOptions) -> int:
    """Restore everything of one namespace."""
    policy = how.policy
    others: set[str] = set()

    def looked_at(place: Place) -> bool:
        # A backup of a whole cluster would not fit into memory, and of other namespaces nothing but the name is asked.
        others.add(place.namespace)
        return place.namespace in ("", namespace)

    def plan(backup: Backup, contents: Sequence[Stored]) -> RestorePlan:
        served = {(kind.api_version, kind.kind) for kind in session.cluster.kinds(all_versions=True)}
        return plan_namespace(
            backup.name, contents, served, namespace=namespace, into=into, existing=policy, others=others
        )

    return _restore(session, plan, how, looked_at)


def run_objects(session: Session, objects: Sequence[str], *, namespace: str | None, how: RestoreOptions) -> int:
    """Restore single objects; a CRD with its objects."""
    policy = how.policy
    wanted = [Selection.parse(text) for text in objects]
    for selection in wanted:
        if selection.name is None:
            raise BadTarget(f"{selection} is a kind; write KIND/NAME, such as configmap/grading")

    def plan(backup: Backup, contents: Sequence[Stored]) -> RestorePlan:
        found = [find_object(backup.name, contents, selection, namespace) for selection in wanted]
        live = _liveness(session.cluster)
        return plan_objects(backup.name, contents, found, is_live=live, namespace=namespace, existing=policy)

    def concerns(place: Place) -> bool:
        # A CRD is called as the resource of its objects, which come along.
        return any(selection.may_match(place) or place.resource == selection.name for selection in wanted)

    return _restore(session, plan, how, concerns=concerns)


def run_cluster(session: Session, *, system: bool, how: RestoreOptions) -> int:
    """Restore a whole cluster into a new one."""
    policy = how.policy

    def plan(backup: Backup, contents: Sequence[Stored]) -> RestorePlan:
        namespace = session.target.namespace
        return plan_cluster(backup.name, contents, velero_namespace=namespace, system=system, existing=policy)

    return _restore(session, plan, how)


def source_of(velero: Velero, source: str, at: datetime | None) -> Backup:
    """The backup that `--from` means. Raises `BadTarget`.

    A name that a backup and a schedule share means the backup (a note says so), and with `--at` the schedule.
    """
    backup = velero.resolve(source, at=at)
    if backup.name != source:
        return backup
    of_schedule = velero.backups(schedule=source)
    if at is not None:
        chosen = newest_completed(of_schedule, schedule=source, at=at)
        if chosen is None:
            raise BadTarget(
                f"--at chooses among the backups of a schedule, and {source} is a backup; remove --at"
                if not of_schedule
                else f"schedule {source} has no Completed backup that ended by {words.stamp(at)}"
            )
        return chosen
    if of_schedule:
        say(
            f"note: {source} is the name of a backup and of a schedule; the backup is used."
            " For the schedule's newest backup, give that backup's name, or --at with the current time"
        )
    return backup


def prepared(
    session: Session,
    plan: Planner,
    source: str,
    at: datetime | None,
    looked_at: Callable[[Place], bool] | None = None,
    concerns: Callable[[Place], bool] | None = None,
) -> Preview:
    """The preview of a plan, from the backup that `source` means. Raises `BadTarget`.

    `looked_at` says which of the backup's objects the plan is about; all of them where it is left out. `concerns` says
    of which of them a damaged one makes the restore doubtful: where it is left out, of all that are looked at.
    """
    with working(f"looking for {source}"):
        backup = source_of(session.velero, source, at)
    if not backup.ended or backup.phase in ("Failed", "FailedValidation"):
        why = f": {backup.why}" if backup.why else ""
        raise BadTarget(f"backup {backup.name} is {backup.phase}{why}; nothing can be restored from it")
    with working(f"reading backup {backup.name}"):
        unread = Unread(concerns or looked_at)
        store = session.store(backup.location)
        contents = [light(item) for item in store.contents(backup.name, looked_at, unread=unread)]
        told_unread(backup.name, unread)
    with working(f"comparing with {session.cluster.name}"):
        deployment = session.cluster.find(
            f"/apis/apps/v1/namespaces/{session.target.namespace}/deployments/{DEPLOYMENT}"
        )
        preview = make_preview(
            session.cluster, backup, plan(backup, contents), contents, deployment, _earlier(session.velero)
        )
    refuse_taken_volumes(preview.predictions)
    return replace(preview, unread=unread)


def _earlier(velero: Velero) -> Sequence[Restore]:
    """The cluster's Restores, for its pace; who may not see them gets the lab's."""
    try:
        return velero.restores()
    except NotAllowed:
        return ()


def _restore(
    session: Session,
    plan: Planner,
    how: RestoreOptions,
    looked_at: Callable[[Place], bool] | None = None,
    concerns: Callable[[Place], bool] | None = None,
) -> int:
    preview = prepared(session, plan, how.source, how.at, looked_at, concerns)
    if how.preview:
        if how.as_json:
            print_json(preview_document(preview))
        else:
            render_preview(console(), preview, session, everything=how.everything)
        return 0 if preview.good else FOUND
    render_preview(console(stderr=how.as_json), preview, session, everything=how.everything)
    if not preview.does_something:
        say("there is nothing to restore; nothing was changed")
        if how.as_json:
            print_json(preview_document(preview))
        return 0 if preview.good else FOUND
    if preview.plan.restores and not session.server_ready():
        raise BadTarget(
            f"the Velero server is not running in {session.target.name}; nothing can be restored without it. See why:"
            f" velero-eks status {session.target.arguments}. To read the backup without it:"
            f" velero-eks show {session.target.arguments} {preview.backup.name}"
        )
    if not agreed("Restore this?", yes=how.yes):
        say("nothing was changed")
        return STOPPED
    limit = how.seconds or patience(preview.estimate)
    report = run(session, preview, seconds=limit)
    if how.as_json:
        print_json(report_document(report))
    else:
        console().print()
        render_report(console(), report, session, everything=how.everything)
    return 0 if report.good else FOUND


def _liveness(cluster: Cluster) -> Callable[[Stored], bool]:
    def is_live(item: Stored) -> bool:
        group, _, version = str(item.body["apiVersion"]).rpartition("/")
        kind = ResourceKind(group, version, item.body["kind"], item.place.plural, bool(item.place.namespace))
        return cluster.find(kind.path(item.place.namespace or None, item.place.name)) is not None

    return is_live
