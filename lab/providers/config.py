"""A provider resource's own inputs: the SDKs send everything but strings as JSON text."""

from __future__ import annotations

import json

from lab.providers.base import Properties, Refusal
from lab.providers.schema import Record, Scalar

# What the engine itself puts beside a provider's inputs.
_ENGINE_OWN = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "__internal", "parameterization"})


def structured(inputs: Properties, record: Record) -> tuple[Properties, list[Refusal]]:
    """The configuration with its JSON texts read, without the engine's own keys, and what could not be read."""
    config: Properties = {}
    refusals: list[Refusal] = []
    for name, value in inputs.items():
        if name in _ENGINE_OWN:
            continue
        shape = record.fields.get(name)
        if isinstance(value, str) and shape is not None and shape != Scalar("string"):
            try:
                value = json.loads(value)
            except ValueError as error:
                refusals.append(Refusal(name, f"not JSON: {error}"))
                continue
        if value is not None:
            config[name] = value
    return config, refusals
