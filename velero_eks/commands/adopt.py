"""`velero-eks adopt`: take over what exists. Shown as a plan first, then written where the program reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.padding import Padding
from velero_on_eks.adoption import BUCKET_SETTINGS, FIELDS, SCHEDULE
from velero_on_eks.settings import StackFile
from velero_on_eks.settings.adopt import Adopt
from velero_on_eks.settings.stack_file import shown_path

from velero_eks.aws import client as aws
from velero_eks.bootstrap import stack_edit
from velero_eks.bootstrap.adopt.existing_aws import ExistingAws
from velero_eks.bootstrap.adopt.existing_cluster import ExistingCluster
from velero_eks.bootstrap.adopt.survey import Adoption, Found, survey
from velero_eks.commands.help import described
from velero_eks.commands.options import Json, Kubeconfig, Stack, StackArgument, Timeout, Yes, needed_stack, run
from velero_eks.errors import BadTarget, PlanError
from velero_eks.plan.details import label
from velero_eks.plan.runner import run_stack
from velero_eks.project import engine
from velero_eks.project.engine import StackState
from velero_eks.project.project import Project
from velero_eks.project.target import Target
from velero_eks.terminal import words
from velero_eks.terminal.output import console, print_json, put
from velero_eks.terminal.progress import working
from velero_eks.terminal.questions import Terminal
from velero_eks.terminal.text import BREAK, Text
from velero_eks.trees import ABSENT, Difference

DONE, LEFT = 0, 1
PASSWORD = "velero-eks:repositoryPassword"  # noqa: S105
COMMENT = "What exists and is taken over. After the 'pulumi up': velero-eks adopt {stack} --done"
# Of what is only added; what is lost or changed is shown whole.
SHOWN_ADDITIONS = 4
_SHOWN_VALUE = 60


@described(
    examples={
        "velero-eks adopt prod": "Show what exists, ask, and write it to the stack's file.",
        "velero-eks adopt prod --json": "Show it as JSON, and write nothing.",
        "velero-eks adopt prod --done": "Remove the section after the `pulumi up`.",
    },
    exits={
        0: "The section is written, or there is nothing to take over.",
        1: "Something cannot be taken over, or the answer was no; nothing is written.",
        2: "The account, the cluster, the stack or its state cannot be read.",
    },
)
def adopt(
    stack_argument: StackArgument = None,
    done: Annotated[
        bool, typer.Option("--done", help="Remove the section, once the state has everything in it.")
    ] = False,
    yes: Yes = False,
    timeout: Timeout = None,
    stack: Stack = None,
    kubeconfig: Kubeconfig = None,
    json: Json = False,
) -> None:
    """Take over an existing bucket, key, role, namespace or release. Recreates and loses nothing.

    Shows what would be imported, what changes with it and what cannot be imported. Then writes velero-eks:adopt
    to the stack's file; the next `pulumi up` imports from it. Needs AWS credentials, access to the cluster and an
    initialised stack.
    """

    def command() -> int:
        name = needed_stack(stack_argument, stack, "adopt")
        if done:
            return run_done(name, yes=yes, as_json=json)
        return run_adopt(name, yes=yes, as_json=json, kubeconfig=kubeconfig)

    run(command, timeout)


def run_adopt(
    stack: str,
    *,
    yes: bool = False,
    as_json: bool = False,
    kubeconfig: str | None = None,
    start: Path | None = None,
    terminal: Terminal | None = None,
) -> int:
    """Show what would be taken over, and write `velero-eks:adopt` into the stack's file.

    Returns 0 where it is written or nothing exists, 1 where something cannot be taken over or someone said no; nothing
    is written then. With `as_json` nothing is asked, and written only with `yes`. Raises `OperationError` where the
    account, the cluster or the stack's state cannot be read.
    """
    project = Project.find(start)
    file = project.load(stack)
    stack = file.stack
    terminal = terminal or Terminal()
    with working(f"looking for existing resources of stack {stack}"):
        found, live = look(project, file, kubeconfig)
        # After the survey, so that a value that cannot be decrypted is not the first thing that a user reads.
        password = live.password() if found.password else None
        _same_password(project, file, password)
    section = found.section()
    after = _with(file, section)
    if as_json:
        write = yes and bool(section) and not found.blocked
        if write:
            _write(project, file, section, password)
        print_json({"stack": stack, **document(found), "written": write})
        return LEFT if found.blocked else DONE
    render(file, found)
    if found.blocked:
        return LEFT
    if not section:
        return DONE
    return _asked(project, file, section, after, password, yes=yes, terminal=terminal)


def run_done(
    stack: str, *, yes: bool = False, as_json: bool = False, start: Path | None = None, terminal: Terminal | None = None
) -> int:
    """Remove the section again, once the stack's state has everything in it. Refuses while something is missing.

    With `as_json` nothing is asked, and written only with `yes`.
    """
    project = Project.find(start)
    file = project.load(stack)
    stack = file.stack
    terminal = terminal or Terminal()
    if "adopt" not in file.settings.model_fields_set:
        if as_json:
            print_json({"stack": stack, "section": {}, "written": False})
        else:
            put(f"{shown_path(file.path)} has no velero-eks:adopt: nothing to do.")
        return DONE
    state = _state(project, file)
    missing = sorted(name for name, resource in _adopted(file).items() if not state.has(*resource))
    if missing:
        raise BadTarget(
            f"the state of {stack} lacks resources that velero-eks:adopt names: {', '.join(missing)}."
            " Run 'pulumi up' first; without the section it would try to create them again"
        )
    before = file.path.read_text(encoding="utf-8")
    after = stack_edit.with_section(before, "adopt", None, COMMENT.format(stack=stack))
    if as_json:
        if yes:
            stack_edit.put(after, file.path)
        print_json({"stack": stack, "section": {}, "written": yes})
        return DONE
    return _put(file, before, after, yes=yes, terminal=terminal, said="The stack now owns its resources.")


def look(project: Project, file: StackFile, kubeconfig: str | None = None) -> tuple[Adoption, ExistingCluster]:
    """What would be taken over, and the cluster that it was read from."""
    settings = file.settings
    # Without what is there of an earlier run: the plan that is compared imports nothing.
    try:
        recording = run_stack(project, file).recording
    except PlanError as error:
        raise BadTarget(str(error)) from error
    state = _state(project, file)
    # Another account has keys and roles of the same names, and a named context reaches the cluster anyway.
    aws.check_account(settings.cluster.account, settings.region)
    target = Target.of_file(file, kubeconfig=kubeconfig)
    account, cluster = ExistingAws(settings), ExistingCluster(settings, target.cluster)
    return survey(recording, settings, state, account, cluster), cluster


def _state(project: Project, file: StackFile) -> StackState:
    """The stack's state. What it has is its own already, and to import that again would replace it."""
    found = engine.state(file.stack, project.root)
    if found is None:
        raise BadTarget(f"the stack {file.stack} is not initialised; run: pulumi stack init {file.stack}")
    return found


