"""The tools that keep notebooks in order catch what they are there to catch."""

import dataclasses
import os

import folding
import nbformat
import notebook_gate
import notebook_pairs
import notebook_run
import project_address
import pytest
import setup_cell
import stamping
import text_gate
from nbconvert import ScriptExporter, SlidesExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tutorial_lib.exercises import progress
from tutorial_lib.exercises.definition import Grade
from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.reports import Table

TEXT = """\
# %% [markdown]
# # Two cells

# %%
x = 6

# %%
print(7*x)
"""
SETUP = setup_cell.setup_source(project_address.address())


@pytest.fixture
def pair(tmp_path):
    """A stamped pair whose notebook has not been run."""
    pair = notebook_pairs.Pair(tmp_path / "01_two.ipynb", tmp_path / "text" / "01_two.py")
    notebook_pairs.write(pair.text, TEXT)
    stamping.stamp(pair)
    return pair


def fake_run(notebook):
    """Number the code cells and give each an output, as a kernel would."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        cell.outputs = [new_output("stream", text=f"output {count}\n")]
    return notebook


@pytest.fixture
def finished(pair):
    notebook = notebook_pairs.read_notebook(pair.notebook)
    notebook_pairs.write_notebook(fake_run(notebook), pair.notebook)
    return pair


def edit_notebook(pair, change):
    notebook = notebook_pairs.read_notebook(pair.notebook)
    change(notebook)
    notebook_pairs.write_notebook(notebook, pair.notebook)


def edit_text(pair, old, new):
    text = pair.text.read_text(encoding="utf-8")
    assert old in text
    notebook_pairs.write(pair.text, text.replace(old, new))


def saved_before(path, seconds):
    moment = path.stat().st_mtime - seconds
    os.utime(path, (moment, moment))


def only(problems):
    (problem,) = problems
    return problem


# -- pairs ---------------------------------------------------------------------------------------


def test_a_finished_pair_passes_the_gate(finished):
    assert notebook_gate.pair_problems(finished) == []


def test_a_pair_is_found_by_either_half(tmp_path):
    notebook_pairs.write(tmp_path / "text" / "02_text_only.py", TEXT)
    notebook_pairs.write_notebook(new_notebook(), tmp_path / "01_notebook_only.ipynb")
    names = [pair.name for pair in notebook_pairs.find_pairs(tmp_path)]
    assert names == ["01_notebook_only", "02_text_only"]
    for pair in notebook_pairs.find_pairs(tmp_path):
        assert "run `make notebooks`" in only(notebook_gate.pair_problems(pair))


@pytest.mark.parametrize(
    "kept", ['tags=["setup"]', 'jupyter={"source_hidden": true}', 'cellView="form"']
)
def test_tags_and_folds_survive_both_ways(pair, kept):
    edit_text(pair, "# %%\nx = 6", f"# %% {kept}\nx = 6")
    assert "code" in only(notebook_pairs.differences(*both(pair)))
    notebook_pairs.sync(pair, truth="text")
    notebook_pairs.sync(pair, truth="notebook")
    assert f"# %% {kept}\nx = 6" in pair.text.read_text(encoding="utf-8")
    assert notebook_pairs.differences(*both(pair)) == []


def both(pair):
    return notebook_pairs.read_notebook(pair.notebook), notebook_pairs.read_text(pair.text)


def test_a_name_that_is_no_notebook_is_refused(finished):
    with pytest.raises(notebook_pairs.PairError, match="99_none"):
        notebook_pairs.find_pairs(finished.notebook.parent, ["99_none.ipynb"])


def test_a_text_that_says_something_else_is_caught(finished):
    edit_text(finished, "x = 6", "x = 5")
    assert "cell 3 differs: code 'x = 6'" in only(notebook_gate.pair_problems(finished))


def test_the_first_line_that_differs_is_quoted(finished):
    edit_notebook(finished, lambda notebook: notebook.cells[2].update(source="x = 6\ny = 7"))
    assert "code 'y = 7' in the notebook, code nothing in" in only(
        notebook_gate.pair_problems(finished)
    )


def test_a_missing_cell_is_caught(finished):
    edit_notebook(finished, lambda notebook: notebook.cells.append(new_markdown_cell("More.")))
    assert "5 cells in the notebook, 4 in the text" in only(notebook_gate.pair_problems(finished))


def test_a_lost_tag_is_caught(finished):
    edit_text(finished, "# %%\nprint", '# %% tags=["nbval-check-output"]\nprint')
    assert "nbval-check-output" in only(notebook_gate.pair_problems(finished))


def test_sync_formats_the_code_in_both_halves(pair):
    assert "print(7 * x)" in pair.text.read_text(encoding="utf-8")
    assert notebook_pairs.read_notebook(pair.notebook).cells[-1].source == "print(7 * x)"


def test_sync_twice_writes_nothing_the_second_time(finished):
    assert notebook_pairs.sync(finished) == []


def test_sync_keeps_ids_and_outputs_of_unchanged_cells_only(finished):
    before = notebook_pairs.read_notebook(finished.notebook).cells
    edit_text(finished, "x = 6", "x = 5")
    notebook_pairs.sync(finished, truth="text")
    after = notebook_pairs.read_notebook(finished.notebook).cells
    assert [cell.id for cell in after if cell.source != "x = 5"] == [
        cell.id for cell in before if cell.source != "x = 6"
    ]
    assert after[1].outputs == before[1].outputs and after[3].outputs == before[3].outputs
    assert after[2].source == "x = 5" and after[2].outputs == []
    assert "1 code cells have not been run" in only(notebook_gate.pair_problems(finished))


def test_sync_makes_the_same_ids_from_the_same_text(pair):
    ids = [cell.id for cell in notebook_pairs.read_notebook(pair.notebook).cells]
    pair.notebook.unlink()
    notebook_pairs.sync(pair)
    assert [cell.id for cell in notebook_pairs.read_notebook(pair.notebook).cells] == ids
    assert len(set(ids)) == len(ids)


def test_sync_from_the_notebook_rewrites_the_text(finished):
    edit_notebook(finished, lambda notebook: notebook.cells[2].update(source="x = 4"))
    notebook_pairs.sync(finished, truth="notebook")
    assert "x = 4" in finished.text.read_text(encoding="utf-8")
    assert notebook_pairs.read_notebook(finished.notebook).cells[3].outputs


def test_sync_does_not_overwrite_a_notebook_that_was_changed_after_its_text(finished):
    edit_notebook(finished, lambda notebook: notebook.cells[2].update(source="x = 4"))
    saved_before(finished.text, seconds=60)
    with pytest.raises(notebook_pairs.PairError, match="--from-notebooks or --from-texts"):
        notebook_pairs.sync(finished)
    saved_before(finished.notebook, seconds=120)
    notebook_pairs.sync(finished)
    assert notebook_pairs.read_notebook(finished.notebook).cells[2].source == "x = 6"


def test_a_cell_that_is_no_python_is_named_not_written(pair):
    before = pair.notebook.read_bytes()
    edit_text(pair, "x = 6", "x = = 6")
    with pytest.raises(notebook_pairs.PairError, match="cells.ipynb"):
        notebook_pairs.sync(pair)
    assert pair.notebook.read_bytes() == before


# -- the setup cell ------------------------------------------------------------------------------


def test_the_setup_cell_has_at_most_15_lines_and_names_the_address_of_pyproject():
    assert len(SETUP.splitlines()) <= 15
    assert f'"git+{project_address.address()}"' in SETUP
    compile(SETUP, "setup cell", "exec")


def test_stamping_puts_the_setup_cell_before_all_other_code(pair):
    cells = notebook_pairs.read_notebook(pair.notebook).cells
    assert [cell.cell_type for cell in cells[:2]] == ["markdown", "code"]
    assert cells[1].source == SETUP
    assert stamping.stamp(pair) == []


@pytest.mark.parametrize("source", ["import torch", SETUP + "  # mine"])
def test_a_changed_setup_cell_is_caught_and_stamped_over(finished, source):
    edit_notebook(finished, lambda notebook: notebook.cells[1].update(source=source))
    notebook_pairs.write_text(notebook_pairs.read_notebook(finished.notebook), finished.text)
    assert "differs from tools/setup_cell.py" in only(notebook_gate.pair_problems(finished))
    stamping.stamp(finished)
    cells = notebook_pairs.read_notebook(finished.notebook).cells
    assert [setup_cell.TAG in notebook_pairs.tags(cell) for cell in cells].count(True) == 1
    assert cells[1].source == SETUP


def test_a_setup_cell_that_comes_too_late_is_caught():
    source = SETUP
    marked = new_code_cell(source, metadata={"tags": [setup_cell.TAG]})
    notebook = new_notebook(cells=[new_code_cell("x = 1"), marked])
    assert "not the first" in only(setup_cell.setup_problems(notebook, source))
    assert setup_cell.stamped(notebook, source).cells[0].source == source


# -- folds ---------------------------------------------------------------------------------------


FOLDS_FOR_ALL = [("settings = 1", ["parameters"]), ("ch03.residual_block.card()", [])]


@pytest.mark.parametrize(("source", "marks"), FOLDS_FOR_ALL, ids=["settings", "card"])
def test_what_every_chapter_folds_is_caught_unfolded_and_folded_by_a_stamp(source, marks):
    cell = new_code_cell(source, metadata={"tags": marks})
    open_ = new_notebook(cells=[new_code_cell("1 + 1"), cell])
    assert "cell 2: " in only(folding.folding_problems(open_))
    plain, hidden = folding.folded(open_).cells
    assert hidden.metadata["jupyter"] == {"source_hidden": True}
    assert hidden.metadata["cellView"] == "form" and "cellView" not in plain.metadata
    assert folding.folding_problems(folding.folded(open_)) == []


# -- what is stored ------------------------------------------------------------------------------


def test_cells_run_out_of_order_are_caught(finished):
    edit_notebook(finished, lambda notebook: notebook.cells[3].update(execution_count=9))
    assert "from top to bottom" in only(notebook_gate.pair_problems(finished))


def test_a_cell_that_was_never_run_is_caught(pair):
    assert "3 code cells have not been run" in only(notebook_gate.pair_problems(pair))


def test_another_kernel_and_stored_widget_state_are_caught(finished):
    def change(notebook):
        notebook.metadata = {"kernelspec": ODD_KERNEL, "widgets": {}}

    edit_notebook(finished, change)
    kernel, widgets = notebook_gate.pair_problems(finished)
    assert "'odd'" in kernel and "widgets" in widgets


def test_a_notebook_that_is_too_big_is_caught(finished):
    assert notebook_gate.size_problems(finished.notebook) == []
    size = finished.notebook.stat().st_size
    assert "fewer or smaller figures" in only(notebook_gate.size_problems(finished.notebook, size))


def error(**fields):
    return new_output("error", ename="ValueError", evalue="no", traceback=[], **fields)


def shown(**data):
    kinds = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}
    kinds.update(widget=notebook_run.WIDGET_VIEW, plain="text/plain", html="text/html")
    return new_output("display_data", {kinds[kind]: value for kind, value in data.items()})


def printed(text):
    return new_output("stream", text=text)


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (error(), "ended in ValueError"),
        (shown(svg="<svg/>"), "stores image/svg"),
        (shown(png="AAAA", pdf="AAAA"), "stores application/pdf"),
        (shown(widget={"model_id": "1"}), "live widget"),
        (printed(f"read {notebook_gate.ROOT}/README.md"), "names a place"),
        (printed("C:\\Users\\ada\\x.py:3: UserWarning"), "names a place"),
        (printed("/home/ada/runs/1"), "names a place"),
        (printed("/opt/python/lib/site-packages/torch/nn.py:1: UserWarning"), "names a place"),
        (printed("/tmp/ipykernel_71/1.py:1: UserWarning"), "names a place"),
        (shown(html="<a href='/srv/course/notebooks/x'>"), "names a place"),
        (shown(plain="<Line2D at 0x7f12ab34cd56>"), "object's address"),
        (shown(html="<svg><circle/><text>0</text><text>1</text></svg>"), "words inside an SVG"),
    ],
)
def test_outputs_that_do_not_belong_in_the_repository_are_caught(output, complaint):
    assert complaint in only(notebook_gate.output_problems(new_code_cell("x", outputs=[output])))


@pytest.mark.parametrize(
    "output",
    [
        shown(png="AAAA/home/ada", plain="<Figure size 640x480 with 1 Axes>"),
        printed("see https://example.org/me/project/blob/main/tutorial_lib/pixels/masks.py"),
        printed("runs/two-stage/metrics.jsonl and ../notebooks/x.ipynb"),
        printed("6.5 bits/dim, 1/2"),
        shown(html="<svg><path d='M0 0'/></svg><text>words</text>"),
    ],
)
def test_outputs_that_belong_there_are_not(output):
    assert list(notebook_gate.output_problems(new_code_cell("x", outputs=[output]))) == []


def test_an_error_is_allowed_where_the_cell_announces_it():
    cell = new_code_cell("x", outputs=[error()], metadata={"tags": ["raises-exception"]})
    assert list(notebook_gate.output_problems(cell)) == []


ODD_KERNEL = {"name": "odd", "display_name": "My environment"}


def test_cleaning_drops_widgets_second_copies_and_volatile_metadata():
    cell = new_code_cell("x", outputs=[shown(widget={}), shown(png="AAAA", svg="<svg/>")])
    cell.metadata = nbformat.from_dict({"tags": ["a"], "execution": {"start": "now"}})
    notebook = new_notebook(cells=[cell], metadata={"widgets": {}, "kernelspec": ODD_KERNEL})
    clean = notebook_run.cleaned(notebook)
    assert clean.metadata == notebook_pairs.METADATA
    assert clean.cells[0].metadata == {"tags": ["a"]}
    assert [list(output.data) for output in clean.cells[0].outputs] == [["image/png"]]


# -- running -------------------------------------------------------------------------------------


def tiny_notebook(path, *sources):
    notebook_pairs.write_notebook(new_notebook(cells=[*map(new_code_cell, sources)]), path)
    return path


def test_running_stores_outputs_in_order_under_the_asked_profile(tmp_path):
    profile = "import os; print(os.environ['TUTORIAL_PROFILE'], os.path.basename(os.getcwd()))"
    path, lines = tiny_notebook(tmp_path / "tiny.ipynb", profile, "6 * 7"), []
    notebook_run.run(path, profile="smoke", timeout=60, report=lines.append)
    notebook = notebook_pairs.read_notebook(path)
    first, second = notebook.cells
    assert first.outputs[0].text == f"smoke {tmp_path.name}\n"
    assert second.outputs[0].data["text/plain"] == "42"
    assert [cell.metadata for cell in notebook.cells] == [{}, {}]
    assert len(lines) == 2 and "cell   2/2" in lines[1]
    assert notebook_gate.notebook_problems(notebook) == []


def test_a_notebook_that_fails_is_reported_and_left_as_it_was(tmp_path):
    path = tiny_notebook(tmp_path / "tiny.ipynb", "print(1)", "raise ValueError('not today')")
    before = path.read_bytes()
    with pytest.raises(notebook_run.RunError, match="not today"):
        notebook_run.run(path, timeout=60)
    assert path.read_bytes() == before


# -- words ---------------------------------------------------------------------------------------


def said(source):
    return text_gate.text_problems(new_notebook(cells=[new_markdown_cell(source)]))


@pytest.mark.parametrize(
    "source",
    [
        "beside the sound; in the last row it exceeds the sound.",
        "3. Three settings suit the signal",
        "1, 2, 3 and 3 bits: one code is cheaper",
        "> **predict.** what comes next?",
        ", and then the rest.",
        ") closes what nobody opened.",
        "→ it goes on",
        "über die Mitte hinaus",
    ],
)
def test_a_cell_that_begins_with_half_a_sentence_is_caught(source):
    assert "begins with half a sentence" in only(said(source))


@pytest.mark.parametrize(
    "source",
    [
        "# 01 · Title",
        "## 3 · Training on words",
        "> **Predict.** What comes next?",
        "`stage_one` is the function of section 3.",
        "$K$ codes, each of them a vector.",
        "(Of 256 even levels none is 0.)",
        "1. First, a mask.\n2. Then, another.",
        "| chapter | you build |\n|---|---|",
        "*PixelCNN* guesses the next pixel.",
        "[The paper](https://example.org) says so.",
        "Überall gilt das.",
        "<details><summary>An answer</summary>\n\nYes.\n\n</details>",
        '"Why wait?" is a good question.',
    ],
)
def test_a_cell_that_begins_as_sentences_do_is_not(source):
    assert said(source) == []


@pytest.mark.parametrize("before", ["## 2 · Rates", "It **ends.**", "Is it so? (Yes.)", "> Yes!"])
def test_a_paragraph_that_begins_with_half_a_sentence_is_caught(before):
    assert "half a sentence: 'codes a s" in only(said(f"{before}\n\ncodes a second."))
    assert "half a sentence: 'und" in only(said(f"{before}\n>\n> und so weiter."))
    for whole in (
        "Codes a second.",
        "log K is one.",
        "z_q and h.",
        "128 to the power of 49.",
        "$K$.",
    ):
        assert said(f"{before}\n\n{whole}") == []


@pytest.mark.parametrize("before", ["We get", "These:", "So:\n\n$$a = b$$", "so $a$,"])
def test_a_sentence_may_go_on_after_a_formula_or_a_list_may_begin(before):
    assert said(f"Here it is. {before}\n\nwhich is small.") == []


def test_a_fold_that_begins_with_half_a_sentence_is_caught():
    assert "half a sentence: 'and so" in only(said(f"{FOLD}\n>\n> and so on.\n>\n> </details>"))


FOLD = "> **Predict.** Which?\n> <details><summary>A way to think about it</summary>"


@pytest.mark.parametrize(
    "typed",
    [
        "Those on *their* left.",
        "Call `sample`.",
        "So **never**.",
        "_Two_ ways.",
        "See [it](x.ipynb).",
        "- a\n> - b",
        "1. a\n> 2. b",
        "+ a\n> + b",
        "__Two__ ways.",
        "~~Two~~ ways.",
    ],
)
def test_a_fold_that_shows_markdown_as_it_is_typed_is_caught(typed):
    assert "put a blank line after </summary>" in only(said(f"{FOLD}{typed}</details>"))
    assert "as it is typed" in only(said(f"{FOLD}\n> {typed}\n> </details>"))
    assert said(f"{FOLD}\n>\n> {typed}\n>\n> </details>") == []


@pytest.mark.parametrize("plain", ["2 * 3 * 4 = 24", "$z_q = e_k$, $a * b$", "<em>So</em> it is."])
def test_a_fold_with_words_and_mathematics_alone_needs_no_blank_line(plain):
    assert said(f"{FOLD}{plain}</details>") == []


def test_a_fold_that_is_not_closed_is_caught():
    assert "1 <details> are opened and 0 are closed" in only(said(f"{FOLD}\n>\n> Words."))
    assert "<summary> are opened" in only(said("<details><summary>Words.\n\nMore.\n\n</details>"))


def points(attempts):
    rows = [["7.1 log p(x)", "passed", "3 of 3", str(attempts)], ["all", "", "3 of 3", ""]]
    return shown(plain=Table(["exercise", "outcome", "points", "attempts"], rows).plain())


def test_points_that_somebody_made_are_caught():
    cell = new_code_cell("x", outputs=[points(3)])
    assert "somebody's points" in only(notebook_gate.output_problems(cell))
    assert list(notebook_gate.output_problems(new_code_cell("x", outputs=[points(0)]))) == []


def test_the_table_of_a_chapter_as_the_library_shows_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_STATE_DIR", str(tmp_path))
    exercise = next(each for each in all_exercises() if each.number == "7.1")
    table = str(progress.progress_report("ch07", [exercise]))
    assert not notebook_gate.has_points(table)
    progress.record("ch07", exercise.name, Grade("failed", (), seed=0))
    table = str(progress.progress_report("ch07", [exercise]))
    assert notebook_gate.has_points(table)


def test_a_run_shows_nobodys_points_and_finds_nobodys_runs(tmp_path, monkeypatch):
    for name in ("TUTORIAL_STATE_DIR", "TUTORIAL_RUNS_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "mine"))
    source = "import os\nos.listdir(os.environ['TUTORIAL_STATE_DIR']), "
    path = tiny_notebook(tmp_path / "tiny.ipynb", source + "os.environ['TUTORIAL_RUNS_DIR']")
    notebook_run.run(path, timeout=60)
    (cell,) = notebook_pairs.read_notebook(path).cells
    assert cell.outputs[0].data["text/plain"] == "([], '')"


# -- for other programs --------------------------------------------------------------------------


def test_the_cell_that_chooses_the_settings_is_the_parameters_of_papermill():
    chooses = new_code_cell("settings = profiles.choose(smoke=1)")
    notebook = new_notebook(cells=[new_code_cell("x = 1"), chooses])
    assert "settings are chosen in [2]" in only(notebook_gate.parameters_problems(notebook))
    chooses.metadata.tags = ["parameters"]
    assert list(notebook_gate.parameters_problems(notebook)) == []
    notebook.cells[0].metadata.tags = ["parameters"]
    assert "cells [1, 2]" in only(notebook_gate.parameters_problems(notebook))


@pytest.mark.parametrize("pair", notebook_pairs.find_pairs(), ids=lambda pair: pair.name)
def test_nbconvert_makes_a_python_script_of_each_chapter(pair):
    notebook = notebook_pairs.read_notebook(pair.notebook)
    script, resources = ScriptExporter().from_notebook_node(notebook)
    assert resources["output_extension"] == ".py"
    compile(script, pair.name, "exec")


@pytest.mark.parametrize("pair", notebook_pairs.find_pairs(), ids=lambda pair: pair.name)
def test_papermill_can_set_each_setting_by_its_name(pair, monkeypatch):
    """It runs `NAME = VALUE`, for `-p NAME VALUE`, after the cell that has the tag."""
    monkeypatch.setenv("TUTORIAL_PROFILE", "smoke")
    cells = notebook_pairs.read_notebook(pair.notebook).cells
    for cell in [each for each in cells if "parameters" in notebook_pairs.tags(each)]:
        names = {"__name__": __name__}
        exec(cell.source, names)
        for field in dataclasses.fields(names["settings"]):
            exec(f"settings.{field.name} = 3", names)
        assert set(vars(names["settings"]).values()) == {3}


def test_a_section_begins_a_slide_and_its_parts_stand_below_it():
    sources = "# Title", "Words.", "The end of one.\n\n## 2 · Another", "### A part", "# code"
    cells = [*map(new_markdown_cell, sources[:4]), new_code_cell(sources[4])]
    kinds = [
        cell.metadata.get("slideshow", {}).get("slide_type")
        for cell in notebook_pairs.normalised(new_notebook(cells=cells)).cells
    ]
    assert kinds == ["slide", None, "slide", "subslide", None]


def test_nbconvert_makes_a_slide_of_each_section():
    exporter = SlidesExporter()
    cells = [new_markdown_cell(f"## {n} · A section\n\nWords.") for n in range(4)]
    notebook = notebook_pairs.normalised(new_notebook(cells=cells))
    assert (
        exporter.from_notebook_node(notebook)[0].count("<section>") == 2 * 4
    )  # one inside another
    assert exporter.from_notebook_node(new_notebook(cells=cells))[0].count("<section>") == 2


@pytest.mark.parametrize("pair", notebook_pairs.find_pairs(), ids=lambda pair: pair.name)
def test_each_section_of_a_chapter_begins_a_slide(pair):
    cells = notebook_pairs.read_notebook(pair.notebook).cells
    begun = [cell.metadata.get("slideshow", {}).get("slide_type") == "slide" for cell in cells]
    sections = [cell.cell_type == "markdown" and "\n## " in f"\n{cell.source}" for cell in cells]
    assert begun[0] and begun[1:] == sections[1:] and sum(begun) > 4


def test_slides_survive_a_sync_and_stay_out_of_the_text(pair):
    notebook_pairs.sync(pair)
    title = notebook_pairs.read_notebook(pair.notebook).cells[0]
    assert title.metadata == {"slideshow": {"slide_type": "slide"}}
    assert "slide" not in pair.text.read_text(encoding="utf-8")


@pytest.mark.parametrize("first", ["def root(x):\n    return math.sqrt(x)", "math.pi", "[math]"])
def test_a_name_that_only_a_later_cell_imports_is_caught(first):
    notebook = new_notebook(cells=[new_markdown_cell("# A"), new_code_cell(first)])
    notebook.cells += [new_code_cell("import math\nmath.e"), new_code_cell("import math")]
    problem = only(list(notebook_gate.import_problems(notebook)))
    assert problem == "cell 2: it needs math, which cell 3 imports"
    notebook.cells.insert(1, new_code_cell("import math"))
    assert list(notebook_gate.import_problems(notebook)) == []


@pytest.mark.parametrize(
    "first", ["def f(math):\n    return math", "x = {}.get('math')", "math = 3\nmath", "'math'"]
)
def test_a_name_of_the_cells_own_is_not_taken_for_an_import(first):
    notebook = new_notebook(cells=[new_code_cell(first), new_code_cell("import math")])
    assert list(notebook_gate.import_problems(notebook)) == []


def test_what_an_editor_notes_of_itself_is_caught_and_dropped_by_sync(finished):
    edit_notebook(finished, lambda notebook: notebook.metadata.update(vscode={"interpreter": {}}))
    assert "vscode" in only(notebook_gate.pair_problems(finished))
    notebook_pairs.sync(finished)
    assert notebook_gate.pair_problems(finished) == []
