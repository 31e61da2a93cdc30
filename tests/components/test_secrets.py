"""A secret given anywhere in the configuration stays one: in what is registered, planned, exported, said and compared.

The engine decrypts what it hands to a program and says of a whole key that it is secret. Where in it the secret is,
the stack file says; without one, every text where one may be.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws
import pulumi_kubernetes
import pytest
from velero_on_eks import VeleroOnEks, VeleroValues
from velero_on_eks.args import VeleroOnEksArgs
from velero_on_eks.settings import StackFileError, load_from_pulumi, load_stack_file
from velero_on_eks.settings.late import LateText, SecretText

from tests.support import ACCOUNT, ISSUER, MINIMAL
from velero_eks.errors import ProgramError
from velero_eks.plan.model import Recording
from velero_eks.plan.recorder import record_program

RELEASE = "kubernetes:helm.sh/v3:Release"
BUCKET = "aws:s3/bucket:Bucket"
COMPONENT = "velero-eks:index:VeleroOnEks"
# What the engine decrypts each to, and what no plan, message or output may hold.
PLAIN = "hunter2-in-the-clear"
HIDDEN = {"secret": True}


def configured(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """A production stack's `config`, with encrypted values where the change puts them."""
    config = {f"velero-eks:{key}": value for key, value in copy.deepcopy(MINIMAL).items() if key != "region"}
    config = {"aws:region": MINIMAL["region"], **config}
    change(config)
    return json.loads(json.dumps(config).replace('"SECRET"', json.dumps({"secure": "v1:abc"})))


# One stack with a secret in each place, and by what each is the type that gets it and the way to it there.
def everywhere(config: dict[str, Any]) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "SECRET"}}
    values = {
        "configuration": {"extraEnvVars": [{"name": "DB_PASSWORD", "value": "SECRET"}]},
        "extraObjects": [secret],
        "hostAliases": [{"ip": "SECRET", "hostnames": ["registry.local"]}],
        "metrics": {"serviceMonitor": {"additionalLabels": {"team": "SECRET"}}},
        "nodeSelector": {"pool": "SECRET"},
        "podAnnotations": {"example.com/api-token": "SECRET"},
    }
    config["velero-eks:release"] = {"helmValuesOverrides": values}
    config["velero-eks:tags"] = {"team": "platform", "cost-centre": "SECRET"}


PLACES: dict[str, tuple[str, list[str | int]]] = {
    "a variable's value": (RELEASE, ["values", "configuration", "extraEnvVars", 0, "value"]),
    "an object's data": (RELEASE, ["values", "extraObjects", 0, "stringData", "password"]),
    "an address": (RELEASE, ["values", "hostAliases", 0, "ip"]),
    "a monitor's label": (RELEASE, ["values", "metrics", "serviceMonitor", "additionalLabels", "team"]),
    "a node's label": (RELEASE, ["values", "nodeSelector", "pool"]),
    "an annotation": (RELEASE, ["values", "podAnnotations", "example.com/api-token"]),
    "a tag": (BUCKET, ["tags", "cost-centre"]),
}


def at(tree: Any, path: list[str | int]) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def program() -> None:
    """What this repository's program does."""
    settings = load_from_pulumi()
    aws = pulumi_aws.Provider("aws", region=settings.region)
    kubernetes = pulumi_kubernetes.Provider("kubernetes", context="test")
    velero = VeleroOnEks("velero", settings, pulumi.ResourceOptions(providers=[aws, kubernetes]))
    for name, value in velero.exports().items():
        pulumi.export(name, value)
    pulumi.export("values", velero.helm_values)


def engine(config: dict[str, Any]) -> Recording:
    """A run as the engine does it: everything decrypted, and the keys said that hold a secret."""
    encrypted = '{"secure": "v1:abc"}'
    secret = [key for key, value in config.items() if encrypted in json.dumps(value)]
    plain = json.loads(json.dumps(config).replace(encrypted, json.dumps(PLAIN)))
    return record_program(program, stack="prod", config=plain, secret_keys=secret)


@pytest.fixture
def in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Path]:
    """Writes a stack file, as the engine's current folder has it."""

    def write(config: dict[str, Any]) -> Path:
        path = tmp_path / "stacks" / "Pulumi.prod.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"config": config}), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        return path

    return write


def hidden(recording: Recording) -> list[str]:
    """The places that are secret in what was registered."""
    return [place for place, (kind, path) in PLACES.items() if at(recording.one(kind).inputs, path) == HIDDEN]


def test_a_decrypted_value_is_registered_as_a_secret_and_nothing_beside_it_is(in_project):
    config = configured(everywhere)
    in_project(config)
    recording = engine(config)
    assert hidden(recording) == list(PLACES)
    assert PLAIN not in repr(recording)
    # The rest can be read, compared and judged.
    values = recording.one(RELEASE).inputs["values"]
    assert values["image"]["repository"].endswith("/velero")
    assert values["configuration"]["extraEnvVars"][0]["name"] == "DB_PASSWORD"
    assert values["extraObjects"][0]["metadata"] == {"name": "db"}
    assert recording.one(BUCKET).inputs["tags"]["team"] == "platform"
    assert recording.outputs["values"] == HIDDEN
    said = (recording.one(COMPONENT).outputs or {})["settings"]
    assert (said["cluster"]["name"], said["tags"]) == ("shop", {"team": "platform", "cost-centre": HIDDEN})


