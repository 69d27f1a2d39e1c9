"""Put what depends on the project's address where it belongs, and change it everywhere at once.

Stamped are the setup cell, the line of links and the folds of every notebook and text, and the
README. A stamp changes no output: the setup cell keeps its own, which does not depend on the
address.
"""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from colab_links import link_problems, linked, linked_readme
from folding import folded, folding_problems
from nbformat import NotebookNode
from notebook_pairs import ROOT, Pair, find_pairs, read_notebook, read_text, sync, text_of, write
from project_address import address, checked, with_address
from setup_cell import setup_problems, setup_source, stamped


def stamp_problems(notebook: NotebookNode, name: str, where: str) -> list[str]:
    """What is not stamped, or stamped with another address than `where`."""
    problems = setup_problems(notebook, setup_source(where)) + folding_problems(notebook)
    return problems + link_problems(notebook, name, where)


def fully_stamped(notebook: NotebookNode, name: str, where: str) -> NotebookNode:
    return linked(folded(stamped(notebook, setup_source(where))), name, where)


def stamps(pair: Pair, where: str) -> dict[Path, str]:
    """New contents of the text and the notebook, of those that need it."""
    contents = {}
    if pair.text.exists() and stamp_problems(text := read_text(pair.text), pair.name, where):
        contents[pair.text] = text_of(fully_stamped(text, pair.name, where))
    if pair.notebook.exists():
        notebook = read_notebook(pair.notebook)
        if stamp_problems(notebook, pair.name, where):
            new = fully_stamped(notebook, pair.name, where)
            contents[pair.notebook] = nbformat.writes(new) + "\n"
    return contents


def stamp(pair: Pair) -> list[Path]:
    """Stamp a text and its notebook, which is made if there is none; return what changed."""
    contents = stamps(pair, address())
    write_all(contents)
    return [*contents, *([] if pair.notebook.exists() else sync(pair, truth="text"))]


def stamp_readme(root: Path = ROOT, where: str | None = None) -> dict[Path, str]:
    """The README's new content, if it needs one."""
    path = root / "README.md"
    text = path.read_text(encoding="utf-8")
    new = linked_readme(text, where or address(root / "pyproject.toml"))
    return {path: new} if new != text else {}


def move(url: str, root: Path = ROOT) -> list[Path]:
    """Give the project another address, everywhere; return what changed.

    AddressError, with nothing written, if `url` cannot be the project's address.
    """
    where, pyproject = checked(url), root / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    new = with_address(text, where)
    contents = {pyproject: new} if new != text else {}
    contents |= stamp_readme(root, where)
    for pair in find_pairs(root / "notebooks"):
        contents |= stamps(pair, where)
    write_all(contents)
    return list(contents)


def write_all(contents: dict[Path, str]) -> None:
    """Write all files or, if one cannot be written, none: the others get their old bytes back."""
    before = {path: path.read_bytes() for path in contents}
    try:
        for path, content in contents.items():
            write(path, content)
    except BaseException:
        for path, old in before.items():
            path.with_name(path.name + ".part").unlink(missing_ok=True)
            if path.read_bytes() != old:
                restored = path.with_name(path.name + ".part")
                restored.write_bytes(old)
                os.replace(restored, path)
        raise
