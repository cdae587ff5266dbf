/* SPDX-License-Identifier: Apache-2.0 */
/* module.c -- looking things up in a decoded module. */
#include "vm/module.h"

#include "base/mem.h"

#include <string.h>

/* Where other engines have a figure of their own, theirs; 16-bit registers bound locals plus operands. */
const mk_vm_limits_t mk_vm_limits_default = {
    .module_bytes = 1u << 30,
    .types = 1000000,
    .functions = 1000000,
    .tables = 100000,
    .globals = 1000000,
    .imports = 1000000,
    .exports = 1000000,
    .segments = 100000,
    .signature = 1000,
    .code_bytes = 7654321,
    .locals = 50000,
    .depth = 10000,
    .operands = 65535,
    .translated_bytes = 1u << 30,
};

void mk_vm_module_fini(mk_vm_module_t *module) {
    mk_free(module->types);
    mk_free(module->functions);
    mk_free(module->tables);
    mk_free(module->globals);
    mk_free(module->imports);
    mk_free(module->exports);
    mk_free(module->elements);
    mk_free(module->data);
    *module = (mk_vm_module_t){.start = MK_VM_NONE};
}

int mk_vm_name_compare(mk_vm_name_t a, mk_vm_name_t b) {
    int order = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

const mk_vm_export_t *mk_vm_find_export(const mk_vm_module_t *module, mk_vm_name_t name) {
    uint32_t low = 0, high = module->export_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const mk_vm_export_t *export = &module->exports[middle];
        int order = mk_vm_name_compare(name, export->name);
        if (order == 0) return export;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

enum { NAMES_OF_FUNCTIONS = 1 };

/* A name section may be wrong in any way without the module being so: what cannot be read is no name. */
mk_vm_name_t mk_vm_function_name(const mk_vm_module_t *module, uint32_t function) {
    mk_vm_reader_t r;
    mk_vm_reader_init(&r, module->bytes, module->size, NULL, 0);
    r.at = r.start + module->names_at;
    r.end = r.start + module->names_end;
    while (r.err == MK_OK && r.at < r.end) {
        uint8_t        id = mk_vm_u8(&r);
        const uint8_t *outer = mk_vm_enter(&r, mk_vm_u32(&r));
        uint32_t       count = id == NAMES_OF_FUNCTIONS ? mk_vm_count(&r, 2) : 0;
        while (count-- > 0 && r.err == MK_OK) {
            uint32_t     index = mk_vm_u32(&r);
            mk_vm_name_t name = mk_vm_name(&r);
            if (index == function && r.err == MK_OK) return name;
        }
        if (r.err == MK_OK) r.at = r.end;
        mk_vm_leave(&r, outer);
    }
    return (mk_vm_name_t){"", 0};
}

const char *mk_vm_type_name(uint8_t type) {
    switch (type) {
    case MK_VM_TYPE_I32: return "i32";
    case MK_VM_TYPE_I64: return "i64";
    case MK_VM_TYPE_F32: return "f32";
    case MK_VM_TYPE_F64: return "f64";
    case MK_VM_TYPE_FUNCREF: return "funcref";
    case MK_VM_TYPE_EXTERNREF: return "externref";
    default: return "any";
    }
}
