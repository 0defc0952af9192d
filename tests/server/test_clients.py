"""Both clients against a real server: the same words and answers, also over bad connections."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from flaky import BUSY, CUT_ANSWER, LOSE_ANSWER, LOSE_REQUEST, Flaky, flaky
from flawless import AsyncClient, Client, api
from flawless.client import ServerUnreachable
from flawless.errors import (
    ExecutionCancelled,
    ExecutionConflict,
    ExecutionNotFound,
    InputInvalid,
    ResultTimeout,
    UsageError,
)
from serving import DESK, SHOP, Serving, serving

Saw = Callable[[Any], object]


def go_on(_: object) -> bool:
    """Take every item."""
    return False


class Speaker(Protocol):
    """Either client, as a test uses it."""

    def do(self, method: str, *given: Any, **more: Any) -> Any:
        """Call a method and return what it brings."""
        ...

    def items(self, method: str, *given: Any, saw: Saw = go_on, **more: Any) -> list[Any]:
        """Call a method and return what it gives, until `saw` something that is enough."""
        ...


class Blocking:
    """`flawless.Client`."""

    def __init__(self, url: str, **options: Any) -> None:
        self.client = Client(url, **options)

    def do(self, method: str, *given: Any, **more: Any) -> Any:
        """See `Speaker`."""
        return getattr(self.client, method)(*given, **more)

    def items(self, method: str, *given: Any, saw: Saw = go_on, **more: Any) -> list[Any]:
        """See `Speaker`."""
        found: list[Any] = []
        with closing(getattr(self.client, method)(*given, **more)) as items:
            for item in items:
                found.append(item)
                if saw(item):
                    break
        return found

    def close(self) -> None:
        """Close it."""
        self.client.close()


class Awaiting:
    """`flawless.AsyncClient`, on a loop of its own."""

    def __init__(self, url: str, **options: Any) -> None:
        self.loop = asyncio.Runner()
        self.client = AsyncClient(url, **options)

    def do(self, method: str, *given: Any, **more: Any) -> Any:
        """See `Speaker`."""
        return self.loop.run(getattr(self.client, method)(*given, **more))

    def items(self, method: str, *given: Any, saw: Saw = go_on, **more: Any) -> list[Any]:
        """See `Speaker`."""

        async def collect() -> list[Any]:
            found: list[Any] = []
            async with aclosing(getattr(self.client, method)(*given, **more)) as items:
                async for item in items:
                    found.append(item)
                    if saw(item):
                        break
            return found

        return self.loop.run(collect())

    def close(self) -> None:
        """Close it."""
        self.loop.run(self.client.aclose())
        self.loop.close()


BOTH = pytest.mark.parametrize("kind", [Blocking, Awaiting])


@pytest.fixture
def bad(shop: httpx.Client) -> Iterator[Flaky]:
    """Give a bad connection to the shared server."""
    with flaky(str(shop.base_url).removesuffix("/api/v1/")) as found:
        yield found


@pytest.fixture(params=[Blocking, Awaiting])
def speaker(request: pytest.FixtureRequest, bad: Flaky) -> Iterator[Speaker]:
    """Give either client, over a connection that may be bad."""
    made = request.param(bad.url)
    yield made
    made.close()


@pytest.fixture(params=[Blocking, Awaiting])
def direct(request: pytest.FixtureRequest, shop: httpx.Client) -> Iterator[Speaker]:
    """Give either client, with a good connection."""
    made = request.param(str(shop.base_url).removesuffix("/api/v1/"))
    yield made
    made.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Give a name that no other test uses."""
    return re.sub(r"[^a-z]+", "-", request.node.name.lower()).strip("-")


def test_starts_take_options_and_lists_find_them(speaker: Speaker, name: str) -> None:
    """Attributes, a later beginning, and filters by all of them."""
    later = datetime.now(UTC) + timedelta(days=1)
    for n, more in enumerate([{}, {"start_at": later}, {"delay_s": 3_600}]):
        speaker.do("start", "shop.greet", id=f"{name}-{n}", attributes={"of": name}, **more)
    found = speaker.do("list", attributes={"of": name}).executions
    assert [one.id for one in found] == [f"{name}-{n}" for n in (2, 1, 0)]
    assert datetime.fromisoformat(found[1].start_at) == later
    assert found[0].status == "waiting"
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert speaker.do("list", attributes={"of": name}, created_after=soon).executions == []
    assert len(speaker.items("executions", prefix=name, created_before=soon)) == 3
    with pytest.raises(InputInvalid, match="time zone"):
        speaker.do("list", created_after=datetime(2026, 1, 1))
    for n in (1, 2):
        speaker.do("terminate", f"{name}-{n}")


