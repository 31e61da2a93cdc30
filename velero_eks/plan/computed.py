"""What AWS, Helm and Kubernetes would answer: one rule a resource type, one an invoke; nothing else makes outputs up.

Every value is derived from the resource's URN and inputs and from the account, region and partition of its
provider, so a plan is the same on every machine and at any time. A type or an output without a rule is not known,
and the plan says so (`unknown`): a value made up here would be checked as if AWS had given it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from velero_eks.plan.values import Secret

# The account of the AWS documentation, for programs that are recorded without a stack file.
DOCUMENTATION_ACCOUNT = "111122223333"


@dataclass(frozen=True)
class Estate:
    """Where resources are made: what a provider's own inputs leave open comes from the stack's settings."""

    # None: neither the configuration nor the settings name one.
    account: str | None = DOCUMENTATION_ACCOUNT
    region: str | None = "us-east-1"
    oidc_issuer: str | None = None


@dataclass(frozen=True)
class Request:
    """A resource or a lookup to answer. `inputs` are as the provider sees them: camelCase, secrets unencrypted."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    estate: Estate
    partition: str
    dns_suffix: str

    def digest(self, purpose: str, length: int) -> str:
        """`length` (at most 64) hexadecimal digits that depend on the URN and on what they are for."""
        return hashlib.sha256(f"{self.urn}|{purpose}".encode()).hexdigest()[:length]

    def uuid(self, purpose: str) -> str:
        """An id in the shape of a UUID."""
        d = self.digest(purpose, 32)
        return f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}"

    def physical_name(self, key: str) -> str:
        """The name that was asked for, or the one the provider would make: the logical name and a suffix."""
        return self.inputs.get(key) or f"{self.name}-{self.digest(key, 7)}"

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN in this partition; region and account default to the resource's own, `""` leaves one out."""
        where = self.estate.region if region is None else region
        whose = self.estate.account if account is None else account
        return f"arn:{self.partition}:{service}:{where}:{whose}:{resource}"


Answer = tuple[str, dict[str, Any]]


def _bucket(r: Request) -> Answer:
    name = r.physical_name("bucket")
    return name, {
        "bucket": name,
        "arn": r.arn("s3", name, region="", account=""),
        "bucketDomainName": f"{name}.s3.{r.dns_suffix}",
        "bucketRegionalDomainName": f"{name}.s3.{r.estate.region}.{r.dns_suffix}",
        "bucketRegion": r.estate.region,
        "region": r.estate.region,
        "tagsAll": r.inputs.get("tags") or {},
    }


def _of_bucket(r: Request) -> Answer:
    return r.inputs["bucket"], {}


def _key(r: Request) -> Answer:
    key_id = r.uuid("key")
    if r.inputs.get("multiRegion"):
        key_id = f"mrk-{key_id.replace('-', '')}"
    return key_id, {"keyId": key_id, "arn": r.arn("kms", f"key/{key_id}"), "tagsAll": r.inputs.get("tags") or {}}


def _alias(r: Request) -> Answer:
    name = r.inputs.get("name") or f"alias/{r.physical_name('name')}"
    target = r.inputs["targetKeyId"]
    key_arn = target if target.startswith("arn:") else r.arn("kms", f"key/{target}")
    return name, {"name": name, "arn": r.arn("kms", name), "targetKeyArn": key_arn}


def _role(r: Request) -> Answer:
    name = r.physical_name("name")
    path = r.inputs.get("path") or "/"
    return name, {
        "name": name,
        "path": path,
        "arn": r.arn("iam", f"role{path}{name}", region=""),
        "uniqueId": f"AROA{r.digest('unique', 17).upper()}",
        "tagsAll": r.inputs.get("tags") or {},
    }


def _role_policy(r: Request) -> Answer:
    name = r.physical_name("name")
    return f"{r.inputs['role']}:{name}", {"name": name}


def _managed_policy(r: Request) -> Answer:
    name = r.physical_name("name")
    arn = r.arn("iam", f"policy{r.inputs.get('path') or '/'}{name}", region="")
    return arn, {"name": name, "arn": arn, "policyId": f"ANPA{r.digest('policy', 17).upper()}"}


def _role_policy_attachment(r: Request) -> Answer:
    return f"{r.inputs['role']}-{r.digest('attachment', 26)}", {}


def _oidc_provider(r: Request) -> Answer:
    arn = r.arn("iam", f"oidc-provider/{r.inputs['url'].removeprefix('https://')}", region="")
    return arn, {
        "arn": arn,
        "url": r.inputs["url"].removeprefix("https://"),
        "thumbprintLists": r.inputs.get("thumbprintLists") or [],
    }


def _pod_identity_association(r: Request) -> Answer:
    association = f"a-{r.digest('association', 17)}"
    resource = f"podidentityassociation/{r.inputs['clusterName']}/{association}"
    return association, {"associationId": association, "associationArn": r.arn("eks", resource)}


def _addon(r: Request) -> Answer:
    cluster, name = r.inputs["clusterName"], r.inputs["addonName"]
    return f"{cluster}:{name}", {
        "arn": r.arn("eks", f"addon/{cluster}/{name}/{r.uuid('addon')}"),
        "tagsAll": r.inputs.get("tags") or {},
    }


