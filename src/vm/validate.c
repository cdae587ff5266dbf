/* SPDX-License-Identifier: Apache-2.0 */
/* validate.c -- the typing rules: a stack of operand types and a stack of open blocks.
 *
 * Invariant: operand_count is at least the height of the innermost block, whose own operands lie above it. In a dead
 * block, as many operands of any type as are asked for lie between the two. */
#include "vm/validate.h"

#include "base/assert.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool fail(mk_vm_checker_t *c, mk_err_t err, const char *fmt, ...) MK_PRINTF(3, 4);

static bool fail(mk_vm_checker_t *c, mk_err_t err, const char *fmt, ...) {
    char    what[120];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return mk_vm_fail(&c->r, c->r.start + c->in.at, err, "%s: %s", mk_vm_opcodes[c->in.opcode].name, what);
}

/* Makes `*items` hold at least `need`, doubling so that growing costs little in the end. */
static bool reserve(mk_vm_checker_t *c, void *items, uint32_t *room, uint32_t need, size_t item_bytes) {
    void   **at = items, *grown;
    uint32_t more = *room < 16 ? 32 : *room * 2;
    if (need <= *room) return true;
    if (more < need) more = need;
    grown = mk_realloc(*at, more * item_bytes);
    if (grown == NULL) return mk_vm_fail(&c->r, c->r.at, MK_ERR_NOMEM, "out of memory");
    *at = grown;
    *room = more;
    return true;
}

/* --- operands ------------------------------------------------------------------------------------------------------- */

static mk_vm_block_t *innermost(mk_vm_checker_t *c) { return &c->blocks[c->block_count - 1]; }

static bool push(mk_vm_checker_t *c, uint8_t type) {
    if (c->operand_count >= c->limits->operands) {
        return fail(c, MK_ERR_LIMIT, "more than the %u operands allowed", (unsigned)c->limits->operands);
    }
    if (!reserve(c, &c->operands, &c->operand_room, c->operand_count + 1, sizeof *c->operands)) return false;
    c->operands[c->operand_count++] = type;
    if (c->operand_count > c->operands_max) c->operands_max = c->operand_count;
    return true;
}

static bool push_all(mk_vm_checker_t *c, mk_vm_types_t types) {
    for (uint32_t i = 0; i < types.count; i++) {
        if (!push(c, types.at[i])) return false;
    }
    return true;
}

static bool fits(mk_vm_checker_t *c, uint8_t found, uint8_t wanted) {
    if (found == wanted || found == MK_VM_TYPE_ANY || wanted == MK_VM_TYPE_ANY) return true;
    return fail(c, MK_ERR_FORMAT, "%s expected, %s found", mk_vm_type_name(wanted), mk_vm_type_name(found));
}

static bool lacks(mk_vm_checker_t *c, uint8_t wanted) {
    if (wanted == MK_VM_TYPE_ANY) return fail(c, MK_ERR_FORMAT, "an operand expected, none found");
    return fail(c, MK_ERR_FORMAT, "%s expected, nothing found", mk_vm_type_name(wanted));
}

static bool pop_as(mk_vm_checker_t *c, uint8_t wanted, uint8_t *found) {
    mk_vm_block_t *block = innermost(c);
    *found = MK_VM_TYPE_ANY;
    if (c->operand_count == block->height) return block->dead || lacks(c, wanted);
    *found = c->operands[--c->operand_count];
    return fits(c, *found, wanted);
}

static bool pop(mk_vm_checker_t *c, uint8_t wanted) {
    uint8_t found;
    return pop_as(c, wanted, &found);
}

/* Are these on top? Looks and leaves them there. */
static bool has_all(mk_vm_checker_t *c, mk_vm_types_t types) {
    mk_vm_block_t *block = innermost(c);
    uint32_t       at = c->operand_count;
    for (uint32_t i = types.count; i-- > 0;) {
        if (at == block->height) return block->dead || lacks(c, types.at[i]);
        if (!fits(c, c->operands[--at], types.at[i])) return false;
    }
    return true;
}

