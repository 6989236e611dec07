# SPDX-License-Identifier: Apache-2.0
"""The verification core as WebAssembly: it compiles for a place without files, clocks and network, asks that
place for the primitives of crypto/hash.h and crypto/verify.h and for nothing else, and comes to the verdicts of
the native library."""

import glob
import json
import os
import re
import shutil
import subprocess

import pytest

import stack

HERE = os.path.join(stack.TOP, "tests", "system", "wasm")
KITS = os.path.join(stack.BUILD, "tests", "system", "attest_kits")
NATIVE = os.path.join(stack.BUILD, "examples", "verify", "example_verify")
NOW_S = "1800000000"
FORMS = ("tdx", "tdx_15", "sgx", "tdx_log", "tdx_stripped", "snp", "snp_table", "snp_wrapped")

# All of the pure rooms, and of base/ what they stand on.
BASE = ("buf", "codes", "err", "hex", "reason", "str")
ROOMS = ("codec", "attest", "policy", "lib")
NEVER = re.compile(r'#include [<"](base/(clock|file|log|proc|fault|cfg)\.h|time\.h|sys/[a-z]+\.h|fcntl\.h|pthread\.h|poll\.h|net/)')
EXPORTS = ("size", "init", "trust_hardware", "trust_custom", "trust_simulated", "verify", "check", "n_reasons",
           "n_reasons_dropped", "reason", "claims", "claim_name", "claim_shape", "claim_count", "claim_bytes", "claim_number",
           "claim_text")
IMPORTS = ("ds_hash", "ds_hash_extend", "ds_hash_v", "ds_p256_of_spki", "ds_p256_verify", "ds_p384_of_spki", "ds_p384_verify",
           "ds_spki_verify")


def sources():
    rooms = [path for room in ROOMS for path in glob.glob(f"{stack.TOP}/src/{room}/**/*.c", recursive=True)]
    return [f"{stack.TOP}/src/base/{name}.c" for name in BASE] + sorted(rooms) + [f"{HERE}/support.c"]


def command(target):
    return ["clang", "--target=wasm32-wasi", "-std=gnu17", "-D_GNU_SOURCE", "-Os", "-Wall", "-Wextra", "-Werror",
            "-Wno-missing-field-initializers", f"-I{stack.TOP}/src", f"-I{stack.TOP}/include", "-include", f"{HERE}/compat.h",
            "-nostartfiles", "-Wl,--no-entry", "-Wl,--allow-undefined", "-Wl,-z,stack-size=262144", "-Wl,--export=__heap_base",
            *(f"-Wl,--export=ds_attest_{name}" for name in EXPORTS), *sources(), "-lc-printscan-long-double", "-o", target]


