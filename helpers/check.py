"""What a notebook calls: `check("softmax_flops", softmax_flops)`.

`check` runs the student's function on the visible cases and shows a small table, yours beside
expected, and a hint. The grader calls the same `judge` with more cases, on a stand-in for the
student's function that runs elsewhere; so a verdict means the same in both places.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from helpers import missing_imports, predict
from helpers.diagnosis import Attempt, General, explain, is_right, remark_on
from helpers.diagnosis.comparison import with_lists
from helpers.diagnosis.dependence import dependence
from helpers.diagnosis.errors import error_line
from helpers.diagnosis.observations import observed
from helpers.diagnosis.texts import in_one_line, number_text, right_text, told_apart
from helpers.exercises import EXERCISES
from helpers.exercises.exercise import Case, Exercise, Right
from helpers.figures import current_figure, no_show, own_figures
from helpers.text_table import folded
from helpers.timing import in_time
from helpers.values import PlaceholderLeft, placeholder, plain
from helpers.verdict import Row, Status, Verdict, first_of_all

_PLACEHOLDER_LEFT = (
    "`raise NotImplementedError()` stands for what is missing: where your answer is complete, "
    "delete that line"
)

#: The hint where somebody stopped an answer.
STOPPED = "you stopped your function before it came to an end: does its loop ever end?"

#: The last verdict of every question checked in this kernel, by its name.
last_verdicts: dict[str, Verdict] = {}


def check(name: str, answer: Callable[..., Any]) -> None:
    """Runs an answer on the cases of the question `name` and shows what came of it."""
    if name not in EXERCISES:
        near = " or ".join(get_close_matches(str(name), EXERCISES))
        mend = f"did you mean {near}?" if near else "it is called as the function above it is"
        raise ValueError(f"no question {name!r}: {mend}")
    _show(verdict_on(EXERCISES[name], answer))
    for line in remarks_on(answer):
        print(line)


def verdict_on(exercise: Exercise, answer: Any, cases: Sequence[Case] | None = None) -> Verdict:
    """What `check` shows of an answer, and keeps; of a notebook's cases, if no others are given."""
    given = in_time(plain_answer(answer, draws=exercise.read is not None))
    try:
        verdict = judge(exercise, given, exercise.public_cases() if cases is None else cases)
    except KeyboardInterrupt:
        verdict = Verdict(exercise.name, "error", 0.0, (), STOPPED)
    if verdict.fraction < 1:
        used = dict(missing_imports.names_used(answer))
        near = exercise.nearness(verdict.fraction)
        verdict = first_of_all(verdict, used, _wrong_still(exercise, used), near)
    last_verdicts[exercise.name] = verdict
    return verdict


def _wrong_still(exercise: Exercise, used: Mapping[str, Any]) -> dict[str, Verdict]:
    """The last verdicts on the answers that an answer uses and that are not right; one may have
    been mended and not been checked since."""
    found = {}
    for name, verdict in last_verdicts.items():
        if name in used and name != exercise.name and verdict.fraction < 1:
            other = EXERCISES[name]
            given = in_time(plain_answer(used[name], draws=other.read is not None))
            if judge(other, given, other.public_cases(), explained=False).fraction < 1:
                found[name] = verdict
    return found


def remarks_on(answer: Any) -> list[str]:
    """Lines on what an answer uses that is not there when it is graded."""
    lines = (
        missing_imports.warning(),
        missing_imports.out_of_sight(answer),
        missing_imports.of_skipped_cells(answer),
    )
    return [line for line in lines if line]


def progress(unit: str) -> None:
    """Prints how far the checks of a unit have come in this kernel."""
    asked = [exercise for exercise in EXERCISES.values() if exercise.unit == unit]
    if not asked:
        units = sorted({exercise.unit for exercise in EXERCISES.values()})
        raise ValueError(f"no unit {unit!r}: use one of {', '.join(units)}")
    said = {
        each.name: last_verdicts[each.name].status for each in asked if each.name in last_verdicts
    }
    right = [name for name, status in said.items() if status == "right"]
    print(folded(f"{len(right)} of {len(asked)} exercises right on the cases shown"))
    for exercise in asked:
        if exercise.name not in right:
            print(folded(f"  {exercise.name}: {said.get(exercise.name, 'not checked yet')}"))
    print(folded("What you explain in words is not among them: a person reads it"))
    _show_calibration()


