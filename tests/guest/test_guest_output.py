"""Printing and logging inside a guest."""

from __future__ import annotations

import pytest
from guest_scripts import Guests, Script, app, main


def logged(guests: Guests, *lines: str) -> list[tuple[int, str, str]]:
    """Return what a workflow with these lines logged."""
    script = Script({})
    guests.ok("import sys, warnings\n" + main(*lines), script=script)
    return script.logs


def test_each_printed_line_is_a_log(guests: Guests) -> None:
    """`print` becomes one log per line; what is incomplete comes at the end."""
    lines = ("print('a', 1)", "print('b\\nc', end='')", "print('d')", "print('e', end='')")
    assert logged(guests, *lines) == [
        (20, "print", "a 1"), (20, "print", "b"), (20, "print", "cd"), (20, "print", "e"),
    ]  # fmt: skip


def test_standard_error_is_a_warning(guests: Guests) -> None:
    """What goes to standard error is logged as a warning, warnings included."""
    assert logged(guests, "print('x', file=sys.stderr)", "warnings.warn('careful')")[0] == (
        30, "stderr", "x",
    )  # fmt: skip
    assert "UserWarning: careful" in logged(guests, "warnings.warn('careful')")[0][2]


@pytest.mark.parametrize(
    ("call", "level", "name"),
    [
        ("logging.getLogger('app.db').warning('%s of %d', 'one', 2)", 30, "app.db"),
        ("logging.info('%s of %d', 'one', 2)", 20, "root"),
        ("logging.getLogger('x').log(35, '%s of %d', 'one', 2)", 35, "x"),
    ],
)
def test_log_records_keep_level_and_logger(
    guests: Guests, call: str, level: int, name: str
) -> None:
    """Standard logging arrives with its level, logger name and formatted message."""
    assert logged(guests, call) == [(level, name, "one of 2")]


def test_debug_is_off_until_asked_for(guests: Guests) -> None:
    """The root logger lets pass INFO and above; `basicConfig(level=)` changes only that."""
    assert logged(guests, "logging.debug('no')") == []
    assert logged(
        guests, "logging.basicConfig(level=logging.DEBUG, format='odd')", "logging.debug('yes')"
    ) == [(10, "root", "yes")]


def test_logged_exceptions_show_the_users_lines(guests: Guests) -> None:
    """`logger.exception` carries the traceback with source text."""
    [(level, _, message)] = logged(
        guests, "try: 1 / 0", "except ZeroDivisionError: logging.exception('failed')"
    )
    assert level == 40
    assert message.startswith('failed\nTraceback (most recent call last):\n  File "app.py"')
    assert "try: 1 / 0" in message


def test_a_wrong_log_call_does_no_harm(guests: Guests) -> None:
    """A message that cannot be formatted is logged as such; the workflow goes on."""
    [(_, _, message)] = logged(guests, "logging.error('%d', 'text')")
    assert "cannot be formatted" in message


def test_logging_asks_for_no_time(guests: Guests) -> None:
    """A log record costs one request, no look at the clock."""
    script = Script({})
    script.clock_ns = lambda: pytest.fail("the clock was read")  # type: ignore[method-assign]  # nothing may look
    guests.ok(main("logging.info('x')"), script=script)
    assert [request["op"] for request in script.requests] == ["load", "log"]


def test_prints_while_importing_are_no_effects(guests: Guests) -> None:
    """What a module prints at its top level goes to the process, as in a baked component."""
    script = app("print('importing')\n" + main("print('running')"))
    guests.run(script)
    assert script.printed == b"importing\n"
    assert script.logs == [(20, "print", "running")]


def test_output_before_a_failure_is_kept(guests: Guests) -> None:
    """A line that was not complete is logged even when the workflow fails."""
    script = Script({})
    guests.error(main("print('half', end='')", "raise ValueError"), script=script)
    assert script.logs == [(20, "print", "half")]
