/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * dstack-attest: what the evidence of a confidential machine proves.
 *
 * Evidence, the vendor's documents, trusted roots and a time go in; claims come out, or the
 * reasons why not. The library asks nobody: it opens no file and no connection and reads no
 * clock, so that whoever has the same bytes comes to the same verdict.
 *
 *     struct ds_attest *a = ds_attest_init(malloc(ds_attest_size()), ds_attest_size());
 *     ds_attest_trust_hardware(a, NULL);
 *     if (ds_attest_verify(a, quote, &collateral, 1, time(NULL)) == DS_ATTEST_OK &&
 *         ds_attest_check(a, policy, DS_ATTEST_SESSION_NONCE, report_data) == DS_ATTEST_OK)
 *         use(ds_attest_claim_bytes(ds_attest_claims(a), DS_ATTEST_REPORT_DATA, 0));
 *     else
 *         puts(ds_attest_reason(a, 0).code);
 *
 * Verified is not yet wanted, nor even protected: a TD in debug mode, a guest at another privilege
 * level, a platform that is out of date or revoked and a simulated one all verify, with the
 * measurements of the best. Judge by a policy (ds_attest_check(); {"version":1} refuses all these),
 * or compare yourself: KIND, DEBUG, TCB_STATUS, for AMD SNP_VMPL and SNP_POLICY, the measurements,
 * and the report data that answers your nonce.
 *
 * Memory    Objects live in memory of the caller's, of the size that their size function says and
 *           aligned as malloc aligns; there is nothing to release but that memory. It is large
 *           (2 to 4 MiB) and mostly untouched: a page that no input needs is never written.
 *           The library allocates nothing; libcrypto, which hashes and verifies for it, does.
 * Borrowed  Arguments are borrowed for the call. What a function returns lives until the next call
 *           that takes the same object without const.
 * Threads   One thread at a time for an object; different objects know nothing of each other.
 * ABI       Opaque types may grow, so ask for their size at run time. Enumerators keep their
 *           numbers and new ones come last. The structs below stay as they are. Before 1.0 a
 *           minor version may break this; then the shared library's name changes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DS_ATTEST_VERSION_MAJOR 0
#define DS_ATTEST_VERSION_MINOR 1
#define DS_ATTEST_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* Of the library that runs: "0.1.0". */
const char *ds_attest_version(void);

/* Bytes, borrowed. Empty: len is 0, whatever p is. */
struct ds_attest_bytes {
    const unsigned char *p;
    size_t len;
};

enum ds_attest_result {
    DS_ATTEST_OK = 0,
    DS_ATTEST_MALFORMED = -1,   /* an input is not as its specification has it */
    DS_ATTEST_UNSUPPORTED = -2, /* a version, algorithm or platform that is not read */
    DS_ATTEST_UNTRUSTED = -3,   /* a signature, a chain or a value does not hold */
    DS_ATTEST_STALE = -4,       /* something is outside its dates at now_s: get it anew */
    DS_ATTEST_INCOMPLETE = -5,  /* all that is there holds, and collateral is missing: get it */
    DS_ATTEST_FAILED = -6,      /* no verdict: a wrong call, or libcrypto without memory */
    DS_ATTEST_DENIED = -7,      /* the evidence holds, and the policy refuses what it says */
};

/* A result that nobody looks at is a door that nobody closed. */
#if defined(__GNUC__)
#    define DS_ATTEST_MUST_USE __attribute__((warn_unused_result))
#else
#    define DS_ATTEST_MUST_USE
#endif

/*
 * A verifier: what it trusts, and the outcome of its last verification.
 */
struct ds_attest;

size_t ds_attest_size(void);

/* A verifier in this memory that trusts nothing yet. NULL: mem is NULL, short, or misaligned. */
struct ds_attest *ds_attest_init(void *mem, size_t mem_len);

/*
 * Roots. Only hardware vendors' keys make hardware trust, and they are compiled in. A root of
 * your own is kind "custom"; that of a simulated platform proves no protection at all, and
 * evidence under it counts only where you name it here. Both are named by the SHA-256 of their
 * SubjectPublicKeyInfo; `name` (1 to 63 bytes) is what results call them.
 *
 * FAILED: no vendor's root has this name, one of yours is no name, or 16 of yours are there already.
 */
DS_ATTEST_MUST_USE
int ds_attest_trust_hardware(struct ds_attest *a, const char *name); /* NULL: all of them */
DS_ATTEST_MUST_USE
int ds_attest_trust_custom(struct ds_attest *a, const char *name,
                           const unsigned char spki_sha256[32]);
