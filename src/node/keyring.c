/* SPDX-License-Identifier: Apache-2.0 */
/* keyring.c -- files become TLS contexts and secrets. TLS never sees a secret itself but a key made from it, so that what one use
 * of it might give away is worth nothing in another. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/mem.h"
#include "net/crypto.h"
#include "node/secrets.h"
#include "port/port.h"

enum {
    FILE_BYTES_MAX = 256 * 1024,         /* a chain of certificates is some KiB */
    NAME_BYTES = 2 * MK_SECRET_ID_BYTES, /* of a pre-shared key: the id in hexadecimal */
    STRANGER_BYTES = MK_SECRET_BYTES,
};

_Static_assert((int)NODE_SECRETS_MAX == (int)MK_SECRETS_MAX && (int)NODE_SECRET_ID_BYTES == NAME_BYTES + 1,
               "what the public header says");

struct mk_keyring {
    uint32_t               refs;
    const mk_tls_engine_t *engine;
    mk_tls_context_t      *server, *client;
    mk_secret_t            secrets[MK_SECRETS_MAX];
    size_t                 secrets_n;
    uint8_t                psk[MK_SECRETS_MAX][MK_SECRET_BYTES];
    char                   names[MK_SECRETS_MAX][NAME_BYTES + 1];
    uint8_t                strangers[STRANGER_BYTES]; /* random: makes the keys of secrets that we do not have */
};

/* ---- files ------------------------------------------------------------------------------------------------------------- */

typedef struct files {
    mk_buffer_t secret, certificate, key, authority;
} files_t;

static void forget(mk_buffer_t *buffer) {
    mk_wipe(buffer->bytes, buffer->capacity);
    mk_buffer_free(buffer);
}

static mk_err_t refuse(mk_err_t err, char *why, const char *path, const char *text) {
    snprintf(why, MK_SECRETS_WHY_BYTES, "%.110s: %.80s", path, text);
    return err;
}

static mk_err_t read_open(int file, const mk_file_info_t *info, const char *path, bool secret, mk_buffer_t *out,
                          char *why) {
    if (info->folder) return refuse(MK_ERR_IO, why, path, "it is a folder");
    if (secret && info->shared)
        return refuse(MK_ERR_DENIED, why, path, "others than its owner may read or change it; chmod 600");
    if (info->bytes > FILE_BYTES_MAX) return refuse(MK_ERR_FORMAT, why, path, "it is too long");
    size_t size = (size_t)info->bytes;
    if (mk_buffer_reserve(out, size + 1) == NULL) return refuse(MK_ERR_NOMEM, why, path, mk_err_text(MK_ERR_NOMEM));
    ptrdiff_t n = mk_file_read(file, 0, out->bytes, size);
    if (n < 0) return refuse(MK_ERR_IO, why, path, "it cannot be read");
    out->size = (size_t)n;
    return MK_OK;
}

/* Nothing is read before its mode was looked at, of the file that is open. */
static mk_err_t read_file(const char *path, bool secret, mk_buffer_t *out, char *why) {
    mk_file_info_t info;
    int            file = -1;
    if (path == NULL) return MK_OK;
    mk_err_t err = mk_file_open(NULL, path, &file, &info);
    if (err != MK_OK) return refuse(err, why, path, mk_err_text(err));
    err = read_open(file, &info, path, secret, out, why);
    mk_file_close(file);
    return err;
}

static void text_of_id(const mk_secret_t *secret, char out[NAME_BYTES + 1]) {
    for (size_t i = 0; i < MK_SECRET_ID_BYTES; i++) snprintf(out + 2 * i, 3, "%02x", secret->id[i]);
}

