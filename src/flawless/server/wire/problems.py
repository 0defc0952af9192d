"""Errors as `application/problem+json` (RFC 9457), so that people and programs can act on them.

`type` names the class of `flawless.errors`, `title` is its meaning, `detail` the message. `hint`
says what to do where the message does not. The error's own fields stand beside them.
"""

from __future__ import annotations

import logging
import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from flawless import api
from flawless.errors import (
    DeploymentInvalid,
    DeploymentNotFound,
    Divergence,
    EngineError,
    EngineStopped,
    ExecutionConflict,
    ExecutionEnded,
    ExecutionNotFound,
    FlawlessError,
    InboxFull,
    InputInvalid,
    NotParked,
    RetryRefused,
    StoreError,
    UsageError,
    ValueTooLarge,
    WorkflowNotFound,
)
from flawless.server.wire.documents import document
from flawless.server.wire.headers import STANDING
from flawless.timetravel.problems import JournalTooLong, NoSuchPlace, ReplayTooLong

_log = logging.getLogger("flawless.server")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2


class RequestInvalid(UsageError):
    """The request is not what this endpoint takes."""


class RequestTimeout(UsageError):
    """The request did not arrive in time."""


class AccessDenied(UsageError):
    """This server does not answer requests that come this way."""


class TokenRequired(UsageError):
    """The server wants a token, and the request has none or a wrong one."""


class NotPermitted(AccessDenied):
    """The caller's token does not allow this."""

    def __init__(self, message: str, hint: str) -> None:
        self.hint = hint
        super().__init__(message)


class CsrfRequired(AccessDenied):
    """A request with the cookie of a login must show that one of our own pages sent it."""


