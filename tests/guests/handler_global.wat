;; SPDX-License-Identifier: Apache-2.0
;; Refused: handle_message is a global.
(module (memory (export "memory") 1) (global (export "handle_message") i32 (i32.const 1)))