mk_err_t node_secret_list(const char *file, node_secret_info_t *buf, size_t max, size_t *n, char *why,
                          size_t why_size) {
    mk_buffer_t bytes = {0};
    mk_secret_t secrets[MK_SECRETS_MAX];
    char        text[MK_SECRETS_WHY_BYTES] = "", line[MK_SECRETS_WHY_BYTES];
    *n = 0;
    mk_err_t err = read_file(file, true, &bytes, text);
    if (err == MK_OK && (err = mk_secrets_parse((const char *)bytes.bytes, bytes.size, secrets, n, line)) != MK_OK)
        err = refuse(err, text, file, line);
    for (size_t i = 0; i < *n && i < max; i++) {
        text_of_id(&secrets[i], buf[i].id);
        buf[i].role = secrets[i].role;
    }
    forget(&bytes);
    mk_wipe(secrets, sizeof secrets);
    snprintf(why, why_size, "%s", text);
    return err;
}

/* ---- pre-shared keys ----------------------------------------------------------------------------------------------------- */

static const mk_secret_t *secret_named(const mk_keyring_t *keys, const char *name) {
    for (size_t i = 0; i < keys->secrets_n; i++)
        if (strcmp(keys->names[i], name) == 0) return &keys->secrets[i];
    return NULL;
}

/* Who shows a secret that we do not have is treated as one who shows ours and does not know it: with a key nobody knows. So what
 * it is answered does not tell which secrets there are. Names that are not of our form are somebody's tickets. */
static size_t find_psk(void *arg, const char *name, uint8_t key[MK_TLS_PSK_BYTES_MAX]) {
    static const char   info[] = "microkernel 1 stranger";
    const mk_keyring_t *keys = arg;
    const mk_secret_t  *secret = secret_named(keys, name);
    if (strlen(name) != NAME_BYTES || strspn(name, "0123456789abcdef") != NAME_BYTES) return 0;
    if (secret != NULL) memcpy(key, keys->psk[secret - keys->secrets], MK_SECRET_BYTES);
    else if (mk_crypto()->hkdf(keys->strangers, STRANGER_BYTES, name, NAME_BYTES, info, sizeof info - 1, key,
                               MK_SECRET_BYTES) != MK_OK)
        return 0;
    return MK_SECRET_BYTES;
}

static mk_err_t secrets_setup(mk_keyring_t *keys, const files_t *files, const char *path, char *why) {
    static const char info[] = "microkernel 1 tls psk";
    char              text[MK_SECRETS_WHY_BYTES];
    if (path == NULL) return MK_OK;
    if (mk_crypto() == NULL) return refuse(MK_ERR_NOSYS, why, path, "this build has no TLS library");
    mk_err_t err =
        mk_secrets_parse((const char *)files->secret.bytes, files->secret.size, keys->secrets, &keys->secrets_n, text);
    if (err != MK_OK) return refuse(err, why, path, text);
    for (size_t i = 0; i < keys->secrets_n; i++) {
        const mk_secret_t *secret = &keys->secrets[i];
        for (size_t at = 0; at < MK_SECRET_ID_BYTES; at++) snprintf(keys->names[i] + 2 * at, 3, "%02x", secret->id[at]);
        err = mk_crypto()->hkdf(secret->key, MK_SECRET_BYTES, NULL, 0, info, sizeof info - 1, keys->psk[i],
                                MK_SECRET_BYTES);
        if (err == MK_OK) err = mk_port_entropy(keys->strangers, sizeof keys->strangers);
        if (err != MK_OK) return refuse(err, why, path, mk_err_text(err));
    }
    return MK_OK;
}

/* ---- TLS --------------------------------------------------------------------------------------------------------------------- */

static mk_slice_t slice_of(const mk_buffer_t *buffer) { return (mk_slice_t){buffer->bytes, buffer->size}; }

/* With a secret we call with it, also when there are certificates: those who have no certificate yet can be called. Who listens
 * takes either. */