static bool pop_all(mk_vm_checker_t *c, mk_vm_types_t types) {
    if (!has_all(c, types)) return false;
    uint32_t own = c->operand_count - innermost(c)->height;
    c->operand_count -= types.count < own ? types.count : own;
    return true;
}

static bool same(mk_vm_types_t a, mk_vm_types_t b) { return a.count == b.count && memcmp(a.at, b.at, a.count) == 0; }

/* --- blocks --------------------------------------------------------------------------------------------------------- */

static bool open_block(mk_vm_checker_t *c, uint8_t opcode, mk_vm_types_t params, mk_vm_types_t results) {
    if (c->block_count > c->limits->depth) {
        return fail(c, MK_ERR_LIMIT, "more than the %u nested blocks allowed", (unsigned)c->limits->depth);
    }
    if (!reserve(c, &c->blocks, &c->block_room, c->block_count + 1, sizeof *c->blocks)) return false;
    c->blocks[c->block_count++] =
        (mk_vm_block_t){.params = params, .results = results, .height = c->operand_count, .opcode = opcode};
    return push_all(c, params);
}

/* The results lie on the stack, nothing else does: they are taken off. */
static bool close_block(mk_vm_checker_t *c) {
    mk_vm_block_t *block = innermost(c);
    if (!pop_all(c, block->results)) return false;
    if (c->operand_count == block->height) return true;
    return fail(c, MK_ERR_FORMAT, "the block leaves %u operands too many",
                (unsigned)(c->operand_count - block->height));
}

static bool check_else(mk_vm_checker_t *c) {
    mk_vm_block_t *block = innermost(c);
    if (block->opcode != MK_VM_IF) return fail(c, MK_ERR_FORMAT, "there is no if");
    if (!close_block(c)) return false;
    block->opcode = MK_VM_ELSE;
    block->dead = false;
    return push_all(c, block->params);
}

static bool check_end(mk_vm_checker_t *c) {
    mk_vm_types_t results = innermost(c)->results;
    if (innermost(c)->opcode == MK_VM_IF && !same(innermost(c)->params, results)) {
        return fail(c, MK_ERR_FORMAT, "an if without else has to leave the types it was given");
    }
    if (!close_block(c)) return false;
    if (--c->block_count > 0) return push_all(c, results);
    if (c->r.at == c->r.end) return true;
    return mk_vm_fail(&c->r, c->r.at, MK_ERR_FORMAT, "code behind the end of the function");
}

static bool die(mk_vm_checker_t *c) {
    c->operand_count = innermost(c)->height;
    innermost(c)->dead = true;
    return true;
}

/* --- branches and calls --------------------------------------------------------------------------------------------- */

/* NULL: failed. */
static mk_vm_block_t *find_label(mk_vm_checker_t *c, uint32_t label) {
    if (label < c->block_count) return &c->blocks[c->block_count - 1 - label];
    fail(c, MK_ERR_FORMAT, "unknown label %u", (unsigned)label);
    return NULL;
}

/* What a branch to the block brings along. */
static mk_vm_types_t label_types(const mk_vm_block_t *block) {
    return block->opcode == MK_VM_LOOP ? block->params : block->results;
}

static bool check_br(mk_vm_checker_t *c) {
    mk_vm_block_t *block = find_label(c, c->in.index);
    return block != NULL && has_all(c, label_types(block)) && die(c);
}

static bool check_br_if(mk_vm_checker_t *c) {
    mk_vm_block_t *block = find_label(c, c->in.index);
    return block != NULL && pop(c, MK_VM_TYPE_I32) && pop_all(c, label_types(block)) && push_all(c, label_types(block));
}

/* A block named a second time is not looked at again: the cost is bounded by labels plus blocks, not by their product
 * with the operands. */
