"""Who may ask an engine inside another application: nobody, but those who were let in."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import flawless
from flawless.client import ServerUnreachable
from flawless.errors import ExecutionNotFound, FlawlessError, InputInvalid, UsageError
from hosting import hosting, port_of
from serving import SHOP

API = "/in/side/api/v1"
TOKEN = "a-token-of-the-operators"
GREET = {"workflow": "shop.greet"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the store's file."""
    return tmp_path_factory.mktemp("host") / "app.db"


@pytest.fixture(scope="module")
def url(place: Path) -> Iterator[str]:
    """Give the address of a Starlette application that knows its users."""
    with hosting("host_starlette:app", place) as (_, found):
        yield found


def ask(url: str, path: str, user: str = "", body: Any = None, **headers: str) -> httpx.Response:
    """Send a request as one of the application's users."""
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    if user:
        shown["Cookie"] = f"user={user}"
    with httpx.Client(base_url=url, trust_env=False, timeout=90) as client:
        return client.request("GET" if body is None else "POST", path, headers=shown, json=body)


def test_being_on_this_machine_opens_nothing(url: str) -> None:
    """Strangers hear what they need, wherever they come from; only what all may see is there."""
    for path in (API, f"{API}/executions", f"{API}/executions/x/events", f"{API}/whoami"):
        refused = ask(url, path)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert ask(url, f"{API}/executions", body=GREET).status_code == 401
    assert ask(url, "/in/side/flawless.js").status_code == 200


@pytest.mark.parametrize(("user", "looks", "starts"), [
    ("rita", 200, 403), ("otto", 200, 201), ("dora", 200, 201), ("nobody", 401, 401),
])  # fmt: skip
def test_users_have_the_roles_that_the_application_says(
    url: str, user: str, looks: int, starts: int
) -> None:
    """What a user may do here is what the application's function returns."""
    assert ask(url, f"{API}/executions", user).status_code == looks
    started = ask(url, f"{API}/executions", user, GREET)
    assert started.status_code == starts
    if looks == 200:
        who = ask(url, f"{API}/whoami", user).json()
        assert (who["name"], who["via"]) == (user, "host")
    if starts == 201:
        assert started.headers["Location"].startswith(f"{API}/executions/")


def test_pages_of_others_cannot_use_a_users_cookie(url: str) -> None:
    """Browsers send cookies for every page: what comes from another origin is refused."""
    for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        for body in (None, GREET):
            refused = ask(url, f"{API}/executions", "dora", body, **headers)
            assert (refused.status_code, refused.json()["type"]) == (
                403, "urn:flawless:problem:access-denied",
            )  # fmt: skip
    assert ask(url, f"{API}/executions", "otto", GREET, Origin=url).status_code == 201


def test_a_role_that_is_none_is_the_applications_bug(url: str) -> None:
    """A wrong answer of the application's function opens nothing."""
    assert ask(url, f"{API}/whoami", "bad").status_code == 500


def test_tokens_open_it_too(url: str) -> None:
    """The token that was given opens everything, and counts more than a cookie."""
    with flawless.Client(f"{url}/in/side", TOKEN) as client:
        assert client.whoami().role == "deploy"
        assert client.start("shop.greet", wait_s=30).result == "Hello, world"
    mixed = ask(url, f"{API}/whoami", "rita", Authorization=f"Bearer {TOKEN}")
    assert mixed.json()["via"] == "token"
    others = ask(url, f"{API}/whoami", "rita", Authorization="Basic c29tZWJvZHk6ZWxzZQ==")
    assert others.json()["via"] == "host", "the application's own kind of header"


def test_a_visitor_gets_one_execution(url: str, place: Path) -> None:
    """A capability opens its one execution, for that message, and nothing else."""
    first, second = (
        httpx.post(f"{url}/visit", params={"item": item}, trust_env=False).json()
        for item in ("a pen", "a chair")
    )
    with flawless.Client(f"{url}/in/side", first["token"], retry_s=0) as visitor:
        assert visitor.response(first["id"]) == "asked for a pen"
        assert visitor.whoami().execution == first["id"]
        for refused in (
            lambda: visitor.get(second["id"]),
            lambda: visitor.send(second["id"], "Confirm", {"by": "ann"}),
            lambda: visitor.send(first["id"], "another"),
            lambda: list(visitor.journal(first["id"])),
            lambda: visitor.cancel(first["id"]),
            lambda: visitor.list(),
            lambda: visitor.start("shop.greet"),
            lambda: visitor.capability(first["id"]),
        ):
            with pytest.raises(FlawlessError, match="capability"):
                refused()
        assert visitor.send(first["id"], "Confirm", {"by": "ann"})
        assert visitor.result(first["id"]) == "a pen: ann"
    key = place.with_name("app.db.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_visitors_token_outlives_the_application(tmp_path: Path) -> None:
    """The key is kept beside the store: after kill -9 the page goes on with what it has."""
    store = tmp_path / "app.db"
    with hosting("host_starlette:app", store) as (server, url):
        visit = httpx.post(f"{url}/visit", params={"item": "x"}, trust_env=False).json()
        server.kill()
    with (
        hosting("host_starlette:app", store, port_of(url)) as (_, again),
        flawless.Client(f"{again}/in/side", visit["token"]) as visitor,
    ):
        visitor.send(visit["id"], "Confirm", {"by": "ann"})
        assert visitor.result(visit["id"]) == "x: ann"


def test_served_by_itself_it_opens_the_engine(tmp_path: Path) -> None:
    """As the outermost application it needs no other; `local` is for this machine's users only."""
    with hosting("host_starlette:bare", tmp_path / "app.db") as (server, url):
        who = ask(url, "/api/v1/whoami")
        assert who.json()["via"] == "local"
        for name in ("X_Forwarded_For", "Forwarded", "Via", "X_Real_IP"):
            behind_proxy = ask(url, "/api/v1/whoami", **{name: "127.0.0.1"})
            assert behind_proxy.status_code == 401
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            assert ask(url, "/api/v1/whoami", **headers).status_code == 403
        with pytest.raises(httpx.HTTPError), httpx.Client(trust_env=False) as client:
            client.get(f"{url}/api/v1", headers={"Host": "x" * 200_000}).raise_for_status()
        assert "shutdown complete" in server.await_stop()
    with pytest.raises(ServerUnreachable), flawless.Client(url, retry_s=0) as client:
        client.about()


def test_what_is_no_capability_is_refused(tmp_path: Path) -> None:
    """Rights, times and names that make no sense are told before a token is made."""
    with flawless.Engine(tmp_path / "app.db", modules=[SHOP]) as engine:
        run = engine.start("shop.nap", 0.0)
        assert engine.capability(run.id, ["journal"], ttl="30d").startswith("flc_")
        for rights, more in (
            (["all"], {}),
            ([], {}),
            (["state"], {"ttl": "31d"}),
            (["state"], {"ttl": 0}),
            (["state"], {"messages": ["x"]}),
            (["send"], {"messages": ["x" * 5_000]}),
        ):
            with pytest.raises((InputInvalid, UsageError)):
                engine.capability(run.id, rights, **more)
        with pytest.raises(ExecutionNotFound):
            engine.capability("nobody")
    with pytest.raises(UsageError, match="16"):
        engine.asgi(token="short")
    with pytest.raises(UsageError, match="origin"):
        engine.asgi(origins=["example.com/"])
