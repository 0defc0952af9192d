"""Runs CPython's own tests inside a guest; the host serves this file as a workflow module.

The tests themselves are unmodified. What they expect around them, and a guest does not have, is
made here:

- their data files (`decimaltestdata/add.decTest`), read-only, through `open` and `os`;
- the source of the modules they import afresh, to have them with their accelerator in C and
  without;
- the list of a test package's modules, which they find by looking at the folder.

Everything else is as in any workflow. A test that needs more fails, and has to be accounted for.
"""

from __future__ import annotations

import builtins
import doctest
import importlib
import io
import json
import os
import random
import sys
import traceback
import unittest
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from cpython_listing import DATA, MARK, MODULES, SEED, STDLIB

import flawless

TEXT_CHARS_MAX = 4_000
OUT = sys.stdout  # tests put other streams there


class Reporter(unittest.TestResult):
    """Prints what becomes of each test, as it happens: the guest may not live to its end."""

    def _note(self, test: Any, outcome: str, text: str = "") -> None:
        line = json.dumps([test.id(), outcome, text[:TEXT_CHARS_MAX]])
        OUT.write(f"{MARK}{line}\n")

    def startTest(self, test: Any) -> None:  # noqa: N802 (the name in unittest)
        """Note that a test begins: if nothing else is heard of it, it ended the guest."""
        self._note(test, "begun")

    def addSuccess(self, test: Any) -> None:  # noqa: N802 (as above)
        """Note a test that passed."""
        self._note(test, "passed")

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802 (as above)
        """Note a test whose assertion failed."""
        self._note(test, "failed", told(err[1]))

    addError = addFailure  # noqa: N815 (as above)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802 (as above)
        """Note a test of which a part failed."""
        if err is not None:
            self._note(test, "failed", told(err[1]))

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802 (as above)
        """Note a test that was skipped, and why."""
        self._note(test, "skipped", reason)

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: N802 (as above)
        """Note a test that failed as its authors expect."""
        self._note(test, "passed")

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802 (as above)
        """Note a test that passed although its authors expect a failure."""
        self._note(test, "failed", "unexpected success")


def told(error: BaseException) -> str:
    """Return an error and the last lines of its traceback."""
    head = "".join(traceback.format_exception_only(error)).strip()
    tail = "".join(traceback.format_tb(error.__traceback__)[-3:])
    return f"{head}\n{tail}"


class FreshFinder:
    """Finds modules of the standard library that tests import a second time.

    A guest has them in memory, without their files; the host has the sources of the same version.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how to load a module whose source the host has."""
        if name not in STDLIB:
            return None
        loader: Any = FreshLoader()
        return ModuleSpec(name, loader, is_package=STDLIB[name])


class FreshLoader:
    """Executes the source of a module of the standard library."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        name = module.__name__
        held = importlib.import_module(f"cpython_stdlib.{name.replace('.', '_')}")
        module.__file__ = f"{name.replace('.', '/')}.py"
        exec(compile(held.CONTENT, module.__file__, "exec", dont_inherit=True), module.__dict__)


def serve_data_files() -> None:
    """Let the tests see and read their data files, and no others."""
    refused, isdir, exists = builtins.open, os.path.isdir, os.path.exists

    def place(path: Any) -> str:
        return str(os.path.normpath(path)).lstrip("/").removeprefix("test/")

    def open_(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        known = isinstance(file, str | os.PathLike) and place(file) in DATA
        if not known or set(mode) - set("rbt"):
            return refused(file, mode, *args, **kwargs)
        content = importlib.import_module(f"cpython_data.{DATA[place(file)]}").CONTENT
        if "b" in mode:
            return io.BytesIO(content)
        return io.TextIOWrapper(io.BytesIO(content), kwargs.get("encoding") or "utf-8")

    def listdir(path: Any = ".") -> list[str]:
        inside = f"{place(path)}/"
        return [name.removeprefix(inside) for name in DATA if name.startswith(inside)]

    changed: Any = os
    builtins.open = open_
    changed.listdir = listdir
    changed.path.isdir = lambda path: bool(listdir(path)) or isdir(path)
    changed.path.exists = lambda path: place(path) in DATA or exists(path)


def load_package_tests(folder: str, loader: Any, tests: Any, pattern: Any) -> Any:
    """Do what `test.support.load_package_tests` does, from the list of modules."""
    package = f"test.{folder.rpartition('/')[2]}"
    for name in MODULES:
        if name.startswith(f"{package}.test_"):
            tests.addTests(loader.loadTestsFromModule(importlib.import_module(name)))
    return tests


@flawless.workflow
def main(modules: list[str], resources: list[str], done: list[str]) -> None:
    """Run the tests of `modules`, but for those in `done`; print what becomes of each."""
    serve_data_files()
    finder: Any = FreshFinder
    sys.meta_path.insert(0, finder)
    random.seed(SEED)  # the same run every time
    support: Any = importlib.import_module("test.support")
    support.use_resources = resources
    support.verbose = False
    support.load_package_tests = load_package_tests
    reporter = Reporter()

    def run(suite: Any) -> None:
        unittest.TestSuite(test for test in single(suite) if test.id() not in done).run(reporter)

    # test_decimal runs its tests itself, through these two.
    support._run_suite = run
    support.run_doctest = lambda module, *_, **options: run(examples(module, **options))
    loader = unittest.TestLoader()
    for name in modules:
        module = importlib.import_module(name)
        if hasattr(module, "test_main") and not hasattr(module, "load_tests"):
            module.test_main()
        else:
            run(loader.loadTestsFromModule(module))


def examples(module: ModuleType, *, optionflags: int = 0) -> unittest.TestSuite:
    """Return the examples in a module's documentation as tests."""
    return doctest.DocTestSuite(module, optionflags=optionflags)


def single(suite: Any) -> Iterator[Any]:
    """Yield the single tests of a suite."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from single(test)
        else:
            yield test