static bool check_br_table(mk_vm_checker_t *c) {
    mk_vm_reader_t labels = c->r;
    uint32_t       arity = 0;
    if (!pop(c, MK_VM_TYPE_I32)) return false;
    labels.at = labels.start + c->in.labels_at;
    for (uint32_t i = 0; i <= c->in.index; i++) {
        mk_vm_block_t *block = find_label(c, mk_vm_u32(&labels));
        if (block == NULL) return false;
        mk_vm_types_t types = label_types(block);
        if (i == 0) arity = types.count;
        if (types.count != arity) return fail(c, MK_ERR_FORMAT, "its labels take different numbers of operands");
        if (block->branched == c->in.at) continue;
        if (!has_all(c, types)) return false;
        block->branched = c->in.at;
    }
    return die(c);
}

static bool check_call(mk_vm_checker_t *c, uint32_t type) {
    const mk_vm_type_t *callee = &c->module->types[type];
    return pop_all(c, mk_vm_params(c->module, callee)) && push_all(c, mk_vm_results(c->module, callee));
}

static bool check_return_call(mk_vm_checker_t *c, uint32_t type) {
    const mk_vm_type_t *callee = &c->module->types[type];
    if (!same(mk_vm_results(c->module, callee), c->blocks[0].results)) {
        return fail(c, MK_ERR_FORMAT, "the function called has other results than this one");
    }
    return pop_all(c, mk_vm_params(c->module, callee)) && die(c);
}

/* --- the others whose type depends on the place ----------------------------------------------------------------------- */

static bool is_reference(uint8_t type) { return type == MK_VM_TYPE_FUNCREF || type == MK_VM_TYPE_EXTERNREF; }

static bool check_select(mk_vm_checker_t *c) {
    uint8_t a, b;
    if (!pop(c, MK_VM_TYPE_I32) || !pop_as(c, MK_VM_TYPE_ANY, &b) || !pop_as(c, MK_VM_TYPE_ANY, &a)) return false;
    if (is_reference(a) || is_reference(b)) {
        return fail(c, MK_ERR_FORMAT, "operands of a reference type need a select with a type");
    }
    return fits(c, b, a) && push(c, a != MK_VM_TYPE_ANY ? a : b);
}

static bool check_select_of(mk_vm_checker_t *c, uint8_t type) {
    return pop(c, MK_VM_TYPE_I32) && pop(c, type) && pop(c, type) && push(c, type);
}

static bool check_global_set(mk_vm_checker_t *c) {
    const mk_vm_global_t *global = &c->module->globals[c->in.index];
    if (!global->mutable_) return fail(c, MK_ERR_FORMAT, "global %u is not mutable", (unsigned)c->in.index);
    return pop(c, global->type);
}

static bool check_is_null(mk_vm_checker_t *c) {
    uint8_t type;
    if (!pop_as(c, MK_VM_TYPE_ANY, &type)) return false;
    if (!is_reference(type) && type != MK_VM_TYPE_ANY) {
        return fail(c, MK_ERR_FORMAT, "a reference expected, %s found", mk_vm_type_name(type));
    }
    return push(c, MK_VM_TYPE_I32);
}

static bool check_ref_func(mk_vm_checker_t *c) {
    if (!c->module->functions[c->in.index].referenced) {
        return fail(c, MK_ERR_FORMAT, "function %u is not declared as one to refer to", (unsigned)c->in.index);
    }
    return push(c, MK_VM_TYPE_FUNCREF);
}

