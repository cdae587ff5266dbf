/* SPDX-License-Identifier: Apache-2.0 */
/* service_messages.h -- how key-value stores, databases, queues and models are asked, wherever they are: in this node, in a peer, in a
 * cloud. Every request gets one answer (actor_reply()).
 *
 * A request is lines `name=value\n`; fields that are not needed may be left out. The last field, named last below, holds everything up
 * to the end of the payload, line ends included. */
#ifndef MICROKERNEL_SERVICE_MESSAGES_H
#define MICROKERNEL_SERVICE_MESSAGES_H

enum {
    MSG_CF_KV_PUT = 300,     /* key, ttl (seconds; 0: for ever), value                           -> OK                    */
    MSG_CF_KV_GET = 301,     /* key                                                              -> VALUE, NOT_FOUND      */
    MSG_CF_KV_DELETE = 302,  /* key                                                              -> OK, NOT_FOUND         */
    MSG_CF_KV_LIST = 303,    /* prefix, limit, after (a key: the list goes on behind it)         -> KEYS                  */
    MSG_CF_DB_QUERY = 304,   /* sql, then p for each parameter                                   -> ROWS                  */
    MSG_CF_DB_EXEC = 305,    /* the same                                                         -> OK                    */
    MSG_CF_QUEUE_PUSH = 306, /* delay (seconds), body                                            -> OK                    */
    MSG_CF_AI_INFER = 307,   /* model, prompt                                                    -> VALUE                 */
    MSG_CF_AI_EMBED = 308,   /* model, text                                                      -> EMBEDDING             */

    MSG_CF_OK = 310,
    MSG_CF_VALUE = 311,      /* the value's bytes          */
    MSG_CF_ROWS = 312,       /* JSON: an array of objects  */
    MSG_CF_KEYS = 313,       /* one on each line, in order */
    MSG_CF_EMBEDDING = 314,  /* JSON: an array of numbers  */
    MSG_CF_NOT_FOUND = 315,
    MSG_CF_ERROR = 316,      /* a text for people          */

    /* Additions of ours; clouds may not have them. */
    MSG_CF_KV_SWAP = 320, /* key, ttl, old (bytes of the value that is expected, or "none"), value (that many bytes, then the new value):
                           * puts only if that is what is there                                  -> OK, ERROR "changed" */
    MSG_QUEUE_CONSUME = 321, /* max (items under way at a time; 0: no more): the sender wants the queue's items             -> OK */
    MSG_QUEUE_ITEM = 322,    /* to a consumer: id, tries (this one included), body */
    MSG_QUEUE_ACK = 323,     /* id: it is done, and gone                                             -> OK, NOT_FOUND      */
    MSG_QUEUE_NACK = 324,    /* id, delay (seconds): it is not, and comes again                      -> OK, NOT_FOUND      */
};

#endif
