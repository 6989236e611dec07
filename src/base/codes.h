/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The table of error codes: stable dotted ids, each with what failed, why that
 * happens, and what to do. `dstack explain`, the generated page and the tests
 * iterate it. A code that no code path raises does not belong here
 * (tools/check_codes.py).
 *
 * X(NAME, "dotted.id", "what failed", "why it happens", "what to do")
 */

/* clang-format off */
#define DS_CODES_BASE(X) \
    X(FILE_TOO_LARGE, "file.too_large", "a file is larger than its limit", \
      "every file that is read whole has a bound, so that no input exhausts memory", \
      "check that the right file was named; the limit stands in the message") \
    X(ARGS_USAGE, "args.usage", "the command line is not understood", \
      "an option is unknown, a value is missing or malformed, or there are too many arguments", \
      "add --help to the command to see its options and an example") \
    X(CFG_SYNTAX, "cfg.syntax", "a configuration file is not readable", \
      "it is not YAML, or does not consist of keys and values", \
      "correct the line that the message names; `--help-config` prints a whole example") \
    X(CFG_UNKNOWN_KEY, "cfg.unknown_key", "a configuration file has an unknown key", \
      "a misspelt key would otherwise be ignored in silence", \
      "use the key that the message suggests, or remove it") \
    X(CFG_DUPLICATE_KEY, "cfg.duplicate_key", "a configuration file has a key twice", \
      "which of the two values was meant cannot be known", \
      "remove one of them") \
    X(CFG_MISSING_KEY, "cfg.missing_key", "a required configuration key is missing", \
      "it has no default that would be right everywhere", \
      "add it to the configuration file") \
    X(CFG_WRONG_TYPE, "cfg.wrong_type", "a configuration value is of the wrong kind", \
      "each key takes a number, a text, a list, true or false, or one of a few words", \
      "give a value of the kind that the message names") \
    X(CFG_OUT_OF_BOUNDS, "cfg.out_of_bounds", "a configuration value is out of bounds", \
      "each number, text and list has bounds within which the program was tested", \
      "choose a value within the bounds that the message names") \
    X(TIME_BEHIND_FLOOR, "time.behind_floor", "the clock is behind a time that is certainly past", \
      "a clock set back makes old evidence good again; the release log, the file time.floor or the collateral knows a later time", \
      "set the clock right, or wait as long as the message says; if the clock once ran ahead, the KMS state keeps that time") \
    X(TIME_FLOOR_DAMAGED, "time.floor_damaged", "the file that keeps the time from going back is damaged", \
      "it holds 8 bytes and is replaced as a whole; somebody else wrote it", \
      "restore time.floor from a backup, or remove it once the system's clock is right") \
    X(PROC_NO_PROGRAM, "proc.no_program", "a program that is needed is not installed", \
      "it is neither on PATH nor at the path that was configured", \
      "install it, or set its path in the configuration; `dstack doctor` lists what is needed") \
    X(PROC_FAILED, "proc.failed", "a helper program failed", \
      "it ended with another exit status than 0", \
      "the message ends with its own last words; run it by hand to see more") \

#define DS_CODES_CODEC(X) \

#define DS_CODES_CRYPTO(X) \

#define DS_CODES_MERKLE(X) \
    X(MERKLE_INCLUSION, "merkle.inclusion", "an entry is not proved to be in the log", \
      "the inclusion proof does not lead from the entry to the signed root: one of the three was changed, or belongs to another log", \
      "fetch head and proof again; if it stays, the log's keeper shows different logs to different people") \
    X(MERKLE_CONSISTENCY, "merkle.consistency", "the log does not continue its older head", \
      "entries were removed or changed after the older head was signed, or the heads are of different logs", \
      "keep both heads as evidence and do not use keys from this log's keeper until it is explained") \

