"""Every block of README, tutorial and how-to pages: what can be run here is run, and prints what the page says.

Stack files are read by the real loader and planned; programs in Python run under the recorder; Pulumi YAML is held to
the package's schema; a command of the tool is taken by the tool's own parser, and run where it needs no cluster;
commands of other tools are looked up in a list. The tutorial's way through a cluster is run in the lab.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner
from velero_on_eks.settings import load_stack_file
from velero_on_eks.settings.versions import TABLE

from tests.conftest import ROOT
from tests.examples.test_existing_cluster import strangers
from tests.known_commands import problem
from tests.pages import NEWCOMERS, Block, blocks, pages
from tests.runbooks import Command, programs
from tests.test_runbooks import parse
from tests.velero_eks.kube.answers import Answers, auto_mode
from tests.velero_eks.plan.projects import plan_of, project
from velero_eks.aws.eks import discover
from velero_eks.bootstrap.outputs import OUTPUTS
from velero_eks.commands import app as cli
from velero_eks.commands import diff as diff_command
from velero_eks.commands import init as init_command
from velero_eks.diff.planning import Planned, saved_plan
from velero_eks.diff.sides import Side
from velero_eks.errors import BadStackFile
from velero_eks.plan.computed import Estate
from velero_eks.plan.recorder import record_program
from velero_eks.terminal.questions import Terminal

TOOL = "velero-eks"
OFFLINE = {"plan", "check", "diff", "init", "--version"}
"""What runs here: EKS is asked by `init` alone, and a stand-in answers for it."""
STACK = (ROOT / "tests" / "stacks" / "Pulumi.prod.yaml").read_text(encoding="utf-8")
ACCOUNT, REGION, CLUSTER = "777788889999", "ap-south-1", "exam-prod"
ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
LANGUAGES = {"bash", "console", "yaml", "python", "json", "hcl", "typescript"}
MOST_NOT_RUN = 6
# What the fragments in Python leave out, as a program has it.
PRELUDE = """
import pulumi, pulumi_aws, pulumi_kubernetes
from pulumi import ResourceOptions
from velero_on_eks import *
aws = pulumi_aws.Provider("aws", region="ap-south-1", allowed_account_ids=["111122223333"])
kubernetes = pulumi_kubernetes.Provider("kubernetes", context="exam")
cluster = pulumi_aws.eks.Cluster("exam", role_arn="arn:aws:iam::111122223333:role/eks", version="1.35",
    vpc_config={"subnet_ids": ["subnet-0a1b", "subnet-2c3d"]}, opts=ResourceOptions(provider=aws))
