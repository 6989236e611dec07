/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's digests: made from its files, and as measurement.tdx.cbor.
 *
 * The document is CBOR (RFC 8949) in one fixed order with the shortest heads, so
 * it is written and read as a row of keys around its few values: any other
 * encoding of the same map is refused, and its SHA-256 stands for its content.
 */
#include "base/scope.h"
#include "base/str.h"
#include "codec/cbor.h"
#include "crypto/hash.h"
#include "measure/kernel.h"
#include "measure/tdvf.h"

#define DOCUMENT_VERSION 3
#define CMDLINE_MAX      4000
#define CMDLINE_END      " initrd=initrd" /* what OVMF's kernel loader appends when there is one */

/* The variable store as it leaves the build: empty, and equal in every OVMF of the list. */
static const uint8_t empty_cfv48[48] = {
    0x34, 0x4b, 0xc5, 0x1c, 0x98, 0x0b, 0xa6, 0x21, 0xaa, 0xa0, 0x0d, 0xa3, 0xed, 0x74, 0x36, 0xf7,
    0xd6, 0xe5, 0x49, 0x19, 0x7d, 0xfe, 0x69, 0x95, 0x15, 0xdf, 0xa2, 0xc6, 0x58, 0x3d, 0x95, 0xe6,
    0x41, 0x2a, 0xf2, 0x1c, 0x09, 0x7d, 0x47, 0x31, 0x55, 0x87, 0x5f, 0xfd, 0x56, 0x1d, 0x67, 0x90,
};

static const char *const ovmf_texts[] = {
    [MEASURE_OVMF_PRE202505] = "pre202505",
};

const char *measure_ovmf_text(enum measure_ovmf ovmf) { return ovmf_texts[ovmf]; }

static int hash_cmdline(uint8_t ret48[static 48], struct ds_span cmdline, struct ds_error *e)
{
    if (cmdline.len > CMDLINE_MAX)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_MEASURE_CMDLINE_FORMAT,
                            "command line of %zu characters", cmdline.len);
    for (size_t i = 0; i < cmdline.len; i++)
        if (cmdline.p[i] < 0x20 || cmdline.p[i] > 0x7e)
            return ds_fail_code(e, DS_ERR_ARG, DS_CODE_MEASURE_CMDLINE_FORMAT,
                                "command line has byte %02x at %zu", cmdline.p[i], i);
    uint8_t wide[2 * (CMDLINE_MAX + sizeof CMDLINE_END)] = { 0 };
    const struct ds_span parts[] = { cmdline, DS_SPAN_OF(CMDLINE_END) };
    size_t n = 0;
    for (size_t i = 0; i < DS_LEN(parts); i++)
        for (size_t k = 0; k < parts[i].len; k++, n += 2)
            wide[n] = parts[i].p[k];
    return ds_hash(DS_SHA384, ret48, DS_SPAN(wide, n), e);
}

static int measure_firmware(struct measure_image *ret, struct ds_span firmware, struct ds_error *e)
{
    struct tdvf tdvf;
    DS_TRY(tdvf_parse(&tdvf, firmware, e));
    DS_TRY(tdvf_mrtd(ret->mrtd_single48, &tdvf, false, e));
    DS_TRY(tdvf_mrtd(ret->mrtd_two48, &tdvf, true, e));
    DS_TRY(tdvf_hob_pack(ret, &tdvf, e));
    for (size_t i = 0; i < tdvf.n_sections; i++)
        if (tdvf.sections[i].type == TDVF_TYPE_CFV)
            return ds_hash(DS_SHA384, ret->cfv48, tdvf.sections[i].data, e);
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_MEASURE_FIRMWARE_FORMAT,
                        "firmware has no variable store (CFV section)");
}

int measure_image_make(struct measure_image *ret, const struct measure_files *files,
                       struct ds_error *e)
{
    struct measure_image out = { .ovmf = files->ovmf };
    DS_TRY(measure_firmware(&out, files->firmware, e));
    DS_TRY(hash_cmdline(out.cmdline48, files->cmdline, e));
    DS_TRY(ds_hash(DS_SHA384, out.initrd48, files->initrd, e));
    if (files->patch_memory == 0)
        DS_TRY(kernel_authenticode(out.kernel48, files->kernel, e));
    else
        DS_TRY(kernel_authenticode_patched(out.kernel48, files->kernel, files->initrd.len,
                                           files->patch_memory, e));
    *ret = out;
    return DS_OK;
}

