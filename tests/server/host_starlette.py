"""A Starlette application that knows its users, with an engine inside, as its tests serve it."""

import asyncio
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

import flawless

HERE = Path(__file__).parent
ROLES = {"rita": "read", "otto": "operate", "dora": "deploy", "bad": "emperor"}
engine = flawless.Engine(os.environ["STORE"], modules=[HERE / "shop.py", HERE / "desk.py"])


async def who(request: HTTPConnection) -> tuple[str, str] | None:
    """Tell who asks: users have a cookie."""
    await asyncio.sleep(0)
    name = request.cookies.get("user", "")
    return (name, ROLES[name]) if name in ROLES else None


async def visit(request: Request) -> JSONResponse:
    """Start an execution for a visitor, who may talk to it and to nothing else."""
    run = await engine.start_async("desk.approve", request.query_params["item"])
    token = await asyncio.to_thread(engine.capability, run.id, messages=["Confirm"])
    return JSONResponse({"id": run.id, "token": token})


served = engine.asgi(access=who, token="a-token-of-the-operators")
app = Starlette(
    routes=[Route("/visit", visit, methods=["POST"]), Mount("/in/side", served)],
    lifespan=served.lifespan,
)
bare = engine.asgi(local=True)  # served on its own, it opens the engine by itself
