"""A comparison whose newer side was planned elsewhere: its code is not run, and what it says is only data."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.velero_eks.diff.programs import unedited
from tests.velero_eks.diff.repositories import commit, scripted, write_plans
from velero_eks.commands.app import app

Change = Callable[[dict[str, Any]], Any]


class Repository:
    """A base whose recorder prints the real program's plan, and a change whose recorder leaves a mark when it runs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mark = folder / "the change ran"
        self.root = scripted(folder / "p", prod=unedited())
        self.base = commit(self.root)
        (self.root / "velero_eks" / "cli.py").write_text(
            f"open({str(self.mark)!r}, 'w').close()\nraise SystemExit(1)\n"
        )
        write_plans(self.root, prod={**unedited(), "outputs": {"a": "b"}})
        self.head = commit(self.root)
        self.file = folder / "plan.json"
        monkeypatch.chdir(self.root)

    def diff(self, document: Any, *arguments: str) -> Result:
        """`diff BASE HEAD --to-plan FILE`, with the document, or these bytes, in the file."""
        self.file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return CliRunner().invoke(app, ["diff", self.base, self.head, "--to-plan", str(self.file), *arguments])


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return Repository(tmp_path, monkeypatch)


def document(change: Change | None = None) -> dict[str, Any]:
    """What `velero-eks plan --json` writes of the base's own plan, changed."""
    made = {"version": 1, "stacks": [copy.deepcopy(unedited())], "errors": {}}
    if change is not None:
        change(made["stacks"][0])
    return made


def release(stack: dict[str, Any]) -> dict[str, Any]:
    [found] = [each for each in stack["resources"] if each["type"] == "kubernetes:helm.sh/v3:Release"]
    return found


def test_the_newer_side_is_the_files_and_nothing_of_it_is_run(repository: Repository) -> None:
    def raised(stack: dict[str, Any]) -> None:
        release(stack)["inputs"]["values"]["configuration"]["clientQPS"] = 500

    done = repository.diff(document(raised))
    assert done.exit_code == 0, done.stderr
    assert "values.configuration.clientQPS: 1000 → 500" in " ".join(done.stdout.split())
    assert not repository.mark.exists()


def test_findings_are_those_of_this_tools_rules_whatever_the_file_says(repository: Repository) -> None:
    def hidden(stack: dict[str, Any]) -> None:
        release(stack)["inputs"]["values"]["cleanUpCRDs"] = True
        stack["findings"] = []

    done = repository.diff(document(hidden), "--json")
    assert "release-keeps-crds" in done.stdout
    made_up = {"rule": "made-up", "severity": "error", "resource": "", "message": "x", "waived": None}
    assert "made-up" not in repository.diff(document(lambda stack: stack["findings"].append(made_up)), "--json").stdout


def test_a_stack_without_a_plan_in_the_file_is_told_as_one(repository: Repository) -> None:
    done = repository.diff({"version": 1, "stacks": [], "errors": {}})
    assert done.exit_code == 2
    assert "prod" in done.stdout and "has no plan of this stack" in done.stdout + done.stderr
    refusal = {"code": "bad", "field": "velero-eks:schedules", "limit": "five fields", "remedy": "write five"}
    done = repository.diff({"version": 1, "stacks": [], "errors": {"prod": [refusal]}})
    assert done.exit_code == 2
    assert "five fields" in done.stdout + done.stderr


def drop(*path: str) -> Change:
    def change(stack: dict[str, Any]) -> None:
        node: Any = stack
        for key in path[:-1]:
            node = node[key]
        del node[path[-1]]

    return change


def put(key: str, value: Any) -> Change:
    return lambda stack: stack.__setitem__(key, value)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version": 1}',
        [],
        {"version": 2, "stacks": []},
        {"version": 1, "stacks": [[]], "errors": {}},
        {"version": 1, "stacks": [], "errors": []},
        *(document(drop(key)) for key in ("stack", "at", "resources", "deployments", "outputs", "environment")),
        *(document(put(key, 7)) for key in ("stack", "at", "resources", "deployments", "outputs", "objectives")),
        document(put("at", "yesterday")),
        document(put("objectives", [{}])),
        document(lambda stack: stack["resources"][0].__setitem__("urn", 7)),
        document(lambda stack: stack["resources"][0].__setitem__("options", None)),
        document(lambda stack: release(stack).__setitem__("inputs", ["x"])),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_file_that_is_no_plan_is_bad_input_and_no_fault_of_the_tool(repository: Repository, hostile: Any) -> None:
    done = repository.diff(hostile)
    assert done.exit_code in (0, 2), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.output
    if done.exit_code == 2:
        assert str(repository.file) in done.output.replace("\n", "")


def test_a_file_that_is_not_there_is_named(repository: Repository) -> None:
    done = CliRunner().invoke(app, ["diff", repository.base, repository.head, "--to-plan", "nowhere.json"])
    assert (done.exit_code, "nowhere.json: cannot be read" in done.output) == (2, True)
