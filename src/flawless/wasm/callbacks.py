"""wasmtime's callbacks: how a host function is entered from a guest and left again.

Whatever a host function raises is kept in its guest, and wasmtime is given an error instead: the
guest traps, and the driver raises the exception once the guest's stack is unwound. Nothing
depends on an exception crossing the guest, and guests in several threads cannot swap theirs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, cast

from . import binding
from .binding import ANSWERED, STRLEN, WORD0, Continuation, Value, bytes_new
from .guest import GUESTS, Guest
from .values import STRING


def guarded(
    handler: Callable[[Guest, int, int], int | None],
) -> Any:
    """Make a wasmtime callback of `handler(guest, args, results)`.

    The handler fills in `results` and returns None, or returns `guest.suspend(...)`. What it raises
    is kept in the guest, which traps: no exception crosses the guest's stack.
    """

    def callback(
        _env: int,
        context: int,
        _type: int,
        args: int,
        _nargs: int,
        results: int,
        _nresults: int,
        error: int,
        continuation: int,
    ) -> None:
        guest = cast("Guest", GUESTS[context]())
        try:
            env = handler(guest, args, results)
            slot = Continuation.from_address(continuation)
            slot.callback = STRLEN
            slot.env = ANSWERED if env is None else env
        except BaseException as failure:  # it comes out of `_poll`
            fail(guest, failure, error)

    return binding.ASYNC_CALLBACK(callback)


def guarded_sync(handler: Callable[[Guest, int, int], None]) -> Any:
    """Make a wasmtime callback of a handler that never suspends; else like `guarded`."""

    def callback(
        _env: int,
        context: int,
        _type: int,
        args: int,
        _nargs: int,
        results: int,
        _nresults: int,
    ) -> int:
        guest = cast("Guest", GUESTS[context]())
        try:
            handler(guest, args, results)
        except BaseException as failure:
            if guest.failure is None:
                guest.failure = failure
            error: int = binding.error_new(b"the host failed")
            return error
        return 0

    return binding.SYNC_CALLBACK(callback)


def fail(guest: Guest, failure: BaseException, error: int) -> None:
    """Keep `failure` in the guest and write an error into wasmtime's slot: the guest traps."""
    if guest.failure is None:
        guest.failure = failure
    ctypes.c_uint64.from_address(error).value = binding.error_new(b"the host failed")


def _answer_call(guest: Guest, response: bytes) -> None:
    guest.check_response(response)
    results = guest.results
    bytes_new(results + WORD0, len(response), response)
    ctypes.c_uint8.from_address(results).value = STRING


def _on_call(
    _env: int,
    context: int,
    _type: int,
    args: int,
    _nargs: int,
    results: int,
    _nresults: int,
    error: int,
    continuation: int,
) -> None:
    """`flawless:workflow/host.call: func(request: string) -> string`.

    The hot path: what `guarded` does, written out.
    """
    guest = cast("Guest", GUESTS[context]())
    try:
        request = Value.from_address(args)
        size = request.word0
        if size > guest.limits.request_bytes_max:
            guest.refuse_request(size)
        response = guest.host.call(ctypes.string_at(request.word1, size))
        slot = Continuation.from_address(continuation)
        slot.callback = STRLEN
        if response is None:
            slot.env = guest.suspend(results, _answer_call)
            return
        if len(response) > guest.limits.response_bytes_max or not response.isascii():
            guest.check_response(response)
        bytes_new(results + WORD0, len(response), response)
        ctypes.c_uint8.from_address(results).value = STRING
        slot.env = ANSWERED
        guest.turn_ns = 0  # an answer begins a new turn
    except BaseException as failure:  # it comes out of `_poll`
        fail(guest, failure, error)


ON_CALL: Any = binding.ASYNC_CALLBACK(_on_call)
"""`flawless:workflow/host.call`, as wasmtime wants it."""
