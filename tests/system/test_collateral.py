# SPDX-License-Identifier: Apache-2.0
"""`dstack collateral` against services on loopback: what is fetched, kept, packed and believed, and
what each fault of a service comes to. Nothing bad may enter the cache; what is held serves without a
network."""

import datetime
import json
import os
import subprocess
import time

import pytest

import codes
import stack
import vendor
from stack import wait_for
from vmm import program

VECTORS = os.environ.get("DSTACK_VECTORS", "")
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
AT = "2026-06-11T00:00:00Z"     # ten days into the life of documents of NOW
LATE = "2026-06-23T00:00:00Z"   # more than two thirds of it
ENDED = "2026-07-02T00:00:00Z"
BEFORE = "2026-05-31T00:00:00Z"
KEY = f"tdx-{vendor.FMSPC}-platform"
HOUR_S = 3600

pytestmark = pytest.mark.skipif(not os.path.exists(os.path.join(stack.BUILD, "src/cli/dstack")),
                                reason="needs a build: run it by ./dev test")


@pytest.fixture(scope="module")
def intel():
    return vendor.Intel()


@pytest.fixture(scope="module")
def amd():
    return vendor.Amd()


class User:
    """A person's state directory, the services that they name, and the command."""

    def __init__(self, path, intel):
        self.path, self.intel = path, intel
        self.root = self.file("root.pem", intel.root.pem().encode())
        self.server = vendor.Server(intel.replies(NOW))
        self.build = "build"
        # Whatever proxy this machine has, loopback is not its business.
        self.env = dict(os.environ, DSTACK_STATE=str(path / "state"), no_proxy="127.0.0.1")

    def file(self, name, content):
        path = self.path / name
        path.write_bytes(content)
        return str(path)

    def run(self, *args, code=0, before=(), anchor=None):
        anchors = [] if anchor == "" else ["--anchor", anchor or self.root]
        command = [*before, program("cli", "dstack", self.build), "collateral", *args, *anchors]
        run = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        codes.heard(run.stdout + run.stderr)
        assert run.returncode == code, (command, run)
        return stack.Done(run)

    def fetch(self, *args, at=AT, code=0, **kwargs):
        if "--pccs" not in args:
            args = [*args, "--pccs", self.server.url]
        time_args = ["--at", at] if at else []
        return self.run("fetch", "--fmspc", vendor.FMSPC, *args, *time_args, "--json", code=code, **kwargs)

    def cached(self):
        """{name: bytes} of what the cache holds."""
        directory = self.path / "state" / "collateral"
        return {f.name: f.read_bytes() for f in directory.glob("*.json")} if directory.exists() else {}

    def age(self):
        """What the cache holds was written long ago."""
        for file in (self.path / "state" / "collateral").glob("*.json"):
            os.utime(file, (NOW.timestamp(), NOW.timestamp()))


@pytest.fixture
def user(tmp_path, intel):
    one = User(tmp_path, intel)
    try:
        yield one
    finally:
        one.server.close()


def test_fetched_once_then_nobody_is_asked(user):
    first = user.fetch("-o", str(user.path / "set.json")).json()
    assert first["key"] == KEY and not first["from_cache"] and first["until"] == "2026-07-01T00:00:00Z"
    assert sorted(user.server.asked) == sorted(user.server.replies)
    assert list(user.cached()) == [KEY + ".json"]
    served = user.server.replies[f"/tdx/certification/v4/tcb?fmspc={vendor.FMSPC}"][0].decode()
    assert f'{{"tcbInfo":{first["set"]["tcb_info"]},' in served, "the signed text is as it was served"
    user.server.close()
    second = user.fetch().json()
    assert second["from_cache"] and second["set"] == first["set"]
    assert second["set"] == json.loads((user.path / "set.json").read_text())
    assert user.fetch("--offline").json()["from_cache"]


def test_words_for_people(user):
    run = user.run("fetch", "--fmspc", vendor.FMSPC, "--pccs", user.server.url + "/sgx/certification/v4/",
                   "--at", AT)
    assert f"{KEY}: fetched, in date until 2026-07-01T00:00:00Z" in run.err
    assert json.loads(run.out)["root_ca_crl"]
    shown = user.run("verify", user.file("set.json", run.out.encode()), "--at", AT).out
    for part in ("tcb_info", "qe_identity", "pck_crl", "root_ca_crl", "certificate Intel SGX TCB Signing"):
        assert part in shown
    assert "valid, root root in" in shown and "(custom)" in shown and "warning" not in shown


