/* SPDX-License-Identifier: Apache-2.0 */
/* client_proxy.c -- whether a proxy stands between us and an address, and which: what the caller said, or the environment. Names of
 * the variables, and how NO_PROXY is read, are a convention that no document has ever fixed; this is its common part. */
#include <string.h>

#include "http/client_parts.h"

/* ---- NO_PROXY ---------------------------------------------------------------------------------------------------- */

/* "10.0.0.0/8", "fd00::/8". */
static bool is_in_network(mk_http_text_t network, const mk_addr_t *addr) {
    char        text[64];
    mk_addr_t   base;
    uint64_t    bits;
    const char *slash = memchr(network.at, '/', network.size);
    if (slash == NULL || (size_t)(slash - network.at) >= sizeof text) return false;
    memcpy(text, network.at, (size_t)(slash - network.at));
    text[slash - network.at] = '\0';
    if (!mk_addr_parse(text, 0, &base) || base.family != addr->family) return false;
    mk_http_text_t width = {slash + 1, network.size - (size_t)(slash + 1 - network.at)};
    if (!mk_http_text_to_u64(width, &bits) || bits > (base.family == MK_FAMILY_IPV4 ? 32 : 128)) return false;
    size_t whole = (size_t)bits / 8;
    if (memcmp(base.ip, addr->ip, whole) != 0) return false;
    unsigned rest = (unsigned)bits % 8;
    return rest == 0 || ((base.ip[whole] ^ addr->ip[whole]) >> (8 - rest)) == 0;
}

static bool is_address(mk_http_text_t item, const mk_addr_t *addr) {
    char      text[64];
    mk_addr_t other;
    if (item.size >= sizeof text) return false;
    memcpy(text, item.at, item.size);
    text[item.size] = '\0';
    return mk_addr_parse(text, 0, &other) && other.family == addr->family &&
           memcmp(other.ip, addr->ip, addr->family == MK_FAMILY_IPV4 ? 4 : 16) == 0;
}

/* The name itself, and all below it: "example.com", ".example.com" and "*.example.com" are the same. */
static bool is_below(mk_http_text_t item, const char *host) {
    if (item.size != 0 && item.at[0] == '*') item.at++, item.size--;
    if (item.size != 0 && item.at[0] == '.') item.at++, item.size--;
    if (item.size != 0 && item.at[item.size - 1] == '.') item.size--;
    size_t size = strlen(host);
    if (size != 0 && host[size - 1] == '.') size--;
    if (item.size == 0 || item.size > size) return false;
    mk_http_text_t tail = {host + size - item.size, item.size};
    for (size_t i = 0; i < tail.size; i++) {
        char c = item.at[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != tail.at[i]) return false; /* the host is in lower case */
    }
    return item.size == size || tail.at[-1] == '.';
}

/* ":8080" behind a name or a bracketed address holds for that port alone. False: another port. */
static bool cut_port(mk_http_text_t *item, uint16_t port) {
    const char *colon = memchr(item->at, ':', item->size);
    uint64_t    number;
    if (item->at[0] == '[') {
        const char *close = memchr(item->at, ']', item->size);
        colon = close != NULL && close + 1 < item->at + item->size && close[1] == ':' ? close + 1 : NULL;
    } else if (colon != NULL && memchr(colon + 1, ':', item->size - (size_t)(colon + 1 - item->at)) != NULL) {
        colon = NULL; /* IPv6 without brackets */
    }
    if (colon == NULL) return true;
    mk_http_text_t digits = {colon + 1, item->size - (size_t)(colon + 1 - item->at)};
    item->size = (size_t)(colon - item->at);
    return mk_http_text_to_u64(digits, &number) && number == port;
}

static bool exempts(mk_http_text_t item, const mk_url_t *url, const mk_addr_t *addr) {
    if (item.size == 1 && item.at[0] == '*') return true;
    if (!cut_port(&item, url->port)) return false;
    if (addr != NULL) return is_address(item, addr) || is_in_network(item, addr);
    return is_below(item, url->host);
}

bool mk_proxy_is_exempt(const char *list, const mk_url_t *url) {
    mk_addr_t addr;
    bool      digits = url->digits && mk_addr_parse(url->host, 0, &addr);
    while (*list != '\0') {
        size_t size = strcspn(list, ", \t");
        if (size != 0 && exempts((mk_http_text_t){list, size}, url, digits ? &addr : NULL)) return true;
        list += size + (list[size] != '\0');
    }
    return false;
}

/* ---- which one --------------------------------------------------------------------------------------------------- */

/* Lower case goes first; an empty value is none. */
static const char *variable(mk_client_env_fn *env, const char *lower, const char *upper) {
    const char *value = env(lower);
    if (value == NULL || value[0] == '\0') value = upper != NULL ? env(upper) : NULL;
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A CGI program finds its request's `Proxy` header in HTTP_PROXY: there the variable is its client's and not to be trusted. */
static const char *from_environment(const mk_fetch_t *fetch) {
    mk_client_env_fn *env = fetch->client->env;
    const char       *proxy, *except;
    if (fetch->url.secure) proxy = variable(env, "https_proxy", "HTTPS_PROXY");
    else proxy = variable(env, "http_proxy", env("REQUEST_METHOD") == NULL ? "HTTP_PROXY" : NULL);
    if (proxy == NULL) return NULL;
    except = variable(env, "no_proxy", "NO_PROXY");
    return except != NULL && mk_proxy_is_exempt(except, &fetch->url) ? NULL : proxy;
}

/* "http://[user:pass@]host:port"; the scheme may be missing. */
static mk_err_t parse(mk_fetch_t *fetch, const char *text) {
    mk_buffer_t *full = &fetch->client->scratch;
    mk_buffer_clear(full);
    if (strstr(text, "://") == NULL) mk_buffer_append_text(full, "http://");
    mk_buffer_append_text(full, text);
    if (full->failed) return MK_ERR_NOMEM;
    mk_err_t err = mk_url_parse((const char *)full->bytes, full->size, &fetch->proxy);
    if (err == MK_OK && fetch->proxy.scheme != MK_URL_HTTP) {
        mk_url_fini(&fetch->proxy);
        err = MK_ERR_INVALID;
    }
    return err == MK_ERR_TOOLONG ? MK_ERR_INVALID : err;
}

mk_err_t mk_proxy_route(mk_fetch_t *fetch) {
    const char *text = fetch->proxy_given;
    mk_url_fini(&fetch->proxy);
    fetch->route = MK_ROUTE_DIRECT;
    if (text == NULL) text = from_environment(fetch);
    if (text == NULL || text[0] == '\0') return MK_OK;
    mk_err_t err = parse(fetch, text);
    if (err != MK_OK) return err;
    fetch->route = fetch->url.secure || fetch->upgrade != NULL ? MK_ROUTE_TUNNEL : MK_ROUTE_FORWARD;
    return MK_OK;
}
