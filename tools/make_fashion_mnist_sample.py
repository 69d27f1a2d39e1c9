"""Makes tutorial_lib/data/fashion_mnist_sample.npz again from the full Fashion-MNIST.

    python tools/make_fashion_mnist_sample.py [--out FILE]

The same images in the same order come out on every machine; only the compressed bytes may differ,
with the version of zlib. The SHA-256 printed at the end is that of the arrays, and
`tutorial_lib/data/sample.py` holds it as SAMPLE_SHA256.
"""

import argparse
from pathlib import Path

import numpy as np

from tutorial_lib import data
from tutorial_lib.data.sample import SAMPLE_PATH, SAMPLE_SHA256, arrays_sha256

SEED = 1708_07747  # the arXiv number of the Fashion-MNIST paper
N_PER_CLASS = {"train": 900, "valid": 100, "test": 200}


def select(labels: np.ndarray, n_per_class: int, random: np.random.RandomState) -> np.ndarray:
    """Positions of n_per_class examples of each class, in random order."""
    chosen = [
        random.permutation(np.flatnonzero(labels == label))[:n_per_class]
        for label in np.unique(labels)
    ]
    return random.permutation(np.concatenate(chosen))


def make_sample(full: data.ImageDataset) -> dict[str, np.ndarray]:
    """The arrays of the sample: levels, labels and official positions of each split."""
    # The legacy generator: numpy promises that its numbers never change.
    random = np.random.RandomState(SEED)
    arrays = {}
    for name, split in full.splits().items():
        chosen = select(split.labels.numpy(), N_PER_CLASS[name], random)
        first = len(full.train) if name == "valid" else 0  # valid continues the training file
        arrays[f"{name}_levels"] = split.levels.numpy()[chosen, 0]
        arrays[f"{name}_labels"] = split.labels.numpy()[chosen].astype(np.uint8)
        arrays[f"{name}_positions"] = (chosen + first).astype(np.int32)
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=SAMPLE_PATH)
    out = parser.parse_args().out
    arrays = make_sample(data.load("fashion-mnist"))
    np.savez_compressed(out, **arrays)
    actual = arrays_sha256(arrays)
    verdict = "as it should be" if actual == SAMPLE_SHA256 else f"expected {SAMPLE_SHA256}"
    print(f"{out}: {out.stat().st_size:,} bytes\nSHA-256 of the arrays {actual} ({verdict})")


if __name__ == "__main__":
    main()
