"""An existing cluster whose Velero comes from Argo CD or Flux: the AWS side, and the Helm values to give it.

    pulumi stack output --json helmValues > values.yaml

JSON is YAML: commit the file where the GitOps tool reads the chart's values. The namespace needs the Secret
`velero-repo-credentials` with a password of its own before the first backup of a volume's files.
"""

import pulumi
import pulumi_aws
from velero_on_eks import BackupStorage, VeleroValues, WorkloadIdentity

config = pulumi.Config()
cluster = pulumi_aws.eks.get_cluster(name=config.require("cluster"))
issuer = cluster.identities[0].oidcs[0].issuer
account = pulumi_aws.get_caller_identity().account_id

storage = BackupStorage("velero", {"bucket": f"velero-{cluster.name}-{account}", "noncurrent_days": 30})
identity = WorkloadIdentity(
    "velero",
    {
        "role_name": f"velero-{cluster.name}",
        "cluster_name": cluster.name,
        "oidc_issuer": issuer,
        "bucket_arn": storage.bucket_arn,
        "key_arn": storage.key_arn,
    },
)
values = VeleroValues("velero", {"bucket": storage.bucket, "role_arn": identity.role_arn})

pulumi.export("helmValues", values.helm_values)
pulumi.export("bucket", storage.bucket)
