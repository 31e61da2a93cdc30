"""The scripts that write to GitHub, run as they stand in the workflows against a `gh` that answers from files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.limits import HANG
from tests.stacks import FILES
from velero_eks.diff.markdown import marker, render
from velero_eks.diff.model import Diff, Fact, Revision, StackDiff

ROOT = Path(__file__).resolve().parent.parent
COMMENT = (ROOT / "tests/velero_eks/diff/data/comment.md").read_text(encoding="utf-8")
SHA = "9f8e7d6" + "0" * 33
BOT = "github-actions[bot]"

pytestmark = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("jq")), reason="the scripts are written for bash and jq"
)

# Answers a path with the file named after its last words, and keeps what is written.
GH = r"""#!/usr/bin/env bash
set -euo pipefail
method=GET path= fields=()
shift
while [ $# -gt 0 ]; do
  case "$1" in
    --method) method="$2"; shift ;;
    --input) shift ;;
    -f) fields+=("$2"); shift ;;
    --*) ;;
    *) path="${1%%\?*}" ;;
  esac
  shift
done
if [ "$method" = GET ]; then
  printf '%s\n' "${fields[@]}" >> "$ANSWERS/asked"
  exec cat "$ANSWERS/${path##*/}"
fi
number="$(ls "$ANSWERS/written" | wc -l)"
printf '%s %s\n' "$method" "$path" > "$ANSWERS/written/$number"
if [ "${#fields[@]}" -gt 0 ]; then printf '%s\n' "${fields[@]}"; else cat; fi >> "$ANSWERS/written/$number"
"""


class GitHub:
    """A repository as the scripts see it through `gh`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "written").mkdir()
        (folder / "bin").mkdir()
        (folder / "bin/gh").write_text(GH)
        (folder / "bin/gh").chmod(0o755)

    def answer(self, name: str, value: Any) -> None:
        (self.folder / name).write_text(json.dumps(value))

    def artifact(self, text: str | bytes, *, name: str = "diff.md") -> None:
        with zipfile.ZipFile(self.folder / "zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
        size = (self.folder / "zip").stat().st_size
        self.answer("artifacts", {"artifacts": [{"id": 5, "expired": False, "size_in_bytes": size}]})

    def run(
        self, workflow: str, job: str, step: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the step of that name, the job's last where none is given."""
        steps = yaml.safe_load((ROOT / ".github/workflows" / workflow).read_text())["jobs"][job]["steps"]
        found = steps[-1] if step is None else next(each for each in steps if each.get("name") == step)
        fixed = {key: value for key, value in found["env"].items() if "${{" not in value}
        return subprocess.run(
            ["bash", "-e", "-c", found["run"]], text=True, capture_output=True, timeout=HANG,
            check=False, cwd=self.folder / found.get("working-directory", ""),
            env={**os.environ, **fixed, "ANSWERS": str(self.folder), "TMPDIR": str(self.folder),
                 "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "acme/velero",
                 "GITHUB_RUN_ID": "77", "RUN_URL": "https://github.com/acme/velero/actions/runs/77", **environment},
        )  # fmt: skip

    @property
    def written(self) -> list[tuple[str, str]]:
        """What was asked to be written: "METHOD path" and the rest, in order."""
        parts = [path.read_text().partition("\n") for path in sorted((self.folder / "written").iterdir())]
        return [(head, rest) for head, _, rest in parts]


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    made = GitHub(tmp_path)
    made.answer("pulls", [{"number": 12, "head": {"sha": SHA, "repo": {"id": 3}}}])
    made.answer("comments", [])
    made.artifact(COMMENT)
    return made


def comment(github: GitHub, **environment: str) -> tuple[str, str]:
    """Run the comment's script; which request it made, and the body."""
    given = {"BASE": "main", "HEAD_BRANCH": "topic", "HEAD_OWNER": "someone", "HEAD_REPOSITORY": "3", "HEAD_SHA": SHA}
    done = github.run("pull-request-comment.yml", "comment", **{**given, "RUN_ID": "77", **environment})
    assert done.returncode == 0, done.stderr
    if not github.written:
        return "", ""
    ((request, body),) = github.written
    return request, json.loads(body)["body"]


def test_the_comment_is_the_artifacts_text_with_the_commit_it_is_of(github: GitHub) -> None:
    request, body = comment(github)
    assert request == "POST repos/acme/velero/issues/12/comments"
    assert body == f"{COMMENT}\nOf {SHA}.\n"
    assert "head=someone:topic" in (github.folder / "asked").read_text().splitlines()


def test_the_marker_is_the_one_the_tool_writes() -> None:
    text = (ROOT / ".github/workflows/pull-request-comment.yml").read_text()
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"]
    assert re.findall(r'MARKER: "(.*)"', text) == [marker(project)]


def test_an_earlier_comment_of_the_workflow_is_updated_and_nobody_elses(github: GitHub) -> None:
    github.answer("comments", [
        {"id": 1, "user": {"login": "mallory"}, "body": COMMENT},
        {"id": 2, "user": {"login": BOT}, "body": "something else"},
        {"id": 3, "user": {"login": BOT}, "body": COMMENT},
    ])  # fmt: skip
    assert comment(github)[0] == "PATCH repos/acme/velero/issues/comments/3"


def test_a_fork_that_was_deleted_gets_no_comment(github: GitHub) -> None:
    github.answer("pulls", [{"number": 12, "head": {"sha": SHA, "repo": None}}])
    assert comment(github, HEAD_REPOSITORY="", HEAD_OWNER="") == ("", "")


@pytest.mark.parametrize("head", [{"sha": "0" * 40, "repo": {"id": 3}}, {"sha": SHA, "repo": {"id": 4}}])
def test_nothing_is_written_where_no_open_pull_request_is_at_that_commit(github: GitHub, head: dict[str, Any]) -> None:
    github.answer("pulls", [{"number": 12, "head": head}])
    assert comment(github) == ("", "")


def test_whatever_the_tool_escapes_passes(github: GitHub) -> None:
    hostile = (
        "a [link](https://x) @owner #12 GH-12 www.x.org a@b.org &#64;owner <img src=x> `code` \\[ ![i](x) *b*"
        " \\\\] ~s~ {x} _i_ # → ✓"
    )
    sides = Revision("a", "1" * 40), Revision("b", "2" * 40)
    made = render(
        Diff(
            "velero-eks", *sides, (StackDiff("@owner.www.x<org>", "changed", (Fact("updated", hostile),)),), (hostile,)
        )
    )
    github.artifact(made)
    assert comment(github)[1].startswith(made)


@pytest.mark.parametrize(
    "line",
    ["[link](x)", "![picture](x)", "@owner", "closes #12", "<img src=x>",
     "<details><summary><b>a</b><i></summary>", "<details><summary><b>@owner</b></summary>",
     "\\\\[x](y)", "> [!CAUTION] [x](y)", "[x]: y", "<!-- hidden -->",
     # What GitHub makes an @, a # or a / of before it looks for mentions, references and links.
     "&#64;owner", "&commat;owner", "&#x40;owner", "\\@owner", "&#35;12", "&num;12", "\\#12", "https:\\//x",
     "http&colon;//x", "https://x", "HTTP://x", "ftp://x", "www.x.org", "WWW.x.org", "a@b.org", "gh-12"],
)  # fmt: skip
def test_markup_that_the_tool_never_writes_is_not_put_into_a_comment(github: GitHub, line: str) -> None:
    github.artifact(f"{COMMENT}\n{line}\n")
    body = comment(github)[1]
    assert body.startswith("<!-- velero-eks diff: velero-eks -->\n")
    assert "markup that the tool does not write" in body
    assert line not in body


@pytest.mark.parametrize("character", ["\x07", "\r", "\t", "\u200b", "\u202e", "\u2028"])
def test_characters_that_hide_something_are_not_put_into_a_comment(github: GitHub, character: str) -> None:
    github.artifact(f"{COMMENT}\na{character}b\n")
    assert "it has characters that the tool does not write" in comment(github)[1]


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        (COMMENT.partition("\n")[2], "diff.md", "does not begin as the tool begins"),
        (COMMENT + "a" * 65_000, "diff.md", "too long"),
        (COMMENT.encode() + b"\xff", "diff.md", "cannot be read"),
        (COMMENT, "../diff.md", "holds something else"),
    ],
)
def test_an_artifact_that_is_not_the_tools_is_refused(
    github: GitHub, text: str | bytes, name: str, reason: str
) -> None:
    github.artifact(text, name=name)
    body = comment(github)[1]
    assert reason in body
    assert "https://github.com/acme/velero/actions/runs/77" in body


