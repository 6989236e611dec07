/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hex of base/hex.c: what is decoded has one text but for the case of its letters, what is encoded
 * comes back, and no decoder writes beyond its room. BOUND: decoded bytes.
 */
#include "proof.h"

#include "base/hex.h"
#include "base/secret.h"

/* valgrind's mark; nothing to the value. */
void ds_ct_public(const void *p, size_t len)
{
    PROVE(__CPROVER_r_ok(p, len), "what is made public can be read");
}

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; }

void proof_encode(void)
{
    struct ds_span in = any_input(BOUND);
    char text[2 * BOUND + 1];
    uint8_t back[BOUND];
    size_t n = nondet_size(), i = nondet_size();
    PROVE(ds_hex_encode(text, in) == text, "the text is given back");
    PROVE(text[2 * in.len] == '\0', "the text ends");
    PROVE(ds_hex_decode_any(back, &n, BOUND, DS_SPAN(text, 2 * in.len), NULL) == DS_OK,
          "every text that is written is read");
    PROVE(n == in.len, "nothing is lost");
    GIVEN(i < n);
    PROVE(back[i] == in.p[i], "every byte comes back");
    REACHED_IF(in.len == BOUND, "the longest input");
}

void proof_decode(void)
{
    struct ds_span text = any_input(2 * BOUND + 1);
    size_t cap = nondet_size(), n = nondet_size(), was = n, i = nondet_size();
    GIVEN(cap <= BOUND);
    uint8_t *out = malloc(cap);
    char again[2 * BOUND + 1];
    int cls = ds_hex_decode_any(out, &n, cap, text, any_error());
    PROVE(cls == DS_OK || n == was, "a failure leaves the length alone");
    PROVE(cls == DS_OK || cls == DS_ERR_FORMAT || cls == DS_ERR_RANGE, "a failure is named");
    REACHED_IF(cls == DS_ERR_FORMAT && text.len == 2, "a foreign character");
    REACHED_IF(cls == DS_ERR_RANGE, "a text that is too long");
    GIVEN(cls == DS_OK);
    PROVE(2 * n == text.len && n <= cap, "two digits a byte");
    (void)ds_hex_encode(again, DS_SPAN(out, n));
    GIVEN(i < text.len);
    PROVE((uint8_t)again[i] == lower(text.p[i]), "only digits are read, and they say the bytes");
    REACHED_IF(n == BOUND && text.p[i] == 'F', "the longest text");
}

void proof_exact(void)
{
    struct ds_span text = any_input(2 * BOUND + 1);
    size_t n = nondet_size();
    GIVEN(n <= BOUND);
    int cls = ds_hex_decode(malloc(n), n, text, any_error());
    PROVE(cls != DS_OK || text.len == 2 * n, "exactly the bytes asked for");
    REACHED_IF(cls == DS_OK && n > 0, "a text of the right length");
}
