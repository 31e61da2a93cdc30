"""The page of commands, made from the same values as their help in a terminal."""

from __future__ import annotations

import html
import re

from tests.pictures import PICTURES, RECORDED, Picture
from velero_eks.commands import app
from velero_eks.commands.help import Page

HEAD = """\
# Commands

Every command of `velero-eks`, made from its help by `make docs`; `velero-eks COMMAND -h` says the same in a terminal.
Exit code 0 says that what was asked for is true or done, 1 that something was found, 2 that the input is bad.
"""


def page() -> str:
    """The whole page."""
    tool, *commands = app.pages()
    lines = [HEAD, *_command(tool, 2)]
    for each in commands:
        lines += _command(each, 2)
    return "\n".join(lines).rstrip("\n") + "\n"


def _command(told: Page, level: int) -> list[str]:
    title = "#" * level
    lines = [f"{title} {told.name}", "", _prose(told.summary), "", *_picture(told), "```", told.usage, "```", ""]
    for paragraph in told.paragraphs:
        lines += [_prose(paragraph), ""]
    if told.examples:
        lines += ["```sh"]
        for command, what in told.examples.items():
            lines += [f"# {what}", command]
        lines += ["```", ""]
    for heading, rows in told.sections.items():
        lines += [f"| {heading} | |", "|---|---|"]
        lines += [f"| `{' '.join(row.label.split())}` | {_cell(row.text)} |" for row in rows]
        lines.append("")
    lines += ["| Exit code | |", "|---|---|", *(f"| {code} | {_cell(text)} |" for code, text in told.exits.items()), ""]
    return lines


def _picture(told: Page) -> list[str]:
    """The first picture of a command, where there is one."""
    for one in (*PICTURES, *RECORDED):
        if " ".join(("velero-eks", *one.command)).startswith(f"{told.name} ") and told.name.count(" ") == _words(one):
            light, dark = (f"../pictures/{one.file(theme).name}" for theme in ("light", "dark"))
            return [
                "<picture>",
                f'  <source media="(prefers-color-scheme: dark)" srcset="{dark}">',
                f'  <img src="{light}" alt="{html.escape(one.shown)}, and what it prints">',
                "</picture>",
                "",
            ]
    return []


def _words(one: Picture) -> int:
    return 2 if one.command[0] == "restore" else 1


def _prose(text: str) -> str:
    """Text of a terminal as Markdown: what is not code and would be read as markup stays what it is."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if number % 2 else re.sub(r"([*_<])", r"\\\1", part) for number, part in enumerate(parts))


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")
