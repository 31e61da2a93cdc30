"""The gRPC side of every stand-in provider: what the Pulumi engine calls, translated to a `Session`.

The engine attaches with PULUMI_DEBUG_PROVIDERS=<name>:<port>. One process serves every provider resource of that
name, each over a connection of its own, so a session belongs to a connection.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2
from pulumi.runtime.proto.plugin_pb2 import PluginInfo

from lab.providers.base import Checked, Difference, Operation, PartialFailure, Provider, ProviderError, Session, State
from lab.providers.diff import Kind
from lab.providers.properties import Path, Secret, decode, encode, keep_secret, plain

_LOG = logging.getLogger(__name__)
_DEFAULT_SECONDS = 300.0
_WORKERS = 8
_STOP_SECONDS = 5.0
# The engine sends whole states; Pulumi's own clients lift gRPC's 4 MB limit to this.
_MESSAGE_BYTES = 400 * 1024 * 1024

_KINDS = {
    (Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


@dataclass
class _Connection:
    engine: str = ""
    session: Session | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)


class ProviderServicer(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's calls for one provider."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._connections: dict[str, _Connection] = {}
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: Any) -> Any:
        self._connection(context).engine = request.engine_address
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True,
            accept_resources=False,
            accept_outputs=False,
        )

    def Attach(self, request: Any, context: Any) -> Any:
        self._connection(context).engine = request.address
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return PluginInfo(version=self._provider.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        # Only code generation asks for it; an empty schema says that this provider has none to give.
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        inputs = decode(request.news)
        with self._errors(context):
            checked = self._provider.check_config(plain(inputs))
            return _check_response(checked, inputs)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        with self._errors(context):
            difference = self._provider.diff_config(plain(decode(request.old_inputs)), plain(decode(request.news)))
            return _diff_response(difference, ())

    def Configure(self, request: Any, context: Any) -> Any:
        with self._errors(context):
            self._connection(context).session = self._provider.configure(plain(decode(request.args)))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
        )

    def Invoke(self, request: Any, context: Any) -> Any:
        with self._errors(context):
            operation = self._operation(request, context)
            result = self._session(context).invoke(request.tok, plain(decode(request.args)), operation)
            response = provider_pb2.InvokeResponse()
            # The field is called return, which Python keeps for itself.
            getattr(response, "return").CopyFrom(encode(result))
            return response

    def Call(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "this stand-in provider has no methods")

    def Construct(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "this stand-in provider has no components")

    def Check(self, request: Any, context: Any) -> Any:
        new = decode(request.news)
        with self._errors(context):
            checked = self._session(context).check(
                _token(request), plain(decode(request.olds)), plain(new), self._operation(request, context)
            )
            return _check_response(checked, new)

    def Diff(self, request: Any, context: Any) -> Any:
        with self._errors(context):
            old = State(request.id, plain(decode(request.old_inputs)), plain(decode(request.olds)))
            difference = self._session(context).diff(_token(request), old, plain(decode(request.news)))
            return _diff_response(difference, request.ignoreChanges)

    def Create(self, request: Any, context: Any) -> Any:
        inputs = decode(request.properties)
        token = _token(request)
        with self._errors(context, inputs):
            session, operation = self._session(context), self._operation(request, context)
            if request.preview:
                outputs = session.preview_create(token, plain(inputs), operation)
                identifier = ""
            else:
                created = session.create(token, plain(inputs), operation)
                outputs, identifier = created.outputs, created.identifier
            properties = _hidden(outputs, inputs, session.secret_outputs(token))
            return provider_pb2.CreateResponse(id=identifier, properties=encode(properties))

    def Read(self, request: Any, context: Any) -> Any:
        inputs, outputs = decode(request.inputs), decode(request.properties)
        token = _token(request)
        with self._errors(context, inputs):
            session, operation = self._session(context), self._operation(request, context)
            found = session.read(token, State(request.id, plain(inputs), plain(outputs)), operation)
            if found is None:
                return provider_pb2.ReadResponse()
            always = session.secret_outputs(token)
            hidden = keep_secret(_hidden(found.outputs, inputs, always), outputs)
            # An import has no inputs yet that could say what is secret.
            wish = keep_secret(found.inputs, inputs) if inputs else _hidden(found.inputs, {}, always)
            return provider_pb2.ReadResponse(id=found.identifier, properties=encode(hidden), inputs=encode(wish))

    def Update(self, request: Any, context: Any) -> Any:
        new = decode(request.news)
        token = _token(request)
        with self._errors(context, new):
            session, operation = self._session(context), self._operation(request, context)
            known = State(request.id, plain(decode(request.old_inputs)), plain(decode(request.olds)))
            change = session.preview_update if request.preview else session.update
            outputs = change(token, known, plain(new), operation)
            properties = _hidden(outputs, new, session.secret_outputs(token))
            return provider_pb2.UpdateResponse(properties=encode(properties))

    def Delete(self, request: Any, context: Any) -> Any:
        with self._errors(context):
            known = State(request.id, plain(decode(request.old_inputs)), plain(decode(request.properties)))
            self._session(context).delete(_token(request), known, self._operation(request, context))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self._connection(context).cancelled.set()
        return empty_pb2.Empty()

    def GetMapping(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingsResponse()

    def _connection(self, context: Any) -> _Connection:
        with self._lock:
            return self._connections.setdefault(context.peer(), _Connection())

    def _session(self, context: Any) -> Session:
        session = self._connection(context).session
        if session is None:
            raise ProviderError(f"the {self._provider.name} stand-in has not been configured on this connection")
        return session

    def _operation(self, request: Any, context: Any) -> Operation:
        connection = self._connection(context)
        seconds = getattr(request, "timeout", 0.0) or _DEFAULT_SECONDS
        urn = getattr(request, "urn", "")
        return Operation(
            deadline=time.monotonic() + seconds,
            cancelled=connection.cancelled,
            say=_teller(connection.engine, urn),
            name=getattr(request, "name", "") or urn.rpartition("::")[2],
            seed=getattr(request, "randomSeed", b""),
        )

    @contextlib.contextmanager
    def _errors(self, context: Any, inputs: dict[str, Any] | None = None) -> Iterator[None]:
        try:
            yield
        except PartialFailure as failure:
            _abort_partially(context, failure, inputs or {})
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:
            _LOG.exception("a call of the engine failed")
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")


def _abort_partially(context: Any, failure: PartialFailure, inputs: dict[str, Any]) -> NoReturn:
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


def _token(request: Any) -> str:
    """The resource type: of the request, or for an older engine the last type of the URN's type chain."""
    return request.type or request.urn.split("::")[2].rpartition("$")[2]


