"""A plan for people: what is created, who may do what, when backups run, whether objectives hold, what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.tree import Tree
from velero_on_eks.settings import Refusal
from velero_on_eks.settings import render as as_line
from velero_on_eks.settings.late import is_late
from velero_on_eks.settings.refusals import shown_value

from velero_eks.aws import grants
from velero_eks.plan import details
from velero_eks.plan.contract import Described
from velero_eks.plan.deployments import Deployment
from velero_eks.plan.findings import PlannedFinding
from velero_eks.plan.grants import key_aliases, unknown
from velero_eks.plan.model import Resource
from velero_eks.plan.objectives import Objective, PlannedSchedule
from velero_eks.plan.unknown import Note
from velero_eks.terminal import words
from velero_eks.terminal.output import table
from velero_eks.terminal.tables import fitted
from velero_eks.terminal.text import Text

# The coming runs that a person reads; the JSON has more.
_SHOWN_RUNS = 3
_INDENT = 2


def render(
    console: Console, stacks: Sequence[Described], refusals: Mapping[str, Sequence[Refusal]] | None = None
) -> None:
    """Print every stack, and an overview where there are several. `refusals` say why others have no plan."""
    bad = refusals or {}
    for stack in stacks:
        console.print(_stack(stack))
    if len(stacks) + len(bad) > 1:
        render_overview(console, stacks, bad)
        for line in unplanned(bad, "not planned"):
            console.print(line)
    if stacks:
        console.print(_verdict(stacks, len(bad)))


def render_summary(
    console: Console, stacks: Sequence[Described], bad: Mapping[str, Sequence[Refusal]], *, reasons: bool
) -> None:
    """Print one row a stack. `reasons` says why others have no plan too, where that has not been said just above."""
    render_overview(console, stacks, bad)
    for line in unplanned(bad, "not planned") if reasons else ():
        console.print(line)
    console.print(_verdict(stacks, len(bad)))


def unplanned(bad: Mapping[str, Sequence[Refusal]], what: str) -> Iterator[RenderableType]:
    """Why stacks have no plan, every reason; `what` is said of each of them."""
    for name, found in bad.items():
        head = Text(overflow="fold").append(name, style="cyan").append(f" {what}: ", style="bold red")
        if len(found) == 1:
            yield head.append(as_line(found[0]))
            continue
        yield head
        for refusal in found:
            yield Padding(Text(as_line(refusal), overflow="fold"), (0, 0, 0, _INDENT), expand=False)


def _stack(stack: Described) -> RenderableType:
    plan = stack.plan
    parts: list[RenderableType] = [
        Rule(Text(plan.stack, style="bold"), align="left", style="cyan"),
        *(Text(_where(one), style="dim") for one in plan.deployments),
        *_section(f"Creates {words.count(len(stack.resources), 'resource')}", _tree(stack)),
        *_section("Who may do what", _grants(stack)),
        *_section("Backups", _schedules(stack)),
        *_section("Recovery objectives", _objectives(stack.objectives)),
        *(_section("Overrides of the chart's values", _overrides(stack)) if stack.overrides else ()),
        *_section("Findings", _findings(stack.findings, bool(plan.deployments))),
    ]
    if plan.recording.messages:
        said = (Text(f"{message.severity} {message.text}") for message in plan.recording.messages)
        parts += _section("What the program says", Group(*said))
    notes = stack.notes
    if notes:
        said = (Text(line, style="dim", overflow="fold") for line in _notes(notes))
        parts += _section("Not known before the deployment", Group(*said))
    return Group(*parts, Text())


def _where(deployment: Deployment) -> str:
    settings = deployment.settings
    cluster = settings.cluster
    mode = ", Auto Mode" if cluster.auto_mode else ""
    eks = f"EKS {_late(cluster.name)} {cluster.kubernetes_version}{mode}"
    where = f"{settings.environment} · {eks} · {_late(settings.region)} · {_late(cluster.account)}"
    return where if deployment.alone else f"{deployment.name}: {where}"


def _late(text: str) -> str:
    return f"({text} known later)" if is_late(text) else text


# What is not known of each kind of thing that a plan passes by. Those with names are told together, by what they are.
_NOT_KNOWN = {
    "account": "the account: no provider names one in allowedAccountIds",
    "apply": "what some code computes from an unknown value, because it does not accept a stand-in: {names}",
    "call": "what {token} answers",
    "grant": "what {token} grants ({names})",
    "component": "what the component {token} makes and outputs ({names})",
    "hook": "what a {token} does at the deployment ({names})",
    "invoke": "what {token} answers",
    "read": "what {token} holds that exists already ({names})",
    "reference": "the outputs of the stack {names}",
    "region": "the region: none is named, and this plan uses {names}",
    "resource": "what {token} outputs ({names})",
}


def _notes(notes: Sequence[Note]) -> Iterator[str]:
    for (kind, token), group in groupby(notes, key=lambda note: (note.kind, note.token)):
        names = ", ".join(note.name for note in group if note.name)
        yield _NOT_KNOWN[kind].format(token=token, names=names)


def _section(title: str, body: RenderableType) -> list[RenderableType]:
    return [Text(), Text(title, style="bold"), Padding(body, (0, 0, 0, _INDENT), expand=False)]


def _tree(stack: Described) -> RenderableType:
    recording = stack.plan.recording

    def grow(branch: Tree, parent: Resource) -> None:
        for child in recording.children(parent.urn):
            grow(branch.add(_line(child, parent)), child)

    trees: list[RenderableType] = []
    # Components first: providers are how, not what.
    for top in sorted(recording.children(None), key=lambda resource: (resource.custom, resource.urn)):
        tree = Tree(_line(top, None), guide_style="dim")
        grow(tree, top)
        trees.append(tree)
    return Group(*trees)


def _line(resource: Resource, parent: Resource | None) -> Text:
    line = Text(details.label(resource), style="" if resource.custom else "bold", overflow="fold")
    name = details.title(resource)
    if name:
        line.append(f" {name}", style="cyan")
    detail = details.detail(resource)
    if detail:
        line.append(f": {detail}", style="dim")
    kept = _keeping(resource)
    # What goes with a resource shares its protection; it is repeated only where it differs.
    if kept != (_keeping(parent) if parent is not None and parent.custom else ""):
        line.append(f" [{kept or 'not protected'}]", style="green" if kept else "yellow")
    return line


def _keeping(resource: Resource) -> str:
    options = resource.options
    said = ("protected" if options.protect else "", "retained" if options.retain_on_delete else "")
    return ", ".join(word for word in said if word)


def _grants(stack: Described) -> RenderableType:
    lines: list[RenderableType] = []
    aliases = key_aliases(stack.plan.recording)
    for principal, group in groupby(stack.grants, key=lambda grant: grant.principal):
        lines.append(Text(grants.who(principal), style="cyan", overflow="fold"))
        for grant in group:
            sentence = Text(grants.what(grant, aliases), overflow="fold")
            said = grants.conditions(grant)
            if said:
                sentence.append(f", {', '.join(said)}", style="dim")
            lines.append(Padding(sentence, (0, 0, 0, _INDENT), expand=False))
    lines += _break_glass(stack)
    if lines:
        return Group(*lines)
    if unknown(stack.plan.recording):
        return Text("nothing that is known before the deployment")
    return Text("no one is granted anything")


def _break_glass(stack: Described) -> Iterator[RenderableType]:
    """Who alone may change what keeps the backups, of each deployment that names them."""
    for one in stack.plan.deployments:
        named = [_late(arn) if is_late(arn) else grants.who(arn) for arn in one.settings.storage.break_glass]
        if named:
            yield Text(f"{' and '.join(named)} alone", style="cyan", overflow="fold")
            said = "may delete old versions, and change the bucket's policy, lifecycle, versioning, encryption and lock"
            sentence = Text(said, overflow="fold").append(": deploy as one of them", style="dim")
            yield Padding(sentence, (0, 0, 0, _INDENT), expand=False)


def _schedules(stack: Described) -> RenderableType:
    schedules = stack.schedules
    if not schedules and not stack.plan.deployments:
        return Text("none from this program: it makes parts of a Velero that another tool installs")
    if not schedules:
        return Text("none: nothing is ever backed up", style="red")
    rows = table("Schedule", "Runs", "Namespaces", "Kept", "Next")
    rows.columns[0].no_wrap = rows.columns[-1].no_wrap = True
    for schedule in schedules:
        namespaces = "every" if schedule.namespaces == ("*",) else ", ".join(schedule.namespaces)
        if schedule.excluded_namespaces:
            namespaces += f" but {', '.join(schedule.excluded_namespaces)}"
        coming = Text("paused", style="yellow") if schedule.paused else Text.lines(_runs(schedule))
        rows.add_row(
            Text(schedule.name, style="cyan"),
            schedule.description,
            namespaces,
            words.exact(schedule.keep_seconds),
            coming,
        )
    # In the table it would leave no room for names.
    return Group(rows, *(_purpose(schedule) for schedule in schedules if not schedule.paused))


def _purpose(schedule: PlannedSchedule) -> Text:
    served = "; ".join(words.tier(one.begins, one.ends, one.every) for one in schedule.tiers)
    said = f" covers {served}" if served else " adds nothing to the others"
    return Text.assemble((schedule.name, "cyan"), said)


def _runs(schedule: PlannedSchedule) -> Iterator[str]:
    for moment in schedule.next[:_SHOWN_RUNS]:
        yield words.run(moment)


def _objectives(objectives: Sequence[Objective]) -> RenderableType:
    rows = table("Namespace", "Loss", "Limit", "Retention", "Wanted", "By", "")
    for objective in objectives:
        worst, kept = objective.worst_case_rpo, objective.kept
        rows.add_row(
            Text("every namespace" if objective.namespace == "*" else objective.namespace, style="cyan"),
            Text(
                "everything" if worst is None else words.exact(worst),
                style="" if objective.rpo_met else "red",
            ),
            words.exact(objective.rpo),
            Text(
                "nowhere" if kept is None else words.exact(kept),
                style="" if objective.retention_met else "red",
            ),
            words.exact(objective.retention),
            _by(objective),
            Text("met", style="green") if objective.met else Text(_missed(objective), style="bold red"),
        )
    note = (
        "Loss is the longest gap between two runs in the coming year, clock changes included; the time a backup takes"
        " comes on top. Limit is recovery.rpo, wanted is recovery.retention."
    )
    return Group(rows, Text(note, style="dim"))


def _overrides(stack: Described) -> RenderableType:
    rows = table("Setting", "Value", "Effect")
    for one in stack.overrides:
        said = f"it {one.effect}" if one.effect else "harmless" if one.verdict == "harmless" else "unknown"
        style = "yellow" if one.verdict == "finding" else "dim"
        rows.add_row(Text(one.path, style="cyan"), _override_value(one.value), Text(said, style=style))
    return rows


def _override_value(value: Any) -> str:
    if isinstance(value, Mapping) and len(value) == 1:
        if value.get("secret") is True:
            return "(secret)"
        if isinstance(value.get("unknown"), str):
            return "(known later)"
    return shown_value(value)


def _by(objective: Objective) -> Text:
    """The schedule that meets it, and where several share the ages up to its retention, which has which."""
    if len(objective.tiers) < 2:
        return Text(objective.schedule or "no schedule")
    return Text.lines(f"{one.schedule} {words.ages(one.begins, one.ends)}" for one in objective.tiers)


def _missed(objective: Objective) -> str:
    lacking = [lack.text for lack in objective.lacking]
    if objective.copies is not None and not objective.copies_met:
        lacking.append(f"keeps {words.count(objective.copies, 'backup')} of {objective.minimum_copies}")
    return f"missed{': ' if lacking else ''}{', '.join(lacking)}"


def render_findings(
    console: Console,
    checked: Sequence[tuple[str, Sequence[PlannedFinding], bool]],
    bad: Mapping[str, Sequence[Refusal]] | None = None,
) -> None:
    """Print the findings of stacks by name, each with whether there was anything to judge, and the verdict. `bad` are
    those that have no plan, and why."""
    for name, found, judged in checked:
        console.print(Rule(Text(name, style="bold"), align="left", style="cyan"))
        console.print(Padding(_findings(found, judged), (0, 0, 1, _INDENT), expand=False))
    for line in unplanned(bad or {}, "has no plan"):
        console.print(line)
    failing = [name for name, found, _ in checked if any(finding.fails for finding in found)]
    found = [one for _, found, _ in checked for one in found]
    console.print(_verdict_of(found, len(checked), "checked", failing, len(bad or {})))


def _findings(found: Sequence[PlannedFinding], judged: bool = True) -> RenderableType:
    if not judged:
        return Text("not checked: this program has no VeleroOnEks, whose settings the rules need", "yellow")
    if not found:
        return Text("none", style="green")
    return Group(*(_finding(finding) for finding in found))


def _finding(finding: PlannedFinding) -> RenderableType:
    style = "dim" if finding.waived is not None else "bold red" if finding.severity == "error" else "yellow"
    state = "waived" if finding.waived is not None else finding.severity
    head = Text(f"{state} ", style=style).append(finding.rule, style="bold")
    parts: list[RenderableType] = [
        head,
        Padding(Text(finding.message, overflow="fold"), (0, 0, 0, _INDENT), expand=False),
    ]
    if finding.waived is not None:
        parts.append(Padding(Text(f"because {finding.waived}", style="dim"), (0, 0, 0, _INDENT), expand=False))
    return Group(*parts)


# In this order columns leave a narrow window, so that each stack has one line.
_GIVEN_UP = ("Region", "Loss", "Creates", "Environment", "Next backup", "Cluster")


def render_overview(console: Console, stacks: Sequence[Described], bad: Mapping[str, Sequence[Refusal]]) -> None:
    """Print a table with a row for each stack, by name; those without a plan have theirs too."""
    rows = [_overview(stack) for stack in stacks]
    rows += [
        {"Stack": Text(name, style="cyan"), "Findings": Text(bad_stack(found), style="bold red")}
        for name, found in bad.items()
    ]
    rows.sort(key=lambda row: row["Stack"].plain)
    columns = ("Stack", "Environment", "Cluster", "Region", "Creates", "Loss", "Objectives", "Findings", "Next backup")
    console.print(Rule(Text("All stacks", style="bold"), align="left", style="cyan"))
    console.print(fitted(columns, rows, console.width, give_up=_GIVEN_UP, numbers=("Creates",)))


def bad_stack(found: Sequence[Refusal]) -> str:
    """How a table says that a stack has no plan."""
    return f"bad: {words.count(len(found), 'error')}"


def _overview(stack: Described) -> dict[str, Text]:
    settings = [one.settings for one in stack.plan.deployments]
    missed = sum(not objective.met for objective in stack.objectives)
    gaps = [objective.worst_case_rpo for objective in stack.objectives]
    known = [gap for gap in gaps if gap is not None]
    loses = "everything" if len(known) < len(gaps) or not known else words.exact(max(known))
    held = f"{missed} of {len(gaps)} missed" if missed else "met" if gaps else "none"
    errors, warnings = _counts(stack.findings)
    counts = [words.count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    runs = [moment for schedule in stack.schedules if not schedule.paused for moment in schedule.next[:1]]
    return {
        "Stack": Text(stack.plan.stack, style="cyan"),
        "Environment": Text(", ".join(dict.fromkeys(one.environment for one in settings))),
        "Cluster": Text(", ".join(dict.fromkeys(_late(one.cluster.name) for one in settings))),
        "Region": Text(", ".join(dict.fromkeys(_late(one.region) for one in settings))),
        "Creates": Text(str(len(stack.resources))),
        "Loss": Text(loses, style="red" if missed else ""),
        "Objectives": Text(held, style="bold red" if missed else "green" if gaps else ""),
        "Findings": Text(", ".join(counts) or "none", style="bold red" if errors else "yellow" if warnings else ""),
        "Next backup": Text(words.roughly(min(runs), stack.at) if runs else "never", style="" if runs else "yellow"),
    }


def _verdict(stacks: Sequence[Described], unplanned: int) -> Text:
    found = [finding for stack in stacks for finding in stack.findings]
    failing = [stack.plan.stack for stack in stacks if stack.fails]
    return _verdict_of(found, len(stacks), "planned", failing, unplanned)


def _verdict_of(
    found: Sequence[PlannedFinding], stacks: int, done: str, failing: Sequence[str], left_out: int = 0
) -> Text:
    errors, warnings = _counts(found)
    verdict = f"{words.count(stacks, 'stack')} {done}{f', {left_out} not' if left_out else ''}:"
    verdict += f" {words.count(errors, 'error')}, {words.count(warnings, 'warning')}."
    if failing:
        return Text(
            f"{verdict} Fix the errors of {', '.join(failing)}, or waive them: velero-eks:waivers: {{RULE: REASON}}.",
            style="bold red",
        )
    return Text(verdict, style="yellow" if warnings or left_out else "green")


def _counts(found: Sequence[PlannedFinding]) -> tuple[int, int]:
    standing = [finding for finding in found if finding.waived is None]
    errors = sum(finding.severity == "error" for finding in standing)
    return errors, len(standing) - errors
