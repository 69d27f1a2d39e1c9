"""What a student reads after grading: nbgrader's page, by the names of the exercises.

The course's nbgrader_config.py puts both to work: ForStudents before a page is made, `named` after.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from tutorial_lib.classroom.hidden import find_exercise
from tutorial_lib.classroom.preprocessor import RUBRIC_TAG, SETUP_TAG

STYLE = """<style>
div.prompt, div.out_prompt_overlay { display: none; }
div.input, div.output_area, div.inner_cell { display: block; width: 100%; }
pre, code { white-space: pre-wrap !important; word-break: normal !important;
 overflow-wrap: anywhere; }
.rendered_html img, .rendered_html table, div.output_subarea { max-width: 100%; overflow-x: auto; }
div.nbgrader_cell .panel-heading { height: auto; min-height: 37px; }
</style>"""
LINKED = re.compile(r'<a href="#([^"]+)">(?:Test cell|Written response|Coding free-response)</a>')
HEADED = re.compile(r"Grade cell: <code>([^<]+)</code>")


class ForStudents(NbGraderPreprocessor):
    """Without what is for the grader: the number that nbgrader reads, the model answer."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        nb.cells = [cell for cell in nb.cells if not _is_left_out(cell)]
        for cell in nb.cells:
            if "graded" in cell.metadata:
                cell.source = "# checked with inputs that are new"
                cell.outputs = [each for each in cell.outputs if each.output_type == "stream"]
        return nb, resources


def _is_left_out(cell: NotebookNode) -> bool:
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    tags = {RUBRIC_TAG, SETUP_TAG}.intersection(cell.metadata.get("tags", []))
    return bool(tags) or grade_id.endswith("-imports")


def named(assignment: str, student: str, notebooks: Sequence[str]) -> None:
    """Name the exercises in the pages that were made of these notebooks."""
    for notebook in map(Path, notebooks):
        steps = [*notebook.parts]
        steps[-4] = "feedback"
        page = Path(*steps).with_suffix(".html")
        html = page.read_text(encoding="utf-8")
        html = LINKED.sub(lambda m: f'<a href="#{m[1]}">{_name(m[1])}</a>', html)
        html = HEADED.sub(lambda m: f"<b>{_name(m[1])}</b>", html).replace(
            "</head>", f"{STYLE}</head>"
        )
        page.write_text(html, encoding="utf-8")


def _name(grade_id: str) -> str:
    """ "2.1 causal_mask" for the cell of its check."""
    chapter, _, name = grade_id.removesuffix("-check").partition("-")
    if not grade_id.endswith("-check"):
        return "In words"
    try:
        return f"{find_exercise(f'{chapter}.{name}').number} {name}"
    except ValueError:
        return name
