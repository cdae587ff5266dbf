/* SPDX-License-Identifier: Apache-2.0 */
/* reserve.c -- rewrites a module so that its memory holds a region no guest code knows of.
 *
 * Only what must change does: the memory's limits, and, if any code asks for the memory's size or
 * grows it, two types, two functions and one global behind the existing ones, with each such
 * instruction turned into a call. Everything is appended, so no index of the module shifts and
 * exports, tables, names and initialisers stay true.
 *
 *   G, a global, begins as the declared minimum: the end of what the guest knows of, in pages.
 *   size()  = G
 *   grow(k) = k == 0: G;  else old = memory.grow(k); if old != -1 then G = old + k; old
 *
 * Until the guest grows, the region lies behind G. Afterwards it lies below G, but between what the
 * guest had and what grow handed it, in neither. */
#include "wasm/reserve.h"

#include "base/assert.h"
#include "base/mem.h"
#include "wasm/module_code.h"

#include <stdio.h>
#include <string.h>

enum {
    TYPE_FUNCTION = 0x60,
    TYPE_I32 = 0x7F,
    BLOCK_EMPTY = 0x40,
    MUTABLE = 1,
    U32_BYTES_MAX = 5,
    /* An instruction of 2 bytes becomes a call of up to 6, and its body's size up to 5 bytes. */
    GROWTH_PER_USE = 4 + U32_BYTES_MAX,
    /* Five sections get longer sizes and counts, and what is appended takes less than 100 bytes. */
    GROWTH_PER_MODULE = 256,
};

/* The output was allocated for the worst case, so running out of it is a bug here. */
typedef struct writer {
    uint8_t *start, *at, *end;
} writer_t;

static void put(writer_t *w, const void *bytes, size_t size) {
    mk_assert((size_t)(w->end - w->at) >= size);
    memcpy(w->at, bytes, size);
    w->at += size;
}

static void put_u8(writer_t *w, uint8_t byte) { put(w, &byte, 1); }

static void put_u32(writer_t *w, uint32_t value) {
    for (; value >= 0x80; value >>= 7) put_u8(w, (uint8_t)(value | 0x80));
    put_u8(w, (uint8_t)value);
}

static void put_i32(writer_t *w, int32_t value) {
    for (; value < -0x40 || value >= 0x40; value >>= 7) put_u8(w, (uint8_t)(value | 0x80));
    put_u8(w, (uint8_t)(value & 0x7F));
}

/* A size that is known only once its content is written takes the longest form, which the format
 * allows. */
static uint8_t *begin_sized(writer_t *w) {
    static const uint8_t blank[U32_BYTES_MAX];
    uint8_t             *size = w->at;
    put(w, blank, sizeof blank);
    return size;
}

static void end_sized(writer_t *w, uint8_t *size) {
    uint32_t value = (uint32_t)(w->at - (size + U32_BYTES_MAX));
    for (int i = 0; i < U32_BYTES_MAX; i++, value >>= 7) {
        size[i] = (uint8_t)((value & 0x7F) | (i < U32_BYTES_MAX - 1 ? 0x80 : 0));
    }
}

typedef struct rewrite {
    mk_vm_reader_t          r;
    writer_t                w;
    const mk_module_info_t *info;
    uint32_t                pages;
    bool                    redirect;    /* some code uses memory.size or memory.grow */
    bool                    global_done; /* there may be no global section to extend  */
} rewrite_t;

static uint32_t size_function(const rewrite_t *rw) { return rw->info->function_count; }
static uint32_t grow_function(const rewrite_t *rw) { return rw->info->function_count + 1; }

/* Copies what is left of the section. */
static void put_rest(rewrite_t *rw) {
    put(&rw->w, rw->r.at, (size_t)(rw->r.end - rw->r.at));
    rw->r.at = rw->r.end;
}

/* Copies a section that is a vector, announcing `more` elements for the caller to append. */
static void put_vector(rewrite_t *rw, uint32_t more) {
    put_u32(&rw->w, mk_vm_u32(&rw->r) + more);
    put_rest(rw);
}

static void rewrite_types(rewrite_t *rw) {
    static const uint8_t get[] = {TYPE_FUNCTION, 0, 1, TYPE_I32};
    static const uint8_t map[] = {TYPE_FUNCTION, 1, TYPE_I32, 1, TYPE_I32};
    put_vector(rw, 2);
    put(&rw->w, get, sizeof get);
    put(&rw->w, map, sizeof map);
}

static void rewrite_functions(rewrite_t *rw) {
    put_vector(rw, 2);
    put_u32(&rw->w, rw->info->type_count);
    put_u32(&rw->w, rw->info->type_count + 1);
}

static void rewrite_memory(rewrite_t *rw) {
    const mk_module_info_t *info = rw->info;
    uint32_t                room = MK_MODULE_PAGES_MAX - info->memory_max;
    put_u8(&rw->w, 1); /* one memory */
    put_u8(&rw->w, info->memory_has_max);
    put_u32(&rw->w, info->memory_min + rw->pages);
    if (info->memory_has_max) put_u32(&rw->w, info->memory_max + (rw->pages < room ? rw->pages : room));
    rw->r.at = rw->r.end;
}

