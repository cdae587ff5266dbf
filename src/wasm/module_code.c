/* SPDX-License-Identifier: Apache-2.0 */
/* module_code.c -- the instruction set as tables of what follows each opcode.
 *
 * One letter per opcode, sixteen to a row:
 *   .  nothing          B  block type       E  end               U  an index
 *   W  two indices      T  branch table     S  types of select   M  alignment and offset
 *   Z  memory 0         Y  memory 0 twice   K  index, memory 0   R  reference type
 *   i  i32  I  i64  f  f32  d  f64  v  v128 l  lane              m  alignment, offset, lane
 *   P  more opcodes (0xFC)                  V  more opcodes (0xFD: vectors)
 *   x  exceptions   g  typed references     a  atomics: features refused by name
 *   ?  no instruction */
#include "wasm/module_code.h"

#include <string.h>

/* clang-format off */
static const char plain[] =
    /*       0123456789ABCDEF */
    /* 00 */ "..BBB.xxxxxEUUT."
    /* 10 */ "UWUWgg??xx..S??x"
    /* 20 */ "UUUUUUU?MMMMMMMM"
    /* 30 */ "MMMMMMMMMMMMMMMZ"
    /* 40 */ "ZiIfd..........."
    /* 50 */ "................"
    /* 60 */ "................"
    /* 70 */ "................"
    /* 80 */ "................"
    /* 90 */ "................"
    /* A0 */ "................"
    /* B0 */ "................"
    /* C0 */ ".....???????????"
    /* D0 */ "R.Ugggg?????????"
    /* E0 */ "????????????????"
    /* F0 */ "???????????gPVa?";

static const char bulk[] =
    /*       0123456789ABCDEF */
    /* 00 */ "........KUYZWUWU"
    /* 10 */ "UU";

static const char vector[] =
    /*        0123456789ABCDEF */
    /* 000 */ "MMMMMMMMMMMMvv.."
    /* 010 */ ".....lllllllllll"
    /* 020 */ "lll............."
    /* 030 */ "................"
    /* 040 */ "................"
    /* 050 */ "....mmmmmmmmMM.."
    /* 060 */ "................"
    /* 070 */ "................"
    /* 080 */ "................"
    /* 090 */ "................"
    /* 0A0 */ "................"
    /* 0B0 */ "................"
    /* 0C0 */ "................"
    /* 0D0 */ "................"
    /* 0E0 */ "................"
    /* 0F0 */ "................"
    /* 100 */ "....................";
/* clang-format on */

_Static_assert(sizeof plain == 256 + 1, "one letter for each first byte");
_Static_assert(sizeof bulk == 0x12 + 1, "up to table.fill");
_Static_assert(sizeof vector == 0x114 + 1, "up to the last relaxed instruction");

uint8_t mk_module_value_type(mk_vm_reader_t *r) {
    uint8_t type = mk_vm_u8(r);
    if (r->err != MK_OK || (type >= 0x7B && type <= 0x7F)) return type;
    r->at--;
    return mk_module_reference_type(r);
}

uint8_t mk_module_reference_type(mk_vm_reader_t *r) {
    const uint8_t *at = r->at;
    uint8_t        type = mk_vm_u8(r);
    if (r->err != MK_OK || type == 0x70 || type == 0x6F) return type;
    if (type >= 0x63 && type <= 0x75) { /* the range of typed and garbage-collected references */
        mk_vm_fail(r, at, MK_ERR_NOSYS, "reference type 0x%02x is not supported", type);
    } else {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown type 0x%02x", type);
    }
    return 0;
}

static void index_of_memory(mk_vm_reader_t *r) {
    const uint8_t *at = r->at;
    uint8_t        index = mk_vm_u8(r);
    if (index != 0) mk_vm_fail(r, at, MK_ERR_NOSYS, "more than one memory is not supported");
}

static void alignment_and_offset(mk_vm_reader_t *r) {
    const uint8_t *at = r->at;
    uint32_t       align = mk_vm_u32(r);
    if (align & 0x40) { /* the bit that announces the number of a memory */
        mk_vm_fail(r, at, MK_ERR_NOSYS, "more than one memory is not supported");
    }
    (void)mk_vm_u32(r);
}

static void block_type(mk_vm_reader_t *r) {
    if (r->at < r->end && (*r->at == 0x40 || (*r->at >= 0x63 && *r->at <= 0x7F))) {
        if (*r->at == 0x40) mk_vm_skip(r, 1);
        else (void)mk_module_value_type(r);
    } else {
        (void)mk_vm_signed(r, 33); /* the index of a function type */
    }
}

