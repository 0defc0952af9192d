"""One execution's events: whole, in order and once, whatever breaks off between two of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import SLUG, act, await_kind, await_status, end, expect, start
from listening import Event, Listener

from serving import DESK, SHOP, serving

CHAPTERS = Path(__file__).with_name("chapters.py")
ALL = "execution,state,journal,logs"


def path(execution: str) -> str:
    """Return where an execution's events are."""
    return f"/executions/{execution}/events"


def once_all(client: httpx.Client, execution: str, last_id: str | None = None) -> list[Event]:
    """Return all events there are behind an id, until the end."""
    with Listener(client, path(execution), last_id=last_id, include=ALL) as stream:
        return list(stream)


def with_cuts(
    client: httpx.Client, execution: str, last_id: str, count: Callable[[], int]
) -> list[Event]:
    """Read an execution's events to the end, breaking off after `count()` of them each time."""
    found: list[Event] = []
    while not found or found[-1].type != "end":
        with Listener(client, path(execution), last_id=last_id, include=ALL) as stream:
            for _ in range(count()):
                event = stream.read()
                if event is None:
                    break
                found.append(event)
            last_id = stream.last_id
    return found


def stored(client: httpx.Client, execution: str, what: str) -> dict[int, list[Any]]:
    """Return the journals, or logs, of all runs, as other requests give them."""
    latest = client.get(f"/executions/{execution}").json()["run"]
    found = {}
    for run in range(1, latest + 1):
        name = execution if run == latest else f"{execution}~{run}"
        found[run] = client.get(f"/executions/{name}/{what}").json()[
            "entries" if what == "journal" else what
        ]
    return found


def check(client: httpx.Client, execution: str, events: list[Event], first: int = 1) -> None:
    """Check what a reader of everything has read, from the beginning of the run `first` on."""
    for what, items in (("journal", "entries"), ("logs", "logs")):
        got: dict[int, list[Any]] = {}
        for event in events:
            if event.type == what:
                assert event.data["run"] == max(got, default=event.data["run"]) or (
                    event.data["run"] > max(got)
                ), "runs follow each other"
                assert event.data[items]
                got.setdefault(event.data["run"], []).extend(event.data[items])
        wanted = {
            run: found
            for run, found in stored(client, execution, what).items()
            if found and run >= first
        }
        assert got == wanted
    assert [event.type for event in events].count("end") == 1
    assert events[-1].type == "end"
    assert events[-1].data == client.get(f"/executions/{execution}/result").json()
    versions = [event.data["version"] or 0 for event in events if event.type == "state"]
    assert versions == sorted(versions)
    state = client.get(f"/executions/{execution}/state").json()
    assert [event.data for event in events if event.type == "state"][-1] == state
    details = [event.data for event in events if event.type == "execution"]
    assert details[-1] == client.get(f"/executions/{execution}").json()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Give the seed of a random test, and print it."""
    given: int | None = request.config.getoption("--seed")
    chosen = random.randrange(1 << 32) if given is None else given
    print(f"seed {chosen}")
    return chosen


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give a client of a server with executions of many parts."""
    with serving(tmp_path_factory.mktemp("book"), [CHAPTERS, DESK, SHOP]) as (_, client):
        yield client


def go(client: httpx.Client, execution: str, times: int) -> None:
    """Let so many chapters begin."""
    for _ in range(times):
        act(client, execution, "messages", name="go")


# --- what is told -----------------------------------------------------------------------------


def test_a_life_from_beginning_to_end(book: httpx.Client) -> None:
    """Each part comes when it changes, the end comes last, and then the stream ends."""
    execution = start(book, "desk.approve").json()["id"]
    with Listener(book, path(execution)) as stream:
        asked = stream.until(lambda event: event.type == "state" and event.data["version"] == 1)
        assert asked.data["value"] == {"item": "a chair", "stage": "asked"}
        act(book, execution, "messages", name="Confirm", payload={"by": "Ann"})
        rest = list(stream)
    kinds = [event.type for event in rest]
    assert set(kinds) == {"execution", "state", "end"}
    assert kinds[-1] == "end"
    assert rest[-1].data == {"id": execution, "status": "completed", "result": "a chair: Ann"}
    assert stream.lines[0] == "retry: 1000"
    headers = stream.response.headers
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"


def test_who_comes_after_the_end(book: httpx.Client) -> None:
    """All of the run is told, and the end; with the end's own id there is nothing more to tell."""
    execution = start(book, "shop.talk", [450]).json()["id"]
    end(book, execution)
    events = once_all(book, execution)
    check(book, execution, events)
    assert sum(event.type == "journal" for event in events) > 1, "in pages"
    again = book.get(path(execution), headers={"Last-Event-ID": events[-1].id})
    assert (again.status_code, again.content) == (204, b"")


