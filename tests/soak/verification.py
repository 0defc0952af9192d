"""Whether all promises were kept: what callers were told, what the world saw, what the store holds.

Each execution becomes a `Story`, as in the storms, and is held against the undisturbed run of the
same workflow that the soak began with.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import apsw
from checker import Member, Story, check, root_of
from crowd import Crowd, Started
from ledger import Ledger
from soak_server import Life

import rust_programs
import stored
from flawless.core.encoding import decode_entries
from flawless.core.entries import End, Entry
from flawless.engine.deployment import Deployment
from flawless.engine.replay import replay
from flawless.errors import FlawlessError
from flawless.ids import latest_run
from flawless.stores import SQLiteStore
from flawless.stores.base import Record
from flawless.wasm import Component, python_runtime

LATE_S = 1.0


@dataclass(slots=True)
class Findings:
    """What was looked at, and what is broken, in words."""

    executions: int = 0
    started: int = 0
    entries: int = 0
    effects: int = 0
    interrupted: int = 0
    """Results that say of an effect that it may not be repeated, for a kill came in its middle."""
    disturbed: int = 0
    """Executions that had at least one kill in their life."""
    replayed: int = 0
    problems: list[str] = field(default_factory=list)


class Verification:
    """Reads a store after the soak, without an engine."""

    def __init__(
        self, crowd: Crowd, ledger: Ledger, lives: Sequence[Life], *, replays: int, chance: Random
    ) -> None:
        self._crowd = crowd
        self._ledger = ledger
        self._lives = lives
        self._replays = replays
        self._chance = chance
        self._calm: dict[tuple[str, str], Story] = {}
        self._components: dict[bool, Component] = {}
        self._deployments: dict[str, Deployment] = {}
        self.findings = Findings()

    async def run(self, file: Path) -> Findings:
        """Look at everything; return what was found."""
        store = SQLiteStore(file)
        await store.open()
        try:
            records = await stored.records(store, runs=True)
            families = defaultdict(list)
            for record in records:
                families[root_of(record.id)].append(record)
            self.findings.executions = len(records)
            self.findings.started = len(self._crowd.started)
            self._problems(
                f"{root}: nobody has started it" for root in families.keys() - self._known()
            )
            replayed = self._sample(records)
            for started in sorted(self._crowd.started, key=lambda one: not one.calm):
                family = families.get(started.id, [])
                members = [await self._member(store, one, replayed) for one in family]
                self._compare(started, members)
        finally:
            await store.close()
        self._problems(f"the store is damaged: {finding}" for finding in damage(file))
        return self.findings

    # --- inside -------------------------------------------------------------------------------

    def _known(self) -> set[str]:
        return {one.id for one in self._crowd.started}

    def _sample(self, records: Sequence[Record]) -> set[str]:
        ids = sorted(record.id for record in records)
        return set(self._chance.sample(ids, min(self._replays, len(ids))))

    async def _member(self, store: SQLiteStore, record: Record, replayed: set[str]) -> Member:
        entries: list[Entry] = []
        for chunk in await store.journal(record.id):
            entries += decode_entries(record.id, chunk.first_seq, chunk.data, chunk.count)
        self.findings.entries += len(entries)
        if record.id not in replayed:
            last = entries[-1] if entries else None
            return Member(record, entries, last if isinstance(last, End) else None)
        if record.deployment not in self._deployments:
            kept = await store.deployment(record.deployment)
            assert kept is not None
            self._deployments[record.deployment] = Deployment.decode(kept.manifest)
        self.findings.replayed += 1
        return Member(record, entries, self._replayed(record, entries))

    def _replayed(self, record: Record, entries: list[Entry]) -> End | None:
        deployment = self._deployments[record.deployment]
        if deployment.is_python not in self._components:
            made = (
                python_runtime.build()
                if deployment.is_python
                else rust_programs.wasm().read_bytes()
            )
            self._components[deployment.is_python] = Component.load(made)
        component = self._components[deployment.is_python]
        try:
            return replay(latest_run(record.id), entries, deployment, component).end
        except FlawlessError:
            return None

    def _compare(self, started: Started, members: list[Member]) -> None:
        if started.ended_s is None:
            self._problems([f"{started.id}: nobody was told its end"])
            return
        if not members:
            self._problems([f"{started.id}: the store does not know it"])
            return
        story = self._story(started, members)
        kind = (started.kind.name, started.language)
        if started.calm:
            self._calm.setdefault(kind, story)
        calm = self._calm.get(kind)
        self.findings.disturbed += story.kills > 0
        self.findings.effects += len(story.seen)
        self.findings.interrupted += list((story.result or {}).values()).count("interrupted")
        if calm is None:
            self._problems([f"{started.id}: there is no undisturbed one to compare it with"])
            return
        self._problems(
            f"{started.id} ({story.kills} kills): {problem}" for problem in check(story, calm)
        )

    def _story(self, started: Started, members: list[Member]) -> Story:
        ended_s = max([started.ended_s or 0.0, *(m.record.updated_us / 1e6 for m in members)])
        name = started.kind.name
        return Story(
            workflow=name,
            id=started.id,
            kills=self._kills(started.began_s, ended_s),
            result=_renamed(started),
            error=None if started.error is None else started.error.replace(started.id, name),
            seen=self._ledger.seen(started.id),
            family=members,
            told=[],
        )

    def _kills(self, began_s: float, ended_s: float) -> int:
        return sum(
            life.over_s is not None and began_s <= life.over_s <= ended_s + LATE_S
            for life in self._lives
        )

    def _problems(self, found: Iterator[str] | Sequence[str]) -> None:
        self.findings.problems.extend(found)


def damage(file: Path) -> list[str]:
    """Return what SQLite finds wrong with a store that is closed, page by page."""
    vfs = next((name for name in apsw.vfs_names() if name.startswith("cksm")), apsw.vfs_names()[0])
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    try:
        findings = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    except apsw.Error as error:
        return [str(error)]
    finally:
        connection.close()
    return [] if findings == ["ok"] else findings


def _renamed(started: Started) -> Any:
    """Return a result as if the execution were called what its workflow is called.

    Some results quote errors, which name executions; the ids of children are compared as they are.
    """
    if not isinstance(started.result, dict):
        return started.result
    text = {name: value for name, value in started.result.items() if name != "children"}
    renamed = json.loads(json.dumps(text).replace(started.id, started.kind.name))
    return {name: renamed.get(name, value) for name, value in started.result.items()}
