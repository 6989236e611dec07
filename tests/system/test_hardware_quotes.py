# SPDX-License-Identifier: Apache-2.0
"""`dstack verify FILE` on recorded quotes of real hardware, with the collateral of their time.

The verdicts are those of the index beside the vectors. Sources kept collateral in different forms:
a set here says where its parts lie.
"""

import base64
import json
import os
import re
import struct

import pytest

import stack

VECTORS = os.environ.get("DSTACK_VECTORS", "")

pytestmark = pytest.mark.skipif(not os.path.isdir(os.path.join(VECTORS, "tdx")),
                                reason="no recorded quotes: DSTACK_VECTORS names no directory with tdx/")


def load(name):
    with open(os.path.join(VECTORS, name), "rb") as file:
        return file.read()


def signed(name, key):
    """The text of a member exactly as it was signed, and the signature."""
    text = load(name).decode()
    start = re.search(rf'"{key}"\s*:\s*', text).end()
    _, end = json.JSONDecoder().raw_decode(text, start)
    return text[start:end], json.loads(text)["signature"]


def pem(*names):
    return "".join(f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(load(name)).decode()}\n"
                   "-----END CERTIFICATE-----\n" for name in names)


def chain_of_open_enclave():
    """The TCB signer's chain: the fourth of seven parts, whose lengths stand in the header."""
    data = load("tdx/oe_tdx_endorsement.bin")
    lengths = [struct.unpack_from("<Q", data, 8 + 16 * i + 8)[0] for i in range(7)]
    start = 8 + 16 * 7 + sum(lengths[:3])
    return data[start:start + lengths[3]].rstrip(b"\0").decode()


def collateral(tcb, qe, chain, root_crl, pck_crl):
    tcb_info, tcb_signature = signed(tcb, "tcbInfo")
    qe_identity, qe_signature = signed(qe, "enclaveIdentity")
    return json.dumps({
        "pck_crl_issuer_chain": chain, "tcb_info_issuer_chain": chain, "qe_identity_issuer_chain": chain,
        "root_ca_crl": load(root_crl).hex(), "pck_crl": load(pck_crl).hex(),
        "tcb_info": tcb_info, "tcb_info_signature": tcb_signature,
        "qe_identity": qe_identity, "qe_identity_signature": qe_signature,
    })


def set_dcapqvl():
    return load("tdx/dcapqvl_tdx_v4.collateral.json").decode()


def set_solana():
    at = "collateral/automata_solana/"
    return collateral(at + "tcb_info_v3_with_tdx_module.json", at + "qe_identity.json",
                      pem(at + "signing.der", at + "root.der"), at + "intel_root_ca_crl.der",
                      at + "pck_platform_crl.der")


def set_2023():
    at = "collateral/gotdx/"
    return collateral(at + "sample_tcbInfo_response", at + "sample_qeIdentity_response",
                      chain_of_open_enclave(), at + "rootcrl.der", at + "pckcrl")


def set_2026(tcb_info="tcb_info_50806f000000.json"):
    at = "collateral/attestation-rs/"
    return collateral(at + tcb_info, at + "td_qe_identity.json",
                      load(at + "tcb_signing_chain.pem").decode(), at + "root_ca_crl.der",
                      at + "pck_crl_platform.der")


def set_2026_td15():
    return set_2026("tcb_info_90c06f000000.json")


def set_none():
    return None


