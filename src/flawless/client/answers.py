"""What a response says: the answer, or the error it was over there."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx
import msgspec

from flawless import api, errors
from flawless.client.call import Call
from flawless.errors import FlawlessError, ServerError, UsageError

T = TypeVar("T")


class ServerUnreachable(ServerError):
    """No server answers at the address, or it broke off."""


class AnswerBroken(ServerUnreachable):
    """The answer is cut off or garbled."""


def answer(call: Call[T], response: httpx.Response, url: str) -> T:
    """Return what a response brings; a status that is no success is raised as what it means."""
    if not response.is_success and response.status_code != call.also:
        raise error_of(response, url)
    try:
        return call.read(response.content)
    except msgspec.DecodeError as error:
        if not response.is_success:
            raise error_of(response, url) from None
        if _is_json(response) and not isinstance(error, msgspec.ValidationError):
            raise AnswerBroken(f"the answer of {url} is garbled: {error}") from error
        raise stranger(response, url) from error


def error_of(response: httpx.Response, url: str) -> FlawlessError:
    """Return the error that a response stands for."""
    try:
        content = msgspec.json.decode(response.content, type=dict[str, Any])
        kind, detail = str(content.pop("type")), str(content.pop("detail"))
    except (msgspec.DecodeError, KeyError):
        return stranger(response, url)
    if response.status_code == 401:
        return UsageError(f"the server at {url} wants a token: set FLAWLESS_TOKEN to the server's")
    known = _KNOWN.get(kind.removeprefix(api.PROBLEM_TYPE))
    if known is not None:
        # The message is complete; constructors, which would build it from parts, differ.
        error = known.__new__(known)
        Exception.__init__(error, detail)
        for name in ("status", "title"):
            content.pop(name, None)
        for name, written in api.PROBLEM_FIELDS.items():
            if written in content:
                content[name] = content.pop(written)
        error.__dict__.update(content)
        return error
    hint = f" ({content['hint']})" if "hint" in content else ""
    if response.status_code < 500:
        return UsageError(f"{detail}{hint}")
    return ServerError(f"the server at {url} has a problem: {detail}{hint}")


def unreachable(error: httpx.RequestError, url: str) -> ServerUnreachable:
    """Return the error for a request that was not answered."""
    if isinstance(error, httpx.ConnectError):
        return ServerUnreachable(
            f"no server answers at {url}: start it with `flawless up app.py`, or set FLAWLESS_URL "
            "to where it is"
        )
    if isinstance(error, httpx.TimeoutException):
        return ServerUnreachable(
            f"the server at {url} did not answer in time; is it very busy, or stopped?"
        )
    reason = str(error) or type(error).__name__
    return ServerUnreachable(
        f"the connection to {url} broke off ({reason}); what was started goes on when the server "
        "is back"
    )


def stranger(response: httpx.Response, url: str) -> ServerError:
    """Return the error for a response that no server of ours gives."""
    shown = " ".join(response.text[:100].split())
    return ServerError(
        f"what answers at {url} is no Flawless server, or one this client is too old for "
        f"(status {response.status_code}: {shown!r}); check FLAWLESS_URL"
    )


def _is_json(response: httpx.Response) -> bool:
    return str(response.headers.get("Content-Type", "")).startswith("application/json")


_KNOWN: dict[str, type[FlawlessError]] = {
    api.slug(name): found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, FlawlessError)
}
