"""A module that a test of the web UI uploads."""

from flawless import workflow


@workflow
def fresh(name: str) -> str:
    """Say hello from an upload."""
    return f"fresh {name}"
