"""The demo: an order survives two `kill -9`, and every outside effect happens once.

    make demo

Three processes: this one, which tells the story and kills; the service, which counts; the engine,
which dies twice. Ends with status 1 if anything is not as promised.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from typing import Any

from children import Child, Crew, Event
from screen import Screen

SLEEP_S = 3.0
PROMISES = {
    "/charge": ("step charge", "at least once, with one key"),
    "/reserve": ("step reserve", "at least once, with one key"),
    "/invoice": ("http.post /invoice", "at most once"),
    "/ship": ("step ship", "at most once"),
}
SENT_TWICE = (
    "The charge was under way when the engine died, so it was sent again, with the same key:\n"
    "   received 2, carried out 1. A step happens at least once; its key makes that once."
)


class Demo:
    """The story, and what is counted on the way."""

    def __init__(self, screen: Screen, data: str) -> None:
        self.screen = screen
        self.data = data
        self.crew = Crew(self.tell)
        self.received: Counter[str] = Counter()
        self.carried_out: Counter[str] = Counter()
        self.bodies: dict[str, list[Any]] = {}
        self.times_s: dict[str, float] = {}
        self.journal: dict[int, str] = {}
        self.changed: list[int] = []
        self.replayed = [0]
        self.pids: list[int] = []
        self.url = ""

    def play(self) -> Event:
        """Play all three acts and return the result."""
        screen, crew = self.screen, self.crew
        service = crew.start("service", "service.py")
        port = crew.wait_for(service, lambda event: event["event"] == "listening")["port"]
        self.url = f"http://127.0.0.1:{port}"

        screen.act("Run 1: the engine dies in the middle of a step")
        engine = self.start_engine()
        crew.wait_for(service, lambda event: event.get("path") == "/charge")
        crew.pause(0.6)
        engine.kill()
        screen.kill(
            engine.pid,
            "while the step waits for the bank's answer.\n"
            "The customer has paid, and nobody on our side knows.",
        )
        crew.pause(0.8)

        screen.act("Run 2: the engine dies while the order sleeps")
        self.replayed.append(0)
        engine = self.start_engine()
        crew.wait_for(engine, lambda event: event.get("kind") == "slept")
        screen.busy("the order sleeps: one row in the database, no thread, no memory")
        crew.pause(0.8)
        engine.kill()
        screen.kill(engine.pid, "in the middle of the sleep. Time goes on without an engine.")
        crew.pause(0.8)

        screen.act("Run 3: the order wakes up and ends")
        self.replayed.append(0)
        engine = self.start_engine()
        result = crew.wait_for(engine, lambda event: event["event"] == "result")
        engine.process.wait()
        screen.busy(None)
        return result

    def start_engine(self) -> Child:
        """Start the engine's next life."""
        engine = self.crew.start("engine", "engine.py", self.data, self.url)
        self.pids.append(engine.pid)
        self.screen.line("demo", f"starting the engine, process {engine.pid}")
        self.screen.busy("the engine starts")
        return engine

    def tell(self, who: str, event: Event) -> None:
        """Count an event and show it."""
        screen = self.screen
        match event:
            case {"event": "request", "path": path, "new": new, "body": body}:
                self.count(path, body, new=new)
                note = "carried out" if new else "[yellow]key known: same answer, not again[/]"
                number = self.received[path]
                screen.line(who, f"received POST {path} (request {number} of its kind): {note}")
            case {"event": "entry", "position": position, "text": text}:
                if position not in self.journal:
                    screen.line(who, f"[dim]journal {position:>2}[/]  {text}")
                elif self.journal[position] != text:
                    self.changed.append(position)
                self.journal[position] = text
            case {"event": "replayed", "count": count}:
                self.replayed[-1] = count
                screen.busy(None)
                screen.line(
                    who,
                    f"[bold]replayed {count} effects from the journal[/]: the function is back "
                    "where it was",
                )
            case {"event": "progress", "stage": stage, "share": share}:
                screen.progress(stage, share)
            case {"event": "open"}:
                screen.busy(None)
                screen.line(who, "open")
            case {"event": "result", "number": number, "parcel": parcel}:
                screen.line(who, f"[bold]order {number} is complete[/], parcel {parcel}")

    def count(self, path: str, body: Any, *, new: bool) -> None:
        """Note a request the service has received."""
        self.received[path] += 1
        self.carried_out[path] += new
        self.bodies.setdefault(path, []).append(body)
        self.times_s.setdefault(path, time.monotonic())

    def judge(self, result: Event) -> bool:
        """Show the tables; return whether all is as promised."""
        expected = {path: 2 if path == "/charge" else 1 for path in PROMISES}
        rows = []
        for path, (effect, promise) in PROMISES.items():
            received, carried_out = self.received[path], self.carried_out[path]
            right = received == expected[path] and carried_out == 1
            rows.append((effect, promise, received, carried_out, right))
        self.screen.effects(rows)

        ends = ("kill -9 inside a step", "kill -9 inside a sleep", "the result")
        lives = zip(self.pids, self.replayed, ends, strict=True)
        self.screen.runs(
            [(str(n), pid, str(count), end) for n, (pid, count, end) in enumerate(lives, start=1)]
        )

        slept_s = self.times_s["/ship"] - self.times_s["/invoice"]
        numbers = {body["order"] for bodies in self.bodies.values() for body in bodies}
        size = f"{result['journal_bytes']:,} bytes in {result['entries']} entries"
        facts = [
            (SENT_TWICE, self.received["/charge"] == 2 and self.carried_out["/charge"] == 1),
            ("Everything else was received once.", all(row[-1] for row in rows)),
            (
                f"The random order number is {result['number']} in every run and request.",
                numbers == {result["number"]},
            ),
            (
                f"The order was placed at {result['placed']} in every run.",
                any(result["placed"] in text for text in self.journal.values()),
            ),
            ("No journal entry ever changed.", not self.changed),
            (
                f"The sleep of {SLEEP_S:g} s took {slept_s:.1f} s, a dead engine included.",
                slept_s >= SLEEP_S,
            ),
            (f"The journal took {size}, arguments and results included.", True),
            ("Runs 2 and 3 replayed effects instead of doing them.", min(self.replayed[1:]) > 0),
        ]
        self.screen.facts(facts)
        return all(row[-1] for row in rows) and all(holds for _, holds in facts)


def main() -> int:
    """Run the demo; return the exit status."""
    screen = Screen()
    screen.introduce()
    with tempfile.TemporaryDirectory(prefix="flawless-demo-") as data:
        demo = Demo(screen, data)
        try:
            result = demo.play()
        finally:
            screen.busy(None)
            demo.crew.close()
        as_promised = demo.judge(result)
    if not as_promised:
        screen.line("demo", "[bold red]not as promised[/]: please report this")
    return 0 if as_promised else 1


if __name__ == "__main__":
    sys.exit(main())
