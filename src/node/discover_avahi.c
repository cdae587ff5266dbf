/* SPDX-License-Identifier: Apache-2.0 */
/* discover_avahi.c -- the helper, over avahi-core: a whole mDNS responder inside of this process, which needs no daemon and lives
 * beside one (both bind the port with SO_REUSEADDR). RFC 6762: probing, announcing, goodbye; RFC 6763: the service.
 * Invariant: everything here belongs to one thread. */
#include <avahi-common/error.h>
#include <avahi-common/simple-watch.h>
#include <avahi-common/timeval.h>
#include <avahi-core/core.h>
#include <avahi-core/log.h>
#include <avahi-core/lookup.h>
#include <avahi-core/publish.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "microkernel/services.h"
#include "net/net.h"
#include "node/discover.h"

/* Addresses of nodes that are remembered: anybody on the network can make some up. */
enum { SIGHTINGS_MAX = 16384 };

/* Addresses that are announced, and how often it is looked whether they are still the machine's. */
enum { PLACES_MAX = 32, LOOK_AGAIN_MS = 10000 };

typedef struct place {
    AvahiIfIndex interface;
    AvahiAddress address;
} place_t;

typedef struct helper {
    const mk_discover_wish_t *wish;
    int                       fd;
    AvahiSimplePoll          *poll;
    AvahiServer              *server;
    /* announcing */
    AvahiSEntryGroup *group;
    AvahiTimeout     *look_again;
    char              host[32];
    place_t           places[PLACES_MAX];
    size_t            places_n;
    /* watching */
    AvahiSServiceBrowser *browser;
    mk_node_t            *sightings;
    unsigned              sightings_n;
    bool                  full_told;
} helper_t;

/* Somebody who is announced, on one interface by one protocol. */
typedef struct sighting {
    mk_node_t              node;
    helper_t              *helper;
    AvahiIfIndex           interface;
    AvahiProtocol          protocol;
    AvahiSServiceResolver *resolver; /* tells of changes, too */
    bool                   told;
    discovery_payload_t    what;
} sighting_t;

/* ---- news ----------------------------------------------------------------------------------------------------------- */

/* avahi's log function is given nothing. */
static _Thread_local helper_t *mine;

