"""The table in requests.yaml, with the documents that the real program makes: one case for each action of a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from velero_on_eks.settings import Settings

from lab.cloud.access import EVERYTHING, Document, Question, decide
from tests.support import document, record_settings
from velero_eks.aws.iam import Caller, statements

HERE = Path(__file__).parent
REQUESTS, ANSWERS = HERE / "requests.yaml", HERE / "answers.json"
ALLOWED, REFUSED = "allowed", "refused"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One action that someone asks for, with every policy that has a say, and the answer that is wanted.

    `by` is the statement that must refuse it; empty where nothing has to but that nothing allows it. `caller` is None
    for an unsigned request. `identity` are the caller's own policies, `resource_policy` is the bucket's, the key's or
    the role's trust.
    """

    group: str
    what: str
    action: str
    resource: str
    owner: str
    wanted: str
    by: str = ""
    caller: Caller | None
    context: Mapping[str, str] = field(default_factory=dict)
    identity: Document | None = None
    resource_policy: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """What it is called in the answers."""
        return f"{self.group}: {self.what}: {self.action}"

    @property
    def principal(self) -> str | None:
        """Who asks, by ARN or by the service's name."""
        if self.caller is None:
            return None
        return self.caller.arn or self.caller.federated or self.caller.service

    @property
    def simulation(self) -> dict[str, Any]:
        """The case as the simulator takes it."""
        own = [{"name": "own", "policy": _mapping(self.identity)}] if self.identity is not None else []
        context, policy = dict(self.context), self.resource_policy
        # The simulator passes over keys of an OIDC issuer; another key with the same values says the same.
        for claim in ("aud", "sub"):
            for key in [key for key in _keys(policy) | context.keys() if key.endswith(f":{claim}")]:
                policy = json.loads(json.dumps(policy).replace(json.dumps(key), json.dumps(f"aws:RequestTag/{claim}")))
                if key in context:
                    context[f"aws:RequestTag/{claim}"] = context.pop(key)
        return {
            "request": {
                "principal": self.principal,
                "action": self.action,
                "resource": {"resource": self.resource, "accountId": self.owner},
                "contextVariables": context,
            },
            "identityPolicies": own,
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
            **({"resourcePolicy": policy} if policy is not None else {}),
        }

    @property
    def judged_here(self) -> str:
        """What the lab's own evaluator answers, which decides about Velero's requests in the rehearsals."""
        caller = self.caller or Caller(arn="arn:aws:iam::000000000000:user/unsigned")
        question = Question(action=self.action, resource=self.resource, caller=caller, context=self.context)
        own = [self.identity] if self.identity is not None else []
        if caller.account in ("", self.owner):
            # A key's policy and a role's trust have the last word, whatever the caller's own policies allow.
            agrees = bool(own) and self.action.startswith(("kms:", "sts:")) and self.resource_policy is not None
            allowed = decide(question, own, self.resource_policy, resource_must_agree=agrees).allowed
        else:
            # Another account's request needs both: its own policies and the resource's.
            allowed = decide(question, own).allowed and decide(question, [], self.resource_policy).allowed
        return ALLOWED if allowed else REFUSED


@lru_cache(maxsize=1)
def cases() -> tuple[Case, ...]:
    """Every case, in the table's order."""
    table = yaml.safe_load(REQUESTS.read_text(encoding="utf-8"))
    return (*_requests(table), *_of_irsa(table), *_of_pod_identity(table))


