/* SPDX-License-Identifier: Apache-2.0 */
/* switch_aarch64.S -- AAPCS64: x19 to x28, the frame pointer x29, the link register x30 and d8 to d15 are kept.
 * Layout of a saved stack, from its pointer upwards: x19..x30 in pairs, then d8..d15 in pairs; 160 bytes. */
    .text

    .globl  mk_fiber_switch
    .type   mk_fiber_switch, %function
    .p2align 4
mk_fiber_switch:
    .cfi_startproc
    hint    #34                     /* bti c */
    sub     sp, sp, #160
    stp     x19, x20, [sp, #0]
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    stp     d8,  d9,  [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    mov     x9, sp
    str     x9, [x0]
    mov     sp, x1
    ldp     x19, x20, [sp, #0]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     d8,  d9,  [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    add     sp, sp, #160
    ret
    .cfi_endproc
    .size   mk_fiber_switch, . - mk_fiber_switch

/* First code on a new stack: the function waits in x19, its argument in x20. */
    .type   first, %function
    .p2align 4
first:
    .cfi_startproc
    .cfi_undefined x30
    hint    #36                     /* bti j */
    mov     x0, x20
    blr     x19
    brk     #0
    .cfi_endproc
    .size   first, . - first

/* void *mk_fiber_prepare(uint8_t *top, void (*fn)(void *), void *arg) */
    .globl  mk_fiber_prepare
    .type   mk_fiber_prepare, %function
    .p2align 4
mk_fiber_prepare:
    .cfi_startproc
    hint    #34
    sub     x9, x0, #160
    stp     x1, x2, [x9, #0]        /* x19, x20 */
    stp     xzr, xzr, [x9, #16]
    stp     xzr, xzr, [x9, #32]
    stp     xzr, xzr, [x9, #48]
    stp     xzr, xzr, [x9, #64]
    adr     x10, first
    stp     xzr, x10, [x9, #80]     /* x29, x30 */
    stp     xzr, xzr, [x9, #96]
    stp     xzr, xzr, [x9, #112]
    stp     xzr, xzr, [x9, #128]
    stp     xzr, xzr, [x9, #144]
    mov     x0, x9
    ret
    .cfi_endproc
    .size   mk_fiber_prepare, . - mk_fiber_prepare

/* void mk_fiber_call_on(void *stack, void (*fn)(void *), void *arg) */
    .globl  mk_fiber_call_on
    .type   mk_fiber_call_on, %function
    .p2align 4
mk_fiber_call_on:
    .cfi_startproc
    hint    #34
    stp     x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset x29, -16
    .cfi_offset x30, -8
    mov     x29, sp
    .cfi_def_cfa_register x29
    mov     sp, x0                  /* saved ones are 16-byte aligned */
    mov     x0, x2
    blr     x1
    mov     sp, x29
    ldp     x29, x30, [sp], #16
    .cfi_def_cfa sp, 0
    ret
    .cfi_endproc
    .size   mk_fiber_call_on, . - mk_fiber_call_on

    .section .note.GNU-stack, "", %progbits
