# SPDX-License-Identifier: Apache-2.0
"""The instance credential in a real guest: given at boot, renewed by the agent alone at half of its life."""

import contextlib
import json
import os
import sqlite3

import stack

LIFE_S = 60  # so that a renewal is due within the test; ten days elsewhere


def leaves(machine):
    """The release log, oldest first."""
    path = os.path.join(machine.state, "kms", "log.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return [json.loads(value) for (value,) in
                db.execute("SELECT value FROM kv WHERE key > ? AND key < ? ORDER BY key", (b"leaf/", b"leaf0"))]


def renewals(machine):
    return [leaf for leaf in leaves(machine) if leaf["act"] == "renew_credential"]


def test_a_guest_renews_its_credential(machine, hello_compose):
    with machine.popen(machine.program("kms", "dstack-kms"), "--local", "--birth-kind", "simulated",
                       "--credential-life", LIFE_S) as kms:
        machine.up(hello_compose, "hello")
        stack.wait_for("two renewals", lambda: len(renewals(machine)) >= 2, timeout_s=300)
        kms.terminate()
        kms.communicate(timeout=60)
    given = [leaf for leaf in leaves(machine) if leaf["act"] == "get_app_key"]
    assert [leaf["decision"] for leaf in given] == ["allow"]
    for leaf in renewals(machine):
        assert leaf["decision"] == "allow" and leaf["subject"] == given[0]["subject"], leaf
