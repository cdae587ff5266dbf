/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody without the secret can do to a hub, and somebody who sees and changes every packet. */
#include "runtime/remote.h"
#include "udp_rig.h"

static mk_keyring_t *member_keys(void) { return keys_of(secret_line("member", 'a')); }

/* ---- a stranger: a socket that counts what it is answered ------------------------------------------------------------------ */

static struct {
    mk_udp_t udp;
    unsigned answers;
    size_t   longest, bytes;
    uint8_t  last[2048];
    size_t   last_size;
} stranger;

static void stranger_hears(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from) {
    (void)udp, (void)from;
    stranger.answers++;
    stranger.bytes += size;
    if (size > stranger.longest) stranger.longest = size;
    memcpy(stranger.last, data, stranger.last_size = size);
}

static void stranger_open(void) {
    mk_addr_t at = mk_fake_addr("192.0.2.66", 666);
    mk_fake_give_address(0, &at);
    memset(&stranger, 0, sizeof stranger);
    CHECK_EQ(mk_udp_open(net, &stranger.udp, &at, stranger_hears), MK_OK);
}

static void stranger_sends(const uint8_t *bytes, size_t size) {
    mk_addr_t to = addr_b();
    (void)!mk_udp_send(&stranger.udp, bytes, size, &to);
}

static void open_called(mk_keyring_t *keys) {
    mk_addr_t at = addr_b();
    mk_fake_give_address(0, &at);
    a = (side_t){0};
    CHECK_EQ(side_open(&b, &at, keys), MK_OK);
    mk_keyring_release(keys);
}

static mk_secret_t secret_of_digit(char digit) {
    mk_secret_t   secret;
    mk_keyring_t *keys = keys_of(secret_line("member", digit));
    secret = *mk_keyring_secret(keys, NULL);
    mk_keyring_release(keys);
    return secret;
}

TEST(a_wrong_secret_is_not_answered) {
    mk_keyring_t *right = member_keys(), *wrong = keys_of(secret_line("member", 'b'));
    open_net(1);
    open_both(wrong, right);
    mk_addr_t to = middle_open();
    CHECK_EQ(side_dial(&a, &to), MK_OK);
    RUN_UNTIL(a.call.closes == 1);
    CHECK_EQ(a.call.err, MK_ERR_TIMEOUT);
    CHECK(middle.up > 5);
    CHECK_EQ(middle.down, 0);
    CHECK(b.hub->channels == NULL);
    mk_keyring_release(right);
    mk_keyring_release(wrong);
    middle_close();
    close_both();
    close_net();
}

TEST(plain_and_sealed_do_not_mix) {
    for (int sealed = 0; sealed < 2; sealed++) {
        mk_keyring_t *keys = member_keys();
        open_net(2);
        open_both(sealed ? keys : NULL, sealed ? NULL : keys);
        mk_addr_t to = middle_open();
        CHECK_EQ(side_dial(&a, &to), MK_OK);
        RUN_UNTIL(a.call.closes == 1);
        CHECK_EQ(middle.down, 0);
        mk_keyring_release(keys);
        middle_close();
        close_both();
        close_net();
    }
}

/* The id of a secret is seen by who listens in; the secret behind it is not. */
TEST(the_right_id_without_the_secret_is_not_answered) {
    mk_secret_t right = secret_of_digit('a'), wrong = secret_of_digit('b');
    uint8_t     packet[MK_UDP_SHAKE_BYTES_MAX];
    open_net(3);
    open_called(member_keys());
    stranger_open();
    mk_udp_init_t init = {.index = 1, .life = 2, .share = {3}};
    memcpy(init.id, right.id, sizeof init.id);
    stranger_sends(packet, mk_udp_put_init(packet, &init, &wrong));
    run_ms(100);
    CHECK_EQ(stranger.answers, 0);
    stranger_sends(packet, mk_udp_put_init(packet, &init, &right));
    run_ms(100);
    CHECK_EQ(stranger.answers, 1);
    mk_udp_close(&stranger.udp);
    close_both();
    close_net();
}

