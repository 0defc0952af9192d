"""A client of the HTTP API: typed methods, and the engine's errors as the classes they are there.

Used by the command line. It holds one connection and belongs to one thread at a time.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from flawless import api, errors
from flawless.errors import (
    EngineStopped,
    ExecutionFailed,
    FlawlessError,
    ResultTimeout,
    ServerError,
    UsageError,
)
from flawless.ids import execution_id

T = TypeVar("T")

LogLines: TypeAlias = list[api.LogLine]  # `Client.list` hides the built-in name in the class

URL_DEFAULT: Final = "http://127.0.0.1:27288"
ANSWER_S_MAX: Final = 15.0
"""How long an answer may take that does not wait for anything."""
POLL_S: Final = 30.0
"""Length of one long poll."""
ABSENCE_S_MAX: Final = 20.0
"""How long a server that answered before may be away while somebody waits: it may be restarting."""
RETRY_PAUSE_S: Final = 0.25


class Client:
    """Speaks to a Flawless server.

    `url` and `token` come from `FLAWLESS_URL` and `FLAWLESS_TOKEN` unless given. All methods raise
    `ServerUnreachable` when nothing answers, `ServerError` when something else than Flawless does,
    and otherwise what the engine raised.

    Example::

        with Client() as client:
            started = client.start("app.checkout", {"order": 42}, id="order-42")
            print(client.result(started.id, timeout_s=60))
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self.url = (url or os.environ.get("FLAWLESS_URL") or URL_DEFAULT).rstrip("/")
        host = _host(self.url)
        token = token or os.environ.get("FLAWLESS_TOKEN") or None
        if token is not None and not (token.isascii() and token.isprintable()):
            raise UsageError("FLAWLESS_TOKEN has characters that no token has; copy it again")
        self._http = httpx.Client(
            base_url=self.url + api.PREFIX,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(ANSWER_S_MAX),
            trust_env=not _is_local(host),  # a proxy is for other machines
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    # --- the engine ---------------------------------------------------------------------------

    def about(self) -> api.About:
        """Return what answers at the address."""
        return self._get("", api.About)

    def workflows(self) -> list[api.Workflow]:
        """Return the workflows that can be started."""
        return self._get("/workflows", api.WorkflowList).workflows

    def health(self) -> api.Health:
        """Return how the engine is; a failing one has status `failing` and says why."""
        return self._send("GET", "/health", api.Health, also=503)

    # --- executions ---------------------------------------------------------------------------

    def start(
        self,
        workflow: str,
        input: Any = None,  # noqa: A002 (the word of the API)
        *,
        id: str | None = None,  # noqa: A002 (the word of the API)
        wait_s: float = 0.0,
    ) -> api.StartedExecution:
        """Start an execution, and wait up to `wait_s` (60 at most) for its end.

        With an id the start may be repeated: it gives the same execution. When this returns, the
        execution is durable.
        """
        body: dict[str, Any] = {"workflow": workflow, "input": input, "wait": wait_s}
        if id is not None:
            body["id"] = id
        return self._send(
            "POST",
            "/executions",
            api.StartedExecution,
            body=msgspec.json.encode(body),
            wait_s=wait_s,
        )

    def get(self, id: str) -> api.ExecutionDetail:  # noqa: A002 (the word of the API)
        """Return how an execution stands and what it has under way."""
        return self._get(f"/executions/{_segment(id)}", api.ExecutionDetail)

    def list(
        self,
        *,
        status: str | None = None,
        workflow: str | None = None,
        prefix: str = "",
        limit: int = api.LIST_LIMIT,
        before: str | None = None,
    ) -> api.ExecutionPage:
        """Return a page of executions, newest first."""
        query: dict[str, str | int] = {"limit": limit}
        if status is not None:
            query["status"] = status
        if workflow is not None:
            query["workflow"] = workflow
        if prefix:
            query["prefix"] = prefix
        if before is not None:
            query["before"] = before
        return self._get("/executions", api.ExecutionPage, query)

    def outcome(self, id: str, wait_s: float = 0.0) -> api.Outcome:  # noqa: A002 (the word of the API)
        """Return how an execution stands, waiting up to `wait_s` (60 at most) for its end."""
        query = {"wait": wait_s}
        return self._get(f"/executions/{_segment(id)}/result", api.Outcome, query, wait_s=wait_s)

    def wait(self, id: str, timeout_s: float | None = None) -> api.Outcome:  # noqa: A002 (the word of the API)
        """Wait for the end of an execution, through restarts of the server.

        Raises `ResultTimeout` when `timeout_s` passes; the execution goes on.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        answered_at: float | None = None
        while True:
            left_s = POLL_S if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                outcome = self.outcome(id, min(left_s, POLL_S))
                if outcome.status in _FINAL:
                    return outcome
                answered_at = time.monotonic()
            except (ServerUnreachable, EngineStopped):
                away_s = None if answered_at is None else time.monotonic() - answered_at
                if away_s is None or away_s > POLL_S + ABSENCE_S_MAX:
                    raise
                time.sleep(RETRY_PAUSE_S)
            if deadline is not None and time.monotonic() >= deadline:
                raise ResultTimeout(
                    f"execution {id!r} has not ended within {timeout_s:g} s; it goes on",
                    execution=id,
                )

    def result(self, id: str, timeout_s: float | None = None) -> Any:  # noqa: A002 (the word of the API)
        """Wait for the end and return the result as plain JSON.

        Raises `ResultTimeout`, and `ExecutionFailed` when the workflow raised.
        """
        return value(self.wait(id, timeout_s))

    def journal(self, id: str) -> Iterator[dict[str, Any]]:  # noqa: A002 (the word of the API)
        """Yield all entries of an execution's journal, in order."""
        path = f"/executions/{_segment(id)}/journal"
        position: int | None = 0
        while position is not None:
            page = self._get(path, api.JournalPage, {"from": position})
            yield from page.entries
            position = page.next

    def logs(self, id: str, position: int = 0) -> tuple[LogLines, int]:  # noqa: A002 (the word of the API)
        """Return the messages from a journal position on, and the position to go on from later."""
        path = f"/executions/{_segment(id)}/logs"
        lines: LogLines = []
        while True:
            page = self._get(path, api.LogPage, {"from": position, "limit": api.JOURNAL_LIMIT_MAX})
            lines += page.logs
            if page.next is None:
                return lines, max(position, page.length)
            position = page.next

    # --- inside -------------------------------------------------------------------------------

    def _get(
        self,
        path: str,
        type_: type[T],
        query: Mapping[str, str | int | float] | None = None,
        *,
        wait_s: float = 0.0,
    ) -> T:
        return self._send("GET", path, type_, query=query, wait_s=wait_s)

    def _send(
        self,
        method: str,
        path: str,
        type_: type[T],
        *,
        query: Mapping[str, str | int | float] | None = None,
        body: bytes | None = None,
        wait_s: float = 0.0,
        also: int | None = None,
    ) -> T:
        try:
            response = self._http.request(
                method,
                path,
                params=query,
                content=body,
                headers={} if body is None else {"Content-Type": "application/json"},
                timeout=httpx.Timeout(ANSWER_S_MAX, read=ANSWER_S_MAX + wait_s),
            )
        except httpx.ConnectError as error:
            raise ServerUnreachable(
                f"no server answers at {self.url}: start it with `flawless up app.py`, or set "
                "FLAWLESS_URL to where it is"
            ) from error
        except httpx.TimeoutException as error:
            raise ServerUnreachable(
                f"the server at {self.url} did not answer in time; is it very busy, or stopped?"
            ) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ServerUnreachable(
                f"the connection to {self.url} broke off ({reason}); what was started goes on when "
                "the server is back"
            ) from error
        if response.is_success or response.status_code == also:
            try:
                return msgspec.json.decode(response.content, type=type_)
            except msgspec.DecodeError as error:
                raise self._stranger(response) from error
        raise self._error(response)

    def _error(self, response: httpx.Response) -> FlawlessError:
        try:
            content = msgspec.json.decode(response.content, type=dict[str, Any])
            kind, detail = str(content.pop("type")), str(content.pop("detail"))
        except (msgspec.DecodeError, KeyError):
            return self._stranger(response)
        if response.status_code == 401:
            return UsageError(
                f"the server at {self.url} wants a token: set FLAWLESS_TOKEN to the server's"
            )
        known = _KNOWN.get(kind.removeprefix(api.PROBLEM_TYPE))
        if known is not None:
            # The message is complete; constructors, which would build it from parts, differ.
            error = known.__new__(known)
            Exception.__init__(error, detail)
            error.__dict__.update(content)
            return error
        hint = f" ({content['hint']})" if "hint" in content else ""
        if response.status_code < 500:
            return UsageError(f"{detail}{hint}")
        return ServerError(f"the server at {self.url} has a problem: {detail}{hint}")

    def _stranger(self, response: httpx.Response) -> ServerError:
        shown = " ".join(response.text[:100].split())
        return ServerError(
            f"what answers at {self.url} is no Flawless server, or one this client is too old for "
            f"(status {response.status_code}: {shown!r}); check FLAWLESS_URL"
        )


class ServerUnreachable(ServerError):
    """No server answers at the address, or it broke off."""


def value(outcome: api.Outcome | api.StartedExecution) -> Any:
    """Return the result of an execution that has ended, or raise `ExecutionFailed`."""
    if outcome.status == "completed":
        return outcome.result
    error = outcome.error if isinstance(outcome.error, dict) else {}
    type_ = f"{error.get('module', '')}.{error.get('type', '')}".removeprefix("builtins.")
    raise ExecutionFailed(
        outcome.id,
        type_.strip("."),
        str(error.get("message", outcome.status)),
        str(error.get("traceback", "")),
        error,
    )


_FINAL = {"completed", "failed", "cancelled"}


_KNOWN: dict[str, type[FlawlessError]] = {
    api.slug(name): found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, FlawlessError)
}


def _segment(text: str) -> str:
    return quote(execution_id(text), safe="")


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        usable = parts.scheme in ("http", "https") and host and parts.port != 0
    except ValueError:
        usable, host = False, None
    if not usable or host is None:
        raise UsageError(
            f"FLAWLESS_URL is no address of a server: {url!r}; it looks like {URL_DEFAULT}"
        )
    return host


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
