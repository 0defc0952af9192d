"""The streams that editors speak on: standard input and output, or a port of this machine."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flawless.errors import UsageError
from flawless.timetravel.dap.handlers import Handlers
from flawless.timetravel.dap.session import Session
from flawless.timetravel.stepping.debugger import Debugger


def serve_streams(debugger: Debugger, roots: list[Path]) -> None:
    """Serve an editor that has started this process."""
    reader, writer = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may stand between the messages
    try:
        Session(Handlers(debugger, roots), reader, writer).run()
    finally:
        sys.stdout = sys.__stdout__


def serve_port(
    debugger: Debugger, roots: list[Path], port: int, bound: Callable[[int], None]
) -> None:
    """Serve one editor that connects to a port of 127.0.0.1; `bound` is told which it is.

    Whoever connects and is none, such as a browser, is sent away.
    """
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(
            f"port {port} of 127.0.0.1 cannot be had: {error.strerror or error}; "
            "--dap-port 0 takes any that is free"
        ) from error
    with listener:
        bound(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            with suppress(ConnectionError), connection:
                if _speak(debugger, roots, connection):
                    return


def _speak(debugger: Debugger, roots: list[Path], connection: socket.socket) -> bool:
    """Speak with whoever has connected; tell whether it was an editor."""
    with connection.makefile("rb") as reader, connection.makefile("wb") as writer:
        session = Session(Handlers(debugger, roots), reader, writer)
        session.run()
    return session.initialized