def test_only_what_was_asked_for(book: httpx.Client) -> None:
    """`include` chooses the parts; without it there are no entries."""
    execution = start(book, "shop.nap", [0.01]).json()["id"]
    for include, wanted in (
        (None, {"execution", "state", "end"}),
        ("execution", {"execution", "end"}),
        ("logs", {"logs", "end"}),
        ("journal,state", {"journal", "state", "end"}),
    ):
        query = {} if include is None else {"include": include}
        with Listener(book, path(execution), **query) as stream:
            assert {event.type for event in stream} == wanted


def test_effects_under_way_are_told(book: httpx.Client, tmp_path: Path) -> None:
    """A step that is tried again and again is seen, with the tries that failed."""
    gate = tmp_path / "gate"
    execution = start(book, "shop.wait_for_gate", [str(gate)]).json()["id"]
    with Listener(book, path(execution), include="execution") as stream:
        for tries in (1, 3):
            seen = stream.until(
                lambda event, tries=tries: (
                    sum(len(one["attempts"]) for one in event.data["in_flight"]) >= tries
                )
            )
            assert "pass_gate" in seen.data["in_flight"][0]["label"]
        gate.write_text("open")
        last = list(stream)
    assert last[-1].data["result"] == "open"
    assert last[-2].data["in_flight"] == []


def test_messages_children_and_parked_effects_change_an_execution(book: httpx.Client) -> None:
    """The number of children grows with each one that is started."""
    execution = start(book, "desk.family", [3]).json()["id"]
    with Listener(book, path(execution), include="execution") as stream:
        stream.until(lambda event: event.data["children"] == 3)
        for child in book.get(f"/executions/{execution}/children").json()["children"]:
            act(book, child["id"], "messages", name="go", payload=2)
        assert list(stream)[-1].data["result"] == 6


def test_a_failure_is_told_and_a_retry_goes_on(book: httpx.Client, tmp_path: Path) -> None:
    """The stream ends with the error; who asks again with its id hears how the retry goes on."""
    notes, missing = tmp_path / "notes", tmp_path / "file"
    execution = start(book, "desk.report", [str(notes), str(missing)]).json()["id"]
    before = once_all(book, execution)
    assert before[-1].data["status"] == "failed"
    assert before[-1].data["error"]["type"] == "FileNotFoundError"
    assert book.get(path(execution), params={"last_event_id": before[-1].id}).status_code == 204
    missing.write_text("found")
    act(book, execution, "retry")
    after = once_all(book, execution, before[-1].id)
    assert after[-1].data["result"] == [1, "found"]
    check(book, execution, [*before[:-1], *after])


def test_an_earlier_run_has_its_own_stream(book: httpx.Client) -> None:
    """The id of an earlier run gives its history, and how it went on."""
    execution = start(book, "desk.rounds", [2]).json()["id"]
    end(book, execution)
    events = once_all(book, f"{execution}~1")
    assert events[-1].data["continued"] == {"args": [1], "kwargs": {}}
    assert [event.data["run"] for event in events if event.type == "journal"] == [1]


# --- where it broke off -----------------------------------------------------------------------


def test_cut_at_every_boundary(book: httpx.Client, seed: int) -> None:
    """Wherever the connection breaks, going on from the last id tells the rest, and only that."""
    execution = start(book, "chapters.chapters", [3, seed]).json()["id"]
    with Listener(book, path(execution), include=ALL) as stream:
        stream.read()
        begin = stream.last_id
    go(book, execution, 3)
    end(book, execution)
    whole = once_all(book, execution, begin)
    check(book, execution, whole)
    for boundary in range(1, len(whole)):
        counts = iter([boundary])
        check(book, execution, with_cuts(book, execution, begin, lambda c=counts: next(c, 1_000)))
    check(book, execution, with_cuts(book, execution, begin, lambda: 3))


def test_cut_at_random_while_it_lives(book: httpx.Client, seed: int) -> None:
    """A reader who comes and goes through all runs of a life misses nothing of it."""
    chance = random.Random(seed)
    for _ in range(5):
        execution = start(book, "chapters.chapters", [6, chance.randrange(1_000)]).json()["id"]
        events = []
        last_id = None
        told = 0
        while not events or events[-1].type != "end":
            if told < 6 and chance.random() < 0.5:
                go(book, execution, 1)
                told += 1
            with Listener(book, path(execution), last_id=last_id, include=ALL) as stream:
                for _ in range(chance.randrange(1, 4)):
                    if told < 6 and stream.last_id.startswith(f"{told + 1}."):
                        break  # all has been told that can be
                    event = stream.read()
                    if event is None:
                        break
                    events.append(event)
                last_id = stream.last_id or None
        check(book, execution, events, int(events[0].id.partition(".")[0]))


