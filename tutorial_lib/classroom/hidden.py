"""The hidden line of a graded cell: which exercise, which inputs, which variant.

    graded("ch02.causal_mask", seed=4711, variant_seed=7)

nbgrader removes it from what students get and puts it back before grading. It holds no expected
value: the grader computes these, in a process that never runs a student's code.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tutorial_lib.exercises.discovery import chapters, exercises_of
from tutorial_lib.exercises.engine import Exercise

if TYPE_CHECKING:  # a student's code, which may import this module, must not see the variants
    from tutorial_lib.classroom.variants import Variant

BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"  # nbgrader's own marks
IMPORT = "from tutorial_lib.classroom.hidden import graded"


@dataclass(frozen=True)
class Plan:
    """What is graded: "ch02.causal_mask", the seed of the inputs, the variant if there is one."""

    address: str
    seed: int
    variant_seed: int | None = None

    def line(self) -> str:
        """As it stands in the cell."""
        varied = "" if self.variant_seed is None else f", variant_seed={self.variant_seed}"
        return f'graded("{self.address}", seed={self.seed}{varied})'

    def variant(self) -> Variant | None:
        """The variant that is graded. Raises ValueError for an address that is none."""
        exercise = find_exercise(self.address)
        if self.variant_seed is None:
            return None
        from tutorial_lib.classroom.variants import variant_of

        return variant_of(exercise, self.variant_seed)

    def exercise(self) -> Exercise:
        """The exercise, or its variant. Raises ValueError for an address that is none."""
        variant = self.variant()
        return find_exercise(self.address) if variant is None else variant.exercise

    def made_for(self, student: str) -> Plan:
        """With the twist that this student gets, who has one of his own."""
        if self.variant_seed is None:
            return self
        own = random.Random(f"{self.variant_seed} {student}").randrange(10**9)
        return replace(self, variant_seed=own)


def find_exercise(address: str) -> Exercise:
    """The exercise of such an address ("ch02.causal_mask")."""
    chapter, _, name = address.partition(".")
    known = chapters()
    found = [e for e in exercises_of(known[chapter]) if e.name == name] if chapter in known else []
    if not found:
        raise ValueError(f"there is no exercise {address!r}")
    return found[0]


def plan_of(source: str) -> Plan | None:
    """The plan in the source of a graded cell; None if it holds none. The source is not run."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return None
    for statement in statements:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "graded":
            named = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
            return Plan(*map(ast.literal_eval, call.args), **named)
    return None


def hidden_region(plan: Plan) -> str:
    """The lines of a graded cell that students never see."""
    return f"{BEGIN}\n{IMPORT}\n\n{plan.line()}\n{END}"


def graded(address: str, *, seed: int, variant_seed: int | None = None) -> None:
    """Raises RuntimeError: such a cell is read by the grader and run by nobody."""
    raise RuntimeError(
        f"{address} is graded in a process of its own, not in a notebook's kernel: run nbgrader "
        "in the course's folder, whose nbgrader_config.py takes care of that."
    )
