"""Every setting, changed in a stack in both directions: what `diff` says of the backups that exist is what its row in
`SETTING_EFFECTS` says."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from tests import setting_paths
from tests.velero_eks.diff import programs
from tests.velero_eks.diff.entries import entry, grant, stack
from tests.velero_eks.diff.test_edits import said
from velero_eks.diff.compare import compare
from velero_eks.diff.model import OLD_BACKUPS, OldBackups, StackDiff
from velero_eks.diff.setting_effects import SETTING_EFFECTS, SettingEffect

BUCKET = "velero-shop-111122223333-eu-west-1"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE0123456789ABCDEF"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
BASE: dict[str, Any] = {
    "region": "eu-west-1",
    "environment": "production",
    "cluster": {"name": "shop", "account": "111122223333", "kubernetesVersion": "1.34", "oidcIssuer": ISSUER},
    "schedules": {"daily": {"cron": "0 2 * * *", "keep": "30d"}},
}
CSI: dict[str, Any] = {"volumes.mode": "csi-snapshot"}
TIERED: dict[str, Any] = {"retentionTiers.NAME.daily": "30d"}
PASSWORD = {"secure": "v1:AAAAAAAAAAAAAAAA:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"}

# Of each setting a value and another (None leaves it out), and what else the stack says then. The row in
# SETTING_EFFECTS is about the change from the first to the second, its `back` about the way back.
CHANGES: dict[str, tuple[Any, Any] | tuple[Any, Any, dict[str, Any]]] = {
    "environment": ("production", "staging"),
    "region": ("eu-west-1", "eu-central-1", {"cluster.oidcIssuer": None, "identity.mode": "pod-identity"}),
    "cluster.name": ("shop", "shop2"),
    "cluster.account": ("111122223333", "444455556666"),
    "cluster.kubernetesVersion": ("1.34", "1.35"),
    "cluster.oidcIssuer": (ISSUER, ISSUER.replace("EXAMPLE", "ANOTHER")),
    "cluster.autoMode": (False, True, CSI),
    "cluster.context": ("one", "two"),
    "recovery.rpo": ("24h", "48h"),
    "recovery.retention": ("30d", "20d"),
    "recovery.namespaces": (["*"], ["shop"]),
    "recovery.excludedNamespaces": ([], ["test-*"]),
    "recovery.excludedResources": ([], ["secrets"]),
    "recovery.volumes": (None, False),
    "recovery.minimumCopies": (3, 2),
    "identity.mode": ("irsa", "pod-identity"),
    "identity.roleName": (None, "another"),
    "identity.permissionsBoundary": (None, "arn:aws:iam::111122223333:policy/limit"),
    "volumes.mode": ("csi-snapshot", "none"),
    "volumes.snapshotController": ("addon", "existing", CSI),
    "volumes.snapshotControllerVersion": (None, "v8.3.0-eksbuild.1", CSI),
    "storage.bucket": (None, "another-bucket"),
    "storage.prefix": (None, "shop"),
    "storage.kmsKeyArn": (None, KEY),
    "storage.keyDeletionWindowDays": (30, 20, {"environment": "staging"}),
    "storage.keyRotationDays": (365, 180),
    "storage.noncurrentDays": (60, 40),
    "storage.abortMultipartDays": (3, 4),
    "storage.accessLogs.bucket": ("logs-one", "logs-two"),
    "storage.accessLogs.prefix": (None, "velero", {"storage.accessLogs.bucket": "logs-one"}),
    "storage.breakGlass": ([], ["arn:aws:iam::111122223333:role/security"]),
    "storage.protect": (True, False, {"environment": "development"}),
    "storage.forceDestroy": (False, True, {"environment": "development"}),
    "storage.s3Url": (None, "https://minio.example.com"),
    "storage.s3ForcePathStyle": (False, True),
    "release.namespace": ("velero", "backups"),
    "release.name": ("velero", "other"),
    "release.serviceAccount": ("velero-server", "other"),
    "release.chart.repository": (None, "https://charts.example.com"),
    "release.chart.version": ("12.1.0", "12.1.1"),
    "release.image.repository": (None, "registry.example.com/velero"),
    "release.image.tag": ("v1.18.3", "v1.18.2"),
    "release.plugin.repository": (None, "registry.example.com/plugin"),
    "release.plugin.tag": (None, "v1.14.4"),
    "release.image.digest": (None, f"sha256:{'a' * 64}", {"release.image.tag": "v1.18.2"}),
    "release.image.version": (None, "1.18.2"),
    "release.plugin.digest": (None, f"sha256:{'a' * 64}", {"release.plugin.tag": "v1.14.4"}),
    "release.plugin.version": (None, "1.14.4"),
    "release.imagePullSecrets": ([], ["registry"]),
    "release.allowUntestedKubernetes": (False, True),
    "release.resources.cpuRequest": ("250m", "500m"),
    "release.resources.memoryRequest": ("256Mi", "512Mi"),
    "release.resources.cpuLimit": (None, "2"),
    "release.resources.memoryLimit": ("1Gi", "2Gi"),
    "release.priorityClass": ("system-cluster-critical", "other"),
    "release.disruptionBudget": (True, False),
    "release.clientQps": (1000, 500),
    "release.clientBurst": (1000, 500),
    "release.logLevel": ("info", "debug"),
    "release.timeoutSeconds": (600, 700),
    "release.helmValuesOverrides": ({}, {"tolerations": [{"operator": "Exists"}]}),
    "schedules.NAME.cron": ("0 2 * * *", "0 3 * * *"),
    "schedules.NAME.timezone": ("UTC", "Asia/Kolkata"),
    "schedules.NAME.keep": ("60d", "30d"),
    "schedules.NAME.namespaces": (["*"], ["shop"], {"recovery.namespaces": ["shop"]}),
    "schedules.NAME.excludedNamespaces": ([], ["test"]),
    "schedules.NAME.excludedResources": ([], ["events"]),
    "schedules.NAME.clusterResources": (True, False, {"recovery.namespaces": ["shop"]}),
    "schedules.NAME.paused": (False, True, {"schedules.other": {"cron": "0 4 * * *", "keep": "30d"}}),
    "schedules.NAME.minimumCopies": (None, 2),
    "schedules.NAME.eitherDayMatches": (False, True),
    "schedules.NAME.bothDaysMatch": (False, True),
    "retentionTiers.NAME.hourly": (None, "3d", TIERED),
    "retentionTiers.NAME.daily": ("30d", "40d", TIERED),
    "retentionTiers.NAME.weekly": ("8w", "9w", TIERED),
    "retentionTiers.NAME.monthly": ("365d", None, TIERED),
    "retentionTiers.NAME.yearly": (None, "1095d", TIERED),
    "retentionTiers.NAME.hour": (2, 3, TIERED),
    "retentionTiers.NAME.minute": (0, 5, TIERED),
    "retentionTiers.NAME.timezone": ("UTC", "Asia/Kolkata", TIERED),
    "retentionTiers.NAME.namespaces": (["*"], ["shop"], TIERED),
    "retentionTiers.NAME.excludedNamespaces": ([], ["test"], TIERED),
    "retentionTiers.NAME.excludedResources": ([], ["events"], TIERED),
    "retentionTiers.NAME.clusterResources": (None, True, TIERED),
    "retentionTiers.NAME.paused": (False, True, TIERED),
    "tags": ({}, {"team": "shop"}),
    "waivers": ({}, {"bucket-replication": "the other region has a copy of its own"}),
    "adopt.bucket": (None, BUCKET),
    "adopt.bucketSettings": ([], ["versioning"], {"adopt.bucket": BUCKET}),
    "adopt.key": (None, "11111111-2222-3333-4444-555555555555"),
    "adopt.keyAlias": (None, "alias/velero-shop"),
    "adopt.role": (None, "velero-shop-eu-west-1"),
    "adopt.rolePolicy": (None, "velero-backups", {"adopt.role": "velero-shop-eu-west-1"}),
    "adopt.podIdentityAssociation": (None, "a-abcdefgh12345678", {"identity.mode": "pod-identity"}),
    "adopt.snapshotController": (False, True, CSI),
    "adopt.snapshotClass": (None, "velero-ebs", CSI),
    "adopt.namespace": (None, "velero"),
    "adopt.repositorySecret": (None, "velero-repo-credentials", {"repositoryPassword": PASSWORD}),
    "adopt.release": (None, "velero"),
    "adopt.schedules": ([], ["daily"]),
    # The way back is the same: another password is made.
    "repositoryPassword": (None, PASSWORD),
}  # fmt: skip


def test_every_setting_has_its_row_and_no_row_is_of_a_setting_that_is_gone() -> None:
    there = set(setting_paths.settings())
    missing, gone = sorted(there - set(SETTING_EFFECTS)), sorted(set(SETTING_EFFECTS) - there)
    assert not missing, (
        f"say in velero_eks/diff/setting_effects.py what a change of {', '.join(missing)} does to the backups that"
        ' exist: a line `"PATH": _none("why nothing")`, or a SettingEffect; then run `python -m tests.generated`'
    )
    assert not gone, f"no such setting any more: take the row of {', '.join(gone)} away"


def test_every_setting_is_tried() -> None:
    missing, gone = sorted(set(SETTING_EFFECTS) - set(CHANGES)), sorted(set(CHANGES) - set(SETTING_EFFECTS))
    assert not missing, f"give CHANGES in {Path(__file__).name} two values of {', '.join(missing)}, a line each"
    assert not gone, f"no such setting any more: take {', '.join(gone)} out of CHANGES in {Path(__file__).name}"


HARMLESS = {path for path, row in SETTING_EFFECTS.items() if row.effect == row.opposite == ""}
# Refused beside another setting of its section.
ALONE = {"volumes.snapshotControllerVersion"}
SECTIONS = {
    section: list(paths)
    for section, paths in groupby(CHANGES, lambda path: path if path in ALONE else path.split(".")[0])
}


@pytest.mark.parametrize("path", [path for path in CHANGES if path not in HARMLESS])
def test_what_diff_says_of_the_backups_that_exist_is_what_the_settings_row_says(path: str) -> None:
    assert wrong([path], SETTING_EFFECTS[path]) == ""


@pytest.mark.parametrize("section", SECTIONS)
def test_nothing_is_said_of_the_backups_that_exist_where_the_rows_say_that_nothing_happens(section: str) -> None:
    # All of a section at once: facts add up. Where one is told, each by itself shows which setting it is.
    paths = [path for path in SECTIONS[section] if path in HARMLESS]
    if paths and wrong(paths, SETTING_EFFECTS[paths[0]]):
        assert [found for path in paths if (found := wrong([path], SETTING_EFFECTS[path]))] == []
        pytest.fail(wrong(paths, SETTING_EFFECTS[paths[0]]))


def wrong(paths: list[str], row: SettingEffect) -> str:
    """What `diff` says of settings that change together, where that is not what their row says."""
    one, other = stacks(paths)
    ways: tuple[tuple[Any, Any, OldBackups], ...] = ((one, other, row.effect), (other, one, row.opposite))
    for before, after, wanted in ways:
        made = compare("prod", before, after)
        risk = wanted not in ("", "less-undo", "unsure")
        if made.backups != wanted or bool(made.effects("risk")) != risk:
            return f"{', '.join(paths)}: {OLD_BACKUPS[wanted]}; diff says: {OLD_BACKUPS[made.backups]}{said(made)}"
    return ""


def test_a_change_that_a_row_calls_harmful_has_its_reason_and_a_way_out() -> None:
    without = [path for path, row in SETTING_EFFECTS.items() if row.effect not in ("", "less-undo") and not row.remedy]
    assert without == []
    assert [path for path, row in SETTING_EFFECTS.items() if not row.why] == []


def stacks(paths: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plans of both stacks of settings that change together."""
    base = copy.deepcopy(BASE)
    beside = {other: value for path in paths for other, value in dict(*CHANGES[path][2:]).items()}
    for other, value in beside.items():
        if other not in paths:
            put(base, other, value)
    return edited(*((path, CHANGES[path][0]) for path in paths), base=base), edited(
        *((path, CHANGES[path][1]) for path in paths), base=base
    )


