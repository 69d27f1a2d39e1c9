"""The engine of the exercises: whatever a learner's function does, a check reports it and goes on.

A small exercise, `double`, stands in for the real ones: test_exercises.py looks at those.
"""

from __future__ import annotations

import dataclasses
import html
import json
import os
import pickle
import random
import re
import signal
import sys
import threading
import time

import bleach
import IPython
import IPython.display
import nbconvert
import nbformat
import numpy as np
import pytest
import torch
from markdown_it import MarkdownIt
from nbclient import NotebookClient

from tutorial_lib import files
from tutorial_lib.exercises import pages, progress, reports
from tutorial_lib.exercises.comparing import tensor_result
from tutorial_lib.exercises.definition import (
    Failed,
    Failure,
    LearnerError,
    Misconception,
)
from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.kinds import as_written
from tutorial_lib.exercises.reports import Bullets, Code, Report, Table, Text
from tutorial_lib.exercises.running import Candidate
from tutorial_lib.exercises.surroundings import Printed
from tutorial_lib.exercises.time_limit import TimeLimit, TimeLimitReached
from tutorial_lib.exercises.trials import Trial, compare
from tutorial_lib.exercises.untouched import is_untouched


def double(numbers, *, twice=False):
    """Two times the numbers, or four times."""
    return numbers * (4 if twice else 2)


def read(value, trial):
    return tensor_result(value, trial.args[0].shape)


def evidence(trial, got, want):
    return f"{trial.args[0][0]:.3f} gives {want[0]:.3f}, got {got[0]:.3f}"


def check_times(candidate, rng, twice):
    trials = [Trial((torch.randn(3, generator=rng),), {"twice": twice}) for _ in range(2)]
    wrong = Misconception("squares", lambda numbers, *, twice=False: numbers**2, "You square.")
    return compare(candidate, double, trials, read=read, evidence=evidence, misconceptions=(wrong,))


EXERCISE = Exercise(
    "7.3",
    "Twice as much",
    goal="Double the numbers.",
    minutes=1,
    reference=double,
    stub="def double(numbers, *, twice=False):\n    ____\n",
    hints=("An idea about `double`.\n\n    a = b\n\nMore.", "An API.", "A symptom."),
    when_changed={"numbers": "Leave `numbers` alone."},
)


@EXERCISE.judge("two times", points=2)
def two_times(candidate, rng):
    return check_times(candidate, rng, False)


@EXERCISE.judge("four times")
def four_times(candidate, rng):
    return check_times(candidate, rng, True)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    """Progress of its own for every test, and nobody told anything yet."""
    monkeypatch.setenv("TUTORIAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(progress, "_told", set())


@pytest.fixture
def exercise():
    return dataclasses.replace(EXERCISE)


@pytest.fixture
def quick():
    """The exercise with so little time that a test can wait for its end."""
    return dataclasses.replace(EXERCISE, time_limit_seconds=0.3)


def shown(capsys):
    """What was printed since the last look, on one line."""
    return " ".join(capsys.readouterr().out.split())


def words_of(text):
    """The words of a plain report: without bullets and backticks."""
    return re.sub(r"(^|\n)\s*- ", " ", text).replace("`", "").split()


def words_on(page):
    """The words of a page of HTML: tags of blocks part words, others do not."""
    page = re.sub(r"</?(p|li|ul|pre|div|table|tr|td|th)\b[^>]*>", " ", page)
    return html.unescape(re.sub(r"<[^>]*>", "", page)).replace("`", "").split()


KEPT = "p br hr ul ol li strong em code pre blockquote div span table thead tbody tr th td".split()


def kept(page):
    """What a site keeps that trusts nobody's HTML, as GitHub: a few tags, and no style."""
    return bleach.clean(page, tags=KEPT, attributes={}, strip=True)


def on_a_page(markdown):
    """As nbconvert shows an output: its own pages, nbviewer, nbgrader's feedback."""
    output = nbformat.v4.new_output("display_data", {"text/markdown": markdown})
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    exporter = nbconvert.HTMLExporter(template_name="basic")
    page, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    return kept(page[page.index("output_markdown") :].partition(">")[2])


def in_commonmark(markdown):
    """As CommonMark has it with GitHub's tables, and no HTML: GitHub, and a static site (MyST)."""
    return kept(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))


# ------------------------------------------------------------------------- the four outcomes


