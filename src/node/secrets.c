/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c -- the text of a secret file, and what roles are worth. */
#include "node/secrets.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "net/crypto.h"
#include "runtime/remote.h"

/* ---- roles ------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    uint32_t    may;
} roles[] = {
    [NODE_ROLE_NONE] = {"none", 0},
    [NODE_ROLE_OBSERVER] = {"observer", MK_MAY_LOOKUP},
    [NODE_ROLE_MEMBER] = {"member", MK_MAY_LOOKUP | MK_MAY_SEND},
    [NODE_ROLE_OPERATOR] = {"operator",
                            MK_MAY_LOOKUP | MK_MAY_SEND | MK_MAY_SEND_ANY | MK_MAY_STOP | MK_MAY_SPAWN | MK_MAY_RELOAD},
};

enum { ROLES = sizeof roles / sizeof roles[0] };

static bool role_of(const char *text, size_t size, node_role_t *out) {
    for (size_t i = 0; i < ROLES; i++)
        if (strlen(roles[i].text) == size && memcmp(roles[i].text, text, size) == 0) {
            *out = (node_role_t)i;
            return true;
        }
    return false;
}

const char *node_role_text(node_role_t role) { return (size_t)role < ROLES ? roles[role].text : "none"; }

bool node_role_parse(const char *text, node_role_t *out) { return role_of(text, strlen(text), out); }

uint32_t mk_role_may(node_role_t role) { return (size_t)role < ROLES ? roles[role].may : 0; }

/* ---- the file ---------------------------------------------------------------------------------------------------------- */

static int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool key_of(const char *text, size_t size, uint8_t out[MK_SECRET_BYTES]) {
    if (size != 2 * MK_SECRET_BYTES) return false;
    for (size_t i = 0; i < MK_SECRET_BYTES; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void mk_secret_name(mk_secret_t *secret) {
    static const char label[] = "microkernel secret id";
    uint8_t           digest[MK_SHA256_BYTES];
    mk_sha256_t       sha;
    mk_sha256_init(&sha);
    mk_sha256_update(&sha, label, sizeof label); /* with its NUL */
    mk_sha256_update(&sha, secret->key, sizeof secret->key);
    mk_sha256_final(&sha, digest);
    memcpy(secret->id, digest, sizeof secret->id);
    mk_wipe(&sha, sizeof sha);
    mk_wipe(digest, sizeof digest);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next word of a line that ends at `end`; its size, 0 at the end. */
static size_t word_at(const char **at, const char *end) {
    while (*at < end && is_blank(**at)) (*at)++;
    const char *word = *at;
    while (word < end && !is_blank(*word)) word++;
    return (size_t)(word - *at);
}

/* What is wrong with a line; NULL: nothing, and *out is what it says, unless it says nothing (`none`). */
static const char *read_line(const char *at, const char *end, mk_secret_t *out, bool *none) {
    size_t size = word_at(&at, end);
    *none = size == 0 || *at == '#';
    if (*none) return NULL;
    if (!role_of(at, size, &out->role) || out->role == NODE_ROLE_NONE)
        return "it begins with no role (observer, member, operator)";
    at += size;
    size = word_at(&at, end);
    if (!key_of(at, size, out->key)) return "a secret is 64 hexadecimal digits";
    at += size;
    if (word_at(&at, end) != 0) return "something follows the secret";
    mk_secret_name(out);
    return NULL;
}

static const char *add(const mk_secret_t *secret, mk_secret_t *out, size_t *n) {
    if (*n == MK_SECRETS_MAX) return "there are more than 8 secrets";
    for (size_t i = 0; i < *n; i++)
        if (memcmp(out[i].id, secret->id, sizeof secret->id) == 0) return "this secret has been there before";
    out[(*n)++] = *secret;
    return NULL;
}

mk_err_t mk_secrets_parse(const char *text, size_t size, mk_secret_t out[MK_SECRETS_MAX], size_t *n,
                          char why[MK_SECRETS_WHY_BYTES]) {
    const char *end = text + size, *wrong = NULL;
    unsigned    line = 0;
    mk_secret_t secret;
    *n = 0;
    while (text < end && wrong == NULL) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        bool        none;
        if (stop == NULL) stop = end;
        line++;
        wrong = read_line(text, stop, &secret, &none);
        if (wrong == NULL && !none) wrong = add(&secret, out, n);
        text = stop < end ? stop + 1 : end;
    }
    mk_wipe(&secret, sizeof secret);
    if (wrong != NULL) snprintf(why, MK_SECRETS_WHY_BYTES, "line %u: %s", line, wrong);
    else if (*n == 0) snprintf(why, MK_SECRETS_WHY_BYTES, "there is no secret in it");
    if (wrong == NULL && *n != 0) return MK_OK;
    mk_wipe(out, MK_SECRETS_MAX * sizeof *out);
    *n = 0;
    return MK_ERR_FORMAT;
}
