"""Who gains and who loses which permission, by what the policies allow rather than by how they are written."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from velero_eks.aws import grants as words
from velero_eks.aws.grants import Grant
from velero_eks.aws.iam import canonical_conditions
from velero_eks.aws.iam_conditions import matches
from velero_eks.diff.model import Effect, Entry, Fact
from velero_eks.diff.words import ALIAS
from velero_eks.plan.grants import ROLE

_JSON = json.JSONEncoder(sort_keys=True).encode
_UNCONDITIONAL = "{}"

Plan = dict[str, Any]


@dataclass(frozen=True)
class _Atom:
    """One action on one resource for one principal, under conditions (as JSON text)."""

    principal: str
    action: str
    resource: str
    conditions: str
    # What a NotAction or NotResource leaves out, and the policy that stands for what no one can tell here.
    shape: tuple[tuple[str, ...], tuple[str, ...], str | None]

    @property
    def what(self) -> tuple[Any, ...]:
        """All but the conditions."""
        return self.principal, self.action, self.resource, self.shape


@dataclass(frozen=True)
class _Side:
    """One plan's atoms, in its order, and what its words need."""

    plan: Plan
    atoms: tuple[_Atom, ...]
    by_what: dict[tuple[Any, ...], list[_Atom]]
    keys: dict[str, str]

    @classmethod
    def of(cls, plan: Plan) -> _Side:
        atoms = tuple(dict.fromkeys(_atoms(plan)))
        by_what: dict[tuple[Any, ...], list[_Atom]] = defaultdict(list)
        for atom in atoms:
            by_what[atom.what].append(atom)
        return cls(plan, atoms, by_what, key_aliases(plan))

    def sources(self, principal: str) -> set[str]:
        return {grant["source"] for grant in _grants(self.plan) if grant["principal"] == principal}

    def said(self, grant: Grant) -> str:
        return words.what(grant, self.keys)


def permissions(old: Plan, new: Plan) -> list[Fact]:
    """What differs between two plans' grants, by principal: losses, gains, and what is kept with other conditions.

    A permission that another grant covers, by a wildcard or without a condition, is neither lost nor gained.
    """
    roles = renamed_roles(old, new)
    before, after = _Side.of(_under_new_names(old, roles)), _Side.of(new)
    lost = [atom for atom in before.atoms if not _covered(atom, after.atoms)]
    gained = [atom for atom in after.atoms if not _covered(atom, before.atoms)]
    kept = [(before.by_what[atom.what], [atom]) for atom in gained if atom.what in before.by_what]
    reported = {atoms[0].what for _, atoms in kept}
    kept += [
        ([atom], after.by_what[atom.what]) for atom in lost if atom.what in after.by_what and atom.what not in reported
    ]
    reported |= {atoms[0].what for atoms, _ in kept}
    facts = _takeovers(roles)
    for principal in sorted({atom.principal for atom in (*lost, *gained)}):
        about = tuple(sorted(before.sources(principal) | after.sources(principal)))
        losses, gains = ([atom for atom in side if atom.what not in reported] for side in (lost, gained))
        facts += _gone_and_come(
            _grouped(atom for atom in losses if atom.principal == principal),
            _grouped(atom for atom in gains if atom.principal == principal),
            before,
            after,
            about,
        )
        facts += _kept([pair for pair in kept if pair[0][0].principal == principal], after, about)
    return facts


def _grants(plan: Plan) -> list[dict[str, Any]]:
    return plan.get("grants") or []


def _atoms(plan: Plan) -> Iterator[_Atom]:
    for grant in _grants(plan):
        conditions = canonical_conditions(grant["conditions"])
        attached = Grant("", (), (), {}, "", grant.get("sid")).attached
        shape = (
            tuple(sorted(grant.get("notActions") or ())),
            tuple(sorted(grant.get("notResources") or ())),
            grant.get("sid") if attached else None,
        )
        for resource in grant["resources"]:
            for action in grant["actions"]:
                yield _Atom(grant["principal"], action, resource, _JSON(conditions), shape)


def _covered(atom: _Atom, by: Iterable[_Atom]) -> bool:
    return any(
        other.principal == atom.principal
        and other.conditions in (_UNCONDITIONAL, atom.conditions)
        and other.shape == atom.shape
        and matches(other.action, atom.action, ignore_case=True)
        and matches(other.resource, atom.resource)
        for other in by
    )


def _gone_and_come(
    lost: Sequence[Grant], gained: Sequence[Grant], before: _Side, after: _Side, about: tuple[str, ...]
) -> Iterator[Fact]:
    """Losses and gains; the same actions on another resource are one gain, in place of what was."""
    instead: dict[int, Grant] = {}
    left = list(lost)
    for index, grant in enumerate(gained):
        was = next((each for each in left if _same_elsewhere(each, grant)), None)
        if was is not None:
            left.remove(was)
            instead[index] = was
    for grant in left:
        said = [*words.conditions(grant), *_still(grant, after)]
        yield _fact(grant, f"loses: {before.said(grant)}", "narrower", said, about)
    for index, grant in enumerate(gained):
        said = words.conditions(grant)
        if index in instead:
            said.insert(0, f"in place of: {before.said(instead[index])}")
        yield _fact(grant, f"gains: {after.said(grant)}", "wider", said, about)


