"""The arithmetic of the live pages that need no weights, held against the library's."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from live_page import in_node, needs_node
from torch import nn

from tutorial_lib.pixels import GatedPixelCNN, MaskedConv2d, as_model, influence_matrix
from tutorial_lib.pixels.gated_layer import GatedLayer, shift_down
from tutorial_lib.pixels.influence import blind_spot

pytestmark = needs_node

READS = """targets.map((target) => {
    const set = m.reads(settings, target);
    return [...set].flatMap((bits) => settings_columns.map((c) => (bits >> c) & 1));
})"""


class TwoStacks(nn.Module):
    """Gated layers with any mask in the first, as a stack that can be probed."""

    def __init__(self, depth, kernel, first):
        super().__init__()
        self.layers = nn.ModuleList(
            GatedLayer(4 if i else 1, 4, kernel, mask_type="B" if i else first)
            for i in range(depth)
        )
        self.layers[0].residual = False

    def forward(self, x):
        v, h = shift_down(x), x
        for layer in self.layers:
            v, h = layer(v, h)
        return h


def one_stack(depth, kernel, first):
    """A stack without ReLUs, whose weights are all positive: no reading is shut or cancelled."""
    types = [first, *"B" * (depth - 1)]
    stack = nn.Sequential(*(MaskedConv2d(1, 1, kernel, mask_type=each) for each in types))
    for weights in stack.parameters():
        nn.init.ones_(weights)
    return stack


def reads_in_the_page(side, **settings):
    settings = {"side": side, **settings}
    targets = [[i // side, i % side] for i in range(side * side)]
    columns = list(range(side))
    found = in_node("reach.js", READS, settings=settings, targets=targets, settings_columns=columns)
    return torch.tensor(found).bool()


@pytest.mark.parametrize("first", "AB")
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("stacks", [1, 2])
def test_the_mask_page_reads_what_the_network_reads(stacks, depth, kernel, first):
    make = one_stack if stacks == 1 else TwoStacks
    measured = influence_matrix(as_model(make(depth, kernel, first)), 7, 7, n_probes=1)
    settings = {"depth": depth, "kernel": kernel, "first": first, "stacks": stacks}
    assert torch.equal(reads_in_the_page(7, **settings), measured)
    if first == "A":
        share = in_node("reach.js", "m.blindShare(settings)", settings={"side": 7, **settings})
        assert share == pytest.approx(blind_spot(measured), abs=1e-12)


def test_two_stacks_of_the_page_are_those_of_the_gated_pixelcnn(randomized):
    model = randomized(GatedPixelCNN(n_channels=4, n_layers=4, kernel_size=3), scale=0.5)
    measured = influence_matrix(model, 6, 6)
    assert torch.equal(reads_in_the_page(6, depth=4, kernel=3, first="A", stacks=2), measured)


@pytest.mark.parametrize("stacks", [1, 2])
def test_a_way_is_shown_exactly_for_pixels_that_are_read_and_every_step_is_a_tap(stacks):
    settings = {"side": 9, "depth": 4, "kernel": 3, "first": "A", "stacks": stacks}
    target, places = [6, 4], [[i // 9, i % 9] for i in range(81)]
    ways = in_node(
        "reach.js",
        "places.map((from) => m.path(settings, from, target))",
        settings=settings,
        places=places,
        target=target,
    )
    reads = reads_in_the_page(9, **{k: v for k, v in settings.items() if k != "side"})[6 * 9 + 4]
    assert [way is not None for way in ways] == reads.tolist()
    for place, way in zip(places, ways, strict=True):
        if way is None:
            continue
        assert way[0][:2] == place and way[-1][:2] == target and len(way) == 5
        for layer, (at, then) in enumerate(pairwise(way)):
            down, right = then[0] - at[0], then[1] - at[1]
            shift = stacks == 2 and layer == 0  # the vertical stack is moved down by one row
            assert 0 <= down <= 1 + shift and abs(right) <= 1
            if stacks == 1 or at[2] == "horizontal":  # to the left only while it moves down
                assert down == 1 or right >= 0
