"""Components written by hand, in WebAssembly as text: what any language could build, or break."""

from __future__ import annotations

import json
from typing import Any

import wasmtime

PLACE = 1024
"""Where texts begin in memory; below is what functions return."""

TEMPLATE = """
(component
  {imports}
  (import "flawless:workflow/host@{version}" (instance $host
    (export "call" (func (param "request" string) (result string)))))
  (core module $libc
    (memory (export "memory") {pages})
    (global $top (mut i32) (i32.const {heap}))
    {data}
    (func (export "realloc") (param $old i32) (param i32 i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $top))
      (global.set $top (i32.and
        (i32.add (i32.add (global.get $top) (local.get $size)) (i32.const 15)) (i32.const -16)))
      (block $enough
        (loop $more
          (br_if $enough
            (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
          (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
          (br $more)))
      (memory.copy (local.get $at) (local.get $old) (i32.const 0))
      local.get $at))
  (core instance $libc (instantiate $libc))
  (core func $call (canon lower (func $host "call")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "call" (func $call (param i32 i32 i32)))
    ;; What a function returns that gives a text: the place of its place and size.
    (func $give (param $at i32) (param $size i32) (result i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $size))
      i32.const 16)
    ;; Asks the host; place and size of the response are at 32 and 36.
    (func $ask (param $at i32) (param $size i32)
      (call $call (local.get $at) (local.get $size) (i32.const 32)))
    ;; `{{"ok":` and then a text, and `}}`.
    (func $ok (param $at i32) (param $size i32) (result i32)
      (i64.store (i32.const 512) (i64.const 0x3a226b6f227b))
      (memory.copy (i32.const 518) (local.get $at) (local.get $size))
      (i32.store8 (i32.add (i32.const 518) (local.get $size)) (i32.const 125))
      (call $give (i32.const 512) (i32.add (local.get $size) (i32.const 7))))
    ;; The arguments, which are the last thing in the input: what follows `"args":`.
    (func $args (param $at i32) (param $size i32) (result i32)
      (local $end i32)
      (local.set $end (i32.add (local.get $at) (local.get $size)))
      (loop $on
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $on (i64.ne (i64.and (i64.load (local.get $at)) (i64.const 0xffffffffffffff))
          (i64.const 0x3a227367726122))))
      (local.set $at (i32.add (local.get $at) (i32.const 7)))
      (call $ok (local.get $at)
        (i32.sub (i32.sub (local.get $end) (local.get $at)) (i32.const 1))))
    {functions}
    (func (export "describe") (param $at i32) (param $size i32) (result i32) {describe})
    (func (export "run") (param $at i32) (param $size i32) (result i32) {run}))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance (export "call" (func $call))))))
  (func $describe (param "input" string) (result string) (canon lift (core func $main "describe")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (func $run (param "input" string) (result string) (canon lift (core func $main "run")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (export "describe" (func $describe))
  (export "run" (func $run)))
"""

ECHO = "(call $args (local.get $at) (local.get $size))"
"""A `run` that returns its arguments, as they came: `{"a": [...], "k": {...}}`."""


class Texts:
    """Texts in a component's memory."""

    def __init__(self) -> None:
        self.data: list[str] = []
        self.end = PLACE

    def add(self, text: str | bytes) -> str:
        """Put a text there; returns WAT that pushes its place and its size."""
        content = text if isinstance(text, bytes) else text.encode()
        at = self.end
        escaped = "".join(f"\\{byte:02x}" for byte in content)
        self.data.append(f'(data (i32.const {at}) "{escaped}")')
        self.end += len(content) + 16
        return f"(i32.const {at}) (i32.const {len(content)})"


