"""`velero-eks diff`: lay out both revisions, plan what may differ, compare, print."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from velero_on_eks.settings import Refusal, StackFileError
from velero_on_eks.settings import render as as_line
from velero_on_eks.settings.yaml_file import parse, plain, read_text

from velero_eks.commands.help import described
from velero_eks.commands.options import (
    At,
    Form,
    Json,
    Markdown,
    Stack,
    complain,
    form_of,
    loading_much,
    moment_or_now,
    run,
)
from velero_eks.diff.compare import compare
from velero_eks.diff.model import CATEGORIES, EFFECTS, Diff, Effect, Fact, ResourceChange, SideName, StackDiff
from velero_eks.diff.planning import Planned, plan, saved_plan
from velero_eks.diff.properties import shown
from velero_eks.diff.sides import Side, Sides, lay_out
from velero_eks.diff.words import counted, operations, subject, verdict
from velero_eks.errors import BadTarget, DiffError
from velero_eks.plan import saved
from velero_eks.plan.saved import BadPlanError
from velero_eks.terminal import words
from velero_eks.terminal.output import console, table, write, write_json
from velero_eks.terminal.progress import working
from velero_eks.terminal.text import Text

SAME, DIFFERENT, BAD_INPUT = 0, 1, 2
_LOCKED = "uv.lock"
# The packages whose version decides what a program registers.
_DECIDING = ("pulumi", "pydantic")
_INDENT = 2
_STYLES: dict[Effect, str] = {
    "risk": "bold red",
    "weaker": "yellow",
    "stronger": "green",
    "wider": "yellow",
    "narrower": "cyan",
    "": "",
}
# Characters of a value at the property level; a policy's statement is about as long.
_VALUE_LIMIT = 400


@described(
    examples={
        "velero-eks diff main": "Compare the work tree with the branch main.",
        "velero-eks diff v1.4.0 v1.5.0 prod": "Compare two tags for one stack.",
        "velero-eks diff main...HEAD --markdown": "Write the comment for a pull request.",
        "velero-eks diff main --to-plan plan.json": "Compare with a plan that was saved, without running its program.",
    },
    exits={
        0: "The revisions are compared.",
        1: "There is a difference, and --exit-code is given.",
        2: "A revision, a stack, the newer program or an argument is bad.",
    },
)
def diff(
    revisions: Annotated[
        list[str],
        typer.Argument(
            metavar="REV [REV] [STACK]...",
            help="A revision to compare with the work tree, or two, also A..B and A...B; then stacks, with * and ?.",
        ),
    ],
    properties: Annotated[bool, typer.Option("--properties", help="Also show each property that differs.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when there is a difference.")] = False,
    to_plan: Annotated[
        str | None,
        typer.Option(
            "--to-plan",
            metavar="FILE",
            help="The plan of the newer revision, saved with 'velero-eks plan --json'; its program is not run.",
        ),
    ] = None,
    at: At = None,
    stack: Stack = None,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Compare the plans of two revisions in words.

    What is replaced or deleted comes first, then who may do what, when backups run, what is kept how long, and which
    objectives weaken.

    Each revision's own program is run under its own recorder, without credentials. Needs a Git
    repository. The schema of --json is docs/reference/diff.schema.json.
    """

    def command() -> int:
        form = form_of(json, markdown)
        if properties and form == "markdown":
            raise BadTarget(
                "--markdown shows no properties. Leave --properties out, or give --json, which has them all"
            )
        moment = moment_or_now(at) if at or not to_plan else None
        with loading_much():
            return run_diff(
                revisions,
                form=form,
                properties=properties,
                exit_code=exit_code,
                at=moment,
                to_plan=to_plan,
                stack=stack,
            )

    run(command)


