"""The user's modules as the native side sees them: importing them, and finding their sources.

Sources are found without importing anything: what a guest may load is decided by looking at files.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import sysconfig
import tokenize
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

from flawless.codec import public_module
from flawless.errors import DeploymentInvalid

_PACKAGE = Path(__file__).resolve().parent.parent

SOURCE_BYTES_MAX = 4 * 1024 * 1024
"""One source file; what is longer is generated data, which belongs elsewhere."""

NETWORK_LIBRARIES = frozenset(
    [
        "aiobotocore",
        "aiohttp",
        "aiokafka",
        "anthropic",
        "asyncpg",
        "boto3",
        "botocore",
        "confluent_kafka",
        "elasticsearch",
        "fastapi",
        "flask",
        "grpc",
        "h11",
        "httpcore",
        "httpx",
        "kafka",
        "openai",
        "paramiko",
        "pika",
        "psycopg",
        "psycopg2",
        "pymongo",
        "pymysql",
        "redis",
        "requests",
        "starlette",
        "stripe",
        "twilio",
        "urllib3",
        "uvicorn",
        "websockets",
    ]
)
"""Libraries that are of no use without sockets, which guests do not have: bundling them (httpx
alone is over a hundred modules) would only make each start slow. In a guest they are stand-ins.
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A module that a guest can load."""

    name: str
    file: str
    """A path to show to people, relative to the folder the module was found in."""
    package: bool
    user: bool
    """Whether it is the user's own code, not a library."""
    text: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A module that a guest cannot load: it is native, or nowhere to be found."""

    kind: Literal["native", "missing"]
    reason: str = ""


def import_user_module(spec: str | Path | ModuleType) -> ModuleType:
    """Import a module natively, by name, by path, or as it is.

    A path's folder is put on `sys.path`; of a file inside a package, the folder that holds the
    outermost package. The running program itself (`__main__`) is found by its file and not
    imported twice. Raises `DeploymentInvalid` with the traceback when it does not import.
    """
    if isinstance(spec, ModuleType):
        return spec
    name = str(spec)
    path = Path(spec)
    if path.suffix == ".py" or (path.is_dir() and not is_module(name)):
        name = _name_of_path(path)
    main = sys.modules.get("__main__")
    main_file = getattr(main, "__file__", None)
    if main is not None and main_file is not None and name == public_module("__main__"):
        spec_of_main = _find_spec(name)
        if spec_of_main is not None and _same_file(spec_of_main.origin, main_file):
            sys.modules[name] = main
            return main
    return import_by_name(name)


def import_by_name(name: str) -> ModuleType:
    """Import a module; raises `DeploymentInvalid` with the traceback when it does not import."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise DeploymentInvalid(
                f"there is no module {name!r}: give a file (app.py), or the name of a module that "
                "`python -c 'import ...'` finds"
            ) from error
        raise _does_not_import(name, error) from error
    except SyntaxError as error:
        where = f"{error.filename}:{error.lineno}"
        raise DeploymentInvalid(
            f"{name} has a syntax error at {where}: {error.msg}", traceback=_users_traceback(error)
        ) from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _does_not_import(name, error) from error


