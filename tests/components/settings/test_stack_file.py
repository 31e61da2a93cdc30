"""Reading stack files: lines, every problem at once, and what the engine hands over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pulumi
import pytest
from velero_on_eks.settings import (
    Refusal,
    StackFileError,
    load_from_pulumi,
    load_stack_file,
    render,
)
from velero_on_eks.settings.stack_file import shown_path

from tests.stacks import FILES
from velero_eks.errors import ProgramError
from velero_eks.plan.recorder import record_program

GOOD = """\
config:
  aws:region: eu-west-1
  velero-eks:environment: staging
  velero-eks:cluster:
    name: shop
    account: "111122223333"
    kubernetesVersion: "1.34"
    oidcIssuer: https://oidc.eks.eu-west-1.amazonaws.com/id/ABC
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "Pulumi.shop.yaml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(StackFileError) as raised:
        load_stack_file(written(folder, text))
    return [render(refusal).removeprefix(str(folder) + "/") for refusal in raised.value.refusals]


def test_a_good_file_is_read_with_its_stacks_name(tmp_path):
    found = load_stack_file(written(tmp_path, GOOD))
    assert found.stack == "shop"
    assert found.settings.cluster.name == "shop"
    assert found.settings.region == "eu-west-1"


@pytest.mark.parametrize("stack", FILES)
def test_the_stacks_of_the_tests_are_valid(stack):
    assert load_stack_file(FILES[stack]).stack == stack


def test_every_problem_is_told_at_once_each_with_its_line(tmp_path):
    text = GOOD.replace("staging", "stagin") + (
        "  velero-eks:schedules:\n"
        "    daily:\n"
        "      cron: 0 2 * * 8\n"
        "      keep: 30d\n"
        "  velero-eks:volume: {mode: none}\n"
    )
    found = problems(tmp_path, text)
    assert [line.split(": ")[0] for line in found] == [
        "Pulumi.shop.yaml:3",
        "Pulumi.shop.yaml:11",
        "Pulumi.shop.yaml:13",
    ]
    assert found[0].startswith('Pulumi.shop.yaml:3: velero-eks:environment = "stagin": one of')
    assert found[1].startswith('Pulumi.shop.yaml:11: velero-eks:schedules.daily.cron = "0 2 * * 8": ')
    assert "did you mean volumes?" in found[2]


def test_a_missing_field_is_shown_at_its_section(tmp_path):
    [problem] = problems(tmp_path, GOOD.replace('    account: "111122223333"\n', ""))
    assert problem.startswith("Pulumi.shop.yaml:4: velero-eks:cluster.account: required")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config: [", "Pulumi.shop.yaml:1:9: is not YAML: the bracket [ is not closed"),
        ("- a\n", "Pulumi.shop.yaml: config: a stack file needs a mapping 'config'"),
        ("", "Pulumi.shop.yaml: config: a stack file needs a mapping 'config'"),
        ("config: 3\n", "Pulumi.shop.yaml: config: a stack file needs a mapping 'config'"),
    ],
)
def test_what_is_no_stack_file_says_so(tmp_path, text, expected):
    assert problems(tmp_path, text)[0].startswith(expected)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(StackFileError, match="cannot be read"):
        load_stack_file(tmp_path / "Pulumi.none.yaml")


def test_bytes_that_are_no_text_say_so(tmp_path):
    path = tmp_path / "Pulumi.shop.yaml"
    path.write_bytes(b"config:\n  a: \xff\xfe\n")
    with pytest.raises(StackFileError, match="cannot be read"):
        load_stack_file(path)


def test_a_key_given_twice_is_refused_with_both_lines(tmp_path):
    found = problems(tmp_path, GOOD + "  velero-eks:environment: production\n")
    assert "Pulumi.shop.yaml:9" in found[0]
    assert "the same key as on line 3" in found[0]


def test_schedule_names_that_differ_in_case_alone_are_refused(tmp_path):
    text = (
        GOOD
        + "  velero-eks:schedules:\n    daily: {cron: '@daily', keep: 14d}\n    DAILY: {cron: '@daily', keep: 14d}\n"
    )
    assert any("the same key as on line 10" in problem for problem in problems(tmp_path, text))


def test_an_account_whose_leading_zero_yaml_would_lose_is_refused(tmp_path):
    found = problems(tmp_path, GOOD.replace('"111122223333"', "012345678901"))
    assert any('quote it: "012345678901"' in problem for problem in found)


def test_keys_of_other_programs_are_refused_with_where_the_setting_is(tmp_path):
    found = problems(tmp_path, GOOD + "  aws:profile: me\n  kubernetes:context: there\n  other:key: x\n")
    assert "aws:region and cluster.account" in found[0]
    assert "cluster.context" in found[1]
    assert "begin with velero-eks:" in found[2]


def test_the_engines_own_switches_are_left_to_it(tmp_path):
    text = GOOD + "  pulumi:disable-default-providers: [aws, kubernetes]\n"
    assert load_stack_file(written(tmp_path, text)).stack == "shop"


