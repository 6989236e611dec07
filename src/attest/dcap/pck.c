/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SGX extension of a PCK certificate: SEQUENCE OF SEQUENCE { OID, value },
 * the OIDs all under 1.2.840.113741.1.13.1 and told apart by what follows. It is QVL
 * 4.1.2.5.4 and .5 (sgxAttestationVerifyQuoteEx), by PckCertificate::parse; how Intel's
 * steps are cited: attest/tdx/verify.c. Ours: a component fits into a byte and PCESVN
 * into two, since nothing else is ever compared with them; and no field of the extension
 * stands there twice, where QVL, of seven fields, may take the last.
 */

#include "attest/dcap/pck.h"

#include "codec/der.h"

#define OID_SGX DS_SPAN_LIT("\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01")

enum {
    SGX_PPID = 1,
    SGX_TCB = 2,
    SGX_PCEID = 3,
    SGX_FMSPC = 4,
    SGX_TYPE = 5,
    N_FIELDS_PROCESSOR = 5, /* of PCKs that the processor CA issued */
    N_FIELDS_PLATFORM = 7,  /* the platform CA: platform instance and configuration beside them */
    TCB_PCESVN = 17,        /* after the sixteen components */
    TCB_CPUSVN = 18,
    N_COMPONENTS = 16,
};

/* The last arc of an OID that is `prefix` and one arc below 128 more; 0 for any other. */
static uint8_t last_arc(struct ds_span oid, struct ds_span prefix)
{
    if (oid.len != prefix.len + 1 || !ds_span_eq(ds_span_sub(oid, 0, prefix.len), prefix))
        return 0;
    return oid.p[prefix.len] < 0x80 ? oid.p[prefix.len] : 0;
}

static void read_octets(uint8_t *ret, size_t len, struct ds_reader *r)
{
    struct ds_span s = ds_der_get(r, DS_DER_OCTET_STRING);
    if (s.len == len)
        memcpy(ret, s.p, len);
    else
        r->bad = true;
}

static int parse_tcb(struct dcap_pck *pck, struct ds_reader *list, struct ds_error *e)
{
    static const uint8_t prefix[] = {
        0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, SGX_TCB
    };
    uint32_t seen = 0;
    while (ds_der_peek(list) != 0) {
        struct ds_reader s = ds_der_enter(list, DS_DER_SEQUENCE);
        uint8_t arc = last_arc(ds_der_get(&s, DS_DER_OID), DS_SPAN_OF(prefix));
        uint8_t cpusvn16[16];
        if (arc >= 1 && arc <= N_COMPONENTS)
            pck->sgx16[arc - 1] = (uint8_t)ds_der_u64(&s, DS_DER_INTEGER, UINT8_MAX);
        else if (arc == TCB_PCESVN)
            pck->pcesvn = (uint16_t)ds_der_u64(&s, DS_DER_INTEGER, UINT16_MAX);
        else if (arc == TCB_CPUSVN)
            read_octets(cpusvn16, 16, &s);
        else
            s.bad = true;
        DS_TRY(ds_der_end(&s, e, "TCB of the PCK"));
        if (seen & 1u << arc)
            return ds_fail(e, DS_ERR_FORMAT, "TCB of the PCK has a component twice");
        seen |= 1u << arc;
    }
    if (seen != (1u << (TCB_CPUSVN + 1)) - 2) /* bits 1 to 18 */
        return ds_fail(e, DS_ERR_FORMAT, "TCB of the PCK lacks components");
    return ds_der_end(list, e, "TCB of the PCK");
}

static int parse_field(struct dcap_pck *pck, uint8_t arc, struct ds_reader *s, struct ds_error *e)
{
    struct ds_reader tcb;
    switch (arc) {
    case SGX_PPID:
        read_octets(pck->ppid16, 16, s);
        break;
    case SGX_TCB:
        tcb = ds_der_enter(s, DS_DER_SEQUENCE);
        DS_TRY(parse_tcb(pck, &tcb, e));
        break;
    case SGX_PCEID:
        read_octets(pck->pceid2, 2, s);
        break;
    case SGX_FMSPC:
        read_octets(pck->fmspc6, 6, s);
        break;
    case SGX_TYPE: /* nothing is decided by it and by what follows */
        (void)ds_der_get(s, DS_DER_ENUMERATED);
        break;
    default: /* platform instance, configuration */
        (void)ds_der_any(s);
        break;
    }
    return ds_der_end(s, e, "SGX extension");
}

static int parse(struct dcap_pck *pck, struct ds_span value, struct ds_error *e)
{
    const uint32_t need = 1u << SGX_PPID | 1u << SGX_TCB | 1u << SGX_PCEID | 1u << SGX_FMSPC |
                          1u << SGX_TYPE;
    struct ds_reader r = ds_reader_of(value);
    struct ds_reader list = ds_der_enter(&r, DS_DER_SEQUENCE);
    uint32_t seen = 0;
    size_t n = 0;
    for (; ds_der_peek(&list) != 0; n++) {
        struct ds_reader s = ds_der_enter(&list, DS_DER_SEQUENCE);
        uint8_t arc = last_arc(ds_der_get(&s, DS_DER_OID), OID_SGX);
        DS_TRY(parse_field(pck, arc, &s, e));
        if (arc != 0 && arc < 32 && (seen & 1u << arc))
            return ds_fail(e, DS_ERR_FORMAT, "SGX extension has a field twice");
        seen |= arc < 32 ? 1u << arc : 0;
    }
    DS_TRY(ds_der_end(&list, e, "SGX extension"));
    DS_TRY(ds_der_end(&r, e, "SGX extension"));
    if ((seen & need) != need)
        return ds_fail(e, DS_ERR_FORMAT, "SGX extension lacks PPID, TCB, PCE id, FMSPC or type");
    if (n != N_FIELDS_PROCESSOR && n != N_FIELDS_PLATFORM)
        return ds_fail(e, DS_ERR_FORMAT, "SGX extension has %zu fields, not 5 or 7", n);
    return DS_OK;
}

int dcap_pck_parse(struct dcap_pck *ret, const struct ds_x509 *cert, struct ds_error *e)
{
    struct dcap_pck pck = { 0 };
    const struct ds_x509_extension *x = ds_x509_find(cert, OID_SGX);
    struct ds_error why = { 0 };
    if (x == NULL)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_DCAP_PCK_CERTIFICATE, "sgx_extension",
                         "present", "absent", NULL);
    if (parse(&pck, x->value, &why) < 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_DCAP_PCK_CERTIFICATE, "sgx_extension",
                         "Intel's profile", why.msg, NULL);
    *ret = pck;
    return DS_OK;
}
