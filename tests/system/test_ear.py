# SPDX-License-Identifier: Apache-2.0
"""Signed attestation results beside libraries that are not ours (npm's jose and @auth0/cose): what is
made here verifies there, what is made there verifies here, and neither takes what it must not."""

import base64
import copy
import json
import os
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import npm
import stack

HERE = os.path.join(stack.TOP, "tests", "system", "ear")
TOOL = os.path.join(stack.BUILD, "tests", "system", "ear_tool")
NOW_S = 1800000000
FORMS = ("jwt", "cwt")
PROFILE = "tag:ietf.org,2026:rats/ear#04"
OURS = "urn:oid:2.25.87004685595501205687623033636980005123.4"
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}

# Another verifier's result, with claims that we know and one that we do not.
CLAIMS = {
    "jwt": {
        "eat_profile": PROFILE, "iat": NOW_S, "exp": NOW_S + 60, "jti": "unknown here",
        "ear_verifier_id": {"developer": "https://veraison-project.org", "build": "vts 0.0.1"},
        "submods": {"PSA": {"ear_status": "contraindicated", "ear_trustworthiness_vector":
                            {"instance-identity": 2, "executables": 96, "hardware": 2},
                            "ear_appraisal_policy_ids": ["https://veraison.example/policy/1"]}},
    },
    "cwt": {
        "265": PROFILE, "6": NOW_S, "4": NOW_S + 60, "7": {"hex": "0102"},
        "1004": {"0": "https://veraison-project.org", "1": "vts 0.0.1"},
        "266": {"PSA": {"1000": 96, "1001": {"0": 2, "2": 96, "4": 2},
                        "1003": ["https://veraison.example/policy/1"]}},
    },
}


class Key:
    """A key pair in files, as each side reads it."""

    def __init__(self, folder, name, curve):
        pair = ec.generate_private_key(curve)
        self.private, self.public, self.spki = (str(folder / f"{name}.{end}") for end in ("key", "pem", "der"))
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        self.write(self.private, pair.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                    serialization.NoEncryption()))
        self.write(self.public, pair.public_key().public_bytes(serialization.Encoding.PEM, public))
        self.write(self.spki, pair.public_key().public_bytes(serialization.Encoding.DER, public))

    @staticmethod
    def write(path, content):
        with open(path, "xb") as file:
            file.write(content)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    made = {alg: Key(folder, alg, curve) for alg, curve in CURVES.items()}
    made["other"] = Key(folder, "other", CURVES["ES256"])
    return made


@pytest.fixture(scope="module")
def peer():
    """run(verb, form, key file, algorithm, input) of peer.mjs."""
    folder = npm.installed(HERE)
    shutil.copy(os.path.join(HERE, "peer.mjs"), folder)

    def run(verb, form, key, alg, given):
        return subprocess.run(["node", os.path.join(folder, "peer.mjs"), verb, form, key, alg], input=given,
                              capture_output=True, timeout=120, check=False)
    return run


def tool(verb, form, key, given=b"", now_s=NOW_S):
    if not os.path.exists(TOOL):
        pytest.skip("needs a build: ./dev test makes it in its part gcc")
    return subprocess.run([TOOL, verb, form, key, str(now_s)], input=given, capture_output=True, timeout=60,
                          check=False)


def made_here(form, keys):
    run = tool("make", form, keys["ES256"].private)
    assert run.returncode == 0, run.stderr
    return run.stdout


def made_there(peer, form, keys, alg="ES256", claims=None):
    run = peer("sign", form, keys[alg].private, alg, json.dumps(claims or CLAIMS[form]).encode())
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def code_of(run):
    assert run.returncode == 1 and not run.stdout, run
    return run.stderr.decode().split(":")[0]


def test_a_jwt_made_here_verifies_there(peer, keys):
    run = peer("verify", "jwt", keys["ES256"].public, "ES256", made_here("jwt", keys))
    assert run.returncode == 0, run.stderr.decode()
    got = json.loads(run.stdout)
    assert got["header"] == {"alg": "ES256", "typ": "eat+jwt", "kid": "tool"}
    claims = got["claims"]
    assert claims["eat_profile"] == PROFILE and claims["iat"] == NOW_S and claims["exp"] == NOW_S + 300
    assert claims["ear_verifier_id"] == {"developer": "https://dstack.example", "build": "ear_tool"}
    assert base64.b64decode(claims["eat_nonce"], validate=True) == b"0123456789abcdef"
    assert claims["ear_raw_evidence"] == ["application/octet-stream", "ZXZpZGVuY2U", 4]
    assert claims["ear_status"] == "contraindicated"
    appraisal = claims["submods"]["dstack"]
    assert appraisal["ear_trustworthiness_vector"] == {"instance-identity": 96, "hardware": 96, "runtime-opaque": 96}
    ours = appraisal["ear_verifier_claims"][OURS]
    assert ours["kind"] == "simulated" and ours["tee"] == "dstack-tdx" and ours["anchor"] == "simulated root"
    assert ours["reasons"] == [{"code": "policy.simulated_evidence", "claim": "kind", "expected": "hardware",
                                "got": "simulated", "anchor": "simulated root"}]
    assert base64.urlsafe_b64decode(ours["measurements"]["mrtd"]) == b"\xab" * 48


