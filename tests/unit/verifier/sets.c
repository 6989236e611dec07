/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets in the two vendors' forms.
 */
#include "sets.h"

#include "base/arena.h"
#include "codec/json_write.h"
#include "crypto/cert.h"

void sets_intel(struct ds_buf *ret, const struct synth *s)
{
    static max_align_t room[(1u << 18) / sizeof(max_align_t)];
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    const struct ds_dcap_parts parts = synth_parts(&mem, s);
    synth_set(ret, &parts);
}

void sets_amd(struct ds_buf *ret, const struct snp_synth *s, const char *product, const char *leaf)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    struct ds_snp_certs certs = snp_synth_certs(s);
    ds_pem_add(&pem, "CERTIFICATE", certs.der[DS_SNP_ASK]);
    ds_pem_add(&pem, "CERTIFICATE", certs.der[DS_SNP_ARK]);
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "kind", "snp");
    ds_jw_str(&w, "product", product);
    ds_jw_hex(&w, leaf, certs.der[DS_SNP_VCEK]);
    ds_jw_text(&w, "cert_chain", ds_buf_span(&pem));
    ds_jw_hex(&w, "crl", certs.der[DS_SNP_CRL]);
    ds_jw_object_end(&w);
    assert_int_equal(ds_jw_end(&w, NULL, "set"), DS_OK);
}
