/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed attestation results, for tests beside other implementations:
 *
 *   ear_tool make jwt|cwt KEY.pem NOW_S    a result about simulated evidence, to stdout
 *   ear_tool open jwt|cwt SPKI.der NOW_S   a token from stdin: verified, its claims as JSON
 *
 * What is refused is told as "CODE: message" on stderr, with exit code 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/claims_private.h"
#include "base/file.h"
#include "base/str.h"
#include "ear/cwt.h"
#include "ear/jwt.h"

#define KEY_MAX 4096

static max_align_t room[EAR_MEM / sizeof(max_align_t)];
static struct ear ear;

static int read_stdin(struct ds_buf *ret, struct ds_error *e)
{
    size_t n;
    do {
        void *p = ds_buf_room(ret, 65536);
        if (p == NULL)
            return ds_fail(e, DS_ERR_NOMEM, "no room for the token");
        n = fread(p, 1, 65536, stdin);
        ds_buf_took(ret, n);
    } while (n > 0);
    return DS_OK;
}

static int make(struct ds_buf *ret, bool is_jwt, const char *path, int64_t now_s,
                struct ds_error *e)
{
    static struct ds_claims claims = { .kind = DS_KIND_SIMULATED,
                                       .anchor = "simulated root",
                                       .tee = DS_TEE_TDX,
                                       .tcb.status = DS_TCB_UP_TO_DATE };
    struct ds_verdict verdict = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_TRY(ds_file_load(&pem, path, KEY_MAX, e));
    DS_TRY(ds_p256_key_parse(&key, ds_buf_span(&pem), e));
    ds_verdict_add(&verdict, DS_CODE_POLICY_SIMULATED_EVIDENCE, "kind", "hardware", "simulated",
                   "simulated root");
    memset(claims.tdx.mrtd48, 0xab, sizeof claims.tdx.mrtd48);
    ear = (struct ear){ .iat_s = now_s,
                        .exp_s = now_s + 300,
                        .developer = DS_SPAN_LIT("https://dstack.example"),
                        .build = DS_SPAN_LIT("ear_tool"),
                        .has_status = true,
                        .nonce = DS_SPAN_LIT("0123456789abcdef"),
                        .has_raw_evidence = true,
                        .raw_evidence = { DS_CMW_NO_FORMAT, DS_SPAN_LIT("application/octet-stream"),
                                          DS_SPAN_LIT("evidence"), DS_CMW_EVIDENCE },
                        .n_appraisals = 1 };
    ear_appraisal_of(&ear.appraisals[0], &claims, &verdict, EAR_APPROVED_IMAGE);
    ear.status = ear.appraisals[0].status;
    return is_jwt ? ear_jwt_sign(ret, &ear, key, "tool", e)
                  : ear_cwt_sign(ret, &ear, key, "tool", e);
}

static int open_token(struct ds_buf *ret, bool is_jwt, const char *path, int64_t now_s,
                      struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf spki = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf token = { 0 };
    struct ds_cose_key key;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    const struct ear_expect expect = { .now_s = now_s };
    DS_TRY(ds_file_load(&spki, path, KEY_MAX, e));
    DS_TRY(ds_cose_key_of_spki(&key, ds_buf_span(&spki), e));
    DS_TRY(read_stdin(&token, e));
    DS_TRY(is_jwt ? ear_jwt_open(&ear, &mem, ds_buf_span(&token), &key, e)
                  : ear_cwt_open(&ear, &mem, ds_buf_span(&token), &key, e));
    DS_TRY(ear_check(&ear, &expect, e));
    return ear_encode(ret, &ear, FORM_JSON, e);
}

static int run(char **argv, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    uint64_t now_s;
    bool is_jwt = strcmp(argv[2], "jwt") == 0;
    DS_TRY(ds_str_u64(&now_s, ds_span_str(argv[4]), INT32_MAX, e));
    DS_TRY(strcmp(argv[1], "make") == 0 ? make(&out, is_jwt, argv[3], (int64_t)now_s, e)
                                        : open_token(&out, is_jwt, argv[3], (int64_t)now_s, e));
    return fwrite(out.p, 1, out.len, stdout) == out.len && fflush(stdout) == 0
               ? DS_OK
               : ds_fail(e, DS_ERR_SYS, "stdout");
}

int main(int argc, char **argv)
{
    struct ds_error e = { 0 };
    if (argc != 5)
        return 2;
    if (run(argv, &e) == DS_OK)
        return 0;
    (void)fprintf(stderr, "%s: %s\n", ds_code_info_get(e.code)->id, e.msg);
    return 1;
}
