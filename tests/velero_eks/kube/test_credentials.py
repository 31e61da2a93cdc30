"""Credential plugins and tokens: what is asked of them, when they are asked again, and the errors where they fail."""

from __future__ import annotations

import io
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.velero_eks.kube.api_server import Request, api_server, status
from velero_eks import contact
from velero_eks.errors import BadTarget, NotAllowed, Unreachable
from velero_eks.kube import credentials
from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import Connection
from velero_eks.kube.credentials import PLUGIN_SECONDS, ExecPlugin, RenewedToken, token_file
from velero_eks.kube.transport import ApiServer, Credential
from velero_eks.kube.waiting import wait_for

V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"


def answer(version: str = V1, **status: str) -> str:
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


@pytest.fixture
def plugin(tmp_path):
    """A plugin that is the given shell script; every run leaves a line in `runs`."""

    def make(script: str, *, seconds: float | None = None, now=lambda: 0.0, extra=None, **settings: Any) -> ExecPlugin:
        program = tmp_path / "plugin"
        program.write_text(f"#!/bin/sh\necho run >> {tmp_path / 'runs'}\n{script}\n")
        program.chmod(0o755)
        given = {"apiVersion": V1, "command": str(program), "interactiveMode": "Never", **settings}
        return ExecPlugin(given, cluster={}, folder=tmp_path, name="exam", extra=extra, seconds=seconds, now=now)

    return make


def ended(number: int) -> bool:
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_a_plugin_of_either_version_gives_a_token_with_its_own_arguments_and_environment(plugin, version):
    script = f"""case "$KUBERNETES_EXEC_INFO" in *'"{version}"'*) ;; *) exit 9;; esac
echo '{answer(version, token="TOKEN")}' | sed "s/TOKEN/$1-$REGION/" """
    environment = [{"name": "REGION", "value": "eu-west-1"}]
    made = plugin(script, apiVersion=version, args=["get-token"], env=environment)
    assert made.current().headers == {"Authorization": "Bearer get-token-eu-west-1"}


def test_a_plugin_is_asked_again_shortly_before_what_it_gave_expires(plugin, tmp_path):
    end = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
    now = [end - 60]
    made = plugin(f"echo '{answer(token='t', expirationTimestamp='2026-11-27T12:00:00Z')}'", now=lambda: now[0])
    made.current()
    now[0] = end - 30
    made.current()
    assert runs(tmp_path) == 1
    now[0] = end - 5
    made.current()
    assert runs(tmp_path) == 2


def test_what_has_no_end_is_kept(plugin, tmp_path):
    made = plugin(f"echo '{answer(token='t')}'")
    assert made.current() is made.current()
    assert runs(tmp_path) == 1


def test_a_plugin_may_give_a_certificate(plugin):
    made = plugin(f"echo '{answer(clientCertificateData='certificate', clientKeyData='key')}'")
    assert made.current() == Credential({}, "certificate\nkey\n")


def test_what_the_user_has_besides_goes_along(plugin):
    made = plugin(f"echo '{answer(token='t')}'", extra=Credential({"Impersonate-User": "oncall"}, "pem"))
    assert made.current() == Credential({"Impersonate-User": "oncall", "Authorization": "Bearer t"}, "pem")


def test_a_plugin_that_hangs_is_named_and_is_no_expired_credential(plugin, tmp_path):
    with pytest.raises(Unreachable) as error:
        plugin("exec sleep 1000", seconds=0.2).current()
    assert f"context exam: the credential plugin {tmp_path / 'plugin'} did not end within 0.2 s" in str(error.value)
    assert "expired" not in str(error.value)


def test_a_secret_among_the_arguments_of_a_plugin_is_in_no_message(plugin):
    made = plugin("exit 1", args=["get-token", "--oidc-client-secret=hunter2", "--oidc-client-id=exam"])
    with pytest.raises(NotAllowed) as error:
        made.current()
    assert "get-token --oidc-client-secret=(hidden) --oidc-client-id=exam" in str(error.value)
    assert "hunter2" not in str(error.value) + made.source


