"""Mutants of a saved plan: each is one that no settings ask for, as a person, a program or an attacker makes it.

A mutant is made of the plan of every base that it names, and one rule at least must report it as an error.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.velero_eks.rules.plans import Draft, draft
from velero_eks.rules import kinds

ACCOUNT, FOREIGN = "777788889999", "999900001111"
BUCKET = "velero-exam-prod-777788889999-ap-south-1"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"
ROLE = "velero-exam-prod-ap-south-1"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
ISSUER = "oidc.eks.ap-south-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
OTHER_ISSUER = "oidc.eks.ap-south-1.amazonaws.com/id/0THER0THER0THER0THER0THER0THER00"
GIVEN_KEY = f"arn:aws:kms:ap-south-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = f"arn:aws:kms:ap-south-1:{ACCOUNT}:key/99999999-12ab-34cd-56ef-1234567890ab"
FOREIGN_KEY = f"arn:aws:kms:ap-south-1:{FOREIGN}:key/99999999-12ab-34cd-56ef-1234567890ab"
FOREIGN_ROOT = f"arn:aws:iam::{FOREIGN}:root"
SUBJECT = "system:serviceaccount:velero:velero-server"

AWS_PROVIDER = "pulumi:providers:aws"
KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"

Change = Callable[[Draft], None]

# The plans that mutants are made of. The standard cluster and the one without snapshots have other accounts and names.
BASES: dict[str, Callable[[], Draft]] = {
    "irsa": lambda: draft("prod"),
    "pod-identity": lambda: draft("prod", identity={"mode": "pod-identity"}),
    "given key": lambda: draft("prod", storage={"kmsKeyArn": GIVEN_KEY}),
    "given prefix": lambda: draft(
        "prod", identity={"mode": "pod-identity"}, storage={"prefix": "clusters/exam", "accessLogs": {"bucket": "logs"}}
    ),
    "boundary": lambda: draft(
        "prod", identity={"mode": "irsa", "permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/bounded"}
    ),
    "standard cluster": lambda: draft("staging"),
    "no snapshots": lambda: draft("dev"),
}
BOTH = ("irsa", "pod-identity")


@dataclass(frozen=True)
class Mutant:
    """`what` in words, `rule` that reports it as an error, `change` that makes it, and the plans it is made of."""

    what: str
    rule: str
    change: Change
    bases: tuple[str, ...] = BOTH

    def __str__(self) -> str:
        return self.what


def inputs(kind: str, *path: str | int, to: Any, name: str | None = None) -> Change:
    return lambda plan: plan.set(kind, path, to, name=name)


def without(kind: str, *path: str | int) -> Change:
    return lambda plan: plan.unset(kind, path)


def dropped(kind: str) -> Change:
    return lambda plan: plan.drop_all(kind)


def option(kind: str, name: str, value: Any) -> Change:
    return lambda plan: plan.option(kind, name, value)


def forgotten(kind: str, *needed: str) -> Change:
    def change(plan: Draft) -> None:
        for one in needed:
            plan.forget(kind, one)

    return change


def allowed(kind: str, field: str = "policy", /, **statement: Any) -> Change:
    return lambda plan: plan.add_statement(kind, field, **statement)


def stated(kind: str, sid: str, field: str = "policy", /, **changes: Any) -> Change:
    return lambda plan: plan.statement(kind, sid, field, **changes)


def unstated(kind: str, sid: str) -> Change:
    def change(plan: Draft) -> None:
        found = plan.one(kind)["inputs"]
        policy = json.loads(found["policy"])
        policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != sid]
        found["policy"] = json.dumps(policy)

    return change


def conditioned(kind: str, sid: str, edit: Callable[[dict[str, Any]], None], field: str = "policy") -> Change:
    """An edit of a statement's conditions."""

    def change(plan: Draft) -> None:
        found = plan.one(kind)["inputs"]
        policy = json.loads(found[field])
        [statement] = [one for one in policy["Statement"] if one["Sid"] == sid]
        edit(statement.setdefault("Condition", {}))
        found[field] = json.dumps(policy)

    return change


def renamed(old: str, new: str, kind: str, field: str) -> Change:
    """A text replaced wherever it stands in an input."""

    def change(plan: Draft) -> None:
        found = plan.one(kind)["inputs"]
        assert old in found[field]
        found[field] = found[field].replace(old, new)

    return change


def added(kind: str, inputs: dict[str, Any], *, below: str | None = None) -> Change:
    """One more resource, at the root of the stack or below the first of a type."""

    def change(plan: Draft) -> None:
        plan.add(kind, "added", copy.deepcopy(inputs))
        if below:
            plan.entries[-1]["parent"] = plan.one(below)["urn"]

    return change


def again(kind: str, *edits: tuple[tuple[str | int, ...], Any], at_root: bool = True) -> Change:
    """A second resource like the first of a type, with edits."""

    def change(plan: Draft) -> None:
        entry = copy.deepcopy(plan.one(kind))
        entry["urn"], entry["name"] = f"{entry['urn']}-again", f"{entry['name']}-again"
        if at_root:
            entry["parent"] = None
        plan.entries.append(entry)
        for path, value in edits:
            plan.set(kind, path, value, name=entry["name"])

    return change


def in_cluster(kind: str, body: dict[str, Any], *, namespace: str | None = "velero", name: str = "added") -> Change:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return added(f"kubernetes:{kind}", {"metadata": metadata, **body})


def all_of(*changes: Change) -> Change:
    def change(plan: Draft) -> None:
        for each in changes:
            each(plan)

    return change


def _values(*path: str | int, to: Any) -> Change:
    return inputs(kinds.RELEASE, "values", *path, to=to)


def _location(*path: str, to: Any) -> Change:
    return _values("configuration", "backupStorageLocation", 0, *path, to=to)


def _spec(*path: str, to: Any) -> Change:
    return inputs(kinds.SCHEDULE, "spec", *path, to=to, name="velero-daily-backup")


def _second_location(plan: Draft) -> None:
    found = plan.one(kinds.RELEASE)["inputs"]["values"]["configuration"]["backupStorageLocation"]
    found.append({**found[0], "name": "second", "bucket": "another", "default": True})


def _lifecycle(**entry: Any) -> Change:
    def change(plan: Draft) -> None:
        rules = plan.one(kinds.BUCKET_LIFECYCLE)["inputs"]["rules"]
        rules.append({"id": "added", "status": "Enabled", "filter": {}, **entry})

    return change


def _replication(**rule: Any) -> Change:
    entry = {"id": "all", "status": "Enabled", "filter": {}, "destination": {"bucket": "arn:aws:s3:::replica"}, **rule}
    role = f"arn:aws:iam::{ACCOUNT}:role/replication"
    return added(kinds.BUCKET_REPLICATION, {"bucket": BUCKET, "role": role, "rules": [entry]})


def _key_everywhere(arn: str) -> Change:
    """Another key in everything that names the key."""

    def change(plan: Draft) -> None:
        ours = plan.one(kinds.BUCKET_ENCRYPTION)["inputs"]["rules"][0]["applyServerSideEncryptionByDefault"]
        before = ours["kmsMasterKeyId"]
        for entry in plan.entries:
            if entry["type"] in (kinds.BUCKET_ENCRYPTION, kinds.BUCKET_POLICY, kinds.ROLE_POLICY):
                entry["inputs"] = json.loads(json.dumps(entry["inputs"]).replace(before, arn))

    return change


def _kubeconfig(old: str, new: str) -> Change:
    return renamed(old, new, KUBERNETES_PROVIDER, "kubeconfig")


def _trust(**changes: Any) -> Change:
    return stated(kinds.ROLE, "VeleroServiceAccount", "assumeRolePolicy", **changes)


def _trusted(**statement: Any) -> Change:
    return allowed(kinds.ROLE, "assumeRolePolicy", **statement)


def _operator(new: str, *keys: str) -> Change:
    """The trust's StringEquals under another operator, whole or of some keys."""

    def edit(condition: dict[str, Any]) -> None:
        pinned = condition["StringEquals"]
        moved = {key: pinned.pop(key) for key in list(pinned) if not keys or key.endswith(keys)}
        condition[new] = moved
        if not pinned:
            del condition["StringEquals"]

    return conditioned(kinds.ROLE, "VeleroServiceAccount", edit, "assumeRolePolicy")


def _web_identity(issuer: str, subject: str, account: str = ACCOUNT) -> Change:
    return _trusted(
        Principal={"Federated": f"arn:aws:iam::{account}:oidc-provider/{issuer}"},
        Action="sts:AssumeRoleWithWebIdentity",
        Condition={"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}},
    )


def _pinned(key: str, value: Any) -> Change:
    def edit(condition: dict[str, Any]) -> None:
        condition["StringEquals"][key] = value

    return conditioned(kinds.ROLE, "VeleroServiceAccount", edit, "assumeRolePolicy")


def _association(**edits: str) -> Change:
    base = {"clusterName": "exam-prod", "namespace": "velero", "serviceAccount": "velero-server", "roleArn": ROLE_ARN}
    return added(kinds.POD_IDENTITY, {**base, **edits})


_POD = {"containers": [{"name": "c", "image": "alpine"}], "serviceAccountName": "velero-server"}
_DEPLOYMENT = {"spec": {"template": {"spec": _POD}}}
_SERVER = {"kind": "ServiceAccount", "name": "velero-server", "namespace": "velero"}
_ADMIN = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
_READ_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject",
        "Resource": f"{BUCKET_ARN}/*"}]}
)  # fmt: skip
_LAMBDA_TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                             "Action": "sts:AssumeRole"}]}
)  # fmt: skip

