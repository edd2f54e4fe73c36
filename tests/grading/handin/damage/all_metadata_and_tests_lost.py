"""No metadata and no tests are left."""

from tests.grading.handin.damage import EVERYTHING, Notebook, all_metadata_lost, deleted_tests

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    deleted_tests.damage(notebook)
    all_metadata_lost.damage(notebook)
