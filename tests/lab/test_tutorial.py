"""The tutorial, typed line by line into a lab; README shows of the same commands what they printed there.

Then what it made is destroyed on purpose and adopted again, by the commands of those pages.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.deployment import PROJECT, Deployment
from lab.environment import LabEnvironment, running_lab
from tests.lab.scenes import Scenes
from tests.lab.typing_in import typed
from tests.pages import blocks
from tests.runbooks import Command, programs
from tests.test_pages import runs_here

pytestmark = [pytest.mark.lab, pytest.mark.day2]

TUTORIAL, README = PROJECT / "docs" / "tutorial.md", PROJECT / "README.md"
DESTROY, ADOPT = (PROJECT / "docs" / "how-to" / name for name in ("destroy.md", "adopt.md"))
CLUSTER = "exam-prod"
# The package test installs from built distributions; here the tool is this environment's.
INSTALLED = "uv tool install"


def sessions(page: Path) -> list[Command]:
    """What a page types and shows the output of."""
    return [command for block in blocks(page) if block.language == "console" for command in block.commands]


class Tutorial(Deployment):
    """A lab in which someone begins in an empty folder: nothing is laid out, the providers run."""

    def begin(self) -> None:
        """Start what the engine reaches AWS and the cluster by."""
        self.workspace.mkdir()
        self.start_providers()

    def reach_the_lab(self) -> None:
        """Lead the stack file that `init` wrote to the lab: its S3 has an address, and its cluster a context."""
        document: dict[str, Any] = yaml.safe_load(self.stack_file.read_text())
        document["config"]["velero-eks:cluster"]["context"] = CLUSTER
        document["config"]["velero-eks:storage"].update(s3Url=self.lab.cloud.endpoint, s3ForcePathStyle=True)
        self.stack_file.write_text(yaml.safe_dump(document, sort_keys=False))

    @property
    def shell(self) -> dict[str, str]:
        """The variables of the terminal. `pulumi up` asks with a menu of its own, which is answered here."""
        return {
            **self.lab.environment,
            **self.variables,
            "PYTHONPATH": str(PROJECT),
            "PULUMI_SKIP_CONFIRMATIONS": "true",
            # The page is of a person's terminal, also where CI types it.
            "CI": "",
        }


@pytest.fixture(scope="module")
def lab(programs, tmp_path_factory) -> Iterator[LabEnvironment]:
    with running_lab(programs, tmp_path_factory.mktemp("tutorial") / "lab", name=CLUSTER, keep=True) as running:
        yield running


@pytest.fixture(scope="module")
def tutorial(lab, chart, tmp_path_factory) -> Tutorial:
    made = Tutorial(lab, stack="prod", workspace=tmp_path_factory.mktemp("home") / "backups", chart=chart)
    made.begin()
    return made


@pytest.fixture(scope="module")
def printed(tutorial, request) -> dict[str, tuple[int, str]]:
    """Every command of the tutorial in its order: its exit code and what it printed."""
    lab, scenes = tutorial.lab, Scenes(tutorial)
    scenes.begin()

    def told(line: str) -> None:
        with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
            print(line)

    told("\nThe tutorial in the lab:")
    found: dict[str, tuple[int, str]] = {}
    for command in sessions(TUTORIAL):
        if command.text.startswith(INSTALLED):
            continue
        started = time.monotonic()
        code, shown = typed(command.text, folder=tutorial.workspace, environment=tutorial.shell, seconds=400)
        told(f"  {time.monotonic() - started:5.1f} s  exit code {code}  {command.text}")
        if os.environ.get("RUNBOOKS_SHOW"):
            told(shown)
        assert code == command.code, f"{command.text}: exit code {code}\n{shown}"
        # The last time that the same line is typed counts.
        found[command.text] = code, shown
        assert problem(command, shown) is None, f"{command.text}: not shown: {problem(command, shown)}\n{shown}"
        if command.text.startswith("velero-eks init"):
            tutorial.reach_the_lab()
        if "pulumi up" in command.text:
            lab.cluster.wait_until_available("velero", "velero")
            scenes.velero.wait_until_location_is_available()
    scenes.play("whole")
    return found


def problem(command: Command, shown: str) -> str | None:
    """What the page shows and the lab did not, whatever the numbers.

    A plan and a stack file are of the page's own cluster, and are compared where no lab is needed.
    """
    return None if runs_here(command) else replace(command, shown=folded(command.shown)).missing_from(folded(shown))


def folded(text: str) -> str:
    """The text with every number the same: dates, accounts and counts are those of another day."""
    return re.sub(r"\d+", "0", text)


def test_the_tutorial_does_what_it_says_and_the_namespace_comes_back_whole(printed):
    assert len(printed) > 8


def test_readme_shows_what_the_same_commands_print(printed):
    typed_here = [each for each in sessions(README) if not each.text.startswith(INSTALLED)]
    assert len(typed_here) == 5
    for command in typed_here:
        assert problem(command, printed[command.text][1]) is None, command.text
        assert programs(command.text)


@pytest.mark.usefixtures("printed")
def test_a_destroy_on_purpose_keeps_the_backups(tutorial):
    outputs = tutorial.outputs()
    first, *_ = DESTROY.read_text().split("## Remove the backups as well")
    type_all(tutorial, DESTROY, until=len(first.splitlines()))
    cloud = tutorial.lab.cloud
    backups = cloud.client("s3").list_objects_v2(Bucket=outputs["bucket"], Prefix="backups/first/")
    assert backups["KeyCount"] > 3
    assert cloud.client("kms").describe_key(KeyId=outputs["keyArn"])["KeyMetadata"]["Enabled"]
    assert tutorial.lab.cluster.api.find("/api/v1/namespaces/velero") is None
    assert tutorial.outputs() == {}


@pytest.mark.usefixtures("printed")
def test_what_was_kept_is_adopted_again_and_has_the_backups(tutorial):
    """After the test above: bucket and key are there, and the stack's state is empty."""
    type_all(tutorial, ADOPT)
    assert "velero-eks:adopt" not in yaml.safe_load(tutorial.stack_file.read_text())["config"]
    scenes = Scenes(tutorial)
    tutorial.lab.cluster.wait_until_available("velero", "velero")
    scenes.play("backups-are-seen")
    names = [body["metadata"]["name"] for body in scenes.api.list("/apis/velero.io/v1/namespaces/velero/backups")]
    assert names == ["first"]


def type_all(tutorial: Tutorial, page: Path, *, until: int = 10_000) -> None:
    """Type what a page has up to a line, whether it shows the output or not. All of it must end well."""
    for block in blocks(page):
        for command in block.commands if block.line < until else ():
            code, shown = typed(command.text, folder=tutorial.workspace, environment=tutorial.shell, seconds=400)
            assert (code, command.missing_from(shown)) == (0, None), f"{command.text}: exit code {code}\n{shown}"
