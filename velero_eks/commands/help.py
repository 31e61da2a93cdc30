"""The help of the tool and of each command: a page of values, from which the terminal and the reference are made.

What a command is for stands in its docstring, what its options mean beside them. Examples and exit codes are given with
`described`, above the command's function. Loads no rich before something is printed.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from velero_eks.commands import spelling

if TYPE_CHECKING:
    from rich.console import Console

TOOL = "velero-eks"
INTERRUPTED = {130: "Interrupted."}
# Options of many commands, and the section that they are told in. Others are the command's own.
_SECTIONS = {
    "Which cluster": ("--stack", "--context", "--kubeconfig", "--velero-namespace"),
    "How it runs": ("--preview", "--yes", "--timeout", "--help"),
    "Output": (
        "--summary", "--list", "--properties", "--full", "--all", "--show-secrets", "--json", "--markdown",
        "--markdown-file", "--junit", "--exit-code", "--deployer-policy",
    ),
}  # fmt: skip
# A wider line is hard to read.
_WIDEST = 120
_INDENT = 2
_VALUE = re.compile(r"( --?[\w-]+) (?=[^->])")
_DESCRIBED = "__velero_eks_described__"
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Described:
    """What is told of a command beside its docstring: examples as typed, with what each does, and its exit codes."""

    examples: Mapping[str, str]
    exits: Mapping[int, str]


@dataclass(frozen=True)
class Row:
    """An argument or an option as it is typed (`-n, --namespace NAME`), a command's name; and what it means."""

    label: str
    text: str


@dataclass(frozen=True)
class Page:
    """The help of one command. `name` is as typed: `velero-eks restore cluster`."""

    name: str
    summary: str
    usage: str
    paragraphs: tuple[str, ...]
    examples: Mapping[str, str]
    sections: Mapping[str, tuple[Row, ...]]
    exits: Mapping[int, str]


def described(*, examples: Mapping[str, str], exits: Mapping[int, str]) -> Callable[[_Function], _Function]:
    """Give a command's function its examples and exit codes. 130 is every command's, and is added."""

    def keep(function: _Function) -> _Function:
        setattr(function, _DESCRIBED, Described(examples, {**exits, **INTERRUPTED}))
        return function

    return keep


def page(
    name: str, command: Any, commands: Mapping[str, tuple[Row, ...]] | None = None, told: Described | None = None
) -> Page:
    """The help of a command of typer's.

    `commands` are those of a group, by section, and `told` is what was `described`, where the command is not to be
    asked for them. A group's examples are the first of each of its commands.
    """
    below = getattr(command, "commands", {})
    if told is None:
        told = _described_below(below) if below else _described(command)
    if commands is None:
        commands = {"Commands": _commands(below)} if below else {}
    summary, *paragraphs = _paragraphs(command.help or "")
    parameters = [one for one in command.params if not one.hidden]
    return Page(
        name=name,
        summary=summary,
        usage=" ".join((name, *_usage(parameters), *(("COMMAND",) if below else ()))),
        paragraphs=tuple(paragraphs),
        examples=told.examples,
        sections={**commands, **_parameter_sections(parameters)},
        exits=told.exits,
    )


def _described(command: Any) -> Described:
    return getattr(command.callback, _DESCRIBED)


def _described_below(commands: Mapping[str, Any]) -> Described:
    each = [_described(one) for one in commands.values()]
    return Described(dict(next(iter(one.examples.items())) for one in each), each[0].exits)


def pages(name: str, command: Any) -> Iterator[Page]:
    """The help of a command, and of each below it: what the command reference is made of."""
    yield command.page(name)
    for below in getattr(command, "commands", {}):
        yield from pages(f"{name} {below}", command.commands[below])


def _paragraphs(text: str) -> list[str]:
    # A docstring's lines end where the source's do.
    return [" ".join(each.split()) for each in inspect.cleandoc(text).split("\n\n")]


def _commands(commands: Mapping[str, Any]) -> tuple[Row, ...]:
    return tuple(Row(name, _paragraphs(one.help or "")[0]) for name, one in commands.items())


def _usage(parameters: Iterable[Any]) -> Iterator[str]:
    parameters = list(parameters)
    for one in parameters:
        if one.param_type_name == "option" and one.required:
            yield f"{one.opts[0]} {_value(one)}"
    for one in parameters:
        if one.param_type_name == "argument":
            name = _value(one)
            shown = name if one.required or name.startswith("[") else f"[{name}]"
            yield shown if one.nargs == 1 or shown.endswith("...") else f"{shown}..."
    yield "[OPTIONS]"


def _parameter_sections(parameters: Iterable[Any]) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {title: [] for title in ("Arguments", "Options", *_SECTIONS)}
    places = {name: title for title, names in _SECTIONS.items() for name in names}
    for one in parameters:
        if one.param_type_name == "argument":
            found["Arguments"].append(Row(_value(one), _text(one)))
        else:
            title = next((places[name] for name in one.opts if name in places), "Options")
            found[title].append(Row(_label(one), _text(one)))
    found["How it runs" if found["How it runs"] else "Options"].append(Row("-h, --help", "Print this help."))
    return {title: tuple(rows) for title, rows in found.items() if rows}


