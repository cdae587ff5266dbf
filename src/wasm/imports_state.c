/* SPDX-License-Identifier: Apache-2.0 */
/* imports_state.c -- what a guest wants to find again, under its first name. Saving waits until it is on the disk: what a guest was told
 * is saved survives. One that cannot wait is told that it was taken. */
#include <string.h>

#include "base/mem.h"
#include "durable/state.h"
#include "runtime/wake.h"
#include "wasm/guest.h"
#include "wasm/imports.h"

enum { STATE_NS = 1000, STATE_NS_PER_BYTE = 1 };

static void saved(void *arg, mk_err_t err) {
    mk_guest_t *guest = arg;
    guest->saving = NULL;
    guest->save_error = (uint8_t)err;
    guest->save_done = true;
    if (!guest->save_waits) return;
    guest->save_waits = false;
    mk_actor_wake(guest->rt, guest->id);
}

void mk_guest_state_fini(mk_guest_t *guest) {
    if (guest->saving != NULL) mk_saving_forget(guest->saving);
    guest->saving = NULL;
}

static uint64_t outcome(mk_guest_t *guest, mk_err_t err) {
    if (err == MK_OK) return 0;
    mk_guest_fail(guest, "mk_save_state: %s",
                  err == MK_ERR_NOTFOUND  ? "this node keeps no state"
                  : err == MK_ERR_INVALID ? "it has no name, or there is no key"
                  : err == MK_ERR_FULL    ? "the disk is full, or too much is waiting for it"
                                          : mk_err_text(err));
    return (uint32_t)-1;
}

/* True: it is under way. */
static bool begin(mk_guest_t *guest, const uint64_t *args, uint64_t *result) {
    uint32_t size = (uint32_t)args[3];
    if (!mk_guest_granted(guest, WASM_GRANT_STATE, "mk_save_state", "state")) return false;
    const uint8_t *data = mk_guest_span(guest, args[2], size);
    char          *key = data != NULL ? mk_guest_text(guest, args[0], args[1], "mk_save_state") : NULL;
    if (key == NULL) return false;
    mk_guest_charge(guest, STATE_NS + (uint64_t)size * STATE_NS_PER_BYTE);
    guest->save_done = false;
    mk_err_t err = mk_state_save(guest->rt, NULL, key, data, size, saved, guest, &guest->saving);
    mk_free(key);
    if (err != MK_OK) guest->saving = NULL;
    *result = outcome(guest, err);
    return err == MK_OK;
}

mk_host_end_t mk_import_save_state(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    *result = (uint32_t)-1;
    if (guest->saving == NULL && !guest->save_done && !begin(guest, args, result)) return MK_HOST_DONE;
    if (!guest->save_done && guest->config.limits.native_stack_bytes != 0 &&
        mk_guest_defer(guest, mk_import_save_state, args, 4, -1)) {
        guest->save_waits = true;
        return MK_HOST_BLOCKED;
    }
    if (guest->save_done) *result = outcome(guest, (mk_err_t)guest->save_error);
    mk_guest_state_fini(guest);
    guest->save_done = false;
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_load_state(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    cap = (uint32_t)args[3];
    *result = (uint32_t)-1;
    if (!mk_guest_granted(guest, WASM_GRANT_STATE, "mk_load_state", "state")) return MK_HOST_DONE;
    uint8_t *to = mk_guest_span(guest, args[2], cap);
    char    *key = to != NULL ? mk_guest_text(guest, args[0], args[1], "mk_load_state") : NULL;
    if (key == NULL) return MK_HOST_DONE;
    int size = state_load(guest->rt, NULL, key, NULL, 0);
    if (size < 0) {
        mk_guest_fail(guest, "mk_load_state: %s", mk_err_text(MK_ERR_NOTFOUND));
    } else if ((uint32_t)size > cap) {
        mk_guest_fail(guest, "mk_load_state: %d bytes, there is room for %u", size, (unsigned)cap);
    } else {
        (void)state_load(guest->rt, NULL, key, to, cap);
        mk_guest_charge(guest, STATE_NS + (uint64_t)size * STATE_NS_PER_BYTE);
        *result = (uint32_t)size;
    }
    mk_free(key);
    return MK_HOST_DONE;
}
