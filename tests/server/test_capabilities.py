"""Capability tokens: what they carry, when they end, and that nobody can make or change one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import expect
from guarded import API, HOUR_S, Guarded, MovableClock, guarded

from flawless.api import microseconds
from flawless.server import Access
from flawless.server.access.authentication import Authenticator
from flawless.server.access.capabilities import Capabilities, Capability
from flawless.server.access.keys import KEY_FILE, Seal
from flawless.server.access.roles import Right, Role
from flawless.server.access.tokens import TOKENS_FILE
from flawless.server.wire.problems import AccessUnusable

ONE = f"{API}/executions/own"
KEY = bytes(range(32))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give an application with a token `ann` and an execution `own`."""
    with guarded(tmp_path_factory.mktemp("capabilities")) as server:
        yield server


@pytest.fixture
def ann(server: Guarded) -> Iterator[str]:
    """Give ann's token, revoked afterwards."""
    token = server.add("ann", Role.OPERATE)
    server.start(token, "own")
    yield token
    if b'"ann"' in (server.data / TOKENS_FILE).read_bytes():
        server.revoke("ann")


def test_a_capability_expires(server: Guarded, ann: str) -> None:
    """Until the last moment it opens its execution, and from then on nothing."""
    token = server.capability(ann, "own", ["state"], ttl_s=60)
    assert server.ask("GET", ONE, token=token).status_code == 200
    server.clock.move(59.999)
    assert server.ask("GET", ONE, token=token).status_code == 200
    server.clock.move(0.001)
    expect(server.ask("GET", ONE, token=token), 401, "token-required", "expired")
    expect(server.ask("GET", f"{API}/whoami", token=token), 401, "token-required", "expired")


def test_it_lasts_an_hour_unless_asked_otherwise(server: Guarded, ann: str) -> None:
    """Without `ttl_s` it is good for an hour, and the answer says until when."""
    response = server.ask("POST", f"{ONE}/capability", token=ann, json={"rights": ["state"]})
    expires_us = microseconds(response.json()["expires_at"])
    assert expires_us == server.clock.now_us() + HOUR_S * 1_000_000
    assert response.json()["rights"] == ["state"]


def test_it_ends_with_the_token_behind_it(server: Guarded, ann: str) -> None:
    """Who revokes a token that leaked need not hunt for what was made with it."""
    token = server.capability(ann, "own", ["state"])
    assert server.ask("GET", ONE, token=token).status_code == 200
    server.revoke("ann")
    expect(server.ask("GET", ONE, token=token), 401, "token-required", "revoked")
    server.add("ann", Role.OPERATE)  # the same name, and another token
    expect(server.ask("GET", ONE, token=token), 401, "token-required", "revoked")


def test_it_does_not_outlive_the_token_behind_it(server: Guarded) -> None:
    """A token that expires takes its capabilities with it, and they say so."""
    short = server.add("short", Role.OPERATE, lasts_s=60)
    server.start(short, "own")
    response = server.ask("POST", f"{ONE}/capability", token=short, json={"rights": ["state"]})
    expires_us = microseconds(response.json()["expires_at"])
    assert expires_us == server.clock.now_us() + 60_000_000
    server.clock.move(60)
    refused = server.ask("GET", ONE, token=response.json()["token"])
    expect(refused, 401, "token-required", "expired")


def test_it_sends_only_the_messages_it_names(server: Guarded, ann: str) -> None:
    """With `messages`, others are refused and nothing of them is kept; without, all may be sent."""
    path = f"{ONE}/messages"
    token = server.capability(ann, "own", ["send"], messages=["click", "leave"])
    sent = server.ask("POST", path, token=token, json={"name": "click", "id": "1"})
    assert sent.status_code == 202
    refused = server.ask("POST", path, token=token, json={"name": "pay"})
    assert "click, leave" in expect(refused, 403, "not-permitted", "'pay'")["hint"]
    none = server.capability(ann, "own", ["send"], messages=[])
    assert server.ask("POST", path, token=none, json={"name": "click"}).status_code == 403
    every = server.capability(ann, "own", ["send"])
    assert server.ask("POST", path, token=every, json={"name": "pay", "id": "2"}).is_success
    waiting = server.ask("GET", path, token=ann).json()["messages"]
    assert {message["name"] for message in waiting} == {"click", "pay"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"rights": []}, "rights"),
        ({"rights": ["state", "cancel"]}, "rights[1]"),
        ({"rights": "state"}, "rights"),
        ({}, ""),
        ({"rights": ["state"], "ttl_s": 0}, "ttl_s"),
        ({"rights": ["state"], "ttl_s": -1}, "ttl_s"),
        ({"rights": ["state"], "ttl_s": 30 * 86_400 + 1}, "ttl_s"),
        ({"rights": ["state"], "messages": ["click"]}, "messages"),
        ({"rights": ["send"], "messages": ["m"] * 21}, "messages"),
        ({"rights": ["send"], "messages": ["m" * 201]}, "messages"),
        ({"rights": ["send"], "messages": [":end"]}, "messages"),
        ({"rights": ["send"], "role": "deploy"}, ""),
    ],
)
def test_what_cannot_be_given_is_refused(
    server: Guarded, ann: str, body: dict[str, object], path: str
) -> None:
    """A request for a capability that makes no sense, or lasts too long, names the field."""
    response = server.ask("POST", f"{ONE}/capability", token=ann, json=body)
    assert expect(response, 422, "input-invalid")["path"] == path


