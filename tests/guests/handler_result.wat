;; SPDX-License-Identifier: Apache-2.0
;; Refused: a handle_message that returns nothing.
(module (memory (export "memory") 1) (func (export "handle_message") (param i32 i64 i32 i32)))
