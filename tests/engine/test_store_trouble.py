"""Trouble with the data: a clear error, nothing lost, and the engine keeps running."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import life_programs as programs
import pytest
from lives import Life, MovableClock, gate, marks, open_gate, until, until_async, with_service

import flawless
from flawless import codec
from flawless.engine.service import Service
from flawless.errors import JournalDamaged
from flawless.stores import SQLiteStore
from flawless.stores.base import Write


def engine_on(store: Any) -> flawless.Engine:
    """Return an engine on a store or file."""
    return flawless.Engine(store, modules=["life_programs"])


def call(*args: Any) -> bytes:
    """Return a workflow's input."""
    return codec.dumps(codec.encode_call(args, {})).encode()


# --- damage ---------------------------------------------------------------------------------------


def damage(store: SQLiteStore, execution: str) -> None:
    """Flip a bit in the first journal entry of an execution, through the store's connection."""
    assert store._parts is not None
    connection = store._parts.writing
    position, data = connection.execute(
        "SELECT position, data FROM journal WHERE position = "
        "(SELECT key << 24 FROM execution WHERE id = ?)",
        (execution,),
    ).fetchone()
    flipped = bytes([*data[:-1], data[-1] ^ 1])
    connection.execute("UPDATE journal SET data = ? WHERE position = ?", (flipped, position))


def test_a_damaged_journal_stops_its_execution_only(tmp_path: Path) -> None:
    """Whoever waits for it is told where the damage is; all others go on."""
    clock = MovableClock()
    store = SQLiteStore(tmp_path / "t.db")

    async def work(engine: Service) -> None:
        for name in ("sound", "broken"):
            await engine.start("life_programs.dozes", call(60.0), name)

        async def asleep() -> bool:
            return (await engine.health())["executions"]["waiting"] == 2

        await until_async(asleep, "both sleep")
        waiting = asyncio.ensure_future(engine.end("broken", 30))
        await asyncio.sleep(0)
        damage(store, "broken")
        clock.ahead_s = 100.0
        await engine.start("life_programs.plain", call(1))
        await engine.start("life_programs.dozes", call(0.1))  # the timer looks again
        with pytest.raises(JournalDamaged, match="entry 0: the checksum does not fit"):
            await waiting
        with pytest.raises(JournalDamaged, match="restore the data folder"):
            await engine.end("broken", 30)
        assert (await engine.get("broken")).status is flawless.Status.FAILED
        end = await engine.end("sound", 30)
        assert end is not None
        assert end.payload == b'"rested"'
        assert (await engine.health())["status"] == "ok"

    with_service(Service(store, ["life_programs"], clock=clock), work)


def test_a_damaged_child_is_a_failure_for_its_parent(tmp_path: Path) -> None:
    """The parent hears of it as of any failure, and at once."""
    clock = MovableClock()
    store = SQLiteStore(tmp_path / "t.db")

    async def work(engine: Service) -> None:
        await engine.start("family_programs.hears_of_a_sleeper", call(), "parent")

        async def asleep() -> bool:
            return (await engine.health())["executions"]["waiting"] == 2

        await until_async(asleep, "both wait")
        damage(store, "sleeper")
        await engine.control.cancel("sleeper")
        end = await engine.end("parent", 30)
        assert end is not None
        assert end.payload == b'"flawless.JournalDamaged"'

    with_service(Service(store, ["family_programs"], clock=clock), work)


def test_a_lost_deployment_stops_its_executions_only(tmp_path: Path) -> None:
    """An execution whose build is gone says so."""
    gate(tmp_path, "held")
    with Life(tmp_path) as life:
        life.ask("start", "works", "a", str(tmp_path), "held")
        until(lambda: "begin held" in marks(tmp_path), "the step begins")
        life.kill()
    (tmp_path / "held").unlink()

    class Forgetful(SQLiteStore):
        async def deployment(self, id: Any) -> Any:  # noqa: A002 (the contract's name)
            return None

        async def get(self, id: Any) -> Any:  # noqa: A002 (the contract's name)
            record = await super().get(id)
            if record is None or record.id != "a":
                return record
            return type(record)(
                **{name: getattr(record, name) for name in record.__struct_fields__}
                | {"deployment": "elsewhere"}
            )

    with engine_on(Forgetful(tmp_path / "t.db")) as engine:
        with pytest.raises(flawless.DeploymentInvalid, match="restore"):
            engine.get("a").result(30)
        assert engine.start(programs.plain, 1).result(30) == 1


