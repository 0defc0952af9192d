"""`flawless.Engine`: an engine inside any Python program, without a server."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future as ThreadFuture
from datetime import datetime
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

from flawless import _futures
from flawless.core.limits import Limits
from flawless.durations import Duration, wait_seconds
from flawless.engine import arguments, bridge, native
from flawless.engine.clock import Clock
from flawless.engine.handle import Execution
from flawless.engine.secrets import Secrets
from flawless.engine.selections import moment_us, select
from flawless.engine.service import Service
from flawless.engine.settings import Settings
from flawless.engine.waiters import Known
from flawless.errors import EngineStopped
from flawless.functions import Workflow
from flawless.stores import open_store
from flawless.stores.base import Record, Selection, Store
from flawless.wasm.progress import Progress

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_NOT_OPEN = "the engine is not open: use `with Engine(...) as engine:`"

_futures.install(native.perform)


class Engine:
    """Runs workflows in this process, on a thread of its own.

    `store` is the path of an SQLite file, `":memory:"`, or a `Store`. `modules` are the modules
    that hold the workflows and steps: names, paths, or modules; with none, the engine serves what
    was uploaded to its store. Components (`pricing.wasm`) and crates of Rust (a folder with its
    `Cargo.toml`, which is built first) may stand among them. `baked=True` builds a component with
    the modules imported (some 15 s, once per version of the code), so that nothing is imported at
    each start. `secrets` are what `flawless.secret` may name (see `Secrets`), `egress` the hosts
    that HTTP requests of workflows may go to (all, if not given). `clock` is for tests.

    Durability: everything an execution has observed is durable before it acts on the world. After
    a crash, open an engine on the same store: unfinished executions go on.

    Example::

        with Engine("app.db", modules=["app"]) as engine:
            run = engine.start(app.checkout, order, id="order-42")
            print(run.result(timeout=60))
    """

    def __init__(
        self,
        store: str | Path | Store = ":memory:",
        *,
        modules: Sequence[str | Path | ModuleType],
        settings: Settings | None = None,
        limits: Limits | None = None,
        secrets: Secrets | Mapping[str, Mapping[str, Any]] | None = None,
        egress: Sequence[str] | None = None,
        clock: Clock | None = None,
        baked: bool = False,
        progress: Progress | None = None,
    ) -> None:
        chosen = settings or Settings()
        if limits is not None:
            chosen = dataclasses.replace(chosen, limits=limits)
        if secrets is not None:
            known = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
            chosen = dataclasses.replace(chosen, secrets=known)
        if egress is not None:
            chosen = dataclasses.replace(chosen, egress=tuple(egress))
        self._file = _file(store)
        self._service = Service(
            open_store(store) if isinstance(store, str | Path) else store,
            modules,
            settings=chosen,
            clock=clock,
            baked=baked,
            progress=progress,
            code=_beside(self._file, ".code"),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._mailbox: bridge.Mailbox | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop the engine lives on, on a thread of its own; None while it is not open."""
        return self._loop

    @property
    def service(self) -> Service:
        """What runs on that loop, and may be used there only."""
        return self._service

    def open(self) -> None:
        """Open the store, deploy the modules, and go on with unfinished executions.

        The first time on a machine this builds the Python runtime (under a minute).
        """
        if self._thread is not None:
            return
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="flawless-engine", daemon=True)
        thread.start()
        self._loop, self._thread, self._mailbox = loop, thread, bridge.Mailbox(loop)
        try:
            asyncio.run_coroutine_threadsafe(self._service.open(), loop).result()
        except BaseException:
            self._end_loop()
            raise

    def close(self, deadline: float | None = None) -> None:
        """Stop within `deadline` seconds; unfinished executions go on with the next engine."""
        if self._loop is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._service.close(deadline), self._loop).result()
        finally:
            self._end_loop()

    @overload
    def start(
        self,
        workflow: Workflow[P, Coroutine[Any, Any, R]],
        /,
        *args: Any,
        id: str | None = None,
        deadline: Duration | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at: datetime | None = None,
        delay: Duration | None = None,
        **kwargs: Any,
    ) -> Execution[R]: ...
    @overload
    def start(
        self,
        workflow: Workflow[P, R],
        /,
        *args: Any,
        id: str | None = None,
        deadline: Duration | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at: datetime | None = None,
        delay: Duration | None = None,
        **kwargs: Any,
    ) -> Execution[R]: ...
    @overload
    def start(
        self,
        workflow: str,
        /,
        *args: Any,
        id: str | None = None,
        deadline: Duration | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at: datetime | None = None,
        delay: Duration | None = None,
        **kwargs: Any,
    ) -> Execution[Any]: ...
    def start(
        self,
        workflow: Workflow[..., Any] | str,
        /,
        *args: Any,
        id: str | None = None,  # noqa: A002 (the public word)
        deadline: Duration | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at: datetime | None = None,
        delay: Duration | None = None,
        **kwargs: Any,
    ) -> Execution[Any]:
        """Start an execution of a workflow with these arguments.

        `id` makes the start idempotent: with the same id, workflow and arguments the existing
        execution is returned; with others, `ExecutionConflict` is raised. Arguments that do not
        fit the signature raise `InputInvalid`, and nothing is started. After `deadline` (seconds,
        timedelta or text) it is cancelled. `attributes` are texts by which `list` finds it: at most
        16, of up to 256 characters.

        It begins at `start_at` (with its time zone), or after `delay`: until then it is `waiting`,
        takes messages, and can be cancelled, with none of its code having run. Its clock and its
        deadline begin then.

        Durability: when this returns, the execution is durable.
        """
        name, function, encoded = self._prepared(workflow, args, kwargs)
        options = _options(deadline, attributes, start_at, delay)
        known = Known()
        execution, _ = self.ask(
            lambda service: service.start(name, encoded, id, known=known, **options)
        )
        return Execution(self, execution, arguments.return_annotation(function), known)

    @overload
    async def start_async(
        self,
        workflow: Workflow[P, Coroutine[Any, Any, R]],
        /,
        *args: Any,
        id: str | None = None,
        deadline: Duration | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at: datetime | None = None,
        delay: Duration | None = None,
        **kwargs: Any,
    ) -> Execution[R]: ...
    @overload
    async def start_async(
        self,
        workflow: Workflow[P, R],
        /,
        *args: Any,
        id: str | None = None,
        deadline: Duration | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at: datetime | None = None,
        delay: Duration | None = None,
        **kwargs: Any,
    ) -> Execution[R]: ...
    @overload
    async def start_async(
        self,
        workflow: str,
        /,
        *args: Any,
        id: str | None = None,
        deadline: Duration | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at: datetime | None = None,
        delay: Duration | None = None,
        **kwargs: Any,
    ) -> Execution[Any]: ...
    async def start_async(
        self,
        workflow: Workflow[..., Any] | str,
        /,
        *args: Any,
        id: str | None = None,  # noqa: A002 (the public word)
        deadline: Duration | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at: datetime | None = None,
        delay: Duration | None = None,
        **kwargs: Any,
    ) -> Execution[Any]:
        """Start an execution from an asyncio program; else as `start`."""
        name, function, encoded = self._prepared(workflow, args, kwargs)
        options = _options(deadline, attributes, start_at, delay)
        known = Known()
        execution, _ = await self.ask_async(
            lambda service: service.start(name, encoded, id, known=known, **options)
        )
        return Execution(self, execution, arguments.return_annotation(function), known)

    def fork(
        self,
        execution: Execution[Any] | str,
        *,
        at: int,
        id: str | None = None,  # noqa: A002 (the public word)
        deployment: str | None = None,
    ) -> Execution[Any]:
        """Start an execution that shares the journal entries before position `at` of another one.

        Both go on independently: the fork's effects, messages and children are its own. It runs on
        the same code, unless `deployment` names other code, by its id or as `"latest"`: what new
        executions run on. With an `id` the same fork is made once. What was under way at that place
        is done again, or is `Interrupted`, as after a crash.

        Raises `InputInvalid` when the journal cannot be cut there, `Divergence` when the code does
        not go along the shared entries, `ExecutionNotFound`, `DeploymentNotFound`, and
        `ExecutionConflict` when the id is taken.

        Durability: when this returns, the fork is durable.
        """
        name = execution if isinstance(execution, str) else execution.id
        fork, _ = self.call(
            lambda service: service.forking.fork(name, at, id, deployment=deployment)
        )
        return self.get(fork)

    def get(self, id: str) -> Execution[Any]:  # noqa: A002 (the public word)
        """Return a handle of an existing execution; raises `ExecutionNotFound`."""
        record = self.call(lambda service: service.get(id))
        function = arguments.native_function(self._service, record.workflow, record.workflow)
        return Execution(self, record.id, arguments.return_annotation(function))

    def list(
        self,
        *,
        status: str | None = None,
        workflow: str | None = None,
        prefix: str = "",
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        attributes: Mapping[str, str] | None = None,
        limit: int = 50,
        before: str | None = None,
        runs: bool = False,
    ) -> list[Record]:
        """Return executions, newest first, that fulfil all conditions; at most `limit` (1,000).

        `prefix` is how the id begins. `created_after` is the first moment that counts,
        `created_before` the first that does not count any more; both need a time zone. An execution
        has all the `attributes`. `before` is the id of an execution: for the next page, the last
        one of this page. With `runs`, earlier runs (`ID~1`) are listed too.
        """
        selection = select(
            status=status,
            workflow=workflow,
            prefix=prefix,
            created_after_us=moment_us(created_after, "created_after"),
            created_before_us=moment_us(created_before, "created_before"),
            attributes=attributes,
            runs=runs,
        )
        return self.call(lambda service: _find(service, selection, limit, before))

    def health(self) -> dict[str, Any]:
        """Return how the engine is: status, problem, numbers of executions and guests."""
        return self.call(lambda service: service.health())

    def _prepared(
        self, workflow: Workflow[..., Any] | str, args: Any, kwargs: Any
    ) -> tuple[str, Callable[..., Any] | None, bytes]:
        name = workflow if isinstance(workflow, str) else workflow.name
        function = arguments.native_function(self._service, name, workflow)
        signature = self._service.signature(name)
        return name, function, arguments.from_values(function, args, kwargs, signature)

    def submit(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> ThreadFuture[T]:
        """Begin work on the engine's loop; what handles stand on."""
        if self._loop is None:
            raise EngineStopped(_NOT_OPEN)
        return asyncio.run_coroutine_threadsafe(work(self._service), self._loop)

    def call(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """Do work on the engine's loop and wait for it."""
        self._expect_other_thread()
        return self.submit(work).result()

    def ask(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """Do work that needs no task before it first waits: as `call`, and quicker."""
        self._expect_other_thread()
        return bridge.call(self._open_mailbox(), lambda: work(self._service))

    async def ask_async(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """The same from another loop."""
        return await bridge.call_async(self._open_mailbox(), lambda: work(self._service))

    def _expect_other_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise EngineStopped(
                "an async step cannot call the engine it runs on: it would wait for itself"
            )

    def _open_mailbox(self) -> bridge.Mailbox:
        if self._mailbox is None:
            raise EngineStopped(_NOT_OPEN)
        return self._mailbox

    def _end_loop(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = self._mailbox = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _find(
    service: Service, selection: Selection, limit: int, before: str | None
) -> list[Record]:
    """Collect pages until there are `limit` records, or no more; others run in between."""
    found: list[Record] = []
    while True:
        page = await service.list(selection, limit=limit - len(found), before=before)
        found += page.records
        before = page.next
        if before is None or len(found) == limit:
            return found
        await asyncio.sleep(0)


def _options(
    deadline: Duration | None,
    attributes: Mapping[str, str] | None,
    start_at: datetime | None,
    delay: Duration | None,
) -> dict[str, Any]:
    """Return what a start was asked for as `Service.start` takes it."""
    return {
        "deadline_s": None if deadline is None else wait_seconds(deadline, "a deadline"),
        "attributes": attributes,
        "start_at_us": moment_us(start_at, "start_at"),
        "delay_s": None if delay is None else wait_seconds(delay, "a delay"),
    }


def _file(store: str | Path | Store) -> Path | None:
    """Return the store's file, if it is one that is kept."""
    if not isinstance(store, str | Path) or str(store) == ":memory:" or "://" in str(store):
        return None
    return Path(store)


def _beside(file: Path | None, ending: str) -> Path | None:
    """Return where something lies that goes with the store's file, such as uploaded code."""
    return None if file is None else file.with_name(f"{file.name}{ending}")
