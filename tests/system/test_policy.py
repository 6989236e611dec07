# SPDX-License-Identifier: Apache-2.0
"""Policy documents at the command line, and their schema beside a validator that is not ours (npm's ajv): it
accepts what the reader accepts and refuses what the reader refuses."""

import concurrent.futures
import copy
import glob
import json
import os
import shutil
import subprocess

import pytest

import npm
import stack
from codes import heard
from vmm import program

HERE = os.path.join(stack.TOP, "tests", "system", "policy")
EXAMPLES = sorted(glob.glob(os.path.join(stack.TOP, "examples", "policy", "*.json")))
CORPUS = sorted(glob.glob(os.path.join(stack.TOP, "fuzz", "corpus", "policy", "*.json")))
# A key twice is seen by no schema: the JSON reader of the validator has dropped one of them by then.
UNSEEN = {"key_twice.json"}


@pytest.fixture(scope="module")
def dstack(tmp_path_factory):
    """run(*arguments) of `dstack`, with a state directory of its own."""
    path = program("cli", "dstack")
    env = dict(os.environ, DSTACK_STATE=str(tmp_path_factory.mktemp("state")))

    def run(*arguments):
        done = subprocess.run([path, *arguments], capture_output=True, text=True, env=env, timeout=120, check=False)
        heard(done.stdout + done.stderr)
        return done
    return run


@pytest.fixture(scope="module")
def schema(dstack):
    return json.loads(dstack("policy", "schema").stdout)


def values(attribute):
    """(good, bad) values of an attribute, made from its own schema."""
    kind, items = attribute["type"], attribute.get("items", {})
    if kind == "boolean":
        return [True, False], [0, "true", None, [True]]
    if kind == "integer":
        top = attribute["maximum"]
        return [0, top], [-1, top + 1, 0.5, "1", None, [0]]
    if not attribute.get("uniqueItems"):
        n = attribute["minItems"]
        return [[0] * n, [255] * n], [[], [0] * (n - 1), [0] * (n + 1), [256] * n, [-1] * n, ["0"] * n, 0]
    one, two, wrong = members(items)
    good = [[one], [two, one], *([[]] if attribute["minItems"] == 0 else [])]
    bad = [[one, one], [one, wrong], [None], [[one]], one, {}, None]
    return good, bad + ([] if attribute["minItems"] == 0 else [[]])


