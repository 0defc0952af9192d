"""The prompt of `flawless debug`: reads commands, moves the debugger, shows where it stands."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from flawless.cli import debug_commands
from flawless.cli.debug_commands import Command
from flawless.cli.debug_view import LINES_AROUND, View
from flawless.errors import FlawlessError
from flawless.timetravel.problems import NoSuchPlace, ReplayTooLong
from flawless.timetravel.stepping.debugger import Debugger

PROMPT = "(debug) "


class Prompt:
    """One session at a terminal, or with commands from a pipe."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._view = View(debugger)
        self._last: Callable[[], None] | None = None
        self._listed: tuple[str, int] | None = None
        """The file and line that the source was shown until."""
        self._over = False
        self.failed = False
        """Whether a command could not be carried out."""
        moves = {
            "next": debugger.step_over,
            "step": debugger.step_into,
            "out": debugger.step_out,
            "back_next": debugger.back_over,
            "back_step": debugger.back_into,
        }
        same = ("next_effect", "previous_effect", "back_out", "resume", "reverse", "start", "end")
        self._moves: dict[str, Callable[[], None]] = moves | {
            name: getattr(debugger, name) for name in same
        }

    def run(self) -> None:
        """Show where the debugger stands, and do what is typed until the end of it."""
        terminal = sys.stdin.isatty()
        if terminal:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401 (gives `input` its line editing)
        self._listed = self._view.place()
        while not self._over:
            try:
                line = input(PROMPT)
            except EOFError:
                self._view.say("")
                return
            except KeyboardInterrupt:
                self._view.say("\nq leaves")
                continue
            except UnicodeDecodeError:
                self._fail("this is no text in the encoding of the terminal")
                continue
            if not terminal:
                self._view.say(line)  # what a pipe types is not seen otherwise
            self.obey(line)

    def obey(self, line: str) -> None:
        """Carry out one line."""
        if not line.strip():
            if self._last is not None:
                self._try(self._last)
            return
        command, rest = debug_commands.read(line)
        if command is None:
            word = line.split()[0][:40]
            self._fail(f"there is no command {word}: h lists them, p EXPRESSION evaluates")
            return
        if rest and not command.takes:
            self._fail(f"{command.words[0]} takes nothing after it: h lists the commands")
            return
        action = self._action(command, rest)
        again = self._action(command, "") if command.name == "list" else action
        self._last = again if command.repeats else None
        self._try(action)

    def _action(self, command: Command, rest: str) -> Callable[[], None]:
        move = self._moves.get(command.name)
        if move is not None:
            return lambda: self._move(move)
        method: Callable[[str], None] = getattr(self, f"_do_{command.name}")
        return lambda: method(rest)

    def _try(self, action: Callable[[], None]) -> None:
        with self._interruptible():
            try:
                action()
            except ReplayTooLong:
                self._fail("stopped, as it took too long: you are where you were")
            except FlawlessError as error:
                self._fail(str(error))

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let Ctrl-C end a move and not the program."""

        def interrupt(number: int, frame: FrameType | None) -> None:
            self._debugger.interrupt()

        try:
            before = signal.signal(signal.SIGINT, interrupt)
        except ValueError:  # not the main thread
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _fail(self, text: str) -> None:
        self.failed = True
        self._view.problem(text)

    def _move(self, move: Callable[[], None]) -> None:
        move()
        self._listed = self._view.place()

    # --- commands -----------------------------------------------------------------------------

    def _do_effect(self, rest: str) -> None:
        number = _number(rest, "effect N goes to the effect with that number in the journal")
        self._move(lambda: self._debugger.go_to(number))

    def _do_breakpoint(self, rest: str) -> None:
        breakpoints = self._debugger.breakpoints
        word, _, text = rest.partition(" ")
        if word in ("effect", "effects") and text.strip():
            wanted = text.strip()
            made = (
                breakpoints.at_effect(int(wanted))
                if wanted.isdecimal()
                else breakpoints.at_label(wanted)
            )
        else:
            made = breakpoints.at_line(*self._line_meant(rest))
        self._view.say(f"breakpoint {made.number} at {made.what}")
        if made.remark:
            self._view.say(f"  {made.remark}", "yellow")

    def _do_breakpoints(self, rest: str) -> None:
        if not len(self._debugger.breakpoints):
            self._view.say("no breakpoints", "dim")
        for one in self._debugger.breakpoints:
            self._view.say(f"{one.number:>3}  {one.what}")

    def _do_clear(self, rest: str) -> None:
        if rest == "all":
            self._debugger.breakpoints.clear()
            self._view.say("no breakpoints")
            return
        number = _number(rest, "clear N removes breakpoint N, clear all removes all; bl lists them")
        removed = self._debugger.breakpoints.remove(number)
        self._view.say(f"removed breakpoint {removed.number} at {removed.what}")

    def _do_print(self, rest: str) -> None:
        if not rest:
            raise NoSuchPlace("p EXPRESSION evaluates an expression, such as p order.total")
        told = self._debugger.evaluate(rest)
        if told.value is not None:
            self._view.value(told.value)
        elif told.raised is not None:
            self._fail(f"{told.raised['type']}: {told.raised['message']}")

    def _do_locals(self, rest: str) -> None:
        self._view.variables(self._debugger.variables())

    def _do_globals(self, rest: str) -> None:
        self._view.variables(self._debugger.module_variables())

    def _do_where(self, rest: str) -> None:
        self._view.stack()

    def _do_up(self, rest: str) -> None:
        self._choose(self._debugger.frame + 1, "this is the outermost function")

    def _do_down(self, rest: str) -> None:
        self._choose(self._debugger.frame - 1, "this is the innermost function")

    def _choose(self, frame: int, otherwise: str) -> None:
        if not 0 <= frame < len(self._debugger.frames):
            raise NoSuchPlace(otherwise)
        self._debugger.choose(frame)
        self._listed = self._view.frame()

    def _do_tasks(self, rest: str) -> None:
        self._view.threads()

    def _do_task(self, rest: str) -> None:
        number = _number(rest, "task N looks at task N; tasks lists them")
        threads = self._debugger.threads
        frames = threads[number].frames if number < len(threads) else []
        mine = next((n for n, one in enumerate(frames) if one.user), 0)
        self._debugger.choose(mine, number)
        self._listed = self._view.frame()

    def _do_list(self, rest: str) -> None:
        frames = self._debugger.frames
        here = frames[self._debugger.frame] if frames else None
        if rest == "." and here is not None:
            file, line = here.file, here.line
        elif rest:
            file, line = self._line_meant(rest)
            file = self._debugger.sources.find(file)
        elif self._listed is not None:
            file, line = self._listed
            line += LINES_AROUND + 1
        else:
            raise NoSuchPlace("no code runs here: list FILE:LINE shows the source of a file")
        count = len(self._debugger.sources.lines(file))
        if line - LINES_AROUND > count:
            self._view.say(f"the end of {file}", "dim")
            return
        current = here.line if here is not None and here.file == file else None
        self._listed = file, self._view.source(file, line, current)

    def _do_journal(self, rest: str) -> None:
        number = None
        if rest:
            number = self._debugger.course.number_at(_number(rest, "journal N: N is a number"))
        self._view.effects(number)

    def _do_help(self, rest: str) -> None:
        for line in debug_commands.help_lines():
            self._view.say(line)

    def _do_quit(self, rest: str) -> None:
        self._over = True

    def _line_meant(self, text: str) -> tuple[str, int]:
        """Return the file and line of `LINE` or `FILE:LINE`."""
        file, colon, line = text.strip().rpartition(":")
        if not colon:
            frames = self._debugger.frames
            files = self._debugger.sources.files
            file = frames[self._debugger.frame].file if frames else files[0]
        if not line.strip().isdecimal() or len(line) > 9:
            raise NoSuchPlace(
                "write LINE or FILE:LINE; breakpoints also take effect N and effect TEXT"
            )
        return file, int(line)


def _number(text: str, otherwise: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise NoSuchPlace(otherwise)
    return int(text)
