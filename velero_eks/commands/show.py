"""`velero-eks show`: objects as they were in a backup."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from velero_eks.commands.completion import schedules
from velero_eks.commands.coverage import without_data_document
from velero_eks.commands.help import described
from velero_eks.commands.options import (
    At,
    Context,
    Json,
    Kubeconfig,
    Namespace,
    ShowSecrets,
    Stack,
    Timeout,
    VeleroNamespace,
    connect,
    moment_of,
    run,
    told_unread,
)
from velero_eks.errors import BadTarget
from velero_eks.kube.manifest import as_yaml, manifest, rank
from velero_eks.kube.objects import Object, ObjectKey, is_derived
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.output import console, json_text, print_json_list, put, write
from velero_eks.terminal.progress import working
from velero_eks.terminal.safe import say
from velero_eks.terminal.text import Text
from velero_eks.velero.api import no_backup
from velero_eks.velero.backup_contents import SHAPELESS, BadMember, Place, Selection, Stored, Unread, selected
from velero_eks.velero.bucket import BackupStore
from velero_eks.velero.records import Backup
from velero_eks.velero.volume_info import ClaimWithoutData, takes_volumes

FOUND = 1


@described(
    examples={
        "velero-eks show daily-backup configmap/grading -n exam --stack prod": (
            "Print one object as it was in the newest good backup."
        ),
        "velero-eks show daily-backup -n exam --list --stack prod": "List what the backup has from a namespace.",
        "velero-eks show daily-backup deployment -n exam --at 2026-11-24T09:00Z --stack prod": (
            "Print a kind's objects as they were at a time."
        ),
    },
    exits={
        0: "Everything that was asked for is printed.",
        1: "The backup does not have it.",
        2: "The backup does not exist, the bucket cannot be read, or an argument is bad.",
    },
)
def show(
    backup: Annotated[
        str,
        typer.Argument(
            metavar="BACKUP", autocompletion=schedules, help="A backup, or a schedule: its newest good backup."
        ),
    ],
    objects: Annotated[
        list[str] | None,
        typer.Argument(metavar="KIND[/NAME]", help="As kubectl names them. By default everything."),
    ] = None,
    namespace: Namespace = None,
    at: At = None,
    contents: Annotated[bool, typer.Option("--list", help="List the objects' names, not their content.")] = False,
    derived: Annotated[
        bool, typer.Option("--derived", help="Also what controllers make of other objects, such as Pods.")
    ] = False,
    show_secrets: ShowSecrets = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Print objects as they were in a backup: clean YAML, to commit to Git or to apply by hand.

    Reads the bucket with your own AWS credentials; with --stack neither the Velero server nor the cluster has to be
    there. Secrets are masked, in a form that no cluster accepts, unless --show-secrets.
    """

    def command() -> int:
        moment = moment_of(at)
        session = connect(stack, context, velero_namespace, kubeconfig)
        wanted = Wanted.parse(objects or [], namespace=namespace, derived=derived, show_secrets=show_secrets)
        return run_show(session, backup, wanted, at=moment, names_only=contents, as_json=json)

    run(command, timeout)


@dataclass(frozen=True)
class Wanted:
    """Which objects of a backup someone wants to see, and whether with the values of Secrets."""

    selections: tuple[Selection, ...] = ()
    namespace: str | None = None
    derived: bool = False
    show_secrets: bool = False

    @classmethod
    def parse(cls, objects: Sequence[str], *, namespace: str | None, derived: bool, show_secrets: bool) -> Wanted:
        """From the arguments. Raises `BadTarget`."""
        selections = tuple(Selection.parse(text) for text in objects)
        return cls(selections, namespace, derived, show_secrets)

    def may_take(self, place: Place) -> bool:
        """Whether what lies there is worth reading."""
        if not self._in_namespace(place):
            return False
        return not self.selections or any(selection.may_match(place) for selection in self.selections)

    def takes(self, stored: Stored) -> bool:
        """Whether an object is wanted. What controllers make of others is only where it was named."""
        body = stored.body
        if not selected(self.selections, stored.place, body["kind"]):
            return False
        return bool(self.selections) or self.derived or not is_derived(body)

    def _in_namespace(self, place: Place) -> bool:
        if self.namespace is None:
            return True
        # A namespace's own object comes along with what is in it, so that a cluster takes the whole.
        own = place.resource == "namespaces" and place.name == self.namespace and not self.selections
        return place.namespace == self.namespace or own


def run_show(
    session: Session, name: str, wanted: Wanted, *, at: datetime | None, names_only: bool, as_json: bool
) -> int:
    """Print the wanted objects; the exit code is 1 where there are none."""
    store = session.store()
    backup = resolve(store, name, at)
    unread = Unread(wanted.may_take)
    with closing(_Pages("" if names_only else "json" if as_json else "yaml")) as pages:
        with working(f"reading backup {backup.name}"):
            left_out = 0
            for stored in store.contents(backup.name, wanted.may_take, unread=unread):
                if not wanted.takes(stored):
                    left_out += not wanted.selections
                    continue
                try:
                    pages.add(manifest(stored.body, show_secrets=wanted.show_secrets))
                except SHAPELESS as error:
                    unread.add(BadMember(str(stored.place), f"is not a Kubernetes object: {error}", stored.place))
        told_unread(backup.name, unread)
        meant = takes_volumes(backup.spec, session.settings)
        without_data = store.claims_without_data(backup.name) if meant else []
        found = _print(store, backup, wanted, pages, without_data)
    for claim in without_data:
        say(f"warning: backup {backup.name} has no data of claim {claim}: {claim.reason}")
    if left_out:
        say(f"{words.count(left_out, 'object')} made by controllers left out; --derived shows them")
    return FOUND if not found or unread.count else 0


