/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorded sets, and reading them.
 */

#include "collateral_sets.h"

#include "vectors.h"

const struct collateral_set set_dcapqvl = { .json = "tdx/dcapqvl_tdx_v4.collateral.json" };
const struct collateral_set set_solana = {
    .tcb = "collateral/automata_solana/tcb_info_v3_with_tdx_module.json",
    .qe = "collateral/automata_solana/qe_identity.json",
    .signer_der = "collateral/automata_solana/signing.der",
    .root_der = "collateral/automata_solana/root.der",
    .root_crl = "collateral/automata_solana/intel_root_ca_crl.der",
    .pck_crl = "collateral/automata_solana/pck_platform_crl.der",
};
const struct collateral_set set_0625 = {
    .tcb = "collateral/automata_0625/tcbinfov3_00806f050000.json",
    .qe = "collateral/automata_0625/qe_td.json",
};
const struct collateral_set set_2026 = {
    .tcb = "collateral/attestation-rs/tcb_info_50806f000000.json",
    .qe = "collateral/attestation-rs/td_qe_identity.json",
    .chain_pem = "collateral/attestation-rs/tcb_signing_chain.pem",
    .root_crl = "collateral/attestation-rs/root_ca_crl.der",
    .pck_crl = "collateral/attestation-rs/pck_crl_platform.der",
};
const struct collateral_set set_2023 = {
    .tcb = "collateral/gotdx/sample_tcbInfo_response",
    .qe = "collateral/gotdx/sample_qeIdentity_response",
    .chain_of_oe = true,
    .root_crl = "collateral/gotdx/rootcrl.der",
    .pck_crl = "collateral/gotdx/pckcrl",
};
/* As it was recorded: without the signer's chain. */
const struct collateral_set set_2023_alone = {
    .tcb = "collateral/gotdx/sample_tcbInfo_response",
    .qe = "collateral/gotdx/sample_qeIdentity_response",
    .root_crl = "collateral/gotdx/rootcrl.der",
    .pck_crl = "collateral/gotdx/pckcrl",
};
const struct collateral_set set_trustee = {
    .tcb = "collateral/trustee/tcbInfo.json",
    .qe = "collateral/trustee/enclaveIdentity.json",
};
const struct collateral_set set_qvl_sample = {
    .tcb = "tdx/intel_qvl_sample/tcbInfo.json",
    .qe = "tdx/intel_qvl_sample/qeIdentity.json",
    .chain_pem = "tdx/intel_qvl_sample/tcbSignChain.pem",
    .is_chain_root_first = true,
    .root_crl = "tdx/intel_qvl_sample/rootCaCrl.der",
    .pck_crl = "tdx/intel_qvl_sample/intermediateCaCrl.der",
    .pck_chain_pem = { "tdx/intel_qvl_sample/pckCert.pem",
                       "tdx/intel_qvl_sample/pckSignChain.pem" },
};

/* TDX, FMSPC 90C06F000000: recorded without signer and lists, which are those of set_dcapqvl. */
const struct collateral_set set_90c0_2025 = {
    .tcb = "collateral/automata_0625/tcbinfov3_90C06F000000.json",
    .qe = "collateral/automata_0625/qe_td.json",
    .base = "tdx/dcapqvl_tdx_v4.collateral.json",
};
const struct collateral_set set_90c0_2025_alone = {
    .tcb = "collateral/automata_0625/tcbinfov3_90C06F000000.json",
    .qe = "collateral/automata_0625/qe_td.json",
};
const struct collateral_set set_90c0_2026 = {
    .tcb = "collateral/attestation-rs/tcb_info_90c06f000000.json",
    .qe = "collateral/attestation-rs/td_qe_identity.json",
    .chain_pem = "collateral/attestation-rs/qe_identity_signing_chain.pem",
    .root_crl = "collateral/attestation-rs/root_ca_crl.der",
    .pck_crl = "collateral/attestation-rs/pck_crl_platform.der",
};
const struct collateral_set set_90c0_tcb_alone = {
    .tcb = "collateral/gotdx/sample_tcbinfo_response_v5",
};
const struct collateral_set set_sgx_dcapqvl = { .json = "sgx/dcapqvl_sgx_v3.collateral.json" };
/* SGX, FMSPC 00606A000000. */
const struct collateral_set set_sgx_606a = {
    .tcb = "collateral/automata_0625/tcbinfo.json",
    .qe = "collateral/automata_0625/identity.json",
    .base = "tdx/dcapqvl_tdx_v4.collateral.json",
};
const struct collateral_set set_sgx_606a_alone = {
    .tcb = "collateral/automata_0625/tcbinfo.json",
    .qe = "collateral/automata_0625/identity.json",
};
const struct collateral_set set_sgx_solana = {
    .tcb = "collateral/automata_solana/tcb_info_v3_sgx.json",
    .signer_der = "collateral/automata_solana/signing.der",
    .root_der = "collateral/automata_solana/root.der",
};
/* rust-sgx kept the chain of its sample as files; the names of the last two are each other's. */
const struct collateral_set set_sgx_chain_alone = {
    .pck_chain_files = { "sgx/rustsgx_pck_quote.cert", "sgx/rustsgx_root_ca.cert",
                         "sgx/rustsgx_processor_ca.cert" },
};
const struct collateral_set set_sgx_qvl_sample = {
    .tcb = "sgx/intel_qvl_sample/tcbInfo.json",
    .qe = "sgx/intel_qvl_sample/qeIdentity.json",
    .chain_pem = "sgx/intel_qvl_sample/tcbSignChain.pem",
    .root_crl = "sgx/intel_qvl_sample/rootCaCrl.der",
    .pck_crl = "sgx/intel_qvl_sample/intermediateCaCrl.der",
    .pck_chain_files = { "sgx/intel_qvl_sample/pckCert.pem",
                         "sgx/intel_qvl_sample/pckSignChain.pem" },
};

