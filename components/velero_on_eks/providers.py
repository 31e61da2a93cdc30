"""Explicit providers: one account and region of AWS, one cluster. No ambient region, profile or kubeconfig context."""

from __future__ import annotations

import pulumi
import pulumi_aws
import pulumi_kubernetes

from velero_on_eks.documents.kubernetes import eks_kubeconfig
from velero_on_eks.settings import Settings


def aws_provider(settings: Settings) -> pulumi_aws.Provider:
    """AWS in the stack's region; credentials of another account are refused before anything is made."""
    return pulumi_aws.Provider("aws", region=settings.region, allowed_account_ids=[settings.cluster.account])


def kubernetes_provider(settings: Settings, *, aws: pulumi_aws.Provider) -> pulumi_kubernetes.Provider:
    """The stack's cluster: by its named kubeconfig context, else by what EKS answers at deploy."""
    cluster = settings.cluster
    # What is adopted was set by someone else (kubectl, `velero schedule create`), and the server keeps it for him.
    force = True if settings.adopt.model_fields_set else None
    # A cluster that is built again under its name has another endpoint. Without an identifier the provider would be
    # replaced for it, and with it everything in the cluster, which is protected and no longer there.
    identity = f"{cluster.account}/{settings.region}/{cluster.name}"
    if cluster.context:
        return pulumi_kubernetes.Provider(
            "kubernetes", context=cluster.context, cluster_identifier=identity, enable_patch_force=force
        )
    found = pulumi_aws.eks.get_cluster_output(name=cluster.name, opts=pulumi.InvokeOutputOptions(provider=aws))
    kubeconfig = found.apply(
        lambda answer: eks_kubeconfig(
            name=cluster.name,
            region=settings.region,
            endpoint=answer.endpoint,
            certificate_authority=answer.certificate_authorities[0].data,
        )
    )
    return pulumi_kubernetes.Provider(
        "kubernetes", kubeconfig=kubeconfig, cluster_identifier=identity, enable_patch_force=force
    )
