"""Guests as coroutines: suspended, resumed, preempted, limited, dropped."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from flawless.errors import GuestCpuExceeded, GuestTrapped, ValueTooLarge
from flawless.wasm import Component, Finished, Guest, GuestLimits, Preempted, State, Suspended
from flawless.wasm.guest import GUESTS
from wasm.hosts import RecordingHost, begin, run, settle


def test_answers_at_once(component: Component) -> None:
    """A host that answers in the callback runs the guest through without a suspension."""
    host = RecordingHost()
    with Guest(component, host, GuestLimits()) as guest:
        state = begin(guest, b"out = call('a') + call('b')")
    assert state == Finished(b'"AB"')
    assert host.requests == [b"a", b"b"]


def test_suspends_and_resumes(component: Component) -> None:
    """A host that answers later gets the guest back at each request, in order."""
    host = RecordingHost(waits=True)
    guest = Guest(component, host, GuestLimits())
    state = begin(guest, b"out = [call(str(i)) for i in range(3)]")
    for number in range(3):
        assert isinstance(state, Suspended)
        assert host.requests[-1] == b"%d" % number
        state = settle(guest, guest.resume(b"r%d" % number))
    assert state == Finished(b'["r0", "r1", "r2"]')
    guest.close()


def test_both_ways_mixed(component: Component) -> None:
    """One guest may be answered at once now and later then."""
    host = RecordingHost(answer=lambda request: None if request == b"later" else b"now")
    with Guest(component, host, GuestLimits()) as guest:
        code = b"out = [call('x'), call('later'), call('y'), call('later')]"
        state = begin(guest, code)
        state = settle(guest, guest.resume(b"1"))
        state = settle(guest, guest.resume(b"2"))
    assert state == Finished(b'["now", "1", "now", "2"]')


@pytest.mark.parametrize("text", ["", "ä→🙂", "x" * 1_000_000, "\0"])
def test_text_travels_unchanged(component: Component, text: str) -> None:
    """Requests and responses carry any text: empty, beyond ASCII, large, with a NUL."""
    host = RecordingHost(answer=lambda request: request)
    assert run(component, f"out = call({text!r}) == {text!r}", host) is True
    assert host.requests == [text.encode()]


def test_two_hundred_suspended_at_once(component: Component) -> None:
    """Many guests wait in one thread and are answered in any order."""
    guests: dict[int, Guest] = {}
    for number in range(200):
        guest = Guest(component, RecordingHost(waits=True), GuestLimits())
        assert isinstance(begin(guest, f"out = call('{number}')"), Suspended)
        guests[number] = guest
    for number in sorted(guests, key=lambda n: n * 7919 % 200):
        state = settle(guests[number], guests[number].resume(b"answer %d" % number))
        assert state == Finished(b'"answer %d"' % number)
        guests[number].close()


def test_dropped_in_mid_flight(component: Component) -> None:
    """A suspended or preempted guest can be closed; nothing of it is left."""
    before = len(GUESTS)
    waiting = Guest(component, RecordingHost(waits=True), GuestLimits())
    begin(waiting, "out = call('never answered')")
    computing = Guest(component, RecordingHost(), GuestLimits())
    assert isinstance(computing.start("run", b"while True: pass"), Preempted)
    for guest in (waiting, computing):
        guest.close()
        guest.close()
    assert len(GUESTS) == before


def test_forgotten_guest_is_freed(component: Component) -> None:
    """A guest that nobody holds any more is closed."""
    gc.collect()
    before = len(GUESTS)
    begin(Guest(component, RecordingHost(waits=True), GuestLimits()), "call('x')")
    gc.collect()
    assert len(GUESTS) == before


class Overboard(BaseException):
    """An exception that is not an Exception."""


@pytest.mark.parametrize("failure", [ValueError("no"), Overboard(), KeyboardInterrupt()])
def test_exception_in_the_host(component: Component, failure: BaseException) -> None:
    """What the host raises ends the guest and comes out of the call that ran it."""

    def answer(_: bytes) -> bytes | None:
        raise failure

    guest = Guest(component, RecordingHost(answer=answer), GuestLimits())
    with pytest.raises(type(failure)) as caught:
        begin(guest, b"try:\n  call('x')\nexcept BaseException: pass\nout = 'survived'")
    assert caught.value is failure
    with pytest.raises(RuntimeError, match="not waiting"):
        guest.resume(b"")
    guest.close()
    assert run(component, "out = 1") == 1


def test_misuse_is_refused(component: Component) -> None:
    """Calls that do not fit the guest's state raise RuntimeError and harm nothing."""
    guest = Guest(component, RecordingHost(waits=True), GuestLimits())
    with pytest.raises(RuntimeError, match="not waiting"):
        guest.resume(b"")
    with pytest.raises(RuntimeError, match="not preempted"):
        guest.proceed()
    begin(guest, b"out = call('x')")
    with pytest.raises(RuntimeError, match="started once"):
        begin(guest, b"")
    with pytest.raises(RuntimeError, match="not preempted"):
        guest.proceed()
    assert settle(guest, guest.resume(b"fine")) == Finished(b'"fine"')
    guest.close()


def test_host_cannot_close_its_caller(component: Component) -> None:
    """Closing a guest from inside its own host call is an error, not a crash."""
    guest = Guest(component, RecordingHost(answer=lambda _: guest.close()), GuestLimits())
    with guest, pytest.raises(RuntimeError, match="cannot be closed"):
        begin(guest, b"call('x')")


