"""A PostgreSQL of the benchmark's own: its data, its port, its defaults; as `postgres` for root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.peers import probes

PORT: Final = 25432
DURABILITY: Final = ("fsync", "synchronous_commit", "shared_buffers")
_STARTED: Final = "FLAWLESS_PEERS_POSTGRESQL"
"""The variable of the environment that tells the number of the server's first process."""


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest ones; None where there are none."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if folders:
        return folders[-1]
    return Path(found).parent if found else None


@contextmanager
def server() -> Iterator[None]:
    """Run the server on a new set of data, and drop that at the end."""
    # where the user `postgres` may go, and which is a disk: neither holds of every clone, or /tmp
    with tempfile.TemporaryDirectory(prefix="flawless-peers-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        process = _start(Path(name) / "postgresql")
        try:
            yield
        finally:
            _stop(process)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    """Start it, and wait until it answers."""
    where = programs()
    assert where is not None
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    _run(where, "initdb", "--pgdata", str(folder / "data"), "--username=postgres", "--auth=trust",
         "--encoding=UTF8", "--locale=C.UTF-8")  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*_as_user(), str(where / "postgres"), "-D", str(folder / "data"), "-p", str(PORT),
             "-h", "127.0.0.1", "-k", str(folder)],
            stdout=log, stderr=log, cwd="/",
        )  # fmt: skip
    os.environ[_STARTED] = str(process.pid)
    end = time.monotonic() + 30
    check = [str(where / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(PORT)]
    while subprocess.run(check).returncode != 0:
        if process.poll() is not None or time.monotonic() > end:
            raise TimeoutError(f"PostgreSQL did not start; see {folder / 'server.log'}")
        time.sleep(0.05)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, its connections with it."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ask(query: str, database: str = "postgres") -> str:
    """Return the answer to a query, as text."""
    where = programs()
    assert where is not None
    done = subprocess.run(
        [str(where / "psql"), "-h", "127.0.0.1", "-p", str(PORT), "-U", "postgres",
         "-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", query],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise ConnectionError(f"PostgreSQL: {done.stderr.strip()}")
    return done.stdout.strip()


def url(database: str) -> str:
    """Return the address of a database."""
    return f"postgresql://postgres@127.0.0.1:{PORT}/{database}"


def numbers() -> list[int]:
    """Return all processes of the server."""
    return probes.descendants(int(os.environ[_STARTED]))


def commits_per_s(folder: Path, clients: int, seconds: int) -> float:
    """Return how many one-row commits so many clients make, by `pgbench`."""
    where = programs()
    assert where is not None
    ask("CREATE TABLE IF NOT EXISTS bare (id bigserial PRIMARY KEY, data text)")
    script = folder / "one-row.sql"
    script.write_text("INSERT INTO bare (data) VALUES (repeat('x', 100));\n")
    done = subprocess.run(
        [str(where / "pgbench"), "-h", "127.0.0.1", "-p", str(PORT), "-U", "postgres", "-n",
         "-M", "prepared", "-f", str(script), "-c", str(clients), "-j", "1", "-T", str(seconds),
         "postgres"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("tps")]
    return float(lines[0].split("=")[1].split()[0])


def _run(where: Path, program: str, *arguments: str) -> None:
    subprocess.run(
        [*_as_user(), str(where / program), *arguments], check=True, capture_output=True, cwd="/"
    )


def _as_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