TEST(garbage_is_not_answered) {
    rig_random_t random = {4};
    uint8_t      packet[1500];
    for (int sealed = 0; sealed < 2; sealed++) {
        open_net(4);
        open_called(sealed ? member_keys() : NULL);
        stranger_open();
        for (int round = 0; round < 20000; round++) {
            size_t size = rig_random_below(&random, round % 2 == 0 ? 140 : sizeof packet);
            for (size_t i = 0; i < size; i++) packet[i] = (uint8_t)rig_random_next(&random);
            if (size > 0 && !sealed && packet[0] == (MK_UDP_INIT | MK_UDP_PLAIN)) packet[0] = 0;
            stranger_sends(packet, size);
            if (round % 50 == 0) run_ms(1);
        }
        run_ms(1000);
        CHECK_EQ(stranger.answers, 0);
        CHECK(b.hub->channels == NULL);
        mk_udp_close(&stranger.udp);
        close_both();
        close_net();
    }
}

/* ---- packets that are seen and sent again -------------------------------------------------------------------------------------- */

static struct {
    uint8_t  bytes[64][MK_UDP_PACKET_BYTES_MAX];
    size_t   size[64];
    bool     up[64];
    unsigned n;
} tape;

static bool pass_and_record(bool up, uint8_t *bytes, size_t *size) {
    if (tape.n < 64) {
        memcpy(tape.bytes[tape.n], bytes, *size);
        tape.size[tape.n] = *size;
        tape.up[tape.n++] = up;
    }
    return true;
}

static void open_through_middle(mk_keyring_t *keys, bool (*pass)(bool, uint8_t *, size_t *)) {
    memset(&tape, 0, sizeof tape);
    open_both(keys, keys);
    mk_keyring_release(keys);
    mk_addr_t to = middle_open();
    middle.pass = pass;
    CHECK_EQ(side_dial(&a, &to), MK_OK);
    RUN_UNTIL(a.call.opens == 1 && b.accepts == 1);
}

static void close_all(void) {
    middle_close();
    close_both();
    close_net();
}

TEST(a_call_that_is_sent_again_opens_nothing_and_fills_nothing) {
    open_net(5);
    open_through_middle(member_keys(), pass_and_record);
    end_close(&a.call, true);
    RUN_UNTIL(b.accepted[0].closes == 1);
    end_close(&b.accepted[0], false);
    stranger_open();
    for (int round = 0; round < 200; round++) {
        for (unsigned i = 0; i < tape.n; i++) {
            if (!tape.up[i]) continue;
            middle_put(true, tape.bytes[i], tape.size[i]); /* from where it came from */
            stranger_sends(tape.bytes[i], tape.size[i]);   /* from elsewhere          */
        }
        run_ms(10);
        CHECK(b.hub->pending <= 1);
    }
    CHECK_EQ(b.accepts, 1);
    CHECK(stranger.longest <= MK_UDP_COOKIE_PACKET_BYTES + MK_AEAD_TAG_BYTES); /* where it is not, it gets no further */
    CHECK(stranger.longest < MK_UDP_INIT_BYTES + MK_AEAD_TAG_BYTES);
    run_ms(10000);
    CHECK_EQ(b.hub->pending, 0);
    CHECK(b.hub->channels == NULL);
    mk_udp_close(&stranger.udp);
    close_all();
}

TEST(old_cookies_are_worth_nothing) {
    open_net(6);
    open_through_middle(member_keys(), pass_and_record);
    end_close(&a.call, true);
    RUN_UNTIL(b.accepted[0].closes == 1);
    run_ms(200000);
    unsigned down_before = middle.down;
    for (unsigned i = 0; i < tape.n; i++)
        if (tape.up[i]) middle_put(true, tape.bytes[i], tape.size[i]);
    run_ms(100);
    CHECK_EQ(b.hub->pending, 0);
    CHECK(middle.down - down_before <= 2); /* cookies for both INITs */
    close_all();
}

/* One INIT with this share and cookie from there; what kind of packet it is answered with. */
static unsigned asked_from(const char *ip, uint16_t port, uint8_t share, uint8_t cookie[MK_UDP_COOKIE_BYTES]) {
    mk_secret_t   secret = secret_of_digit('a');
    uint8_t       packet[MK_UDP_SHAKE_BYTES_MAX];
    mk_udp_init_t init = {.index = 1, .life = 2, .share = {share}};
    mk_addr_t     at = mk_fake_addr(ip, port);
    memset(&stranger, 0, sizeof stranger);
    CHECK_EQ(mk_udp_open(net, &stranger.udp, &at, stranger_hears), MK_OK);
    memcpy(init.id, secret.id, sizeof init.id);
    memcpy(init.cookie, cookie, MK_UDP_COOKIE_BYTES);
    stranger_sends(packet, mk_udp_put_init(packet, &init, &secret));
    run_ms(100);
    mk_udp_close(&stranger.udp);
    CHECK_EQ(stranger.answers, 1);
    if (stranger.last[0] == MK_UDP_COOKIE) CHECK(mk_udp_get_cookie(stranger.last, init.share, &secret, cookie));
    return stranger.last[0];
}

