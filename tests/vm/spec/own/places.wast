;; SPDX-License-Identifier: Apache-2.0
;; Operands that are not where the stack says: values that wait in a local, as a constant or in an accumulator while
;; something else happens to that place. Register code has to give what a stack machine would.

;; --- a local is assigned while its old value is still wanted ------------------------------------------------------------
(module
  (func (export "set-after-get") (param i32) (result i32)
    local.get 0  i32.const 1  local.set 0  local.get 0  i32.const 10  i32.mul  i32.add)
  (func (export "tee-after-get") (param i32) (result i32)
    local.get 0  local.get 0  i32.const 5  i32.add  local.tee 0  i32.sub  local.get 0  i32.const 100  i32.mul  i32.add)
  (func (export "many-gets") (param i32) (result i32)
    local.get 0  local.get 0  local.get 0  local.get 0  i32.const 7  local.set 0  i32.add  i32.add  i32.add
    local.get 0  i32.sub)
  (func (export "swap") (param i32 i32) (result i32)
    local.get 0  local.get 1  local.set 0  local.set 1  local.get 0  i32.const 1000  i32.mul  local.get 1  i32.add)
  (func (export "rotate") (param i32 i32 i32) (result i32 i32 i32)
    local.get 0  local.get 1  local.get 2  local.set 0  local.set 2  local.set 1
    local.get 0  local.get 1  local.get 2)
  (func (export "self") (param i32) (result i32)
    local.get 0  local.set 0  local.get 0  local.tee 0  local.get 0  i32.add)
  (func (export "set-in-block") (param i32) (result i32)
    local.get 0
    (block  i32.const 3  local.set 0)
    local.get 0  i32.sub)
  (func (export "set-in-if") (param i32 i32) (result i32)
    local.get 0
    (if (local.get 1) (then  i32.const 3  local.set 0))
    local.get 0  i32.sub)
  (func (export "set-in-else") (param i32 i32) (result i32)
    local.get 0
    (if (result i32) (local.get 1)
      (then  i32.const 50)
      (else  i32.const 9  local.tee 0))
    i32.add  local.get 0  i32.add)
  (func (export "set-in-loop") (param i32) (result i32)
    local.get 0
    (loop  local.get 0  i32.const 1  i32.sub  local.tee 0  br_if 0)
    local.get 0  i32.add)
  (func (export "floats") (param f32 f64) (result f64)
    local.get 0  f64.promote_f32  local.get 1
    f32.const 2  local.set 0  f64.const 3  local.set 1
    f64.sub  local.get 0  f64.promote_f32  local.get 1  f64.mul  f64.add))
(assert_return (invoke "set-after-get" (i32.const 5)) (i32.const 15))
(assert_return (invoke "tee-after-get" (i32.const 5)) (i32.const 995))
(assert_return (invoke "many-gets" (i32.const 5)) (i32.const 13))
(assert_return (invoke "swap" (i32.const 5) (i32.const 6)) (i32.const 6005))
(assert_return (invoke "rotate" (i32.const 5) (i32.const 6) (i32.const 7)) (i32.const 7) (i32.const 5) (i32.const 6))
(assert_return (invoke "self" (i32.const 5)) (i32.const 10))
(assert_return (invoke "set-in-block" (i32.const 5)) (i32.const 2))
(assert_return (invoke "set-in-if" (i32.const 5) (i32.const 0)) (i32.const 0))
(assert_return (invoke "set-in-if" (i32.const 5) (i32.const 1)) (i32.const 2))
(assert_return (invoke "set-in-else" (i32.const 5) (i32.const 0)) (i32.const 23))
(assert_return (invoke "set-in-else" (i32.const 5) (i32.const 1)) (i32.const 60))
(assert_return (invoke "set-in-loop" (i32.const 5)) (i32.const 5))
(assert_return (invoke "floats" (f32.const 10) (f64.const 4)) (f64.const 12))

