"""Helpers of the course on what neural networks cost.

Importing this package imports nothing else: `helpers.check`, `helpers.reference`,
`helpers.meter` and the rest are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.check import check, progress
    from helpers.ledger import Ledger, Term

__all__ = ["Ledger", "Term", "check", "progress"]

_HOMES = {
    "check": "helpers.check",
    "progress": "helpers.check",
    "Ledger": "helpers.ledger",
    "Term": "helpers.ledger",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'helpers' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
