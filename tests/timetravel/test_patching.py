"""What if: changed code on old journals, up to their end and beyond."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from patches import SOURCE, lines_of, patched, recordings

from flawless import codec
from flawless.core.entries import Completed, End, Failed
from flawless.core.limits import Limits
from flawless.errors import DeploymentInvalid
from flawless.timetravel import Recording
from flawless.timetravel.code import code_of_files
from flawless.timetravel.whatif import beyond
from flawless.timetravel.whatif.answers import Answers, parse_answers
from flawless.timetravel.whatif.differences import Difference, compare, describe_question
from flawless.timetravel.whatif.patching import WorkflowGone, what_if

SHIP = "    parcel = ship(order.item)"
RETURN = "    return [receipt, parcel]"
MORE = """
    try:
        ship('late')
    except ValueError as error:
        parcel = str(error)
    found = http.get('http://stock/left?of=books')
    return [parcel, found.json()['left'], found.status]"""


@pytest.fixture
def recorded(site: str) -> dict[str, Recording]:
    """Give the recordings."""
    return recordings(site)


def answers(*given: Mapping[str, object]) -> Answers:
    """Return answers as a file would have them."""
    return parse_answers(msgspec.json.encode(given))


def returned(end: End | None) -> object:
    """Return what a workflow returned."""
    assert isinstance(end, Completed), end
    return codec.plain(codec.read(end.payload, path="result"))


@pytest.mark.parametrize("name", ["book", "piano", "together", "asked", "rested"])
def test_the_same_code_fits(recorded: dict[str, Recording], name: str) -> None:
    """Unchanged code takes the recorded path to the recorded end, also where that is an error."""
    told = what_if(recorded[name], patched())
    assert told.verdict == "fits"
    assert told.beyond == []
    assert type(told.end) is type(told.recorded_end)
    assert told.passed == len(recorded[name].entries) - 1


def test_a_renamed_step(recorded: dict[str, Recording]) -> None:
    """A step of another name is a divergence, with both lines and both requests."""
    code = patched(
        ("def ship(item: str)", "def deliver(item: str)"),
        (SHIP, "\n    parcel = deliver(order.item)"),
        ("return ship(f", "return deliver(f"),
        ("(ship.start(", "(deliver.start("),
        ("undo(ship,", "undo(deliver,"),
    )
    told = what_if(recorded["book"], code)
    assert (told.verdict, told.passed) == ("diverges", 3)
    found = told.divergence
    assert found is not None
    assert found.recorded.what == "step patch_programs.ship (effect 2)"
    assert found.requested.what == "step patch_programs.deliver (effect 2)"
    was = lines_of(SHIP)
    assert [(f.file, f.line, f.function) for f in found.recorded.frames] == [
        ("patch_programs.py", was, "buy")
    ]
    assert found.requested.frames[0].line == was + 1
    assert found.differences == [
        Difference("name", "patch_programs.ship", "patch_programs.deliver")
    ]


def test_a_changed_argument(recorded: dict[str, Recording]) -> None:
    """The field that is another one is named, inside of the user's own classes too."""
    told = what_if(recorded["book"], patched(("Order(item, cents)", "Order(item, cents + 1)")))
    assert (told.verdict, told.passed) == ("diverges", 1)
    assert told.divergence is not None
    assert told.divergence.differences == [Difference("args[0].cents", 700, 701)]


def test_a_request_to_another_place(recorded: dict[str, Recording]) -> None:
    """Of a request, method, URL and body are compared."""
    told = what_if(recorded["asked"], patched(("http.get(url)", "http.get(url, timeout=5)")))
    assert told.divergence is not None
    assert told.divergence.differences == [Difference("timeout_s", 30.0, 5.0)]
    told = what_if(recorded["asked"], patched(("http.get(url)", 'http.get(url + "&more=2")')))
    assert told.divergence is not None
    (url,) = told.divergence.differences
    assert url.path == "url"
    assert url.new == f"{url.old}&more=2"


@pytest.mark.parametrize(
    ("old", "new", "position", "recorded_what", "requested_what"),
    [
        (SHIP, f"    print('now')\n{SHIP}", 3, "step patch_programs.ship", "a log message 'now'"),
        ("    time.time()\n", "", 2, "a look at the clock", "step patch_programs.ship"),
        (SHIP, f"    time.time()\n{SHIP}", 3, "step patch_programs.ship", "a look at the clock"),
        (SHIP, '    return ["early"]', 3, "step patch_programs.ship", 'to return ["early"]'),
    ],
)
def test_what_else_may_diverge(
    recorded: dict[str, Recording],
    old: str,
    new: str,
    position: int,
    recorded_what: str,
    requested_what: str,
) -> None:
    """A log line more, a look at the clock more or less, and an early end are told in words."""
    told = what_if(recorded["book"], patched((old, new)))
    assert (told.verdict, told.passed) == ("diverges", position)
    assert told.divergence is not None
    assert told.divergence.recorded.what.startswith(recorded_what)
    assert told.divergence.requested.what.startswith(requested_what)
    assert told.divergence.differences == []
    assert told.divergence.recorded.frames[0].function == "buy"
    if not requested_what.startswith("to return"):
        assert told.divergence.requested.frames[0].function == "buy"


