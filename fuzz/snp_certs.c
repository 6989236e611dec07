/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates beside SEV-SNP reports, in DER, PEM and tables: what is taken borrows the
 * input or the arena and is a certificate; the same item again changes nothing. A signing
 * key's extensions are read wherever they stand.
 */
#include "attest/snp/cert.h"

#include "fuzz.h"

static max_align_t room[4 * DS_SNP_CERTS_MEM / sizeof(max_align_t)];
static max_align_t room_again[4 * DS_SNP_CERTS_MEM / sizeof(max_align_t)];

static void read_extensions(struct ds_span der)
{
    struct ds_error e;
    struct ds_x509 x;
    struct snp_key_cert c;
    FUZZ_CHECK(ds_x509_parse(&x, der, &e) == DS_OK);
    for (int key = DS_SNP_KEY_VCEK; key <= DS_SNP_KEY_VLEK; key++) {
        if (!fuzz_is_ok(snp_key_cert_parse(&c, (enum ds_snp_key)key, &x, &e), &e))
            continue;
        FUZZ_CHECK(c.product != DS_SNP_PRODUCT_NONE);
        FUZZ_CHECK((c.csp_id[0] != '\0') == (key == DS_SNP_KEY_VLEK));
        FUZZ_CHECK(memchr(c.csp_id, '\0', sizeof c.csp_id) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    struct ds_snp_certs certs = { 0 };
    struct ds_span in = DS_SPAN(data, len);
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_arena mem_again = ds_arena_of(room_again, sizeof room_again);
    if (!fuzz_is_ok(ds_snp_certs_add(&certs, &mem, in, &e), &e)) {
        for (size_t i = 0; i < DS_SNP_N_SLOTS; i++)
            FUZZ_CHECK(certs.der[i].len == 0);
        return 0;
    }
    struct ds_snp_certs again = certs;
    FUZZ_CHECK(ds_snp_certs_add(&again, &mem_again, in, &e) == DS_OK);
    for (size_t i = 0; i < DS_SNP_N_SLOTS; i++) {
        fuzz_check_borrowed(certs.der[i], in, &mem);
        FUZZ_CHECK(ds_span_eq(certs.der[i], again.der[i]));
        if (certs.der[i].len > 0 && i != DS_SNP_CRL)
            read_extensions(certs.der[i]);
    }
    return 0;
}
