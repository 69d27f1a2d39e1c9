"""A training in a process of its own: killed, interrupted, beside another one, in a notebook.

The processes are forked from one that has imported torch already, so that a round costs little.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch

from drills import Drill, small_run
from drills.small_run import in_a_folder, model, saved_step, step, train
from tutorial_lib.training.checkpoint import FolderInUse

REASON = "" if sys.platform.startswith("linux") else "signals and forked processes, as Linux has"
SECONDS = 60  # after which a process that says nothing is given up
HOLD = 0.004  # seconds a step is made longer, so that signals find the run at work


def begin(work, out: Path):
    """`work(out)` in a process of its own, started and not waited for; torch is there already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tutorial_lib.training", "tutorial_lib.recipes.image_model"])
    process = context.Process(target=work, args=(out,), daemon=True)
    process.start()
    return process


def alone(work, out: Path) -> str:
    """Run `work(out)` to its end. What went wrong, or nothing."""
    process = begin(work, out)
    process.join(SECONDS)
    complaint = (out.parent / "complaint").read_text() if complained(out) else ""
    return complaint or (f"it ended with {process.exitcode}" if process.exitcode else "")


def complained(out: Path) -> bool:
    return (out.parent / "complaint").exists()


def slow_step(out: Path):
    """The step; every one leaves a byte in the file `steps` beside the run."""

    def counted(model, levels):
        with open(out.parent / "steps", "ab", buffering=0) as file:
            file.write(b".")
        time.sleep(HOLD)
        return step(model, levels)

    return counted


def steps_taken(out: Path) -> int:
    path = out.parent / "steps"
    return path.stat().st_size if path.exists() else 0


def wait_for_steps(out: Path, n: int, process) -> None:
    """Until the run has begun its n-th step, counted over all its processes, or has ended."""
    end = time.monotonic() + SECONDS
    while steps_taken(out) < n and process.is_alive() and time.monotonic() < end:
        time.sleep(0.0005)


# -------------------------------------------------------------------------------------- killed


def one_run(out: Path) -> None:
    """What a process does that is killed: train, or go on."""
    torch.set_num_threads(1)
    train(model(), out, step=slow_step(out), save_every_seconds=0.01)


def killed(out: Path, rng: Random, run=one_run) -> str | None:
    """SIGKILL up to three times, at any moment; at the end, the very same numbers."""
    for _ in range(rng.randint(1, 3)):
        process = begin(run, out)
        wait_for_steps(out, steps_taken(out) + rng.randint(0, 8), process)
        time.sleep(rng.uniform(0, 0.01))
        process.kill()
        process.join()
        if out.exists():
            saved_step(out)  # whole and finite
    return small_run.goes_on(out)


# --------------------------------------------------------------------------------- interrupted


def until_finished(out: Path) -> None:
    """A notebook's cell that trains, run again and again; each time the model must be usable.

    Outside of fit signals go by, so that whatever happens has happened in it.
    """
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, lambda *_: None)
    made, complaint = model(), ""
    try:
        finished = False
        while not finished and not complaint:
            try:
                finished = train(made, out, step=slow_step(out)).finished
            except KeyboardInterrupt:
                pass
            complaint = small_run.unusable(made)
            saved_step(out)
        if not complaint and small_run.ends(made, out) != small_run.left_alone():
            complaint = "it ends on other numbers"
    except Exception:
        complaint = traceback.format_exc()
    if complaint:
        (out.parent / "complaint").write_text(complaint)


def interrupted(out: Path, rng: Random, run=until_finished) -> str | None:
    """Ctrl-C once to three times, sometimes twice at once, at any moment."""
    process = begin(run, out)
    wait_for_steps(out, 1, process)
    for _ in range(rng.randint(1, 3)):
        wait_for_steps(out, steps_taken(out) + rng.randint(0, 6), process)
        for delay in [rng.uniform(0, 0.01) for _ in range(rng.choice([1, 2, 2]))]:
            time.sleep(delay)
            if process.is_alive():
                os.kill(process.pid, signal.SIGINT)
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        return "it hangs"
    if complained(out):
        return (out.parent / "complaint").read_text()
    return f"it ended with {process.exitcode}" if process.exitcode else None