def _same_password(project: Project, file: StackFile, password: str | None) -> None:
    if password is None or file.settings.repository_password is None:
        return
    if engine.secret(file.stack, PASSWORD, project.root) != password:
        raise BadTarget(
            f"{shown_path(file.path)}: {PASSWORD} is another one than the cluster's Secret has: a change makes"
            " older file-system backups unreadable. Take it out of the file, or put the right one in with"
            " 'pulumi config set --secret repositoryPassword'"
        )


def _asked(
    project: Project,
    file: StackFile,
    section: dict[str, Any],
    after: str,
    password: str | None,
    *,
    yes: bool,
    terminal: Terminal,
) -> int:
    before, shown = file.path.read_text(encoding="utf-8"), shown_path(file.path)
    if before == after:
        put(f"{shown} is already up to date. Next: pulumi up, then velero-eks adopt {file.stack} --done.")
        return DONE
    put(*stack_edit.difference(before, after, shown))
    if password is not None and file.settings.repository_password is None:
        put(f"The password from the cluster's Secret is written, encrypted, to {PASSWORD}.")
    if not yes and not terminal.watched:
        raise BadTarget("what would be written is above. Give --yes to write it")
    if not yes and not terminal.confirm(f"Write this to {shown}?"):
        put(f"{shown} was not changed.")
        return LEFT
    _write(project, file, section, password)
    put(
        f"Wrote {shown}. Next: pulumi preview --diff (imports, and the updates above), pulumi up, and then"
        f" velero-eks adopt {file.stack} --done."
    )
    return DONE


def _write(project: Project, file: StackFile, section: dict[str, Any], password: str | None) -> None:
    if password is not None and file.settings.repository_password is None:
        # The engine alone can encrypt for this stack, and it writes into the same file: so it goes first.
        engine.set_secret(file.stack, PASSWORD, password, project.root)
    stack_edit.put(_section_in(file, section), file.path)


def _section_in(file: StackFile, section: dict[str, Any]) -> str:
    text = file.path.read_text(encoding="utf-8")
    return stack_edit.with_section(text, "adopt", section, COMMENT.format(stack=file.stack))


def _with(file: StackFile, section: dict[str, Any]) -> str:
    """The file as it will be, checked before anything is asked; without what the engine will add."""
    if not section:
        return ""
    text = pending = _section_in(file, section)
    if file.settings.repository_password is None:
        pending = stack_edit.with_section(text, "repositoryPassword", {"secure": "pending"}, "of the engine")
    stack_edit.check(pending, file.path)
    return text


