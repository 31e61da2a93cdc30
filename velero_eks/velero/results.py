"""What Velero wrote about a backup or a restore: the list of what is in it, its errors and warnings, its log. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from velero_eks.kube.objects import ObjectKey
from velero_eks.velero.bounded import Unreadable, mapping

MessageSeverity: TypeAlias = Literal["error", "warning"]

_SEVERITIES: tuple[tuple[MessageSeverity, str], ...] = (("error", "errors"), ("warning", "warnings"))
_ENTRY = re.compile(
    r"(?: resource: /(?P<resource>\S+))?(?: name: /(?P<name>\S+))?"
    r" message: /(?P<message>.*?)(?: error: /(?P<error>.*))?",
    re.DOTALL,
)
# Only where a word begins: a line may be one long word, and looked at once.
_PAIR = re.compile(r'(?<![\w.-])([A-Za-z_][\w.-]*)=("(?:[^"\\]|\\.)*"|\S*)')
_RANKS = {name: rank for rank, name in enumerate(("panic", "fatal", "error", "warning", "info", "debug", "trace"))}


@dataclass(frozen=True, order=True)
class VeleroMessage:
    """One error or warning. `scope` is `velero`, `cluster`, or a namespace's name with `namespace` true.

    `resource` and `name` say what it is about, as Velero named it; a resource comes with its group or without, and
    either is empty where Velero did not say.
    """

    severity: MessageSeverity
    scope: str
    text: str
    namespace: bool = False
    resource: str = ""
    name: str = ""

    @property
    def where(self) -> str:
        """The scope in words."""
        return f"namespace {self.scope}" if self.namespace else self.scope


def is_list_of_texts(value: Any) -> bool:
    """Whether a value is a list of texts, or null, which Go writes for an empty one."""
    return value is None or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def is_result(value: Any) -> bool:
    """Whether a value is what Velero writes of its errors or of its warnings."""
    if value is None:
        return True
    namespaces = value.get("namespaces") if isinstance(value, dict) else ()
    return (
        (namespaces is None or isinstance(namespaces, dict))
        and all(is_list_of_texts(each) for each in (namespaces or {}).values())
        and all(is_list_of_texts(value.get(scope)) for scope in ("velero", "cluster"))
    )


def messages(results: Mapping[str, Any]) -> list[VeleroMessage]:
    """The messages of a results file, errors first."""
    found: list[VeleroMessage] = []
    for severity, key in _SEVERITIES:
        result = results.get(key) or {}
        for scope in ("velero", "cluster"):
            found += [_message(severity, scope, str(text), False) for text in result.get(scope) or ()]
        for namespace, texts in sorted((result.get("namespaces") or {}).items()):
            # What is about a cluster-scoped object stands under a namespace without a name.
            scope = namespace or "cluster"
            found += [_message(severity, scope, str(text), bool(namespace)) for text in texts or ()]
    return found


def _message(severity: MessageSeverity, scope: str, text: str, namespace: bool) -> VeleroMessage:
    """A message, taken apart where it is made of a log entry: ` resource: /x name: /y message: /z error: /e`."""
    match = _ENTRY.fullmatch(text)
    if match is None:
        return VeleroMessage(severity, scope, " ".join(text.split()), namespace)
    resource, name, said, error = (match[part] or "" for part in ("resource", "name", "message", "error"))
    about = "/".join(part for part in (resource, name) if part)
    readable = ": ".join(part for part in (about, said, error) if part)
    return VeleroMessage(severity, scope, " ".join(readable.split()), namespace, resource, name)


def listed(resource_list: Mapping[str, Iterable[str]]) -> Iterator[tuple[ObjectKey, str]]:
    """Every object in a backup's own list, with its `apiVersion`.

    The list reads `group/version/Kind` → names, with the namespace in front where there is one.
    """
    for group_version_kind, names in resource_list.items():
        api_version, _, kind = group_version_kind.rpartition("/")
        group = api_version.rpartition("/")[0]
        for entry in names or ():
            namespace, _, name = entry.rpartition("/")
            yield ObjectKey(group, kind, namespace, name), api_version


@dataclass(frozen=True)
class LogLine:
    """One line of a log: what was said, how badly, and the other fields."""

    level: str
    text: str
    time: str
    fields: Mapping[str, str]
    raw: str

    def at_least(self, level: str) -> bool:
        """Whether this is as severe as `level` (a word of logrus), or more."""
        return _RANKS.get(self.level, _RANKS["info"]) <= _RANKS.get(level, _RANKS["info"])


def log_line(line: str) -> LogLine:
    """A line of a Velero log, in either of its two formats; what is in neither is taken whole, as `info`."""
    raw = line.rstrip("\n")
    if raw.startswith("{"):
        try:
            fields = {key: str(value) for key, value in mapping(raw.encode("utf-8", "replace")).items()}
        except Unreadable:
            fields = {}
    else:
        fields = {name: _unquoted(value) for name, value in _PAIR.findall(raw)} if raw.startswith("time=") else {}
    level, text, time = fields.pop("level", "info"), fields.pop("msg", raw), fields.pop("time", "")
    return LogLine("warning" if level == "warn" else level, text, time, fields, raw)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value[1:-1]
