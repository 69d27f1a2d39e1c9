"""What the site says of a notebook's figures to those who cannot see them."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import nbformat


def alternatives(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """SHA-256 of each PNG among the outputs -> its words: the name of its file on the site."""
    told = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if png := output.get("data", {}).get("image/png"):
                plain = output.data.get("text/plain", "")
                words = output.metadata.get("image/png", {}).get("alt") or (
                    "" if plain.startswith("<") else plain
                )
                told[hashlib.sha256(base64.b64decode(png)).hexdigest()] = words
    return told


def describe_figures(app, doctree) -> None:
    """Give each figure of a notebook's page the words that its output has; else its section's."""
    from docutils import nodes

    page = Path(app.env.doc2path(app.env.docname))
    if page.suffix != ".ipynb":
        return
    told = alternatives(nbformat.read(page, as_version=4))
    for image in doctree.findall(nodes.image):
        if (digest := Path(image["uri"]).stem) in told:
            image["alt"] = told[digest] or f"Figure: {section_of(image)}"


def section_of(node) -> str:
    """The title of the section that a node of docutils stands in."""
    from docutils import nodes

    while node.parent and not isinstance(node, nodes.section):
        node = node.parent
    return node.next_node(nodes.title).astext() if isinstance(node, nodes.section) else ""