def flipped(body, headers):
    at = body.index(b'"svn":1')
    return body[:at] + b'"svn":2' + body[at + 7:], headers


def without_issuers(body, _):
    return body, {}


def fault_on(part, fault):
    def change(server):
        server.faults.append((part, fault))
    return change


def replace(make):
    def change(server):
        server.replies = make()
    return change


def elsewhere(request):
    request.answer(302, headers={"Location": "http://127.0.0.2:1/"})
    return True


STRANGER = vendor.Intel()

# name, what happens to the service, options, exit code, code of the failure
FAULTS = [
    ("slow", fault_on("/tcb", vendor.silent), ["--timeout", "1"], stack.EXIT_UNAVAILABLE, "net.fetch_timeout"),
    ("429", fault_on("/identity", vendor.status(429, Retry_After="3600")), [],
     stack.EXIT_UNAVAILABLE, "net.fetch_busy"),
    ("503 each time", fault_on("/pckcrl", vendor.status(503)), [], stack.EXIT_UNAVAILABLE, "net.fetch_busy"),
    ("truncated", fault_on("/tcb", vendor.truncated), [], stack.EXIT_UNAVAILABLE, "net.fetch_truncated"),
    ("404", fault_on("/tcb", vendor.status(404)), [], stack.EXIT_NOT_FOUND, "net.fetch_not_found"),
    ("500", fault_on("/tcb", vendor.status(500)), [], stack.EXIT_FAILED, "net.fetch_status"),
    ("another server", fault_on("/rootcacrl", elsewhere), [], stack.EXIT_FAILED, "net.fetch_redirect"),
    ("too long", fault_on("/tcb", vendor.changed(lambda b, h: (b + b" " * (1 << 19), h))), [],
     stack.EXIT_FAILED, "net.reply_too_large"),
    ("wrong signature of TCB info", fault_on("/tcb", vendor.changed(flipped)), [],
     stack.EXIT_INVALID, "attest.dcap.tcb_info_signature"),
    ("wrong signature of a list", fault_on("/rootcacrl", vendor.changed(
        lambda b, h: (b[:-2] + (b"00" if b[-2:] != b"00" else b"01"), h))), [],
     stack.EXIT_INVALID, "attest.crl.signature"),
    ("no issuers", fault_on("/tcb", vendor.changed(without_issuers)), [], stack.EXIT_FAILED, "collateral.reply"),
    ("no JSON", fault_on("/tcb", vendor.changed(lambda b, h: (b"<html>", h))), [],
     stack.EXIT_FAILED, "collateral.reply"),
    ("another root", replace(lambda: STRANGER.replies(NOW)), [], stack.EXIT_INVALID, "attest.root_unknown"),
]


def assert_failure(run, code):
    error = run.json()
    assert error["code"] == code and error["error"], error
    assert error["reasons"][0]["fix"], "it says what to do"


@pytest.mark.parametrize("change, options, exit_code, code", [row[1:] for row in FAULTS],
                         ids=[row[0] for row in FAULTS])
def test_a_fault_is_named_and_enters_no_cache(user, change, options, exit_code, code):
    good = user.server.replies
    change(user.server)
    assert_failure(user.fetch(*options, code=exit_code), code)
    assert user.cached() == {}
    # With a set at hand that still holds, the same fault is a warning, and the set stays as it is.
    user.server.faults, user.server.replies = [], good
    user.fetch()
    user.age()
    held = user.cached()
    change(user.server)
    renewed = user.fetch(*options, at=LATE).json()
    assert renewed["from_cache"] and renewed["renewal_failed"] == code
    assert user.cached() == held
    # Once it has expired it is served no more, whoever does not answer.
    assert_failure(user.fetch(*options, at=ENDED, code=exit_code), code)
    assert user.cached() == held


def test_documents_that_are_not_of_today(user):
    for at, code in ((ENDED, "collateral.expired"), (BEFORE, "collateral.not_yet_valid")):
        run = user.fetch(at=at, code=stack.EXIT_INVALID)
        assert_failure(run, code)
        assert user.cached() == {}
    reason = run.json()["reasons"][0]
    assert reason["expected"] == "from 2026-06-01T00:00:00Z" and reason["got"] == BEFORE


