"""The commands of the debugger's prompt: names, short forms, help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the prompt."""

    name: str
    """The name of the method that carries it out."""
    words: tuple[str, ...]
    """What may be typed, the name that help shows first."""
    takes: str
    """What follows, as help shows it."""
    help: str
    repeats: bool = False
    """Whether an empty line does it again."""


COMMANDS: Final = (
    Command("next_effect", ("next effect", "ne"), "", "go to the next effect", repeats=True),
    Command(
        "previous_effect",
        ("previous effect", "pe", "prev"),
        "",
        "back to the effect before",
        repeats=True,
    ),
    Command("next", ("next", "n"), "", "to the next line of this function", repeats=True),
    Command("step", ("step", "s"), "", "to the next line, into calls", repeats=True),
    Command("out", ("out", "o"), "", "go on until this function returns", repeats=True),
    Command(
        "back_next",
        ("back next", "bn", "back"),
        "",
        "back to the line before, over calls",
        repeats=True,
    ),
    Command("back_step", ("back step", "bs"), "", "back to the line before, into calls", True),
    Command("back_out", ("back out", "bo"), "", "back to where this function was called", True),
    Command("resume", ("continue", "c"), "", "go on to the next breakpoint, or the end", True),
    Command("reverse", ("reverse", "rc"), "", "back to the breakpoint before, or the start", True),
    Command("effect", ("effect", "goto", "e"), "N", "go to effect N, forwards or backwards"),
    Command("start", ("start",), "", "go to the first line"),
    Command("end", ("end",), "", "go to the end: where it failed, returned or waits"),
    Command(
        "breakpoint",
        ("break", "b"),
        "LINE | FILE:LINE | effect N | effect TEXT",
        "stop at a line, at effect N, or at effects with TEXT in their label",
    ),
    Command("breakpoints", ("breakpoints", "bl"), "", "list the breakpoints"),
    Command("clear", ("clear", "cl"), "N | all", "remove breakpoint N, or all of them"),
    Command("print", ("print", "p"), "EXPRESSION", "evaluate an expression in this frame"),
    Command("locals", ("locals", "lo", "vars"), "", "the local variables of this frame"),
    Command("globals", ("globals",), "", "the variables of this frame's module"),
    Command("where", ("where", "w", "bt"), "", "the stack"),
    Command("up", ("up", "u"), "", "to the frame that called this one", repeats=True),
    Command("down", ("down", "d"), "", "to the frame that this one called", repeats=True),
    Command("tasks", ("tasks",), "", "the tasks of an async workflow"),
    Command("task", ("task",), "N", "look at task N"),
    Command(
        "list",
        ("list", "l"),
        "[. | LINE | FILE:LINE]",
        "more of the source, or around a line",
        repeats=True,
    ),
    Command("journal", ("journal", "j"), "[N]", "the effects around here, or around effect N"),
    Command("help", ("help", "h", "?"), "", "this text"),
    Command("quit", ("quit", "q", "exit"), "", "leave"),
)

_BY_WORD: Final = {word: command for command in COMMANDS for word in command.words}


def read(line: str) -> tuple[Command | None, str]:
    """Return the command that a line begins with, and what follows it."""
    first, _, rest = line.strip().partition(" ")
    second, _, after = rest.strip().partition(" ")
    two = f"{first.lower()} {second.lower()}"
    if two in _BY_WORD:
        return _BY_WORD[two], after.strip()
    return _BY_WORD.get(first.lower()), rest.strip()


def help_lines() -> list[str]:
    """Return the help text."""
    lines = []
    for command in COMMANDS:
        names = ", ".join(command.words)
        head = f"{names} {command.takes}".rstrip()
        lines.append(f"  {head:<34} {command.help}" if len(head) < 34 else f"  {head}")
        if len(head) >= 34:
            lines.append(f"  {'':<34} {command.help}")
    lines.append("An empty line does the last move again. Nothing here changes the execution.")
    return lines
