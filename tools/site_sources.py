"""What the site is made of, laid out as Sphinx takes it: pages, notebooks, guide, reference.

The project's own files stay where they are and as they are; Sphinx reads copies, in which folded
cells and exercise cards carry the tags that myst-nb knows. Some pages are made here: the glossary
(a section of the first notebook), the table of equations, the library's reference.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import nbformat
import site_front
from colab_links import chapters
from folding import CARD
from nbformat import NotebookNode
from notebook_pairs import tags

import tutorial_lib
from tutorial_lib.equations import EQUATIONS

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
START = "notebooks/00_start_here.ipynb"
FOLDED, IS_CARD, IS_CHECK = "hide-input", "exercise-card", "exercise-check"
CHECK = re.compile(r"^\w+ = ch\d\d\.\w+\.check\(", re.MULTILINE)
PROMPTS = {"setup": "set-up", "parameters": "settings", IS_CARD: "code of the card"}
GROUND_FLOOR = ("contracts", "profiles", "equations", "files", "cli")
HIDDEN_FROM_SEARCH = "---\nno-search: true\n---\n\n"
IN_TITLE = re.compile(r"[`*$\\]")


def anchor(title: str) -> str:
    """The name of a heading in a link, as Jupyter has it: `[...](00_start_here.ipynb#Glossary)`."""
    return IN_TITLE.sub("", title).strip().replace(" ", "-")


def lay_out(folder: Path, packages: Path, live: Path) -> None:
    """Write all sources into the folder; files that are as they should be are left alone.

    packages  the npm packages
    live      the live pages, as they will stand in the site; may be empty
    """
    write_all(folder, {**pages(live), **notebooks(), **reference(), **static(packages)})


def write_all(folder: Path, contents: dict[str, bytes]) -> None:
    """Make the folder hold these files and no others."""
    for path in [*folder.rglob("*")]:
        if path.is_file() and path.relative_to(folder).as_posix() not in contents:
            path.unlink()
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)


# -- pages -----------------------------------------------------------------------------------------


def pages(live: Path) -> dict[str, bytes]:
    """Those of site/pages, the README, the results, the teacher's guide, glossary, equations."""
    found = {path.name: path.read_bytes() for path in (SITE / "pages").glob("*.md")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    front = found["index.md"].decode()
    found["index.md"] = site_front.filled(front, readme, chapters(), live).encode()
    if site_front.live_pages(live):
        found["live.md"] = site_front.live_page(live).encode()
    kept = [ROOT / "README.md", *(ROOT / "results").glob("*.md"), *(ROOT / "results").glob("*.png")]
    kept += (ROOT / "docs").glob("*")
    found |= {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in kept}
    found["docs/marking.md"] = HIDDEN_FROM_SEARCH.encode() + found["docs/marking.md"]
    found["glossary.md"] = glossary().encode()
    found["equations.md"] = equations().encode()
    return found


def glossary(start: Path = ROOT / START) -> str:
    """The first notebook's section of that name, as a page, with a link for each chapter."""
    cells = read(start).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    section = re.search(r"^## Glossary\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    names = {path.stem[:2]: path.stem for path in sorted(start.parent.glob("[0-9][0-9]_*.ipynb"))}
    linked = re.sub(r"(?<=\| )\d\d(?:, \d\d)*(?= \|$)", lambda m: _chapters(m[0], names), section,
                    flags=re.MULTILINE)  # fmt: skip
    return f"# Glossary\n{linked}"


def _chapters(numbers: str, names: dict[str, str]) -> str:
    links = (f"[{n}](notebooks/{names[n]}.ipynb)" if n in names else n for n in numbers.split(", "))
    return ", ".join(links)


def equations() -> str:
    """A table for each paper: the equation, the chapter that computes it, the library's name."""
    lines = [
        "# Equations",
        "",
        "Every numbered equation of the three papers: what it says, the chapter that computes it, "
        "and the name that computes it in the library.",
    ]
    paper = None
    for each in EQUATIONS:
        if each.paper != paper:
            paper = each.paper
            lines += [
                "",
                f"## {paper}",
                "",
                "| eq. | says | chapter | library |",
                "|--:|---|---|---|",
            ]
        chapter = f"[{each.notebook[:2]}](notebooks/{each.notebook}.ipynb)"
        says = each.says.replace("|", "\\|")
        name = f"{{py:obj}}`{each.library} <tutorial_lib.{each.library}>`"
        lines.append(f"| {each.number} | `{says}` | {chapter} | {name} |")
    return "\n".join([*lines, ""])


# -- notebooks -------------------------------------------------------------------------------------


def notebooks() -> dict[str, bytes]:
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = tagged(read(path))
        found[f"notebooks/{path.name}"] = nbformat.v4.writes(notebook).encode()
    return found


def read(path: Path) -> NotebookNode:
    """A notebook of ours: `make lint` has held it against the format, which takes seconds."""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


def tagged(notebook: NotebookNode) -> NotebookNode:
    """A copy in which folded cells, cards and checks say so by tags."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "code":
            told = set(tags(cell))
            if cell.metadata.get("jupyter", {}).get("source_hidden"):
                told.add(FOLDED)
            if CARD.search(cell.source):
                told.add(IS_CARD)
            if CHECK.search(cell.source):
                told.add(IS_CHECK)
            cell.metadata["tags"] = sorted(told)
            for prompt in [PROMPTS[each] for each in PROMPTS if each in told]:
                cell.metadata["mystnb"] = {"code_prompt_show": prompt, "code_prompt_hide": prompt}
    return copy


# -- the library's reference -----------------------------------------------------------------------


def reference() -> dict[str, bytes]:
    """A page a room, and one for the ground floor."""
    rooms = re.findall(r"^    (\w+) {2,}(.+)$", tutorial_lib.__doc__, re.MULTILINE)
    entries = "\n".join(f"- [`tutorial_lib.{name}`]({name}.md): {what}" for name, what in rooms)
    tree = "\n".join([*(name for name, _ in rooms), "ground_floor"])
    index = (
        "# The library\n\n`tutorial_lib` is a street of rooms, in reading order. What stands here "
        "is written in the code.\n\n"
        f"{entries}\n- [the ground floor](ground_floor.md): what every room stands on\n\n"
        f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )
    found = {"reference/index.md": index}
    for name, _ in rooms:
        found[f"reference/{name}.md"] = room_page(name)
    found["reference/ground_floor.md"] = ground_floor_page()
    return {path: text.encode() for path, text in found.items()}


def room_page(room: str) -> str:
    """The room's own docstring, then its modules in the order of the docstring."""
    package = importlib.import_module(f"tutorial_lib.{room}")
    parts = [f"# {room}", docstring_page(package.__doc__, modules_of(package))]
    parts += [module_part(f"{package.__name__}.{name}") for name in modules_of(package)]
    return "\n\n".join([*parts, ""])


def docstring_page(docstring: str, modules: list[str]) -> str:
    """A room's docstring, in which a list of modules becomes a table; the rest keeps its form."""
    parts = re.split(r"\n\s*\n", docstring.strip())
    return "\n\n".join(_table(part, modules) or _as_text(part) for part in parts)


def _as_text(part: str) -> str:
    return f"```text\n{part}\n```" if part.startswith(" ") else part


def _table(part: str, modules: list[str]) -> str | None:
    rows = [re.split(r" {2,}", line.strip()) for line in part.splitlines()]
    widths = {len(row) for row in rows}
    if len(widths) > 2 or min(widths) < 2:
        return None
    if rows[0][0] != "module":
        rows.insert(0, ["module", "what it holds", "chapter"][: max(widths)])
    head, *body = [[*row, ""][: max(widths)] for row in rows]
    body = [[f"[{row[0]}](#{row[0]})" if row[0] in modules else row[0], *row[1:]] for row in body]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ground_floor_page() -> str:
    parts = ["# The ground floor", "What every room stands on."]
    for name in GROUND_FLOOR:
        module = importlib.import_module(f"tutorial_lib.{name}")
        parts.append(module_part(module.__name__))
        if hasattr(module, "__path__"):
            parts += [module_part(f"{module.__name__}.{each}") for each in modules_of(module)]
    return "\n\n".join([*parts, ""])


def modules_of(package) -> list[str]:
    """Its modules, as the docstring orders them; packages of packages (`exercises.ch02`) aside."""
    found = [each.name for each in pkgutil.iter_modules(package.__path__) if not each.ispkg]
    words = re.findall(r"^\s*(\w+(?:, \w+)*) {2,}", package.__doc__, re.MULTILINE)
    order = [name for word in words for name in word.split(", ")]
    return sorted(
        found, key=lambda name: (order.index(name) if name in order else len(order), name)
    )


def module_part(module: str) -> str:
    title = module.split(".", 2)[-1]
    return f"## {title}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```"


# -- style, fonts, mathematics ---------------------------------------------------------------------

GARMENTS = "two-stage-fashion-mnist.png"
FONTS = {"source-sans-3": "Source Sans 3", "jetbrains-mono": "JetBrains Mono"}
MATHJAX = (
    "startup.js",
    "core.js",
    "loader.js",
    "input/tex-base.js",
    "input/tex/extensions/ams.js",
    "input/tex/extensions/newcommand.js",
    "output/chtml.js",
    "output/chtml/fonts/*.js",
    "output/chtml/fonts/woff-v2/*",
    "a11y/assistive-mml.js",
)


def static(packages: Path) -> dict[str, bytes]:
    """The style sheet and pictures of site/static, MathJax and the fonts."""
    found = {f"_static/{path.name}": path.read_bytes() for path in (SITE / "static").iterdir()}
    found["_static/garments.png"] = (ROOT / "results" / GARMENTS).read_bytes()
    mathjax = packages / "mathjax" / "es5"
    for path in (path for pattern in MATHJAX for path in mathjax.glob(pattern)):
        found[f"_static/mathjax/{path.relative_to(mathjax).as_posix()}"] = path.read_bytes()
    faces = []
    for package, family in FONTS.items():
        for style in ("normal", "italic"):
            name = f"{package}-latin-wght-{style}.woff2"
            path = packages / "@fontsource-variable" / package / "files" / name
            found[f"_static/fonts/{name}"] = path.read_bytes()
            faces.append(font_face(family, style, f"fonts/{name}"))
    found["_static/fonts.css"] = "\n".join(faces).encode()
    return found


def font_face(family: str, style: str, url: str) -> str:
    return (
        f'@font-face {{ font-family: "{family}"; font-style: {style}; font-weight: 200 900; '
        f'font-display: swap; src: url("{url}") format("woff2"); }}'
    )
