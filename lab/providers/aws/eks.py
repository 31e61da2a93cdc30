"""aws:eks/addon:Addon and aws:eks/podIdentityAssociation:PodIdentityAssociation, in state of our own.

The emulator answers 404 to both; what it does have, clusters and roles, is asked for as EKS would ask.
"""

from __future__ import annotations

import datetime
import json
import re
import secrets
from collections.abc import Iterator

from lab.providers.aws import checks
from lab.providers.aws.cloud import Cloud, none_if_missing
from lab.providers.aws.resource import Resource
from lab.providers.base import Properties, ProviderError, Refusal
from lab.providers.diff import Rules

_ADDONS = "addons"
_ASSOCIATIONS = "podIdentityAssociations"
_VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_DEFAULT_VERSION = "v0.0.0-standin.1"
"""The version of an add-on that asks for none: EKS would pick one, and the stand-in has no list to pick from."""


class Addon(Resource):
    """An EKS add-on. It is recorded; nothing is installed into any cluster."""

    type_name = "aws:eks/addon:Addon"
    # ForceNew and Computed in terraform-provider-aws internal/service/eks/addon.go; EKS cannot move an add-on to
    # another namespace either.
    rules = Rules(
        force_new=frozenset({"addonName", "clusterName", "namespaceConfig"}),
        computed=frozenset({"addonVersion", "configurationValues", "namespaceConfig"}),
        sets=frozenset({"podIdentityAssociations"}),
        documents=frozenset({"configurationValues"}),
        local=frozenset({"preserve", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"}),
        name="addonName",
    )

    _kept = (
        "addonVersion",
        "configurationValues",
        "namespaceConfig",
        "podIdentityAssociations",
        "serviceAccountRoleArn",
    )

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        version = checks.known(inputs, "addonVersion")
        if version is not None and not _VERSION.fullmatch(version):
            yield Refusal("addonVersion", f"{version!r} has not the form v1.2.3-eksbuild.1")
        values = checks.known(inputs, "configurationValues")
        if values is not None:
            try:
                json.loads(values)
            except ValueError as error:
                yield Refusal("configurationValues", f"not JSON: {error}")
        for name, allowed in (
            ("resolveConflictsOnCreate", ("NONE", "OVERWRITE")),
            ("resolveConflictsOnUpdate", ("NONE", "OVERWRITE", "PRESERVE")),
        ):
            if (word := checks.known(inputs, name)) is not None:
                yield from checks.refuse(name, checks.one_of(word, *allowed))
        if (role := checks.known(inputs, "serviceAccountRoleArn")) is not None:
            yield from checks.refuse("serviceAccountRoleArn", checks.arn(role))

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        _require_cluster(cloud, inputs["clusterName"])
        identifier = f"{inputs['clusterName']}:{inputs['addonName']}"
        if cloud.store.get(_ADDONS, identifier) is not None:
            raise ProviderError(f"EKS add-on {identifier}: ResourceInUseException: Addon already exists.")
        now = _now()
        cloud.store.put(
            _ADDONS,
            identifier,
            {
                "addonName": inputs["addonName"],
                "addonVersion": _DEFAULT_VERSION,
                "arn": _arn(cloud, "addon", f"{inputs['clusterName']}/{inputs['addonName']}/{secrets.token_hex(16)}"),
                "clusterName": inputs["clusterName"],
                "createdAt": now,
                "modifiedAt": now,
                "tagsAll": inputs.get("tagsAll") or {},
                **{name: inputs[name] for name in self._kept if name in inputs},
            },
        )
        return identifier

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        if ":" not in identifier:
            raise ProviderError(f"{identifier!r} is not an id of an EKS add-on; give cluster:addon")
        return cloud.store.get(_ADDONS, identifier)

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        record = _existing(cloud, _ADDONS, identifier)
        for name in self._kept:
            # EKS keeps a version and a configuration that the new wish does not mention.
            if name in new or name not in self.rules.computed:
                record[name] = new.get(name)
        cloud.store.put(_ADDONS, identifier, {**record, "modifiedAt": _now()})

    def retag(self, cloud: Cloud, identifier: str, known: Properties, put: dict[str, str], drop: list[str]) -> None:
        _retag(cloud, _ADDONS, identifier, put, drop)

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        cloud.store.remove(_ADDONS, identifier)


class PodIdentityAssociation(Resource):
    """The tie between a service account and a role; the lab's own agent reads it from the store."""

    type_name = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
    # RequiresReplace in terraform-provider-aws internal/service/eks/pod_identity_association.go.
    rules = Rules(
        force_new=frozenset({"clusterName", "namespace", "serviceAccount"}),
        defaults={"disableSessionTags": False},
        policies=frozenset({"policy"}),
    )
    _kept = ("clusterName", "disableSessionTags", "namespace", "policy", "roleArn", "serviceAccount", "targetRoleArn")

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        for name in ("roleArn", "targetRoleArn"):
            if (arn := checks.known(inputs, name)) is not None:
                yield from checks.refuse(name, checks.arn(arn))
        if checks.known(inputs, "policy") and not inputs.get("disableSessionTags"):
            yield Refusal("policy", "a session policy needs disableSessionTags: true")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        _require_cluster(cloud, inputs["clusterName"])
        _require_role(cloud, inputs["roleArn"])
        for record in cloud.store.all(_ASSOCIATIONS).values():
            if all(record[name] == inputs[name] for name in ("clusterName", "namespace", "serviceAccount")):
                raise ProviderError(
                    f"EKS Pod Identity association: ResourceInUseException: {inputs['namespace']}/"
                    f"{inputs['serviceAccount']} in {inputs['clusterName']} has {record['associationId']} already"
                )
        identifier = f"a-{secrets.token_hex(9)[:17]}"
        cloud.store.put(
            _ASSOCIATIONS,
            identifier,
            {
                "associationArn": _arn(cloud, "podidentityassociation", f"{inputs['clusterName']}/{identifier}"),
                "associationId": identifier,
                "disableSessionTags": False,
                "tagsAll": inputs.get("tagsAll") or {},
                **{name: inputs[name] for name in self._kept if name in inputs},
            },
        )
        return identifier

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        # An import names the cluster too: cluster,association.
        return cloud.store.get(_ASSOCIATIONS, identifier.rpartition(",")[2])

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        _require_role(cloud, new["roleArn"])
        record = _existing(cloud, _ASSOCIATIONS, identifier)
        wanted = {name: new.get(name, self.rules.defaults.get(name)) for name in self._kept}
        cloud.store.put(_ASSOCIATIONS, identifier, {**record, **wanted})

    def retag(self, cloud: Cloud, identifier: str, known: Properties, put: dict[str, str], drop: list[str]) -> None:
        _retag(cloud, _ASSOCIATIONS, identifier, put, drop)

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        cloud.store.remove(_ASSOCIATIONS, identifier)


def _existing(cloud: Cloud, kind: str, identifier: str) -> Properties:
    record = cloud.store.get(kind, identifier)
    if record is None:
        raise ProviderError(f"{identifier}: ResourceNotFoundException: gone from the {kind} of the stand-in")
    return record


def _retag(cloud: Cloud, kind: str, identifier: str, put: dict[str, str], drop: list[str]) -> None:
    record = _existing(cloud, kind, identifier)
    tags = {**record.get("tagsAll", {}), **put}
    record["tagsAll"] = {key: value for key, value in tags.items() if key not in drop}
    cloud.store.put(kind, identifier, record)


def _require_cluster(cloud: Cloud, name: str) -> None:
    if none_if_missing(cloud.client("eks").describe_cluster, "ResourceNotFoundException", name=name) is None:
        raise ProviderError(
            f"ResourceNotFoundException: No cluster found for name: {name}. "
            f"The emulator at {cloud.endpoint} needs it first: eks create-cluster --name {name} …"
        )


def _require_role(cloud: Cloud, arn: str) -> None:
    name = arn.rpartition("/")[2]
    if none_if_missing(cloud.client("iam").get_role, "NoSuchEntity", RoleName=name) is None:
        raise ProviderError(f"InvalidParameterException: Role provided in the request does not exist: {arn}")


def _arn(cloud: Cloud, kind: str, rest: str) -> str:
    return f"arn:{cloud.partition}:eks:{cloud.region}:{cloud.account}:{kind}/{rest}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