def test_a_function_that_passes_is_returned_itself(exercise, capsys):
    def mine(numbers, *, twice=False):
        return sum([numbers] * (4 if twice else 2))

    assert as_written(exercise.check(mine)) is mine
    told = shown(capsys)
    assert "passed, 3 points" in told and "your version" in told


def test_an_answer_without_a_graph_is_refused_where_the_chapter_differentiates_it():
    differentiated = dataclasses.replace(EXERCISE, differentiated=True)
    assert differentiated.grade(double, 0).outcome == "passed"

    def mine(numbers, *, twice=False):
        return double(numbers.detach(), twice=twice)

    assert EXERCISE.grade(mine, 0).outcome == "passed"
    assert "No gradient comes through" in differentiated.grade(mine, 0).failure.message

    def in_place(numbers, *, twice=False):
        return numbers.mul_(2)

    assert "changes its argument" in differentiated.grade(in_place, 0).failure.message


@pytest.mark.parametrize(
    "address", ["ch04.gated_layer", "ch05.conditional_gate", "ch05.spatial_context"]
)
def test_a_layer_that_loses_its_graph_is_refused_although_its_numbers_are_right(address):
    (exercise,) = [each for each in all_exercises() if each.address == address]

    def detached(*args, **kwargs):
        value = exercise.reference(*args, **kwargs)
        return tuple(each.detach() for each in value) if type(value) is tuple else value.detach()

    assert "No gradient comes through" in exercise.grade(detached, 0).failure.message


def test_a_wrong_function_is_told_its_misconception_and_the_library_stands_in(exercise, capsys):
    def mine(numbers, *, twice=False):
        return numbers**2

    assert exercise.check(mine) is double
    told = shown(capsys)
    assert "failed" in told and "You square." in told and "gives" in told
    assert "ch07.double.hint()" in told and "library's version" in told
    assert "failed: two times" in told


def test_a_function_that_raises_is_told_its_own_lines_only(exercise, capsys):
    def helper(numbers):
        return numbers[99]

    def mine(numbers, *, twice=False):
        return torch.stack([helper(numbers)])

    assert exercise.check(mine) is double
    told = shown(capsys)
    assert "raised" in told and "IndexError: index 99 is out of bounds" in told
    assert "in mine: return torch.stack([helper(numbers)])" in told
    assert "in helper: return numbers[99]" in told
    assert "run_within_limits" not in told and "Traceback" not in told


def test_an_untouched_stub_is_not_attempted_and_leaves_no_file(exercise, tmp_path, capsys):
    def mine(numbers, *, twice=False):
        """With a docstring."""
        ____  # noqa: B018

    assert exercise.check(mine) is double
    told = shown(capsys)
    assert "not attempted" in told and "replace `____`" in told
    assert not (tmp_path / "state").exists()


def stubs():
    def blank(numbers, *, twice=False):
        ____  # noqa: B018

    def returned(numbers, *, twice=False):
        return ____

    def assigned(numbers, *, twice=False):
        result = ____
        return result

    def begun(numbers, *, twice=False):
        factor = 4 if twice else 2
        return ____ * factor

    def ellipsis(numbers, *, twice=False): ...

    def passing(numbers, *, twice=False):
        pass

    def documented(numbers, *, twice=False):
        """Only words."""

    def none(numbers, *, twice=False):
        return None

    def refusing(numbers, *, twice=False):
        raise NotImplementedError("to do")

    return [blank, returned, assigned, begun, ellipsis, passing, documented, none, refusing]


@pytest.mark.parametrize("stub", stubs(), ids=lambda stub: stub.__name__)
def test_every_kind_of_stub_is_not_attempted(exercise, stub):
    assert exercise.grade(stub).outcome == "not attempted"
    assert exercise.grade(stub).points == 0


@pytest.mark.parametrize(
    "function",
    [
        lambda numbers: numbers,
        lambda numbers: 0,
        lambda numbers: "text",
        lambda numbers: print(numbers),
        double,
        len,
    ],
)
def test_a_function_that_does_anything_is_no_stub(function):
    assert not is_untouched(function)


def test_a_blank_left_in_one_branch_counts_for_the_other_branch(exercise, capsys):
    def mine(numbers, *, twice=False):
        return ____ if twice else numbers * 2

    grade = exercise.grade(mine, 0)
    assert (grade.outcome, grade.points) == ("raised", 2)
    exercise.check(mine)
    told = shown(capsys)
    assert "A blank is still to be filled in." in told and "return ____ if twice" in told


