"""The shape of the source: which way imports point, who may touch what, and what nobody may use.

A failure here names file and line. Where a rule is wrong, change the rule in the same commit, with
a line on why in `docs/internals/decisions.md`.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from repository import (
    PACKAGE,
    ROOT,
    dotted,
    files,
    imports,
    module_name,
    python_files,
    shown,
    uses,
)
from repository import tree as syntax_tree

LINES_MAX = 500

# What each part of the package may import of the others. A part that is not listed here fails the
# test: give it its place first.
FOUNDATION = {"errors", "ids", "codec", "durations"}
PRIMITIVES = {"_children", "_compensation", "_conversation", "_futures", "_messages", "_runs"}
INNER = FOUNDATION | PRIMITIVES | {"core", "functions", "stores", "wasm", "engine"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "ids": {"errors"},
    "codec": set(),  # codec and durations serve the guest too: the standard library only
    "durations": set(),
    "core": FOUNDATION,
    "_futures": FOUNDATION,
    "_timers": FOUNDATION | {"_futures"},  # serves the guest too, as do http and refusals
    "_later": {"client"},
    "_runs": set(),  # serves the guest too, as do the next four
    "_signatures": set(),
    "_messages": FOUNDATION,
    "_gathering": FOUNDATION | {"_futures"},
    "_compensation": FOUNDATION | {"_futures", "_parking", "_runs", "_signatures"},
    "_parking": set(),  # the guest has its own, as of the next three
    "_conversation": FOUNDATION | {"_futures", "_messages", "refusals"},
    "_children": FOUNDATION | {"_futures", "_runs", "refusals"},
    "_secrets": {"errors"},
    "refusals": {"errors", "http"},
    "http": FOUNDATION | {"_futures", "refusals"},
    "functions": FOUNDATION | {"_children", "_futures", "_messages", "_signatures", "core"},
    "stores": FOUNDATION | {"core"},
    "wasm": FOUNDATION | {"core"},
    "rust": FOUNDATION | {"wasm"},
    "engine": INNER | {"rust"},  # crates that it is given are built first
    "api": set(),  # the documents of the HTTP API, shared by server and client
    "client": FOUNDATION | {"api"},
    "timetravel": INNER,
    "server": INNER | {"api", "timetravel"},
    "embedding": INNER | {"server"},
    "cli": INNER | {"api", "client", "rust", "server", "timetravel"},
    "testing": INNER | {"http", "timetravel"},
}

# The parts of the server, each of which imports only from those before it.
SERVER = (
    "wire", "access", "routing", "endpoints", "streams", "openapi", "site", "app", "hosting",
)  # fmt: skip

# Libraries that only one part may know, so that it can be replaced without the others noticing.
ONLY_IN = {
    "wasmtime": {"flawless.wasm"},
    "componentize_py": {"flawless.wasm"},
    "jsonschema_rs": {"flawless.engine"},
    "apsw": {"flawless.stores.sqlite"},
    "sqlite3": set[str](),
    "httpx": {"flawless.engine", "flawless.client", "flawless.testing"},
    "opentelemetry": {"flawless.engine.tracing"},
    "prometheus_client": {"flawless.server"},
    "starlette": {"flawless.server"},
    "uvicorn": {"flawless.server", "flawless.cli"},
    "typer": {"flawless.cli"},
    "rich": {"flawless.cli"},
}

# The core decides; it does not act. It is handed the time, and everything else it needs to know.
CORE_FORBIDS = {
    "asyncio", "concurrent", "logging", "multiprocessing", "os", "pathlib", "queue", "random",
    "secrets", "socket", "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip

# Time and chance come from one place, so that tests can stand in for it.
CLOCK_AND_CHANCE = {"flawless.engine.clock", "flawless.ids"}
FORBIDDEN_NAMES = re.compile(
    r"time\.time(_ns)?|time\.(localtime|gmtime)|datetime\.datetime\.(now|utcnow|today)"
    r"|datetime\.date\.today|random\.(?!Random$).*|secrets(\..*)?|os\.(urandom|getrandom)"
    r"|uuid\.uuid[1345-9]"
)  # a `random.Random` that was handed over, or seeded, is fine
SLEEPS = {"time.sleep", "asyncio.sleep", "anyio.sleep"}
PICKLES = {"pickle", "cPickle", "shelve", "dill", "cloudpickle", "joblib"}


def sources() -> list[Path]:
    """Return the modules of the host."""
    return python_files("src/flawless")


def part(name: str) -> str:
    """Return the part of the package a dotted name belongs to; the package itself is ''."""
    return [*name.split("."), ""][1]


def within(module: str, packages: set[str]) -> bool:
    """Tell whether `module` is one of `packages` or inside one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def check(broken: Iterator[str]) -> None:
    """Fail with all the broken places at once."""
    found = list(broken)
    assert not found, "\n" + "\n".join(found)