def test_documents_that_were_issued_while_they_were_fetched(user):
    """They are judged as of when they have come."""
    issued = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=3)
    user.server.replies = user.intel.replies(issued)

    def slow(_):
        wait_for("the day of the issue", lambda: datetime.datetime.now(datetime.timezone.utc) >= issued)
        return False
    user.server.faults.append(("/tcb?", slow))
    assert not user.fetch(at=None).json()["from_cache"]


def test_a_clock_before_the_issue(user):
    run = user.fetch(at=None, code=stack.EXIT_INVALID, before=["faketime", "2026-05-31 00:00:00"])
    assert_failure(run, "collateral.not_yet_valid")
    assert user.cached() == {}
    user.fetch(at=None, before=["faketime", "2026-06-11 00:00:00"])
    held = user.cached()
    user.server.close()
    assert_failure(user.fetch("--offline", at=None, code=stack.EXIT_INVALID,
                              before=["faketime", "2026-05-31 00:00:00"]), "collateral.not_yet_valid")
    assert_failure(user.fetch("--offline", at=None, code=stack.EXIT_INVALID,
                              before=["faketime", "2026-07-02 00:00:00"]), "collateral.expired")
    assert user.cached() == held


def test_nothing_held_and_nobody_asked(user):
    assert_failure(user.fetch("--offline", code=stack.EXIT_NOT_FOUND), "collateral.no_set")
    user.server.close()
    assert_failure(user.fetch(code=stack.EXIT_UNAVAILABLE), "net.no_answer")


def test_a_busy_service_is_waited_for(user):
    user.server.faults.append(("/tcb", vendor.status(429, times=1, Retry_After="1")))
    began = time.monotonic()
    assert not user.fetch().json()["from_cache"]
    assert time.monotonic() - began >= 1
    assert len(user.server.asked) == 5


def test_renewed_ahead_of_its_end(user):
    user.fetch()
    user.age()
    user.server.replies = user.intel.replies(NOW + datetime.timedelta(days=20), number=18)
    assert user.fetch().json()["from_cache"], "young enough"
    renewed = user.fetch(at=LATE).json()
    assert not renewed["from_cache"] and renewed["until"] == "2026-07-21T00:00:00Z"


def test_an_older_set_replaces_no_newer_one(user):
    user.fetch()
    held = user.cached()
    user.server.replies = user.intel.replies(NOW - datetime.timedelta(days=10), number=16)
    got = user.fetch("--refresh").json()
    assert got["from_cache"] and got["until"] == "2026-07-01T00:00:00Z"
    assert user.cached() == held


def test_a_damaged_cache_is_told_and_made_anew(user):
    user.fetch()
    good = user.cached()
    (file,) = (user.path / "state" / "collateral").glob("*.json")
    for damage, code in ((b"", "collateral.set_format"), (good[file.name][:-40], "collateral.set_format"),
                         (good[file.name].replace(b'\\"svn\\":1', b'\\"svn\\":2', 1), "attest.dcap.tcb_info_signature"),
                         (good[file.name].replace(b"pck_crl_issuer_chain", b"pck_crl_issuer_chaim"),
                          "attest.dcap.collateral_incomplete")):
        file.write_bytes(damage)
        got = user.fetch().json()
        assert not got["from_cache"] and got["cache_damaged"] == code
        assert user.cached() == good


def test_another_platform_than_was_asked_for(user):
    other = user.intel.replies(NOW, fmspc="00606a000000")
    path = f"/tdx/certification/v4/tcb?fmspc={vendor.FMSPC}"
    user.server.replies[path] = other["/tdx/certification/v4/tcb?fmspc=00606a000000"]
    assert_failure(user.fetch(code=stack.EXIT_FAILED), "collateral.reply")
    assert user.cached() == {}


def test_a_revoked_signer(user):
    user.server.replies = user.intel.replies(NOW, revoked=[user.intel.signer.cert])
    assert_failure(user.fetch(code=stack.EXIT_INVALID), "collateral.issuer_revoked")


