/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an SEV-SNP attestation report: fields in their order, then what must
 * be zero as one table.
 */

#include "attest/snp/report.h"

#include <stdio.h>

#include "attest/coded.h"
#include "base/hex.h"
#include "base/scope.h"

#define VERSION_MIN            2
#define VERSION_MAX            5
#define VERSION_CPUID          3 /* the first with CPUID_FAM_ID, _MOD_ID and _STEP */
#define SIGNED_LEN             0x2a0
#define SIG_ALGO_P384_SHA384   1
#define SIG_NUMBER_LEN         72 /* of R and S, little-endian */
#define COORD_LEN              48
#define POLICY_RESERVED_ONE    ((uint64_t)1 << 17)
#define POLICY_KNOWN           (((uint64_t)1 << 26) - 1)
#define KEY_INFO_KNOWN         0x1fu
#define KEY_INFO_SIGNING_SHIFT 2
#define KEY_INFO_SIGNING_MASK  7u

/*
 * What must be zero, by version. Version 4 was never published; it is read as 5, whose two
 * mitigation vectors are the only difference to 3: they are signed, and no decision hangs on them.
 * The signature's numbers are below 2^384, and nothing follows them: no signature covers these.
 */
static const struct {
    uint16_t at, len;
    uint8_t first, last; /* versions */
} zeros[] = {
    { 0x04c, 4, 2, 5 },
    { 0x188, 3, 2, 2 },
    { 0x18b, 21, 2, 5 },
    { 0x1eb, 1, 2, 5 },
    { 0x1ef, 1, 2, 5 },
    { 0x1f8, 16, 2, 3 },
    { 0x208, 152, 2, 5 },
    { SIGNED_LEN + COORD_LEN, SIG_NUMBER_LEN - COORD_LEN, 2, 5 },
    { SIGNED_LEN + SIG_NUMBER_LEN + COORD_LEN, SIG_NUMBER_LEN - COORD_LEN, 2, 5 },
    { SIGNED_LEN + 2 * SIG_NUMBER_LEN, 512 - 2 * SIG_NUMBER_LEN, 2, 5 },
};

static int refuse_form(const char *claim, const char *expected, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_SNP_REPORT_FORMAT, claim, expected, got,
                     DS_NO_ANCHOR);
}

static size_t zeros_ahead(const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (n < len && p[n] == 0)
        n++;
    return n;
}

/* in: a whole report */
static int check_zeros(const struct ds_snp_report *p, struct ds_span in, struct ds_error *e)
{
    for (size_t i = 0; i < DS_LEN(zeros); i++) {
        size_t n = zeros_ahead(in.p + zeros[i].at, zeros[i].len);
        char want[64];
        if (n == zeros[i].len || p->version < zeros[i].first || p->version > zeros[i].last)
            continue;
        (void)snprintf(want, sizeof want, "zero at byte 0x%zx of version %u", zeros[i].at + n,
                       p->version);
        return refuse_form("reserved", want, DS_HEX(ds_span_sub(in, zeros[i].at + n, 1)), e);
    }
    return DS_OK;
}

static int check_bits(const struct ds_snp_report *p, struct ds_error *e)
{
    char got[24];
    enum ds_snp_key key = ds_snp_report_key(p);
    (void)snprintf(got, sizeof got, "0x%llx", (unsigned long long)p->policy);
    /* 56860 4.3 table 9: bits 63:26 are reserved and zero, bit 17 is reserved and one. */
    if ((p->policy & ~POLICY_KNOWN) != 0 || (p->policy & POLICY_RESERVED_ONE) == 0)
        return refuse_form("policy", "bit 17 set, bits above 25 clear", got, e);
    (void)snprintf(got, sizeof got, "0x%x", p->key_info);
    /* 56860 7.3 table 23, 48h: bits 31:5 are zero; keys 2 to 6 are reserved. */
    if ((p->key_info & ~KEY_INFO_KNOWN) != 0 ||
        (key != DS_SNP_KEY_VCEK && key != DS_SNP_KEY_VLEK && key != DS_SNP_KEY_NONE))
        return refuse_form("key_info", "signing key 0, 1 or 7, bits above 4 clear", got, e);
    return DS_OK;
}

static void read_firmware(struct ds_snp_firmware *ret, struct ds_reader *r)
{
    ret->build = ds_read_u8(r);
    ret->minor = ds_read_u8(r);
    ret->major = ds_read_u8(r);
    ds_read_skip(r, 1);
}

/* R or S: little-endian in the report, big-endian for everyone else. */
static void read_sig_number(uint8_t *ret, struct ds_reader *r)
{
    struct ds_span le = ds_read_span(r, SIG_NUMBER_LEN);
    for (size_t i = 0; i < COORD_LEN && le.len != 0; i++)
        ret[i] = le.p[COORD_LEN - 1 - i];
}