def _same_elsewhere(one: Grant, other: Grant) -> bool:
    return (
        set(one.actions) == set(other.actions)
        and len(one.resources) == len(other.resources)
        and one.conditions == other.conditions
        and (one.sid, one.not_actions, one.not_resources) == (other.sid, other.not_actions, other.not_resources)
    )


def _still(lost: Grant, after: _Side) -> Iterator[str]:
    """What is left of a loss that was of more than it names: of `s3:*`, say, or of all objects of a bucket."""
    if not any("*" in name for name in (*lost.actions, *lost.resources)):
        return
    shape = (lost.not_actions, lost.not_resources, lost.sid)
    atoms = [
        _Atom(lost.principal, action, resource, _JSON(lost.conditions), shape)
        for action in lost.actions
        for resource in lost.resources
    ]
    for grant in _grouped(atom for atom in after.atoms if _covered(atom, atoms)):
        yield f"keeps: {after.said(grant)}"


def _kept(pairs: Iterable[tuple[list[_Atom], list[_Atom]]], after: _Side, about: tuple[str, ...]) -> Iterator[Fact]:
    """What is still allowed, but with other conditions."""
    changes: dict[tuple[frozenset[str], frozenset[str]], list[_Atom]] = defaultdict(list)
    for olds, news in pairs:
        was, now = (frozenset(one for atom in atoms for one in _conditions(atom)) for atoms in (olds, news))
        changes[was, now].append(news[0])
    for (was, now), atoms in changes.items():
        effect: Effect = "wider" if now < was else "narrower" if was < now else ""
        said = [f"no longer: {one}" for one in sorted(was - now)] + [f"now: {one}" for one in sorted(now - was)]
        for grant in _grouped(atoms):
            yield _fact(grant, f"{after.said(grant)} with other conditions", effect, said, about)


def _fact(grant: Grant, text: str, effect: Effect, details: Iterable[str], about: tuple[str, ...]) -> Fact:
    return Fact("permissions", f"{words.who(grant.principal)} {text}", effect, tuple(details), about)


def _conditions(atom: _Atom) -> list[str]:
    return words.conditions(Grant("", (), (), json.loads(atom.conditions), ""))


def _grouped(atoms: Iterable[_Atom]) -> list[Grant]:
    """The same in as few sentences as it takes: actions by resource, then resources with the same actions."""
    actions: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for atom in atoms:
        actions[atom.principal, atom.conditions, atom.shape, atom.resource].append(atom.action)
    resources: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for (principal, conditions, shape, resource), named in actions.items():
        resources[principal, conditions, shape, tuple(named)].append(resource)
    return [
        Grant(principal, named, tuple(where), json.loads(conditions), "", shape[2], shape[0], shape[1])
        for (principal, conditions, shape, named), where in resources.items()
    ]


def key_aliases(plan: Plan) -> dict[str, str]:
    """The alias of each key that a grant names, by the key's ARN."""
    arns = {resource for grant in _grants(plan) for resource in grant["resources"]}
    found: dict[str, str] = {}
    for entry in plan["resources"]:
        if entry["type"] == ALIAS:
            target = str(entry["inputs"].get("targetKeyId"))
            arn = next((arn for arn in arns if arn == target or arn.endswith(f":key/{target}")), None)
            if arn is not None:
                found.setdefault(arn, str(entry["inputs"].get("name")))
    return found


def renamed_roles(old: Plan, new: Plan) -> dict[str, str]:
    """The new ARN by the old one, of every role that both plans have under another name or path."""
    befores = {entry["urn"]: entry for entry in old["resources"] if entry["type"] == ROLE}
    found: dict[str, str] = {}
    for entry in new["resources"]:
        before = befores.get(entry["urn"]) if entry["type"] == ROLE else None
        if before is not None and _role_end(before) != _role_end(entry):
            was, now = _role_arn(old, before), _role_arn(new, entry)
            if was and now:
                found[was] = now
    return found


def _role_end(role: Entry) -> str:
    inputs = role["inputs"]
    return f":role{inputs.get('path') or '/'}{inputs.get('name')}"


def _role_arn(plan: Plan, role: Entry) -> str | None:
    named = {name for grant in plan.get("grants") or [] for name in (grant["principal"], *grant["resources"])}
    return next((name for name in sorted(named) if name.endswith(_role_end(role))), None)


def _under_new_names(plan: Plan, roles: dict[str, str]) -> Plan:
    """The plan with its grants to and about renamed roles under the roles' new ARNs."""
    if not roles:
        return plan
    grants = [
        {
            **grant,
            "principal": roles.get(grant["principal"], grant["principal"]),
            "resources": [roles.get(resource, resource) for resource in grant["resources"]],
        }
        for grant in plan.get("grants") or []
    ]
    return {**plan, "grants": grants}


def _takeovers(roles: dict[str, str]) -> list[Fact]:
    """One sentence for each renamed role."""
    return [
        Fact(
            "permissions",
            f"{words.who(now)} replaces {words.who(was)}",
            "",
            ("Its rights and trust are the same except for what follows.",),
        )
        for was, now in roles.items()
    ]
