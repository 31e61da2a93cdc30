"""The gate in front of the emulator: it refuses what IAM would refuse, which the emulator itself lets through.

Judged are all S3 requests (identity policies, permissions boundary, bucket policy, and the KMS key of an encrypted
object), and who may have a role's credentials (IRSA, Pod Identity). Signatures of requests are not checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from moto.backends import get_backend

from lab.cloud import eks_tokens
from lab.cloud.access import EVERYTHING, Decision, Document, Question, decide
from lab.cloud.facts import ADMIN_ACCESS_KEY, Facts
from lab.cloud.role_credentials import RoleCredentials
from lab.cloud.s3_actions import needs
from lab.cloud.wsgi import Application, Environ, Refused, StartResponse, access_key_of, body_of, drain, service_of
from velero_eks.aws.iam import Caller, MalformedDocument
from velero_eks.aws.iam_conditions import UnknownOperator


class Gate:
    """A WSGI application around the emulator's. `log` gets one line for each refusal."""

    def __init__(self, emulator: Application, facts: Facts, log: Callable[[str], object]) -> None:
        self._emulator = emulator
        self._facts = facts
        self._roles = RoleCredentials(facts)
        self._log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        service = service_of(environ)
        try:
            if environ["PATH_INFO"].startswith("/moto-api/"):
                return self._emulator(environ, start_response)
            reviewed = re.fullmatch(r"/token-review/([^/]+)", environ["PATH_INFO"])
            if reviewed:
                answer = eks_tokens.review(json.loads(body_of(environ)), reviewed[1], self._facts)
                return _answer(200, json.dumps(answer), "application/json", start_response)
            if re.fullmatch(r"/clusters/[^/]+/assume-role-for-pod-identity", environ["PATH_INFO"]):
                return _answer(200, json.dumps(self._roles.assume_for_pod(environ)), "application/json", start_response)
            if service == "s3":
                self._judge_s3(environ)
            elif service == "":
                self._roles.judge_web_identity(environ)
        except Refused as refusal:
            self._log(f"refused: {refusal.code}: {refusal}")
            return _answer_refusal(refusal, service, environ, start_response)
        except (MalformedDocument, UnknownOperator) as fault:
            message = f"a policy cannot be judged: {fault}"
            self._log(f"refused: {message}")
            return _answer_refusal(Refused(400, "MalformedPolicyDocument", message), service, environ, start_response)
        return self._emulator(environ, start_response)

    # Who asks

    def _caller(self, access_key: str) -> tuple[Caller, list[Document], Document | None]:
        """The caller behind an access key, its identity policies and its permissions boundary."""
        account = self._facts.account
        if access_key == ADMIN_ACCESS_KEY:
            return Caller(arn=f"arn:aws:iam::{account}:role/lab-admin"), [EVERYTHING], None
        session = get_backend("sts")[account]["aws"].get_assumed_role_from_access_key(access_key)
        if session is None:
            raise Refused(403, "InvalidAccessKeyId", f"the access key {access_key} belongs to no one in this lab")
        if session.expiration.replace(tzinfo=UTC) < datetime.now(UTC):
            raise Refused(400, "ExpiredToken", "the provided token has expired")
        iam = get_backend("iam")[account]["aws"]
        try:
            role = iam.get_role_by_arn(session.role_arn)
        except Exception as error:
            raise Refused(403, "AccessDenied", f"the role {session.role_arn} does not exist (any more)") from error
        policies = list(role.policies.values())
        policies += [_current(policy) for policy in role.managed_policies.values()]
        boundary = role.permissions_boundary_arn
        limit = _current(iam.get_policy(boundary)) if boundary else None
        return Caller(arn=session.role_arn), policies, limit

    # S3

    def _judge_s3(self, environ: Environ) -> None:
        caller, identity, boundary = self._caller(access_key_of(environ))
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        wanted = needs(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""), headers)
        if environ["REQUEST_METHOD"] == "POST" and wanted[0][2] == "*":
            wanted = [(action, wanted[0][1], key) for action, key in _deleted_keys(environ)]
        context = self._context(environ, caller, headers)
        for action, bucket_name, key in wanted:
            bucket = get_backend("s3")[self._facts.account]["aws"].buckets.get(bucket_name)
            policy = bucket.policy if bucket is not None and bucket.policy else None
            resource = f"arn:aws:s3:::{bucket_name}/{key}" if key else f"arn:aws:s3:::{bucket_name or '*'}"
            question = Question(action=action, resource=resource, caller=caller, context=context)
            _require(decide(question, identity, policy, boundary=boundary))
            if bucket is not None and action in {"s3:PutObject", "s3:GetObject", "s3:GetObjectVersion"}:
                self._judge_key(question, bucket, key, headers, identity, boundary)

    def _judge_key(
        self,
        question: Question,
        bucket: Any,
        key: str,
        headers: Mapping[str, str],
        identity: list[Document],
        boundary: Document | None,
    ) -> None:
        """The right to use the KMS key that S3 uses on the caller's behalf."""
        writing = question.action == "s3:PutObject"
        name = _writing_key(bucket, headers) if writing else getattr(bucket.keys.get(key), "kms_key_id", None)
        backend = get_backend("kms")[self._facts.account][self._facts.region]
        kms_key = backend.keys.get(backend.any_id_to_key_id(name)) if name else None
        if kms_key is None:
            return
        if kms_key.key_state != "Enabled":
            raise Refused(400, "KMS.KMSInvalidStateException", f"{kms_key.arn} is {kms_key.key_state}")
        context = {
            **question.context,
            "kms:ViaService": f"s3.{self._facts.region}.amazonaws.com",
            "kms:CallerAccount": self._facts.account,
            "kms:EncryptionContext:aws:s3:arn": question.resource,
        }
        action = "kms:GenerateDataKey" if writing else "kms:Decrypt"
        asked = Question(action=action, resource=kms_key.arn, caller=question.caller, context=context)
        _require(decide(asked, identity, kms_key.policy, boundary=boundary, resource_must_agree=True))

    def _context(self, environ: Environ, caller: Caller, headers: Mapping[str, str]) -> dict[str, str]:
        account, now = self._facts.account, datetime.now(UTC)
        context = {
            "aws:CurrentTime": now.isoformat(timespec="seconds"),
            "aws:EpochTime": str(int(now.timestamp())),
            "aws:SecureTransport": str(environ["wsgi.url_scheme"] == "https").lower(),
            "s3:TlsVersion": "1.3",
            "aws:PrincipalArn": caller.arn,
            "aws:PrincipalAccount": account,
            "aws:PrincipalIsAWSService": "false",
            "aws:ResourceAccount": account,
            "s3:ResourceAccount": account,
            "aws:RequestedRegion": self._facts.region,
            "aws:SourceIp": environ.get("REMOTE_ADDR", "127.0.0.1"),
        }
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        for parameter in ("prefix", "delimiter", "max-keys", "versionId"):
            if parameter in query:
                context[f"s3:{parameter}"] = query[parameter][0]
        for name, value in headers.items():
            if name.startswith("x-amz-"):
                context[f"s3:{name}"] = value
        return context


