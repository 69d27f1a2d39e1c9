"""The address stands in one place, everything else is stamped from it, and it can be changed."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys

import colab_links
import nbformat
import notebook_pairs
import project_address
import pytest
import setup_cell
import stamping
import working_copy
from colab_links import linked, linked_readme, readme_problems, with_link
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import notebooks
from tutorial_lib import __version__

ADDRESS = project_address.address()
NEW = "https://github.com/Ada-L/codes.and_pixels"
ROOT = notebook_pairs.ROOT
SETUP = setup_cell.setup_source(ADDRESS)


def only(problems):
    (problem,) = problems
    return problem


# -- what an address is --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/", ".git", ".git/", " \n"])
def test_an_address_is_brought_into_its_plain_form(ending):
    assert project_address.checked(f"{NEW}{ending}") == NEW
    assert project_address.repository_name(f"{NEW}{ending}") == "codes.and_pixels"


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "ada/codes",
        "http://github.com/ada/codes",
        "https://gitlab.com/ada/codes",
        "https://github.com.evil.org/ada/codes",
        "https://github.com/ada",
        "https://github.com/ada/codes/tree/main",
        "https://github.com/ada/..",
        "https://github.com/-ada/codes",
        'https://github.com/ada/codes"; import os',
        "https://github.com/ada/codes)\nmore",
    ],
)
def test_what_cannot_be_the_address_is_refused_and_quoted(nonsense):
    with pytest.raises(project_address.AddressError) as refused:
        project_address.checked(nonsense)
    assert "https://github.com/OWNER/REPOSITORY" in str(refused.value)
    assert repr(nonsense) in str(refused.value)


def test_another_address_changes_one_line_of_pyproject():
    old = notebook_pairs.PYPROJECT.read_text(encoding="utf-8")
    new = project_address.with_address(old, NEW)
    changed = [(a, b) for a, b in zip(old.splitlines(), new.splitlines(), strict=True) if a != b]
    assert changed == [(f'Repository = "{ADDRESS}"', f'Repository = "{NEW}"')]
    with pytest.raises(project_address.AddressError, match="found 0"):
        project_address.with_address(old.replace("Repository =", "Homepage ="), NEW)


# -- links into Colab ----------------------------------------------------------------------------


def test_the_link_is_the_address_that_colab_gives_a_notebook_on_github():
    assert colab_links.colab_line("03_x", "https://github.com/me/it") == (
        "[Open in Colab](https://colab.research.google.com/github/me/it/blob/main/notebooks/03_x.ipynb)"
    )


@pytest.mark.parametrize(
    "before", ["# T\n\nText.", "# T\nText.", "# T\n\n[Open in Colab](x)\n\nText."]
)
def test_the_link_stands_alone_below_the_title_once(before):
    once = with_link(before, "[Open in Colab](y)")
    assert once == "# T\n\n[Open in Colab](y)\n\nText."
    assert with_link(once, "[Open in Colab](y)") == once


def test_a_notebook_without_a_title_is_named_and_left_alone():
    notebook = new_notebook(cells=[new_code_cell("x")])
    assert linked(notebook, "03_x", ADDRESS) == notebook
    assert "begins with a title" in only(colab_links.link_problems(notebook, "03_x", ADDRESS))


def test_links_to_live_pages_follow_the_address_and_other_pages_stay():
    text = "[mask](https://old.github.io/it/live/mask.html), [theirs](https://old.github.io/it/a)"
    title = new_markdown_cell("# T\n\n" + colab_links.line_of_links("03_x", ADDRESS))
    notebook = new_notebook(cells=[title, new_markdown_cell(text)])
    assert "links to live pages" in only(colab_links.link_problems(notebook, "03_x", ADDRESS))
    moved = linked(notebook, "03_x", "https://github.com/Ada/codes").cells[1].source
    assert moved == text.replace(
        "https://old.github.io/it/live", "https://ada.github.io/codes/live"
    )


README = """\
git clone https://github.com/old/name && cd name

