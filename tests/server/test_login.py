"""Logging in with a browser: the form, the cookie, and what pages of others would like to send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
from asking import expect
from guarded import API, HOST, Guarded, MovableClock, guarded

from flawless.server import Access
from flawless.server.access.authentication import Authenticator
from flawless.server.access.capabilities import Capabilities
from flawless.server.access.limits import RequestLimits
from flawless.server.access.roles import Role
from flawless.server.access.sessions import ENDED_FILE, ENDED_MAX, SESSION_S, Sessions

ORIGIN = f"http://{HOST}"
WHOAMI = f"{API}/whoami"
CANCEL = f"{API}/executions/own/cancel"
BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"}
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give an application that people may try to log in to as often as they like."""
    limits = RequestLimits(logins_per_minute=100_000)
    with guarded(tmp_path_factory.mktemp("login"), limits=limits) as server:
        yield server


@pytest.fixture
def ann(server: Guarded) -> Iterator[str]:
    """Give ann's token, revoked afterwards."""
    token = server.add("ann", Role.OPERATE)
    server.start(token, "own")
    yield token
    if server.ask("GET", WHOAMI, token=token).is_success:
        server.revoke("ann")


def log_in(server: Guarded, token: str, **more: object) -> httpx.Response:
    """Send the form as our own page does."""
    headers = {**BROWSER, **SAME, **dict(more.pop("headers", {}))}  # type: ignore[call-overload]  # a mapping
    form = {"token": token, **dict(more.pop("form", {}))}  # type: ignore[call-overload]  # a mapping
    return server.ask("POST", "/login", data=form, headers=headers, **more)  # type: ignore[arg-type]  # passed on


def session(server: Guarded, token: str) -> dict[str, str]:
    """Log in; return the header with the cookie."""
    response = log_in(server, token)
    assert response.status_code == 303, response.text
    return {"Cookie": response.headers["Set-Cookie"].partition(";")[0]}


def csrf(server: Guarded, cookie: dict[str, str]) -> dict[str, str]:
    """Return the header that our own pages send with the cookie."""
    found: str = server.ask("GET", WHOAMI, headers=cookie).json()["csrf"]
    return {"X-Flawless-CSRF": found}


def test_the_form_is_a_page_without_scripts_of_its_own(server: Guarded, ann: str) -> None:
    """It is served to anyone, loads nothing from elsewhere, and fits the policy it is sent with."""
    del ann
    response = server.ask("GET", "/login")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script>|<style|style=|\son\w+=|https?://", response.text)
    for name in re.findall(r'(?:href|src)="([^"]+)"', response.text):
        assert server.ask("GET", f"/{name}").status_code == 200, name


def test_a_token_gives_a_session(server: Guarded, ann: str) -> None:
    """The cookie stands for the token's name and role, and cannot be read by scripts."""
    response = log_in(server, ann)
    assert (response.status_code, response.headers["Location"]) == (303, "/ui/")
    cookie, *flags = (part.strip() for part in response.headers["Set-Cookie"].split(";"))
    assert {flag.lower() for flag in flags} == {
        "httponly",
        "samesite=strict",
        "path=/",
        f"max-age={SESSION_S}",
    }
    assert ann not in cookie
    who = server.ask("GET", WHOAMI, headers={"Cookie": cookie}).json()
    assert (who["name"], who["role"], who["via"]) == ("ann", "operate", "session")
    assert len(who["csrf"]) == 43


def test_over_https_the_cookie_is_for_https_only(server: Guarded, ann: str) -> None:
    """A browser never sends it in the clear, where it was not got so."""
    response = log_in(server, ann, base="https://shop.example")
    assert "secure" in response.headers["Set-Cookie"].lower().split("; ")


