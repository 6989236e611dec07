# SPDX-License-Identifier: Apache-2.0
"""The verification library as others meet it: installed into a folder, found by pkg-config, linked with
the example shared and static, and asked about evidence that the test made and, where there is some, about
recorded evidence."""

import glob
import json
import os
import re
import shlex
import subprocess

import pytest

import stack

KITS = os.path.join(stack.BUILD, "tests", "system", "attest_kits")
EXAMPLE = os.path.join(stack.TOP, "examples", "verify", "verify.c")
HEADER = os.path.join(stack.TOP, "include", "dstack", "attest.h")
NOW_S = "1800000000"
FORMS = {"tdx": "tdx", "tdx_15": "tdx", "sgx": "sgx", "tdx_log": "tdx", "tdx_stripped": "tdx", "snp": "sev-snp",
         "snp_table": "sev-snp", "snp_wrapped": "sev-snp"}
TDX_BODY_END = 48 + 584  # header, and the body that ends with the report data


def output(*command, **options):
    run = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert run.returncode == 0, (command, run.stdout, run.stderr)
    return run.stdout


class Installed:
    """The library in a folder of its own."""

    def __init__(self, folder):
        output("meson", "install", "-C", stack.BUILD, "--no-rebuild", "--destdir", folder, "--tags", "attest,devel")
        self.pc = glob.glob(f"{folder}/**/dstack-attest.pc", recursive=True)[0]
        self.lib = os.path.dirname(os.path.dirname(self.pc))
        self.environ = {**os.environ, "PKG_CONFIG_PATH": os.path.dirname(self.pc), "PKG_CONFIG_SYSROOT_DIR": folder,
                        "LD_LIBRARY_PATH": self.lib}

    def flags(self, *options):
        return shlex.split(output("pkg-config", *options, "dstack-attest", env=self.environ))

    def compile(self, target, *more):
        static = ["--static"] if "-static" in more else []
        output("gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-O1", EXAMPLE, "-o", target, *more,
               *self.flags(*static, "--cflags", "--libs"))
        return target

    def verify(self, program, *arguments):
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, env=self.environ)


@pytest.fixture(scope="module", name="installed")
def fixture_installed(tmp_path_factory):
    if not os.path.exists(KITS):
        pytest.skip("needs a build: run it by ./dev test")
    return Installed(str(tmp_path_factory.mktemp("installed")))


@pytest.fixture(scope="module", params=["shared", "static"], name="program")
def fixture_program(request, installed, tmp_path_factory):
    target = str(tmp_path_factory.mktemp("program") / "verify")
    return installed.compile(target, *(["-static"] if request.param == "static" else []))


@pytest.fixture(scope="module", name="kits")
def fixture_kits(installed, tmp_path_factory):
    assert installed.pc
    folder = str(tmp_path_factory.mktemp("kits"))
    output(KITS, folder)
    return folder


def documents(kits, form):
    return sorted(glob.glob(f"{kits}/{form}.*.collateral"))


def root(kits, form):
    with open(f"{kits}/{form}.root", encoding="ascii") as file:
        return file.read()


def declared():
    with open(HEADER, encoding="utf-8") as file:
        return set(re.findall(r"\b(ds_attest_\w+)\(", re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)))


def test_what_the_header_declares_is_all_that_the_shared_library_shows(installed):
    library = f"{installed.lib}/libdstack-attest.so"
    assert {line.split()[-1] for line in output("nm", "-D", "--defined-only", library).splitlines()} == declared()
    dynamic = output("readelf", "-d", library)
    assert set(re.findall(r"NEEDED.*\[(.*?)\]", dynamic)) == {"libcrypto.so.3", "libc.so.6"}
    assert re.findall(r"SONAME.*\[(.*?)\]", dynamic) == ["libdstack-attest.so.0.1"]


def test_nor_does_the_static_library_show_more(installed):
    names = output("nm", "-g", "--defined-only", f"{installed.lib}/libdstack-attest.a").splitlines()
    assert {line.split()[-1] for line in names if line.count(" ") == 2} == declared()


def test_the_library_calls_nothing_that_it_must_not(installed):
    """No heap, clock, file, network, environment or process: what it calls is libcrypto, memory and text."""
    called = set(re.findall(r" U (\w+)", output("nm", "-D", "--undefined-only", f"{installed.lib}/libdstack-attest.so")))
    ours = {name for name in called if not re.match(r"(EVP|OSSL_PARAM|ERR)_", name)}
    assert ours <= {"memchr", "memcmp", "memcpy", "memmem", "memmove", "memset", "strchr", "strcmp", "strlen", "strncmp",
                    "snprintf", "vsnprintf", "strerror_r", "__memcpy_chk", "__snprintf_chk", "__vsnprintf_chk",
                    "__memmove_chk", "__memset_chk", "pthread_once", "__assert_fail", "__stack_chk_fail", "__errno_location"}


