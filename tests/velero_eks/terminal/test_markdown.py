"""What is printed for people, as Markdown."""

from __future__ import annotations

from rich.console import Group
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.tree import Tree

from velero_eks.terminal.markdown import MarkdownConsole
from velero_eks.terminal.output import print_markdown, table
from velero_eks.terminal.text import Text


def shown(*printed: object) -> str:
    out = MarkdownConsole()
    for each in printed:
        out.print(each)
    return out.markdown


def test_headings_paragraphs_and_lists():
    body = Group(Text("outer"), Padding(Text("inner", "dim"), (0, 0, 0, 2)))
    assert shown(
        Text("prod", "bold").append(" · ap-south-1", "dim"),
        "",
        Text("Problems", "bold yellow"),
        Padding(body, (0, 0, 0, 2)),
        Padding(Text("next"), (0, 0, 0, 2)),
        Text("Not OK: 1 problem.", "bold red"),
    ) == (
        "## prod · ap-south-1\n\n### Problems\n\n- outer\n  - inner\n- next\n\n**Not OK: 1 problem.**\n"
    )  # fmt: skip


def test_a_table_has_all_its_columns_and_its_lines_ends():
    rows = table("Stack", "Next", "")
    rows.columns[1].justify = "right"
    rows.add_row(Text("prod", "cyan"), Text.lines(["a", "b"]), Text("missed", "bold red"))
    assert shown(rows) == "| Stack | Next |  |\n|---|---:|---|\n| prod | a<br>b | **missed** |\n"


def test_a_grid_is_its_lines_and_a_tree_a_list():
    grid = Table.grid()
    grid.add_row(Text("error ", "bold red").append("location x", "bold"))
    grid.add_row(Padding(Text("it is away"), (0, 0, 0, 2)))
    assert shown(Padding(grid, (0, 0, 0, 2))) == "- **error location x**\n  - it is away\n"
    tree = Tree(Text("component"))
    tree.add(Text("child")).add(Text("grandchild"))
    assert shown(Rule(Text("prod", "bold")), Padding(tree, (0, 0, 0, 2))) == (
        "## prod\n\n- component\n  - child\n    - grandchild\n"
    )


def test_what_others_wrote_is_no_markup():
    rows = table("Name")
    rows.add_row("a|b*c* <b> @team #1\nx")
    assert shown(rows).splitlines()[2] == r"| a\|b\*c\* &lt;b&gt; @&#8203;team #&#8203;1\\nx |"
    assert shown("- not a list") == "\\- not a list\n"
    assert shown("+ x") == "\\+ x\n"


def test_nothing_printed_is_nothing(capsys):
    assert shown(Text(), "") == ""
    print_markdown(lambda out: out.print("said"))
    assert capsys.readouterr().out == "said\n"