/* Copies `text` behind what `b` has. */
static struct ds_span set_keep(struct ds_arena *a, const struct ds_buf *b)
{
    uint8_t *p = ds_arena_get(a, b->len);
    assert_non_null(p);
    memcpy(p, b->p, b->len);
    return DS_SPAN(p, b->len);
}

static void set_add_pem(struct ds_buf *b, struct ds_span der)
{
    char *text = malloc(DS_BASE64_LEN(der.len) + 1);
    assert_non_null(text);
    ds_buf_printf(b, "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n",
                  ds_base64_encode(text, der));
    free(text);
}

/* The second PEM block of a text before its first one. */
static struct ds_span set_swap(struct ds_arena *a, struct ds_span pem)
{
    static const char end[] = "-----END CERTIFICATE-----\n";
    const uint8_t *at = memmem(pem.p, pem.len, end, sizeof end - 1);
    assert_non_null(at);
    size_t first = (size_t)(at - pem.p) + sizeof end - 1;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    ds_buf_add(&b, ds_span_sub(pem, first, pem.len));
    if (b.p[b.len - 1] != '\n')
        ds_buf_char(&b, '\n');
    ds_buf_add(&b, ds_span_sub(pem, 0, first));
    return set_keep(a, &b);
}

/*
 * sgx_ql_qve_collateral_t as Open Enclave serialises it: version, TEE type, seven
 * pairs of pointer and length, then the bytes. The fourth is the TCB chain.
 */
static struct ds_span set_oe_chain(struct ds_arena *a)
{
    struct ds_span in = vectors_load(a, "tdx/oe_tdx_endorsement.bin");
    struct ds_reader r = ds_reader_of(in);
    uint64_t lens[7];
    ds_read_skip(&r, 8);
    for (size_t i = 0; i < 7; i++) {
        ds_read_skip(&r, 8);
        lens[i] = ds_read_u64le(&r);
    }
    for (size_t i = 0; i < 3; i++)
        ds_read_skip(&r, (size_t)lens[i]);
    struct ds_span chain = ds_read_span(&r, (size_t)lens[3]);
    assert_false(r.bad);
    return chain;
}

static void set_load_signed(struct ds_span *ret_text, struct ds_span *ret_sig64, struct ds_arena *a,
                            const char *path, const char *key)
{
    const struct ds_json_tok *root, *obj;
    uint8_t *sig = ds_arena_get(a, 64);
    assert_int_equal(ds_json_parse_in(&root, a, vectors_load(a, path), NULL), DS_OK);
    assert_int_equal(ds_json_get(&obj, root, key, DS_JSON_OBJECT, NULL), DS_OK);
    *ret_text = obj->raw;
    assert_int_equal(ds_json_get_hex(sig, 64, root, "signature", NULL), DS_OK);
    *ret_sig64 = DS_SPAN(sig, 64);
}

static struct ds_dcap_parts set_load_parts(struct ds_arena *a, const struct collateral_set *s)
{
    struct ds_dcap_parts p = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf chain = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pck = { 0 };
    if (s->tcb != NULL)
        set_load_signed(&p.tcb_info, &p.tcb_sig64, a, s->tcb, "tcbInfo");
    if (s->qe != NULL)
        set_load_signed(&p.qe_identity, &p.qe_sig64, a, s->qe, "enclaveIdentity");
    if (s->chain_pem != NULL)
        ds_buf_add(&chain, vectors_load(a, s->chain_pem));
    if (s->signer_der != NULL) {
        set_add_pem(&chain, vectors_load(a, s->signer_der));
        set_add_pem(&chain, vectors_load(a, s->root_der));
    }
    if (s->chain_of_oe)
        ds_buf_add(&chain, set_oe_chain(a));
    if (chain.len > 0)
        p.tcb_chain_pem = p.qe_chain_pem = set_keep(a, &chain);
    if (s->is_chain_root_first)
        p.tcb_chain_pem = p.qe_chain_pem = set_swap(a, p.tcb_chain_pem);
    if (s->root_crl != NULL)
        p.root_crl_der = vectors_load(a, s->root_crl);
    if (s->pck_crl != NULL)
        p.pck_crl_der = vectors_load(a, s->pck_crl);
    if (s->pck_chain_pem[0] != NULL) {
        ds_buf_add(&pck, vectors_load(a, s->pck_chain_pem[0]));
        ds_buf_add(&pck, set_swap(a, vectors_load(a, s->pck_chain_pem[1])));
    }
    for (size_t i = 0; i < 3 && s->pck_chain_files[i] != NULL; i++)
        ds_buf_add(&pck, vectors_load(a, s->pck_chain_files[i]));
    if (pck.len > 0)
        p.pck_chain_pem = set_keep(a, &pck);
    return p;
}

int set_load(struct ds_dcap_collateral *ret, struct ds_arena *a, const struct collateral_set *s,
             struct ds_error *e)
{
    if (s->json != NULL)
        return ds_dcap_collateral_parse(ret, a, vectors_load(a, s->json), e);
    struct ds_dcap_parts parts = set_load_parts(a, s);
    struct ds_dcap_collateral base;
    if (s->base != NULL) {
        DS_TRY(ds_dcap_collateral_parse(&base, a, vectors_load(a, s->base), e));
        parts.tcb_chain_pem = parts.qe_chain_pem = base.parts.tcb_chain_pem;
        parts.root_crl_der = base.parts.root_crl_der;
        parts.pck_crl_der = base.parts.pck_crl_der;
    }
    return ds_dcap_collateral_of(ret, a, &parts, e);
}
