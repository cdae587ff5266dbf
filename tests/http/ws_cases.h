/* SPDX-License-Identifier: Apache-2.0 */
/* ws_cases.h -- what a WebSocket peer may send and what has to come of it, as a table that is run against the codec and against
 * sessions in both roles. The numbers are the groups of the Autobahn test suite; the cases are our own.
 *
 * What is sent, in words separated by spaces. A frame is its first byte in hexadecimal and a payload:
 *     81:Hello     these characters; %XX is a byte
 *     82*126       so many bytes of a pattern
 *     c1=f248..    these bytes, in hexadecimal
 *     c1~Hello     compressed by our own deflater, which remembers what came before in the case
 *     41~3~Hello   the same in a frame of 3 bytes and continuations of 3 bytes each
 *     82/2*5       the length in 2 (or 8) bytes, whether it needs them or not
 *     82/T         a length with its top bit set; 82/H: one of 2^62
 *     81!:Hello    with the mask bit wrong for its direction
 *     88#1000:bye  the code in two bytes in front
 * What comes of it, in words: text(Hello) binary(..) ping(..) pong(..) close(code) close(code,reason) fail(code); *126 is that
 * much of the pattern, *50+25 two runs of it. */
#ifndef MK_TESTS_WS_CASES_H
#define MK_TESTS_WS_CASES_H

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "http/codec/ws_reader.h"

typedef struct ws_case {
    const char *name, *sent, *events;
    size_t      bytes_max; /* 0: 1 MiB                                                  */
    char        deflate;   /* 0: not agreed on; 'n': without takeover; 't': with        */
} ws_case_t;

#define KAPPA "%CE%BA%E1%BD%B9%CF%83%CE%BC%CE%B5" /* the Greek word that such tables begin with */

