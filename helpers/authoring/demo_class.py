"""A small class with the mistakes of a real one: what `course demo` hands in.

Every submission is made from the released homework, as a student would: answers are written into
the answer cells. The wrong ones are those that are seen in the wild.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.authoring.notebooks import Unit

if TYPE_CHECKING:
    from nbformat import NotebookNode

UNIT = "homework"

_PADDING_1 = {
    "padding": "def padding(size_in, size_out, kernel):\n    return 1",
    "conv_cost": """\
def conv_cost(in_channels, out_channels, size, kernel):
    places = (size + 2 * (kernel // 2) - kernel + 1) ** 2
    mac = in_channels * out_channels * kernel**2 * places
    return {"MAC": mac, "FLOP": 2 * mac}""",
}


def _batch_norm(
    mean: str, variance: str, normalize: str, means: str = "channels"
) -> dict[str, str]:
    """An answer by what it returns, with n elements and c means."""
    return {
        "batch_norm_flops": f"""\
def batch_norm_flops(batch, channels, height, width):
    n, c = batch * channels * height * width, {means}
    return {{"mean": {mean}, "variance": {variance}, "normalize": {normalize}}}"""
    }


_MEAN, _VARIANCE, _NORMALIZE = "n - c + 4 * c", "n + n + n - c + 4 * c", "5 * c + n + 4 * n + n + n"
_STATISTICS_PER_ELEMENT = _batch_norm(
    _MEAN, _VARIANCE, _NORMALIZE, means="channels * height * width"
)
_VARIANCE_SUM_MISSING = _batch_norm(_MEAN, "n + n + 4 * c", _NORMALIZE)
_DIVISION_PRICED_1 = _batch_norm(_MEAN, _VARIANCE, "5 * c + n + n + n + n")
_KNOWN_STATISTICS = _batch_norm("0", "0", _NORMALIZE)
_PRELU_2BN = {
    "prelu_flops": "def prelu_flops(x):\n    return 2 * len(x) * len(x[0])",
}
_PRELU_WRITTEN_OVER = {
    "prelu_flops": """\
def prelu_flops(x):
    return sum(value <= 0 for row in x for value in row)


prelu_flops = prelu_flops([[1.0, -2.0]])""",
}
_SOFTMAX_2BN = {"softmax_flops": "def softmax_flops(batch, n):\n    return 2 * batch * n"}
_NO_WEIGHTS = {
    "block_bytes": """\
def block_bytes(batch, in_features, out_features):
    return 4 * batch * (3 * in_features + out_features)""",
    "best_batch": """\
def best_batch(in_features, out_features, ridge):
    intensity = 2 * in_features * out_features / (4 * (in_features + out_features))
    return 1 if intensity >= ridge else None""",
}
_RIDGE_IN_GIB = {
    "block_bound": """\
def block_bound(flop, traffic, peak_tflops, bandwidth_gb):
    intensity = flop / traffic
    ridge = peak_tflops * 1e12 / (bandwidth_gb * 1024**3)
    bound = "compute" if intensity >= ridge else "memory"
    return {"intensity": intensity, "ridge": ridge, "bound": bound}"""
}
_OTHER_DERIVATIONS = {
    # x - mean is computed once and kept
    **_batch_norm(_MEAN, _VARIANCE, "5 * c + 4 * n + n + n"),
    "softmax_flops": """\
def softmax_flops(batch, n):
    return batch * (40 * n + n + 4 * n)  # the sum starts from zero""",
    "block_bytes": """\
def block_bytes(batch, n, m):
    return 4 * (3 * n * batch + n * m + m * batch)  # the slope stays in a register""",
}
_WORDS = {
    "explain_batch_norm": "I kept x − μ from the variance, so I subtract once less.",
    "compare_measured": "The sum is too small: gradients of activations, and workspaces.",
}


@dataclass(frozen=True)
class Submission:
    """One demo student's work.

    Attributes:
        student: the folder under submitted/.
        about: what is particular about it, in a few words.
        answers: what stands in answer cells; the other answers are right. None: nothing answered.
        file_name: what the file is called.
        shape: what was done to the notebook after it was answered, giving its text.
    """

    student: str
    about: str
    answers: Mapping[str, str] | None = field(default_factory=dict)
    file_name: str = f"{UNIT}.ipynb"
    shape: Callable[[NotebookNode], str] | None = None


def as_colab_saves(notebook: NotebookNode) -> str:
    """The text of a notebook as Colab saves it.

    nbformat 4.0: a cell has no `id` of its own, it stands in `metadata.id`. There is Colab's own
    metadata, a cell with a badge on top, and each output carries an `outputId`.
    """
    shaped = json.loads(json.dumps(notebook))
    shaped["nbformat_minor"] = 0
    shaped["metadata"]["colab"] = {"provenance": [], "toc_visible": True}
    for index, cell in enumerate(shaped["cells"]):
        identity = cell.pop("id")
        cell["metadata"]["id"] = identity
        if cell["cell_type"] == "code":
            cell["metadata"]["outputId"] = f"{index:08x}-0000-4000-8000-000000000000"
            cell["metadata"]["colab"] = {"base_uri": "https://localhost:8080/"}
    badge = {
        "cell_type": "markdown",
        "metadata": {"id": "view-in-github", "colab_type": "text"},
        "source": ['<a href="https://colab.research.google.com/">Open In Colab</a>'],
    }
    shaped["cells"].insert(0, badge)
    return json.dumps(shaped, ensure_ascii=False, indent=1)


def _truncated(notebook: NotebookNode) -> str:
    text = json.dumps(notebook)
    return text[: len(text) // 2]


COHORT = (
    Submission("ada", "all right", _WORDS),
    Submission("ben", "padding 1", _PADDING_1),
    Submission(
        "chloe", "statistics per element, softmax 2bn", _STATISTICS_PER_ELEMENT | _SOFTMAX_2BN
    ),
    Submission("dan", "variance sum missing, PReLU 2bn", _VARIANCE_SUM_MISSING | _PRELU_2BN),
    Submission("eva", "normalising division priced 1", _DIVISION_PRICED_1),
    Submission("finn", "traffic without the weights", _NO_WEIGHTS),
    Submission("gina", "GB taken as GiB, BatchNorm as in use", _RIDGE_IN_GIB | _KNOWN_STATISTICS),
    Submission("hugo", "name of a function written over", _PRELU_WRITTEN_OVER),
    Submission("iris", "other right derivations", _OTHER_DERIVATIONS | _WORDS),
    Submission("jon", "as Colab saves it", {}, shape=as_colab_saves),
    Submission("kim", "a copy under another name", {}, file_name=f"Copy_of_{UNIT} (1).ipynb"),
    Submission("lea", "file cut off half way", {}, shape=_truncated),
    Submission("max", "not touched", None),
)


def write_cohort(unit: Unit, submitted: Path) -> None:
    """Writes every submission of `COHORT` into `submitted`/student/unit/."""
    for submission in COHORT:
        folder = submitted / submission.student / unit.name
        folder.mkdir(parents=True, exist_ok=True)
        text = submission_text(unit, submission)
        (folder / submission.file_name).write_text(text, encoding="utf-8")


def submission_text(unit: Unit, submission: Submission) -> str:
    """The released notebook with this student's answers, as the file that is handed in."""
    import nbformat

    notebook = nbformat.read(unit.path("release"), as_version=4)
    if submission.answers is not None:
        answer(notebook, {**right_answers(unit), **submission.answers})
    return (submission.shape or nbformat.writes)(notebook)


def right_answers(unit: Unit) -> dict[str, str]:
    """The source of every answer cell that is judged by a check, from the unit's solution."""
    import nbformat

    solution = nbformat.read(unit.path("solution"), as_version=4)
    source = nbformat.read(unit.path("source"), as_version=4)
    judged = {
        cell.id
        for cell in source.cells
        if (about := cell.metadata.get("nbgrader")) and about["solution"] and not about["grade"]
    }
    return {cell.id: cell.source for cell in solution.cells if cell.id in judged}


def answer(notebook: NotebookNode, answers: Mapping[str, str]) -> None:
    """Writes answers into the cells of these ids. ValueError for an id that is not there."""
    cells: dict[str, Any] = {cell.id: cell for cell in notebook.cells}
    for identity, source in answers.items():
        if identity not in cells:
            raise ValueError(f"no answer cell {identity!r} in the notebook")
        cells[identity].source = source
