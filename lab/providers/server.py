"""The gRPC side of every stand-in provider: what the Pulumi engine calls, translated to a `Session`.

The engine attaches with PULUMI_DEBUG_PROVIDERS=<name>:<port>. One process serves every provider resource of that
name, each over a connection of its own, so a session belongs to a connection.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc
from pulumi.runtime.proto.plugin_pb2 import PluginInfo

from lab.providers.answers import abort_partially, check_response, diff_response, hidden, teller, token_of
from lab.providers.base import Operation, PartialFailure, Provider, ProviderError, Session, State
from lab.providers.properties import decode, encode, keep_secret, plain

_LOG = logging.getLogger(__name__)
_DEFAULT_SECONDS = 300.0
_WORKERS = 8
_STOP_SECONDS = 5.0
# The engine sends whole states; Pulumi's own clients lift gRPC's 4 MB limit to this.
_MESSAGE_BYTES = 400 * 1024 * 1024


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
        # A program in Python never asks; one in YAML is checked against it before it runs.
        provider = self._provider
        package = provider.package()
        return provider_pb2.GetSchemaResponse(
            schema=package.document(provider.name, provider.version) if package else "{}"
        )

    def CheckConfig(self, request: Any, context: Any) -> Any:
        inputs = decode(request.news)
        with self._errors(context):
            checked = self._provider.check_config(plain(inputs))
            return check_response(checked, inputs)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        with self._errors(context):
            difference = self._provider.diff_config(plain(decode(request.old_inputs)), plain(decode(request.news)))
            return diff_response(difference, ())

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
                token_of(request), plain(decode(request.olds)), plain(new), self._operation(request, context)
            )
            return check_response(checked, new)

    def Diff(self, request: Any, context: Any) -> Any:
        with self._errors(context):
            old = State(request.id, plain(decode(request.old_inputs)), plain(decode(request.olds)))
            difference = self._session(context).diff(token_of(request), old, plain(decode(request.news)))
            return diff_response(difference, request.ignoreChanges)

    def Create(self, request: Any, context: Any) -> Any:
        inputs = decode(request.properties)
        token = token_of(request)
        with self._errors(context, inputs):
            session, operation = self._session(context), self._operation(request, context)
            if request.preview:
                outputs = session.preview_create(token, plain(inputs), operation)
                identifier = ""
            else:
                created = session.create(token, plain(inputs), operation)
                outputs, identifier = created.outputs, created.identifier
            properties = hidden(outputs, inputs, session.secret_outputs(token))
            return provider_pb2.CreateResponse(id=identifier, properties=encode(properties))

    def Read(self, request: Any, context: Any) -> Any:
        inputs, outputs = decode(request.inputs), decode(request.properties)
        token = token_of(request)
        with self._errors(context, inputs):
            session, operation = self._session(context), self._operation(request, context)
            found = session.read(token, State(request.id, plain(inputs), plain(outputs)), operation)
            if found is None:
                return provider_pb2.ReadResponse()
            always = session.secret_outputs(token)
            seen = keep_secret(hidden(found.outputs, inputs, always), outputs)
            # An import has no inputs yet that could say what is secret.
            wish = keep_secret(found.inputs, inputs) if inputs else hidden(found.inputs, {}, always)
            return provider_pb2.ReadResponse(id=found.identifier, properties=encode(seen), inputs=encode(wish))

    def Update(self, request: Any, context: Any) -> Any:
        new = decode(request.news)
        token = token_of(request)
        with self._errors(context, new):
            session, operation = self._session(context), self._operation(request, context)
            known = State(request.id, plain(decode(request.old_inputs)), plain(decode(request.olds)))
            change = session.preview_update if request.preview else session.update
            outputs = change(token, known, plain(new), operation)
            properties = hidden(outputs, new, session.secret_outputs(token))
            return provider_pb2.UpdateResponse(properties=encode(properties))

    def Delete(self, request: Any, context: Any) -> Any:
        with self._errors(context):
            known = State(request.id, plain(decode(request.old_inputs)), plain(decode(request.properties)))
            self._session(context).delete(token_of(request), known, self._operation(request, context))
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
            say=teller(connection.engine, urn),
            name=getattr(request, "name", "") or urn.rpartition("::")[2],
            seed=getattr(request, "randomSeed", b""),
        )

    @contextlib.contextmanager
    def _errors(self, context: Any, inputs: dict[str, Any] | None = None) -> Iterator[None]:
        try:
            yield
        except PartialFailure as failure:
            abort_partially(context, failure, inputs or {})
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:
            _LOG.exception("a call of the engine failed")
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")


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
