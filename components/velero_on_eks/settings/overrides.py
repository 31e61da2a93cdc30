"""Overrides of the chart's values: what each does, and which are refused.

The chart's own names and kinds (`chart_values`) tell what it does not read. Of what it reads, a table says whether it
is harmless, switches something off that this program answers for (refused, with the setting that serves), or is what
no one here can judge: a finding, which stands until someone waives it with a reason.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from velero_on_eks.settings.chart_values import CHART_VALUES
from velero_on_eks.settings.duration import Duration
from velero_on_eks.settings.late import KnownSecret, is_late
from velero_on_eks.settings.refusals import MISSING, Refusal, names_secret, secret_shaped
from velero_on_eks.settings.sections import LATER_VOLUME_MODES, VOLUME_MODES, Release
from velero_on_eks.settings.server_flags import FLAGS, Flag
from velero_on_eks.settings.versions import numbers

Path = tuple[str | int, ...]
Verdict = Literal["harmless", "finding"]


@dataclass(frozen=True)
class Override:
    """An override of a chart value. `path` leads to it in the chart's values; `effect` says in a predicate what it
    does, where that is known and more than its name says. What is refused is no `Override` but a `Refusal`.
    """

    path: Path
    value: Any
    verdict: Verdict
    effect: str = ""

    @property
    def name(self) -> str:
        """The way to it in dots, a list's places in brackets: `configuration.extraArgs[0]`."""
        return dotted(self.path)


Found = Iterator[Override | Refusal]
Check = Callable[[Path, Any], Found]


def dotted(path: Path) -> str:
    """A path in words: keys in dots, places in brackets."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def judge(release: Release) -> tuple[list[Override], list[Refusal]]:
    """Every override of the chart's values in a release, and what of it is refused: paths begin in the values."""
    found = list(_Judge(release).mapping(release.helm_values_overrides, ()))
    overrides = [one for one in found if isinstance(one, Override)]
    return overrides, [one for one in found if isinstance(one, Refusal)]


class _Judge:
    def __init__(self, release: Release) -> None:
        version = release.chart.version
        self._chart = f"chart {version}"
        self._known = version in CHART_VALUES
        # An unknown chart's values are judged by the names that the newest known one gives them.
        names = CHART_VALUES.get(version) or CHART_VALUES[max(CHART_VALUES, key=numbers)]
        self._kinds = {tuple(name.split(".")): kind for name, kind in names.items()}
        self._inner = {path[:depth] for path in self._kinds for depth in range(1, len(path))}
        self._release = release

    def mapping(self, node: Mapping[str, Any], above: tuple[str, ...]) -> Found:
        for key, value in node.items():
            path = (*above, str(key))
            if path in _WHOLE:
                yield from _WHOLE[path](path, value)
            elif path not in self._kinds and path not in self._inner:
                yield self._unknown(path, value)
            elif value is None:
                yield _null(path)
            elif path in self._inner:
                if isinstance(value, Mapping):
                    yield from self.mapping(value, path)
                elif is_late(value):
                    yield Override(path, value, "finding", "is not known yet; it is checked at deployment")
                else:
                    yield _of_another_kind(path, value, "mapping")
            else:
                yield from self._leaf(path, value)

    def _leaf(self, path: tuple[str, ...], value: Any) -> Found:
        kind = self._kinds[path]
        check = CHECKS.get(path) or next((each for start, each in BELOW.items() if path[: len(start)] == start), None)
        if check is None:
            check = _finding("")
        if is_late(value):
            yield from _late(path, value, check)
            return
        if self._known and not _is_of(value, kind):
            yield _of_another_kind(path, value, kind)
            return
        wrong = [*_nulls(path, value), *_wrong_entries(path, value)]
        if wrong:
            yield from wrong
            return
        secrets = list(_plain_secrets(path, value))
        found = list(self._no_effect(path, value)) or list(check(path, value))
        # What is refused for itself would be so encrypted, too.
        refused = {one.path[:-1] for one in found if isinstance(one, Refusal)}
        yield from (secret for secret in secrets if secret.path[:-1] not in refused)
        yield from found

    def _no_effect(self, path: tuple[str, ...], value: Any) -> Found:
        overrides = self._release.helm_values_overrides
        if path[0] == "kubectl" and path[1] not in ("labels", "annotations") and not overrides.get("cleanUpCRDs"):
            why = "the upgrade job runs Velero's own image"
            yield _without_effect(path, value, f"{self._chart} runs kubectl for cleanUpCRDs only: {why}")
        elif path[0] == "nodeAgent" or path[:2] in _OF_NODE_AGENT:
            yield _without_effect(path, value, "no node-agent runs", _NODE_AGENT)
        elif path == ("secretAnnotations",):
            yield _without_effect(path, value, "the chart creates no secret: Velero gets its credentials from its role")

    def _unknown(self, path: tuple[str, ...], value: Any) -> Override | Refusal:
        if not self._known:
            text = f"of {self._chart} only the values of {', '.join(CHART_VALUES)} are known"
            return Override(path, value, "finding", f"may have no effect: {text}")
        return Refusal(
            "unknown-helm-value",
            f"{self._chart} has no such value, and Helm does not report it",
            self._meant(path) or "remove it",
            _in_settings(path),
            value,
        )

    def _meant(self, path: tuple[str, ...]) -> str:
        key = path[-1]
        if tuple(key.split(".")) in (self._kinds.keys() | self._inner) and "." in key:
            return f"write {key} as nested mappings: a key with dots is another key"
        beside = {known[len(path) - 1] for known in (*self._kinds, *self._inner) if known[: len(path) - 1] == path[:-1]
                  and len(known) >= len(path)}  # fmt: skip
        close = difflib.get_close_matches(key, sorted(beside), n=1, cutoff=0.7)
        if close:
            return f"did you mean {'.'.join((*path[:-1], close[0]))}?"
        same = [known for known in sorted(self._kinds, key=lambda known: (len(known), known)) if known[-1] == key]
        if not same:
            names = {known[-1]: known for known in sorted(self._kinds, key=len, reverse=True)}
            same = [names[name] for name in difflib.get_close_matches(key, sorted(names), n=1, cutoff=0.8)]
        return f"did you mean {'.'.join(same[0])}?" if same else ""


