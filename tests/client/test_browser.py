"""`flawless.js` in a real Chromium, on pages of another origin, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pages import empty_pages, script_page
from playwright.sync_api import Browser, Page

import flawless
from flaky import BUSY, CUT_ANSWER, LOSE_ANSWER, LOSE_REQUEST, flaky
from hosting import hosting
from serving import DESK, SHOP, Serving, serving

TOKEN = "a-token-for-tests-only"
MINUTE_MS = 60_000
"""How long a page may need: a server is killed and started meanwhile."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Give the origin of pages that are not the server's."""
    with empty_pages() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, origin: str) -> Iterator[str]:
    """Give the address of a server that wants a token, and lets pages of `origin` ask."""
    data = tmp_path_factory.mktemp("browser")
    token = {"FLAWLESS_TOKEN": TOKEN}
    with serving(data, [SHOP, DESK], "--cors", origin, changes=token) as (_, client):
        yield str(client.base_url).removesuffix("/api/v1/")


@pytest.fixture
def page(browser: Browser, origin: str, server: str) -> Iterator[Page]:
    """Give a page of another origin that has the client, with the token."""
    refused = (401, 403, 404, 409, 422)
    with script_page(browser, origin, f"{server}/flawless.js", TOKEN, refused=refused) as found:
        yield found


@pytest.fixture
def client(server: str) -> Iterator[flawless.Client]:
    """Give a client of the same server, in Python."""
    with flawless.Client(server, TOKEN) as made:
        yield made


def test_what_is_served_is_one_module_with_its_types(server: str, page: Page) -> None:
    """The module's names are those its types declare; it is fetched again only when it changed."""
    script = httpx.get(f"{server}/flawless.js", trust_env=False)
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert "import " not in [line[:7] for line in script.text.splitlines()]
    known = {"If-None-Match": f'"other", {script.headers["ETag"]}'}
    again = httpx.get(f"{server}/flawless.js", headers=known, trust_env=False)
    assert (again.status_code, again.content) == (304, b"")
    types = httpx.get(f"{server}/flawless.d.ts", trust_env=False).text
    names = set(page.evaluate("Object.keys(lib)"))
    assert names == {"Flawless", "Execution", "Watch", "FlawlessError", "subscribe", "newId"}
    for name in names:
        assert f"export class {name}" in types or f"export function {name}" in types, name
    assert page.evaluate("flawless.url") == f"{server}/"


def test_a_conversation(page: Page, client: flawless.Client) -> None:
    """Start, watch, respond, send, result, journal, logs: all from a page, as plain values."""
    found = page.evaluate(
        """async () => {
            const options = { input: ["a pen"], attributes: { via: "page" } };
            const run = await flawless.start("desk.approve", options);
            const response = await run.response();
            const states = [];
            const connections = [];
            const watch = run.watch((value, { version }) => states.push([version, value.stage]), {
                onConnection: ({ state }) => connections.push(state),
            });
            const iterated = (async () => {
                const seen = [];
                for await (const state of run.watch()) seen.push(state.value.stage);
                return seen;
            })();
            const first = await run.send("Confirm", { by: "ann" }, { id: "m" });
            const end = await watch.ended;
            const kinds = [];
            for await (const entry of run.journal()) kinds.push(entry.kind);
            const logs = [];
            for await (const line of run.logs()) logs.push(line.message);
            return {
                id: run.id, isNew: run.started.new, response, states, connections, first, end,
                kinds, logs, iterated: (await iterated).at(-1), result: await run.result(),
                state: (await run.state()).value.stage, status: (await run.get()).status,
            };
        }"""
    )
    assert found["isNew"]
    assert found["first"]
    assert found["response"] == "asked for a pen"
    assert found["states"][-1] == [2, "confirmed"]
    assert found["connections"] == ["open", "closed"]
    assert found["iterated"] == found["state"] == "confirmed"
    assert found["result"] == found["end"]["result"] == "a pen: ann"
    assert (found["kinds"][0], found["kinds"][-1]) == ("invoked", "completed")
    assert found["status"] == "completed"
    assert [one.id for one in client.executions(attributes={"via": "page"})] == [found["id"]]


