"""Where Pulumi keeps its state: the CLI's own order of places, what counts as logged in, and what encrypts secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from velero_eks.project.backend import CLOUD, Backend, backend

SELF_MANAGED = "s3://states?region=eu-west-1"


@pytest.fixture
def found(tmp_path: Path):
    """Reads the backend of a project in a home of its own."""

    def read(*, project: str = "", stack: str = "", saved: dict | None = None, **environment: str) -> Backend:
        home = tmp_path / "home"
        (home / ".pulumi").mkdir(parents=True, exist_ok=True)
        if saved is not None:
            (home / ".pulumi/credentials.json").write_text(json.dumps(saved))
        (tmp_path / "Pulumi.yaml").write_text(f"name: velero-eks\n{project}")
        (tmp_path / "Pulumi.prod.yaml").write_text(f"{stack}config: {{}}\n")
        return backend(tmp_path / "Pulumi.yaml", tmp_path / "Pulumi.prod.yaml", {"HOME": str(home), **environment})

    return read


def test_a_new_machine_is_logged_in_nowhere(found):
    assert (found().url, found().logged_in) == (None, False)


def test_a_variable_wins_over_the_project_and_the_project_over_the_login(found):
    saved = {"current": CLOUD, "accessTokens": {CLOUD: "pul-1"}}
    declared = "backend: {url: 'gs://states'}\n"
    assert found(saved=saved).url == CLOUD
    assert found(saved=saved, project=declared).url == "gs://states"
    assert found(saved=saved, project=declared, PULUMI_BACKEND_URL=SELF_MANAGED).url == SELF_MANAGED


@pytest.mark.parametrize(
    ("saved", "variables", "logged_in"),
    [
        ({"current": CLOUD, "accessTokens": {CLOUD: "pul-1"}}, {}, True),
        ({"current": CLOUD, "accounts": {CLOUD: {"accessToken": "pul-1"}}}, {}, True),
        ({"current": CLOUD, "accessTokens": {}}, {}, False),
        ({"current": CLOUD}, {"PULUMI_ACCESS_TOKEN": "pul-1"}, True),
        ({}, {"PULUMI_ACCESS_TOKEN": "pul-1"}, True),
        ({}, {"PULUMI_BACKEND_URL": SELF_MANAGED}, True),
        ({"current": "file://~"}, {}, True),
        ({}, {"PULUMI_BACKEND_URL": "https://pulumi.acme.example"}, False),
    ],
)
def test_a_service_needs_a_token_and_a_bucket_or_folder_none(found, saved, variables, logged_in):
    assert found(saved=saved, **variables).logged_in is logged_in


@pytest.mark.parametrize(
    ("url", "stack", "needs"),
    [
        (CLOUD, "", False),
        (SELF_MANAGED, "", True),
        (SELF_MANAGED, "secretsprovider: awskms://alias/pulumi\n", False),
        (SELF_MANAGED, "secretsprovider: default\n", True),
        (CLOUD, "encryptionsalt: v1:abc\n", True),
        (CLOUD, "secretsprovider: passphrase\nencryptionsalt: v1:abc\n", True),
    ],
)
def test_a_passphrase_is_needed_where_neither_a_service_nor_a_key_encrypts(found, url, stack, needs):
    assert found(stack=stack, PULUMI_BACKEND_URL=url).needs_passphrase is needs


def test_an_empty_passphrase_is_one_and_a_file_that_is_missing_is_named(found, tmp_path):
    file = tmp_path / "passphrase"
    assert found().passphrase is False
    assert found(PULUMI_CONFIG_PASSPHRASE="").passphrase is True
    missing = found(PULUMI_CONFIG_PASSPHRASE_FILE=str(file))
    assert (missing.passphrase, missing.passphrase_file) == (False, str(file))
    file.write_text("words")
    there = found(PULUMI_CONFIG_PASSPHRASE_FILE=str(file))
    assert (there.passphrase, there.passphrase_file) == (True, None)


def test_files_that_are_damaged_say_nothing(found, tmp_path):
    found(saved={"current": CLOUD})
    (tmp_path / "home/.pulumi/credentials.json").write_text("{")
    (tmp_path / "Pulumi.yaml").write_text("name: [")
    (tmp_path / "Pulumi.prod.yaml").write_bytes(b"\xff\x00")
    read = backend(tmp_path / "Pulumi.yaml", tmp_path / "Pulumi.prod.yaml", {"HOME": str(tmp_path / "home")})
    assert read == Backend(url=None, logged_in=False, passphrase=False)
