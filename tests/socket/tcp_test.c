/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between actors of two nodes, on good days. */
#include "socket/socket_play.h"

static who_t a, b, c;

TEST(two_nodes_talk_and_part) {
    open_nodes(NULL);
    connect_both(&a, &b);
    CHECK_EQ(b.peer.ip[3], 1);
    CHECK_EQ(a.peer.port, 80);
    b.echo = true;
    in(&a, do_say);
    CHECK_STR(b.tail, "hello");
    CHECK_STR(a.tail, "hello");
    in(&a, do_finish);
    CHECK_EQ(b.ends, 1);
    CHECK_EQ(a.closes, 0);
    words = "last";
    b.echo = false;
    in(&b, do_say); /* this direction goes on */
    CHECK_STR(a.tail, "last");
    in(&b, do_finish);
    CHECK_EQ(a.ends, 1);
    CHECK_EQ(a.closes, 1);
    CHECK_EQ(b.closes, 1);
    CHECK_EQ(a.error, MK_OK);
    CHECK_EQ(b.error, MK_OK);
    words = "hello";
    close_nodes();
}

TEST(names_are_looked_up_on_the_way) {
    mk_addr_t addr = mk_fake_addr(THERE_IP, 0);
    open_nodes(NULL);
    mk_fake_name("there.example", &addr, 1);
    enter(&a, HERE), enter(&b, THERE);
    b.at = (tcp_listen_options_t){.host = "0.0.0.0", .port = 80};
    in(&b, do_listen);
    a.to = (tcp_connect_options_t){.host = "there.example", .port = 80};
    in(&a, do_connect);
    CHECK_EQ(a.opens, 1);
    close_nodes();
}

static bool listen_plainly(who_t *who) {
    who->listener = actor_tcp_listen(who->rt, 80);
    return true;
}
static bool connect_plainly(who_t *who) {
    who->socket = actor_tcp_connect(who->rt, NULL, 80);
    return true;
}

TEST(without_a_word_everything_stays_on_this_machine) {
    open_nodes(NULL);
    enter(&a, HERE), enter(&b, THERE), enter(&c, THERE);
    in(&b, listen_plainly);
    CHECK(b.listener != SOCKET_ID_INVALID);
    a.to = (tcp_connect_options_t){.host = THERE_IP, .port = 80};
    in(&a, do_connect);
    CHECK_EQ(a.closes, 1); /* refused from outside */
    CHECK_EQ(a.error, MK_ERR_IO);
    in(&c, connect_plainly);
    CHECK_EQ(c.opens, 1);
    CHECK_EQ(b.opens, 1);
    close_nodes();
}

TEST(a_path_is_an_address_too) {
    open_nodes(NULL);
    enter(&a, HERE), enter(&b, HERE);
    b.at = (tcp_listen_options_t){.path = "/run/mk.sock"};
    a.to = (tcp_connect_options_t){.path = "/run/mk.sock"};
    in(&b, do_listen);
    CHECK_EQ(b.did, MK_OK);
    b.echo = true;
    in(&a, do_connect);
    in(&a, do_say);
    CHECK_STR(a.tail, "hello");
    b.at.path = "";
    in(&b, do_listen);
    CHECK_EQ(b.did, MK_ERR_INVALID);
    char long_path[200];
    memset(long_path, 'x', sizeof long_path);
    long_path[199] = '\0';
    b.at.path = long_path;
    in(&b, do_listen);
    CHECK_EQ(b.did, MK_ERR_TOOLONG);
    close_nodes();
}

TEST(where_one_listens_only_one_listens) {
    open_nodes(NULL);
    enter(&a, HERE), enter(&b, HERE);
    a.at = b.at = (tcp_listen_options_t){.port = 80};
    in(&a, do_listen);
    in(&b, do_listen);
    CHECK_EQ(b.did, MK_ERR_BUSY);
    b.at.host = THERE_IP;
    in(&b, do_listen);
    CHECK_EQ(b.did, MK_ERR_INVALID); /* not this machine's */
    b.at.host = "example.com";
    in(&b, do_listen);
    CHECK_EQ(b.did, MK_ERR_INVALID); /* no names */
    in(&a, do_close_listener);
    b.at.host = NULL;
    in(&b, do_listen);
    CHECK_EQ(b.did, MK_OK);
    close_nodes();
}

