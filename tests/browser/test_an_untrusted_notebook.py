"""Without trust JupyterLab takes script, style and SVG away: what is left reads right."""

from __future__ import annotations

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tutorial_lib.notebook.widgets.codebook import codebook_html

pytestmark = pytest.mark.browser

CODES = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0], [2.5, 2.5], [-1.0, 1.0], [1.0, 1.6]])
SEEN = """() => {
  const output = document.querySelector(".jp-OutputArea-output:has(.still)")
    ?? [...document.querySelectorAll(".jp-OutputArea-output")].pop();
  const width = (name) => output.querySelector(name)?.getBoundingClientRect().width ?? 0;
  return { words: output.innerText.trim(), still: width("img"), drawing: width("svg") };
}"""


def seen(lab, new_page, html, *, trusted):
    """What a reader sees of an output: its words, the widths of its still and of its drawing."""
    output = new_output("display_data", {"text/html": html})
    notebook = new_notebook(cells=[new_code_cell("explorer", outputs=[output])])
    name = "trusted.ipynb" if trusted else "untrusted.ipynb"
    nbformat.write(notebook, lab.notebooks / name)
    if trusted:
        lab.trust(lab.notebooks / name)
    page = new_page()
    page.goto(lab.address(name), timeout=180_000)
    page.wait_for_selector(".jp-OutputArea-output", timeout=180_000)
    page.wait_for_timeout(1000)
    found = page.evaluate(SEEN)
    page.close(run_before_unload=False)
    return found


def test_the_explorer_is_a_still_and_a_sentence(lab, new_page):
    html = codebook_html(CODES, torch.tensor([1.5, 0.5]))
    found = seen(lab, new_page, html, trusted=False)
    assert found["words"] == "z_e = (1.50, 0.50): nearest code 1, distance 0.71, z_q = (2.00, 0.00)"
    assert found["still"] > 300 and found["drawing"] == 0


def test_with_trust_it_is_the_drawing_and_no_still(lab, new_page):
    html = codebook_html(CODES, torch.tensor([1.5, 0.5]))
    found = seen(lab, new_page, html, trusted=True)
    assert found["drawing"] > 300 and found["still"] == 0


def test_the_probe_sees_a_row_of_digits(lab, new_page):
    html = "<svg width='400'>" + "".join(f"<text>{n}</text>" for n in range(6)) + "</svg>"
    assert seen(lab, new_page, html, trusted=False)["words"] == "012345"
