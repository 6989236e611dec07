/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The table of everything that a policy can demand. A row is an attribute: how
 * it is called in a document, of which TEEs it is, where its claim is read, how
 * claim and rule are compared, which code refuses, and what holds when nothing
 * is said. The reader of documents, the check, the schema and the pages are
 * made from these rows.
 *
 * A rule of the sections "intel", "tdx", "sgx" and "snp" is for evidence of those
 * TEEs alone. Everywhere else, and there too, a claim that the evidence does not
 * have is a reason against.
 */

#include "policy/policy.h"

enum policy_section {
    POLICY_IN_TOP,   /* of the document itself; every TEE */
    POLICY_IN_APP,   /* "app": what the bound event log says; every TEE */
    POLICY_IN_INTEL, /* "intel": TDX and SGX */
    POLICY_IN_TDX,
    POLICY_IN_SGX,
    POLICY_IN_SNP,
    POLICY_N_SECTIONS,
};

struct policy_section_info {
    const char *name; /* "" at the top */
    uint32_t tees;    /* POLICY_TEE() of each; the rules are for those alone where `is_own` */
    bool is_own;
    const char *help;
};

const struct policy_section_info *policy_section_get(enum policy_section section);

/* How a claim is held against its rule, and with that what stands in a document. */
enum policy_type {
    POLICY_WORDS,   /* list of words: the claim is one of them */
    POLICY_FLAGS,   /* list of words, also none: the claim has no other */
    POLICY_NEEDS,   /* list of words: the claim has them all */
    POLICY_ALLOW,   /* true or false: what is true of the claim must be allowed */
    POLICY_DEMAND,  /* true or false: what is demanded must be true of the claim */
    POLICY_BYTES,   /* list of hex texts: the claim is one of them */
    POLICY_TEXT,    /* list of texts: the claim is one of them */
    POLICY_TEXTS,   /* list of texts, also none: the claim has no other */
    POLICY_NUMBERS, /* list of numbers: the claim is one of them */
    POLICY_MIN,     /* number: the claim is at least that */
    POLICY_MAX,     /* number: the claim is at most that */
    POLICY_PARTS,   /* list of `len` numbers: each part of the claim is at least that */
    POLICY_N_TYPES,
};

/* Of WORDS the index of a word, of FLAGS and NEEDS one bit a word. False: there is no such claim. */
typedef bool policy_number_fn(uint64_t *ret, const struct ds_claims *c,
                              const struct policy_facts *facts);
/* Empty: there is no such claim. */
typedef struct ds_span policy_bytes_fn(const struct ds_claims *c);
/* NULL behind the last. */
typedef const char *policy_text_fn(const struct ds_claims *c, size_t i);

struct policy_attribute {
    enum policy_section section;
    const char *key;   /* in the document */
    const char *claim; /* in reasons */
    enum policy_type type;
    enum ds_code code;
    enum ds_code (*code_of)(const struct ds_claims *c); /* where the claim decides; or NULL */
    size_t len;                                         /* of BYTES, TEXT(S); how many PARTS */
    uint64_t max;                                       /* of a number in the document */
    const char *const *words; /* WORDS, FLAGS, NEEDS; NULL: there is none */
    size_t n_words;
    uint64_t barred;          /* words that no rule can accept */
    policy_number_fn *number; /* which one is there follows from the type */
    policy_bytes_fn *bytes;
    policy_text_fn *text;
    struct policy_rule preset; /* when the document says nothing */
    const char *absent;        /* the same in words */
    const char *help;
};

const struct policy_attribute *policy_attribute_get(enum policy_attr attr);

/* "tdx.mrtd" */
struct policy_path {
    char s[48];
};
struct policy_path policy_attribute_path(enum policy_attr attr);

/* The words that a rule can name, one bit each. */
uint64_t policy_attribute_words(const struct policy_attribute *a);
