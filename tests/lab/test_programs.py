"""The lab takes a program that serves, and says why it passes over another."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
from pathlib import Path

import pytest
from rich.console import Console
from velero_on_eks.settings.versions import PINNED_VELERO, TABLE

from lab.programs import ProgramError, require_programs
from lab.programs.__main__ import main
from lab.programs.cache import Go, cache_folder, find_go, go_environment, only_builder
from lab.programs.catalogue import LANGUAGE_YAML, MODULES, PROGRAMS, VELEROS, Program, programs_of
from lab.programs.find import search, version_of
from lab.programs.progress import PlainProgress
from lab.programs.versions import Version, build_info_version, version_in

ANSWERS = {
    "etcd": "etcd Version: 3.4.23\nGit SHA: Not provided (use ./build instead of go build)\nGo Version: go1.19.8\n",
    "pulumi": "v3.259.0\n",
    "helm": "v3.18.6",
    "kube-apiserver": "Kubernetes v1.34.1\n",
    "kube-controller-manager": "Kubernetes v1.34.1\n",
    "kubectl": "Client Version: v1.34.1\nKustomize Version: v5.7.1\n",
    "velero": "Client:\n\tVersion: v1.18.3\n\tGit commit: -\n",
}
"""What the real programs print when asked for their version."""

CATALOGUE = {program.name: program for program in PROGRAMS}

GO = """#!/bin/sh
case "$1" in
  env) printf 'go1.26.0\\nlinux\\namd64\\n' ;;
  list) if [ "$2" = -m ]; then echo "${FAKE_MODULE:-/}"; else printf 'fmt\\nexample.com/tool\\n'; fi ;;
  build)
    while [ "$1" != -o ]; do shift; done
    out=$2
    BUILD
    ;;
esac
"""
"""A Go toolchain as far as the builder can see; BUILD is replaced by what `go build` does."""


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def answering(path: Path, answer: str) -> Path:
    """A program that prints `answer`, whatever it is asked."""
    return executable(path, f"#!/bin/sh\nprintf %s {shlex.quote(answer)}\n")


def with_build_info(path: Path, lines: str) -> Path:
    """A file as Go's linker leaves it: the mark, a header of 32 bytes, Go's version and the modules."""

    def text(content: bytes) -> bytes:
        length = len(content)
        prefix = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
        return prefix + content

    info = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16) + text(b"go1.26.0") + text(lines.encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF" + bytes(100) + info + bytes(10))
    path.chmod(0o755)
    return path


PLUGIN_MODULES = (
    "path\tgithub.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws\n"
    "mod\tvelero-eks.local/lab/programs/velero-plugin-for-aws\t(devel)\t\n"
    "dep\tgithub.com/vmware-tanzu/velero-plugin-for-aws\tv1.14.3\th1:abc=\n"
)


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine that has every program, in a version that serves."""
    folder = tmp_path / "usr-bin"
    for name, answer in ANSWERS.items():
        answering(folder / name, answer)
    answering(folder / "pulumi-language-python", "")
    answering(folder / "pulumi-language-yaml", "")
    with_build_info(folder / "velero-plugin-for-aws", PLUGIN_MODULES)
    return {"PATH": str(folder), "VELERO_EKS_CACHE": str(tmp_path / "cache")}


# Versions


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_the_version_is_read_from_what_the_real_program_prints(name: str) -> None:
    program = CATALOGUE[name]
    version = version_in(ANSWERS[name], program.answer)
    assert program.accepts.contains(version)
    if name != "etcd":
        assert str(version) == program.version


def test_what_follows_the_patch_is_not_compared() -> None:
    assert version_in("Kubernetes v1.34.1-eks-113cf36", CATALOGUE["kube-apiserver"].answer) == Version(1, 34, 1)
    assert Version.parse("v1.9.0") < Version.parse("1.10.0-rc.1")


@pytest.mark.parametrize("answer", ["", "v3.18", "unknown flag: --template"])
def test_an_answer_without_a_version_is_an_error_and_not_a_guess(answer: str) -> None:
    with pytest.raises(ValueError):
        version_in(answer, CATALOGUE["helm"].answer)


def test_the_plugin_which_cannot_be_asked_is_known_by_what_go_wrote_into_it(tmp_path: Path) -> None:
    module = "github.com/vmware-tanzu/velero-plugin-for-aws"
    plugin = with_build_info(tmp_path / "plugin", PLUGIN_MODULES)
    assert str(build_info_version(plugin, module)) == "1.14.3"
    with pytest.raises(ValueError, match=r"was not built from example\.com/other"):
        build_info_version(plugin, "example.com/other")
    cut = plugin.read_bytes()[:-150]
    plugin.write_bytes(cut)
    with pytest.raises(ValueError, match="Go build information"):
        build_info_version(plugin, module)
    with pytest.raises(ValueError, match="no Go build information"):
        build_info_version(executable(tmp_path / "script", "#!/bin/sh\n"), module)


