/* SPDX-License-Identifier: Apache-2.0 */
/* Each engine against itself and against the others, through memory. */
#include "net/tls_rig.h"

#include "rig/oom.h"
#include "rig/random.h"

/* A handshake with these contexts' configurations; the sessions stay open. */
static bool shake(wire_t *wire, const mk_tls_config_t *client, const mk_tls_config_t *server, const char *host) {
    must_create(&wire->client, client);
    must_create(&wire->server, server);
    CHECK_EQ(wire_open(wire, host, NULL), MK_OK);
    return wire_shake(wire);
}

static bool says(const end_t *end, const char *text) {
    if (strstr(end_why(end), text) != NULL) return true;
    printf("  %s says \"%s\"\n", end->engine->name, end_why(end));
    return false;
}

static void exchange(wire_t *wire) {
    char   buf[64];
    size_t n = 0;
    CHECK_EQ(wire->client.engine->write(wire->client.session, "ping", 4, &n), MK_TLS_OK);
    CHECK_EQ(n, 4);
    CHECK_EQ(end_get(&wire->server, buf, sizeof(buf), &n), MK_TLS_OK);
    CHECK(n == 4 && memcmp(buf, "ping", 4) == 0);
    CHECK_EQ(wire->server.engine->write(wire->server.session, "pong!", 5, &n), MK_TLS_OK);
    CHECK_EQ(end_get(&wire->client, buf, sizeof(buf), &n), MK_TLS_OK);
    CHECK(n == 5 && memcmp(buf, "pong!", 5) == 0);
}

/* ---- certificates --------------------------------------------------------------------------------------------------- */

/* What becomes of a client that trusts `authorities` and calls `host`; NULL: it is content. */
static void verdict(wire_t *wire, const char *certificate, const char *key, const char *authorities, const char *host,
                    const char *text) {
    mk_tls_config_t client = client_trusting(authorities), server = server_of(certificate, key);
    bool            done = shake(wire, &client, &server, host);
    if (text == NULL) {
        if (!done) rig_fail(__FILE__, __LINE__, "%s: %s", host, end_why(&wire->client));
        exchange(wire);
    } else {
        CHECK_EQ(wire->client.status, MK_TLS_FAILED);
        CHECK(says(&wire->client, text));
    }
    wire_end(wire);
}

static void run_names(wire_t *wire) {
    verdict(wire, "good.pem", "good.key", "ca.pem", "localhost", NULL);
    verdict(wire, "good.pem", "good.key", "ca.pem", "LocalHost", NULL);
    verdict(wire, "good.pem", "good.key", "ca.pem", "localhost.", NULL);
    verdict(wire, "good.pem", "good.key", "ca.pem", "a.wild.test", NULL);
    verdict(wire, "good.pem", "good.key", "ca.pem", "127.0.0.1", NULL);
    verdict(wire, "good.pem", "good.key", "ca.pem", "::1", NULL);
    verdict(wire, "good.pem", "good.key", "ca.pem", "[::1]", NULL);
    verdict(wire, "rsa.pem", "rsa.key", "ca.pem", "localhost", NULL);
    verdict(wire, "good.pem", "good.key", "ca.pem", "example.com", "another host");
    verdict(wire, "good.pem", "good.key", "ca.pem", "localhost.example.com", "another host");
    verdict(wire, "good.pem", "good.key", "ca.pem", "wild.test", "another host");
    verdict(wire, "good.pem", "good.key", "ca.pem", "a.b.wild.test", "another host");
    verdict(wire, "good.pem", "good.key", "ca.pem", "127.0.0.2", "another host");
    verdict(wire, "good.pem", "good.key", "ca.pem", "::2", "another host");
    verdict(wire, "other.pem", "other.key", "ca.pem", "localhost", "localhost");
    verdict(wire, "common.pem", "common.key", "ca.pem", "localhost", "another host");
}

TEST(a_certificate_must_be_for_the_host_that_was_called) { each_pair(run_names); }

static void run_dates(wire_t *wire) {
    verdict(wire, "expired.pem", "good.key", "ca.pem", "localhost", "has expired");
    verdict(wire, "early.pem", "good.key", "ca.pem", "localhost", "not yet valid");
}

TEST(a_certificate_must_be_of_today) { each_pair(run_dates); }

static void run_trust(wire_t *wire) {
    verdict(wire, "good.pem", "good.key", "other_ca.pem", "localhost", "issuer is not trusted");
    verdict(wire, "self.pem", "self.key", "ca.pem", "localhost", "self-signed");
    verdict(wire, "self.pem", "self.key", "self.pem", "localhost", NULL); /* trusted as it is */
    verdict(wire, "chain.pem", "chain.key", "ca.pem", "localhost", NULL);
    verdict(wire, "leaf.pem", "chain.key", "ca.pem", "localhost", "issuer is not trusted"); /* a link is missing */
    verdict(wire, "leaf.pem", "chain.key", "intermediate.pem", "localhost", NULL);
    verdict(wire, "client.pem", "client.key", "ca.pem", "localhost",
            ""); /* a client's certificate is none for servers */
}

