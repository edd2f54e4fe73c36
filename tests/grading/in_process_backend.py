"""A backend that is none: students' code runs in the grader's own process, as fast as can be."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, replace
from typing import Any

from helpers.grading.engine.grade_submission import Unit
from helpers.grading.engine.job import GradingJob
from helpers.grading.engine.run_cells import Times
from helpers.grading.sandbox.backend import CellRun, Files, Limits, StudentError
from helpers.grading.sandbox.inside.codec import decode, encode
from helpers.grading.sandbox.outputs import error_output
from tests.grading import sample


class FakeProcess:
    """A name space."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def run(self, code: str, timeout: float, muted: bool = False, brief: bool = False) -> CellRun:
        try:
            return CellRun(self._outputs(code), 1, None)
        except Exception as error:
            kind = type(error).__name__
            return CellRun([error_output(kind, str(error))], 1, kind)

    def _outputs(self, code: str) -> list[dict[str, Any]]:
        """Of a cell: the value of its last line."""
        body = ast.parse(code).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), "<cell>", "exec"), self.names)
        if not isinstance(last, ast.Expr):
            return []
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), self.names)
        result = {"output_type": "execute_result", "execution_count": 1, "metadata": {}}
        return [] if value is None else [result | {"data": {"text/plain": repr(value)}}]

    def get(self, name: str, timeout: float) -> Any:
        return _sent(self.names[name], name)

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float) -> Any:
        try:
            return _sent(self.names[name](*_sent(args), **_sent(kwargs)))
        except Exception as error:
            raise StudentError(type(error).__name__, str(error)) from None

    def close(self) -> None:
        self.names.clear()


def _sent(value: Any, name: str = "") -> Any:
    """What comes of it on the other side."""
    return decode(encode(value, name))


@dataclass(frozen=True)
class FakeServer:
    """The server and its client in one: there is nothing to serve."""

    def client(self, wait: bool = True) -> FakeServer:
        return self

    def start(self) -> FakeProcess:
        return FakeProcess()

    def close(self) -> None:
        pass

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


@dataclass(frozen=True)
class FakeBackend:
    name: str = "fake"
    warning: str = "runs students' code as a fake: beware."

    def serve(self, modules: tuple[str, ...], limits: Limits, files: Files = ()) -> FakeServer:
        return FakeServer()


#: Answers that need nothing of what a real process does: 4 points.
ANSWERS = {name: sample.RIGHT[name] for name in ("mean", "sheets")}
ANSWERED = json.dumps(sample.answered(ANSWERS)).encode()


def make_job(tests: dict[str, str] | None = None, times: Times | None = None) -> GradingJob:
    """A job of the sample unit, with other tests in its grade cells."""
    source = sample.source_notebook()
    for cell in source["cells"]:
        cell["source"] = (tests or {}).get(cell.get("id"), cell["source"])
    unit = Unit.read(sample.UNIT, sample.UNIT, json.dumps(source).encode(), b"secret")
    return GradingJob(unit, (), times or Times(), sandbox=FakeBackend())


class Deadly(str):
    """The name of a unit. Whoever compares it with "deadly" ends at once."""

    __hash__ = str.__hash__

    def __ne__(self, other: object) -> bool:
        if other == "deadly":
            import os

            os._exit(9)
        return str.__ne__(self, other)


def deadly_job() -> GradingJob:
    """A job that `DEADLY` ends the grader's process of."""
    job = make_job()
    return replace(job, unit=replace(job.unit, name=Deadly(sample.UNIT)))


def _deadly() -> bytes:
    notebook = sample.right_notebook()
    notebook["metadata"]["course"]["unit"] = "deadly"
    return json.dumps(notebook).encode()


DEADLY = _deadly()