def test_pkg_config_knows_version_and_dependency(installed):
    assert output("pkg-config", "--modversion", "dstack-attest", env=installed.environ).strip() == "0.1.0"
    assert "-lcrypto" not in installed.flags("--libs")
    assert "-lcrypto" in installed.flags("--static", "--libs")


@pytest.mark.parametrize("form", FORMS)
def test_evidence_is_accepted_and_its_claims_are_printed(installed, program, kits, form):
    run = installed.verify(program, "--at", NOW_S, "--simulated-root", root(kits, form), f"{kits}/{form}.evidence",
                           *documents(kits, form))
    assert run.returncode == 0, run.stdout + run.stderr
    claims = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    assert (claims["tee"], claims["kind"], claims["tcb_status"]) == (FORMS[form], "simulated", "UpToDate")
    assert len(claims["report_data"]) == 128 and claims["report_data"].startswith("5a")
    assert ("app_id" in claims) == form.startswith("tdx_log") or form == "tdx_stripped"


def refused(run, code):
    assert run.returncode == 4, run.stdout + run.stderr
    reasons = re.findall(r"^([a-z0-9_.]+): ", run.stdout, re.M)
    assert reasons == [code], run.stdout
    for part in ("claim", "expected", "got", "anchor", "fix"):
        assert re.search(rf"^  {part} +\S", run.stdout, re.M), run.stdout


def test_refusals_come_with_their_codes(installed, program, kits, tmp_path):
    quote, collateral, trust = f"{kits}/tdx.evidence", documents(kits, "tdx"), ("--simulated-root", root(kits, "tdx"))
    with open(quote, "rb") as file:
        changed = bytearray(file.read())
    changed[TDX_BODY_END - 1] ^= 1
    other = tmp_path / "changed"
    other.write_bytes(changed)
    short = tmp_path / "short"
    short.write_bytes(changed[:1000])
    at = ("--at", NOW_S)
    refused(installed.verify(program, *at, *trust, str(other), *collateral), "attest.dcap.quote_signature")
    refused(installed.verify(program, *at, *trust, str(short), *collateral), "attest.dcap.quote_format")
    refused(installed.verify(program, *at, *trust, quote), "attest.dcap.collateral_incomplete")
    refused(installed.verify(program, *at, quote, *collateral), "attest.root_unknown")
    refused(installed.verify(program, *at, "--custom-root", trust[1], quote, *collateral), "attest.marker_unexpected")
    refused(installed.verify(program, "--at", "1900000000", *trust, quote, *collateral), "attest.x509.expired")
    refused(installed.verify(program, *at, "--simulated-root", root(kits, "snp"), f"{kits}/snp.evidence",
                             documents(kits, "snp")[0]), "attest.snp.certificates_missing")


ONES48 = "ff" * 48
# Of a form: options, a policy, and the codes of its denial; none: it is allowed.
POLICIES = (
    ("tdx", {"kinds": ["simulated"]}, []),
    ("tdx_15", {"kinds": ["simulated"], "tees": ["tdx"], "tdx": {"attributes": []}}, []),
    ("sgx", {"kinds": ["simulated"], "sgx": {"min_isvsvn": 0}}, []),
    ("tdx_log", {"kinds": ["simulated"], "app": {"event_log": True, "ids": ["a999" + "00" * 18]}}, []),
    ("snp_table", {"kinds": ["simulated"], "roots": ["--simulated-root"], "snp": {"vmpls": [0]}}, []),
    ("tdx", {}, ["policy.simulated_evidence"]),
    ("tdx", {"kinds": ["simulated"], "tdx": {"mrtd": [ONES48]}}, ["policy.measurement"]),
    ("tdx", {"kinds": ["simulated"], "roots": ["other"]}, ["policy.root"]),
    ("tdx", {"kinds": ["simulated"], "sessions": ["nonce"]}, ["policy.session"]),
    ("sgx", {"kinds": ["simulated"], "tdx": {}}, ["policy.tee"]),
    ("tdx_stripped", {"kinds": ["simulated"], "app": {"ids": ["11" * 20]}}, ["policy.app_id"]),
    ("snp", {"app": {"event_log": True}, "snp": {"measurement": [ONES48], "keys": ["vlek"]}},
     ["policy.simulated_evidence", "policy.log_missing", "policy.measurement", "policy.platform"]),
)