TEST(a_certificate_must_come_from_an_authority_that_is_trusted) { each_pair(run_trust); }

static void run_unverified(wire_t *wire) {
    mk_tls_config_t client = {.verify = MK_TLS_VERIFY_NONE}, server = server_of("self.pem", "self.key");
    CHECK(shake(wire, &client, &server, NULL));
    exchange(wire);
}

TEST(a_client_that_verifies_nothing_takes_anything) { each_pair(run_unverified); }

static void run_system_store(wire_t *wire) {
    char path[512];
    snprintf(path, sizeof(path), "%s/ca.pem", certificates_folder);
    setenv("SSL_CERT_FILE", path, 1);
    mk_tls_config_t client = {0}, server = server_of("good.pem", "good.key");
    bool            done = shake(wire, &client, &server, "localhost");
    unsetenv("SSL_CERT_FILE");
    if (!done) rig_fail(__FILE__, __LINE__, "%s", end_why(&wire->client));
    wire_end(wire);
    CHECK(!shake(wire, &client, &server, "localhost"));
    CHECK(says(&wire->client, "issuer is not trusted"));
}

TEST(a_client_without_authorities_trusts_the_systems) { each_pair(run_system_store); }

static void run_no_host(wire_t *wire) {
    mk_tls_config_t client = client_trusting("ca.pem");
    must_create(&wire->client, &client);
    mk_tls_session_t *session = NULL;
    mk_tls_io_t       io = {&wire->client, end_read, end_write};
    CHECK_EQ(wire->client.engine->session_create(wire->client.context, NULL, NULL, &io, &session), MK_ERR_INVALID);
    CHECK_EQ(wire->client.engine->session_create(wire->client.context, "a b", NULL, &io, &session), MK_ERR_INVALID);
    CHECK_EQ(wire->client.engine->session_create(wire->client.context, ".", NULL, &io, &session), MK_ERR_INVALID);
}

TEST(a_client_has_to_say_whose_certificate_it_wants) { each_pair(run_no_host); }

/* ---- client certificates ----------------------------------------------------------------------------------------------- */

/* mbedTLS 3 with TLS 1.3: its alerts come in keys that the client has left behind, and its tickets hold no certificate. */
static bool is_mbedtls_13(const end_t *server) {
    return server->engine == mk_tls_engine("mbedtls") && strcmp(end_info(server).version, "TLSv1.3") == 0;
}

/* What the server says to a client with that certificate (NULL: none); `text` NULL: it is content. */
static void client_verdict(wire_t *wire, mk_tls_verify_t verify, const char *certificate, const char *key,
                           const char *text, const char *subject) {
    mk_tls_config_t client = client_trusting("ca.pem"), server = server_of("good.pem", "good.key");
    server.verify = verify;
    if (verify != MK_TLS_VERIFY_DEFAULT) server.authorities = pem("ca.pem");
    if (certificate != NULL) {
        client.certificate = pem(certificate);
        client.key = pem(key);
    }
    bool done = shake(wire, &client, &server, "localhost");
    if (text == NULL) {
        if (!done) rig_fail(__FILE__, __LINE__, "%s / %s", end_why(&wire->server), end_why(&wire->client));
        exchange(wire);
        CHECK_STR(end_info(&wire->server).peer_subject, subject);
    } else {
        CHECK_EQ(wire->server.status, MK_TLS_FAILED);
        CHECK(says(&wire->server, text));
        char   buf[16];
        size_t n;
        if (wire->client.status == MK_TLS_OK)
            wire->client.status =
                end_get(&wire->client, buf, sizeof(buf), &n); /* TLS 1.3: done before it was refused */
        CHECK_EQ(wire->client.status, MK_TLS_FAILED);
        if (!is_mbedtls_13(&wire->server)) CHECK(says(&wire->client, "the peer refused"));
    }
    wire_end(wire);
}

static void run_client_certificates(wire_t *wire) {
    const char *good = "O=microkernel tests, CN=client";
    client_verdict(wire, MK_TLS_VERIFY_DEFAULT, NULL, NULL, NULL, "");
    client_verdict(wire, MK_TLS_VERIFY_DEFAULT, "client.pem", "client.key", NULL, ""); /* not asked for */
    client_verdict(wire, MK_TLS_VERIFY_OPTIONAL, NULL, NULL, NULL, "");
    client_verdict(wire, MK_TLS_VERIFY_OPTIONAL, "client.pem", "client.key", NULL, good);
    client_verdict(wire, MK_TLS_VERIFY_OPTIONAL, "foreign.pem", "foreign.key", "issuer is not trusted", NULL);
    client_verdict(wire, MK_TLS_VERIFY_OPTIONAL, "good.pem", "good.key", "", NULL); /* a server's is none for clients */
    client_verdict(wire, MK_TLS_VERIFY_REQUIRED, NULL, NULL, "no certificate", NULL);
    client_verdict(wire, MK_TLS_VERIFY_REQUIRED, "client.pem", "client.key", NULL, good);
    client_verdict(wire, MK_TLS_VERIFY_REQUIRED, "foreign.pem", "foreign.key", "issuer is not trusted", NULL);
    client_verdict(wire, MK_TLS_VERIFY_REQUIRED, "late.pem", "client.key", "has expired", NULL);
}