def test_a_cwt_made_here_verifies_there(peer, keys):
    run = peer("verify", "cwt", keys["ES256"].public, "ES256", made_here("cwt", keys))
    assert run.returncode == 0, run.stderr.decode()
    got = json.loads(run.stdout)
    assert got["header"] == {"1": -7, "4": {"hex": b"tool".hex()}, "16": 263}
    claims = got["claims"]
    assert claims["265"] == PROFILE and claims["6"] == NOW_S and claims["4"] == NOW_S + 300
    assert claims["10"] == {"hex": b"0123456789abcdef".hex()}
    assert claims["1002"] == ["application/octet-stream", {"hex": b"evidence".hex()}, 4]
    appraisal = claims["266"]["dstack"]
    assert appraisal["1000"] == claims["1000"] == 96
    assert appraisal["1001"] == {"0": 96, "4": 96, "5": 96}
    assert appraisal["1006"][OURS]["measurements"]["mrtd"] == {"hex": "ab" * 48}


@pytest.mark.parametrize("form", FORMS)
def test_ours_does_not_verify_there_under_another_key(peer, keys, form):
    assert peer("verify", form, keys["other"].public, "ES256", made_here(form, keys)).returncode != 0


@pytest.mark.parametrize("alg", CURVES)
@pytest.mark.parametrize("form", FORMS)
def test_one_made_there_verifies_here(peer, keys, form, alg):
    run = tool("open", form, keys[alg].spki, made_there(peer, form, keys, alg))
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout) == {key: value for key, value in CLAIMS["jwt"].items() if key != "jti"}


@pytest.mark.parametrize("form, code", [("jwt", "ear.jwt_signature"), ("cwt", "attest.cose.signature")])
def test_one_made_there_under_another_key_is_refused(peer, keys, form, code):
    assert code_of(tool("open", form, keys["other"].spki, made_there(peer, form, keys))) == code


@pytest.mark.parametrize("form, code", [("jwt", "ear.jwt_algorithm"), ("cwt", "attest.cose.algorithm")])
def test_the_key_says_which_algorithm_counts(peer, keys, form, code):
    assert code_of(tool("open", form, keys["ES256"].spki, made_there(peer, form, keys, "ES384"))) == code


@pytest.mark.parametrize("form", FORMS)
def test_one_made_there_expires(peer, keys, form):
    token = made_there(peer, form, keys)
    assert tool("open", form, keys["ES256"].spki, token, NOW_S + 59).returncode == 0
    assert code_of(tool("open", form, keys["ES256"].spki, token, NOW_S + 60)) == "ear.expired"
    assert code_of(tool("open", form, keys["ES256"].spki, token, NOW_S - 1)) == "ear.issued_later"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault, code", [("profile", "ear.profile"), ("status", "ear.status"), ("iat", "ear.format")])
def test_faults_under_a_good_signature_are_refused(peer, keys, form, fault, code):
    claims = copy.deepcopy(CLAIMS[form])
    profile, iat, submods, status, good = {"jwt": ("eat_profile", "iat", "submods", "ear_status", "affirming"),
                                           "cwt": ("265", "6", "266", "1000", 2)}[form]
    if fault == "profile":
        claims[profile] = "tag:github.com,2023:veraison/ear"
    elif fault == "status":
        claims[submods]["PSA"][status] = good
    else:
        claims[iat] = NOW_S + 0.5
    assert code_of(tool("open", form, keys["ES256"].spki, made_there(peer, form, keys, claims=claims))) == code


def test_a_token_without_signature_is_refused(keys):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")
    token = part({"alg": "none", "typ": "JWT"}) + b"." + part(CLAIMS["jwt"]) + b"."
    assert code_of(tool("open", "jwt", keys["ES256"].spki, token)) == "ear.jwt_algorithm"


@pytest.mark.parametrize("form", FORMS)
def test_every_byte_of_ours_counts(keys, form):
    """One byte changed in each part of the token, at twenty places."""
    token = made_here(form, keys)
    assert tool("open", form, keys["ES256"].spki, token).returncode == 0
    for i in range(0, len(token), max(1, len(token) // 20)):
        bad = token[:i] + bytes([token[i] ^ 1]) + token[i + 1:]
        assert tool("open", form, keys["ES256"].spki, bad).returncode == 1, i
