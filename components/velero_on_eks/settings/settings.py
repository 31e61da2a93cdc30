"""The whole of a stack's settings, and how a mapping in the stack file's shape becomes one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, TypeAdapter, ValidationError

from velero_on_eks.settings import rules
from velero_on_eks.settings.adopt import Adopt
from velero_on_eks.settings.aws_facts import Partition, Region, partition_of
from velero_on_eks.settings.base import Section
from velero_on_eks.settings.defaults import SECTIONS, with_defaults
from velero_on_eks.settings.late import Late
from velero_on_eks.settings.names import ScheduleName
from velero_on_eks.settings.problems import MISSING
from velero_on_eks.settings.sections import (
    Cluster,
    Environment,
    Identity,
    Recovery,
    Release,
    Schedule,
    Storage,
    Volumes,
)

# A problem before it is known where in which file it stands: field in dots, value, message.
Fault = tuple[str, Any, str]

PASSWORD_MIN = 20
# What Velero uses where nothing was set, and what everybody can read in its source.
PUBLIC_PASSWORD = "static-passw0rd"  # noqa: S105


class InvalidSettings(ValueError):
    """Settings that cannot be used; `faults` holds (field, value, message with limit and mend) of each."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(f"{field}: {message}" for field, _, message in faults))


def _strong_password(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text == PUBLIC_PASSWORD:
        raise ValueError("this is Velero's public default; generate one, or leave it out and one is made")
    if len(text) < PASSWORD_MIN:
        raise ValueError(
            f"a repository password has at least {PASSWORD_MIN} characters; 'openssl rand -base64 30' makes one"
        )
    return value


def _reason(value: str) -> str:
    if len(value) < 10:
        raise ValueError("a waiver gives its reason, in at least 10 characters; whoever audits it reads this")
    return value


class Settings(Section):
    """Everything a stack says, checked. Make one with `Settings.from_mapping`, or from a stack file."""

    environment: Environment
    """Sets the defaults and guard rails below."""
    region: Late[Region]
    cluster: Cluster
    recovery: Recovery
    identity: Identity = Identity()
    volumes: Volumes = Volumes()
    storage: Storage
    release: Release
    schedules: dict[ScheduleName, Schedule]
    tags: dict[str, Late[str]] = Field(default_factory=dict)
    """Tags of every AWS resource."""
    waivers: dict[str, Annotated[str, AfterValidator(_reason)]] = Field(default_factory=dict)
    """Findings that are accepted, by rule, each with its reason."""
    adopt: Adopt = Adopt()
    repository_password: Late[Annotated[SecretStr, AfterValidator(_strong_password)]] | None = None
    """The password of another cluster's repositories, encrypted by `pulumi config set --secret`. Else one is made."""

    @classmethod
    def from_mapping(cls, mapping: dict[str, Any]) -> Settings:
        """Settings from `environment`, `region` and the sections, in a stack file's shape (camelCase keys).

        The environment's defaults are put in. Raises `InvalidSettings` with everything wrong at once.
        """
        environment = mapping.get("environment")
        given = {key: value for key, value in mapping.items() if key not in ("environment", "region")}
        merged = with_defaults(environment, given)
        raw = {**merged, **{key: mapping[key] for key in ("environment", "region") if key in mapping}}
        cluster = raw.get("cluster")
        context = {"auto_mode": isinstance(cluster, dict) and cluster.get("autoMode") is True}
        faults: list[Fault] = []
        try:
            settings = cls.model_validate(raw, context=context)
        except ValidationError as error:
            settings = None
            faults = [_fault(item) for item in error.errors(include_url=False)]
        valid = settings or _valid_sections(raw, context)
        faults += [broken for rule in rules.RULES if _has(valid, rule.needs) for broken in rule.check(valid)]
        if faults or settings is None:
            raise InvalidSettings(faults)
        return settings

    @property
    def partition(self) -> Partition:
        """The AWS partition of the stack's region."""
        return partition_of(self.region)

    def warnings(self, at: datetime) -> tuple[rules.SettingsWarning, ...]:
        """What is worth knowing of these settings in the year after `at`, though none of it makes them wrong."""
        return rules.warnings(self, at)


def _valid_sections(raw: dict[str, Any], context: dict[str, Any]) -> SimpleNamespace:
    """The top-level fields that are valid by themselves, for the rules that need no other."""
    valid = SimpleNamespace()
    for name, field in Settings.model_fields.items():
        key = field.alias or name
        if key not in raw:
            continue
        adapter = _adapter(name)
        try:
            setattr(valid, name, adapter.validate_python(raw[key], context=context))
        except ValidationError:
            continue
    return valid


def _adapter(name: str) -> TypeAdapter[Any]:
    field = Settings.model_fields[name]
    annotation: Any = field.annotation
    # The validators of a field stand beside its annotation, not in it.
    for validator in field.metadata:
        annotation = Annotated[annotation, validator]
    return TypeAdapter(annotation)


def _has(valid: Any, names: tuple[str, ...]) -> bool:
    return all(hasattr(valid, name) for name in names)


def _fault(error: Any) -> Fault:
    field = ".".join(str(part) for part in error["loc"] if part != "[key]")
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return field, value, unknown_key(str(error["loc"][-1]), valid_keys(error["loc"][:-1]))
    if kind == "missing":
        return field, MISSING, _how_to_give(str(field))
    if kind == "literal_error":
        return field, value, f"one of {error['ctx']['expected'].replace(' or ', ', ')}; write one of these"
    if kind == "value_error":
        return field, value if not isinstance(value, dict) else MISSING, str(error["ctx"]["error"])
    if kind == "string_type":
        return field, value, "text is expected here; quote it"
    if kind in ("model_type", "dict_type"):
        return field, value, "a mapping of keys is expected here; see the configuration table in the README"
    if kind == "tuple_type":
        return field, value, "a list is expected here; write it in [ ]"
    message = error["msg"][0].lower() + error["msg"][1:]
    return field, value, f"{message}; see the configuration table in the README"


def _how_to_give(field: str) -> str:
    if field == "region":
        return "required; write aws:region with the cluster's region"
    if field == "cluster":
        return "required; write velero-eks:cluster with name, account and kubernetesVersion"
    if field == "environment":
        return "required; write velero-eks:environment: development, staging or production"
    return "required; add it, see the configuration table in the README"


def valid_keys(location: tuple[Any, ...]) -> list[str]:
    """The keys that a section takes, by its place in the settings; the sections themselves for the top."""
    if not location:
        return ["environment", *SECTIONS, "repositoryPassword"]
    model: Any = Settings
    for part in location:
        model = _model_at(model, part)
        if model is None:
            return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: Any, part: Any) -> Any:
    for name, field in getattr(model, "model_fields", {}).items():
        if part in (name, field.alias):
            return next(_models_in(field.annotation), None)
    # A mapping by name, as schedules are: the next part is the entry's name.
    return model if hasattr(model, "model_fields") else None


def _models_in(annotation: Any) -> Iterator[Any]:
    if hasattr(annotation, "model_fields"):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)


def unknown_key(key: str, valid: list[str]) -> str:
    """What to say of a key that nothing reads."""
    close = difflib.get_close_matches(key, valid, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"unknown key; {hint}Valid here: {', '.join(valid)}" if valid else "unknown key; take it away"
