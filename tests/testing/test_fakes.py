"""Fakes: what stands in place of steps and of the network, and what it is asked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import lab_programs as app
import pytest

import flawless
from flawless import ExecutionFailed, Settings, step_info
from flawless.testing import Lab, Reply, Request

ORDER = app.Order("o-1", 990)
URL = "https://shop.example/orders/7"


# --- steps ----------------------------------------------------------------------------------------


def test_a_value_stands_in_place_of_a_step(lab: Lab) -> None:
    """The step itself is not run, and the call is kept with its decoded arguments."""
    app.ledger.clear()
    fake = lab.fake(app.charge, "a receipt")
    run = lab.start(app.pays, ORDER, id="mine")
    assert run.result() == "a receipt"
    (call,) = fake.calls
    assert (call.arguments, call.args, call.kwargs) == ({"order": ORDER}, (ORDER,), {})
    assert (call.execution, call.attempt, call.at) == ("mine", 1, lab.now)
    assert app.ledger == []
    assert lab.fake_calls() == [("lab_programs.charge", call)]


def test_a_fake_may_be_for_a_while(lab: Lab) -> None:
    """After `with` (or `remove`) the step is what it was, or another fake shows again."""
    outer = lab.fake("lab_programs.charge", "outer")
    with lab.fake(app.charge, "inner") as inner:
        assert lab.start(app.pays, ORDER).result() == "inner"
    assert lab.start(app.pays, ORDER).result() == "outer"
    outer.remove()
    assert lab.start(app.pays, ORDER).result() == "receipt o-1"
    assert [len(fake.calls) for fake in (outer, inner)] == [1, 1]


@pytest.mark.parametrize("kind", ["sync", "async", "lambda", "the step itself"])
def test_a_function_stands_in_place_of_a_step(lab: Lab, kind: str) -> None:
    """It gets the decoded arguments, sync or async, whichever the step is."""

    def sync(who: str, text: str) -> str:
        return f"{text}! {who} {step_info().attempt}"

    async def with_await(who: str, text: str) -> str:
        await asyncio.sleep(0)
        return f"{text}! {who} {step_info().attempt}"

    if kind == "the step itself":
        fake = lab.fake(app.notify, app.notify)
        assert lab.start(app.notifies, "ann").result() == "hi, ann"
    else:
        functions = {"sync": sync, "async": with_await}
        fake = lab.fake(app.notify, functions.get(kind, lambda who, text: f"{text}! {who} 1"))
        assert lab.start(app.notifies, "ann").result() == "hi! ann 1"
    assert fake.calls[0].arguments == {"who": "ann", "text": "hi"}
    assert fake.calls[0].kwargs == {"text": "hi"}


@pytest.mark.parametrize("error", [KeyError("no card"), KeyError])
def test_an_exception_is_raised(lab: Lab, error: object) -> None:
    """A class or an object; it reaches the workflow as that of a real step would."""
    lab.fake(app.charge, error)
    with pytest.raises(ExecutionFailed) as caught:
        lab.start(app.pays, ORDER).result()
    assert caught.value.type.endswith("KeyError")


def test_outcomes_come_one_after_the_other(lab: Lab) -> None:
    """Retries go through them; a call too many says so."""
    lab.fake(app.flaky, outcomes=[ConnectionError("1"), ConnectionError, lambda name: f"3 {name}"])
    assert lab.start(app.tries, "bank").result() == "3 bank"
    with pytest.raises(ExecutionFailed, match=r"step lab_programs\.flaky has 3 outcomes"):
        lab.start(app.tries, "bank").result()


def test_a_fake_takes_virtual_time(lab: Lab) -> None:
    """As long as it says, but no longer than the step's timeout."""
    with lab.fake(app.slow, "done", takes="9m"):
        assert lab.start(app.waits_for_slow, "x").result() == "done"
    assert lab.now == lab.clock.now
    began = lab.now
    with lab.fake(app.slow, "done", takes="11m"):
        seen = lab.start(app.waits_for_slow, "x").result()
    assert seen == "StepTimeout: lab_programs.slow did not end within 600 s"
    assert lab.now - began == timedelta(minutes=10)


