"""Who is let in: tokens, and without one only what names this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from flawless.engine.clock import SystemClock
from flawless.errors import FlawlessError, UsageError
from flawless.server.access.authentication import AccessGuard, Authenticator
from flawless.server.access.callers import Access, is_loopback
from flawless.server.access.roles import READ
from flawless.server.routing import endpoint
from flawless.server.wire.problems import on_flawless_error
from serving import run_here, serving

TOKEN = "correct-horse-battery-staple"


def ask(access: Access, **headers: str) -> httpx.Response:
    """Send a request through the guard to an application that says yes."""

    async def say_yes(_: Request) -> Response:
        return PlainTextResponse("yes")

    yes = Starlette(
        routes=[endpoint("/", say_yes, GET=READ)],
        exception_handlers={FlawlessError: on_flawless_error},
    )
    guard = AccessGuard(yes, Authenticator(access, SystemClock()))

    async def exchange() -> httpx.Response:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/", headers={k.title(): v for k, v in headers.items()})

    return asyncio.run(exchange())


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:27288", "127.0.0.1:27288", "[::1]:27288", "127.0.0.2:1"]
)
def test_this_machine_is_answered(host: str) -> None:
    """Requests that name the loopback, or the host that was configured, pass."""
    assert ask(Access("127.0.0.2"), host=host).text == "yes"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:27288", "127.0.0.1.evil.example", "[::2]", "", "localhost.x"],
)
def test_names_that_were_pointed_here_are_refused(host: str) -> None:
    """A page whose name resolves to the loopback (DNS rebinding) gets nothing."""
    response = ask(Access(), host=host)
    assert response.status_code == 403
    assert response.json()["type"] == "urn:flawless:problem:access-denied"
    assert "hint" in response.json()


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:27288", 200),
        ("http://localhost:3000", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_pages_of_others_are_refused(origin: str, status: int) -> None:
    """A browser's request on behalf of another page is refused before it does anything."""
    assert ask(Access(), host="localhost:27288", origin=origin).status_code == status


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN} ", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
def test_a_token_opens_and_nothing_else_does(given: str, status: int) -> None:
    """With a token set, it is all that counts, under whatever name the server is reached."""
    response = ask(Access("0.0.0.0", TOKEN), host="shop.example", authorization=given)
    assert response.status_code == status
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in response.text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_others_can_reach_the_server_only_with_a_token(host: str) -> None:
    """Without a token, listening for other machines is refused with the remedy."""
    with pytest.raises(UsageError, match="FLAWLESS_TOKEN"):
        Access(host)
    assert not is_loopback(host)
    Access(host, TOKEN)


@pytest.mark.parametrize("token", ["", "short", "has a space in it, and more", "é" * 20])
def test_tokens_that_protect_nothing_are_refused(token: str) -> None:
    """A token must be long enough not to be guessed, and fit into a header."""
    with pytest.raises(UsageError, match="FLAWLESS_TOKEN"):
        Access("127.0.0.1", token)


def test_a_served_token_is_wanted_from_clients(tmp_path: Path) -> None:
    """`flawless up` takes FLAWLESS_TOKEN, and the client commands send theirs."""
    changes = {"FLAWLESS_TOKEN": TOKEN}
    with serving(tmp_path, changes=changes) as (_, client):
        assert client.get("/health").status_code == 401
        url = str(client.base_url).removesuffix("/api/v1/")
        refused = run_here("list", FLAWLESS_URL=url)
        assert refused.returncode == 2
        assert "FLAWLESS_TOKEN" in refused.stderr
        assert run_here("list", FLAWLESS_URL=url, FLAWLESS_TOKEN=TOKEN).returncode == 0