TEST(a_server_asks_for_certificates_as_it_is_told) { each_pair(run_client_certificates); }

/* ---- configuration -------------------------------------------------------------------------------------------------------- */

static size_t no_psk(void *arg, const char *name, uint8_t key[MK_TLS_PSK_BYTES_MAX]) {
    (void)arg, (void)name, (void)key;
    return 0;
}

static void refused(const mk_tls_engine_t *engine, const mk_tls_config_t *config, mk_err_t err) {
    char              why[MK_TLS_WHY_BYTES] = "";
    mk_tls_context_t *context = NULL;
    mk_err_t          answer = engine->context_create(config, &context, why);
    if (answer != err) rig_fail(__FILE__, __LINE__, "%s: %s: %s", engine->name, mk_err_name(answer), why);
    CHECK(context == NULL && why[0] != '\0');
}

TEST(a_configuration_that_cannot_work_is_refused_with_a_reason) {
    static const char  rubbish[] = "no certificate at all";
    static const char *nameless[] = {"", NULL};
    char               cut[2000];
    mk_slice_t         good = pem("chain.pem");
    size_t             size = good.size - 100;
    CHECK(size < sizeof(cut));
    memcpy(cut, good.data, size);
    for (const mk_tls_engine_t *const *each = mk_tls_engines; *each != NULL; each++) {
        mk_slice_t      bad = {rubbish, sizeof(rubbish) - 1};
        mk_tls_config_t server = server_of("good.pem", "good.key"), config = {.server = true};
        refused(*each, &config, MK_ERR_INVALID);
        config = server, config.key = (mk_slice_t){0};
        refused(*each, &config, MK_ERR_INVALID);
        config = server, config.key = pem("other.key");
        refused(*each, &config, MK_ERR_INVALID);
        config = server, config.key = pem("rsa.key");
        refused(*each, &config, MK_ERR_INVALID);
        config = server, config.verify = MK_TLS_VERIFY_REQUIRED;
        refused(*each, &config, MK_ERR_INVALID);
        config = server, config.alpn = nameless;
        refused(*each, &config, MK_ERR_INVALID);
        config = server, config.certificate = bad;
        refused(*each, &config, MK_ERR_FORMAT);
        config = server, config.certificate = (mk_slice_t){cut, size};
        refused(*each, &config, MK_ERR_FORMAT);
        config = server, config.key = bad;
        refused(*each, &config, MK_ERR_FORMAT);
        config = (mk_tls_config_t){.authorities = bad};
        refused(*each, &config, MK_ERR_FORMAT);
        config = (mk_tls_config_t){.psk_name = "me", .psk = {rubbish, 0}};
        refused(*each, &config, MK_ERR_INVALID);
        config.psk.size = MK_TLS_PSK_BYTES_MAX + 1;
        refused(*each, &config, MK_ERR_INVALID);
        config = (mk_tls_config_t){.psk_name = "", .psk = {rubbish, 16}};
        refused(*each, &config, MK_ERR_INVALID);
        config = (mk_tls_config_t){.server = true, .psk_name = "me", .psk = {rubbish, 16}, .psk_find = no_psk};
        refused(*each, &config, MK_ERR_INVALID);
    }
}

TEST(engines_are_found_by_name) {
    CHECK(mk_tls_engine(NULL) == mk_tls_engines[0]);
    CHECK(mk_tls_engine("nonesuch") == NULL);
    for (const mk_tls_engine_t *const *each = mk_tls_engines; *each != NULL; each++)
        CHECK(mk_tls_engine((*each)->name) == *each);
}

/* ---- protocols (ALPN) ------------------------------------------------------------------------------------------------------ */

static void run_alpn(wire_t *wire) {
    static const char *const both[] = {"mk/2", "http/1.1", NULL}, *const old[] = {"http/1.1", "mk/2", NULL};
    static const char *const strange[] = {"mk/20", NULL};
    mk_tls_config_t          client = client_trusting("ca.pem"), server = server_of("good.pem", "good.key");
    client.alpn = old, server.alpn = both; /* the server prefers */
    CHECK(shake(wire, &client, &server, "localhost"));
    CHECK_STR(end_info(&wire->client).alpn, "mk/2");
    CHECK_STR(end_info(&wire->server).alpn, "mk/2");
    wire_end(wire);
    client.alpn = NULL;
    CHECK(shake(wire, &client, &server, "localhost"));
    CHECK_STR(end_info(&wire->client).alpn, "");
    CHECK_STR(end_info(&wire->server).alpn, "");
    wire_end(wire);
    client.alpn = both, server.alpn = NULL;
    CHECK(shake(wire, &client, &server, "localhost"));
    CHECK_STR(end_info(&wire->client).alpn, "");
    wire_end(wire);
    client.alpn = strange, server.alpn = both;
    CHECK(!shake(wire, &client, &server, "localhost"));
    CHECK(says(&wire->client, "no application protocol"));
}

