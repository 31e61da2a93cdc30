"""Checks across stacks and on this machine: who else writes to the place, and what `pulumi up` needs on PATH."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from velero_eks.aws.eks import Unknown
from velero_eks.bootstrap.preflight.check import Case, Finding, NotAsked, known
from velero_eks.bootstrap.preflight.facts import Contents
from velero_eks.project.engine import IMPORTS_AND_UPDATES
from velero_eks.terminal import words


def shared_location(case: Case) -> Iterator[Finding]:
    """No other cluster writes to the same bucket and prefix."""
    for refusal in case.facts.here.conflicts:
        yield Finding("error", refusal.limit, refusal.remedy)
    contents = known(case.facts.aws.contents)
    if contents is None or not contents.count:
        return
    yield from _others(case, contents)


def _others(case: Case, contents: Contents) -> Iterator[Finding]:
    """A backup bears the uid that its Backup object had where it was made. One that this Velero never had is another
    cluster's, or of a Velero that was taken away from this one; written since this one's namespace came to be, it is
    another cluster's, and that one is alive."""
    ours, namespace = known(case.kubernetes.backup_uids), known(case.kubernetes.namespace)
    foreign = [(name, when) for name, uid, when in contents.backups if uid not in ours]
    if not foreign:
        return
    name, when = max(foreign, key=lambda item: item[1])
    stamp = words.moment(datetime.fromtimestamp(when, UTC))
    apart = "give each cluster its own bucket or prefix; two in one place expire each other's backups"
    if namespace is not None and when > namespace.created:
        yield Finding(
            "error",
            f"another cluster writes there: backup {name} of {stamp} is not from this one and is newer than its Velero",
            apart,
        )
    elif namespace is None and when > case.cluster.created and not case.settings.adopt.bucket:
        yield Finding(
            "error",
            f"another cluster writes there: backup {name} of {stamp} is newer than this cluster, which has no Velero",
            f"{apart}. If a Velero removed from this cluster made it: {case.adopt_command}",
        )
    else:
        yield Finding(
            "warning",
            f"the bucket has {contents.count} backups, and the newest that this Velero did not make is {name} of"
            f" {stamp}: they will appear in this cluster, which will expire them",
            "expected for a rebuilt cluster or Velero; else set storage.bucket or storage.prefix",
        )


def tools(case: Case) -> Iterator[Finding]:
    """The programs that `pulumi up` starts are here, of fitting versions, and the stack is initialised."""
    here = case.facts.here
    yield from _pulumi(case)
    if here.uv is False:
        yield Finding(
            "warning" if isinstance(here.engine, Unknown) else "error",
            "uv is not on PATH, and 'pulumi up' starts the program with it (toolchain: uv in Pulumi.yaml)",
            f'run: export PATH="{here.uv_folder}:$PATH"'
            if here.uv_folder
            else "run: curl -LsSf https://astral.sh/uv/install.sh | sh",
        )
    if here.deploys not in (None, here.release):
        yield Finding(
            "warning",
            f"this tool is of release {here.release}, and pyproject.toml deploys velero-on-eks {here.deploys}:"
            " 'pulumi up' may deploy something different from the plan",
            f"run: uv tool install velero-eks=={here.deploys}, or: uv add velero-on-eks=={here.release}",
        )
    if not case.settings.cluster.context and not here.aws_cli:
        yield Finding(
            "error",
            "the AWS CLI is not on PATH, and 'pulumi up' signs in to the cluster with 'aws eks get-token'",
            "install it (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html), or name a"
            " kubeconfig context in cluster.context",
        )


def _pulumi(case: Case) -> Iterator[Finding]:
    here = case.facts.here
    if isinstance(here.engine, Unknown):
        yield Finding(
            "warning", here.engine.why, "install it where 'pulumi up' runs: curl -fsSL https://get.pulumi.com | sh"
        )
    elif here.engine < IMPORTS_AND_UPDATES and case.settings.adopt.model_fields_set:
        wanted = ".".join(map(str, IMPORTS_AND_UPDATES))
        yield Finding(
            "error",
            f"the Pulumi CLI is {'.'.join(map(str, here.engine))}, and adopting needs {wanted}: older ones"
            " stop at any difference",
            f"upgrade the Pulumi CLI to {wanted} or later",
        )
    if here.state is None:
        yield Finding("warning", "the stack is not initialised", f"run: pulumi stack init {case.stack}")
    elif isinstance(here.state, Unknown) and not isinstance(here.engine, Unknown) and here.backend.logged_in:
        yield Finding(
            "warning",
            f"the stack's state could not be read: {here.state.why}",
            f"try it by hand: pulumi stack export --stack {case.stack}; another login: pulumi login",
        )


def backend(case: Case) -> Iterator[Finding]:
    """The Pulumi CLI knows where the state is kept, may go there, and has what encrypts the stack's secrets."""
    here = case.facts.here
    if isinstance(here.engine, Unknown):
        raise NotAsked(here.engine.why)
    found = here.backend
    if found.url is None:
        yield Finding(
            "error",
            "Pulumi is not logged in: nothing says where the stack's state is kept",
            f"run: pulumi login (Pulumi Cloud), or: pulumi login 's3://BUCKET?region={case.settings.region}' (a bucket"
            " of yours)",
        )
    elif not found.logged_in:
        yield Finding("error", f"Pulumi is not logged in to {found.url}", f"run: pulumi login {found.url}")
    if found.passphrase_file:
        yield Finding(
            "error",
            f"PULUMI_CONFIG_PASSPHRASE_FILE names {found.passphrase_file}, which does not exist",
            "run: export PULUMI_CONFIG_PASSPHRASE_FILE=FILE, with a file that holds the passphrase",
        )
    elif found.needs_passphrase and not found.passphrase:
        other = (
            f"; without a passphrase: pulumi stack init {case.stack} --secrets-provider="
            f"'awskms://alias/NAME?region={case.settings.region}'"
        )
        yield Finding(
            "warning",
            "the stack's secrets are encrypted with a passphrase, and neither PULUMI_CONFIG_PASSPHRASE nor"
            " PULUMI_CONFIG_PASSPHRASE_FILE is set: 'pulumi up' asks for it, and fails where no one can answer",
            f"run: export PULUMI_CONFIG_PASSPHRASE_FILE=FILE{other if here.state is None else ''}",
        )