def test_the_server_is_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    """After `kill -9` and a restart the stream goes on where it was, nothing lost or twice."""
    chance = random.Random(seed)
    events: list[Event] = []
    last_id: str | None = None
    execution = "survivor"
    for turn in range(4):
        with serving(tmp_path / "data", [CHAPTERS]) as (server, client):
            if turn == 0:
                start(client, "chapters.chapters", [4, seed], id=execution)
            with Listener(client, path(execution), last_id=last_id, include=ALL) as stream:
                act(client, execution, "messages", name="go")
                run = turn + 1
                stream.until(
                    lambda event, run=run: (
                        events.append(event)  # type: ignore[func-returns-value]  # then goes on
                        or event.type == "end"
                        or (event.type == "journal" and event.data["run"] == run)
                    )
                )
                if events[-1].type != "end" and chance.random() < 0.5:
                    events.append(stream.read() or pytest.fail("it has ended"))
                last_id = stream.last_id
                server.kill()
    with serving(tmp_path / "data", [CHAPTERS]) as (_, client):
        if events[-1].type != "end":
            events += once_all(client, execution, last_id)
        check(client, execution, events)


# --- what is refused --------------------------------------------------------------------------


def test_unknown_executions_have_no_events(book: httpx.Client) -> None:
    """A stream of nothing is not begun."""
    expect(book.get(path("nobody")), 404, "execution-not-found")


@pytest.mark.parametrize("include", ["", "all", "state,", "state,entries", "STATE", "state;logs"])
def test_parts_that_there_are_not(book: httpx.Client, include: str) -> None:
    """A wrong `include` is told, with the right ones."""
    problem = expect(book.get(path("x"), params={"include": include}), 422, "input-invalid")
    assert problem["path"] == "include"
    assert "execution, state, journal, logs" in problem["detail"]


@pytest.mark.parametrize(
    "last_id",
    [
        *("x", "1", "1.2.3", "1.2.3.4.5.6", "01.0.0.0", "1.0.0.-1", "1.0.0.0 ", "٣.0.0.0"),
        "1.0.0.9999999999999999999999",
        *("0.0.0.0", "2.0.0.0", "1.99.0.0", "1.0.99.0", "1.0.0.99"),
    ],
)
def test_ids_that_no_event_had(book: httpx.Client, last_id: str) -> None:
    """An id that this execution's events cannot have had would lose or repeat: it is refused."""
    execution = start(book, "shop.greet", id="greeted").json()["id"]
    end(book, execution)
    response = book.get(path(execution), params={"last_event_id": last_id, "include": ALL})
    assert expect(response, 422, "input-invalid")["path"] == "last_event_id"


def test_the_header_is_newer_than_the_address(book: httpx.Client) -> None:
    """A browser that connects again sends the id in the header, to the address it always had."""
    execution = start(book, "shop.talk", [2]).json()["id"]
    end(book, execution)
    last = once_all(book, execution)[-1].id
    answer = book.get(
        path(execution), params={"last_event_id": "1.0.0.0"}, headers={"Last-Event-ID": last}
    )
    assert answer.status_code == 204


def test_methods(book: httpx.Client) -> None:
    """HEAD gives the headers of the stream and ends; other methods are told what there is."""
    execution = start(book, "desk.listen").json()["id"]
    answer = book.head(path(execution))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert book.post(path(execution)).status_code == 405
    assert book.head(path("nobody")).status_code == 404
    assert SLUG


def test_a_stop_ends_streams(tmp_path: Path) -> None:
    """A server that is told to stop ends its streams as a stream ends, and stops in order."""
    with serving(tmp_path / "data", [DESK]) as (server, client):
        execution = start(client, "desk.listen").json()["id"]
        await_status(client, execution, "waiting")
        await_kind(client, execution, "started")
        with (
            Listener(client, path(execution), include=ALL) as one,
            Listener(client, "/events") as all_of_them,
        ):
            assert one.read() is not None
            assert all_of_them.read() is not None
            assert server.stop() == 0
            assert "end" not in [event.type for event in one]
            assert list(all_of_them) == []
            assert one.response.isclosed()  # the last chunk came, not just the end of the bytes
            assert all_of_them.response.isclosed()


def test_a_capability_opens_what_it_has_the_right_to(book: httpx.Client) -> None:
    """With the right to the state alone there is no journal, no other execution, and no list."""
    execution = start(book, "desk.approve").json()["id"]
    other = start(book, "desk.approve").json()["id"]
    given = act(book, execution, "capability", rights=["state"], ttl_s=600).json()["token"]
    headers = {"Authorization": f"Bearer {given}"}
    with Listener(book, path(execution), headers=headers) as stream:
        assert stream.response.status == 200
        assert stream.read() is not None
    for where, include in (
        (path(execution), "state,journal"),
        (path(execution), "logs"),
        (path(other), "state"),
        ("/events", None),
    ):
        answer = book.get(where, params={"include": include} if include else {}, headers=headers)
        assert answer.status_code == 403, (where, include)
    more = act(book, execution, "capability", rights=["state", "journal"], ttl_s=600).json()
    headers = {"Authorization": f"Bearer {more['token']}"}
    with Listener(book, path(execution), headers=headers, include="journal") as stream:
        event = stream.read()
        assert event is not None
        assert event.type == "journal"
