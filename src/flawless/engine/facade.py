"""`flawless.Engine`: an engine inside any Python program, without a server."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import Future as ThreadFuture
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

import msgspec

from flawless import _futures, codec
from flawless.core.entries import Entry
from flawless.core.limits import Limits
from flawless.core.status import Status
from flawless.engine import arguments, native
from flawless.engine.replay import Replayed
from flawless.engine.service import End, LogLine, Service
from flawless.engine.settings import Settings
from flawless.errors import EngineStopped, ExecutionFailed, ResultTimeout
from flawless.functions import Workflow
from flawless.stores import open_store
from flawless.stores.base import Record, Store
from flawless.wasm.progress import Progress

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_futures.install(native.perform)

_FOREVER_S = 10 * 366 * 86_400.0


class Execution(Generic[R]):
    """One execution, as a handle: ask how it stands, wait for its result.

    Handles are cheap and hold no state; any number may exist for the same execution. In asyncio,
    `await run` waits for the result.
    """

    def __init__(self, engine: Engine, id: str, annotation: Any = Any) -> None:  # noqa: A002 (the public word)
        self.id = id
        self._engine = engine
        self._annotation = annotation

    def __repr__(self) -> str:
        return f"<execution {self.id}>"

    def __await__(self) -> Generator[Any, None, R]:
        return self._wait().__await__()

    @property
    def status(self) -> Status:
        """How the execution stands now."""
        return self.info().status

    def info(self) -> Record:
        """Return what the store knows of the execution."""
        return self._engine._call(lambda service: service.get(self.id))

    def result(self, timeout: float | None = None) -> R:
        """Wait for the end and return the workflow's result.

        `timeout` is in seconds. Raises `ResultTimeout` when it passes (the execution goes on),
        `ExecutionFailed` when the workflow raised.
        """
        wait_s = _FOREVER_S if timeout is None else timeout
        end = self._engine._call(lambda service: service.end(self.id, wait_s))
        if end is None:
            raise ResultTimeout(
                f"execution {self.id!r} has not ended within {timeout} s; it goes on",
                execution=self.id,
            )
        return self._value(end)

    def journal(self) -> list[Entry]:
        """Return the execution's durable journal."""
        return self._engine._call(lambda service: service.journal(self.id))

    def replay(self) -> Replayed:
        """Run the workflow again along its journal: the same path, and nothing is done.

        Raises `Divergence` when journal and code do not fit together.
        """
        return self._engine._call(lambda service: service.replay(self.id))

    def logs(self) -> list[LogLine]:
        """Return what the workflow logged and printed."""
        return self._engine._call(lambda service: service.logs(self.id))

    async def _wait(self) -> R:
        future = self._engine._submit(lambda service: service.end(self.id, _FOREVER_S))
        end = await asyncio.wrap_future(future)
        assert end is not None
        return self._value(end)

    def _value(self, end: End) -> R:
        if end.status is Status.COMPLETED:
            try:
                return cast("R", codec.loads(end.payload, self._annotation, path="result"))
            except codec.CodecError:
                # Annotations are no promise in Python: what was returned is what counts.
                return cast("R", codec.loads(end.payload, path="result"))
        raise failure(self.id, end)


