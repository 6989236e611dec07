# SPDX-License-Identifier: Apache-2.0
"""dstack-verifier on loopback: dstack's /verify, our /v1/verify, Veraison's sessions, and clients that
send garbage, too much, too often, or next to nothing for a very long time."""

import base64
import concurrent.futures
import contextlib
import datetime
import fcntl
import hashlib
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import time
import urllib.parse
import uuid

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import load
import npm
import stack
import test_bad_input as bad_input
import vendor
from codes import heard
from stack import wait_for
from verifier import Verifier, make_evidence
from vmm import program

VECTORS = os.environ.get("DSTACK_VECTORS", "")
SESSION = "application/vnd.veraison.challenge-response-session+json"
NEW_SESSION = "/challenge-response/v1/newSession"
GOOD_CLIENT_S = 10  # a good client is served within this, whatever the others do


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    if not os.path.exists(load.program("tests/system/verifier_evidence")):
        pytest.skip("needs a build: run it by ./dev test")
    return make_evidence(str(tmp_path_factory.mktemp("evidence")), 20)


@pytest.fixture(scope="module")
def verifier(evidence):
    one = Verifier(*evidence.options())
    yield one
    assert one.end() == 0


@pytest.fixture(scope="module")
def bare(evidence):
    """As it comes: no option, no configuration, no root but the vendors'."""
    del evidence
    one = Verifier()
    yield one
    assert one.end() == 0


# ---- dstack's form

DETAILS = {"quote_verified", "event_log_verified", "os_image_hash_verified", "acpi_tables_verified", "os_image_is_dev",
           "os_image_version", "tee_variant", "report_data", "tcb_status", "advisory_ids", "key_provider", "app_info"}
VERDICTS = [  # evidence, the reason's beginning, its code
    ("good", None, None),
    ("no-config", None, None),  # dstack's own guests have another MrConfig, or none
    ("debug", "Quote verification failed: ", "policy.debug"),
    ("broken", "Quote verification failed: ", "attest.dcap.quote_signature"),
    ("firmware", "OS image hash verification failed: ", "policy.firmware_mismatch"),
    ("swapped", "Event log verification failed: ", "attest.log.order"),
]


@pytest.mark.parametrize("form", ["attest", "reply"])
@pytest.mark.parametrize("name,reason,code", VERDICTS)
def test_verify(verifier, evidence, form, name, reason, code):
    """Replies of Attest and GetQuote, posted unchanged."""
    status, reply = verifier.json("POST", "/verify", evidence.text(f"{form}-{name}.json"))
    assert status == 200
    assert set(reply) == {"is_valid", "details", "reason"} and DETAILS <= set(reply["details"])
    if reason is None:
        assert reply["is_valid"] is True and reply["reason"] is None
        return
    assert reply["is_valid"] is False
    assert reply["reason"].startswith(reason) and f"({code})" in reply["reason"], reply["reason"]


def test_details_of_valid_evidence(verifier, evidence):
    reply = verifier.json("POST", "/verify", evidence.text("reply-good.json"))[1]
    sent, details = evidence.json("reply-good.json"), reply["details"]
    for name in ("quote_verified", "event_log_verified", "os_image_hash_verified", "acpi_tables_verified"):
        assert details[name] is True
    assert details["report_data"] == sent["report_data"]
    assert (details["tee_variant"], details["tcb_status"], details["anchor_kind"]) == ("dstack-tdx", "UpToDate",
                                                                                      "simulated")
    assert details["key_provider"]["name"] == "kms"
    info, boot = details["app_info"], details["boot_info"]
    provider = json.loads(bytes.fromhex(info["key_provider_info"]))
    assert provider == details["key_provider"]
    config = json.loads(sent["vm_config"])
    assert info["os_image_hash"] == boot["osImageHash"] == config["os_image_hash"]
    log = {event["event"]: event["event_payload"] for event in json.loads(sent["event_log"]) if event["event"]}
    assert (info["app_id"], info["compose_hash"], info["instance_id"]) == (
        log["app-id"], log["compose-hash"], log["instance-id"])
    # guest-api 3.2, from the quote's own bytes: MRTD, MRCONFIGID to MROWNERCONFIG, RTMRs
    quote = bytes.fromhex(sent["quote"])
    mrtd, configs = quote[184:232], quote[232:376]
    rtmrs = [quote[376 + 48 * i:424 + 48 * i] for i in range(4)]
    mr_provider = hashlib.sha256(bytes.fromhex(info["key_provider_info"])).digest()
    assert info["mr_system"] == hashlib.sha256(mrtd + b"".join(rtmrs[:3]) + mr_provider).hexdigest()
    assert info["mr_aggregated"] == hashlib.sha256(mrtd + b"".join(rtmrs) + configs).hexdigest()
    assert info["init_script_hashes"] is None


MALFORMED = [b"", b"{", b"[]", b"null", b"{}", b'"x"', b"\xff" * 50, b"\0" * 50, b'{"quote":5}', b'{"quote":"0"}',
             b'{"quote":"zz"}', b'{"quote":"0x00"}', b'{"quote":null}', b'{"quote":"00","quote":"00"}',
             b'{"attestation":"zz"}', b'{"attestation":"0x00"}', b'{"quote":"00","event_log":[]}',
             b"[" * 20000, b'{"attestation":""}', b'{"quote":"' + b"00" * 70000 + b'"}']


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_verify_says_200_to_whatever_comes(verifier, body):
    status, reply = verifier.json("POST", "/verify", body)
    assert status == 200 and reply["is_valid"] is False
    assert reply["reason"].startswith("Internal error: ") and "(rpc.bad_request)" in reply["reason"], reply
    assert reply["details"]["quote_verified"] is False and reply["details"]["app_info"] is None


def test_parts_that_are_missing(verifier, evidence):
    whole = evidence.json("reply-good.json")
    for part, beginning in (("event_log", "Event log verification failed: "),
                            ("vm_config", "OS image hash verification failed: ")):
        reply = verifier.json("POST", "/verify", {k: v for k, v in whole.items() if k != part})[1]
        assert not reply["is_valid"] and reply["details"]["quote_verified"]
        assert reply["reason"].startswith(beginning) and "(verifier.no_evidence)" in reply["reason"]
    old = dict(whole, vm_config=json.dumps({"os_image_hash": "ab" * 32, "cpu_count": 2, "memory_size": 1 << 31}))
    reply = verifier.json("POST", "/verify", old)[1]
    assert "(verifier.image_not_here)" in reply["reason"] and f"mr_{'ab' * 32}.tar.gz" in reply["reason"]
    heard('"code":"verifier.image_not_here"')


def test_simulated_evidence_is_refused_unless_asked_for(bare, evidence):
    reply = bare.json("POST", "/verify", evidence.text("attest-good.json"))[1]
    assert not reply["is_valid"] and "(attest.root_unknown)" in reply["reason"]
    with_collateral = dict(evidence.json("attest-good.json"), collateral=evidence.json("collateral.json"))
    reply = bare.json("POST", "/v1/verify", with_collateral)[1]
    assert reply["verdict"] == "invalid" and reply["reasons"][0]["code"] == "attest.root_unknown"


def test_simulated_root_without_leave(evidence):
    one = Verifier(*evidence.options()[:-1])
    reply = one.json("POST", "/v1/verify", evidence.text("attest-good.json"))[1]
    assert reply["verdict"] == "denied" and reply["kind"] == "simulated"
    assert reply["reasons"][0]["code"] == "policy.simulated_evidence"
    reply = one.json("POST", "/verify", evidence.text("attest-good.json"))[1]
    assert not reply["is_valid"] and reply["reason"].startswith("Quote verification failed: ")
    assert one.end() == 0


def fixture(name):
    path = os.path.join(VECTORS, "tdx", f"dstack_{name}.json")
    if not os.path.exists(path):
        pytest.skip("no recorded evidence: DSTACK_VECTORS names no directory with it")
    return path


