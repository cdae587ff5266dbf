;; SPDX-License-Identifier: Apache-2.0
;; Sleeps 50 ms in its start function. PING (2) is answered with PONG (3) and four bytes: what mk_sleep_ms returned
;; there, plus 7.
(module
  (import "env" "mk_sleep_ms" (func $sleep (param i32) (result i32)))
  (import "env" "mk_send_u32" (func $send (param i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $slept (mut i32) (i32.const -100))
  (func $start (global.set $slept (call $sleep (i32.const 50))))
  (func (export "handle_message") (param $type i32) (param $source i64) (param i32 i32) (result i32)
    (if (i32.eq (local.get $type) (i32.const 2))
      (then (drop (call $send (local.get $source) (i32.const 3)
                              (i32.add (global.get $slept) (i32.const 7))))))
    (i32.ne (local.get $type) (i32.const 0)))
  (start $start))
