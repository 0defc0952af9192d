"""Tokens in their file: made, recognised, revoked while the server runs, damaged."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from asking import expect
from guarded import API, Guarded, MovableClock, guarded

from flawless.errors import UsageError
from flawless.server import Access
from flawless.server.access import tokens
from flawless.server.access.authentication import Authenticator
from flawless.server.access.limits import RequestLimits
from flawless.server.access.roles import Role
from flawless.server.access.tokens import TOKENS_FILE
from flawless.server.wire.problems import AccessUnusable

LIST = f"{API}/executions"
ROOT = "correct-horse-battery-staple"


def status(server: Guarded, token: str | None) -> int:
    """Ask for the list."""
    return server.ask("GET", LIST, token=token).status_code


def test_a_token_is_kept_as_its_hash(tmp_path: Path) -> None:
    """The file says whose token it is and what for, and nothing from which it could be had."""
    path = tmp_path / TOKENS_FILE
    text = tokens.add(path, "ann", Role.READ, 0, None)
    assert re.fullmatch(r"flt_[0-9a-z]{8}_[A-Za-z0-9_-]{43}", text)
    secret = text[len("flt_12345678_") :]
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    (found,) = tokens.load(path)
    assert (found.name, found.role, found.expires_at) == ("ann", Role.READ, None)
    assert found.matches(text)
    assert not found.matches(text[:-1])
    assert tokens.add(path, "bob", Role.READ, 0, None) != text


def test_a_running_server_hears_of_every_change(tmp_path: Path) -> None:
    """Tokens open from when they are made until they are revoked, without a restart."""
    with guarded(tmp_path) as server:
        assert status(server, None) == 200  # this machine, and no token is wanted yet
        ann = server.add("ann", Role.READ)
        assert (status(server, None), status(server, ann)) == (401, 200)
        bob = server.add("bob", Role.READ)
        assert (status(server, ann), status(server, bob)) == (200, 200)
        server.revoke("ann")
        expect(server.ask("GET", LIST, token=ann), 401, "token-required", "revoked")
        assert status(server, bob) == 200
        server.revoke("bob")
        assert (status(server, None), status(server, bob)) == (401, 401)
        (tmp_path / TOKENS_FILE).unlink()
        assert status(server, None) == 401  # not open to all because a file is gone


def test_a_token_expires(tmp_path: Path) -> None:
    """It opens until its last moment, by the engine's clock."""
    with guarded(tmp_path) as server:
        ann = server.add("ann", Role.READ, lasts_s=60)
        server.clock.move(59)
        assert status(server, ann) == 200
        server.clock.move(1)
        expect(server.ask("GET", LIST, token=ann), 401, "token-required", "has expired")


def test_changing_any_byte_makes_it_void(tmp_path: Path) -> None:
    """Each character of a token counts."""
    with guarded(tmp_path, limits=RequestLimits(logins_per_minute=1_000)) as server:
        ann = server.add("ann", Role.READ)
        assert status(server, ann) == 200
        for at, sign in enumerate(ann):
            changed = ann[:at] + ("a" if sign != "a" else "b") + ann[at + 1 :]
            assert status(server, changed) == 401, at
            assert status(server, ann[:at] + ann[at + 1 :]) == 401, at
        assert status(server, ann.upper()) == 401
        assert status(server, ann + "a") == 401