/* Without it a stranger could have answers sent to others, and fill the hub in their name. */
TEST(a_cookie_is_good_for_the_address_the_port_and_the_call_it_was_given_to) {
    uint8_t   none[MK_UDP_COOKIE_BYTES] = {0}, given[MK_UDP_COOKIE_BYTES], cookie[MK_UDP_COOKIE_BYTES];
    mk_addr_t here = mk_fake_addr("192.0.2.66", 0), elsewhere = mk_fake_addr("192.0.2.67", 0);
    open_net(6);
    open_called(member_keys());
    mk_fake_give_address(0, &here);
    mk_fake_give_address(0, &elsewhere);
    memcpy(given, none, sizeof given);
    CHECK_EQ(asked_from("192.0.2.66", 666, 3, given), MK_UDP_COOKIE);
    memcpy(cookie, given, sizeof cookie);
    CHECK_EQ(asked_from("192.0.2.67", 666, 3, cookie), MK_UDP_COOKIE);
    memcpy(cookie, given, sizeof cookie);
    CHECK_EQ(asked_from("192.0.2.66", 667, 3, cookie), MK_UDP_COOKIE);
    memcpy(cookie, given, sizeof cookie);
    CHECK_EQ(asked_from("192.0.2.66", 666, 4, cookie), MK_UDP_COOKIE);
    CHECK_EQ(b.hub->pending, 0);
    CHECK_EQ(asked_from("192.0.2.66", 666, 3, given), MK_UDP_RESPONSE);
    CHECK_EQ(b.hub->pending, 1);
    close_both();
    close_net();
}

TEST(no_answer_is_longer_than_its_question) {
    open_net(7);
    open_through_middle(member_keys(), pass_and_record);
    CHECK(middle.longest <= MK_UDP_PACKET_BYTES_MAX);
    size_t asked = 0, answered = 0;
    for (unsigned i = 0; i < 4; i++) *(tape.up[i] ? &asked : &answered) += tape.size[i];
    CHECK(tape.up[0] && !tape.up[1] && tape.up[2] && !tape.up[3]); /* INIT, COOKIE, INIT, RESPONSE */
    CHECK(tape.size[1] < tape.size[0] && tape.size[3] < tape.size[2]);
    CHECK(answered < asked);
    close_all();
}

static bool pass_twice(bool up, uint8_t *bytes, size_t *size) {
    middle_put(up, bytes, *size);
    return true;
}

TEST(what_comes_twice_is_taken_once) {
    open_net(8);
    open_through_middle(member_keys(), pass_twice);
    for (int i = 0; i < 200; i++) end_put(&a.call, i % 2 == 0, 50); /* the user would see a repeated number */
    RUN_UNTIL(b.accepted[0].controls == 100);
    CHECK_EQ(b.accepted[0].data, 100);
    close_all();
}

TEST(what_is_sent_again_later_is_not_taken) {
    open_net(9);
    open_through_middle(member_keys(), pass_and_record);
    for (int i = 0; i < 2000; i++) {
        end_put(&a.call, true, 900);
        run_ms(1);
    }
    run_ms(100);
    CHECK_EQ(b.accepted[0].data, 2000);
    CHECK(a.call.channel != NULL && b.accepted[0].channel != NULL);
    for (unsigned i = 0; i < tape.n; i++)
        middle_put(tape.up[i], tape.bytes[i], tape.size[i]); /* from before the window */
    run_ms(100);
    CHECK_EQ(b.accepted[0].data, 2000);
    CHECK_EQ(b.accepts, 1);
    end_put(&a.call, false, 9);
    RUN_UNTIL(b.accepted[0].controls == 1);
    close_all();
}

/* ---- packets that are changed -------------------------------------------------------------------------------------------------- */

static unsigned flip_at;

static bool pass_flipped(bool up, uint8_t *bytes, size_t *size) {
    uint8_t copy[2048];
    size_t  at = flip_at++ % (8 * *size);
    memcpy(copy, bytes, *size);
    copy[at / 8] ^= (uint8_t)(1u << at % 8);
    middle_put(up, copy, *size);
    middle_put(up, bytes, flip_at % (unsigned)*size); /* and cut off */
    return flip_at % 3 != 0;                          /* and sometimes nothing else */
}

