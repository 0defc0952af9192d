"""The services of the shop, for the saga in Rust: they are those of the one in Python.

python examples/rust/saga/serve.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # for `world`
sys.path.append(str(Path(__file__).resolve().parents[2] / "order_saga"))  # for `shop`

import shop
from world import Request, World


def tell(request: Request) -> None:
    """Show what a service was asked for."""
    details = ", ".join(f"{name} {value}" for name, value in request.body.items())
    print(f"{request.service:<8} {details}{' (again)' if request.again else ''}", flush=True)


def main() -> None:
    """Serve until Ctrl-C."""
    with World(shop.SERVICES, tell, port=int(os.environ.get("PORT", "8000"))) as world:
        print(f"the shop: {world.url}", flush=True)
        world.until_interrupted()


if __name__ == "__main__":
    main()
