/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_test.c -- what is done to a module before WAMR sees it. */
#include "wasm/wamr/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rig/rig.h"
#include "wasm/tempting.h"

TEST(rewriting_bears_modules_cut_off_anywhere) {
    uint8_t *out;
    size_t   size;
    for (size_t cut = 0; cut <= sizeof tempting; cut++) {
        uint8_t *exact = malloc(cut > 0 ? cut : 1); /* so that a step too far is found */
        memcpy(exact, tempting, cut);
        if (mk_wamr_rewrite(exact, cut, &out, &size) == MK_OK) mk_free(out);
        free(exact);
    }
}