static mk_err_t contexts_setup(mk_keyring_t *keys, const mk_tls_engine_t *engine, const files_t *files, char *text) {
    bool            certified = files->certificate.size != 0, secret = keys->secrets_n != 0;
    mk_tls_config_t server = {.server = true, .no_resumption = true};
    mk_tls_config_t client = {.no_resumption = true};
    if (certified) {
        server.certificate = slice_of(&files->certificate);
        server.key = slice_of(&files->key);
        server.authorities = slice_of(&files->authority);
        server.verify = MK_TLS_VERIFY_REQUIRED;
        server.only_13 = true;
    }
    if (secret) {
        server.psk_find = find_psk;
        server.psk_arg = keys;
        client.psk_name = keys->names[0];
        client.psk = (mk_slice_t){keys->psk[0], MK_SECRET_BYTES};
    } else {
        client = server;
        client.server = false;
        client.any_host = true; /* nodes are known by whose certificate they have, not by where they are */
    }
    keys->engine = engine;
    mk_err_t err = engine->context_create(&server, &keys->server, text);
    if (err != MK_OK) return err;
    err = engine->context_create(&client, &keys->client, text);
    if (err == MK_OK) return MK_OK;
    engine->context_release(keys->server);
    keys->server = NULL;
    return err;
}

/* The first engine that can do what is asked for: not all have TLS 1.3. */
static mk_err_t tls_setup(mk_keyring_t *keys, const mk_tls_engine_t *wanted, const files_t *files, char *why) {
    char     text[MK_TLS_WHY_BYTES] = "this build has no TLS library";
    mk_err_t err = MK_ERR_NOSYS;
    for (size_t i = 0; err == MK_ERR_NOSYS && mk_tls_engines[i] != NULL; i++)
        if (wanted == NULL || wanted == mk_tls_engines[i]) err = contexts_setup(keys, mk_tls_engines[i], files, text);
    if (err == MK_ERR_INVALID) err = MK_ERR_FORMAT; /* a key that is not the certificate's */
    if (err != MK_OK) snprintf(why, MK_SECRETS_WHY_BYTES, "%s", text);
    return err;
}

/* ---- creating ------------------------------------------------------------------------------------------------------------ */

static mk_err_t read_files(files_t *files, const char *secret_file, const char *certificate_file, const char *key_file,
                           const char *authority_file, char *why) {
    bool any = certificate_file != NULL || key_file != NULL || authority_file != NULL;
    bool all = certificate_file != NULL && key_file != NULL && authority_file != NULL;
    if (any && !all) {
        snprintf(why, MK_SECRETS_WHY_BYTES, "a certificate, its key and the authority that made it go together");
        return MK_ERR_INVALID;
    }
    if (!any && secret_file == NULL) {
        snprintf(why, MK_SECRETS_WHY_BYTES, "there is neither a secret nor a certificate");
        return MK_ERR_INVALID;
    }
    mk_err_t err = read_file(secret_file, true, &files->secret, why);
    if (err == MK_OK) err = read_file(certificate_file, false, &files->certificate, why);
    if (err == MK_OK) err = read_file(key_file, true, &files->key, why);
    if (err == MK_OK) err = read_file(authority_file, false, &files->authority, why);
    const mk_buffer_t *certified[] = {&files->certificate, &files->key, &files->authority};
    for (size_t i = 0; any && err == MK_OK && i < 3; i++)
        if (certified[i]->size == 0) {
            snprintf(why, MK_SECRETS_WHY_BYTES, "the file of the certificate, key or authority is empty");
            err = MK_ERR_FORMAT;
        }
    return err;
}

mk_err_t mk_keyring_load(const char *secret_file, const char *certificate_file, const char *key_file,
                         const char *authority_file, mk_keyring_t **out, char why[MK_SECRETS_WHY_BYTES]) {
    return mk_keyring_load_on(NULL, secret_file, certificate_file, key_file, authority_file, out, why);
}

mk_err_t mk_keyring_load_on(const mk_tls_engine_t *engine, const char *secret_file, const char *certificate_file,
                            const char *key_file, const char *authority_file, mk_keyring_t **out,
                            char why[MK_SECRETS_WHY_BYTES]) {
    files_t       files = {0};
    mk_keyring_t *keys = mk_calloc(1, sizeof *keys);
    mk_err_t      err = MK_ERR_NOMEM;
    snprintf(why, MK_SECRETS_WHY_BYTES, "%s", mk_err_text(err));
    if (keys == NULL) return err;
    keys->refs = 1;
    err = read_files(&files, secret_file, certificate_file, key_file, authority_file, why);
    if (err == MK_OK) err = secrets_setup(keys, &files, secret_file, why);
    if (err == MK_OK) err = tls_setup(keys, engine, &files, why);
    forget(&files.secret);
    forget(&files.key);
    mk_buffer_free(&files.certificate);
    mk_buffer_free(&files.authority);
    if (err == MK_OK) *out = keys;
    else mk_keyring_release(keys);
    return err;
}

