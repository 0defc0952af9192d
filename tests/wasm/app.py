"""A guest that runs any Python it is given: what the tests of the sandbox are written against.

`run(code)` executes `code` with `call` (a request to the host) at hand, and returns the JSON of
what it left in `out`, or of the exception. `describe(count)` makes so many requests in a row.
"""

import _thread  # noqa: F401 (what the tests' code imports must be in the snapshot)
import asyncio  # noqa: F401
import datetime  # noqa: F401
import gc
import json
import random  # noqa: F401
import select  # noqa: F401
import socket  # noqa: F401
import threading  # noqa: F401
import time  # noqa: F401
import traceback  # noqa: F401
import uuid  # noqa: F401

import wit_world
from wit_world.imports import host

import encodings.idna  # isort: skip  # noqa: F401


class WitWorld(wit_world.WitWorld):
    """The exports."""

    def run(self, input: str) -> str:  # noqa: A002
        """Execute the code `input`."""
        names = {"call": host.call}
        try:
            exec(input, names)
        except Exception as error:
            return json.dumps({"error": f"{type(error).__name__}: {error}"})
        return json.dumps(names.get("out"))

    def describe(self, input: str) -> str:  # noqa: A002
        """Make `input` requests, each with the response to the one before."""
        response = ""
        for _ in range(int(input)):
            response = host.call(response)
        return response


gc.collect()
gc.freeze()
