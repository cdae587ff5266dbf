/* SPDX-License-Identifier: Apache-2.0 */
/* imports_message.c -- sending, and the imports that wait. */
#include <string.h>

#include "microkernel/namespace.h"
#include "microkernel/runtime.h"
#include "wasm/guest.h"
#include "wasm/imports.h"

/* What the system has to say (ends, timers, sockets, nodes, answers of its services) a guest cannot say in its place. Left are the
 * requests to services, which are as good as the import that does the same, and what consoles are told. */
static bool may_say(mk_guest_t *guest, msg_type_t type, const char *import) {
    if (type < MK_MSG_SYSTEM_BASE || type - MK_MSG_SYSTEM_BASE >= 0x100) return true;
    switch (type) {
    case MSG_CAPS_REQUEST:
    case MSG_CAPS_REPLY: return true;
    case MSG_NS_LIST: return mk_guest_granted(guest, WASM_GRANT_LOOKUP, import, "lookup");
    case MSG_NAME_REGISTER:
    case MSG_NAME_UNREGISTER: return mk_guest_granted(guest, WASM_GRANT_REGISTER, import, "register");
    case MSG_NS_MOUNT:
    case MSG_NS_UNMOUNT: return mk_guest_granted(guest, WASM_GRANT_MOUNT, import, "mount");
    default:
        guest->info.bad_arguments++;
        mk_guest_fail(guest, "%s: message type 0x%08x is the node's own", import, (unsigned)type);
        return false;
    }
}

/* A name that is asked for counts as one it has, for it may get it. */
static bool may_register(mk_guest_t *guest) {
    if (guest->names < guest->config.names_max) {
        guest->names++;
        return true;
    }
    mk_guest_fail(guest, "mk_send: it has %u names, no more are allowed", (unsigned)guest->names);
    return false;
}

static mk_err_t refuse(mk_guest_t *guest, mk_err_t err) {
    mk_guest_fail(guest, "mk_send: %s", mk_err_text(err));
    return err;
}

/* A large payload, as one that counts until it is handled. */
static mk_err_t send_counted(mk_guest_t *guest, actor_id_t dest, msg_type_t type, const void *payload, size_t size) {
    if (guest->in_flight == NULL && (guest->in_flight = mk_account_create()) == NULL)
        return refuse(guest, MK_ERR_NOMEM);
    size_t under_way = mk_account_bytes(guest->in_flight), most = guest->config.in_flight_bytes_max;
    if (under_way > most || size > most - under_way) {
        mk_guest_fail(guest, "mk_send: %zu bytes are under way, at most %zu are allowed", under_way, most);
        return MK_ERR_LIMIT;
    }
    message_buffer_t *buf = mk_account_buffer(guest->in_flight, size);
    if (buf == NULL) return refuse(guest, MK_ERR_NOMEM);
    memcpy(message_buffer_data(buf), payload, size);
    mk_err_t err = actor_send_buffer(guest->rt, dest, type, buf);
    if (err == MK_OK) return MK_OK;
    message_buffer_release(buf);
    return refuse(guest, err);
}

/* What a message costs the node, roughly. */
enum { SEND_NS = 100, BYTES_PER_NS = 8 };

bool mk_guest_send(mk_guest_t *guest, actor_id_t dest, msg_type_t type, const void *payload, size_t size) {
    mk_err_t err;
    mk_guest_charge(guest, SEND_NS + size / BYTES_PER_NS);
    if (size > mk_account_free_bytes()) err = send_counted(guest, dest, type, payload, size);
    else if ((err = actor_try_send(guest->rt, dest, type, payload, size)) != MK_OK) (void)refuse(guest, err);
    if (err != MK_OK) guest->info.refused++;
    return err == MK_OK;
}

/* To another guest type 0 is the request to stop, and any actor of another node may be a guest. Nobody is none. */
static bool is_stop(const mk_guest_t *guest, actor_id_t dest, msg_type_t type) {
    if (type != 0 || dest == ACTOR_ID_INVALID) return false;
    bool is_far = actor_id_node(dest) != runtime_get_node_id(guest->rt);
    return is_far || actor_state_of(guest->rt, dest, wasm_actor_behavior) != NULL;
}

