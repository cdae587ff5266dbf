/* SPDX-License-Identifier: Apache-2.0 */
/* Keyrings of files, and who is let in by them; every engine as the caller of every other. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/certificates.h"
#include "node/secrets.h"
#include "rig/oom.h"
#include "rig/rig.h"

#define KEY_A "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define KEY_B "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"

static char why[MK_SECRETS_WHY_BYTES];

/* ---- files ------------------------------------------------------------------------------------------------------------- */

static const char *file_with(const char *text, mode_t mode) {
    static char path[4][300];
    static int  turn;
    char       *out = path[turn = (turn + 1) % 4];
    snprintf(out, sizeof path[0], "%s/tests/keyring.%d.%d", MK_BINARY_DIR, (int)getpid(), turn);
    unlink(out);
    int file = open(out, O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK_EQ(fchmod(file, mode), 0);
    close(file);
    return out;
}

static const char *certificate_file(const char *name) {
    static char path[8][300];
    static int  turn;
    char       *out = path[turn = (turn + 1) % 8];
    certificates_make();
    snprintf(out, sizeof path[0], "%s/%s", certificates_folder, name);
    if (strstr(name, ".key") != NULL) CHECK_EQ(chmod(out, 0600), 0);
    return out;
}

static mk_keyring_t *secret_on(const mk_tls_engine_t *engine, const char *lines) {
    mk_keyring_t *keys = NULL;
    const char   *path = file_with(lines, 0600);
    mk_err_t      err = mk_keyring_load_on(engine, path, NULL, NULL, NULL, &keys, why);
    unlink(path);
    if (err != MK_OK) rig_fail(__FILE__, __LINE__, "no keyring: %s", why);
    return keys;
}

/* NULL: the engine has no TLS 1.3. `lines` may be NULL. */
static mk_keyring_t *certified_on(const mk_tls_engine_t *engine, const char *name, const char *key, const char *lines) {
    mk_keyring_t *keys = NULL;
    const char   *secret = lines != NULL ? file_with(lines, 0600) : NULL;
    mk_err_t      err = mk_keyring_load_on(engine, secret, certificate_file(name), certificate_file(key),
                                           certificate_file("ca.pem"), &keys, why);
    if (secret != NULL) unlink(secret);
    if (err == MK_ERR_NOSYS) return NULL;
    if (err != MK_OK) rig_fail(__FILE__, __LINE__, "no keyring: %s", why);
    return keys;
}

/* Certificates need TLS 1.3, which not all libraries have. */
static bool has_certificates(void) {
    mk_keyring_t *keys = certified_on(NULL, "alpha.pem", "alpha.key", NULL);
    bool          has = keys != NULL;
    mk_keyring_release(keys);
    return has;
}

/* ---- a connection of which everything is kept --------------------------------------------------------------------------- */

typedef struct tape {
    uint8_t bytes[65536];
    size_t  size, at;
    bool    ended;
} tape_t;

typedef struct party {
    const mk_tls_engine_t *engine;
    mk_tls_session_t      *session;
    tape_t                *in, *out;
    mk_tls_status_t        status;
} party_t;

static tape_t  up, down;
static party_t caller, called;

static ptrdiff_t tape_read(void *arg, void *buf, size_t size) {
    tape_t *tape = ((party_t *)arg)->in;
    size_t  n = tape->size - tape->at;
    if (n == 0) return tape->ended ? 0 : MK_IO_WAIT;
    if (n > size) n = size;
    memcpy(buf, tape->bytes + tape->at, n);
    tape->at += n;
    return (ptrdiff_t)n;
}

static ptrdiff_t tape_write(void *arg, const void *data, size_t size) {
    tape_t *tape = ((party_t *)arg)->out;
    CHECK(tape->size + size <= sizeof tape->bytes);
    memcpy(tape->bytes + tape->size, data, size);
    tape->size += size;
    return (ptrdiff_t)size;
}

static void step(party_t *party) {
    uint8_t byte;
    size_t  n;
    if (party->status == MK_TLS_WANT_READ || party->status == MK_TLS_WANT_WRITE)
        party->status = party->engine->handshake(party->session);
    else if (party->status == MK_TLS_OK && party->engine->read(party->session, &byte, 1, &n) == MK_TLS_FAILED)
        party->status = MK_TLS_FAILED; /* with TLS 1.3 a refusal comes after the handshake */
    if (party->status == MK_TLS_FAILED) party->out->ended = true;
}

static void hang_up(void) {
    if (caller.session != NULL) caller.engine->session_destroy(caller.session);
    if (called.session != NULL) called.engine->session_destroy(called.session);
    caller.session = called.session = NULL;
}

/* True: both are content with each other. */
static bool call(const mk_tls_engine_t *from, mk_tls_context_t *client, const mk_tls_engine_t *to,
                 mk_tls_context_t *server) {
    memset(&up, 0, sizeof up);
    memset(&down, 0, sizeof down);
    caller = (party_t){from, NULL, &down, &up, MK_TLS_WANT_READ};
    called = (party_t){to, NULL, &up, &down, MK_TLS_WANT_READ};
    CHECK_EQ(from->session_create(client, "192.0.2.7", NULL, &(mk_tls_io_t){&caller, tape_read, tape_write},
                                  &caller.session),
             MK_OK);
    CHECK_EQ(to->session_create(server, NULL, NULL, &(mk_tls_io_t){&called, tape_read, tape_write}, &called.session),
             MK_OK);
    for (int i = 0; i < 100; i++) {
        step(&caller);
        step(&called);
    }
    return caller.status == MK_TLS_OK && called.status == MK_TLS_OK;
}

static bool meet(const mk_keyring_t *from, const mk_keyring_t *to) {
    return call(mk_keyring_engine(from), mk_keyring_client(from), mk_keyring_engine(to), mk_keyring_server(to));
}

static uint32_t judge(const mk_keyring_t *keys, const party_t *party, char proved[32]) {
    mk_tls_info_t info;
    party->engine->info(party->session, &info);
    return mk_keyring_judge(keys, &info, proved);
}

static bool holds(const tape_t *tape, const void *bytes, size_t size) {
    return memmem(tape->bytes, tape->size, bytes, size) != NULL;
}

static void each_pair(void (*run)(const mk_tls_engine_t *from, const mk_tls_engine_t *to)) {
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    for (size_t i = 0; mk_tls_engines[i] != NULL; i++)
        for (size_t k = 0; mk_tls_engines[k] != NULL; k++) run(mk_tls_engines[i], mk_tls_engines[k]);
}

/* ---- secrets ------------------------------------------------------------------------------------------------------------- */

static void by_secret(const mk_tls_engine_t *from, const mk_tls_engine_t *to) {
    mk_keyring_t *one = secret_on(from, "member " KEY_A "\n"),
                 *two = secret_on(to, "operator " KEY_B "\nmember " KEY_A "\n");
    uint8_t key[MK_SECRET_BYTES];
    char    proved[32] = "x";
    CHECK(meet(one, two));
    CHECK_EQ(judge(two, &called, proved), mk_role_may(NODE_ROLE_MEMBER));
    CHECK_STR(proved, "");
    CHECK_EQ(judge(one, &caller, proved), mk_role_may(NODE_ROLE_MEMBER));
    memset(key, 0xa1, sizeof key);
    CHECK(!holds(&up, key, sizeof key) && !holds(&down, key, sizeof key));
    hang_up();
    CHECK(!meet(two, one)); /* it shows its first, which the other does not have */
    hang_up();
    mk_keyring_release(one);
    mk_keyring_release(two);
}

TEST(who_has_the_secret_is_let_in) { each_pair(by_secret); }

/* What a server says to somebody with the wrong key of a right name, and to one with a name it does not know. */
static void strangers(const mk_tls_engine_t *from, const mk_tls_engine_t *to) {
    mk_keyring_t     *keys = secret_on(to, "member " KEY_A "\n"), *other = secret_on(from, "member " KEY_B "\n");
    const uint8_t    *id = mk_keyring_secret(keys, NULL)->id;
    char              name[17], text[MK_TLS_WHY_BYTES], first[MK_TLS_WHY_BYTES];
    uint8_t           wrong[32] = {1};
    mk_tls_context_t *context = NULL;
    for (size_t i = 0; i < 8; i++) snprintf(name + 2 * i, 3, "%02x", id[i]);
    mk_tls_config_t config = {.psk_name = name, .psk = {wrong, sizeof wrong}};
    CHECK_EQ(from->context_create(&config, &context, text), MK_OK);
    CHECK(!call(from, context, to, mk_keyring_server(keys)));
    CHECK_EQ(called.status, MK_TLS_FAILED);
    size_t size = down.size;
    snprintf(first, sizeof first, "%s", from->why(caller.session));
    hang_up();
    from->context_release(context);
    CHECK(!meet(other, keys));
    CHECK_EQ(called.status, MK_TLS_FAILED);
    CHECK_EQ(down.size, size);
    CHECK_STR(from->why(caller.session), first);
    hang_up();
    mk_keyring_release(keys);
    mk_keyring_release(other);
}

TEST(a_secret_nobody_has_looks_like_one_that_is_wrong) { each_pair(strangers); }

static void without_secret(const mk_tls_engine_t *from, const mk_tls_engine_t *to) {
    char              text[MK_TLS_WHY_BYTES];
    mk_keyring_t     *keys = secret_on(to, "member " KEY_A "\n");
    mk_tls_context_t *context = NULL;
    mk_tls_config_t   config = {.verify = MK_TLS_VERIFY_NONE};
    CHECK_EQ(from->context_create(&config, &context, text), MK_OK);
    CHECK(!call(from, context, to, mk_keyring_server(keys)));
    CHECK_EQ(called.status, MK_TLS_FAILED);
    CHECK(down.size <= 7); /* an alert */
    hang_up();
    from->context_release(context);
    mk_keyring_release(keys);
}

TEST(who_has_none_is_told_no_more_than_that) { each_pair(without_secret); }

TEST(a_caller_with_a_secret_takes_no_certificate_instead) {
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    mk_keyring_t *server = certified_on(NULL, "alpha.pem", "alpha.key", NULL),
                 *client = secret_on(NULL, "member " KEY_A "\n");
    if (server == NULL) mk_keyring_release(client);
    if (server == NULL) rig_skip("a build without TLS 1.3");
    CHECK(!meet(client, server));
    hang_up();
    mk_keyring_release(server);
    mk_keyring_release(client);
}

/* ---- certificates ----------------------------------------------------------------------------------------------------------- */

static void by_certificate(const mk_tls_engine_t *from, const mk_tls_engine_t *to) {
    mk_keyring_t *one = certified_on(from, "alpha.pem", "alpha.key", NULL);
    mk_keyring_t *two = one != NULL ? certified_on(to, "beta.pem", "alpha.key", "member " KEY_A) : NULL;
    char          proved[32];
    if (two != NULL) {
        CHECK(meet(one, two));
        CHECK_EQ(judge(two, &called, proved), mk_role_may(NODE_ROLE_MEMBER));
        CHECK_STR(proved, "alpha");
        CHECK_EQ(judge(one, &caller, proved), mk_role_may(NODE_ROLE_OPERATOR));
        CHECK_STR(proved, "beta");
        CHECK(!holds(&up, "alpha", 5) && !holds(&down, "beta", 4)); /* who listens in reads no names */
        CHECK(!holds(&down, "authority", 9));
        hang_up();
        mk_keyring_t *member = secret_on(from, "member " KEY_A);
        CHECK(meet(member, two)); /* it takes either */
        CHECK_EQ(judge(two, &called, proved), mk_role_may(NODE_ROLE_MEMBER));
        CHECK_STR(proved, "");
        hang_up();
        mk_keyring_release(member);
    }
    mk_keyring_release(one);
    mk_keyring_release(two);
}

TEST(who_has_a_certificate_is_known_by_it) { each_pair(by_certificate); }

static void refused(const mk_tls_engine_t *from, const mk_tls_engine_t *to) {
    mk_keyring_t *server = certified_on(to, "alpha.pem", "alpha.key", NULL);
    mk_keyring_t *spy = certified_on(from, "spy.pem", "spy.key", NULL);
    char          text[MK_TLS_WHY_BYTES], proved[32];
    if (server != NULL && spy != NULL) {
        CHECK(!meet(spy, server)); /* by an authority of its own */
        CHECK_EQ(called.status, MK_TLS_FAILED);
        hang_up();
        CHECK(!meet(server, spy));
        CHECK_EQ(caller.status, MK_TLS_FAILED);
        hang_up();
        mk_keyring_t *king = certified_on(from, "king.pem", "alpha.key", NULL);
        CHECK(meet(king, server)); /* by ours, but no role of ours */
        CHECK_EQ(judge(server, &called, proved), 0);
        CHECK_STR(proved, "");
        hang_up();
        mk_keyring_release(king);
        mk_tls_context_t *context = NULL;
        mk_tls_config_t   config = {.verify = MK_TLS_VERIFY_NONE};
        CHECK_EQ(from->context_create(&config, &context, text), MK_OK);
        CHECK(!call(from, context, to, mk_keyring_server(server))); /* without any */
        CHECK_EQ(called.status, MK_TLS_FAILED);
        hang_up();
        from->context_release(context);
    }
    mk_keyring_release(server);
    mk_keyring_release(spy);
}

TEST(who_has_none_of_ours_is_not) { each_pair(refused); }

TEST(an_older_tls_is_not_spoken_where_it_would_show_names) {
    const mk_tls_engine_t *old = mk_tls_engine("mbedtls");
    mk_keyring_t *server = mk_tls_engines[0] != NULL ? certified_on(NULL, "alpha.pem", "alpha.key", NULL) : NULL;
    if (old == NULL || server == NULL) rig_skip("this needs two engines");
    mk_keyring_t *keys = certified_on(old, "alpha.pem", "alpha.key", NULL);
    if (keys == NULL) {
        mk_tls_context_t *context = NULL;
        char              text[MK_TLS_WHY_BYTES];
        mk_tls_config_t   config = {.verify = MK_TLS_VERIFY_NONE};
        CHECK(strstr(why, "TLS 1.3") != NULL);
        CHECK_EQ(old->context_create(&config, &context, text), MK_OK);
        CHECK(!call(old, context, mk_keyring_engine(server), mk_keyring_server(server)));
        CHECK(down.size <= 7);
        hang_up();
        old->context_release(context);
    }
    mk_keyring_release(keys);
    mk_keyring_release(server);
}

/* ---- subjects ----------------------------------------------------------------------------------------------------------------- */

TEST(a_subject_names_one_identity_and_one_role) {
    static const struct {
        const char *subject, *proved;
        node_role_t role;
    } cases[] = {
        {"CN=alpha, OU=member", "alpha", NODE_ROLE_MEMBER},
        {"OU=observer, CN=a.b-c_9", "a.b-c_9", NODE_ROLE_OBSERVER},
        {"CN=alpha", "", NODE_ROLE_NONE},
        {"OU=member", "", NODE_ROLE_NONE},
        {"CN=alpha, OU=member, OU=operator", "", NODE_ROLE_NONE},
        {"CN=alpha, CN=beta, OU=member", "", NODE_ROLE_NONE},
        {"CN=alpha, OU=Member", "", NODE_ROLE_NONE},
        {"CN=alpha, OU=none", "", NODE_ROLE_NONE},
        {"CN=alpha, O=x, OU=member", "", NODE_ROLE_NONE},
        {"CN=alpha\\, OU=operator", "", NODE_ROLE_NONE},
        {"CN=alpha\\, OU=operator, OU=member", "", NODE_ROLE_NONE},
        {"CN=alpha + OU=operator", "", NODE_ROLE_NONE},
        {"CN=, OU=member", "", NODE_ROLE_NONE},
        {"CN=alpha, OU=member,", "", NODE_ROLE_NONE},
        {"CN=1234567890123456789012345678901, OU=member", "1234567890123456789012345678901", NODE_ROLE_MEMBER},
        {"CN=12345678901234567890123456789012, OU=member", "", NODE_ROLE_NONE},
        {"CN=al pha, OU=member", "", NODE_ROLE_NONE},
        {"CN=../alpha, OU=member", "", NODE_ROLE_NONE},
        {"", "", NODE_ROLE_NONE},
    };
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    mk_keyring_t *keys = secret_on(NULL, "member " KEY_A);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char          proved[32] = "x";
        mk_tls_info_t info = {.psk_name = "", .peer_subject = cases[i].subject};
        CHECK_EQ(mk_keyring_judge(keys, &info, proved), mk_role_may(cases[i].role));
        CHECK_STR(proved, cases[i].proved);
    }
    mk_tls_info_t info = {.psk_name = "0123456789abcdef", .peer_subject = ""};
    char          proved[32];
    CHECK_EQ(mk_keyring_judge(keys, &info, proved), 0);
    mk_keyring_release(keys);
}