def component(
    describe: dict[str, Any] | bytes | None = None,
    run: str = ECHO,
    *,
    asks: tuple[str, ...] = (),
    describe_wat: str | None = None,
    functions: str = "",
    imports: str = "",
    version: str = "1.0.0",
    texts: Texts | None = None,
) -> bytes:
    """Return a component that describes itself so: as an object, as bytes, or as WAT.

    `run` is WAT; before it, the requests in `asks` are made, and it may use the last response, with
    `LAST`. `functions` are further ones, `texts` what they use.
    """
    texts = texts or Texts()
    if describe_wat is None:
        content = describe if isinstance(describe, bytes) else json.dumps(describe)
        describe_wat = f"(call $give {texts.add(content)})"
    before = "".join(f"(call $ask {texts.add(ask)})" for ask in asks)
    heap = (texts.end + 65_536 + 15) // 16 * 16
    text = TEMPLATE.format(
        imports=imports,
        version=version,
        pages=heap // 65_536 + 1,
        heap=heap,
        data="".join(texts.data),
        functions=functions,
        describe=describe_wat,
        run=before + run,
    )
    return bytes(wasmtime.wat2wasm(text))


LAST = "(call $ok (i32.load (i32.const 32)) (i32.load (i32.const 36)))"
"""A `run` that returns the last response that it got."""


def parameter(name: str, schema: Any, **more: Any) -> dict[str, Any]:
    """Return a parameter as `describe` tells of it."""
    return {
        "name": name,
        "kind": "positional_or_keyword",
        "required": True,
        "schema": schema,
    } | more


def workflow(name: str, *parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a workflow as `describe` tells of it."""
    module, _, function = name.rpartition(".")
    return {
        "name": name,
        "module": module,
        "function": function,
        "doc": "Says what it was given.",
        "is_async": False,
        "file": f"src/{function}.rs",
        "line": 3,
        "parameters": list(parameters),
        "returns": {"annotation": "Call", "schema": {"type": "object"}},
    } | more


def described(*workflows: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what `describe` gives for these workflows, and a module with a text."""
    module = workflows[0]["module"] if workflows else "hand"
    source = f"//! The module {module}.\n\nfn made_by_hand() {{}}\n"
    return {
        "ok": {
            "module": module,
            "version": "1.2.3",
            "language": "wat",
            "workflows": list(workflows),
            "modules": [{"name": module, "file": "src/lib.rs", "source": source}],
        }
        | more
    }


ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
    },
    "required": ["id", "lines"],
    "$defs": {
        "Line": {
            "type": "object",
            "properties": {"price": {"type": "number"}, "name": {"type": "string"}},
            "required": ["price"],
        }
    },
}


def shop(module: str = "hand") -> bytes:
    """Return a component with a workflow that takes an order, and returns what it was given."""
    return component(
        described(
            workflow(
                f"{module}.order",
                parameter("order", ORDER),
                parameter("express", {"type": "boolean"}, required=False),
                messages={"paid": {"type": "object", "required": ["cents"]}},
            )
        )
    )


TIMERS = """
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $timer))
    (export "subscribe-duration" (func (param "when" u64) (result (own $timer))))))
  (core module $libc
    (memory (export "memory") 1)
    (data (i32.const 64) "{{}}")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 2048))
  (core instance $libc (instantiate $libc))
  (core func $wait (canon lower (func $poll "poll")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $timer (canon lower (func $clock "subscribe-duration")))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "wait" (func $wait (param i32 i32 i32)))
    (import "host" "timer" (func $timer (param i64) (result i32)))
    (func (export "run") (param i32 i32) (result i32) (local $at i32)
      {run}
      (i32.store (i32.const 16) (i32.const 64))
      (i32.store (i32.const 20) (i32.const 2))
      i32.const 16))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance (export "wait" (func $wait)) (export "timer" (func $timer))))))
  (func $run (param "input" string) (result string) (canon lift (core func $main "run")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (export "run" (func $run))
  (export "describe" (func $run)))
"""


def timing(run: str) -> bytes:
    """Return a component that uses timers of WASI in both of its exports, as WAT says."""
    return bytes(wasmtime.wat2wasm(TIMERS.format(run=run)))