mk_keyring_t *mk_keyring_retain(mk_keyring_t *keys) {
    keys->refs++;
    return keys;
}

/* A session under way may outlive the last link that holds the keyring by nothing: streams are closed before. */
void mk_keyring_release(mk_keyring_t *keys) {
    if (keys == NULL || --keys->refs != 0) return;
    if (keys->server != NULL) keys->engine->context_release(keys->server);
    if (keys->client != NULL) keys->engine->context_release(keys->client);
    mk_wipe(keys, sizeof *keys);
    mk_free(keys);
}

const mk_tls_engine_t *mk_keyring_engine(const mk_keyring_t *keys) { return keys->engine; }
mk_tls_context_t      *mk_keyring_server(const mk_keyring_t *keys) { return keys->server; }
mk_tls_context_t      *mk_keyring_client(const mk_keyring_t *keys) { return keys->client; }

const mk_secret_t *mk_keyring_secret(const mk_keyring_t *keys, const uint8_t *id) {
    if (id == NULL) return keys->secrets_n != 0 ? &keys->secrets[0] : NULL;
    for (size_t i = 0; i < keys->secrets_n; i++)
        if (memcmp(keys->secrets[i].id, id, MK_SECRET_ID_BYTES) == 0) return &keys->secrets[i];
    return NULL;
}

/* ---- judging ----------------------------------------------------------------------------------------------------------------- */

static bool is_plain(const char *text, size_t size) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return size != 0 && strspn(text, letters) >= size;
}

/* One `name = value` of a subject, up to the comma; NULL: it is none, or has letters that identities do not have. Both libraries
 * escape what is special, so a value cannot pass for two. */
static const char *value_of(const char *part, size_t size, const char *kind, size_t *value_size) {
    size_t skip = strlen(kind);
    if (size <= skip || memcmp(part, kind, skip) != 0) return NULL;
    *value_size = size - skip;
    return is_plain(part + skip, *value_size) ? part + skip : NULL;
}

/* "CN=identity, OU=role" in either order and nothing else. */
static uint32_t judge_subject(const char *subject, char proved[32]) {
    node_role_t role = NODE_ROLE_NONE;
    bool        named = false, ranked = false;
    char        text[16];
    for (;;) {
        size_t      size = strcspn(subject, ","), n = 0;
        const char *name = value_of(subject, size, "CN=", &n), *unit = NULL;
        if (name != NULL) {
            if (named || n > 31) return 0;
            named = true;
            memcpy(proved, name, n);
            proved[n] = '\0';
        } else {
            unit = value_of(subject, size, "OU=", &n);
            if (unit == NULL || ranked || n >= sizeof text) return 0;
            ranked = true;
            memcpy(text, unit, n);
            text[n] = '\0';
            if (!node_role_parse(text, &role)) return 0;
        }
        subject += size;
        if (*subject == '\0') break;
        subject += 1 + strspn(subject + 1, " ");
    }
    return named ? mk_role_may(role) : 0;
}

uint32_t mk_keyring_judge(const mk_keyring_t *keys, const mk_tls_info_t *info, char proved[32]) {
    uint32_t may = 0;
    if (info->psk_name[0] != '\0') {
        const mk_secret_t *secret = secret_named(keys, info->psk_name);
        proved[0] = '\0';
        return secret != NULL ? mk_role_may(secret->role) : 0;
    }
    if (info->peer_subject[0] != '\0') may = judge_subject(info->peer_subject, proved);
    if (may == 0) proved[0] = '\0';
    return may;
}
