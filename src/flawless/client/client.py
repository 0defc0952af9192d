"""The client itself: one method for each thing that can be asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from flawless import api
from flawless.client.connection import Connection, ServerUnreachable, path_of
from flawless.client.outcomes import ended, replied, value
from flawless.client.tails import LogTail, Tail
from flawless.errors import EngineStopped, ResultTimeout

T = TypeVar("T")

# `Client.list` hides the built-in name in the class.
LogLines: TypeAlias = list[api.LogLine]
ParkedEffects: TypeAlias = list[api.ParkedEffect]

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
        self._connection = Connection(url, token)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._connection.url

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
        self._connection.close()

    # --- the engine ---------------------------------------------------------------------------

    def about(self) -> api.About:
        """Return what answers at the address."""
        return self._connection.get("", api.About)

    def workflows(self) -> list[api.Workflow]:
        """Return the workflows that can be started."""
        return self._connection.get("/workflows", api.WorkflowList).workflows

    def health(self) -> api.Health:
        """Return how the engine is; a failing one has status `failing` and says why."""
        return self._connection.send("GET", "/health", api.Health, also=503)

    # --- executions ---------------------------------------------------------------------------

    def start(
        self,
        workflow: str,
        input: Any = None,  # noqa: A002 (the word of the API)
        *,
        id: str | None = None,  # noqa: A002 (the word of the API)
        wait_s: float = 0.0,
        deadline_s: float | None = None,
    ) -> api.StartedExecution:
        """Start an execution, and wait up to `wait_s` (60 at most) for its response or its end.

        With an id the start may be repeated: it gives the same execution. After `deadline_s` it is
        cancelled. When this returns, the execution is durable.
        """
        body: dict[str, Any] = {"workflow": workflow, "input": input, "wait_s": wait_s}
        if id is not None:
            body["id"] = id
        if deadline_s is not None:
            body["deadline_s"] = deadline_s
        return self._connection.post("/executions", body, api.StartedExecution, wait_s=wait_s)

    def get(self, id: str) -> api.ExecutionDetail:  # noqa: A002 (the word of the API)
        """Return how an execution stands and what it has under way."""
        return self._connection.get(path_of(id), api.ExecutionDetail)

    def list(
        self,
        *,
        status: str | None = None,
        workflow: str | None = None,
        prefix: str = "",
        limit: int = api.LIST_LIMIT,
        before: str | None = None,
        runs: bool = False,
    ) -> api.ExecutionPage:
        """Return a page of executions, newest first; earlier runs (`ID~1`) only with `runs`."""
        query: dict[str, str | int] = {"limit": limit}
        if runs:
            query["runs"] = "true"
        if status is not None:
            query["status"] = status
        if workflow is not None:
            query["workflow"] = workflow
        if prefix:
            query["prefix"] = prefix
        if before is not None:
            query["before"] = before
        return self._connection.get("/executions", api.ExecutionPage, query)

    def outcome(self, id: str, wait_s: float = 0.0) -> api.Outcome:  # noqa: A002 (the word of the API)
        """Return how an execution stands, waiting up to `wait_s` (60 at most) for its end."""
        query = {"wait": wait_s}
        return self._connection.get(path_of(id, "/result"), api.Outcome, query, wait_s=wait_s)

    def wait(self, id: str, timeout_s: float | None = None) -> api.Outcome:  # noqa: A002 (the word of the API)
        """Wait for the end of an execution, through restarts of the server.

        Raises `ResultTimeout` when `timeout_s` passes; the execution goes on.
        """
        return self._await(id, timeout_s, "ended", lambda wait_s: ended(self.outcome(id, wait_s)))

    def reply(self, id: str, wait_s: float = 0.0) -> api.Reply:  # noqa: A002 (the word of the API)
        """Return what an execution responded, waiting up to `wait_s` (60 at most) for it."""
        query = {"wait": wait_s}
        return self._connection.get(path_of(id, "/response"), api.Reply, query, wait_s=wait_s)

    def wait_for_reply(self, id: str, timeout_s: float | None = None) -> api.Reply:  # noqa: A002 (the word of the API)
        """Wait until an execution has responded, or ended without that; else as `wait`."""
        return self._await(
            id, timeout_s, "responded", lambda wait_s: replied(self.reply(id, wait_s))
        )

    def response(self, id: str, timeout_s: float | None = None) -> Any:  # noqa: A002 (the word of the API)
        """Wait for what the workflow responds, or for its result if it ends without that.

        Raises as `result` does.
        """
        reply = self.wait_for_reply(id, timeout_s)
        return value(reply) if reply.response is msgspec.UNSET else reply.response

    def result(self, id: str, timeout_s: float | None = None) -> Any:  # noqa: A002 (the word of the API)
        """Wait for the end and return the result as plain JSON.

        Raises `ResultTimeout`, `ExecutionFailed` when the workflow raised, and `ExecutionCancelled`
        when it was cancelled.
        """
        return value(self.wait(id, timeout_s))

    def state(self, id: str) -> api.State:  # noqa: A002 (the word of the API)
        """Return what the workflow published last; `version` is None if it has not."""
        return self._connection.get(path_of(id, "/state"), api.State)

    def children(self, id: str) -> Iterator[api.Execution]:  # noqa: A002 (the word of the API)
        """Yield the executions that this one has started, in order."""
        place: int | None = 0
        while place is not None:
            query = {"from": place, "limit": api.LIST_LIMIT_MAX}
            page = self._connection.get(path_of(id, "/children"), api.ChildrenPage, query)
            yield from page.children
            place = page.next

    def parked(self, id: str) -> ParkedEffects:  # noqa: A002 (the word of the API)
        """Return the effects that wait for a decision, the longest waiting first."""
        return self._connection.get(path_of(id, "/parked"), api.ParkedList).parked

    def journal(self, id: str) -> Iterator[dict[str, Any]]:  # noqa: A002 (the word of the API)
        """Yield all entries of an execution's journal, in order; see `journal_pages`."""
        for page in self.journal_pages(id):
            yield from page.entries

    def journal_pages(self, id: str) -> Iterator[api.JournalPage]:  # noqa: A002 (the word of the API)
        """Yield an execution's journal in pages.

        It is the journal of one run, also when the next run begins while it is read.
        """
        tail = Tail(self._connection, id, api.JournalPage)
        while not tail.ended:
            yield tail.read()

    def logs(self, id: str, position: int = 0) -> tuple[LogLines, int]:  # noqa: A002 (the word of the API)
        """Return the messages from a journal position on, and the position to go on from later."""
        tail = Tail(self._connection, id, api.LogPage, position)
        lines: LogLines = []
        while not tail.ended:
            lines += tail.read().logs
        return lines, tail.position

    def log_tail(self, id: str) -> LogTail:  # noqa: A002 (the word of the API)
        """Return a reader of the messages as they come, through all runs from now on."""
        return LogTail(self._connection, id)

    # --- talking, ending, repairing -----------------------------------------------------------

    def send(
        self,
        id: str,  # noqa: A002 (the word of the API)
        name: str,
        payload: Any = None,
        *,
        message_id: str | None = None,
    ) -> bool:
        """Send a message; False when one with this `message_id` was sent before.

        Raises `ExecutionNotFound`, `ExecutionEnded`, `InboxFull`, `ValueTooLarge`, and
        `InputInvalid` when the payload is not what the workflow declares for that name. When this
        returns, the message is durable, and the workflow receives it once.
        """
        body = {"name": name, "payload": payload}
        if message_id is not None:
            body["id"] = message_id
        return self._act(id, "messages", body, api.SentMessage).new

    def cancel(
        self,
        id: str,  # noqa: A002 (the word of the API)
        reason: str = "",
        *,
        grace_s: float | None = None,
        by: str = "",
        message_id: str | None = None,
    ) -> api.Execution:
        """Ask an execution to end; its workflow may clean up, for `grace_s` if that is given.

        A second call ends it for good, unless it has the same `message_id`. Raises
        `ExecutionEnded`. When this returns, the request is durable.
        """
        body: dict[str, Any] = {"reason": reason, "by": by}
        if grace_s is not None:
            body["grace_s"] = grace_s
        if message_id is not None:
            body["id"] = message_id
        return self._act(id, "cancel", body, api.Execution)

    def terminate(self, id: str, reason: str = "", *, by: str = "") -> api.Execution:  # noqa: A002 (the word of the API)
        """End an execution at once, without cleaning up; else as `cancel`."""
        return self._act(id, "terminate", {"reason": reason, "by": by}, api.Execution)

    def retry(
        self,
        id: str,  # noqa: A002 (the word of the API)
        *,
        from_start: bool = False,
        effect: int | None = None,
        by: str = "",
    ) -> api.Execution:
        """Let a failed execution go on from the effect that failed, or begin again.

        Raises `RetryRefused`, which says why. When this returns, the retry is durable.
        """
        body: dict[str, Any] = {"from_start": from_start, "by": by}
        if effect is not None:
            body["effect"] = effect
        return self._act(id, "retry", body, api.Execution)

    def resolve(
        self,
        id: str,  # noqa: A002 (the word of the API)
        *,
        ok: Any = msgspec.UNSET,
        error: str | None = None,
        retry: bool = False,
        effect: int | None = None,
        by: str = "",
    ) -> api.Resolution:
        """Decide about a parked effect: the value it had (`ok`), an `error`, or `retry=True`.

        `effect` may be left out when only one is parked. Raises `NotParked`. When this returns, the
        decision is durable, with who (`by`) and when.
        """
        body: dict[str, Any] = {"retry": retry, "by": by}
        if ok is not msgspec.UNSET:
            body["ok"] = ok
        if error is not None:
            body["error"] = error
        if effect is not None:
            body["effect"] = effect
        return self._act(id, "resolve", body, api.Resolution)

    # --- inside -------------------------------------------------------------------------------

    def _await(
        self,
        id: str,  # noqa: A002 (the word of the API)
        timeout_s: float | None,
        what: str,
        look: Callable[[float], T | None],
    ) -> T:
        """Look again and again, through restarts of the server, until there is something."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        answered_at: float | None = None
        while True:
            left_s = POLL_S if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                found = look(min(left_s, POLL_S))
                if found is not None:
                    return found
                answered_at = time.monotonic()
            except (ServerUnreachable, EngineStopped):
                away_s = None if answered_at is None else time.monotonic() - answered_at
                if away_s is None or away_s > POLL_S + ABSENCE_S_MAX:
                    raise
                time.sleep(RETRY_PAUSE_S)
            if deadline is not None and time.monotonic() >= deadline:
                raise ResultTimeout(
                    f"execution {id!r} has not {what} within {timeout_s:g} s; it goes on",
                    execution=id,
                )

    def _act(self, id: str, verb: str, body: Mapping[str, Any], type_: type[T]) -> T:  # noqa: A002 (the word of the API)
        return self._connection.post(path_of(id, f"/{verb}"), body, type_)
