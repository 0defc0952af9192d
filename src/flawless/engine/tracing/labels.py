"""What kind of effect a journal's label names, and what its span is called.

Names of spans are few, so that a tracing system can group by them: ids are in attributes.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

KIND_DECISION: Final = "decision"
_KINDS: Final = {
    "step": "step",
    "sleep": "sleep",
    "receive": "receive",
    "send": "send",
    "start": "child",
    "cancel": "cancel",
}
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"})


def kind_of_label(label: str) -> str:
    """Return the kind of an effect: `step`, `http`, `sleep`, `receive`, `child`, and so on."""
    first = label.partition(" ")[0]
    if first in _METHODS:
        return "http"
    return _KINDS.get(first, KIND_DECISION)


def span_name(kind: str, label: str) -> str:
    """Return the name of a span."""
    match kind:
        case "execution":
            return f"execution {label}"
        case "retry":
            return f"retry {label}"
        case "http":
            method, _, url = label.partition(" ")
            return f"{method} {host_of(url)}"
        case "send":
            return label.rpartition(" to ")[0] or label
        case "child":
            return label.rpartition(" as ")[0] or label
        case "cancel":
            return "cancel"
        case _:
            return label


def host_of(url: str) -> str:
    """Return the host of an address without user and path."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