int measure_image_encode(struct ds_buf *ret, const struct measure_image *image, struct ds_error *e)
{
    if (memcmp(image->cfv48, empty_cfv48, sizeof empty_cfv48) != 0)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_MEASURE_FIRMWARE_FORMAT,
                            "firmware's variable store is not the empty one, and a measurement "
                            "document has no place to say so");
    ds_cbor_put_map(ret, 3);
    ds_cbor_put_text(ret, "version");
    ds_cbor_put_u64(ret, DOCUMENT_VERSION);
    ds_cbor_put_text(ret, "image");
    ds_cbor_put_map(ret, 3);
    ds_cbor_put_text(ret, "cmdline_sha384");
    ds_cbor_put_bytes(ret, DS_SPAN_OF(image->cmdline48));
    ds_cbor_put_text(ret, "kernel_authenticode");
    ds_cbor_put_bytes(ret, DS_SPAN_OF(image->kernel48));
    ds_cbor_put_text(ret, "initrd_sha384");
    ds_cbor_put_bytes(ret, DS_SPAN_OF(image->initrd48));
    ds_cbor_put_text(ret, "tdvf");
    ds_cbor_put_map(ret, 3);
    ds_cbor_put_text(ret, "ovmf");
    ds_cbor_put_text(ret, measure_ovmf_text(image->ovmf));
    ds_cbor_put_text(ret, "mrtd");
    ds_cbor_put_map(ret, 2);
    ds_cbor_put_text(ret, "single_pass");
    ds_cbor_put_bytes(ret, DS_SPAN_OF(image->mrtd_single48));
    ds_cbor_put_text(ret, "two_pass");
    ds_cbor_put_bytes(ret, DS_SPAN_OF(image->mrtd_two48));
    ds_cbor_put_text(ret, "td_hob");
    ds_cbor_put_bytes(ret, DS_SPAN(image->td_hob, image->td_hob_len));
    return ds_buf_end(ret, e, "measurement document");
}

/* A key, NULL for the outermost, and a map of exactly n pairs. */
static void want_map(struct ds_reader *r, const char *key, size_t n)
{
    if (key != NULL)
        ds_cbor_key(r, key);
    if (ds_cbor_map(r) != n)
        r->bad = true;
}

static void want_digest(struct ds_reader *r, const char *key, uint8_t ret48[static 48])
{
    ds_cbor_key(r, key);
    struct ds_span digest = ds_cbor_bytes(r);
    if (digest.len == 48)
        memcpy(ret48, digest.p, 48);
    else
        r->bad = true;
}

static bool find_ovmf(enum measure_ovmf *ret, struct ds_span text)
{
    for (size_t i = 0; i < DS_LEN(ovmf_texts); i++)
        if (ds_span_eq_str(text, ovmf_texts[i])) {
            *ret = (enum measure_ovmf)i;
            return true;
        }
    return false;
}

static int refuse_ovmf(struct ds_span text, struct ds_error *e)
{
    char got[24];
    if (!ds_str_copy_span(got, sizeof got, text))
        got[0] = '\0';
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_MEASURE_OVMF_UNKNOWN, "ovmf", "pre202505", got,
                     NULL);
}

int measure_image_parse(struct measure_image *ret, struct ds_span cbor, struct ds_error *e)
{
    struct measure_image out = { 0 };
    struct ds_reader r = ds_reader_of(cbor);
    want_map(&r, NULL, 3);
    ds_cbor_key(&r, "version");
    if (ds_cbor_u64(&r) != DOCUMENT_VERSION)
        r.bad = true;
    want_map(&r, "image", 3);
    want_digest(&r, "cmdline_sha384", out.cmdline48);
    want_digest(&r, "kernel_authenticode", out.kernel48);
    want_digest(&r, "initrd_sha384", out.initrd48);
    want_map(&r, "tdvf", 3);
    ds_cbor_key(&r, "ovmf");
    struct ds_span ovmf = ds_cbor_text(&r);
    want_map(&r, "mrtd", 2);
    want_digest(&r, "single_pass", out.mrtd_single48);
    want_digest(&r, "two_pass", out.mrtd_two48);
    ds_cbor_key(&r, "td_hob");
    struct ds_span hob = ds_cbor_bytes(&r);
    if (r.bad || ds_read_left(&r) != 0 || hob.len > sizeof out.td_hob || hob.len == 0)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_MEASURE_DOCUMENT_FORMAT,
                            "measurement document of %zu bytes is not version 3 in its one form",
                            cbor.len);
    if (!find_ovmf(&out.ovmf, ovmf))
        return refuse_ovmf(ovmf, e);
    memcpy(out.td_hob, hob.p, hob.len);
    out.td_hob_len = hob.len;
    memcpy(out.cfv48, empty_cfv48, sizeof out.cfv48);
    *ret = out;
    return DS_OK;
}
