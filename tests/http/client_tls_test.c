/* SPDX-License-Identifier: Apache-2.0 */
/* https: straight and through a tunnel, trust from the caller and from the system, and every allocation of it failed once. */
#include "http/client_rig.h"
#include "net/certificates.h"

static const reply_t answers[] = {
    {"GET /hello ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", STAYS, 0},
    {"GET /until-close ", "HTTP/1.1 200 OK\r\n\r\nhello", FINISHES, 0},
    {"GET /cut ", "HTTP/1.1 200 OK\r\n\r\nhello", RESETS, 5},
    {"GET /to/https ", "HTTP/1.1 302 X\r\nLocation: https://x.wild.test/hello\r\nContent-Length: 0\r\n\r\n", STAYS, 0},
    {"GET /to/http ", "HTTP/1.1 302 X\r\nLocation: http://x.wild.test/hello\r\nContent-Length: 0\r\n\r\n", STAYS, 0},
    {"CONNECT x.wild.test:443 ", "HTTP/1.1 200 Connection established\r\n\r\n", STAYS, 0},
    {0},
};

static socket_tls_t *trust;

static socket_tls_t *make(const char *authorities, const char *certificate, const char *key) {
    socket_tls_t        *tls;
    char                 why[SOCKET_TLS_WHY_BYTES];
    char                *ca = authorities != NULL ? certificates_read(authorities) : NULL;
    char                *own = certificate != NULL ? certificates_read(certificate) : NULL;
    char                *secret = key != NULL ? certificates_read(key) : NULL;
    socket_tls_options_t options = {.server = own != NULL};
    if (ca != NULL) options.authorities = (socket_bytes_t){ca, strlen(ca)};
    if (own != NULL) options.certificate = (socket_bytes_t){own, strlen(own)};
    if (secret != NULL) options.key = (socket_bytes_t){secret, strlen(secret)};
    if (socket_tls_create(&options, &tls, why) != MK_OK) rig_fail(__FILE__, __LINE__, "%s", why);
    free(ca), free(own), free(secret);
    return tls;
}

static void open_secure(const char *certificate, const char *key) {
    if (mk_tls_engine(NULL) == NULL) rig_skip("no TLS in this build");
    certificates_make();
    open_stage(answers);
    server.tls = make(NULL, certificate, key);
    trust = make("ca.pem", NULL, NULL);
}

static void close_secure(void) {
    socket_tls_t *tls = server.tls;
    close_stage();
    socket_tls_release(tls);
    socket_tls_release(trust);
}

static void fetch_secretly(got_t *got, const char *url, const char *proxy) {
    mk_fetch_options_t options = {.url = url, .tls = trust, .proxy = proxy};
    begin_opts(got, &options);
    run_until_over(got);
}

TEST(secrets_go_straight_or_through_a_tunnel) {
    static const char *const urls[] = {"https://x.wild.test/hello", "https://x.wild.test/until-close",
                                       "http://x.wild.test/to/https", "https://x.wild.test/to/http"};
    for (int tunnel = 0; tunnel < 2; tunnel++) {
        open_secure("good.pem", "good.key");
        for (size_t i = 0; i < (tunnel ? 2 : 4); i++) {
            got_t got = {0};
            fetch_secretly(&got, urls[i], tunnel ? "http://me:you@proxy.test:3128" : NULL);
            if (got.ends != 1) rig_fail(__FILE__, __LINE__, "%s: %s", urls[i], got.text);
            CHECK(body_is(&got, "hello"));
            forget(&got);
        }
        CHECK_EQ(strstr(asked(), "CONNECT x.wild.test:443 HTTP/1.1\r\nHost: x.wild.test:443\r\n") != NULL, tunnel);
        close_secure();
    }
}

TEST(who_is_not_who_it_says_hears_nothing) {
    static const struct {
        const char *certificate, *key;
    } cases[] = {
        {"expired.pem", "good.key"}, {"early.pem", "good.key"}, {"other.pem", "other.key"}, {"self.pem", "self.key"}};
    for (size_t i = 0; i < 4; i++) {
        for (int tunnel = 0; tunnel < 2; tunnel++) {
            got_t got = {0};
            open_secure(cases[i].certificate, cases[i].key);
            fetch_secretly(&got, "https://x.wild.test/hello", tunnel ? "http://proxy.test:3128" : NULL);
            CHECK_EQ(got.why, MK_ERR_PROTO);
            CHECK(strncmp(got.text, "x.wild.test: ", 13) == 0);
            CHECK(strstr(asked(), "GET") == NULL);
            forget(&got);
            close_secure();
        }
    }
}

