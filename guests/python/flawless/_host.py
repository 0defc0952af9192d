"""The one door to the engine: requests out, responses in.

Everything a workflow does to the world is one JSON request and one JSON response. This module is
the hot path, so it keeps one C encoder, writes requests as text, and looks at nothing twice.
`docs/reference/protocol.md` lists requests and responses.
"""

from __future__ import annotations

import sys
from asyncio import CancelledError, events
from collections.abc import Callable
from json import loads
from json.encoder import (  # type: ignore[attr-defined]  # typeshed does not know c_make_encoder
    c_make_encoder,
    encode_basestring,
    encode_basestring_ascii,
)
from typing import TYPE_CHECKING, Any

from flawless.errors import UsageError

if TYPE_CHECKING:
    from flawless._futures import Future
    from flawless._workflows import Workflow


def _refuse(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} is not JSON")


_chunks = c_make_encoder(None, _refuse, encode_basestring, None, ":", ",", False, False, True)
_chunks_ascii = c_make_encoder(
    None, _refuse, encode_basestring_ascii, None, ":", ",", False, False, True
)


def encode(value: Any) -> str:
    """Return compact JSON. Lone surrogates, which UTF-8 cannot carry, are escaped."""
    text = "".join(_chunks(value, 0))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "".join(_chunks_ascii(value, 0))
    return text


def _no_engine(_: str) -> str:
    raise UsageError("there is no engine while the component is built")


class Session:
    """What the guest knows about its execution. There is one execution in the life of a guest."""

    def __init__(self) -> None:
        self.call: Callable[[str], str] = _no_engine
        self.execution = ""
        self.run = 1
        """Which run of the execution this is: `continue_as_new` begins the next one."""
        self.workflow: Workflow[..., Any] | None = None
        """The workflow that runs, once it does."""
        self.cancelled = False
        """Whether the engine has told that the execution is cancelled; it does so once."""
        self.responded = False
        """Whether this run has responded to whoever started it."""
        self.now_us = 0
        """The time the engine told last, in microseconds since the epoch."""
        self.mark = ""
        """What the host finds the guest's memory by, once that is prepared."""
        self.asked = False
        """Whether somebody has asked for what differs between executions."""
        self.active = False
        """Whether a workflow runs: modules are imported, effects are allowed."""
        self.effects = 0
        """Number of the last effect."""
        self.pending: dict[int, Future[Any]] = {}
        """Started effects whose outcome has not come."""
        self.unseen: dict[int, Future[Any]] = {}
        """Effects that failed and at whose outcome nobody has looked, the first ones."""
        self.frames: Callable[[], list[dict[str, Any]]] = list


session = Session()

AWAITED, DROPPED, LEFT, CHILD = range(4)
"""What becomes of a started effect that is under way when the workflow ends: its end is awaited; it
is dropped (timers, messages); it is left to itself; its end is awaited even after an error."""


def request(text: str) -> Any:
    """Send one request and return the response."""
    if not text.isascii():
        text.encode()  # a lone surrogate is an error here; handed over, it would abort the guest
    answer = loads(session.call(text))
    while "where" in answer:
        answer = loads(session.call(encode({"op": "where", "frames": session.frames()})))
    return answer


def perform(op: str, body: str) -> Any:
    """Perform an effect and return its response, which holds `ok` or `error`."""
    if not session.active:
        _refuse_outside(op)
    session.effects = effect = session.effects + 1
    answer = request(f'{{"op":"{op}","id":{effect},{body}}}')
    session.now_us = answer["now"]
    if "cancel" in answer:
        raise told(answer["cancel"])
    return answer


def tell(op: str, body: str) -> Any:
    """Make a request that is no effect to wait for, and return its response."""
    if not session.active:
        _refuse_outside(op)
    return request(f'{{"op":"{op}",{body}}}')


def begin(op: str, body: str, future: Future[Any]) -> int:
    """Start an effect whose outcome will settle `future`; return its number."""
    if not session.active:
        _refuse_outside(op)
    session.effects = effect = session.effects + 1
    request(f'{{"op":"{op}","id":{effect},{body},"start":true}}')
    session.pending[effect] = future
    return effect


def wait(until_us: int | None, *, poll: bool = False) -> bool:
    """Wait for the next outcome of a started effect and settle its future.

    Returns False when `until_us` came first, or when `poll` found nothing. Raises `Cancelled` when
    that is what the engine tells instead.
    """
    until = "null" if until_us is None else str(until_us)
    answer = request(f'{{"op":"next","until":{until},"poll":{"true" if poll else "false"}}}')
    session.now_us = answer["now"]
    effect = answer.get("id")
    if effect is None:
        if "cancel" in answer:
            raise told(answer["cancel"])
        return False
    future = session.pending.pop(effect, None)
    if future is not None:
        future._settle(answer)
    return True


def told(reason: str) -> CancelledError:
    """Note that the execution is cancelled; return what to raise where it waited.

    Inside a loop the loop's main task has to hear of it: a task of its own may end cancelled with
    nobody looking.
    """
    session.cancelled = True
    loop: Any = events._get_running_loop()
    if loop is not None:
        loop.pass_on_cancel(reason)
    return CancelledError(reason)


def settle() -> None:
    """Wait for the started effects that nobody has waited for.

    A workflow that starts a step and returns has asked for the step: it is done before the end.
    So is a child, unless its parent-close policy says otherwise. Timers and messages are dropped.
    """
    for effect, future in list(session.pending.items()):
        if future._ending == DROPPED:
            drop(effect)
        elif future._ending == LEFT:
            del session.pending[effect]
    while session.pending:
        wait(None)


def settle_children() -> None:
    """Wait for the children whose end the workflow's own must not precede, even after an error."""
    pending = session.pending
    for effect in [e for e, future in pending.items() if future._ending == CHILD]:
        while effect in pending:
            wait(None)


def drop(effect: int) -> None:
    """Tell the engine that nobody will look at the outcome of a started effect."""
    if session.pending.pop(effect, None) is not None:
        request(f'{{"op":"drop","id":{effect}}}')


def clock() -> int:
    """Look at the clock; return microseconds since the epoch."""
    if session.active:
        session.now_us = request('{"op":"clock"}')["now"]
    else:
        session.asked = True
    return session.now_us


def log(level: int, logger: str, message: str) -> None:
    """Log a message; before the workflow runs it only goes to the process's standard output."""
    if session.active:
        request(encode({"op": "log", "level": level, "logger": logger, "message": message}))
    elif sys.__stdout__ is not None:
        sys.__stdout__.write(f"{message}\n")


def _refuse_outside(op: str) -> None:
    raise UsageError(
        f"an effect ({op}) was used while a module was being imported: use it inside a workflow"
    )