def _put(file: StackFile, before: str, after: str, *, yes: bool, terminal: Terminal, said: str) -> int:
    shown = shown_path(file.path)
    put(*stack_edit.difference(before, after, shown))
    if not yes and not terminal.watched:
        raise BadTarget("what would be written is above. Give --yes to write it")
    if not yes and not terminal.confirm(f"Write this to {shown}?"):
        put(f"{shown} was not changed.")
        return LEFT
    stack_edit.put(after, file.path)
    put(f"Wrote {shown}. {said}")
    return DONE


def _adopted(file: StackFile) -> dict[str, tuple[str, str]]:
    """What the section names: key in the file → resource type and logical name."""
    adopt = file.settings.adopt
    names = {"snapshot_controller": "velero-controller", "repository_secret": "velero-repository"}
    found = {
        str(Adopt.model_fields[field].alias): (type_, names.get(field, "velero"))
        for field, type_ in FIELDS.items()
        if getattr(adopt, field)
    }
    found |= {f"bucketSettings {setting}": (BUCKET_SETTINGS[setting], "velero") for setting in adopt.bucket_settings}
    return found | {f"schedule {name}": (SCHEDULE, f"velero-{name}") for name in adopt.schedules}


def render(file: StackFile, found: Adoption, screen: Console | None = None) -> None:
    """Print what is taken over, what changes with it, what cannot be, and what is recreated."""
    out = screen or console()
    cluster = file.settings.cluster
    out.print(Text.assemble((file.stack, "bold"), "  ", (f"{cluster.name} · {file.settings.region}", "dim")))
    if found.blocked:
        out.print()
        out.print(Text("Cannot be taken over", "bold"))
        for blocked in found.blocked:
            said = Text.assemble((blocked.what, "red"), f": {blocked.why}", BREAK, (f"→ {blocked.remedy}", "cyan"))
            out.print(Padding(said, (0, 0, 0, 2)))
    if found.found:
        out.print()
        out.print(Text("To take over", "bold"))
        for each in found.found:
            out.print(Padding(_found(each), (0, 0, 0, 2)))
    if found.notes:
        out.print()
        out.print(Text("Note", "bold"))
        for note in found.notes:
            out.print(Padding(Text(note, "yellow"), (0, 0, 0, 2)))
    if found.made and found.found:
        out.print()
        out.print(Text("To create again", "bold"))
        made = ", ".join(dict.fromkeys(label(resource) for resource in found.made))
        out.print(Padding(Text(made, "dim"), (0, 0, 0, 2)))
    out.print()
    out.print(_verdict(found))


def document(found: Adoption) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "import": [
            {
                "type": each.resource.type,
                "name": each.resource.name,
                "id": each.live.id,
                "differences": [
                    {
                        "path": difference.path,
                        **({} if difference.before is ABSENT else {"now": difference.before}),
                        **({} if difference.after is ABSENT else {"then": difference.after}),
                    }
                    for difference in each.differences
                ],
            }
            for each in found.found
        ],
        "create": [{"type": resource.type, "name": resource.name} for resource in found.made],
        "blocked": [vars(blocked) for blocked in found.blocked],
        "notes": list(found.notes),
        "section": found.section(),
    }


def _found(each: Found) -> Group:
    changes = words.count(len(each.differences), "change") if each.differences else "as it is"
    head = Text.assemble(label(each.resource), (f" {each.live.id}", "cyan"), (f": {changes}", "dim"))
    added = [difference for difference in each.differences if difference.before is ABSENT]
    others = sorted((each for each in each.differences if each not in added), key=lambda each: each.after is not ABSENT)
    lines = [_difference(difference) for difference in [*others, *added[:SHOWN_ADDITIONS]]]
    if len(added) > SHOWN_ADDITIONS:
        lines.append(Text(f"and {len(added) - SHOWN_ADDITIONS} more are added", "dim"))
    return Group(head, *(Padding(line, (0, 0, 0, 2)) for line in lines))


def _difference(difference: Difference) -> Text:
    if difference.before is ABSENT:
        return Text.assemble(("+ ", "green"), f"{difference.path}: {_value(difference.after)}")
    if difference.after is ABSENT:
        return Text.assemble(("- ", "red"), f"{difference.path}: {_value(difference.before)}")
    return Text.assemble(
        ("~ ", "yellow"), f"{difference.path}: {_value(difference.before)} → {_value(difference.after)}"
    )


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SHOWN_VALUE else f"{text[: _SHOWN_VALUE - 1]}…"


def _verdict(found: Adoption) -> Text:
    if found.blocked:
        return Text(f"{words.count(len(found.blocked), 'resource')} cannot be taken over; nothing was written.", "red")
    if not found.found:
        return Text("Nothing to take over: the state has everything that exists under the stack's names.", "green")
    changed = sum(1 for each in found.found if each.differences)
    said = f", {changed} of them changed in place" if changed else ""
    return Text(f"{words.count(len(found.found), 'resource')} to take over{said}; none replaced.", "green")
