"""The component's application: what componentize-py wraps, and what it snapshots.

Everything here happens once, while the component is built. A guest starts with all of it done.

When the user's modules are baked in, the builder puts a module `flawless_bundle` on the path, with
a dictionary `BUNDLE`: `{"modules": [names to import], "load": {name: answer to a "load" request}}`.
Modules then come from there, by the same loader.
"""

import gc
import importlib
import pkgutil

from flawless import _preload

ABSENT = _preload.preload()  # first: what follows replaces parts of the standard library

import wit_world  # noqa: E402 (made by componentize-py from the WIT)
from wit_world.imports import host  # noqa: E402 (as above)

from flawless import _execution, _loader, codec  # noqa: E402 (after the standard library)
from flawless._host import session  # noqa: E402 (after the standard library)

# The codec imports parts of itself when they are first needed; at run time that is too late.
for part in pkgutil.walk_packages(codec.__path__, "flawless.codec."):
    importlib.import_module(part.name)

try:
    from flawless_bundle import BUNDLE
except ModuleNotFoundError:
    BUNDLE = None

_loader.absent.update(ABSENT)
_execution.install()
if BUNDLE is not None:
    _loader.bake(BUNDLE)
    del BUNDLE
session.call = host.call


class WitWorld(wit_world.WitWorld):
    """The exports."""

    def run(self, input: str) -> str:  # noqa: A002 (its name in the WIT)
        """Run one workflow to its end."""
        return _execution.run(input)

    def describe(self, input: str) -> str:  # noqa: A002 (its name in the WIT)
        """Tell which workflows the modules have."""
        return _execution.describe(input)


gc.collect()
gc.freeze()
