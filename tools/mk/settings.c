/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "microkernel/services.h"

enum { DATA_MIB = 1024 };

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

/* They mean something else behind /node/: namespace.h. */
static bool is_reserved(const char *name) {
    static const char *const words[] = {"local", "cloudflare", "storage", "queue", "ai"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(name, words[i]) == 0) return true;
    }
    return false;
}

bool mk_settings_name_ok(const char *name) {
    size_t size = strlen(name), letters = 0;
    for (size_t i = 0; i < size; i++) {
        if (!is_name_char(name[i])) return false;
        letters += name[i] != '-' && name[i] != '_' && name[i] != '.';
    }
    return letters > 0 && size <= MK_NODE_NAME_BYTES_MAX && !is_reserved(name);
}

bool mk_settings_number(const char *text, uint32_t min, uint32_t max, uint32_t *out) {
    uint64_t value = 0;
    if (text[0] == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > max) return false;
    }
    *out = (uint32_t)value;
    return value >= min;
}

/* The host's name up to its first dot, as far as it can be a node's; "node" when nothing of it can. */
static const char *host_name(void) {
    static char name[256];
    size_t      size = 0;
    if (gethostname(name, sizeof name - 1) != 0) name[0] = '\0';
    while (size < MK_NODE_NAME_BYTES_MAX && name[size] != '.' && is_name_char(name[size])) size++;
    name[size] = '\0';
    return mk_settings_name_ok(name) ? name : "node";
}

const char *mk_settings_init(mk_settings_t *settings) {
    const char *name = getenv("MK_NODE_NAME"), *id = getenv("MK_NODE_ID"), *engine = getenv("MK_ENGINE"),
               *secret = getenv("MK_SECRET_FILE");
    memset(settings, 0, sizeof *settings);
    settings->name = host_name();
    settings->log_level = MK_LOG_INFO;
    settings->data_mib = DATA_MIB;
    if (secret != NULL && secret[0] != '\0') settings->secret_file = secret;
    if (engine != NULL && engine[0] != '\0') settings->engine = engine;
    if (name != NULL && name[0] != '\0') {
        if (!mk_settings_name_ok(name)) return "MK_NODE_NAME";
        settings->name = name;
    }
    if (id != NULL && id[0] != '\0' && !mk_settings_number(id, 1, UINT32_MAX, &settings->node_id)) return "MK_NODE_ID";
    return NULL;
}