def test_below_a_prefix_the_cookie_stays_there(server: Guarded, ann: str) -> None:
    """Mounted in another application, cookie and redirects keep to the prefix."""
    response = log_in(server, ann, root_path="/flawless")
    assert response.headers["Location"] == "/flawless/ui/"
    assert "Path=/flawless;" in response.headers["Set-Cookie"] + ";"
    response = server.ask("GET", "/flawless/ui/", root_path="/flawless", headers=BROWSER)
    assert response.headers["Location"] == "/flawless/login?next=%2Fflawless%2Fui%2F"


@pytest.mark.parametrize("token", ["", "x", "flt_", "Bearer", "ä" * 20, "x" * 5_000])
def test_a_wrong_token_shows_the_form_again(server: Guarded, token: str) -> None:
    """It says that the token is unknown, sets no cookie, and does not repeat what was typed."""
    response = log_in(server, token, form={"next": "/ui/inbox"})
    assert response.status_code == 401
    assert 'role="alert"' in response.text
    assert "Set-Cookie" not in response.headers
    assert not token or f'value="{token}"' not in response.text
    assert 'value="/ui/inbox"' in response.text


def test_a_capability_is_no_login(server: Guarded, ann: str) -> None:
    """What opens one execution does not become a session."""
    assert log_in(server, server.capability(ann, "own", ["state"])).status_code == 401


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data", ""])
def test_what_is_no_form_is_refused(server: Guarded, ann: str, kind: str) -> None:
    """Only the form's own type is read."""
    response = server.ask(
        "POST", "/login", content=f"token={ann}", headers={"Content-Type": kind, **SAME}
    )
    expect(response, 400, "request-invalid")


@pytest.mark.parametrize("content", [b"token=" + b"x" * 70_000, b"\xff=\xfe", b"a=1&" * 20])
def test_forms_are_bounded(server: Guarded, content: bytes) -> None:
    """Neither its size nor its fields cost the server anything."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **SAME}
    assert server.ask("POST", "/login", content=content, headers=headers).status_code in (400, 413)


def test_a_session_lasts_for_twelve_hours(server: Guarded, ann: str) -> None:
    """And then it is over, by the engine's clock."""
    cookie = session(server, ann)
    server.clock.move(SESSION_S - 1)
    assert server.ask("GET", WHOAMI, headers=cookie).status_code == 200
    server.clock.move(1)
    response = server.ask("GET", WHOAMI, headers=cookie)
    expect(response, 401, "token-required", "log in again")


def test_a_session_ends_with_its_token(server: Guarded, ann: str) -> None:
    """Revoking a token ends what was begun with it, and a new one of that name does not help."""
    cookie = session(server, ann)
    server.revoke("ann")
    expect(server.ask("GET", WHOAMI, headers=cookie), 401, "token-required", "revoked")
    server.add("ann", Role.OPERATE)
    assert server.ask("GET", WHOAMI, headers=cookie).status_code == 401
    server.revoke("ann")


def test_a_session_ends_when_its_token_expires(server: Guarded) -> None:
    """A token for an hour does not open the server for twelve."""
    cookie = session(server, server.add("hour", Role.READ, lasts_s=3_600))
    server.clock.move(3_600)
    expect(server.ask("GET", WHOAMI, headers=cookie), 401, "token-required", "expired")


def test_logging_out_ends_the_session_for_good(server: Guarded, ann: str) -> None:
    """A copy of the cookie is worth nothing afterwards, also after a restart."""
    cookie = session(server, ann)
    other = session(server, ann)
    out = server.ask("POST", "/logout", headers=cookie | csrf(server, cookie))
    assert out.status_code == 204
    assert 'flawless_session=""' in out.headers["Set-Cookie"]
    assert "Max-Age=0" in out.headers["Set-Cookie"]
    assert server.ask("GET", WHOAMI, headers=cookie).status_code == 401
    assert server.ask("GET", WHOAMI, headers=other).status_code == 200
    restarted = Authenticator(Access(data=server.data), server.clock)
    text = cookie["Cookie"].partition("=")[2]
    assert restarted.sessions.read(text, server.clock.now_us()) is None
    text = other["Cookie"].partition("=")[2]
    assert restarted.sessions.read(text, server.clock.now_us()) is not None
    assert (server.data / ENDED_FILE).stat().st_mode & 0o777 == 0o600