def test_a_stream_that_has_ended_is_over(page: Page, client: flawless.Client) -> None:
    """Who comes back with the id of its `end` hears nothing more, and no error."""
    client.start("shop.greet", id="told")
    client.result("told")
    found = page.evaluate(
        """async () => {
            const headers = { Authorization: `Bearer ${token}` };
            const listen = async (lastEventId) => {
                const events = [];
                const onEvent = ({ type, id }) => events.push([type, id]);
                const url = `${flawless.url}api/v1/executions/told/events`;
                const ended = await lib.subscribe(url, { headers, onEvent, lastEventId });
                return { ended, events };
            };
            const first = await listen(undefined);
            return [first, await listen(first.events.at(-1)[1])];
        }""".replace("${token}", TOKEN)
    )
    assert found[0]["events"][-1][0] == "end"
    assert found[1] == {"ended": True, "events": []}


def test_errors_say_what_to_do(page: Page) -> None:
    """Whatever goes wrong is a `FlawlessError` with its kind, and with words for people."""
    cases = {
        "workflow-not-found": "() => flawless.start('shop.gret')",
        "input-invalid": "() => flawless.start('shop.nap', { input: ['long'] })",
        "execution-not-found": "() => flawless.execution('nobody').get()",
        "execution-failed": "async () => "
        "(await flawless.start('shop.stumble', { input: ['a stone'] })).result()",
        "token-required": "() => new lib.Flawless({ token: 'no-such-token-at-all' }).whoami()",
    }
    for kind, call in cases.items():
        error = page.evaluate(f"problem({call})")
        assert error["type"] == kind
        assert error["detail"], kind
        assert error["title"], kind
    failed = page.evaluate(f"problem({cases['execution-failed']})")
    assert "shop.py" in failed["problem"]["outcome"]["error"]["traceback"]
    assert page.evaluate(f"problem({cases['input-invalid']})")["problem"]["path"] == "seconds"
    for id_ in ("..", "", "/", "~1"):
        call = f"problem(async () => flawless.execution({id_!r}).send('x'))"
        assert page.evaluate(call)["type"] == "input-invalid"
    late = "async () => (await flawless.start('desk.listen')).result({ waitS: 0.05 })"
    assert page.evaluate(f"problem({late})")["type"] == "result-timeout"
    assert page.evaluate("watch('nobody').watch.ended.catch(error => error.type)") == (
        "execution-not-found"
    )
    strange = "new lib.Flawless({ url: location.href }).whoami()"
    assert page.evaluate(f"problem(() => {strange})")["type"] == "not-flawless"


def test_ends_and_lists(page: Page, client: flawless.Client) -> None:
    """Cancel, terminate, list by attributes over all pages, follow the list's changes."""
    found = page.evaluate(
        """async () => {
            const attributes = { of: "test-ends" };
            const runs = [];
            for (let n = 0; n < 5; n++) {
                const delayS = 3600 * (n % 2);
                runs.push(await flawless.start("desk.listen", { attributes, delayS }));
            }
            const listed = [];
            const filters = { attributes, limit: 2, createdAfter: new Date(Date.now() - 60_000) };
            for await (const one of flawless.executions(filters)) listed.push(one.id);
            const stop = new AbortController();
            const changed = new Set();
            const over = flawless.changes((executions) => {
                for (const { id, status } of executions) {
                    if (status === "cancelled") changed.add(id);
                }
                if (changed.size === 5) stop.abort();
            }, {
                attributes, signal: stop.signal,
                onReset: () => runs.forEach((run, n) => n ? run.cancel() : run.terminate()),
            });
            return {
                started: runs.map((run) => run.id), listed, over: await over,
                changed: [...changed].sort(), stopped: (await problem(() => runs[0].result())).type,
            };
        }"""
    )
    assert found["listed"] == found["started"][::-1]
    assert found["changed"] == sorted(found["started"])
    assert found["over"] is False
    assert found["stopped"] == "execution-cancelled"


def test_a_capability_is_enough_for_a_page(
    browser: Browser, origin: str, server: str, client: flawless.Client
) -> None:
    """With the token of one execution a page can do what that allows, and nothing more."""
    run = client.start("desk.approve", ["a pen"])
    other = client.start("desk.listen")
    token = client.capability(run.id, messages=["Confirm"]).token
    module = f"{server}/flawless.js"
    with script_page(browser, origin, module, token, refused=(403,)) as page:
        found = page.evaluate(
            """async ([mine, other]) => {
                const run = flawless.execution(mine);
                const watch = run.watch();
                await run.send("Confirm", { by: "ann" });
                const refused = [];
                for (const call of [
                    () => run.send("Other"), () => run.cancel(), () => flawless.list(),
                    () => flawless.execution(other).state(), () => flawless.start("shop.greet"),
                    async () => { for await (const entry of run.journal()) entry; },
                ]) refused.push((await problem(call)).status);
                const who = (await flawless.whoami()).execution;
                return { end: await watch.ended, refused, who };
            }""",
            [run.id, other.id],
        )
    assert found["end"]["result"] == "a pen: ann"
    assert found["refused"] == [403] * 6
    assert found["who"] == run.id


