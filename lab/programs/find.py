"""Looks for the lab's programs on this machine: in `KUBEBUILDER_ASSETS`, then along `PATH`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.programs.cache import is_program
from lab.programs.catalogue import Program
from lab.programs.versions import Version, ask, build_info_version


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a program was found. `source` is `KUBEBUILDER_ASSETS`, `PATH`, `cache` or `built`."""

    program: Program
    version: str
    source: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A program that lies on this machine and does not serve."""

    program: Program
    path: Path
    reason: str


@dataclass(frozen=True)
class Search:
    """What a search found: at most one place for each program, and what was passed over."""

    places: Mapping[str, Place]
    refusals: tuple[Refusal, ...]


def folders(environ: Mapping[str, str]) -> list[tuple[str, Path]]:
    """Where to look, in order: (`KUBEBUILDER_ASSETS` or `PATH`, folder). No folder comes twice."""
    listed = [("KUBEBUILDER_ASSETS", environ.get("KUBEBUILDER_ASSETS", ""))]
    listed += [("PATH", folder) for folder in environ.get("PATH", "").split(os.pathsep)]
    found: dict[Path, str] = {}
    for source, folder in listed:
        if folder:
            found.setdefault(Path(folder).absolute(), source)
    return [(source, folder) for folder, source in found.items()]


def version_of(program: Program, path: Path) -> Version:
    """The version of the program at `path`. Raises `ValueError` with the reason why it cannot be told."""
    if program.question:
        return ask(path, program.question, program.answer)
    if program.build is None:
        raise ValueError("it has no way to tell its version")
    return build_info_version(path, program.build.module)


def search(programs: Sequence[Program], environ: Mapping[str, str]) -> Search:
    """Look for all of them; those that are part of another program's distribution after that one."""
    where = folders(environ)
    alone = [program for program in programs if program.beside is None]
    places: dict[str, Place] = {}
    refusals: list[Refusal] = []
    # Asking costs 0.1–0.3 s a program, nearly all of it waiting.
    with ThreadPoolExecutor(max_workers=len(alone) or 1) as pool:
        for place, refused in pool.map(lambda program: _first(program, where), alone):
            refusals += refused
            if place is not None:
                places[place.program.name] = place
    for program in programs:
        host = places.get(program.beside or "")
        if host is not None and (place := beside(program, host)) is not None:
            places[program.name] = place
    return Search(places, tuple(refusals))


def _first(program: Program, where: Iterable[tuple[str, Path]]) -> tuple[Place | None, list[Refusal]]:
    """The first one that serves, and those before it that do not."""
    refusals: list[Refusal] = []
    for source, folder in where:
        path = folder / program.name
        if not is_program(path):
            continue
        try:
            version = version_of(program, path)
        except ValueError as error:
            refusals.append(Refusal(program=program, path=path, reason=str(error)))
            continue
        if program.accepts.contains(version):
            return Place(program=program, version=str(version), source=source, path=path), refusals
        reason = f"it is {version}; the lab needs {program.accepts}"
        refusals.append(Refusal(program=program, path=path, reason=reason))
    return None, refusals


def beside(program: Program, host: Place) -> Place | None:
    """The program in the folder of its distribution, or in the one that a link there leads to."""
    for folder in (host.path.parent, host.path.resolve().parent):
        path = folder / program.name
        if is_program(path):
            return Place(program=program, version=host.version, source=host.source, path=path)
    return None
