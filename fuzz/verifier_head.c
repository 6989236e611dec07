/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reaches the verifier in a request's head: queries, Accept headers and
 * content types. A nonce is read alike in either alphabet; a header covers a
 * type as soon as one of its ranges does.
 */
#include "verifier/query.h"

#include "base/hex.h"
#include "fuzz.h"
#include "verifier/evidence.h"
#include "verifier/result.h"

static void check_query(const char *query)
{
    struct query_nonce n = { .len = 0 }, again = { .len = 0 };
    struct ds_error e = { 0 };
    char text[DS_BASE64_LEN(EAR_NONCE_MAX) + 1], other[sizeof text + 8];
    if (!fuzz_is_ok(query_nonce_parse(&n, query, &e), &e))
        return;
    FUZZ_CHECK(n.len >= EAR_NONCE_MIN && n.len <= EAR_NONCE_MAX);
    if (!n.is_given)
        return;
    (void)snprintf(other, sizeof other, "nonce=%s", ds_base64url_encode(text, DS_SPAN(n.b, n.len)));
    FUZZ_CHECK(query_nonce_parse(&again, other, &e) == DS_OK && again.is_given);
    FUZZ_CHECK(ds_span_eq(DS_SPAN(again.b, again.len), DS_SPAN(n.b, n.len)));
}

static void check_accept(const char *accept)
{
    static const char *const types[] = { "application/json", "application/eat+jwt",
                                         "application/eat+cwt" };
    DS_AUTO(ds_buf_done) struct ds_buf more = { 0 };
    bool any = false;
    ds_buf_printf(&more, "%s, */*", accept);
    FUZZ_CHECK(!more.bad);
    for (size_t i = 0; i < DS_LEN(types); i++) {
        any |= query_accepts(accept, types[i]);
        FUZZ_CHECK(query_accepts(more.p, types[i]));
    }
    FUZZ_CHECK((verifier_form_find(accept) != NULL) == any);
}

static void check_type(const char *type)
{
    const char *found = evidence_media_find(type);
    FUZZ_CHECK(found == NULL || evidence_media_find(found) == found);
    FUZZ_CHECK(found == NULL || strlen(type) >= strlen(found));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    DS_AUTO(ds_auto_free) char *text = strndup((const char *)data, len);
    FUZZ_CHECK(text != NULL);
    check_query(text);
    check_accept(text);
    check_type(text);
    return 0;
}
