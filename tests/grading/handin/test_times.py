"""A student's `timestamp.txt` says a time, or nothing; reading it touches nothing else."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.handin.times import YEARS, parse_timestamp

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-29 12:00:00 UTC",
        "2026-11-29 12:00:00.000000 UTC\n",
        "2026-11-29T12:00:00Z",
        "2026-11-29 12:00",
        "2026-11-29 13:00:00+01:00",
        "2026-11-29 07:00:00 -0500",
        "2026-11-29 13:00:00 Europe/Berlin",
        "2026-11-29 13:00:00 CET",
    ],
)
def test_a_time_is_read_in_its_zone(text: str) -> None:
    assert parse_timestamp(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01 00:00:00 ../../etc/passwd",
        "2026-01-01 00:00:00 /etc/passwd",
        "2026-01-01 00:00:00 Europe",
        "2026-01-01 00:00:00 Nowhere/Land",
        "2026-01-01 00:00:00 +99:99",
        "2026-02-30 00:00:00 UTC",
        "0001-01-01 00:00:00 +14:00",
        "9999-12-31 23:59:59 -12:00",
        "1e13",
        "nan",
        "soon",
        "٢٠٢٦-٠١-٠١ ٠٠:٠٠:٠٠",
        "2" * 1000,
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    assert parse_timestamp(text) is None


TIMES = st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{5,8}[ .]?[ -~]{0,30}")


@given(TIMES | st.text())
def test_whatever_is_written_there_is_a_time_of_these_years_or_none(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        time = parse_timestamp(text)
    assert time is None or time.year in YEARS
