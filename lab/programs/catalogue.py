"""Which programs the lab runs, in which versions, and how each is asked for its own.

Each is built from a Go module of ours beside this file: a `go.mod` with a `tool` line, and a `go.sum`. To move one to
another version: change the `require` line there, run `go mod tidy` in that folder, and change `version` and `accepts`
here; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.programs.versions import Accepted, ProgramError

MODULES = Path(__file__).resolve().parent
"""The folder of the Go modules."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """How a program is built."""

    folder: str
    """The folder of its `go.mod`, beside this file."""
    module: str
    """The Go module that carries the program's version."""
    package: str
    linker_flags: tuple[str, ...] = ()
    """`{version}`, `{major}` and `{minor}` in them stand for the program's version."""
    companions: tuple[str, ...] = ()
    """Files of `module` that must lie beside the program: copied there at build time."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program that the lab runs."""

    name: str
    version: str
    """What is built; for a program without `build`, the oldest that serves."""
    accepts: Accepted
    """Which versions serve when found on the machine."""
    build: Build | None = None
    """None: it comes from the distribution."""
    question: tuple[str, ...] = ()
    """The arguments that make it print its version. Empty: its Go build information tells."""
    answer: str = r"\bv?(\d+\.\d+\.\d+\S*)"
    """Where in its output the version stands: a pattern with one group."""
    beside: str | None = None
    """It is part of that program's distribution: found in its folder only, and of its version."""
    install: str = ""
    """How to get it, for a program that is not built here."""

    @property
    def files(self) -> tuple[str, ...]:
        """The names that must are in one folder for it to be complete; the program itself first."""
        companions = self.build.companions if self.build else ()
        return (self.name, *(Path(companion).name for companion in companions))


_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PULUMI_YAML = "github.com/pulumi/pulumi-yaml"
# What Pulumi's distribution brings is of the engine's version.
_PULUMI_ACCEPTED = Accepted("3.259.0", below="4.0.0")
_KUBERNETES = "1.34.1"
_KUBERNETES_FLAGS = (
    "-X k8s.io/component-base/version.gitVersion=v{version}",
    "-X k8s.io/component-base/version.gitMajor={major}",
    "-X k8s.io/component-base/version.gitMinor={minor}",
)
# The three must agree in the minor version: an API server does not serve a controller manager newer than itself.
_KUBERNETES_ACCEPTED = Accepted("1.34.0", below="1.35.0")


def _velero(version: str, *, below: str, folder: str) -> Program:
    """Exactly the server that is pinned, or one that can be: the lab's tests pin what this one does."""
    return Program(
        name="velero",
        version=version,
        accepts=Accepted(version, below=below),
        question=("version", "--client-only"),
        answer=r"Version: (\S+)",
        build=Build(
            folder=folder,
            module="github.com/vmware-tanzu/velero",
            package="github.com/vmware-tanzu/velero/cmd/velero",
            linker_flags=("-X github.com/vmware-tanzu/velero/pkg/buildinfo.Version=v{version}",),
        ),
    )


