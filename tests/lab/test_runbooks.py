"""Every command of every runbook, typed in the page's order into a lab in which the incident happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.deployment import PROJECT, STACK_FILE, Deployment
from lab.environment import running_lab
from lab.rehearsal import application as app
from tests.lab.scenes import Scenes
from tests.lab.typing_in import typed
from tests.runbooks import Event, pages, read

pytestmark = pytest.mark.lab

STACK, CONTEXT = "prod", "exam-prod"
# The last one ends the cluster of the others.
PAGES = sorted(pages(), key=lambda page: (page.stem == "cluster-lost", page.stem))


@pytest.fixture(scope="module")
def scenes(programs, chart, tmp_path_factory) -> Iterator[Scenes]:
    """A lab of its own in which the names are those of the pages: stack, context, namespace and schedule."""
    directory = tmp_path_factory.mktemp("runbooks")
    with running_lab(programs, directory / "lab", name=CONTEXT, keep=True) as lab:
        document = yaml.safe_load(STACK_FILE.read_text())
        config = document["config"]
        config["velero-eks:environment"] = "production"
        config["velero-eks:cluster"].update(name=CONTEXT, context=CONTEXT, oidcIssuer=lab.cluster.control_plane.issuer)
        config["velero-eks:recovery"] = {"rpo": "24h", "retention": "30d", "namespaces": [app.NAMESPACE]}
        config["velero-eks:schedules"]["daily-backup"]["keep"] = "30d"
        source = directory / "Pulumi.prod.yaml"
        source.write_text(yaml.safe_dump(document, sort_keys=False))
        deployment = Deployment(lab, stack=STACK, stack_file=source, workspace=directory / "project", chart=chart)
        played = Scenes(deployment)
        played.begin()
        deployment.prepare()
        deployment.up()
        lab.cluster.wait_until_available("velero", "velero")
        played.velero.wait_until_location_is_available()
        yield played


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_runbook_does_what_the_page_says(page: Path, scenes: Scenes):
    scenes.begin()
    deployment = scenes.deployment
    try:
        for step in read(page):
            if isinstance(step, Event):
                scenes.play(step.name)
                continue
            environment = {**deployment.lab.environment, **deployment.variables, "PYTHONPATH": str(PROJECT)}
            code, shown = typed(step.text, folder=deployment.workspace, environment=environment)
            where = f"{page.name}:{step.line}: {step.text}"
            if os.environ.get("RUNBOOKS_SHOW"):
                print(f"\n##### {where}\n{shown}")
            assert code == step.code, f"{where}: exit code {code}\n{shown}"
            assert step.missing_from(shown) is None, f"{where}: not shown: {step.missing_from(shown)!r}\n{shown}"
    finally:
        scenes.end()