static void send_news(const helper_t *helper, const mk_discover_news_t *news) {
    while (send(helper->fd, news, sizeof *news, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

MK_PRINTF(3, 4) static void say(const helper_t *helper, int level, const char *format, ...) {
    mk_discover_news_t news = {.kind = MK_DISCOVER_LOG, .level = (uint8_t)level};
    va_list            args;
    va_start(args, format);
    vsnprintf(news.text, sizeof news.text, format, args);
    va_end(args);
    send_news(helper, &news);
}

/* What it calls an error is a packet or an interface it can do without: what counts here are its functions' answers. */
static void on_avahi_log(AvahiLogLevel level, const char *text) {
    if (mine != NULL) say(mine, level == AVAHI_LOG_ERROR ? MK_LOG_INFO : MK_LOG_DEBUG, "%s", text);
}

static void complain(const helper_t *helper, const char *what, int error) {
    say(helper, MK_LOG_WARN, "%s: %s", what, avahi_strerror(error));
}

static void tell(sighting_t *sighting, mk_discover_kind_t kind) {
    mk_discover_news_t news = {.kind = (uint8_t)kind, .node = sighting->what};
    send_news(sighting->helper, &news);
    sighting->told = kind == MK_DISCOVER_FOUND;
}

/* ---- watching ------------------------------------------------------------------------------------------------------- */

static void forget(sighting_t *sighting) {
    if (sighting->told) tell(sighting, MK_DISCOVER_LOST);
    if (sighting->resolver != NULL) avahi_s_service_resolver_free(sighting->resolver);
    mk_list_remove(&sighting->node);
    sighting->helper->sightings_n--;
    mk_free(sighting);
}

static sighting_t *find(const helper_t *helper, AvahiIfIndex interface, AvahiProtocol protocol, const char *identity) {
    for (mk_node_t *node = helper->sightings; node != NULL; node = node->next) {
        sighting_t *sighting = mk_container_of(node, sighting_t, node);
        if (sighting->interface == interface && sighting->protocol == protocol &&
            strcmp(sighting->what.identity, identity) == 0)
            return sighting;
    }
    return NULL;
}

static void write_where(const AvahiAddress *from, AvahiIfIndex interface, uint16_t port, discovery_payload_t *out) {
    mk_addr_t addr = {.family = MK_FAMILY_IPV4, .port = port};
    char      text[MK_ADDR_TEXT_BYTES];
    if (from->proto == AVAHI_PROTO_INET6) {
        addr.family = MK_FAMILY_IPV6;
        memcpy(addr.ip, from->data.ipv6.address, sizeof from->data.ipv6.address);
        if (addr.ip[0] == 0xFE && (addr.ip[1] & 0xC0) == 0x80) addr.scope = (uint32_t)interface;
    } else {
        memcpy(addr.ip, &from->data.ipv4.address, sizeof from->data.ipv4.address);
    }
    (void)mk_addr_format(&addr, text, sizeof text);
    snprintf(out->where, sizeof out->where, "tcp:%.64s", text); /* an address in digits is shorter */
}

static void on_resolved(AvahiSServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol,
                        AvahiResolverEvent event, const char *name, const char *type, const char *domain,
                        const char *host_name, const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
                        AvahiLookupResultFlags flags, void *arg) {
    sighting_t         *sighting = arg;
    discovery_payload_t what = {0};
    (void)resolver, (void)protocol, (void)name, (void)type, (void)domain, (void)host_name, (void)flags;
    if (event != AVAHI_RESOLVER_FOUND || address == NULL || port == 0) return; /* it is asked again */
    memcpy(what.identity, sighting->what.identity, sizeof what.identity);
    for (; txt != NULL; txt = avahi_string_list_get_next(txt)) {
        mk_discover_take_txt(&what, avahi_string_list_get_text(txt), avahi_string_list_get_size(txt));
    }
    write_where(address, interface, port, &what);
    if (sighting->told && memcmp(&what, &sighting->what, sizeof what) == 0) return;
    if (sighting->told && strcmp(what.where, sighting->what.where) != 0) tell(sighting, MK_DISCOVER_LOST);
    sighting->what = what;
    tell(sighting, MK_DISCOVER_FOUND);
}

static void see(helper_t *helper, AvahiIfIndex interface, AvahiProtocol protocol, const char *identity,
                const char *domain) {
    if (helper->sightings_n >= SIGHTINGS_MAX) {
        if (!helper->full_told) say(helper, MK_LOG_WARN, "more than %d nodes are announced", SIGHTINGS_MAX);
        helper->full_told = true;
        return;
    }
    sighting_t *sighting = mk_calloc(1, sizeof *sighting);
    if (sighting == NULL) {
        say(helper, MK_LOG_WARN, "out of memory, so one node less is known");
        return;
    }
    sighting->helper = helper;
    sighting->interface = interface;
    sighting->protocol = protocol;
    memcpy(sighting->what.identity, identity, strlen(identity));
    mk_list_push(&helper->sightings, &sighting->node);
    helper->sightings_n++;
    sighting->resolver = avahi_s_service_resolver_new(helper->server, interface, protocol, identity,
                                                      MK_DISCOVER_SERVICE, domain, protocol, 0, on_resolved, sighting);
    if (sighting->resolver != NULL) return;
    complain(helper, "cannot ask for a node's address", avahi_server_errno(helper->server));
    forget(sighting);
}

static void on_browsed(AvahiSServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                       AvahiBrowserEvent event, const char *name, const char *type, const char *domain,
                       AvahiLookupResultFlags flags, void *arg) {
    helper_t *helper = arg;
    (void)browser, (void)type, (void)flags;
    if (event == AVAHI_BROWSER_FAILURE) {
        complain(helper, "cannot look for nodes", avahi_server_errno(helper->server));
    } else if ((event == AVAHI_BROWSER_NEW || event == AVAHI_BROWSER_REMOVE) && mk_discover_identity_ok(name)) {
        sighting_t *sighting = find(helper, interface, protocol, name);
        if (event == AVAHI_BROWSER_REMOVE && sighting != NULL) forget(sighting);
        if (event == AVAHI_BROWSER_NEW && sighting == NULL) see(helper, interface, protocol, name, domain);
    }
}

/* ---- announcing ------------------------------------------------------------------------------------------------------

 * The addresses hang on a name that is made up: the machine's own is nobody's business, and several nodes of one machine, or a
 * daemon, would quarrel about it. For the same reason nothing is said about the way back from an address to a name, which is
 * what a responder does when it is left to publish addresses by itself. */

static bool is_any(const mk_addr_t *at) {
    static const uint8_t any[16];
    return memcmp(at->ip, any, at->family == MK_FAMILY_IPV4 ? 4 : 16) == 0;
}

/* Whether this is where we listen, and others can call. */
static bool read_place(const mk_addr_t *at, const struct ifaddrs *from, place_t *out) {
    const unsigned up = IFF_UP | IFF_RUNNING;
    if (from->ifa_addr == NULL || (from->ifa_flags & (up | IFF_LOOPBACK)) != up) return false;
    size_t size;
    if (from->ifa_addr->sa_family == AF_INET) {
        out->address.proto = AVAHI_PROTO_INET;
        size = sizeof out->address.data.ipv4;
        memcpy(&out->address.data, &((const struct sockaddr_in *)(const void *)from->ifa_addr)->sin_addr, size);
    } else if (from->ifa_addr->sa_family == AF_INET6 && at->family == MK_FAMILY_IPV6) {
        out->address.proto = AVAHI_PROTO_INET6;
        size = sizeof out->address.data.ipv6;
        memcpy(&out->address.data, &((const struct sockaddr_in6 *)(const void *)from->ifa_addr)->sin6_addr, size);
    } else {
        return false;
    }
    out->interface = (AvahiIfIndex)if_nametoindex(from->ifa_name);
    bool same_family = (at->family == MK_FAMILY_IPV4) == (out->address.proto == AVAHI_PROTO_INET);
    return out->interface > 0 && (is_any(at) || (same_family && memcmp(at->ip, &out->address.data, size) == 0));
}

static size_t find_places(const mk_addr_t *at, place_t places[PLACES_MAX]) {
    struct ifaddrs *all;
    size_t          n = 0;
    memset(places, 0, PLACES_MAX * sizeof *places);
    if (getifaddrs(&all) != 0) return 0;
    for (const struct ifaddrs *one = all; one != NULL && n < PLACES_MAX; one = one->ifa_next) {
        if (read_place(at, one, &places[n])) n++;
        else memset(&places[n], 0, sizeof places[n]);
    }
    freeifaddrs(all);
    return n;
}

static bool same_place(const place_t *a, const place_t *b) {
    size_t size = a->address.proto == AVAHI_PROTO_INET ? sizeof(AvahiIPv4Address) : sizeof(AvahiIPv6Address);
    return a->interface == b->interface && a->address.proto == b->address.proto &&
           memcmp(&a->address.data, &b->address.data, size) == 0;
}

static bool same_places(const place_t *a, size_t a_n, const place_t *b, size_t b_n) {
    if (a_n != b_n) return false;
    for (size_t i = 0; i < a_n; i++) {
        if (!same_place(&a[i], &b[i])) return false;
    }
    return true;
}

static void on_group(AvahiServer *server, AvahiSEntryGroup *group, AvahiEntryGroupState state, void *arg) {
    const helper_t *helper = arg;
    (void)group;
    if (state == AVAHI_ENTRY_GROUP_ESTABLISHED) {
        say(helper, MK_LOG_INFO, "'%s' is announced to the local network", helper->wish->identity);
    } else if (state == AVAHI_ENTRY_GROUP_COLLISION) {
        say(helper, MK_LOG_WARN, "another node announces itself as '%s'; this one stays silent",
            helper->wish->identity);
    } else if (state == AVAHI_ENTRY_GROUP_FAILURE) {
        complain(helper, "cannot announce", avahi_server_errno(server));
    }
}

static int add_records(helper_t *helper) {
    const mk_discover_wish_t *wish = helper->wish;
    AvahiProtocol             protocol = wish->at.family == MK_FAMILY_IPV4 ? AVAHI_PROTO_INET : AVAHI_PROTO_UNSPEC;
    char                      id[16];
    int                       error = 0;
    snprintf(id, sizeof id, "id=%u", (unsigned)wish->node);
    for (size_t i = 0; i < helper->places_n && error == 0; i++) {
        place_t *place = &helper->places[i];
        error = avahi_server_add_address(helper->server, helper->group, place->interface, AVAHI_PROTO_UNSPEC,
                                         AVAHI_PUBLISH_NO_REVERSE, helper->host, &place->address);
    }
    if (error != 0) return error;
    error = avahi_server_add_service(helper->server, helper->group, AVAHI_IF_UNSPEC, protocol, 0, wish->identity,
                                     MK_DISCOVER_SERVICE, NULL, helper->host, wish->at.port, "txtvers=1", id,
                                     "version=" MK_VERSION_TEXT, NULL);
    return error != 0 ? error : avahi_s_entry_group_commit(helper->group);
}

/* Now, and whenever the machine's addresses are other ones. */
static void announce(helper_t *helper) {
    place_t places[PLACES_MAX];
    size_t  n = find_places(&helper->wish->at, places);
    if (same_places(places, n, helper->places, helper->places_n)) return;
    memcpy(helper->places, places, sizeof places);
    helper->places_n = n;
    if (helper->group != NULL) avahi_s_entry_group_free(helper->group); /* says goodbye */
    helper->group = NULL;
    if (n == 0) return;
    helper->group = avahi_s_entry_group_new(helper->server, on_group, helper);
    int error = helper->group != NULL ? add_records(helper) : AVAHI_ERR_NO_MEMORY;
    if (error != 0) complain(helper, "cannot announce", error);
}

static void on_look_again(AvahiTimeout *timeout, void *arg) {
    helper_t        *helper = arg;
    const AvahiPoll *api = avahi_simple_poll_get(helper->poll);
    struct timeval   when;
    announce(helper);
    api->timeout_update(timeout, avahi_elapse_time(&when, LOOK_AGAIN_MS, 0));
}

static void begin_announcing(helper_t *helper) {
    const AvahiPoll *api = avahi_simple_poll_get(helper->poll);
    struct timeval   when;
    uint8_t          random[6];
    if (mk_port_entropy(random, sizeof random) != MK_OK) {
        say(helper, MK_LOG_WARN, "no entropy, so nothing is announced");
        return;
    }
    snprintf(helper->host, sizeof helper->host, "mk-%02x%02x%02x%02x%02x%02x.local", random[0], random[1], random[2],
             random[3], random[4], random[5]);
    announce(helper);
    if (helper->places_n == 0) say(helper, MK_LOG_INFO, "no address yet that others could call");
    helper->look_again = api->timeout_new(api, avahi_elapse_time(&when, LOOK_AGAIN_MS, 0), on_look_again, helper);
}

static void begin_watching(helper_t *helper) {
    helper->browser = avahi_s_service_browser_new(helper->server, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC,
                                                  MK_DISCOVER_SERVICE, NULL, 0, on_browsed, helper);
    if (helper->browser == NULL) complain(helper, "cannot look for nodes", avahi_server_errno(helper->server));
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

static void on_server(AvahiServer *server, AvahiServerState state, void *arg) {
    if (state == AVAHI_SERVER_FAILURE) complain(arg, "mDNS has failed", avahi_server_errno(server));
}

static AvahiServer *open_server(helper_t *helper) {
    AvahiServerConfig config;
    int               error = AVAHI_ERR_NO_MEMORY;
    avahi_server_config_init(&config);
    config.publish_hinfo = config.publish_workstation = config.publish_domain = config.publish_addresses = 0;
    config.disable_publishing = !helper->wish->announce;
    AvahiServer *server = avahi_server_new(avahi_simple_poll_get(helper->poll), &config, on_server, helper, &error);
    if (server == NULL) complain(helper, "cannot speak mDNS here", error);
    avahi_server_config_free(&config);
    return server;
}

/* The runtime's thread says nothing but that it is enough. */
static void on_end(AvahiWatch *watch, int fd, AvahiWatchEvent event, void *arg) {
    helper_t *helper = arg;
    (void)watch, (void)fd, (void)event;
    avahi_simple_poll_quit(helper->poll);
}

static void close_server(helper_t *helper) {
    const AvahiPoll *api = avahi_simple_poll_get(helper->poll);
    while (helper->sightings != NULL) {
        sighting_t *sighting = mk_container_of(helper->sightings, sighting_t, node);
        sighting->told = false;
        forget(sighting);
    }
    if (helper->look_again != NULL) api->timeout_free(helper->look_again);
    avahi_server_free(helper->server); /* says goodbye; with its browser and its group */
}

static void run(helper_t *helper) {
    const AvahiPoll *api = avahi_simple_poll_get(helper->poll);
    AvahiWatch      *end = api->watch_new(api, helper->fd, AVAHI_WATCH_IN, on_end, helper);
    if (end == NULL) return;
    helper->server = open_server(helper);
    if (helper->server != NULL && helper->wish->announce) begin_announcing(helper);
    else if (helper->server != NULL) begin_watching(helper);
    while (avahi_simple_poll_iterate(helper->poll, -1) == 0) {}
    if (helper->server != NULL) close_server(helper);
    api->watch_free(end);
}

/* Without a poll there is nothing to do but to wait for the end. */
static void wait_for_end(int fd) {
    char nothing;
    while (recv(fd, &nothing, 1, 0) < 0 && errno == EINTR) {}
}

void mk_discover_run(const mk_discover_wish_t *wish, int fd) {
    helper_t helper = {.wish = wish, .fd = fd, .poll = avahi_simple_poll_new()};
    mine = &helper;
    avahi_set_log_function(on_avahi_log);
    if (helper.poll != NULL) {
        run(&helper);
        avahi_simple_poll_free(helper.poll);
    } else {
        say(&helper, MK_LOG_WARN, "out of memory");
    }
    wait_for_end(fd);
    mine = NULL;
    close(fd);
}
