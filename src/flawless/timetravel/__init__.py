"""What an execution did, learnt afterwards from its recording: replays, paths, what-if, export."""

from .code import Code, present_code
from .files.export_format import ExportDamaged
from .files.exporting import export_bytes, write_export
from .files.importing import Export, open_export, read_export
from .files.imports import Imports
from .recording import Recording, record

__all__ = [
    "Code",
    "Export",
    "ExportDamaged",
    "Imports",
    "Recording",
    "export_bytes",
    "open_export",
    "present_code",
    "read_export",
    "record",
    "write_export",
]
