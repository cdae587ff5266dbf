;; SPDX-License-Identifier: Apache-2.0
;; Its _initialize traps.
(module
  (memory (export "memory") 1)
  (func (export "_initialize") unreachable)
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
