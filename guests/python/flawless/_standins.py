"""Inert stand-ins for libraries that run natively only.

`import numpy` at the top of a user's module must not keep its workflows from loading, for its steps
need it natively. So the guest puts a stand-in there. It tolerates what modules do while they are
imported: attribute chains, calls (`app = FastAPI()`), decorators, base classes, generics and
unions in annotations, `except` clauses. It raises `NativeOnly` once workflow code really uses it.

Why each stand-in is a class, and one derived from `Exception`: then `class X(lib.Base)`,
`lib.T | None`, `isinstance(x, lib.T)`, `except lib.Error` and `@dispatch.register(lib.T)` all do
the right thing with no help, where an ordinary object would break the machinery around it.
"""

from __future__ import annotations

import builtins
import sys
from abc import ABCMeta
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any, NoReturn

from flawless.refusals import NativeOnly

names: dict[str, str] = {}
"""The modules that are stand-ins, with the reason."""

user_modules: set[str] = set()
"""The modules of the user: their classes pass through decorators of stand-ins."""

_tolerant = 0
_cache: dict[str, type] = {}


class tolerant:  # noqa: N801 (a context manager, used like a function)
    """While a module is imported, or annotations are evaluated, stand-ins may be called."""

    def __enter__(self) -> None:
        global _tolerant
        _tolerant += 1

    def __exit__(self, *_: object) -> None:
        global _tolerant
        _tolerant -= 1


def _refuse(path: str) -> NoReturn:
    raise NativeOnly(path, names.get(path.partition(".")[0], ""))


def _operator(name: str, tolerated: Any = None) -> Any:
    """An operation on a stand-in: during import its result is `tolerated`, or a stand-in again."""

    def operate(cls: Any, *_: Any, **__: Any) -> Any:
        path = type.__getattribute__(cls, "_path")
        if not _tolerant:
            _refuse(path)
        return cls if tolerated is None else tolerated

    operate.__name__ = name
    return operate


class StandInType(ABCMeta):
    """The type of stand-ins, where their operations live. (An ABCMeta, so as not to clash.)"""

    _path: str
    _pure: bool

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any
    ) -> StandInType:
        """Make a stand-in, or the user's subclass of one: its base is then plain `Exception`."""
        if "_path" in namespace:
            return super().__new__(mcs, name, bases, namespace)
        path = next(base._path for base in bases if isinstance(base, StandInType))
        namespace.update(_path=path, _pure=False)
        real = tuple(base for base in bases if not isinstance(base, StandInType))
        inherited = tuple(b for b in bases if isinstance(b, StandInType) and not b._pure)
        for attempt in ((*inherited, *real, _Base), (*inherited, *real)):
            try:
                return super().__new__(mcs, name, attempt, namespace)
            except TypeError:
                continue  # e.g. a base with another layout (dict, int): without `Exception` then
        return super().__new__(mcs, name, (_Base,), namespace)

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any):
        super().__init__(name, bases, namespace)

    def __getattribute__(cls, name: str) -> Any:
        if name[:2] == "__" or name in _OWN or name.startswith("_abc_"):
            if name == "__version__":
                return "0.0.0"
            return super().__getattribute__(name)
        own = type.__getattribute__(cls, "__mro__")
        for base in own:
            if base is _Base:
                break
            if name in vars(base):
                return super().__getattribute__(name)
        return make(f"{type.__getattribute__(cls, '_path')}.{name}")

    def __setattr__(cls, name: str, value: Any) -> None:
        if not _tolerant and name[:2] != "__" and name[:5] != "_abc_":
            _refuse(f"{cls._path}.{name}")
        super().__setattr__(name, value)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if not _tolerant:
            _refuse(cls._path)
        if len(args) == 1 and not kwargs and _decorated(args[0]):
            return args[0]
        return make(f"{cls._path}()")

    def __getitem__(cls, _: Any) -> Any:
        return cls

    def __instancecheck__(cls, instance: Any) -> bool:
        return type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return type.__subclasscheck__(cls, subclass)

    def __repr__(cls) -> str:
        return f"<stand-in for {cls._path}>"

    def __str__(cls) -> str:
        if not _tolerant:
            _refuse(cls._path)
        return repr(cls)

    def __format__(cls, _: str) -> str:
        return str(cls)

    def __iter__(cls) -> Iterator[Any]:
        if not _tolerant:
            _refuse(cls._path)
        return iter(())

    def __hash__(cls) -> int:
        return type.__hash__(cls)


