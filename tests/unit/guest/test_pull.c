/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerd's words for a failed pull, and the code each becomes.
 */
#include "guest/pull.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct row {
    const char *message;
    enum ds_code code;
} rows[] = {
    { "manifest unknown: manifest unknown", DS_CODE_GUEST_IMAGE_UNKNOWN },
    { "manifest for r:1/a@sha256:ab not found: manifest unknown", DS_CODE_GUEST_IMAGE_UNKNOWN },
    { "image verification failed for digest sha256:ab", DS_CODE_GUEST_IMAGE_UNKNOWN },
    { "Get \"https://r:1/v2/\": tls: failed to verify certificate: x509: certificate signed by "
      "unknown authority",
      DS_CODE_GUEST_REGISTRY_UNTRUSTED },
    { "Get \"https://r:1/v2/\": tls: handshake failure", DS_CODE_GUEST_REGISTRY_UNTRUSTED },
    { "Get \"https://r:1/v2/\": http: server gave HTTP response to HTTPS client",
      DS_CODE_GUEST_REGISTRY_UNTRUSTED },
    { "Get \"https://r:1/v2/\": dial tcp: lookup r: connection refused", DS_CODE_GUEST_IMAGE_PULL },
    { "Get \"https://r:1/v2/\": net/http: request canceled (Client.Timeout exceeded)",
      DS_CODE_GUEST_IMAGE_PULL },
    { "", DS_CODE_GUEST_IMAGE_PULL },
};

static void each_message_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (guest_pull_code(ds_span_str(rows[i].message)) != rows[i].code)
            fail_msg("%s", rows[i].message);
    assert_int_equal(guest_pull_code((struct ds_span){ 0 }), DS_CODE_GUEST_IMAGE_PULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_message_has_its_code) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
