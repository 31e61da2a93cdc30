"""Pictures of real output for the docs: `python -m tests.pictures` runs the commands and draws what they print.

Each command runs in a terminal of its own (a pty) of a fixed width, at a fixed time, in a project made of the tests'
stack files. What it prints is drawn as it is, once for light and once for dark pages; where a picture shows only parts,
`…` marks what is left out. Nothing here needs a network or credentials.
"""

from __future__ import annotations

import errno
import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.segment import Segment, Segments
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.conftest import ROOT
from tests.stacks import FILES

FOLDER = ROOT / "docs" / "pictures"
RECORDINGS = ROOT / "tests" / "recordings"
AT = "2026-11-28T02:00Z"
_LIMIT = 300

_DARK = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [(110, 118, 129), (255, 123, 114), (63, 185, 80), (227, 179, 65), (121, 192, 255), (210, 168, 255), (86, 212, 221),
     (230, 237, 243)],
)  # fmt: skip
_LIGHT = TerminalTheme(
    (255, 255, 255),
    (31, 35, 40),
    [(36, 41, 47), (179, 29, 40), (17, 99, 41), (125, 78, 0), (9, 105, 218), (130, 80, 223), (27, 124, 131),
     (31, 35, 40)],
)  # fmt: skip
THEMES = {"light": _LIGHT, "dark": _DARK}
_BORDERS = {"light": "#d0d7de", "dark": "#30363d"}
# Each run of words is drawn by itself: not every viewer keeps blanks, and columns keep their places in any font.
_RUNS = re.compile(r"  +|^ | $|[^ ]+(?: [^ ]+)*")

# rich's own format asks a font of a server on the network.
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; \
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


@dataclass(frozen=True)
class Picture:
    """A command, and the part of its output that is shown.

    `edits` change the stack file. Where the command is `diff`, the file before them is committed first. `parts` are
    the headings that are shown, each with the number of its lines (0: all); without them the whole output is shown. The
    first block always is, and of the last one the `last` lines (0: all).
    """

    name: str
    command: tuple[str, ...]
    edits: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, int], ...] = ()
    last: int = 0
    width: int = 100
    exit_code: int = 0

    @property
    def shown(self) -> str:
        """The command as it is typed, without the fixed time."""
        return " ".join(("velero-eks", *self.command))

    def file(self, theme: str) -> Path:
        """Where the picture stands."""
        return FOLDER / f"{self.name}-{theme}.svg"


PICTURES = (
    Picture(
        "plan",
        ("plan", "prod"),
        parts=(("Creates", 12), ("Backups", 0), ("Recovery objectives", 0), ("Findings", 0), ("1 stack planned", 0)),
    ),
    Picture(
        "diff",
        ("diff", "HEAD", "prod"),
        edits=(
            ("{mode: csi-snapshot}", "{mode: none}"),
            ('"15 * * * *"', '"15 */6 * * *"'),
            ("      - arn:aws:iam::777788889999:role/backup-break-glass\n", ""),
        ),
        parts=(
            ("Deleted", 0),
            ("Who may do what", 6),
            ("When backups run", 0),
            ("What is kept", 0),
            ("Recovery objectives", 0),
        ),
        last=1,
    ),
    Picture(
        "mistakes",
        ("plan", "prod"),
        edits=(
            ("keep: 30d", "kept: 30d"),
            ('"15 * * * *"', '"15 25 * * *"'),
            ('account: "777788889999"', 'account: "77778888999"'),
        ),
        exit_code=2,
    ),
    Picture("yaml-mistake", ("plan", "prod"), edits=(('namespaces: ["*"]}', 'namespaces: ["*]}'),), exit_code=2),
)
_NAMESPACE = ("restore", "namespace", "exam-prod", "--from", "first", "--stack", "local")
RECORDED = (
    Picture(
        "backup",
        ("backup", "first", "--stack", "local", "--schedule", "daily-backup", "--yes"),
        parts=(("Kind", 9), ("Not in the backup", 0)),
    ),
    Picture("status", ("status", "local")),
    Picture("restore-preview", (*_NAMESPACE, "--preview"), parts=(("By a Restore", 12),)),
    Picture("restore", (*_NAMESPACE, "--yes"), parts=(("By a Restore", 3), ("Restore ", 0))),
    Picture("backups", ("backups", "local")),
)
"""Commands of the lab, whose output is kept by `tests.lab.recordings`."""


