;; SPDX-License-Identifier: Apache-2.0
;; Refused: a handle_message of another type (its source is an i32).
(module
  (memory (export "memory") 1)
  (func (export "handle_message") (param i32 i32 i32 i32) (result i32) (i32.const 1)))
