"""Logging in with a real browser, and pages elsewhere that would like to use that login."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from browsing import nameless, overflow_px, visiting
from serving import DESK, run_here, serving

WRONG = "flt_00000000_wrong"


@dataclass(frozen=True)
class Secured:
    """A server that wants tokens, and one that opens all but code."""

    url: str
    token: str
    client: httpx.Client

    def status(self, execution: str) -> str:
        """Return how an execution stands."""
        headers = {"Authorization": f"Bearer {self.token}"}
        found: str = self.client.get(f"executions/{execution}", headers=headers).json()["status"]
        return found


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Give such a server, with an execution `own` that waits."""
    data = tmp_path_factory.mktemp("login")
    made = run_here("tokens", "add", "ann", "--role", "operate", "--data", data)
    token = made.stdout.strip()
    with serving(data, [DESK]) as (_, client):
        headers = {"Authorization": f"Bearer {token}"}
        body = {"workflow": "desk.listen", "id": "own"}
        assert client.post("executions", json=body, headers=headers).status_code == 201
        yield Secured(str(client.base_url).removesuffix("/api/v1/"), token, client)


def log_in(page: Page, secured: Secured, token: str) -> None:
    """Fill in the form and send it."""
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()


@contextmanager
def elsewhere(content: str) -> Iterator[str]:
    """Serve a page of somebody else; give its address, on another host name of this machine."""

    class Hostile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (360, "light"),
        (1280, "dark"),
        pytest.param(360, "dark", marks=pytest.mark.sweep),
        pytest.param(1280, "light", marks=pytest.mark.sweep),
    ],
)
def test_people_come_in_by_the_form_and_leave(
    browser: Browser, secured: Secured, scheme: str, width: int
) -> None:
    """Who opens a page is led to the form, and with a token back to the page; then out again."""
    with visiting(
        browser,
        secured.url,
        refused=(401,),
        width=width,
        color_scheme=scheme,
    ) as page:
        page.goto(f"{secured.url}/ui/executions?status=waiting")
        expect(page).to_have_url(re.compile("/login"))
        expect(page.get_by_label("Token")).to_be_focused()
        assert nameless(page) == []
        assert overflow_px(page) == 0
        log_in(page, secured, WRONG)
        expect(page.get_by_role("alert")).to_contain_text("not known here")
        assert WRONG not in page.content()
        log_in(page, secured, secured.token)
        expect(page).to_have_url(f"{secured.url}/ui/executions?status=waiting")
        expect(page.get_by_text("own").first).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        done = page.evaluate(
            """async () => {
                const who = await (await fetch("/api/v1/whoami")).json();
                const headers = { "X-Flawless-CSRF": who.csrf };
                const out = await fetch("/logout", { method: "POST", headers });
                return [who.name, who.via, out.status];
            }"""
        )
        assert done == ["ann", "session", 204]
        # Not asked by the page, which by now may be on its way to the form.
        assert page.context.request.get(f"{secured.url}/api/v1/whoami").status == 401


@pytest.mark.parametrize("reads", ["no-cors", "cors"])
def test_pages_elsewhere_cannot_use_the_login(
    browser: Browser, secured: Secured, reads: str
) -> None:
    """A page on the same machine, and so of the same site to browsers, does and reads nothing."""
    target = secured.url.replace("127.0.0.1", "localhost")
    hostile = f"""<!doctype html><script>
        const cancel = "{target}/api/v1/executions/own/cancel";
        const options = {{ method: "POST", credentials: "include", mode: "{reads}", body: "{{}}" }};
        window.done = Promise.allSettled([
            fetch(cancel, options),
            fetch("{target}/logout", {{ ...options, body: undefined }}),
            fetch("{target}/api/v1/executions", {{ credentials: "include", mode: "{reads}" }})
                .then((response) => response.text()),
        ]).then((all) => all.map((one) => one.value || ""));
        </script><form method="post" target="hidden" action="{target}/api/v1/executions/own/cancel"
          enctype="text/plain"><input name='{{"reason":"' value='"}}'></form>
        <iframe name="hidden"></iframe>
        <form id="login" method="post" action="{target}/login"><input name="token" value="x"></form>
        """
    with browser.new_context() as window, elsewhere(hostile) as other:
        page = window.new_page()
        page.goto(f"{target}/login")
        log_in(page, secured, secured.token)
        expect(page).to_have_url(f"{target}/ui/")
        page.goto(other)
        read = page.evaluate("window.done")
        assert "own" not in str(read)
        page.evaluate("document.forms[0].submit()")
        page.goto(f"{target}/api/v1/whoami")
        assert '"via":"session"' in page.content()  # still logged in
        assert secured.status("own") == "waiting"
        page.goto(other)
        with page.expect_navigation() as arrived:
            page.evaluate("document.forms[1].submit()")
        assert arrived.value is not None
        assert arrived.value.status == 403


def test_a_link_elsewhere_leads_to_the_page(browser: Browser, secured: Secured) -> None:
    """Who is logged in and follows a link from another site is not asked to log in again."""
    content = f'<!doctype html><a href="{secured.url}/ui/executions/own">the execution</a>'
    with browser.new_context() as window, elsewhere(content) as other:
        page = window.new_page()
        page.goto(f"{secured.url}/login")
        log_in(page, secured, secured.token)
        page.goto(other)  # localhost, which is another site than 127.0.0.1
        page.get_by_role("link").click()
        expect(page).to_have_url(f"{secured.url}/ui/executions/own")
        expect(page.get_by_text("desk.listen").first).to_be_visible()


def test_a_page_of_an_allowed_origin_uses_a_capability(browser: Browser, tmp_path: Path) -> None:
    """With `--cors` a page elsewhere reads and hears of its one execution, and of no other."""
    with (
        elsewhere("<!doctype html>") as other,
        serving(tmp_path, [DESK], f"--cors={other}") as (_, client),
        browser.new_context() as window,
    ):
        body = {"workflow": "desk.approve", "id": "own"}
        assert client.post("executions", json=body).status_code == 201
        made = client.post("executions/own/capability", json={"rights": ["state", "send"]})
        page = window.new_page()
        page.goto(other)
        heard = page.evaluate(
            """async ([base, token]) => {
                const headers = { Authorization: `Bearer ${token}` };
                const get = (path) => fetch(`${base}${path}`, { headers });
                const state = await (await get("/executions/own/state")).json();
                const others = (await get("/executions")).status;
                const stream = await get("/executions/own/events?include=state");
                const reader = stream.body.getReader();
                const piece = new TextDecoder().decode((await reader.read()).value);
                await reader.cancel();
                const sent = await fetch(`${base}/executions/own/messages`, {
                    method: "POST",
                    headers: { ...headers, "Content-Type": "application/json" },
                    body: JSON.stringify({ name: "Confirm", payload: { by: "ann" } }),
                });
                const bare = await fetch(`${base}/executions`);
                return [state.value.stage, others, piece, sent.status, bare.status];
            }""",
            [str(client.base_url).rstrip("/"), made.json()["token"]],
        )
        assert (heard[0], heard[1], heard[3], heard[4]) == ("asked", 403, 202, 401)
        assert "retry: 1000" in heard[2]
        end = client.get("executions/own/result", params={"wait": 30}).json()
        assert end["result"] == "a chair: ann"
