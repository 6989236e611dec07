/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated platform against our own verifier: what is accepted, under
 * which anchor, and that no field of a quote can be changed. And the state
 * directory: what survives, what is remade.
 */
#include "attest/tdx/claims.h"
#include "simtee/pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/tdx/verify.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/hash.h"

#define NOW_S ((int64_t)1795000000)
#define DAY_S ((int64_t)24 * 3600)
#define MEM   (4 * DS_DCAP_COLLATERAL_MEM)

static char dir[] = "/tmp/ds-pki-XXXXXX";
static char *state;
static uint8_t *room;

static struct simtee_pki *opened(int64_t now_s)
{
    struct simtee_pki *pki = NULL;
    struct ds_error e = { 0 };
    if (simtee_pki_open(&pki, state, now_s, &e) < 0)
        fail_msg("%s", e.msg);
    return pki;
}

static void quote_of(struct ds_buf *ret, const struct simtee_pki *pki)
{
    struct ds_error e = { 0 };
    struct simtee_registers regs;
    uint8_t report_data64[64];
    memset(&regs, 0x77, sizeof regs);
    memset(report_data64, 0x99, sizeof report_data64);
    assert_int_equal(simtee_pki_quote(ret, pki, &regs, report_data64, &e), DS_OK);
}

static struct ds_extra_anchor anchor_of(const struct simtee_pki *pki)
{
    struct ds_extra_anchor a = { .name = "test machine", .is_simulated = true };
    simtee_pki_root_spki32(a.spki_sha256, pki);
    return a;
}

struct verified {
    int r;
    struct ds_error e;
    const struct ds_claims *claims;
};

static struct verified verify(struct ds_span quote, struct ds_span collateral,
                              const struct ds_extra_anchor *anchor, int64_t now_s)
{
    struct verified v = { 0 };
    struct ds_arena mem = ds_arena_of(room, MEM);
    const struct ds_anchors anchors = { .extra = anchor, .n_extra = anchor != NULL };
    struct ds_tdx_quote q;
    struct ds_dcap_collateral coll;
    struct ds_claims *claims = ds_claims_new_in(&mem);
    v.r = ds_tdx_quote_parse(&q, quote, &v.e);
    if (v.r == DS_OK)
        v.r = ds_dcap_collateral_parse(&coll, &mem, collateral, &v.e);
    if (v.r == DS_OK)
        v.r = ds_tdx_quote_verify(claims, &mem, &q, &coll, &anchors, now_s, &v.e);
    v.claims = claims;
    return v;
}

static void test_accepted(void **unused)
{
    (void)unused;
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *pki = opened(NOW_S);
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    quote_of(&quote, pki);
    const struct ds_extra_anchor anchor = anchor_of(pki);
    struct verified v = verify(ds_buf_span(&quote), simtee_pki_collateral(pki), &anchor, NOW_S);
    if (v.r < 0)
        fail_msg("%s", v.e.msg);
    assert_int_equal(ds_claims_kind(v.claims), DS_KIND_SIMULATED);
    assert_string_equal(ds_claims_anchor(v.claims), "test machine");
    assert_int_equal(ds_claims_tcb_status(v.claims), DS_TCB_UP_TO_DATE);
    assert_false(ds_claims_is_debug(v.claims));
    assert_true(ds_span_eq(ds_claims_fmspc6(v.claims), DS_SPAN_OF(simtee_platform.fmspc6)));
    assert_int_equal(ds_claims_mrtd48(v.claims).p[47], 0x77);
    assert_int_equal(ds_claims_rtmr48(v.claims, 3).p[0], 0x77);
    assert_int_equal(ds_claims_report_data64(v.claims).p[63], 0x99);
    uint8_t ppid16[16], device32[32];
    struct ds_error e;
    simtee_pki_ppid16(ppid16, pki);
    assert_int_equal(ds_hash(DS_SHA256, device32, DS_SPAN_OF(ppid16), &e), DS_OK);
    assert_true(ds_span_eq(ds_claims_device_id32(v.claims), DS_SPAN_OF(device32)));
}

