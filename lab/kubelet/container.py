"""From a Pod to the command line, environment and files of its Velero server.

There is no container: paths of the Pod's mounts are replaced by folders of this machine, in arguments and environment
values that are or begin with them. Limits, users and security contexts have no effect.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.certificates import write_private

Object = dict[str, Any]
Lookup = Callable[[str, str], Object | None]
"""(`configmaps` or `secrets`, name) → the object in the Pod's namespace, or None."""

SERVER = "/velero"
"""The command of the Velero image; a container that starts it is what the lab runs."""
PLUGINS = "/plugins"
_API_ACCESS = "/var/run/secrets/kubernetes.io/serviceaccount"


class CannotRun(Exception):
    """A Pod that a real node would not start either, or that this one cannot; `reason` as in a container's status."""

    def __init__(self, message: str, reason: str = "CreateContainerConfigError") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Token:
    """A service-account token that has to be in a file, fresh, while the process runs. Empty audience: the API."""

    path: Path
    audience: str
    seconds: int


@dataclass(kw_only=True)
class Launch:
    """What to run. Files are written by then, except for the tokens."""

    command: list[str]
    environment: dict[str, str]
    tokens: list[Token] = field(default_factory=list)


def server_container(pod: Object) -> Object | None:
    """The container of a Pod that is a Velero server, or None."""
    for container in pod["spec"]["containers"]:
        if (container.get("command") or [None])[0] == SERVER and (container.get("args") or [None])[0] == "server":
            return container
    return None


def prepare(
    pod: Object,
    lookup: Lookup,
    home: Path,
    *,
    velero: Path,
    plugin_folder: Path,
    api_server: str,
    metrics_address: str,
    profiler_address: str,
) -> Launch:
    """Write the Pod's volumes, plugins and kubeconfig below `home`, and work out what to run.

    Raises `CannotRun` for a missing ConfigMap, Secret or key, an init container that is not a known plugin, and a kind
    of volume the lab does not have.
    """
    container = server_container(pod)
    if container is None:
        raise CannotRun(f"no container of the Pod starts `{SERVER} server`")
    tokens: list[Token] = []
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or []}
    folders = {name: home / "volumes" / name for name in volumes}
    mounts: dict[str, Path] = {}
    for mount in container.get("volumeMounts") or []:
        mounts[mount["mountPath"].rstrip("/")] = folders[mount["name"]] / mount.get("subPath", "")
        tokens += _write_volume(volumes[mount["name"]], folders[mount["name"]], pod, lookup)
    for init in pod["spec"].get("initContainers") or []:
        _copy_plugin(init, folders, plugin_folder)
    environment = _environment(container, pod, lookup)
    arguments = [_expanded(argument, environment) for argument in container["args"]]
    added = {
        "namespace": pod["metadata"]["namespace"],
        "plugin-dir": _located(PLUGINS, mounts),
        "metrics-address": metrics_address,
        "profiler-address": profiler_address,
    }
    if _API_ACCESS in mounts:
        added["kubeconfig"] = str(_write_kubeconfig(home, mounts[_API_ACCESS], api_server))
    # The last one of a repeated flag wins: what the chart chose stays, but for the addresses, which are the lab's.
    given = {argument.partition("=")[0] for argument in arguments} - {"--metrics-address", "--profiler-address"}
    # What the lab adds names files of this machine already, and those may lie below a mount's path, such as /tmp.
    command = [_located_argument(argument, mounts) for argument in arguments]
    command += [f"--{name}={value}" for name, value in added.items() if f"--{name}" not in given]
    scratch = sockets_folder(home)
    scratch.mkdir(parents=True, exist_ok=True)
    base = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(scratch)}
    located = {name: _located(value, mounts) for name, value in environment.items()}
    return Launch(
        command=[str(velero), *command],
        environment={**base, **located},
        tokens=tokens,
    )


def sockets_folder(home: Path) -> Path:
    """The TMPDIR of the Pod whose files lie below `home`; whoever stops the Pod removes it.

    Velero's plugins listen on sockets there, whose paths may have 107 bytes: a folder below `home` can be too long.
    """
    name = hashlib.sha256(str(home).encode()).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"velero-{name}"


def _environment(container: Object, pod: Object, lookup: Lookup) -> dict[str, str]:
    values: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for kind, key in (("configmaps", "configMapRef"), ("secrets", "secretRef")):
            if key in source:
                content = _content(kind, source[key], lookup)
                values |= {source.get("prefix", "") + name: value.decode() for name, value in content.items()}
    for entry in container.get("env") or []:
        if "valueFrom" not in entry:
            values[entry["name"]] = _expanded(entry.get("value") or "", values)
            continue
        found = _value_from(entry["valueFrom"], container, pod, lookup)
        if found is not None:
            values[entry["name"]] = found
    return values


def _value_from(source: Object, container: Object, pod: Object, lookup: Lookup) -> str | None:
    for kind, key in (("configmaps", "configMapKeyRef"), ("secrets", "secretKeyRef")):
        if key in source:
            reference = source[key]
            found = _content(kind, reference, lookup).get(reference["key"])
            if found is None and not reference.get("optional"):
                raise CannotRun(f"couldn't find key {reference['key']} in {kind[:-1]} {reference['name']}")
            return None if found is None else found.decode()
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        group, _, name = source["resourceFieldRef"]["resource"].partition(".")
        return str(container.get("resources", {}).get(group, {}).get(name, "0"))
    raise CannotRun(f"the lab has no environment source {', '.join(source)}")