static bool send(mk_guest_t *guest, actor_id_t dest, msg_type_t type, const void *payload, size_t size) {
    if (!may_say(guest, type, "mk_send")) return false;
    if (type == MSG_NAME_REGISTER && !may_register(guest)) return false;
    if (is_stop(guest, dest, type) && !mk_guest_may_stop(guest, dest, "mk_send of type 0")) return false;
    return mk_guest_send(guest, dest, type, payload, size);
}

mk_host_end_t mk_import_send(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    size = (uint32_t)args[3];
    uint8_t    *payload = mk_guest_span(guest, args[2], size);
    if (payload == NULL) return MK_HOST_DONE;
    if (size > guest->config.message_bytes_max) {
        guest->info.refused++;
        mk_guest_fail(guest, "mk_send: %u bytes, at most %u are allowed", (unsigned)size,
                      (unsigned)guest->config.message_bytes_max);
        return MK_HOST_DONE;
    }
    *result = send(guest, args[0], (msg_type_t)args[1], size > 0 ? payload : NULL, size);
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_send_u32(void *host, const uint64_t *args, uint64_t *result) {
    uint32_t value = (uint32_t)args[2];
    uint8_t  payload[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    *result = send(host, args[0], (msg_type_t)args[1], payload, sizeof payload);
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_sleep_ms(void *host, const uint64_t *args, uint64_t *result) {
    if (mk_guest_wait(host, MK_WAIT_TIME, false, (uint32_t)args[0])) return MK_HOST_BLOCKED;
    *result = (uint32_t)-1;
    return MK_HOST_DONE;
}

/* Every address is checked before the wait, so that nothing is taken from the mailbox that cannot be delivered. Memory
 * cannot shrink and nobody else runs in it, so the check still holds when the message comes. */
static mk_host_end_t receive(mk_guest_t *guest, const uint64_t *args, uint32_t source, int64_t timeout_ms,
                             uint64_t *result) {
    guest->wait_type = (uint32_t)args[0];
    guest->wait_buf = (uint32_t)args[1];
    guest->wait_cap = (uint32_t)args[2];
    guest->wait_size = (uint32_t)args[3];
    guest->wait_source = source;
    if (mk_guest_span(guest, guest->wait_type, 4) != NULL && mk_guest_span(guest, guest->wait_buf, guest->wait_cap) &&
        mk_guest_span(guest, guest->wait_size, 4) != NULL && mk_guest_span(guest, source, 8) != NULL &&
        mk_guest_wait(guest, MK_WAIT_MESSAGE, true, timeout_ms))
        return MK_HOST_BLOCKED;
    *result = (uint32_t)-1;
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_recv(void *host, const uint64_t *args, uint64_t *result) {
    return receive(host, args, 0, -1, result);
}

mk_host_end_t mk_import_recv_full(void *host, const uint64_t *args, uint64_t *result) {
    return receive(host, args, (uint32_t)args[4], -1, result);
}

mk_host_end_t mk_import_recv_timeout(void *host, const uint64_t *args, uint64_t *result) {
    return receive(host, args, (uint32_t)args[4], (uint32_t)args[5], result);
}

/* Address 0 is a null pointer in every language that has one: the result is not wanted. */
static void put(mk_guest_t *guest, uint32_t address, uint64_t value, size_t bytes) {
    uint8_t *to = address != 0 ? mk_guest_span(guest, address, bytes) : NULL;
    for (size_t i = 0; to != NULL && i < bytes; i++, value >>= 8) to[i] = (uint8_t)value;
}

uint32_t mk_recv_deliver(mk_guest_t *guest, const mk_guest_message_t *message) {
    size_t   copied = message->size < guest->wait_cap ? message->size : guest->wait_cap;
    uint8_t *buf = mk_guest_span(guest, guest->wait_buf, copied);
    if (buf != NULL && copied > 0) memcpy(buf, message->payload, copied);
    put(guest, guest->wait_type, message->type, 4);
    put(guest, guest->wait_size, message->size, 4);
    put(guest, guest->wait_source, message->source, 8);
    return 0;
}

uint32_t mk_recv_timed_out(void) { return (uint32_t)-2; }
