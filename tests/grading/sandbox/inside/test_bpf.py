"""Filters do what their lines say: run here by a machine of their own, as the kernel would."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.sandbox.inside.bpf import (
    ALLOW,
    DENY,
    KILL,
    Instruction,
    assemble,
    give,
    jump_if_at_least,
    jump_if_equal,
    jump_unless_equal,
    load,
    mask,
)
from tests.grading.sandbox.inside.machine import run

WORD = st.integers(0, 2**32 - 1)


@given(WORD, WORD)
def test_a_jump_is_taken_where_its_comparison_holds(number: int, value: int) -> None:
    def ends(jump: Instruction) -> bool:
        code = assemble([load(0), jump, give(ALLOW), "there", give(DENY)])
        return run(code, number) == DENY

    assert ends(jump_if_equal(value, "there")) == (number == value)
    assert ends(jump_unless_equal(value, "there")) == (number != value)
    assert ends(jump_if_at_least(value, "there")) == (number >= value)


@given(WORD, WORD)
def test_of_a_masked_word_only_those_bits_are_compared(number: int, bits: int) -> None:
    code = assemble(
        [load(0), mask(bits), jump_if_equal(bits, "all"), give(ALLOW), "all", give(DENY)]
    )
    assert (run(code, number) == DENY) == (number & bits == bits)


@given(st.lists(WORD, min_size=1, max_size=254, unique=True), st.data())
def test_each_of_many_numbers_jumps_to_the_same_place(
    numbers: list[int], data: st.DataObject
) -> None:
    jumps = [jump_if_equal(number, "found") for number in numbers]
    code = assemble([load(0), *jumps, give(ALLOW), "found", give(KILL)])
    assert run(code, data.draw(st.sampled_from(numbers))) == KILL
    other = data.draw(WORD.filter(lambda number: number not in numbers))
    assert run(code, other) == ALLOW


def test_a_label_may_name_what_another_names() -> None:
    code = assemble([load(0), jump_if_equal(1, "a"), jump_if_equal(2, "b"), "a", "b", give(DENY)])
    assert run(code, 1) == run(code, 2) == DENY


def test_an_instruction_is_what_the_kernel_takes() -> None:
    """`struct sock_filter`: a 16-bit code, two jumps of 8 bits, and 32 bits of value."""
    code = assemble([load(4), jump_unless_equal(0xC000003E, "end"), give(ALLOW), "end", give(KILL)])
    assert list(struct.iter_unpack("HBBI", code)) == [
        (0x20, 0, 0, 4),
        (0x15, 0, 1, 0xC000003E),
        (0x06, 0, 0, 0x7FFF0000),
        (0x06, 0, 0, 0x80000000),
    ]


FAR = [load(0), jump_if_equal(1, "far"), *[load(0)] * 256, "far", give(DENY)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([jump_if_equal(1, "nowhere"), give(ALLOW)], "cannot jump to 'nowhere'"),
        (["up", load(0), jump_if_equal(1, "up"), give(ALLOW)], "cannot jump to 'up'"),
        (FAR, "cannot jump to 'far'"),
        (["twice", load(0), "twice", give(ALLOW)], "stands twice"),
    ],
)
def test_a_label_that_cannot_be_reached_is_refused(
    lines: list[Instruction | str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        assemble(lines)
