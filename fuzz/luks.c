/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge of LUKS2 metadata: it never accepts a text that names the null
 * cipher, a linear segment, or requirements, in whatever place.
 */
#include "disk/luks_metadata.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const words[] = { "\"encryption\":\"cipher_null", "\"type\":\"linear\"",
                                         "\"requirements\":", "\"flags\":", "\"integrity\":" };
    struct ds_error e;
    struct ds_span in = DS_SPAN(data, len);
    if (!fuzz_is_ok(disk_luks_metadata_check(in, &e), &e))
        return 0;
    for (size_t i = 0; i < DS_LEN(words); i++)
        FUZZ_CHECK(memmem(in.p, in.len, words[i], strlen(words[i])) == NULL);
    return 0;
}
