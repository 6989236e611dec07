/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence to question, question to name.
 */
#include "collateral/ask.h"

#include <ctype.h>
#include <stdio.h>

#include "base/hex.h"
#include "crypto/hash.h"

int collateral_ask_of(struct collateral_ask *ret, struct ds_arena *mem, struct ds_span evidence,
                      const char *product, struct ds_error *e)
{
    struct collateral_ask ask = { .kind = COLLATERAL_SNP };
    /* A quote's second field, the key type, is never 0 as the second half of a report's version. */
    bool is_report = evidence.len == KDS_REPORT_LEN && evidence.p[2] == 0 && evidence.p[3] == 0;
    if (is_report) {
        DS_TRY(kds_ask_of_report(&ask.kds, evidence, product, e));
    } else {
        DS_TRY(pcs_ask_of_quote(&ask.pcs, mem, evidence, e));
        ask.kind = ask.pcs.is_sgx ? COLLATERAL_SGX : COLLATERAL_TDX;
    }
    *ret = ask;
    return DS_OK;
}

static void key_of_intel(char ret[static COLLATERAL_KEY_MAX], const struct pcs_ask *ask)
{
    char which[24] = "";
    if (ask->eval_number != 0)
        (void)snprintf(which, sizeof which, "-%u", ask->eval_number);
    else if (ask->is_early)
        (void)snprintf(which, sizeof which, "-early");
    (void)snprintf(ret, COLLATERAL_KEY_MAX, "%s-%s-%s%s", ask->is_sgx ? "sgx" : "tdx",
                   DS_HEX(DS_SPAN(ask->fmspc6, 6)),
                   ask->ca == PCS_CA_PROCESSOR ? "processor" : "platform", which);
}

/* Chip and TCB are too long for a name. */
static void key_of_amd(char ret[static COLLATERAL_KEY_MAX], const struct kds_ask *ask)
{
    const uint8_t spls[] = { ask->bl_spl, ask->tee_spl, ask->snp_spl, ask->ucode_spl,
                             ask->fmc_spl };
    const struct ds_span parts[] = { DS_SPAN(ask->chip_id64, 64), DS_SPAN_OF(spls) };
    uint8_t digest32[32] = { 0 };
    char product[sizeof ask->product];
    /* A digest that cannot be made costs a cache miss and nothing else. */
    (void)!ds_hash_v(DS_SHA256, digest32, parts, DS_LEN(parts), NULL);
    for (size_t i = 0; i < sizeof product; i++)
        product[i] = (char)tolower((unsigned char)ask->product[i]);
    (void)snprintf(ret, COLLATERAL_KEY_MAX, "snp-%s-%s-%s", product, ask->is_vlek ? "vlek" : "vcek",
                   DS_HEX(DS_SPAN(digest32, 12)));
}

void collateral_ask_key(char ret[static COLLATERAL_KEY_MAX], const struct collateral_ask *ask)
{
    if (ask->kind == COLLATERAL_SNP)
        key_of_amd(ret, &ask->kds);
    else
        key_of_intel(ret, &ask->pcs);
}

bool collateral_ask_fits(const struct collateral_ask *ask, const struct collateral_facts *f)
{
    if (ask->kind != f->kind)
        return false;
    if (ask->kind == COLLATERAL_SNP)
        return ask->kds.is_vlek == f->is_vlek && strcmp(ask->kds.product, f->product) == 0 &&
               kds_leaf_fits(&ask->kds, f->leaf);
    return memcmp(ask->pcs.fmspc6, f->fmspc6, sizeof f->fmspc6) == 0 &&
           (ask->pcs.ca == PCS_CA_PROCESSOR) == f->is_processor_ca &&
           (ask->pcs.eval_number == 0 || ask->pcs.eval_number == f->eval_number);
}
