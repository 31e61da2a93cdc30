"""A refusal as a value: what it hides, how it reads, and that it stays itself on its way to other processes."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest
from velero_on_eks.settings import InvalidSettings, Refusal, Refused, StackFileError, render
from velero_on_eks.settings.refusals import HIDDEN, MISSING, SHOWN, masked, smells

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
# What is not a secret of anybody's is put together here, so that no scanner takes it for one.
ACCESS_KEY = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY"

SECRET_KEYS = [
    "password",
    "repositoryPassword",
    "repositorypassword",
    "repositoryPasword",
    "repository-password",
    "repository_password",
    "velero-eks:repositoryPassword",
    "velero-eks:repostoryPassword",
    "velero-eks:dbPassword",
    "db_passwd",
    "dbPwd",
    "passphrase",
    "secret",
    "aws:secretKey",
    "aws:secret_access_key",
    "AWS_SECRET_ACCESS_KEY",
    "accessKey",
    "aws:accessKeyId",
    "token",
    "AWS_SESSION_TOKEN",
    "github-token",
    "bearerToken",
    "credentials",
    "cloudCredential",
    "apiKey",
    "api-key",
    "keyMaterial",
    "privateKey",
    "tls.private-key",
    "signingKey",
    "clientKeyData",
    "authorization",
    ".dockerconfigjson",
]
PLAIN_KEYS = [
    "kmsKeyArn",
    "keyDeletionWindowDays",
    "keyRotationDays",
    "key_deletion_window_days",
    "keyAlias",
    "key",
    "repositorySecret",
    "imagePullSecrets",
    "velero-eks:storage",
    "bucket",
    "prefix",
    "cron",
    "namespaces",
    "topologyKey",
]
SECRET_VALUES = [
    ACCESS_KEY,
    f"id {ACCESS_KEY} of someone",
    "ASIA" + "IOSFODNN7EXAMPLE",
    SECRET_KEY,
    PEM,
    "ghp_" + "a1B2" * 9,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "https://me:hunter2@registry.example.com/velero",
    f"[default]\naws_secret_access_key = {SECRET_KEY}",
    '{"password": "hunter2"}',
]
PLAIN_VALUES = [
    "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE0123456789",
    "0123456789abcdef0123456789abcdef01234567",
    "velero-shop-111122223333-eu-west-1",
    "docker.io/velero/velero",
    "https://vmware-tanzu.github.io/helm-charts",
    "30d",
]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_key_that_smells_of_a_secret_hides_its_value_wherever_it_lies(key):
    assert smells(key)
    assert Refusal("any", "limit", "remedy", (key,), "hunter2").value == HIDDEN
    assert Refusal("any", "limit", "remedy", ("release", key, "deeper"), "hunter2").value == HIDDEN
    assert masked(("release",), {"a": [{key: "hunter2", "b": 1}]}) == {"a": [{key: HIDDEN, "b": 1}]}
    assert masked((), [{"name": key, "value": "hunter2"}]) == [{"name": key, "value": HIDDEN}]


@pytest.mark.parametrize("key", PLAIN_KEYS)
def test_a_key_that_names_no_secret_shows_its_value(key):
    assert not smells(key)
    assert Refusal("any", "limit", "remedy", (key,), "seen").value == "seen"
    assert masked((), {key: {"x": "seen"}}) == {key: {"x": "seen"}}


@pytest.mark.parametrize("value", SECRET_VALUES)
def test_a_value_of_a_secrets_shape_is_hidden_under_any_key(value):
    refusal = Refusal("any", f"{value!r} is too short", f"do not write {value}", ("bucket",), value)
    assert refusal.value == HIDDEN
    assert value not in render(refusal)
    assert value[:12] not in render(refusal)
    assert masked((), {"a": (value,)}) == {"a": [HIDDEN]}


@pytest.mark.parametrize("value", PLAIN_VALUES)
def test_a_value_of_no_secrets_shape_is_shown(value):
    assert masked(("bucket",), value) == value


@pytest.mark.parametrize("value", [None, True, False, ""])
def test_what_cannot_be_a_secret_is_shown_under_any_key(value):
    assert masked(("useSecret",), value) is value


def test_words_that_quote_a_hidden_value_lose_it():
    refusal = Refusal("any", "'hunter2-hunter2' is not a duration", "", ("token",), "hunter2-hunter2")
    assert render(refusal) == "token = (hidden): '(hidden)' is not a duration"


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            Refusal("c", "limit", "remedy", ("velero-eks:a", "b", 0), 7, "stacks/Pulumi.s.yaml", 3),
            "stacks/Pulumi.s.yaml:3: velero-eks:a.b.0 = 7: limit; remedy",
        ),
        (Refusal("c", "limit", "remedy", ("a",), "x", "f"), 'f: a = "x": limit; remedy'),
        (Refusal("c", "limit", "remedy", ("a",), None), "a = null: limit; remedy"),
        (Refusal("c", "limit", "remedy", ("a",)), "a: limit; remedy"),
        (Refusal("c", "limit", file="f"), "f: limit"),
        (Refusal("c", "limit"), "limit"),
    ],
)
def test_a_refusal_reads_as_one_line(refusal, said):
    assert render(refusal) == str(refusal) == said


def test_a_value_cannot_write_to_the_terminal_nor_fake_a_line():
    said = render(Refusal("c", "red \x1b[31m\nerror: all is lost", "", ("a\u202e",), "\x1b]0;x\x07\x9b"))
    assert said.isprintable()
    assert "\n" not in said


def test_a_long_value_is_cut_in_its_middle():
    said = render(Refusal("c", "limit", "", ("a",), "begin" + "x" * 500 + "end"))
    assert 'a = "begin' in said
    assert 'end": limit' in said
    assert len(said) < SHOWN + 20


def test_a_refusal_comes_back_from_its_mapping():
    refusal = Refusal("c", "limit", "remedy", ("a", "b"), {"token": "x", "y": [1]}, "f", 2)
    given = refusal.to_mapping()
    assert given == {
        "code": "c",
        "file": "f",
        "line": 2,
        "field": "a.b",
        "value": {"token": HIDDEN, "y": [1]},
        "limit": "limit",
        "remedy": "remedy",
    }
    assert render(Refusal.from_mapping(given)) == render(refusal)
    assert "value" not in replace(refusal, value=MISSING).to_mapping()
    assert Refusal.from_mapping({}).code == "unknown"


@pytest.mark.parametrize("kind", [StackFileError, InvalidSettings])
def test_errors_keep_their_refusals_on_their_way_between_processes(kind):
    error = kind([Refusal("c", "limit", "remedy", ("a",)), Refusal("d", "other", file="f", value=None)])
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert again.refusals == error.refusals
    assert str(again) == "a: limit; remedy\nf: null: other"
    assert again.refusals[0].value is MISSING


def test_a_validators_refusal_is_placed_later():
    raised = Refused("c", "limit", "remedy", path=("b",))
    assert str(raised) == "limit; remedy"
    again: Any = pickle.loads(pickle.dumps(raised))  # noqa: S301
    assert again.at(("a",), 3).field == "a.b"
