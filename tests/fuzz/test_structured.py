"""Input that is almost right, which Hypothesis makes up and makes small where it breaks something.

`make test` tries a few of each, `make sweep` many.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attempts import attempt
from fuzz_protocol import WORDS as PROTOCOL_WORDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from surfaces import SURFACES, kept

from core import requests
from sharing import examples

FAST = ("protocol", "journal", "codec", "description", "texts", "export")
SLOW = ("engine", "http", "component")


def patient(all_of_them: int, share: int) -> settings:
    """Return settings under which time fails no test."""
    return settings(
        max_examples=examples(all_of_them, share),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


# --- kept inputs, changed here and there ----------------------------------------------------------


def changed(name: str) -> st.SearchStrategy[bytes]:
    """Return kept inputs with bytes flipped, left out, doubled, moved and put in."""
    contents = [file.read_bytes() for file in kept(name)]
    words = [word.encode("utf-8", "replace") for word in SURFACES[name].words()] or [b"\0"]
    edit = st.tuples(
        st.sampled_from(["flip", "cut", "double", "insert", "swap", "end"]),
        st.integers(0, 2**16),
        st.integers(1, 64),
        st.sampled_from(words) | st.binary(min_size=1, max_size=8),
    )

    def apply(content: bytes, edits: list[tuple[str, int, int, bytes]]) -> bytes:
        data = bytearray(content)
        for kind, where, count, piece in edits:
            at = where % (len(data) + 1)
            part = data[at : at + count]
            match kind:
                case "flip" if at < len(data):
                    data[at] ^= 1 << count % 8
                case "cut":
                    del data[at : at + count]
                case "double":
                    data[at:at] = part
                case "insert":
                    data[at:at] = piece
                case "swap":
                    del data[at : at + count]
                    data[len(data) // 2 : len(data) // 2] = part
                case "end":
                    del data[at:]
        return bytes(data)

    return st.builds(apply, st.sampled_from(contents), st.lists(edit, min_size=1, max_size=6))


@pytest.mark.parametrize("name", FAST)
def test_changed_inputs(name: str) -> None:
    """What was kept, with a few changes, is answered as the documentation says."""

    @patient(2_000, 60)
    @given(changed(name))
    def try_it(data: bytes) -> None:
        attempt(name, data)

    try_it()


@pytest.mark.parametrize("name", SLOW)
def test_changed_inputs_for_the_whole_engine(name: str) -> None:
    """The same where each input costs more."""

    @patient(400, 8)
    @given(changed(name))
    def try_it(data: bytes) -> None:
        attempt(name, data)

    try_it()


# --- scripts of a hostile guest -------------------------------------------------------------------

NUMBERS = st.integers(1, 8) | st.sampled_from([0, -1, 2**53, 2**53 + 1, 2**64, 10**400])
TEXTS = st.sampled_from(["m", "app.a", "app.a.once", "app.a.ask", "order-1", "", "\x00", "a" * 300])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
CALLS = st.fixed_dictionaries({"a": st.lists(JSON, max_size=2), "k": st.just({})})
ASKED = st.one_of(
    st.builds(requests.step, NUMBERS, TEXTS, start=st.booleans(), arg=JSON),
    st.builds(requests.http, NUMBERS, st.sampled_from(["GET", "POST", ""]), start=st.booleans()),
    st.builds(requests.sleep, NUMBERS, st.floats() | NUMBERS, start=st.booleans()),
    st.builds(requests.receive, NUMBERS, TEXTS),
    st.builds(requests.send, NUMBERS, start=st.booleans(), payload=JSON),
    st.builds(requests.child, NUMBERS, TEXTS, deadline_s=st.none() | st.floats()),
    st.builds(requests.cancel, NUMBERS, start=st.booleans()),
    st.builds(requests.park, NUMBERS, TEXTS),
    st.builds(requests.publish, JSON),
    st.builds(requests.respond, JSON),
    st.builds(requests.wait, st.none() | NUMBERS, poll=st.booleans()),
    st.builds(requests.drop, NUMBERS),
    st.builds(requests.log, TEXTS),
    st.builds(lambda fields: json.dumps(fields).encode(), st.dictionaries(TEXTS, JSON)),
    st.sampled_from([word.encode() for word in PROTOCOL_WORDS if word.startswith("{")]),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").replace(b"\n", b"")),
)
HAPPENING = st.one_of(
    st.sampled_from([word[1:].encode() for word in PROTOCOL_WORDS if word.startswith("\n!")]),
    st.builds(lambda n, value: b"!ok %d %b" % (n, json.dumps(value).encode()), NUMBERS, JSON),
    st.builds(lambda n: b"!fail %d {}" % n, NUMBERS),
    st.builds(lambda n: b"!tick %d" % n, st.integers(-(10**7), 10**9)),
    st.builds(lambda n: b"!crash %d" % n, st.integers(0, 4)),
    st.builds(lambda n: b"!other %d" % n, st.integers(0, 4)),
    st.builds(lambda n: b"!retry %d" % n, st.integers(0, 5)),
    st.builds(lambda n: b'!mail :resolve {"effect":%d,"retry":true}' % n, st.integers(0, 6)),
    st.builds(lambda n: b'!mail :child:1:%d {"ok":1}' % n, st.integers(0, 6)),
    st.builds(lambda value: b"!end " + json.dumps(value).encode(), JSON),
)


@patient(3_000, 50)
@given(st.lists(ASKED | HAPPENING, max_size=20))
def test_guests_that_ask_for_anything(lines: list[bytes]) -> None:
    """In whatever order a guest asks for whatever, its own execution is all that suffers."""
    attempt("protocol", b"\n".join(lines))


@patient(500, 10)
@given(st.lists(ASKED, max_size=6), st.none() | JSON)
def test_guests_that_ask_a_whole_engine(lines: list[bytes], last: Any) -> None:
    """The same in an engine, with its store and its server."""
    attempt("engine", b"\n".join([*lines, b"!end " + json.dumps(last).encode()]))


# --- values ---------------------------------------------------------------------------------------

FIELDS = ["v", "c", "f", "n", "of", "a", "d", "m", "zone", "offset", "name", "fold", "maxlen"]
TAGS = st.sampled_from(
    ["tuple", "set", "frozenset", "deque", "dict", "ordereddict", "counter", "defaultdict",
     "bytes", "bytearray", "int", "float", "complex", "datetime", "date", "time", "timedelta",
     "timezone", "decimal", "uuid", "enum", "dataclass", "attrs", "namedtuple", "exception", "x"]
)  # fmt: skip
LEAVES = st.one_of(
    JSON,
    st.sampled_from(["nan", "inf", "0x8000", "YWI=", "1.5", "2026-01-02", "2026-01-02T03:04:05"]),
    st.sampled_from(["03:04", "Europe/Berlin", "int", "list", "RED", "builtins:OSError"]),
    st.sampled_from(
        [f"fuzz_codec:{name}" for name in ("Item", "Point", "Colour", "Right", "Tree")]
    ),
    st.lists(st.integers(-(10**12), 10**12), min_size=3, max_size=3),
)
TAGGED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda tag, fields: {"$": tag, **fields},
            TAGS | JSON,
            st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
        ),
        st.lists(inner, max_size=3),
        st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3),
        st.dictionaries(st.sampled_from(["sku", "price", "tags", "name", "children", "x"]), inner),
    ),
    max_leaves=10,
)


@patient(5_000, 80)
@given(st.integers(0, 255), TAGGED)
def test_tagged_values(annotation: int, value: Any) -> None:
    """Objects with tags, of which little fits, are values or `CodecError`s, and can be shown."""
    attempt("codec", bytes((annotation,)) + json.dumps(value).encode())


# --- what components say of themselves ------------------------------------------------------------

KEYWORDS = [
    "type", "properties", "items", "anyOf", "allOf", "not", "if", "then", "pattern", "enum",
    "const", "$ref", "$defs", "minimum", "maxLength", "required", "additionalProperties",
    "unevaluatedProperties", "patternProperties", "format", "$id", "$schema", "contains",
]  # fmt: skip
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.sampled_from(["object", "array", "integer", "#", "#/$defs/a", "^(a+)+$", "http://a/b"])
    | st.integers(-2, 5)
    | JSON,
    lambda inner: (
        st.dictionaries(st.sampled_from([*KEYWORDS, "a", "x"]), inner, max_size=4)
        | st.lists(inner, max_size=3)
    ),
    max_leaves=12,
)


@patient(1_500, 40)
@given(SCHEMAS, SCHEMAS, st.dictionaries(TEXTS, SCHEMAS, max_size=2), TEXTS)
def test_descriptions(one: Any, other: Any, messages: dict[str, Any], name: str) -> None:
    """Whatever schemas a component has, it is believed within bounds, or refused."""
    parameters = [{"name": "x", "schema": one}, {"name": "y", "required": False, "schema": other}]
    workflow = {"name": f"m.{name}", "module": "m", "function": name or "f"}
    told = workflow | {"parameters": parameters, "messages": messages, "returns": {"schema": one}}
    attempt("description", json.dumps({"workflows": [told]}).encode())


# --- requests -------------------------------------------------------------------------------------

PATHS = st.sampled_from(
    [word for word in SURFACES["http"].words() if word.startswith("/")]
) | st.text("/%.~?&=ab0", max_size=20).map(lambda text: f"/{text}")
HEADERS = st.sampled_from(
    [word for word in SURFACES["http"].words() if word.endswith("\r\n") and ": " in word]
)
BODIES = st.dictionaries(
    st.sampled_from(
        ["workflow", "input", "id", "wait_s", "deadline_s", "start_at", "delay_s", "attributes",
         "name", "payload", "reason", "grace_s", "effect", "ok", "error", "retry", "from_start",
         "rights", "ttl_s", "messages", "at", "entries", "by"]
    ),
    JSON | st.sampled_from(["fuzz.run", "state", "2027-01-01T00:00:00Z", {"a": "b"}]),
    max_size=5,
)  # fmt: skip


@patient(1_500, 30)
@given(
    st.sampled_from(["GET", "POST", "POST", "DELETE", "HEAD", "OPTIONS", "get"]),
    PATHS,
    st.lists(HEADERS, max_size=3),
    BODIES | JSON,
    st.integers(-1, 1),
)
def test_requests(method: str, path: str, headers: list[str], body: Any, off: int) -> None:
    """Whatever is asked of the server, it answers with a document or a problem."""
    content = json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1\r\n", "Host: 127.0.0.1\r\n", *headers]
    head += ["Content-Type: application/json\r\n", f"Content-Length: {len(content) + off}\r\n\r\n"]
    attempt("http", "".join(head).encode() + content)
