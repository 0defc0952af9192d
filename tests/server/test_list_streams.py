"""The list's changes as events, and what holds for all streams: their bounds, and their ends."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import act, await_status, end, entries, expect, start
from chapters import flood
from listening import Inside, Listener, inside

from flawless.engine.changes import Changes
from flawless.engine.service import Service
from flawless.server import make_app
from flawless.server.streams import broadcast, eventstream
from flawless.server.streams import endpoints as streams
from flawless.server.streams.execution_reader import ExecutionReader
from flawless.stores import MemoryStore
from serving import DESK, SHOP, serving

CHAPTERS = Path(__file__).with_name("chapters.py")


@pytest.fixture(scope="module")
def within() -> Iterator[tuple[Inside, httpx.Client]]:
    """Give a server that can be looked into, with a short memory of changes."""
    service = Service(MemoryStore(), [SHOP, DESK, CHAPTERS])
    service.changes = Changes(executions_max=20)
    with inside(service) as made:
        yield made


def changed(stream: Listener, *ids: str, status: str = "completed") -> dict[str, Any]:
    """Read until each of these has been seen to stand so; return the newest of all seen."""
    seen: dict[str, Any] = {}
    while any(seen.get(one, {}).get("status") != status for one in ids):
        event = stream.read()
        assert event is not None
        assert event.type == "changes", event
        seen |= {one["id"]: one for one in event.data["executions"]}
    return seen


def test_the_list_begins_with_reset_and_tells_of_each_change(shop: httpx.Client) -> None:
    """A reader loads the list after the reset; what follows are records as the list has them."""
    with Listener(shop, "/events") as stream:
        first = stream.read()
        assert first is not None
        assert (first.type, first.data) == ("reset", {})
        ids = [start(shop, "shop.greet").json()["id"] for _ in range(3)]
        seen = changed(stream, *ids)
        listed = shop.get("/executions", params={"limit": 500}).json()["executions"]
        assert [seen[one] for one in ids] == [
            next(found for found in listed if found["id"] == one) for one in ids
        ]


def test_changes_of_all_kinds(shop: httpx.Client) -> None:
    """Waiting, being cancelled and going on as the next run are changes of the list."""
    with Listener(shop, "/events") as stream:
        stream.read()
        one = start(shop, "desk.listen").json()["id"]
        changed(stream, one, status="waiting")
        act(shop, one, "cancel")
        changed(stream, one, status="cancelled")
        two = start(shop, "desk.rounds", [3]).json()["id"]
        assert changed(stream, two)[two]["run"] == 3


def test_only_what_the_query_selects(shop: httpx.Client) -> None:
    """The filters of the list hold for its changes; others see other things at the same time."""
    with (
        Listener(shop, "/events", workflow="shop.greet", prefix="mine-") as mine,
        Listener(shop, "/events", attribute="colour=red") as red,
        Listener(shop, "/events", created_after="2100-01-01T00:00:00Z") as never,
        Listener(shop, "/events") as everything,
    ):
        for stream in (mine, red, never, everything):
            stream.read()
        start(shop, "shop.greet", id="yours-1")
        start(shop, "shop.echo", id="mine-0")
        start(shop, "shop.greet", id="mine-1")
        start(shop, "shop.echo", id="echo-red", attributes={"colour": "red"})
        all_of_them = {"yours-1", "mine-0", "mine-1", "echo-red"}
        assert set(changed(mine, "mine-1")) == {"mine-1"}
        assert set(changed(red, "echo-red")) == {"echo-red"}
        assert set(changed(everything, *all_of_them)) >= all_of_them
        assert [line for line in never.lines if line.startswith("event:")] == ["event: reset"]


def test_readers_with_the_same_query_share_bytes(within: tuple[Inside, httpx.Client]) -> None:
    """A batch is made once for all who stand at the same place."""
    server, client = within
    made: list[int] = []
    make = broadcast.Broadcast._make

    async def counted(self: broadcast.Broadcast, *given: Any) -> broadcast.Batch:
        batch = await make(self, *given)
        made.append(batch.end)
        return batch

    with pytest.MonkeyPatch.context() as patch, ExitStack() as all_of_them:
        patch.setattr(broadcast.Broadcast, "_make", counted)
        readers = [
            all_of_them.enter_context(Listener(client, "/events", prefix="shared-"))
            for _ in range(20)
        ]
        for reader in readers:
            reader.read()
        ids = [start(client, "shop.greet", id=f"shared-{n}").json()["id"] for n in range(3)]
        seen = [changed(reader, *ids) for reader in readers]
        assert all(one == seen[0] for one in seen)
        assert len(made) == len(set(made))
    server.wait_until(lambda: len(server.app.state.streams) == 0)


def test_a_reader_who_comes_and_goes_misses_nothing(
    shop: httpx.Client, request: pytest.FixtureRequest
) -> None:
    """Cut anywhere, also for a while with nobody there, the changes go on where they were."""
    given = request.config.getoption("--seed")
    seed = random.randrange(1 << 32) if given is None else given
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Listener(shop, "/events") as stream:
        stream.read()
        last_id = stream.last_id
    seen: dict[str, Any] = {}
    ids: list[str] = []
    for _ in range(15):
        ids += [start(shop, "shop.nap", [0.01]).json()["id"] for _ in range(chance.randrange(1, 4))]
        with Listener(shop, "/events", last_id=last_id) as stream:
            for _ in range(chance.randrange(3)):
                event = stream.read()
                assert event is not None
                assert event.type == "changes"
                seen |= {one["id"]: one for one in event.data["executions"]}
                if all(seen.get(one, {}).get("status") == "completed" for one in ids):
                    break
            last_id = stream.last_id
    missing = [one for one in ids if seen.get(one, {}).get("status") != "completed"]
    with Listener(shop, "/events", last_id=last_id) as stream:
        changed(stream, *missing)


@pytest.mark.parametrize("last_id", ["x", "0123456789-0", "0123456789-", "-1", "0123456789-1 "])
def test_ids_of_another_server(shop: httpx.Client, last_id: str) -> None:
    """An id that means nothing here, as after a restart, leads to a reset."""
    with Listener(shop, "/events", last_id=last_id) as stream:
        first = stream.read()
        assert first is not None
        assert first.type == "reset"
        assert first.id != last_id


def test_who_is_too_far_behind(within: tuple[Inside, httpx.Client]) -> None:
    """Once more has changed than is remembered, the reader is told to load the list."""
    server, client = within
    with Listener(client, "/events") as stream:
        stream.read()
        one = start(client, "shop.greet").json()["id"]
        changed(stream, one)
        last_id = stream.last_id
        for number in range(19):
            start(client, "shop.greet", id=f"near-{number}")
            end(client, f"near-{number}")
    with Listener(client, "/events", last_id=last_id) as stream:
        changed(stream, "near-0", "near-18")
    with Listener(client, "/events"):
        for number in range(21):
            start(client, "shop.greet", id=f"far-{number}")
    with Listener(client, "/events", last_id=last_id) as stream:
        first = stream.read()
        assert first is not None
        assert first.type == "reset"
        start(client, "shop.greet", id="after")
        changed(stream, "after")
    server.wait_until(lambda: len(server.app.state.streams) == 0)


def test_a_big_batch_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much changes at once, an event holds a bounded number of executions."""
    monkeypatch.setattr(broadcast, "BATCH_EXECUTIONS_MAX", 20)
    with inside(Service(MemoryStore(), [SHOP])) as (server, client):
        with Listener(client, "/events") as stream:
            stream.read()
            names = [f"crowd-{n}" for n in range(70)]
            for name in names:
                start(client, "shop.greet", id=name)
            sizes = []
            seen: set[str] = set()
            last_id = stream.last_id
            changed(stream, *names)
        for name in names:  # until they have ended, further changes come one by one
            assert client.get(f"/executions/{name}/result", params={"wait": 30}).status_code == 200
        with Listener(client, "/events", last_id=last_id) as stream:
            while len(seen) < len(names):
                event = stream.read()
                assert event is not None
                sizes.append(len(event.data["executions"]))
                seen |= {one["id"] for one in event.data["executions"]}
        assert sizes == [20, 20, 20, 10]
        server.wait_until(lambda: len(server.app.state.streams) == 0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(("status=running", "status"), ("runs=true", "runs"), ("limit=5", "limit")),
        *(("created_after=soon", "created_after"), ("attribute=red", "attribute")),
    ],
)
def test_filters_that_there_are_not(shop: httpx.Client, query: str, field: str) -> None:
    """What the stream cannot select by is refused."""
    assert expect(shop.get(f"/events?{query}"), 422, "input-invalid")["path"] == field