def _show_calibration() -> None:
    """How near the guesses made in this kernel came; nothing where there are none."""
    predictions = predict.closed()
    if not predictions:
        return
    print(folded(predict.summary(predictions)))
    if predict.in_notebook():
        import matplotlib.pyplot as plt

        from helpers.plots.calibration import calibration

        near = sum(each.factor <= predict.NEAR for each in predictions)
        of = f"{near} of your {len(predictions)} guesses"
        if len(predictions) == 1:
            of = f"Your guess: {'' if near else 'not '}"
        title = f"{of.rstrip()} within a factor of 2"
        calibration({each.name: [each.ratio] for each in predictions}, title)
        plt.show()


def judge(
    exercise: Exercise,
    answer: Callable[..., Any],
    cases: Sequence[Case],
    explained: bool = True,
) -> Verdict:
    """Calls an answer on every case and says what is right, what is wrong and why.

    Args:
        exercise: the question.
        answer: called with each case's arguments; returns plain data. NotImplementedError without
            a message means that there is no answer yet, any other exception that the answer fails.
        cases: in the order in which they are called and shown.
        explained: whether to look for what explains a wrong answer, which takes longest.
    """
    if not callable(answer):
        return _not_a_function(exercise, answer)
    rights = [exercise.correct(case) for case in cases]
    none_is_an_answer = any(None in right.values() for right in rights)
    try:
        outcomes = [
            _outcome(exercise, answer, case, right, none_is_an_answer)
            for case, right in zip(cases, rights, strict=True)
        ]
    except PlaceholderLeft:
        return Verdict(exercise.name, "no answer yet", 0.0, (), _PLACEHOLDER_LEFT)
    except NotImplementedError:
        return Verdict(exercise.name, "no answer yet", 0.0)

    def in_each_case(part: str, off: float) -> list[bool]:
        return [outcome.is_right(part, off) for outcome in outcomes]

    accepted = {part: in_each_case(part, exercise.precision) for part in rights[0]}
    fraction = exercise.share(rights, lambda part, off: all(in_each_case(part, off)))
    rows, drawn = _rows(outcomes, accepted, exercise.precision)
    if fraction == 1:
        return Verdict(exercise.name, "right", 1.0, rows, drawn=drawn)
    wrong = [part for part, in_each_case in accepted.items() if not all(in_each_case)]
    hint, names = _explained(exercise, answer, outcomes, wrong) if explained else ("", ())
    hint = in_one_line([exercise.nearness(fraction), hint])
    if not hint and rows and all(row.right for row in rows):
        varied = ", ".join(exercise.parameters)
        hint = f"right on the cases shown, wrong on others: try it by hand with another {varied}"
    status: Status = "partly right" if fraction else "wrong"
    if all(outcome.error for outcome in outcomes):
        status = "error"
    return Verdict(exercise.name, status, fraction, rows, hint, names, drawn)


@dataclass(frozen=True)
class _Outcome:
    """What an answer gave in one case.

    Attributes:
        rights: the right answer, part by part.
        values: the student's; a part that is lacking is not there.
        problem: a line for the student, where the answer cannot be taken apart.
        error: what the answer raised.
    """

    case: Case
    rights: dict[str, Right]
    values: dict[str, Any]
    problem: str = ""
    error: Exception | None = None

    def is_right(self, part: str, tolerance: float) -> bool:
        return part in self.values and is_right(self.rights[part], self.values[part], tolerance)

    def yours(self, part: str) -> str:
        """What stands in the table as the student's."""
        if self.error is not None:
            return type(self.error).__name__
        return number_text(self.values[part]) if part in self.values else "—"

    def remarks(self) -> Iterator[tuple[str, str]]:
        """Lines on what no value can be right of; each with the part that it is about, if one."""
        if self.error is not None:
            yield "", error_line(self.case, self.error)
        elif self.problem:
            yield "", self.problem
        elif self.values:
            for part, right in self.rights.items():
                if part not in self.values:
                    like = (key for key in self.values if str(key).lower() == part.lower())
                    has = "".join(f": it has {key!r}" for key in like)
                    yield part, f"your function's dict lacks {part!r}{has}"
                elif remark := remark_on(right, self.values[part], not self.case.hidden):
                    yield part, remark


