"""The mutated stack files, read by the Pulumi engine's own reader and by this code: ``-m oracle``, and nightly.

What this code reads is what the program gets from the engine, value for value; what it refuses it refuses.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from velero_on_eks.settings import StackFileError
from velero_on_eks.settings.yaml_file import parse, plain, read_text

from tests.fuzz import SEED, STACK_FILES
from tests.fuzz.stack_files import mutated
from tests.limits import HANG

FOLDER = Path(__file__).parents[1] / "oracles" / "stack_file"

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(shutil.which("go") is None, reason="go, which builds the oracle, is not installed"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("oracle") / "stack-file"
    subprocess.run(["go", "build", "-o", str(made), "."], cwd=FOLDER, check=True, timeout=3 * HANG, capture_output=True)
    return made


def ours(path: Path) -> dict[str, Any] | None:
    """The configuration as this code reads it, None where it refuses to."""
    try:
        root = parse(read_text(path, "x"), "x")
        found, refused = plain(root, "x") if root is not None else (None, [])
    except StackFileError:
        return None
    config = found.get("config") if isinstance(found, dict) else None
    return config if not refused and isinstance(config, dict) else None


def differs(mine: Any, answer: dict[str, Any]) -> bool:
    if answer.get("secure"):
        # What is encrypted must not be read here.
        return not (isinstance(mine, (dict, list)))
    text = answer["value"]
    if answer.get("object"):
        return _same(mine, json.loads(text)) is False
    if isinstance(mine, bool):
        return text != ("true" if mine else "false")
    if isinstance(mine, (int, float)):
        return text != str(mine) and float(text) != mine
    return ("" if mine is None else mine) != text


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(_same(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(_same, mine, theirs))
    numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (mine, theirs))
    return (numbers or type(mine) is type(theirs)) and mine == theirs


def test_what_is_read_is_what_the_engine_hands_over_value_for_value(program, tmp_path):
    path, read = tmp_path / "Pulumi.shop.yaml", list[tuple[bytes, dict[str, Any]]]()
    for text in mutated(SEED, STACK_FILES):
        path.write_bytes(text)
        mine = ours(path)
        if mine is not None:
            read.append((text, {key if ":" in key else f"velero-eks:{key}": value for key, value in mine.items()}))
    assert len(read) > STACK_FILES // 20
    # Only what is read here: of the rest there are files that the engine never comes to the end of.
    asked = "".join(json.dumps({"file": base64.b64encode(text).decode()}) + "\n" for text, _ in read)
    done = subprocess.run([str(program)], input=asked, capture_output=True, text=True, timeout=3 * HANG, check=True)
    wrong = list[Any]()
    for (text, mine), line in zip(read, filter(None, done.stdout.split("\n")), strict=True):
        answer = json.loads(line)
        if not answer["accepted"]:
            # It ends there with the engine's own words, and nothing is deployed that was not planned.
            continue
        theirs = answer["config"]
        both = [key for key in mine if key in theirs and differs(mine[key], theirs[key])]
        wrong += [(key, mine[key], theirs[key], text) for key in both]
        wrong += [(key, text) for key in set(mine) ^ set(theirs)]
    assert wrong == []