TEST(both_sides_agree_upon_a_protocol) { each_pair(run_alpn); }

/* ---- pre-shared keys --------------------------------------------------------------------------------------------------------- */

static const uint8_t secret[32] = "0123456789abcdef0123456789abcdef"; /* without a NUL */

static size_t find_psk(void *arg, const char *name, uint8_t key[MK_TLS_PSK_BYTES_MAX]) {
    if (strcmp(name, arg) != 0) return 0;
    memcpy(key, secret, sizeof(secret));
    return sizeof(secret);
}

static bool shake_psk(wire_t *wire, const char *name, const uint8_t *key, size_t size, bool certificate) {
    static char     known[] = "node-7";
    mk_tls_config_t server = {.server = true, .psk_find = find_psk, .psk_arg = known};
    mk_tls_config_t client = {.psk_name = name, .psk = {key, size}};
    if (certificate) server.certificate = pem("good.pem"), server.key = pem("good.key");
    return shake(wire, &client, &server, NULL);
}

static void run_psk(wire_t *wire) {
    uint8_t wrong[32];
    memcpy(wrong, secret, sizeof(wrong));
    wrong[31] ^= 1;
    for (int certificate = 0; certificate < 2; certificate++) {
        if (!shake_psk(wire, "node-7", secret, sizeof(secret), certificate != 0))
            rig_fail(__FILE__, __LINE__, "%s / %s", end_why(&wire->client), end_why(&wire->server));
        exchange(wire);
        CHECK_STR(end_info(&wire->client).psk_name, "node-7");
        CHECK_STR(end_info(&wire->server).psk_name, "node-7");
        CHECK(!end_info(&wire->server).resumed && !end_info(&wire->client).resumed);
        CHECK_STR(end_info(&wire->client).peer_subject, "");
        wire_end(wire);
        CHECK(!shake_psk(wire, "node-8", secret, sizeof(secret), certificate != 0));
        CHECK(wire->client.status == MK_TLS_FAILED && end_why(&wire->client)[0] != '\0');
        wire_end(wire);
        CHECK(!shake_psk(wire, "node-7", wrong, sizeof(wrong), certificate != 0));
        CHECK(wire->client.status == MK_TLS_FAILED && end_why(&wire->client)[0] != '\0');
        wire_end(wire);
        CHECK(!shake_psk(wire, "node-7", secret, 16, certificate != 0));
        wire_end(wire);
    }
}

TEST(a_pre_shared_key_stands_for_certificates) { each_pair(run_psk); }

static void run_psk_and_certificate(wire_t *wire) {
    static char     known[] = "node-7";
    mk_tls_config_t server = server_of("good.pem", "good.key"), client = client_trusting("ca.pem");
    server.psk_find = find_psk, server.psk_arg = known;
    CHECK(shake(wire, &client, &server, "localhost"));
    exchange(wire);
    CHECK_STR(end_info(&wire->server).psk_name, "");
    CHECK_STR(end_info(&wire->client).peer_subject, "CN=good");
}

TEST(a_server_with_keys_and_a_certificate_serves_both_kinds_of_clients) { each_pair(run_psk_and_certificate); }

static void run_psk_ignored(wire_t *wire) {
    mk_tls_config_t server = server_of("good.pem", "good.key");
    mk_tls_config_t client = {.psk_name = "node-7", .psk = {secret, sizeof(secret)}, .verify = MK_TLS_VERIFY_NONE};
    CHECK(!shake(wire, &client, &server, NULL));
    CHECK_EQ(wire->client.status, MK_TLS_FAILED);
    CHECK(end_why(&wire->client)[0] != '\0');
}

TEST(a_server_that_ignores_the_key_is_not_talked_to) { each_pair(run_psk_ignored); }

/* ---- resumption ---------------------------------------------------------------------------------------------------------------- */

/* One connection to "localhost" as `peer`; whether it took up an earlier one. */
static bool visit(wire_t *wire, const char *host, const char *peer) {
    CHECK_EQ(wire_open(wire, host, peer), MK_OK);
    if (!wire_shake(wire)) rig_fail(__FILE__, __LINE__, "%s / %s", end_why(&wire->client), end_why(&wire->server));
    exchange(wire); /* with TLS 1.3 the ticket comes along */
    bool resumed = end_info(&wire->client).resumed;
    CHECK_EQ(end_info(&wire->server).resumed, resumed);
    wire_close(wire);
    return resumed;
}