static const ws_case_t ws_cases[] = {
    /* 1: framing. Every form of length, at its edges. */
    {"1.1 empty text", "81:", "text()", 0, 0},
    {"1.1 short text", "81:Hello", "text(Hello)", 0, 0},
    {"1.1 text of 125", "81*125", "text(*125)", 0, 0},
    {"1.1 text of 126", "81*126", "text(*126)", 0, 0},
    {"1.1 text of 127", "81*127", "text(*127)", 0, 0},
    {"1.1 text of 128", "81*128", "text(*128)", 0, 0},
    {"1.1 text of 65535", "81*65535", "text(*65535)", 0, 0},
    {"1.1 text of 65536", "81*65536", "text(*65536)", 0, 0},
    {"1.2 empty binary", "82:", "binary()", 0, 0},
    {"1.2 any bytes", "82=00ff80c1fe", "binary(%00%FF%80%C1%FE)", 0, 0},
    {"1.2 binary of 125", "82*125", "binary(*125)", 0, 0},
    {"1.2 binary of 126", "82*126", "binary(*126)", 0, 0},
    {"1.2 binary of 65535", "82*65535", "binary(*65535)", 0, 0},
    {"1.2 binary of 65536", "82*65536", "binary(*65536)", 0, 0},
    {"1.3 several in a row", "81:a 82:b 81: 82: 81:c", "text(a) binary(b) text() binary() text(c)", 0, 0},
    {"1.4 a length of 5 in two bytes", "82/2*5", "fail(1002)", 0, 0},
    {"1.4 a length of 125 in two bytes", "82/2*125", "fail(1002)", 0, 0},
    {"1.4 a length of 126 in eight bytes", "82/8*126", "fail(1002)", 0, 0},
    {"1.4 a length of 65535 in eight bytes", "82/8*65535", "fail(1002)", 0, 0},
    {"1.4 a length with its top bit set", "82/T", "fail(1002)", 0, 0},
    {"1.5 the mask bit is wrong", "81!:Hello", "fail(1002)", 0, 0},
    {"1.5 the mask bit is wrong later", "81:a 89!:x", "text(a) fail(1002)", 0, 0},

    /* 2: pings and pongs. */
    {"2.1 empty ping", "89:", "ping()", 0, 0},
    {"2.2 ping with text", "89:Hello", "ping(Hello)", 0, 0},
    {"2.3 ping with bytes", "89=00ff80", "ping(%00%FF%80)", 0, 0},
    {"2.4 ping of 125", "89*125", "ping(*125)", 0, 0},
    {"2.5 ping of 126", "89*126", "fail(1002)", 0, 0},
    {"2.5 ping of 65536", "89*65536", "fail(1002)", 0, 0},
    {"2.7 a pong nobody asked for", "8a:", "pong()", 0, 0},
    {"2.8 the same with text", "8a:unasked", "pong(unasked)", 0, 0},
    {"2.9 such a pong, then a ping", "8a:unasked 89:p", "pong(unasked) ping(p)", 0, 0},
    {"2.10 ten pings", "89:0 89:1 89:2 89:3 89:4 89:5 89:6 89:7 89:8 89:9",
     "ping(0) ping(1) ping(2) ping(3) ping(4) ping(5) ping(6) ping(7) ping(8) ping(9)", 0, 0},

    /* 3: reserved bits. */
    {"3.1 RSV3", "91:Hello", "fail(1002)", 0, 0},
    {"3.2 RSV2 after a good message", "81:a a1:b", "text(a) fail(1002)", 0, 0},
    {"3.3 RSV2 and 3, then a ping", "81:a b1:b 89:", "text(a) fail(1002)", 0, 0},
    {"3.4 RSV1 without compression", "c1:Hello", "fail(1002)", 0, 0},
    {"3.5 RSV1 and 3, binary", "d2:Hello", "fail(1002)", 0, 0},
    {"3.6 RSV1 and 2 on a ping", "e9:Hello", "fail(1002)", 0, 0},
    {"3.7 all of them on a close", "f8:", "fail(1002)", 0, 0},
    {"3.8 RSV1 on a ping, compression agreed on", "c9:", "fail(1002)", 0, 't'},
    {"3.8 RSV1 on a continuation", "41=f248 c0=cdc9c90700", "fail(1002)", 0, 't'},
    {"3.8 RSV2, compression agreed on", "e1=f248cdc9c90700", "fail(1002)", 0, 't'},

    /* 4: opcodes. */
    {"4.1 opcode 3", "83:", "fail(1002)", 0, 0},
    {"4.1 opcode 4", "84:x", "fail(1002)", 0, 0},
    {"4.1 opcode 5 after a good message", "81:a 85: 89:", "text(a) fail(1002)", 0, 0},
    {"4.1 opcode 6", "86:", "fail(1002)", 0, 0},
    {"4.1 opcode 7", "87:", "fail(1002)", 0, 0},
    {"4.2 opcode 11", "8b:", "fail(1002)", 0, 0},
    {"4.2 opcode 12", "8c:x", "fail(1002)", 0, 0},
    {"4.2 opcode 13", "8d:", "fail(1002)", 0, 0},
    {"4.2 opcode 14", "8e:", "fail(1002)", 0, 0},
    {"4.2 opcode 15", "8f:", "fail(1002)", 0, 0},

    /* 5: fragments. */
    {"5.1 a fragmented ping", "09:a 80:b", "fail(1002)", 0, 0},
    {"5.2 a fragmented pong", "0a:a 80:b", "fail(1002)", 0, 0},
    {"5.2 a fragmented close", "08#1000: 80:", "fail(1002)", 0, 0},
    {"5.3 text in two", "01:Hel 80:lo", "text(Hello)", 0, 0},
    {"5.4 text in five", "01:H 00:e 00:l 00:l 80:o", "text(Hello)", 0, 0},
    {"5.5 empty fragments", "01: 00: 00:Hi 00: 80:", "text(Hi)", 0, 0},
    {"5.5 nothing but empty fragments", "02: 00: 80:", "binary()", 0, 0},
    {"5.6 a ping between", "01:Hel 89:ping 80:lo", "ping(ping) text(Hello)", 0, 0},
    {"5.7 pings and pongs between all", "01:a 89: 8a:x 00:b 89:y 80:c", "ping() pong(x) ping(y) text(abc)", 0, 0},
    {"5.9 a continuation of nothing, last", "80:x 81:a", "fail(1002)", 0, 0},
    {"5.10 a continuation of nothing", "00:x 80:y", "fail(1002)", 0, 0},
    {"5.11 after a whole message", "81:a 80:b", "text(a) fail(1002)", 0, 0},
    {"5.12 after a fragmented one", "01:a 80:b 00:c", "text(ab) fail(1002)", 0, 0},
    {"5.15 after a good one, without an end", "01:a 80:b 00:c 81:d", "text(ab) fail(1002)", 0, 0},
    {"5.18 text inside of text", "01:a 81:b", "fail(1002)", 0, 0},
    {"5.18 binary inside of text", "01:a 02:b", "fail(1002)", 0, 0},
    {"5.19 fragments of any size", "02*70000 00*0 80*5", "binary(*70000+5)", 0, 0},
    {"5.20 a close between", "01:a 88#1000: 80:b", "close(1000)", 0, 0},

    /* 6: UTF-8. Text is checked as it comes; what cannot become right is refused before its end. */
    {"6.1 empty fragments", "01: 00: 80:", "text()", 0, 0},
    {"6.2 whole", "81:Hello-" KAPPA "-UTF-8!!", "text(Hello-" KAPPA "-UTF-8!!)", 0, 0},
    {"6.2 a character in two fragments", "01:%CE 80:%BA", "text(%CE%BA)", 0, 0},
    {"6.2 each byte its own", "01:%F0 00:%9F 00:%98 80:%80", "text(%F0%9F%98%80)", 0, 0},
    {"6.2 a ping inside of a character", "01:%F0%9F 89: 80:%98%80", "ping() text(%F0%9F%98%80)", 0, 0},
    {"6.3 a surrogate in the middle", "81:" KAPPA "%ED%A0%80edited", "fail(1007)", 0, 0},
    {"6.3 found in the second fragment", "01:" KAPPA " 00:%ED%A0 00:%80edited", "fail(1007)", 0, 0},
    {"6.4 fast, before the end comes", "01:" KAPPA "%F4%90", "fail(1007)", 0, 0},
    {"6.4 fast, in a frame that is not whole", "01*300 00:%C0", "fail(1007)", 0, 0},
    {"6.5 NUL is a character", "81:a%00b", "text(a%00b)", 0, 0},
    {"6.6 first of each length", "81:%00%C2%80%E0%A0%80%F0%90%80%80", "text(%00%C2%80%E0%A0%80%F0%90%80%80)", 0, 0},
    {"6.9 last of each length", "81:%7F%DF%BF%EF%BF%BF%F4%8F%BF%BF", "text(%7F%DF%BF%EF%BF%BF%F4%8F%BF%BF)", 0, 0},
    {"6.8 a first byte of five", "81:%F8%88%80%80%80", "fail(1007)", 0, 0},
    {"6.8 a first byte of six", "81:%FC%84%80%80%80%80", "fail(1007)", 0, 0},
    {"6.10 beyond the last", "81:%F4%90%80%80", "fail(1007)", 0, 0},
    {"6.11 around the surrogates", "81:%ED%9F%BF%EE%80%80%EF%BF%BD", "text(%ED%9F%BF%EE%80%80%EF%BF%BD)", 0, 0},
    {"6.12 a middle byte alone", "81:%80", "fail(1007)", 0, 0},
    {"6.12 the last middle byte alone", "81:%BF", "fail(1007)", 0, 0},
    {"6.13 first bytes without middles", "81:%C3 81:x", "fail(1007)", 0, 0},
    {"6.13 a first byte and a space", "81:%E1%20", "fail(1007)", 0, 0},
    {"6.14 ends inside of a character", "81:%CE%BA%E1%BD", "fail(1007)", 0, 0},
    {"6.14 the same in fragments", "01:%CE%BA 80:%F0%9F%98", "fail(1007)", 0, 0},
    {"6.16 impossible bytes", "81:%FE", "fail(1007)", 0, 0},
    {"6.16 the other one", "81:%FF", "fail(1007)", 0, 0},
    {"6.17 a solidus in two bytes", "81:%C0%AF", "fail(1007)", 0, 0},
    {"6.17 in three", "81:%E0%80%AF", "fail(1007)", 0, 0},
    {"6.17 in four", "81:%F0%80%80%AF", "fail(1007)", 0, 0},
    {"6.18 the longest overlong ones", "81:%C1%BF", "fail(1007)", 0, 0},
    {"6.18 of three", "81:%E0%9F%BF", "fail(1007)", 0, 0},
    {"6.18 of four", "81:%F0%8F%BF%BF", "fail(1007)", 0, 0},
    {"6.19 NUL in two bytes", "81:%C0%80", "fail(1007)", 0, 0},
    {"6.20 a low surrogate", "81:%ED%BF%BF", "fail(1007)", 0, 0},
    {"6.21 a pair of them", "81:%ED%A0%80%ED%B0%80", "fail(1007)", 0, 0},
    {"6.22 no characters, but allowed", "81:%EF%BF%BE%EF%BF%BF", "text(%EF%BF%BE%EF%BF%BF)", 0, 0},
    {"6.23 binary is not text", "82:%FF%C0 02:%CE 80:%FF", "binary(%FF%C0) binary(%CE%FF)", 0, 0},
    {"6.24 in a long one, at its end", "01*65536 80:%FF", "fail(1007)", 0, 0},

    /* 7: closing. */
    {"7.1 an empty close", "88:", "close(1005)", 0, 0},
    {"7.1 after a message", "81:a 88#1000:", "text(a) close(1000)", 0, 0},
    {"7.1 twice", "88#1000: 88#1000:", "close(1000)", 0, 0},
    {"7.1 a ping behind it", "88#1000: 89:", "close(1000)", 0, 0},
    {"7.1 text behind it", "88#1000: 81:late", "close(1000)", 0, 0},
    {"7.1 inside of a message", "01:a 88#1001:", "close(1001)", 0, 0},
    {"7.3 one byte", "88=03", "fail(1002)", 0, 0},
    {"7.3 a code and a reason", "88#1000:Hello", "close(1000,Hello)", 0, 0},
    {"7.3 the longest reason", "88#1000*123", "close(1000,*123)", 0, 0},
    {"7.3 longer", "88#1000*124", "fail(1002)", 0, 0},
    {"7.5 a reason that is not UTF-8", "88#1000:%CE%BA%E1%BD%B9%CF%83%CE%BC%CE%B5%ED%A0%80x", "fail(1007)", 0, 0},
    {"7.5 a reason cut inside of a character", "88#1000:%E2%82", "fail(1007)", 0, 0},
    {"7.7 1001", "88#1001:", "close(1001)", 0, 0},
    {"7.7 1002", "88#1002:", "close(1002)", 0, 0},
    {"7.7 1003", "88#1003:", "close(1003)", 0, 0},
    {"7.7 1007", "88#1007:", "close(1007)", 0, 0},
    {"7.7 1008", "88#1008:", "close(1008)", 0, 0},
    {"7.7 1009", "88#1009:", "close(1009)", 0, 0},
    {"7.7 1010", "88#1010:", "close(1010)", 0, 0},
    {"7.7 1011", "88#1011:", "close(1011)", 0, 0},
    {"7.7 1012", "88#1012:", "close(1012)", 0, 0},
    {"7.7 1014", "88#1014:", "close(1014)", 0, 0},
    {"7.7 3000", "88#3000:", "close(3000)", 0, 0},
    {"7.7 3999", "88#3999:", "close(3999)", 0, 0},
    {"7.7 4000", "88#4000:", "close(4000)", 0, 0},
    {"7.7 4999", "88#4999:", "close(4999)", 0, 0},
    {"7.9 0", "88#0:", "fail(1002)", 0, 0},
    {"7.9 999", "88#999:", "fail(1002)", 0, 0},
    {"7.9 1004", "88#1004:", "fail(1002)", 0, 0},
    {"7.9 1005", "88#1005:", "fail(1002)", 0, 0},
    {"7.9 1006", "88#1006:", "fail(1002)", 0, 0},
    {"7.9 1015", "88#1015:", "fail(1002)", 0, 0},
    {"7.9 1016", "88#1016:", "fail(1002)", 0, 0},
    {"7.9 1100", "88#1100:", "fail(1002)", 0, 0},
    {"7.9 2000", "88#2000:", "fail(1002)", 0, 0},
    {"7.9 2999", "88#2999:", "fail(1002)", 0, 0},
    {"7.9 5000", "88#5000:", "fail(1002)", 0, 0},
    {"7.9 65535", "88#65535:", "fail(1002)", 0, 0},

    /* 9: limits. */
    {"9.1 text at the limit", "81*100", "text(*100)", 100, 0},
    {"9.1 and beyond", "81*101", "fail(1009)", 100, 0},
    {"9.2 binary beyond, in 16 bits", "82*127", "fail(1009)", 126, 0},
    {"9.3 fragments that add up to it", "01*50 00*25 80*25", "text(*50+25+25)", 100, 0},
    {"9.3 and beyond", "01*50 00*25 80*26", "fail(1009)", 100, 0},
    {"9.4 the limit is each message's", "81*100 82*100 01*100 80:", "text(*100) binary(*100) text(*100)", 100, 0},
    {"9.5 no control frame counts", "01*100 89*125 80:", "ping(*125) text(*100)", 100, 0},
    {"9.6 far above 64 KiB", "82*1000000", "binary(*1000000)", 0, 0},
    {"9.6 above the default", "82*1048577", "fail(1009)", 0, 0},
    {"9.7 a head that announces 2^62", "82/H", "fail(1009)", 0, 0},

    /* 12 and 13: compression. The first ones are RFC 7692's examples. */
    {"12.1 one block", "c1=f248cdc9c90700", "text(Hello)", 0, 'n'},
    {"12.1 in two fragments", "41=f248cd 80=c9c90700", "text(Hello)", 0, 'n'},
    {"12.1 referring to the one before", "c1=f248cdc9c90700 c1=f200110000", "text(Hello) text(Hello)", 0, 't'},
    {"12.1 a block that is stored", "c1=000500faff48656c6c6f00", "text(Hello)", 0, 'n'},
    {"12.1 the last block of a stream", "c1=f348cdc9c9070000", "text(Hello)", 0, 'n'},
    {"12.1 and then another message", "c1=f348cdc9c9070000 c1=f200110000", "text(Hello) text(Hello)", 0, 't'},
    {"12.1 two blocks in one", "c1=f24805000000ffffcac9c90700", "text(Hello)", 0, 'n'},
    {"12.1 nothing at all", "c1=00 c2=00", "text() binary()", 0, 't'},
    {"12.2 ours", "c1~Hello c2~Hello c1~Hello", "text(Hello) binary(Hello) text(Hello)", 0, 't'},
    {"12.2 ours, in fragments", "41~1~Hello,Hello,Hello 42~3~x", "text(Hello,Hello,Hello) binary(x)", 0, 't'},
    {"12.2 with others between", "c1~Hello 81:plain c1~Hello 82:p", "text(Hello) text(plain) text(Hello) binary(p)", 0,
     't'},
    {"12.2 control frames between", "41=f248cd 89:x 80=c9c90700", "ping(x) text(Hello)", 0, 'n'},
    {"12.2 not compressed though agreed on", "81:Hello 01:a 80:b", "text(Hello) text(ab)", 0, 'n'},
    {"12.3 UTF-8 inside", "c1~" KAPPA " 41~2~%F0%9F%98%80", "text(" KAPPA ") text(%F0%9F%98%80)", 0, 't'},
    {"12.3 not UTF-8 inside", "c1~abc%FF", "fail(1007)", 0, 't'},
    {"12.3 ends inside of a character", "c1~%E2%82", "fail(1007)", 0, 't'},
    {"12.4 not DEFLATE", "c1=ffffffff", "fail(1007)", 0, 'n'},
    {"12.4 a distance before the beginning", "c1=f200110000", "fail(1007)", 0, 't'},
    {"12.4 forgotten, as agreed on", "c1=f248cdc9c90700 c1=f200110000", "text(Hello) fail(1007)", 0, 'n'},
    {"12.4 ends inside of a block", "c1=f248cd", "fail(1007)", 0, 'n'},
    {"12.4 ends inside of a stored block", "c1=000500faff4865", "fail(1007)", 0, 'n'},
    {"12.4 empty where it must not be", "c1=", "fail(1007)", 0, 'n'},
    {"12.5 the last block, over and over", "c2=0300030003000300030003000300030003000300030003000000", "fail(1007)", 0,
     'n'},
    {"13.1 at the limit", "c2~aaaaaaaaaaaaaaaaaaaa", "binary(aaaaaaaaaaaaaaaaaaaa)", 20, 't'},
    {"13.1 and beyond", "c2~aaaaaaaaaaaaaaaaaaaaa", "fail(1009)", 20, 't'},
    {"13.1 the next has a limit of its own", "c1~aaaaaaaaaaaaaaaaaaaa c1~aaaaaaaaaaaaaaaaaaaa",
     "text(aaaaaaaaaaaaaaaaaaaa) text(aaaaaaaaaaaaaaaaaaaa)", 20, 't'},
    {"13.2 in fragments, beyond", "42~1~aaaaaaaaaaaaaaaaaaaaa", "fail(1009)", 20, 't'},
    {"13.3 a long one", "c2~*60000", "binary(*60000)", 0, 't'},
};
static const size_t ws_cases_n = sizeof ws_cases / sizeof *ws_cases;

