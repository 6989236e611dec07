# SPDX-License-Identifier: Apache-2.0
"""The form of a bench's output: progress for people on stderr, one JSON line a figure on stdout."""

import json
import sys

BETTER = ("less", "more")


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def line(bench, value, unit, better, ratio=None, of=None, goal=None):
    """One figure; ratio, of (what it was compared with) and goal (for the ratio) come together."""
    if better not in BETTER:
        raise ValueError(f"better is one of {BETTER}, not {better!r}")
    if (ratio is None) != (of is None) or (ratio is None and goal is not None):
        raise ValueError(f"{bench}: a ratio needs what it is of, and a goal needs a ratio")
    figure = {"bench": bench, "value": round(value, 3), "unit": unit}
    if ratio is not None:
        figure |= {"ratio": round(ratio, 3), "of": of}
    if goal is not None:
        figure |= {"goal": goal}
    return json.dumps(figure | {"better": better})


def put(*args, **kwargs):
    print(line(*args, **kwargs), flush=True)
