# SPDX-License-Identifier: Apache-2.0
"""
Kernel modules of the allow-lists: dependencies and load order, read from the
modules themselves, so that no tool and no index is needed in the guest.
"""

import lzma
import re

SIGNED = b"~Module signature appended~\n"


def unsigned(data):
    """
    A module without its signature. The initramfs is measured and the root is under
    dm-verity, so the signature proves nothing more; checking it took two thirds of
    the time that loading takes. (struct module_signature: 12 bytes, its length last.)
    """
    if not data.endswith(SIGNED):
        return data
    end = len(data) - len(SIGNED)
    return data[:end - 12 - int.from_bytes(data[end - 4:end], "big")]


def norm(name):
    return name.replace("-", "_")


class Modules:
    """The modules of a kernel package's tree, by name with "_" for "-"."""

    def __init__(self, tree):
        self._packed = {}
        self._data = {}
        for path, node in tree.nodes.items():
            m = re.search(r"/kernel/.*/([^/]+)\.ko\.xz$", path)
            if m:
                self._packed[norm(m[1])] = node.data
        builtin = next((n.data for p, n in tree.nodes.items() if p.endswith("/modules.builtin")),
                       b"")
        self._builtin = {norm(m) for m in re.findall(r"/([^/\n]+)\.ko\n", builtin.decode())}

    def data(self, name):
        if name not in self._data:
            if name not in self._packed:
                raise SystemExit(f"image: the kernel package has no module {name}")
            self._data[name] = unsigned(lzma.decompress(self._packed[name]))
        return self._data[name]

    def needs(self, name):
        """Direct dependencies and those that must stand before it ("softdep: pre")."""
        data = self.data(name)
        found = re.search(rb"\0depends=([^\0]*)\0", data)
        names = found[1].decode().split(",") if found and found[1] else []
        for soft in re.findall(rb"\0softdep=pre: ([^\0]*)\0", data):
            names += [n for n in soft.decode().split() if norm(n) in self._packed]
        return [norm(n) for n in names if norm(n) not in self._builtin]

    def order(self, names, loaded=()):
        """The names with their dependencies, each after what it needs, without those loaded."""
        out = list(loaded)

        def visit(name):
            if name in out or name in self._builtin:
                return
            for need in self.needs(name):
                visit(need)
            out.append(name)

        for name in names:
            visit(norm(name))
        return out[len(loaded):]

    def listing(self, rows, loaded=()):
        """
        The load list of "module [condition]" rows, as (module, condition) pairs. What
        only a conditional module needs has that condition; a module may stand twice.
        """
        out = []
        always = [name for name, *when in rows if not when]
        for name, *when in rows:
            if when:
                out += [(m, " ".join(when)) for m in self.order([name], loaded)]
        return out + [(m, "") for m in self.order(always, loaded)]