/* ---- what is sent ------------------------------------------------------------------------------------------------ */

/* Begins with the only '*' there is, so that one run of it ends where the next begins. */
static uint8_t pattern(size_t i) { return (uint8_t)(i == 0 ? '*' : 'a' + (i + i / 26 * 5) % 26); }

static void put(mk_buffer_t *out, uint8_t byte) { mk_buffer_append(out, &byte, 1); }

static unsigned hex(const char **at) {
    char digits[3] = {(*at)[0], (*at)[1], 0};
    *at += 2;
    return (unsigned)strtoul(digits, NULL, 16);
}

/* What stands behind `:`, `=` or `*`. */
static void put_payload(mk_buffer_t *out, char kind, const char *at, const char *end) {
    if (kind == '*') {
        size_t n = strtoul(at, NULL, 10);
        for (size_t i = 0; i < n; i++) put(out, pattern(i));
        return;
    }
    while (at < end) {
        if (kind == '=') {
            put(out, (uint8_t)hex(&at));
        } else if (*at == '%') {
            at++;
            put(out, (uint8_t)hex(&at));
        } else {
            put(out, (uint8_t)*at++);
        }
    }
}

typedef struct builder {
    mk_buffer_t   *out;
    mk_deflater_t *deflater;
    bool           masked, takeover;
    uint32_t       frames;
} builder_t;