#define DS_CODES_ATTEST(X) \
    X(X509_FORMAT, "attest.x509.format", "a certificate is malformed", \
      "certificates of evidence are read as strict DER; this one breaks a rule of RFC 5280", \
      "take the certificate from its source again") \
    X(X509_ISSUER, "attest.x509.issuer", "a certificate was not issued by the next one in its chain", \
      "issuer name or key identifier differ", \
      "check that the chain is complete and in order, leaf first") \
    X(X509_NOT_CA, "attest.x509.not_ca", "a certificate stands where a CA must stand", \
      "basic constraints, path length or key usage do not let it issue; or the PCK's issuer is not named a CA", \
      "check that the chain is complete and in order, leaf first") \
    X(X509_ALGORITHM, "attest.x509.algorithm", "a certificate or list is signed with an algorithm that is not accepted", \
      "Intel's PKI uses ecdsa-with-SHA256 over P-256 only", \
      "take the certificate from its source again") \
    X(X509_SIGNATURE, "attest.x509.signature", "a certificate's signature does not verify", \
      "the certificate was changed, or another key issued it", \
      "take the certificate from its source again; if it persists, somebody changes it") \
    X(X509_EXPIRED, "attest.x509.expired", "a certificate has expired", \
      "its notAfter lies before the time of verification", \
      "check the clock; fetch fresh collateral; old hardware may need a new PCK certificate") \
    X(X509_NOT_YET_VALID, "attest.x509.not_yet_valid", "a certificate is not valid yet", \
      "its notBefore lies after the time of verification", \
      "check the clock") \
    X(X509_CRITICAL, "attest.x509.critical_extension", "a certificate has a critical extension that is not understood", \
      "RFC 5280 4.2: a critical extension that cannot be processed refuses the certificate", \
      "use a verifier that knows the extension") \
    X(X509_CHAIN, "attest.x509.chain", "a certificate chain has the wrong number of certificates", \
      "evidence carries two to four certificates, leaf first, root last", \
      "check that the chain is complete") \
    X(ROOT_UNKNOWN, "attest.root_unknown", "the chain ends in a root that is not trusted", \
      "hardware roots are compiled in by key; others must be given by argument", \
      "for a simulated platform name its root as an anchor; otherwise distrust the evidence") \
    X(MARKER_MISSING, "attest.marker_missing", "a certificate under a simulated root lacks the marker of the simulated platform", \
      "every certificate of the simulated platform says so in a critical extension; a root given as simulated holds no others", \
      "give the root as a custom anchor if it is no simulated platform's") \
    X(MARKER_UNEXPECTED, "attest.marker_unexpected", "a certificate of the simulated platform stands under another kind of root", \
      "simulated evidence never counts as anything else", \
      "give the machine's root as a simulated anchor") \
    X(CRL_FORMAT, "attest.crl.format", "a revocation list is malformed or of a kind that is not read", \
      "full lists in strict DER are read; delta, indirect and partial ones are not", \
      "fetch the list again") \
    X(CRL_ISSUER, "attest.crl.issuer", "a revocation list is not its CA's", \
      "issuer name or key identifier differ, or the CA may not sign lists", \
      "fetch the list of the CA that issued the certificate") \
    X(CRL_SIGNATURE, "attest.crl.signature", "a revocation list's signature does not verify", \
      "the list was changed, or another key signed it", \
      "fetch the list again; if it persists, somebody changes it") \
    X(CRL_DATES, "attest.crl.dates", "a revocation list is outside its dates", \
      "thisUpdate and nextUpdate do not enclose the time of verification", \
      "check the clock; fetch the list again") \
    X(DCAP_QUOTE_FORMAT, "attest.dcap.quote_format", "a quote is malformed", \
      "lengths or constants inside it disagree with Intel's quote formats 3, 4 and 5", \
      "take the quote again") \
    X(DCAP_QUOTE_PADDING, "attest.dcap.quote_padding", "something stands behind the quote", \
      "buffers are padded with zero bytes; no signature covers what comes after a quote", \
      "take the quote again; if it stays, somebody adds to it") \
    X(DCAP_VERSION, "attest.dcap.version", "the quote's version is not supported", \
      "versions 3, 4 and 5 are read", \
      "use a platform whose quotes have one of them") \
    X(DCAP_TEE_TYPE, "attest.dcap.tee_type", "the quote is of another TEE than was asked for", \
      "its TEE type, or in version 5 its body type, is not the one of this verifier", \
      "use the verifier of that TEE") \
    X(DCAP_BODY_TYPE, "attest.dcap.body_type", "the quote's body is of a type that is not read", \
      "SGX enclaves (1), TD 1.0 (2) and TD 1.5 (3) are; 4 is TD 1.5 with extensions", \
      "take a quote with one of these bodies") \
    X(DCAP_KEY_TYPE, "attest.dcap.key_type", "the quote's attestation key is not ECDSA P-256", \
      "type 2 is the only one that Intel's quoting enclave uses", \
      "take the quote again") \
    X(DCAP_QE_VENDOR, "attest.dcap.qe_vendor", "the quoting enclave is not Intel's", \
      "the header's vendor id differs", \
      "distrust the evidence") \
    X(DCAP_CERT_DATA, "attest.dcap.certification_data", "the quote does not carry its certificate chain", \
      "certification data type 5 holds it as PEM; others need it from the collateral", \
      "give pck_certificate_chain in the collateral") \
    X(DCAP_PLATFORM_OTHER, "attest.dcap.platform_other", "the quote is of another platform than the one that was kept", \
      "it carries another certificate chain than the one that was verified before", \
      "verify the quote's own platform") \
    X(DCAP_PLATFORM_STALE, "attest.dcap.platform_stale", "what was verified of a platform no longer holds", \
      "a certificate, list or document behind it is out of date by now", \
      "fetch its collateral again and verify the platform anew") \
    X(DCAP_COLLATERAL_FORMAT, "attest.dcap.collateral_format", "collateral is malformed", \
      "TCB info, identity or lists do not read as Intel publishes them", \
      "fetch the collateral again") \
    X(DCAP_COLLATERAL_INCOMPLETE, "attest.dcap.collateral_incomplete", "collateral is incomplete", \
      "a quote is judged only with TCB info, QE identity, both revocation lists and their signers", \
      "fetch all parts for the quote's FMSPC") \
    X(DCAP_PCK_CERTIFICATE, "attest.dcap.pck_certificate", "the leaf is no PCK certificate", \
      "its name, key usage or Intel's SGX extension are not as a PCK certificate has them", \
      "take the quote again") \
    X(DCAP_PCK_CRL, "attest.dcap.pck_crl", "the PCK revocation list is not the one of the PCK's issuer", \
      "Intel has one list for each of its two PCK CAs", \
      "fetch the list of the CA that issued the PCK (platform or processor)") \
    X(DCAP_PCK_REVOKED, "attest.dcap.pck_revoked", "the platform's PCK certificate is revoked", \
      "Intel no longer vouches for this platform's key", \
      "distrust the platform; ask its owner for a new registration") \
    X(DCAP_CA_REVOKED, "attest.dcap.ca_revoked", "a CA or signer of Intel's PKI is revoked", \
      "its serial stands in the root's revocation list", \
      "fetch the collateral again; distrust what the certificate signed") \
    X(DCAP_MIXED_ROOTS, "attest.dcap.mixed_roots", "the quote and its collateral chain to different roots", \
      "collateral counts only for platforms of the same root", \
      "fetch the collateral of the platform's own root") \
    X(DCAP_TCB_SIGNER, "attest.dcap.tcb_signer", "the certificate that signed the collateral is no TCB signer", \
      "its name is not Intel SGX TCB Signing, or its key is not for signing", \
      "fetch the collateral again") \
    X(DCAP_TCB_INFO_SIGNATURE, "attest.dcap.tcb_info_signature", "TCB info's signature does not verify", \
      "the text was changed, if only in white space, or another key signed it", \
      "fetch it again and keep its bytes exactly") \
    X(DCAP_QE_IDENTITY_SIGNATURE, "attest.dcap.qe_identity_signature", "the QE identity's signature does not verify", \
      "the text was changed, if only in white space, or another key signed it", \
      "fetch it again and keep its bytes exactly") \
    X(DCAP_TCB_INFO_EXPIRED, "attest.dcap.tcb_info_expired", "TCB info has expired", \
      "its nextUpdate lies before the time of verification, and a newer one may name new weaknesses", \
      "fetch it again; check the clock") \
    X(DCAP_TCB_INFO_FUTURE, "attest.dcap.tcb_info_future", "TCB info is of the future", \
      "its issueDate lies after the time of verification", \
      "check the clock: it is behind, or the collateral was made with a wrong one") \
    X(DCAP_QE_IDENTITY_EXPIRED, "attest.dcap.qe_identity_expired", "the QE identity has expired", \
      "its nextUpdate lies before the time of verification, and a newer one may name new weaknesses", \
      "fetch it again; check the clock") \
    X(DCAP_QE_IDENTITY_FUTURE, "attest.dcap.qe_identity_future", "the QE identity is of the future", \
      "its issueDate lies after the time of verification", \
      "check the clock: it is behind, or the collateral was made with a wrong one") \
    X(DCAP_TCB_INFO_MISMATCH, "attest.dcap.tcb_info_mismatch", "TCB info is not of this platform", \
      "its TEE is not the quote's, or FMSPC or PCE id differ from the PCK certificate's", \
      "fetch TCB info for the FMSPC of the PCK certificate") \
    X(TDX_MODULE_MISMATCH, "attest.tdx.module_mismatch", "the TDX module is not one that Intel lists", \
      "no identity for its version, or its signer or attributes differ", \
      "distrust the platform; or fetch newer TCB info") \
    X(DCAP_QE_SIGNATURE, "attest.dcap.qe_report_signature", "the quoting enclave's report was not signed by the PCK", \
      "the quote was changed, or its certificate is another platform's", \
      "take the quote again") \
    X(DCAP_QE_BINDING, "attest.dcap.qe_binding", "the quoting enclave does not vouch for the attestation key", \
      "its report data is not the hash of that key", \
      "distrust the evidence") \
    X(DCAP_QE_IDENTITY_MISMATCH, "attest.dcap.qe_identity_mismatch", "the quoting enclave is not the one that Intel names", \
      "signer, product, attributes or misc select differ from the QE identity", \
      "distrust the evidence") \
    X(DCAP_QUOTE_SIGNATURE, "attest.dcap.quote_signature", "the quote's signature does not verify", \
      "header or body were changed after signing", \
      "take the quote again; if it persists, somebody changes it") \
    X(DCAP_TCB_NOT_SUPPORTED, "attest.dcap.tcb_not_supported", "the platform's TCB is below every level that Intel lists", \
      "its security versions match no row of TCB info", \
      "update the platform's firmware, or fetch the TCB info of its time") \
    X(TDX_MODULE_TCB_NOT_SUPPORTED, "attest.tdx.module_tcb_not_supported", "the TDX module is below every level that Intel lists", \
      "its security version matches no row of its identity", \
      "update the TDX module") \
    X(DCAP_QE_TCB_NOT_SUPPORTED, "attest.dcap.qe_tcb_not_supported", "the quoting enclave is below every level that Intel lists", \
      "its security version matches no row of the QE identity", \
      "update the quoting enclave") \
    X(SNP_REPORT_FORMAT, "attest.snp.report_format", "an SEV-SNP report is malformed", \
      "its length is not 1184 bytes, or something that AMD's specification keeps at zero is not", \
      "take the report again") \
    X(SNP_VERSION, "attest.snp.version", "the report's version is not supported", \
      "versions 2 to 5 are read", \
      "use a newer dstack, if the platform's firmware is newer") \
    X(SNP_SIG_ALGO, "attest.snp.signature_algorithm", "the report is signed with an unknown algorithm", \
      "AMD's firmware signs with ECDSA P-384 and SHA-384 (1) only", \
      "take the report again") \
    X(SNP_NOT_SNP, "attest.snp.not_snp", "the attestation is not of an SEV-SNP guest", \
      "it names another platform", \
      "use the verifier of that platform") \
    X(SNP_CERT_TABLE, "attest.snp.certificate_table", "a certificate table is malformed", \
      "entries lie outside of it, overlap, or do not end with one of zeros", \
      "fetch the certificates from AMD's key distribution service instead") \
    X(SNP_CERTS, "attest.snp.certificates", "a certificate has no place in an SEV-SNP chain", \
      "its name is none of AMD's, not the one its entry gives, or two different ones claim one place", \
      "give one VCEK or VLEK, the ASK or ASVK that issued it, and the root if it is not AMD's") \
    X(SNP_CERTS_MISSING, "attest.snp.certificates_missing", "certificates for the report are missing", \
      "a report needs its VCEK with the ASK, or its VLEK with the ASVK; a root that is not AMD's must be given too", \
      "fetch them from AMD's key distribution service for the report's chip and TCB") \
    X(SNP_KEY_CERT, "attest.snp.key_certificate", "the leaf is no VCEK or VLEK certificate", \
      "AMD's extensions or the key are not as its profile has them", \
      "fetch the certificate again") \
    X(SNP_PRODUCT, "attest.snp.product", "report and certificates are of different processors", \
      "each certificate names its product line, and reports since version 3 the CPU's family and model", \
      "fetch the certificates of the report's own product: Milan, Genoa or Turin") \
    X(SNP_CRL_MISSING, "attest.snp.crl_missing", "AMD's revocation list is missing", \
      "whether the certificate's issuer was revoked is known from the root's list only; everything else holds", \
      "fetch the product's list from AMD's key distribution service") \
    X(SNP_CA_REVOKED, "attest.snp.ca_revoked", "the issuer of the signing key's certificate is revoked", \
      "its serial stands in the root's revocation list", \
      "fetch the certificates again; distrust what the old ones signed") \
    X(SNP_PLATFORM_DATES, "attest.snp.platform_dates", "the platform's checked certificates are out of date", \
      "they were verified at another time, and their dates do not enclose this one", \
      "check the clock; verify the platform's certificates again with a fresh revocation list") \
    X(SNP_SIGNING_KEY, "attest.snp.signing_key", "the report was not signed with this kind of key", \
      "a report says whether VCEK, VLEK or no key signed it, and a platform can forbid the VCEK", \
      "fetch the certificate of the key that the report names") \
    X(SNP_TCB_MISMATCH, "attest.snp.tcb_mismatch", "the certificate is for another TCB than the report", \
      "a signing key is derived from the TCB that the platform reports, and its certificate names it", \
      "fetch the certificate for the report's REPORTED_TCB") \
    X(SNP_CHIP_MISMATCH, "attest.snp.chip_mismatch", "the certificate is another chip's", \
      "the report's chip id differs from the hardware id in the certificate", \
      "fetch the certificate for the report's CHIP_ID") \
    X(SNP_SIGNATURE, "attest.snp.signature", "the report's signature does not verify", \
      "the report was changed after signing", \
      "take the report again; if it persists, somebody changes it") \
    X(SNP_TCB_ORDER, "attest.snp.tcb_order", "the report's TCB versions contradict each other", \
      "reported is at most committed, and committed at most current, in each part", \
      "distrust the platform") \
    X(SNP_HOST_REPORT, "attest.snp.host_report", "the report was not asked for by the guest", \
      "a host can have reports too: they say what runs, but their report data is nobody's", \
      "ask the guest for a report") \
    X(LOG_FORMAT, "attest.log.format", "an event log is malformed", \
      "it is neither dstack's JSON nor a TCG log as firmware writes it", \
      "take the log again") \
    X(LOG_MISMATCH, "attest.log.mismatch", "the event log does not give the quoted register", \
      "replaying its events ends in another value: events are missing, changed or added", \
      "take quote and log together") \
    X(LOG_ENTRY, "attest.log.entry", "an event of the log was changed", \
      "its digest is not the hash of its name and content, and the log does not give the quoted register", \
      "take quote and log together; if it stays, somebody changes the log") \
    X(LOG_ORDER, "attest.log.order", "two events of the log stand in each other's place", \
      "the quoted register is that of the same events in another order", \
      "take quote and log together; if it stays, somebody changes the log") \
    X(LOG_DUPLICATE, "attest.log.duplicate", "an event stands twice in the event log", \
      "two readers could read two different values", \
      "distrust the guest") \
    X(LOG_PAYLOAD, "attest.log.payload", "a boot event's content has the wrong length", \
      "app id is 20 bytes, hashes are 32", \
      "distrust the guest") \
    X(LOG_NAME, "attest.log.name", "a boot event's name contains a colon", \
      "the digest joins name and content with a colon: a second one would let the border between them be moved, and an event be hidden", \
      "distrust whoever presents the log") \
    X(LOG_FOREIGN, "attest.log.foreign_event", "RTMR3 holds an event that is no runtime event", \
      "its digest would be believed unread, so that an event like system-ready could hide behind it", \
      "distrust the guest") \
    X(LOG_PREIMAGE, "attest.log.preimage", "a version 2 event's preimage is not what its fields say", \
      "the canonical text must stand in the log, as its hash alone was extended", \
      "take the log with preimages") \
    X(WRAPPER_FORMAT, "attest.wrapper.format", "an attestation's wrapping is malformed", \
      "evidence travels in dstack's attestation format, with logs and configuration; these bytes do not follow it", \
      "let the app's VM attest again; if it stays, compare the versions of the two sides") \
    X(WRAPPER_UNSUPPORTED, "attest.wrapper.unsupported", "this kind of attestation is not read yet", \
      "the wrapping is of a version or platform that this dstack does not have", \
      "use a newer dstack to verify it") \
    X(COSE_FORMAT, "attest.cose.format", "a COSE message is malformed", \
      "signed CBOR has one form here: COSE_Sign1 in definite lengths and shortest heads, each header once, nothing behind it", \
      "take the message from its source again; if it stays, its maker does not follow RFC 9052 and RFC 8949 section 4.2.1") \
    X(COSE_ALGORITHM, "attest.cose.algorithm", "a COSE message is signed with an algorithm that does not count", \
      "ES256 and ES384 are read, named in the protected headers, and a key serves one of them", \
      "sign with the algorithm of the key that verifies: ES256 with P-256, ES384 with P-384") \
    X(COSE_CRITICAL, "attest.cose.critical", "a COSE message has critical headers that are not understood", \
      "crit says that nobody may accept the message who does not process the headers that it lists", \
      "let its maker sign without crit, or use a newer dstack") \
    X(COSE_SIGNATURE, "attest.cose.signature", "a COSE message's signature does not verify", \
      "the message was changed, or another key signed it", \
      "compare the key with the one that its maker publishes; if it is the same, somebody changes the message") \
    X(CMW_FORMAT, "attest.cmw.format", "a conceptual message wrapper is malformed", \
      "CMW (RFC 9999) comes as a record, a CBOR tag or a collection, and these bytes are none of them", \
      "compare with the media type that came with it: CBOR and JSON have forms of their own") \

