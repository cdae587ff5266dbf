/* SPDX-License-Identifier: Apache-2.0 */
/* tls_parts.c -- see tls_parts.h. */
#include "net/tls_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/net.h"

/* ---- configuration -------------------------------------------------------------------------------------------------- */

void mk_tls_say(char why[MK_TLS_WHY_BYTES], const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, MK_TLS_WHY_BYTES, format, args);
    va_end(args);
}

mk_err_t mk_tls_refuse(mk_err_t err, char why[MK_TLS_WHY_BYTES], const char *text) {
    mk_tls_say(why, "%s", text);
    return err;
}

static const char *refusal(const mk_tls_config_t *config) {
    bool has_certificate = config->certificate.size != 0;
    bool asks = config->verify == MK_TLS_VERIFY_OPTIONAL || config->verify == MK_TLS_VERIFY_REQUIRED;
    if (has_certificate != (config->key.size != 0)) return "a certificate and its key go together";
    if (config->server && !has_certificate && config->psk_find == NULL)
        return "a server needs a certificate or pre-shared keys";
    if (config->server && asks && config->authorities.size == 0)
        return "asking clients for certificates needs authorities";
    if (config->any_host && !config->server && config->authorities.size == 0)
        return "trusting a certificate for any host needs authorities";
    if (config->psk_name == NULL) return NULL;
    if (config->server) return "a server finds its pre-shared keys by psk_find";
    if (config->psk_name[0] == '\0' || strlen(config->psk_name) > MK_TLS_PSK_NAME_MAX)
        return "the name of a pre-shared key is 1 to 128 bytes long";
    if (config->psk.size == 0 || config->psk.size > MK_TLS_PSK_BYTES_MAX)
        return "a pre-shared key is 1 to 32 bytes long";
    return NULL;
}

/* The pointers and behind them the names, in one block. */
static mk_err_t copy_alpn(const char *const *from, const char ***out) {
    size_t n = 0, bytes = 0;
    for (; from[n] != NULL; n++) {
        size_t size = strlen(from[n]);
        if (size == 0 || size > 255) return MK_ERR_INVALID; /* RFC 7301 section 3.1: a length is one byte, and not 0 */
        bytes += size + 1;
    }
    if (n == 0) return MK_OK;
    const char **names = mk_alloc((n + 1) * sizeof(*names) + bytes);
    if (names == NULL) return MK_ERR_NOMEM;
    char *text = (char *)(names + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(from[i]) + 1;
        names[i] = memcpy(text, from[i], size);
        text += size;
    }
    names[n] = NULL;
    *out = names;
    return MK_OK;
}

mk_err_t mk_tls_settings_init(mk_tls_settings_t *settings, const mk_tls_config_t *config, char why[MK_TLS_WHY_BYTES]) {
    *settings = (mk_tls_settings_t){
        .server = config->server,
        .verify = config->verify,
        .any_host = config->any_host,
        .psk_find = config->server ? config->psk_find : NULL,
        .psk_arg = config->psk_arg,
    };
    const char *text = refusal(config);
    if (text != NULL) return mk_tls_refuse(MK_ERR_INVALID, why, text);
    if (config->verify == MK_TLS_VERIFY_DEFAULT)
        settings->verify = config->server ? MK_TLS_VERIFY_NONE : MK_TLS_VERIFY_REQUIRED;
    if (!config->server && config->verify == MK_TLS_VERIFY_OPTIONAL) settings->verify = MK_TLS_VERIFY_REQUIRED;
    settings->resumption = !config->no_resumption && config->psk_name == NULL && settings->psk_find == NULL;
    if (config->alpn != NULL) {
        mk_err_t err = copy_alpn(config->alpn, &settings->alpn);
        if (err == MK_ERR_INVALID) return mk_tls_refuse(err, why, "a protocol's name (ALPN) is 1 to 255 bytes long");
        if (err != MK_OK) return mk_tls_refuse(err, why, mk_tls_text_no_memory);
    }
    if (config->psk_name != NULL) {
        settings->psk_name = mk_strndup(config->psk_name, strlen(config->psk_name));
        if (settings->psk_name == NULL) {
            mk_tls_settings_fini(settings);
            return mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
        }
        memcpy(settings->psk, config->psk.data, config->psk.size);
        settings->psk_size = config->psk.size;
    }
    return MK_OK;
}

void mk_tls_settings_fini(mk_tls_settings_t *settings) {
    mk_free(settings->alpn);
    mk_free(settings->psk_name);
    explicit_bzero(settings->psk, sizeof(settings->psk));
    settings->alpn = NULL;
    settings->psk_name = NULL;
}

