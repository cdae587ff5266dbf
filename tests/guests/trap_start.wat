;; SPDX-License-Identifier: Apache-2.0
;; Its start function traps.
(module
  (memory (export "memory") 1)
  (func $start unreachable)
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1))
  (start $start))
