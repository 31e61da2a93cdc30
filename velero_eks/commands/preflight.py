"""`velero-eks preflight`: what would make `pulumi up` or the first backup fail, found before it. Read-only."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from velero_on_eks.fleet import conflicts
from velero_on_eks.settings import Refusal, StackFile, StackFileError, load_stack_file

from velero_eks.aws.eks import Unknown
from velero_eks.bootstrap.preflight import checks_account, checks_cluster, checks_machine
from velero_eks.bootstrap.preflight.account import account_facts
from velero_eks.bootstrap.preflight.check import Case, Check, Result, document, result
from velero_eks.bootstrap.preflight.cluster import cluster_facts
from velero_eks.bootstrap.preflight.facts import Facts, Here, Kubernetes
from velero_eks.commands.help import described
from velero_eks.commands.options import (
    Json,
    Kubeconfig,
    Markdown,
    Stack,
    StackArgument,
    Timeout,
    form_of,
    needed_stack,
    run,
)
from velero_eks.errors import OperationError
from velero_eks.kube.threads import Threads
from velero_eks.project import engine
from velero_eks.project.backend import backend
from velero_eks.project.project import Project
from velero_eks.project.target import Target
from velero_eks.terminal import words
from velero_eks.terminal.output import console, next_step, print_json, print_markdown, table
from velero_eks.terminal.progress import working
from velero_eks.terminal.text import BREAK, Text

CLEAN, FOUND = 0, 1
Answer = TypeVar("Answer")
CHECKS = (
    Check("credentials", "AWS credentials", checks_account.credentials),
    Check("cluster", "EKS cluster", checks_account.cluster),
    Check("kubernetes-version", "Kubernetes version", checks_account.kubernetes_version),
    Check("access", "Access to the API server", checks_cluster.access),
    Check("rights", "Rights in the cluster", checks_cluster.rights),
    Check("identity", "Velero's AWS role", checks_account.identity),
    Check("bucket", "Bucket", checks_account.bucket),
    Check("key", "Key", checks_account.key),
    Check("access-logs", "Access logs", checks_account.access_logs),
    Check("break-glass", "Break-glass roles", checks_account.break_glass),
    Check("shared-location", "Other clusters on the bucket", checks_machine.shared_location),
    Check("installed", "Velero in the cluster", checks_cluster.installed),
    Check("namespace", "Velero's namespace", checks_cluster.namespace),
    Check("schedules", "Schedules in the cluster", checks_cluster.stopping_schedules),
    Check("snapshots", "Snapshot controller", checks_cluster.snapshots),
    Check("storage-class", "Volumes and their driver", checks_cluster.storage_class),
    Check("claims", "Volume claims without backups", checks_cluster.claims),
    Check("tools", "Programs and stack", checks_machine.tools),
    Check("backend", "Pulumi's state and secrets", checks_machine.backend),
)
_STYLES = {"error": "red", "warning": "yellow"}


@described(
    examples={
        "velero-eks preflight prod": "Check everything before `pulumi up`.",
        "velero-eks preflight prod --json": "Print every check's result as JSON.",
    },
    exits={
        0: "No error was found. Checks that could not be asked are listed.",
        1: "An error was found.",
        2: "The stack does not exist, or its file is bad.",
    },
)
def preflight(
    stack_argument: StackArgument = None,
    timeout: Timeout = None,
    stack: Stack = None,
    kubeconfig: Kubeconfig = None,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Find what would make `pulumi up` or the first backup fail. Changes nothing.

    Looks at the account, the cluster, the bucket, other stacks and this machine. Needs AWS credentials and
    access to the cluster; checks that are refused are listed.
    """

    def command() -> int:
        form = form_of(json, markdown)
        name = needed_stack(stack_argument, stack, "preflight")
        return run_preflight(name, as_json=form == "json", as_markdown=form == "markdown", kubeconfig=kubeconfig)

    run(command, timeout)


def run_preflight(
    stack: str,
    *,
    as_json: bool = False,
    as_markdown: bool = False,
    kubeconfig: str | None = None,
    start: Path | None = None,
) -> int:
    """Print what is in the way of a stack, with a remedy each; return 1 where an error is found, else 0.

    Raises `OperationError` where there is no such stack or its file is bad.
    """
    project = Project.find(start)
    file = project.load(stack)
    with working(f"looking at {file.settings.cluster.name} and its account"):
        facts = gather(project, file, kubeconfig)
    results = judge(file, facts)
    failed = any(each.outcome == "failed" for each in results)
    if as_json:
        print_json({"stack": file.stack, "clean": not failed, "checks": document(results)})
    elif as_markdown:
        print_markdown(lambda out: render(file, results, out))
    else:
        render(file, results)
        if not failed:
            init = f"pulumi stack init {stack} && " if facts.here.state is None else ""
            next_step(f"{init}pulumi up --stack {stack}")
    return FOUND if failed else CLEAN