;; --- results and arguments go to slots that are still read ---------------------------------------------------------------
(module
  (type $two (func (param i32 i32) (result i32 i32)))
  (table funcref (elem $sub-and-sum $turn))
  (func $sub-and-sum (type $two) (i32.sub (local.get 0) (local.get 1)) (i32.add (local.get 0) (local.get 1)))
  (func $turn (export "turn") (type $two) local.get 1  local.get 0)
  (func (export "turn-return") (type $two) local.get 1  local.get 0  return)
  (func (export "turn-br") (type $two) local.get 1  local.get 0  br 0)
  (func (export "turn-br-if") (param i32 i32 i32) (result i32 i32)
    local.get 1  local.get 0  local.get 2  br_if 0  i32.add  local.get 1)
  (func (export "turn-br-table") (param i32 i32 i32) (result i32 i32)
    (block (result i32 i32)  local.get 1  local.get 0  local.get 2  br_table 0 1 0)
    i32.const 10  i32.add)
  (func (export "turn-nested") (type $two)
    i32.const 77  (block (result i32 i32)  i32.const 78  local.get 1  local.get 0  return)  br 0)
  (func (export "turn-three") (param i64 i32 f64) (result f64 i64 i32)
    local.get 2  local.get 0  local.get 1)
  (func (export "turn-constants") (param i32 i32) (result i32 i32 i32 i32)
    i32.const 1  local.get 0  i32.const 2  local.get 1)
  (func (export "turn-computed") (param i32 i32) (result i32 i32 i32)
    local.get 1  local.get 0  local.get 1  i32.mul  local.get 0)
  (func (export "call-turned") (type $two) local.get 1  local.get 0  call $sub-and-sum)
  (func (export "call-twice") (type $two) local.get 1  local.get 0  call $turn  call $turn  call $sub-and-sum)
  (func (export "tail-turned") (type $two) local.get 1  local.get 0  return_call $sub-and-sum)
  (func (export "tail-indirect") (param i32 i32 i32) (result i32 i32)
    local.get 1  local.get 0  local.get 2  return_call_indirect (type $two))
  (func (export "tail-computed") (type $two)
    local.get 1  local.get 0  i32.const 1  i32.add  return_call $sub-and-sum)
  (func $more (param i32 i32 i32 i32 i32) (result i32)
    local.get 0  i32.const 10  i32.mul  local.get 1  i32.add  i32.const 10  i32.mul  local.get 2  i32.add
    i32.const 10  i32.mul  local.get 3  i32.add  i32.const 10  i32.mul  local.get 4  i32.add)
  (func (export "tail-more") (param i32 i32) (result i32)
    local.get 1  local.get 0  local.get 1  i32.const 4  local.get 0  return_call $more)
  (func $less (param i32) (result i32) (local i32 i32)
    local.get 0  local.get 1  i32.add  local.get 2  i32.add)
  (func (export "tail-less") (param i32 i32 i32) (result i32)
    local.get 2  return_call $less))
(assert_return (invoke "turn" (i32.const 5) (i32.const 6)) (i32.const 6) (i32.const 5))
(assert_return (invoke "turn-return" (i32.const 5) (i32.const 6)) (i32.const 6) (i32.const 5))
(assert_return (invoke "turn-br" (i32.const 5) (i32.const 6)) (i32.const 6) (i32.const 5))
(assert_return (invoke "turn-br-if" (i32.const 5) (i32.const 6) (i32.const 1)) (i32.const 6) (i32.const 5))
(assert_return (invoke "turn-br-if" (i32.const 5) (i32.const 6) (i32.const 0)) (i32.const 11) (i32.const 6))
(assert_return (invoke "turn-br-table" (i32.const 5) (i32.const 6) (i32.const 0)) (i32.const 6) (i32.const 15))
(assert_return (invoke "turn-br-table" (i32.const 5) (i32.const 6) (i32.const 1)) (i32.const 6) (i32.const 5))
(assert_return (invoke "turn-br-table" (i32.const 5) (i32.const 6) (i32.const 9)) (i32.const 6) (i32.const 15))
(assert_return (invoke "turn-nested" (i32.const 5) (i32.const 6)) (i32.const 6) (i32.const 5))
(assert_return (invoke "turn-three" (i64.const 5) (i32.const 6) (f64.const 7)) (f64.const 7) (i64.const 5) (i32.const 6))
(assert_return (invoke "turn-constants" (i32.const 5) (i32.const 6))
               (i32.const 1) (i32.const 5) (i32.const 2) (i32.const 6))