def test_a_login_is_enough_for_the_servers_own_pages(
    browser: Browser, server: str, client: flawless.Client
) -> None:
    """A page of the server has its reader's session, and learns by itself what that sends along."""
    with script_page(browser, f"{server}/login", f"{server}/flawless.js", refused=(403,)) as page:
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button").click()
        page.wait_for_url(f"{server}/ui/**")
        result = page.evaluate(
            """async () => {
                const { Flawless } = await import("/flawless.js");
                const flawless = new Flawless();
                const run = await flawless.start("shop.greet", { input: { name: "Ada" } });
                return [await run.result(), (await flawless.whoami()).via];
            }"""
        )
    assert result == ["Hello, Ada", "session"]


@pytest.mark.parametrize("mishap", [LOSE_ANSWER, CUT_ANSWER, LOSE_REQUEST, BUSY])
def test_what_is_repeated_counts_once(browser: Browser, tmp_path: Path, mishap: str) -> None:
    """Over a connection that loses requests and answers, one start is one, one message is one."""
    with serving(tmp_path, [DESK]) as (_, api):
        with (
            flaky(str(api.base_url).removesuffix("/api/v1/")) as bad,
            script_page(
                browser,
                f"{bad.url}/flawless.js",
                f"{bad.url}/flawless.js",
                refused=(503,),
                unreachable=True,
            ) as page,
        ):
            bad.mishaps += [mishap, mishap]
            id_, new = page.evaluate(
                """async () => {
                    globalThis.run = await flawless.start("desk.listen", { input: ["never"] });
                    return [run.id, run.started.new];
                }"""
            )
            assert new
            bad.mishaps += [mishap]
            assert page.evaluate("run.send('note', 1)")
            assert bad.mishaps == []
        found = api.get("/executions").json()["executions"]
        assert [one["id"] for one in found] == [id_]
        messages = api.get(f"/executions/{id_}/messages").json()["messages"]
        assert [one["payload"] for one in messages] == [1]


def test_watching_outlives_the_server(browser: Browser, origin: str, tmp_path: Path) -> None:
    """Through kill -9 and a new start a page misses no last state, and what it sends arrives."""
    data = tmp_path / "data"
    cors = ("--cors", origin)
    changes = {"FLAWLESS_TOKEN": TOKEN}
    with serving(data, [SHOP, DESK], *cors, changes=changes) as (server, api):
        url = str(api.base_url).removesuffix("/api/v1/")
        port = url.rpartition(":")[2]
        with script_page(
            browser, origin, f"{url}/flawless.js", TOKEN, unreachable=True, refused=(503,)
        ) as page:
            page.evaluate(
                """async () => {
                    globalThis.flawless = new lib.Flawless({
                        url: flawless.url, token: async () => "a-token-for-tests-only", retryS: 120,
                    });
                    globalThis.run = await flawless.start("desk.approve", { input: ["a chair"] });
                    globalThis.seen = watch(run.id);
                }"""
            )
            page.wait_for_function("seen.states.length === 1")
            server.kill()
            page.wait_for_function("seen.connections.includes('lost')", timeout=MINUTE_MS)
            page.evaluate("() => { globalThis.sent = run.send('Confirm', { by: 'ann' }) }")
            again = Serving(SHOP, DESK, f"--data={data}", f"--port={port}", *cors, changes=changes)
            with again:
                again.await_url()
                page.wait_for_function("seen.end !== null", timeout=MINUTE_MS)
                assert page.evaluate("sent")
                seen = page.evaluate("({ ...seen, watch: null })")
    assert [state["stage"] for state in seen["states"]] == ["asked", "confirmed"]
    assert seen["end"]["result"] == "a chair: ann"
    assert seen["connections"][0] == "open"
    assert seen["connections"][-2:] == ["open", "closed"]
    assert "lost" in seen["connections"]