#define DS_CODES_MEASURE(X) \
    X(MEASURE_FIRMWARE_FORMAT, "measure.firmware_format", "a firmware file cannot be measured", \
      "the file carries no TDVF section list, or a broken one: it is not an OVMF build with TDX support", \
      "use OVMF.fd of the image; OVMF_CODE files for pflash and SeaBIOS do not serve") \
    X(MEASURE_KERNEL_FORMAT, "measure.kernel_format", "a kernel file cannot be measured", \
      "the firmware starts and measures the kernel as a 64-bit PE image; this file is none, or damaged", \
      "use a bzImage (vmlinuz) with an EFI stub; fetch or build the image again") \
    X(MEASURE_CMDLINE_FORMAT, "measure.cmdline_format", "a kernel command line cannot be measured", \
      "the firmware turns it into UTF-16 byte by byte: only printable ASCII has one meaning there", \
      "take control and non-ASCII characters out of the command line, and keep it below 4,000 characters") \
    X(MEASURE_DOCUMENT_FORMAT, "measure.document_format", "a measurement document is malformed", \
      "measurement.tdx.cbor has one exact form (version 3); other bytes are not read generously", \
      "make the document again with 'dstack image measure', or fetch the image again") \
    X(MEASURE_OVMF_UNKNOWN, "measure.ovmf_unknown", "the firmware's list of boot events is not known", \
      "which events a firmware measures depends on its version; only recorded versions can be predicted", \
      "use an image whose document says pre202505, or a newer dstack") \
    X(MEASURE_SHAPE_UNPROVEN, "measure.shape_unproven", "the ACPI tables of this machine shape are not known", \
      "ACPI tables are measured, and they are known only for shapes that were compared with a real QEMU", \
      "choose vCPUs, memory, network cards and volumes inside the bounds that the message names") \

#define DS_CODES_POLICY(X) \
    X(POLICY_NO_EVIDENCE, "policy.no_evidence", "there is no verified evidence", \
      "a decision needs claims that a verifier filled", \
      "give evidence that verifies") \
    X(POLICY_SIMULATED_EVIDENCE, "policy.simulated_evidence", "the evidence comes from a simulated platform", \
      "its root of trust is made by software on some machine: it proves what runs, to nobody but that machine's owner", \
      "where that is meant (development, tests) pass --allow-simulated; else run on TEE hardware") \
    X(POLICY_CUSTOM_ROOT, "policy.custom_root", "the evidence chains to a root given by argument", \
      "only compiled-in hardware roots count by themselves", \
      "allow custom roots where that root is meant") \
    X(POLICY_HARDWARE_EVIDENCE, "policy.hardware_evidence", "the evidence comes from hardware, which the policy leaves out", \
      "its list of kinds names only simulated or custom roots", \
      "add hardware to kinds in the policy, or verify with the policy that is meant for this machine") \
    X(POLICY_ROOT, "policy.root", "the root of trust is not accepted", \
      "the policy names the roots that it accepts, and the evidence chains to another", \
      "add the root's name to roots in the policy, or run on a platform of an accepted vendor") \
    X(POLICY_TEE, "policy.tee", "this kind of TEE is not accepted", \
      "the policy names its TEEs, or has sections for others only", \
      "add the TEE to tees in the policy, with a section that says what may run there") \
    X(POLICY_DEBUG, "policy.debug", "what runs is in debug mode", \
      "the host can read and change a debug TD, enclave or guest: its evidence protects nothing", \
      "start it without the debug attribute") \
    X(POLICY_SERVICE_TD, "policy.service_td", "a service TD is bound to the TD", \
      "it can move or change the TD, and this evidence says nothing about it", \
      "start the TD without a service TD") \
    X(POLICY_TD_ATTRIBUTES, "policy.td_attributes", "the TD has attributes that are not accepted", \
      "migratable TDs, attributes of unknown meaning, and a TD whose private pages the host can take away by exception may give others access", \
      "start the TD with SEPT_VE_DISABLE and without the others") \
    X(POLICY_XFEATURES, "policy.xfeatures", "extended features of the processor are on that are not accepted", \
      "XFAM of a TD and XFRM of an enclave say which state the processor keeps for them, and the policy lists what they may have", \
      "start it without the features that are named, or accept them in the policy") \
    X(POLICY_ENCLAVE_ATTRIBUTES, "policy.enclave_attributes", "the enclave has attributes that are not accepted", \
      "they open keys of the platform to it, or tell it of its exceptions, beyond what the policy lists", \
      "sign and start the enclave without them, or accept them in the policy") \
    X(POLICY_MITIGATION, "policy.mitigation", "a mitigation that is demanded is not in effect on the platform", \
      "its bit is clear in the report's mitigation vector, or the report is of a version that has none", \
      "update the platform's firmware and, where the vector of the launch is named, launch the guest again") \
    X(POLICY_TCB_STATUS, "policy.tcb_status", "the platform's TCB status is not accepted", \
      "Intel judges its microcode, firmware or configuration as below the accepted level", \
      "update the platform; or accept the status in the policy, knowing the advisories") \
    X(POLICY_TCB_REVOKED, "policy.tcb_revoked", "the platform's TCB is revoked", \
      "Intel no longer trusts this level; no rule can accept it", \
      "update the platform") \
    X(POLICY_TCB_EVAL_NUMBER, "policy.tcb_eval_number", "the collateral is of an older evaluation than the policy asks for", \
      "older evaluations do not know newer weaknesses", \
      "fetch collateral with update=early, or lower the minimum") \
    X(POLICY_TCB_AGE, "policy.tcb_age", "the platform's TCB level is older than the policy allows", \
      "the vendor dates each level; later ones close weaknesses that this one has", \
      "update the platform, or raise intel.max_tcb_age_s") \
    X(POLICY_ADVISORY, "policy.advisory", "the platform is open to a security advisory that the policy does not allow", \
      "the vendor lists it for the platform's TCB level", \
      "update the platform; or add the id to tcb_advisories once its mitigation is known to be in place") \
    X(POLICY_COLLATERAL_AGE, "policy.collateral_age", "the collateral is older than the policy allows", \
      "what the vendor found out since then is not in it", \
      "fetch it again: dstack collateral fetch --refresh") \
    X(POLICY_SVN, "policy.svn", "a security version is below the policy's minimum", \
      "the part that the claim names is older than the policy accepts", \
      "update that part; or lower the minimum in the policy") \
    X(POLICY_MODULE, "policy.module", "the TDX module is not accepted", \
      "it stands between host and TD, and the policy names the modules or signers that it trusts", \
      "run on an accepted module, or add its measurement") \
    X(POLICY_PLATFORM, "policy.platform", "the platform is not of an accepted kind", \
      "its model, its settings, its signing key or its cloud is none that the policy names", \
      "change the setting that the claim names, or accept it in the policy") \
    X(POLICY_REVOCATION_UNCHECKED, "policy.revocation_unchecked", "nobody looked whether the platform's certificate is revoked", \
      "the evidence was verified without the vendor's revocation list", \
      "verify with the list; or allow unchecked_revocation in the policy") \
    X(POLICY_MEASUREMENT, "policy.measurement", "what runs is not what the policy accepts", \
      "the measurement that the claim names is not in the policy's list", \
      "compare what was started with what was meant; add the measurement when it is meant") \
    X(POLICY_SIGNER, "policy.signer", "what runs is not of an accepted signer or product", \
      "its signer, product, family or image id is none that the policy names", \
      "run what an accepted signer signed, or add the value to the policy") \
    X(POLICY_LAUNCH_DATA, "policy.launch_data", "what the host bound to the launch is not accepted", \
      "the value that the claim names was given at launch and is not in the policy's list", \
      "start it with an accepted value, or add this one") \
    X(POLICY_VMPL, "policy.vmpl", "the report was asked for from a privilege level that is not accepted", \
      "software at another level of the same guest asked for it", \
      "take the report at an accepted level, or add the level to snp.vmpls") \
    X(POLICY_GUEST_POLICY, "policy.guest_policy", "the guest was launched under a policy that is not accepted", \
      "it permits the host something, or leaves out a protection, against what is demanded", \
      "launch the guest with another guest policy, or accept the bit that is named") \
    X(POLICY_SESSION, "policy.session", "the evidence is not bound to its reader in an accepted way", \
      "the policy says whether a nonce, a certificate's key or the session itself must be answered", \
      "ask with a fresh nonce (dstack verify NAME does), or accept this way in sessions") \
    X(POLICY_REPORT_DATA, "policy.report_data", "the evidence does not answer this request", \
      "its report data is not the nonce or key that was asked for: it may be older, or another's", \
      "take fresh evidence for this request") \
    X(POLICY_MRCONFIGID, "policy.mrconfigid", "the machine was started with another configuration", \
      "MRCONFIGID is not the digest of the expected configuration document", \
      "start the VM with the configuration that is accepted, or accept its digest") \
    X(POLICY_DEVICE, "policy.device", "the device is not accepted", \
      "the policy names the machines that may run this app", \
      "run on one of them, or add the device id") \
    X(POLICY_LOG_MISSING, "policy.log_missing", "no event log is bound to the evidence", \
      "app identity stands in the event log; without it nothing says which app this is", \
      "send quote and event log together") \
    X(POLICY_APP_ID, "policy.app_id", "the app is not accepted", \
      "its app id is not in the policy", \
      "add the app id to the policy") \
    X(POLICY_INSTANCE_ID, "policy.instance_id", "the instance is not accepted", \
      "its instance id is not the one asked for: it is another VM of the app, or its host started it as a new one, without the old data", \
      "ask the right VM; if its .instance_info was lost, put it back or make the app anew: dstack down NAME --remove, then up; a policy names the ids that it accepts") \
    X(POLICY_COMPOSE_HASH, "policy.compose_hash", "the app's compose file is not accepted", \
      "the hash of app-compose.json that the guest measured is not in the policy", \
      "compare the app-compose.json that runs; add its hash when it is meant") \
    X(POLICY_OS_IMAGE, "policy.os_image", "the OS image is not accepted", \
      "the image's hash is not in the policy", \
      "use an accepted image, or add the hash") \
    X(POLICY_KEY_PROVIDER, "policy.key_provider", "the app's keys come from another key provider", \
      "the key-provider event names another KMS than the expected one", \
      "check which KMS the VM was given") \
    X(POLICY_FIRMWARE_MISMATCH, "policy.firmware_mismatch", "the firmware is not the image's", \
      "MRTD or the firmware's own events differ from the prediction", \
      "use the firmware file of the image") \
    X(POLICY_SHAPE_MISMATCH, "policy.shape_mismatch", "the machine's memory layout is not as stated", \
      "the TD HOB differs from the one predicted for this memory size", \
      "check memory size in vm_config") \
    X(POLICY_SECURE_BOOT_MISMATCH, "policy.secure_boot_mismatch", "secure boot variables are not as predicted", \
      "the firmware found other variables than the image's", \
      "use the firmware file of the image") \
    X(POLICY_ACPI_MISMATCH, "policy.acpi_mismatch", "the ACPI tables are not as predicted", \
      "they describe other devices than the stated shape: a way to run code in the guest", \
      "check QEMU version, vCPUs, memory and devices in vm_config") \
    X(POLICY_BOOT_OPTIONS_MISMATCH, "policy.boot_options_mismatch", "boot order or boot options are not as predicted", \
      "the firmware was told to boot something else", \
      "start the VM with the VMM's own options") \
    X(POLICY_KERNEL_MISMATCH, "policy.kernel_mismatch", "the kernel is not the image's", \
      "the digest that the firmware measured is of another kernel", \
      "use the kernel file of the image") \
    X(POLICY_CMDLINE_MISMATCH, "policy.cmdline_mismatch", "the kernel's command line is not the image's", \
      "it carries the root hash: with another one another system may run", \
      "start the VM with the command line of the image") \
    X(POLICY_INITRD_MISMATCH, "policy.initrd_mismatch", "the initrd is not the image's", \
      "the digest that was measured is of another file", \
      "use the initrd file of the image") \
    X(POLICY_BOOT_EVENTS_MISMATCH, "policy.boot_events_mismatch", "the machine booted in other steps than predicted", \
      "a register has more or fewer events: another firmware or boot path", \
      "use the image's firmware and the VMM's own options") \
    X(POLICY_REGISTER_MISMATCH, "policy.register_mismatch", "a boot register is not as predicted", \
      "and the event log does not replay to it, so no part can be named", \
      "send the full event log with the quote to see which part differs") \
    X(POLICY_DOCUMENT_JSON, "policy.document_json", "a policy document is not readable", \
      "it is not JSON, or an object in it has a key twice", \
      "correct the place that the message names") \
    X(POLICY_DOCUMENT_VERSION, "policy.document_version", "a policy document is of a version that is not known here", \
      "another version could mean something else by the same keys", \
      "use a dstack that knows it, or write version 1") \
    X(POLICY_DOCUMENT_UNKNOWN_KEY, "policy.document_unknown_key", "a policy document has an unknown key", \
      "a misspelt key would otherwise demand nothing, in silence", \
      "use a key of docs/policy.md; `dstack policy schema` lists them for editors") \
    X(POLICY_DOCUMENT_WRONG_TYPE, "policy.document_wrong_type", "a value in a policy document is of the wrong kind", \
      "each key takes a list, a number, or true or false", \
      "give a value of the kind that was expected") \
    X(POLICY_DOCUMENT_WRONG_VALUE, "policy.document_wrong_value", "a value in a policy document is none that can hold", \
      "a word is misspelt, hex has another length or upper case, or a number is out of its bounds", \
      "correct the value at the path that is named") \
    X(POLICY_DOCUMENT_DUPLICATE, "policy.document_duplicate", "a list in a policy document has a value twice", \
      "one of the two was meant to be another, or is left over", \
      "remove or correct one of them") \
    X(POLICY_DOCUMENT_EMPTY_LIST, "policy.document_empty_list", "a list in a policy document is empty", \
      "it would accept nothing at all, where leaving the key out may accept anything: which was meant cannot be known", \
      "name at least one value, or leave the key out") \
    X(POLICY_DOCUMENT_CONTRADICTION, "policy.document_contradiction", "two rules of a policy document contradict each other", \
      "no evidence could ever meet both, so one of them is a mistake", \
      "change one of the two rules that are named") \
    X(POLICY_DOCUMENT_TOO_LARGE, "policy.document_too_large", "a policy document is larger than its limit", \
      "text and lists have bounds, so that a document is read in bounded memory", \
      "shorten the list or split the policy; the limit is named") \

