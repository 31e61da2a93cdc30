"""Rules that span stack files: each is valid by itself, and together they would do harm."""

from __future__ import annotations

from collections.abc import Sequence

from velero_on_eks.settings.names import default_bucket_name
from velero_on_eks.settings.problems import Problem, StackFileError
from velero_on_eks.settings.stack_file import PROJECT, StackFile, shown_path


def conflicts(files: Sequence[StackFile]) -> list[StackFileError]:
    """Stacks whose clusters would write into each other's backups, one error for each pair's later file.

    Two Veleros on one bucket and prefix see each other's backups as their own: each expires the other's, and each
    fills its cluster with Backups of the other. A prefix inside another is a foreign folder to the outer one, which
    calls its location Unavailable.
    """
    found: list[StackFileError] = []
    for number, file in enumerate(files):
        for earlier in files[:number]:
            message = _clash(file, earlier)
            if message is not None:
                bucket, prefix = _place(file)
                value = f"{bucket}/{prefix}" if prefix else bucket
                found.append(StackFileError([Problem(shown_path(file.path), f"{PROJECT}:storage", value, message)]))
    return found


def _clash(file: StackFile, earlier: StackFile) -> str | None:
    (bucket, prefix), (other_bucket, other_prefix) = _place(file), _place(earlier)
    if bucket != other_bucket:
        return None
    other = shown_path(earlier.path)
    if prefix == other_prefix:
        return f"{other} writes to the same bucket and prefix; give each cluster a bucket of its own"
    inner, outer = sorted((prefix, other_prefix), key=len, reverse=True)
    if outer == "" or inner.startswith(f"{outer}/"):
        return (
            f"the prefixes of this and {other} lie inside each other ({outer or 'the whole bucket'} and {inner}), and"
            " the outer location would be Unavailable; put them side by side"
        )
    return None


def _place(file: StackFile) -> tuple[str, str]:
    settings = file.settings
    default = default_bucket_name(settings.cluster.name, settings.cluster.account, settings.region)
    return settings.storage.bucket or default, settings.storage.prefix or ""