def _outcome(
    exercise: Exercise,
    answer: Callable[..., Any],
    case: Case,
    rights: dict[str, Right],
    none_is_an_answer: bool,
) -> _Outcome:
    try:
        value = with_lists(answer(*case.args), rights)
    except Exception as error:
        if isinstance(error, NotImplementedError) and not error.args:
            raise
        return _Outcome(case, rights, {}, error=error)
    try:
        return _Outcome(case, rights, _parts_of(value, rights, exercise, none_is_an_answer))
    except ValueError as problem:
        return _Outcome(case, rights, {}, str(problem))


def _parts_of(
    value: Any, rights: dict[str, Right], exercise: Exercise, none_is_an_answer: bool
) -> dict[str, Any]:
    """The student's value, part by part. ValueError, with a line for the student, without one."""
    if exercise.read is not None:
        value = exercise.read(value, rights)
    if value is None and not ("" in rights and none_is_an_answer):
        raise ValueError(_NOTHING_RETURNED)
    if "" in rights:
        return {"": value}
    if isinstance(value, dict):
        return value
    if isinstance(value, list | tuple) and len(value) == len(rights):
        return dict(zip(rights, value, strict=True))
    wanted = ", ".join(map(repr, rights))
    raise ValueError(
        f"your function should return {len(rights)} values: {wanted}, in a dict or in this order"
    )


def _rows(
    outcomes: Sequence[_Outcome], accepted: Mapping[str, Sequence[bool]], tolerance: float
) -> tuple[tuple[Row, ...], tuple[bool, ...]]:
    """The table of the cases that are shown; of those drawn when grading, what was right."""
    right = [all(in_each[index] for in_each in accepted.values()) for index in range(len(outcomes))]
    shown = [index for index, each in enumerate(outcomes) if not _is_unseen(each.case)]
    if all(right[index] for index in shown):
        # One that tells that the answer is wrong.
        spare = (index for index, each in enumerate(outcomes) if each.case.spare)
        shown += [index for index in spare if not right[index]][:1]
    rows = [
        _row(outcomes[index], part, accepted[part][index], tolerance)
        for index in shown
        for part in outcomes[index].rights
    ]
    drawn = [index for index, each in enumerate(outcomes) if each.case.hidden]
    return tuple(rows), tuple(in_each[index] for index in drawn for in_each in accepted.values())


def _is_unseen(case: Case) -> bool:
    return case.hidden or case.spare


def _row(outcome: _Outcome, part: str, is_accepted: bool, tolerance: float) -> Row:
    right = outcome.rights[part]
    given = (outcome.values[part], tolerance) if is_accepted else ()
    yours, expected = outcome.yours(part), right_text(right, *given)
    if yours == expected and not is_accepted and part in outcome.values:
        yours, expected = told_apart(outcome.values[part], right)
    return Row(outcome.case.label, part, yours, expected, is_accepted)


