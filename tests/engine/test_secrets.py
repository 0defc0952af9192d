"""Secrets leave in requests to their hosts, and nothing that comes back holds one."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from mirror import Mirror, error, mirrors, response, send

from flawless.engine.outcome import Outcome
from flawless.engine.secrets import (
    PLACEHOLDER_CHARS,
    PREFIX,
    SECRETS_MAX,
    VALUE_BYTES_MAX,
    Secrets,
    placeholder,
)
from flawless.errors import UsageError

SEED = bytes(range(32))
KEY = placeholder("KEY", SEED)
OTHER = placeholder("OTHER", SEED)
VALUES = ["sk_live_4711", "p&s s/w\"ö\\rd'<+>%41", "ÄÖÜß€🔑", "abcdefg", "abcdefgh", "x?y=z~()!*@:"]


@pytest.fixture(scope="module")
def two() -> Iterator[list[Mirror]]:
    """Two services."""
    with mirrors(2) as made:
        yield made


@pytest.fixture
def secrets(two: list[Mirror], monkeypatch: pytest.MonkeyPatch) -> Secrets:
    """KEY may go to the first service, OTHER to both."""
    monkeypatch.setenv("THE_KEY", "sk_live_4711")
    monkeypatch.setenv("THE_OTHER", "other/value+=")
    return Secrets(
        {
            "KEY": {"hosts": [two[0].host], "env": "THE_KEY"},
            "OTHER": {"hosts": ["127.0.0.1"], "env": "THE_OTHER"},
            "UNSET": {"hosts": ["127.0.0.1"], "env": "NOT_SET_AT_ALL"},
        }
    )


def everything(outcome: Outcome) -> str:
    """Return all an outcome holds, encoded and decoded."""
    payload = outcome.payload.decode()
    body = json.loads(payload).get("body") or {}
    decoded = base64.b64decode(body.get("base64", ""))
    texts = [payload, str(json.loads(payload)), body.get("text", "")]
    held = "\n".join([*texts, decoded.decode("latin-1")])
    return held + held.replace(
        "\0", ""
    )  # that is what ASCII looks like in UTF-16, without the zeros


def expect_no_trace(outcome: Outcome, value: str) -> None:
    """Look for a value in whatever form in everything an outcome holds."""
    held = everything(outcome)
    forms = {value, quote(value), quote(value, safe=""), quote_plus(value), html.escape(value)}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    forms |= {base64.b64encode(value.encode()).decode()}
    for form in forms:
        assert form not in held
    for run in re.findall(r"[A-Za-z0-9+/_-]{8,}", held):
        for skip in range(4):
            part = run[skip:].replace("-", "+").replace("_", "/")
            raw = base64.b64decode(part[: len(part) // 4 * 4])
            assert value.encode() not in raw


# --- placeholders -----------------------------------------------------------------------------


def test_a_placeholder_is_a_function_of_seed_and_name() -> None:
    """It is the same in every run, differs by seed and by name, and tells nothing."""
    assert placeholder("KEY", SEED) == KEY != OTHER
    assert placeholder("KEY", bytes(32)) != KEY
    assert len(KEY) == len(placeholder("A" * 100, SEED)) == PLACEHOLDER_CHARS
    assert re.fullmatch(PREFIX + "[0-9a-f]+", KEY)
    assert quote_plus(KEY) == quote(KEY, safe="") == json.dumps(KEY)[1:-1] == KEY


def test_representations_show_names_only(secrets: Secrets) -> None:
    """Neither object tells a value when it is printed."""
    assert repr(secrets) == "Secrets(['KEY', 'OTHER', 'UNSET'])"
    assert repr(secrets.disguise(SEED)) == "Disguise(['KEY', 'OTHER', 'UNSET'])"


# --- on the way out ---------------------------------------------------------------------------


def test_filled_in_everywhere(two: list[Mirror], secrets: Secrets) -> None:
    """Headers, path, query, user and body of a request get the value, escaped where it must be."""
    url = f"http://user:{OTHER}@{two[0].host}/p/{OTHER}?k={OTHER}&plain={KEY}#{OTHER}"
    outcome = send(
        url,
        "POST",
        headers={"X-Key": f"Bearer {KEY}"},
        text=f"<{OTHER}>",
        secrets=secrets,
        seed=SEED,
    )
    seen = two[0].seen[-1]
    assert seen.path == "/p/other%2Fvalue%2B%3D?k=other%2Fvalue%2B%3D&plain=sk_live_4711"
    assert seen.headers["x-key"] == "Bearer sk_live_4711"
    assert seen.body == "<other/value+=>"
    assert base64.b64decode(seen.headers["authorization"][6:]) == b"user:other/value+="
    assert response(outcome)["url"] == url
    expect_no_trace(outcome, "sk_live_4711")
    expect_no_trace(outcome, "other/value+=")


@pytest.mark.parametrize("value", VALUES)
def test_bodies_are_escaped_by_their_type(
    two: list[Mirror], secrets: Secrets, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """In JSON and in forms the value arrives whole, and no answer tells it."""
    monkeypatch.setenv("THE_KEY", value)
    cases = {
        "application/json": (f'{{"k": "{KEY}"}}', lambda text: json.loads(text)["k"]),
        "application/problem+json; charset=utf-8": (f'["{KEY}"]', lambda text: json.loads(text)[0]),
        "application/x-www-form-urlencoded": (
            f"k={KEY}",
            lambda text: httpx.QueryParams(text)["k"],
        ),
        "text/plain": (KEY, str),
    }
    for kind, (text, read) in cases.items():
        headers = {"Content-Type": kind, "Content-Length": str(len(text))}
        outcome = send(two[0].url, "PUT", headers=headers, text=text, secrets=secrets, seed=SEED)
        assert read(two[0].seen[-1].body) == value
        assert KEY in response(outcome)["body"]["text"]
        expect_no_trace(outcome, value)


def test_basic_authorization(two: list[Mirror], secrets: Secrets) -> None:
    """A placeholder inside of a basic authorization is found, and its token is not told."""
    token = base64.b64encode(f"ann:{OTHER}".encode()).decode()
    headers = {"Authorization": f"Basic {token}"}
    outcome = send(two[0].url, headers=headers, secrets=secrets, seed=SEED)
    sent = two[0].seen[-1].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"ann:other/value+="
    assert sent not in everything(outcome)
    assert token in everything(outcome)


def test_a_host_that_is_not_allowed(two: list[Mirror], secrets: Secrets) -> None:
    """Nothing is sent, wherever the placeholder is; the error says what to configure."""
    before = len(two[1].seen)
    basic = base64.b64encode(f"u:{KEY}".encode()).decode()
    cases: list[tuple[str, dict[str, str], str]] = [
        (f"{two[1].url}/{KEY}", {}, ""),
        (two[1].url, {"X-Key": KEY}, ""),
        (two[1].url, {"Authorization": f"Basic {basic}"}, ""),
        (two[1].url, {}, KEY),
        (f"http://{two[0].host}@{two[1].host}/{KEY}", {}, ""),
    ]
    for url, headers, text in cases:
        refused = error(send(url, "POST", headers=headers, text=text, secrets=secrets, seed=SEED))
        assert refused["type"] == "SecretUnavailable"
        assert refused["fields"]["name"] == "KEY"
        assert f"may not go to {two[1].host}; its hosts: {two[0].host}" in refused["message"]
    assert len(two[1].seen) == before


def test_plain_http_is_refused_to_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without encryption a value goes to this machine only, or where the configuration says so."""
    monkeypatch.setenv("THE_KEY", "sk_live_4711")
    secrets = Secrets({"KEY": {"hosts": ["a.invalid", "http://b.invalid"], "env": "THE_KEY"}})
    refused = error(send("http://a.invalid/", headers={"K": KEY}, secrets=secrets, seed=SEED))
    assert refused["type"] == "SecretUnavailable"
    assert "'http://a.invalid'" in refused["message"]
    sent = error(send("http://b.invalid/", headers={"K": KEY}, secrets=secrets, seed=SEED))
    assert sent["type"] == "ConnectError"
    refused = error(send("https://b.invalid/", headers={"K": KEY}, secrets=secrets, seed=SEED))
    assert "may not go to b.invalid" in refused["message"]


