"""The commands that change: `backup`, `restore` and `drill`. Each loads what it needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from velero_eks.commands.options import At, Context, Json, Stack, VeleroNamespace, moment_of, run

if TYPE_CHECKING:
    from velero_eks.commands.restore import How

Source = Annotated[
    str,
    typer.Option("--from", metavar="SCHEDULE|BACKUP", help="A backup, or a schedule for its newest Completed backup."),
]
Existing = Annotated[
    str,
    typer.Option(
        "--existing",
        metavar="keep|update",
        help="What happens to objects that are there and differ: kept as they are, or made what they were.",
    ),
]
PreviewOnly = Annotated[bool, typer.Option("--preview", help="Show what would happen, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Everything = Annotated[bool, typer.Option("--all", help="Name every object; else long lists are cut.")]
Limit = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=1, help="How long Velero may take, for each of its operations."),
]

_PANEL = "Back up and recover"

restores = typer.Typer(
    help="Restore a namespace, single objects or a cluster: previewed first, and held against the preview after.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the tool."""
    app.command(rich_help_panel=_PANEL)(backup)
    restores.command("namespace")(restore_namespace)
    restores.command("object")(restore_object)
    restores.command("cluster")(restore_cluster)
    app.add_typer(restores, name="restore", rich_help_panel=_PANEL)
    app.command(rich_help_panel=_PANEL)(drill)


def backup(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The backup's name; it must be new.")],
    schedule: Annotated[
        str | None, typer.Option("--schedule", metavar="NAME", help="Take what this schedule takes, kept as long.")
    ] = None,
    namespaces: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", metavar="NAME", help="Only this namespace. May be given more than once."),
    ] = None,
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
            " also those installed a moment ago. May be given more than once.",
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
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="How long the backup may take.")
    ] = 3600,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Make a backup, follow it, and check that what was asked for is in it.

    With --schedule it takes what the schedule takes, but neither counts for it nor resets it. Exits with 1 when the
    backup is not Completed, or lacks something.
    """

    def command() -> int:
        from velero_eks.commands.backup import Asked
        from velero_eks.commands.backup import backup as run_backup
        from velero_eks.recovery.session import connected

        asked = Asked(
            name=name,
            schedule=schedule,
            namespaces=tuple(namespaces or ()),
            cluster_resources=cluster_resources,
            groups=tuple(pre_change or ()),
            count_for_schedule=count_for_schedule,
            keep=keep,
        )
        session = connected(stack=stack, context=context, namespace=velero_namespace)
        return run_backup(session, asked, yes=yes, everything=everything, seconds=timeout, as_json=json)

    run(command)


def restore_namespace(
    namespace: Annotated[str, typer.Argument(metavar="NAMESPACE", help="As the backup has it.")],
    source: Source,
    at: At = None,
    into: Annotated[
        str | None, typer.Option("--into", metavar="NAMESPACE", help="Restore into another namespace, beside it.")
    ] = None,
    existing: Existing = "keep",
    preview: PreviewOnly = False,
    yes: Yes = False,
    everything: Everything = False,
    seconds: Limit = None,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    as_json: Json = False,
) -> None:
    """Restore everything of one namespace, and the CRDs of its objects that are missing.

    Nothing is taken away: what is there and not in the backup stays. Exits with 1 when anything is not as the preview
    said, or is in the way; with --preview when anything would be.
    """
    given = locals()

    def command() -> int:
        from velero_eks.commands.restore import restore_namespace as run_restore
        from velero_eks.recovery.session import connected

        how = _how(given)
        session = connected(stack=stack, context=context, namespace=velero_namespace)
        return run_restore(session, namespace, into=into, how=how)

    run(command)


def restore_object(
    objects: Annotated[list[str], typer.Argument(metavar="KIND/NAME...", help="As kubectl names them.")],
    source: Source,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NAME", help="The objects' namespace.")
    ] = None,
    at: At = None,
    existing: Existing = "update",
    preview: PreviewOnly = False,
    yes: Yes = False,
    everything: Everything = False,
    seconds: Limit = None,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    as_json: Json = False,
) -> None:
    """Restore these objects and nothing else; a CRD brings its objects along.

    Where Velero cannot tell an object from another one, since it chooses by labels alone, the object is written from
    the backup's content with your own rights; the preview says so. Claims come back with their namespace only. Exits
    with 1 when anything is not as the preview said.
    """
    given = locals()

    def command() -> int:
        from velero_eks.commands.restore import restore_objects
        from velero_eks.recovery.session import connected

        how = _how(given)
        session = connected(stack=stack, context=context, namespace=velero_namespace)
        return restore_objects(session, objects, namespace=namespace, how=how)

    run(command)


def restore_cluster(
    source: Source,
    at: At = None,
    system: Annotated[
        bool,
        typer.Option("--system", help="Also kube-system, kube-public and kube-node-lease, which a new cluster has."),
    ] = False,
    existing: Existing = "keep",
    preview: PreviewOnly = False,
    yes: Yes = False,
    everything: Everything = False,
    seconds: Limit = None,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    as_json: Json = False,
) -> None:
    """Restore a whole cluster into a new one: every namespace, CRDs, webhooks and other cluster-scoped objects.

    Webhooks come last. Velero's own namespace is left out, and what every cluster makes for itself. Exits with 1 when
    anything is not as the preview said.
    """
    given = locals()

    def command() -> int:
        from velero_eks.commands.restore import restore_cluster as run_restore
        from velero_eks.recovery.session import connected

        how = _how(given)
        session = connected(stack=stack, context=context, namespace=velero_namespace)
        return run_restore(session, system=system, how=how)

    run(command)


def _how(given: dict[str, Any]) -> How:
    """What every restore takes, of a command's arguments: its options are called as the fields are."""
    from dataclasses import fields

    from velero_eks.commands.restore import How

    return How(**{**{field.name: given[field.name] for field in fields(How)}, "at": moment_of(given["at"])})


def drill(
    schedule: Annotated[
        str | None, typer.Option("--schedule", metavar="NAME", help="Whose newest backup; by default any.")
    ] = None,
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace", "-n", metavar="NAME", help="What to restore beside the original; the stack's by default."
        ),
    ] = None,
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
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit for CI there.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", metavar="FILE", help="Write Markdown there.")] = None,
    clean_up: Annotated[
        bool, typer.Option("--clean-up", help="Only remove what earlier drills left behind, when one was killed.")
    ] = False,
    yes: Yes = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="How long the restore may take.")
    ] = 1800,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Prove that the newest backup restores: into scratch namespaces, compared object by object, timed, cleaned up.

    No Pod runs in them, and nothing outside is acted upon. Exits with 1 when anything is not as it was, when the data
    is older than the stack's RPO or recovery takes longer than --within, or when something is left behind.
    """

    def command() -> int:
        from velero_eks.commands.drill import Asked, run_drill
        from velero_eks.commands.drill import clean_up as run_clean_up
        from velero_eks.recovery.session import connected

        session = connected(stack=stack, context=context, namespace=velero_namespace)
        if clean_up:
            return run_clean_up(session, yes=yes)
        asked = Asked(schedule=schedule, namespaces=tuple(namespaces or ()), within=within, junit=junit,
                      custom_too=custom_resources, markdown=markdown)  # fmt: skip
        return run_drill(session, asked, yes=yes, seconds=timeout, as_json=json)

    run(command)
