/* SPDX-License-Identifier: Apache-2.0 */
/* identity.c -- who this node is when nobody says otherwise. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ns/internal.h"
#include "port/port.h"

/* Words that mean something else behind /node/. */
static const char *const reserved[] = {"local", "cloudflare", "storage", "queue", "ai"};

static bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_fit(char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; }

static bool is_reserved(const char *text) {
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(text, reserved[i]) == 0) return true;
    return false;
}

bool mk_ns_is_identity(const char *text) {
    size_t size = 0;
    bool   readable = false;
    for (; text[size] != '\0'; size++) {
        if (!is_fit(text[size]) || size == MK_IDENTITY_BYTES - 1) return false;
        readable |= is_alphanumeric(text[size]);
    }
    return readable && !is_reserved(text);
}

void mk_prefix_set(mk_prefix_t *prefix, const char *identity) {
    prefix->size = (size_t)snprintf(prefix->text, sizeof prefix->text, "/node/%s/", identity);
}

/* What cannot be in an identity becomes '-'. */
static void make_fit(const char *name, char out[MK_IDENTITY_BYTES]) {
    size_t size = 0;
    if (is_reserved(name)) {
        memcpy(out, "node-", 5);
        size = 5;
    }
    for (; *name != '\0' && size < MK_IDENTITY_BYTES - 1; name++) out[size++] = is_fit(*name) ? *name : '-';
    out[size] = '\0';
    if (!mk_ns_is_identity(out)) memcpy(out, "node", sizeof "node");
}

enum { BEING_MADE = 1, MADE };

/* Runtimes on several threads may ask at the same moment: whoever is first makes it, the others wait for those few bytes. */
static const char *made(const char *name) {
    static char        identity[MK_IDENTITY_BYTES];
    static atomic_uint state;
    unsigned           none = 0;
    if (atomic_load_explicit(&state, memory_order_acquire) == MADE) return identity;
    if (name == NULL) return NULL;
    if (atomic_compare_exchange_strong(&state, &none, BEING_MADE)) {
        make_fit(name, identity);
        atomic_store_explicit(&state, MADE, memory_order_release);
    }
    while (atomic_load_explicit(&state, memory_order_acquire) != MADE) {}
    return identity;
}

const char *mk_node_identity(void) {
    char        host[256];
    const char *identity = made(NULL);
    if (identity != NULL) return identity;
    const char *name = getenv("MK_NODE_NAME");
    if (name == NULL || name[0] == '\0') name = mk_port_host_name(host, sizeof host) == MK_OK ? host : "node";
    return made(name);
}

/* A number between 1 and 2^32 - 1; 0: none. */
static node_id_t number_of(const char *text) {
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9') return 0;
    unsigned long long number = strtoull(text, &end, 10);
    return *end == '\0' && number <= UINT32_MAX ? (node_id_t)number : 0;
}

node_id_t mk_node_id(void) {
    node_id_t id = number_of(getenv("MK_NODE_ID"));
    if (id != 0) return id;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = mk_node_identity(); *c != '\0'; c++) hash = (hash ^ (uint8_t)*c) * 16777619u;
    return hash != 0 ? hash : 1;
}
