"""Guests that begin prepared, and instances that are used by one guest after the other."""

from __future__ import annotations

import json
import mmap
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flawless.errors import GuestTrapped
from flawless.wasm import Component, Finished, Guest, GuestLimits, NotAlike, Preparation
from flawless.wasm import memory as memories
from flawless.wasm import preparation as preparations
from wasm.hosts import RecordingHost, begin

PREPARE = """
import builtins, json
builtins.mark = json.loads(call('{"op":"prepare"}'))['mark']
builtins.shelf = ['prepared']
out = {'ok': {'at': id(builtins.mark), 'pure': True}}
"""
LOOK = "import builtins; builtins.shelf.append(1); out = [builtins.shelf, id(object()), id([])]"


@pytest.fixture
def preparation() -> Iterator[Preparation]:
    """A preparation that leaves something on a shelf."""
    made = Preparation(PREPARE.encode(), lambda request: request)
    yield made
    made.close()


def play(component: Component, preparation: Preparation, code: str = LOOK) -> tuple[Any, int]:
    """Run code in a guest; return its output, and the store that it ran in."""
    with Guest(component, RecordingHost(), GuestLimits(), preparation) as guest:
        state = begin(guest, code)
        assert isinstance(state, Finished)
        return json.loads(state.output), guest.context


def test_an_instance_is_used_again_and_shows_no_trace(
    component: Component, preparation: Preparation
) -> None:
    """What one execution has changed is as it was for the next one, down to addresses."""
    first, store = play(component, preparation)
    assert first[0] == ["prepared", 1]
    for _ in range(5):
        assert play(component, preparation) == (first, store)


@pytest.mark.parametrize("copies", [True, False])
def test_fresh_and_used_instances_are_alike(
    component: Component, preparation: Preparation, monkeypatch: pytest.MonkeyPatch, copies: bool
) -> None:
    """A guest that found no instance sees the same memory, copied or prepared, as one that did."""
    first, store = play(component, preparation)
    if not copies:
        monkeypatch.setattr(preparations, "locate_fresh", lambda _: None)
    asked = count_preparing(preparation, monkeypatch)
    with Guest(component, RecordingHost(waits=True), GuestLimits(), preparation) as waiting:
        begin(waiting, "call('')")
        fresh, other = play(component, preparation)
        again, same = play(component, preparation)
    assert waiting.context == store != other == same
    assert fresh == again == first
    assert len(asked) == (0 if copies else 1)


def test_who_holds_handles_is_not_used_again(component: Component) -> None:
    """What preparing left in the host's tables is not in the memory, so each is prepared."""
    opened = PREPARE + "\nimport sys; sys.stdin.read()"
    closing = "import builtins, os; os.close(0); out = builtins.shelf"
    preparation = Preparation(opened.encode(), lambda request: request)
    told = [play(component, preparation, closing)[0] for _ in range(3)]
    assert told == [["prepared"]] * 3
    assert not preparation.copies
    assert not preparation._idle
    preparation.close()