def members(items):
    """Two members of a list and what is none."""
    if "enum" in items:
        return items["enum"][0], items["enum"][1], "nonsense"
    if items["type"] == "integer":
        return 0, items["maximum"], items["maximum"] + 1
    if items["pattern"] == "^[ -~]*$":
        return "a", "~" * items["maxLength"], "a" * (items["maxLength"] + 1)
    digits = int(items["pattern"].split("{")[1].split("}")[0])
    return "0" * digits, "af" * (digits // 2), "A" * digits


def placed(section, key, value):
    """A document with one attribute. Roots that are not built in need a kind that they can be of."""
    members_of = {key: value}
    document = {"version": 1, **({section: members_of} if section else members_of)}
    if key == "roots":
        document["kinds"] = ["custom"]
    return document


def attributes(schema):
    for name, part in schema["properties"].items():
        if part.get("type") == "object":
            yield from ((name, key, attribute) for key, attribute in part["properties"].items())
        elif "x-code" in part:
            yield "", name, part


def contradictions():
    """Documents about several keys at once, with and without a contradiction."""
    sections = ["app", "intel", "tdx", "sgx", "snp"]
    tees = [None, ["tdx"], ["sgx"], ["snp"], ["snp", "tdx"], ["sgx", "tdx", "snp"]]
    for bits in range(1 << len(sections)):
        for listed in tees:
            document = {"version": 1, **{name: {} for i, name in enumerate(sections) if bits >> i & 1}}
            yield document if listed is None else {**document, "tees": listed}
    for roots in (["mine"], ["Intel SGX Root CA"], ["AMD ARK-Milan", "mine"], ["AMD ARK-Milan", "AMD ARK-Turin"]):
        for kinds in (None, ["hardware"], ["custom"], ["simulated", "hardware"], ["custom", "simulated"]):
            document = {"version": 1, "roots": roots}
            yield document if kinds is None else {**document, "kinds": kinds}


def documents(schema):
    """[(name, text, whether the reader must accept it; None: as it does)]"""
    found = [(path, open(path, encoding="utf-8").read(), None) for path in CORPUS
             if os.path.basename(path) not in UNSEEN]
    found += [(path, open(path, encoding="utf-8").read(), True) for path in EXAMPLES]
    for section, key, attribute in attributes(schema):
        good, bad = values(attribute)
        for accepted, some in ((True, good), (False, bad)):
            found += [(f"{section}.{key}", json.dumps(placed(section, key, value)), accepted) for value in some]
        spare = copy.deepcopy(placed(section, key, good[0]))
        (spare[section] if section else spare)[key + "s"] = 1
        found.append((f"{section}.{key}s", json.dumps(spare), False))
    found += [("contradictions", json.dumps(document), None) for document in contradictions()]
    for version in (0, 2, "1", None, True, [1]):
        found.append(("version", json.dumps({"version": version}), False))
    for text in ("{}", "[]", "1", "null", '"', '{"version":1,"description":""}', '{"version":1,"description":5}'):
        found.append((text, text, False))
    return found


def test_schema_and_reader_agree(dstack, schema, tmp_path):
    folder = npm.installed(HERE)
    shutil.copy(os.path.join(HERE, "peer.mjs"), folder)
    found = documents(schema)
    asked = json.dumps([schema, [text for _, text, _ in found]])
    peer = subprocess.run(["node", os.path.join(folder, "peer.mjs")], input=asked, capture_output=True, text=True,
                          timeout=300, check=False)
    assert peer.returncode == 0, peer.stderr
    by_schema = json.loads(peer.stdout)

    def read(i):
        path = tmp_path / f"{i}.json"
        path.write_text(found[i][1], encoding="utf-8")
        return dstack("policy", "check", str(path))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        by_reader = list(pool.map(read, range(len(found))))
    for (name, text, expected), one, other in zip(found, by_reader, by_schema):
        accepted = one.returncode == 0
        assert expected in (None, accepted), (name, text, one.stderr)
        assert accepted == other, (name, text, one.stderr)
        assert accepted or "policy.document_" in one.stderr, one.stderr
    assert sum(by_schema) > 100 and len(by_schema) - sum(by_schema) > 300


def test_what_no_schema_sees_is_refused(dstack):
    for name in UNSEEN:
        run = dstack("policy", "check", os.path.join(stack.TOP, "fuzz", "corpus", "policy", name))
        assert run.returncode != 0 and "policy.document_json" in run.stderr


def test_check_says_what_is_demanded(dstack, schema):
    for path in EXAMPLES:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        text, machine = dstack("policy", "check", path), dstack("policy", "check", path, "--json")
        assert text.returncode == machine.returncode == 0, text.stderr
        demands = {row["path"]: row for row in json.loads(machine.stdout)["demands"]}
        assert list(demands) == [f"{s}.{key}" if s else key for s, key, _ in attributes(schema)]
        for section, key, _ in attributes(schema):
            row = demands[f"{section}.{key}" if section else key]
            given = key in (document.get(section, {}) if section else document)
            assert row["given"] == given and row["demand"]
            line = next(line for line in text.stdout.splitlines() if line.split()[:1] == [row["path"]])
            assert row["demand"] in line and line.endswith("(by default)") != given
        assert text.stdout.startswith(document["description"])


def test_refusals_name_path_expected_and_got(dstack, tmp_path):
    path = tmp_path / "policy.json"
    path.write_text('{"version":1,"tdx":{"mrtd":["00","x"]}}', encoding="utf-8")
    run = dstack("policy", "check", str(path), "--json")
    reason = json.loads(run.stdout)["reasons"][0]
    assert (run.returncode, reason["code"], reason["claim"]) == (1, "policy.document_wrong_value", "tdx.mrtd[0]")
    assert reason["expected"] == "96 lower-case hex digits" and reason["got"] == "00" and reason["fix"]
    path.write_text("{" + " " * 70000, encoding="utf-8")
    run = dstack("policy", "check", str(path))
    assert run.returncode == 1 and "file.too_large" in run.stderr
    run = dstack("policy", "check", str(tmp_path / "absent"))
    assert run.returncode != 0 and "cli.policy_file" in run.stderr
    for arguments in (("policy",), ("policy", "check"), ("policy", "schema", "x"), ("policy", "nonsense")):
        assert dstack(*arguments).returncode == stack.EXIT_USAGE