#define DS_CODES_LIB(X) \
    X(LIB_ROOT_NAME, "lib.root_name", "this is no root's name", \
      "hardware trust is a table of vendors' keys in the library, and a name that is not in it trusts nobody; a root of your own has 1 to 63 bytes", \
      "ds_attest_hardware_root() lists the names; for a key of your own use ds_attest_trust_custom()") \
    X(LIB_ROOTS_FULL, "lib.roots_full", "a verifier has as many roots as it can hold", \
      "a verifier holds 16 roots beside the compiled-in ones", \
      "use another verifier for the rest") \
    X(LIB_COLLATERAL_COUNT, "lib.collateral_count", "a quote came with more than one set of collateral", \
      "which of them counts cannot be known: Intel's collateral is one JSON text with all parts", \
      "pass the one set that is for the platform of this quote") \
    X(LIB_COLLATERAL_SIZE, "lib.collateral_size", "a set of collateral is larger than its limit", \
      "every input has a bound; Intel's documents for one platform take less than a tenth of it", \
      "check that the right file was given; the limit stands beside it") \
    X(LIB_OTHER_TRUST, "lib.other_trust", "a machine was learned by a verifier with other trust", \
      "what was verified under one set of roots says nothing under another", \
      "learn the machine with this verifier: ds_attest_machine_verify()") \
    X(LIB_NOT_VERIFIED, "lib.not_verified", "a policy was to judge evidence that did not verify", \
      "the verifier holds no claims: nothing was verified, it was refused, or what is trusted changed since", \
      "call ds_attest_verify() first, and go on only where it returned DS_ATTEST_OK") \
    X(LIB_REPORT_DATA, "lib.report_data", "the report data that a check expects is none that can be expected", \
      "report data is 64 bytes, and only report data of yours can show that evidence was made for you", \
      "pass the 64 bytes that the guest was to bind, or none with DS_ATTEST_SESSION_NONE") \
    X(LIB_FAILED, "lib.failed", "a verification could not be carried out", \
      "the cryptographic library failed, or memory was short: the evidence was not judged", \
      "look at what was got; free memory and try again") \

#define DS_CODES_APP(X) \
    X(APP_COMPOSE_FORMAT, "app.compose_format", "app-compose.json is malformed", \
      "the text is not JSON, a key stands in it twice, or a field has a type or length that it may not have", \
      "correct the field that the message names; 'dstack up' makes a right file from docker-compose.yaml") \
    X(APP_COMPOSE_UNSUPPORTED, "app.compose_unsupported", "the app asks for something that this dstack does not have", \
      "app-compose.json names a newer manifest version, a runner, a file system or a requirement unknown here", \
      "use a newer dstack and image, or take the field that the message names out of app-compose.json") \
    X(APP_MR_CONFIG_FORMAT, "app.mr_config_format", "the host's MrConfig document is malformed", \
      "it has one form, version 3, with a closed list of fields", \
      "let dstack-vmm of the same release as the image create the VM") \
    X(APP_MR_CONFIG_MISMATCH, "app.mr_config_mismatch", "the VM was started for another identity", \
      "what the hardware recorded at launch (MRCONFIGID, HOST_DATA) is not the document, or the document is not this app's", \
      "create the VM again from the app-compose.json that you mean; if it stays, the host is changing files") \
    X(APP_CHAIN_KMS, "app.chain_kms", "a key's signatures lead to another KMS", \
      "the chain is intact, but the KMS key at its end is not the one that was expected", \
      "compare the KMS public key with the one that the KMS publishes in GetMeta, and the app id with the app's") \
    X(APP_ENV_FORMAT, "app.env_format", "the encrypted environment is malformed", \
      "it is too short, too long, or its content is no list of names and values", \
      "encrypt the variables again with 'dstack up' or the SDK") \
    X(APP_ENV_UNDECRYPTABLE, "app.env_undecryptable", "the encrypted environment does not open", \
      "it was changed on the way, or encrypted to another app's or another KMS's key", \
      "fetch the app's public key again and encrypt the variables to it") \
    X(APP_CSR_FORMAT, "app.csr_format", "a certificate signing request is malformed", \
      "it is not dstack's version 2 request, or a field is out of bounds", \
      "use an SDK or agent that speaks version 2 (api_version 2)") \
    X(APP_CSR_SIGNATURE, "app.csr_signature", "a certificate signing request is not signed by its own key", \
      "only the holder of a key may have it certified", \
      "sign the whole encoded request with the key that is in it, ECDSA P-256 with SHA-256") \
    X(APP_LOG_HEAD_FORMAT, "app.log_head_format", "a log head is malformed", \
      "it has one canonical form; anything else is refused, so that no signature covers two readings", \
      "fetch the head again from the KMS") \
    X(APP_LOG_HEAD_SIGNATURE, "app.log_head_signature", "a log head is not signed by the log's key", \
      "the head was changed, or it is another log's", \
      "compare the KMS's key with the one that you pinned; do not use keys that came with this head") \
    X(APP_IMAGE_DOCUMENTS, "app.image_documents", "the image documents in the evidence are not those of the image that it names", \
      "sha256sum.txt must hash to os_image_hash and list the measurement document that came along", \
      "start the VM from an intact image directory; 'dstack image ls' shows which are whole") \
    X(APP_MR_CONFIG_MISSING, "app.mr_config_missing", "the evidence carries no MrConfig document", \
      "identity is bound before the launch by the hash of that document in MRCONFIGID", \
      "run the VM with a dstack-vmm that writes mr_config into vm_config") \
    X(APP_PLATFORM_UNSUPPORTED, "app.platform_unsupported", "evidence of this platform cannot be appraised yet", \
      "so far the verifier reads Intel TDX evidence, real and simulated", \
      "use a TDX or a simulated machine") \
    X(APP_VM_CONFIG_FORMAT, "app.vm_config_format", "the machine description in the evidence is malformed", \
      "vm_config says which image and machine to predict registers for; without it nothing can be compared", \
      "run the VM with a current dstack-vmm") \

