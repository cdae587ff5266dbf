/* SPDX-License-Identifier: Apache-2.0 */
/* imports_self.c -- who am I, what time is it, and text for people. */
#include <stdio.h>
#include <string.h>

#include "microkernel/console.h"
#include "microkernel/services.h"
#include "ns/ns.h"
#include "port/port.h"
#include "wasm/guest.h"
#include "wasm/imports.h"

/* What printing or logging costs the node, roughly, beside what it prints. */
enum { TEXT_NS = 500 };

mk_host_end_t mk_import_self(void *host, const uint64_t *args, uint64_t *result) {
    (void)args;
    *result = ((mk_guest_t *)host)->id;
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_time_ms(void *host, const uint64_t *args, uint64_t *result) {
    (void)host, (void)args;
    *result = mk_port_now_us() / 1000;
    return MK_HOST_DONE;
}

void mk_guest_log(mk_guest_t *guest, int level, const void *text, size_t size) {
    mk_guest_charge(guest, TEXT_NS);
    char line[1001]; /* one byte more than the log takes of an entry: it marks what it cuts */
    if (size > sizeof line) size = sizeof line;
    if (size > 0) memcpy(line, text, size);
    while (size > 0 && line[size - 1] == '\n') size--;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = ' ';
    }
    actor_log(guest->rt, level, "%.*s", (int)size, line);
}

mk_host_end_t mk_import_log(void *host, const uint64_t *args, uint64_t *result) {
    (void)result;
    mk_guest_t *guest = host;
    int32_t     level = (int32_t)(uint32_t)args[0];
    uint8_t    *text = mk_guest_span(guest, args[1], (uint32_t)args[2]);
    if (level < MK_LOG_DEBUG) level = MK_LOG_DEBUG;
    if (level > MK_LOG_ERROR) level = MK_LOG_ERROR;
    if (text != NULL) mk_guest_log(guest, level, text, (uint32_t)args[2]);
    return MK_HOST_DONE;
}

/* A console takes what there is at each of its turns, so a guest need not wait long, and shares it with others. */
enum { PRINTS_MAX = 128, PRINT_WAIT_MS = 1 };

bool mk_guest_prints_too_fast(const mk_guest_t *guest) {
    return guest->printing != NULL && (mk_account_buffers(guest->printing) >= PRINTS_MAX ||
                                       mk_account_bytes(guest->printing) > guest->config.message_bytes_max);
}

static mk_err_t print_to_console(mk_guest_t *guest, const void *text, size_t size) {
    if (guest->printing == NULL && (guest->printing = mk_account_create()) == NULL) return MK_ERR_NOMEM;
    if (mk_guest_prints_too_fast(guest)) return MK_ERR_FULL; /* one that cannot wait */
    message_buffer_t *buf = mk_account_buffer(guest->printing, size);
    if (buf == NULL) return MK_ERR_NOMEM;
    memcpy(message_buffer_data(buf), text, size);
    mk_err_t err = actor_send_buffer(guest->rt, guest->config.console, MSG_CONSOLE_PRINT, buf);
    if (err != MK_OK) message_buffer_release(buf);
    return err;
}

void mk_guest_print(mk_guest_t *guest, const void *text, size_t size) {
    const mk_guest_config_t *config = &guest->config;
    if (size == 0) return;
    mk_guest_charge(guest, TEXT_NS + size);
    if (size > config->message_bytes_max) {
        guest->info.refused++;
        mk_guest_fail(guest, "printing: %zu bytes, at most %u are allowed", size, (unsigned)config->message_bytes_max);
        return;
    }
    if (config->console != ACTOR_ID_INVALID) {
        mk_err_t err = print_to_console(guest, text, size);
        if (err == MK_OK) return;
        guest->info.refused++;
        mk_guest_fail(guest, "printing: %s", mk_err_text(err));
    } else if (config->print != NULL) {
        config->print(config->print_arg, text, size);
    } else {
        mk_port_write(1, text, size);
    }
}

mk_host_end_t mk_import_print(void *host, const uint64_t *args, uint64_t *result) {
    (void)result;
    mk_guest_t *guest = host;
    uint8_t    *text = mk_guest_span(guest, args[0], (uint32_t)args[1]);
    if (mk_guest_prints_too_fast(guest) && mk_guest_defer(guest, mk_import_print, args, 2, PRINT_WAIT_MS))
        return MK_HOST_BLOCKED;
    if (text != NULL) mk_guest_print(guest, text, (uint32_t)args[1]);
    return MK_HOST_DONE;
}

static size_t give_text(mk_guest_t *guest, const char *text, const uint64_t *args) {
    size_t   size = strlen(text), cap = (uint32_t)args[1];
    uint8_t *to = mk_guest_span(guest, args[0], cap);
    if (to == NULL) return 0;
    if (size > cap) size = cap;
    memcpy(to, text, size);
    return size;
}

mk_host_end_t mk_import_last_error(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    char        text[MK_GUEST_ERROR_BYTES];
    snprintf(text, sizeof text, "%s", mk_guest_error(guest)); /* a bad address here becomes the next error */
    *result = give_text(guest, text, args);
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_node_name(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    mk_ns_t    *ns = mk_ns_of(guest->rt);
    const char *name = ns != NULL ? mk_ns_identity(ns) : mk_node_identity();
    *result = give_text(guest, name, args);
    return MK_HOST_DONE;
}
