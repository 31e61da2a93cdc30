"""`velero-eks adopt`: shown first, written only then, the password never seen, and no way back into trouble."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from velero_on_eks.adoption import BUCKET_SETTINGS, FIELDS, SCHEDULE
from velero_on_eks.settings import load_stack_file

from tests.velero_eks.plan.projects import plan_of, project, stack_text
from velero_eks.bootstrap.adopt.existing_aws import Existing
from velero_eks.bootstrap.adopt.survey import Adoption, Blocked, Found
from velero_eks.commands import adopt as command
from velero_eks.commands.adopt import DONE, LEFT, render, run_adopt, run_done
from velero_eks.errors import BadTarget
from velero_eks.terminal.questions import Terminal
from velero_eks.trees import ABSENT, Difference

BUCKET = "velero-shop-111122223333-eu-west-1"
PASSWORD = "the-password-in-the-cluster"
SECURE = "  velero-eks:repositoryPassword:\n    secure: v1:abc:def\n"


class Cluster:
    """Stands for the cluster, of which the password alone is asked."""

    def password(self) -> str:
        return PASSWORD


def watched(*lines: str) -> Terminal:
    return Terminal(io.StringIO("".join(f"{line}\n" for line in lines)), io.StringIO(), watched=True)


NOBODY = Terminal(io.StringIO(), io.StringIO(), watched=False)


@pytest.fixture
def root(tmp_path):
    return project(tmp_path / "p", prod=stack_text())


def path(root: Path) -> Path:
    return root / "stacks" / "Pulumi.prod.yaml"


def found(root: Path, *fields: str, **more) -> Adoption:
    """An adoption of these fields of the stack in `root`."""
    recording = plan_of(root, "prod").recording
    ids = {"bucket": BUCKET, "role": "velero-shop-eu-west-1", "repository_secret": "velero-repo-credentials"}
    adopted = [Found(recording.of_type(FIELDS[field])[0], Existing(ids[field])) for field in fields]
    return Adoption(found=tuple(adopted), password="repository_secret" in fields, **more)


@pytest.fixture
def sees(monkeypatch):
    """Lets the command see this adoption."""

    def see(adoption: Adoption) -> None:
        monkeypatch.setattr(command, "look", lambda project, file, kubeconfig: (adoption, Cluster()))

    return see


def test_it_is_shown_and_written_with_a_yes(root, sees, capsys):
    sees(found(root, "bucket", "role"))
    assert run_adopt("prod", start=root, terminal=watched("y")) == DONE
    settings = load_stack_file(path(root)).settings
    assert settings.adopt.bucket == BUCKET
    assert settings.adopt.role == "velero-shop-eu-west-1"
    shown = capsys.readouterr().out
    assert f"+    bucket: {BUCKET}" in shown
    assert "velero-eks adopt prod --done" in path(root).read_text()


def test_without_a_yes_nothing_is_written(root, sees, capsys):
    sees(found(root, "bucket"))
    before = path(root).read_text()
    assert run_adopt("prod", start=root, terminal=watched("")) == LEFT
    with pytest.raises(BadTarget, match="Give --yes"):
        run_adopt("prod", start=root, terminal=NOBODY)
    assert path(root).read_text() == before
    assert f"+    bucket: {BUCKET}" in capsys.readouterr().out


def test_one_thing_that_cannot_be_stops_all_of_it(root, sees, capsys):
    sees(found(root, "bucket", blocked=(Blocked("Role x", "its path is /a/", "set identity.roleName"),)))
    before = path(root).read_text()
    assert run_adopt("prod", yes=True, start=root, terminal=NOBODY) == LEFT
    assert path(root).read_text() == before
    shown = capsys.readouterr().out
    assert "its path is /a/" in shown
    assert "→ set identity.roleName" in shown
    assert "nothing was written" in shown


def test_where_nothing_exists_it_says_so(root, sees, capsys):
    sees(Adoption())
    assert run_adopt("prod", start=root, terminal=NOBODY) == DONE
    assert "Nothing to take over: the state has everything" in capsys.readouterr().out


def test_the_password_goes_to_the_engine_and_nowhere_else(root, sees, pulumi, capsys):
    sees(found(root, "repository_secret"))
    pulumi.answer("config set --secret velero-eks:repositoryPassword --stack prod")
    # The engine writes into the file itself; this one does not, so that the section is refused and nothing is put.
    with pytest.raises(BadTarget, match=r"adopt\.repositorySecret"):
        run_adopt("prod", yes=True, start=root, terminal=NOBODY)
    ((arguments, given),) = pulumi.calls
    assert given == PASSWORD
    assert PASSWORD not in "".join(arguments) + path(root).read_text() + "".join(capsys.readouterr())
    path(root).write_text(path(root).read_text() + SECURE)
    pulumi.answer("config get velero-eks:repositoryPassword --stack prod", f"{PASSWORD}\n")
    assert run_adopt("prod", yes=True, start=root, terminal=NOBODY) == DONE
    assert load_stack_file(path(root)).settings.adopt.repository_secret == "velero-repo-credentials"


def test_another_password_in_the_file_is_refused_before_anything_is_lost(root, sees, pulumi):
    sees(found(root, "repository_secret"))
    path(root).write_text(path(root).read_text() + SECURE)
    pulumi.answer("config get velero-eks:repositoryPassword --stack prod", "someone-elses-password\n")
    with pytest.raises(BadTarget, match="another one than the cluster's Secret has"):
        run_adopt("prod", yes=True, start=root, terminal=NOBODY)


def test_the_same_again_changes_nothing(root, sees, capsys):
    sees(found(root, "bucket"))
    run_adopt("prod", yes=True, start=root, terminal=NOBODY)
    before = path(root).read_text()
    assert run_adopt("prod", start=root, terminal=NOBODY) == DONE
    assert path(root).read_text() == before
    assert "is already up to date" in capsys.readouterr().out


def test_json_writes_only_with_a_yes(root, sees, capsys):
    sees(found(root, "bucket", notes=("the role has other policies",)))
    before = path(root).read_text()
    assert run_adopt("prod", as_json=True, start=root) == DONE
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["stack"], document["written"]) == (1, "prod", False)
    assert document["section"] == {"bucket": BUCKET}
    assert document["import"] == [{"type": FIELDS["bucket"], "name": "velero", "id": BUCKET, "differences": []}]
    assert path(root).read_text() == before
    assert run_adopt("prod", as_json=True, yes=True, start=root) == DONE
    assert json.loads(capsys.readouterr().out)["written"] is True
    assert load_stack_file(path(root)).settings.adopt.bucket == BUCKET


SECTION = f"""\
  velero-eks:adopt:
    bucket: {BUCKET}
    bucketSettings: [policy]
    schedules: [daily-backup]