#define DS_CODES_EAR(X) \
    X(EAR_FORMAT, "ear.format", "an attestation result is malformed", \
      "its claims set lacks a claim, has one of another kind, or is out of bounds (draft-ietf-rats-ear-04 section 3)", \
      "take the result from its verifier again; if it stays, the verifier follows another draft") \
    X(EAR_PROFILE, "ear.profile", "an attestation result follows another profile", \
      "each draft of EAR has a profile of its own, and names and labels differ between them", \
      "let the verifier issue results of the profile that the message expects") \
    X(EAR_STATUS, "ear.status", "an attestation result says better of the whole than of a part", \
      "a status may not be better than the worst claim that it sums up", \
      "do not use this verifier's results until it is explained") \
    X(EAR_EXPIRED, "ear.expired", "an attestation result has expired", \
      "its verifier vouches for it until exp", \
      "ask the verifier again") \
    X(EAR_ISSUED_LATER, "ear.issued_later", "an attestation result is of the future", \
      "it was issued later than the clock here says", \
      "set the clocks right, here and at the verifier") \
    X(EAR_TOO_OLD, "ear.too_old", "an attestation result is too old", \
      "it was issued longer ago than was asked for", \
      "ask the verifier again") \
    X(EAR_NONCE, "ear.nonce", "an attestation result answers another request", \
      "it does not repeat the nonce that was sent: it may be a replay", \
      "ask the verifier again with a fresh nonce") \
    X(EAR_JWT_FORMAT, "ear.jwt_format", "a signed token is malformed", \
      "a JWS in compact form is three parts of base64url without padding, the first one a JSON object with each member once", \
      "take the token from its source again, without quotes or line breaks") \
    X(EAR_JWT_ALGORITHM, "ear.jwt_algorithm", "a token is signed with an algorithm that does not count", \
      "ES256 and ES384 are read, a key serves one of them, and a token without signature (none) is never accepted", \
      "sign with the algorithm of the key that verifies") \
    X(EAR_JWT_CRITICAL, "ear.jwt_critical", "a token has critical headers that are not understood", \
      "crit says that nobody may accept the token who does not process the headers that it lists", \
      "let its maker sign without crit, or use a newer dstack") \
    X(EAR_TYPE, "ear.type", "a token is of another type", \
      "its header says that it is meant for something else than an attestation result", \
      "give the verifier's result, not another token that the same key signed") \
    X(EAR_JWT_SIGNATURE, "ear.jwt_signature", "a token's signature does not verify", \
      "the token was changed, or another key signed it", \
      "compare the key with the one that the verifier publishes; if it is the same, somebody changes the token") \

#define DS_CODES_NET(X) \
    X(NET_POOL_FULL, "net.pool_full", "the daemon has too much work waiting", \
      "slow work (quotes, disks, the store) goes through a bounded queue, which is full", \
      "try again in a moment; if it stays so, look at the daemon's log for what is slow") \
    X(NET_BAD_FRAME, "net.bad_frame", "a channel frame is malformed", \
      "the other side speaks another protocol version, or the channel's device was used by others", \
      "use guest image and host programs of the same release") \
    X(NET_CHANNEL_DOWN, "net.channel_down", "the other side of a channel is not there", \
      "the guest or the host program has not started yet, restarts, or ended", \
      "`dstack ps` says whether the VM runs; `dstack logs` shows its boot") \
    X(NET_CHANNEL_FULL, "net.channel_full", "a channel has too much waiting", \
      "the other side reads more slowly than this side asks", \
      "try again in a moment") \
    X(NET_CALL_RESET, "net.call_reset", "the other side of a channel gave a call up", \
      "it does not take such calls at present, or ended while it worked on this one", \
      "try again; if it stays so, look at the other side's log") \
    X(NET_BAD_TARGET, "net.bad_target", "an address is not understood", \
      "addresses read unix:/path, tcp:host:port, tls:host:port, http://host:port or https://host:port", \
      "correct the address that the message shows") \
    X(NET_ADDRESS_TAKEN, "net.address_taken", "an address to listen on is taken", \
      "another program, perhaps another copy of this one, listens there", \
      "stop the other program, or configure another address") \
    X(NET_NO_ANSWER, "net.no_answer", "a server does not answer", \
      "it does not run, it is not reachable from here, or it ended the connection", \
      "check the address and that the server runs; `dstack doctor` looks at the local ones") \
    X(NET_TLS_FAILED, "net.tls_failed", "a TLS connection cannot be made", \
      "the other side does not speak TLS 1.3, refused our certificate, or its key does not fit", \
      "check that the address is the right service; the message says what failed") \
    X(NET_BAD_HTTP, "net.bad_http", "what came is not proper HTTP", \
      "the other side is no HTTP server or client, or sends more than is allowed", \
      "check that the address is the right service") \
    X(NET_REPLY_TOO_LARGE, "net.reply_too_large", "a reply is larger than is allowed", \
      "every reply has a bound, so that no server exhausts our memory", \
      "ask for less at once, or check that the address is the right service") \
    X(NET_FETCH_BUSY, "net.fetch_busy", "a service has no time for us now", \
      "it limits how often it is asked (status 429), or is overloaded (503); it was asked again as often as is allowed", \
      "wait as long as the message says, and try again; a caching service near you (a PCCS) is asked without limit") \
    X(NET_FETCH_TIMEOUT, "net.fetch_timeout", "a document did not come in time", \
      "the service, a proxy, or the network between is slow or stands still", \
      "try again; check the proxy settings (https_proxy, no_proxy)") \
    X(NET_FETCH_TRUNCATED, "net.fetch_truncated", "a document broke off in the middle", \
      "the connection ended before as many bytes had come as were announced", \
      "try again; if it stays so, look at the proxy or the service") \
    X(NET_FETCH_NOT_FOUND, "net.fetch_not_found", "a service has no such document", \
      "it answered with status 404: what was asked for is unknown to it, or the base address is another service's", \
      "check what was asked for and the address in the message") \
    X(NET_FETCH_STATUS, "net.fetch_status", "a service refused to give a document", \
      "it answered with a status that is neither success nor a wish to be asked later", \
      "the status stands in the message; check the address and what was asked for") \
    X(NET_FETCH_REDIRECT, "net.fetch_redirect", "a service sends us elsewhere", \
      "redirects are followed on the same server only, and not without end", \
      "if the new address is right, name it as the address of the service") \
    X(NET_FETCH_TLS, "net.fetch_tls", "a service cannot be reached securely", \
      "its certificate does not fit its name or an authority that this machine trusts, or it speaks no TLS 1.2 or later", \
      "check the address and this machine's clock; name a private service's authority with its option for CA certificates") \

#define DS_CODES_RATLS(X) \
    X(RATLS_KEY_NOT_BOUND, "ratls.key_not_bound", "the evidence was made for another key", \
      "the peer's certificate carries evidence whose report_data is not the hash of the certificate's key: it was copied", \
      "do not trust this peer; connect to the VM itself") \
    X(RATLS_ROOT_NOT_PINNED, "ratls.root_not_pinned", "the peer is not the one that was pinned", \
      "its certificates do not lead to the public key that is expected at this address", \
      "check the address and the pinned key (key_provider_id); a KMS that was set up anew has a new key") \

#define DS_CODES_RPC(X) \
    X(RPC_BAD_REQUEST, "rpc.bad_request", "a request does not fit its method", \
      "a field is missing, of the wrong kind, or over its bound", \
      "correct the field that the message names; the method's fields stand in its documentation") \
    X(RPC_NO_METHOD, "rpc.no_method", "there is no such method", \
      "its name is misspelt, or the server is of another release", \
      "compare the name with the service's documentation, and the versions of both sides") \
    X(RPC_FORBIDDEN, "rpc.forbidden", "the caller may not use a method", \
      "each method says who may call it: its own user, an administrator, an attested program", \
      "call it as the user the daemon runs as, or with the credentials that the message names") \
    X(RPC_PROTOBUF_UNSUPPORTED, "rpc.protobuf_unsupported", "a protobuf body was sent", \
      "methods are served as JSON only", \
      "send JSON with Content-Type application/json; the published SDKs do") \
    X(RPC_REMOTE, "rpc.remote", "the server refused, with a code that is not known here", \
      "it is of another release, or another implementation", \
      "read the message; use programs of the same release to learn more") \
    X(RPC_BAD_REPLY, "rpc.bad_reply", "a reply is not what the protocol says", \
      "the address belongs to another service, or a proxy answered in its place", \
      "check the address and what listens there") \

#define DS_CODES_TEE(X) \
    X(TEE_NONE, "tee.none", "this machine has no confidential-computing platform", \
      "neither Intel TDX's files nor the simulated platform's channel org.dstack.tee are there", \
      "run this inside a CVM; on a TDX guest load the tdx_guest and tsm_report modules") \
    X(TEE_QUOTE_FAILED, "tee.quote_failed", "the platform gave no quote", \
      "the quoting service of the host does not answer, or another process used the same entry", \
      "check the host's quote generation service (QGS), then try again") \
    X(TEE_LOG_DAMAGED, "tee.log_damaged", "the runtime event log of this boot cannot be read", \
      "a process other than the guest agent wrote to it, or its disk is full", \
      "restart the CVM: the registers begin afresh") \

#define DS_CODES_SIMTEE(X) \
    X(SIMTEE_STATE_DAMAGED, "simtee.state_damaged", "the simulated platform's key is unreadable", \
      "machine.key in the state directory is not what was written there", \
      "remove the directory simtee/ of the state: a new root is made, and what was pinned to the old one must be pinned anew") \
    X(SIMTEE_SPEC_INVALID, "simtee.spec_invalid", "a launch spec is malformed", \
      "a field is missing, of another type, or out of its bounds; the message names it", \
      "vmm and dstack-simtee must be of the same build: restart the vmm") \
    X(SIMTEE_JOURNAL_MISMATCH, "simtee.journal_mismatch", "the registers of a launch cannot be restored", \
      "the journal is missing, damaged, of another launch, or the image's files changed since", \
      "start the VM again: a new launch has a new journal") \
    X(SIMTEE_LAUNCH_USED, "simtee.launch_used", "this launch was started already", \
      "its journal holds extends, so a second machine would begin with a used register", \
      "start with a fresh launch id") \
    X(SIMTEE_EXTENDS_EXHAUSTED, "simtee.extends_exhausted", "too many extends in one launch", \
      "each extend is kept on the host's disk, so their number is bounded", \
      "restart the CVM, and extend less often") \
    X(SIMTEE_EXTEND_ORDER, "simtee.extend_order", "an extend came out of order", \
      "extends are numbered so that none is lost or made twice when a channel dies", \
      "only one process may use the channel org.dstack.tee; restart the CVM") \
    X(SIMTEE_RATE_LIMITED, "simtee.rate_limited", "the guest asks too often", \
      "requests to the simulated platform are bounded per second", \
      "wait a second and try again") \

