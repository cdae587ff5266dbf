;; SPDX-License-Identifier: Apache-2.0
;; Asks for all the memory there can be: 65536 pages. Refused by the budget.
(module
  (memory (export "memory") 65536)
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