@pytest.mark.parametrize("where", ["https://{}.invalid/", "https://{}@{}.a.invalid/"])
def test_a_secret_in_a_host_name(secrets: Secrets, where: str) -> None:
    """It would be told to name servers: refused."""
    url = where.replace("{}", KEY)
    refused = error(send(url, secrets=secrets, seed=SEED))
    assert "host's name" in refused["message"]


def test_placeholders_of_others(two: list[Mirror], secrets: Secrets) -> None:
    """One of another execution or of a forgotten secret is an error, not sent as it is."""
    before = len(two[0].seen)
    for seed, given in ((bytes(32), secrets), (SEED, Secrets()), (None, secrets), (SEED, None)):
        refused = error(send(two[0].url, headers={"K": KEY}, secrets=given, seed=seed))
        assert refused["type"] == "SecretUnavailable"
        assert "another execution" in refused["message"]
        listed = "KEY, OTHER, UNSET" if seed and given is secrets else "none"
        assert f"there are: {listed}." in refused["message"]
    assert len(two[0].seen) == before


def test_values_are_read_at_use(
    two: list[Mirror], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A value that was exchanged is used from the next request on; a last line end is cut."""
    file = tmp_path / "key"
    secrets = Secrets({"KEY": {"hosts": ["127.0.0.1"], "file": file}})
    missing = error(send(two[0].url, headers={"X-Key": KEY}, secrets=secrets, seed=SEED))
    assert "cannot be read (No such file" in missing["message"]
    for value in ("first value", "second value"):
        file.write_text(f"{value}\r\n")
        outcome = send(two[0].url, headers={"X-Key": KEY}, secrets=secrets, seed=SEED)
        assert two[0].seen[-1].headers["x-key"] == value
        expect_no_trace(outcome, value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"short", "fewer than 6"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa", "not UTF-8"),
        (b"x" * (VALUE_BYTES_MAX + 1), "more than"),
        (b"two\nlines", "line breaks"),
    ],
)
def test_values_that_cannot_be_used(
    two: list[Mirror], tmp_path: Path, content: bytes, reason: str
) -> None:
    """They are an error that tells the secret's name and nothing of the value."""
    (tmp_path / "key").write_bytes(content)
    secrets = Secrets({"KEY": {"hosts": ["127.0.0.1"], "file": str(tmp_path / "key")}})
    refused = error(send(two[0].url, headers={"X-Key": KEY}, secrets=secrets, seed=SEED))
    assert refused["type"] == "SecretUnavailable"
    assert refused["fields"]["name"] == "KEY"
    assert reason in refused["message"]
    assert len(refused["message"]) < 400


def test_unset_secrets_do_not_hinder_others(two: list[Mirror], secrets: Secrets) -> None:
    """A secret without a value is an error only for requests that need it."""
    send(two[0].url, headers={"X-Key": KEY}, secrets=secrets, seed=SEED)
    assert two[0].seen[-1].headers["x-key"] == "sk_live_4711"
    unset = placeholder("UNSET", SEED)
    refused = error(send(two[0].url, headers={"X-Key": unset}, secrets=secrets, seed=SEED))
    assert "NOT_SET_AT_ALL is not set" in refused["message"]


# --- redirects --------------------------------------------------------------------------------


def test_a_redirect_to_a_host_that_is_not_allowed(two: list[Mirror], secrets: Secrets) -> None:
    """The value does not go along: neither as header, nor in a body, nor in the address."""
    before = len(two[1].seen)
    to_other = f"/to?status=307&url={two[1].url}/end"
    for headers, text in (({"X-Key": KEY}, ""), ({}, KEY)):
        outcome = send(
            two[0].url + to_other, "POST", headers=headers, text=text, secrets=secrets, seed=SEED
        )
        assert error(outcome)["type"] == "SecretUnavailable"
    # The service puts the value itself into the address it redirects to.
    told = f"{two[0].url}/to-with-key?url={two[1].url}/end"
    outcome = send(told, headers={"X-Key": KEY}, secrets=secrets, seed=SEED)
    assert error(outcome)["type"] == "SecretUnavailable"
    assert len(two[1].seen) == before


def test_a_redirect_drops_authorization(two: list[Mirror], secrets: Secrets) -> None:
    """What a redirect to another host leaves out needs no allowance there."""
    headers = {"Authorization": f"Bearer {KEY}"}
    outcome = send(
        f"{two[0].url}/to?url={two[1].url}/end", headers=headers, secrets=secrets, seed=SEED
    )
    assert response(outcome)["status"] == 200
    assert "authorization" not in two[1].seen[-1].headers


def test_a_redirect_to_a_host_that_is_allowed(two: list[Mirror], secrets: Secrets) -> None:
    """Each hop is filled anew, and the address told afterwards holds placeholders."""
    outcome = send(
        f"{two[0].url}/to?url=/end?k={OTHER}", headers={"X-Key": KEY}, secrets=secrets, seed=SEED
    )
    assert two[0].seen[-1].headers["x-key"] == "sk_live_4711"
    assert two[0].seen[-1].path == "/end?k=other%2Fvalue%2B%3D"
    assert response(outcome)["url"] == f"{two[0].url}/end?k={OTHER}"
    expect_no_trace(outcome, "other/value+=")
    kept = send(
        f"{two[0].url}/to-with-key?url=/end",
        headers={"X-Key": OTHER},
        redirects=0,
        secrets=secrets,
        seed=SEED,
    )
    assert dict(response(kept)["headers"])["location"] == f"/end?key={OTHER}"


# --- on the way back --------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("path", ["/", "/binary"])
def test_nothing_that_comes_back_holds_a_value(
    two: list[Mirror],
    secrets: Secrets,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    value: str,
    path: str,
) -> None:
    """Not status, headers, body or address, in no encoding; not what libraries log either."""
    monkeypatch.setenv("THE_KEY", value)
    caplog.set_level(logging.DEBUG)
    outcome = send(
        f"{two[0].url}{path}?key={KEY}",
        "POST",
        headers={"X-Key": KEY, "Authorization": f"Bearer {KEY}"},
        text=KEY,
        secrets=secrets,
        seed=SEED,
    )
    assert quote(value, safe="") in two[0].seen[-1].path
    assert KEY in everything(outcome)
    expect_no_trace(outcome, value)
    for form in (value, quote(value, safe=""), repr(value.encode())[2:-1]):
        assert form not in caplog.text


def test_other_requests_are_logged(two: list[Mirror], caplog: pytest.LogCaptureFixture) -> None:
    """Requests without secrets can be watched as before."""
    caplog.set_level(logging.INFO)
    send(f"{two[0].url}/seen")
    assert "/seen" in caplog.text


def test_values_that_were_not_sent(two: list[Mirror], secrets: Secrets) -> None:
    """A value the workflow has no part in is taken out as well."""
    outcome = send(f"{two[0].url}/?q=sk_live_4711", secrets=secrets, seed=SEED)
    expect_no_trace(outcome, "sk_live_4711")


def test_utf_16(two: list[Mirror], secrets: Secrets) -> None:
    """A body in UTF-16 is searched too."""
    outcome = send(f"{two[0].url}/utf-16", headers={"X-Key": KEY}, secrets=secrets, seed=SEED)
    assert KEY in everything(outcome)
    expect_no_trace(outcome, "sk_live_4711")


def test_errors_hold_no_value(two: list[Mirror], secrets: Secrets) -> None:
    """A library's text that cites the answer is cleaned."""
    broken = send(f"{two[0].url}/garbage", headers={"X-Key": KEY}, secrets=secrets, seed=SEED)
    assert error(broken)["type"] == "ProtocolError"
    assert KEY in error(broken)["message"]
    expect_no_trace(broken, "sk_live_4711")


def test_a_value_inside_of_another(two: list[Mirror], monkeypatch: pytest.MonkeyPatch) -> None:
    """The longer one goes first, so nothing of it is left."""
    monkeypatch.setenv("SHORT", "abcdefgh")
    monkeypatch.setenv("LONG", "abcdefghijkl")
    secrets = Secrets(
        {name: {"hosts": ["127.0.0.1"], "env": name.upper()} for name in ("short", "long")}
    )
    long = placeholder("long", SEED)
    outcome = send(two[0].url, headers={"X-Key": long}, secrets=secrets, seed=SEED)
    assert dict(response(outcome)["headers"])["x-key"] == long
    assert "ijkl" not in everything(outcome)


# --- the configuration ------------------------------------------------------------------------


def test_load(tmp_path: Path, two: list[Mirror]) -> None:
    """A TOML file has a table for each secret; a path begins at the file's folder."""
    (tmp_path / "secrets.toml").write_text(
        '[STRIPE_KEY]\nhosts = ["api.stripe.com"]\nenv = "STRIPE_KEY"\n'
        '[CRM]\nhosts = ["127.0.0.1", "*.crm.example"]\nfile = "crm.key"\n'
    )
    (tmp_path / "crm.key").write_text("the crm key\n")
    secrets = Secrets.load(tmp_path / "secrets.toml")
    assert secrets.names == ["CRM", "STRIPE_KEY"]
    headers = {"X-Key": placeholder("CRM", SEED)}
    send(two[0].url, headers=headers, secrets=secrets, seed=SEED)
    assert two[0].seen[-1].headers["x-key"] == "the crm key"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[KEY", "is not TOML"),
        ("\xff", "is not UTF-8"),
        ('KEY = "value"', "secret KEY: it is a table"),
        ('[KEY]\nenv = "KEY"', "secret KEY: it lacks the hosts"),
        ('[KEY]\nenv = "KEY"\nhosts = "a.example"', "lacks the hosts"),
        ('[KEY]\nenv = "KEY"\nhosts = []', "lacks the hosts"),
        ('[KEY]\nhosts = ["a.example"]', "one source"),
        ('[KEY]\nhosts = ["a.example"]\nenv = "A"\nfile = "b"', "one source"),
        ('[KEY]\nhosts = ["a.example"]\nenv = 7', "are texts"),
        ('[KEY]\nhosts = ["a.example"]\nenv = ""', "are texts"),
        ('[KEY]\nhosts = ["a.example/x"]\nenv = "A"', "'a.example/x' is no host"),
        ('[KEY]\nhosts = ["a.example"]\nvalue = "oops"', "'value' is unknown"),
        ('["A KEY"]\nhosts = ["a.example"]\nenv = "A"', "cannot be a secret's name"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    """The error names file, secret and mistake."""
    path = tmp_path / "secrets.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=message) as raised:
        Secrets.load(path)
    assert str(path) in str(raised.value)


def test_bad_arguments(tmp_path: Path) -> None:
    """A file that is not there, something that is no mapping, and too many are refused."""
    with pytest.raises(UsageError, match="No such file"):
        Secrets.load(tmp_path / "none.toml")
    bad: Any = ["KEY"]
    with pytest.raises(UsageError, match="mapping of names"):
        Secrets(bad)
    one = {"hosts": ["a.example"], "env": "A"}
    with pytest.raises(UsageError, match="too many"):
        Secrets({f"KEY{n}": one for n in range(SECRETS_MAX + 1)})
