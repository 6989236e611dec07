/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel frames: however the stream is cut into reads, the same hellos are
 * found and the same frames follow the last one; and what is encoded comes out
 * again. (Frames before a hello may be skipped where both arrive in one read: a
 * hello begins afresh.)
 */
#include "net/frame.h"

#include "fuzz.h"

/* What was seen since the last hello, as bytes, and how many hellos there were. */
struct seen {
    size_t n_hellos, n_bad;
    struct net_hello hello;
    struct ds_buf frames;
};

static void seen_done(struct seen *s) { ds_buf_done(&s->frames); }

static void note(struct seen *s, const struct net_frame *f, const struct net_hello *h)
{
    if (f->kind == NET_FRAME_HELLO) {
        s->n_hellos++;
        s->hello = *h;
        s->n_bad = 0;
        ds_buf_clear(&s->frames);
        return;
    }
    FUZZ_CHECK(s->n_hellos > 0 && f->kind > NET_FRAME_HELLO && f->kind <= NET_FRAME_RESET);
    FUZZ_CHECK(f->payload.len <= NET_FRAME_PAYLOAD_MAX);
    ds_buf_le(&s->frames, f->payload.len, 8);
    ds_buf_le(&s->frames, f->stream, 4);
    ds_buf_le(&s->frames, (uint64_t)f->kind, 1);
    ds_buf_add(&s->frames, f->payload);
}

static void drain(struct seen *s, struct net_frame_decoder *d)
{
    for (bool have = true; have;) {
        struct ds_error e;
        struct net_frame f;
        struct net_hello h;
        if (!fuzz_is_ok(net_frame_next(d, &have, &f, &h, &e), &e))
            s->n_bad++;
        else if (have)
            note(s, &f, &h);
    }
}

static void decode(struct seen *s, struct ds_span in, size_t piece)
{
    DS_AUTO(net_frame_done) struct net_frame_decoder d = { 0 };
    for (size_t at = 0; at < in.len; at += piece) {
        FUZZ_CHECK(net_frame_feed(&d, ds_span_sub(in, at, piece), NULL) == DS_OK);
        drain(s, &d);
        if (piece > in.len)
            break;
    }
}

static void check_cuts(struct ds_span stream, size_t piece)
{
    /* Zeros complete a hello at the end, and are a bad frame: so both ways come to rest. */
    static const uint8_t zeros[64];
    DS_AUTO(ds_buf_done) struct ds_buf all = { 0 };
    ds_buf_add(&all, stream);
    ds_buf_add(&all, DS_SPAN_OF(zeros));
    struct ds_span in = ds_buf_span(&all);
    DS_AUTO(seen_done) struct seen whole = { 0 };
    DS_AUTO(seen_done) struct seen pieces = { 0 };
    decode(&whole, in, SIZE_MAX);
    decode(&pieces, in, piece);
    FUZZ_CHECK(whole.n_hellos == pieces.n_hellos && whole.n_bad == pieces.n_bad);
    FUZZ_CHECK(memcmp(&whole.hello, &pieces.hello, sizeof whole.hello) == 0);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&whole.frames), ds_buf_span(&pieces.frames)));
}

/* The input as the payload of data: it comes out whole, and no hello is seen in it. */
static void check_round_trip(struct ds_span in, size_t piece)
{
    static const struct net_hello hello = { .protocol = NET_FRAME_PROTOCOL };
    DS_AUTO(ds_buf_done) struct ds_buf wire = { 0 };
    DS_AUTO(net_frame_done) struct net_frame_decoder d = { 0 };
    net_frame_encode_hello(&wire, &hello);
    net_frame_encode(&wire, 7, NET_FRAME_DATA, in);
    FUZZ_CHECK(!wire.bad);
    struct ds_span bytes = ds_buf_span(&wire);
    size_t n_hellos = 0, got = 0;
    for (size_t at = 0; at < bytes.len; at += piece) {
        FUZZ_CHECK(net_frame_feed(&d, ds_span_sub(bytes, at, piece), NULL) == DS_OK);
        for (bool have = true; have;) {
            struct net_frame f;
            struct net_hello h;
            FUZZ_CHECK(net_frame_next(&d, &have, &f, &h, NULL) == DS_OK);
            if (!have)
                break;
            n_hellos += f.kind == NET_FRAME_HELLO;
            if (f.kind == NET_FRAME_HELLO)
                continue;
            FUZZ_CHECK(f.kind == NET_FRAME_DATA && f.stream == 7);
            FUZZ_CHECK(ds_span_eq(f.payload, ds_span_sub(in, got, f.payload.len)));
            got += f.payload.len;
        }
    }
    FUZZ_CHECK(n_hellos == 1 && got == in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    size_t piece = (size_t)data[0] + 1;
    struct ds_span in = DS_SPAN(data + 1, len - 1);
    check_cuts(in, piece);
    check_round_trip(in, piece);
    return 0;
}
