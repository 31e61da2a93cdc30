"""What each command prints, from values: `python -m tests.reports [NAME…]` prints it here, as wide as the terminal.

A test asks for all of it at several widths, in a pipe and on a terminal. Names are of some length, as real ones are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from velero_on_eks.settings import StackFile

from tests.golden.plans import GOLDEN
from tests.support import settings
from tests.velero_eks.bootstrap.cases import facts
from tests.velero_eks.recovery import test_coverage, test_status
from tests.velero_eks.recovery.recorded import NOW, ago, backup, location, recorded_schedule
from tests.velero_eks.recovery.restore.made import body, definition, live, stored
from tests.velero_eks.recovery.restore.test_preview_dry_runs import SHOP
from velero_eks.aws.eks import Unknown
from velero_eks.bootstrap.adopt.existing_aws import Existing
from velero_eks.bootstrap.adopt.survey import Adoption, Blocked, Found
from velero_eks.commands import (
    adopt,
    app,
    backups,
    coverage,
    diff,
    drill,
    help,
    history,
    logs,
    plan_words,
    preflight,
    restore_report,
    show,
    status,
)
from velero_eks.diff.compare import compare
from velero_eks.diff.model import Diff, Revision
from velero_eks.kube.objects import Object, ObjectKey
from velero_eks.plan import saved
from velero_eks.plan.findings import PlannedFinding
from velero_eks.project.target import Target
from velero_eks.recovery.backups import Files, Inventory, Listed, VolumeData
from velero_eks.recovery.drill.verdict import Compared, CopyState, Drilled, Objectives, checks
from velero_eks.recovery.history import Seen, events
from velero_eks.recovery.restore.duration import Limits, Pace, Work, estimate
from velero_eks.recovery.restore.plan import DirectStep, VeleroStep, plan_cluster
from velero_eks.recovery.restore.prediction import Fate, Prediction, predict
from velero_eks.recovery.restore.preview import Preview, StepPreview
from velero_eks.recovery.restore.run import Outcome, RestoreReport, StepResult, Surprise, Written
from velero_eks.recovery.session import Session
from velero_eks.recovery.status.judge import assess
from velero_eks.terminal.output import console
from velero_eks.trees import ABSENT, Difference
from velero_eks.velero.bucket import StoreAddress
from velero_eks.velero.records import Restore
from velero_eks.velero.results import LogLine, VeleroMessage
from velero_eks.velero.volume_info import ClaimWithoutData

WIDTHS = (60, 80, 120, 200)
CLUSTER = "exam-prod-ap-south-1"
NAMESPACE = "exam-prod"
SETTINGS = settings(
    environment="production",
    recovery=[
        {"rpo": "6h", "retention": "14d", "namespaces": [NAMESPACE]},
        {"rpo": "24h", "retention": "90d", "namespaces": ["*"]},
    ],
    schedules={
        "every-six-hours": {"cron": "0 */6 * * *", "keep": "14d"},
        "daily-backup": {"cron": "0 2 * * *", "keep": "90d"},
    },
)
LOST = ClaimWithoutData(NAMESPACE, "grading-database-data-0", "pvc-0f3c", "no applicable volumesnapshotter found")


def session() -> Session:
    """A session of the stack `prod`, whose cluster nobody asks."""
    made = Session(Target("prod", "admin@exam-prod", "velero", SETTINGS))
    made.target.__dict__["cluster"] = SimpleNamespace(name=CLUSTER)
    return made


def _status(**changes: Any) -> None:
    scheduled = [test_status.schedule("every-six-hours", spec={"schedule": "0 */6 * * *"}), test_status.schedule()]
    made = [
        backup("every-six-hours-20261123060000", schedule="every-six-hours", hours=6),
        backup("daily-backup-20261123020000", hours=10),
    ]
    given = {"schedules": (*scheduled, *changes.pop("more", ())), "backups": tuple(made), **changes}
    status.render(assess(test_status.seen(**given), SETTINGS), session(), console())


def _bad_status() -> None:
    _status(
        more=(recorded_schedule("days"),),
        locations=(location(phase="Unavailable", message="rpc error: AccessDenied: not authorized " * 3),),
        backups=(backup("every-six-hours-20261121060000", schedule="every-six-hours", hours=54),),
        without_data={"every-six-hours-20261121060000": (LOST,)},
        server=False,
    )


def _coverage() -> None:
    made = ago(seconds=3601)
    found = test_coverage.held(
        {"includedNamespaces": ["*"]},
        test_coverage.saved(*(f"ConfigMap {NAMESPACE}/settings-{number}" for number in range(12))),
        test_coverage.live("ConfigMap", *(f"{NAMESPACE}/settings-{number}" for number in range(13))),
        test_coverage.live("Question", *(f"{NAMESPACE}/question-{number}" for number in range(9)), created=made),
        test_coverage.live("CustomResourceDefinition", test_coverage.DEFINITION, created=made),
        test_coverage.live("ClusterRole", "a-cluster-role-of-an-operator-with-a-long-name"),
        messages=(VeleroMessage("error", NAMESPACE, "pods/a: Error backing up item: " + "no answer " * 12),),
        phase="PartiallyFailed",
    )
    coverage.render(replace(found, without_data=(LOST,)), session(), console())


def _backups() -> None:
    def listed(name: str, hours: float, **given: Any) -> Listed:
        made = backup(name, hours=hours, **given)
        made.body["status"] |= {"expiration": ago(hours=hours - 336), "progress": {"itemsBackedUp": 2412}}
        if not made.good:
            made.body["status"] |= {"errors": 2, "warnings": 17}
        lacking = () if made.good else (LOST,)
        return Listed(name, "default", made, made, Files.PRESENT, True, volumes=VolumeData(4 - len(lacking), lacking))

    shown = (
        listed("every-six-hours-20261123060000", 6, schedule="every-six-hours"),
        listed("before-the-change-of-cert-manager", 8, schedule=None),
        listed("daily-backup-20261123020000", 10, phase="PartiallyFailed"),
    )
    where = {"default": StoreAddress(bucket="backups-of-exam-prod", region="ap-south-1")}
    backups.render(Inventory(NOW, shown, 31, shown[0], where, {}, ""), session(), None)


def _show() -> None:
    kinds = [("", "ConfigMap"), ("apps", "Deployment"), ("networking.k8s.io", "Ingress")]
    keys = [
        ObjectKey(group, kind, NAMESPACE, f"grading-service-{number}") for group, kind in kinds for number in (1, 2)
    ]
    long = ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "questions.exam.example.com")
    show._print_names([long, *keys])


def _history() -> None:
    def config(mode: str) -> dict[str, Any]:
        return body("ConfigMap", "grading", NAMESPACE, data={"mode": mode, "rules.yaml": f"strict: {mode} " * 12})

    shown = (config("strict"), config("strict"), config("lenient"), None, config("strict"))
    seen = [
        Seen(backup(f"daily-backup-202611{12 + number}020000", hours=200 - 24 * number), each)
        for number, each in enumerate(shown)
    ]
    history._print(ObjectKey("", "ConfigMap", NAMESPACE, "grading"), events(seen), 7, 5, False, session())


def _logs() -> None:
    made = backup("daily-backup-20261123020000", phase="PartiallyFailed")
    made.body["status"]["failureReason"] = "found 2 errors"
    said = (
        VeleroMessage("error", NAMESPACE, "resource: /pods name: /grading-0 error: /timed out after 10m " * 3),
        VeleroMessage("warning", "velero", "volume policies are not set"),
    )
    lines = (LogLine("error", "Error backing up item " * 8, "2026-11-23T02:00:12Z", {"name": "grading-0"}, ""),)
    logs._print(made, said, lines, "warning")


def _preflight() -> None:
    file = StackFile("prod", Path("stacks/Pulumi.prod.yaml"), {}, SETTINGS)
    found = facts(cluster={"status": "DELETING"}, volumes={"ebs.csi.aws.com": 1}, role=Unknown("no right: iam:GetRole"))
    preflight.render(file, preflight.judge(file, found))


def _adopt() -> None:
    def resource(type_: str) -> Any:
        return SimpleNamespace(type=type_, name="velero", inputs={})

    bucket = resource("aws:s3/bucket:Bucket")
    changes = (
        Difference("tags.owner", "the-team-of-the-platform", ABSENT),
        Difference("versioning", {"enabled": False}, {"enabled": True}),
        *(Difference(f"tags.velero-on-eks/number-{number}", ABSENT, "x" * 30) for number in range(6)),
    )
    adoption = Adoption(
        found=(Found(bucket, Existing("backups-of-exam-prod-with-a-long-name"), changes),),
        made=(resource("aws:kms/key:Key"), resource("aws:iam/role:Role")),
        blocked=(
            Blocked("Role velero-server", "its path is /service-role/ and cannot change", "set identity.roleName"),
        ),
        notes=("the role has other policies, which stay: " + "one-of-them, " * 12,),
    )
    adopt.render(StackFile("prod", Path("stacks/Pulumi.prod.yaml"), {}, SETTINGS), adoption)


def _preview() -> Preview:
    contents = [
        definition(),
        stored("Namespace", NAMESPACE),
        *(
            stored("ConfigMap", f"grading-settings-{number:02}", NAMESPACE, data={"mode": "strict"})
            for number in range(30)
        ),
        stored("Question", "capital-of-france", NAMESPACE),
    ]
    there = [
        body("Namespace", NAMESPACE),
        body("ConfigMap", "grading-settings-00", NAMESPACE, data={"mode": "lenient"}),
    ]
    plan = plan_cluster("daily-backup-1", contents, velero_namespace="velero", system=False, existing="update")
    state = live([SHOP, *there])
    steps = [
        StepPreview(step, tuple(predict(step.spec, contents, state)))
        for step in plan.steps
        if isinstance(step, VeleroStep)
    ]
    refused = 'admission webhook "check.exam.example.com" denied the request: the grade is not known'
    key = ObjectKey("", "Secret", NAMESPACE, "grading-token-of-the-service")
    direct = DirectStep(
        "Secret/grading-token-of-the-service", (), "update", "Velero chooses by labels, and it has none"
    )
    steps.append(StepPreview(direct, (Prediction(key, Fate.BLOCKED, refused),)))
    work = Work.of([each for step in steps for each in step.predictions], updating=True)
    return Preview(
        replace(plan, steps=tuple(step.step for step in steps)),
        backup("daily-backup-20261123020000", hours=10),
        tuple(steps),
        estimate(work, Limits(), pace=Pace()),
        Limits(),
        scope=None,  # type: ignore[arg-type]
        before={},
        silent={"configmaps": 'User "nobody" cannot create resource "configmaps" in API group "" at the cluster scope'},
    )


def _restore_preview() -> None:
    restore_report.render_preview(console(), _preview(), session(), everything=False)


def _restore() -> None:
    preview = _preview()
    failed: Object = {
        "kind": "Restore",
        "metadata": {"name": "exam-prod-4f2a1c"},
        "status": {"phase": "PartiallyFailed", "failureReason": "found one error"},
    }
    message = VeleroMessage("error", NAMESPACE, "could not restore, ConfigMap already exists " * 3)
    written = Written(ObjectKey("", "Secret", NAMESPACE, "grading-token"), "not written", "Forbidden: no right to it")
    results = (
        StepResult(preview.steps[0].step, 12.5, Restore(failed), (message,)),
        StepResult(preview.steps[-1].step, 0.2, written=(written,)),
    )
    changed = (Difference("data.mode", "strict", "lenient"),)
    key = ObjectKey("", "ConfigMap", NAMESPACE, "grading-settings-01")
    outcome = Outcome(32, 31, (Surprise(key, "created", "is missing", changed),))
    restore_report.render_report(console(), RestoreReport(preview, results, outcome, 14.0), session(), everything=False)


def _drill() -> None:
    restored = Restore(
        {"kind": "Restore", "metadata": {"name": "drill-4f2a1c"}, "status": {"phase": "PartiallyFailed"}}
    )
    compared = [
        Compared(ObjectKey("", "ConfigMap", NAMESPACE, f"settings-{number}"), CopyState.SAME) for number in range(9)
    ]
    key = ObjectKey("apps", "Deployment", NAMESPACE, "grading-service-of-the-exam")
    compared.append(Compared(key, CopyState.DIFFERENT, (Difference("spec.replicas", 3, 2),)))
    found = Drilled(
        drill="4f2a1c",
        backup=backup("daily-backup-20261123020000", hours=10),
        namespaces=(NAMESPACE,),
        began=NOW,
        restore=restored,
        compared=tuple(compared),
        seconds=754.0,
        messages=(VeleroMessage("error", NAMESPACE, "could not restore the volume " * 5),),
        left=("namespace drill-4f2a1c-exam-prod: held by a finalizer",),
    )
    drill.render(console(), found, checks(found, Objectives(rpo=3600.0, within=600.0)))


def _check() -> None:
    [stack] = saved.read_document(json.loads(GOLDEN.read_text(encoding="utf-8")), "plan.json")
    urn = "urn:pulumi:prod::velero-eks::aws:s3/bucket:Bucket::velero"
    found = [
        PlannedFinding("bucket-open", "error", urn, "is open to everyone in arn:aws:iam::111122223333:root; close it"),
        PlannedFinding("key-short", "warning", urn, "is short; lengthen it " * 8, waived="it is a demonstration"),
        PlannedFinding("key-short", "warning", urn, "is short; lengthen it " * 8),
    ]
    plan_words.render_findings(console(), [(stack.stack, found, True), ("dev", [], True), ("parts", [], False)])


def _diff() -> None:
    [old] = json.loads(GOLDEN.read_text(encoding="utf-8"))["stacks"]
    new = json.loads(json.dumps(old))
    new["resources"] = [one for one in new["resources"] if "bucketLifecycle" not in one["type"]]
    made = compare("prod", old, new)
    stacks = (made, compare("gone", old, None))
    told = Diff("velero-eks", Revision("main", "4f2a1c0"), Revision("work tree", None), stacks, ())
    diff.render(console(), told, properties=True)


def _plan() -> None:
    from datetime import datetime

    from velero_on_eks.settings import load_stack_file

    from tests.conftest import ROOT
    from tests.golden.plans import MOMENT, STACK
    from tests.stacks import FILES
    from velero_eks.plan import contract
    from velero_eks.plan.runner import run_stack
    from velero_eks.project.project import Project

    described = _PLANNED or [
        contract.describe(run_stack(Project.find(ROOT), load_stack_file(FILES[STACK])), datetime.fromisoformat(MOMENT))
    ]
    _PLANNED[:] = described
    plan_words.render(console(), described)
    plan_words.render_summary(console(), described, {}, reasons=False)


_PLANNED: list[Any] = []


def _help(page: help.Page) -> Callable[[], None]:
    return lambda: help.render(console(), page)


REPORTS: dict[str, Callable[[], None]] = {
    "status": _status,
    "status, not well": _bad_status,
    "coverage": _coverage,
    "backups": _backups,
    "show --list": _show,
    "history": _history,
    "logs": _logs,
    "preflight": _preflight,
    "adopt": _adopt,
    "restore --preview": _restore_preview,
    "restore": _restore,
    "drill": _drill,
    "check": _check,
    "diff": _diff,
    "plan": _plan,
}


def quick() -> Iterator[tuple[str, Callable[[], None]]]:
    """Those for which no program is run, and the help of one group of commands."""
    yield from ((name, render) for name, render in REPORTS.items() if name != "plan")
    for page in help.pages(f"{help.TOOL} restore", app.load("restore")):
        yield f"{page.name} -h", _help(page)


def reports() -> Iterator[tuple[str, Callable[[], None]]]:
    """Each report and each command's help, by name."""
    yield from REPORTS.items()
    for page in app.pages():
        yield f"{page.name} -h", _help(page)


def main() -> None:
    """Print those whose names begin as one of the arguments; all of them without any."""
    wanted = sys.argv[1:]
    for name, render in reports():
        if not wanted or any(name.startswith(each) for each in wanted):
            print(f"\n===== {name} =====")
            render()


if __name__ == "__main__":
    main()
