"""Who gets which message, and when."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flawless.core.entries import Arrived
from flawless.core.inbox import Inbox, Message
from flawless.core.outstanding import Outstanding, Ready


def books() -> Outstanding:
    """Return the books of an execution that has begun nothing."""
    return Outstanding(())


def wait(outstanding: Outstanding, effect: int, *names: str) -> None:
    """Begin to wait for a message."""
    outstanding.begin(effect, b"", "receive", None)
    outstanding.listen(effect, list(names))


def deliver(outstanding: Outstanding, number: int, name: str) -> None:
    """Let a message come."""
    outstanding.deliver(Message(number, name, b"%d" % number))


def looks(outstanding: Outstanding) -> list[tuple[int, int]]:
    """Return who gets which message when the guest looks until there is nothing more."""
    seen = []
    while (ready := outstanding.take_ready()) is not None:
        assert not isinstance(ready, Ready)
        effect, message = ready
        seen.append((effect, message.number))
    return seen


def test_messages_of_a_name_come_in_order() -> None:
    """Each receiver gets the oldest message with its name, whichever of the two came first."""
    outstanding = books()
    deliver(outstanding, 1, "a")
    deliver(outstanding, 2, "b")
    deliver(outstanding, 3, "a")
    assert looks(outstanding) == []
    for effect in (1, 2, 3):
        wait(outstanding, effect, "a")
    assert looks(outstanding) == [(1, 1), (2, 3)]
    deliver(outstanding, 4, "a")
    deliver(outstanding, 5, "a")
    assert looks(outstanding) == [(3, 4)]
    wait(outstanding, 4, "a")
    wait(outstanding, 5, "b")
    assert looks(outstanding) == [(4, 5), (5, 2)]


def test_receivers_of_anything() -> None:
    """A receiver without names gets the oldest message of all, unless an older one wants it."""
    outstanding = books()
    wait(outstanding, 1, "b")
    wait(outstanding, 2)
    wait(outstanding, 3, "a")
    deliver(outstanding, 1, "b")
    deliver(outstanding, 2, "a")
    deliver(outstanding, 3, "a")
    deliver(outstanding, 4, "c")
    assert looks(outstanding) == [(1, 1), (2, 2), (3, 3)]
    wait(outstanding, 4)
    assert looks(outstanding) == [(4, 4)]


def test_several_names() -> None:
    """A receiver with several names gets the oldest message with any of them, and only one."""
    outstanding = books()
    deliver(outstanding, 1, "b")
    deliver(outstanding, 2, "a")
    assert looks(outstanding) == []
    wait(outstanding, 1, "a", "b")
    assert looks(outstanding) == [(1, 1)]
    wait(outstanding, 2, "c", "a", "b")
    wait(outstanding, 3, "a", "b")
    deliver(outstanding, 3, "b")
    assert looks(outstanding) == [(2, 2), (3, 3)]


def test_a_name_given_twice() -> None:
    """A receiver that names the same thing twice is one receiver."""
    outstanding = books()
    wait(outstanding, 1, "a", "a")
    deliver(outstanding, 1, "a")
    deliver(outstanding, 2, "a")
    assert looks(outstanding) == [(1, 1)]


def test_a_receiver_given_up_has_taken_nothing() -> None:
    """Until the guest looks, a message belongs to nobody: giving a receiver up loses none."""
    outstanding = books()
    wait(outstanding, 1, "a")
    deliver(outstanding, 1, "a")
    outstanding.drop(1)
    assert looks(outstanding) == []
    wait(outstanding, 2, "a")
    assert looks(outstanding) == [(2, 1)]


def test_a_stale_announcement_changes_no_order() -> None:
    """What a receiver given up left behind does not lead another one to a younger message."""
    outstanding = books()
    deliver(outstanding, 1, "a")
    deliver(outstanding, 2, "b")
    assert looks(outstanding) == []
    wait(outstanding, 1, "b")
    outstanding.drop(1)
    wait(outstanding, 2)
    assert looks(outstanding) == [(2, 1)]
    wait(outstanding, 3)
    assert looks(outstanding) == [(3, 2)]


def test_listening() -> None:
    """An inbox knows whether somebody waits for a message."""
    inbox = Inbox()
    assert not inbox.listening
    inbox.wait(1, ["a"])
    inbox.wait(2, [])
    assert inbox.listening
    inbox.drop(2)
    inbox.drop(7)
    assert inbox.listening
    assert inbox.add(Message(1, "a", b"1")) == "a"
    assert inbox.match("a") == (1, Message(1, "a", b"1"))
    assert not inbox.listening
    assert inbox.match("a") is None


def test_messages_and_outcomes_come_in_the_order_of_arrival() -> None:
    """A message that came before another effect's outcome is seen before it."""
    outstanding = books()
    wait(outstanding, 1, "a")
    wait(outstanding, 2, "a")
    assert outstanding.next_timer() is None
    deliver(outstanding, 1, "a")
    outstanding.begin(3, b"", "step", None)
    outstanding.keep(Arrived(1, 3, False, b"3"))
    deliver(outstanding, 2, "a")
    seen = [outstanding.take_ready() for _ in range(4)]
    assert [one.effect if isinstance(one, Ready) else one and one[0] for one in seen] == [
        1, 3, 2, None,
    ]  # fmt: skip


