"""What the instructor's cells compute and tests name, as the unit's own runs have it.

    data = [rng.random() for _ in range(9)]        # a cell of the instructor's
    assert largest == max(data)                    # a test

In the student's process `data` can be anything by then. So its value is noted before each test when
the unit's solution and its notebook without answers are tried: where both have the same, it comes
from no answer, and a test that is judged outside gets that value and no other.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
from collections.abc import Mapping
from typing import Any

from helpers.grading.engine.name_lookup import Student, not_plain
from helpers.grading.sandbox.backend import CallTimeout, ProcessDied
from helpers.grading.sandbox.inside.codec import dumps, encode
from helpers.notebook_names import needed, statement, statements_of

#: Of each name, as `codec` writes it.
Values = Mapping[str, Any]
#: Bytes of a value; a larger one is the student's.
LARGEST = 1_000_000


def note(test: str, names: Mapping[str, ast.stmt], student: Student, timeout: float) -> Values:
    """The values that a test, and the instructor's functions that it calls, look for in a process.

    `names` are what the instructor's cells define without computing.
    """
    own = statements_of([test])
    functions = [statement(each) for each in dict.fromkeys(names.values())]
    used = set[str]().union(*(each.uses for each in own))
    used = used.union(*(each.uses for each in needed(used, functions)))
    found = {}
    for name in sorted(used - names.keys() - set(dir(builtins))):
        with contextlib.suppress(KeyError, ProcessDied, CallTimeout, ValueError):
            value = student.get(name, timeout)
            if not not_plain(value) and len(dumps(encode(value))) <= LARGEST:
                found[name] = encode(value)
    return found


def alike(one: Mapping[str, Values], other: Mapping[str, Values]) -> dict[str, dict[str, Any]]:
    """Of each test the values that two runs have in common."""
    return {
        test: {
            name: value
            for name, value in values.items()
            if name in other.get(test, {}) and dumps(other[test][name]) == dumps(value)
        }
        for test, values in one.items()
    }