#define DS_CODES_COLLATERAL(X) \
    X(COLLATERAL_SET_FORMAT, "collateral.set_format", "a file holds no collateral", \
      "it is neither a set (the JSON of attest/dcap/collateral.h, or of kind snp) nor a bundle of sets", \
      "`dstack collateral fetch -o FILE` writes a set, `dstack collateral bundle -o FILE` a bundle") \
    X(COLLATERAL_REPLY, "collateral.reply", "a service's reply is not the document that was asked for", \
      "it is malformed, lacks the header with its issuers, or is of another platform", \
      "check that the address is Intel's PCS, a PCCS or AMD's KDS; a caching service may hold a damaged copy") \
    X(COLLATERAL_EXPIRED, "collateral.expired", "collateral has expired", \
      "the vendor publishes each document for a limited time, mostly 30 days", \
      "fetch it again; if a caching service gave it, that one needs to renew its own copy") \
    X(COLLATERAL_NOT_YET_VALID, "collateral.not_yet_valid", "collateral is of the future", \
      "the document was issued after the time that this machine, or --at, says it is", \
      "set the clock right") \
    X(COLLATERAL_ISSUER_REVOKED, "collateral.issuer_revoked", "an issuer of collateral is revoked", \
      "the root's revocation list names a certificate that stands in this set's chains", \
      "fetch the set again: the vendor signs with another certificate now") \
    X(COLLATERAL_QUOTE, "collateral.quote_unusable", "the evidence does not say which collateral it needs", \
      "the platform's certificate is not inside it: it names the platform in an encrypted form, or another service issued it", \
      "name the platform (--fmspc) or give the certificate that came with the evidence") \
    X(COLLATERAL_BUSY, "collateral.busy", "a service has not been asked yet, since others wait for it", \
      "each vendor's service is asked a bounded number of questions at a time, and nobody is kept waiting for long", \
      "ask again in some seconds: what was asked for meanwhile is at hand then") \
    X(COLLATERAL_THROTTLED, "collateral.throttled", "a service is not to be asked again yet", \
      "AMD's KDS limits how often it is asked; all processes of this user keep the pause that it asked for", \
      "wait as long as the message says") \
    X(COLLATERAL_BUNDLE_FORMAT, "collateral.bundle_format", "a bundle is malformed", \
      "it is not the canonical JSON that `dstack collateral bundle` writes: it was changed or cut", \
      "take the bundle from its source again") \
    X(COLLATERAL_BUNDLE_SIGNATURE, "collateral.bundle_signature", "a bundle's signature does not verify", \
      "it was changed after it was packed", \
      "take the bundle from its source again") \
    X(COLLATERAL_BUNDLE_SIGNER, "collateral.bundle_signer", "a bundle was packed by somebody else", \
      "its key is not the one that --signer pins", \
      "check where the bundle came from, or pin the key of whoever packs your bundles") \
    X(COLLATERAL_NO_SET, "collateral.no_set", "a bundle has nothing for this evidence", \
      "it holds sets of other platforms", \
      "pack a bundle with the evidence's platform: `dstack collateral bundle -o FILE --quote EVIDENCE`") \

#define DS_CODES_STORE(X) \
    X(STORE_FAILED, "store.failed", "the state store cannot be read or written", \
      "the disk is full or read-only, the file is damaged, or another program holds it", \
      "the message says what the database engine reports; check the disk and the file's owner") \
    X(STORE_FOREIGN_FILE, "store.foreign_file", "a state file is not one of ours", \
      "the path names a database of another program, or a damaged one", \
      "check the state directory; move the file away to begin with an empty store") \

#define DS_CODES_DISK(X) \
    X(DISK_HEADER_REFUSED, "disk.header_refused", "the data disk's LUKS header is not one of ours", \
      "the disk comes from the host; only the exact parameters that this guest makes are opened", \
      "restore the disk from a backup, or remove it to start with an empty one") \
    X(DISK_KEY_REFUSED, "disk.key_refused", "the data disk does not open with this instance's key", \
      "the disk belongs to another app or instance, or its key slot was changed", \
      "start the VM with its own disk; the key depends on app id and instance id") \
    X(DISK_CONTENT_REFUSED, "disk.content_refused", "the data disk opens, and what is in it is no whole file system", \
      "the host changed or lost blocks of the disk: they decrypt to noise, which the file system's checks notice", \
      "restore the disk from a backup, or remove it to start with an empty one") \
    X(DISK_VERITY_REFUSED, "disk.verity_refused", "a verity volume is not the one that was measured", \
      "its hash tree does not lead to the root hash in app-compose", \
      "hand the original volume over again: 'dstack up' makes it from the OCI layout") \

#define DS_CODES_KMS(X) \
    X(KMS_ALLOW_FULL, "kms.allow_full", "the allow-list has no room for another entry", \
      "its size is bounded, so that a decision takes bounded time", \
      "stop dstack-kms, take apps or old compose hashes off allow.json, raise its version by one, and start it again") \
    X(KMS_ALLOW_INVALID, "kms.allow_invalid", "the allow-list file is malformed", \
      "an unreadable policy allows nothing", \
      "restore allow.json from a backup, or remove it and allow the apps anew with 'dstack up'") \
    X(KMS_APP_NOT_REGISTERED, "kms.app_not_registered", "the app is not on the allow-list", \
      "keys go only to apps that an administrator has named", \
      "run 'dstack up' for the app, or allow it at the KMS's admin socket") \
    X(KMS_BAD_LENGTH, "kms.bad_length", "a bytes field has the wrong length", \
      "app ids have 20 bytes, hashes 32", \
      "send the whole value as hex") \
    X(KMS_BIRTH_KIND, "kms.birth_kind", "the KMS root was born another kind", \
      "a root is hardware or simulated for ever, so that simulated evidence can never reach hardware-born keys", \
      "start dstack-kms with the kind the root was born with, or with another state directory") \
    X(KMS_CERT_DATES, "kms.cert_dates", "a certificate was asked for with dates that are not given", \
      "there is no revocation, so a certificate ends within 398 days and with its CA, and begins at most a day ago", \
      "leave not_before and not_after out, or choose dates within the bound in the message") \
    X(KMS_CREDENTIAL_EXPIRED, "kms.credential_expired", "the instance credential is not in its dates", \
      "it lives ten days and the agent renews it at half of that; this VM was stopped or cut off for longer", \
      "restart the VM: it gets another at boot") \
    X(KMS_CREDENTIAL_INVALID, "kms.credential_invalid", "the instance credential is not one of this KMS", \
      "it is malformed, or the CA of the app that it names did not sign it", \
      "use the credential that GetAppKey gave; after a change of the KMS root restart the VM") \
    X(KMS_CREDENTIAL_OTHER, "kms.credential_other", "the instance credential is of another app or instance than the evidence", \
      "a credential vouches for the one instance that it was given to at boot", \
      "ask with the credential and the evidence of one VM") \
    X(KMS_COMPOSE_NOT_ALLOWED, "kms.compose_not_allowed", "this compose hash of the app is not on the allow-list", \
      "the app-compose.json that the VM measured is not one that was allowed", \
      "run 'dstack up' with the compose file that should run; a changed file is a new hash") \
    X(KMS_EVIDENCE_AFTER_BOOT, "kms.evidence_after_boot", "boot keys were asked for after the boot was over", \
      "once system-ready is in the log the app is in control, and boot keys are for the guest alone", \
      "restart the VM: it gets its keys while it boots") \
    X(KMS_EVIDENCE_INCOMPLETE, "kms.evidence_incomplete", "the evidence does not show a finished measurement of the app", \
      "boot-mr-done must be in the log before keys are given", \
      "use an unmodified guest image") \
    X(KMS_EVIDENCE_INVALID, "kms.evidence_invalid", "the evidence does not verify", \
      "a signature, a chain or a log does not fit; the reason stands in what was got", \
      "use evidence of an unmodified guest; 'dstack verify' shows each step") \
    X(KMS_LOG_BROKEN, "kms.log_broken", "the release log does not fit together", \
      "leaves, root and signed head must agree, or the log would prove nothing", \
      "restore the KMS state from a backup; do not edit log.db") \
    X(KMS_NO_COLLATERAL, "kms.no_collateral", "there is no collateral to verify the evidence with", \
      "TCB info, identities and revocation lists come from the platform's vendor", \
      "start dstack-vmm: it provides the simulated platform's collateral") \
    X(KMS_NO_CREDENTIAL, "kms.no_credential", "the caller showed no instance credential", \
      "certificates of an app are given to what got its keys at boot, which the credential proves", \
      "ask the guest's agent (GetTlsKey); it holds the credential that GetAppKey gave at boot") \
    X(KMS_NO_EVIDENCE, "kms.no_evidence", "the caller showed no evidence", \
      "keys are released to evidence, which travels in the caller's certificate or in the request", \
      "call with an RA-TLS client certificate; put evidence into a request for a certificate") \
    X(KMS_OS_IMAGE_NOT_ALLOWED, "kms.os_image_not_allowed", "the guest's OS image is not on the allow-list", \
      "an image counts only after an administrator has named its hash", \
      "run 'dstack up', which allows the image it starts, or allow it at the KMS's admin socket") \
    X(KMS_OTHER_PROVIDER, "kms.other_provider", "the VM was launched for another KMS", \
      "its MrConfig names the key of the KMS that it trusts, and that is not this one", \
      "run 'dstack up' again: it launches the VM for the KMS of this machine") \
    X(KMS_ROOT_DAMAGED, "kms.root_damaged", "the file of the KMS root is damaged", \
      "all keys of all apps come from it, so nothing is guessed", \
      "restore root.key from a backup; for a new root, which no app knows, use another state directory") \
    X(KMS_ROOT_IS_HARDWARE, "kms.root_is_hardware", "a hardware-born KMS root does not take this evidence", \
      "its keys are for hardware evidence alone, whatever the policy says", \
      "run the app on TDX hardware, or use a KMS with a simulated root") \
    X(KMS_TOO_MANY, "kms.too_many", "the KMS was asked too often", \
      "each decision is written to the release log, and a flood must not fill the disk: refusals are limited by what the caller shows, what is granted by instance", \
      "find out who asks so often ('dstack logs', the release log), and try again in a few minutes") \

