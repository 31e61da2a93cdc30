"""The one family of errors that a command ends with: a sentence or two for whoever is on call, or refusals as values.

`commands/options.py: run` alone turns them into text and an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from velero_on_eks.settings import Refusal

    from velero_eks.contact import NoContact

FOUND, BAD_INPUT = 1, 2


class OperationError(Exception):
    """A command cannot go on. `exit_code` is 2 where nothing could be found out, 1 where the answer is no.

    Made of a plain message, or of refusals that are values already. `code` is what programs know a plain message by:
    that of the class, or a closer one.
    """

    exit_code = BAD_INPUT
    code = "failed"

    def __init__(self, message: str = "", *, refusals: Iterable[Refusal] = (), code: str = "") -> None:
        self._refusals = tuple(refusals)
        self.code = code or type(self).code
        super().__init__(message)

    @property
    def message(self) -> str:
        """The plain message."""
        return str(self.args[0]) if self.args else ""

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What went wrong, as values."""
        if self._refusals:
            return self._refusals
        # Loading the settings costs more than `diff` takes, and a plain message needs none of them.
        from velero_on_eks.settings import Refusal

        return (Refusal(self.code, self.message),)

    def __str__(self) -> str:
        if not self._refusals:
            return self.message
        from velero_on_eks.settings.refusals import told

        return "\n".join(map(told, self._refusals))


class BadTarget(OperationError):
    """The stack, the context or another argument names nothing that exists."""

    code = "bad-target"


class BadStackFile(BadTarget):
    """The stack's file cannot be used: its refusals say why."""

    code = "bad-stack-file"


class PlanError(OperationError):
    """The program could not be planned, for `stack` where it is known that it is this one's alone."""

    code = "plan-failed"

    def __init__(self, message: str = "", *, stack: str = "", refusals: Iterable[Refusal] = ()) -> None:
        self.stack = stack
        super().__init__(message, refusals=refusals)

    def __str__(self) -> str:
        said = super().__str__()
        return f"stack {self.stack}: {said}" if self.stack and not self._refusals else said


class ProgramError(PlanError):
    """The program itself failed, at its top level or in an `apply`; the cause is chained."""

    code = "program-failed"


class TimeLimitError(PlanError):
    """The program did not end within its time limit."""

    code = "program-time-limit"


class DiffError(OperationError):
    """Two revisions cannot be compared."""

    code = "diff-failed"


class Unreachable(OperationError):
    """No one answered in time, or the connection broke. `contact` is why, where no one was reached at all."""

    code = "unreachable"

    def __init__(self, message: str = "", *, contact: NoContact | None = None, code: str = "") -> None:
        self.contact = contact
        super().__init__(message, code=contact.code if contact else code)

    @property
    def message(self) -> str:
        """The plain message."""
        if self.contact is None:
            return super().message
        from velero_eks.terminal.no_contact import said

        return said(self.contact)


class NotAllowed(OperationError):
    """The credentials are missing, of the wrong account, or lack a right."""

    code = "not-allowed"


class NotGood(OperationError):
    """What was asked about is there, and did not end well enough to say more."""

    exit_code = FOUND
    code = "not-good"


class TimeLimit(OperationError):
    """Something did not come to be within its time limit."""

    exit_code = FOUND
    code = "time-limit"


class ApiError(OperationError):
    """The API server refused a request: `status` is the HTTP status, `reason` Kubernetes's word for it."""

    code = "api-error"

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        # Of a list that became too old: where to go on.
        self.token = ""
        super().__init__(message)


class NotFound(ApiError):
    """The object, or its kind, does not exist."""

    code = "not-found"


class Conflict(ApiError):
    """The object exists already, or was changed by someone else meanwhile."""

    code = "conflict"


class Forbidden(ApiError, NotAllowed):
    """The user may not do this: the message says which verb on what."""

    code = "forbidden"
