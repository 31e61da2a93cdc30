"""Ask the cron libraries inside Velero what they make of an expression (main.go beside this file).

``python tests/oracles/cron/cron_oracle.py`` writes the tables in tests/components/settings/data again. It
needs Go and, the first time, the Go module proxy. Raise the libraries in go.mod when Velero's own go.mod does,
then read the tables' diff: a change there is a change in when backups run.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import zoneinfo
from collections.abc import Iterable
from importlib import metadata, resources
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "components" / "settings" / "data"
# As in go.mod.
LIBRARIES = "robfig/cron v3.0.1, netresearch/go-cron v0.15.0"
BUILD_SECONDS = 240
ANSWER_SECONDS = 120
# Few enough that a busy machine answers them within the limit.
_QUESTIONS_AT_ONCE = 2_000


def build(folder: Path) -> Path:
    """Compile the oracle into a folder. Raises CalledProcessError or TimeoutExpired when Go cannot."""
    program = folder / "cron-oracle"
    command = ["go", "build", "-o", str(program), "."]
    subprocess.run(command, cwd=HERE, check=True, timeout=BUILD_SECONDS, capture_output=True)
    return program


def ask(program: Path, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The oracle's answers, in order; it reads the zone rules of Python's tzdata package."""
    rules = resources.files("tzdata").joinpath("zoneinfo")
    environment = {**os.environ, "ZONEINFO": str(rules), "TZ": "UTC"}
    answers: list[dict[str, Any]] = []
    for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
        batch = questions[start : start + _QUESTIONS_AT_ONCE]
        done = subprocess.run(
            [str(program)],
            input="".join(json.dumps(question) + "\n" for question in batch),
            text=True,
            encoding="utf-8",
            check=True,
            timeout=ANSWER_SECONDS,
            capture_output=True,
            env=environment,
        )
        # Not splitlines(): an error may quote an expression's odd white space.
        answers += [json.loads(line) for line in done.stdout.split("\n") if line]
    return answers


def write_table(path: Path, source: str, cases: Iterable[dict[str, Any]]) -> None:
    """Write a table of questions with their answers, one a line."""
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=True) for case in cases)
    path.write_text(f'{{"source": {json.dumps(source)}, "cases": [\n{lines}\n]}}\n', encoding="utf-8")


def main() -> None:
    """Write the tables again."""
    zoneinfo.reset_tzpath(to=[])
    import cron_questions

    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        for name, questions in (
            ("cron_runs_robfig.json", cron_questions.table("robfig")),
            ("cron_runs_go_cron.json", cron_questions.table("go-cron")),
            ("go_durations.json", cron_questions.durations()),
        ):
            answers = ask(program, questions)
            source = (
                f"{LIBRARIES} and Go, by tests/oracles/cron/cron_oracle.py, "
                f"zone rules of tzdata {metadata.version('tzdata')}"
            )
            cases = [{**question, **answer} for question, answer in zip(questions, answers, strict=True)]
            for case in cases:
                case.pop("count", None)
                case.pop("library", None)
            write_table(DATA / name, source, cases)
            print(f"{name}: {len(cases)} cases, {sum(case['accepted'] for case in cases)} accepted")


if __name__ == "__main__":
    main()
