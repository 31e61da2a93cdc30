"""Regions of AWS and the partitions that they are in. Written by `make docs` from botocore's own list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Partition:
    """A partition of AWS: its name in ARNs (`aws`, `aws-cn`, …) and the suffix of its host names."""

    name: str
    dns_suffix: str


REGIONS: dict[str, Partition] = {
    "af-south-1": Partition("aws", "amazonaws.com"),
    "ap-east-1": Partition("aws", "amazonaws.com"),
    "ap-east-2": Partition("aws", "amazonaws.com"),
    "ap-northeast-1": Partition("aws", "amazonaws.com"),
    "ap-northeast-2": Partition("aws", "amazonaws.com"),
    "ap-northeast-3": Partition("aws", "amazonaws.com"),
    "ap-south-1": Partition("aws", "amazonaws.com"),
    "ap-south-2": Partition("aws", "amazonaws.com"),
    "ap-southeast-1": Partition("aws", "amazonaws.com"),
    "ap-southeast-2": Partition("aws", "amazonaws.com"),
    "ap-southeast-3": Partition("aws", "amazonaws.com"),
    "ap-southeast-4": Partition("aws", "amazonaws.com"),
    "ap-southeast-5": Partition("aws", "amazonaws.com"),
    "ap-southeast-6": Partition("aws", "amazonaws.com"),
    "ap-southeast-7": Partition("aws", "amazonaws.com"),
    "ca-central-1": Partition("aws", "amazonaws.com"),
    "ca-west-1": Partition("aws", "amazonaws.com"),
    "eu-central-1": Partition("aws", "amazonaws.com"),
    "eu-central-2": Partition("aws", "amazonaws.com"),
    "eu-north-1": Partition("aws", "amazonaws.com"),
    "eu-south-1": Partition("aws", "amazonaws.com"),
    "eu-south-2": Partition("aws", "amazonaws.com"),
    "eu-west-1": Partition("aws", "amazonaws.com"),
    "eu-west-2": Partition("aws", "amazonaws.com"),
    "eu-west-3": Partition("aws", "amazonaws.com"),
    "il-central-1": Partition("aws", "amazonaws.com"),
    "me-central-1": Partition("aws", "amazonaws.com"),
    "me-south-1": Partition("aws", "amazonaws.com"),
    "me-west-1": Partition("aws", "amazonaws.com"),
    "mx-central-1": Partition("aws", "amazonaws.com"),
    "sa-east-1": Partition("aws", "amazonaws.com"),
    "sa-west-1": Partition("aws", "amazonaws.com"),
    "us-east-1": Partition("aws", "amazonaws.com"),
    "us-east-2": Partition("aws", "amazonaws.com"),
    "us-west-1": Partition("aws", "amazonaws.com"),
    "us-west-2": Partition("aws", "amazonaws.com"),
    "cn-north-1": Partition("aws-cn", "amazonaws.com.cn"),
    "cn-northwest-1": Partition("aws-cn", "amazonaws.com.cn"),
    "eusc-de-east-1": Partition("aws-eusc", "amazonaws.eu"),
    "us-iso-east-1": Partition("aws-iso", "c2s.ic.gov"),
    "us-iso-west-1": Partition("aws-iso", "c2s.ic.gov"),
    "us-isob-east-1": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "us-isob-west-1": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-west-1": Partition("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-east-1": Partition("aws-iso-f", "csp.hci.ic.gov"),
    "us-isof-south-1": Partition("aws-iso-f", "csp.hci.ic.gov"),
    "us-gov-east-1": Partition("aws-us-gov", "amazonaws.com"),
    "us-gov-west-1": Partition("aws-us-gov", "amazonaws.com"),
}