static void run_resumption(wire_t *wire) {
    mk_tls_config_t client = client_trusting("ca.pem"), server = server_of("good.pem", "good.key");
    must_create(&wire->client, &client);
    must_create(&wire->server, &server);
    CHECK(!visit(wire, "localhost", "one:443"));
    for (int i = 0; i < 5; i++) CHECK(visit(wire, "localhost", "one:443"));
    CHECK(!visit(wire, "localhost", "two:443"));
    CHECK(!visit(wire, "a.wild.test", "one:443")); /* verified for another host */
    CHECK(!visit(wire, "localhost", NULL));
    CHECK(visit(wire, "localhost", "one:443"));
    wire->server.engine->context_release(wire->server.context); /* a reload: the old tickets say nothing to it */
    must_create(&wire->server, &server);
    CHECK(!visit(wire, "localhost", "one:443"));
    CHECK(visit(wire, "localhost", "one:443"));
    wire_end(wire);
    client.no_resumption = true;
    must_create(&wire->client, &client);
    must_create(&wire->server, &server);
    CHECK(!visit(wire, "localhost", "one:443"));
    CHECK(!visit(wire, "localhost", "one:443"));
    wire_end(wire);
    client.no_resumption = false, server.no_resumption = true;
    must_create(&wire->client, &client);
    must_create(&wire->server, &server);
    CHECK(!visit(wire, "localhost", "one:443"));
    CHECK(!visit(wire, "localhost", "one:443"));
}

TEST(a_session_is_taken_up_again) { each_pair(run_resumption); }

static void run_resumed_client(wire_t *wire) {
    mk_tls_config_t client = client_trusting("ca.pem"), server = server_of("good.pem", "good.key");
    client.certificate = pem("client.pem"), client.key = pem("client.key");
    server.authorities = pem("ca.pem"), server.verify = MK_TLS_VERIFY_REQUIRED;
    must_create(&wire->client, &client);
    must_create(&wire->server, &server);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(wire_open(wire, "localhost", "one:443"), MK_OK);
        CHECK(wire_shake(wire));
        exchange(wire);
        CHECK_EQ(end_info(&wire->server).resumed, i == 1 && !is_mbedtls_13(&wire->server));
        CHECK_STR(end_info(&wire->server).peer_subject, "O=microkernel tests, CN=client");
        wire_close(wire);
    }
}

TEST(a_session_that_is_taken_up_keeps_its_clients_certificate) { each_pair(run_resumed_client); }

static void run_versions(wire_t *wire) {
    mk_tls_config_t client = client_trusting("ca.pem"), server = server_of("good.pem", "good.key");
    CHECK(shake(wire, &client, &server, "localhost"));
    bool both = wire->client.engine == mk_tls_engine("openssl") && wire->client.engine == wire->server.engine;
    if (both) CHECK_STR(end_info(&wire->client).version, "TLSv1.3");
    CHECK(strncmp(end_info(&wire->client).version, "TLSv1.", 6) == 0);
    CHECK_STR(end_info(&wire->client).version, end_info(&wire->server).version);
    CHECK(end_info(&wire->client).cipher[0] != '\0');
    CHECK_STR(end_info(&wire->client).peer_subject, "CN=good");
}

TEST(a_session_tells_how_it_is_protected) { each_pair(run_versions); }

/* ---- data ---------------------------------------------------------------------------------------------------------------------------- */

static void carry(wire_t *wire, size_t size) {
    rig_random_t random = {size + 1};
    uint8_t     *data = malloc(size), *out = malloc(size);
    for (size_t i = 0; i < size; i++) data[i] = (uint8_t)rig_random_next(&random);
    wire_carry(&wire->client, &wire->server, data, size, out);
    CHECK(memcmp(data, out, size) == 0);
    memset(out, 0, size);
    wire_carry(&wire->server, &wire->client, data, size, out);
    CHECK(memcmp(data, out, size) == 0);
    free(data);
    free(out);
}

static void open_pair(wire_t *wire, size_t step, size_t room, bool stutter) {
    mk_tls_config_t client = client_trusting("ca.pem"), server = server_of("good.pem", "good.key");
    must_create(&wire->client, &client);
    must_create(&wire->server, &server);
    wire->up = wire->down = (pipe_t){.step = step, .room = room, .stutter = stutter};
    CHECK_EQ(wire_open(wire, "localhost", NULL), MK_OK);
    CHECK(wire_shake(wire));
}

static void run_data(wire_t *wire) {
    open_pair(wire, 0, 0, false);
    carry(wire, 64 * 1024);
    carry(wire, 1024 * 1024);
}

TEST(data_of_any_size_comes_over) { each_pair(run_data); }

static void run_drips(wire_t *wire) {
    open_pair(wire, 1, 0, false);
    carry(wire, 40000);
    wire_end(wire);
    open_pair(wire, 1, 1, true);
    carry(wire, 20000);
}

TEST(data_comes_over_byte_by_byte) { each_pair(run_drips); }

static void run_narrow(wire_t *wire) {
    open_pair(wire, 0, 1000, false); /* every record is taken in part */
    carry(wire, 200000);
    wire_end(wire);
    open_pair(wire, 777, 5000, true); /* and both directions make one wait */
    carry(wire, 200000);
}

