"""Every notebook as a reader meets it: in JupyterLab, in a real browser, a hand on each control.

One visit a notebook: open it, Run All, move every control of every widget, look at it in both
themes and in a narrow window. Screenshots are left in browser-screenshots/.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from lab_page import DARK, LIGHT, NARROW, WIDE, LabPage
from notebook_pairs import ROOT
from run_tests import notebooks_to_run
from widget_cells import cells_with_widgets
from widget_moves import WidgetMover

pytestmark = pytest.mark.browser
SCREENSHOTS = ROOT / "browser-screenshots"


class Visit:
    """One notebook in the browser, run to its end."""

    def __init__(self, path: Path, page, address: str):
        self.path, self.controls = path, []
        for old in SCREENSHOTS.glob(f"{path.stem}-*.png"):
            old.unlink()
        self.lab = LabPage(page, address)
        self.lab.dress(theme=LIGHT, width=WIDE)  # the visit before has left it dark and narrow
        self.seconds = self.lab.run_all()
        self.problems_of_run = self.lab.problems()
        self.lab.go_to_the_top()
        self.screenshot(page, "top")

    def screenshot(self, what, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        what.screenshot(path=SCREENSHOTS / f"{self.path.stem}-{name}.png")

    def row(self) -> tuple[str, ...]:
        """For the table."""
        slowest = max((c.median_ms for c in self.controls if c.times_ms), default=None)
        told = "-" if slowest is None else f"{slowest:.0f}"
        return self.path.stem, f"{self.seconds:.0f}", str(len(self.controls)), told


@pytest.fixture(scope="module", params=notebooks_to_run(), ids=lambda path: path.stem)
def visit(request, new_page, lab, table):
    made = Visit(request.param, new_page(), lab.address(request.param.name))
    yield made
    table.append(made.row())
    made.lab.close()


def test_run_all_ends_without_an_error(visit):
    assert not visit.problems_of_run, "\n\n".join(visit.problems_of_run)


def test_every_control_of_every_widget_is_answered_at_once(visit):
    widgets = visit.lab.widgets()
    assert len(widgets) == len(cells_with_widgets(nbformat.read(visit.path, as_version=4)))
    for number, widget in enumerate(widgets, start=1):
        visit.controls += WidgetMover(visit.lab.page, widget).move_everything()
        visit.screenshot(widget, f"widget-{number}-moved")
    told = [complaint for control in visit.controls for complaint in control.complaints()]
    new_problems = [each for each in visit.lab.problems() if each not in visit.problems_of_run]
    assert not told + new_problems, "\n\n".join(told + new_problems)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_widget_fits_into_its_cell(visit, theme, width):
    if not visit.lab.widgets():
        pytest.skip("no widgets here")
    visit.lab.dress(theme=theme, width=width)
    too_wide = []
    for number, widget in enumerate(visit.lab.widgets(), start=1):
        visit.screenshot(widget, f"widget-{number}-{theme.split()[-1].lower()}-{width}")
        too_wide += visit.lab.page.evaluate("(w) => window.probe.overflowing(w)", widget)
    assert too_wide == []
