"""The words of an exercise: its card, hints and solution, and what a check has to say."""

from __future__ import annotations

import inspect
from pathlib import Path

import tutorial_lib
from tutorial_lib.exercises.definition import NOT_ATTEMPTED, PASSED, RAISED, Failure, Grade
from tutorial_lib.exercises.reports import Block, Bullets, Code, Report, Text

GOES_ON = "The chapter goes on with the library's version."


def card(exercise) -> Report:
    """Goal, minutes, points, what is checked."""
    asked = f"{exercise.minutes} minutes · {exercise.points} points"
    checks = [f"{check.what} ({_points(check.points)})" for check in exercise.checks]
    return Report(
        [
            Text(title=_heading(exercise)),
            Text(exercise.goal),
            Text(f"{asked} · checked, with new inputs each time:"),
            Bullets(checks),
        ]
    )


def hint(exercise, number: object) -> Report:
    """One hint, and how to get the next one."""
    count = len(exercise.hints)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= count:
        offer = f"There are {count} hints: `{exercise.address}.hint(1)` to `hint({count})`."
        return Report([_title(exercise, offer)])
    after = f"hint({number + 1})" if number < count else "solution()"
    hint = _prose(exercise.hints[number - 1])
    told = Text(f"Next: `{_call(exercise, after)}`")
    return Report([_title(exercise, f"hint {number} of {count}"), *hint, told])


def solution(exercise) -> Report:
    """An answer to be pasted into the cell, and where the library's own stands."""
    target = inspect.unwrap(exercise.reference)
    root = Path(tutorial_lib.__file__).resolve().parents[1]
    file = Path(inspect.getsourcefile(target)).resolve().relative_to(root).as_posix()
    told = f"Paste it into the cell. The library's own stands in `{file}`; other ways pass as well."
    return Report(
        [
            _title(exercise, "solution"),
            Text(told),
            Code(exercise.answer or _named(exercise.name, inspect.getsource(target)), "python"),
        ]
    )


def _named(name: str, source: str) -> str:
    """An exercise's own module calls its answer `reference`; in the cell it has the stub's name."""
    return source.replace("def reference(", f"def {name}(", 1)


def result(exercise, grade: Grade, note: str) -> Report:
    """What came of a check."""
    pages = {NOT_ATTEMPTED: _not_attempted, PASSED: _passed}
    blocks = pages.get(grade.outcome, _missed)(exercise, grade)
    if grade.printed:
        blocks += [Text("Your function printed:"), Code(grade.printed)]
    if note:
        blocks.append(Text(note))
    return Report(blocks)


def stand_in(exercise) -> Report:
    """The learner's name still means the library's function, which an earlier check put there."""
    told = (
        f"{NOT_ATTEMPTED}: `{exercise.name}` is the library's version now, which the last check "
        "put in place of yours. Run the cell with your own definition again, then check."
    )
    return Report([_title(exercise, told)])


def broken(exercise, error: Exception) -> Report:
    """The check itself failed: that is nobody's mistake but the library's."""
    told = f"The check itself broke, which is no fault of yours. {GOES_ON}"
    evidence = Code(f"{type(error).__name__}: {error}")
    return Report([_title(exercise, RAISED), Text(told), evidence])


def _not_attempted(exercise, grade: Grade) -> list[Block]:
    return [_title(exercise, f"{NOT_ATTEMPTED}: replace `____` by your code. {GOES_ON}")]


def _passed(exercise, grade: Grade) -> list[Block]:
    told = f"{PASSED}, {_points(grade.out_of)}. The chapter goes on with your version."
    return [_title(exercise, told)]


def _missed(exercise, grade: Grade) -> list[Block]:
    blocks = [_title(exercise, grade.outcome), *_failure(grade.failure)]
    blocks.append(Text(f"Checked, {grade.points} of {_points(grade.out_of)}:"))
    blocks.append(Bullets([f"{detail.outcome}: {detail.what}" for detail in grade.details]))
    blocks.append(Text(f"To try: `{_call(exercise, 'hint()')}`, then check again. {GOES_ON}"))
    again = f"check({exercise.name}, seed={grade.seed})"
    blocks.append(Text(f"The same inputs again: `{_call(exercise, again)}`"))
    return blocks


def _failure(failure: Failure | None) -> list[Block]:
    if failure is None:
        return []
    evidence = failure.evidence.rstrip()
    blocks = [Text(title=failure.message)]
    if evidence:
        blocks.append(Code(evidence) if "\n" in evidence else Text(evidence))
    return blocks


def _prose(text: str) -> list[Block]:
    """Paragraphs, and indented lines as code, from a text with blank lines between them."""
    parts = inspect.cleandoc(text).split("\n\n")
    return [
        Code(inspect.cleandoc(part)) if part.startswith("    ") else Text(" ".join(part.split()))
        for part in parts
    ]


def _title(exercise, told: str) -> Text:
    return Text(told, title=_heading(exercise))


def _heading(exercise) -> str:
    return f"Exercise {exercise.number} · {exercise.title}"


def _call(exercise, call: str) -> str:
    return f"{exercise.address}.{call}"


def _points(n: int) -> str:
    return f"{n} point" if n == 1 else f"{n} points"
