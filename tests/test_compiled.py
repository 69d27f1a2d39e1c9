"""Every training step is one graph for torch.compile: nothing in it asks the data a question.

The graph is traced on the CPU and run as it is, which takes no compiler.
"""

from __future__ import annotations

import pytest
import torch
from few import few
from training_cases import CASES


@pytest.fixture(autouse=True)
def fresh_graphs(own_messages):
    """The tests' own checks of shapes are no part of the library, and none of a graph."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def in_one_graph(function):
    return torch.compile(function, fullgraph=True, backend="eager", dynamic=False)


def loss_and_gradients(case, compiled):
    model = case.model()
    step = in_one_graph(case.step) if compiled else case.step
    torch.manual_seed(3)
    loss = step(model, *case.examples())["loss"]
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return [loss.detach(), *gradients, *(b.clone() for b in model.buffers())]


FIRST = ("GatedPixelCNN with everything", "CodePrior of 3 dimensions", "VQVAE by averages")
KINDS = [*FIRST, *(name for name in CASES if name not in FIRST and "no restarts" not in name)]


@pytest.mark.parametrize("name", few(KINDS, len(FIRST)))
def test_a_step_is_one_graph_with_the_same_numbers(name):
    case = CASES[name]
    torch.testing.assert_close(loss_and_gradients(case, True), loss_and_gradients(case, False))


def test_a_question_to_the_data_would_break_the_graph():
    case = CASES["PixelCNN"]

    def step(model, images):
        metrics = case.step(model, images)
        return metrics if metrics["loss"].item() > 0 else {}

    with pytest.raises(torch._dynamo.exc.TorchDynamoException):
        in_one_graph(step)(case.model(), *case.examples())


@pytest.mark.parametrize("name", few([name for name in CASES if name.startswith("VQVAE")], 1))
def test_encoder_and_decoder_are_one_graph_each(name):
    vqvae, (images,) = CASES[name].model().eval(), CASES[name].examples()
    images = images if vqvae.n_levels is None else images.long()
    indices = in_one_graph(vqvae.encode_indices)(images)
    decoded = in_one_graph(vqvae.decode_indices)(indices)
    assert torch.equal(indices, vqvae.encode_indices(images))
    torch.testing.assert_close(decoded, vqvae.decode_indices(indices))


@pytest.mark.parametrize("name", ["VQVAE by averages", "VQVAE with a Gaussian decoder"])
def test_a_vqvae_can_be_exported_whole(name):
    vqvae, (images,) = CASES[name].model().eval(), CASES[name].examples()
    images = images if vqvae.n_levels is None else images.long()
    exported = torch.export.export(vqvae, (images,)).module()
    torch.testing.assert_close(exported(images).loss, vqvae(images).loss)
