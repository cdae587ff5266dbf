;; SPDX-License-Identifier: Apache-2.0
;; Refused: no handle_message.
(module (memory (export "memory") 1) (func (export "handle") (result i32) (i32.const 1)))
