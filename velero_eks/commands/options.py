"""Options that the commands share, and how what they raise becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

BAD_INPUT, INTERRUPTED = 2, 130

Stack = Annotated[
    str | None,
    typer.Option(
        "--stack",
        metavar="STACK",
        help="A stack of this project, or a stack file: names the cluster, Velero's namespace, the bucket and the"
        " objectives.",
    ),
]
Context = Annotated[
    str | None,
    typer.Option("--context", metavar="NAME", help="A kubeconfig context, where there is no stack for the cluster."),
]
VeleroNamespace = Annotated[
    str | None,
    typer.Option("--velero-namespace", metavar="NAME", help="Velero's namespace: the stack's by default, else velero."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs; progress and errors go to stderr.")]


def run(command: Callable[[], int]) -> None:
    """Run a command and leave with its exit code: 0 for true, 1 for found something, 2 for what could not be asked."""
    from velero_eks.errors import OperationError

    try:
        code = command()
        sys.stdout.flush()
    except OperationError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        code = error.exit_code
    except BrokenPipeError:
        # Whoever read has seen enough, such as `head`; the interpreter's last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    raise typer.Exit(code)
