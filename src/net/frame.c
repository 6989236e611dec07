/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel frames, both ways, and finding the start of a session in a stream
 * that may begin anywhere.
 */
#include "net/frame.h"

#include "base/writer.h"

/*
 * No byte below 0x80: neither ASCII text nor the head of a frame (whose fourth
 * byte is zero, whose third is at most 0x10) can stand inside it.
 */
static const uint8_t marker[16] = { 0xd5, 0xc7, 0x9a, 0xf1, 0xb6, 0xe8, 0x83, 0xac,
                                    0xfd, 0x91, 0xce, 0xb4, 0xa2, 0xef, 0x98, 0xdb };

/* A frame's head may supply at most the last two bytes of a marker (the low half of a length). */
#define FORBIDDEN_LEN (sizeof marker - 2)
#define PART_LEN      (sizeof marker - 1) /* the longest part of a marker that is no marker yet */
#define HELLO_LEN     (sizeof marker + 4 + 16 + 16)
/* A whole frame, the next head, and what one read brings. */
#define IN_MAX (NET_FRAME_PAYLOAD_MAX + ((size_t)1 << 20))

static const uint8_t *find_marker(struct ds_span in, size_t len)
{
    return in.len > 0 ? memmem(in.p, in.len, marker, len) : NULL;
}

static void put_frame(struct ds_buf *out, uint32_t stream, enum net_frame_kind kind,
                      struct ds_span payload)
{
    ds_buf_le(out, payload.len, 4);
    ds_buf_le(out, stream, 4);
    ds_buf_char(out, (char)kind);
    ds_buf_add(out, payload);
}

void net_frame_encode(struct ds_buf *out, uint32_t stream, enum net_frame_kind kind,
                      struct ds_span payload)
{
    struct ds_span rest = payload;
    for (;;) {
        struct ds_span part = ds_span_sub(rest, 0, NET_FRAME_PAYLOAD_MAX);
        const uint8_t *at = find_marker(part, FORBIDDEN_LEN);
        if (at != NULL)
            part.len = (size_t)(at - part.p) + FORBIDDEN_LEN / 2;
        if (kind != NET_FRAME_DATA && part.len != rest.len) {
            out->bad = true;
            return;
        }
        put_frame(out, stream, kind, part);
        if (part.len == rest.len)
            return;
        rest = DS_SPAN(rest.p + part.len, rest.len - part.len);
    }
}

void net_frame_encode_hello(struct ds_buf *out, const struct net_hello *hello)
{
    uint8_t bytes[HELLO_LEN];
    struct ds_writer w = ds_writer_of(bytes, sizeof bytes);
    ds_write(&w, DS_SPAN_OF(marker));
    ds_write_u32le(&w, hello->protocol);
    ds_write(&w, DS_SPAN_OF(hello->own.b));
    ds_write(&w, DS_SPAN_OF(hello->seen.b));
    put_frame(out, 0, NET_FRAME_HELLO, ds_write_span(&w));
}

static size_t minus(size_t a, size_t b) { return a > b ? a - b : 0; }

/* A cut frame may have swallowed the beginning of a marker: what was used last is still scanned. */
int net_frame_feed(struct net_frame_decoder *d, struct ds_span bytes, struct ds_error *e)
{
    d->in.max = IN_MAX;
    size_t drop = minus(d->used, PART_LEN);
    ds_buf_drop(&d->in, drop);
    d->used -= drop;
    d->scanned = minus(d->scanned, drop);
    d->floor = minus(d->floor, drop);
    ds_buf_add(&d->in, bytes);
    return ds_buf_end(&d->in, e, "channel input");
}

static void drop_to(struct net_frame_decoder *d, size_t at)
{
    d->used = at;
    if (d->scanned < at)
        d->scanned = at;
}

/* Keep only what may be the beginning of a marker. */
static void drop_unsynced(struct net_frame_decoder *d)
{
    if (d->in.len > d->used + PART_LEN)
        drop_to(d, d->in.len - PART_LEN);
}

static int bad_frame(struct net_frame_decoder *d, struct ds_error *e, const char *what,
                     size_t value)
{
    d->synced = false;
    drop_unsynced(d);
    return ds_fail_code(e, DS_ERR_PEER, DS_CODE_NET_BAD_FRAME, "a frame with %s %zu", what, value);
}

/* Where the marker begins in what is not handed out yet; false when it is not there (yet). */
static bool scan(struct net_frame_decoder *d, size_t *ret_at)
{
    size_t from = minus(d->scanned, PART_LEN);
    if (from < d->floor)
        from = d->floor;
    struct ds_span in = ds_buf_span(&d->in);
    const uint8_t *at = find_marker(ds_span_sub(in, from, in.len), sizeof marker);
    if (at == NULL) {
        d->scanned = in.len;
        return false;
    }
    d->scanned = (size_t)(at - in.p);
    *ret_at = d->scanned;
    return true;
}

static bool take_hello(struct net_frame_decoder *d, size_t at, struct net_frame *ret,
                       struct net_hello *ret_hello)
{
    struct ds_span payload = ds_span_sub(ds_buf_span(&d->in), at, HELLO_LEN);
    if (payload.len < HELLO_LEN) {
        drop_to(d, at);
        return false;
    }
    struct ds_reader r = ds_reader_of(payload);
    ds_read_skip(&r, sizeof marker);
    ret_hello->protocol = ds_read_u32le(&r);
    ds_read_into(&r, ret_hello->own.b, sizeof ret_hello->own.b);
    ds_read_into(&r, ret_hello->seen.b, sizeof ret_hello->seen.b);
    *ret = (struct net_frame){ .kind = NET_FRAME_HELLO, .payload = payload };
    drop_to(d, at + HELLO_LEN);
    d->floor = d->used;
    d->synced = true;
    return true;
}

int net_frame_next(struct net_frame_decoder *d, bool *ret_have, struct net_frame *ret,
                   struct net_hello *ret_hello, struct ds_error *e)
{
    *ret_have = false;
    size_t at = 0;
    if (scan(d, &at)) {
        *ret_have = take_hello(d, at, ret, ret_hello);
        return DS_OK;
    }
    struct ds_span in = ds_buf_span(&d->in);
    if (!d->synced) {
        drop_unsynced(d);
        return DS_OK;
    }
    struct ds_reader r = ds_reader_of(ds_span_sub(in, d->used, in.len));
    if (ds_read_left(&r) < NET_FRAME_HEAD_LEN)
        return DS_OK;
    size_t len = ds_read_u32le(&r);
    uint32_t stream = ds_read_u32le(&r);
    unsigned kind = ds_read_u8(&r);
    if (len > NET_FRAME_PAYLOAD_MAX)
        return bad_frame(d, e, "length", len);
    if (kind < NET_FRAME_HELLO || kind > NET_FRAME_RESET)
        return bad_frame(d, e, "kind", kind);
    if (ds_read_left(&r) < len)
        return DS_OK;
    /* A hello with its marker was found by the scan. */
    if (kind == NET_FRAME_HELLO)
        return bad_frame(d, e, "no marker but kind", kind);
    *ret = (struct net_frame){ stream, (enum net_frame_kind)kind, ds_read_span(&r, len) };
    drop_to(d, d->used + NET_FRAME_HEAD_LEN + len);
    *ret_have = true;
    return DS_OK;
}

void net_frame_reset(struct net_frame_decoder *d)
{
    ds_buf_clear(&d->in);
    d->used = d->scanned = d->floor = 0;
    d->synced = false;
}

void net_frame_done(struct net_frame_decoder *d)
{
    ds_buf_done(&d->in);
    *d = (struct net_frame_decoder){ 0 };
}