issuer = cluster.identities.apply(lambda identities: identities[0].oidcs[0].issuer)
oidc = pulumi_aws.iam.OpenIdConnectProvider("exam", url=issuer, client_id_lists=["sts.amazonaws.com"])
key = pulumi_aws.kms.Key("backups", opts=ResourceOptions(provider=aws))
logs = pulumi_aws.s3.Bucket("logs", opts=ResourceOptions(provider=aws))
"""


def cases() -> Iterator[Any]:
    """Every block, by page and line."""
    for page in pages():
        for block in blocks(page):
            yield pytest.param(block, id=block.place)


def of(*languages: str) -> list[Any]:
    """The blocks in these languages that are run."""
    return [case for case in cases() if case.values[0].language in languages and not case.values[0].not_run]


def everywhere() -> list[Path]:
    """These pages and all others of the site."""
    return list(dict.fromkeys([*pages(), *sorted((ROOT / "docs").rglob("*.md"))]))


# Commands


@pytest.mark.parametrize("block", of("bash", "console"))
def test_every_command_is_one_that_its_program_takes(block: Block):
    wrong = [f"{block.place}: {found}" for command in block.commands for found in problems(command)]
    assert wrong == []
    assert block.commands


@pytest.mark.parametrize("page", everywhere(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_the_text_is_one_that_the_tool_takes(page: Path):
    """`velero-eks COMMAND` and what is cut with `…` stand for others; a command may be named without its arguments."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for typed in re.findall(r"`(velero-eks [^`]+)`", text):
        if "COMMAND" not in typed and "…" not in typed:
            found = [each for each in problems(Command(0, typed, 0, "")) if "Missing argument" not in each]
            assert found == [], typed


def problems(command: Command) -> Iterator[str]:
    """What is wrong with the programs that a command starts, with the line of each."""
    for words in programs(command.text):
        if words[0] in (TOOL, "uvx") and words[1:2] != ["--version"]:
            rest = words[1:] if words[0] == TOOL else words[2:]
            try:
                parse(rest)
            except ValueError as error:
                yield f"line {command.line}: {error}"
        elif words[0] != TOOL and (found := problem(words)):
            yield f"line {command.line}: {found}"


def runs_here(command: Command) -> bool:
    """Whether all that a command starts needs no cluster and no other program."""
    started = programs(command.text)
    return bool(started) and all(words[0] == TOOL and words[1:2] and words[1] in OFFLINE for words in started)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a page's commands run; EKS answers for `exam-prod`, and an empty answer is given to every question."""
    answers = Answers(REGION)
    known = {
        "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}",
        "version": "1.35",
        "identity": {"oidc": {"issuer": f"https://{ISSUER}"}},
    }
    answers.cluster(CLUSTER, addons={}, **{**auto_mode(), **known})
    answers.add("iam", "get_open_id_connect_provider", {"Url": ISSUER, "ClientIDList": ["sts.amazonaws.com"]})
    find = functools.partial(discover, client=answers.client)
    screen = Screen()
    typed = functools.partial(
        init_command.run_init, find=find, terminal=Terminal(Keyboard(screen), screen, watched=True)
    )
    monkeypatch.setattr(init_command, "run_init", typed)
    monkeypatch.setattr(diff_command, "plan", planned_here)
    monkeypatch.setenv("COLUMNS", "100")
    here = tmp_path / "backups"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def planned_here(wanted: Sequence[tuple[Side, Sequence[str]]], at: datetime) -> list[Planned]:
    """The plans of both sides of a `diff`, made in this process: those of its own load the SDKs each time."""
    made: list[Planned] = []
    for side, names in wanted:
        with contextlib.chdir(side.root):
            result = CliRunner().invoke(cli.app, ["plan", *names, "--json", "--at", at.isoformat()])
        made.append(saved_plan(side, names, json.loads(result.stdout), "plan.json"))
    return made


class Screen(io.StringIO):
    """A terminal's screen: what is written goes to the standard output of the moment."""

    last = ""

    def write(self, text: str) -> int:
        self.last = text or self.last
        return sys.stdout.write(text)


class Keyboard(io.StringIO):
    """Someone who says yes, and takes the default of every other question; the screen shows the answer."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def readline(self, *_: Any) -> str:
        answer = "y\n" if "[y/N]" in self._screen.last else "\n"
        self._screen.write(answer)
        return answer


def runnable() -> list[Path]:
    return [page for page in pages() if any(runs_here(each) for block in blocks(page) for each in sessions(block))]


def sessions(block: Block) -> list[Command]:
    """The commands of a block that shows what they print."""
    return block.commands if block.language == "console" and not block.not_run else []


@pytest.mark.parametrize("page", runnable(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_needs_no_cluster_prints_what_the_page_shows(page: Path, folder: Path):
    if str(page.relative_to(ROOT)) not in NEWCOMERS:
        begin(folder)
    for block in blocks(page):
        if block.into:
            put_into(folder / block.into, block.text)
        for command in sessions(block):
            if runs_here(command):
                run(command, folder, page)


def begin(folder: Path) -> None:
    """The project that a how-to page begins in: a repository with one commit and the stack `prod`."""
    project(folder, prod=STACK)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "begin"]):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *command], cwd=folder, check=True, timeout=60
        )


def run(command: Command, folder: Path, page: Path) -> None:
    """Run a command in process; its exit code and what it printed are those of the page."""
    for words in programs(command.text):
        result = CliRunner().invoke(cli.app, words[1:])
        where = f"{page.relative_to(ROOT)}:{command.line}: {command.text}"
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == command.code, f"{where}: exit code {result.exit_code}\n{result.output}"
        if target := re.search(r"> (\S+)$", command.text):
            (folder / target[1]).write_text(result.stdout)
        missing = command.missing_from(result.output)
        assert missing is None, f"{where}: not printed: {missing!r}\n{result.output}"


def put_into(path: Path, text: str) -> None:
    """Lay a page's settings over those of a stack file."""
    path.write_text(yaml.safe_dump(laid_over(text, path.read_text(encoding="utf-8")), sort_keys=False))


# YAML


def laid_over(text: str, base: str = STACK) -> dict[str, Any]:
    """Settings of a page merged over a whole stack file, key by key of each section."""
    given = yaml.safe_load(text)
    document = yaml.safe_load(base)
    for key, value in given.get("config", given).items():
        there = document["config"].get(key)
        both = isinstance(there, dict) and isinstance(value, dict)
        document["config"][key] = {**there, **value} if both else value
    return document


def is_settings(document: Any) -> bool:
    """Whether a block holds a stack file or sections of one."""
    if not isinstance(document, dict):
        return False
    return any(str(key).startswith("velero-eks:") for key in document.get("config", document))


@pytest.mark.parametrize("block", of("yaml"))
def test_every_yaml_block_is_taken_by_what_reads_it(block: Block, tmp_path: Path):
    document = yaml.safe_load(block.text)
    if is_settings(document):
        whole = "aws:region" in document.get("config", {})
        text = block.text if whole else yaml.safe_dump(laid_over(block.text), sort_keys=False)
        plan = plan_of(project(tmp_path / "p", prod=text), "prod")
        assert plan.recording
        return
    if "resources" in document:
        schema = json.loads((ROOT / "components" / "schema.json").read_text())
        ours = {k: v for k, v in document["resources"].items() if v["type"].startswith("velero-eks:")}
        assert ours, f"{block.place}: no component of the package"
        for name, resource in ours.items():
            component = schema["resources"][resource["type"].replace(":", ":index:", 1)]
            found = list(strangers(resource["properties"], component["inputProperties"], schema["types"]))
            assert found == [], f"{block.place}: {name}: {found}"
            assert set(component.get("requiredInputs", ())) <= resource["properties"].keys(), name
        return
    assert {"apiVersion", "kind"} <= document.keys(), f"{block.place}: neither a stack file, Pulumi YAML nor an object"


# Programs


@pytest.mark.parametrize("block", of("python"))
def test_every_python_block_runs(block: Block, tmp_path: Path):
    program = tmp_path / "__main__.py"
    program.write_text(block.text if "import pulumi_aws" in block.text else PRELUDE + block.text)
    recording = record_program(
        lambda: runpy.run_path(str(program), run_name="__main__"),
        project="shop",
        config={"shop:cluster": CLUSTER, "aws:region": REGION},
        estate=Estate("111122223333", REGION),
    )
    assert any(resource.type.startswith("velero-eks:") for resource in recording) or recording.outputs


@pytest.mark.parametrize("block", of("hcl", "typescript", "json"))
def test_what_another_program_gives_bears_the_names_that_init_reads(block: Block):
    if block.language == "json":
        assert json.loads(block.text)
        return
    names = re.findall(r"^(?:output \"|export const )(\w+)", block.text, re.MULTILINE)
    known = {name for name, *_ in OUTPUTS}
    if block.language == "typescript":
        required = {name for name, _, optional in OUTPUTS if not optional}
        assert required <= set(names) <= known
    else:
        assert names


# Facts


def test_readme_names_the_kubernetes_versions_of_the_pinned_velero():
    versions = TABLE[0].kubernetes
    said = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"Kubernetes {versions[0]} to {versions[-1]}, the versions" in said


# The walk itself


def test_every_block_is_in_a_language_that_is_walked():
    assert [f"{b.place}: {b.language!r}" for p in pages() for b in blocks(p) if b.language not in LANGUAGES] == []


def test_what_is_not_run_is_little_and_each_says_why(capsys: pytest.CaptureFixture[str]):
    found = [block for page in pages() for block in blocks(page) if block.not_run]
    with capsys.disabled():
        for block in found:
            print(f"\nnot run: {block.place}: {block.not_run}", end="")
    assert len(found) <= MOST_NOT_RUN


def page_of(tmp_path: Path, text: str) -> list[Block]:
    path = tmp_path / "page.md"
    path.write_text(text)
    return blocks(path)


def test_blocks_are_read_with_what_the_line_above_says(tmp_path: Path):
    found = page_of(
        tmp_path,
        "a\n```bash\n# why\nmake \\\n  plan   # how\n```\n<!-- not run: no Node here -->\n```typescript\nx\n```\n"
        "1. b\n\n   <!-- into: stacks/a.yaml -->\n   ```yaml\n   b:\n     c: d\n   ```\n",
    )
    assert [(each.language, each.line, each.not_run, each.into) for each in found] == [
        ("bash", 3, None, None),
        ("typescript", 9, "no Node here", None),
        ("yaml", 15, None, "stacks/a.yaml"),
    ]
    assert programs(found[0].commands[0].text) == [["make", "plan"]]
    assert yaml.safe_load(found[2].text) == {"b": {"c": "d"}}


