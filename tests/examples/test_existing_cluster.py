"""The example in Pulumi YAML says only what the package's schema has. The lab deploys it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SCHEMA = "components/schema.json"
EXAMPLE = "examples/existing_cluster/Pulumi.yaml"


def strangers(given: dict[str, Any], known: dict[str, Any], types: dict[str, Any], path: str = "") -> Iterator[str]:
    """Properties that the schema does not have, by path."""
    for name, value in given.items():
        where = f"{path}.{name}".lstrip(".")
        if name not in known:
            yield where
        elif isinstance(value, dict):
            yield from _inside(value, known[name], types, where)


def _inside(value: dict[str, Any], shape: dict[str, Any], types: dict[str, Any], path: str) -> Iterator[str]:
    reference = shape.get("$ref", "").removeprefix("#/types/")
    if reference in types:
        yield from strangers(value, types[reference]["properties"], types, path)
    elif isinstance(shape.get("additionalProperties"), dict):
        for name, item in value.items():
            if isinstance(item, dict):
                yield from _inside(item, shape["additionalProperties"], types, f"{path}.{name}")


def read(root: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    schema = json.loads((root / SCHEMA).read_text())
    velero = yaml.safe_load((root / EXAMPLE).read_text())["resources"]["velero"]
    assert velero["type"] == "velero-eks:VeleroOnEks"
    return velero["properties"], schema["resources"]["velero-eks:index:VeleroOnEks"], schema["types"]


def test_the_example_says_what_the_schema_has_and_leaves_out_nothing_that_is_required(root):
    properties, component, types = read(root)
    assert list(strangers(properties, component["inputProperties"], types)) == []
    assert set(component["requiredInputs"]) <= properties.keys()


def test_a_misspelt_property_is_found_at_any_depth(root):
    _, component, types = read(root)
    wrong = {"clustr": "shop", "storage": {"accessLogs": {"buket": "logs"}}, "schedules": {"daily": {"crn": "@daily"}}}
    assert list(strangers(wrong, component["inputProperties"], types)) == [
        "clustr",
        "storage.accessLogs.buket",
        "schedules.daily.crn",
    ]
