"""What the engine is answered: inputs and failures, differences, half-made resources, and words for the user."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

from lab.providers.base import Checked, Difference, PartialFailure
from lab.providers.diff import Kind
from lab.providers.properties import Path, Secret, encode, keep_secret, plain

_LOG = logging.getLogger(__name__)

_KINDS = {
    (Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def abort_partially(context: Any, failure: PartialFailure, inputs: dict[str, Any]) -> NoReturn:
    """Fails the call in the way that makes the engine keep the resource in its state."""
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=failure.identifier,
            properties=encode(keep_secret(failure.outputs, inputs)),
            reasons=[str(failure)],
            inputs=encode(inputs),
        )
    )
    code = grpc.StatusCode.UNKNOWN
    message = status_pb2.Status(code=code.value[0], message=str(failure), details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", message.SerializeToString()),))
    context.abort(code, str(failure))
    raise AssertionError("abort returns never")


def token_of(request: Any) -> str:
    """The resource type: of the request, or for an older engine the last type of the URN's type chain."""
    return request.type or request.urn.split("::")[2].rpartition("$")[2]


def hidden(outputs: dict[str, Any], inputs: dict[str, Any], always: tuple[Path, ...]) -> dict[str, Any]:
    """The outputs with everything wrapped that is secret in the inputs, or always."""
    for path in always:
        if path[0] in outputs:
            outputs = {**outputs, path[0]: Secret(plain(outputs[path[0]]))}
    return keep_secret(outputs, inputs)


def check_response(checked: Checked, given: dict[str, Any]) -> Any:
    """The answer to Check; what was given as a secret stays one."""
    return provider_pb2.CheckResponse(
        inputs=encode(keep_secret(checked.inputs, given)),
        failures=[
            provider_pb2.CheckFailure(property=refusal.place, reason=refusal.reason) for refusal in checked.refusals
        ],
    )


def diff_response(difference: Difference, ignored: Any) -> Any:
    """The answer to Diff, without the property paths that are ignored."""
    found = [change for change in difference.changes if not _ignored(change.text, ignored)]
    detailed = {
        change.text: provider_pb2.PropertyDiff(kind=_KINDS[change.kind, change.replaces], inputDiff=True)
        for change in found
    }
    some = provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some,
        replaces=[change.text for change in found if change.replaces],
        diffs=sorted({str(change.path[0]) for change in found}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
        deleteBeforeReplace=bool(found) and difference.delete_first,
    )


def _ignored(text: str, ignored: Any) -> bool:
    return any(text == path or text.startswith((f"{path}.", f"{path}[")) for path in ignored)


def teller(engine: str, urn: str) -> Callable[[str], None]:
    """A way to show the user a warning beside a resource, through the engine at `engine` when it is known."""

    def say(message: str) -> None:
        _LOG.warning("%s: %s", urn, message)
        if not engine:
            return
        with contextlib.suppress(grpc.RpcError), grpc.insecure_channel(engine) as channel:
            warning = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message, urn=urn)
            engine_pb2_grpc.EngineStub(channel).Log(warning, timeout=2)

    return say