static void put_global(rewrite_t *rw) {
    put_u8(&rw->w, TYPE_I32);
    put_u8(&rw->w, MUTABLE);
    put_u8(&rw->w, OP_I32_CONST);
    put_i32(&rw->w, (int32_t)rw->info->memory_min);
    put_u8(&rw->w, OP_END);
}

static void rewrite_globals(rewrite_t *rw) {
    put_vector(rw, 1);
    put_global(rw);
}

/* The appended functions, from the groups of locals to the closing end. G stands for the number of the global, which
 * takes a length of its own; no instruction here has that byte. */
enum { G = 0xFF, K = 0, OLD = 1 };

/* clang-format off */
static const uint8_t size_body[] = {
    0, /* no locals */
    OP_GLOBAL_GET, G,
    OP_END,
};

static const uint8_t grow_body[] = {
    1, 1, TYPE_I32, /* OLD, behind the parameter K */
    OP_LOCAL_GET, K,
    OP_I32_EQZ,
    OP_IF, BLOCK_EMPTY,
        OP_GLOBAL_GET, G,
        OP_RETURN,
    OP_END,
    OP_LOCAL_GET, K,
    OP_MEMORY_GROW, 0,
    OP_LOCAL_TEE, OLD,
    OP_I32_CONST, 0x7F, /* -1 */
    OP_I32_NE,
    OP_IF, BLOCK_EMPTY,
        OP_LOCAL_GET, OLD,
        OP_LOCAL_GET, K,
        OP_I32_ADD,
        OP_GLOBAL_SET, G,
    OP_END,
    OP_LOCAL_GET, OLD,
    OP_END,
};
/* clang-format on */

static void put_body(rewrite_t *rw, const uint8_t *code, size_t bytes) {
    uint8_t *size = begin_sized(&rw->w);
    for (size_t i = 0; i < bytes; i++) {
        if (code[i] == G) {
            put_u32(&rw->w, rw->info->global_count);
        } else {
            put_u8(&rw->w, code[i]);
        }
    }
    end_sized(&rw->w, size);
}

/* Copies one body with its memory.size and memory.grow turned into calls. */
static void put_redirected(rewrite_t *rw) {
    const uint8_t *copied = rw->r.at;
    mk_module_op_t op = mk_module_op_begin();
    uint8_t       *size = begin_sized(&rw->w);
    mk_module_skip_locals(&rw->r);
    while (mk_module_next_op(&rw->r, &op)) {
        if (op.code != OP_MEMORY_SIZE && op.code != OP_MEMORY_GROW) continue;
        put(&rw->w, copied, (size_t)(op.at - copied));
        put_u8(&rw->w, OP_CALL);
        put_u32(&rw->w, op.code == OP_MEMORY_SIZE ? size_function(rw) : grow_function(rw));
        copied = rw->r.at;
    }
    put(&rw->w, copied, (size_t)(rw->r.at - copied));
    end_sized(&rw->w, size);
}

static bool body_asks(mk_vm_reader_t r) {
    mk_module_op_t op = mk_module_op_begin();
    mk_module_skip_locals(&r);
    while (mk_module_next_op(&r, &op)) {
        if (op.code == OP_MEMORY_SIZE || op.code == OP_MEMORY_GROW) return true;
    }
    return false;
}

static void rewrite_code(rewrite_t *rw) {
    uint32_t count = mk_vm_u32(&rw->r);
    put_u32(&rw->w, count + 2);
    while (count-- > 0 && rw->r.err == MK_OK) {
        uint32_t       bytes = mk_vm_u32(&rw->r);
        const uint8_t *outer = mk_vm_enter(&rw->r, bytes);
        if (body_asks(rw->r)) {
            put_redirected(rw);
        } else {
            put_u32(&rw->w, bytes);
            put_rest(rw);
        }
        mk_vm_leave(&rw->r, outer);
    }
    put_body(rw, size_body, sizeof size_body);
    put_body(rw, grow_body, sizeof grow_body);
}

static void put_global_section(rewrite_t *rw) {
    put_u8(&rw->w, MK_VM_SECTION_GLOBAL);
    uint8_t *size = begin_sized(&rw->w);
    put_u8(&rw->w, 1);
    put_global(rw);
    end_sized(&rw->w, size);
}

static void rewrite_section(rewrite_t *rw, const mk_vm_section_t *section) {
    static void (*const rewriters[MK_VM_SECTION_IDS])(rewrite_t *) = {
        [MK_VM_SECTION_TYPE] = rewrite_types,     [MK_VM_SECTION_FUNCTION] = rewrite_functions,
        [MK_VM_SECTION_GLOBAL] = rewrite_globals, [MK_VM_SECTION_CODE] = rewrite_code,
        [MK_VM_SECTION_MEMORY] = rewrite_memory,
    };
    void (*rewriter)(rewrite_t *) = rewriters[section->id];
    if (rewriter == NULL || (!rw->redirect && section->id != MK_VM_SECTION_MEMORY)) {
        put(&rw->w, section->start, (size_t)(rw->r.at - section->start));
        put_rest(rw);
        return;
    }
    put_u8(&rw->w, section->id);
    uint8_t *size = begin_sized(&rw->w);
    rewriter(rw);
    end_sized(&rw->w, size);
}

