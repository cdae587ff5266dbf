;; SPDX-License-Identifier: Apache-2.0
;; A single page that cannot grow, no allocator, and every byte of the page in use: its start function fills it with
;; 0x5A. Every message is answered with two RESULTs (4) of one u32: how many bytes of the page are no longer 0x5A, and
;; the sum of the payload's bytes. 0 stops.
(module
  (import "env" "mk_send_u32" (func $send (param i64 i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (func $start (memory.fill (i32.const 0) (i32.const 0x5A) (i32.const 65536)))
  (func (export "handle_message") (param $type i32) (param $source i64) (param $at i32) (param $size i32) (result i32)
    (local $i i32) (local $wrong i32) (local $sum i32)
    (loop $page
      (local.set $wrong (i32.add (local.get $wrong)
                                 (i32.ne (i32.load8_u (local.get $i)) (i32.const 0x5A))))
      (br_if $page (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 65536))))
    (local.set $i (i32.const 0))
    (block $done
      (loop $payload
        (br_if $done (i32.ge_u (local.get $i) (local.get $size)))
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (i32.add (local.get $at) (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $payload)))
    (drop (call $send (local.get $source) (i32.const 4) (local.get $wrong)))
    (drop (call $send (local.get $source) (i32.const 4) (local.get $sum)))
    (i32.ne (local.get $type) (i32.const 0)))
  (start $start))