# --- all streams ------------------------------------------------------------------------------


def test_nothing_is_left_of_readers(within: tuple[Inside, httpx.Client]) -> None:
    """When clients have gone, so have their watches, their tasks and their place among the open."""
    server, client = within
    execution = start(client, "desk.listen").json()["id"]
    await_status(client, execution, "waiting")
    open_streams, changes = server.app.state.streams, server.service.changes
    listeners = [Listener(client, f"/executions/{execution}/events") for _ in range(10)]
    listeners += [Listener(client, "/events") for _ in range(10)]
    for listener in listeners:
        assert listener.read() is not None
    assert server.do(lambda: (len(open_streams), changes.watched)) == (20, 1)
    for listener in listeners:
        listener.close()
    server.wait_until(lambda: len(open_streams) == 0)
    assert server.do(lambda: changes.watched) == 0
    assert server.do(lambda: (len(open_streams._tasks), open_streams._watcher)) == (0, None)


def test_the_number_of_streams_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than there may be is refused for now; when one has gone there is room again."""
    monkeypatch.setattr(eventstream, "STREAMS_MAX", 2)
    with inside(Service(MemoryStore(), [SHOP])) as (server, client):
        with Listener(client, "/events"), Listener(client, "/events"):
            answer = client.get("/events")
            expect(answer, 503, "too-many-streams", "2 streams")
            assert int(answer.headers["Retry-After"]) > 0
            assert client.get("/executions").status_code == 200
        server.wait_until(lambda: len(server.app.state.streams) == 0)
        with Listener(client, "/events") as stream:
            assert stream.response.status == 200


@pytest.mark.parametrize(("places", "most"), [(5, 2), (512, 256), (50_000, 5_000), (None, 5_000)])
def test_streams_leave_half_of_the_places(
    within: tuple[Inside, httpx.Client], places: int | None, most: int
) -> None:
    """However few connections the server takes, streams never have more than half of them."""
    server, _ = within
    app = server.do(lambda: make_app(server.service, connections_max=places))
    assert app.state.streams._max == most


def test_heartbeats_and_callers_who_may_no_longer_read(
    within: tuple[Inside, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quiet stream shows that it lives; it ends when its caller's token does."""
    _, client = within
    allowed = iter([True, True, False])
    monkeypatch.setattr(eventstream, "HEARTBEAT_S", 0.02)
    monkeypatch.setattr(streams, "still_allowed", lambda _: next(allowed))
    with Listener(client, "/events") as stream:
        assert stream.read() is not None
        assert stream.read() is None
    assert stream.lines.count(": alive") == 2
    assert stream.lines[-2] == f"id: {stream.last_id}"


