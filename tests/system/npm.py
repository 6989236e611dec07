# SPDX-License-Identifier: Apache-2.0
"""Packages of npm that tests use, as a lock file in the repository names them, kept in the cache."""

import hashlib
import os
import shutil
import subprocess

import pytest


class Absent(Exception):
    """The packages cannot be had, and why."""


def fetched(folder):
    """A directory with what folder/package-lock.json names."""
    cache = os.environ.get("DSTACK_CACHE")
    name = os.path.basename(folder)
    if not cache or shutil.which("npm") is None:
        raise Absent("needs npm and DSTACK_CACHE: run it by ./dev")
    with open(os.path.join(folder, "package-lock.json"), "rb") as file:
        target = os.path.join(cache, f"{name}-{hashlib.sha256(file.read()).hexdigest()[:12]}")
    if not os.path.exists(os.path.join(target, "installed")):
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        for part in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(folder, part), target)
        run = subprocess.run(["npm", "ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1", "--no-audit", "--no-fund"],
                             cwd=target, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Absent(f"npm cannot fetch {name}: {run.stderr.strip().splitlines()[-1:]}")
        with open(os.path.join(target, "installed"), "x", encoding="utf-8"):
            pass
    return target


def installed(folder):
    """fetched(), for a test: skips where they cannot be had."""
    try:
        return fetched(folder)
    except Absent as e:
        pytest.skip(str(e))
