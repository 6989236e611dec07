# SPDX-License-Identifier: Apache-2.0
"""One app from `up` to `down`, seen through every command, as text and as JSON."""

import hashlib
import json
import os
import re
import time

import pytest

import stack

COMMANDS = ["up", "down", "ps", "logs", "verify", "doctor", "explain", "image"]

# What `verify` must name and prove; what the evidence states and nothing here knows otherwise.
PROVED = ["root", "tcb", "debug", "firmware", "acpi", "machine", "kernel", "initrd", "cmdline", "root_disk",
          "app_id", "instance_id", "os_image_hash", "compose_hash", "identity", "key_provider", "report_data", "nonce"]
STATED = ["device_id", "mrconfigid", "boot"]
STEPS = ["programs", "shared", "modules", "platform", "identity", "network", "measure", "keys", "disk",
         "env", "ready", "engine", "images", "app"]


REFUSALS = [
    (["fly"], stack.EXIT_USAGE, "cli.no_command"),
    (["ps", "--fast"], stack.EXIT_USAGE, "args.usage"),
    (["verify"], stack.EXIT_USAGE, "args.usage"),
    (["verify", "nobody"], stack.EXIT_NOT_FOUND, "cli.no_vm"),
    (["down", "nobody"], stack.EXIT_NOT_FOUND, "cli.no_vm"),
    (["logs", "nobody"], stack.EXIT_NOT_FOUND, "cli.no_vm"),
    (["explain", "no.such_code"], stack.EXIT_NOT_FOUND, "cli.code_unknown"),
    (["image", "burn"], stack.EXIT_USAGE, "cli.no_command"),
    (["up"], stack.EXIT_NOT_FOUND, "cli.compose_invalid"),
]


@pytest.mark.parametrize("args, exit_code, code", REFUSALS, ids=[" ".join(row[0]) for row in REFUSALS])
def test_refusals_have_codes_and_exits(hello, args, exit_code, code):
    assert hello.json(*args, code=exit_code)["code"] == code
    text = hello.dstack(*args, code=exit_code)
    assert code in text.err and text.out == ""


def test_a_compose_file_that_is_none_is_refused(hello, tmp_path):
    (tmp_path / "bad.yaml").write_text("services: [web\n")
    error = hello.json("up", "-f", tmp_path / "bad.yaml", "--name", "bad", code=stack.EXIT_FAILED)
    assert error["code"] == "cli.compose_invalid"
    assert error["reasons"][0]["got"].startswith("yaml: ") and error["reasons"][0]["got"] in error["error"]
    error = hello.json("up", "-f", tmp_path / "none.yaml", code=stack.EXIT_NOT_FOUND)
    assert error["code"] == "cli.compose_invalid" and "no such file" in error["reasons"][0]["got"]
    assert [row["name"] for row in hello.json("ps")] == ["hello"]


def test_without_a_record_nothing_is_compared(hello):
    """Neither `verify` nor `up` takes the VMM's word for what should run."""
    record = os.path.join(hello.state, "apps", "hello")
    os.rename(record, record + ".away")
    try:
        verdict = hello.json("verify", "hello", "--allow-simulated", code=stack.EXIT_DENIED)
        assert verdict["compared"] is False and [row["code"] for row in verdict["reasons"]] == ["cli.no_record"]
        states = {row["claim"]: row["state"] for row in verdict["claims"]}
        assert states["app_id"] == states["compose_hash"] == "stated"
        text = hello.dstack("verify", "hello", "--allow-simulated", "--any-app")
        assert re.search("^  - which app this is: COMPARED WITH NOTHING", text.out, re.M)
        other = os.path.join(os.path.dirname(hello.compose), "other.yaml")
        with open(hello.compose, encoding="utf-8") as source, open(other, "w", encoding="utf-8") as file:
            file.write(source.read() + "x-another: app\n")
        error = hello.json(*hello.up_args(other, "hello"), code=stack.EXIT_FAILED)
        assert error["code"] == "cli.other_app"
        assert error["reasons"][0]["got"] == hello.vm("hello")["app_id"]
    finally:
        os.rename(record + ".away", record)
    assert hello.json("verify", "hello", "--allow-simulated")["compared"] is True


