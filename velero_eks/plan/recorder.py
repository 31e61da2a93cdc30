"""Run one program under the recorder, apart from everything else in the process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import isawaitable
from pathlib import Path
from typing import Any

from pulumi import RunError
from pulumi.runtime import reset_options, set_all_config, set_mocks
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack
from velero_on_eks.settings import InvalidSettings, StackFileError

from velero_eks.errors import PlanError, ProgramError, TimeLimitError
from velero_eks.plan.computed import Estate
from velero_eks.plan.model import Message, Recording
from velero_eks.plan.monitor import Recorder, Rule
from velero_eks.plan.unknown import Note
from velero_eks.terminal import words

# Seconds. A stack takes some hundredths; a minute is a program that waits for what never comes.
TIME_LIMIT = 60.0
# What a program or a provider SDK would read besides its stack file: a plan may not depend on who runs it.
_AMBIENT = ("PULUMI_", "AWS_", "KUBE")

# Turns of the loop between two looks at what is unresolved; a registration that depends on another takes about ten.
_TURNS = 25

Program = Callable[[], Awaitable[Any] | Any]


def record_program(
    program: Program,
    *,
    stack: str = "test",
    project: str = "velero-eks",
    config: Mapping[str, Any] | None = None,
    secret_keys: Sequence[str] = (),
    estate: Estate | None = None,
    rules: Mapping[str, Rule] | None = None,
    time_limit: float = TIME_LIMIT,
) -> Recording:
    """Run `program` as the engine would run it in `stack`, and return all that it registered.

    `config` is keyed `namespace:name`; structured values are handed over as the engine does, as JSON text. A value
    `{"secure": …}` stays encrypted, offline, and the key that it is of is secret, as are `secret_keys`. `estate` says
    which account and region answer where no provider pins them; by default the stack's own configuration does.
    Runs in a copy of the caller's context and on a loop of its own: configuration, root resource, monitor, pending
    calls and exceptions end with it. What cannot be known offline passes through with a note, see `unknown`. Raises
    `ProgramError` when the program or one of its applies fails, and `TimeLimitError` after `time_limit` seconds.
    """
    values = engine_config(config or {})
    secrets = {*secret_keys, *(key for key, value in (config or {}).items() if _holds_encrypted(value))}

    where = estate or _estate(config or {})

    def recorded(where: Estate, stand_ins: bool) -> tuple[Recorder, Recording | PlanError]:
        recorder = Recorder(project, stack, where, rules, stand_ins=stand_ins)
        messages = _Messages()

        def run() -> None:
            reset_options(
                project=project, stack=stack, root_directory=str(Path.cwd()), preview=False, organization="organization"
            )
            # `set_mocks` makes a root stack unless there is one; here `run_in_stack`, the engine's own way, makes it.
            set_root_resource(_NO_STACK)  # type: ignore[arg-type]
            set_mocks(recorder.mocks, project, stack, preview=False, logger=messages.logger, monitor=recorder)
            set_root_resource(None)  # type: ignore[arg-type]
            SETTINGS.callbacks = recorder.callbacks  # pyright: ignore[reportAttributeAccessIssue]
            set_all_config(values, sorted(secrets))
            with recorder.declaring():
                _run_to_the_end(program, stack, time_limit)

        try:
            with _environment(values, secrets):
                contextvars.copy_context().run(run)
        except PlanError as error:
            return recorder, error
        if messages.errors:
            return recorder, ProgramError(f"the program reported an error: {messages.errors[0]}", stack=stack)
        made = Recording(project, stack, recorder.recorded(), recorder.outputs, tuple(messages.kept), recorder.notes())
        return recorder, made

    recorder, made = recorded(where, stand_ins=True)
    stated = recorder.elsewhere()
    if stated is not None:
        where = stated
        recorder, made = recorded(where, stand_ins=True)
    if isinstance(made, ProgramError) and recorder.stand_ins.any:
        # Some code could not do with a stand-in. As in a preview, what comes of unknown outputs is then left out.
        _, again = recorded(where, stand_ins=False)
        if isinstance(again, PlanError):
            raise again
        failed = Note("apply", "stand-in", made.message)
        return replace(again, notes=(*again.notes, failed))
    if isinstance(made, PlanError):
        raise made
    return made


def engine_config(config: Mapping[str, Any]) -> dict[str, str]:
    """The configuration as the engine hands it to a program: text, and JSON text for what is structured."""
    return {key: _engine_value(value) for key, value in config.items()}


def _engine_value(value: Any) -> str:
    if _is_encrypted(value):
        return str(value["secure"])
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), default=str)


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"}


def _holds_encrypted(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _is_encrypted(value) or any(_holds_encrypted(item) for item in value.values())
    return isinstance(value, list) and any(_holds_encrypted(item) for item in value)


def _estate(config: Mapping[str, Any]) -> Estate:
    cluster = config.get("velero-eks:cluster")
    facts = cluster if isinstance(cluster, Mapping) else {}
    default = Estate()
    return Estate(
        account=str(facts.get("account") or default.account),
        region=str(config.get("aws:region") or default.region),
        oidc_issuer=facts.get("oidcIssuer"),
    )


def _run_to_the_end(program: Program, stack: str, time_limit: float) -> None:
    loop = _InlineLoop()
    # A failure is raised from here; the same one in a task that no one awaits would be printed a second time.
    loop.set_exception_handler(lambda *_: None)
    try:
        with _alarm(time_limit), _no_stack_traces():
            loop.run_until_complete(_within(time_limit, program))
    except _TimeUp:
        raise TimeLimitError(
            f"the program did not end within {words.duration(time_limit)}; it waits for an output that"
            " no resource resolves, or it loops",
            stack=stack,
        ) from None
    except (Exception, SystemExit) as error:
        raise _failed(stack, error) from error
    finally:
        _close(loop)


async def _within(time_limit: float, program: Program) -> None:
    limit = asyncio.timeout(time_limit)
    try:
        async with limit:
            await run_in_stack(lambda: _settled(program))
    except TimeoutError as error:
        # A TimeoutError of the program's own is a failure like any other.
        if limit.expired():
            raise _TimeUp from error
        raise


async def _settled(program: Program) -> None:
    """Run the program and give the loop turns for as long as that gets outputs resolved.

    pulumi waits for every output as soon as the program is over, and each time one resolves it starts to wait for all
    the others again. A few empty turns resolve them all; what is left by then waits for something, or has failed.
    """
    running = program()
    if isawaitable(running):
        await running
    outputs: set[asyncio.Task[Any]] = SETTINGS.outputs  # pyright: ignore[reportAttributeAccessIssue]
    unresolved = -1
    while outputs and len(outputs) != unresolved:
        unresolved = len(outputs)
        for _ in range(_TURNS):
            await asyncio.sleep(0)


def _failed(stack: str, error: BaseException) -> PlanError:
    """The error to show: the one at the root of what pulumi wraps around it, and where the program raised it."""
    root = _root(error)
    if isinstance(root, PlanError):
        return type(root)(str(root), stack=stack)
    if isinstance(root, (StackFileError, InvalidSettings)):
        return ProgramError(stack=stack, refusals=root.refusals)
    if isinstance(root, SystemExit):
        return ProgramError(f"the program called exit, with {root.code!r}{_place(root)}", stack=stack)
    if isinstance(root, RunError):
        # pulumi goes on in a line of its own, after a tab.
        return ProgramError(re.sub(r"\n\s+", "; ", str(root)), stack=stack)
    text = " ".join(str(root).split()) or "no message"
    return ProgramError(f"the program failed: {type(root).__name__}: {text}{_place(root)}", stack=stack)


def _root(error: BaseException) -> BaseException:
    seen: set[int] = set()
    while True:
        seen.add(id(error))
        # pulumi raises an exception from itself, which leaves what it came from in the context alone.
        further = error.__context__ if error.__cause__ is error else error.__cause__
        if further is None or id(further) in seen:
            return error
        error = further


def _place(error: BaseException) -> str:
    """Where in the program an error was raised, as ` (file:line)`; empty where no code but others' was running."""
    import sysconfig

    foreign = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).parent), "<")
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(foreign):
            path = Path(file)
            shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
            place = f" ({shown}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place


