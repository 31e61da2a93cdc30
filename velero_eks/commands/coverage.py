"""`velero-eks coverage`: what the cluster has now, compared with a backup."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.padding import Padding

from velero_eks.commands.completion import schedules
from velero_eks.commands.help import described
from velero_eks.commands.options import (
    Context,
    Everything,
    Json,
    Kubeconfig,
    Markdown,
    Stack,
    Timeout,
    VeleroNamespace,
    connect,
    form_of,
    run,
)
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.coverage import DISCOVERY, Coverage, Missing, Why, coverage_of
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.output import INDENT, console, print_json, print_markdown, table
from velero_eks.terminal.progress import working
from velero_eks.terminal.text import BREAK, Text
from velero_eks.velero.volume_info import ClaimWithoutData

FOUND = 1
_SHOWN = 5
_TITLES = {
    Why.FAILED: "Velero could not save",
    Why.NOT_STORED: "Listed, but not stored",
    Why.UNKNOWN_KIND: "Kinds that Velero did not know yet",
    Why.DEFINITION_UNUSED: "CRDs without objects",
    Why.CLUSTER_SCOPED: "Cluster-scoped",
    Why.UNEXPLAINED: "No known reason",
    Why.EXCLUDED: "Excluded by the backup's filters",
    Why.CREATED_LATER: "Created after the backup started",
    Why.DELETING: "Being deleted",
}
# A kind of which nothing was to be taken is not a line in the numbers.
_LEFT_OUT = (Why.EXCLUDED, Why.CLUSTER_SCOPED, Why.DEFINITION_UNUSED)


@described(
    examples={
        "velero-eks coverage daily-backup --stack prod": "Compare with the schedule's newest good backup.",
        "velero-eks coverage before-change --stack prod --need cert-manager.io": (
            "Also ask for every object of an API group."
        ),
    },
    exits={
        0: "Everything that was asked of the backup is in it.",
        1: "The backup is not Completed, or lacks something.",
        2: "The backup does not exist, the cluster cannot be asked, or an argument is bad.",
    },
)
def coverage(
    backup: Annotated[
        str,
        typer.Argument(
            metavar="BACKUP", autocompletion=schedules, help="A backup, or a schedule: its newest good backup."
        ),
    ],
    need: Annotated[
        list[str] | None,
        typer.Option(
            "--need",
            metavar="GROUP|KIND[/NAME]",
            help="What must be in it, whatever the filters say: an API group with its CRDs, a kind, or one object."
            " May be given more than once.",
        ),
    ] = None,
    everything: Everything = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Compare the cluster with a backup, object by object, and explain each difference.

    A backup lacks what Velero could not save, a kind that it did not know yet, a CRD without objects. What the filters
    leave out, and what was created later, is listed and does not count, unless --need names it. Needs access to the
    cluster and to the bucket.
    """

    def command() -> int:
        form = form_of(json, markdown)
        session = connect(stack, context, velero_namespace, kubeconfig)
        return run_coverage(
            session,
            backup,
            needs=need or [],
            everything=everything,
            as_json=form == "json",
            as_markdown=form == "markdown",
        )

    run(command, timeout)


def run_coverage(
    session: Session, name: str, *, needs: Sequence[str], everything: bool, as_json: bool, as_markdown: bool = False
) -> int:
    """Print how a backup covers the cluster; the exit code is 0 where it has all that was asked for.

    `name` may be a schedule's: then its newest Completed backup is meant. `everything` names every object, where
    otherwise a long list is cut.
    """
    backup = session.velero.resolve(name)
    with working(f"comparing backup {backup.name} with {session.cluster.name}"):
        found = coverage_of(session, backup, needs=needs)
    if as_json:
        print_json(document(session, found))
    elif as_markdown:
        print_markdown(lambda out: render(found, session, out, everything=everything))
    else:
        render(found, session, console(), everything=everything)
    return 0 if found.whole else FOUND


