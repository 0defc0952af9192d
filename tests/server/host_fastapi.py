"""A FastAPI application with an engine inside, as its tests serve it."""

import asyncio
import os
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.middleware.base import RequestResponseEndpoint

import flawless

HERE = Path(__file__).parent
engine = flawless.Engine(os.environ["STORE"], modules=[HERE / "shop.py", HERE / "desk.py"])
served = engine.asgi(local=True)
app = FastAPI(lifespan=served.lifespan)
app.mount("/flawless", served)


@app.middleware("http")
async def mark(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Do what many applications do: pass all requests through a function."""
    response = await call_next(request)
    response.headers["X-Application"] = "host"
    return response


@app.get("/page", response_class=HTMLResponse)
async def page() -> str:
    """Give an empty page."""
    return '<!doctype html><title>A page</title><link rel="icon" href="data:,">'


@app.post("/orders")
async def order(item: str) -> dict[str, str]:
    """Start an execution from the application's own loop."""
    run = await engine.start_async("desk.approve", item)
    return {"id": run.id}


@app.get("/results/{id}")
def result(id: str) -> object:  # noqa: A002 (the word of the API)
    """Wait for a result on one of the application's threads."""
    return engine.get(id).result(timeout=60)


@app.get("/work")
async def work() -> dict[str, int]:
    """Tell how much is under way on either loop."""
    loop = engine.loop
    assert loop is not None
    return {
        "here": len(asyncio.all_tasks()),
        "there": len(asyncio.all_tasks(loop)),
        "requests": len(served._under_way),
    }
