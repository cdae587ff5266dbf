;; SPDX-License-Identifier: Apache-2.0
;; Refused: a data segment reaches over the end of memory.
(module
  (memory (export "memory") 1)
  (data (i32.const 65530) "over the end")
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