_OWN = {"_path", "_pure"}
for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "matmul",
    "rmatmul",
    "truediv",
    "rtruediv",
    "floordiv",
    "rfloordiv",
    "mod",
    "rmod",
    "divmod",
    "rdivmod",
    "pow",
    "rpow",
    "lshift",
    "rlshift",
    "rshift",
    "rrshift",
    "and",
    "rand",
    "xor",
    "rxor",
    "neg",
    "pos",
    "abs",
    "invert",
    "round",
    "enter",
    "aenter",
    "aexit",
    "anext",
    "next",
]:
    setattr(StandInType, f"__{_name}__", _operator(_name))
for _name, _value in {
    "bool": False, "len": 0, "int": 0, "float": 0.0, "index": 0, "contains": False,
    "lt": False, "le": False, "gt": False, "ge": False, "exit": False, "setitem": False,
    "delitem": False, "bytes": b"",
}.items():  # fmt: skip
    setattr(StandInType, f"__{_name}__", _operator(_name, _value))


def _await(cls: Any) -> NoReturn:
    _refuse(type.__getattribute__(cls, "_path"))


StandInType.__await__ = _await  # type: ignore[attr-defined]  # only ever raises
StandInType.__aiter__ = _await  # type: ignore[attr-defined]  # only ever raises


class _Base(Exception, metaclass=StandInType):
    """What every stand-in and every subclass of one derives from."""

    _path = "a stand-in"
    _pure = True


def make(path: str) -> Any:
    """Return the stand-in for a dotted path; the same path gives the same object."""
    found = _cache.get(path)
    if found is None:
        name = path.rpartition(".")[2]
        fields = {"_path": path, "_pure": True, "__module__": path.rpartition(".")[0] or path}
        found = _cache[path] = StandInType(name, (_Base,), fields)
    return found


def refuse_in(values: Any) -> None:
    """Raise `NativeOnly` if one of the values is a stand-in."""
    for value in values:
        if isinstance(value, StandInType):
            _refuse(value._path)


def _decorated(value: Any) -> bool:
    """Whether a call with this argument looks like a decorator at work."""
    if isinstance(value, FunctionType | staticmethod | classmethod | property):
        return True
    if isinstance(value, StandInType):
        return not value._pure
    if isinstance(value, type):
        return value.__module__ in user_modules
    return type(value).__module__ in {"flawless._steps", "flawless._workflows"}


class StandInModule(ModuleType):
    """A module that is not there: its attributes are stand-ins."""

    def __init__(self, name: str, spec: ModuleSpec | None = None) -> None:
        super().__init__(name, "Stands in for a library that runs natively only.")
        self.__spec__ = spec
        self.__path__: list[str] = []
        self.__package__ = name
        if spec is not None:
            self.__loader__ = spec.loader

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return "0.0.0"
        if name[:2] == "__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name)
        return make(f"{self.__name__}.{name}")

    def __dir__(self) -> list[str]:
        return []


def _import(
    name: str,
    globals: Any = None,  # noqa: A002 (the signature of __import__)
    locals: Any = None,  # noqa: A002 (the signature of __import__)
    fromlist: Any = (),
    level: int = 0,
) -> Any:
    """Stand in for `__import__`: only the user's modules see stand-ins.

    A library that can do without another one finds it missing, whoever imported what before.
    """
    if not level and (top := name.partition(".")[0]) in names:
        importer = (globals or {}).get("__name__")
        if importer not in user_modules and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r} in a workflow", name=name)
    return _real_import(name, globals, locals, fromlist, level)


_real_import = builtins.__import__


def note(name: str, reason: str) -> None:
    """Remember that the module `name` is a stand-in, and why."""
    names.setdefault(name, reason)
    builtins.__import__ = _import


def place(name: str, reason: str, spec: ModuleSpec | None) -> StandInModule:
    """Put a stand-in for the module `name` into `sys.modules` and return it."""
    note(name, reason)
    module = sys.modules[name] = StandInModule(name, spec)
    return module


def covers(name: str) -> bool:
    """Tell whether the module `name` is a stand-in."""
    return isinstance(sys.modules.get(name), StandInModule)