def write_policy(folder, rules):
    path = os.path.join(folder, "policy.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump({"version": 1, **rules}, file)
    return path


def judged(installed, program, kits, form, *options):
    return installed.verify(program, "--at", NOW_S, "--simulated-root", root(kits, form), *options, f"{kits}/{form}.evidence",
                            *documents(kits, form))


@pytest.mark.parametrize("form,rules,codes", POLICIES)
def test_a_policy_judges_what_verified(installed, program, kits, tmp_path, form, rules, codes):
    run = judged(installed, program, kits, form, "--policy", write_policy(tmp_path, rules))
    assert run.returncode == (3 if codes else 0), run.stdout + run.stderr
    assert re.findall(r"^([a-z0-9_.]+): ", run.stdout, re.M) == codes
    assert run.stdout.startswith("tee ") == (not codes)


def test_a_policy_judges_report_data_too(installed, program, kits, tmp_path):
    run = judged(installed, program, kits, "tdx")
    data = re.search(r"^report_data ([0-9a-f]{128})$", run.stdout, re.M).group(1)
    options = ("--policy", write_policy(tmp_path, {"kinds": ["simulated"], "sessions": ["nonce"]}), "--report-data")
    assert judged(installed, program, kits, "tdx", *options, data).returncode == 0
    run = judged(installed, program, kits, "tdx", *options, data[:-2] + "ff")
    assert run.returncode == 3 and run.stdout.startswith("policy.report_data: "), run.stdout
    assert judged(installed, program, kits, "tdx", *options, data[:-2]).returncode == 2
    assert judged(installed, program, kits, "tdx", "--report-data", data).returncode == 2


def test_what_is_no_policy_is_refused_with_its_place(installed, program, kits, tmp_path):
    for rules, code, place in (({"tdx": {"mrdt": []}}, "unknown_key", "tdx.mrdt"),
                               ({"tdx": {"mrtd": ["00"]}}, "wrong_value", r"tdx.mrtd\[0\]"),
                               ({"version": 2}, "version", "version")):
        run = judged(installed, program, kits, "tdx", "--policy", write_policy(tmp_path, rules))
        assert run.returncode == 4 and run.stdout.startswith(f"policy.document_{code}: "), run.stdout
        assert re.search(rf"^  claim     {place}$", run.stdout, re.M), run.stdout
    assert judged(installed, program, kits, "tdx", "--policy", "/nowhere").returncode == 1


def test_reasons_beyond_the_last_are_counted(installed, program, kits, tmp_path):
    registers = ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrseam", "mrsignerseam", "mrconfigid", "mrowner", "mrownerconfig",
                 "mrservicetd")
    rules = {"tdx": {name: ["ff" * 48] for name in registers}, "app": {"event_log": True, "ids": ["11" * 20]},
             "sessions": ["nonce"], "device_ids": ["11" * 32], "report_data": ["11" * 64], "roots": ["Intel SGX Root CA"]}
    run = judged(installed, program, kits, "tdx", "--policy", write_policy(tmp_path, rules))
    assert run.returncode == 3
    assert len(re.findall(r"^policy\.[a-z_]+: ", run.stdout, re.M)) == 16 and run.stdout.endswith("\nand 2 more\n"), run.stdout


def test_a_wrong_call_is_told(installed, program):
    for arguments in ((), ("--at",), ("--at", "x", "y"), ("--custom-root", "00", "y"), ("--else", "0" * 64, "y")):
        run = installed.verify(program, *arguments)
        assert run.returncode == 2 and run.stderr.startswith("usage: "), (arguments, run)
    assert installed.verify(program, "/nowhere").returncode == 1


def test_recorded_evidence(installed, program):
    vectors = os.environ.get("DSTACK_VECTORS")
    if vectors is None:
        pytest.skip("no recorded evidence (--vectors DIR)")
    at, quote = ("--at", "1750809600"), f"{vectors}/tdx/dcapqvl_tdx_v4.quote"
    collateral = f"{vectors}/tdx/dcapqvl_tdx_v4.collateral.json"
    run = installed.verify(program, *at, quote, collateral)
    assert run.returncode == 0, run.stdout
    assert re.search(r"^kind hardware\nanchor Intel SGX Root CA$", run.stdout, re.M)
    assert re.search(r"^fmspc b0c06f000000$", run.stdout, re.M)
    refused(installed.verify(program, "--at", "1800000000", quote, collateral), "attest.crl.dates")
    refused(installed.verify(program, *at, f"{vectors}/tdx/dcapqvl_tdx_v4_tappd.quote", collateral),
            "attest.dcap.tcb_not_supported")
    snp = [f"{vectors}/snp/gosev_milan_{part}" for part in ("report.bin", "vcek.der", "cert_chain.pem")]
    refused(installed.verify(program, *at, *snp), "attest.snp.crl_missing")
