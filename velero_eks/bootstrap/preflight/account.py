"""Asks the account what preflight judges: each question for itself, so that a missing right hides nothing else."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings

from velero_eks.aws import client as aws
from velero_eks.aws.account import Account, Bucket, Client
from velero_eks.aws.client import CallerIdentity
from velero_eks.aws.eks import Unknown, asked
from velero_eks.aws.iam import Caller
from velero_eks.bootstrap.preflight.facts import Aws, Contents
from velero_eks.velero.bucket import BackupStore, StoreAddress
from velero_eks.velero.records import Backup

# Reading a backup's record is one request; the newest few say who writes there.
NEWEST = 20
_STAMP = re.compile(r"-(\d{14})$")


def account_facts(settings: Settings, *, client: Client = aws.client) -> Aws:
    """Everything that the account says about a stack. Where the credentials do not work, nothing else is asked."""
    account = Account.of_settings(settings, client)
    caller = asked("the caller's identity", account.caller)
    if isinstance(caller, Unknown):
        return _nothing(caller, Unknown("no working AWS credentials"))
    if caller.account != settings.cluster.account:
        return _nothing(caller, Unknown("the AWS credentials are for another account"))
    names, storage, identity = Names.of(settings), settings.storage, settings.identity
    cluster, release = settings.cluster.name, settings.release
    bucket = asked("the bucket", partial(account.bucket, str(names.bucket)))
    readable = isinstance(bucket, Bucket) and bucket.owned
    alias = asked("the key's alias", partial(account.alias_target, str(names.key_alias)))
    wanted_key = storage.kms_key_arn or (alias if isinstance(alias, str) else None)
    found: dict[str, Any] = {}
    if readable:
        found["contents"] = asked("what is in the bucket", partial(_contents, settings, account.s3))
    if wanted_key:
        found["key"] = asked("the key", partial(account.key, wanted_key))
    if identity.mode == "pod-identity":
        whose = (cluster, release.namespace, release.service_account)
        found["association"] = asked("Pod Identity associations", partial(account.association, *whose))
    if identity.permissions_boundary:
        boundary = partial(account.managed_policy, identity.permissions_boundary)
        found["boundary"] = asked("the permissions boundary", boundary)
    if storage.access_logs:
        found["logs"] = asked("the bucket for logs", partial(account.bucket, storage.access_logs.bucket))
    if storage.break_glass:
        found["deployer"] = asked("the caller's role", partial(_deployer, account, caller.arn))
        found["principals"] = {
            arn: asked(f"who {arn} is", partial(account.principal, arn)) for arn in storage.break_glass
        }
    return Aws(
        caller=caller,
        cluster=asked("the cluster", partial(account.cluster, cluster)),
        bucket=bucket,
        alias_target=alias,
        role=asked("the role", partial(_role_arn, account, str(names.role))),
        **found,
    )


def _nothing(caller: CallerIdentity | Unknown, why: Unknown) -> Aws:
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
        deployer=why,
    )


def _deployer(account: Account, arn: str) -> str:
    """The role of a session, whole: a session's ARN lacks the role's path. Any other caller is itself."""
    role = Caller(arn=arn).role
    return (account.principal(role) or role) if role else arn


def _role_arn(account: Account, name: str) -> str | None:
    found = account.role(name)
    return None if found is None else found.arn


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