def edited(*settings: tuple[str, Any], base: dict[str, Any] = BASE) -> dict[str, Any]:
    """The plan of a stack with settings."""
    mapping = copy.deepcopy(base)
    for path, value in settings:
        put(mapping, path, value)
    config = {f"{'aws' if key == 'region' else 'velero-eks'}:{key}": section for key, section in mapping.items()}
    return plan_of(yaml.safe_dump({"config": config}))


def put(mapping: dict[str, Any], path: str, value: Any) -> None:
    """Set what is at a path, through the sections that it leads through."""
    *sections, last = path.replace(".NAME.", ".daily.").split(".")
    for section in sections:
        mapping = mapping.setdefault(section, {})
    if value is None:
        mapping.pop(last, None)
    else:
        mapping[last] = value


@cache
def plan_of(text: str) -> dict[str, Any]:
    """The plan of this repository's program with a stack file."""
    with TemporaryDirectory() as folder:
        return programs.plan(programs.write_stack(Path(folder) / "project", text))


# What a change of code, or of two settings at once, does to them.


def told(made: StackDiff) -> Iterator[tuple[str, str]]:
    """The facts about existing backups."""
    for fact in made.facts:
        if fact.backups:
            yield fact.backups, fact.text


OTHER = KEY.replace("1111-", "9999-")
ROLE = "role velero-shop-eu-west-1"