def test_an_artifact_that_is_damaged_is_refused_without_its_words(github: GitHub) -> None:
    github.artifact(COMMENT)
    archive = github.folder / "zip"
    raw = bytearray(archive.read_bytes())
    # Within the packed text, behind a header of 30 bytes and the name.
    raw[60:80] = bytes(20)
    archive.write_bytes(bytes(raw))
    assert "could not be compared: the artifact cannot be read." in comment(github)[1]


def test_a_run_without_a_comparison_says_so_in_place_of_the_last_one(github: GitHub) -> None:
    github.answer("artifacts", {"artifacts": []})
    github.answer("comments", [{"id": 3, "user": {"login": BOT}, "body": COMMENT}])
    request, body = comment(github)
    assert request == "PATCH repos/acme/velero/issues/comments/3"
    assert "could not be compared: there is no comparison" in body


def take(github: GitHub) -> subprocess.CompletedProcess[str]:
    return github.run("pull-request-comment.yml", "difference", "Take the plans", RUN_ID="77")


def test_the_plans_are_taken_as_they_are(github: GitHub) -> None:
    github.artifact('{"version": 1}', name="plan.json")
    assert take(github).returncode == 0
    assert (github.folder / "plan.json").read_text() == '{"version": 1}'


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("{}", "../plan.json", "something else"),
        ("{}", "velero_eks/cli.py", "something else"),
        ("{}", "diff.md", "something else"),
        (b"0" * 50_000_001, "plan.json", "too big"),
    ],
    ids=["a path", "code", "a comment", "a bomb"],
)
def test_an_artifact_that_holds_no_plans_is_refused(github: GitHub, text: str | bytes, name: str, reason: str) -> None:
    github.artifact(text, name=name)
    done = take(github)
    assert (done.returncode, reason in done.stderr) == (1, True)
    assert not (github.folder / "plan.json").exists()