def test_a_fence_that_is_not_closed_is_found(tmp_path: Path):
    with pytest.raises(ValueError, match=r"page.md:2: a fence is not closed"):
        page_of(tmp_path, "```bash\nmake plan\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("velero-eks plan prod --sumary", "--sumary"),
        ("uvx velero-eks plam", "no command plam"),
        ("pulumi upp", "pulumi upp: a command that the list"),
        ("pulumi up --yess", "pulumi up: --yess is not in the list"),
        ("make plam", "the Makefile has no plam"),
        ("uv run --no-sync python tools/no.py", "no script tools/no.py"),
        ("helm list", "helm: a program that the list"),
        ('pulumi config set x "$(terraform outptu -raw y)"', "terraform outptu"),
    ],
)
def test_a_wrong_command_is_found(line: str, said: str):
    (found,) = problems(Command(1, line, 0, ""))
    assert said in found


def test_output_that_was_not_printed_is_found(folder: Path):
    begin(folder)
    wrong = Command(1, "velero-eks plan prod --at 2026-11-24T00:00Z", 0, "production\n…\n2 stacks planned")
    with pytest.raises(AssertionError, match="not printed: '2 stacks planned'"):
        run(wrong, folder, ROOT / "README.md")


def test_a_wrong_exit_code_is_found(folder: Path):
    begin(folder)
    with pytest.raises(AssertionError, match="exit code 2"):
        run(Command(1, "velero-eks plan prd", 0, ""), folder, ROOT / "README.md")


def test_a_setting_that_does_not_exist_is_found(tmp_path: Path):
    (block,) = page_of(tmp_path, "```yaml\nvelero-eks:storage: {buckte: a}\n```\n")
    with pytest.raises((BadStackFile, Exception), match="buckte"):
        test_every_yaml_block_is_taken_by_what_reads_it(block, tmp_path)


def test_the_stack_file_of_the_how_to_pages_is_valid(tmp_path: Path):
    root = project(tmp_path / "p", prod=STACK)
    assert load_stack_file(root / "stacks" / "Pulumi.prod.yaml").settings.cluster.name == CLUSTER
