"""`init`, `preflight` and `adopt` on the command line. What they need is loaded when one is called."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated

import typer

PANEL = "Provision"
"""Where the tool's help lists the commands that come before a deployment."""

Loading = Callable[[], AbstractContextManager[None]]
Stack = Annotated[str, typer.Argument(metavar="STACK", help="A stack of this project, by its name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs; progress and errors go to stderr.")]
Yes = Annotated[bool, typer.Option("--yes", help="Write without asking, for scripts.")]


def register(app: typer.Typer, loading: Loading) -> None:
    """Add the commands to the tool. `loading` makes loading the SDKs cheap."""

    @app.command(rich_help_panel=PANEL)
    def init(
        stack: Annotated[str, typer.Argument(metavar="STACK", help="Its file is stacks/Pulumi.STACK.yaml.")],
        cluster: Annotated[str | None, typer.Option(metavar="NAME", help="The cluster's name in EKS.")] = None,
        region: Annotated[str | None, typer.Option(metavar="REGION", help="The cluster's AWS region.")] = None,
        from_cluster_stack: Annotated[
            str | None,
            typer.Option(
                metavar="ORG/PROJECT/STACK",
                help="Read the facts from the outputs of the Pulumi stack that made the cluster: clusterName, region,"
                " account, kubernetesVersion, oidcIssuer and, where it is so, autoMode.",
            ),
        ] = None,
        environment: Annotated[str | None, typer.Option(help="development, staging or production.")] = None,
        rpo: Annotated[str | None, typer.Option(metavar="DURATION", help="At most this much may be lost: 24h.")] = None,
        retention: Annotated[
            str | None, typer.Option(metavar="DURATION", help="At least this far back one can go: 30d.")
        ] = None,
        namespace: Annotated[
            list[str] | None, typer.Option(metavar="NAME", help="A namespace that this holds for; may be repeated.")
        ] = None,
        identity: Annotated[str | None, typer.Option(help="irsa or pod-identity.")] = None,
        volumes: Annotated[str | None, typer.Option(help="none or csi-snapshot.")] = None,
        timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="The zone of the schedule's clocks.")] = None,
        context: Annotated[
            str | None, typer.Option(metavar="NAME", help="Reach the cluster by this kubeconfig context.")
        ] = None,
        allow_untested_kubernetes: Annotated[
            bool | None,
            typer.Option("--allow-untested-kubernetes", help="Go on with a version Velero was not tested on."),
        ] = None,
        yes: Yes = False,
    ) -> None:
        """Write a stack's file from what EKS says of a cluster, or bring the facts of one up to date.

        Asks on a terminal for what no flag says. A file that exists keeps its decisions and comments, and is written
        only after its difference was shown. Exits with 1 when the answer is no, with 2 when nothing can be written.
        """
        with loading():
            from velero_eks.commands.init import Request
            from velero_eks.commands.init import init as write
            from velero_eks.commands.options import run

            request = Request(
                stack=stack,
                cluster=cluster,
                region=region,
                from_cluster_stack=from_cluster_stack,
                environment=environment,
                rpo=rpo,
                retention=retention,
                namespaces=tuple(namespace) if namespace else None,
                identity=identity,
                volumes=volumes,
                timezone=timezone,
                context=context,
                allow_untested_kubernetes=allow_untested_kubernetes,
                yes=yes,
            )
            run(lambda: write(request))

    @app.command(rich_help_panel=PANEL)
    def preflight(stack: Stack, json: Json = False) -> None:
        """Find what would make `pulumi up` or the first backup fail, before it. Changes nothing.

        Looks at the account, the cluster, the bucket, other stacks and this machine. Exits with 1 when an error is
        found, with 2 on a bad stack file.
        """
        with loading():
            from velero_eks.commands.options import run
            from velero_eks.commands.preflight import preflight as look

            run(lambda: look(stack, as_json=json))

    @app.command(rich_help_panel=PANEL)
    def adopt(
        stack: Stack,
        yes: Yes = False,
        json: Json = False,
        done: Annotated[
            bool, typer.Option("--done", help="Take the section away, once the state has everything in it.")
        ] = False,
    ) -> None:
        """Take over a bucket, key, role, namespace or release that exists: nothing is made anew or lost.

        Shows what would be imported, what changes with it and what cannot be, then writes velero-eks:adopt into the
        stack's file, from which the next `pulumi up` imports. Exits with 1 when something cannot be taken over or the
        answer is no.
        """
        with loading():
            from velero_eks.commands.adopt import adopt as take_over
            from velero_eks.commands.adopt import done as finish
            from velero_eks.commands.options import run

            if done:
                run(lambda: finish(stack, yes=yes, as_json=json))
            run(lambda: take_over(stack, yes=yes, as_json=json))
