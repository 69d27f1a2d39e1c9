"""nbgrader's autograding, with grades from a process that never runs the student's code.

Takes the place of nbgrader's `Execute`, which runs a notebook and its hidden tests in one kernel,
where a student's code could reach both. Here the student's cells run in a worker, the checks in
this process; the output of each graded cell is written here. The course's nbgrader_config.py puts
it to work.
"""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Float, Integer

from tutorial_lib.classroom.hidden import Plan, plan_of, without_hidden
from tutorial_lib.classroom.remote import grade_apart
from tutorial_lib.classroom.worker_process import Limits, WorkerProcess
from tutorial_lib.exercises.definition import NOT_ATTEMPTED, CheckResult, Grade
from tutorial_lib.exercises.engine import Exercise

SETUP_TAG = "setup"
NO_EXERCISE = (
    "This graded cell names no exercise of the course, so no check ran. Points for it are given by "
    "hand."
)


class GradeApart(NbGraderPreprocessor):
    """Runs a submission's cells in a worker and writes the points into its graded cells."""

    cell_seconds = Float(30.0, help="Seconds that one cell of a submission may take.").tag(
        config=True
    )
    memory_mib = Integer(2048, help="MiB that a submission may use on top of torch's own.").tag(
        config=True
    )

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        codes = [cell for cell in nb.cells if cell.cell_type == "code"]
        own = [cell for cell in codes if _is_run(cell)]
        for cell in codes:
            cell.outputs, cell.execution_count = [], None
        limits = Limits(cell_seconds=self.cell_seconds, memory_mib=self.memory_mib)
        with WorkerProcess(limits) as worker:
            for number, message, evidence in worker.run_cells([c.source for c in own]):
                own[number - 1].outputs = [_printed(f"{message}\n{evidence}")]
            for cell in codes:
                if is_grade(cell) and not is_solution(cell):
                    self._grade(cell, worker)
        return nb, resources

    def _grade(self, cell: NotebookNode, worker: WorkerProcess) -> None:
        plan = plan_of(cell.source)
        if plan is None:
            cell.outputs = [_no_credit(NO_EXERCISE)]
            return
        cell.source = without_hidden(cell.source)  # feedback is for students
        exercise = plan.exercise()
        grade = grade_apart(exercise, worker, plan.seed)
        self.log.info("%s: %s of %s", exercise.address, grade.points, grade.out_of)
        cell.execution_count = 1
        cell.outputs = [_printed(report(exercise, plan, grade)), _points(grade.points)]


def report(exercise: Exercise, plan: Plan, grade: Grade) -> str:
    """What the student is told: points, each check, and the first thing that is wrong."""
    varied = " (variant)" if plan.variant_seed is not None else ""
    lines = [f"Exercise {exercise.number} {exercise.name}{varied}: {grade.outcome}"]
    lines += [_line(detail) for detail in grade.details]
    if grade.outcome == NOT_ATTEMPTED and grade.failure is None:
        lines.append("The stub is as it was.")
    if grade.failure is not None:
        lines += ["", grade.failure.message, grade.failure.evidence]
    if grade.printed:
        lines += ["", "Your function printed:", grade.printed]
    return "\n".join(lines).rstrip()


def _line(detail: CheckResult) -> str:
    return f"  {detail.points} of {detail.out_of}  {detail.outcome}: {detail.what}"


def _is_run(cell: NotebookNode) -> bool:
    """Everything but the setup cell (the worker has the package) and the graded cells."""
    graded = is_grade(cell) and not is_solution(cell)
    return not graded and SETUP_TAG not in cell.metadata.get("tags", [])


def _printed(text: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=text.rstrip() + "\n")


def _points(points: int) -> NotebookNode:
    """What nbgrader takes as partial credit: a number as the result of the cell."""
    return new_output("execute_result", data={"text/plain": str(points)}, execution_count=1)


def _no_credit(why: str) -> NotebookNode:
    return new_output("error", ename="NotGraded", evalue=why, traceback=[why])
