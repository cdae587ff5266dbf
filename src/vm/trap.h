/* SPDX-License-Identifier: Apache-2.0 */
/* trap.h -- why execution ended early, as data. The texts begin as those of the WebAssembly test suite do. */
#ifndef MK_VM_TRAP_H
#define MK_VM_TRAP_H

#include <stdint.h>

/* X(identifier, text). */
#define MK_VM_TRAPS(X)                                                  \
    X(NONE,             "none")                                         \
    X(UNREACHABLE,      "unreachable")                                  \
    X(DIVIDE_BY_ZERO,   "integer divide by zero")                       \
    X(OVERFLOW,         "integer overflow")                             \
    X(CONVERSION,       "invalid conversion to integer")                \
    X(MEMORY_BOUNDS,    "out of bounds memory access")                  \
    X(TABLE_BOUNDS,     "out of bounds table access")                   \
    X(UNDEFINED,        "undefined element")                            \
    X(UNINITIALIZED,    "uninitialized element")                        \
    X(TYPE_MISMATCH,    "indirect call type mismatch")                  \
    X(STACK_SLOTS,      "call stack exhausted")                         \
    X(STACK_DEPTH,      "call stack exhausted")                         \
    X(CODE_LIMIT,       "code too large")                               \
    X(OUT_OF_MEMORY,    "out of memory")                                \
    X(NESTED_WAIT,      "an import that waits, called inside of another import") \
    X(NESTED_FUEL,      "out of budget, inside of an import")           \
    X(HOST,             "failed import")

typedef enum mk_vm_trap {
#define MK_VM_TRAP_ENUM(id, text) MK_VM_TRAP_##id,
    MK_VM_TRAPS(MK_VM_TRAP_ENUM)
#undef MK_VM_TRAP_ENUM
} mk_vm_trap_t;

#endif
