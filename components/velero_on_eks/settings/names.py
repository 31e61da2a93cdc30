"""Names that AWS and Kubernetes accept: one value type a kind of name, its rule in one place.

Sources: the S3 user guide on bucket naming, the IAM and EKS API references (lengths and character sets), RFC 1123.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

from velero_on_eks.settings.namespaces import EVERY, check_pattern
from velero_on_eks.settings.refusals import Refused

BUCKET_NAME_MAX = 63
ROLE_NAME_MAX = 64
LABEL_MAX = 63
# A backup is called <schedule>-YYYYMMDDhhmmss, 15 characters more, and its name is a label value as well.
SCHEDULE_NAME_MAX = LABEL_MAX - 15

_BUCKET_CHARACTERS = re.compile(r"[a-z0-9.-]+")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ROLE = re.compile(r"[A-Za-z0-9+=,.@_-]+")
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_RESERVED_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def shortened(name: str, limit: int) -> str:
    """`name`, or where it is longer than `limit` its beginning and a hash of the whole: two long names stay two."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: limit - 9].rstrip('-.')}-{digest}"


def as_bucket_name(name: str) -> str:
    """A bucket name made of `name`: lower case, hyphens, 63 characters; a hash tells apart what this would merge."""
    plain = re.sub(r"[^a-z0-9-]", "-", name.lower()).strip("-")
    if plain != name:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        plain = f"{plain}-{digest}"
    return shortened(plain, BUCKET_NAME_MAX)


def default_bucket_name(cluster: str, account: str, region: str) -> str:
    """The bucket of a cluster that names none. Bucket names are unique in a whole partition: account and region tell
    clusters of one name apart."""
    return as_bucket_name(f"velero-{cluster}-{account}-{region}")


def default_role_name(cluster: str, region: str) -> str:
    """The role of a cluster that names none. Role names are unique in an account: the region tells clusters of one
    name apart."""
    return shortened(f"velero-{cluster}-{region}", ROLE_NAME_MAX)


def check_bucket_name(name: str) -> str:
    """Refuse what S3 refuses of a general purpose bucket's name."""
    if "/" in name:
        raise Refused("bucket-name", "a bucket name has no '/'", "put the part after it in storage.prefix")
    if not 3 <= len(name) <= BUCKET_NAME_MAX:
        raise Refused(
            "bucket-name",
            f"a bucket name has 3 to {BUCKET_NAME_MAX} characters, this one {len(name)}",
            "choose another",
        )
    if not _BUCKET_CHARACTERS.fullmatch(name):
        raise Refused(
            "bucket-name",
            "a bucket name is made of lower-case letters, digits, hyphens and dots",
            "remove the others",
        )
    if name[0] in ".-" or name[-1] in ".-":
        raise Refused("bucket-name", "a bucket name begins and ends with a letter or a digit", "remove that character")
    if ".." in name or ".-" in name or "-." in name:
        raise Refused(
            "bucket-name", "a bucket name has no dot beside another dot or a hyphen", "write it with hyphens alone"
        )
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        pass
    else:
        raise Refused("bucket-name", "a bucket name cannot look like an IP address", "choose another")
    for prefix in _RESERVED_BUCKET_PREFIXES:
        if name.startswith(prefix):
            raise Refused(
                "bucket-name-reserved", f"bucket names that begin with '{prefix}' are reserved by S3", "choose another"
            )
    for suffix in _RESERVED_BUCKET_SUFFIXES:
        if name.endswith(suffix):
            raise Refused(
                "bucket-name-reserved", f"bucket names that end with '{suffix}' are reserved by S3", "choose another"
            )
    return name


def check_prefix(prefix: str) -> str:
    """Refuse a key prefix that Velero would not read back as it was written."""
    if prefix == "":
        raise Refused("key-prefix", "a prefix must not be empty", "omit the field to use the whole bucket")
    if prefix.startswith("/") or prefix.endswith("/"):
        raise Refused(
            "key-prefix", "a prefix does not begin or end with '/': Velero adds the slashes", "remove the '/'"
        )
    if "//" in prefix:
        raise Refused("key-prefix", "a prefix with '//' names an empty folder", "write a single '/'")
    if "*" in prefix or "?" in prefix:
        raise Refused(
            "key-prefix",
            "'*' and '?' are wildcards in the role's policy: such a prefix also matches others",
            "write one prefix",
        )
    if {".", ".."} & set(prefix.split("/")):
        raise Refused(
            "key-prefix",
            "S3 has no '.' and '..' folders, and some clients resolve them to another key",
            "remove them",
        )
    if not re.fullmatch(r"[A-Za-z0-9!_.'()/-]+", prefix):
        raise Refused("key-prefix", "a prefix is made of letters, digits, '/' and !_.'()-", "remove the others")
    if len(prefix) > 512:
        raise Refused(
            "key-prefix",
            f"a prefix has at most 512 characters, this one {len(prefix)}: S3 keys end at 1024 bytes",
            "choose a shorter one",
        )
    return prefix


