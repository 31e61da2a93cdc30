"""What is read of a cluster, and what follows from it."""

from __future__ import annotations

import dataclasses

import boto3
import pytest
from moto import mock_aws

from tests.velero_eks.kube.answers import PROVIDER, REGION, Answers, auto_mode
from velero_eks.aws.eks import Addon, OidcProvider, Unknown, discover, guessed_environment, identity_for, volumes_for
from velero_eks.errors import BadTarget, NotAllowed


@pytest.fixture
def answers():
    return Answers()


def found(answers: Answers):
    return discover("shop", REGION, client=answers.client)


def test_a_standard_cluster_is_read_with_its_addons_and_its_provider(answers):
    answers.cluster(addons={"aws-ebs-csi-driver": ("v1.50.1-eksbuild.1", "ACTIVE")})
    answers.oidc_provider("sts.amazonaws.com")
    facts = found(answers)
    assert (facts.account, facts.partition, facts.version, facts.status) == ("111122223333", "aws", "1.34", "ACTIVE")
    assert facts.access_mode == "API_AND_CONFIG_MAP"
    assert not facts.auto_mode
    assert facts.addon("aws-ebs-csi-driver") == Addon("v1.50.1-eksbuild.1", "ACTIVE")
    assert facts.addon("coredns") is None
    assert facts.oidc_provider == OidcProvider(PROVIDER, ("sts.amazonaws.com",))
    assert (facts.ebs_driver, facts.pod_identity) == (True, False)


def test_auto_mode_brings_its_own_driver_and_agent(answers):
    answers.cluster(**auto_mode())
    answers.oidc_provider()
    facts = found(answers)
    assert (facts.auto_mode, facts.ebs_driver, facts.pod_identity) == (True, True, True)
    assert facts.access_mode == "API"
    assert facts.oidc_provider is None


def test_a_cluster_from_before_access_entries_has_the_config_map(answers):
    answers.cluster(accessConfig=None, computeConfig=None)
    answers.oidc_provider()
    assert found(answers).access_mode == "CONFIG_MAP"


def test_a_missing_right_leaves_one_fact_unknown_and_not_the_others(answers):
    answers.cluster()
    answers.refuse("iam", "get_open_id_connect_provider", "AccessDenied", "not authorized", 403)
    facts = found(answers)
    assert isinstance(facts.oidc_provider, Unknown)
    assert "IAM's OIDC providers" in facts.oidc_provider.why
    assert facts.version == "1.34"


def test_a_cluster_that_is_not_there_is_named_with_its_region(answers):
    answers.refuse("eks", "describe_cluster", "ResourceNotFoundException", status=404)
    with pytest.raises(BadTarget, match="EKS cluster shop in eu-west-1: it does not exist there"):
        found(answers)


def test_a_refusal_is_told_as_one(answers):
    answers.refuse("eks", "describe_cluster", "ExpiredTokenException", status=403)
    with pytest.raises(NotAllowed, match="credentials have expired"):
        found(answers)


@mock_aws
def test_what_the_emulator_has_is_read_over_the_wire_too(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "emulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulated")
    boto3.client("eks", region_name=REGION).create_cluster(
        name="shop",
        version="1.34",
        roleArn="arn:aws:iam::123456789012:role/shop",
        resourcesVpcConfig={"subnetIds": []},
    )
    facts = discover("shop", REGION)
    assert (facts.account, facts.version, facts.status) == ("123456789012", "1.34", "ACTIVE")
    assert isinstance(facts.addons, Unknown)


def test_irsa_needs_a_provider_that_takes_tokens_for_sts(answers):
    answers.cluster()
    answers.oidc_provider("sts.amazonaws.com")
    facts = found(answers)
    assert identity_for(facts)[0] == "irsa"
    other = dataclasses.replace(facts, oidc_provider=OidcProvider(PROVIDER, ("someone.else",)))
    mode, why = identity_for(other)
    assert mode == "irsa"
    assert "create one of them first" in why
    agent = dataclasses.replace(other, addons={"eks-pod-identity-agent": Addon("v1.3.9-eksbuild.1", "ACTIVE")})
    assert identity_for(agent)[0] == "pod-identity"
    assert identity_for(dataclasses.replace(other, auto_mode=True))[0] == "pod-identity"
    unasked = identity_for(dataclasses.replace(other, addons=Unknown("asking was refused")))
    assert unasked[0] == "irsa"
    assert "could not be asked for" in unasked[1]
    assert "nor the add-on" not in unasked[1]
    unknown = dataclasses.replace(other, oidc_provider=Unknown("asking was refused"))
    assert identity_for(unknown) == ("irsa", "IAM could not be asked for an OIDC provider; preflight will")


def test_volumes_are_snapshotted_where_a_driver_can(answers):
    answers.cluster()
    answers.oidc_provider()
    facts = found(answers)
    assert volumes_for(facts)[:2] == ("none", "addon")
    assert volumes_for(dataclasses.replace(facts, auto_mode=True))[:2] == ("csi-snapshot", "addon")
    addons = {"aws-ebs-csi-driver": Addon("v1", "ACTIVE"), "snapshot-controller": Addon("v8", "ACTIVE")}
    assert volumes_for(dataclasses.replace(facts, addons=addons))[:2] == ("csi-snapshot", "existing")
    assert volumes_for(dataclasses.replace(facts, addons=Unknown("refused")))[0] == "none"


@pytest.mark.parametrize(
    ("names", "environment"),
    [
        (("prod", "shop"), "production"),
        (("eu", "shop-preprod"), "staging"),
        (("shop_dev",), "development"),
        (("dr", "shop.live.eu"), "production"),
        (("products",), None),
        (("eu", "shop"), None),
    ],
)
def test_an_environment_is_guessed_from_whole_words_of_a_name_only(names, environment):
    assert guessed_environment(*names) == environment
