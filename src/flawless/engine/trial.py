"""What a fork begins with: a guest goes along the shared entries before there is a fork.

That shows whether the code fits them, and what journals do not hold: the values that the workflow
has published, and the messages it has sent to those who begin anew with the fork.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from flawless.core.entries import (
    Arrived,
    Called,
    Entry,
    Invoked,
    Observed,
    Published,
    Responded,
    Started,
)
from flawless.core.history import history
from flawless.core.limits import Limits
from flawless.core.names import translator
from flawless.core.protocol import (
    CancelRequest,
    ExecuteRequest,
    PublishRequest,
    Request,
    RespondRequest,
    SendRequest,
    decode_request,
)
from flawless.engine.deployment import Deployment
from flawless.engine.mail import effect_of
from flawless.engine.replay import replay
from flawless.errors import Divergence, GuestCpuExceeded, GuestTrapped, InputInvalid
from flawless.ids import ExecutionId
from flawless.wasm import Component


@dataclass(frozen=True, slots=True)
class Trial:
    """What a guest has shown that went along the shared entries.

    `children` are those whose ends it does not know, `sent` what it has sent them, or itself.
    """

    state: bytes | None = None
    response: bytes | None = None
    children: Sequence[ExecuteRequest] = ()
    sent: Sequence[SendRequest | CancelRequest] = ()


def try_out(
    new: ExecutionId,
    execution: str,
    entries: Sequence[Entry],
    deployment: Deployment,
    component: Component,
    limits: Limits,
) -> Trial:
    """Let a guest go along the entries of the fork `new` of `execution`, entry 0 first.

    Raises `Divergence` when it leaves their path, and `InputInvalid` when it would be stopped.
    """
    try:
        replayed = replay(new, entries, deployment, component, limits=limits)
    except Divergence as error:
        found = (error.position, error.recorded, error.requested, error.where)
        raise Divergence(execution, *found) from None
    except (GuestTrapped, GuestCpuExceeded) as error:
        raise InputInvalid(
            f"a fork of {execution!r} at {len(entries)} on deployment {deployment.id} would be "
            f"stopped at once: {error}",
            path="deployment",
        ) from error
    first, past = entries[0], history(entries)
    assert isinstance(first, Invoked)
    translate = translator(new, first)
    asked = [translate(decode_request(one)) for one in replayed.questions if one[:1] == b"{"]
    state, response = _shown(past.entries, asked)
    children = [child for child in replayed.starts if child.id in past.shared]
    sent = list(_sent_again(new, children, past.entries, asked))
    return Trial(state, response, children, sent)


def _shown(entries: Sequence[Entry], asked: Sequence[Request]) -> tuple[bytes | None, bytes | None]:
    """Return state and response: the journal says what became of them, the requests hold them."""
    answers = [one for one in entries if isinstance(one, Published | Responded)]
    requests = [one for one in asked if isinstance(one, PublishRequest | RespondRequest)]
    state = response = None
    for entry, request in zip(answers, requests, strict=False):  # one more may be unanswered
        if entry.refused is None and isinstance(request, PublishRequest):
            state = bytes(request.value)
        elif entry.refused is None:
            response = bytes(request.value)
    return state, response


def _sent_again(
    new: ExecutionId,
    children: Sequence[ExecuteRequest],
    entries: Sequence[Entry],
    asked: Sequence[Request],
) -> Iterator[SendRequest | CancelRequest]:
    """Yield what the guest has sent to the children, who begin anew, and to itself, unread."""
    names = {child.child for child in children}
    done = {
        one.effect
        for one in entries
        if isinstance(one, Called | Arrived | Observed) and not one.failed
    }
    read = set(_read_from_executions(entries))
    for request in asked:
        match request:
            case SendRequest(to=to) | CancelRequest(execution=to):
                known = to in names
                if isinstance(request, SendRequest) and to == new:
                    known = (request.id, request.name, bytes(request.payload)) not in read
                if known and request.id in done:
                    yield request


class _Message(msgspec.Struct):
    name: str
    payload: msgspec.Raw
    id: str


def _read_from_executions(entries: Sequence[Entry]) -> Iterator[tuple[int, str, bytes]]:
    """Yield the messages of executions among what was received: effect, name and payload."""
    receiving = {
        one.effect
        for one in entries
        if isinstance(one, Started) and one.label.startswith("receive ")
    }
    for entry in entries:
        if isinstance(entry, Observed) and entry.effect in receiving and entry.payload:
            with suppress(msgspec.MsgspecError):
                message = msgspec.json.decode(entry.payload, type=_Message)
                effect = effect_of(message.id)
                if effect is not None:
                    yield effect, message.name, bytes(message.payload)