def check_each_once(names: tuple[str, ...], what: str = "") -> tuple[str, ...]:
    """Refuse a list that has a name twice. `what` is what its entries are, for the remedy."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refused("twice", f"{', '.join(twice)} is listed twice", f"write each{f' {what}' if what else ''} once")
    return names


def check_label(name: str) -> str:
    """Refuse what is not an RFC 1123 label: namespaces, service accounts, releases."""
    if "*" in name:
        raise Refused("wildcard", "wildcards are not allowed here", "write one name")
    if len(name) > LABEL_MAX:
        raise Refused(
            "kubernetes-name", f"at most {LABEL_MAX} characters, this one has {len(name)}", "choose a shorter name"
        )
    if not _LABEL.fullmatch(name):
        raise Refused(
            "kubernetes-name",
            "an RFC 1123 label is lower-case letters, digits and hyphens, with a letter or digit at both ends",
            f"write for example {_example_label(name)!r}",
        )
    return name


def check_velero_namespace(name: str) -> str:
    """Refuse a namespace where others live by design: Velero's one is labelled, protected and left out of backups."""
    check_label(name)
    if name == "default" or name.startswith("kube-"):
        raise Refused(
            "reserved-namespace",
            f"{name} belongs to Kubernetes: Velero's Pod Security level would apply"
            " to all Pods in it, and every backup would exclude it",
            "write a namespace for Velero alone, such as velero",
        )
    return name


def check_service_account(name: str) -> str:
    """Refuse the account that every Pod of a namespace runs under unless it names another."""
    check_label(name)
    if name == "default":
        raise Refused(
            "default-service-account",
            "every Pod without a service account uses this one, and would get Velero's role",
            "write another, such as velero-server",
        )
    return name


def check_subdomain(name: str) -> str:
    """Refuse what is not an RFC 1123 subdomain: most Kubernetes objects' names."""
    if len(name) > 253:
        raise Refused("kubernetes-name", f"at most 253 characters, this one has {len(name)}", "choose a shorter name")
    if not _SUBDOMAIN.fullmatch(name):
        raise Refused(
            "kubernetes-name",
            "an RFC 1123 name is lower-case letters, digits, hyphens and dots, a letter or digit at both ends",
            f"write for example {_example_label(name)!r}",
        )
    return name


def check_schedule_name(name: str) -> str:
    """Refuse a schedule name whose backups could not be named or labelled after it."""
    check_label(name)
    if len(name) > SCHEDULE_NAME_MAX:
        raise Refused(
            "schedule-name",
            f"at most {SCHEDULE_NAME_MAX} characters, this one has {len(name)}: a backup's name adds a time stamp"
            f" of 15, and both are label values of at most {LABEL_MAX}",
            "choose a shorter name",
        )
    return name


def check_namespace_pattern(name: str) -> str:
    """Refuse what is neither a namespace's name, nor a pattern that Velero expands, nor '*'."""
    if name == EVERY:
        return name
    check_label(re.sub(r"[*?\[\]]", "x", check_pattern(name)))
    return name


def check_excluded_namespace(name: str) -> str:
    """Refuse what `check_namespace_pattern` does, and wildcards alone: a `?` beside `*` keeps Velero from all."""
    if not name.strip("*?"):
        raise Refused("wildcard", "a wildcard alone excludes every namespace", "name what to exclude, such as test-*")
    return check_namespace_pattern(name)


def check_role_name(name: str) -> str:
    """Refuse what IAM refuses of a role's name."""
    if "*" in name:
        raise Refused("wildcard", "a role name has no wildcard", "write one name")
    if not 1 <= len(name) <= ROLE_NAME_MAX:
        raise Refused(
            "role-name",
            f"a role name has 1 to {ROLE_NAME_MAX} characters, this one {len(name)}",
            "choose a shorter one",
        )
    if not _ROLE.fullmatch(name):
        raise Refused("role-name", "a role name is made of letters, digits and +=,.@_-", "remove the others")
    return name


def check_cluster_name(name: str) -> str:
    """Refuse what EKS refuses of a cluster's name."""
    if not 1 <= len(name) <= 100:
        raise Refused(
            "cluster-name",
            f"an EKS cluster name has 1 to 100 characters, this one {len(name)}",
            "see 'aws eks list-clusters'",
        )
    if not _CLUSTER.fullmatch(name):
        raise Refused(
            "cluster-name",
            "an EKS cluster name is letters, digits, '-' and '_', beginning with a letter or a digit",
            "see 'aws eks list-clusters'",
        )
    return name


def _example_label(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LABEL_MAX] or "daily-backup"


BucketName = Annotated[str, AfterValidator(check_bucket_name)]
KeyPrefix = Annotated[str, AfterValidator(check_prefix)]
KubernetesName = Annotated[str, AfterValidator(check_label)]
VeleroNamespace = Annotated[str, AfterValidator(check_velero_namespace)]
ServiceAccountName = Annotated[str, AfterValidator(check_service_account)]
KubernetesSubdomain = Annotated[str, AfterValidator(check_subdomain)]
ExcludedNamespace = Annotated[str, AfterValidator(check_excluded_namespace)]
NamespacePattern = Annotated[str, AfterValidator(check_namespace_pattern)]
ScheduleName = Annotated[str, AfterValidator(check_schedule_name)]
RoleName = Annotated[str, AfterValidator(check_role_name)]
ClusterName = Annotated[str, AfterValidator(check_cluster_name)]