def test_there_is_none_for_what_is_not_there(server: Guarded, ann: str) -> None:
    """Nobody gets a token for an execution that somebody else may start later."""
    path = f"{API}/executions/later/capability"
    response = server.ask("POST", path, token=ann, json={"rights": ["state"]})
    expect(response, 404, "execution-not-found")


def test_changing_any_byte_makes_it_void(server: Guarded, ann: str) -> None:
    """Each character of a token counts: changed, doubled, left out, or in the other case."""
    token = server.capability(ann, "own", ["state"])
    assert server.ask("GET", ONE, token=token).status_code == 200
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    capabilities = _authenticator(server).capabilities
    for at, sign in enumerate(token):
        for other in signs:
            if other != sign:
                changed = token[:at] + other + token[at + 1 :]
                assert capabilities.read(changed) is None, (at, other)
        assert capabilities.read(token[:at] + token[at + 1 :]) is None, at
        assert capabilities.read(token[:at] + sign + token[at:]) is None, at
        changed = token[:at] + ("A" if sign != "A" else "B") + token[at + 1 :]
        assert server.ask("GET", ONE, token=changed).status_code == 401, at
    for more in ("=", "==", ".", "\n", " x", "\x00"):
        assert capabilities.read(token + more) is None


def test_a_signature_is_good_for_one_purpose() -> None:
    """What was signed as a session, or with another key, is no capability."""
    capability = Capability("own", frozenset(Right), 2**60, "ann")
    token = Capabilities(KEY).write(capability)
    assert Capabilities(KEY).read(token) == capability
    assert Capabilities(bytes(32)).read(token) is None
    content = Seal(KEY, "capability").open(token.removeprefix("flc_"))
    assert content is not None
    assert Capabilities(KEY).read("flc_" + Seal(KEY, "session").close(content)) is None
    assert Capabilities(KEY).read(Seal(KEY, "capability").close(content)) is None


def test_limits_that_are_not_known_are_not_ignored() -> None:
    """A token with a restriction from a newer server opens nothing on an older one."""
    content = b'{"execution":"own","rights":["state"],"expires_us":9,"issuer":"a","only":"monday"}'
    assert Capabilities(KEY).read("flc_" + Seal(KEY, "capability").close(content)) is None


def test_they_survive_a_restart_with_the_key(tmp_path: Path) -> None:
    """The key is made once and kept; without it, all that was signed is void."""
    clock = MovableClock()
    (first, second) = (Authenticator(Access(data=tmp_path), clock) for _ in range(2))
    token = first.capabilities.write(Capability("own", frozenset(Right), 2**60, "local"))
    assert second.capabilities.read(token) is not None
    (tmp_path / KEY_FILE).unlink()
    assert Authenticator(Access(data=tmp_path), clock).capabilities.read(token) is None
    assert Authenticator(Access(), clock).capabilities.read(token) is None
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [(b"", 0o600, "32 bytes"), (b"x" * 33, 0o600, "32 bytes"), (KEY, 0o640, "other users")],
)
def test_a_key_that_protects_nothing_is_refused(
    tmp_path: Path, content: bytes, mode: int, says: str
) -> None:
    """A key that is damaged, or that others can read, stops the server with the remedy."""
    (tmp_path / KEY_FILE).write_bytes(content)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(AccessUnusable, match=says):
        Authenticator(Access(data=tmp_path), MovableClock())


def test_on_this_machine_a_capability_is_what_it_says(tmp_path: Path) -> None:
    """Where no token is wanted, who shows a capability is held to it all the same."""
    with guarded(tmp_path) as server:
        server.start(None, "own")
        token = server.capability(None, "own", ["state"])
        assert server.ask("GET", ONE, token=token).status_code == 200
        assert server.ask("GET", f"{API}/executions", token=token).status_code == 403
        assert server.ask("GET", f"{API}/executions").status_code == 200
        server.add("ann", Role.READ)  # from now on tokens are wanted, and nobody is just here
        expect(server.ask("GET", ONE, token=token), 401, "token-required", "revoked")
        assert server.ask("GET", f"{API}/executions").status_code == 401


def _authenticator(server: Guarded) -> Authenticator:
    return Authenticator(Access(data=server.data), server.clock)