def _field(pod: Object, path: str) -> str:
    found = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if found:
        return str((pod["metadata"].get(found[1]) or {}).get(found[2], ""))
    if path in {"status.podIP", "status.hostIP", "status.podIPs", "status.hostIPs"}:
        return "127.0.0.1"
    value: Any = {"metadata": pod["metadata"], "spec": {"nodeName": "lab", **pod["spec"]}}
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise CannotRun(f"the Pod has no field {path}")
        value = value[part]
    return str(value)


def _content(kind: str, reference: Object, lookup: Lookup) -> dict[str, bytes]:
    found = lookup(kind, reference["name"])
    if found is None:
        if reference.get("optional"):
            return {}
        raise CannotRun(f"{kind[:-1]} {reference['name']!r} not found")
    content = (
        {name: value.encode() for name, value in (found.get("data") or {}).items()}
        if kind == "configmaps"
        else {name: base64.b64decode(value) for name, value in (found.get("data") or {}).items()}
    )
    return content | {name: base64.b64decode(value) for name, value in (found.get("binaryData") or {}).items()}


def _write_volume(volume: Object, folder: Path, pod: Object, lookup: Lookup) -> list[Token]:
    """Fill a volume's folder. The tokens of a projected volume are returned, not written."""
    folder.mkdir(parents=True, exist_ok=True)
    if "emptyDir" in volume:
        return []
    if "projected" in volume:
        return [
            token for source in volume["projected"]["sources"] for token in _write_source(source, folder, pod, lookup)
        ]
    if "secret" in volume:
        source = {"name": volume["secret"]["secretName"], **volume["secret"]}
        return _write_source({"secret": source}, folder, pod, lookup)
    if "configMap" in volume:
        return _write_source({"configMap": volume["configMap"]}, folder, pod, lookup)
    kind = next((key for key in volume if key != "name"), "unknown")
    raise CannotRun(f"volume {volume['name']}: the lab has no volumes of the kind {kind}")


def _write_source(source: Object, folder: Path, pod: Object, lookup: Lookup) -> list[Token]:
    if "serviceAccountToken" in source:
        wanted = source["serviceAccountToken"]
        seconds = int(wanted.get("expirationSeconds") or 3600)
        return [Token(path=folder / wanted["path"], audience=wanted.get("audience", ""), seconds=seconds)]
    if "downwardAPI" in source:
        for item in source["downwardAPI"].get("items") or []:
            _write(folder / item["path"], _field(pod, item["fieldRef"]["fieldPath"]).encode())
        return []
    for kind, key in (("configmaps", "configMap"), ("secrets", "secret")):
        if key in source:
            content = _content(kind, source[key], lookup)
            chosen = {item["key"]: item["path"] for item in source[key].get("items") or []} or {
                name: name for name in content
            }
            missing = sorted(chosen.keys() - content.keys())
            if missing and not source[key].get("optional"):
                raise CannotRun(f"{kind[:-1]} {source[key]['name']} has no key {', '.join(missing)}")
            for name in chosen.keys() & content.keys():
                _write(folder / chosen[name], content[name])
            return []
    raise CannotRun(f"the lab has no projected volume source {', '.join(source)}")


def _copy_plugin(init: Object, folders: Mapping[str, Path], plugin_folder: Path) -> None:
    """What a plugin's init container does: put its program into the volume that it mounts."""
    program = plugin_folder / re.split(r"[:@]", init["image"].rpartition("/")[2])[0]
    if not program.is_file():
        known = ", ".join(sorted(path.name for path in plugin_folder.iterdir() if path.is_file())) or "none"
        raise CannotRun(f"init container {init['name']}: no plugin for the image {init['image']}; the lab has: {known}")
    for mount in init.get("volumeMounts") or []:
        target = folders[mount["name"]] / program.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(program.resolve())
        except OSError:
            shutil.copy2(program, target)


def _write_kubeconfig(home: Path, access: Path, server: str) -> Path:
    """What a client inside a cluster works out from the files of its service account."""
    cluster = {"server": server, "certificate-authority": str(access / "ca.crt")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "pod",
        "clusters": [{"name": "pod", "cluster": cluster}],
        "users": [{"name": "pod", "user": {"tokenFile": str(access / "token")}}],
        "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
    }
    path = home / "kubeconfig"
    _write(path, yaml.safe_dump(document).encode())
    return path


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, content)


def _expanded(text: str, values: Mapping[str, str]) -> str:
    """Kubernetes' `$(NAME)`; an unknown name stays as it is written, `$$` is a dollar sign."""
    return re.sub(
        r"\$\$|\$\(([A-Za-z_][\w.-]*)\)",
        lambda found: "$" if found[0] == "$$" else values.get(found[1], found[0]),
        text,
    )


def _located_argument(argument: str, mounts: Mapping[str, Path]) -> str:
    flag, equals, value = argument.partition("=")
    return f"{flag}={_located(value, mounts)}" if equals else _located(argument, mounts)


def _located(text: str, mounts: Mapping[str, Path]) -> str:
    for mount in sorted(mounts, key=len, reverse=True):
        if text == mount or text.startswith(mount + "/"):
            return str(mounts[mount]) + text[len(mount) :]
    return text