def test_lists_are_read_to_their_end(
    speaker: Speaker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages, in order, each execution once."""
    monkeypatch.setattr("flawless.api.LIST_LIMIT_MAX", 2)
    for n in range(7):
        speaker.do("start", "shop.greet", id=f"{name}-{n}")
    found = [one.id for one in speaker.items("executions", prefix=f"{name}-")]
    assert found == [f"{name}-{n}" for n in range(6, -1, -1)]


def test_everything_can_be_asked(speaker: Speaker, name: str) -> None:
    """Who asks, how the engine is, what waits where: each as its document."""
    assert speaker.do("whoami").role == "deploy"
    assert speaker.do("about").api == "v1"
    assert speaker.do("health").status == "ok"
    assert isinstance(speaker.do("stats"), api.Stats)
    assert speaker.do("restarts")[0].version == speaker.do("about").version
    assert "shop.greet" in {found.name for found in speaker.do("workflows")}
    speaker.do("start", "desk.listen", ["never"], id=name)
    for n in range(3):
        speaker.do("send", name, "note", n)
    assert [(m.number, m.payload) for m in speaker.items("messages", name)] == [
        (1, 0), (2, 1), (3, 2),
    ]  # fmt: skip
    assert isinstance(speaker.items("inbox"), list)
    assert speaker.do("log_tail", name) if isinstance(speaker, Blocking) else True
    granted = speaker.do("capability", name, ["state"], ttl_s=60)
    assert granted.rights == ["state"]
    assert granted.token.startswith("flc_")
    with pytest.raises(InputInvalid):
        speaker.do("capability", name, ["everything"])
    speaker.do("terminate", name)


@pytest.mark.parametrize("mishap", [LOSE_ANSWER, CUT_ANSWER, LOSE_REQUEST, BUSY])
def test_a_start_that_is_repeated_starts_once(
    speaker: Speaker, bad: Flaky, mishap: str, name: str
) -> None:
    """Whatever gets lost on the way, one execution begins, and its starter has its id."""
    bad.mishaps += [mishap, mishap]
    started = speaker.do("start", "shop.greet", attributes={"of": name})
    assert started.new
    assert len(bad.seen) == 3
    found = speaker.do("list", attributes={"of": name}).executions
    assert [one.id for one in found] == [started.id]
    assert speaker.do("result", started.id) == "Hello, world"


@pytest.mark.parametrize("mishap", [LOSE_ANSWER, CUT_ANSWER, LOSE_REQUEST, BUSY])
def test_messages_and_ends_count_once(speaker: Speaker, bad: Flaky, mishap: str, name: str) -> None:
    """A repeated message is received once; a repeated cancellation does not become a second one."""
    speaker.do("start", "desk.tidy", id=name)
    bad.mishaps += [mishap]
    assert speaker.do("send", name, "note", 1)
    assert [m.payload for m in speaker.items("messages", name)] == [1]
    bad.mishaps += [mishap]
    speaker.do("cancel", name, "no need")
    while speaker.do("state", name).value != "cleaning":  # a second one would end it
        speaker.do("outcome", name, 0.05)
    bad.mishaps += [mishap]
    speaker.do("terminate", name)
    with pytest.raises(ExecutionCancelled):
        speaker.do("result", name)


def test_what_is_not_safe_is_not_repeated(speaker: Speaker, bad: Flaky, name: str) -> None:
    """A retry whose answer is lost is told as that; it was asked for once."""
    speaker.do("start", "shop.stumble", ["x"], id=name, wait_s=30)
    bad.mishaps += [LOSE_ANSWER]
    before = len(bad.seen)
    with pytest.raises(ServerUnreachable, match="broke off"):
        speaker.do("retry", name, from_start=True)
    assert len(bad.seen) == before + 1
    assert speaker.do("get", name).run == 2
    with pytest.raises(ExecutionConflict):
        speaker.do("start", "shop.greet", id=name)


def test_streams_tell_what_happens(direct: Speaker, name: str) -> None:
    """All parts that were asked for, in order, and the end; then the stream is over."""
    direct.do("start", "desk.relay", [2], id=name)
    direct.do("send", name, "go")
    direct.do("send", name, "go")
    events = direct.items("events", name, include=["execution", "state", "journal", "logs"])
    assert events[-1].type == "end"
    assert events[-1].data.result == "over"
    lines = [line.message for event in events if event.type == "logs" for line in event.data.logs]
    assert lines[-1:] == ["run with 1"]
    assert {event.type for event in events} >= {"execution", "journal", "logs", "end"}
    with pytest.raises(ExecutionNotFound):
        direct.items("watch", "nobody")
    with pytest.raises(UsageError, match="include"):
        direct.items("events", name, include=["everything"])


def test_a_stream_that_has_ended_is_over(direct: Speaker, name: str) -> None:
    """Who comes back with the id of its `end` hears nothing more, and no error."""
    direct.do("start", "shop.greet", id=name)
    end = direct.items("events", name)[-1]
    assert end.type == "end"
    assert direct.items("events", name, last_event_id=end.id) == []


def test_the_list_is_followed(direct: Speaker, name: str, shop: httpx.Client) -> None:
    """First the word to load the list, then what changes, in batches."""

    def saw(change: Any) -> bool:
        if change.reset:
            shop.post("/executions", json={"workflow": "shop.greet", "id": name})
        return not change.reset

    first, change = direct.items("changes", prefix=name, saw=saw)
    assert (first.reset, first.executions) == (True, [])
    assert {one.id for one in change.executions} == {name}


@BOTH
def test_watching_outlives_the_server(kind: type[Any], tmp_path: Path) -> None:
    """Killed and started again, a server's last states reach those who watch, in order."""
    data = tmp_path / "data"
    with serving(data, [SHOP, DESK]) as (server, client):
        url = str(client.base_url).removesuffix("/api/v1/")
        port = url.rpartition(":")[2]
        speaker = kind(url, retry_s=120)
        speaker.do("start", "desk.approve", ["a chair"], id="watched")
        seen: list[Any] = []
        error: list[BaseException] = []
        begun = threading.Event()

        def watch() -> None:
            watcher = kind(url, retry_s=120)
            try:
                seen.extend(watcher.items("watch", "watched", saw=lambda _: begun.set()))
            except BaseException as problem:
                error.append(problem)
            finally:
                watcher.close()

        thread = threading.Thread(target=watch)
        thread.start()
        assert begun.wait(60)
        server.kill()
    with Serving(SHOP, DESK, f"--data={data}", f"--port={port}") as server:
        server.await_url()
        speaker.do("send", "watched", "Confirm", {"by": "ann"})
        thread.join(120)
        assert not thread.is_alive()
        assert error == []
        assert [state.value["stage"] for state in seen] == ["asked", "confirmed"]
        assert speaker.do("result", "watched") == "a chair: ann"
        speaker.close()


@BOTH
@pytest.mark.parametrize("method", ["wait", "result", "wait_for_reply", "response"])
def test_waiting_ends_in_time_while_nobody_answers(kind: type[Any], method: str) -> None:
    """However long a client would try again, who waits is told when the time is over."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        speaker: Speaker = kind(f"http://127.0.0.1:{unused.getsockname()[1]}", retry_s=3_600)
        for timeout_s in (0.3, 0):
            with pytest.raises(ResultTimeout, match="no answer") as caught:
                speaker.do(method, "x", timeout_s=timeout_s)
            assert caught.value.execution == "x"
            assert isinstance(caught.value.__cause__, ServerUnreachable)
        speaker.close()
        hurried: Speaker = kind(f"http://127.0.0.1:{unused.getsockname()[1]}", retry_s=0)
        with pytest.raises(ServerUnreachable):
            hurried.do(method, "x", timeout_s=3_600)
        hurried.close()


@BOTH
def test_a_client_that_waits_outlives_the_server(kind: type[Any], tmp_path: Path) -> None:
    """A call that is made while the server is away is answered when it is back."""
    data = tmp_path / "data"
    with serving(data, [SHOP]) as (server, client):
        port = str(client.base_url).removesuffix("/api/v1/").rpartition(":")[2]
        server.kill()
    speaker = kind(f"http://127.0.0.1:{port}", retry_s=120)
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(speaker.do("start", "shop.greet", {"name": "Ada"}, wait_s=30))
    )
    thread.start()
    with Serving(SHOP, f"--data={data}", f"--port={port}") as server:
        server.await_url()
        thread.join(120)
        assert [started.result for started in found] == ["Hello, Ada"]
        speaker.close()
