# SPDX-License-Identifier: Apache-2.0
"""What containers print leaves the VM only where the measured app-compose says so."""

import os
import re
import time

import stack

PUBLIC = """
services:
  web:
    image: hello:latest
    command: ["sh", "-c", "httpd -p 80 -h /www; i=0; while sleep 0.3; do i=$$((i+1)); echo tick $$i; done"]
    ports: ["8080:80"]
x-dstack:
  public_logs: true
  images:
    hello:latest: ./image
"""
# Compose cannot start it, and says so with the program's name.
PRIVATE = """
services:
  web:
    image: hello:latest
    entrypoint: ["/marker-s3cret"]
    ports: ["8080:80"]
x-dstack:
  images:
    hello:latest: ./image
"""


def write(directory, text):
    path = os.path.join(directory, "compose.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def test_logs_go_as_far_as_app_compose_allows(machine, tmp_path):
    directory = os.path.dirname(stack.hello_app(tmp_path / "app"))
    machine.up(write(directory, PUBLIC), "app")

    # Followed, every line comes once, whatever the moment at which it is asked for.
    with machine.popen(machine.program("cli", "dstack"), "logs", "-f", "-c", "app") as child:
        ticks, began = [], time.monotonic()
        for line in child.stdout:
            ticks.append(int(re.fullmatch(r"app-web-1 \| tick (\d+)\n", line).group(1)))
            if len(ticks) > 30 and time.monotonic() - began > 6:
                break
        child.kill()
        child.communicate()
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    assert len(machine.dstack("logs", "app", "-c", "-n", "3").out.splitlines()) == 3

    # A failure of a private app tells what failed, and nothing of what was printed.
    error = machine.json(*machine.up_args(write(directory, PRIVATE), "app"), code=stack.EXIT_UNAVAILABLE)
    assert error["code"] == "guest.compose_failed" and "public_logs is false" in str(error), error
    assert "s3cret" not in str(error)
    logs = [os.path.join(at, name) for at, _, names in os.walk(machine.state) for name in names if name.endswith(".log")]
    assert any(path.endswith("serial.log") for path in logs)
    for path in logs:
        with open(path, "rb") as file:
            assert b"s3cret" not in file.read(), path
