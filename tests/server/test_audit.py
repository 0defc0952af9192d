"""Who did what: names in records that a token cannot forge, and secrets that are nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from asking import expect
from guarded import API, HOUR_S, Guarded, guarded, listening

from flawless.server.access.limits import RequestLimits
from flawless.server.access.roles import Role
from flawless.server.hosting.connections import Lobby
from flawless.server.streams import eventstream
from serving import DESK, SHOP, run, run_here, serving

ROOT = "correct-horse-battery-staple"
CLAIMS = [
    ("", "ann"),
    ("ann", "ann"),
    ("boss", "boss (via token ann)"),
    ("root", "root (via token ann)"),
    ("boss (via token root)", "boss (via token root) (via token ann)"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give an application that wants tokens."""
    with guarded(tmp_path_factory.mktemp("audit"), token=ROOT) as server:
        yield server


@pytest.fixture(scope="module")
def ann(server: Guarded) -> str:
    """Give a token."""
    return server.add("ann", Role.OPERATE)


def act(server: Guarded, token: str | None, execution: str, verb: str, **body: object) -> None:
    """Do something to an execution."""
    path = f"{API}/executions/{execution}/{verb}"
    response = server.ask("POST", path, token=token, json=body)
    assert response.status_code == 202, response.text


def last(server: Guarded, token: str | None, execution: str, kind: str) -> dict[str, object]:
    """Wait for the end; return the last entry of a kind."""
    path = f"{API}/executions/{execution}"
    server.ask("GET", f"{path}/result", token=token, params={"wait": 30})
    entries = server.ask("GET", f"{path}/journal", token=token).json()["entries"]
    found: dict[str, object] = [entry for entry in entries if entry["kind"] == kind][-1]
    return found


@pytest.mark.parametrize(("claimed", "recorded"), CLAIMS)
def test_a_token_acts_in_its_own_name(
    server: Guarded, ann: str, claimed: str, recorded: str
) -> None:
    """The journal has the token's name, beside whatever its bearer says who they are."""
    execution = f"cancel-{CLAIMS.index((claimed, recorded))}"
    server.start(ann, execution)
    body = {"by": claimed} if claimed else {}
    act(server, ann, execution, "cancel", reason="enough", **body)
    assert last(server, ann, execution, "cancel_observed")["by"] == recorded


def test_every_action_is_signed(server: Guarded, ann: str, tmp_path: Path) -> None:
    """Ending and retrying are as well, and FLAWLESS_TOKEN is `root`."""
    server.start(ann, "terminated")
    act(server, ROOT, "terminated", "terminate", reason="now")
    assert last(server, ann, "terminated", "cancelled")["by"] == "root"
    body = {"workflow": "desk.report", "id": "retried"}
    body["input"] = [str(tmp_path / "notes"), str(tmp_path / "missing")]  # type: ignore[assignment]  # JSON
    assert server.ask("POST", f"{API}/executions", token=ann, json=body).status_code == 201
    server.ask("GET", f"{API}/executions/retried/result", token=ann, params={"wait": 30})
    act(server, ann, "retried", "retry", by="boss")
    assert last(server, ann, "retried", "retried")["by"] == "boss (via token ann)"


def test_the_name_and_the_claim_have_their_bound(server: Guarded, ann: str) -> None:
    """A claim that is too long together with the name is refused, not cut."""
    server.start(ann, "long")
    path = f"{API}/executions/long/cancel"
    response = server.ask("POST", path, token=ann, json={"by": "x" * 199})
    assert "200" in expect(response, 422, "input-invalid")["detail"]


def test_on_this_machine_anybody_is_whom_they_say(tmp_path: Path) -> None:
    """Where no token is wanted there is nothing to hold a name against."""
    with guarded(tmp_path) as server:
        server.start(None, "own")
        act(server, None, "own", "cancel", by="boss")
        assert last(server, None, "own", "cancel_observed")["by"] == "boss"
        server.start(None, "other")
        act(server, None, "other", "cancel")
        assert last(server, None, "other", "cancel_observed")["by"] == ""