# The catalogue


@pytest.mark.parametrize(
    "program",
    [each for each in (*PROGRAMS, *VELEROS.values(), LANGUAGE_YAML) if each.build],
    ids=lambda it: f"{it.name}-{it.version}",
)
def test_the_catalogue_and_the_go_modules_say_the_same(program: Program) -> None:
    assert program.build is not None
    text = (MODULES / program.build.folder / "go.mod").read_text()
    required = re.search(rf"^(?:require)?\s+{re.escape(program.build.module)} v(\S+)", text, re.MULTILINE)
    assert required is not None
    assert required[1] == program.version
    assert re.search(rf"^(?:tool)?\s+{re.escape(program.build.package)}$", text, re.MULTILINE)
    assert (MODULES / program.build.folder / "go.sum").stat().st_size > 0
    if program.beside is None:
        assert program.accepts.contains(Version.parse(program.version))


def test_another_velero_is_chosen_by_the_environment_and_only_one_that_is_known() -> None:
    before = programs_of({"LAB_VELERO": "v1.18.2"})
    assert [program.version for program in before if program.name == "velero"] == ["1.18.2"]
    assert {program.name for program in before} == {program.name for program in PROGRAMS}
    assert programs_of({}) == programs_of({"LAB_VELERO": ""}) == PROGRAMS
    with pytest.raises(ProgramError, match=r"LAB_VELERO=1\.17\.0: .* it has 1\.18\.3, 1\.18\.2"):
        programs_of({"LAB_VELERO": "1.17.0"})


def test_what_the_lab_builds_is_what_the_table_of_versions_has() -> None:
    assert list(VELEROS) == [row.velero for row in TABLE]
    assert CATALOGUE["velero-plugin-for-aws"].version in {row.plugin for row in TABLE}
    assert f"v{CATALOGUE['velero'].version}" == PINNED_VELERO


# Looking for them


def test_a_machine_that_has_every_program_builds_none(machine: dict[str, str], tmp_path: Path) -> None:
    programs = require_programs(machine)
    folder = tmp_path / "usr-bin"
    assert programs.pulumi == folder / "pulumi"
    assert programs.language_python_dir == folder
    assert programs.kube_controller_manager == folder / "kube-controller-manager"
    assert {place.source for place in programs.places} == {"PATH"}
    assert [path.name for path in programs.plugin_dir.iterdir()] == ["velero-plugin-for-aws"]
    assert (programs.plugin_dir / "velero-plugin-for-aws").resolve() == folder / "velero-plugin-for-aws"