/* ---- files ------------------------------------------------------------------------------------------------------------------- */

static mk_err_t load(const char *secret, const char *certificate, const char *key, const char *authority) {
    mk_keyring_t *keys = NULL;
    why[0] = '\0';
    mk_err_t err = mk_keyring_load(secret, certificate, key, authority, &keys, why);
    CHECK((err == MK_OK) == (keys != NULL));
    if (err != MK_OK) CHECK(why[0] != '\0');
    CHECK(strstr(why, "a1a1") == NULL);
    mk_keyring_release(keys);
    return err;
}

TEST(files_others_may_read_are_refused) {
    static const mode_t modes[] = {0640, 0604, 0660, 0602, 0620, 0601};
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        const char *path = file_with("member " KEY_A, modes[i]);
        CHECK_EQ(load(path, NULL, NULL, NULL), MK_ERR_DENIED);
        CHECK(strstr(why, "chmod 600") != NULL);
        CHECK_EQ(chmod(path, 0400), 0);
        CHECK_EQ(load(path, NULL, NULL, NULL), MK_OK);
        unlink(path);
    }
    const char *key = certificate_file("alpha.key");
    CHECK_EQ(chmod(key, 0644), 0);
    CHECK_EQ(load(NULL, certificate_file("alpha.pem"), key, certificate_file("ca.pem")), MK_ERR_DENIED);
    CHECK_EQ(chmod(key, 0600), 0);
}

