/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles: what is accepted is signed, in its one form, and its sets borrow the
 * text or the arena. A signature is not to be guessed, so the reader is also
 * given what it has to refuse at the last step.
 */
#include "collateral/bundle.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    struct bundle b;
    struct ds_span in = DS_SPAN(data, len);
    static uint8_t *room;
    room = room != NULL ? room : malloc(BUNDLE_MEM);
    struct ds_arena mem = ds_arena_of(room, BUNDLE_MEM);
    if (!fuzz_is_ok(bundle_parse(&b, &mem, in, NULL, &e), &e)) {
        FUZZ_CHECK(e.code == DS_CODE_COLLATERAL_BUNDLE_FORMAT ||
                   e.code == DS_CODE_COLLATERAL_BUNDLE_SIGNATURE);
        return 0;
    }
    FUZZ_CHECK(bundle_is(in));
    FUZZ_CHECK(b.n_sets > 0 && b.n_sets <= BUNDLE_SETS_MAX && b.issued_s >= 0 && b.until_s >= 0);
    for (size_t i = 0; i < b.n_sets; i++)
        fuzz_check_borrowed(b.sets[i], in, &mem);
    return 0;
}