static void put_frame(builder_t *b, uint8_t first, bool masked, const uint8_t *payload, size_t size) {
    mk_ws_head_t head = {.size = size, .opcode = first & 0x0F, .fin = (first & 0x80) != 0, .masked = masked};
    uint32_t     mask = (b->frames++ + 1) * 0x9E3779B1u;
    memcpy(head.mask, &mask, 4);
    size_t at = b->out->size;
    mk_ws_append_frame(b->out, &head, payload);
    b->out->bytes[at] = first;
}

static void put_head(builder_t *b, uint8_t first, unsigned length_bytes, uint64_t length) {
    put(b->out, first);
    put(b->out, (uint8_t)((b->masked ? 0x80 : 0) | (length_bytes == 2 ? 126 : 127)));
    for (unsigned i = length_bytes; i-- > 0;) put(b->out, (uint8_t)(length >> 8 * i));
    for (unsigned i = 0; b->masked && i < 4; i++) put(b->out, 0);
}

static void put_strange(builder_t *b, uint8_t first, const char *at) {
    if (*at == 'T') {
        put_head(b, first, 8, (uint64_t)1 << 63);
    } else if (*at == 'H') {
        put_head(b, first, 8, (uint64_t)1 << 62);
    } else {
        size_t n = strtoul(at + 2, NULL, 10);
        put_head(b, first, (unsigned)(*at - '0'), n);
        for (size_t i = 0; i < n; i++) put(b->out, pattern(i));
    }
}