FIXTURES = ["quote-report", "tdx-lite-getquote", "tdx-lite-attestation"]


@pytest.mark.parametrize("name", FIXTURES)
def test_recorded_evidence(bare, name):
    """What dstack's verifier was tested with; collateral of those platforms is in no vector."""
    with open(fixture(name), "rb") as file:
        reply = bare.json("POST", "/verify", file.read())[1]
    assert not reply["is_valid"]
    assert re.search(r"^Quote verification failed: .*\(attest\.(dcap\.collateral_incomplete|x509\.expired)\)$",
                     reply["reason"]), reply["reason"]


ONE_FILE = [  # fixture, judged at, collateral, what it says
    ("quote-report", "2025-10-01T00:00:00Z", False, "attest.dcap.collateral_incomplete"),
    ("tdx-lite-getquote", "2026-05-01T00:00:00Z", False, "attest.dcap.collateral_incomplete"),
    ("tdx-lite-attestation", "2026-05-01T00:00:00Z", False, "attest.dcap.collateral_incomplete"),
    ("quote-report", "2025-06-25T00:00:00Z", True, "attest.x509.not_yet_valid"),
]


@pytest.mark.parametrize("name,at,has_collateral,code", ONE_FILE)
def test_recorded_evidence_from_a_file(tmp_path, name, at, has_collateral, code):
    shutil.copyfile(fixture(name), tmp_path / "evidence.json")
    more = ["--collateral", os.path.join(VECTORS, "tdx", "dcapqvl_tdx_v4.collateral.json")] if has_collateral else []
    run = one_shot("--at", at, *more, "--verify", str(tmp_path / "evidence.json"))
    assert run.returncode == 1
    reply = json.loads((tmp_path / "evidence.json.verification.json").read_text())
    assert f"({code})" in reply["reason"], reply["reason"]


# ---- one file, no server

def one_shot(*arguments):
    run = subprocess.run([program("verifier", "dstack-verifier"), *arguments], capture_output=True, check=False,
                         timeout=60)
    heard(run.stdout + run.stderr)
    return run


def test_one_file(evidence, tmp_path):
    for name, code in (("good", 0), ("debug", 1), ("broken", 1)):
        path = tmp_path / f"{name}.json"
        path.write_text(evidence.text(f"attest-{name}.json"))
        assert one_shot(*evidence.options(), "--verify", str(path)).returncode == code
        assert json.loads((tmp_path / f"{name}.json.verification.json").read_text())["is_valid"] is (code == 0)


CERTIFICATES = [("certificate", 0, None), ("certificate-no-use", 1, "verifier.certificate_use"),
                ("certificate-other-key", 1, "ratls.key_not_bound"), ("root", 1, "verifier.no_evidence"),
                ("certificate-ietf", 0, None), ("certificate-tcg", 0, None),
                ("certificate-ietf-other-key", 1, "ratls.key_not_bound")]


@pytest.mark.parametrize("name,exit_code,code", CERTIFICATES)
def test_certificate_from_a_file(evidence, name, exit_code, code):
    run = one_shot(*evidence.options(), "--verify-cert", evidence.path(f"{name}.pem"))
    assert run.returncode == exit_code, run
    reasons = [reason["code"] for reason in json.loads(run.stdout)["reasons"]]
    assert reasons == ([code] if code else [])


def test_command_line_that_makes_no_sense(evidence, tmp_path):
    good = evidence.path("attest-good.json")
    for arguments in (["--verify", good, "--verify-cert", good], ["--verify", good, "serve"], ["--at", "2026-01-01T00:00:00Z"],
                      ["--at", "yesterday", "--verify", good], ["nothing"], ["--verify", good, "--listen", "tcp:127.0.0.1:1"]):
        run = one_shot(*arguments)
        assert run.returncode == 2 and b"args.usage" in run.stderr or run.returncode == 2, (arguments, run)
    (tmp_path / "anchor.pem").write_text("nothing")
    run = one_shot("--anchor", str(tmp_path / "anchor.pem"), "check-config")
    assert run.returncode != 0 and b"verifier.anchor_file" in run.stderr, run
    heard('"code":"verifier.anchor_file"')
    assert one_shot("--verify", str(tmp_path / "none.json")).returncode == 5
    (tmp_path / "tcb.yaml").write_text("tcb: [Revoked]\n")
    run = one_shot("--config", str(tmp_path / "tcb.yaml"), "check-config")
    assert run.returncode != 0 and b"cfg.wrong_type" in run.stderr, run


# ---- our own form

def test_v1(verifier, evidence):
    sent = evidence.json("reply-good.json")
    status, reply = verifier.json("POST", "/v1/verify", evidence.text("reply-good.json"))
    assert status == 200 and reply["verdict"] == "accepted" and reply["reasons"] == []
    assert set(reply["steps"].values()) == {"held", "skipped"} and reply["steps"]["binding"] == "skipped"
    assert reply["claims"]["report_data"] == sent["report_data"] and reply["claims"]["system_ready"] is True
    states = {row["claim"]: row["state"] for row in reply["proof"]}
    assert states["firmware"] == states["kernel"] == "proved" and states["app_id"] == "stated"
    assert reply["fresh"] is False
    assert reply["collateral_from"] < reply["judged_at"] < reply["collateral_until"]
    assert reply["collateral_by"] == "verifier"
    given = dict(evidence.json("attest-good.json"), collateral=evidence.json("collateral.json"))
    assert verifier.json("POST", "/v1/verify", given)[1]["collateral_by"] == "request"


V1_VERDICTS = [("no-config", "invalid", "app.mr_config_missing"), ("debug", "denied", "policy.debug"),
               ("firmware", "invalid", "policy.firmware_mismatch"), ("swapped", "invalid", "attest.log.order"),
               ("broken", "invalid", "attest.dcap.quote_signature")]


@pytest.mark.parametrize("name,verdict,code", V1_VERDICTS)
def test_v1_refuses(verifier, evidence, name, verdict, code):
    reply = verifier.json("POST", "/v1/verify", evidence.text(f"attest-{name}.json"))[1]
    assert reply["verdict"] == verdict and reply["reasons"][0]["code"] == code, reply["reasons"]
    assert reply["reasons"][0]["fix"]


def test_v1_forms(verifier, bare, evidence):
    """A quote alone, a certificate, bytes with a media type, collateral in the request."""
    sent = evidence.json("reply-good.json")
    reply = verifier.json("POST", "/v1/verify", {"quote": sent["quote"]})[1]
    assert reply["verdict"] == "accepted" and "app_id" not in reply["claims"]
    assert reply["steps"]["event_log"] == "skipped"
    reply = verifier.json("POST", "/v1/verify", {"certificate": evidence.text("certificate.pem")})[1]
    assert reply["verdict"] == "accepted" and reply["steps"]["binding"] == "held"
    raw = bytes.fromhex(evidence.json("attest-good.json")["attestation"])
    for media, body in (("application/vnd.dstack.attestation", raw),
                        ("application/vnd.dstack.tdx-quote", bytes.fromhex(sent["quote"])),
                        ("application/vnd.dstack.quote+json; charset=utf-8", evidence.text("reply-good.json").encode())):
        reply = verifier.json("POST", "/v1/verify", body, {"Content-Type": media})[1]
        assert reply["verdict"] == "accepted", (media, reply)
    given = dict(evidence.json("attest-good.json"), collateral={"tcb_info": "{}"})
    reply = verifier.json("POST", "/v1/verify", given)[1]
    assert reply["verdict"] == "invalid" and reply["steps"]["quote"] == "failed"
    del bare


