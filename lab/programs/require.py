"""Finds every program of the catalogue, builds those that are missing, and hands out their paths."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from lab.programs.build import Builder
from lab.programs.cache import Go, cache_folder, entry, find_go, is_complete, only_builder
from lab.programs.catalogue import LANGUAGE_YAML, Program, programs_of
from lab.programs.find import Place, Refusal, Search, beside, search
from lab.programs.progress import progress_for
from lab.programs.versions import ProgramError


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Where the lab's programs lie."""

    pulumi: Path
    language_python_dir: Path
    """The folder of `pulumi-language-python` and what it needs; the engine looks for it on PATH."""
    helm: Path
    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path
    velero: Path
    plugin_dir: Path
    """A folder that holds velero-plugin-for-aws and nothing else: for `velero server --plugin-dir`."""
    places: tuple[Place, ...] = ()
    """Where each comes from and in which version, in the catalogue's order."""
    refusals: tuple[Refusal, ...] = ()
    """What was found on this machine and passed over."""

    @property
    def velero_version(self) -> str:
        """Which Velero it is: `1.18.3`."""
        return next(place.version for place in self.places if place.program.name == "velero")


def require_programs(environ: Mapping[str, str] | None = None, console: Console | None = None) -> Programs:
    """Find the programs, and build those that this machine does not have (the first time: up to 25 minutes).

    `environ` is this process's environment by default, `console` standard error; `LAB_VELERO` in it chooses another
    Velero. Raises `ProgramError` when one is missing that is not built here, when Go is missing or too old, or when a
    build fails.
    """
    environ = os.environ if environ is None else environ
    console = console or Console(stderr=True)
    programs = programs_of(environ)
    found = search(programs, environ)
    missing = [program for program in programs if program.name not in found.places]
    _refuse_what_cannot_be_built(missing, found)
    places = dict(found.places)
    if missing:
        go = _go_for(missing, environ)
        places.update(_from_cache(missing, go, environ, console))
    ordered = tuple(places[program.name] for program in programs)
    return _programs(places, ordered, found.refusals, cache_folder(environ))


def require_language_yaml(
    programs: Programs, environ: Mapping[str, str] | None = None, console: Console | None = None
) -> Place:
    """Where `pulumi-language-yaml` lies: beside that engine, else in the cache, built the first time (a minute).

    `environ` and `console` are as for `require_programs`. Raises `ProgramError` when it cannot be built.
    """
    environ = os.environ if environ is None else environ
    engine = next(place for place in programs.places if place.program.name == LANGUAGE_YAML.beside)
    found = beside(LANGUAGE_YAML, engine)
    if found is not None:
        return found
    go = _go_for([LANGUAGE_YAML], environ)
    return _from_cache([LANGUAGE_YAML], go, environ, console or Console(stderr=True))[LANGUAGE_YAML.name]


def _refuse_what_cannot_be_built(missing: Sequence[Program], found: Search) -> None:
    problems: list[str] = []
    for program in missing:
        if program.build is not None:
            continue
        seen = [f"{refusal.path}: {refusal.reason}" for refusal in found.refusals if refusal.program is program]
        what = f"no {program.name} on this machine serves ({'; '.join(seen)})" if seen else f"{program.name} is missing"
        problems.append(f"{what}; {program.install}.")
    if problems:
        raise ProgramError("\n".join(problems))


def _go_for(missing: Sequence[Program], environ: Mapping[str, str]) -> Go:
    """The Go that builds or has built them. Raises `ProgramError` when it is missing or too old for one of them."""
    names = ", ".join(program.name for program in missing)
    try:
        go = find_go(environ)
    except ProgramError as error:
        raise ProgramError(f"{error}; it builds what this machine does not have: {names}.") from None
    for program in missing:
        refusal = go.refusal(program.build) if program.build else None
        if refusal is not None:
            raise ProgramError(f"{refusal} to build {program.name}. Install it from https://go.dev/dl.")
    return go


def _from_cache(missing: Sequence[Program], go: Go, environ: Mapping[str, str], console: Console) -> dict[str, Place]:
    """Their places in the cache, built first where they are not there."""
    cache = cache_folder(environ)
    sources = dict.fromkeys((program.name for program in missing), "cache")
    absent = [program for program in missing if not is_complete(entry(cache, program, go), program)]
    if absent:
        progress = progress_for(console)
        progress.note(f"building {len(absent)} of the lab's programs into {cache}")
        with only_builder(cache, progress.note):
            builder = Builder(go, cache, environ, progress)
            for number, program in enumerate(absent, start=1):
                builder.build(program, f"[{number}/{len(absent)}] {program.name} {program.version}")
                sources[program.name] = "built"
    return {
        program.name: Place(
            program=program,
            version=program.version,
            source=sources[program.name],
            path=entry(cache, program, go) / program.name,
        )
        for program in missing
    }


def _programs(
    places: Mapping[str, Place], ordered: tuple[Place, ...], refusals: tuple[Refusal, ...], cache: Path
) -> Programs:
    return Programs(
        pulumi=places["pulumi"].path,
        language_python_dir=places["pulumi-language-python"].path.parent,
        helm=places["helm"].path,
        etcd=places["etcd"].path,
        kube_apiserver=places["kube-apiserver"].path,
        kube_controller_manager=places["kube-controller-manager"].path,
        kubectl=places["kubectl"].path,
        velero=places["velero"].path,
        plugin_dir=_alone(places["velero-plugin-for-aws"].path, cache),
        places=ordered,
        refusals=refusals,
    )


def _alone(path: Path, cache: Path) -> Path:
    """A folder with this program and nothing else; Velero takes every program in its plugin folder for a plugin."""
    if [other.name for other in path.parent.iterdir()] == [path.name]:
        return path.parent
    folder = cache / "linked" / hashlib.sha256(str(path).encode()).hexdigest()[:16]
    link = folder / path.name
    if not link.is_symlink():
        folder.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    return folder