def test_a_damaged_record_is_no_record(hello):
    path = os.path.join(hello.state, "apps", "hello", "record.json")
    with open(path, encoding="utf-8") as file:
        whole = file.read()
    try:
        for broken in (whole[:-9], whole.replace('"kms_spki"', '"kms"'), "[" * 100):
            with open(path, "w", encoding="utf-8") as file:
                file.write(broken)
            error = hello.json("verify", "hello", "--allow-simulated", code=stack.EXIT_FAILED)
            assert error["code"] == "cli.record_damaged", error
            assert hello.json(*hello.up_args(hello.compose, "hello"), code=stack.EXIT_FAILED)["code"] == \
                "cli.record_damaged"
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(whole)


def test_verify_refuses_simulated_evidence(hello):
    verdict = hello.json("verify", "hello", code=stack.EXIT_DENIED)
    assert verdict["allowed"] is False and verdict["kind"] == "simulated"
    assert [row["claim"] for row in verdict["claims"] if row["state"] != "stated" and row["state"] != "proved"] \
        == ["root"]
    assert [reason["code"] for reason in verdict["reasons"]] == ["policy.simulated_evidence"]
    assert "--allow-simulated" in verdict["reasons"][0]["fix"]
    text = hello.dstack("verify", "hello", code=stack.EXIT_DENIED)
    assert "policy.simulated_evidence" in text.err and "--allow-simulated" in text.err


def test_up_ends_with_an_answer_and_the_chain_of_proof(hello):
    assert re.search(r"http://127\.0\.0\.1:8080/ answers 200", hello.first.err), hello.first
    assert "\nnot proved:\n" in hello.first.out
    for claim in PROVED:
        # Nothing knew the instance before; `up` has recorded it since.
        state = "stated" if claim == "instance_id" else "proved"
        assert re.search(rf"^  {state}     {claim} +\S.*\n +by \S", hello.first.out, re.M), claim
    assert "<h1>Hello from a confidential VM</h1>" in hello.get(8080)


def test_up_draws_the_boot(hello):
    bars = re.findall(r"^  (\w+) +([0-9.]+) s  \|( *)(#+) *\|$", hello.first.out, re.M)
    assert [name for name, *_ in bars] == STEPS
    starts = [len(space) for _, _, space, _ in bars]
    assert starts == sorted(starts), "the steps begin one after the other"


def claims(machine, *args):
    """{claim: row} of a verification that accepts."""
    verdict = machine.json("verify", *args, "--allow-simulated")
    assert verdict["allowed"] and verdict["reasons"] == []
    return {row["claim"]: row for row in verdict["claims"]}


def test_verify_names_the_anchor_of_every_claim(hello):
    rows = claims(hello, "hello")
    assert {claim: row["state"] for claim, row in rows.items()} == \
        dict.fromkeys(PROVED, "proved") | dict.fromkeys(STATED, "stated")
    assert all(row["anchor"] and row["value"] for row in rows.values()), rows
    assert "(simulated)" in rows["root"]["value"]
    text = hello.dstack("verify", "hello", "--allow-simulated").out
    for claim, row in rows.items():
        assert re.search(rf"^  {row['state']} +{claim} +\S.*\n +by {re.escape(row['anchor'])}$", text, re.M), claim


def test_verify_says_what_is_not_proved(hello):
    verdict = hello.json("verify", "hello", "--allow-simulated")
    assert verdict["fresh"] and verdict["compared"] and len(verdict["not_proved"]) >= 5
    words = " ".join(verdict["not_proved"])
    assert "simulated" in words and "KMS" in words
    text = hello.dstack("verify", "hello", "--allow-simulated").out
    for gap in verdict["not_proved"]:
        assert f"  - {gap}\n" in text


def test_what_verify_says_is_what_was_given(hello):
    """Each value held against its source on this side: files, records, the KMS."""
    rows = {claim: row["value"] for claim, row in claims(hello, "hello").items()}
    with open(os.path.join(hello.state, "apps", "hello", "app-compose.json"), "rb") as file:
        compose_hash = hashlib.sha256(file.read()).hexdigest()
    assert rows["compose_hash"] == compose_hash and rows["app_id"] == compose_hash[:40]
    assert rows["instance_id"] == hello.vm("hello")["instance_id"]
    with open(os.path.join(hello.images, hello.image, "digest.txt"), encoding="utf-8") as file:
        assert rows["os_image_hash"] == file.read().strip()
    measured = hello.json("image", "measure", hello.image, "--volumes", "1")
    digests = {event["name"]: event["digest"] for event in measured["events"]}
    assert rows["firmware"] == measured["mrtd"] and rows["acpi"] == digests["acpi-tables"]
    assert [rows[name] for name in ("kernel", "initrd", "cmdline")] == \
        [digests[name] for name in ("kernel", "initrd", "cmdline")]
    assert hello.rpc("kms/admin.sock", "GetMeta")["ca_spki"][:80] in rows["key_provider"]
    assert re.fullmatch("[0-9a-f]{64}", rows["nonce"])


