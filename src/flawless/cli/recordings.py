"""Finding the recording that a command is about: in a file, on the server, among the imports."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from flawless.cli import output
from flawless.cli.defaults import DATA
from flawless.cli.server import connect
from flawless.client import Client, ServerUnreachable
from flawless.errors import ExecutionNotFound
from flawless.timetravel import Imports, Recording, open_export
from flawless.timetravel.code import knows_component
from flawless.timetravel.files.export_format import SUFFIX
from flawless.timetravel.files.importing import looks_like_export
from flawless.timetravel.files.packing import keep_wasm


@dataclass(frozen=True, slots=True)
class Found:
    """A recording and where it was found, in words."""

    recording: Recording
    where: str


def find_recording(text: str, data: Path = DATA) -> Found:
    """Return the recording of an ID or FILE: a file, else what the server has, else an import.

    The server comes first, for the execution may have gone on since it was exported. Raises
    `UsageError` when there is none, or a file is damaged.
    """
    if _is_file(text):
        return Found(open_export(Path(text)).recording, f"file {text}")
    imported = Imports(data).find(text)
    if imported is None:
        return _on_server(text, data)
    with connect() as client:
        try:
            found = Found(fetch(client, text), f"server {client.url}")
        except (ServerUnreachable, ExecutionNotFound):
            return Found(open_export(imported).recording, f"imported file {imported}")
    output.note(f"this is what the server has of {text}; for the imported one, name {imported}")
    return found


def _on_server(text: str, data: Path) -> Found:
    """Return what the server has; errors name each place that was looked at."""
    with connect() as client:
        try:
            return Found(fetch(client, text), f"server {client.url}")
        except ServerUnreachable as error:
            raise ServerUnreachable(
                f"there is no file {text}, no import of that name in {Imports(data).folder}, and "
                f"{error}"
            ) from error
        except ExecutionNotFound as error:
            error.args = (f"{error}; and nothing of that name was imported ({data})",)
            raise


def fetch(client: Client, execution: str) -> Recording:
    """Return the recording of an execution of the server.

    Its component is asked for only if this machine does not know it, and is kept then.
    """
    recording = open_export(client.export(execution, component=False)).recording
    component = recording.deployment.manifest.component
    if knows_component(component):
        return recording
    recording = open_export(client.export(execution)).recording
    keep_wasm(recording.deployment.manifest.component, recording.wasm)
    return recording


def _is_file(text: str) -> bool:
    """Ids have no slashes; and a name of a file that is not there is not to become an id.

    A bare name may be both, by chance: then it is a file if that looks like an export.
    """
    if os.sep in text or text.endswith((SUFFIX, ".json")):
        return True
    return Path(text).is_file() and looks_like_export(Path(text))
