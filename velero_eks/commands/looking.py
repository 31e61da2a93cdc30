"""The commands that look: `status`, `coverage`, `show`, `history` and `logs`. Each loads what it needs when called."""

from __future__ import annotations

from typing import Annotated

import typer

from velero_eks.commands.options import At, Context, Json, Stack, VeleroNamespace, moment_of, run

Namespace = Annotated[str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Only what lies in it.")]
ShowSecrets = Annotated[bool, typer.Option("--show-secrets", help="Print the values of Secrets, in place of a mask.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the tool."""
    for command in (status, coverage, show, history, logs):
        app.command(rich_help_panel="Look")(command)


def status(
    stack: Stack = None, context: Context = None, velero_namespace: VeleroNamespace = None, json: Json = False
) -> None:
    """Say what can be recovered, what is running, and what is wrong since when.

    Exits with 1 when an objective is missed, or will be: a location unavailable, a schedule paused, failing its
    validation or undecodable, no server. With --stack the objectives are the stack file's.
    """

    def command() -> int:
        from velero_eks.commands.status import status as run_status
        from velero_eks.recovery.session import connected

        return run_status(connected(stack=stack, context=context, namespace=velero_namespace), as_json=json)

    run(command)


def coverage(
    backup: Annotated[str, typer.Argument(metavar="BACKUP", help="A backup, or a schedule for its newest good one.")],
    need: Annotated[
        list[str] | None,
        typer.Option(
            "--need",
            metavar="GROUP|KIND[/NAME]",
            help="What must be in it whatever the filters say: an API group with its CRDs, a kind, or one object."
            " May be given more than once.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Name every object; else long lists are cut.")] = False,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Hold what the cluster has now against a backup, object by object, and explain each difference.

    Exits with 1 when the backup is not Completed, or lacks something that was asked of it: what Velero could not save,
    a kind that it did not know yet, a CRD without objects. What the filters leave out, and what was created later, is
    said and does not count, unless --need names it.
    """

    def command() -> int:
        from velero_eks.commands.coverage import coverage as run_coverage
        from velero_eks.recovery.session import connected

        session = connected(stack=stack, context=context, namespace=velero_namespace)
        return run_coverage(session, backup, needs=need or [], everything=everything, as_json=json)

    run(command)


def show(
    backup: Annotated[str, typer.Argument(metavar="BACKUP", help="A backup, or a schedule for its newest good one.")],
    objects: Annotated[
        list[str] | None,
        typer.Argument(metavar="KIND[/NAME]", help="As kubectl names them. Everything, where none is given."),
    ] = None,
    namespace: Namespace = None,
    at: At = None,
    contents: Annotated[bool, typer.Option("--list", help="List the objects' names, not their content.")] = False,
    derived: Annotated[
        bool, typer.Option("--derived", help="Also what controllers make of other objects, such as Pods.")
    ] = False,
    show_secrets: ShowSecrets = False,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Print objects as they were in a backup: clean YAML, to commit to Git or to apply by hand.

    Reads the bucket with your own AWS credentials; with --stack neither the Velero server nor the cluster has to be
    there. Secrets are masked, in a form that no cluster accepts, unless --show-secrets. Exits with 1 when nothing in
    the backup matches.
    """

    def command() -> int:
        from velero_eks.commands.show import Wanted
        from velero_eks.commands.show import show as run_show
        from velero_eks.recovery.session import connected

        moment = moment_of(at)
        session = connected(stack=stack, context=context, namespace=velero_namespace)
        wanted = Wanted.parse(objects or [], namespace=namespace, derived=derived, show_secrets=show_secrets)
        return run_show(session, backup, wanted, at=moment, names_only=contents, as_json=json)

    run(command)


def history(
    target: Annotated[str, typer.Argument(metavar="KIND/NAME", help="One object, as kubectl names it.")],
    namespace: Namespace = None,
    show_secrets: ShowSecrets = False,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Follow one object through all backups: when it changed, and which fields.

    Reads the bucket with your own AWS credentials; with --stack neither the Velero server nor the cluster has to be
    there. Exits with 1 when no backup has the object.
    """

    def command() -> int:
        from velero_eks.commands.history import history as run_history
        from velero_eks.recovery.session import connected

        session = connected(stack=stack, context=context, namespace=velero_namespace)
        return run_history(session, target, namespace=namespace, show_secrets=show_secrets, as_json=json)

    run(command)


def logs(
    name: Annotated[str, typer.Argument(metavar="BACKUP|RESTORE", help="Whose log.")],
    level: Annotated[
        str, typer.Option("--level", metavar="LEVEL", help="error, warning, info or debug: what to show of the log.")
    ] = "warning",
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="backup or restore, where both have that name.")
    ] = None,
    stack: Stack = None,
    context: Context = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Show what Velero wrote about a backup or a restore: why it failed, its errors and warnings, its log.

    Reads the bucket with your own AWS credentials, so that it works without the server. Exits with 1 when the backup
    or restore did not complete.
    """

    def command() -> int:
        from velero_eks.commands.logs import logs as run_logs
        from velero_eks.recovery.session import connected

        session = connected(stack=stack, context=context, namespace=velero_namespace)
        return run_logs(session, name, level=level, kind=kind, as_json=json)

    run(command)
