/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verify evidence with the installed library: prints every claim, or why not.
 *
 *     cc verify.c -o verify $(pkg-config --cflags --libs dstack-attest)
 *     cc verify.c -o verify -static $(pkg-config --static --cflags --libs dstack-attest)
 *
 *     ./verify quote.bin collateral.json
 *     ./verify report.bin vcek.der cert_chain.pem crl.der
 *     ./verify --policy policy.json --report-data HEX quote.bin collateral.json
 *
 * --at SECONDS verifies as of that time, --custom-root and --simulated-root trust a root by the
 * SHA-256 of its SubjectPublicKeyInfo in hex. --policy judges what verified by a policy document,
 * and --report-data by the 64 bytes (in hex) that a nonce of yours asked for. Exits with 0, with 2
 * when called wrongly, with 3 when the policy denies, with 4 when evidence or policy is refused,
 * else with 1.
 */
#include <dstack/attest.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX       (1 << 20)
#define COLLATERAL_MAX 8

enum { DONE = 0, FAILED = 1, USAGE = 2, DENIED = 3, REFUSED = 4 };

struct options {
    int64_t now_s;
    int has_policy;
    struct ds_attest_bytes policy, report_data;
    unsigned char report_data64[64];
};

/* The whole file in memory that is never released: the program is about to end. */
static int load(struct ds_attest_bytes *ret, const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned char *p = malloc(FILE_MAX);
    if (file == NULL || p == NULL) {
        (void)fprintf(stderr, "verify: %s cannot be read\n", path);
        return FAILED;
    }
    ret->p = p;
    ret->len = fread(p, 1, FILE_MAX, file);
    int is_whole = feof(file);
    (void)fclose(file);
    if (is_whole)
        return DONE;
    (void)fprintf(stderr, "verify: %s is over 1 MiB or cannot be read\n", path);
    return FAILED;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static int parse_hex(unsigned char *ret, size_t len, const char *hex)
{
    if (strlen(hex) != 2 * len)
        return USAGE;
    for (size_t i = 0; i < len; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return USAGE;
        ret[i] = (unsigned char)(high << 4 | low);
    }
    return DONE;
}

static int parse_time(int64_t *ret, const char *text)
{
    char *end;
    errno = 0;
    *ret = strtoimax(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' ? DONE : USAGE;
}

static int take_root(struct ds_attest *a, const char *name, const char *value)
{
    unsigned char hash[32];
    if (parse_hex(hash, sizeof hash, value) != DONE)
        return USAGE;
    if (strcmp(name, "--custom-root") == 0)
        return ds_attest_trust_custom(a, "--custom-root", hash) == 0 ? DONE : FAILED;
    if (strcmp(name, "--simulated-root") == 0)
        return ds_attest_trust_simulated(a, "--simulated-root", hash) == 0 ? DONE : FAILED;
    return USAGE;
}

/* One option with its value. */
static int take_option(struct options *o, struct ds_attest *a, const char *name, const char *value)
{
    if (strcmp(name, "--at") == 0)
        return parse_time(&o->now_s, value);
    if (strcmp(name, "--policy") == 0) {
        o->has_policy = 1;
        return load(&o->policy, value);
    }
    if (strcmp(name, "--report-data") != 0)
        return take_root(a, name, value);
    o->report_data = (struct ds_attest_bytes){ o->report_data64, sizeof o->report_data64 };
    return parse_hex(o->report_data64, sizeof o->report_data64, value);
}

static void print_bytes(struct ds_attest_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        (void)printf("%02x", bytes.p[i]);
    (void)printf("\n");
}

static void print_value(const struct ds_attest_claims *c, enum ds_attest_claim claim, size_t i)
{
    switch (ds_attest_claim_shape(claim)) {
    case DS_ATTEST_BYTES:
        print_bytes(ds_attest_claim_bytes(c, claim, i));
        break;
    case DS_ATTEST_NUMBER:
        (void)printf("%" PRIu64 "\n", ds_attest_claim_number(c, claim, i));
        break;
    case DS_ATTEST_TEXT:
        (void)printf("%s\n", ds_attest_claim_text(c, claim, i));
        break;
    }
}

/* Every claim that the evidence has, one value a line. */
static void print_claims(const struct ds_attest_claims *c)
{
    for (int id = 1; ds_attest_claim_name(id) != NULL; id++) {
        enum ds_attest_claim claim = (enum ds_attest_claim)id;
        for (size_t i = 0; i < ds_attest_claim_count(c, claim); i++) {
            (void)printf("%s ", ds_attest_claim_name(id));
            print_value(c, claim, i);
        }
    }
}

static void print_reasons(const struct ds_attest *a)
{
    for (size_t i = 0; i < ds_attest_n_reasons(a); i++) {
        struct ds_attest_reason r = ds_attest_reason(a, i);
        (void)printf("%s: %s\n", r.code, r.what);
        (void)printf(
            "  claim     %s\n  expected  %s\n  got       %s\n  anchor    %s\n  fix       %s\n",
            r.claim, r.expected, r.got, r.anchor, r.fix);
    }
    if (ds_attest_n_reasons_dropped(a) > 0)
        (void)printf("and %zu more\n", ds_attest_n_reasons_dropped(a));
}

/* What verified is judged where there is something to judge it by. */
static int judge(struct ds_attest *a, const struct options *o)
{
    return o->has_policy ? ds_attest_check(a, o->policy,
                                           o->report_data.len > 0 ? DS_ATTEST_SESSION_NONCE
                                                                  : DS_ATTEST_SESSION_NONE,
                                           o->report_data)
                         : DS_ATTEST_OK;
}

static int verify(struct ds_attest *a, const struct options *o, struct ds_attest_bytes evidence,
                  const struct ds_attest_bytes *collateral, size_t n_collateral)
{
    int r = ds_attest_verify(a, evidence, collateral, n_collateral, o->now_s);
    if (r == DS_ATTEST_OK)
        r = judge(a, o);
    if (r == DS_ATTEST_OK)
        print_claims(ds_attest_claims(a));
    else
        print_reasons(a);
    return r == DS_ATTEST_OK ? DONE : r == DS_ATTEST_DENIED ? DENIED : REFUSED;
}

static int run(struct ds_attest *a, int argc, char **argv)
{
    struct options o = { .now_s = (int64_t)time(NULL) };
    struct ds_attest_bytes evidence, collateral[COLLATERAL_MAX];
    size_t n = 0;
    int at = 1;
    for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
        int taken = take_option(&o, a, argv[at], argv[at + 1]);
        if (taken != DONE)
            return taken;
    }
    if (o.report_data.len > 0 && !o.has_policy)
        return USAGE;
    if (at == argc || argv[at][0] == '-' || argc - at - 1 > COLLATERAL_MAX)
        return USAGE;
    if (load(&evidence, argv[at]) != DONE)
        return FAILED;
    for (at++; at < argc; at++)
        if (load(&collateral[n++], argv[at]) != DONE)
            return FAILED;
    return verify(a, &o, evidence, collateral, n);
}

int main(int argc, char **argv)
{
    struct ds_attest *a = ds_attest_init(malloc(ds_attest_size()), ds_attest_size());
    if (a == NULL || ds_attest_trust_hardware(a, NULL) != DS_ATTEST_OK)
        return FAILED;
    int status = run(a, argc, argv);
    if (status == USAGE)
        (void)fprintf(stderr, "usage: verify [--at SECONDS] [--custom-root SHA256] "
                              "[--simulated-root SHA256] [--policy FILE [--report-data HEX]] "
                              "EVIDENCE [COLLATERAL...]\n");
    return status;
}
