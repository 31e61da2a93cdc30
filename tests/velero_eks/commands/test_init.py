"""`velero-eks init`: the file is valid at once, nothing is overwritten unseen, a bad one never lands."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from velero_on_eks.settings import load_stack_file

from tests.velero_eks.kube.answers import ISSUER, REGION, Answers, auto_mode, described
from tests.velero_eks.plan.projects import project
from velero_eks.aws.eks import discover
from velero_eks.commands.init import DONE, LEFT, InitRequest, run_init
from velero_eks.errors import BadTarget, OperationError
from velero_eks.terminal.questions import Terminal

ADDONS = {"aws-ebs-csi-driver": ("v1.50.1-eksbuild.1", "ACTIVE")}
NOBODY = Terminal(io.StringIO(), io.StringIO(), watched=False)


@pytest.fixture
def root(tmp_path):
    return project(tmp_path / "p")


def written(root: Path, stack: str = "prod"):
    return load_stack_file(root / "stacks" / f"Pulumi.{stack}.yaml").settings


def run(root: Path, terminal: Terminal = NOBODY, *, facts: dict | None = None, **said) -> int:
    answers = Answers()
    answers.cluster(addons=ADDONS, **(facts or {}))
    answers.oidc_provider("sts.amazonaws.com")
    request = InitRequest(**{"stack": "prod", "cluster": "shop", "region": REGION, **said})
    return run_init(request, start=root, terminal=terminal, find=lambda n, r: discover(n, r, client=answers.client))


def watched(*lines: str) -> Terminal:
    return Terminal(io.StringIO("".join(f"{line}\n" for line in lines)), io.StringIO(), watched=True)


def said_to(terminal: Terminal) -> str:
    sink = terminal._sink
    assert isinstance(sink, io.StringIO)
    return sink.getvalue()


def test_flags_alone_make_a_file_that_is_valid_at_once(root, capsys):
    assert run(root, environment="production") == DONE
    settings = written(root)
    assert (settings.environment, settings.region) == ("production", REGION)
    assert (settings.cluster.name, settings.cluster.account) == ("shop", "111122223333")
    assert settings.cluster.oidc_issuer == ISSUER
    assert (settings.identity.mode, settings.volumes.mode) == ("irsa", "csi-snapshot")
    assert list(settings.schedules) == ["daily-backup"]
    assert "Wrote stacks/Pulumi.prod.yaml" in capsys.readouterr().out.replace(f"{root}/", "")


def test_every_fact_says_where_it_comes_from_and_every_decision_that_it_is_one(root):
    run(root, environment="staging", facts=auto_mode())
    lines = (root / "stacks" / "Pulumi.prod.yaml").read_text().splitlines()
    facts = [line for line in lines if line.startswith("    ") and "# EKS: " in line]
    assert [line.split(":")[0].strip() for line in facts] == [
        "name",
        "account",
        "kubernetesVersion",
        "oidcIssuer",
        "autoMode",
    ]
    decisions = [lines[index + 1] for index, line in enumerate(lines) if "# Decide: development" in line]
    assert decisions == ["  velero-eks:environment: staging"]
    decided = [lines[index + 1 :] for index, line in enumerate(lines) if "# Decide:" in line]
    keys = [next(line for line in rest if "#" not in line).split(":")[1] for rest in decided]
    assert keys == ["environment", "recovery", "identity", "volumes", "storage", "schedules"]


@pytest.mark.parametrize(
    ("rpo", "cron"),
    [
        ("24h", "0 2 * * *"),
        ("2d", "0 2 * * *"),
        ("7h", "0 2,8,14,20 * * *"),
        ("1h", "0 * * * *"),
        ("20m", "*/15 * * * *"),
    ],
)
def test_the_schedule_meets_the_rpo_that_was_decided(root, rpo, cron):
    assert run(root, environment="production", rpo=rpo) == DONE
    (schedule,) = written(root).schedules.values()
    assert schedule.cron == cron
    assert schedule.recurrence.nominal_interval() <= written(root).recovery[0].rpo.seconds


def test_flags_win_over_what_the_facts_suggest(root):
    run(
        root,
        environment="development",
        identity="pod-identity",
        volumes="none",
        namespaces=("shop", "cart"),
        retention="21d",
        timezone="Asia/Kolkata",
        context="shop-admin",
    )
    settings = written(root)
    assert (settings.identity.mode, settings.volumes.mode) == ("pod-identity", "none")
    assert settings.recovery[0].namespaces == ("shop", "cart")
    assert settings.cluster.context == "shop-admin"
    (schedule,) = settings.schedules.values()
    assert (schedule.timezone, str(schedule.keep)) == ("Asia/Kolkata", "21d")


def test_on_a_terminal_it_asks_and_empty_answers_are_the_defaults(root):
    terminal = watched("", "12h", "", "shop, cart", "", "")
    assert run(root, terminal) == DONE
    settings = written(root)
    assert settings.environment == "production"
    assert str(settings.recovery[0].rpo) == "12h"
    assert settings.recovery[0].namespaces == ("shop", "cart")
    assert "IAM has an OIDC provider for this cluster" in said_to(terminal)


def test_an_answer_that_cannot_be_is_asked_for_again(root):
    terminal = watched("", "30", "6h", "", "", "iam", "irsa", "")
    assert run(root, terminal) == DONE
    assert "a number needs a unit" in said_to(terminal)
    assert "one of irsa, pod-identity" in said_to(terminal)
    assert str(written(root).recovery[0].rpo) == "6h"


def test_what_a_flag_says_is_not_asked(root):
    terminal = watched("")
    said = {"environment": "staging", "rpo": "24h", "retention": "14d", "namespaces": ("*",), "identity": "irsa"}
    assert run(root, terminal, **said) == DONE
    assert "Environment" not in said_to(terminal)
    assert "volumes" in said_to(terminal)


def test_an_input_that_ends_writes_nothing(root):
    with pytest.raises(BadTarget, match="give the answers as flags"):
        run(root, watched(""))
    assert list((root / "stacks").iterdir()) == []


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ({}, "--environment missing"),
        ({"environment": "prod"}, "--environment 'prod': one of development, staging, production"),
        ({"environment": "production", "rpo": "30"}, "--rpo: '30' is not a duration"),
        (
            {"environment": "production", "rpo": "10m"},
            "--rpo 10m: a schedule that runs more often than every 15 min needs",
        ),
        ({"environment": "production", "timezone": "Mars"}, "--timezone:"),
        ({"environment": "production", "namespaces": ("*", "a")}, "--namespace: '*' is every namespace"),
        ({"environment": "production", "volumes": "native"}, "--volumes 'native': one of none, csi-snapshot"),
        ({"environment": "production", "cluster": None}, "--cluster missing"),
        ({"environment": "production", "stack": "a/b"}, "STACK 'a/b'"),
        ({"environment": "production", "region": "eu-wst-1"}, "--region 'eu-wst-1': unknown AWS region"),
        ({"environment": "production", "namespaces": ("Shop",)}, "--namespace: 'Shop': an RFC 1123 label"),
        ({"environment": "production", "from_cluster_stack": "o/p/s"}, "remove --cluster and --region"),
    ],
)
def test_a_bad_argument_is_named_and_nothing_is_written(root, said, part):
    with pytest.raises(OperationError) as raised:
        run(root, **said)
    assert part in str(raised.value)
    assert list((root / "stacks").iterdir()) == []


def test_a_file_that_would_be_bad_never_lands_and_its_problems_name_its_place(root):
    with pytest.raises(BadTarget, match=r"Pulumi\.prod\.yaml:\d+: velero-eks:schedules\.daily-backup\.keep"):
        run(root, environment="production", retention="1d")
    assert list((root / "stacks").iterdir()) == []


def test_an_untested_kubernetes_needs_a_word(root):
    with pytest.raises(BadTarget, match=r"Kubernetes 1.30: .* --allow-untested-kubernetes"):
        run(root, environment="staging", facts={"version": "1.30"})
    assert run(root, environment="staging", facts={"version": "1.30"}, allow_untested_kubernetes=True) == DONE
    assert written(root).release.allow_untested_kubernetes


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        ("CREATING", "aws eks wait cluster-active --name shop --region eu-west-1"),
        ("FAILED", "fix it in EKS first"),
        ("DELETING", "fix it in EKS first"),
    ],
)
def test_a_cluster_that_is_not_there_yet_or_no_more_gives_no_file(root, status, mend):
    # While it is made, EKS leaves out what it does not know yet.
    unknown = {"endpoint": None, "identity": {}, "certificateAuthority": {}} if status == "CREATING" else {}
    with pytest.raises(BadTarget) as raised:
        run(root, environment="production", facts={"status": status, **unknown})
    assert f"the EKS cluster shop in eu-west-1 is {status}" in str(raised.value)
    assert mend in str(raised.value)
    assert list((root / "stacks").iterdir()) == []


def test_what_could_not_be_asked_is_said_and_nothing_is_claimed_of_it(root, capsys):
    answers = Answers()
    answers.add("eks", "describe_cluster", described())
    answers.refuse("eks", "list_addons", "AccessDeniedException", "not authorized to perform eks:ListAddons", 403)
    answers.oidc_provider()
    request = InitRequest(stack="prod", cluster="shop", region=REGION, environment="production")
    find = lambda name, region: discover(name, region, client=answers.client)  # noqa: E731
    assert run_init(request, start=root, terminal=NOBODY, find=find) == DONE
    said = capsys.readouterr().out
    assert "Could not be asked, so a default was taken: asking for the cluster's add-ons" in said
    assert "eks:ListAddons" in said
    text = (root / "stacks" / "Pulumi.prod.yaml").read_text()
    assert "nor the add-on" not in text
    assert max(len(line) for line in text.splitlines() if line.startswith("  #")) <= 100


def edited(root: Path) -> Path:
    """A stack's file that someone has gone on working on."""
    run(root, environment="production")
    path = root / "stacks" / "Pulumi.prod.yaml"
    path.write_text(path.read_text().replace("    retention: 30d", "    # agreed with audit\n    retention: 30d"))
    return path