TEST(writes_that_are_taken_in_part_lose_nothing) { each_pair(run_narrow); }

static void run_growing(wire_t *wire) {
    uint8_t data[3000], out[3000];
    size_t  n = 0, got = 0;
    for (size_t i = 0; i < sizeof(data); i++) data[i] = (uint8_t)(i * 7);
    open_pair(wire, 0, 0, false);
    while (wire->client.engine->read(wire->client.session, out, sizeof(out), &n) == MK_TLS_OK) {}
    wire->up.room = 50;
    end_t *client = &wire->client, *server = &wire->server;
    CHECK_EQ(client->engine->write(client->session, data, 100, &n), MK_TLS_WANT_WRITE);
    wire->up.room = 0;
    uint8_t moved[3000]; /* from elsewhere, and more of them */
    memcpy(moved, data, sizeof(moved));
    size_t sent = 0;
    while (sent < sizeof(moved)) {
        CHECK_EQ(client->engine->write(client->session, moved + sent, sizeof(moved) - sent, &n), MK_TLS_OK);
        sent += n;
    }
    while (got < sizeof(out)) {
        CHECK_EQ(end_get(server, out + got, sizeof(out) - got, &n), MK_TLS_OK);
        got += n;
    }
    CHECK(memcmp(data, out, sizeof(data)) == 0);
}

TEST(a_write_that_waited_may_come_again_with_more_behind_it) { each_pair(run_growing); }

static void run_pending(wire_t *wire) {
    char   buf[100];
    size_t n = 0;
    open_pair(wire, 0, 0, false);
    end_t *client = &wire->client, *server = &wire->server;
    for (int i = 0; i < 3; i++) CHECK_EQ(client->engine->write(client->session, "0123456789", 10, &n), MK_TLS_OK);
    CHECK_EQ(end_get(server, buf, 4, &n), MK_TLS_OK);
    CHECK_EQ(n, 4);
    CHECK(server->engine->pending(server->session));
    size_t got = n;
    while (server->engine->pending(server->session) || pipe_waiting(&wire->up) != 0) { /* each says where to look */
        CHECK_EQ(server->engine->read(server->session, buf, 4, &n), MK_TLS_OK);
        got += n;
        CHECK(got <= 30);
    }
    CHECK_EQ(got, 30);
    CHECK_EQ(server->engine->read(server->session, buf, 4, &n), MK_TLS_WANT_READ);
    CHECK(!server->engine->pending(server->session));
}

TEST(decrypted_bytes_that_wait_are_told) { each_pair(run_pending); }

static void run_ticket_first(wire_t *wire) {
    char   buf[100];
    size_t n = 0;
    open_pair(wire, 0, 0, false);
    CHECK_EQ(wire->server.engine->write(wire->server.session, "news", 4, &n), MK_TLS_OK);
    CHECK_EQ(wire->client.engine->read(wire->client.session, buf, sizeof(buf), &n), MK_TLS_OK);
    CHECK(n == 4 && memcmp(buf, "news", 4) == 0);
}

TEST(a_ticket_does_not_hide_the_data_behind_it) { each_pair(run_ticket_first); }

static void run_half_record(wire_t *wire) {
    char   buf[100];
    size_t n = 0;
    open_pair(wire, 0, 0, false);
    end_t *client = &wire->client, *server = &wire->server;
    CHECK_EQ(client->engine->write(client->session, "0123456789", 10, &n), MK_TLS_OK);
    size_t whole = wire->up.size;
    wire->up.size -= 5;
    CHECK_EQ(server->engine->read(server->session, buf, sizeof(buf), &n), MK_TLS_WANT_READ);
    CHECK(!server->engine->pending(server->session)); /* else its reader would go round and round */
    CHECK_EQ(pipe_waiting(&wire->up), 0);
    CHECK(whole > 5);
    wire->up.ended = true;
    CHECK_EQ(server->engine->read(server->session, buf, sizeof(buf), &n), MK_TLS_FAILED);
    CHECK(server->engine->was_cut(server->session));
}

TEST(half_a_record_is_not_pending_and_its_end_is_a_cut) { each_pair(run_half_record); }

/* ---- ends ------------------------------------------------------------------------------------------------------------------------------ */