/* A compressed message in frames of so many bytes; 0: in one. */
static void put_compressed(builder_t *b, uint8_t first, size_t piece, const mk_buffer_t *plain) {
    mk_buffer_t small = {0};
    mk_err_t    err = mk_deflate_message(b->deflater, plain->bytes, plain->size, b->takeover, &small);
    mk_assert(err == MK_OK);
    if (piece == 0) piece = small.size;
    for (size_t at = 0; at < small.size; at += piece) {
        size_t  size = small.size - at < piece ? small.size - at : piece;
        uint8_t byte = at == 0 ? first & 0x7F : 0;
        if (at + size == small.size) byte |= 0x80;
        put_frame(b, byte, b->masked, small.bytes + at, size);
    }
    mk_buffer_free(&small);
}

static void put_word(builder_t *b, const char *at, const char *end) {
    mk_buffer_t payload = {0};
    uint8_t     first = (uint8_t)hex(&at);
    bool        masked = b->masked;
    if (*at == '!') {
        masked = !masked;
        at++;
    }
    if (*at == '/') {
        put_strange(b, first, at + 1);
    } else if (*at == '~') {
        char  *behind = (char *)(uintptr_t)at;
        size_t piece = strtoul(at + 1, &behind, 10);
        if (behind == at + 1 || *behind != '~') {
            piece = 0;
            behind = (char *)(uintptr_t)at;
        }
        char kind = behind[1] == '*' ? '*' : ':';
        put_payload(&payload, kind, behind + (kind == '*' ? 2 : 1), end);
        put_compressed(b, first, piece, &payload);
    } else {
        if (*at == '#') {
            char    *behind;
            uint32_t code = (uint32_t)strtoul(at + 1, &behind, 10);
            put(&payload, (uint8_t)(code >> 8));
            put(&payload, (uint8_t)code);
            at = behind;
        }
        put_payload(&payload, *at, at + 1, end);
        put_frame(b, first, masked, payload.bytes, payload.size);
    }
    mk_buffer_free(&payload);
}