def _close(loop: asyncio.AbstractEventLoop) -> None:
    # An exit or an interrupt comes out of the loop once for each task that it passes through.
    for _ in range(3):
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            with contextlib.suppress(SystemExit, _TimeUp):
                loop.run_until_complete(_end_of(pending))
    loop.close()


async def _end_of(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.wait(tasks, timeout=1)


class _InlineLoop(asyncio.SelectorEventLoop):
    """A loop that makes the calls to the recorder where they stand.

    pulumi hands each of them to a thread, since the engine is across a socket. The recorder is a function call: on
    the spot it takes half the time, comes in the program's own order, and leaves no thread behind.
    """

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = self.create_future()
        try:
            result = func(*args)
        except Exception as error:
            future.set_exception(error)
            return future
        # A call that has to run the program's own functions first; the SDK hands on an invoke's with its error.
        if isawaitable(result):
            return asyncio.ensure_future(result, loop=self)
        if isinstance(result, tuple) and result and isawaitable(result[0]):
            return asyncio.ensure_future(_first_awaited(result), loop=self)
        future.set_result(result)
        return future


async def _first_awaited(result: tuple[Any, ...]) -> tuple[Any, ...]:
    return (await result[0], *result[1:])


class _TimeUp(KeyboardInterrupt):
    """The time limit has passed. An interrupt, since asyncio lets nothing else out of a callback that blocks it."""


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Interrupt a program that blocks the loop, where the platform can (Unix, main thread), soon after the limit."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    # Again every second after it: the program may catch the first one.
    timer = signal.setitimer(signal.ITIMER_REAL, seconds * 1.1 + 0.05, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        # The clock of a `--timeout` goes on.
        signal.setitimer(signal.ITIMER_REAL, *timer)


@contextlib.contextmanager
def _no_stack_traces() -> Iterator[None]:
    """Keep pulumi from taking a stack trace at each resource, a sixth of a plan: only the engine shows it."""
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


@contextlib.contextmanager
def _environment(config: Mapping[str, str], secret_keys: Iterable[str]) -> Iterator[None]:
    """The environment that the engine gives a program: its configuration, and nothing of whoever plans."""
    hidden = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith(_AMBIENT)}
    os.environ["PULUMI_CONFIG"] = json.dumps(dict(config))
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(sorted(secret_keys))
    try:
        yield
    finally:
        for key in ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS"):
            os.environ.pop(key, None)
        os.environ.update(hidden)


_NO_STACK = object()


class _Messages(logging.Handler):
    """Keeps what the program says through `pulumi.log`, errors apart: the engine fails an update that has one."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.kept: list[Message] = []
        self.errors: list[str] = []
        self.logger = logging.Logger("velero-eks.plan", logging.INFO)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())
        else:
            self.kept.append(Message(record.levelname.lower(), record.getMessage()))