def test_logging_out_twice_is_no_error(server: Guarded) -> None:
    """Without a session there is nothing to end, and the cookie goes away."""
    response = server.ask("POST", "/logout")
    assert response.status_code == 204
    assert "Max-Age=0" in response.headers["Set-Cookie"]


def test_what_cannot_be_remembered_ends_everything(tmp_path: Path) -> None:
    """More logouts than are kept, or a damaged file of them, end all sessions of that moment."""
    clock = MovableClock()
    sessions = Sessions(bytes(32), tmp_path, clock.now_us())
    kept = sessions.begin("ann", clock.now_us())
    clock.move(1)
    for _ in range(ENDED_MAX + 1):
        ended = sessions.read(sessions.begin("eve", clock.now_us()), clock.now_us())
        assert ended is not None
        sessions._ended.nonces[ended.nonce] = ended.expires_us
    assert sessions.read(kept, clock.now_us()) is not None
    sessions.end(ended, clock.now_us())
    assert sessions.read(kept, clock.now_us()) is None
    assert sessions._ended.nonces == {}
    clock.move(1)
    kept = sessions.begin("ann", clock.now_us())
    assert sessions.read(kept, clock.now_us()) is not None
    (tmp_path / ENDED_FILE).write_text("{")
    clock.move(1)
    sessions = Sessions(bytes(32), tmp_path, clock.now_us())
    assert sessions.read(kept, clock.now_us()) is None
    assert sessions.read(sessions.begin("ann", clock.now_us()), clock.now_us()) is not None


def test_changing_any_byte_ends_it(server: Guarded, ann: str) -> None:
    """Each character of the cookie counts, and a capability is no cookie."""
    cookie = session(server, ann)["Cookie"]
    text = cookie.partition("=")[2]
    for at, sign in enumerate(text):
        changed = text[:at] + ("a" if sign != "a" else "b") + text[at + 1 :]
        headers = {"Cookie": f"flawless_session={changed}"}
        assert server.ask("GET", WHOAMI, headers=headers).status_code == 401, at
    twice = {"Cookie": f"{cookie}; flawless_session=planted"}
    assert server.ask("GET", WHOAMI, headers=twice).status_code == 401
    with_others = {"Cookie": f"a=b; {cookie}; c"}
    assert server.ask("GET", WHOAMI, headers=with_others).status_code == 200
    capability = server.capability(ann, "own", ["state"]).removeprefix("flc_")
    headers = {"Cookie": f"flawless_session={capability}"}
    assert server.ask("GET", WHOAMI, headers=headers).status_code == 401
    assert Capabilities((server.data / "capability.key").read_bytes()).read(f"flc_{text}") is None