def test_a_changed_result(recorded: dict[str, Recording]) -> None:
    """The same requests and another result: that is the news, and no failure."""
    told = what_if(recorded["book"], patched((RETURN, "    return [parcel]")))
    assert told.verdict == "ends otherwise"
    assert returned(told.recorded_end) == ["charged 700", "shipped book"]
    assert returned(told.end) == ["shipped book"]


@pytest.mark.parametrize(("new", "position"), [(f"    1 / 0\n{SHIP}", 3), (SHIP, 4)])
def test_an_error_that_was_not_there(
    recorded: dict[str, Recording], new: str, position: int
) -> None:
    """An error of the new code is told with its line, in the middle and at the end."""
    code = patched((SHIP, new), (RETURN, "    raise KeyError(receipt, parcel)"))
    told = what_if(recorded["book"], code)
    assert told.verdict == "fails"
    assert told.failure is not None
    assert told.failure.position == position
    assert isinstance(told.failure.end, Failed)
    assert told.failure.frames[0].function == "buy"


def test_code_that_breaks_its_guest(recorded: dict[str, Recording]) -> None:
    """A guest that is stopped by a limit is told as a failure, too."""
    code = patched((SHIP, "    while True: pass\n" + SHIP))
    told = what_if(recorded["book"], code, limits=Limits(cpu_s_per_turn=0.05))
    assert told.verdict == "fails"
    assert told.failure is not None
    assert told.failure.error is not None


def test_where_it_failed_it_goes_on(recorded: dict[str, Recording]) -> None:
    """A mended workflow goes on beyond the error; what it does there is refused, or answered."""
    code = patched(
        (SHIP, "    try:\n    " + SHIP + "\n    except ValueError:\n        parcel = ship('crate')")
    )
    told = what_if(recorded["piano"], code)
    assert told.verdict == "goes on"
    assert isinstance(told.recorded_end, Failed)
    (crate,) = told.refused
    assert crate.what == "step patch_programs.ship (effect 3)"
    assert crate.number == len(recorded["piano"].entries) - 1
    assert crate.frames[0].line == lines_of(SHIP) + 3
    given = answers({"effect": "step patch_programs.ship", "ok": "in a crate"})
    told = what_if(recorded["piano"], code, answers=given)
    assert told.verdict == "ends otherwise"
    assert returned(told.end) == ["charged 700", "in a crate"]
    assert given.unused == []


def test_more_at_the_end(recorded: dict[str, Recording]) -> None:
    """What comes after the recorded end is beyond it, and can be answered by its number."""
    code = patched((RETURN, RETURN.replace("]", ", ship('a'), ship('b')]")))
    assert what_if(recorded["book"], code).verdict == "goes on"
    given = answers(
        {"effect": 4, "ok": "first"}, {"effect": "patch_programs.*", "ok": "x", "repeat": True}
    )
    told = what_if(recorded["book"], code, answers=given)
    assert returned(told.end) == ["charged 700", "shipped book", "first", "x"]
    assert [one.came for one in told.beyond] == ["answered", "answered"]


def test_a_sleep_just_before_the_end(recorded: dict[str, Recording]) -> None:
    """The recorded end shows that the last sleep was over: it is no part of what comes beyond."""
    code = patched(('    return "rested"', '    return ship("pillow")'))
    told = what_if(recorded["rested"], code)
    assert told.verdict == "goes on"
    assert [(one.what, one.number) for one in told.beyond] == [
        ("step patch_programs.ship (effect 3)", 3)
    ]
    told = what_if(recorded["rested"], patched(('    return "rested"', "    return 'well'")))
    assert told.verdict == "ends otherwise"


def test_an_execution_that_was_ended_from_outside(recorded: dict[str, Recording]) -> None:
    """What the engine stopped may go on anywhere: the sleep was not over, and no code fails."""
    told = what_if(recorded["terminated"], patched())
    assert (told.verdict, told.beyond[0].what) == ("fits", "sleep (effect 1)")


def test_an_execution_that_sleeps(recorded: dict[str, Recording]) -> None:
    """Beyond the journal times pass at once, messages come from the file, or nobody sends any."""
    told = what_if(recorded["asleep"], patched())
    assert told.verdict == "fits"
    sleep = told.beyond[0]
    assert (sleep.what, sleep.number, sleep.came) == ("sleep (effect 1)", 1, "passed")
    assert told.beyond[1].number == 2
    assert [one.what for one in told.refused] == ["step patch_programs.ship (effect 3)"]
    step = {"effect": "step patch_programs.ship", "ok": "gone"}
    told = what_if(recorded["asleep"], patched(), answers=answers(step))
    assert returned(told.end) == "gone"
    heard = {"effect": "receive word", "ok": "hello"}
    code = patched(('ship(f"{name} {heard}")', 'f"{name} {heard} {time.time():.0f}"'))
    began_s = recorded["asleep"].invoked.began_us // 1_000_000
    told = what_if(recorded["asleep"], code, answers=answers(heard))
    assert told.verdict == "fits"
    assert str(returned(told.end)).startswith("you hello ")
    assert int(str(returned(told.end)).split()[-1]) - began_s in range(2 * 86_400, 2 * 86_400 + 60)