# ----------------------------------------------------------------------------------- two runs


def second_run(out: Path) -> None:
    """Complains unless it is refused."""
    try:
        train(model(), out)
    except FolderInUse as error:
        if str(out) in str(error):
            return
    (out.parent / "complaint").write_text("a second run was let into the folder")


def two_runs(out: Path, rng: Random) -> str | None:
    """A second process in the folder of a run is refused; the first one is not disturbed."""
    first = begin(slowest_run, out)
    wait_for_steps(out, rng.randint(1, 5), first)
    told = alone(second_run, out)
    still_there = first.is_alive()
    (out.parent / "go").touch()
    first.join(SECONDS)
    if told or not still_there or first.exitcode:
        return told or f"the first run ended with {first.exitcode}"
    return small_run.goes_on(out)


def slowest_run(out: Path) -> None:
    """Trains, and waits in its sixth step until it is told to go on."""
    torch.set_num_threads(1)
    end = time.monotonic() + SECONDS

    def waiting(model, levels):
        counted = slow_step(out)(model, levels)
        while steps_taken(out) >= 6 and not (out.parent / "go").exists():
            time.sleep(0.01)
            assert time.monotonic() < end
        return counted

    train(model(), out, step=waiting)


# ----------------------------------------------------------------------------------- notebook

SETUP = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import torch
torch.set_num_threads(1)
from drills import small_run
from drills.training_processes import slow_step
out, made = Path({out!r}), small_run.model()
"""
TRAIN = "small_run.train(made, out, step=slow_step(out)).finished"
USE = "small_run.unusable(made)"
COMPARE = "small_run.ends(made, out) == small_run.left_alone()"


def in_a_kernel(rounds: int, rng: Random) -> Iterator[str | None]:
    """The stop button during the cell that trains; the next cell uses the model; once more."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--log-level=50"])
    try:
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / str(number) / "run"
                out.parent.mkdir()
                yield stop_button(manager, client, out, rng.randint(1, 6)) or None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def stop_button(manager, client, out: Path, at: int) -> str:
    tests = str(Path(__file__).parents[1])
    answer(client, SETUP.format(tests=tests, out=str(out)))
    cell = client.execute(TRAIN, user_expressions={})
    end = time.monotonic() + SECONDS
    while steps_taken(out) < at and time.monotonic() < end:
        time.sleep(0.001)
    manager.interrupt_kernel()
    reply = reply_to(client, cell)
    if reply["status"] != "ok":
        return f"the cell ended in {reply.get('ename')}: {reply.get('evalue')}"
    if not at <= saved_step(out) < small_run.N_STEPS:
        return f"stopped in step {at}, it saved step {saved_step(out)}"
    for code, wanted in ((USE, "''"), (TRAIN, "True"), (USE, "''"), (COMPARE, "True")):
        told = answer(client, code)
        if told != wanted:
            return f"{code} is {told}, not {wanted}"
    return ""


def answer(client, code: str) -> str:
    """What the expression in a cell's last line is."""
    lines = code.strip().splitlines()
    source = "\n".join([*lines[:-1], f"_told = {lines[-1]}" if len(lines) == 1 else lines[-1]])
    told = {"told": "_told"} if len(lines) == 1 else {}
    reply = reply_to(client, client.execute(source, user_expressions=told))
    if reply["status"] != "ok":
        return f"{reply['ename']}: {reply['evalue']}"
    return reply["user_expressions"]["told"]["data"]["text/plain"] if told else ""


def reply_to(client, cell: str) -> dict:
    while True:
        reply = client.get_shell_msg(timeout=SECONDS)
        if reply["parent_header"].get("msg_id") == cell:
            return reply["content"]


DRILLS = (
    Drill("training: killed at any moment", in_a_folder(killed), 20, 1, REASON),
    Drill("training: interrupted, once or twice", in_a_folder(interrupted), 20, 1, REASON),
    Drill("training: two runs in one folder", in_a_folder(two_runs), 5, 1, REASON),
    Drill("training: stopped in a notebook", in_a_kernel, 3, 0, REASON),
)
