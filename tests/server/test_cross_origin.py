"""What browsers are told: headers on every answer, and pages of other origins."""

from __future__ import annotations

import random
from collections.abc import Iterator

import httpx
import pytest
from asking import expect
from guarded import API, HOST, Guarded, guarded, listening

from flawless.engine.service import Service
from flawless.errors import UsageError
from flawless.server import Access
from flawless.server.access.limits import RequestLimits
from flawless.server.access.roles import Role
from flawless.server.hosting.connections import Lobby

ALLOWED = "https://shop.example"
LIST = f"{API}/executions"
STANDING = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give an application without tokens that pages of one origin may ask."""
    with guarded(tmp_path_factory.mktemp("origins"), origins=(ALLOWED,)) as server:
        server.start(None, "own")
        yield server


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give an application with tokens that pages of no origin may ask."""
    with guarded(tmp_path_factory.mktemp("closed")) as server:
        server.add("ann", Role.OPERATE)
        yield server


def cors(response: httpx.Response) -> dict[str, str]:
    """Return the headers that let pages read an answer."""
    return {k: v for k, v in response.headers.items() if k.startswith("access-control-")}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", LIST, 200),
        ("GET", "/ui/", 200),
        ("GET", "/ui/static/0/ui/css/tokens.css", 200),
        ("GET", "/flawless.js", 200),
        ("GET", "/", 307),
        ("GET", "/healthz", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", LIST, 405),
        ("POST", LIST, 400),
        ("POST", "/logout", 204),
    ],
)
def test_every_answer_has_the_headers(server: Guarded, method: str, path: str, status: int) -> None:
    """Pages, files, documents, redirects and errors alike."""
    response = server.ask(method, path)
    assert response.status_code == status
    assert {name: response.headers.get(name) for name in STANDING} == STANDING
    assert response.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert "camera=()" in response.headers["Permissions-Policy"]
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


def test_refusals_have_the_headers_too(closed: Guarded) -> None:
    """Also what is refused before any route is looked for."""
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "flawless_session=x"}):
        response = closed.ask("GET", LIST, headers=headers)
        assert response.status_code == 401
        assert {name: response.headers.get(name) for name in STANDING} == STANDING


def test_a_bug_of_ours_has_the_headers_too(
    server: Guarded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer that is made where all else has failed is no exception."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(Service, "health", fail)
    response = server.ask("GET", f"{API}/health")
    expect(response, 500, "internal-error")
    assert {name: response.headers.get(name) for name in STANDING} == STANDING
    assert "on purpose" not in response.text
    del caplog


def test_nobody_else_is_let_in_by_default(closed: Guarded) -> None:
    """Without `--cors` no page of another origin reads anything, and none is told that it may."""
    for method in ("GET", "POST", "OPTIONS"):
        response = closed.ask(method, LIST, headers={"Origin": ALLOWED, **PREFLIGHT})
        assert not response.is_success
        assert cors(response) == {}


def test_a_page_of_the_origin_asks_first_and_then_with_a_token(server: Guarded) -> None:
    """The browser's question needs no token; what follows does, and can be read by the page."""
    response = server.ask("OPTIONS", LIST, headers={"Origin": ALLOWED, **PREFLIGHT})
    assert response.status_code == 204
    assert cors(response)["access-control-allow-origin"] == ALLOWED
    assert "POST" in cors(response)["access-control-allow-methods"]
    allowed = cors(response)["access-control-allow-headers"].lower()
    assert {"authorization", "content-type", "last-event-id"} <= set(allowed.split(", "))
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["Vary"] == "Origin"

    token = server.capability(None, "own", ["state"])
    path = f"{LIST}/own"
    response = server.ask("GET", path, token=token, headers={"Origin": ALLOWED})
    assert response.status_code == 200
    assert cors(response)["access-control-allow-origin"] == ALLOWED
    assert "Location" in cors(response)["access-control-expose-headers"]
    refused = server.ask("GET", LIST, token=token, headers={"Origin": ALLOWED})
    assert refused.status_code == 403
    assert cors(refused)["access-control-allow-origin"] == ALLOWED  # so that it can read why


def test_a_page_of_the_origin_is_not_the_user_of_this_machine(server: Guarded) -> None:
    """Where no token is wanted from programs here, such a page needs one all the same."""
    assert server.ask("GET", LIST).status_code == 200
    headers = {"Origin": ALLOWED}
    expect(server.ask("GET", LIST, headers=headers), 401, "token-required")
    response = server.ask("POST", f"{LIST}/own/cancel", json={}, headers=headers)
    expect(response, 401, "token-required")
    response = server.ask("GET", LIST, token="flt_nonsense", headers=headers)
    expect(response, 401, "token-required")
    assert server.ask("GET", "/flawless.js", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example.evil.example",
        "https://evil.example/https://shop.example",
        "https://shop.example:8443",
        "http://shop.example",
        "https://SHOP.example",
        "https://shop.example/",
        "https://xshop.example",
        "null",
        "*",
        "",
    ],
)
def test_an_origin_is_that_one_only(server: Guarded, origin: str) -> None:
    """No part, no other port or scheme, and nothing that looks like it."""
    response = server.ask("OPTIONS", LIST, headers={"Origin": origin, **PREFLIGHT})
    assert cors(response) == {}
    assert response.status_code == 403
    response = server.ask("GET", LIST, headers={"Origin": origin})
    assert (response.status_code, cors(response)) == (403, {})


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "shop.example",
        "https://",
        "https://shop.example/",
        "https://Shop.example",
        "https://*.example",
        "https://a@shop.example",
        "ftp://shop.example",
        "https://shop.example:port",
        "https://shop.example\n",
        "",
    ],
)
def test_what_is_no_origin_is_not_taken_for_one(origin: str) -> None:
    """Above all not a star: each origin is named."""
    with pytest.raises(UsageError, match="is no origin"):
        Access(origins=(origin,))