def test_a_slow_reader_holds_up_nobody(
    within: tuple[Inside, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a reader takes nothing, its execution writes 10,000 entries, and one page is held."""
    server, client = within
    pages: list[int] = []
    read = ExecutionReader.read

    async def counted(self: ExecutionReader) -> bytes:
        piece = await read(self)
        pages.append(len(piece))
        return piece

    monkeypatch.setattr(ExecutionReader, "read", counted)
    with Listener(client, "/events", buffer_bytes=4_096) as listing:
        listing.read()
        execution = start(client, "chapters.flood", [1_000, 9, 2_000]).json()["id"]
        with Listener(
            client, f"/executions/{execution}/events", include="journal", buffer_bytes=4_096
        ) as slow:
            assert end(client, execution)["result"] == 1_000
            server.wait_until(lambda: len(server.app.state.streams) == 2)
            held = sum(pages)
            found: list[Any] = []
            for event in slow:
                if event.type == "journal":
                    found += event.data["entries"]
        changed(listing, execution)
    assert len(found) > 10_000
    assert [entry["position"] for entry in found] == list(range(len(found)))
    assert found[:1_000] == entries(client, execution)[:1_000]
    assert max(pages) < 600_000
    whole = sum(pages)
    assert whole > 19_000_000
    assert held < whole / 2, "the rest was read when the reader took it"
    assert flood.__name__ == "flood"


def test_five_hundred_quiet_readers(tmp_path: Path) -> None:
    """They all wait for one execution, or for any; one change reaches each of them once."""
    with serving(tmp_path / "data", [DESK]) as (_, client), ExitStack() as all_of_them:
        execution = start(client, "desk.listen", ["word"]).json()["id"]
        await_status(client, execution, "waiting")
        path = f"/executions/{execution}/events"
        followers = [
            all_of_them.enter_context(Listener(client, path, include="state")) for _ in range(250)
        ]
        listing = [all_of_them.enter_context(Listener(client, "/events")) for _ in range(250)]
        for one in (*followers, *listing):
            assert one.read() is not None
        act(client, execution, "messages", name="word", payload="now")
        for one in followers:
            assert [event.data["result"] for event in one if event.type == "end"] == ["now"]
        for one in listing:
            changed(one, execution)
        assert client.get("/health").json()["status"] == "ok"


def test_an_engine_that_closes_ends_its_streams() -> None:
    """A stream ends with its engine, also where the server goes on; asked again, it says why."""
    service = Service(MemoryStore(), [DESK])
    with inside(service) as (server, client):
        execution = start(client, "desk.listen").json()["id"]
        with Listener(client, f"/executions/{execution}/events") as stream:
            assert stream.read() is not None
            server.do(lambda: server.spawn(service.close()))
            assert "end" not in [event.type for event in stream]
        answer = client.get(f"/executions/{execution}/events")
        assert answer.status_code in (500, 503), answer.text
        assert "Content-Length" in answer.headers
        assert json.loads(answer.content)["title"]