@pytest.fixture(scope="module", name="module")
def fixture_module(tmp_path_factory):
    if shutil.which("node") is None or not os.path.isdir("/usr/include/wasm32-wasi"):
        pytest.skip("needs node and wasi-libc: run it by ./dev test")
    target = str(tmp_path_factory.mktemp("wasm") / "attest.wasm")
    run = subprocess.run(command(target), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return target


@pytest.fixture(scope="module", name="kits")
def fixture_kits(tmp_path_factory):
    if not os.path.exists(KITS):
        pytest.skip("needs a build: run it by ./dev test")
    folder = str(tmp_path_factory.mktemp("kits"))
    subprocess.run([KITS, folder], check=True)
    return folder


def test_nothing_in_it_could_touch_the_world():
    for path in sources():
        with open(path, encoding="utf-8") as file:
            found = NEVER.search(file.read())
        assert found is None, f"{path} includes {found.group(1)}"


def test_it_imports_the_primitives_and_exports_the_interface(module):
    run = subprocess.run(["node", f"{HERE}/attest.mjs", module, "--interface"], capture_output=True, text=True, check=True)
    interface = json.loads(run.stdout)
    assert sorted(interface["imports"]) == [f"function env.{name}" for name in IMPORTS]
    assert sorted(interface["exports"]) == sorted(["memory memory", "global __heap_base"] +
                                                  [f"function ds_attest_{name}" for name in EXPORTS])
    declared = ""
    for header in ("hash", "verify"):
        with open(f"{stack.TOP}/src/crypto/{header}.h", encoding="utf-8") as file:
            declared += file.read()
    assert all(re.search(rf"\b{name}\(", declared) for name in IMPORTS)


def both(module, *arguments):
    """Native and WebAssembly, which have to agree; the output of both."""
    native = subprocess.run([NATIVE, *arguments], capture_output=True, text=True, check=False)
    wasm = subprocess.run(["node", f"{HERE}/attest.mjs", module, *arguments], capture_output=True, text=True, check=False)
    assert native.returncode in (0, 3, 4), native.stderr
    assert (wasm.returncode, wasm.stdout) == (native.returncode, native.stdout), wasm.stderr
    return native.stdout


def arguments_of(kits, form, *options):
    with open(f"{kits}/{form}.root", encoding="ascii") as file:
        root = file.read()
    return ("--at", NOW_S, "--simulated-root", root, *options, f"{kits}/{form}.evidence",
            *sorted(glob.glob(f"{kits}/{form}.*.collateral")))


@pytest.mark.parametrize("form", FORMS)
def test_claims_are_the_native_librarys(module, kits, form):
    assert both(module, *arguments_of(kits, form)).startswith("tee ")


def test_refusals_are_the_native_librarys(module, kits, tmp_path):
    for form, at, code in (("tdx", 48 + 583, "attest.dcap.quote_signature"), ("sgx", 48 + 383, "attest.dcap.quote_signature"),
                           ("snp", 0x50, "attest.snp.signature"), ("tdx", 0, "attest.dcap.version"),
                           ("tdx_log", 1, "attest.wrapper.format")):
        arguments = list(arguments_of(kits, form))
        with open(f"{kits}/{form}.evidence", "rb") as file:
            changed = bytearray(file.read())
        changed[at] ^= 9
        arguments[4] = str(tmp_path / "changed")
        with open(arguments[4], "wb") as file:
            file.write(changed)
        assert both(module, *arguments).startswith(f"{code}: ")
    assert both(module, *arguments_of(kits, "tdx", "--at", "1900000000")).startswith("attest.x509.expired: ")
    assert both(module, *arguments_of(kits, "tdx")[:5]).startswith("attest.dcap.collateral_incomplete: ")
    assert both(module, "--at", NOW_S, *arguments_of(kits, "snp")[4:]).startswith("attest.root_unknown: ")


def test_policies_judge_as_in_the_native_library(module, kits, tmp_path):
    path = str(tmp_path / "policy.json")
    registers = {name: ["ff" * 48] for name in ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrseam", "mrconfigid", "mrowner")}
    for form, rules, begins in (
            ("tdx", {"kinds": ["simulated"]}, "tee "), ("snp", {"kinds": ["simulated"], "snp": {}}, "tee "),
            ("tdx", {}, "policy.simulated_evidence: "), ("sgx", {"kinds": ["simulated"], "snp": {}}, "policy.tee: "),
            ("tdx", {"kinds": ["simulated"], "sessions": ["nonce"], "tdx": registers}, "policy.session: "),
            ("tdx_log", {"kinds": ["simulated"], "app": {"ids": ["11" * 20]}}, "policy.app_id: "),
            ("tdx", {"tdx": {"mrtd": ["00"]}}, "policy.document_wrong_value: ")):
        with open(path, "w", encoding="ascii") as file:
            json.dump({"version": 1, **rules}, file)
        assert both(module, *arguments_of(kits, form, "--policy", path)).startswith(begins)
        denied = both(module, *arguments_of(kits, form, "--policy", path, "--report-data", "11" * 64))
        assert begins.startswith("policy.document_") or "policy.report_data: " in denied


def test_recorded_evidence(module, kits):
    vectors = os.environ.get("DSTACK_VECTORS")
    if vectors is None:
        pytest.skip("no recorded evidence (--vectors DIR)")
    assert kits
    tdx = (f"{vectors}/tdx/dcapqvl_tdx_v4.quote", f"{vectors}/tdx/dcapqvl_tdx_v4.collateral.json")
    assert "\nkind hardware\nanchor Intel SGX Root CA\n" in both(module, "--at", "1750809600", *tdx)
    assert both(module, "--at", "1800000000", *tdx).startswith("attest.crl.dates: ")
    snp = (f"{vectors}/snp/gosev_milan_{part}" for part in ("report.bin", "vcek.der", "cert_chain.pem"))
    assert both(module, "--at", "1750809600", *snp).startswith("attest.snp.crl_missing: ")