def test_a_given_key_that_becomes_another_given_key_leaves_every_backup_so_far_behind() -> None:
    made = compare("prod", edited(("storage.kmsKeyArn", KEY)), edited(("storage.kmsKeyArn", OTHER)))
    assert list(told(made)) == [
        (
            "unreadable",
            f"Every backup so far in {BUCKET} becomes unreadable to {ROLE}: it stays encrypted with key {KEY}, and new"
            f" ones use key {OTHER}",
        )
    ]
    (fact,) = [fact for fact in made.facts if fact.backups]
    assert (fact.category, fact.effect) == ("retention", "risk")
    assert f"let the policy of key {KEY} allow the role kms:Decrypt" in fact.details[0]
    copied = f"s3://{BUCKET}/ s3://{BUCKET}/ --recursive --sse aws:kms --sse-kms-key-id {OTHER}"
    assert f"'aws s3 cp {copied}'" in fact.details[1]


def test_an_own_key_that_is_not_protected_is_deleted_and_the_backups_with_it() -> None:
    one = edited(("environment", "development"))
    other = edited(("environment", "development"), ("storage.kmsKeyArn", KEY))
    kinds = [kind for kind, _ in told(compare("prod", one, other))]
    assert sorted(kinds) == ["gone", "unreadable"]
    # Back again nothing is deleted: the given key is its owner's.
    assert [kind for kind, _ in told(compare("prod", other, one))] == ["unreadable"]