#define DS_CODES_VMM(X) \
    X(VMM_NAME_INVALID, "vmm.name_invalid", "a name or id has a form that is not allowed", \
      "names become file names and appear on terminals: up to 64 letters, digits and a few signs", \
      "use letters, digits, '-', '_' and '.'; an app id is 40 hex digits") \
    X(VMM_VALUE_RANGE, "vmm.value_range", "a value of the request is missing or out of its bounds", \
      "every number of a VM has bounds, some of them set by the daemon's configuration", \
      "give a value within the bounds named as 'expected'") \
    X(VMM_FIELD_UNSUPPORTED, "vmm.field_unsupported", "the request asks for something this VMM cannot give", \
      "an app that needs it must not run without it, so the request is refused", \
      "leave the named field out") \
    X(VMM_MACHINE_NEEDS_KVM, "vmm.machine_needs_kvm", "this kind of machine runs under KVM only", \
      "TDX and SEV-SNP are made by the processor; software emulation has neither", \
      "use a host with the hardware, or machine 'simulated'") \
    X(VMM_PORT_REFUSED, "vmm.port_refused", "a port mapping is not allowed", \
      "ports are tcp or udp, and are published on loopback addresses only", \
      "use 127.0.0.1; put a proxy in front to publish it further") \
    X(VMM_PORT_TAKEN, "vmm.port_taken", "a port of the host is taken", \
      "another VM or program listens on it, or the request names it twice", \
      "publish that port of the VM, the left number in the compose file, elsewhere: 'dstack up --publish " \
      "OTHER:PORT'; or end what holds it ('dstack down NAME'); over RPC a host_port of 0 takes any free one") \
    X(VMM_QEMU_MISSING, "vmm.qemu_missing", "QEMU is not installed", \
      "qemu-system-x86_64 or qemu-img is not on the PATH, nor where the configuration says", \
      "install QEMU 10.1 or newer (qemu-system-x86, qemu-utils), or set 'qemu' in the configuration") \
    X(VMM_KVM_UNUSABLE, "vmm.kvm_unusable", "KVM does not run on this host", \
      "/dev/kvm is missing or closed, or opens and still runs no kernel (nested virtualisation)", \
      "set 'accel: auto' to fall back to software emulation, or enable virtualisation") \
    X(VMM_SIMTEE_MISSING, "vmm.simtee_missing", "the simulated platform's helper is not installed", \
      "dstack-simtee belongs beside dstack-vmm", \
      "install the whole set of programs, or build it: './dev build'") \
    X(VMM_LAUNCH_FAILED, "vmm.launch_failed", "QEMU did not start", \
      "it refused its command line, or lacks something on this host; its last words are in the message", \
      "see qemu.log and launch.json in the VM's directory") \
    X(VMM_BOOT_ENDED, "vmm.boot_ended", "the machine ended before its app ran", \
      "the guest stopped without telling why: a crash of its kernel, or a kill from outside", \
      "read the console: 'dstack logs NAME'; then start it again") \
    X(VMM_VM_NOT_FOUND, "vmm.vm_not_found", "there is no such VM", \
      "it was never made on this host, or was removed", \
      "list the VMs with 'dstack ps'") \
    X(VMM_VM_RUNNING, "vmm.vm_running", "the VM must be stopped for this change", \
      "processors, memory, disk and image are fixed while a machine runs", \
      "stop the VM first") \
    X(VMM_VOLUME_NOT_FOUND, "vmm.volume_not_found", "a volume that the app names is not there", \
      "verity volumes are files in the VMM's volume directory", \
      "put the file there; 'dstack up' makes and places the volumes of OCI layouts") \
    X(VMM_GUEST_SILENT, "vmm.guest_silent", "the guest's agent is not connected", \
      "the VM is not running, is still booting, or its boot failed before the agent", \
      "look at 'dstack ps' and 'dstack logs'; then try again") \
    X(VMM_BUSY, "vmm.busy", "the VMM takes no more requests of this kind now", \
      "too many requests wait for the VM, there are as many VMs as allowed, or the daemon is ending", \
      "try again later, or raise limits.vms") \
    X(VMM_IMAGE_NOT_FOUND, "vmm.image_not_found", "there is no guest image of this name", \
      "images are directories with a metadata.json in the image directory", \
      "list them with 'dstack image ls'; './dev image' builds one") \
    X(VMM_IMAGE_BROKEN, "vmm.image_broken", "a guest image cannot be used", \
      "its metadata.json is malformed, or names a file that is missing or outside its directory", \
      "build or copy the image anew: './dev image'") \
    X(VMM_STATE_BROKEN, "vmm.state_broken", "a VM's state file cannot be read", \
      "it was changed by hand, damaged, or written by a newer version", \
      "restore the file, or remove the VM's directory if its data is not needed") \

#define DS_CODES_GUEST(X) \
    X(GUEST_INIT_CMDLINE, "guest.init_cmdline", "the kernel command line does not name the root file system", \
      "root hash and size are read from the measured command line, once each, and from nowhere else", \
      "start the VM with the command line of the image's metadata.json, unchanged") \
    X(GUEST_INIT_FAILED, "guest.init_failed", "the guest's first program met a system error", \
      "a call that cannot fail on a sound image and machine did; the line names it", \
      "start the VM again with more memory; if it stays, build the image anew: './dev image'") \
    X(GUEST_INIT_MODULE, "guest.init_module", "a kernel module of the image cannot be loaded", \
      "initramfs and kernel are not of one image, or the module was altered (its signature fails)", \
      "fetch or build the image anew: './dev image'") \
    X(GUEST_INIT_PID1, "guest.init_pid1", "the guest agent cannot be started as the first process", \
      "the verified root holds no agent that runs, which is a fault of the image build", \
      "build the image anew: './dev image'") \
    X(GUEST_ROOT_MISSING, "guest.root_missing", "the root disk is not there", \
      "the guest takes the virtio disk whose serial is 'root', whatever its place on the bus", \
      "let dstack-vmm start the VM; by hand, give the disk 'serial=root'") \
    X(GUEST_ROOT_SHORT, "guest.root_short", "the root disk is too short for the measured root file system", \
      "the file was cut, or another image's rootfs.img was attached", \
      "compare rootfs.img with the image's metadata.json; fetch or build the image anew") \
    X(GUEST_ROOT_OPEN, "guest.root_open", "the root disk cannot be opened under dm-verity", \
      "the kernel's device mapper refused the table that the measured command line gives", \
      "use kernel, initramfs and command line of one image") \
    X(GUEST_ROOT_CORRUPT, "guest.root_corrupt", "a block of the root disk does not hash to the measured root", \
      "rootfs.img was changed or damaged after the image was made; nothing of that block was used", \
      "fetch or build the image anew; 'dstack image ls' shows which images are whole") \
    X(GUEST_ALGORITHM, "guest.algorithm", "this key algorithm does not exist", \
      "GetKey derives secp256k1 and ed25519 keys", \
      "use secp256k1, k256 or ed25519") \
    X(GUEST_COMPOSE_FAILED, "guest.compose_failed", "Docker Compose could not start the app", \
      "the reason is in its own words in what was got", \
      "mend the compose file and run 'dstack up' again") \
    X(GUEST_COMPOSE_MISMATCH, "guest.compose_mismatch", "app-compose.json is not the one that this VM was launched for", \
      "the host fixed its hash in MRCONFIGID before the launch, and handed over another file", \
      "start the VM again with 'dstack up'; if nobody changed the file, the host did") \
    X(GUEST_DEVICE_MISSING, "guest.device_missing", "a device that the host should have attached is not there", \
      "disks and ports are found by the names that dstack-vmm gives them", \
      "start the VM with dstack-vmm") \
    X(GUEST_ENGINE_FAILED, "guest.engine_failed", "the container engine did not start", \
      "the end of its log is in what was got", \
      "look at the log with 'dstack logs'; a full data disk is the usual cause") \
    X(GUEST_IMAGE_REFUSED, "guest.image_refused", "the container engine refused an image", \
      "the archive on the measured volume is not one that it can load", \
      "make the OCI layout anew and run 'dstack up' again") \
    X(GUEST_IMAGE_TAG, "guest.image_tag", "a service names its image by tag alone", \
      "a tag is whatever a registry says today; only content that is measured or named by digest may run", \
      "name it as name@sha256:..., hand it over under x-dstack.images, or set allow_tags") \
    X(GUEST_KEY_PROVIDER, "guest.key_provider", "this guest cannot get keys from that provider", \
      "so far keys come from a KMS", \
      "set key_provider to kms, or leave it out") \
    X(GUEST_KMS_REPLY, "guest.kms_reply", "the KMS's reply lacks something", \
      "the guest takes no incomplete set of keys", \
      "use a KMS of the same version") \
    X(GUEST_LOGS_PRIVATE, "guest.logs_private", "the app does not make its logs public", \
      "app-compose decides that, and it is measured", \
      "set public_logs: true under x-dstack in the compose file") \
    X(GUEST_RUNNER, "guest.runner", "this guest cannot run that kind of app", \
      "so far apps are Docker Compose projects", \
      "use runner docker-compose") \
    X(GUEST_SHARED_REFUSED, "guest.shared_refused", "the files that the host hands over are not as they must be", \
      "five names, each once and bounded, in a flat archive", \
      "start the VM with dstack-vmm") \
    X(GUEST_STORAGE_FS, "guest.storage_fs", "this guest has no such file system", \
      "the data disk is ext4 so far", \
      "leave storage_fs out, or set it to ext4") \
    X(GUEST_SYS_CONFIG_INVALID, "guest.sys_config_invalid", "the host's configuration is malformed", \
      "addresses and documents in it are the host's word, and taken only in their exact form", \
      "start the VM with dstack-vmm") \
    X(GUEST_USER_CONFIG_MISMATCH, "guest.user_config_mismatch", ".user-config is not the one that the app pinned", \
      "app-compose, which is measured, names its hash, and the host handed over another file or none", \
      "hand over the file that was pinned; another user_config_hash makes another app") \
    X(GUEST_EVENT_VERSION, "guest.event_version", "this guest cannot write that version of the event log", \
      "so far runtime events have digests of version 1", \
      "leave event_log_version out") \
    X(GUEST_APP_FEATURE, "guest.app_feature", "app-compose asks for something that this guest does not do", \
      "a script that is not run or a requirement that nobody checks would pass for kept", \
      "leave that field out of app-compose") \
    X(GUEST_REGISTRY_UNTRUSTED, "guest.registry_untrusted", "a registry does not prove itself by TLS", \
      "its certificate must follow from the CA that the measured app-compose names for it", \
      "give the registry's CA as x-dstack.registries in the compose file; check its certificate's names and dates") \
    X(GUEST_IMAGE_UNKNOWN, "guest.image_unknown", "the registry has no image of this digest", \
      "a digest names content; what is not exactly that content is not run", \
      "check the digest in the compose file, and push the image") \
    X(GUEST_IMAGE_PULL, "guest.image_pull", "an image could not be pulled", \
      "its registry does not answer, or refuses", \
      "check that the registry runs and is named for this VM (dstack up --registry), or that app-compose asks for the internet") \
    X(GUEST_KMS_USAGE, "guest.kms_usage", "what answers as the KMS shows another kind of certificate", \
      "the KMS's root signs apps as well, and an app must not pass for the KMS", \
      "check kms_urls; somebody put an app's certificate in the KMS's place") \

