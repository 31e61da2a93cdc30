"""The Pulumi engine's side of the protocol, as far as one resource needs it: check, then diff, create, update…"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from lab.providers.base import Provider
from lab.providers.properties import decode, encode, plain
from lab.providers.server import serving
from tests.limits import HANG

LIMIT = 60
_KINDS = provider_pb2.PropertyDiff.Kind


class Refused(Exception):
    """Check found failures; `failures` maps the property to the reason."""

    def __init__(self, failures: dict[str, str]) -> None:
        super().__init__(str(failures))
        self.failures = failures


@dataclass
class Resource:
    """A resource as the engine records it; secret values keep their wrapper."""

    token: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Diff:
    """What Diff answered: property path → kind in words."""

    kinds: dict[str, str]
    replaces: list[str]
    delete_first: bool

    def __bool__(self) -> bool:
        return bool(self.kinds)


class Engine:
    """One connection to a provider."""

    def __init__(self, stub: Any) -> None:
        self.stub = stub

    def configure(self, **config: Any) -> None:
        """CheckConfig and Configure, as for one provider resource."""
        request = provider_pb2.CheckRequest(urn="urn:pulumi:s::p::pulumi:providers:x::x", news=encode(config))
        answer = self.stub.CheckConfig(request, timeout=LIMIT)
        _raise(answer)
        self.stub.Configure(provider_pb2.ConfigureRequest(args=answer.inputs, acceptSecrets=True), timeout=LIMIT)

    def check(self, token: str, name: str, inputs: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
        """The checked inputs."""
        request = provider_pb2.CheckRequest(
            urn=urn(token, name), name=name, type=token, news=encode(inputs), olds=encode(old or {}), randomSeed=b"seed"
        )
        answer = self.stub.Check(request, timeout=LIMIT)
        _raise(answer)
        return decode(answer.inputs)

    def create(self, token: str, name: str, inputs: dict[str, Any], *, seconds: float = 30) -> Resource:
        """Check and Create."""
        checked = self.check(token, name, inputs)
        request = provider_pb2.CreateRequest(
            urn=urn(token, name), name=name, type=token, properties=encode(checked), timeout=seconds
        )
        answer = self.stub.Create(request, timeout=LIMIT)
        return Resource(token, name, answer.id, checked, decode(answer.properties))

    def preview_create(self, token: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs that a preview shows."""
        checked = self.check(token, name, inputs)
        request = provider_pb2.CreateRequest(
            urn=urn(token, name), name=name, type=token, properties=encode(checked), preview=True
        )
        return decode(self.stub.Create(request, timeout=LIMIT).properties)

    def diff(self, resource: Resource, inputs: dict[str, Any], ignore: tuple[str, ...] = ()) -> Diff:
        """Check and Diff of a new wish."""
        checked = self.check(resource.token, resource.name, inputs, resource.inputs)
        request = provider_pb2.DiffRequest(
            id=resource.id,
            urn=urn(resource.token, resource.name),
            name=resource.name,
            type=resource.token,
            olds=encode(resource.outputs),
            old_inputs=encode(resource.inputs),
            news=encode(checked),
            ignoreChanges=ignore,
        )
        answer = self.stub.Diff(request, timeout=LIMIT)
        kinds = {path: _KINDS.Name(each.kind) for path, each in answer.detailedDiff.items()}
        assert (answer.changes == provider_pb2.DiffResponse.DIFF_SOME) == bool(kinds)
        return Diff(kinds, sorted(answer.replaces), answer.deleteBeforeReplace)

    def update(self, resource: Resource, inputs: dict[str, Any], *, preview: bool = False) -> Resource:
        """Check and Update."""
        checked = self.check(resource.token, resource.name, inputs, resource.inputs)
        request = provider_pb2.UpdateRequest(
            id=resource.id,
            urn=urn(resource.token, resource.name),
            name=resource.name,
            type=resource.token,
            olds=encode(resource.outputs),
            old_inputs=encode(resource.inputs),
            news=encode(checked),
            preview=preview,
            timeout=HANG,
        )
        answer = self.stub.Update(request, timeout=LIMIT)
        return Resource(resource.token, resource.name, resource.id, checked, decode(answer.properties))

    def read(self, resource: Resource) -> Resource | None:
        """A refresh."""
        request = provider_pb2.ReadRequest(
            id=resource.id,
            urn=urn(resource.token, resource.name),
            name=resource.name,
            type=resource.token,
            properties=encode(resource.outputs),
            inputs=encode(resource.inputs),
        )
        answer = self.stub.Read(request, timeout=LIMIT)
        if not answer.id:
            return None
        return Resource(resource.token, resource.name, answer.id, decode(answer.inputs), decode(answer.properties))

    def import_(self, token: str, name: str, identifier: str) -> Resource | None:
        """An import by id."""
        return self.read(Resource(token, name, identifier, {}))

    def delete(self, resource: Resource, *, seconds: float = 30) -> None:
        """Delete."""
        request = provider_pb2.DeleteRequest(
            id=resource.id,
            urn=urn(resource.token, resource.name),
            name=resource.name,
            type=resource.token,
            properties=encode(resource.outputs),
            old_inputs=encode(resource.inputs),
            timeout=seconds,
        )
        self.stub.Delete(request, timeout=LIMIT)

    def invoke(self, token: str, **arguments: Any) -> dict[str, Any]:
        """A function call."""
        answer = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments)), timeout=LIMIT)
        return decode(getattr(answer, "return"))


def urn(token: str, name: str) -> str:
    """A URN as the engine writes it."""
    return f"urn:pulumi:stack::project::velero:test:Parent${token}::{name}"


def _raise(answer: Any) -> None:
    if answer.failures:
        raise Refused({failure.property: failure.reason for failure in answer.failures})


def reason(error: grpc.RpcError) -> str:
    """What the engine would show of an error."""
    return error.details() or ""  # type: ignore[attr-defined]


def partial_failure(error: grpc.RpcError) -> tuple[str, dict[str, Any], list[str]]:
    """The id, outputs and reasons of a resource that was made but is not usable."""
    metadata: dict[str, bytes] = dict(error.trailing_metadata())  # type: ignore
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    return detail.id, decode(detail.properties), list(detail.reasons)


@contextlib.contextmanager
def attached(provider: Provider) -> Iterator[Engine]:
    """An engine's connection to `provider`, over gRPC on a loopback port."""
    with serving(provider) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Engine(provider_pb2_grpc.ResourceProviderStub(channel))


def shown(values: dict[str, Any]) -> dict[str, Any]:
    """Properties without secret wrappers, for comparisons."""
    return plain(values)
