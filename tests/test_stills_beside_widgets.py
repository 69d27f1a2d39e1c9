"""A reader without a kernel finds a picture next to every widget."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from run_tests import notebooks_to_run
from widget_cells import SHELLS, calls_of_shells, cells_with_widgets

NEAR = 3  # cells: a sentence may stand between the two


def has_picture(cell):
    outputs = cell.get("outputs", [])
    return any("image/png" in output.get("data", {}) for output in outputs)


def widgets_without_still(notebook):
    """Positions of cells with a widget that have no stored picture in them or shortly after."""
    return [
        i
        for i in cells_with_widgets(notebook)
        if not any(map(has_picture, notebook.cells[i : i + NEAR]))
    ]


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", notebooks_to_run(), ids=lambda path: path.stem)
def test_every_widget_has_a_stored_picture_beside_it(path):
    assert widgets_without_still(read(path)) == []


def test_every_widget_of_the_library_is_shown_in_a_chapter():
    shown = {
        name
        for path in notebooks_to_run()
        for cell in read(path).cells
        if cell.cell_type == "code"
        for name in calls_of_shells(cell.source)
    }
    assert shown == SHELLS


def test_a_widget_without_a_still_is_noticed():
    picture = new_output("display_data", {"image/png": ""})
    cells = {
        "widget": lambda: new_code_cell("widgets.mask_explorer()"),
        "still": lambda: new_code_cell("1", outputs=[picture]),
        "words": lambda: new_markdown_cell("x = mask_explorer()"),
    }

    def found(order):
        return widgets_without_still(new_notebook(cells=[cells[each]() for each in order.split()]))

    assert found("words widget words still") == []
    assert found("still widget") == [1]
    assert found("widget words words still") == [0]