| [01 a](notebooks/01_a.ipynb) | masks |
| [02 b](notebooks/02_b.ipynb) · [Colab](https://old) | more |

See [chapter 1](notebooks/01_a.ipynb) first.
"""


def test_the_readme_gets_a_link_for_each_row_of_its_table_and_nowhere_else():
    readme = linked_readme(README, NEW)
    assert readme.count("[Colab](") == 2 and "https://old" not in readme
    assert (
        f"[01 a](notebooks/01_a.ipynb) · [Colab]({colab_links.colab_url('01_a', NEW)}) |" in readme
    )
    assert f"git clone {NEW} && cd codes.and_pixels\n" in readme
    assert linked_readme(readme, NEW) == readme
    assert readme_problems(readme, ["01_a", "02_b"], NEW) == []


def test_a_readme_that_lags_behind_or_misses_a_chapter_is_caught():
    assert "run `make notebooks`" in only(readme_problems(README, ["01_a", "02_b"], NEW))
    stamped = linked_readme(README, NEW)
    assert "no row for 03_c" in only(readme_problems(stamped, ["01_a", "03_c"], NEW))
    assert "git clone" in only(readme_problems(stamped.replace("&& cd", "; cd"), ["01_a"], NEW))


# -- stamping and moving -------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    """A small copy of the project: its pyproject.toml, its README, one finished notebook."""
    shutil.copy(notebook_pairs.PYPROJECT, tmp_path)
    row = "| [01 a](notebooks/01_a.ipynb) | masks |"
    readme = linked_readme(f"git clone x && cd y\n\n{row}\n", ADDRESS)
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    cells = [new_markdown_cell("# 01 · A\n\nWords."), new_code_cell("6 * 7")]
    notebook = stamping.fully_stamped(new_notebook(cells=cells), "01_a", ADDRESS)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count, cell.outputs = count, [new_output("stream", text=f"{count}\n")]
    (pair,) = pairs_of(tmp_path, "01_a")
    notebook_pairs.write_text(notebook, pair.text)
    notebook_pairs.write_notebook(notebook_pairs.normalised(notebook), pair.notebook)
    return tmp_path


def pairs_of(root, name):
    folder = root / "notebooks"
    return [notebook_pairs.Pair(folder / f"{name}.ipynb", folder / "text" / f"{name}.py")]


def contents(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_moving_leaves_nothing_of_the_old_address_and_moving_back_changes_no_byte(project):
    before = contents(project)
    assert set(stamping.move(NEW, project)) == set(before)
    after = contents(project)
    assert after.keys() == before.keys()
    part = ADDRESS.removeprefix("https://github.com/").encode()
    assert not any(part in content for content in after.values())
    assert all(NEW.removeprefix("https://github.com/").encode() in each for each in after.values())
    assert stamping.move(NEW, project) == []
    stamping.move(ADDRESS, project)
    assert contents(project) == before


def test_moving_keeps_every_output_id_and_count(project):
    (pair,) = pairs_of(project, "01_a")

    def kept():
        cells = notebook_pairs.read_notebook(pair.notebook).cells
        return [(c.id, c.get("outputs"), c.get("execution_count")) for c in cells]

    before = kept()
    assert [outputs for _, outputs, _ in before if outputs]
    stamping.move(NEW, project)
    assert kept() == before


def test_nonsense_changes_nothing(project):
    before = contents(project)
    with pytest.raises(project_address.AddressError):
        stamping.move("https://example.org/x", project)
    assert contents(project) == before


@pytest.mark.parametrize("good_writes", range(4))
def test_a_move_that_fails_half_way_changes_nothing(project, monkeypatch, good_writes):
    before, write, written = contents(project), notebook_pairs.write, []

    def full_after_some(path, content):
        if len(written) == good_writes:
            path.with_name(path.name + ".part").write_text("half")
            raise OSError(28, "No space left on device")
        written.append(path)
        write(path, content)

    monkeypatch.setattr(stamping, "write", full_after_some)
    with pytest.raises(OSError, match="No space"):
        stamping.move(NEW, project)
    assert len(written) == good_writes and contents(project) == before


def test_the_command_refuses_nonsense_with_one_line_and_status_1(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "move", "codes"])
    before = notebook_pairs.PYPROJECT.read_bytes()
    assert notebooks.main() == 1
    assert "got 'codes'" in capsys.readouterr().err
    assert notebook_pairs.PYPROJECT.read_bytes() == before


def test_the_address_is_written_by_hand_in_pyproject_only():
    """Wherever else it stands, it is stamped: README, notebooks, texts."""
    found = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            each for each in folders if not each.startswith((".", "_")) and "egg" not in each
        ]
        if working_copy.MANIFEST in files:  # a learner's copy, which is no part of the project
            folders[:] = files[:] = []
        for file in files:
            if file.endswith((".py", ".md", ".toml", ".yml", ".txt", ".ipynb")):
                with open(os.path.join(folder, file), encoding="utf-8") as content:
                    if re.search(re.escape(ADDRESS), content.read()):
                        found.add(os.path.relpath(os.path.join(folder, file), ROOT))
    stamped = {f"notebooks/{pair.name}.ipynb" for pair in notebook_pairs.find_pairs()}
    stamped |= {f"notebooks/text/{pair.name}.py" for pair in notebook_pairs.find_pairs()}
    assert {path.replace(os.sep, "/") for path in found} == {
        "pyproject.toml",
        "README.md",
    } | stamped


# -- the setup cell at work ----------------------------------------------------------------------


@pytest.fixture
def pip(monkeypatch):
    """The commands that the setup cell would run, on a machine without the package."""
    commands, invalidated = [], []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, run.returncode, stderr=run.stderr)

    run.returncode, run.stderr = 0, ""
    run.commands, run.invalidated = commands, invalidated
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(importlib, "invalidate_caches", lambda: invalidated.append(True))
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("TUTORIAL_LIB_SPEC", raising=False)
    return run


def test_the_setup_cell_installs_from_the_address_and_looks_again(pip, capsys):
    exec(SETUP, {})
    assert only(pip.commands)[1:] == ["-m", "pip", "install", "--quiet", f"git+{ADDRESS}"]
    assert only(pip.commands)[0] == sys.executable and pip.invalidated == [True]
    assert "tutorial_lib" in capsys.readouterr().out  # the line about the machine


def test_the_setup_cell_installs_what_the_environment_variable_names(pip, monkeypatch):
    monkeypatch.setenv("TUTORIAL_LIB_SPEC", "some.whl")
    exec(SETUP, {})
    assert only(pip.commands)[-1] == "some.whl"


@pytest.mark.parametrize("nothing", ["", " "])
def test_a_variable_without_a_name_is_as_none(pip, monkeypatch, nothing):
    monkeypatch.setenv("TUTORIAL_LIB_SPEC", nothing)
    exec(SETUP, {})
    assert only(pip.commands)[-1] == f"git+{ADDRESS}"


def test_a_notebook_says_that_it_was_written_for_another_version(capsys):
    exec(SETUP, {})
    assert "was written for" not in capsys.readouterr().out
    exec(SETUP.replace(__version__, "0.0.7"), {})
    assert f"written for tutorial_lib 0.0.7, and {__version__} is" in capsys.readouterr().out


def test_the_setup_cell_installs_nothing_where_the_package_is(pip, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    exec(SETUP, {})
    assert pip.commands == []


OFFLINE = (
    "fatal: unable to access 'https://github.com/': Could not resolve host: github.com",
    "NewConnectionError(...: Failed to establish a new connection: [Errno -3] Temporary failure in "
    "name resolution')",
    "NameResolutionError(...: Failed to resolve 'example.org' ([Errno 11001] getaddrinfo failed)",
)
ELSE = (
    "ERROR: Package 'from-pixels-to-codes' requires a different Python: 3.9.2 not in '>=3.10'",
    "ERROR: ResolutionImpossible: for help visit https://example.org/dependency-resolution/#conflicts",
    "error: could not write to 'build': No space left on device",
    "/usr/bin/python3: No module named pip",
)


@pytest.mark.parametrize("words", OFFLINE + ELSE)
def test_an_install_that_fails_quotes_the_end_of_pips_own_words(pip, words):
    pip.returncode, pip.stderr = 1, "Running a command\n" * 1000 + words
    with pytest.raises(RuntimeError) as failed:
        exec(SETUP, {})
    assert str(failed.value).endswith(words) and len(str(failed.value)) < 2100
    assert ("Go online" in str(failed.value)) is (words in OFFLINE)


def test_the_formatter_leaves_the_setup_cell_as_it_is_however_long_the_address():
    longest = f"https://github.com/{'o' * 39}/{'r' * 29}"  # 88 characters
    notebook = new_notebook(cells=[new_code_cell(setup_cell.setup_source(longest))])
    source = notebook.cells[0].source
    assert notebook_pairs.formatted(notebook).cells[0].source == source
    assert len(source.splitlines()) <= 15


def test_stored_notebooks_are_valid_after_stamping(project):
    stamping.move(NEW, project)
    stamped = nbformat.read(project / "notebooks" / "01_a.ipynb", 4)
    nbformat.validate(stamped)  # raises if it is not
    assert any(NEW in cell.source for cell in stamped.cells)


def test_each_chapter_links_those_beside_it_the_contents_and_the_glossary():
    names = list(colab_links.chapters())
    for before, name, after in zip(names, names[1:], names[2:], strict=False):
        line = colab_links.line_of_links(name, ADDRESS)
        for target in (f"{before}.ipynb", f"{after}.ipynb", "#Contents", "#Glossary"):
            assert target in line
    start = (notebook_pairs.NOTEBOOKS / "text" / "00_start_here.py").read_text("utf-8")
    assert "# ## Contents\n" in start and "# ## Glossary\n" in start
    assert "←" not in colab_links.line_of_links(names[0], ADDRESS)
    assert "→" not in colab_links.line_of_links(names[-1], ADDRESS)
