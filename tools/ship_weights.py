"""Ship a finished run: `python tools/ship_weights.py RUN NAME`.

Copies the weights into the package, writes results/NAME.json with the run's settings and the
held-out numbers of the weights *as shipped* (read back from the file and evaluated anew, in
float32), draws the strip of samples for the README, and refreshes the tables of results.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import results_table

from tutorial_lib import data, recipes
from tutorial_lib.grids import write_sample_grids
from tutorial_lib.pretrained import load_pretrained

ROOT = Path(__file__).resolve().parent.parent
PER_CLASS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished two-stage run")
    parser.add_argument("name", help="name of the weights, as in load_pretrained(NAME)")
    parser.add_argument("--note", default="", help="what else to know of the run, for the JSON")
    options = parser.parse_args()
    target = ROOT / "tutorial_lib" / "weights" / f"{options.name}.safetensors"
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(options.run / "two-stage.safetensors", target)

    model = load_pretrained(options.name)
    result = json.loads((options.run / "result.json").read_text(encoding="utf-8"))
    dataset = data.load(result["dataset"])
    for split in ("valid", "test"):
        result[split] = recipes.evaluate_two_stage(model, getattr(dataset, split))
    result["note"] = options.note
    result["weights_sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    results = ROOT / "results"
    results.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2) + "\n"
    (results / f"{options.name}.json").write_text(text, encoding="utf-8")
    shutil.copyfile(
        options.run / "vqvae" / "metrics.jsonl", results / f"{options.name}.vqvae.jsonl"
    )
    shutil.copyfile(
        options.run / "prior" / "metrics.jsonl", results / f"{options.name}.prior.jsonl"
    )
    picture = results / f"{options.name}.png"
    write_sample_grids(model, n=PER_CLASS * model.n_classes, label=None, out=picture)
    for name in results_table.FILES:
        path = ROOT / name
        wanted = results_table.table(results_table.load_results())
        path.write_text(results_table.with_table(path.read_text(), wanted), encoding="utf-8")
    print(f"shipped {target} ({target.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
