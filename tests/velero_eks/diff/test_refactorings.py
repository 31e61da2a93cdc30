"""Edits that change nothing that is deployed: no difference, not one resource and not one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.velero_eks.diff.programs import Edit, custom, difference, unedited

STORAGE, WHOLE = "components/velero_on_eks/backup_storage.py", "components/velero_on_eks/velero_on_eks.py"
IAM, IDENTITY = "components/velero_on_eks/documents/iam.py", "components/velero_on_eks/workload_identity.py"


def aliased(parent: str, alias: str) -> str:
    return f"opts=pulumi.ResourceOptions.merge({parent}, pulumi.ResourceOptions(aliases=[pulumi.Alias({alias})]))"


TAGGED = "tagged(tags, child(self))"
KEY = f"            opts={TAGGED},\n        )\n        alias = "

PURE = {
    "a key renamed with an alias": Edit(
        code=(
            (STORAGE, "pulumi_aws.kms.Key(\n            name,", 'pulumi_aws.kms.Key(\n            f"{name}-key",'),
            (STORAGE, KEY, KEY.replace(f"opts={TAGGED}", aliased(TAGGED, "name=name"))),
        )
    ),
    "a bucket renamed with an alias, and all that is named after it": Edit(
        code=(
            (
                STORAGE,
                "bucket = pulumi_aws.s3.Bucket(\n            name,",
                'bucket = pulumi_aws.s3.Bucket(\n            f"{name}-backups",',
            ),
            (
                STORAGE,
                f"            opts={TAGGED},\n        )\n        self.bucket = ",
                f"            {aliased(TAGGED, 'name=name')},\n        )\n        self.bucket = ",
            ),
        )
    ),
    "the whole renamed with an alias that its children inherit": Edit(
        code=(
            (
                WHOLE,
                "super().__init__(token(type(self)), name, where, opts)",
                "super().__init__(token(type(self)), name, where, pulumi.ResourceOptions.merge("
                'opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(name="velero")])))',
            ),
            ("__main__.py", 'VeleroOnEks("velero"', 'VeleroOnEks("backups"'),
        )
    ),
    "a component of another type, with an alias of the old one": Edit(
        code=(
            (
                STORAGE,
                'super().__init__(token(type(self)), name, None, options(opts, former="velero:storage:BackupStorage"))',
                'super().__init__("velero-eks:index:Storage", name, None, options(opts, former=token(type(self))))',
            ),
        )
    ),
    "a component moved out of the whole, with its old parent as an alias": Edit(
        code=(
            (
                WHOLE,
                "            inside(),\n        )\n        identity",
                "            pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=self)], providers=opts.providers),\n"
                "        )\n        identity",
            ),
        )
    ),
    "a provider renamed with an alias": Edit(
        code=(
            (
                "components/velero_on_eks/providers.py",
                'pulumi_aws.Provider("aws", region=settings.region, allowed_account_ids=[settings.cluster.account])',
                'pulumi_aws.Provider("amazon", region=settings.region, allowed_account_ids=[settings.cluster.account],'
                ' opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="aws")]))',
            ),
        )
    ),
    "a file moved": Edit(
        code=(
            (WHOLE, "from velero_on_eks.backup_storage import", "from velero_on_eks.storage_parts import"),
        ),
        moved={STORAGE: "components/velero_on_eks/storage_parts.py"},
    ),
    "keys of the stack file in another order": Edit(
        stack=(
            (
                "{rpo: 24h, retention: 30d, namespaces: [exam-prod]}",
                "{namespaces: [exam-prod], retention: 30d, rpo: 24h}",
            ),
            ('    daily-backup: {cron: "0 2 * * *", timezone: Asia/Kolkata, keep: 30d, namespaces: ["*"]}\n', ""),
        ),
        more='    daily-backup: {namespaces: ["*"], keep: 30d, timezone: Asia/Kolkata, cron: "0 2 * * *"}\n',
    ),
    "a duration and a default written out": Edit(
        stack=(("rpo: 24h", "rpo: 1d"), ("{mode: irsa}", "{}")),
        more="  velero-eks:tags: {}\n",
    ),
    "a policy's text with other whitespace and key order": Edit(
        code=((STORAGE, "bucket_policy(**arns))", "bucket_policy(**arns), indent=2, sort_keys=True)"),),
    ),
    "a policy's statements and actions in another order": Edit(
        code=(
            (IAM, '"s3:GetObject",\n            "s3:PutObject",', '"s3:PutObject",\n            "s3:GetObject",'),
            (IAM, '"Action": "s3:ListBucket"', '"Action": ["s3:ListBucket"]'),
            (IAM, "list(statements)", "list(reversed(statements))"),
        ),
    ),
    "an argument taken out into a function": Edit(
        code=(
            (IDENTITY, "max_session_duration=12 * 3600", "max_session_duration=_session()"),
            (IDENTITY, "class WorkloadIdentity(", "def _session():\n    return 43200\n\n\nclass WorkloadIdentity("),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PURE)
def test_a_pure_refactoring_is_no_difference(name: str, tmp_path: Path) -> None:
    made = difference(tmp_path, PURE[name])
    assert [fact.text for fact in made.facts] == []
    assert [(change.operation, change.urn, change.properties) for change in made.resources] == []
    assert (made.status, made.same, made.outputs) == ("same", custom(unedited()), {})


def test_an_alias_that_is_taken_away_again_is_no_difference(tmp_path: Path) -> None:
    renamed = PURE["a key renamed with an alias"]
    forgotten = Edit(code=renamed.code[:1])
    assert difference(tmp_path, forgotten, before=renamed).status == "same"


def test_a_rename_with_an_alias_and_another_value_is_an_update_under_the_new_name(tmp_path: Path) -> None:
    renamed = PURE["a key renamed with an alias"].code
    rotated = ((STORAGE, "enable_key_rotation=True", "enable_key_rotation=False"),)
    made = difference(tmp_path, Edit(code=(*renamed, *rotated)))
    (change,) = made.resources
    assert (change.operation, change.urn[-12:], (change.was or "")[-8:]) == ("update", "::velero-key", "::velero")
    assert [(one.path, one.old, one.new) for one in change.properties] == [("enableKeyRotation", True, False)]
