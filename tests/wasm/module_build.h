/* SPDX-License-Identifier: Apache-2.0 */
/* module_build.h -- writes small modules byte by byte, right or wrong ones alike. */
#ifndef MK_TESTS_WASM_MODULE_BUILD_H
#define MK_TESTS_WASM_MODULE_BUILD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct module {
    uint8_t at[2048];
    size_t  size;
} module_t;

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

enum { I32 = 0x7F, I64 = 0x7E, F32 = 0x7D, F64 = 0x7C };

static inline void module_add(module_t *m, const uint8_t *bytes, size_t size)
{
    memcpy(m->at + m->size, bytes, size);
    m->size += size;
}

static inline module_t module_begin(void)
{
    module_t m = {.size = 0};
    module_add(&m, BYTES(0, 'a', 's', 'm', 1, 0, 0, 0));
    return m;
}

/* A section with its size in front, in two bytes whatever it is. */
static inline void module_section(module_t *m, uint8_t id, const uint8_t *bytes, size_t size)
{
    module_add(m, BYTES(id, (uint8_t)(size | 0x80), (uint8_t)(size >> 7)));
    module_add(m, bytes, size);
}
#define SECTION(m, id, ...) module_section((m), (id), BYTES(__VA_ARGS__))

/* The types every module here begins with. */
enum { T_HANDLE, T_VOID, T_GET, T_MAP, T_TAKE, T_SEND };
static inline void module_types(module_t *m)
{
    SECTION(m, 1, 6, 0x60, 4, I32, I64, I32, I32, 1, I32, /* (iIii)i   */
            0x60, 0, 0,                                   /* ()        */
            0x60, 0, 1, I32,                              /* ()i       */
            0x60, 1, I32, 1, I32,                         /* (i)i      */
            0x60, 1, I32, 0,                              /* (i)       */
            0x60, 4, I64, I32, I32, I32, 1, I32);         /* (Iiii)i   */
}

#define NAME_ENV        3, 'e', 'n', 'v'
#define NAME_SEND       7, 'm', 'k', '_', 's', 'e', 'n', 'd'
#define NAME_MEMORY     6, 'm', 'e', 'm', 'o', 'r', 'y'
#define NAME_HANDLE     14, 'h', 'a', 'n', 'd', 'l', 'e', '_', 'm', 'e', 's', 's', 'a', 'g', 'e'
#define NAME_MK_ALLOC   8, 'm', 'k', '_', 'a', 'l', 'l', 'o', 'c'
#define NAME_MK_FREE    7, 'm', 'k', '_', 'f', 'r', 'e', 'e'
#define NAME_MALLOC     6, 'm', 'a', 'l', 'l', 'o', 'c'
#define NAME_FREE       4, 'f', 'r', 'e', 'e'
#define NAME_INITIALIZE 11, '_', 'i', 'n', 'i', 't', 'i', 'a', 'l', 'i', 'z', 'e'

#endif
