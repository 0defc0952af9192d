"""Uploads of broken components, as the server takes them: compiled in a process of their own."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from fuzz_http import answers
from fuzzed_server import Served, served
from puppet import NAME, puppet, told

from flawless.api import PREFIX

UPLOAD_S_MAX = 90.0
HEAD_BYTES = 8
SHARE = 0.2
REAL = Path(__file__).resolve().parent.parent / "rust" / "programs.wasm.gz"


def sections(content: bytes) -> list[bytes]:
    """Return the sections of a component, each with its head."""
    found = []
    at = HEAD_BYTES
    while at < len(content):
        begin, size, shift = at, 0, 0
        at += 1
        while True:
            byte = content[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        at += size
        found.append(content[begin:at])
    return found


def swapped(content: bytes, chance: Random) -> bytes:
    """Two of its sections have changed places."""
    parts = sections(content)
    one, other = chance.sample(range(len(parts)), 2)
    parts[one], parts[other] = parts[other], parts[one]
    return content[:HEAD_BYTES] + b"".join(parts)


def doubled(content: bytes, chance: Random) -> bytes:
    """One of its sections is there twice."""
    parts = sections(content)
    parts.insert(0, chance.choice(parts))
    return content[:HEAD_BYTES] + b"".join(parts)


def dropped(content: bytes, chance: Random) -> bytes:
    """One of its sections is missing."""
    parts = sections(content)
    del parts[chance.randrange(len(parts))]
    return content[:HEAD_BYTES] + b"".join(parts)


def truncated(content: bytes, chance: Random) -> bytes:
    """It ends somewhere."""
    return content[: chance.randrange(HEAD_BYTES, len(content))]


def flipped(content: bytes, chance: Random) -> bytes:
    """Some of its bits are others."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(HEAD_BYTES, len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def upload(system: Served, content: bytes) -> tuple[int, dict[str, object]]:
    """Send a component to the server, which is only to keep it; return status and document."""
    head = (
        f"POST {PREFIX}/deployments?serve=false HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/wasm\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    (answer,) = answers(system.send(head.encode() + content, wait_s=UPLOAD_S_MAX))
    document = json.loads(answer.body)
    assert isinstance(document, dict)
    return answer.status, document


WAYS = (swapped, doubled, dropped, truncated, flipped)


@pytest.mark.parametrize("way", WAYS)
def test_broken_components_are_refused(
    way: Callable[[bytes, Random], bytes], whole: bool, chance: Random
) -> None:
    """Each is refused with a sentence, or does what it can; others go on as before."""
    if not whole and chance.random() > SHARE:
        pytest.skip("not of the share this time")
    system = served()
    real = gzip.decompress(REAL.read_bytes()) if whole else b""
    for number in range(20 if whole else 1):
        content = way(real if real and number % 2 else puppet(), chance)
        status, document = upload(system, content)
        assert status in (200, 201, 422), document
        if status == 422:
            assert str(document["type"]).endswith("deployment-invalid"), document
            assert 10 < len(str(document["detail"])) < 5_000
        assert system.engine.start(NAME, *told(b'!end {"ok":1}')).result(60) == 1
