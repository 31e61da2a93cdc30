"""The recorder that stands in for the engine: keeps every registration whole and answers as the providers would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import alias_pb2, resource_pb2

from velero_eks.plan.computed import INVOKES, Answer, Estate, Request, rule_for
from velero_eks.plan.model import STACK_TYPE, NoRuleError, Options, PlanError, Resource, UnknownInvokeError
from velero_eks.plan.values import masked, revealed, unknown_paths, write

Rule = Callable[[Request], Answer]


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
    """Records one run of a program. Made new for each stack, so nothing of one can reach another."""

    def __init__(self, project: str, stack: str, estate: Estate, rules: Mapping[str, Rule] | None = None) -> None:
        """`rules` are computed-output rules by type, over those of `computed`."""
        super().__init__(_NoMocks())
        self.outputs: dict[str, Any] = {}
        self._project = project
        self._stack = stack
        self._estate = estate
        self._rules = rules or {}
        self._recorded: dict[str, Resource] = {}
        self._registered_outputs: dict[str, dict[str, Any]] = {}
        self._protect: dict[str, bool] = {}
        self._retain: dict[str, bool] = {}
        self._providers: dict[str, _Provider] = {}

    def recorded(self) -> tuple[Resource, ...]:
        """Everything registered so far, sorted by URN; components with the outputs that they registered."""
        return tuple(
            resource if resource.custom else _with_outputs(resource, self._registered_outputs.get(urn))
            for urn, resource in sorted(self._recorded.items())
        )

    def make_urn(self, parent: str, type_: str, name: str, *, stack: str = "", project: str = "") -> str:
        """The URN that the engine gives: the whole chain of parent types, without the stack's own."""
        qualified = type_
        if parent:
            above = parent.split("::")[2]
            qualified = type_ if above == STACK_TYPE else f"{above}${type_}"
        return f"urn:pulumi:{stack or self._stack}::{project or self._project}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        self._refuse_unsupported(request, urn)
        options = self._options(request, urn)
        inputs = masked(request.object)
        _refuse_unknown(inputs, f"input of {request.type} {request.name}")
        state = Struct()
        id_: str | None = None
        if request.custom:
            id_ = self._answer(request, urn, state)
        self._recorded[urn] = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=None if _is_stack(request.parent) else request.parent,
            custom=request.custom,
            inputs=inputs,
            options=options,
            id=id_,
            outputs=masked(state) if request.custom else None,
        )
        # `unknown` has the SDK resolve what no rule computed as unknown rather than as None, so that its use is found.
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_ or "", object=state, unknown=bool(request.custom))

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:
        outputs = masked(request.outputs)
        if _is_stack(request.urn):
            _refuse_unknown(outputs, "output of the stack")
            self.outputs = outputs
        else:
            _refuse_unknown(outputs, f"output of {request.urn}")
            self._registered_outputs[request.urn] = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:
        rule = INVOKES.get(request.tok)
        if rule is None:
            raise UnknownInvokeError(
                f"the program looks up {request.tok}, and an offline plan has no account to ask; give the value in"
                " the stack file, or teach velero_eks/plan/computed.py (INVOKES) what it answers. Known:"
                f" {', '.join(INVOKES)}"
            )
        response = resource_pb2.ResourceInvokeResponse()
        # The field is called as the statement is, so it has no attribute to set it by.
        result: Struct = getattr(response, "return")
        write(result, rule(self._request("", request.tok, request.tok, revealed(request.args), request.provider)))
        return response

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:
        raise PlanError(
            f"the program reads {request.type} {request.name} ({request.id}) from the cloud, and an offline plan has no"
            " credentials; give what is needed of it in the stack file"
        )

    def RegisterStackTransform(self, request: Any) -> empty_pb2.Empty:
        raise PlanError(_NO_TRANSFORMS)

    def RegisterStackInvokeTransform(self, request: Any) -> empty_pb2.Empty:
        raise PlanError(_NO_TRANSFORMS)

    def _refuse_unsupported(self, request: Any, urn: str) -> None:
        if urn in self._recorded:
            raise PlanError(
                f"{request.type} {request.name} is registered twice under one parent; the engine refuses that, give one"
                " of them another name"
            )
        if request.remote:
            raise PlanError(
                f"{request.type} is a component of another language's package; an offline plan cannot run it"
            )
        if request.transforms:
            raise PlanError(_NO_TRANSFORMS)

    def _answer(self, request: Any, urn: str, state: Struct) -> str:
        rule = self._rules.get(request.type) or rule_for(request.type)
        if rule is None:
            raise NoRuleError(
                f"the offline plan does not know what {request.type} answers when it is made; add a rule for it to"
                " velero_eks/plan/computed.py (RULES)"
            )
        inputs = revealed(request.object)
        if request.type == "pulumi:providers:aws":
            self._providers[urn] = _Provider(inputs.get("region"), _only_account(inputs.get("allowedAccountIds")))
        id_, computed = rule(self._request(urn, request.type, request.name, inputs, request.provider))
        state.CopyFrom(request.object)
        write(state, computed)
        return id_

    def _request(self, urn: str, type_: str, name: str, inputs: dict[str, Any], provider_ref: str) -> Request:
        provider = self._providers.get(_provider_urn(provider_ref) or "")
        estate = Estate(
            account=(provider and provider.account) or self._estate.account,
            region=inputs.get("region") or (provider and provider.region) or self._estate.region,
            oidc_issuer=self._estate.oidc_issuer,
        )
        partition, dns_suffix = _partition(estate.region)
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


_NO_TRANSFORMS = (
    "the program registers a transform, which only the engine runs: the plan would differ from what is deployed;"
    " change the resource's own inputs"
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


def _refuse_unknown(values: dict[str, Any], what: str) -> None:
    paths = unknown_paths(values)
    if paths:
        raise NoRuleError(
            f"{paths[0]} ({what}) comes from an output that the offline plan does not compute; add it to the rule of"
            " the resource it comes from in velero_eks/plan/computed.py"
        )
