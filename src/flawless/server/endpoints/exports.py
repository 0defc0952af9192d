"""The endpoint that exports executions, to be replayed elsewhere."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from flawless import api
from flawless.engine.service import Service
from flawless.errors import StoreError
from flawless.server.access.roles import READ
from flawless.server.routing import endpoint
from flawless.server.wire.documents import ZIP_TYPE
from flawless.server.wire.requests import Query
from flawless.timetravel import Recording, record, write_export
from flawless.timetravel.files import packing
from flawless.timetravel.files.export_format import file_name

AT_ONCE_MAX: Final = 2
"""Files that are made at the same time; others wait. Sending them is not bounded."""
PIECE_BYTES: Final = 256 * 1024


class Exports:
    """The endpoint `/executions/{id}/export`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._making = asyncio.Semaphore(AT_ONCE_MAX)

    def routes(self) -> list[BaseRoute]:
        """Return the route."""
        return [endpoint(f"{api.PREFIX}/executions/{{id}}/export", self.export, GET=READ)]

    async def export(self, request: Request) -> Response:
        """`GET /executions/{id}/export`: what is durable of it now, and its code, as one file."""
        query = Query(request, {"component"})
        component = query.flag("component", default=True)
        async with self._making:
            recording = await self._recording(request.path_params["id"], component=component)
            file, size = await asyncio.to_thread(
                _made, recording, self._service.clock.now_us(), component=component
            )
        return StreamingResponse(
            _pieces(file),
            headers={
                "Content-Length": str(size),
                "Content-Disposition": f'attachment; filename="{file_name(recording.execution)}"',
            },
            media_type=ZIP_TYPE,
        )

    async def _recording(self, execution: str, *, component: bool) -> Recording:
        """Return it with the component's bytes only where they are needed: that is not often."""
        recording = await record(self._service, execution, compiled=False)
        if not component:
            return recording
        sha256 = recording.deployment.manifest.component
        if await asyncio.to_thread(packing.is_packed, sha256):
            return recording
        wasm = await self._service.store.blob(sha256)
        return recording.on(recording.deployment, wasm or b"")


def _made(recording: Recording, now_us: int, *, component: bool) -> tuple[BinaryIO, int]:
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `_pieces`)
    try:
        write_export(recording, file, now_us=now_us, contents="all" if component else "code")
        return file, file.seek(0, 2)
    except OSError as error:
        file.close()
        raise StoreError(
            "write an export", error.strerror or str(error), "Free some space.", retriable=True
        ) from error
    except BaseException:
        file.close()
        raise


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece
