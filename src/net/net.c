/* SPDX-License-Identifier: Apache-2.0 */
/* net.c -- see net.h. */
#include "net/internal.h"

#include "base/assert.h"
#include "base/mem.h"

mk_err_t mk_net_create(mk_loop_t *loop, mk_net_t **out) {
    mk_net_t *net = mk_calloc(1, sizeof *net);
    uint8_t  *scratch = mk_alloc(MK_SCRATCH_BYTES);
    if (net == NULL || scratch == NULL) {
        mk_free(net);
        mk_free(scratch);
        return MK_ERR_NOMEM;
    }
    net->loop = loop;
    net->scratch = scratch;
    *out = net;
    return MK_OK;
}

void mk_net_destroy(mk_net_t *net) {
    mk_node_t *node;
    if (net == NULL) return;
    while ((node = net->listeners) != NULL) mk_listener_close(mk_container_of(node, mk_listener_t, all));
    while ((node = net->streams) != NULL) {
        mk_stream_t *stream = mk_container_of(node, mk_stream_t, all);
        if ((stream->flags & MK_S_LEFT) != 0) mk_stream_fail(stream, MK_ERR_CLOSED, NULL);
        else mk_stream_close(stream);
    }
    while ((node = net->udps) != NULL) mk_udp_close(mk_container_of(node, mk_udp_t, all));
    mk_lookup_fini(net);
    mk_queue_cache_fini(&net->cache);
    mk_cipher_free(net->cipher);
    mk_free(net->scratch);
    mk_free(net);
}

mk_loop_t *mk_net_loop(const mk_net_t *net) { return net->loop; }
