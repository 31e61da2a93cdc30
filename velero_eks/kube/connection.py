"""The way to an API server: a named kubeconfig context, or what EKS and the caller's AWS credentials give.

The official client carries the requests (TLS, kubeconfig, exec plugins, proxies); bodies stay plain JSON, since its
typed models cost a second to load and ten times the memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from velero_eks.aws import client as aws
from velero_eks.errors import BadTarget, Unreachable

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """What an API server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """A connection to one API server. `name` is what messages call the cluster."""

    def __init__(self, client: ApiClient, name: str) -> None:
        self._client = client
        self.name = name

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._client.configuration.host)

    def send(
        self, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Any, seconds: float
    ) -> Answer:
        """One request, with a time limit for each part of its answer. Raises `Unreachable`."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            request = self._client.param_serialize(
                method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            answer = self._client.call_api(*request, _request_timeout=(CONNECT_SECONDS, seconds))
            return Answer(int(answer.status), answer.headers, answer.read() or b"")
        except (HTTPError, ApiException) as error:
            raise Unreachable(f"{self.name}: no answer from {self.server}: {_why(error)}") from error


def named_context(context: str) -> Connection:
    """The cluster of a kubeconfig context (`KUBECONFIG`, else ~/.kube/config); never the current one."""
    from kubernetes.client import ApiClient
    from kubernetes.config import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader

    merged, known = _kubeconfig()
    if context not in known:
        there = f"there are: {', '.join(known)}" if known else "it has none"
        raise BadTarget(f"the kubeconfig ({_kubeconfig_paths()}) has no context {context!r}; {there}")
    configuration = _configuration()
    try:
        # Without a base path, relative paths in a kubeconfig are taken from its own folder; the annotation forgot that.
        nowhere: Any = None
        KubeConfigLoader(merged, active_context=context, config_base_path=nowhere).load_and_set(configuration)
    except (ConfigException, OSError, ValueError, TypeError, AttributeError) as error:
        raise BadTarget(f"context {context!r} of the kubeconfig cannot be used: {error}") from error
    return Connection(ApiClient(configuration), context)


def eks_cluster(name: str, region: str, account: str, *, now: Callable[[], float] = time.monotonic) -> Connection:
    """An EKS cluster by its name. Credentials of another account are refused before anything is asked of it."""
    from kubernetes.client import ApiClient

    aws.check_account(account, region)
    configuration = _configuration()
    configuration.host, configuration.ca_cert_data = aws.eks_endpoint(name, region)
    signed_at: float | None = None

    def refresh(current: Configuration) -> None:
        nonlocal signed_at
        if signed_at is None or now() - signed_at > aws.TOKEN_SECONDS:
            current.api_key["BearerToken"] = f"Bearer {aws.eks_token(name, region)}"
            signed_at = now()

    refresh(configuration)
    configuration.refresh_api_key_hook = refresh  # pyright: ignore[reportAttributeAccessIssue]
    return Connection(ApiClient(configuration), name)


def _configuration() -> Configuration:
    from kubernetes.client import Configuration
    from urllib3.util.retry import Retry

    # Who waits here repeats for himself, and says what for; the library would retry in silence.
    return Configuration(retries=Retry(total=0, redirect=0))


def _kubeconfig() -> tuple[Any, list[str]]:
    """The merged kubeconfig, and the names of its contexts."""
    from kubernetes.config import ConfigException
    from kubernetes.config.kube_config import KubeConfigMerger
    from yaml import YAMLError

    paths = _kubeconfig_paths()
    try:
        found: Any = KubeConfigMerger(paths).config
        if found is None:
            raise BadTarget(f"there is no kubeconfig ({paths}); set KUBECONFIG, or use --stack with a stack of EKS")
        return found, sorted(str(item["name"]) for item in found.safe_get("contexts") or [])
    except (ConfigException, YAMLError, OSError, KeyError, TypeError, AttributeError) as error:
        raise BadTarget(f"the kubeconfig ({paths}) cannot be read: {error}") from error


def _kubeconfig_paths() -> str:
    return os.environ.get("KUBECONFIG") or "~/.kube/config"


def _why(error: Exception) -> str:
    text = str(getattr(error, "reason", "") or error)
    lowered = text.lower()
    if "refused" in lowered:
        return "the connection was refused; is the API server up, and is this its address?"
    if "timed out" in lowered:
        return "it did not answer in time; is there a way to it from here (VPN, allowed addresses)?"
    if "name or service not known" in lowered or "failed to resolve" in lowered or "getaddrinfo" in lowered:
        return "its name is not known here; was the cluster deleted?"
    if "certificate" in lowered:
        return f"its certificate is not trusted ({text.splitlines()[-1]}); is this another cluster by now?"
    if any(word in lowered for word in ("aborted", "connection broken", "reset by peer", "closed connection")):
        return "the connection was closed without an answer; does something stand in between (a proxy, a tunnel)?"
    return " ".join(text.split())
