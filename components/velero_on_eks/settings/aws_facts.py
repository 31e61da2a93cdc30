"""Regions, partitions, accounts and ARNs: what they look like and which belongs to which."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from velero_on_eks.settings.aws_regions import REGIONS, Partition
from velero_on_eks.settings.refusals import Refused


def partition_of(region: str) -> Partition:
    """The partition that a known region is in; KeyError for an unknown one."""
    return REGIONS[region]


def check_region(region: str) -> str:
    """Refuse a region that AWS does not have."""
    if region not in REGIONS:
        close = difflib.get_close_matches(region, REGIONS, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "see 'aws ec2 describe-regions'"
        raise Refused("region", "unknown AWS region", hint)
    return region


def _account_before(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Refused(
            "account-number",
            "an account id is text of 12 digits, and YAML reads this as a number (it drops a leading zero)",
            f'quote it: "{int(value):012d}"'
            if 10**10 <= value < 10**12
            else "copy it in quotes from 'aws sts get-caller-identity'",
        )
    return value


def check_account(account: str) -> str:
    """Refuse what is not an account id of 12 digits."""
    if not re.fullmatch(r"[0-9]{12}", account):
        digits = re.sub(r"[ -]", "", account)
        raise Refused(
            "account-id",
            f"an account id has exactly 12 digits, this has {len(account)} characters",
            f'write "{digits}"' if len(digits) == 12 else "see 'aws sts get-caller-identity'",
        )
    return account


@dataclass(frozen=True)
class Arn:
    """The six parts of an Amazon Resource Name."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Read `arn:partition:service:region:account:resource`; ValueError where a part is missing."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
            raise Refused(
                "arn", "an ARN is arn:partition:service:region:account:resource", "copy it from the AWS console"
            )
        return cls(*parts[1:])

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def check_kms_key_arn(text: str) -> str:
    """Refuse what is not the ARN of a customer managed key itself."""
    if text.endswith("alias/aws/s3") or text == "aws/s3":
        raise Refused(
            "aws-managed-key",
            "aws/s3 is managed by AWS: its policy cannot be set, and no other account can use it",
            "omit the field to create a key, or give the ARN of a customer managed key",
        )
    arn = Arn.parse(text)
    if arn.service != "kms" or not arn.resource.startswith("key/"):
        raise Refused(
            "kms-key-arn",
            "a KMS key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID (IAM needs the key, not an alias)",
            "see 'aws kms describe-key --key-id alias/NAME'",
        )
    if not (
        re.fullmatch(r"key/[A-Za-z0-9-]+", arn.resource)
        and re.fullmatch(r"[0-9]{12}", arn.account)
        and arn.region in REGIONS
    ):
        raise Refused(
            "kms-key-arn",
            "a KMS key's ARN names one key: the role's policy would read '*', '?' and '${…}' as patterns",
            "copy it from 'aws kms describe-key'",
        )
    return text


def check_policy_arn(text: str) -> str:
    """Refuse what is not the ARN of an IAM policy (for a permissions boundary)."""
    arn = Arn.parse(text)
    if arn.service != "iam" or not arn.resource.startswith("policy/"):
        raise Refused(
            "policy-arn", "an IAM policy's ARN is arn:aws:iam::ACCOUNT:policy/NAME", "see 'aws iam list-policies'"
        )
    if not (
        re.fullmatch(r"policy/[A-Za-z0-9+=,.@_/-]*[A-Za-z0-9+=,.@_-]", arn.resource)
        and re.fullmatch(r"[0-9]{12}|aws", arn.account)
        and not arn.region
    ):
        raise Refused(
            "policy-arn",
            "a policy's ARN names one policy of one account, without wildcards and variables",
            "copy it from 'aws iam list-policies'",
        )
    if arn.resource.endswith("policy/AdministratorAccess"):
        raise Refused(
            "boundless-boundary",
            "AdministratorAccess limits nothing",
            "name a narrower policy, or omit the field",
        )
    return text


_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}")
_PRINCIPAL_FORM = "a principal is the full ARN of a role or a user, arn:aws:iam::ACCOUNT:role/PATH/NAME"
_SEE_ROLE = "'aws iam get-role --role-name NAME --query Role.Arn' prints it with its path"


def check_principal_arn(text: str) -> str:
    """Refuse what is not the whole ARN of an IAM role or user: `aws:PrincipalArn` never holds another.

    A wildcard would name principals that someone makes later; a session's ARN, a group or a provider is never what a
    request comes from.
    """
    if not _PRINCIPAL.fullmatch(text):
        raise Refused("principal-arn", *_no_principal(text))
    return text


def _no_principal(text: str) -> tuple[str, str]:
    """What is wrong with a text that names no principal, and what to write."""
    if "*" in text or "?" in text:
        return "a wildcard also includes roles created later", "name each role or user by its full ARN"
    if re.fullmatch(r"[0-9]{12}", text) or re.fullmatch(r"arn:[^:]*:iam::[0-9]{12}:root", text):
        return (
            "this is the account's root user, which can always change a bucket's policy",
            "name roles or users; root remains the way back in without being listed",
        )
    session = re.fullmatch(r"arn:([^:]*):sts::([0-9]{12}):assumed-role/([^/]+)(/.*)?", text)
    if session:
        partition, account, role, _ = session.groups()
        return (
            "this is a session, and AWS compares the ARN of its role",
            f"write arn:{partition}:iam::{account}:role/{role}, with the role's path if it has one: {_SEE_ROLE}",
        )
    kinds = (
        (":federated-user/", "a federated user's session is neither a role nor a user"),
        (":oidc-provider/", "an OIDC provider sends no requests"),
        (":saml-provider/", "a SAML provider sends no requests"),
        (":group/", "a group is not a principal: requests come from its users"),
        (":instance-profile/", "an instance profile is not a principal: requests come from its role"),
        (":policy/", "a policy is not a principal"),
    )
    for mark, limit in kinds:
        if mark in text:
            return limit, "name the role or the users by their full ARN"
    if re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", text):
        return "AWS services have no ARN to compare", "name a role or a user by its full ARN"
    if "${" in text:
        return "a policy variable matches any caller", "name each role or user by its full ARN"
    return _PRINCIPAL_FORM, f"{_SEE_ROLE}; 'aws iam get-user' a user's"


def check_oidc_issuer(url: str) -> str:
    """Refuse what is not an EKS OIDC issuer's URL."""
    if not url.startswith("https://"):
        raise Refused(
            "oidc-issuer",
            "an OIDC issuer begins with https:// (this program drops it for IAM conditions)",
            f"write https://{url}",
        )
    if not re.fullmatch(r"https://oidc\.eks\.[a-z0-9-]+\.[a-z0-9.]+/id/[A-Za-z0-9]+", url):
        raise Refused(
            "oidc-issuer",
            "an EKS issuer is https://oidc.eks.REGION.amazonaws.com/id/ID",
            "see 'aws eks describe-cluster --name NAME --query cluster.identity.oidc.issuer'",
        )
    return url


def issuer_region(url: str) -> str:
    """The region in an EKS OIDC issuer's URL."""
    return url.removeprefix("https://oidc.eks.").split(".", 1)[0]


Region = Annotated[str, AfterValidator(check_region)]
AccountId = Annotated[str, AfterValidator(check_account), BeforeValidator(_account_before)]
KmsKeyArn = Annotated[str, AfterValidator(check_kms_key_arn)]
PolicyArn = Annotated[str, AfterValidator(check_policy_arn)]
PrincipalArn = Annotated[str, AfterValidator(check_principal_arn)]
OidcIssuer = Annotated[str, AfterValidator(check_oidc_issuer)]