# --- places that cannot hold data -----------------------------------------------------------------


@pytest.mark.parametrize("place", ["folder", "file/t.db", "/proc/flawless/t.db"])
def test_unusable_places(tmp_path: Path, place: str) -> None:
    """A path that is a folder, or lies where nothing can be written, is refused with a hint."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    engine = engine_on(tmp_path / place)
    for _ in range(2):  # the engine can be tried again
        with pytest.raises(flawless.StoreError) as caught:
            engine.open()
        assert caught.value.hint
    engine.close()


@pytest.fixture
def mounted() -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system of its own with the given options."""
    folder = Path(tempfile.mkdtemp(prefix="flawless-test-"))

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "flawless-test", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode != 0:
            pytest.skip("this user may not mount file systems")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


def test_read_only_folder(mounted: Callable[[str], Path]) -> None:
    """A folder on a read-only file system is refused with a hint."""
    with pytest.raises(flawless.StoreError, match="read-only"):
        engine_on(mounted("ro,size=1m") / "t.db").open()


# --- a full disk ----------------------------------------------------------------------------------


class FullStore(SQLiteStore):
    """Has no room for anything while `full` is set."""

    full = False

    async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Any:
        """See `Store.commit`."""
        if self.full:
            raise flawless.StoreError("commit", "no space is left", "Free some.", retriable=True)
        return await super().commit(writes, inline=inline)


def fill_up(
    engine: flawless.Engine, folder: Path, set_full: Callable[[bool], None], padding: int = 0
) -> None:
    """Let the disk be full while executions are under way; they wait, and then complete."""
    names = [f"step-{n}" for n in range(4)]
    for name in names:
        gate(folder, name)
    for name in names:
        engine.start(programs.works, str(folder), name, padding, id=name)
    until(lambda: {f"begin {name}" for name in names} <= set(marks(folder)), "all begin")
    set_full(True)
    for name in names:
        open_gate(folder, name)
    until(lambda: engine.health()["status"] == "failing", "the trouble shows")
    assert "space" in engine.health()["problem"]
    with pytest.raises(flawless.StoreError, match="space") as caught:
        engine.start(programs.plain, 7, id="meanwhile")
    assert caught.value.retriable
    assert engine.get("step-0").status is flawless.Status.RUNNING
    assert not any(line.endswith("last") for line in marks(folder))

    set_full(False)
    for name in names:
        assert engine.get(name).result(30) == [f"{name} first", name, f"{name} last"]
    assert engine.start(programs.plain, 7, id="meanwhile").result(30) == 7
    assert engine.health()["status"] == "ok"
    for name in names:
        for line in (f"{name} first", f"begin {name}", f"{name} last"):
            assert marks(folder).count(line) == 1


def test_full_store(tmp_path: Path) -> None:
    """Executions wait while nothing can be written, and all complete afterwards."""
    store = FullStore(tmp_path / "t.db")

    def set_full(full: bool) -> None:
        store.full = full

    with engine_on(store) as engine:
        fill_up(engine, tmp_path, set_full)


def test_full_disk(tmp_path: Path, mounted: Callable[[str], Path]) -> None:
    """The same on a file system that really is full."""
    disk = mounted("size=64m")
    ballast = disk / "ballast"

    def set_full(full: bool) -> None:
        if not full:
            ballast.unlink()
            return
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                assert os.statvfs(disk).f_bavail == 0

    # The log is short, and the outcomes are long: what was set aside for it does not suffice.
    store = SQLiteStore(disk / "t.db", log_pages_max=60)
    with engine_on(store):
        pass  # keeps the runtime component; the log that took is gone with the engine
    with engine_on(store) as engine:
        fill_up(engine, tmp_path, set_full, padding=500_000)


def test_start_while_the_disk_fills_up(tmp_path: Path) -> None:
    """A start that meets the trouble is told, and is either made later or not at all: once."""
    store = FullStore(tmp_path / "t.db")
    with engine_on(store) as engine:
        store.full = True
        with pytest.raises(flawless.StoreError, match="same id is safe"):
            engine.start(programs.works, str(tmp_path), "step", id="a")
        with pytest.raises(flawless.StoreError):
            engine.start(programs.works, str(tmp_path), "step", id="a")
        store.full = False
        until(lambda: engine.health()["status"] == "ok", "the store works again")
        run = engine.start(programs.works, str(tmp_path), "step", id="a")
        assert run.result(30) == ["step first", "step", "step last"]
    assert marks(tmp_path) == ["step first", "begin step", "end step", "step last"]


