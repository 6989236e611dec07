/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of Intel's quotes, versions 3 to 5, for inputs of up to BOUND bytes: each is accepted iff
 * the numbers that steer it are what the layout allows and fit the input, and takes exactly its bytes.
 * dcap_quote.c puts them together.
 */
#include "proof.h"

#include "attest/dcap/report.c"

/* ds_sgx_report_read() by the contract that proof_report shows of it. */
static void report_by_contract(struct ds_sgx_report *ret, struct ds_reader *r)
{
    struct ds_sgx_report any;
    ds_read_skip(r, DS_SGX_REPORT_LEN);
    *ret = any;
}

#define ds_sgx_report_read report_by_contract
#include "attest/dcap/quote.c"
#undef ds_sgx_report_read

enum { HEADER_LEN = 48, QE_FIXED_LEN = 384 + 64 + 2 + 2 + 4 };

/* The i-th number, which the layout has at that place; 0 where the input ended before it. */
static uint64_t number(size_t i, size_t at)
{
    PROVE(i >= n_proof_reads || proof_reads[i].at == at, "a number is read in its place");
    return i < n_proof_reads ? proof_reads[i].v : 0;
}

void proof_header(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader r = ds_reader_of(in);
    struct ds_dcap_quote q = { 0 };
    int cls = read_header(&q, &r, any_error());
    uint64_t version = number(0, 0), key_type = number(1, 2), tee = number(2, 4);
    bool is_intels = key_type == 2 && memcmp(q.qe_vendor_id16, intel_qe_vendor_id16, 16) == 0;
    bool is_header = in.len >= HEADER_LEN && is_intels &&
                     ((version == 3 && tee == 0) ||
                      ((version == 4 || version == 5) && (tee == 0 || tee == 0x81)));
    PROVE((cls == DS_OK) == is_header, "version, TEE, key type and vendor that are known");
    PROVE(r.p >= r.start && r.p <= r.end, "a reader stays in its input");
    GIVEN(cls == DS_OK);
    PROVE(q.version == version && q.tee_type == tee, "and no other");
    PROVE(!r.bad && ds_read_at(&r) == HEADER_LEN, "all of the header");
    REACHED_IF(version == 5 && tee == 0x81, "a header of version 5");
}

/* Without a descriptor, and with one; a short body leaves the reader bad, for the parts behind it. */
void proof_body(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader r = ds_reader_of(in);
    struct ds_dcap_quote q = { .version = nondet_u16(), .tee_type = nondet_bool() ? 0x81 : 0 };
    GIVEN(q.version >= 3 && q.version <= 5);
    int cls = read_body(&q, &r, any_error());
    bool is_tdx = q.tee_type != 0, has_descriptor = q.version == 5;
    size_t at = has_descriptor ? 6 : 0;
    uint64_t type = has_descriptor ? number(0, 0) : is_tdx ? 2 : 1;
    uint64_t len = has_descriptor ? number(1, 2) : is_tdx ? 584 : 384;
    bool is_known = is_tdx ? (type == 2 && len == 584) || (type == 3 && len == 648)
                           : type == 1 && len == 384;
    PROVE((cls == DS_OK) == (is_known && in.len >= at), "type and length that are known");
    PROVE(r.p >= r.start && r.p <= r.end, "a reader stays in its input");
    GIVEN(cls == DS_OK);
    PROVE(q.body_type == type && r.bad == (in.len - at < len), "a body of its type, or bad");
    PROVE(r.bad ? q.body.len == 0 : q.body.p == in.p + at && q.body.len == len, "the bytes of it");
    PROVE(r.bad || ds_read_at(&r) == at + len, "and no more");
    REACHED_IF(type == 3 && !r.bad, "a TD 1.5");
    REACHED_IF(type == 1 && r.bad, "an enclave's body that ends early");
}

static void check_signature(struct ds_dcap_quote *q, bool is_v3)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader r = ds_reader_of(in);
    r.bad = nondet_bool();
    bool was_bad = r.bad;
    int cls = read_signature_data(q, &r, any_error());
    size_t qe_at = is_v3 ? 128 : 134, i = is_v3 ? 0 : 2;
    PROVE(r.p >= r.start && r.p <= r.end, "a reader stays in its input");
    bool fits = !was_bad && in.len >= qe_at + QE_FIXED_LEN;
    uint64_t type = is_v3 || !fits ? 6 : number(0, 128);
    uint64_t len = is_v3 || !fits ? in.len - qe_at : number(1, 130);
    fits = fits && type == 6 && len == in.len - qe_at;
    uint64_t auth_len = fits ? number(i, qe_at + 448) : 0;
    fits = fits && auth_len <= in.len - qe_at - QE_FIXED_LEN;
    uint64_t cert_len = fits ? number(i + 2, qe_at + 448 + 2 + auth_len + 2) : 0;
    fits = fits && cert_len == in.len - qe_at - QE_FIXED_LEN - auth_len;
    uint64_t cert_type = fits ? number(i + 1, qe_at + 448 + 2 + auth_len) : 0;
    fits = fits && cert_type >= 1 && cert_type <= 7 && cert_type != 6;
    PROVE((cls == DS_OK) == fits, "read iff all lengths fit, and the type is one");
    GIVEN(cls == DS_OK);
    PROVE(q->qe_report_raw.p == in.p + qe_at && q->qe_report_raw.len == 384, "the QE's report");
    PROVE(q->qe_auth.p == in.p + qe_at + 450 && q->qe_auth.len == auth_len, "its data");
    PROVE(q->cert_data.p == q->qe_auth.p + auth_len + 6 && q->cert_data.len == cert_len,
          "what certifies its key");
    REACHED_IF(q->cert_data.len > 3000 && q->qe_auth.len == 32, "a quote as they are");
}

void proof_signature_v3(void)
{
    struct ds_dcap_quote q = { .version = 3 };
    check_signature(&q, true);
}

void proof_signature(void)
{
    struct ds_dcap_quote q = { .version = 4 }; /* 5 is no case of its own: only 3 is asked for */
    check_signature(&q, false);
}

/* Of a reader in any state a report takes its 384 bytes, or it is left bad. */
void proof_report(void)
{
    struct ds_reader was = ds_reader_of(any_long_input(BOUND)), r = was;
    struct ds_sgx_report report;
    r.bad = nondet_bool();
    bool fits = !r.bad && ds_read_left(&r) >= DS_SGX_REPORT_LEN;
    ds_sgx_report_read(&report, &r);
    PROVE(r.start == was.start && r.end == was.end && r.p >= was.p && r.p <= r.end,
          "a reader stays in its input");
    PROVE(r.bad == !fits && (r.bad || r.p == was.p + DS_SGX_REPORT_LEN), "384 bytes or bad");
    REACHED_IF(!r.bad, "a report");
}