def test_a_network_that_comes_back_is_noticed(
    browser: Browser, origin: str, server: str, client: flawless.Client
) -> None:
    """What changed while the page was offline is there when it is online, without a pause."""
    run = client.start("desk.approve", ["a pen"])
    module = f"{server}/flawless.js"
    options = {"unreachable": True, "refused": (409,)}
    with script_page(browser, origin, module, TOKEN, **options) as page:
        page.evaluate("id => { globalThis.seen = watch(id) }", run.id)
        page.wait_for_function("seen.states.length === 1")
        page.context.set_offline(True)
        page.evaluate(
            """id => {
                const sent = flawless.execution(id).send("Confirm", { by: "eve" });
                globalThis.sent = sent.then(() => "sent", (error) => error.type);
            }""",
            run.id,
        )
        client.send(run.id, "Confirm", {"by": "ann"})
        assert client.result(run.id) == "a pen: ann"
        page.context.set_offline(False)
        page.wait_for_function("seen.end !== null")
        states = page.evaluate("seen.states.map(({ stage }) => stage)")
        refused = page.evaluate("sent")
    assert states == ["asked", "confirmed"]
    assert refused == "execution-ended"


def test_a_page_nobody_sees_lets_go_of_its_streams(page: Page, client: flawless.Client) -> None:
    """Hidden for a while it has none; seen again it has the state of now, at once."""
    run = client.start("desk.approve", ["a pen"])
    page.clock.install()
    page.evaluate("id => { globalThis.seen = watch(id) }", run.id)
    page.wait_for_function("seen.states.length === 1")
    show = """state => {
        Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(show, "hidden")
    with page.expect_event("requestfailed", lambda request: "/events" in request.url):
        page.clock.fast_forward(11_000)
    client.send(run.id, "Confirm", {"by": "ann"})
    assert client.result(run.id) == "a pen: ann"
    assert page.evaluate("seen.states.length") == 1
    page.evaluate(show, "visible")
    page.wait_for_function("seen.end !== null")
    assert page.evaluate("seen.states.at(-1).stage") == "confirmed"


def test_a_dead_connection_is_given_up(page: Page, client: flawless.Client) -> None:
    """Without any sign of life the page connects anew, though nobody closed the connection."""
    run = client.start("desk.approve", ["a pen"])
    page.clock.install()
    page.evaluate("id => { globalThis.seen = watch(id) }", run.id)
    page.wait_for_function("seen.states.length === 1")
    page.clock.fast_forward(41_000)
    page.wait_for_function("seen.connections.includes('lost')")
    page.clock.fast_forward(2_000)
    page.wait_for_function("seen.connections.filter((one) => one === 'open').length === 2")
    client.send(run.id, "Confirm", {"by": "ann"})
    page.wait_for_function("seen.end !== null")
    assert page.evaluate("seen.states.map(({ stage }) => stage)") == ["asked", "confirmed"]


def test_many_watches_leave_room_for_requests(browser: Browser, tmp_path: Path) -> None:
    """More watches than a browser allows connections: all hear everything, and requests go on.

    The page is one of an application that has the engine mounted below a prefix.
    """
    with (
        hosting("host_fastapi:app", tmp_path / "app.db") as (_, url),
        script_page(browser, f"{url}/page", f"{url}/flawless/flawless.js") as page,
        httpx.Client(base_url=url, trust_env=False) as host,
    ):
        assert page.evaluate("flawless.url") == f"{url}/flawless/"
        page.evaluate(
            """async () => {
                const names = Array.from({ length: 20 }, (_, n) => `many-${n}`);
                const start = (id) => flawless.start("desk.approve", { input: [id], id });
                globalThis.runs = await Promise.all(names.map(start));
                globalThis.seen = [...names, ...names].map((id) => watch(id));
            }"""
        )
        page.wait_for_function("seen.every((one) => one.states.length === 1)", timeout=MINUTE_MS)
        assert 1 <= host.get("/work").json()["requests"] <= 4
        page.evaluate("Promise.all(runs.map((run) => run.send('Confirm', { by: 'ann' })))")
        page.wait_for_function("seen.every((one) => one.end !== null)", timeout=MINUTE_MS)
        ends = page.evaluate("seen.map((one) => [one.states.at(-1).stage, one.end.result])")
        assert ends == [["confirmed", f"many-{n}: ann"] for n in range(20)] * 2
        assert page.evaluate("seen.every((one) => !one.connections.includes('lost'))")
        while host.get("/work").json()["requests"]:
            pass
