"""The first hour to its end: the tool installed from its wheel, its six commands typed in an empty folder, all good.

What the lab adds to the commands of the README: the kubeconfig context of its cluster, the address of its S3 in the
stack's file, and yes to Pulumi's question. Its language host is older than the toolchain uv, and asks pip which
packages there are: so `uv sync` and pip come before `pulumi up`, which otherwise syncs by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from velero_on_eks.settings.versions import PINNED_VELERO

from lab.deployment import Deployment
from lab.environment import LabEnvironment, running_lab
from tests.package.bare import Machine, Ran, build, cache, report

pytestmark = pytest.mark.lab

INSTALL = "uv tool install velero-eks"
PLAN = "velero-eks plan prod"
PREFLIGHT = "velero-eks preflight prod"
SYNC = "uv sync --quiet && uv pip install --quiet pip"
UP = "pulumi stack init prod && pulumi up --yes"
BACKUP = "velero-eks backup first --stack prod --schedule daily-backup"
STATUS = "velero-eks status prod"


@pytest.fixture(scope="module")
def empty_lab(programs, tmp_path_factory) -> Iterator[LabEnvironment]:
    """A lab of its own, in which nothing was deployed yet."""
    with running_lab(programs, tmp_path_factory.mktemp("first-hour") / "lab", keep=True) as running:
        yield running


@pytest.fixture(scope="module")
def typed(empty_lab, chart, tmp_path_factory, request) -> list[Ran]:
    """The commands in their order, each in a new shell, until one is not good."""
    machine = Machine.make(tmp_path_factory.mktemp("machine"), cache=cache())
    machine.install_uv()
    folder = machine.home / "backups"
    folder.mkdir()
    deployment = Deployment(empty_lab, stack="prod", workspace=folder, chart=chart)
    deployment.start_providers()
    variables = {
        **deployment.variables,
        "UV_FIND_LINKS": str(build(tmp_path_factory.mktemp("dist"))),
        # Of the project's own environment the engine's language host takes python3.
        "PATH": os.pathsep.join(
            [str(machine.home / ".local/bin"), str(folder / ".venv/bin"), deployment.variables["PATH"]]
        ),
    }
    region = empty_lab.cloud.region
    init = f"velero-eks init prod --cluster velero-eks-lab --region {region} --context velero-eks-lab"
    # At a terminal: yes to the files and the default of each question, and yes to the backup.
    answers = {init: "y\n" + "\n" * 8, BACKUP: "y\n"}
    ran: list[Ran] = []
    for command in (INSTALL, init, PLAN, PREFLIGHT, SYNC, UP, BACKUP, STATUS):
        ran.append(machine.type(command, cwd=folder, answers=answers.get(command), variables=variables))
        if ran[-1].code != 0:
            break
        if command == init:
            in_the_lab(folder / "stacks/Pulumi.prod.yaml", empty_lab)
    report(request, "The six commands in the lab", ran)
    return ran


def in_the_lab(file: Path, lab: LabEnvironment) -> None:
    """Put the address of the lab's S3 into a stack's file, and the Velero that the lab runs where it is another."""
    document = yaml.safe_load(file.read_text())
    document["config"]["velero-eks:storage"] = {"s3Url": lab.cloud.endpoint, "s3ForcePathStyle": True}
    if (tag := f"v{lab.programs.velero_version}") != PINNED_VELERO:
        document["config"]["velero-eks:release"] = {"image": {"tag": tag}}
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def test_every_command_is_good(typed):
    last = typed[-1]
    assert [each.code for each in typed] == [0] * 8, f"{last.command}\n{last.out[-3000:]}\n{last.err[-3000:]}"


def test_each_leads_to_the_next(typed):
    _, init, plan, preflight, _, up, backup, status = (f"{ran.out}{ran.err}" for ran in typed)
    for command in (PLAN, PREFLIGHT, "pulumi stack init prod && pulumi up", BACKUP):
        assert f"  {command}" in init
    assert "1 stack planned: 0 errors" in plan
    assert "Nothing was found." in preflight or "Nothing stops 'pulumi up'" in preflight
    assert "created" in up
    assert "Completed" in backup
    assert "first" in status