TEST(what_was_changed_is_as_if_it_had_been_lost) {
    for (flip_at = 1; flip_at < 2000; flip_at += 401) {
        open_net(flip_at);
        open_through_middle(member_keys(), pass_flipped);
        for (int i = 0; i < 400; i++) {
            end_put(&a.call, i % 2 == 0, 60);
            if (i % 4 == 0) run_ms(5);
        }
        RUN_UNTIL(b.accepted[0].controls == 200);
        CHECK_EQ(b.accepts, 1);
        CHECK_EQ(a.call.closes + b.accepted[0].closes, 0);
        close_all();
    }
}

static bool pass_and_look(bool up, uint8_t *bytes, size_t *size) {
    static const uint8_t filler[8] = {0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a};
    uint8_t              key[MK_SECRET_BYTES];
    (void)up;
    memset(key, 0xaa, sizeof key);
    CHECK(memmem(bytes, *size, filler, sizeof filler) == NULL);
    CHECK(memmem(bytes, *size, key, 8) == NULL);
    return true;
}

TEST(who_listens_in_reads_nothing) {
    open_net(10);
    open_through_middle(member_keys(), pass_and_look);
    for (int i = 0; i < 100; i++) {
        end_put(&a.call, i % 2 == 0, 500);
        end_put(&b.accepted[0], i % 2 != 0, 500);
    }
    RUN_UNTIL(b.accepted[0].controls == 50 && a.call.controls == 50);
    close_all();
}

static bool pass_none(bool up, uint8_t *bytes, size_t *size) {
    (void)up, (void)bytes, (void)size;
    return false;
}

TEST(a_packet_from_another_address_is_not_taken) {
    open_net(11);
    open_through_middle(member_keys(), NULL);
    stranger_open();
    run_ms(100);
    middle.pass = pass_none;
    end_put(&a.call, true, 40);
    run_ms(10);
    stranger_sends(middle.last_up, middle.last_up_size);
    run_ms(10);
    CHECK_EQ(b.accepted[0].data, 0);
    middle_put(true, middle.last_up, middle.last_up_size);
    run_ms(10);
    CHECK_EQ(b.accepted[0].data, 1);
    mk_udp_close(&stranger.udp);
    close_all();
}

/* ---- members that misbehave: they have the secret ------------------------------------------------------------------------------ */

TEST(a_flood_of_calls_is_bounded) {
    mk_secret_t secret = secret_of_digit('a');
    uint8_t     packet[MK_UDP_SHAKE_BYTES_MAX];
    open_net(12);
    open_called(member_keys());
    stranger_open();
    unsigned answered = 0;
    for (unsigned i = 0; i < 2000; i++) {
        mk_udp_init_t init = {.index = i, .life = 2};
        memcpy(init.id, secret.id, sizeof init.id);
        mk_wire_store32(init.share, i + 10);
        unsigned answers = stranger.answers;
        stranger_sends(packet, mk_udp_put_init(packet, &init, &secret));
        run_ms(1);
        CHECK_EQ(stranger.answers, answers + 1);
        CHECK(mk_udp_get_cookie(stranger.last, init.share, &secret, init.cookie));
        stranger_sends(packet, mk_udp_put_init(packet, &init, &secret));
        run_ms(1);
        if (stranger.answers == answers + 2) answered++;
        CHECK(b.hub->pending <= 256);
    }
    CHECK_EQ(answered, 256);
    CHECK_EQ(b.accepts, 0);
    run_ms(6000);
    CHECK_EQ(b.hub->pending, 0);
    CHECK(b.hub->channels == NULL);
    mk_udp_close(&stranger.udp);
    close_both();
    close_net();
}

static size_t take_anything(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    (void)channel, (void)bytes;
    return size;
}