def test_v1_wrapped_and_by_bytes(verifier, evidence):
    """The same evidence as bytes of any kind, in a CMW of either form, alone and with its collateral."""
    raw = bytes.fromhex(evidence.json("attest-good.json")["attestation"])
    text = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    kind = "application/vnd.dstack.attestation"
    vendor = base64.urlsafe_b64encode(evidence.text("collateral.json").encode()).decode().rstrip("=")
    cbor = b"\x82\x78" + bytes([len(kind)]) + kind.encode() + b"\x59" + len(raw).to_bytes(2, "big") + raw
    for media, body in (("application/octet-stream", raw), ("application/cmw+json", json.dumps([kind, text])),
                        ("application/octet-stream", json.dumps([kind, text, 4])), ("application/cmw+cbor", cbor),
                        ("application/octet-stream", cbor),
                        ("application/cmw+json", json.dumps({"e": [kind, text, 4],
                         "c": ["application/vnd.dstack.collateral+json", vendor, 2]}))):
        status, reply = verifier.json("POST", "/v1/verify", body, {"Content-Type": media})
        assert status == 200 and reply["verdict"] == "accepted", (media, reply)
        assert reply["collateral_by"] == "verifier", "what the evidence brings is no newer"
    nothing_at_hand = Verifier(*evidence.options()[2:])
    reply = nothing_at_hand.json("POST", "/v1/verify", body, {"Content-Type": media})[1]
    assert reply["verdict"] == "accepted" and reply["collateral_by"] == "evidence", reply
    assert nothing_at_hand.end() == 0
    assert verifier.json("POST", "/v1/verify", {"evidence": raw.hex()})[1]["verdict"] == "accepted"


UNREAD = [("text/plain", b"x", "verifier.media_type"), ("application/octet-stream", b"\xd2\x84", "verifier.evidence_unknown"),
          ("application/vnd.dstack.sgx-quote", b"\4\0\2\0\x81\0\0\0", "verifier.evidence_unknown"),
          ("application/cmw+json", b'["a/b","eA"]', "verifier.media_type"), ("application/jsonx", b"{}", "verifier.media_type")]


@pytest.mark.parametrize("media,body,code", UNREAD)
def test_v1_says_what_it_takes(verifier, media, body, code):
    status, headers, data = verifier.ask("POST", "/v1/verify", body, {"Content-Type": media})
    assert status == 415 and json.loads(data)["code"] == code
    taken = headers["Accept"].split(", ")
    assert "application/vnd.dstack.snp-report" in taken and "application/cmw+cbor" in taken
    assert taken == verifier.json("GET", "/.well-known/veraison/verification")[1]["media-types"]
    assert "SEV-SNP report" in json.loads(data)["reasons"][0]["expected"] or code == "verifier.media_type"


def vector(*path):
    name = os.path.join(VECTORS, *path)
    if not os.path.exists(name):
        pytest.skip("no recorded evidence: DSTACK_VECTORS names no directory with it")
    with open(name, "rb") as file:
        return file.read()


def test_recorded_report(bare, tmp_path):
    """AMD's own root; the list is in no vector, so it is refused by default and accepted where that is configured."""
    report = vector("snp", "dstack_snp_report.bin")
    certificates = vector("snp", "dstack_snp_vcek.pem") + vector("snp", "dstack_snp_ask.pem")
    post = {"quote": report.hex(), "certificates": certificates.decode()}
    reply = bare.json("POST", "/v1/verify", post)[1]
    assert reply["verdict"] == "invalid" and reply["reasons"][0]["code"] == "attest.snp.crl_missing", reply["reasons"]
    one = Verifier(directory=str(tmp_path), config="allow_no_crl: true\ntcb: [UpToDate, OutOfDate]\n")
    reply = one.json("POST", "/v1/verify", post)[1]
    assert reply["steps"]["quote"] == "held" and reply["kind"] == "hardware", reply["reasons"]
    assert reply["claims"]["tee"] == "dstack-amd-sev-snp" and reply["claims"]["crl_checked"] is False
    assert reply["claims"]["measurement"] == report[0x90:0xc0].hex()
    assert reply["verdict"] == "accepted" and reply["steps"]["event_log"] == "skipped"
    # dstack's wrapper around such a report: HOST_DATA names the MrConfig in it.
    reply = one.json("POST", "/v1/verify", vector("snp", "dstack_snp_verifier.json"))[1]
    assert reply["verdict"] == "accepted" and reply["steps"]["identity"] == "held", reply
    # Of an app its /verify would have to prove more than is proved here.
    reply = one.json("POST", "/verify", vector("snp", "dstack_snp_verifier.json"))[1]
    assert not reply["is_valid"] and "(app.platform_unsupported)" in reply["reason"], reply["reason"]
    assert one.end() == 0


# ---- signed results

@pytest.fixture(scope="module")
def peer():
    """npm's jose and @auth0/cose: (verb, form, key file, token) -> what they say."""
    folder = npm.installed(os.path.join(stack.TOP, "tests", "system", "ear"))
    shutil.copy(os.path.join(stack.TOP, "tests", "system", "ear", "peer.mjs"), folder)

    def run(form, key, token):
        return subprocess.run(["node", os.path.join(folder, "peer.mjs"), "verify", form, key, "ES256"], input=token,
                              capture_output=True, timeout=120, check=False)
    return run


def key_file(directory, jwk):
    """The served key as PEM."""
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "="), "big") for name in "xy")
    pem = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path = os.path.join(directory, "served.pem")
    with open(path, "wb") as file:
        file.write(pem)
    return path


def payload(token):
    """What a JWT says, unverified."""
    text = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


OURS = "urn:oid:2.25.87004685595501205687623033636980005123.4"


def ours_of(claims):
    return claims["submods"]["dstack"]["ear_verifier_claims"][OURS]


@pytest.mark.parametrize("name,code", [("good", None), ("debug", "policy.debug"),
                                       ("broken", "attest.dcap.quote_signature")])
def test_signed_results(verifier, evidence, peer, tmp_path, name, code):
    """Both forms, by Accept, verify in libraries that are not ours under the key that is served. A simulated
    platform is contraindicated in a result for others, whatever was allowed here."""
    jwk = verifier.json("GET", "/v1/keys")[1]["keys"][0]
    assert jwk == verifier.json("GET", "/.well-known/veraison/verification")[1]["ear-verification-key"]
    key = key_file(tmp_path, jwk)
    nonce = evidence.json("reply-good.json")["report_data"]
    post = json.dumps(dict(evidence.json(f"attest-{name}.json"), nonce=nonce))
    status, headers, token = verifier.ask("POST", "/v1/verify", post, {"Accept": "application/eat+jwt"})
    assert status == 200 and headers["Content-Type"] == "application/eat+jwt"
    run = peer("jwt", key, token)
    assert run.returncode == 0, run.stderr.decode()
    got = json.loads(run.stdout)
    assert got["header"] == {"alg": "ES256", "typ": "eat+jwt", "kid": jwk["kid"]}
    claims = got["claims"]
    assert base64.b64decode(claims["eat_nonce"]) == bytes.fromhex(nonce) and claims["exp"] == claims["iat"] + 300
    assert claims["ear_status"] == "contraindicated"
    assert ours_of(claims)["kind"] == ("none" if name == "broken" else "simulated")
    assert [reason["code"] for reason in ours_of(claims).get("reasons", [])] == ([code] if code else [])
    status, headers, token = verifier.ask("POST", "/v1/verify", post, {"Accept": "application/eat+cwt"})
    assert status == 200 and headers["Content-Type"] == "application/eat+cwt"
    run = peer("cwt", key, token)
    assert run.returncode == 0, run.stderr.decode()
    got = json.loads(run.stdout)
    assert got["header"]["4"] == {"hex": jwk["kid"].encode().hex()}
    assert got["claims"]["10"] == {"hex": nonce} and got["claims"]["1000"] == 96


def test_signed_results_do_not_verify_when_changed(verifier, evidence, peer, tmp_path):
    key = key_file(tmp_path, verifier.json("GET", "/v1/keys")[1]["keys"][0])
    for form in ("jwt", "cwt"):
        token = verifier.ask("POST", "/v1/verify", evidence.text("attest-debug.json"),
                             {"Accept": f"application/eat+{form}"})[2]
        changed = token.replace(b"debug", b"degub") if form == "cwt" else token[:-8] + b"AAAAAAAA"
        assert changed != token and peer(form, key, changed).returncode != 0


