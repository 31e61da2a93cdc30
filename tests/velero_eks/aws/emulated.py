"""An account that moto emulates, and a bucket in it, whatever the machine's own credentials are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws

_OWN = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN")


@contextmanager
def emulated_account() -> Iterator[None]:
    """AWS is the emulator's, and credentials are those of no one."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _OWN:
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with mock_aws():
            yield


@contextmanager
def emulated_bucket(name: str, region: str) -> Iterator[Any]:
    """An S3 client of an emulated account that has this bucket, empty."""
    with emulated_account():
        client = boto3.client("s3", region_name=region)
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        yield client
