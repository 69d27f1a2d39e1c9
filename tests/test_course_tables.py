"""Rosters, downloads of learning platforms, tables of grades, the class view: from files alone."""

from __future__ import annotations

import csv
import json
import re
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytest.importorskip("nbgrader")

from tutorial_lib.classroom.class_report import (  # noqa: E402
    shape_of,
    where_taught,
    write_report,
)
from tutorial_lib.classroom.collecting import collect  # noqa: E402
from tutorial_lib.classroom.grades_table import Score, table, write_csv  # noqa: E402
from tutorial_lib.classroom.received import (  # noqa: E402
    Refused,
    moment_of,
    read_notebook,
    receive,
)
from tutorial_lib.classroom.roster import (  # noqa: E402
    RosterError,
    find,
    read_roster,
    write_exports,
)
from tutorial_lib.exercises import ch04  # noqa: E402
from tutorial_lib.exercises.discovery import all_exercises  # noqa: E402

# As Canvas exports its gradebook, and Moodle the grading worksheet of an assignment.
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,ch01 (118)
    Points Possible,,,,,21
"Doe, Jane",4711,A-1,jdoe,Pixels,17
"Çelik, Ömer",4712,A-2,ocelik,Pixels,
"""
MOODLE = """\
Identifier,"Full name","Email address",Status,Grade
"Participant 815","Jane Doe",jane@example.org,"No submission",
"Participant 816","Ömer Çelik",omer@example.org,"No submission",
"""


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "encoding", "names"),
    [
        (CANVAS, "utf-8-sig", ["jdoe", "ocelik"]),
        (CANVAS.replace(",", ";").replace('"Doe; Jane"', '"Doe, Jane"'), "cp1252", None),
        (MOODLE, "utf-8", ["jane@example.org", "omer@example.org"]),
        ("student\nana\nben\n", "utf-16", ["ana", "ben"]),
        ("ana\r\nben\r\n\r\n", "utf-8", ["ana", "ben"]),
        ("Student\tGroup\n[x]\t1\n", "utf-8", ["_x_"]),
    ],
)
def test_a_roster_is_read_whatever_program_wrote_it(tmp_path, text, encoding, names):
    text = text.encode(encoding, errors="replace").decode(encoding)
    students = read_roster(written(tmp_path / "students.csv", text, encoding))
    assert [each.name for each in students] == (names or ["jdoe", "ocelik"])


def test_a_roster_without_names_or_with_a_name_twice_is_refused(tmp_path):
    for text, told in (("student\n", "no students"), ("ana\nAna\n", "twice: ana")):
        with pytest.raises(RosterError, match=told):
            read_roster(written(tmp_path / "students.csv", text))
    with pytest.raises(RosterError, match="there is no roster"):
        read_roster(tmp_path / "none.csv")


def test_a_student_is_found_by_what_a_platform_calls_him(tmp_path):
    students = read_roster(written(tmp_path / "canvas.csv", CANVAS))
    for name in ("jdoe", "JDoe", "4711", "doejane", "A-1"):
        assert find(students, name).name == "jdoe", name
    assert find(students, "Pixels") is None  # both are in this section
    assert find(students, "nobody") is None
    students = read_roster(written(tmp_path / "moodle.csv", MOODLE))
    assert find(students, "816").name == "omer@example.org"


DOWNLOADS = {
    "canvas": (
        CANVAS,
        [
            ("doejane_4711_90210_ch02.ipynb", "jdoe", "ch02.ipynb"),
            ("doejane_4711_90211_helpers.py", "jdoe", "helpers.py"),
            ("celikomer_LATE_4712_90212_ch02-1.ipynb", "ocelik", "ch02-1.ipynb"),
        ],
    ),
    "moodle, folders": (
        MOODLE,
        [
            ("Jane Doe_815_assignsubmission_file_/ch02.ipynb", "jane@example.org", "ch02.ipynb"),
            (
                "Ömer Çelik_816_assignsubmission_file_/a (1).ipynb",
                "omer@example.org",
                "a (1).ipynb",
            ),
            ("Ömer Çelik_816_assignsubmission_onlinetext_/onlinetext.html", None, None),
        ],
    ),
    "moodle, flat": (
        MOODLE,
        [("Jane Doe_815_assignsubmission_file_ch02.ipynb", "jane@example.org", "ch02.ipynb")],
    ),
    "folders": (MOODLE, [("Jane Doe/ch02.ipynb", "jane@example.org", "ch02.ipynb")]),
}


@pytest.mark.parametrize("form", DOWNLOADS)
def test_a_platforms_download_is_sorted_by_student(tmp_path, form):
    roster, files = DOWNLOADS[form]
    students = read_roster(written(tmp_path / "students.csv", roster))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path, _, _ in files:
            archive.writestr(path, path)
        archive.writestr("__MACOSX/._x", "")
    found, left_out = collect(tmp_path, tmp_path / "all.zip", "ch02", students)
    assert found == sorted({student for _, student, _ in files if student})
    for path, student, name in files:
        if student:
            place = tmp_path / "submitted" / student / "ch02" / name
            assert place.read_text(encoding="utf-8") == path


def test_without_a_roster_folders_bear_the_platforms_names_and_nothing_leaves_the_course(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("doejane_4711_90210_ch02.ipynb", "{}")
        archive.writestr("../../escape/ch02.ipynb", "{}")
    found, _ = collect(tmp_path / "course", tmp_path / "all.zip", "ch02")
    assert "doejane_4711" in found
    written_files = [path for path in tmp_path.rglob("*.ipynb")]
    assert all(path.is_relative_to(tmp_path / "course" / "submitted") for path in written_files)


def test_tables_for_canvas_and_moodle_have_a_column_an_assignment(tmp_path):
    points = {("ch02", "jdoe"): 17.5, ("ch02", "ocelik"): None, ("ch04", "jdoe"): 3.0}
    students = read_roster(written(tmp_path / "students.csv", CANVAS))
    canvas, _ = write_exports(tmp_path, students, points)
    head, jane, omer = csv.reader(canvas.read_text(encoding="utf-8").splitlines())
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "ch02", "ch04"]
    assert jane == ["Doe, Jane", "4711", "A-1", "jdoe", "Pixels", "17.5", "3"]
    assert omer == ["Çelik, Ömer", "4712", "A-2", "ocelik", "Pixels", "", ""]
    students = read_roster(written(tmp_path / "students.csv", MOODLE))
    _, moodle = write_exports(tmp_path, students, {("ch02", "jane@example.org"): 4.0})
    rows = list(csv.DictReader(moodle.read_text(encoding="utf-8").splitlines()))
    assert [(row["Email address"], row["ch02"]) for row in rows] == [
        ("jane@example.org", "4"),
        ("omer@example.org", ""),
    ]


SCORES = [
    Score("ch02", "ana", 17.5, 23.0, True),
    Score("ch02", "ömer", 3.0, 23.0, False, "", "handed in as a.ipynb"),
    Score("ch04", "ana", None, 21.0, False, "damaged. Ask for ch04.ipynb once more."),
]
MANGLED = {
    "semicolons": lambda text: text.replace(",", ";"),
    "a BOM": lambda text: "\ufeff" + text,
    "capitals": lambda text: text.upper(),
    "decimal commas": lambda text: text.replace("17.5", '"17,5"'),
    "one more column": lambda text: text.replace("\n", ",seen\n"),
    "rows missing": lambda text: "\n".join(text.splitlines()[:2]),
    "another encoding": lambda text: text.encode("cp1252", "replace").decode("latin-1"),
}


@pytest.mark.parametrize("way", MANGLED)
def test_a_mangled_table_loses_nothing_and_is_kept(tmp_path, way):
    path = tmp_path / "grades.csv"
    last, kept = write_csv(path, SCORES)
    assert kept is None
    whole, mangled = path.read_bytes(), MANGLED[way](last).encode("latin-1", "replace")
    path.write_bytes(mangled)
    _, kept = write_csv(path, SCORES, last)
    assert path.read_bytes() == whole
    assert kept.read_bytes() == mangled


def test_a_table_that_nobody_changed_is_written_anew_without_a_backup(tmp_path):
    path = tmp_path / "grades.csv"
    last, _ = write_csv(path, SCORES[:1])
    _, kept = write_csv(path, SCORES, last)
    assert kept is None and not (tmp_path / "grades-backup").exists()
    assert "17.5 of 23" in table(SCORES) and "Ask for ch04.ipynb" in table(SCORES)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-02 18:05:00 UTC", "2026-11-02 18:05:00 UTC"),
        ("2026-11-02T18:05:00Z", "2026-11-02T18:05:00Z"),
        ("02.11.2026 18:05", "2026-11-02 18:05"),
        ("13/11/2026 18:05", "2026-11-13 18:05"),
        ("Mon, 02 Nov 2026 18:05:00 +0100", "Mon, 02 Nov 2026 18:05:00 +0100"),
        ("02/11/2026", None),
        ("2. November", None),
        ("yesterday", None),
        ("", None),
        ("32.13.2026", None),
    ],
)
def test_a_moment_is_read_in_one_way_or_asked_for(text, moment):
    assert moment_of(text) == moment


def test_a_notebook_is_read_in_any_encoding_and_a_damaged_one_told(tmp_path):
    notebook = new_notebook(cells=[new_code_cell("a = 1\nb = 'ü'")])
    text = nbformat.writes(notebook).replace("\\n", "\\r\\n")
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        path = written(tmp_path / "a.ipynb", text, encoding)
        assert read_notebook(path).cells[0].source == "a = 1\nb = 'ü'", encoding
    for broken in ("", "{ half", "[]", "<html></html>", json.dumps({"cells": 3, "nbformat": 4})):
        with pytest.raises(ValueError):
            read_notebook(written(tmp_path / "b.ipynb", broken))


def test_a_script_falls_into_cells_at_its_marks_or_its_statements(tmp_path):
    marked = "# In[1]:\na = 1\n# In[ ]:\nb = (2\n     + 3)\n"
    for text in (marked, "# %%\na = 1\n# %%\nb = (2\n     + 3)\n", "a = 1\nb = (2\n     + 3)\n"):
        cells = read_notebook(written(tmp_path / "a.py", text)).cells
        codes = [c.source.strip() for c in cells if c.cell_type == "code" and c.source.strip()]
        assert codes == ["a = 1", "b = (2\n     + 3)"], text


# ---------------------------------------------------------------------------------- the class view

ONE = """
def center_mask(features):
    \"\"\"Mine.\"\"\"
    values, switches = features.chunk(2, dim=1)
    result = torch.tanh(values) * torch.sigmoid(switches)
    return result
