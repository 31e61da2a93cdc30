"""Overrides of the chart's values, read from stack files: refused, a finding or harmless, none silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from velero_on_eks.settings import InvalidSettings, Settings, StackFileError, load_stack_file, overrides
from velero_on_eks.settings.chart_values import CHART_VALUES
from velero_on_eks.settings.parts import VeleroReleaseInputs
from velero_on_eks.settings.server_flags import FLAGS
from velero_on_eks.settings.settings import read_section
from velero_on_eks.settings.versions import PINNED_CHART

from tests import chart_values
from tests.conftest import reference
from tests.support import mapping, settings

DATA = Path(__file__).parent / "data" / "overrides.yaml"
ROWS: list[dict[str, Any]] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
VERDICTS = ("refused", "finding", "harmless")


def stack_file(folder: Path, values: Any, **release: Any) -> Path:
    """A production stack file that lays these values over the chart's."""
    made = mapping(release={"helmValuesOverrides": values, **release})
    config = {f"velero-eks:{key}" if key != "region" else "aws:region": value for key, value in made.items()}
    path = folder / "Pulumi.prod.yaml"
    path.write_text(json.dumps({"config": config}, indent=1), encoding="utf-8")
    return path


def leaf(values: Any) -> str:
    """The one place that a row gives, in dots."""
    path: list[str] = []
    while isinstance(values, dict) and len(values) == 1:
        [(key, values)] = values.items()
        path.append(key)
    return ".".join(path)


def test_the_table_has_at_least_80_values_and_every_verdict():
    assert len(ROWS) >= 80
    assert all(sum(verdict in row for verdict in VERDICTS) == 1 for row in ROWS)
    assert all(sum(verdict in row for row in ROWS) >= 20 for verdict in VERDICTS)


@pytest.mark.parametrize("row", ROWS, ids=[json.dumps(row["set"]) for row in ROWS])
def test_a_value_is_refused_a_finding_or_harmless(row, tmp_path):
    path = stack_file(tmp_path, row["set"])
    if "refused" in row:
        with pytest.raises(StackFileError) as raised:
            load_stack_file(path)
        place = row.get("at", leaf(row["set"]))
        said = [one for one in raised.value.refusals if one.code == row["refused"]]
        fields = [overrides.dotted(one.path) for one in said]
        assert f"velero-eks:release.helmValuesOverrides.{place}" in fields, raised.value
        assert all(one.limit and one.remedy and one.line for one in said)
        assert row.get("says", "") in str(raised.value)
        return
    found, refused = overrides.judge(load_stack_file(path).settings.release)
    assert refused == []
    [verdict] = set(row) & set(VERDICTS)
    assert row[verdict] in {one.name for one in found if one.verdict == verdict}, found


def test_what_is_refused_is_not_printed_where_it_is_a_secret(tmp_path):
    for values in (
        {"configuration": {"extraEnvVars": [{"name": "DB_PASSWORD", "value": "hunter2hunter2"}]}},
        {"credentials": {"secretContents": {"cloud": "aws_secret_access_key=hunter2hunter2"}}},
        {"extraObjects": [{"apiVersion": "v1", "kind": "Secret", "stringData": {"plain": "hunter2hunter2"}}]},
        {"passwordz": "hunter2hunter2"},
        {"configuration": {"extraArgs": ["--password=hunter2hunter2"]}},
        {"podAnnotations": {"example.com/url": "https://me:hunter2hunter2@example.com"}},
    ):
        with pytest.raises(StackFileError) as raised:
            load_stack_file(stack_file(tmp_path, values))
        assert "hunter2" not in str(raised.value)
        assert "hunter2" not in str([one.to_mapping() for one in raised.value.refusals])


def test_every_value_of_the_chart_has_a_check_of_its_own_or_of_what_it_lies_in():
    below = {path[0] for path in overrides.BELOW}
    paths = [tuple(name.split(".")) for name in CHART_VALUES[PINNED_CHART]]
    assert [
        path
        for path in paths
        if path[0] not in below and not any(path[:depth] in overrides.CHECKS for depth in range(1, len(path) + 1))
    ] == []


def test_every_value_of_the_server_behind_a_flag_is_one_of_the_chart():
    assert {f"configuration.{flag.value}" for flag in FLAGS.values() if flag.value} <= set(CHART_VALUES[PINNED_CHART])


def test_a_chart_that_is_not_known_makes_findings_and_still_refuses_what_does_harm():
    def judged(**values: Any) -> tuple[list[overrides.Override], list[Any]]:
        read = settings().release.model_copy(
            update={
                "helm_values_overrides": values,
                "chart": settings().release.chart.model_copy(update={"version": "12.9.9"}),
            }
        )
        return overrides.judge(read)

    [found], refused = judged(tolerationz=[])
    assert (found.verdict, refused) == ("finding", [])
    assert "chart 12.9.9" in found.effect
    assert [one.code for one in judged(rbac={"create": False})[1]] == ["helm-value-rights"]


def test_a_part_by_itself_refuses_what_the_whole_refuses():
    values = {"bucket": "backups-of-the-shop", "helmValuesOverrides": {"rbac": {"create": False}}}
    with pytest.raises(InvalidSettings, match=r"helmValuesOverrides.rbac.create = false: without its rights"):
        read_section(VeleroReleaseInputs, values)


def test_kubectl_counts_where_a_job_runs_it():
    given = {"cleanUpCRDs": True, "kubectl": {"image": {"tag": "v1.34.1"}}}
    read = Settings.from_mapping(mapping(environment="development", release={"helmValuesOverrides": given}))
    assert {one.name for one in overrides.judge(read.release)[0]} == {"cleanUpCRDs", "kubectl.image.tag"}


@pytest.mark.parametrize("version", chart_values.CHARTS)
def test_names_and_kinds_are_the_charts_own(version):
    chart = chart_values.Chart(reference(f"velero-{version}.tgz"))
    assert chart.version == version
    assert chart.values == CHART_VALUES[version]
    assert chart.unread == set()


def test_the_module_is_what_the_charts_say():
    charts = [chart_values.Chart(reference(f"velero-{version}.tgz")) for version in chart_values.CHARTS]
    assert chart_values.MODULE.read_text(encoding="utf-8") == chart_values.module(charts)


def test_what_counts_as_without_effect_is_read_by_no_other_template():
    """`kubectl` is run by the jobs that clean up and that label the namespace, and the node-agent's by its own."""
    chart = chart_values.Chart(reference(f"velero-{PINNED_CHART}.tgz"))
    jobs = {"cleanup-crds.yaml", "label-namespace/labelnamespace.yaml"}
    for path, templates in chart.read.items():
        if path.startswith("kubectl.") and not path.startswith(("kubectl.labels", "kubectl.annotations")):
            assert templates <= jobs, path
        if path.startswith(("nodeAgent.", "metrics.nodeAgentPodMonitor", "configuration.dataMoverPrepareTimeout")):
            assert templates <= {"_helpers.tpl", "node-agent-daemonset.yaml", "podmonitor.yaml"}, path
    assert chart.read["secretAnnotations"] == {"secret.yaml"}
