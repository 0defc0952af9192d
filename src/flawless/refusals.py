"""Errors that only workflow code meets: what it used is not there inside the guest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flawless.errors import FlawlessError, HTTPError

if TYPE_CHECKING:
    from flawless.http import Response


class NativeOnly(FlawlessError):
    """Workflow code used a library that runs natively only: call it from a `@step`."""

    def __init__(self, path: str, reason: str = "") -> None:
        self.path = path
        self.reason = reason
        library = path.partition(".")[0]
        message = f"{library} runs natively: call it from a @step (the workflow used {path})"
        if library == "flawless":
            message = f"{path} belongs to the engine: use it in a @step or outside of workflows"
        super().__init__(f"{message}. {reason[0].upper()}{reason[1:]}" if reason else message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.reason)


class NotInWorkflow(FlawlessError, OSError):
    """What was used is not there on this side.

    Workflow code has no files, sockets, threads and processes; ordinary code has no messages, which
    are for workflows (`flawless.testing` runs one in a test). It is an `OSError` too, so that
    libraries which can do without a file go on.
    """


class HTTPStatusError(HTTPError):
    """`Response.raise_for_status` was called on a response with a status of 400 or above."""

    def __init__(self, message: str, response: Response | None = None) -> None:
        super().__init__(message)
        self.response = response