def test_tls_of_a_private_service(user, tmp_path):
    import ipaddress
    from cryptography import x509
    authority = vendor.Authority("a private authority")
    leaf = vendor.Authority("localhost", authority, is_ca=False)
    builder = x509.CertificateBuilder(
        subject_name=leaf.cert.subject, issuer_name=authority.cert.subject, public_key=leaf.key.public_key(),
        serial_number=7, not_valid_before=leaf.cert.not_valid_before_utc,
        not_valid_after=leaf.cert.not_valid_after_utc)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    cert = builder.sign(authority.key, vendor.hashes.SHA256())
    key = leaf.key.private_bytes(vendor.PEM, vendor.serialization.PrivateFormat.PKCS8,
                                 vendor.serialization.NoEncryption())
    pem = user.file("tls.pem", key + cert.public_bytes(vendor.PEM))
    trusted = user.file("authority.pem", authority.pem().encode())
    server = vendor.Server(user.intel.replies(NOW), certificate=pem)
    try:
        assert_failure(user.fetch("--pccs", server.url, code=stack.EXIT_FAILED), "net.fetch_tls")
        assert user.cached() == {}
        assert not user.fetch("--pccs", server.url, "--cacert", trusted).json()["from_cache"]
    finally:
        server.close()


@pytest.mark.parametrize("step", ["before", "written", "renamed"])
def test_killed_while_it_writes(user, step):
    if not os.path.exists(os.path.join(stack.FAULT_BUILD, "src/cli/dstack")):
        pytest.skip("needs the fault build: ./dev test makes it in its part san")
    user.build = "build-san"
    fault = user.path / "fault"
    user.env["DSTACK_FAULT_FILE"] = str(fault)
    fault.write_text(f"collateral.cache.{step}\n")
    user.fetch(code=-9)
    assert list(user.cached()) == ([KEY + ".json"] if step == "renamed" else [])
    assert user.fetch().json()["from_cache"] == (step == "renamed")
    assert list(user.cached()) == [KEY + ".json"]


def pack(user, *args, **kwargs):
    return user.run("bundle", "-o", str(user.path / "bundle.json"), "--at", AT, "--json", *args, **kwargs)


def test_a_bundle(user):
    one = str(user.path / "one.json")
    user.fetch("-o", one)
    two = user.file("two.json", b"")
    user.server.replies = user.intel.replies(NOW - datetime.timedelta(days=5), fmspc="00606a000000")
    user.run("fetch", "--fmspc", "00606a000000", "--pccs", user.server.url, "-o", two, "--at", AT)
    user.server.close()
    packed = pack(user, one, two, one).json()
    assert packed["until"] == "2026-06-26T00:00:00Z"
    bundle = (user.path / "bundle.json").read_bytes()
    pack(user, two, one)
    path = str(user.path / "bundle.json")
    assert json.loads(bundle)["bundle"]["sets"] == json.loads((user.path / "bundle.json").read_bytes())["bundle"]["sets"]

    checked = user.run("verify", path, "--at", AT, "--json", "--signer", packed["signer"]).json()
    assert checked["signer"] == packed["signer"] and [s["valid"] for s in checked["sets"]] == [True, True]
    assert {s["fmspc"] for s in checked["sets"]} == {vendor.FMSPC, "00606a000000"}

    # A week ahead of the first end there is a warning; how far ahead is the person's choice.
    shown = user.run("verify", path, "--at", "2026-06-20T00:00:00Z")
    assert "warning: tcb_info ends in 6 days" in shown.out
    assert "warning" not in user.run("verify", path, "--at", "2026-06-20T00:00:00Z", "--warn-days", "2").out

    # After the end of one set both are still shown, and the whole is refused.
    late = user.run("verify", path, "--at", "2026-06-27T00:00:00Z", "--json", code=stack.EXIT_INVALID).json()
    assert sorted(s["valid"] for s in late["sets"]) == [False, True]
    assert [r["code"] for r in late["reasons"]] == ["collateral.expired"]

    assert_failure_of(user, path, "collateral.bundle_signer", "--signer", "00" * 32)
    assert_failure_of(user, one, "collateral.bundle_signer", "--signer", "00" * 32)
    changed = user.file("changed.json", bundle.replace(b'"issued_s":1', b'"issued_s":2', 1))
    assert_failure_of(user, changed, "collateral.bundle_signature")
    cut = user.file("cut.json", bundle[:-3])
    assert_failure_of(user, cut, "collateral.bundle_format", exit_code=stack.EXIT_FAILED)
    assert_failure_of(user, path, "attest.root_unknown", anchor="")


