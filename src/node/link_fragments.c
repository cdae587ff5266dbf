/* SPDX-License-Identifier: Apache-2.0 */
/* link_fragments.c -- large payloads put together from their pieces, in the buffer that the actor will get.
 *
 * A peer can make us keep no more than MK_WIRE_STREAMS_MAX of them and, all together, message_max bytes, whether it goes on with them
 * or not. A payload for which there is no memory is read to its end and dropped. */
#include "node/link_parts.h"

static mk_link_stream_t *find(mk_link_t *link, uint32_t stream) {
    for (unsigned i = 0; i < link->streams_n; i++)
        if (link->streams[i].stream == stream) return &link->streams[i];
    return NULL;
}

static mk_link_stream_t *begin(mk_link_t *link, const mk_wire_fragment_t *fragment) {
    uint32_t next = link->stream_last + 1 != 0 ? link->stream_last + 1 : 1;
    if (fragment->stream != next || link->streams_n == MK_WIRE_STREAMS_MAX ||
        link->announced + fragment->total > link->ours.message_max) {
        mk_link_broken(link, "more large messages at a time than it may");
        return NULL;
    }
    if (link->stops.n != 0 && !mk_link_may_come(link, &fragment->data, fragment->total)) return NULL;
    mk_link_stream_t *stream = &link->streams[link->streams_n++];
    *stream = (mk_link_stream_t){.stream = next, .total = fragment->total, .data = fragment->data};
    stream->buf = message_buffer_create(fragment->total);
    link->announced += fragment->total;
    link->stream_last = next;
    return stream;
}

static void forget(mk_link_t *link, mk_link_stream_t *stream) {
    link->announced -= stream->total;
    *stream = link->streams[--link->streams_n];
}

/* Whoever waits for it would wait in vain: who called with it there, or who called for it here. */
static void deliver_nothing(mk_link_t *link, const mk_wire_data_t *data) {
    mk_signal_t failed = {.kind = MK_SIGNAL_CALL_FAILED, .ref = data->call, .error = (uint8_t)MK_ERR_NOMEM};
    if (data->part == MK_WIRE_CALL) {
        failed.from = data->dest;
        failed.to = data->source;
        link->remote.ops->signal(&link->remote, &failed);
    } else if (data->part == MK_WIRE_REPLY) {
        failed.from = data->source;
        failed.to = data->dest;
        if (mk_remote_signal(link->rt, &link->remote, &failed) == MK_ERR_PROTO)
            mk_link_broken(link, "an answer to nobody");
    }
}

static void deliver(mk_link_t *link, const mk_link_stream_t *stream) {
    const mk_wire_data_t *data = &stream->data;
    const mk_envelope_t   envelope = {.source = data->source,
                                      .dest = data->dest,
                                      .type = data->type,
                                      .part = (mk_call_part_t)data->part,
                                      .call = data->call,
                                      .payload = message_buffer_data(stream->buf),
                                      .size = stream->total};
    mk_link_told(link, &envelope, mk_remote_message_buffer(link->rt, &link->remote, &envelope, stream->buf));
}

void mk_link_on_fragment(mk_link_t *link, const mk_wire_fragment_t *fragment) {
    mk_slice_t        piece = fragment->data.payload;
    mk_link_stream_t *stream = fragment->first ? begin(link, fragment) : find(link, fragment->stream);
    if (stream == NULL) {
        mk_link_broken(link, "a piece of no message"); /* or it has ended in begin() */
        return;
    }
    size_t left = stream->total - stream->got;
    if (piece.size > left || (piece.size == left) != fragment->last) {
        mk_link_broken(link, "a piece that does not fit its message");
        return;
    }
    if (stream->buf != NULL) memcpy((uint8_t *)message_buffer_data(stream->buf) + stream->got, piece.data, piece.size);
    stream->got += (uint32_t)piece.size;
    if (!fragment->last) return;
    mk_link_stream_t whole = *stream;
    forget(link, stream);
    link->received++;
    if (whole.buf != NULL) deliver(link, &whole);
    else deliver_nothing(link, &whole.data);
}

void mk_link_streams_free(mk_link_t *link) {
    for (unsigned i = 0; i < link->streams_n; i++)
        if (link->streams[i].buf != NULL) message_buffer_release(link->streams[i].buf);
    link->streams_n = 0;
    link->announced = 0;
}
