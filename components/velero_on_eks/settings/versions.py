"""Which versions go together: the one table, of what was installed and rehearsed together in the lab.

To add a release: build it for the lab (`lab/programs/catalogue.py`), add its row, set the PINNED_* constants, run
`make lab` and `make lab-test` with it, and read the difference of the plans. Kubernetes is what Velero's README says
that the release was tested on; velero-plugin-for-aws's README says which of its lines goes with which of Velero's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from velero_on_eks.settings.refusals import Refusal, Refused

_EXACT = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})(?![0-9])")

CHART_REPOSITORY = "https://vmware-tanzu.github.io/helm-charts"
CHART_NAME = "velero"
PINNED_CHART = "12.1.0"
# The chart lags the server (12.1.0 names 1.18.1), so the image's tag is a pin of its own.
PINNED_VELERO = "v1.18.3"
PINNED_PLUGIN = "v1.14.3"
VELERO_IMAGE = "docker.io/velero/velero"
PLUGIN_IMAGE = "docker.io/velero/velero-plugin-for-aws"
# Which library a server reads the crons of its Schedules with, by go.mod in Velero's source.
CronLibrary = Literal["robfig", "go-cron"]
GO_CRON_SINCE = (1, 18, 3)
# The code of the one mismatch that a stack may accept.
UNTESTED = "untested-kubernetes"
# The rule of what is newer than the table, which a stack may waive: a security fix must not wait for a rehearsal here.
UNREHEARSED = "untested-version"


@dataclass(frozen=True)
class Rehearsed:
    """One set of versions that was installed together: exact versions, and Kubernetes' minor ones."""

    velero: str
    plugin: str
    chart: str
    kubernetes: tuple[str, ...]


TABLE = (
    Rehearsed("1.18.3", plugin="1.14.3", chart="12.1.0", kubernetes=("1.33", "1.34", "1.35")),
    Rehearsed("1.18.2", plugin="1.14.3", chart="12.1.0", kubernetes=("1.33", "1.34", "1.35")),
)
"""The newest first. The lab's own cluster is 1.34."""

CHART_SHA256 = {"12.1.0": "132f68e8ea281632490e8bdb1ef8111cfc564dd20ade8fb1ca9f10015cbdddfb"}
"""The digest of each chart's archive, as its repository serves it. Helm asks for none: the lab and its tests do."""

Numbers = tuple[int, int, int]


def numbers(version: str) -> Numbers:
    """`(1, 18, 2)` of `v1.18.2`, `1.18.2-eks-1` or `12.1.0`. ValueError where it does not begin with three numbers."""
    found = _EXACT.match(version)
    if found is None:
        raise ValueError(f"{version!r} does not begin with three numbers")
    return (int(found[1]), int(found[2]), int(found[3]))


def minor(version: str) -> str:
    """`1.18` of `v1.18.2`."""
    return ".".join(map(str, numbers(version)[:2]))


def row_of(velero: str) -> Rehearsed | None:
    """What counts for a Velero: its own row, else that of the newest older patch, else that of the oldest patch.

    None where the table has nothing of its minor version.
    """
    line = sorted((row for row in TABLE if minor(row.velero) == minor(velero)), key=lambda row: numbers(row.velero))
    older = [row for row in line if numbers(row.velero) <= numbers(velero)]
    return (older[-1] if older else line[0]) if line else None


def cron_library(velero_tag: str | None = None) -> CronLibrary:
    """The library that a version of Velero reads crons with.

    `velero_tag` is an image's tag (`v1.18.3`, `1.18.3-r0`); where it is left out or names no version, the answer is
    that of `PINNED_VELERO`.
    """
    try:
        version = numbers(velero_tag or PINNED_VELERO)
    except ValueError:
        version = numbers(PINNED_VELERO)
    return "go-cron" if version >= GO_CRON_SINCE else "robfig"


def check_exact_version(version: str) -> str:
    """Refuse a chart version that is a range, a word or a part of a version."""
    if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?", version):
        raise Refused(
            "chart-version",
            "an exact chart version has three numbers: no range, no 'latest', no leading 'v'",
            f"write one like {PINNED_CHART}",
        )
    return version


def check_kubernetes_version(version: str) -> str:
    """Refuse what is not a minor version of Kubernetes as EKS names it."""
    if not re.fullmatch(r"1\.[0-9]{2}", version):
        raise Refused(
            "kubernetes-version",
            'an EKS version is a minor version, like "1.34"',
            "see 'aws eks describe-cluster --query cluster.version'",
        )
    return version


