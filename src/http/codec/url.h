/* SPDX-License-Identifier: Apache-2.0 */
/* url.h -- the addresses a client is given (RFC 3986, schemes http, https, ws and wss): taken apart, normalised, and references
 * resolved against them. */
#ifndef MK_HTTP_CODEC_URL_H
#define MK_HTTP_CODEC_URL_H

#include "base/buffer.h"
#include "http/codec/fields.h"

typedef enum mk_url_scheme { MK_URL_HTTP, MK_URL_HTTPS, MK_URL_WS, MK_URL_WSS } mk_url_scheme_t;

/* One block of the heap holds all texts; each ends with a NUL. Fill by mk_url_parse() or mk_url_resolve(), empty by
 * mk_url_fini(); not to be copied by assignment and then emptied twice. */
typedef struct mk_url {
    char           *block;
    mk_url_scheme_t scheme;
    bool            secure;    /* https, wss                                                                       */
    bool            digits;    /* the host is an IPv4 or IPv6 address                                              */
    uint16_t        port;      /* the scheme's when none is given; never 0                                         */
    const char     *host;      /* a name in lower case or an address; IPv6 without brackets: for the resolver, TLS */
    const char     *authority; /* as a Host field has it: brackets around IPv6, the port unless it is the scheme's */
    const char     *target;    /* path and query, as a request line has them; begins with '/'; never empty         */
    const char     *user;      /* name and password, percent-decoded, as Basic credentials have them ("name:pass",   */
    size_t          user_size; /*   "name:"); NULL: none. No control characters                                    */
} mk_url_t;

/* An address longer than this is refused: what servers are bound to take, and some. */
enum { MK_URL_BYTES_MAX = 8192 };

/* Reads an absolute one. Normalised as section 6.2.2 allows: scheme and host in lower case, dot segments removed,
 * percent-encoding in upper case and only where needed, bytes from 0x80 up encoded (RFC 3987 section 3.1). The fragment is
 * dropped. Characters that may not stand in a path or query, such as '|', are encoded. MK_ERR_INVALID: not one, no or another
 * scheme, no host or one that is no name and no address, port 0 or above 65535, control characters, spaces, backslashes (which
 * some read as slashes), a '%' without two hex digits. MK_ERR_TOOLONG, MK_ERR_NOMEM. On failure *out is empty (mk_url_fini()
 * is harmless). */
MK_MUST_CHECK mk_err_t mk_url_parse(const char *text, size_t size, mk_url_t *out);

/* Reads one that may be relative (a Location field), as section 5.2 says. An empty reference is the base without its fragment.
 * The user of the base goes along when the reference names no host. `out` is not `base`. */
MK_MUST_CHECK mk_err_t mk_url_resolve(const mk_url_t *base, const char *text, size_t size, mk_url_t *out);

void mk_url_fini(mk_url_t *url);

const char *mk_url_scheme_text(mk_url_scheme_t scheme); /* "http" */

/* Appends "scheme://authority/path?query": for the absolute form of a request to a proxy, and for people. Never the user.
 * False: out of memory. */
bool mk_url_append(mk_buffer_t *out, const mk_url_t *url);

/* Scheme, host and port are the same: credentials may go along (RFC 9110 section 15.4, RFC 6454). */
bool mk_url_same_origin(const mk_url_t *a, const mk_url_t *b);

#endif
