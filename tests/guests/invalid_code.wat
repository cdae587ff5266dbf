;; SPDX-License-Identifier: Apache-2.0
;; Refused: its code does not validate (an i64 where an i32 must be returned).
(module
  (memory (export "memory") 1)
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (local.get 1)))