def test_key_is_kept_and_served(evidence, tmp_path):
    """The same after a restart; as a COSE key by Accept; refused when others may read it."""
    state = str(tmp_path)
    kids = []
    for _ in range(2):
        one = Verifier(*evidence.options(), state=state)
        kids.append(one.json("GET", "/v1/keys")[1]["keys"][0]["kid"])
        status, headers, body = one.ask("GET", "/v1/keys", headers={"Accept": "application/cose-key-set"})
        assert status == 200 and headers["Content-Type"] == "application/cose-key-set" and kids[0].encode() in body
        assert one.json("GET", "/v1/keys", headers={"Accept": "text/html"})[1]["code"] == "verifier.not_acceptable"
        assert one.end() == 0
    assert kids[0] == kids[1]
    path = os.path.join(state, "verifier", "signing-key.pem")
    assert os.stat(path).st_mode & 0o777 == 0o600
    os.chmod(path, 0o644)
    run = subprocess.run([program("verifier", "dstack-verifier"), "--listen", "tcp:127.0.0.1:0"], capture_output=True,
                         check=False, timeout=60, env=dict(os.environ, DSTACK_STATE=state))
    heard(run.stdout + run.stderr)
    assert run.returncode != 0 and b"verifier.key_file" in run.stderr, run


def test_v1_expectations(verifier, evidence):
    sent = evidence.json("reply-good.json")
    whole, half = sent["report_data"], sent["report_data"][:64]
    post = evidence.json("attest-good.json")
    for more, fresh, verdict in (({"nonce": whole}, True, "accepted"), ({"nonce": half}, False, "denied"),
                                 ({"nonce": "00" * 64}, False, "denied"), ({"report_data": whole}, False, "accepted"),
                                 ({"report_data": half}, False, "denied")):
        reply = verifier.json("POST", "/v1/verify", dict(post, **more))[1]
        assert (reply["verdict"], reply["fresh"]) == (verdict, fresh), (more, reply["reasons"])
        if verdict == "denied":
            assert [r["code"] for r in reply["reasons"]] == ["policy.report_data"]
    for more in ({"nonce": "00" * 7}, {"nonce": whole, "report_data": whole}, {"nonce": "0x" + whole[2:]}):
        status, reply = verifier.json("POST", "/v1/verify", dict(post, **more))
        assert status == 400 and reply["code"] == "rpc.bad_request"


ACCEPTS = [("application/json", 200), ("*/*", 200), ("application/*;q=0.5", 200), ("text/html, application/json", 200),
           ("", 200), ("text/html", 406), ("application/json;q=0", 406), ("application/jso", 406), ("text/*", 406)]


@pytest.mark.parametrize("accept,status", ACCEPTS)
def test_v1_accept(verifier, evidence, accept, status):
    got, reply = verifier.json("POST", "/v1/verify", evidence.text("attest-good.json"), {"Accept": accept})
    assert got == status
    assert status == 200 or reply["code"] == "verifier.not_acceptable"


# ---- policy documents: of the configuration, of the request

SIM = {"version": 1, "kinds": ["simulated"]}
ONES48 = "ff" * 48


def policy_id(document):
    """RFC 6920 over RFC 8785, which for such documents is what json writes with sorted keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return "ni:///sha-256;" + base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")


def with_policy(evidence, directory, document, more=""):
    path = directory / "policy.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document, indent=2))
    return Verifier(*evidence.options(), directory=str(directory), config=f"policy: '{path}'\n{more}")


ASKED = [  # a policy in the request, the codes against
    (SIM, []),
    ({**SIM, "tees": ["tdx"], "app": {"event_log": True}}, []),
    ({"version": 1}, ["policy.simulated_evidence"]),
    ({**SIM, "tees": ["snp", "sgx"]}, ["policy.tee"]),
    ({**SIM, "sessions": ["nonce"]}, ["policy.session"]),
    ({**SIM, "roots": ["another"]}, ["policy.root"]),
    ({**SIM, "tdx": {"mrtd": [ONES48], "mrseam": [ONES48]}, "app": {"ids": ["11" * 20]}},
     ["policy.app_id", "policy.measurement", "policy.module"]),
]


@pytest.mark.parametrize("document,codes", ASKED, ids=range(len(ASKED)))
def test_a_policy_in_the_request(verifier, evidence, document, codes):
    post = dict(evidence.json("attest-good.json"), policy=document)
    before = verifier.metrics()
    status, reply = verifier.json("POST", "/v1/verify", post)
    assert status == 200 and reply["verdict"] == ("denied" if codes else "accepted")
    assert reasons_of(reply) == codes and reply["steps"]["policy"] == ("failed" if codes else "held")
    assert reply["policies"] == [policy_id(document)] and reply["reasons_left_out"] == 0
    assert all(reason["expected"] and reason["got"] and reason["fix"] for reason in reply["reasons"])
    name = f'dstack_verifier_policy_decisions_total{{decision="{"deny" if codes else "allow"}"}}'
    assert verifier.metrics()[name] == before[name] + 1
    token = verifier.ask("POST", "/v1/verify", json.dumps(post), {"Accept": "application/eat+jwt"})[2].decode()
    appraisal = payload(token)["submods"]["dstack"]
    assert appraisal["ear_status"] == "contraindicated"  # simulated, or denied
    assert appraisal["ear_appraisal_policy_ids"] == [policy_id(document)]
    assert [reason["code"] for reason in ours_of(payload(token))["reasons"]] == codes
    vector = appraisal["ear_trustworthiness_vector"]
    assert (vector.get("executables") == 33) == ("policy.measurement" in codes)
    assert (vector.get("configuration") == 96) == ("policy.app_id" in codes)
    # dstack's own form has no policy, and takes none.
    assert verifier.json("POST", "/verify", post)[1]["is_valid"] is True


MEANINGLESS = [  # a policy, the code, the place
    ({}, "version", "version"), ({"version": 2}, "version", "version"), ({**SIM, "tdx": {"mrdt": []}}, "unknown_key", "tdx.mrdt"),
    ({**SIM, "tdx": {"mrtd": [ONES48, "00"]}}, "wrong_value", "tdx.mrtd[1]"), ({**SIM, "debug": 1}, "wrong_type", "debug"),
    ({**SIM, "tdx": {"mrtd": [ONES48, ONES48]}}, "duplicate", "tdx.mrtd[1]"), ({**SIM, "tees": []}, "empty_list", "tees"),
    ({**SIM, "tees": ["sgx"], "snp": {}}, "contradiction", "snp"),
    ('{"version":1,"version":1}', "json", ""), ('{"version":1,"intel":{"min_qe_isvsvn":1e3}}', "wrong_value", "intel.min_qe_isvsvn"),
]


@pytest.mark.parametrize("document,code,place", MEANINGLESS, ids=range(len(MEANINGLESS)))
def test_a_policy_that_means_nothing(verifier, evidence, tmp_path, document, code, place):
    """In a request and at the start: refused, with the place."""
    text = document if isinstance(document, str) else json.dumps(document)
    body = evidence.text("attest-good.json").rstrip()[:-1] + f',"policy":{text}}}'
    for accept in ("application/json", "application/eat+jwt"):
        status, reply = verifier.json("POST", "/v1/verify", body, {"Accept": accept})
        assert status == 400 and reply["code"] == f"policy.document_{code}", reply
        assert not place or reply["reasons"][0]["claim"] == place, reply
    (tmp_path / "policy.json").write_text(text)
    (tmp_path / "c.yaml").write_text(f"policy: '{tmp_path}/policy.json'\n")
    for verb in ("check-config", "serve"):
        run = one_shot("--listen", "tcp:127.0.0.1:0", "--config", str(tmp_path / "c.yaml"), verb)
        assert run.returncode != 0 and f"policy.document_{code}".encode() in run.stderr and place.encode() in run.stderr, run
        assert b"policy.json" in run.stderr, run


def test_a_policy_over_its_limit(verifier, evidence, tmp_path):
    document = json.dumps({**SIM, "description": "x" * 70000})
    body = evidence.text("attest-good.json").rstrip()[:-1] + f',"policy":{document}}}'
    status, reply = verifier.json("POST", "/v1/verify", body)
    assert status == 400 and reply["code"] == "policy.document_too_large", reply
    (tmp_path / "policy.json").write_text(document)
    (tmp_path / "c.yaml").write_text(f"policy: '{tmp_path}/policy.json'\n")
    run = one_shot("--config", str(tmp_path / "c.yaml"), "check-config")
    assert run.returncode != 0 and b"larger than its limit" in run.stderr and b"policy.json" in run.stderr, run


def test_a_policy_that_is_no_file(tmp_path):
    (tmp_path / "c.yaml").write_text(f"policy: '{tmp_path}/none.json'\n")
    run = one_shot("--config", str(tmp_path / "c.yaml"), "check-config")
    assert run.returncode != 0 and b"verifier.policy_file" in run.stderr and b"none.json" in run.stderr, run
    heard('"code":"verifier.policy_file"')


def test_a_configured_policy_judges_everything(evidence, tmp_path):
    """In place of tcb; with the request's, of which neither can make up for the other; in sessions and /verify too."""
    one = with_policy(evidence, tmp_path, {**SIM, "app": {"event_log": True}}, "tcb: [OutOfDate]\n")
    post, configured = evidence.json("attest-good.json"), policy_id({**SIM, "app": {"event_log": True}})
    reply = one.json("POST", "/v1/verify", post)[1]
    assert reply["verdict"] == "accepted" and reply["policies"] == [configured], reply["reasons"]
    narrow = {**SIM, "tdx": {"mrtd": [ONES48]}}
    reply = one.json("POST", "/v1/verify", dict(post, policy=narrow))[1]
    assert reasons_of(reply) == ["policy.measurement"] and reply["policies"] == [configured, policy_id(narrow)]
    quote = {"quote": evidence.json("reply-good.json")["quote"], "policy": SIM}
    assert reasons_of(one.json("POST", "/v1/verify", quote)[1]) == ["policy.log_missing"]
    assert one.json("POST", "/verify", post)[1]["is_valid"] is True
    assert one.end() == 0