def test_the_same_cluster_changes_nothing(root, capsys):
    path = edited(root)
    before = path.read_text()
    assert run(root) == DONE
    assert path.read_text() == before
    assert "nothing to change" in capsys.readouterr().out


def test_an_upgraded_cluster_changes_its_facts_and_keeps_decisions_and_comments(root, capsys):
    path = edited(root)
    before = path.read_text()
    capsys.readouterr()
    assert run(root, yes=True, facts={"version": "1.35"}) == DONE
    assert path.read_text() == before.replace('"1.34"', '"1.35"')
    shown = capsys.readouterr().out
    assert '-    kubernetesVersion: "1.34"' in shown
    assert '+    kubernetesVersion: "1.35"' in shown


def test_a_file_is_not_overwritten_without_a_yes(root, capsys):
    path = edited(root)
    before = path.read_text()
    with pytest.raises(BadTarget, match="Give --yes"):
        run(root, facts={"version": "1.35"})
    assert run(root, watched("n"), facts={"version": "1.35"}) == LEFT
    assert path.read_text() == before
    assert "1.35" in capsys.readouterr().out
    assert run(root, watched("y"), facts={"version": "1.35"}) == DONE
    assert written(root).cluster.kubernetes_version == "1.35"


@pytest.mark.parametrize(
    "pulumis",
    ["secretsprovider: awskms://alias/state?region=eu-west-1\nencryptedkey: AQICAHg=\n", "encryptionsalt: v1:abc\n"],
)
def test_what_pulumi_stack_init_wrote_stays_below_the_new_stack(root, pulumis, capsys):
    path = root / "stacks" / "Pulumi.prod.yaml"
    run(root, environment="production")
    alone = path.read_text()
    path.write_text(pulumis)
    assert run(root, environment="production") == DONE
    assert path.read_text() == alone + pulumis
    assert "velero-eks plan prod" in capsys.readouterr().out
    assert run(root) == DONE
    assert "nothing to change" in capsys.readouterr().out


