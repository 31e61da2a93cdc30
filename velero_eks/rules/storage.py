"""Rules of the bucket and its settings: encrypted, versioned, private, kept, logged."""

from __future__ import annotations

from collections.abc import Iterator

from velero_eks.rules import kinds
from velero_eks.rules.model import Fault, PolicyResource, look, rule
from velero_eks.rules.plan import Plan
from velero_eks.rules.values import bucket_name_fault

_PUBLIC_ACCESS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
# Settings that Bucket itself still takes; each has a resource of its own, and the two would undo one another.
_INLINE = (
    "acl",
    "corsRules",
    "grants",
    "lifecycleRules",
    "loggings",
    "objectLockConfiguration",
    "policy",
    "replicationConfiguration",
    "serverSideEncryptionConfiguration",
    "versioning",
    "versionings",
)


@rule(
    "bucket-encryption",
    on=kinds.BUCKET,
    scope="stack",
    what="The bucket encrypts by default with SSE-KMS and a customer managed key, since kopia asks for no encryption.",
    source="FSBP S3.17, CKV_AWS_145; Velero 1.18 kopialib/backend/s3.go",
)
def bucket_encryption(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    found = plan.of_bucket(bucket, kinds.BUCKET_ENCRYPTION)
    if not found:
        yield (
            "has no default encryption of its own, and must have SSE-KMS: kopia sends no encryption header."
            " Add a BucketServerSideEncryptionConfiguration with aws:kms and a key."
        )
    for setting in found:
        default = look(next(iter(setting.items("rules")), None), "applyServerSideEncryptionByDefault", default={})
        algorithm, key = look(default, "sseAlgorithm"), look(default, "kmsMasterKeyId")
        if algorithm not in ("aws:kms", "aws:kms:dsse"):
            yield f"encrypts by default with {algorithm}, and must with aws:kms; set sseAlgorithm to aws:kms."
        elif not key or str(key).endswith("alias/aws/s3"):
            yield (
                f"encrypts with {key or 'no key of its own'}, so with AWS's managed key, whose policy nobody"
                " can set;"
                " give a customer managed key's ARN as kmsMasterKeyId."
            )


@rule(
    "bucket-key",
    on=kinds.BUCKET_ENCRYPTION,
    what="The bucket key is on: without it every object of a kopia repository is a request to KMS, throttled and paid.",
    source="AWS S3 User Guide, S3 Bucket Keys",
)
def bucket_key(setting: PolicyResource, plan: Plan) -> Iterator[str]:
    if not all(look(entry, "bucketKeyEnabled") is True for entry in setting.items("rules")):
        yield "the bucket key is off, and must be on; set bucketKeyEnabled: true."


@rule(
    "bucket-versioning",
    on=kinds.BUCKET,
    scope="stack",
    what="The bucket keeps versions: they are the only undo of a bad delete.",
    source="FSBP S3.14, CKV_AWS_21",
)
def bucket_versioning(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    found = plan.of_bucket(bucket, kinds.BUCKET_VERSIONING)
    states = [look(setting.inputs, "versioningConfiguration", "status") for setting in found]
    if "Enabled" not in states:
        state = states[0] if states else "not set"
        yield f"versioning is {state}, and must be Enabled; add a BucketVersioning with status Enabled."


@rule(
    "bucket-public-access",
    on=kinds.BUCKET,
    scope="stack",
    what="All four public access blocks are on, whatever a policy or an ACL may say later.",
    source="FSBP S3.8, CKV_AWS_53 to 56, CKV2_AWS_6",
)
def bucket_public_access(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    found = plan.of_bucket(bucket, kinds.BUCKET_PUBLIC_ACCESS)
    off = [name for name in _PUBLIC_ACCESS if not any(look(block.inputs, name) is True for block in found)]
    if off:
        yield (f"{', '.join(off)} of the public access block is not on, and all four must be; set each to true.")


@rule(
    "bucket-ownership",
    on=kinds.BUCKET,
    scope="stack",
    what="ACLs are off (BucketOwnerEnforced), so that the policy alone decides who may read a backup.",
    source="FSBP S3.12, CKV2_AWS_65",
)
def bucket_ownership(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    found = plan.of_bucket(bucket, kinds.BUCKET_OWNERSHIP)
    values = [look(setting.inputs, "rule", "objectOwnership") for setting in found]
    if "BucketOwnerEnforced" not in values:
        value = values[0] if values else "not set"
        yield (f"object ownership is {value}, and must be BucketOwnerEnforced; set it in BucketOwnershipControls.")
    if plan.of_bucket(bucket, kinds.BUCKET_ACL):
        yield "has an ACL beside its policy; take the BucketAcl away, the policy alone must decide."


@rule(
    "bucket-inline-settings",
    on=kinds.BUCKET,
    what="Settings of the bucket are resources of their own: given twice, each deployment undoes the other.",
    source="pulumi-aws 7, aws.s3.Bucket",
)
def bucket_inline_settings(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    given = [name for name in _INLINE if bucket.get(name)]
    if given:
        yield f"sets {', '.join(given)} on the bucket itself; move each to its own resource."


@rule(
    "bucket-force-destroy",
    on=kinds.BUCKET,
    what="Outside development a destroy stops at a bucket with backups in it.",
    source="practice against ransomware",
)
def bucket_force_destroy(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if bucket.get("forceDestroy") is True and plan.environment != "development":
        yield (
            f"forceDestroy is true in {plan.environment}, and may be so in development only: a destroy would"
            " delete"
            " every backup. Set storage.forceDestroy: false."
        )


@rule(
    "bucket-name",
    on=kinds.BUCKET,
    what="The bucket's name is one that S3 accepts, which shows at deploy otherwise.",
    source="AWS S3 User Guide, bucket naming rules",
)
def bucket_name(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    name = bucket.get("bucket")
    fault = bucket_name_fault(name) if isinstance(name, str) else None
    if fault:
        yield f"the name {name!r} is refused by S3: {fault}."


@rule(
    "storage-kept",
    on=(kinds.BUCKET, kinds.KEY),
    what="In production the bucket and its key are protected and outlive the stack; in staging that is a warning.",
    source="practice against ransomware",
)
def storage_kept(resource: PolicyResource, plan: Plan) -> Iterator[Fault]:
    if plan.environment == "development":
        return
    missing = [
        name
        for name, value in (("protect", resource.protect), ("retainOnDelete", resource.retain_on_delete))
        if value is False
    ]
    if missing:
        yield Fault(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} off in {plan.environment}: a"
            " change of"
            " the program could delete every backup. Set storage.protect: true.",
            "error" if plan.environment == "production" else "warning",
        )


@rule(
    "bucket-access-logs",
    on=kinds.BUCKET,
    scope="stack",
    severity="warning",
    what="In production S3 logs who reads and deletes backups.",
    source="FSBP S3.9, CKV_AWS_18",
)
def bucket_access_logs(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.environment == "production" and not plan.of_bucket(bucket, kinds.BUCKET_LOGGING):
        yield "writes no access logs; name a log bucket as storage.accessLogs, or waive this with the reason."


@rule(
    "access-logs-elsewhere",
    on=kinds.BUCKET_LOGGING,
    what="Access logs go to another bucket: a foreign folder beside Velero's makes the location Unavailable.",
    source="Velero 1.18 pkg/persistence/object_store_layout.go",
)
def access_logs_elsewhere(setting: PolicyResource, plan: Plan) -> Iterator[str]:
    source, target = setting.get("bucket"), setting.get("targetBucket")
    if source is not None and source == target:
        yield (
            f"logs go to {target}, the backups' own bucket, and Velero refuses a bucket with foreign folders."
            " Name another bucket as storage.accessLogs.bucket."
        )


@rule(
    "bucket-replication",
    on=kinds.BUCKET,
    scope="stack",
    severity="warning",
    what="In production a replica in another region or account outlives the loss of this one (3-2-1).",
    source="FSBP S3.7, CKV_AWS_144",
)
def bucket_replication(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.environment != "production":
        return
    if not plan.of_bucket(bucket, kinds.BUCKET_REPLICATION, kinds.BUCKET_REPLICATION_LONG):
        yield (
            "has no replica: the loss of its region or account is the loss of every backup. Replicate it, or"
            " waive this."
        )