static size_t put_words(uint8_t *text, rig_random_t *random) {
    static const uint32_t words[] = {0, 1, 2, 63, 64, 65, 0x7fffffff, 0x80000000, 0xffffffff};
    size_t                size = 1 + (rig_random_below(random, 4) == 0 ? 12 : 0), n = rig_random_below(random, 4);
    text[0] = (uint8_t)(rig_random_below(random, 20) == 0 ? rig_random_next(random) : size > 1);
    for (size_t i = 1; i < size; i += 4) mk_wire_store32(text + i, words[rig_random_below(random, 9)]);
    for (size_t i = 0; i < n; i++) {
        uint8_t *at = text + size;
        uint32_t length = rig_random_below(random, 40);
        at[0] = (uint8_t)(1 + rig_random_below(random, rig_random_below(random, 20) == 0 ? 255 : 2));
        mk_wire_store32(at + 1, words[rig_random_below(random, 9)]);
        mk_wire_store32(at + 5, words[rig_random_below(random, 9)]);
        mk_wire_store16(at + 9, words[rig_random_below(random, 9)]);
        mk_wire_store16(at + 11, rig_random_below(random, 20) == 0 ? 0xffff : length);
        memset(at + 13, 7, length);
        size += 13 + length;
    }
    return size - (rig_random_below(random, 10) == 0 ? rig_random_below(random, (uint32_t)size) : 0);
}

/* Any plain text in a packet that is sealed as it should be; here unsealed, which is the same code. */
TEST(a_peer_may_say_anything_in_its_packets) {
    static mk_channel_user_t patient;
    rig_random_t             random = {13};
    unsigned                 broken = 0;
    for (int round = 0; round < 500; round++) {
        open_net(13);
        open_pair(NULL);
        RUN_UNTIL(b.accepts == 1);
        mk_udp_channel_t *c = mk_container_of(a.call.channel, mk_udp_channel_t, channel);
        patient = end_user;
        patient.bytes = take_anything;
        b.accepted[0].channel->user = &patient;
        for (int i = 0; i < 50 && b.accepted[0].closes == 0; i++) {
            uint8_t packet[MK_UDP_PACKET_BYTES_MAX];
            size_t  size = put_words(packet + MK_UDP_HEAD_BYTES, &random);
            size = mk_udp_packet_seal(packet, size, NULL, c->peer_index, c->number++);
            CHECK_EQ(mk_udp_send(&a.hub->udp, packet, size, &c->peer), MK_OK);
            run_ms(1);
        }
        if (b.accepted[0].closes != 0) {
            broken++;
            CHECK(b.accepted[0].err == MK_ERR_PROTO || b.accepted[0].err == MK_ERR_CLOSED);
        }
        close_both();
        close_net();
    }
    CHECK(broken > 100);
}

static bool deliver_none(void *arg, const uint8_t *frames, size_t size) {
    (void)arg, (void)frames, (void)size;
    return true;
}

TEST(numbers_wrap) {
    mk_udp_lane_t   one = {0}, two = {0};
    mk_udp_packet_t packet;
    bool            closing;
    one.out_first = one.out_next = two.in_next = UINT32_MAX - 5;
    one.data_sent = two.data_next = UINT32_MAX - 3;
    for (uint64_t now = 1; now < 20; now++) {
        mk_udp_lane_begin(&one, &packet, false);
        CHECK(mk_udp_lane_nudge(&one, &packet, now));
        CHECK_EQ(
            mk_udp_lane_take(&two, packet.bytes + MK_UDP_HEAD_BYTES, packet.size, now, deliver_none, NULL, &closing),
            MK_OK);
        CHECK_EQ(two.in_next, one.out_next);
        mk_udp_lane_begin(&two, &packet, false);
        CHECK_EQ(
            mk_udp_lane_take(&one, packet.bytes + MK_UDP_HEAD_BYTES, packet.size, now, deliver_none, NULL, &closing),
            MK_OK);
        CHECK_EQ(mk_udp_lane_waiting(&one), 0);
    }
    mk_udp_lane_fini(&one);
    mk_udp_lane_fini(&two);
}

TEST(the_window_takes_each_number_once) {
    static mk_udp_window_t window;
    static bool            taken[8192];
    rig_random_t           random = {14};
    uint64_t               highest = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t number = highest / 2 + rig_random_below(&random, 1500);
        if (number >= 8192) break;
        bool old = highest >= MK_UDP_WINDOW && number + MK_UDP_WINDOW <= highest;
        CHECK_EQ(mk_udp_window_is_new(&window, number), !old && !taken[number]);
        if (old || taken[number]) continue;
        mk_udp_window_mark(&window, number);
        taken[number] = true;
        if (number > highest) highest = number;
    }
    mk_udp_window_mark(&window, UINT64_C(1) << 40);
    CHECK(!mk_udp_window_is_new(&window, highest));
    CHECK(mk_udp_window_is_new(&window, (UINT64_C(1) << 40) - 1));
}
