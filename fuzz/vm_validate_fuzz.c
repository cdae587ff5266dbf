/* SPDX-License-Identifier: Apache-2.0 */
/* vm_validate_fuzz.c -- whatever the bytes, a module is taken with tables that hold together, or refused with a text; and
 * stepping through a function by hand finds what validation found. */
#include "vm/validate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool cond) {
    if (!cond) abort();
}

/* Small enough that no input takes long, so that the fuzzer's own limit on time means something. */
static mk_vm_limits_t limits(void) {
    mk_vm_limits_t l = mk_vm_limits_default;
    l.depth = 200;
    l.operands = 4000;
    l.locals = 4000;
    return l;
}

static void require_text(mk_err_t result, const char *err) {
    require((result == MK_OK) == (err[0] == '\0'));
    for (const char *c = err; *c != '\0'; c++) require(*c >= ' ' && *c < 0x7F);
}

static void require_tables(const mk_vm_module_t *m) {
    for (uint32_t i = 0; i < m->type_count; i++) {
        const mk_vm_type_t *type = &m->types[i], *first = &m->types[type->same_as];
        require(type->same_as <= i && first->same_as == type->same_as);
        require(first->params == type->params && first->results == type->results);
        require(type->params_at + type->params <= m->size && type->results_at + type->results <= m->size);
    }
    for (uint32_t i = 0; i < m->function_count; i++) {
        const mk_vm_function_t *f = &m->functions[i];
        require(f->type < m->type_count && f->code_at <= f->code_end && f->code_end <= m->size);
        require((f->code_at == 0) == (i < m->function_imports));
        (void)mk_vm_function_name(m, i);
    }
    for (uint32_t i = 0; i < m->export_count; i++) {
        require(mk_vm_find_export(m, m->exports[i].name) == &m->exports[i]);
    }
    for (uint32_t i = 0; i < m->data_count; i++) require(m->data[i].bytes_at + m->data[i].size <= m->size);
    for (uint32_t i = 0; i < m->elements_count; i++) require(m->elements[i].items_at <= m->size);
}

static void require_steps(const mk_vm_module_t *m, const mk_vm_limits_t *l) {
    mk_vm_checker_t c;
    mk_vm_checker_init(&c, m, l, NULL, 0);
    for (uint32_t i = m->function_imports; i < m->function_count; i++) {
        uint32_t most = 0;
        require(mk_vm_checker_begin(&c, i));
        while (mk_vm_checker_next(&c)) {
            if (c.operand_count > most) most = c.operand_count;
            require(c.block_count == 0 || c.operand_count >= c.blocks[c.block_count - 1].height);
        }
        require(c.r.err == MK_OK && c.block_count == 0);
        require(m->functions[i].operands_max >= most && m->functions[i].locals == c.local_count);
    }
    mk_vm_checker_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mk_vm_limits_t l = limits();
    mk_vm_module_t module;
    char           err[MK_VM_ERR_BYTES] = "";
    mk_err_t       result = mk_vm_decode(data, size, &l, &module, err, sizeof err);
    require_text(result, err);
    if (result != MK_OK) {
        require(module.types == NULL && module.functions == NULL && module.exports == NULL);
        return 0;
    }
    require_tables(&module);
    result = mk_vm_validate(&module, &l, err, sizeof err);
    require_text(result, err);
    if (result == MK_OK) require_steps(&module, &l);
    mk_vm_module_fini(&module);
    return 0;
}