def test_partial_credit_is_given_check_by_check(exercise):
    grade = exercise.grade(lambda numbers, *, twice=False: numbers * 2, 0)
    assert (grade.outcome, grade.points, grade.out_of) == ("failed", 2, 3)
    assert [(each.what, each.points) for each in grade.details] == [
        ("two times", 2),
        ("four times", 0),
    ]


# --------------------------------------------------------------------------- hostile functions


def returns_none(numbers, *, twice=False):
    numbers.sum()


def returns_a_list(numbers, *, twice=False):
    return [2.0, 4.0]


def returns_integers(numbers, *, twice=False):
    return (numbers * 2).long()


def returns_a_column(numbers, *, twice=False):
    return (numbers * 2)[:, None]


def changes_its_input(numbers, *, twice=False):
    numbers *= 4 if twice else 2
    return numbers


def ends_python(numbers, *, twice=False):
    sys.exit(0)


def calls_itself(numbers, *, twice=False):
    return calls_itself(numbers, twice=twice)


def refuses_to_say_why(numbers, *, twice=False):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    raise Mute


def raises_base_exception(numbers, *, twice=False):
    raise GeneratorExit


def lost_its_arguments(numbers):
    return numbers * 2


HOSTILE = [
    (returns_none, "failed", "returned None: is a `return` missing?"),
    (
        returns_a_list,
        "failed",
        "not a tensor. Expected a torch.Tensor of shape (3,), got a value of",
    ),
    (returns_integers, "failed", "wrong dtype. Expected a floating-point tensor, got torch.int64."),
    (returns_a_column, "failed", "axis 1, of size 1"),
    (
        changes_its_input,
        "failed",
        "changes its argument `numbers`, which belongs to the caller. Leave",
    ),
    (ends_python, "raised", "The function tried to end Python."),
    (
        calls_itself,
        "raised",
        "RecursionError. The function calls itself, and nothing ever stops it.",
    ),
    (refuses_to_say_why, "raised", "Mute"),
    (raises_base_exception, "raised", "GeneratorExit"),
    (lost_its_arguments, "raised", "Keep the arguments of the stub as they are"),
]


@pytest.mark.parametrize(
    ("function", "outcome", "told"), HOSTILE, ids=lambda v: getattr(v, "__name__", "")
)
def test_whatever_a_function_does_is_reported(exercise, function, outcome, told, capsys):
    assert exercise.check(function) is double
    words = shown(capsys)
    assert f"· {outcome}" in words and told in words
    assert exercise.grade(function).points == 0


def test_a_changed_input_is_reported_with_place_and_values(exercise):
    failure = exercise.grade(changes_its_input, 0).failure
    assert re.fullmatch(r"numbers\[0\] was -?[\d.]+, is now -?[\d.]+\.", failure.evidence)


def test_changing_the_input_does_not_change_what_is_expected(exercise):
    """The reference gets copies of its own: half the input does not make the input right."""

    def halves_the_input_and_returns_it(numbers, *, twice=False):
        before = numbers.clone()
        numbers.mul_(0.5)
        return before

    assert exercise.grade(halves_the_input_and_returns_it, 0).points == 0


def test_a_function_that_returns_the_same_tensor_every_time_cannot_fool_the_check(exercise):
    shared = torch.zeros(3)

    def mine(numbers, *, twice=False):
        return shared.copy_(numbers * (4 if twice else 2))

    assert exercise.grade(mine).outcome == "passed"  # each result was copied when it came


def test_a_result_that_no_check_foresaw_is_reported(exercise, capsys):
    def mine(numbers, *, twice=False):
        return torch.empty(3, device="meta")

    assert exercise.check(mine) is double
    assert "The check could not read the result." in shown(capsys)


@pytest.mark.parametrize("value", [None, 3, torch.zeros(3), "double"])
def test_what_is_no_function_is_reported(exercise, value, capsys):
    assert exercise.check(value) is double
    assert "`ch07.double.check(double)`" in shown(capsys)


def test_a_class_can_be_checked_too(exercise):
    class Doubler:
        def __call__(self, numbers, *, twice=False):
            return double(numbers, twice=twice)

    assert exercise.grade(Doubler()).outcome == "passed"


def test_a_thousand_printed_lines_are_shortened(exercise, capsys):
    def mine(numbers, *, twice=False):
        for i in range(1000):
            print("line", i)
            print("to the other stream", file=sys.stderr)
        return numbers * (4 if twice else 2)

    assert as_written(exercise.check(mine)) is mine
    captured = capsys.readouterr()
    assert captured.err == "" and captured.out.count("line ") < 10
    assert "line 0" in captured.out and "(lines printed in all: 8,000)" in captured.out


