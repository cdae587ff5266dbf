;; SPDX-License-Identifier: Apache-2.0
;; Refused: imports its memory.
(module
  (import "env" "memory" (memory 1))
  (export "memory" (memory 0))
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
