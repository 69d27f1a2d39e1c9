"""Make the tables of results from results/*.json: `python tools/results_table.py [--check]`.

The tables stand in README.md and in results/README.md, between two markers. With --check nothing is
written; the exit status is 1 if a table is not the one that the JSON files give.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
FILES = ("README.md", "results/README.md")
TWO_STAGE = (
    "| weights | images | decoder | rate, uniform prior | rate, learned prior "
    "| total, uniform | total, learned | trained on |\n|---|---|---|---|---|---|---|---|"
)
COLUMNS = ("result", "model", "images", "nats per image", "bits/dim", "trained on")
IMAGE_MODELS = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def load_results(folder: Path = ROOT / "results") -> dict[str, dict]:
    """Every result by name, in alphabetical order."""
    files = sorted(folder.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def tables(results: dict[str, dict]) -> str:
    """Markdown: models of pixels first, then two-stage models; full test sets."""
    rows = {"two-stage": [], "pixels": []}
    for name, result in results.items():
        if result["model"] == "two-stage":
            rows["two-stage"].append(two_stage_row(name, result))
        else:
            rows["pixels"].append(image_model_row(name, result))
    return "\n".join([IMAGE_MODELS, *rows["pixels"], "", TWO_STAGE, *rows["two-stage"]])


def two_stage_row(name: str, result: dict) -> str:
    test, minutes = result["test"], sum(result["training_minutes"].values())
    numbers = [
        test[f"{key}_bits_per_dim"]
        for key in ("decoder", "uniform_rate", "prior_rate", "total_uniform", "total_prior")
    ]
    cells = " | ".join(f"{number:.3f}" for number in numbers)
    levels = f"{result.get('n_levels', 256)} levels"
    images = f"{test['images']:,} test images of {result['dataset']}, {levels}"
    return f"| `{name}` | {images} | {cells} | {trained_on(result, minutes)} |"


def image_model_row(name: str, result: dict) -> str:
    test, arguments = result["test"], result["arguments"]
    if "kl_nats" in test:  # a bound, not the cost itself
        size, relation = f"code of {arguments['code_dim']} numbers", "at most "
    else:
        size, relation = f"{arguments['n_layers']} layers of {arguments['n_channels']}", ""
    model = f"{result['model']}, {size}"
    levels = f"{result['n_levels']} levels"
    images = f"{test['images']:,} test images of {result['dataset']}, {levels}"
    nats, bits = f"{test['nats_per_image']:.2f}", f"{test['bits_per_dim']:.4f}"
    numbers = f"{relation}{nats} | {relation}{bits}"
    trained = trained_on(result, result["training_minutes"])
    return f"| `{name}` | {model} | {images} | {numbers} | {trained} |"


def trained_on(result: dict, minutes: float) -> str:
    device = result["provenance"]["device"]
    device = "CPU" if device == "cpu" else device
    return f"{result['training_images']:,} images, {minutes:.0f} minutes, {device}"


def with_table(text: str, new_table: str) -> str:
    """The text with what stands between the markers replaced. ValueError without both markers."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"expected one {BEGIN} and one {END}")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{new_table}\n{END}{rest.split(END)[1]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if out of date")
    options = parser.parse_args()
    new_table, stale = tables(load_results()), []
    for name in FILES:
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        wanted = with_table(text, new_table)
        if text != wanted:
            stale.append(name)
            if not options.check:
                path.write_text(wanted, encoding="utf-8")
    for name in stale:
        print(
            f"{name}: {'out of date: run tools/results_table.py' if options.check else 'updated'}"
        )
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
