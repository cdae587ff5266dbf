/* SPDX-License-Identifier: Apache-2.0 */
/* cert_openssl.c -- certificates of a cluster: ECDSA over P-256, which boards have in hardware. */
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cert.h"

/* Clocks of a cluster may be apart. */
enum { EARLY_SECONDS = 3600, DAY_SECONDS = 86400, SERIAL_BYTES = 16 };

static bool fail(char why[MK_CERT_WHY_BYTES], const char *what) {
    unsigned long error = ERR_get_error();
    snprintf(why, MK_CERT_WHY_BYTES, "%s%s%s", what, error != 0 ? ": " : "",
             error != 0 ? ERR_reason_error_string(error) : "");
    ERR_clear_error();
    return false;
}

/* ---- pieces ---------------------------------------------------------------------------------------------------------- */

static char *text_of(BIO *bio) {
    char *bytes = NULL, *text = NULL;
    long  size = bio != NULL ? BIO_get_mem_data(bio, &bytes) : 0;
    if (size > 0 && (text = malloc((size_t)size + 1)) != NULL) {
        memcpy(text, bytes, (size_t)size);
        text[size] = '\0';
    }
    if (size > 0) OPENSSL_cleanse(bytes, (size_t)size);
    BIO_free(bio);
    return text;
}

static bool write_pem(X509 *certificate, EVP_PKEY *key, mk_pem_t *out) {
    BIO *first = BIO_new(BIO_s_mem()), *second = BIO_new(BIO_s_mem());
    bool done = first != NULL && second != NULL && PEM_write_bio_X509(first, certificate) == 1 &&
                PEM_write_bio_PrivateKey(second, key, NULL, NULL, 0, NULL, NULL) == 1;
    out->certificate = text_of(first);
    out->key = text_of(second);
    return done && out->certificate != NULL && out->key != NULL;
}

static bool set_serial(X509 *certificate) {
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and always of the same length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool    done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

static bool add_name(X509_NAME *name, const char *kind, const char *value) {
    return X509_NAME_add_entry_by_txt(name, kind, MBSTRING_ASC, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool add_extension(X509 *certificate, X509 *issuer, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    bool            done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

/* Version 3, a serial number, from an hour ago for so many days. */
static bool begin(X509 *certificate, EVP_PKEY *key, uint32_t days) {
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -EARLY_SECONDS) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL) != NULL &&
           X509_set_pubkey(certificate, key) == 1;
}

/* ---- an authority ------------------------------------------------------------------------------------------------------ */

/* Its name tells it from others of the same kind and says nothing of the cluster: it is shown to who calls. */
static bool make_authority(X509 *certificate, EVP_PKEY *key, uint32_t days) {
    unsigned char mark[4];
    char          name[64];
    X509_NAME    *subject = X509_get_subject_name(certificate);
    if (RAND_bytes(mark, sizeof mark) != 1) return false;
    snprintf(name, sizeof name, "cluster authority %02x%02x%02x%02x", mark[0], mark[1], mark[2], mark[3]);
    return begin(certificate, key, days) && add_name(subject, "CN", name) &&
           X509_set_issuer_name(certificate, subject) == 1 &&
           add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

bool mk_cert_authority(uint32_t days, mk_pem_t *out, char why[MK_CERT_WHY_BYTES]) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509     *certificate = X509_new();
    bool      done = key != NULL && certificate != NULL && make_authority(certificate, key, days) &&
                write_pem(certificate, key, out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return done || fail(why, "the certificate cannot be made");
}

/* ---- a node -------------------------------------------------------------------------------------------------------------- */

static int no_password(char *buf, int size, int writing, void *arg) {
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

typedef struct authority {
    X509     *certificate;
    EVP_PKEY *key;
} authority_t;

static bool read_authority(const mk_pem_t *pem, authority_t *out, char *why) {
    BIO *first = BIO_new_mem_buf(pem->certificate, -1), *second = BIO_new_mem_buf(pem->key, -1);
    if (first != NULL) out->certificate = PEM_read_bio_X509(first, NULL, no_password, NULL);
    if (second != NULL) out->key = PEM_read_bio_PrivateKey(second, NULL, no_password, NULL);
    BIO_free(first);
    BIO_free(second);
    if (out->certificate == NULL) return fail(why, "the authority's certificate cannot be read");
    if (out->key == NULL) return fail(why, "the authority's key cannot be read");
    if (X509_check_private_key(out->certificate, out->key) != 1 || X509_check_ca(out->certificate) != 1)
        return fail(why, "this is not an authority and its key");
    if (X509_cmp_current_time(X509_get0_notAfter(out->certificate)) < 0)
        return fail(why, "the authority's certificate has expired");
    return true;
}

static bool make_node(X509 *certificate, EVP_PKEY *key, const authority_t *by, const char *name, const char *role,
                      uint32_t days) {
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (!begin(certificate, key, days)) return false;
    if (ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(by->certificate)) > 0 &&
        X509_set1_notAfter(certificate, X509_get0_notAfter(by->certificate)) != 1)
        return false;
    return add_name(subject, "CN", name) && add_name(subject, "OU", role) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(by->certificate)) == 1 &&
           add_extension(certificate, by->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, by->certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, by->certificate, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(certificate, by->certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, by->certificate, NID_authority_key_identifier, "keyid:always") &&
           X509_sign(certificate, by->key, EVP_sha256()) > 0;
}

bool mk_cert_node(const mk_pem_t *authority, const char *name, const char *role, uint32_t days, mk_pem_t *out,
                  char why[MK_CERT_WHY_BYTES]) {
    authority_t by = {0};
    bool        done = read_authority(authority, &by, why);
    if (done) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509     *certificate = X509_new();
        done = key != NULL && certificate != NULL && make_node(certificate, key, &by, name, role, days) &&
               write_pem(certificate, key, out);
        if (!done) fail(why, "the certificate cannot be made");
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    X509_free(by.certificate);
    EVP_PKEY_free(by.key);
    return done;
}
