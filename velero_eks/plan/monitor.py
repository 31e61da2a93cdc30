"""The recorder that stands in for the engine: keeps every registration whole and answers as the providers would."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import alias_pb2, provider_pb2, resource_pb2

from velero_eks.errors import PlanError
from velero_eks.plan.callbacks import Callbacks, transformed
from velero_eks.plan.computed import INVOKES, READS, Answer, Estate, Request, rule_for
from velero_eks.plan.model import STACK_TYPE, Options, Resource
from velero_eks.plan.unknown import Note, StandIns, declared_outputs, fields
from velero_eks.plan.values import UNKNOWN, Secret, masked, revealed, write
from velero_eks.rules.kinds import COMPONENTS

Rule = Callable[[Request], Answer]

_STACK_REFERENCE = "pulumi:pulumi:StackReference"
# Where neither the provider nor the configuration names one, the caller's environment decides at the deployment.
_NO_REGION = "us-east-1"
_ASKED_FOR_ACCOUNT = ("aws:index/getCallerIdentity:getCallerIdentity",)
# The functions that generated packages look things up with: those that answer at once, and those that give an output.
_PLAIN = ("invoke", "invoke_single", "invoke_async", "call", "call_single")
_LATE = ("invoke_output", "invoke_output_single")


class _NoMocks(Mocks):
    """Mocks that are never asked: the recorder answers everything itself."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise AssertionError(f"{args.typ} was not recorded")

    def call(self, args: Any) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"{args.token} was not recorded")


@dataclass
class _Provider:
    """What a registered AWS provider pins."""

    region: str | None
    account: str | None


