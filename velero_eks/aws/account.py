"""The one reader of an AWS account: what EKS, S3, KMS and IAM say there is, by name. Nothing is changed.

Every question answers None where there is no such thing, and raises `OperationError` for anything else: what could
not be read is not absent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from velero_on_eks.settings.aws_facts import Arn

from velero_eks.aws import client as aws
from velero_eks.aws.client import CallerIdentity
from velero_eks.aws.eks import Addon, ClusterFacts, discover
from velero_eks.errors import BadTarget

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

Client = Callable[..., Any]
Answer = TypeVar("Answer")

_ABSENT = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NotFound",
        "NotFoundException",
        "OwnershipControlsNotFoundError",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket that exists. `owned` is whether it is of the account; a foreign one shows nothing else."""

    name: str
    owned: bool
    region: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A KMS key, with its policy as a document. `state`, `manager`, `usage` and `spec` are KMS's words."""

    arn: str
    state: str
    manager: str
    usage: str
    spec: str
    policy: Mapping[str, Any]
    description: str = ""

    @property
    def enabling(self) -> str:
        """How a key that cannot be used comes to be Enabled again."""
        arn = Arn.parse(self.arn)
        at = f"--region {arn.region} --key-id {arn.resource.removeprefix('key/')}"
        if self.state == "PendingDeletion":
            return f"aws kms cancel-key-deletion {at} && aws kms enable-key {at}"
        if self.state == "Disabled":
            return f"aws kms enable-key {at}"
        return "see what KMS says of it: no key can be used in this state"


@dataclass(frozen=True, kw_only=True)
class Role:
    """An IAM role. `trust` is its policy document, `session` the longest session in seconds."""

    arn: str
    path: str
    trust: Mapping[str, Any]
    description: str
    session: int
    tags: Mapping[str, str]
    boundary: str | None


