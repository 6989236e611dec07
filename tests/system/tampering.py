# SPDX-License-Identifier: Apache-2.0
"""The tampering table: what an attacker changes, where, and what refuses it.

A row's change is made on a Case: evidence of a VM that really booted, its collateral, and the keys of
the machine's simulated root, so that whatever else is signed stays signed. test_tampering.py walks the
rows: VERIFY rows meet `dstack verify FILE`, KMS rows meet dstack-kms over TLS.
"""

import base64
import dataclasses
import hashlib
import json
import os
import sys
import tempfile
import typing

from cryptography import x509
from cryptography.hazmat.primitives import hashes

import forge
from forge import DAY, RUNTIME

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools", "acpi"))
import blobs  # noqa: E402

# What meets the change: `dstack verify FILE`, `dstack verify NAME` with a VMM in between that answers as
# it likes, the machine's KMS asked for boot keys and for a certificate, and KMS of their own: with another
# root, born hardware, with a VMM that lies.
VERIFY, VERIFY_NAME, KMS, SIGN_CERT, OTHER_KMS, HARDWARE_KMS, LIED_TO_KMS = range(7)
FILE = "root in "  # as `verify FILE` names the anchor; the path follows
MACHINE = "simulated root of this machine"  # as the KMS names it
UNREAD = "none: refused before any signature"
LOADER_ROOT = "the compiled-in roots and those given"


@dataclasses.dataclass
class Case:
    keys: dict
    attestation: forge.Attestation
    collateral: forge.Collateral
    anchor: typing.Optional[str] = "--simulated-anchor"  # how the machine's root is given
    custom_root: typing.Optional[str] = None  # PEM of a root that is given beside it
    key: object = dataclasses.field(default_factory=forge.new_key)  # the caller's, towards the KMS
    shows_evidence: bool = True
    answers: typing.Optional[typing.Callable] = None  # VERIFY_NAME: before the VMM gives evidence for a nonce
    credential: typing.Callable = lambda chain: chain  # SIGN_CERT: the certificates shown, from the true ones
    vmm: typing.Optional[typing.Callable] = None  # LIED_TO_KMS: the VMM's reply, from the true one

    @property
    def quote(self):
        return self.attestation.quote

    def sign(self):
        self.quote.sign(self.keys["qe-attestation"])

    def pck_chain(self, leaf=None, intermediate=None):
        """Put changed certificates into the quote: functions from the old one to the new one."""
        certs = forge.certificates(self.quote.chain)
        certs[0] = leaf(certs[0]) if leaf else certs[0]
        certs[1] = intermediate(certs[1]) if intermediate else certs[1]
        self.quote.chain = forge.pem(*certs)

    def crl(self, which, key, **change):
        old = bytes.fromhex(self.collateral[which])
        self.collateral[which] = forge.revocation_list(old, self.keys[key], **change).hex()

    def edit(self, which, change):
        self.collateral.edit(which, self.keys["tcb-signing"], change)

    def vm_config(self, change):
        config = self.attestation.vm_config()
        change(config)
        self.attestation.set_vm_config(config)


def then(*steps):
    """One way of several steps."""
    def way(case):
        for step in steps:
            step(case)
    return way


def flip(data, at=0):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def signed(case):
    case.sign()


def quote_field(field):
    return lambda c: c.quote.flip(field)


def quote_part(name, change):
    return lambda c: setattr(c.quote, name, change(getattr(c.quote, name)))


def foreign_attestation_key(c):
    """Signed well, by a key that no quoting enclave made."""
    key = forge.new_key()
    c.quote.attestation_key = forge.public(key)
    c.quote.sign(key)


def foreign_pck(c):
    """A quote that another platform's key vouches for, under this platform's certificate."""
    key = forge.new_key()
    c.quote.vouch(key, forge.new_key())
    c.quote.sign(key)


def leaf(key="platform-ca", **change):
    return lambda c: c.pck_chain(leaf=lambda cert: forge.reissue(cert, c.keys[key], **change))


def intermediate(key="root", **change):
    return lambda c: c.pck_chain(intermediate=lambda cert: forge.reissue(cert, c.keys[key], **change))


