"""The time in a `timestamp.txt`, which a student may have written: one format, and no other.

nbgrader writes `2026-11-29 12:00:00.123456 UTC`, or another zone in the place of UTC. What guesses
at formats and zones reads files that a zone names (`../../etc/passwd`), and warns or fails in ways
that change with its version.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

#: A time is shorter; a longer file is none.
MAX_TIMESTAMP_BYTES = 200
#: Nothing was handed in outside of these years.
YEARS = range(1980, 2200)

_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<part>\d{1,9}))?"
    r" ?(?P<zone>Z|[+-]\d\d:?\d\d|[A-Za-z][A-Za-z_]*(?:/[A-Za-z][A-Za-z_+-]*){0,2}|)\Z",
    re.ASCII,
)


def parse_timestamp(text: str) -> datetime | None:
    """The time in UTC; without a zone it is in UTC already. None for anything else."""
    found = _TIME.match(" ".join(text[:MAX_TIMESTAMP_BYTES].split()))
    if found is None:
        return None
    try:
        zone = _zone(found["zone"])
        time = datetime.fromisoformat(f"{found['day']} {found['time']}")
        part = int((found["part"] or "0").ljust(6, "0")[:6])
        time = time.replace(microsecond=part, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return time if time.year in YEARS else None


def _zone(name: str) -> tzinfo:
    """ValueError for one that is not known."""
    if name in ("", "Z", "UTC", "GMT"):
        return UTC
    if name[0] in "+-":
        hours, minutes = int(name[1:3]), int(name[-2:])
        ahead = timedelta(hours=hours, minutes=minutes)
        return timezone(ahead if name[0] == "+" else -ahead)
    try:
        return ZoneInfo(name)
    except Exception as error:  # also of what lies in its folder and is no zone
        raise ValueError(f"{name} is no time zone") from error
