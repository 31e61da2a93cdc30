"""The engine's protocol: secrets, failures, time limits, and a process that ends with its parent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from lab.processes import wait_until
from lab.providers.base import Checked, Difference, PartialFailure, Provider, ProviderError, Session, State
from lab.providers.diff import Rules, changes
from lab.providers.properties import UNKNOWN, Secret, encode
from lab.providers.random import TYPE_NAME as PASSWORD
from lab.providers.random import RandomProvider
from lab.providers.server import serving
from tests.conftest import ROOT
from tests.lab.providers.engine import Refused, attached, partial_failure, reason
from tests.limits import HANG

THING = "test:index:Thing"


class Things(Provider, Session):
    """Resources that do what their inputs say."""

    name = "test"
    version = "1.0.0"

    def check_config(self, inputs):
        return Checked(inputs)

    def configure(self, inputs):
        return self

    def check(self, token, old, new, operation):
        return Checked(new)

    def diff(self, token, old, new):
        return Difference(changes(old.inputs, new, Rules()))

    def create(self, token, inputs, operation):
        match inputs.get("do"):
            case "wait":
                while True:
                    operation.pause(0.01)
            case "half":
                raise PartialFailure("half-made", {**inputs, "state": "broken"}, "it never became ready")
            case "crash":
                raise KeyError("a programmer's mistake")
        return State("1", inputs, inputs)

    def preview_create(self, token, inputs, operation):
        return {**inputs, "id": UNKNOWN}

    def read(self, token, known, operation):
        return known

    def update(self, token, known, inputs, operation):
        return inputs

    def preview_update(self, token, known, inputs, operation):
        return inputs

    def delete(self, token, known, operation):
        raise ProviderError("it is in use")


@pytest.fixture
def things():
    with attached(Things()) as engine:
        engine.configure()
        yield engine


@pytest.fixture
def random():
    with attached(RandomProvider()) as engine:
        engine.configure()
        yield engine


def test_the_handshake_asks_for_secrets_and_for_no_outputs(things):
    answer = things.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert (answer.accept_secrets, answer.accept_outputs, answer.accept_resources) == (True, False, False)


def test_a_connection_that_was_not_configured_is_refused():
    with attached(Things()) as engine, pytest.raises(grpc.RpcError) as raised:
        engine.check(THING, "it", {})
    assert "not been configured" in reason(raised.value)


def test_a_half_made_resource_is_kept_by_the_engine_with_its_secrets_hidden(things):
    with pytest.raises(grpc.RpcError) as raised:
        things.create(THING, "it", {"do": "half", "password": Secret("x")})
    identifier, outputs, reasons = partial_failure(raised.value)
    assert identifier == "half-made"
    assert outputs == {"do": "half", "password": Secret("x"), "state": "broken"}
    assert reasons == ["it never became ready"]


def test_an_operation_ends_with_its_time_limit(things):
    with pytest.raises(grpc.RpcError) as raised:
        things.create(THING, "it", {"do": "wait"}, seconds=0.1)
    assert "time limit" in reason(raised.value)


def test_a_cancelled_operation_ends_at_once(things):
    request = provider_pb2.CreateRequest(urn="u::p::t::n", name="n", type=THING, properties=encode({"do": "wait"}))
    running = things.stub.Create.future(request, timeout=HANG)
    things.stub.Cancel(empty_pb2.Empty())
    with pytest.raises(grpc.RpcError) as raised:
        running.result()
    assert reason(raised.value) == "cancelled"


def test_a_mistake_in_a_handler_is_an_error_and_not_the_end_of_the_provider(things):
    with pytest.raises(grpc.RpcError) as raised:
        things.create(THING, "it", {"do": "crash"})
    assert "KeyError" in reason(raised.value)
    assert things.create(THING, "it", {}).id == "1"


def test_a_provider_error_reaches_the_user_as_it_is(things):
    with pytest.raises(grpc.RpcError) as raised:
        things.delete(things.create(THING, "it", {}))
    assert reason(raised.value) == "it is in use"


def test_ignored_changes_do_not_show(things):
    thing = things.create(THING, "it", {"a": {"b": 1}, "c": 1})
    assert things.diff(thing, {"a": {"b": 2}, "c": 2}, ignore=("a",)).kinds == {"c": "UPDATE"}


def test_a_taken_port_is_named():
    with serving(Things()) as port, pytest.raises(ProviderError, match=f"port {port} "), serving(Things(), port):
        pass


def test_a_password_is_secret_has_what_was_asked_for_and_stays(random):
    wish = {"length": 24, "special": False, "minNumeric": 3}
    made = random.create(PASSWORD, "pw", wish)
    password = made.outputs["result"]
    assert isinstance(password, Secret)
    assert re.fullmatch(r"[A-Za-z0-9]{24}", password.value)
    assert len(re.findall(r"\d", password.value)) >= 3
    assert not random.diff(made, {**wish, "upper": True})
    assert random.diff(made, {**wish, "length": 32}).replaces == ["length"]
    assert random.read(made).outputs == made.outputs


def test_a_password_that_cannot_be_is_refused(random):
    with pytest.raises(Refused) as raised:
        random.check(PASSWORD, "pw", {"length": 4, "minLower": 5})
    assert raised.value.failures == {"length": "4; at least 5 is needed"}
    with pytest.raises(grpc.RpcError) as error:
        random.check("random:index/randomPet:RandomPet", "pet", {})
    assert "does not know the resource type" in reason(error.value)


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "lab.providers", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_the_program_prints_its_port_first_and_ends_on_sigterm():
    with start("random") as process:
        assert process.stdout is not None and process.stderr is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=HANG)
        process.terminate()
        assert process.wait(HANG) == 0
        assert "RandomPassword" in process.stderr.read()


def test_the_program_ends_when_its_time_is_over():
    with start("random", "--time-limit", "0.5") as process:
        assert process.wait(HANG) == 0


def test_the_program_ends_when_its_parent_is_killed():
    parent = textwrap.dedent(
        f"""
        import signal, subprocess
        command = [{sys.executable!r}, "-m", "lab.providers", "random"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        print(child.pid, flush=True)
        signal.pause()
        """
    )
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        process.kill()
        process.wait(HANG)
        wait_until(lambda: not _runs(child), seconds=HANG, what="the provider ended")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_bad_arguments_end_with_two_and_without_a_traceback(tmp_path):
    for arguments in (("aws", "--endpoint", "https://example.com"), ("kubernetes", f"--chart={tmp_path / 'none'}")):
        with start(*arguments, env={**os.environ}) as process:
            assert process.wait(HANG) == 2
            assert process.stderr is not None
            said = process.stderr.read()
            assert said.startswith("error: ") and "Traceback" not in said


def test_the_wait_for_a_process_that_is_named_ends_with_it():
    sleeper = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
    with start("random", f"--parent={sleeper.pid}") as process:
        assert process.stdout is not None
        process.stdout.readline()
        sleeper.kill()
        sleeper.wait(HANG)
        assert process.wait(HANG) == 0