def _kubernetes_before(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Refused(
            "kubernetes-version-number",
            "YAML reads this version as a number (1.30 becomes 1.3)",
            'quote it: "1.34"',
        )
    return value


def mismatches(*, kubernetes: str, velero: str, plugin: str, chart: str) -> list[Refusal]:
    """What cannot go together; empty where all four were rehearsed, or are newer patches of what was.

    `velero`, `plugin` and `chart` are exact versions, with or without a `v`; `kubernetes` is a minor one.
    """
    row = row_of(velero)
    if row is None:
        return [
            Refusal(
                "velero-version",
                f"no Velero {minor(velero)} was installed and rehearsed; these were: {_known()}",
                f"use {PINNED_VELERO}; or rehearse it in the lab and add it to velero_on_eks/settings/versions.py",
                ("release", "image", "tag"),
                velero,
            )
        ]
    found: list[Refusal] = []
    if numbers(velero) < numbers(row.velero):
        found.append(
            Refusal(
                "velero-version",
                f"{row.velero} is the oldest Velero that was installed and rehearsed ({_known()})",
                f"use {PINNED_VELERO}",
                ("release", "image", "tag"),
                velero,
            )
        )
    found += _plugin(plugin, row)
    found += _chart(chart, row)
    if kubernetes not in row.kubernetes:
        fits = sorted({minor(other.velero) for other in TABLE if kubernetes in other.kubernetes})
        others = f"Velero {' or '.join(fits)} was" if fits else "no Velero in the table was"
        found.append(
            Refusal(
                UNTESTED,
                f"Velero {minor(velero)} is tested on Kubernetes {row.kubernetes[0]} to {row.kubernetes[-1]}, and"
                f" {others} tested on {kubernetes}",
                "change one of them, or set release.allowUntestedKubernetes: true",
                ("cluster", "kubernetesVersion"),
                kubernetes,
            )
        )
    return found


def _plugin(plugin: str, row: Rehearsed) -> list[Refusal]:
    path = ("release", "plugin", "tag")
    if minor(plugin) != minor(row.plugin):
        return [
            Refusal(
                "plugin-version",
                f"Velero {minor(row.velero)} goes with velero-plugin-for-aws {minor(row.plugin)}.x",
                f"write {PINNED_PLUGIN}, or change release.image.tag with it",
                path,
                plugin,
            )
        ]
    if numbers(plugin) < numbers(row.plugin):
        return [
            Refusal(
                "plugin-version",
                f"before {row.plugin} the plugin sends an empty x-amz-tagging header with every upload, which Velero's"
                " role may not set (s3:PutObjectTagging)",
                f"write {PINNED_PLUGIN}",
                path,
                plugin,
            )
        ]
    return []


def _chart(chart: str, row: Rehearsed) -> list[Refusal]:
    major, needed = numbers(chart)[0], numbers(row.chart)[0]
    if major == needed and numbers(chart) >= numbers(row.chart):
        return []
    limit = f"Velero {minor(row.velero)} goes with chart {needed}.x; {row.chart} was rehearsed"
    if 9 <= major < 12:
        limit += "; the CRD job of charts 9 to 11 cannot run in a restricted namespace"
    if 9 <= major < 11:
        limit += ", and charts 9 and 10 name the Deployment after the release"
    return [Refusal("chart-of-another-velero", limit, f"write {PINNED_CHART}", ("release", "chart", "version"), chart)]


def unrehearsed(*, velero: str, plugin: str, chart: str) -> list[Refusal]:
    """What `mismatches` takes though it is newer than what was rehearsed: it may well work, and that is to be said."""
    row = row_of(velero)
    if row is None or mismatches(kubernetes=row.kubernetes[0], velero=velero, plugin=plugin, chart=chart):
        return []
    pairs = (
        ("Velero", velero, row.velero, ("release", "image", "tag")),
        ("velero-plugin-for-aws", plugin, row.plugin, ("release", "plugin", "tag")),
        ("chart", chart, row.chart, ("release", "chart", "version")),
    )
    return [
        Refusal(
            UNREHEARSED,
            f"{name} {version.removeprefix('v')} is newer than {known}, the newest rehearsed version",
            f"rehearse a restore with it and waive {UNREHEARSED}, or write {known}",
            path,
            version,
        )
        for name, version, known, path in pairs
        if numbers(version) > numbers(known)
    ]


def _known() -> str:
    return ", ".join(row.velero for row in TABLE)


ChartVersion = Annotated[str, AfterValidator(check_exact_version)]
KubernetesVersion = Annotated[str, AfterValidator(check_kubernetes_version), BeforeValidator(_kubernetes_before)]
