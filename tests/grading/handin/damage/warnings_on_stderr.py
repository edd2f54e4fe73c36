"""An answer warns and prints."""

from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    cell(notebook, "mean")["source"] = (
        "import sys, warnings\n"
        "def mean(values):\n"
        "    warnings.warn('slow')\n"
        "    print('careful', file=sys.stderr)\n"
        "    return sum(values) / len(values)"
    )