"""
SAME = """
def center_mask( x ):
    a, b = x.chunk( 2, dim=1 )   # copied
    c = torch.tanh(a) * torch.sigmoid(b)
    return c
"""
OTHER = SAME.replace("torch.tanh(a)", "torch.sigmoid(a)")


def test_answers_are_the_same_up_to_names_docstrings_and_spacing():
    assert shape_of(ONE, "center_mask") == shape_of(SAME, "center_mask") != ""
    assert shape_of(ONE, "center_mask") != shape_of(OTHER, "center_mask")
    assert (
        shape_of("def center_mask(x): return x", "center_mask") == ""
    )  # too short to say anything
    assert (
        shape_of("def center_mask(", "center_mask")
        == shape_of("center_mask = 3", "center_mask")
        == ""
    )


def test_for_every_exercise_the_text_before_it_is_found():
    for exercise in all_exercises():
        told = where_taught(exercise)
        assert told.startswith(f"notebooks/text/{exercise.chapter[2:]}_"), exercise.address
        assert ", lines " in told


def test_the_class_page_counts_mistakes_and_lists_pairs(tmp_path):
    told = {
        "address": "ch04.center_mask",
        "out_of": 4,
        "says": "Swap them.",
        "flag": "",
        "report": "",
    }
    swapped = {**told, "points": 0, "outcome": "failed", "mistake": "swapped <halves>"}
    right = {**told, "points": 4, "outcome": "passed", "mistake": ""}
    class_ = {"ana": (swapped, ONE), "ben": (swapped, SAME), "cem": (right, OTHER)}
    for student, (graded, source) in class_.items():
        path = tmp_path / "autograded" / student / "ch04" / "ch04.ipynb"
        path.parent.mkdir(parents=True)
        cells = [new_code_cell(source), new_code_cell("", metadata={"graded": graded})]
        nbformat.write(new_notebook(cells=cells), path)
    page, rows = write_report(tmp_path)
    html = page.read_text(encoding="utf-8")
    assert "2 of 3" in html and "swapped &lt;halves&gt;" in html and "Swap them." in html
    assert "<td>ana</td><td>ben</td><td>ch04.center_mask</td>" in html
    assert "http" not in html  # nothing is loaded from elsewhere
    with rows.open(encoding="utf-8") as file:
        passed, mistake = csv.DictReader(file)
    assert (passed["what"], passed["made_by"]) == ("passed", "1")
    assert (mistake["what"], mistake["made_by"]) == ("swapped <halves>", "2")
    assert mistake["read"].startswith("notebooks/text/04_") and ch04.center_mask.points == 4


# ------------------------------------------------------------------------------ what is handed in

MARKED = {"nbgrader": {"grade_id": "ch02-gate", "solution": True, "grade": False}}
CHECK = {"nbgrader": {"grade_id": "ch02-gate-check", "solution": False, "grade": True}}
OTHERS = new_notebook(cells=[new_code_cell("a", metadata={"nbgrader": {"grade_id": "ch04-skew"}})])


@pytest.fixture
def course_folder(tmp_path):
    """A release with one exercise, `gate`, and an empty folder of ana's."""
    cells = [new_code_cell("def gate(x): ____", metadata=MARKED), new_code_cell("", metadata=CHECK)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    (tmp_path / "release" / "ch02").mkdir(parents=True)
    release = tmp_path / "release" / "ch02" / "ch02.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata=kernel), release)
    (tmp_path / "submitted" / "ana" / "ch02").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("my work.pdf", "%PDF", "there is no notebook, but my work.pdf. Ask for ch02.ipynb"),
        (".DS_Store", "", "there is no notebook, but no file. Ask"),
        ("ch02.ipynb", "{ half a", "ch02.ipynb is damaged (it is cut off, or no notebook). Ask"),
        ("ch02.ipynb", nbformat.writes(OTHERS), "the notebook is assignment ch04. Ask for ch02"),
        ("ch02.ipynb", nbformat.writes(new_notebook()), "no cell and no function of this assign"),
        ("notes.py", "print(3)", "no cell and no function of this assignment is in it. Ask"),
    ],
)
def test_what_cannot_be_graded_is_refused_with_what_to_ask_for(course_folder, name, text, told):
    written(course_folder / "submitted" / "ana" / "ch02" / name, text)
    with pytest.raises(Refused, match=re.escape(told)):
        receive(course_folder, "ch02", "ana", "ana")


def test_of_copies_the_last_that_was_worked_on_is_the_answer(course_folder):
    place = course_folder / "submitted" / "ana" / "ch02"
    sources = ("def gate(x): return 1", "def gate(x): return 2", "def gate(x): ____")
    cells = [new_code_cell(each, metadata=MARKED) for each in sources]
    nbformat.write(new_notebook(cells=cells), place / "Copy of ch02.ipynb")
    written(place / "helpers.py", "a = 1")
    written(place / "timestamp.txt", "02.11.2026 18:05")
    assert receive(course_folder, "ch02", "ana", "ana").notes == ["handed in as Copy of ch02.ipynb"]
    came = course_folder / "received" / "ana" / "ch02"
    marked = [
        c.source for c in read_notebook(came / "ch02.ipynb").cells if "nbgrader" in c.metadata
    ]
    assert marked == ["def gate(x): return 2"]
    assert (came / "helpers.py").exists()
    assert (came / "timestamp.txt").read_text() == "2026-11-02 18:05"
