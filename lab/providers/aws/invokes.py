"""The function calls (data sources) that the aws stand-in answers; any other is refused."""

from __future__ import annotations

from collections.abc import Callable

from lab.providers.aws.cloud import Cloud, none_if_missing, partition_of
from lab.providers.base import Properties, ProviderError
from lab.providers.package import FunctionSchema
from lab.providers.schema import Record, Scalar, function_outputs


def invoke(cloud: Cloud, token: str, arguments: Properties) -> Properties:
    """The answer of the function `token`. Raises ProviderError for a function or an argument that is not known."""
    found = _FUNCTIONS.get(token)
    if found is None:
        known = ", ".join(sorted(_FUNCTIONS))
        raise ProviderError(f"the aws stand-in does not know the function {token}; it knows {known}")
    call, allowed = found
    if unknown := sorted(arguments.keys() - allowed):
        raise ProviderError(f"{token} has no argument {unknown[0]!r}; it takes {', '.join(sorted(allowed)) or 'none'}")
    return call(cloud.in_region(arguments.get("region")), arguments)


def functions() -> dict[str, FunctionSchema]:
    """The functions by token, with what the installed SDK says that each answers."""
    return {token: _schema(token, allowed) for token, (_, allowed) in _FUNCTIONS.items()}


def _schema(token: str, allowed: frozenset[str]) -> FunctionSchema:
    _, module, name = token.split(":")
    group = module.partition("/")[0]
    function = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    outputs = function_outputs("pulumi_aws" if group == "index" else f"pulumi_aws.{group}", function)
    return FunctionSchema(Record(name, dict.fromkeys(sorted(allowed), Scalar("string"))), outputs)


def _cluster(cloud: Cloud, arguments: Properties) -> Properties:
    name = arguments.get("name")
    if not isinstance(name, str):
        raise ProviderError("aws:eks/getCluster:getCluster needs the argument 'name'")
    answer = none_if_missing(cloud.client("eks").describe_cluster, "ResourceNotFoundException", name=name)
    if answer is None:
        raise ProviderError(f"reading EKS Cluster ({name}): couldn't find resource")
    cluster = answer["cluster"]
    return {
        "accessConfigs": [],
        "arn": cluster["arn"],
        "certificateAuthorities": [{"data": cluster["certificateAuthority"]["data"]}],
        "computeConfigs": [],
        "createdAt": cluster["createdAt"].isoformat(),
        "endpoint": cluster["endpoint"],
        "id": name,
        "identities": [{"oidcs": [{"issuer": cluster["identity"]["oidc"]["issuer"]}]}],
        "name": name,
        "platformVersion": cluster.get("platformVersion", ""),
        "region": cloud.region,
        "roleArn": cluster["roleArn"],
        "status": cluster["status"],
        "tags": cluster.get("tags", {}),
        "version": cluster["version"],
        "vpcConfig": {"subnetIds": cluster.get("resourcesVpcConfig", {}).get("subnetIds", [])},
    }


def _caller(cloud: Cloud, arguments: Properties) -> Properties:
    who = cloud.identity
    return {"accountId": who["Account"], "arn": who["Arn"], "id": who["Account"], "userId": who["UserId"]}


def _session(cloud: Cloud, arguments: Properties) -> Properties:
    """The role behind a session, whole; anybody else is itself."""
    arn = arguments["arn"]
    answer = {"arn": arn, "id": arn, "issuerArn": arn, "issuerId": "", "issuerName": "", "sessionName": ""}
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    if kind != "assumed-role":
        return answer
    name, _, session = rest.partition("/")
    found = none_if_missing(cloud.client("iam").get_role, "NoSuchEntity", RoleName=name)
    if found is None:
        raise ProviderError(f"reading IAM Role ({name}): couldn't find resource")
    role = found["Role"]
    return {**answer, "issuerArn": role["Arn"], "issuerId": role["RoleId"], "issuerName": name, "sessionName": session}


def _partition(cloud: Cloud, arguments: Properties) -> Properties:
    partition = partition_of(cloud.region)
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    reverse = ".".join(reversed(suffix.split(".")))
    return {"dnsSuffix": suffix, "id": partition, "partition": partition, "reverseDnsPrefix": reverse}


def _region(cloud: Cloud, arguments: Properties) -> Properties:
    return {"id": cloud.region, "name": cloud.region, "region": cloud.region, "description": "", "endpoint": ""}


_FUNCTIONS: dict[str, tuple[Callable[[Cloud, Properties], Properties], frozenset[str]]] = {
    "aws:eks/getCluster:getCluster": (_cluster, frozenset({"name", "region"})),
    "aws:index/getCallerIdentity:getCallerIdentity": (_caller, frozenset()),
    "aws:iam/getSessionContext:getSessionContext": (_session, frozenset({"arn"})),
    "aws:index/getPartition:getPartition": (_partition, frozenset()),
    "aws:index/getRegion:getRegion": (_region, frozenset({"name", "region"})),
}
