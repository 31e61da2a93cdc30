"""`KIND[/NAME]` as people write it, matched against what lies in a backup: there may be no cluster to ask. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from velero_eks.errors import BadTarget
from velero_eks.velero.backup_contents import Place

# kubectl's short names of built-in kinds, by plural; those of custom kinds only a cluster could tell.
_SHORT = {
    "cm": "configmaps",
    "crd": "customresourcedefinitions",
    "crds": "customresourcedefinitions",
    "cj": "cronjobs",
    "deploy": "deployments",
    "ds": "daemonsets",
    "ep": "endpoints",
    "ev": "events",
    "hpa": "horizontalpodautoscalers",
    "ing": "ingresses",
    "limits": "limitranges",
    "netpol": "networkpolicies",
    "ns": "namespaces",
    "pc": "priorityclasses",
    "pdb": "poddisruptionbudgets",
    "po": "pods",
    "pv": "persistentvolumes",
    "pvc": "persistentvolumeclaims",
    "quota": "resourcequotas",
    "rs": "replicasets",
    "sa": "serviceaccounts",
    "sc": "storageclasses",
    "sts": "statefulsets",
    "svc": "services",
    # Spoken rather than typed, and too long to type at night.
    "mutatingwebhook": "mutatingwebhookconfigurations",
    "validatingwebhook": "validatingwebhookconfigurations",
}


@dataclass(frozen=True)
class Selection:
    """A kind, or one object, that somebody asked for. `group` is empty where none was given."""

    word: str
    group: str
    name: str | None

    @classmethod
    def parse(cls, text: str) -> Selection:
        """Read `KIND` or `KIND/NAME`; the kind in any form, the group behind a dot. Raises `BadTarget`."""
        kind, slash, name = text.partition("/")
        if not kind or (slash and not name) or "/" in name:
            raise BadTarget(f"{text!r} is no object; write KIND or KIND/NAME, such as configmap/grading")
        word, _, group = kind.lower().partition(".")
        return cls(_SHORT.get(word, word), group, name or None)

    def may_match(self, place: Place) -> bool:
        """Whether what lies there can be meant, before its kind is known."""
        return self.name in (None, place.name) and self.group in ("", place.group)

    def matches(self, place: Place, kind: str) -> bool:
        """Whether an object of this kind, lying there, is meant."""
        return self.may_match(place) and self.word in (place.plural, kind.lower(), *_singulars(place.plural))

    def __str__(self) -> str:
        kind = f"{self.word}.{self.group}" if self.group else self.word
        return f"{kind}/{self.name}" if self.name else kind


def selected(selections: Iterable[Selection], place: Place, kind: str) -> bool:
    """Whether any selection means an object; without selections all are meant."""
    wanted = list(selections)
    return not wanted or any(selection.matches(place, kind) for selection in wanted)


def _singulars(plural: str) -> tuple[str, ...]:
    """What a plural may be the plural of."""
    forms = [plural.removesuffix("s"), plural.removesuffix("es")]
    if plural.endswith("ies"):
        forms.append(f"{plural[:-3]}y")
    return tuple(forms)
