"""What must hold for the words of a notebook: whole sentences, and folds that a reader can read.

Markdown inside an HTML tag is shown as it is typed until a blank line ends the HTML. So the text of
a fold begins after a blank line below its `<summary>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from nbformat import NotebookNode

# What may stand before a cell's first word: quotes, list marks, headings, emphasis, brackets.
MARKS = re.compile(r"^(?:[>#*_(\[\"'“‘ ]|- |1\. |<[^>]*>|\n)*")
STARTS = re.compile(r"[^\W\d_a-zß-öø-ÿα-ω]|[`$!&\\|]|-{3}|\d+ ·")
PARAGRAPH = re.compile(r"\n[>\s]*\n")
# After these something new begins; LOST is the first word of half a sentence.
ENDS = re.compile(r"(?:[.!?][)*_\"”]*|</summary>)$|^#+ [^\n]*$")
LOST = re.compile(r"(?!(?:log|exp)\b)[a-zß-öø-ÿ]{2,}(?!\w)")
MATHEMATICS = re.compile(r"\$\$?[^$]+\$\$?", re.DOTALL)
TAGS = re.compile(r"<[^>]*>|&\w+;")
QUOTED = re.compile(r"<(code|pre)\b.*?</\1>", re.DOTALL)
TYPED = re.compile(
    r"`[^`]+`|\*\*?[^\s*][^*]*\*|(?<!\w)__?[^\s_][^_]*__?(?!\w)|\[[^\]]+\]\([^)]+\)"
    r"|~~[^~]+~~|^ *(?:[-*+]|\d+\.|#+) +\S|^\|.*\|",
    re.MULTILINE | re.DOTALL,
)


def text_problems(notebook: NotebookNode) -> list[str]:
    """What is wrong with the words of each Markdown cell."""
    return [
        f"cell {number}: {problem}"
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "markdown"
        for problem in (*start_problems(cell.source), *fold_problems(cell.source))
    ]


def start_problems(source: str) -> Iterator[str]:
    """A line that was lost leaves half a sentence, with a small letter or a stray number."""
    first = MARKS.sub("", source)
    if not STARTS.match(first):
        yield f"it begins with half a sentence: {first[:40]!r}"
    paragraphs = [each.strip() for each in PARAGRAPH.split(source)]
    for before, after in zip(paragraphs, paragraphs[1:], strict=False):
        if ENDS.search(before) and LOST.match(words := MARKS.sub("", after)):
            yield f"a paragraph begins with half a sentence: {words[:40]!r}"


def fold_problems(source: str) -> Iterator[str]:
    """Folds that are not closed, and Markdown that would be shown as it is typed."""
    for tag in ("details", "summary"):
        opened, closed = (len(re.findall(rf"<{each}{tag}\b", source)) for each in ("", "/"))
        if opened != closed:
            yield f"{opened} <{tag}> are opened and {closed} are closed"
    for token in MarkdownIt().parse(source):
        if token.type == "html_block":
            words = TAGS.sub(" ", MATHEMATICS.sub("", QUOTED.sub("", token.content)))
            if typed := TYPED.search(words):
                yield (
                    f"{typed.group()[:40]!r} is shown as it is typed: "
                    "put a blank line after </summary>"
                )
