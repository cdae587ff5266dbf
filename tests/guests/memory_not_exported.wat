;; SPDX-License-Identifier: Apache-2.0
;; Refused: its memory is not exported.
(module
  (memory 1)
  (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
