"""`velero-eks check`: what it finds in a saved plan, its exit codes, and what it says of a file that is not a plan."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.velero_eks.rules.plans import Draft, draft, good_resources, good_resources_with_pod_identity
from velero_eks.commands.check import run_check
from velero_eks.commands.options import run
from velero_eks.rules import kinds

FIXTURES: dict[str, Callable[[], Draft]] = {
    "prod": good_resources,
    "prod with Pod Identity": good_resources_with_pod_identity,
    "staging": lambda: draft("staging"),
    "dev": lambda: draft("dev"),
    "a waiver": lambda: draft("prod", waivers={"bucket-replication": "rebuilt from its source within the day"}),
    "a password of another cluster": lambda: draft("dev", repositoryPassword={"secure": "v1:abcdefghijklmnopqrst"}),
    "overrides": lambda: draft("staging", release={"helmValuesOverrides": {"priorityClassName": "high"}}),
    "a clock that changes": lambda: draft(
        "dev", schedules={"daily": {"cron": "0 2 * * *", "timezone": "Europe/Berlin", "keep": "8d"}}
    ),
}


def saved(folder: Path, *drafts: Draft) -> str:
    path = folder / "plan.json"
    path.write_text(json.dumps({"version": 1, "stacks": [one.document for one in drafts]}), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("fixture", FIXTURES)
def test_a_fresh_plan_is_found_to_have_what_the_plan_says_of_itself(fixture, tmp_path, capsys):
    made = FIXTURES[fixture]()
    code = run_check(saved(tmp_path, made), as_json=True)
    [stack] = json.loads(capsys.readouterr().out)["stacks"]
    assert stack == {"stack": made.document["stack"], "findings": made.document["findings"]}
    assert code == 0


def test_a_fault_in_a_saved_plan_exits_with_1_and_is_named(tmp_path, capsys):
    plan = good_resources()
    plan.set(kinds.BUCKET, ["forceDestroy"], True)
    assert run_check(saved(tmp_path, plan, draft("dev")), as_json=False) == 1
    shown = capsys.readouterr().out
    assert "error bucket-force-destroy" in shown
    assert "2 stacks checked: 2 errors, 1 warning. Fix the errors of prod" in " ".join(shown.split())


def test_a_plan_comes_from_standard_input_too(monkeypatch, capsys):
    text = json.dumps({"version": 1, "stacks": [draft("dev").document]})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run_check("-", as_json=False) == 0
    assert "1 stack checked: 0 errors, 0 warnings." in capsys.readouterr().out


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["stacks"][0].pop(key)


def put(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *way, last = path
        for part in way:
            document = document[part]
        document[last] = to

    return change


def exit_code(file: str, *, as_json: bool) -> int:
    with pytest.raises(typer.Exit) as ended:
        run(lambda: run_check(file, as_json=as_json))
    return ended.value.exit_code


SETTINGS = ("stacks", 0, "deployments", 0, "settings")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("version", to=2), "version is 2, and this tool reads version 1"),
        (put("stacks", to={}), "stacks is {}, expected a list"),
        (without("deployments"), "stacks[0].deployments is missing; save the plan again"),
        (without("at"), "stacks[0].at is missing"),
        (put("stacks", 0, "at", to="yesterday"), "stacks[0].at is 'yesterday'; write a time"),
        (put("stacks", 0, "at", to="2026-01-05T00:00:00"), "stacks[0].at is '2026-01-05T00:00:00', without a time"),
        (put("stacks", 0, "resources", 3, "urn", to=7), "stacks[0].resources[3].urn is 7, expected text"),
        (put("stacks", 0, "resources", 3, "urn", to="bucket"), "stacks[0].resources[3].urn is not a URN"),
        (put("stacks", 0, "resources", 3, "inputs", to=[]), "stacks[0].resources[3].inputs is [], expected a mapping"),
        (put("stacks", 0, "resources", 3, "options", "protect", to="yes"), "resources[3].options.protect is \"yes\""),
        (put(*SETTINGS, "tape", to=True), "deployments[0].settings cannot be used: the settings of"),
        (put(*SETTINGS, "environment", to="test"), "environment"),
    ],
)  # fmt: skip
def test_a_document_that_is_no_plan_exits_with_2_and_its_place_is_named(change, said, tmp_path, capsys):
    document = {"version": 1, "stacks": [draft("dev").document]}
    change(document)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert exit_code(str(path), as_json=True) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {path}: ")
    assert said in err


@pytest.mark.parametrize(
    ("text", "said"), [("{", "not JSON"), ("[]", "the document is [], expected a mapping"), ("", "not JSON")]
)
def test_a_file_of_another_kind_exits_with_2(text, said, tmp_path, capsys):
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    assert exit_code(str(path), as_json=False) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_exits_with_2(tmp_path, capsys):
    assert exit_code(str(tmp_path / "none.json"), as_json=False) == 2
    assert "none.json: cannot be read" in capsys.readouterr().err


def test_a_stack_that_had_no_plan_when_it_was_saved_exits_with_2_and_is_named(tmp_path, capsys):
    refusal = {"code": "c", "file": "stacks/Pulumi.b.yaml", "line": 3, "field": None, "limit": "wrong", "remedy": ""}
    path = tmp_path / "plan.json"
    document = {"version": 1, "stacks": [draft("dev").document], "errors": {"b": [refusal]}}
    path.write_text(json.dumps(document), encoding="utf-8")
    assert exit_code(str(path), as_json=True) == 2
    out, err = capsys.readouterr()
    assert [stack["stack"] for stack in json.loads(out)["stacks"]] == ["dev"]
    assert json.loads(out)["errors"] == {"b": [refusal]}
    assert err == f"error: stack b has no plan in {path}: stacks/Pulumi.b.yaml:3: wrong\n"
    assert exit_code(str(path), as_json=False) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert "b has no plan: stacks/Pulumi.b.yaml:3: wrong 1 stack checked, 1 not:" in said
