"""From inboxes to guests: who is told when something has come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from flawless.engine.execution import LiveExecution
from flawless.engine.journals import read_messages
from flawless.errors import StoreError
from flawless.ids import ExecutionId
from flawless.stores.base import Store

_log = logging.getLogger("flawless.engine")

_STORE_PAUSE_S = 0.5


class Delivery:
    """Reads the inboxes of executions in memory, whenever it is told that something has come.

    For the others the store knows whether they are to be woken: `sleepers_changed` has it looked
    at. `load` queues an execution for being loaded, with its inbox, and `reload` one that was
    evicted.
    """

    def __init__(
        self,
        store: Store,
        live: Mapping[ExecutionId, LiveExecution],
        *,
        sleepers_changed: Callable[[], None],
        load: Callable[[ExecutionId], None],
        reload: Callable[[LiveExecution], None],
        spawn: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        self.loading: ExecutionId | None = None
        """The execution whose inbox is being read together with its journal."""
        self.missed = False
        """Whether something came for that one meanwhile."""
        self._store = store
        self._live = live
        self._sleepers_changed = sleepers_changed
        self._load = load
        self._reload = reload
        self._spawn = spawn

    def notify(self, execution: ExecutionId) -> None:
        """Something has come to an execution's inbox."""
        live = self._live.get(execution)
        if execution == self.loading:
            self.missed = True
        elif live is None:
            self._sleepers_changed()
        elif live.over:
            self._load(execution)  # it leaves memory, perhaps without knowing of this
        elif live.machine is None:
            self._reload(live)
        elif not live.pulling:
            live.pulling = True
            self._spawn(self._pull(live), "inbox")

    async def _pull(self, live: LiveExecution) -> None:
        """Read an inbox and deliver what is new."""
        try:
            while (machine := live.machine) is not None and not live.over:
                messages = await read_messages(self._store, live.id, after=machine.messages_seen)
                if not messages or not live.deliver(messages):
                    break
        except StoreError as error:
            known = {"execution": live.id}
            _log.error("the inbox of execution %s cannot be read: %s", live.id, error, extra=known)
            await asyncio.sleep(_STORE_PAUSE_S)
            asyncio.get_running_loop().call_soon(self.notify, live.id)
        finally:
            live.pulling = False
        if live.over or live.machine is None:
            self._load(live.id)
