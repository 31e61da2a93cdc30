"""Kinds that an API server serves, and where their objects lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, order=True)
class ResourceKind:
    """One kind in one version. `verbs` is empty where no one asked the server."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()
    short_names: tuple[str, ...] = ()
    singular: str = ""

    @property
    def api_version(self) -> str:
        """As objects say it: `v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As Velero and kubectl name it in full: `configmaps`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def listed(self) -> bool:
        """Whether its objects can be listed."""
        return "list" in self.verbs

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of the collection (of a namespace, or of all), or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


NAMESPACE = ResourceKind("", "v1", "Namespace", "namespaces", False)
CUSTOM_RESOURCE_DEFINITION = ResourceKind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False
)


def kinds_of(discovery: dict[str, Any], *, all_versions: bool = False) -> Iterator[ResourceKind]:
    """The kinds in an aggregated discovery document (`APIGroupDiscoveryList`), subresources left out.

    Each kind comes once, in its group's preferred version or else the first that has it, which is how Velero chooses;
    with `all_versions` it comes in every version.
    """
    for group in discovery.get("items") or []:
        name = group.get("metadata", {}).get("name", "")
        seen: set[str] = set()
        for version in group.get("versions") or []:
            for resource in version.get("resources") or []:
                plural = resource["resource"]
                if plural in seen and not all_versions:
                    continue
                seen.add(plural)
                served = resource.get("responseKind") or {}
                yield ResourceKind(
                    # A kind can be served under another group's path, such as autoscaling's Scale.
                    name,
                    version["version"],
                    served.get("kind", ""),
                    plural,
                    resource.get("scope") == "Namespaced",
                    frozenset(resource.get("verbs") or ()),
                    tuple(resource.get("shortNames") or ()),
                    resource.get("singularResource", ""),
                )


def stale_groups(discovery: dict[str, Any]) -> list[str]:
    """Groups whose server does not answer, as `group/version`: what they serve is not known."""
    return [
        f"{group.get('metadata', {}).get('name', '')}/{version['version']}"
        for group in discovery.get("items") or []
        for version in group.get("versions") or []
        if version.get("freshness") == "Stale"
    ]


def matching(kinds: Iterable[ResourceKind], wanted: str) -> list[ResourceKind]:
    """The kinds that someone means by a word, as kubectl reads it.

    It takes the kind, the plural, the singular or a short name, in any case, with or without the group behind a dot
    (`ConfigMap`, `cm`, `deployments.apps`). More than one where the word leaves it open.
    """
    word = wanted.lower()
    found: list[ResourceKind] = []
    for kind in kinds:
        names = {kind.kind.lower(), kind.plural, kind.singular, *kind.short_names} - {""}
        full = {f"{name}.{kind.group}" for name in names if kind.group}
        if word in names or word in full:
            found.append(kind)
    # A core kind is what a bare word means: `events` is not `events.events.k8s.io`.
    core = [kind for kind in found if not kind.group]
    return core if core and "." not in word else found
