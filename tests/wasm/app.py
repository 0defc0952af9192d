"""A guest that runs any Python it is given: what the tests of the sandbox are written against.

`run(code)` executes `code` with `call` (a request to the host) at hand, and returns the JSON of
what it left in `out`, or of the exception. `describe(count)` makes so many requests in a row.
"""

import asyncio
import datetime
import encodings.idna
import gc
import json
import random
import select
import socket
import threading
import time
import uuid

import wit_world
from wit_world.imports import host

# What the tests' code imports must be in the snapshot.
SNAPSHOT = [asyncio, datetime, encodings.idna, random, select, socket, threading, time, uuid]


class WitWorld(wit_world.WitWorld):
    """The exports."""

    def run(self, input: str) -> str:  # noqa: A002 (its name in the WIT)
        """Execute the code `input`."""
        names = {"call": host.call}
        try:
            exec(input, names)
        except Exception as error:
            return json.dumps({"error": f"{type(error).__name__}: {error}"})
        return json.dumps(names.get("out"))

    def describe(self, input: str) -> str:  # noqa: A002 (its name in the WIT)
        """Make `input` requests, each with the response to the one before."""
        response = ""
        for _ in range(int(input)):
            response = host.call(response)
        return response


gc.collect()
gc.freeze()
