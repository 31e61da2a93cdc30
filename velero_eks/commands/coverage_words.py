"""A coverage for people: per kind in numbers, then what is missing by reason, and a verdict."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.coverage.model import Coverage, Missing, Why
from velero_eks.recovery.coverage.reasons import DISCOVERY
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.output import INDENT, console, table, visible

_SHOWN = 5
_TITLES = {
    Why.FAILED: "Velero could not save",
    Why.NOT_STORED: "Listed, and not stored",
    Why.UNKNOWN_KIND: "Of a kind that Velero did not know yet",
    Why.DEFINITION_UNUSED: "CRDs without objects",
    Why.CLUSTER_SCOPED: "Cluster-scoped",
    Why.UNEXPLAINED: "Not in the backup, and nothing says why",
    Why.EXCLUDED: "Left out by the backup's filters",
    Why.CREATED_LATER: "Created after the backup began",
    Why.DELETING: "Being deleted",
}

# A kind of which nothing was to be taken is no line in the numbers.
_LEFT_OUT = (Why.EXCLUDED, Why.CLUSTER_SCOPED, Why.DEFINITION_UNUSED)


def render(found: Coverage, session: Session, *, everything: bool = False) -> None:
    """Print a coverage. `everything` names every object."""
    out = console()
    backup = found.backup
    out.print(Text(f"Backup {backup.name}", style="bold").append(f" against {session.cluster.name}", style="dim"))
    ended = f"{backup.phase}, begun {words.stamp(backup.started)}"
    out.print(Text(ended, style="dim" if backup.good else "bold red"))
    out.print()
    out.print(_kinds(found))
    for title, style, missing in (
        ("Missing", "bold red", found.gaps),
        ("Not in it, for a reason", "bold", found.explained),
    ):
        if missing:
            out.print()
            out.print(Text(title, style=style))
            _by_reason(out, missing, everything)
    gone = [key for kind in found.kinds for key in kind.gone]
    if gone:
        out.print()
        out.print(Text("In the backup, and no longer in the cluster", style="bold"))
        out.print(_indented(_names(gone, everything)))
    _others(out, found, session)
    out.print()
    out.print(_verdict(found))


def _kinds(found: Coverage) -> RenderableType:
    rows = table("Kind", "In the cluster", "In the backup", "Missing", "Otherwise")
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
            head.append(visible(f": {text}"), style="dim")
        out.print(_indented(head))
        out.print(_indented(_names(keys, everything), 2))


def _names(keys: Iterable[ObjectKey], everything: bool) -> Text:
    names = [str(key) for key in sorted(keys)]
    shown = names if everything else names[:_SHOWN]
    rest = len(names) - len(shown)
    text = Text("\n".join(shown), style="cyan")
    return text.append(f"\n{words.more(rest, '--all names them')}", style="dim") if rest else text


def _others(out: Console, found: Coverage, session: Session) -> None:
    errors = [f"{message.where}: {message.text}" for message in found.messages if message.severity == "error"]
    if len(errors) > _SHOWN:
        command = f"velero-eks logs {session.target.arguments} {found.backup.name}"
        errors[_SHOWN:] = [words.more(len(errors) - _SHOWN, f"{command} shows them")]
    removed = ", ".join(found.removed_kinds)
    often = words.duration(DISCOVERY.total_seconds())
    stale = f"{removed}: its CRD was removed, and Velero looked for it all the same. It looks for the kinds that there"
    for title, lines in (
        ("What Velero said went wrong", errors),
        (
            "Removed kinds",
            [f"{stale} are every {often}; a backup after that is whole"] if removed else [],
        ),
        ("Not compared", [f"{resource}: {why}" for resource, why in found.unlisted.items()]),
        (
            "In the backup, and of a kind that the cluster no longer serves",
            [f"{kind}: {words.count(number, 'object')}" for kind, number in found.unserved.items()],
        ),
        ("Needed, and nowhere to be seen", list(found.unknown_needs)),
    ):
        if lines:
            out.print()
            out.print(Text(title, style="bold yellow"))
            for line in lines:
                out.print(_indented(Text(visible(line))))


def _verdict(found: Coverage) -> Text:
    live, saved = sum(item.live for item in found.kinds), sum(item.saved for item in found.kinds)
    numbers = f"{words.number(saved)} of {words.count(live, 'object')} that the cluster has now are in the backup"
    if found.whole:
        explained = len(found.explained)
        rest = f"; {words.number(explained)} are not, each for the reason above" if explained else ""
        return Text(f"Covered: {numbers}{rest}.", style="green")
    why: list[str] = []
    if not found.backup.good:
        why.append(f"the backup is {found.backup.phase}")
    if found.gaps:
        why.append(f"{words.count(len(found.gaps), 'object')} that should be in it {_is(len(found.gaps))} not")
    if found.unlisted:
        why.append(f"{words.count(len(found.unlisted), 'kind')} could not be compared")
    if found.unknown_needs:
        why.append(f"{', '.join(found.unknown_needs)} {_is(len(found.unknown_needs))} unknown to the cluster")
    return Text(f"Not covered: {'; '.join(why)}. {numbers}.", style="bold red")


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _indented(body: RenderableType, levels: int = 1) -> Padding:
    return Padding(body, (0, 0, 0, INDENT * levels), expand=False)
