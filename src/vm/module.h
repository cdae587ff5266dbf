/* SPDX-License-Identifier: Apache-2.0 */
/* module.h -- a decoded module: what its bytes say, as plain tables. One module serves all its instances.
 *
 * It borrows the bytes it was made from and points into them by offset: types, names, code, segments and initialisers
 * are read where they stand, so a module in flash costs little memory, and a place in the code is the same number on
 * every machine. Nothing here changes after mk_vm_validate(): any thread may read it. */
#ifndef MK_VM_MODULE_H
#define MK_VM_MODULE_H

#include "vm/read.h"

/* Value types by their byte in the module. */
enum mk_vm_value_type {
    MK_VM_TYPE_ANY = 0, /* of an operand in code that is never reached */
    MK_VM_TYPE_EXTERNREF = 0x6F,
    MK_VM_TYPE_FUNCREF = 0x70,
    MK_VM_TYPE_F64 = 0x7C,
    MK_VM_TYPE_F32 = 0x7D,
    MK_VM_TYPE_I64 = 0x7E,
    MK_VM_TYPE_I32 = 0x7F,
};

typedef enum mk_vm_kind {
    MK_VM_KIND_FUNCTION,
    MK_VM_KIND_TABLE,
    MK_VM_KIND_MEMORY,
    MK_VM_KIND_GLOBAL,
} mk_vm_kind_t;

/* Most that a module may ask of us, so that loading a hostile one costs a bounded time and memory. Reaching one is
 * MK_ERR_LIMIT with both figures in the text. */
typedef struct mk_vm_limits {
    uint32_t module_bytes;
    uint32_t types, functions, tables, globals, imports, exports;
    uint32_t segments;     /* of elements; of data                                   */
    uint32_t signature;    /* parameters of a type; results of a type; at most 65535 */
    uint32_t code_bytes;   /* of one function                                        */
    uint32_t locals;       /* of one function, parameters included                   */
    uint32_t depth;        /* of blocks in one function                              */
    uint32_t operands;     /* on the stack of one function                           */
    uint32_t translated_bytes; /* of register code, all functions together; checked before each: a trap, not a load error */
} mk_vm_limits_t;

/* What other engines take, or more: any module a compiler makes. */
extern const mk_vm_limits_t mk_vm_limits_default;

typedef struct mk_vm_type {
    uint32_t params_at, results_at; /* one byte each, side by side */
    uint16_t params, results;
    uint32_t same_as; /* the first type equal to this one: two types are equal when these are */
} mk_vm_type_t;

typedef struct mk_vm_function {
    uint32_t type;
    uint32_t code_at, code_end; /* from the counts of locals to behind the last `end`; 0 and 0: imported */
    uint32_t operands_max;      /* most operands at any time; by mk_vm_validate()                        */
    uint16_t locals;            /* parameters included; by mk_vm_validate()                              */
    bool     referenced;        /* outside of code, so that ref.func may name it                         */
} mk_vm_function_t;

typedef struct mk_vm_table {
    uint32_t min, max; /* entries; max is UINT32_MAX when not given */
    uint8_t  type;
    bool     has_max;
} mk_vm_table_t;

typedef struct mk_vm_memory {
    uint32_t min, max;   /* pages; max is all that can be addressed when not given */
    uint8_t  page_shift; /* 16, or 0: pages of one byte                            */
    bool     has_max;
} mk_vm_memory_t;

typedef struct mk_vm_global {
    uint32_t init_at; /* an initialiser; 0: imported */
    uint8_t  type;
    bool     mutable_;
} mk_vm_global_t;

/* The imports of one kind come first in its table, in the order of their import. */
typedef struct mk_vm_import {
    mk_vm_name_t module, name;
    uint32_t     index; /* among its kind */
    mk_vm_kind_t kind;
} mk_vm_import_t;

typedef struct mk_vm_export {
    mk_vm_name_t name;
    uint32_t     index; /* among its kind, imports included */
    mk_vm_kind_t kind;
} mk_vm_export_t;

typedef enum mk_vm_segment_mode {
    MK_VM_SEGMENT_ACTIVE,      /* copied when an instance is made */
    MK_VM_SEGMENT_PASSIVE,     /* copied by an instruction        */
    MK_VM_SEGMENT_DECLARATIVE, /* never copied                    */
} mk_vm_segment_mode_t;

typedef struct mk_vm_elements {
    uint32_t             table;
    uint32_t             offset_at; /* an initialiser; active ones                         */
    uint32_t             items_at;  /* `count` initialisers, or indices of functions       */
    uint32_t             count;
    mk_vm_segment_mode_t mode;
    uint8_t              type;
    bool                 initialisers;
} mk_vm_elements_t;

typedef struct mk_vm_data {
    uint32_t             offset_at; /* as above */
    uint32_t             bytes_at, size;
    mk_vm_segment_mode_t mode;
} mk_vm_data_t;

typedef struct mk_vm_module {
    const uint8_t *bytes;
    uint32_t       size;

    mk_vm_type_t     *types;
    mk_vm_function_t *functions; /* imports first, as in the other tables */
    mk_vm_table_t    *tables;
    mk_vm_global_t   *globals;
    mk_vm_import_t   *imports;
    mk_vm_export_t   *exports; /* in the order of their names */
    mk_vm_elements_t *elements;
    mk_vm_data_t     *data;
    mk_vm_memory_t    memory; /* if memory_count is 1 */

    uint32_t type_count, function_count, table_count, memory_count, global_count;
    uint32_t import_count, export_count, elements_count, data_count;
    uint32_t function_imports, table_imports, memory_imports, global_imports;
    uint32_t start;     /* a function, or MK_VM_NONE              */
    uint32_t names_at;  /* contents of the name section; 0: none  */
    uint32_t names_end;
    bool     has_data_count;
} mk_vm_module_t;

#define MK_VM_NONE UINT32_MAX

/* Deepest stack of an initialiser, so that working it out needs no allocation. */
enum { MK_VM_INIT_OPERANDS_MAX = 32 };

/* Releases what the module holds, not the bytes. Harmless on a zeroed one. */
void mk_vm_module_fini(mk_vm_module_t *module);

/* The export of that name, or NULL. Borrowed. */
const mk_vm_export_t *mk_vm_find_export(const mk_vm_module_t *module, mk_vm_name_t name);

/* What the name section calls a function; empty when it does not. Walks the section. */
mk_vm_name_t mk_vm_function_name(const mk_vm_module_t *module, uint32_t function);

/* "i32", "funcref"; never NULL. */
const char *mk_vm_type_name(uint8_t type);

/* As memcmp(), the shorter one first. */
int mk_vm_name_compare(mk_vm_name_t a, mk_vm_name_t b);

static inline const mk_vm_type_t *mk_vm_function_type(const mk_vm_module_t *module, uint32_t function) {
    return &module->types[module->functions[function].type];
}

#endif
