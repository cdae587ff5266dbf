;; SPDX-License-Identifier: Apache-2.0
;; Refused: a mk_alloc of another type.
(module
  (memory (export "memory") 1)
  (func (export "mk_alloc") (param i64) (result i64) (i64.const 0))
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