def test_another_bucket_and_another_key_at_once_are_told_as_the_bucket_that_velero_no_longer_looks_into() -> None:
    made = compare("prod", edited(), edited(("storage.bucket", "other-bucket"), ("storage.kmsKeyArn", KEY)))
    assert made.backups == "not-found"
    assert "unreadable" not in dict(told(made))


@pytest.mark.parametrize(
    ("one", "other", "moved"),
    [
        (None, "https://s3.eu-west-1.amazonaws.com", False),
        (None, "https://s3-fips.eu-west-1.amazonaws.com", False),
        (None, "https://vpce-1a2b3c4d.s3.eu-west-1.vpce.amazonaws.com", False),
        ("https://minio.example.com", "https://minio.example.com/", False),
        ("https://minio.example.com", "https://minio.example.com:9000", True),
        (None, "https://amazonaws.com.example.org", True),
    ],
)
def test_another_endpoint_is_another_store_unless_it_is_s3_of_the_region(one: Any, other: Any, moved: bool) -> None:
    made = compare("prod", located(one), located(other))
    assert made.backups == ("not-found" if moved else "")


def test_a_prefix_that_is_given_up_leaves_a_folder_that_velero_does_not_take_beside_its_own() -> None:
    at_top, below = edited(), edited(("storage.prefix", "teams/shop"))
    (back,) = [fact for fact in compare("prod", below, at_top).facts if fact.backups]
    assert "until teams/ is gone" in back.details[-1]
    assert "the location stays Unavailable" in back.details[-1]
    (away,) = [fact for fact in compare("prod", at_top, below).facts if fact.backups]
    assert "Unavailable" not in " ".join(away.details)


