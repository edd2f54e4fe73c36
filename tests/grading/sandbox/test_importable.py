"""What students have in Colab they have when graded: in the sandbox, with its limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from helpers.grading.sandbox.confined import CONFINED
from helpers.grading.sandbox.host import ForkClient

USES = {
    "pandas": "import pandas\nprint(int(pandas.DataFrame({'a': [1, 2]}).a.sum()))",
    "scipy": "from scipy.special import erf\nprint(3 * round(float(erf(10))))",
    "sklearn": """\
from sklearn.linear_model import LinearRegression
print(round(float(LinearRegression().fit([[0], [1]], [1, 2]).predict([[2]])[0])))""",
    "seaborn": """\
import seaborn
axes = seaborn.lineplot(x=[0, 1, 2], y=[2, 1, 0])
print(len(axes.lines[0].get_xdata()))""",
    # Numba takes a product of vectors from SciPy's BLAS.
    "numba": """\
import numba, numpy
@numba.njit
def squares(x, out):
    for i in range(len(x)):
        out[i] = x[i] @ x[i]
out = numpy.zeros(2)
squares(numpy.array([[1.0, 1.0], [1.0, 0.0]]), out)
print(int(out.sum()))""",
}


@pytest.fixture(scope="module")
def client() -> Iterator[ForkClient]:
    with CONFINED.serve() as server:
        yield server.client()


@pytest.mark.parametrize("name", USES)
def test_it_is_there_and_works(client: ForkClient, name: str) -> None:
    with client.start() as process:
        ran = process.run(USES[name], 60)
    assert [output.get("text") for output in ran.outputs if output["output_type"] == "stream"] == [
        "3\n"
    ], ran.outputs