TEST(what_cannot_be_used_is_told) {
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    const char *ca = certificate_file("ca.pem"), *alpha = certificate_file("alpha.pem"),
               *key = certificate_file("alpha.key");
    const char *empty = file_with("", 0600), *broken = file_with("member " KEY_A "\nking " KEY_B, 0600);
    CHECK_EQ(load(NULL, NULL, NULL, NULL), MK_ERR_INVALID);
    CHECK_EQ(load(NULL, alpha, NULL, ca), MK_ERR_INVALID);
    CHECK_EQ(load(NULL, alpha, key, NULL), MK_ERR_INVALID);
    CHECK_EQ(load("/nonexistent/file", NULL, NULL, NULL), MK_ERR_NOTFOUND);
    CHECK_EQ(load(certificates_folder, NULL, NULL, NULL), MK_ERR_IO);
    CHECK_EQ(load(empty, NULL, NULL, NULL), MK_ERR_FORMAT);
    CHECK_EQ(load(broken, NULL, NULL, NULL), MK_ERR_FORMAT);
    CHECK(strstr(why, "line 2") != NULL);
    CHECK_EQ(load(NULL, empty, key, ca), MK_ERR_FORMAT);
    CHECK_EQ(load(NULL, alpha, empty, ca), MK_ERR_FORMAT);
    if (has_certificates()) {
        CHECK_EQ(load(NULL, alpha, key, broken), MK_ERR_FORMAT);
        CHECK_EQ(load(NULL, alpha, certificate_file("spy.key"), ca), MK_ERR_FORMAT);
    } else {
        CHECK_EQ(load(NULL, alpha, key, ca), MK_ERR_NOSYS);
    }
    unlink(empty);
    unlink(broken);
}

