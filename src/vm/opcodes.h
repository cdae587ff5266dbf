/* SPDX-License-Identifier: Apache-2.0 */
/* opcodes.h -- the instruction set as one table: WebAssembly 2.0 without vectors, with tail calls.
 *
 * Each row: its byte in the module, its identifier, its name, what follows it in the code, and its type where that is
 * the same wherever it stands: operands left of '>', result right of it, i = i32, I = i64, f = f32, F = f64. An empty
 * type says that it depends on the place; validate.c has one function for each of those. */
#ifndef MK_VM_OPCODES_H
#define MK_VM_OPCODES_H

#include <stdint.h>

/* clang-format off */
#define MK_VM_OPCODES(X)                                                            \
    X(0x00, UNREACHABLE,           "unreachable",           NONE,          "")      \
    X(0x01, NOP,                   "nop",                   NONE,          ">")     \
    X(0x02, BLOCK,                 "block",                 BLOCK,         "")      \
    X(0x03, LOOP,                  "loop",                  BLOCK,         "")      \
    X(0x04, IF,                    "if",                    BLOCK,         "")      \
    X(0x05, ELSE,                  "else",                  NONE,          "")      \
    X(0x0B, END,                   "end",                   NONE,          "")      \
    X(0x0C, BR,                    "br",                    LABEL,         "")      \
    X(0x0D, BR_IF,                 "br_if",                 LABEL,         "")      \
    X(0x0E, BR_TABLE,              "br_table",              LABELS,        "")      \
    X(0x0F, RETURN,                "return",                NONE,          "")      \
    X(0x10, CALL,                  "call",                  FUNCTION,      "")      \
    X(0x11, CALL_INDIRECT,         "call_indirect",         TYPE_TABLE,    "")      \
    X(0x12, RETURN_CALL,           "return_call",           FUNCTION,      "")      \
    X(0x13, RETURN_CALL_INDIRECT,  "return_call_indirect",  TYPE_TABLE,    "")      \
    X(0x1A, DROP,                  "drop",                  NONE,          "")      \
    X(0x1B, SELECT,                "select",                NONE,          "")      \
    X(0x1C, SELECT_T,              "select",                TYPES,         "")      \
    X(0x20, LOCAL_GET,             "local.get",             LOCAL,         "")      \
    X(0x21, LOCAL_SET,             "local.set",             LOCAL,         "")      \
    X(0x22, LOCAL_TEE,             "local.tee",             LOCAL,         "")      \
    X(0x23, GLOBAL_GET,            "global.get",            GLOBAL,        "")      \
    X(0x24, GLOBAL_SET,            "global.set",            GLOBAL,        "")      \
    X(0x25, TABLE_GET,             "table.get",             TABLE,         "")      \
    X(0x26, TABLE_SET,             "table.set",             TABLE,         "")      \
    X(0x28, I32_LOAD,              "i32.load",              ACCESS_32,     "i>i")   \
    X(0x29, I64_LOAD,              "i64.load",              ACCESS_64,     "i>I")   \
    X(0x2A, F32_LOAD,              "f32.load",              ACCESS_32,     "i>f")   \
    X(0x2B, F64_LOAD,              "f64.load",              ACCESS_64,     "i>F")   \
    X(0x2C, I32_LOAD8_S,           "i32.load8_s",           ACCESS_8,      "i>i")   \
    X(0x2D, I32_LOAD8_U,           "i32.load8_u",           ACCESS_8,      "i>i")   \
    X(0x2E, I32_LOAD16_S,          "i32.load16_s",          ACCESS_16,     "i>i")   \
    X(0x2F, I32_LOAD16_U,          "i32.load16_u",          ACCESS_16,     "i>i")   \
    X(0x30, I64_LOAD8_S,           "i64.load8_s",           ACCESS_8,      "i>I")   \
    X(0x31, I64_LOAD8_U,           "i64.load8_u",           ACCESS_8,      "i>I")   \
    X(0x32, I64_LOAD16_S,          "i64.load16_s",          ACCESS_16,     "i>I")   \
    X(0x33, I64_LOAD16_U,          "i64.load16_u",          ACCESS_16,     "i>I")   \
    X(0x34, I64_LOAD32_S,          "i64.load32_s",          ACCESS_32,     "i>I")   \
    X(0x35, I64_LOAD32_U,          "i64.load32_u",          ACCESS_32,     "i>I")   \
    X(0x36, I32_STORE,             "i32.store",             ACCESS_32,     "ii>")   \
    X(0x37, I64_STORE,             "i64.store",             ACCESS_64,     "iI>")   \
    X(0x38, F32_STORE,             "f32.store",             ACCESS_32,     "if>")   \
    X(0x39, F64_STORE,             "f64.store",             ACCESS_64,     "iF>")   \
    X(0x3A, I32_STORE8,            "i32.store8",            ACCESS_8,      "ii>")   \
    X(0x3B, I32_STORE16,           "i32.store16",           ACCESS_16,     "ii>")   \
    X(0x3C, I64_STORE8,            "i64.store8",            ACCESS_8,      "iI>")   \
    X(0x3D, I64_STORE16,           "i64.store16",           ACCESS_16,     "iI>")   \
    X(0x3E, I64_STORE32,           "i64.store32",           ACCESS_32,     "iI>")   \
    X(0x3F, MEMORY_SIZE,           "memory.size",           MEMORY,        ">i")    \
    X(0x40, MEMORY_GROW,           "memory.grow",           MEMORY,        "i>i")   \
    X(0x41, I32_CONST,             "i32.const",             I32,           ">i")    \
    X(0x42, I64_CONST,             "i64.const",             I64,           ">I")    \
    X(0x43, F32_CONST,             "f32.const",             F32,           ">f")    \
    X(0x44, F64_CONST,             "f64.const",             F64,           ">F")    \
    X(0x45, I32_EQZ,               "i32.eqz",               NONE,          "i>i")   \
    X(0x46, I32_EQ,                "i32.eq",                NONE,          "ii>i")  \
    X(0x47, I32_NE,                "i32.ne",                NONE,          "ii>i")  \
    X(0x48, I32_LT_S,              "i32.lt_s",              NONE,          "ii>i")  \
    X(0x49, I32_LT_U,              "i32.lt_u",              NONE,          "ii>i")  \
    X(0x4A, I32_GT_S,              "i32.gt_s",              NONE,          "ii>i")  \
    X(0x4B, I32_GT_U,              "i32.gt_u",              NONE,          "ii>i")  \
    X(0x4C, I32_LE_S,              "i32.le_s",              NONE,          "ii>i")  \
    X(0x4D, I32_LE_U,              "i32.le_u",              NONE,          "ii>i")  \
    X(0x4E, I32_GE_S,              "i32.ge_s",              NONE,          "ii>i")  \
    X(0x4F, I32_GE_U,              "i32.ge_u",              NONE,          "ii>i")  \
    X(0x50, I64_EQZ,               "i64.eqz",               NONE,          "I>i")   \
    X(0x51, I64_EQ,                "i64.eq",                NONE,          "II>i")  \
    X(0x52, I64_NE,                "i64.ne",                NONE,          "II>i")  \
    X(0x53, I64_LT_S,              "i64.lt_s",              NONE,          "II>i")  \
    X(0x54, I64_LT_U,              "i64.lt_u",              NONE,          "II>i")  \
    X(0x55, I64_GT_S,              "i64.gt_s",              NONE,          "II>i")  \
    X(0x56, I64_GT_U,              "i64.gt_u",              NONE,          "II>i")  \
    X(0x57, I64_LE_S,              "i64.le_s",              NONE,          "II>i")  \
    X(0x58, I64_LE_U,              "i64.le_u",              NONE,          "II>i")  \
    X(0x59, I64_GE_S,              "i64.ge_s",              NONE,          "II>i")  \
    X(0x5A, I64_GE_U,              "i64.ge_u",              NONE,          "II>i")  \
    X(0x5B, F32_EQ,                "f32.eq",                NONE,          "ff>i")  \
    X(0x5C, F32_NE,                "f32.ne",                NONE,          "ff>i")  \
    X(0x5D, F32_LT,                "f32.lt",                NONE,          "ff>i")  \
    X(0x5E, F32_GT,                "f32.gt",                NONE,          "ff>i")  \
    X(0x5F, F32_LE,                "f32.le",                NONE,          "ff>i")  \
    X(0x60, F32_GE,                "f32.ge",                NONE,          "ff>i")  \
    X(0x61, F64_EQ,                "f64.eq",                NONE,          "FF>i")  \
    X(0x62, F64_NE,                "f64.ne",                NONE,          "FF>i")  \
    X(0x63, F64_LT,                "f64.lt",                NONE,          "FF>i")  \
    X(0x64, F64_GT,                "f64.gt",                NONE,          "FF>i")  \
    X(0x65, F64_LE,                "f64.le",                NONE,          "FF>i")  \
    X(0x66, F64_GE,                "f64.ge",                NONE,          "FF>i")  \
    X(0x67, I32_CLZ,               "i32.clz",               NONE,          "i>i")   \
    X(0x68, I32_CTZ,               "i32.ctz",               NONE,          "i>i")   \
    X(0x69, I32_POPCNT,            "i32.popcnt",            NONE,          "i>i")   \
    X(0x6A, I32_ADD,               "i32.add",               NONE,          "ii>i")  \
    X(0x6B, I32_SUB,               "i32.sub",               NONE,          "ii>i")  \
    X(0x6C, I32_MUL,               "i32.mul",               NONE,          "ii>i")  \
    X(0x6D, I32_DIV_S,             "i32.div_s",             NONE,          "ii>i")  \
    X(0x6E, I32_DIV_U,             "i32.div_u",             NONE,          "ii>i")  \
    X(0x6F, I32_REM_S,             "i32.rem_s",             NONE,          "ii>i")  \
    X(0x70, I32_REM_U,             "i32.rem_u",             NONE,          "ii>i")  \
    X(0x71, I32_AND,               "i32.and",               NONE,          "ii>i")  \
    X(0x72, I32_OR,                "i32.or",                NONE,          "ii>i")  \
    X(0x73, I32_XOR,               "i32.xor",               NONE,          "ii>i")  \
    X(0x74, I32_SHL,               "i32.shl",               NONE,          "ii>i")  \
    X(0x75, I32_SHR_S,             "i32.shr_s",             NONE,          "ii>i")  \
    X(0x76, I32_SHR_U,             "i32.shr_u",             NONE,          "ii>i")  \
    X(0x77, I32_ROTL,              "i32.rotl",              NONE,          "ii>i")  \
    X(0x78, I32_ROTR,              "i32.rotr",              NONE,          "ii>i")  \
    X(0x79, I64_CLZ,               "i64.clz",               NONE,          "I>I")   \
    X(0x7A, I64_CTZ,               "i64.ctz",               NONE,          "I>I")   \
    X(0x7B, I64_POPCNT,            "i64.popcnt",            NONE,          "I>I")   \
    X(0x7C, I64_ADD,               "i64.add",               NONE,          "II>I")  \
    X(0x7D, I64_SUB,               "i64.sub",               NONE,          "II>I")  \
    X(0x7E, I64_MUL,               "i64.mul",               NONE,          "II>I")  \
    X(0x7F, I64_DIV_S,             "i64.div_s",             NONE,          "II>I")  \
    X(0x80, I64_DIV_U,             "i64.div_u",             NONE,          "II>I")  \
    X(0x81, I64_REM_S,             "i64.rem_s",             NONE,          "II>I")  \
    X(0x82, I64_REM_U,             "i64.rem_u",             NONE,          "II>I")  \
    X(0x83, I64_AND,               "i64.and",               NONE,          "II>I")  \
    X(0x84, I64_OR,                "i64.or",                NONE,          "II>I")  \
    X(0x85, I64_XOR,               "i64.xor",               NONE,          "II>I")  \
    X(0x86, I64_SHL,               "i64.shl",               NONE,          "II>I")  \
    X(0x87, I64_SHR_S,             "i64.shr_s",             NONE,          "II>I")  \
    X(0x88, I64_SHR_U,             "i64.shr_u",             NONE,          "II>I")  \
    X(0x89, I64_ROTL,              "i64.rotl",              NONE,          "II>I")  \
    X(0x8A, I64_ROTR,              "i64.rotr",              NONE,          "II>I")  \
    X(0x8B, F32_ABS,               "f32.abs",               NONE,          "f>f")   \
    X(0x8C, F32_NEG,               "f32.neg",               NONE,          "f>f")   \
    X(0x8D, F32_CEIL,              "f32.ceil",              NONE,          "f>f")   \
    X(0x8E, F32_FLOOR,             "f32.floor",             NONE,          "f>f")   \
    X(0x8F, F32_TRUNC,             "f32.trunc",             NONE,          "f>f")   \
    X(0x90, F32_NEAREST,           "f32.nearest",           NONE,          "f>f")   \
    X(0x91, F32_SQRT,              "f32.sqrt",              NONE,          "f>f")   \
    X(0x92, F32_ADD,               "f32.add",               NONE,          "ff>f")  \
    X(0x93, F32_SUB,               "f32.sub",               NONE,          "ff>f")  \
    X(0x94, F32_MUL,               "f32.mul",               NONE,          "ff>f")  \
    X(0x95, F32_DIV,               "f32.div",               NONE,          "ff>f")  \
    X(0x96, F32_MIN,               "f32.min",               NONE,          "ff>f")  \
    X(0x97, F32_MAX,               "f32.max",               NONE,          "ff>f")  \
    X(0x98, F32_COPYSIGN,          "f32.copysign",          NONE,          "ff>f")  \
    X(0x99, F64_ABS,               "f64.abs",               NONE,          "F>F")   \
    X(0x9A, F64_NEG,               "f64.neg",               NONE,          "F>F")   \
    X(0x9B, F64_CEIL,              "f64.ceil",              NONE,          "F>F")   \
    X(0x9C, F64_FLOOR,             "f64.floor",             NONE,          "F>F")   \
    X(0x9D, F64_TRUNC,             "f64.trunc",             NONE,          "F>F")   \
    X(0x9E, F64_NEAREST,           "f64.nearest",           NONE,          "F>F")   \
    X(0x9F, F64_SQRT,              "f64.sqrt",              NONE,          "F>F")   \
    X(0xA0, F64_ADD,               "f64.add",               NONE,          "FF>F")  \
    X(0xA1, F64_SUB,               "f64.sub",               NONE,          "FF>F")  \
    X(0xA2, F64_MUL,               "f64.mul",               NONE,          "FF>F")  \
    X(0xA3, F64_DIV,               "f64.div",               NONE,          "FF>F")  \
    X(0xA4, F64_MIN,               "f64.min",               NONE,          "FF>F")  \
    X(0xA5, F64_MAX,               "f64.max",               NONE,          "FF>F")  \
    X(0xA6, F64_COPYSIGN,          "f64.copysign",          NONE,          "FF>F")  \
    X(0xA7, I32_WRAP_I64,          "i32.wrap_i64",          NONE,          "I>i")   \
    X(0xA8, I32_TRUNC_F32_S,       "i32.trunc_f32_s",       NONE,          "f>i")   \
    X(0xA9, I32_TRUNC_F32_U,       "i32.trunc_f32_u",       NONE,          "f>i")   \
    X(0xAA, I32_TRUNC_F64_S,       "i32.trunc_f64_s",       NONE,          "F>i")   \
    X(0xAB, I32_TRUNC_F64_U,       "i32.trunc_f64_u",       NONE,          "F>i")   \
    X(0xAC, I64_EXTEND_I32_S,      "i64.extend_i32_s",      NONE,          "i>I")   \
    X(0xAD, I64_EXTEND_I32_U,      "i64.extend_i32_u",      NONE,          "i>I")   \
    X(0xAE, I64_TRUNC_F32_S,       "i64.trunc_f32_s",       NONE,          "f>I")   \
    X(0xAF, I64_TRUNC_F32_U,       "i64.trunc_f32_u",       NONE,          "f>I")   \
    X(0xB0, I64_TRUNC_F64_S,       "i64.trunc_f64_s",       NONE,          "F>I")   \
    X(0xB1, I64_TRUNC_F64_U,       "i64.trunc_f64_u",       NONE,          "F>I")   \
    X(0xB2, F32_CONVERT_I32_S,     "f32.convert_i32_s",     NONE,          "i>f")   \
    X(0xB3, F32_CONVERT_I32_U,     "f32.convert_i32_u",     NONE,          "i>f")   \
    X(0xB4, F32_CONVERT_I64_S,     "f32.convert_i64_s",     NONE,          "I>f")   \
    X(0xB5, F32_CONVERT_I64_U,     "f32.convert_i64_u",     NONE,          "I>f")   \
    X(0xB6, F32_DEMOTE_F64,        "f32.demote_f64",        NONE,          "F>f")   \
    X(0xB7, F64_CONVERT_I32_S,     "f64.convert_i32_s",     NONE,          "i>F")   \
    X(0xB8, F64_CONVERT_I32_U,     "f64.convert_i32_u",     NONE,          "i>F")   \
    X(0xB9, F64_CONVERT_I64_S,     "f64.convert_i64_s",     NONE,          "I>F")   \
    X(0xBA, F64_CONVERT_I64_U,     "f64.convert_i64_u",     NONE,          "I>F")   \
    X(0xBB, F64_PROMOTE_F32,       "f64.promote_f32",       NONE,          "f>F")   \
    X(0xBC, I32_REINTERPRET_F32,   "i32.reinterpret_f32",   NONE,          "f>i")   \
    X(0xBD, I64_REINTERPRET_F64,   "i64.reinterpret_f64",   NONE,          "F>I")   \
    X(0xBE, F32_REINTERPRET_I32,   "f32.reinterpret_i32",   NONE,          "i>f")   \
    X(0xBF, F64_REINTERPRET_I64,   "f64.reinterpret_i64",   NONE,          "I>F")   \
    X(0xC0, I32_EXTEND8_S,         "i32.extend8_s",         NONE,          "i>i")   \
    X(0xC1, I32_EXTEND16_S,        "i32.extend16_s",        NONE,          "i>i")   \
    X(0xC2, I64_EXTEND8_S,         "i64.extend8_s",         NONE,          "I>I")   \
    X(0xC3, I64_EXTEND16_S,        "i64.extend16_s",        NONE,          "I>I")   \
    X(0xC4, I64_EXTEND32_S,        "i64.extend32_s",        NONE,          "I>I")   \
    X(0xD0, REF_NULL,              "ref.null",              REFERENCE,     "")      \
    X(0xD1, REF_IS_NULL,           "ref.is_null",           NONE,          "")      \
    X(0xD2, REF_FUNC,              "ref.func",              FUNCTION,      "")      \
    /* behind the prefix 0xFC: its number n stands here as 0xE0 + n */        \
    X(0xE0, I32_TRUNC_SAT_F32_S,   "i32.trunc_sat_f32_s",   NONE,          "f>i")   \
    X(0xE1, I32_TRUNC_SAT_F32_U,   "i32.trunc_sat_f32_u",   NONE,          "f>i")   \
    X(0xE2, I32_TRUNC_SAT_F64_S,   "i32.trunc_sat_f64_s",   NONE,          "F>i")   \
    X(0xE3, I32_TRUNC_SAT_F64_U,   "i32.trunc_sat_f64_u",   NONE,          "F>i")   \
    X(0xE4, I64_TRUNC_SAT_F32_S,   "i64.trunc_sat_f32_s",   NONE,          "f>I")   \
    X(0xE5, I64_TRUNC_SAT_F32_U,   "i64.trunc_sat_f32_u",   NONE,          "f>I")   \
    X(0xE6, I64_TRUNC_SAT_F64_S,   "i64.trunc_sat_f64_s",   NONE,          "F>I")   \
    X(0xE7, I64_TRUNC_SAT_F64_U,   "i64.trunc_sat_f64_u",   NONE,          "F>I")   \
    X(0xE8, MEMORY_INIT,           "memory.init",           DATA_MEMORY,   "iii>")  \
    X(0xE9, DATA_DROP,             "data.drop",             DATA,          ">")     \
    X(0xEA, MEMORY_COPY,           "memory.copy",           MEMORIES,      "iii>")  \
    X(0xEB, MEMORY_FILL,           "memory.fill",           MEMORY,        "iii>")  \
    X(0xEC, TABLE_INIT,            "table.init",            ELEMENT_TABLE, "iii>")  \
    X(0xED, ELEM_DROP,             "elem.drop",             ELEMENT,       ">")     \
    X(0xEE, TABLE_COPY,            "table.copy",            TABLES,        "iii>")  \
    X(0xEF, TABLE_GROW,            "table.grow",            TABLE,         "")      \
    X(0xF0, TABLE_SIZE,            "table.size",            TABLE,         ">i")    \
    X(0xF1, TABLE_FILL,            "table.fill",            TABLE,         "")
