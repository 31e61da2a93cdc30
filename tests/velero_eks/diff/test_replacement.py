"""What replaces what: known for every type that is used, and the same wherever it is written down."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.providers.diff import Rules
from lab.providers.schema import resource_schema
from tests.stacks import FILES
from tests.velero_eks.diff.entries import entry
from tests.velero_eks.diff.programs import REAL
from velero_eks.diff.model import Late, ResourceChange
from velero_eks.diff.operations import Pair, operations
from velero_eks.diff.replacement import RULES, mutable, provider_replaces, rule_for
from velero_eks.plan.computed import RULES as COMPUTED
from velero_eks.plan.recorder import record_program
from velero_eks.plan.runner import load_files, run_stack
from velero_eks.project.project import Project

BUCKET, KEY, ROLE = "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:iam/role:Role"
SECRET, NAMESPACE = "kubernetes:core/v1:Secret", "kubernetes:core/v1:Namespace"
SCHEDULE, RELEASE = "kubernetes:velero.io/v1:Schedule", "kubernetes:helm.sh/v3:Release"
KUBERNETES, AWS = "pulumi:providers:kubernetes", "pulumi:providers:aws"


def example(path: Path) -> set[str]:
    """The types that an example registers."""
    name = yaml.safe_load((path / "Pulumi.yaml").read_text())["name"]
    code = compile((path / "__main__.py").read_bytes(), str(path), "exec", dont_inherit=True)
    recording = record_program(
        lambda: exec(code, {"__name__": "__main__"}),  # noqa: S102
        config={f"{name}:subnetIds": ["subnet-1", "subnet-2"], f"{name}:cluster": "shop"},
        project=name,
    )
    return {resource.type for resource in recording if resource.custom}


def test_every_type_that_the_stacks_and_examples_use_is_known():
    project = Project.find(REAL)
    files, bad = load_files(FILES)
    used = {resource.type for file in files for resource in run_stack(project, file).recording if resource.custom}
    for folder in sorted(path.parent for path in (REAL / "examples").glob("*/__main__.py")):
        used |= example(folder)
    assert not bad and used
    assert [type_ for type_ in sorted(used) if rule_for(type_) is None] == []


def test_every_type_that_the_offline_plan_can_make_is_known():
    assert [type_ for type_ in COMPUTED if rule_for(type_) is None] == []


def test_every_rule_names_its_source():
    assert [type_ for type_, rule in RULES.items() if not rule.source.startswith(("terraform-", "pulumi-"))] == []


@pytest.mark.parametrize(
    "module", ["s3", "s3_rules", "s3_settings", "kms", "iam", "eks", "eks_cluster"], ids=lambda name: f"aws.{name}"
)
def test_the_labs_stand_in_for_aws_replaces_by_the_same_properties(module):
    stand_in = importlib.import_module(f"lab.providers.aws.{module}")
    compared = 0
    for one in vars(stand_in).values():
        type_, rules = getattr(one, "type_name", None), getattr(one, "rules", None)
        rule = RULES.get(str(type_))
        if rule is not None and isinstance(rules, Rules):
            left_out = {"region", *getattr(one, "refused", ())}
            assert set(rule.properties) - left_out == rules.force_new - left_out, type_
            compared += 1
    assert compared


@pytest.mark.parametrize("type_", [type_ for type_ in RULES if type_.startswith("aws:")])
def test_every_property_of_a_rule_is_one_that_the_sdk_has(type_):
    module, kind = type_.split(":")[1].split("/")[0], type_.split(":")[2]
    inputs = resource_schema(f"pulumi_aws.{module}", kind, type_).inputs
    for path in RULES[type_].properties:
        shape: Any = inputs
        for part in path.split("."):
            assert part in shape.fields, f"{type_} has no {path}"
            shape = shape.fields[part]
            while hasattr(shape, "choices"):
                shape = next(choice for choice in shape.choices if hasattr(choice, "fields"))


@pytest.mark.parametrize(
    "type_", ["kubernetes:velero.io/v1:Schedule", "kubernetes:monitoring.coreos.com/v1:PrometheusRule"]
)
def test_any_custom_resource_is_known_by_its_name_namespace_group_and_kind(type_):
    rule = rule_for(type_)
    assert rule and rule.forces("metadata.name") and rule.forces("metadata.namespace") and rule.forces("kind")
    assert not rule.forces("metadata.labels.app") and not rule.forces("spec.schedule")


@pytest.mark.parametrize("type_", ["aws:rds/instance:Instance", "kubernetes:apps/v1:ReplicaSet", "velero:eks:X"])
def test_other_types_are_not_known(type_):
    assert rule_for(type_) is None


def changed(*pairs: tuple[dict | None, dict | None]) -> dict[str, ResourceChange]:
    """The changes of these pairs, by logical name."""
    made, _ = operations([Pair((new or old or {})["urn"], old, new) for old, new in pairs])
    return {change.entry["name"]: change for change in made}


def both(type_: str, name: str, old: dict, new: dict, **options: Any) -> tuple[dict, dict]:
    return entry(type_, name, old, **options), entry(type_, name, new, **options)


def test_a_change_inside_a_property_that_replaces_replaces():
    made = changed(both("kubernetes:core/v1:PersistentVolumeClaim", "x", {"spec": {"a": 1}}, {"spec": {"a": 2}}))
    assert made["x"].operation == "replace"


def test_ignored_changes_are_no_changes():
    assert changed(both(BUCKET, "x", {"bucket": "a"}, {"bucket": "b"}, ignoreChanges=["bucket"])) == {}


def test_a_resource_may_ask_to_be_replaced_on_a_change():
    made = changed(both(BUCKET, "x", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, replaceOnChanges=["tags.*"]))
    assert made["x"].operation == "replace"


def test_a_given_name_that_stays_is_deleted_before_it_is_made_again():
    made = changed(
        both(ROLE, "kept", {"name": "n", "path": "/"}, {"name": "n", "path": "/velero/"}),
        both(ROLE, "renamed", {"name": "n"}, {"name": "m"}),
        both(ROLE, "generated", {"path": "/"}, {"path": "/velero/"}),
        both(ROLE, "told", {"name": "n", "path": "/"}, {"name": "n", "path": "/v/"}, deleteBeforeReplace=False),
    )
    assert {name: change.delete_first for name, change in made.items()} == {
        "kept": True,
        "renamed": False,
        "generated": False,
        "told": False,
    }


def test_an_object_that_keeps_its_name_and_namespace_is_deleted_first():
    meta = {"metadata": {"name": "s", "namespace": "velero"}}
    moved = {"metadata": {"name": "s", "namespace": "other"}}
    made = changed(
        both(SECRET, "content", {**meta, "data": {"a": "1"}}, {**meta, "data": {"a": "2"}}),
        both(SECRET, "moved", meta, moved),
    )
    assert (made["content"].delete_first, made["moved"].delete_first) == (True, False)


def test_a_release_is_replaced_by_its_name_and_namespace_alone():
    made = changed(
        both(RELEASE, "moved", {"namespace": "a"}, {"namespace": "b"}),
        both(RELEASE, "upgraded", {"version": "12.1.0"}, {"version": "12.2.0"}),
    )
    assert {name: change.operation for name, change in made.items()} == {"moved": "replace", "upgraded": "update"}


def test_a_secret_of_a_provider_that_makes_them_mutable_is_updated():
    provider = entry(KUBERNETES, "k", {"enableSecretMutable": "true"})
    made = changed(
        (provider, provider), both(SECRET, "s", {"data": {"a": "1"}}, {"data": {"a": "2"}}, provider=provider["urn"])
    )
    assert made["s"].operation == "update"
    assert not mutable(SECRET, "type", {"enableSecretMutable": "true"})


def test_whatever_is_made_from_a_replaced_key_changes_with_it():
    old, new = both(KEY, "key", {"keyUsage": "ENCRYPT_DECRYPT"}, {"keyUsage": "SIGN_VERIFY"})
    follower = entry(BUCKET, "b", {"tags": {"key": "arn"}}, propertyDependencies={"tags": [old["urn"]]})
    other = entry(BUCKET, "c", {"tags": {"key": "arn"}})
    made = changed((old, new), (follower, follower), (other, other))
    assert set(made) == {"key", "b"}
    (change,) = made["b"].properties
    assert (change.path, change.replaces, change.new) == ("tags", False, Late("KMS key key"))


def test_what_is_deleted_first_takes_along_what_its_change_would_replace():
    old, new = both(ROLE, "role", {"name": "n", "path": "/"}, {"name": "n", "path": "/velero/"})
    policy = entry(
        "aws:iam/rolePolicy:RolePolicy",
        "p",
        {"role": "n", "policy": "{}"},
        propertyDependencies={"role": [old["urn"]], "policy": [old["urn"]]},
    )
    made = changed((old, new), (policy, policy))
    assert [one.path for one in made["p"].reasons] == ["role"]


def kubeconfig(server: str, *, name: str = "c") -> dict[str, str]:
    return {
        "kubeconfig": json.dumps(
            {
                "clusters": [{"name": name, "cluster": {"server": server}}],
                "contexts": [{"name": "x", "context": {"cluster": name}}],
                "current-context": "x",
            }
        )
    }


def test_another_cluster_behind_a_provider_replaces_all_that_goes_through_it():
    old, new = both(KUBERNETES, "k", kubeconfig("https://one"), kubeconfig("https://two"))
    object_ = entry(NAMESPACE, "n", {"metadata": {"name": "velero"}}, provider=old["urn"])
    made = changed((old, new), (object_, object_))
    assert {name: change.operation for name, change in made.items()} == {"k": "replace", "n": "replace"}
    # The engine does not ask the old provider, and so creates first.
    assert not made["n"].delete_first


def test_an_identifier_speaks_for_the_cluster_where_both_sides_have_one():
    one, two = ({**kubeconfig(server), "clusterIdentifier": "a/b/shop"} for server in ("https://one", "https://two"))
    assert provider_replaces(KUBERNETES, one, two) is None
    assert provider_replaces(KUBERNETES, one, {**one, "clusterIdentifier": "a/b/till"}) == "clusterIdentifier"
    # Put in or taken out, it says nothing yet.
    assert provider_replaces(KUBERNETES, kubeconfig("https://one"), one) is None
    assert provider_replaces(KUBERNETES, one, kubeconfig("https://two")) == "kubeconfig"


def test_another_name_for_the_same_cluster_replaces_nothing():
    assert provider_replaces(KUBERNETES, kubeconfig("https://one"), kubeconfig("https://one", name="d")) is None
    assert provider_replaces(KUBERNETES, {"context": "a"}, {"context": "b"}) is None


def test_another_provider_with_the_same_cluster_replaces_nothing():
    one, two = entry(KUBERNETES, "one", kubeconfig("https://c")), entry(KUBERNETES, "two", kubeconfig("https://c"))
    old, new = entry(NAMESPACE, "n", provider=one["urn"]), entry(NAMESPACE, "n", provider=two["urn"])
    assert set(changed((one, None), (None, two), (old, new))) == {"one", "two"}


def test_another_region_of_the_provider_replaces_what_lies_in_a_region():
    old, new = both(AWS, "aws", {"region": "eu-west-1"}, {"region": "eu-west-2"})
    key, role = (entry(type_, "x" + type_[4:7], {}, provider=old["urn"]) for type_ in (KEY, ROLE))
    made = changed((old, new), (key, key), (role, role))
    assert {name: change.operation for name, change in made.items()} == {"aws": "update", "xkms": "replace"}
