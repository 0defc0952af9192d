"""Small texts that people and programs write, each read by a parser of its own.

The first byte chooses the parser, the rest is the text. What must hold: the text is read, and what
was read is what it says; or it is refused with the error that the parser's documentation names.
"""

from __future__ import annotations

import atexit
import io
import json
import logging
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec

from flawless import api
from flawless.cli.given import read_attributes, read_json
from flawless.cli.log_lines import JsonLines, TextLines
from flawless.cli.moments import parse_moment
from flawless.core.protocol import HttpRequest, SendRequest, StepRequest, label
from flawless.core.signals import read_signal
from flawless.durations import LONGEST_S, seconds, wait_seconds
from flawless.engine.decisions import as_outcome
from flawless.engine.egress import Egress, HostPattern, host_of, shown
from flawless.engine.mail import check_message_id, effect_of
from flawless.engine.secrets import PLACEHOLDER_CHARS, PREFIX, Secrets, placeholder
from flawless.engine.tracing.identity import read_traceparent
from flawless.errors import (
    GuestTrapped,
    InputInvalid,
    SecretUnavailable,
    UsageError,
)
from flawless.ids import can_be_child, earlier_run, execution_id, latest_run
from flawless.server.access.capabilities import Capabilities
from flawless.server.wire.requests import moment_us
from flawless.stores.selection import cursor, place
from flawless.timetravel.dap.messages import StreamBroken, Unreadable, read_message

SEED = bytes(32)
VALUE = 's3cret"&<value>/+='
WORDS = (
    "9" *320, "1h30m", "90s", "500ms", "2d", "1e999", "99999999999w", "order-1", "order-1~2", "_5",
    "_", "~", "2026-01-31T12:00:00Z", "2026-01-31 12:00", "0001-01-01", "9999-12-31T23:59:59-23:59",
    "+00:00", "api.example.com", "*.example.com", "https://", "http://[::1]:80", ":8443", "xn--",
    "\u3002", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "flc_", "a=b", '{"a":1}',
    "[[[[[[", "Content-Length: 2\r\n\r\n{}", placeholder("KEY", SEED), PREFIX, "Basic ", "\\ud800",
    "\x1b[31m", ":child:1:2", ":cancel", ":resolve", '{"effect":1,"retry":true}',
    '{"status":201,"body":"x"}', '[KEY]\nhosts = ["a.example"]\nenv = "KEY"', "\u202e", "%zz",
    "http://user:pw@host/path?q#f",
)  # fmt: skip


def duration(text: str) -> None:
    """Read a length of time, as text and as a number."""
    numbers = [text]
    try:
        number = json.loads(text)
        numbers += [number] if type(number) in (int, float) else []
    except (ValueError, RecursionError):
        pass
    for value in numbers:
        try:
            assert 0 <= seconds(value) < float("inf")
            assert wait_seconds(value) <= LONGEST_S
        except ValueError:
            continue


def id_(text: str) -> None:
    """Check an id."""
    try:
        known = execution_id(text)
    except InputInvalid:
        return
    assert known == text
    assert can_be_child(text)
    assert latest_run(earlier_run(known, 3)) == text
    assert Path(text).name == text


def page(text: str) -> None:
    """Read a cursor of a list."""
    found = place(text)
    assert found is None or place(cursor(found)) == found


def moment(text: str) -> None:
    """Read a moment, over HTTP and on the command line."""
    with suppress(InputInvalid):
        assert api.timestamp(moment_us(text, "at"))
    with suppress(UsageError):
        assert parse_moment(text, "--at", ago=True) is not None


def hosts(text: str) -> None:
    """Read a host that requests may go to, and an address they go to."""
    try:
        pattern = HostPattern.parse(text)
        Egress([text])
    except UsageError:
        pattern = HostPattern.parse("a.example")
    try:
        url = httpx.URL(text)
        host_of(url)
        shown(url)
        pattern.matches(url)
    except (httpx.InvalidURL, UnicodeError):
        pass


def traceparent(text: str) -> None:
    """Read the header of a trace."""
    found = read_traceparent(text)
    assert found is None or read_traceparent(found.traceparent) == found


def command_line(text: str) -> None:
    """Read arguments of commands."""
    for read in (lambda: read_attributes([text]), lambda: read_json(text.lstrip("-"), "INPUT")):
        try:
            read()
        except UsageError as error:
            str(error).encode("utf-8", "surrogatepass")