# quote, collateral, time, exit code, code of the refusal
ROWS = [
    ("dcapqvl_tdx_v4", set_none, "2025-06-25T00:00:00Z", stack.EXIT_UNAVAILABLE, "attest.dcap.collateral_incomplete"),
    ("dcapqvl_tdx_v4", set_dcapqvl, "2025-11-10T00:00:00Z", stack.EXIT_INVALID, "attest.crl.dates"),
    ("dcapqvl_tdx_v4", set_solana, "2025-07-10T00:00:00Z", stack.EXIT_INVALID, "attest.dcap.tcb_info_mismatch"),
    ("dcapqvl_tdx_v4_tappd", set_dcapqvl, "2025-06-25T00:00:00Z", stack.EXIT_INVALID, "attest.dcap.tcb_not_supported"),
    ("dstack_ratls_v4", set_dcapqvl, "2025-06-25T00:00:00Z", stack.EXIT_INVALID, "attest.dcap.tcb_not_supported"),
    ("attestationrs_live", set_dcapqvl, "2025-06-25T00:00:00Z", stack.EXIT_INVALID, "attest.x509.not_yet_valid"),
    ("oe_tdx_v4", set_2023, "2053-01-01T00:00:00Z", stack.EXIT_INVALID, "attest.x509.expired"),
    ("gotdx_v4_spr_e4", set_2023, "2053-01-01T00:00:00Z", stack.EXIT_INVALID, "attest.dcap.tcb_not_supported"),
    ("gotdx_v5", set_2026, "2026-04-01T00:00:00Z", stack.EXIT_INVALID, "attest.dcap.tcb_info_mismatch"),
    ("trustee_v5", set_2026_td15, "2026-04-01T00:00:00Z", stack.EXIT_INVALID, "attest.dcap.tcb_not_supported"),
    ("automata_v5", set_2026_td15, "2026-04-01T00:00:00Z", stack.EXIT_DENIED, "policy.tcb_status"),
    ("automata_v4", set_solana, "2025-07-10T00:00:00Z", stack.EXIT_DENIED, "policy.tcb_status"),
    ("oe_tdx_v4", set_2026, "2026-04-01T00:00:00Z", stack.EXIT_DENIED, "policy.tcb_status"),
    ("trustee_v4_debug", set_2023, "2023-07-01T00:00:00Z", stack.EXIT_DENIED, "policy.debug"),
    ("dcapqvl_tdx_v4", set_dcapqvl, "2025-06-25T00:00:00Z", stack.EXIT_OK, ""),
    ("gotdx_cos113_v4", set_solana, "2025-07-10T00:00:00Z", stack.EXIT_OK, ""),
    ("gotdx_v5", set_2026_td15, "2026-04-01T00:00:00Z", stack.EXIT_OK, ""),
]


@pytest.fixture(scope="module")
def anywhere():
    """Verification needs no guest image."""
    if not os.path.exists(os.path.join(stack.BUILD, "src/cli/dstack")):
        pytest.skip("needs a build: run it by ./dev test")
    machine = stack.Machine(images="/nonexistent")
    try:
        yield machine
    finally:
        machine.close()


def verify(machine, tmp_path, quote, text, time, code):
    (tmp_path / "quote").write_bytes(quote)
    args = ["verify", tmp_path / "quote", "--at", time]
    if text is not None:
        (tmp_path / "collateral").write_text(text)
        args += ["--collateral", tmp_path / "collateral"]
    shown = machine.dstack(*args, code=code)
    result = machine.json(*args, code=code)
    assert not machine.processes(), "a file is verified without daemons"
    return result, shown


@pytest.mark.parametrize("name, make, time, exit_code, code", ROWS,
                         ids=[f"{row[0]}-{row[1].__name__}-{row[2][:4]}" for row in ROWS])
def test_recorded_quote(anywhere, tmp_path, name, make, time, exit_code, code):
    result, shown = verify(anywhere, tmp_path, load(f"tdx/{name}.quote"), make(), time, exit_code)
    if exit_code == stack.EXIT_OK:
        assert result["allowed"] and result["kind"] == "hardware"
        root = {row["claim"]: row["value"] for row in result["claims"]}["root"]
        assert "Intel" in root and "(hardware)" in root and root in shown.out
    else:
        assert code in [reason["code"] for reason in result["reasons"]], result
        assert code in shown.err