def test_imports_point_inward() -> None:
    """Each part of the package imports only the parts that its place allows."""

    def broken() -> Iterator[str]:
        for path in sources():
            here = part(module_name(path))
            if not here:
                continue  # the public names, gathered from everywhere
            if here not in MAY_IMPORT:
                yield f"{shown(path)}: {here!r} has no place in MAY_IMPORT"
                continue
            for line, name in imports(path):
                there = part(name)
                if name.split(".")[0] != "flawless" or there == here:
                    continue
                if there not in MAY_IMPORT[here]:
                    yield f"{shown(path)}:{line}: {here} imports {name}"

    check(broken())


def test_the_server_is_built_in_layers() -> None:
    """Each part of the server imports only from the parts below it."""

    def broken() -> Iterator[str]:
        for path in python_files("src/flawless/server"):
            _, _, here, *_ = [*module_name(path).split("."), ""]
            for line, name in imports(path):
                if not here or not name.startswith("flawless.server."):
                    continue
                there = name.split(".")[2]
                if SERVER.index(there) > SERVER.index(here):
                    yield f"{shown(path)}:{line}: {here} imports {name}"

    check(broken())


def test_the_engine_knows_no_particular_store() -> None:
    """Inside the engine only its facade opens a store; all else sees the contract."""

    def broken() -> Iterator[str]:
        for path in python_files("src/flawless/engine"):
            if module_name(path) == "flawless.engine.facade":
                continue
            for line, name in imports(path):
                if within(name, {"flawless.stores.sqlite", "flawless.stores.memory"}):
                    yield f"{shown(path)}:{line}: imports {name}"

    check(broken())


def test_libraries_stay_where_they_belong() -> None:
    """wasmtime, apsw, httpx, starlette and the like are each imported by one part only."""

    def broken() -> Iterator[str]:
        for path in sources():
            for line, name in imports(path):
                owners = ONLY_IN.get(name.split(".")[0])
                if owners is not None and not within(module_name(path), owners):
                    yield f"{shown(path)}:{line}: imports {name}"

    check(broken())


def test_the_core_does_not_act() -> None:
    """The core imports nothing that waits, reads a clock, rolls dice or touches the system."""

    def broken() -> Iterator[str]:
        for path in python_files("src/flawless/core"):
            for line, name in imports(path):
                if name.split(".")[0] in CORE_FORBIDS:
                    yield f"{shown(path)}:{line}: imports {name}"

    check(broken())


def test_time_and_chance_are_injected() -> None:
    """Outside the clock and the ids nothing asks for the time of day or for random numbers."""

    def broken() -> Iterator[str]:
        for path in sources():
            if module_name(path) in CLOCK_AND_CHANCE:
                continue
            for line, name in uses(path):
                if FORBIDDEN_NAMES.fullmatch(name):
                    yield f"{shown(path)}:{line}: uses {name}"
            for node in ast.walk(syntax_tree(path)):
                match node:
                    case ast.Call(func=ast.expr() as made, args=[], keywords=[]):
                        if dotted(made).split(".")[-1] == "Random":
                            yield f"{shown(path)}:{node.lineno}: a Random without a seed"

    check(broken())


def test_nothing_is_pickled() -> None:
    """No code of ours imports pickle or a library that stands on it."""

    def broken() -> Iterator[str]:
        for path in python_files():
            for line, name in imports(path):
                if name.split(".")[0] in PICKLES:
                    yield f"{shown(path)}:{line}: imports {name}"

    check(broken())