def test_bad_text_is_refused(component: Component) -> None:
    """Bytes that are not UTF-8 never reach wasmtime; the guest goes on waiting."""
    with Guest(component, RecordingHost(waits=True), GuestLimits()) as guest:
        with pytest.raises(ValueError, match="not UTF-8"):
            Guest(component, RecordingHost(), GuestLimits()).start("run", b"\xff")
        begin(guest, b"out = call('x')")
        with pytest.raises(ValueError, match="not UTF-8"):
            guest.resume(b"\xff")
        assert settle(guest, guest.resume(b"good")) == Finished(b'"good"')


def test_sizes_are_bounded(component: Component) -> None:
    """A request or response beyond its limit raises ValueTooLarge."""
    limits = GuestLimits(request_bytes_max=10, response_bytes_max=100)
    with Guest(component, RecordingHost(waits=True), limits) as guest:
        begin(guest, b"call('x'); call('x' * 11)")
        with pytest.raises(ValueTooLarge):
            guest.resume(b"y" * 101)
        with pytest.raises(ValueTooLarge):
            guest.resume(b"y")


def test_computing_guest_lets_others_run(component: Component) -> None:
    """A guest that computes comes back every few milliseconds, and ends all the same."""
    with Guest(component, RecordingHost(), GuestLimits()) as guest:
        state: State = guest.start("run", b"out = sum(range(2_000_000))")
        turns = 0
        while isinstance(state, Preempted):
            turns += 1
            state = guest.proceed()
    assert state == Finished(b"1999999000000")
    assert turns >= 3


def test_endless_loop_is_stopped(component: Component) -> None:
    """The CPU limit ends an endless loop, while other guests go on."""
    others = 0

    def drive(guest: Guest) -> None:
        nonlocal others
        state = guest.start("run", b"while True: pass")
        while isinstance(state, Preempted):
            assert run(component, "out = call('x')") == "X"
            others += 1
            state = guest.proceed()

    looping = Guest(component, RecordingHost(), GuestLimits(cpu_s_per_turn=0.1))
    with looping, pytest.raises(GuestCpuExceeded, match=r"more than 0\.1 s"):
        drive(looping)
    assert others >= 3


def test_turns_are_limited_one_by_one(component: Component) -> None:
    """Many short turns may together compute longer than the limit of one."""
    code = "for _ in range(4):\n  sum(range(1_000_000))\n  call('x')\nout = 'done'"
    for waits in (True, False):
        host = RecordingHost(waits=waits)
        began = time.thread_time()
        assert run(component, code, host, GuestLimits(cpu_s_per_turn=10.0)) == "done"
        turn_s = (time.thread_time() - began) / 4
        assert (
            run(
                component,
                code,
                RecordingHost(waits=waits),
                GuestLimits(cpu_s_per_turn=turn_s * 2.5),
            )
            == "done"
        )


def test_memory_bomb(component: Component) -> None:
    """Memory beyond the limit is a MemoryError inside the guest, which it can survive."""
    code = (
        "blocks = []\n"
        "try:\n"
        "  while True: blocks.append(bytearray(1_000_000))\n"
        "except MemoryError:\n"
        "  out = len(blocks); blocks.clear()\n"
        "call('still here')"
    )
    host = RecordingHost()
    megabytes = run(component, code, host, GuestLimits(memory_bytes=64 << 20))
    assert 20 < megabytes < 64
    assert host.requests == [b"still here"]


def test_deep_recursion(component: Component) -> None:
    """Recursion in Python is a RecursionError, in native code of the guest a clear trap."""
    assert "RecursionError" in run(component, "def f(): f()\nf()")["error"]
    recursive_repr = "class A:\n  def __repr__(self): return repr(A())\nrepr(A())"
    assert "RecursionError" in run(component, recursive_repr)["error"]
    with pytest.raises(GuestTrapped, match="recursed too deeply") as caught:
        run(component, "x = []\nfor _ in range(300_000): x = [x]\ndel x")
    assert "list_dealloc" in caught.value.backtrace


def test_endless_loop_in_native_code_is_stopped(component: Component) -> None:
    """A loop inside the guest's C code is preempted and stopped like any other."""
    guest = Guest(component, RecordingHost(), GuestLimits(cpu_s_per_turn=0.1))
    with guest, pytest.raises(GuestCpuExceeded):
        begin(guest, b"9 ** 9 ** 9")


def test_busy_thread_does_not_slow_requests(component: Component) -> None:
    """Beside a thread that computes, requests stay far below the interpreter's switch interval."""
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        began = time.perf_counter()
        with Guest(component, RecordingHost(), GuestLimits()) as guest:
            settle(guest, guest.start("describe", b"2000"))
        assert (time.perf_counter() - began) / 2000 < 0.001
    finally:
        stop.set()
        thread.join()


def test_engines_in_several_threads(component: Component) -> None:
    """Guests driven in several threads at once never mix up answers or exceptions."""
    failures: list[BaseException] = []

    def drive(name: int) -> None:
        try:
            for round_ in range(10):
                host = RecordingHost(answer=lambda request: request + b"/%d" % name)
                assert run(component, "out = [call(str(i)) for i in range(20)]", host) == [
                    f"{i}/{name}" for i in range(20)
                ]
                mine = ValueError(f"{name}, {round_}")

                def fail(_: bytes, mine: ValueError = mine) -> bytes | None:
                    raise mine

                with pytest.raises(ValueError) as caught:  # noqa: PT011 (its identity is checked)
                    run(component, "call('x')", RecordingHost(answer=fail))
                assert caught.value is mine
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=drive, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_runs_alike_every_time(component: Component) -> None:
    """Hashes, set order, ids and random numbers are the same in every guest."""
    code = (
        "import random, uuid\n"
        "out = [hash('abc'), list({'a', 'b', 'c', 'd'}), id(object()), random.random(),\n"
        "       str(uuid.uuid4()), 0.1 + 0.2, repr(float('nan') * -1)]"
    )
    assert run(component, code) == run(component, code)