def test_a_password_in_plain_text_is_refused_and_not_shown(tmp_path):
    [problem] = problems(tmp_path, GOOD + "  velero-eks:repositoryPassword: a-very-secret-password-indeed\n")
    assert "config set --secret" in problem
    assert "a-very-secret" not in problem


def test_an_encrypted_password_is_planned_without_its_value(tmp_path):
    text = GOOD + "  velero-eks:repositoryPassword:\n    secure: v1:abc:def\n"
    assert load_stack_file(written(tmp_path, text)).settings.repository_password is not None


def engine(config: dict[str, object]) -> list[object]:
    seen: list[object] = []
    record_program(lambda: seen.append(load_from_pulumi()), stack="shop", config=config)
    return seen


def test_the_engine_hands_over_the_same_settings_as_the_file(tmp_path):
    file = load_stack_file(written(tmp_path, GOOD))
    assert engine(file.config) == [file.settings]


def test_a_misspelt_section_stops_the_engines_program_too_without_a_traceback(tmp_path):
    file = load_stack_file(written(tmp_path, GOOD))
    with pytest.raises(ProgramError) as raised:
        engine({**file.config, "velero-eks:scheduels": {}})
    assert str(raised.value).removeprefix("stack shop: ") == (
        "stacks/Pulumi.shop.yaml: velero-eks:scheduels: unknown key; did you mean schedules?"
    )
    assert isinstance(raised.value.__cause__, pulumi.RunError)


def test_values_reach_the_program_from_the_engines_environment(tmp_path, monkeypatch):
    file = load_stack_file(written(tmp_path, GOOD))
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in file.config.items()}
    seen: list[object] = []

    def program() -> None:
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
        seen.append(load_from_pulumi())

    record_program(program, stack="shop")
    assert seen == [file.settings]


def test_irsa_without_an_issuer_is_refused_with_the_command_that_shows_it(tmp_path):
    text = "".join(line + "\n" for line in GOOD.splitlines() if "oidcIssuer" not in line)
    [problem] = problems(tmp_path, text)
    assert problem.startswith("Pulumi.shop.yaml:4: velero-eks:cluster.oidcIssuer: required by identity.mode irsa")


def refusals(path: Path) -> tuple[Refusal, ...]:
    with pytest.raises(StackFileError) as raised:
        load_stack_file(path)
    return raised.value.refusals


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 8)
)
HARMFUL = [
    ("a date that is none", GOOD + "  velero-eks:tags: {made: 2026-13-45}\n", "read-in-two-ways", 9),
    ("a date", GOOD + "  velero-eks:tags: {made: 2026-11-24}\n", "read-in-two-ways", 9),
    ("a date to be", GOOD + "  velero-eks:tags: {made: !!timestamp when}\n", "not-yaml", 9),
    ("a tag", GOOD + "  velero-eks:tags: {made: !foo by-me}\n", "yaml-tag", 9),
    ("a tag of a mapping", GOOD + "  velero-eks:tags: !foo {}\n", "yaml-tag", 9),
    ("bytes", GOOD + "  velero-eks:tags: {made: !!binary aGFsbG8=}\n", "yaml-tag", 9),
    ("a control character", GOOD + "  velero-eks:tags: {made: by\x07me}\n", "not-yaml", 9),
    ("seven levels of aliases", GOOD + BOMB, "too-many-values", None),
    ("an alias of itself", GOOD + "  velero-eks:tags: &a {made: *a}\n", "endless-alias", 9),
    ("an alias of nothing", GOOD + "  velero-eks:tags: {made: *a}\n", "not-yaml", 9),
    ("a list for a key", GOOD + "  velero-eks:tags:\n    ? [a, b]\n    : x\n", "key-is-no-text", 10),
    ("five hundred brackets", GOOD + "  velero-eks:tags: " + "[" * 500 + "\n", "too-deep", 9),
    ("five hundred lists", GOOD + "  velero-eks:tags: " + "[" * 500 + "]" * 500 + "\n", "too-deep", 9),
    ("five hundred keys", GOOD + "  velero-eks:tags:\n    " + "? " * 500 + "\n", "too-deep", 10),
    ("a merge of text", GOOD + "  velero-eks:tags: {<<: x}\n", "merge", 9),
    ("yes for true", GOOD + "  velero-eks:tags: {made: yes}\n", "read-in-two-ways", 9),
    ("a time", GOOD + "  velero-eks:tags: {made: 12:30:00}\n", "read-in-two-ways", 9),
    ("a power of ten", GOOD + "  velero-eks:tags: {made: 1e3}\n", "read-in-two-ways", 9),
    ("half without a zero", GOOD + "  velero-eks:tags: {made: -.5}\n", "read-in-two-ways", 9),
    (
        "a number that the engine rounds",
        GOOD + "  velero-eks:tags: {made: 9223372036854775808}\n",
        "read-in-two-ways",
        9,
    ),
    ("a number without an end", GOOD + "  velero-eks:tags: {made: .inf}\n", "read-in-two-ways", 9),
    ("no number", GOOD + "  velero-eks:tags: {made: .NaN}\n", "read-in-two-ways", 9),
    ("null for a key", GOOD + "  velero-eks:tags: {~: x}\n", "key-is-no-text", 9),
    ("the word null for a key", GOOD + "  velero-eks:tags: {null: x}\n", "key-is-no-text", 9),
    ("a number of base 16 for a key", GOOD + "  velero-eks:tags: {0x10: x}\n", "key-is-no-text", 9),
    ("a fraction for a key", GOOD + "  velero-eks:tags: {1.10: x}\n", "key-is-no-text", 9),
    ("a date for a key", GOOD + "  velero-eks:tags: {2026-01-02: x}\n", "key-is-no-text", 9),
    ("a power of ten for a key", GOOD + "  velero-eks:tags: {1e3: x}\n", "key-is-no-text", 9),
    ("yes for a key", GOOD + "  velero-eks:tags: {yes: x}\n", "key-is-no-text", 9),
    ("six thousand values", GOOD + "  velero-eks:tags: [" + "a, " * 6_000 + "]\n", "too-many-values", 9),
    ("six thousand keys", GOOD + "".join(f"  k{number}: v\n" for number in range(6_000)), "too-many-values", 2500),
    ("a large file", GOOD + "# " + "x" * (1 << 20) + "\n", "file-too-large", None),
]


