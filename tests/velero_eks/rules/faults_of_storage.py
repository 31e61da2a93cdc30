"""Faults of the bucket, its policy, its lifecycle and its key."""

from __future__ import annotations

import json
from typing import Any

from velero_on_eks.documents.storage import READABLE_CLASSES

from tests.velero_eks.rules.faults import Injected
from tests.velero_eks.rules.plans import Draft
from velero_eks.rules import kinds

_TLS = "RefusePlainHttp"
_SSE = "s3:x-amz-server-side-encryption"
_BUCKET = "arn:aws:s3:::velero-exam-prod-777788889999-ap-south-1"


def _encrypt_with(**default: Any):
    def change(plan: Draft) -> None:
        plan.set(kinds.BUCKET_ENCRYPTION, ["rules", 0, "applyServerSideEncryptionByDefault"], default)

    return change


def _lifecycle(**entry: Any):
    def change(plan: Draft) -> None:
        rules = plan.one(kinds.BUCKET_LIFECYCLE)["inputs"]["rules"]
        rules.append({"id": "injected", "status": "Enabled", "filter": {}, **entry})

    return change


def _edit_rule(key: str, value: Any):
    def change(plan: Draft) -> None:
        for entry in plan.one(kinds.BUCKET_LIFECYCLE)["inputs"]["rules"]:
            if key in entry:
                entry[key] = value

    return change


def _without_rule(key: str):
    def change(plan: Draft) -> None:
        inputs = plan.one(kinds.BUCKET_LIFECYCLE)["inputs"]
        inputs["rules"] = [entry for entry in inputs["rules"] if key not in entry]

    return change


_ROLE = "arn:aws:iam::777788889999:role"
_GLASS = [f"{_ROLE}/velero-deploy", f"{_ROLE}/backup-break-glass"]
_REFUSALS = (
    "RefusePlainHttp", "RefuseOtherEncryption", "RefuseOtherKey", "RefuseKmsWithoutKey", "RefuseCustomerKey",
    "RefuseArchive", "LeaveToBreakGlass",
)  # fmt: skip


def _without_statement(sid: str):
    def change(plan: Draft) -> None:
        inputs = plan.one(kinds.BUCKET_POLICY)["inputs"]
        policy = json.loads(inputs["policy"])
        policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != sid]
        inputs["policy"] = json.dumps(policy)

    return change


def _without_break_glass(plan: Draft) -> None:
    del plan.settings["storage"]["breakGlass"]
    _without_statement("LeaveToBreakGlass")(plan)


def _break_glass(arns: list[str]):
    def change(plan: Draft) -> None:
        condition = {"ArnNotEquals": {"aws:PrincipalArn": arns}}
        plan.statement(kinds.BUCKET_POLICY, "LeaveToBreakGlass", Condition=condition)

    return change


def _class_but(further: str) -> dict[str, Any]:
    header = "s3:x-amz-storage-class"
    return {"Null": {header: "false"}, "StringNotEquals": {header: [*READABLE_CLASSES, further]}}


def _deny_put(condition: dict[str, Any]):
    def change(plan: Draft) -> None:
        plan.add_statement(
            kinds.BUCKET_POLICY,
            Effect="Deny",
            Principal="*",
            Action="s3:PutObject",
            Resource=f"{_BUCKET}/*",
            Condition=condition,
        )

    return change


