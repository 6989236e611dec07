/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The framing of the guest's channels, pure: LE32 payload length, LE32 stream,
 * u8 kind, payload.
 *
 * A virtio port is a byte stream without beginnings: when either side restarts,
 * the other may see the tail of a cut frame, or old frames that waited in the
 * queue. So a hello carries a marker that cannot stand inside any other frame
 * (requests and replies are ASCII; data frames are split within it), and the
 * decoder looks for it at every position: a hello always starts afresh.
 */

#include "base/buf.h"

#define NET_FRAME_HEAD_LEN    9u
#define NET_FRAME_PAYLOAD_MAX ((size_t)1 << 20)
#define NET_FRAME_PROTOCOL    1u

enum net_frame_kind {
    NET_FRAME_HELLO = 1,
    NET_FRAME_REQUEST,
    NET_FRAME_REPLY,
    NET_FRAME_DATA,
    NET_FRAME_END,
    NET_FRAME_RESET,
};

struct net_frame {
    uint32_t stream;
    enum net_frame_kind kind;
    struct ds_span payload; /* into the decoder's buffer: until the next call on it */
};

/* One open of a channel; random, so that nothing of an earlier open carries it. */
struct net_epoch {
    uint8_t b[16];
};

struct net_hello {
    uint32_t protocol;
    struct net_epoch own;  /* the sender's open */
    struct net_epoch seen; /* the receiver's open as the sender knows it; zeros: not yet */
};

/* Append a frame; text kinds must be ASCII, data is split where it would imitate a hello. */
void net_frame_encode(struct ds_buf *out, uint32_t stream, enum net_frame_kind kind,
                      struct ds_span payload);
void net_frame_encode_hello(struct ds_buf *out, const struct net_hello *hello);

struct net_frame_decoder {
    struct ds_buf in;
    size_t used;    /* bytes at the front of `in` that were handed out */
    size_t scanned; /* bytes of `in` known to hold no whole marker */
    size_t floor;   /* where the last hello ended: no marker begins before */
    bool synced;    /* a hello came; before it everything is dropped */
};

/* Add bytes as they came. err: NOMEM */
DS_MUST_USE int net_frame_feed(struct net_frame_decoder *d, struct ds_span bytes,
                               struct ds_error *e);

/*
 * The next frame.
 *
 * out:  ret_have  false: more bytes are needed
 *       ret_hello filled when ret->kind is NET_FRAME_HELLO
 * err:  PEER      net.bad_frame: too long, or no such kind; the decoder waits for a hello again
 */
DS_MUST_USE int net_frame_next(struct net_frame_decoder *d, bool *ret_have, struct net_frame *ret,
                               struct net_hello *ret_hello, struct ds_error *e);

/* Forget everything, as on EOF. */
void net_frame_reset(struct net_frame_decoder *d);
void net_frame_done(struct net_frame_decoder *d);
