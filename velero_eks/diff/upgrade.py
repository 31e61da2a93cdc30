"""Another version of Velero: what it does otherwise, beside when backups run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from velero_on_eks.settings.images import Image
from velero_on_eks.settings.versions import numbers

from velero_eks.diff.model import Fact
from velero_eks.velero.releases import ReleaseChange, between

Plan = dict[str, Any]
RELEASE = "kubernetes:helm.sh/v3:Release"


def upgrade(old: Plan, new: Plan) -> Iterator[Fact]:
    """One fact for what another Velero does otherwise, and one for each right in the cluster that comes or goes."""
    befores, afters = _releases(old), _releases(new)
    for component, after in afters.items():
        before = befores.get(component)
        changes = between(before, after) if before and after else ()
        if before is None or not changes:
            continue
        back = numbers(after) < numbers(before)
        urns = tuple(
            entry["urn"] for entry in new["resources"] if entry["type"] == RELEASE and component in _ways_up(entry, new)
        )
        said = tuple(_detail(change, back=back) for change in changes if change.subject != "rights")
        yield Fact("updated", f"What Velero {after} does differently from {before}", "", said, urns)
        for change in changes:
            if change.subject == "rights":
                yield Fact("permissions", _sentence(change, back=back), "", (change.also,), urns)


def _releases(plan: Plan) -> dict[str, str]:
    """Which Velero each deployment installs, by its component; empty where its image does not say."""
    images = {
        str(one.get("component")): ((one.get("settings") or {}).get("release") or {}).get("image") or {}
        for one in plan.get("deployments") or []
    }
    return {component: _release(image) for component, image in images.items()}


def _release(image: dict[str, Any]) -> str:
    try:
        return Image.model_validate(image).release
    except ValidationError:
        return ""


def _ways_up(entry: dict[str, Any], plan: Plan) -> set[str]:
    """The URNs of a resource's parents."""
    parents = {each["urn"]: each.get("parent") for each in plan["resources"]}
    found: set[str] = set()
    urn: str | None = entry.get("parent")
    while urn and urn not in found:
        found.add(urn)
        urn = parents.get(urn)
    return found


def _sentence(change: ReleaseChange, *, back: bool) -> str:
    return f"{'Only from' if back else 'From'} Velero {change.since} on: {change.sentence}"


def _detail(change: ReleaseChange, *, back: bool) -> str:
    return f"{_sentence(change, back=back)}." + (f" {change.also}" if change.also and not back else "")
