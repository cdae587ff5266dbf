;; SPDX-License-Identifier: Apache-2.0
;; GO (1): recursion without end, without a byte of the guest's memory: only the engine's own stack can end it.
(module
  (memory (export "memory") 1)
  (func $deeper (param i32) (result i32)
    (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))
  (func (export "handle_message") (param $type i32) (param i64 i32 i32) (result i32)
    (if (i32.eq (local.get $type) (i32.const 1)) (then (drop (call $deeper (i32.const 0)))))
    (i32.ne (local.get $type) (i32.const 0))))