static socket_info_t info;
static bool          did_well;

static bool look_at_socket(who_t *who) {
    did_well = socket_info(who->rt, who->socket, &info);
    return true;
}
static bool look_at_listener(who_t *who) {
    did_well = socket_info(who->rt, who->listener, &info);
    return true;
}

TEST(a_socket_tells_about_itself) {
    char text[SOCKET_ADDR_TEXT_BYTES];
    open_nodes(NULL);
    connect_both(&a, &b);
    in(&a, look_at_socket);
    CHECK(did_well);
    CHECK_EQ(info.peer.port, 80);
    CHECK_EQ(info.local.ip[3], 1);
    CHECK(info.local.port >= 49152);
    CHECK_STR(info.tls_version, "");
    CHECK_EQ(socket_addr_format(&info.peer, text), strlen("10.0.0.2:80"));
    CHECK_STR(text, "10.0.0.2:80");
    in(&b, look_at_listener);
    CHECK(did_well);
    CHECK_EQ(info.connections, 1);
    CHECK_EQ(info.local.port, 80);
    in(&a, do_close);
    in(&a, look_at_socket);
    CHECK(!did_well);
    close_nodes();
}

TEST(addresses_are_read_and_written) {
    socket_addr_t addr;
    char          text[SOCKET_ADDR_TEXT_BYTES];
    CHECK(socket_addr_parse("2001:db8::1", 80, &addr));
    CHECK_EQ(addr.family, SOCKET_IPV6);
    socket_addr_format(&addr, text);
    CHECK_STR(text, "[2001:db8::1]:80");
    CHECK(socket_addr_parse("localhost", 1, &addr));
    CHECK_EQ(addr.ip[0], 127);
    CHECK(!socket_addr_parse("example.com", 1, &addr));
    CHECK(!socket_addr_parse("1.2.3", 1, &addr));
}

/* ---- whose it is ---- */

TEST(nobody_touches_anothers_socket) {
    open_nodes(NULL);
    connect_both(&a, &b);
    enter(&c, HERE);
    c.socket = a.socket;
    in(&c, do_say);
    CHECK_EQ(c.did, MK_ERR_NOTFOUND);
    in(&c, do_close);
    CHECK_EQ(c.did, MK_ERR_NOTFOUND);
    in(&c, do_finish);
    CHECK_EQ(c.did, MK_ERR_NOTFOUND);
    in(&c, do_reset);
    CHECK_EQ(c.did, MK_ERR_NOTFOUND);
    c.socket = 0;
    in(&c, do_say);
    CHECK_EQ(c.did, MK_ERR_NOTFOUND);
    in(&a, do_say);
    CHECK_EQ(a.did, MK_OK);
    close_nodes();
}

static bool give_to_c(who_t *who) {
    who->did = actor_tcp_give(who->rt, who->socket, c.id);
    return true;
}

TEST(a_connection_given_away_in_time_loses_nothing) {
    open_nodes(NULL);
    enter(&a, HERE), enter(&b, THERE), enter(&c, THERE);
    b.at = (tcp_listen_options_t){.host = THERE_IP, .port = 80};
    b.on_open = give_to_c;
    c.echo = true;
    in(&b, do_listen);
    a.to = (tcp_connect_options_t){.host = THERE_IP, .port = 80};
    ask(&a, do_connect);
    settle();
    in(&a, do_say);
    CHECK_EQ(b.did, MK_OK);
    CHECK_EQ(b.opens, 1);
    CHECK_EQ(b.messages, 0);
    CHECK_EQ(c.opens, 1);
    CHECK_STR(c.tail, "hello");
    CHECK_STR(a.tail, "hello");
    in(&b, do_end); /* it is c's: this changes nothing */
    in(&a, do_say);
    CHECK_EQ(a.bytes, 10);
    in(&c, do_end);
    CHECK_EQ(a.ends, 1);
    close_nodes();
}

