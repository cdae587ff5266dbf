/* SPDX-License-Identifier: Apache-2.0 */
/* url_fuzz.c -- an address that is accepted is in its normal form, can be asked for, and is the same when it is read again. The
 * input is an address and, behind the first LF, a reference to resolve against it. */
#include "codec_fuzz.h"
#include "http/codec/message.h"
#include "http/codec/path.h"
#include "http/codec/url.h"

static void require_same(const mk_url_t *a, const mk_url_t *b) {
    require(a->scheme == b->scheme && a->port == b->port && a->digits == b->digits && a->secure == b->secure);
    require(strcmp(a->host, b->host) == 0 && strcmp(a->authority, b->authority) == 0 &&
            strcmp(a->target, b->target) == 0);
    require(mk_url_same_origin(a, b));
}

/* What a client sends for it is a request that a server takes. */
static void request(const mk_url_t *url) {
    mk_buffer_t       out = {0};
    mk_http_field_t   fields[4];
    mk_http_request_t head = {.fields = {fields, 0, 4}};
    mk_http_limits_t  limits = {.head_bytes_max = 1U << 20, .target_bytes_max = 1U << 20};
    size_t            scanned = 0, used;
    mk_http_wrong_t   wrong;
    require(mk_http_write_request(&out, mk_http_text("GET"), mk_http_text(url->target)) == MK_OK);
    require(mk_http_write_field(&out, mk_http_text("Host"), mk_http_text(url->authority)) == MK_OK);
    require(mk_http_write_end(&out) == MK_OK);
    require(mk_http_request_parse(out.bytes, out.size, &limits, &scanned, &head, &used, &wrong) == MK_HTTP_DONE);
    require(head.form == MK_HTTP_ORIGIN && mk_http_text_equal(head.host, url->authority));
    mk_buffer_free(&out);
}

static void check(const mk_url_t *url) {
    mk_buffer_t    text = {0};
    mk_url_t       again, itself;
    mk_http_text_t host;
    uint16_t       port;
    require(url->target[0] == '/' && url->host[0] != '\0' && url->port != 0);
    require(strstr(url->host, "@") == NULL && (url->user == NULL) == (url->user_size == 0));
    require(url->user == NULL || strlen(url->user) == url->user_size);
    for (const char *c = url->host; *c != '\0'; c++) require(*c > ' ' && *c < 0x7F && (*c < 'A' || *c > 'Z'));
    require(mk_http_authority_split(mk_http_text(url->authority), &host, &port));
    require(mk_http_text_equal(host, url->host));
    require(mk_url_append(&text, url));
    if (text.size <= MK_URL_BYTES_MAX) {
        require(mk_url_parse((const char *)text.bytes, text.size, &again) == MK_OK);
        require(again.user == NULL);
        require_same(url, &again);
        mk_url_fini(&again);
        require(mk_url_resolve(url, "", 0, &itself) == MK_OK);
        require_same(url, &itself);
        require(itself.user_size == url->user_size);
        mk_url_fini(&itself);
    }
    request(url);
    mk_buffer_free(&text);
}

/* The other small codecs of text get the same bytes. */
static void others(const char *text, size_t size) {
    mk_http_text_t rest = {text, size}, name, value;
    char          *out = malloc(size + 1);
    size_t         n;
    mk_buffer_t    encoded = {0};
    require(out != NULL);
    while (mk_http_query_next(&rest, &name, &value)) require(name.size + value.size < size + 1);
    if (mk_http_percent_decode((mk_http_text_t){text, size}, true, out, size + 1, &n) == MK_OK)
        require(n <= size && strlen(out) == n);
    if (memchr(text, '\0', size) == NULL) {
        require(mk_http_percent_encode(&encoded, (mk_http_text_t){text, size}, false));
        mk_http_text_t all = {(const char *)encoded.bytes, encoded.size};
        require(mk_http_percent_decode(all, false, out, size + 1, &n) == MK_OK);
        require(n == size && (size == 0 || memcmp(out, text, size) == 0));
    }
    mk_buffer_free(&encoded);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char       *text = (char *)copy_of(data, size);
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    size_t      base_size = end != NULL ? (size_t)(end - text) : size;
    mk_url_t    base, url;
    if (mk_url_parse(text, base_size, &base) == MK_OK) {
        check(&base);
        if (end != NULL && mk_url_resolve(&base, end + 1, size - base_size - 1, &url) == MK_OK) {
            check(&url);
            mk_url_fini(&url);
        }
        mk_url_fini(&base);
    }
    require(base.block == NULL);
    others(text, size);
    free(text);
    return 0;
}
