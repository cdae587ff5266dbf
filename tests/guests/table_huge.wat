;; SPDX-License-Identifier: Apache-2.0
;; Asks for a table of a hundred million slots, in a module of some eighty bytes. Refused, or harmless.
(module
  (memory (export "memory") 1)
  (table 100000000 funcref)
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