def named(cn):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)])


def extension(value, critical=True, oid=None):
    return {oid or value.oid: value and (value, critical)}


def chain(change):
    """Certificates of the quote in another number or order."""
    return lambda c: setattr(c.quote, "chain", forge.pem(*change(forge.certificates(c.quote.chain))))


def revoked(which, key, find):
    return lambda c: c.crl(which, key, revoked=[find(c).serial_number])


def in_quote(n):
    return lambda c: forge.certificates(c.quote.chain)[n]


def tcb_signer(c):
    return c.collateral.chain("tcb_info")[0]


def signer(**change):
    """The certificate that signs TCB info and QE identity, issued anew."""
    def way(c):
        certs = c.collateral.chain("tcb_info")
        certs[0] = forge.reissue(certs[0], c.keys["root"], **change)
        for which in ("tcb_info", "qe_identity"):
            c.collateral.set_chain(which, certs)
    return way


def aged(which, days):
    """The document is of another time, and lasts 30 days."""
    issue = forge.now() + days * DAY
    return lambda c: c.edit(which, lambda d: d.update(issueDate=forge.iso(issue),
                                                      nextUpdate=forge.iso(issue + 30 * DAY)))


def document(which, change):
    return lambda c: c.edit(which, change)


def unsigned(which):
    """One blank more; the signature is the old one."""
    return lambda c: c.collateral.update({which: c.collateral[which] + " "})


def level(status):
    return document("tcb_info", lambda d: d["tcbLevels"][0].update(tcbStatus=status))


def without(*keys):
    def way(c):
        for key in keys:
            del c.collateral[key]
    return way


def other_root(c):
    """Collateral of another PKI, whose root is given as well."""
    root, signing = forge.new_key(), forge.new_key()
    old, old_root = c.collateral.chain("tcb_info")
    certs = [forge.rekey(old, signing, root), forge.rekey(old_root, root, root)]
    for which in ("tcb_info", "qe_identity"):
        c.collateral.set_chain(which, certs)
        c.collateral.sign(which, signing)
    c.custom_root = forge.pem(certs[1])


def events(change):
    """The log is changed on the wire; the quote is the old one."""
    return lambda c: change(c.attestation)


def swap(first, second):
    def way(c):
        log = c.attestation
        a, b = log.find(first), log.find(second)
        log.events[a], log.events[b] = log.events[b], log.events[a]
    return way


def doubled(name):
    def way(c):
        at = c.attestation.find(name)
        c.attestation.events.insert(at, c.attestation.events[at])
    return way


def content(name, change):
    def way(c):
        event = c.attestation.events[c.attestation.find(name)]
        event.payload = change(event.payload)
    return way


def measured(*registers):
    """The platform really measured what the log says now: the quote covers it."""
    def way(c):
        c.attestation.measure(*registers)
        c.sign()
    return way


def content_and_digest(name, change):
    def way(c):
        content(name, change)(c)
        event = c.attestation.events[c.attestation.find(name)]
        event.digest = event.content_digest()
    return way


def bare(name):
    """A runtime event as a boot event with the same digest: the register still replays."""
    def way(c):
        event = c.attestation.events[c.attestation.find(name)]
        event.digest, event.kind = event.content_digest(), 13
    return way


def moved_colon(c):
    """The border between name and content is a colon: with another one in the content, it can be moved."""
    event = c.attestation.events[c.attestation.find(b"key-provider")]
    before, event.payload = event.payload.split(b":", 1)
    event.name += b":" + before


def extra_boot_event(c):
    c.attestation.events.insert(0, forge.Event(1, 13, hashlib.sha384(b"an option ROM").digest(), b"", b""))
    measured(1)(c)


def dropped(n):
    return lambda c: setattr(c.attestation, "events", c.attestation.events[:-n])


def config(**change):
    return lambda c: c.vm_config(lambda v: v.update(change))


def without_config(key):
    return lambda c: c.vm_config(lambda v: v.pop(key))


