"""Starting with an id that is there already, in a later run of that execution."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import family_programs as programs
import pytest
from lives import with_service
from talking import STORES, engine_on

import flawless
from flawless.engine.service import Service
from flawless.stores.base import Append, Create, Results, Write
from flawless.stores.memory import MemoryStore

NO_ARGUMENTS = b'{"a":[],"k":{}}'


@pytest.mark.parametrize("store", STORES)
def test_the_same_start_finds_the_execution_in_any_run(store: str, tmp_path: Path) -> None:
    """What tells one start from another are the arguments of the first run."""
    with engine_on(tmp_path, store) as engine:
        run = engine.start(programs.runs_on, 3, id="again")
        assert run.result(30) == 6
        assert run.info().run == 4
        assert engine.start(programs.runs_on, 3, id="again").result(30) == 6
        with pytest.raises(flawless.ExecutionConflict):
            engine.start(programs.runs_on, 0, 6, id="again")  # the last run's arguments


def test_a_start_while_a_child_with_that_id_is_being_created(tmp_path: Path) -> None:
    """Until it is known whose the id is, nothing is written in its name."""
    began, opened = asyncio.Event(), asyncio.Event()
    batches: list[list[Write]] = []

    class Gated(MemoryStore):
        async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Results:
            batches.append(list(writes))
            if any(isinstance(write, Create) and write.parent for write in writes):
                began.set()
                await opened.wait()
            return await super().commit(writes, inline=inline)

    async def work(engine: Service) -> None:
        parent = asyncio.ensure_future(engine.start("family_programs.starts_x", NO_ARGUMENTS, "p"))
        await began.wait()
        other = asyncio.ensure_future(engine.start("family_programs.starts_x", NO_ARGUMENTS, "x"))
        await asyncio.sleep(0)
        opened.set()
        assert await parent == ("p", True)
        with pytest.raises(flawless.ExecutionConflict):
            await other
        end = await engine.end("p", 30)
        assert end is not None
        assert end.payload == b"7"
        assert (await engine.get("x")).parent is not None

    with_service(Service(Gated(), ["family_programs"]), work)
    writers = [type(write) for batch in batches for write in batch if _id_of(write) == "x"]
    assert writers == [Create, Append], "the child and its end, which a stranger's start would hide"


def _id_of(write: Write) -> object:
    return getattr(write, "id", None)