def test_kubebuilder_assets_come_before_the_path(machine: dict[str, str], tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    answering(assets / "etcd", "etcd Version: 3.6.4\n")
    found = search(PROGRAMS, {**machine, "KUBEBUILDER_ASSETS": str(assets)})
    assert (found.places["etcd"].version, found.places["etcd"].source) == ("3.6.4", "KUBEBUILDER_ASSETS")
    assert found.places["helm"].source == "PATH"


def test_a_wrong_version_is_passed_over_with_the_reason_and_a_later_one_serves(
    machine: dict[str, str], tmp_path: Path
) -> None:
    newer = answering(tmp_path / "newer" / "helm", "v4.0.1")
    found = search(PROGRAMS, {**machine, "PATH": f"{newer.parent}:{machine['PATH']}"})
    assert found.places["helm"].path == tmp_path / "usr-bin" / "helm"
    assert [(refusal.path, refusal.reason) for refusal in found.refusals] == [
        (newer, "it is 4.0.1; the lab needs 3.18.0 or newer, below 4.0.0")
    ]


def test_a_program_that_does_not_run_is_passed_over_with_the_reason(machine: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "usr-bin" / "velero", "#!/bin/sh\nexit 3\n")
    executable(tmp_path / "usr-bin" / "helm", "not a program")
    found = search(PROGRAMS, machine)
    reasons = {refusal.program.name: refusal.reason for refusal in found.refusals}
    assert reasons["velero"] == "`velero version --client-only` ended with exit code 3"
    assert reasons["helm"].startswith("it cannot be run: ")
    assert not {"velero", "helm"} & found.places.keys()


def test_the_language_host_is_taken_from_the_distribution_of_the_engine_only(
    machine: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "usr-bin"
    assert search(PROGRAMS, machine).places["pulumi-language-python"].version == "3.259.0"
    answering(folder / "pulumi", "v3.100.0")
    assert "pulumi-language-python" not in search(PROGRAMS, machine).places


def test_a_missing_etcd_is_an_error_that_says_how_to_install_it(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "usr-bin" / "etcd").unlink()
    with pytest.raises(ProgramError, match=r"etcd is missing; install it with `apt-get install etcd-server`"):
        require_programs(machine)


def test_an_etcd_that_is_too_old_is_named_in_the_error(machine: dict[str, str], tmp_path: Path) -> None:
    answering(tmp_path / "usr-bin" / "etcd", "etcd Version: 2.3.7\n")
    with pytest.raises(ProgramError, match=r"no etcd .* serves \(.*usr-bin/etcd: it is 2\.3\.7; .*\); install it"):
        require_programs(machine)


# Go


def test_without_go_the_error_names_what_it_would_build(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "usr-bin" / "velero").unlink()
    with pytest.raises(ProgramError, match=r"Go is not on PATH.* velero\."):
        require_programs(machine)


def test_a_go_that_is_too_old_is_refused_before_anything_is_built(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "usr-bin" / "velero").unlink()
    executable(tmp_path / "usr-bin" / "go", GO.replace("go1.26.0", "go1.22.2").replace("BUILD", "exit 1"))
    with pytest.raises(
        ProgramError, match=r"Go 1\.26\.\d+ or newer is needed, and .*/go is go1\.22\.2 to build velero"
    ):
        require_programs(machine)
    assert not (tmp_path / "cache").exists()


def test_go_is_asked_with_the_machines_own_toolchain(tmp_path: Path) -> None:
    go = executable(tmp_path / "go", '#!/bin/sh\n[ "$GOTOOLCHAIN" = local ] && printf "go1.26.8\\nlinux\\narm64\\n"\n')
    assert find_go({"PATH": str(tmp_path)}) == Go(path=go, version="go1.26.8", system="linux", processor="arm64")


def test_nothing_in_the_environment_changes_what_is_built() -> None:
    theirs = {"GOFLAGS": "-mod=vendor", "GOOS": "plan9", "GOTOOLCHAIN": "auto", "GOPROXY": "https://proxy.example"}
    ours = go_environment(theirs)
    assert "GOOS" not in ours
    assert (ours["GOFLAGS"], ours["GOTOOLCHAIN"]) == ("-mod=readonly", "local")
    assert ours["GOPROXY"] == "https://proxy.example"


# The cache


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"VELERO_EKS_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, Path("/c")),
        ({"XDG_CACHE_HOME": "/x"}, Path("/x/velero-eks")),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache" / "velero-eks"),
        ({}, Path.home() / ".cache" / "velero-eks"),
    ],
)
def test_the_cache_is_where_the_environment_says(environ: dict[str, str], folder: Path) -> None:
    assert cache_folder(environ) == folder


def test_a_second_builder_waits_and_says_for_whom(tmp_path: Path) -> None:
    told: list[str] = []
    with only_builder(tmp_path, told.append):
        assert told == []
        with (
            pytest.raises(ProgramError, match=f"process {os.getpid()} has been building"),
            only_builder(tmp_path, told.append, seconds=0.3),
        ):
            pass
    assert told == [f"process {os.getpid()} is building the lab's programs; waiting for it"]
    with only_builder(tmp_path, told.append, seconds=0):
        pass


# The command


def test_progress_in_a_log_is_plain_lines() -> None:
    out = io.StringIO()
    progress = PlainProgress(Console(file=out, width=40), quiet_seconds=0)
    progress.begin("[1/2] helm 3.18.6")
    progress.step("compiling packages", 12, 955)
    progress.end("built in 86 s")
    begun, step, ended = out.getvalue().splitlines()
    assert begun == "[1/2] helm 3.18.6"
    assert step.startswith("[1/2] helm 3.18.6: compiling packages 12 of 955, ")
    assert ended == "[1/2] helm 3.18.6: built in 86 s"


def test_the_command_prints_json_with_what_was_passed_over(
    machine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = answering(tmp_path / "newer" / "helm", "v4.0.1")
    monkeypatch.setenv("PATH", f"{newer.parent}:{machine['PATH']}")
    monkeypatch.setenv("VELERO_EKS_CACHE", machine["VELERO_EKS_CACHE"])
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    assert main(["--json"]) == 0
    rows = {row["program"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == [program.name for program in (*PROGRAMS, LANGUAGE_YAML)]
    assert rows["helm"]["path"] == str(tmp_path / "usr-bin" / "helm")
    assert [refused["path"] for refused in rows["helm"]["refused"]] == [str(newer)]
    assert main([]) == 0
    table = capsys.readouterr().out
    assert str(tmp_path / "usr-bin" / "kube-apiserver") in table
    assert "passed over: " in table


def test_the_command_says_what_is_missing_and_ends_with_1(
    machine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "usr-bin" / "etcd").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "usr-bin"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    assert main([]) == 1
    assert "etcd is missing" in capsys.readouterr().err


@pytest.mark.lab
def test_the_real_programs_say_that_they_are_what_the_catalogue_says() -> None:
    for place in require_programs().places:
        if place.program.beside is not None and place.source in {"PATH", "KUBEBUILDER_ASSETS"}:
            continue
        version = version_of(place.program, place.path)
        assert str(version) == place.version
