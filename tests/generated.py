"""Tables that are made from the code: `python -m tests.generated` writes them anew, a test says when they are old."""

from __future__ import annotations

import ast
import functools
import importlib.resources
import inspect
import json
import types
import typing
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from velero_on_eks.settings import adopt, eks_calendar, images, parts, sections, settings, versions
from velero_on_eks.settings import overrides as judged
from velero_on_eks.settings.base import ONE_OR_MANY, Section, snake_case
from velero_on_eks.settings.defaults import BY_ENVIRONMENT, SECTIONS
from velero_on_eks.settings.refusals import masked
from velero_on_eks.settings.settings import Settings

from tests import arguments, chart_values, support
from tests.attacks import table as attacks
from velero_eks.diff.model import OLD_BACKUPS
from velero_eks.diff.setting_effects import SETTING_EFFECTS
from velero_eks.rules.table import markdown as rules_table

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NAVIGATION = DOCS / "navigation.yaml"
CONFIGURATION = ROOT / "docs" / "reference" / "settings.md"
RULES = ROOT / "docs" / "reference" / "rules.md"
ATTACK_TABLE = ROOT / "docs" / "reference" / "attack-table.md"
OLD_BACKUPS_TABLE = ROOT / "docs" / "reference" / "old-backups.md"
VERSIONS = ROOT / "docs" / "reference" / "versions.md"
OVERRIDES = ROOT / "docs" / "reference" / "overrides.md"
OVERRIDES_DATA = ROOT / "tests" / "components" / "settings" / "data" / "overrides.yaml"
REGIONS = ROOT / "components" / "velero_on_eks" / "settings" / "aws_regions.py"
_TYPES = {"str": "text", "bool": "true or false", "int": "number", "Any": "anything"}


_BY_NAME = {
    "schedules": (sections.Schedule, "one daily backup", "The schedules, each as below. None other is made."),
    "retention_tiers": (sections.RetentionTiers, "none", "Retention in tiers: each makes several schedules."),
}


def descriptions() -> dict[tuple[str, str], str]:
    """What stands under each field of each section, by class and attribute."""
    found: dict[tuple[str, str], str] = {}
    for module in (sections, settings, adopt, parts, images):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                for field, below in zip(node.body, node.body[1:], strict=False):
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        text = below.value if isinstance(below, ast.Expr) else None
                        if isinstance(text, ast.Constant) and isinstance(text.value, str):
                            found[node.name, field.target.id] = text.value
    return found


def configuration() -> str:
    """The configuration table: every key of a stack file, what it takes, its default and what it means."""
    lines = [
        "# Configuration",
        "",
        "Every key of a stack file, made from `velero_on_eks.settings` by `make docs`. Unknown keys are refused.",
        "Durations are written `30d`, `24h`, `1h30m`. A default with slashes is that of development / staging /",
        "production.",
        "",
        "| Key | Takes | Default | What it means |",
        "|---|---|---|---|",
        "| `aws:region` | text | required | The region of cluster and bucket. |",
    ]
    told = descriptions()
    for name in ("environment", *map(snake_case, SECTIONS), "repository_password"):
        field = settings.Settings.model_fields[name]
        key = f"velero-eks:{field.alias or name}"
        if name in _BY_NAME:
            model, default, meaning = _BY_NAME[name]
            lines.append(_row(key, "a mapping by name", default, meaning))
            lines += _rows(f"{key}.NAME", model, {}, told)
        elif (model := _section(field.annotation)) is not None:
            if ONE_OR_MANY in field.metadata:
                lines.append(_row(key, "a mapping, or a list of them", "the environment's", _said(model)))
            lines += _rows(key, model, _environment_defaults(name), told)
        else:
            default = "required" if field.is_required() else "none"
            lines.append(_row(key, _takes(field.annotation), default, told.get(("Settings", name), "")))
    return "\n".join(lines) + "\n"


def _rows(
    key: str, model: type[Section], by_environment: dict[str, str], told: dict[tuple[str, str], str]
) -> list[str]:
    rows: list[str] = []
    for name, field in model.model_fields.items():
        full = f"{key}.{field.alias or name}"
        inner = _section(field.annotation)
        if inner is not None:
            rows += _rows(full, inner, {}, told)
            continue
        default = by_environment.get(str(field.alias or name)) or _default(field)
        rows.append(_row(full, _takes(field.annotation), default, _told(told, model, name)))
    return rows


def _said(model: type[Section]) -> str:
    return " ".join((model.__doc__ or "").split())


def _told(told: dict[tuple[str, str], str], model: type[Section], field: str) -> str:
    return next(told[base.__name__, field] for base in model.__mro__ if (base.__name__, field) in told)


