"""The HTTP API: a Starlette application around an engine's `Service`, and how it is served."""

from flawless.engine.version import version
from flawless.server.access.callers import Access
from flawless.server.app import make_app
from flawless.server.hosting.runner import bind, serve, url

__all__ = ["Access", "bind", "make_app", "serve", "url", "version"]
