"""Where Pulumi keeps the state of a project's stacks, and what encrypts its secrets: read from files and variables.

The CLI could be asked for some of it; without a login or a passphrase it asks back, or fails with words of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

URL, TOKEN = "PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN"
PASSPHRASE, PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"
CLOUD = "https://api.pulumi.com"


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Where the state is kept. `url` is None where nothing says it: no one has logged in.

    `logged_in` is whether the CLI has a token for it, which only a service needs. `passphrase` says whether one is
    given, `passphrase_file` is the file that is named for it and missing. `provider` encrypts the stack's secrets, as
    its file says: None where the backend's default does.
    """

    url: str | None = CLOUD
    logged_in: bool = True
    passphrase: bool = True
    passphrase_file: str | None = None
    provider: str | None = None

    @property
    def needs_passphrase(self) -> bool:
        """Whether the stack's secrets are encrypted with a passphrase: the default of every backend but a service."""
        if self.provider not in (None, "default"):
            return self.provider == "passphrase"
        return self.url is not None and not _service(self.url)


def backend(project: Path, stack_file: Path, environment: Mapping[str, str]) -> Backend:
    """The backend of a stack, of `project` (a Pulumi.yaml) and `stack_file`, as the CLI would find it.

    A file that cannot be read says nothing here.
    """
    saved = _saved(environment)
    url = _url(project, environment, saved)
    tokens = {**_mapping(saved.get("accounts")), **_mapping(saved.get("accessTokens"))}
    file = environment.get(PASSPHRASE_FILE)
    found = bool(file) and Path(str(file)).expanduser().is_file()
    given = PASSPHRASE in environment
    return Backend(
        url=url,
        logged_in=url is not None and (not _service(url) or bool(environment.get(TOKEN)) or url in tokens),
        passphrase=given or found,
        passphrase_file=file if file and not found and not given else None,
        provider=_provider(_yaml(stack_file)),
    )


def backend_url(project: Path, environment: Mapping[str, str]) -> str | None:
    """Where the state of a project's stacks is kept, as the CLI would find it; None where no one has logged in."""
    return _url(project, environment, _saved(environment))


def _url(project: Path, environment: Mapping[str, str], saved: Mapping[str, Any]) -> str | None:
    declared = _mapping(_yaml(project).get("backend")).get("url")
    url = environment.get(URL) or declared or saved.get("current")
    if not url and environment.get(TOKEN):
        return CLOUD
    return str(url) if url else None


def _saved(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """What the CLI keeps of its logins."""
    named = environment.get("PULUMI_CREDENTIALS_PATH") or environment.get("PULUMI_HOME")
    home = Path(named).expanduser() if named else Path(environment.get("HOME") or "~").expanduser() / ".pulumi"
    return _json(home / "credentials.json")


def _provider(stack: Mapping[str, Any]) -> str | None:
    if stack.get("secretsprovider"):
        return str(stack["secretsprovider"])
    # What a passphrase leaves in a stack's file.
    return "passphrase" if stack.get("encryptionsalt") else None


def _service(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _json(path: Path) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}


def _yaml(path: Path) -> Mapping[str, Any]:
    try:
        return _mapping(yaml.safe_load(path.read_bytes()))
    except (OSError, ValueError, yaml.YAMLError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
