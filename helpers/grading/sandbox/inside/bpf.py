"""An assembler for system call filters: instructions and labels in, the kernel's code out.

A filter is a program of the kernel's classic BPF (`man 2 seccomp`, linux/filter.h): it loads a word
of the call, compares it, jumps forward, and returns what is to become of the call. A jump names
where it goes, and a text among the instructions is the name of the next:

    assemble([load(0), jump_if_equal(59, "deny"), give(ALLOW), "deny", give(DENY)])
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

#: What a filter can return (linux/seccomp.h): run the call, fail it with EPERM or with ENOSYS, say
#: that it is done without running it, end the process.
ALLOW, DENY, UNKNOWN, KILL = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38, 0x80000000
PRETEND = 0x00050000


class Instruction(NamedTuple):
    """One instruction, and the labels at which it goes on where its comparison holds and where it
    does not; without a label, at the next."""

    code: int
    value: int
    then: str = ""
    otherwise: str = ""


def load(offset: int) -> Instruction:
    """The 32-bit word at this offset of `struct seccomp_data`."""
    return Instruction(0x20, offset)


def mask(bits: int) -> Instruction:
    """Of what was loaded, these bits."""
    return Instruction(0x54, bits)


def jump_if_equal(value: int, to: str) -> Instruction:
    return Instruction(0x15, value, then=to)


def jump_unless_equal(value: int, to: str) -> Instruction:
    return Instruction(0x15, value, otherwise=to)


def jump_if_at_least(value: int, to: str) -> Instruction:
    return Instruction(0x35, value, then=to)


def jump_if_below(value: int, to: str) -> Instruction:
    return Instruction(0x35, value, otherwise=to)


def give(result: int) -> Instruction:
    """The end: what becomes of the call."""
    return Instruction(0x06, result)


def assemble(lines: Iterable[Instruction | str]) -> bytes:
    """The code of a filter. ValueError where a label is missing, there twice, above its jump, or
    further than the 255 instructions that a jump can go."""
    instructions: list[Instruction] = []
    labels: dict[str, int] = {}
    for line in lines:
        if isinstance(line, Instruction):
            instructions.append(line)
        elif labels.setdefault(line, len(instructions)) != len(instructions):
            raise ValueError(f"the label {line!r} stands twice")

    def steps(at: int, to: str) -> int:
        count = labels.get(to, -1) - at - 1 if to else 0
        if not 0 <= count <= 255:
            raise ValueError(f"instruction {at} cannot jump to {to!r}")
        return count

    return b"".join(
        struct.pack("HBBI", code, steps(at, then), steps(at, otherwise), value)
        for at, (code, value, then, otherwise) in enumerate(instructions)
    )
