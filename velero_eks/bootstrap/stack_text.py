"""The text of a stack file: made new with its comments, or an existing one with its facts brought up to date."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from velero_eks.aws.eks import ClusterFacts
from velero_eks.bootstrap.decisions import Decisions
from velero_eks.errors import BadTarget
from velero_eks.terminal.safe import comment

PREFIX = "velero-eks:"
_COMMENT_WIDTH = 90
_PULUMIS = frozenset({"secretsprovider", "encryptedkey", "encryptionsalt"})
# A key with a list under it, and how far in its first dash stands.
_LIST_ITEM = re.compile(r"^(?P<key> *)[^ #\n-][^\n]*:\n(?P<dash> *)- ", re.MULTILINE)


@dataclass(frozen=True)
class Sources:
    """Where each fact comes from, in words for the comment beside it; `whole` is for the file's head."""

    whole: str
    of: Mapping[str, str]


FROM_EKS = Sources(
    "Facts as EKS described them to `velero-eks init`",
    {
        "name": "EKS: cluster.name",
        "account": "EKS: the account in cluster.arn",
        "kubernetesVersion": "EKS: cluster.version",
        "oidcIssuer": "EKS: cluster.identity.oidc.issuer",
        "autoMode": "EKS: cluster.computeConfig.enabled",
    },
)


def facts_of(facts: ClusterFacts) -> dict[str, Any]:
    """The facts as the section `velero-eks:cluster` has them."""
    found: dict[str, Any] = {
        "name": facts.name,
        "account": facts.account,
        "kubernetesVersion": facts.version,
    }
    if facts.issuer:
        found["oidcIssuer"] = facts.issuer
    if facts.auto_mode:
        found["autoMode"] = True
    return found


def composed(facts: ClusterFacts, decisions: Decisions, sources: Sources = FROM_EKS) -> str:
    """A new stack file, with comments that say where each fact comes from and what there is to decide."""
    from ruamel.yaml.comments import CommentedMap

    config = CommentedMap()

    def section(key: str, value: Any, *comment: str) -> None:
        config[key] = value
        config.yaml_set_comment_before_after_key(key, before="\n".join(comment), indent=2)

    config["aws:region"] = facts.region
    section(
        f"{PREFIX}environment",
        decisions.environment,
        "Decide: development, staging or production. It sets the defaults and the guard rails.",
    )
    cluster = CommentedMap()
    for key, value in facts_of(facts).items():
        cluster[key] = _written(key, value)
        cluster.yaml_add_eol_comment(sources.of[key], key, column=0)
    if decisions.context:
        cluster["context"] = decisions.context
        cluster.yaml_add_eol_comment("decided: a kubeconfig context, not EKS's own access", "context", column=0)
    section(f"{PREFIX}cluster", cluster, "Facts. `velero-eks preflight` compares them; `velero-eks init` renews them.")
    recovery = CommentedMap(
        {"rpo": decisions.rpo, "retention": decisions.retention, "namespaces": _flow(decisions.namespaces)}
    )
    section(
        f"{PREFIX}recovery",
        recovery,
        "Decide: how much may be lost (rpo), how long backups are kept (retention), and for which",
        "namespaces that holds. Every schedule is checked against it.",
    )
    section(
        f"{PREFIX}identity",
        _flow({"mode": decisions.identity}),
        "Decide: irsa or pod-identity, how Velero's pod gets its AWS role." + _why(decisions, "identity"),
    )
    volumes: dict[str, Any] = {"mode": decisions.volumes}
    if decisions.volumes == "csi-snapshot" and decisions.snapshot_controller == "existing":
        volumes["snapshotController"] = "existing"
    section(
        f"{PREFIX}volumes",
        _flow(volumes),
        "Decide: none (objects alone) or csi-snapshot (EBS snapshots as well)." + _why(decisions, "volumes"),
    )
    section(
        f"{PREFIX}storage",
        _flow({}),
        "Decide: where backups are kept. Empty: in a bucket and with a key that the stack creates.",
        "bucket and prefix name it otherwise, kmsKeyArn takes a key of yours, and",
        "accessLogs: {bucket: NAME} writes down who read what.",
    )
    if decisions.allow_untested_kubernetes:
        section(
            f"{PREFIX}release",
            _flow({"allowUntestedKubernetes": True}),
            "Decided: Velero was not tested on this Kubernetes version.",
        )
    name, cron = decisions.schedule
    schedule = CommentedMap({"cron": _quoted(cron), "timezone": decisions.timezone, "keep": decisions.retention})
    schedule["namespaces"] = _flow(("*",))
    section(
        f"{PREFIX}schedules",
        CommentedMap({name: _flow(schedule)}),
        "Decide: when backups run and how long they are kept. Every namespace, so that the cluster",
        "can be rebuilt; add schedules for what must be backed up more often.",
    )
    document = CommentedMap({"config": config})
    document.yaml_set_start_comment(
        f"{comment(f'Velero on the EKS cluster {facts.name}. {sources.whole}.')}\nAll keys: docs/reference/settings.md"
    )
    return _dumped(document)


