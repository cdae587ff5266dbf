/* SPDX-License-Identifier: Apache-2.0 */
/* sign.h -- keys that sign modules; sign_openssl.c has them, sign_none.c says that this build has not. And whose modules a node loads. */
#ifndef MK_TOOLS_SIGN_H
#define MK_TOOLS_SIGN_H

#include "cli.h"
#include "microkernel/wasm_actor.h"

enum { MK_SIGN_SEED_BYTES = 32 };

/* False: this build cannot. */
bool mk_sign_public(const uint8_t seed[MK_SIGN_SEED_BYTES], uint8_t key[WASM_KEY_BYTES]);
bool mk_sign_text(const uint8_t seed[MK_SIGN_SEED_BYTES], const void *text, size_t size, uint8_t signature[WASM_SIGNATURE_BYTES]);

/* From now on only modules signed by the keys of --trust are loaded, if there are any. MK_CLI_OK, or it was told what is wrong. */
int mk_trust_open(const char *command, const mk_settings_t *settings);

#endif
