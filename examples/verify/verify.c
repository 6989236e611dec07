/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verify evidence with the installed library: prints every claim, or why not.
 *
 *     cc verify.c -o verify $(pkg-config --cflags --libs dstack-attest)
 *     cc verify.c -o verify -static $(pkg-config --static --cflags --libs dstack-attest)
 *
 *     ./verify quote.bin collateral.json
 *     ./verify report.bin vcek.der cert_chain.pem crl.der
 *
 * --at SECONDS verifies as of that time, --custom-root and --simulated-root trust a root by the
 * SHA-256 of its SubjectPublicKeyInfo in hex. Exits with 0, with 2 when called wrongly, with 4 when
 * the evidence is refused, else with 1.
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

enum { DONE = 0, FAILED = 1, USAGE = 2, REFUSED = 4 };

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

static int parse_hash(unsigned char ret[32], const char *hex)
{
    if (strlen(hex) != 64)
        return USAGE;
    for (size_t i = 0; i < 32; i++) {
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

/* One option with its value. */
static int take_option(struct ds_attest *a, int64_t *now_s, const char *name, const char *value)
{
    unsigned char hash[32];
    if (strcmp(name, "--at") == 0)
        return parse_time(now_s, value);
    if (parse_hash(hash, value) != DONE)
        return USAGE;
    if (strcmp(name, "--custom-root") == 0)
        return ds_attest_trust_custom(a, "--custom-root", hash) == 0 ? DONE : FAILED;
    if (strcmp(name, "--simulated-root") == 0)
        return ds_attest_trust_simulated(a, "--simulated-root", hash) == 0 ? DONE : FAILED;
    return USAGE;
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
}

static int run(struct ds_attest *a, int argc, char **argv)
{
    struct ds_attest_bytes evidence, collateral[COLLATERAL_MAX];
    size_t n = 0;
    int64_t now_s = (int64_t)time(NULL);
    int at = 1;
    for (; at + 1 < argc && argv[at][0] == '-'; at += 2)
        if (take_option(a, &now_s, argv[at], argv[at + 1]) != DONE)
            return USAGE;
    if (at == argc || argv[at][0] == '-' || argc - at - 1 > COLLATERAL_MAX)
        return USAGE;
    if (load(&evidence, argv[at]) != DONE)
        return FAILED;
    for (at++; at < argc; at++)
        if (load(&collateral[n++], argv[at]) != DONE)
            return FAILED;
    if (ds_attest_verify(a, evidence, collateral, n, now_s) == DS_ATTEST_OK) {
        print_claims(ds_attest_claims(a));
        return DONE;
    }
    print_reasons(a);
    return REFUSED;
}

int main(int argc, char **argv)
{
    struct ds_attest *a = ds_attest_init(malloc(ds_attest_size()), ds_attest_size());
    if (a == NULL || ds_attest_trust_hardware(a, NULL) != DS_ATTEST_OK)
        return FAILED;
    int status = run(a, argc, argv);
    if (status == USAGE)
        (void)fprintf(stderr, "usage: verify [--at SECONDS] [--custom-root SHA256] "
                              "[--simulated-root SHA256] EVIDENCE [COLLATERAL...]\n");
    return status;
}
