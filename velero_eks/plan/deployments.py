"""Each Velero that a stack deploys, with the settings it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from velero_on_eks.settings import InvalidSettings, Settings
from velero_on_eks.settings.base import Section
from velero_on_eks.settings.late import LateText, SecretText
from velero_on_eks.settings.settings import document
from velero_on_eks.settings.stack_file import PROJECT

from velero_eks.errors import PlanError
from velero_eks.plan.model import Recording
from velero_eks.plan.unknown import is_unknown
from velero_eks.rules.kinds import COMPONENTS

# Stands for a password that no one sees, when settings are read from a plan.
_SOME_PASSWORD = "a-password-that-a-plan-does-not-show"  # noqa: S105


@dataclass(frozen=True)
class Deployment:
    """Velero in one cluster. `component` is its URN, None where a stack file speaks of a program without one.

    `alone` says that the stack is this deployment and nothing else, as in this project: its providers are then made
    here too. Rules judge what is the deployment's and what reaches it; all of a program without a component.
    """

    settings: Settings
    component: str | None
    alone: bool
    # The settings as the component has registered them.
    document: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The component's logical name; empty without one."""
        return (self.component or "").rsplit("::", 1)[-1]


def deployments(recording: Recording, of_file: Settings | None) -> tuple[Deployment, ...]:
    """What a recorded program deploys. `of_file` are the settings of its stack file, where they are this tool's.

    Raises `PlanError` where a component's settings cannot be read: it was made by another version.
    """
    components = [resource for resource in recording if resource.type in COMPONENTS]
    if of_file is not None and len(components) <= 1:
        component = components[0].urn if components else None
        return (Deployment(of_file, component, alone=component is None or recording.project == PROJECT),)
    found: list[Deployment] = []
    for component in components:
        said = (component.outputs or {}).get("settings")
        if isinstance(said, Mapping) and not is_unknown(said):
            found.append(Deployment(read(said, component.name), component.urn, alone=False, document=said))
    return tuple(found)


def read(mapping: Mapping[str, Any], what: str) -> Settings:
    """Settings out of a plan. Raises `PlanError`, which names `what` they are of, and the fields."""
    try:
        return Settings.from_mapping(_said(_readable(mapping, ())))
    except InvalidSettings as error:
        raise PlanError(f"the settings of {what} cannot be read: {'; '.join(map(str, error.refusals))}") from None


def written(deployment: Deployment) -> dict[str, Any]:
    """A deployment's settings as a plan has them: in a stack file's shape, defaults filled in, secrets masked."""
    if deployment.document is not None:
        return dict(deployment.document)
    settings = deployment.settings
    mapping = document(settings)
    return mapping if settings.repository_password is None else {**mapping, "repositoryPassword": {"secret": True}}


def _said(mapping: dict[str, Any]) -> dict[str, Any]:
    """The mapping without what is a section's own default: to say some of these is refused where they mean nothing."""
    said = dict(mapping)
    for name, field in Settings.model_fields.items():
        key = field.alias or name
        given = mapping.get(key)
        if isinstance(field.default, Section) and isinstance(given, Mapping):
            defaults = field.default.to_mapping()
            said[key] = {
                name: value for name, value in given.items() if name not in defaults or value != defaults[name]
            }
    return said


def _readable(value: Any, path: tuple[str, ...]) -> Any:
    if is_unknown(value):
        return LateText(".".join(path))
    if value == {"secret": True}:
        return _SOME_PASSWORD if path == ("repositoryPassword",) else SecretText(".".join(path))
    if isinstance(value, Mapping):
        return {key: _readable(item, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item, (*path, str(index))) for index, item in enumerate(value)]
    return value
