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
            (version,) = requirement.specifier
            versions[canonicalize_name(requirement.name)] = version.version
    for line in WANTED:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), (
                line
            )


def test_every_package_is_pinned_by_hash():
    """The sandbox among them: a program that students' code is confined by."""
    assert [str(requirement) for requirement, hashes in locked() if not hashes] == []


def test_the_lock_names_no_index():
    assert "://" not in (COURSE / "requirements.lock").read_text()


def test_conda_users_get_the_same():
    listed = [
        line.strip().removeprefix("- ").strip('"')
        for line in (COURSE / "environment.yml").read_text().splitlines()
        if line.startswith("      - ")
    ]
    assert listed == [*WANTED, "-e ."]