@pytest.mark.parametrize(
    "origin", ["https://a.example", "http://localhost:3000", "http://[::1]:3000", "http://10.0.0.1"]
)
def test_origins_are_written_as_browsers_do(origin: str) -> None:
    """Hosts and addresses, with a port or without."""
    Access(origins=(origin,))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:27288", "Origin": "http://evil.example:27288"},
        {"Host": f"{HOST}.evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Origin": "http://localhost:3000"},
    ],
)
@pytest.mark.parametrize("path", [LIST, "/flawless.js", "/ui/", "/healthz", "/nowhere", "/login"])
def test_no_page_becomes_the_user_of_this_machine(
    server: Guarded, headers: dict[str, str], path: str
) -> None:
    """Neither by a name that was pointed here (DNS rebinding), nor as what another page embeds."""
    expect(server.ask("GET", path, headers=headers), 403, "access-denied")
    response = server.ask("POST", f"{LIST}/own/cancel", json={}, headers=headers)
    expect(response, 403, "access-denied")


def test_a_link_to_our_pages_may_be_followed(server: Guarded) -> None:
    """Who clicks on it on another site comes to the page, which then asks for itself."""
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert server.ask("GET", "/ui/", headers=headers).status_code == 200


@pytest.mark.parametrize("client", ["192.0.2.7", "2001:db8::1", "10.0.0.1", "::ffff:192.0.2.7"])
def test_other_machines_are_not_this_one(server: Guarded, client: str) -> None:
    """Not through a proxy, and not where an application that mounts us listens for others."""
    response = server.ask("GET", LIST, client=(client, 1))
    assert "need a token" in expect(response, 403, "access-denied")["detail"]
    for here in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert server.ask("GET", LIST, client=(here, 1)).status_code == 200


@pytest.mark.parametrize(
    "peer", ["unknown", "unix:", "unix:/run/x.sock", "_hidden", "", "localhost"]
)
def test_a_peer_without_an_address_is_not_this_machine(server: Guarded, peer: str) -> None:
    """What a proxy says of whom it does not know does not open the server to them."""
    response = server.ask("GET", LIST, client=(peer, 0))
    expect(response, 403, "access-denied", "need a token")


@pytest.mark.parametrize(
    "name", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"]
)
def test_who_comes_through_a_proxy_is_not_this_machine(server: Guarded, name: str) -> None:
    """A proxy on this machine passes on what anybody asks."""
    response = server.ask("GET", LIST, headers={name: "127.0.0.1"})
    expect(response, 403, "access-denied", "through a proxy, need a token")


@pytest.mark.parametrize("told", ["unknown", "unix:", "_a"])
def test_what_a_proxy_tells_is_not_believed_to_be_us(server: Guarded, told: str) -> None:
    """The server puts that in the place of the peer's address, before anybody looks at it."""
    with listening(server.app, Lobby(RequestLimits()), server.loop) as (_, port):
        url = f"http://127.0.0.1:{port}{LIST}"
        answer = httpx.get(url, headers={"X-Forwarded-For": told}, trust_env=False)
        expect(answer, 403, "access-denied", "need a token")
        assert httpx.get(url, trust_env=False).status_code == 200


@pytest.mark.parametrize("seed", range(20))
def test_hostile_headers_are_no_bug(closed: Guarded, server: Guarded, seed: int) -> None:
    """Whatever bytes stand in the headers that are looked at, the answer is a refusal."""
    chance = random.Random(seed)
    pieces = [b"Bearer ", b"bearer\t", b"flt_", b"flc_", b".", b"=", b";", b"flawless_session=",
              b"http://", b"[", b"]", b":", b"@", b"//", b"\xff\xfe", b"\x80", b"A" * 200, b" ",
              b"null", b"localhost", b"%00", b"{}", b"\xe2\x80\xae", b"same-origin"]  # fmt: skip
    names = ["Authorization", "Cookie", "Origin", "Host", "X-Flawless-CSRF", "Sec-Fetch-Site",
             "Content-Type", "Accept", "Sec-Fetch-Mode"]  # fmt: skip
    for _ in range(20):
        headers = [
            (name.encode(), b"".join(chance.choices(pieces, k=chance.randrange(6))))
            for name in chance.choices(names, k=4)
        ]
        for app in (closed, server):
            path = chance.choice([LIST, "/login", "/ui/", f"{LIST}/own/cancel"])
            for method in ("GET", "POST"):
                response = app.run(_ask(app, method, path, headers))
                assert response.status_code < 500, (seed, headers, response.text)
                assert path != LIST or not response.is_success or app is server


async def _ask(
    app: Guarded, method: str, path: str, headers: list[tuple[bytes, bytes]]
) -> httpx.Response:
    transport = httpx.ASGITransport(app.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        return await client.request(method, path, headers=headers)


def test_websockets_are_refused(server: Guarded) -> None:
    """There are none here, so nothing looks into them."""
    sent: list[object] = []

    async def connect() -> None:
        async def receive() -> dict[str, str]:
            return {"type": "websocket.connect"}

        async def send(message: object) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": LIST, "headers": [], "query_string": b""}
        await server.app(scope, receive, send)  # type: ignore[arg-type]  # as ASGI has it

    server.run(connect())
    assert sent == [{"type": "websocket.close", "code": 1008}]
