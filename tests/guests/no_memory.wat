;; SPDX-License-Identifier: Apache-2.0
;; Refused: no memory at all, so there is no place for a payload.
(module (func (export "handle_message") (param i32 i64 i32 i32) (result i32) (i32.const 1)))