/* clang-format on */

/* What follows an opcode. */
enum mk_vm_immediate {
    MK_VM_IMM_NONE,
    MK_VM_IMM_BLOCK,         /* a block type                                   */
    MK_VM_IMM_LABEL,
    MK_VM_IMM_LABELS,        /* a count, so many labels, and the default one   */
    MK_VM_IMM_FUNCTION,
    MK_VM_IMM_TYPE_TABLE,    /* a function type, then a table                  */
    MK_VM_IMM_TYPES,         /* a count, then value types                      */
    MK_VM_IMM_LOCAL,
    MK_VM_IMM_GLOBAL,
    MK_VM_IMM_TABLE,
    MK_VM_IMM_TABLES,        /* to, from                                       */
    MK_VM_IMM_ELEMENT,
    MK_VM_IMM_ELEMENT_TABLE,
    MK_VM_IMM_DATA,
    MK_VM_IMM_DATA_MEMORY,
    MK_VM_IMM_MEMORY,        /* one zero byte                                  */
    MK_VM_IMM_MEMORIES,      /* two                                            */
    MK_VM_IMM_REFERENCE,     /* a reference type                               */
    MK_VM_IMM_I32,
    MK_VM_IMM_I64,
    MK_VM_IMM_F32,
    MK_VM_IMM_F64,
    MK_VM_IMM_ACCESS_8,      /* alignment, offset; so many bits of memory      */
    MK_VM_IMM_ACCESS_16,
    MK_VM_IMM_ACCESS_32,
    MK_VM_IMM_ACCESS_64,
};

enum mk_vm_opcode {
#define MK_VM_OPCODE_ENUM(byte, id, name, immediate, type) MK_VM_##id = (byte),
    MK_VM_OPCODES(MK_VM_OPCODE_ENUM)
#undef MK_VM_OPCODE_ENUM
};

typedef struct mk_vm_opcode_facts {
    const char *name; /* NULL: no such instruction */
    char        type[5];
    uint8_t     immediate;
} mk_vm_opcode_facts_t;

enum {
    MK_VM_PREFIX = 0xFC,       /* the byte in front of the numbers 0 to 17         */
    MK_VM_PREFIXED = 0xE0,     /* what is added to such a number to be an opcode   */
    MK_VM_PREFIXED_COUNT = 18,
    MK_VM_OPCODE_COUNT = MK_VM_PREFIXED + MK_VM_PREFIXED_COUNT,
};

extern const mk_vm_opcode_facts_t mk_vm_opcodes[MK_VM_OPCODE_COUNT];

#endif
