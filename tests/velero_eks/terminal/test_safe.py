"""Text of others, where it is shown: nothing in it is a command to a terminal, a CI runner, GitHub, XML or YAML."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import rich.text
import yaml
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table

from velero_eks.kube.manifest import as_yaml
from velero_eks.terminal import safe
from velero_eks.terminal.output import console, put, table, write_json
from velero_eks.terminal.text import BREAK, SafeConsole, Text

PACKAGE = Path(__file__).resolve().parents[3] / "velero_eks"

# (kind, someone else's text, how a terminal shows it)
HOSTILE = [
    ("colour", "\x1b[31mred", "\\x1b[31mred"),
    ("clears the screen", "a\x1b[2J\x1b[H", "a\\x1b[2J\\x1b[H"),
    ("sets the title", "\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
    ("a link of a terminal", "\x1b]8;;http://evil\x1b\\x", "\\x1b]8;;http://evil\\x1b\\x"),
    ("C1 control", "\x9b31mred", "\\x9b31mred"),
    ("a line", "ok\nerror: fake", "ok\\nerror: fake"),
    ("back to the line's start", "bad\rgood", "bad\\rgood"),
    ("backspace", "bad\x08\x08\x08ok", "bad\\x08\\x08\\x08ok"),
    ("NUL", "a\0b", "a\\x00b"),
    ("next line", "a\x85b", "a\\x85b"),
    ("a line of Unicode's", "a\u2028b", "a\\u2028b"),
    ("turned round", "\u202egnp.exe", "\\u202egnp.exe"),
    ("isolated", "\u2066a\u2069", "\\u2066a\\u2069"),
    ("no width", "pass\u200bword", "pass\\u200bword"),
    ("joined", "a\u200db", "a\\u200db"),
    ("byte order mark", "\ufeffa", "\\ufeffa"),
    ("tags", "a\U000e0041", "a\\U000e0041"),
    ("a letter that is blank", "a\u3164b", "a\\u3164b"),
    ("half a pair", "a\ud800", "a\\ud800"),
    ("rich's markup", "[bold red]x[/]", "[bold red]x[/]"),
    ("its end alone", "[/x]", "[/x]"),
    ("rich's emoji", ":boom:", ":boom:"),
    ("a command of GitHub's", "::error file=a::b", "\\x3a:error file=a::b"),
    ("another", "x ::set-output name=a::b", "x \\x3a:set-output name=a::b"),
    ("in capitals", "::STOP-Commands::x", "\\x3a:STOP-Commands::x"),
    ("its older form", "##[error]x", "\\x23#[error]x"),
]
each_text = pytest.mark.parametrize(("text", "shown"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])


def printed(*things: object) -> str:
    out = console()
    out.file = io.StringIO()
    for thing in things:
        out.print(thing)
    return out.file.getvalue()


@each_text
def test_a_text_of_others_is_visible_and_in_one_line(text, shown):
    assert safe.visible(text) == shown


@pytest.mark.parametrize("text", ["arn:aws:iam::123456789012:role/x", "arn:aws:s3:::error", "naïve ✓", "a::b", "C#"])
def test_what_is_harmless_stays_as_it_is(text):
    assert safe.visible(text) == text


@each_text
def test_whatever_a_console_is_given_it_shows_it_harmless(text, shown):
    rows = table(text)
    rows.add_row(text)
    rows.add_row(Text(text))
    grid = Table.grid()
    grid.add_row(text)
    found = printed(
        text, Text(text, style="red"), Text("x").append(text), Text.assemble((text, "bold"), text), rows, grid,
        Padding(text, (0, 0, 0, 2)), Padding(Text(text), 1), Rule(text), Panel(text), Text.lines([text, text]),
        Text("a", style="red").append(Text(text)), rich.text.Text(text),
    )  # fmt: skip
    assert found.count(shown.strip()) >= 14
    assert found.replace("\n", "").isprintable()
    assert not re.search(r"^\s*::\w|##\[", found, re.MULTILINE)


def test_only_a_text_of_our_own_ends_a_line():
    assert printed(Text.assemble("a\n", BREAK, "b")) == "a\\n\nb\n"


def test_styles_reach_a_terminal_and_nothing_elses_escapes_do():
    made = io.StringIO()
    out = SafeConsole(file=made, force_terminal=True, color_system="standard", markup=False, emoji=False)
    out.print(Text("a\x1b[2Jb", style="red"))
    assert made.getvalue() == "\x1b[31ma\\x1b[2Jb\x1b[0m\n"


@each_text
def test_a_line_beside_the_result_is_harmless_too(text, shown, capsys):
    safe.say(text)
    put(text)
    found = capsys.readouterr()
    assert (found.out, found.err) == (f"{shown}\n", f"{shown}\n")


@each_text
def test_json_says_the_same_to_programs_and_nothing_to_whoever_prints_it(text, shown, capsys):
    write_json(json.dumps({"a": text}, ensure_ascii=False, indent=1))
    found = capsys.readouterr().out
    assert json.loads(found) == {"a": text}
    assert found.replace("\n", "").isprintable() and "##[" not in found


@pytest.mark.parametrize("text", [row[1] for row in HOSTILE if "\ud800" not in row[1]])
def test_yaml_says_the_same_to_programs_and_nothing_to_whoever_prints_it(text):
    for value in (text, f"{text}\nplain\n", f"{'a ' * 900}{text}"):
        body = {"a": value, value: "b", "c": [value]}
        found = as_yaml([body])
        assert yaml.safe_load(found) == body
        assert found.replace("\n", "").isprintable()
        assert not re.search(r"^\s*::\w|##\[", found, re.MULTILINE)


MARKDOWN = [
    ("a cell's end", "a | b", "a \\| b"),
    ("code", "`rm`", "\\`rm\\`"),
    ("a link", "[x](http://evil)", "\\[x\\](http:&#8203;//evil)"),
    ("an image", "![x](http://evil/x.png)", "!\\[x\\](http:&#8203;//evil/x.png)"),
    ("HTML", "<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
    ("an entity", "&lt;b&gt;", "&amp;lt;b&amp;gt;"),
    ("everyone", "@everyone", "@&#8203;everyone"),
    ("an issue", "#1 GH-2", "#&#8203;1 GH-&#8203;2"),
    ("a heading's line", "a\n# b", "a #&#8203; b"),
    ("a comment", "<!-- x", "&lt;!-- x"),
    ("a page", "www.evil.example", "www&#8203;.evil.example"),
    ("ESC", "\x1b[31m", "\\\\x1b\\[31m"),
    ("turned round", "\u202ea", "\\\\u202ea"),
    ("formula", "$x$ ~~a~~ _b_ *c*", "$x$ \\~\\~a\\~\\~ \\_b\\_ \\*c\\*"),
]


@pytest.mark.parametrize(("text", "shown"), [row[1:] for row in MARKDOWN], ids=[row[0] for row in MARKDOWN])
def test_markdown_shows_a_text_as_it_is(text, shown):
    assert safe.markdown(text) == shown


@each_text
def test_markdown_takes_every_hostile_text(text, shown):
    assert safe.markdown(text).isprintable() and safe.in_html(text).isprintable()


@each_text
def test_xml_can_carry_every_hostile_text(text, shown):
    made = ElementTree.Element("a", b=safe.xml(text))
    made.text = safe.xml(text)
    read = ElementTree.fromstring(ElementTree.tostring(made, encoding="utf-8"))  # noqa: S314 - made above
    assert (read.get("b") or "").replace(" ", "").replace("\n", "").isprintable()
    assert read.text == safe.xml(text)


@each_text
def test_a_comment_of_a_yaml_file_ends_with_its_line(text, shown):
    assert yaml.safe_load(f"a: 1 # {safe.comment(text)}\nb: 2") == {"a": 1, "b": 2}


def bypasses(source: str) -> Iterator[str]:
    """What a module does to show something in another way than by `terminal`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in ("rich.text", "rich.markup", "rich.pretty", "rich"):
            yield f"line {node.lineno}: imports {node.module}"
        if isinstance(node, ast.Import) and any(name.name.startswith("rich") for name in node.names):
            yield f"line {node.lineno}: imports rich"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("print", "Console", "input", "Own", "sys.stdout.write", "sys.stderr.write", "typer.echo",
                          "typer.secho", "click.echo", "os.write", "warnings.warn"):  # fmt: skip
                yield f"line {node.lineno}: calls {called}"
            if called.endswith((".from_markup", ".from_ansi", ".writelines")):
                yield f"line {node.lineno}: calls {called}"
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout.buffer", "sys.stderr.buffer"):
            yield f"line {node.lineno}: uses {ast.unparse(node)}"


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "terminal"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_shown_but_by_the_terminal_room(path):
    assert list(bypasses(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "print(x)",
        "import sys\nsys.stderr.write(x)",
        "from rich.text import Text",
        "from rich.console import Console\nConsole()",
        "typer.echo(x)",
        "from rich import print",
        "import rich.text",
        "sys.stdout.buffer.write(x)",
        "Own(x)",
        "T.from_markup(x)",
    ],
)
def test_whatever_shows_something_in_another_way_is_seen(source):
    assert list(bypasses(source))
