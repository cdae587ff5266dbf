/* SPDX-License-Identifier: Apache-2.0 */
/* imports_actor.c -- what reaches beyond the guest itself: other actors, names. Each needs a grant. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "ns/ns.h"
#include "port/port.h"
#include "wasm/guest.h"
#include "wasm/imports.h"

/* What these imports cost the node, roughly. */
enum { NAME_NS = 200, LIST_NS_EACH = 10 };

/* No path is longer, and no name by default. */
enum { TEXT_BYTES_MAX = 4096 };

static bool granted(mk_guest_t *guest, uint32_t grant, const char *import) {
    const char *name = grant == WASM_GRANT_STOP     ? "stop"
                       : grant == WASM_GRANT_LIST   ? "list"
                       : grant == WASM_GRANT_LOOKUP ? "lookup"
                                                    : "register";
    return mk_guest_granted(guest, grant, import, name);
}

char *mk_guest_text(mk_guest_t *guest, uint64_t address, uint64_t bytes, const char *import) {
    size_t   size = (uint32_t)bytes;
    uint8_t *at = mk_guest_span(guest, address, size);
    if (at == NULL) return NULL;
    if (size > TEXT_BYTES_MAX) { /* before anything goes through all of it */
        mk_guest_fail(guest, "%s: %s", import, mk_err_text(MK_ERR_TOOLONG));
        return NULL;
    }
    if (memchr(at, '\0', size) != NULL) {
        guest->info.bad_arguments++;
        mk_guest_fail(guest, "%s: a zero byte in the text", import);
        return NULL;
    }
    mk_guest_charge(guest, NAME_NS + size);
    char *text = mk_strndup((const char *)at, size);
    if (text == NULL) mk_guest_fail(guest, "%s: %s", import, mk_err_text(MK_ERR_NOMEM));
    return text;
}

/* Spawning and reading are the host's work: the guest's budget waits meanwhile. More than any of it takes. One that cannot
 * wait, and so cannot let others go first, pays for it. */
enum { HOST_WORK_MS_MAX = 10 * 60 * 1000 };

/* After so much of it the next waits until the others had their turn. */
enum { HOST_WORK_US_MAX = 4000 };

bool mk_guest_can_wait(const mk_guest_t *guest) { return guest->config.limits.native_stack_bytes != 0; }

bool mk_guest_work_later(mk_guest_t *guest, mk_host_fn *import, const uint64_t *args, size_t count) {
    if (guest->owed_us < HOST_WORK_US_MAX || !mk_guest_can_wait(guest)) return false;
    guest->owed_us = 0;
    return mk_guest_defer(guest, import, args, count, 0);
}

/* An engine that counts fuel does not count this. */
static bool has_clock(const mk_guest_t *guest) { return !guest->config.engine->continues; }

uint64_t mk_guest_work_begin(mk_guest_t *guest) {
    if (mk_guest_can_wait(guest) && has_clock(guest)) guest->config.engine->extend(guest->instance, HOST_WORK_MS_MAX);
    return mk_port_now_us();
}