def labels(text: str) -> None:
    """Make a label of what a guest asks for: one line, and no secret of an address."""
    raw = msgspec.Raw(b"1")
    for request in (
        StepRequest(1, text, raw),
        HttpRequest(1, "GET", text),
        SendRequest(1, text, text, raw),
    ):
        words = label(request)
        assert words.isprintable()
        assert len(words) <= 200
    if "?" in text and "#" not in text.partition("?")[0]:
        marked = text.partition("?")[0] + "?key=ou7sh"
        assert "ou7sh" not in label(HttpRequest(1, "GET", marked))


def log_lines(text: str) -> None:
    """Log what a stranger says: one line, which steers no terminal."""
    record = logging.LogRecord("flawless", 20, "", 0, "%s", (text,), None)
    line = TextLines().format(record)
    assert "\n" not in line
    assert "\x1b" not in line
    line.encode()
    assert "\n" not in JsonLines().format(record)
    assert json.loads(JsonLines().format(record))["level"] == "info"


def signals(text: str) -> None:
    """Read a signal of the inbox: its name and, behind a space, its payload."""
    name, _, payload = text.partition(" ")
    with suppress(GuestTrapped):
        read_signal(name, payload.encode("utf-8", "surrogatepass"))


def decisions(text: str) -> None:
    """Read what a person decides; the value is JSON that the API has read."""
    raw = text.encode("utf-8", "surrogatepass")
    try:
        msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return
    for words in ("step a.b", "GET https://a.example/x"):
        with suppress(InputInvalid):
            msgspec.json.decode(as_outcome(words, raw))


def messages(text: str) -> None:
    """Check the id of a message, and read one of the Debug Adapter Protocol."""
    with suppress(InputInvalid):
        check_message_id(text)
    effect_of(text)
    stream = io.BytesIO(text.encode("utf-8", "surrogatepass"))
    for _ in range(20):
        try:
            if read_message(stream) is None:
                return
        except Unreadable:
            continue
        except StreamBroken:
            return


def capabilities(text: str) -> None:
    """Nobody can guess a token."""
    assert Capabilities(SEED).read(text) is None


def secrets(text: str) -> None:
    """Fill placeholders in, and take values out again, wherever they stand."""
    text = text.encode("utf-8", "replace").decode()  # guests have no others
    disguise = Secrets({"KEY": {"hosts": ["a.example"], "file": _file()}}).disguise(SEED)
    url = httpx.URL("https://a.example/")
    raw = text.encode()
    for fill in (
        lambda: disguise.fill_header("Authorization", text, url),
        lambda: disguise.fill_header("X-Key", text, url),
        lambda: disguise.fill_body(raw, "application/json", url).decode("utf-8", "replace"),
        lambda: disguise.fill_body(raw, "text/plain", url).decode("utf-8", "replace"),
        lambda: disguise.fill_url("https://a.example/" + text),
    ):
        try:
            filled = fill()
        except (SecretUnavailable, httpx.InvalidURL):
            continue
        assert VALUE not in disguise.scrub(filled)
        assert len(disguise.scrub(filled)) <= len(filled) * PLACEHOLDER_CHARS + PLACEHOLDER_CHARS
    with suppress(UsageError):
        Secrets(_toml(text))


def _toml(text: str) -> dict[str, dict[str, object]]:
    name, _, host = text.partition("=")
    return {name: {"hosts": [host], "env": "KEY"}}


def _file() -> str:
    if not _kept:
        with tempfile.NamedTemporaryFile("w", prefix="flawless-fuzz-", delete=False) as file:
            file.write(VALUE)
        atexit.register(Path(file.name).unlink)
        _kept.append(file.name)
    return _kept[0]


_kept: list[str] = []

PARSERS: tuple[Callable[[str], None], ...] = (
    duration, id_, page, moment, hosts, traceparent, command_line, labels, log_lines, signals,
    decisions, messages, capabilities, secrets,
)  # fmt: skip


def target(data: bytes) -> None:
    """Read one text."""
    if data:
        text = data[1:].decode("utf-8", "surrogateescape")
        if re.search(r"[\udc80-\udcff]", text) and data[0] & 0x80:
            text = data[1:].decode("utf-8", "replace")
        PARSERS[data[0] % len(PARSERS)](text)
