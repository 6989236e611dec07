/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which set is found, which gives way to which, and what counts as a change.
 */
#include "verifier/shelf.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/hash.h"
#include "sets.h"

static struct shelf *shelf;
static struct synth intel;
static char dir[] = "/tmp/ds-shelf-XXXXXX";

static void add(struct ds_buf *set)
{
    struct ds_error e = { 0 };
    if (shelf_add(shelf, ds_buf_span(set), &e) < 0)
        fail_msg("%s", e.msg);
    ds_buf_done(set);
    *set = (struct ds_buf){ 0 };
}

static void add_intel(const struct synth *s)
{
    struct ds_buf set = { 0 };
    sets_intel(&set, s);
    add(&set);
}

static int add_file(const struct synth *s)
{
    DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
    char path[64];
    (void)snprintf(path, sizeof path, "%s/set.json", dir);
    sets_intel(&set, s);
    assert_int_equal(ds_file_save(path, ds_buf_span(&set), 0600, NULL, NULL), DS_OK);
    return shelf_add_file(shelf, path, NULL);
}

static struct shelf_set *find(const struct synth *s)
{
    const struct shelf_want want = { .kind = COLLATERAL_TDX, .fmspc6 = s->info_fmspc };
    return shelf_find(shelf, &want);
}

/* The evaluation number of what is found for this platform; 0: nothing. */
static unsigned found_eval(const struct synth *s)
{
    struct shelf_set *x = find(s);
    unsigned n = x != NULL ? x->eval_number : 0;
    shelf_unref(shelf, x);
    return n;
}

static struct ds_span issuer_of(struct ds_x509 *cert, enum synth_cert of)
{
    assert_int_equal(ds_x509_parse(cert, ds_buf_span(&intel.certs[of]), NULL), DS_OK);
    return cert->issuer;
}

static void only_what_is_newer_changes_anything(void **state)
{
    (void)state;
    struct synth s = intel;
    DS_AUTO(ds_buf_done) struct ds_buf same = { 0 };
    uint64_t before = shelf_generation(shelf);
    sets_intel(&same, &s);
    assert_int_equal(shelf_add(shelf, ds_buf_span(&same), NULL), DS_OK);
    assert_int_not_equal(shelf_generation(shelf), before);
    before = shelf_generation(shelf);
    assert_int_equal(shelf_add(shelf, ds_buf_span(&same), NULL), DS_OK);
    assert_int_equal(shelf_generation(shelf), before);
    s.tcb_eval = 16;
    s.tcb_issue = "2027-01-14T12:00:00Z"; /* the number goes before the date */
    add_intel(&s);
    assert_int_equal(shelf_generation(shelf), before);
    assert_int_equal(found_eval(&s), 17);
    s = intel;
    s.tcb_issue = "2027-01-13T00:00:00Z";
    add_intel(&s);
    s = intel;
    s.crl_this_s -= SYNTH_DAY;
    add_intel(&s);
    assert_int_equal(shelf_generation(shelf), before);
    s.tcb_eval = 18;
    add_intel(&s);
    assert_int_not_equal(shelf_generation(shelf), before);
    assert_int_equal(found_eval(&s), 18);
}

static void each_ca_has_its_own(void **state)
{
    (void)state;
    struct synth s = intel;
    struct ds_x509 pck, ca;
    s.tcb_eval = 17;
    add_intel(&s); /* the list is the CA's */
    s.pck_crl_by = ROOT;
    s.tcb_eval = 16;
    add_intel(&s);
    struct shelf_want want = { .kind = COLLATERAL_TDX, .fmspc6 = s.info_fmspc };
    const struct {
        struct ds_span issuer;
        unsigned eval;
    } rows[] = { { issuer_of(&pck, PCK), 17 },
                 { issuer_of(&ca, CA), 16 },
                 { DS_SPAN_LIT("another"), 0 },
                 { DS_SPAN_LIT(""), 17 } };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        want.pck_issuer = rows[i].issuer;
        struct shelf_set *x = shelf_find(shelf, &want);
        assert_int_equal(x != NULL ? x->eval_number : 0, rows[i].eval);
        shelf_unref(shelf, x);
    }
}

static void files_stay_whatever_is_fetched(void **state)
{
    (void)state;
    struct synth s = intel;
    assert_int_equal(add_file(&intel), DS_OK);
    for (unsigned i = 0; i < SHELF_FETCHED_MAX + 1; i++) {
        s.info_fmspc[0] = (uint8_t)(i + 1);
        s.info_fmspc[1] = 0xee;
        add_intel(&s);
    }
    assert_int_equal(found_eval(&intel), 17);
    s.info_fmspc[0] = 1; /* the one that was not asked for for longest */
    assert_int_equal(found_eval(&s), 0);
    s.info_fmspc[0] = 2;
    assert_int_equal(found_eval(&s), 17);
    /* A newer one that was fetched goes first, and displaces no file. */
    s = intel;
    s.tcb_eval = 18;
    add_intel(&s);
    assert_int_equal(found_eval(&intel), 18);
}