static bool give_late(who_t *who) {
    socket_info_t about;
    CHECK(socket_info(who->rt, who->socket, &about));
    CHECK(about.waiting != 0);
    return give_to_c(who);
}

TEST(a_connection_with_messages_in_the_mailbox_stays) {
    open_nodes(NULL);
    connect_both(&a, &b);
    enter(&c, THERE);
    ask(&b, do_doze);
    ask(&b, give_late);
    in(&a, do_say);
    pass(6000);
    CHECK_EQ(b.did, MK_ERR_BUSY);
    CHECK_STR(b.tail, "hello");
    in(&b, give_to_c);
    CHECK_EQ(b.did, MK_OK);
    in(&a, do_say);
    CHECK_STR(c.tail, "hello");
    in(&b, give_to_c);
    CHECK_EQ(b.did, MK_ERR_NOTFOUND); /* it is no longer b's to give */
    in(&c, do_end);
    close_nodes();
}

TEST(at_its_limit_a_listener_lets_the_next_wait) {
    open_nodes(NULL);
    enter(&a, HERE), enter(&b, THERE), enter(&c, HERE);
    b.at = (tcp_listen_options_t){.host = THERE_IP, .port = 80, .connections_max = 1};
    in(&b, do_listen);
    a.to = c.to = (tcp_connect_options_t){.host = THERE_IP, .port = 80};
    in(&a, do_connect);
    in(&c, do_connect);
    CHECK_EQ(c.opens, 1); /* the system took the call */
    in(&c, do_say);
    CHECK_EQ(b.opens, 1);
    CHECK_EQ(b.messages, 0);
    in(&a, do_end);
    in(&b, do_close); /* the first one */
    CHECK_EQ(b.opens, 2);
    CHECK_STR(b.tail, "hello");
    close_nodes();
}

/* ---- bytes ---- */

enum { LOT = 300000 };
static uint8_t lot[LOT];

static uint32_t make_lot(void) {
    for (size_t i = 0; i < LOT; i++) lot[i] = (uint8_t)(i * 7 + i / 251);
    return hash_of(2166136261u, lot, LOT);
}

static bool say_lot(who_t *who) {
    who->did = actor_tcp_send(who->rt, who->socket, lot, LOT);
    return true;
}

static bool say_buffer(who_t *who) {
    message_buffer_t *buf = message_buffer_create(LOT);
    memcpy(message_buffer_data(buf), lot, LOT);
    who->did = actor_tcp_send_buffer(who->rt, who->socket, buf);
    if (who->did != MK_OK) message_buffer_release(buf);
    return true;
}

TEST(a_lot_comes_through_as_it_is) {
    uint32_t hash = make_lot();
    open_nodes(NULL);
    connect_both(&a, &b);
    in(&a, say_lot);
    CHECK_EQ(a.did, MK_OK);
    CHECK_EQ(b.bytes, LOT);
    CHECK(b.hash == hash);
    in(&b, say_buffer);
    CHECK_EQ(b.did, MK_OK);
    CHECK_EQ(a.bytes, LOT);
    CHECK(a.hash == hash);
    close_nodes();
}

TEST(byte_by_byte_it_is_the_same) {
    open_nodes(NULL);
    mk_fake_net(&(mk_fake_net_t){.read_max = 1, .write_max = 1, .stream_bytes = 3});
    connect_both(&a, &b);
    b.echo = true;
    in(&a, do_say);
    in(&a, do_say);
    CHECK_EQ(a.bytes, 10);
    CHECK(a.hash == hash_of(2166136261u, (const uint8_t *)"hellohello", 10));
    close_nodes();
}

TEST(a_small_window_cuts_small_pieces_and_loses_none) {
    uint32_t hash = make_lot();
    open_nodes(NULL);
    connect_with(&a, &b, (tcp_limits_t){0}, (tcp_limits_t){.window_bytes = 1000, .window_messages = 3});
    in(&a, say_lot);
    CHECK_EQ(b.bytes, LOT);
    CHECK(b.hash == hash);
    CHECK(b.messages >= LOT / 1000);
    close_nodes();
}