def test_the_order_of_fakes_is_that_of_their_times(lab: Lab) -> None:
    """A race between fakes is decided by how long they take, a timeout included."""
    lab.fake(app.notify, "left", takes="2m")
    with lab.fake(app.slow, "right", takes="1m"):
        assert lab.start(app.selects, 300.0).result() == "right"
    with lab.fake(app.slow, "right", takes="3m"):
        assert lab.start(app.selects, 300.0).result() == "left"
        assert lab.start(app.selects, 60.0).result() == "none"


def test_a_fake_may_use_the_lab(lab: Lab) -> None:
    """A sync function sends a message, say; an async one would wait for itself."""
    other = lab.start(app.patient, 60.0)
    lab.fake(app.charge, lambda order: str(other.send("confirm", order.id)))
    assert lab.start(app.pays, ORDER).result() == "True"
    assert other.result() == "o-1"


def test_a_step_for_a_process_is_faked_in_place(lab: Lab) -> None:
    """No worker process is started for a fake."""
    seen: list[int] = []
    lab.fake(app.heavy, lambda n: seen.append(n) or n + 1)
    assert lab.start(app.computes, 1).result() == 2
    assert seen == [1]


def test_only_steps_can_be_faked(lab: Lab) -> None:
    """Anything else is an error that says what a step is."""
    with pytest.raises(flawless.UsageError, match="is no step"):
        lab.fake("lab_programs.nothing", 1)
    with pytest.raises(flawless.UsageError, match="either one outcome or `outcomes`"):
        lab.fake(app.charge, 1, outcomes=[1])


# --- HTTP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (None, [200, ""]),
        (404, [404, ""]),
        ("text", [200, "text"]),
        (b"bytes", [200, "bytes"]),
        ({"a": [1]}, [200, '{"a": [1]}']),
        ([1, 2], [200, "[1, 2]"]),
        (Reply(500, text="sorry"), [500, "sorry"]),
        (lambda request: {"path": request.path}, [200, '{"path": "/orders/7"}']),
        (flawless.ConnectError, ["ConnectError", f"GET {URL}: so says the fake"]),
        (flawless.ConnectError("no route"), ["ConnectError", "no route"]),
        (httpx.ConnectError("no"), ["ConnectError", "cannot connect to https://shop.example: no"]),
        (flawless.TooManyRedirects("loop"), ["TooManyRedirects", "loop"]),
    ],
)  # fmt: skip
def test_requests_are_answered(lab: Lab, outcome: object, expected: list[object]) -> None:
    """Statuses, texts, JSON, errors and functions are all answers."""
    fake = lab.fake_http(URL, outcome)
    assert lab.start(app.fetches, URL).result() == expected
    (request,) = fake.requests
    assert (request.method, request.url, request.host) == ("GET", URL, "shop.example")


def test_an_async_function_answers(lab: Lab) -> None:
    """It sees the whole request: parameters, headers, body."""
    seen: list[Request] = []

    async def answer(request: Request) -> dict[str, object]:
        await asyncio.sleep(0)
        seen.append(request)
        return {"got": request.json()["n"] + 1}

    lab.fake_http(answer)
    assert lab.start(app.posts, "https://a.example/x", {"n": 1}).result() == {"got": 2}
    (request,) = seen
    assert (request.method, request.params, request.text) == ("POST", {"a": "b"}, '{"n":1}')
    assert request.headers["content-type"] == "application/json"
    assert len(request.headers["idempotency-key"]) == 36


