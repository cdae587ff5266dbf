/* SPDX-License-Identifier: Apache-2.0 */
/* trust_test.c -- only what was signed is loaded. The key and its signature were made with another tool, once. */
#include "wasm/trust.h"

#include <stdlib.h>

#include "net/ed25519.h"
#include "wasm/world.h"

/* RFC 8032 section 7.1, TEST 2. */
static const uint8_t key_2[32] = {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a,
                                  0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4,
                                  0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
static const uint8_t signature_2[64] = {0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f,
                                        0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76,
                                        0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99,
                                        0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae,
                                        0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

static bool can_tell(void) { return mk_ed25519_verify(key_2, signature_2, "\x72", 1) != MK_ERR_NOSYS; }

static world_t  w;
static uint8_t *module;
static size_t   size;

static void begin(void) {
    world_open(&w);
    module = read_guest("forever", &size);
    module = realloc(module, size + WASM_SECTION_BYTES);
    CHECK(module != NULL);
}

static void end(void) {
    wasm_trust_all();
    free(module);
    world_close(&w);
}

static mk_err_t load(size_t bytes) {
    world_spawn_t s = {.bytes = module, .size = bytes};
    world_do(&w, world_spawn_now, &s);
    return s.result;
}

TEST(signatures_are_those_of_the_document) {
    if (!can_tell()) rig_skip("this build has no library for signatures");
    uint8_t wrong[64];
    CHECK_EQ(mk_ed25519_verify(key_2, signature_2, "\x72", 1), MK_OK);
    CHECK_EQ(mk_ed25519_verify(key_2, signature_2, "\x73", 1), MK_ERR_DENIED);
    CHECK_EQ(mk_ed25519_verify(signature_2, signature_2, "\x72", 1), MK_ERR_DENIED);
    for (unsigned i = 0; i < 64; i++) {
        memcpy(wrong, signature_2, 64);
        wrong[i] ^= 1;
        CHECK_EQ(mk_ed25519_verify(key_2, wrong, "\x72", 1), MK_ERR_DENIED);
    }
}

TEST(without_keys_anybodys_modules_are_loaded_with_one_the_unsigned_are_refused) {
    begin();
    CHECK_EQ(load(size), MK_OK);
    CHECK(wasm_trust_key(key_2));
    module[size - 1] ^= 0; /* what is loaded already may be shared; another module is asked for here */
    uint8_t      *other = read_guest("count", &size);
    world_spawn_t s = {.bytes = other, .size = size};
    world_do(&w, world_spawn_now, &s);
    CHECK_EQ(s.result, MK_ERR_DENIED);
    CHECK_STR(w.err, "the module is not signed, and this node loads signed ones only");
    CHECK(wasm_trust_module(other, size));
    world_do(&w, world_spawn_now, &s);
    CHECK_EQ(s.result, MK_OK);
    free(other);
    end();
}

TEST(a_section_with_the_wrong_key_or_signature_is_refused_and_a_signed_module_is_a_module) {
    begin();
    wasm_signature_section(key_2, signature_2, module + size);
    CHECK(wasm_is_signed(module, size + WASM_SECTION_BYTES));
    CHECK(!wasm_is_signed(module, size));
    CHECK_EQ(load(size + WASM_SECTION_BYTES), MK_OK); /* anybody's: the section is one as any other */
    wasm_trust_all();
    end();
    begin();
    wasm_signature_section(key_2, signature_2, module + size);
    CHECK(wasm_trust_key(signature_2));
    CHECK_EQ(load(size + WASM_SECTION_BYTES), MK_ERR_DENIED);
    CHECK_STR(w.err, "the module is signed by a key this node does not trust");
    CHECK(wasm_trust_key(key_2));
    CHECK_EQ(load(size + WASM_SECTION_BYTES), MK_ERR_DENIED);
    CHECK_STR(w.err, can_tell() ? "the module is not what was signed"
                                : "this build cannot check signatures, and is to load signed modules only");
    end();
}
