"""Rules of single values, asked of the settings' own value types so that each rule stands in one place.

The types are imported when first asked: importing `policies` stays free of pydantic.
"""

from __future__ import annotations


def bucket_name_fault(name: str) -> str | None:
    """What S3 refuses about a bucket's name; None where it accepts it."""
    from velero_on_eks.settings.names import check_bucket_name

    try:
        check_bucket_name(name)
    except ValueError as fault:
        return str(fault)
    return None


def go_seconds(text: object) -> int:
    """A Go duration in seconds. ValueError, with Go's reason, where the server could not read it."""
    from velero_on_eks.settings.duration import Duration

    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not text; write such as 720h0m0s")
    return Duration.parse_go(text).seconds


def cron_fault(expression: str) -> str | None:
    """What robfig/cron's standard parser refuses, or that the expression never fires; None where it is sound."""
    from velero_on_eks.settings.cron import Cron

    try:
        Cron.parse(expression)
    except ValueError as fault:
        return str(fault)
    return None
