"""Which versions of Kubernetes, Velero, its AWS plugin and its Helm chart go together: the one table.

Sources: the compatibility tables in the READMEs of velero (tested Kubernetes versions) and of
velero-plugin-for-aws (Velero versions), and the charts' `appVersion`. To bump: read the three for the new
release, add a row, set the PINNED_* constants, run `make test` and `make lab`, and read the plan's difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from velero_on_eks.settings.refusals import Refusal, Refused

CHART_REPOSITORY = "https://vmware-tanzu.github.io/helm-charts"
CHART_NAME = "velero"
PINNED_CHART = "12.1.0"
# The chart lags the server (12.1.0 names 1.18.1), so the image's tag is a pin of its own.
PINNED_VELERO = "v1.18.2"
PINNED_PLUGIN = "v1.14.2"
VELERO_IMAGE = "docker.io/velero/velero"
PLUGIN_IMAGE = "docker.io/velero/velero-plugin-for-aws"
# The code of the one mismatch that a stack may accept.
UNTESTED = "untested-kubernetes"


@dataclass(frozen=True)
class Line:
    """What was tested with one minor version of Velero."""

    velero: str
    plugin: str
    charts: tuple[int, ...]
    kubernetes: tuple[str, ...]


LINES = (
    Line("1.18", plugin="1.14", charts=(12,), kubernetes=("1.33", "1.34", "1.35")),
    Line("1.17", plugin="1.13", charts=(11,), kubernetes=("1.31", "1.32", "1.33", "1.34")),
    Line("1.16", plugin="1.12", charts=(9, 10), kubernetes=("1.31", "1.32", "1.33")),
)


def minor(version: str) -> str:
    """`1.18` of `v1.18.2`."""
    return ".".join(version.removeprefix("v").split(".")[:2])


def line_of(velero: str) -> Line | None:
    """The row of a Velero version, None where the table has none."""
    return next((line for line in LINES if line.velero == minor(velero)), None)


def check_exact_version(version: str) -> str:
    """Refuse a chart version that is a range, a word or a part of a version."""
    if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?", version):
        raise Refused(
            "chart-version",
            "an exact chart version has three numbers: no range, no 'latest', no 'v' in front",
            f"write one like {PINNED_CHART}",
        )
    return version


def check_image_tag(tag: str) -> str:
    """Refuse an image tag that is not one exact release."""
    if not re.fullmatch(r"v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?", tag):
        raise Refused(
            "image-tag",
            "an image tag names one release: 'latest' and 'main' change under you",
            f"write one like {PINNED_VELERO}",
        )
    return tag


def check_kubernetes_version(version: str) -> str:
    """Refuse what is not a minor version of Kubernetes as EKS names it."""
    if not re.fullmatch(r"1\.[0-9]{2}", version):
        raise Refused(
            "kubernetes-version",
            'EKS names a minor version, like "1.34"',
            "see 'aws eks describe-cluster --query cluster.version'",
        )
    return version


def _kubernetes_before(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Refused(
            "kubernetes-version-number",
            "YAML read this version as a number (1.30 becomes 1.3)",
            'quote it: "1.34"',
        )
    return value


def mismatches(*, kubernetes: str, velero: str, plugin: str, chart: str) -> list[Refusal]:
    """What does not go together; empty where all four were tested together."""
    line = line_of(velero)
    if line is None:
        known = ", ".join(row.velero for row in LINES)
        return [
            Refusal(
                "velero-version",
                f"Velero {minor(velero)} is not in the compatibility table ({known})",
                f"use {PINNED_VELERO}, or add its row to velero_on_eks/settings/versions.py with its source",
                ("release", "image", "tag"),
                velero,
            )
        ]
    found: list[Refusal] = []
    if minor(plugin) != line.plugin:
        found.append(
            Refusal(
                "plugin-version",
                f"Velero {line.velero} goes with velero-plugin-for-aws {line.plugin}.x",
                f"write a v{line.plugin} tag, or change release.image.tag with it",
                ("release", "plugin", "tag"),
                plugin,
            )
        )
    if int(chart.split(".")[0]) not in line.charts:
        charts = " or ".join(f"{major}.x" for major in line.charts)
        found.append(
            Refusal(
                "chart-of-another-velero",
                f"Velero {line.velero} goes with chart {charts}",
                "change one of the two",
                ("release", "chart", "version"),
                chart,
            )
        )
    if kubernetes not in line.kubernetes:
        fits = [row.velero for row in LINES if kubernetes in row.kubernetes]
        others = f"Velero {' or '.join(fits)} was" if fits else "no Velero in the table was"
        found.append(
            Refusal(
                UNTESTED,
                f"Velero {line.velero} is tested on Kubernetes {line.kubernetes[0]} to {line.kubernetes[-1]}, and"
                f" {others} tested on {kubernetes}",
                "change the one that can be, or say release.allowUntestedKubernetes: true",
                ("cluster", "kubernetesVersion"),
                kubernetes,
            )
        )
    return found


ChartVersion = Annotated[str, AfterValidator(check_exact_version)]
ImageTag = Annotated[str, AfterValidator(check_image_tag)]
KubernetesVersion = Annotated[str, AfterValidator(check_kubernetes_version), BeforeValidator(_kubernetes_before)]