def updated(text: str, facts: ClusterFacts, changes: Mapping[str, Mapping[str, Any] | str]) -> str:
    """An existing file with the facts and `changes` (values by section and key) put in; the rest stays, with comments.

    Raises `BadTarget` where the text has no such shape.
    """
    document = parsed(text)
    config = document["config"]
    config["aws:region"] = facts.region
    said: Any = changes.get("cluster") or {}
    merged: dict[str, Any] = {**changes, "cluster": {**facts_of(facts), **said}}
    cluster = config.get(f"{PREFIX}cluster")
    if isinstance(cluster, dict) and cluster.get("autoMode") and not facts.auto_mode:
        merged["cluster"]["autoMode"] = False
    for name, values in merged.items():
        key = f"{PREFIX}{name}"
        if not isinstance(values, Mapping):
            config[key] = values
            continue
        section: Any = config.setdefault(key, _flow({}))
        if not isinstance(section, dict):
            raise BadTarget(f"{key} is not a mapping; fix the file first, or remove the key")
        for inner, value in values.items():
            if section.get(inner) != value:
                section[inner] = _written(inner, value)
    return _dumped(document, text)


def is_pulumis(text: str) -> bool:
    """Whether a file has what `pulumi stack init` writes, the stack's secrets provider, and nothing yet of a stack."""
    from ruamel.yaml import YAMLError

    try:
        document = _yaml().load(text)
    except YAMLError:
        return False
    return isinstance(document, dict) and bool(document) and _PULUMIS.issuperset(document)


def account_of(text: str) -> str | None:
    """The account that an existing file names; None where it names none. Raises `BadTarget` as `parsed` does."""
    cluster = parsed(text)["config"].get(f"{PREFIX}cluster")
    account = cluster.get("account") if isinstance(cluster, dict) else None
    return None if account is None else str(account)


def parsed(text: str) -> Any:
    """A stack file as a document that keeps its comments. Raises `BadTarget` where it is none."""
    from ruamel.yaml import YAMLError

    try:
        document = _yaml().load(text)
    except YAMLError as error:
        raise BadTarget(f"the stack file is not YAML: {str(error).splitlines()[0]}; fix it first") from None
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise BadTarget("the stack file has no mapping 'config'; fix it first, or move it")
    return document


def as_text(key: str, values: Mapping[str, Any]) -> str:
    """One section as it is written, its lists in brackets."""
    from ruamel.yaml.comments import CommentedMap

    section: Any = {inner: _written(inner, value) for inner, value in values.items()}
    return _dumped({key: CommentedMap(section)})


def _why(decisions: Decisions, name: str) -> str:
    if not decisions.why.get(name):
        return ""
    return "\n" + textwrap.fill(comment(f"Default: {decisions.why[name]}."), _COMMENT_WIDTH)


def _written(key: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return _flow(value)
    # YAML would read them as numbers, and an account's leading zero would be lost.
    return _quoted(value) if key in ("account", "kubernetesVersion") else value


def _quoted(text: str) -> Any:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    return DoubleQuotedScalarString(text)


def _flow(value: Any) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, (list, tuple)):
        made: Any = CommentedSeq([_quoted(part) if part == "*" else part for part in value])
    else:
        made = value if isinstance(value, CommentedMap) else CommentedMap(value)
    made.fa.set_flow_style()
    return made


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    # A line that is broken where it was not is a difference that no one made.
    yaml.width = 4096
    return yaml


def _dumped(document: Any, like: str = "") -> str:
    """The document as text, its lists indented as in the text that it was read from."""
    yaml = _yaml()
    item = _LIST_ITEM.search(like)
    if item and len(item["dash"]) > len(item["key"]):
        offset = len(item["dash"]) - len(item["key"])
        yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()