def test_secrets_are_nowhere(tmp_path: Path) -> None:
    """Tokens, cookies and keys, used rightly and wrongly, are in no output and in no file."""
    data = tmp_path / "data"
    made = run_here("tokens", "add", "ann", "--role", "deploy", "--data", data)
    token = made.stdout.strip()
    with serving(data, [SHOP, DESK], changes={"FLAWLESS_TOKEN": ROOT}) as (server, client):
        base = str(client.base_url).removesuffix("/api/v1/")
        bearer = {"Authorization": f"Bearer {token}"}
        body = {"workflow": "desk.listen", "id": "own"}
        assert client.post("executions", json=body, headers=bearer).status_code == 201
        body = {"rights": ["state"]}
        made_ = client.post("executions/own/capability", json=body, headers=bearer)
        capability = made_.json()["token"]
        logged_in = client.post(
            f"{base}/login", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        cookie = logged_in.cookies["flawless_session"]
        csrf = client.get("whoami").json()["csrf"]
        assert csrf is not None
        client.cookies.clear()
        secrets = [token, ROOT, capability, cookie, csrf]
        answers = ""
        for secret in secrets:
            for response in (
                client.get("whoami", headers={"Authorization": f"Bearer {secret}x"}),
                client.get("whoami", headers={"Authorization": f"Basic {secret}"}),
                client.get("whoami", headers={"Cookie": f"flawless_session={secret}x"}),
                client.post(f"{base}/login", data={"token": f"{secret}x"}),
                client.get("executions", headers={"Authorization": f"Bearer {secret}"}),
            ):
                answers += response.text + str(response.headers)
        client.post("executions/own/cancel", json={"by": "boss"}, headers=bearer)
        client.get("executions/own/result", params={"wait": 30}, headers=bearer)
        for path in ("executions/own", "executions/own/journal", "openapi.json", "whoami"):
            answers += client.get(path, headers=bearer).text
        answers += client.get(f"{base}/metrics", headers=bearer).text
        assert run("list", FLAWLESS_URL=base, FLAWLESS_TOKEN=f"{token}x").returncode == 2
        key = (data / "capability.key").read_bytes()
        server.stop()
        printed = server.printed + server.await_end()
    files = b"".join(path.read_bytes() for path in data.rglob("*") if path.name != "capability.key")
    for secret in secrets:
        assert secret not in printed
        assert secret.encode() not in files
    for secret in (token, ROOT, cookie, capability):
        assert secret not in answers
    assert key not in files
    assert key.hex() not in answers


@pytest.mark.parametrize("how", ["token", "capability", "session", "expired", "logout"])
def test_a_stream_ends_with_what_opened_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Who may read no longer is not sent anything more, at the latest at the next heartbeat."""
    monkeypatch.setattr(eventstream, "HEARTBEAT_S", 0.1)
    with guarded(tmp_path) as server, ExitStack() as stack:
        ann = server.add("ann", Role.OPERATE)
        server.start(ann, "own")
        address = stack.enter_context(listening(server.app, Lobby(RequestLimits()), server.loop))
        base = f"http://127.0.0.1:{address[1]}"
        client = stack.enter_context(httpx.Client(base_url=base, timeout=60, trust_env=False))
        bearer = {"Authorization": f"Bearer {ann}"}
        if how in ("capability", "expired"):
            bearer = {"Authorization": f"Bearer {server.capability(ann, 'own', ['state'])}"}
        if how in ("session", "logout"):
            client.post("/login", data={"token": ann})
            bearer = {}
        with client.stream("GET", f"{API}/executions/own/events", headers=bearer) as stream:
            pieces = stream.iter_text()
            received = ""
            while ": alive" not in received:  # it goes on past a heartbeat
                received += next(pieces)
            assert "event: execution" in received
            if how == "expired":
                server.clock.move(HOUR_S)
            elif how == "logout":
                csrf = client.get(f"{API}/whoami").json()["csrf"]
                cookie = {"Cookie": f"flawless_session={client.cookies['flawless_session']}"}
                client.post("/logout", headers={"X-Flawless-CSRF": csrf})
                bearer = cookie
            else:
                server.revoke("ann")
            rest = _until_end(pieces)
        assert "event: end" not in rest
        refused = client.get(f"{API}/executions/own/events", headers=bearer)
        assert refused.status_code == 401


def _until_end(pieces: Iterator[str]) -> str:
    """Return what comes until the stream ends, in order or not."""
    received = ""
    try:
        for piece in pieces:
            received += piece
    except httpx.RemoteProtocolError:
        pass
    return received


def test_a_problem_never_repeats_what_was_sent_as_a_token(server: Guarded) -> None:
    """Not even a part of it: what is wrong by a character may be right elsewhere."""
    for text in (ROOT[:-1], "flt_" + "a" * 52, "flc_" + "b" * 90):
        response = server.ask("GET", f"{API}/whoami", token=text)
        assert response.status_code == 401
        assert text[5:] not in json.dumps(response.json())