class TooManyRequests(UsageError):
    """This caller asks more often than the server answers."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        self.retry_after_s = math.ceil(retry_after_s)
        super().__init__(message)


class TooManyStreams(UsageError):
    """The server holds no more streams of events open."""


class AccessUnusable(EngineError):
    """The server cannot tell who may ask: its tokens or its key cannot be read."""


_STATUS: dict[type[BaseException], int] = {
    InputInvalid: 422,
    DeploymentInvalid: 422,
    DeploymentNotFound: 404,
    RequestTimeout: 408,
    WorkflowNotFound: 404,
    ExecutionNotFound: 404,
    ExecutionConflict: 409,
    Divergence: 409,
    ExecutionEnded: 409,
    NotParked: 409,
    RetryRefused: 409,
    InboxFull: 429,
    ValueTooLarge: 413,
    AccessDenied: 403,
    TokenRequired: 401,
    TooManyRequests: 429,
    AccessUnusable: 503,
    TooManyStreams: 503,
    NoSuchPlace: 404,
    JournalTooLong: 422,
    ReplayTooLong: 422,
    UsageError: 400,
    EngineStopped: 503,
    FlawlessError: 500,
}
_TITLES: dict[type[BaseException], str] = {
    InputInvalid: "A field, parameter or argument does not fit",
}
"""What an error means over HTTP, where its class says it in other words."""
_HINTS: dict[type[BaseException], str] = {
    RequestInvalid: "docs/guides/http-api.md describes each request",
    InputInvalid: "`path` names what to mend; GET /api/v1/workflows tells what each workflow "
    "takes, GET /api/v1/openapi.json what each request takes",
    RequestTimeout: "send it again over a faster connection, or send less",
    WorkflowNotFound: "GET /api/v1/workflows lists all there are",
    ExecutionNotFound: "GET /api/v1/executions lists all there are; `prefix` finds those whose id "
    "begins so",
    ExecutionConflict: "use another `id`; with this one the same workflow and input, or the same "
    "fork, give the execution that has it",
    Divergence: "fork before that entry, or change the code so that it asks for the same until "
    "there",
    DeploymentInvalid: "mend the code and send it again; where there is a `traceback`, it tells "
    "the line",
    DeploymentNotFound: "GET /api/v1/deployments lists all there are, and each tells its modules",
    ValueTooLarge: "store it elsewhere and pass a reference, such as a path or an address",
    TooManyRequests: "wait as long as `Retry-After` says; a stream of events tells of changes "
    "without asking again and again",
    TooManyStreams: "close streams that nobody reads, or connect again after `Retry-After` seconds",
    ExecutionEnded: "GET /api/v1/executions/{id}/result tells how it ended; one that failed can go "
    "on: POST /api/v1/executions/{id}/retry",
    InboxFull: "send it again later, with the same `id` so that it counts once",
    NoSuchPlace: "GET /api/v1/executions/{id}/path tells all points, and how many lines there are",
    JournalTooLong: "`flawless replay ID` and `flawless debug ID` take journals of any length",
    ReplayTooLong: "ask for the path without `lines`, or use `flawless replay ID --trace lines`, "
    "which waits longer",
    NotParked: "GET /api/v1/executions?status=parked lists what waits for a decision",
    RetryRefused: '`{"from_start": true}` begins again, `{"effect": N}` goes on from that effect',
    EngineStopped: "try again: the execution goes on when the engine is back",
    TokenRequired: "send the header `Authorization: Bearer TOKEN`, or log in at /login; `flawless "
    "tokens add` makes tokens, where the server runs",
    CsrfRequired: "send the header X-Flawless-CSRF with the `csrf` that GET /api/v1/whoami gives",
    AccessUnusable: "whoever runs the server finds the reason in its log",
    AccessDenied: "use the address that `flawless up` printed, or serve with FLAWLESS_TOKEN set",
    UsageError: "docs/guides/http-api.md describes what can be asked",
    FlawlessError: "whoever runs the server finds more in its log, or with `flawless doctor`",
}
"""What to do about it; errors that know better carry a `hint` of their own."""


def problem(error: FlawlessError) -> Response:
    """Return the response for an error of ours."""
    kind = type(error)
    status = next(_STATUS[cls] for cls in kind.__mro__ if cls in _STATUS)
    hint = next((_HINTS[cls] for cls in kind.__mro__ if cls in _HINTS), None)
    if isinstance(error, NotPermitted):
        hint = error.hint
    if isinstance(error, StoreError):
        status, hint = (503 if error.retriable else 500), error.hint
    headers = {}
    if status in (429, 503):
        headers["Retry-After"] = str(getattr(error, "retry_after_s", RETRY_AFTER_S))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status >= 500:
        _log.warning("%s: %s", kind.__name__, error)
    title = _TITLES.get(kind) or (kind.__doc__ or kind.__name__).partition("\n")[0].rstrip(".")
    return _response(
        status, api.PROBLEM_TYPE + api.slug(kind.__name__), title, str(error), hint, headers, error
    )


async def on_flawless_error(_: Request, error: Exception) -> Response:
    """Answer with an error of ours."""
    assert isinstance(error, FlawlessError)
    return problem(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer with what routing found: no such path, method not allowed."""
    assert isinstance(error, HTTPException)
    known = error.status_code in (404, 405)
    hint = "docs/guides/http-api.md lists all paths, and what they take" if known else None
    headers = dict(error.headers or {})
    detail = error.detail
    if error.status_code == 404:
        detail = f"there is nothing at {request.url.path}"
    if error.status_code == 405:
        detail = f"this path takes {headers.get('Allow', 'another method')} only"
    return _response(error.status_code, "about:blank", error.detail, detail, hint, headers)


async def on_disconnect(_: Request, __: Exception) -> Response:
    """Answer nobody: the client left before its request was complete."""
    return Response(status_code=400)


async def on_internal_error(_: Request, __: Exception) -> Response:
    """Answer for a bug of ours; the server's log has the traceback."""
    return _response(
        500,
        api.PROBLEM_TYPE + "internal-error",
        "Flawless has a bug",
        "the server's log says more",
        "please report it with the traceback in the server's log; the engine goes on",
        dict(STANDING),  # sent from outside of the middleware that adds them
    )


def _response(
    status: int,
    type_: str,
    title: str,
    detail: str,
    hint: str | None,
    headers: dict[str, str],
    error: FlawlessError | None = None,
) -> Response:
    content: dict[str, Any] = {} if error is None else _fields(error)
    content |= {"type": type_, "title": title, "status": status, "detail": detail}
    if hint is not None:
        content["hint"] = hint
    return document(content, status, media_type=MEDIA_TYPE, headers=headers)


def _fields(error: FlawlessError) -> dict[str, Any]:
    return {
        api.PROBLEM_FIELDS.get(name, name): value
        for name, value in vars(error).items()
        if isinstance(value, str | int | bool)
        or (isinstance(value, list) and all(isinstance(item, str) for item in value))
    }
