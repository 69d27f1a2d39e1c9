"""The line of links below a notebook's title, and the links in the README's chapter table.

    [← 03 · PixelCNN](...) · [Contents](...) · [Glossary](...) · [05 · ... →](...)
    · [Live: Draw and complete](...) · [Open in Colab](...)

They are words and no badge: a badge is an image from elsewhere, and without a network it would be
a broken one on the first screen of every notebook.
"""

from __future__ import annotations

import functools
import json
import re

import nbformat
from nbformat import NotebookNode
from notebook_pairs import NOTEBOOKS
from project_address import HOST, PAGES, pages_address, repository_name
from site_front import LIVE

COLAB = "https://colab.research.google.com/github/"
START = "00_start_here"
IN_TEXT = re.compile(rf"{PAGES.pattern}(?=live/)")  # in a notebook, others may be anybody's pages
IN_NOTEBOOK = re.compile(r"^(?:\[.*\) · )?\[Open in Colab\]\([^)]*\)$")
IN_TABLE = re.compile(r"(\]\(notebooks/(\w+)\.ipynb\))(?: · \[Colab\]\([^)]*\))?(?= \|)")
CLONING = re.compile(r"^git clone \S+ && cd \S+$", re.MULTILINE)


def colab_url(name: str, address: str) -> str:
    return f"{COLAB}{address.removeprefix(HOST)}/blob/main/notebooks/{name}.ipynb"


def colab_line(name: str, address: str) -> str:
    return f"[Open in Colab]({colab_url(name, address)})"


@functools.cache
def chapters() -> dict[str, str]:
    """Name and short title of each chapter, in order: "03_pixelcnn" -> "03 · PixelCNN"."""
    titles = {}
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        first = "".join(json.loads(path.read_text("utf-8"))["cells"][0]["source"])
        titles[path.stem] = first.splitlines()[0].removeprefix("# ").split(":")[0]
    return titles


def line_of_links(name: str, address: str) -> str:
    """The chapter before, contents, glossary, the chapter after, its live page, Colab."""
    names = list(chapters())
    links = []
    if name in names:
        place = names.index(name)
        if place > 0:
            before = names[place - 1]
            links.append(f"[← {chapters()[before]}]({before}.ipynb)")
            links += [f"[{word}]({START}.ipynb#{word})" for word in ("Contents", "Glossary")]
        if place + 1 < len(names):
            after = names[place + 1]
            links.append(f"[{chapters()[after]} →]({after}.ipynb)")
    for live in (each for each in LIVE if name in each.chapters):
        links.append(f"[Live: {live.title}]({pages_address(address)}live/{live.page}.html)")
    return " · ".join([*links, colab_line(name, address)])


def has_title(notebook: NotebookNode) -> bool:
    """Whether the first cell begins with the chapter's title."""
    first = notebook.cells[0] if notebook.cells else None
    return first is not None and first.cell_type == "markdown" and first.source.startswith("# ")


def with_link(source: str, line: str) -> str:
    """The first cell's source with the link alone below its title; an old one is replaced."""
    title, *rest = source.splitlines()
    body = "\n".join(each for each in rest if not IN_NOTEBOOK.match(each)).strip("\n")
    return "\n\n".join(part for part in (title, line, body) if part)


def linked(notebook: NotebookNode, name: str, address: str) -> NotebookNode:
    """A copy whose first cell has the link, and whose links to live pages lead to the site.

    The first cell of one without a title is left as it is.
    """
    copy, site = nbformat.from_dict(notebook), pages_address(address)
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = IN_TEXT.sub(site, cell.source)
    if has_title(copy):
        copy.cells[0].source = with_link(copy.cells[0].source, line_of_links(name, address))
    return copy


def link_problems(notebook: NotebookNode, name: str, address: str) -> list[str]:
    """Why the notebook's link into Colab is not the one that it should have."""
    if not has_title(notebook):
        return ["its first cell is no markdown that begins with a title, as in `# 01 · Title`"]
    pairs = zip(linked(notebook, name, address).cells, notebook.cells, strict=True)
    first, *others = [new.source != old.source for new, old in pairs]
    problems = ["its line of links is not the one it should be: run `make notebooks`"] * first
    if any(others):
        problems.append("its links to live pages are not those they should be: `make notebooks`")
    return problems


def linked_readme(text: str, address: str) -> str:
    """The README with a link for each notebook, the command that clones, and links to the site."""
    clone = f"git clone {address} && cd {repository_name(address)}"
    text = PAGES.sub(pages_address(address), CLONING.sub(lambda _: clone, text))
    return IN_TABLE.sub(lambda m: f"{m[1]} · [Colab]({colab_url(m[2], address)})", text)


def readme_problems(text: str, names: list[str], address: str) -> list[str]:
    """Chapters that the README does not link, and links that differ from the address."""
    linked_names = [match[2] for match in IN_TABLE.finditer(text)]
    problems = [f"README.md: no row for {name}" for name in names if name not in linked_names]
    if len(CLONING.findall(text)) != 1:
        problems.append("README.md: expected one line `git clone ADDRESS && cd FOLDER`")
    if linked_readme(text, address) != text:
        problems.append("README.md: its links differ from pyproject.toml's: run `make notebooks`")
    return problems