(assert_return (invoke "turn-computed" (i32.const 5) (i32.const 6)) (i32.const 6) (i32.const 30) (i32.const 5))
(assert_return (invoke "call-turned" (i32.const 5) (i32.const 6)) (i32.const 1) (i32.const 11))
(assert_return (invoke "call-twice" (i32.const 5) (i32.const 6)) (i32.const 1) (i32.const 11))
(assert_return (invoke "tail-turned" (i32.const 5) (i32.const 6)) (i32.const 1) (i32.const 11))
(assert_return (invoke "tail-indirect" (i32.const 5) (i32.const 6) (i32.const 0)) (i32.const 1) (i32.const 11))
(assert_return (invoke "tail-indirect" (i32.const 5) (i32.const 6) (i32.const 1)) (i32.const 5) (i32.const 6))
(assert_return (invoke "tail-computed" (i32.const 5) (i32.const 6)) (i32.const 0) (i32.const 12))
(assert_return (invoke "tail-more" (i32.const 5) (i32.const 6)) (i32.const 65645))
(assert_return (invoke "tail-less" (i32.const 5) (i32.const 6) (i32.const 7)) (i32.const 7))

;; --- branches that carry operands -------------------------------------------------------------------------------------------
(module
  ;; the parameters of the loop change places each time
  (func (export "loop-swap") (param i32 i32 i32) (result i32 i32)
    local.get 0  local.get 1
    (loop (param i32 i32) (result i32 i32) (local.set 0) (local.set 1)
      local.get 0  local.get 1
      local.get 2  i32.const 1  i32.sub  local.tee 2
      br_if 0))
  (func (export "fibonacci") (param i32) (result i64) (local i64)
    i64.const 0  i64.const 1
    (loop (param i64 i64) (result i64 i64)
      local.tee 1  i64.add  local.get 1  (call $turn)
      local.get 0  i32.const 1  i32.sub  local.tee 0  br_if 0)
    drop)
  (func $turn (param i64 i64) (result i64 i64) local.get 1  local.get 0)
  (func (export "over-junk") (param i32) (result i32)
    i32.const 1000
    (block (result i32)
      i32.const 1  i32.const 2  i32.const 3  local.get 0
      br_if 0
      i32.add  i32.add)
    i32.add)
  (func (export "br-if-keeps") (param i32) (result i32)
    (block (result i32)
      local.get 0  i32.const 2  i32.mul
      local.get 0
      br_if 0
      i32.const 40  i32.add))
  (func (export "br-if-local") (param i32 i32) (result i32)
    (block (result i32)
      local.get 0  local.get 1
      br_if 0
      i32.const 9  local.set 0
      local.get 0  i32.add))
  (func (export "if-params") (param i32 i32 i32) (result i32)
    local.get 0  local.get 1  local.get 2
    (if (param i32 i32) (result i32) (then  i32.sub) (else  i32.mul)))
  (func (export "if-no-else") (param i32 i32 i32) (result i32 i32)
    local.get 0  local.get 1  local.get 2
    (if (param i32 i32) (result i32 i32) (then  i32.const 1  i32.add)))
  (func (export "mixed") (param i32) (result i32 i64 f32 f64)
    (block (result i32 i64 f32 f64)
      i32.const 1  i64.const 2  f32.const 3  f64.const 4
      local.get 0  br_if 0
      drop  drop  drop  drop
      i32.const 5  i64.const 6  f32.const 7  f64.const 8))
  (func (export "table-of-values") (param i32) (result i32)
    (block (result i32)
      (block (result i32)
        (block (result i32)
          i32.const 100  local.get 0
          br_table 0 1 2 1)
        i32.const 1  i32.add)
      i32.const 2  i32.add))
  (func (export "deep") (param i32) (result i32)
    i32.const 1  i32.const 2  i32.const 3  i32.const 4  i32.const 5  i32.const 6  i32.const 7  i32.const 8  i32.const 9
    i32.const 10  i32.const 11  i32.const 12  i32.const 13  i32.const 14  i32.const 15  i32.const 16  i32.const 17
    local.get 0  local.get 0  local.get 0  local.get 0  local.get 0  local.get 0  local.get 0  local.get 0
    i32.const 1000  local.set 0
    i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub
    i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub
    i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub  i32.sub
    local.get 0  i32.add)
  (func (export "dead") (param i32) (result i32)
    (block (result i32)
      local.get 0
      br 0
      i32.add  (loop  br 0)  drop  i32.const 1  local.set 0  unreachable)
    local.get 0  i32.add))