static bool check_special(mk_vm_checker_t *c) {
    const mk_vm_module_t *m = c->module;
    mk_vm_instruction_t  *in = &c->in;
    switch (in->opcode) {
    case MK_VM_UNREACHABLE: return die(c);
    case MK_VM_BLOCK:
    case MK_VM_LOOP: return pop_all(c, in->params) && open_block(c, in->opcode, in->params, in->results);
    case MK_VM_IF:
        return pop(c, MK_VM_TYPE_I32) && pop_all(c, in->params) && open_block(c, MK_VM_IF, in->params, in->results);
    case MK_VM_ELSE: return check_else(c);
    case MK_VM_END: return check_end(c);
    case MK_VM_BR: return check_br(c);
    case MK_VM_BR_IF: return check_br_if(c);
    case MK_VM_BR_TABLE: return check_br_table(c);
    case MK_VM_RETURN: return has_all(c, c->blocks[0].results) && die(c);
    case MK_VM_CALL: return check_call(c, m->functions[in->index].type);
    case MK_VM_CALL_INDIRECT: return pop(c, MK_VM_TYPE_I32) && check_call(c, in->index);
    case MK_VM_RETURN_CALL: return check_return_call(c, m->functions[in->index].type);
    case MK_VM_RETURN_CALL_INDIRECT: return pop(c, MK_VM_TYPE_I32) && check_return_call(c, in->index);
    case MK_VM_DROP: return pop(c, MK_VM_TYPE_ANY);
    case MK_VM_SELECT: return check_select(c);
    case MK_VM_SELECT_T: return check_select_of(c, in->type);
    case MK_VM_LOCAL_GET: return push(c, c->locals[in->index]);
    case MK_VM_LOCAL_SET: return pop(c, c->locals[in->index]);
    case MK_VM_LOCAL_TEE: return pop(c, c->locals[in->index]) && push(c, c->locals[in->index]);
    case MK_VM_GLOBAL_GET: return push(c, m->globals[in->index].type);
    case MK_VM_GLOBAL_SET: return check_global_set(c);
    case MK_VM_TABLE_GET: return pop(c, MK_VM_TYPE_I32) && push(c, m->tables[in->index].type);
    case MK_VM_TABLE_SET: return pop(c, m->tables[in->index].type) && pop(c, MK_VM_TYPE_I32);
    case MK_VM_TABLE_GROW:
        return pop(c, MK_VM_TYPE_I32) && pop(c, m->tables[in->index].type) && push(c, MK_VM_TYPE_I32);
    case MK_VM_TABLE_FILL: return pop(c, MK_VM_TYPE_I32) && pop(c, m->tables[in->index].type) && pop(c, MK_VM_TYPE_I32);
    case MK_VM_REF_NULL: return push(c, in->type);
    case MK_VM_REF_IS_NULL: return check_is_null(c);
    case MK_VM_REF_FUNC: return check_ref_func(c);
    default: mk_assert_failed("every opcode without a type has its case", __FILE__, __LINE__);
    }
}

/* --- every instruction ------------------------------------------------------------------------------------------------ */

static uint8_t type_of_letter(char letter) {
    return letter == 'i'   ? MK_VM_TYPE_I32
           : letter == 'I' ? MK_VM_TYPE_I64
           : letter == 'f' ? MK_VM_TYPE_F32
                           : MK_VM_TYPE_F64;
}

/* "iI>f": operands from the last to the first, then the result. */
static bool check_plain(mk_vm_checker_t *c, const char *type) {
    const char *arrow = strchr(type, '>');
    for (const char *at = arrow; at > type; at--) {
        if (!pop(c, type_of_letter(at[-1]))) return false;
    }
    return arrow[1] == '\0' || push(c, type_of_letter(arrow[1]));
}

static bool exists(mk_vm_checker_t *c, const char *what, uint32_t index, uint32_t count) {
    if (index < count) return true;
    return fail(c, MK_ERR_FORMAT, "unknown %s %u", what, (unsigned)index);
}

static bool data_exists(mk_vm_checker_t *c) {
    if (!c->module->has_data_count) return fail(c, MK_ERR_FORMAT, "needs the section data count, which is missing");
    return exists(c, "data", c->in.index, c->module->data_count);
}

static bool check_access(mk_vm_checker_t *c, unsigned natural) {
    if (!exists(c, "memory", 0, c->module->memory_count)) return false;
    if (c->in.index <= natural) return true;
    return fail(c, MK_ERR_FORMAT, "alignment to 2^%u bytes, more than it accesses", (unsigned)c->in.index);
}

