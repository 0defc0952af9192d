"""Journals as files, and replaying them on the code of today.

The format is JSON text, documented in docs/guides/testing.md; see
`flawless.timetravel.files.journal_file`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from flawless.core.entries import Entry, Invoked
from flawless.core.limits import Limits
from flawless.engine.handle import Execution
from flawless.engine.replay import Replayed, replay
from flawless.errors import UsageError
from flawless.testing.library import ReadyLibrary
from flawless.timetravel.code import in_thread, present_code
from flawless.timetravel.files.journal_file import decode_journal, encode_journal


def export_journal(execution: Execution[Any]) -> bytes:
    """Return an execution's durable journal as a file that `replay_journal` reads.

    It works with handles of any engine, so a production problem becomes a test. The file holds the
    arguments and everything the workflow saw: treat it as you treat that data.
    """
    entries = execution.journal()
    return encode_journal(execution.id, str(execution.status), entries)


def read_journal(source: bytes | str | Path) -> tuple[str, list[Entry]]:
    """Return the execution's id and its entries from an exported file, or its content (bytes).

    Raises `UsageError` when it is no exported journal, `JournalDamaged` when something was changed.
    """
    if isinstance(source, bytes):
        file = decode_journal(source)
    else:
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise UsageError(f"the journal {source} cannot be read: {error}") from error
        file = decode_journal(data, str(source))
    return file.execution, file.entries


def replay_journal(
    source: bytes | str | Path,
    modules: Sequence[str | Path | ModuleType],
    *,
    limits: Limits | None = None,
) -> Replayed:
    """Run the workflow of an exported journal again, on the present code; nothing is done.

    Raises `Divergence`, with the line of the workflow, when code and journal do not fit together:
    then executions that are under way could not go on with this code. `WorkflowNotFound` when the
    modules have no workflow of that name, and what `read_journal` raises.
    """
    execution, entries = read_journal(source)
    first = entries[0]
    assert isinstance(first, Invoked)
    code = present_code(modules, workflow=first.workflow, library=ReadyLibrary)
    return in_thread(
        lambda: replay(execution, entries, code.deployment, code.component, limits=limits)
    )
