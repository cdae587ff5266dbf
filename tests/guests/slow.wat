;; SPDX-License-Identifier: Apache-2.0
;; Takes long with everything: its start function, _initialize, allocator, handle_message and free each count to a hundred
;; thousand. GO (1) is answered with RESULT (4): u32 how many calls have come to their end before, and u32 the sum of the
;; payload's bytes. Any other message, but stop, with what it counted so far alone.
(module
  (import "env" "mk_send" (func $send (param i64 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $ends (mut i32) (i32.const 0))
  (func $count (local $i i32)
    (loop $again
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))
    (global.set $ends (i32.add (global.get $ends) (i32.const 1))))
  (func $start (call $count))
  (func (export "_initialize") (call $count))
  (func (export "mk_alloc") (param i32) (result i32) (call $count) (i32.const 1024))
  (func (export "mk_free") (param i32) (call $count))
  (func $sum (param $at i32) (param $left i32) (result i32) (local $sum i32)
    (if (local.get $left)
      (then (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))
    (local.get $sum))
  (func (export "handle_message") (param $type i32) (param $source i64) (param $at i32) (param $size i32) (result i32)
    (if (i32.eqz (local.get $type)) (then (return (i32.const 0))))
    (i32.store (i32.const 0) (global.get $ends))
    (call $count)
    (i32.store (i32.const 4) (call $sum (local.get $at) (local.get $size)))
    (drop (call $send (local.get $source) (i32.const 4) (i32.const 0)
                (select (i32.const 8) (i32.const 4) (i32.eq (local.get $type) (i32.const 1)))))
    (i32.const 1))
  (start $start))
