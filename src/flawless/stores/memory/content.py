"""What a memory store holds, and how it is found."""

from __future__ import annotations

from flawless.errors import ExecutionNotFound
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.base import Chunk, Deployment, Message, Opening, Record, Visible


class Inbox:
    """What was sent to an execution. Limits count messages of users only."""

    __slots__ = ("known", "last", "messages", "waiting", "waiting_bytes")

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.last = 0
        self.waiting = 0
        self.waiting_bytes = 0
        self.known: set[str] = set()


class Lasting:
    """What belongs to an execution whatever run it is in."""

    __slots__ = ("children", "inbox", "response", "run", "state")

    def __init__(self, run: Run) -> None:
        self.run = run
        """The latest."""
        self.inbox = Inbox()
        self.state: Visible | None = None
        self.response: Visible | None = None
        self.children: list[Lasting] = []


class Run:
    """One run of an execution: its record is replaced, its journal grows."""

    __slots__ = ("attempts", "chunks", "lasting", "length", "listening", "number", "record")

    def __init__(
        self, number: int, record: Record, chunk: Chunk, lasting: Lasting | None = None
    ) -> None:
        self.number = number
        """Its place in the order of creation."""
        self.record = record
        self.listening = False
        self.chunks = [chunk]
        self.length = chunk.count
        self.attempts: dict[int, bytes] = {}
        self.lasting = Lasting(self) if lasting is None else lasting

    @property
    def is_earlier(self) -> bool:
        """Whether a next run has begun."""
        return self.lasting.run is not self


class Content:
    """Everything in one store."""

    def __init__(self) -> None:
        self.runs: dict[ExecutionId, Run] = {}
        self.in_order: dict[int, Run] = {}
        """The same runs by their numbers, which only rise."""
        self.numbers = 0
        self.deployments: dict[DeploymentId, Deployment] = {}
        self.blobs: dict[str, bytes] = {}
        self.active: tuple[DeploymentId, ...] = ()
        self.openings: list[Opening] = []
        self.clean = True
        """Whether each session since the last of `openings` was closed."""

    def find(self, id_: ExecutionId) -> Run:
        """Return a run, or raise `ExecutionNotFound`."""
        run = self.runs.get(id_)
        if run is None:
            raise ExecutionNotFound(id_)
        return run

    def next_number(self) -> int:
        """Return a number that was never given before."""
        self.numbers += 1
        return self.numbers
