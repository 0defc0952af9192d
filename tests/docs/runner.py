"""Does what the reader of a page does: writes its files, types its commands, runs its Python.

Every page gets an empty folder of its own, one bash and one Python, and its blocks are carried out
in order, so a page may build on what it showed before:

- a block whose first line is `# file: app.py` (or `// file: ...`, `<!-- file: ... -->`) is written
  to that file; a Python file is then imported once, by another process, which finds mistakes on its
  top level,
- `python` runs in the page's Python; names live on from block to block,
- `console` (or `sh`) types each `$ ` command into the page's bash (`> ` continues one); variables,
  folders and jobs live on. A command that ends in `&` is a server: the runner waits until it
  listens. All processes of a page end with it,
- `json` and `toml` are parsed; `text` and `wit` are for people only,
- `rust` is compiled with the Rust of all other pages (`test_rust_pages.py`), and not run here.

Any other language fails the page. A remark right before a block says what else is expected:
`<!-- test: status=1 -->`, its last command (or its Python) ends with that status;
`<!-- test: output -->`, what the page shows below each command is what it prints, where `...`
stands for any text.

Five things differ from a reader's terminal. Port 27288 becomes a free one, which `FLAWLESS_URL`
and `FLAWLESS_PORT` name. `git clone` copies this working tree. `make` only says what it would do.
`flawless` is forked from a process that has imported it already (`forked_commands.py`), apart from
`flawless up`. Crates are built without optimisation at link time.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import monotonic, sleep

from blocks import Block, PageInvalid, commands, matches
from forked_commands import Commands
from terminal import Terminal, TerminalEnded

from compiling import CHEAP
from nursery import grow

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PORT = "27288"
LISTENS_S_MAX = 300.0
_LOOK_AGAIN_S = 0.05
_PARSERS = {"json": json.loads, "toml": tomllib.loads}
_NOT_HERE = {"text", "wit", "rust"}


class BlockFailed(AssertionError):
    """A block does not do what its page says."""

    def __init__(self, block: Block, reason: str) -> None:
        super().__init__(f"{block.where}: {reason}")


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    """Give a reader an empty folder below `folder`, and end all its processes afterwards."""
    with ExitStack() as processes:
        yield Reader(folder, processes)


class Reader:
    """Somebody who follows one page."""

    def __init__(self, folder: Path, processes: ExitStack) -> None:
        self.folder = folder / "page"
        self.folder.mkdir()
        self.port = _free_port()
        self._private = folder
        self._processes = processes
        self._commands = processes.enter_context(closing(Commands(folder / "commands")))
        self._terminals: dict[str, Terminal] = {}

    def follow(self, block: Block) -> None:
        """Carry out one block. Raises `BlockFailed`, or `PageInvalid` if nothing can."""
        if block.file is not None:
            self._write(block, block.file)
        elif block.language == "python":
            self._run("python", block, block.code, block.status)
        elif block.language in {"console", "sh"}:
            self._type(block)
        elif block.language in _PARSERS:
            self._parse(block)
        elif block.language not in _NOT_HERE:
            raise PageInvalid(f"{block.where}: nothing carries out {block.language!r}")

    def _write(self, block: Block, name: str) -> None:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise PageInvalid(f"{block.where}: {name} is outside the page's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code.replace(PORT, str(self.port)))
        if path.suffix == ".py":
            module = ".".join(Path(name).with_suffix("").parts).removesuffix(".__init__")
            imported = grow(
                ["-c", f"import importlib; importlib.import_module({module!r})"],
                cwd=self.folder,
                env=self._environment(),
                quiet=True,
            )
            printed = imported.stdout.read().decode()
            imported.close()
            if imported.returncode != block.status:
                raise BlockFailed(block, f"importing {module}:\n{printed}")

    def _type(self, block: Block) -> None:
        typed = commands(block)
        for number, (command, shown) in enumerate(typed, 1):
            status = block.status if number == len(typed) else 0
            printed = self._run("bash", block, command, status)
            if block.shows_output and not matches(shown, printed):
                raise BlockFailed(block, f"$ {command}\nprints\n{printed}\nand not\n{shown}")

    def _parse(self, block: Block) -> None:
        try:
            _PARSERS[block.language](block.code)
        except ValueError as error:
            raise BlockFailed(block, f"this is no {block.language}: {error}") from error

    def _run(self, program: str, block: Block, code: str, status: int) -> str:
        """Run `code`, check its status, and return what it printed."""
        terminal = self._terminal(program)
        try:
            ended, *job = terminal.run(code.replace(PORT, str(self.port)), block.where)
            if job and code.rstrip().endswith("&") and not self._listens(job[0]):
                raise TerminalEnded(f"the server does not listen on port {self.port}")
        except TerminalEnded as error:
            raise BlockFailed(block, f"{error}\n{code}\n{terminal.output()}") from error
        printed = terminal.output()
        if ended != status:
            raise BlockFailed(block, f"ended with status {ended}:\n{code}\n{printed}")
        return printed.replace(str(self.port), PORT)

    def _terminal(self, program: str) -> Terminal:
        """Return the page's bash or Python, started when it is first needed."""
        if program not in self._terminals:
            command = {
                "bash": ["bash", "--noprofile", "--norc", str(HERE / "page.bash")],
                "python": [sys.executable, str(HERE / "page_python.py")],
            }[program]
            terminal = Terminal(command, self.folder, self._private / program, self._environment())
            self._terminals[program] = self._processes.enter_context(closing(terminal))
        return self._terminals[program]

    def _listens(self, job: int) -> bool:
        """Wait until something listens on the page's port; False if the job ends before."""
        deadline = monotonic() + LISTENS_S_MAX
        while monotonic() < deadline and _lives(job):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            sleep(_LOOK_AGAIN_S)
        return False

    def _environment(self) -> dict[str, str]:
        places = [self._commands.folder, Path(sys.executable).parent, os.environ["PATH"]]
        own = {
            "PATH": os.pathsep.join(map(str, places)),
            "PYTHONPATH": str(self.folder),
            "PYTHONUNBUFFERED": "1",
            "FLAWLESS_PORT": str(self.port),
            "FLAWLESS_URL": f"http://127.0.0.1:{self.port}",
            "FLAWLESS_TREE": str(ROOT),
        }
        return {**os.environ, **CHEAP, **own}


def _free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
