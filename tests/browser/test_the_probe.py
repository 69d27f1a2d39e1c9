"""What the browser tests would notice: a notebook with every fault, and a widget without any."""

from __future__ import annotations

import re

import nbformat
import pytest
from lab_page import LIGHT, NARROW, LabPage
from lab_server import LabServer
from nbformat.v4 import new_code_cell, new_notebook
from widget_moves import ANSWER_MS, WidgetMover

pytestmark = pytest.mark.browser

SETUP = """
import sys, time
import ipywidgets
from IPython.display import HTML, display

def show(slider_moves, control=None, **options):
    number = {"value": 3, "min": 0, "max": 6, "description": "number"}
    control = control or ipywidgets.IntSlider(**number, **options)
    words = ipywidgets.HTML("as it was")
    def change(_):
        slider_moves(words, control)
    control.observe(change, "value")
    display(ipywidgets.VBox([control, words]))
"""
GOOD = """
def answer(words, control):
    words.value = f"now {control.value}"
show(answer)
"""
LATE_SECONDS = ANSWER_MS / 1000 + 0.2
MUTE = """
show(lambda words, control: None)
"""
SLOW = f"""
def answer_late(words, control):
    time.sleep({LATE_SECONDS})
    words.value = f"at last {{control.value}}"
show(answer_late)
"""
RAISES = """
def on_click(_):
    words.value += "."
    raise ZeroDivisionError("a callback that nobody sees")
button, words = ipywidgets.Button(description="press"), ipywidgets.HTML("pressed")
button.on_click(on_click)
display(ipywidgets.VBox([button, words]))
"""
WRITES_TO_STDERR = """
def warn(words, control):
    words.value = f"now {control.value}"
    print("a warning of a callback", file=sys.stderr)
show(warn)
"""
STRANGE = """
show(lambda words, control: None, ipywidgets.Text("who moves me?"))
"""
WIDE_AS_A_DOOR = """
show(answer, layout={"width": "900px"})
"""
PICTURE = """
from tutorial_lib.notebook.widgets.picture import live_picture, new_figure

def draw(number):
    figure = new_figure(2.0, 1.0)
    figure.text(0.1, 0.5, f"{1 / (4 - number):.3f}")
    return figure
number = ipywidgets.IntSlider(value=3, min=0, max=6, description="number")
display(ipywidgets.VBox([number, live_picture(draw, {"number": number})]))
"""
DROPDOWN, CHECKBOX, TOGGLES = (
    f"show(answer, ipywidgets.{control})"
    for control in (
        "Dropdown(options=[1, 2, 3])",
        "Checkbox(description='check')",
        "ToggleButtons(options=['a', 'b', 'c'], value='b')",
    )
)
COMPLAINS_TO_THE_CONSOLE = """
display(HTML("<script>console.error('a script of ours is broken')</script>"))
"""
FAILS = """
raise RuntimeError("a cell that fails")
"""
NEVER_RUN = "1 + 1"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
WIDGETS = {
    "good": GOOD,
    "mute": MUTE,
    "slow": SLOW,
    "raises": RAISES,
    "stderr": WRITES_TO_STDERR,
    "strange": STRANGE,
    "wide": WIDE_AS_A_DOOR,
    "dropdown": DROPDOWN,
    "checkbox": CHECKBOX,
    "toggles": TOGGLES,
    "picture": PICTURE,
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory, new_page):
    """A function that opens a notebook of cells in a JupyterLab of its own and runs it."""
    pages = []
    folder = tmp_path_factory.mktemp("probe")
    sources = {
        "widgets.ipynb": [SETUP, *WIDGETS.values()],
        "faults.ipynb": [SETUP, COMPLAINS_TO_THE_CONSOLE, FAILS, NEVER_RUN],
    }
    for name, cells in sources.items():
        notebook = new_notebook(cells=list(map(new_code_cell, cells)), metadata=KERNEL)
        nbformat.write(notebook, folder / name)

    with LabServer(folder / "lab", [folder / name for name in sources]) as server:

        def open_and_run(name):
            pages.append(LabPage(new_page(), server.address(name)))
            pages[-1].run_all()
            return pages[-1]

        yield open_and_run
        for page in pages:
            page.close()


@pytest.fixture(scope="module")
def lab_page(opened):
    page = opened("widgets.ipynb")
    assert page.problems() == []
    return page


@pytest.fixture
def moved(lab_page):
    """A function that moves one widget: what is said of it, and the new problems of the page."""

    def move(name):
        heard_before = set(lab_page.problems())
        widget = lab_page.widgets()[list(WIDGETS).index(name)]
        controls = WidgetMover(lab_page.page, widget).move_everything()
        complaints = [each for control in controls for each in control.complaints()]
        return complaints, [each for each in lab_page.problems() if each not in heard_before]

    return move


@pytest.mark.parametrize("name", ["good", "dropdown", "checkbox", "toggles"])
def test_a_widget_that_answers_is_not_complained_about(moved, name):
    assert moved(name) == ([], [])


def test_a_widget_that_changes_nothing_is_found(moved):
    complaints, problems = moved("mute")
    assert len(complaints) == 1 and problems == []
    assert complaints[0].startswith("slider 'number' changed nothing in the widget: ArrowRight,")


def test_a_widget_that_answers_late_is_found(moved):
    (complaint,), problems = moved("slow")
    assert re.search(rf"ms, not {ANSWER_MS:.0f} \(\d{{3}}", complaint) and problems == []


@pytest.mark.parametrize(
    ("name", "told"),
    [("raises", "ZeroDivisionError"), ("stderr", "a warning of a callback")],
)
def test_a_callback_that_fails_is_found_though_the_widget_changes(moved, name, told):
    complaints, problems = moved(name)
    assert complaints == [] and any(told in each for each in problems)


def test_a_live_picture_shows_the_traceback_and_goes_on_at_the_next_move(moved, lab_page):
    complaints, problems = moved("picture")  # there and back, to a place that can't be drawn
    assert complaints == [] and any("ZeroDivisionError" in each for each in problems)
    widget = lab_page.widgets()[list(WIDGETS).index("picture")]
    assert "ZeroDivisionError" not in widget.inner_text()
    widget.query_selector(".noUi-handle").press("ArrowRight")
    widget.wait_for_selector("text=ZeroDivisionError", timeout=20_000)


def test_a_control_that_nobody_moves_is_found(moved):
    (complaint,), _ = moved("strange")
    assert "is of a kind that this test can not move" in complaint


def test_a_widget_that_sticks_out_is_found_and_one_that_fits_is_not(lab_page):
    lab_page.dress(theme=LIGHT, width=NARROW)
    widgets = dict(zip(WIDGETS, lab_page.widgets(), strict=True))
    sticks_out = {
        name: lab_page.page.evaluate("(w) => window.probe.overflowing(w)", widgets[name])
        for name in ("good", "wide")
    }
    assert sticks_out["good"] == [] and sticks_out["wide"]


def test_a_cell_that_fails_and_a_script_that_complains_are_found(opened):
    told = "\n".join(opened("faults.ipynb").problems())
    assert "RuntimeError" in told and "a cell that fails" in told
    assert "only 3 of 4 code cells have run" in told
    assert "console: a script of ours is broken" in told
