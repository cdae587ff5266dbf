/* SPDX-License-Identifier: Apache-2.0 */
/* codec_smuggling_test.c -- every way we know to make two parsers see different ends of one request. Each is refused, with the
 * status named, however the bytes are cut; the few that are fine are there to show where the line runs. */
#include "codec_rig.h"

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CL   "Content-Length: "
#define TE   "Transfer-Encoding: "

static const struct {
    const char *what, *text;
    int         status; /* 0: accepted */
    int         framing;
} heads[] = {
    {"a length", POST CL "5\r\n\r\nhello", 0, MK_HTTP_LENGTH},
    {"a length with zeros before it", POST CL "0005\r\n\r\nhello", 0, MK_HTTP_LENGTH},
    {"chunked", POST TE "chunked\r\n\r\n0\r\n\r\n", 0, MK_HTTP_CHUNKED},
    {"chunked in other letters", POST "tRANSFER-eNCODING:cHUNKED \t\r\n\r\n0\r\n\r\n", 0, MK_HTTP_CHUNKED},

    {"CL.TE", POST CL "6\r\n" TE "chunked\r\n\r\n0\r\n\r\nG", 400, 0},
    {"TE.CL", POST TE "chunked\r\n" CL "3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n", 400, 0},
    {"CL 0 and TE", POST CL "0\r\n" TE "chunked\r\n\r\n", 400, 0},
    {"CL and an unknown TE", POST CL "4\r\n" TE "gzip\r\n\r\n", 400, 0},
    {"TE.TE twice chunked", POST TE "chunked\r\n" TE "chunked\r\n\r\n", 400, 0},
    {"TE.TE, the second odd", POST TE "chunked\r\n" TE "x\r\n\r\n", 400, 0},
    {"TE.TE, the first odd", POST TE "x\r\n" TE "chunked\r\n\r\n", 400, 0},
    {"TE.TE, an empty one", POST TE "\r\n" TE "chunked\r\n\r\n", 400, 0},
    {"TE.TE, identity", POST TE "identity\r\n" TE "chunked\r\n\r\n", 400, 0},
    {"TE list, chunked twice", POST TE "chunked, chunked\r\n\r\n", 400, 0},
    {"TE list, chunked first", POST TE "chunked, gzip\r\n\r\n", 400, 0},
    {"TE list, chunked last", POST TE "gzip, chunked\r\n\r\n", 501, 0},
    {"TE list, identity", POST TE "chunked, identity\r\n\r\n", 400, 0},
    {"TE list with an empty element", POST TE ", chunked\r\n\r\n", 501, 0},
    {"TE list with an empty end", POST TE "chunked,\r\n\r\n", 501, 0},
    {"TE empty", POST TE "\r\n\r\n", 400, 0},
    {"TE identity", POST TE "identity\r\n\r\n", 400, 0},
    {"TE gzip alone", POST TE "gzip\r\n\r\n", 400, 0},
    {"TE xchunked", POST TE "xchunked\r\n\r\n", 400, 0},
    {"TE chunkedx", POST TE "chunkedx\r\n\r\n", 400, 0},
    {"TE in quotes", POST TE "\"chunked\"\r\n\r\n", 400, 0},
    {"TE in single quotes", POST TE "'chunked'\r\n\r\n", 400, 0},
    {"TE with a parameter", POST TE "chunked;q=1\r\n\r\n", 400, 0},
    {"TE with a semicolon", POST TE "chunked;\r\n\r\n", 400, 0},
    {"TE with a vertical tab before", POST TE "\vchunked\r\n\r\n", 400, 0},
    {"TE with a vertical tab behind", POST TE "chunked\v\r\n\r\n", 400, 0},
    {"TE with a form feed", POST TE "\fchunked\r\n\r\n", 400, 0},
    {"TE with a backspace", POST TE "chunked\b\r\n\r\n", 400, 0},
    {"TE with a DEL", POST TE "chunked\x7f\r\n\r\n", 400, 0},
    {"TE with a no-break space",
     POST TE "\xa0"
             "chunked\r\n\r\n",
     400, 0},
    {"TE with a byte order mark",
     POST TE "\xef\xbb\xbf"
             "chunked\r\n\r\n",
     400, 0},
    {"TE with a long s",
     POST TE "chun\xc5\xbf"
             "ed\r\n\r\n",
     400, 0},
    {"TE in two words", POST TE "chun ked\r\n\r\n", 400, 0},
    {"a space before the colon", POST "Transfer-Encoding : chunked\r\n\r\n", 400, 0},
    {"a tab before the colon", POST "Transfer-Encoding\t: chunked\r\n\r\n", 400, 0},
    {"a vertical tab before the colon", POST "Transfer-Encoding\v: chunked\r\n\r\n", 400, 0},
    {"a CR before the colon", POST "Transfer-Encoding\r: chunked\r\n\r\n", 400, 0},
    {"a NUL-like DEL in the name", POST "Transfer\x7f-Encoding: chunked\r\n\r\n", 400, 0},
    {"a name from another alphabet", POST "Transfer-Encod\xc4\xb1ng: chunked\r\n\r\n", 400, 0},
    {"two colons", POST "Transfer-Encoding:: chunked\r\n\r\n", 400, 0},
    {"no colon", POST "Transfer-Encoding chunked\r\n\r\n", 400, 0},
    {"no name", POST ": chunked\r\n\r\n", 400, 0},
    {"a space before the name", POST " Transfer-Encoding: chunked\r\n\r\n", 400, 0},
    {"a tab before the name", POST "\tTransfer-Encoding: chunked\r\n\r\n", 400, 0},
    {"a space before the first field", "POST / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", 400, 0},
    {"a folded value", POST "Transfer-Encoding:\r\n chunked\r\n\r\n", 400, 0},
    {"a folded value with a tab", POST "Transfer-Encoding:\r\n\tchunked\r\n\r\n", 400, 0},
    {"a folded line behind another", POST "A: b\r\n c: d\r\n\r\n", 400, 0},
    {"a folded line of spaces", POST "A: b\r\n \r\n\r\n", 400, 0},
    {"a coding in HTTP/1.0", "POST / HTTP/1.0\r\n" TE "chunked\r\n\r\n", 400, 0},
    {"a coding and a length in HTTP/1.0", "POST / HTTP/1.0\r\n" CL "3\r\n" TE "chunked\r\n\r\n", 400, 0},
    {"a name with an underscore is another name", POST "Transfer_Encoding: chunked\r\n\r\n", 0, MK_HTTP_NO_BODY},
    {"a longer name is another name", POST "X-Transfer-Encoding: chunked\r\n\r\n", 0, MK_HTTP_NO_BODY},

    {"two lengths", POST CL "5\r\n" CL "6\r\n\r\n", 400, 0},
    {"the same length twice", POST CL "5\r\n" CL "5\r\n\r\n", 400, 0},
    {"a list of lengths", POST CL "5, 6\r\n\r\n", 400, 0},
    {"a list of the same", POST CL "5, 5\r\n\r\n", 400, 0},
    {"a list of one", POST CL "5,\r\n\r\n", 400, 0},
    {"length +5", POST CL "+5\r\n\r\n", 400, 0},
    {"length -5", POST CL "-5\r\n\r\n", 400, 0},
    {"length -0", POST CL "-0\r\n\r\n", 400, 0},
    {"length 0x5", POST CL "0x5\r\n\r\n", 400, 0},
    {"length 5.0", POST CL "5.0\r\n\r\n", 400, 0},
    {"length 5e0", POST CL "5e0\r\n\r\n", 400, 0},
    {"length 1_000", POST CL "1_000\r\n\r\n", 400, 0},
    {"length in quotes", POST CL "\"5\"\r\n\r\n", 400, 0},
    {"length with a semicolon", POST CL "5;\r\n\r\n", 400, 0},
    {"length of nothing", POST CL "\r\n\r\n", 400, 0},
    {"length of spaces", POST CL "   \r\n\r\n", 400, 0},
    {"length in two words", POST CL "5 5\r\n\r\n", 400, 0},
    {"length with a tab inside", POST CL "5\t5\r\n\r\n", 400, 0},
    {"length with a vertical tab", POST CL "\v5\r\n\r\n", 400, 0},
    {"length with a CR", POST CL "5\r5\r\n\r\n", 400, 0},
    {"length in Arabic digits", POST CL "\xd9\xa5\r\n\r\n", 400, 0},
    {"length with letters", POST CL "5abc\r\n\r\n", 400, 0},
    {"length of 2^63", POST CL "9223372036854775808\r\n\r\n", 400, 0},
    {"length of 2^63-1", POST CL "9223372036854775807\r\n\r\n", 0, MK_HTTP_LENGTH},
    {"length of 2^64", POST CL "18446744073709551616\r\n\r\n", 400, 0},
    {"length of 2^64+5", POST CL "18446744073709551621\r\n\r\n", 400, 0},
    {"length of forty digits", POST CL "1000000000000000000000000000000000000005\r\n\r\n", 400, 0},
    {"length with white space around it", POST "Content-Length:\t 5 \t\r\n\r\n", 0, MK_HTTP_LENGTH},
    {"a space before the colon of the length", POST "Content-Length : 5\r\n\r\n", 400, 0},
    {"Content_Length is another name", POST "Content_Length: 5\r\n\r\n", 0, MK_HTTP_NO_BODY},
    {"a length of a GET counts", "GET / HTTP/1.1\r\nHost: a\r\n" CL "5\r\n\r\n", 0, MK_HTTP_LENGTH},
    {"a length hidden by Connection counts", POST "Connection: content-length\r\n" CL "5\r\n\r\n", 0, MK_HTTP_LENGTH},

    {"a bare LF behind the request line", "POST / HTTP/1.1\nHost: a\r\n\r\n", 400, 0},
    {"a bare LF behind a field", POST "A: b\nC: d\r\n\r\n", 400, 0},
    {"a bare LF at the end", POST "A: b\r\n\n", 400, 0},
    {"two bare LFs at the end", POST "A: b\n\n", 400, 0},
    {"a bare LF in a value", POST "A: b\n" TE "chunked\r\n\r\n", 400, 0},
    {"a bare CR in a value", POST "A: b\r" TE "chunked\r\n\r\n", 400, 0},
    {"a bare CR at the end", POST "A: b\r\n\rX: y\r\n\r\n", 400, 0},
    {"CR CR LF", POST "A: b\r\r\n\r\n", 400, 0},
    {"CR CR LF at the end", POST "A: b\r\n\r\r\n\r\n", 400, 0},
    {"LF CR",
     POST "A: b\n\r"
          "C: d\r\n\r\n",
     400, 0},
    {"a CR in the target", "POST /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0},
    {"a request in the target", "POST / HTTP/1.1\rHost: b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0},

    {"two hosts", POST "Host: b\r\n\r\n", 400, 0},
    {"the same host twice", POST "Host: a\r\n\r\n", 400, 0},
    {"a list of hosts", "POST / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, 0},
    {"a host with a user", "POST / HTTP/1.1\r\nHost: b@a\r\n\r\n", 400, 0},
    {"a host with a path", "POST / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 0},
    {"a space before the host's colon", "POST / HTTP/1.1\r\nHost : a\r\n\r\n", 400, 0},
    {"an absolute target of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0},
    {"an absolute target of another port", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0},
    {"an absolute target and an empty host", "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", 400, 0},
    {"an absolute target of the scheme's port", "GET http://A:80/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, MK_HTTP_NO_BODY},
    {"an absolute target of the other scheme's port", "GET https://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, 0},
    {"an absolute target with a user", "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400, 0},
};

TEST(what_two_parsers_could_read_differently_is_refused) {
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const outcome_t *out = parse_request(heads[i].text);
        int              status = out->step == MK_HTTP_WRONG ? out->wrong.status : 0;
        if (out->step == MK_HTTP_MORE || status != heads[i].status)
            rig_fail(__FILE__, __LINE__, "%s: %d (%s), not %d", heads[i].what, status, out->wrong.why, heads[i].status);
        if (status == 0) CHECK_EQ(out->request.framing, heads[i].framing);
    }
}

/* A server that sends such heads is not to be believed either. */
TEST(responses_are_held_to_the_same) {
    char text[400];
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const char *fields = strstr(heads[i].text, "Host: a\r\n");
        if (strncmp(heads[i].text, POST, strlen(POST)) != 0 || strstr(heads[i].what, "host") != NULL) continue;
        snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%s", fields + 9);
        const outcome_t *out = parse_response(text, MK_HTTP_GET);
        if (out->step != (heads[i].status == 0 ? MK_HTTP_DONE : MK_HTTP_WRONG))
            rig_fail(__FILE__, __LINE__, "%s: step %d", heads[i].what, out->step);
        if (heads[i].status != 0) CHECK_EQ(out->wrong.status, 502);
    }
}

static const struct {
    const char *what, *text, *content; /* content NULL: refused */
} bodies[] = {
    {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"},
    {"hex in both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
    {"zeros before a size", "0005\r\nhello\r\n000\r\n\r\n", "hello"},
    {"a plain extension", "5;a=b;c\r\nhello\r\n0;d\r\n\r\n", "hello"},
    {"a trailer", "0\r\nA: b\r\n\r\n", ""},
    {"a trailer that names a length is ignored", "0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nHost: b\r\n\r\n",
     ""},

    {"0x", "0x5\r\nhello\r\n0\r\n\r\n", NULL},
    {"plus", "+5\r\nhello\r\n0\r\n\r\n", NULL},
    {"minus", "-5\r\nhello\r\n0\r\n\r\n", NULL},
    {"a space before", " 5\r\nhello\r\n0\r\n\r\n", NULL},
    {"a space behind", "5 \r\nhello\r\n0\r\n\r\n", NULL},
    {"a tab behind", "5\t\r\nhello\r\n0\r\n\r\n", NULL},
    {"a space before the semicolon", "5 ;a\r\nhello\r\n0\r\n\r\n", NULL},
    {"a space behind the semicolon", "5; a\r\nhello\r\n0\r\n\r\n", NULL},
    {"no size", "\r\nhello\r\n0\r\n\r\n", NULL},
    {"an extension without a size", ";a\r\nhello\r\n0\r\n\r\n", NULL},
    {"not hex", "g\r\nhello\r\n0\r\n\r\n", NULL},
    {"a size with a separator", "1_0\r\n", NULL},
    {"a decimal point", "5.0\r\nhello\r\n0\r\n\r\n", NULL},
    {"2^64", "10000000000000000\r\nhello", NULL},
    {"2^64 plus 5", "10000000000000005\r\nhello\r\n0\r\n\r\n", NULL},
    {"all digits f", "ffffffffffffffff\r\nhello", NULL},
    {"2^56", "100000000000000\r\nhello", NULL},
    {"a bare LF behind a size", "5\nhello\r\n0\r\n\r\n", NULL},
    {"a bare CR behind a size", "5\rhello\r\n0\r\n\r\n", NULL},
    {"a bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n", NULL},
    {"a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", NULL},
    {"CR CR LF behind a size", "5\r\r\nhello\r\n0\r\n\r\n", NULL},
    {"LF CR behind a size", "5\n\rhello\r\n0\r\n\r\n", NULL},
    {"a quoted extension", "5;a=\"b\"\r\nhello\r\n0\r\n\r\n", NULL},
    {"a quoted line end", "5;a=\"\r\nb\"\r\nhello\r\n0\r\n\r\n", NULL},
    {"a control in an extension", "5;a\x01\r\nhello\r\n0\r\n\r\n", NULL},
    {"a byte from 0x80 in an extension", "5;\xe9\r\nhello\r\n0\r\n\r\n", NULL},
    {"no line end behind the content", "5\r\nhello0\r\n\r\n", NULL},
    {"a bare LF behind the content", "5\r\nhello\n0\r\n\r\n", NULL},
    {"a bare CR behind the content", "5\r\nhello\r0\r\n\r\n", NULL},
    {"LF CR behind the content", "5\r\nhello\n\r0\r\n\r\n", NULL},
    {"content too long", "4\r\nhello\r\n0\r\n\r\n", NULL},
    {"an empty line between chunks", "5\r\nhello\r\n\r\n0\r\n\r\n", NULL},
    {"a bare LF at the end", "0\r\n\n", NULL},
    {"a bare CR at the end", "0\r\n\rX", NULL},
    {"a bare LF behind the last size", "0\n\r\n", NULL},
    {"a trailer without a colon", "0\r\nA b\r\n\r\n", NULL},
    {"a trailer with a space before the colon", "0\r\nA : b\r\n\r\n", NULL},
    {"a trailer without a name", "0\r\n: b\r\n\r\n", NULL},
    {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", NULL},
    {"a trailer with a bare LF", "0\r\nA: b\nC: d\r\n\r\n", NULL},
    {"a trailer with a bare CR", "0\r\nA: b\rC: d\r\n\r\n", NULL},
    {"a trailer with a control", "0\r\nA: b\x01\r\n\r\n", NULL},
    {"the next request instead of a trailer", "0\r\nGET / HTTP/1.1\r\n\r\n", NULL},
};

TEST(chunks_have_one_reading_or_none) {
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        const body_outcome_t *out = take_chunked_text(bodies[i].text);
        if (out->step != (bodies[i].content != NULL ? MK_HTTP_DONE : MK_HTTP_WRONG))
            rig_fail(__FILE__, __LINE__, "%s: step %d", bodies[i].what, out->step);
        if (bodies[i].content == NULL) continue;
        CHECK_EQ(out->used, strlen(bodies[i].text));
        CHECK_EQ(out->content_size, strlen(bodies[i].content));
        CHECK(memcmp(out->content, bodies[i].content, out->content_size) == 0);
    }
}

TEST(a_chunk_of_more_than_32_bits_is_not_cut_to_them) {
    const body_outcome_t *out = take_chunked_text("100000005\r\nhello\r\n0\r\n\r\n");
    CHECK_EQ(out->step, MK_HTTP_MORE);
    CHECK_EQ(out->content_size, strlen("hello\r\n0\r\n\r\n"));
    CHECK_EQ(take_chunked_text("ffffffffffffff\r\nhello")->step, MK_HTTP_MORE);
}
