"""What a stack file may not say: each refused before any resource, with the field, the limit and the fix."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from velero_on_eks.settings import InvalidSettings, Refusal, Settings, render
from velero_on_eks.settings.invalid import as_written
from velero_on_eks.settings.refusals import HIDDEN, MISSING, smells

from tests.support import mapping

BOUNDARY = "identity.permissionsBoundary"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b"


def refused(**sections: Any) -> tuple[Refusal, ...]:
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_mapping(mapping(**sections))
    return raised.value.refusals


# The last version of Velero that reads crons with robfig/cron.
ROBFIG = {"release": {"image": {"tag": "v1.18.2"}}}


def schedule(**given: Any) -> dict[str, Any]:
    return {"schedules": {"daily-backup": {"cron": "0 2 * * *", "keep": "30d", **given}}}


def storage(**given: Any) -> dict[str, Any]:
    return {"storage": given}


def cluster(**given: Any) -> dict[str, Any]:
    return {"cluster": given}


def release(**given: Any) -> dict[str, Any]:
    return {"release": given}


def glass(*arns: str) -> dict[str, Any]:
    return storage(breakGlass=list(arns))


# (what is wrong, its code, sections, field, a part of the sentence). The groups are those of the security rules.
BUCKET_AND_PREFIX = [
    ("upper case", "bucket-name", storage(bucket="Backups"), "storage.bucket", "lower-case"),
    ("underscore", "bucket-name", storage(bucket="my_backups"), "storage.bucket", "lower-case"),
    ("too short", "bucket-name", storage(bucket="ab"), "storage.bucket", "3 to 63"),
    ("too long", "bucket-name", storage(bucket="b" * 64), "storage.bucket", "this one 64"),
    ("an address", "bucket-name", storage(bucket="192.168.0.1"), "storage.bucket", "IP address"),
    ("punycode", "bucket-name-reserved", storage(bucket="xn--backups"), "storage.bucket", "'xn--'"),
    ("reserved", "bucket-name-reserved", storage(bucket="sthree-backups"), "storage.bucket", "'sthree-'"),
    ("an alias", "bucket-name-reserved", storage(bucket="backups-s3alias"), "storage.bucket", "'-s3alias'"),
    ("two dots", "bucket-name", storage(bucket="back..ups"), "storage.bucket", "dot beside"),
    ("edge hyphen", "bucket-name", storage(bucket="-backups"), "storage.bucket", "begins and ends"),
    ("edge dot", "bucket-name", storage(bucket="backups."), "storage.bucket", "begins and ends"),
    ("a slash", "bucket-name", storage(bucket="backups/shop"), "storage.bucket", "storage.prefix"),
    ("prefix edge", "key-prefix", storage(prefix="/shop"), "storage.prefix", "not begin or end"),
    ("prefix end", "key-prefix", storage(prefix="shop/"), "storage.prefix", "not begin or end"),
    ("prefix double", "key-prefix", storage(prefix="a//b"), "storage.prefix", "single '/'"),
    ("prefix with a star", "key-prefix", storage(prefix="team-*"), "storage.prefix", "wildcards"),
    ("prefix of a star", "key-prefix", storage(prefix="*"), "storage.prefix", "wildcards"),
    ("prefix with a question mark", "key-prefix", storage(prefix="team-?"), "storage.prefix", "wildcards"),
    ("prefix upwards", "key-prefix", storage(prefix="../x"), "storage.prefix", "'..' folders"),
    ("prefix through the parent", "key-prefix", storage(prefix="a/../b"), "storage.prefix", "'..' folders"),
    ("prefix of a dot", "key-prefix", storage(prefix="./a"), "storage.prefix", "'..' folders"),
    ("prefix with a variable", "key-prefix", storage(prefix="${aws:userid}"), "storage.prefix", "made of"),
    (
        "log prefix with a star",
        "key-prefix",
        storage(accessLogs={"bucket": "logs", "prefix": "velero-*"}),
        "storage.accessLogs.prefix",
        "wildcards",
    ),
    ("prefix empty", "key-prefix", storage(prefix=""), "storage.prefix", "omit the field"),
    (
        "logs at home",
        "logs-in-own-bucket",
        storage(bucket="backups", accessLogs={"bucket": "backups"}),
        "storage.accessLogs.bucket",
        "another",
    ),
]
REGION_ACCOUNT_ARN = [
    ("unknown region", "region", {"region": "eu-west-9"}, "region", "did you mean"),
    ("short account", "account-id", cluster(account="12345678901"), "cluster.account", "exactly 12 digits"),
    ("no value", "no-value", schedule(timezone=None), "schedules.daily-backup.timezone", "remove the line"),
    ("account with hyphens", "account-id", cluster(account="1234-5678-9012"), "cluster.account", '"123456789012"'),
    ("account with spaces", "account-id", cluster(account="1234 5678 9012"), "cluster.account", '"123456789012"'),
    ("account as a short number", "account-number", cluster(account=31), "cluster.account", "get-caller-identity"),
    (
        "account as a large number",
        "account-number",
        cluster(account=210987654321),
        "cluster.account",
        'quote it: "210987654321"',
    ),
    ("account as a number", "account-number", cluster(account=12345678901), "cluster.account", "quote it"),
    (
        "key of another partition",
        "arn-partition",
        storage(kmsKeyArn=KEY.replace("arn:aws:", "arn:aws-cn:")),
        "storage.kmsKeyArn",
        "partition",
    ),
    (
        "key of another region",
        "key-region",
        storage(kmsKeyArn=KEY.replace("eu-west-1", "eu-west-2")),
        "storage.kmsKeyArn",
        "eu-west-2",
    ),
    *(
        (f"key pattern {number}", "kms-key-arn", storage(kmsKeyArn=arn), "storage.kmsKeyArn", "patterns")
        for number, arn in enumerate(
            (
                KEY.replace("0a1b", "${aws:userid}"),
                KEY.replace("0a1b", "*"),
                KEY.replace("0a1b", "0a1?"),
                KEY.replace("111122223333", "*"),
                KEY.replace("eu-west-1", "*"),
                KEY.replace("111122223333", ""),
            )
        )
    ),
    *(
        (f"boundary pattern {number}", "policy-arn", {"identity": {"permissionsBoundary": arn}}, BOUNDARY, "wildcards")
        for number, arn in enumerate(
            (
                "arn:aws:iam::111122223333:policy/*",
                "arn:aws:iam::*:policy/Bound",
                "arn:aws:iam::111122223333:policy/${aws:username}",
                "arn:aws:iam::111122223333:policy/team/",
                "arn:aws:iam:eu-west-1:111122223333:policy/Bound",
            )
        )
    ),
    ("AWS's own key", "aws-managed-key", storage(kmsKeyArn="alias/aws/s3"), "storage.kmsKeyArn", "customer managed"),
    (
        "an alias",
        "kms-key-arn",
        storage(kmsKeyArn="arn:aws:kms:eu-west-1:111122223333:alias/x"),
        "storage.kmsKeyArn",
        "not an alias",
    ),
    ("no ARN", "arn", storage(kmsKeyArn="0a1b"), "storage.kmsKeyArn", "arn:partition:service"),
    (
        "issuer of another region",
        "issuer-region",
        cluster(oidcIssuer="https://oidc.eks.us-east-1.amazonaws.com/id/ABC"),
        "cluster.oidcIssuer",
        "us-east-1",
    ),
    (
        "issuer without https",
        "oidc-issuer",
        cluster(oidcIssuer="oidc.eks.eu-west-1.amazonaws.com/id/ABC"),
        "cluster.oidcIssuer",
        "https://",
    ),
    (
        "not an EKS issuer",
        "oidc-issuer",
        cluster(oidcIssuer="https://issuer.example.com"),
        "cluster.oidcIssuer",
        "describe-cluster",
    ),
    (
        "issuer of another partition",
        "issuer-partition",
        cluster(oidcIssuer="https://oidc.eks.eu-west-1.amazonaws.com.cn/id/ABC"),
        "cluster.oidcIssuer",
        "partition aws ",
    ),
    ("bad cluster name", "cluster-name", cluster(name="-shop"), "cluster.name", "EKS cluster name"),
]
GLASS = "storage.breakGlass.0"
IAM, STS = "arn:aws:iam::111122223333", "arn:aws:sts::111122223333"
_NOT_A_PRINCIPAL = (
    ("a session", f"{STS}:assumed-role/deploy/ci-1234", f"write {IAM}:role/deploy"),
    (
        "a session in China",
        "arn:aws-cn:sts::111122223333:assumed-role/a/b",
        "write arn:aws-cn:iam::111122223333:role/a",
    ),
    ("a federated user", f"{STS}:federated-user/anna", "name the role or the users by"),
    ("root", f"{IAM}:root", "root remains the way back in"),
    ("an account", "111122223333", "name roles or users"),
    ("everyone", "*", "full ARN"),
    ("every role", f"{IAM}:role/*", "created later"),
    ("roles that begin so", f"{IAM}:role/deploy-*", "created later"),
    ("roles with one more letter", f"{IAM}:role/deploy?", "created later"),
    ("whoever asks", f"{IAM}:role/${{aws:username}}", "matches any caller"),
    ("an OIDC provider", f"{IAM}:oidc-provider/token.actions.githubusercontent.com", "sends no requests"),
    ("a SAML provider", f"{IAM}:saml-provider/okta", "sends no requests"),
    ("a service", "pods.eks.amazonaws.com", "AWS services have no ARN"),
    ("a service in China", "ec2.amazonaws.com.cn", "AWS services have no ARN"),
    ("a group", f"{IAM}:group/admins", "requests come from its users"),
    ("an instance profile", f"{IAM}:instance-profile/ci", "requests come from its role"),
    ("a policy", f"{IAM}:policy/BreakGlass", "is not a principal"),
    ("a name", "velero-deploy", "full ARN"),
    ("a path without an ARN", "role/velero-deploy", "full ARN"),
    ("a typo in the kind", f"{IAM}:rol/deploy", "full ARN"),
    ("an upper-case kind", f"{IAM}:Role/deploy", "full ARN"),
    ("a typo in the service", "arn:aws:ian::111122223333:role/deploy", "full ARN"),
    ("an ARN with a region", "arn:aws:iam:eu-west-1:111122223333:role/deploy", "full ARN"),
    ("a short account", "arn:aws:iam::11112222333:role/deploy", "full ARN"),
    ("no account", "arn:aws:iam:::role/deploy", "full ARN"),
    ("no name", f"{IAM}:role/", "full ARN"),
    ("a long name", f"{IAM}:role/{'r' * 65}", "full ARN"),
    ("a space inside", f"{IAM}:role/velero deploy", "full ARN"),
    ("two in one", f"{IAM}:role/a,{IAM}:role/b", "full ARN"),
    ("nothing", "", "full ARN"),
)
BREAK_GLASS = [
    *((f"break-glass: {what}", "principal-arn", glass(arn), GLASS, said) for what, arn, said in _NOT_A_PRINCIPAL),
    ("another account's", "arn-account", glass("arn:aws:iam::999988887777:role/deploy"), GLASS, "of this account"),
    (
        "another partition's",
        "arn-partition",
        glass("arn:aws-cn:iam::111122223333:role/deploy"),
        GLASS,
        "write arn:aws:",
    ),
    ("Velero's own role", "break-glass-velero", glass(f"{IAM}:role/velero-shop-eu-west-1"), GLASS, "own role"),
    (
        "Velero's role by its given name",
        "break-glass-velero",
        {**glass(f"{IAM}:role/team/backups"), "identity": {"mode": "irsa", "roleName": "backups"}},
        GLASS,
        "Velero's own role",
    ),
    (
        "one twice",
        "twice",
        glass(f"{IAM}:role/a", f"{IAM}:role/b", f"{IAM}:role/a"),
        "storage.breakGlass",
        "write each",
    ),
    (
        "too many",
        "break-glass-many",
        glass(*(f"{IAM}:role/r{number}" for number in range(21))),
        "storage.breakGlass",
        "at most 20",
    ),
    ("break-glass as one text", "not-a-list", storage(breakGlass=f"{IAM}:role/a"), "storage.breakGlass", "list"),
]
IDENTITY = [
    ("no mode", "not-one-of", {"identity": {"mode": None}}, "identity.mode", "irsa"),
    ("both modes", "not-one-of", {"identity": {"mode": ["irsa", "pod-identity"]}}, "identity.mode", "irsa"),
    ("unknown mode", "not-one-of", {"identity": {"mode": "keys"}}, "identity.mode", "pod-identity"),
    ("long role name", "role-name", {"identity": {"roleName": "r" * 65}}, "identity.roleName", "1 to 64"),
    ("wildcard role", "wildcard", {"identity": {"roleName": "velero-*"}}, "identity.roleName", "wildcard"),
    ("wildcard account", "wildcard", release(serviceAccount="*"), "release.serviceAccount", "wildcard"),
    ("wildcard namespace", "wildcard", release(namespace="velero-*"), "release.namespace", "wildcard"),
    *(
        (
            f"namespace {name}",
            "reserved-namespace",
            release(namespace=name),
            "release.namespace",
            "belongs to Kubernetes",
        )
        for name in ("kube-system", "default", "kube-public", "kube-node-lease", "kube-flannel")
    ),
    *(
        (
            f"adopted {name}",
            "reserved-namespace",
            {"adopt": {"namespace": name}},
            "adopt.namespace",
            "belongs to Kubernetes",
        )
        for name in ("kube-system", "default", "kube-public", "kube-node-lease", "kube-flannel")
    ),
    (
        "everyone's account",
        "default-service-account",
        release(serviceAccount="default"),
        "release.serviceAccount",
        "Velero's role",
    ),
    (
        "administrator",
        "boundless-boundary",
        {"identity": {"permissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}},
        "identity.permissionsBoundary",
        "limits nothing",
    ),
    (
        "static keys",
        "owned-helm-value",
        release(helmValuesOverrides={"credentials": {"useSecret": True}}),
        "release.helmValuesOverrides.credentials",
        "role",
    ),
    (
        "other account name",
        "owned-helm-value",
        release(helmValuesOverrides={"serviceAccount": {"server": {"name": "x"}}}),
        "release.helmValuesOverrides.serviceAccount.server.name",
        "release.serviceAccount",
    ),
]
SCHEDULES = [
    ("empty", "cron", schedule(cron=""), "schedules.daily-backup.cron", ""),
    ("out of range", "cron-field", schedule(cron="61 2 * * *"), "schedules.daily-backup.cron", "59"),
    ("six fields", "cron-fields", schedule(cron="0 0 2 * * *"), "schedules.daily-backup.cron", "5"),
    ("never", "cron-never", schedule(cron="0 0 30 2 *"), "schedules.daily-backup.cron", "never"),
    ("day seven", "cron-field", {**ROBFIG, **schedule(cron="0 2 * * 7")}, "schedules.daily-backup.cron", "SUN"),
    ("day eight", "cron-field", schedule(cron="0 2 * * 8"), "schedules.daily-backup.cron", "SUN"),
    ("last day", "cron-field", schedule(cron="0 2 L * *"), "schedules.daily-backup.cron", "L"),
    ("nth day", "cron-field", schedule(cron="0 2 * * 1#2"), "schedules.daily-backup.cron", "#"),
    ("either day", "either-day", {**ROBFIG, **schedule(cron="0 2 1 * 1")}, "schedules.daily-backup", "EITHER"),
    ("both days", "both-days", schedule(cron="0 2 1 * 1"), "schedules.daily-backup", "BOTH"),
    ("too often", "interval-below-a-minute", schedule(cron="@every 59s"), "schedules.daily-backup.cron", "1 min"),
    ("every second", "interval-below-a-minute", schedule(cron="@every 1s"), "schedules.daily-backup.cron", "1 min"),
    ("unknown zone", "timezone", schedule(timezone="Asia/Calcuta"), "schedules.daily-backup.timezone", "Asia/Calcutta"),
    (
        "two zones",
        "zone-twice",
        schedule(cron="CRON_TZ=UTC 0 2 * * *", timezone="Asia/Kolkata"),
        "schedules.daily-backup",
        "twice",
    ),
    (
        "upper-case name",
        "kubernetes-name",
        {"schedules": {"Daily": {"cron": "@daily", "keep": "30d"}}},
        "schedules.Daily",
        "RFC 1123",
    ),
    (
        "long name",
        "schedule-name",
        {"schedules": {"d" * 49: {"cron": "@daily", "keep": "30d"}}},
        f"schedules.{'d' * 49}",
        "48",
    ),
    ("keep without unit", "duration", schedule(keep="30"), "schedules.daily-backup.keep", "30"),
    ("keep negative", "duration", schedule(keep="-1d"), "schedules.daily-backup.keep", ""),
    (
        "gone before the next",
        "retention-below-interval",
        schedule(keep="24h"),
        "schedules.daily-backup.keep",
        "before the next",
    ),
    ("too few copies", "too-few-copies", schedule(keep="2d"), "schedules.daily-backup.keep", "fewer than 3"),
    (
        "in and out",
        "in-and-out",
        schedule(namespaces=["shop"], excludedNamespaces=["shop"]),
        "schedules.daily-backup",
        "both in namespaces",
    ),
    (
        "star and name",
        "star-and-names",
        schedule(namespaces=["*", "shop"]),
        "schedules.daily-backup.namespaces",
        "alone",
    ),
    (
        "star excluded",
        "wildcard",
        schedule(excludedNamespaces=["*"]),
        "schedules.daily-backup.excludedNamespaces.0",
        "wildcard",
    ),
    ("a name twice", "twice", schedule(namespaces=["shop", "shop"]), "schedules.daily-backup.namespaces", "twice"),
    (
        "other location",
        "unknown-key",
        schedule(storageLocation="other"),
        "schedules.daily-backup.storageLocation",
        "unknown key",
    ),
    (
        "Velero itself",
        "velero-backs-itself-up",
        schedule(namespaces=["velero"]),
        "schedules.daily-backup.namespaces",
        "own namespace",
    ),
    ("none", "production-no-schedule", {"schedules": {}}, "schedules", "there is none"),
    ("all paused", "production-no-schedule", schedule(paused=True), "schedules", "all of them are paused"),
    (
        "rpo missed",
        "objective-missed",
        {**schedule(), "recovery": {"rpo": "12h", "retention": "30d", "namespaces": ["shop"]}},
        "recovery",
        "daily-backup runs every 24 h",
    ),
    (
        "retention missed",
        "objective-missed",
        {**schedule(), "recovery": {"rpo": "24h", "retention": "60d"}},
        "recovery",
        "keeps 30d",
    ),
    (
        "not covered",
        "namespace-not-covered",
        {**schedule(namespaces=["shop"]), "recovery": {"rpo": "24h", "retention": "30d", "namespaces": ["pay"]}},
        "recovery.namespaces",
        "no running schedule includes it",
    ),
]
VERSIONS = [
    ("chart range", "chart-version", release(chart={"version": "^12.0"}), "release.chart.version", "exact"),
    ("chart latest", "chart-version", release(chart={"version": "latest"}), "release.chart.version", "exact"),
    ("image latest", "image-tag", release(image={"tag": "latest"}), "release.image.tag", "one release"),
    ("image main", "image-tag", release(image={"tag": "main"}), "release.image.tag", "one release"),
    (
        "chart of another line",
        "chart-of-another-velero",
        release(chart={"version": "11.0.0"}),
        "release.chart.version",
        "chart 12.x",
    ),
    ("plugin of another line", "plugin-version", release(plugin={"tag": "v1.13.0"}), "release.plugin.tag", "1.14.x"),
    (
        "unknown Velero",
        "velero-version",
        release(image={"tag": "v2.0.0"}),
        "release.image.tag",
        "installed and rehearsed",
    ),
    (
        "Kubernetes too old",
        "untested-kubernetes",
        cluster(kubernetesVersion="1.30"),
        "cluster.kubernetesVersion",
        "1.33 to 1.35",
    ),
    (
        "Kubernetes as a number",
        "kubernetes-version-number",
        cluster(kubernetesVersion=1.30),
        "cluster.kubernetesVersion",
        "quote it",
    ),
    (
        "a CSI plugin",
        "owned-helm-value",
        release(helmValuesOverrides={"initContainers": []}),
        "release.helmValuesOverrides.initContainers",
        "1.14",
    ),
    (
        "cleanUpCRDs",
        "production-clean-up-crds",
        release(helmValuesOverrides={"cleanUpCRDs": True}),
        "release.helmValuesOverrides.cleanUpCRDs",
        "every",
    ),
    (
        "second location",
        "owned-helm-value",
        release(helmValuesOverrides={"configuration": {"backupStorageLocation": []}}),
        "release.helmValuesOverrides.configuration.backupStorageLocation",
        "set storage",
    ),
    ("plain http", "production-plain-http", storage(s3Url="http://s3.local"), "storage.s3Url", "https://"),
    (
        "public password",
        "public-password",
        {"repositoryPassword": "static-passw0rd"},
        "repositoryPassword",
        "public default",
    ),
    ("weak password", "weak-password", {"repositoryPassword": "secret"}, "repositoryPassword", "at least 20"),
]
PROTECTION = [
    ("KMS window", "out-of-range", storage(keyDeletionWindowDays=6), "storage.keyDeletionWindowDays", "7 to 30"),
    (
        "KMS window in production",
        "production-key-window",
        storage(keyDeletionWindowDays=7),
        "storage.keyDeletionWindowDays",
        "30 days",
    ),
    ("rotation", "out-of-range", storage(keyRotationDays=30), "storage.keyRotationDays", "90 to 2560"),
    ("forceDestroy", "production-force-destroy", storage(forceDestroy=True), "storage.forceDestroy", "production"),
    ("unprotected", "production-protect", storage(protect=False), "storage.protect", "production"),
    ("short undo", "production-noncurrent-days", storage(noncurrentDays=1), "storage.noncurrentDays", "at least 14"),
    ("expiry of current objects", "unknown-key", storage(expireDays=90), "storage.expireDays", "unknown key"),
]
VOLUMES = [
    (
        "native on Auto Mode",
        "native-snapshot-auto-mode",
        {**cluster(autoMode=True), "volumes": {"mode": "native-snapshot"}},
        "volumes.mode",
        "csi-snapshot",
    ),
    ("native elsewhere", "volume-mode", {"volumes": {"mode": "native-snapshot"}}, "volumes.mode", "not supported yet"),
    ("file system", "volume-mode", {"volumes": {"mode": "fs-backup"}}, "volumes.mode", "not supported yet"),
    ("unknown", "not-one-of", {"volumes": {"mode": "tape"}}, "volumes.mode", "csi-snapshot"),
    (
        "controller without snapshots",
        "snapshot-controller-without-snapshots",
        {"volumes": {"snapshotController": "existing"}},
        "volumes",
        "belongs to",
    ),
]


def s3_url(url: str, **others: Any) -> dict[str, Any]:
    return storage(s3Url=url, **others)


S3_URL = [
    ("bucket in the host", "s3-url-bucket", s3_url("https://shop.s3.us-east-1.amazonaws.com"), "shop"),
    ("bucket with dots", "s3-url-bucket", s3_url("https://a.b.s3.us-east-1.amazonaws.com"), "a.b"),
    ("bucket, dual stack", "s3-url-bucket", s3_url("https://shop.s3.dualstack.us-east-1.amazonaws.com"), "shop"),
    ("bucket, global", "s3-url-bucket", s3_url("https://shop.s3.amazonaws.com"), "shop"),
    ("bucket, old form", "s3-url-bucket", s3_url("https://shop.s3-us-east-1.amazonaws.com"), "shop"),
    (
        "bucket before an interface endpoint",
        "s3-url-bucket",
        s3_url("https://shop.bucket.vpce-0a1b.s3.us-east-1.vpce.amazonaws.com"),
        "shop",
    ),
    ("bucket, not of AWS", "s3-url-bucket", s3_url("https://shop.minio.local", bucket="shop"), "adds it again"),
    ("another region", "s3-url-region", s3_url("https://s3.eu-west-2.amazonaws.com"), "eu-west-2"),
    (
        "another region, dual stack",
        "s3-url-region",
        s3_url("https://s3.dualstack.eu-west-2.amazonaws.com"),
        "eu-west-2",
    ),
    ("another region, FIPS", "s3-url-region", s3_url("https://s3-fips.us-west-2.amazonaws.com"), "us-west-2"),
    ("another region, old form", "s3-url-region", s3_url("https://s3-eu-west-2.amazonaws.com"), "eu-west-2"),
    ("global", "s3-url-region", s3_url("https://s3.amazonaws.com"), "us-east-1"),
    ("another partition", "s3-url-region", s3_url("https://s3.cn-north-1.amazonaws.com.cn"), "cn-north-1"),
    (
        "interface endpoint of another region",
        "s3-url-region",
        s3_url("https://bucket.vpce-0a1b.s3.eu-west-2.vpce.amazonaws.com"),
        "eu-west-2",
    ),
    ("website", "s3-url-service", s3_url("http://shop.s3-website-eu-west-1.amazonaws.com"), "no uploads"),
    ("website with a dot", "s3-url-service", s3_url("http://shop.s3-website.eu-west-1.amazonaws.com"), "no uploads"),
    ("accelerate", "s3-url-service", s3_url("https://s3-accelerate.amazonaws.com"), "accelerate"),
    (
        "access point",
        "s3-url-service",
        s3_url("https://me-111122223333.s3-accesspoint.eu-west-1.amazonaws.com"),
        "access point",
    ),
    ("control", "s3-url-service", s3_url("https://111122223333.s3-control.eu-west-1.amazonaws.com"), "no objects"),
    ("directory bucket", "s3-url-service", s3_url("https://s3express-euw1-az1.eu-west-1.amazonaws.com"), "directory"),
    ("another service", "s3-url-service", s3_url("https://sts.eu-west-1.amazonaws.com"), "does not serve S3"),
    (
        "interface endpoint without its first word",
        "s3-url-service",
        s3_url("https://vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com"),
        "'bucket.' in front",
    ),
    ("a path", "s3-url", s3_url("https://s3.eu-west-1.amazonaws.com/shop"), "without"),
    ("a user", "s3-url", s3_url("https://me@s3.eu-west-1.amazonaws.com"), "without"),
    ("a query", "s3-url", s3_url("https://s3.eu-west-1.amazonaws.com?x=1"), "without"),
    ("no scheme", "s3-url", s3_url("s3.eu-west-1.amazonaws.com"), "scheme"),
    ("another scheme", "s3-url", s3_url("s3://shop"), "scheme"),
    ("no port", "s3-url", s3_url("https://minio.local:99999"), "port"),
]


def resources(**given: str) -> dict[str, Any]:
    return release(resources=given)


RESOURCES = [
    ("memory above the default limit", resources(memoryRequest="2Gi"), "memoryLimit: 2Gi"),
    ("memory above its limit", resources(memoryRequest="600Mi", memoryLimit="512Mi"), "memoryLimit: 600Mi"),
    ("memory in two units", resources(memoryRequest="1025Mi", memoryLimit="1Gi"), "memoryLimit: 1025Mi"),
    ("limit below the default request", resources(memoryLimit="128Mi"), "memoryRequest is 256Mi"),
    ("cpu above its limit", resources(cpuRequest="2", cpuLimit="1"), "cpuLimit: 2"),
    ("cpu in two units", resources(cpuRequest="1001m", cpuLimit="1"), "cpuLimit: 1001m"),
    ("cpu limit below the default request", resources(cpuLimit="100m"), "cpuRequest is 250m"),
]

TAGS = [
    ("AWS's key", "tag-key", {"tags": {"aws:team": "x"}}, "tags.aws:team", "'aws:'"),
    ("AWS's key in capitals", "tag-key", {"tags": {"AWS:team": "x"}}, "tags.AWS:team", "'aws:'"),
    ("too many", "too-many-tags", {"tags": {f"k{n}": "x" for n in range(51)}}, "tags", "at most 50"),
    ("none left for ours", "too-many-tags", {"tags": {f"k{n}": "x" for n in range(49)}}, "tags", "set by the program"),
    ("long value", "tag-value", {"tags": {"team": "v" * 300}}, "tags.team", "256"),
    ("long key", "tag-key", {"tags": {"k" * 129: "x"}}, f"tags.{'k' * 129}", "128"),
    ("empty key", "tag-key", {"tags": {"": "x"}}, "tags.", "1 to 128"),
    ("signs in the value", "tag-value", {"tags": {"team": "R&D #1"}}, "tags.team", "'#' '&'"),
    ("signs in the key", "tag-key", {"tags": {"a?": ""}}, "tags.a?", "'?'"),
    ("a comma", "tag-value", {"tags": {"owners": "a,b"}}, "tags.owners", "','"),
    ("a control character", "tag-value", {"tags": {"team": "a\x07b"}}, "tags.team", "x07"),
    ("only in case", "tag-key-twice", {"tags": {"Environment": "a", "environment": "b"}}, "tags", "only in case"),
    ("our cluster tag", "own-tag", {"tags": {"velero-eks/cluster": "x"}}, "tags", "velero-eks/cluster"),
    ("our environment tag", "own-tag", {"tags": {"Velero-EKS/Environment": "x"}}, "tags", "program sets"),
]
UNKNOWN_KEYS = [
    ("section", "unknown-key", {"scheduels": {}}, "scheduels", "did you mean schedules"),
    ("field", "unknown-key", storage(buckett="x"), "storage.buckett", "did you mean bucket"),
    ("deep", "unknown-key", release(chart={"verison": "12.1.0"}), "release.chart.verison", "did you mean version"),
    ("in a schedule", "unknown-key", schedule(ttl="720h"), "schedules.daily-backup.ttl", "valid here: cron"),
    ("snake case", "unknown-key", storage(kms_key_arn=KEY), "storage.kms_key_arn", "kmsKeyArn"),
]
ALL = {
    "bucket": BUCKET_AND_PREFIX,
    "break-glass": BREAK_GLASS,
    "arn": REGION_ACCOUNT_ARN,
    "identity": IDENTITY,
    "schedules": SCHEDULES,
    "versions": VERSIONS,
    "protection": PROTECTION,
    "volumes": VOLUMES,
    "keys": UNKNOWN_KEYS,
    "tags": TAGS,
    "endpoint": [(name, code, sections, "storage.s3Url", part) for name, code, sections, part in S3_URL],
    "resources": [
        (name, "request-above-limit", sections, "release.resources", part) for name, sections, part in RESOURCES
    ],
}


@pytest.mark.parametrize(
    ("code", "sections", "field", "part"),
    [pytest.param(*case[1:], id=f"{group}: {case[0]}") for group, cases in ALL.items() for case in cases],
)
def test_is_refused_with_its_field_and_what_to_do(code, sections, field, part):
    found = refused(**sections)
    matching = [refusal for refusal in found if refusal.field == field and part in refusal.sentence]
    assert [refusal.code for refusal in matching] == [code], found
    refusal = replace(matching[0], file="stacks/Pulumi.shop.yaml", line=7)
    said = render(refusal)
    assert said.startswith(f"stacks/Pulumi.shop.yaml:7: {field}"), said
    assert refusal.limit
    assert refusal.remedy
    assert said.endswith(f"{refusal.limit}; {refusal.remedy}"), said
    given = at(sections, refusal.path)
    if given is not MISSING and not isinstance(given, (dict, list)):
        # A rule may name the one of several that is meant; what was written is there whole or in its middle cut.
        given = refusal.path[-1] if code == "tag-key" else given
        shown = HIDDEN if smells(field) else json.dumps(given, ensure_ascii=False)
        assert f"{field} = {shown[:30]}" in said, said


def at(sections: dict[str, Any], path: tuple[str | int, ...]) -> Any:
    found: Any = sections
    for part in path:
        try:
            found = found[part]
        except (LookupError, TypeError):
            return MISSING
    return found


def test_a_required_section_that_is_missing_is_named():
    given = mapping()
    del given["cluster"]
    with pytest.raises(InvalidSettings, match="velero-eks:cluster"):
        Settings.from_mapping(given)


# Values of the wrong kind: what pydantic finds is told in our words as well.
KINDS = [
    ("text for a number", "not-a-whole-number", storage(noncurrentDays="many"), "storage.noncurrentDays"),
    ("half a day", "not-a-whole-number", storage(noncurrentDays=14.5), "storage.noncurrentDays"),
    ("a list for a number", "not-a-whole-number", storage(noncurrentDays=[14]), "storage.noncurrentDays"),
    ("text for a flag", "not-true-or-false", storage(protect="perhaps"), "storage.protect"),
    ("a number for text", "not-text", cluster(name=7), "cluster.name"),
    ("text for a list", "not-a-list", schedule(namespaces="shop"), "schedules.daily-backup.namespaces"),
    ("an empty list", "empty-list", schedule(namespaces=[]), "schedules.daily-backup.namespaces"),
    ("text for a section", "not-a-mapping", {"storage": "here"}, "storage"),
    ("a list for the schedules", "not-a-mapping", {"schedules": ["daily"]}, "schedules"),
    ("a required key", "missing-key", {"schedules": {"daily": {"keep": "30d"}}}, "schedules.daily.cron"),
    ("a word of none", "not-one-of", release(logLevel="verbose"), "release.logLevel"),
    ("CPU in words", "cpu", release(resources={"cpuLimit": "much"}), "release.resources.cpuLimit"),
    ("memory in MB", "memory", release(resources={"memoryLimit": "1GB"}), "release.resources.memoryLimit"),
    ("an endpoint with a path", "s3-url", storage(s3Url="https://s3.local/velero"), "storage.s3Url"),
    ("a chart by http", "chart-repository", release(chart={"repository": "http://x"}), "release.chart.repository"),
    ("an image by https", "image-repository", release(image={"repository": "https://x"}), "release.image.repository"),
    ("no context", "empty", cluster(context=""), "cluster.context"),
    ("a short reason", "waiver-reason", {"waivers": {"some-rule": "because"}}, "waivers.some-rule"),
]


@pytest.mark.parametrize(("code", "sections", "field"), [pytest.param(*case[1:], id=case[0]) for case in KINDS])
def test_a_value_of_the_wrong_kind_has_a_code_and_a_remedy(code, sections, field):
    [found] = [refusal for refusal in refused(**sections) if refusal.field == field]
    assert found.code == code
    assert found.remedy
    assert "README" not in found.sentence


def test_the_one_that_is_meant_is_proposed():
    [found] = [each for each in refused(environment="stagin") if each.field == "environment"]
    assert (found.code, found.remedy) == ("not-one-of", "did you mean staging?")
    assert found.limit == "one of development, staging, production"


def test_a_field_is_named_as_it_was_written():
    given = mapping(storage={"kms_key_arn": "x", "bucket": "shop"})
    found = Refusal("any", "limit", "remedy", ("storage", "kmsKeyArn"), "x")
    other = Refusal("any", "limit", "remedy", ("schedules", 0, "excludedNamespaces"), "x")
    [first, second] = as_written([found, other], {**given, "schedules": [{"excluded_namespaces": ["x"]}]})
    assert first.field == "storage.kms_key_arn"
    assert second.field == "schedules.0.excluded_namespaces"


def test_refusals_of_all_sections_and_rules_come_at_once():
    found = refused(
        storage={"bucket": "My_Bucket", "keyRotationDays": 1},
        schedules={"a": {"cron": "0 2 * * 8", "keep": "x"}},
        release={"plugin": {"tag": "v1.13.0"}},
        cluster={"oidcIssuer": "https://oidc.eks.us-east-1.amazonaws.com/id/A"},
    )
    assert {refusal.field for refusal in found} == {
        "storage.bucket",
        "storage.keyRotationDays",
        "schedules.a.cron",
        "schedules.a.keep",
        "release.plugin.tag",
        "cluster.oidcIssuer",
    }