(assert_return (invoke "loop-swap" (i32.const 5) (i32.const 6) (i32.const 1)) (i32.const 6) (i32.const 5))
(assert_return (invoke "loop-swap" (i32.const 5) (i32.const 6) (i32.const 2)) (i32.const 5) (i32.const 6))
(assert_return (invoke "loop-swap" (i32.const 5) (i32.const 6) (i32.const 7)) (i32.const 6) (i32.const 5))
(assert_return (invoke "fibonacci" (i32.const 50)) (i64.const 12586269025))
(assert_return (invoke "over-junk" (i32.const 0)) (i32.const 1006))
(assert_return (invoke "over-junk" (i32.const 1)) (i32.const 1003))
(assert_return (invoke "br-if-keeps" (i32.const 0)) (i32.const 40))
(assert_return (invoke "br-if-keeps" (i32.const 7)) (i32.const 14))
(assert_return (invoke "br-if-local" (i32.const 5) (i32.const 0)) (i32.const 14))
(assert_return (invoke "br-if-local" (i32.const 5) (i32.const 1)) (i32.const 5))
(assert_return (invoke "if-params" (i32.const 5) (i32.const 6) (i32.const 0)) (i32.const 30))
(assert_return (invoke "if-params" (i32.const 5) (i32.const 6) (i32.const 1)) (i32.const -1))
(assert_return (invoke "if-no-else" (i32.const 5) (i32.const 6) (i32.const 0)) (i32.const 5) (i32.const 6))
(assert_return (invoke "if-no-else" (i32.const 5) (i32.const 6) (i32.const 1)) (i32.const 5) (i32.const 7))
(assert_return (invoke "mixed" (i32.const 0)) (i32.const 5) (i64.const 6) (f32.const 7) (f64.const 8))
(assert_return (invoke "mixed" (i32.const 1)) (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4))
(assert_return (invoke "table-of-values" (i32.const 0)) (i32.const 103))
(assert_return (invoke "table-of-values" (i32.const 1)) (i32.const 102))
(assert_return (invoke "table-of-values" (i32.const 2)) (i32.const 100))
(assert_return (invoke "table-of-values" (i32.const 3)) (i32.const 102))
(assert_return (invoke "table-of-values" (i32.const -1)) (i32.const 102))
(assert_return (invoke "deep" (i32.const 3)) (i32.const 1009))
(assert_return (invoke "dead" (i32.const 3)) (i32.const 6))