static bool tables_agree(mk_vm_checker_t *c, uint8_t to, uint8_t from) {
    if (to == from) return true;
    return fail(c, MK_ERR_FORMAT, "%s into a table of %s", mk_vm_type_name(from), mk_vm_type_name(to));
}

static bool check_call_table(mk_vm_checker_t *c) {
    const mk_vm_module_t *m = c->module;
    if (!exists(c, "type", c->in.index, m->type_count) || !exists(c, "table", c->in.index2, m->table_count))
        return false;
    if (m->tables[c->in.index2].type == MK_VM_TYPE_FUNCREF) return true;
    return fail(c, MK_ERR_FORMAT, "table %u does not hold functions", (unsigned)c->in.index2);
}

/* Does what the instruction refers to exist, and is it of the right kind? */
static bool check_references(mk_vm_checker_t *c, enum mk_vm_immediate immediate) {
    const mk_vm_module_t      *m = c->module;
    const mk_vm_instruction_t *in = &c->in;
    switch (immediate) {
    case MK_VM_IMM_FUNCTION: return exists(c, "function", in->index, m->function_count);
    case MK_VM_IMM_TYPE_TABLE: return check_call_table(c);
    case MK_VM_IMM_LOCAL: return exists(c, "local", in->index, c->local_count);
    case MK_VM_IMM_GLOBAL: return exists(c, "global", in->index, m->global_count);
    case MK_VM_IMM_TABLE: return exists(c, "table", in->index, m->table_count);
    case MK_VM_IMM_TABLES:
        return exists(c, "table", in->index, m->table_count) && exists(c, "table", in->index2, m->table_count) &&
               tables_agree(c, m->tables[in->index].type, m->tables[in->index2].type);
    case MK_VM_IMM_ELEMENT: return exists(c, "elements", in->index, m->elements_count);
    case MK_VM_IMM_ELEMENT_TABLE:
        return exists(c, "elements", in->index, m->elements_count) && exists(c, "table", in->index2, m->table_count) &&
               tables_agree(c, m->tables[in->index2].type, m->elements[in->index].type);
    case MK_VM_IMM_DATA: return data_exists(c);
    case MK_VM_IMM_DATA_MEMORY: return exists(c, "memory", 0, m->memory_count) && data_exists(c);
    case MK_VM_IMM_MEMORY:
    case MK_VM_IMM_MEMORIES: return exists(c, "memory", 0, m->memory_count);
    case MK_VM_IMM_ACCESS_8:
    case MK_VM_IMM_ACCESS_16:
    case MK_VM_IMM_ACCESS_32:
    case MK_VM_IMM_ACCESS_64: return check_access(c, immediate - MK_VM_IMM_ACCESS_8);
    default: return true;
    }
}

static bool step(mk_vm_checker_t *c) {
    if (!mk_vm_read_instruction(&c->r, c->module, &c->in)) return false;
    const mk_vm_opcode_facts_t *facts = &mk_vm_opcodes[c->in.opcode];
    if (!check_references(c, (enum mk_vm_immediate)facts->immediate)) return false;
    return facts->type[0] != '\0' ? check_plain(c, facts->type) : check_special(c);
}

/* --- a function ------------------------------------------------------------------------------------------------------- */

/* Counted first, so that what is too many is refused before memory is asked for. */
static bool count_locals(mk_vm_checker_t *c, uint32_t groups, uint64_t *count) {
    mk_vm_reader_t *r = &c->r;
    const uint8_t  *at = r->at;
    uint32_t        most = c->limits->locals < UINT16_MAX ? c->limits->locals : UINT16_MAX;
    while (groups-- > 0 && r->err == MK_OK) {
        *count += mk_vm_u32(r);
        (void)mk_vm_read_value_type(r);
    }
    if (*count > UINT32_MAX) return mk_vm_fail(r, at, MK_ERR_FORMAT, "more than 2^32 locals");
    if (*count > most) {
        return mk_vm_fail(r, at, MK_ERR_LIMIT, "%u locals, more than the %u allowed", (unsigned)*count, (unsigned)most);
    }
    return r->err == MK_OK;
}