TEST(an_end_that_was_cut_is_none) {
    got_t got = {0};
    open_secure("good.pem", "good.key");
    fetch_secretly(&got, "https://x.wild.test/cut", NULL);
    CHECK_EQ(got.why, MK_ERR_IO);
    forget(&got);
    close_secure();
}

TEST(trust_of_another_is_another_connection) {
    got_t         got = {0};
    socket_tls_t *other;
    open_secure("good.pem", "good.key");
    other = make("other_ca.pem", NULL, NULL);
    fetch_secretly(&got, "https://x.wild.test/hello", NULL);
    CHECK_EQ(got.ends, 1);
    forget(&got);
    mk_fetch_options_t options = {.url = "https://x.wild.test/hello", .tls = other};
    begin_opts(&got, &options);
    run_until_over(&got);
    CHECK_EQ(got.why, MK_ERR_PROTO);
    forget(&got);
    socket_tls_release(other);
    close_secure();
}

/* ---- the system's authorities ------------------------------------------------------------------------------------ */

static void trust_in(const char *file) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", certificates_folder, file);
    CHECK_EQ(setenv("SSL_CERT_FILE", path, 1), 0);
}

TEST(the_systems_authorities_are_read_once) {
    static got_t got[4];
    open_secure("good.pem", "good.key");
    trust_in("ca.pem");
    memset(got, 0, sizeof got);
    for (size_t i = 0; i < 4; i++) begin(&got[i], "https://x.wild.test/hello");
    for (size_t i = 0; i < 4; i++) {
        run_until_over(&got[i]);
        if (got[i].ends != 1) rig_fail(__FILE__, __LINE__, "%s", got[i].text);
        forget(&got[i]);
    }
    trust_in("other_ca.pem"); /* too late */
    fetch_ok("https://x.wild.test/until-close", "hello");
    fetch_ok("https://x.wild.test/until-close", "hello");
    close_secure();
}

TEST(a_client_may_end_while_they_are_read) {
    got_t got = {0};
    open_secure("good.pem", "good.key");
    trust_in("ca.pem");
    begin(&got, "https://x.wild.test/hello");
    mk_loop_settle(stage); /* the job is under way, its end not told */
    forget(&got);
    close_secure();
}

static void run_without_memory(bool systems, const char *proxy) {
    for (unsigned n = 1;; n++) {
        got_t       got = {0};
        const char *why;
        open_secure("good.pem", "good.key");
        trust_in("ca.pem");
        CHECK(mk_buffer_reserve(&got.body, 64) != NULL && mk_buffer_reserve(&server.log, 1000) != NULL);
        mk_fetch_options_t options = {
            .url = "https://x.wild.test/hello", .tls = systems ? NULL : trust, .proxy = proxy, .total_ms = 5000};
        oom_arm(n);
        mk_err_t err = mk_fetch_start(client, &options, &got_ops, &got, &got.fetch, &why);
        if (err != MK_OK) CHECK_EQ(err, MK_ERR_NOMEM);
        for (int i = 0; err == MK_OK && i < 400 && !over(&got); i++) mk_loop_run(stage, 20000);
        bool reached = oom_disarm();
        if (err != MK_OK) got.fetch = NULL;
        else CHECK(over(&got));
        if (got.ends != 0) CHECK(body_is(&got, "hello"));
        forget(&got);
        settle();
        mk_client_info_t info;
        mk_client_info(client, &info);
        CHECK_EQ(info.fetches, 0);
        fetch_ok("https://x.wild.test/hello", "hello");
        close_secure();
        if (!reached) break;
    }
}

TEST(each_allocation_may_fail) {
    run_without_memory(false, NULL);
    run_without_memory(true, NULL);
    run_without_memory(false, "http://me:you@proxy.test:3128");
}