def test_a_configured_policy_denies_everywhere(evidence, tmp_path):
    one = with_policy(evidence, tmp_path, {**SIM, "tdx": {"mrtd": [ONES48]}})
    post = evidence.json("attest-good.json")
    for body in (post, dict(post, policy=SIM), dict(post, policy={**SIM, "tdx": {"mrtd": [ONES48]}})):
        assert reasons_of(one.json("POST", "/v1/verify", body)[1]) == ["policy.measurement"]
    reply = one.json("POST", "/verify", post)[1]
    assert set(reply) == {"is_valid", "details", "reason"} and DETAILS <= set(reply["details"])
    assert reply["is_valid"] is False and reply["details"]["quote_verified"] is True
    assert reply["reason"].startswith("Quote verification failed: ") and "(policy.measurement)" in reply["reason"]
    report_data = bytes.fromhex(evidence.json("reply-good.json")["report_data"])
    path, _ = open_session(one, "?nonce=" + base64.urlsafe_b64encode(report_data).decode().replace("=", "%3D"))
    raw = bytes.fromhex(post["attestation"])
    reply = one.json("POST", path, raw, {"Content-Type": "application/vnd.dstack.attestation", "Accept": SESSION})[1]
    claims = payload(reply["result"])
    assert claims["ear_status"] == "contraindicated"
    assert claims["submods"]["dstack"]["ear_trustworthiness_vector"]["executables"] == 33
    assert claims["submods"]["dstack"]["ear_appraisal_policy_ids"] == [policy_id({**SIM, "tdx": {"mrtd": [ONES48]}})]
    assert [reason["code"] for reason in ours_of(claims)["reasons"]] == ["policy.measurement"]
    assert one.end() == 0


def test_no_policy_accepts_a_root_that_is_not_configured(evidence, tmp_path):
    (tmp_path / "policy.json").write_text(json.dumps(SIM))
    one = Verifier(*evidence.options()[:-1], directory=str(tmp_path), config=f"policy: '{tmp_path}/policy.json'\n")
    for body in (evidence.json("attest-good.json"), dict(evidence.json("attest-good.json"), policy=SIM)):
        assert reasons_of(one.json("POST", "/v1/verify", body)[1]) == ["policy.simulated_evidence"]
    assert one.end() == 0


def test_a_file_is_judged_by_the_configured_policy(evidence, tmp_path):
    (tmp_path / "evidence.json").write_text(evidence.text("attest-good.json"))
    for document, code in ((SIM, 0), ({**SIM, "tdx": {"mrtd": [ONES48]}}, 1)):
        (tmp_path / "policy.json").write_text(json.dumps(document))
        (tmp_path / "c.yaml").write_text(f"policy: '{tmp_path}/policy.json'\n")
        run = one_shot(*evidence.options(), "--config", str(tmp_path / "c.yaml"), "--verify", str(tmp_path / "evidence.json"))
        assert run.returncode == code, run
        assert json.loads((tmp_path / "evidence.json.verification.json").read_text())["is_valid"] is (code == 0)


# ---- collateral: of the request, at hand, of the cache, of the service

def intel_of(evidence):
    """Intel's service for the simulated platform: {path: (body, headers)}."""
    s = evidence.json("collateral.json")
    fmspc = json.loads(s["tcb_info"])["fmspc"].lower()
    def signed(key, part):
        return f'{{"{key}":{s[part]},"signature":"{s[part + "_signature"]}"}}'.encode()
    def chain(header, part):
        return {header: urllib.parse.quote(s[part])}
    crl = (bytes.fromhex(s["pck_crl"]), chain("SGX-PCK-CRL-Issuer-Chain", "pck_crl_issuer_chain"))
    replies = {
        f"/tdx/certification/v4/tcb?fmspc={fmspc}": (signed("tcbInfo", "tcb_info"),
                                                      chain("TCB-Info-Issuer-Chain", "tcb_info_issuer_chain")),
        "/tdx/certification/v4/qe/identity": (signed("enclaveIdentity", "qe_identity"),
                                              chain("SGX-Enclave-Identity-Issuer-Chain", "qe_identity_issuer_chain")),
        "/sgx/certification/v4/rootcacrl": (s["root_ca_crl"].encode(), {}),
    }
    for ca in ("platform", "processor"):
        replies[f"/sgx/certification/v4/pckcrl?ca={ca}&encoding=der"] = crl
    return replies


@pytest.fixture
def intel(evidence):
    server = vendor.Server(intel_of(evidence))
    yield server
    server.close()


def asking(evidence, directory, service, online="true", more="", timeout=2):
    """A verifier that has no documents, and a service to ask."""
    os.environ["no_proxy"] = "127.0.0.1"
    return Verifier(*evidence.options()[2:], directory=str(directory), state=str(directory),
                    config=f"fetch: {{online: {online}, {service}, timeout: {timeout}}}\n{more}")


def reasons_of(reply):
    return [reason["code"] for reason in reply["reasons"]]


def test_documents_are_fetched_once_and_kept(evidence, intel, tmp_path):
    post = evidence.text("attest-good.json")
    one = asking(evidence, tmp_path, f"pcs: '{intel.url}'")
    for path in ("v1/verify", "verify", "v1/verify"):
        reply = one.json("POST", "/" + path, post)[1]
        assert reply.get("verdict") == "accepted" or reply.get("is_valid") is True, reply
    assert len(intel.asked) == 4 and one.end() == 0
    intel.close()
    # Another day nobody is asked, and nobody would answer.
    two = asking(evidence, tmp_path, f"pcs: '{intel.url}'", online="false")
    assert two.json("POST", "/v1/verify", post)[1]["verdict"] == "accepted"
    assert two.end() == 0


