;; SPDX-License-Identifier: Apache-2.0
;; Declares the largest memory there is as its maximum and no allocator: room for payloads must not make its
;; limits illegal. PING (2) is answered with PONG (3) and the size of the payload.
(module
  (import "env" "mk_send_u32" (func $send (param i64 i32 i32) (result i32)))
  (memory (export "memory") 1 65536)
  (func (export "handle_message") (param $type i32) (param $source i64) (param i32) (param $size i32) (result i32)
    (if (i32.eq (local.get $type) (i32.const 2))
      (then (drop (call $send (local.get $source) (i32.const 3) (local.get $size)))))
    (i32.ne (local.get $type) (i32.const 0))))
