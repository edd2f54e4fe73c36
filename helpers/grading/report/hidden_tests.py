"""Hidden tests stay hidden in what students get back."""

from __future__ import annotations

from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from helpers.grading.handin.ipynb import is_test, shown_lines


class HideTests(NbGraderPreprocessor):
    """Takes hidden tests out of the instructor's grade cells.

    nbgrader's own stops at a student's cell that holds its marks; this one leaves such a cell.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if is_test(cell):
            cell.source = shown_lines(cell.source)
        return cell, resources
