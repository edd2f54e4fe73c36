"""What the names of a grade cell mean where it is judged outside, in the grader's process.

A name is the instructor's where the instructor's notebook defines it outside the answers: imports,
functions, constants, and what is computed from no answer (`own_values.py`). Otherwise it is looked
up in the student's process: plain data comes by value, a function as a stand-in that sends
arguments and returns plain data.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Protocol

from helpers.grading.engine.guard import TEST
from helpers.grading.handin.ipynb import Notebook, is_test, marks_of
from helpers.grading.sandbox.backend import CallTimeout, ProcessDied, StudentError
from helpers.grading.sandbox.inside.codec import Function, Opaque, decode, dumps, encode
from helpers.values import PlaceholderLeft


class Student(Protocol):
    """What a grade cell needs of a student's process."""

    def get(self, name: str, timeout: float) -> Any:
        """The value of a global name, or a `Function`. KeyError where there is none."""

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float) -> Any:
        """What the student's function returns, as plain data."""


class Namespace(dict[str, Any]):
    """Globals of a grade cell: its own names, then the instructor's, then the student's.

    Attributes:
        lost: what ended the student's process or a call in it; then no other call is made.
        not_plain: the first that came from the student and is no plain data, in a few words.
        asked: whether it was asked for anything of the student's.
        asked_a_function: whether for more of a function than a result.
        computed: names whose value is what the instructor's cells compute.
        seconds: time that the student's functions took.
    """

    def __init__(
        self,
        names: Mapping[str, ast.stmt],
        answers: frozenset[str],
        student: Student,
        call_timeout: float,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """`names` are the instructor's, and so are `values`, as `codec` writes them; `answers` are
        always the student's."""
        super().__init__(__builtins__=builtins, __name__="__main__")
        self._names, self._answers, self._timeout = names, answers, call_timeout
        self._values = values or {}
        self.computed: set[str] = set()
        self.student = student
        self.lost: StudentError | None = None
        self.seconds = 0.0
        self.not_plain = ""
        self.asked = self.asked_a_function = False

    def __missing__(self, name: str) -> Any:
        if name not in self._answers:
            statement = self._names.get(name)
            if statement is not None:
                execute([_only(name, statement)], self)
                return self[name]
            if name in self._values:
                self.computed.add(name)
                self[name] = decode(self._values[name])
                return self[name]
            if hasattr(builtins, name):
                raise KeyError(name)
        self.asked = True
        try:
            value = self.student.get(name, self._timeout)
        except KeyError:
            raise NameError(f"name {name!r} is not defined") from None
        if isinstance(value, Function):
            value = StudentFunction(self, name)
        else:
            self.not_plain = self.not_plain or not_plain(value)
        self[name] = value
        return value

    @property
    def is_blind(self) -> bool:
        """Whether nothing of the student's was looked at, or something that cannot be seen from
        here: a test can pass for that reason alone, as one that expects an AttributeError."""
        return not self.asked or bool(self.not_plain) or self.asked_a_function

    def changed(self) -> list[str]:
        """Names that a test took for the instructor's and that mean something else by now in the
        student's process."""
        return [name for name in sorted(self.computed) if self._is_another(name)]

    def _is_another(self, name: str) -> bool:
        try:
            value = self.student.get(name, self._timeout)
        except (KeyError, StudentError):
            return True
        except (CallTimeout, ProcessDied):
            return False
        return dumps(encode(value)) != dumps(self._values[name])

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the student. Raises what it raises, by the name of its type only."""
        if self.lost is not None:
            raise self.lost
        start = time.monotonic()
        try:
            value = self.student.call(name, args, kwargs, self._timeout)
        except StudentError as error:
            raise _as_own(error.kind, error.message, error.base or error.kind) from None
        except (CallTimeout, ProcessDied) as error:
            kind = "TimeoutError" if isinstance(error, CallTimeout) else "DeadKernelError"
            self.lost = _as_own(kind, str(error), kind)
            raise self.lost from None
        finally:
            self.seconds += time.monotonic() - start
        self.not_plain = self.not_plain or not_plain(value)
        return value


def not_plain(value: Any) -> str:
    """What is no plain data in a value, in a few words; empty where all is."""
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, Opaque):
            return f"a value of type {value.kind}"
        if isinstance(value, Function):
            return "a function or class"
        if isinstance(value, list | tuple | set):
            todo += value
        elif isinstance(value, dict):
            todo += [*value.keys(), *value.values()]
    return ""


#: Attributes without which Python's own modules call a function all the same.
_NOT_EVERY_CALLABLE_HAS = frozenset(("__name__", "__qualname__", "__module__", "__wrapped__"))


class ToldInside(Exception):
    """Something of a student's function beside what it returns: only its own process knows."""


class StudentFunction:
    """Stands for a function of the student: calls go to the student's process.

    It has nothing else of a function. Its own attributes would say something of the answer that is
    not so: whether it has a docstring, how many parameters it takes.
    """

    def __init__(self, space: Namespace, name: str) -> None:
        self._space = space
        self._call = lambda args, kwargs: space.call(name, args, kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return object.__getattribute__(self, "_call")(args, kwargs)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return StudentFunction
        if name in _NOT_EVERY_CALLABLE_HAS:
            raise AttributeError(name)
        object.__getattribute__(self, "_space").asked_a_function = True
        raise ToldInside(f"{name} of a function is seen in the student's process only")


def _as_own(kind: str, message: str, base: str) -> StudentError:
    """A StudentError whose type bears the name of the student's, and which `except` takes for the
    exception of Python's own that it is, or comes from."""
    own: Any = getattr(builtins, base, None)
    if kind == PlaceholderLeft.__name__ and not message:
        kind, own = base, PlaceholderLeft
    name = kind if kind.isidentifier() else "Error"
    bases = (StudentError, own) if _can_be_a_base(own) else (StudentError,)
    error: StudentError = type(name, bases, dict(_SAYS_MESSAGE))(name, message, base)
    return error


def _say(error: Any, kind: str, message: str, base: str) -> None:
    Exception.__init__(error, message)
    error.kind, error.message, error.base = kind, message, base
    error.args = (message,) if message else ()


_SAYS_MESSAGE: dict[str, Any] = {"__init__": _say, "__str__": lambda self: self.message}


@cache
def _can_be_a_base(own: Any) -> bool:
    """Whether an exception can be made of it with three texts. One that ends a loop would end one
    of ours."""
    if not isinstance(own, type) or not issubclass(own, Exception):
        return False
    if issubclass(own, StopIteration | StopAsyncIteration):
        return False
    try:
        type("Tried", (StudentError, own), dict(_SAYS_MESSAGE))("Tried", "message", "")
    except TypeError:
        return False
    return True


def instructor_names(source: Notebook) -> dict[str, ast.stmt]:
    """What each name means that the instructor's cells outside the answers define: the statement
    that defines it. Only imports, functions (also by another name), classes and literal constants;
    what is computed is another matter, and so is a literal that some cell changes in place."""
    names: dict[str, ast.stmt] = {}
    changed: set[str] = set()
    for cell in source["cells"]:
        if cell["cell_type"] != "code":
            continue
        with contextlib.suppress(SyntaxError):
            body = ast.parse(cell["source"]).body
            if not is_test(cell):
                changed.update(changed_in_place(body))
            if not marks_of(cell).get("solution"):
                for each in body:
                    names |= dict.fromkeys(_names_defined_by(each, names), each)
    return {
        name: statement
        for name, statement in names.items()
        if name not in changed or not isinstance(statement, ast.Assign)
    }


#: Methods that change a list, a dict or a set.
_CHANGING = frozenset(
    (
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update"),
        *("setdefault", "popitem", "add", "discard", "difference_update", "intersection_update"),
        "symmetric_difference_update",
    )
)


def changed_in_place(body: list[ast.stmt]) -> Iterator[str]:
    """Names whose value some statement changes: `x[…] = …`, `x += …`, `x.append(…)`, `del x[…]`."""
    for node in (node for statement in body for node in ast.walk(statement)):
        target: ast.expr | None = None
        if isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.AugAssign):
            target = node.target
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            target = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func.value if node.func.attr in _CHANGING else None
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name):
            yield target.id


