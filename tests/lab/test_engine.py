"""The real engine: what a second `up`, a change, a refresh and a destroy do, and what the state holds."""

from __future__ import annotations

import base64
import json
import re

import pytest

from lab.deployment import Deployment, EngineFailed

pytestmark = pytest.mark.lab

BUCKET = "velero-velero-eks-lab-123456789012-ap-south-1"


def changes(ran) -> dict[str, list[str]]:
    """What a `--json` preview would do: operation → the last part of each URN, sorted; without what stays."""
    found: dict[str, list[str]] = {}
    for step in ran.document["steps"]:
        if step["op"] != "same":
            kind, name = step["urn"].split("::")[-2:]
            found.setdefault(step["op"], []).append(f"{kind.split('$')[-1]} {name}")
    return {op: sorted(names) for op, names in found.items()}


def test_a_second_up_changes_nothing(deployment):
    deployment.up("--expect-no-changes")


def test_a_refresh_finds_nothing_after_an_up(deployment):
    deployment.refresh("--expect-no-changes")


def test_a_changed_setting_shows_exactly_its_update(deployment):
    def keep_longer(config):
        config["velero-eks:schedules"]["daily-backup"]["keep"] = "9d"

    deployment.configure(keep_longer)
    try:
        assert changes(deployment.preview()) == {"update": ["kubernetes:velero.io/v1:Schedule velero-daily-backup"]}
    finally:
        deployment.configure()


def test_another_role_name_replaces_the_role_and_what_hangs_on_it_but_no_bucket(deployment):
    def rename(config):
        config["velero-eks:identity"] = {"mode": "irsa", "roleName": "another-role"}

    deployment.configure(rename)
    try:
        found = changes(deployment.preview())
    finally:
        deployment.configure()
    replaced = {name for op, names in found.items() if "replace" in op for name in names}
    assert "aws:iam/role:Role velero" in replaced
    assert not [name for name in replaced if "s3" in name or "kms" in name]
    assert "kubernetes:helm.sh/v3:Release velero" in found["update"]


def test_the_state_holds_no_plain_repository_password(deployment):
    secret = deployment.lab.cluster.api.find("/api/v1/namespaces/velero/secrets/velero-repo-credentials")
    assert secret is not None
    password = base64.b64decode(secret["data"]["repository-password"]).decode()
    assert len(password) == 40
    state = deployment.state()
    assert password not in state
    assert secret["data"]["repository-password"] not in state
    assert deployment.outputs()["repositoryPassword"] == "[secret]"
    assert password not in "".join(path.read_text(errors="replace") for path in deployment.lab.logs.glob("*.log"))


def test_a_refresh_finds_a_bucket_policy_that_somebody_changed_by_hand(deployment):
    s3 = deployment.lab.cloud.client("s3")
    ours = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    opened = json.loads(ours)
    opened["Statement"] = [each for each in opened["Statement"] if each["Sid"] != "RefusePlainHttp"]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(opened))
    try:
        with pytest.raises(EngineFailed) as raised:
            deployment.refresh("--expect-no-changes")
        assert "aws:s3:BucketPolicy" in raised.value.output
    finally:
        s3.put_bucket_policy(Bucket=BUCKET, Policy=ours)


BY_HAND = {
    "/apis/velero.io/v1/namespaces/velero/schedules/daily-backup": {"spec": {"schedule": "0 5 * * *"}},
    "/api/v1/namespaces/velero": {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "privileged"}}},
}


def test_what_somebody_changed_with_kubectl_is_shown_by_a_preview_and_taken_back_in_place(deployment):
    api = deployment.lab.cluster.api
    before = {path: (api.find(path) or {})["metadata"]["uid"] for path in BY_HAND}
    for path, patch in BY_HAND.items():
        api.request("PATCH", f"{path}?fieldManager=kubectl-patch", patch, content="application/merge-patch+json")
    # Without the annotation the server answers with a conflict of field managers, and the preview ends there.
    wanted = ["kubernetes:core/v1:Namespace velero", "kubernetes:velero.io/v1:Schedule velero-daily-backup"]
    assert changes(deployment.preview("--refresh"))["update"] == wanted
    deployment.up("--refresh")
    schedule, namespace = (api.find(path) or {} for path in BY_HAND)
    assert schedule["spec"]["schedule"].endswith("0 2 * * *")
    assert "metadata" not in schedule["spec"]["template"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/warn"] == "restricted"
    assert {path: (api.find(path) or {})["metadata"]["uid"] for path in BY_HAND} == before
    deployment.refresh("--expect-no-changes")
    deployment.up("--expect-no-changes")


def test_an_up_by_somebody_whom_break_glass_does_not_name_stops_before_its_policy(deployment):
    s3, caller = deployment.lab.cloud.client("s3"), deployment.lab.cloud.client("sts").get_caller_identity()["Arn"]
    before = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]

    def name_another(config):
        config["velero-eks:storage"]["breakGlass"] = ["arn:aws:iam::123456789012:role/velero-deploy"]

    deployment.configure(name_another)
    try:
        assert changes(deployment.preview()) == {"update": ["aws:s3/bucketPolicy:BucketPolicy velero"]}
        with pytest.raises(EngineFailed) as raised:
            deployment.up()
    finally:
        deployment.configure()
    assert f"{caller} deploys and is not in the list" in raised.value.output
    assert s3.get_bucket_policy(Bucket=BUCKET)["Policy"] == before
    deployment.up("--expect-no-changes")


def test_a_bad_stack_file_stops_before_any_resource_and_says_what_to_mend(deployment):
    def misspell(config):
        config["velero-eks:scheduels"] = {}

    deployment.configure(misspell)
    try:
        with pytest.raises(EngineFailed) as raised:
            deployment.up()
    finally:
        deployment.configure()
    output = raised.value.output
    assert "did you mean schedules?" in output
    assert "Traceback" not in output
    assert not re.search(r"\b(created|updated|replaced|deleted)\b", output)


def test_a_production_stack_is_not_destroyed(deployment, lab):
    production = Deployment(
        lab, stack="production", workspace=lab.directory / "production", stack_file=_production(lab)
    )
    production.share_providers(deployment)
    production.prepare()
    # Its cluster is the same one; only what AWS holds is made, which is what protection is about.
    wanted = ("**VeleroOnEks::velero", "**BackupStorage**", "**pulumi:providers:**")
    targets = [argument for pattern in wanted for argument in ("--target", pattern)]
    production.up(*targets)
    with pytest.raises(EngineFailed) as raised:
        production.destroy(*targets)
    assert "protect" in raised.value.output
    names = [bucket["Name"] for bucket in lab.cloud.client("s3").list_buckets()["Buckets"]]
    assert "velero-exam-prod-123456789012-ap-south-1" in names


def _production(lab):
    """The production stack, in the lab's account and cluster."""
    import yaml

    from tests.stacks import FILES

    document = yaml.safe_load(FILES["prod"].read_text())
    config = document["config"]
    config["velero-eks:cluster"] |= {"account": lab.cloud.account, "context": "velero-eks-lab"}
    config["velero-eks:cluster"]["oidcIssuer"] = lab.cluster.control_plane.issuer
    config["velero-eks:storage"] = {}
    path = lab.directory / "Pulumi.production.yaml"
    path.write_text(yaml.safe_dump(document))
    return path
