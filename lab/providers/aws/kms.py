"""aws:kms/key:Key and aws:kms/alias:Alias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.providers.aws import checks
from lab.providers.aws.cloud import Cloud, none_if_missing
from lab.providers.aws.resource import Resource, given, tag_list, tag_map
from lab.providers.base import Properties, Refusal
from lab.providers.diff import Rules
from velero_eks.aws.iam import statements

_MISSING = "NotFoundException"
_SYMMETRIC = "SYMMETRIC_DEFAULT"


class Key(Resource):
    """A customer managed key. Deleting schedules it for deletion; from then on it counts as gone, as for AWS's users.

    The emulator forgets the rotation period, so that is kept from what was last set.
    """

    type_name = "aws:kms/key:Key"
    # ForceNew, Default and Computed in terraform-provider-aws internal/service/kms/key.go.
    rules = Rules(
        force_new=frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
        defaults={
            "bypassPolicyLockoutSafetyCheck": False,
            "customerMasterKeySpec": _SYMMETRIC,
            "enableKeyRotation": False,
            "isEnabled": True,
            "keyUsage": "ENCRYPT_DECRYPT",
        },
        computed=frozenset({"description", "multiRegion", "policy", "rotationPeriodInDays"}),
        policies=frozenset({"policy"}),
        local=frozenset({"bypassPolicyLockoutSafetyCheck", "deletionWindowInDays", "rotationPeriodInDays"}),
    )
    refused = frozenset({"customKeyStoreId", "xksKeyId"})

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        document = checks.known(inputs, "policy")
        if document is not None:
            reason = checks.policy(document, "key")
            if reason is None and not inputs.get("bypassPolicyLockoutSafetyCheck"):
                reason = _lockout(document)
            yield from checks.refuse("policy", reason)
        for name, low, high in (("deletionWindowInDays", 7, 30), ("rotationPeriodInDays", 90, 2560)):
            if (days := checks.known(inputs, name)) is not None:
                yield from checks.refuse(name, checks.between(days, low, high))
        if inputs.get("rotationPeriodInDays") is not None and not inputs.get("enableKeyRotation"):
            yield Refusal("rotationPeriodInDays", "needs enableKeyRotation: true")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        kms = cloud.client("kms")
        tags = tag_list(inputs.get("tagsAll") or {}, "TagKey", "TagValue")
        answer = kms.create_key(
            KeySpec=inputs.get("customerMasterKeySpec", _SYMMETRIC),
            KeyUsage=inputs.get("keyUsage", "ENCRYPT_DECRYPT"),
            **given(
                Description=inputs.get("description"),
                MultiRegion=inputs.get("multiRegion"),
                Policy=inputs.get("policy"),
                Tags=tags or None,
            ),
        )
        identifier = answer["KeyMetadata"]["KeyId"]
        if inputs.get("enableKeyRotation"):
            _rotate(kms, identifier, inputs)
        if inputs.get("isEnabled") is False:
            kms.disable_key(KeyId=identifier)
        return identifier

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        kms = cloud.client("kms")
        answer = none_if_missing(kms.describe_key, _MISSING, KeyId=identifier)
        if answer is None or answer["KeyMetadata"]["KeyState"] == "PendingDeletion":
            return None
        key = answer["KeyMetadata"]
        rotation = kms.get_key_rotation_status(KeyId=identifier)
        live = {
            "arn": key["Arn"],
            "customerMasterKeySpec": key.get("KeySpec", _SYMMETRIC),
            "description": key.get("Description", ""),
            "enableKeyRotation": rotation["KeyRotationEnabled"],
            "isEnabled": key["Enabled"],
            "keyId": key["KeyId"],
            "keyUsage": key.get("KeyUsage", "ENCRYPT_DECRYPT"),
            "multiRegion": key.get("MultiRegion", False),
            "policy": kms.get_key_policy(KeyId=identifier, PolicyName="default")["Policy"],
            "tagsAll": tag_map(kms.list_resource_tags(KeyId=identifier)["Tags"], "TagKey", "TagValue"),
        }
        if "RotationPeriodInDays" in rotation:
            live["rotationPeriodInDays"] = rotation["RotationPeriodInDays"]
        return live

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        kms = cloud.client("kms")
        # A disabled key cannot be changed: enable first, disable last.
        if new.get("isEnabled", True) and not old.get("isEnabled", True):
            kms.enable_key(KeyId=identifier)
        if new.get("enableKeyRotation"):
            if not old.get("enableKeyRotation") or old.get("rotationPeriodInDays") != new.get("rotationPeriodInDays"):
                _rotate(kms, identifier, new)
        elif old.get("enableKeyRotation"):
            kms.disable_key_rotation(KeyId=identifier)
        if new.get("description", "") != old.get("description", "") and "description" in new:
            kms.update_key_description(KeyId=identifier, Description=new["description"])
        if "policy" in new and new["policy"] != old.get("policy"):
            kms.put_key_policy(KeyId=identifier, PolicyName="default", Policy=new["policy"])
        if not new.get("isEnabled", True) and old.get("isEnabled", True):
            kms.disable_key(KeyId=identifier)

    def retag(self, cloud: Cloud, identifier: str, known: Properties, put: dict[str, str], drop: list[str]) -> None:
        kms = cloud.client("kms")
        if drop:
            kms.untag_resource(KeyId=identifier, TagKeys=drop)
        if put:
            kms.tag_resource(KeyId=identifier, Tags=tag_list(put, "TagKey", "TagValue"))

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        if self.read(cloud, identifier, known) is None:
            return
        window = given(PendingWindowInDays=known.get("deletionWindowInDays"))
        cloud.client("kms").schedule_key_deletion(KeyId=identifier, **window)


class Alias(Resource):
    """A name for a key."""

    type_name = "aws:kms/alias:Alias"
    # ForceNew in terraform-provider-aws internal/service/kms/alias.go: name, name_prefix.
    rules = Rules(force_new=frozenset({"name"}), name="name")
    refused = frozenset({"namePrefix"})

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        name = checks.known(inputs, "name")
        if name is not None:
            if not name.startswith("alias/") or name.startswith("alias/aws/"):
                yield Refusal("name", "an alias begins with alias/, and alias/aws/ is AWS's own")
            elif len(name) > 256:
                yield Refusal("name", f"{len(name)} characters; at most 256 are allowed")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        cloud.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
        return inputs["name"]

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        pages = cloud.client("kms").get_paginator("list_aliases").paginate()
        for alias in (alias for page in pages for alias in page["Aliases"]):
            if alias["AliasName"] == identifier and "TargetKeyId" in alias:
                target = alias["TargetKeyId"]
                arn = alias["AliasArn"].replace(identifier, f"key/{target}")
                # The key may have been given as an ARN or as an id; both name the same key.
                wished = known.get("targetKeyId")
                return {
                    "arn": alias["AliasArn"],
                    "name": identifier,
                    "targetKeyArn": arn,
                    "targetKeyId": wished if wished in (target, arn) else target,
                }
        return None

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        cloud.client("kms").update_alias(AliasName=identifier, TargetKeyId=new["targetKeyId"])

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        none_if_missing(cloud.client("kms").delete_alias, _MISSING, AliasName=identifier)


def _rotate(kms: Any, identifier: str, inputs: Properties) -> None:
    kms.enable_key_rotation(KeyId=identifier, **given(RotationPeriodInDays=inputs.get("rotationPeriodInDays")))


def _lockout(document: str) -> str | None:
    """KMS refuses a policy under which no one could change the policy again."""
    for statement in statements(document):
        if statement.allows and statement.covers_action("kms:PutKeyPolicy"):
            return None
    return "the policy would let no one change it again (MalformedPolicyDocumentException)"
