/* SPDX-License-Identifier: Apache-2.0 */
/* json_out.h -- pieces of JSON (RFC 8259), appended to a buffer. Out of memory shows in buffer->failed. */
#ifndef MK_SERVICES_JSON_OUT_H
#define MK_SERVICES_JSON_OUT_H

#include "base/buffer.h"

/* With its quotes; what is not UTF-8 becomes U+FFFD. */
void mk_json_text(mk_buffer_t *out, const void *text, size_t size);
/* As short as it comes back; null when there is no such number in JSON. */
void mk_json_real(mk_buffer_t *out, double number);
void mk_json_blob(mk_buffer_t *out, const void *bytes, size_t size); /* base64 */

#endif
