"""`velero-eks completion`: the shell's script, and what it asks for that only this tool knows.

A shell waits for each answer. So nothing here loads the settings or an SDK: a project is looked at no closer than a
completion needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from velero_eks.commands.help import TOOL, described
from velero_eks.project.folder import project_folder, stack_files

# The schedule of a file that has none; the settings have it too, and take long to load.
DEFAULT_SCHEDULE = "daily-backup"
SHELLS = ("bash", "zsh", "fish")
_VARIABLE = f"_{TOOL.replace('-', '_').upper()}_COMPLETE"
_CONFIG_FOLDER = re.compile(r"^stackConfigDir:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)


def complete_shell(incomplete: str) -> list[str]:
    """The shells that there is a script for."""
    return [shell for shell in SHELLS if shell.startswith(incomplete)]


@described(
    examples={
        "velero-eks completion bash >> ~/.bashrc": "Install it for bash.",
        "velero-eks completion zsh >> ~/.zshrc": "Install it for zsh, below the line with compinit.",
        "velero-eks completion fish > ~/.config/fish/completions/velero-eks.fish": "Install it for fish.",
    },
    exits={
        0: "The script is printed.",
        2: "There is no script for this shell.",
    },
)
def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", autocompletion=complete_shell)],
) -> None:
    """Print the script that completes commands, options, stacks and schedules in a shell.

    Needs nothing. The script asks the tool at each Tab, so that it stays right when the tool is upgraded. Open a
    new shell after the installation.
    """
    from typer._completion_shared import get_completion_script

    from velero_eks.commands.options import run
    from velero_eks.errors import BadTarget
    from velero_eks.terminal.output import write

    def command() -> int:
        if shell not in SHELLS:
            raise BadTarget(f"SHELL {shell!r}: expected one of {', '.join(SHELLS)}")
        write(f"{get_completion_script(prog_name=TOOL, complete_var=_VARIABLE, shell=shell)}\n")
        return 0

    run(command)


def stacks(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the project's stacks that begin so."""
    return sorted(name for name in _files(_start(context)) if name.startswith(incomplete))


def schedules(context: typer.Context, incomplete: str) -> list[str]:
    """The schedules in the file of the stack that is given, else in those of all stacks, that begin so."""
    files = _files(_start(context))
    given = context.params.get("stack") or context.params.get("stack_argument")
    chosen = [files[given]] if given in files else files.values()
    found = {name for file in chosen for name in _schedules(file)}
    return sorted(name for name in found if name.startswith(incomplete))


def _start(context: typer.Context) -> Path:
    """Where the tool is as if started: `-C` of the command line."""
    return Path.cwd().joinpath(*(context.find_root().params.get("directory") or ()))


def _files(start: Path) -> dict[str, Path]:
    folder = project_folder(start)
    if folder is None:
        return {}
    try:
        named = _CONFIG_FOLDER.search((folder / "Pulumi.yaml").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return {}
    if named:
        return stack_files(folder / named[1])
    return stack_files(folder / "stacks") | stack_files(folder)


def _schedules(file: Path) -> Iterable[str]:
    import yaml

    try:
        document = yaml.safe_load(file.read_bytes())
        return map(str, document["config"].get("velero-eks:schedules", (DEFAULT_SCHEDULE,)))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        # Whoever completes is not told of a bad file; the command itself says what is wrong with it.
        return ()