static void skip_indices(mk_vm_reader_t *r, uint32_t count) {
    while (count-- > 0 && r->err == MK_OK) (void)mk_vm_u32(r);
}

static void branch_table(mk_vm_reader_t *r) {
    skip_indices(r, mk_vm_count(r, 1));
    skip_indices(r, 1); /* where all others go */
}

static void types_of_select(mk_vm_reader_t *r) {
    for (uint32_t left = mk_vm_count(r, 1); left > 0 && r->err == MK_OK; left--) { (void)mk_module_value_type(r); }
}

/* The letter of an opcode behind a prefix byte. */
static char prefixed(mk_vm_reader_t *r, mk_module_op_t *op, const char *letters, size_t count) {
    uint32_t number = mk_vm_u32(r);
    op->code = op->code << 16 | (number & 0xFFFF);
    return number < count ? letters[number] : '?';
}

static void immediates(mk_vm_reader_t *r, mk_module_op_t *op, char letter) {
    switch (letter) {
    case '.': break;
    case 'B': op->depth++, block_type(r); break;
    case 'E': op->depth--; break;
    case 'U': skip_indices(r, 1); break;
    case 'W': skip_indices(r, 2); break;
    case 'Z': index_of_memory(r); break;
    case 'Y': index_of_memory(r), index_of_memory(r); break;
    case 'K': skip_indices(r, 1), index_of_memory(r); break;
    case 'T': branch_table(r); break;
    case 'S': types_of_select(r); break;
    case 'R': (void)mk_module_reference_type(r); break;
    case 'M': alignment_and_offset(r); break;
    case 'm': alignment_and_offset(r), mk_vm_skip(r, 1); break;
    case 'i': (void)mk_vm_signed(r, 32); break;
    case 'I': (void)mk_vm_signed(r, 64); break;
    case 'l': mk_vm_skip(r, 1); break;
    case 'f': mk_vm_skip(r, 4); break;
    case 'd': mk_vm_skip(r, 8); break;
    case 'v': mk_vm_skip(r, 16); break;
    case 'x': mk_vm_fail(r, op->at, MK_ERR_NOSYS, "exceptions are not supported"); break;
    case 'g': mk_vm_fail(r, op->at, MK_ERR_NOSYS, "typed references are not supported"); break;
    case 'a': mk_vm_fail(r, op->at, MK_ERR_NOSYS, "atomic instructions are not supported"); break;
    default: mk_vm_fail(r, op->at, MK_ERR_FORMAT, "unknown instruction 0x%02x", (unsigned)op->code); break;
    }
}

bool mk_module_next_op(mk_vm_reader_t *r, mk_module_op_t *op) {
    if (op->depth == 0 || r->err != MK_OK) return false;
    op->at = r->at;
    op->code = mk_vm_u8(r);
    if (r->err != MK_OK) return false;
    char letter = plain[op->code];
    if (letter == 'P') letter = prefixed(r, op, bulk, sizeof bulk - 1);
    if (letter == 'V') letter = prefixed(r, op, vector, sizeof vector - 1);
    immediates(r, op, letter);
    return r->err == MK_OK;
}

static bool is_constant(uint32_t code) {
    static const uint8_t codes[] = {OP_END,       OP_GLOBAL_GET, OP_I32_CONST, OP_I64_CONST, OP_F32_CONST,
                                    OP_F64_CONST, OP_REF_NULL,   OP_REF_FUNC,  OP_I32_ADD,   OP_I32_SUB,
                                    OP_I32_MUL,   OP_I64_ADD,    OP_I64_SUB,   OP_I64_MUL};
    return code == OP_V128_CONST || (code < 0x100 && memchr(codes, (int)code, sizeof codes) != NULL);
}

bool mk_module_constant(mk_vm_reader_t *r, uint32_t *value) {
    mk_vm_reader_t plain_i32 = *r;
    mk_module_op_t op = mk_module_op_begin();
    while (mk_module_next_op(r, &op)) {
        if (!is_constant(op.code)) {
            mk_vm_fail(r, op.at, MK_ERR_FORMAT, "instruction 0x%02x in an initialiser", (unsigned)op.code);
        }
    }
    if (r->err != MK_OK || mk_vm_u8(&plain_i32) != OP_I32_CONST) return false;
    *value = (uint32_t)mk_vm_signed(&plain_i32, 32);
    return mk_vm_u8(&plain_i32) == OP_END;
}

void mk_module_skip_locals(mk_vm_reader_t *r) {
    for (uint32_t left = mk_vm_count(r, 2); left > 0 && r->err == MK_OK; left--) {
        (void)mk_vm_u32(r);
        (void)mk_module_value_type(r);
    }
}
