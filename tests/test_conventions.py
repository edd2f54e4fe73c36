"""Units, widths and prices: the conventions that every count rests on."""

import pytest
import torch

from helpers.conventions import (
    BYTE_UNITS,
    PRICE,
    dtype_bytes,
    dtype_name,
    format_bytes,
    format_count,
)


def test_price_list_of_the_course():
    assert PRICE["add"] == PRICE["multiply"] == 1
    assert PRICE["divide"] == PRICE["sqrt"] == 4
    assert PRICE["exponential"] == 40
    assert PRICE["compare"] == 0


def test_decimal_and_binary_units_differ():
    assert BYTE_UNITS["GB"] == 10**9
    assert BYTE_UNITS["GiB"] == 2**30
    assert BYTE_UNITS["kB"] == 1000
    assert BYTE_UNITS["KiB"] == 1024


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("fp32", 4), ("bf16", 2), ("fp8", 1), ("int4", 0.5), ("tf32", 4), (torch.float16, 2)],
)
def test_bytes_of_an_element(dtype, size):
    assert dtype_bytes(dtype) == size


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.int8])
def test_widths_are_those_of_pytorch(dtype):
    assert dtype_bytes(dtype) == dtype.itemsize


def test_names_of_pytorch_are_understood():
    assert dtype_name(torch.bfloat16) == "bf16"
    assert dtype_name("float32") == "fp32"


def test_unknown_dtype_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown dtype fp17: use one of fp64, fp32"):
        dtype_name("fp17")


@pytest.mark.parametrize(
    ("count", "system", "text"),
    [
        (500_000_000_000, "binary", "465.66 GiB"),
        (500_000_000_000, "decimal", "500.00 GB"),
        (999, "decimal", "999 B"),
        (999_999, "decimal", "1.00 MB"),
        (0, "binary", "0 B"),
        (0.5, "binary", "0.50 B"),
    ],
)
def test_bytes_for_people(count, system, text):
    assert format_bytes(count, system) == text


def test_counts_for_people():
    assert format_count(4_089_184_256, "MAC") == "4.09 GMAC"
    assert format_count(12, "FLOP") == "12 FLOP"
