# SPDX-License-Identifier: Apache-2.0
"""Intel's and AMD's collateral services on loopback, over documents made here or recorded ones.

Intel and Amd make a vendor's PKI and documents under a root of their own; Server serves replies and
does what a fault tells it to: each fault is a function of the request, called before the reply.
"""

import datetime
import http.server
import json
import ssl
import threading
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

import forge

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
FMSPC = "00906ea10000"
YEARS = datetime.timedelta(days=3650)


def name(cn):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])


class Authority:
    """A key with its certificate, which may issue."""

    def __init__(self, cn, issuer=None, key=None, is_ca=True, extensions=(), pss=False):
        self.key, self.pss = key or forge.new_key(), pss
        self.issuer = issuer or self
        start = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        by = issuer.cert.subject if issuer else name(cn)
        builder = (x509.CertificateBuilder().subject_name(name(cn)).issuer_name(by)
                   .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(start).not_valid_after(start + 2 * YEARS)
                   .add_extension(x509.BasicConstraints(is_ca, None), True)
                   .add_extension(x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False),
                                  True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       self.issuer.key.public_key()), False))
        for oid, value in extensions:
            builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False)
        self.cert = builder.sign(self.issuer.key, **self.issuer.algorithm())

    def algorithm(self):
        if not self.pss:
            return {"algorithm": hashes.SHA256()}
        return {"algorithm": hashes.SHA384(), "rsa_padding": padding.PSS(padding.MGF1(hashes.SHA384()), 48)}

    def crl(self, this, following, revoked=()):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.cert.subject)
                   .last_update(this).next_update(following)
                   .add_extension(x509.CRLNumber(1), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        for cert in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(cert.serial_number).revocation_date(this).build())
        return builder.sign(self.key, **self.algorithm()).public_bytes(DER)

    def pem(self):
        return self.cert.public_bytes(PEM).decode()


def chain(*authorities):
    return "".join(a.pem() for a in authorities)


class Intel:
    """Documents for one platform, issued at `issued` for 30 days."""

    def __init__(self, root=None):
        self.root = root or Authority("Intel SGX Root CA")
        self.ca = Authority("Intel SGX PCK Platform CA", self.root)
        self.signer = Authority("Intel SGX TCB Signing", self.root, is_ca=False)

    @staticmethod
    def level(**tcb):
        return {"tcb": tcb, "tcbDate": "2025-01-01T00:00:00Z", "tcbStatus": "UpToDate"}

    @staticmethod
    def tcb_info(dates, fmspc, number):
        components = [{"svn": 1}] * 16
        return {"id": "TDX", "version": 3, **dates, "fmspc": fmspc, "pceId": "0000", "tcbType": 0,
                "tcbEvaluationDataNumber": number,
                "tdxModule": {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "ff" * 8},
                "tcbLevels": [Intel.level(sgxtcbcomponents=components, pcesvn=1, tdxtcbcomponents=components)]}

    @staticmethod
    def qe_identity(dates, number):
        return {"id": "TD_QE", "version": 2, **dates, "tcbEvaluationDataNumber": number,
                "miscselect": "00" * 4, "miscselectMask": "ff" * 4, "attributes": "00" * 16,
                "attributesMask": "ff" * 16, "mrsigner": "11" * 32, "isvprodid": 2,
                "tcbLevels": [Intel.level(isvsvn=1)]}

    def signed(self, key, document):
        text = json.dumps(document, separators=(",", ":"))
        return f'{{"{key}":{text},"signature":"{forge.sign(self.signer.key, text.encode()).hex()}"}}'.encode()

    def replies(self, issued, fmspc=FMSPC, number=17, days=30, revoked=()):
        """{path with query: (body, headers)}, as a PCCS serves them."""
        following = issued + datetime.timedelta(days=days)
        dates = {"issueDate": forge.iso(issued), "nextUpdate": forge.iso(following)}
        signers = urllib.parse.quote(chain(self.signer, self.root))
        issuers = urllib.parse.quote(chain(self.ca, self.root))
        return {
            f"/tdx/certification/v4/tcb?fmspc={fmspc}":
                (self.signed("tcbInfo", self.tcb_info(dates, fmspc, number)), {"TCB-Info-Issuer-Chain": signers}),
            "/tdx/certification/v4/qe/identity":
                (self.signed("enclaveIdentity", self.qe_identity(dates, number)),
                 {"SGX-Enclave-Identity-Issuer-Chain": signers}),
            "/sgx/certification/v4/pckcrl?ca=platform&encoding=der":
                (self.ca.crl(issued, following), {"SGX-PCK-CRL-Issuer-Chain": issuers}),
            "/sgx/certification/v4/rootcacrl":
                (self.root.crl(issued, following, revoked).hex().encode(), {}),
        }


