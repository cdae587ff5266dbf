/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "node/discover.h"

static bool is_identity_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

bool mk_discover_identity_ok(const char *text) {
    size_t size = 0;
    for (; text[size] != '\0'; size++) {
        if (!is_identity_char(text[size])) return false;
    }
    return size > 0 && size < MK_IDENTITY_BYTES;
}

/* The value behind `key=`, keys being the same in either case; NULL: another key. */
static const uint8_t *value_of(const char *key, const uint8_t *text, size_t size) {
    size_t length = strlen(key);
    if (size <= length || text[length] != '=') return NULL;
    for (size_t i = 0; i < length; i++) {
        if ((text[i] | 0x20) != key[i]) return NULL; /* ours are lower-case letters */
    }
    return text + length + 1;
}

static void take_id(discovery_payload_t *node, const uint8_t *at, size_t size) {
    uint64_t id = 0;
    for (size_t i = 0; i < size; i++) {
        if (at[i] < '0' || at[i] > '9' || (id = id * 10 + (uint64_t)(at[i] - '0')) > UINT32_MAX) return;
    }
    node->node = (node_id_t)id;
}

static void take_version(discovery_payload_t *node, const uint8_t *at, size_t size) {
    if (size >= sizeof node->version) return;
    for (size_t i = 0; i < size; i++) {
        if (!is_identity_char((char)at[i]) && at[i] != '+') return;
    }
    memcpy(node->version, at, size);
    node->version[size] = '\0';
}

void mk_discover_take_txt(discovery_payload_t *node, const uint8_t *text, size_t size) {
    const uint8_t *end = text + size, *at;
    if ((at = value_of("id", text, size)) != NULL) take_id(node, at, (size_t)(end - at));
    if ((at = value_of("version", text, size)) != NULL) take_version(node, at, (size_t)(end - at));
}
