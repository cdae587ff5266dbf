/* SPDX-License-Identifier: Apache-2.0 */
/* error.h -- one table makes the error codes, their names and the manual. */
#ifndef MICROKERNEL_ERROR_H
#define MICROKERNEL_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define MK_ERR_TABLE(X)                                        \
    X(NOMEM,    "out of memory")                               \
    X(FULL,     "the queue is full")                           \
    X(TOOLONG,  "longer than allowed")                         \
    X(LIMIT,    "a configured limit is reached")               \
    X(EXISTS,   "already there")                               \
    X(NOTFOUND, "not found")                                   \
    X(INVALID,  "not a valid argument")                        \
    X(DENIED,   "not permitted")                               \
    X(NOSYS,    "not available on this platform")              \
    X(IO,       "input or output failed")                      \
    X(TIMEOUT,  "the deadline passed")                         \
    X(PROTO,    "the peer broke the protocol")                 \
    X(FORMAT,   "malformed data")                              \
    X(CLOSED,   "closed")                                      \
    X(BUSY,     "in use")

typedef enum mk_err {
    MK_OK = 0,
#define MK_ERR_ENUM(name, text) MK_ERR_##name,
    MK_ERR_TABLE(MK_ERR_ENUM)
#undef MK_ERR_ENUM
} mk_err_t;

#if defined(__GNUC__)
#define MK_MUST_CHECK __attribute__((warn_unused_result))
#define MK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define MK_MUST_CHECK
#define MK_PRINTF(fmt, args)
#endif

/* A short English text; never NULL. Any thread. */
const char *mk_err_text(mk_err_t err);

/* The code's name without its prefix, such as "NOMEM"; never NULL. Any thread. */
const char *mk_err_name(mk_err_t err);

#ifdef __cplusplus
}
#endif

#endif
