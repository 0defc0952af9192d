"""Clients of the HTTP API: typed methods, and the engine's errors as the classes they are there.

`Client` blocks, `AsyncClient` awaits; both have the same methods, made from the same calls.
"""

from flawless.client.address import URL_DEFAULT
from flawless.client.answers import AnswerBroken, ServerUnreachable
from flawless.client.asynchronous import AsyncClient
from flawless.client.client import Client
from flawless.client.outcomes import value
from flawless.client.streams import Changes, Event
from flawless.client.tails import AsyncLogTail, LogTail

__all__ = [
    "URL_DEFAULT",
    "AnswerBroken",
    "AsyncClient",
    "AsyncLogTail",
    "Changes",
    "Client",
    "Event",
    "LogTail",
    "ServerUnreachable",
    "value",
]
