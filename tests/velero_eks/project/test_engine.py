"""The Pulumi CLI's answers, and what is made of its errors."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.velero_eks.bootstrap.pulumi import Pulumi
from velero_eks import contact
from velero_eks.errors import BadTarget, OperationError
from velero_eks.project import engine

BUCKET = "aws:s3/bucket:Bucket"


@pytest.fixture
def pulumi(tmp_path, monkeypatch) -> Pulumi:
    return Pulumi(tmp_path / "pulumi-cli", monkeypatch)


def exported(*resources: tuple[str, str, str], **more) -> dict:
    urn = "urn:pulumi:prod::velero-eks::velero:eks:VeleroOnEks${}::{}"
    return {
        "version": 3,
        "deployment": {"resources": [{"urn": urn.format(t, n), "type": t, "id": i, **more} for t, n, i in resources]},
    }


def test_the_outputs_of_another_projects_stack_are_asked_for_by_its_full_name(pulumi, tmp_path):
    pulumi.answer("stack output --json --stack org/network/prod", {"clusterName": "shop"})
    assert engine.outputs("org/network/prod", tmp_path) == {"clusterName": "shop"}


def test_the_state_is_types_names_and_ids(pulumi, tmp_path):
    pulumi.answer("stack export --stack prod", exported((BUCKET, "velero", "shops-bucket")))
    state = engine.state("prod", tmp_path)
    assert state is not None
    assert state.resources == {(BUCKET, "velero"): "shops-bucket"}
    assert state.has(BUCKET, "velero")
    assert not state.has(BUCKET, "other")


def test_what_is_left_to_delete_is_no_longer_in_the_state(pulumi, tmp_path):
    pulumi.answer("stack export", exported((BUCKET, "velero", "old"), delete=True))
    state = engine.state("prod", tmp_path)
    assert state is not None
    assert not state.has(BUCKET, "velero")


def test_an_empty_stack_has_an_empty_state_and_one_that_is_not_there_has_none(pulumi, tmp_path):
    pulumi.answer("stack export --stack empty", {"version": 3, "deployment": {"manifest": {}}})
    pulumi.answer("stack export --stack gone", err="error: no stack named 'gone' found", code=255)
    empty = engine.state("empty", tmp_path)
    assert empty is not None
    assert empty.resources == {}
    assert engine.state("gone", tmp_path) is None


@pytest.mark.parametrize(
    "said",
    [
        "error: could not list bucket: blob (code=NotFound): NoSuchBucket: the bucket was not found",
        "error: failed to load language plugin python: executable file not found in $PATH",
    ],
)
def test_a_backend_that_is_not_found_is_not_a_stack_that_was_never_made(pulumi, tmp_path, said):
    pulumi.answer("stack export", err=said, code=255)
    with pytest.raises(OperationError, match="not found"):
        engine.state("prod", tmp_path)


def test_a_stack_that_the_service_does_not_have_was_never_made(pulumi, tmp_path):
    pulumi.answer("stack export", err="error: [404] Not found: Stack 'org/velero-eks/prod' not found", code=255)
    assert engine.state("prod", tmp_path) is None


def test_another_failure_says_the_command_and_what_it_printed(pulumi, tmp_path):
    pulumi.answer("stack export", err="error: passphrase must be set", code=255)
    with pytest.raises(OperationError, match="'pulumi stack export --stack prod' failed: passphrase must be set"):
        engine.state("prod", tmp_path)


def test_a_stack_that_is_not_there_is_bad_input_where_its_outputs_are_wanted(pulumi, tmp_path):
    pulumi.answer("stack output", err="error: no stack named 'x' found", code=255)
    with pytest.raises(BadTarget, match="no stack named 'x' found"):
        engine.outputs("x", tmp_path)


def test_a_secret_goes_over_standard_input_and_stands_in_no_argument(pulumi, tmp_path):
    pulumi.answer("config set --secret velero-eks:repositoryPassword --stack prod")
    engine.set_secret("prod", "velero-eks:repositoryPassword", "the password", tmp_path)
    ((arguments, given),) = pulumi.calls
    assert given == "the password"
    assert "the password" not in arguments


def test_the_version_is_read_with_or_without_its_decoration(pulumi, tmp_path):
    pulumi.answer("version", "v3.259.0-dev.1+abc\n")
    assert engine.version(tmp_path) == (3, 259, 0)


def test_without_a_cli_the_error_says_where_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(engine.NoEngine, match="not on PATH"):
        engine.version(tmp_path)


@pytest.mark.parametrize(
    ("variables", "saved", "seconds"),
    [
        ({"PULUMI_BACKEND_URL": "file:///states"}, "https://api.pulumi.com", engine.LOCAL_SECONDS),
        ({}, "file:///states", engine.LOCAL_SECONDS),
        ({}, "s3://states", None),
    ],
)
def test_a_backend_in_a_folder_has_more_time_wherever_that_is_said(
    monkeypatch, pulumi, tmp_path, variables, saved, seconds
):
    home = tmp_path / "pulumi-home"
    home.mkdir()
    (home / "credentials.json").write_text(json.dumps({"current": saved}))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(home))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    given = []
    real = subprocess.run

    def run(*arguments, timeout, **more):
        given.append(timeout)
        return real(*arguments, timeout=timeout, **more)

    monkeypatch.setattr(subprocess, "run", run)
    pulumi.answer("stack output --json --stack prod", {})
    engine.outputs("prod", tmp_path)
    assert given == [seconds or contact.limit()]