def test_talking_while_the_disk_fills_up(tmp_path: Path) -> None:
    """Who sends, cancels or decides hears of the trouble at once, and may ask again."""
    store = FullStore(tmp_path / "t.db")
    with engine_on(store) as engine:
        run = engine.start(programs.dozes, 3600.0, id="a")
        until(lambda: run.status == "waiting", "it sleeps")
        store.full = True
        with pytest.raises(flawless.StoreError, match="same message id is safe") as caught:
            run.send("word", 1, id="m")
        assert caught.value.retriable
        with pytest.raises(flawless.StoreError, match="no space"):
            run.send("word", 1, id="m")
        store.full = False
        until(lambda: engine.health()["status"] == "ok", "the store works again")
        assert not run.send("word", 1, id="m"), "the first one was kept after all"
        store.full = True
        with pytest.raises(flawless.StoreError):
            run.cancel("no more")
        store.full = False
        with pytest.raises(flawless.ExecutionCancelled):
            run.result(30)


def test_a_caller_hears_that_the_engine_stops(tmp_path: Path) -> None:
    """Nobody waits for ever for an engine that has gone."""
    store = FullStore(tmp_path / "t.db")

    async def work(engine: Service) -> None:
        await engine.start("life_programs.dozes", call(3600.0), "a")
        store.full = True
        scheduler = engine._scheduler
        assert scheduler is not None
        scheduler._committer.on_problem = None  # else it would hear of that first
        sending = asyncio.create_task(engine.control.send("a", "word", b"1"))
        await asyncio.sleep(0)
        await engine.close(0.1)
        with pytest.raises(flawless.EngineStopped, match="keep the message"):
            await sending

    service = Service(store, ["life_programs"])
    with_service(service, work)


def test_stop_while_the_disk_is_full(tmp_path: Path) -> None:
    """A stop does not wait for room for ever; what was not kept is done again."""
    store = FullStore(tmp_path / "t.db")
    gate(tmp_path, "held")
    engine = engine_on(store)
    engine.open()
    engine.start(programs.works, str(tmp_path), "held", id="a")
    until(lambda: "begin held" in marks(tmp_path), "the step begins")
    store.full = True
    open_gate(tmp_path, "held")
    until(lambda: engine.health()["status"] == "failing", "the trouble shows")
    engine.close(deadline=0.2)
    with engine_on(tmp_path / "t.db") as engine:
        assert engine.get("a").result(30) == ["held first", "held", "held last"]
    assert marks(tmp_path).count("begin held") == 2


# --- other engines, other times -------------------------------------------------------------------


def test_second_engine_on_the_same_file(tmp_path: Path) -> None:
    """It is refused, in this process and another, until the first has gone."""
    with Life(tmp_path) as life:
        assert life.ask("health")["status"] == "ok"
        with pytest.raises(flawless.EngineLocked):
            engine_on(tmp_path / "t.db").open()
        life.kill()
    with engine_on(tmp_path / "t.db"), pytest.raises(flawless.EngineLocked):
        engine_on(tmp_path / "t.db").open()


def test_clock_going_backwards(tmp_path: Path) -> None:
    """Workflow time stands still rather than run backwards, and so it does after a restart."""
    clock, folder = MovableClock(), str(tmp_path)
    for n in range(3):
        gate(tmp_path, f"time {n}")

    def service() -> Service:
        return Service(SQLiteStore(tmp_path / "t.db"), ["life_programs"], clock=clock)

    async def at_gate(name: str, jump_s: float) -> None:
        async def there() -> bool:
            return f"begin {name}" in marks(tmp_path)

        await until_async(there, "the gate")
        clock.ahead_s += jump_s
        open_gate(tmp_path, name)

    async def first_life(engine: Service) -> None:
        await engine.start("life_programs.times", call(folder, 3), "a")
        await at_gate("time 0", -3600.0)

        async def on() -> bool:
            return "begin time 1" in marks(tmp_path)

        await until_async(on, "the next step")
        await engine.close(0.1)

    async def second_life(engine: Service) -> None:
        await at_gate("time 1", -3600.0)
        await at_gate("time 2", 3 * 3600.0)
        end = await engine.end("a", 30)
        assert end is not None
        seen = codec.loads(end.payload.decode())
        assert seen == sorted(seen)
        assert seen[1] - seen[0] < 60  # an hour back: time stands still
        assert seen[3] - seen[2] > 3000

    with_service(service(), first_life)
    with_service(service(), second_life)