def _current(policy: Any) -> Document:
    """The document in force of a managed policy."""
    return next(version.document for version in policy.versions if version.is_default)


def _require(decision: Decision) -> None:
    if not decision.allowed:
        raise Refused(403, "AccessDenied", decision.reason)


def _writing_key(bucket: Any, headers: Mapping[str, str]) -> str | None:
    """The KMS key a new object will be encrypted with, or None for a key that S3 owns."""
    if "x-amz-server-side-encryption-aws-kms-key-id" in headers:
        return headers["x-amz-server-side-encryption-aws-kms-key-id"]
    if headers.get("x-amz-server-side-encryption", "aws:kms") != "aws:kms" or not bucket.encryption:
        return None
    return bucket.encryption["Rule"]["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")


def _deleted_keys(environ: Environ) -> list[tuple[str, str]]:
    """The (action, key) pairs of a multi-object delete."""
    # The lab's own processes wrote this; no one else can reach the loopback port.
    root = ElementTree.fromstring(body_of(environ))  # noqa: S314
    found: list[tuple[str, str]] = []
    for item in root.findall("{*}Object"):
        action = "s3:DeleteObject" if item.find("{*}VersionId") is None else "s3:DeleteObjectVersion"
        found.append((action, item.findtext("{*}Key", "")))
    return found


def _answer_refusal(refusal: Refused, service: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    drain(environ)
    code, message = escape(refusal.code), escape(str(refusal))
    if service == "s3":
        kind, text = "application/xml", f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    elif environ["PATH_INFO"].startswith("/clusters/"):
        kind, text = "application/json", json.dumps({"__type": refusal.code, "message": str(refusal)})
    else:
        kind = "text/xml"
        text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    return _answer(
        refusal.status, "" if environ["REQUEST_METHOD"] == "HEAD" else text, kind, start_response, refusal.code
    )


def _answer(status: int, text: str, kind: str, start_response: StartResponse, code: str = "OK") -> Iterable[bytes]:
    body = text.encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    if code != "OK":
        headers.append(("x-amzn-errortype", code))
    start_response(f"{status} {code}", headers)
    return [body]
