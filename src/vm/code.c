/* SPDX-License-Identifier: Apache-2.0 */
/* code.c -- see code.h. */
#include "vm/code.h"

#include <stdarg.h>
#include <stdio.h>

#include "microkernel/error.h"

const mk_vm_op_facts_t mk_vm_op_facts[MK_VM_OP_COUNT] = {
#define FACTS(id, name, layout) [MK_VM_OP_##id] = {name, layout},
    MK_VM_OPS(FACTS)
#undef FACTS
};

static uint32_t letter_units(char letter, const uint16_t *at) {
    switch (letter) {
    case 'a': return 0;
    case 'k':
    case 'o':
    case 'b':
    case 'f': return 2;
    case 'K':
    case 'l': return 4;
    case 'B': return 2 + 2 * (mk_vm_unit32(at) + 1);
    default: return 1;
    }
}

uint32_t mk_vm_op_units(const uint16_t *at) {
    uint32_t units = 1;
    for (const char *letter = mk_vm_op_facts[*at].layout; *letter != '\0'; letter++)
        units += letter_units(*letter, at + units);
    return units;
}

typedef struct text {
    char  *at;
    size_t left;
} text_t;

static void add(text_t *text, const char *fmt, ...) MK_PRINTF(2, 3);

static void add(text_t *text, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int wrote = vsnprintf(text->at, text->left, fmt, args);
    va_end(args);
    size_t used = wrote < 0 ? 0 : (size_t)wrote < text->left ? (size_t)wrote : text->left;
    text->at += used;
    text->left -= used;
}

static void add_operand(text_t *text, const mk_vm_code_t *code, char letter, uint32_t at) {
    const uint16_t *units = code->units + at;
    switch (letter) {
    case 'a': add(text, " a"); break;
    case 'r': add(text, " r%u", (unsigned)*units); break;
    case '>': add(text, " > r%u", (unsigned)*units); break;
    case 'k': add(text, " %ld", (long)(int32_t)mk_vm_unit32(units)); break;
    case 'K': add(text, " %lld", (long long)mk_vm_unit64(units)); break;
    case 'o': add(text, " +%lu", (unsigned long)mk_vm_unit32(units)); break;
    case 'b': add(text, " ->%u", (unsigned)(at + mk_vm_unit32(units))); break;
    case 'f': add(text, " %lu", (unsigned long)mk_vm_unit32(units)); break;
    case 'l': break; /* says what follows from where it stands */
    case 'B':
        for (uint32_t i = 0; i <= mk_vm_unit32(units); i++) add_operand(text, code, 'b', at + 2 + 2 * i);
        break;
    default: add(text, " %u", (unsigned)*units); break;
    }
}

uint32_t mk_vm_disassemble(const mk_vm_code_t *code, uint32_t pc, char *text, size_t size) {
    const mk_vm_op_facts_t *facts = &mk_vm_op_facts[code->units[pc]];
    text_t                  line = {text, size};
    uint32_t                at = pc + 1;
    add(&line, "%s", facts->name);
    for (const char *letter = facts->layout; *letter != '\0'; letter++) {
        add_operand(&line, code, *letter, at);
        at += letter_units(*letter, code->units + at);
    }
    return at;
}
