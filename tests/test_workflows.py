"""The workflows: pinned, bounded, unprivileged, and speaking of commands, stacks and versions that exist."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from velero_eks.commands.app import app

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FILES = [*WORKFLOWS, *sorted((ROOT / ".github/actions").glob("*/action.yml"))]
# Read rights are harmless in a public repository; what is written must be named here with the workflow that needs it.
WRITES = {
    "pull-request-comment.yml": {"pull-requests"},
    "drift.yml": {"id-token", "issues"},
    "preview.yml": {"id-token"},
    "deploy.yml": {"id-token"},
    "deploy-stack.yml": {"id-token"},
    "drill.yml": {"id-token"},
    "pages.yml": {"id-token", "pages"},
    "release.yml": {"id-token", "attestations", "contents"},
}
named = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / ".github")))


def load(path: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(path.read_text()).items()}


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    return load(path)["jobs"]


def steps(path: Path) -> list[dict[str, Any]]:
    document = load(path)
    if "runs" in document:
        return document["runs"]["steps"]
    return [step for job in document["jobs"].values() for step in job.get("steps", [])]


def gate(path: Path, job: dict[str, Any]) -> str:
    """On what a job runs: its own condition, else that of the job it needs, without which it is skipped."""
    needed = job.get("needs")
    return str(job.get("if") or (gate(path, jobs(path)[needed]) if needed else ""))


@each_file
def test_every_action_is_pinned_by_a_full_commit_hash_with_its_version(path: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: *(.*)$", path.read_text(), re.MULTILINE)
    foreign = [line for line in used if not line.startswith("./")]
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in foreign), foreign
    assert all((ROOT / line).exists() for line in used if line.startswith("./"))


def test_an_action_has_one_pin_in_all_files() -> None:
    pins = {line for path in FILES for line in re.findall(r"uses: *([^.\s]\S*@.*)", path.read_text())}
    assert len({pin.split("@")[0] for pin in pins}) == len(pins), sorted(pins)


@named
def test_every_job_has_a_time_limit_and_its_own_permissions(path: Path) -> None:
    assert load(path)["permissions"] == {}
    for name, job in jobs(path).items():
        assert isinstance(job["permissions"], dict), name
        # A called workflow's jobs have their own limit, and GitHub takes none on the call.
        assert "uses" in job or job["timeout-minutes"] <= 120, name


@named
def test_nothing_is_written_beyond_what_the_workflow_is_for(path: Path) -> None:
    asked = {right for job in jobs(path).values() for right, access in job["permissions"].items() if access != "read"}
    assert asked == WRITES.get(path.name, set())


@named
def test_no_workflow_runs_a_forks_code_with_rights(path: Path) -> None:
    triggers = load(path)["on"]
    assert "pull_request_target" not in triggers
    if "workflow_run" in triggers:
        for name, job in jobs(path).items():
            written = [right for right, access in job["permissions"].items() if access != "read"]
            # Who may write runs no project's code, not even the base's on a change's data.
            assert not written or not [step for step in job["steps"] if "uses" in step], name
    if "pull_request" in triggers:
        for job in jobs(path).values():
            own = "github.event.pull_request.head.repo.full_name == github.repository" in gate(path, job)
            assert own or set(job["permissions"]) <= {"contents"}


@each_file
def test_checkouts_leave_no_token_behind_and_scripts_hold_no_template(path: Path) -> None:
    for step in steps(path):
        assert "${{" not in step.get("run", "")
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_credentials_are_given_only_to_jobs_in_a_github_environment() -> None:
    for path in WORKFLOWS:
        for name, job in jobs(path).items():
            if job["permissions"].get("id-token") == "write" and "uses" not in job:
                assert job.get("environment"), f"{path.name}: {name}"


def test_what_has_credentials_is_of_main_or_of_a_branch_or_tag_of_this_repository() -> None:
    own = (
        "github.ref == 'refs/heads/main'",
        "startsWith(github.ref, 'refs/tags/v')",
        "github.event.pull_request.head.repo.full_name == github.repository",
    )
    for path in WORKFLOWS:
        if "workflow_call" in load(path)["on"]:
            continue
        for name, job in jobs(path).items():
            if job["permissions"].get("id-token") == "write":
                assert any(condition in gate(path, job) for condition in own), f"{path.name}: {name}"


@named
def test_two_runs_of_one_thing_are_in_one_concurrency_group(path: Path) -> None:
    if path.name == "deploy.yml":
        # Its runs go side by side as far as the group of each stack's update, below.
        return
    groups = [load(path).get("concurrency"), *(job.get("concurrency") for job in jobs(path).values())]
    assert any(groups)


def test_the_comment_is_of_a_run_that_ran_to_an_end() -> None:
    condition = COMMENT["difference"]["if"]
    assert "needs.difference.result != 'skipped'" in COMMENT["comment"]["if"]
    assert "github.event.workflow_run.event == 'pull_request'" in condition
    assert re.findall(r"fromJSON\('(.*?)'\)", condition) == ['["success", "failure", "timed_out"]']


COMMENT = jobs(ROOT / ".github/workflows/pull-request-comment.yml")


def test_the_difference_is_computed_by_the_bases_code_and_the_changes_is_data() -> None:
    job = COMMENT["difference"]
    assert set(job["permissions"].values()) == {"read"}
    checkouts = {step["with"]["path"]: step for step in job["steps"] if "actions/checkout@" in step.get("uses", "")}
    assert set(checkouts) == {"base", "change"}
    # Without a ref, a run of workflow_run checks out the default branch.
    assert "ref" not in checkouts["base"]["with"]
    assert checkouts["change"]["with"]["ref"] == "${{ github.event.workflow_run.head_sha }}"
    runs = [step for step in job["steps"] if "run" in step]
    in_base = [
        step for step in runs if "uv run" in step["run"] or "make " in step["run"] or "run velero" in step["run"]
    ]
    assert len(in_base) == 2
    for step in in_base:
        assert step["working-directory"] == "base"
        # No token where code runs that reads what a change wrote.
        assert "GH_TOKEN" not in step.get("env", {})
    lines = [line.strip() for step in runs for line in step["run"].splitlines() if "change" in line]
    assert lines == ['git fetch --quiet --no-tags ../change "$HEAD_SHA"']
    assert not [step for step in runs if str(step.get("working-directory")).startswith("change")]
    installs = [number for number, step in enumerate(job["steps"]) if step.get("run") == "make .venv/runtime"]
    assert installs[0] < job["steps"].index(checkouts["change"])


def test_what_a_change_hands_over_is_its_plans_and_not_the_comment() -> None:
    plan = jobs(ROOT / ".github/workflows/pull-request.yml")["plan"]
    handed = [step["with"] for step in plan["steps"] if "upload-artifact@" in step.get("uses", "")]
    assert [(each["name"], each["path"]) for each in handed] == [("plan", "build/plan.json")]
    assert plan["permissions"] == {"contents": "read"}
    taken = re.findall(r"artifacts\?name=(\w+)", _scripts(ROOT / ".github/workflows/pull-request-comment.yml"))
    assert taken == ["plan", "diff"]
    run_ids = [
        step["env"]["RUN_ID"] for job in COMMENT.values() for step in job["steps"] if "RUN_ID" in step.get("env", {})
    ]
    assert run_ids == ["${{ github.event.workflow_run.id }}", "${{ github.run_id }}"]


def test_drift_is_looked_for_and_nothing_is_put_right() -> None:
    (script,) = [step["run"] for step in jobs(ROOT / ".github/workflows/drift.yml")["look"]["steps"]
                 if "pulumi" in step.get("run", "")]  # fmt: skip
    assert script.startswith("uv run --frozen pulumi preview ")
    assert {"--refresh", "--expect-no-changes", "--non-interactive"} <= set(shlex.split(script))


ALL_STACKS = "${{ fromJSON(needs.stacks.outputs.names) }}"


def test_deployments_go_to_every_stack_in_order_and_are_never_ended_half_way() -> None:
    deploy = jobs(ROOT / ".github/workflows/deploy.yml")["deploy"]
    # Two at once, or going on after a failure, would bring to production what staging could not take.
    assert deploy["strategy"] == {"max-parallel": 1, "fail-fast": True, "matrix": {"stack": ALL_STACKS}}
    assert deploy["with"] == {"stack": "${{ matrix.stack }}"}
    up = jobs(ROOT / ".github/workflows/deploy-stack.yml")["up"]
    # Its approvals are those of the GitHub environment that is called as the stack; the preview needs none.
    assert (up["environment"], up["needs"]) == ("${{ inputs.stack }}", "preview")
    assert jobs(ROOT / ".github/workflows/deploy-stack.yml")["preview"]["environment"] == "${{ inputs.stack }}-preview"
    assert up["concurrency"] == {"group": "deploy-${{ inputs.stack }}", "cancel-in-progress": False}


@pytest.mark.parametrize("name", ["deploy", "preview", "drift", "drill"])
def test_every_stack_is_deployed_previewed_looked_at_for_drift_and_drilled(name: str) -> None:
    found = jobs(ROOT / f".github/workflows/{name}.yml")
    matrices = [job for job in found.values() if "strategy" in job]
    assert [job["strategy"]["matrix"]["stack"] for job in matrices] == [ALL_STACKS]
    assert [job["needs"] for job in matrices] == ["stacks"]
    listing = found["stacks"]["steps"][-1]
    assert listing == {"id": "stacks", "uses": "./.github/actions/stacks"}
    assert found["stacks"]["outputs"] == {"names": "${{ steps.stacks.outputs.names }}"}


def test_only_a_deployment_changes_anything_through_pulumi() -> None:
    verbs = {(path.name, verb) for path in FILES for verb in re.findall(r"\bpulumi (\w+) ", _scripts(path))}
    assert {name for name, verb in verbs if verb != "preview"} == {"deploy-stack.yml"}
    assert {verb for _, verb in verbs} == {"preview", "up"}


def test_the_pulumi_cli_is_of_the_version_the_program_is_locked_to() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    version = next(package["version"] for package in locked if package["name"] == "pulumi")
    installed = [step["with"]["pulumi-version"] for path in FILES for step in steps(path)
                 if step.get("uses", "").startswith("pulumi/actions@")]  # fmt: skip
    assert set(installed) == {version}


def test_the_setup_names_every_workflow_environment_and_variable() -> None:
    text = (ROOT / "docs/how-to/workflows.md").read_text()
    assert {path.name for path in WORKFLOWS} - {"deploy-stack.yml"} == set(
        re.findall(r"/workflows/([\w-]+\.yml)", text)
    )
    used = {re.sub(r"\$\{\{ (?:inputs|matrix)\.stack \}\}", "<stack>", job["environment"])
            for path in WORKFLOWS for job in jobs(path).values() if "environment" in job}  # fmt: skip
    # GitHub makes it itself, for whoever switches Pages on.
    used.remove("github-pages")
    # Of no stack, and described on its own.
    used.remove("release")
    assert {"github-pages", "release"} <= set(re.findall(r"`([\w-]+)`", text))
    assert {f"`{name}`" for name in used} == set(re.findall(r"^ +\| (`<stack>[\w-]*`) \|", text, re.MULTILINE))
    variables = {name for path in FILES for name in re.findall(r"\bvars\.(\w+)", path.read_text())}
    assert all(f"`{name}`" in text for name in variables)
    assert not [path.name for path in FILES if "secrets." in path.read_text()]


def _scripts(path: Path) -> str:
    return "\n".join(step.get("run", "") for step in steps(path)).replace("\\\n", " ")


def _calls(program: str) -> Iterator[tuple[str, list[str]]]:
    for path in FILES:
        for line in _scripts(path).splitlines():
            found = re.search(rf"(?:^|[\s;(]){program} +([^|>;&)#]+)", line)
            if found and not line.lstrip().startswith("#"):
                yield path.name, shlex.split(found[1])


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {target for _, words in _calls("make") for target in words}
    assert {"plan", "check", "test"} <= called <= targets


def test_every_command_and_flag_of_the_tool_exists() -> None:
    commands = typer.main.get_command(app)
    calls = list(_calls("velero-eks"))
    assert calls
    for name, words in calls:
        command: Any = commands
        while words and words[0] in getattr(command, "commands", {}):
            command, words = command.commands[words[0]], words[1:]
        assert not hasattr(command, "commands"), f"{name}: velero-eks {words}"
        flags = set(itertools.chain(*(option.opts + option.secondary_opts for option in command.params)))
        given = {word.split("=")[0] for word in words if word.startswith("-")}
        assert given <= flags, f"{name}: {command.name} takes no {given - flags}"


def test_a_release_is_of_a_tag_on_main_and_no_job_that_may_write_runs_what_was_built() -> None:
    release = jobs(ROOT / ".github/workflows/release.yml")
    assert load(ROOT / ".github/workflows/release.yml")["on"] == {"push": {"tags": ["v*.*.*"]}}
    assert release["build"]["permissions"] == {"contents": "read"}
    scripts = [step.get("run", "") for step in release["build"]["steps"]]
    assert "git merge-base --is-ancestor HEAD origin/main" in scripts
    # Each waits for the one before it: nothing is published that was not tested and attested.
    assert [release[name].get("needs") for name in ("build", "attest", "publish", "github")] == [
        None, "build", "attest", "publish",
    ]  # fmt: skip
    for name in ("attest", "publish", "github"):
        run = "\n".join(step.get("run", "") for step in release[name]["steps"])
        assert not re.search(r"velero-eks |python|pytest|\.whl", run), name
