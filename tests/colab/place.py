"""A place like Colab: its packages and none of ours, `google.colab` imported, another folder.

What Colab brings is linked from this environment into a fresh one; the course, nbgrader and
everything else that is not on the list are not there. Nothing is fetched from elsewhere: the course
lies at a forge on this machine, and packages that are not there come from a folder of wheels.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.authoring.first_cell import Origin, first_cell

#: What Colab's image has of what the notebooks use; what these need comes along.
THERE = ("torch", "torchvision", "numpy", "matplotlib", "timm", "numba", "ipykernel", "ipywidgets")
#: What the first cell installs beside the course where it is not there.
FETCHED = ("flopco-pytorch",)
#: What pip brings to build the course, and puts away again.
BUILDING = ("hatchling",)


@dataclass(frozen=True)
class Place:
    """The environment.

    Attributes:
        python: its interpreter.
        packages: its site-packages.
        content: the folder that notebooks run in, what is /content in Colab.
        kernel: the name of its kernel.
        brought: what is installed before a notebook was run, as `installed` gives it.
    """

    python: Path
    packages: Path
    content: Path
    kernel: str
    brought: dict[str, tuple[str, Path]]

    def installed(self) -> dict[str, tuple[str, Path]]:
        """Of each package the version, and where its files really lie."""
        return _installed(self.packages)

    def run(self, notebook: nbformat.NotebookNode, origin: Origin) -> nbformat.NotebookNode:
        """Runs a notebook released for this origin, in place; CellExecutionError on an error."""
        notebook.cells[1].source = first_cell(origin)
        client = NotebookClient(
            notebook,
            kernel_name=self.kernel,
            timeout=300,
            resources={"metadata": {"path": self.content}},
        )
        client.execute()
        return notebook


def make_place(folder: Path) -> Place:
    """Makes the environment; JUPYTER_PATH must hold folder/jupyter."""
    subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
    python = folder / "python/bin/python"
    (packages,) = (folder / "python").glob("lib/python3*/site-packages")
    for name in _with_needs(THERE):
        _link(name, packages)
    stub = packages / "google/colab/__init__.py"
    stub.parent.mkdir(parents=True)
    stub.touch()
    wheels = folder / "wheels"
    wheels.mkdir()
    for name in (*FETCHED, *_with_needs(BUILDING)):
        _pack(name, wheels)
    startup = folder / "ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "colab.py").write_text("import google.colab\n")
    kernel = folder / "jupyter/kernels/colab"
    kernel.mkdir(parents=True)
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Colab",
        "language": "python",
        "env": {
            "IPYTHONDIR": str(folder / "ipython"),
            "PYTHONPATH": "",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        },
    }
    (kernel / "kernel.json").write_text(json.dumps(spec))
    content = folder / "content"
    content.mkdir()
    return Place(python, packages, content, "colab", _installed(packages))


def _installed(packages: Path) -> dict[str, tuple[str, Path]]:
    return {
        canonicalize_name(folder.name.split("-")[0]): (folder.name, folder.resolve())
        for folder in packages.glob("*.dist-info")
    }


def _with_needs(names: tuple[str, ...]) -> list[str]:
    """The packages and all that they need, each once."""
    found: dict[str, None] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name.lower() in found:
            continue
        try:
            needs = distribution(name).requires or ()
        except PackageNotFoundError:  # for another system
            continue
        found[name.lower()] = None
        for line in needs:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                todo.append(need.name)
    return list(found)


def _link(name: str, packages: Path) -> None:
    """Links what a package has in this environment's site-packages into another's."""
    package = distribution(name)
    for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
        here, there = Path(str(package.locate_file(top))), packages / top
        if not here.is_dir() or not there.exists():
            there.unlink(missing_ok=True)
            there.symlink_to(here)
            continue
        # A folder that several packages share, such as nvidia/: its parts are linked one by one.
        _share(there)
        for part in {f.parts[1] for f in package.files or () if f.parts[0] == top}:
            if not (there / part).exists():
                (there / part).symlink_to(here / part)


def _share(folder: Path) -> None:
    """Makes a folder of links out of a link to a folder."""
    if folder.is_symlink():
        here = folder.resolve()
        folder.unlink()
        folder.mkdir()
        for part in here.iterdir():
            (folder / part.name).symlink_to(part)


def _pack(name: str, wheels: Path) -> None:
    """Makes a wheel again of a package that is installed here."""
    package = distribution(name)
    wheel = wheels / f"{name.replace('-', '_')}-{package.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in package.files or ():
            if file.parts[0] != ".." and file.suffix != ".pyc":
                archive.write(str(package.locate_file(file)), file.as_posix())
