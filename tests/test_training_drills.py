"""The drills of trainings can fail: each one complains of an implementation that is broken."""

import weakref
from random import Random

import pytest
import torch
from drills import small_run, training, training_resources
from drills.small_run import in_a_folder

from tutorial_lib import cli, data, files
from tutorial_lib.sampling import out_of_memory
from tutorial_lib.training import checkpoint
from tutorial_lib.training import run as training_run


def complaints(look, rounds=3):
    return [told for told in in_a_folder(look)(rounds, Random(0)) if told]


def test_it_is_seen_if_the_error_of_a_divergence_does_not_say_what_to_try(monkeypatch):
    monkeypatch.setattr(
        training_run, "TrainingDiverged", lambda _: training.TrainingDiverged("nan")
    )
    assert "not told" in complaints(training.diverges, 1)[0]


def test_it_is_seen_if_a_configuration_is_not_compared(monkeypatch):
    monkeypatch.setattr(checkpoint, "require_same_run", lambda *_: None)
    changed = {"learning_rate": 0.02}

    def look(out, rng):
        small_run.train(small_run.model(), out)
        return training.refusal(out, changed)

    assert complaints(look, 1) == ["a run with other learning_rate went on"]


def test_it_is_seen_if_a_failed_step_is_kept_alive_by_its_traceback(monkeypatch):
    monkeypatch.setattr(out_of_memory, "_let_go", lambda error: None)
    assert "the traceback holds memory" in complaints(training_resources.memory_in_a_step)


def test_it_is_seen_if_the_error_of_a_full_disk_names_no_file(monkeypatch):
    from contextlib import nullcontext

    for module in (files, checkpoint):
        monkeypatch.setattr(module, "file_named", lambda path: nullcontext())
    drill = training_resources.disk_fails(training_resources.NO_ROOM, "free some space")
    assert all("not told" in told for told in drill(2, Random(0)))


def test_it_is_seen_if_a_resumed_run_draws_other_random_numbers(monkeypatch):
    monkeypatch.setattr(checkpoint.torch, "set_rng_state", lambda state: None)
    assert any("other numbers" in told for told in complaints(training.same_numbers))


def test_it_is_seen_if_a_broken_run_leaves_its_model_in_training_mode(monkeypatch):
    monkeypatch.setattr(training_run.TrainingRun, "_close", lambda run: run.folder.release())
    told = complaints(training_resources.memory_in_a_step)
    assert any("training mode" in each or "gradients" in each for each in told)


# ------------------------------------------------------------------------------- what was built


def test_gradients_of_before_do_not_steer_the_first_step():
    clean, stale = small_run.model(), small_run.model()
    small_run.train(clean, None)
    small_run.step(stale, small_run.images()[0])["loss"].backward()
    small_run.train(stale, None)
    assert small_run.ends(clean, None) == small_run.ends(stale, None)


def test_a_backward_pass_that_runs_out_of_memory_is_not_kept_alive_by_its_traceback():
    class Hog(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            kept = torch.zeros(1000)
            ctx.save_for_backward(kept)
            seen.append(weakref.ref(kept))
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            raise MemoryError

    def step(model, levels):
        return {"loss": Hog.apply(small_run.step(model, levels)["loss"])}

    seen = []
    with pytest.raises(out_of_memory.OutOfMemory) as caught:
        small_run.train(small_run.model(), None, step=step)
    assert caught.value.__cause__ is not None and seen[0]() is None


def test_an_error_that_is_not_about_memory_passes_as_it_is():
    with pytest.raises(RuntimeError, match="shape") as caught:
        with out_of_memory.memory_explained(lambda: "here"):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert type(caught.value) is RuntimeError


def test_an_interrupt_kept_back_is_raised_at_the_end_of_the_block():
    import signal

    done = []
    with pytest.raises(KeyboardInterrupt), training_run.Interrupts() as interrupts:
        interrupts.patient = True
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append("all")
    assert done == ["all"]


def test_the_command_line_tells_memory_that_ran_out_in_one_line(monkeypatch, capsys):
    def load(name):
        raise MemoryError

    monkeypatch.setattr(data, "load", load)
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "vqvae", "--profile", "smoke", "--out", "never-made"])
    assert ended.value.code == 1  # no mistake of the command's
    said = capsys.readouterr().err
    assert said.startswith("error: memory ran out") and said.count("\n") == 1
