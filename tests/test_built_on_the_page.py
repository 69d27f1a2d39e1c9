"""Each model of the papers is written out in its chapter and held against the library's.

A cell tagged `held` gives both the same weights and prints whether they compute the same. It is
tagged `nbval-check-output` too, so that running the chapter compares what it prints.
"""

import nbformat
import pytest
from notebook_pairs import NOTEBOOKS, read_notebook, tags

BUILT = {
    "02_masked_convolutions": ["MaskedConv2d"],
    "03_pixelcnn": ["PixelCNN"],
    "04_gated_pixelcnn": ["GatedPixelCNN"],
    "05_conditional_generation": ["GatedPixelCNN"],
    "06_fast_sampling": ["same_images"],
    "08_pixelrnn": ["RowLSTM", "DiagonalBiLSTM"],
    "09_autoencoders_and_the_elbo": ["Autoencoder", "GaussianVAE"],
    "10_the_codebook_quantizer": ["VectorQuantizer"],
    "12_training_a_vqvae": ["VQVAE"],
    "13_two_stage_generation": ["TwoStageModel"],
    "14_in_colour_and_your_own": ["mixture_nll_nats", "VQVAE"],
    "16_after_the_papers": ["FSQ", "RotationQuantizer", "ResidualQuantizer", "TransformerPrior"],
}


def held_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if "held" in tags(cell)]


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def held_problems(cells: list[nbformat.NotebookNode], names: list[str]) -> list[str]:
    problems = [] if cells else ["no cell is tagged `held`"]
    for cell in cells:
        if "nbval-check-output" not in tags(cell):
            problems.append(f"a run does not look at what is printed by {cell.source[:60]!r}")
        if "True" not in printed(cell) or "False" in printed(cell):
            problems.append(f"{cell.source[:60]!r} printed {printed(cell)!r}")
    sources = "\n".join(cell.source for cell in cells)
    return problems + [f"{name} is held against nothing" for name in names if name not in sources]


@pytest.mark.parametrize("name", BUILT)
def test_the_model_of_a_chapter_equals_the_library_s(name):
    cells = held_cells(read_notebook(NOTEBOOKS / f"{name}.ipynb"))
    assert held_problems(cells, BUILT[name]) == []


@pytest.mark.parametrize("name", BUILT)
def test_the_classes_of_a_chapter_are_its_own(name):
    """At least one class or function of the page computes what is held, in a cell above."""
    notebook = read_notebook(NOTEBOOKS / f"{name}.ipynb")
    last = max(i for i, cell in enumerate(notebook.cells) if "held" in tags(cell))
    above = [cell.source for cell in notebook.cells[:last] if cell.cell_type == "code"]
    assert any("\nclass " in f"\n{source}" or "\ndef " in f"\n{source}" for source in above)


@pytest.mark.parametrize("said", ["same: False", "", "same: True\nsame: False"])
def test_a_model_that_differs_is_caught(said):
    output = nbformat.v4.new_output("stream", text=said)
    marks = {"tags": ["held", "nbval-check-output"]}
    cell = nbformat.v4.new_code_cell("mine = PixelCNN()", metadata=marks, outputs=[output])
    assert held_problems([cell], ["PixelCNN"])
    cell.outputs[0].text = "same: True"
    assert held_problems([cell], ["PixelCNN"]) == []
    assert held_problems([cell], ["RowLSTM"]) == ["RowLSTM is held against nothing"]
