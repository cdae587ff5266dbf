;; SPDX-License-Identifier: Apache-2.0
;; What frames_test.c runs: two modules that call each other and leave by tail calls with more arguments than their own frames
;; have slots, so that a call that fails half-way would show. frames_guest.h has the bytes:
;;     wat2wasm --enable-tail-call, of each module by itself, and xxd -i

(module $far
  (type $five (func (param i64 i64 i64 i64 i64) (result i64)))
  (type $step (func (param i32) (result i64)))
  (table (export "table") 3 funcref)
  (func (export "step") (type $step)
    (i64.add (i64.const 1)
      (call_indirect (type $step) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))
  (func (export "big") (type $five)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (i64.add (local.get 4) (local.get 20)))
 )

(module $near
  (type $five (func (param i64 i64 i64 i64 i64) (result i64)))
  (type $step (func (param i32) (result i64)))
  (import "far" "table" (table $table 3 funcref))
  (import "far" "step" (func $far-step (type $step)))
  (import "far" "big" (func $far-big (type $five)))
  (elem (table $table) (i32.const 0) func $bounce $big $far-big)
  (func $big (type $five)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (i64.add (local.get 4) (local.get 20)))
  (func $sum (type $step)
    (if (i32.eqz (local.get 0)) (then (return (i64.const 0))))
    (i64.add (i64.const 1) (call $sum (i32.sub (local.get 0) (i32.const 1)))))
  (func $tail (type $step)
    (if (i32.eqz (local.get 0)) (then
      (return_call $big (i64.const -1) (i64.const -1) (i64.const -1) (i64.const -1) (i64.const 7))))
    (call $tail (i32.sub (local.get 0) (i32.const 1))))
  (func $tail-indirect (type $step)
    (if (i32.eqz (local.get 0)) (then
      (return_call_indirect $table (type $five)
        (i64.const -1) (i64.const -1) (i64.const -1) (i64.const -1) (i64.const 7) (i32.const 1))))
    (call $tail-indirect (i32.sub (local.get 0) (i32.const 1))))
  (func $tail-far (type $step)
    (if (i32.eqz (local.get 0)) (then
      (return_call $far-big (i64.const -1) (i64.const -1) (i64.const -1) (i64.const -1) (i64.const 7))))
    (call $tail-far (i32.sub (local.get 0) (i32.const 1))))
  (func $tail-far-indirect (type $step)
    (if (i32.eqz (local.get 0)) (then
      (return_call_indirect $table (type $five)
        (i64.const -1) (i64.const -1) (i64.const -1) (i64.const -1) (i64.const 7) (i32.const 2))))
    (call $tail-far-indirect (i32.sub (local.get 0) (i32.const 1))))
  (func $bounce (type $step)
    (if (i32.eqz (local.get 0)) (then (return (i64.const 0))))
    (call $far-step (local.get 0)))
 )