def test_nobody_is_asked_unless_configured(evidence, intel, tmp_path):
    one = asking(evidence, tmp_path, f"pcs: '{intel.url}'", online="false")
    reply = one.json("POST", "/v1/verify", evidence.text("attest-good.json"))[1]
    assert reply["verdict"] == "invalid"
    assert reasons_of(reply) == ["attest.dcap.collateral_incomplete", "collateral.no_set"]
    with_its_own = dict(evidence.json("attest-good.json"), collateral=evidence.json("collateral.json"))
    assert one.json("POST", "/v1/verify", with_its_own)[1]["verdict"] == "accepted"
    assert intel.asked == [] and one.end() == 0


def test_nothing_is_asked_for_evidence_that_does_not_hold(evidence, intel, tmp_path):
    one = asking(evidence, tmp_path, f"pcs: '{intel.url}'")
    for name in ("attest-broken.json", "reply-broken.json"):
        reply = one.json("POST", "/v1/verify", evidence.text(name))[1]
        assert reasons_of(reply) == ["attest.dcap.quote_signature"]
    assert one.json("POST", "/v1/verify", dict(evidence.json("attest-good.json"), collateral={}))[1]["verdict"] == "invalid"
    assert intel.asked == [] and one.end() == 0


def test_a_silent_service_holds_up_nobody_else(evidence, intel, tmp_path):
    """While it is waited for, others are served; those who wait get their answer with the reason; one question is asked."""
    intel.faults.append(("/tcb?", vendor.silent))
    one = asking(evidence, tmp_path, f"pcs: '{intel.url}'", more="threads: 1\n")
    post = evidence.text("attest-good.json")
    with_its_own = dict(evidence.json("attest-good.json"), collateral=evidence.json("collateral.json"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(one.json, "POST", "/v1/verify", post) for _ in range(8)]
        wait_for("the service is asked", lambda: any("/tcb?" in path for path in intel.asked))
        assert one.json("GET", "/health")[0] == 200
        assert one.json("POST", "/v1/verify", with_its_own)[1]["verdict"] == "accepted"
        replies = [w.result()[1] for w in waiting]
    for reply in replies:
        assert reply["verdict"] == "invalid" and reasons_of(reply)[0] == "attest.dcap.collateral_incomplete"
        assert len(reasons_of(reply)) == 2 and reasons_of(reply)[1].startswith("net."), reply["reasons"]
    asked = len(intel.asked)
    # What could not be had is not asked for again at once, and the reason is remembered; /verify says it too.
    assert reasons_of(one.json("POST", "/v1/verify", post)[1]) == reasons_of(replies[0])
    told = one.json("POST", "/verify", post)[1]["reason"]
    assert "(attest.dcap.collateral_incomplete)" in told and f"({reasons_of(replies[0])[1]})" in told, told
    assert len(intel.asked) == asked and one.end() == 0


def test_a_silent_service_does_not_hold_up_the_end(evidence, intel, tmp_path):
    """Every document would take ten minutes; the process has one second."""
    intel.faults.append(("/tcb?", vendor.silent))
    one = asking(evidence, tmp_path, f"pcs: '{intel.url}'", more="limits: {end: 1}\n", timeout=600)
    with load.connect(one.address) as sock:
        sock.sendall(load.post("/", "v1/verify", evidence.text("attest-good.json")))
        wait_for("the service is asked", lambda: any("/tcb?" in path for path in intel.asked))
        assert one.end() == 0


@pytest.fixture
def amd():
    one = vendor.Amd()
    one.server = vendor.Server(one.replies(datetime.datetime.now(datetime.timezone.utc)))
    yield one
    one.server.close()


def test_certificates_of_a_report_are_fetched(evidence, amd, tmp_path):
    """Once: they came, and are short of AMD's profile, which is what verification says then."""
    (tmp_path / "ark.pem").write_text(amd.ark.pem())
    os.environ["no_proxy"] = "127.0.0.1"
    report = bytearray(amd.report())
    report[0x0a], report[0x34] = 2, 1  # POLICY bit 17 is one; ECDSA P-384 with SHA-384
    one = Verifier("--anchor", str(tmp_path / "ark.pem"), directory=str(tmp_path), state=str(tmp_path),
                   config=f"fetch: {{online: true, kds: '{amd.server.url}'}}\n")
    for _ in range(2):
        reply = one.json("POST", "/v1/verify", bytes(report), {"Content-Type": "application/vnd.dstack.snp-report"})[1]
        assert reasons_of(reply) == ["attest.snp.key_certificate"], reply["reasons"]
    assert len(amd.server.asked) == 3 and one.end() == 0
    del evidence


def reports_of(amd, n):
    """Reports that nobody signed, of n chips."""
    for i in range(n):
        report = bytearray(amd.report())
        report[0x0a], report[0x34] = 2, 1
        report[0x1a0:0x1e0] = hashlib.sha512(bytes([i])).digest()
        yield bytes(report)


def test_made_up_reports_hold_up_no_quote(evidence, intel, amd, tmp_path):
    """AMD's service is silent, and asked by whoever makes up a chip: Intel's is asked as ever; the rest is told to ask again."""
    amd.server.faults.append(("/vcek/", vendor.silent))
    one = asking(evidence, tmp_path, f"pcs: '{intel.url}', kds: '{amd.server.url}'")
    media = {"Content-Type": "application/vnd.dstack.snp-report"}
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(one.json, "POST", "/v1/verify", report, media) for report in reports_of(amd, 40)]
        wait_for("AMD's service is asked", lambda: amd.server.asked)
        assert one.json("POST", "/v1/verify", evidence.text("attest-good.json"))[1]["verdict"] == "accepted"
        assert len(intel.asked) == 4
        replies = [w.result()[1] for w in waiting]
    told = [reasons_of(reply)[1] for reply in replies if len(reasons_of(reply)) > 1]
    assert len(told) == 40 and {"collateral.busy"} < set(told) <= {"collateral.busy", "net.fetch_timeout"}, told
    # One source has 8 questions at once, and nobody waits for longer than fetch.timeout and limits.wait.
    assert told.count("collateral.busy") >= 32, told
    heard(json.dumps(replies))
    assert one.end() == 0


@pytest.mark.parametrize("answers,by", [(True, "verifier"), (False, "evidence")])
def test_what_evidence_brings_is_compared_with_the_services(evidence, intel, tmp_path, answers, by):
    """Whoever attests does not say alone how new the documents are; a service that has none changes nothing."""
    if not answers:
        intel.faults.append(("/tcb?", vendor.status(404)))
    one = asking(evidence, tmp_path, f"pcs: '{intel.url}'")
    def part(text):
        return base64.urlsafe_b64encode(text).decode().rstrip("=")
    body = json.dumps({"e": ["application/vnd.dstack.attestation",
                             part(bytes.fromhex(evidence.json("attest-good.json")["attestation"])), 4],
                       "c": ["application/vnd.dstack.collateral+json", part(evidence.text("collateral.json").encode()), 2]})
    for _ in range(2):
        reply = one.json("POST", "/v1/verify", body, {"Content-Type": "application/cmw+json"})[1]
        assert reply["verdict"] == "accepted" and reply["collateral_by"] == by, reply
    assert sum("/tcb?" in path for path in intel.asked) == 1 and one.end() == 0


def test_it_ends_while_services_are_silent(evidence, intel, amd, tmp_path):
    """Also while another program of this user holds AMD's turn."""
    intel.faults.append(("/tcb?", vendor.silent))
    one = Verifier(*evidence.options()[2:], directory=str(tmp_path), state=str(tmp_path),
                   config=f"fetch: {{online: true, pcs: '{intel.url}', kds: '{amd.server.url}', timeout: 600}}\nlimits: {{wait: 600}}\n")
    lock = tmp_path / "collateral" / "kds.lock"
    lock.parent.mkdir()
    media = {"Content-Type": "application/vnd.dstack.snp-report"}
    with open(lock, "w", encoding="utf-8") as held, concurrent.futures.ThreadPoolExecutor(2) as pool:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = [pool.submit(one.ask, "POST", "/v1/verify", next(reports_of(amd, 1)), media, 120),
                   pool.submit(one.ask, "POST", "/v1/verify", evidence.text("attest-good.json"), None, 120)]
        wait_for("Intel's service is asked", lambda: intel.asked)
        began = time.monotonic()
        assert one.end() == 0
        assert time.monotonic() - began < 30, "a service's silence is not waited out"
        for w in waiting:
            assert w.exception() is not None or w.result()[0] == 503
    assert amd.server.asked == []


