"""Exceptions: they arrive as themselves where their class is known, and encoding never fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flawless import codec

from . import models
from .models import DiskError, Item, KeywordOnly, NotFound


def carried(error: BaseException) -> Any:
    """Return the exception after a round trip through text."""
    return codec.decode_exception(json.loads(codec.write(codec.encode_exception(error))))


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        ValueError("bad"),
        ValueError("bad", 7, (1, 2), Item("a")),
        KeyError("k"),
        ZeroDivisionError("division by zero"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        FileNotFoundError(2, "No such file or directory", "data.txt"),
        OSError(18, "Invalid cross-device link", "a", None, "b"),
        ConnectionRefusedError(111, "refused"),
        DiskError(28, "No space left", "disk"),
        TimeoutError("late"),
        NotFound("item", 3),
        KeywordOnly(code=5),
        codec.CodecError("is odd", "a.b"),
        ImportError("no x", name="x", path="/x.py"),
        NameError("no y", name="y"),
    ],
    ids=repr,
)
def test_exceptions_arrive_as_themselves(error: Exception) -> None:
    """Class, message, args and attributes are those of the original."""
    got = carried(error)
    assert type(got) is type(error)
    assert got.args == error.args
    assert str(got) == str(error)
    assert vars(got) == vars(error)
    for name in ("errno", "strerror", "filename", "filename2", "name", "path", "reason"):
        assert getattr(got, name, None) == getattr(error, name, None)


def test_stop_iteration_keeps_its_value() -> None:
    """What C code keeps outside the dictionary is set by the built-in constructor."""
    assert carried(StopIteration(7)).value == 7


def test_notes_are_kept() -> None:
    """Notes added to an exception travel with it."""
    error = ValueError("bad")
    error.add_note("while charging")
    assert carried(error).__notes__ == ["while charging"]


def test_groups_keep_their_members() -> None:
    """An exception group arrives with the exceptions in it."""
    group = carried(ExceptionGroup("several", [ValueError("a"), NotFound("b", 1)]))
    assert group.message == "several"
    assert [type(e) for e in group.exceptions] == [ValueError, NotFound]
    assert group.exceptions[1].key == 1


def test_what_cannot_be_carried_is_replaced_or_left_out() -> None:
    """An argument becomes its text, an attribute is dropped; the exception still arrives."""
    error = ValueError("bad", models.Unknown())
    error.lock = print  # type: ignore[attr-defined]  # users do it
    error.code = 7  # type: ignore[attr-defined]  # users do it
    got = carried(error)
    assert got.args[0] == "bad"
    assert "Unknown" in got.args[1]
    assert vars(got) == {"code": 7}


def test_an_exception_that_cannot_print_itself_is_still_encoded() -> None:
    """A failing `__str__` and undecodable text do not get in the way."""

    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    encoded = codec.encode_exception(Silent())
    assert encoded["m"].endswith("Silent>")
    assert codec.decode_exception(encoded) is None
    codec.write(codec.encode_exception(ValueError("\ud800"))).encode("utf-8")


def test_exceptions_that_contain_themselves_are_cut() -> None:
    """A cycle through attributes or arguments ends."""
    error = ValueError("round")
    error.me = error  # type: ignore[attr-defined]  # users do it
    error.args = ("round", [error])
    assert carried(error).args[0] == "round"


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_what_ends_a_program_is_described_but_not_remade(error: BaseException) -> None:
    """Only subclasses of Exception are made again."""
    assert codec.encode_exception(error)["c"] == f"builtins:{type(error).__name__}"
    assert carried(error) is None


def test_an_unknown_class_is_none() -> None:
    """A class that is not imported here gives None, and so does anything malformed."""
    assert codec.decode_exception({"$": "exception", "c": "nowhere:X", "m": "", "a": []}) is None
    assert codec.decode_exception({"$": "exception"}) is None
    assert codec.decode_exception({"$": "tuple", "v": []}) is None
    assert codec.decode_exception(None) is None


def test_exceptions_are_values_too() -> None:
    """An exception inside another value arrives as itself; one of a local class is refused."""
    got = codec.loads(codec.dumps({"outcomes": [1, NotFound("a", 2)]}))["outcomes"][1]
    assert isinstance(got, NotFound)
    assert got.key == 2

    class Local(Exception):
        pass

    with pytest.raises(codec.CodecError, match=r"value\[0\].*inside a function"):
        codec.dumps([Local()])