/* The bytes of the case as a client (masked) or a server sends them. */
static inline void ws_case_build(const ws_case_t *c, bool masked, mk_buffer_t *out) {
    builder_t b = {.out = out, .masked = masked, .takeover = c->deflate == 't'};
    if (strchr(c->sent, '~') != NULL) {
        mk_err_t err = mk_deflater_create(15, &b.deflater);
        mk_assert(err == MK_OK);
    }
    for (const char *at = c->sent; *at != '\0';) {
        size_t size = strcspn(at, " ");
        put_word(&b, at, at + size);
        at += size;
        if (*at == ' ') at++;
    }
    mk_deflater_destroy(b.deflater);
}

static inline mk_ws_terms_t ws_case_terms(const ws_case_t *c) {
    return (mk_ws_terms_t){.deflate = c->deflate != 0, c->deflate == 't', c->deflate == 't', 0, 0};
}

/* ---- what comes of it ---------------------------------------------------------------------------------------------- */

/* "*126+5" when the bytes are runs of the pattern. */
static bool say_pattern(mk_buffer_t *transcript, const uint8_t *data, size_t size) {
    size_t before = transcript->size;
    for (size_t at = 0, n; at < size; at += n) {
        for (n = 0; at + n < size && data[at + n] == pattern(n);) n++;
        if (n == 0) {
            transcript->size = before;
            return false;
        }
        mk_buffer_printf(transcript, "%c%zu", at == 0 ? '*' : '+', n);
    }
    return size > 0;
}

