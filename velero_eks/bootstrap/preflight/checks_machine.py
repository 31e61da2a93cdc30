"""Checks across stacks and on this machine: who else writes to the place, and what `pulumi up` needs on PATH."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from velero_eks.aws.eks import Unknown
from velero_eks.bootstrap.preflight.check import Case, Finding, known
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
    apart = "give each cluster a bucket or prefix of its own; two on one place expire each other's backups"
    if namespace is not None and when > namespace.created:
        yield Finding(
            "error",
            f"another cluster writes there: backup {name} of {stamp} is not this one's, and is younger than this"
            " one's Velero",
            apart,
        )
    elif namespace is None and when > case.cluster.created and not case.settings.adopt.bucket:
        yield Finding(
            "error",
            f"somebody writes there: backup {name} of {stamp} is younger than this cluster, which has no Velero",
            f"{apart}. If a Velero that is gone from this cluster made it: {case.adopt_command}",
        )
    else:
        yield Finding(
            "warning",
            f"the bucket has {contents.count} backups, and the newest that this Velero did not make is {name} of"
            f" {stamp}: those will appear in this cluster, and be expired by it",
            "as it should be for a cluster or a Velero that was built again; else set storage.bucket or storage.prefix",
        )


def tools(case: Case) -> Iterator[Finding]:
    """The programs that `pulumi up` starts are here, and the stack is initialised."""
    here = case.facts.here
    if isinstance(here.engine, Unknown):
        yield Finding("warning", here.engine.why, "install it where 'pulumi up' is to run")
    elif here.engine < IMPORTS_AND_UPDATES and case.settings.adopt.model_fields_set:
        wanted = ".".join(map(str, IMPORTS_AND_UPDATES))
        yield Finding(
            "error",
            f"the Pulumi CLI is {'.'.join(map(str, here.engine))}, and adopting needs {wanted}: older ones stop at"
            " anything that differs",
            f"upgrade the Pulumi CLI to {wanted} or later",
        )
    if here.state is None:
        yield Finding("warning", "the stack is not initialised", f"run: pulumi stack init {case.stack}")
    elif isinstance(here.state, Unknown) and not isinstance(here.engine, Unknown):
        yield Finding(
            "warning", f"the stack's state could not be read: {here.state.why}", "pulumi login, then try again"
        )
    if not case.settings.cluster.context and not here.aws_cli:
        yield Finding(
            "error",
            "the AWS CLI is not on PATH, and 'pulumi up' signs in to the cluster with 'aws eks get-token'",
            "install it, or name a kubeconfig context in cluster.context",
        )