TEST(payloads_are_cut_to_what_a_message_may_hold) {
    uint32_t hash = make_lot();
    open_nodes(&(runtime_config_t){.payload_bytes_max = 300});
    connect_both(&a, &b);
    in(&a, say_lot);
    CHECK_EQ(b.bytes, LOT);
    CHECK(b.hash == hash);
    close_nodes();
    open_nodes(&(runtime_config_t){.payload_bytes_max = 100}); /* not even an end could be told */
    enter(&a, HERE);
    in(&a, do_connect);
    CHECK_EQ(a.did, MK_ERR_TOOLONG);
    in(&a, do_listen);
    CHECK_EQ(a.did, MK_ERR_TOOLONG);
    close_nodes();
}

static bool pause_it(who_t *who) {
    who->did = actor_tcp_pause(who->rt, who->socket, true);
    return true;
}
static bool resume_it(who_t *who) {
    who->did = actor_tcp_pause(who->rt, who->socket, false);
    return true;
}

TEST(a_paused_connection_makes_its_peer_wait) {
    open_nodes(NULL);
    connect_both(&a, &b);
    in(&b, pause_it);
    CHECK_EQ(b.did, MK_OK);
    for (int i = 0; i < 3; i++) in(&a, do_say);
    in(&a, do_finish);
    CHECK_EQ(b.messages + b.ends, 0);
    in(&b, resume_it);
    CHECK_EQ(b.bytes, 15);
    CHECK_EQ(b.ends, 1);
    b.socket++;
    in(&b, pause_it);
    CHECK_EQ(b.did, MK_ERR_NOTFOUND);
    close_nodes();
}

TEST(start_up_code_listens_for_an_actor) {
    socket_addr_t at;
    open_nodes(NULL);
    enter(&a, HERE), enter(&b, THERE);
    tcp_listen_options_t options = {.host = THERE_IP};
    mk_fake_use_host(2);
    CHECK_EQ(actor_tcp_listen_for(b.rt, actor_id_make(2, 9999), &options, &b.listener, &at), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_tcp_listen_for(b.rt, b.id, &options, &b.listener, &at), MK_OK);
    a.to = (tcp_connect_options_t){.host = THERE_IP, .port = at.port};
    in(&a, do_connect);
    CHECK_EQ(a.opens + b.opens, 2);
    in(&b, do_close_listener);
    CHECK_EQ(b.did, MK_OK);
    close_nodes();
}

/* ---- TLS ---- */

static bool tls_is_there(void) {
    socket_tls_options_t options = {.psk_name = "x", .psk = {"0123456789abcdef", 16}};
    socket_tls_t        *tls;
    char                 why[SOCKET_TLS_WHY_BYTES];
    if (socket_tls_create(&options, &tls, why) == MK_ERR_NOSYS) return false;
    socket_tls_release(tls);
    return true;
}

static socket_tls_t *tls_of(bool server, const char *name, const char *key) {
    socket_tls_options_t options = {.server = server, .psk_name = name, .psk = {key, strlen(key)}};
    socket_tls_t        *tls = NULL;
    char                 why[SOCKET_TLS_WHY_BYTES];
    CHECK_EQ(socket_tls_create(&options, &tls, why), MK_OK);
    CHECK_STR(why, "");
    return tls;
}

static void connect_tls(const char *name, const char *key) {
    socket_tls_t *server = tls_of(true, "garden", "0123456789abcdef"), *client = tls_of(false, name, key);
    enter(&a, HERE), enter(&b, THERE);
    b.at = (tcp_listen_options_t){.host = THERE_IP, .port = 443, .tls = server};
    a.to = (tcp_connect_options_t){.host = THERE_IP, .port = 443, .tls = client};
    in(&b, do_listen);
    CHECK_EQ(b.did, MK_OK);
    in(&a, do_connect);
    CHECK_EQ(a.did, MK_OK);
    a.at.tls = client;
    in(&a, do_listen);
    CHECK_EQ(a.did, MK_ERR_INVALID); /* that is a client's */
    socket_tls_release(server);
    socket_tls_release(client);
}