def _print(
    store: BackupStore, backup: Backup, wanted: Wanted, pages: _Pages, without_data: Sequence[ClaimWithoutData]
) -> bool:
    """Print what was found; False where that is nothing."""
    if not pages.keys:
        say(f"error: {_nothing(store, backup, wanted)}")
        return False
    if pages.form == "json":
        about = {
            "backup": backup.name,
            "phase": backup.phase,
            "started": backup.started,
            "claims_without_data": without_data_document(without_data),
        }
        print_json_list(about, "objects", pages)
    elif pages.form == "yaml":
        begun = f", started {words.stamp(backup.started)}" if backup.started else ""
        part = "" if backup.good else f" It is {backup.phase}: objects may be missing."
        if without_data:
            part += f" It has no data of {', '.join(map(str, without_data))}: they would come back empty."
        put(f"# From backup {backup.name}{begun}.{part}")
        for page in pages:
            write(page)
    else:
        _print_names(pages.keys)
    return True


class _Pages:
    """The objects to print, in the order in which a cluster takes them: their texts in a file, their keys in memory,
    so that a backup of hundreds of thousands needs no more than these.

    `form` is `yaml`, `json`, or empty where the names are enough.
    """

    def __init__(self, form: str) -> None:
        self.form = form
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._places: list[tuple[tuple[int, ObjectKey], int, int]] = []

    def add(self, body: Object) -> None:
        """Take up an object."""
        text = "" if not self.form else as_yaml([body]) if self.form == "yaml" else json_text(body)
        self._places.append((rank(body), self._file.tell(), self._file.write(text.encode())))

    def close(self) -> None:
        """Drop the file."""
        self._file.close()

    @property
    def keys(self) -> list[ObjectKey]:
        """Which objects there are, in their order."""
        self._places.sort()
        return [place[0][1] for place in self._places]

    def __iter__(self) -> Iterator[str]:
        self._places.sort()
        for _, start, size in self._places:
            self._file.seek(start)
            yield self._file.read(size).decode()


def resolve(store: BackupStore, name: str, at: datetime | None) -> Backup:
    """The backup that `name` means, by the bucket alone: itself, or the newest Completed one of that schedule."""
    found = store.find(name)
    if found is not None:
        return found
    chosen, damaged = store.newest(name, at=at)
    for other, why in damaged.items():
        say(f"warning: backup {other} is left out: {why}")
    if chosen is None:
        raise BadTarget(f"{store.address}: {no_backup(name, store.backups().found, [], at)}")
    return chosen


def _nothing(store: BackupStore, backup: Backup, wanted: Wanted) -> str:
    """Why nothing matched, and what comes closest."""
    where = f" in namespace {wanted.namespace}" if wanted.namespace else ""
    if not wanted.selections:
        there = sorted({place.namespace for place in store.places(backup.name, unread=Unread()) if place.namespace})
        hint = f"; its namespaces are: {', '.join(there)}" if there else ""
        hint += words.did_you_mean(wanted.namespace or "", there)
        return f"backup {backup.name} has nothing{where}{hint}"
    asked = ", ".join(str(selection) for selection in wanted.selections)
    names = {selection.name for selection in wanted.selections if selection.name}
    places = {
        place
        for place in store.places(backup.name, unread=Unread())
        if not wanted.namespace or place.namespace == wanted.namespace
    }
    asked_kinds = {selection.word for selection in wanted.selections}
    of_kind = [place for place in places if any(word.startswith(place.plural[:-1]) for word in asked_kinds)]
    close = words.did_you_mean(next(iter(names), ""), sorted(place.name for place in of_kind))
    elsewhere = sorted({str(place) for place in places if place.name in names})[:3]
    if close:
        hint = close
    elif elsewhere:
        hint = f"; there is {', '.join(elsewhere)}"
    else:
        kinds = sorted({place.resource for place in places})
        hint = f"; its kinds are: {', '.join(kinds)}" if kinds and not of_kind else ""
        hint += words.did_you_mean(min(asked_kinds), kinds) if not of_kind else ""
    return f"backup {backup.name} has no {asked}{where}{hint}"


def _print_names(keys: Sequence[ObjectKey]) -> None:
    """A line for each object: in columns where they fit, else as commands take it."""
    out = console()
    titles = ("Kind", "Namespace", "Name")
    cells = [(f"{key.kind}.{key.group}" if key.group else key.kind, key.namespace, key.name) for key in keys]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > out.width:
        for key in keys:
            out.print(Text(str(key)), soft_wrap=True)
    else:
        for number, row in enumerate((titles, *cells)):
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            out.print(Text(line, style="" if number else "dim"), soft_wrap=True)
    number = Counter(key.kind for key in keys)
    out.print(f"{words.count(len(keys), 'object')} of {words.count(len(number), 'kind')}.")
