/* SPDX-License-Identifier: Apache-2.0 */
/* shell.wasm as bytes of this program, so that `mk` is one file. */
    .section .rodata
    .balign 16
    .globl mk_shell_guest
mk_shell_guest:
    .incbin MK_SHELL_WASM
    .globl mk_shell_guest_end
mk_shell_guest_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
