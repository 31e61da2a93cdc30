"""Where backups live: a bucket of their own, its key, and what keeps both from harm."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pulumi
import pulumi_aws

from velero_on_eks.args import BackupStorageArgs
from velero_on_eks.component import account_of, options, region_of, tagged, token
from velero_on_eks.documents import storage as documents
from velero_on_eks.inputs import Inputs
from velero_on_eks.settings.aws_facts import partition_of
from velero_on_eks.settings.parts import BackupStorageInputs
from velero_on_eks.settings.refusals import Refusal

ChildOptions = Callable[[pulumi.Resource], pulumi.ResourceOptions]


class BackupStorage(pulumi.ComponentResource):
    """A versioned, encrypted bucket whose backups only Velero expires, and the key that encrypts it.

    Where `protect` is set, bucket and key can neither be deleted nor replaced by the engine, and both remain in
    the account when removed from the program: a cluster built again finds its backups.
    """

    bucket: pulumi.Output[str]
    """The bucket's name."""
    bucket_arn: pulumi.Output[str]
    """The bucket's ARN."""
    key_arn: pulumi.Output[str]
    """The ARN of the key that encrypts the bucket."""

    def __init__(self, name: str, args: BackupStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = Inputs.of(
            f"BackupStorage {name!r}", BackupStorageInputs, args, from_provider=[("account",), ("region",)]
        )
        super().__init__(token(type(self)), name, None, options(opts, former="velero:storage:BackupStorage"))
        inputs.provide(("account",), account_of(self))
        inputs.provide(("region",), region_of(self))
        storage = inputs.model
        kept = storage.protect or None

        def child(parent: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=parent, protect=kept, retain_on_delete=kept)

        tags = inputs.tree(storage.tags)
        if storage.kms_key_arn:
            self.key_arn = pulumi.Output.from_input(inputs.value(storage.kms_key_arn))
        else:
            self.key_arn = self._own_key(name, inputs, child)

        bucket = pulumi_aws.s3.Bucket(
            name,
            bucket=inputs.value(storage.bucket),
            force_destroy=storage.force_destroy,
            tags=tags,
            opts=tagged(tags, child(self)),
        )
        self.bucket = bucket.bucket
        self.bucket_arn = bucket.arn
        on_bucket = child(bucket)

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
        encryption = pulumi_aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=self.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": self.key_arn,
                    },
                    "bucket_key_enabled": True,
                    "blocked_encryption_types": [documents.SSE_C],
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
        policy = pulumi.Output.all(
            bucket_arn=self.bucket_arn,
            key_arn=self.key_arn,
            break_glass=self._with_deployer(inputs),
        ).apply(lambda arns: json.dumps(documents.bucket_policy(**arns)))
        refusals = pulumi_aws.s3.BucketPolicy(
            name,
            bucket=self.bucket,
            policy=policy,
            # S3 answers 409 to a policy and a public access block that arrive at the same time.
            opts=pulumi.ResourceOptions.merge(on_bucket, pulumi.ResourceOptions(depends_on=[public_access])),
        )
        logs = storage.access_logs
        if logs:
            pulumi_aws.s3.BucketLogging(
                name,
                bucket=self.bucket,
                target_bucket=inputs.value(logs.bucket),
                target_prefix=f"{logs.prefix}/" if logs.prefix else "",
                opts=on_bucket,
            )
        # What has to exist before the first backup is written.
        self.ready = [public_access, versioning, encryption, refusals]
        self.register_outputs({"bucket": self.bucket, "bucketArn": self.bucket_arn, "keyArn": self.key_arn})

    def _with_deployer(self, inputs: Inputs[BackupStorageInputs]) -> pulumi.Input[list[str]]:
        """The ARNs of break-glass, refused where whoever deploys is not among them: theirs would be the last policy.

        A preview changes nothing, and may be another person's.
        """
        break_glass = inputs.tree(inputs.model.break_glass)
        if not break_glass or pulumi.runtime.is_dry_run():
            return break_glass
        asking = pulumi.InvokeOutputOptions(parent=self)
        caller = pulumi_aws.get_caller_identity_output(opts=asking).arn
        # A session's ARN lacks its role's path, and S3 compares the role's whole ARN.
        deployer = pulumi_aws.iam.get_session_context_output(arn=caller, opts=asking).issuer_arn

        def among(known: Sequence[Any]) -> list[str]:
            arns, who = known
            # Root may always put another policy; an offline plan knows no one.
            if who in arns or not re.search(":(role|user)/", who or ""):
                return arns
            refused = Refusal(
                "break-glass-deployer",
                f"{who} deploys and is not in the list: it could not change this policy or the bucket's settings again",
                "deploy as one of them, or add it",
                ("breakGlass",),
                arns,
            )
            raise inputs.invalid([refused])

        return pulumi.Output.all(pulumi.Output.all(*break_glass), deployer).apply(among)

    def _own_key(self, name: str, inputs: Inputs[BackupStorageInputs], child: ChildOptions) -> pulumi.Output[str]:
        storage = inputs.model
        tags = inputs.tree(storage.tags)
        key = pulumi_aws.kms.Key(
            name,
            description=inputs.value(storage.key_description)
            or inputs.map(lambda bucket: f"Velero backups in {bucket}", storage.bucket),
            deletion_window_in_days=storage.key_deletion_window_days,
            enable_key_rotation=True,
            rotation_period_in_days=storage.key_rotation_days,
            policy=inputs.map(
                lambda region, account: json.dumps(
                    documents.key_policy(partition=partition_of(region).name, account=account)
                ),
                storage.region,
                storage.account,
            ),
            tags=tags,
            opts=tagged(tags, child(self)),
        )
        alias = inputs.value(storage.key_alias) or inputs.map(lambda bucket: f"alias/{bucket}", storage.bucket)
        pulumi_aws.kms.Alias(name, name=alias, target_key_id=key.key_id, opts=child(key))
        return key.arn