DS_ATTEST_MUST_USE
int ds_attest_trust_simulated(struct ds_attest *a, const char *name,
                              const unsigned char spki_sha256[32]);

/* Names of the compiled-in roots from i = 0 on; NULL behind the last. */
const char *ds_attest_hardware_root(size_t i);

/* AMD: take evidence without the root's revocation list. DS_ATTEST_SNP_CRL_CHECKED is then 0. */
void ds_attest_allow_no_crl(struct ds_attest *a);

/*
 * Verify evidence and say what it proves.
 *
 * evidence    told apart by its first bytes:
 *             - a quote of Intel's: SGX versions 3 to 5, TDX versions 4 and 5
 *             - an SEV-SNP report, versions 2 to 5, alone or with its certificate table behind it
 *             - dstack's attestation, version 0 or 1, around one of them; the event log inside must
 *               give the quoted registers and adds its claims
 * collateral  Intel: one JSON text with pck_crl_issuer_chain, root_ca_crl, pck_crl,
 *             tcb_info_issuer_chain, tcb_info, tcb_info_signature, qe_identity_issuer_chain,
 *             qe_identity, qe_identity_signature (CRLs and signatures in hex)
 *             AMD: certificates in DER or PEM, certificate tables, the root's CRL in DER, in any
 *             number and order; AMD's own root certificates may be left out
 * now_s       seconds since 1970-01-01 UTC, from a clock that you trust
 */
DS_ATTEST_MUST_USE
int ds_attest_verify(struct ds_attest *a, struct ds_attest_bytes evidence,
                     const struct ds_attest_bytes *collateral, size_t n_collateral, int64_t now_s);

/*
 * A machine that verified: what all evidence of one machine has in common, which is most of the
 * work. Quotes on it cost two signatures, or one when their quoting enclave is known from the
 * quote before; SEV-SNP reports cost one. It holds copies and borrows nothing.
 */
struct ds_attest_machine;

size_t ds_attest_machine_size(void);

/* No machine yet, in this memory. NULL as for ds_attest_init(). */
struct ds_attest_machine *ds_attest_machine_init(void *mem, size_t mem_len);

/* Learn the machine of this evidence, which is not judged itself. On failure m knows none. */
DS_ATTEST_MUST_USE
int ds_attest_machine_verify(struct ds_attest *a, struct ds_attest_machine *m,
                             struct ds_attest_bytes evidence,
                             const struct ds_attest_bytes *collateral, size_t n_collateral,
                             int64_t now_s);

/*
 * Verify evidence on its machine; the verifier must trust what it trusted when it learned m.
 * Some reasons are no forgery: the machine is another one, or has had an update. Learn it anew on
 * STALE, and on the codes attest.dcap.platform_other, attest.snp.tcb_mismatch and
 * attest.snp.chip_mismatch (UNTRUSTED: by what is known here, the evidence does not hold). STALE
 * means that nothing else speaks against the evidence; so that documents that are over have no say,
 * learn the machine anew once DS_ATTEST_VALID_UNTIL_S of what verified on it has passed.
 */
DS_ATTEST_MUST_USE
int ds_attest_verify_on(struct ds_attest *a, struct ds_attest_machine *m,
                        struct ds_attest_bytes evidence, int64_t now_s);

/* How you know that the evidence was made for you. */
enum ds_attest_session {
    DS_ATTEST_SESSION_NONE = 0,        /* not at all */
    DS_ATTEST_SESSION_NONCE = 1,       /* its report data answers a nonce of yours */
    DS_ATTEST_SESSION_CERTIFICATE = 2, /* it binds the key of a peer's certificate */
    DS_ATTEST_SESSION_ATTESTED = 3,    /* it binds the TLS session itself */
};

/*
 * Judge the evidence that verified last by a policy, as of the time at which it verified.
 *
 * policy       a policy document, JSON (docs/policy.md, `dstack policy schema`); {"version":1} asks
 *              for a hardware root, a platform that is up to date and no debug mode
 * report_data  the 64 bytes that it must have, beside what the policy says; empty: any. A session
 *              other than NONE needs it.
 *
 * DENIED: each rule that is broken is a reason. MALFORMED: the policy is none that could be meant;
 * the reason's claim is the place in it. FAILED: nothing verified, or the report data cannot be.
 * Other policies may be tried afterwards.
 */
DS_ATTEST_MUST_USE
int ds_attest_check(struct ds_attest *a, struct ds_attest_bytes policy,
                    enum ds_attest_session session, struct ds_attest_bytes report_data);

/*
 * Why the last call failed. Texts are never NULL, are "" where there is nothing to say, and are
 * not for parsing; codes are stable. `dstack explain CODE` says more.
 */
