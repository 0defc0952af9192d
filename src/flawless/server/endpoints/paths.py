"""The endpoints about the paths of executions: what a replay shows, place by place."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.engine.endings import status_of
from flawless.engine.service import Service
from flawless.errors import EngineStopped
from flawless.server.access.callers import caller
from flawless.server.access.roles import READ
from flawless.server.access.shares import Shares
from flawless.server.endpoints import places
from flawless.server.endpoints.missed import missed_lines
from flawless.server.endpoints.points import points_page
from flawless.server.routing import endpoint
from flawless.server.wire.documents import document
from flawless.server.wire.requests import Query
from flawless.server.wire.waiting import unless_stopping
from flawless.stores.base import SEQ_END
from flawless.timetravel.path import ExecutionPath
from flawless.timetravel.studies.observatory import Observatory, View
from flawless.timetravel.studies.study import RAISED, Place

T = TypeVar("T")


class Paths:
    """The endpoints `/executions/{id}/path` and below. `stopping` ends all replays."""

    def __init__(self, service: Service, stopping: asyncio.Event, waits: Shares) -> None:
        self._observatory = Observatory(service)
        self._stopping = stopping
        self._waits = waits

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        one = f"{api.PREFIX}/executions/{{id}}/path"
        return [
            endpoint(one, self.path, GET=READ),
            endpoint(f"{one}/lines", self.lines, GET=READ),
            endpoint(f"{one}/variables", self.variables, GET=READ),
        ]

    async def path(self, request: Request) -> Response:
        """`GET /executions/{id}/path`: points `from` a number on, files, and where it failed."""
        query = Query(request, {"lines", "from", "limit"})
        lines = query.flag("lines")
        first = query.number("from", 0, least=0, most=SEQ_END)
        limit = query.number("limit", api.PATH_POINTS, least=1, most=api.PATH_POINTS_MAX)
        path = await self._path(request, lines=lines)
        page = await asyncio.to_thread(points_page, path, first, limit)
        files = await asyncio.to_thread(_files, path) if lines else []
        recording = path.recording
        return document(
            api.ExecutionPath(
                recording.execution,
                recording.run,
                recording.status,
                recording.deployment.id,
                recording.workflow,
                len(recording.entries),
                path.traced,
                len(path.points),
                page.points,
                page.stacks,
                page.frames,
                files,
                _functions(path),
                path.line_count,
                _kept(path),
                first + len(page.points) if first + len(page.points) < len(path.points) else None,
                page.raised,
                None if path.end is None else str(status_of(path.end)),
                None
                if path.error is None
                else api.PathError(type(path.error).__name__, str(path.error)),
                path.placed,
            )
        )

    async def lines(self, request: Request) -> Response:
        """`GET /executions/{id}/path/lines`: executed lines in order, `from` a number on."""
        query = Query(request, {"from", "limit"})
        first = query.number("from", 0, least=0, most=SEQ_END)
        limit = query.number("limit", api.PATH_LINES, least=1, most=api.PATH_LINES_MAX)
        path = await self._path(request, lines=True)
        pairs, kept = path.line_pairs, _kept(path)
        last = min(first + limit, kept)
        return document(
            api.PathLines(
                [] if pairs is None else pairs[2 * first : 2 * last].tolist(),
                _functions(path),
                kept,
                len(path.recording.entries),
                path.recording.run,
                last if last < kept else None,
            )
        )

    async def variables(self, request: Request) -> Response:
        """`GET /executions/{id}/path/variables`: stack and variables at one place.

        That is where the error was `raised`, or the `line` or `point` of a number; without any,
        where the workflow failed, or stands.
        """
        query = Query(request, {"point", "line", "raised", "depth", "changes"})
        depth = query.number("depth", 1, least=0, most=api.PATH_DEPTH_MAX)
        compare = query.flag("changes", default=True)
        raised = query.flag("raised")
        line = query.number("line", -1, least=0, most=SEQ_END)
        point = query.number("point", -1, least=0, most=SEQ_END)
        execution = request.path_params["id"]
        if line >= 0 and not raised:
            work = self._observatory.look_at_line(execution, line, depth=depth, compare=compare)
        else:
            if point >= 0 and not raised:
                place = Place(point)
            else:
                place = _last(await self._path(request, lines=False), raised=raised)
            work = self._observatory.look(execution, place, depth=depth, compare=compare)
        view: View = await self._waited(request, work)
        return document(places.place(view))

    # --- inside -------------------------------------------------------------------------------

    async def _path(self, request: Request, *, lines: bool) -> ExecutionPath:
        execution = request.path_params["id"]
        return await self._waited(request, self._observatory.path(execution, lines=lines))

    async def _waited(self, request: Request, work: Coroutine[Any, Any, T]) -> T:
        with self._waits.of(caller(request)):
            try:
                return await unless_stopping(self._stopping, _unless_gone(request, work))
            except EngineStopped:
                self._observatory.close()
                raise


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; raises `ClientDisconnect` when nobody waits for it any more."""
    done, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            return done.result()
        raise ClientDisconnect
    finally:
        done.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _last(path: ExecutionPath, *, raised: bool) -> Place:
    if raised or path.raised is not None:
        return RAISED
    return Place(len(path.points) - 1)


def _kept(path: ExecutionPath) -> int:
    return 0 if path.line_pairs is None else len(path.line_pairs) // 2


def _functions(path: ExecutionPath) -> list[api.PathFunction]:
    return [
        api.PathFunction(one.number, one.file, one.function, one.line)
        for one in path.blocks.values()
    ]


def _files(path: ExecutionPath) -> list[api.PathFile]:
    modules = {one.file: one for one in path.recording.deployment.manifest.modules}
    found = []
    for file in path.files:
        counts = path.counts(file)
        module = modules.get(file)
        found.append(
            api.PathFile(
                file,
                None if module is None else module.name,
                [number for pair in counts.items() for number in pair],
                [] if module is None or path.placed else missed_lines(module.source, counts),
            )
        )
    return found
