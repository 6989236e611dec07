# SPDX-License-Identifier: Apache-2.0
"""The owner of a simulated machine as an attacker: evidence and collateral taken apart, changed, and
signed anew under the machine's own root, so that only the wanted thing is wrong.

The keys follow from machine.key (src/simtee/pki.c); that they fit is shown by test_tampering.py, which
has unchanged evidence accepted after it was signed here.
"""

import datetime
import hashlib
import json
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
RUNTIME = 0x08000001  # dstack's event type
MARKER = x509.ObjectIdentifier("2.25.87004685595501205687623033636980005123.1")
ATTESTATION = x509.ObjectIdentifier("1.3.6.1.4.1.62397.1.8")
DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def iso(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def public(key):
    """x || y"""
    return key.public_key().public_bytes(serialization.Encoding.X962,
                                         serialization.PublicFormat.UncompressedPoint)[1:]


def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def sign(key, message):
    """ECDSA P-256/SHA-256 as r || s"""
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def machine_keys(path):
    """{"root", "platform-ca", "pck", "tcb-signing", "qe-attestation"} of a machine.key."""
    with open(path, "rb") as file:
        machine = file.read()
    keys = {}
    for label in ("root", "platform-ca", "pck", "tcb-signing", "qe-attestation"):
        for i in range(8):
            info = b"dstack-simtee-v1:" + label.encode() + bytes([i])
            scalar = int.from_bytes(HKDF(hashes.SHA256(), 32, b"RATLS", info).derive(machine), "big")
            if 0 < scalar < P256_ORDER:
                keys[label] = ec.derive_private_key(scalar, ec.SECP256R1())
                break
    return keys


class Quote:
    """A TDX quote of version 4 in its parts; `chain` is PEM."""

    REGISTERS = 48 + 328  # of RTMR0, in the signed part
    FIELDS = {"version": (0, 2), "key_type": (2, 2), "tee_type": (4, 4), "vendor": (12, 16), "user_data": (28, 20),
              "td_attributes": (48 + 120, 8), "mrtd": (48 + 136, 48), "mrconfigid": (48 + 184, 48),
              "rtmr0": (REGISTERS, 48), "rtmr1": (REGISTERS + 48, 48), "rtmr2": (REGISTERS + 96, 48),
              "rtmr3": (REGISTERS + 144, 48), "report_data": (48 + 520, 64)}

    def __init__(self, data):
        def take(n):
            nonlocal at
            at += n
            return data[at - n:at]
        at = 0
        self.signed = bytearray(take(632))
        end = struct.unpack("<I", take(4))[0] + at
        self.signature, self.attestation_key = take(64), take(64)
        assert struct.unpack("<HI", take(6)) == (6, end - at)
        self.qe_report, self.qe_signature = bytearray(take(384)), take(64)
        self.auth = take(struct.unpack("<H", take(2))[0])
        kind, n = struct.unpack("<HI", take(6))
        assert kind == 5
        self.chain = take(n).decode()
        assert at == end
        self.padding = data[at:]

    def __bytes__(self):
        chain = self.chain.encode()
        inner = (bytes(self.qe_report) + self.qe_signature + struct.pack("<H", len(self.auth)) + self.auth
                 + struct.pack("<HI", 5, len(chain)) + chain)
        outer = self.signature + self.attestation_key + struct.pack("<HI", 6, len(inner)) + inner
        return bytes(self.signed) + struct.pack("<I", len(outer)) + outer + self.padding

    def get(self, field):
        at, n = self.FIELDS[field]
        return bytes(self.signed[at:at + n])

    def set(self, field, value):
        at, n = self.FIELDS[field]
        assert len(value) == n
        self.signed[at:at + n] = value

    def flip(self, field):
        at, _ = self.FIELDS[field]
        self.signed[at] ^= 1

    def sign(self, key):
        self.signature = sign(key, bytes(self.signed))

    def vouch(self, attestation_key, pck):
        """The quoting enclave, on this platform, names another attestation key."""
        self.attestation_key = public(attestation_key)
        self.qe_report[320:352] = hashlib.sha256(self.attestation_key + self.auth).digest()
        self.qe_signature = sign(pck, bytes(self.qe_report))


def compact(n):
    """SCALE's compact number"""
    if n < 1 << 6:
        return bytes([n << 2])
    if n < 1 << 14:
        return struct.pack("<H", n << 2 | 1)
    return struct.pack("<I", n << 2 | 2)


class Event:
    def __init__(self, imr, kind, digest, name, payload):
        self.imr, self.kind, self.digest, self.name, self.payload = imr, kind, digest, name, payload

    def content_digest(self):
        return hashlib.sha384(struct.pack("<I", RUNTIME) + b":" + self.name + b":" + self.payload).digest()

    def measured(self):
        return self.content_digest() if self.kind == RUNTIME else self.digest


class Attestation:
    """dstack's versioned attestation, version 0, of a TDX machine."""

    def __init__(self, data):
        def take(n):
            nonlocal at
            at += n
            assert at <= len(data)
            return data[at - n:at]

        def number():
            mode = data[at] & 3
            assert mode < 3
            return int.from_bytes(take(1 << mode), "little") >> 2

        def text():
            return take(number())
        at = 0
        assert take(2) == b"\0\0"
        self.quote = Quote(text())
        self.events = [Event(*struct.unpack("<II", take(8)), text(), text(), text()) for _ in range(number())]
        self.runtime = [(text(), text()) for _ in range(number())]
        self.report_data, self.config = take(64), text()
        assert at == len(data)
        self.raw = None  # bytes to send instead

    def __bytes__(self):
        def text(data):
            return compact(len(data)) + data
        if self.raw is not None:
            return self.raw
        events = b"".join(struct.pack("<II", e.imr, e.kind) + text(e.digest) + text(e.name) + text(e.payload)
                          for e in self.events)
        runtime = b"".join(text(name) + text(payload) for name, payload in self.runtime)
        return (b"\0\0" + text(bytes(self.quote)) + compact(len(self.events)) + events
                + compact(len(self.runtime)) + runtime + self.report_data + text(self.config))

    def find(self, name):
        """The index of a runtime event."""
        return next(i for i, e in enumerate(self.events) if e.kind == RUNTIME and e.name == name)

    def replay(self, imr):
        register = bytes(48)
        for event in self.events:
            if event.imr == imr:
                register = hashlib.sha384(register + event.measured()).digest()
        return register

    def measure(self, *registers):
        """The quote's registers become those of the log; it is to be signed again."""
        for imr in registers:
            self.quote.set(f"rtmr{imr}", self.replay(imr))

    def cut_before(self, name):
        """As the log was before this event."""
        self.events = self.events[:self.find(name)]
        names = [event[0] for event in self.runtime]
        self.runtime = self.runtime[:names.index(name)]
        self.measure(3)

    def bind(self, report_data):
        self.report_data = report_data
        self.quote.set("report_data", report_data)

    def vm_config(self):
        return json.loads(self.config)

    def set_vm_config(self, config):
        self.config = json.dumps(config, separators=(",", ":")).encode()


def certificates(pem):
    return x509.load_pem_x509_certificates(pem.encode() if isinstance(pem, str) else pem)


def pem(*certs):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certs).decode()