def execute(body: list[ast.stmt], space: Namespace) -> None:
    """Run statements of a grade cell."""
    exec(compile(ast.Module(body, []), TEST, "exec"), space)


def _only(name: str, statement: ast.stmt) -> ast.stmt:
    """Of an import, the one name: what else it brings, a cell may have of its own, as `check`."""
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return statement
    aliases = [each for each in statement.names if _bound_by(each) == name]
    if isinstance(statement, ast.Import):
        return ast.Import(aliases, lineno=1, col_offset=0)
    return ast.ImportFrom(statement.module, aliases, statement.level, lineno=1, col_offset=0)


def _bound_by(alias: ast.alias) -> str:
    return (alias.asname or alias.name).split(".")[0]


def _names_defined_by(statement: ast.stmt, known: Mapping[str, ast.stmt]) -> list[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [_bound_by(each) for each in statement.names if each.name not in ("*", "check")]
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        with contextlib.suppress(ValueError, TypeError):
            if not _is_a_function(statement.value, known):
                ast.literal_eval(statement.value)
            return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return []


def _is_a_function(value: ast.expr, known: Mapping[str, ast.stmt]) -> bool:
    """Whether it is a lambda, a function by another name, `total = sum` or `np.sum`, or made of the
    instructor's own by what makes functions, `total = partial(sum, start=1)`."""
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, ast.Name) and isinstance(known.get(value.id), ast.FunctionDef | None):
        return value.id in known or hasattr(builtins, value.id)
    if isinstance(value, ast.Call):
        names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        ours = all(name in known or hasattr(builtins, name) for name in names)
        return ours and _imported_from(value.func, known) in _MAKERS
    return bool(_imported_from(value, known))


#: Modules that make functions of functions; what else they give is soon computed.
_MAKERS = frozenset(("functools", "operator"))


def _imported_from(value: ast.expr, known: Mapping[str, ast.stmt]) -> str:
    """The module that something is of, as `np.sum` of numpy; "" where it is of none."""
    while isinstance(value, ast.Attribute):
        value = value.value
    imported = known.get(value.id) if isinstance(value, ast.Name) else None
    if isinstance(imported, ast.ImportFrom):
        return imported.module or "."
    if isinstance(imported, ast.Import):
        assert isinstance(value, ast.Name)
        return next(each.name for each in imported.names if _bound_by(each) == value.id)
    return ""
