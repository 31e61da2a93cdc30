"""A stack file that is changed keeps every line that was not meant, and lands whole or not at all."""

from __future__ import annotations

import pytest
from velero_on_eks.settings import load_stack_file

from tests.stacks import FILES
from tests.velero_eks.plan.projects import stack_text
from velero_eks.bootstrap.stack_edit import difference, put, with_section
from velero_eks.errors import BadTarget

VALUES = {"bucket": "velero-shop", "bucketSettings": ["policy", "versioning"], "snapshotController": True}


@pytest.mark.parametrize("stack", FILES)
def test_a_section_comes_and_goes_and_leaves_every_other_line_as_it_was(stack):
    before = FILES[stack].read_text()
    after = with_section(before, "adopt", VALUES, "taken over")
    lines = [line for line in difference(before, after, "x")[2:] if line[0] in "+-"]
    assert lines == [
        "+  # taken over",
        "+  velero-eks:adopt:",
        "+    bucket: velero-shop",
        "+    bucketSettings: [policy, versioning]",
        "+    snapshotController: true",
    ]
    assert with_section(after, "adopt", VALUES, "taken over") == after
    assert with_section(after, "adopt", None, "taken over") == before


def test_what_stands_behind_the_configuration_stays_behind_it():
    before = f"{stack_text()}\n# the engine's own\nencryptionsalt: v1:abc\n"
    after = with_section(before, "adopt", VALUES, "taken over")
    assert after.index("velero-eks:adopt") < after.index("# the engine's own")
    assert with_section(after, "adopt", None, "taken over") == before


def test_a_section_that_changed_is_replaced_and_not_doubled():
    once = with_section(stack_text(), "adopt", VALUES, "taken over")
    twice = with_section(once, "adopt", {"bucket": "other"}, "taken over")
    assert twice == with_section(stack_text(), "adopt", {"bucket": "other"}, "taken over")


def test_a_comment_of_somebodys_own_stays():
    before = stack_text(more="  # mine\n  velero-eks:adopt: {bucket: x}\n")
    assert with_section(before, "adopt", None, "taken over") == stack_text(more="  # mine\n")


@pytest.mark.parametrize(
    "text", ["config: {aws:region: eu-west-1}\n", '"config":\n  a: b\n', "config:\n  a: b\n c: d\n"]
)
def test_a_file_that_is_written_otherwise_is_left_to_its_author(text):
    with pytest.raises(BadTarget, match=r"by hand|fix it first"):
        with_section(text, "adopt", VALUES, "taken over")


def test_a_file_that_would_be_bad_is_not_put_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "stacks" / "Pulumi.prod.yaml"
    put(stack_text(), path)
    with pytest.raises(BadTarget, match=r"Pulumi\.prod\.yaml:3: velero-eks:environment"):
        put(stack_text(environment="stagnig"), path)
    assert path.read_text() == stack_text()
    assert list(path.parent.iterdir()) == [path]


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "Pulumi.prod.yaml"
    put(stack_text(), path)
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    put(stack_text("other"), path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_stack_file(path).settings.cluster.name == "other"