TEST(what_a_file_holds_is_listed_without_its_secrets) {
    node_secret_info_t infos[NODE_SECRETS_MAX];
    size_t             n;
    const char        *path = file_with("member " KEY_A "\noperator " KEY_B, 0600);
    CHECK_EQ(node_secret_list(path, infos, NODE_SECRETS_MAX, &n, why, sizeof why), MK_OK);
    CHECK_EQ(n, 2);
    CHECK_EQ(infos[1].role, NODE_ROLE_OPERATOR);
    CHECK_EQ(strlen(infos[0].id), 16);
    CHECK(strcmp(infos[0].id, infos[1].id) != 0);
    CHECK_EQ(node_secret_list(path, infos, 1, &n, why, sizeof why), MK_OK);
    CHECK_EQ(n, 2);
    CHECK_EQ(chmod(path, 0644), 0);
    CHECK_EQ(node_secret_list(path, infos, 1, &n, why, sizeof why), MK_ERR_DENIED);
    CHECK_EQ(n, 0);
    unlink(path);
}

TEST(any_allocation_may_fail) {
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    const char *secret = file_with("member " KEY_A, 0600);
    const char *ca = certificate_file("ca.pem"), *alpha = certificate_file("alpha.pem"),
               *key = certificate_file("alpha.key");
    bool     certified = has_certificates();
    unsigned n = 1;
    for (; oom_arm(n); n++) {
        mk_err_t err = certified ? load(secret, alpha, key, ca) : load(secret, NULL, NULL, NULL);
        if (!oom_disarm()) {
            CHECK_EQ(err, MK_OK);
            break;
        }
        CHECK(err == MK_ERR_NOMEM || err == MK_OK);
    }
    CHECK(n > 5);
    unlink(secret);
}

TEST(a_keyring_is_counted) {
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    mk_keyring_t *keys = secret_on(NULL, "member " KEY_A);
    CHECK(mk_keyring_retain(keys) == keys);
    mk_keyring_release(keys);
    const mk_secret_t *first = mk_keyring_secret(keys, NULL);
    CHECK_EQ(first->role, NODE_ROLE_MEMBER);
    CHECK(mk_keyring_secret(keys, first->id) == first);
    CHECK(mk_keyring_secret(keys, (const uint8_t *)"12345678") == NULL);
    mk_keyring_release(keys);
    mk_keyring_release(NULL);
}
