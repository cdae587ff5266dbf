;; SPDX-License-Identifier: Apache-2.0
;; Refused: imports mk_send with an i32 for the destination.
(module
  (import "env" "mk_send" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
