"""Code to upload to engines, and engines to upload it to."""

from __future__ import annotations

import textwrap
from pathlib import Path

import flawless
from flawless.functions import put_step, steps

HEAD = "from flawless import step, workflow, sleep, receive\n\n\n"
NATIVELY = "import sys\nif sys.platform != 'wasi':\n    {}\n"


def source(body: str) -> str:
    """Return a module with that body."""
    return HEAD + textwrap.dedent(body)


def version(n: int, *, process: bool = False) -> str:
    """Return a module whose workflow waits, and whose step tells the version it is of."""
    return source(
        f"""
        from dataclasses import dataclass

        @dataclass
        class Told:
            version: int

        @step(process={process})
        def tell(told: Told) -> Told:
            assert type(told) is Told
            return Told(told.version + {n})

        @workflow
        def run(wait: bool = False) -> tuple[int, int]:
            if wait:
                receive("go")
            return {n}, tell(Told(0)).version
        """
    )


def deploy(
    engine: flawless.Engine, files: dict[str, str], *modules: str, label: str = ""
) -> tuple[str, bool]:
    """Upload to an engine."""
    names = list(modules) or [path.removesuffix(".py") for path in files]
    return engine.call(lambda service: service.deploying.sources(files, names, label))


def open_engine(folder: Path, *modules: str) -> flawless.Engine:
    """Return an engine on the store in that folder, with the module `up_file` if none is named."""
    file = folder / "up_file.py"
    if not modules and not file.exists():
        file.write_text(source("@workflow\ndef own() -> str: return 'own'\n"))
    settings = flawless.Settings(evict_after_s=0.0)
    return flawless.Engine(folder / "t.db", modules=list(modules) or [file], settings=settings)


def reopen(folder: Path) -> flawless.Engine:
    """Return an engine on the store in that folder that is given no modules."""
    return flawless.Engine(folder / "t.db", modules=[])


def good() -> dict[str, str]:
    """Return an upload that is fine."""
    return {"up_shop.py": version(1)}


def drop_steps(prefix: str) -> None:
    """Forget the steps of a module that was imported from a file."""
    for each in steps():
        if each.name.startswith(prefix):
            put_step(each.name, None)