class Account:
    """An account, asked with the caller's own credentials. `number` tells its own buckets from other accounts'."""

    def __init__(
        self,
        number: str,
        region: str,
        *,
        s3_url: str | None = None,
        s3_path_style: bool = False,
        client: Client = aws.client,
    ) -> None:
        self.number = number
        self.region = region
        self._s3_url = s3_url
        self._s3_path_style = s3_path_style
        self._client = client

    @classmethod
    def of_settings(cls, settings: Settings, client: Client = aws.client) -> Account:
        """The account of a stack, with S3 at the stack's own endpoint."""
        storage = settings.storage
        return cls(
            settings.cluster.account,
            settings.region,
            s3_url=storage.s3_url,
            s3_path_style=storage.s3_force_path_style,
            client=client,
        )

    @cached_property
    def s3(self) -> Any:
        """A client of S3, for whoever reads objects."""
        from botocore.config import Config

        options: dict[str, Any] = {"endpoint_url": self._s3_url} if self._s3_url else {}
        if self._s3_path_style:
            options["config"] = Config(s3={"addressing_style": "path"})
        return self._client("s3", region=self.region, **options)

    @cached_property
    def _kms(self) -> Any:
        return self._client("kms", region=self.region)

    @cached_property
    def _iam(self) -> Any:
        return self._client("iam", region=self.region)

    @cached_property
    def _eks(self) -> Any:
        return self._client("eks", region=self.region)

    def caller(self) -> CallerIdentity:
        """Whom the credentials belong to, whatever account that is."""
        return aws.caller(self.region, client=self._client)

    # EKS

    def cluster(self, name: str) -> ClusterFacts | None:
        """A cluster, with its add-ons and its OIDC provider."""
        try:
            return discover(name, self.region, client=self._client)
        except BadTarget:
            return None

    def addon(self, cluster: str, name: str) -> Addon | None:
        """An add-on of a cluster."""
        found = _read(f"the add-on {name}", lambda: self._eks.describe_addon(clusterName=cluster, addonName=name))
        return None if found is None else Addon.of_answer(found["addon"])

    def association(self, cluster: str, namespace: str, service_account: str) -> str | None:
        """The id of the Pod Identity association of a service account."""
        wanted = {"clusterName": cluster, "namespace": namespace, "serviceAccount": service_account}
        found = _read("Pod Identity associations", lambda: self._eks.list_pod_identity_associations(**wanted))
        associations = found["associations"] if found else ()
        return str(associations[0]["associationId"]) if associations else None

    def associated_role(self, cluster: str, association: str) -> str | None:
        """The ARN of the role that an association gives."""
        asked = {"clusterName": cluster, "associationId": association}
        found = _read("a Pod Identity association", lambda: self._eks.describe_pod_identity_association(**asked))
        return None if found is None else str(found["association"]["roleArn"])

    # S3

    def bucket(self, name: str) -> Bucket | None:
        """A bucket of this name, anybody's; None where the name is free."""
        return _read(f"the bucket {name}", lambda: self._bucket(name))

    def bucket_setting(self, operation: str, name: str) -> dict[str, Any] | None:
        """What S3 answers to one of its `GetBucket…`, such as `encryption` or `lifecycle_configuration`."""
        doing = f"the {operation.replace('_', ' ')} of the bucket {name}"
        return _read(doing, lambda: getattr(self.s3, f"get_bucket_{operation}")(Bucket=name))

    def public_access_block(self, name: str) -> dict[str, bool] | None:
        """A bucket's public access block, in S3's words."""
        found = _read(f"the public access of the bucket {name}", lambda: self.s3.get_public_access_block(Bucket=name))
        return None if found is None else found["PublicAccessBlockConfiguration"]

    def _bucket(self, name: str) -> Bucket:
        from botocore.exceptions import ClientError

        try:
            head = self.s3.head_bucket(Bucket=name)
        except ClientError as error:
            return self._closed(name, error)
        region = head.get("BucketRegion") or _header_region(head) or self.s3.meta.region_name
        try:
            self.s3.head_bucket(Bucket=name, ExpectedBucketOwner=self.number)
        except ClientError as error:
            if aws.error_code(error) not in ("403", "AccessDenied"):
                raise
            return Bucket(name=name, owned=False, region=region)
        return Bucket(name=name, owned=True, region=region, tags=self._tags(name))

    def _closed(self, name: str, error: Any) -> Bucket:
        """A bucket that answers with a refusal: another region's, another account's, or one of ours without a right."""
        if aws.error_code(error) not in ("301", "403", "AccessDenied", "PermanentRedirect"):
            raise error
        region = _header_region(error.response)
        ours = name in {bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]}
        return Bucket(name=name, owned=ours, region=region or "")

    def _tags(self, name: str) -> dict[str, str]:
        from botocore.exceptions import ClientError

        try:
            found = self.s3.get_bucket_tagging(Bucket=name)["TagSet"]
        except ClientError:
            # None were ever set, or they may not be read: either way there are none to go by.
            return {}
        return {tag["Key"]: tag["Value"] for tag in found}

    # KMS

    def key(self, id_: str) -> Key | None:
        """A key by its ARN, its id or an alias."""
        return _read(f"the key {id_}", lambda: self._key(id_))

    def _key(self, id_: str) -> Key:
        found = self._kms.describe_key(KeyId=id_)["KeyMetadata"]
        policy = self._kms.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"]
        return Key(
            arn=found["Arn"],
            state=found.get("KeyState", ""),
            manager=found.get("KeyManager", ""),
            # What KMS makes where nothing else was asked for.
            usage=found.get("KeyUsage") or "ENCRYPT_DECRYPT",
            spec=found.get("KeySpec") or "SYMMETRIC_DEFAULT",
            policy=json.loads(policy),
            description=found.get("Description", ""),
        )

    def key_rotation(self, id_: str) -> tuple[bool, int | None]:
        """Whether a key rotates, and every how many days where KMS says so."""
        found = _read(f"the rotation of the key {id_}", lambda: self._kms.get_key_rotation_status(KeyId=id_)) or {}
        return bool(found.get("KeyRotationEnabled")), found.get("RotationPeriodInDays")

    def key_tags(self, id_: str) -> dict[str, str]:
        """A key's tags."""
        found = _read(f"the tags of the key {id_}", lambda: self._kms.list_resource_tags(KeyId=id_)["Tags"]) or ()
        return {tag["TagKey"]: tag["TagValue"] for tag in found}

    def alias_target(self, alias: str) -> str | None:
        """The id of the key that an alias stands for."""
        found = _read(f"the alias {alias}", lambda: self._kms.describe_key(KeyId=alias))
        return None if found is None else str(found["KeyMetadata"]["KeyId"])

    # IAM

    def role(self, name: str) -> Role | None:
        """A role."""
        found = _read(f"the role {name}", lambda: self._iam.get_role(RoleName=name)["Role"])
        if found is None:
            return None
        return Role(
            arn=str(found["Arn"]),
            path=found["Path"],
            trust=_document(found["AssumeRolePolicyDocument"]),
            description=found.get("Description", ""),
            session=found.get("MaxSessionDuration", 3600),
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags") or ()},
            boundary=(found.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        )

    def principal(self, arn: str) -> str | None:
        """The whole ARN of the role or the user that `arn` names, path and spelling as IAM has them."""
        kind, _, name = Arn.parse(arn).resource.partition("/")
        name = name.rpartition("/")[2]
        if kind == "user":
            found = _read(f"the user {name}", lambda: self._iam.get_user(UserName=name)["User"])
            return None if found is None else str(found["Arn"])
        role = self.role(name)
        return None if role is None else role.arn

    def role_policy(self, role: str, name: str) -> Mapping[str, Any] | None:
        """An inline policy of a role, as a document."""
        what = f"the policy {name} of the role {role}"
        found = _read(what, lambda: self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        return None if found is None else _document(found)

    def role_policies(self, role: str) -> tuple[list[str], list[str]]:
        """The names of a role's attached policies, and those of its inline ones."""

        def names() -> tuple[list[str], list[str]]:
            attached = self._iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
            return [each["PolicyName"] for each in attached], self._iam.list_role_policies(RoleName=role)["PolicyNames"]

        return _read(f"the policies of the role {role}", names) or ([], [])

    def managed_policy(self, arn: str) -> str | None:
        """The ARN of a managed policy that exists."""
        found = _read(f"the policy {arn}", lambda: self._iam.get_policy(PolicyArn=arn))
        return None if found is None else str(found["Policy"]["Arn"])


def _read(what: str, ask: Callable[[], Answer]) -> Answer | None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except (BotoCoreError, ClientError) as error:
        if aws.error_code(error) in _ABSENT:
            return None
        raise aws.explained(error, f"reading {what}") from error


def _header_region(answer: Any) -> str | None:
    return answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")


def _document(document: Any) -> Mapping[str, Any]:
    return json.loads(document) if isinstance(document, str) else document
