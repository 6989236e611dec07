/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables: what a TCB status is worth, and which aspect a refusal speaks of.
 */
#include "ear/ar4si.h"

#include "base/str.h"

static const char *const aspect_texts[EAR_ASPECTS] = {
    "instance-identity", "configuration",  "executables",    "file-system",
    "hardware",          "runtime-opaque", "storage-opaque", "sourced-data",
};

const char *ear_aspect_text(enum ear_aspect aspect) { return aspect_texts[aspect]; }

const char *ear_tier_text(enum ear_tier tier)
{
    switch (tier) {
    case EAR_TIER_AFFIRMING:
        return "affirming";
    case EAR_TIER_WARNING:
        return "warning";
    case EAR_TIER_CONTRAINDICATED:
        return "contraindicated";
    case EAR_TIER_NONE:
        break;
    }
    return "none";
}

/* §2.3.2: -1, 0 and 1 are none; 2..31 and -2..-32 affirm; 32..95 and -33..-96 warn. */
enum ear_tier ear_tier_of(int8_t value)
{
    int v = value < 0 ? -(int)value : value;
    bool is_ours = value < 0; /* the ranges of non-standard values reach one further */
    if (v <= 1)
        return EAR_TIER_NONE;
    if (v < 32 + is_ours)
        return EAR_TIER_AFFIRMING;
    if (v < 96 + is_ours)
        return EAR_TIER_WARNING;
    return EAR_TIER_CONTRAINDICATED;
}

enum ear_tier ear_vector_tier(const struct ear_vector *vector)
{
    enum ear_tier worst = EAR_TIER_NONE;
    for (size_t i = 0; i < EAR_ASPECTS; i++) {
        enum ear_tier tier = ear_tier_of(vector->values[i]);
        worst = tier > worst ? tier : worst;
    }
    return worst;
}

/*
 * Genuine hardware by the state of its TCB. A status that asks for more than an
 * update is a matter of configuration too. Without a status nobody said whether
 * vulnerabilities are known: no claim.
 */
