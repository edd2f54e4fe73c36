"""Which notebook of a unit a file is: by what it says of itself, by its cells, by its name."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.authoring.notebooks import Unit
from helpers.grading.handin.folder import name_in
from helpers.grading.handin.ipynb import Notebook, likeness, names_in, read_notebook, unit_of
from helpers.grading.handin.markup import plain_line


@dataclass(frozen=True)
class Book:
    """What a file is.

    Attributes:
        name: the notebook's in the unit.
        other: why it is none of the unit's.
        problem: why it is not sure that it is.
    """

    name: str
    other: str = ""
    problem: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether it surely is of the unit."""
        return not (self.other or self.problem)


class Notebooks:
    """The notebooks of a unit, to know a handed-in one by."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._names: dict[str, frozenset[str]] = {}
        if unit.text is None:
            for name in unit.notebooks:
                source = unit.path("source", name).read_bytes()
                self._names[name] = names_in(read_notebook(source))

    def find(self, data: bytes, stem: str) -> Book:
        """What a file is that is called so, without ending."""
        unit = self._unit
        name = name_in(stem, unit.notebooks)
        if len(unit.notebooks) == 1:
            name = unit.notebook
        try:
            content = read_notebook(data)
        except ValueError as error:
            return Book(name or unit.notebook, "", str(error))
        named = unit_of(content)
        if named is not None and named != unit.name:
            return Book(name, f"it is a notebook of {plain_line(named)}, not of {unit.name}")
        if unit.text is not None:
            problem = "" if named else "it does not say which unit it is of"
            return Book(name, "", problem)
        return self._by_cells(content, name)

    def _by_cells(self, content: Notebook, name: str) -> Book:
        """The one with most of the same cells; of equals, the one that it is called like."""
        own = names_in(content)
        same = {each: likeness(own, names) for each, names in self._names.items()}
        found = max(same, key=lambda each: (same[each], each == name))
        if same[found]:
            return Book(found)
        if not name:
            shown = ", ".join(f"{each}.ipynb" for each in self._unit.notebooks)
            return Book("", f"it has no cell of {self._unit.name} and is not called {shown}")
        return Book(name, "", f"it has no cell of {self._unit.name}")