const char *mk_tls_alpn_find(const mk_tls_settings_t *settings, const uint8_t *name, size_t size) {
    for (const char **each = settings->alpn; each != NULL && *each != NULL; each++)
        if (strlen(*each) == size && memcmp(*each, name, size) == 0) return *each;
    return NULL;
}

/* ---- the other side --------------------------------------------------------------------------------------------------- */

static bool is_host_name(const char *host, size_t size) {
    if (size == 0 || size > 253) return false; /* RFC 1035 section 2.3.4, as text */
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)host[i] <= ' ' || host[i] == 0x7f || host[i] == '/') return false;
    return true;
}

mk_err_t mk_tls_target_init(mk_tls_target_t *target, const mk_tls_settings_t *settings, const char *host,
                            const char *peer) {
    *target = (mk_tls_target_t){0};
    if (host != NULL && host[0] != '\0' && !settings->any_host) {
        size_t size = strlen(host);
        if (host[0] == '[' && host[size - 1] == ']') host++, size -= 2;
        if (size > 0 && host[size - 1] == '.') size--; /* "example.com." is that name; certificates have no dot */
        if (!is_host_name(host, size)) return MK_ERR_INVALID;
        target->host = mk_strndup(host, size);
        if (target->host == NULL) return MK_ERR_NOMEM;
        mk_addr_t addr;
        if (mk_addr_parse(target->host, 0, &addr)) {
            target->ip_size = addr.family == MK_FAMILY_IPV4 ? 4 : 16;
            memcpy(target->ip, addr.ip, target->ip_size);
        }
    }
    if (!settings->server && settings->resumption && peer != NULL) {
        const char *name = target->host != NULL ? target->host : "";
        size_t      size = strlen(peer) + strlen(name) + 2;
        target->key = mk_alloc(size);
        if (target->key == NULL) {
            mk_tls_target_fini(target);
            return MK_ERR_NOMEM;
        }
        snprintf(target->key, size, "%s %s", name, peer); /* a host name has no spaces */
    }
    return MK_OK;
}

void mk_tls_target_fini(mk_tls_target_t *target) {
    mk_free(target->host);
    mk_free(target->key);
    target->host = NULL;
    target->key = NULL;
}

/* ---- texts ---------------------------------------------------------------------------------------------------------------- */

const char mk_tls_text_cut[] = "the connection ended without a close_notify: what came may be cut off";
const char mk_tls_text_shaking[] = "the peer ended the connection during the handshake";
const char mk_tls_text_lost[] = "the connection was lost";
const char mk_tls_text_no_memory[] = "out of memory";
const char mk_tls_text_psk[] = "the peer does not know the pre-shared key";

void mk_tls_fault_say(char why[MK_TLS_WHY_BYTES], mk_tls_fault_t fault, const char *host) {
    static const char *const texts[] = {
        [MK_TLS_FAULT_EXPIRED] = "the certificate has expired",
        [MK_TLS_FAULT_EARLY] = "the certificate is not yet valid",
        [MK_TLS_FAULT_SELF_SIGNED] = "the certificate is self-signed and not trusted",
        [MK_TLS_FAULT_UNTRUSTED] = "the certificate's issuer is not trusted",
        [MK_TLS_FAULT_HOST] = "the certificate is for another host",
        [MK_TLS_FAULT_MISSING] = "the peer showed no certificate",
        [MK_TLS_FAULT_PURPOSE] = "the certificate is not meant for this purpose",
        [MK_TLS_FAULT_WEAK] = "the certificate is too weak",
    };
    if (host == NULL) mk_tls_say(why, "%s", texts[fault]);
    else mk_tls_say(why, "%s (host %.100s)", texts[fault], host);
}

void mk_tls_alert_say(char why[MK_TLS_WHY_BYTES], int alert) {
    static const struct {
        int         alert;
        const char *text;
    } texts[] = {
        {10, "unexpected message"},    {20, "bad record mac"},
        {22, "record overflow"},       {40, "handshake failure"},
        {42, "bad certificate"},       {43, "unsupported certificate"},
        {44, "certificate revoked"},   {45, "certificate expired"},
        {46, "certificate unknown"},   {47, "illegal parameter"},
        {48, "unknown authority"},     {49, "access denied"},
        {50, "decode error"},          {51, "decrypt error"},
        {70, "protocol version"},      {71, "insufficient security"},
        {80, "internal error"},        {86, "inappropriate fallback"},
        {109, "missing extension"},    {110, "unsupported extension"},
        {112, "unrecognized name"},    {115, "unknown pre-shared key"},
        {116, "certificate required"}, {120, "no application protocol in common"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].alert == alert) {
            mk_tls_say(why, "the peer refused: %s", texts[i].text);
            return;
        }
    mk_tls_say(why, "the peer refused: alert %d", alert);
}
