"""The parts of the site's build: its sources, its links, its docstrings. `make site` builds it."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass

import colab_links
import npm_packages
import project_address
import pytest
import site_figures
import site_front as front
import site_links
import site_sources as sources
from colab_links import linked_readme
from docstrings_as_rst import as_rst, signature_as_written
from nbformat.v4 import new_code_cell, new_notebook, new_output
from torch import Tensor

from tutorial_lib.contracts import OddSides

ROOT = project_address.PYPROJECT.parent
ADDRESS = project_address.address()

# -- sources ---------------------------------------------------------------------------------------


def notebook_of(*cells):
    return new_notebook(cells=list(cells))


def tags_of(cell):
    return sources.tagged(notebook_of(cell)).cells[0].metadata["tags"]


def test_folded_cells_cards_and_checks_say_so_by_tags():
    folded = new_code_cell("x = 1", metadata={"jupyter": {"source_hidden": True}})
    assert tags_of(folded) == ["hide-input"]
    assert tags_of(new_code_cell("ch02.causal_mask.card()")) == ["exercise-card"]
    assert tags_of(new_code_cell("f = ch02.f.check(f)")) == ["exercise-check"]
    assert tags_of(new_code_cell("x = 1")) == []


def test_every_card_of_the_chapters_is_shown_as_one():
    cards = 0
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = sources.tagged(sources.read(path)).cells
        shown = [c for c in cells if c.cell_type == "code" and "exercise-card" in c.metadata.tags]
        cards += len(shown)
        assert all(any("text/markdown" in o.get("data", {}) for o in c.outputs) for c in shown)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert str(cards) == front.filled("{n_exercises}", readme, {"a": "b"}, ROOT / "nowhere")


def test_the_sources_are_written_once_and_what_is_no_source_goes(tmp_path):
    (tmp_path / "old.md").write_text("old")
    sources.write_all(tmp_path, {"a/b.md": b"new"})
    before = (tmp_path / "a" / "b.md").stat().st_mtime_ns
    sources.write_all(tmp_path, {"a/b.md": b"new"})
    assert (tmp_path / "a" / "b.md").stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.rglob("*.md")] == ["b.md"]


def test_the_glossary_is_that_of_the_first_notebook_and_links_each_chapter():
    page = sources.glossary()
    assert page.startswith("# Glossary\n") and "| raster order |" in page
    assert "| [12](notebooks/12_training_a_vqvae.ipynb), [13](notebooks/" in page
    assert "How the notebooks work" not in page


def test_the_table_of_equations_has_a_row_for_each():
    rows = re.findall(r"^\| \d+ \|.*\{py:obj\}", sources.equations(), re.MULTILINE)
    assert len(rows) == len(sources.EQUATIONS)


def test_each_room_has_a_page_with_all_its_modules():
    pages = sources.reference()
    assert "automodule:: tutorial_lib.pixels.masks\n" in pages["reference/pixels.md"].decode()
    for room in (ROOT / "tutorial_lib").iterdir():
        if (room / "__init__.py").is_file() and room.name not in sources.GROUND_FLOOR:
            page = pages[f"reference/{room.name}.md"].decode()
            modules = [path.stem for path in room.glob("*.py") if path.stem != "__init__"]
            assert all(f"tutorial_lib.{room.name}.{module}\n" in page for module in modules)


def test_a_list_of_modules_becomes_a_table_and_prose_stays():
    page = sources.docstring_page("Two.\n\n    one    first\n    two    second\n\nEnd.", ["one"])
    assert page == (
        "Two.\n\n| module | what it holds |\n| --- | --- |\n| [one](#one) | first |\n"
        "| two | second |\n\nEnd."
    )


def test_the_front_page_has_every_chapter_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [path.stem for path in (ROOT / "notebooks").glob("*.ipynb")]
    table = front.chapter_table(readme)
    assert all(f"](notebooks/{name}.ipynb) | " in table for name in names)


def test_a_live_page_is_linked_when_it_is_there(tmp_path):
    mark = "<!-- live models -->"
    assert front.filled(mark, "", {"a": "b"}, tmp_path) == ""
    (tmp_path / "bound.html").touch()
    assert 'href="live/bound.html"' in front.filled(mark, "", {"a": "b"}, tmp_path)
    assert "complete" not in front.live_page(tmp_path)


def test_each_live_page_belongs_to_a_chapter_that_exists():
    names = [name for each in front.LIVE for name in each.chapters]
    assert all((ROOT / "notebooks" / f"{name}.ipynb").is_file() for name in names)
    assert len(names) == len(set(names))  # one link is enough for a chapter


def test_the_chapters_of_a_live_page_link_it_by_the_sites_address():
    for live in front.LIVE:
        for name in live.chapters:
            line = colab_links.line_of_links(name, "https://github.com/Ada/it")
            assert f"[Live: {live.title}](https://ada.github.io/it/live/{live.page}.html)" in line
    assert "Live" not in colab_links.line_of_links("01_images_as_sequences", ADDRESS)


# -- docstrings ------------------------------------------------------------------------------------


def test_a_docstring_keeps_what_is_set_by_hand():
    lines = ["Taps of `x` and *y*, a*b.", "", "    1 1", "    1 0", "", ">>> f(x_)", "2"]
    assert as_rst(lines) == [
        "Taps of ``x`` and *y*, a\\*b.",
        "",
        ".. code-block:: text",
        "",
        "       1 1",
        "       1 0",
        "",
        "   >>> f(x_)",
        "   2",
        "",
    ]


def test_a_signature_is_shown_as_it_is_written():
    pytest.importorskip("sphinx", reason="needs the extra `site`")

    def mask(size: OddSides, *, center: bool = True) -> Tensor: ...

    assert signature_as_written(mask) == ("(size: OddSides, *, center: bool = True)", "Tensor")

    @dataclass
    class Sides:
        height: OddSides
        width: int | None = None

    assert signature_as_written(Sides) == ("(height: OddSides, width: int | None = None)", None)


# -- figures ---------------------------------------------------------------------------------------


def test_a_figure_has_the_words_of_its_output():
    png = b"a picture"
    output = new_output(
        "display_data",
        {"image/png": base64.b64encode(png).decode(), "text/plain": "<Figure size 1x1>"},
        metadata={"image/png": {"alt": "A mask."}},
    )
    told = site_figures.alternatives(notebook_of(new_code_cell("", outputs=[output])))
    assert told == {hashlib.sha256(png).hexdigest(): "A mask."}
    del output.metadata["image/png"]
    told = site_figures.alternatives(notebook_of(new_code_cell("", outputs=[output])))
    assert [*told.values()] == [""]


# -- links -----------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path):
    def write(**pages):
        for name, text in pages.items():
            path = tmp_path / f"{name.replace('__', '/')}.html"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize(
    "link, told",
    [
        ('<a href="b.html#here">', None),
        ('<a href="deep/">', None),
        ('<a href="#top">', None),
        ('<a href="https://elsewhere.org/x">', None),
        ('<a href="c.html">', "c.html leads to no file"),
        ('<a href="../outside.html">', "leads to no file"),
        ('<a href="b.html#there">', "names a place that is not on that page"),
        ('<img src="x.png">', "x.png leads to no file"),
        ('<script src="https://cdn.org/x.js"></script>', "from elsewhere"),
        ('<link rel="stylesheet" href="//cdn.org/x.css">', "from elsewhere"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(site, link, told):
    folder = site(a=link, b='<h2 id="here">', deep__index="x")
    (folder.parent / "outside.html").touch()
    _, problems = site_links.check(folder)
    assert problems == [] if told is None else told in problems[0]


def test_links_to_the_sites_own_address_work_on_any_machine(site):
    own = "https://me.github.io/it/"
    folder = site(deep__a=f'<a href="{own}live/x.html#a"><a href="{own}"><a href="{own[:-1]}-b/">')
    site_links.finish(folder, own)
    text = (folder / "deep" / "a.html").read_text()
    assert text == f'<a href="../live/x.html#a"><a href="../index.html"><a href="{own[:-1]}-b/">'


def test_the_index_of_words_is_fetched_by_the_page_that_searches_only(site):
    search = '<script src="../searchindex.js?v=1"></script>'
    icons = '<script defer src="../_static/scripts/fontawesome.js?digest=0"></script>'
    folder = site(a=search + icons, search=search + icons)
    site_links.finish(folder, "https://me.github.io/it/")
    assert (folder / "a.html").read_text() == ""
    assert (folder / "search.html").read_text() == search


# -- address and packages --------------------------------------------------------------------------


def test_the_site_lies_where_github_shows_the_projects_pages():
    where = "https://github.com/Ada-L/codes.and_pixels"
    assert project_address.pages_address(where) == "https://ada-l.github.io/codes.and_pixels/"


def test_a_move_takes_the_readmes_link_to_the_site_along():
    old = "[the site](https://ada.github.io/codes/) and [live](https://ada.github.io/codes/live/)"
    new = linked_readme(old, "https://github.com/Bob/its")
    assert new == old.replace("ada.github.io/codes/", "bob.github.io/its/")


def test_the_readme_links_the_site():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"({project_address.pages_address(project_address.address())})" in readme


def test_packages_are_pinned_exactly_and_no_file_names_a_registry():
    for name, version in npm_packages.pins(ROOT / "site" / "package.json").items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
    assert not (ROOT / "site" / "package-lock.json").exists()


def test_packages_that_are_there_are_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setattr(npm_packages.shutil, "which", lambda name: None)
    wanted = tmp_path / "package.json"
    wanted.write_text(json.dumps({"dependencies": {"@a/b": "1.2.3"}}))
    with pytest.raises(npm_packages.NpmError, match="needs npm.*install Node.js"):
        npm_packages.fetch(wanted, tmp_path / "build")
    package = tmp_path / "build" / "node_modules" / "@a" / "b"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"version": "1.2.3"}')
    assert npm_packages.fetch(wanted, tmp_path / "build") == package.parent.parent


def test_the_workflow_publishes_what_make_site_builds():
    workflow = (ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8")
    assert "- run: make site\n" in workflow and "path: site/_build/html\n" in workflow
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\nsite:\n" in makefile and "make site" in (ROOT / ".ci" / "run").read_text()
