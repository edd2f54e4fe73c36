"""What the kernel does with a filter: its classic BPF, as far as filters here use it."""

from __future__ import annotations

import struct

LOAD, EQUAL, AT_LEAST, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06


def run(code: bytes, number: int, *arguments: int, architecture: int = 0) -> int:
    """What a filter returns for a system call."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *given)
    program = list(struct.iter_unpack("HBBI", code))
    word, at = 0, 0
    while True:
        operation, then, otherwise, value = program[at]
        at += 1
        if operation == RETURN:
            return int(value)
        if operation == LOAD:
            (word,) = struct.unpack_from("<I", data, value)
        elif operation == AND:
            word &= value
        elif operation == EQUAL:
            at += then if word == value else otherwise
        elif operation == AT_LEAST:
            at += then if word >= value else otherwise
        else:
            raise ValueError(f"unknown instruction {operation:#x}")