#define DS_CODES_VERIFIER(X) \
    X(VERIFIER_ANCHOR_FILE, "verifier.anchor_file", "a root certificate cannot be read", \
      "an anchor is one X.509 certificate as PEM", \
      "give the file of the root itself, not of a chain or a key") \
    X(VERIFIER_POLICY_FILE, "verifier.policy_file", "the verifier's policy document cannot be read from its file", \
      "the file that policy in the configuration names is not there, or may not be read", \
      "name the file of a policy document, and try it with `dstack policy check FILE`") \
    X(VERIFIER_BUSY, "verifier.busy", "the verifier has more to do than it can", \
      "requests wait in a queue of bounded length, and none for longer than a client would", \
      "ask again after the time in Retry-After; more processors, or limits.queue, if that is the rule") \
    X(VERIFIER_CERTIFICATE_USE, "verifier.certificate_use", "the certificate is not one for TLS", \
      "it must be signed by itself, for signatures, for a client or a server, and carry a name", \
      "give the certificate that the service shows, not that of a CA") \
    X(VERIFIER_EVIDENCE_UNKNOWN, "verifier.evidence_unknown", "the bytes are no evidence that is verified here", \
      "they are told by how they begin, and must be what their media type says", \
      "send one of the kinds that are named, whole and as its platform made it, or its media type if the bytes are right") \
    X(VERIFIER_IMAGE_NOT_HERE, "verifier.image_not_here", "the image that the evidence names would have to be downloaded", \
      "older guests send only its hash; this verifier predicts registers from the image's documents, and fetches none", \
      "use a guest that sends tdx_measurement in vm_config") \
    X(VERIFIER_KEY_FILE, "verifier.key_file", "the key that signs results cannot be used", \
      "who has it can sign in this verifier's name, so only its owner may read the file", \
      "chmod 600 the file, or give another in result.key; the state directory is DSTACK_STATE") \
    X(VERIFIER_MEDIA_TYPE, "verifier.media_type", "evidence of this media type is not read", \
      "the type says how the bytes are to be understood; a guess could be wrong", \
      "send one of the types in the Accept header of the answer, or in a session's accept list") \
    X(VERIFIER_NO_EVIDENCE, "verifier.no_evidence", "a part of the evidence is missing", \
      "a quote needs its event log and vm_config to say anything of an app, a certificate its extension", \
      "post the whole reply of GetQuote or Attest") \
    X(VERIFIER_NO_SESSION, "verifier.no_session", "there is no such session", \
      "sessions end by themselves, earlier when one caller opens very many, and with the verifier", \
      "open a new session") \
    X(VERIFIER_NOT_ACCEPTABLE, "verifier.not_acceptable", "the result does not come in a form that the caller accepts", \
      "the Accept header names only forms that are not made here", \
      "accept application/json, application/eat+jwt or application/eat+cwt; for sessions and keys their own media types") \
    X(VERIFIER_SESSION_STATE, "verifier.session_state", "the session has had its evidence", \
      "a nonce is answered once; a second answer would be a replay", \
      "open a new session") \
    X(VERIFIER_TOO_MANY, "verifier.too_many", "the verifier was asked too often", \
      "each source and all together have a rate", \
      "ask again after the time in Retry-After; rate.source and rate.all are in the configuration") \

#define DS_CODES_CLI(X) \
    X(CLI_APP_BUSY, "cli.app_busy", "another dstack is changing this app", \
      "two at once would undo each other: 'up' and 'down --remove' of one name take turns", \
      "wait until the process that is named has ended, and run the command again") \
    X(CLI_BOOT_ENDED, "cli.boot_ended", "the VM ended before the app ran", \
      "QEMU stopped and the guest did not say why", \
      "see the console with 'dstack logs NAME'") \
    X(CLI_BOOT_TIMEOUT, "cli.boot_timeout", "the app did not run in the time given", \
      "without KVM a boot takes a minute or more; pulling images takes longer", \
      "wait with --timeout, and see 'dstack logs NAME'") \
    X(CLI_CODE_UNKNOWN, "cli.code_unknown", "there is no such error code", \
      "codes are dotted words such as policy.simulated_evidence", \
      "'dstack explain' without a code lists all of them") \
    X(CLI_COMPOSE_INVALID, "cli.compose_invalid", "the compose file cannot be used", \
      "Docker Compose reads it, and x-dstack keys are those of app-compose", \
      "mend the file as the message says; docs/compose.md says what works") \
    X(CLI_DAEMON_FAILED, "cli.daemon_failed", "a daemon did not start", \
      "it ended or stayed silent; its log says why", \
      "look at the log that the message names, then run 'dstack doctor'") \
    X(CLI_NO_COMMAND, "cli.no_command", "there is no such command", \
      "commands are listed by 'dstack --help'", \
      "check the spelling") \
    X(CLI_NO_COMPOSE, "cli.no_compose", "Docker Compose is not on this machine", \
      "it reads the compose file; no container engine is needed here", \
      "install Debian's package docker-compose") \
    X(CLI_COMPOSE_IMAGE, "cli.compose_image", "a service's image is not one that may run", \
      "a tag is whatever a registry says today; the VM runs only what is measured or named by digest", \
      "name it as name@sha256:..., hand it over under x-dstack.images, or set x-dstack.allow_tags: true (docs/compose.md)") \
    X(CLI_COMPOSE_BUILD, "cli.compose_build", "a service is to be built inside the VM", \
      "its sources do not travel into the VM, and what is built there is not measured", \
      "build it here, copy the image into an OCI layout, and name that under x-dstack.images (docs/compose.md shows how)") \
    X(CLI_COMPOSE_HOST_FILE, "cli.compose_host_file", "the compose file uses a file of this machine", \
      "only the compose file and images travel into the VM; a path in it is the VM's own", \
      "put the file into the image, write it into the compose file (configs with content, environment), or keep data in a named volume (docs/compose.md)") \
    X(CLI_COMPOSE_VARIABLE, "cli.compose_variable", "a variable of the compose file gets no value in the VM", \
      "Compose runs in the VM; neither .env nor this shell's environment travels there", \
      "write the value or a default into the file, or $$ for a plain dollar; docs/compose.md says how an app gets secret values") \
    X(CLI_NO_IMAGE, "cli.no_image", "there is no guest image", \
      "a VM boots from an image in the images directory", \
      "make one with './dev image'") \
    X(CLI_NO_VM, "cli.no_vm", "there is no VM of this name", \
      "names and ids are those of 'dstack ps'", \
      "check the name, or start the app with 'dstack up'") \
    X(CLI_VM_NOT_RUNNING, "cli.vm_not_running", "the app's VM cannot be asked: it stands still, or its boot failed", \
      "evidence and the containers' logs come out of the running guest", \
      "start it with 'dstack up' and its compose file; 'dstack logs NAME' shows the console of the last boot") \
    X(CLI_OCI_INVALID, "cli.oci_invalid", "an OCI image layout is damaged or of another form", \
      "every blob must hash to its digest, and there must be one image for linux/amd64", \
      "make the layout anew") \
    X(CLI_CHECK_FAILED, "cli.check_failed", "this machine lacks something that dstack needs", \
      "each failed check says what it is and how to mend it", \
      "do what the failed checks say, then run 'dstack doctor' again") \
    X(CLI_NO_ANSWER, "cli.no_answer", "the app's published port does not answer", \
      "the containers were started, but nothing serves HTTP there", \
      "look at 'dstack logs NAME'; if the app needs longer, wait and try the address yourself") \
    X(CLI_OTHER_APP, "cli.other_app", "a VM of this name is another app", \
      "an app's id is fixed when its VM is made; an upgrade keeps it, and 'up' records it", \
      "choose another --name, or remove the VM: dstack down NAME --remove") \
    X(CLI_OTHER_KMS, "cli.other_kms", "the KMS is not the one that this app got its keys from", \
      "the keys of an app and of its disk come from one root, which 'up' recorded; another KMS has others, and may be anybody's", \
      "put the KMS's state directory back; or begin anew without the data: dstack down NAME --remove, then dstack up") \
    X(CLI_RECORD_DAMAGED, "cli.record_damaged", "the record of what 'dstack up' deployed cannot be read", \
      "verify compares with it, and an upgrade takes the app's id from it", \
      "put the file back from a copy, or remove the app: dstack down NAME --remove --force") \
    X(CLI_NO_RECORD, "cli.no_record", "nothing says which app should run here", \
      "evidence proves what runs; whether that is what was wanted only a record of 'dstack up' can say", \
      "deploy it with 'dstack up' as this user; or look at it without comparing: dstack verify NAME --any-app") \
    X(CLI_KMS_KIND, "cli.kms_kind", "the KMS's root was born for another kind of machine", \
      "a root is hardware or simulated for ever: a hardware one refuses simulated evidence, a simulated one protects nothing", \
      "use another state directory (DSTACK_STATE), or stop dstack-kms and move its directory kms away: its keys and the apps' disks go with it") \
    X(CLI_EVIDENCE_FILE, "cli.evidence_file", "the file holds no evidence that can be read", \
      "it may be a versioned attestation, a reply with one in hex, or a TDX quote of version 4", \
      "save the reply of Attest, or the quote itself") \
    X(CLI_POLICY_FILE, "cli.policy_file", "a policy document cannot be read from its file", \
      "the file is not there, or may not be read", \
      "name the file of a policy document; docs/policy.md says what stands in one") \
    X(CLI_ANCHOR_FILE, "cli.anchor_file", "a root certificate cannot be read", \
      "an anchor is one X.509 certificate as PEM", \
      "give the file of the root itself, not of a chain or a key") \
    X(CLI_NAME_INVALID, "cli.name_invalid", "this is no name for an app", \
      "a name is a directory too: letters, digits, blanks and -_.@~!$^(), at most 64, no dot first", \
      "choose another --name") \

/* The sections end here. */
/* clang-format on */

#define DS_CODE_LIST(X)    \
    DS_CODES_BASE(X)       \
    DS_CODES_CODEC(X)      \
    DS_CODES_CRYPTO(X)     \
    DS_CODES_MERKLE(X)     \
    DS_CODES_ATTEST(X)     \
    DS_CODES_MEASURE(X)    \
    DS_CODES_POLICY(X)     \
    DS_CODES_LIB(X)        \
    DS_CODES_APP(X)        \
    DS_CODES_EAR(X)        \
    DS_CODES_NET(X)        \
    DS_CODES_RATLS(X)      \
    DS_CODES_RPC(X)        \
    DS_CODES_TEE(X)        \
    DS_CODES_SIMTEE(X)     \
    DS_CODES_COLLATERAL(X) \
    DS_CODES_STORE(X)      \
    DS_CODES_DISK(X)       \
    DS_CODES_KMS(X)        \
    DS_CODES_VMM(X)        \
    DS_CODES_GUEST(X)      \
    DS_CODES_VERIFIER(X)   \
    DS_CODES_CLI(X)

enum ds_code {
    DS_CODE_NONE = 0,
#define X(name, id, what, why, fix) DS_CODE_##name,
    DS_CODE_LIST(X)
#undef X
        DS_CODE_COUNT,
};

struct ds_code_info {
    const char *id, *what, *why, *fix; /* never NULL */
};

/* The row of a code; DS_CODE_NONE and unknown values give a row of empty texts. */
const struct ds_code_info *ds_code_info_get(enum ds_code code);

/* The code with this dotted id; DS_CODE_NONE if there is none. */
enum ds_code ds_code_find(const char *id);
