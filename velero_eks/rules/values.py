"""Rules of single values, asked of the settings' own value types so that each rule stands in one place.

The types are imported when first asked: importing `policies` stays free of pydantic.
"""

from __future__ import annotations


def go_seconds(text: object) -> int:
    """A Go duration in seconds. ValueError, with Go's reason, where the server could not read it."""
    from velero_on_eks.settings.duration import Duration

    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not text; write such as 720h0m0s")
    return Duration.parse_go(text).seconds