class Recorder(MockMonitor):
    """Records one run of a program. Made new for each stack, so nothing of one can reach another.

    What the provider would answer is computed where there is a rule. Everything else passes through with a note: its
    outputs are its inputs and stand-ins, or, where `stand_ins` is off, outputs that no one knows, whose applies do not
    run.
    """

    def __init__(
        self,
        project: str,
        stack: str,
        estate: Estate,
        rules: Mapping[str, Rule] | None = None,
        *,
        stand_ins: bool = True,
    ) -> None:
        """`rules` are computed-output rules by type, over those of `computed`."""
        super().__init__(_NoMocks())
        self.outputs: dict[str, Any] = {}
        self.stand_ins = StandIns()
        self.callbacks = Callbacks(self)
        self._notes: dict[Note, None] = {}
        self._stands_in = stand_ins
        self._project = project
        self._stack = stack
        self._estate = estate
        self._rules = rules or {}
        # What each VeleroOnEks says of where it is deployed.
        self._stated: set[tuple[str, str]] = set()
        self._recorded: dict[str, Resource] = {}
        self._registered_outputs: dict[str, dict[str, Any]] = {}
        self._protect: dict[str, bool] = {}
        self._retain: dict[str, bool] = {}
        self._providers: dict[str, _Provider] = {}
        self._transforms: dict[str, tuple[Any, ...]] = {}
        self._stack_wide: list[Any] = []
        # What exists already is not recorded: what stands under it stands under its parent.
        self._read: dict[str, str] = {}
        self._of_invokes: list[Any] = []
        # What the SDK's functions declare that they answer, by token; see `declaring`.
        self._answers: dict[str, Any] = {}

    def recorded(self) -> tuple[Resource, ...]:
        """Everything registered so far, sorted by URN; components with the outputs that they registered."""
        return tuple(
            resource if resource.custom else _with_outputs(resource, self._registered_outputs.get(urn))
            for urn, resource in sorted(self._recorded.items())
        )

    def notes(self) -> tuple[Note, ...]:
        """What passed through, in the order of its kind and name."""
        return tuple(sorted(self._notes, key=lambda note: (note.kind, note.token, note.name or "")))

    def note(self, kind: str, token: str, name: str | None = None) -> None:
        """Note that something passes through; once for the same thing."""
        self._notes[Note(kind, token, name)] = None

    def make_urn(self, parent: str, type_: str, name: str, *, stack: str = "", project: str = "") -> str:
        """The URN that the engine gives: the whole chain of parent types, without the stack's own."""
        qualified = type_
        if parent:
            above = parent.split("::")[2]
            qualified = type_ if above == STACK_TYPE else f"{above}${type_}"
        return f"urn:pulumi:{stack or self._stack}::{project or self._project}::{qualified}::{name}"

    def GetDeploymentInfo(self, request: Any) -> resource_pb2.DeploymentInfo:
        info = super().GetDeploymentInfo(request)
        info.supportedFeatures.append(resource_pb2.RESOURCE_MONITOR_FEATURE_STATE_MIGRATIONS)
        return info

    def RegisterResource(self, request: Any) -> Any:
        """The response; where transforms have to run first, an awaitable of it, which the recorder's loop takes."""
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=self.make_urn("", request.type, request.name))
        urn = self.make_urn(request.parent, request.type, request.name)
        own = (*request.transforms, *self._transforms.get(request.parent, ()))
        if own:
            self._transforms[urn] = own
        run = (*own, *self._stack_wide)
        return self._register_transformed(request, urn, run) if run else self._register(request, urn)

    async def _register_transformed(
        self, request: Any, urn: str, callbacks: tuple[Any, ...]
    ) -> resource_pb2.RegisterResourceResponse:
        return self._register(await transformed(request, callbacks, self.callbacks), urn)

    def _register(self, request: Any, urn: str) -> resource_pb2.RegisterResourceResponse:
        if urn in self._recorded:
            raise PlanError(
                f"{request.type} {request.name} is registered twice under one parent, which the engine"
                " refuses; rename one of them"
            )
        options = self._options(request, urn)
        if request.type in COMPONENTS:
            self._hear(masked(request.object))
        state = Struct()
        id_: str | None = None
        if request.custom or request.remote:
            id_ = self._answer(request, urn, state)
        sources = {
            key: self._called(next(iter(sorted(value.urns)))) for key, value in request.propertyDependencies.items()
            if value.urns
        }  # fmt: skip
        self._recorded[urn] = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=self._recorded_parent(request.parent),
            custom=request.custom,
            inputs=self.stand_ins.settled(masked(request.object), sources),
            options=options,
            id=id_,
            outputs=self.stand_ins.settled(masked(state)) if request.custom or request.remote else None,
        )
        # `unknown` has the SDK resolve what no rule computed as unknown rather than as None, so that its use is found.
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=(id_ or "") if request.custom else "", object=state, unknown=bool(request.custom)
        )

    def _hear(self, inputs: Mapping[str, Any]) -> None:
        account, region = inputs.get("account"), inputs.get("region")
        self._stated.add((account if isinstance(account, str) else "", region if isinstance(region, str) else ""))

    def elsewhere(self) -> Estate | None:
        """Where the program's one VeleroOnEks says that it is, if this run had to do without an account or a region.

        What is made before it was answered without knowing: only another run can tell.
        """
        if len(self._stated) != 1 or (self._estate.account and self._estate.region):
            return None
        [(account, region)] = self._stated
        known = replace(
            self._estate, account=self._estate.account or account or None, region=self._estate.region or region or None
        )
        return known if known != self._estate else None

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:
        outputs = self.stand_ins.settled(masked(request.outputs))
        if _is_stack(request.urn):
            self.outputs = outputs
        else:
            self._registered_outputs[request.urn] = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:
        """The response; where transforms have to run first, an awaitable of it, which the recorder's loop takes."""
        return self._invoke_transformed(request) if self._of_invokes else self._invoke(request)

    async def _invoke_transformed(self, request: Any) -> resource_pb2.ResourceInvokeResponse:
        for callback in self._of_invokes:
            asked = resource_pb2.TransformInvokeRequest(
                token=request.tok,
                args=request.args,
                options=resource_pb2.TransformInvokeOptions(provider=request.provider, version=request.version),
            )
            answer = await self.callbacks.run(callback, asked)
            request.args.CopyFrom(answer.args)
            request.provider = answer.options.provider or request.provider
        return self._invoke(request)

    def _invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:
        rule = INVOKES.get(request.tok)
        inputs = revealed(request.args)
        answer: dict[str, Any] = {}
        if rule is None:
            self.note("invoke", request.tok)
        else:
            answer = rule(self._request("", request.tok, request.tok, inputs, request.provider))
        declared = self._answers.get(request.tok)
        if declared is not None:
            what = f"{request.tok} {json.dumps(inputs, sort_keys=True)}" if inputs else request.tok
            known = {**inputs, **answer} if rule is None else answer
            made = self.stand_ins.of_type(declared, what, "", self._arn_of(request.tok)) or {}
            answer = {**made, **{key: value for key, value in known.items() if key in fields(declared)}, **answer}
        response = resource_pb2.ResourceInvokeResponse()
        # The field is called as the statement is, so it has no attribute to set it by.
        write(getattr(response, "return"), answer)
        return response

    def Call(self, request: Any) -> Any:
        """A method of a component or of a provider."""
        self.note("call", request.tok)
        response = provider_pb2.CallResponse()
        declared = self._answers.get(request.tok)
        made = self.stand_ins.of_type(declared, request.tok, "", self._arn_of(request.tok)) or {}
        write(getattr(response, "return"), made)
        return response

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:
        """What exists already. It is not of what the stack makes, so that it is noted and not recorded."""
        urn = self.make_urn(request.parent, request.type, request.name)
        self.note("reference" if request.type == _STACK_REFERENCE else "read", request.type, request.name)
        self._read[urn] = request.parent
        state = Struct()
        state.CopyFrom(request.properties)
        rule = READS.get(request.type)
        known: dict[str, Any] = {}
        if rule is not None:
            given = {**revealed(request.properties), "id": request.id}
            known = rule(self._request(urn, request.type, request.name, given, request.provider))
        if self._stands_in:
            self._stand_in(request, state, {*state.fields, *known}, unknown=False)
        write(state, known)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=state, unknown=True, id=request.id)

    def RegisterStackTransform(self, request: Any) -> empty_pb2.Empty:
        self._stack_wide.append(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: Any) -> empty_pb2.Empty:
        self._of_invokes.append(request)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: Any) -> empty_pb2.Empty:
        self.note("hook", "resource hook", request.name)
        return empty_pb2.Empty()

    def RegisterErrorHook(self, request: Any) -> empty_pb2.Empty:
        self.note("hook", "error hook", request.name)
        return empty_pb2.Empty()

    @contextlib.contextmanager
    def declaring(self) -> Iterator[None]:
        """Learn, while a program runs, what the lookups that it makes declare to answer, and stand in for references.

        The requests that reach an engine do not say it: its providers know.
        """
        before = {name: getattr(pulumi.runtime, name) for name in (*_PLAIN, *_LATE)}
        references = {name: pulumi.StackReference.__dict__[name] for name in ("get_output", "require_output")}

        def learning(function: Callable[..., Any], late: bool) -> Callable[..., Any]:
            signature = inspect.signature(function)

            def called(*args: Any, **kwargs: Any) -> Any:
                given = signature.bind(*args, **kwargs).arguments
                token = given["tok"]
                self._answers[token] = given.get("typ") or self._answers.get(token)
                if late and not self._stands_in and token not in INVOKES:
                    self.note("invoke", token)
                    return _nobody_knows()
                return function(*args, **kwargs)

            return called

        def output(reference: pulumi.StackReference, name: pulumi.Input[str]) -> pulumi.Output[Any]:
            if not self._stands_in:
                return _nobody_knows()
            what = f"stack {reference._name}"
            return pulumi.Output.from_input(name).apply(lambda key: self.stand_ins.text(what, key, self._arn_of("")))

        try:
            for name, function in before.items():
                setattr(pulumi.runtime, name, learning(function, name in _LATE))
            for name in references:
                setattr(pulumi.StackReference, name, output)
            yield
        finally:
            for name, function in before.items():
                setattr(pulumi.runtime, name, function)
            for name, function in references.items():
                setattr(pulumi.StackReference, name, function)

    def _answer(self, request: Any, urn: str, state: Struct) -> str | None:
        rule = self._rules.get(request.type) or rule_for(request.type)
        state.CopyFrom(request.object)
        if request.remote or rule is None:
            self.note("component" if request.remote else "resource", request.type, request.name)
            if self._stands_in or request.remote:
                self._stand_in(request, state, set(state.fields), unknown=True)
            if not request.custom or not self._stands_in:
                return None
            return self.stand_ins.text(f"{request.type} {request.name}", "id")
        inputs = revealed(request.object)
        if request.type == "pulumi:providers:aws":
            self._providers[urn] = _Provider(
                self._known(inputs.get("region")), self._known(_only_account(inputs.get("allowedAccountIds")))
            )
        id_, computed = rule(self._request(urn, request.type, request.name, inputs, request.provider))
        secret = set(request.additionalSecretOutputs)
        write(state, {key: Secret(value) if key in secret else value for key, value in computed.items()})
        return id_

    def _stand_in(self, request: Any, state: Struct, known: set[str], *, unknown: bool) -> None:
        """Set what the SDK's class declares and nothing said so far; `unknown` marks what has no stand-in."""
        what, arn = f"{request.type} {request.name}", self._arn_of(request.type)
        for key, declared in declared_outputs(request.type).items():
            if key in known:
                continue
            made = self.stand_ins.of_type(declared, what, key, arn) if self._stands_in else None
            if made is not None:
                write(state, {key: made})
            elif unknown:
                state.fields[key].string_value = UNKNOWN

    def _recorded_parent(self, urn: str) -> str | None:
        while urn in self._read:
            urn = self._read[urn]
        return None if _is_stack(urn) else urn

    def _known(self, value: Any) -> Any:
        return None if isinstance(self.stand_ins.settled(value), dict) or value == UNKNOWN else value

    def _arn_of(self, token: str) -> str:
        """What an ARN of something of this type begins with."""
        where = self._request("", token, "", {}, "")
        service = token.split(":")[1].split("/")[0] if token.startswith("aws:") else "unknown"
        return where.arn(service, "key/" if service == "kms" else "")

    def _called(self, urn: str) -> str:
        type_, name = urn.split("::")[2:4]
        return f"{type_.rsplit('$', 1)[-1]} {name}"

    def _request(self, urn: str, type_: str, name: str, inputs: dict[str, Any], provider_ref: str) -> Request:
        provider = self._providers.get(_provider_urn(provider_ref) or "")
        account = (provider and provider.account) or self._estate.account
        if account is None:
            account = self.stand_ins.account()
            if type_ in _ASKED_FOR_ACCOUNT:
                self.note("account", "aws")
        region = self._known(inputs.get("region")) or (provider and provider.region) or self._estate.region
        if region is None:
            region = _NO_REGION
            self.note("region", "aws", region)
        estate = Estate(account=account, region=region, oidc_issuer=self._estate.oidc_issuer)
        partition, dns_suffix = _partition(region)
        return Request(urn, type_, name, inputs, estate, partition, dns_suffix)

    def _options(self, request: Any, urn: str) -> Options:
        parent = request.parent
        # The engine hands these two down from the parent wherever a child leaves them unset.
        protect = request.protect if request.HasField("protect") else self._protect.get(parent, False)
        retain = request.retainOnDelete if request.HasField("retainOnDelete") else self._retain.get(parent, False)
        self._protect[urn] = protect
        self._retain[urn] = retain
        timeouts = request.customTimeouts
        return Options(
            protect=protect,
            retain_on_delete=retain,
            depends_on=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(value.urns))
                for key, value in sorted(request.propertyDependencies.items())
                if value.urns
            },
            provider=_provider_urn(request.provider),
            providers={package: _provider_urn(ref) or "" for package, ref in sorted(request.providers.items())},
            aliases=tuple(self._alias(alias, request) for alias in request.aliases),
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            deleted_with=request.deletedWith or None,
            import_id=request.importId or None,
            version=request.version or None,
            custom_timeouts={
                key: getattr(timeouts, key)
                for key in ("create", "update", "delete", "read")
                if getattr(timeouts, key, "")
            },
        )

    def _alias(self, alias: alias_pb2.Alias, request: Any) -> str:
        """The URN that an alias stands for: what the alias leaves open is the resource's own."""
        if alias.WhichOneof("alias") == "urn":
            return alias.urn
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        return self.make_urn(
            parent, spec.type or request.type, spec.name or request.name, stack=spec.stack, project=spec.project
        )


def _with_outputs(resource: Resource, outputs: dict[str, Any] | None) -> Resource:
    return Resource(**{**resource.__dict__, "outputs": outputs})


def _is_stack(urn: str) -> bool:
    return not urn or urn.split("::")[2] == STACK_TYPE


def _provider_urn(reference: str) -> str | None:
    """The URN of a provider reference, which is `<urn>::<id>`."""
    return reference.rsplit("::", 1)[0] if reference else None


def _only_account(allowed: Any) -> str | None:
    # A provider's inputs that are not text travel as JSON.
    accounts = json.loads(allowed) if isinstance(allowed, str) else allowed
    return accounts[0] if isinstance(accounts, list) and len(accounts) == 1 else None


def _partition(region: str) -> tuple[str, str]:
    from velero_on_eks.settings.aws_facts import partition_of

    try:
        partition = partition_of(region)
    except KeyError:
        raise PlanError(f"AWS has no region {region!r}; write aws:region in the stack file") from None
    return partition.name, partition.dns_suffix


def _nobody_knows() -> pulumi.Output[Any]:
    """An output that is not known, as in a preview: its applies do not run."""

    def settled(value: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(value)
        return future

    return pulumi.Output(set(), settled(None), settled(False), settled(False))
