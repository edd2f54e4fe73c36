"""nbgrader's feedback pages, where what is the same in every student's page is made once, and the
list at the top names the questions.

The page is nbgrader's own, from its template. Of its time most went into compiling the template
anew, colouring cells that all students have, parsing the page, and a query for each cell.
"""

from __future__ import annotations

import gc
import html
import re
from collections.abc import Callable
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jinja2 import BytecodeCache, Environment, pass_context
from nbconvert.exporters import Exporter, HTMLExporter, TemplateExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.converters import GenerateFeedback
from nbgrader.utils import capture_log, temp_attrs
from traitlets import List, Type
from traitlets.config import Config

from helpers.grading.report.grades import Grades
from helpers.grading.report.hidden_tests import HideTests

if TYPE_CHECKING:
    from jinja2.bccache import Bucket
    from nbgrader.apps.api import NbGraderAPI

#: Texts of cells that are kept; a class has its instructor's, and each student's once.
KEPT = 5_000


class _Compiled(BytecodeCache):
    """Templates as they were compiled, for as long as the process lasts."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


class _Parts:
    """Pieces of a page that need no further look: they stand in it as a mark until it is done.

    The exporter ends by parsing the page, to give pictures without one an alternative text. The
    mark holds a word that nobody can know, so no text of a student's is taken for one.
    """

    def __init__(self) -> None:
        self._word = uuid4().hex
        self._made: dict[object, str] = {}
        self._shown: list[str] = []

    def begin(self) -> None:
        """A new page, whatever became of the last one."""
        self._shown = []

    def mark_of(self, key: object, make: Callable[[], str]) -> str:
        """A mark for what `make` gives; made once for each key. A picture is no such piece."""
        if key not in self._made:
            if len(self._made) >= KEPT:
                self._made.clear()
            self._made[key] = make()
        part = self._made[key]
        if "<img" in part.lower():
            return part
        return self.hold(part)

    def hold(self, part: str) -> str:
        """A mark for this text, which may hold marks."""
        self._shown.append(part)
        return f'<i class="{self._word}">{len(self._shown) - 1}</i>'

    def put_back(self, page: str) -> str:
        """The page with its pieces."""
        mark = rf'<i class="{self._word}">(\d+)</i>'
        return re.sub(mark, lambda found: self.put_back(self._shown[int(found[1])]), page)


_PICTURE = re.compile(r"""<img\b(?:[^"'>]|"[^"]*"|'[^']*')*>""", re.IGNORECASE)
_COMPILED, _PARTS = _Compiled(), _Parts()


class _Held(TemplateExporter):
    """Stands below the exporter, which parses the whole page for what pictures lack, and gives it
    the pictures alone. JupyterLab's template, which it changes elsewhere, it gets whole."""

    def from_notebook_node(  # type: ignore[override]
        self, nb: Any, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        page, resources = super().from_notebook_node(nb, resources, **kw)
        if "jp-Notebook" not in page:
            begin = page.find("<body")
            places = [found.span() for found in _PICTURE.finditer(page, max(begin, 0))]
            starts, ends = (0, *(end for _, end in places)), (*(at for at, _ in places), len(page))
            held = [_PARTS.hold(page[a:b]) for a, b in zip(starts, ends, strict=True)]
            pictures = [page[a:b] for a, b in places]
            page = "".join(chain(*zip_longest(held, pictures, fillvalue="")))
        return page, resources


class _Exporter(HTMLExporter, _Held):
    """One is made for each page; what they share is the module's."""

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = _COMPILED
        return environment

    def register_filter(self, name: str, jinja_filter: Any) -> Any:
        if name == "highlight_code":
            return super().register_filter(name, _kept_colours(jinja_filter))
        return super().register_filter(name, jinja_filter)

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        def make() -> str:
            try:
                made: str = HTMLExporter.markdown2html(self, context, source)
            except Exception:  # of the renderer's: a student's text must not cost the whole page
                return f"<pre>{html.escape(source)}</pre>"
            return made

        # Attachments belong to a cell and files to a folder, not to a text.
        if self.embed_images or context.get("cell", {}).get("attachments"):
            return make()
        key = ("markdown", source, self.anchor_link_text, self.exclude_anchor_links)
        return _PARTS.mark_of(key, make)

    def from_notebook_node(  # type: ignore[override]
        self, nb: Any, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        _PARTS.begin()
        page, resources = super().from_notebook_node(nb, resources, **kw)
        return _with_names(_PARTS.put_back(page)), resources


def _with_names(page: str) -> str:
    """The list at the top says which question each line is of; nbgrader's says only its kind."""
    kinds = "Test cell|Written response|Task|Comment"
    line = rf'(<li><a href="#(?:comment-)?(?:check_)?([^"]+)">)({kinds})(</a>)'
    return re.sub(line, _named, page)


def _named(line: re.Match[str]) -> str:
    begin, name, kind, end = line.groups()
    shown = {"Test cell": name, "Written response": f"{name}, in words", "Task": f"{name}, a task"}
    return f"{begin}{shown.get(kind, f'Comment on {name}')}{end}"


def _kept_colours(colour: Callable[..., str]) -> Callable[..., str]:
    def kept(source: str, **options: Any) -> str:
        key = ("code", source, tuple(sorted((name, repr(each)) for name, each in options.items())))
        return _PARTS.mark_of(key, lambda: colour(source, **options))

    return kept


class _Feedback(GenerateFeedback):
    exporter_class = Type(_Exporter, klass=Exporter)
    preprocessors = List([Grades, HideTests, CSSHTMLHeaderPreprocessor]).tag(config=True)


def make_pages(api: NbGraderAPI, unit: str, student: str) -> bool:
    """Write a student's pages of a unit, as `nbgrader generate_feedback --force` does; returns
    whether that was possible."""
    # A parsed page is a large circle of objects: collected once, not again and again on the way.
    gc.freeze()
    gc.disable()
    try:
        with temp_attrs(api.coursedir, assignment_id=unit, student_id=student):
            converter = _Feedback(coursedir=api.coursedir, parent=api)
            converter.update_config(Config({"HTMLExporter": {"template_name": "feedback"}}))
            converter.force = True
            done: bool = capture_log(converter)["success"]
        return done
    finally:
        gc.enable()
        gc.collect()
