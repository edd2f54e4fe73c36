"""Sphinx's configuration. `build.py` lays out what it reads; `make site` runs both."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode, document, image, math_block
from docutils.utils.math.latex2mathml import tex2mathml

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]

project = "What neural networks cost"
author = "the course's authors"
project_copyright = "CC BY 4.0"
version = release = PROJECT["version"]
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns: list[str] = []

# Notebooks come with their outputs: build.py has run them.
nb_execution_mode = "off"
nb_code_prompt_show = "Show the answer"
nb_code_prompt_hide = "Hide the answer"
nb_merge_streams = True
# Nothing may be fetched from another host.
nb_ipywidgets_js: dict[str, Any] = {}
html_math_renderer = "mathml"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = project
html_favicon = "favicon.svg"
templates_path = ["templates"]
html_static_path = ["style.css", "practice.css"]
html_css_files = ["style.css", "practice.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"source_repository": PROJECT["urls"]["Repository"]}
pygments_style = "friendly"
pygments_dark_style = "monokai"


def markdown_docstring(
    app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Docstrings are written as Markdown with Google's sections: turns the Markdown into reST."""
    # Napoleon takes what stands before a property's first colon for a type, unless a comment does.
    text: list[str] = [".. a property", ""] if what == "property" else []
    literal = False
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        before = lines[number - 1] if number else ""
        table = line.startswith("|")
        if line and not literal and not before.strip() and (indent >= 4 or table) and number:
            literal = True
            text += ["::", ""]
        elif line and literal and not indent and not table:
            literal = False
            if text[-1]:
                text.append("")
        text.append(("    " if table else "") + (line if literal else _inline(line)))
    lines[:] = text


def _inline(line: str) -> str:
    """One line with `code` as reST has it, and with what else is a mark there escaped."""
    parts = re.split(r"(`[^`]+`)", line)
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"\*(?=\w)(?![^*]*\*)", r"\\*", parts[place])
        parts[place] = re.sub(r"(?<=\w)_(?!\w)|\|", r"\\\g<0>", parts[place])
    # What touches a closing mark has to be cut off from it.
    code = [re.sub(r"`(.+)`", r"``\1``", part) for part in parts[1::2]]
    parts[1::2] = code
    for place in range(1, len(parts), 2):
        if re.match(r"\w", parts[place + 1]):
            parts[place] += "\\ "
    return "".join(parts)


def write_formula(translator: Any, node: Any) -> None:
    """A formula as MathML, which browsers draw themselves. They size brackets, too: no `\\Big`.

    Where a wide space parts equations, a narrow page has them one below the other.
    """
    block = isinstance(node, math_block)
    parts = re.sub(r"\\[bB]igg?[lr]?", "", node.astext()).split(r"\qquad")
    formula = "".join(f"<span>{tex2mathml(each, as_block=block)}</span> " for each in parts)
    translator.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise SkipNode


def describe_pictures(app: Any, doctree: document) -> None:
    """Gives the notebooks' pictures their texts. MyST-NB calls a picture by its SHA-256."""
    texts = json.loads((Path(app.srcdir) / "pictures.json").read_text("utf-8"))
    for picture in doctree.findall(image):
        picture.setdefault("alt", texts.get(Path(picture["uri"]).stem, ""))


def setup(app: Any) -> None:
    """What the site has beside Sphinx and its extensions."""
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
    app.connect("doctree-read", describe_pictures)
    # Before napoleon, which reads the sections.
    app.connect("autodoc-process-docstring", markdown_docstring, priority=100)