AMD_OID = "1.3.6.1.4.1.3704.1."


class Amd:
    """A Milan with its VCEK, and a report that needs it."""

    spl = {"1": 3, "2": 0, "3": 8, "8": 115}
    chip = bytes(range(1, 65))

    def __init__(self):
        def key():
            return rsa.generate_private_key(65537, 2048)
        self.ark = Authority("ARK-Milan", key=key(), pss=True)
        self.ask = Authority("SEV-Milan", self.ark, key=key(), pss=True)
        levels = [(AMD_OID + "3." + part, bytes([2, 1, value])) for part, value in self.spl.items()]
        self.vcek = Authority("SEV-VCEK", self.ask, key=ec.generate_private_key(ec.SECP384R1()), is_ca=False,
                              extensions=[*levels, (AMD_OID + "4", self.chip)])

    def replies(self, issued):
        query = "blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115"
        return {
            f"/vcek/v1/Milan/{self.chip.hex()}?{query}": (self.vcek.cert.public_bytes(DER), {}),
            "/vcek/v1/Milan/cert_chain": (chain(self.ask, self.ark).encode(), {}),
            "/vcek/v1/Milan/crl": (self.ark.crl(issued, issued + datetime.timedelta(days=30)), {}),
        }

    def report(self):
        report = bytearray(1184)
        report[0] = 3
        report[0x180:0x188] = bytes([3, 0, 0, 0, 0, 0, 8, 115])
        report[0x188:0x18a] = bytes([0x19, 0x01])
        report[0x1a0:0x1e0] = self.chip
        return bytes(report)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        with server.lock:
            server.asked.append(self.path)
            fault = next((f for part, f in server.faults if part in self.path), None)
        if fault is not None and fault(self):
            return
        body, headers = server.replies.get(self.path, (None, {}))
        self.answer(404 if body is None else 200, body or b"", headers)

    def answer(self, status, body=b"", headers=None, length=None):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Serves until close(). faults: [(part of a path, function)]; the first that fits is asked."""

    daemon_threads = True

    def __init__(self, replies, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies, self.faults, self.asked = replies, [], []
        self.lock, self.released = threading.Lock(), threading.Event()
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):
        pass  # a client that gives up

    def close(self):
        self.released.set()
        if self.thread.is_alive():
            self.shutdown()
            self.thread.join()
            self.server_close()


def silent(request):
    request.server.released.wait(120)
    return True


def status(code, times=10**6, **headers):
    """Answer with a status, at most so many times."""
    left = [times]

    def fault(request):
        if left[0] == 0:
            return False
        left[0] -= 1
        request.answer(code, headers={key.replace("_", "-"): value for key, value in headers.items()})
        return True
    return fault


def truncated(request):
    body, headers = request.server.replies[request.path]
    request.answer(200, body[:len(body) // 2], headers, length=len(body))
    request.close_connection = True
    return True


def changed(change):
    """Serve change(body, headers) instead."""
    def fault(request):
        body, headers = request.server.replies[request.path]
        body, headers = change(body, dict(headers))
        request.answer(200, body, headers)
        return True
    return fault


def replies_of_set(text, fmspc, ca="platform"):
    """A recorded set (attest/dcap/collateral.h) as the replies that it was made of."""
    s = json.loads(text)
    tee = "tdx" if '"id":"TDX"' in s["tcb_info"] else "sgx"
    quote = urllib.parse.quote
    return {
        f"/{tee}/certification/v4/tcb?fmspc={fmspc}":
            (f'{{"tcbInfo":{s["tcb_info"]},"signature":"{s["tcb_info_signature"]}"}}'.encode(),
             {"TCB-Info-Issuer-Chain": quote(s["tcb_info_issuer_chain"])}),
        f"/{tee}/certification/v4/qe/identity":
            (f'{{"enclaveIdentity":{s["qe_identity"]},"signature":"{s["qe_identity_signature"]}"}}'.encode(),
             {"SGX-Enclave-Identity-Issuer-Chain": quote(s["qe_identity_issuer_chain"])}),
        f"/sgx/certification/v4/pckcrl?ca={ca}&encoding=der":
            (bytes.fromhex(s["pck_crl"]), {"SGX-PCK-CRL-Issuer-Chain": quote(s["pck_crl_issuer_chain"])}),
        "/sgx/certification/v4/rootcacrl": (s["root_ca_crl"].encode(), {}),
    }