# ---- what the tables say is checked

def v1_methods():
    try:
        found = bad_input.describe("verifier", "dstack-verifier")["services"][0]["methods"]
    except FileNotFoundError:
        return []
    return [m for m in found if m["name"] == "VerifyV1"]


@pytest.mark.parametrize("method", v1_methods(), ids=lambda m: m["name"])
def test_bodies_that_break_the_table(verifier, method):
    for what, body, claim in bad_input.bad_bodies(method):
        if what.endswith("=0x0"):
            continue
        data = body if isinstance(body, bytes) else json.dumps(body)
        status, reply = verifier.json("POST", "/" + method["path"], data)
        if reply.get("code", "").startswith("policy.document_"):  # an object, of the wrong content
            assert status == 400 and claim in (None, "policy"), (what, reply)
            continue
        if status == 200:  # collateral that is an object of the wrong content is judged, not read
            assert reply["verdict"] == "invalid", (what, reply)
            continue
        assert status == 400 and reply["code"] == "rpc.bad_request", (what, status, reply)
        assert reply["reasons"][0]["fix"], what
        assert claim is None or reply["reasons"][0]["claim"] in (claim, "attestation"), (what, reply)


# ---- sessions

def open_session(verifier, query=""):
    status, headers, body = verifier.ask("POST", NEW_SESSION + query, headers={"Accept": SESSION})
    assert status == 201 and headers["Content-Type"] == SESSION
    name = headers["Location"]
    assert name.startswith("session/")
    uuid.UUID(name.removeprefix("session/"))
    return f"/challenge-response/v1/{name}", json.loads(body)


def test_session(verifier, evidence, peer, tmp_path):
    report_data = bytes.fromhex(evidence.json("reply-good.json")["report_data"])
    nonce = base64.urlsafe_b64encode(report_data).decode()
    path, opened = open_session(verifier, f"?nonce={nonce.replace('=', '%3D')}")
    assert opened["status"] == opened["state"] == "waiting" and "evidence" not in opened
    assert base64.b64decode(opened["nonce"]) == report_data
    assert "application/vnd.dstack.attestation" in opened["accept"]
    assert verifier.json("GET", path)[1] == opened
    raw = bytes.fromhex(evidence.json("attest-good.json")["attestation"])
    headers = {"Content-Type": "application/vnd.dstack.attestation", "Accept": SESSION}
    status, done = verifier.json("POST", path, raw, headers)
    assert status == 200 and done["status"] == "complete"
    assert done["evidence"] == {"type": headers["Content-Type"], "value": base64.b64encode(raw).decode()}
    claims = payload(done["result"])
    assert base64.b64decode(claims["eat_nonce"]) == report_data and ours_of(claims)["reasons"] == []
    run = peer("jwt", key_file(tmp_path, verifier.json("GET", "/.well-known/veraison/verification")[1]
                               ["ear-verification-key"]), done["result"].encode())
    assert run.returncode == 0, run.stderr.decode()
    assert verifier.json("GET", path)[1] == done
    status, problem = verifier.json("POST", path, raw, headers)
    assert status == 409 and problem["code"] == "verifier.session_state" and problem["status"] == 409
    assert verifier.ask("DELETE", path)[0] == 204
    for method in ("GET", "DELETE"):
        status, problem = verifier.json(method, path)
        assert status == 404 and problem["code"] == "verifier.no_session"


def test_session_with_evidence_for_another_nonce(verifier, evidence):
    path, opened = open_session(verifier, "?nonceSize=64")
    assert len(base64.b64decode(opened["nonce"])) == 64
    done = verifier.json("POST", path, evidence.text("reply-good.json"),
                         {"Content-Type": "application/vnd.dstack.quote+json"})[1]
    claims = payload(done["result"])
    assert done["status"] == "complete"
    assert [reason["code"] for reason in ours_of(claims)["reasons"]] == ["policy.report_data"]


def test_session_waits_on_after_what_cannot_be_read(verifier):
    path, _ = open_session(verifier)
    for media, body, status, code in (("text/plain", b"x", 415, "verifier.media_type"),
                                      ("application/vnd.dstack.tdx-quote", b"x", 415, "verifier.evidence_unknown"),
                                      ("application/cmw+json", b"[]", 400, "attest.cmw.format"),
                                      ("application/vnd.dstack.attestation", b"", 400, "rpc.bad_request"),
                                      ("application/vnd.dstack.quote+json", b"{", 400, "rpc.bad_request"),
                                      ("application/pkix-cert", b"PEM?", 415, "verifier.evidence_unknown")):
        got, headers, body = verifier.ask("POST", path, body, {"Content-Type": media})
        assert got == status and headers["Content-Type"] == "application/problem+json"
        assert json.loads(body)["code"] == code
        assert verifier.json("GET", path)[1]["status"] == "waiting"
    done = verifier.json("POST", path, b"\0garbage", {"Content-Type": "application/vnd.dstack.attestation"})[1]
    assert ours_of(payload(done["result"]))["reasons"][0]["code"] == "attest.wrapper.format"


BAD_QUERIES = ["?nonceSize=7", "?nonceSize=65", "?nonceSize=x", "?nonceSize=-8", "?nonceSize=99999999999999999999",
               "?nonce=", "?nonce=AAAA", "?nonce=" + "A" * 87, "?nonce=" + "A" * 5000, "?nonce=%", "?nonce=%zz",
               "?nonce=AAAAAAAAAAA%00", "?nonce=AAAAAAAAAAAA&nonceSize=8", "?nonce=AAAAAAAAAAAA&nonce=AAAAAAAAAAAA",
               "?nonceSize=", "?nonce=AAAA AAAAAAAA"]


@pytest.mark.parametrize("query", BAD_QUERIES, ids=range(len(BAD_QUERIES)))
def test_session_with_a_bad_query(verifier, query):
    request = f"POST {NEW_SESSION}{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    status, body = load.call(verifier.address, request.encode())
    assert status == 400
    assert json.loads(body)["code"] in ("rpc.bad_request", "net.bad_http")


def test_session_names_that_are_none(verifier):
    for name in ("x", "..", "%2e%2e", "A" * 5000, str(uuid.uuid4()), str(uuid.uuid4()) + "0"):
        status, problem = verifier.json("GET", f"/challenge-response/v1/session/{name}")
        assert status == 404 and problem["code"] == "verifier.no_session"
    assert verifier.ask("POST", NEW_SESSION, headers={"Accept": "text/html"})[0] == 406


def test_sessions_end_by_themselves(evidence, tmp_path):
    one = Verifier(*evidence.options(), directory=str(tmp_path),
                   config="limits: {session_life: 1, sessions: 32}\n")
    path, _ = open_session(one)
    wait_for("the session ends", lambda: one.ask("GET", path)[0] == 404)
    # One source has a share of two: its own oldest gives way.
    paths = [open_session(one)[0] for _ in range(3)]
    assert [one.ask("GET", path)[0] for path in paths] == [404, 200, 200]
    assert one.end() == 0


# ---- HTTP itself

