"""What exists in the account under the plan's names, in the plan's own words: the properties that the program sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from velero_on_eks.adoption import BUCKET_SETTINGS, FIELDS
from velero_on_eks.documents.iam import POLICY_NAME
from velero_on_eks.documents.kubernetes import SNAPSHOT_CONTROLLER
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings

from velero_eks.aws import client as aws
from velero_eks.aws.account import Account, Client
from velero_eks.plan.model import Resource

Properties = dict[str, Any]


@dataclass(frozen=True)
class Existing:
    """Something that exists: what it is called, its properties, and why it cannot be taken over (with the remedy)."""

    id: str
    properties: Properties = field(default_factory=dict)
    cannot: tuple[str, str] | None = None


class ExistingAws:
    """What exists of a plan's resources. Methods raise `OperationError` where AWS refuses: no one adopts what cannot
    be read."""

    def __init__(self, settings: Settings, client: Client = aws.client) -> None:
        self._settings = settings
        self._account = Account.of_settings(settings, client)
        self._readers: dict[str, Callable[[Properties], Existing | None]] = {
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

    def find(self, resource: Resource) -> Existing | None:
        """What exists of a planned resource, None where there is nothing. A key is found by its alias."""
        return self._readers[resource.type](resource.inputs)

    def reads(self, type_: str) -> bool:
        """Whether resources of this type are of AWS."""
        return type_ in self._readers

    def bucket_key(self, bucket: str) -> str | None:
        """The ARN of the customer managed key that a bucket encrypts with by default, if there is one."""
        found = self._account.bucket_setting("encryption", bucket)
        rules = _encryption(found)["rules"] if found else []
        named = rules[0]["applyServerSideEncryptionByDefault"].get("kmsMasterKeyId") if rules else None
        if not named or named.endswith("alias/aws/s3"):
            return None
        key = self._account.key(named)
        return None if key is None or key.manager == "AWS" else key.arn

    def other_grants(self, role: str) -> list[str]:
        """Policies of a role besides the one that the program writes: they stay, and so does what they allow."""
        attached, inline = self._account.role_policies(role)
        return attached + [name for name in inline if name != POLICY_NAME]

    def _bucket(self, inputs: Properties) -> Existing | None:
        found = self._account.bucket(inputs["bucket"])
        if found is None:
            return None
        if not found.owned:
            return Existing(found.name, cannot=("it belongs to another account", "set storage.bucket to another name"))
        if found.region and found.region != self._settings.region:
            why = f"it is in {found.region}, and the stack in {self._settings.region}"
            return Existing(found.name, cannot=(why, "set storage.bucket to another name, or fix aws:region"))
        return Existing(found.name, {"tags": _own(found.tags)})

    def _setting(self, name: str) -> Callable[[Properties], Existing | None]:
        def read(inputs: Properties) -> Existing | None:
            bucket = inputs["bucket"]
            if name == "publicAccess":
                found = self._account.public_access_block(bucket)
                return Existing(bucket, _camel(found)) if found else None
            operation, properties = _SETTINGS[name]
            answer = self._account.bucket_setting(operation, bucket)
            said = properties(answer) if answer else None
            return Existing(bucket, said) if said else None

        return read

    def _key(self, inputs: Properties) -> Existing | None:
        key_id = self._account.alias_target(self._alias_name)
        found = None if key_id is None else self._account.key(key_id)
        if key_id is None or found is None:
            return None
        if (found.usage, found.spec) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"):
            why = f"it is {found.spec} for {found.usage}, and S3 encrypts with symmetric keys"
            return Existing(key_id, cannot=(why, f"give the alias {self._alias_name} another name"))
        if found.state != "Enabled":
            return Existing(key_id, cannot=(f"it is {found.state}", found.enabling))
        rotates, days = self._account.key_rotation(key_id)
        live = {
            "description": found.description,
            "enableKeyRotation": rotates,
            "policy": json.dumps(found.policy),
            "tags": _own(self._account.key_tags(key_id)),
        }
        return Existing(key_id, live if days is None else {**live, "rotationPeriodInDays": days})

    def _alias(self, inputs: Properties) -> Existing | None:
        target = self._account.alias_target(inputs["name"])
        return None if target is None else Existing(inputs["name"], {"targetKeyId": target})

    def _role(self, inputs: Properties) -> Existing | None:
        role = self._account.role(inputs["name"])
        if role is None:
            return None
        if role.path != "/":
            why = f"its path is {role.path}, which cannot be changed"
            return Existing(inputs["name"], cannot=(why, "set identity.roleName to another name"))
        live = {
            "assumeRolePolicy": json.dumps(role.trust),
            "description": role.description,
            "maxSessionDuration": role.session,
            "tags": _own(role.tags),
        }
        return Existing(inputs["name"], {**live, "permissionsBoundary": role.boundary} if role.boundary else live)

    def _role_policy(self, inputs: Properties) -> Existing | None:
        found = self._account.role_policy(inputs["role"], inputs["name"])
        return None if found is None else Existing(inputs["name"], {"policy": json.dumps(found)})

    def _association(self, inputs: Properties) -> Existing | None:
        cluster, release = inputs["clusterName"], self._settings.release
        found = self._account.association(cluster, release.namespace, release.service_account)
        role = found and self._account.associated_role(cluster, found)
        return None if not found or role is None else Existing(found, {"roleArn": role})

    def _addon(self, inputs: Properties) -> Existing | None:
        found = self._account.addon(inputs["clusterName"], SNAPSHOT_CONTROLLER)
        if found is None:
            return None
        return Existing(SNAPSHOT_CONTROLLER, {"addonVersion": found.version} if inputs.get("addonVersion") else {})


def _encryption(answer: Properties) -> Properties:
    rules: list[Properties] = []
    for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]:
        default = rule.get("ApplyServerSideEncryptionByDefault") or {}
        applied = {"sseAlgorithm": default.get("SSEAlgorithm"), "kmsMasterKeyId": default.get("KMSMasterKeyID")}
        blocked = (rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType")
        rules.append(
            {
                "applyServerSideEncryptionByDefault": {key: value for key, value in applied.items() if value},
                "bucketKeyEnabled": bool(rule.get("BucketKeyEnabled")),
                **({"blockedEncryptionTypes": blocked} if blocked else {}),
            }
        )
    return {"rules": rules}


def _logging(answer: Properties) -> Properties | None:
    found = answer.get("LoggingEnabled")
    return found and {"targetBucket": found["TargetBucket"], "targetPrefix": found.get("TargetPrefix", "")}


def _ownership(answer: Properties) -> Properties:
    return {"rule": {"objectOwnership": answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"]}}


def _versioning(answer: Properties) -> Properties | None:
    # A bucket that never had versions answers with nothing: there is no setting to take over.
    status = answer.get("Status")
    return status and {"versioningConfiguration": {"status": status}}


# What each setting of a bucket is called in S3, and its answer in the plan's words.
_SETTINGS: dict[str, tuple[str, Callable[[Properties], Properties | None]]] = {
    "encryption": ("encryption", _encryption),
    "lifecycle": ("lifecycle_configuration", lambda answer: {"rules": [_camel(rule) for rule in answer["Rules"]]}),
    "logging": ("logging", _logging),
    "ownership": ("ownership_controls", _ownership),
    "policy": ("policy", lambda answer: {"policy": answer["Policy"]}),
    "versioning": ("versioning", _versioning),
}


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    # What AWS puts on by itself no one sets or removes.
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def _camel(value: Any) -> Any:
    """S3's words in the plan's: `NoncurrentDays` is `noncurrentDays`, `ID` is `id`."""
    if isinstance(value, list):
        return [_camel(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {("id" if key == "ID" else key[0].lower() + key[1:]): _camel(part) for key, part in value.items()}
