"""Sentences for what an edit of the shipped program does not bring about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.velero_eks.diff.entries import entry, stack
from velero_eks.diff import backups, findings
from velero_eks.diff.compare import compare
from velero_eks.diff.model import StackDiff

LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET, SCHEDULE, KEY = "aws:s3/bucket:Bucket", "kubernetes:velero.io/v1:Schedule", "aws:kms/key:Key"


def told(made: StackDiff, category: str) -> list[tuple[str, str]]:
    return [(fact.text, fact.effect) for fact in made.of(category)]


def scheduled(cron: str, zone: str = "UTC", gap: int | None = 86_400, **more: Any) -> dict[str, Any]:
    """A stack with one schedule."""
    resource = entry(SCHEDULE, "daily", {"metadata": {"name": "daily"}, "spec": {"schedule": cron}})
    made = {
        "name": "daily",
        "resource": resource["urn"],
        "cron": cron,
        "timezone": zone,
        "keep": "30d",
        "ttl": "720h0m0s",
        "paused": False,
        "next": ["2026-11-25T02:00:00+00:00"],
        "worst_case_rpo_seconds": gap,
    }
    return stack(resource, schedules=[{**made, **more}])


@pytest.mark.parametrize(
    "other", [("@daily", "UTC"), ("CRON_TZ=UTC 0 0 * * *", "Asia/Kolkata"), ("00 00 */1 * *", "UTC")]
)
def test_the_same_times_written_in_another_way_are_no_change_of_the_schedule(other: tuple[str, str]):
    assert backups.schedules(scheduled("0 0 * * *"), scheduled(*other)) == []


def test_a_longer_gap_is_weaker_and_a_shorter_one_stronger():
    daily, hourly = scheduled("0 2 * * *"), scheduled("0 * * * *", gap=3600)
    assert [fact.effect for fact in backups.schedules(daily, hourly)] == ["stronger"]
    assert [fact.effect for fact in backups.schedules(hourly, daily)] == ["weaker"]


def test_an_expression_that_nobody_can_read_is_told_as_it_is():
    (fact,) = backups.schedules(scheduled("0 2 * * *"), scheduled("whenever"))
    assert fact.text == "daily runs at whenever UTC, was every day at 02:00 UTC"


def objective(**more: Any) -> dict[str, Any]:
    base = {"namespace": "shop", "schedule": "daily", "rpo_seconds": 86_400, "worst_case_rpo_seconds": 86_400}
    return stack(objectives=[{**base, "retention_seconds": 604_800, "kept_seconds": 604_800, "met": True, **more}])


def test_a_namespace_that_no_running_schedule_takes_loses_everything():
    nothing = {"schedule": None, "worst_case_rpo_seconds": None, "kept_seconds": None, "met": False}
    facts = backups.objectives(objective(), objective(**nothing))
    assert [(fact.text, fact.effect) for fact in facts] == [
        ("shop: loses at most everything, was 24 h", "weaker"),
        ("shop: retention none, was 7 days", "weaker"),
        ("shop: the objective is missed now", "weaker"),
    ]
    assert facts[-1].details == ("No running schedule includes it.",)
    assert [fact.effect for fact in backups.objectives(objective(**nothing), objective())] == ["stronger"] * 3


NONCURRENT = {"noncurrentVersionExpiration": {"noncurrentDays": 30}}
GLACIER = {"transitions": [{"storageClass": "GLACIER", "days": 30}]}


def lifecycle(*rules: dict[str, Any]) -> dict[str, Any]:
    return stack(entry(LIFECYCLE, "l", {"bucket": "b", "rules": [{"status": "Enabled", **rule} for rule in rules]}))


@pytest.mark.parametrize(
    ("old", "new", "words", "effect"),
    [
        (NONCURRENT, {}, "deleted versions are kept forever, was 30 days", "stronger"),
        ({}, NONCURRENT, "deleted versions are kept 30 days, was forever", "weaker"),
        ({"expiration": {"days": 9}}, {}, "objects no longer expire", "stronger"),
        ({}, GLACIER, "objects are moved to GLACIER after 30 days", "weaker"),
        ({}, {"expiration": {"days": 9}, "filter": {"prefix": "logs/"}}, "this destroys backups under logs/", "risk"),
        ({}, {"expiration": {"days": 9}, "status": "Disabled"}, "", ""),
    ],
)  # fmt: skip
def test_what_a_lifecycle_clears_away_is_told(old: dict, new: dict, words: str, effect: str):
    facts = told(compare("prod", lifecycle(old), lifecycle(new)), "retention")
    assert [(words in text, found) for text, found in facts] == ([(True, effect)] if words else [])


def test_rules_of_a_lifecycle_in_another_order_do_the_same():
    one, two = {"id": "a", "expiration": {"days": 1}}, {"id": "b", "noncurrentVersionExpiration": {"noncurrentDays": 2}}
    made = compare("prod", lifecycle(one, two), lifecycle(two, one))
    assert told(made, "retention") == []
    assert [fact.details for fact in made.of("updated")] == [("rules: a, b → b, a",)]


def test_a_key_that_is_disabled_puts_every_backup_at_risk():
    old, new = (stack(entry(KEY, "k", {"isEnabled": on})) for on in (True, False))
    text = "KMS key k is disabled: backups that it encrypts can be neither read nor created"
    assert told(compare("prod", old, new), "retention") == [(text, "risk")]


def test_a_bucket_that_is_emptied_when_it_is_deleted_loses_its_backups_with_it():
    bucket = entry(BUCKET, "b", {"bucket": "b", "forceDestroy": True})
    (fact,) = compare("prod", stack(bucket), stack()).facts
    assert fact.details == ("The old bucket is emptied and deleted: every backup in it is lost.",)


def test_protection_that_goes_with_the_replacement_is_said():
    old = entry(BUCKET, "b", {"bucket": "a"}, protect=True)
    new = entry(BUCKET, "b", {"bucket": "b"}, protect=False)
    (replaced, *_) = compare("prod", stack(old), stack(new)).facts
    assert "The same change removes its protection, so 'pulumi up' will not stop." in replaced.details


def finding(message: str = "m", severity: str = "error", waived: str | None = None) -> dict[str, Any]:
    return {"rule": "r", "severity": severity, "resource": "urn", "message": message, "waived": waived}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ([finding("after 90 days")], [finding("after 60 days")], []),
        ([finding()], [finding(severity="warning")], ["r now has severity warning, was error"]),
        ([finding()], [finding(waived="a reason")], ["r is waived: a reason"]),
        ([finding(waived="a reason")], [finding()], ["r is no longer waived"]),
        ([finding("a")], [finding("a"), finding("b")], ["new error: r"]),
        ([finding("a"), finding("b")], [finding("b")], ["no longer found: r"]),
        ([], [finding(waived="a reason")], ["new error: r, waived"]),
    ],
)
def test_findings_are_compared_by_rule_and_resource(old: list, new: list, words: list[str]):
    assert [fact.text for fact in findings.findings(stack(findings=old), stack(findings=new))] == words


@pytest.mark.parametrize(
    ("after", "effect"),
    [
        (stack(entry(BUCKET, "b")), "stronger"),
        (stack(), ""),
        ({**stack(entry(BUCKET, "b")), "environment": "staging"}, ""),
    ],
    ids=["mended", "the resource is gone", "the rule no longer holds"],
)
def test_a_finding_that_is_gone_is_only_stronger_where_it_was_mended(after: dict[str, Any], effect: str):
    bucket = entry(BUCKET, "b")
    before = stack(bucket, findings=[{**finding(), "resource": bucket["urn"]}])
    assert [fact.effect for fact in findings.findings(before, after)] == [effect]


def test_an_adoption_is_told_of_what_is_new_and_of_what_the_state_has():
    adopted = entry(BUCKET, "b", {"bucket": "x"})
    adopted["options"]["import"] = "x"
    assert told(compare("prod", stack(), stack(adopted)), "created") == [("Bucket x is adopted: x", "")]
    plain = entry(BUCKET, "b", {"bucket": "x"})
    assert told(compare("prod", stack(plain), stack(adopted)), "updated") == [("Bucket x will be the existing x", "")]
    assert compare("prod", stack(adopted), stack(plain)).status == "same"


def test_a_stack_with_another_output_alone_is_told_by_the_outputs_name():
    made = compare("prod", stack(outputs={"a": 1, "b": 2}), stack(outputs={"b": 3, "c": 4}))
    assert (made.status, made.outputs) == ("changed", {"a": "removed", "b": "changed", "c": "added"})


RELEASE = "kubernetes:helm.sh/v3:Release"


def laid_over(value: Any, *, path: str = "configuration.backupSyncPeriod", effect: str | None = "decides it") -> Any:
    """A stack whose release has one override of a chart value; None for none."""
    inputs: dict[str, Any] = {"chart": "velero", "values": {"configuration": {}}}
    said: list[dict[str, Any]] = []
    resource = entry(RELEASE, "velero", inputs)
    if value is not None:
        inputs["values"]["configuration"] = {path.rpartition(".")[2]: value}
        override = {"component": None, "release": resource["urn"], "path": path, "value": value}
        said = [{**override, "verdict": "finding" if effect else "harmless", "effect": effect}]
    return stack(resource, overrides=said)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (None, "10m", "is new: 10m"),
        ("10m", None, "is gone, was 10m"),
        ("10m", "1h", "is 1h, was 10m"),
        ({"secret": True}, "1h", "is 1h, was (secret)"),
    ],
)
def test_a_changed_override_is_told_once_with_what_it_does(before: Any, after: Any, text: str):
    made = compare("prod", laid_over(before), laid_over(after))
    [fact] = made.of("updated")
    assert fact.text == f"the chart value configuration.backupSyncPeriod {text}"
    judged = ("It decides it.", "Its effect is unknown: see rule helm-override.") if after is not None else ()
    assert fact.details == judged


def test_an_override_that_stays_and_one_of_a_plan_that_does_not_tell_of_them_are_no_change():
    same = laid_over("10m")
    assert compare("prod", same, laid_over("10m")).status == "same"
    silent = laid_over("10m")
    del silent["overrides"]
    assert compare("prod", silent, laid_over("10m")).status == "same"


def test_what_no_override_says_is_told_as_a_change_of_the_release():
    before, after = laid_over("10m"), laid_over("10m")
    after["resources"][0]["inputs"]["values"]["image"] = {"tag": "v2"}
    [fact] = compare("prod", before, after).of("updated")
    assert fact.details == ('values.image: (none) → {"tag": "v2"}',)


def several(*promises: dict[str, Any]) -> dict[str, Any]:
    """A plan with an objective of every namespace for each of `promises`."""
    base = {"component": None, "namespace": "*", "schedule": "daily", "worst_case_rpo_seconds": 3_600, "met": True}
    return stack(objectives=[{**base, "kept_seconds": one["retention_seconds"], **one} for one in promises])


HOURLY, DAILY = (
    {"rpo_seconds": 3_600, "retention_seconds": 259_200},
    {"rpo_seconds": 86_400, "retention_seconds": 1_209_600},
)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (several(HOURLY, DAILY), several(DAILY, HOURLY), []),
        (
            several(DAILY),
            several(HOURLY, DAILY),
            [("every namespace (1 h for 3 days): may lose at most 1 h, required retention 3 days", "stronger")],
        ),
        (
            several(HOURLY, DAILY),
            several(DAILY),
            [("every namespace (1 h for 3 days): it no longer has an objective", "weaker")],
        ),
        (
            several(HOURLY, DAILY),
            several(HOURLY, {**DAILY, "met": False, "lacking": [{"code": "kinds", "names": ["secrets"]}]}),
            [("every namespace (24 h for 14 days): the objective is missed now", "weaker")],
        ),
        (
            several(HOURLY, DAILY),
            several(HOURLY, {**DAILY, "rpo_seconds": 172_800}),
            [("every namespace (2 days for 14 days): may lose at most 2 days, was 24 h", "weaker")],
        ),
        (
            several({**DAILY, "minimum_copies": 3, "volumes": True}),
            several({**DAILY, "minimum_copies": 2, "volumes": False}),
            [
                ("every namespace: 2 backups at least, was 3", "weaker"),
                ("every namespace: the data of volumes no longer counts", "weaker"),
            ],
        ),
    ],
)
def test_objectives_of_a_list_are_compared_one_by_one(old, new, told):
    assert [(fact.text, fact.effect) for fact in backups.objectives(old, new)] == told


def test_an_objective_that_is_missed_says_what_the_schedule_lacks():
    lacking = [{"code": "kinds", "names": ["secrets"]}, {"code": "volumes", "names": []}]
    [fact] = backups.objectives(several(DAILY), several({**DAILY, "met": False, "lacking": lacking}))
    assert fact.details == ("Missed by daily, which leaves out secrets and includes no volume data.",)


def test_a_plan_of_an_older_version_is_compared_as_far_as_it_speaks():
    tiers = [{"schedule": "daily", "from_seconds": 0, "to_seconds": 1_209_600, "every_seconds": 86_400}]
    now = several({**DAILY, "minimum_copies": 3, "volumes": True, "lacking": [], "tiers": tiers})
    assert backups.objectives(several(DAILY), now) == []


@pytest.mark.parametrize(
    ("was", "now", "effect"),
    [
        (["app-a"], ["app-*"], "stronger"),
        (["app-*"], ["app-a", "app-b"], "weaker"),
        (["app-*"], ["*"], "stronger"),
        (["app-[ab]"], ["app-a", "app-b"], ""),
        (["app-*"], ["shop-*"], ""),
        (["?pp-*"], ["app-*"], "weaker"),
    ],
)
def test_a_pattern_of_namespaces_is_narrower_or_wider(was, now, effect):
    def taking(namespaces: list[str]) -> dict[str, Any]:
        plan = scheduled("0 2 * * *")
        [resource] = plan["resources"]
        resource["inputs"]["spec"]["template"] = {"includedNamespaces": namespaces}
        return plan

    assert [fact.effect for fact in backups.schedules(taking(was), taking(now))] == [effect]
