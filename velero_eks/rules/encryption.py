"""Rules of the key: it rotates, it is hard to lose, and IAM decides who uses it."""

from __future__ import annotations

from collections.abc import Iterator

from velero_eks.aws.iam import statements
from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, rule
from velero_eks.rules.plan import Plan

DELETION_WINDOW_DAYS = (7, 30)
ROTATION_DAYS = (90, 2560)
_USE = ("kms:GenerateDataKey", "kms:Decrypt")
# Conditions that narrow "everyone" to callers of one account or one organisation.
_CALLER_KEYS = (
    "kms:CallerAccount",
    "aws:PrincipalAccount",
    "aws:PrincipalOrgID",
    "aws:SourceAccount",
    "aws:PrincipalArn",
)


@rule(
    "key-rotation",
    on=kinds.KEY,
    what="The key rotates by itself, every 90 to 2560 days.",
    source="FSBP KMS.4, CKV_AWS_7; KMS API RotationPeriodInDays",
)
def key_rotation(key: PolicyResource, plan: Plan) -> Iterator[str]:
    if key.get("enableKeyRotation") is not True:
        yield "rotation is off, and must be on; set enableKeyRotation: true."
    days = key.get("rotationPeriodInDays")
    low, high = ROTATION_DAYS
    if days is not None and not low <= days <= high:
        yield f"rotates every {days} days, and KMS takes {low} to {high}; set storage.keyRotationDays."


@rule(
    "key-deletion-window",
    on=kinds.KEY,
    what="A deletion of the key can be cancelled for 7 to 30 days, in production for 30: with the key every"
    " backup goes.",
    source="FSBP KMS.3; KMS API PendingWindowInDays",
)
def key_deletion_window(key: PolicyResource, plan: Plan) -> Iterator[str]:
    low, high = DELETION_WINDOW_DAYS
    # KMS's own default is the longest window.
    days = key.get("deletionWindowInDays", default=high)
    if not low <= days <= high:
        yield (f"the deletion window is {days} days, and KMS takes {low} to {high}; set storage.keyDeletionWindowDays.")
    elif plan.environment == "production" and days < high:
        yield (f"the deletion window is {days} days, in production {high}; set storage.keyDeletionWindowDays: {high}.")


@rule(
    "key-policy-public",
    on=(kinds.KEY, kinds.KEY_POLICY),
    what="The key policy allows nothing to everyone.",
    source="FSBP KMS.5, CKV_AWS_33",
)
def key_policy_public(key: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in statements(key.get("policy")) if key.get("policy") else ():
        narrowed = any(statement.exact_on(name) for name in _CALLER_KEYS)
        if statement.allows and statement.for_everyone and not narrowed:
            yield (
                f"{statement} allows {', '.join(statement.actions)} to everyone; name the principals, or pin"
                " kms:CallerAccount."
            )


@rule(
    "key-policy-delegates",
    on=(kinds.KEY, kinds.KEY_POLICY),
    what="The key policy lets the account's IAM policies decide: else the role's grant is void and nobody can"
    " mend the policy.",
    source="CKV2_AWS_64; AWS KMS Developer Guide, default key policy",
)
def key_policy_delegates(key: PolicyResource, plan: Plan) -> Iterator[str]:
    document = key.get("policy")
    if document is None:
        # Without one KMS makes the policy that delegates to the account.
        return
    for statement in statements(document):
        to_account = any(value.endswith(":root") or value.isdigit() for _, value in statement.principals)
        whole = all(statement.covers_action(action) for action in (*_USE, "kms:PutKeyPolicy"))
        if statement.allows and to_account and whole and not statement.conditions:
            return
    yield (
        "no statement of the key policy gives kms:* to the account itself, so that IAM policies count for"
        " nothing;"
        " add an Allow of kms:* to arn:…:iam::ACCOUNT:root."
    )


@rule(
    "key-enabled",
    on=kinds.KEY,
    what="The key is enabled: with a disabled key no backup can be written or read.",
    source="AWS KMS Developer Guide, key states",
)
def key_enabled(key: PolicyResource, plan: Plan) -> Iterator[str]:
    if key.get("isEnabled", default=True) is False:
        yield "the key is disabled, and no backup can be read without it; take isEnabled: false away."
