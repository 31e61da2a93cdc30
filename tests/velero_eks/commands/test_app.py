"""The command line: exit codes, what goes to which stream, and no traceback for anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result
from velero_on_eks.settings.versions import PINNED_CHART, PINNED_PLUGIN, PINNED_VELERO, TABLE

from tests.limits import HANG
from tests.velero_eks.plan.projects import LIGHT, REAL, project, stack_text
from velero_eks.commands import app as cli

AT = ("--at", "2026-11-24T00:00:00Z")
OPEN = """
    import pulumi_aws
    import pulumi_kubernetes
    pulumi_aws.s3.Bucket("open", bucket="open-to-all")
    pulumi_kubernetes.apiextensions.CustomResource(
        "s", api_version="velero.io/v1", kind="Schedule", metadata={"name": "daily-backup"}, spec={}
    )
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the tool in a project of these stacks."""

    def invoke(*arguments: str, program: str | None = None, **stacks: str) -> Result:
        monkeypatch.chdir(project(tmp_path / "p", program=program, **stacks) if stacks else tmp_path)
        return CliRunner().invoke(cli.app, arguments)

    return invoke


def test_a_clean_plan_exits_with_0(run):
    result = run("plan", "dev", *AT, dev=stack_text())
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 stack planned" in result.stdout


def test_an_error_in_the_findings_exits_with_1(run):
    result = run("plan", *AT, program=OPEN, dev=stack_text())
    assert result.exit_code == 1
    assert "Fix the errors of dev" in result.stdout


def test_every_bad_file_is_named_on_stderr_and_the_good_stack_is_still_shown(run):
    bad = stack_text().replace("staging", "stagnig")
    result = run("plan", *AT, a=bad, b=stack_text(), c=bad.replace("1111", "x"))
    assert result.exit_code == 2
    assert "stacks/Pulumi.a.yaml:3: velero-eks:environment" in result.stderr
    assert "stacks/Pulumi.c.yaml:3: velero-eks:environment" in result.stderr
    assert "stacks/Pulumi.c.yaml:6: velero-eks:cluster.account" in result.stderr
    assert "1 stack planned, 2 not" in result.stdout


def test_a_bad_stack_stands_among_the_errors_of_the_document_and_keeps_no_other_from_its_plan(run, root):
    bad = (
        stack_text()
        .replace("staging", "stagnig")
        .replace("  velero-eks:cluster", "  velero-eks:dbPassword: x\n  velero-eks:cluster")
    )
    program = f"{LIGHT}if pulumi.get_stack() == 'c':\n    raise KeyError('absent')\n"
    files = {"a": bad, "b": stack_text("b"), "c": stack_text("c"), "d": "[" * 500, "e": "config:\n\ta: b\n"}
    result = run("plan", "--json", *AT, program=program, **files)
    assert result.exit_code == 2
    for name in "acde":
        assert f"Pulumi.{name}.yaml" in result.stderr or f"stack {name}: " in result.stderr
    document = json.loads(result.stdout)
    schema = json.loads((root / "docs" / "reference" / "plan.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert [stack["stack"] for stack in document["stacks"]] == ["b"]
    errors = document["errors"]
    assert list(errors) == ["a", "c", "d", "e"]
    assert errors["a"][0] == {
        "code": "not-one-of",
        "file": "stacks/Pulumi.a.yaml",
        "line": 3,
        "field": "velero-eks:environment",
        "value": "stagnig",
        "limit": "one of development, staging, production",
        "remedy": "did you mean staging?",
    }
    assert (errors["a"][1]["code"], errors["a"][1]["value"]) == ("unknown-key", "(hidden)")
    [failed] = errors["c"]
    assert (failed["code"], failed["file"]) == ("program-failed", None)
    assert failed["limit"].startswith("the program failed: KeyError: 'absent' (__main__.py:")
    assert [(each["code"], each["file"]) for each in errors["d"]] == [("too-deep", "stacks/Pulumi.d.yaml")]
    [mistake] = errors["e"]
    assert (mistake["line"], mistake["column"], mistake["source"]) == (2, 1, "\ta: b")
    # The properties that the schema names are those there are.
    assert set(mistake) <= set(schema["$defs"]["refusal"]["properties"])


def test_a_bad_stack_has_its_line_at_the_end_for_people_too(run):
    bad = stack_text().replace("staging", "stagnig")
    result = run("plan", *AT, a=bad, b=stack_text())
    said = " ".join(result.stdout.split())
    assert 'a not planned: stacks/Pulumi.a.yaml:3: velero-eks:environment = "stagnig": one of' in said
    assert said.index("a not planned") > said.index("All stacks")


def test_the_summary_has_one_row_a_stack_and_a_bad_one_has_its_own(run):
    bad = stack_text().replace("staging", "stagnig").replace("1111", "x")
    result = run("plan", "--summary", *AT, a=bad, b=stack_text())
    assert result.exit_code == 2
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[3] == "a bad: 2 errors"
    assert lines[4].startswith("b staging shop ")
    assert "Who may do what" not in result.stdout
    assert "a not planned:" in lines and lines[-1].startswith("1 stack planned, 1 not:")
    both = run("plan", "--summary", "--json", *AT)
    assert (both.exit_code, both.stdout) == (2, "")
    assert "Give one of them" in both.stderr


def test_json_is_one_document_on_stdout(run):
    result = run("plan", "--json", *AT, a=stack_text("one"), b=stack_text("two"))
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document["version"] == 1
    assert [stack["stack"] for stack in document["stacks"]] == ["a", "b"]


def test_a_program_that_fails_exits_with_2_and_says_what_failed(run):
    program = """
        import pulumi
        if pulumi.get_stack() == "a":
            pulumi.Output.from_input(1).apply(lambda _: {}["absent"])
    """
    result = run("plan", "a", *AT, program=program, a=stack_text())
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error: stack a: the program failed: KeyError: 'absent' (__main__.py:4)" in result.stderr


def test_an_unknown_stack_lists_those_that_exist(run):
    result = run("plan", "pord", dev=stack_text(), prod=stack_text())
    assert result.exit_code == 2
    assert result.stderr == "error: no stack matches 'pord'; did you mean prod?\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "--at", "soon"), "--at 'soon' cannot be read as a time; write it as 2026-11-24T09:00Z"),
        (("plan",), "no Pulumi.yaml in"),
        (("plan", "--bogus"), "No such option"),
    ],
)
def test_a_bad_argument_exits_with_2(run, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_version_is_that_of_the_package(run):
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("velero-eks 0.")


def test_the_version_says_what_is_deployed_and_where_it_was_tested(run):
    lines = run("--version").stdout.splitlines()
    assert f"velero {PINNED_VELERO}" in lines
    assert f"velero-plugin-for-aws {PINNED_PLUGIN}" in lines
    assert f"velero-chart {PINNED_CHART}" in lines
    assert lines[-1] == f"kubernetes {TABLE[0].kubernetes[0]} to {TABLE[0].kubernetes[-1]}"
    document = json.loads(run("--version", "--json").stdout)
    assert [f"{name} {version}" for name, version in document["versions"].items()] == lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--json",), "--json goes after the command"), (("--json", "plan"), "--json goes after the command")],
)
def test_json_alone_is_no_question(run, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_without_a_command_the_help_is_shown_and_nothing_was_done(run):
    for arguments in ((), ("restore",)):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "Exit codes" in result.stdout


def test_what_nobody_expected_is_one_sentence_that_says_how_to_see_more(monkeypatch, capsys):
    def surprise() -> None:
        raise RuntimeError("the moon\nis down")

    monkeypatch.setattr(cli, "app", surprise)
    monkeypatch.delenv("VELERO_EKS_DEBUG", raising=False)
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "RuntimeError: the moon" in line
    assert "VELERO_EKS_DEBUG=1" in line
    monkeypatch.setenv("VELERO_EKS_DEBUG", "1")
    with pytest.raises(RuntimeError):
        cli.main()


def python(code: str, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=HANG, check=False)


MAIN = f"import sys, datetime; sys.path.insert(0, {str(REAL)!r}); from velero_eks.commands.app import main; main()"


def test_the_tool_runs_by_itself_and_plain_where_nobody_watches(tmp_path):
    root = project(tmp_path / "p", dev=stack_text())
    result = python(MAIN, root / "stacks", "plan", "dev", *AT)
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell with pipes")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_that_has_seen_enough_changes_nothing(tmp_path, options):
    root = project(tmp_path / "p", program=LIGHT, dev=stack_text())
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", MAIN, "plan", "dev", *AT, *options]
    result = subprocess.run(
        command, cwd=root, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=HANG, check=False
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")


def test_a_terminal_that_cannot_show_a_character_gets_a_substitute(tmp_path):
    root = project(tmp_path / "p", program=LIGHT, dev=stack_text())
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", MAIN, "plan", "dev", *AT]
    result = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, encoding="ascii", timeout=HANG, check=False
    )
    assert (result.returncode, result.stderr) == (1, "")
    assert "1 stack planned" in result.stdout


def test_json_loads_nothing_that_only_people_need(tmp_path):
    root = project(tmp_path / "p", program=LIGHT, dev=stack_text())
    code = (
        f"import sys, datetime; sys.path.insert(0, {str(REAL)!r}); from velero_eks.commands.plan import run_plan;"
        " run_plan(['dev'], as_json=True, at=datetime.datetime.now(datetime.UTC));"
        " print('rich' in sys.modules, 'boto3' in sys.modules, file=sys.stderr)"
    )
    assert python(code, root).stderr == "False False\n"


def test_help_loads_no_sdk(tmp_path):
    code = f"{MAIN.removesuffix('main()')}\ntry: main()\nexcept SystemExit: print('pulumi' in sys.modules)"
    assert python(code, tmp_path, "--help").stdout.endswith("False\n")


def test_help_says_of_each_command_what_its_own_help_begins_with():
    texts = {name: text for panel in cli.PANELS.values() for name, text in panel.items()}
    for name, text in texts.items():
        assert " ".join((cli.load(name).help or "").split()).startswith(text), name


def test_every_command_is_a_file_of_its_name():
    files = {path.stem for path in Path(cli.__file__).parent.glob("*.py")}
    named = {name for panel in cli.PANELS.values() for name in panel}
    assert named <= files
    assert {name for name in files - named if "_" not in name} == {"app", "help", "options", "spelling"}


def test_help_loads_no_command(tmp_path):
    code = (
        "import sys; from velero_eks.commands.app import app; app(['--help'], standalone_mode=False);"
        " print(*(name for name in sys.modules if name.startswith('velero_eks.')), file=sys.stderr)"
    )
    names = python(code, REAL).stderr.split()
    loaded = {name for name in names if not name.startswith("velero_eks.terminal")}
    own = ("app", "completion", "help", "options", "spelling")
    # Completion asks where the project is, which costs nothing.
    place = {"velero_eks.project", "velero_eks.project.folder"}
    assert loaded == {"velero_eks.commands", *(f"velero_eks.commands.{name}" for name in own), *place}
