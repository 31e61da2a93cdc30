"""Pages that are one table or two, made from a table of the code."""

from __future__ import annotations

import functools
import importlib.resources
import json
from itertools import groupby
from pathlib import Path

import yaml
from velero_on_eks.settings import eks_calendar, versions
from velero_on_eks.settings import overrides as judged
from velero_on_eks.settings.refusals import masked
from velero_on_eks.settings.settings import Settings

from tests import support
from tests.attacks import table as attacks
from velero_eks.diff.model import OLD_BACKUPS
from velero_eks.diff.setting_effects import SETTING_EFFECTS

_OVERRIDES_DATA = Path(__file__).resolve().parents[1] / "components" / "settings" / "data" / "overrides.yaml"


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


def versions_and_dates() -> str:
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


def regions() -> str:
    """The regions of AWS by partition, as botocore knows them. The component package does not install it."""
    source = importlib.resources.files("botocore") / "data" / "partitions.json"
    lines = [
        '"""Regions of AWS and the partitions that they are in. Written by `make docs` from botocore\'s own list."""',
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
# Overrides of the chart's values

`velero-eks:release.helmValuesOverrides` is for what no setting covers. Each value is judged by the names and kinds that
the chart's own version has (`velero_on_eks/settings/chart_values.py`), and by what it does:

- **refused**: the chart does not have it or does nothing with it, it is of another kind, or it switches something off
  that this program answers for. The message names the setting that serves.
- **finding**: no one here can judge it. Rule `helm-override` reports it, as an error in production and as a warning
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
    """What is said of each value that the tests override."""
    lines: list[str] = []
    base = Settings.from_mapping(support.mapping()).release
    for row in yaml.safe_load(_OVERRIDES_DATA.read_text(encoding="utf-8")):
        found, refused = judged.judge(base.model_copy(update={"helm_values_overrides": row["set"]}))
        effects = [f"{one.verdict}: {one.effect}" if one.effect else one.verdict for one in found]
        said = [f"refused, `{one.code}`: {one.sentence}" for one in refused] or effects
        value = yaml.safe_dump(masked((), row["set"]), default_flow_style=True, width=10_000).strip()
        lines.append(f"| `{value}` | {'; '.join(dict.fromkeys(said))} |")
    return _OVERRIDES + "\n".join(line.replace("\n", " ") for line in lines) + "\n"