names = st.sampled_from("abc")
events = st.lists(
    st.one_of(
        st.tuples(st.just("message"), names),
        st.tuples(st.just("receive"), st.lists(names, max_size=3)),
        st.tuples(st.just("drop"), st.integers(0, 5)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=40,
)


class Model:
    """The rule, naively: nobody who waits and could have a message is left without."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.receivers: dict[int, list[str]] = {}

    def wanted(self, effect: int) -> Message | None:
        """The oldest message that this receiver wants."""
        names = self.receivers[effect]
        return next((one for one in self.messages if not names or one.name in names), None)

    def wanting(self, message: Message) -> int | None:
        """The oldest receiver that wants this message."""
        found = (e for e, names in self.receivers.items() if not names or message.name in names)
        return next(found, None)


@given(events)
def test_random_histories(history: list[tuple[str, object]]) -> None:
    """Whatever happens, the oldest receiver that wants a message gets the oldest one it wants."""
    outstanding, model = books(), Model()
    number = effect = matches = 0
    for kind, value in [*history, *[("look", 0)] * 50]:
        match kind, value:
            case "message", str(name):
                number += 1
                deliver(outstanding, number, name)
                model.messages.append(Message(number, name, b"%d" % number))
            case "receive", list(wanted):
                effect += 1
                wait(outstanding, effect, *wanted)
                model.receivers[effect] = wanted
            case "drop", int(place) if model.receivers:
                dropped = sorted(model.receivers)[place % len(model.receivers)]
                outstanding.drop(dropped)
                del model.receivers[dropped]
            case "look", _:
                seen = outstanding.take_ready()
                if seen is None:
                    assert all(model.wanted(one) is None for one in model.receivers)
                    continue
                assert not isinstance(seen, Ready)
                assert model.wanted(seen[0]) == seen[1]
                assert model.wanting(seen[1]) == seen[0]
                model.messages.remove(seen[1])
                del model.receivers[seen[0]]
                matches += 1
        assert outstanding.inbox.listening == bool(model.receivers)
    event(f"matches: {min(matches, 5)}")


@pytest.mark.parametrize("messages_first", [True, False])
@pytest.mark.parametrize("wanted", [["a"], [], ["b", "a", "c"]])
def test_thousands_stay_linear(messages_first: bool, wanted: list[str]) -> None:
    """Ten thousand messages and receivers find each other; anything quadratic took minutes."""
    outstanding, count = books(), 10_000
    todo = [range(1, count + 1)] * 2
    for place, numbers in enumerate(todo):
        for n in numbers:
            if (place == 0) == messages_first:
                deliver(outstanding, n, "a")
            else:
                wait(outstanding, n, *wanted)
        if place == 0:
            assert looks(outstanding) == []
    assert looks(outstanding) == [(n, n) for n in range(1, count + 1)]


def test_thousands_given_up_stay_linear() -> None:
    """Receivers that were given up cost nothing when a message comes."""
    outstanding, count = books(), 10_000
    for n in range(1, count + 1):
        wait(outstanding, n, "a")
        outstanding.drop(n)
    wait(outstanding, count + 1, "a")
    for n in range(1, count + 1):
        deliver(outstanding, n, "a")
    assert looks(outstanding) == [(count + 1, 1)]
    for n in range(2, count + 1):
        wait(outstanding, count + n, "a")
        assert looks(outstanding) == [(count + n, n)]