def run_diff(
    arguments: Sequence[str],
    *,
    form: Form,
    properties: bool,
    exit_code: bool,
    at: datetime | None,
    to_plan: str | None = None,
    stack: str | None = None,
) -> int:
    """Print what differs between two revisions, and return the exit code.

    `to_plan` is a file with the newer one's plans, whose moment counts where `at` is None. `stack` is one that the
    arguments may name as well.

    0: compared. 1: there is a difference and `exit_code` asks for it. 2: the newer revision's program cannot plan a
    stack; it is named on stderr and in the comparison, and the others are compared anyway. A stack that only
    the older revision cannot plan is not an error: a fix must be comparable. Raises `OperationError` for a
    revision or another argument that is bad.
    """
    if to_plan is None:
        made = compared(arguments, at or moment_or_now(None), stack)
    else:
        made = compared_with_file(arguments, at, to_plan, stack)
    for line in _complaints(made):
        complain(line)
    _print(made, form, properties)
    if any(stack.newer_is_bad for stack in made.stacks):
        return BAD_INPUT
    return DIFFERENT if exit_code and made.different else SAME


def _complaints(made: Diff) -> list[str]:
    """What keeps the newer revision's stacks from a plan; what is wrong with its program alone is reported once."""
    bad = [refusal for stack in made.stacks for side, refusal in stack.errors if side == "to" and stack.newer_is_bad]
    return list(dict.fromkeys(f"{made.new}: {as_line(refusal)}" for refusal in bad))


def compared(arguments: Sequence[str], at: datetime, stack: str | None = None) -> Diff:
    """The comparison of `REV [REV] [STACK]…` for the project that the current folder is in."""
    with _ended_by_signals(), lay_out(Path.cwd(), arguments, stack) as sides, _progress(sides):
        old, new = plan(
            [(side, [stack for stack in sides.touched if stack in side.stacks()]) for side in (sides.old, sides.new)],
            at,
        )
        return _diff(sides, old, new)


def compared_with_file(arguments: Sequence[str], at: datetime | None, file: str, stack: str | None = None) -> Diff:
    """The same with a newer side that was planned elsewhere. Raises `BadPlanError` where the file is not such a plan.

    Whoever sent the file may have written anything into it.
    """
    try:
        text = Path(file).read_bytes()
    except OSError as error:
        raise BadTarget(f"{file}: cannot be read: {error.strerror}") from None
    document = saved.document_of(text, file)
    stacks = saved.read_document(document, file)
    moment = at or (stacks[0].at if stacks else moment_or_now(None))
    with _ended_by_signals(), lay_out(Path.cwd(), arguments, stack) as sides, _progress(sides):
        [old] = plan([(sides.old, [stack for stack in sides.touched if stack in sides.old.stacks()])], moment)
        new = saved_plan(sides.new, [stack for stack in sides.touched if stack in sides.new.stacks()], document, file)
        try:
            return _diff(sides, old, new)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise BadPlanError(
                f"{file}: is not as 'velero-eks plan --json' writes it ({type(error).__name__}: {error});"
                " save it again with this version of velero-eks"
            ) from None


def _diff(sides: Sides, old: Planned, new: Planned) -> Diff:
    for planned in (old, new):
        if planned.failure:
            lines = planned.failure.splitlines()
            raise DiffError("\n".join(f"{planned.side.revision}: {line}" for line in lines))
    stacks = tuple(_stack(stack, sides, old, new) for stack in sides.stacks)
    return Diff(sides.project, sides.old.revision, sides.new.revision, stacks, tuple(_notes(sides, old, new)))


def _stack(stack: str, sides: Sides, old: Planned, new: Planned) -> StackDiff:
    if stack not in sides.touched:
        return StackDiff(stack, "same")
    errors: tuple[tuple[SideName, Refusal], ...] = (
        *(("from", refusal) for refusal in old.errors.get(stack, ())),
        *(("to", refusal) for refusal in new.errors.get(stack, ())),
    )
    for planned, needed in ((new, True), (old, stack in new.stacks)):
        if stack in planned.errors and needed:
            text = f"{planned.side.revision} has no plan of this stack to compare with"
            details = tuple(as_line(refusal) for refusal in planned.errors[stack])
            return StackDiff(stack, "unplanned", (Fact("updated", text, "", details),), errors=errors)
    made = compare(stack, old.stacks.get(stack), new.stacks.get(stack))
    secrets = tuple(_secrets(stack, sides)) if made.status in ("changed", "same") else ()
    if not secrets:
        return made
    return StackDiff(stack, "changed", (*secrets, *made.facts), made.resources, made.same, made.outputs)