FAULTS = [
    Injected("no default encryption", "missing-setting", lambda p: p.drop(kinds.BUCKET_ENCRYPTION)),
    Injected("encryption with S3's own keys", "unmeant-setting", _encrypt_with(sseAlgorithm="AES256")),
    Injected("encryption with AWS's managed key", "unmeant-setting", _encrypt_with(sseAlgorithm="aws:kms")),
    Injected("bucket key off", "unmeant-setting",
             lambda p: p.set(kinds.BUCKET_ENCRYPTION, ["rules", 0, "bucketKeyEnabled"], False)),
    Injected("no versioning", "missing-setting", lambda p: p.drop(kinds.BUCKET_VERSIONING)),
    Injected("versioning suspended", "unmeant-setting",
             lambda p: p.set(kinds.BUCKET_VERSIONING, ["versioningConfiguration", "status"], "Suspended")),
    Injected("no public access block", "missing-setting", lambda p: p.drop(kinds.BUCKET_PUBLIC_ACCESS)),
    *[
        Injected(f"public access block without {name}", "unmeant-setting",
                 lambda p, name=name: p.set(kinds.BUCKET_PUBLIC_ACCESS, [name], False))
        for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    ],
    Injected("no ownership controls", "missing-setting", lambda p: p.drop(kinds.BUCKET_OWNERSHIP)),
    Injected("objects owned by their writer", "unmeant-setting",
             lambda p: p.set(kinds.BUCKET_OWNERSHIP, ["rule", "objectOwnership"], "ObjectWriter")),
    Injected("an ACL of its own", "unmeant-setting",
             lambda p: p.add(kinds.BUCKET_ACL, "acl", {"bucket": _BUCKET.split(":::")[1], "acl": "public-read"})),
    Injected("a public ACL on the bucket itself", "unmeant-setting",
             lambda p: p.set(kinds.BUCKET, ["acl"], "public-read")),
    Injected("forceDestroy in production", "bucket-force-destroy",
             lambda p: p.set(kinds.BUCKET, ["forceDestroy"], True), implied=("unmeant-setting",)),
    Injected("a bucket name with capitals", "unmeant-name",
             lambda p: p.set(kinds.BUCKET, ["bucket"], "Velero_Backups")),
    Injected("a bucket name like an address", "unmeant-name", lambda p: p.set(kinds.BUCKET, ["bucket"], "10.0.0.1")),
    Injected("bucket not protected", "storage-kept", lambda p: p.option(kinds.BUCKET, "protect", False)),
    Injected("bucket not retained", "storage-kept", lambda p: p.option(kinds.BUCKET, "retainOnDelete", False)),
    Injected("key not protected", "storage-kept", lambda p: p.option(kinds.KEY, "protect", False)),
    Injected("staging key not retained", "storage-kept", lambda p: p.option(kinds.KEY, "retainOnDelete", False),
             environment="staging", severity="warning"),
    Injected("no access logs", "bucket-access-logs", lambda p: p.drop(kinds.BUCKET_LOGGING),
             implied=("missing-setting",)),
    Injected("access logs in the backups' bucket", "unmeant-setting",
             lambda p: p.set(kinds.BUCKET_LOGGING, ["targetBucket"], _BUCKET.split(":::")[1])),
    Injected("no break-glass", "bucket-break-glass", _without_break_glass),
    Injected("customer keys unblocked", "unmeant-setting",
             lambda p: p.set(kinds.BUCKET_ENCRYPTION, ["rules", 0, "blockedEncryptionTypes"], ["NONE"])),
    Injected("blocked encryption left to S3", "unmeant-setting",
             lambda p: p.unset(kinds.BUCKET_ENCRYPTION, ["rules", 0, "blockedEncryptionTypes"])),
    # The bucket policy.
    *(Injected(f"{sid} taken away", "missing-refusal", _without_statement(sid)) for sid in _REFUSALS),
    Injected("one more breaks the glass", "missing-refusal", _break_glass([*_GLASS, f"{_ROLE}/someone"]),
             implied=("unmeant-refusal",)),
    Injected("whoever comes breaks the glass", "missing-refusal", _break_glass([f"{_ROLE}/*"]),
             implied=("unmeant-refusal",)),
    Injected("break-glass without deleted versions", "missing-refusal",
             lambda p: p.statement(kinds.BUCKET_POLICY, "LeaveToBreakGlass", Action="s3:PutLifecycleConfiguration"),
             implied=("unmeant-refusal",)),
    Injected("an archive's class passes", "missing-refusal",
             lambda p: p.statement(kinds.BUCKET_POLICY, "RefuseArchive", Condition=_class_but("DEEP_ARCHIVE")),
             implied=("unmeant-refusal",)),
    Injected("no bucket policy", "missing-refusal", lambda p: p.drop(kinds.BUCKET_POLICY)),
    Injected("no TLS statement", "missing-refusal",
             lambda p: p.statement(kinds.BUCKET_POLICY, _TLS, Effect="Allow", Principal={"AWS": "111122223333"}),
             implied=("unmeant-grant",)),
    Injected("TLS condition inverted", "missing-refusal",
             lambda p: p.statement(kinds.BUCKET_POLICY, _TLS, Condition={"Bool": {"aws:SecureTransport": "true"}}),
             implied=("unmeant-refusal",)),
    Injected("TLS for the objects alone", "missing-refusal",
             lambda p: p.statement(kinds.BUCKET_POLICY, _TLS, Resource=f"{_BUCKET}/*"), implied=("unmeant-refusal",)),
    Injected("TLS for reads alone", "missing-refusal",
             lambda p: p.statement(kinds.BUCKET_POLICY, _TLS, Action="s3:GetObject"), implied=("unmeant-refusal",)),
    Injected("TLS for one caller alone", "missing-refusal",
             lambda p: p.statement(kinds.BUCKET_POLICY, _TLS, Principal={"AWS": "111122223333"}),
             implied=("unmeant-refusal",)),
    Injected("a missing SSE header denied", "unmeant-refusal", _deny_put({"Null": {_SSE: "true"}})),
    Injected("a missing SSE header denied by StringNotEquals", "unmeant-refusal",
             _deny_put({"StringNotEquals": {_SSE: "aws:kms"}})),
    Injected("a missing SSE header denied by IfExists", "unmeant-refusal",
             _deny_put({"StringNotEqualsIfExists": {_SSE: "aws:kms"}})),
    Injected("a missing key header denied", "unmeant-refusal",
             _deny_put({"ForAllValues:StringNotLike": {f"{_SSE}-aws-kms-key-id": "*"}})),
    Injected("backups readable by everyone", "unmeant-grant",
             lambda p: p.add_statement(kinds.BUCKET_POLICY, Principal={"AWS": "*"}, Action="s3:GetObject",
                                       Resource=f"{_BUCKET}/*")),
    Injected("deletes denied to everyone", "unmeant-refusal",
             lambda p: p.add_statement(kinds.BUCKET_POLICY, Effect="Deny", Principal="*", Action="s3:DeleteObject",
                                       Resource=f"{_BUCKET}/*")),
    Injected("a bucket policy that is not JSON", "policy-document",
             lambda p: p.set(kinds.BUCKET_POLICY, ["policy"], "{"), implied=("missing-refusal",)),
    # The lifecycle.
    Injected("no lifecycle", "missing-setting", lambda p: p.drop(kinds.BUCKET_LIFECYCLE),
             implied=("lifecycle-noncurrent",)),
    Injected("unfinished uploads stay", "unmeant-setting", _without_rule("abortIncompleteMultipartUpload")),
    Injected("unfinished uploads stay for a year", "unmeant-setting",
             _edit_rule("abortIncompleteMultipartUpload", {"daysAfterInitiation": 365})),
    Injected("current objects expire after a day", "unmeant-setting", _lifecycle(expiration={"days": 1})),
    Injected("kopia expires after ten years", "unmeant-setting",
             _lifecycle(expiration={"days": 3650}, filter={"prefix": "kopia/"})),
    Injected("current objects expire on a date", "unmeant-setting",
             _lifecycle(expiration={"date": "2027-01-01T00:00:00Z"})),
    Injected("backups expire before their TTL", "unmeant-setting",
             _lifecycle(expiration={"days": 20}, filter={"prefix": "backups/"})),
    Injected("noncurrent versions expire after a day", "lifecycle-noncurrent",
             _edit_rule("noncurrentVersionExpiration", {"noncurrentDays": 1}), implied=("unmeant-setting",)),
    Injected("noncurrent versions stay forever", "lifecycle-noncurrent", _without_rule("noncurrentVersionExpiration"),
             severity="warning", implied=("unmeant-setting",)),
    Injected("backups move to Glacier", "unmeant-setting",
             _lifecycle(transitions=[{"days": 90, "storageClass": "GLACIER"}])),
    Injected("old versions move to Deep Archive", "unmeant-setting",
             _lifecycle(noncurrentVersionTransitions=[{"noncurrentDays": 90, "storageClass": "DEEP_ARCHIVE"}])),
    Injected("an archive tier", "unmeant-setting",
             lambda p: p.add(kinds.BUCKET_INTELLIGENT_TIERING, "tiers",
                             {"bucket": "b", "tierings": [{"accessTier": "DEEP_ARCHIVE_ACCESS", "days": 180}]})),
    Injected("infrequent access after a week", "unmeant-setting",
             _lifecycle(transitions=[{"days": 7, "storageClass": "STANDARD_IA"}])),
    # The key.
    Injected("no key rotation", "unmeant-setting", lambda p: p.set(kinds.KEY, ["enableKeyRotation"], False)),
    Injected("rotation every ten years", "unmeant-setting", lambda p: p.set(kinds.KEY, ["rotationPeriodInDays"], 3650)),
    Injected("a deletion window of 7 days", "unmeant-setting",
             lambda p: p.set(kinds.KEY, ["deletionWindowInDays"], 7)),
    Injected("a deletion window of 3 days", "unmeant-setting",
             lambda p: p.set(kinds.KEY, ["deletionWindowInDays"], 3)),
    Injected("a deletion window of 3 days in development", "unmeant-setting",
             lambda p: p.set(kinds.KEY, ["deletionWindowInDays"], 3), environment="development"),
    Injected("a key that everyone may use", "unmeant-grant",
             lambda p: p.add_statement(kinds.KEY, Principal="*", Action="kms:Decrypt", Resource="*")),
    Injected("a key policy without the account", "missing-grant",
             lambda p: p.statement(kinds.KEY, "AccountDecides",
                                   Principal={"AWS": "arn:aws:iam::777788889999:role/admin"}),
                                   implied=("unmeant-grant",)),
    Injected("a disabled key", "unmeant-setting", lambda p: p.set(kinds.KEY, ["isEnabled"], False)),
]  # fmt: skip
