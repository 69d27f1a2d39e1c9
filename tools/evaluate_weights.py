"""Score the shipped weights again: `python tools/evaluate_weights.py [NAME ...]`, `make results`.

Every number of the tables of results is computed anew, from the weights in the package and the full
test set, and shown beside the one in results/NAME.json as it is printed. The exit status is 1 if a
printed digit differs. Full data sets are fetched once, or read from TUTORIAL_DATA_DIR.
"""

from __future__ import annotations

import argparse
import sys
import time

import results_table

from tutorial_lib import profiles
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.recipes import image_model as image_models
from tutorial_lib.recipes import two_stage as recipes
from tutorial_lib.recipes.pretrained import load_pretrained
from tutorial_lib.recipes.reproduction import images_of
from tutorial_lib.recipes.weights_shelf import available

# What the tables print of a result, and with how many decimals.
PRINTED = {
    "nats_per_image": 2,
    "bits_per_dim": 4,
    "decoder_bits_per_dim": 3,
    "uniform_rate_bits_per_dim": 3,
    "prior_rate_bits_per_dim": 3,
    "total_uniform_bits_per_dim": 3,
    "total_prior_bits_per_dim": 3,
}


def held_out(name: str, result: dict, splits: tuple[str, ...] = ("valid", "test")) -> dict:
    """The held-out numbers of shipped weights, for each split, on the data that `result` names."""
    model = load_pretrained(name).to(profiles.device())
    dataset = images_of(result["dataset"], result.get("n_levels"))
    if isinstance(model, TwoStageModel):
        return {each: recipes.evaluate_two_stage(model, getattr(dataset, each)) for each in splits}
    by_label = result["by_label"]
    return {
        each: image_models.evaluate_image_model(model, getattr(dataset, each), by_label=by_label)
        for each in splits
    }


def differences(stored: dict, found: dict) -> list[str]:
    """A line for each printed number that came out otherwise; none if all agree."""
    return [
        f"{key}: {stored[key]:.{decimals}f} in results/, {found[key]:.{decimals}f} now"
        for key, decimals in PRINTED.items()
        if key in stored and f"{stored[key]:.{decimals}f}" != f"{found[key]:.{decimals}f}"
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of weights; all of them if none is named")
    options = parser.parse_args()
    results, differ = results_table.load_results(), False
    for name in options.names or available():
        began = time.monotonic()
        stored = results[name]["test"]
        found = held_out(name, results[name], ("test",))["test"]
        shown = [f"{found[k]:.{d}f} {k}" for k, d in PRINTED.items() if k in found]
        print(f"{name} ({time.monotonic() - began:.0f} s): {', '.join(shown)}")
        wrong = differences(stored, found)
        print("\n".join(f"    {line}" for line in wrong) or "    as in results/, to the last digit")
        differ = differ or bool(wrong)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