def test_an_artifact_of_plans_that_is_damaged_big_or_gone_is_refused(github: GitHub) -> None:
    github.artifact("{}", name="plan.json")
    (github.folder / "zip").write_bytes(b"PK::warning::words of someone")
    done = take(github)
    assert (done.returncode, done.stderr.strip()) == (1, "::error::The artifact cannot be read.")
    for artifacts in ([], [{"id": 5, "expired": True, "size_in_bytes": 9}],
                      [{"id": 5, "expired": False, "size_in_bytes": 20_000_001}]):  # fmt: skip
        github.answer("artifacts", {"artifacts": artifacts})
        done = take(github)
        assert (done.returncode, "no plans, or they are too big" in done.stdout) == (1, True)


# Says what it was asked, where, and what the two sides are; with 2 and no words where the change says `bad`.
UV = """#!/usr/bin/env bash
[ -n "$BAD" ] && exit "$BAD"
echo "$PWD: $*"
git log -1 --format=%s "$(git merge-base HEAD "${5#HEAD...}")"
git show "${5#HEAD...}:stacks" | tail -n 1
exit "${CODE:-0}"
"""


@pytest.fixture
def sides(github: GitHub) -> tuple[GitHub, str]:
    """`base` and `change` as the workflow checks them out; the change's commit."""
    (github.folder / "bin/uv").write_text(UV)
    (github.folder / "bin/uv").chmod(0o755)
    base, change = github.folder / "base", github.folder / "change"

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=HANG).stdout.strip()

    git("init", "-q", "-b", "main", str(base))
    git("-C", str(base), "commit", "-qm", "where it left", "--allow-empty")
    git("clone", "-q", str(base), str(change))
    (change / "stacks").write_text("the change's\n")
    git("-C", str(change), "add", "-A")
    git("-C", str(change), "commit", "-qm", "the change")
    git("-C", str(base), "commit", "-qm", "main went on", "--allow-empty")
    return github, git("-C", str(change), "rev-parse", "HEAD")


def test_the_change_is_compared_with_where_it_left_the_base_by_the_bases_tool(sides: tuple[GitHub, str]) -> None:
    github, sha = sides
    for code in ("0", "2"):
        done = github.run("pull-request-comment.yml", "difference", "Compare", HEAD_SHA=sha, CODE=code, BAD="")
        assert done.returncode == 0, done.stderr
        called, left, shown = (github.folder / "diff.md").read_text().splitlines()
        asked = f"run --frozen velero-eks diff HEAD...{sha} --to-plan ../plan.json --markdown"
        assert called == f"{github.folder / 'base'}: {asked}"
        assert (left, shown) == ("where it left", "the change's")


