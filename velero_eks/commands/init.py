"""`velero-eks init`: a stack file from what EKS says of a cluster and what someone decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from velero_on_eks.settings import Settings, StackFileError, stack_path
from velero_on_eks.settings.aws_facts import check_region
from velero_on_eks.settings.stack_file import shown_path
from velero_on_eks.settings.versions import PINNED_CHART, PINNED_PLUGIN, PINNED_VELERO, mismatches
from velero_on_eks.settings.yaml_file import read_text

from velero_eks.aws.eks import SERVING, ClusterFacts, Unknown, discover, guessed_environment
from velero_eks.bootstrap import outputs, stack_edit, stack_text
from velero_eks.bootstrap.decisions import ENVIRONMENTS, IDENTITIES, VOLUMES, Decisions, checked, derived
from velero_eks.bootstrap.new_project import ADDED_BY_HAND, NewProject, new_project
from velero_eks.commands.completion import stacks
from velero_eks.commands.help import described
from velero_eks.commands.options import Context, Json, Namespaces, Stack, Timeout, Yes, needed_stack, run
from velero_eks.errors import BadStackFile, BadTarget
from velero_eks.project import engine
from velero_eks.project.folder import project_folder
from velero_eks.project.project import Project
from velero_eks.terminal.output import print_json, put
from velero_eks.terminal.questions import Terminal

DONE, LEFT = 0, 1
_FULL_STACK_NAME = re.compile(r"^[^/\s]+/[^/\s]+/[^/\s]+$")
_STACK_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")


@described(
    examples={
        "velero-eks init prod --cluster my-cluster --region eu-west-1": (
            "Ask for what EKS cannot say, and write stacks/Pulumi.prod.yaml."
        ),
        "velero-eks init prod --cluster my-cluster --region eu-west-1 --environment production --yes": (
            "Ask nothing, for scripts."
        ),
        "velero-eks init prod --from-cluster-stack acme/clusters/prod": (
            "Read the facts from the Pulumi stack that made the cluster."
        ),
    },
    exits={
        0: "The file is written, or agrees with the cluster.",
        1: "The answer was no; nothing is written.",
        2: "Nothing can be written: the cluster cannot be read, a flag is missing or bad, or a value is invalid.",
    },
)
def init(
    stack_argument: Annotated[
        str | None,
        typer.Argument(
            metavar="STACK", help="The stack's name, such as prod.", show_default=False, autocompletion=stacks
        ),
    ] = None,
    cluster: Annotated[str | None, typer.Option(metavar="NAME", help="The cluster's name in EKS.")] = None,
    region: Annotated[str | None, typer.Option(metavar="REGION", help="The cluster's AWS region.")] = None,
    from_cluster_stack: Annotated[
        str | None,
        typer.Option(
            metavar="ORG/PROJECT/STACK",
            help="Read the facts from the outputs of the Pulumi stack that made the cluster: clusterName, region,"
            " account, kubernetesVersion, oidcIssuer and, if true, autoMode.",
        ),
    ] = None,
    environment: Annotated[str | None, typer.Option(help="development, staging or production.")] = None,
    rpo: Annotated[
        str | None, typer.Option(metavar="DURATION", help="At most this much data may be lost: 24h.")
    ] = None,
    retention: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Keep backups at least this long: 30d.")
    ] = None,
    namespace: Namespaces = None,
    identity: Annotated[str | None, typer.Option(help="irsa or pod-identity.")] = None,
    volumes: Annotated[str | None, typer.Option(help="none or csi-snapshot.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="The schedule's time zone.")] = None,
    allow_untested_kubernetes: Annotated[
        bool | None,
        typer.Option(
            "--allow-untested-kubernetes", help="Continue with a Kubernetes version that Velero was not tested on."
        ),
    ] = None,
    yes: Yes = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    json: Json = False,
) -> None:
    """Write a stack's file from what EKS says about a cluster, or update the cluster's facts in it.

    In a folder without a Pulumi project it writes that first: Pulumi.yaml, __main__.py, pyproject.toml, .gitignore.

    Asks on a terminal for what no flag says. A file that exists keeps its decisions and comments, and is written
    only after its difference was shown. Needs AWS credentials that may read the cluster.

    --namespace limits the recovery objective to a namespace or a pattern. --context is written into the file as
    cluster.context.
    """

    def command() -> int:
        request = InitRequest(
            stack=needed_stack(stack_argument, stack, "init"),
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
            as_json=json,
        )
        return run_init(request)

    run(command, timeout)


@dataclass(frozen=True, kw_only=True)
class InitRequest:
    """What was said on the command line; None is what was left out."""

    stack: str
    cluster: str | None = None
    region: str | None = None
    from_cluster_stack: str | None = None
    environment: str | None = None
    rpo: str | None = None
    retention: str | None = None
    namespaces: tuple[str, ...] | None = None
    identity: str | None = None
    volumes: str | None = None
    timezone: str | None = None
    context: str | None = None
    allow_untested_kubernetes: bool | None = None
    yes: bool = False
    as_json: bool = False


def run_init(
    request: InitRequest,
    *,
    start: Path | None = None,
    terminal: Terminal | None = None,
    find: Callable[[str, str], ClusterFacts] = discover,
) -> int:
    """Write a stack's file, or bring the facts of one up to date; where there is no project, write that first.

    Returns 0 where it is written or needs no change, 1 where someone said no. Raises `OperationError` where the file
    would be bad, the cluster cannot be looked up or an argument is wrong; the stack's file is not written then.
    With `as_json` nothing is asked, and a file that exists is written only with `yes`: 1 where it differs and was not.
    """
    terminal = terminal or Terminal()
    if request.yes or request.as_json:
        terminal = Terminal(watched=False)
    here = start or Path.cwd()
    project = Project.find(here) if project_folder(here) is not None else None
    path = stack_path(here, request.stack) if project is None else project.stack_file(request.stack)
    _check(request, terminal, new=not path.exists())
    if project is None and not _make_project(new_project(here), terminal, request):
        return LEFT
    return _init(request, project or Project.find(here), terminal, find)


def _check(request: InitRequest, terminal: Terminal, *, new: bool) -> None:
    """Refuse what is wrong or missing on the command line, before anything is asked, written or looked up."""
    if request.stack.endswith((".yaml", ".yml")):
        raise BadTarget(f"STACK {request.stack!r} is a file; give the stack's name, such as prod")
    if not _STACK_NAME.match(request.stack):
        raise BadTarget(f"STACK {request.stack!r}: a stack's name is 1 to 100 letters, digits, '-', '_' and '.'")
    if request.from_cluster_stack is not None:
        if request.cluster or request.region:
            raise BadTarget("--from-cluster-stack gives the cluster and its region; remove --cluster and --region")
        if not _FULL_STACK_NAME.match(request.from_cluster_stack):
            raise BadTarget(
                f"--from-cluster-stack {request.from_cluster_stack!r}: write ORG/PROJECT/STACK, the stack that made the"
                " cluster; ORG is 'organization' on a self-managed backend"
            )
    elif request.region is not None:
        _region(request.region)
    for name in ("environment", "rpo", "retention", "namespaces", "identity", "volumes", "timezone"):
        if (value := getattr(request, name)) is not None:
            checked(name, value)
    if terminal.watched:
        return
    said = {"--cluster": request.cluster, "--region": request.region}
    missing = [flag for flag, value in said.items() if not value and request.from_cluster_stack is None]
    if missing:
        raise BadTarget(
            f"{' and '.join(missing)} missing; say which cluster: --cluster NAME --region REGION, or"
            " --from-cluster-stack ORG/PROJECT/STACK"
        )
    guess = guessed_environment(request.stack, request.cluster or "") if request.yes else None
    if new and request.environment is None and guess is None:
        raise BadTarget(f"--environment missing; give one of {', '.join(ENVIRONMENTS)}")


def _make_project(project: NewProject, terminal: Terminal, request: InitRequest) -> bool:
    """Show the files of a new project and write them, when that is wanted; whether they are there now."""
    folder, yes = project.folder, request.yes
    names = ", ".join(file.name for file in project.files)
    unasked = BadTarget(
        f"no Pulumi.yaml in {folder} or above it. Give --yes to write {names}, or go to the folder of your project"
    )
    if request.as_json:
        if not yes:
            raise unasked
        project.write()
        return True
    put(f"{folder} has no Pulumi project. These files make it one; files that exist are not changed.")
    for file in project.files:
        put("", f"── {file.name}: {file.what}", *(f"  {line}" for line in file.text.splitlines()))
    for name in project.kept:
        put("", f"── {name} exists and stays as it is. It needs: {ADDED_BY_HAND[name]}")
    put("")
    if not yes and not terminal.watched:
        raise unasked
    if not yes and not terminal.confirm(f"Write {names}?"):
        put("Nothing was written.")
        return False
    project.write()
    put(f"Wrote {names}.")
    return True


def _init(request: InitRequest, project: Project, terminal: Terminal, find: Callable[[str, str], ClusterFacts]) -> int:
    path = project.stack_file(request.stack)
    shown = shown_path(path)
    before = _text(path, shown) if path.exists() else ""
    # Where `pulumi stack init` came first, the file is as new as none; what Pulumi wrote stays in it.
    pulumis, before = (before, "") if stack_text.is_pulumis(before) else ("", before)
    facts, sources = _facts(request, project.root, terminal, find)
    if before:
        account = stack_text.account_of(before)
        if account not in (None, facts.account):
            raise BadTarget(
                f"{shown} is for account {account}, and the cluster {facts.name} is in {facts.account};"
                " give another STACK, or delete the file first"
            )
        after = stack_text.updated(before, facts, _changes(request))
    else:
        decisions = _untested(_decided(request, facts, terminal), facts, terminal)
        after = stack_text.composed(facts, decisions, sources) + pulumis
    settings = stack_edit.check(after, path).settings if before != after else None
    # A decision that was made without a fact looks in the file like one that was made with it.
    unknown = [] if before else [each.why for each in (facts.addons, facts.oidc_provider) if isinstance(each, Unknown)]
    if request.as_json:
        write = before != after and (request.yes or not before)
        if write:
            stack_edit.put(after, path)
        difference = list(stack_edit.difference(before, after, shown)) if before else []
        print_json(
            {
                "stack": request.stack,
                "file": shown,
                "new": not before,
                "difference": difference,
                "written": write,
                "unknown": list(dict.fromkeys(unknown)),
            }
        )
        return LEFT if before != after and not write else DONE
    if settings is None:
        put(f"{shown} agrees with the cluster: nothing to change.")
        return DONE
    if before:
        put(*stack_edit.difference(before, after, shown))
        if not request.yes and not terminal.watched:
            raise BadTarget(f"{shown} exists; the difference is above. Give --yes to write it")
        if not request.yes and not terminal.confirm(f"Write this to {shown}?"):
            put(f"{shown} was not changed.")
            return LEFT
    stack_edit.put(after, path)
    put(f"Wrote {shown}.")
    if not before:
        for why in dict.fromkeys(unknown):
            put(f"Could not be asked, so a default was taken: {why}")
        put(*_next_steps(request.stack, settings))
    return DONE


def _text(path: Path, shown: str) -> str:
    try:
        return read_text(path, shown)
    except StackFileError as error:
        raise BadStackFile(refusals=error.refusals) from None


def _next_steps(stack: str, settings: Settings) -> list[str]:
    schedule = next(iter(settings.schedules))
    return [
        "Next, from the file to the first backup:",
        f"  velero-eks plan {stack}",
        f"  velero-eks preflight {stack}",
        f"  pulumi stack init {stack} && pulumi up",
        f"  velero-eks backup first --stack {stack} --schedule {schedule}",
    ]


def _facts(
    request: InitRequest, root: Path, terminal: Terminal, find: Callable[[str, str], ClusterFacts]
) -> tuple[ClusterFacts, stack_text.Sources]:
    stack = request.from_cluster_stack
    if stack is not None:
        return outputs.facts_from(engine.outputs(stack, root), stack), outputs.sources(stack)
    region = request.region or terminal.ask("AWS region of the cluster", None, _region)
    cluster = request.cluster or terminal.ask("Name of the cluster in EKS", None, str)
    facts = find(cluster, region)
    if facts.status not in SERVING:
        wait = f"; wait for it: aws eks wait cluster-active --name {cluster} --region {region}"
        raise BadTarget(
            f"the EKS cluster {cluster} in {region} is {facts.status}, and its facts are not those that it will have"
            f"{wait if facts.status in ('CREATING', 'PENDING') else '; fix it in EKS first'}"
        )
    return facts, stack_text.FROM_EKS


def _region(name: str) -> str:
    try:
        return check_region(name)
    except ValueError as error:
        raise BadTarget(f"--region {name!r}: {error}") from None


def _decided(request: InitRequest, facts: ClusterFacts, terminal: Terminal) -> Decisions:
    environment = request.environment
    if environment is None:
        guess = guessed_environment(request.stack, facts.name)
        if terminal.watched or guess is None:
            environment = _ask(terminal, "environment", f"Environment ({', '.join(ENVIRONMENTS)})", guess)
        else:
            put(f"Environment {guess}: the name says so. --environment sets another.")
            environment = guess
    decisions = derived(facts, environment)
    if terminal.watched:
        decisions = _asked(request, decisions, terminal)
    return decisions.changed(
        rpo=request.rpo,
        retention=request.retention,
        namespaces=request.namespaces or None,
        identity=request.identity,
        volumes=request.volumes,
        timezone=request.timezone,
        context=request.context,
        allow_untested_kubernetes=request.allow_untested_kubernetes,
    )


def _asked(request: InitRequest, decisions: Decisions, terminal: Terminal) -> Decisions:
    questions = (
        ("rpo", "At most this much data may be lost (rpo)", decisions.rpo),
        ("retention", "Keep backups at least this long (retention)", decisions.retention),
        ("namespaces", "Namespaces, separated by commas, * for all", ",".join(decisions.namespaces)),
        ("identity", f"How Velero gets its AWS role ({', '.join(IDENTITIES)})", decisions.identity),
        ("volumes", f"What happens to volumes ({', '.join(VOLUMES)})", decisions.volumes),
    )
    answers: dict[str, Any] = {}
    for name, question, default in questions:
        if getattr(request, name) is not None:
            continue
        if decisions.why.get(name):
            terminal.say(f"  {decisions.why[name]}")
        answer = _ask(terminal, name, question, default)
        if answer != getattr(decisions, name):
            answers[name] = answer
    return decisions.changed(**answers)


def _ask(terminal: Terminal, name: str, question: str, default: str | None) -> Any:
    def check(answer: str) -> Any:
        if name == "namespaces":
            return checked(name, [part.strip() for part in answer.split(",") if part.strip()])
        return checked(name, answer)

    return terminal.ask(question, default, check)


def _untested(decisions: Decisions, facts: ClusterFacts, terminal: Terminal) -> Decisions:
    """Say it of the flag, not of a file that is not there yet."""
    found = mismatches(kubernetes=facts.version, velero=PINNED_VELERO, plugin=PINNED_PLUGIN, chart=PINNED_CHART)
    if not found or decisions.allow_untested_kubernetes:
        return decisions
    message = "; ".join(refusal.limit for refusal in found)
    if terminal.watched and terminal.confirm(f"{message}. Continue anyway?"):
        return decisions.changed(allow_untested_kubernetes=True)
    raise BadTarget(
        f"the cluster runs Kubernetes {facts.version}: {message}; to continue anyway: --allow-untested-kubernetes"
    )


def _changes(request: InitRequest) -> dict[str, Any]:
    """What was said on the command line, in the shape of the file."""
    said: dict[str, dict[str, Any] | str] = {}
    if request.environment is not None:
        said["environment"] = checked("environment", request.environment)
    places = {
        "rpo": ("recovery", "rpo"),
        "retention": ("recovery", "retention"),
        "namespaces": ("recovery", "namespaces"),
        "identity": ("identity", "mode"),
        "volumes": ("volumes", "mode"),
        "context": ("cluster", "context"),
        "allow_untested_kubernetes": ("release", "allowUntestedKubernetes"),
    }
    for name, (section, key) in places.items():
        value = getattr(request, name)
        if value is not None:
            known = checked(name, value)
            inner = said.setdefault(section, {})
            if isinstance(inner, dict):
                inner[key] = list(known) if isinstance(known, tuple) else known
    if request.timezone is not None:
        raise BadTarget("--timezone belongs to a new file's schedule; in a file that exists, change its schedules")
    return said
