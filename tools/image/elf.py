# SPDX-License-Identifier: Apache-2.0
"""What a dynamic x86-64 ELF file needs: its libraries and its loader."""

import struct

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB = 1, 5


def _text(data, at):
    return data[at:data.index(b"\0", at)].decode("ascii")


def needs(data):
    """The names of the needed libraries and the loader's path (or None) of a file's bytes."""
    if data[:6] != b"\x7fELF\x02\x01":
        return [], None
    phoff, = struct.unpack_from("<Q", data, 0x20)
    phentsize, phnum = struct.unpack_from("<HH", data, 0x36)
    loads, dynamic, interp = [], None, None
    for i in range(phnum):
        kind, _, off, vaddr, _, filesz = struct.unpack_from("<IIQQQQ", data, phoff + i * phentsize)
        if kind == PT_LOAD:
            loads.append((vaddr, off, filesz))
        elif kind == PT_DYNAMIC:
            dynamic = (off, filesz)
        elif kind == PT_INTERP:
            interp = _text(data, off)
    if dynamic is None:
        return [], interp
    entries = list(struct.iter_unpack("<QQ", data[dynamic[0]:dynamic[0] + dynamic[1] // 16 * 16]))
    strtab = next(v for t, v in entries if t == DT_STRTAB)
    base = next(off + strtab - vaddr for vaddr, off, n in loads if vaddr <= strtab < vaddr + n)
    return [_text(data, base + v) for t, v in entries if t == DT_NEEDED], interp
