"""What must hold for every notebook in the repository, as `make lint` and a test check it.

A notebook and its text hold the same cells; it has the link into Colab and the shared setup cell;
it was run from top to bottom without an error; its stored outputs are small, PNG figures only, and
tell nothing about the machine that made them, or of the points of who ran it.
"""

from __future__ import annotations

import re
import symtable
import sys
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode
from notebook_pairs import METADATA, ROOT, Pair, differences, read_notebook, read_text, tags
from project_address import address
from stamping import stamp_problems
from text_gate import text_problems

MOST_BYTES = 1_000_000
ALLOWED_TO_FAIL = {"raises-exception", "nbval-raises-exception"}
BANNED_KINDS = ("image/svg+xml", "application/pdf", "image/jpeg")
WIDGETS = "application/vnd.jupyter.widget"
MACHINE_PATHS = re.compile(
    r"/(?:home|Users|root)/\w|[A-Za-z]:\\Users\\|ipykernel_\d+"
    r"|(?<![\w./:~-])/(?:[\w.-]+/)+(?:site-packages|tutorial_lib|notebooks)/"
)
WORDS_IN_SVG = re.compile(r"<svg\b(?:(?!</svg>).)*<text\b", re.DOTALL)
ATTEMPTED = re.compile(r"  attempts$.*? \d+ of \d+ +[1-9]\d*$", re.DOTALL | re.MULTILINE)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")


def pair_problems(pair: Pair) -> list[str]:
    """Everything that is wrong with one notebook and its text; empty when all is well."""
    if not pair.notebook.exists():
        return ["the text has no notebook: run `make notebooks`"]
    if not pair.text.exists():
        return ["the notebook has no text: run `make notebooks`"]
    notebook = read_notebook(pair.notebook)
    out_of_step = differences(notebook, read_text(pair.text))
    problems = [f"{each} (run `make notebooks`)" for each in out_of_step]
    problems += stamp_problems(notebook, pair.name, address())
    problems += size_problems(pair.notebook)
    return problems + notebook_problems(notebook)


def notebook_problems(notebook: NotebookNode) -> list[str]:
    """What a notebook's own content tells: kernel, words, order of execution, outputs."""
    problems = [*kernel_problems(notebook), *parameters_problems(notebook)]
    problems += text_problems(notebook)
    problems += import_problems(notebook)
    problems += execution_problems(notebook)
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            problems += [f"cell {number}: {each}" for each in output_problems(cell)]
    return problems


def size_problems(path: Path, most: int = MOST_BYTES) -> list[str]:
    size = path.stat().st_size
    return [f"{size:,} bytes; at most {most:,} are allowed: fewer or smaller figures"] * (
        size >= most
    )


def kernel_problems(notebook: NotebookNode) -> Iterator[str]:
    name = notebook.metadata.get("kernelspec", {}).get("name")
    if name != "python3":
        yield f"its kernel is {name!r} instead of 'python3'"
    if "widgets" in notebook.metadata:
        yield "it stores the state of widgets"
    others = set(notebook.metadata) - {*METADATA, "widgets"}
    if others:
        yield f"it stores what an editor noted of itself: {', '.join(sorted(others))}"


def parameters_problems(notebook: NotebookNode) -> Iterator[str]:
    """The cell that chooses the settings is the one that papermill calls `parameters`."""
    tagged = [n for n, c in enumerate(notebook.cells, start=1) if "parameters" in tags(c)]
    chosen = [n for n, c in enumerate(notebook.cells, start=1) if "profiles.choose(" in c.source]
    if tagged != chosen[:1]:
        yield f"cells {tagged} carry the tag `parameters`; settings are chosen in {chosen[:1]}"


def import_problems(notebook: NotebookNode) -> Iterator[str]:
    """A name that a cell needs, in its functions too, and that only a later cell imports."""
    cells = [
        (number, list(scopes(symtable.symtable(cell.source, f"cell {number}", "exec"))))
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "code"
    ]
    imported, known = {}, set()
    for number, (top, *_) in reversed(cells):
        imported |= {each.get_name(): number for each in top.get_symbols() if each.is_imported()}
    for number, (top, *inner) in cells:
        known |= {each.get_name() for each in top.get_symbols() if each.is_assigned()}
        known |= {name for name, where in imported.items() if where <= number}
        names = {each for each in top.get_symbols() if each.is_referenced()}
        names |= {each for scope in inner for each in scope.get_symbols() if each.is_global()}
        for name in sorted({each.get_name() for each in names} & set(imported) - known):
            yield f"cell {number}: it needs {name}, which cell {imported[name]} imports"


def scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """A cell and all functions and classes in it."""
    yield table
    for child in table.get_children():
        yield from scopes(child)


def execution_problems(notebook: NotebookNode) -> list[str]:
    """Run All numbers the code cells 1, 2, 3, ...: any other numbers mean stale outputs."""
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    counts = [cell.execution_count for cell in code]
    if counts == list(range(1, len(code) + 1)):
        return []
    if None in counts:
        return [f"{counts.count(None)} code cells have not been run: run `make notebooks`"]
    return ["its cells were not run once each from top to bottom: run `make notebooks`"]


def output_problems(cell: NotebookNode) -> Iterator[str]:
    for output in cell.outputs:
        kinds = list(output.get("data", {}))
        if output.output_type == "error" and not ALLOWED_TO_FAIL & set(tags(cell)):
            yield f"it ended in {output.ename}"
        yield from (f"it stores {kind}; figures are PNG" for kind in kinds if kind in BANNED_KINDS)
        if any(kind.startswith(WIDGETS) for kind in kinds):
            yield "it stores a live widget, which shows nothing without a kernel"
        words = written(output)
        if machine_path(words):
            yield f"its output names a place on the machine that ran it: {machine_path(words)!r}"
        if ADDRESS.search(words):
            yield "its output shows an object's address: end the cell's last line with `;`"
        if WORDS_IN_SVG.search(words):
            yield "its HTML has words inside an SVG: untrusted, they are shown without the drawing"
        if has_points(words):
            yield "its output shows somebody's points: run `make notebooks`"


def has_points(words: str) -> bool:
    """Whether a table of points has an attempt in it, as one of a person who has begun has."""
    return ATTEMPTED.search(words) is not None


def written(output: NotebookNode) -> str:
    """All that an output says in words."""
    data = output.get("data", {})
    texts = [value for kind, value in data.items() if kind.startswith("text/")]
    texts += [output.get("text", ""), output.get("evalue", "")]
    texts += output.get("traceback", [])
    return "\n".join("".join(text) for text in texts)


def machine_path(text: str) -> str | None:
    here = [str(place) for place in (ROOT, Path.home(), Path(sys.prefix)) if len(place.parts) > 1]
    found = next((place for place in here if place in text), None)
    match = MACHINE_PATHS.search(text)
    return found or (match.group() if match else None)
