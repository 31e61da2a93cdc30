"""An emulated AWS for the aws stand-in, empty at the beginning of each test."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from lab.providers.aws import AwsProvider
from tests.lab.providers.engine import Engine, attached

REGION = "ap-south-1"
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"eks.amazonaws.com"}}]}'
)


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """The URL of a moto server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def endpoint(emulator: str) -> str:
    """The emulator, with nothing in it."""
    # It runs in this process; resetting all of its 200 services over HTTP takes a second.
    for service in ("eks", "iam", "kms", "s3", "sts"):
        get_backend(service).reset()
    return emulator


@pytest.fixture
def client(endpoint: str) -> Callable[[str], Any]:
    """boto3 clients of someone who works by hand."""
    return lambda service: _client(endpoint, service)


@functools.cache
def _client(endpoint: str, service: str) -> Any:
    return boto3.client(  # pyright: ignore[reportCallIssue]
        service,  # pyright: ignore[reportArgumentType]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="by-hand",
        aws_secret_access_key="by-hand",
        config=Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture
def aws(endpoint: str) -> Iterator[Engine]:
    """An engine connected to an aws stand-in in ap-south-1 with one default tag."""
    with attached(AwsProvider(endpoint)) as engine:
        engine.configure(region=REGION, defaultTags='{"tags": {"team": "platform"}}')
        yield engine


@pytest.fixture
def cluster(client: Callable[[str], Any]) -> str:
    """The name of an EKS cluster in the emulator, with its role `eks`."""
    arn = client("iam").create_role(RoleName="eks", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    client("eks").create_cluster(
        name="exam", roleArn=arn, version="1.34", resourcesVpcConfig={"subnetIds": ["subnet-0a"]}
    )
    return "exam"


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A loopback port that is taken and on which no one answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