def test_what_changes_something_needs_more_than_the_cookie(server: Guarded, ann: str) -> None:
    """Without the header that only our own pages know, nothing is done."""
    cookie = session(server, ann)
    right = csrf(server, cookie)
    wrong = csrf(server, session(server, ann))
    for given in ({}, {"X-Flawless-CSRF": ""}, {"X-Flawless-CSRF": "x" * 43}, wrong):
        response = server.ask("POST", CANCEL, json={}, headers=cookie | given)
        expect(response, 403, "csrf-required")
        assert server.ask("POST", "/logout", headers=cookie | given).status_code == 403
    assert server.ask("GET", f"{API}/executions", headers=cookie).status_code == 200
    done = server.ask("POST", CANCEL, json={}, headers=cookie | right)
    assert done.status_code == 202


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "unheard-of"},
    ],
)
def test_pages_of_others_cannot_use_a_session(
    server: Guarded, ann: str, page: dict[str, str]
) -> None:
    """Not even with cookie and header, and not to read: another port is another site to us."""
    cookie = session(server, ann)
    token = csrf(server, cookie)
    for method, path in (("POST", CANCEL), ("GET", WHOAMI), ("POST", "/logout")):
        response = server.ask(method, path, headers=cookie | token | page)
        expect(response, 403, "access-denied")
    refused = log_in(server, ann, headers={"Sec-Fetch-Site": "", **page} if page else {})
    assert refused.status_code == 403
    assert "Set-Cookie" not in refused.headers


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": ORIGIN},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://behind.a.proxy", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
)
def test_our_own_pages_can(server: Guarded, ann: str, page: dict[str, str]) -> None:
    """What a browser says of itself is believed first, then the page it names."""
    cookie = session(server, ann)
    response = server.ask("GET", WHOAMI, headers=cookie | page)
    assert response.status_code == 200


TARGETS = {
    "/ui/inbox": "/ui/inbox",
    "/ui/executions?status=parked&x=%20": "/ui/executions?status=parked&x=%20",
    "": "/ui/",
    "ui": "/ui/",
    "//evil.example/": "/ui/",
    "///evil.example/": "/ui/",
    "/\\evil.example": "/ui/",
    "/ui/\\..\\..": "/ui/",
    "\\\\evil.example": "/ui/",
    "https://evil.example/": "/ui/",
    "https:evil.example": "/ui/",
    "javascript:alert(1)": "/ui/",
    "/\t/evil.example": "/ui/",
    "/\n/evil.example": "/ui/",
    "\t//evil.example": "/ui/",
    " //evil.example": "/ui/",
    "/ /evil.example": "/ui/",
    "/ui/\r\nSet-Cookie: a=b": "/ui/",
    "/login?next=/login": "/ui/",
    "/logout": "/ui/",
    "/" + "x" * 3_000: "/ui/",
    "/ui/\u202egro": "/ui/",
    "//[evil": "/ui/",
}


@pytest.mark.parametrize("asked", TARGETS)
def test_a_login_leads_nowhere_else(server: Guarded, ann: str, asked: str) -> None:
    """Where it goes on is a path of ours, whatever the link to the form said."""
    response = log_in(server, ann, form={"next": asked})
    assert response.headers["Location"] == TARGETS[asked]
    page = server.ask("GET", "/login", params={"next": asked})
    shown = re.search(r'name="next" value="([^"]*)"', page.text)
    assert shown is not None
    assert unescape(shown[1]) == TARGETS[asked]
    cookie = session(server, ann)
    response = server.ask("GET", "/login", params={"next": asked}, headers=cookie)
    assert response.headers["Location"] == TARGETS[asked]


@pytest.mark.parametrize("path", ["/flawless", "/other/ui/", "/flawlessly/ui", "/"])
def test_below_a_prefix_a_login_stays_there(server: Guarded, ann: str, path: str) -> None:
    """The application that we are mounted in is somebody else."""
    response = log_in(server, ann, root_path="/flawless", form={"next": path})
    assert response.headers["Location"] == "/flawless/ui/"


