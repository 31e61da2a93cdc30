"""What a stack file may not say: each refused before any resource, with the field, the limit and the mend."""

from __future__ import annotations

from typing import Any

import pytest
from velero_on_eks.settings import InvalidSettings, Settings

from tests.support import mapping

KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b"


def faults(**sections: Any) -> list[tuple[str, Any, str]]:
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_mapping(mapping(**sections))
    return raised.value.faults


def schedule(**given: Any) -> dict[str, Any]:
    return {"schedules": {"daily-backup": {"cron": "0 2 * * *", "keep": "30d", **given}}}


def storage(**given: Any) -> dict[str, Any]:
    return {"storage": given}


def cluster(**given: Any) -> dict[str, Any]:
    return {"cluster": given}


def release(**given: Any) -> dict[str, Any]:
    return {"release": given}


# (what is wrong, sections, field, a part of the message). The groups are those of the security rules.
BUCKET_AND_PREFIX = [
    ("upper case", storage(bucket="Backups"), "storage.bucket", "lower-case"),
    ("underscore", storage(bucket="my_backups"), "storage.bucket", "lower-case"),
    ("too short", storage(bucket="ab"), "storage.bucket", "3 to 63"),
    ("too long", storage(bucket="b" * 64), "storage.bucket", "this one 64"),
    ("an address", storage(bucket="192.168.0.1"), "storage.bucket", "IP address"),
    ("punycode", storage(bucket="xn--backups"), "storage.bucket", "'xn--'"),
    ("reserved", storage(bucket="sthree-backups"), "storage.bucket", "'sthree-'"),
    ("an alias", storage(bucket="backups-s3alias"), "storage.bucket", "'-s3alias'"),
    ("two dots", storage(bucket="back..ups"), "storage.bucket", "dot beside"),
    ("edge hyphen", storage(bucket="-backups"), "storage.bucket", "begins and ends"),
    ("edge dot", storage(bucket="backups."), "storage.bucket", "begins and ends"),
    ("a slash", storage(bucket="backups/shop"), "storage.bucket", "storage.prefix"),
    ("prefix edge", storage(prefix="/shop"), "storage.prefix", "begins nor ends"),
    ("prefix end", storage(prefix="shop/"), "storage.prefix", "begins nor ends"),
    ("prefix double", storage(prefix="a//b"), "storage.prefix", "single '/'"),
    ("prefix empty", storage(prefix=""), "storage.prefix", "leave the field out"),
    (
        "logs at home",
        storage(bucket="backups", accessLogs={"bucket": "backups"}),
        "storage.accessLogs.bucket",
        "another",
    ),
]
REGION_ACCOUNT_ARN = [
    ("unknown region", {"region": "eu-west-9"}, "region", "did you mean"),
    ("short account", cluster(account="12345678901"), "cluster.account", "exactly 12 digits"),
    ("account as a number", cluster(account=12345678901), "cluster.account", "quote it"),
    (
        "key of another account",
        storage(kmsKeyArn=KEY.replace("111122223333", "444455556666")),
        "storage.kmsKeyArn",
        "account",
    ),
    (
        "key of another partition",
        storage(kmsKeyArn=KEY.replace("arn:aws:", "arn:aws-cn:")),
        "storage.kmsKeyArn",
        "partition",
    ),
    (
        "key of another region",
        storage(kmsKeyArn=KEY.replace("eu-west-1", "eu-west-2")),
        "storage.kmsKeyArn",
        "eu-west-2",
    ),
    ("AWS's own key", storage(kmsKeyArn="alias/aws/s3"), "storage.kmsKeyArn", "customer managed"),
    (
        "an alias",
        storage(kmsKeyArn="arn:aws:kms:eu-west-1:111122223333:alias/x"),
        "storage.kmsKeyArn",
        "not by an alias",
    ),
    ("no ARN", storage(kmsKeyArn="0a1b"), "storage.kmsKeyArn", "arn:partition:service"),
    (
        "issuer of another region",
        cluster(oidcIssuer="https://oidc.eks.us-east-1.amazonaws.com/id/ABC"),
        "cluster.oidcIssuer",
        "us-east-1",
    ),
    (
        "issuer without https",
        cluster(oidcIssuer="oidc.eks.eu-west-1.amazonaws.com/id/ABC"),
        "cluster.oidcIssuer",
        "https://",
    ),
    ("not an EKS issuer", cluster(oidcIssuer="https://issuer.example.com"), "cluster.oidcIssuer", "describe-cluster"),
    (
        "issuer of another partition",
        cluster(oidcIssuer="https://oidc.eks.eu-west-1.amazonaws.com.cn/id/ABC"),
        "cluster.oidcIssuer",
        "partition aws ",
    ),
    ("bad cluster name", cluster(name="-shop"), "cluster.name", "EKS cluster name"),
]
IDENTITY = [
    ("no mode", {"identity": {"mode": None}}, "identity.mode", "irsa"),
    ("both modes", {"identity": {"mode": ["irsa", "pod-identity"]}}, "identity.mode", "irsa"),
    ("unknown mode", {"identity": {"mode": "keys"}}, "identity.mode", "pod-identity"),
    ("long role name", {"identity": {"roleName": "r" * 65}}, "identity.roleName", "1 to 64"),
    ("wildcard role", {"identity": {"roleName": "velero-*"}}, "identity.roleName", "wildcard"),
    ("wildcard account", release(serviceAccount="*"), "release.serviceAccount", "wildcard"),
    ("wildcard namespace", release(namespace="velero-*"), "release.namespace", "wildcard"),
    (
        "administrator",
        {"identity": {"permissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}},
        "identity.permissionsBoundary",
        "bounds nothing",
    ),
    (
        "static keys",
        release(helmValuesOverrides={"credentials": {"useSecret": True}}),
        "release.helmValuesOverrides",
        "role",
    ),
    (
        "other account name",
        release(helmValuesOverrides={"serviceAccount": {"server": {"name": "x"}}}),
        "release.helmValuesOverrides",
        "release.serviceAccount",
    ),
]
SCHEDULES = [
    ("empty", schedule(cron=""), "schedules.daily-backup.cron", ""),
    ("out of range", schedule(cron="61 2 * * *"), "schedules.daily-backup.cron", "59"),
    ("six fields", schedule(cron="0 0 2 * * *"), "schedules.daily-backup.cron", "5"),
    ("never", schedule(cron="0 0 30 2 *"), "schedules.daily-backup.cron", "never"),
    ("day seven", schedule(cron="0 2 * * 7"), "schedules.daily-backup.cron", "SUN"),
    ("last day", schedule(cron="0 2 L * *"), "schedules.daily-backup.cron", "L"),
    ("nth day", schedule(cron="0 2 * * 1#2"), "schedules.daily-backup.cron", "#"),
    ("either day", schedule(cron="0 2 1 * 1"), "schedules.daily-backup", "EITHER"),
    ("too often", schedule(cron="@every 1m"), "schedules.daily-backup.cron", "shortest interval"),
    ("every five minutes", schedule(cron="*/5 * * * *"), "schedules.daily-backup.cron", "15 min"),
    ("unknown zone", schedule(timezone="Asia/Calcuta"), "schedules.daily-backup.timezone", "Asia/Calcutta"),
    ("two zones", schedule(cron="CRON_TZ=UTC 0 2 * * *", timezone="Asia/Kolkata"), "schedules.daily-backup", "twice"),
    ("upper-case name", {"schedules": {"Daily": {"cron": "@daily", "keep": "30d"}}}, "schedules.Daily", "RFC 1123"),
    ("long name", {"schedules": {"d" * 49: {"cron": "@daily", "keep": "30d"}}}, f"schedules.{'d' * 49}", "48"),
    ("keep without unit", schedule(keep="30"), "schedules.daily-backup.keep", "30"),
    ("keep negative", schedule(keep="-1d"), "schedules.daily-backup.keep", ""),
    ("gone before the next", schedule(keep="24h"), "schedules.daily-backup.keep", "before the next"),
    ("too few copies", schedule(keep="2d"), "schedules.daily-backup.keep", "fewer than 3"),
    (
        "in and out",
        schedule(namespaces=["shop"], excludedNamespaces=["shop"]),
        "schedules.daily-backup",
        "both in namespaces",
    ),
    ("star and name", schedule(namespaces=["*", "shop"]), "schedules.daily-backup.namespaces", "alone"),
    ("star excluded", schedule(excludedNamespaces=["*"]), "schedules.daily-backup.excludedNamespaces.0", "wildcard"),
    ("a name twice", schedule(namespaces=["shop", "shop"]), "schedules.daily-backup.namespaces", "twice"),
    ("other location", schedule(storageLocation="other"), "schedules.daily-backup.storageLocation", "unknown key"),
    ("Velero itself", schedule(namespaces=["velero"]), "schedules.daily-backup.namespaces", "own namespace"),
    ("none", {"schedules": {}}, "schedules", "there is none"),
    ("all paused", schedule(paused=True), "schedules", "all of them are paused"),
    (
        "rpo missed",
        {**schedule(), "recovery": {"rpo": "12h", "retention": "30d", "namespaces": ["shop"]}},
        "recovery",
        "daily-backup runs every 24 h",
    ),
    (
        "retention missed",
        {**schedule(), "recovery": {"rpo": "24h", "retention": "60d"}},
        "recovery",
        "keeps 30d",
    ),
    (
        "not covered",
        {**schedule(namespaces=["shop"]), "recovery": {"rpo": "24h", "retention": "30d", "namespaces": ["pay"]}},
        "recovery.namespaces",
        "no running schedule takes it",
    ),
]
VERSIONS = [
    ("chart range", release(chart={"version": "^12.0"}), "release.chart.version", "exact"),
    ("chart latest", release(chart={"version": "latest"}), "release.chart.version", "exact"),
    ("image latest", release(image={"tag": "latest"}), "release.image.tag", "one release"),
    ("image main", release(image={"tag": "main"}), "release.image.tag", "one release"),
    ("chart of another line", release(chart={"version": "11.0.0"}), "release.chart.version", "chart 12.x"),
    ("plugin of another line", release(plugin={"tag": "v1.13.0"}), "release.plugin.tag", "1.14.x"),
    ("unknown Velero", release(image={"tag": "v2.0.0"}), "release.image.tag", "compatibility table"),
    ("Kubernetes too old", cluster(kubernetesVersion="1.30"), "cluster.kubernetesVersion", "1.33 to 1.35"),
    ("Kubernetes as a number", cluster(kubernetesVersion=1.30), "cluster.kubernetesVersion", "quote it"),
    ("a CSI plugin", release(helmValuesOverrides={"initContainers": []}), "release.helmValuesOverrides", "1.14"),
    (
        "cleanUpCRDs",
        release(helmValuesOverrides={"cleanUpCRDs": True}),
        "release.helmValuesOverrides.cleanUpCRDs",
        "every",
    ),
    (
        "second location",
        release(helmValuesOverrides={"configuration": {"backupStorageLocation": []}}),
        "release.helmValuesOverrides",
        "set storage",
    ),
    ("plain http", storage(s3Url="http://s3.local"), "storage.s3Url", "https://"),
    ("public password", {"repositoryPassword": "static-passw0rd"}, "repositoryPassword", "public default"),
    ("weak password", {"repositoryPassword": "secret"}, "repositoryPassword", "at least 20"),
]
PROTECTION = [
    ("KMS window", storage(keyDeletionWindowDays=6), "storage.keyDeletionWindowDays", "7 to 30"),
    ("KMS window in production", storage(keyDeletionWindowDays=7), "storage.keyDeletionWindowDays", "30 days"),
    ("rotation", storage(keyRotationDays=30), "storage.keyRotationDays", "90 to 2560"),
    ("forceDestroy", storage(forceDestroy=True), "storage.forceDestroy", "production"),
    ("unprotected", storage(protect=False), "storage.protect", "production"),
    ("short undo", storage(noncurrentDays=1), "storage.noncurrentDays", "at least 14"),
    ("expiry of current objects", storage(expireDays=90), "storage.expireDays", "unknown key"),
]
VOLUMES = [
    (
        "native on Auto Mode",
        {**cluster(autoMode=True), "volumes": {"mode": "native-snapshot"}},
        "volumes.mode",
        "csi-snapshot",
    ),
    ("native elsewhere", {"volumes": {"mode": "native-snapshot"}}, "volumes.mode", "not offered yet"),
    ("file system", {"volumes": {"mode": "fs-backup"}}, "volumes.mode", "not offered yet"),
    ("unknown", {"volumes": {"mode": "tape"}}, "volumes.mode", "csi-snapshot"),
    ("controller without snapshots", {"volumes": {"snapshotController": "existing"}}, "volumes", "belongs to"),
]
UNKNOWN_KEYS = [
    ("section", {"scheduels": {}}, "scheduels", "did you mean schedules"),
    ("field", storage(buckett="x"), "storage.buckett", "did you mean bucket"),
    ("deep", release(chart={"verison": "12.1.0"}), "release.chart.verison", "did you mean version"),
    ("in a schedule", schedule(ttl="720h"), "schedules.daily-backup.ttl", "Valid here: cron"),
    ("snake case", storage(kms_key_arn=KEY), "storage.kms_key_arn", "kmsKeyArn"),
]
ALL = {
    "bucket": BUCKET_AND_PREFIX,
    "arn": REGION_ACCOUNT_ARN,
    "identity": IDENTITY,
    "schedules": SCHEDULES,
    "versions": VERSIONS,
    "protection": PROTECTION,
    "volumes": VOLUMES,
    "keys": UNKNOWN_KEYS,
}


@pytest.mark.parametrize(
    ("sections", "field", "part"),
    [pytest.param(*case[1:], id=f"{group}: {case[0]}") for group, cases in ALL.items() for case in cases],
)
def test_is_refused_with_its_field_and_what_to_do(sections, field, part):
    found = faults(**sections)
    assert [message for name, _, message in found if name == field and part in message], found


def test_a_required_section_that_is_missing_is_named():
    given = mapping()
    del given["cluster"]
    with pytest.raises(InvalidSettings, match="velero-eks:cluster"):
        Settings.from_mapping(given)


def test_faults_of_all_sections_and_rules_come_at_once():
    found = faults(
        storage={"bucket": "My_Bucket", "keyRotationDays": 1},
        schedules={"a": {"cron": "0 2 * * 7", "keep": "x"}},
        release={"plugin": {"tag": "v1.13.0"}},
        cluster={"oidcIssuer": "https://oidc.eks.us-east-1.amazonaws.com/id/A"},
    )
    assert {name for name, _, _ in found} == {
        "storage.bucket",
        "storage.keyRotationDays",
        "schedules.a.cron",
        "schedules.a.keep",
        "release.plugin.tag",
        "cluster.oidcIssuer",
    }
