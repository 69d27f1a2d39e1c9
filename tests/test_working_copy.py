"""A learner works on a copy: no update and no git command takes an answer away, or is refused."""

import datetime
import json
import os
import re
import shutil
import subprocess
import sys

import notebook_pairs
import open_lab
import pytest
import working_copy
from nbformat import read, writes
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_pairs import ROOT, write_notebook
from project_address import tomllib

MASKS, GATED = "notebooks/02_masks.ipynb", "notebooks/04_gated.ipynb"
RESULT = "results/long-run.json"
MONDAY, TUESDAY = datetime.date(2026, 11, 30), datetime.date(2026, 12, 1)
NEW = "notebooks/02_masks (new 2026-11-30).ipynb"


def chapter(stub="____", output="not attempted"):
    cells = [new_markdown_cell("# 02 · Masks"), new_code_cell(stub), new_code_cell("check()")]
    cells[2].outputs = [new_output("display_data", {"text/html": f"<b>{output}</b>"})]
    for number, cell in enumerate(cells):
        cell.id = str(number)
    return new_notebook(cells=cells)


@pytest.fixture(autouse=True)
def own_signatures(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


def publish(project, name, stub):
    """A chapter as its authors leave it, with its text."""
    write_notebook(chapter(stub), project / name)
    text = project / "notebooks" / "text" / (project / name).with_suffix(".py").name
    notebook_pairs.write_text(chapter(stub), text)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "a project"
    publish(folder, MASKS, "____")
    publish(folder, GATED, "____")
    notebook_pairs.write(folder / RESULT, '{"bits": 1}\n')
    return folder


@pytest.fixture
def copy(project, tmp_path):
    folder = tmp_path / "ünder way" / "mine"
    working_copy.hand_out(project, folder, MONDAY)
    return folder


def cells(path):
    return [cell.source for cell in read(path, as_version=4).cells]


def answer(path, stub="return mask", **changes):
    write_notebook(chapter(stub, **changes), path)


def update(project, copy, day=MONDAY, stub="____  # clearer", name=MASKS):
    publish(project, name, stub)
    return working_copy.hand_out(project, copy, day)


def listed(copy):
    return sorted(path.name for path in (copy / "notebooks").iterdir())


# -- handed out ----------------------------------------------------------------------------------


def test_a_copy_holds_every_chapter_and_what_chapters_look_up_beside_them(project, copy):
    for name in (MASKS, GATED, RESULT):
        assert (copy / name).read_bytes() == (project / name).read_bytes()


def test_a_second_time_nothing_changes(project, copy):
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert working_copy.hand_out(project, copy) == ([], [], [], [], [])
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_a_deleted_chapter_is_handed_out_afresh(project, copy):
    answer(copy / MASKS)
    (copy / MASKS).unlink()
    assert working_copy.hand_out(project, copy).new == ["02_masks"]
    assert cells(copy / MASKS) == cells(project / MASKS)


# -- updated -------------------------------------------------------------------------------------


def test_an_unchanged_chapter_is_replaced_by_its_new_version(project, copy):
    answer(copy / MASKS, "____", output="run")  # other outputs, the same cells
    assert update(project, copy).replaced == ["02_masks"]
    assert "____  # clearer" in cells(copy / MASKS)
    assert listed(copy) == ["02_masks.ipynb", "04_gated.ipynb"]


def test_the_empty_cell_that_running_the_last_one_adds_is_no_answer(project, copy):
    notebook = chapter()
    notebook.cells.append(new_code_cell(""))
    write_notebook(notebook, copy / MASKS)
    assert update(project, copy).replaced == ["02_masks"]


def by_another_editor(content: dict) -> dict:
    """As VS Code and Colab note things, in the format before cells had ids, outputs cleared."""
    content["metadata"] = {"colab": {"provenance": []}, "vscode": {"interpreter": {"hash": "x"}}}
    content["nbformat_minor"] = 4
    for number, cell in enumerate(content["cells"]):
        cell.pop("id")
        cell["metadata"] = {"id": f"c{number}", "vscode": {"languageId": "python"}}
        cell["source"] = "".join(cell["source"])
        cell.update({"outputs": []} if cell["cell_type"] == "code" else {})
    return content


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_another_editor_notes_is_no_answer(project, copy, line_end, mark):
    content = by_another_editor(json.loads((copy / MASKS).read_text(encoding="utf-8")))
    saved = mark + json.dumps(content, indent=2).replace("\n", line_end)
    (copy / MASKS).write_bytes(saved.encode())
    assert working_copy.hand_out(project, copy) == ([], [], [], [], [])
    assert update(project, copy).replaced == ["02_masks"]


def test_a_chapter_saved_in_an_older_format_is_kept(project, copy):
    older = writes(read(copy / MASKS, as_version=4), version=3)
    (copy / MASKS).write_text(older, encoding="utf-8")
    assert update(project, copy).beside == ["02_masks (new 2026-11-30).ipynb"]
    assert (copy / MASKS).read_text(encoding="utf-8") == older


def test_an_answer_is_kept_and_the_new_version_lies_beside_it(project, copy):
    answer(copy / MASKS)
    assert update(project, copy).beside == ["02_masks (new 2026-11-30).ipynb"]
    assert "return mask" in cells(copy / MASKS)
    assert "____  # clearer" in cells(copy / NEW)


def test_the_new_version_is_put_beside_an_answer_once(project, copy):
    answer(copy / MASKS)
    update(project, copy)
    assert working_copy.hand_out(project, copy, TUESDAY).beside == []
    (copy / NEW).unlink()
    assert working_copy.hand_out(project, copy, TUESDAY).beside == []
    assert listed(copy) == ["02_masks.ipynb", "04_gated.ipynb"]


def test_a_copy_that_was_broken_off_before_its_record_was_written_puts_nothing_beside_twice(
    project, copy
):
    answer(copy / MASKS)
    before = (copy / working_copy.MANIFEST).read_bytes()
    update(project, copy)
    (copy / working_copy.MANIFEST).write_bytes(before)
    working_copy.hand_out(project, copy, MONDAY)
    assert listed(copy) == [
        "02_masks (new 2026-11-30).ipynb", "02_masks.ipynb", "04_gated.ipynb"
    ]  # fmt: skip


def test_without_a_new_version_nothing_is_put_beside_an_answer(project, copy):
    answer(copy / MASKS)
    assert working_copy.hand_out(project, copy).beside == []


def test_a_still_newer_version_takes_the_place_of_one_that_nobody_touched(project, copy):
    answer(copy / MASKS)
    update(project, copy)
    update(project, copy, TUESDAY, "____  # clearer still")
    assert listed(copy) == [
        "02_masks (new 2026-12-01).ipynb", "02_masks.ipynb", "04_gated.ipynb"
    ]  # fmt: skip


def test_answers_in_the_new_version_are_kept_too(project, copy):
    answer(copy / MASKS)
    update(project, copy)
    answer(copy / NEW, "return another")
    update(project, copy, MONDAY, "____  # clearer still")
    assert "return another" in cells(copy / NEW) and "return mask" in cells(copy / MASKS)
    assert "____  # clearer still" in cells(copy / "notebooks/02_masks (new 2026-11-30, 2).ipynb")


def test_going_on_with_the_new_version_makes_it_the_copy(project, copy):
    answer(copy / MASKS)
    update(project, copy)
    os.replace(copy / NEW, copy / MASKS)
    working_copy.hand_out(project, copy)
    assert update(project, copy, stub="____  # third").replaced == ["02_masks"]


@pytest.mark.parametrize(
    "damage",
    [
        *("", "{", "[]", '{"notebooks/02_masks.ipynb": 3}', None),
        '{"notebooks/02_masks.ipynb": {"beside": "../../elsewhere", "was": 3}}',
        '{"notebooks/02_masks.ipynb": {"beside": 3, "offered": 4}}',
    ],
)
def test_without_a_record_everything_different_counts_as_an_answer(project, copy, damage):
    answer(copy / MASKS)
    manifest = copy / working_copy.MANIFEST
    manifest.unlink() if damage is None else manifest.write_text(damage)
    assert update(project, copy).beside == ["02_masks (new 2026-11-30).ipynb"]
    assert "return mask" in cells(copy / MASKS)
    assert cells(copy / GATED) == cells(project / GATED)


def test_a_half_written_notebook_is_kept(project, copy):
    (copy / MASKS).write_text('{"cells": [{"cell_')
    assert update(project, copy).beside
    assert (copy / MASKS).read_text() == '{"cells": [{"cell_'


def test_files_of_the_learner_that_are_called_like_ours_are_kept(project, tmp_path):
    folder = tmp_path / "documents"
    notebook_pairs.write(folder / RESULT, "mine")
    answer(folder / MASKS)
    working_copy.hand_out(project, folder)
    assert (folder / RESULT).read_text() == "mine" and "return mask" in cells(folder / MASKS)


def test_a_chapter_that_is_gone_goes_from_the_copy_unless_it_was_answered(project, copy):
    answer(copy / MASKS)
    for name in (MASKS, GATED):
        publish(project, name.replace("/", "/09_"), "____")
        (project / name).unlink()
    working_copy.hand_out(project, copy)
    assert listed(copy) == ["02_masks.ipynb", "09_02_masks.ipynb", "09_04_gated.ipynb"]


def test_a_learner_is_told_in_a_sentence_what_was_put_where(project, copy):
    answer(copy / MASKS)
    publish(project, GATED, "new")
    where, replaced, beside = working_copy.told(update(project, copy), copy)
    assert str(copy) in where and replaced == "You get their new version: 04_gated."
    assert beside == (
        "You have changed these chapters: yours stay, the new ones lie beside them: "
        "02_masks (new 2026-11-30).ipynb."
    )


# -- read from there -----------------------------------------------------------------------------

NEAR = re.compile(
    r'"(\.\./[^"]+)"|\]\((?!https?:|#|mailto:)([^)\s]+)\)'
)  # a path in code, a link in words


def paths_named(notebook):
    """What the cells of a chapter name relative to where it lies."""
    named = set()
    for cell in notebook.cells:
        in_code = cell.cell_type == "code"
        found = NEAR.findall(cell.source)
        named |= {code if in_code else link for code, link in found if (code if in_code else link)}
    return {name.partition("#")[0] for name in named}


def test_what_chapters_read_and_link_beside_them_is_in_the_copy(tmp_path):
    assert working_copy.hand_out(ROOT, tmp_path / "mine").damaged == []
    chapters = sorted((tmp_path / "mine" / "notebooks").glob("*.ipynb"))
    named = {name for path in chapters for name in paths_named(read(path, as_version=4))}
    looked_up = {"../results/gated-binarized-mnist.json", "../benchmarks/results/gated_parts.json"}
    assert {*looked_up, "01_images_as_sequences.ipynb"} <= named
    assert [name for name in named if not (chapters[0].parent / name).exists()] == []


# -- where ---------------------------------------------------------------------------------------


def test_a_place_that_belongs_to_the_project_is_refused(project):
    for place in (project, project / "notebooks", project / "notebooks" / "mine"):
        with pytest.raises(working_copy.CopyError, match="belongs to the project"):
            working_copy.hand_out(project, place)
    with pytest.raises(working_copy.CopyError, match="is a file"):
        working_copy.hand_out(project, project / MASKS)
    assert sorted(each.name for each in project.iterdir()) == ["notebooks", "results"]


def test_a_copy_inside_the_project_that_was_broken_off_goes_on(project, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(working_copy, "sources", killed)
        working_copy.hand_out(project, project / "mine")
    assert working_copy.hand_out(project, project / "mine").new == [
        "02_masks",
        "04_gated",
        "long-run",
    ]
    (project / "mine" / working_copy.MANIFEST).unlink()
    assert working_copy.hand_out(project, project / "mine") == ([], [], [], [], [])


def test_a_folder_that_cannot_be_written_is_named_with_what_to_do(project, monkeypatch, tmp_path):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(working_copy.CopyError, match="no space left.*make lab COPY=FOLDER"):
        working_copy.hand_out(project, tmp_path / "mine")


# -- git -----------------------------------------------------------------------------------------


def git(folder, *arguments):
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "core.autocrlf=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clone(project, tmp_path):
    if not shutil.which("git"):
        pytest.skip("needs git")
    git(project, "init", "--initial-branch=main")
    git(project, "add", "--all")
    git(project, "commit", "--message=one")
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    return tmp_path / "clone"


def test_git_sees_nothing_of_a_copy_inside_the_clone_and_pulls_beside_an_answer(project, clone):
    mine = clone / "anything"
    working_copy.hand_out(clone, mine)
    answer(mine / MASKS)
    assert git(clone, "status", "--porcelain") == ""
    publish(project, MASKS, "____  # clearer")
    git(project, "commit", "--all", "--message=two")
    git(clone, "pull", "--quiet")
    assert working_copy.hand_out(clone, mine).beside
    assert "return mask" in cells(mine / MASKS) and git(clone, "status", "--porcelain") == ""


def test_answers_that_were_written_into_the_project_itself_are_answers_in_the_copy(clone):
    """From the time before there was a copy."""
    answer(clone / MASKS)
    copied = working_copy.hand_out(clone, clone / "mine")
    assert copied.own == ["02_masks"]
    assert "pull again: 02_masks." in working_copy.told(copied, clone / "mine")[1]
    git(clone, "restore", ".")
    working_copy.hand_out(clone, clone / "mine")
    assert "return mask" in cells(clone / "mine" / MASKS)


def test_answers_in_a_project_without_git_outlive_the_next_download(project, tmp_path):
    answer(project / MASKS)
    assert working_copy.hand_out(project, tmp_path / "mine").own == ["02_masks"]
    assert update(project, tmp_path / "mine").beside == ["02_masks (new 2026-11-30).ipynb"]
    assert "return mask" in cells(tmp_path / "mine" / MASKS)


def test_a_learners_own_notebook_in_the_projects_folder_stays_in_the_copy(project, tmp_path):
    duplicate = "notebooks/02_masks-Copy1.ipynb"
    answer(project / duplicate)
    working_copy.hand_out(project, tmp_path / "mine")
    (project / duplicate).unlink()
    working_copy.hand_out(project, tmp_path / "mine")
    assert "return mask" in cells(tmp_path / "mine" / duplicate)


def test_no_chapter_of_the_project_counts_as_written_into_also_with_windows_line_ends(tmp_path):
    chapters = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert [path.name for path in chapters if working_copy.is_edited(path)] == []
    for path in (chapters[0], ROOT / "notebooks" / "text" / f"{chapters[0].stem}.py"):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert not working_copy.is_edited(tmp_path / chapters[0].relative_to(ROOT))


@pytest.mark.parametrize("name", [MASKS, RESULT])
@pytest.mark.parametrize("damage", ["<<<<<<< HEAD\n{", "", '{"cells": [3', "[" * 10**5])
def test_a_damaged_file_of_the_project_is_not_handed_out_and_is_named(project, copy, name, damage):
    before = (copy / name).read_bytes()
    notebook_pairs.write(project / name, damage)
    copied = working_copy.hand_out(project, copy)
    assert copied.damaged == [(copy / name).stem] and not copied.replaced
    assert "git merge --abort" in working_copy.told(copied, copy)[-1]
    assert (copy / name).read_bytes() == before


@pytest.mark.parametrize("odd", ["[]", '{"cells": [3]}', '{"worksheets": []}', '{"cells": []}'])
def test_a_chapter_without_cells_is_damaged(project, copy, odd):
    notebook_pairs.write(project / MASKS, odd)
    assert working_copy.hand_out(project, copy).damaged == ["02_masks"]


def test_lines_of_json_are_handed_out_if_each_of_them_is_whole(project, copy):
    name = "results/steps.jsonl"
    notebook_pairs.write(project / name, '{"step": 1}\n{"step": 2}\n')
    assert working_copy.hand_out(project, copy).new == ["steps"]
    notebook_pairs.write(project / name, '{"step": 1}\n=======\n')
    assert working_copy.hand_out(project, copy).damaged == ["steps"]


def test_the_copy_that_make_lab_opens_is_ignored_by_git():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert f"/{working_copy.FOLDER}/" in ignored
    assert open_lab.arguments([])[0].copy == ROOT / working_copy.FOLDER


# -- trusted, and paired with nothing ------------------------------------------------------------


def trusted(path):
    notary = NotebookNotary()
    try:
        return notary.check_signature(read(path, as_version=4))
    finally:
        notary.store.close()


def test_a_copy_is_trusted_and_only_where_its_outputs_are_the_projects(project, copy):
    assert trusted(copy / MASKS) and trusted(copy / GATED)
    answer(copy / MASKS, output="<script>elsewhere()</script>")
    working_copy.hand_out(project, copy)
    assert not trusted(copy / MASKS)
    update(project, copy)
    assert trusted(copy / NEW)


def test_trust_is_given_anew_where_the_store_was_emptied(project, copy, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "another user"))
    assert not trusted(copy / MASKS)
    working_copy.hand_out(project, copy)
    assert trusted(copy / MASKS)


def test_no_setting_pairs_a_notebook_outside_the_projects_tools():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "jupytext" not in settings["tool"]
    assert not [*ROOT.glob("*jupytext*"), *(ROOT / "notebooks").glob("*jupytext*")]
    for pair in notebook_pairs.find_pairs():
        content = json.loads(pair.notebook.read_text(encoding="utf-8"))
        assert "jupytext" not in content["metadata"]
        assert "formats:" not in pair.text.read_text(encoding="utf-8")[:1000]


def test_the_probe_of_pairing_sees_a_pairing():
    assert "jupytext" in tomllib.loads('[tool.jupytext]\nformats = "ipynb,py"')["tool"]


# -- opened --------------------------------------------------------------------------------------


def test_lab_opens_the_copy_and_says_where_it_is(project, monkeypatch, tmp_path, capsys):
    started = []
    monkeypatch.setattr(open_lab, "ROOT", project)
    monkeypatch.setattr(open_lab, "replace_process", lambda *call: started.append(call) or 0)
    assert open_lab.main(["--copy", str(tmp_path / "mine"), "--port", "9000", "--debug"]) == 0
    ((command, _, folder),) = started
    assert folder == tmp_path / "mine" and f"--ServerApp.root_dir={folder}" in command
    assert command[0] == sys.executable and command[-1] == "--debug"
    assert str(folder) in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "latin-1"])
