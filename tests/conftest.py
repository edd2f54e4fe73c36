"""Which tests share a worker: those of one file, whose fixtures are costly, but each unit of the
whole-course tests by itself, since a unit's notebooks take a minute."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        unit = getattr(item, "callspec", None) and item.callspec.params.get("unit")
        name = getattr(unit, "name", "")
        item.add_marker(pytest.mark.xdist_group(f"{item.path.stem} {name}".strip()))