def test_health_metrics_and_no_page(verifier):
    assert verifier.json("GET", "/health") == (200, {"status": "ok", "service": "dstack-verifier"})
    for method, path, status in (("POST", "/health", 405), ("GET", "/verify", 405), ("PUT", "/v1/verify", 405),
                                 ("DELETE", NEW_SESSION, 405), ("GET", "/", 404), ("GET", "/v1", 404),
                                 ("POST", "/verify/", 404), ("GET", "/challenge-response/v1/session/", 404),
                                 ("GET", "/challenge-response/v1/session/a/b", 404), ("POST", "//verify", 404)):
        got, headers, body = verifier.ask(method, path)
        assert got == status, (method, path, got)
        assert json.loads(body)["code"] == ("rpc.bad_request" if status == 405 else "rpc.no_method")
        assert status != 405 or headers["Allow"]
    assert verifier.ask("HEAD", "/health")[2] == b""
    metrics = verifier.metrics()
    assert metrics['dstack_verifier_requests_total{method="Health",status="200"}'] >= 2
    assert metrics['dstack_verifier_verdicts_total{verdict="accepted"}'] >= 0
    count = metrics['dstack_verifier_seconds_count{method="Health"}']
    assert metrics['dstack_verifier_seconds_bucket{method="Health",le="+Inf"}'] == count
    assert metrics["dstack_verifier_connections"] >= 1


def test_refusals_are_counted_by_code(verifier, evidence):
    name = 'dstack_verifier_refusals_total{code="policy.debug"}'
    before = verifier.metrics().get(name, 0)
    for _ in range(3):
        verifier.json("POST", "/verify", evidence.text("attest-debug.json"))
    assert verifier.metrics()[name] == before + 3


def test_pipelined_requests(verifier, evidence):
    """Answered one after the other, in order, some at once and some from the pool."""
    body = evidence.text("attest-good.json")
    requests = b"".join(load.post("/", path, body) if path == "verify" else
                        f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
                        for path in ("verify", "health", "nothing", "verify", "health"))
    with load.connect(verifier.address) as sock:
        sock.sendall(requests)
        data = b""
        while data.count(b"HTTP/1.1 ") < 5 or not data.endswith(b'"dstack-verifier"}'):
            more = sock.recv(65536)
            assert more
            data += more
    assert re.findall(rb"HTTP/1.1 (\d+)", data) == [b"200", b"200", b"404", b"200", b"200"]
    assert data.count(b'"is_valid":true') == 2


def test_replies_that_nobody_reads(evidence, tmp_path):
    """They are made as far as the reader is behind by little, and it is left when its time is over."""
    one = Verifier(*evidence.options(), directory=str(tmp_path), config="limits: {idle: 3}\nrate: {source: 0}\n")
    with load.connect(one.address) as sock:
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sock.send(b"GET /.well-known/veraison/verification HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        wait_for("it is read from no more", lambda: one.metrics()["dstack_verifier_held_bytes"] > 65536)
        assert one.metrics()["dstack_verifier_held_bytes"] < 4 * 65536
        wait_for("its time is over", lambda: one.metrics()["dstack_verifier_held_bytes"] < 65536)
    assert one.end() == 0


def test_too_large(verifier):
    before = verifier.metrics()['dstack_verifier_connections_total{what="too_large"}']
    for request, status in ((b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", 413),
                            (b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n", 413),
                            (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431)):
        assert load.call(verifier.address, request)[0] == status
    assert verifier.metrics()['dstack_verifier_connections_total{what="too_large"}'] == before + 3


def test_rates(evidence, tmp_path):
    one = Verifier(*evidence.options(), directory=str(tmp_path), config="rate: {source: 5, all: 100}\n")
    statuses = [one.ask("POST", "/verify", "{}")[0] for _ in range(40)]
    assert statuses[:10] == [200] * 10 and 429 in statuses
    while True:  # each refusal takes no token: one of these comes before the next is there
        status, headers, body = one.ask("POST", "/v1/verify", "{}")
        statuses.append(status)
        if status == 429:
            break
    assert headers["Retry-After"] == "1" and json.loads(body)["code"] == "verifier.too_many"
    assert one.ask("GET", "/health")[0] == 200
    assert one.metrics()['dstack_verifier_refusals_total{code="verifier.too_many"}'] == statuses.count(429)
    wait_for("it answers again", lambda: one.ask("POST", "/verify", "{}")[0] == 200)
    assert one.end() == 0


def test_more_than_the_queue_holds(evidence, tmp_path):
    """One thread, two rooms, a queue of one: the rest is told to come back."""
    one = Verifier(*evidence.options(), directory=str(tmp_path), config="threads: 1\nlimits: {queue: 1}\n")
    request = load.post("/", "verify", evidence.text("attest-good.json"))
    took, statuses, bodies = load.times_of(one.address, [request] * 400, clients=64)
    assert set(statuses) <= {200, 503} and statuses.get(200, 0) > 0 and statuses.get(503, 0) > 0, statuses
    heard(b"".join(b if isinstance(b, bytes) else b.encode() for b in bodies if b and b"verifier.busy" in (b if isinstance(b, bytes) else b.encode())))
    assert one.metrics()['dstack_verifier_refusals_total{code="verifier.busy"}'] == statuses[503]
    assert one.end() == 0
    del took


class Slow:
    """Connections that each send a byte now and then, and never a whole request."""

    TEXTS = [b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"{" * 100000,
             b"GET /" + b"a" * 5000, b"\x16\x03\x01" + b"\0" * 500, b"", b"POST /verify HTTP/1.1\r\n" + b"X: y\r\n" * 900]

    def __init__(self, address, n):
        self.socks = []
        for i in range(n):
            sock = socket.create_connection(address, timeout=60)
            sock.setblocking(False)
            self.socks.append((sock, self.TEXTS[i % len(self.TEXTS)]))
        self.at = 0

    def dribble(self):
        for sock, text in self.socks:
            with contextlib.suppress(OSError):
                sock.send(text[self.at:self.at + 1])
        self.at += 1

    def close(self):
        for sock, _ in self.socks:
            sock.close()


@pytest.mark.parametrize("n,descriptors", [(900, 512), (300, 4096)])
def test_slow_clients(evidence, n, descriptors):
    """More of them than there are connections, or fewer: a good client is served, and soon."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    one = Verifier(*evidence.options(), descriptors=descriptors)
    assert one.connections_max == descriptors - 64
    before = load.resting(one.pid)
    slow = Slow(one.address, n)
    took = []
    for _ in range(20):
        slow.dribble()
        began = time.monotonic()
        assert one.json("POST", "/verify", evidence.text("attest-good.json"))[1]["is_valid"] is True
        took.append(time.monotonic() - began)
    assert max(took) < GOOD_CLIENT_S, took
    metrics = one.metrics()
    assert metrics["dstack_verifier_connections"] <= one.connections_max
    assert (metrics['dstack_verifier_connections_total{what="evicted"}'] > 0) == (n > one.connections_max)
    slow.close()
    assert load.settled(one.pid, before) == before
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert one.end() == 0


def test_slow_clients_end(evidence, tmp_path):
    one = Verifier(*evidence.options(), directory=str(tmp_path), config="limits: {request: 1, idle: 2}\n")
    slow = Slow(one.address, 50)

    def all_gone():
        slow.dribble()
        return one.metrics()["dstack_verifier_connections"] == 1

    wait_for("their time is over", all_gone)
    slow.close()
    assert one.end() == 0


def test_what_it_holds(evidence):
    """10,000 requests, half of them bad or cut short, beside slow clients: the same descriptors, and memory."""
    one = Verifier(*evidence.options(), build="build")
    good = [load.post("/", "verify", evidence.text("attest-good.json")), load.post("/", "v1/verify", evidence.text("reply-good.json")),
            load.post("/", "verify", evidence.text("attest-broken.json")), load.post("/", "v1/verify", "{}"),
            load.post("/", "challenge-response/v1/newSession", ""), b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"]
    load.mixed(one.address, "/", good, 3000)
    before, memory = load.resting(one.pid), load.rss_kib(one.pid)
    load.mixed(one.address, "/", good, 10000)
    assert load.settled(one.pid, before) == before
    assert load.rss_kib(one.pid) <= memory + 6144
    assert one.end() == 0
