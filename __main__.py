"""Velero on EKS for one stack: load its settings, make it, export what others need."""

import pulumi
from velero_on_eks import VeleroOnEks
from velero_on_eks.providers import aws_provider, kubernetes_provider
from velero_on_eks.settings import load_from_pulumi

settings = load_from_pulumi()
aws = aws_provider(settings)
kubernetes = kubernetes_provider(settings, aws=aws)
velero = VeleroOnEks("velero", settings, pulumi.ResourceOptions(providers=[aws, kubernetes]))
for name, value in velero.exports().items():
    pulumi.export(name, value)
