"""Log lines for people: what others have written cannot pass for lines of ours."""

from __future__ import annotations

import logging
import sys

import pytest

from flawless.cli.log_lines import TextLines


def line(message: str, *args: object, failed: bool = False) -> str:
    """Return how a message is logged."""
    exc_info = sys.exc_info() if failed else None
    record = logging.LogRecord("flawless.x", logging.INFO, "", 1, message, args, exc_info)
    return TextLines().format(record)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain, with \u00e9 and \u2713", "plain, with \u00e9 and \u2713"),
        ("one\nERROR flawless: all is lost", "one\\nERROR flawless: all is lost"),
        ("one\r\u2028\u0085two", "one\\r\\u2028\\x85two"),
        ("\x1b[2J\x1b]0;title\x07\x9b1m\x7f\x00", "\\x1b[2J\\x1b]0;title\\x07\\x9b1m\\x7f\\x00"),
        ("\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_shown(said: str, shown: str) -> None:
    """They neither begin a line nor reach the terminal, wherever in the message they stand."""
    assert line("%s", said) == f"INFO flawless.x: {shown}"
    assert line(said.replace("%", "%%")) == f"INFO flawless.x: {shown}"


def test_tracebacks_keep_their_lines() -> None:
    """Each is indented, so that the text of an exception cannot pass for a line of the log."""
    try:
        raise ValueError("bad\nERROR flawless: forged \x1b[31m")
    except ValueError:
        lines = line("failed", failed=True).split("\n")
    assert lines[:2] == ["INFO flawless.x: failed", "  Traceback (most recent call last):"]
    assert lines[-2:] == ["  ValueError: bad", "  ERROR flawless: forged \\x1b[31m"]
    assert all(one.startswith("  ") for one in lines[1:])
