"""Names that cells define and use, and how many statements are looked at to find them."""

from helpers import notebook_names
from helpers.notebook_names import names_called, needed, statements_of


def test_what_is_needed_is_found_through_many_functions():
    cells = [f"def f{n}(): return f{n + 1}() + c{n}" for n in range(50)]
    found = needed({"f40"}, statements_of([*cells, "c49 = 1", "other = 2"]))
    assert [name for each in found for name in each.defines] == [
        *(f"f{n}" for n in range(40, 50)),
        "c49",
    ]
    assert "f50" in names_called("f0", cells)


def test_a_notebook_of_countless_statements_is_looked_at_in_part(monkeypatch):
    monkeypatch.setattr(notebook_names, "_MOST", 100)
    ordinary = ["a = 1", "b = a"]
    for many in ("x;" * 200, "x\n" * 200):
        assert len(statements_of([*ordinary, many, *ordinary])) == 4
    assert len(statements_of(["x = 1"] * 1000)) == 100


def test_a_cell_in_another_language_says_nothing_and_one_under_a_magic_of_pythons_does():
    assert statements_of(["%%bash\nx=1", "%%writefile x.py\nx = 1"]) == []
    assert [each.defines for each in statements_of(["%%time\nx = 1"])] == [frozenset(), {"x"}]
