"""What can go wrong between here and a cluster, or its bucket: one sentence or two each, for whoever is on call."""

from __future__ import annotations

FOUND, BAD_INPUT = 1, 2


class OperationError(Exception):
    """A command cannot go on. `exit_code` is 2 where nothing could be found out, 1 where the answer is no."""

    exit_code = BAD_INPUT


class BadTarget(OperationError):
    """The stack, the context or another argument names nothing that is there."""


class Unreachable(OperationError):
    """Nobody answered in time, or the connection broke."""


class NotAllowed(OperationError):
    """The credentials are missing, of the wrong account, or lack a right."""


class NotGood(OperationError):
    """What was asked about is there, and did not end well enough to say more."""

    exit_code = FOUND


class TimeLimit(OperationError):
    """Something did not come to be within its time limit."""

    exit_code = FOUND


class ApiError(OperationError):
    """The API server refused a request: `status` is the HTTP status, `reason` Kubernetes's word for it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        # Of a list that became too old: where to go on.
        self.token = ""
        super().__init__(message)


class NotFound(ApiError):
    """The object, or its kind, does not exist."""


class Conflict(ApiError):
    """The object exists already, or was changed by somebody else meanwhile."""


class Forbidden(ApiError, NotAllowed):
    """The user may not do this: the message says which verb on what."""
