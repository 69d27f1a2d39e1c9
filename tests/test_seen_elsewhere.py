"""What GitHub and nbviewer show of a stored notebook, where nothing runs and little HTML is kept.

GitHub itself is no part of these tests. Its sanitiser is imitated: the tags that its Markdown may
use, no styles, no scripts and what stands in them, no pictures and sounds inside an address.
"""

import re

import bleach
import nbconvert
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from run_tests import notebooks_to_run

KEPT = """a abbr b bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption
figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary
sup table tbody td tfoot th thead time tr tt ul var wbr""".split()
ATTRIBUTES = {"a": ["href"], "img": ["src", "alt", "width", "height"], "details": ["open"]}
GONE_WITH_ITS_CONTENT = re.compile(r"<(script|style|audio|video)\b.*?</\1>", re.DOTALL)
PNG = "data:image/png;base64,"
FIGURE = re.compile(rf'<img[^>]* src="{PNG}')
NEAR = 3  # cells: a sentence may stand between the two

NOTEBOOKS = pytest.mark.parametrize("path", notebooks_to_run(), ids=lambda path: path.stem)


def cleaned(html):
    """HTML that an author wrote, or a cell put out, as a site shows it that trusts nobody."""
    html = GONE_WITH_ITS_CONTENT.sub("", html)
    return bleach.clean(html, tags=KEPT, attributes=ATTRIBUTES, strip=True)


def markdown(text):
    return cleaned(nbconvert.filters.markdown2html(text))


def outputs(cell, kind):
    return [each["data"][kind] for each in cell.get("outputs", []) if kind in each.get("data", {})]


def read(path):
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


def shown(notebook):
    """nbconvert's page of the notebook's outputs, its figures' bytes left out."""
    copy = nbformat.from_dict(notebook)
    copy.cells = [cell for cell in copy.cells if cell.get("outputs")]
    for cell in copy.cells:
        cell.source = ""  # to highlight it takes most of the time
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.update({kind: "AAAA" for kind in data if kind.startswith("image/")})
            if "text/html" in data:
                data["text/html"] = cleaned(data["text/html"])
    return nbconvert.HTMLExporter(template_name="basic").from_notebook_node(copy)[0]


def emptied(notebook):
    """Positions of cells whose HTML loses all that it showed, with no picture or words at hand."""
    lost = []
    for i, cell in enumerate(notebook.cells):
        left = [re.sub(r"<[^>]*>|\s", "", cleaned(each)) for each in outputs(cell, "text/html")]
        near = notebook.cells[max(0, i - NEAR) : i + NEAR + 1]
        told = any(each.output_type == "stream" for each in cell.get("outputs", []))
        if not all(left) and not told and not any(outputs(each, "image/png") for each in near):
            lost.append(i)
    return lost


@NOTEBOOKS
def test_every_figure_and_still_is_shown(path):
    notebook = read(path)
    figures = sum(len(outputs(cell, "image/png")) for cell in notebook.cells)
    assert figures and len(FIGURE.findall(shown(notebook))) == figures


@NOTEBOOKS
def test_what_needs_a_script_or_a_sound_has_a_picture_or_words_at_hand(path):
    assert emptied(read(path)) == []


@NOTEBOOKS
def test_folded_answers_stay_folded(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown" and "<details" in cell.source:
            page, n_folds = markdown(cell.source), cell.source.count("<details")
            for tag in ("<details>", "</details>", "<summary>", "</summary>"):
                assert page.count(tag) == n_folds, cell.source
            assert "&lt;details" not in page and "&lt;summary" not in page


@NOTEBOOKS
def test_cards_and_reports_keep_their_title_and_every_line(path):
    for cell in read(path).cells:
        for report in outputs(cell, "text/markdown"):
            page = markdown(report)
            assert page.count("<li>") == len(re.findall(r"^- ", report, re.MULTILINE))
            assert page.count("<tr>") == max(0, len(re.findall(r"^\|", report, re.MULTILINE)) - 1)
            assert page.count("<strong>") == len(re.findall(r"\*\*.+?\*\*", report))


def test_a_widget_without_a_still_is_noticed():
    picture = new_output("display_data", {"image/png": "AAAA"})
    script = new_output("display_data", {"text/html": "<script>draw()</script><canvas></canvas>"})
    cells = [new_code_cell("1", outputs=[script])]
    cells += [new_markdown_cell("words") for _ in range(NEAR)]
    cells += [new_code_cell("2", outputs=[picture])]
    assert emptied(new_notebook(cells=cells)) == [0]
    assert emptied(new_notebook(cells=cells[:1] + cells[2:])) == []
    inside = new_output("display_data", {"text/html": f'<img src="{PNG}AAAA">'})
    assert "data:" not in cleaned(inside.data["text/html"])
    assert emptied(new_notebook(cells=[new_code_cell("1", outputs=[inside])])) == [0]
    assert "draw" not in cleaned(script.data["text/html"])