def test_the_file_of_a_cluster_in_another_account_is_not_taken_over(root):
    run(root, environment="production")
    path = root / "stacks" / "Pulumi.prod.yaml"
    example = path.read_text().replace("111122223333", "777788889999")
    path.write_text(example)
    with pytest.raises(BadTarget, match="for account 777788889999, and the cluster shop is in 111122223333; give anot"):
        run(root, watched("y"))
    assert path.read_text() == example


def test_flags_change_the_decisions_of_a_file_that_exists(root):
    edited(root)
    assert run(root, yes=True, identity="pod-identity", rpo="36h", namespaces=("shop",)) == DONE
    settings = written(root)
    assert settings.identity.mode == "pod-identity"
    assert settings.recovery[0].namespaces == ("shop",)


def test_a_broken_file_is_not_mended_behind_anybodys_back(root):
    path = root / "stacks" / "Pulumi.prod.yaml"
    for text, part in (("config: [", "is not YAML"), ("[]", "no mapping 'config'")):
        path.write_text(text)
        with pytest.raises(BadTarget, match=part):
            run(root, yes=True)
        assert path.read_text() == text


OUTPUTS = {
    "clusterName": "shop",
    "region": REGION,
    "account": "111122223333",
    "kubernetesVersion": "1.34",
    "oidcIssuer": ISSUER,
    "autoMode": True,
}


def from_stack(root: Path, pulumi, outputs: dict, **said) -> int:
    pulumi.answer("stack output --json --stack org/network/prod", outputs)
    request = InitRequest(stack="prod", from_cluster_stack="org/network/prod", environment="production", **said)
    return run_init(request, start=root, terminal=NOBODY)


