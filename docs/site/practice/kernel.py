"""Runs a unit's notebook in the reader's browser: Python in a web worker, and CPython in tests.

Each time all that stands before the question is run anew, with the reader's answers, in a module of
its own. So nothing is left over from before, as after "Restart and run all". What a page lacks,
PyTorch above all, is passed over statement by statement: what stands beside it is there.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import keyword
import linecache
import random
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import CodeType, ModuleType
from typing import Any, ClassVar

from helpers.check import STOPPED, remarks_on, verdict_on
from helpers.exercises import EXERCISES
from helpers.exercises.exercise import Case, Exercise
from helpers.timing import CALL_SECONDS
from helpers.verdict import Verdict

#: Characters of what one run prints that are kept.
MOST_PRINTED = 20_000
#: Seconds that a statement of the cells before a question may take.
PATIENCE = 1.0
#: Packages that notebooks use and a page has not.
ABSENT = frozenset(
    {"torch", "torchvision", "timm", "flopco", "numba", "numpy", "matplotlib", "IPython"}
    | {"ipywidgets", "pandas", "scipy", "seaborn", "sklearn"}
)

#: Called when the reader's own code begins.
Begin = Callable[[], None]


@dataclass(frozen=True)
class Cell:
    """A cell of code: the name of its question where the reader writes it, and its text."""

    answer: str
    source: str


def cells_of(notebook: Mapping[str, Any]) -> list[Cell]:
    """The code cells of a released notebook that are run before a question: no tests, and nothing
    that is for looking only."""
    cells = []
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        passed_over = {"skip-grading", "gpu"} & set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "code" and not marks.get("grade") and not passed_over:
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            cells.append(Cell(marks["grade_id"] if marks.get("solution") else "", text))
    return cells


def names_above(notebook: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Of each question: the functions and variables that the cells above it make in a notebook."""
    above: dict[str, frozenset[str]] = {}
    names: set[str] = set()
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        above[cell["metadata"].get("nbgrader", {}).get("grade_id", "")] = frozenset(names)
        with contextlib.suppress(SyntaxError, ValueError):
            for node in ast.parse("".join(cell["source"])).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    names.add(node.name)
                elif isinstance(node, ast.Assign):
                    made = (each for target in node.targets for each in ast.walk(target))
                    names |= {each.id for each in made if isinstance(each, ast.Name)}
    return above


def example_call(exercise: Exercise) -> str:
    """A call with the first numbers of the notebook; with dots where these are long."""
    given = ", ".join(map(repr, exercise.public_cases()[0].args))
    return f"{exercise.name}({given if len(given) <= 60 else '…'})"


class Absent:
    """Says of a package that a page lacks where there is one that has it.

    `parts`: of the course's own package, where all of it is there and a page has less.
    """

    parts: ClassVar[frozenset[str]] = frozenset()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        top = name.split(".")[0]
        if top in ABSENT or name in self.parts:
            lacking = name if name in self.parts else top
            raise ModuleNotFoundError(
                f"{lacking} is not on this page: write plain Python, or open the unit in Colab",
                name=name,
            )


class Clock:
    """Stops the reader's code when its time is up: at the next turn of a loop, or call.

    Where Python has no `sys.monitoring` (before 3.12) it stops nothing. What no turn or call is in,
    as `sum(range(10**12))`, the page ends from outside.
    """

    _TOOL = 3

    def __init__(self) -> None:
        self._until = float("inf")
        self._monitoring: Any = getattr(sys, "monitoring", None)
        if self._monitoring is not None and self._monitoring.get_tool(self._TOOL) is None:
            self._monitoring.use_tool_id(self._TOOL, "practice")
        if self._monitoring is not None:
            events = self._monitoring.events
            for event in (events.JUMP, events.CALL):
                self._monitoring.register_callback(self._TOOL, event, self._look)

    @contextlib.contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """While it lasts, TimeoutError is raised in code that is watched once the time is up; and
        soon again, in what goes on. Of two limits the outer one counts."""
        if self._until < float("inf"):
            yield
            return
        self._until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._until = float("inf")

    def watch(self, code: CodeType) -> None:
        """Looks at the time in this code and in the functions that it defines."""
        if self._monitoring is None:
            return
        events = self._monitoring.events
        self._monitoring.set_local_events(self._TOOL, code, events.JUMP | events.CALL)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self.watch(constant)

    def _look(self, *_: Any) -> None:
        now = time.monotonic()
        if now > self._until:
            # What is called again after this has little time: it has had it.
            self._until = now + 0.05
            raise TimeoutError(f"took longer than {CALL_SECONDS:g} s")