def test_printed_lines_are_counted_however_they_are_cut():
    printed = Printed()
    for text in ("a", "b\n", "c\nd", "", "\n\ne"):
        printed.write(text)
    assert (printed.n_lines, printed.kept) == (5, "ab\nc\nd\n\ne")
    assert printed.summary() == "ab\nc\nd\n\ne"
    assert Printed().summary() == ""


def test_a_fault_of_the_check_itself_does_not_stop_a_notebook(exercise, monkeypatch, capsys):
    def breaks(*arguments):
        raise RuntimeError("not the learner's")

    monkeypatch.setattr(progress, "record", breaks)
    assert exercise.check(lambda numbers, *, twice=False: numbers) is double
    told = shown(capsys)
    assert "no fault of yours" in told and "RuntimeError: not the learner's" in told


def test_the_stop_button_still_stops(exercise):
    def mine(numbers, *, twice=False):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt):
        exercise.check(mine)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


# --------------------------------------------------------------------------------- endless loops


def loops_for_ever(numbers, *, twice=False):
    while True:
        pass


def loops_and_catches_errors(numbers, *, twice=False):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def sleeps(numbers, *, twice=False):
    time.sleep(60)


@pytest.mark.parametrize("function", [loops_for_ever, loops_and_catches_errors, sleeps])
def test_an_endless_loop_ends_within_the_time_limit(quick, function, capsys):
    began = time.monotonic()
    assert quick.check(function) is double
    assert time.monotonic() - began < 5
    told = shown(capsys)
    assert "took more than 0.3 seconds and was stopped" in told
    assert "raised: two times - not run: four times" in told


def test_an_endless_loop_ends_in_another_thread_too(quick):
    grades = []
    thread = threading.Thread(target=lambda: grades.append(quick.grade(loops_for_ever, 0)))
    thread.start()
    thread.join(timeout=20)
    assert grades and "was stopped" in grades[0].failure.message


def test_a_quick_function_in_another_thread_is_left_alone(quick):
    grades = []
    thread = threading.Thread(target=lambda: grades.append(quick.grade(double, 0)))
    thread.start()
    thread.join(timeout=20)
    assert grades[0].outcome == "passed"


def compute(seconds):
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def test_what_waits_as_on_a_busy_machine_is_given_longer(quick):
    def mine(numbers, *, twice=False):
        time.sleep(0.2)  # four calls, 0.8 s by the clock, within 0.3 s of computing
        return numbers * (4 if twice else 2)

    assert quick.grade(mine, 0).outcome == "passed"


def test_all_calls_of_a_check_share_one_time_limit(quick):
    def mine(numbers, *, twice=False):
        compute(0.2)
        return numbers * 2

    assert "was stopped" in quick.grade(mine, 0).failure.message


def test_an_alarm_that_was_set_before_is_set_again():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 30)
        with TimeLimit(5.0):
            pass
        remaining, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 20 < remaining <= 30 and not rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_limit_is_no_exception_that_code_catches_by_accident():
    assert not issubclass(TimeLimitReached, Exception)


# ------------------------------------------------------------------------- for the classroom


def test_the_function_can_run_elsewhere(exercise):
    """What crosses the border can be pickled: instruments, arguments, values, failures."""
    crossed = []

    class Elsewhere(Candidate):
        def run_within_limits(self, instrument, args):
            instrument, args = pickle.loads(pickle.dumps((instrument, args)))
            try:
                value = super().run_within_limits(instrument, args)
            except (Failed, LearnerError) as error:
                crossed.append(type(error))
                raise pickle.loads(pickle.dumps(error)) from None
            crossed.append(type(value))
            return pickle.loads(pickle.dumps(value))

    for function, outcome, _ in [(double, "passed", ""), *HOSTILE]:
        candidate = Elsewhere(function, reference=double, seconds=5.0)
        assert exercise.grade(candidate, 0).outcome == outcome
    assert {Failed, LearnerError, tuple} <= set(crossed)


# ------------------------------------------------------------------------- nothing is disturbed


def all_states():
    return (
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        sys.getrecursionlimit(),
        sys.stdout,
    )


def disturbs_everything(numbers, *, twice=False):
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    sys.setrecursionlimit(2000)
    sys.stdout = None
    return numbers * (4 if twice else 2)