class Engine:
    """Runs workflows in this process, on a thread of its own.

    `store` is the path of an SQLite file, `":memory:"`, or a `Store`. `modules` are the modules
    that hold the workflows and steps: names, paths, or modules. `baked=True` builds a component
    with the modules imported (some 15 s, once per version of the code), so that nothing is imported
    at each start.

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
        baked: bool = False,
        progress: Progress | None = None,
    ) -> None:
        chosen = settings or Settings()
        if limits is not None:
            chosen = _with_limits(chosen, limits)
        self._service = Service(
            open_store(store) if isinstance(store, str | Path) else store,
            modules,
            settings=chosen,
            baked=baked,
            progress=progress,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Engine:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Open the store, deploy the modules, and go on with unfinished executions.

        The first time on a machine this builds the Python runtime (under a minute).
        """
        if self._thread is not None:
            return
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="flawless-engine", daemon=True)
        thread.start()
        self._loop, self._thread = loop, thread
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
        **kwargs: Any,
    ) -> Execution[R]: ...
    @overload
    def start(
        self, workflow: Workflow[P, R], /, *args: Any, id: str | None = None, **kwargs: Any
    ) -> Execution[R]: ...
    @overload
    def start(
        self, workflow: str, /, *args: Any, id: str | None = None, **kwargs: Any
    ) -> Execution[Any]: ...
    def start(
        self,
        workflow: Workflow[..., Any] | str,
        /,
        *args: Any,
        id: str | None = None,  # noqa: A002 (the public word)
        **kwargs: Any,
    ) -> Execution[Any]:
        """Start an execution of a workflow with these arguments.

        `id` makes the start idempotent: with the same id, workflow and arguments the existing
        execution is returned; with others, `ExecutionConflict` is raised. Arguments that do not
        fit the signature raise `InputInvalid`, and nothing is started.

        Durability: when this returns, the execution is durable.
        """
        name, function, encoded = self._prepared(workflow, args, kwargs)
        execution, _ = self._call(lambda service: service.start(name, encoded, id))
        return Execution(self, execution, arguments.return_annotation(function))

    @overload
    async def start_async(
        self,
        workflow: Workflow[P, Coroutine[Any, Any, R]],
        /,
        *args: Any,
        id: str | None = None,
        **kwargs: Any,
    ) -> Execution[R]: ...
    @overload
    async def start_async(
        self, workflow: Workflow[P, R], /, *args: Any, id: str | None = None, **kwargs: Any
    ) -> Execution[R]: ...
    @overload
    async def start_async(
        self, workflow: str, /, *args: Any, id: str | None = None, **kwargs: Any
    ) -> Execution[Any]: ...
    async def start_async(
        self,
        workflow: Workflow[..., Any] | str,
        /,
        *args: Any,
        id: str | None = None,  # noqa: A002 (the public word)
        **kwargs: Any,
    ) -> Execution[Any]:
        """Start an execution from an asyncio program; else as `start`."""
        name, function, encoded = self._prepared(workflow, args, kwargs)
        future = self._submit(lambda service: service.start(name, encoded, id))
        execution, _ = await asyncio.wrap_future(future)
        return Execution(self, execution, arguments.return_annotation(function))

    def get(self, id: str) -> Execution[Any]:  # noqa: A002 (the public word)
        """Return a handle of an existing execution; raises `ExecutionNotFound`."""
        record = self._call(lambda service: service.get(id))
        function = arguments.native_function(self._service, record.workflow, record.workflow)
        return Execution(self, record.id, arguments.return_annotation(function))

    def list(
        self,
        *,
        status: str | None = None,
        workflow: str | None = None,
        prefix: str = "",
        limit: int = 50,
        before: str | None = None,
    ) -> list[Record]:
        """Return executions, newest first."""
        return self._call(
            lambda service: service.list(
                status=status, workflow=workflow, prefix=prefix, limit=limit, before=before
            )
        )

    def health(self) -> dict[str, Any]:
        """Return how the engine is: status, problem, numbers of executions and guests."""
        return self._call(lambda service: service.health())

    def _prepared(
        self, workflow: Workflow[..., Any] | str, args: Any, kwargs: Any
    ) -> tuple[str, Callable[..., Any] | None, bytes]:
        name = workflow if isinstance(workflow, str) else workflow.name
        function = arguments.native_function(self._service, name, workflow)
        return name, function, arguments.from_values(function, args, kwargs)

    def _submit(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> ThreadFuture[T]:
        if self._loop is None:
            raise EngineStopped("the engine is not open: use `with Engine(...) as engine:`")
        return asyncio.run_coroutine_threadsafe(work(self._service), self._loop)

    def _call(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        if threading.current_thread() is self._thread:
            raise EngineStopped(
                "an async step cannot call the engine it runs on: it would wait for itself"
            )
        return self._submit(work).result()

    def _end_loop(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def failure(execution: str, end: End) -> ExecutionFailed:
    """Return the error that tells a caller how an execution failed."""
    error = msgspec.json.decode(end.payload)
    type_ = f"{error.get('module', '')}.{error.get('type', '')}".removeprefix("builtins.").strip(
        "."
    )
    return ExecutionFailed(
        execution, type_, str(error.get("message", "")), str(error.get("traceback", "")), error
    )


def _with_limits(settings: Settings, limits: Limits) -> Settings:
    return dataclasses.replace(settings, limits=limits)