def _in_settings(path: Path) -> Path:
    return ("release", "helmValuesOverrides", *path)


def in_part(refusal: Refusal) -> Refusal:
    """A refusal as a component tells it whose arguments are the release's own."""
    return replace(refusal, path=refusal.path[1:])


# Kinds of values.

_KIND_WORDS = {
    "text": ("text", "quote it"),
    "number": ("a number", "write it in digits, without quotes"),
    "boolean": ("true or false", "write one of the two, without quotes"),
    "list": ("a list", "write it in [ ]"),
    "mapping": ("a mapping of keys", "write KEY: VALUE under it"),
}
# What the entries of a list are, by its name.
_ENTRIES = {
    "extraArgs": "text", "imagePullSecrets": "text", "ipFamilies": "text",
    "extraEnvVars": "mapping", "extraObjects": "mapping", "extraVolumeMounts": "mapping", "extraVolumes": "mapping",
    "hostAliases": "mapping", "metricRelabelings": "mapping", "relabelings": "mapping", "resizePolicy": "mapping",
    "spec": "mapping", "tolerations": "mapping",
}  # fmt: skip
# Mappings that Kubernetes takes with text in them only.
_OF_TEXT = re.compile(r"(?:.*[lL]abels|.*[aA]nnotations|nodeSelector)")


def _is_of(value: Any, kind: str) -> bool:
    return any(_is(value, one) for one in kind.split("|"))


def _is(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, {"text": str, "list": list | tuple, "mapping": Mapping}[kind])


def _of_another_kind(path: Path, value: Any, kind: str, why: str = "") -> Refusal:
    kinds = [_KIND_WORDS[one] for one in kind.split("|")]
    said = " or ".join(words for words, _ in kinds)
    return Refusal("helm-value-kind", f"the chart reads {said} here{why}", kinds[0][1], _in_settings(path), value)


def _null(path: Path) -> Refusal:
    return Refusal(
        "helm-value-null",
        "null removes a value of the chart or of this program",
        "leave it out, or write what you mean",
        _in_settings(path),
        None,
    )


