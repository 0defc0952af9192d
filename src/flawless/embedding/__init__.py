"""`flawless.Engine`: the engine inside a program, with what it can serve."""

from flawless.embedding.engine import Engine

__all__ = ["Engine"]
