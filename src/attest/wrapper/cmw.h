/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The RATS conceptual message wrapper: evidence, results and what belongs to
 * them, each with its media type. A record, a CBOR tag that stands for one, or
 * a collection of wrappers by label; as CBOR or as JSON. It protects nothing:
 * what is inside is judged by whoever its type belongs to.
 * spec: RFC 9999 (draft-ietf-rats-msg-wrap-23) §3; RFC 9277 Appendix B
 */

#include "base/arena.h"
#include "codec/cbor.h"
#include "codec/json.h"
#include "codec/json_write.h"

#define DS_CMW_DEPTH_MAX   4   /* collections in one another */
#define DS_CMW_ENTRIES_MAX 32  /* of one collection */
#define DS_CMW_LABEL_MAX   128 /* bytes of a label */

/* What a record carries; the bits of `ind`, RFC 9999 §3.1.1. */
enum {
    DS_CMW_REFERENCE_VALUES = 1 << 0,
    DS_CMW_ENDORSEMENTS = 1 << 1,
    DS_CMW_EVIDENCE = 1 << 2,
    DS_CMW_ATTESTATION_RESULTS = 1 << 3,
    DS_CMW_APPRAISAL_POLICY = 1 << 4,
    DS_CMW_IND_ALL = (1 << 5) - 1,
};

/* CoAP content formats are 16 bits; a record by media type has this instead. */
#define DS_CMW_NO_FORMAT (-1)

struct ds_cmw_record {
    int32_t content_format; /* or DS_CMW_NO_FORMAT */
    struct ds_span type;    /* media type where there is no content format */
    struct ds_span value;
    uint32_t ind; /* 0: not stated */
};

enum ds_cmw_kind {
    DS_CMW_RECORD,
    DS_CMW_TAG, /* a record by content format, its value behind CBOR tag TN(format) */
    DS_CMW_COLLECTION,
};

struct ds_cmw_entry;

struct ds_cmw {
    enum ds_cmw_kind kind;
    struct ds_cmw_record record;        /* of RECORD and TAG */
    struct ds_span collection_type;     /* "__cmwc_t": URI or OID; empty where it is not stated */
    const struct ds_cmw_entry *entries; /* of COLLECTION: one at least */
    size_t n_entries;
};

struct ds_cmw_entry {
    bool is_number; /* CBOR alone */
    int64_t number;
    struct ds_span label;
    struct ds_cmw cmw;
};

/* The CBOR tag of a content format, and back. */
DS_MUST_USE int ds_cmw_tag_of(uint64_t *ret, int32_t content_format, struct ds_error *e);
DS_MUST_USE int ds_cmw_format_of_tag(int32_t *ret, uint64_t tag, struct ds_error *e);

/*
 * Parse one wrapper to its last byte. Which of the two forms it is says the
 * media type that came with it (application/cmw+cbor, application/cmw+json).
 *
 * out:  ret  borrows `in` and the arena
 * io:   mem  holds entries, and of JSON the tokens and decoded values
 * err:  FORMAT, RANGE, TRUNCATED, TRAILING, NOMEM  attest.cmw.format
 */
DS_MUST_USE int ds_cmw_parse_cbor(struct ds_cmw *ret, struct ds_arena *mem, struct ds_span in,
                                  struct ds_error *e);
DS_MUST_USE int ds_cmw_parse_json(struct ds_cmw *ret, struct ds_arena *mem, struct ds_span in,
                                  struct ds_error *e);

/*
 * Encode, *appended*; what a parser would refuse is refused. In JSON there are
 * no content formats, no tags and no labels that are numbers.
 * err: FORMAT, RANGE, UNSUPPORTED  attest.cmw.format
 */
DS_MUST_USE int ds_cmw_encode_cbor(struct ds_buf *ret, const struct ds_cmw *cmw,
                                   struct ds_error *e);
DS_MUST_USE int ds_cmw_encode_json(struct ds_buf *ret, const struct ds_cmw *cmw,
                                   struct ds_error *e);

/* A record inside another document: the next item of a reader, a JSON value. */
DS_MUST_USE int ds_cmw_record_read_cbor(struct ds_cmw_record *ret, struct ds_reader *r,
                                        struct ds_error *e);
DS_MUST_USE int ds_cmw_record_read_json(struct ds_cmw_record *ret, struct ds_arena *mem,
                                        const struct ds_json_tok *value, struct ds_error *e);
DS_MUST_USE int ds_cmw_record_put_cbor(struct ds_buf *ret, const struct ds_cmw_record *record,
                                       struct ds_error *e);
DS_MUST_USE int ds_cmw_record_put_json(struct ds_jw *w, const char *key,
                                       const struct ds_cmw_record *record, struct ds_error *e);
