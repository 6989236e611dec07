# SPDX-License-Identifier: Apache-2.0
"""`up` on a changed compose file: the same app with its data and another version, for good."""

import hashlib
import json
import os

import pytest

import stack

@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """{version: compose file}; "broken" has an entrypoint that no container can start."""
    directory = os.path.dirname(stack.hello_app(tmp_path_factory.mktemp("apps") / "versions"))
    files = {}
    for version, image in (("one", "hello:latest"), ("two", "hello:latest"), ("tag", "elsewhere:latest"),
                           ("broken", "hello:latest\n    entrypoint: [/nowhere]")):
        files[version] = os.path.join(directory, f"{version}.yaml")
        stack.write_version(files[version], version, image)
    return files


def record(machine):
    with open(os.path.join(machine.state, "apps", "app", "record.json"), encoding="utf-8") as file:
        return json.load(file)


def app_compose(machine):
    with open(os.path.join(machine.state, "apps", "app", "app-compose.json"), encoding="utf-8") as file:
        return file.read()


def allowed(machine, app_id):
    with open(os.path.join(machine.state, "kms", "allow.json"), encoding="utf-8") as file:
        apps = json.load(file)["apps"]
    assert list(apps) == [app_id]
    return apps[app_id]["composeHashes"]


def check_version(machine, version, app_id, page):
    """It runs, is the same app with the same data, and is the only version that may boot."""
    assert machine.get(8080, "/version.html").strip() == version
    assert machine.get(8080) == page
    row, kept = machine.vm("app"), record(machine)
    assert row["app_id"] == kept["app_id"] == app_id and len(machine.vm_dirs()) == 1
    assert row["compose_hash"] == kept["compose_hash"] == hashlib.sha256(app_compose(machine).encode()).hexdigest()
    assert allowed(machine, app_id) == [kept["compose_hash"]]
    verdict = machine.json("verify", "app", "--allow-simulated")
    values = {claim["claim"]: (claim["state"], claim["value"]) for claim in verdict["claims"]}
    assert values["app_id"] == ("proved", app_id)
    assert values["compose_hash"] == ("proved", kept["compose_hash"])


def test_an_upgrade_keeps_id_and_data_and_ends_the_old_version(machine, versions):
    machine.up(versions["one"], "app")
    page, first = machine.get(8080), record(machine)
    app_id, instance_id = first["app_id"], machine.vm("app")["instance_id"]
    old_compose = app_compose(machine)
    assert len(page) == 37
    check_version(machine, "one", app_id, page)
    assert machine.json("logs", "app", "-c", code=stack.EXIT_DENIED)["code"] == "guest.logs_private"

    # A change that the VMM refuses stops nothing.
    refused = machine.json(*machine.up_args(versions["two"], "app", "--memory", "100"), code=stack.EXIT_FAILED)
    assert refused["code"] == "vmm.value_range" and record(machine) == first
    check_version(machine, "one", app_id, page)

    # What the compose file alone tells is told before anything is stopped or allowed.
    told = machine.json(*machine.up_args(versions["tag"], "app"), code=stack.EXIT_DENIED)
    assert (told["code"], told["reasons"][0]["claim"]) == ("cli.compose_image", "services.web.image")
    assert record(machine) == first and allowed(machine, app_id) == [first["compose_hash"]]
    check_version(machine, "one", app_id, page)

    # A version that does not start: the record stays, both versions may boot, and `up` goes back.
    failed = machine.json(*machine.up_args(versions["broken"], "app"), code=stack.EXIT_UNAVAILABLE)
    assert failed["code"] == "guest.compose_failed" and record(machine) == first
    assert allowed(machine, app_id) == [first["compose_hash"], machine.vm("app")["compose_hash"]]
    machine.up(versions["one"], "app")
    check_version(machine, "one", app_id, page)

    machine.up(versions["two"], "app", "--memory", "3328")
    check_version(machine, "two", app_id, page)
    assert machine.vm("app")["instance_id"] == instance_id
    assert machine.vm("app")["configuration"]["memory"] == 3328
    assert record(machine)["compose_hash"] != first["compose_hash"]

    # The host starts the old version again behind everyone's back.
    reason = machine.refusal_of("app", old_compose)["kms.compose_not_allowed"]
    assert reason["got"] == first["compose_hash"] and reason["expected"] == record(machine)["compose_hash"]

    machine.up(versions["two"], "app")
    check_version(machine, "two", app_id, page)
    machine.dstack("down", "app", "--remove", "--force")
    assert not os.path.exists(os.path.join(machine.state, "apps", "app"))


def test_a_killed_upgrade_is_finished_by_the_next_up(fragile, versions):
    """Wherever it dies the VM is the old or the new version; the record is new only after the proof."""
    fragile.up(versions["one"], "app")
    page, first = fragile.get(8080), record(fragile)
    for point in ("cli.upgrade.stopped", "vmm.manifest.before", "cli.upgrade.updated", "cli.upgrade.verified"):
        run = fragile.failing_up(versions["two"], "app", point)
        assert run.code != 0 and record(fragile) == first, point
        assert first["compose_hash"] in allowed(fragile, first["app_id"]), point
    run = fragile.failing_up(versions["two"], "app", "cli.record.renamed")
    assert run.code != 0 and record(fragile)["compose_hash"] == fragile.vm("app")["compose_hash"]
    fragile.up(versions["two"], "app")
    check_version(fragile, "two", first["app_id"], page)


def test_a_kms_of_the_other_kind_is_told_apart(machine, versions):
    machine.dstack("ps")  # starts the VMM
    with machine.popen(machine.program("kms", "dstack-kms"), "--local", "--birth-kind", "hardware") as kms:
        stack.wait_for("the KMS answers", lambda: os.path.exists(os.path.join(machine.state, "kms", "admin.sock")))
        error = machine.json(*machine.up_args(versions["one"], "app"), code=stack.EXIT_FAILED)
        assert error["code"] == "cli.kms_kind"
        assert (error["reasons"][0]["expected"], error["reasons"][0]["got"]) == ("simulated", "hardware")
        assert "DSTACK_STATE" in error["reasons"][0]["fix"] and machine.vm_dirs() == []
        kms.terminate()
        kms.communicate(timeout=60)