def test_each_verification_has_a_nonce_of_its_own(hello):
    one, two = (claims(hello, "hello") for _ in range(2))
    assert one["nonce"] != two["nonce"] and one["report_data"] != two["report_data"]


def test_the_second_up_uses_what_runs(hello):
    before, began = (hello.vm("hello")["id"], hello.processes()), time.monotonic()
    again = hello.up(hello.compose, "hello")
    assert (hello.vm("hello")["id"], hello.processes()) == before
    assert time.monotonic() - began < 90
    assert "not proved:" in again.out


def test_up_as_json_is_one_document(hello):
    assert hello.json(*hello.up_args(hello.compose, "hello", "--timings"))["allowed"] is True
    assert hello.json(*hello.up_args(hello.compose, "hello", "--no-verify"))["id"] == hello.vm("hello")["id"]


def test_ps_lists_it(hello):
    row = hello.vm("hello")
    assert row["status"] == "running" and re.fullmatch("[0-9a-f]{40}", row["app_id"])
    assert re.search(rf"^hello +running .*{row['app_id']} +done$", hello.dstack("ps").out, re.M)


def test_logs_show_console_and_containers(hello):
    console = hello.dstack("logs", "hello").out
    assert "app.ready" in console
    assert len(hello.dstack("logs", "hello", "-n", "3").out.splitlines()) == 3
    assert "app.ready" in json.dumps(hello.json("logs", "hello"))
    assert hello.dstack("logs", "hello", "-c").err == "(nothing printed yet)\n"
    hello.json("logs", "hello", "-c")


def test_image_lists_and_measures(hello):
    rows = {row["name"]: row for row in hello.json("image", "ls")}
    with open(os.path.join(hello.images, hello.image, "metadata.json"), encoding="utf-8") as file:
        metadata = json.load(file)
    assert rows[hello.image]["version"] == metadata["version"]
    assert hello.image in hello.dstack("image", "ls").out
    two, four = (hello.json("image", "measure", hello.image, "--vcpu", n) for n in (2, 4))
    assert two["mrtd"] == four["mrtd"] and two["rtmr0"] != four["rtmr0"]
    assert two["mrtd"] in hello.dstack("image", "measure", hello.image).out


def test_doctor_knows_this_machine(hello):
    checks = {row["check"]: row for row in hello.json("doctor")}
    assert {"qemu", "tools", "images", "disk", "memory", "clock", "kvm", "machine", "kms", "ports"} <= set(checks)
    assert checks["ports"]["level"] == "ok", "hello has its port itself"
    for row in checks.values():
        assert row["level"] != "bad" and (row["level"] == "ok" or row["fix"]), row
    assert len(hello.dstack("doctor").out.splitlines()) >= len(checks)


def test_explain_knows_every_code(hello):
    rows = hello.json("explain")
    assert len(rows) == len({row["code"] for row in rows}) > 100
    for row in rows:
        assert row["what"] and row["why"] and row["fix"], row
    one = hello.json("explain", "policy.simulated_evidence")
    assert one in rows
    assert one["fix"] in hello.dstack("explain", "policy.simulated_evidence").out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(hello, command):
    text = hello.dstack(command, "--help").out
    assert re.search(rf"^Example:\n  dstack {command}\b", text, re.M), text
    assert "--json" in text


def test_a_killed_simtee_comes_back(hello):
    """The registers are its journal: evidence afterwards says the same."""
    def lasting():
        return {claim: row for claim, row in claims(hello, "hello").items()
                if claim not in ("nonce", "report_data")}
    before = lasting()
    hello.kill("dstack-simtee")
    assert lasting() == before
    assert len(hello.processes("dstack-simtee")) == 1


def test_a_killed_vmm_comes_back_to_its_vms(hello):
    qemu = hello.processes("qemu")
    hello.kill("dstack-vmm")
    stack.wait_for("the VM is adopted", lambda: hello.vm("hello")["status"] == "running")
    hello.dstack("verify", "hello", "--allow-simulated")
    assert hello.processes("qemu") == qemu and len(hello.processes("dstack-simtee")) == 1


def test_a_killed_kms_comes_back_with_the_next_up(hello):
    meta = hello.rpc("kms/admin.sock", "GetMeta")
    hello.kill("dstack-kms")
    hello.up(hello.compose, "hello")
    assert hello.rpc("kms/admin.sock", "GetMeta") == meta
