"""Mends a submission whose cells were copied, deleted or retyped, before it is graded.

nbgrader gives up on such a notebook, and the student would lose all points. These two stand in the
places of its own preprocessors in the course's nbgrader_config.py.
"""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import DeduplicateIds, OverwriteCells


class ForgetCopies(DeduplicateIds):
    """Of a cell that was copied the last one counts; the others become the student's own cells."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if cell.metadata.get("nbgrader") == {}:  # what is left of it in a copy
            del cell.metadata["nbgrader"]
        return cell, resources


class PutBack(OverwriteCells):
    """Graded cells that are missing stand at the end again: all cells run before any is graded."""

    def add_missing_grade_cells(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        known = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        sources = {cell.name: cell for cell in known.source_cells}
        answers = {cell.name for cell in known.solution_cells}
        there = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in nb.cells}
        for cell in known.grade_cells:
            if cell.name not in there:
                self.log.warning("The graded cell %s is missing: added at the end", cell.name)
                options = {"is_solution": cell.name in answers}
                source = sources[cell.name]
                nb.cells.append(self.missing_cell_transform(source, cell.max_score, **options))
        return nb, resources
