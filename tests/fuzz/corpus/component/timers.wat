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
    (data (i32.const 64) "{}")
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
      (drop (call $timer (i64.const 5)))
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