"""The loop that answers an editor: one message after the other, each request with a response."""

from __future__ import annotations

from typing import Any, BinaryIO

from flawless.errors import FlawlessError
from flawless.timetravel.dap.handlers import Handlers
from flawless.timetravel.dap.messages import (
    Message,
    StreamBroken,
    Unreadable,
    read_message,
    write_message,
)

_ERROR = 1


class Session:
    """One editor, from its first message to its last."""

    def __init__(self, handlers: Handlers, reader: BinaryIO, writer: BinaryIO) -> None:
        self._handlers = handlers
        self._reader = reader
        self._writer = writer
        self._sent = 0
        self.initialized = False
        """Whether it was an editor that spoke: there was an `initialize`."""

    def run(self) -> None:
        """Answer until the editor leaves."""
        try:
            while not self._handlers.over:
                try:
                    message = read_message(self._reader)
                except Unreadable as error:
                    self._refuse({}, str(error))
                    continue
                except StreamBroken as error:
                    self._refuse({}, str(error))
                    return
                if message is None:
                    return
                self._answer(message)
        except (BrokenPipeError, ConnectionError):
            return  # nobody is there any more

    def _answer(self, message: Message) -> None:
        if message.get("type") != "request" or not isinstance(message.get("command"), str):
            self._refuse(message, "this is no request: it has no type and command")
            return
        arguments = message.get("arguments")
        if arguments is None:
            arguments = {}
        if not isinstance(arguments, dict):
            self._refuse(message, "the arguments are no JSON object")
            return
        try:
            body = self._handlers.handle(message["command"], arguments)
        except FlawlessError as error:
            self._refuse(message, str(error))
        except Exception as error:  # an editor shows it, and its session goes on
            self._refuse(message, f"the debugger failed: {type(error).__name__}: {error}")
        else:
            self.initialized = self.initialized or message["command"] == "initialize"
            self._respond(message, success=True, body=body)
        self._after(message)

    def _after(self, message: Message) -> None:
        """Do what a response only announces, and tell what has happened since."""
        try:
            self._handlers.follow_up()
        except FlawlessError as error:
            self._handlers.tell("output", category="stderr", output=f"{error}\n")
            self._handlers.tell_stop("pause")
        except Exception as error:
            text = f"the debugger failed: {type(error).__name__}: {error}\n"
            self._handlers.tell("output", category="stderr", output=text)
            self._handlers.tell_stop("pause")
        for name, body in self._handlers.take_events():
            self._send({"type": "event", "event": name, "body": body})

    def _respond(self, request: Message, *, success: bool, **fields: Any) -> None:
        seq = request.get("seq")
        self._send(
            {
                "type": "response",
                "request_seq": seq if isinstance(seq, int) else 0,
                "success": success,
                "command": str(request.get("command", "")),
                **fields,
            }
        )

    def _refuse(self, request: Message, text: str) -> None:
        error = {"id": _ERROR, "format": text.replace("{", "{{"), "showUser": False}
        self._respond(request, success=False, message=text, body={"error": error})

    def _send(self, message: Message) -> None:
        self._sent += 1
        write_message(self._writer, {"seq": self._sent, **message})