def test_a_comparison_that_failed_hands_over_nothing(sides: tuple[GitHub, str]) -> None:
    github, sha = sides
    assert github.run("pull-request-comment.yml", "difference", "Compare", HEAD_SHA=sha, BAD="2").returncode != 0


def drift(github: GitHub, result: str, *issues: dict[str, Any]) -> list[tuple[str, str]]:
    github.answer("issues", list(issues))
    github.answer("jobs", {"jobs": [
        {"name": "Drift of dev", "conclusion": "success", "html_url": "https://x/1"},
        {"name": "Drift of prod", "conclusion": "failure", "html_url": "https://x/2"},
        {"name": "Report", "conclusion": None, "html_url": "https://x/3"},
    ]})  # fmt: skip
    done = github.run("drift.yml", "report", RESULT=result)
    assert done.returncode == 0, done.stderr
    return github.written


TITLE = "What is deployed differs from main"


def test_drift_opens_an_issue_that_names_the_stacks_that_differ(github: GitHub) -> None:
    ((request, body),) = drift(github, "failure", {"number": 8, "title": "Another"})
    made = json.loads(body)
    assert (request, made["title"]) == ("POST repos/acme/velero/issues", TITLE)
    assert "- [prod](https://x/2)" in made["body"]
    assert "dev" not in made["body"]


def test_drift_found_again_updates_the_issue(github: GitHub) -> None:
    ((request, body),) = drift(github, "failure", {"number": 9, "title": TITLE})
    assert request == "PATCH repos/acme/velero/issues/9"
    assert "- [prod](https://x/2)" in json.loads(body)["body"]


def test_the_issue_is_closed_when_nothing_differs_any_more(github: GitHub) -> None:
    written = drift(github, "success", {"number": 9, "title": TITLE})
    assert [request for request, _ in written] == [
        "POST repos/acme/velero/issues/9/comments", "PATCH repos/acme/velero/issues/9",
    ]  # fmt: skip
    assert written[1][1] == "state=closed\n"


def test_no_drift_and_no_issue_writes_nothing(github: GitHub) -> None:
    assert drift(github, "success") == []


def acted(folder: Path, action: str, **environment: str) -> tuple[int, dict[str, str], str]:
    """Run an action's first script in a project's folder: the exit code, its outputs, and what it says."""
    step = yaml.safe_load((ROOT / f".github/actions/{action}/action.yml").read_text())["runs"]["steps"][0]
    outputs = folder / "outputs"
    outputs.write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=folder, text=True,
        capture_output=True, timeout=HANG, check=False,
        env={**os.environ, "GITHUB_OUTPUT": str(outputs), **environment},
    )  # fmt: skip
    lines = [line.partition("=") for line in outputs.read_text().splitlines()]
    return done.returncode, {key: value for key, _, value in lines}, done.stdout


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """A project's folder `stacks/`, with the tests' stacks in it."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    for path in FILES.values():
        shutil.copy(path, folder)
    return folder


def test_the_stacks_are_listed_development_first_and_production_last(stacks: Path) -> None:
    for name, environment in (("a-eu", "production"), ("z", '"development"'), ("a", "staging # for now")):
        (stacks / f"Pulumi.{name}.yaml").write_text(f"config:\n  velero-eks:environment: {environment}\n")
    code, outputs, _ = acted(stacks.parent, "stacks")
    assert (code, json.loads(outputs["names"])) == (0, ["dev", "z", "a", "staging", "a-eu", "prod"])


def test_a_stack_without_an_environment_is_named_and_none_is_deployed(stacks: Path) -> None:
    (stacks / "Pulumi.odd.yaml").write_text("config: {velero-eks:environment: staging}\n")
    code, outputs, said = acted(stacks.parent, "stacks")
    assert (code, outputs) == (1, {})
    assert "::error file=stacks/Pulumi.odd.yaml::velero-eks:environment is not" in said


def test_a_project_without_stacks_is_told_so(tmp_path: Path) -> None:
    code, outputs, said = acted(tmp_path, "stacks")
    assert (code, outputs) == (1, {})
    assert "stacks/ has no stack file" in said


@pytest.mark.parametrize("stack", FILES)
def test_a_stacks_region_is_read_from_its_file(stacks: Path, stack: str) -> None:
    code, outputs, _ = acted(stacks.parent, "stack", STACK=stack, ROLE="arn:x", PULUMI_BACKEND_URL="s3://x")
    assert code == 0
    assert outputs["region"] == yaml.safe_load(FILES[stack].read_text())["config"]["aws:region"]