static const struct {
    int8_t hardware, configuration;
} tcb_worth[] = {
    [DS_TCB_NONE] = { EAR_NO_CLAIM, EAR_NO_CLAIM },
    [DS_TCB_UP_TO_DATE] = { EAR_AFFIRMED, EAR_NO_CLAIM },
    [DS_TCB_SW_HARDENING_NEEDED] = { EAR_KNOWN_VULNERABILITIES, EAR_NO_CLAIM },
    [DS_TCB_CONFIGURATION_NEEDED] = { EAR_KNOWN_VULNERABILITIES, EAR_KNOWN_VULNERABILITIES },
    [DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = { EAR_KNOWN_VULNERABILITIES,
                                                       EAR_KNOWN_VULNERABILITIES },
    [DS_TCB_OUT_OF_DATE] = { EAR_KNOWN_VULNERABILITIES, EAR_NO_CLAIM },
    [DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = { EAR_KNOWN_VULNERABILITIES,
                                                  EAR_KNOWN_VULNERABILITIES },
    [DS_TCB_REVOKED] = { EAR_CONTRAINDICATED, EAR_NO_CLAIM },
    [DS_TCB_TD_RELAUNCH_ADVISED] = { EAR_KNOWN_VULNERABILITIES, EAR_NO_CLAIM },
    [DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = { EAR_KNOWN_VULNERABILITIES,
                                                          EAR_KNOWN_VULNERABILITIES },
};

/* Every aspect that evidence speaks of. */
#define ALL_ASPECTS (-1)

/*
 * What a refusal is worth, by its code or the beginning of its code; the first
 * row that fits counts. A refusal that fits none leaves the vector alone, and
 * the appraisal is contraindicated all the same.
 */
static const struct {
    const char *prefix;
    int aspect;
    int8_t value;
} refusals[] = {
    /* The platform's own certificate is revoked. */
    { "attest.dcap.pck_revoked", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "attest.dcap.pck_revoked", EAR_INSTANCE_IDENTITY, EAR_CONTRAINDICATED },
    /* A genuine platform of a TCB that its vendor lists at no level, or not at all. */
    { "attest.dcap.tcb_not_supported", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "attest.dcap.qe_tcb_not_supported", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "attest.tdx.module_tcb_not_supported", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "attest.tdx.module_mismatch", EAR_HARDWARE, EAR_NOT_RECOGNIZED },
    /* What the verifier lacks, or cannot read, says nothing against the attester. */
    { "attest.dcap.collateral_", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.tcb_info_expired", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.tcb_info_future", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.qe_identity_expired", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.qe_identity_future", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.platform_stale", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.crl.dates", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.version", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.tee_type", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.body_type", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.dcap.quote_format", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.snp.certificates_missing", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.snp.crl_missing", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.snp.version", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.snp.not_snp", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.snp.report_format", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    /* The host's own report, of no guest at all. */
    { "attest.snp.host_report", EAR_INSTANCE_IDENTITY, EAR_NOT_RECOGNIZED },
    { "attest.wrapper.", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "attest.cmw.", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    /* A root that nobody trusts, or a marker out of place: not what it says it is. */
    { "attest.root_unknown", EAR_HARDWARE, EAR_NOT_RECOGNIZED },
    { "attest.marker_", EAR_HARDWARE, EAR_NOT_RECOGNIZED },
    /* The log is not what the registers say: what was loaded is not known. */
    { "attest.log.", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    /* Everything else that attest/ refuses: the chain from evidence to root does not hold. */
    { "attest.", ALL_ASPECTS, EAR_CRYPTO_FAILED },
    { "policy.simulated_evidence", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "policy.custom_root", EAR_HARDWARE, EAR_NOT_RECOGNIZED },
    { "policy.hardware_evidence", EAR_HARDWARE, EAR_NOT_RECOGNIZED },
    { "policy.root", EAR_HARDWARE, EAR_NOT_RECOGNIZED },
    { "policy.tee", EAR_HARDWARE, EAR_NOT_RECOGNIZED },
    { "policy.advisory", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "policy.svn", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "policy.module", EAR_HARDWARE, EAR_NOT_RECOGNIZED },
    { "policy.platform", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "policy.collateral_age", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "policy.revocation_unchecked", EAR_HARDWARE, EAR_UNKNOWN_ELEMENTS },
    { "policy.measurement", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.signer", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.vmpl", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.launch_data", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.guest_policy", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.debug", EAR_RUNTIME_OPAQUE, EAR_CONTRAINDICATED },
    { "policy.debug", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.td_attributes", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.service_td", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.xfeatures", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.enclave_attributes", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.mitigation", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "policy.tcb_", EAR_HARDWARE, EAR_CONTRAINDICATED },
    { "policy.device", EAR_INSTANCE_IDENTITY, EAR_NOT_RECOGNIZED },
    { "policy.instance_id", EAR_INSTANCE_IDENTITY, EAR_NOT_RECOGNIZED },
    { "policy.log_missing", EAR_CONFIGURATION, EAR_UNAVAILABLE_ELEMENTS },
    { "policy.mrconfigid", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.key_provider", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.app_id", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.shape_mismatch", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.secure_boot_mismatch", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.acpi_mismatch", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.boot_options_mismatch", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.cmdline_mismatch", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "policy.compose_hash", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.os_image", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.firmware_mismatch", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.kernel_mismatch", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.initrd_mismatch", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.boot_events_mismatch", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "policy.register_mismatch", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "app.mr_config_", EAR_CONFIGURATION, EAR_CONTRAINDICATED },
    { "app.image_documents", EAR_EXECUTABLES, EAR_UNRECOGNIZED_LOADED },
    { "measure.", EAR_EXECUTABLES, EAR_UNKNOWN_ELEMENTS },
};

const char *ear_refusal_prefix(size_t i)
{
    return i < DS_LEN(refusals) ? refusals[i].prefix : NULL;
}

/* What evidence itself speaks of; the other aspects are for whoever looks further. */
static const enum ear_aspect spoken_of[] = { EAR_INSTANCE_IDENTITY, EAR_CONFIGURATION,
                                             EAR_EXECUTABLES, EAR_HARDWARE, EAR_RUNTIME_OPAQUE };

/* How much a value says against the attester; affirmations say least, below no claim at all. */
static int severity(int8_t value)
{
    enum ear_tier tier = ear_tier_of(value);
    int v = value < 0 ? -(int)value : value;
    return (tier == EAR_TIER_AFFIRMING ? 0 : 1000 * (1 + (int)tier)) + v;
}

/* §2.3.3: of two values the worse one stands. */
static void worsen(struct ear_vector *vector, enum ear_aspect aspect, int8_t value)
{
    if (severity(value) > severity(vector->values[aspect]))
        vector->values[aspect] = value;
}

static void refuse_all(struct ear_vector *vector, int8_t value)
{
    for (size_t i = 0; i < DS_LEN(spoken_of); i++)
        worsen(vector, spoken_of[i], value);
}

static void refused(struct ear_vector *vector, enum ds_code code)
{
    const char *id = ds_code_info_get(code)->id, *fits = NULL;
    for (size_t i = 0; i < DS_LEN(refusals); i++) {
        const char *prefix = refusals[i].prefix;
        if (fits != NULL ? strcmp(fits, prefix) != 0 : !ds_str_starts(id, prefix))
            continue;
        fits = prefix;
        if (refusals[i].aspect == ALL_ASPECTS)
            refuse_all(vector, refusals[i].value);
        else
            worsen(vector, (enum ear_aspect)refusals[i].aspect, refusals[i].value);
    }
}

/*
 * AMD publishes no list of versions: the status there says only that the report's four TCBs are
 * one, which a host that rolled all four back can say too. What versions are good, a rule says.
 */
static int8_t hardware_worth(const struct ds_claims *c, unsigned approved)
{
    if (ds_claims_tee(c) != DS_TEE_SEV_SNP)
        return tcb_worth[ds_claims_tcb_status(c)].hardware;
    return (approved & EAR_APPROVED_TCB) != 0 ? EAR_AFFIRMED : EAR_NO_CLAIM;
}

static void by_hardware(struct ear_vector *vector, const struct ds_claims *c, unsigned approved)
{
    enum ds_tcb_status status = ds_claims_tcb_status(c);
    int8_t *v = vector->values;
    v[EAR_HARDWARE] = hardware_worth(c, approved);
    v[EAR_RUNTIME_OPAQUE] = EAR_AFFIRMED;
    if ((approved & EAR_APPROVED_CONFIG) != 0)
        v[EAR_CONFIGURATION] = EAR_AFFIRMED;
    if ((approved & EAR_APPROVED_IMAGE) != 0)
        v[EAR_EXECUTABLES] = EAR_BOOT_AFFIRMED;
    if ((approved & EAR_APPROVED_DEVICE) != 0)
        v[EAR_INSTANCE_IDENTITY] = EAR_AFFIRMED;
    if (tcb_worth[status].configuration != EAR_NO_CLAIM)
        worsen(vector, EAR_CONFIGURATION, tcb_worth[status].configuration);
    if (ds_claims_is_debug(c)) {
        worsen(vector, EAR_CONFIGURATION, EAR_CONTRAINDICATED);
        worsen(vector, EAR_RUNTIME_OPAQUE, EAR_CONTRAINDICATED);
    }
}

/*
 * Whoever runs a simulated platform holds its keys and sees its memory: it is
 * recognized, and that is what is wrong with it (96). What it measured, anybody
 * could have signed: no claim. A root that only the caller knows is worth what
 * the caller knows of it, and that is not ours to say.
 */
static void by_kind(struct ear_vector *vector, const struct ds_claims *c, unsigned approved)
{
    switch (ds_claims_kind(c)) {
    case DS_KIND_HARDWARE:
        by_hardware(vector, c, approved);
        return;
    case DS_KIND_SIMULATED:
        vector->values[EAR_HARDWARE] = EAR_CONTRAINDICATED;
        vector->values[EAR_INSTANCE_IDENTITY] = EAR_CONTRAINDICATED;
        vector->values[EAR_RUNTIME_OPAQUE] = EAR_CONTRAINDICATED;
        return;
    case DS_KIND_CUSTOM:
        vector->values[EAR_HARDWARE] = EAR_UNKNOWN_ELEMENTS;
        return;
    case DS_KIND_NONE:
        return;
    }
}

enum ear_tier ear_vector_of(struct ear_vector *ret, const struct ds_claims *c,
                            const struct ds_verdict *verdict, unsigned approved)
{
    struct ear_vector vector = { 0 };
    if (c != NULL)
        by_kind(&vector, c, approved);
    for (uint32_t i = 0; i < verdict->n_reasons; i++)
        refused(&vector, verdict->reasons[i].code);
    *ret = vector;
    if (verdict->n_reasons > 0)
        return EAR_TIER_CONTRAINDICATED;
    enum ear_tier tier = ear_vector_tier(&vector);
    bool is_known = ear_tier_of(vector.values[EAR_HARDWARE]) == EAR_TIER_AFFIRMING &&
                    ear_tier_of(vector.values[EAR_EXECUTABLES]) == EAR_TIER_AFFIRMING;
    return tier == EAR_TIER_AFFIRMING && !is_known ? EAR_TIER_NONE : tier;
}
