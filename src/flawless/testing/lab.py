"""The laboratory: an engine whose time, outside world and crashes are the test's."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future as ThreadFuture
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from flawless.durations import LONGEST_S, Duration, seconds
from flawless.engine.facade import Engine
from flawless.engine.handle import Execution
from flawless.engine.outside import Outside
from flawless.engine.secrets import Secrets
from flawless.engine.service import Service
from flawless.engine.settings import Settings
from flawless.errors import EngineStopped, UsageError
from flawless.functions import Step, Workflow
from flawless.stores import open_store
from flawless.stores.base import Store
from flawless.testing.clock import BEGINNING, VirtualClock, microseconds
from flawless.testing.crashes import Crash, Crashes, CrashPoint, Side
from flawless.testing.exports import export_journal
from flawless.testing.life import LabService, Life
from flawless.testing.steps import Call, FakeStep, FakeSteps
from flawless.testing.sweep import CrashReport, Sweep
from flawless.testing.turns import Turns
from flawless.testing.web import FakeHttp, FakeWeb

T = TypeVar("T")

_NOT_OPEN = "the lab is not open: use `with Lab(...) as lab:`"


class Lab(Engine):
    """An engine for tests. Everything `flawless.Engine` can do, and:

    - *virtual time*: it stands still while anything is under way, and jumps to the next thing that
      is due while somebody waits for a result (`auto`), or when told (`advance`). It begins at
      `now`.
    - *fakes* in place of steps and of the network; without `network`, no real request is sent.
    - *crashes* at any entry of a journal, after which the engine is opened again on the same store.
    - *no chance*: random numbers, ids and pauses between attempts are the same in every run, and
      others with another `seed`.

    `modules` are as for `Engine`, and so are `store`, `settings`, `secrets` and `egress`. Use it as
    a context manager; it may be used in async tests, too, as its engine has a thread of its own.

    Example::

        with Lab("app") as lab:
            lab.fake(app.charge, "receipt-1")
            run = lab.start(app.subscription, "ann")
            assert run.result() == "receipt-1"     # after a virtual month
    """

    __test__ = False  # for pytest: this is no test

    def __init__(
        self,
        *modules: str | Path | ModuleType,
        store: str | Path | Store = ":memory:",
        now: datetime = BEGINNING,
        auto: bool = True,
        seed: int = 0,
        network: bool = False,
        settings: Settings | None = None,
        secrets: Secrets | Mapping[str, Mapping[str, Any]] | None = None,
        egress: Sequence[str] | None = None,
    ) -> None:
        self.clock = VirtualClock(now)
        self._began = now
        self._modules = modules
        self._auto = auto
        self._seed = seed
        self._network = network
        self._plan = Crashes()
        self.crashes: list[Crash] = self._plan.happened
        """The crashes that have happened."""
        self._turns = Turns()
        self._steps = FakeSteps(self.clock, self._turns)
        self._web = FakeWeb(self.clock, self._steps, network=network)
        outside = Outside(
            find_step=self._steps.find,
            http=self._web.performer,
            jitter=lambda: 1.0,
            seed=self._seed_of,
        )
        self._given = settings or Settings(evict_after_s=LONGEST_S)  # replaying takes real time
        if secrets is not None:
            known = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
            self._given = dataclasses.replace(self._given, secrets=known)
        if egress is not None:
            self._given = dataclasses.replace(self._given, egress=tuple(egress))
        self._settings = dataclasses.replace(self._given, outside=outside)
        self._real_store = open_store(store) if isinstance(store, str | Path) else store
        self._life: Life | None = None
        """The present one; None while there is none."""
        self._latest: Life | None = None
        self._lock = threading.Lock()
        self._pending: dict[str, tuple[Callable[[Service], Any], ThreadFuture[Any]]] = {}
        self._names = (f"lab-{n}" for n in itertools.count(1))
        self._ids: dict[str, str] = {}
        self._started: Counter[str] = Counter()
        self._closed = True

    # --- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Lab:
        self.open()
        return self

    def open(self) -> None:
        """Open the store and deploy the modules."""
        if self._closed:
            life = self._new_life()
            life.open()
            self._live_in(life)
            self._closed = False

    def close(self, deadline: float | None = None) -> None:
        """Stop the engine; effects under way are given up, unless they end within `deadline` s."""
        with self._lock:
            life, self._life, self._closed = self._life, None, True
            pending = list(self._pending.values())
            self._pending.clear()
        if life is not None:
            life.close(deadline or 0.0)
        elif self._latest is not None:
            self._latest.thread.join()  # it has crashed, and may be opening the next one
        for _, outer in pending:
            if not outer.done():
                outer.set_exception(EngineStopped("the lab was closed"))
        self._steps.close()

    # --- time ---------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The virtual time, in UTC."""
        return self.clock.now

    def advance(self, duration: Duration) -> datetime:
        """Let that much virtual time pass, with everything that is due on the way, in order.

        Returns the time then, when all that follows from it has happened.
        """
        until_us = self.clock.now_us() + round(seconds(duration) * 1_000_000)
        return self._reach(until_us)

    def advance_to(self, time: datetime) -> datetime:
        """Let time pass until then; else as `advance`."""
        return self._reach(microseconds(time))

    def settle(self) -> datetime:
        """Return when nothing is under way any more, without letting any virtual time pass."""
        return self._reach(self.clock.now_us())

    def run_until_idle(self) -> datetime:
        """Let time pass until nothing more is due: what has not ended waits for messages, people.

        Raises `LabStuck` when that does not come to an end within 1,000 years.
        """
        return self._reach(None)

    def _reach(self, until_us: int | None) -> datetime:
        async def reach(service: Service) -> None:
            assert isinstance(service, LabService)
            await service.pace.reach(until_us)

        self.call(reach)
        return self.now

    # --- the outside world --------------------------------------------------------------------

    def fake(
        self,
        step: Step[..., Any] | str,
        outcome: Any = None,
        *,
        outcomes: Sequence[Any] | None = None,
        takes: Duration = 0,
    ) -> FakeStep:
        """Put a fake in place of a step, for good or for the length of a `with`.

        - `outcome`: a value to return, an exception (class or object) to raise, or a function, sync
          or async, that is called with the decoded arguments.
        - `outcomes`: one of these for each call. An effect that is repeated after a crash gets
          the same one again; a call too many is an error.
        - `takes`: how long each call takes, in virtual time. If that is longer than the step's
          timeout, it ends with `StepTimeout` then.

        The step's retries stay in force. `calls` of the returned fake has every call.
        """
        return self._steps.add(step, outcome, outcomes, takes)

    def fake_http(
        self,
        route: str | Callable[..., Any],
        outcome: Any = None,
        *,
        outcomes: Sequence[Any] | None = None,
        takes: Duration = 0,
    ) -> FakeHttp:
        """Put a fake in place of a part of the network, for good or for the length of a `with`.

        `route` is `"GET https://shop.example/orders/*"`: a method, or none for all, and a URL in
        which `*` stands for anything. A query is compared only if the route has one. The fake that
        was made last wins. An outcome is a `Reply`, a status, a text, bytes, a dict or list (JSON),
        an exception such as `flawless.ConnectError`, or a function of a `Request` that returns or
        raises one of these. `outcomes` and `takes` are as for `fake`; timeouts are those of the
        requests. `lab.fake_http(function)` answers everything.

        Redirects, allow-lists and secrets work as they do with a real network.
        """
        return self._web.add(route, outcome, outcomes, takes)

    def fake_calls(self) -> list[tuple[str, Call]]:
        """Return every call of every fake step, with the step's name."""
        return self._steps.calls()

    # --- crashes ------------------------------------------------------------------------------

    def crash_at(
        self, entry: int, *, side: Side = "after", execution: Execution[Any] | str | None = None
    ) -> None:
        """Crash as by `kill -9` at the n-th entry of a journal, once, and open the engine again.

        Entry 1 is the start; entries count over all runs. `side="after"`: the entry is durable, and
        nothing else has happened since. `side="before"`: it is lost; so an effect whose outcome it
        holds has happened and nobody knows. Without `execution`, whichever comes there first.
        """
        if entry < 1 or side not in ("before", "after"):
            raise UsageError('crash_at(entry, side="before" or "after"): entries count from 1')
        name = execution.id if isinstance(execution, Execution) else execution
        self._plan.planned.append(CrashPoint(entry, side, name))

    def crash(self) -> None:
        """Crash now, whatever is under way, and open the engine again."""
        with self._lock:
            life = self._life
            if life is None:
                raise EngineStopped(_NOT_OPEN)
            self._life = None
            self.crashes.append(Crash("", 0, "after"))
            life.kill()
        life.thread.join()

    def crash_everywhere(
        self,
        workflow: Workflow[..., Any] | str,
        *args: Any,
        sides: Sequence[Side] = ("before", "after"),
        during: Callable[[Lab, Execution[Any]], object] | None = None,
        setup: Callable[[Lab], object] | None = None,
        **kwargs: Any,
    ) -> CrashReport:
        """Run a workflow undisturbed, and then with a crash at each entry of its journal.

        Each run has a lab of its own, in memory, with the fakes of this one. All must have the same
        result, see the same, and leave the same executions behind; otherwise `AssertionError` names
        the entry. An effect that must not be repeated may be `Interrupted` instead.

        `setup(lab)` is called before each run: set back there what steps have changed. `during(lab,
        run)` is called in each run after the start: send messages, let time pass.
        """
        sweep = Sweep(self._twin, workflow, args, kwargs, during=during, setup=setup)
        return sweep.run(sides)

    def _twin(self) -> Lab:
        """Return another lab like this one, in memory, with fakes to which nothing has happened."""
        lab = Lab(
            *self._modules,
            now=self._began,
            auto=self._auto,
            seed=self._seed,
            network=self._network,
            settings=self._given,
        )
        self._steps.copy_to(lab._steps)
        self._web.copy_to(lab._web)
        return lab

    # --- journals -----------------------------------------------------------------------------

    def export(self, execution: Execution[Any] | str) -> bytes:
        """Return an execution's journal as a file for `replay_journal`; see `export_journal`."""
        handle = execution if isinstance(execution, Execution) else self.get(execution)
        return export_journal(handle)

    def save(self, execution: Execution[Any] | str, path: str | Path) -> Path:
        """Write an execution's journal to a file for `replay_journal`."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.export(execution))
        return file

    # --- inside -------------------------------------------------------------------------------

    def submit(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> ThreadFuture[T]:
        """Begin work on the engine's loop, again if the engine crashes meanwhile."""
        outer: ThreadFuture[T] = ThreadFuture()
        with self._lock:
            if self._closed:
                raise EngineStopped(_NOT_OPEN)
            name = next(self._names)
            self._pending[name] = work, outer
            life = self._life
        outer.add_done_callback(lambda _: self._pending.pop(name, None))
        if life is not None:
            life.submit(name, work, outer)
        return outer

    def call(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """Do work on the engine's loop and wait for it."""
        life = self._life
        if life is not None and threading.current_thread() is life.thread:
            raise EngineStopped(
                "an async step or fake cannot call the lab it runs in: it would wait for itself"
            )
        return self.submit(work).result()

    def ask(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """Do work on the engine's loop and wait for it."""
        return self.call(work)

    async def ask_async(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """The same from another loop."""
        return await asyncio.wrap_future(self.submit(work))

    def _new_life(self) -> Life:
        return Life(
            self._real_store,
            self._modules,
            settings=self._settings,
            clock=self.clock,
            turns=self._turns,
            crashes=self._plan,
            auto=self._auto,
            name_of=self._name_of,
            crashed=self._reopen,
        )

    def _live_in(self, life: Life) -> None:
        self._life = self._latest = life

    @property
    def _service(self) -> Service:  # type: ignore[override]  # another one after each crash
        if self._latest is None:
            raise EngineStopped(_NOT_OPEN)
        return self._latest.service

    def _reopen(self, dead: Life) -> None:
        """The engine has crashed: open the next one, and make unanswered calls again."""
        with self._lock:
            self._life = None
            if self._closed:
                return
        try:
            life = self._new_life()
            life.open()
        except BaseException as error:
            for _, outer in list(self._pending.values()):
                if not outer.done():
                    outer.set_exception(error)
            return
        with self._lock:
            closed = self._closed
            if not closed:
                self._live_in(life)
            pending = list(self._pending.items())
        if closed:
            life.close(0.0)
        for name, (work, outer) in pending:
            life.submit(name, work, outer)

    def _name_of(self, workflow: str, call: str) -> str:
        """Return the id of the execution that a call starts: `pay-1`, `pay-2`, ..."""
        if call not in self._ids:
            function = workflow.rpartition(".")[2]
            short = "".join(c for c in function if (c.isascii() and c.isalnum()) or c in "_-")
            self._started[short] += 1
            self._ids[call] = f"{short.lstrip('_-') or 'run'}-{self._started[short]}"
        return self._ids[call]

    def _seed_of(self, execution: str) -> bytes:
        return hashlib.blake2b(f"{self._seed}\n{execution}".encode(), digest_size=32).digest()
