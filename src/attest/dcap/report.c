/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of an SGX REPORT body.
 */

#include "attest/dcap/report.h"

void ds_sgx_report_read(struct ds_sgx_report *ret, struct ds_reader *r)
{
    ds_read_into(r, ret->cpusvn16, 16);
    ds_read_into(r, ret->miscselect4, 4);
    ds_read_skip(r, 12);
    ds_read_into(r, ret->isvextprodid16, 16);
    ds_read_into(r, ret->attributes16, 16);
    ds_read_into(r, ret->mrenclave32, 32);
    ds_read_skip(r, 32);
    ds_read_into(r, ret->mrsigner32, 32);
    ds_read_skip(r, 32);
    ds_read_into(r, ret->configid64, 64);
    ret->isvprodid = ds_read_u16le(r);
    ret->isvsvn = ds_read_u16le(r);
    ret->configsvn = ds_read_u16le(r);
    ds_read_skip(r, 42);
    ds_read_into(r, ret->isvfamilyid16, 16);
    ds_read_into(r, ret->report_data64, 64);
}