def _nulls(path: Path, value: Any) -> Iterator[Refusal]:
    if path[0] == "extraObjects":
        # A whole object may have them, as the API server writes it: creationTimestamp.
        return
    if value is None:
        yield _null(path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _nulls((*path, str(key)), item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _nulls((*path, number), item)


def _wrong_entries(path: Path, value: Any) -> Iterator[Refusal]:
    name = str(path[-1])
    if isinstance(value, list | tuple) and name in _ENTRIES:
        why = ": a text is printed as text, which Helm cannot read as an object" if name == "extraObjects" else ""
        for number, item in enumerate(value):
            if not is_late(item) and not _is(item, _ENTRIES[name]):
                yield _of_another_kind((*path, number), item, _ENTRIES[name], why)
    elif isinstance(value, Mapping) and _OF_TEXT.fullmatch(name):
        for key, item in value.items():
            if not isinstance(item, str):
                yield _of_another_kind((*path, str(key)), item, "text")


def _plain_secrets(path: Path, value: Any) -> Iterator[Refusal]:
    """What is a secret by its name or its form, and stands there for everyone to read."""
    if isinstance(value, Mapping):
        whole = value.get("kind") == "Secret"
        named = next((value[key] for key in ("name", "key") if isinstance(value.get(key), str)), "")
        for key, item in value.items():
            if whole and key in ("data", "stringData") and isinstance(item, Mapping):
                for name, content in item.items():
                    if _is_open(content):
                        yield _plain_secret((*path, str(key), str(name)), content)
            elif key == "value" and _is_open(item) and names_secret(named):
                yield _plain_secret((*path, str(key)), item)
            else:
                yield from _plain_secrets((*path, str(key)), item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _plain_secrets((*path, number), item)
    elif _is_open(value):
        key = path[-1] if isinstance(path[-1], str) else ""
        if names_secret(str(key)) or secret_shaped(value):
            yield _plain_secret(path, value)


def _is_open(value: Any) -> bool:
    """Whether a value is a text that stands where everyone can read it."""
    return isinstance(value, str) and value != "" and not is_late(value) and not isinstance(value, KnownSecret)


def _plain_secret(path: Path, value: Any) -> Refusal:
    where = dotted(_in_settings(path))
    refusal = Refusal(
        "secret-in-plain-text",
        "anyone who reads the file can read a plain text secret",
        f"encrypt it: pulumi config set --secret --path 'velero-eks:{where}', or name a Secret with valueFrom",
        _in_settings(path),
        value,
    )
    return refusal.hidden(value)


# What a check says.


# Checks that look at no value, so that one which is known later is judged at once.
_WHATEVER_IT_SAYS: set[Check] = set()


def _harmless(effect: str = "") -> Check:
    def check(path: Path, value: Any) -> Found:
        yield Override(path, value, "harmless", effect)

    _WHATEVER_IT_SAYS.add(check)
    return check


def _finding(effect: str) -> Check:
    def check(path: Path, value: Any) -> Found:
        yield Override(path, value, "finding", effect)

    _WHATEVER_IT_SAYS.add(check)
    return check


def _refusing(code: str, limit: str, remedy: str, *, unless: Sequence[Any] = ()) -> Check:
    """Refuses every value but those that change nothing."""

    def check(path: Path, value: Any) -> Found:
        if any(_same(value, safe) for safe in unless):
            yield Override(path, value, "harmless", "repeats the default")
        else:
            yield Refusal(code, limit, remedy, _in_settings(path), value)

    return check


def _same(value: Any, other: Any) -> bool:
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _owned(remedy: str) -> Check:
    return _refusing("owned-helm-value", "the program sets this value itself", remedy)


def _one_of(*choices: str, then: Check) -> Check:
    def check(path: Path, value: Any) -> Found:
        if value in choices or is_late(value):
            yield from then(path, value)
        else:
            yield Refusal(
                "helm-value-choice", f"one of {', '.join(choices)}", "write one of these", _in_settings(path), value
            )

    return check


def _duration(then: Check, *, zero: Check | None = None) -> Check:
    """A duration as Go reads it; the server does not start with another."""

    def check(path: Path, value: Any) -> Found:
        try:
            seconds = Duration.parse_go(str(value)).seconds if str(value) not in ("0", "0s") else 0
        except ValueError as error:
            why = "Go reads hours, minutes and seconds; with anything else the server does not start"
            yield Refusal("helm-value-duration", f"{why}: {error}", "write such as 4h0m0s", _in_settings(path), value)
            return
        yield from (zero or then)(path, value) if seconds == 0 else then(path, value)

    return check


def _late(path: Path, value: Any, check: Check) -> Found:
    if check in _WHATEVER_IT_SAYS:
        yield from check(path, value)
    else:
        yield Override(path, value, "finding", "is not known yet; it is checked at deployment")


def _without_effect(path: Path, value: Any, why: str, remedy: str = "remove it") -> Refusal:
    return Refusal("helm-value-without-effect", f"it has no effect: {why}", remedy, _in_settings(path), value)


# Checks that look into a value.

_NODE_AGENT = (
    f"set volumes.mode: {VOLUME_MODES[-1]}; the modes with a node-agent ({', '.join(LATER_VOLUME_MODES[:2])}) are not"
    " supported yet"
)
_OF_NODE_AGENT = (("configuration", "dataMoverPrepareTimeout"), ("metrics", "nodeAgentPodMonitor"))
_ROLE = "remove it: Velero gets its credentials from its role (identity)"


def weakened(context: Any) -> Iterator[tuple[Path, Any, str]]:
    """What of a pod's or a container's security context is less than Pod Security's `restricted` asks for."""
    if not isinstance(context, Mapping):
        return
    for key, bad, why in (
        ("privileged", True, "a privileged container is root on its node"),
        ("allowPrivilegeEscalation", True, "a process could gain more rights than its parent"),
        ("runAsNonRoot", False, "the container may run as root"),
        ("runAsUser", 0, "the container runs as root"),
        ("runAsGroup", 0, "the container runs with root's group"),
        ("readOnlyRootFilesystem", False, "an intruder can change the container's programs"),
        ("procMount", "Unmasked", "the node's /proc is open"),
        ("hostProcess", True, "the container runs on the node itself"),
    ):
        if _same(context.get(key), bad):
            yield (key,), bad, why
    capabilities = context.get("capabilities")
    if isinstance(capabilities, Mapping):
        if capabilities.get("add"):
            yield ("capabilities", "add"), capabilities["add"], "the container gets rights of root"
        if "drop" in capabilities and "ALL" not in (capabilities["drop"] or ()):
            yield ("capabilities", "drop"), capabilities["drop"], "the container keeps rights of root"
    for key in ("seccompProfile", "appArmorProfile"):
        profile = context.get(key)
        if isinstance(profile, Mapping) and profile.get("type") == "Unconfined":
            yield (key, "type"), "Unconfined", "every system call is allowed"
    for key in ("sysctls", "seLinuxOptions", "windowsOptions"):
        if context.get(key):
            yield (key,), context[key], "the node's own protection is changed"


_PLAIN_IDENTITY = frozenset({"fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsUser", "supplementalGroups"})


def _security_context(path: Path, value: Any) -> Found:
    bad = list(weakened(value))
    for below, found, why in bad:
        yield Refusal(
            "helm-value-security",
            f"{why}, and the namespace allows only restricted Pods",
            "remove it",
            _in_settings((*path, *below)),
            found,
        )
    if bad:
        return
    strict = {"allowPrivilegeEscalation", "capabilities", "privileged", "readOnlyRootFilesystem", "runAsNonRoot"}
    if set(value) <= _PLAIN_IDENTITY | strict:
        yield Override(path, value, "harmless", "stays as strict")
    else:
        yield Override(path, value, "finding", "changes what the Pod may do on its node")


_AWS_HARMLESS = ("AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE")
# By the name of a variable: code, limit and remedy.
_VARIABLES: tuple[tuple[str, tuple[str, str, str]], ...] = (
    (
        r"AWS_(DEFAULT_)?REGION",
        ("owned-helm-value", "the region of bucket and cluster", "set aws:region"),
    ),
    (
        r"AWS_ENDPOINT_URL.*|AWS_USE_(FIPS|DUALSTACK)_ENDPOINT|AWS_S3_.*",
        ("owned-helm-value", "another AWS endpoint: Velero would look for bucket and key there", "set storage.s3Url"),
    ),
    (
        r"AWS_CA_BUNDLE|SSL_CERT_(FILE|DIR)|SSLKEYLOGFILE|CURL_CA_BUNDLE",
        (
            "helm-value-security",
            "changes which certificates the server trusts for AWS and the API server",
            "remove it: the image trusts the public authorities",
        ),
    ),
    (
        r"(AWS|GOOGLE|GCLOUD|AZURE|ALIBABA|ALICLOUD|DIGITALOCEAN|VAULT)_.*",
        ("helm-value-credentials", "sets credentials or their source: the pod's role would be ignored", _ROLE),
    ),
    (
        r"(?i:(https?|all|ftp)_proxy)",
        (
            "helm-value-security",
            "sends the server's requests to AWS and the API server through a proxy",
            "remove it: reach S3 through a VPC endpoint, or name one with storage.s3Url",
        ),
    ),
    (
        r"KUBECONFIG|KUBERNETES_.*",
        ("helm-value-credentials", "names another API server, or other rights there", "remove it: see cluster"),
    ),
    (
        r"TZ|ZONEINFO",
        (
            "helm-value-backups",
            "moves every schedule without a timezone",
            "set schedules.NAME.timezone",
        ),
    ),
    (
        r"VELERO_.*|LD_.*|PATH|HOME|NODE_NAME",
        ("helm-value-breaks", "the chart and the image set it: the server finds its parts by it", "remove it"),
    ),
)
_HARMLESS_VARIABLES = re.compile("GOMAXPROCS|GOMEMLIMIT|GOGC|" + "|".join(_AWS_HARMLESS))


def _environment(path: Path, value: Any) -> Found:
    seen: set[str] = set()
    for number, entry in enumerate(value):
        where = (*path, number)
        name = entry.get("name")
        if is_late(name):
            yield Override(where, entry, "finding", "sets a variable whose name is not known yet")
            continue
        if not isinstance(name, str) or not name:
            yield _of_another_kind((*where, "name"), MISSING if name is None else name, "text")
            continue
        if name in seen:
            yield Refusal("helm-value-breaks", "is listed twice, and the last one holds", "write it once",
                          _in_settings((*where, "name")), name)  # fmt: skip
        seen.add(name)
        found = next((each for pattern, each in _VARIABLES if re.fullmatch(pattern, name)), None)
        if _HARMLESS_VARIABLES.fullmatch(name):
            yield Override(where, entry, "harmless")
        elif found is not None:
            code, limit, remedy = found
            yield Refusal(code, f"{name}: {limit}", remedy, _in_settings((*where, "name")), name)
        else:
            held = ", which it reads from a Secret" if "secretKeyRef" in str(entry.get("valueFrom")) else ""
            yield Override(where, entry, "finding", f"gives the server the variable {name}{held}")


def _arguments(path: Path, value: Any) -> Found:
    items = list(value)
    number = 0
    while number < len(items):
        where, text = (*path, number), str(items[number])
        number += 1
        if is_late(items[number - 1]):
            yield Override(where, items[number - 1], "finding", "is not known yet; it is checked at deployment")
            continue
        match = re.fullmatch(r"--?([A-Za-z][\w-]*)(?:=(.*))?", text, re.DOTALL)
        if match is None:
            yield Refusal("helm-value-breaks", "is not a flag: the server accepts only flags",
                          "write --NAME=VALUE", _in_settings(where), text)  # fmt: skip
            continue
        name, given = match.groups()
        flag = FLAGS.get({"n": "namespace"}.get(name, name))
        if flag is None or (text.startswith("--") is False and name not in ("n", "v")):
            close = difflib.get_close_matches(name, sorted(FLAGS), n=1, cutoff=0.6)
            remedy = f"did you mean --{close[0]}?" if close else "see 'velero server --help'"
            yield Refusal("unknown-server-flag", "the server has no such flag and does not start", remedy,
                          _in_settings(where), text)  # fmt: skip
            continue
        if given is None and flag.kind != "boolean" and number < len(items) and not str(items[number]).startswith("-"):
            given = str(items[number])
            number += 1
        yield from _argument(where, text, flag, given)


def _argument(path: Path, text: str, flag: Flag, given: str | None) -> Found:
    value: Any = given
    if flag.kind == "boolean":
        value = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(
            (given or "true").lower()
        )
    elif flag.kind == "number":
        try:
            value = float(given or "")
        except ValueError:
            value = None
    if value is None:
        said = _KIND_WORDS[flag.kind][0]
        yield Refusal("helm-value-kind", f"the flag takes {said}; with anything else the server does not start",
                      "write --NAME=VALUE", _in_settings(path), text)  # fmt: skip
        return
    check = CHECKS[("configuration", flag.value)] if flag.value else _FLAGS.get(flag.name, _CLIENT_LOG)
    for one in check(path, value):
        # What is reported of the value behind the flag is reported of the flag, as written.
        if isinstance(one, Override):
            yield Override(path, text, one.verdict, one.effect)
        else:
            yield Refusal(one.code, one.limit, one.remedy, _in_settings(path), text)


_MASKED_FOLDERS = re.compile(r"/(plugins|credentials|scratch|tmp|var/run/secrets|root/\.aws|home/[^/]+/\.aws)(/.*)?/?")


def _volumes(path: Path, value: Any) -> Found:
    for number, entry in enumerate(value):
        where, name = (*path, number), str(entry.get("name", "without a name"))
        if "hostPath" in entry:
            yield Refusal(
                "helm-value-security",
                "a folder of the node in the Pod, and the namespace allows only restricted Pods",
                "use another kind of volume",
                _in_settings((*where, "hostPath")),
                entry["hostPath"],
            )
        else:
            kind = next((key for key in entry if key != "name"), "nothing")
            yield Override(where, entry, "finding", f"adds the volume {name} ({kind}) into the Pod")


def _mounts(path: Path, value: Any) -> Found:
    for number, entry in enumerate(value):
        where, place = (*path, number), str(entry.get("mountPath", ""))
        if _MASKED_FOLDERS.fullmatch(place):
            yield Refusal(
                "helm-value-credentials" if "credentials" in place or ".aws" in place or "secrets" in place
                else "helm-value-breaks",
                f"{place} holds the server's plugins, credentials or own files",
                "mount it elsewhere",
                _in_settings((*where, "mountPath")),
                place,
            )  # fmt: skip
        else:
            yield Override(where, entry, "finding", f"mounts a volume at {place}")


_AMAZON = re.compile(r"(.*\.)?(amazonaws\.com(\.cn)?|api\.aws)")


def _host_aliases(path: Path, value: Any) -> Found:
    for number, entry in enumerate(value):
        names = [str(name) for name in entry.get("hostnames") or ()]
        ours = [name for name in names if _AMAZON.fullmatch(name) or name.startswith("kubernetes")]
        if ours:
            yield Refusal(
                "helm-value-security",
                f"{', '.join(ours)} would resolve to {entry.get('ip')}",
                "remove it: another endpoint of S3 is storage.s3Url",
                _in_settings((*path, number, "hostnames")),
                names,
            )
        else:
            yield Override((*path, number), entry, "finding", f"resolves {', '.join(names)} to {entry.get('ip')}")


_OF_CHART = frozenset(
    {"name", "component", "helm.sh/chart", "app.kubernetes.io/name", "app.kubernetes.io/instance",
     "app.kubernetes.io/managed-by", "app.kubernetes.io/version"}
)  # fmt: skip
_LABEL = re.compile(r"(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?")


def _labels(path: Path, value: Any) -> Found:
    good = True
    for key, text in value.items():
        where = _in_settings((*path, str(key)))
        if key in _OF_CHART:
            good = False
            yield Refusal("helm-value-breaks", "the chart sets this label and selects its Pods by it",
                          "choose another label", where, text)  # fmt: skip
        elif not is_late(text) and not _LABEL.fullmatch(text):
            good = False
            limit = "a label's value has at most 63 letters, digits, '-', '_' and '.'"
            yield Refusal("helm-value-breaks", limit, "shorten it, or use an annotation", where, text)
    if good:
        yield Override(path, value, "harmless")


def _pod_annotations(path: Path, value: Any) -> Found:
    rest: dict[str, Any] = {}
    for key, text in value.items():
        where = (*path, str(key))
        if key.startswith(("iam.amazonaws.com/", "eks.amazonaws.com/")):
            yield Refusal("helm-value-credentials", "changes which credentials the Pod gets", _ROLE,
                          _in_settings(where), text)  # fmt: skip
        elif key.startswith("container.apparmor.security.beta.kubernetes.io/") and text == "unconfined":
            yield Refusal("helm-value-security", "removes the container's confinement", "remove it",
                          _in_settings(where), text)  # fmt: skip
        elif key == "karpenter.sh/do-not-disrupt" and text != "true":
            yield Override(where, text, "finding", "lets Karpenter move the Pod: the backup that runs then fails")
        elif key.startswith(("vault.hashicorp.com/", "sidecar.istio.io/", "linkerd.io/")):
            yield Override(where, text, "finding", "adds another container to the Pod")
        else:
            rest[key] = text
    if rest or not value:
        yield Override(path, rest, "harmless")


def _probe(path: Path, value: Any) -> Found:
    if "exec" in value:
        yield Override(path, value, "finding", "runs a command in the server's container")
    else:
        yield Override(path, value, "harmless")


def _resources(path: Path, value: Any) -> Found:
    ours = [
        f"{block}.{name}"
        for block, held in value.items()
        if isinstance(held, Mapping)
        for name in held
        if name in ("cpu", "memory")
    ]
    if ours:
        yield Override(path, value, "finding", f"says {', '.join(ours)}, as release.resources does")
    else:
        yield Override(path, value, "harmless")


def _budget_maximum(path: Path, value: Any) -> Found:
    if value in ("", 0):
        yield Override(path, value, "harmless", "repeats the default")
    else:
        yield Refusal(
            "helm-value-breaks",
            "a budget has either minAvailable or maxUnavailable, and the program sets minAvailable",
            "remove it, or set release.disruptionBudget: false",
            _in_settings(path),
            value,
        )


def _clean_up(path: Path, value: Any) -> Found:
    # Production is refused it by a rule that spans sections; elsewhere it is rule release-keeps-crds's to say.
    effect = "makes an uninstall delete every Backup, Restore and Schedule" if value else "repeats the default"
    yield Override(path, value, "finding" if value else "harmless", effect)


def _extra_objects(path: Path, value: Any) -> Found:
    for number, entry in enumerate(value):
        metadata = entry.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        for key in ("apiVersion", "kind"):
            if not isinstance(entry.get(key), str):
                yield _of_another_kind((*path, number, key), entry.get(key, MISSING), "text")
        made = f"makes the {entry.get('kind')} {name or 'without a name'}"
        if "{{" in str(entry):
            made += " from a template, so it cannot be checked before Helm runs"
        yield Override((*path, number), entry, "finding", made)


def _config_maps(path: Path, value: Any) -> Found:
    for name, entry in value.items():
        yield Override((*path, str(name)), entry, "finding", "makes a ConfigMap, which Velero's plugins may read")


def _local_port(path: Path, value: Any) -> Found:
    if str(value).rpartition(":")[2] == "8085":
        yield Override(path, value, "harmless")
    else:
        limit = "the chart's probes and its Service ask port 8085: the server would be restarted forever"
        yield Refusal("helm-value-breaks", limit, "remove it", _in_settings(path), value)


def _profiler(path: Path, value: Any) -> Found:
    if str(value).startswith(("localhost:", "127.0.0.1:", "[::1]:")):
        yield Override(path, value, "harmless")
    else:
        limit = "exposes the server's memory, secrets included, to the network"
        remedy = "write localhost:6060, and reach it with kubectl port-forward"
        yield Refusal("helm-value-security", limit, remedy, _in_settings(path), value)


def _service_type(path: Path, value: Any) -> Found:
    if value == "ClusterIP":
        yield Override(path, value, "harmless", "repeats the default")
    else:
        yield Override(
            path, value, "finding", "exposes the metrics to anyone who can reach the nodes or the load balancer"
        )


def _verbosity(path: Path, value: Any) -> Found:
    if float(value) < 8:
        yield Override(path, value, "finding", "makes the Kubernetes client log its requests")
    else:
        limit = "from level 8 the log contains response bodies, including Secrets"
        yield Refusal(
            "helm-value-security", limit, "write at most 7, or set release.logLevel", _in_settings(path), value
        )


_BACKUPS, _RETENTION, _RIGHTS = "helm-value-backups", "helm-value-retention", "helm-value-rights"
_FS_BACKUP = f"without a node-agent no backup of a volume's files can run; {_NODE_AGENT}"
_PULL_POLICY = _one_of("Always", "IfNotPresent", "Never", then=_harmless())


def _at(checks: Mapping[str, Check]) -> dict[Path, Check]:
    return {tuple(name.split(".")): check for name, check in checks.items()}


# What the program computes: an override would part it from the role, the bucket or the secret made for it. Taken whole,
# whatever is in it.
_WHOLE: dict[Path, Check] = _at(
    {
        "credentials": _owned("remove it: Velero gets its credentials from its role (identity), never from a secret"),
        "serviceAccount.server.name": _owned("set release.serviceAccount: the role's trust is made from the same name"),
        "serviceAccount.server.create": _owned("remove it: the chart makes the service account that the role trusts"),
        "serviceAccount.server.annotations": _owned("remove it: the role's annotation is made from identity"),
        "configuration.backupStorageLocation": _owned("set storage"),
        "configuration.volumeSnapshotLocation": _owned("set volumes"),
        "configuration.features": _owned("set volumes: EnableCSI is on in the CSI modes only"),
        "configuration.clientQPS": _owned("set release.clientQps"),
        "configuration.clientBurst": _owned("set release.clientBurst"),
        "configuration.namespace": _owned("set release.namespace"),
        "schedules": _owned("set velero-eks:schedules, where they are checked against the objectives"),
        "initContainers": _owned("set release.plugin: there is no CSI plugin since Velero 1.14"),
        "image.repository": _owned("set release.image"),
        "image.imagePullSecrets": _owned("set release.imagePullSecrets"),
        "image.tag": _owned("set release.image"),
        "image.digest": _owned("set release.image"),
        "namespace": _owned("set release.namespace"),
        "nameOverride": _owned("set release.name: the names of the release's objects are derived from it"),
        "fullnameOverride": _owned("set release.name: the names of the release's objects are derived from it"),
        "snapshotsEnabled": _owned("set volumes"),
        "backupsEnabled": _owned("remove it: without a location nothing can be restored"),
    }
)

CHECKS: dict[Path, Check] = _WHOLE | _at(
    {
        "affinity": _harmless(),
        "annotations": _harmless(),
        "cleanUpCRDs": _clean_up,
        "configMaps": _config_maps,
        "configuration.backupSyncPeriod": _duration(
            _finding("sets how often the server reads the bucket for backups"),
            zero=_refusing(_BACKUPS, "0 stops the server from reading the backups in its bucket", "remove it"),
        ),
        "configuration.clientPageSize": _harmless(),
        "configuration.dataMoverPrepareTimeout": _duration(_harmless()),
        "configuration.defaultBackupStorageLocation": _refusing(
            _BACKUPS, "backups without a location would go to another one, or fail", "set storage",
            unless=("default",),
        ),
        "configuration.defaultBackupTTL": _refusing(
            _RETENTION, "sets the retention of backups without a ttl", "set schedules.NAME.keep"
        ),
        "configuration.defaultItemOperationTimeout": _duration(
            _finding("sets the timeout of volume backups")
        ),
        "configuration.defaultRepoMaintainFrequency": _duration(
            _finding("sets when unreferenced data is removed")
        ),
        "configuration.defaultSnapshotMoveData": _refusing(_BACKUPS, _FS_BACKUP.replace(
            "backup of a volume's files", "snapshot's data mover"), _NODE_AGENT, unless=(False,)),
        "configuration.defaultVolumeSnapshotLocations": _owned("set volumes"),
        "configuration.defaultVolumesToFsBackup": _refusing(
            _BACKUPS, "without a node-agent every backup of a volume's files would fail", _NODE_AGENT,
            unless=(False,),
        ),
        "configuration.disableControllers": _refusing(
            _BACKUPS, "disables parts of the server: backups, schedules or their expiry", "remove it; to pause"
            " a schedule set schedules.NAME.paused", unless=("",),
        ),
        "configuration.disableInformerCache": _finding("slows restores and the server"),
        "configuration.extraArgs": _arguments,
        "configuration.extraEnvVars": _environment,
        "configuration.fsBackupTimeout": _duration(_finding("sets the timeout of a volume file backup")),
        "configuration.garbageCollectionFrequency": _refusing(
            _RETENTION, "sets when expired backups are deleted, or that they never are", "set schedules.NAME.keep"
        ),
        "configuration.itemBlockWorkerCount": _finding("sets how many objects are backed up in parallel"),
        "configuration.logFormat": _one_of("text", "json", then=_harmless()),
        "configuration.logLevel": _one_of("debug", "info", "warning", "error", then=_harmless()),
        "configuration.metricsAddress": _local_port,
        "configuration.pluginDir": _refusing(
            "helm-value-breaks", "the AWS plugin is in /plugins", "remove it", unless=("/plugins",)
        ),
        "configuration.profilerAddress": _profiler,
        "configuration.repositoryMaintenanceJob.repositoryConfigData.global": _harmless(),
        "configuration.repositoryMaintenanceJob.repositoryConfigData.name": _finding("names another ConfigMap"),
        "configuration.repositoryMaintenanceJob.repositoryConfigData.repositories": _harmless(),
        "configuration.restoreOnlyMode": _refusing(
            _BACKUPS, "disables backups, schedules and their expiry", "remove it; to pause a schedule"
            " set schedules.NAME.paused", unless=(False,),
        ),
        "configuration.restoreResourcePriorities": _finding("sets the order in which a restore creates objects"),
        "configuration.storeValidationFrequency": _duration(
            _finding("sets how often the bucket is checked"),
            zero=_refusing(_BACKUPS, "0 stops the server from noticing that its bucket is unreachable", "remove it"),
        ),
        "configuration.terminatingResourceTimeout": _duration(
            _finding("sets how long a restore waits for objects that are being deleted")
        ),
        "configuration.uploaderType": _refusing(
            "helm-value-breaks", "Velero only supports kopia", "remove it", unless=("kopia",)
        ),
        "containerSecurityContext": _security_context,
        "deployNodeAgent": _refusing(
            _BACKUPS, "the namespace allows only restricted Pods, and a node-agent needs the node's"
            " folders: with disableHostPath it would read no volume", _NODE_AGENT, unless=(False,),
        ),
        "dnsConfig": _harmless(),
        "dnsPolicy": _one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None", then=_harmless()),
        "extraObjects": _extra_objects,
        "extraVolumeMounts": _mounts,
        "extraVolumes": _volumes,
        "hostAliases": _host_aliases,
        "image.pullPolicy": _PULL_POLICY,
        "kubectl.annotations": _harmless(),
        "kubectl.labels": _labels,
        "kubectl.containerSecurityContext": _security_context,
        "labels": _labels,
        "lifecycle": _finding("runs commands in the server's container"),
        "livenessProbe": _probe,
        "metrics.enabled": _refusing(
            _BACKUPS, "without metrics and probes stopped backups go unnoticed", "remove it", unless=(True,)
        ),
        "metrics.podAnnotations": _pod_annotations,
        "metrics.service.nodePort": _finding("exposes the metrics to anyone who can reach the nodes"),
        "metrics.service.type": _service_type,
        "nodeSelector": _harmless(),
        "podAnnotations": _pod_annotations,
        "podDisruptionBudget.annotations": _harmless(),
        "podDisruptionBudget.enabled": _finding("repeats release.disruptionBudget"),
        "podDisruptionBudget.labels": _labels,
        "podDisruptionBudget.maxUnavailable": _budget_maximum,
        "podDisruptionBudget.minAvailable": _finding("sets whether a drain may evict the only Pod"),
        "podDisruptionBudget.unhealthyPodEvictionPolicy": _one_of(
            "IfHealthyBudget", "AlwaysAllow", then=_harmless()
        ),
        "podLabels": _labels,
        "podSecurityContext": _security_context,
        "priorityClassName": _finding("repeats release.priorityClass"),
        "rbac.clusterAdministrator": _refusing(
            _RIGHTS, "without its rights the server cannot back up or restore", "remove it", unless=(True,)
        ),
        "rbac.clusterAdministratorName": _refusing(
            _RIGHTS, "a restore creates any kind of object, which needs this role", "remove it",
            unless=("cluster-admin",),
        ),
        "rbac.create": _refusing(
            _RIGHTS, "without its rights the server cannot back up or restore", "remove it", unless=(True,)
        ),
        "readinessProbe": _probe,
        "resizePolicy": _harmless(),
        "resources": _resources,
        "revisionHistoryLimit": _harmless(),
        "runtimeClassName": _finding("runs the server under another container runtime"),
        "secretAnnotations": _harmless(),
        "securityContext": _security_context,
        "serviceAccount.server.automountServiceAccountToken": _refusing(
            _RIGHTS, "without its token the server cannot reach the API server", "remove it", unless=(True,)
        ),
        "serviceAccount.server.imagePullSecrets": _finding("repeats release.imagePullSecrets"),
        "serviceAccount.server.labels": _labels,
        "terminationGracePeriodSeconds": _harmless(),
        "tolerations": _harmless(),
        "upgradeCRDs": _refusing(
            _BACKUPS, "the CRDs would stay old, and a newer server cannot write its objects",
            "remove it", unless=(True,),
        ),
        "upgradeCRDsJob.automountServiceAccountToken": _refusing(
            _RIGHTS, "without its token the job cannot write the CRDs, and the upgrade fails", "remove it",
            unless=(True,),
        ),
        "upgradeCRDsJob.extraEnvVars": _environment,
        "upgradeCRDsJob.extraVolumeMounts": _mounts,
        "upgradeCRDsJob.extraVolumes": _volumes,
        "upgradeJobResources": _harmless(),
    }
)  # fmt: skip

# What is below these and named nowhere above.
BELOW: dict[Path, Check] = _at({"metrics": _harmless(), "kubectl": _harmless(), "nodeAgent": _harmless()})

# Flags that the chart has no value for.
_FLAGS: dict[str, Check] = {
    "backup-repository-configmap": _finding("names a ConfigMap of settings for repositories"),
    "colorized": _harmless(),
    "concurrent-backups": _finding("sets how many backups run in parallel"),
    "global-backup-volume-policies-configmap": _refusing(
        _BACKUPS, "it could exclude volumes from every backup", "remove it"
    ),
    "item-operation-sync-frequency": _duration(_harmless()),
    "kubeconfig": _refusing("helm-value-credentials", "names another API server, or other rights", "remove it"),
    "kubecontext": _refusing("helm-value-credentials", "names another API server, or other rights", "remove it"),
    "max-concurrent-k8s-connections": _harmless(),
    "repo-maintenance-job-configmap": _finding("names a ConfigMap of settings for maintenance"),
    "resource-timeout": _duration(_finding("sets the timeout of parts of a backup")),
    "schedule-skip-immediately": _finding("skips the first backup of a new schedule"),
    "v": _verbosity,
    "volume-group-snapshot-label-key": _finding("sets which volumes are snapshotted together"),
}
_CLIENT_LOG = _finding("sets how the Kubernetes client logs")
