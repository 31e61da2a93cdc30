"""What exists in the account under the plan's names, in the plan's own words: the properties that the program sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from velero_on_eks.adoption import BUCKET_SETTINGS, FIELDS
from velero_on_eks.documents.iam import POLICY_NAME
from velero_on_eks.documents.kubernetes import SNAPSHOT_CONTROLLER
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings

from velero_eks.aws import client as aws
from velero_eks.aws.eks import error_code
from velero_eks.bootstrap.discover_aws import alias_target, find_association, find_bucket, find_key, s3_client
from velero_eks.plan.model import Resource

Properties = dict[str, Any]
Answer = TypeVar("Answer")

_ABSENT = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NotFoundException",
        "OwnershipControlsNotFoundError",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


@dataclass(frozen=True)
class Live:
    """Something that exists: what it is called, its properties, and why it cannot be taken over (with the remedy)."""

    id: str
    properties: Properties = field(default_factory=dict)
    cannot: tuple[str, str] | None = None


class LiveAws:
    """Reads what exists. Methods raise `OperationError` where AWS refuses: nobody adopts what cannot be read."""

    def __init__(self, settings: Settings, client: Callable[..., Any] = aws.client) -> None:
        self._settings = settings
        self._client = client
        self._s3 = s3_client(settings, client)
        self._kms = client("kms", region=settings.region)
        self._iam = client("iam", region=settings.region)
        self._readers: dict[str, Callable[[Properties], Live | None]] = {
            FIELDS["bucket"]: self._bucket,
            FIELDS["key"]: self._key,
            FIELDS["key_alias"]: self._alias,
            FIELDS["role"]: self._role,
            FIELDS["role_policy"]: self._role_policy,
            FIELDS["pod_identity_association"]: self._association,
            FIELDS["snapshot_controller"]: self._addon,
            **{type_: self._setting(name) for name, type_ in BUCKET_SETTINGS.items()},
        }
        self._alias_name = str(Names.of(settings).key_alias)

    def find(self, resource: Resource) -> Live | None:
        """What exists of a planned resource, None where there is nothing. A key is found by its alias."""
        return _read(f"{resource.type} {resource.name}", lambda: self._readers[resource.type](resource.inputs))

    def reads(self, type_: str) -> bool:
        """Whether resources of this type are of AWS."""
        return type_ in self._readers

    def bucket_key(self, bucket: str) -> str | None:
        """The ARN of the customer managed key that a bucket encrypts with by default, if there is such a one."""
        found = _read(f"the encryption of {bucket}", lambda: self._encryption(bucket))
        rules = found["rules"] if found else []
        named = (rules[0].get("applyServerSideEncryptionByDefault") or {}).get("kmsMasterKeyId") if rules else None
        if not named or named.endswith("alias/aws/s3"):
            return None
        key = _read(f"the key {named}, which encrypts {bucket}", lambda: find_key(self._kms, named))
        return None if key is None or key.manager == "AWS" else key.arn

    def other_grants(self, role: str) -> list[str]:
        """Policies of a role besides the one that the program writes: they stay, and so does what they allow."""

        def names() -> list[str]:
            attached = self._iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
            inline = self._iam.list_role_policies(RoleName=role)["PolicyNames"]
            return [each["PolicyName"] for each in attached] + [name for name in inline if name != POLICY_NAME]

        return _read(f"the policies of the role {role}", names) or []

    def _bucket(self, inputs: Properties) -> Live | None:
        found = find_bucket(self._s3, inputs["bucket"], self._settings.cluster.account)
        if found is None:
            return None
        if not found.owned:
            return Live(found.name, cannot=("it belongs to another account", "set storage.bucket to another name"))
        if found.region and found.region != self._settings.region:
            why = f"it lies in {found.region}, and the stack is of {self._settings.region}"
            return Live(found.name, cannot=(why, "set storage.bucket to another name, or mend aws:region"))
        return Live(found.name, {"tags": _own(found.tags)})

    def _setting(self, name: str) -> Callable[[Properties], Live | None]:
        reader = {
            "encryption": self._encryption,
            "lifecycle": self._lifecycle,
            "logging": self._logging,
            "ownership": self._ownership,
            "policy": lambda bucket: {"policy": self._s3.get_bucket_policy(Bucket=bucket)["Policy"]},
            "publicAccess": self._public_access,
            "versioning": self._versioning,
        }[name]

        def read(inputs: Properties) -> Live | None:
            found = reader(inputs["bucket"])
            return None if found is None else Live(inputs["bucket"], found)

        return read

    def _encryption(self, bucket: str) -> Properties:
        answer = self._s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        rules: list[Properties] = []
        for rule in answer["Rules"]:
            default = rule.get("ApplyServerSideEncryptionByDefault") or {}
            applied = {"sseAlgorithm": default.get("SSEAlgorithm"), "kmsMasterKeyId": default.get("KMSMasterKeyID")}
            rules.append(
                {
                    "applyServerSideEncryptionByDefault": {key: value for key, value in applied.items() if value},
                    "bucketKeyEnabled": bool(rule.get("BucketKeyEnabled")),
                }
            )
        return {"rules": rules}

    def _lifecycle(self, bucket: str) -> Properties:
        return {"rules": [_camel(rule) for rule in self._s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]]}

    def _logging(self, bucket: str) -> Properties | None:
        found = self._s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled")
        return found and {"targetBucket": found["TargetBucket"], "targetPrefix": found.get("TargetPrefix", "")}

    def _ownership(self, bucket: str) -> Properties:
        rules = self._s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        return {"rule": {"objectOwnership": rules[0]["ObjectOwnership"]}}

    def _public_access(self, bucket: str) -> Properties:
        return _camel(self._s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"])

    def _versioning(self, bucket: str) -> Properties | None:
        # A bucket that never had versions answers with nothing: there is no setting to take over.
        status = self._s3.get_bucket_versioning(Bucket=bucket).get("Status")
        return status and {"versioningConfiguration": {"status": status}}

    def _key(self, inputs: Properties) -> Live | None:
        key_id = alias_target(self._kms, self._alias_name)
        found = None if key_id is None else find_key(self._kms, key_id)
        if key_id is None or found is None:
            return None
        if (found.usage, found.spec) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"):
            why = f"it is {found.spec} for {found.usage}, and S3 encrypts with symmetric keys"
            return Live(key_id, cannot=(why, f"give the alias {self._alias_name} another name"))
        if found.state != "Enabled":
            return Live(key_id, cannot=(f"it is {found.state}", found.enabling))
        described = self._kms.describe_key(KeyId=key_id)["KeyMetadata"]
        rotation = self._kms.get_key_rotation_status(KeyId=key_id)
        tags = {tag["TagKey"]: tag["TagValue"] for tag in self._kms.list_resource_tags(KeyId=key_id)["Tags"]}
        live = {
            "description": described.get("Description", ""),
            "enableKeyRotation": bool(rotation["KeyRotationEnabled"]),
            "policy": json.dumps(found.policy),
            "tags": _own(tags),
        }
        if "RotationPeriodInDays" in rotation:
            live["rotationPeriodInDays"] = rotation["RotationPeriodInDays"]
        return Live(key_id, live)

    def _alias(self, inputs: Properties) -> Live | None:
        target = alias_target(self._kms, inputs["name"])
        return None if target is None else Live(inputs["name"], {"targetKeyId": target})

    def _role(self, inputs: Properties) -> Live | None:
        role = self._iam.get_role(RoleName=inputs["name"])["Role"]
        if role["Path"] != "/":
            why = f"its path is {role['Path']}, which only a new role can change"
            return Live(inputs["name"], cannot=(why, "set identity.roleName to another name"))
        live = {
            "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"]),
            "description": role.get("Description", ""),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "tags": _own({tag["Key"]: tag["Value"] for tag in role.get("Tags") or ()}),
        }
        boundary = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        if boundary:
            live["permissionsBoundary"] = boundary
        return Live(inputs["name"], live)

    def _role_policy(self, inputs: Properties) -> Live | None:
        found = self._iam.get_role_policy(RoleName=inputs["role"], PolicyName=inputs["name"])
        return Live(inputs["name"], {"policy": _text(found["PolicyDocument"])})

    def _association(self, inputs: Properties) -> Live | None:
        found = find_association(self._settings, self._client)
        if found is None:
            return None
        eks = self._client("eks", region=self._settings.region)
        described = eks.describe_pod_identity_association(clusterName=inputs["clusterName"], associationId=found)
        return Live(found, {"roleArn": described["association"]["roleArn"]})

    def _addon(self, inputs: Properties) -> Live | None:
        eks = self._client("eks", region=self._settings.region)
        found = eks.describe_addon(clusterName=inputs["clusterName"], addonName=SNAPSHOT_CONTROLLER)["addon"]
        wanted = inputs.get("addonVersion")
        return Live(SNAPSHOT_CONTROLLER, {"addonVersion": found["addonVersion"]} if wanted else {})


def _read(what: str, ask: Callable[[], Answer | None]) -> Answer | None:
    """What AWS answers, None where there is no such thing. Raises `OperationError` for anything else."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error_code(error) in _ABSENT:
            return None
        raise aws.explained(error, f"reading {what}") from error


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    # What AWS puts on by itself is nobody's to set or take away.
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _camel(value: Any) -> Any:
    """S3's words in the plan's: `NoncurrentDays` is `noncurrentDays`, `ID` is `id`."""
    if isinstance(value, list):
        return [_camel(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {("id" if key == "ID" else key[0].lower() + key[1:]): _camel(part) for key, part in value.items()}