class _Stack:
    """What one stack deploys, by the names that the table uses."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = Settings.from_mapping(settings)
        recording = record_settings(self.settings)
        bucket, key, role = (
            recording.one(type_) for type_ in ("aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:iam/role:Role")
        )
        self.bucket_policy = document(recording.one("aws:s3/bucketPolicy:BucketPolicy"))
        self.key_policy = document(key)
        self.permissions = document(recording.one("aws:iam/rolePolicy:RolePolicy"))
        self.trust = document(role, "assumeRolePolicy")
        self.role = f"arn:aws:iam::{self.settings.cluster.account}:role/{role.inputs['name']}"
        self.bucket = f"arn:aws:s3:::{bucket.inputs['bucket']}"
        self._words = {
            "account": self.settings.cluster.account,
            "region": self.settings.region,
            "bucket": bucket.inputs["bucket"],
            "key": str((key.outputs or {})["arn"]),
            "key id": str((key.outputs or {})["arn"]).rpartition("/")[2],
        }

    @property
    def account(self) -> str:
        return self._words["account"]

    def named(self, text: str) -> str:
        for word, value in self._words.items():
            text = text.replace(f"{{{word}}}", value)
        return text

    def resource(self, at: str) -> str:
        if at == "bucket":
            return self.bucket
        if at.startswith("key:"):
            return f"{self.bucket}/{self.settings.storage.prefix}/{at.removeprefix('key:')}"
        return self.named(at)

    def policy_of(self, resource: str) -> dict[str, Any] | None:
        if resource == self.bucket or resource.startswith(f"{self.bucket}/"):
            return self.bucket_policy
        return self.key_policy if resource == self.named("{key}") else None


def _requests(table: Mapping[str, Any]) -> Iterator[Case]:
    stack = _Stack(table["stack"])
    for row in table["requests"]:
        resource, who = stack.resource(row["at"]), table["callers"][row["who"]]
        owner = row.get("owner", stack.account)
        context = {"aws:SecureTransport": str(row.get("tls", True)).lower(), **_caller_keys(stack, who)}
        if resource.startswith("arn:aws:s3:"):
            context["s3:ResourceAccount"] = owner
        context |= {f"s3:{header}": stack.named(value) for header, value in row.get("with", {}).items()}
        context |= row.get("context", {})
        policy = stack.policy_of(resource) if owner == stack.account else _open_to_all(stack)
        for action in row["does"]:
            yield Case(
                group="S3 and KMS",
                what=row["what"],
                action=action,
                resource=resource,
                owner=owner,
                wanted=row["wanted"],
                by=row.get("by", ""),
                caller=_caller(stack, who),
                context=context,
                identity=_own(stack, who),
                resource_policy=policy,
            )


def _of_irsa(table: Mapping[str, Any]) -> Iterator[Case]:
    stack = _Stack({**table["stack"], "identity": {"mode": "irsa"}})
    [trusted] = [one for one in statements(stack.trust) if one.principals]
    provider = trusted.principals[0].value
    for row in table["irsa"]:
        issuer = stack.named(row.get("issuer", provider))
        host = issuer.partition("oidc-provider/")[2]
        token = {f"{host}:{claim}": value for claim, value in row.get("token", {}).items()}
        caller, own, actions = Caller(federated=issuer), None, ["sts:AssumeRoleWithWebIdentity"]
        if "token" not in row:
            caller, own, actions = _assuming(stack, table, row)
        yield from _of_role("IRSA", stack, row, actions, caller, own, token)


def _of_pod_identity(table: Mapping[str, Any]) -> Iterator[Case]:
    stack = _Stack({**table["stack"], "identity": {"mode": "pod-identity"}})
    of_the_pod = {
        "eks-cluster-arn": "arn:aws:eks:{region}:{account}:cluster/shop",
        "kubernetes-namespace": "velero",
        "kubernetes-service-account": "velero-server",
    }
    for row in table["pod-identity"]:
        given = row.get("tags", of_the_pod)
        tags = {**of_the_pod, **given} if given else {}
        context = {f"aws:RequestTag/{tag}": stack.named(value) for tag, value in tags.items()}
        context["aws:SourceAccount"] = row.get("source", stack.account)
        caller, own, _ = _assuming(stack, table, row)
        yield from _of_role("Pod Identity", stack, row, ["sts:AssumeRole"], caller, own, context)


def _assuming(stack: _Stack, table: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[Any, Any, list[str]]:
    if "service" in row:
        return Caller(service=row["service"]), None, ["sts:AssumeRole"]
    who = table["callers"][row["who"]]
    return _caller(stack, who), _own(stack, who), ["sts:AssumeRole"]


def _of_role(
    group: str,
    stack: _Stack,
    row: Mapping[str, Any],
    actions: list[str],
    caller: Caller,
    own: Document | None,
    context: Mapping[str, str],
) -> Iterator[Case]:
    for action in actions:
        yield Case(
            group=group,
            what=row["what"],
            action=action,
            resource=stack.role,
            owner=stack.account,
            wanted=row["wanted"],
            caller=caller,
            context=context,
            identity=own,
            resource_policy=stack.trust,
        )


def _caller(stack: _Stack, who: Mapping[str, Any]) -> Caller | None:
    return None if who.get("anonymous") else Caller(arn=stack.named(who["session"]))


def _caller_keys(stack: _Stack, who: Mapping[str, Any]) -> dict[str, str]:
    return {} if who.get("anonymous") else {"aws:PrincipalArn": stack.named(who["arn"])}


def _own(stack: _Stack, who: Mapping[str, Any]) -> Document | None:
    if who.get("anonymous"):
        return None
    if who["may"] == "velero":
        return stack.permissions
    if who["may"] == "*":
        return EVERYTHING
    allow = {"Effect": "Allow", "Action": who["may"], "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [allow]}


def _open_to_all(stack: _Stack) -> dict[str, Any]:
    """The policy of another owner bucket that has our bucket's name and waits for backups."""
    everything = [stack.bucket, f"{stack.bucket}/*"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": everything}
    return {"Version": "2012-10-17", "Statement": [allow]}


def _keys(policy: Mapping[str, Any] | None) -> set[str]:
    return {one.key for statement in statements(policy) for one in statement.conditions} if policy else set()


def _mapping(policy: Document | None) -> Any:
    return json.loads(policy) if isinstance(policy, str | bytes) else policy


def answers() -> dict[str, dict[str, Any]]:
    """What the simulator answered when the table was last tried: `got`, and `by`, the statements that refuse."""
    return json.loads(ANSWERS.read_text(encoding="utf-8"))
