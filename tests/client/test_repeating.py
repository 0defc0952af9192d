"""Asking again: what may be repeated, for how long, and with which pauses. No server, no clock."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from flawless import api
from flawless.client import action_calls, engine_calls, execution_calls
from flawless.client.answers import AnswerBroken, ServerUnreachable
from flawless.client.call import Call
from flawless.client.plans import Connect, Lost, Pause, Refused, Send, TimeOver
from flawless.client.retrying import PAUSE_S_MAX, Retrying
from flawless.errors import (
    EngineStopped,
    ExecutionNotFound,
    InboxFull,
    InputInvalid,
    ServerError,
)

URL = "http://server.example"
GOOD = msgspec.json.encode(api.About("flawless", "1", "v1"))
JSON = {"Content-Type": "application/json"}
BROKEN_OFF = [
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("incomplete"),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("pipe"),
]
NOT_SENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("far away")]


def good(body: bytes = GOOD) -> httpx.Response:
    """Return a response that is an answer."""
    return httpx.Response(200, content=body, headers=JSON)


def refusal(status: int, kind: str, **headers: str) -> httpx.Response:
    """Return a problem."""
    body = {"type": f"urn:flawless:problem:{kind}", "detail": f"about {kind}", "status": status}
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers=shown)


class Drive:
    """Answers the requests of one call from a script; pauses take no time but are counted."""

    def __init__(self, retry_s: float = 30.0, seed: int = 1) -> None:
        self.now_s = 0.0
        self.pauses: list[float] = []
        self.sent: list[Call[Any]] = []
        self.retrying = Retrying(URL, retry_s, chance=random.Random(seed), now=lambda: self.now_s)

    def __call__(self, call: Call[Any], script: Sequence[httpx.Response | Exception]) -> Any:
        """Return the call's answer; the last line of the script is repeated."""
        steps = self.retrying.attempts(call)
        left = list(script)
        came: Any = None
        while True:
            try:
                step = steps.throw(came) if isinstance(came, Exception) else steps.send(came)
            except StopIteration as end:
                return end.value
            if isinstance(step, Pause):
                self.pauses.append(step.seconds)
                self.now_s += step.seconds
                came = None
            else:
                assert isinstance(step, Send)
                self.sent.append(step.call)
                came = left.pop(0) if len(left) > 1 else left[0]


LOOK = engine_calls.about()
ACT = action_calls.retry("x")


@pytest.mark.parametrize("failure", [*BROKEN_OFF, *NOT_SENT, httpx.DecodingError("gzip")])
def test_looking_is_repeated_after_anything(failure: Exception) -> None:
    """A broken connection or answer costs a call that only looks a pause, and nothing else."""
    drive = Drive()
    assert drive(LOOK, [failure, failure, good()]).api == "v1"
    assert len(drive.pauses) == 2
    assert 0.05 <= drive.pauses[0] <= 0.1
    assert 0.1 <= drive.pauses[1] <= 0.2


@pytest.mark.parametrize("failure", BROKEN_OFF)
def test_an_act_without_an_id_is_not_repeated(failure: Exception) -> None:
    """Where nobody knows if it was done, and doing it twice is twice, the caller decides."""
    drive = Drive()
    with pytest.raises(ServerUnreachable, match="server"):
        drive(ACT, [failure, good()])
    assert len(drive.sent) == 1


@pytest.mark.parametrize("failure", [*NOT_SENT, refusal(429, "too-many-requests")])
def test_what_was_not_done_is_repeated(failure: Exception | httpx.Response) -> None:
    """What has not reached a server, or was turned away unread, may always be asked again."""
    answer = msgspec.json.encode(api.Execution("x", "w", "d", "running", "", ""))
    drive = Drive()
    assert drive(ACT, [failure, good(answer)]).id == "x"
    assert len(drive.sent) == 2


@pytest.mark.parametrize(
    "busy",
    [
        refusal(503, "engine-stopped"),
        refusal(429, "inbox-full"),
        httpx.Response(502, text="<h1>Bad gateway</h1>"),
        httpx.Response(504, text=""),
        good(b'{"name": "fla'),
    ],
)
def test_a_server_that_is_away_or_busy_is_asked_again(busy: httpx.Response) -> None:
    """Stopping engines, gateways without a server behind them, and cut answers: ask again."""
    drive = Drive()
    assert drive(LOOK, [busy, good()]).api == "v1"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(404, "execution-not-found"), ExecutionNotFound),
        (refusal(422, "input-invalid"), InputInvalid),
        (refusal(500, "journal-damaged"), Exception),
        (httpx.Response(200, text="<h1>It works!</h1>"), ServerError),
        (httpx.Response(404, text="nothing here"), ServerError),
    ],
)
def test_what_will_not_change_is_not_asked_again(
    answer: httpx.Response, error: type[Exception]
) -> None:
    """A refusal with a reason, and somebody else's server, are told at once."""
    drive = Drive()
    with pytest.raises(error):
        drive(LOOK, [answer, good()])
    assert len(drive.sent) == 1


def test_a_server_is_left_alone_as_long_as_it_asks() -> None:
    """Retry-After is waited for, if there is time for it; else the refusal is told at once."""
    drive = Drive()
    assert drive(LOOK, [refusal(503, "engine-stopped", Retry_After="7"), good()]).api == "v1"
    assert drive.pauses == [7.0]
    hurried = Drive(retry_s=5)
    with pytest.raises(EngineStopped):
        hurried(LOOK, [refusal(503, "engine-stopped", Retry_After="7"), good()])
    assert hurried.pauses == []
    for nonsense in ("soon", "-1", "1e9", "٣"):
        drive = Drive()
        drive(LOOK, [httpx.Response(503, headers=[(b"Retry-After", nonsense.encode())]), good()])
        assert drive.pauses[0] <= 0.1