def test_packages_only_gather_names() -> None:
    """An `__init__.py` holds a docstring, imports, `__all__` and `__version__`, and no code."""

    def allowed(node: ast.stmt) -> bool:
        match node:
            case ast.Import() | ast.ImportFrom():
                return True
            case ast.Expr(value=ast.Constant(value=str())):
                return True
            case ast.Assign(targets=[ast.Name(id="__all__" | "__version__")]):
                return True
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):  # names that are imported later
                return all(allowed(inner) for inner in (*node.body, *node.orelse))
        return False

    def broken() -> Iterator[str]:
        for path in python_files("src", "guests/python"):
            if path.name == "__init__.py":
                for node in syntax_tree(path).body:
                    if not allowed(node):
                        yield f"{shown(path)}:{node.lineno}: {ast.unparse(node)[:60]}"

    check(broken())


def test_modules_stay_small() -> None:
    """No module is longer than 500 lines: past that a noun is missing."""

    def broken() -> Iterator[str]:
        for path in files():
            if path.suffix in {".py", ".rs", ".js", ".css", ".sql"}:
                lines = len(path.read_text().splitlines())
                if lines > LINES_MAX:
                    yield f"{shown(path)}: {lines} lines"

    check(broken())


def test_every_ignore_carries_its_reason() -> None:
    """A comment that silences a tool names the rule and says why."""
    well_made = re.compile(
        r"# noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*[ #:-]+\(?\w.{3,}"
        r"|# type: ignore\[[a-z-]+(, ?[a-z-]+)*\]  # .{3,}"
        r"|# fmt: (skip|off|on)|# pragma: no cover \(.{3,}"
    )
    silences = re.compile(r"# ?(noqa|type: ?ignore|fmt:|pragma:|ruff:|mypy:|nosec)")

    def broken() -> Iterator[str]:
        for path in python_files():
            for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
                if token.type != tokenize.COMMENT or not silences.match(token.string):
                    continue
                if not well_made.match(token.string):
                    yield f"{shown(path)}:{token.start[0]}: {token.string}"

    check(broken())


def test_every_ignore_in_the_configuration_carries_its_reason() -> None:
    """Each line of pyproject.toml that switches off a rule says why in a comment."""
    text = (ROOT / "pyproject.toml").read_text()
    lint = text.split("[tool.ruff.lint]")[1].split("[tool.mypy]")[0]
    lines = [line for line in lint.splitlines() if re.match(r'\s*"|ignore = \["', line)]
    assert lines
    check(line for line in lines if not re.search(r"\]?,?\s+# .{3,}", line))


def functions() -> list[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Return every test function."""
    return [
        (path, node)
        for path in python_files("tests")
        if path.name.startswith("test_")
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]


def test_every_test_says_what_it_shows() -> None:
    """Each test has a docstring that begins with one sentence on one line."""

    def broken() -> Iterator[str]:
        for path, function in functions():
            first = (ast.get_docstring(function) or "").split("\n")[0]
            if not first.endswith((".", "?")):
                yield f"{shown(path)}:{function.lineno}: {function.name}: {first!r}"

    check(broken())


def test_no_test_sleeps() -> None:
    """A test waits for something to happen, never for time to pass."""

    def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
        """Walk a test without the functions inside it: a step may well be slow."""
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield child
                yield from own_nodes(child)

    def broken() -> Iterator[str]:
        for path, function in functions():
            for node in own_nodes(function):
                if isinstance(node, ast.Call) and dotted(node.func) in SLEEPS:
                    zero = node.args and ast.unparse(node.args[0]) == "0"
                    if not zero:
                        yield f"{shown(path)}:{node.lineno}: {ast.unparse(node)}"

    check(broken())


@pytest.mark.parametrize(
    "line",
    [
        "import time\ntime.time()",
        "from time import time_ns as t\nt()",
        "from datetime import datetime as d\nd.now()",
        "import datetime\ndatetime.date.today",
        "import uuid\nuuid.uuid4()",
        "from random import choice\nchoice([1])",
        "from os import urandom\nurandom(8)",
    ],
)
def test_the_rule_on_time_and_chance_sees_through_imports(line: str, tmp_path: Path) -> None:
    """However a forbidden function was imported, its use is seen."""
    file = tmp_path / "module.py"
    file.write_text(line)
    names = [name for _, name in uses(file)]
    assert any(FORBIDDEN_NAMES.fullmatch(name) for name in names)


def test_the_package_is_where_these_tests_look() -> None:
    """The structural tests see the package's modules, so passing means something."""
    assert PACKAGE / "errors.py" in sources()
    assert len(sources()) > 5
