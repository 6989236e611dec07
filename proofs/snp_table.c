/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate table beside an SEV-SNP report, with DS_SNP_TABLE_ENTRIES_MAX lowered so that it can
 * be reached.
 */
#include "proof.h"

#include "attest/snp/cert.h"

#undef DS_SNP_TABLE_ENTRIES_MAX
#define DS_SNP_TABLE_ENTRIES_MAX 2
#include "attest/snp/cert.c"

void proof_entries(void)
{
    struct ds_span table = any_long_input(DS_SNP_TABLE_MAX);
    struct entry list[DS_SNP_TABLE_ENTRIES_MAX];
    size_t n = 0, end = 0, i = nondet_size();
    GIVEN(read_entries(list, &n, &end, table, any_error()) == DS_OK);
    PROVE(n <= DS_SNP_TABLE_ENTRIES_MAX && end == (n + 1) * ENTRY_LEN && end <= table.len,
          "entries up to the one of zeros");
    GIVEN(check_entries(list, n, end, table.len, any_error()) == DS_OK && i < n);
    PROVE(list[i].at >= end && list[i].len > 0, "content behind the entries");
    PROVE(list[i].at <= table.len && list[i].len <= table.len - list[i].at, "content in the table");
    PROVE(ds_span_sub(table, list[i].at, list[i].len).len == list[i].len, "all of it");
    PROVE(n < 2 || list[0].at + list[0].len <= list[1].at || list[1].at + list[1].len <= list[0].at,
          "content apart");
    REACHED_IF(n == DS_SNP_TABLE_ENTRIES_MAX, "as many entries as fit");
}