struct ds_attest_reason {
    const char *code;     /* "attest.dcap.quote_signature" */
    const char *what;     /* what that means */
    const char *claim;    /* which value failed */
    const char *expected; /* what would have passed */
    const char *got;      /* what came */
    const char *anchor;   /* the root under which this was decided */
    const char *fix;      /* what to do */
};

/* 0 after DS_ATTEST_OK; more than one only after DS_ATTEST_DENIED. */
size_t ds_attest_n_reasons(const struct ds_attest *a);

/* How many more there were than are kept. */
size_t ds_attest_n_reasons_dropped(const struct ds_attest *a);

/* Behind the last all texts are "". */
struct ds_attest_reason ds_attest_reason(const struct ds_attest *a, size_t i);

/*
 * What verified evidence says. A claim is a list, mostly of one value; where a platform has no
 * such thing the list is empty. Only bytes, numbers or text are in one: the comments say which.
 */
enum ds_attest_claim {
    /* of all evidence */
    DS_ATTEST_TEE = 1,         /* text: "tdx", "sgx", "sev-snp" */
    DS_ATTEST_KIND = 2,        /* text: "hardware", "custom", "simulated" */
    DS_ATTEST_ANCHOR = 3,      /* text: the root's name */
    DS_ATTEST_REPORT_DATA = 4, /* 64 bytes: what the guest bound to the evidence */
    DS_ATTEST_DEVICE_ID = 5,   /* 32 bytes: SHA-256 of PPID or chip id; none if the host hides it */
    DS_ATTEST_DEBUG = 6,       /* 0 or 1: the host can read or change what runs */
    DS_ATTEST_TCB_STATUS = 7,  /* text: Intel's words; AMD's "UpToDate" if all its TCBs are one */
    DS_ATTEST_VALID_FROM_S = 8,  /* seconds since 1970: collateral and chain hold ... */
    DS_ATTEST_VALID_UNTIL_S = 9, /* ... until then */

    /* of Intel's */
    DS_ATTEST_FMSPC = 10,           /* 6 bytes: family and model of the platform */
    DS_ATTEST_TCB_DATE_S = 11,      /* seconds since 1970: the TCB has all fixes of that day */
    DS_ATTEST_TCB_EVAL_NUMBER = 12, /* tcbEvaluationDataNumber of the collateral */
    DS_ATTEST_ADVISORIES = 13,      /* texts: "INTEL-SA-00828"; of both modules of a TD 1.5 */

    /* of a TD */
    DS_ATTEST_MRTD = 14,               /* 48 bytes: the initial memory */
    DS_ATTEST_RTMR = 15,               /* 4 times 48 bytes: registers that the guest extends */
    DS_ATTEST_MRCONFIGID = 16,         /* 48 bytes */
    DS_ATTEST_MROWNER = 17,            /* 48 bytes */
    DS_ATTEST_MROWNERCONFIG = 18,      /* 48 bytes */
    DS_ATTEST_MRSEAM = 19,             /* 48 bytes: the TDX module */
    DS_ATTEST_MRSERVICETD = 20,        /* 48 bytes; zeros before TD 1.5 */
    DS_ATTEST_TD_ATTRIBUTES = 21,      /* number: 64 bits */
    DS_ATTEST_XFAM = 22,               /* number: 64 bits */
    DS_ATTEST_TEE_TCB_SVN = 23,        /* 16 bytes: of the module that launched the TD */
    DS_ATTEST_TEE_TCB_SVN2 = 24,       /* 16 bytes: of the one that runs now; zeros before TD 1.5 */
    DS_ATTEST_CURRENT_TCB_STATUS = 25, /* text, TD 1.5: by the module that runs now */
    DS_ATTEST_CURRENT_TCB_DATE_S = 26, /* seconds since 1970, likewise */

    /* of an SGX enclave */
    DS_ATTEST_MRENCLAVE = 27,      /* 32 bytes */
    DS_ATTEST_MRSIGNER = 28,       /* 32 bytes */
    DS_ATTEST_SGX_ATTRIBUTES = 29, /* 16 bytes: flags, XFRM */
    DS_ATTEST_MISCSELECT = 30,     /* 4 bytes */
    DS_ATTEST_ISVEXTPRODID = 31,   /* 16 bytes */
    DS_ATTEST_ISVFAMILYID = 32,    /* 16 bytes */
    DS_ATTEST_CONFIGID = 33,       /* 64 bytes */
    DS_ATTEST_ISVPRODID = 34,      /* number */
    DS_ATTEST_ISVSVN = 35,         /* number */
    DS_ATTEST_CONFIGSVN = 36,      /* number */