def assert_failure_of(user, path, code, *args, exit_code=stack.EXIT_INVALID, anchor=None):
    result = user.run("verify", path, "--at", AT, "--json", *args, code=exit_code, anchor=anchor).json()
    assert code in [r["code"] for r in result["reasons"]], result


def test_nothing_bad_is_packed(user):
    one = str(user.path / "one.json")
    user.fetch("-o", one)
    text = (user.path / "one.json").read_bytes()
    bad = user.file("bad.json", text.replace(b'\\"svn\\":1', b'\\"svn\\":2', 1))
    assert_failure(pack(user, one, bad, code=stack.EXIT_INVALID), "attest.dcap.tcb_info_signature")
    assert_failure(user.run("bundle", "-o", str(user.path / "bundle.json"), one, "--at", ENDED, "--json",
                            code=stack.EXIT_INVALID), "collateral.expired")
    assert not (user.path / "bundle.json").exists()
    key = vendor.forge.new_key().private_bytes(vendor.PEM, vendor.serialization.PrivateFormat.PKCS8,
                                               vendor.serialization.NoEncryption())
    signer = pack(user, one, "--key", user.file("key.pem", key)).json()["signer"]
    assert signer != pack(user, one).json()["signer"]
    assert pack(user, one).json()["signer"] == pack(user, one).json()["signer"], "this user's own key"


@pytest.mark.parametrize("args", [
    ("fetch",), ("fetch", "--fmspc", "00"), ("fetch", "--fmspc", vendor.FMSPC, "--tee", "snp"),
    ("fetch", "--fmspc", vendor.FMSPC, "set.json"), ("fetch", "--quote", "q", "--tee", "sgx"),
    ("fetch", "--fmspc", vendor.FMSPC, "--offline", "--refresh"),
    ("fetch", "--fmspc", vendor.FMSPC, "--early", "--tcb-evaluation", "17"),
    ("bundle", "set.json"), ("bundle", "-o", "x"), ("verify",), ("verify", "a", "b"),
    ("verify", "a", "--pccs", "http://127.0.0.1"), ("verify", "a", "--signer", "00"), ("show",)],
    ids=" ".join)
def test_usage(user, args):
    user.run(*args, code=stack.EXIT_USAGE)


def kds(user, amd, *args, code=0):
    report = user.file("report.bin", amd.report())
    return user.run("fetch", "--quote", report, "--kds", user.server.url, "--at", AT, "--json", *args, code=code,
                    anchor=user.file("ark.pem", amd.ark.pem().encode()))


def test_amd(user, amd):
    user.server.replies = amd.replies(NOW)
    got = kds(user, amd).json()
    assert got["set"]["kind"] == "snp" and got["set"]["product"] == "Milan"
    assert user.server.asked == list(user.server.replies), "one question after another"
    user.server.close()
    assert kds(user, amd).json()["from_cache"]
    (path,) = (user.path / "state" / "collateral").glob("snp-*.json")
    shown = user.run("verify", str(path), "--at", AT, anchor=str(user.path / "ark.pem")).out
    assert "certificate SEV-VCEK" in shown and "crl" in shown and "snp Milan vcek: valid" in shown


def test_amd_is_asked_seldom(user, amd):
    """Another process keeps the pause that the service asked for."""
    user.server.replies = amd.replies(NOW)
    user.server.faults.append(("/crl", vendor.status(429, times=1, Retry_After="600")))
    assert_failure(kds(user, amd, code=stack.EXIT_UNAVAILABLE), "net.fetch_busy")
    asked = len(user.server.asked)
    assert_failure(kds(user, amd, code=stack.EXIT_UNAVAILABLE), "collateral.throttled")
    assert len(user.server.asked) == asked, "nobody asked"
    # When the pause is over it goes on.
    (user.path / "state" / "collateral" / "kds.next").write_text(str(int(time.time() * 1000)))
    assert not kds(user, amd).json()["from_cache"]


def test_amd_serves_another_chip(user, amd):
    user.server.replies = amd.replies(NOW)
    (path,) = [p for p in user.server.replies if "blSPL" in p]
    user.server.replies[path] = (amd.ask.cert.public_bytes(vendor.DER), {})
    assert_failure(kds(user, amd, code=stack.EXIT_FAILED), "collateral.reply")
    assert user.cached() == {}


