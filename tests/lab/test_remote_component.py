"""The component package as a provider of its own: deployed by the example in YAML, in the lab, by the real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.deployment import EngineFailed
from lab.environment import LabEnvironment, running_lab
from lab.programs import require_language_yaml
from lab.yaml_program import COMPONENTS, YamlProgram

pytestmark = pytest.mark.lab

EXAMPLE = Path(__file__).parents[2] / "examples" / "existing_cluster"
SCHEDULE = "/apis/velero.io/v1/namespaces/velero/schedules/every-six-hours"


def in_the_lab(lab: LabEnvironment, program: dict[str, Any]) -> None:
    """The example, led to the lab's cluster and bucket: no AWS CLI signs tokens here, and S3 is at an address."""
    program["config"]["cluster"]["default"] = lab.cluster.name
    resources = program["resources"]
    resources["aws"]["properties"]["allowedAccountIds"] = [lab.cloud.account]
    resources["kubernetes"]["properties"] = {"context": lab.cluster.name}
    storage = resources["velero"]["properties"]["storage"]
    storage["s3Url"], storage["s3ForcePathStyle"] = lab.cloud.endpoint, True


@pytest.fixture(scope="module")
def program(programs, chart, tmp_path_factory) -> Iterator[YamlProgram]:
    """The example, deployed."""
    host = require_language_yaml(programs).path.parent
    with running_lab(programs, tmp_path_factory.mktemp("yaml") / "lab", keep=True) as lab:
        made = YamlProgram(lab, example=EXAMPLE, language_host=host, chart=chart)
        made.prepare(lambda document: in_the_lab(lab, document))
        # With its preview, in which what is made by the same program is not known yet.
        made.run("up", "--yes")
        yield made


def test_the_example_makes_what_a_program_in_python_makes(program):
    lab, outputs = program.lab, program.outputs()
    assert outputs["bucket"] == f"velero-velero-eks-lab-{lab.cloud.account}-{lab.cloud.region}"
    s3, iam, kms = (lab.cloud.client(service) for service in ("s3", "iam", "kms"))
    logging = s3.get_bucket_logging(Bucket=outputs["bucket"])["LoggingEnabled"]
    assert logging["TargetBucket"].startswith("logs-")
    encryption = s3.get_bucket_encryption(Bucket=outputs["bucket"])["ServerSideEncryptionConfiguration"]
    key = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]
    role = iam.get_role(RoleName=outputs["role"].rpartition("/")[2])["Role"]
    assert lab.cluster.control_plane.issuer.removeprefix("https://") in json.dumps(role["AssumeRolePolicyDocument"])
    api = lab.cluster.api
    account = api.request("GET", "/api/v1/namespaces/velero/serviceaccounts/velero-server")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == outputs["role"]
    assert api.request("GET", SCHEDULE)["spec"]["schedule"] == "0 */6 * * *"


def test_its_velero_runs_and_gets_into_its_bucket(program):
    from lab.rehearsal.velero import Velero

    program.lab.cluster.wait_until_available("velero", "velero")
    Velero(program.lab.cluster.api).wait_until_location_is_available()


def test_a_second_preview_changes_nothing(program):
    assert {step["op"] for step in program.preview().document["steps"]} == {"same"}


def test_a_setting_that_cannot_be_used_is_refused_by_its_property_and_without_a_traceback(program):
    def never(document: dict[str, Any]) -> None:
        in_the_lab(program.lab, document)
        document["resources"]["velero"]["properties"]["schedules"] = {"never": {"cron": "0 2 31 2 *", "keep": "14d"}}

    program.configure(never)
    try:
        with pytest.raises(EngineFailed) as raised:
            program.run("preview")
    finally:
        program.configure(lambda document: in_the_lab(program.lab, document))
    output = raised.value.output
    assert "schedules.never.cron" in output
    assert "0 2 31 2 *" in output
    assert "Traceback" not in output
    assert 'File "' not in output


def test_the_engine_reads_the_schema_that_is_checked_in(program):
    # The engine prints what it has understood, with the defaults of its form written out.
    read, checked_in = (
        program.run("package", "get-schema", str(source)).document
        for source in (program.plugin, COMPONENTS / "schema.json")
    )
    assert read == checked_in
    assert "velero-eks:index:VeleroOnEks" in read["resources"]
