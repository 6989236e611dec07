/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 of base/hex.c: what is encoded comes back, and no decoder writes beyond its room. BOUND:
 * decoded bytes; the code repeats itself after three.
 */
#include "proof.h"

#include "base/hex.h"
#include "base/secret.h"

/* valgrind's mark; nothing to the value. */
void ds_ct_public(const void *p, size_t len)
{
    PROVE(__CPROVER_r_ok(p, len), "what is made public can be read");
}

void proof_encode(void)
{
    struct ds_span in = any_input(BOUND);
    char text[DS_BASE64_LEN(BOUND) + 1];
    uint8_t back[BOUND];
    size_t n = nondet_size(), i = nondet_size(), len = DS_BASE64_LEN(in.len);
    (void)ds_base64_encode(text, in);
    PROVE(text[len] == '\0', "the text is as long as DS_BASE64_LEN says");
    PROVE(ds_base64_decode(back, &n, BOUND, DS_SPAN(text, len), NULL) == DS_OK,
          "every text that is written is read");
    PROVE(n == in.len, "nothing is lost");
    GIVEN(i < n);
    PROVE(back[i] == in.p[i], "every byte comes back");
    REACHED_IF(in.len == BOUND, "the longest input");
    REACHED_IF(in.len % 3 == 1, "two signs of padding");
}

void proof_decode(void)
{
    struct ds_span text = any_input(DS_BASE64_LEN(BOUND));
    size_t cap = nondet_size(), n = nondet_size();
    GIVEN(cap <= BOUND);
    uint8_t *out = malloc(cap);
    int cls = ds_base64_decode(out, &n, cap, text, any_error());
    REACHED_IF(cls == DS_ERR_FORMAT, "no base64");
    REACHED_IF(cls == DS_ERR_RANGE, "a text that is too long");
    GIVEN(cls == DS_OK);
    PROVE(n <= cap && DS_BASE64_LEN(n) == text.len, "four signs for three bytes");
    REACHED_IF(n == BOUND, "the longest text");
}

void proof_decode_ws(void)
{
    struct ds_span text = any_input(DS_BASE64_LEN(BOUND) + 2);
    size_t cap = nondet_size(), n = nondet_size();
    GIVEN(cap <= BOUND);
    int cls = ds_base64_decode_ws(malloc(cap), &n, cap, text, any_error());
    PROVE(cls != DS_OK || (n <= cap && DS_BASE64_LEN(n) <= text.len), "no more than fits");
    REACHED_IF(cls == DS_OK && n > 0 && DS_BASE64_LEN(n) < text.len, "white space between digits");
}
