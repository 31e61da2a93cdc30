"""What we hand to Velero, compared with its own CRDs: an unknown field or a wrong type fails."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml
from velero_on_eks.documents.helm_values import location_config, merged

from tests.conftest import reference
from tests.support import record


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with every object closed, as the API server prunes what a structural schema does not name."""
    closed: dict[str, Any] = dict(schema)
    if "properties" in closed:
        closed["properties"] = {key: strict(value) for key, value in closed["properties"].items()}
        if not closed.get("x-kubernetes-preserve-unknown-fields"):
            closed["additionalProperties"] = False
    values: Any = schema.get("additionalProperties")
    if isinstance(values, dict):
        closed["additionalProperties"] = strict(values)
    if isinstance(closed.get("items"), dict):
        closed["items"] = strict(closed["items"])
    return closed


@pytest.fixture(scope="module")
def validators() -> dict[str, jsonschema.Draft202012Validator]:
    found = {}
    for path in sorted(reference("velero-crds-1.18.2").glob("velero.io_*.yaml")):
        crd = yaml.safe_load(path.read_text())
        served = next(version for version in crd["spec"]["versions"] if version["storage"])
        schema = strict(served["schema"]["openAPIV3Schema"])
        # The API server itself knows ObjectMeta; a CRD only says that it is an object.
        schema["properties"]["metadata"] = {"type": "object"}
        found[crd["spec"]["names"]["kind"]] = jsonschema.Draft202012Validator(schema)
    return found


def schedule(**spec: Any) -> dict[str, Any]:
    given = {"cron": "0 2 * * *", "timezone": "Asia/Kolkata", "keep": "30d", **spec}
    recording = record(
        recovery={"namespaces": ["shop"]}, schedules={"daily-backup": given}, volumes={"mode": "csi-snapshot"}
    )
    return recording.one("kubernetes:velero.io/v1:Schedule").inputs


SPECS: dict[str, dict[str, Any]] = {
    "every namespace": {},
    "some namespaces": {"namespaces": ["*"], "excludedNamespaces": ["kube-system"], "excludedResources": ["events"]},
    "cluster resources off": {"clusterResources": False},
    "every six hours": {"cron": "@every 6h", "timezone": "UTC"},
}


@pytest.mark.parametrize("name", SPECS)
def test_every_schedule_fits_the_crd_strictly(validators, name):
    validators["Schedule"].validate(schedule(**SPECS[name]))


def test_the_strict_schema_refuses_an_unknown_field(validators):
    body = schedule()
    body["spec"]["template"]["includeNamespaces"] = ["shop"]
    with pytest.raises(jsonschema.ValidationError, match="includeNamespaces"):
        validators["Schedule"].validate(body)


def test_a_schedule_says_what_the_controller_would_write_and_keeps_backups_of_a_deleted_schedule():
    assert schedule()["spec"] == {
        "schedule": "CRON_TZ=Asia/Kolkata 0 2 * * *",
        "paused": False,
        "skipImmediately": False,
        "useOwnerReferencesInBackup": False,
        "template": {
            "ttl": "720h0m0s",
            "storageLocation": "default",
            "includedNamespaces": ["*"],
            "excludedNamespaces": ["velero"],
            "includeClusterResources": True,
            "snapshotVolumes": True,
        },
    }


def test_a_schedule_of_chosen_namespaces_takes_only_what_they_refer_to():
    recording = record(
        recovery={"rpo": "24h", "retention": "30d", "namespaces": ["shop"]},
        schedules={"shop": {"cron": "0 2 * * *", "keep": "30d", "namespaces": ["shop"]}},
    )
    template = recording.one("kubernetes:velero.io/v1:Schedule").inputs["spec"]["template"]
    assert "includeClusterResources" not in template
    assert "excludedNamespaces" not in template
    assert template["snapshotVolumes"] is False


@pytest.mark.parametrize(
    ("suffix", "url", "path_style", "expected"),
    [
        ("amazonaws.com", None, False, {"region": "r"}),
        ("amazonaws.com.cn", None, False, {"region": "r", "s3Url": "https://s3.r.amazonaws.com.cn"}),
        ("amazonaws.com", "https://h", True, {"region": "r", "s3Url": "https://h", "s3ForcePathStyle": "true"}),
    ],
)
def test_a_location_names_its_region_and_an_endpoint_where_the_default_is_wrong(suffix, url, path_style, expected):
    found = location_config(region="r", dns_suffix=suffix, s3_url=url, s3_force_path_style=path_style)
    assert found == expected


def test_overrides_are_laid_over_values_as_helm_does():
    below = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    assert merged(below, {"a": {"c": [3], "e": None}}) == {"a": {"b": 1, "c": [3], "e": None}, "d": 4}
    assert below == {"a": {"b": 1, "c": [1, 2]}, "d": 4}
