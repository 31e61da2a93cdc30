"""Many stacks in one process: chosen by name, run as the engine would, and none sees another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from velero_on_eks.settings import load_stack_file

from tests.velero_eks.plan.projects import plan_of, project, stack_text
from velero_eks.errors import BadTarget, PlanError, ProgramError
from velero_eks.plan.runner import StackPlan, load_files, run_stacks
from velero_eks.project.project import Project

BUCKET = "aws:s3/bucket:Bucket"

# Remembers what it can reach and leaves marks wherever a run could leave one.
NOSY = """
import os
import pulumi
import pulumi_aws

stack = pulumi.get_stack()
config = pulumi.runtime.config.CONFIG.get()
monitor = pulumi.runtime.settings.get_monitor()
root = pulumi.runtime.settings.get_root_resource()
pulumi.export("stack", stack)
pulumi.export("seen", {
    "config": sorted(config),
    "secrets": sorted(pulumi.runtime.config._SECRET_KEYS.get()),
    "resources": len(monitor.recorded()),
    "exports": sorted(root.outputs),
    "globals": sorted(name for name in globals() if name.startswith("mark")),
    "pending": len(pulumi.runtime.settings.SETTINGS.outputs),
    "failed": repr(pulumi.runtime.settings.SETTINGS.rpc_manager.unhandled_exception),
})
mark = stack
config[f"left-by:{stack}"] = "config"
pulumi.runtime.set_config(f"left-by:{stack}", "more")
pulumi.export(f"mark-{stack}", "export")
pulumi_aws.s3.Bucket(f"mark-{stack}", bucket=f"mark-{stack}")
if stack == "broken":
    pulumi.Output.from_input(1).apply(lambda _: 1 / 0)
"""


def run_all(root: Path, *stacks: str) -> list[StackPlan | PlanError]:
    files = [load_stack_file(root / "stacks" / f"Pulumi.{stack}.yaml") for stack in stacks]
    return list(run_stacks(Project.find(root), files))


def made(found: StackPlan | PlanError) -> StackPlan:
    assert isinstance(found, StackPlan), found
    return found


def test_a_stack_sees_nothing_of_the_one_before_not_even_of_one_that_failed(tmp_path):
    secret = "  velero-eks:repositoryPassword: {secure: v1:abc}\n"
    root = project(tmp_path / "p", program=NOSY, first=stack_text(more=secret), broken=stack_text(), last=stack_text())
    first, broken, last = run_all(root, "first", "broken", "last")
    assert isinstance(broken, ProgramError)
    assert "ZeroDivisionError" in str(broken)
    outputs = made(last).recording.outputs
    assert outputs["stack"] == "last"
    assert outputs["seen"] == {
        "config": ["aws:region", "velero-eks:cluster", "velero-eks:environment"],
        "secrets": [],
        "resources": 0,
        "exports": ["stack"],
        "globals": [],
        # The URN of its own root stack.
        "pending": 1,
        "failed": "None",
    }
    assert [resource.name for resource in made(last).recording.of_type(BUCKET)] == ["mark-last"]
    assert made(first).recording.outputs["seen"]["secrets"] == ["velero-eks:repositoryPassword"]


def test_the_order_of_stacks_changes_no_plan(tmp_path):
    root = project(
        tmp_path / "p",
        one=stack_text("one"),
        two=stack_text("two", region="cn-north-1", account="222233334444"),
        three=stack_text("three", environment="production"),
    )
    there = {made(plan).stack: made(plan).recording for plan in run_all(root, "one", "two", "three")}
    back = {made(plan).stack: made(plan).recording for plan in run_all(root, "three", "two", "one")}
    assert there == back
    alone = plan_of(root, "two").recording
    assert alone == there["two"]


def test_the_program_runs_in_the_projects_folder_as_main_and_leaves_the_process_alone(tmp_path, monkeypatch):
    program = """
        import os, sys
        import pulumi
        import beside
        pulumi.export("where", os.getcwd())
        pulumi.export("name", __name__)
        pulumi.export("file", __file__)
        pulumi.export("beside", beside.WORD)
    """
    root = project(tmp_path / "p", program=program, dev=stack_text())
    (root / "beside_marker").touch()
    (root / "beside.py").write_text("WORD = 'found'\n")
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), "beside" in sys.modules
    outputs = plan_of(root, "dev").recording.outputs
    sys.modules.pop("beside")
    assert outputs == {
        "where": str(root),
        "name": "__main__",
        "file": str(root / "__main__.py"),
        "beside": "found",
    }
    assert (Path.cwd(), list(sys.path), modules) == (tmp_path, path, False)


def test_the_program_is_compiled_once_for_all_stacks(tmp_path):
    root = project(tmp_path / "p", program="import pulumi\n", dev=stack_text())
    found = Project.find(root)
    assert found.program is found.program


def test_every_bad_file_is_reported_and_the_good_ones_are_read(tmp_path):
    bad = stack_text().replace("staging", "stagnig")
    root = project(tmp_path / "p", a=bad, b=stack_text(), c="config: []\n")
    good, errors = load_files(Project.find(root).select([]))
    assert [file.stack for file in good] == ["b"]
    assert list(errors) == ["a", "c"]
    files = [str(error.refusals[0].file).rsplit("/", 1)[-1] for error in errors.values()]
    assert files == ["Pulumi.a.yaml", "Pulumi.c.yaml"]


def test_a_stack_that_would_write_into_anothers_backups_is_bad_even_when_it_is_the_only_one_asked_for(tmp_path):
    shared = "  velero-eks:storage: {bucket: shared-backups}\n"
    root = project(
        tmp_path / "p",
        one=stack_text("one", more=shared),
        two=stack_text("two", more=shared),
        three=stack_text("three"),
        broken="config: []\n",
    )
    found = Project.find(root)
    for asked, other in (("one", "two"), ("two", "one")):
        good, errors = load_files(found.select([asked]), found.stack_files())
        assert good == []
        assert [
            str(error).count(f"Pulumi.{other}.yaml makes the bucket shared-backups too") for error in errors.values()
        ] == [1]
    good, errors = load_files(found.select(["three"]), found.stack_files())
    assert ([file.stack for file in good], errors) == (["three"], {})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Pulumi.yaml", "runtime: python\n", "a project needs a name"),
        ("Pulumi.yaml", "name velero-eks\nruntime: python\n", "Pulumi.yaml:1:5: is not YAML: a colon is missing"),
        ("__main__.py", "def (:\n", r"__main__\.py:1: not Python"),
        ("__main__.py", None, "cannot be read"),
    ],
)
def test_a_broken_project_is_said_in_a_sentence(tmp_path, name, text, message):
    root = project(tmp_path / "p", dev=stack_text())
    if text is None:
        (root / name).unlink()
    else:
        (root / name).write_text(text)
    with pytest.raises(PlanError if name == "__main__.py" else BadTarget, match=message):
        plan_of(root, "dev")
