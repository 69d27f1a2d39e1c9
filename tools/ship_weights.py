"""Ship a finished run: `python tools/ship_weights.py RUN NAME`.

Copies the weights into the package, writes results/NAME.json with the run's settings and the
held-out numbers of the weights *as shipped* (read back from the file and evaluated anew, in
float32), the curves of its training, for a two-stage model a sheet of samples, and refreshes the
tables of results. With --result-only the weights stay behind and the numbers are the run's own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import results_table
from evaluate_weights import held_out

from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.recipes.pretrained import load_pretrained
from tutorial_lib.recipes.sample_sheets import write_sample_grids

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
WEIGHTS = ROOT / "tutorial_lib" / "recipes" / "weights"
PER_CLASS = 12
# The files of a run that are its weights, and the curves of its parts.
WEIGHT_FILES = ("two-stage.safetensors", "weights.safetensors")
PARTS = {"vqvae": ".vqvae", "prior": ".prior", "training": ""}


def evaluate_anew(name: str, result: dict) -> None:
    """Put the held-out numbers of the shipped weights into the result, and draw a sheet."""
    result |= held_out(name, result)
    model = load_pretrained(name)
    if isinstance(model, TwoStageModel):
        picture = RESULTS / f"{name}.png"
        write_sample_grids(model, n=PER_CLASS * model.n_classes, label=None, out=picture)


def ship(run: Path, name: str) -> Path:
    """Copy the weights of a run into the package; returns where they are."""
    source = next(run / file for file in WEIGHT_FILES if (run / file).exists())
    target = WEIGHTS / f"{name}.safetensors"
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, target)
    return target


def refresh_tables() -> None:
    wanted = results_table.tables(results_table.load_results())
    for name in results_table.FILES:
        path = ROOT / name
        path.write_text(results_table.with_table(path.read_text(), wanted), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("name", help="name of the weights, as in load_pretrained(NAME)")
    parser.add_argument("--note", default="", help="what else to know of the run, for the JSON")
    parser.add_argument("--result-only", action="store_true", help="record it, ship no weights")
    options = parser.parse_args()
    result = json.loads((options.run / "result.json").read_text(encoding="utf-8"))
    if not options.result_only:
        target = ship(options.run, options.name)
        evaluate_anew(options.name, result)
        result["weights_sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
        print(f"shipped {target} ({target.stat().st_size / 1e6:.1f} MB)")
    result["note"] = options.note
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2) + "\n"
    (RESULTS / f"{options.name}.json").write_text(text, encoding="utf-8")
    for part, suffix in PARTS.items():
        curve = options.run / part / "metrics.jsonl"
        if curve.exists():
            shutil.copyfile(curve, RESULTS / f"{options.name}{suffix}.jsonl")
    refresh_tables()


if __name__ == "__main__":
    main()
