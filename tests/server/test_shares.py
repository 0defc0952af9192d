"""How many streams and waiting requests one caller may have open."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import httpx
import pytest
from asking import expect
from guarded import API, guarded, listening
from listening import Listener

from flawless.server.access.callers import Caller
from flawless.server.access.limits import RequestLimits
from flawless.server.access.roles import Role
from flawless.server.access.shares import Shares
from flawless.server.hosting.connections import Lobby
from flawless.server.wire.problems import TooManyStreams

LIMITS = RequestLimits(long_answers_per_execution_max=2, long_answers_per_token_max=3)


@pytest.mark.parametrize(
    ("who", "most"),
    [
        (Caller("capability of ann", "capability", execution="own"), 2),
        (Caller("ann", "token", Role.READ), 3),
        (Caller("ann", "session", Role.READ), 3),
        (Caller("ann", "host", Role.READ), 3),
        (Caller("local", "local", Role.DEPLOY), 100),
    ],
)
def test_each_kind_of_caller_has_its_share(who: Caller, most: int) -> None:
    """As many as that are open at once, others have theirs, and what ends makes room."""
    shares = Shares(LIMITS, TooManyStreams)
    other = Caller("capability of ann", "capability", execution="other")
    with ExitStack() as stack:
        for _ in range(most):
            stack.enter_context(shares.of(who))
        if who.via != "local":
            with pytest.raises(TooManyStreams, match=f"has {most} of them open"):
                stack.enter_context(shares.of(who))
        stack.enter_context(shares.of(other))
    assert len(shares) == 0
    with shares.of(who):
        pass


def test_one_capability_cannot_take_all_streams_and_waits(tmp_path: Path) -> None:
    """All capabilities of an execution share what it may have; its backend has its own."""
    with guarded(tmp_path, limits=LIMITS) as server, ExitStack() as stack:
        ann = server.add("ann", Role.OPERATE)
        server.start(ann, "own")
        visitors = [server.capability(ann, "own", ["state", "send"]) for _ in range(2)]
        bearers = [{"Authorization": f"Bearer {token}"} for token in (*visitors, ann)]
        address = stack.enter_context(listening(server.app, Lobby(RequestLimits()), server.loop))
        client = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{address[1]}{API}/", trust_env=False)
        )
        own = "/executions/own"
        for bearer in bearers[:2]:
            stream = stack.enter_context(Listener(client, f"{own}/events", headers=bearer))
            assert stream.read() is not None
        refused = client.get(f"{own}/events", headers=bearers[0])
        expect(refused, 503, "too-many-streams", "has 2 of them open")
        assert int(refused.headers["Retry-After"]) > 0
        assert client.get(own, headers=bearers[0]).status_code == 200
        stream = stack.enter_context(Listener(client, f"{own}/events", headers=bearers[2]))
        assert stream.read() is not None

        answers: list[int] = []

        def wait(bearer: dict[str, str]) -> None:
            asked = client.get(f"{own}/result", params={"wait": 30}, headers=bearer, timeout=60)
            answers.append(asked.status_code)

        waiting = [Thread(target=wait, args=(bearers[0],)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        while not answers:  # the one too many is answered at once
            waiting[0].join(0.01)
        assert answers == [429]
        assert client.get(f"{own}/result", headers=bearers[1]).status_code == 200
        word = {"name": "word", "payload": "enough"}
        assert client.post(f"{own}/messages", json=word, headers=bearers[2]).status_code == 202
        for thread in waiting:
            thread.join()
        assert answers == [429, 200, 200]
