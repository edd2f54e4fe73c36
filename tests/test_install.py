"""What is installed, and what importing `helpers` pulls in."""

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import COURSE

PROJECT = tomllib.loads((COURSE / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]

#: What Colab had in December 2025 and in August 2026, by pip-freeze.txt of googlecolab/backend-info
#: (its commits 73a5b3d and a724079): what students have, as the first cell installs no other.
COLAB = {
    "torch": ("2.9.0", "2.11.0"),
    "numpy": ("2.0.2", "2.1.3"),
    "matplotlib": ("3.10.0", "3.10.0"),
    "timm": ("1.0.22", "1.0.28"),
    "torchvision": ("0.24.0", "0.26.0"),
    "numba": ("0.60.0", "0.61.2"),
    "ipywidgets": ("7.7.1", "7.7.1"),
    "ipython": ("7.34.0", "7.34.0"),
    "pandas": ("2.2.2", "2.2.3"),
    "seaborn": ("0.13.2", "0.13.2"),
    "scipy": ("1.16.3", "1.16.3"),
    "scikit-learn": ("1.6.1", "1.6.1"),
}

#: What the light install has beside the standard library and what these bring along.
BASE = ("torch", "numpy", "matplotlib")

LIGHT = """
import sys
heavy = {heavy!r}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in heavy:
            raise ModuleNotFoundError(name + " is not in the light install", name=name)
sys.meta_path.insert(0, Missing())
{code}
"""

HEAVY = [
    *("nbgrader", "jupyter_client", "nbclient", "nbconvert", "nbformat", "jupytext", "sqlalchemy"),
    *("typer", "rich", "distributed", "dask", "psycopg", "IPython", "ipykernel", "ipywidgets"),
    *("timm", "torchvision", "flopco", "numba", "pandas", "hypothesis", "pytest", "playwright"),
]


def light(code):
    """Runs code as if only the base were installed."""
    script = LIGHT.format(heavy=HEAVY, code=code)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


def test_base_is_torch_numpy_matplotlib():
    assert {Requirement(line).name for line in PROJECT["dependencies"]} == set(BASE)


@pytest.mark.parametrize(
    "module",
    [
        "helpers",
        "helpers.check",
        "helpers.diagnosis",
        "helpers.exercises",
        "helpers.hardware",
        "helpers.ledger",
        "helpers.meter",
        "helpers.plots",
        "helpers.reference",
        "helpers.roofline",
    ],
)
def test_the_light_install_imports(module):
    ran = light(f"import {module}")
    assert ran.returncode == 0, ran.stderr


def test_the_light_install_checks_an_answer():
    ran = light(
        "from helpers.check import check\n"
        "check('softmax_flops', lambda batch, n: batch * (45 * n - 1))"
    )
    assert ran.stdout.startswith("softmax_flops: right"), ran.stderr


def test_importing_helpers_and_the_check_pulls_in_no_heavy_package():
    ran = light(
        "import helpers.check\n"
        "print([m for m in ('torch', 'matplotlib', 'nbgrader', 'dask') if m in sys.modules])"
    )
    assert ran.stdout.strip() == "[]", ran.stderr


def locked():
    """Of each line of the lock its requirement and its hashes."""
    text = (COURSE / "requirements.lock").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        requirement, *hashes = line.split(" --hash=")
        yield Requirement(requirement.strip()), hashes


def test_every_wanted_version_is_locked():
    versions = {}
    for requirement, _ in locked():
        if requirement.marker is None or requirement.marker.evaluate():
            (pin,) = requirement.specifier
            versions[canonicalize_name(requirement.name)] = pin.version
    for line in WANTED:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), line


def test_every_package_is_pinned_by_hash():
    """The sandbox among them: a program that students' code is confined by."""
    assert [str(requirement) for requirement, hashes in locked() if not hashes] == []


def test_the_lock_names_no_index():
    assert "://" not in (COURSE / "requirements.lock").read_text()


def test_what_colab_has_is_wanted():
    fetched = {"flopco-pytorch"}
    for line in [*PROJECT["dependencies"], *EXTRAS["units"]]:
        requirement = Requirement(line)
        for version in COLAB.get(requirement.name, ()):
            assert requirement.specifier.contains(version), f"{line}: Colab has {version}"
        assert requirement.name in fetched | COLAB.keys()


def test_conda_users_get_the_same():
    listed = [
        line.strip().removeprefix("- ").strip('"')
        for line in (COURSE / "environment.yml").read_text().splitlines()
        if line.startswith("      - ")
    ]
    assert listed == [*WANTED, "-e ."]
