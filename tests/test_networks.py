"""Whoever does not answer is named: every case of `networks`, by the command itself, with its address and its cause."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from tests import networks
from tests.limits import HANG
from velero_eks import contact
from velero_eks.aws import client as aws
from velero_eks.commands.app import app
from velero_eks.kube import connection
from velero_eks.kube.transport import ConnectTimeout, Transport

# What only a limit ends. Everything else answers, however busy the machine is.
_HANGS = {
    "api-drops", "api-silent", "api-silent-after-tls", "proxy-silent", "plugin-hangs", "process-hangs", "aws-drops",
    "aws-silent", "aws-drips", "api-resolver-hangs", "aws-resolver-hangs",
}  # fmt: skip
_AT_ONCE = {"show", "init"}
EACH = [
    (name, family)
    for name, families in networks.AFFECTED.items()
    for family in families
    if family == "status" or family in _AT_ONCE
]
# As it is by default, for whoever types a command.
AS_TYPED = contact.FIRST_SECONDS


@contextmanager
def scene(name: str, folder: Any, monkeypatch: pytest.MonkeyPatch):
    """A case in this process: its environment and its folder, and the limits that it needs."""
    with networks.CASES[name](folder) as found, ExitStack() as ends:
        for variable in os.environ:
            monkeypatch.delenv(variable)
        for variable, value in found.environment.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.chdir(found.folder)
        if "resolver" in name:
            over = threading.Event()
            ends.callback(over.set)
            monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: over.wait(HANG))
            monkeypatch.setattr(aws, "_RESOLVER_SECONDS", 0.05)
        if name == "endpoint-private":
            monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.02)
        ends.enter_context(contact.patience(1 if name in _HANGS else HANG))
        yield found


def run(family: str, *more: str) -> Any:
    return CliRunner().invoke(app, [*networks.FAMILIES[family], *more])


@pytest.mark.parametrize(("name", "family"), EACH)
def test_who_does_not_answer_is_named_with_address_and_cause(name, family, tmp_path, monkeypatch):
    with scene(name, tmp_path, monkeypatch) as found:
        ran = run(family)
    assert ran.exit_code == 2, ran.output
    said = ran.stderr.strip()
    if family == "status" or "AWS" in name:
        assert [word for word in found.named if word not in said] == [], said
    # An answer for someone at three in the morning: a line, and three sentences at most.
    assert said.startswith("error: ") and "\n" not in said
    assert len(said) < 460
    assert "Traceback" not in said and "did not expect" not in said


@pytest.mark.parametrize("family", [*networks.KUBERNETES, *networks.BUCKET, "init"])
def test_the_first_contact_of_each_command_has_twenty_seconds(family, tmp_path, monkeypatch):
    limits: list[float] = []

    def send(self: Transport, *given: Any, whole: float, connect: float, read: float) -> Any:
        limits.append(whole)
        assert max(connect, read) <= whole
        raise ConnectTimeout

    def done_within(seconds: float, work: Any) -> bool:
        limits.append(seconds)
        work()
        return True

    monkeypatch.setattr(Transport, "send", send)
    monkeypatch.setattr(aws, "_done_within", done_within)
    name = "api-drops" if family in networks.KUBERNETES else "aws-refuses"
    with scene(name, tmp_path, monkeypatch), contact.patience(AS_TYPED):
        run(family)
    assert limits, "nobody was asked"
    assert all(0.5 * AS_TYPED <= limit <= AS_TYPED == 20 for limit in limits)


def test_timeout_raises_the_limit_for_a_first_contact(tmp_path, monkeypatch):
    limits: list[float] = []

    def send(self: Transport, *given: Any, whole: float, **named: Any) -> Any:
        limits.append(whole)
        raise ConnectTimeout

    monkeypatch.setattr(Transport, "send", send)
    with scene("api-drops", tmp_path, monkeypatch), contact.patience(AS_TYPED):
        for timeout in ("40s", "2h"):
            run("status", "--timeout", timeout)
    assert [round(limit / 0.9) for limit in limits] == [40, 60]