static void test_anchors(void **unused)
{
    (void)unused;
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *pki = opened(NOW_S);
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    quote_of(&quote, pki);
    const struct ds_span q = ds_buf_span(&quote), c = simtee_pki_collateral(pki);
    struct ds_extra_anchor anchor = anchor_of(pki);

    struct verified v = verify(q, c, NULL, NOW_S);
    assert_int_equal(v.r, DS_ERR_UNTRUSTED);
    assert_int_equal(v.e.code, DS_CODE_ROOT_UNKNOWN);

    anchor.is_simulated = false;
    v = verify(q, c, &anchor, NOW_S);
    assert_int_equal(v.r, DS_ERR_UNTRUSTED);
    assert_int_equal(v.e.code, DS_CODE_MARKER_UNEXPECTED);

    anchor.is_simulated = true;
    anchor.spki_sha256[31] ^= 1;
    v = verify(q, c, &anchor, NOW_S);
    assert_int_equal(v.r, DS_ERR_UNTRUSTED);
    assert_int_equal(v.e.code, DS_CODE_ROOT_UNKNOWN);
}

/* Where the last certificate of the chain begins: of the root, name and key count. */
static size_t root_at(const struct ds_buf *quote)
{
    static const char begin[] = "-----BEGIN";
    size_t last = quote->len;
    for (size_t at = 0; at + sizeof begin <= quote->len; at++)
        if (memcmp(quote->p + at, begin, sizeof begin - 1) == 0)
            last = at;
    return last;
}

/* Up to the certificates each byte is covered by one of three signatures. */
static void test_every_byte_counts(void **unused)
{
    (void)unused;
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *pki = opened(NOW_S);
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    quote_of(&quote, pki);
    const struct ds_extra_anchor anchor = anchor_of(pki);
    const struct ds_span c = simtee_pki_collateral(pki);
    const size_t certs_at = 48 + 584 + 4 + 64 + 64 + 6 + 384 + 64 + 2 + 32 + 6;
    for (size_t i = 0; i < certs_at; i += i > 130 ? 7 : 1) {
        quote.p[i] ^= 1;
        if (verify(ds_buf_span(&quote), c, &anchor, NOW_S).r == DS_OK)
            fail_msg("byte %zu may be changed", i);
        quote.p[i] ^= 1;
    }
    for (size_t i = certs_at; i < root_at(&quote); i += 97) {
        char was = quote.p[i];
        quote.p[i] = was == 'A' ? 'B' : 'A';
        if (was != '\n' && verify(ds_buf_span(&quote), c, &anchor, NOW_S).r == DS_OK)
            fail_msg("certificate byte %zu may be changed", i);
        quote.p[i] = was;
    }
}