def document(session: Session, found: Coverage) -> dict[str, Any]:
    """The coverage as JSON."""
    backup = found.backup
    return {
        "cluster": session.cluster.name,
        "backup": {
            "name": backup.name,
            "phase": backup.phase,
            "schedule": backup.schedule,
            "started": backup.started,
            "completed": backup.completed,
            "errors": backup.errors,
            "warnings": backup.warnings,
        },
        "whole": found.whole,
        "kinds": [
            {
                "group": item.kind.group,
                "kind": item.kind.kind,
                "live": item.live,
                "saved": item.saved,
                "missing": [_missing(missing) for missing in item.missing],
                "deleted_since": [_key(key) for key in item.gone],
            }
            for item in found.kinds
        ],
        "not_compared": dict(found.unlisted),
        "no_longer_served": dict(found.unserved),
        "removed_kinds": list(found.removed_kinds),
        "unknown_needs": list(found.unknown_needs),
        "claims_without_data": without_data_document(found.without_data),
        "errors": [
            {"where": message.where, "message": message.text}
            for message in found.messages
            if message.severity == "error"
        ],
    }


def without_data_document(claims: Iterable[ClaimWithoutData]) -> list[dict[str, Any]]:
    """Claims whose data is not in a backup, as JSON."""
    return [
        {"namespace": each.namespace or None, "name": each.claim or None, "volume": each.volume, "reason": each.reason}
        for each in claims
    ]


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        **_key(missing.key),
        "reason": str(missing.why),
        "message": missing.text,
        "gap": missing.gap,
        "derived": missing.derived,
    }


def _key(key: ObjectKey) -> dict[str, str | None]:
    return {"namespace": key.namespace or None, "name": key.name}


def render(found: Coverage, session: Session, out: Console, *, everything: bool = False) -> None:
    """Print a coverage. `everything` names every object."""
    backup = found.backup
    out.print(Text(f"Backup {backup.name}", style="bold").append(f" compared with {session.cluster.name}", style="dim"))
    ended = f"{backup.phase}, started {words.stamp(backup.started)}"
    out.print(Text(ended, style="dim" if backup.good else "bold red"))
    out.print()
    out.print(_kinds(found))
    for title, style, missing in (
        ("Missing", "bold red", found.gaps),
        ("Not in the backup, for a known reason", "bold", found.explained),
    ):
        if missing:
            out.print()
            out.print(Text(title, style=style))
            _by_reason(out, missing, everything)
    gone = [key for kind in found.kinds for key in kind.gone]
    if gone:
        out.print()
        out.print(Text("In the backup, but no longer in the cluster", style="bold"))
        out.print(_indented(_names(gone, everything)))
    _others(out, found, session)
    out.print()
    out.print(_verdict(found))


def _kinds(found: Coverage) -> RenderableType:
    rows = table("Kind", "Cluster", "Backup", "Missing", "Explained")
    for column in (1, 2, 3, 4):
        rows.columns[column].justify = "right"
    alike = Counter(item.kind.kind for item in found.kinds)
    for item in found.kinds:
        left_out = all(missing.why in _LEFT_OUT and not missing.gap for missing in item.missing)
        if not item.saved and not item.gone and left_out:
            continue
        gaps = sum(missing.gap for missing in item.missing)
        others = len(item.missing) - gaps
        # The group would fold most names at a terminal's width; below the table every object has its own.
        ambiguous = item.kind.group and alike[item.kind.kind] > 1
        name = f"{item.kind.kind}.{item.kind.group}" if ambiguous else item.kind.kind
        rows.add_row(
            Text(name, style="cyan"),
            words.number(item.live),
            words.number(item.saved),
            Text(words.number(gaps) if gaps else "", style="bold red"),
            Text(words.number(others) if others else "", style="dim"),
        )
    return rows