def is_module(name: str) -> bool:
    """Whether a module of that name is there, so that a folder called so is not what is meant.

    A folder without code is a module too, a namespace package, but nobody means that.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    spec = _find_spec(name)
    return name in sys.modules or (spec is not None and spec.origin is not None)


def find_source(name: str, *, hooks: bool = True) -> Source | Unavailable:
    """Find what a guest gets for a module name, from files alone.

    With `hooks` also modules that only the import system knows to find: editable installs, and what
    has been uploaded.
    """
    if name.partition(".")[0] in NETWORK_LIBRARIES:
        return Unavailable("native", "it needs the network: in workflows, use flawless.http")
    try:
        spec = _find_spec(name, hooks=hooks)
    except (ImportError, AttributeError, ValueError) as error:
        return Unavailable("missing", str(error))
    if spec is None:
        return Unavailable("missing")
    if spec.origin is None or spec.origin in ("built-in", "frozen"):
        if spec.submodule_search_locations:
            return _namespace_package(name, list(spec.submodule_search_locations))
        return Unavailable("native", "it is built into the interpreter")
    origin = Path(spec.origin)
    if origin.suffix != ".py":
        return Unavailable("native", f"it is compiled ({origin.name})")
    if _is_standard(origin):
        return Unavailable("native", "this part of the standard library needs the operating system")
    try:
        with tokenize.open(origin) as file:
            text = file.read(SOURCE_BYTES_MAX + 1)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        return Unavailable("native", f"its source cannot be read ({error})")
    if len(text) > SOURCE_BYTES_MAX:
        return Unavailable("native", f"its source is longer than {SOURCE_BYTES_MAX:,} characters")
    package = spec.submodule_search_locations is not None
    return Source(name, _shown_path(name, origin, package=package), package, _is_user(origin), text)


def _does_not_import(name: str, error: BaseException) -> DeploymentInvalid:
    return DeploymentInvalid(
        f"{name} cannot be imported: {type(error).__name__}: {error}",
        traceback=_users_traceback(error),
    )


def _users_traceback(error: BaseException) -> str:
    """Return the traceback without the lines of this package and of the import machinery."""
    told = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = told
    while part is not None:
        part.stack[:] = [frame for frame in part.stack if not _is_machinery(frame.filename)]
        part = part.__cause__ or part.__context__
    return "".join(told.format())


def _is_machinery(file: str) -> bool:
    return (
        file.startswith("<frozen importlib")
        or file == importlib.__file__
        or Path(file).is_relative_to(_PACKAGE)
    )


def _name_of_path(path: Path) -> str:
    full = path.resolve()
    if not full.exists():
        raise DeploymentInvalid(f"there is no file {path}: give the module that has the workflows")
    parts = [full.stem] if full.suffix == ".py" else [full.name]
    folder = full.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    if parts[-1] == "__init__":
        parts.pop()
    if not all(part.isidentifier() for part in parts):
        raise DeploymentInvalid(
            f"{path} cannot be imported: {'.'.join(parts)!r} is no module name (letters, digits "
            "and _ only)"
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    name = ".".join(parts)
    loaded = sys.modules.get(name)
    if loaded is not None and not _same_file(getattr(loaded, "__file__", None), full):
        if full.is_dir() and _same_file(getattr(loaded, "__file__", None), full / "__init__.py"):
            return name
        raise DeploymentInvalid(
            f"{path} cannot be imported as {name!r}: a module of that name is loaded already, from "
            f"{getattr(loaded, '__file__', 'elsewhere')}. Rename the file"
        )
    return name


def is_of_environment(top: str) -> bool:
    """Tell whether a top-level name is one of Python itself or of an installed library."""
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return True
    spec = importlib.machinery.PathFinder.find_spec(top)
    return spec is not None and spec.origin is not None and not _is_user(Path(spec.origin))


def _find_spec(name: str, *, hooks: bool = True) -> importlib.machinery.ModuleSpec | None:
    """Like importlib.util.find_spec, but parents are not imported, only looked at."""
    if name.split(".")[0] in sys.builtin_module_names:
        return importlib.machinery.BuiltinImporter.find_spec(name)
    path: Sequence[str] | None = None
    spec = None
    parts = name.split(".")
    for n in range(len(parts)):
        spec = _find_below(".".join(parts[: n + 1]), path)
        if spec is None:
            return _find_through_hooks(name) if hooks else None
        path = spec.submodule_search_locations
        if path is None and n < len(parts) - 1:
            return None
    return spec


def _find_below(name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.machinery.PathFinder.find_spec(name, path)
    except KeyError:
        # A namespace package in another one: Python's finder wants that to have been imported.
        folders = [Path(entry) / name.rpartition(".")[2] for entry in path or ()]
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder) for folder in folders if folder.is_dir()]
        return spec


def _find_through_hooks(name: str) -> importlib.machinery.ModuleSpec | None:
    """Editable installs hook into the import system; a loaded module knows where it came from."""
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__spec__ is not None:
        return loaded.__spec__
    if "." in name and name.rpartition(".")[0] not in sys.modules:
        return None
    return importlib.util.find_spec(name)


def _namespace_package(name: str, locations: list[str]) -> Source:
    user = all(_is_user(Path(location)) for location in locations)
    return Source(name, f"{name.replace('.', '/')}/", True, user, "")


def _shown_path(name: str, origin: Path, *, package: bool) -> str:
    depth = name.count(".") + (2 if package else 1)
    return "/".join(origin.parts[-depth:])


def _is_standard(path: Path) -> bool:
    return not _in_site_packages(path) and any(
        path.is_relative_to(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib")
    )


def _is_user(path: Path) -> bool:
    return not _in_site_packages(path) and not _is_standard(path)


def _in_site_packages(path: Path) -> bool:
    return "site-packages" in path.parts or "dist-packages" in path.parts


def _same_file(one: str | Path | None, other: str | Path) -> bool:
    try:
        return one is not None and Path(one).samefile(other)
    except OSError:
        return False