    /* of an SEV-SNP guest (AMD 56860, table ATTESTATION_REPORT) */
    DS_ATTEST_SNP_PRODUCT = 37,           /* text: "Milan", "Genoa", "Turin" */
    DS_ATTEST_SNP_KEY = 38,               /* text: "vcek", "vlek" */
    DS_ATTEST_SNP_MEASUREMENT = 39,       /* 48 bytes */
    DS_ATTEST_SNP_HOST_DATA = 40,         /* 32 bytes */
    DS_ATTEST_SNP_FAMILY_ID = 41,         /* 16 bytes */
    DS_ATTEST_SNP_IMAGE_ID = 42,          /* 16 bytes */
    DS_ATTEST_SNP_ID_KEY_DIGEST = 43,     /* 48 bytes; zeros: no ID block */
    DS_ATTEST_SNP_AUTHOR_KEY_DIGEST = 44, /* 48 bytes */
    DS_ATTEST_SNP_REPORT_ID = 45,         /* 32 bytes */
    DS_ATTEST_SNP_REPORT_ID_MA = 46,      /* 32 bytes; all ones: no migration agent */
    DS_ATTEST_SNP_CHIP_ID = 47,           /* 64 bytes */
    DS_ATTEST_SNP_CSP_ID = 48,            /* text: the cloud that a VLEK was given to */
    DS_ATTEST_SNP_CRL_CHECKED = 49,       /* 0 or 1 */
    DS_ATTEST_SNP_POLICY = 50,            /* number: 64 bits */
    DS_ATTEST_SNP_PLATFORM_INFO = 51,     /* number: 64 bits */
    DS_ATTEST_SNP_KEY_INFO = 52,          /* number: 32 bits */
    DS_ATTEST_SNP_REPORT_VERSION = 53,    /* number */
    DS_ATTEST_SNP_VMPL = 54,              /* number: 0 to 3 */
    DS_ATTEST_SNP_GUEST_SVN = 55,         /* number */
    DS_ATTEST_SNP_MITIGATIONS = 56,       /* 2 numbers of 64 bits: at launch, now */
    DS_ATTEST_SNP_TCB = 57, /* 4 times 8 bytes: current, reported, committed, at launch */

    /* of dstack's event log, when the evidence came with one */
    DS_ATTEST_APP_ID = 58,          /* 20 bytes */
    DS_ATTEST_COMPOSE_HASH = 59,    /* 32 bytes */
    DS_ATTEST_INSTANCE_ID = 60,     /* 20 bytes */
    DS_ATTEST_OS_IMAGE_HASH = 61,   /* 32 bytes */
    DS_ATTEST_KEY_PROVIDER = 62,    /* bytes: JSON */
    DS_ATTEST_GPU_POLICY_HASH = 63, /* 32 bytes */
    DS_ATTEST_STORAGE_FS = 64,      /* bytes: a word */
    DS_ATTEST_INIT_SCRIPTS = 65,    /* 32 bytes each: hashes */
    DS_ATTEST_BOOT_DONE = 66,       /* 0 or 1: boot-mr-done was extended */
    DS_ATTEST_SYSTEM_READY = 67,    /* 0 or 1: system-ready was extended */
};

enum ds_attest_shape {
    DS_ATTEST_BYTES = 1,
    DS_ATTEST_NUMBER = 2,
    DS_ATTEST_TEXT = 3,
};

/* The table above at run time: "mrtd"; NULL for a number that is no claim, as behind the last. */
const char *ds_attest_claim_name(int claim);
enum ds_attest_shape ds_attest_claim_shape(enum ds_attest_claim claim);

struct ds_attest_claims;

/* NULL unless the last call was a verification, or a check of it, and returned DS_ATTEST_OK. */
const struct ds_attest_claims *ds_attest_claims(const struct ds_attest *a);

/* How many values; 0 also for a number that is no claim, and without claims (NULL). */
size_t ds_attest_claim_count(const struct ds_attest_claims *c, enum ds_attest_claim claim);

/* Value i. Where there is none, or it has another shape: no bytes, 0, "". */
struct ds_attest_bytes ds_attest_claim_bytes(const struct ds_attest_claims *c,
                                             enum ds_attest_claim claim, size_t i);
uint64_t ds_attest_claim_number(const struct ds_attest_claims *c, enum ds_attest_claim claim,
                                size_t i);
const char *ds_attest_claim_text(const struct ds_attest_claims *c, enum ds_attest_claim claim,
                                 size_t i);

#ifdef __cplusplus
}
#endif
