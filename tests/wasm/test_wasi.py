"""WASI as a workflow sees it, through unmodified Python."""

from __future__ import annotations

import time

import pytest

from flawless.errors import GuestTrapped
from flawless.wasm import Component, Finished, Guest, GuestExited, GuestLimits, Suspended
from wasm.hosts import NOW_NS, RecordingHost, begin, run, settle


def test_clocks_are_the_hosts(component: Component) -> None:
    """Wall clock and monotonic clock show the host's time, to the microsecond."""
    code = (
        "import time, datetime\n"
        "out = [time.time_ns(), time.monotonic_ns(), str(datetime.datetime.now()), time.tzname[0]]"
    )
    assert run(component, code) == [NOW_NS, NOW_NS, "2023-11-14 22:13:20.123456", "UTC"]


def test_sleep_answered_at_once(component: Component) -> None:
    """A sleep whose end the host has reached does not suspend the guest."""
    host = RecordingHost()
    assert run(component, "import time; time.sleep(3600); out = time.time_ns()", host) == (
        NOW_NS + 3600 * 10**9
    )
    assert host.deadlines_ns == [NOW_NS + 3600 * 10**9]


@pytest.mark.parametrize("wait", ["time.sleep(2.5)", "select.select([], [], [], 2.5)"])
def test_sleep_suspends(component: Component, wait: str) -> None:
    """A sleep suspends the guest until the host says it is over."""
    host = RecordingHost(waits=True)
    with Guest(component, host, GuestLimits()) as guest:
        code = f"import time, select; {wait}; {wait}; out = 'awake'"
        state = begin(guest, code)
        assert isinstance(state, Suspended)
        assert host.deadlines_ns == [NOW_NS + 2_500_000_000]
        host.now_ns = host.deadlines_ns[0]
        state = settle(guest, guest.resume(b""))
        assert isinstance(state, Suspended)
        assert host.deadlines_ns[1] == NOW_NS + 5_000_000_000
        assert settle(guest, guest.resume(b"")) == Finished(b'"awake"')
        assert guest.pollables == {}


def test_asyncio_needs_a_loop_of_its_own(component: Component) -> None:
    """The default event loop wants sockets: a clear OSError, not a trap."""
    code = "import asyncio\nasync def main(): pass\nasyncio.run(main())"
    assert "PermissionError" in run(component, code)["error"]


def test_randomness_is_the_hosts(component: Component) -> None:
    """Random bytes come from the host, in one piece however many."""
    host = RecordingHost()
    code = "import os; out = [os.urandom(5).hex(), len(os.urandom(100_000))]"
    short, long = run(component, code, host)
    assert len(short) == 10
    assert long == 100_000
    assert host.random_bytes >= 100_005


def test_randomness_is_cheap(component: Component) -> None:
    """The 2.5 kB that Python asks for at a seed cost far below 2 ms."""
    began = time.perf_counter()
    run(component, "import os\nfor _ in range(50): os.urandom(2496)")
    assert (time.perf_counter() - began) / 50 < 0.001


def test_print(component: Component) -> None:
    """What is printed arrives as bytes, stream by stream."""
    host = RecordingHost()
    run(component, "import sys; print('häl', 'lo'); print('oh', file=sys.stderr)", host)
    for stream, text in (("stdout", "häl lo\n"), ("stderr", "oh\n")):
        assert b"".join(data for name, data in host.written if name == stream) == text.encode()


def test_large_output(component: Component) -> None:
    """Half a megabyte is printed completely."""
    host = RecordingHost()
    run(component, "print('x' * 500_000)", host)
    assert b"".join(data for _, data in host.written) == b"x" * 500_000 + b"\n"


def test_stdin_is_at_its_end(component: Component) -> None:
    """Reading standard input gives nothing and waits for nothing."""
    code = "import sys\nout = sys.stdin.read()\ninput()"
    assert "EOFError" in run(component, code)["error"]


def test_environment_says_utc_and_no_more(component: Component) -> None:
    """Nothing of the host's environment is visible inside."""
    code = "import os, sys; out = [dict(os.environ), sys.argv]"
    assert run(component, code) == [{"TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}, []]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import socket; socket.socket()", "PermissionError"),
        ("import socket; socket.socket(type=socket.SOCK_DGRAM)", "PermissionError"),
        ("import socket; socket.getaddrinfo('localhost', 80)", "gaierror"),
        ("import socket; socket.create_connection(('127.0.0.1', 80))", "OSError"),
        ("open('/etc/passwd')", "FileNotFoundError"),
        ("open('x', 'w')", "OSError"),
        ("import os; os.listdir('/')", "OSError"),
        ("import threading; threading.Thread(target=print).start()", "RuntimeError"),
    ],
)
def test_refusals(component: Component, code: str, error: str) -> None:
    """Sockets, files and threads fail with an ordinary exception."""
    message = run(component, f"try:\n  {code}\nexcept {_caught(error)} as e: out = repr(e)")
    assert isinstance(message, str)


def _caught(error: str) -> str:
    return "__import__('socket').gaierror" if error == "gaierror" else error


def test_exit(component: Component) -> None:
    """Ending the process ends the guest, and says how."""
    with pytest.raises(GuestExited, match="ended the process"):
        run(component, "import os; os._exit(3)")
    assert issubclass(GuestExited, GuestTrapped)
