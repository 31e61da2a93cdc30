"""Someone's program with packages of its own that are called `components` and `policies`, and everything late."""

import pulumi
import pulumi_aws
import pulumi_kubernetes
from velero_on_eks import VeleroOnEks, VeleroOnEksArgs

import components
import policies

network = pulumi.StackReference("acme/network/dev")
aws = pulumi_aws.Provider("aws", region="eu-west-1", allowed_account_ids=["909090909090"])
kubernetes = pulumi_kubernetes.Provider("kubernetes", context="shop")
on_aws = pulumi.ResourceOptions(provider=aws)
key = pulumi_aws.kms.Key("backups", enable_key_rotation=True, opts=on_aws)
logs = pulumi_aws.s3.Bucket("logs", opts=on_aws)
alerts = pulumi_aws.sns.Topic("alerts", opts=on_aws)
password = pulumi.Output.secret("a password that is long enough")

velero = VeleroOnEks(
    "velero",
    VeleroOnEksArgs(
        environment="staging",
        region="eu-west-1",
        cluster={
            "name": network.require_output("clusterName"),
            "account": "909090909090",
            "oidc_issuer": network.require_output("issuer"),
            "kubernetes_version": "1.35",
            "auto_mode": True,
        },
        recovery={"rpo": "6h", "retention": "14d"},
        storage={"kms_key_arn": key.arn, "access_logs": {"bucket": logs.bucket}},
        schedules={"every-six-hours": {"cron": "0 */6 * * *", "keep": "14d"}},
        repository_password=password,
    ),
    pulumi.ResourceOptions(providers=[aws, kubernetes], depends_on=[alerts]),
)
bucket: pulumi.Output[str] = velero.bucket
pulumi.export("bucket", bucket)
pulumi.export("role", velero.role_arn)
pulumi.export("own", f"{components.NAME} and {policies.NAME}")
