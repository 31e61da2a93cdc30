"""The whole of a stack's settings, and how a mapping in the stack file's shape becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    field_serializer,
)

from velero_on_eks.settings import invalid, overrides, rules
from velero_on_eks.settings.adopt import Adopt
from velero_on_eks.settings.aws_facts import Region, partition_of
from velero_on_eks.settings.aws_regions import Partition
from velero_on_eks.settings.base import ONE_OR_MANY, Section
from velero_on_eks.settings.defaults import SECTIONS, with_defaults
from velero_on_eks.settings.images import Image
from velero_on_eks.settings.late import Late, SecretText, late_values
from velero_on_eks.settings.names import ScheduleName
from velero_on_eks.settings.refusals import InvalidSettings, Refusal, Refused, SettingsWarning
from velero_on_eks.settings.sections import (
    Cluster,
    Environment,
    Identity,
    Recovery,
    Release,
    RetentionTiers,
    Schedule,
    Storage,
    Volumes,
)
from velero_on_eks.settings.tags import StackTags
from velero_on_eks.settings.versions import cron_library

AnySection = TypeVar("AnySection", bound=Section)

PASSWORD_MIN = 20
# What Velero uses where nothing was set, and what everyone can read in its source.
PUBLIC_PASSWORD = "static-passw0rd"  # noqa: S105


def _strong_password(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text == PUBLIC_PASSWORD:
        raise Refused(
            "public-password", "this is Velero's public default", "generate one, or omit it and one is generated"
        )
    if len(text) < PASSWORD_MIN:
        raise Refused(
            "weak-password",
            f"a repository password has at least {PASSWORD_MIN} characters",
            "make one with 'openssl rand -base64 30'",
        )
    return value


RepositoryPassword = Annotated[SecretStr, AfterValidator(_strong_password)]


def _reason(value: str) -> str:
    if len(value) < 10:
        raise Refused(
            "waiver-reason",
            "a waiver needs a reason of at least 10 characters",
            "say why the finding is accepted",
        )
    return value


class Settings(Section):
    """Everything a stack says, checked. Make one with `Settings.from_mapping`, or from a stack file."""

    environment: Environment
    """Sets the defaults and guard rails below."""
    region: Late[Region]
    """The region of the cluster and the bucket."""
    cluster: Cluster
    recovery: Annotated[tuple[Recovery, ...], Field(min_length=1), ONE_OR_MANY]
    identity: Identity = Identity()
    volumes: Volumes = Volumes()
    storage: Storage
    release: Release
    schedules: dict[ScheduleName, Schedule]
    """The schedules by name, and no others. One daily backup when left out."""
    retention_tiers: dict[ScheduleName, RetentionTiers] = Field(default_factory=dict)
    """Retention in tiers by name: each becomes several schedules, beside those of `schedules`."""
    tags: StackTags = Field(default_factory=dict)
    """Tags of every AWS resource."""
    waivers: dict[str, Annotated[str, AfterValidator(_reason)]] = Field(default_factory=dict)
    """Findings that are accepted, by rule, each with its reason."""
    adopt: Adopt = Adopt()
    repository_password: Late[RepositoryPassword] | None = None
    """The password of another cluster's repositories, encrypted by `pulumi config set --secret`. Else one is made."""

    @classmethod
    def from_mapping(cls, mapping: dict[str, Any]) -> Settings:
        """Settings from `environment`, `region` and the sections, in a stack file's shape (camelCase keys).

        The environment's defaults are put in. Raises `InvalidSettings` with everything wrong at once.
        """
        environment = mapping.get("environment")
        mapping, tiers = _with_tiers(mapping)
        given = {key: value for key, value in mapping.items() if key not in ("environment", "region")}
        merged = with_defaults(environment, given)
        raw = {**merged, **{key: mapping[key] for key in ("environment", "region") if key in mapping}}
        context = {
            "auto_mode": _at(raw, "cluster", "autoMode") is True,
            "cron_library": cron_library(_velero(raw)),
        }
        refused: list[Refusal] = []
        try:
            settings = cls.model_validate(raw, context=context)
        except ValidationError as error:
            settings = None
            refused = invalid.refusals(error, cls)
        valid = settings or _valid_sections(raw, context)
        if len(tiers) < len(_named(mapping.get("retentionTiers"))) and hasattr(valid, "schedules"):
            # Some are not known, and what they would meet neither.
            del valid.schedules
        refused += [broken for rule in rules.RULES if _has(valid, rule.needs) for broken in rule.check(valid)]
        if refused or settings is None:
            raise InvalidSettings(invalid.as_written([_of_tier(one, tiers) for one in refused], mapping))
        return settings

    @field_serializer("recovery", mode="wrap")
    def _one_objective_as_a_mapping(self, value: tuple[Recovery, ...], write: SerializerFunctionWrapHandler) -> Any:
        # Whoever reads a plan's settings finds one objective where it was before there could be several.
        written = write(value)
        return written[0] if len(written) == 1 else written

    @property
    def partition(self) -> Partition:
        """The AWS partition of the stack's region."""
        return partition_of(self.region)

    def warnings(self, at: datetime) -> tuple[SettingsWarning, ...]:
        """What is worth knowing of these settings in the year after `at`, though none of it makes them wrong."""
        return rules.warnings(self, at)


