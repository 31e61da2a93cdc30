"""Velero on EKS as Pulumi components. `VeleroOnEks` is the whole; each part can be used by itself."""
