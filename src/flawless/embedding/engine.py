"""`flawless.Engine`: the engine inside a program, and what it can serve from there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flawless.durations import Duration, wait_seconds
from flawless.engine.facade import Engine as Facade
from flawless.ids import new_key

if TYPE_CHECKING:
    from flawless.server.access.limits import RequestLimits
    from flawless.server.hosting.hosted import Judge
    from flawless.server.hosting.mounted import MountedApp


class Engine(Facade):
    __doc__ = Facade.__doc__

    _apps: tuple[MountedApp, ...] = ()
    _key: bytes | None = None

    def asgi(
        self,
        *,
        access: Judge | None = None,
        token: str | None = None,
        data: str | Path | None = None,
        local: bool = False,
        origins: Sequence[str] = (),
        limits: RequestLimits | None = None,
    ) -> MountedApp:
        """Return the server as an ASGI application: HTTP API, web UI, and `flawless.js`.

        Mount it in FastAPI, Starlette or any other ASGI application, below any prefix. Its
        `lifespan` opens and closes the engine.

        Who may ask? Being on this machine opens nothing by itself, as a proxy may make all the
        world seem to be. What opens: capability tokens; `token` (FLAWLESS_TOKEN if not given),
        which opens everything; the tokens of `flawless tokens --data DATA`, with `data` as their
        folder; and `access`, with which the application tells who its own users are. That is a
        function, async or not, that gets the request (a Starlette `HTTPConnection`) and returns
        None or a name and a role, such as `("ann", "operate")`; pages of other origins are kept
        out. `local=True`, for development, lets everybody on this machine do everything, as
        `flawless up` does. Pages of `origins` may send requests with tokens from elsewhere.

        Example::

            engine = flawless.Engine("app.db", modules=["shop"])
            served = engine.asgi(local=True)
            app = FastAPI(lifespan=served.lifespan)
            app.mount("/flawless", served)
        """
        from flawless.server.access.callers import Access
        from flawless.server.access.limits import RequestLimits
        from flawless.server.hosting.mounted import MountedApp

        known = Access(
            token=token or os.environ.get("FLAWLESS_TOKEN") or None,
            data=None if data is None else Path(data),
            origins=tuple(origins),
            limits=limits or RequestLimits(),
        )
        app = MountedApp(self, known, key=self._signing_key, local=local, judge=access)
        self._apps += (app,)
        return app

    def capability(
        self,
        id: str,  # noqa: A002 (the public word)
        rights: Sequence[str] = ("state", "send"),
        *,
        ttl: Duration = "1h",
        messages: Sequence[str] | None = None,
    ) -> str:
        """Return a token that opens this execution and nothing else, for `ttl`.

        `rights` are `state` (see how it stands), `send` (send it messages, those named in
        `messages` if given) and `journal` (read journal and logs). It opens what `asgi` serves, so
        that a page in a browser can be given access to exactly one execution. The key that signs it
        is kept beside the store's file (`app.db.key`), where others cannot read it. Raises
        `ExecutionNotFound`, `InputInvalid`.
        """
        from flawless.server.access.capabilities import Capabilities, granted
        from flawless.server.hosting.hosted import HOST_ID

        record = self.call(lambda service: service.get(id))
        now_us = self._service.clock.now_us()
        ttl_s = wait_seconds(ttl, "a capability's time")
        asked = None if messages is None else [*messages]
        grant = granted(record.id, [*rights], ttl_s, asked, now_us=now_us, issuer=HOST_ID)
        return Capabilities(self._signing_key()).write(grant)

    def close(self, deadline: float | None = None) -> None:
        """Stop within `deadline` seconds; unfinished executions go on with the next engine."""
        loop = self._loop
        if loop is not None:
            for app in self._apps:
                asyncio.run_coroutine_threadsafe(app.drain(), loop).result()
        super().close(deadline)

    def _signing_key(self) -> bytes:
        from flawless.server.access.keys import key_at

        if self._key is None:
            file = self._file
            where = None if file is None else file.with_name(f"{file.name}.key")
            self._key = new_key() if where is None else key_at(where)
        return self._key