static bool read_locals(mk_vm_checker_t *c, mk_vm_types_t params) {
    mk_vm_reader_t *r = &c->r;
    uint32_t        groups = mk_vm_count(r, 2);
    const uint8_t  *first = r->at;
    uint64_t        count = params.count;
    if (!count_locals(c, groups, &count)) return false;
    if (!reserve(c, &c->locals, &c->local_room, (uint32_t)count + 1, sizeof *c->locals)) return false;
    if (params.count > 0) memcpy(c->locals, params.at, params.count);
    c->local_count = params.count;
    r->at = first;
    while (groups-- > 0) {
        uint32_t many = mk_vm_u32(r);
        memset(c->locals + c->local_count, mk_vm_u8(r), many);
        c->local_count += many;
    }
    return true;
}

/* Adds to the failure's text which function it is about. */
static bool failed(mk_vm_checker_t *c) {
    const mk_vm_module_t *m = c->module;
    uint32_t              index = (uint32_t)(c->function - m->functions);
    mk_vm_name_t          name = mk_vm_function_name(m, index);
    size_t                length = c->r.text_size > 0 ? strlen(c->r.text) : 0;
    if (length + 1 < c->r.text_size && c->r.err != MK_ERR_NOMEM) {
        snprintf(c->r.text + length, c->r.text_size - length, name.size > 0 ? ", function %u (%s)" : ", function %u",
                 (unsigned)index, mk_vm_printable(name).text);
    }
    return false;
}

void mk_vm_checker_init(mk_vm_checker_t *c, const mk_vm_module_t *module, const mk_vm_limits_t *limits, char *err,
                        size_t err_size) {
    *c = (mk_vm_checker_t){.module = module, .limits = limits};
    mk_vm_reader_init(&c->r, module->bytes, module->size, err, err_size);
    c->r.section = "code";
}

void mk_vm_checker_fini(mk_vm_checker_t *c) {
    mk_free(c->locals);
    mk_free(c->operands);
    mk_free(c->blocks);
    c->locals = c->operands = NULL;
    c->blocks = NULL;
}

bool mk_vm_checker_begin(mk_vm_checker_t *c, uint32_t function) {
    const mk_vm_type_t *type = mk_vm_function_type(c->module, function);
    mk_vm_types_t       none = {c->module->bytes, 0};
    c->function = &c->module->functions[function];
    c->r.at = c->r.start + c->function->code_at;
    c->r.end = c->r.start + c->function->code_end;
    c->in = (mk_vm_instruction_t){.at = c->function->code_at, .opcode = MK_VM_BLOCK};
    c->operand_count = c->block_count = c->operands_max = 0;
    if (!read_locals(c, mk_vm_params(c->module, type)) ||
        !open_block(c, MK_VM_BLOCK, none, mk_vm_results(c->module, type))) {
        return failed(c);
    }
    return true;
}

bool mk_vm_checker_next(mk_vm_checker_t *c) {
    if (c->block_count == 0 || c->r.err != MK_OK) return false;
    return step(c) || failed(c);
}

/* --- a module --------------------------------------------------------------------------------------------------------- */

mk_err_t mk_vm_validate(mk_vm_module_t *module, const mk_vm_limits_t *limits, char *err, size_t err_size) {
    mk_vm_checker_t c;
    mk_vm_checker_init(&c, module, limits, err, err_size);
    for (uint32_t i = module->function_imports; i < module->function_count && c.r.err == MK_OK; i++) {
        if (!mk_vm_checker_begin(&c, i)) break;
        while (mk_vm_checker_next(&c)) {}
        module->functions[i].operands_max = c.operands_max;
        module->functions[i].locals = (uint16_t)c.local_count;
    }
    mk_vm_checker_fini(&c);
    return c.r.err;
}
