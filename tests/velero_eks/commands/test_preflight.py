"""`velero-eks preflight`: exit codes, the table, the JSON, and what is asked of this machine."""

from __future__ import annotations

import io
import json
from importlib.metadata import version

import pytest
from rich.console import Console
from typer.testing import CliRunner
from velero_on_eks.settings import load_stack_file

from tests.velero_eks.bootstrap.cases import facts
from tests.velero_eks.plan.projects import project, stack_text
from velero_eks.aws.eks import Unknown
from velero_eks.bootstrap.preflight.facts import Facts
from velero_eks.commands import app as cli
from velero_eks.commands import preflight as command
from velero_eks.commands.preflight import CHECKS, judge, look_here, render
from velero_eks.project.engine import StackState
from velero_eks.project.project import Project

ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE0123456789ABCDEF"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command on a stack about which these facts were gathered."""

    def invoke(found: Facts, *arguments: str, text: str | None = None):
        root = tmp_path / "p"
        if not root.exists():
            project(root, prod=text or stack_text())
        monkeypatch.chdir(root)
        monkeypatch.setattr(command, "gather", lambda project, file, kubeconfig: found)
        return CliRunner().invoke(cli.app, ["preflight", *(arguments or ("prod",))])

    return invoke


def clean(**changes) -> Facts:
    return facts(cluster={"issuer": ISSUER, **changes.pop("cluster", {})}, **changes)


def test_nothing_in_the_way_exits_with_0(run):
    result = run(clean())
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Nothing was found." in result.stdout


def test_a_warning_exits_with_0(run):
    result = run(clean(volumes={"ebs.csi.aws.com": 1}))
    assert result.exit_code == 0
    assert "1 warning. Nothing stops 'pulumi up'." in result.stdout


def test_an_error_exits_with_1_and_says_so(run):
    result = run(clean(cluster={"status": "DELETING"}))
    assert result.exit_code == 1
    assert "DELETING" in result.stdout
    assert "1 error. Fix the errors before 'pulumi up'." in result.stdout


def test_what_could_not_be_asked_is_never_told_as_nothing_in_the_way(run):
    result = run(clean(role=Unknown("no right to read roles"), bucket=Unknown("no right to read buckets")))
    assert result.exit_code == 0
    assert "Nothing is in the way" not in result.stdout
    assert "Nothing was found; 2 checks could not be asked in full" in result.stdout


def test_a_warning_beside_something_that_could_not_be_asked_is_no_green_light_either(run):
    result = run(clean(role=Unknown("no right to read roles"), volumes={"ebs.csi.aws.com": 1}))
    assert "1 warning; 1 check could not be asked in full" in result.stdout


def test_a_reason_that_is_an_error_already_is_told_once(run):
    reason = "shop: no answer from its API server"
    assert run(clean(kubernetes=Unknown(reason))).stdout.count(reason) == 1


def test_json_is_versioned_and_holds_every_check(run):
    result = run(clean(cluster={"status": "DELETING"}, role=Unknown("no right")), "prod", "--json")
    document = json.loads(result.stdout)
    assert (document["version"], document["stack"], document["clean"]) == (1, "prod", False)
    assert [each["check"] for each in document["checks"]] == [check.name for check in CHECKS]
    by_name = {each["check"]: each for each in document["checks"]}
    assert by_name["cluster"]["outcome"] == "failed"
    assert set(by_name["cluster"]["findings"][0]) == {"severity", "message", "remedy"}
    assert by_name["identity"] == {
        "check": "identity",
        "title": "Velero's AWS role",
        "outcome": "not asked",
        "findings": [],
        "why": "no right",
    }