def located(url: str | None) -> dict[str, Any]:
    """A plan with a release whose location has an endpoint."""
    config = {"region": "eu-west-1", **({"s3Url": url} if url else {})}
    location = {"name": "default", "bucket": "b", "config": config}
    values = {"configuration": {"backupStorageLocation": [location]}}
    return stack(entry("kubernetes:helm.sh/v3:Release", "velero", {"name": "velero", "values": values}))


def test_a_role_that_loses_the_objects_or_the_key_by_an_edit_of_the_code_cannot_read_them() -> None:
    reads = [grant(ROLE_ARN, "s3:Get*", on="arn:aws:s3:::b/*"), grant(ROLE_ARN, "kms:*", on=KEY)]
    for left, words in ((reads[:1], "stays encrypted"), (reads[1:], "may no longer read objects")):
        made = compare("prod", stored(*reads), stored(*left))
        assert [(kind, words in text) for kind, text in told(made)] == [("unreadable", True)]


def test_a_role_that_keeps_the_old_key_beside_the_new_one_reads_both() -> None:
    old = [grant(ROLE_ARN, "s3:GetObject", on="arn:aws:s3:::b/*"), grant(ROLE_ARN, "kms:Decrypt", on=KEY)]
    made = compare("prod", stored(*old), stored(*old, grant(ROLE_ARN, "kms:Decrypt", on=OTHER), key=OTHER))
    assert list(told(made)) == []


def test_a_role_of_another_name_that_reads_the_old_key_is_no_loss() -> None:
    other = ROLE_ARN + "-other"
    old, new = (
        stored(grant(role, "s3:GetObject", on="arn:aws:s3:::b/*"), grant(role, "kms:Decrypt", on=KEY))
        for role in (ROLE_ARN, other)
    )
    assert list(told(compare("prod", old, new))) == []


def test_a_bucket_whose_key_changes_where_no_role_is_known_says_who_must_read_both() -> None:
    made = compare("prod", stored(), stored(key=OTHER))
    assert [kind for kind, _ in told(made)] == ["unsure"]
    # What S3's own key encrypted, everyone reads who may get the object.
    reads = grant(ROLE_ARN, "s3:GetObject", on="arn:aws:s3:::b/*")
    plain = compare("prod", stored(reads, key=None), stored(reads, grant(ROLE_ARN, "kms:Decrypt", on=KEY)))
    assert list(told(plain)) == []


ROLE_ARN = "arn:aws:iam::111122223333:role/velero"


def stored(*grants: dict[str, Any], key: str | None = KEY) -> dict[str, Any]:
    """A plan with a bucket, its key, and these grants."""
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key} if key else {"sseAlgorithm": "AES256"}
    rules = [{"applyServerSideEncryptionByDefault": default}]
    encryption = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    return stack(entry(encryption, "b", {"bucket": "b", "rules": rules}), grants=list(grants))


def test_a_key_that_the_stack_makes_is_told_by_its_alias_and_not_by_the_id_that_a_plan_makes_up():
    before = edited()
    [made_up] = {name for grant in before["grants"] for name in grant["resources"] if ":kms:" in name}
    facts = compare("prod", before, edited(("storage.kmsKeyArn", KEY))).facts
    said = "\n".join(line for fact in facts if fact.category != "updated" for line in (fact.text, *fact.details))
    assert "now refused: key alias/velero-" in said
    assert made_up not in said