def _edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def edit(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return edit


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_text(""),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "another shape": lambda path: path.write_text("[]"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "newer": _edit(lambda content: content.update(version=2)),
    "unknown role": _edit(lambda content: content["tokens"][0].update(role="admin")),
    "unknown field": _edit(lambda content: content["tokens"][0].update(only="monday")),
    "no time": _edit(lambda content: content["tokens"][0].update(expires_at="soon")),
    "no zone": _edit(lambda content: content["tokens"][0].update(expires_at="2026-01-01T00:00")),
    "twice": _edit(lambda content: content["tokens"].append(content["tokens"][0])),
    "large": lambda path: path.write_text(path.read_text() + " " * 1024 * 1024),
    "writable by others": lambda path: path.chmod(0o620),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_lets_nobody_in(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While the server runs its tokens are refused until the file is mended; it never opens up."""
    path = tmp_path / TOKENS_FILE
    with guarded(tmp_path, token=ROOT) as server:
        ann = server.add("ann", Role.READ)
        assert status(server, ann) == 200
        whole = path.read_bytes()
        DAMAGE[kind](path)
        problem = expect(server.ask("GET", LIST, token=ann), 503, "access-unusable")
        assert str(tmp_path) not in json.dumps(problem)
        assert str(path) in caplog.text
        assert status(server, None) == 401
        assert status(server, ROOT) == 200  # it does not come from that file
        with pytest.raises(AccessUnusable, match=re.escape(str(path))):
            tokens.add(path, "bob", Role.READ, 0, None)
        with pytest.raises(AccessUnusable, match=re.escape(str(path))):
            Authenticator(Access(data=tmp_path), MovableClock())
        if path.is_dir():
            path.rmdir()
        path.write_bytes(whole)
        path.chmod(0o600)
        assert status(server, ann) == 200


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """Two who add tokens at once do not overwrite each other's."""
    path = tmp_path / TOKENS_FILE
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda n: _add(path, n), range(40)))
    found = tokens.load(path)
    assert {token.name for token in found} == {f"t{n}" for n in range(40)}
    assert all(any(token.matches(text) for token in found) for text in texts)
    assert [file.name for file in tmp_path.iterdir()] == [TOKENS_FILE]


def _add(path: Path, n: int) -> str:
    return tokens.add(path, f"t{n}", Role.READ, 0, None)


@pytest.mark.parametrize(
    "name", ["", "-x", "a b", "ann (via token bob)", "x" * 65, "root", "Local", "a\nb", "é"]
)
def test_names_that_could_deceive_are_refused(tmp_path: Path, name: str) -> None:
    """A token's name stands in records, so it cannot be one of ours, or look like more than one."""
    with pytest.raises(UsageError):
        tokens.add(tmp_path / TOKENS_FILE, name, Role.READ, 0, None)


def test_names_and_numbers_of_tokens_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is given once, and there are only so many."""
    path = tmp_path / TOKENS_FILE
    monkeypatch.setattr(tokens, "TOKENS_MAX", 2)
    tokens.add(path, "ann", Role.READ, 0, None)
    with pytest.raises(UsageError, match="revoke it first"):
        tokens.add(path, "ann", Role.DEPLOY, 0, None)
    tokens.add(path, "bob", Role.READ, 0, None)
    with pytest.raises(UsageError, match="there are 2 tokens"):
        tokens.add(path, "eve", Role.READ, 0, None)
    with pytest.raises(UsageError, match="no token 'eve'"):
        tokens.revoke(path, "eve")
    assert tokens.revoke(path, "ann") == 1


@pytest.mark.parametrize("sign", ["flt_", "flc_"])
def test_a_token_with_a_role_is_not_taken_for_one_that_opens_everything(sign: str) -> None:
    """The variable of server and clients is the same: the server refuses what is not its own."""
    with pytest.raises(UsageError, match="unset FLAWLESS_TOKEN where the server starts"):
        Access(token=sign + "x" * 52)


def test_a_shell_with_a_clients_token_can_start_the_server(tmp_path: Path) -> None:
    """`up` leaves FLAWLESS_TOKEN alone where it is one of the data folder's."""
    from flawless.cli.up import _token

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLAWLESS_TOKEN", tokens.add(tmp_path / TOKENS_FILE, "a", Role.READ, 0, None))
        assert _token(tmp_path) is None
        assert _token(tmp_path / "other") is not None  # refused by `Access`, see above
        patch.setenv("FLAWLESS_TOKEN", ROOT)
        assert _token(tmp_path) == ROOT


def test_tokens_in_the_folder_are_enough_to_listen_for_others(tmp_path: Path) -> None:
    """A host that others can reach is served when there are tokens to keep them out."""
    with pytest.raises(UsageError, match="flawless tokens add"):
        Access("0.0.0.0", data=tmp_path)
    tokens.add(tmp_path / TOKENS_FILE, "ann", Role.READ, 0, None)
    Access("0.0.0.0", data=tmp_path)


def test_what_is_secret_is_not_in_a_repr(tmp_path: Path) -> None:
    """Objects that end up in logs and tracebacks do not show tokens, keys or sessions."""
    assert ROOT not in repr(Access(token=ROOT))
    with guarded(tmp_path, token=ROOT) as server:
        authenticator = Authenticator(Access(token=ROOT, data=tmp_path), server.clock)
        scope = {
            "type": "http",
            "method": "GET",
            "headers": [(b"authorization", f"Bearer {ROOT}".encode())],
        }
        who = authenticator.identify(scope)
    assert who.name == "root"
    shown = repr(who)
    assert all(
        str(getattr(who, field.name)) not in shown
        for field in fields(who)
        if not field.repr and getattr(who, field.name) is not None
    )