def _value(one: Any) -> str:
    return one.metavar or one.name.upper().replace("_", "-")


def _label(one: Any) -> str:
    names = sorted([*one.opts, *one.secondary_opts], key=lambda name: name.startswith("--"))
    shown = ", ".join(names) if not names[0].startswith("--") else f"    {', '.join(names)}"
    return shown if one.is_flag else f"{shown} {_value(one)}"


def _text(one: Any) -> str:
    said = [" ".join((one.help or "").split())]
    if one.param_type_name == "option" and one.multiple and "more than once" not in said[0]:
        said.append("May be given more than once.")
    if one.param_type_name == "option" and one.required:
        said.append("Required.")
    elif one.default not in (None, False, [], ()) and not callable(one.default):
        default = f"{one.default:g}" if isinstance(one.default, float) else one.default
        said.append(f"Default: {default}.")
    return " ".join(dict.fromkeys(said))


def render(out: Console, told: Page) -> None:
    """Print a page, at most as wide as the console."""
    from velero_eks.terminal.text import Text

    width = min(out.width, _WIDEST)

    def line(indent: int, text: str, style: str = "") -> None:
        out.print(Text(" " * indent).append(text, style), soft_wrap=True)

    def block(text: str, indent: int = 0, style: str = "") -> None:
        for each in _wrapped(text, width - indent):
            line(indent, each, style)

    def title(text: str) -> None:
        out.print()
        line(0, text, "bold")

    block(told.summary)
    title("Usage")
    for number, each in enumerate(_wrapped(told.usage, width - 3 * _INDENT)):
        line(_INDENT if number == 0 else 3 * _INDENT, each)
    for paragraph in told.paragraphs:
        out.print()
        block(paragraph)
    if told.examples:
        title("Examples")
        for command, what in told.examples.items():
            for number, each in enumerate(_typed(command, width - 2 * _INDENT)):
                line(_INDENT if number == 0 else 2 * _INDENT, each, "cyan")
            block(what, 3 * _INDENT, "dim")
    exits = tuple(Row(str(code), text) for code, text in told.exits.items())
    # On a narrow terminal the text of an option stands below it, as in a manual page.
    room = max(24, width // 3) if width >= 80 else 12
    labels = [len(row.label) for rows in told.sections.values() for row in rows if len(row.label) <= room]
    for heading, rows in (*told.sections.items(), ("Exit codes", exits)):
        title(heading)
        column = 5 if rows is exits else max(labels, default=room) + 2
        for row in rows:
            lines = _wrapped(row.text, width - _INDENT - column)
            if len(row.label) <= room:
                first = lines.pop(0) if lines else ""
                out.print(Text(" " * _INDENT).append(f"{row.label:<{column}}", "cyan").append(first), soft_wrap=True)
            else:
                line(_INDENT, row.label, "cyan")
            for each in lines:
                line(_INDENT + column, each)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False, break_long_words=False)


def _typed(command: str, width: int) -> list[str]:
    """A command that is longer than a line, with the backslashes with which it still runs as it stands.

    An option and its value stay in one line.
    """
    lines = _wrapped(_VALUE.sub("\\1\0", command), width - 2)
    return [line.replace("\0", " ") for line in (*(f"{line} \\" for line in lines[:-1]), lines[-1])]


class _Helping:
    """A command of typer's whose help is a page of ours."""

    def page(self, name: str) -> Page:
        """Its help, under the name that it is typed with."""
        return page(name, self)

    def get_help(self, ctx: Any) -> str:
        """The page, in colours where standard output shows them."""
        from velero_eks.terminal.output import console

        out = console()
        with out.capture() as shown:
            render(out, self.page(ctx.command_path))
        # The console has decided what the stream can show; click would strip the colours of FORCE_COLOR.
        ctx.color = True
        return shown.get().rstrip("\n")


class Command(_Helping, spelling.Command):
    """A command."""


class Group(_Helping, spelling.Group):
    """A command that has commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Without a command: the help, and the exit code of a bad input."""
        if not args and not ctx.resilient_parsing:
            from velero_eks.terminal.output import write

            write(f"{self.get_help(ctx)}\n")
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def main(
        self, args: Any = None, prog_name: str | None = None, *given: Any, standalone_mode: bool = True, **others: Any
    ) -> Any:
        """Run the tool, under its name however it was started, and say what is wrong with its arguments as everything
        else is said."""
        try:
            code = super().main(args, prog_name or TOOL, *given, standalone_mode=False, **others)
        except typer.TyperException as error:
            if not standalone_mode:
                raise
            from velero_eks.terminal.safe import say

            say(f"error: {error.format_message()}")
            context = getattr(error, "ctx", None)
            say(f"  '{context.command_path if context else TOOL} -h' lists what is possible")
            sys.exit(error.exit_code)
        if not standalone_mode:
            return code
        sys.exit(code if isinstance(code, int) else 0)


def as_ours(app: typer.Typer) -> Any:
    """A typer application, and all that is registered with it, as commands with our help."""
    app.info.cls = Group
    for one in app.registered_commands:
        one.cls = Command
    return typer.main.get_command(app)
