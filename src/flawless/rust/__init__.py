"""From a Rust crate to a component: the toolchain of this machine, cargo, and what they say."""

from .build import Built, build
from .crates import sources
from .failures import CompilationFailed
from .toolchain import Toolchain, find

__all__ = ["Built", "CompilationFailed", "Toolchain", "build", "find", "sources"]