void mk_guest_work_end(mk_guest_t *guest, uint64_t began_us) {
    uint64_t took_us = mk_port_now_us() - began_us;
    if (!mk_guest_can_wait(guest)) {
        mk_guest_charge(guest, took_us * 1000);
        return;
    }
    guest->host_us += took_us;
    guest->owed_us += took_us;
    if (has_clock(guest)) guest->config.engine->extend(guest->instance, (int32_t)(took_us / 1000) - HOST_WORK_MS_MAX);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

mk_host_end_t mk_import_register(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    *result = (uint32_t)-1;
    if (!granted(guest, WASM_GRANT_REGISTER, "mk_register")) return MK_HOST_DONE;
    if (guest->names >= guest->config.names_max) {
        mk_guest_fail(guest, "mk_register: it has %u names, no more are allowed", (unsigned)guest->names);
        return MK_HOST_DONE;
    }
    char *name = mk_guest_text(guest, args[0], args[1], "mk_register");
    if (name == NULL) return MK_HOST_DONE;
    mk_err_t err = actor_try_register_name(guest->rt, name, guest->id);
    if (err == MK_OK) {
        *result = 0;
        guest->names++;
    } else {
        mk_guest_fail(guest, "mk_register: %s", mk_err_text(err));
    }
    mk_free(name);
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_lookup(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    if (!granted(guest, WASM_GRANT_LOOKUP, "mk_lookup")) return MK_HOST_DONE;
    char *name = mk_guest_text(guest, args[0], args[1], "mk_lookup");
    if (name == NULL) return MK_HOST_DONE;
    *result = actor_lookup(guest->rt, name);
    if (*result == ACTOR_ID_INVALID) mk_guest_fail(guest, "mk_lookup: %s", mk_err_text(MK_ERR_NOTFOUND));
    mk_free(name);
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_reverse_lookup(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    cap = (uint32_t)args[2];
    if (!granted(guest, WASM_GRANT_LOOKUP, "mk_reverse_lookup")) return MK_HOST_DONE;
    uint8_t *to = mk_guest_span(guest, args[1], cap);
    if (to == NULL) return MK_HOST_DONE;
    /* The guest's room has none for an ending, ours must. */
    size_t room = cap < 4096 ? cap + 1 : 4096 + 1;
    char  *name = mk_alloc(room);
    if (name == NULL) return MK_HOST_DONE;
    size_t size = actor_reverse_lookup(guest->rt, args[0], name, room);
    memcpy(to, name, size);
    mk_free(name);
    *result = size;
    return MK_HOST_DONE;
}

/* What a listing takes at once, and what a byte of it costs the node, roughly. */
enum { LISTING_BYTES_MAX = 65536, LISTING_NS_PER_BYTE = 20 };

mk_host_end_t mk_import_ns_list(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    cap = (uint32_t)args[3];
    *result = (uint32_t)-1;
    if (!granted(guest, WASM_GRANT_LOOKUP, "mk_ns_list")) return MK_HOST_DONE;
    uint8_t *to = mk_guest_span(guest, args[2], cap), *out_size = mk_guest_span(guest, args[4], 4);
    if (to == NULL || out_size == NULL) return MK_HOST_DONE;
    char    *prefix = mk_guest_text(guest, args[0], args[1], "mk_ns_list");
    mk_ns_t *ns = prefix != NULL ? mk_ns_of(guest->rt) : NULL;
    if (ns != NULL) {
        size_t size = mk_ns_list_text(ns, prefix, false, (char *)to, cap < LISTING_BYTES_MAX ? cap : LISTING_BYTES_MAX);
        mk_guest_charge(guest, size * LISTING_NS_PER_BYTE);
        for (unsigned i = 0; i < 4; i++) out_size[i] = (uint8_t)(size >> (i * 8));
        *result = 0;
    } else if (prefix != NULL) {
        mk_guest_fail(guest, "mk_ns_list: %s", mk_err_text(MK_ERR_NOMEM));
    }
    mk_free(prefix);
    return MK_HOST_DONE;
}

/* ---- other actors ------------------------------------------------------------------------------------------------- */

mk_host_end_t mk_import_list_actors(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    max = (uint32_t)args[1];
    *result = (uint32_t)-1;
    if (!granted(guest, WASM_GRANT_LIST, "mk_list_actors")) return MK_HOST_DONE;
    uint8_t *to = mk_guest_span(guest, args[0], (uint64_t)max * sizeof(actor_id_t));
    uint8_t *count = mk_guest_span(guest, args[2], 4);
    if (to == NULL || count == NULL) return MK_HOST_DONE;
    size_t alive = runtime_list_actors(guest->rt, NULL, 0), written = alive < max ? alive : max;
    mk_guest_charge(guest, alive * LIST_NS_EACH);
    /* Through memory of our own: the guest's is not aligned, and its byte order is little-endian everywhere. */
    actor_id_t *ids = mk_alloc((written > 0 ? written : 1) * sizeof *ids);
    if (ids == NULL) {
        mk_guest_fail(guest, "mk_list_actors: %s", mk_err_text(MK_ERR_NOMEM));
        return MK_HOST_DONE;
    }
    runtime_list_actors(guest->rt, ids, written);
    for (size_t i = 0; i < written * sizeof *ids; i++) to[i] = (uint8_t)(ids[i / 8] >> (i % 8 * 8));
    for (unsigned i = 0; i < 4; i++) count[i] = (uint8_t)(written >> (i * 8));
    mk_free(ids);
    *result = 0;
    return MK_HOST_DONE;
}

/* Longest: every part at once, with two numbers of ten digits. */
enum { STATUS_BYTES = 128 };

typedef struct status {
    char   text[STATUS_BYTES];
    size_t size;
} status_t;

static void say(status_t *status, const char *text) {
    status->size += (size_t)snprintf(status->text + status->size, sizeof status->text - status->size, "%s%s",
                                     status->size > 0 ? ", " : "", text);
}

static void say_count(status_t *status, uint32_t n, const char *one, const char *several) {
    char text[64];
    snprintf(text, sizeof text, "%u %s", (unsigned)n, several);
    if (n > 0) say(status, n == 1 ? one : text);
}

mk_host_end_t mk_import_actor_status(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t       *guest = host;
    uint32_t          cap = (uint32_t)args[2];
    status_t          status = {.size = 0};
    wasm_actor_info_t info;
    *result = (uint32_t)-1;
    if (!granted(guest, WASM_GRANT_LIST, "mk_actor_status")) return MK_HOST_DONE;
    uint8_t *to = mk_guest_span(guest, args[1], cap);
    if (to == NULL) return MK_HOST_DONE;
    mk_guest_charge(guest, NAME_NS);
    if (wasm_actor_get_info(guest->rt, args[0], &info)) {
        if (info.probation) say(&status, "on probation");
        if (info.coming) say(&status, "new module waits");
        if (info.waiting) say(&status, "waiting");
        if (info.computing) say(&status, "computing");
        say_count(&status, info.reloads, "1 reload", "reloads");
        say_count(&status, info.undone, "new module taken back", "new modules taken back");
    }
    *result = status.size < cap ? status.size : cap;
    memcpy(to, status.text, (size_t)*result);
    return MK_HOST_DONE;
}

bool mk_guest_may_stop(mk_guest_t *guest, actor_id_t id, const char *import) {
    actor_info_t info;
    if (id == guest->id || (runtime_get_actor_info(guest->rt, id, &info) && info.parent == guest->id)) return true;
    return granted(guest, WASM_GRANT_STOP, import);
}

mk_host_end_t mk_import_stop(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    if (mk_guest_may_stop(guest, args[0], "mk_stop")) actor_stop(guest->rt, args[0]);
    else *result = (uint32_t)-1;
    return MK_HOST_DONE;
}
