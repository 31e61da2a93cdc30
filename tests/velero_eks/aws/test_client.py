"""AWS's part of the way to a cluster, against an emulated account: the token, the account, errors in words."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore import exceptions
from moto.eks.models import eks_backends

from tests.velero_eks.aws.emulated import emulated_account
from velero_eks.aws import client as aws
from velero_eks.errors import BadTarget, NotAllowed, OperationError, Unreachable
from velero_eks.kube.connection import eks_cluster

REGION = "eu-west-1"
MOTO_ACCOUNT = "123456789012"
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def account():
    """An emulated account with one EKS cluster, `exam`."""
    with emulated_account():
        boto3.client("eks", region_name=REGION).create_cluster(
            name="exam",
            roleArn=f"arn:aws:iam::{MOTO_ACCOUNT}:role/eks",
            resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]},
        )
        # The emulator's own certificate authority is not text.
        cluster = eks_backends[MOTO_ACCOUNT][REGION].clusters["exam"]
        cluster.certificate_authority = {"data": base64.b64encode(AUTHORITY.encode()).decode()}
        yield


def decoded(token: str) -> str:
    body = token.removeprefix("k8s-aws-v1.")
    assert body != token
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()


def test_the_token_is_a_signed_question_who_calls_for_this_cluster_alone(account):
    url = urlsplit(decoded(aws.eks_token("exam", REGION)))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    # What the EKS API server checks: STS of the region, this one action, and the cluster's name among what is signed.
    assert (url.scheme, url.hostname) == ("https", f"sts.{REGION}.amazonaws.com")
    assert query["Action"] == "GetCallerIdentity"
    assert "x-k8s-aws-id" in query["X-Amz-SignedHeaders"].split(";")
    assert int(query["X-Amz-Expires"]) <= 60
    assert "=" not in aws.eks_token("exam", REGION)


def test_a_token_is_signed_anew_before_it_is_fifteen_minutes_old(account, monkeypatch):
    time = [0.0]
    signed: list[float] = []

    def token(name: str, region: str) -> str:
        signed.append(time[0])
        return f"k8s-aws-v1.{len(signed)}"

    monkeypatch.setattr(aws, "eks_token", token)
    connection = eks_cluster("exam", REGION, MOTO_ACCOUNT, now=lambda: time[0])
    for minute in range(40):
        time[0] = minute * 60.0
        header = connection.credentials.current().headers["Authorization"]
        age = time[0] - signed[-1]
        assert header == f"Bearer k8s-aws-v1.{len(signed)}"
        assert age < 15 * 60
    assert len(signed) == 4


def test_a_cluster_is_reached_at_the_endpoint_that_eks_gives(account):
    endpoint = boto3.client("eks", region_name=REGION).describe_cluster(name="exam")["cluster"]["endpoint"]
    connection = eks_cluster("exam", REGION, MOTO_ACCOUNT)
    assert connection.server == endpoint
    assert connection.api_server.authority == AUTHORITY
    assert connection.name == "exam"


def test_credentials_of_another_account_are_refused_before_anything_is_asked(account):
    with pytest.raises(NotAllowed, match=f"belong to account {MOTO_ACCOUNT} .*and the stack to 999999999999"):
        eks_cluster("exam", REGION, "999999999999")


def test_a_cluster_that_is_not_there_is_called_so(account):
    with pytest.raises(BadTarget, match="the EKS cluster gone in eu-west-1: it does not exist there"):
        aws.eks_endpoint("gone", REGION)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "CREATING", "endpoint": None, "certificate_authority": {}}, "it is CREATING and has no endpoint"),
        ({"certificate_authority": {"data": base64.b64encode(b"\xd2").decode()}}, "is not a certificate"),
    ],
)
def test_a_cluster_that_cannot_be_reached_yet_is_told_as_that(account, changes, said):
    cluster = eks_backends[MOTO_ACCOUNT][REGION].clusters["exam"]
    for name, value in changes.items():
        setattr(cluster, name, value)
    with pytest.raises(Unreachable, match=said):
        aws.eks_endpoint("exam", REGION)


def test_a_web_page_in_the_place_of_an_answer_is_one_line(account):
    page = "<!doctype html>\n<title>500</title>\n" + "x" * 5000
    error = exceptions.ClientError({"Error": {"Code": "500", "Message": page}}, "DescribeCluster")
    found = str(aws.explained(error, "reading"))
    assert "\n" not in found
    assert len(found) < 400


def client_error(code: str) -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": f"it is {code}"}}, "GetObject")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (client_error("AccessDenied"), NotAllowed, "AWS refused it"),
        (client_error("ExpiredToken"), NotAllowed, "credentials have expired"),
        (client_error("SlowDown"), OperationError, "SlowDown"),
        (exceptions.NoCredentialsError(), NotAllowed, "no AWS credentials were found"),
        (exceptions.ProfileNotFound(profile="prod"), BadTarget, "list-profiles"),
        (exceptions.EndpointConnectionError(endpoint_url="https://s3"), Unreachable, "https://s3"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://s3"), Unreachable, "https://s3"),
    ],
)
def test_an_error_of_aws_says_what_was_being_done_and_what_to_do(account, error, kind, message):
    found = aws.explained(error, "reading the bucket")
    assert type(found) is kind
    assert str(found).startswith("reading the bucket: ")
    assert message in str(found)


def test_a_refusal_says_whose_credentials_they_are(account):
    found = str(aws.explained(client_error("AccessDenied"), "reading the bucket", account="999999999999"))
    assert f"The credentials belong to account {MOTO_ACCOUNT}" in found
    assert "and the bucket to 999999999999" in found
