"""An EKS Auto Mode cluster and its backups in one program: name and issuer are known only once the cluster is made.

The subnets are given: `pulumi config set --path 'subnetIds[0]' subnet-…` (two, in two zones).
"""

import json
from collections.abc import Sequence

import pulumi
import pulumi_aws
import pulumi_kubernetes
from velero_on_eks import VeleroOnEks, VeleroOnEksArgs
from velero_on_eks.documents.iam import policy
from velero_on_eks.documents.kubernetes import eks_kubeconfig

ACCOUNT, REGION, KUBERNETES = "111122223333", "ap-south-1", "1.35"

aws = pulumi_aws.Provider("aws", region=REGION, allowed_account_ids=[ACCOUNT])
on_aws = pulumi.ResourceOptions(provider=aws)


def service_role(name: str, service: str, actions: list[str], policies: list[str]) -> pulumi_aws.iam.Role:
    """A role that an AWS service assumes, with AWS's own policies for it."""
    role = pulumi_aws.iam.Role(
        name,
        assume_role_policy=json.dumps(
            policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": actions})
        ),
        opts=on_aws,
    )
    for managed in policies:
        pulumi_aws.iam.RolePolicyAttachment(
            f"{name}-{managed}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{managed}", opts=on_aws
        )
    return role


control_plane = service_role(
    "cluster",
    "eks.amazonaws.com",
    ["sts:AssumeRole", "sts:TagSession"],
    [
        "AmazonEKSClusterPolicy",
        "AmazonEKSComputePolicy",
        "AmazonEKSBlockStoragePolicyV2",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingPolicy",
    ],
)
nodes = service_role(
    "nodes",
    "ec2.amazonaws.com",
    ["sts:AssumeRole"],
    ["AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"],
)
cluster = pulumi_aws.eks.Cluster(
    "exam",
    role_arn=control_plane.arn,
    version=KUBERNETES,
    bootstrap_self_managed_addons=False,
    access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
    compute_config={"enabled": True, "node_pools": ["general-purpose", "system"], "node_role_arn": nodes.arn},
    kubernetes_network_config={"elastic_load_balancing": {"enabled": True}},
    storage_config={"block_storage": {"enabled": True}},
    vpc_config={"subnet_ids": pulumi.Config().require_object("subnetIds"), "endpoint_private_access": True},
    opts=on_aws,
)


def issuer_of(identities: Sequence[pulumi_aws.eks.outputs.ClusterIdentity]) -> str:
    """The OIDC issuer that EKS made for a cluster."""
    oidcs = identities[0].oidcs
    if not oidcs or not oidcs[0].issuer:
        raise ValueError("the cluster has no OIDC issuer; EKS makes one for every cluster since 1.13")
    return oidcs[0].issuer


issuer = cluster.identities.apply(issuer_of)
oidc = pulumi_aws.iam.OpenIdConnectProvider("exam", url=issuer, client_id_lists=["sts.amazonaws.com"], opts=on_aws)
kubernetes = pulumi_kubernetes.Provider(
    "kubernetes",
    kubeconfig=pulumi.Output.all(
        name=cluster.name,
        endpoint=cluster.endpoint,
        certificate_authority=cluster.certificate_authority.apply(lambda authority: str(authority.data)),
    ).apply(lambda known: eks_kubeconfig(region=REGION, **known)),
)

velero = VeleroOnEks(
    "velero",
    VeleroOnEksArgs(
        environment="staging",
        region=REGION,
        cluster={
            "name": cluster.name,
            "account": ACCOUNT,
            "oidc_issuer": issuer,
            "kubernetes_version": KUBERNETES,
            "auto_mode": True,
        },
        recovery={"rpo": "6h", "retention": "14d"},
        volumes={"mode": "csi-snapshot"},
        schedules={"every-six-hours": {"cron": "0 */6 * * *", "keep": "14d"}},
    ),
    pulumi.ResourceOptions(providers=[aws, kubernetes], depends_on=[oidc]),
)
pulumi.export("cluster", cluster.name)
pulumi.export("bucket", velero.bucket)
