"""The `flawless` that a page types: carried out by a process that has imported it already.

`page_command.py SOCKET ARGUMENTS` hands its arguments, environment and streams to
`forked_commands.py`, and ends as the command does. It imports next to nothing: that is its purpose.
"""

from __future__ import annotations

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
    asked.connect(sys.argv[1])
    job = {
        "arguments": ["-m", "flawless.cli", *sys.argv[2:]],
        "cwd": os.getcwd(),  # noqa: PTH109 (pathlib takes as long to import as all the rest)
        "environment": dict(os.environ),
    }
    socket.send_fds(asked, [json.dumps(job).encode()], [0, 1, 2])
    status = int(asked.recv(64) or b"1")
sys.exit(status if status >= 0 else 128 - status)
