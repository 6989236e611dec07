# SPDX-License-Identifier: Apache-2.0
"""Shell completion, by a real bash on a terminal: a line is typed, TAB is pressed, and the line read."""

import os
import pty
import re
import select
import subprocess
import time

import pytest

from vmm import TOP, Vmm, make_image, program, vm_request

SCRIPT = os.path.join(TOP, "packaging", "completion", "dstack.bash")
PROMPT = b"READY> "
TELL = '\x18d'  # C-x d: print the line as it stands

# What is typed before TAB, and the line afterwards.
LINES = [
    ("a command", "dstack exp", "dstack explain "),
    ("an option", "dstack up --allow-s", "dstack up --allow-simulated "),
    ("an option behind an operand", "dstack down hello --rem", "dstack down hello --remove "),
    ("every command's help", "dstack ps --he", "dstack ps --help "),
    ("a code", "dstack explain policy.simulated_e", "dstack explain policy.simulated_evidence "),
    ("a word of an operand", "dstack image mea", "dstack image measure "),
    ("a file", "dstack up -f docker-c", "dstack up -f docker-compose.yaml "),
    ("a file as operand", "dstack verify docker-c", "dstack verify docker-compose.yaml "),
    ("a number is the person's", "dstack up --vcpu he", "dstack up --vcpu he"),
    ("a new name is the person's", "dstack up --name he", "dstack up --name he"),
    ("another command's option", "dstack ps --allow-s", "dstack ps --allow-s"),
    ("no such command", "dstack nothing --al", "dstack nothing --al"),
]
WITH_VMM = [
    ("a VM", "dstack down he", "dstack down hello "),
    ("a VM to verify", "dstack verify he", "dstack verify hello "),
    ("an image", "dstack up --image te", "dstack up --image test "),
    ("an image behind '='", "dstack up --image=te", "dstack up --image=test "),
    ("a name of two words", "dstack down two", "dstack down two\\ words "),
    ("a name of two words, half typed", "dstack down two\\ w", "dstack down two\\ words "),
    ("a name that is a program", "dstack down x", "dstack down x\\$\\(touch\\ touched\\) "),
]


class Bash:
    """An interactive bash on a terminal of its own."""

    def __init__(self, cwd, state):
        self.text = b""
        os.makedirs(state, exist_ok=True)
        env = {"PATH": os.path.dirname(program("cli", "dstack")) + ":/usr/bin:/bin", "TERM": "dumb",
               "DSTACK_STATE": str(state), "ASAN_OPTIONS": "detect_leaks=0"}
        self.fd, slave = pty.openpty()
        self.process = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=slave, stdout=slave,
                                        stderr=slave, cwd=cwd, env=env, start_new_session=True)
        os.close(slave)
        self.send(f"source {SCRIPT}; bind 'set enable-bracketed-paste off'; "
                  "bind -x '\"\\C-xd\": printf \"\\nLINE<%s>\\n\" \"$READLINE_LINE\"'; PS1='READ''Y> '\n")
        self.wait(PROMPT)

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern, timeout_s=60):
        """Reads until the pattern came, and gives the match."""
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.text)):
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern} did not come; the terminal shows {self.text}"
            if select.select([self.fd], [], [], left)[0]:
                self.text += os.read(self.fd, 65536)
        self.text = self.text[found.end():]
        return found

    def complete(self, line):
        self.send(line + "\t" + TELL)
        made = self.wait(rb"LINE<([^>]*)>").group(1).decode()
        self.send("\x15\n")  # C-u: away with the line
        self.wait(PROMPT)
        return made

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    cwd = tmp_path_factory.mktemp("work")
    (cwd / "docker-compose.yaml").write_text("services: {}\n")
    shell = Bash(cwd, cwd / "state")
    yield shell
    assert os.listdir(cwd / "state") == [], "completion started or wrote something"
    shell.close()


@pytest.mark.parametrize("typed,wanted", [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_tab(bash, typed, wanted):
    assert bash.complete(typed) == wanted


def test_names_come_from_the_vmm(tmp_path):
    make_image(tmp_path)
    vmm = Vmm(tmp_path, 'machine: "null"\n')
    vmm.start()
    for name in ("hello", "two words", "x$(touch touched)"):
        vmm.call("CreateVm", vm_request(name=name, stopped=True))
    shell = Bash(tmp_path, vmm.state)
    try:
        for what, typed, wanted in WITH_VMM:
            assert shell.complete(typed) == wanted, what
        assert not os.path.exists(tmp_path / "touched"), "pressing TAB ran what a name says"
    finally:
        shell.close()
        vmm.end()
