"""Every exercise of every chapter, found and not listed: is it fair, does it see the mistakes?"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import math
import re
from pathlib import Path

import pytest
import torch
from few import few

import tutorial_lib
from tutorial_lib import cli
from tutorial_lib.exercises import audit, discovery, pages, progress
from tutorial_lib.exercises.definition import NOT_ATTEMPTED, PASSED

EXERCISES = discovery.all_exercises()
EACH = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.address)
MISCONCEPTIONS = [(e, m) for e in EXERCISES for m in e.misconceptions]
LIBRARY = Path(tutorial_lib.__file__).parent


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    """Progress of its own for every test, and nobody told anything yet."""
    monkeypatch.setenv("TUTORIAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(progress, "_told", set())


@functools.cache
def graded(exercise, function, seed):
    """A grade depends on the seed alone, so that several tests may look at one."""
    return exercise.grade(function, seed)


def one_line(text):
    return " ".join(text.split())


# ------------------------------------------------------------------------------- discovery


def test_the_first_two_chapters_are_found():
    assert {"ch01", "ch02"} <= set(discovery.chapters())
    assert len(EXERCISES) >= 10


def test_numbers_run_through_each_chapter_and_names_are_those_of_its_module():
    for name, chapter in discovery.chapters().items():
        found = discovery.exercises_of(chapter)
        assert [e.number for e in found] == [f"{int(name[2:])}.{i + 1}" for i in range(len(found))]
        assert all(getattr(chapter, e.name) is e and e.chapter == name for e in found)
        assert callable(chapter.progress)


def test_nothing_in_the_library_imports_the_exercises_but_the_classroom_and_the_command_line():
    importers = {
        path.relative_to(LIBRARY).as_posix()
        for path in LIBRARY.rglob("*.py")
        if path.relative_to(LIBRARY).parts[0] not in ("exercises", "classroom")
        and re.search(r"tutorial_lib(\.| import )exercises", path.read_text(encoding="utf-8"))
    }
    assert importers == {"cli/commands.py"}


# -------------------------------------------------------------------------------- the cards


@EACH
def test_the_card_is_complete(exercise):
    card = str(pages.card(exercise))
    assert exercise.number in card and exercise.title in card
    assert f"{exercise.minutes} minutes · {exercise.points} points" in card
    assert exercise.goal.endswith(".") and "\n" not in exercise.goal
    assert 1 <= exercise.minutes <= 30 and len(exercise.checks) >= 2
    assert all(check.points >= 1 and check.what in one_line(card) for check in exercise.checks)


@EACH
def test_an_exercise_has_three_hints_and_five_misconceptions_and_an_alternative(exercise):
    assert len(exercise.hints) == 3
    assert len(exercise.misconceptions) >= 5 and len(exercise.alternatives) >= 1
    assert len({m.name for m in exercise.misconceptions}) == len(exercise.misconceptions)


@EACH
def test_the_stub_has_the_signature_of_the_reference_a_worked_example_and_one_blank(exercise):
    (function,) = ast.parse(exercise.stub).body
    assert function.name == exercise.name
    assert "By hand:" in ast.get_docstring(function)
    assert len(re.findall("____", exercise.stub)) == 1
    assert isinstance(function.body[-1].value, ast.Name) and len(function.body) == 2
    stub, reference = audit.stub_of(exercise), exercise.reference
    names, wanted = (
        [(p.name, p.kind) for p in inspect.signature(f).parameters.values()]
        for f in (stub, reference)
    )
    assert names == wanted
    assert max(map(len, exercise.stub.splitlines())) <= 100


@EACH
def test_the_solution_shows_the_source(exercise, capsys):
    exercise.solution()
    shown = capsys.readouterr().out
    names = {exercise.name, exercise.reference.__name__} - {"reference"}
    assert any(f"def {name}(" in shown for name in names) and "tutorial_lib/" in shown


@EACH
def test_every_hint_can_be_shown_and_names_no_empty_word(exercise, capsys):
    for number in (1, 2, 3):
        exercise.hint(number)
    words = capsys.readouterr().out + str(pages.card(exercise)) + exercise.stub
    words += " ".join(m.says for m in exercise.misconceptions)
    assert not re.search(r"\b(simply|trivially|obviously|just|easy)\b", words)


# --------------------------------------------------------------------------- fair and exact


@pytest.mark.parametrize("seeds", few([range(4), range(4, 20)], 1), ids=["4", "16 more"])
@EACH
def test_the_reference_passes_on_twenty_draws(exercise, seeds, own_messages):
    """As a learner runs it: without the type checks of the test run, which take much time."""
    for seed in seeds:
        grade = graded(exercise, exercise.reference, seed)
        assert (grade.outcome, grade.points) == (PASSED, exercise.points), (seed, grade.failure)


@EACH
def test_correct_solutions_written_in_another_way_pass(exercise):
    for alternative in exercise.alternatives:
        for seed in range(3):
            grade = exercise.grade(alternative, seed)
            assert grade.outcome == PASSED, (alternative.__name__, seed, grade.failure)


@EACH
def test_the_stub_is_not_attempted_and_worth_nothing(exercise, tmp_path):
    grade = exercise.grade(audit.stub_of(exercise))
    assert (grade.outcome, grade.points) == (NOT_ATTEMPTED, 0)
    assert exercise.check(audit.stub_of(exercise)) is exercise.reference
    assert not (tmp_path / "state").exists()


@EACH
def test_credit_is_partial(exercise, own_messages):
    seen = set()
    for misconception in exercise.misconceptions:
        seen.add(graded(exercise, misconception.wrong, 1).points)
        if len(seen) > 1 and max(seen) > 0:  # what all of them earn, the tests below ask
            break
    assert len(seen) > 1 and max(seen) > 0


@EACH
def test_the_reference_leaves_its_arguments_alone_and_prints_nothing(exercise):
    grade = graded(exercise, exercise.reference, 0)
    assert grade.printed == "" and grade.failure is None


# ------------------------------------------------------------------------- misconceptions


@pytest.mark.parametrize("seed", few((1, 2), 1))
@pytest.mark.parametrize(
    ("exercise", "misconception"),
    MISCONCEPTIONS,
    ids=[f"{e.number}-{m.name.replace(' ', '-')}" for e, m in MISCONCEPTIONS],
)
def test_every_misconception_is_told_its_own_sentence_and_evidence(exercise, misconception, seed):
    others = {one_line(m.says) for m in exercise.misconceptions} - {one_line(misconception.says)}
    grade = graded(exercise, misconception.wrong, seed)
    assert grade.outcome != PASSED and 0 <= grade.points < exercise.points
    told = one_line(str(pages.result(exercise, grade, "")))
    assert one_line(misconception.says) in told
    assert not [each for each in others if each in told]
    assert re.search(r"\d", grade.failure.evidence), "evidence names a place or a number"
    assert "could not read" not in told


@EACH
def test_no_sentence_of_a_misconception_is_part_of_another(exercise):
    """Several may share a sentence that is true of all of them."""
    says = {one_line(m.says) for m in exercise.misconceptions}
    assert len(says) >= 5
    assert not [(a, b) for a in says for b in says if a != b and a in b]


# ------------------------------------------------------------------ the examples in the stubs


def example(name):
    (exercise,) = (e for e in EXERCISES if e.name == name)
    return exercise.reference


HALVES = [torch.tensor(0.25), torch.tensor([0.5, 0.125])]


def test_the_worked_examples_of_chapter_01_are_right():
    assert example("log_prob_nats")(HALVES, torch.tensor([0, 1])).item() == pytest.approx(
        -0.98, abs=1e-3
    )
    assert example("sample_pixels")(HALVES, torch.tensor([0.8, 0.6])).tolist() == [1, 0]
    two = torch.zeros(1, 2, 1, 1, 2), torch.zeros(1, 1, 1, 2, dtype=torch.long)
    assert example("nll_nats")(*two).item() == pytest.approx(1.386, abs=1e-3)
    assert example("bits_per_dim")(784 * math.log(2), 784) == pytest.approx(1)
    assert example("entropy_bits")(torch.tensor([0.5, 0.25, 0.25, 0.0])).item() == 1.5


def test_the_worked_examples_of_chapter_02_are_right():
    mask = example("causal_mask")(3, include_center=False)
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    row = torch.tensor([[[[1.0, 2.0, 4.0]]]]), torch.ones(1, 1, 1, 3), torch.zeros(1)
    left = example("masked_conv2d")(*row, torch.tensor([[1.0, 0.0, 0.0]]))
    assert left.flatten().tolist() == [0, 1, 2]
    for include_center, rows in (
        (False, [[0, 0, 0], [1, 0, 0], [1, 1, 0]]),
        (True, [[1, 0, 0], [1, 1, 0], [1, 1, 1]]),
    ):
        color = example("color_causal_mask")(3, 3, 3, n_colors=3, include_center=include_center)
        assert color[:, :, 1, 1].tolist() == rows
    reads = example("influence_row")(lambda x: 3 * x, torch.zeros(1, 1, 2, 3), (1, 2))
    assert reads.nonzero().tolist() == [[1, 2]]
    pairs = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.bool)
    assert example("unread_fraction")(pairs) == pytest.approx(1 / 3)


def image(*rows):
    """One image of one channel from its rows."""
    return torch.tensor([[[*map(list, rows)]]], dtype=torch.float)


def logits_of(p):
    """Two logits that give level 1 the probability p."""
    return torch.log(torch.stack([1 - p, p], dim=1))


def test_the_worked_examples_of_chapter_03_are_right():
    x = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1)
    kernel = torch.zeros(1, 1, 3, 3)
    kernel[..., 1, 1] = 3
    shrink, widen = torch.ones(1, 2, 1, 1), torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    layers = (shrink, torch.ones(1)), (kernel, torch.zeros(1)), (widen, torch.zeros(2))
    assert example("residual_block")(x, *layers).flatten().tolist() == [11, -10]

    def alternating(levels):
        before = torch.cat([torch.zeros_like(levels[..., :1]), levels[..., :-1]], dim=-1)
        return logits_of(torch.where(before == 0, 0.9, 0.1).double())

    uniforms = torch.tensor([[[[0.5, 0.5, 0.95]]]], dtype=torch.float64)
    assert example("sample_images")(alternating, uniforms).flatten().tolist() == [1, 0, 1]
    known = torch.tensor([[[[1, -1, 0]]]])
    completed = example("complete_images")(alternating, known, uniforms)
    assert completed.flatten().tolist() == [1, 0, 0]
    skewed = image((1, 2, 3, 0), (0, 4, 5, 6))
    assert torch.equal(example("skew")(image((1, 2, 3), (4, 5, 6))), skewed)
    back = example("unskew")(image((1, 2, 3, 7), (8, 4, 5, 6)))
    assert torch.equal(back, image((1, 2, 3), (4, 5, 6)))


def test_the_worked_example_of_a_score_over_uneven_batches_is_right():
    """Three images of two pixels that cost 2, 4 and 9 nats, told apart by their levels."""
    images = torch.tensor([[0, 0], [0, 1], [1, 0]]).view(3, 1, 1, 2)
    cost = {(0, 0): 1.0, (0, 1): 2.0, (1, 0): 4.5}

    def model_fn(levels):
        each = [cost[tuple(pixels)] for pixels in levels.flatten(1).tolist()]
        p = torch.exp(-torch.tensor(each, dtype=torch.float64)).view(-1, 1, 1, 1)
        p = torch.where(levels == 1, p, 1 - p)  # of level 1, so that the pixel's own level costs it
        return logits_of(p)

    nats, bits = example("held_out_score")(model_fn, images, 2)
    assert (nats, bits) == (pytest.approx(5), pytest.approx(3.607, abs=1e-3))


def test_the_worked_examples_of_chapter_04_are_right():
    column, weight = image((1,), (2,), (4,)), torch.tensor([10.0, 1.0]).view(1, 1, 2, 1)
    for kind, result in (("A", (0, 1, 12)), ("B", (1, 12, 24))):
        found = example("vertical_conv")(column, weight, mask_type=kind)
        assert found.flatten().tolist() == list(result)
    row, weight = image((1, 2, 4)), torch.tensor([[[[10.0, 1.0]]]])
    for kind, result in (("A", (0, 1, 12)), ("B", (1, 12, 24))):
        found = example("horizontal_conv")(row, weight, mask_type=kind)
        assert torch.equal(found, image(result))
    at_one_pixel = {n: torch.tensor([n, 0.0]).view(1, 2, 1, 1) for n in (1.0, 2.0)}
    h = torch.tensor(7.0).view(1, 1, 1, 1)
    parts = (
        lambda v: at_one_pixel[1.0],
        lambda h: at_one_pixel[2.0],
        lambda x: x,
        lambda x: 10 * x,
    )
    for first, added in ((True, 0), (False, 7)):
        v, new_h = example("gated_layer")(h, h, *parts, first=first)
        assert v.item() == pytest.approx(0.381, abs=1e-3)
        assert new_h.item() == pytest.approx(4.975 + added, abs=1e-3)
    mask = example("center_mask")(3, 6, n_colors=3, n_blocks=2, own=False)
    assert mask.tolist() == 2 * [[0, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_the_worked_examples_of_chapter_05_are_right():
    features, table = torch.zeros(1, 2, 1, 1), torch.tensor([[9.0, 9.0], [1.0, 0.0]])
    gated = example("conditional_gate")(features, torch.tensor([1]), table)
    assert gated.item() == pytest.approx(0.381, abs=1e-3)
    bits = torch.tensor([[0.5, 1.5]], dtype=torch.float64)
    prior = torch.tensor([0.25, 0.75], dtype=torch.float64)
    posterior = example("label_posterior")(bits, 2, prior)
    assert posterior.exp().flatten().tolist() == pytest.approx([4 / 7, 3 / 7])
    line = example("soft_labels")(0, 2, 3, 3)
    assert line.tolist() == [[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]]
    h, seed = torch.tensor([[2.0, 1.0]]), torch.cat([image((1, 0)), image((0, 3))])
    spread = example("spatial_context")(h, seed, torch.tensor([[10.0]]), (2, 4))
    assert torch.equal(spread, image((20, 20, 30, 30), (20, 20, 30, 30)))
    known = torch.tensor([1.0, 2, 3, 4, 10], dtype=torch.float64)
    new = torch.tensor([5.0, 1, 30, -30], dtype=torch.float64)
    usual = example("typicality")(new, known)
    assert usual.tolist() == pytest.approx([0.4, 0.4, 0, 0])


def test_the_worked_examples_of_chapter_06_are_right():
    naive, cropped, cached = example("positions_computed")(2, 3).tolist()
    assert naive == [[6] * 3] * 2 and cropped == [[6] * 3, [3] * 3] and cached == [[1] * 3] * 2
    rows = torch.tensor([[[[9.0, 9.0, 9.0], [1.0, 2.0, 3.0]]]])
    kernel = torch.tensor([[[[0.0, 1.0, 0.0], [100.0, 10.0, 0.0]]]])
    window, sums = example("push_row")(rows, torch.tensor([[[4.0, 5.0, 6.0]]]), kernel)
    assert window.flatten().tolist() == [1, 2, 3, 4, 5, 6] and sums[0, 0, 1].item() == 452
    row, kernel = torch.tensor([[[2.0, 3.0, 9.0]]]), torch.tensor([[[10.0, 1.0]]])
    above = torch.tensor([[[100.0, 200.0, 300.0]]])
    for column, result in ((1, 223), (0, 102)):
        assert example("step_in_row")(row, kernel, above, column).item() == result


# --------------------------------------------------------------------------- the audit itself


@pytest.fixture
def only_one(monkeypatch):
    """The command line sees one exercise, chosen by the test."""

    def choose(exercise):
        monkeypatch.setattr(discovery, "all_exercises", lambda: [exercise])

    return choose


def copy_of(exercise, **changes):
    """A copy, since an exercise is no place to leave changes in."""
    return dataclasses.replace(exercise, **changes)


def test_the_audit_of_a_sound_exercise_ends_well(only_one, capsys):
    exercise = EXERCISES[3]
    only_one(exercise)
    cli.main(["exercises", "audit"])
    table = capsys.readouterr().out
    n = len(exercise.misconceptions)
    wanted = [exercise.chapter, exercise.number, exercise.name, *[str(n)] * 2, "2", "2", "passes"]
    assert wanted in [line.split()[:8] for line in table.splitlines()]
    assert f"All 1 exercises are right; {n} misconceptions are recognised." in table


def unsound():
    sound = EXERCISES[3]
    first, second = sound.misconceptions[:2]
    exchanged = (copy_misconception(first, second.says), copy_misconception(second, first.says))
    return {
        "not recognised: times log 2": copy_of(sound, misconceptions=list(exchanged)),
        "the reference does not pass": copy_of(sound, reference=first.wrong),
        "alternative times_log_2 is rejected": copy_of(sound, alternatives=[first.wrong]),
        "there is no alternative": copy_of(sound, alternatives=[]),
        "the stub does not count": copy_of(
            sound, stub="def bits_per_dim(a, b):\n    return a / b\n"
        ),
    }


def copy_misconception(misconception, says):
    return type(misconception)(misconception.name, misconception.wrong, says)


@pytest.mark.parametrize("complaint", unsound())
def test_the_audit_of_an_unsound_exercise_says_why_and_ends_with_1(complaint, only_one, capsys):
    only_one(unsound()[complaint])
    with pytest.raises(SystemExit) as exit_:
        cli.main(["exercises", "audit"])
    assert exit_.value.code == 1
    assert complaint in capsys.readouterr().out


def test_an_audit_of_nothing_does_not_end_well(monkeypatch):
    monkeypatch.setattr(discovery, "all_exercises", list)
    with pytest.raises(SystemExit):
        cli.main(["exercises", "audit"])


def test_the_list_names_every_exercise(capsys):
    cli.main(["exercises", "list"])
    shown = capsys.readouterr().out
    assert all(exercise.address in shown and exercise.title in shown for exercise in EXERCISES)


@pytest.mark.parametrize("chapter", list(discovery.chapters()))
def test_a_chapter_shows_its_progress(chapter, capsys):
    module = discovery.chapters()[chapter]
    module.progress()
    shown = capsys.readouterr().out
    assert all(e.title in shown for e in discovery.exercises_of(module))
    assert "not attempted" in shown
