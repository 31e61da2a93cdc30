"""Which resource of one plan is which of the other: by URN, else by alias, as the engine finds it in its state.

Source: pulumi/pulumi pkg/resource/deploy/step_generator.go, `generateAliases` and `inheritedChildAlias`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from velero_eks.diff.model import Entry


@dataclass(frozen=True)
class Matching:
    """`pairs` holds (old, new), None on the side that lacks the resource; `renamed` the old URN by the new one."""

    pairs: tuple[tuple[Entry | None, Entry | None], ...]
    renamed: Mapping[str, str]


def match(old: Iterable[Entry], new: Iterable[Entry]) -> Matching:
    """Pair up the resources of two plans."""
    befores = {entry["urn"]: entry for entry in old}
    afters = {entry["urn"]: entry for entry in new}
    taken = {urn for urn in afters if urn in befores}
    found: dict[str, str | None] = {}
    renamed: dict[str, str] = {}

    def before(urn: str) -> str | None:
        """The old URN of a new resource. Parents first: a child inherits the alias that its parent was found by."""
        if urn in found:
            return found[urn]
        entry = afters[urn]
        parent = entry["parent"]
        if parent in afters:
            before(parent)
        found[urn] = None
        for candidate in (urn, *_aliases(entry, renamed)):
            if candidate in befores and (candidate == urn or candidate not in taken):
                found[urn] = candidate
                taken.add(candidate)
                if candidate != urn:
                    renamed[urn] = candidate
                break
        return found[urn]

    pairs: list[tuple[Entry | None, Entry | None]] = []
    for urn, entry in afters.items():
        earlier = before(urn)
        pairs.append((befores[earlier] if earlier else None, entry))
    pairs += [(entry, None) for urn, entry in befores.items() if urn not in taken]
    return Matching(tuple(pairs), renamed)


def _aliases(entry: Entry, renamed: Mapping[str, str]) -> list[str]:
    own = [str(alias) for alias in entry["options"].get("aliases") or []]
    inherited = renamed.get(entry["parent"] or "")
    if inherited is None:
        return own
    parent_name = name_of(entry["parent"])
    through_parent = [_inherited(entry["type"], entry["name"], parent_name, inherited)]
    through_parent += [_inherited(_type_of(alias), name_of(alias), parent_name, inherited) for alias in own]
    return [*own, *through_parent]


def _inherited(child_type: str, child_name: str, parent_name: str, parent_alias: str) -> str:
    # A name that begins with the parent's was made from it, and before that from the parent's old one.
    name = child_name
    if name.startswith(parent_name):
        name = name_of(parent_alias) + name.removeprefix(parent_name)
    stack, project, qualified, _ = parent_alias.split("::", 3)
    return f"{stack}::{project}::{qualified}${child_type}::{name}"


def name_of(urn: str) -> str:
    """The logical name in a URN."""
    return urn.split("::", 3)[3]


def _type_of(urn: str) -> str:
    return urn.split("::", 3)[2].rsplit("$", 1)[-1]


def as_before(stack: dict[str, Any], matching: Matching) -> dict[str, Any]:
    """A plan with renamed resources under their old URNs, and with the ids and names that the engine would keep.

    The recorder makes up ids and generated names from the URN, so that a renamed key would look like another key; the
    engine finds the old one in its state.
    """
    if not matching.renamed:
        return stack
    texts = _made_up(matching)
    return _replaced(stack, matching.renamed, texts)


def _made_up(matching: Matching) -> dict[str, str]:
    """What is made up from the new URNs, and what was from the old ones, longest first."""
    # Loads pulumi, which a comparison without renames does without.
    from velero_eks.plan.computed import Estate, Request, rule_for

    texts: dict[str, str] = {}
    for _, entry in matching.pairs:
        urn = entry["urn"] if entry else ""
        rule = rule_for(entry["type"]) if entry and entry["custom"] else None
        if entry is None or rule is None or urn not in matching.renamed:
            continue
        was = matching.renamed[urn]
        answers = []
        for each in (urn, was):
            request = Request(each, entry["type"], name_of(each), entry["inputs"], Estate(), "aws", "amazonaws.com")
            try:
                answers.append(rule(request))
            except (KeyError, TypeError, AttributeError):
                # A rule reads an input that is a secret here; a secret is in no other resource's inputs either.
                break
        if len(answers) == 2:
            texts.update(_differing(*answers))
    return dict(sorted(texts.items(), key=lambda item: -len(item[0])))


def _differing(new: Any, old: Any) -> dict[str, str]:
    if isinstance(new, str) and isinstance(old, str):
        return {new: old} if new != old else {}
    if isinstance(new, dict) and isinstance(old, dict):
        pairs = [(new[key], old.get(key)) for key in new]
    elif isinstance(new, list | tuple) and isinstance(old, list | tuple):
        pairs = list(zip(new, old, strict=False))
    else:
        return {}
    return {key: value for one, other in pairs for key, value in _differing(one, other).items()}


def _replaced(value: Any, urns: Mapping[str, str], texts: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        if value in urns:
            return urns[value]
        for new, old in texts.items():
            if new in value:
                value = value.replace(new, old)
        return value
    if isinstance(value, dict):
        return {key: _replaced(item, urns, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, urns, texts) for item in value]
    return value
