"""What a page does not begin with of Python's library: fetched when it is first imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any


class OnDemand:
    """Finds modules that are in an archive, which it fetches for the first of them.

    Args:
        names: of the modules.
        fetch: gives the archive's bytes.
        place: where it is kept.
    """

    def __init__(self, names: Collection[str], fetch: Callable[[], bytes], place: Path) -> None:
        self._names, self._fetch, self._place = frozenset(names), fetch, place

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in self._names:
            return None
        if not self._place.exists():
            try:
                self._place.write_bytes(self._fetch())
            except Exception as error:
                said = f"{name} has to be fetched first, and cannot be: is there a network?"
                raise ModuleNotFoundError(said, name=name) from error
        # A package's modules can be in both places: its own path names the first alone.
        folder = self._place.joinpath(*name.split(".")[:-1])
        return PathFinder.find_spec(name, [str(folder)])


def install(names: Any, fetch: Callable[[], Any]) -> None:
    """Looks there for what is nowhere else. Both as JavaScript has them."""
    finder = OnDemand(names.to_py(), lambda: fetch().to_bytes(), Path("/library.zip"))
    sys.meta_path.append(finder)
