"""A client of the HTTP API: typed methods, and the engine's errors as the classes they are there.

Used by the command line. A client holds one connection and belongs to one thread at a time.
"""

from flawless.client.client import Client
from flawless.client.connection import URL_DEFAULT, ServerUnreachable
from flawless.client.outcomes import value
from flawless.client.tails import LogTail

__all__ = ["URL_DEFAULT", "Client", "LogTail", "ServerUnreachable", "value"]
