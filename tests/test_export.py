"""torch.export takes the models whole, for one size of batch: no part of them reads a value.

In another process, without the checks of types that pytest switches on: those cannot be exported.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

EXPORT = """
import json, warnings, torch
from tutorial_lib.gated import GatedPixelCNN
from tutorial_lib.vqvae import VQVAE

warnings.simplefilter("ignore")
LEVELS = torch.randint(4, (3, 1, 8, 8))

def vqvae(**changes):
    sizes = {"in_channels": 1, "n_levels": 4, "n_codes": 5, "code_dim": 3, "n_channels": 4}
    return VQVAE(**{**sizes, **changes}).eval()

CASES = {
    "levels": (vqvae(), LEVELS),
    "Gaussian decoder": (vqvae(n_levels=None), LEVELS / 3),
    "sound": (vqvae(n_dims=1), LEVELS[:, :, 0]),
    "gated": (GatedPixelCNN(n_levels=4, n_channels=4, n_layers=2).eval(), LEVELS),
}
found = {}
for name, (model, x) in CASES.items():
    example = torch.zeros_like(x)  # what is exported must not hang on the numbers it was shown
    given, wanted = torch.export.export(model, (example,)).module()(x), model(x)
    pairs = [(given, wanted)] if isinstance(wanted, torch.Tensor) else [
        (given.loss, wanted.loss),
        (given.decoded, wanted.decoded),
        (given.quantized.indices, wanted.quantized.indices),
    ]
    found[name] = all(torch.allclose(a, b, atol=1e-5) for a, b in pairs)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def exported():
    command = [sys.executable, "-c", EXPORT]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


def test_exported_models_give_what_the_models_give(exported):
    assert len(exported) == 4
    assert all(exported.values()), exported