def test_text_of_a_link_is_no_html(server: Guarded, ann: str) -> None:
    """What the form shows of a link is escaped."""
    del ann
    page = server.ask("GET", "/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text


def test_people_are_sent_to_the_form_and_programs_are_not(server: Guarded, ann: str) -> None:
    """A browser that goes to a page without a session is led to the form and back."""
    path = "/ui/executions?status=parked"
    response = server.ask("GET", path, headers=BROWSER)
    assert response.status_code == 303
    target = response.headers["Location"]
    assert target == "/login?next=%2Fui%2Fexecutions%3Fstatus%3Dparked"
    form = unescape(server.ask("GET", target).text)
    assert f'name="next" value="{path}"' in form
    assert server.ask("GET", path, headers=BROWSER | session(server, ann)).status_code == 200
    assert server.ask("GET", f"{API}/executions", headers=BROWSER).status_code == 303
    assert server.ask("GET", f"{API}/executions").status_code == 401
    fetch = BROWSER | {"Sec-Fetch-Mode": "cors"}
    assert server.ask("GET", f"{API}/executions", headers=fetch).status_code == 401
    assert server.ask("POST", CANCEL, headers=BROWSER).status_code == 401


def test_a_link_on_another_site_finds_the_session(server: Guarded, ann: str) -> None:
    """Browsers leave out the cookie then; asked again by a page of ours they send it."""
    headers = BROWSER | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    first = server.ask("GET", '/ui/executions?x="><b>', headers=headers)
    assert first.status_code == 200
    where = re.search(r'content="0;url=([^"]*)"', first.text)
    assert where is not None
    assert "<b>" not in first.text
    again = BROWSER | SAME | session(server, ann)
    assert server.ask("GET", unescape(where[1]), headers=again).status_code == 200
    # The cookie of somebody who follows a link counts for the page it leads to.
    assert server.ask("GET", "/ui/", headers=headers | session(server, ann)).status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example", "/%5Cevil.example", "//"])
def test_a_path_that_looks_like_another_host_leads_nowhere_else(
    server: Guarded, ann: str, path: str
) -> None:
    """Neither the page that asks again nor the way to the form takes a path for a host."""
    del ann
    where = httpx.URL(f"http://{HOST}").copy_with(raw_path=path.encode())
    for site in ("cross-site", "same-origin"):
        headers = BROWSER | {"Sec-Fetch-Site": site}
        response = server.ask("GET", str(where), headers=headers)
        found = re.search(r'content="0;url=([^"]*)"', response.text)
        target = unescape(found[1]) if found else response.headers["Location"]
        assert target.startswith(("/ui/", "/login?next=", "/%5C"))


def test_attempts_are_counted_by_address(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After ten wrong ones an address waits, also with the right token; others do not."""
    with guarded(tmp_path) as server:
        ann = server.add("ann", Role.READ)
        for _ in range(10):
            assert log_in(server, "flt_wrong").status_code == 401
        response = log_in(server, ann)
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "6"
        assert "Try again in 6 s" in response.text
        assert log_in(server, ann, client=("192.0.2.7", 1)).status_code == 303
        server.clock.move(6)
        assert log_in(server, ann).status_code == 303
    assert caplog.text.count("login from 127.0.0.1 was refused") == 10
    assert "flt_wrong" not in caplog.text


def test_where_no_token_is_wanted_there_is_nothing_to_log_in_to(tmp_path: Path) -> None:
    """On this machine without tokens the form leads straight to the pages."""
    with guarded(tmp_path) as server:
        response = server.ask("GET", "/login", params={"next": "/ui/inbox"})
        assert (response.status_code, response.headers["Location"]) == (303, "/ui/inbox")
        assert server.ask("GET", "/ui/", headers=BROWSER).status_code == 200
        who = server.ask("GET", WHOAMI).json()
        assert (who["name"], who["role"], who["via"]) == ("local", "deploy", "local")


def test_a_session_of_root_ends_when_the_token_is_replaced(tmp_path: Path) -> None:
    """FLAWLESS_TOKEN can be logged in with, and a new one ends what the old one began."""
    with guarded(tmp_path, token="correct-horse-battery-staple") as server:
        cookie = session(server, "correct-horse-battery-staple")
        assert server.ask("GET", WHOAMI, headers=cookie).json()["name"] == "root"
    with guarded(tmp_path, token="another-horse-battery-staple") as server:
        assert server.ask("GET", WHOAMI, headers=cookie).status_code == 401
    with guarded(tmp_path, token="correct-horse-battery-staple") as server:
        assert server.ask("GET", WHOAMI, headers=cookie).status_code == 200
