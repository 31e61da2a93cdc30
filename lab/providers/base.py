"""What every stand-in provider is made of: a Provider that is configured into Sessions, and the errors they raise."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.providers.diff import Change
from lab.providers.package import Package
from lab.providers.properties import Path

Properties = dict[str, Any]


class ProviderError(Exception):
    """Something a user has to know; the engine shows the text as it is."""


class PartialFailure(ProviderError):
    """The resource exists but did not become usable; the engine keeps it in the state and marks it so."""

    def __init__(self, identifier: str, outputs: Properties, reason: str) -> None:
        super().__init__(reason)
        self.identifier = identifier
        self.outputs = outputs


@dataclass(frozen=True)
class Refusal:
    """An input that is refused: the property's path and why."""

    place: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """Inputs with the provider's defaults filled in, and what is wrong with them."""

    inputs: Properties
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True)
class Difference:
    """What differs between two sets of inputs, and whether a replacement has to delete first."""

    changes: list[Change] = field(default_factory=list)
    delete_first: bool = False


@dataclass(frozen=True)
class State:
    """A resource as the engine knows it, or as the cloud has it."""

    identifier: str
    inputs: Properties
    outputs: Properties


@dataclass(frozen=True)
class Operation:
    """What one call of the engine allows: its time, its cancellation, and a way to tell the user something."""

    deadline: float
    cancelled: threading.Event
    say: Callable[[str], None]
    name: str = ""
    seed: bytes = b""

    def remaining(self) -> float:
        """Seconds left, above zero. Raises ProviderError once the time is up or the engine has cancelled."""
        if self.cancelled.is_set():
            raise ProviderError("cancelled")
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise ProviderError("the time limit of this operation is over")
        return left

    def pause(self, seconds: float) -> None:
        """Waits, ending early on a cancellation. Raises ProviderError as `remaining` does."""
        self.cancelled.wait(min(seconds, self.remaining()))
        self.remaining()


class Session(ABC):
    """One configured provider. Property values are plain: no secret wrappers, UNKNOWN where a preview cannot know."""

    @abstractmethod
    def check(self, token: str, old: Properties, new: Properties, operation: Operation) -> Checked:
        """The inputs that will be recorded. `old` is empty for a resource that is new."""

    @abstractmethod
    def diff(self, token: str, old: State, new: Properties) -> Difference:
        """What the wish `new` changes about `old`."""

    @abstractmethod
    def create(self, token: str, inputs: Properties, operation: Operation) -> State:
        """Makes the resource. Raises PartialFailure when it exists but is not usable."""

    @abstractmethod
    def preview_create(self, token: str, inputs: Properties, operation: Operation) -> Properties:
        """The outputs that `create` will give, UNKNOWN where only the cloud knows."""

    @abstractmethod
    def read(self, token: str, known: State, operation: Operation) -> State | None:
        """The resource as it is now; None when it is gone. An import comes with empty inputs and outputs."""

    @abstractmethod
    def update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        """Changes the resource in place and gives its outputs."""

    @abstractmethod
    def preview_update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        """The outputs that `update` will give."""

    @abstractmethod
    def delete(self, token: str, known: State, operation: Operation) -> None:
        """Removes the resource; one that is gone already is not an error."""

    def invoke(self, token: str, arguments: Properties, operation: Operation) -> Properties:
        """Answers a function call. Raises ProviderError for a function that is not known."""
        raise ProviderError(f"the function {token} is not known to this stand-in provider")

    def secret_outputs(self, token: str) -> tuple[Path, ...]:
        """Outputs that are secret whatever the inputs are."""
        return ()


class Provider(ABC):
    """A stand-in for a provider plugin: checks its own configuration and opens sessions."""

    name: str
    version: str

    def banner(self) -> list[str]:
        """What is real, what is emulated and what is left out: sentences for the start-up output."""
        return []

    @abstractmethod
    def check_config(self, inputs: Properties) -> Checked:
        """Checks the provider resource's own inputs."""

    def diff_config(self, old: Properties, new: Properties) -> Difference:
        """What a changed provider configuration means; nothing, unless the provider says so."""
        return Difference()

    def package(self) -> Package | None:
        """What it knows, for programs in languages that ask before they run; None: only those that do not."""
        return None

    @abstractmethod
    def configure(self, inputs: Mapping[str, Any]) -> Session:
        """Opens a session. Raises ProviderError for a configuration that cannot work."""