def _explained(
    exercise: Exercise,
    answer: Callable[..., Any],
    outcomes: Sequence[_Outcome],
    wrong: Sequence[str],
) -> tuple[str, tuple[str, ...]]:
    """The hint on the parts that are wrong, and the names of what explains them."""
    # What is wrong where an answer comes to an end may be why it does not elsewhere.
    ended = [outcome for outcome in outcomes if not isinstance(outcome.error, TimeoutError)]
    if len(ended) < len(outcomes) and any(part in each.values for each in ended for part in wrong):
        still = [p for p in wrong if not all(o.is_right(p, exercise.precision) for o in ended)]
        said = _explained(exercise, answer, ended, still) if still else ("", ())
        if said[0]:
            return said
    attempts = {
        part: [Attempt(outcome.case, outcome.values[part]) for outcome in outcomes]
        for part in wrong
        if all(part in outcome.values for outcome in outcomes)
    }
    found = explain(exercise, attempts)
    # Where an explanation fits every case, a remark on one of them says less.
    remarks = [line for each in outcomes for part, line in each.remarks() if part not in found]
    if _NOTHING_RETURNED in remarks and any(each.problem != _NOTHING_RETURNED for each in outcomes):
        remarks = [_NONE_AT_TIMES]
    elif all(outcome.values == {"": None} for outcome in outcomes):
        remarks = [f"{line}. {_IS_THERE_A_RETURN}" for line in remarks]
    hints = dict.fromkeys(remarks[:1])
    explanations = {part: found[part] for part in wrong if part in found}
    lines = {part: each.hint for part, each in explanations.items()}
    if not hints and not lines:
        lines = _seen(exercise, answer, outcomes, attempts)
    if len(set(lines.values())) == 1 and len(lines) == len(wrong):
        hints |= dict.fromkeys(lines.values())
    else:
        hints |= dict.fromkeys(f"{part}: {line}" if part else line for part, line in lines.items())
    names = dict.fromkeys(str(each.misconception) for each in explanations.values())
    return in_one_line(hints), tuple(names)


def _seen(
    exercise: Exercise,
    answer: Callable[..., Any],
    outcomes: Sequence[_Outcome],
    attempts: Mapping[str, Sequence[Attempt]],
) -> dict[str, str]:
    """Lines on parts that are wrong and that nothing explains."""

    def ask(args: tuple[Any, ...]) -> dict[str, Any]:
        return _parts_of(answer(*args), outcomes[0].rights, exercise, True)

    rights = {part: [outcome.rights[part] for outcome in outcomes] for part in attempts}
    seen = {part: observed(exercise, attempts[part], rights[part]) for part in attempts}
    lines = {part: line for part, line in seen.items() if line}
    rest = {part: tried[0].value for part, tried in attempts.items() if part not in lines}
    return lines | (dependence(exercise, rest, ask) if rest else {})


_IS_THERE_A_RETURN = "Is there a return? What is printed is shown, but not returned"
_NOTHING_RETURNED = f"your function returns nothing. {_IS_THERE_A_RETURN}"
_NONE_AT_TIMES = (
    "your function returns None in a case that has an answer: is there a return on every way "
    "through it?"
)


def _not_a_function(exercise: Exercise, answer: Any) -> Verdict:
    hint = (
        f"{exercise.name} is {number_text(answer)} now, not your function. Did a line such as "
        f"`{exercise.name} = {exercise.name}(x)` write over it? Give the result another name"
    )
    return Verdict(exercise.name, "error", 0.0, (), hint, (General.NAME_REUSED,))


def plain_answer(answer: Any, draws: bool) -> Any:
    """The student's function, returning plain data as the grader gets it.

    `draws`: the answer is a picture; where the function returns none, pyplot's is taken.
    """
    if not callable(answer):
        return answer

    drawn = 0

    def call(*args: Any) -> Any:
        nonlocal drawn
        # Of several cases the first one's picture is shown.
        drawn += draws
        # A copy: an answer that empties a list would change the question.
        try:
            with no_show(), own_figures(kept=drawn == 1) if draws else nullcontext():
                value = answer(*copy.deepcopy(args))
                return plain(current_figure() if draws and value is None else value)
        except NotImplementedError as error:
            raise placeholder(error, answer) from error.__cause__
        except SystemExit:
            raise RuntimeError("it calls exit(), which ends everything: use return") from None

    return call


def _show(verdict: Verdict) -> None:
    predict.show({"text/html": verdict.html(), "text/plain": verdict.text()})
