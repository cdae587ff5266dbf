/* SPDX-License-Identifier: Apache-2.0 */
/* bulk.c -- memory and tables as a whole: growing, and the instructions that move many bytes or entries at once. */
#include "vm/run.h"

#include "base/mem.h"

#include <string.h>

/* A piece takes about as long as a few hundred instructions, so that a turn does not end much later than it should. */
enum { PIECE_BYTES = 16 * 1024, BYTES_PER_FUEL = 16, PIECE_ENTRIES = 2048 };

/* Fuel for so many bytes. */
static void pay(int32_t *fuel, uint32_t bytes) { *fuel -= (int32_t)(bytes / BYTES_PER_FUEL) + 1; }

static uint32_t piece_of(uint64_t left, uint32_t most) { return left < most ? (uint32_t)left : most; }

/* --- memory ------------------------------------------------------------------------------------------------------------- */

static uint8_t *heap_resize(uint8_t *base, uint64_t from, uint64_t bytes) {
    if (bytes == 0) {
        mk_free(base);
        return NULL;
    }
    if (bytes > SIZE_MAX) return NULL;
    if (from == 0) return mk_calloc((size_t)bytes, 1);
    uint8_t *grown = mk_realloc(base, (size_t)bytes);
    if (grown != NULL && bytes > from) memset(grown + from, 0, (size_t)(bytes - from));
    return grown;
}

const mk_vm_pages_t mk_vm_pages_heap = {heap_resize};

uint32_t mk_vm_memory_size(const mk_vm_memory_inst_t *memory) {
    return (uint32_t)((memory->bytes - memory->hidden_bytes) >> memory->page_shift);
}

uint32_t mk_vm_memory_grow(mk_vm_memory_inst_t *memory, uint32_t pages) {
    uint32_t before = mk_vm_memory_size(memory);
    if (pages == 0) return before;
    /* The hidden bytes stay where they are and become the guest's with all in front of them: nothing it is given overlaps. */
    uint64_t page = (uint64_t)1 << memory->page_shift;
    uint64_t old = (memory->bytes + page - 1) >> memory->page_shift;
    uint64_t bytes = (old + pages) << memory->page_shift;
    if (bytes > memory->bytes_max || old + pages > UINT32_MAX) return MK_VM_NONE;
    uint8_t *base = memory->pages->resize(memory->base, memory->bytes, bytes);
    if (base == NULL) return MK_VM_NONE;
    memory->base = base;
    memory->bytes = bytes;
    memory->hidden_bytes = 0;
    return (uint32_t)old;
}

/* From one array to another or within one. Upwards from below, downwards from above: what is moved later is not overwritten by what
 * is moved now. */
static void move(void *to_array, const void *from_array, uint32_t entry_bytes, uint64_t *operands, int32_t *fuel) {
    uint32_t to = (uint32_t)operands[0], from = (uint32_t)operands[1], left = (uint32_t)operands[2];
    while (left > 0) {
        uint32_t piece = piece_of(left, PIECE_BYTES / entry_bytes);
        left -= piece;
        uint32_t above = to > from ? left : 0;
        memmove((uint8_t *)to_array + ((size_t)to + above) * entry_bytes,
                (const uint8_t *)from_array + ((size_t)from + above) * entry_bytes, (size_t)piece * entry_bytes);
        if (to <= from) {
            to += piece;
            from += piece;
        }
        pay(fuel, piece * entry_bytes);
        if (*fuel < 0) break;
    }
    operands[0] = to;
    operands[1] = from;
    operands[2] = left;
}

static bool inside(uint64_t at, uint64_t count, uint64_t size) { return at <= size && count <= size - at; }

mk_vm_trap_t mk_vm_bulk_fill(mk_vm_instance_t *instance, uint64_t *operands, int32_t *fuel) {
    mk_vm_memory_inst_t *memory = instance->memory;
    uint32_t             at = (uint32_t)operands[0], left = (uint32_t)operands[2];
    if (!inside(at, left, memory->bytes)) return mk_vm_trapped(instance, MK_VM_TRAP_MEMORY_BOUNDS, at, memory->bytes);
    while (left > 0) {
        uint32_t piece = piece_of(left, PIECE_BYTES);
        memset(memory->base + at, (uint8_t)operands[1], piece);
        at += piece;
        left -= piece;
        pay(fuel, piece);
        if (*fuel < 0) break;
    }
    operands[0] = at;
    operands[2] = left;
    return MK_VM_TRAP_NONE;
}

mk_vm_trap_t mk_vm_bulk_copy(mk_vm_instance_t *instance, uint64_t *operands, int32_t *fuel) {
    mk_vm_memory_inst_t *memory = instance->memory;
    uint32_t             to = (uint32_t)operands[0], from = (uint32_t)operands[1], left = (uint32_t)operands[2];
    if (!inside(to, left, memory->bytes)) return mk_vm_trapped(instance, MK_VM_TRAP_MEMORY_BOUNDS, to, memory->bytes);
    if (!inside(from, left, memory->bytes))
        return mk_vm_trapped(instance, MK_VM_TRAP_MEMORY_BOUNDS, from, memory->bytes);
    move(memory->base, memory->base, 1, operands, fuel);
    return MK_VM_TRAP_NONE;
}

