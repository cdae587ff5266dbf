/* SPDX-License-Identifier: Apache-2.0 */
/* bio.c -- OpenSSL reads and writes through a session's mk_tls_io_t. */
#include "net/openssl/openssl.h"

static int io_read(BIO *bio, char *buf, int size) {
    mk_tls_session_t *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ptrdiff_t n = session->io.read(session->io.arg, buf, (size_t)size);
    if (n > 0) return (int)n;
    if (n == MK_IO_WAIT) BIO_set_retry_read(bio);
    else if (n == 0) session->ended = true;
    else session->lost = true;
    return n == 0 ? 0 : -1;
}

static int io_write(BIO *bio, const char *data, int size) {
    mk_tls_session_t *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ptrdiff_t n = session->io.write(session->io.arg, data, (size_t)size);
    if (n > 0) return (int)n;
    if (n == MK_IO_WAIT) BIO_set_retry_write(bio);
    else session->lost = true;
    return -1;
}

/* What is written is on its way, so there is nothing to flush; the end is how OpenSSL tells a cut from a failure. */
static long io_control(BIO *bio, int command, long number, void *pointer) {
    (void)number, (void)pointer;
    const mk_tls_session_t *session = BIO_get_data(bio);
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return session->ended;
    return 0;
}

BIO_METHOD *mk_openssl_io_create(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "microkernel");
    if (method == NULL) return NULL;
    if (BIO_meth_set_read(method, io_read) == 1 && BIO_meth_set_write(method, io_write) == 1 &&
        BIO_meth_set_ctrl(method, io_control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

BIO *mk_openssl_io_open(mk_tls_session_t *session) {
    BIO *bio = BIO_new(session->context->io);
    if (bio == NULL) return NULL;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    return bio;
}
