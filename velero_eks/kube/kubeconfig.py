"""The kubeconfig: one or several files, merged as kubectl merges them, and what a named context says."""

from __future__ import annotations

import base64
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from velero_eks.errors import BadTarget
from velero_eks.kube.credentials import Credentials, ExecPlugin, FixedCredentials, token_file
from velero_eks.kube.transport import ApiServer, Credential
from velero_eks.terminal import words

_SECTIONS = {"contexts": "context", "clusters": "cluster", "users": "user"}
_EXTENSION = "client.authentication.k8s.io/exec"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class _Entry:
    """One entry of a section, and the folder from which its relative paths are taken."""

    body: Mapping[str, Any]
    folder: Path


class Kubeconfig:
    """Contexts, clusters and users of a kubeconfig; where several files have a name, the first one's counts."""

    def __init__(self, files: list[tuple[Path, Any]], shown: str) -> None:
        self.shown = shown
        self._entries: dict[str, dict[str, _Entry]] = {section: {} for section in _SECTIONS}
        for path, document in files:
            for section, field in _SECTIONS.items():
                try:
                    for item in document.get(section) or []:
                        entry = _Entry(dict(item.get(field) or {}), path.absolute().parent)
                        self._entries[section].setdefault(str(item["name"]), entry)
                except (AttributeError, KeyError, TypeError, ValueError):
                    raise BadTarget(
                        f"the kubeconfig {path} cannot be read: {section} is not a list of entries with name and"
                        f" {field}"
                    ) from None

    @classmethod
    def load(cls, path: Path | None = None) -> Kubeconfig:
        """The file at `path`; by default those of KUBECONFIG, else ~/.kube/config.

        A file that KUBECONFIG names and that is not there is passed over, as kubectl does. Raises `BadTarget`.
        """
        shown = str(path or os.environ.get("KUBECONFIG") or "~/.kube/config")
        paths = [path] if path else [Path(each).expanduser() for each in shown.split(os.pathsep) if each]
        files = [(each, _document(each)) for each in paths if path or each.exists()]
        if not files:
            raise BadTarget(
                f"there is no kubeconfig ({shown}); set KUBECONFIG, or give a --stack without cluster.context, which"
                " needs none"
            )
        return cls(files, shown)

    @property
    def contexts(self) -> list[str]:
        """The contexts' names, sorted."""
        return sorted(self._entries["contexts"])

    def contexts_of(self, clusters: Collection[str]) -> list[str]:
        """The names of the contexts whose cluster has one of these names in the kubeconfig, sorted."""
        contexts = self._entries["contexts"]
        return [name for name in self.contexts if contexts[name].body.get("cluster") in clusters]

    def access(self, context: str) -> tuple[ApiServer, Credentials]:
        """How the API server of a context is reached, and as whom. Raises `BadTarget`."""
        if context not in self._entries["contexts"]:
            there = words.instead(context, self.contexts)
            raise BadTarget(f"the kubeconfig ({self.shown}) has no context {context!r}; {there}")
        chosen = self._entries["contexts"][context].body
        try:
            cluster = self._named("clusters", chosen.get("cluster"))
            user = self._named("users", chosen["user"]) if chosen.get("user") else _Entry({}, cluster.folder)
            server = _server(cluster)
            return server, _credentials(user, cluster, server, context)
        except BadTarget as error:
            raise BadTarget(f"context {context!r} of the kubeconfig ({self.shown}) cannot be used: {error}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadTarget(
                f"context {context!r} of the kubeconfig ({self.shown}) cannot be used: {type(error).__name__}: {error}"
            ) from error

    def _named(self, section: str, name: Any) -> _Entry:
        field = _SECTIONS[section]
        if not name:
            raise BadTarget(f"it has no {field}")
        try:
            return self._entries[section][str(name)]
        except KeyError:
            raise BadTarget(f"there is no {field} {name!r}") from None