def read_section(model: type[AnySection], mapping: dict[str, Any]) -> AnySection:
    """A section by itself, from camelCase keys. Raises `InvalidSettings` with everything wrong at once."""
    try:
        context = {
            "auto_mode": mapping.get("autoMode") is True,
            "cron_library": cron_library(str(mapping.get("veleroVersion") or "")),
        }
        read = model.model_validate(mapping, context=context)
    except ValidationError as error:
        raise InvalidSettings(invalid.refusals(error, model)) from None
    refused = overrides.judge(read)[1] if isinstance(read, Release) else []
    if refused:
        raise InvalidSettings([overrides.in_part(refusal) for refusal in refused])
    return read


def document(model: Section, *, exclude_unset: bool = False) -> dict[str, Any]:
    """A section in the shape of the stack file, for everyone to read: the password is left out, a secret is
    `{"secret": true}`, and what is known later `{"unknown": its path}`.
    """
    made = model.model_dump(mode="json", by_alias=True, exclude_unset=exclude_unset, exclude={"repository_password"})
    for path, text in late_values(model):
        if path[0] != "repositoryPassword":
            node: Any = made
            for part in path[:-1]:
                node = node[part]
            node[path[-1]] = {"secret": True} if isinstance(text, SecretText) else {"unknown": str(text)}
    return made


def _at(node: Any, *keys: str) -> Any:
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _velero(raw: dict[str, Any]) -> str | None:
    """The Velero that the schedules are written for. An image that is not valid is refused for itself."""
    try:
        return Image.model_validate(_at(raw, "release", "image") or {}).release
    except ValidationError:
        return None


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


def _with_tiers(mapping: dict[str, Any]) -> tuple[dict[str, Any], dict[str, RetentionTiers]]:
    """The mapping with the schedules that its tiers are, and the tiers by name that are valid by themselves."""
    tiers: dict[str, RetentionTiers] = {}
    for name, said in _named(mapping.get("retentionTiers")).items():
        try:
            tiers[name] = RetentionTiers.model_validate(said)
        except ValidationError:
            # Refused with the rest.
            continue
    schedules = mapping.get("schedules")
    if not tiers or not isinstance(schedules, Mapping | None):
        return mapping, tiers
    made = {name: one for key, each in tiers.items() for name, one in each.schedules(key).items()}
    return {**mapping, "schedules": {**made, **(schedules or {})}}, tiers


def _named(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _of_tier(refusal: Refusal, tiers: Mapping[str, RetentionTiers]) -> Refusal:
    """A refusal of a schedule that is a tier, said of the tier."""
    if refusal.path[:1] != ("schedules",) or len(refusal.path) < 2:
        return refusal
    for name, each in tiers.items():
        for tier in each.tiers:
            if refusal.path[1] == f"{name}-{tier}":
                field = refusal.path[2:3]
                rest = refusal.path[2:] if field and field[0] not in ("cron", "keep") else (tier,)
                return replace(refusal, path=("retentionTiers", name, *rest))
    return refusal


def _adapter(name: str) -> TypeAdapter[Any]:
    field = Settings.model_fields[name]
    annotation: Any = field.annotation
    # The validators of a field stand beside its annotation, not in it.
    for validator in field.metadata:
        annotation = Annotated[annotation, validator]
    return TypeAdapter(annotation)


def _has(valid: Any, names: tuple[str, ...]) -> bool:
    return all(hasattr(valid, name) for name in names)


def sections() -> list[str]:
    """The keys of a stack file's settings, without their prefix."""
    return ["environment", *SECTIONS, "repositoryPassword"]
