/* SPDX-License-Identifier: Apache-2.0 */
/* authority.h -- hosts and ports as they stand in Host fields and addresses (RFC 3986 section 3.2). */
#ifndef MK_HTTP_CODEC_AUTHORITY_H
#define MK_HTTP_CODEC_AUTHORITY_H

#include "http/codec/fields.h"

typedef struct mk_http_authority {
    mk_http_text_t host;     /* without brackets; as it stands, %41 not decoded   */
    uint16_t       port;     /* 0: none                                           */
    bool           ipv6;     /* it stood in brackets                              */
} mk_http_authority_t;

/* False: empty host, brackets with anything but an IPv6 address in them, a port that is 0 or above 65535 or no number, a
 * character that no name has. "name:" is a name without a port. */
bool mk_http_authority_parse(mk_http_text_t text, mk_http_authority_t *out);

bool mk_http_is_ipv4(mk_http_text_t text); /* four numbers, no leading zeros */
bool mk_http_is_ipv6(mk_http_text_t text); /* RFC 4291 section 2.2, no zone  */

#endif