def test_routes_choose_among_fakes(lab: Lab) -> None:
    """Method and address decide, `*` stands for anything, and the latest fake wins."""
    lab.fake_http("https://shop.example/*", "any")
    lab.fake_http("POST https://shop.example/*", "post")
    lab.fake_http("https://shop.example/orders/*?page=2", "page 2")

    def fetch(url: str, method: str = "GET") -> object:
        return lab.start(app.fetches, url, method).result()[1]

    assert fetch("https://shop.example/a/b") == "any"
    assert fetch("https://shop.example/a?x=1") == "any"
    assert fetch("https://shop.example/a", "POST") == "post"
    assert fetch("https://shop.example/orders/1?page=2") == "page 2"
    with lab.fake_http("GET https://shop.example/a/b", outcomes=[503, "now"]):
        assert fetch("https://shop.example/a/b") == ""
        assert fetch("https://shop.example/a/b") == "now"
    assert fetch("https://shop.example/a/b") == "any"
    with pytest.raises(flawless.UsageError, match="is no route"):
        lab.fake_http("GET POST https://x")


def test_what_nobody_fakes_is_not_sent(lab: Lab) -> None:
    """The workflow fails, whatever HTTP errors it catches, and the error says what to write."""
    lab.fake_http("https://other.example/*", 200)
    with pytest.raises(
        ExecutionFailed, match=r"no fake answers GET https://shop\.example/orders/7"
    ):
        lab.start(app.fetches, URL).result()


def test_a_fake_that_is_wrong_says_so(lab: Lab) -> None:
    """A function that fails, and an answer that is none, are errors of the test."""
    failing = r"the fake of .* raised ZeroDivisionError"
    with lab.fake_http(URL, lambda request: 1 / 0), pytest.raises(ExecutionFailed, match=failing):
        lab.start(app.fetches, URL).result()
    with lab.fake_http(URL, lambda request: object()):  # noqa: SIM117 (two different things)
        with pytest.raises(ExecutionFailed, match="give a Reply"):
            lab.start(app.fetches, URL).result()
    with pytest.raises(flawless.UsageError, match="404 is no route"):
        lab.fake_http(404)  # type: ignore[arg-type]  # the mistake


def test_an_answer_takes_virtual_time(lab: Lab) -> None:
    """As long as it says, but no longer than the request's timeout."""
    began = lab.now
    lab.fake_http(URL, "late", takes="20s")
    assert lab.start(app.fetches, URL, timeout=30).result() == [200, "late"]
    assert lab.now - began == timedelta(seconds=20)
    (name, text) = lab.start(app.fetches, URL, timeout=10).result()
    assert (name, "within 10 s" in text) == ("RequestTimeout", True)
    assert lab.now - began == timedelta(seconds=30)


def test_redirects_and_allow_lists_work_as_ever() -> None:
    """Everything but the network itself is the engine's own."""
    with Lab("lab_programs", egress=["shop.example"], settings=Settings(guests_max=5)) as lab:
        lab.fake_http(URL, Reply(302, headers={"Location": "https://shop.example/there"}))
        lab.fake_http("https://shop.example/there", "arrived")
        lab.fake_http("https://evil.example/*", "never")
        assert lab.start(app.fetches, URL).result() == [200, "arrived"]
        assert lab.start(app.fetches, "https://evil.example/").result()[0] == "EgressDenied"


def test_a_fake_sees_the_value_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are given as to an engine; the workflow, as ever, has a placeholder."""
    monkeypatch.setenv("SHOP_KEY", "hunter2-hunter2")
    secrets = {"SHOP_KEY": {"hosts": ["shop.example"], "env": "SHOP_KEY"}}
    with Lab("lab_programs", secrets=secrets) as lab:
        fake = lab.fake_http(URL, lambda request: request.headers["authorization"])
        status, text = lab.start(app.shows_a_secret, "SHOP_KEY", URL).result()
        assert fake.requests[0].headers["authorization"] == "hunter2-hunter2"
        assert (status, text.startswith("flawless_secret_")) == (200, True)


def test_the_network_can_be_allowed() -> None:
    """Then what nobody fakes is really sent."""
    with Lab("lab_programs", network=True) as lab:
        name, _ = lab.start(app.fetches, "http://127.0.0.1:9/").result()
        assert name == "ConnectError"
