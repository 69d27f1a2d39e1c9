"""Are the exercises themselves right? Every one is tried on its own definitions.

An exercise is sound if its reference and its alternatives pass, its stub counts as not attempted,
and every misconception fails with the sentence that belongs to it and to no other.
"""

from __future__ import annotations
import __future__

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tutorial_lib.exercises import pages
from tutorial_lib.exercises.definition import NOT_ATTEMPTED, PASSED, Grade
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.reports import Table

SEEDS = range(3)


@dataclass(frozen=True)
class Verdict:
    """What the audit found of one exercise; `complaints` is empty where all is right."""

    exercise: Exercise
    killed: int
    accepted: int
    reference_passes: bool
    stub_untouched: bool
    complaints: Sequence[str]


def stub_of(exercise: Exercise) -> Callable:
    """The function that a learner starts from, made from the text of the stub."""
    namespace: dict[str, object] = {}
    flags = __future__.annotations.compiler_flag  # names in annotations need not be imported
    exec(compile(exercise.stub, f"<stub {exercise.number}>", "exec", flags), namespace)
    return namespace[exercise.name]


def words_shown(exercise: Exercise, grade: Grade) -> str:
    """The words of the failure that a learner is shown, on one line."""
    return " ".join(str(pages.result(exercise, grade, "")).split())


def audit(exercise: Exercise, seeds: Sequence[int] = SEEDS) -> Verdict:
    """Try the reference, the alternatives, the stub and every misconception, with every seed."""
    complaints = []
    reference_passes = _passes(exercise, exercise.reference, seeds)
    if not reference_passes:
        complaints.append("the reference does not pass")
    accepted = [each for each in exercise.alternatives if _passes(exercise, each, seeds)]
    rejected = [each.__name__ for each in exercise.alternatives if each not in accepted]
    complaints += [f"the correct alternative {name} is rejected" for name in rejected]
    if not exercise.alternatives:
        complaints.append("there is no alternative solution")
    stub_untouched = exercise.grade(stub_of(exercise), 0).outcome == NOT_ATTEMPTED
    if not stub_untouched:
        complaints.append("the stub does not count as not attempted")
    survivors = [m for m in exercise.misconceptions if not _is_killed(exercise, m, seeds)]
    complaints += [f"not recognised: {each.name}" for each in survivors]
    killed = len(exercise.misconceptions) - len(survivors)
    return Verdict(
        exercise, killed, len(accepted), reference_passes, stub_untouched, tuple(complaints)
    )


def audit_all(exercises: Sequence[Exercise]) -> bool:
    """Print the table of all exercises and what is wrong with them; True if nothing is."""
    verdicts = [audit(each) for each in exercises]
    header = ["chapter", "exercise", "misconceptions", "killed", "alternatives", "accepted"]
    rows = [_row(verdict) for verdict in verdicts]
    print(Table([*header, "reference", "stub"], rows).plain())
    for verdict in verdicts:
        for complaint in verdict.complaints:
            print(f"{verdict.exercise.number}: {complaint}")
    well = bool(verdicts) and not any(verdict.complaints for verdict in verdicts)
    n_killed = sum(verdict.killed for verdict in verdicts)
    print(
        f"\nAll {len(verdicts)} exercises are right; {n_killed} misconceptions are recognised."
        if well
        else "\nSomething is wrong: see the lines above."
    )
    return well


def list_all(exercises: Sequence[Exercise]) -> None:
    """Print a table of all exercises: title, call, minutes and points."""
    rows = [
        [each.number, each.title, each.address, str(each.minutes), str(each.points)]
        for each in exercises
    ]
    print(
        Table(["", "exercise", "in the notebook", "minutes", "points"], rows, right_from=3).plain()
    )


def _passes(exercise: Exercise, candidate: Callable, seeds: Sequence[int]) -> bool:
    return all(exercise.grade(candidate, seed).outcome == PASSED for seed in seeds)


def _is_killed(exercise: Exercise, misconception, seeds: Sequence[int]) -> bool:
    """It fails, is told its own sentence and none of another misconception."""
    own = " ".join(misconception.says.split())
    others = {" ".join(m.says.split()) for m in exercise.misconceptions} - {own}
    for seed in seeds:
        grade = exercise.grade(misconception.wrong, seed)
        words = words_shown(exercise, grade)
        if grade.outcome == PASSED or own not in words or any(each in words for each in others):
            return False
    return True


def _row(verdict: Verdict) -> list[str]:
    exercise = verdict.exercise
    return [
        exercise.chapter,
        f"{exercise.number} {exercise.name}",
        str(len(exercise.misconceptions)),
        str(verdict.killed),
        str(len(exercise.alternatives)),
        str(verdict.accepted),
        "passes" if verdict.reference_passes else "FAILS",
        "not attempted" if verdict.stub_untouched else "COUNTED",
    ]