def _by_reason(out: Console, missing: Iterable[Missing], everything: bool) -> None:
    grouped: dict[tuple[Why, str], list[ObjectKey]] = defaultdict(list)
    for item in missing:
        # The seconds differ from object to object, and are not worth a line each.
        text = "" if item.why is Why.CREATED_LATER else item.text
        grouped[item.why, text].append(item.key)
    order = list(_TITLES)
    for (why, text), keys in sorted(grouped.items(), key=lambda entry: (order.index(entry[0][0]), entry[0][1])):
        head = Text(f"{_TITLES[why]} ({words.number(len(keys))})", style="")
        if text:
            head.append(f": {text}", style="dim")
        out.print(_indented(head))
        out.print(_indented(_names(keys, everything), 2))


def _names(keys: Iterable[ObjectKey], everything: bool) -> Text:
    names = [str(key) for key in sorted(keys)]
    shown = names if everything else names[:_SHOWN]
    rest = len(names) - len(shown)
    text = Text.lines(shown, "cyan")
    return text.append(BREAK).append(words.more(rest, "--full names them"), style="dim") if rest else text


def _others(out: Console, found: Coverage, session: Session) -> None:
    errors = [f"{message.where}: {message.text}" for message in found.messages if message.severity == "error"]
    if len(errors) > _SHOWN:
        command = f"velero-eks logs {session.target.arguments} {found.backup.name}"
        errors[_SHOWN:] = [words.more(len(errors) - _SHOWN, f"{command} shows them")]
    removed = ", ".join(found.removed_kinds)
    often = words.duration(DISCOVERY.total_seconds())
    stale = f"{removed}: its CRD was removed, and Velero looked for it anyway. It looks for the kinds that there"
    for title, lines in (
        ("Claims without data in the backup", [f"{each}: {each.reason}" for each in found.without_data]),
        ("Errors that Velero reported", errors),
        (
            "Removed kinds",
            [f"{stale} are every {often}; a backup after that is whole"] if removed else [],
        ),
        ("Not compared", [f"{resource}: {why}" for resource, why in found.unlisted.items()]),
        (
            "In the backup, but of a kind that the cluster no longer serves",
            [f"{kind}: {words.count(number, 'object')}" for kind, number in found.unserved.items()],
        ),
        ("Needed, but not found", list(found.unknown_needs)),
    ):
        if lines:
            out.print()
            out.print(Text(title, style="bold yellow"))
            for line in lines:
                out.print(_indented(Text(line)))


def _verdict(found: Coverage) -> Text:
    live, saved = sum(item.live for item in found.kinds), sum(item.saved for item in found.kinds)
    numbers = f"{words.number(saved)} of {words.count(live, 'object')} that the cluster has now are in the backup"
    if found.whole:
        explained = len(found.explained)
        rest = f"; {words.number(explained)} are not, as explained above" if explained else ""
        return Text(f"Covered: {numbers}{rest}.", style="green")
    why: list[str] = []
    if not found.backup.good:
        why.append(f"the backup is {found.backup.phase}")
    if found.gaps:
        why.append(f"{words.count(len(found.gaps), 'object')} that should be in it {_is(len(found.gaps))} not")
    if found.without_data:
        names = ", ".join(map(str, found.without_data[:_SHOWN]))
        more = len(found.without_data) - _SHOWN
        why.append(f"it has no data of {names}" + (f" and {words.count(more, 'claim')} more" if more > 0 else ""))
    if found.unlisted:
        why.append(f"{words.count(len(found.unlisted), 'kind')} could not be compared")
    if found.unknown_needs:
        why.append(f"{', '.join(found.unknown_needs)} {_is(len(found.unknown_needs))} unknown to the cluster")
    return Text(f"Not covered: {'; '.join(why)}. {numbers}.", style="bold red")


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _indented(body: RenderableType, levels: int = 1) -> Padding:
    return Padding(body, (0, 0, 0, INDENT * levels), expand=False)
