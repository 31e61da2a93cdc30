"""Stand-ins for the aws, kubernetes and random Pulumi providers, behind the real engine (`python -m lab.providers`)."""