TEST(over_tls_it_is_the_same) {
    if (!tls_is_there()) rig_skip("no TLS in this build");
    open_nodes(NULL);
    connect_tls("garden", "0123456789abcdef");
    CHECK_EQ(a.opens, 1);
    CHECK_EQ(b.opens, 1);
    uint32_t hash = make_lot();
    in(&a, say_lot);
    CHECK_EQ(b.bytes, LOT);
    CHECK(b.hash == hash);
    in(&b, look_at_socket);
    CHECK(did_well);
    CHECK_STR(info.tls_psk_name, "garden");
    CHECK(info.tls_version[0] != '\0');
    in(&a, do_finish);
    CHECK_EQ(b.ends, 1);
    in(&b, do_finish);
    CHECK_EQ(a.error, MK_OK);
    CHECK_EQ(a.closes, 1);
    close_nodes();
}

TEST(the_wrong_key_opens_nothing) {
    if (!tls_is_there()) rig_skip("no TLS in this build");
    open_nodes(NULL);
    connect_tls("garden", "another key, yes");
    pass(20000);
    CHECK_EQ(a.closes, 1);
    CHECK_EQ(a.error, MK_ERR_PROTO);
    CHECK(a.text[0] != '\0');
    CHECK_EQ(a.opens, 0);
    CHECK_EQ(b.opens + b.closes, 0); /* it never was a connection */
    close_nodes();
}

static bool do_exchange(who_t *who) {
    who->did = actor_tcp_listen_tls(who->rt, who->listener, who->at.tls);
    return true;
}

TEST(what_a_listener_shows_is_exchanged_while_it_runs) {
    static const char keys[][17] = {"0123456789abcdef", "fedcba9876543210"};
    if (!tls_is_there()) rig_skip("no TLS in this build");
    open_nodes(NULL);
    connect_tls("garden", keys[0]);
    b.at.tls = NULL;
    in(&b, do_exchange);
    CHECK_EQ(b.did, MK_ERR_INVALID); /* what is encrypted does not become plain in passing */
    b.at.tls = tls_of(true, "garden", keys[1]);
    in(&b, do_exchange);
    CHECK_EQ(b.did, MK_OK);
    socket_tls_release(b.at.tls);
    in(&a, say_lot); /* what is there goes on */
    CHECK_EQ(b.bytes, LOT);
    for (unsigned i = 0; i < 2; i++) {
        a.to.tls = tls_of(false, "garden", keys[i]);
        in(&a, do_connect);
        pass(1000);
        CHECK_EQ(a.opens, 1 + i);
        CHECK_EQ(a.closes, 1);
        socket_tls_release(a.to.tls);
    }
    close_nodes();
}

TEST(what_is_wrong_with_tls_options_is_said) {
    socket_tls_t        *tls;
    char                 why[SOCKET_TLS_WHY_BYTES];
    socket_tls_options_t options = {.engine = "none such"};
    CHECK_EQ(socket_tls_create(&options, &tls, why), MK_ERR_NOSYS);
    CHECK(why[0] != '\0');
    if (!tls_is_there()) rig_skip("no TLS in this build");
    options = (socket_tls_options_t){.server = true, .certificate = {"junk", 4}, .key = {"junk", 4}};
    CHECK(socket_tls_create(&options, &tls, why) != MK_OK);
    CHECK(why[0] != '\0');
    options = (socket_tls_options_t){.psk_name = "", .psk = {"x", 1}};
    CHECK_EQ(socket_tls_create(&options, &tls, why), MK_ERR_INVALID);
    options = (socket_tls_options_t){.psk_name = "x", .psk = {lot, 33}};
    CHECK_EQ(socket_tls_create(&options, &tls, why), MK_ERR_TOOLONG);
}