def measurement_document(c):
    def change(v):
        old = base64.b64decode(v["tdx_measurement"]["measurement"])
        v["tdx_measurement"]["measurement"] = base64.b64encode(flip(old, len(old) - 1)).decode()
    c.vm_config(change)


def raw(change):
    return lambda c: setattr(c.attestation, "raw", change(bytes(c.attestation)))


def acpi_table(c):
    """One more ACPI table on QEMU's command line, and a platform that measures what its firmware reads."""
    v = c.attestation.vm_config()
    shape = blobs.Shape(v["cpu_count"], v["memory_size"] >> 20, nics=1, volumes=v["num_verity_volumes"])
    with tempfile.NamedTemporaryFile() as table:
        table.write(b"code of the host's choice")
        table.flush()
        new = blobs.read_blobs(shape, more=["-acpitable", f"sig=SSDT,data={table.name}"])
    own = [event for event in c.attestation.events if event.imr == 0 and event.payload == b"ACPI DATA"]
    for event, digest in zip(own, blobs.digests(new).values(), strict=True):
        event.digest = bytes.fromhex(digest)
    measured(0)(c)


def other_app(c, app_id=None):
    """A VM that was launched for another app, and says so all the way."""
    compose_hash = hashlib.sha256(b"another app-compose.json").digest()
    app_id = app_id or compose_hash[:20]
    log, v = c.attestation, c.attestation.vm_config()
    for name, new in ((b"app-id", app_id), (b"compose-hash", compose_hash)):
        event = log.events[log.find(name)]
        v["mr_config"] = v["mr_config"].replace(f'"{event.payload.hex()}"', f'"{new.hex()}"')
        event.payload = new
        event.digest = event.content_digest()
    log.set_vm_config(v)
    digest = hashlib.sha256(b"dstack-mr-config-v3:\0" + v["mr_config"].encode()).digest()
    c.quote.set("mrconfigid", b"\3" + digest + bytes(15))
    measured(3)(c)


def other_compose(c):
    log = c.attestation
    other_app(c, app_id=log.events[log.find(b"app-id")].payload)


def nonce_bound(c, nonce):
    """The evidence answers the verifier's nonce."""
    log = c.attestation
    instance = log.events[log.find(b"instance-id")].payload
    log.bind(hashlib.sha512(b"dstack-verify:" + nonce + instance).digest())
    c.sign()


def answering(change):
    """The VMM asks for evidence for this nonce, and gets it with a change."""
    def way(c):
        def answer(nonce):
            change(c)
            nonce_bound(c, nonce)
        c.answers = answer
    return way


def shown(credential):
    return lambda c: setattr(c, "credential", credential)


def vmm_says(reply):
    return lambda c: setattr(c, "vmm", reply)


def without_member(name):
    def reply(true):
        document = json.loads(true)
        del document[name]
        return json.dumps(document).encode()
    return reply


def other_root_in_reply(true):
    return json.dumps({**json.loads(true), "root_spki_sha256": "5a" * 32}).encode()


def no_evidence(c):
    c.shows_evidence = False


def system_ready(c):
    """The guest finished its boot: its app is in control."""
    log = c.attestation
    log.events.append(forge.Event(3, RUNTIME, b"", b"system-ready", b""))
    log.events[-1].digest = log.events[-1].content_digest()
    measured(3)(c)


def lent(c):
    """Evidence that another holds; the caller has a key of its own."""
    c.key = forge.new_key()


def vendor_of_tcb(d):
    d["tdxModule"]["mrsigner"] = d["tdxModuleIdentities"][0]["mrsigner"] = "01" * 48


@dataclasses.dataclass
class Row:
    name: str
    meets: int
    ways: list  # functions of a Case; or (what it meets, function). Each is refused alike
    code: str
    claim: str
    anchor: str


def row(name, meets, *ways, code, claim, anchor):
    return Row(name, meets, list(ways), code, claim, anchor)


