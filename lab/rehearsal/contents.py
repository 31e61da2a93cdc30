"""What a backup holds, read from the emulated bucket."""

from __future__ import annotations

import gzip
import json

from lab.cloud import Cloud
from lab.processes import LabError


def resource_list(cloud: Cloud, backup: str) -> dict[str, list[str]]:
    """A backup's own list: `group/version/Kind` → names, with the namespace in front where there is one."""
    s3 = cloud.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        key = f"backups/{backup}/{backup}-resource-list.json.gz"
        found = s3.list_objects_v2(Bucket=bucket["Name"], Prefix=key)
        if found["KeyCount"]:
            body = s3.get_object(Bucket=bucket["Name"], Key=key)["Body"].read()
            return json.loads(gzip.decompress(body))
    raise LabError(f"no bucket of the lab holds a resource list of backup {backup}")
