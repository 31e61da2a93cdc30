"""Asks the account what preflight judges: read-only calls, each for itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings

from velero_eks.aws import client as aws
from velero_eks.aws.eks import ClusterFacts, Unknown, asked, discover, error_code
from velero_eks.bootstrap.observed import Aws, Bucket, Caller, Contents, Key
from velero_eks.errors import BadTarget
from velero_eks.velero.bucket import BackupStore, StoreAddress
from velero_eks.velero.records import Backup

# Reading a backup's record is one request; the newest few say who writes there.
NEWEST = 20
_STAMP = re.compile(r"-(\d{14})$")
_GONE = frozenset({"404", "NoSuchBucket", "NoSuchEntity", "NotFoundException", "NotFound", "ResourceNotFoundException"})

Client = Callable[..., Any]


def look_at_aws(settings: Settings, *, client: Client = aws.client) -> Aws:
    """Everything that the account says about a stack. Where the credentials do not work, nothing else is asked."""
    region, names = settings.region, Names.of(settings)
    caller = asked("the caller's identity", partial(_caller, client, region))
    if isinstance(caller, Unknown):
        return _nothing(caller, Unknown("there are no AWS credentials that work"))
    if caller.account != settings.cluster.account:
        return _nothing(caller, Unknown("the AWS credentials are of another account"))
    storage, identity = settings.storage, settings.identity
    s3 = s3_client(settings, client)
    bucket = asked("the bucket", partial(find_bucket, s3, str(names.bucket), settings.cluster.account))
    readable = isinstance(bucket, Bucket) and bucket.owned
    kms, iam = client("kms", region=region), client("iam", region=region)
    alias = asked("the key's alias", partial(alias_target, kms, str(names.key_alias)))
    wanted_key = storage.kms_key_arn or (alias if isinstance(alias, str) else None)
    return Aws(
        caller=caller,
        cluster=_cluster(settings, client),
        bucket=bucket,
        contents=asked("what is in the bucket", partial(_contents, settings, s3)) if readable else None,
        key=asked("the key", partial(find_key, kms, wanted_key)) if wanted_key else None,
        alias_target=alias,
        role=asked("the role", partial(_role, iam, str(names.role))),
        association=asked("Pod Identity associations", partial(find_association, settings, client))
        if identity.mode == "pod-identity"
        else None,
        boundary=asked("the permissions boundary", partial(_policy, iam, identity.permissions_boundary))
        if identity.permissions_boundary
        else None,
        logs=asked(
            "the bucket for logs", partial(find_bucket, s3, storage.access_logs.bucket, settings.cluster.account)
        )
        if storage.access_logs
        else None,
    )


def s3_client(settings: Settings, client: Client = aws.client) -> Any:
    """A client of the stack's own S3 endpoint."""
    from botocore.config import Config

    storage = settings.storage
    options: dict[str, Any] = {"endpoint_url": storage.s3_url} if storage.s3_url else {}
    if storage.s3_force_path_style:
        options["config"] = Config(s3={"addressing_style": "path"})
    return client("s3", region=settings.region, **options)


def find_bucket(s3: Any, name: str, account: str) -> Bucket | None:
    """A bucket of this name, anybody's; None where the name is free."""
    from botocore.exceptions import ClientError

    try:
        head = s3.head_bucket(Bucket=name)
    except ClientError as error:
        if error_code(error) in _GONE:
            return None
        return _closed(s3, name, error)
    region = head.get("BucketRegion") or _header_region(head) or s3.meta.region_name
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        if error_code(error) not in ("403", "AccessDenied"):
            raise
        return Bucket(name=name, owned=False, region=region)
    return Bucket(name=name, owned=True, region=region, tags=_tags(s3, name))