@pytest.mark.parametrize("at, code", [
    (48 + 520, "attest.dcap.quote_signature"),       # report data
    (48 + 584 + 4, "attest.dcap.quote_signature"),   # the signature itself
], ids=["report data", "signature"])
def test_a_flipped_byte_of_hardware_evidence(anywhere, tmp_path, at, code):
    quote = bytearray(load("tdx/dcapqvl_tdx_v4.quote"))
    quote[at] ^= 1
    result, _ = verify(anywhere, tmp_path, bytes(quote), set_dcapqvl(), "2025-06-25T00:00:00Z",
                       stack.EXIT_INVALID)
    assert result["code"] == code


def test_allow_simulated_changes_nothing_for_hardware(anywhere, tmp_path):
    (tmp_path / "quote").write_bytes(load("tdx/trustee_v4_debug.quote"))
    (tmp_path / "collateral").write_text(set_2023())
    anywhere.dstack("verify", tmp_path / "quote", "--at", "2023-07-01T00:00:00Z", "--collateral",
                    tmp_path / "collateral", "--allow-simulated", code=stack.EXIT_DENIED)


# members of a policy, exit code, codes of all reasons; of dcapqvl_tdx_v4 in its time
POLICIES = [
    ({}, stack.EXIT_OK, []),
    ({"tees": ["tdx"], "roots": ["Intel SGX Root CA"], "tdx": {"min_tee_tcb_svn": [3] + [0] * 15}}, stack.EXIT_OK, []),
    ({"intel": {"max_tcb_age_s": 86400 * 3650, "min_tcb_evaluation_number": 1}}, stack.EXIT_OK, []),
    ({"intel": {"max_tcb_age_s": 60}}, stack.EXIT_DENIED, ["policy.tcb_age"]),
    ({"sgx": {"mrenclave": ["00" * 32]}}, stack.EXIT_DENIED, ["policy.tee"]),
    ({"tees": ["tdx", "snp"], "snp": {"measurement": ["00" * 48]}}, stack.EXIT_OK, []),
    ({"tcb_statuses": ["OutOfDate"], "kinds": ["custom"], "sessions": ["nonce"], "app": {"event_log": True},
      "intel": {"min_tcb_evaluation_number": 4000000000}, "tdx": {"mrtd": ["00" * 48], "rtmr0": ["00" * 48]}},
     stack.EXIT_DENIED, ["policy.hardware_evidence", "policy.tcb_status", "policy.session", "policy.log_missing",
                         "policy.tcb_eval_number", "policy.measurement", "policy.measurement"]),
]


@pytest.mark.parametrize("members, exit_code, codes", POLICIES, ids=[str(i) for i in range(len(POLICIES))])
def test_policy_document_decides(anywhere, tmp_path, members, exit_code, codes):
    (tmp_path / "quote").write_bytes(load("tdx/dcapqvl_tdx_v4.quote"))
    (tmp_path / "collateral").write_text(set_dcapqvl())
    (tmp_path / "policy").write_text(json.dumps({"version": 1, **members}))
    result = anywhere.json("verify", tmp_path / "quote", "--at", "2025-06-25T00:00:00Z", "--collateral",
                           tmp_path / "collateral", "--policy", tmp_path / "policy", code=exit_code)
    assert [reason["code"] for reason in result["reasons"]] == codes


def test_a_policy_is_not_mixed_with_leave(anywhere, tmp_path):
    (tmp_path / "quote").write_bytes(b"")
    (tmp_path / "policy").write_text('{"version":1}')
    anywhere.dstack("verify", tmp_path / "quote", "--policy", tmp_path / "policy", "--allow-simulated",
                    code=stack.EXIT_USAGE)
    (tmp_path / "policy").write_text('{"version":1,"kinds":[]}')
    anywhere.dstack("verify", tmp_path / "quote", "--policy", tmp_path / "policy", code=stack.EXIT_FAILED)