@pytest.mark.parametrize(
    ("arguments", "text", "part"),
    [
        (("dev",), None, "no stack 'dev'; there is: prod. Or write one: velero-eks init dev"),
        (("prod",), "config: {}", "stacks/Pulumi.prod.yaml"),
    ],
)
def test_a_bad_stack_exits_with_2(run, arguments, text, part):
    result = run(clean(), *arguments, text=text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert part in result.stderr


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_stays_within_the_terminal_and_cuts_nothing(run, tmp_path, width):
    file = load_stack_file(project(tmp_path / "q", prod=stack_text()) / "stacks" / "Pulumi.prod.yaml")
    found = clean(cluster={"oidc_provider": None}, role=Unknown("no right"), volumes={"ebs.csi.aws.com": 1})
    results = judge(file, found)
    sink = io.StringIO()
    render(file, results, Console(file=sink, width=width))
    lines = sink.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    for result in results:
        for finding in result.findings:
            assert set(finding.remedy.split()) <= set(words), finding
    assert "…" not in sink.getvalue()


def test_this_machine_and_the_other_stacks_are_asked(tmp_path, pulumi):
    pulumi.answer("version", "v3.259.0")
    pulumi.answer("stack export --stack prod", {"deployment": {"resources": []}})
    same = "  velero-eks:storage: {bucket: one-for-all}\n"
    root = project(tmp_path / "p", prod=stack_text(more=same), dr=stack_text("other", more=same), bad="config: {}")
    here = look_here(Project.find(root), load_stack_file(root / "stacks" / "Pulumi.prod.yaml"), find=lambda name: None)
    assert here.state == StackState({})
    assert here.engine == (3, 259, 0)
    assert here.aws_cli is False
    (conflict,) = here.conflicts
    assert "Pulumi.dr.yaml makes the bucket one-for-all too" in conflict.limit


def test_without_a_pulumi_cli_the_state_is_unknown(tmp_path, monkeypatch):
    root = project(tmp_path / "p", prod=stack_text())
    monkeypatch.setenv("PATH", str(tmp_path))
    here = look_here(Project.find(root), load_stack_file(root / "stacks" / "Pulumi.prod.yaml"))
    assert isinstance(here.state, Unknown)
    assert isinstance(here.engine, Unknown)


def test_uv_the_backend_and_the_pinned_release_are_looked_up(tmp_path, pulumi, monkeypatch):
    pulumi.answer("version", "v3.259.0")
    pulumi.answer("stack export", {"deployment": {}})
    root = project(tmp_path / "p", prod=stack_text())
    (root / "Pulumi.yaml").write_text(
        "name: velero-eks\nruntime: {name: python, options: {toolchain: uv}}\nbackend: {url: 's3://states'}\n"
    )
    (root / "pyproject.toml").write_text('[project]\ndependencies = ["pulumi>=3", "velero-on-eks == 0.9.0"]\n')
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    file = load_stack_file(root / "stacks" / "Pulumi.prod.yaml")
    here = look_here(Project.find(root), file, find=lambda name: None)
    assert (here.uv, here.uv_folder, here.deploys) == (False, None, "0.9.0")
    assert here.release == version("velero-on-eks")
    assert here.backend.url == "s3://states"
    (root / ".tools/uv/bin").mkdir(parents=True)
    (root / ".tools/uv/bin/uv").touch()
    here = look_here(Project.find(root), file, find=lambda name: f"/usr/bin/{name}")
    assert (here.uv, here.uv_folder, here.aws_cli) == (True, str(root / ".tools/uv/bin"), True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Next: pulumi up --stack prod\n"),
        ({"state": None}, "Next: pulumi stack init prod && pulumi up --stack prod\n"),
        ({"cluster": {"status": "DELETING"}}, ""),
    ],
)
def test_where_somebody_watches_it_ends_with_the_next_command(run, monkeypatch, changes, said):
    assert "Next:" not in run(clean(**changes)).stdout
    monkeypatch.setattr("velero_eks.terminal.output.watched", lambda: True)
    end = run(clean(**changes)).stdout.partition("Next:")
    assert "".join(end[1:]) == said
