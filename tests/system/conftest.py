# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the whole-system tests. VMs are booted under TCG, a minute each: tests that only look
share one."""

import os

import pytest

import stack


@pytest.fixture(scope="session")
def needs_image():
    if not os.path.exists(os.path.join(stack.BUILD, "src/cli/dstack")) or stack.newest_image() is None:
        pytest.skip("needs a build and a guest image: run it by ./dev test")


@pytest.fixture(scope="session")
def hello_compose(tmp_path_factory):
    return stack.hello_app(tmp_path_factory.mktemp("apps") / "hello")


@pytest.fixture(scope="session")
def hello(needs_image, hello_compose):
    """A machine on which hello runs; .first is how its `up` ended."""
    machine = stack.Machine()
    try:
        machine.compose = hello_compose
        machine.first = machine.up(hello_compose, "hello", "--timings")
        yield machine
    finally:
        machine.close()


@pytest.fixture
def fragile(needs_image):
    """An empty machine with the fault build."""
    if not os.path.exists(os.path.join(stack.FAULT_BUILD, "src/cli/dstack")):
        pytest.skip("needs the fault build: ./dev test makes it in its part san")
    one = stack.Machine(build=stack.FAULT_BUILD)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def machine(needs_image):
    """An empty machine."""
    one = stack.Machine()
    try:
        yield one
    finally:
        one.close()