def reissue(cert, key, algorithm=None, **change):
    """The same certificate but for what is named, signed by `key`. Extensions by OID; None removes one."""
    change = {"subject": cert.subject, "issuer": cert.issuer, "not_before": cert.not_valid_before_utc,
              "not_after": cert.not_valid_after_utc, "public_key": cert.public_key(), "extensions": {}, **change}
    builder = (x509.CertificateBuilder().subject_name(change["subject"]).issuer_name(change["issuer"])
               .public_key(change["public_key"]).serial_number(cert.serial_number)
               .not_valid_before(change["not_before"]).not_valid_after(change["not_after"]))
    extensions = {e.oid: (e.value, e.critical) for e in cert.extensions}
    extensions.update(change["extensions"])
    for value in filter(None, extensions.values()):
        builder = builder.add_extension(*value)
    return builder.sign(key, algorithm or hashes.SHA256())


def rekey(cert, key, issuer_key):
    """The same certificate in another PKI: other keys, no marker."""
    return reissue(cert, issuer_key, public_key=key.public_key(), extensions={
        MARKER: None,
        x509.SubjectKeyIdentifier.oid: (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        x509.AuthorityKeyIdentifier.oid:
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)})


def revocation_list(old_der, key, revoked=(), **change):
    """The same list but for what is named."""
    old = x509.load_der_x509_crl(old_der)
    change = {"issuer": old.issuer, "last": old.last_update_utc, "next": old.next_update_utc, **change}
    builder = (x509.CertificateRevocationListBuilder().issuer_name(change["issuer"])
               .last_update(change["last"]).next_update(change["next"]))
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    for serial in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(change["last"]).build())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


class Collateral(dict):
    """What GetSimulatedCollateral gives."""

    def edit(self, which, key, change):
        """`which` is tcb_info or qe_identity: its text with a change, signed by the TCB signer."""
        document = json.loads(self[which])
        change(document)
        self[which] = json.dumps(document, separators=(",", ":"))
        self.sign(which, key)

    def sign(self, which, key):
        self[f"{which}_signature"] = sign(key, self[which].encode()).hex()

    def chain(self, which):
        return certificates(self[f"{which}_issuer_chain"])

    def set_chain(self, which, certs):
        self[f"{which}_issuer_chain"] = pem(*certs)


def report_data_of(key):
    return hashlib.sha512(b"ratls-cert:" + spki(key)).digest()


def client_certificate(key, attestation=None):
    """A self-signed certificate, with evidence in the extension where dstack has it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a guest, so it says")])
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now() - DAY)
               .not_valid_after(now() + DAY))
    if attestation is not None:
        n = len(attestation)
        length = bytes([n]) if n < 0x80 else bytes([0x80 | (n.bit_length() + 7) // 8]) + \
            n.to_bytes((n.bit_length() + 7) // 8, "big")
        builder = builder.add_extension(x509.UnrecognizedExtension(ATTESTATION, b"\x04" + length + attestation), False)
    return builder.sign(key, hashes.SHA256())


def signing_request(key, attestation):
    """(dstack's request for a certificate, version 2; its signature): client certificate, no more."""
    def text(data):
        return compact(len(data)) + data
    request = (text(b"please sign cert:") + text(spki(key)) + b"\0" + text(b"an app, so it says") + compact(0)
               + b"\0\1\0\0" + b"\0\0" + attestation)
    return request, key.sign(request, ec.ECDSA(hashes.SHA256()))
