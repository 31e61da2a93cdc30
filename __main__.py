"""Velero on EKS for one stack: load its settings, make it, export what others need."""

import pulumi
from velero_on_eks.providers import aws_provider, kubernetes_provider
from velero_on_eks.settings import load_from_pulumi
from velero_on_eks.velero_on_eks import VeleroOnEks, VeleroOnEksArgs

settings = load_from_pulumi()
aws = aws_provider(settings)
velero = VeleroOnEks(
    "velero",
    VeleroOnEksArgs(settings=settings),
    aws=aws,
    kubernetes=kubernetes_provider(settings, aws=aws),
)
for name, value in velero.exports().items():
    pulumi.export(name, value)