;; --- accumulators ------------------------------------------------------------------------------------------------------------
(module
  (memory 1)
  (global $g (mut i32) (i32.const 0))
  (func (export "three-kinds") (param i32 f32 f64) (result f64)
    local.get 0  i32.const 1  i32.add
    local.get 1  f32.const 1  f32.add
    local.get 2  f64.const 1  f64.add
    local.get 0  i32.const 2  i32.mul  f64.convert_i32_s  f64.mul
    local.set 2  f64.promote_f32  local.set 2  f64.convert_i32_s  local.get 2  f64.sub)
  (func (export "two-sums") (param i32 i32) (result i32)
    local.get 0  i32.const 3  i32.add
    local.get 1  i32.const 4  i32.mul
    i32.sub)
  (func (export "held-over-store") (param i32 i32) (result i32)
    local.get 0  i32.const 3  i32.add
    i32.const 8  local.get 1  i32.store
    i32.const 8  i32.load  i32.sub)
  (func (export "held-over-call") (param i32) (result i32)
    local.get 0  i32.const 3  i32.mul  (call $clobber)  i32.const 1  i32.add)
  (func (export "held-over-float-call") (param f64) (result f64)
    local.get 0  f64.const 3  f64.mul  (call $clobber)  f64.const 1  f64.add)
  (func $clobber (local f64) i32.const 99  i32.const 1  i32.add  global.set $g  f64.const 5  f64.neg  local.set 0)
  (func (export "held-over-select") (param i32 i32 i32) (result i32)
    local.get 0  i32.const 10  i32.add
    local.get 1  i32.const 20  i32.add
    local.get 2  i32.eqz
    select)
  (func (export "select-floats") (param f64 f64 i32) (result f64)
    local.get 0  f64.neg  local.get 1  f64.abs  local.get 2  select)
  (func (export "compare-kept") (param i32 i32) (result i32)
    local.get 0  local.get 1  i32.lt_s
    local.get 0  local.get 1  i32.gt_s
    i32.const 2  i32.mul  i32.add)
  (func (export "compare-tee") (param i32 i32) (result i32) (local i32)
    (if (result i32) (local.tee 2 (i32.lt_u (local.get 0) (local.get 1)))
      (then  local.get 2  i32.const 10  i32.add)
      (else  local.get 2  i32.const 20  i32.add)))
  (func (export "branch-on-float") (param f64 f64) (result i32)
    (if (result i32) (f64.lt (local.get 0) (local.get 1)) (then  i32.const 1) (else  i32.const 2)))
  (func (export "branch-on-not") (param i32) (result i32)
    (block  (br_if 0 (i32.eqz (i32.eqz (i32.eqz (local.get 0)))))  (return (i32.const 1)))  i32.const 2)
  (func (export "branch-on-i64") (param i64) (result i32)
    (block  (br_if 0 (i64.eqz (local.get 0)))  (return (i32.const 1)))  i32.const 2)
  (func (export "wrapped-condition") (param i64) (result i32)
    (if (result i32) (i32.wrap_i64 (local.get 0)) (then  i32.const 1) (else  i32.const 2)))
  (func (export "grow-in-expression") (param i32) (result i32)
    (i32.add (i32.mul (local.get 0) (i32.const 1000)) (i32.add (memory.grow (local.get 0)) (memory.size)))))
(assert_return (invoke "three-kinds" (i32.const 6) (f32.const 2) (f64.const 9)) (f64.const 4))
(assert_return (invoke "two-sums" (i32.const 6) (i32.const 2)) (i32.const 1))
(assert_return (invoke "held-over-store" (i32.const 6) (i32.const 2)) (i32.const 7))
(assert_return (invoke "held-over-call" (i32.const 6)) (i32.const 19))
(assert_return (invoke "held-over-float-call" (f64.const 6)) (f64.const 19))
(assert_return (invoke "held-over-select" (i32.const 1) (i32.const 2) (i32.const 0)) (i32.const 11))
(assert_return (invoke "held-over-select" (i32.const 1) (i32.const 2) (i32.const 1)) (i32.const 22))
(assert_return (invoke "select-floats" (f64.const 1) (f64.const -2) (i32.const 0)) (f64.const 2))
(assert_return (invoke "select-floats" (f64.const 1) (f64.const -2) (i32.const 1)) (f64.const -1))
(assert_return (invoke "compare-kept" (i32.const 1) (i32.const 2)) (i32.const 1))
(assert_return (invoke "compare-kept" (i32.const 2) (i32.const 1)) (i32.const 2))
(assert_return (invoke "compare-kept" (i32.const 2) (i32.const 2)) (i32.const 0))
(assert_return (invoke "compare-tee" (i32.const 1) (i32.const 2)) (i32.const 11))
(assert_return (invoke "compare-tee" (i32.const -1) (i32.const 2)) (i32.const 20))
(assert_return (invoke "branch-on-float" (f64.const 1) (f64.const 2)) (i32.const 1))
(assert_return (invoke "branch-on-float" (f64.const nan) (f64.const 2)) (i32.const 2))
(assert_return (invoke "branch-on-float" (f64.const 2) (f64.const nan)) (i32.const 2))
(assert_return (invoke "branch-on-not" (i32.const 0)) (i32.const 2))
(assert_return (invoke "branch-on-not" (i32.const 5)) (i32.const 1))
(assert_return (invoke "branch-on-i64" (i64.const 0x100000000)) (i32.const 1))
(assert_return (invoke "branch-on-i64" (i64.const 0)) (i32.const 2))
(assert_return (invoke "wrapped-condition" (i64.const 0x100000000)) (i32.const 2))
(assert_return (invoke "wrapped-condition" (i64.const 0x100000001)) (i32.const 1))
(assert_return (invoke "grow-in-expression" (i32.const 2)) (i32.const 2004))