def _row(key: str, takes: str, default: str, meaning: str) -> str:
    return f"| `{key}` | {takes} | {default} | {' '.join(meaning.split())} |"


def _environment_defaults(section: str) -> dict[str, str]:
    keys = {key for defaults in BY_ENVIRONMENT.values() for key in defaults.get(section, {})}
    return {
        key: " / ".join(f"`{_shown(defaults[section][key])}`" for defaults in BY_ENVIRONMENT.values()) for key in keys
    }


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "none"
    return f"`{_shown(value)}`"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return str(value)


def _section(annotation: Any) -> type[Section] | None:
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def _takes(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is typing.Annotated:
        return _takes(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_takes(argument) for argument in arguments if argument is not type(None))
    if origin is tuple:
        return f"a list of {_takes(arguments[0])}"
    if origin is dict:
        return "a mapping"
    name = getattr(annotation, "__name__", str(annotation))
    return {"Duration": "a duration", "SecretStr": "an encrypted text"}.get(name, _TYPES.get(name, name))


def old_backups() -> str:
    """What a change of each setting does to the backups that exist."""
    lines = [
        "# What a change does to the backups that exist",
        "",
        "Every setting of a stack file, made from `velero_eks.diff.setting_effects` by `make docs`. `velero-eks diff`",
        "says it of a change before it is deployed: `at risk` in words, `backups` in `--json`. A second word stands",
        "for the opposite change, where that does something else.",
        "",
        "| In `diff --json` | The backups that exist are |",
        "|---|---|",
        *(f"| {f'`{key}`' if key else '`null`'} | {words} |" for key, words in OLD_BACKUPS.items()),
        "",
        "| Setting | Backups | Why | What to do |",
        "|---|---|---|---|",
    ]
    for path, row in SETTING_EFFECTS.items():
        effects = [row.effect] if row.opposite == row.effect else [row.effect, row.opposite]
        shown = " / ".join(f"**{effect}**" if effect else "as before" for effect in effects)
        lines.append(f"| `{path}` | {shown} | {row.why} | {row.remedy} |")
    return "\n".join(lines) + "\n"


def version_tables() -> str:
    """Which versions were rehearsed together, and how long EKS supports each of Kubernetes'."""
    lines = [
        "# Versions",
        "",
        "Made from `velero_on_eks.settings.versions` and `eks_calendar` by `make docs`. Each row was installed and",
        "rehearsed in the lab, with Kubernetes 1.34; the Kubernetes versions are those that Velero itself was tested",
        "on. Older ones and other lines are refused with the reason. A newer patch is the finding `untested-version`,",
        "to be waived with a reason.",
        "",
        "| Velero | velero-plugin-for-aws | Chart | Kubernetes |",
        "|---|---|---|---|",
        *(
            f"| {row.velero} | {row.plugin} | {row.chart} | {row.kubernetes[0]} to {row.kubernetes[-1]} |"
            for row in versions.TABLE
        ),
        "",
        "The SHA-256 of each chart's archive, as its repository serves it:",
        "",
        *(f"- {version}: `{digest}`" for version, digest in versions.CHART_SHA256.items()),
        "",
        "## How long EKS supports Kubernetes",
        "",
        f"Read on {eks_calendar.READ_ON} from <{eks_calendar.SOURCE}>. A cluster costs"
        f" {eks_calendar.STANDARD_PRICE:.2f} USD an hour in",
        f"standard and {eks_calendar.EXTENDED_PRICE:.2f} in extended support, {eks_calendar.EXTRA_A_YEAR:,} USD a year"
        " more. The finding `eks-support` says it of a stack from",
        f"{eks_calendar.NOTICE.days} days before the end of standard support on.",
        "",
        "| Kubernetes | Standard support ends | Extended support ends |",
        "|---|---|---|",
        *(
            f"| {each.kubernetes} | {'about ' if each.approximate else ''}{each.standard_until} |"
            f" {'about ' if each.approximate else ''}{each.extended_until} |"
            for each in eks_calendar.CALENDAR
        ),
    ]
    return "\n".join(lines) + "\n"


def attack_table() -> str:
    """What was asked of a stack's policies, what was wanted and what a policy simulator answered."""
    got = attacks.answers()
    lines = [
        "# The attack table",
        "",
        "Requests against the policies of one production stack with `storage.breakGlass`, right and wrong: what is",
        "wanted of AWS, and what the policy simulator `@cloud-copilot/iam-simulate` answered. Made from",
        "`tests/attacks/requests.yaml` and `answers.json` by `make docs`; `make attacks` asks again, the quick tests",
        "ask the lab's own evaluator. Where no statement is named, nothing allows the request.",
    ]
    for group, rows in groupby(attacks.cases(), key=lambda case: case.group):
        lines += ["", f"## {group}", "", "| Request | Action | Wanted | Got | Refused by |", "|---|---|---|---|---|"]
        for case in rows:
            answer = got.get(case.name, {"got": "not asked"})
            by = ", ".join(f"`{sid}`" for sid in answer.get("by", ()))
            lines.append(f"| {case.what} | `{case.action}` | {case.wanted} | {answer['got']} | {by} |")
    return "\n".join(lines) + "\n"


_SECTIONS = {
    "how-to": ("How to", "One page for each task."),
    "reference": (
        "Reference",
        "Most of these pages are made from the code by `make docs`, so that they say what it does.",
    ),
    "adr": ("Decisions", "Choices that were contested: the context, what was chosen, and what it costs."),
}


def section(folder: str) -> str:
    """The first page of a section: its pages by their titles, in the order of the navigation."""
    title, text = _SECTIONS[folder]
    pages = yaml.safe_load(NAVIGATION.read_text(encoding="utf-8"))[f"{folder}/README.md"]
    titles = [(page, (DOCS / page).read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")) for page in pages]
    rows = [f"- [{title}]({page.removeprefix(f'{folder}/')})" for page, title in titles]
    return "\n".join([f"# {title}", "", text, "", *rows]) + "\n"


def regions() -> str:
    """The regions of AWS by partition, as botocore knows them. The component package does not install it."""
    source = importlib.resources.files("botocore") / "data" / "partitions.json"
    lines = [
        '"""Regions of AWS and the partitions that they lie in. Written by `make docs` from botocore\'s own list."""',
        "",
        "from __future__ import annotations",
        "",
        "from dataclasses import dataclass",
        "",
        "",
        "@dataclass(frozen=True)",
        "class Partition:",
        '    """A partition of AWS: its name in ARNs (`aws`, `aws-cn`, …) and the suffix of its host names."""',
        "",
        "    name: str",
        "    dns_suffix: str",
        "",
        "",
        "REGIONS: dict[str, Partition] = {",
    ]
    for partition in json.loads(source.read_text())["partitions"]:
        made = f'Partition("{partition["id"]}", "{partition["outputs"]["dnsSuffix"]}")'
        lines += [f'    "{name}": {made},' for name in partition["regions"] if not name.endswith("-global")]
    return "\n".join([*lines, "}"]) + "\n"


_OVERRIDES = """\
# Values laid over the chart's

`velero-eks:release.helmValuesOverrides` is for what no setting covers. Each value is judged by the names and kinds that
the chart's own version has (`velero_on_eks/settings/chart_values.py`), and by what it does:

- **refused**: the chart does not have it or does nothing with it, it is of another kind, or it switches something off
  that this program answers for. The message names the setting that serves.
- **finding**: nobody here can judge it. Rule `helm-override` reports it, as an error in production and as a warning
  elsewhere, until `velero-eks:waivers: {helm-override: "the reason"}`.
- **harmless**: where the Pod runs, what it is called, what it says.

The plan lists every one of them. `extraObjects` are judged as resources of the program. A secret is encrypted in its
place, `pulumi config set --secret --path 'velero-eks:release.helmValuesOverrides.…'`, and stays a secret in the state,
the plan and every message. Below are the values that the tests try, and what is said of each.

| Value | Said of it |
|---|---|
"""


@functools.cache
def overrides() -> str:
    """What is said of each value that the tests lay over the chart's."""
    lines: list[str] = []
    base = Settings.from_mapping(support.mapping()).release
    for row in yaml.safe_load(OVERRIDES_DATA.read_text(encoding="utf-8")):
        found, refused = judged.judge(base.model_copy(update={"helm_values_overrides": row["set"]}))
        effects = [f"{one.verdict}: {one.effect}" if one.effect else one.verdict for one in found]
        said = [f"refused, `{one.code}`: {one.sentence}" for one in refused] or effects
        value = yaml.safe_dump(masked((), row["set"]), default_flow_style=True, width=10_000).strip()
        lines.append(f"| `{value}` | {'; '.join(dict.fromkeys(said))} |")
    return _OVERRIDES + "\n".join(line.replace("\n", " ") for line in lines) + "\n"


def tables() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    return {
        CONFIGURATION: configuration(),
        OVERRIDES: overrides(),
        RULES: rules_table(),
        OLD_BACKUPS_TABLE: old_backups(),
        VERSIONS: version_tables(),
        ATTACK_TABLE: attack_table(),
        REGIONS: regions(),
        **{DOCS / folder / "README.md": section(folder) for folder in _SECTIONS},
        arguments.ARGUMENTS: arguments.Writer(descriptions()).text(),
        arguments.SCHEMA: arguments.schema(),
    }


if __name__ == "__main__":
    chart_values.main()
    for path, text in tables().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