@pytest.mark.parametrize("function", [disturbs_everything, double, returns_none, ends_python])
def test_a_check_leaves_random_numbers_and_settings_as_they_were(exercise, function, own_messages):
    """`own_messages`, since the type checks of the test run draw from Python's random numbers."""
    before = all_states()
    exercise.check(function)
    assert all_states() == before


def test_run_all_gives_the_same_numbers_with_and_without_a_check(exercise, own_messages):
    numbers = []
    for with_check in (False, True):
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        if with_check:
            exercise.check(double)
        numbers.append((random.random(), np.random.rand(), torch.rand(3).tolist()))
    assert numbers[0] == numbers[1]


def test_a_check_works_whatever_the_notebook_has_set(exercise):
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            assert exercise.grade(double).outcome == "passed"
    finally:
        torch.set_default_dtype(torch.float32)


# --------------------------------------------------------------------------------- determinism


def seen_inputs(exercise, seed):
    seen = []

    def spy(numbers, *, twice=False):
        seen.append(numbers.clone())
        return numbers * (4 if twice else 2)

    exercise.grade(spy, seed)
    return torch.stack(seen)


def test_a_seed_draws_the_same_inputs_and_another_seed_others(exercise):
    assert torch.equal(seen_inputs(exercise, 5), seen_inputs(exercise, 5))
    assert not torch.equal(seen_inputs(exercise, 5), seen_inputs(exercise, 6))


def test_without_a_seed_the_inputs_are_new_each_time(exercise):
    assert not torch.equal(seen_inputs(exercise, None), seen_inputs(exercise, None))


def test_what_a_function_draws_itself_does_not_change_the_inputs_and_is_repeated(exercise):
    def noisy(numbers, *, twice=False):
        return numbers * 2 + torch.rand(3) + random.random() + np.random.rand()

    first, again = exercise.grade(noisy, 5), exercise.grade(noisy, 5)
    assert first == again and first.failure.evidence


def test_a_failure_names_the_seed_that_repeats_it(exercise, capsys):
    def mine(numbers, *, twice=False):
        return numbers + 1

    exercise.check(mine)
    first = capsys.readouterr().out
    seed = int(re.search(r"check\(double, seed=(\d+)\)", first)[1])
    exercise.check(mine, seed=seed)
    assert capsys.readouterr().out == first


# ----------------------------------------------------------------------------- the stand-in


def test_checking_the_stand_in_is_not_a_pass(exercise, capsys):
    stand_in = exercise.check(stubs()[0])
    shown(capsys)
    assert exercise.check(stand_in) is double
    told = shown(capsys)
    assert "not attempted" in told and "the library's version now" in told
    assert progress.read("ch07") == ({}, "")


def test_a_pass_after_a_stand_in_counts(exercise):
    def mine(numbers, *, twice=False):
        return double(numbers, twice=twice)

    exercise.check(stubs()[0])
    assert as_written(exercise.check(mine)) is mine
    assert progress.read("ch07")[0]["double"].outcome == "passed"


# -------------------------------------------------------------------------------- progress


def test_progress_is_kept_on_disk(exercise, tmp_path):
    exercise.check(lambda numbers, *, twice=False: numbers * 2)
    exercise.check(returns_none)
    content = json.loads((tmp_path / "state" / "ch07.json").read_text())
    assert content == {"exercises": {"double": {"outcome": "failed", "points": 2, "attempts": 2}}}
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["ch07.json"]


def test_what_was_passed_stays_passed(exercise):
    for function in (returns_none, double, ends_python):
        exercise.check(function)
        exercise._stands_in = False
    assert progress.read("ch07")[0]["double"] == progress.Entry("passed", 3, 3)


def test_the_table_of_a_chapter_shows_points_outcome_and_attempts(exercise):
    other = dataclasses.replace(EXERCISE, number="7.4", name="other", title="Another")
    exercise.check(lambda numbers, *, twice=False: numbers * 2)
    table = str(progress.progress_report("ch07", [exercise, other]))
    rows = [re.split(r"\s{2,}", line) for line in table.splitlines()]
    assert ["7.3 Twice as much", "failed", "2 of 3", "1"] in rows
    assert ["7.4 Another", "not attempted", "0 of 3", "0"] in rows
    assert ["all", "2 of 6"] in rows


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "[" * 10**5,
        '{"exercises": 3}',
        '{"exercises": {"double": {"outcome": "passed"}}, "x"',
    ],
)
def test_a_damaged_file_is_put_aside_and_told_once(exercise, damage, tmp_path, capsys):
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "ch07.json").write_text(damage)
    assert exercise.check(double) is double
    assert "is damaged and is kept as ch07.damaged.json" in shown(capsys)
    assert (folder / "ch07.damaged.json").read_text() == damage
    exercise.check(double)
    assert "damaged" not in shown(capsys)
    assert progress.read("ch07")[0]["double"] == progress.Entry("passed", 3, 2)