def _cluster(r: Request) -> Answer:
    name = r.physical_name("name")
    facts = _cluster_facts(r, name)
    return name, {
        "name": name,
        "arn": facts["arn"],
        "endpoint": facts["endpoint"],
        "status": "ACTIVE",
        "certificateAuthority": facts["certificateAuthorities"][0],
        "identities": facts["identities"],
    }


def _cluster_facts(r: Request, name: str) -> dict[str, Any]:
    # An id by cluster rather than by URN: a lookup and the cluster it finds must agree.
    digest = hashlib.sha256(r.arn("eks", f"cluster/{name}").encode()).hexdigest().upper()[:32]
    region = r.estate.region
    issuer = r.estate.oidc_issuer or f"https://oidc.eks.{region}.{r.dns_suffix}/id/{digest}"
    authority = base64.b64encode(f"offline plan: the certificate authority of {name}\n".encode()).decode()
    return {
        "arn": r.arn("eks", f"cluster/{name}"),
        "endpoint": f"https://{digest}.gr7.{region}.eks.{r.dns_suffix}",
        "certificateAuthorities": [{"data": authority}],
        "identities": [{"oidcs": [{"issuer": issuer}]}],
    }


def _password(r: Request) -> Answer:
    length = int(r.inputs["length"])
    letters = "".join(r.digest(f"password{part}", 64) for part in range(length // 64 + 1))
    return "none", {"result": Secret(letters[:length]), "bcryptHash": Secret(f"$2a$10${r.digest('bcrypt', 53)}")}


def _release(r: Request) -> Answer:
    name = r.physical_name("name")
    namespace = r.inputs.get("namespace") or "default"
    version = r.inputs.get("version") or ""
    status = {"name": name, "namespace": namespace, "revision": 1, "status": "deployed"}
    return f"{namespace}/{name}", {
        "name": name,
        "namespace": namespace,
        "status": {**status, "chart": r.inputs["chart"], "version": version},
    }


def _kubernetes_object(r: Request) -> Answer:
    given = r.inputs.get("metadata") or {}
    metadata = {**given, "name": given.get("name") or f"{r.name}-{r.digest('name', 8)}", "uid": r.uuid("uid")}
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else metadata["name"], {"metadata": metadata}


def _provider(r: Request) -> Answer:
    return r.uuid("provider"), {}


RULES: dict[str, Callable[[Request], Answer]] = {
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketVersioning:BucketVersioning": _of_bucket,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _of_bucket,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _of_bucket,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _of_bucket,
    "aws:s3/bucketPolicy:BucketPolicy": _of_bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _of_bucket,
    "aws:s3/bucketLogging:BucketLogging": _of_bucket,
    "aws:kms/key:Key": _key,
    "aws:kms/alias:Alias": _alias,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:iam/policy:Policy": _managed_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _role_policy_attachment,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _oidc_provider,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _pod_identity_association,
    "aws:eks/addon:Addon": _addon,
    "aws:eks/cluster:Cluster": _cluster,
    "random:index/randomPassword:RandomPassword": _password,
    "kubernetes:helm.sh/v3:Release": _release,
}

# Whole families of types that answer alike.
_FAMILIES: dict[str, Callable[[Request], Answer]] = {
    "kubernetes:": _kubernetes_object,
    "pulumi:providers:": _provider,
}


def rule_for(type_: str) -> Callable[[Request], Answer] | None:
    """The rule of a type; None where there is none."""
    if type_ in RULES:
        return RULES[type_]
    return next((rule for prefix, rule in _FAMILIES.items() if type_.startswith(prefix)), None)


def _get_cluster(r: Request) -> dict[str, Any]:
    name = r.inputs["name"]
    return {"id": name, "name": name, "status": "ACTIVE", "region": r.estate.region, **_cluster_facts(r, name)}


def _get_region(r: Request) -> dict[str, Any]:
    region = r.estate.region
    return {"id": region, "name": region, "region": region, "endpoint": f"ec2.{region}.{r.dns_suffix}"}


def _get_caller_identity(r: Request) -> dict[str, Any]:
    return {"id": r.estate.account, "accountId": r.estate.account}


def _get_session_context(r: Request) -> dict[str, Any]:
    # Whose role a session is of, only IAM could say.
    return {"id": r.inputs["arn"], "arn": r.inputs["arn"]}


def _get_partition(r: Request) -> dict[str, Any]:
    reverse = ".".join(reversed(r.dns_suffix.split(".")))
    return {"id": r.partition, "partition": r.partition, "dnsSuffix": r.dns_suffix, "reverseDnsPrefix": reverse}


def _yaml(r: Request) -> dict[str, Any]:
    import yaml

    return {"result": [one for one in yaml.safe_load_all(r.inputs["text"]) if one is not None]}


# What a lookup answers. What is missing of its answer is not known.
INVOKES: dict[str, Callable[[Request], dict[str, Any]]] = {
    "aws:eks/getCluster:getCluster": _get_cluster,
    "aws:index/getRegion:getRegion": _get_region,
    "aws:index/getCallerIdentity:getCallerIdentity": _get_caller_identity,
    "aws:iam/getSessionContext:getSessionContext": _get_session_context,
    "aws:index/getPartition:getPartition": _get_partition,
    "kubernetes:yaml:decode": _yaml,
}

# What is known of a resource that exists, by its id.
READS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "aws:s3/bucket:Bucket": lambda r: {
        "bucket": r.inputs["id"],
        "arn": r.arn("s3", r.inputs["id"], region="", account=""),
    },
}
