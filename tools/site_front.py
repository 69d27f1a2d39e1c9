"""The front page of the site, and the page of the live models, from what the project has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROW = re.compile(
    r"^\| \[([^\]]+)\]\(notebooks/(\w+)\.ipynb\).*? \| (.*?) \| .*? \| (.*?) \|$", re.MULTILINE
)


class Live(NamedTuple):
    """A live page: its name, what a reader does there, what to notice, the chapters it is for."""

    page: str
    title: str
    notice: str
    chapters: tuple[str, ...]


LIVE = (
    Live(
        "complete",
        "Draw and complete",
        "Paint half a digit. A gated PixelCNN finishes it pixel by pixel, differently each time.",
        ("04_gated_pixelcnn", "06_fast_sampling"),
    ),
    Live(
        "codes",
        "Speak in codes",
        "A network writes 49 code numbers, another draws a garment from them. Change a number.",
        ("13_two_stage_generation",),
    ),
    Live(
        "mask",
        "The mask and the blind spot",
        "Click a pixel and see what it reads. Some earlier pixels stay hidden, however deep.",
        ("02_masked_convolutions",),
    ),
    Live(
        "quantizer",
        "The quantizer",
        "Code vectors look for their points while you watch. Some die; a restart moves them.",
        ("10_the_codebook_quantizer",),
    ),
    Live(
        "bound",
        "The bound",
        "A bound on the cost of a picture, moved by hand until it touches the true cost.",
        ("09_autoencoders_and_the_elbo", "11_kl_is_log_k"),
    ),
)
SHEET = """\
<img class="picture" src="_static/garments.png" alt="Garments in rows, one row
for each of ten classes, drawn by the model of chapter 13">
<figcaption>The model of chapter 13 drew every garment. None is a photograph.</figcaption>"""
DIGITS = """\
<a href="live/complete.html"><img class="picture" src="live/models/digits.png" alt="Six
handwritten digits with the same upper half and different lower halves"></a>
<figcaption>A PixelCNN was given the same upper half of a digit (grey) six times. The six
lower halves are its own.</figcaption>
<script type="module" src="_static/front.js"></script>"""
TRY = """\
<a class="button quiet" id="watch" href="live/complete.html">Watch it draw</a></p>
<p class="small">It draws on your machine: a download of 0.2 MB.
<a href="live/complete.html">Begin a digit yourself</a>."""


def live_pages(folder: Path) -> list[Live]:
    """Those that are there."""
    return [each for each in LIVE if (folder / f"{each.page}.html").is_file()]


def filled(front: str, readme: str, chapters: dict[str, str], live: Path) -> str:
    """site/pages/index.md with its chapters, its numbers and, if there is one, its live model."""
    there, rows = live_pages(live), ROW.findall(readme)
    draws = any(each.page == "complete" for each in there)
    tree = [f"{title} <notebooks/{name}>" for name, title in chapters.items()]
    tree[0] = tree[0].replace("From Pixels to Codes", "00 · Start here")
    parts = {
        "<!-- picture -->": DIGITS if draws else SHEET,
        "<!-- try it -->": TRY if draws else "",
        "<!-- live models -->": live_section(there, level=2) if there else "",
        "<!-- chapters -->": chapter_table(readme),
        "<!-- tree -->": "\n".join(tree),
        "<!-- live tree -->": "live" if there else "",
        "{n_chapters}": str(len(rows)),
        "{n_exercises}": str(sum(int(count) for *_, count in rows if count.isdecimal())),
    }
    for mark, text in parts.items():
        front = front.replace(mark, text)
    return front


def chapter_table(readme: str) -> str:
    """The README's table without minutes and links into Colab."""
    rows = [
        f"| [{title}](notebooks/{name}.ipynb) | {what} | {count} |"
        for title, name, what, count in ROW.findall(readme)
    ]
    return "\n".join(["| chapter | you build | exercises |", "|---|---|--:|", *rows])


def live_section(there: list[Live], level: int) -> str:
    items = "\n".join(
        f'<a class="door" href="live/{each.page}.html"><strong>{each.title}</strong>'
        f"<span>{each.notice}</span></a>"
        for each in there
    )
    return f'{"#" * level} Live, in your browser\n\n<div class="live-list">\n{items}\n</div>'


def live_page(folder: Path) -> str:
    """The page that lists the live models, with the chapter of each."""
    there = live_pages(folder)
    told = "\n".join(
        f"- {each.title}: "
        + ", ".join(f"[chapter {name[:2]}](notebooks/{name}.ipynb)" for name in each.chapters)
        for each in there
    )
    return (
        f"{live_section(there, level=1)}\n\nThe models run on your machine, in plain JavaScript: "
        "nothing is sent anywhere. What each of them shows is built in a chapter:\n\n"
        f"{told}\n"
    )