"""


def exported(*resources: tuple[str, str]) -> dict:
    urns = [{"urn": f"urn:pulumi:prod::velero-eks::{t}::{n}", "type": t, "id": "x"} for t, n in resources]
    return {"deployment": {"resources": urns}}


def test_done_takes_the_section_away_once_the_state_has_everything(root, pulumi, capsys):
    before = path(root).read_text()
    path(root).write_text(before + SECTION)
    all_of_it = [(FIELDS["bucket"], "velero"), (BUCKET_SETTINGS["policy"], "velero"), (SCHEDULE, "velero-daily-backup")]
    pulumi.answer("stack export", exported(*all_of_it))
    assert run_done("prod", start=root, terminal=watched("y")) == DONE
    assert path(root).read_text() == before
    assert run_done("prod", start=root, terminal=NOBODY) == DONE
    assert "nothing to do" in capsys.readouterr().out


def test_done_answers_programs_and_writes_only_with_a_yes(root, pulumi, capsys):
    before = path(root).read_text()
    path(root).write_text(before + SECTION)
    all_of_it = [(FIELDS["bucket"], "velero"), (BUCKET_SETTINGS["policy"], "velero"), (SCHEDULE, "velero-daily-backup")]
    pulumi.answer("stack export", exported(*all_of_it))
    for yes, text, written in ((False, before + SECTION, False), (True, before, True), (True, before, False)):
        assert run_done("prod", yes=yes, as_json=True, start=root, terminal=NOBODY) == DONE
        answer = {"version": 1, "stack": "prod", "section": {}, "written": written}
        assert json.loads(capsys.readouterr().out) == answer
        assert path(root).read_text() == text


def test_done_refuses_while_the_state_lacks_something(root, pulumi):
    path(root).write_text(path(root).read_text() + SECTION + "    keyAlias: alias/velero-shop\n")
    pulumi.answer("stack export", exported((FIELDS["bucket"], "velero")))
    with pytest.raises(BadTarget, match="bucketSettings policy, keyAlias, schedule daily-backup"):
        run_done("prod", yes=True, start=root, terminal=NOBODY)
    assert "velero-eks:adopt" in path(root).read_text()


def test_a_stack_that_is_not_initialised_is_told_to_be(root, pulumi):
    pulumi.answer("stack export", err="error: no stack named 'prod' found", code=255)
    with pytest.raises(BadTarget, match="pulumi stack init prod"):
        run_adopt("prod", start=root, terminal=NOBODY)


@pytest.mark.parametrize("width", [80, 120])
def test_the_plan_stays_within_the_terminal(root, width):
    bucket = plan_of(root, "prod").recording.one(FIELDS["bucket"])
    changes = [Difference(f"tags.number-{number:02}", "one" * number, ABSENT) for number in range(12)]
    changes += [Difference(f"tags.new-{number}", ABSENT, "x") for number in range(6)]
    adoption = Adoption(
        found=(Found(bucket, Existing(BUCKET), (Difference("tags.a", ABSENT, {"x": 1}), *changes)),),
        made=(bucket,),
        blocked=(Blocked("Role x", "its path is /service-role/ and long to tell " * 3, "set identity.roleName"),),
        notes=("the role has other policies, which stay: " + "one-of-them, " * 12,),
    )
    sink = io.StringIO()
    render(load_stack_file(path(root)), adoption, Console(file=sink, width=width))
    lines = sink.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "and 3 more are added" in sink.getvalue()
    assert "+ tags.a: {" in sink.getvalue()
    assert all(f"- tags.number-{number:02}" in sink.getvalue() for number in range(12))
