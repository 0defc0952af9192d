"""A journal as a timeline: what happened when, how long it took, what came of it.

Pure: entries as the HTTP API gives them go in, rows come out. Several entries may be one row: an
effect that was entered, called, started and observed is one thing to whoever reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from flawless import api
from flawless.cli.output import length, printable, short

Look: TypeAlias = Literal["", "dim", "good", "bad", "waiting", "warning"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `below` are further lines that belong to it."""

    elapsed_us: int
    kind: str
    label: str
    took_us: int | None = None
    detail: str = ""
    look: Look = ""
    below: list[str] = field(default_factory=list)


def timeline(
    entries: Iterable[dict[str, Any]], detail: api.ExecutionDetail, now_us: int
) -> list[Row]:
    """Return the rows of an execution, the effects that are under way last."""
    builder = _Builder(detail, now_us)
    for entry in entries:
        builder.add(entry)
    return builder.finish()


class _Builder:
    def __init__(self, detail: api.ExecutionDetail, now_us: int) -> None:
        self._detail = detail
        self._now_us = now_us
        self._rows: list[Row] = []
        self._began_us = 0
        self._previous_us = 0
        self._begun: dict[int, tuple[str, int]] = {}
        """Label and begin of effects whose outcome was not seen yet."""
        self._arrived: dict[int, dict[str, Any]] = {}
        self._sleep: tuple[int, str] | None = None

    def add(self, entry: dict[str, Any]) -> None:
        """Take the next entry."""
        handle = getattr(self, f"_on_{entry['kind']}", None)
        if handle is None:  # a newer server's
            self._row(entry, str(entry.get("label", "")))
        else:
            handle(entry)
        self._previous_us = entry["elapsed_us"]
        if entry["kind"] not in ("slept", "polled"):
            self._sleep = None

    def finish(self) -> list[Row]:
        """Return all rows, once there are no more entries."""
        if self._sleep is not None and self._detail.wake_at is not None:
            row, (place, until) = self._rows[self._sleep[0]], self._sleep
            left_us = api.microseconds(self._detail.wake_at) - self._now_us
            text = f"until {until}, wakes in {length(max(0, left_us))}"
            self._rows[place] = Row(
                row.elapsed_us, row.kind, row.label, row.took_us, text, "waiting"
            )
        under_way = {item.effect: item for item in self._detail.in_flight}
        for effect, (label, began_us) in self._begun.items():
            if effect in under_way:
                continue
            arrived = self._arrived.get(effect)
            if arrived is not None:
                self._outcome(arrived, label, began_us, "not looked at yet: ")
            elif not self._over:
                self._rows.append(
                    Row(began_us, "effect", label, detail="begun, no outcome yet", look="waiting")
                )
        for item in self._detail.in_flight:
            began_us = api.microseconds(item.began_at)
            tries = f", attempt {len(item.attempts) + 1}" if item.attempts else ""
            self._rows.append(
                Row(
                    max(0, began_us - self._began_us),
                    "effect",
                    item.label,
                    max(0, self._now_us - began_us),
                    f"under way{tries}",
                    "waiting",
                    _attempts([_since(a, self._began_us) for a in item.attempts]),
                )
            )
        return self._rows

    @property
    def _over(self) -> bool:
        return self._detail.status in ("completed", "failed", "cancelled")

    # --- one method for each kind of entry ----------------------------------------------------

    def _on_invoked(self, entry: dict[str, Any]) -> None:
        self._began_us = api.microseconds(entry["at"])
        args = [short(value) for value in entry["input"]["args"]]
        args += [f"{name}={short(value)}" for name, value in entry["input"]["kwargs"].items()]
        self._row(entry, entry["workflow"], f"({', '.join(args)})")

    def _on_clock_read(self, entry: dict[str, Any]) -> None:
        self._row(entry, "clock", entry["at"], look="dim")

    def _on_logged(self, entry: dict[str, Any]) -> None:
        look: Look = "bad" if entry["level"] >= 40 else "warning" if entry["level"] >= 30 else "dim"
        message = printable(entry["message"]).replace("\n", " ⏎ ")
        self._row(entry, f"log {entry['logger']}", f"{entry['level_name']} {message}", look=look)

    def _on_entered(self, entry: dict[str, Any]) -> None:
        self._begun[entry["effect"]] = (entry["label"], entry["elapsed_us"])

    def _on_called(self, entry: dict[str, Any]) -> None:
        _, began_us = self._begun.pop(entry["effect"], ("", self._previous_us))
        self._outcome(entry, entry["label"], began_us)

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
        self._sleep = (len(self._rows), entry["until"])
        self._row(entry, "sleep", took_us=max(0, entry["until_us"] - entry["elapsed_us"]))

    _on_polled = _on_slept

    def _on_elapsed(self, entry: dict[str, Any]) -> None:
        self._row(entry, "wait", "nothing came in time", look="dim")

    def _on_dropped(self, entry: dict[str, Any]) -> None:
        label, began_us = self._begun.pop(entry["effect"], ("effect", self._previous_us))
        self._row(entry, label, "given up", took_us=entry["elapsed_us"] - began_us, look="dim")

    def _on_completed(self, entry: dict[str, Any]) -> None:
        self._row(entry, "returned", short(entry["result"]), look="good")

    def _on_failed(self, entry: dict[str, Any]) -> None:
        self._row(entry, "failed", _error(entry["error"]), look="bad")

    # --- making rows --------------------------------------------------------------------------

    def _outcome(self, entry: dict[str, Any], label: str, began_us: int, before: str = "") -> None:
        """Add the row of an effect that ended; it stands where the effect began."""
        source = entry
        if "value" not in entry and "error" not in entry:
            source = self._arrived.get(entry["effect"], entry)
        value = source.get("value")
        detail = "" if value is None else short(value)
        look: Look = ""
        if source["failed"]:
            detail, look = _error(source.get("error", {})), "bad"
        self._rows.append(
            Row(
                began_us,
                "effect",
                label,
                max(0, source["elapsed_us"] - began_us),
                before + detail,
                look,
                _attempts(source.get("attempts", [])),
            )
        )

    def _row(
        self,
        entry: dict[str, Any],
        label: str,
        detail: str = "",
        *,
        took_us: int | None = None,
        look: Look = "",
    ) -> None:
        self._rows.append(Row(entry["elapsed_us"], entry["kind"], label, took_us, detail, look))


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