def test_entries_of_another_kind_are_damage(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    odd = {"exercises": {"double": {"outcome": "passed", "points": "3", "attempts": 1}}}
    (folder / "ch07.json").write_text(json.dumps(odd))
    entries, note = progress.read("ch07")
    assert entries == {} and "damaged" in note


def test_points_that_a_later_or_an_earlier_version_wrote_count(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    later = {"outcome": "passed", "points": 3, "attempts": 1, "hints": 2}
    content = {"exercises": {"double": later, "triple": {"outcome": "failed", "points": 1}}}
    (folder / "ch07.json").write_text(json.dumps({**content, "format": 9}))
    double, triple = progress.Entry("passed", 3, 1), progress.Entry("failed", 1, 0)
    assert progress.read("ch07") == ({"double": double, "triple": triple}, "")


def test_a_folder_that_cannot_be_written_is_told_once(exercise, tmp_path, monkeypatch, capsys):
    in_the_way = tmp_path / "a file"
    in_the_way.write_text("")
    monkeypatch.setenv("TUTORIAL_STATE_DIR", str(in_the_way / "state"))
    assert exercise.check(double) is double
    told = shown(capsys)
    assert "passed" in told and "could not be" in told
    exercise.check(double)
    assert "could not be" not in shown(capsys)


def test_a_write_that_breaks_off_leaves_the_old_file_whole(exercise, tmp_path, monkeypatch, capsys):
    exercise.check(double)
    before = (tmp_path / "state" / "ch07.json").read_text()

    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    exercise.check(double)
    assert "no space left" in shown(capsys)
    assert {path.name: path.read_text() for path in (tmp_path / "state").iterdir()} == {
        "ch07.json": before
    }


def test_without_a_variable_progress_lies_among_the_users_data(monkeypatch):
    monkeypatch.setenv("TUTORIAL_STATE_DIR", " ")
    folder = progress.state_dir()
    assert folder.is_absolute() and folder.parts[-2:] == ("tutorial_lib", "progress")
    assert folder.parent == files.user_data_dir()
    monkeypatch.setenv("TUTORIAL_STATE_DIR", os.path.join("~", "mine"))
    assert "~" not in str(progress.state_dir())


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The old place of points and the new one, both of this test alone."""
    old, new = tmp_path / "cache" / "progress", tmp_path / "data" / "progress"
    monkeypatch.delenv("TUTORIAL_STATE_DIR")
    monkeypatch.setattr(progress, "user_data_dir", lambda: tmp_path / "data")
    monkeypatch.setattr(progress, "_cached_dir", lambda: old)
    return old, new


def keep(folder, chapter="ch07", **entries):
    progress._write(folder / f"{chapter}.json", {k: progress.Entry(*e) for k, e in entries.items()})


def test_points_in_the_old_place_are_taken_along_and_left_there(places, exercise):
    old, new = places
    keep(old, double=("passed", 3, 4))
    keep(old, "ch08", other=("failed", 1, 2))
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    assert progress.read("ch07")[0] == {"double": progress.Entry("passed", 3, 4)}
    exercise.check(double)
    assert progress.read("ch07")[0]["double"].attempts == 5
    assert progress._entries(new / "ch08.json") == {"other": progress.Entry("failed", 1, 2)}
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before


def test_where_both_places_have_points_the_better_ones_count(places):
    old, new = places
    keep(old, a=("passed", 3, 1), b=("failed", 1, 9), c=("failed", 2, 1))
    keep(new, a=("failed", 2, 6), b=("passed", 3, 2), d=("raised", 0, 1))
    taken = {"a": ("passed", 3, 6), "b": ("passed", 3, 9), "c": ("failed", 2, 1)}
    taken = {name: progress.Entry(*fields) for name, fields in taken.items()}
    assert progress.read("ch07")[0] == {**taken, "d": progress.Entry("raised", 0, 1)}


def test_points_are_taken_along_once(places):
    old, new = places
    keep(old, double=("passed", 3, 4))
    progress.read("ch07")
    (new / "ch07.json").unlink()  # who starts anew, starts anew
    assert progress.read("ch07") == ({}, "")


def test_a_damaged_file_in_the_old_place_keeps_no_other_from_being_taken(places):
    old, new = places
    keep(old, "ch08", other=("passed", 2, 2))
    (old / "ch07.json").write_text("{")
    assert progress.read("ch08")[0] == {"other": progress.Entry("passed", 2, 2)}
    assert progress.read("ch07") == ({}, "") and (old / "ch07.json").read_text() == "{"


def test_a_folder_of_the_learners_choice_takes_nothing_along(places, tmp_path, monkeypatch):
    keep(places[0], double=("passed", 3, 4))
    monkeypatch.setenv("TUTORIAL_STATE_DIR", str(tmp_path / "state"))
    assert progress.read("ch07") == ({}, "")


def test_without_an_old_place_nothing_is_written(places, tmp_path):
    assert progress.read("ch07") == ({}, "") and not (tmp_path / "data").exists()


# ------------------------------------------------------------------------------- what is shown


def all_reports():
    exercise = dataclasses.replace(EXERCISE, time_limit_seconds=0.3)
    functions = [double, stubs()[0], loops_for_ever, disturbs_everything]
    functions += [function for function, *_ in HOSTILE]
    yield "card", pages.card(exercise)
    yield "solution", pages.solution(exercise)
    yield "stand-in", pages.stand_in(exercise)
    yield "broken", pages.broken(exercise, ValueError("<b>&"))
    yield "progress", progress.progress_report("ch07", [exercise])
    for number in (0, 1, 3, 4, "two"):
        yield f"hint {number}", pages.hint(exercise, number)
    for function in functions:
        yield function.__name__, pages.result(exercise, exercise.grade(function, 0), "A `note`.")


@pytest.mark.parametrize("rendered", [on_a_page, in_commonmark])
def test_every_place_shows_the_words_of_the_plain_text(rendered):
    for name, report in all_reports():
        assert words_on(rendered(report._repr_markdown_())) == words_of(str(report)), name


@pytest.mark.parametrize("rendered", [on_a_page, in_commonmark])
def test_the_comparison_of_words_would_see_a_difference(rendered):
    """The twin of the test above: a word that stands in one of the two only."""
    report = Report([Text("one `two` three", title="*"), Bullets(["a", "b"])])
    page = rendered(report._repr_markdown_())
    assert words_of(str(report)) == words_on(page)
    assert words_of(str(report)) != words_on(page.replace("two", "too"))


TYPED = [
    "*a* **b** _c_ __d__ a_b_c 2 * 3 * 4 x**2 ** 3",
    "$a$ and $$b$$, ~~c~~, \\alpha, \\(d\\), \\[e\\]",
    "[a](b) [c]: d [e][f] ![g](h) <https://i.j> https://i.j k",
    "<b>a</b> <!-- b --> &lt; &amp; a < b > c",
    "an `unclosed backtick, and `a code`",
    "a | b || c",
    *("# a", "- a", "+ a", "* a", "1. a", "12) a", "> a", "---", "```", "    a", "-0.5", "0.25"),
]


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("rendered", [on_a_page, in_commonmark])
def test_what_a_function_says_is_no_markup(typed, rendered):
    blocks = [Text(typed), Text(title=typed), Bullets([typed]), Table(["a"], [[typed]])]
    for block in blocks:
        page = rendered(block.markdown())
        assert set(re.findall(r"<(\w+)", page)) <= {*KEPT} - {
            "em",
            "hr",
            "ol",
            "blockquote",
            "span",
        }
        assert " ".join(words_on(page)).endswith(" ".join(typed.replace("`", "").split()))


@pytest.mark.parametrize("rendered", [on_a_page, in_commonmark])
def test_code_is_shown_to_the_letter_fences_and_all(rendered):
    typed = "a\n  *b* $c$ <d> &lt;\n\n````\n```python\n~~~\n    e"
    page = rendered(Code(typed).markdown())
    assert html.unescape(re.sub(r"<[^>]*>", "", page)).strip() == typed


def test_nothing_a_learner_writes_becomes_html(exercise):
    def mine(numbers, *, twice=False):
        print("<script>printed</script>")
        raise ValueError("<script>alert()</script>")

    report = pages.result(exercise, exercise.grade(mine, 0), "")
    for rendered in (on_a_page, in_commonmark):
        page = rendered(report._repr_markdown_())
        assert "<script" not in page and "&lt;script&gt;alert()" in page


def test_the_outcome_is_a_word_in_the_first_line():
    outcomes = {"double": "passed", "returns_none": "failed", "ends_python": "raised"}
    seen = {name: str(report).splitlines()[0] for name, report in all_reports()}
    assert all(f"· {outcome}" in seen[name] for name, outcome in outcomes.items())


def test_not_attempted_is_one_line(exercise):
    report = pages.result(exercise, exercise.grade(stubs()[0], 0), "")
    assert len(report.blocks) == 1 and len(report._repr_markdown_().splitlines()) == 1


def test_the_page_sets_no_style_so_that_the_theme_does():
    for name, report in all_reports():
        markdown = report._repr_markdown_()
        assert not re.search(r"<\w+[ >]", re.sub(r"```.*?```|`[^`]*`", "", markdown, flags=16)), (
            name
        )


def test_a_table_lines_up_its_columns():
    table = Table(["name", "of", "n"], [["long name", "x", "10"], ["y", "", "3"]])
    assert table.plain().splitlines() == [
        "name       of   n",
        "long name  x   10",
        "y               3",
    ]


def test_code_keeps_its_spaces():
    assert Code("a\n  b").plain() == "    a\n      b"


def test_in_a_notebook_the_report_is_displayed_and_not_printed(exercise, monkeypatch, capsys):
    class Shell:
        kernel = object()

    displayed = []
    monkeypatch.setattr(IPython, "get_ipython", Shell)
    monkeypatch.setattr(IPython.display, "display", displayed.append)
    exercise.check(double)
    exercise.card()
    assert [type(each) for each in displayed] == [Report, Report]
    assert capsys.readouterr().out == ""


def test_a_terminal_is_no_notebook():
    assert not reports.in_notebook()


def test_the_solution_is_the_source_of_the_reference(exercise, monkeypatch):
    monkeypatch.setattr(pages.tutorial_lib, "__file__", __file__)  # so that this file has a place
    shown = str(pages.solution(exercise))
    assert "return numbers * (4 if twice else 2)" in shown


def test_a_hint_leads_to_the_next_and_the_last_to_the_solution(exercise, capsys):
    exercise.hint()
    told = capsys.readouterr().out
    assert "hint 1 of 3" in told and "ch07.double.hint(2)" in told
    assert "\n\n    a = b\n\nMore.\n" in told
    exercise.hint(3)
    assert "ch07.double.solution()" in shown(capsys)
    exercise.hint(4)
    assert "There are 3 hints" in shown(capsys)


def test_a_failure_needs_no_evidence():
    assert Failure("Only a message.").evidence == ""


# ----------------------------------------------------------------------------- a real kernel


def test_a_real_notebook_goes_on_after_every_outcome(tmp_path):
    cells = [
        "from tutorial_lib.exercises import ch02\nch02.causal_mask.card()",
        "def causal_mask(kernel_size, *, include_center):\n    ____\n\n"
        "causal_mask = ch02.causal_mask.check(causal_mask)",
        "def causal_mask(kernel_size, *, include_center):\n    return kernel_size[0]\n\n"
        "causal_mask = ch02.causal_mask.check(causal_mask)",
        "import sys\n\ndef causal_mask(kernel_size, *, include_center):\n    sys.exit()\n\n"
        "causal_mask = ch02.causal_mask.check(causal_mask)",
        "print(causal_mask(3, include_center=True).sum().item())\nch02.progress()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client = NotebookClient(notebook, kernel_name="python3", timeout=120)
    client.execute(env={**os.environ, "TUTORIAL_STATE_DIR": str(tmp_path / "kernel")})
    pages_of = [
        [out for out in c.outputs if out.output_type == "display_data"] for c in notebook.cells
    ]
    assert [len(each) for each in pages_of] == [1] * 5
    for (page,), outcome in zip(
        pages_of, ("2.1", "not attempted", "raised", "raised", "all"), strict=True
    ):
        assert sorted(page.data) == ["text/markdown", "text/plain"]
        assert outcome in page.data["text/markdown"] and outcome in page.data["text/plain"]
    assert "line 2, in causal_mask: return kernel_size[0]" in pages_of[2][0].data["text/plain"]
    assert notebook.cells[4].outputs[0].text == "5.0\n"
