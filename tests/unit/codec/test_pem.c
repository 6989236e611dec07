/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM: blocks come out in order, and nothing else may stand in the text.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scope.h"
#include "codec/pem.h"

#define B "-----BEGIN CERTIFICATE-----\n"
#define E "-----END CERTIFICATE-----\n"

static void texts_are_judged(void **state)
{
    static const struct {
        const char *name, *text;
        size_t cap;
        int want;      /* of the first call that is not DS_OK, else DS_OK */
        size_t n, sum; /* blocks and bytes before it */
    } rows[] = {
        { "nothing", "", 512, DS_OK, 0, 0 },
        { "white space", "\n \r\n", 512, DS_OK, 0, 0 },
        { "one block", B "AAEC\n" E, 512, DS_OK, 1, 3 },
        { "two blocks", B "AAEC\n" E B "AAE=\n" E, 512, DS_OK, 2, 5 },
        { "lines with CRLF", "-----BEGIN CERTIFICATE-----\r\nAA\r\nEC\r\n" E "\r\n", 512, DS_OK, 1,
          3 },
        { "no newline at all", "-----BEGIN CERTIFICATE-----AAEC-----END CERTIFICATE-----", 512,
          DS_OK, 1, 3 },
        { "text before", "x" B "AAEC\n" E, 512, DS_ERR_FORMAT, 0, 0 },
        { "text between", B "AAEC\n" E "x" B "AAEC\n" E, 512, DS_ERR_FORMAT, 1, 3 },
        { "text behind", B "AAEC\n" E "x", 512, DS_ERR_FORMAT, 1, 3 },
        { "another label", "-----BEGIN X509 CRL-----\nAAEC\n-----END X509 CRL-----\n", 512,
          DS_ERR_FORMAT, 0, 0 },
        { "ends of different labels", B "AAEC\n-----END X509 CRL-----\n", 512, DS_ERR_FORMAT, 0,
          0 },
        { "no end", B "AAEC\n", 512, DS_ERR_FORMAT, 0, 0 },
        { "begin line alone", B, 512, DS_ERR_FORMAT, 0, 0 },
        { "begin line without its newline", "-----BEGIN CERTIFICATE-----", 512, DS_ERR_FORMAT, 0,
          0 },
        { "cut end line", B "AAEC\n-----END CERT", 512, DS_ERR_FORMAT, 0, 0 },
        { "not base64", B "AA*C\n" E, 512, DS_ERR_FORMAT, 0, 0 },
        { "padding inside", B "AA==AAEC\n" E, 512, DS_ERR_FORMAT, 0, 0 },
        { "empty block", B E, 512, DS_ERR_FORMAT, 0, 0 },
        { "no room", B "AAEC\n" E, 3, DS_ERR_NOMEM, 0, 0 },
    };
    void *mem = malloc(512);
    (void)state;
    assert_non_null(mem);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = ds_arena_of(mem, rows[i].cap);
        struct ds_span rest = ds_span_str(rows[i].text), block = { 0 };
        size_t n = 0, sum = 0;
        int r;
        while ((r = ds_pem_next(&block, &rest, "CERTIFICATE", &a, NULL)) == DS_OK &&
               block.p != NULL) {
            n++;
            sum += block.len;
        }
        if (r != rows[i].want || n != rows[i].n || sum != rows[i].sum)
            fail_msg("%s: %d after %zu blocks, %zu bytes", rows[i].name, r, n, sum);
    }
    free(mem);
}

/* Certification data often has a NUL at its end. */
static void one_nul_may_end_the_text(void **state)
{
    const struct {
        struct ds_span text;
        int want;
        size_t n;
    } rows[] = {
        { DS_SPAN_LIT(B "AAEC\n" E "\0"), DS_OK, 1 },
        { DS_SPAN_LIT(B "AAEC\n" E "\n\0"), DS_OK, 1 },
        { DS_SPAN_LIT("\0"), DS_OK, 0 },
        { DS_SPAN_LIT(B "AAEC\n" E "\0\0"), DS_ERR_FORMAT, 1 },
        { DS_SPAN_LIT(B "AAEC\n" E "\0\n"), DS_ERR_FORMAT, 1 },
        { DS_SPAN_LIT(B "AAEC\n" E "\0" B "AAEC\n" E), DS_ERR_FORMAT, 1 },
        { DS_SPAN_LIT("\0" B "AAEC\n" E), DS_ERR_FORMAT, 0 },
        { DS_SPAN_LIT(B "AA\0EC\n" E), DS_ERR_FORMAT, 0 },
    };
    static max_align_t room[8];
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = ds_arena_of(room, sizeof room);
        struct ds_span rest = rows[i].text, block = { 0 };
        size_t n = 0;
        int r;
        while ((r = ds_pem_next(&block, &rest, "CERTIFICATE", &a, NULL)) == DS_OK &&
               block.p != NULL)
            n++;
        if (r != rows[i].want || n != rows[i].n)
            fail_msg("row %zu: %d after %zu blocks", i, r, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_judged),
        cmocka_unit_test(one_nul_may_end_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
