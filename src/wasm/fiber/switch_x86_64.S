/* SPDX-License-Identifier: Apache-2.0 */
/* switch_x86_64.S -- System V calling convention: rbx, rbp and r12 to r15 belong to the caller.
 * Layout of a saved stack, from its pointer upwards: r15 r14 r13 r12 rbx rbp, then the address to go on at. */
    .text

    .globl  mk_fiber_switch
    .type   mk_fiber_switch, @function
    .p2align 4
mk_fiber_switch:
    .cfi_startproc
    pushq   %rbp
    pushq   %rbx
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    movq    %rsp, (%rdi)
    movq    %rsi, %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbx
    popq    %rbp
    /* A jump and not a return: the return would be predicted to the other stack's caller. */
    popq    %rcx
    jmpq    *%rcx
    .cfi_endproc
    .size   mk_fiber_switch, . - mk_fiber_switch

/* First code on a new stack: the function waits in rbx, its argument in r12. */
    .type   first, @function
    .p2align 4
first:
    .cfi_startproc
    .cfi_undefined rip
    movq    %r12, %rdi
    callq   *%rbx
    ud2
    .cfi_endproc
    .size   first, . - first

/* void *mk_fiber_prepare(uint8_t *top, void (*fn)(void *), void *arg) */
    .globl  mk_fiber_prepare
    .type   mk_fiber_prepare, @function
    .p2align 4
mk_fiber_prepare:
    .cfi_startproc
    leaq    first(%rip), %rcx
    movq    $0, -8(%rdi)            /* no caller: debuggers stop here; keeps `first` aligned */
    movq    $0, -16(%rdi)
    movq    %rcx, -24(%rdi)
    movq    $0, -32(%rdi)           /* rbp */
    movq    %rsi, -40(%rdi)         /* rbx */
    movq    %rdx, -48(%rdi)         /* r12 */
    movq    $0, -56(%rdi)
    movq    $0, -64(%rdi)
    movq    $0, -72(%rdi)
    leaq    -72(%rdi), %rax
    retq
    .cfi_endproc
    .size   mk_fiber_prepare, . - mk_fiber_prepare

/* void mk_fiber_call_on(void *stack, void (*fn)(void *), void *arg) */
    .globl  mk_fiber_call_on
    .type   mk_fiber_call_on, @function
    .p2align 4
mk_fiber_call_on:
    .cfi_startproc
    pushq   %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    movq    %rsp, %rbp
    .cfi_def_cfa_register rbp
    movq    %rdi, %rsp
    andq    $-16, %rsp
    movq    %rdx, %rdi
    callq   *%rsi
    movq    %rbp, %rsp
    popq    %rbp
    .cfi_def_cfa rsp, 8
    retq
    .cfi_endproc
    .size   mk_fiber_call_on, . - mk_fiber_call_on

    .section .note.GNU-stack, "", @progbits
