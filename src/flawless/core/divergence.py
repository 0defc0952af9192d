"""What is said when a guest asks, on replay, for something else than its journal holds."""

from __future__ import annotations

from dataclasses import dataclass

from flawless.core.entries import Entry, Logged, describe
from flawless.core.protocol import (
    CancelRequest,
    ClockRequest,
    DropRequest,
    ExecuteRequest,
    HttpRequest,
    LoadRequest,
    LogRequest,
    NextRequest,
    ParkRequest,
    PublishRequest,
    ReceiveRequest,
    Request,
    RespondRequest,
    SecretRequest,
    SendRequest,
    SleepRequest,
    SourceRequest,
    StepRequest,
    WhereRequest,
    decode_request,
    label,
)
from flawless.errors import Divergence, GuestTrapped


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The place in the journal, what it holds, and what the guest asked for instead."""

    position: int
    recorded: str
    requested: str

    @classmethod
    def of(cls, position: int, entry: Entry, requested: str) -> Mismatch:
        """Return the mismatch between `entry` and a request in words."""
        return cls(position, describe(entry), requested)

    @classmethod
    def asked(cls, position: int, entry: Entry, request: Request) -> Mismatch:
        """Return the mismatch between `entry` and a request; two log messages are told apart."""
        found = cls.of(position, entry, describe_request(request))
        if not isinstance(entry, Logged) or not isinstance(request, LogRequest):
            return found
        if found.recorded != found.requested:
            return found
        return cls(position, *(_logged(*pair) for pair in ((entry, request), (request, entry))))

    def error(self, execution: str, reply: bytes = b"") -> Divergence:
        """Return the error to stop the guest with.

        `reply` is the guest's answer to `{"where": true}`, if it was asked; an unusable one costs
        the error its source line and nothing else.
        """
        return Divergence(execution, self.position, self.recorded, self.requested, _where(reply))


def describe_request(request: Request) -> str:
    """Return a few words for messages to people; the counterpart of `entries.describe`."""
    match request:
        case StepRequest() | HttpRequest() | SleepRequest() | SendRequest() | CancelRequest():
            start = "the start of " if request.start else ""
            return f"{start}{label(request)} (effect {request.id})"
        case ReceiveRequest() | ExecuteRequest():
            return f"the start of {label(request)} (effect {request.id})"
        case ParkRequest():
            return f"{label(request)} (effect {request.id})"
        case PublishRequest():
            return "to publish a state"
        case RespondRequest():
            return "to respond to the caller"
        case NextRequest():
            return "a wait for started effects"
        case DropRequest():
            return f"to give up effect {request.id}"
        case LogRequest():
            return f"a log message {request.message[:60]!r}"
        case ClockRequest():
            return "a look at the clock"
        case LoadRequest() | SourceRequest():
            return f"the code of {request.name}"
        case SecretRequest():
            return f"the secret {request.name}"
        case WhereRequest():
            return "to tell where it stands"


def _logged(one: Logged | LogRequest, other: Logged | LogRequest) -> str:
    """Describe a log message by what differs from another one whose text begins the same."""
    if one.message == other.message:
        return f"a log message {one.message[:60]!r} of {one.logger!r} (level {one.level})"
    same = 0
    while one.message[same : same + 1] == other.message[same : same + 1]:
        same += 1
    return f"a log message with {one.message[same : same + 60]!r} at character {same}"


def _where(reply: bytes) -> str:
    try:
        request = decode_request(reply)
    except GuestTrapped:
        return ""
    if not isinstance(request, WhereRequest) or not request.frames:
        return ""
    inner = request.frames[-1]
    return f"{inner.file}:{inner.line}" + (f" ({inner.text.strip()})" if inner.text else "")
