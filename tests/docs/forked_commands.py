"""Carrying out the `flawless` commands of a page without an interpreter's start for each.

`flawless up` is left as it is: pages kill servers by the number of their process.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import socket
import sys
import threading
from pathlib import Path

from nursery import adopt

HERE = Path(__file__).resolve().parent
_JOB_BYTES_MAX = 1 << 20


class Commands:
    """A folder with a `flawless` in it, for the path of a page's shell."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        place = str(folder / "commands.socket")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(place)
        self._listener.listen(8)
        real = shutil.which("flawless", path=str(Path(sys.executable).parent))
        assert real is not None, "the package is installed"
        asking = [sys.executable, "-I", "-S", str(HERE / "page_command.py"), place]
        script = folder / "flawless"
        script.write_text(
            f'#!/bin/sh\n[ "$1" != up ] || exec {shlex.quote(real)} "$@"\n'
            f'exec {shlex.join(asking)} "$@"\n'
        )
        script.chmod(0o700)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more commands."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                asked, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry_out, args=(asked,), daemon=True).start()

    def _carry_out(self, asked: socket.socket) -> None:
        with asked:
            data, streams, _, _ = socket.recv_fds(asked, _JOB_BYTES_MAX, 3)
            process = adopt(json.loads(data), streams)
            for one in streams:
                os.close(one)
            ended = threading.Thread(target=process.wait)
            ended.start()
            watch = select.poll()
            watch.register(asked, select.POLLHUP)
            while ended.is_alive():
                if watch.poll(0):  # whoever asked was killed
                    process.kill()
                ended.join(0.05)
            if not watch.poll(0):
                asked.send(str(process.returncode).encode())
