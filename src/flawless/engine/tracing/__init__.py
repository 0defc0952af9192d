"""Traces: one for each run of an execution, with a span for each effect, made of its journal.

A span is told of when the entry that ends its effect is durable, so a replay, which writes nothing,
tells of nothing. Ids are derived from the execution, so that what several processes tell of one
execution becomes one trace.
"""

from flawless.engine.tracing.settings import Tracing

__all__ = ["Tracing"]