def test_without_a_stack_file_every_text_there_is_hidden(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recording = engine(configured(everywhere))
    assert hidden(recording) == list(PLACES)
    assert PLAIN not in repr(recording)


def test_a_plan_has_it_as_a_secret_that_only_the_engine_can_decrypt(in_project):
    file = load_stack_file(in_project(configured(everywhere)))
    recording = record_program(program, stack="prod", config=file.config)
    assert hidden(recording) == list(PLACES)
    assert "v1:abc" not in repr(recording)
    assert "v1:abc" not in repr(file.settings)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda config: config["velero-eks:cluster"].update(name="SECRET"), "velero-eks:cluster.name"),
        (lambda config: config["velero-eks:cluster"].update(account="SECRET"), "velero-eks:cluster.account"),
        (lambda config: config.update({"aws:region": "SECRET"}), "aws:region"),
        (lambda config: config.update({"velero-eks:environment": "SECRET"}), "velero-eks:environment"),
        (lambda config: config.update({"velero-eks:storage": {"kmsKeyArn": "SECRET"}}), "velero-eks:storage.kmsKeyArn"),
        (lambda config: config.update({"velero-eks:release": {"namespace": "SECRET"}}), "velero-eks:release.namespace"),
        (lambda config: config.update({"velero-eks:tags": "SECRET"}), "velero-eks:tags"),
        (
            lambda config: config.update({"velero-eks:release": {"helmValuesOverrides": "SECRET"}}),
            "velero-eks:release.helmValuesOverrides",
        ),
        (
            lambda config: config.update({"velero-eks:schedules": {"daily": {"cron": "SECRET", "keep": "30d"}}}),
            "velero-eks:schedules.daily.cron",
        ),
    ],
)
def test_what_is_in_plain_view_anyway_cannot_be_a_secret(change, place, in_project):
    config = configured(change)
    path = in_project(config)
    with pytest.raises(StackFileError) as offline:
        load_stack_file(path)
    [refusal] = offline.value.refusals
    assert (refusal.code, refusal.field) == ("secret-not-here", place)
    with pytest.raises(ProgramError) as deployed:
        engine(config)
    said = str(deployed.value)
    assert place in said
    assert PLAIN not in said


@pytest.mark.parametrize("key", ["velero-eks:repositorypasword", "velero-eks:dbPassword", "aws:secretKey"])
def test_a_secret_under_a_key_that_nothing_reads_is_not_printed(key, in_project):
    config = configured(lambda config: config.update({key: "SECRET"}))
    in_project(config)
    with pytest.raises(ProgramError) as raised:
        engine(config)
    assert key in str(raised.value)
    assert PLAIN not in str(raised.value)


def test_a_secret_that_is_no_good_fails_with_its_field_and_without_its_value(in_project):
    config = configured(lambda config: config.update({"velero-eks:tags": {"a": "SECRET"}}))
    in_project(config)
    bad = "R&D #1 " + "x" * 300
    plain = json.loads(json.dumps(config).replace('{"secure": "v1:abc"}', json.dumps(bad)))
    with pytest.raises(ProgramError) as raised:
        record_program(program, stack="prod", config=plain, secret_keys=["velero-eks:tags"])
    assert "tags.a" in str(raised.value)
    assert "R&D" not in str(raised.value)


def test_a_programs_own_secret_hides_itself_alone():
    def late(value: Any) -> Any:
        return pulumi.Output.secret(value)

    def made() -> None:
        aws = pulumi_aws.Provider("aws", region="eu-west-1")
        kubernetes = pulumi_kubernetes.Provider("kubernetes", context="test")
        args = VeleroOnEksArgs(
            environment="production",
            region="eu-west-1",
            cluster={"name": "shop", "account": ACCOUNT, "kubernetes_version": "1.34", "oidc_issuer": ISSUER},
            tags={"team": "platform", "cost-centre": late(PLAIN)},
            release={"helm_values_overrides": {"podAnnotations": late({"example.com/a": PLAIN})}},
        )
        VeleroOnEks("velero", args, pulumi.ResourceOptions(providers=[aws, kubernetes]))

    recording = record_program(made)
    assert PLAIN not in repr(recording)
    assert recording.one(BUCKET).inputs["tags"]["team"] == "platform"
    assert recording.one(BUCKET).inputs["tags"]["cost-centre"] == HIDDEN
    values = recording.one(RELEASE).inputs["values"]
    assert values["podAnnotations"] == HIDDEN
    assert values["priorityClassName"] == "system-cluster-critical"
    said = (recording.one(COMPONENT).outputs or {})["settings"]
    assert said["tags"] == {"team": "platform", "cost-centre": HIDDEN}


def test_a_late_mapping_is_laid_over_ours_key_by_key():
    def made() -> None:
        aws = pulumi_aws.Provider("aws", region="eu-west-1")
        values = {"podAnnotations": pulumi.Output.from_input({"example.com/a": "b"})}
        given = VeleroValues(
            "velero",
            {"bucket": "backups-of-the-shop", "region": "eu-west-1", "helm_values_overrides": values},
            pulumi.ResourceOptions(providers=[aws]),
        )
        pulumi.export("values", given.helm_values)

    annotations = record_program(made).outputs["values"]["podAnnotations"]
    assert annotations == {"karpenter.sh/do-not-disrupt": "true", "example.com/a": "b"}


def test_a_stand_in_for_a_secret_does_not_show_it_and_stays_one_in_another_process():
    made = SecretText("tags.a", PLAIN)
    assert (str(made), made.value) == ("tags.a", PLAIN)
    assert PLAIN not in repr(made)
    again = pickle.loads(pickle.dumps(made))  # noqa: S301
    assert (type(again), again, again.value) == (SecretText, made, PLAIN)
    assert copy.deepcopy({"a": made})["a"] is made
    assert isinstance(made, LateText)