@pytest.mark.parametrize("retry_s", [0.0, 0.5, 30.0, 300.0])
def test_trying_has_an_end(retry_s: float) -> None:
    """Pauses grow to a bound, and in all they take no longer than the caller has allowed."""
    drive = Drive(retry_s)
    with pytest.raises(ServerUnreachable, match="flawless up"):
        drive(LOOK, [httpx.ConnectError("refused")])
    assert sum(drive.pauses) <= retry_s
    assert len(drive.sent) == len(drive.pauses) + 1
    assert max(drive.pauses, default=0) <= PAUSE_S_MAX
    assert sum(drive.pauses) >= retry_s - PAUSE_S_MAX
    with pytest.raises(InputInvalid):
        Drive(retry_s=float("nan"))


def test_the_time_of_a_caller_counts() -> None:
    """Who has less time than the client would try for hears that it is over, and why."""
    drive = Drive(retry_s=300)
    with pytest.raises(TimeOver, match="flawless up") as caught:
        drive(replace(LOOK, within_s=2.0), [httpx.ConnectError("refused")])
    assert isinstance(caught.value.reason, ServerUnreachable)
    assert 0 < sum(drive.pauses) <= 2.0
    with pytest.raises(InboxFull):
        Drive(retry_s=1)(replace(LOOK, within_s=2.0), [refusal(429, "inbox-full")])
    with pytest.raises(ExecutionNotFound):
        Drive()(replace(LOOK, within_s=0.0), [refusal(404, "execution-not-found")])


@pytest.mark.parametrize("last_id", ["", "7"])
def test_no_content_ends_a_stream_that_is_resumed(last_id: str) -> None:
    """A server says so who has told its end; to who comes anew only a stranger does."""
    retrying = Drive().retrying
    steps = retrying.steps(_plan(Connect(LOOK, last_id)))
    next(steps)
    if last_id:
        with pytest.raises(StopIteration):
            steps.send(httpx.Response(204))
    else:
        with pytest.raises(ServerError, match="no Flawless server"):
            steps.send(httpx.Response(204))


def test_clients_do_not_come_back_all_at_once() -> None:
    """Pauses vary by chance, and the chance can be given."""

    def pauses(seed: int) -> list[float]:
        drive = Drive(seed=seed)
        with pytest.raises(ServerUnreachable):
            drive(LOOK, [httpx.ReadError("reset")])
        return drive.pauses

    assert pauses(1) == pauses(1)
    assert pauses(1) != pauses(2)


def test_what_is_repeated_carries_the_same_id() -> None:
    """The id of a start, a message, a cancellation is made once, before it is first sent."""
    started = api.StartedExecution("x", "w", "d", "running", "", "", new=False)
    drive = Drive()
    again = drive(execution_calls.start("w"), [*BROKEN_OFF, good(msgspec.json.encode(started))])
    assert again.new, "the id was made here: who has it started it"
    ids = {msgspec.json.decode(call.body or b"")["id"] for call in drive.sent}
    assert len(ids) == 1
    assert len(drive.sent) == 5
    chosen = execution_calls.start("w", id="x")
    assert not drive(chosen, [good(msgspec.json.encode(started))]).new

    sent = msgspec.json.encode(api.SentMessage("x", "n", new=False))
    assert drive(action_calls.send("x", "n"), [httpx.ReadError("reset"), good(sent)])
    assert not drive(action_calls.send("x", "n", message_id="m"), [good(sent)])
    for call in (
        action_calls.send("x", "n"),
        action_calls.cancel("x"),
        action_calls.terminate("x"),
    ):
        body = msgspec.json.decode(call.body or b"")
        assert (call.repeatable, len(body["id"])) == (True, 20)
    for call in (action_calls.retry("x"), action_calls.resolve("x", retry=True)):
        assert not call.repeatable


def test_an_inbox_that_stays_full_is_told() -> None:
    """When the time is over, the last refusal is raised as what it is."""
    with pytest.raises(InboxFull):
        Drive()(action_calls.send("x", "n"), [refusal(429, "inbox-full")])


def test_a_lost_stream_is_connected_again_for_a_while() -> None:
    """The time counts from when it last brought something; a closed stream begins anew at once."""
    drive = Drive(retry_s=10)

    def rest(error: Exception | None, tries: int, heard_at: float) -> float:
        return sum(
            step.seconds
            for step in drive.retrying.steps(_plan(Lost(error, tries, heard_at, 1.0)))
            if isinstance(step, Pause)
        )

    drive.now_s = 100.0
    assert 0.5 <= rest(None, 0, 0.0) <= 1.0
    assert 2.0 <= rest(httpx.ReadError("reset"), 2, 99.0) <= 4.0
    assert rest(Refused(EngineStopped("no"), 5.0), 0, 99.0) == 5.0
    with pytest.raises(ServerUnreachable):
        rest(httpx.ReadError("reset"), 0, 89.0)
    with pytest.raises(EngineStopped):
        rest(Refused(EngineStopped("no"), 5.0), 0, 91.0)
    with pytest.raises(AnswerBroken):
        rest(AnswerBroken("garbled"), 0, 80.0)


def _plan(step: Lost | Connect) -> Any:
    yield step
