"""An agent: a model chooses tools until it is done, or until its budget is used up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from flawless import Step, http, idempotency_key, publish, receive, step, workflow


@dataclass(frozen=True, slots=True)
class Budget:
    """What a task may cost."""

    turns: int = 10
    tokens: int = 2_000
    hours: int = 8


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model would like to use."""

    tool: str
    arguments: dict[str, str]


@dataclass(frozen=True, slots=True)
class Thought:
    """What the model says; without calls it is the answer."""

    text: str
    calls: list[Call]
    tokens: int


@dataclass
class Work:
    """All that has been said and done: published while it goes on, and returned in the end."""

    said: list[str] = field(default_factory=list)
    turns: int = 0
    tokens: int = 0
    question: str = ""
    answer: str | None = None
    stopped: str = ""


def post(url: str, **body: Any) -> Any:
    """Send a request from within a step, with the key of that step."""
    answer = http.post(url, json=body, headers={"Idempotency-Key": idempotency_key()})
    return answer.raise_for_status().json()


@step(retries=3)
def think(world: str, said: list[str]) -> Thought:
    """Ask the model what to do next. After a crash its answer comes from the journal."""
    thought = post(f"{world}/model", said=said)
    return Thought(thought["text"], [Call(**call) for call in thought["calls"]], thought["tokens"])


@step(retries=3)
def search(world: str, query: str) -> str:
    """Tool: look something up."""
    return str(post(f"{world}/search", query=query)["found"])


@step(at_most_once=True)
def book(world: str, what: str) -> str:
    """Tool: spend money. After a crash in the middle it fails, and the model has to think again."""
    return str(post(f"{world}/book", what=what)["booking"])


TOOLS: dict[str, Step[..., str]] = {"search": search, "book": book}


async def use(world: str, call: Call, work: Work) -> str:
    """Use a tool, or ask a person; return what came of it. Problems are for the model to solve."""
    try:
        if call.tool == "ask_person":
            work.question = call.arguments["question"]
            publish(work)
            return await receive.start("answer", type=str)
        return await TOOLS[call.tool].start(world, **call.arguments)
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"


@workflow
async def agent(world: str, task: str, budget: Budget) -> Work:
    """Think, use tools (all of a turn at once), and think again."""
    work = Work([f"task: {task}"])
    try:
        async with asyncio.timeout(budget.hours * 3600):
            while work.answer is None and not work.stopped:
                await turn(world, work, budget)
    except TimeoutError:
        work.stopped = "out of time"
    publish(work)
    return work


async def turn(world: str, work: Work, budget: Budget) -> None:
    """Let the model think once, and do what it says."""
    thought = await think.start(world, work.said)
    work.turns += 1
    work.tokens += thought.tokens
    work.said.append(f"model: {thought.text}")
    if not thought.calls:
        work.answer = thought.text
    elif work.turns >= budget.turns or work.tokens >= budget.tokens:
        work.stopped = "out of turns" if work.turns >= budget.turns else "out of tokens"
    else:
        async with asyncio.TaskGroup() as group:
            uses = [group.create_task(use(world, call, work)) for call in thought.calls]
        work.question = ""
        for call, result in zip(thought.calls, uses, strict=True):
            work.said.append(f"{call.tool}: {result.result()}")
        publish(work)
