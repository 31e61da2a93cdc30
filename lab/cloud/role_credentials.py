"""Who may have a role's credentials: what AWS STS (IRSA) and EKS Auth (Pod Identity) check before they give any."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs

from moto.backends import get_backend

from lab.cloud import tokens
from lab.cloud.access import Question, decide
from lab.cloud.facts import Facts
from lab.cloud.wsgi import Environ, Refused, body_of
from velero_eks.aws.iam import Caller

POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"


class RoleCredentials:
    """Judges tokens of the lab's clusters against OIDC providers, associations and trust policies."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def judge_web_identity(self, environ: Environ) -> None:
        """IRSA: AssumeRoleWithWebIdentity with a token of one of the lab's clusters."""
        body = body_of(environ)
        form = parse_qs(body.decode(errors="replace")) or parse_qs(environ.get("QUERY_STRING", ""))
        if form.get("Action", [""])[0] != "AssumeRoleWithWebIdentity":
            raise Refused(403, "MissingAuthenticationToken", "the request carries no credentials")
        arn = form.get("RoleArn", [""])[0]
        claims = self._claims(form.get("WebIdentityToken", [""])[0])
        issuer = str(claims["iss"]).removeprefix("https://")
        provider_arn = f"arn:aws:iam::{self._facts.account}:oidc-provider/{issuer}"
        provider = get_backend("iam")[self._facts.account]["aws"].open_id_providers.get(provider_arn)
        if provider is None:
            raise Refused(
                400, "InvalidIdentityToken", f"no OpenIDConnect provider found in the account for https://{issuer}"
            )
        audience = next((item for item in tokens.audiences(claims) if item in provider.client_id_list), None)
        if audience is None:
            raise Refused(
                400,
                "InvalidIdentityToken",
                f"the token is for {tokens.audiences(claims)}, the provider takes {provider.client_id_list}",
            )
        context = {f"{issuer}:aud": audience, f"{issuer}:sub": str(claims["sub"])}
        question = Question(
            action="sts:AssumeRoleWithWebIdentity",
            resource=arn,
            caller=Caller(federated=provider_arn),
            context=context,
        )
        self._require_trust(question, str(claims["sub"]))

    def assume_for_pod(self, environ: Environ) -> dict[str, Any]:
        """What the Pod Identity Agent asks of EKS: credentials for the role associated with a service account."""
        cluster = environ["PATH_INFO"].split("/")[2]
        claims = self._claims(str(json.loads(body_of(environ) or b"{}").get("token", "")))
        pod = claims.get("kubernetes.io", {})
        namespace, account = pod.get("namespace", ""), pod.get("serviceaccount", {}).get("name", "")
        if POD_IDENTITY_SERVICE not in tokens.audiences(claims):
            raise Refused(400, "InvalidTokenException", f"the token is for {tokens.audiences(claims)}")
        association = self._facts.association(cluster, namespace, account)
        if association is None:
            raise Refused(
                404,
                "ResourceNotFoundException",
                f"no Pod Identity association in {cluster} for {namespace}/{account}",
            )
        arn = str(association["roleArn"])
        context = {"aws:SourceAccount": self._facts.account, "aws:SourceArn": self._facts.cluster_arn(cluster)}
        if not association.get("disableSessionTags"):
            context |= {
                "aws:RequestTag/eks-cluster-arn": self._facts.cluster_arn(cluster),
                "aws:RequestTag/eks-cluster-name": cluster,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": account,
            }
        for action in ("sts:AssumeRole", "sts:TagSession"):
            caller = Caller(service=POD_IDENTITY_SERVICE)
            question = Question(action=action, resource=arn, caller=caller, context=context)
            self._require_trust(question, f"{namespace}/{account}")
        session = get_backend("sts")[self._facts.account]["aws"].assume_role(
            region_name=self._facts.region,
            role_session_name=f"eks-{cluster}-{account}"[:64],
            role_arn=arn,
            policy="",
            duration=6 * 3600,
            external_id="",
        )
        credentials = {
            "accessKeyId": session.access_key_id,
            "secretAccessKey": session.secret_access_key,
            "sessionToken": session.session_token,
            "expiration": int(session.expiration.replace(tzinfo=UTC).timestamp()),
        }
        return {"credentials": credentials, "assumedRoleUser": {"arn": session.arn}}

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            issuer = str(tokens.unverified_claims(token).get("iss", ""))
            key = self._facts.public_key(issuer)
            if key is None:
                raise tokens.BadToken(f"no cluster of this lab has the issuer {issuer!r}")
            return tokens.verified_claims(token, key)
        except tokens.BadToken as error:
            raise Refused(400, "InvalidIdentityToken", f"the token is refused: {error}") from error

    def _require_trust(self, question: Question, who: str) -> None:
        try:
            role = get_backend("iam")[self._facts.account]["aws"].get_role_by_arn(question.resource)
        except Exception as error:
            raise Refused(403, "AccessDenied", f"the role {question.resource!r} does not exist") from error
        decision = decide(question, [], role.assume_role_policy_document)
        if not decision.allowed:
            raise Refused(
                403,
                "AccessDenied",
                f"Not authorized to perform {question.action}: "
                f"the trust policy of {question.resource} does not admit {who}",
            )