PROGRAMS = (
    Program(
        name="etcd",
        version="3.4.0",
        # Without a module: one built from source takes no longer, but every distribution has it.
        accepts=Accepted("3.4.0", below="4.0.0"),
        question=("--version",),
        answer=r"^etcd Version: (\S+)",
        install=(
            "install it with `apt-get install etcd-server` (Debian, Ubuntu), `dnf install etcd` (Fedora) or"
            " `brew install etcd` (macOS), or set KUBEBUILDER_ASSETS to the folder that"
            " `setup-envtest use -p path` prints"
        ),
    ),
    Program(
        name="pulumi-language-python",
        # The last release of the SDK's module that holds the language host; later ones have a module of their own,
        # which the Go proxy does not serve. It drives later engines and later Python SDKs.
        version="3.75.0",
        accepts=_PULUMI_ACCEPTED,
        beside="pulumi",
        build=Build(
            folder="pulumi-language-python",
            module=_PULUMI_SDK,
            package=f"{_PULUMI_SDK}/python/cmd/pulumi-language-python",
            linker_flags=(f"-X {_PULUMI_SDK}/go/common/version.Version=v{{version}}",),
            companions=("python/cmd/pulumi-language-python-exec",),
        ),
    ),
    Program(
        name="helm",
        version="3.18.6",
        # Helm 4 renamed options.
        accepts=Accepted("3.18.0", below="4.0.0"),
        question=("version", "--template", "{{.Version}}"),
        build=Build(
            folder="helm",
            module="helm.sh/helm/v3",
            package="helm.sh/helm/v3/cmd/helm",
            linker_flags=("-X helm.sh/helm/v3/internal/version.version=v{version}",),
        ),
    ),
    Program(
        name="velero-plugin-for-aws",
        version="1.14.3",
        accepts=Accepted("1.14.3", below="1.14.4"),
        build=Build(
            folder="velero-plugin-for-aws",
            module="github.com/vmware-tanzu/velero-plugin-for-aws",
            package="github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws",
        ),
    ),
    Program(
        name="pulumi",
        version="3.259.0",
        accepts=_PULUMI_ACCEPTED,
        question=("version",),
        build=Build(
            folder="pulumi",
            module="github.com/pulumi/pulumi/pkg/v3",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            linker_flags=(f"-X {_PULUMI_SDK}/go/common/version.Version=v{{version}}",),
        ),
    ),
    _velero("1.18.3", below="1.18.4", folder="velero"),
    Program(
        name="kube-apiserver",
        version=_KUBERNETES,
        accepts=_KUBERNETES_ACCEPTED,
        question=("--version",),
        answer=r"^Kubernetes (\S+)",
        build=Build(
            folder="kubernetes",
            module="k8s.io/kubernetes",
            package="k8s.io/kubernetes/cmd/kube-apiserver",
            linker_flags=_KUBERNETES_FLAGS,
        ),
    ),
    Program(
        name="kube-controller-manager",
        version=_KUBERNETES,
        accepts=_KUBERNETES_ACCEPTED,
        question=("--version",),
        answer=r"^Kubernetes (\S+)",
        build=Build(
            folder="kubernetes",
            module="k8s.io/kubernetes",
            package="k8s.io/kubernetes/cmd/kube-controller-manager",
            linker_flags=_KUBERNETES_FLAGS,
        ),
    ),
    Program(
        # What runbooks use beside the project's own commands.
        name="kubectl",
        version=_KUBERNETES,
        # What the runbooks ask of it (patch, replace, delete) has not changed in years.
        accepts=Accepted("1.30.0", below="2.0.0"),
        question=("version", "--client"),
        answer=r"^Client Version: (\S+)",
        build=Build(
            folder="kubernetes",
            module="k8s.io/kubernetes",
            package="k8s.io/kubernetes/cmd/kubectl",
            linker_flags=_KUBERNETES_FLAGS,
        ),
    ),
)
"""All of them, those that build fastest first: what is wrong with a machine shows early."""

VELEROS = {
    "1.18.3": next(program for program in PROGRAMS if program.name == "velero"),
    "1.18.2": _velero("1.18.2", below="1.18.3", folder="velero-1.18.2"),
}
"""The Velero servers that can be rehearsed, by version; the first is the one that is taken."""


def programs_of(environ: Mapping[str, str]) -> tuple[Program, ...]:
    """The programs, with the Velero that `LAB_VELERO` names (`1.18.2`). Raises `ProgramError` for one not known."""
    wanted = environ.get("LAB_VELERO", "").removeprefix("v") or next(iter(VELEROS))
    if wanted not in VELEROS:
        raise ProgramError(f"LAB_VELERO={wanted}: the lab has no such Velero; it has {', '.join(VELEROS)}")
    return tuple(VELEROS[wanted] if program.name == "velero" else program for program in PROGRAMS)


LANGUAGE_YAML = Program(
    name="pulumi-language-yaml",
    version="1.25.0",
    accepts=_PULUMI_ACCEPTED,
    beside="pulumi",
    build=Build(
        folder="pulumi-language-yaml",
        module=_PULUMI_YAML,
        package=f"{_PULUMI_YAML}/cmd/pulumi-language-yaml",
        linker_flags=(f"-X {_PULUMI_YAML}/pkg/version.Version=v{{version}}",),
    ),
)
"""The language host for programs in YAML: the tests of the component package need it, the rehearsal does not."""
