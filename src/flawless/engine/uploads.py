"""Uploaded code on the disk and in the process: written to a folder, imported, shown.

The store keeps what was uploaded. The folder is made from it, so that it may be lost, and holds one
folder for each upload that serves, named like the deployment.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from flawless.engine.imports import Imported, import_apart
from flawless.engine.layers import Layers
from flawless.engine.rehearsal import rehearse
from flawless.engine.upload import Upload, remove
from flawless.errors import StoreError


class Uploads:
    """The native side of uploads, in `folder`, or in one that lasts as long as this does."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = None if folder is None else folder.absolute()
        self._temporary: Path | None = None
        self._layers = Layers()

    async def take_in(self, upload: Upload, deployment: str) -> Imported:
        """Write an upload to the disk and import it natively; nobody sees it yet.

        Raises `DeploymentInvalid` when it does not import, and `StoreError` when it cannot be
        written.
        """
        folder = await asyncio.to_thread(self._write, upload, deployment)
        needed = await rehearse(folder, upload.tops, upload.modules)
        return await asyncio.to_thread(import_apart, folder, upload.tops, upload.modules, needed)

    def show(self, below: Sequence[Imported], above: Sequence[Imported]) -> None:
        """Let everybody see these, and no others; see `engine.layers`."""
        self._layers.show(below, above)

    def drop(self, deployment: str) -> None:
        """Remove the files of an upload that nothing was made of."""
        with suppress(OSError):
            remove(self._place / deployment)

    async def tidy(self, kept: Iterable[str]) -> None:
        """Remove what earlier engines left behind, apart from these deployments."""
        if self._folder is not None:
            await asyncio.to_thread(_tidy, self._folder, set(kept))

    def close(self) -> None:
        """Show nothing any more."""
        self._layers.withdraw()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    @property
    def _place(self) -> Path:
        if self._folder is not None:
            return self._folder
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="flawless-code-"))
        return self._temporary

    def _write(self, upload: Upload, deployment: str) -> Path:
        folder = self._place / deployment
        try:
            if not upload.is_written(folder):
                upload.write(folder)
        except OSError as error:
            raise StoreError(
                "write uploaded code to the disk",
                f"{folder.parent}: {error.strerror or error}",
                "Make room there, and see that this user may write to it.",
                retriable=True,
            ) from error
        return folder


def _tidy(folder: Path, kept: set[str]) -> None:
    with suppress(OSError):
        for place in list(folder.iterdir()):
            if place.name not in kept:
                remove(place)
