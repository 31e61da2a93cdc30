"""A stand-in for the aws provider: the resource types of this project, made through boto3 against an emulator."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.providers.aws.cloud import Cloud, aws_errors, check_endpoint
from lab.providers.aws.eks import Addon, PodIdentityAssociation
from lab.providers.aws.eks_cluster import Cluster
from lab.providers.aws.iam import OpenIdConnectProvider, Role, RolePolicy, RolePolicyAttachment
from lab.providers.aws.invokes import functions
from lab.providers.aws.kms import Alias, Key
from lab.providers.aws.resource import Resource
from lab.providers.aws.s3 import Bucket
from lab.providers.aws.s3_rules import BucketLifecycleConfiguration, BucketServerSideEncryptionConfiguration
from lab.providers.aws.s3_settings import (
    BucketLogging,
    BucketOwnershipControls,
    BucketPolicy,
    BucketPublicAccessBlock,
    BucketVersioning,
)
from lab.providers.aws.session import AwsSession, schema_of
from lab.providers.base import Checked, Difference, Properties, Provider, ProviderError, Refusal, Session
from lab.providers.config import structured
from lab.providers.diff import Rules, changes
from lab.providers.package import Package
from lab.providers.schema import misfits, resource_schema
from lab.providers.store import Store

RESOURCES: dict[str, Resource] = {
    resource.type_name: resource
    for resource in (
        Addon(),
        Alias(),
        Bucket(),
        BucketLifecycleConfiguration(),
        BucketLogging(),
        BucketOwnershipControls(),
        BucketPolicy(),
        BucketPublicAccessBlock(),
        BucketServerSideEncryptionConfiguration(),
        BucketVersioning(),
        Cluster(),
        Key(),
        OpenIdConnectProvider(),
        PodIdentityAssociation(),
        Role(),
        RolePolicy(),
        RolePolicyAttachment(),
    )
}
"""The resource types that are known, by token."""


class AwsProvider(Provider):
    """Speaks to the emulator at `endpoint`, which must be on this machine.

    `store` is the file for what the emulator lacks; without it that lives as long as this process.
    """

    name = "aws"

    def __init__(self, endpoint: str, store: Path | None = None) -> None:
        check_endpoint(endpoint)
        self.version = importlib.metadata.version("pulumi-aws")
        self._endpoint = endpoint
        self._store_path = store
        self._store = Store(store)

    def banner(self) -> list[str]:
        kept = f"in {self._store_path}" if self._store_path else "in memory"
        return [
            f"aws: {len(RESOURCES)} resource types through boto3 against the emulator at {self._endpoint}.",
            f"aws: EKS add-ons and Pod Identity associations, which the emulator lacks, are kept {kept}.",
        ]

    def package(self) -> Package:
        return Package(
            settings=resource_schema("pulumi_aws", "Provider", "pulumi:providers:aws").inputs,
            resources={token: schema_of(token) for token in RESOURCES},
            functions=functions(),
        )

    def check_config(self, inputs: Properties) -> Checked:
        schema = resource_schema("pulumi_aws", "Provider", "pulumi:providers:aws")
        config, refusals = structured(inputs, schema.inputs)
        refusals += [Refusal(misfit.path, misfit.reason) for misfit in misfits(config, schema.inputs)]
        return Checked(inputs, refusals)

    def diff_config(self, old: Properties, new: Properties) -> Difference:
        # No provider setting replaces the provider resource; a new region replaces the resources themselves.
        return Difference(changes(old, new, Rules()))

    def configure(self, inputs: Mapping[str, Any]) -> Session:
        schema = resource_schema("pulumi_aws", "Provider", "pulumi:providers:aws")
        config, refusals = structured(dict(inputs), schema.inputs)
        if refusals:
            raise ProviderError(f"aws provider: {refusals[0].place}: {refusals[0].reason}")
        region = config.get("region")
        if not isinstance(region, str) or not region:
            raise ProviderError("aws provider: region is missing; set aws:region in the stack file")
        cloud = Cloud(
            self._endpoint,
            region,
            self._store,
            default_tags=(config.get("defaultTags") or {}).get("tags"),
            access_key=config.get("accessKey"),
            secret_key=config.get("secretKey"),
            token=config.get("token"),
        )
        _check_account(cloud, config)
        return AwsSession(cloud, RESOURCES)


def _check_account(cloud: Cloud, config: Mapping[str, Any]) -> None:
    allowed, forbidden = config.get("allowedAccountIds") or [], config.get("forbiddenAccountIds") or []
    if not allowed and not forbidden:
        return
    with aws_errors("aws provider: asking STS for the account", cloud.endpoint):
        account = cloud.account
    if account in forbidden or (allowed and account not in allowed):
        raise ProviderError(
            f"aws provider: AWS account ID not allowed: {account}; allowedAccountIds is {json.dumps(allowed)}. "
            "The emulator's account is set by MOTO_ACCOUNT_ID when it starts."
        )