def _hidden(outputs: dict[str, Any], inputs: dict[str, Any], always: tuple[Path, ...]) -> dict[str, Any]:
    for path in always:
        if path[0] in outputs:
            outputs = {**outputs, path[0]: Secret(plain(outputs[path[0]]))}
    return keep_secret(outputs, inputs)


def _check_response(checked: Checked, given: dict[str, Any]) -> Any:
    return provider_pb2.CheckResponse(
        inputs=encode(keep_secret(checked.inputs, given)),
        failures=[
            provider_pb2.CheckFailure(property=refusal.place, reason=refusal.reason) for refusal in checked.refusals
        ],
    )


def _diff_response(difference: Difference, ignored: Any) -> Any:
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


def _teller(engine: str, urn: str) -> Callable[[str], None]:
    def say(message: str) -> None:
        _LOG.warning("%s: %s", urn, message)
        if not engine:
            return
        with contextlib.suppress(grpc.RpcError), grpc.insecure_channel(engine) as channel:
            warning = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message, urn=urn)
            engine_pb2_grpc.EngineStub(channel).Log(warning, timeout=2)

    return say


@contextlib.contextmanager
def serving(provider: Provider, port: int = 0) -> Iterator[int]:
    """Serves `provider` on a loopback port (0: a free one) and gives the port; calls in flight get 5 s at the end."""
    # Without the last, a taken port would be shared with whoever has it.
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=_WORKERS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(ProviderServicer(provider), server)
    try:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    except RuntimeError as error:
        raise ProviderError(f"port {port} on 127.0.0.1 is taken; give another one, or 0 for a free one") from error
    server.start()
    try:
        yield bound
    finally:
        server.stop(_STOP_SECONDS).wait(_STOP_SECONDS + 1)
