"""Where backups live: a bucket of their own, its key, and what keeps both from harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pulumi
import pulumi_aws

from velero_on_eks.documents import storage as documents
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings

ChildOptions = Callable[[pulumi.Resource], pulumi.ResourceOptions]


@dataclass(frozen=True, kw_only=True)
class BackupStorageArgs:
    """`names` gives the physical names, `settings` everything else; see `settings.Storage` for units and defaults."""

    settings: Settings
    names: Names


class BackupStorage(pulumi.ComponentResource):
    """A versioned, encrypted bucket whose backups only Velero expires, and the key that encrypts it.

    Where `storage.protect` is set, bucket and key can neither be deleted nor replaced by the engine, and both stay in
    the account when they leave the program: a cluster built again finds its backups.
    """

    bucket: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: BackupStorageArgs,
        *,
        aws: pulumi_aws.Provider,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("velero:storage:BackupStorage", name, None, opts)
        settings = args.settings
        storage = settings.storage
        kept = storage.protect

        def child(parent: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(
                parent=parent, provider=aws, protect=kept or None, retain_on_delete=kept or None
            )

        if storage.kms_key_arn:
            self.key_arn = pulumi.Output.from_input(storage.kms_key_arn)
        else:
            self.key_arn = self._own_key(name, args, child)

        self._bucket = pulumi_aws.s3.Bucket(
            name,
            bucket=args.names.bucket,
            force_destroy=storage.force_destroy,
            tags=args.names.tags,
            opts=child(self),
        )
        self.bucket = self._bucket.bucket
        self.bucket_arn = self._bucket.arn
        on_bucket = child(self._bucket)

        pulumi_aws.s3.BucketOwnershipControls(
            name, bucket=self.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=on_bucket
        )
        public_access = pulumi_aws.s3.BucketPublicAccessBlock(
            name,
            bucket=self.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=on_bucket,
        )
        versioning = pulumi_aws.s3.BucketVersioning(
            name, bucket=self.bucket, versioning_configuration={"status": "Enabled"}, opts=on_bucket
        )
        pulumi_aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=self.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": self.key_arn,
                    },
                    "bucket_key_enabled": True,
                }
            ],
            opts=on_bucket,
        )
        pulumi_aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=self.bucket,
            rules=[
                pulumi_aws.s3.BucketLifecycleConfigurationRuleArgs(**rule)
                for rule in documents.lifecycle_rules(
                    noncurrent_days=storage.noncurrent_days, abort_multipart_days=storage.abort_multipart_days
                )
            ],
            # Rules on noncurrent versions mean nothing, and AWS warns, until the bucket keeps versions.
            opts=pulumi.ResourceOptions.merge(on_bucket, pulumi.ResourceOptions(depends_on=[versioning])),
        )
        policy = pulumi.Output.all(bucket_arn=self.bucket_arn, key_arn=self.key_arn).apply(
            lambda arns: json.dumps(documents.bucket_policy(**arns))
        )
        pulumi_aws.s3.BucketPolicy(
            name,
            bucket=self.bucket,
            policy=policy,
            # S3 answers 409 to a policy and a public access block that arrive at the same time.
            opts=pulumi.ResourceOptions.merge(on_bucket, pulumi.ResourceOptions(depends_on=[public_access])),
        )
        if storage.access_logs:
            pulumi_aws.s3.BucketLogging(
                name,
                bucket=self.bucket,
                target_bucket=storage.access_logs.bucket,
                target_prefix=f"{storage.access_logs.prefix or ''}{'/' if storage.access_logs.prefix else ''}",
                opts=on_bucket,
            )
        self.register_outputs({"bucket": self.bucket, "bucketArn": self.bucket_arn, "keyArn": self.key_arn})

    def _own_key(self, name: str, args: BackupStorageArgs, child: ChildOptions) -> pulumi.Output[str]:
        settings = args.settings
        key = pulumi_aws.kms.Key(
            name,
            description=args.names.key_description,
            deletion_window_in_days=settings.storage.key_deletion_window_days,
            enable_key_rotation=True,
            rotation_period_in_days=settings.storage.key_rotation_days,
            policy=json.dumps(
                documents.key_policy(partition=settings.partition.name, account=settings.cluster.account)
            ),
            tags=args.names.tags,
            opts=child(self),
        )
        pulumi_aws.kms.Alias(name, name=args.names.key_alias, target_key_id=key.key_id, opts=child(key))
        return key.arn