def test_the_facts_can_come_from_the_stack_that_made_the_cluster(root, pulumi):
    assert from_stack(root, pulumi, OUTPUTS) == DONE
    settings = written(root)
    assert settings.cluster.auto_mode
    assert settings.volumes.mode == "csi-snapshot"
    assert "# its output kubernetesVersion" in (root / "stacks" / "Pulumi.prod.yaml").read_text()


@pytest.mark.parametrize("name", ["prod", "network/prod", "org/network/prod/x", "org//prod", ""])
def test_the_stack_that_made_the_cluster_is_named_in_full(root, pulumi, name):
    with pytest.raises(BadTarget, match="write ORG/PROJECT/STACK"):
        run_init(
            InitRequest(stack="prod", from_cluster_stack=name, environment="production"), start=root, terminal=NOBODY
        )
    assert pulumi.calls == []


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"oidcIssuer": None}, "output oidcIssuer is missing; export it there (pulumi.export('oidcIssuer', …))"),
        ({"account": 111122223333}, "output account = 111122223333"),
        ({"kubernetesVersion": "v1.34"}, "output kubernetesVersion = 'v1.34': an EKS version is a minor version"),
        ({"autoMode": "yes"}, "output autoMode = 'yes'"),
        ({"clusterName": "[secret]"}, "output clusterName is a secret"),
        ({"region": "mars-1"}, "output region = 'mars-1': unknown AWS region"),
    ],
)
def test_an_output_that_is_missing_or_wrong_is_named(root, pulumi, change, part):
    outputs = {key: value for key, value in {**OUTPUTS, **change}.items() if value is not None}
    with pytest.raises(BadTarget) as raised:
        from_stack(root, pulumi, outputs)
    assert part in str(raised.value)
    assert "stack org/network/prod" in str(raised.value)


def test_all_outputs_that_are_missing_are_named_at_once(root, pulumi):
    with pytest.raises(BadTarget) as raised:
        from_stack(root, pulumi, {"vpc": "vpc-1"})
    assert str(raised.value).count(" is missing; export it") == 5
    assert str(raised.value).endswith("It has the outputs: vpc")


def test_json_is_one_document_and_writes_a_new_file(root, capsys):
    assert run(root, environment="production", as_json=True) == DONE
    said = json.loads(capsys.readouterr().out)
    assert said == {
        "version": 1,
        "stack": "prod",
        "file": str(root / "stacks" / "Pulumi.prod.yaml"),
        "new": True,
        "difference": [],
        "written": True,
        "unknown": [],
    }
    assert written(root).environment == "production"


def test_json_of_a_file_that_exists_has_the_difference_and_writes_it_only_with_a_yes(root, capsys):
    assert run(root, environment="production") == DONE
    before = (root / "stacks" / "Pulumi.prod.yaml").read_text()
    capsys.readouterr()
    assert run(root, as_json=True) == DONE
    assert json.loads(capsys.readouterr().out)["difference"] == []
    assert run(root, rpo="48h", as_json=True) == LEFT
    said = json.loads(capsys.readouterr().out)
    assert (said["new"], said["written"]) == (False, False)
    assert any(line.startswith("+") and "48h" in line for line in said["difference"])
    assert (root / "stacks" / "Pulumi.prod.yaml").read_text() == before
    assert run(root, rpo="48h", as_json=True, yes=True) == DONE
    assert json.loads(capsys.readouterr().out)["written"] is True
    assert written(root).recovery[0].rpo.text == "48h"


def test_json_asks_nothing_of_anybody(root):
    terminal = watched()
    with pytest.raises(BadTarget, match="--environment missing"):
        run(root, terminal, stack="blue", as_json=True)
    assert said_to(terminal) == ""


def test_json_writes_a_project_only_with_a_yes_and_stays_one_document(tmp_path, capsys):
    with pytest.raises(BadTarget, match="Give --yes to write"):
        run(tmp_path, environment="production", as_json=True)
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    assert run(tmp_path, environment="production", as_json=True, yes=True) == DONE
    assert json.loads(capsys.readouterr().out)["written"] is True
    assert (tmp_path / "Pulumi.yaml").is_file()


@pytest.mark.parametrize("word", ["stacks/Pulumi.blue.yaml", "Pulumi.blue.yaml", "Pulumi.blue.yml"])
def test_a_file_is_not_a_stacks_name(root, word):
    with pytest.raises(BadTarget, match=r"is a file; give the stack's name, such as prod$"):
        run(root, stack=word)
