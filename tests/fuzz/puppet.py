"""A guest that does what it is told: its arguments are what it asks of its host, byte for byte.

Each argument is `~` and the request in hexadecimal. One with `!` behind it is the last word.
"""

from __future__ import annotations

from handmade import Texts, component, described, parameter, workflow

NAME = "fuzz.run"

# Texts are decoded where they stand: two digits become a byte before them.
OBEY = """
    (func $digit (param $c i32) (result i32)
      (if (i32.lt_u (i32.sub (local.get $c) (i32.const 48)) (i32.const 10))
        (then (return (i32.sub (local.get $c) (i32.const 48)))))
      (if (i32.lt_u (i32.sub (local.get $c) (i32.const 97)) (i32.const 6))
        (then (return (i32.sub (local.get $c) (i32.const 87)))))
      (i32.const 16))
    (func $obey (param $at i32) (param $size i32) (result i32)
      (local $end i32) (local $from i32) (local $to i32) (local $high i32) (local $low i32)
      (local.set $end (i32.add (local.get $at) (local.get $size)))
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
          (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 126))
            (then
              (local.set $at (i32.add (local.get $at) (i32.const 1)))
              (br $next)))
          (local.set $from (local.get $at))
          (local.set $to (local.get $at))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (block $whole
            (loop $more
              (local.set $high (call $digit (i32.load8_u (local.get $at))))
              (br_if $whole (i32.eq (local.get $high) (i32.const 16)))
              (local.set $low (call $digit (i32.load8_u offset=1 (local.get $at))))
              (br_if $whole (i32.eq (local.get $low) (i32.const 16)))
              (i32.store8 (local.get $to)
                (i32.or (i32.shl (local.get $high) (i32.const 4)) (local.get $low)))
              (local.set $to (i32.add (local.get $to) (i32.const 1)))
              (local.set $at (i32.add (local.get $at) (i32.const 2)))
              (br $more)))
          (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 33))
            (then (return (call $give (local.get $from)
              (i32.sub (local.get $to) (local.get $from))))))
          (call $ask (local.get $from) (i32.sub (local.get $to) (local.get $from)))
          (br $next)))
      (call $give {nothing}))
"""


def puppet() -> bytes:
    """Return the component."""
    texts = Texts()
    functions = OBEY.format(nothing=texts.add('{"ok":null}'))
    anything = parameter("what", True, kind="var_positional", required=False)
    return component(
        described(workflow(NAME, anything, messages={"m": True})),
        "(call $obey (local.get $at) (local.get $size))",
        functions=functions,
        texts=texts,
    )


def told(script: bytes) -> list[str]:
    """Return the arguments for a script: requests line by line, the last word after `!end `."""
    arguments = []
    for line in script.split(b"\n"):
        if line.startswith(b"!end "):
            arguments.append(f"~{line[5:].hex()}!")
        elif line:
            arguments.append(f"~{line.hex()}.")
    return arguments