/* The bytes were inspected before, so the reader has nothing left to refuse. */
static void rewrite_module(rewrite_t *rw) {
    mk_vm_section_t section;
    (void)mk_vm_preamble(&rw->r);
    put(&rw->w, rw->r.start, (size_t)(rw->r.at - rw->r.start));
    while (mk_vm_next_section(&rw->r, &section)) {
        /* A module that asks for its memory has code, so a section behind the globals comes. */
        if (rw->redirect && !rw->global_done &&
            mk_vm_section_rank(section.id) >= mk_vm_section_rank(MK_VM_SECTION_GLOBAL)) {
            if (section.id != MK_VM_SECTION_GLOBAL) put_global_section(rw);
            rw->global_done = true;
        }
        rewrite_section(rw, &section);
        mk_vm_leave(&rw->r, section.outer);
    }
    mk_assert(rw->r.err == MK_OK);
}

static mk_err_t refuse(mk_err_t err, const char *why, char *text, size_t text_size) {
    if (text_size > 0) snprintf(text, text_size, "%s", why);
    return err;
}

/* Whether it can have a region at all. */
static mk_err_t check(const mk_module_info_t *info, char *err, size_t err_size) {
    if (!info->has_memory || info->memory_imported) {
        return refuse(MK_ERR_NOSYS, "no memory of its own to place payloads in", err, err_size);
    }
    if (info->from_go) {
        return refuse(MK_ERR_NOSYS,
                      "made by the standard Go toolchain, whose runtime assumes that "
                      "memory grows without a gap: it must export 'mk_alloc'",
                      err, err_size);
    }
    return MK_OK;
}

static mk_err_t no_room(char *err, size_t err_size) {
    return refuse(MK_ERR_LIMIT, "memory leaves no room for payloads below 65536 pages", err, err_size);
}

mk_err_t mk_module_region(const mk_module_info_t *info, uint32_t bytes, mk_module_region_t *out, char *err,
                          size_t err_size) {
    enum { ALIGNED = 16 };
    mk_err_t result = check(info, err, err_size);
    if (result != MK_OK) return result;
    uint64_t declared = (mk_module_memory_bytes(info) + ALIGNED - 1) / ALIGNED * ALIGNED;
    uint64_t hidden = ((uint64_t)bytes + ALIGNED - 1) / ALIGNED * ALIGNED, lost = declared == 0 ? ALIGNED : 0;
    if (declared + hidden + lost > (uint64_t)MK_MODULE_PAGES_MAX * MK_MODULE_PAGE_BYTES) return no_room(err, err_size);
    *out = (mk_module_region_t){(uint32_t)(declared + lost), (uint32_t)hidden, (uint32_t)(hidden + lost)};
    return MK_OK;
}

static mk_err_t reserve(const mk_module_info_t *info, uint32_t pages, writer_t *out, char *err, size_t err_size) {
    mk_err_t result = check(info, err, err_size);
    if (result != MK_OK) return result;
    if (info->memory_page_shift == 0) {
        return refuse(MK_ERR_NOSYS, "pages of one byte are not supported by this engine", err, err_size);
    }
    if (pages > MK_MODULE_PAGES_MAX - info->memory_min) return no_room(err, err_size);
    uint32_t uses = info->memory_size_uses + info->memory_grow_uses;
    uint64_t bytes = info->size + (uint64_t)uses * GROWTH_PER_USE + GROWTH_PER_MODULE;
    uint8_t *start = bytes <= SIZE_MAX ? mk_alloc((size_t)bytes) : NULL;
    if (start == NULL) return refuse(MK_ERR_NOMEM, "out of memory", err, err_size);

    rewrite_t rw = {.w = {start, start, start + bytes}, .info = info, .pages = pages, .redirect = uses > 0};
    mk_vm_reader_init(&rw.r, info->bytes, info->size, NULL, 0);
    rewrite_module(&rw);
    *out = rw.w;
    return MK_OK;
}

mk_err_t mk_module_reserve(const void *bytes, size_t size, uint32_t pages, uint8_t **out, size_t *out_size,
                           uint32_t *region_offset, char *err, size_t err_size) {
    mk_module_info_t info;
    writer_t         written;
    if (pages == 0) return refuse(MK_ERR_INVALID, "no pages to reserve", err, err_size);
    mk_err_t result = mk_module_inspect(bytes, size, &info, err, err_size);
    if (result != MK_OK) return result;
    result = reserve(&info, pages, &written, err, err_size);
    if (result == MK_OK) {
        *out = written.start;
        *out_size = (size_t)(written.at - written.start);
        *region_offset = info.memory_min * MK_MODULE_PAGE_BYTES;
    }
    mk_module_info_fini(&info);
    return result;
}
