"""`flawless debug`: its prompt at a real terminal, and with commands from a pipe."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from flawless.cli.debug_commands import COMMANDS
from repository import ROOT
from serving import FLAWLESS, environment, run_here
from stepping import PLACES, exported, line

PROMPT = "(debug) "
ANSWER_S_MAX = 60.0
_LOGIN = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Makes the terminal the one whose Ctrl-C is heard."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


MISTAKES = [
    ("b 1", "line 1 of stepped.py is none that a function executes; the nearest"),
    ("b 99999", "there is no line 99999 in stepped.py, which has"),
    ("b nowhere.py:3", "no file nowhere.py is in the deployment: it has stepped.py"),
    ("b", "write LINE or FILE:LINE"),
    ("b effect nothing", "no effect is named 'nothing'; there are: step stepped.weigh"),
    ("b effect 999", f"there is no effect 999: this execution has effects 1 to {PLACES + 2}"),
    ("clear 9", "there is no breakpoint 9"),
    ("clear x", "clear N removes breakpoint N"),
    ("effect 999", "there is no effect 999"),
    ("effect", "effect N goes to the effect"),
    ("p", "p EXPRESSION evaluates an expression"),
    ("p weigh(1)", "an expression cannot perform effects (step)"),
    ("p (", "SyntaxError"),
    ("u", "this is the outermost function"),
    ("d", "this is the innermost function"),
    ("task 5", "there is no task 5 here"),
    ("task x", "task N looks at task N"),
    ("ne 3", "next effect takes nothing after it"),
    ("back 3", "back next takes nothing after it"),
    ("l nowhere.py:3", "no file nowhere.py"),
    ("j x", "journal N: N is a number"),
]
"""What is typed, and what is said about it."""


class Terminal:
    """A pseudo-terminal with a `flawless debug` in it."""

    def __init__(self, *arguments: str | Path) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LOGIN, *FLAWLESS[1:], "debug", *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(TERM="xterm", COLUMNS="120", LINES="50"),
            start_new_session=True,
        )
        os.close(slave)

    def close(self) -> None:
        """End the program if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def answer(self) -> str:
        """Return what is shown until the next prompt, or the end."""
        shown = ""
        until = monotonic() + ANSWER_S_MAX
        while not shown.endswith(PROMPT):
            ready, _, _ = select.select([self._master], [], [], max(0.0, until - monotonic()))
            assert ready, shown
            try:
                piece = os.read(self._master, 65_536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += _ESCAPES.sub("", piece.decode())
        return shown.removesuffix(PROMPT)

    def type(self, text: str) -> str:
        """Type a line, and return what comes of it."""
        os.write(self._master, f"{text}\n".encode())
        return self.answer()

    def interrupt(self) -> str:
        """Press Ctrl-C, and return what comes of it.

        Again, if need be: readline does not see one between its prompt and its wait for a key.
        """
        ready: list[int] = []
        while not ready:
            os.write(self._master, b"\x03")
            ready, _, _ = select.select([self._master], [], [], 2)
        return self.answer()

    def press(self, key: bytes) -> str:
        """Press a key, and return what comes of it."""
        os.write(self._master, key)
        return self.answer()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with exports of the recordings."""
    made = tmp_path_factory.mktemp("exports")
    for name in ("tour", "fall", "hold", "relay"):
        exported(name, made)
    return made


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    """A terminal with the long recording."""
    made = Terminal(folder / "tour.flawless")
    yield made
    made.close()


def piped(folder: Path, name: str, *commands: str, status: int = 0, options: str = "") -> str:
    """Run commands from a pipe, and return what is printed."""
    arguments = ["debug", str(folder / f"{name}.flawless"), *options.split()]
    done = run_here(*arguments, stdin="\n".join(commands))
    assert done.returncode == status, done.stderr
    assert not done.stderr
    return done.stdout


def arrow(text: str) -> str:
    """Return how the source window marks the line with this text."""
    return f"{line(text):>4}  "


def test_a_terminal_drives_the_debugger(terminal: Terminal) -> None:
    """Forwards, backwards, breakpoints, values, and what is mistyped, at a real terminal."""
    shown = terminal.answer()
    assert "tour  stepped.tour  completed" in shown
    assert re.search(r"-> +" + arrow("total = 0"), shown)
    shown = terminal.type("ne")
    assert "effect 1  step stepped.weigh  -> 0" in shown
    assert re.search(r"-> +" + arrow("weight = weigh(number)"), shown)
    assert "effect 2  step stepped.weigh  -> 2" in terminal.press(b"\n")
    assert "effect 1 " in terminal.type("pe")
    assert "stepped.py:" in terminal.type("n")
    shown = terminal.type("bn")
    assert re.search(r"-> +" + arrow("weight = weigh(number)"), shown)
    shown = terminal.type(f"b {line('yield number')}")
    assert f"breakpoint 1 at stepped.py:{line('yield number')}" in shown
    shown = terminal.type("c")
    assert re.search(r"->\* +" + arrow("yield number"), shown)
    assert terminal.type("p number").split() == ["p", "number", "1"]
    assert "ZeroDivisionError: division by zero" in terminal.type("p 1 / 0")
    assert "there is no command hello" in terminal.type("hello")
    assert "q leaves" in terminal.interrupt()
    assert "the workflow returned" in terminal.type("end")
    assert re.search(r"->\* +" + arrow("yield number"), terminal.type("rc"))
    terminal.type("q")
    assert terminal.process.wait() == 0


def test_a_terminal_is_left_with_its_end(terminal: Terminal) -> None:
    """The end of the input (Ctrl-D) leaves the prompt without an error."""
    terminal.answer()
    terminal.press(b"\x04")
    assert terminal.process.wait() == 0


def test_commands_come_from_a_pipe(folder: Path) -> None:
    """Commands are shown with what they print; names may be long, short, and of two words."""
    shown = piped(
        folder,
        "tour",
        "NEXT EFFECT",
        "u",
        "locals",
        "d",
        "where",
        "b effect clock",
        f"b stepped.py:{line('total += sum(odd(seen))')}",
        "bl",
        "continue",
        "c",
        "journal",
        "clear 1",
        "clear all",
        "previous effect",
        "goto 4",
        "prev",
        "vars",
        "back",
        "globals",
        "l",
        "",
        "l .",
        "j 30",
        "h",
        "quit",
        "never read",
    )
    assert "(debug) NEXT EFFECT" in shown
    assert "seen = []" in shown
    assert "number = 2" in shown
    assert re.search(r"\(debug\) back\nafter effect 2 ", shown)
    assert "1  1 effect named 'clock'" in shown
    assert f"effect {PLACES + 1}  clock" in shown
    assert f"after effect {PLACES + 2} of {PLACES + 2}" in shown
    assert "removed breakpoint 1 at 1 effect named 'clock'" in shown
    assert "effect 3  step stepped.weigh  -> 4" in shown
    assert "LIMIT = 7" in shown
    assert "reverse, rc" in shown
    assert "never read" not in shown


def test_what_cannot_be_done_says_what_can(folder: Path) -> None:
    """Each mistake has its answer, the prompt goes on, and a script sees that one was made."""
    shown = piped(folder, "tour", *(command for command, _ in MISTAKES), "p 6 * 7", status=2)
    answers = dict(zip(MISTAKES, shown.split(PROMPT)[1:], strict=False))
    for (command, message), answer in answers.items():
        assert answer.startswith(f"{command}\n")
        assert message in answer
    assert shown.split(PROMPT)[-2] == "p 6 * 7\n42\n"


def test_a_failed_execution_opens_at_the_failing_line(folder: Path) -> None:
    """The first thing that is shown is the line that raised, and its variables are bounded."""
    shown = piped(folder, "fall", "locals", "up", "p crate.content", "bs")
    assert "the workflow failed with ValueError: 1000 are too many" in shown
    text = 'raise ValueError(f"{len(crate.content)} are too many, {huge > 0}")'
    assert re.search(r"-> +" + arrow(text), shown)
    assert "huge = <an integer of 16,610 bits>" in shown
    assert "... 1,000 in all" in shown
    assert re.search(r"-> +" + arrow("stumble(crate)"), shown)
    assert max(map(len, shown.splitlines())) < 400


def test_a_waiting_execution_opens_where_it_waits(folder: Path) -> None:
    """It says that nothing further is recorded, and goes back from there."""
    shown = piped(folder, "hold", "c", "pe", "pe")
    assert shown.count("nothing further is recorded: here the execution waits") == 2
    assert "effect 1  step stepped.weigh  -> 2" in shown


def test_tasks_are_listed_and_chosen(folder: Path) -> None:
    """An async workflow shows its tasks, and variables of the chosen one."""
    shown = piped(folder, "relay", "goto 5", "tasks", "task 2", "locals", "where")
    assert re.search(r"-> +0  Task-1  waits  stepped.py:\d+ in relay", shown)
    assert "(Task-3 waits here)" in shown
    assert "number = 1" in shown


def test_it_begins_at_an_effect_if_told(folder: Path) -> None:
    """`--at` opens at an effect; one that does not exist is an error."""
    shown = piped(folder, "tour", "q", options="--at 7")
    assert "effect 7  step stepped.weigh  -> 12" in shown
    done = run_here("debug", folder / "tour.flawless", "--at", "777")
    assert done.returncode == 2
    assert "there is no effect 777" in done.stderr
    done = run_here("debug", folder / "tour.flawless", "--dap", "--dap-port", "1")
    assert "name one of them" in done.stderr


def test_the_reference_has_every_command() -> None:
    """Each command stands in the reference, with all its forms."""
    page = (ROOT / "docs" / "guides" / "debugger-reference.md").read_text()
    for command in COMMANDS:
        forms = ", ".join(f"`{word}`" for word in command.words)
        assert f"| {forms} |" in page
