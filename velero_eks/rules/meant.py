"""What is meant: every grant and every refusal that the settings ask for, written down from them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from velero_eks.aws.iam import Statement, statements
from velero_eks.rules import kinds
from velero_eks.rules.model import NotKnown, PolicyResource, Unknown, look

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

    from velero_eks.rules.plan import Plan

_KEY_ARN = re.compile(r"arn:[a-z0-9-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")


class Meant:
    """The statements of each document, from the settings of a plan. Raises NotKnown for what a program knows later."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings = settings
        self._plan = plan

    @cached_property
    def trust(self) -> tuple[Statement, ...]:
        """Who may become Velero: one service account of one cluster."""
        from velero_on_eks.documents import iam

        release = self._settings.release
        who = {"namespace": release.namespace, "service_account": release.service_account}
        if self._settings.identity.mode == "irsa":
            return statements(
                iam.irsa_trust(partition=self._partition, account=self.account, issuer=self._issuer, **who)
            )
        arn = iam.arn(self._partition, "eks", f"cluster/{self.cluster_name}", region=self.region, account=self.account)
        return statements(iam.pod_identity_trust(account=self.account, cluster_arn=arn, **who))

    @cached_property
    def permissions(self) -> tuple[Statement, ...]:
        """What Velero's role may do."""
        from velero_on_eks.documents import iam
        from velero_on_eks.settings.aws_facts import partition_of

        return statements(
            iam.velero_permissions(
                bucket_arn=self._bucket_arn,
                prefix=self._settings.storage.prefix,
                key_arn=self.key_arn,
                account=self.account,
                region=self.region,
                dns_suffix=partition_of(self.region).dns_suffix,
            )
        )

    @cached_property
    def bucket(self) -> tuple[Statement, ...]:
        """Who is refused what on the bucket."""
        from velero_on_eks.documents import storage

        break_glass = [self._known(arn) for arn in self._settings.storage.break_glass]
        return statements(
            storage.bucket_policy(bucket_arn=self._bucket_arn, key_arn=self.key_arn, break_glass=break_glass)
        )

    @cached_property
    def key(self) -> tuple[Statement, ...]:
        """Who decides about the key."""
        from velero_on_eks.documents import storage

        return statements(storage.key_policy(partition=self._partition, account=self.account))

    @cached_property
    def bucket_name(self) -> str:
        """The bucket's name."""
        from velero_on_eks.settings.names import default_bucket_name

        given = self._settings.storage.bucket
        if given is not None:
            return self._known(given)
        return default_bucket_name(self.cluster_name, self.account, self.region)

    @cached_property
    def role_name(self) -> str:
        """The role's name."""
        from velero_on_eks.settings.names import default_role_name

        given = self._settings.identity.role_name
        if given is not None:
            return self._known(given)
        return default_role_name(self.cluster_name, self.region)

    @property
    def _bucket_arn(self) -> str:
        return f"arn:{self._partition}:s3:::{self.bucket_name}"

    @property
    def role_arn(self) -> str:
        """The role's ARN."""
        return f"arn:{self._partition}:iam::{self.account}:role/{self.role_name}"

    @property
    def region(self) -> str:
        """The region of bucket and cluster."""
        return self._known(self._settings.region)

    @property
    def _partition(self) -> str:
        from velero_on_eks.settings.aws_facts import partition_of

        return partition_of(self.region).name

    @property
    def _issuer(self) -> str:
        issuer = self._settings.cluster.oidc_issuer
        if issuer is None:
            raise NotKnown(("cluster", "oidcIssuer"), Unknown("the program, at deployment"))
        return self._known(issuer)

    @cached_property
    def key_alias(self) -> str:
        """The alias of the key."""
        return f"alias/velero-{self.cluster_name}"

    @property
    def cluster_name(self) -> str:
        """The cluster's name."""
        return self._known(self._settings.cluster.name)

    @property
    def account(self) -> str:
        """The account of bucket and cluster."""
        return self._known(self._settings.cluster.account)

    @cached_property
    def key_arn(self) -> str:
        """The key that was given; else the one that most of what names a key agrees on: AWS makes its id up."""
        given = self._settings.storage.kms_key_arn
        if given is not None:
            return self._known(given)
        named = Counter(found for document in self._naming_keys() for found in set(_KEY_ARN.findall(document)))
        try:
            here = f"arn:{self._partition}:kms:{self.region}:{self.account}:key/"
        except NotKnown:
            here = ""
        ids = [alias.inputs.get("targetKeyId") for alias in self._plan.own_of(kinds.ALIAS)] if here else []
        named.update(f"{here}{id_}" for id_ in ids if isinstance(id_, str))
        found = [arn for arn, _ in named.most_common() if arn.startswith(here)]
        if not found:
            raise NotKnown(("kmsMasterKeyId",), Unknown("the key, created first"))
        return found[0]

    def _naming_keys(self) -> Iterator[str]:
        for setting in self._plan.own_of(kinds.BUCKET_ENCRYPTION):
            for rule in setting.items("rules"):
                yield str(look(rule, "applyServerSideEncryptionByDefault", "kmsMasterKeyId"))
        for policy in self._plan.own_of(kinds.BUCKET_POLICY, kinds.ROLE_POLICY):
            if isinstance(policy.inputs.get("policy"), str):
                yield policy.inputs["policy"]

    def _known(self, text: str) -> str:
        from velero_on_eks.settings.late import is_late

        if is_late(text):
            raise NotKnown(tuple(text.split(".")), Unknown("the program, at deployment"))
        return text


def carried(resource: PolicyResource, plan: Plan) -> Iterator[tuple[str, tuple[Statement, ...], tuple[Statement, ...]]]:
    """Each document that a resource carries: its field, its statements, and those that are meant in it.

    Nothing where the settings are not known, and nothing of a role that is not Velero's.
    """
    meant = plan.meant
    if meant is None:
        return
    if resource.kind == kinds.ROLE and resource in plan.velero_roles:
        yield "assumeRolePolicy", statements(resource.get("assumeRolePolicy")), meant.trust
        for inline in resource.items("inlinePolicies"):
            if look(inline, "policy"):
                yield "inlinePolicies", statements(look(inline, "policy")), meant.permissions
    elif resource.kind == kinds.ROLE_POLICY and plan.is_of_velero(resource):
        yield "policy", statements(resource.get("policy")), meant.permissions
    elif resource.kind == kinds.BUCKET_POLICY:
        yield "policy", statements(resource.get("policy")), meant.bucket
    elif resource.kind in (kinds.KEY, kinds.KEY_POLICY) and resource.get("policy") is not None:
        yield "policy", statements(resource.get("policy")), meant.key


def allowed(found: Any) -> list[Statement]:
    """The statements that allow."""
    return [statement for statement in found if statement.allows]


def refused(found: Any) -> list[Statement]:
    """The statements that refuse."""
    return [statement for statement in found if not statement.allows]
