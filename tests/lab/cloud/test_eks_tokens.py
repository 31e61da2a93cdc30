"""AWS identities get into the lab's clusters with the tokens that `aws eks get-token` makes, and only with those."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.signers import RequestSigner

from lab.cloud.eks_tokens import CLUSTER_HEADER, PREFIX, review
from lab.cloud.facts import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY, Facts


def token(
    secret: str = ADMIN_SECRET_KEY,
    header: str = CLUSTER_HEADER,
    action: str = "GetCallerIdentity",
    key: str = ADMIN_ACCESS_KEY,
) -> str:
    """Made by botocore's own signer, in the way of the AWS CLI."""
    session = boto3.Session(key, secret, region_name="ap-south-1")
    client: Any = session.client("sts")
    signer = RequestSigner(
        client.meta.service_model.service_id, "ap-south-1", "sts", "v4", session.get_credentials(), session.events
    )
    request = {
        "method": "GET",
        "url": f"https://sts.ap-south-1.amazonaws.com/?Action={action}&Version=2011-06-15",
        "body": {},
        "headers": {header: "exam"},
        "context": {},
    }
    url: Any = signer.generate_presigned_url(request, operation_name="", region_name="ap-south-1", expires_in=60)
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def answer(web_token: str, tmp_path: Path, cluster: str = "exam") -> dict[str, Any]:
    facts = Facts(tmp_path / "clusters.json", tmp_path / "associations.json", region="ap-south-1")
    return review({"spec": {"token": web_token}}, cluster, facts)["status"]


def test_the_accounts_administrator_is_the_clusters(tmp_path: Path) -> None:
    status = answer(token(), tmp_path)
    assert status["authenticated"] is True
    assert status["user"]["groups"] == ["system:masters"]
    assert status["user"]["username"] == "arn:aws:iam::123456789012:role/lab-admin"


@pytest.mark.parametrize(
    ("made_with", "cluster", "message"),
    [
        ({}, "other", "does not hold for the cluster other"),
        ({"secret": "wrong"}, "exam", "does not hold"),
        ({"header": "x-other"}, "exam", "x-k8s-aws-id is not signed"),
        ({"action": "GetSessionToken"}, "exam", "not GetCallerIdentity"),
        ({"key": "AKIANOBODY"}, "exam", "belongs to no one"),
    ],
)
def test_a_token_made_in_another_way_is_refused_with_the_reason(
    tmp_path: Path, made_with: dict[str, str], cluster: str, message: str
) -> None:
    status = answer(token(**made_with), tmp_path, cluster)
    assert status["authenticated"] is False
    assert message in status["error"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("something", "does not begin"), (PREFIX, "asks STS for None"), (f"{PREFIX}\u20ac", "not a URL in base64")],
)
def test_what_is_no_token_at_all_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    status = answer(text, tmp_path)
    assert status["authenticated"] is False
    assert message in status["error"]