static void run_finish(wire_t *wire) {
    char   buf[100];
    size_t n = 0;
    open_pair(wire, 0, 0, false);
    end_t *client = &wire->client, *server = &wire->server;
    CHECK_EQ(client->engine->write(client->session, "last words", 10, &n), MK_TLS_OK);
    CHECK_EQ(client->engine->finish(client->session), MK_TLS_OK);
    CHECK_EQ(client->engine->finish(client->session), MK_TLS_OK);
    wire->up.ended = true;
    CHECK_EQ(end_get(server, buf, sizeof(buf), &n), MK_TLS_OK);
    CHECK_EQ(n, 10);
    CHECK_EQ(end_get(server, buf, sizeof(buf), &n), MK_TLS_END);
    CHECK_EQ(end_get(server, buf, sizeof(buf), &n), MK_TLS_END);
    CHECK(!server->engine->was_cut(server->session));
    CHECK_STR(end_why(server), "");
    CHECK_EQ(server->engine->write(server->session, "an answer", 9, &n), MK_TLS_OK); /* the other half is open */
    CHECK_EQ(end_get(client, buf, sizeof(buf), &n), MK_TLS_OK);
    CHECK_EQ(n, 9);
    CHECK_EQ(server->engine->finish(server->session), MK_TLS_OK);
    CHECK_EQ(end_get(client, buf, sizeof(buf), &n), MK_TLS_END);
}

TEST(a_close_notify_ends_one_direction) { each_pair(run_finish); }

static void run_finish_waits(wire_t *wire) {
    char   buf[100];
    size_t n = 0;
    open_pair(wire, 0, 0, false);
    end_t *client = &wire->client, *server = &wire->server;
    wire->up.room = 3;
    CHECK_EQ(client->engine->finish(client->session), MK_TLS_WANT_WRITE);
    wire->up.room = 0;
    CHECK_EQ(client->engine->finish(client->session), MK_TLS_OK);
    CHECK_EQ(end_get(server, buf, sizeof(buf), &n), MK_TLS_END);
}

TEST(a_close_notify_may_have_to_wait) { each_pair(run_finish_waits); }

static void run_cut(wire_t *wire) {
    char   buf[100];
    size_t n = 0;
    open_pair(wire, 0, 0, false);
    end_t *client = &wire->client, *server = &wire->server;
    CHECK_EQ(client->engine->write(client->session, "half a sent", 11, &n), MK_TLS_OK);
    wire->up.ended = true;
    CHECK_EQ(end_get(server, buf, sizeof(buf), &n), MK_TLS_OK);
    CHECK_EQ(n, 11);
    CHECK_EQ(end_get(server, buf, sizeof(buf), &n), MK_TLS_FAILED);
    CHECK(server->engine->was_cut(server->session));
    CHECK(says(server, "without a close_notify"));
    CHECK_EQ(server->engine->read(server->session, buf, sizeof(buf), &n), MK_TLS_FAILED);
    CHECK_EQ(server->engine->write(server->session, buf, 1, &n), MK_TLS_FAILED);
    CHECK_EQ(server->engine->finish(server->session), MK_TLS_FAILED);
    CHECK(!server->engine->pending(server->session));
}

TEST(an_end_without_close_notify_is_a_cut) { each_pair(run_cut); }

static void run_broken(wire_t *wire) {
    char   buf[100];
    size_t n = 0;
    open_pair(wire, 0, 0, false);
    wire->up.broken = true;
    CHECK_EQ(wire->server.engine->read(wire->server.session, buf, sizeof(buf), &n), MK_TLS_FAILED);
    CHECK(!wire->server.engine->was_cut(wire->server.session));
    CHECK(says(&wire->server, "lost"));
    CHECK_EQ(wire->client.engine->write(wire->client.session, "a", 1, &n), MK_TLS_FAILED);
    CHECK(says(&wire->client, "lost"));
}

TEST(a_connection_that_breaks_is_told) { each_pair(run_broken); }

/* Everything up to the n-th byte of the handshake, and then the end. */
static void run_cut_handshake(wire_t *wire) {
    mk_tls_config_t client = client_trusting("ca.pem"), server = server_of("good.pem", "good.key");
    must_create(&wire->client, &client);
    must_create(&wire->server, &server);
    for (size_t left = 0; left < 1500; left += 97) {
        CHECK_EQ(wire_open(wire, "localhost", NULL), MK_OK);
        end_shake(&wire->client);
        end_shake(&wire->server);
        if (pipe_waiting(&wire->down) > left) wire->down.size = wire->down.at + left;
        wire->down.ended = true;
        for (int i = 0; i < 10; i++) end_shake(&wire->client);
        if (wire->client.status != MK_TLS_OK) { /* TLS 1.3: the whole flight may have come */
            CHECK_EQ(wire->client.status, MK_TLS_FAILED);
            CHECK(says(&wire->client, "during the handshake"));
        }
        wire_close(wire);
    }
}

TEST(a_handshake_that_is_cut_fails) { each_pair(run_cut_handshake); }

