/* SPDX-License-Identifier: Apache-2.0 */
/* trust.c -- whose certificates are good: the authorities, and the names a certificate must carry. */
#include "net/mbedtls/mbedtls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* One that is cut off ends the parser's reading without an error. */
static int count_lost(const mbedtls_x509_crt *read, const char *text) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    int               n = 0;
    while ((text = strstr(text, begin)) != NULL) n++, text += sizeof(begin) - 1;
    for (; read != NULL && read->version != 0; read = read->next) n--;
    return n > 0 ? n : 0;
}

int mk_mbedtls_read_certificates(mbedtls_x509_crt *out, mk_slice_t pem) {
    char *text = mk_strndup(pem.data, pem.size); /* the parser wants a NUL, and counts it */
    if (text == NULL) return MBEDTLS_ERR_X509_ALLOC_FAILED;
    int result = mbedtls_x509_crt_parse(out, (const uint8_t *)text, pem.size + 1);
    if (result == 0) result = count_lost(out, text);
    mk_free(text);
    return result;
}

/* ---- the system's store ----------------------------------------------------------------------------------------------- */

/* A distribution's bundle is some 200 KiB. */
enum { STORE_BYTES_MAX = 4 << 20 };

/* One that is not understood among many is no reason to trust nobody. */
static mk_err_t read_store(mbedtls_x509_crt *out, const char *path) {
    uint8_t *text = NULL;
    size_t   size = 0;
    mk_err_t err = mk_port_read_file(NULL, path, STORE_BYTES_MAX, &text, &size);
    if (err != MK_OK) return err;
    int result = mk_mbedtls_read_certificates(out, (mk_slice_t){text, size});
    mk_free(text);
    if (result == MBEDTLS_ERR_X509_ALLOC_FAILED) return MK_ERR_NOMEM;
    return out->version != 0 ? MK_OK : MK_ERR_FORMAT;
}

/* mbedTLS knows no store. These are where distributions keep theirs; the variable is the one OpenSSL asks for too. */
static mk_err_t read_system(mbedtls_x509_crt *out, char why[MK_TLS_WHY_BYTES]) {
    static const char *const paths[] = {
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Alpine */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora               */
        "/etc/ssl/ca-bundle.pem",                            /* SUSE                 */
        "/etc/ssl/cert.pem",                                 /* OpenBSD, macOS       */
    };
    const char *chosen = getenv("SSL_CERT_FILE");
    mk_err_t    err = MK_ERR_NOTFOUND;
    if (chosen != NULL) err = read_store(out, chosen);
    for (size_t i = 0; chosen == NULL && err != MK_OK && err != MK_ERR_NOMEM && i < sizeof(paths) / sizeof(paths[0]);
         i++)
        err = read_store(out, paths[i]);
    if (err == MK_OK) return MK_OK;
    if (err == MK_ERR_NOMEM) return mk_tls_refuse(err, why, mk_tls_text_no_memory);
    return mk_tls_refuse(err, why, "the system's certificates are not to be found");
}

mk_err_t mk_mbedtls_trust(mk_tls_context_t *context, mk_slice_t authorities, char why[MK_TLS_WHY_BYTES]) {
    if (authorities.size == 0) return read_system(&context->authorities, why);
    int result = mk_mbedtls_read_certificates(&context->authorities, authorities);
    if (result == 0) return MK_OK;
    if (result == MBEDTLS_ERR_X509_ALLOC_FAILED) return mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
    return mk_tls_refuse(MK_ERR_FORMAT, why, "the authorities' certificates cannot be read");
}

/* ---- names (RFC 6125, RFC 9525) --------------------------------------------------------------------------------------- */

/* GeneralName's choices, RFC 5280 section 4.2.1.6. */
enum { NAME_DNS = 2, NAME_IP = 7 };

/* A wildcard is the whole first label, stands for one label, and never for all of a top-level domain. */
static bool name_matches(const char *pattern, size_t size, const char *host) {
    if (size == strlen(host) && strncasecmp(pattern, host, size) == 0) return true;
    const char *rest = strchr(host, '.');
    if (size < 3 || pattern[0] != '*' || pattern[1] != '.' || rest == NULL || rest == host) return false;
    if (memchr(pattern + 2, '.', size - 2) == NULL) return false;
    return strlen(rest) == size - 1 && strncasecmp(pattern + 1, rest, size - 1) == 0;
}

static bool is_for(const mbedtls_x509_crt *certificate, const mk_tls_target_t *target) {
    for (const mbedtls_x509_sequence *each = &certificate->subject_alt_names; each != NULL; each = each->next) {
        const mbedtls_x509_buf *name = &each->buf;
        if (name->p == NULL) continue;
        int kind = name->tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
        if (target->ip_size != 0) {
            if (kind == NAME_IP && name->len == target->ip_size && memcmp(name->p, target->ip, name->len) == 0)
                return true;
        } else if (kind == NAME_DNS && name_matches((const char *)name->p, name->len, target->host)) {
            return true;
        }
    }
    return false;
}

int mk_mbedtls_check(void *arg, mbedtls_x509_crt *certificate, int depth, uint32_t *faults) {
    mk_tls_session_t *session = arg;
    if (depth == 0) {
        const mbedtls_x509_buf *issuer = &certificate->issuer_raw, *subject = &certificate->subject_raw;
        session->self_signed = issuer->len == subject->len && memcmp(issuer->p, subject->p, issuer->len) == 0;
        if (session->target.host != NULL && !is_for(certificate, &session->target))
            *faults |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    session->faults |= *faults;
    return 0;
}