mk_vm_trap_t mk_vm_bulk_init(mk_vm_instance_t *instance, uint32_t data, uint64_t *operands, int32_t *fuel) {
    const mk_vm_module_t *module = &instance->program->module;
    const mk_vm_data_t   *segment = &module->data[data];
    mk_vm_memory_inst_t  *memory = instance->memory;
    uint32_t              to = (uint32_t)operands[0], from = (uint32_t)operands[1], left = (uint32_t)operands[2];
    uint32_t              size = mk_vm_is_dropped(instance, mk_vm_data_bit(instance, data)) ? 0 : segment->size;
    if (!inside(to, left, memory->bytes)) return mk_vm_trapped(instance, MK_VM_TRAP_MEMORY_BOUNDS, to, memory->bytes);
    if (!inside(from, left, size)) return mk_vm_trapped(instance, MK_VM_TRAP_MEMORY_BOUNDS, from, size);
    move(memory->base, module->bytes + segment->bytes_at, 1, operands, fuel);
    return MK_VM_TRAP_NONE;
}

/* --- tables --------------------------------------------------------------------------------------------------------------- */

uint32_t mk_vm_table_grow(mk_vm_table_inst_t *table, uint32_t entries, mk_vm_ref_t value) {
    uint32_t before = table->count;
    if (entries == 0) return before;
    if (entries > table->count_max || before > table->count_max - entries) return MK_VM_NONE;
    uint64_t bytes = ((uint64_t)before + entries) * sizeof value;
    if (bytes > PTRDIFF_MAX) return MK_VM_NONE;
    mk_vm_ref_t *grown = mk_realloc(table->entries, (size_t)bytes);
    if (grown == NULL) return MK_VM_NONE;
    for (uint32_t i = 0; i < entries; i++) grown[before + i] = value;
    table->entries = grown;
    table->count = before + entries;
    return before;
}

mk_vm_trap_t mk_vm_bulk_table_fill(mk_vm_instance_t *instance, uint32_t index, uint64_t *operands, int32_t *fuel) {
    mk_vm_table_inst_t *table = instance->tables[index];
    uint32_t            at = (uint32_t)operands[0], left = (uint32_t)operands[2];
    if (!inside(at, left, table->count)) return mk_vm_trapped(instance, MK_VM_TRAP_TABLE_BOUNDS, at, table->count);
    while (left > 0) {
        uint32_t piece = piece_of(left, PIECE_ENTRIES);
        for (uint32_t i = 0; i < piece; i++) table->entries[at + i] = operands[1];
        at += piece;
        left -= piece;
        pay(fuel, piece * (uint32_t)sizeof(mk_vm_ref_t));
        if (*fuel < 0) break;
    }
    operands[0] = at;
    operands[2] = left;
    return MK_VM_TRAP_NONE;
}

mk_vm_trap_t mk_vm_bulk_table_copy(mk_vm_instance_t *instance, uint32_t to_index, uint32_t from_index,
                                   uint64_t *operands, int32_t *fuel) {
    mk_vm_table_inst_t *a = instance->tables[to_index], *b = instance->tables[from_index];
    uint32_t            to = (uint32_t)operands[0], from = (uint32_t)operands[1], left = (uint32_t)operands[2];
    if (!inside(to, left, a->count)) return mk_vm_trapped(instance, MK_VM_TRAP_TABLE_BOUNDS, to, a->count);
    if (!inside(from, left, b->count)) return mk_vm_trapped(instance, MK_VM_TRAP_TABLE_BOUNDS, from, b->count);
    move(a->entries, b->entries, sizeof *a->entries, operands, fuel);
    return MK_VM_TRAP_NONE;
}

/* The items stand in the module one behind the other, each of its own length: those in front have to be passed over. */
mk_vm_trap_t mk_vm_bulk_table_init(mk_vm_instance_t *instance, uint32_t index, uint32_t elements, uint64_t *operands,
                                   int32_t *fuel) {
    const mk_vm_elements_t *segment = &instance->program->module.elements[elements];
    mk_vm_table_inst_t     *table = instance->tables[index];
    uint32_t                to = (uint32_t)operands[0], from = (uint32_t)operands[1], left = (uint32_t)operands[2];
    uint32_t                count = mk_vm_is_dropped(instance, elements) ? 0 : segment->count;
    if (!inside(to, left, table->count)) return mk_vm_trapped(instance, MK_VM_TRAP_TABLE_BOUNDS, to, table->count);
    if (!inside(from, left, count)) return mk_vm_trapped(instance, MK_VM_TRAP_TABLE_BOUNDS, from, count);
    mk_vm_reader_t r = mk_vm_items(instance, segment);
    for (uint32_t i = 0; i < from && left > 0; i++) (void)mk_vm_next_item(instance, segment, &r);
    if (left > 0) pay(fuel, from);
    while (left > 0) { /* one piece in any case: it goes on each time it is resumed */
        uint32_t piece = piece_of(left, PIECE_ENTRIES);
        for (uint32_t i = 0; i < piece; i++) table->entries[to + i] = mk_vm_next_item(instance, segment, &r);
        to += piece;
        from += piece;
        left -= piece;
        pay(fuel, piece * (uint32_t)sizeof(mk_vm_ref_t));
        if (*fuel < 0) break;
    }
    operands[0] = to;
    operands[1] = from;
    operands[2] = left;
    return MK_VM_TRAP_NONE;
}