def test_lab_names_its_folder_on_any_terminal(tmp_path, encoding):
    script = "import open_lab; open_lab.replace_process = lambda *call: 0; "
    script += f"raise SystemExit(open_lab.main(['--copy', {str(tmp_path / 'Käse日本')!r}]))"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT / "tools")}
    command = [sys.executable, "-X", "utf8", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"Your own copy of the notebooks lies in" in done.stdout and b"u65e5" in done.stdout


def test_lab_says_why_it_does_not_open(project, monkeypatch, capsys):
    monkeypatch.setattr(open_lab, "ROOT", project)
    assert open_lab.main(["--copy", str(project)]) == 1
    assert "belongs to the project" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize(
    "folder", ["my own/copy", "Käse's", 'a "b" `c`', "-x", "$5 (new), 100%", "a;b & c#d", ""]
)
def test_make_passes_the_folder_on_as_it_was_typed(folder, tmp_path):
    probe = tmp_path / "probe.py"
    probe.write_text("#!/bin/sh\nshift\nprintf '%s\\n' \"$@\"\n")
    probe.chmod(0o755)
    command = ["make", "lab", f"PYTHON={probe}", f"COPY={folder}", "ARGS=--port 9000"]
    alone = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "env": alone}
    done = subprocess.run(command, cwd=ROOT, **options)
    named = [f"--copy={folder}"] if folder else []
    assert done.stdout.splitlines() == ["lab", *named, "--port", "9000"], done.stderr


@pytest.mark.parametrize("name", ["-x", "~no-such-user", "~"])
def test_a_folder_may_begin_with_a_dash_or_a_tilde(project, monkeypatch, tmp_path, name):
    started = []
    monkeypatch.setattr(open_lab, "ROOT", project)
    monkeypatch.setattr(open_lab, "replace_process", lambda *call: started.append(call[2]) or 0)
    monkeypatch.setenv("HOME" if os.name != "nt" else "USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert open_lab.main([f"--copy={name}"]) == 0
    assert started == [tmp_path / "home" if name == "~" else tmp_path / name]