def test_errors_and_requests_beyond_the_end(recorded: dict[str, Recording]) -> None:
    """Answers may be errors, which workflows catch, and responses with JSON bodies."""
    code = patched(
        (RETURN, MORE),
        ("-> list[str]", "-> list[object]"),
    )
    given = answers(
        {"effect": "step patch_programs.ship", "error": "ValueError: closed"},
        {"effect": "GET http://stock/*", "ok": {"status": 203, "json": {"left": 3}}},
    )
    told = what_if(recorded["book"], code, answers=given)
    assert returned(told.end) == ["closed", 3, 203]


def test_children_and_messages_beyond_the_end(recorded: dict[str, Recording]) -> None:
    """A child that was started in the journal can be answered, and a decision that it waits for."""
    told = what_if(recorded["family"], patched())
    assert [one.what for one in told.refused] == ["start patch_programs.wait_for as family.2"]
    given = answers({"effect": "start patch_programs.wait_for", "ok": "well"})
    assert returned(what_if(recorded["family"], patched(), answers=given).end) == "child: well"
    asked = [{"effect": "step patch_programs.ship", "error": "ValueError: too heavy"}]
    told = what_if(recorded["undone"], patched(), answers=answers(*asked))
    (parked,) = told.refused
    label = parked.what.rpartition(" (effect")[0]
    told = what_if(
        recorded["undone"], patched(), answers=answers(*asked, {"effect": label, "ok": None})
    )
    assert returned(told.end) == "undone: all"


def test_steps_side_by_side_beyond_the_end(recorded: dict[str, Recording]) -> None:
    """Effects that were started are answered when the guest waits for them."""
    code = patched(
        ("    return len(rows)", "    return len(rows + [await ship.start('one more')])")
    )
    told = what_if(recorded["together"], code)
    assert [one.what for one in told.refused] == [
        "the start of step patch_programs.ship (effect 3)"
    ]
    given = answers({"effect": "step patch_programs.ship", "ok": "there"})
    assert returned(what_if(recorded["together"], code, answers=given).end) == 3


def test_what_goes_on_for_ever_is_left(
    recorded: dict[str, Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workflow without an end is left after so many things that it did."""
    monkeypatch.setattr(beyond, "BEYOND_MAX", 20)
    told = what_if(recorded["for ever"], patched())
    assert told.verdict == "fits"
    assert told.cut
    assert len(told.beyond) == 20


def test_a_workflow_that_is_gone(recorded: dict[str, Recording]) -> None:
    """Names that the new code does not have are an error that says what there is."""
    code = code_of_files({"fixed.py": SOURCE.replace("def buy(", "def sell(")}, ["fixed"])
    with pytest.raises(
        WorkflowGone, match=r"'patch_programs\.buy'.* has fixed\.ask, .*patch_prog"
    ) as gone:
        what_if(recorded["book"], code)
    assert gone.value.known[-1] == "fixed.watch_for_ever"


def test_code_that_does_not_import() -> None:
    """The error has the traceback of the user's line."""
    with pytest.raises(DeploymentInvalid, match="ZeroDivisionError") as found:
        patched(("SOMETHING = 1", "SOMETHING = 1 / 0"))
    assert "SOMETHING = 1 / 0" in found.value.traceback
    with pytest.raises(DeploymentInvalid, match="SyntaxError"):
        code_of_files({"broken.py": "def broken(:\n"}, ["broken"])


def test_without_the_recorded_code(recorded: dict[str, Recording]) -> None:
    """A journal that was kept alone still tells what diverges, without the old line."""
    book = recorded["book"]
    alone = Recording(book.execution, book.status, book.entries)
    told = what_if(alone, patched(("Order(item, cents)", "Order(item, 1)")))
    assert told.divergence is not None
    assert told.divergence.recorded.what == "step patch_programs.charge (effect 1)"
    assert told.divergence.recorded.frames == []
    assert told.divergence.requested.frames != []
    assert told.divergence.differences == []


def test_requests_in_words() -> None:
    """What is asked through WASI has words too, and odd requests do no harm."""
    assert describe_question(b"clock") == "a look at the clock"
    assert describe_question(b"sleep 12") == "a blocking wait"
    assert describe_question(b'{"op":"nonsense"}') == '{"op":"nonsense"}'
    assert compare(b"clock", b'{"op":"step","id":1}') == []
    old, new = b'{"op":"x","id":1,"a":[1,{"b c":2}]}', b'{"op":"x","id":2,"a":[1,{"b c":3},4]}'
    assert compare(old, new) == [
        Difference('a[1]["b c"]', 2, 3),
        Difference("a[2]", None, 4, in_old=False),
    ]
    assert compare(b'{"op":"x","id":1}', b'{"op":"x","id":2}') == [Difference("id", 1, 2)]