def _secrets(stack: str, sides: Sides) -> Iterator[Fact]:
    """Encrypted configuration that is another text: what it encrypts cannot be read here."""
    before, after = (_encrypted(side, stack) for side in (sides.old, sides.new))
    for key in sorted({*before, *after}):
        if before.get(key) == after.get(key):
            continue
        if key not in before:
            text = f"{key} is now given"
        elif key not in after:
            text = f"{key} is no longer given"
        else:
            text = f"{key} is encrypted again: only the engine can tell whether the value is the same"
        details = ("Another repository password: what kopia wrote with the old one cannot be read without it.",)
        is_password = key.endswith("repositoryPassword")
        if is_password:
            yield Fact("replaced", text, "risk", details, (), "no-volume-data")
        else:
            yield Fact("replaced", text)


def _encrypted(side: Side, stack: str) -> dict[str, str]:
    path = side.files().get(stack)
    try:
        text = read_text(path, stack) if path else ""
        root = parse(text, stack) if "secure" in text else None
    except StackFileError:
        return {}
    found = plain(root, stack)[0] if root is not None else {}
    return dict(_secure(found.get("config"), "")) if isinstance(found, dict) else {}


def _secure(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            yield path, str(value["secure"])
            return
        for key, item in value.items():
            yield from _secure(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secure(item, f"{path}[{index}]")


def _notes(sides: Sides, old: Planned, new: Planned) -> Iterator[str]:
    for planned in (old, new):
        # A project of another name never has one.
        if planned.borrowed and planned.side.project.is_ours:
            yield f"{planned.side.revision} has no recorder; it was planned with the current one."
    versions = [_versions(side) for side in (sides.old, sides.new)]
    other = [
        f"{name} {versions[0][name]} → {versions[1][name]}"
        for name in sorted({*versions[0]} & {*versions[1]})
        if versions[0][name] != versions[1][name]
    ]
    if other:
        yield f"uv.lock changes {', '.join(other)}. Both revisions were planned with the packages installed here."


def _versions(side: Side) -> Mapping[str, str]:
    try:
        packages = tomllib.loads((side.root / _LOCKED).read_text(encoding="utf-8"))["package"]
    except (OSError, ValueError, KeyError):
        return {}
    return {
        each["name"]: each["version"] for each in packages if each["name"].startswith(_DECIDING) and "version" in each
    }


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the comparison as an interrupt does: what was laid out is removed on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    names = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ending = False

    def end(number: int, _: object) -> None:
        nonlocal ending
        ending = True
        # A second signal must not break off the clean-up that the first one began; the process ends after it.
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {name: signal.signal(name, end) for name in names}
    try:
        yield
    finally:
        if not ending:
            for name, handler in before.items():
                signal.signal(name, handler)


@contextlib.contextmanager
def _progress(sides: Sides) -> Iterator[None]:
    """Say on stderr what takes the time, where someone watches."""
    if not sys.stderr.isatty() or not sides.touched:
        yield
        return
    text = f"planning {words.count(len(sides.touched), 'stack')} at {sides.old.revision} and {sides.new.revision}"
    with working(text):
        yield


def _print(made: Diff, form: Form, properties: bool) -> None:
    if form == "json":
        from velero_eks.diff.contract import text

        write_json(text(made))
    elif form == "markdown":
        from velero_eks.diff.markdown import render as as_markdown

        write(as_markdown(made))
    else:
        render(console(), made, properties=properties)
    sys.stdout.flush()


def render(console: Console, diff: Diff, *, properties: bool) -> None:
    """Print each stack that differs, and a summary where there are several. `properties` adds the property level."""
    for stack in diff.different:
        console.print(_rendered(stack, properties))
    if len(diff.stacks) > 1 and diff.different:
        console.print(_summary(diff))
        for line in _unplanned(diff):
            console.print(line)
    for note in diff.notes:
        console.print(Text(f"Note: {note}", style="yellow"))
    worst = any(stack.effects("risk") for stack in diff.different)
    style = "bold red" if worst else "yellow" if diff.different else "green"
    console.print(Text(verdict(diff), style=style))


def _rendered(stack: StackDiff, properties: bool) -> RenderableType:
    parts: list[RenderableType] = [
        Rule(Text(stack.stack, style="bold"), align="left", style="cyan"),
        Text(operations(stack), style="dim"),
    ]
    for category, title in CATEGORIES.items():
        facts = stack.of(category)
        if facts:
            parts += _section(title, [_fact(fact) for fact in facts])
    if stack.outputs:
        parts += _section("Outputs", [Text(f"{name} {how}") for name, how in stack.outputs.items()])
    if properties:
        changed = [change for change in stack.resources if change.properties]
        if changed:
            parts += _section("Properties", [_properties(change) for change in changed])
    return Group(*parts, Text())


def _section(title: str, lines: list[RenderableType]) -> list[RenderableType]:
    return [Text(), Text(title, style="bold"), Padding(Group(*lines), (0, 0, 0, _INDENT), expand=False)]


def _fact(fact: Fact) -> RenderableType:
    head = Text(fact.text, overflow="fold")
    if fact.effect:
        head.append(f" [{EFFECTS[fact.effect]}]", style=_STYLES[fact.effect])
    below = [
        Padding(Text(detail, style="dim", overflow="fold"), (0, 0, 0, _INDENT), expand=False)
        for each in fact.details
        for detail in each.splitlines()
    ]
    return Group(head, *below)


def _properties(change: ResourceChange) -> RenderableType:
    lines: list[RenderableType] = [Text(subject(change.entry), style="cyan", overflow="fold")]
    if change.was:
        lines.append(Padding(Text(f"was {change.was}", style="dim", overflow="fold"), (0, 0, 0, _INDENT)))
    for one in change.properties:
        line = Text(f"{one.path}: ", overflow="fold")
        line.append(shown(one.old, _VALUE_LIMIT), style="red").append(" → ").append(
            shown(one.new, _VALUE_LIMIT), style="green"
        )
        if one.replaces:
            line.append(" [replaces]", style="bold red")
        lines.append(Padding(line, (0, 0, 0, _INDENT), expand=False))
    return Group(*lines)


def _summary(diff: Diff) -> RenderableType:
    rows = table("Stack", "Replaced", "Deleted", "Updated", "Created", "At risk", "Weaker")
    for column in rows.columns[1:]:
        column.justify = "right"
    for stack in diff.different:
        rows.add_row(Text(stack.stack, style="cyan"), *_cells(stack))
    return Group(Rule(Text("All stacks", style="bold"), align="left", style="cyan"), rows, Text())


def _unplanned(diff: Diff) -> Iterator[RenderableType]:
    """Why the newer revision has no plan of some stacks, again, where the first time has scrolled past."""
    from velero_eks.commands.plan_words import unplanned

    bad = {each.stack: [one for side, one in each.errors if side == "to"] for each in diff.stacks if each.newer_is_bad}
    return unplanned(bad, f"not planned in {diff.new}")


def _cells(stack: StackDiff) -> Iterator[Text]:
    if stack.newer_is_bad:
        from velero_eks.commands.plan_words import bad_stack

        yield Text(bad_stack([refusal for side, refusal in stack.errors if side == "to"]), style="bold red")
        yield from (Text() for _ in range(5))
        return
    risk, weaker = len(stack.effects("risk")), len(stack.effects("weaker"))
    if stack.status in ("removed", "unplanned"):
        yield from (Text("–", style="dim") for _ in range(4))
    else:
        for count, style in zip(counted(stack), ("bold red", "bold red", "", ""), strict=True):
            yield Text(str(count) if count else "", style=style)
    yield Text(str(risk) if risk else "", style="bold red")
    yield Text(str(weaker) if weaker else "", style="yellow")