def test_a_plugin_that_hangs_is_ended_with_its_children(plugin, tmp_path, monkeypatch):
    child, limits, wait = tmp_path / "child", [], subprocess.Popen.wait

    def run_out(self: Any, timeout: float | None = None) -> int:
        if timeout is None:
            return wait(self)
        limits.append(timeout)
        wait_for(lambda: True if child.exists() else None, seconds=120, what="the child", every=0.01)
        raise subprocess.TimeoutExpired("plugin", timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", run_out)
    # The child keeps the plugin's output open, as one does that waits for a login in a browser.
    made = plugin(f"sleep 1000 & echo $! > {child}.new; mv {child}.new {child}; wait")
    with pytest.raises(Unreachable):
        made.current()
    assert limits == [PLUGIN_SECONDS] and PLUGIN_SECONDS < contact.FIRST_SECONDS
    number = int(child.read_text())
    wait_for(lambda: True if ended(number) else None, seconds=120, what="the child's end", every=0.01)


def test_a_plugin_that_fails_is_named_with_what_it_says(plugin, tmp_path):
    made = plugin("echo 'Error loading SSO Token: Token for exam does not exist' >&2; exit 255", args=["get-token"])
    with pytest.raises(NotAllowed) as error:
        made.current()
    assert "failed with exit status 255: Error loading SSO Token: Token for exam does not exist." in str(error.value)
    assert str(error.value).endswith(f"{tmp_path / 'plugin'} get-token")


def test_a_plugin_that_is_not_there_says_how_to_get_it(tmp_path, plugin):
    with pytest.raises(BadTarget, match=r"kubelogin is not installed, or not on PATH\. To fix it: brew install it"):
        plugin(
            "", command="kubelogin", installHint="brew install it", env=[{"name": "PATH", "value": "/none"}]
        ).current()


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ("Please log in", NotAllowed, "printed no ExecCredential"),
        ("[]", NotAllowed, "printed no ExecCredential"),
        (answer(token="t", expirationTimestamp="soon"), NotAllowed, "printed no ExecCredential"),
        (answer(), NotAllowed, "neither a token nor a client certificate"),
        (answer(V1BETA1, token="t"), BadTarget, f"answers in {V1BETA1}, and the kubeconfig asks for {V1}"),
    ],
)
def test_what_a_plugin_prints_instead_of_credentials_is_no_credential(plugin, said, error, words):
    with pytest.raises(error, match=words):
        plugin(f"echo '{said}'").current()


def test_a_plugin_that_wants_a_terminal_is_not_started_without_one(plugin, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(BadTarget, match="needs a terminal"):
        plugin("", interactiveMode="Always")


def test_credentials_that_the_server_refuses_are_made_anew_once(plugin, tmp_path):
    script = f"""echo '{answer(token="TOKEN")}' | sed "s/TOKEN/token-$(wc -l < {tmp_path / "runs"} | tr -d ' ')/" """

    def judge(asked: Request):
        new = asked.headers.get("Authorization") == "Bearer token-2"
        return (200, {"gitVersion": "v1.34.1"}) if new else status(401, "Unauthorized", "Unauthorized")

    with api_server(judge) as answering:
        cluster = Cluster(Connection(ApiServer(answering.url), plugin(script), "exam"))
        assert cluster.version() == cluster.version() == "v1.34.1"
        assert len(answering.asked) == 3
    assert runs(tmp_path) == 2


def test_a_signed_token_that_the_server_refuses_is_signed_anew():
    signed = iter(["early", "good", "late"])

    def judge(asked: Request):
        new = asked.headers.get("Authorization") == "Bearer good"
        return (200, {"gitVersion": "v1.34.1"}) if new else status(401, "Unauthorized", "Unauthorized")

    with api_server(judge) as answering:
        cluster = Cluster(Connection(ApiServer(answering.url), RenewedToken(lambda: next(signed), 720.0), "exam"))
        assert cluster.version() == cluster.version() == "v1.34.1"


def test_credentials_that_stay_refused_are_not_asked_for_for_ever(plugin, tmp_path):
    with api_server(lambda asked: status(401, "Unauthorized", "Unauthorized")) as answering:
        cluster = Cluster(Connection(ApiServer(answering.url), plugin(f"echo '{answer(token='t')}'"), "exam"))
        with pytest.raises(NotAllowed, match="does not know these credentials"):
            cluster.version()
    assert runs(tmp_path) == 2


def test_a_token_in_a_file_is_read_again_after_a_minute(tmp_path, monkeypatch):
    now = [0.0]
    path = tmp_path / "token"
    path.write_text("one")
    found = token_file(path, Credential(), now=lambda: now[0])
    found.current()
    path.write_text("two")
    assert found.current().headers["Authorization"] == "Bearer one"
    now[0] = credentials._FILE_SECONDS + 1
    assert found.current().headers["Authorization"] == "Bearer two"


def test_a_token_file_that_is_empty_or_gone_is_named(tmp_path):
    path = tmp_path / "token"
    with pytest.raises(BadTarget, match=f"tokenFile {path} cannot be read: No such file"):
        token_file(path, Credential()).current()
    path.write_text("\n")
    with pytest.raises(BadTarget, match=f"tokenFile {path} is empty"):
        token_file(path, Credential()).current()
