"""The cache folder: checked, bounded, shared by processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flawless.errors import ToolchainError
from flawless.wasm.cache import CacheFolder, default_folder


def never() -> bytes:
    """Fail: the entry should have been there."""
    raise AssertionError("made again")


def test_made_once(tmp_path: Path) -> None:
    """An entry is made at its first use and found afterwards, by any object."""
    made = CacheFolder(tmp_path).get_or_make("code", "k", lambda: b"content")
    found = CacheFolder(tmp_path).get_or_make("code", "k", never)
    assert made == found
    assert found.read_bytes() == b"content"
    assert CacheFolder(tmp_path).get("code", "other") is None
    assert CacheFolder(tmp_path).get("python", "k") is None


@pytest.mark.parametrize("damage", [b"", b"conten", b"c0ntent", b"content and more"])
def test_damaged_entry_is_made_again(tmp_path: Path, damage: bytes) -> None:
    """An entry with any other content than it was stored with is deleted and replaced."""
    cache = CacheFolder(tmp_path)
    path = cache.put("code", "k", b"content")
    path.write_bytes(damage)
    assert cache.get("code", "k") is None
    assert cache.get_or_make("code", "k", lambda: b"content").read_bytes() == b"content"


def test_found_by_content(tmp_path: Path) -> None:
    """Whatever its kind and key; but not when it is not any more what its name says."""
    cache = CacheFolder(tmp_path)
    path = cache.put("python", "some-key", b"content")
    sha256 = cache.sha256_of(path)
    assert cache.find(sha256) == path
    assert cache.find("0" * 64) is None
    path.write_bytes(b"other")
    assert cache.find(sha256) is None


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    """When making an entry fails, the next one tries again."""
    cache = CacheFolder(tmp_path)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_make("code", "k", lambda: bytes(1 // 0))
    assert cache.get_or_make("code", "k", lambda: b"x").read_bytes() == b"x"


def test_oldest_are_evicted(tmp_path: Path) -> None:
    """Beyond the bound the least recently used entries go; the newest always stays."""
    cache = CacheFolder(tmp_path, bytes_max=250)
    for age, key in ((3, "a"), (2, "b")):
        path = cache.put("code", key, key.encode() * 100)
        os.utime(path, (1e9 - age, 1e9 - age))
    assert cache.get("code", "a") is not None  # used now, so b is the oldest
    cache.put("code", "c", b"c" * 100)
    assert cache.get("code", "b") is None
    assert cache.get("code", "a") is not None
    cache.put("code", "huge", b"h" * 1000)
    assert cache.get("code", "huge") is not None
    assert cache.get("code", "a") is None


def test_threads_make_an_entry_once(tmp_path: Path) -> None:
    """Threads that want the same entry wait for the one that makes it."""
    made = []
    inside = threading.Event()

    def make() -> bytes:
        made.append(1)
        inside.wait(0.1)
        return b"x"

    threads = [
        threading.Thread(target=CacheFolder(tmp_path).get_or_make, args=("code", "k", make))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


MAKER = """
import sys
from pathlib import Path
from flawless.wasm.cache import CacheFolder

def make():
    with open(sys.argv[2], "ab") as log:
        log.write(b"made\\n")
    print("making", flush=True)
    sys.stdin.readline()
    return b"x" * 1000

path = CacheFolder(Path(sys.argv[1])).get_or_make("code", "k", make)
assert path.read_bytes() == b"x" * 1000
"""


def start_maker(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a process that makes an entry and holds its lock until it gets a line of input."""
    return subprocess.Popen(
        [sys.executable, "-c", MAKER, str(folder), str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_processes_make_an_entry_once(tmp_path: Path) -> None:
    """Two processes at once: one makes, the other waits and finds."""
    log = tmp_path / "log"
    processes = [start_maker(tmp_path / "cache", log) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert log.read_bytes() == b"made\n"


def test_lock_dies_with_its_process(tmp_path: Path) -> None:
    """A process killed while it makes an entry blocks nobody, and leaves no half entry."""
    killed = start_maker(tmp_path, tmp_path / "log")
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"making\n"
    killed.kill()
    killed.communicate()
    path = CacheFolder(tmp_path).get_or_make("code", "k", lambda: b"y")
    assert path.read_bytes() == b"y"


def test_unusable_folder(tmp_path: Path) -> None:
    """A folder that cannot be made is a ToolchainError that names it."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ToolchainError, match="FLAWLESS_CACHE"):
        CacheFolder(tmp_path / "file" / "cache").get_or_make("code", "k", lambda: b"x")


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FLAWLESS_CACHE comes before XDG_CACHE_HOME, which comes before the home folder."""
    monkeypatch.setenv("FLAWLESS_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert default_folder() == tmp_path / "a"
    monkeypatch.delenv("FLAWLESS_CACHE")
    assert default_folder() == tmp_path / "b" / "flawless"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "flawless"