def judge(file: StackFile, facts: Facts) -> list[Result]:
    """Every check's result, in the order of the report. Pure."""
    case = Case(file.stack, file.settings, facts)
    return [result(check, case) for check in CHECKS]


def gather(project: Project, file: StackFile, kubeconfig: str | None = None) -> Facts:
    """Ask the account, the cluster and the Pulumi CLI at the same time. What one of them refuses is `Unknown`."""
    # Loaded before the threads, which import it at the same time.
    importlib.import_module("boto3")
    with Threads(3) as pool:
        asked_aws = pool.submit(account_facts, file.settings)
        asked_cluster = pool.submit(_cluster, file, kubeconfig)
        asked_here = pool.submit(look_here, project, file)
        return Facts(aws=asked_aws.result(), kubernetes=asked_cluster.result(), here=asked_here.result())


def look_here(project: Project, file: StackFile, *, find: Callable[[str], str | None] = shutil.which) -> Here:
    """What this machine and the project's other stacks say."""
    beside = project.root / ".tools/uv/bin"
    return Here(
        state=_answered(lambda: engine.state(file.stack, project.root)),
        conflicts=tuple(_conflicts(project, file)),
        aws_cli=find("aws") is not None,
        engine=_answered(lambda: engine.version(project.root)),
        uv=find("uv") is not None if project.toolchain == "uv" else None,
        uv_folder=str(beside) if (beside / "uv").exists() else None,
        backend=backend(project.root / "Pulumi.yaml", file.path, os.environ),
        release=version("velero-on-eks"),
        deploys=project.pinned("velero-on-eks"),
    )


def _cluster(file: StackFile, kubeconfig: str | None) -> Kubernetes | Unknown:
    try:
        return cluster_facts(Target.of_file(file, kubeconfig=kubeconfig).cluster, file.settings)
    except OperationError as error:
        return Unknown(str(error))


def _conflicts(project: Project, file: StackFile) -> list[Refusal]:
    """What this stack's place has in common with other stacks' that can be read; a bad file is its own command's."""
    others: list[StackFile] = []
    for path in project.stack_files().values():
        try:
            others.append(load_stack_file(path))
        except StackFileError:
            continue
    others = [other for other in others if other.stack != file.stack]
    # Only the later of two files is told of; this stack is made the later one.
    return [refusal for other in others for error in conflicts([other, file]) for refusal in error.refusals]


def _answered(ask: Callable[[], Answer]) -> Answer | Unknown:
    try:
        return ask()
    except OperationError as error:
        return Unknown(str(error))


def render(file: StackFile, results: Sequence[Result], screen: Console | None = None) -> None:
    """Print the results of a stack's checks."""
    out = screen or console()
    settings = file.settings
    where = f"{settings.cluster.name} · {settings.region} · {settings.cluster.account}"
    out.print(Text.assemble((file.stack, "bold"), "  ", (where, "dim")))
    rows = [
        (finding, each.check.title)
        for severity in ("error", "warning")
        for each in results
        for finding in each.findings
        if finding.severity == severity
    ]
    if rows:
        # The remedy under its finding and not beside it: a command that is broken into pieces cannot be copied.
        found = table("Check", "Problem and fix")
        found.columns[0].max_width = 16
        for number, (finding, title) in enumerate(rows, 1):
            check = Text.assemble((finding.severity, _STYLES[finding.severity]), BREAK, title)
            end = "" if number == len(rows) else BREAK
            found.add_row(check, Text.assemble(finding.message, BREAK, (f"→ {finding.remedy}", "cyan"), end))
        out.print()
        out.print(found)
    out.print()
    passed = [each.check.title for each in results if each.outcome == "passed"]
    if passed:
        out.print(Text.assemble((f"passed ({len(passed)}) ", "green"), ", ".join(passed)))
    told = {finding.message for finding, _ in rows}
    for why in dict.fromkeys(each.why for each in results if each.why):
        titles = [each.check.title for each in results if each.why == why]
        shown = "see above" if why in told else why
        out.print(Text.assemble(("not asked ", "yellow"), f"{', '.join(titles)}: ", (shown, "dim")))
    errors = sum(finding.severity == "error" for finding, _ in rows)
    warnings = len(rows) - errors
    said = [words.count(errors, "error")] if errors else []
    said += [words.count(warnings, "warning")] if warnings else []
    unasked = sum(bool(each.why) for each in results)
    if errors:
        verdict = Text(f"{' and '.join(said)}. Fix the errors before 'pulumi up'.", "red")
    elif unasked:
        # Not green: what no one could look at may be what is in the way.
        so_far = said[0] if said else "Nothing was found"
        verdict = Text(f"{so_far}; {words.count(unasked, 'check')} could not be asked in full, see above.", "yellow")
    elif said:
        verdict = Text(f"{said[0]}. Nothing stops 'pulumi up'.", "yellow")
    else:
        verdict = Text("Nothing was found.", "green")
    out.print(verdict)