static void test_dates(void **unused)
{
    (void)unused;
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *pki = opened(NOW_S);
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    quote_of(&quote, pki);
    const struct ds_extra_anchor anchor = anchor_of(pki);
    const struct ds_span q = ds_buf_span(&quote), c = simtee_pki_collateral(pki);
    const struct {
        int64_t now_s;
        int r;
    } rows[] = {
        { NOW_S - 1800, DS_OK },
        { NOW_S + 29 * DAY_S, DS_OK },
        { NOW_S + 31 * DAY_S, DS_ERR_STALE },
        { NOW_S - 2 * 3600, DS_ERR_STALE },
        { NOW_S - 2 * DAY_S, DS_ERR_STALE },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        assert_int_equal(verify(q, c, &anchor, rows[i].now_s).r, rows[i].r);
}

/* A second `up` a month later, a year later, and with a clock set back: same root, fresh lists. */
static void test_remade(void **unused)
{
    (void)unused;
    static const int64_t when_s[] = { NOW_S + 40 * DAY_S, NOW_S + 21 * 366 * DAY_S,
                                      NOW_S - 400 * DAY_S, NOW_S };
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *first = opened(NOW_S);
    DS_AUTO(ds_buf_done) struct ds_buf old_quote = { 0 };
    quote_of(&old_quote, first);
    const struct ds_extra_anchor anchor = anchor_of(first);
    for (size_t i = 0; i < DS_LEN(when_s); i++) {
        DS_AUTO(simtee_pki_free_auto) struct simtee_pki *later = opened(when_s[i]);
        DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
        quote_of(&quote, later);
        struct verified v = verify(ds_buf_span(&quote), simtee_pki_collateral(later), &anchor,
                                   when_s[i]);
        if (v.r < 0)
            fail_msg("row %zu: %s", i, v.e.msg);
        if (i == 0) {
            v = verify(ds_buf_span(&old_quote), simtee_pki_collateral(later), &anchor, when_s[i]);
            assert_int_equal(v.r, DS_OK);
        }
    }
}

static void test_stable(void **unused)
{
    (void)unused;
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *a = opened(NOW_S);
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *b = opened(NOW_S + DAY_S);
    assert_true(ds_span_eq(simtee_pki_collateral(a), simtee_pki_collateral(b)));
    assert_true(ds_span_eq(simtee_pki_root_pem(a), simtee_pki_root_pem(b)));
}

static char *path_of(const char *name) { return ds_str_fmt("%s/%s", state, name); }

static void overwrite(const char *name, const char *text)
{
    struct ds_error e = { 0 };
    DS_AUTO(ds_auto_free) char *path = path_of(name);
    assert_int_equal(ds_file_save(path, ds_span_str(text), 0600, "test", &e), DS_OK);
}

/* Whatever lies there, the next open works and the root stays. */
static void test_damaged_files(void **unused)
{
    (void)unused;
    static const struct {
        const char *file, *content;
    } rows[] = {
        { "certificates.pem", "" },
        { "certificates.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
        { "collateral.json", "" },
        { "collateral.json", "{}" },
        { "collateral.json", "{\"tcb_info\":\"{}\"}" },
    };
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *first = opened(NOW_S);
    const struct ds_extra_anchor anchor = anchor_of(first);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        overwrite(rows[i].file, rows[i].content);
        DS_AUTO(simtee_pki_free_auto) struct simtee_pki *pki = opened(NOW_S);
        DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
        quote_of(&quote, pki);
        struct verified v = verify(ds_buf_span(&quote), simtee_pki_collateral(pki), &anchor, NOW_S);
        if (v.r < 0)
            fail_msg("row %zu: %s", i, v.e.msg);
    }
}

/* Another machine's certificates beside our key are not ours. */
static void test_foreign_certificates(void **unused)
{
    (void)unused;
    struct ds_error e = { 0 };
    struct simtee_pki *other = NULL;
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *ours = opened(NOW_S);
    DS_AUTO(ds_auto_free) char *other_dir = ds_str_fmt("%s/other", dir);
    DS_AUTO(ds_auto_free) char *from = ds_str_fmt("%s/other/certificates.pem", dir);
    DS_AUTO(ds_auto_free) char *to = path_of("certificates.pem");
    assert_int_equal(simtee_pki_open(&other, other_dir, NOW_S, &e), DS_OK);
    assert_false(ds_span_eq(simtee_pki_root_pem(ours), simtee_pki_root_pem(other)));
    simtee_pki_free(other);
    assert_int_equal(rename(from, to), 0);
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *again = opened(NOW_S);
    const struct ds_extra_anchor a = anchor_of(ours), b = anchor_of(again);
    assert_memory_equal(a.spki_sha256, b.spki_sha256, 32);
}

static void test_key_file(void **unused)
{
    (void)unused;
    struct ds_error e = { 0 };
    struct simtee_pki *pki = NULL;
    struct stat st;
    DS_AUTO(ds_auto_free) char *other = ds_str_fmt("%s/key", dir);
    DS_AUTO(ds_auto_free) char *key = ds_str_fmt("%s/key/machine.key", dir);
    assert_int_equal(simtee_pki_open(&pki, other, NOW_S, &e), DS_OK);
    simtee_pki_free(pki);
    assert_int_equal(stat(other, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(truncate(key, 31), 0);
    assert_int_equal(simtee_pki_open(&pki, other, NOW_S, &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_SIMTEE_STATE_DAMAGED);
    assert_int_equal(truncate(key, 33), 0);
    assert_int_equal(simtee_pki_open(&pki, other, NOW_S, &e), DS_ERR_FORMAT);
    assert_int_equal(unlink(key), 0);
    assert_int_equal(symlink("/etc/passwd", key), 0);
    assert_int_equal(simtee_pki_open(&pki, other, NOW_S, &e), DS_ERR_SYS);
}

#ifdef DS_FAULTS

static void die_at(const char *point, const char *in_dir)
{
    DS_AUTO(ds_auto_free) char *fault = ds_str_fmt("%s/fault", dir);
    struct ds_error e = { 0 };
    int status = 0;
    assert_int_equal(ds_file_save(fault, ds_span_str(point), 0600, "test", &e), DS_OK);
    pid_t pid = fork();
    if (pid == 0) {
        struct simtee_pki *pki = NULL;
        (void)setenv("DSTACK_FAULT_FILE", fault, 1);
        (void)!simtee_pki_open(&pki, in_dir, NOW_S, &e);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* Killed at each point of the first open: the next open makes the rest. */
static void test_killed(void **unused)
{
    (void)unused;
    static const char *const points[] = {
        "simtee.key.before",          "simtee.key.written",          "simtee.key.renamed",
        "simtee.certificates.before", "simtee.certificates.written", "simtee.certificates.renamed",
        "simtee.collateral.before",   "simtee.collateral.written",   "simtee.collateral.renamed",
    };
    for (size_t i = 0; i < DS_LEN(points); i++) {
        struct simtee_pki *pki = NULL;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
        DS_AUTO(ds_auto_free) char *fresh = ds_str_fmt("%s/killed%zu", dir, i);
        die_at(points[i], fresh);
        if (simtee_pki_open(&pki, fresh, NOW_S, &e) < 0)
            fail_msg("%s: %s", points[i], e.msg);
        quote_of(&quote, pki);
        const struct ds_extra_anchor anchor = anchor_of(pki);
        struct verified v = verify(ds_buf_span(&quote), simtee_pki_collateral(pki), &anchor, NOW_S);
        if (v.r < 0)
            fail_msg("%s: %s", points[i], v.e.msg);
        simtee_pki_free(pki);
    }
}

#else

static void test_killed(void **unused)
{
    (void)unused;
    print_message("this build has no fault hooks\n");
    skip();
}

#endif

/* Several processes open an empty directory at once: all get the same machine. */
static void test_concurrent(void **unused)
{
    (void)unused;
    DS_AUTO(ds_auto_free) char *fresh = ds_str_fmt("%s/together", dir);
    DS_AUTO(ds_auto_free) char *machine_key = ds_str_fmt("%s/together/machine.key", dir);
    pid_t pids[4];
    for (size_t i = 0; i < DS_LEN(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct simtee_pki *pki = NULL;
            struct ds_error e;
            if (simtee_pki_open(&pki, fresh, NOW_S, &e) < 0)
                _exit(255);
            uint8_t spki32[32];
            simtee_pki_root_spki32(spki32, pki);
            _exit(spki32[0] % 251);
        }
    }
    int first = -1;
    for (size_t i = 0; i < DS_LEN(pids); i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
        assert_true(first < 0 || first == WEXITSTATUS(status));
        first = WEXITSTATUS(status);
    }
    assert_true(ds_file_exists(machine_key));
}

static int make_state(void **unused)
{
    (void)unused;
    room = malloc(MEM);
    if (mkdtemp(dir) == NULL || room == NULL)
        return -1;
    state = ds_str_fmt("%s/simtee", dir);
    return state != NULL ? 0 : -1;
}

static int remove_state(void **unused)
{
    (void)unused;
    free(state);
    free(room);
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_anchors),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_remade),
        cmocka_unit_test(test_stable),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_foreign_certificates),
        cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests(tests, make_state, remove_state);
}