TRUST = [
    Mutant("trust: another account", "unmeant-grant",
           _trusted(Principal={"AWS": FOREIGN_ROOT}, Action="sts:AssumeRole")),
    Mutant("trust: another account by its number", "unmeant-grant",
           _trusted(Principal={"AWS": FOREIGN}, Action="sts:AssumeRole")),
    Mutant("trust: our own account's root", "unmeant-grant",
           _trusted(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Action="sts:AssumeRole")),
    Mutant("trust: a service", "unmeant-grant",
           _trusted(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole")),
    Mutant("trust: a SAML provider", "unmeant-grant",
           _trusted(Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"},
               Action="sts:AssumeRoleWithSAML")),
    Mutant("trust: another cluster's issuer", "unmeant-grant", _web_identity(OTHER_ISSUER, SUBJECT)),
    Mutant("trust: another service account", "unmeant-grant",
           _web_identity(ISSUER, "system:serviceaccount:default:default")),
    Mutant("trust: the issuer of another account", "unmeant-grant", _web_identity(ISSUER, SUBJECT, FOREIGN)),
    Mutant("trust: an administrator to tag and to name", "unmeant-grant",
           _trust(Action=["sts:AssumeRoleWithWebIdentity", "sts:AssumeRole", "sts:TagSession",
               "sts:SetSourceIdentity"])),
    Mutant("trust: StringLike in place of StringEquals", "unmeant-grant", _operator("StringLike")),
    Mutant("trust: StringEqualsIgnoreCase", "unmeant-grant", _operator("StringEqualsIgnoreCase")),
    Mutant("trust: StringEqualsIfExists", "unmeant-grant", _operator("StringEqualsIfExists")),
    Mutant("trust: ForAllValues", "unmeant-grant", _operator("ForAllValues:StringEquals")),
    Mutant("trust: ForAnyValue", "unmeant-grant", _operator("ForAnyValue:StringEquals")),
    Mutant("trust: the subject with IfExists alone", "unmeant-grant",
           _operator("StringEqualsIfExists", ":sub", "kubernetes-service-account")),
    Mutant("trust: NotEquals of another", "unmeant-grant",
           _operator("StringNotEquals", ":sub", "kubernetes-namespace")),
    Mutant("trust: a condition that never holds", "missing-grant",
           conditioned(kinds.ROLE, "VeleroServiceAccount", lambda c: c.update(Bool={"aws:ViaAWSService": "true"}),
                       "assumeRolePolicy")),
    Mutant("trust: two service accounts in one condition", "unmeant-grant",
           _pinned(f"{ISSUER}:sub", [SUBJECT, "system:serviceaccount:default:default"]), ("irsa",)),
    Mutant("trust: two audiences in one condition", "unmeant-grant",
           _pinned(f"{ISSUER}:aud", ["sts.amazonaws.com", "example.com"]), ("irsa",)),
    Mutant("trust: pinned to another cluster", "unmeant-grant",
           _pinned("aws:RequestTag/eks-cluster-arn", f"arn:aws:eks:ap-south-1:{ACCOUNT}:cluster/other"),
               ("pod-identity",)),
    Mutant("trust: pinned to another region's cluster", "unmeant-grant",
           _pinned("aws:RequestTag/eks-cluster-arn", f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/exam-prod"),
           ("pod-identity",)),
    Mutant("trust: pinned to another account", "unmeant-grant",
           _pinned("aws:SourceAccount", FOREIGN), ("pod-identity",)),
    Mutant("trust: pinned to two namespaces", "unmeant-grant",
           _pinned("aws:RequestTag/kubernetes-namespace", ["velero", "default"]), ("pod-identity",)),
    Mutant("trust: the session's tags in place of the request's", "unmeant-grant",
           conditioned(kinds.ROLE, "VeleroServiceAccount", lambda c: c.update(
               StringEquals={k.replace("RequestTag", "PrincipalTag"): v for k, v in c["StringEquals"].items()}),
               "assumeRolePolicy"), ("pod-identity",)),
    Mutant("trust: Velero refused", "unmeant-refusal",
           _trusted(Effect="Deny", Principal="*", Action=["sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"])),
    Mutant("trust: the other identity's statement beside", "unmeant-grant",
           _trusted(Principal={"Service": "pods.eks.amazonaws.com"}, Action=["sts:AssumeRole", "sts:TagSession"]),
               ("irsa",)),
]  # fmt: skip

ASSOCIATIONS = [
    Mutant("association: another service account", "unmeant-resource", _association(serviceAccount="default")),
    Mutant("association: another namespace", "unmeant-resource", _association(namespace="default")),
    Mutant("association: another cluster", "unmeant-resource", _association(clusterName="other")),
    Mutant("association: another role for the service account", "unmeant-resource",
           _association(roleArn=f"arn:aws:iam::{ACCOUNT}:role/other")),
    Mutant("association: the first names another cluster", "unmeant-value",
           inputs(kinds.POD_IDENTITY, "clusterName", to="other"), ("pod-identity",)),
    Mutant("association: the first names another namespace", "unmeant-value",
           inputs(kinds.POD_IDENTITY, "namespace", to="default"), ("pod-identity",)),
    Mutant("association: the first names another account's role", "unmeant-value",
           inputs(kinds.POD_IDENTITY, "roleArn", to=ROLE_ARN.replace(ACCOUNT, FOREIGN)), ("pod-identity",)),
    Mutant("association: through a second role", "unmeant-value",
           inputs(kinds.POD_IDENTITY, "targetRoleArn", to=f"arn:aws:iam::{FOREIGN}:role/other"), ("pod-identity",)),
    Mutant("association: without session tags", "unmeant-value",
           inputs(kinds.POD_IDENTITY, "disableSessionTags", to=True), ("pod-identity",)),
    Mutant("association: another region", "unmeant-value",
           inputs(kinds.POD_IDENTITY, "region", to="eu-west-1"), ("pod-identity",)),
    Mutant("association: gone", "missing-resource", dropped(kinds.POD_IDENTITY), ("pod-identity",)),
    Mutant("access to the cluster for Velero's role", "unmeant-resource",
           added("aws:eks/accessEntry:AccessEntry", {"clusterName": "exam-prod", "principalArn": ROLE_ARN})),
    Mutant("cluster administration for Velero's role", "unmeant-resource",
           added("aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
                 {"clusterName": "exam-prod", "principalArn": ROLE_ARN,
                  "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"})),
    Mutant("Velero's role for an add-on", "unmeant-resource",
           added(kinds.ADDON, {"clusterName": "exam-prod", "addonName": "vpc-cni", "serviceAccountRoleArn": ROLE_ARN})),
    Mutant("Velero's role for machines", "unmeant-resource",
           added("aws:iam/instanceProfile:InstanceProfile", {"name": "velero", "role": ROLE})),
]  # fmt: skip

_NOT_OURS = {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}
BUCKET_POLICY = [
    Mutant("bucket policy: another account reads", "unmeant-grant",
           allowed(kinds.BUCKET_POLICY, Principal={"AWS": FOREIGN_ROOT}, Action="s3:GetObject",
               Resource=f"{BUCKET_ARN}/*")),
    Mutant("bucket policy: another account lists", "unmeant-grant",
           allowed(kinds.BUCKET_POLICY, Principal={"AWS": FOREIGN}, Action="s3:ListBucket", Resource=BUCKET_ARN)),
    Mutant("bucket policy: a service without its source", "unmeant-grant",
           allowed(kinds.BUCKET_POLICY, Principal={"Service": "logging.s3.amazonaws.com"}, Action="s3:PutObject",
                   Resource=f"{BUCKET_ARN}/*")),
    Mutant("bucket policy: CloudTrail without its source", "unmeant-grant",
           allowed(kinds.BUCKET_POLICY, Principal={"Service": "cloudtrail.amazonaws.com"}, Action="s3:GetBucketAcl",
                   Resource=BUCKET_ARN)),
    Mutant("bucket policy: an origin access identity", "unmeant-grant",
           allowed(kinds.BUCKET_POLICY, Principal={"CanonicalUser": "0" * 64}, Action="s3:GetObject",
                   Resource=f"{BUCKET_ARN}/*")),
    Mutant("bucket policy: everyone of an organisation", "unmeant-grant",
           allowed(kinds.BUCKET_POLICY, Principal="*", Action="s3:GetObject", Resource=f"{BUCKET_ARN}/*",
                   Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})),
    Mutant("bucket policy: everyone but an account", "unmeant-grant",
           allowed(kinds.BUCKET_POLICY, NotPrincipal={"AWS": FOREIGN_ROOT}, Action="s3:GetObject",
                   Resource=f"{BUCKET_ARN}/*")),
    Mutant("bucket policy: Velero's own role may change it", "unmeant-grant",
           allowed(kinds.BUCKET_POLICY, Principal={"AWS": ROLE_ARN}, Action="s3:PutBucketPolicy", Resource=BUCKET_ARN)),
    Mutant("bucket policy: RefuseOtherKey gone", "missing-refusal", unstated(kinds.BUCKET_POLICY, "RefuseOtherKey")),
    Mutant("bucket policy: RefuseOtherEncryption gone", "missing-refusal",
           unstated(kinds.BUCKET_POLICY, "RefuseOtherEncryption")),
    Mutant("bucket policy: RefusePlainHttp gone", "missing-refusal", unstated(kinds.BUCKET_POLICY, "RefusePlainHttp")),
    Mutant("bucket policy: RefuseOtherKey names another key", "missing-refusal",
           conditioned(kinds.BUCKET_POLICY, "RefuseOtherKey",
                       lambda c: c["StringNotEquals"].update(
                           {"s3:x-amz-server-side-encryption-aws-kms-key-id": OTHER_KEY}))),
    Mutant("bucket policy: RefuseOtherKey names another account's key", "missing-refusal",
           conditioned(kinds.BUCKET_POLICY, "RefuseOtherKey",
                       lambda c: c["StringNotEquals"].update(
                           {"s3:x-amz-server-side-encryption-aws-kms-key-id": FOREIGN_KEY}))),
    Mutant("bucket policy: RefuseOtherKey of another bucket", "missing-refusal",
           stated(kinds.BUCKET_POLICY, "RefuseOtherKey", Resource="arn:aws:s3:::another/*")),
    Mutant("bucket policy: RefusePlainHttp but for one caller", "missing-refusal",
           stated(kinds.BUCKET_POLICY, "RefusePlainHttp", Principal=None, NotPrincipal={"AWS": ROLE_ARN})),
    Mutant("bucket policy: RefusePlainHttp but for deletes", "missing-refusal",
           stated(kinds.BUCKET_POLICY, "RefusePlainHttp", Action=None, NotAction="s3:DeleteObject")),
    Mutant("bucket policy: refusals under one more condition", "missing-refusal",
           conditioned(kinds.BUCKET_POLICY, "RefuseOtherKey", lambda c: c.update(_NOT_OURS))),
    Mutant("bucket policy: Velero itself refused", "unmeant-refusal",
           allowed(kinds.BUCKET_POLICY, Effect="Deny", Principal={"AWS": ROLE_ARN}, Action="s3:*",
                   Resource=[BUCKET_ARN, f"{BUCKET_ARN}/*"])),
    Mutant("bucket policy: everyone refused but from one address", "unmeant-refusal",
           allowed(kinds.BUCKET_POLICY, Effect="Deny", Principal="*", Action="s3:*", Resource=f"{BUCKET_ARN}/*",
                   Condition={"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}})),
    Mutant("bucket policy: break-glass left to no one", "missing-refusal",
           unstated(kinds.BUCKET_POLICY, "LeaveToBreakGlass")),
    Mutant("bucket policy: break-glass for another account", "missing-refusal",
           stated(kinds.BUCKET_POLICY, "LeaveToBreakGlass",
                  Condition={"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{FOREIGN}:role/x"}})),
    Mutant("bucket policy: break-glass for every role of the account", "missing-refusal",
           stated(kinds.BUCKET_POLICY, "LeaveToBreakGlass",
                  Condition={"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}})),
    Mutant("bucket policy: break-glass for Velero itself", "missing-refusal",
           conditioned(kinds.BUCKET_POLICY, "LeaveToBreakGlass",
                       lambda c: c["ArnNotEquals"].update({"aws:PrincipalArn": ROLE_ARN}))),
    Mutant("bucket policy: old versions not left to break-glass", "missing-refusal",
           stated(kinds.BUCKET_POLICY, "LeaveToBreakGlass", Action=["s3:DeleteBucket"])),
    Mutant("bucket policy: customer keys let in", "missing-refusal",
           unstated(kinds.BUCKET_POLICY, "RefuseCustomerKey")),
    Mutant("bucket policy: archives let in", "missing-refusal", unstated(kinds.BUCKET_POLICY, "RefuseArchive")),
    Mutant("bucket policy: Glacier called readable", "missing-refusal",
           conditioned(kinds.BUCKET_POLICY, "RefuseArchive",
                       lambda c: c["StringNotEquals"]["s3:x-amz-storage-class"].append("GLACIER"))),
    Mutant("encryption: customer keys let in", "unmeant-setting",
           inputs(kinds.BUCKET_ENCRYPTION, "rules", 0, "blockedEncryptionTypes", to=["NONE"])),
    Mutant("bucket policy: put on another bucket", "unmeant-setting",
           inputs(kinds.BUCKET_POLICY, "bucket", to="another")),
    Mutant("bucket policy: gone", "missing-refusal", dropped(kinds.BUCKET_POLICY)),
    Mutant("bucket policy: a second one", "unmeant-resource",
           added(kinds.BUCKET_POLICY, {"bucket": BUCKET, "policy": '{"Version": "2012-10-17", "Statement": []}'})),
    Mutant("bucket policy: in the bucket itself", "unmeant-setting", inputs(kinds.BUCKET, "policy", to=_READ_ALL)),
]  # fmt: skip

KEYS = [
    Mutant("key policy: another account decrypts", "unmeant-grant",
           allowed(kinds.KEY, Principal={"AWS": FOREIGN_ROOT}, Action="kms:Decrypt", Resource="*")),
    Mutant("key policy: another account's role makes grants", "unmeant-grant",
           allowed(kinds.KEY, Principal={"AWS": f"arn:aws:iam::{FOREIGN}:role/x"}, Action="kms:CreateGrant",
               Resource="*")),
    Mutant("key policy: a service", "unmeant-grant",
           allowed(kinds.KEY, Principal={"Service": "s3.amazonaws.com"}, Action="kms:*", Resource="*")),
    Mutant("key policy: everyone through S3", "unmeant-grant",
           allowed(kinds.KEY, Principal="*", Action="kms:Decrypt", Resource="*",
                   Condition={"StringEquals": {"kms:ViaService": "s3.ap-south-1.amazonaws.com"}})),
    Mutant("key policy: refused to all", "unmeant-refusal",
           allowed(kinds.KEY, Effect="Deny", Principal="*", Action="kms:*", Resource="*")),
    Mutant("key policy: decryption refused to Velero", "unmeant-refusal",
           allowed(kinds.KEY, Effect="Deny", Principal={"AWS": ROLE_ARN}, Action="kms:Decrypt", Resource="*")),
    Mutant("key policy: of another account", "missing-grant",
           stated(kinds.KEY, "AccountDecides", Principal={"AWS": FOREIGN_ROOT})),
    Mutant("key policy: under a condition that never holds", "missing-grant",
           stated(kinds.KEY, "AccountDecides", Condition={"StringEquals": {"aws:PrincipalAccount": FOREIGN}})),
    Mutant("key: a policy of its own beside", "unmeant-resource",
           lambda plan: plan.add(kinds.KEY_POLICY, "added", {
               "keyId": plan.one(kinds.ALIAS)["inputs"]["targetKeyId"],
               "policy": plan.one(kinds.KEY)["inputs"]["policy"]})),
    Mutant("key: a grant", "unmeant-resource",
           lambda plan: plan.add("aws:kms/grant:Grant", "added", {
               "keyId": plan.one(kinds.ALIAS)["inputs"]["targetKeyId"],
               "granteePrincipal": f"arn:aws:iam::{FOREIGN}:role/x", "operations": ["Decrypt"]})),
    Mutant("key: a grant to Velero's role on the key's ARN", "unmeant-resource",
           lambda plan: plan.add("aws:kms/grant:Grant", "added", {
               "keyId": f"arn:aws:kms:ap-south-1:{ACCOUNT}:key/{plan.one(kinds.ALIAS)['inputs']['targetKeyId']}",
               "granteePrincipal": ROLE_ARN, "operations": ["Decrypt", "RetireGrant"]})),
    Mutant("key: another alias for it", "unmeant-resource",
           lambda plan: plan.add(kinds.ALIAS, "added", {
               "name": "alias/everybodys", "targetKeyId": plan.one(kinds.ALIAS)["inputs"]["targetKeyId"]})),
    Mutant("key: the alias of another key", "unmeant-setting",
           inputs(kinds.ALIAS, "targetKeyId", to="99999999-12ab-34cd-56ef-1234567890ab")),
    Mutant("key: another alias", "unmeant-setting", inputs(kinds.ALIAS, "name", to="alias/aws/s3")),
    Mutant("key: for signatures", "unmeant-setting", inputs(kinds.KEY, "keyUsage", to="SIGN_VERIFY")),
    Mutant("key: in many regions", "unmeant-setting", inputs(kinds.KEY, "multiRegion", to=True)),
    Mutant("key: may lock its owner out", "unmeant-setting",
           inputs(kinds.KEY, "bypassPolicyLockoutSafetyCheck", to=True)),
    Mutant("key: gone", "missing-resource", dropped(kinds.KEY)),
    Mutant("key: its alias gone", "missing-resource", dropped(kinds.ALIAS)),
    Mutant("key: another in the bucket's encryption", "unmeant-setting",
           inputs(kinds.BUCKET_ENCRYPTION, "rules", 0, "applyServerSideEncryptionByDefault", "kmsMasterKeyId",
               to=OTHER_KEY),
           (*BOTH, "given key")),
    Mutant("key: another account's everywhere", "unmeant-setting", _key_everywhere(FOREIGN_KEY), (*BOTH, "given key")),
    Mutant("key: another everywhere", "unmeant-setting", _key_everywhere(OTHER_KEY), (*BOTH, "given key")),
    Mutant("key: one of its own beside the given one", "unmeant-resource",
           added(kinds.KEY, {"deletionWindowInDays": 30, "enableKeyRotation": True},
               below="velero-eks:index:BackupStorage"),
           ("given key",)),
]  # fmt: skip

_OURS = {"StringEquals": {"s3:ResourceAccount": ACCOUNT}}
ROLE_POLICY = [
    Mutant("role policy: another bucket", "unmeant-grant",
           allowed(kinds.ROLE_POLICY, Action="s3:GetObject", Resource="arn:aws:s3:::another/*", Condition=_OURS)),
    Mutant("role policy: another bucket beside ours", "unmeant-grant",
           stated(kinds.ROLE_POLICY, "BackupObjects", Resource=[f"{BUCKET_ARN}/*", "arn:aws:s3:::another/*"])),
    Mutant("role policy: every prefix", "unmeant-grant",
           stated(kinds.ROLE_POLICY, "BackupObjects", Resource=f"{BUCKET_ARN}/*"), ("given prefix",)),
    Mutant("role policy: another prefix", "missing-grant",
           stated(kinds.ROLE_POLICY, "BackupObjects", Resource=f"{BUCKET_ARN}/clusters/other/*"), ("given prefix",)),
    Mutant("role policy: another key", "unmeant-grant",
           allowed(kinds.ROLE_POLICY, Action="kms:Decrypt", Resource=OTHER_KEY), (*BOTH, "given key")),
    Mutant("role policy: every alias", "unmeant-grant",
           allowed(kinds.ROLE_POLICY, Action="kms:Decrypt", Resource="*",
                   Condition={"StringLike": {"kms:RequestAlias": "alias/*"}})),
    Mutant("role policy: ViaService of another region", "unmeant-grant",
           stated(kinds.ROLE_POLICY, "BackupKey",
               Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}})),
    Mutant("role policy: ViaService of another service", "unmeant-grant",
           stated(kinds.ROLE_POLICY, "BackupKey",
               Condition={"StringEquals": {"kms:ViaService": "ec2.ap-south-1.amazonaws.com"}})),
    Mutant("role policy: objects of another account", "missing-grant",
           stated(kinds.ROLE_POLICY, "BackupObjects", Condition={"StringEquals": {"s3:ResourceAccount": FOREIGN}})),
    Mutant("role policy: EC2 in a mode that needs none", "unmeant-grant",
           allowed(kinds.ROLE_POLICY, Action=["ec2:CreateSnapshot", "ec2:DeleteSnapshot", "ec2:DescribeVolumes"],
                   Resource="*"), (*BOTH, "no snapshots", "standard cluster")),
    Mutant("role policy: a condition that never holds", "missing-grant",
           stated(kinds.ROLE_POLICY, "BackupObjects",
                  Condition={**_OURS, "Bool": {"aws:MultiFactorAuthPresent": "true"}})),
    Mutant("role policy: only until a date", "missing-grant",
           stated(kinds.ROLE_POLICY, "ListBackups",
                  Condition={**_OURS, "DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})),
    Mutant("role policy: deletes gone", "missing-grant",
           stated(kinds.ROLE_POLICY, "BackupObjects", Action=["s3:GetObject", "s3:PutObject"])),
    Mutant("role policy: Velero refused to delete", "unmeant-refusal",
           allowed(kinds.ROLE_POLICY, Effect="Deny", Action="s3:DeleteObject", Resource="*")),
    Mutant("role policy: the role passes itself on", "unmeant-grant",
           allowed(kinds.ROLE_POLICY, Action="iam:PassRole", Resource=ROLE_ARN)),
    Mutant("role policy: another role is assumed", "unmeant-grant",
           allowed(kinds.ROLE_POLICY, Action="sts:AssumeRole", Resource=f"arn:aws:iam::{FOREIGN}:role/x")),
    Mutant("role policy: on another role", "unmeant-setting", inputs(kinds.ROLE_POLICY, "role", to="another")),
    Mutant("role policy: gone", "missing-grant", dropped(kinds.ROLE_POLICY)),
    Mutant("role policy: a second one", "unmeant-resource",
           added(kinds.ROLE_POLICY, {"role": ROLE, "name": "more", "policy": _READ_ALL})),
    Mutant("role policy: a second one below the role", "unmeant-resource",
           added(kinds.ROLE_POLICY, {"name": "more", "policy": _READ_ALL}, below=kinds.ROLE)),
    Mutant("role policy: inline in the role", "unmeant-grant",
           inputs(kinds.ROLE, "inlinePolicies", to=[{"name": "more", "policy": json.dumps({
               "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}})}])),
    Mutant("role policy: those that are there, exclusively", "unmeant-resource",
           added("aws:iam/rolePoliciesExclusive:RolePoliciesExclusive", {"roleName": ROLE, "policyNames": []})),
    Mutant("attached: AdministratorAccess", "iam-managed-policy",
           added(kinds.ROLE_ATTACHMENT, {"role": ROLE, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})),
    Mutant("attached: a harmless policy", "iam-managed-policy",
           added(kinds.ROLE_ATTACHMENT, {"role": ROLE, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})),
    Mutant("attached: by the role's ARN", "iam-managed-policy",
           added(kinds.ROLE_ATTACHMENT, {"role": ROLE_ARN, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})),
    Mutant("attached: by a PolicyAttachment", "iam-managed-policy",
           added(kinds.POLICY_ATTACHMENT, {"name": "a", "roles": ["other", ROLE],
                                           "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/x"})),
    Mutant("attached: exclusively", "iam-managed-policy",
           added(kinds.ROLE_ATTACHMENTS, {"roleName": ROLE, "policyArns": [f"arn:aws:iam::{ACCOUNT}:policy/x"]})),
    Mutant("attached: in the role itself", "iam-managed-policy",
           inputs(kinds.ROLE, "managedPolicyArns", to=[f"arn:aws:iam::{ACCOUNT}:policy/x"])),
    Mutant("attached: with the attachment below the role", "iam-managed-policy",
           added(kinds.ROLE_ATTACHMENT, {"role": ROLE, "policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
                 below=kinds.ROLE)),
    Mutant("role: its boundary gone", "unmeant-setting", without(kinds.ROLE, "permissionsBoundary"), ("boundary",)),
    Mutant("role: bounded by AdministratorAccess", "unmeant-setting",
           inputs(kinds.ROLE, "permissionsBoundary", to="arn:aws:iam::aws:policy/AdministratorAccess"), (*BOTH,
               "boundary")),
    Mutant("role: sessions of an hour", "unmeant-setting", inputs(kinds.ROLE, "maxSessionDuration", to=3600)),
    Mutant("role: under a path", "unmeant-setting", inputs(kinds.ROLE, "path", to="/service/")),
    Mutant("role: of another name", "unmeant-name", inputs(kinds.ROLE, "name", to="velero")),
    Mutant("role: gone", "missing-resource", dropped(kinds.ROLE)),
    Mutant("role: another one may read the backups", "unmeant-resource",
           all_of(added(kinds.ROLE, {"name": "reader", "assumeRolePolicy": _LAMBDA_TRUST}),
                  added(kinds.ROLE_POLICY, {"role": "reader", "name": "read", "policy": _READ_ALL}))),
    Mutant("role: a managed policy of the program may read the backups", "unmeant-resource",
           added(kinds.MANAGED_POLICY, {"name": "read", "policy": _READ_ALL})),
    Mutant("role: a group may read the backups", "unmeant-resource",
           added("aws:iam/groupPolicy:GroupPolicy", {"group": "people", "policy": _READ_ALL})),
]  # fmt: skip

_CHARTS = "https://charts.example.com"
RELEASE = [
    Mutant("release: the same role in another account", "unmeant-value",
           _values("serviceAccount", "server", "annotations", kinds.ROLE_ANNOTATION, to=ROLE_ARN.replace(ACCOUNT,
               FOREIGN)),
           ("irsa",)),
    Mutant("release: a role by annotation beside Pod Identity", "unmeant-value",
           _values("serviceAccount", "server", "annotations", to={kinds.ROLE_ANNOTATION: ROLE_ARN}), ("pod-identity",)),
    Mutant("release: another registry's image", "unmeant-value",
           _values("image", "repository", to="evil.example.com/velero")),
    Mutant("release: another tag", "unmeant-value", _values("image", "tag", to="v1.17.0")),
    Mutant("release: a digest of something else", "unmeant-value", _values("image", "digest", to=f"sha256:{'0' * 64}")),
    Mutant("release: another registry's plugin", "unmeant-value",
           _values("initContainers", 0, "image", to="evil.example.com/velero-plugin-for-aws:v1.14.2")),
    Mutant("release: a plugin that may do everything", "unmeant-value",
           _values("initContainers", 0, "securityContext", to={"privileged": True})),
    Mutant("release: another repository of charts", "unmeant-value",
           inputs(kinds.RELEASE, "repositoryOpts", "repo", to=_CHARTS)),
    Mutant("release: the chart out of a registry", "unmeant-value",
           inputs(kinds.RELEASE, "chart", to="oci://evil.example.com/charts/velero")),
    Mutant("release: the chart from this machine", "unmeant-value", inputs(kinds.RELEASE, "chart", to="./velero")),
    Mutant("release: another chart", "unmeant-value", inputs(kinds.RELEASE, "chart", to="velero-ui")),
    Mutant("release: another version", "unmeant-value", inputs(kinds.RELEASE, "version", to="11.0.0")),
    Mutant("release: a credential for the repository", "unmeant-value",
           inputs(kinds.RELEASE, "repositoryOpts", "username", to="robot")),
    Mutant("release: unverified TLS as text", "location-transport",
           _location("config", "insecureSkipTLSVerify", to="1")),
    Mutant("release: unverified TLS as Go's T", "location-transport",
           _location("config", "insecureSkipTLSVerify", to="T")),
    Mutant("release: another bucket", "unmeant-value", _location("bucket", to="another")),
    Mutant("release: another prefix", "unmeant-value", _location("prefix", to="other"), (*BOTH, "given prefix")),
    Mutant("release: another S3", "unmeant-value", _location("config", "s3Url", to="https://s3.example.com")),
    Mutant("release: another region", "unmeant-value", _location("config", "region", to="us-east-1")),
    Mutant("release: a key of its own", "unmeant-value", _location("config", "kmsKeyId", to=OTHER_KEY)),
    Mutant("release: a profile", "unmeant-value", _location("config", "profile", to="other")),
    Mutant("release: a CA of its own", "unmeant-value", _location("caCert", to="LS0t")),
    Mutant("release: the location's credential", "unmeant-value",
           _location("credential", to={"name": "cloud", "key": "aws"})),
    Mutant("release: a second default location", "unmeant-value", _second_location),
    Mutant("release: read-only", "unmeant-value", _location("accessMode", to="ReadOnly")),
    Mutant("release: credentials in a secret", "unmeant-value", _values("credentials", "existingSecret", to="cloud")),
    Mutant("release: credentials in the values", "unmeant-value",
           _values("credentials", to={"useSecret": True, "secretContents": {"cloud": "[default]"}})),
    Mutant("release: another service account", "unmeant-value",
           _values("serviceAccount", "server", "name", to="default")),
    Mutant("release: one more environment variable", "unmeant-value",
           _values("configuration", "extraEnvVars", to=[{"name": "AWS_ENDPOINT_URL_S3", "value": "https://x"}])),
    Mutant("release: restores only", "unmeant-value", _values("configuration", "restoreOnlyMode", to=True)),
    Mutant("release: backups off", "unmeant-value", _values("backupsEnabled", to=False)),
    Mutant("release: objects of its own", "unmeant-value",
           _values("extraObjects", to=[{"kind": "ClusterRoleBinding"}])),
    Mutant("release: a node agent", "unmeant-value", _values("deployNodeAgent", to=True)),
    Mutant("release: privileged", "unmeant-value", _values("containerSecurityContext", to={"privileged": True})),
    Mutant("release: in another namespace", "unmeant-value", inputs(kinds.RELEASE, "namespace", to="default")),
    Mutant("release: another name", "unmeant-value", inputs(kinds.RELEASE, "name", to="other")),
    Mutant("release: rolled back at once", "unmeant-value", inputs(kinds.RELEASE, "atomic", to=True)),
    Mutant("release: without its hooks", "unmeant-value", inputs(kinds.RELEASE, "disableWebhooks", to=True)),
    Mutant("release: its values hidden", "unmeant-value", inputs(kinds.RELEASE, "values", to={"secret": True})),
    Mutant("release: its image hidden", "unmeant-value", _values("image", "repository", to={"secret": True})),
    Mutant("release: values from a file", "unmeant-value", inputs(kinds.RELEASE, "valueYamlFiles", to=["more.yaml"])),
    Mutant("release: post-rendered", "unmeant-value", inputs(kinds.RELEASE, "postrender", to="/tmp/x")),
    Mutant("release: without its CRDs", "unmeant-value", inputs(kinds.RELEASE, "skipCrds", to=True)),
    Mutant("release: a second one of Velero", "unmeant-resource", again(kinds.RELEASE)),
    Mutant("release: another chart in Velero's namespace", "unmeant-resource",
           added(kinds.RELEASE, {"name": "ui", "namespace": "velero", "chart": "velero-ui", "version": "1.0.0"})),
    Mutant("release: another chart in Velero's namespace, rendered here", "unmeant-resource",
           added("kubernetes:helm.sh/v4:Chart", {"namespace": "velero", "chart": "velero-ui"})),
    Mutant("release: gone", "missing-resource", dropped(kinds.RELEASE)),
]  # fmt: skip

SCHEDULES = [
    Mutant("schedule: a selector that matches nothing", "unmeant-schedule",
           _spec("template", "labelSelector", to={"matchLabels": {"no": "such"}})),
    Mutant("schedule: selectors of which none matches", "unmeant-schedule",
           _spec("template", "orLabelSelectors", to=[{"matchLabels": {"no": "such"}}])),
    Mutant("schedule: paused", "unmeant-schedule", _spec("paused", to=True)),
    Mutant("schedule: its template hidden", "unmeant-schedule", _spec("template", to={"secret": True})),
    Mutant("schedule: a shorter TTL", "unmeant-schedule", _spec("template", "ttl", to="1h0m0s")),
    Mutant("schedule: skipped at first", "unmeant-schedule", _spec("skipImmediately", to=True)),
    Mutant("schedule: owner of its backups", "unmeant-schedule", _spec("useOwnerReferencesInBackup", to=True)),
    Mutant("schedule: another location", "unmeant-schedule", _spec("template", "storageLocation", to="other")),
    Mutant("schedule: without secrets", "unmeant-schedule", _spec("template", "excludedResources", to=["secrets"])),
    Mutant("schedule: only config maps", "unmeant-schedule", _spec("template", "includedResources", to=["configmaps"])),
    Mutant("schedule: without a namespace", "unmeant-schedule",
           _spec("template", "excludedNamespaces", to=["velero", "exam-prod"])),
    Mutant("schedule: without volumes", "unmeant-schedule", _spec("template", "snapshotVolumes", to=False)),
    Mutant("schedule: a hook of its own", "unmeant-schedule",
           _spec("template", "hooks", to={"resources": [{"name": "x", "pre": [{"exec": {"command": ["rm"]}}]}]})),
    Mutant("schedule: a policy that leaves volumes out", "unmeant-schedule",
           _spec("template", "resourcePolicy", to={"kind": "configmap", "name": "skip-all"})),
    Mutant("schedule: another time", "unmeant-schedule", _spec("schedule", to="0 2 1 1 *")),
    Mutant("schedule: of another name", "unmeant-schedule",
           inputs(kinds.SCHEDULE, "metadata", "name", to="other", name="velero-daily-backup")),
    Mutant("schedule: one more", "unmeant-schedule", again(kinds.SCHEDULE, (("metadata", "name"), "more"))),
    Mutant("schedule: twice", "unmeant-resource", again(kinds.SCHEDULE)),
    Mutant("schedule: one gone", "missing-resource", lambda plan: plan.drop(kinds.SCHEDULE, "velero-daily-backup")),
    Mutant("schedule: all gone", "missing-resource", dropped(kinds.SCHEDULE)),
    Mutant("schedule: before the release", "schedule-after-release",
           forgotten(kinds.SCHEDULE, kinds.RELEASE, kinds.NAMESPACE, kinds.RANDOM_PASSWORD)),
]  # fmt: skip

PROVIDERS = [
    Mutant("provider: any account", "unmeant-provider", without(AWS_PROVIDER, "allowedAccountIds")),
    Mutant("provider: one more account", "unmeant-provider",
           inputs(AWS_PROVIDER, "allowedAccountIds", to=json.dumps([ACCOUNT, FOREIGN]))),
    Mutant("provider: another account", "unmeant-provider",
           inputs(AWS_PROVIDER, "allowedAccountIds", to=json.dumps([FOREIGN]))),
    Mutant("provider: another region", "unmeant-provider", inputs(AWS_PROVIDER, "region", to="eu-west-1")),
    Mutant("provider: another role", "unmeant-provider",
           inputs(AWS_PROVIDER, "assumeRoles", to=json.dumps([{"roleArn": f"arn:aws:iam::{FOREIGN}:role/x"}]))),
    Mutant("provider: another role, as it was called", "unmeant-provider",
           inputs(AWS_PROVIDER, "assumeRole", to=json.dumps({"roleArn": f"arn:aws:iam::{FOREIGN}:role/x"}))),
    Mutant("provider: credentials not validated", "unmeant-provider",
           inputs(AWS_PROVIDER, "skipCredentialsValidation", to="true")),
    Mutant("provider: account not asked for", "unmeant-provider",
           inputs(AWS_PROVIDER, "skipRequestingAccountId", to="true")),
    Mutant("provider: default tags", "unmeant-provider",
           inputs(AWS_PROVIDER, "defaultTags", to=json.dumps({"tags": {"x": "y"}}))),
    Mutant("provider: ignored tags", "unmeant-provider",
           inputs(AWS_PROVIDER, "ignoreTags", to=json.dumps({"keys": ["x"]}))),
    Mutant("provider: another endpoint", "unmeant-provider",
           inputs(AWS_PROVIDER, "endpoints", to=json.dumps([{"s3": "https://s3.example.com"}]))),
    Mutant("provider: a profile", "unmeant-provider", inputs(AWS_PROVIDER, "profile", to="other")),
    Mutant("provider: a key of its own", "unmeant-provider", inputs(AWS_PROVIDER, "accessKey", to="AKIAEXAMPLE")),
    Mutant("provider: unverified TLS", "unmeant-provider", inputs(AWS_PROVIDER, "insecure", to="true")),
    Mutant("provider: another context", "unmeant-provider", inputs(KUBERNETES_PROVIDER, "context", to="other")),
    Mutant("provider: another cluster's kubeconfig", "unmeant-provider",
           _kubeconfig('"exam-prod", "--region"', '"other", "--region"')),
    Mutant("provider: another command in the kubeconfig", "unmeant-provider",
           _kubeconfig('"command": "aws"', '"command": "/tmp/aws"')),
    Mutant("provider: another server in the kubeconfig", "unmeant-provider",
           _kubeconfig(".gr7.ap-south-1.eks.amazonaws.com", ".example.com")),
    Mutant("provider: unverified TLS in the kubeconfig", "unmeant-provider",
           _kubeconfig('"cluster": {"server"', '"cluster": {"insecure-skip-tls-verify": true, "server"')),
    Mutant("provider: a kubeconfig that is a path", "unmeant-provider",
           inputs(KUBERNETES_PROVIDER, "kubeconfig", to="~/.kube/config")),
    Mutant("provider: no kubeconfig", "unmeant-provider", without(KUBERNETES_PROVIDER, "kubeconfig")),
    Mutant("provider: another cluster's identifier", "unmeant-provider",
           inputs(KUBERNETES_PROVIDER, "clusterIdentifier", to=f"{ACCOUNT}/ap-south-1/other")),
    Mutant("provider: no identifier", "unmeant-provider", without(KUBERNETES_PROVIDER, "clusterIdentifier")),
    Mutant("provider: server-side apply off", "unmeant-provider",
           inputs(KUBERNETES_PROVIDER, "enableServerSideApply", to="false")),
    Mutant("provider: fields taken by force", "unmeant-provider",
           inputs(KUBERNETES_PROVIDER, "enablePatchForce", to="true")),
    Mutant("provider: deprecations not told", "unmeant-provider",
           inputs(KUBERNETES_PROVIDER, "suppressDeprecationWarnings", to="true")),
    Mutant("provider: what cannot be reached is deleted", "unmeant-provider",
           inputs(KUBERNETES_PROVIDER, "deleteUnreachable", to="true")),
    Mutant("provider: manifests into a folder", "unmeant-provider",
           inputs(KUBERNETES_PROVIDER, "renderYamlToDirectory", to="out")),
    Mutant("provider: another namespace by default", "unmeant-provider",
           inputs(KUBERNETES_PROVIDER, "namespace", to="x")),
    Mutant("provider: a second one for the bucket", "unmeant-provider",
           all_of(again(AWS_PROVIDER, (("allowedAccountIds",), json.dumps([FOREIGN]))),
                  lambda plan: plan.option(kinds.BUCKET, "provider", plan.entries[-1]["urn"]))),
    Mutant("provider: a second one for the release", "unmeant-provider",
           all_of(again(KUBERNETES_PROVIDER, (("context",), "other")),
                  lambda plan: plan.option(kinds.RELEASE, "provider", plan.entries[-1]["urn"]))),
    Mutant("provider: another region for the key", "unmeant-setting", inputs(kinds.KEY, "region", to="eu-west-1")),
    Mutant("provider: another region for the bucket's encryption", "unmeant-setting",
           inputs(kinds.BUCKET_ENCRYPTION, "region", to="eu-west-1")),
    Mutant("provider: the default one", "explicit-provider", option(kinds.BUCKET, "provider", None)),
    Mutant("provider: the default one for the password's secret", "explicit-provider",
           option(kinds.SECRET, "provider", None)),
]  # fmt: skip

_POLICED = (kinds.BUCKET_POLICY, kinds.BUCKET_ENCRYPTION, kinds.BUCKET_LIFECYCLE, kinds.BUCKET_PUBLIC_ACCESS,
            kinds.BUCKET_VERSIONING, kinds.KEY, kinds.ROLE, kinds.ROLE_POLICY, kinds.RELEASE, kinds.SCHEDULE,
            kinds.SNAPSHOT_CLASS, kinds.NAMESPACE, kinds.SECRET)  # fmt: skip
_KEPT = (kinds.BUCKET_POLICY, kinds.BUCKET_VERSIONING, kinds.BUCKET_ENCRYPTION, kinds.ALIAS)
OPTIONS = [
    *[Mutant(f"option: changes of {kind.rsplit(':', 1)[-1]} ignored", "unmeant-option", option(kind, "ignoreChanges",
        ["*"]))
      for kind in _POLICED],
    Mutant("option: changes of the policy ignored", "unmeant-option",
           option(kinds.BUCKET_POLICY, "ignoreChanges", ["policy"])),
    Mutant("option: changes of one value ignored", "unmeant-option",
           option(kinds.RELEASE, "ignoreChanges", ["values.configuration.backupStorageLocation[0].bucket"])),
    Mutant("option: changes of tags and the policy ignored", "unmeant-option",
           option(kinds.BUCKET_POLICY, "ignoreChanges", ["tags", "policy"])),
    Mutant("option: the bucket deleted before it is replaced", "unmeant-option",
           option(kinds.BUCKET, "deleteBeforeReplace", True)),
    Mutant("option: the password replaced on changes", "unmeant-option",
           option(kinds.RANDOM_PASSWORD, "replaceOnChanges", ["*"])),
    Mutant("option: the bucket gone with the release", "unmeant-option",
           lambda plan: plan.option(kinds.BUCKET, "deletedWith", plan.one(kinds.RELEASE)["urn"])),
    Mutant("option: another bucket is adopted", "unmeant-option", option(kinds.BUCKET, "import", "another")),
    Mutant("option: the state of another resource", "unmeant-option",
           lambda plan: plan.option(kinds.BUCKET, "aliases", [plan.one(kinds.KEY)["urn"]])),
    Mutant("option: given up after a second", "unmeant-option",
           option(kinds.RELEASE, "customTimeouts", {"create": "1s"})),
    Mutant("option: the password no secret", "unmeant-option", option(kinds.SECRET, "additionalSecretOutputs", [])),
    *[Mutant(f"option: {kind.rsplit(':', 1)[-1]} not protected", "unmeant-option", option(kind, "protect", False))
      for kind in _KEPT],
    *[Mutant(f"option: {kind.rsplit(':', 1)[-1]} not retained", "unmeant-option", option(kind, "retainOnDelete", False))
      for kind in (*_KEPT, kinds.SECRET, kinds.RANDOM_PASSWORD)],
    Mutant("option: the namespace not protected", "unmeant-option", option(kinds.NAMESPACE, "protect", False)),
    Mutant("option: the bucket not protected", "storage-kept", option(kinds.BUCKET, "protect", False)),
    Mutant("option: the key not retained", "storage-kept", option(kinds.KEY, "retainOnDelete", False)),
    Mutant("option: the password not protected", "repository-password-kept",
           option(kinds.RANDOM_PASSWORD, "protect", False)),
    Mutant("order: the release before the bucket's policy", "unmeant-option",
           lambda plan: plan.option(kinds.RELEASE, "dependsOn", [
               urn for urn in plan.one(kinds.RELEASE)["options"]["dependsOn"] if "bucketPolicy" not in urn])),
    Mutant("order: the release before the role's policy", "unmeant-option",
           forgotten(kinds.RELEASE, kinds.ROLE_POLICY)),
    Mutant("order: the release before the association", "unmeant-option",
           forgotten(kinds.RELEASE, kinds.POD_IDENTITY), ("pod-identity",)),
    Mutant("order: the policy before the public access block", "unmeant-option",
           forgotten(kinds.BUCKET_POLICY, kinds.BUCKET_PUBLIC_ACCESS)),
    Mutant("order: the bucket after the release", "unmeant-option",
           lambda plan: plan.one(kinds.BUCKET)["options"]["dependsOn"].append(plan.one(kinds.RELEASE)["urn"])),
    Mutant("order: the release after its schedules", "unmeant-option",
           lambda plan: plan.one(kinds.RELEASE)["options"]["dependsOn"].append(plan.one(kinds.SCHEDULE)["urn"])),
    Mutant("order: the lifecycle before the versions", "unmeant-option",
           forgotten(kinds.BUCKET_LIFECYCLE, kinds.BUCKET_VERSIONING)),
    Mutant("order: the snapshot class before the add-on", "csi-before-release",
           forgotten(kinds.SNAPSHOT_CLASS, kinds.ADDON)),
    Mutant("order: the release before the password", "repository-password-first",
           forgotten(kinds.RELEASE, kinds.SECRET)),
    Mutant("order: the release before the snapshot class", "csi-before-release",
           forgotten(kinds.RELEASE, kinds.SNAPSHOT_CLASS, kinds.ADDON)),
]  # fmt: skip

BUCKETS = [
    Mutant("replication: disabled", "unmeant-setting", _replication(status="Disabled")),
    Mutant("replication: to another account", "unmeant-setting",
           _replication(destination={"bucket": "arn:aws:s3:::replica", "account": FOREIGN})),
    Mutant("replication: of what no one writes", "unmeant-setting", _replication(filter={"prefix": "none/"})),
    Mutant("replication: of tagged objects", "unmeant-setting",
           _replication(filter={"tag": {"key": "a", "value": "b"}})),
    Mutant("replication: with the deletions", "unmeant-setting",
           _replication(deleteMarkerReplication={"status": "Enabled"})),
    Mutant("replication: into itself", "unmeant-setting", _replication(destination={"bucket": BUCKET_ARN})),
    Mutant("replication: another bucket's into ours", "unmeant-resource",
           added(kinds.BUCKET_REPLICATION, {"bucket": "another", "role": "r", "rules": [
               {"status": "Enabled", "destination": {"bucket": BUCKET_ARN}}]})),
    Mutant("lifecycle: a rule switched off", "unmeant-setting",
           inputs(kinds.BUCKET_LIFECYCLE, "rules", 1, "status", to="Disabled")),
    Mutant("lifecycle: everything expires", "unmeant-setting", _lifecycle(expiration={"days": 30})),
    Mutant("lifecycle: kopia's objects expire", "unmeant-setting",
           _lifecycle(filter={"prefix": "kopia/"}, expiration={"days": 365})),
    Mutant("lifecycle: to Glacier", "unmeant-setting",
           _lifecycle(transitions=[{"days": 30, "storageClass": "GLACIER"}])),
    Mutant("lifecycle: to Glacier at once", "unmeant-setting",
           _lifecycle(transitions=[{"days": 0, "storageClass": "GLACIER_IR"}])),
    Mutant("lifecycle: old versions sooner", "unmeant-setting",
           inputs(kinds.BUCKET_LIFECYCLE, "rules", 1, "noncurrentVersionExpiration", to={"noncurrentDays": 15})),
    Mutant("lifecycle: few old versions", "unmeant-setting",
           inputs(kinds.BUCKET_LIFECYCLE, "rules", 1, "noncurrentVersionExpiration",
                  to={"noncurrentDays": 30, "newerNoncurrentVersions": 1})),
    Mutant("lifecycle: of another bucket", "unmeant-setting", inputs(kinds.BUCKET_LIFECYCLE, "bucket", to="another")),
    Mutant("lifecycle: a second one", "unmeant-resource",
           added(kinds.BUCKET_LIFECYCLE, {"bucket": BUCKET, "rules": [
               {"id": "all", "status": "Enabled", "expiration": {"days": 1}}]})),
    Mutant("lifecycle: in the bucket itself", "unmeant-setting",
           inputs(kinds.BUCKET, "lifecycleRules", to=[{"enabled": True, "expiration": {"days": 1}}])),
    *[Mutant(f"gone: {kind.rsplit(':', 1)[-1]}", "missing-setting", dropped(kind))
      for kind in (kinds.BUCKET_ENCRYPTION, kinds.BUCKET_VERSIONING, kinds.BUCKET_PUBLIC_ACCESS, kinds.BUCKET_LIFECYCLE,
                   kinds.BUCKET_OWNERSHIP, kinds.BUCKET_LOGGING)],
    Mutant("gone: the bucket", "missing-resource", dropped(kinds.BUCKET)),
    Mutant("gone: the whole of the storage", "missing-resource",
           lambda plan: plan.entries.__setitem__(slice(None), [
               one for one in plan.entries if not one["type"].startswith(("aws:s3/", "aws:kms/"))])),
    Mutant("public access block: off for policies", "unmeant-setting",
           inputs(kinds.BUCKET_PUBLIC_ACCESS, "blockPublicPolicy", to=False)),
    Mutant("public access block: of another bucket", "unmeant-setting",
           inputs(kinds.BUCKET_PUBLIC_ACCESS, "bucket", to="another")),
    Mutant("public access block: a second one", "unmeant-resource",
           added(kinds.BUCKET_PUBLIC_ACCESS, {"bucket": BUCKET, "blockPublicAcls": False})),
    Mutant("an ACL", "unmeant-setting", added(kinds.BUCKET_ACL, {"bucket": BUCKET, "acl": "public-read"})),
    Mutant("ownership by the writer", "unmeant-setting",
           inputs(kinds.BUCKET_OWNERSHIP, "rule", "objectOwnership", to="BucketOwnerPreferred")),
    Mutant("versions suspended", "unmeant-setting",
           inputs(kinds.BUCKET_VERSIONING, "versioningConfiguration", "status", to="Suspended")),
    Mutant("versions deleted with MFA alone", "unmeant-setting",
           inputs(kinds.BUCKET_VERSIONING, "versioningConfiguration", "mfaDelete", to="Enabled")),
    Mutant("versions of another bucket", "unmeant-setting", inputs(kinds.BUCKET_VERSIONING, "bucket", to="another")),
    Mutant("encryption of another bucket", "unmeant-setting", inputs(kinds.BUCKET_ENCRYPTION, "bucket", to="another")),
    Mutant("encryption in two layers", "unmeant-setting",
           inputs(kinds.BUCKET_ENCRYPTION, "rules", 0, "applyServerSideEncryptionByDefault", "sseAlgorithm",
               to="aws:kms:dsse")),
    Mutant("access logs into our own bucket", "unmeant-setting",
           inputs(kinds.BUCKET_LOGGING, "targetBucket", to=BUCKET)),
    Mutant("access logs of another bucket into ours", "unmeant-resource",
           added(kinds.BUCKET_LOGGING, {"bucket": "another", "targetBucket": BUCKET, "targetPrefix": ""})),
    *[Mutant(f"on the bucket: {kind.rsplit(':', 1)[-1]}", "unmeant-resource", added(kind, {"bucket": BUCKET, **more}))
      for kind, more in (
          ("aws:s3/accessPoint:AccessPoint", {"name": "in", "accountId": ACCOUNT}),
          ("aws:s3/bucketNotification:BucketNotification", {"eventbridge": True}),
          ("aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration", {"indexDocument": {"suffix": "index.html"}}),
          ("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", {"corsRules": []}),
          ("aws:s3/inventory:Inventory", {"name": "all", "includedObjectVersions": "All"}),
          ("aws:s3/bucketRequestPaymentConfiguration:BucketRequestPaymentConfiguration", {"payer": "Requester"}),
          ("aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration", {"status": "Enabled"}),
          ("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", {"rule": {}}),
          ("aws:s3/analyticsConfiguration:AnalyticsConfiguration", {"name": "all"}),
          ("aws:s3/bucketObjectv2:BucketObjectv2", {"key": "backups/x/velero-backup.json", "content": "{}"}),
          ("aws:s3/objectCopy:ObjectCopy", {"key": "a", "source": "another/a"}),
          ("aws:s3control/multiRegionAccessPoint:MultiRegionAccessPoint",
           {"details": {"name": "m", "regions": [{"bucket": BUCKET}]}}),
          ("aws-native:s3:BucketPolicy", {"policyDocument": {}}),
      )],
    Mutant("on the bucket: an archive", "unmeant-setting",
           added(kinds.BUCKET_INTELLIGENT_TIERING, {"bucket": BUCKET, "name": "cold", "tierings": [
               {"accessTier": "DEEP_ARCHIVE_ACCESS", "days": 180}]})),
    Mutant("on the bucket: an access point's policy by its ARN", "unmeant-resource",
           added("aws:s3control/accessGrantsLocation:AccessGrantsLocation", {
               "iamRoleArn": ROLE_ARN, "locationScope": f"s3://{BUCKET}/*"})),
    Mutant("bucket: of another name", "unmeant-name", inputs(kinds.BUCKET, "bucket", to="another")),
    Mutant("bucket: locked", "unmeant-setting", inputs(kinds.BUCKET, "objectLockEnabled", to=True)),
    Mutant("bucket: deleted with its backups", "bucket-force-destroy", inputs(kinds.BUCKET, "forceDestroy", to=True)),
    Mutant("bucket: a second one in the component", "unmeant-resource",
           added(kinds.BUCKET, {"bucket": "another"}, below="velero-eks:index:BackupStorage")),
]  # fmt: skip

CLUSTER = [
    Mutant("namespace: weaker Pod Security", "unmeant-setting",
           inputs(kinds.NAMESPACE, "metadata", "labels", "pod-security.kubernetes.io/enforce", to="baseline")),
    Mutant("namespace: privileged", "namespace-pod-security",
           inputs(kinds.NAMESPACE, "metadata", "labels", "pod-security.kubernetes.io/enforce", to="privileged")),
    Mutant("namespace: an older version's Pod Security", "unmeant-setting",
           inputs(kinds.NAMESPACE, "metadata", "labels", "pod-security.kubernetes.io/enforce-version", to="v1.0")),
    Mutant("namespace: nothing audited", "unmeant-setting",
           without(kinds.NAMESPACE, "metadata", "labels", "pod-security.kubernetes.io/audit")),
    Mutant("namespace: another", "unmeant-setting", inputs(kinds.NAMESPACE, "metadata", "name", to="other")),
    Mutant("namespace: gone", "namespace-pod-security", dropped(kinds.NAMESPACE)),
    Mutant("namespace: patched", "unmeant-resource",
           in_cluster("core/v1:NamespacePatch", {}, namespace=None, name="velero")),
    Mutant("password: plain", "repository-password",
           inputs(kinds.SECRET, "stringData", to={kinds.REPOSITORY_SECRET_KEY: "someone-typed-this-here"})),
    Mutant("password: plain in base64", "repository-password",
           all_of(without(kinds.SECRET, "stringData"),
                  inputs(kinds.SECRET, "data", to={kinds.REPOSITORY_SECRET_KEY: "c29tZWJvZHktdHlwZWQtdGhpcw=="}))),
    Mutant("password: never changed", "unmeant-setting", inputs(kinds.SECRET, "immutable", to=True)),
    Mutant("password: recreated", "unmeant-setting", inputs(kinds.RANDOM_PASSWORD, "keepers", to={"version": "2"})),
    Mutant("password: short", "repository-password", inputs(kinds.RANDOM_PASSWORD, "length", to=12)),
    Mutant("password: of digits", "unmeant-setting",
           all_of(inputs(kinds.RANDOM_PASSWORD, "upper", to=False), inputs(kinds.RANDOM_PASSWORD, "lower", to=False))),
    Mutant("password: gone", "repository-password", dropped(kinds.SECRET)),
    Mutant("password: its source gone", "missing-resource", dropped(kinds.RANDOM_PASSWORD)),
    Mutant("snapshots: deleted with their object", "unmeant-setting",
           inputs(kinds.SNAPSHOT_CLASS, "deletionPolicy", to="Delete")),
    Mutant("snapshots: another driver", "unmeant-setting",
           inputs(kinds.SNAPSHOT_CLASS, "driver", to="efs.csi.aws.com")),
    Mutant("snapshots: parameters of their own", "unmeant-setting",
           inputs(kinds.SNAPSHOT_CLASS, "parameters", to={"tagSpecification_1": "a=b"})),
    Mutant("snapshots: a second class for Velero", "unmeant-resource",
           added(kinds.SNAPSHOT_CLASS, {"metadata": {"name": "other",
               "labels": {"velero.io/csi-volumesnapshot-class": "true"}},
                                        "driver": "ebs.csi.aws.com", "deletionPolicy": "Delete"})),
    Mutant("snapshots: no controller", "missing-resource", dropped(kinds.ADDON)),
    Mutant("snapshots: no class", "missing-resource", dropped(kinds.SNAPSHOT_CLASS)),
    Mutant("snapshots: another cluster's controller", "unmeant-setting",
           inputs(kinds.ADDON, "clusterName", to="other")),
    Mutant("snapshots: another add-on", "unmeant-setting", inputs(kinds.ADDON, "addonName", to="coredns")),
    Mutant("snapshots: a controller set by hand", "unmeant-setting",
           inputs(kinds.ADDON, "configurationValues", to='{"replicaCount": 0}')),
    Mutant("snapshots: a controller with a role", "unmeant-setting",
           inputs(kinds.ADDON, "serviceAccountRoleArn", to=f"arn:aws:iam::{ACCOUNT}:role/x")),
    Mutant("snapshots: where none are meant", "unmeant-resource",
           added(kinds.SNAPSHOT_CLASS, {"metadata": {"name": "x",
               "labels": {"velero.io/csi-volumesnapshot-class": "true"}},
                                        "driver": "ebs.csi.aws.com", "deletionPolicy": "Delete"}), ("no snapshots",)),
    Mutant("rights: cluster-admin for Velero again", "unmeant-resource",
           in_cluster("rbac.authorization.k8s.io/v1:ClusterRoleBinding", {"roleRef": _ADMIN, "subjects": [_SERVER]},
               namespace=None)),
    Mutant("rights: for all of the namespace's service accounts", "unmeant-resource",
           in_cluster("rbac.authorization.k8s.io/v1:ClusterRoleBinding", {"roleRef": _ADMIN, "subjects": [
               {"kind": "Group", "name": "system:serviceaccounts:velero"}]}, namespace=None)),
    Mutant("rights: for Velero in another namespace", "unmeant-resource",
           in_cluster("rbac.authorization.k8s.io/v1:RoleBinding", {"roleRef": _ADMIN, "subjects": [_SERVER]},
               namespace="shop")),
    Mutant("rights: for someone else in Velero's namespace", "unmeant-resource",
           in_cluster("rbac.authorization.k8s.io/v1:RoleBinding", {"roleRef": _ADMIN, "subjects": [
               {"kind": "User", "name": "eve"}]})),
    Mutant("in the namespace: a pod under Velero's account", "unmeant-resource",
           in_cluster("core/v1:Pod", {"spec": _POD})),
    Mutant("in the namespace: a deployment under Velero's account", "unmeant-resource",
           in_cluster("apps/v1:Deployment", _DEPLOYMENT)),
    Mutant("in the namespace: a cron job", "unmeant-resource",
           in_cluster("batch/v1:CronJob", {"spec": {"jobTemplate": {"spec": {"template": {"spec": _POD}}}}})),
    Mutant("in the namespace: Velero's account", "unmeant-resource",
           in_cluster("core/v1:ServiceAccount", {}, name="velero-server")),
    Mutant("in the namespace: a token of Velero's account", "unmeant-resource",
           in_cluster("core/v1:Secret", {"type": "kubernetes.io/service-account-token"})),
    Mutant("in the namespace: AWS credentials", "unmeant-resource",
           in_cluster("core/v1:Secret", {"stringData": {"secret": True}}, name="cloud-credentials")),
    Mutant("in the namespace: the password again", "unmeant-resource",
           in_cluster("core/v1:Secret", {"stringData": {"secret": True}}, name="velero-repo-credentials")),
    Mutant("in the namespace: a patched password", "unmeant-resource",
           in_cluster("core/v1:SecretPatch", {"stringData": {"secret": True}}, name="velero-repo-credentials")),
    Mutant("in the namespace: a plugin's configuration", "unmeant-resource",
           added("kubernetes:core/v1:ConfigMap", {"metadata": {"name": "restore-images", "namespace": "velero",
               "labels": {
               "velero.io/plugin-config": "", "velero.io/change-image-name": "RestoreItemAction"}},
                   "data": {"a": "b"}})),
    *[Mutant(f"in the namespace: a {kind}", "unmeant-resource", in_cluster(f"velero.io/v1:{kind}", {"spec": {}}))
      for kind in ("BackupStorageLocation", "VolumeSnapshotLocation", "Backup", "Restore", "DeleteBackupRequest",
                   "BackupRepository")],
    Mutant("in the namespace: no way out", "unmeant-resource",
           in_cluster("networking.k8s.io/v1:NetworkPolicy", {"spec": {"podSelector": {}, "policyTypes": ["Egress"]}})),
    Mutant("in the namespace: no pods", "unmeant-resource",
           in_cluster("core/v1:ResourceQuota", {"spec": {"hard": {"pods": "0"}}})),
    Mutant("a webhook that sees every backup", "unmeant-resource",
           in_cluster("admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration", {"webhooks": [
               {"name": "a.example.com", "rules": [{"apiGroups": ["velero.io"], "resources": ["backups"]}]}]},
               namespace=None)),
    Mutant("CRDs of Velero's", "unmeant-resource",
           in_cluster("apiextensions.k8s.io/v1:CustomResourceDefinition", {"spec": {}}, namespace=None,
               name="backups.velero.io")),
]  # fmt: skip

MUTANTS = [
    *TRUST, *ASSOCIATIONS, *BUCKET_POLICY, *KEYS, *ROLE_POLICY, *RELEASE, *SCHEDULES, *PROVIDERS, *OPTIONS, *BUCKETS,
    *CLUSTER,
]  # fmt: skip
