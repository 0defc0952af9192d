"""Taking in code that is uploaded while the engine runs, to its end, whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from flawless.engine.clock import Clock
from flawless.engine.library import Library


class Deploying:
    """Uploads to a library. What has begun ends by itself, or when the engine is closed."""

    def __init__(self, library: Library, clock: Clock) -> None:
        self._library = library
        self._clock = clock
        self._uploads: set[asyncio.Future[tuple[str, bool]]] = set()

    async def sources(
        self,
        files: Mapping[str, str],
        modules: Sequence[str],
        label: str = "",
        *,
        serve: bool = True,
    ) -> tuple[str, bool]:
        """Deploy Python sources, given by path; return the deployment's id and whether it is new.

        See `Library.upload`, which says what changes, what is durable, and what it raises.
        """
        now_us = self._clock.now_us()
        return await self._do(self._library.upload(files, modules, label, now_us, serve=serve))

    async def component(
        self, wasm: bytes, label: str = "", *, serve: bool = True
    ) -> tuple[str, bool]:
        """Deploy a component; see `Library.upload_component`, else as `sources`."""
        now_us = self._clock.now_us()
        return await self._do(self._library.upload_component(wasm, label, now_us, serve=serve))

    async def close(self) -> None:
        """Give up what is under way."""
        uploads = list(self._uploads)
        for upload in uploads:
            upload.cancel()
        await asyncio.gather(*uploads, return_exceptions=True)

    async def _do(self, work: Coroutine[Any, Any, tuple[str, bool]]) -> tuple[str, bool]:
        upload = asyncio.ensure_future(work)
        self._uploads.add(upload)
        upload.add_done_callback(self._uploads.discard)
        return await asyncio.shield(upload)
