"""Run every fault drill at length and print the table: what `make faults` calls.

python tools/run_faults.py                     all of them
python tools/run_faults.py -k saving           those with this word in their name
python tools/run_faults.py --share 0.1         a tenth of the rounds
python tools/run_faults.py --seed 7            other random places
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from random import Random

from run_tests import ONE_THREAD
from tqdm import tqdm

os.environ.update(ONE_THREAD)  # equal bits are promised for equal numbers of threads
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from drills import Drill, all_drills  # noqa: E402


def run(drill: Drill, rounds: int, seed: int) -> tuple[int, int, float, list[str]]:
    """(rounds, survived, seconds, what went wrong)."""
    began, outcomes = time.monotonic(), []
    bar = tqdm(drill.run(rounds, Random(seed)), drill.name, total=rounds, leave=False)
    try:
        for told in bar:
            outcomes.append(told)
    except Exception as error:  # a drill that breaks has not been survived
        outcomes.append(f"{type(error).__name__}: {error}")
    complaints = [told for told in outcomes if told]
    return len(outcomes), len(outcomes) - len(complaints), time.monotonic() - began, complaints


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", help="only drills with this in their name")
    parser.add_argument("--share", type=float, default=1.0, help="of the rounds")
    parser.add_argument("--seed", type=int, default=0)
    known = parser.parse_args(argv)
    chosen = [drill for drill in all_drills() if known.k.lower() in drill.name.lower()]
    width = max((len(drill.name) for drill in chosen), default=0)
    print(f"{'fault':{width}}  rounds  survived  seconds", flush=True)
    lost = []
    for drill in chosen:
        if drill.unavailable:
            print(f"{drill.name:{width}}  skipped: {drill.unavailable}", flush=True)
            continue
        rounds, survived, seconds, complaints = run(
            drill, max(1, round(drill.rounds * known.share)), known.seed
        )
        print(f"{drill.name:{width}}  {rounds:6d}  {survived:8d}  {seconds:7.0f}", flush=True)
        lost += [f"{drill.name}: {told}" for told in complaints]
    print(
        "\n".join(["", *lost[:20], "All survived." if not lost else f"{len(lost)} NOT survived."])
    )
    return 1 if lost or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
