"""A journal as a timeline: what happened when, how long it took, what came of it.

Pure: entries as the HTTP API gives them go in, rows come out. Several entries may be one row: an
effect that was entered, called, started and observed is one thing to whoever reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from flawless import api
from flawless.cli.output import length, printable, short

_ASIDES = {"arrived", "parked", "resolved", "repeated"}
"""What happens to effects while the workflow cannot see it: it asks for nothing then."""

Look: TypeAlias = Literal["", "dim", "good", "bad", "waiting", "warning"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `below` are further lines that belong to it.

    `position` is that of the entry in the journal which tells how it ended, if one does.
    """

    elapsed_us: int
    kind: str
    label: str
    took_us: int | None = None
    detail: str = ""
    look: Look = ""
    below: list[str] = field(default_factory=list)
    position: int | None = field(default=None, compare=False)


def timeline(
    entries: Iterable[dict[str, Any]], detail: api.ExecutionDetail, now_us: int
) -> list[Row]:
    """Return the rows of an execution, the effects that are under way last."""
    making = Timeline()
    rows = [row for entry in entries for row in making.add(entry)]
    return [*rows, *making.finish(detail, now_us)]


class Timeline:
    """Makes rows of entries as they come: what it keeps is what has not ended, and no more."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        """Rows that were not handed out yet."""
        self._began_us = 0
        self._previous_us = 0
        self._begun: dict[int, tuple[str, int]] = {}
        """Label and begin of effects whose outcome was not seen yet."""
        self._arrived: dict[int, dict[str, Any]] = {}
        self._failed: dict[int, str] = {}
        """Labels of effects that failed: a retry may perform them again."""
        self._parked: set[int] = set()
        self._origin: dict[str, Any] | None = None
        """Where the first entries come from, if this is a fork."""
        self._asked: set[int] = set()
        """Effects by which the workflow itself asks for a decision."""
        self._sleep: str | None = None
        """Until when the last row sleeps, if it does."""

    def add(self, entry: dict[str, Any]) -> list[Row]:
        """Take the next entry; return the rows that are complete."""
        sleeps = entry["kind"] in ("slept", "polled")
        if not sleeps:
            self._sleep = None
        if self._origin is not None and entry.get("position") == self._origin["entries"]:
            told = f"what stands above is shared with {self._origin['execution']}"
            self._rows.append(Row(entry["elapsed_us"], "forked", "forked", detail=told))
        handle = getattr(self, f"_on_{entry['kind']}", None)
        if handle is None:  # a newer server's
            self._row(entry, str(entry.get("label", "")))
        else:
            handle(entry)
        if entry["kind"] not in _ASIDES:
            # What follows a sleep begins when it is over, not when it began.
            self._previous_us = max(entry["elapsed_us"], entry.get("until_us", 0) if sleeps else 0)
        complete = len(self._rows) - (self._sleep is not None)
        rows, self._rows = self._rows[:complete], self._rows[complete:]
        return rows

    def finish(self, detail: api.ExecutionDetail, now_us: int) -> list[Row]:
        """Return the last rows, once there are no more entries."""
        over = detail.status in ("completed", "failed", "cancelled")
        if self._sleep is not None and detail.wake_at is not None:
            left_us = api.microseconds(detail.wake_at) - now_us
            text = f"until {self._sleep}, wakes in {length(max(0, left_us))}"
            self._rows[-1] = replace(self._rows[-1], detail=text, look="waiting")
        under_way = {item.effect for item in detail.in_flight}
        for effect, (label, began_us) in self._begun.items():
            arrived = self._arrived.get(effect)
            if effect in under_way or effect in self._parked:
                continue
            if arrived is not None:
                self._outcome(arrived, label, began_us, "not looked at yet: ")
            elif not over:
                self._rows.append(
                    Row(began_us, "effect", label, detail=_awaited(label), look="waiting")
                )
        for item in detail.in_flight:
            began_us = api.microseconds(item.began_at)
            tries = f", attempt {len(item.attempts) + 1}" if item.attempts else ""
            self._rows.append(
                Row(
                    max(0, began_us - self._began_us),
                    "effect",
                    item.label,
                    max(0, now_us - began_us),
                    f"under way{tries}",
                    "waiting",
                    _attempts([_since(a, self._began_us) for a in item.attempts]),
                )
            )
        rows, self._rows = self._rows, []
        return rows

    # --- one method for each kind of entry ----------------------------------------------------

    def _on_invoked(self, entry: dict[str, Any]) -> None:
        self._began_us = api.microseconds(entry["at"])
        self._row(entry, entry["workflow"], _call(entry))
        self._origin = entry.get("forked_from")
        if "deadline" in entry:
            left = length(entry["deadline_us"])
            self._row(entry, "deadline", f"cancelled after {left}, at {entry['deadline']}")

    def _on_clock_read(self, entry: dict[str, Any]) -> None:
        self._row(entry, "clock", entry["at"], look="dim")

    def _on_logged(self, entry: dict[str, Any]) -> None:
        look: Look = "bad" if entry["level"] >= 40 else "warning" if entry["level"] >= 30 else "dim"
        message = printable(entry["message"]).replace("\n", " ⏎ ")
        self._row(entry, f"log {entry['logger']}", f"{entry['level_name']} {message}", look=look)

    def _on_entered(self, entry: dict[str, Any]) -> None:
        self._begun[entry["effect"]] = (entry["label"], entry["elapsed_us"])
        self._parked.discard(entry["effect"])

    def _on_called(self, entry: dict[str, Any]) -> None:
        _, began_us = self._begun.pop(entry["effect"], ("", self._previous_us))
        self._outcome(entry, entry["label"], min(began_us, entry["elapsed_us"]))

    def _on_started(self, entry: dict[str, Any]) -> None:
        label = entry["label"]
        if "until_us" in entry:
            label += f" {length(max(0, entry['until_us'] - entry['elapsed_us']))}"
        self._begun[entry["effect"]] = (label, entry["elapsed_us"])

    def _on_arrived(self, entry: dict[str, Any]) -> None:
        self._arrived[entry["effect"]] = entry

    def _on_observed(self, entry: dict[str, Any]) -> None:
        label, began_us = self._begun.pop(entry["effect"], ("effect", self._previous_us))
        self._outcome(entry, label, began_us)

    def _on_slept(self, entry: dict[str, Any]) -> None:
        self._sleep = entry["until"]
        self._row(entry, "sleep", took_us=max(0, entry["until_us"] - entry["elapsed_us"]))

    _on_polled = _on_slept

    def _on_elapsed(self, entry: dict[str, Any]) -> None:
        self._row(entry, "wait", "nothing came in time", look="dim")

    def _on_dropped(self, entry: dict[str, Any]) -> None:
        label, began_us = self._begun.pop(entry["effect"], ("effect", self._previous_us))
        self._row(entry, label, "given up", took_us=entry["elapsed_us"] - began_us, look="dim")

    def _on_published(self, entry: dict[str, Any]) -> None:
        self._shown(entry, "publish")

    def _on_responded(self, entry: dict[str, Any]) -> None:
        self._shown(entry, "respond")

    def _on_cancel_observed(self, entry: dict[str, Any]) -> None:
        if "effect" in entry:
            self._begun.pop(entry["effect"], None)
            self._parked.discard(entry["effect"])
        told = printable(entry["reason"]).replace("\n", " ⏎ ")
        if "until" in entry:
            told += f" (may clean up until {entry['until']})"
        self._row(entry, "cancelled", (told.strip() or "told to end") + _by(entry), look="warning")

    def _on_parked(self, entry: dict[str, Any]) -> None:
        self._parked.add(entry["effect"])
        if entry["asked"]:
            self._asked.add(entry["effect"])
        why = "asks for a decision" if entry["asked"] else "interrupted: did it happen?"
        text = f"effect {entry['effect']} parked, {why}"
        self._row(entry, printable(entry["label"]), text, look="warning")

    def _on_resolved(self, entry: dict[str, Any]) -> None:
        self._parked.discard(entry["effect"])
        decision = entry["decision"]
        if entry["effect"] in self._asked:
            decision, entry = _answer(decision, entry)
        if decision in ("ok", "error"):
            self._arrived[entry["effect"]] = entry | {"failed": decision == "error"}
        match decision:
            case "again":
                what = "try it again"
            case "ok":
                what = f"it happened: {short(entry.get('value'))}"
            case "error":
                what = _error(entry.get("error", {}))
            case "retry":
                what = "perform it again"
            case other:
                what = str(other)
        self._row(entry, f"effect {entry['effect']} decided", what + _by(entry))

    def _on_retried(self, entry: dict[str, Any]) -> None:
        effect = entry.get("effect")
        for again in [] if effect is None else [effect, *entry.get("also", [])]:
            self._parked.discard(again)
            if again in self._failed:
                self._begun[again] = (self._failed[again], entry["elapsed_us"])
        place = "" if effect is None else f" from effect {effect}"
        self._row(entry, "retried", f"goes on{place}{_by(entry)}", look="warning")

    def _on_repeated(self, entry: dict[str, Any]) -> None:
        """Nothing: what became of it is told by its outcome."""

    def _on_continued(self, entry: dict[str, Any]) -> None:
        self._row(entry, "continued", f"as the next run, with {_call(entry)}", look="good")

    def _on_cancelled(self, entry: dict[str, Any]) -> None:
        told = printable(str(entry["error"].get("message", ""))).replace("\n", " ⏎ ")
        self._row(entry, "cancelled", told + _by(entry), look="bad")

    def _on_completed(self, entry: dict[str, Any]) -> None:
        self._row(entry, "returned", short(entry["result"]), look="good")

    def _on_failed(self, entry: dict[str, Any]) -> None:
        self._row(entry, "failed", _error(entry["error"]), look="bad")

    # --- making rows --------------------------------------------------------------------------

    def _outcome(self, entry: dict[str, Any], label: str, began_us: int, before: str = "") -> None:
        """Add the row of an effect that ended; it stands where the effect began."""
        source = entry
        arrived = self._arrived.pop(entry["effect"], entry)
        if "value" not in entry and "error" not in entry:
            source = arrived
        value = source.get("value")
        detail = "" if value is None else _value(label, value)
        look: Look = ""
        if source["failed"]:
            detail, look = _error(source.get("error", {})), "bad"
            self._failed[entry["effect"]] = label
        if entry["effect"] in self._asked:
            return  # the row of the decision has told it
        self._rows.append(
            Row(
                began_us,
                "effect",
                label,
                max(0, source["elapsed_us"] - began_us),
                before + detail,
                look,
                _attempts(source.get("attempts", [])),
                entry.get("position"),
            )
        )

    def _shown(self, entry: dict[str, Any], label: str) -> None:
        if entry["failed"]:
            self._row(entry, label, _error(entry.get("error", {})), look="bad")
        else:
            self._row(entry, label, look="dim")

    def _row(
        self,
        entry: dict[str, Any],
        label: str,
        detail: str = "",
        *,
        took_us: int | None = None,
        look: Look = "",
    ) -> None:
        place = entry.get("position")
        self._rows.append(
            Row(entry["elapsed_us"], entry["kind"], label, took_us, detail, look, position=place)
        )


def _value(label: str, value: Any) -> str:
    """Return what came of an effect; of a message its payload, and its name where that may vary."""
    if label.startswith("receive ") and isinstance(value, dict) and "payload" in value:
        name = str(value.get("name", ""))
        text = short(value["payload"])
        return text if label == f"receive {name}" else f"{printable(name)} {text}"
    return short(value)


def _call(entry: dict[str, Any]) -> str:
    args = [short(value) for value in entry["input"]["args"]]
    args += [f"{name}={short(value)}" for name, value in entry["input"]["kwargs"].items()]
    return f"({', '.join(args)})"


def _by(entry: dict[str, Any]) -> str:
    return f" (by {printable(entry['by'])})" if entry.get("by") else ""


def _answer(decision: str, entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return what was decided about an effect that asks: its value says so, to the workflow."""
    value = entry.get("value")
    if decision != "ok" or not isinstance(value, dict):
        return decision, entry
    if value.get("retry") is True:
        return "again", entry
    return decision, entry | {"value": value.get("ok")}


def _awaited(label: str) -> str:
    """Return what an effect waits for that was begun and is nothing the engine performs."""
    if label.startswith("receive "):
        return "no message yet"
    return "has not ended yet" if label.startswith("start ") else "begun, no outcome yet"


def _error(error: dict[str, Any]) -> str:
    message = printable(str(error.get("message", ""))).replace("\n", " ⏎ ")
    return (
        f"{error.get('type', 'error')}: {message}" if message else str(error.get("type", "error"))
    )


def _attempts(attempts: list[dict[str, Any]]) -> list[str]:
    return [
        f"attempt {number} failed at {length(attempt['elapsed_us'])}: {_error(attempt)}"
        for number, attempt in enumerate(attempts, 1)
    ]


def _since(attempt: api.Attempt, began_us: int) -> dict[str, Any]:
    return {
        "elapsed_us": max(0, api.microseconds(attempt.at) - began_us),
        "type": attempt.type,
        "message": attempt.message,
    }
