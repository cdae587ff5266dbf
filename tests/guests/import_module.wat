;; SPDX-License-Identifier: Apache-2.0
;; Refused: imports from a module nobody has.
(module
  (import "kitchen" "mk_send" (func (param i64 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