@pytest.mark.parametrize(("text", "code", "line"), [pytest.param(*case[1:], id=case[0]) for case in HARMFUL])
def test_what_would_harm_the_reader_ends_in_one_refusal_that_names_file_and_line(tmp_path, text, code, line):
    path = written(tmp_path, text)
    [refusal] = refusals(path)
    assert (refusal.code, refusal.file, refusal.line) == (code, shown_path(path), line)
    assert refusal.remedy
    assert len(render(refusal)) < 400 + len(str(path))


@pytest.mark.parametrize("special", ["/dev/zero", "/dev/null"])
def test_a_link_to_a_device_is_not_read(tmp_path, special):
    path = tmp_path / "Pulumi.shop.yaml"
    path.symlink_to(special)
    [refusal] = refusals(path)
    assert (refusal.code, refusal.file) == ("not-a-file", shown_path(path))


def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "Pulumi.shop.yaml"
    os.mkfifo(path)
    assert [refusal.code for refusal in refusals(path)] == ["not-a-file"]


def test_a_folder_in_its_place_is_refused(tmp_path):
    path = tmp_path / "Pulumi.shop.yaml"
    path.mkdir()
    assert [refusal.code for refusal in refusals(path)] == ["not-a-file"]


def test_aliases_and_merges_that_are_small_are_read(tmp_path):
    text = GOOD + (
        "  velero-eks:schedules:\n"
        "    daily: &daily {cron: '@daily', keep: 14d}\n"
        "    hourly: {<<: *daily, cron: '@hourly'}\n"
    )
    schedules = load_stack_file(written(tmp_path, text)).settings.schedules
    assert (schedules["hourly"].cron, str(schedules["hourly"].keep)) == ("@hourly", "14d")
    assert schedules["daily"].cron == "@daily"


def test_a_misspelt_secret_is_refused_and_not_shown(tmp_path):
    more = "  velero-eks:repositorypassword: first-of-two\n  aws:secretKey: second-of-two\n"
    found = problems(tmp_path, GOOD + more + "  velero-eks:dbPassword: {a: third-of-two}\n")
    assert len(found) == 3
    assert all("(hidden)" in line and "of-two" not in line for line in found), found


# A line of a stack file, and whether the key alone says that it is a secret.
SECRETS = [
    "velero-eks:repositorypassword: SECRET",
    "velero-eks:repositoryPasswort: SECRET",
    "velero-eks:repository-password: SECRET",
    "velero-eks:dbPassword: SECRET",
    "aws:secretKey: SECRET",
    "aws:accessKey: SECRET",
    "aws:token: SECRET",
    "gitlab:token: SECRET",
    "acme:API_KEY: SECRET",
    "velero-eks:storage: {accessKeySecret: SECRET}",
    "velero-eks:release: {imagePullPassword: [SECRET]}",
    "velero-eks:tags: {clientSecret: {deep: [{er: SECRET}]}}",
    "velero-eks:cluster: {credentials: {value: SECRET}}",
    "velero-eks:schedules: {daily: {password: SECRET}}",
    "velero-eks:repositoryPassword: SECRET",
    "velero-eks:repositoryPassword: [SECRET]",
    "velero-eks:repositoryPassword: {secret: SECRET}",
    "velero-eks:volumes: {privateKey: 2026-SECRET}",
    "velero-eks:password: 'SECRET",
]


@pytest.mark.parametrize("line", SECRETS)
@pytest.mark.parametrize("secret", ["correct-horse", "correct-" * 40, "correct\u202ehorse"])
def test_a_value_under_a_key_that_smells_of_a_secret_is_never_shown(tmp_path, line, secret):
    key, _, value = line.partition(": ")
    text = GOOD + f"  {key}: {value.replace('SECRET', secret)}\n"
    for refusal in refusals(written(tmp_path, text)):
        assert "correct" not in render(refusal)
        assert "correct" not in json.dumps(refusal.to_mapping(), default=str)
        assert "correct" not in repr(refusal)