TABLE = [
    # The quote.
    row("quote body or signature", VERIFY,
        *map(quote_field, ("mrtd", "mrconfigid", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "report_data", "td_attributes",
                           "user_data")),
        quote_part("signature", flip), quote_part("signature", lambda s: flip(s, 32)),
        quote_part("signature", lambda s: bytes(64)),
        code="attest.dcap.quote_signature", claim="quote", anchor=FILE),
    row("quote signed by another key", VERIFY, foreign_attestation_key,
        code="attest.dcap.qe_binding", claim="qe_report_data", anchor=FILE),
    row("quote of another platform", VERIFY, foreign_pck, quote_part("qe_report", flip),
        quote_part("qe_signature", flip),
        code="attest.dcap.qe_report_signature", claim="qe_report", anchor=FILE),
    row("quote header: version", VERIFY, then(lambda c: c.quote.set("version", b"\6\0"), signed),
        code="attest.dcap.version", claim="quote_version", anchor=UNREAD),
    row("quote header: TEE type", VERIFY, then(lambda c: c.quote.set("tee_type", b"\1" + bytes(3)), signed),
        code="attest.dcap.tee_type", claim="tee_type", anchor=UNREAD),
    row("quote header: key type", VERIFY, then(lambda c: c.quote.set("key_type", b"\3\0"), signed),
        code="attest.dcap.key_type", claim="attestation_key_type", anchor=UNREAD),
    row("quote header: vendor", VERIFY, then(quote_field("vendor"), signed),
        code="attest.dcap.qe_vendor", claim="qe_vendor_id", anchor=UNREAD),
    row("quote padding", VERIFY, quote_part("padding", lambda p: p + b"\1"),
        quote_part("padding", lambda p: p + bytes(70) + b"x"),
        code="attest.dcap.quote_padding", claim="padding", anchor=FILE),
    row("debug TD", VERIFY, then(quote_field("td_attributes"), signed),
        code="policy.debug", claim="debug", anchor=FILE),
    row("TD whose memory the host may take away unseen", VERIFY,
        then(lambda c: c.quote.set("td_attributes", bytes(8)), signed),
        code="policy.td_attributes", claim="td_attributes", anchor=FILE),

    # The PCK chain.
    row("PCK chain: certificate changed", VERIFY, leaf(key="root"), intermediate(key="platform-ca"),
        code="attest.x509.signature", claim="dstack simulated SGX PCK", anchor=FILE),
    row("PCK chain: intermediate missing or another order", VERIFY, chain(lambda c: [c[0], c[2]]),
        chain(lambda c: c[:2]), chain(lambda c: [*c, c[2]]),
        code="attest.x509.chain", claim="chain", anchor=UNREAD),
    row("PCK chain: another issuer", VERIFY, leaf(issuer=named("another CA")), chain(lambda c: [c[1], c[0], c[2]]),
        code="attest.x509.issuer", claim="dstack simulated SGX PCK", anchor=FILE),
    row("PCK chain: intermediate that is no CA", VERIFY,
        intermediate(extensions=extension(x509.BasicConstraints(False, None))),
        code="attest.x509.not_ca", claim="dstack simulated SGX PCK Platform CA", anchor=FILE),
    row("PCK chain: another algorithm", VERIFY, leaf(algorithm=hashes.SHA384()),
        code="attest.x509.algorithm", claim="dstack simulated SGX PCK Certificate", anchor=FILE),
    row("PCK chain: expired", VERIFY, leaf(not_after=forge.now() - DAY / 2),
        intermediate(not_after=forge.now() - DAY / 2),
        code="attest.x509.expired", claim="dstack simulated SGX PCK", anchor=FILE),
    row("PCK chain: of the future", VERIFY, leaf(not_before=forge.now() + DAY),
        intermediate(not_before=forge.now() + DAY),
        code="attest.x509.not_yet_valid", claim="dstack simulated SGX PCK", anchor=FILE),
    row("PCK chain: unknown critical extension", VERIFY,
        leaf(extensions=extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"))),
        code="attest.x509.critical_extension", claim="dstack simulated SGX PCK Certificate", anchor=FILE),
    row("PCK chain: leaf that is no PCK certificate", VERIFY, leaf(subject=named("somebody")),
        code="attest.dcap.pck_certificate", claim="pck_common_name", anchor=FILE),
    row("simulated anchor without marker", VERIFY, leaf(extensions={forge.MARKER: None}),
        intermediate(extensions={forge.MARKER: None}),
        code="attest.marker_missing", claim="dstack simulated SGX PCK", anchor=FILE),
    row("marker under another anchor", VERIFY, lambda c: setattr(c, "anchor", "--anchor"),
        code="attest.marker_unexpected", claim="dstack simulated SGX Root CA", anchor=FILE),
    row("unknown root", VERIFY, lambda c: setattr(c, "anchor", None), (LIED_TO_KMS, vmm_says(other_root_in_reply)),
        code="attest.root_unknown", claim="root_spki_sha256", anchor=LOADER_ROOT),

    # Revocation lists.
    row("intermediate or signer revoked", VERIFY, revoked("root_ca_crl", "root", in_quote(1)),
        revoked("root_ca_crl", "root", tcb_signer),
        code="attest.dcap.ca_revoked", claim="dstack simulated SGX", anchor=FILE),
    row("PCK revoked", VERIFY, revoked("pck_crl", "platform-ca", in_quote(0)),
        code="attest.dcap.pck_revoked", claim="pck_serial", anchor=FILE),
    row("revocation list out of date", VERIFY,
        lambda c: c.crl("root_ca_crl", "root", last=forge.now() - 31 * DAY, next=forge.now() - DAY),
        lambda c: c.crl("pck_crl", "platform-ca", last=forge.now() + DAY, next=forge.now() + 31 * DAY),
        code="attest.crl.dates", claim="dstack simulated SGX", anchor=FILE),
    row("revocation list signed by another", VERIFY, lambda c: c.crl("root_ca_crl", "platform-ca"),
        lambda c: c.crl("pck_crl", "root"),
        code="attest.crl.signature", claim="dstack simulated SGX", anchor=FILE),
    row("root's revocation list of another CA", VERIFY,
        lambda c: c.collateral.update(root_ca_crl=c.collateral["pck_crl"]),
        code="attest.crl.issuer", claim="crl_issuer", anchor=FILE),
    row("PCK revocation list of another CA", VERIFY,
        lambda c: c.collateral.update(pck_crl=c.collateral["root_ca_crl"]),
        code="attest.dcap.pck_crl", claim="pck_crl_issuer", anchor=FILE),
    row("revocation list damaged", VERIFY, lambda c: c.collateral.update(root_ca_crl=c.collateral["root_ca_crl"][:-2]),
        lambda c: c.collateral.update(pck_crl="30" + c.collateral["pck_crl"]),
        code="attest.crl.format", claim="form", anchor=FILE),

    # Signed collateral.
    row("TCB info expired", VERIFY, aged("tcb_info", -31),
        code="attest.dcap.tcb_info_expired", claim="tcb_info", anchor=FILE),
    row("TCB info of the future", VERIFY, aged("tcb_info", 1),
        code="attest.dcap.tcb_info_future", claim="tcb_info", anchor=FILE),
    row("TCB info changed", VERIFY, unsigned("tcb_info"),
        lambda c: c.collateral.sign("tcb_info", forge.new_key()),
        code="attest.dcap.tcb_info_signature", claim="tcb_info", anchor=FILE),
    row("TCB info of another platform", VERIFY, document("tcb_info", lambda d: d.update(fmspc="00906ED50000")),
        code="attest.dcap.tcb_info_mismatch", claim="fmspc", anchor=FILE),
    row("TCB info without this TDX module", VERIFY, document("tcb_info", vendor_of_tcb),
        code="attest.tdx.module_mismatch", claim="mrsignerseam", anchor=FILE),
    row("TCB below every level", VERIFY,
        document("tcb_info", lambda d: d["tcbLevels"][0]["tcb"].update(pcesvn=65535)),
        code="attest.dcap.tcb_not_supported", claim="pcesvn", anchor=FILE),
    row("TCB level revoked", VERIFY, level("Revoked"),
        code="policy.tcb_revoked", claim="tcb_status", anchor=FILE),
    row("TCB level out of date", VERIFY, level("OutOfDate"),
        code="policy.tcb_status", claim="tcb_status", anchor=FILE),
    row("QE identity expired", VERIFY, aged("qe_identity", -31),
        code="attest.dcap.qe_identity_expired", claim="qe_identity", anchor=FILE),
    row("QE identity of the future", VERIFY, aged("qe_identity", 1),
        code="attest.dcap.qe_identity_future", claim="qe_identity", anchor=FILE),
    row("QE identity changed", VERIFY, unsigned("qe_identity"),
        code="attest.dcap.qe_identity_signature", claim="qe_identity", anchor=FILE),
    row("QE identity of another enclave", VERIFY, document("qe_identity", lambda d: d.update(mrsigner="01" * 32)),
        code="attest.dcap.qe_identity_mismatch", claim="qe_mrsigner", anchor=FILE),
    row("QE below every level", VERIFY,
        document("qe_identity", lambda d: d["tcbLevels"][0]["tcb"].update(isvsvn=65535)),
        code="attest.dcap.qe_tcb_not_supported", claim="qe_isvsvn", anchor=FILE),
    row("collateral signed by a certificate that may not", VERIFY, signer(subject=named("somebody")),
        code="attest.dcap.tcb_signer", claim="signer_common_name", anchor=FILE),
    row("collateral of another root", VERIFY, other_root,
        code="attest.dcap.mixed_roots", claim="collateral_root", anchor=FILE),
    row("collateral withheld", VERIFY, without("root_ca_crl"), without("pck_crl"),
        without("tcb_info", "tcb_info_signature"), without("qe_identity", "qe_identity_signature"),
        code="attest.dcap.collateral_incomplete", claim="collateral", anchor=FILE),
    row("collateral damaged", VERIFY, lambda c: c.collateral.update(tcb_info="{}"),
        lambda c: c.collateral.update(tcb_info_signature="00"),
        code="attest.dcap.collateral_format", claim="form", anchor=UNREAD),

    # The event log.
    row("event changed", VERIFY, content(b"compose-hash", flip), content(b"app-id", flip),
        code="attest.log.entry", claim="-", anchor=FILE),
    row("events in another order", VERIFY, swap(b"app-id", b"compose-hash"), swap(b"app-id", b"boot-mr-done"),
        code="attest.log.order", claim="-", anchor=FILE),
    row("event twice", VERIFY, doubled(b"app-id"), then(doubled(b"boot-mr-done"), measured(3)),
        code="attest.log.duplicate", claim="-", anchor=FILE),
    row("log cut short", VERIFY, dropped(1), dropped(3), content_and_digest(b"compose-hash", flip),
        code="attest.log.mismatch", claim="rtmr3", anchor=FILE),
    row("event hidden behind a moved colon", VERIFY, moved_colon,
        code="attest.log.name", claim="key-provider", anchor=FILE),
    row("event of another length", VERIFY, then(content_and_digest(b"app-id", lambda p: p + b"x"), measured(3)),
        code="attest.log.payload", claim="app-id", anchor=FILE),

    # What travels beside the quote.
    row("wrapping cut, padded or of no version", VERIFY, raw(lambda b: b[:-1]), raw(lambda b: b + b"\0"),
        raw(lambda b: b"\7" + b[1:]), raw(lambda b: b"\x81" + b[1:]),
        code="attest.wrapper.format", claim="attestation", anchor=UNREAD),
    row("wrapping of another kind", VERIFY, raw(lambda b: b"\0\1" + b[2:]),
        code="attest.wrapper.unsupported", claim="attestation", anchor=UNREAD),
    row("vm_config: another memory size", VERIFY,
        lambda c: c.vm_config(lambda v: v.update(memory_size=v["memory_size"] * 2)),
        code="policy.shape_mismatch", claim="td-hob", anchor=FILE),
    row("vm_config: a shape that nobody measured", VERIFY, config(cpu_count=65),
        code="measure.shape_unproven", claim="vm_config", anchor="vm_config"),
    row("vm_config: malformed", VERIFY, without_config("os_image_hash"), config(cpu_count="two"),
        code="app.vm_config_format", claim="vm_config", anchor="vm_config"),
    row("vm_config: another image", VERIFY, config(os_image_hash="00" * 32), measurement_document,
        code="app.image_documents", claim="m", anchor="sha256sum.txt"),
    row("mr_config withheld", VERIFY, without_config("mr_config"),
        code="app.mr_config_missing", claim="mr_config", anchor="MRCONFIGID"),
    row("an option ROM measured", VERIFY, extra_boot_event,
        code="policy.boot_events_mismatch", claim="rtmr1", anchor=FILE),

    row("an ACPI table on QEMU's command line", VERIFY, acpi_table,
        code="policy.acpi_mismatch", claim="acpi", anchor=FILE),

    # A VMM between `verify NAME` and the VM.
    row("wrong nonce", VERIFY_NAME, lambda c: setattr(c, "answers", lambda nonce: None),
        lambda c: setattr(c, "answers", lambda nonce: nonce_bound(c, flip(nonce))),
        code="policy.report_data", claim="report_data", anchor=MACHINE),
    row("another VM's quote", VERIFY_NAME, answering(other_app),
        code="policy.app_id", claim="app_id", anchor=MACHINE),
    row("the quote of another VM of the app", VERIFY_NAME,
        answering(then(content_and_digest(b"instance-id", flip), measured(3))),
        code="policy.instance_id", claim="instance_id", anchor=MACHINE),
    row("the quote of a VM with another compose file", VERIFY_NAME, answering(other_compose),
        code="policy.compose_hash", claim="compose_hash", anchor=MACHINE),

    # Towards the KMS.
    row("an app that nobody allowed", KMS, then(other_app, signed),
        code="kms.app_not_registered", claim="app_id", anchor="allow-list"),
    row("another compose file of the app", KMS, then(other_compose, signed),
        code="kms.compose_not_allowed", claim="compose_hash", anchor="allow-list"),
    row("collateral that the VMM withholds", LIED_TO_KMS, vmm_says(lambda true: b""), vmm_says(lambda true: b"{}"),
        vmm_says(lambda true: true[:-1]), vmm_says(without_member("collateral")),
        vmm_says(without_member("root_spki_sha256")), vmm_says(lambda true: true + b" " * (64 << 20)),
        vmm_says(lambda true: b"[" * (1 << 20)),
        code="kms.no_collateral", claim="GetSimulatedCollateral", anchor="vmm"),
    row("no evidence", KMS, no_evidence,
        code="kms.no_evidence", claim="evidence", anchor="this KMS"),
    row("a replayed quote", KMS, lent,
        code="ratls.key_not_bound", claim="report_data", anchor=MACHINE),
    row("boot keys after system-ready", KMS, system_ready,
        code="kms.evidence_after_boot", claim="event log", anchor="RTMR3"),
    row("system-ready hidden behind its digest", KMS, then(system_ready, bare(b"system-ready")),
        code="attest.log.foreign_event", claim="system-ready", anchor=MACHINE),
    row("boot keys before the app is measured", KMS, then(lambda c: c.attestation.cut_before(b"boot-mr-done"), signed),
        code="kms.evidence_incomplete", claim="event log", anchor="RTMR3"),
    row("SignCert without the instance credential", SIGN_CERT, shown(lambda chain: []),
        shown(lambda chain: [forge.client_certificate(forge.new_key())]),
        code="kms.no_credential", claim="client certificate", anchor="this KMS"),
    row("SignCert with a credential of one's own making", SIGN_CERT,
        shown(lambda chain: [forge.reissue(chain[0], forge.new_key())]),
        code="kms.credential_invalid", claim="instance credential", anchor="app CA"),
    row("SignCert with the credential of another instance", SIGN_CERT,
        then(content_and_digest(b"instance-id", flip), measured(3)),
        code="kms.credential_other", claim="instance id", anchor="instance credential"),
    row("simulated evidence to a hardware-born KMS", HARDWARE_KMS, lambda c: None,
        code="kms.root_is_hardware", claim="kind", anchor=MACHINE),
    row("a VM of another KMS", OTHER_KMS, lambda c: None,
        code="kms.other_provider", claim="key_provider_id", anchor="MRCONFIGID"),
]