@dataclass
class Ran:
    """What came of a run: what it printed, its last value, and what went wrong.

    Attributes:
        printed: standard output and error.
        shown: the value of a last line that is an expression, as text; `html` where it has that.
        error: one line; empty where nothing went wrong.
        line: of the reader's own cell, where the error came up; 0 elsewhere.
        example: a call of the reader's function that would show a value, where the run showed none.
    """

    printed: str = ""
    shown: str = ""
    html: str = ""
    error: str = ""
    line: int = 0
    example: str = ""


class Notebook:
    """A unit's notebook. `begin`, of all that is asked of it, is called when the reader's own cell
    begins."""

    def __init__(self, released: Mapping[str, Any], clock: Clock) -> None:
        self._cells = cells_of(released)
        self._above = names_above(released)
        self._clock = clock

    def run(self, name: str, answers: Mapping[str, str], begin: Begin) -> dict[str, Any]:
        """Runs an answer as a cell, and gives what a notebook would show below it."""
        with self._until(name, answers) as space:
            begin()
            ran = self._cell(name, answers[name], space)
            if name in space and not (ran.printed or ran.shown or ran.html or ran.error):
                ran.example = example_call(EXERCISES[name])
            return vars(ran)

    def check(
        self, name: str, answers: Mapping[str, str], begin: Begin, seed: int | None = None
    ) -> dict[str, Any]:
        """Runs an answer, and gives what `check` says of it: a verdict's data, its text and HTML.

        With a seed it is of a fresh case, beside which those of the notebook count, too.
        """
        cases = None if seed is None else fresh_cases(EXERCISES[name], seed)
        with self._until(name, answers) as space, self._clock.limit(CALL_SECONDS):
            begin()
            ran = self._cell(name, answers[name], space)
            if name not in space:
                problem = ran.error or f"your cell defines no function {name}"
                hint = f"line {ran.line}: {problem}" if ran.line else problem
                return {**vars(ran), **shown(Verdict(name, "error", 0.0, (), hint))}
            with printing(ran):
                verdict = verdict_on(EXERCISES[name], space[name], cases)
                for line in remarks_on(space[name]):
                    print(line)
        return {**vars(ran), **shown(verdict)}

    @contextlib.contextmanager
    def _until(self, name: str, answers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The names that a notebook has before a question."""
        module = ModuleType("__main__")
        before = sys.modules["__main__"]
        sys.modules["__main__"] = module
        finder = Absent()
        sys.meta_path.insert(0, finder)
        try:
            with printing(Ran()):
                for number, cell in enumerate(self._cells):
                    if cell.answer == name:
                        break
                    source = answers.get(cell.answer, cell.source) if cell.answer else cell.source
                    self._statements(f"{number}", source, vars(module))
            yield vars(module)
        finally:
            sys.meta_path.remove(finder)
            sys.modules["__main__"] = before

    def _statements(self, label: str, source: str, space: dict[str, Any]) -> None:
        """Runs a cell's statements one by one, each as far as it comes."""
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        filename = _filename(label, source)
        for statement in body:
            with contextlib.suppress(Exception, SystemExit):
                code = compile(ast.Module([statement], []), filename, "exec")
                self._clock.watch(code)
                with self._clock.limit(PATIENCE):
                    exec(code, space)

    def _cell(self, name: str, source: str, space: dict[str, Any]) -> Ran:
        """Runs the reader's cell, as a notebook does: until something fails."""
        ran = Ran()
        filename = _filename(name, source)
        space.pop(name, None)
        with printing(ran), self._clock.limit(CALL_SECONDS):
            try:
                value = self._evaluated(source, filename, space)
                if value is not None:
                    ran.shown = repr(value)[:MOST_PRINTED]
                    ran.html = value._repr_html_() if hasattr(value, "_repr_html_") else ""
            except BaseException as error:
                ran.error, ran.line = _what_and_where(error, filename)
                if isinstance(error, NameError) and error.name in self._above.get(name, ()):
                    ran.error += f": the cell that makes {error.name} cannot run on this page"
        return ran

    def _evaluated(self, source: str, filename: str, space: dict[str, Any]) -> Any:
        """Runs a cell and gives the value of a last line that is an expression."""
        body = ast.parse(source, filename).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        code = compile(ast.Module(body, []), filename, "exec")
        self._clock.watch(code)
        exec(code, space)
        if not isinstance(last, ast.Expr):
            return None
        code = compile(ast.Expression(last.value), filename, "eval")
        self._clock.watch(code)
        return eval(code, space)


def fresh_cases(exercise: Exercise, seed: int) -> Sequence[Case]:
    """One case drawn for this seed, which is shown, and those of the notebook as spare ones.
    A question without others has one of the notebook's."""
    known = [case.args for case in exercise.public_cases()]
    draw = random.Random(seed)
    drawn = list(exercise.hidden(draw))
    new = [args for args in drawn if args not in known] or drawn or known
    spare = [replace(case, spare=True) for case in exercise.public_cases()]
    return (exercise.case(draw.choice(new)), *spare)


def ended(name: str, late: bool) -> dict[str, Any]:
    """What is shown of an answer that was ended from outside: too late, or by the reader."""
    hint = f"it took longer than {CALL_SECONDS:g} s: does its loop ever end?" if late else STOPPED
    return {**vars(Ran()), **shown(Verdict(name, "error", 0.0, (), hint))}


def shown(verdict: Verdict) -> dict[str, Any]:
    """A verdict as a page shows it and remembers it."""
    return {
        "verdict": verdict.to_data(),
        "verdictText": verdict.text(),
        "verdictHtml": verdict.html(),
    }


@contextlib.contextmanager
def printing(ran: Ran) -> Iterator[None]:
    """Adds what is printed meanwhile to `ran`."""
    out = _Limited()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield
    ran.printed = (ran.printed + out.getvalue())[:MOST_PRINTED]


class _Limited(io.StringIO):
    """Keeps so much and no more."""

    def write(self, text: str) -> int:
        if self.tell() < MOST_PRINTED:
            super().write(text[:MOST_PRINTED])
        return len(text)


def _filename(label: str, source: str) -> str:
    """A name for a cell's code under which its lines are found: it looks as IPython's kernel has
    it, from which `check` tells the reader's own lines."""
    filename = f"ipykernel_page/{label}.py"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return filename


def _what_and_where(error: BaseException, filename: str) -> tuple[str, int]:
    """An error in one line, and the line of the reader's cell that it came up in."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return f"{type(error).__name__}: {error.msg}{_mend(error)}", error.lineno or 0
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == filename
    ]
    message = str(error).strip()
    said = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return said, (lines[-1] or 0) if lines else 0


def _mend(error: SyntaxError) -> str:
    """What to do about an error that a telephone's keyboard makes; empty for any other."""
    if "unindent" in error.msg:
        return "; begin the line below one of the lines above it (Backspace goes a step back)"
    words = [word for word in re.findall(r"\w+", error.text or "") if word.istitle()]
    meant = [word.lower() for word in words if word.lower() in keyword.kwlist]
    return f"; Python writes {meant[0]} without a capital" if meant else ""


#: What this worker has read, by unit, and its clock.
_notebooks: dict[str, Notebook] = {}
_clock = Clock()


def answer(task: str, begin: Callable[[str], None] = lambda endings: None) -> str:
    """What a page asks, and what it gets, as JSON: to "open" a "unit" with its "notebook", then to
    "run" or "check" what has this "name", with "answers" and, for a fresh case, a "seed".

    `begin` is told, when the reader's own code begins, what is to be shown if it has to be ended
    from outside: when it is "stopped", and when it is too "late".
    """
    asked = json.loads(task)
    unit, do = asked["unit"], asked["do"]
    if do == "open":
        _notebooks[unit] = Notebook(json.loads(asked["notebook"]), _clock)
        return "null"
    name = asked["name"]
    endings = json.dumps({"stopped": ended(name, late=False), "late": ended(name, late=True)})
    begin(endings)  # what stands before it can be ended, too
    own = {"name": name, "answers": asked["answers"], "begin": lambda: begin(endings)}
    if do == "run":
        return json.dumps(_notebooks[unit].run(**own))
    return json.dumps(_notebooks[unit].check(**own, seed=asked.get("seed")))


if __name__ == "__main__":
    # The same without a browser: a task in each line, and a line for each answer.
    from helpers.parts import PARTS

    Absent.parts = frozenset(f"helpers.{part.name}" for part in PARTS if not part.web)
    for line in sys.stdin:
        print(answer(line), flush=True)
