"""The emulated AWS refuses what AWS would refuse: wrong policies, wrong tokens, plain deletions of kept versions."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lab.certificates import CertificateAuthority, service_account_keys
from lab.cloud import Cloud
from lab.cloud.facts import Facts
from lab.kubelet.identity import PodIdentityAgent, pod_identity
from lab.processes import Supervisor

ISSUER = "https://oidc.eks.ap-south-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER.removeprefix('https://')}"
SUBJECT = "system:serviceaccount:velero:velero-server"
BUCKET = "velero-backups"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("cloud")
    with Supervisor(directory / "logs") as supervisor:
        cloud = Cloud(supervisor, directory)
        cloud.start()
        yield cloud


@pytest.fixture
def account(cloud: Cloud) -> Cloud:
    """An account with a cluster and an empty bucket."""
    cloud.reset()
    directory = cloud.bundle.parent
    cloud.make_cluster(
        "exam",
        version="1.34",
        endpoint="https://127.0.0.1:6443",
        issuer=ISSUER,
        certificate_authority=CertificateAuthority(directory / "cluster").certificate,
        public_key=service_account_keys(directory / "cluster").public,
    )
    cloud.associations.unlink(missing_ok=True)
    cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
    return cloud


def signed(claims: dict[str, Any], key: Path) -> str:
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    assert isinstance(private, rsa.RSAPrivateKey)
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "RS256"}, claims)]
    signature = private.sign(b".".join(parts), padding.PKCS1v15(), hashes.SHA256())
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def token(cloud: Cloud, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": ["sts.amazonaws.com"], "nbf": now - 1, "exp": now + 600} | changes
    return signed(claims, cloud.bundle.parent / "cluster" / "service-account.key")


def make_role(cloud: Cloud, policy: list[dict[str, Any]], trust: dict[str, Any] | None = None) -> str:
    host = ISSUER.removeprefix("https://")
    irsa = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": PROVIDER},
        "Condition": {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": SUBJECT}},
    }
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="velero", AssumeRolePolicyDocument=document(trust or irsa))["Role"]["Arn"]
    iam.put_role_policy(RoleName="velero", PolicyName="storage", PolicyDocument=document(*policy))
    return role


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def s3_as(cloud: Cloud, credentials: dict[str, Any]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        verify=str(cloud.bundle),
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )


def assume(cloud: Cloud, role: str, web_token: str) -> dict[str, Any]:
    return cloud.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="test", WebIdentityToken=web_token
    )["Credentials"]


def error_of(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = caught.value.response["Error"]
    return error.get("Code", ""), error.get("Message", "")


def test_a_role_may_do_what_its_policy_says_and_nothing_else(account: Cloud) -> None:
    role = make_role(account, [allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/backups/*")])
    s3 = s3_as(account, assume(account, role, token(account)))
    s3.put_object(Bucket=BUCKET, Key="backups/a", Body=b"1")
    for refused in (
        lambda: s3.put_object(Bucket=BUCKET, Key="kopia/a", Body=b"1"),
        lambda: s3.get_object(Bucket=BUCKET, Key="backups/a"),
        lambda: s3.list_objects_v2(Bucket=BUCKET),
        lambda: s3.delete_bucket_policy(Bucket=BUCKET),
        lambda: s3.list_buckets(),
    ):
        with pytest.raises(ClientError) as caught:
            refused()
        code, message = error_of(caught)
        assert code == "AccessDenied"
        assert role in message


def test_a_multi_object_delete_is_judged_key_by_key(account: Cloud) -> None:
    s3 = account.client("s3")
    for key in ("backups/a", "kopia/a"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    role = make_role(account, [allow("s3:DeleteObject", f"arn:aws:s3:::{BUCKET}/backups/*")])
    limited = s3_as(account, assume(account, role, token(account)))
    with pytest.raises(ClientError, match="kopia/a"):
        limited.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "backups/a"}, {"Key": "kopia/a"}]})
    limited.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "backups/a"}]})
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["kopia/a"]


def test_a_bucket_that_denies_plain_http_works_over_tls(account: Cloud) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3 = account.client("s3")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=document(statement))
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    assert s3.get_object(Bucket=BUCKET, Key="a")["Body"].read() == b"1"


def refused_uploads(condition: dict) -> str:
    return document(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": condition,
        }
    )


def test_a_policy_that_the_lab_cannot_judge_is_an_error_and_not_an_allow(account: Cloud) -> None:
    s3 = account.client("s3")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=refused_uploads({"StringMatches": {"aws:PrincipalArn": "x"}}))
    with pytest.raises(ClientError, match="no condition operator StringMatches"):
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")


def test_a_request_carries_its_time(account: Cloud) -> None:
    s3 = account.client("s3")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=refused_uploads({"DateLessThan": {"aws:CurrentTime": "2020-01-01"}}))
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=refused_uploads({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}}))
    with pytest.raises(ClientError, match="denied by the resource's policy"):
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")


def test_an_encrypted_object_needs_the_right_to_its_key(account: Cloud) -> None:
    kms, s3 = account.client("kms"), account.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    objects = allow(["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{BUCKET}/*")
    role = make_role(account, [objects])
    limited = s3_as(account, assume(account, role, token(account)))
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        limited.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    via_s3 = {"StringEquals": {"kms:ViaService": "s3.ap-south-1.amazonaws.com"}}
    account.client("iam").put_role_policy(
        RoleName="velero",
        PolicyName="key",
        PolicyDocument=document({**allow("kms:GenerateDataKey", key), "Condition": via_s3}),
    )
    limited.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    with pytest.raises(ClientError, match="kms:Decrypt"):
        limited.get_object(Bucket=BUCKET, Key="a")
    # The emulator does not find the key by its ARN here.
    kms.schedule_key_deletion(KeyId=key.rpartition("/")[2], PendingWindowInDays=30)
    with pytest.raises(ClientError, match="PendingDeletion"):
        limited.put_object(Bucket=BUCKET, Key="b", Body=b"1")


@pytest.mark.parametrize(
    ("claims", "code", "message"),
    [
        ({"sub": "system:serviceaccount:velero:default"}, "AccessDenied", "does not admit"),
        ({"aud": ["pods.eks.amazonaws.com"]}, "InvalidIdentityToken", "the token is for"),
        ({"exp": 1}, "InvalidIdentityToken", "it has expired"),
        ({"iss": "https://oidc.eks.ap-south-1.amazonaws.com/id/OTHER"}, "InvalidIdentityToken", "no cluster"),
    ],
)
def test_irsa_gives_no_credentials_for_a_wrong_token(
    account: Cloud, claims: dict[str, Any], code: str, message: str
) -> None:
    role = make_role(account, [allow("s3:*", "*")])
    with pytest.raises(ClientError) as caught:
        assume(account, role, token(account, **claims))
    assert error_of(caught)[0] == code
    assert message in error_of(caught)[1]


def test_irsa_gives_no_credentials_for_a_token_that_somebody_else_signed(account: Cloud, tmp_path: Path) -> None:
    role = make_role(account, [allow("s3:*", "*")])
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": ["sts.amazonaws.com"], "exp": int(time.time()) + 600}
    with pytest.raises(ClientError, match="signature is not the cluster's"):
        assume(account, role, signed(claims, service_account_keys(tmp_path).private))


def test_irsa_gives_no_credentials_without_the_accounts_oidc_provider(account: Cloud) -> None:
    role = make_role(account, [allow("s3:*", "*")])
    account.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    with pytest.raises(ClientError, match="no OpenIDConnect provider"):
        assume(account, role, token(account))


def pod_credentials(cloud: Cloud, web_token: str) -> tuple[int, dict[str, Any]]:
    with urllib3.PoolManager(ca_certs=str(cloud.bundle), timeout=10, retries=False) as pool:
        answer = pool.request(
            "POST",
            f"{cloud.endpoint}/clusters/exam/assume-role-for-pod-identity",
            body=json.dumps({"token": web_token}),
        )
        return answer.status, json.loads(answer.data)


def test_pod_identity_gives_credentials_to_the_associated_service_account_alone(account: Cloud) -> None:
    trust = {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Condition": {
            "StringEquals": {
                "aws:SourceAccount": "123456789012",
                "aws:RequestTag/kubernetes-namespace": "velero",
                "aws:RequestTag/eks-cluster-arn": "arn:aws:eks:ap-south-1:123456789012:cluster/exam",
            }
        },
    }
    role = make_role(account, [allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/*")], trust)
    names = {"namespace": "velero", "serviceaccount": {"name": "velero-server"}}
    good = token(account, aud=["pods.eks.amazonaws.com"], **{"kubernetes.io": names})
    status, answer = pod_credentials(account, good)
    assert (status, answer["__type"]) == (404, "ResourceNotFoundException")
    association = {"clusterName": "exam", "namespace": "velero", "serviceAccount": "velero-server", "roleArn": role}
    account.associations.write_text(json.dumps({"podIdentityAssociations": {"a-1": association}}))
    status, answer = pod_credentials(account, good)
    assert status == 200
    found = answer["credentials"]
    session = {
        "AccessKeyId": found["accessKeyId"],
        "SecretAccessKey": found["secretAccessKey"],
        "SessionToken": found["sessionToken"],
    }
    s3_as(account, session).put_object(Bucket=BUCKET, Key="a", Body=b"1")
    names = {"namespace": "velero", "serviceaccount": {"name": "default"}}
    assert (
        pod_credentials(account, token(account, aud=["pods.eks.amazonaws.com"], **{"kubernetes.io": names}))[0] == 404
    )
    assert pod_credentials(account, token(account))[0] == 400


def test_an_sdk_gets_its_credentials_through_the_pod_identity_agent(
    account: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trust = {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Principal": {"Service": "pods.eks.amazonaws.com"},
    }
    role = make_role(account, [allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/*")], trust)
    association = {"clusterName": "exam", "namespace": "velero", "serviceAccount": "velero-server", "roleArn": role}
    account.associations.write_text(json.dumps({"podIdentityAssociations": {"a-1": association}}))
    pod = {"metadata": {"namespace": "velero"}, "spec": {"serviceAccountName": "velero-server"}}
    agent = PodIdentityAgent(account.endpoint, account.bundle, "exam")
    try:
        facts = Facts(account.clusters, account.associations, region=account.region)
        variables, tokens = pod_identity(pod, tmp_path, facts, cluster="exam", agent=agent.address)
        names = {"namespace": "velero", "serviceaccount": {"name": "velero-server"}}
        tokens[0].path.parent.mkdir()
        tokens[0].path.write_text(token(account, aud=[tokens[0].audience], **{"kubernetes.io": names}))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**variables, "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}.items():
            monkeypatch.setenv(name, value)
        s3 = boto3.Session().client(
            "s3",
            endpoint_url=account.endpoint,
            verify=str(account.bundle),
            config=Config(s3={"addressing_style": "path"}),
        )
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
        with pytest.raises(ClientError, match="no policy allows it"):
            s3.get_object(Bucket=BUCKET, Key="a")
    finally:
        agent.close()


def test_describe_cluster_shows_the_labs_own_api_server(account: Cloud) -> None:
    cluster = account.client("eks").describe_cluster(name="exam")["cluster"]
    assert cluster["endpoint"] == "https://127.0.0.1:6443"
    assert cluster["identity"]["oidc"]["issuer"] == ISSUER
    authority = base64.b64decode(cluster["certificateAuthority"]["data"])
    assert authority == (account.bundle.parent / "cluster" / "ca.crt").read_bytes()


def test_a_client_that_does_not_know_the_labs_authority_refuses_the_emulator(account: Cloud, tmp_path: Path) -> None:
    stranger = CertificateAuthority(tmp_path).certificate
    client = boto3.client(
        "s3",
        endpoint_url=account.endpoint,
        region_name=account.region,
        aws_access_key_id="x",
        aws_secret_access_key="y",
        verify=str(stranger),
        config=Config(retries={"max_attempts": 0}),
    )
    with pytest.raises(SSLError):
        client.list_buckets()