@pytest.mark.parametrize("broken", ["Snapshot", "replace", "restore", "replace of a copy"])
def test_what_the_system_refuses_fails_no_guest(
    component: Component, preparation: Preparation, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Without room for a file, or a mapping, guests are prepared each by itself."""

    def refuse(*_: Any) -> None:
        raise OSError(28, "no space left on device")

    first, _ = play(component, preparation)
    preparation.close()
    preparation = Preparation(PREPARE.encode(), lambda request: request)
    if broken == "Snapshot":
        monkeypatch.setattr(preparations, "Snapshot", refuse)
    elif broken == "replace of a copy":
        play(component, preparation)
        taken = preparation.take(GuestLimits().memory_bytes)
        assert taken is not None
        taken.delete()
        monkeypatch.setattr(memories.Snapshot, "replace", refuse)
    else:
        monkeypatch.setattr(memories.Snapshot, broken, refuse)
    assert [play(component, preparation)[0] for _ in range(2)] == [first] * 2
    assert not preparation._idle
    preparation.close()


def test_threads_do_not_meet(component: Component, preparation: Preparation) -> None:
    """Guests of one preparation in several threads are put back each by itself."""
    first, _ = play(component, preparation)
    many = f"{LOOK}; kept = [[n] for n in range(20_000)]"
    expected, _ = play(component, preparation, many)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(3) as threads:
            codes = [LOOK, many] * 60
            told = list(threads.map(lambda code: play(component, preparation, code)[0], codes))
    finally:
        sys.setswitchinterval(interval)
    assert told == [first, expected] * 60


def test_after_its_end_a_preparation_keeps_nothing(
    component: Component, preparation: Preparation
) -> None:
    """A guest that is closed after the engine leaves its instance to nobody."""
    with Guest(component, RecordingHost(), GuestLimits(), preparation) as guest:
        begin(guest, LOOK)
        preparation.close()
    play(component, preparation)
    assert not preparation._idle


def test_what_decides_addresses_never_changes() -> None:
    """An execution must find its objects where they were, with every later engine."""
    host = preparations.PreparingHost(lambda request: request)
    answer = host.call(b'{"op":"prepare"}')
    assert answer is not None
    assert re.fullmatch(rb'\{"mark":"flawless [0-9a-f]{16}"\}', answer)


def test_without_the_kernel_each_guest_is_prepared(
    component: Component, preparation: Preparation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing tells what was written to, instances are not used again, with one outcome."""
    first, _ = play(component, preparation)
    preparation.close()
    monkeypatch.setattr(preparations, "pages", lambda: None)
    asked = count_preparing(preparation, monkeypatch)
    assert [play(component, preparation)[0] for _ in range(3)] == [first] * 3
    assert len(asked) == 3


@pytest.mark.parametrize(
    "code",
    [
        "kept = bytes(1 << 26); out = 1",  # its memory grows
        "import builtins; call('wait')",  # it waits, and is dropped
        "import os; os._exit(3)",
    ],
)
def test_an_instance_is_not_used_again_after(
    component: Component, preparation: Preparation, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Growing, being dropped and exiting leave an instance that nobody else gets."""
    first, _ = play(component, preparation)
    asked = count_preparing(preparation, monkeypatch)
    host = RecordingHost(answer=lambda request: None if request == b"wait" else request)
    guest = Guest(component, host, GuestLimits(), preparation)
    if "exit" in code:
        with pytest.raises(GuestTrapped):
            begin(guest, code)
    else:
        begin(guest, code)
    guest.close()
    assert not preparation._idle
    assert play(component, preparation)[0] == first
    assert not asked, "the next one is a copy"


def test_instances_are_bound_to_their_limits(
    component: Component, preparation: Preparation
) -> None:
    """Who may have less memory does not get the instance of one who may have more."""
    _, store = play(component, preparation)
    small = GuestLimits(memory_bytes=64 << 20)
    with Guest(component, RecordingHost(), small, preparation) as guest:
        begin(guest, LOOK)
        assert guest.context != store


def test_failing_to_prepare_is_the_outcome_of_the_run(component: Component) -> None:
    """An import that fails is told as it would be without a preparation."""
    preparation = Preparation(b"1 / 0", lambda request: request)
    output, _ = play(component, preparation)
    assert output == {"error": "ZeroDivisionError: division by zero"}


@pytest.mark.parametrize(
    "code",
    ["import time; time.time()", "import os; call(''); os.urandom(8)", "print('hello')"],
)
def test_what_may_differ_is_refused(component: Component, code: str) -> None:
    """While a guest is prepared it learns nothing that another execution would find otherwise."""
    preparation = Preparation(code.encode(), lambda request: request)
    with pytest.raises(NotAlike, match="while modules were imported"):
        play(component, preparation)


def test_a_child_process_prepares_its_own(component: Component, preparation: Preparation) -> None:
    """After a fork the parent's instances stay the parent's; both go on, with equal outcomes."""
    first, store = play(component, preparation)
    child = os.fork()
    if child == 0:
        os._exit(0 if play_again(component, preparation) == first else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert play(component, preparation) == (first, store)


def play_again(component: Component, preparation: Preparation) -> Any:
    """Run in a child process, on a component of its own."""
    return play(Component.find(component.sha256) or component, preparation)[0]


def test_idle_instances_are_freed(component: Component, preparation: Preparation) -> None:
    """What nobody has needed for some time is given back, but the last one."""
    with Guest(component, RecordingHost(waits=True), GuestLimits(), preparation) as waiting:
        begin(waiting, "out = call('')")
        play(component, preparation)
        waiting.resume(b"")
    assert len(preparation._idle) == 2
    preparation.trim(older_than_s=-1.0)
    assert len(preparation._idle) == 1


@pytest.mark.parametrize("scans", [True, False])
def test_written_pages_are_found(scans: bool, tmp_path: Path) -> None:
    """The newer and the older interface of the kernel tell the same."""
    pages = memories.Pages()
    pages._scans = scans
    path = tmp_path / "pages"
    path.write_bytes(b"x" * 8 * memories.PAGE)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 8 * memories.PAGE, flags=mmap.MAP_PRIVATE)
    start = memories.address_of(mapped)
    assert len(bytes(mapped)) == 8 * memories.PAGE, "all pages are there, none is our own"
    assert [*pages.written(start, start + len(mapped))] == []
    for page in (1, 2, 7):
        mapped[page * memories.PAGE + 5] ^= 1
    ranges = [(start + a * memories.PAGE, start + b * memories.PAGE) for a, b in ((1, 3), (7, 8))]
    assert [*pages.written(start, start + len(mapped))] == ranges


def count_preparing(preparation: Preparation, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets an item for each guest that is prepared."""
    asked: list[int] = []
    make = preparation.host

    def host() -> Any:
        asked.append(1)
        return make()

    monkeypatch.setattr(preparation, "host", host)
    return asked
