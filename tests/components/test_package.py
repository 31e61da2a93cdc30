"""The package for other languages: its schema, and how its provider answers arguments that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.errors import InputPropertiesError
from pulumi.provider.server import ComponentInitError
from velero_on_eks import VeleroOnEksArgs, args
from velero_on_eks.component import PACKAGE, VERSION, token
from velero_on_eks.host import COMPONENTS, Host
from velero_on_eks.settings import Settings, sections
from velero_on_eks.settings.base import Section
from velero_on_eks.settings.late import may_be_late

from tests import arguments
from tests.support import MINIMAL
from velero_eks.errors import ProgramError
from velero_eks.plan.recorder import record_program


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(arguments.SCHEMA.read_text(encoding="utf-8"))


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in schema["resources"].items():
        for side in ("inputProperties", "properties"):
            yield from ((f"{name}.{key}", value) for key, value in resource[side].items())
    for name, kind in schema["types"].items():
        yield from ((f"{name}.{key}", value) for key, value in kind["properties"].items())


def test_every_component_is_in_the_schema_under_the_token_that_it_registers(schema):
    assert set(schema["resources"]) == {token(component) for component in COMPONENTS}
    assert (schema["name"], schema["version"]) == (PACKAGE, VERSION)


def test_every_setting_and_every_output_has_a_description(schema):
    found = dict(_properties(schema))
    assert len(found) > 150
    assert [name for name, value in found.items() if not value.get("description")] == []


def _paths(model: type[Section], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        nested = next((one for one in _models(field.annotation)), None)
        yield path
        if nested:
            yield from _paths(nested, f"{path}.")


def _models(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    else:
        for argument in getattr(annotation, "__args__", ()):
            yield from _models(argument)


def test_the_schema_has_every_setting_of_a_stack_file_and_no_other(schema):
    def of_schema(properties: dict[str, Any], prefix: str = "") -> Iterator[str]:
        for key, value in properties.items():
            yield f"{prefix}{key}"
            # One section for which several may stand has both forms.
            value = value.get("oneOf", [value])[0]
            reference = value.get("$ref") or value.get("additionalProperties", {}).get("$ref", "")
            if reference.startswith("#/types/"):
                kind = schema["types"][reference.removeprefix("#/types/")]
                yield from of_schema(kind["properties"], f"{prefix}{key}.")

    whole = schema["resources"]["velero-eks:index:VeleroOnEks"]["inputProperties"]
    assert set(of_schema(whole)) == set(_paths(Settings))


def test_what_may_be_late_is_an_input_in_python_and_no_plain_value_in_the_schema(schema):
    for model, kind in ((sections.Cluster, "Cluster"), (sections.Storage, "Storage"), (sections.Identity, "Identity")):
        properties = schema["types"][f"velero-eks:index:{kind}"]["properties"]
        for name, field in model.model_fields.items():
            late = may_be_late(model, (name,))
            assert ("plain" not in properties[str(field.alias)]) == late, f"{kind}.{name}"
            items = properties[str(field.alias)].get("items")
            if items:
                late = may_be_late(model, (name, "0"))
                assert ("plain" not in items) == late, f"{kind}.{name}"
            assert ("Awaitable" in str(getattr(args, kind).__annotations__[name])) == late, f"{kind}.{name}"


def test_what_is_required_is_what_no_default_fills(schema):
    whole = schema["resources"]["velero-eks:index:VeleroOnEks"]
    assert set(whole["requiredInputs"]) == VeleroOnEksArgs.__required_keys__ == {"environment", "cluster"}
    assert set(schema["types"]["velero-eks:index:Cluster"]["required"]) == {"name", "kubernetesVersion"}


def test_a_provider_answers_bad_arguments_by_property_and_without_a_traceback():
    host = Host()
    answered: list[Exception] = []

    def program() -> None:
        inputs = {key: value for key, value in MINIMAL.items() if key != "region"}
        storage = {"kmsKeyArn": "key", "noncurrentDays": 0}
        try:
            host.construct("shop", "velero-eks:index:VeleroOnEks", {**inputs, "storage": storage})
        except InputPropertiesError as error:
            answered.append(error)

    record_program(program)
    [error] = answered
    assert isinstance(error, InputPropertiesError)
    assert {detail["property_path"] for detail in error.errors or []} == {
        "storage.kmsKeyArn",
        "storage.noncurrentDays",
    }
    for detail in error.errors or []:
        assert "Traceback" not in detail["reason"]
        assert ";" in detail["reason"]


@pytest.mark.parametrize("wrap", [dict, lambda one: [one]], ids=["one", "a list"])
def test_a_program_in_another_language_gives_one_objective_or_a_list(schema, wrap):
    kinds = schema["resources"]["velero-eks:index:VeleroOnEks"]["inputProperties"]["recovery"]["oneOf"]
    assert [kind.get("type", "one") for kind in kinds] == ["one", "array"]
    host = Host()

    def program() -> None:
        host.construct("shop", "velero-eks:index:VeleroOnEks", {**MINIMAL, "recovery": wrap({"minimumCopies": 5.0})})

    made = record_program(program).one("velero-eks:index:VeleroOnEks").outputs
    assert made is not None
    assert made["settings"]["recovery"]["minimumCopies"] == 5


def test_another_fault_in_a_component_is_not_taken_for_bad_arguments(monkeypatch):
    host = Host()

    def program() -> None:
        monkeypatch.setattr("velero_on_eks.velero_on_eks.Names.of", lambda *_: 1 / 0)
        with pytest.raises(ComponentInitError):
            host.construct("shop", "velero-eks:index:VeleroOnEks", dict(MINIMAL))
        raise pulumi.RunError("seen")

    with pytest.raises(ProgramError, match="seen"):
        record_program(program)