def find_key(kms: Any, arn: str) -> Key | None:
    """A key by its ARN or id, None where there is none."""
    from botocore.exceptions import ClientError

    try:
        found = kms.describe_key(KeyId=arn)["KeyMetadata"]
    except ClientError as error:
        if error_code(error) in _GONE:
            return None
        raise
    policy = kms.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"]
    return Key(
        arn=found["Arn"],
        state=found.get("KeyState", ""),
        manager=found.get("KeyManager", ""),
        # What KMS makes where nothing else was asked for.
        usage=found.get("KeyUsage") or "ENCRYPT_DECRYPT",
        spec=found.get("KeySpec") or "SYMMETRIC_DEFAULT",
        policy=json.loads(policy),
    )


def alias_target(kms: Any, alias: str) -> str | None:
    """The id of the key that an alias stands for, None where there is no such alias."""
    from botocore.exceptions import ClientError

    try:
        return str(kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"])
    except ClientError as error:
        if error_code(error) in _GONE:
            return None
        raise


def find_association(settings: Settings, client: Client = aws.client) -> str | None:
    """The id of the Pod Identity association of Velero's service account, None where it has none."""
    eks = client("eks", region=settings.region)
    found = eks.list_pod_identity_associations(
        clusterName=settings.cluster.name,
        namespace=settings.release.namespace,
        serviceAccount=settings.release.service_account,
    )["associations"]
    return str(found[0]["associationId"]) if found else None


def _nothing(caller: Caller | Unknown, why: Unknown) -> Aws:
    return Aws(
        caller=caller,
        cluster=why,
        bucket=why,
        contents=why,
        key=why,
        alias_target=why,
        role=why,
        association=why,
        boundary=why,
        logs=why,
    )


def _caller(client: Client, region: str) -> Caller:
    found = client("sts", region=region).get_caller_identity()
    return Caller(str(found["Account"]), str(found["Arn"]))


def _cluster(settings: Settings, client: Client) -> ClusterFacts | Unknown | None:
    try:
        return discover(settings.cluster.name, settings.region, client=client)
    except BadTarget:
        return None
    except Exception as error:
        from velero_eks.errors import OperationError

        if isinstance(error, OperationError):
            return Unknown(str(error))
        raise


def _closed(s3: Any, name: str, error: Any) -> Bucket:
    """A bucket that answers with a refusal: another region's, another account's, or one of ours without a right."""
    code = error_code(error)
    if code not in ("301", "403", "AccessDenied", "PermanentRedirect"):
        raise error
    region = _header_region(error.response)
    ours = name in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    return Bucket(name=name, owned=ours, region=region or "")


def _header_region(answer: Any) -> str | None:
    return answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")


def _tags(s3: Any, name: str) -> dict[str, str]:
    from botocore.exceptions import ClientError

    try:
        found = s3.get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError:
        # None were ever set, or they may not be read: either way there are none to go by.
        return {}
    return {tag["Key"]: tag["Value"] for tag in found}


def _contents(settings: Settings, s3: Any) -> Contents:
    address = StoreAddress.of_settings(settings)
    store = BackupStore(address, s3)
    prefix = f"{address.prefix}/" if address.prefix else ""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=prefix, Delimiter="/")
    folders = [item["Prefix"][len(prefix) : -1] for page in pages for item in page.get("CommonPrefixes") or ()]
    names = store.names()
    newest = sorted(names, key=_stamped, reverse=True)[:NEWEST]
    found = [backup for backup in map(store.find, newest) if backup is not None]
    return Contents(folders=tuple(folders), backups=tuple(map(_written, found)), count=len(names))


def _stamped(name: str) -> str:
    stamp = _STAMP.search(name)
    return stamp[1] if stamp else ""


def _written(backup: Backup) -> tuple[str, str, float]:
    moment = backup.completed or backup.started or backup.created
    uid = str(backup.body["metadata"].get("uid") or "")
    return backup.name, uid, moment.timestamp() if moment else 0.0


def _role(iam: Any, name: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    except ClientError as error:
        if error_code(error) in _GONE:
            return None
        raise


def _policy(iam: Any, arn: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        return str(iam.get_policy(PolicyArn=arn)["Policy"]["Arn"])
    except ClientError as error:
        if error_code(error) in _GONE:
            return None
        raise