static void read_fields(struct ds_snp_report *p, struct ds_reader *r)
{
    p->version = ds_read_u32le(r);
    p->guest_svn = ds_read_u32le(r);
    p->policy = ds_read_u64le(r);
    ds_read_into(r, p->family_id16, 16);
    ds_read_into(r, p->image_id16, 16);
    p->vmpl = ds_read_u32le(r);
    p->sig_algo = ds_read_u32le(r);
    ds_read_into(r, p->current_tcb8, 8);
    p->platform_info = ds_read_u64le(r);
    p->key_info = ds_read_u32le(r);
    ds_read_skip(r, 4);
    ds_read_into(r, p->report_data64, 64);
    ds_read_into(r, p->measurement48, 48);
    ds_read_into(r, p->host_data32, 32);
    ds_read_into(r, p->id_key_digest48, 48);
    ds_read_into(r, p->author_key_digest48, 48);
    ds_read_into(r, p->report_id32, 32);
    ds_read_into(r, p->report_id_ma32, 32);
    ds_read_into(r, p->reported_tcb8, 8);
    p->cpuid_family = ds_read_u8(r);
    p->cpuid_model = ds_read_u8(r);
    p->cpuid_stepping = ds_read_u8(r);
    ds_read_skip(r, 21);
    ds_read_into(r, p->chip_id64, 64);
    ds_read_into(r, p->committed_tcb8, 8);
    read_firmware(&p->current, r);
    read_firmware(&p->committed, r);
    ds_read_into(r, p->launch_tcb8, 8);
    p->launch_mit_vector = ds_read_u64le(r);
    p->current_mit_vector = ds_read_u64le(r);
    ds_read_skip(r, 152);
    read_sig_number(p->sig96, r);
    read_sig_number(p->sig96 + COORD_LEN, r);
    ds_read_skip(r, 512 - 2 * SIG_NUMBER_LEN);
}

static int parse(struct ds_snp_report *p, struct ds_span in, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(in);
    read_fields(p, &r);
    DS_TRY(ds_reader_end(&r, e, "SEV-SNP report"));
    if (p->version < VERSION_MIN || p->version > VERSION_MAX)
        return ds_refuse_number(e, DS_ERR_UNSUPPORTED, DS_CODE_SNP_VERSION, "report_version",
                                "2 to 5", p->version, DS_NO_ANCHOR);
    /* 56860 chapter 10: 1 is the only algorithm there is. */
    if (p->sig_algo != SIG_ALGO_P384_SHA384)
        return ds_refuse_number(e, DS_ERR_UNSUPPORTED, DS_CODE_SNP_SIG_ALGO, "signature_algorithm",
                                "1", p->sig_algo, DS_NO_ANCHOR);
    p->signed_part = ds_span_sub(in, 0, SIGNED_LEN);
    DS_TRY(check_zeros(p, in, e));
    return check_bits(p, e);
}

int ds_snp_report_parse(struct ds_snp_report *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_snp_report p = { 0 };
    int r = ds_coded(parse(&p, in, e), DS_CODE_SNP_REPORT_FORMAT, e);
    DS_TRY(ds_anchored(r, NULL, e));
    *ret = p;
    return DS_OK;
}

enum ds_snp_key ds_snp_report_key(const struct ds_snp_report *report)
{
    return (enum ds_snp_key)(report->key_info >> KEY_INFO_SIGNING_SHIFT & KEY_INFO_SIGNING_MASK);
}

enum ds_snp_product ds_snp_report_product(const struct ds_snp_report *report)
{
    /* Families and models of the processors that have SEV-SNP. */
    static const struct {
        uint8_t family, model_first, model_last;
        enum ds_snp_product product;
    } models[] = {
        { 0x19, 0x00, 0x0f, DS_SNP_PRODUCT_MILAN },
        { 0x19, 0x10, 0x1f, DS_SNP_PRODUCT_GENOA },
        { 0x19, 0xa0, 0xaf, DS_SNP_PRODUCT_GENOA },
        { 0x1a, 0x00, 0x11, DS_SNP_PRODUCT_TURIN },
    };
    for (size_t i = 0; report->version >= VERSION_CPUID && i < DS_LEN(models); i++)
        if (report->cpuid_family == models[i].family &&
            report->cpuid_model >= models[i].model_first &&
            report->cpuid_model <= models[i].model_last)
            return models[i].product;
    return DS_SNP_PRODUCT_NONE;
}

const char *ds_snp_product_text(enum ds_snp_product product)
{
    static const char *const texts[] = {
        [DS_SNP_PRODUCT_NONE] = "none",
        [DS_SNP_PRODUCT_MILAN] = "Milan",
        [DS_SNP_PRODUCT_GENOA] = "Genoa",
        [DS_SNP_PRODUCT_TURIN] = "Turin",
    };
    return texts[product];
}

/* 56860 2.2: two structures, one up to Genoa and one from Turin on. */
struct ds_snp_tcb ds_snp_tcb_of(const uint8_t tcb8[static 8], enum ds_snp_product product)
{
    if (product == DS_SNP_PRODUCT_TURIN)
        return (struct ds_snp_tcb){ .fmc = tcb8[0],
                                    .boot_loader = tcb8[1],
                                    .tee = tcb8[2],
                                    .snp = tcb8[3],
                                    .microcode = tcb8[7] };
    return (struct ds_snp_tcb){
        .boot_loader = tcb8[0], .tee = tcb8[1], .snp = tcb8[6], .microcode = tcb8[7]
    };
}
