/* SPDX-License-Identifier: Apache-2.0 */
/* The text of secret files, and what roles are worth. */
#include "node/secrets.h"

#include "rig/random.h"
#include "rig/rig.h"
#include "runtime/remote.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static mk_secret_t secrets[MK_SECRETS_MAX];
static size_t      secrets_n;
static char        why[MK_SECRETS_WHY_BYTES];

static mk_err_t parse(const char *text) {
    why[0] = '\0';
    return mk_secrets_parse(text, strlen(text), secrets, &secrets_n, why);
}

TEST(lines_are_secrets_with_their_roles) {
    CHECK_EQ(parse("# ours\n\n  member " KEY_A "\r\n\toperator\t" KEY_B), MK_OK);
    CHECK_EQ(secrets_n, 2);
    CHECK_EQ(secrets[0].role, NODE_ROLE_MEMBER);
    CHECK_EQ(secrets[1].role, NODE_ROLE_OPERATOR);
    CHECK_EQ(secrets[0].key[1], 0x11);
    CHECK_EQ(secrets[0].key[31], 0xff);
    CHECK(memcmp(secrets[0].id, secrets[1].id, MK_SECRET_ID_BYTES) != 0);
}

TEST(what_is_wrong_is_told_with_its_line_and_without_the_secret) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "there is no secret in it"},
        {"# member " KEY_A "\n", "there is no secret in it"},
        {KEY_A, "line 1: it begins with no role (observer, member, operator)"},
        {"\nnone " KEY_A, "line 2: it begins with no role (observer, member, operator)"},
        {"member", "line 1: a secret is 64 hexadecimal digits"},
        {"member " KEY_A "0", "line 1: a secret is 64 hexadecimal digits"},
        {"member 0011\n", "line 1: a secret is 64 hexadecimal digits"},
        {"member x" KEY_A, "line 1: a secret is 64 hexadecimal digits"},
        {"member " KEY_A " twice", "line 1: something follows the secret"},
        {"member " KEY_A "\nobserver " KEY_A, "line 2: this secret has been there before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ(parse(cases[i].text), MK_ERR_FORMAT);
        CHECK_STR(why, cases[i].why);
        CHECK_EQ(secrets_n, 0);
    }
    static const mk_secret_t none[MK_SECRETS_MAX];
    CHECK_EQ(parse("member " KEY_A "\nmember x"), MK_ERR_FORMAT);
    CHECK(memcmp(secrets, none, sizeof none) == 0); /* what was read before is wiped */
}

TEST(no_more_than_eight) {
    char   text[1024];
    size_t size = 0;
    for (int i = 0; i < 9; i++) {
        CHECK_EQ(size == 0 ? MK_ERR_FORMAT : mk_secrets_parse(text, size, secrets, &secrets_n, why),
                 i == 0 ? MK_ERR_FORMAT : MK_OK);
        size += (size_t)snprintf(text + size, sizeof text - size, "member %064d\n", i);
    }
    CHECK_EQ(mk_secrets_parse(text, size, secrets, &secrets_n, why), MK_ERR_FORMAT);
    CHECK_STR(why, "line 9: there are more than 8 secrets");
}

/* Fixed: nodes of different builds find each other by it. */
TEST(an_id_is_of_its_secret) {
    mk_secret_t          secret = {0};
    static const uint8_t expected[MK_SECRET_ID_BYTES] = {0xfe, 0x09, 0xc7, 0x6c, 0xde, 0x3a, 0x3f, 0xae};
    mk_secret_name(&secret);
    CHECK(memcmp(secret.id, expected, sizeof expected) == 0);
    mk_secret_t other = secret;
    mk_secret_name(&other);
    CHECK(memcmp(secret.id, other.id, sizeof other.id) == 0);
    other.key[31] ^= 1;
    mk_secret_name(&other);
    CHECK(memcmp(secret.id, other.id, sizeof other.id) != 0);
}

TEST(any_bytes_are_read_without_harm) {
    rig_random_t      random = {77};
    static const char letters[] = "member operator observer none\n\r\t #0123456789abcdefABCDEFg" KEY_A;
    char              text[400];
    for (int round = 0; round < 50000; round++) {
        size_t size = rig_random_below(&random, sizeof text);
        for (size_t i = 0; i < size; i++)
            text[i] = rig_random_below(&random, 50) == 0 ? (char)rig_random_next(&random)
                                                         : letters[rig_random_below(&random, sizeof letters - 1)];
        mk_err_t err = mk_secrets_parse(text, size, secrets, &secrets_n, why);
        CHECK((err == MK_OK) == (secrets_n != 0));
    }
}

TEST(roles_are_worth_what_they_say) {
    node_role_t role;
    CHECK_EQ(mk_role_may(NODE_ROLE_NONE), 0);
    CHECK_EQ(mk_role_may(NODE_ROLE_OBSERVER), MK_MAY_LOOKUP);
    CHECK_EQ(mk_role_may(NODE_ROLE_MEMBER), MK_MAY_LOOKUP | MK_MAY_SEND);
    CHECK_EQ(mk_role_may(NODE_ROLE_OPERATOR),
             MK_MAY_LOOKUP | MK_MAY_SEND | MK_MAY_SEND_ANY | MK_MAY_STOP | MK_MAY_SPAWN | MK_MAY_RELOAD);
    CHECK_EQ(mk_role_may((node_role_t)77), 0);
    for (int each = NODE_ROLE_NONE; each <= NODE_ROLE_OPERATOR; each++) {
        CHECK(node_role_parse(node_role_text((node_role_t)each), &role));
        CHECK_EQ((int)role, each);
    }
    CHECK(!node_role_parse("Member", &role));
    CHECK(!node_role_parse("", &role));
    CHECK_STR(node_role_text((node_role_t)77), "none");
}