def _document(path: Path) -> Any:
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        found = yaml.load(text, _Loader)  # noqa: S506 - the safe loader, in C where there is one
    except yaml.MarkedYAMLError as error:
        from velero_on_eks.settings.yaml_file import not_yaml

        raise BadTarget(refusals=[not_yaml(text, f"the kubeconfig {path}", error)]) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise BadTarget(f"the kubeconfig {path} cannot be read: {why}") from error
    if found is not None and not isinstance(found, dict):
        raise BadTarget(f"the kubeconfig {path} cannot be read: it is not a mapping")
    return found or {}


def _server(cluster: _Entry) -> ApiServer:
    body = cluster.body
    authority, insecure = _content(cluster, "certificate-authority"), bool(body.get("insecure-skip-tls-verify"))
    if authority and insecure:
        raise BadTarget("insecure-skip-tls-verify is true and a certificate authority is given; keep one of them")
    return ApiServer(
        str(body.get("server") or ""),
        authority=authority,
        insecure=insecure,
        server_name=body.get("tls-server-name"),
        proxy=body.get("proxy-url"),
    )


def _credentials(user: _Entry, cluster: _Entry, server: ApiServer, context: str) -> Credentials:
    body = user.body
    pem, key = _content(user, "client-certificate"), _content(user, "client-key")
    if bool(pem) != bool(key):
        raise BadTarget(f"its user has no {'client-key' if pem else 'client-certificate'}; it needs both")
    certificate = f"{pem}\n{key}\n" if pem else None
    headers = _impersonation(body)
    if body.get("tokenFile"):
        return token_file(user.folder / Path(str(body["tokenFile"])).expanduser(), Credential(headers, certificate))
    if body.get("token"):
        headers["Authorization"] = f"Bearer {body['token']}"
    elif body.get("username"):
        login = f"{body['username']}:{body.get('password', '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    elif body.get("exec"):
        extra = Credential(headers, certificate)
        told = _told(cluster, server)
        return ExecPlugin(body["exec"], cluster=told, folder=user.folder, name=context, extra=extra)
    elif body.get("auth-provider"):
        kept = body["auth-provider"].get("config") or {}
        token = kept.get("id-token") or kept.get("access-token")
        if not token:
            raise BadTarget(
                f"its user logs in by auth-provider {body['auth-provider'].get('name')}, which Kubernetes has replaced"
                " by credential plugins; give it an exec section ('aws eks update-kubeconfig' writes one)"
            )
        headers["Authorization"] = f"Bearer {token}"
    return FixedCredentials(Credential(headers, certificate))


def _impersonation(user: Mapping[str, Any]) -> dict[str, str]:
    if user.get("as-groups") or user.get("as-user-extra") or user.get("as-uid"):
        # Several groups are several headers of one name, which nothing here needs so far.
        raise BadTarget("as-groups, as-uid and as-user-extra are not supported; use a user of that group")
    return {"Impersonate-User": str(user["as"])} if user.get("as") else {}


def _told(cluster: _Entry, server: ApiServer) -> dict[str, Any]:
    """What a plugin with provideClusterInfo gets of its cluster."""
    told: dict[str, Any] = {"server": server.url}
    for field in ("tls-server-name", "insecure-skip-tls-verify", "proxy-url"):
        if cluster.body.get(field):
            told[field] = cluster.body[field]
    if server.authority:
        told["certificate-authority-data"] = base64.b64encode(server.authority.encode()).decode()
    for extension in cluster.body.get("extensions") or []:
        if extension.get("name") == _EXTENSION:
            told["config"] = extension.get("extension")
    return told


def _content(entry: _Entry, field: str) -> str | None:
    """What `field`-data holds, or else the file that `field` names."""
    if encoded := entry.body.get(f"{field}-data"):
        try:
            return base64.b64decode(str(encoded)).decode()
        except ValueError:
            raise BadTarget(f"{field}-data is not base64 of a PEM text") from None
    if not entry.body.get(field):
        return None
    path = entry.folder / Path(str(entry.body[field])).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadTarget(f"{field} {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