def printed(picture: Picture) -> str:
    """What the command prints in a terminal, its colours as escapes. Raises where it does not end as expected."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "stacks").mkdir()
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(ROOT / name, folder)
        stack = folder / "stacks" / FILES["prod"].name
        text = FILES["prod"].read_text(encoding="utf-8")
        stack.write_text(text, encoding="utf-8")
        if picture.command[0] == "diff":
            _commit(folder)
        for old, new in picture.edits:
            if old not in text:
                raise ValueError(f"{picture.name}: {FILES['prod'].name} has no {old!r} to change")
            text = text.replace(old, new)
        stack.write_text(text, encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        code, shown = typed((*picture.command, "--at", AT), folder, environment, picture.width)
    if code != picture.exit_code:
        raise ValueError(f"{picture.shown}: exits with {code}, and not with {picture.exit_code}\n{shown}")
    return shown


def drawn(picture: Picture, output: str, theme: str) -> str:
    """The picture of an output as SVG."""
    lines = [Text.assemble(("$ ", "bold green"), (picture.shown, "bold")), Text()]
    lines += _cut(_lines(output, picture.width), picture)
    console = Console(width=picture.width, record=True, file=io.StringIO(), force_terminal=True)
    runs = [
        Segment(run, segment.style)
        for line in lines
        for segment in (*line.render(console), Segment("\n"))
        for run in (_RUNS.findall(segment.text) if segment.text != "\n" else "\n")
    ]
    console.print(Segments(runs[:-1]), end="")
    svg = console.export_svg(title="", theme=THEMES[theme], code_format=_FORMAT, unique_id=f"{picture.name}-{theme}")
    return svg.replace("rgba(255,255,255,0.35)", _BORDERS[theme])


def _lines(output: str, width: int) -> list[Text]:
    """The lines as a terminal shows them: what is longer goes on in the next."""
    lines: list[Text] = []
    for line in Text.from_ansi(output.rstrip()).split("\n", allow_blank=True):
        line.rstrip()
        lines += line.divide(range(width, len(line.plain), width))
    return lines


def _cut(lines: Sequence[Text], picture: Picture) -> Iterator[Text]:
    if not picture.parts:
        yield from lines
        return
    # A heading stands at the margin, and an empty line in front of it.
    starts = [0, *(number for number in range(1, len(lines)) if not lines[number - 1].plain and lines[number].plain)]
    blocks = [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    wanted = {"": 0, **dict(picture.parts)}
    cut = False
    for number, block in enumerate(blocks):
        heading = next((name for name in wanted if name and block[0].plain.startswith(name)), None)
        if number == 0:
            heading = ""
        if number == len(blocks) - 1:
            block = block[-picture.last :]
        elif heading is None:
            if not cut:
                yield from (Text("…", "dim"), Text())
            cut = True
            continue
        limit = wanted.pop(heading, 0) if heading is not None else 0
        cut = 0 < limit < len(block) - 1
        yield from (*block[:limit], Text("  …", "dim"), Text()) if cut else block
    if wanted:
        raise ValueError(f"{picture.shown}: no part of the output begins with {', '.join(wanted)}")


def _commit(folder: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    for name in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{name}_NAME": "docs", f"GIT_{name}_EMAIL": "docs@example.com", f"GIT_{name}_DATE": AT}
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "As it was")):
        subprocess.run(("git", *command), cwd=folder, env=environment, check=True, timeout=_LIMIT)


def typed(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], width: int) -> tuple[int, str]:
    """The exit code of `velero-eks` in a terminal of a width, and what it prints there, its colours as escapes.

    What it says beside the result, on standard error, is shown where there is no result.
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (60, width))
    mode = termios.tcgetattr(theirs)
    mode[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    command = [sys.executable, "-m", "velero_eks", *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "TERM": "xterm", "LANG": "C.UTF-8", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    try:
        shown = b"".join(iter(_reader(ours), b""))
        _, said = process.communicate(timeout=_LIMIT)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return process.returncode, (shown or said).decode()


def _reader(terminal: int) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return os.read(terminal, 65536)
        except OSError as error:
            # Linux says so of a terminal that its last process has left.
            if error.errno == errno.EIO:
                return b""
            raise

    return read


def outputs() -> Iterator[tuple[Picture, str]]:
    """Each picture with what its command prints, or has printed in the lab."""
    for picture in PICTURES:
        yield picture, printed(picture)
    for picture in RECORDED:
        yield picture, (RECORDINGS / f"{picture.name}.ansi").read_text(encoding="utf-8")


def main() -> None:
    """Draw all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for picture, output in outputs():
        for theme in THEMES:
            picture.file(theme).write_text(drawn(picture, output, theme), encoding="utf-8")
            print(f"wrote {picture.file(theme).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
