/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEV-SNP reports: every byte of an accepted one is a field or must be zero, so that
 * its fields, written back, give the same bytes.
 */
#include "attest/snp/report.h"

#include "base/writer.h"
#include "fuzz.h"

#define SIGNED_LEN 0x2a0
#define COORD_LEN  48

static void put_firmware(struct ds_writer *w, const struct ds_snp_firmware *f)
{
    ds_write_le_(w, f->build, 1);
    ds_write_le_(w, f->minor, 1);
    ds_write_le_(w, f->major, 1);
    ds_write_zeros(w, 1);
}

static void put_number(struct ds_writer *w, const uint8_t *be)
{
    for (size_t i = COORD_LEN; i-- > 0;)
        ds_write(w, DS_SPAN(be + i, 1));
    ds_write_zeros(w, 72 - COORD_LEN);
}

static void put_head(struct ds_writer *w, const struct ds_snp_report *p)
{
    ds_write_le_(w, p->version, 4);
    ds_write_le_(w, p->guest_svn, 4);
    ds_write_le_(w, p->policy, 8);
    ds_write(w, DS_SPAN_OF(p->family_id16));
    ds_write(w, DS_SPAN_OF(p->image_id16));
    ds_write_le_(w, p->vmpl, 4);
    ds_write_le_(w, p->sig_algo, 4);
    ds_write(w, DS_SPAN_OF(p->current_tcb8));
    ds_write_le_(w, p->platform_info, 8);
    ds_write_le_(w, p->key_info, 4);
    ds_write_zeros(w, 4);
    ds_write(w, DS_SPAN_OF(p->report_data64));
    ds_write(w, DS_SPAN_OF(p->measurement48));
    ds_write(w, DS_SPAN_OF(p->host_data32));
    ds_write(w, DS_SPAN_OF(p->id_key_digest48));
    ds_write(w, DS_SPAN_OF(p->author_key_digest48));
    ds_write(w, DS_SPAN_OF(p->report_id32));
    ds_write(w, DS_SPAN_OF(p->report_id_ma32));
}

static void put_tail(struct ds_writer *w, const struct ds_snp_report *p)
{
    const uint8_t cpu[] = { p->cpuid_family, p->cpuid_model, p->cpuid_stepping };
    ds_write(w, DS_SPAN_OF(p->reported_tcb8));
    ds_write(w, DS_SPAN_OF(cpu));
    ds_write_zeros(w, 21);
    ds_write(w, DS_SPAN_OF(p->chip_id64));
    ds_write(w, DS_SPAN_OF(p->committed_tcb8));
    put_firmware(w, &p->current);
    put_firmware(w, &p->committed);
    ds_write(w, DS_SPAN_OF(p->launch_tcb8));
    ds_write_le_(w, p->launch_mit_vector, 8);
    ds_write_le_(w, p->current_mit_vector, 8);
    ds_write_zeros(w, 152);
    put_number(w, p->sig96);
    put_number(w, p->sig96 + COORD_LEN);
    ds_write_zeros(w, 512 - 144);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    struct ds_snp_report p;
    uint8_t again[DS_SNP_REPORT_LEN];
    struct ds_writer w = ds_writer_of(again, sizeof again);
    if (!fuzz_is_ok(ds_snp_report_parse(&p, DS_SPAN(data, len), &e), &e))
        return 0;
    FUZZ_CHECK(p.version >= 2 && p.version <= 5 && p.sig_algo == 1);
    FUZZ_CHECK(p.signed_part.p == data && p.signed_part.len == SIGNED_LEN);
    FUZZ_CHECK(p.version > 2 || ds_snp_report_product(&p) == DS_SNP_PRODUCT_NONE);
    put_head(&w, &p);
    put_tail(&w, &p);
    FUZZ_CHECK(!w.bad && len == sizeof again && ds_write_len(&w) == len);
    FUZZ_CHECK(memcmp(again, data, len) == 0);
    return 0;
}
