"""Serve the shop: fill the cart, refresh, open a second tab, kill this program, start it again.

python examples/checkout/run.py --ui
"""

from __future__ import annotations

import argparse
import os
import socket
from pathlib import Path

import checkout
import uvicorn
from web import make_app

from flawless import Engine

PORT = 8000


def main() -> None:
    """Serve until Ctrl-C, or `kill -9`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=PORT, help="0 takes a free one")
    parser.add_argument("--data", type=Path, default=Path(".checkout"), metavar="DIR")
    parser.add_argument("--ui", action="store_true", help="let this machine use the engine's UI")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("CHECKOUT_BOOK", str(options.data / "payments.jsonl"))

    with (
        Engine(options.data / "checkout.db", modules=[checkout]) as engine,
        listening(options.port) as listener,
    ):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        print(f"the shop is open: {url}")
        if options.ui:
            print(f"what its workflows do: {url}/flawless/ui/")
        print(f"to test it: kill -9 {os.getpid()}, and start it again", flush=True)
        config = uvicorn.Config(make_app(engine, ui=options.ui), log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])


def listening(port: int) -> socket.socket:
    """Return a socket that listens: the shop is open when it says so."""
    # That it is TCP must be said: asyncio lets small answers go out at once only then.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


if __name__ == "__main__":
    main()