static void run_garbage(wire_t *wire) {
    static const char *const said[] = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\xff\xff garbage",
                                       "\x80\x2e\x01\x00\x02 sslv2", "\x15\x03\x03\x00\x02\x02\x28", "SSH-2.0-x\r\n"};
    mk_tls_config_t          server = server_of("good.pem", "good.key"), client = client_trusting("ca.pem");
    must_create(&wire->client, &client);
    must_create(&wire->server, &server);
    for (size_t i = 0; i < 2 * sizeof(said) / sizeof(said[0]); i++) {
        const char *text = said[i / 2];
        end_t      *victim = i % 2 == 0 ? &wire->server : &wire->client;
        CHECK_EQ(wire_open(wire, "localhost", NULL), MK_OK);
        if (victim == &wire->client) end_shake(victim); /* it speaks first */
        pipe_write(victim->in, text, i / 2 == 3 ? 7 : strlen(text));
        victim->in->ended = true;
        for (int k = 0; k < 10; k++) end_shake(victim);
        CHECK_EQ(victim->status, MK_TLS_FAILED);
        CHECK(end_why(victim)[0] != '\0');
        wire_close(wire);
    }
}

TEST(a_peer_that_speaks_no_tls_is_refused) { each_pair(run_garbage); }

/* One bit of what travels is turned, somewhere. */
static void run_forged(wire_t *wire) {
    char         buf[2000];
    size_t       n = 0;
    rig_random_t random = {42};
    for (int i = 0; i < 20; i++) {
        open_pair(wire, 0, 0, false);
        memset(buf, 'x', sizeof(buf));
        CHECK_EQ(wire->client.engine->write(wire->client.session, buf, 1000, &n), MK_TLS_OK);
        size_t at = wire->up.at + 5 + rig_random_below(&random, (uint32_t)pipe_waiting(&wire->up) - 5);
        wire->up.bytes[at] ^= (uint8_t)(1u << rig_random_below(&random, 8));
        CHECK_EQ(end_get(&wire->server, buf, sizeof(buf), &n), MK_TLS_FAILED);
        CHECK(!wire->server.engine->was_cut(wire->server.session));
        CHECK(end_why(&wire->server)[0] != '\0');
        CHECK_EQ(end_get(&wire->client, buf, sizeof(buf), &n), MK_TLS_FAILED);
        CHECK(says(&wire->client, "the peer refused: bad record mac"));
        wire_end(wire);
    }
}

TEST(forged_data_is_refused) { each_pair(run_forged); }

/* ---- life --------------------------------------------------------------------------------------------------------------------------------- */

static void run_reload(wire_t *wire) {
    mk_tls_config_t   server = server_of("rsa.pem", "rsa.key");
    mk_tls_context_t *old[2];
    open_pair(wire, 0, 0, false);
    old[0] = wire->client.context, old[1] = wire->server.context;
    wire->client.engine->context_release(old[0]);
    wire->server.engine->context_release(old[1]);
    wire->client.context = NULL;
    must_create(&wire->server, &server);
    exchange(wire);
    carry(wire, 100000);
}

TEST(a_context_may_be_replaced_while_its_sessions_live) { each_pair(run_reload); }

/* The whole of a life; false when something could not be had. */
static bool live(wire_t *wire, const mk_tls_config_t *client, const mk_tls_config_t *server, const char *host) {
    char   why[MK_TLS_WHY_BYTES] = "", buf[16];
    size_t n;
    bool   fine = wire->client.engine->context_create(client, &wire->client.context, why) == MK_OK &&
                wire->server.engine->context_create(server, &wire->server.context, why) == MK_OK;
    for (int i = 0; fine && i < 2; i++) {
        fine = wire_open(wire, host, "peer") == MK_OK && wire_shake(wire) &&
               wire->server.engine->write(wire->server.session, "hello", 5, &n) == MK_TLS_OK &&
               end_get(&wire->client, buf, sizeof(buf), &n) == MK_TLS_OK;
        if (wire->client.session != NULL) (void)end_info(&wire->client), (void)end_why(&wire->client);
        if (wire->server.session != NULL) (void)end_info(&wire->server), (void)end_why(&wire->server);
        wire_close(wire);
    }
    wire_end(wire);
    return fine;
}

static void run_without_memory(wire_t *wire) {
    static char              known[] = "node-7";
    static const char *const alpn[] = {"http/1.1", NULL};
    mk_tls_config_t          client = client_trusting("ca.pem"), server = server_of("good.pem", "good.key");
    client.alpn = server.alpn = alpn;
    server.authorities = pem("ca.pem"), server.verify = MK_TLS_VERIFY_OPTIONAL;
    client.certificate = pem("client.pem"), client.key = pem("client.key");
    mk_tls_config_t psk_server = {.server = true, .psk_find = find_psk, .psk_arg = known};
    mk_tls_config_t psk_client = {.psk_name = "node-7", .psk = {secret, sizeof(secret)}};
    CHECK(live(wire, &client, &server, "localhost"));
    CHECK(live(wire, &psk_client, &psk_server, NULL));
    for (int kind = 0; kind < 3; kind++)
        for (unsigned n = 1; oom_arm(n); n++) {
            if (kind == 0) (void)live(wire, &client, &server, "localhost");
            else if (kind == 1) (void)live(wire, &psk_client, &psk_server, NULL);
            else (void)live(wire, &client, &server, "wrong.host");
            if (!oom_disarm()) break;
        }
}

TEST(each_allocation_may_fail) { each_pair(run_without_memory); }
