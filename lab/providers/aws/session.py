"""The aws stand-in's session: finds the resource type, checks against its schema, compares, and calls boto3."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lab.providers.aws import invokes
from lab.providers.aws.cloud import Cloud, aws_errors
from lab.providers.aws.resource import Resource
from lab.providers.base import (
    Checked,
    Difference,
    Operation,
    PartialFailure,
    Properties,
    ProviderError,
    Refusal,
    Session,
    State,
)
from lab.providers.diff import Rules, changes, delete_first, equivalent, project, reconcile
from lab.providers.properties import UNKNOWN, has_unknown
from lab.providers.schema import ResourceSchema, misfits, resource_schema

_NAME_SUFFIX = 7


class AwsSession(Session):
    """Resources of one configured aws provider."""

    def __init__(self, cloud: Cloud, resources: Mapping[str, Resource]) -> None:
        self._cloud = cloud
        self._resources = resources

    def check(self, token: str, old: Properties, new: Properties, operation: Operation) -> Checked:
        resource, schema = self._resource(token)
        # `pulumi import` hands back what a read gave, the merged tags included.
        wish = {name: value for name, value in new.items() if name != "tagsAll"}
        inputs = _documents_as_text(wish, resource.rules)
        refusals = [Refusal(misfit.path, misfit.reason) for misfit in misfits(inputs, schema.inputs)]
        refusals += [
            Refusal(name, f"the stand-in does not emulate {name!r} of {token}; use the resource type made for it")
            for name in sorted(resource.refused & inputs.keys())
        ]
        name = resource.rules.name
        if name is not None and name not in inputs:
            inputs[name] = old.get(name) or _automatic_name(token, operation)
        if "region" in schema.inputs.fields:
            inputs.setdefault("region", self._cloud.region)
        if "tagsAll" in schema.outputs.fields:
            # The real provider records the merged tags too, so that a changed default tag is a change here.
            inputs["tagsAll"] = self._merged_tags(inputs.get("tags"))
        if not refusals:
            refusals = list(resource.check(self._cloud, inputs))
        return Checked(inputs, refusals)

    def diff(self, token: str, old: State, new: Properties) -> Difference:
        resource, _ = self._resource(token)
        rules = _with_region(resource.rules)
        found = changes(old.inputs, new, rules)
        return Difference(found, delete_first(old.inputs, new, found, rules))

    def create(self, token: str, inputs: Properties, operation: Operation) -> State:
        resource, schema = self._resource(token)
        operation.remaining()
        with self._errors("creating", token, operation.name):
            identifier = resource.create(self._at(inputs), inputs)
        try:
            with self._errors("reading", token, identifier):
                outputs = self._observe(resource, schema, identifier, inputs)
        except ProviderError as error:
            raise PartialFailure(identifier, inputs, str(error)) from error
        if outputs is None:
            raise ProviderError(f"{token} {identifier}: created, but the emulator does not have it")
        return State(identifier, inputs, outputs)

    def preview_create(self, token: str, inputs: Properties, operation: Operation) -> Properties:
        resource, schema = self._resource(token)
        outputs = dict(inputs)
        for name in schema.outputs.fields.keys() - inputs.keys():
            if name in resource.rules.defaults:
                outputs[name] = resource.rules.defaults[name]
            elif name not in schema.inputs.fields or name in resource.rules.computed:
                outputs[name] = UNKNOWN
        return outputs

    def read(self, token: str, known: State, operation: Operation) -> State | None:
        resource, schema = self._resource(token)
        last = known.outputs or known.inputs
        with self._errors("reading", token, known.identifier):
            outputs = self._observe(resource, schema, known.identifier, last)
        if outputs is None:
            return None
        return State(known.identifier, self._inputs(resource.rules, schema, outputs, known.inputs), outputs)

    def update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        resource, schema = self._resource(token)
        operation.remaining()
        cloud = self._at(inputs)
        with self._errors("updating", token, known.identifier):
            resource.update(cloud, known.identifier, {**known.outputs, **known.inputs}, inputs)
            before = known.inputs.get("tagsAll") or known.outputs.get("tagsAll") or {}
            after = inputs.get("tagsAll") or {}
            if before != after:
                put = {key: value for key, value in after.items() if before.get(key) != value}
                resource.retag(cloud, known.identifier, known.outputs, put, sorted(before.keys() - after.keys()))
            outputs = self._observe(resource, schema, known.identifier, inputs)
        if outputs is None:
            raise ProviderError(f"{token} {known.identifier}: gone; run `pulumi refresh` to see what is left")
        return outputs

    def preview_update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        resource, schema = self._resource(token)
        kept = {
            name: value
            for name, value in known.outputs.items()
            if name not in schema.inputs.fields or name in resource.rules.computed or name in resource.rules.defaults
        }
        return {**kept, **inputs}

    def delete(self, token: str, known: State, operation: Operation) -> None:
        resource, _ = self._resource(token)
        operation.remaining()
        with self._errors("deleting", token, known.identifier):
            resource.delete(self._at(known.outputs), known.identifier, {**known.inputs, **known.outputs})

    def invoke(self, token: str, arguments: Properties, operation: Operation) -> Properties:
        with self._errors("calling", token, ""):
            return invokes.invoke(self._cloud, token, arguments)

    def _resource(self, token: str) -> tuple[Resource, ResourceSchema]:
        resource = self._resources.get(token)
        if resource is None:
            known = ", ".join(sorted(self._resources))
            raise ProviderError(f"the aws stand-in does not know the resource type {token}; it knows {known}")
        return resource, schema_of(token)

    def _at(self, properties: Properties) -> Cloud:
        return self._cloud.in_region(properties.get("region"))

    def _observe(
        self, resource: Resource, schema: ResourceSchema, identifier: str, last: Properties
    ) -> Properties | None:
        """The live values, written as they were last known where they say the same."""
        cloud = self._at(last)
        live = resource.read(cloud, identifier, last)
        if live is None:
            return None
        live |= {name: last[name] for name in resource.rules.local if name in last}
        if "region" in schema.inputs.fields:
            live.setdefault("region", cloud.region)
        if "tagsAll" in live:
            wished = last.get("tags") or {}
            live["tags"] = {
                key: value
                for key, value in live["tagsAll"].items()
                if key in wished or self._cloud.default_tags.get(key) != value
            }
        reconciled = reconcile(live, {name: last[name] for name in live.keys() & last.keys()}, resource.rules)
        return {name: value for name, value in reconciled.items() if value is not None}

    def _inputs(self, rules: Rules, schema: ResourceSchema, outputs: Properties, wish: Properties) -> Properties:
        """What the inputs would have to be for the live values to be as they are."""
        if wish:
            names = set(wish) | ({"tags"} if outputs.get("tags") else set())
            return {
                name: project(outputs[name], wish.get(name), rules, (name,))
                for name in names
                if outputs.get(name) is not None
            }
        recorded = schema.inputs.fields.keys() | {"tagsAll"}
        return {
            name: value
            for name, value in outputs.items()
            if name in recorded
            and value not in (None, "", [], {})
            and not (name in rules.defaults and equivalent(rules.defaults[name], value, name, rules))
        }

    def _merged_tags(self, tags: Any) -> Any:
        if tags is UNKNOWN or has_unknown(tags):
            return UNKNOWN
        return {**self._cloud.default_tags, **(tags or {})}

    @contextlib.contextmanager
    def _errors(self, doing: str, token: str, what: str) -> Iterator[None]:
        with aws_errors(f"{doing} {token} {what}".rstrip(), self._cloud.endpoint):
            yield


def schema_of(token: str) -> ResourceSchema:
    """The schema of an aws resource type such as aws:s3/bucket:Bucket, from the installed SDK."""
    _, module, class_name = token.split(":")
    return resource_schema(f"pulumi_aws.{module.partition('/')[0]}", class_name, token)


def _with_region(rules: Rules) -> Rules:
    # Every regional resource is replaced when its region changes (terraform-provider-aws, region override, v6).
    return replace(rules, force_new=rules.force_new | {"region"}, computed=rules.computed | {"region"})


def _documents_as_text(inputs: Properties, rules: Rules) -> Properties:
    # The real provider takes a policy as an object too and turns it into text.
    return {
        name: json.dumps(value)
        if name in rules.policies and isinstance(value, dict) and not has_unknown(value)
        else value
        for name, value in inputs.items()
    }


def _automatic_name(token: str, operation: Operation) -> str:
    suffix = hashlib.sha256(operation.seed + operation.name.encode()).hexdigest()[:_NAME_SUFFIX]
    name = f"{operation.name}-{suffix}"
    return f"alias/{name}" if token.startswith("aws:kms/alias:") else name
