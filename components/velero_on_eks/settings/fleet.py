"""Rules that span stack files: each is valid by itself, and together they would do harm."""

from __future__ import annotations

from collections.abc import Sequence

from velero_on_eks.settings.names import default_bucket_name
from velero_on_eks.settings.refusals import Refusal, StackFileError
from velero_on_eks.settings.stack_file import PROJECT, StackFile, shown_path


def conflicts(files: Sequence[StackFile]) -> list[StackFileError]:
    """Stacks whose clusters would write into each other's backups, one error for each pair's later file.

    Two Veleros on one bucket and prefix see each other's backups as their own: each expires the other's, and each
    fills its cluster with Backups of the other. A prefix inside another is a foreign folder to the outer one, which
    calls its location Unavailable.
    """
    found: list[StackFileError] = []
    for number, file in enumerate(files):
        clashes = (_clash(file, earlier) for earlier in files[:number])
        found += [StackFileError([refusal]) for refusal in clashes if refusal is not None]
    return found


def _clash(file: StackFile, earlier: StackFile) -> Refusal | None:
    (bucket, prefix), (other_bucket, other_prefix) = _place(file), _place(earlier)
    if bucket != other_bucket:
        return None
    other = shown_path(earlier.path)
    inner, outer = sorted((prefix, other_prefix), key=len, reverse=True)
    if prefix == other_prefix:
        limit = f"{other} writes to the same bucket and prefix"
        remedy = "give each cluster a bucket of its own"
    elif outer == "" or inner.startswith(f"{outer}/"):
        limit = (
            f"the prefixes of this and {other} lie inside each other ({outer or 'the whole bucket'} and {inner}), and"
            " the outer location would be Unavailable"
        )
        remedy = "put them side by side"
    else:
        return None
    value = f"{bucket}/{prefix}" if prefix else bucket
    return Refusal("place-of-another-stack", limit, remedy, (f"{PROJECT}:storage",), value, shown_path(file.path))


def _place(file: StackFile) -> tuple[str, str]:
    settings = file.settings
    default = default_bucket_name(settings.cluster.name, settings.cluster.account, settings.region)
    return settings.storage.bucket or default, settings.storage.prefix or ""
