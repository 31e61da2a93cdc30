"""Permissions compared by what they allow: wildcards, conditions, and one role under two names."""

from __future__ import annotations

from tests.velero_eks.diff.entries import entry, grant, stack
from velero_eks.diff.model import Fact
from velero_eks.diff.permissions import permissions

ROLE = "arn:aws:iam::111122223333:role/velero"
OBJECTS = "arn:aws:s3:::backups/*"
ACCOUNT = {"StringEquals": {"s3:ResourceAccount": "111122223333"}}


def told(old: list[dict], new: list[dict]) -> list[tuple[str, str, tuple[str, ...]]]:
    facts: list[Fact] = permissions(stack(grants=old), stack(grants=new))
    return [(fact.text, fact.effect, fact.details) for fact in facts]


def test_the_same_grants_written_in_another_way_are_the_same():
    old = [grant(ROLE, "s3:GetObject", "s3:PutObject", on=OBJECTS, when=ACCOUNT)]
    new = [
        grant(ROLE, "s3:PutObject", on=OBJECTS, when={"StringEquals": {"s3:ResourceAccount": ["111122223333"]}}),
        grant(ROLE, "s3:GetObject", on=OBJECTS, when=ACCOUNT, source="urn:elsewhere", sid="Reads"),
    ]
    assert told(old, new) == []


def test_what_a_wildcard_already_allowed_is_no_gain_and_what_it_leaves_is_no_loss():
    wide, narrow = grant(ROLE, "s3:*", on="*"), grant(ROLE, "s3:GetObject", on=OBJECTS)
    assert told([wide], [wide, narrow]) == []
    ((text, effect, details),) = told([wide], [narrow])
    assert (text, effect) == ("role velero loses: may do anything with everything", "narrower")
    assert details == ("keeps: may read objects under s3://backups/",)
    ((text, effect, _),) = told([narrow], [wide])
    assert (text, effect) == ("role velero gains: may do anything with everything", "wider")


def test_actions_are_matched_as_iam_does_whatever_their_case():
    assert told([grant(ROLE, "s3:Get*")], [grant(ROLE, "s3:Get*"), grant(ROLE, "S3:getobject")]) == []


def test_a_question_mark_is_a_wildcard_and_a_bracket_is_not():
    assert told([grant(ROLE, "s3:GetObjec?")], [grant(ROLE, "s3:GetObject"), grant(ROLE, "s3:GetObjec?")]) == []
    assert (
        len(told([grant(ROLE, "s3:*", on="a[bc]")], [grant(ROLE, "s3:*", on="a[bc]"), grant(ROLE, "s3:*", on="ab")]))
        == 1
    )


def test_a_condition_taken_away_widens_and_one_added_narrows():
    bare, bound = grant(ROLE, "s3:GetObject", on=OBJECTS), grant(ROLE, "s3:GetObject", on=OBJECTS, when=ACCOUNT)
    assert told([bound], [bare]) == [
        (
            "role velero may read objects under s3://backups/ with other conditions",
            "wider",
            ("no longer: only in account 111122223333",),
        )
    ]
    assert [effect for _, effect, _ in told([bare], [bound])] == ["narrower"]


def test_the_same_actions_on_another_resource_are_one_sentence():
    old, new = grant(ROLE, "s3:GetObject", on=OBJECTS), grant(ROLE, "s3:GetObject", on="arn:aws:s3:::other/*")
    assert told([old], [new]) == [
        (
            "role velero gains: may read objects under s3://other/",
            "wider",
            ("in place of: may read objects under s3://backups/",),
        )
    ]


def test_what_a_not_action_leaves_out_is_part_of_the_permission():
    old, new = (grant(ROLE, "*", notActions=[left_out]) for left_out in ("iam:*", "kms:*"))
    texts = [text for text, _, _ in told([old], [new])]
    assert texts == [
        "role velero loses: may do anything but iam:* with everything",
        "role velero gains: may do anything but kms:* with everything",
    ]


def test_a_policy_that_only_aws_knows_is_told_by_its_name():
    attached = grant(ROLE, "*", sid="attached: arn:aws:iam::aws:policy/AdministratorAccess")
    ((text, effect, _),) = told([], [attached])
    assert "may do what arn:aws:iam::aws:policy/AdministratorAccess allows" in text
    assert effect == "wider"


def test_a_role_under_another_name_keeps_its_permissions():
    def plan(name: str, *actions: str) -> dict:
        role = entry("aws:iam/role:Role", "velero", {"name": name})
        arn = f"arn:aws:iam::111122223333:role/{name}"
        trust = grant("arn:aws:iam::111122223333:oidc-provider/x", "sts:AssumeRole", on=arn, source=role["urn"])
        return stack(role, grants=[trust, grant(arn, *actions, on=OBJECTS)])

    texts = [
        fact.text for fact in permissions(plan("old", "s3:GetObject"), plan("new", "s3:GetObject", "s3:PutObject"))
    ]
    assert texts == ["role new replaces role old", "role new gains: may write objects under s3://backups/"]


def test_a_key_is_called_by_its_alias():
    alias = entry("aws:kms/alias:Alias", "a", {"name": "alias/velero", "targetKeyId": "1234"})
    key = grant(ROLE, "kms:Decrypt", on="arn:aws:kms:eu-west-1:111122223333:key/1234")
    (fact,) = permissions(stack(alias), stack(alias, grants=[key]))
    assert fact.text == "role velero gains: may decrypt with key alias/velero"