static void say_bytes(mk_buffer_t *transcript, const uint8_t *data, size_t size) {
    if (say_pattern(transcript, data, size)) return;
    for (size_t i = 0; i < size; i++) {
        bool visible = data[i] > 0x20 && data[i] < 0x7F && data[i] != '%';
        mk_buffer_printf(transcript, visible ? "%c" : "%%%02X", data[i]);
    }
}

/* Appends an event, or a message, in the words above. */
static inline void ws_say(mk_buffer_t *transcript, const char *word, const uint8_t *data, size_t size) {
    mk_buffer_printf(transcript, "%s%s(", transcript->size > 0 ? " " : "", word);
    say_bytes(transcript, data, size);
    put(transcript, ')');
}

static inline void ws_say_code(mk_buffer_t *transcript, const char *word, uint16_t code, const char *reason, size_t size) {
    mk_buffer_printf(transcript, "%s%s(%u", transcript->size > 0 ? " " : "", word, code);
    if (size > 0) put(transcript, ',');
    say_bytes(transcript, (const uint8_t *)reason, size);
    put(transcript, ')');
}

static inline void ws_say_event(mk_buffer_t *transcript, mk_ws_event_t event, const mk_ws_item_t *item) {
    switch (event) {
    case MK_WS_MORE: break;
    case MK_WS_MESSAGE: ws_say(transcript, item->binary ? "binary" : "text", item->data, item->size); break;
    case MK_WS_PING: ws_say(transcript, "ping", item->data, item->size); break;
    case MK_WS_PONG: ws_say(transcript, "pong", item->data, item->size); break;
    case MK_WS_CLOSE: ws_say_code(transcript, "close", item->code, (const char *)item->data, item->size); break;
    case MK_WS_FAIL: ws_say_code(transcript, "fail", item->code, "", 0); break;
    }
}

static inline const char *ws_said(mk_buffer_t *transcript) {
    put(transcript, 0);
    transcript->size--;
    return (const char *)transcript->bytes;
}

#endif