/* leaf: of an earlier set, which gets another list; empty: a new one, of this chip. */
static void amd(struct ds_buf *ret, uint8_t chip, struct ds_buf *io_leaf, int64_t this_s,
                int64_t next_s)
{
    struct snp_synth s = snp_synth_good(DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK);
    s.hwid64[0] = chip;
    s.crl_this_s = this_s;
    s.crl_next_s = next_s;
    snp_synth_make(&s);
    struct ds_buf *made = &s.certs[S_VCEK];
    if (io_leaf != NULL && io_leaf->len == 0)
        ds_buf_add(io_leaf, ds_buf_span(made));
    if (io_leaf != NULL) {
        ds_buf_done(made);
        *made = (struct ds_buf){ 0 };
        ds_buf_add(made, ds_buf_span(io_leaf));
    }
    sets_amd(ret, &s, "Milan", "vcek");
    snp_synth_done(&s);
}

static int64_t found_list(const char *product, const struct kds_ask *chip)
{
    const struct shelf_want want = {
        .kind = COLLATERAL_SNP, .product = product, .chip = chip, .now_s = SNP_NOW
    };
    struct shelf_set *x = shelf_find(shelf, &want);
    int64_t from_s = x != NULL ? x->crl_from_s : 0;
    shelf_unref(shelf, x);
    return from_s;
}

static void an_expired_list_stands_in_nobodys_way(void **state)
{
    (void)state;
    struct ds_buf set = { 0 };
    uint64_t before = shelf_generation(shelf);
    const struct {
        uint8_t chip;
        int64_t this_s, next_s, found_s;
    } rows[] = {
        { 1, SNP_NOW - 9 * SNP_DAY, SNP_NOW - 1, SNP_NOW - 9 * SNP_DAY }, /* better than nothing */
        { 2, SNP_NOW - 5 * SNP_DAY, SNP_NOW + 9, SNP_NOW - 5 * SNP_DAY },
        { 3, SNP_NOW - 4 * SNP_DAY, SNP_NOW - 1, SNP_NOW - 5 * SNP_DAY }, /* newer, and over */
        { 4, SNP_NOW - 3 * SNP_DAY, SNP_NOW + 1, SNP_NOW - 3 * SNP_DAY },
        { 5, SNP_NOW - 4 * SNP_DAY, SNP_NOW + 9, SNP_NOW - 3 * SNP_DAY },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        amd(&set, rows[i].chip, NULL, rows[i].this_s, rows[i].next_s);
        add(&set);
        assert_int_equal(found_list("Milan", NULL), rows[i].found_s);
    }
    assert_int_equal(found_list("Genoa", NULL), 0);
    /* Intel's platforms stay known. */
    assert_int_equal(shelf_generation(shelf), before);
}

static void a_chip_keeps_its_newest_list(void **state)
{
    (void)state;
    const struct snp_synth s = snp_synth_good(DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK);
    struct collateral_ask ask = { .kind = COLLATERAL_SNP, .kds = { .product = "Milan" } };
    struct ds_buf newer = { 0 }, older = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    amd(&newer, s.hwid64[0], &leaf, SNP_NOW - SNP_DAY, SNP_NOW + SNP_DAY);
    amd(&older, s.hwid64[0], &leaf, SNP_NOW - 2 * SNP_DAY, SNP_NOW + SNP_DAY);
    memcpy(ask.kds.chip_id64, s.hwid64, 64);
    ask.kds.bl_spl = s.tcb8[0];
    ask.kds.snp_spl = s.tcb8[6];
    ask.kds.ucode_spl = s.tcb8[7];
    assert_false(shelf_has(shelf, &ask));
    add(&newer);
    add(&older);
    assert_true(shelf_has(shelf, &ask));
    assert_int_equal(found_list("Milan", &ask.kds), SNP_NOW - SNP_DAY);
    ask.kds.ucode_spl--;
    assert_false(shelf_has(shelf, &ask));
}

static void what_is_no_set(void **state)
{
    (void)state;
    static const char *const rows[] = { "", "{}", "[]", "{\"kind\":\"snp\"}",
                                        "{\"tcb_info\":\"{}\"}" };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        assert_true(shelf_add(shelf, ds_span_str(rows[i]), NULL) < 0);
    assert_int_equal(shelf_generation(shelf), 0);
}

static int setup(void **state)
{
    (void)state;
    return shelf_new(&shelf, NULL);
}

static int teardown(void **state)
{
    (void)state;
    shelf_free(shelf);
    return 0;
}

static int setup_all(void **state)
{
    (void)state;
    intel = synth_good();
    synth_make(&intel);
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown_all(void **state)
{
    (void)state;
    synth_done(&intel);
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_is_newer_changes_anything, setup, teardown),
        cmocka_unit_test_setup_teardown(each_ca_has_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(files_stay_whatever_is_fetched, setup, teardown),
        cmocka_unit_test_setup_teardown(an_expired_list_stands_in_nobodys_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chip_keeps_its_newest_list, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_set, setup, teardown),
    };
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