def test_evidence_that_does_not_say_what_it_needs(user, amd):
    masked = bytearray(amd.report())
    masked[0x1a0:0x1e0] = bytes(64)
    for content, exit_code in ((bytes(masked), 1), (amd.report()[:-1], 1)):
        run = user.run("fetch", "--quote", user.file("evidence", content), "--at", AT, "--json", code=exit_code)
        assert run.json()["code"] in ("collateral.quote_unusable", "attest.wrapper.format",
                                      "attest.wrapper.unsupported")


needs_vectors = pytest.mark.skipif(not os.path.isdir(os.path.join(VECTORS, "collateral", "teepot")),
                                   reason="no recorded collateral: DSTACK_VECTORS names no directory with it")


def vector(name):
    with open(os.path.join(VECTORS, name), "rb") as file:
        return file.read()


@needs_vectors
def test_recorded_replies_of_intels_service(user):
    """Captures of PCS version 4, with PEM where the service was asked for PEM."""
    def capture(name, key):
        c = json.loads(vector(f"collateral/teepot/{name}"))
        return c[key].encode(), vendor.urllib.parse.quote(c["issuer_chain"])
    tcb, tcb_chain = capture("tdx_tcb_info_00806F050000.json", "tcb_info_json")
    qe, qe_chain = capture("tdx_qe_identity.json", "enclave_identity_json")
    crl, crl_chain = capture("pck_crl_platform.json", "crl_data")
    user.server.replies = {
        "/tdx/certification/v4/tcb?fmspc=00806f050000": (tcb, {"TCB-Info-Issuer-Chain": tcb_chain}),
        "/tdx/certification/v4/qe/identity": (qe, {"SGX-Enclave-Identity-Issuer-Chain": qe_chain}),
        "/sgx/certification/v4/pckcrl?ca=platform&encoding=der": (crl, {"SGX-PCK-CRL-Issuer-Chain": crl_chain}),
        "/sgx/certification/v4/rootcacrl": (vector("collateral/automata_solana/intel_root_ca_crl.der"), {}),
    }
    got = user.run("fetch", "--fmspc", "00806f050000", "--pccs", user.server.url, "--at", "2025-06-10T00:00:00Z",
                   "--json", anchor="").json()
    assert got["key"] == "tdx-00806f050000-platform"
    assert f'{{"tcbInfo":{got["set"]["tcb_info"]},"signature":"{got["set"]["tcb_info_signature"]}"}}' == tcb.decode()
    path = user.file("set.json", json.dumps(got["set"]).encode())
    (checked,) = user.run("verify", path, "--at", "2025-06-10T00:00:00Z", "--json", anchor="").json()["sets"]
    assert checked["valid"] and checked["anchor_kind"] == "hardware" and checked["fmspc"] == "00806f050000"


@needs_vectors
def test_a_quote_is_verified_offline_by_a_bundle(user):
    """Fetch for a recorded quote, pack, take the service away, verify."""
    at = "2025-06-25T00:00:00Z"
    text = vector("tdx/dcapqvl_tdx_v4.collateral.json").decode()
    quote = user.file("quote.bin", vector("tdx/dcapqvl_tdx_v4.quote"))
    user.server.replies = vendor.replies_of_set(text, "b0c06f000000")
    bundle = str(user.path / "bundle.json")
    user.run("bundle", "-o", bundle, "--quote", quote, "--pccs", user.server.url, "--at", at, anchor="")
    user.server.close()
    allowed = offline_verify(user, quote, bundle, at)
    assert allowed["allowed"] and allowed["kind"] == "hardware"
    other = user.file("other.bin", vector("tdx/gotdx_cos113_v4.quote"))
    assert offline_verify(user, other, bundle, at, code=stack.EXIT_NOT_FOUND)["code"] == "collateral.no_set"
    changed = user.file("changed.json", (user.path / "bundle.json").read_bytes().replace(b"TDX_01", b"TDX_02", 1))
    assert offline_verify(user, quote, changed, at, code=stack.EXIT_INVALID)["code"] == "collateral.bundle_signature"


def offline_verify(user, quote, collateral, at, code=0):
    run = subprocess.run([program("cli", "dstack", user.build), "verify", quote, "--collateral", collateral,
                          "--at", at, "--json"], env=user.env, capture_output=True, text=True, timeout=120,
                         check=False)
    codes.heard(run.stdout)
    assert run.returncode == code, run
    return json.loads(run.stdout)
