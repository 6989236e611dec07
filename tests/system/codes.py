# SPDX-License-Identifier: Apache-2.0
"""Error codes as they leave the programs, for the suite's part `provoked`.

The build with fault hooks records by itself what it raises (src/base/seen.h). The programs of the
other build, and the agent inside a guest, are heard from outside: in the JSON and the texts of failed
commands, in replies, in logs and on consoles.
"""

import os
import re

# "code": "x.y" of a reply (also as text inside a text), code="x.y" of a log line, and the line of a
# reason as the command prints it for people.
FORMS = [re.compile(rb"dstack-init: ([a-z0-9]+(?:\.[a-z0-9_]+)+): "),
         re.compile(rb'\\*"code\\*":\s*\\*"([a-z0-9_.]+)'), re.compile(rb'\bcode="([a-z0-9_.]+)"'),
         re.compile(rb'^  ([a-z0-9]+(?:\.[a-z0-9_]+)+): ', re.M)]


def heard(text):
    """Note the codes in what a program said."""
    path = os.environ.get("DSTACK_CODES_FILE")
    if path is None:
        return
    text = text.encode() if isinstance(text, str) else text
    found = {code for form in FORMS for code in form.findall(text)}
    with open(path, "ab", buffering=0) as file:
        for code in sorted(found):
            file.write(code + b"\n")


def heard_in_logs(directory):
    for at, _, names in os.walk(directory):
        for name in names:
            if name.endswith(".log"):
                with open(os.path.join(at, name), "rb") as file:
                    heard(file.read())
