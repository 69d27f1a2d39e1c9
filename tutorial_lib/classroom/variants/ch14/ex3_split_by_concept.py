"""Variants of exercise 14.3: which concepts, and which side is asked for."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch14
from tutorial_lib.exercises.trials import Trial

split_by_concept = Variants(
    ch14.split_by_concept,
    by_hand=(
        "five images draw the concepts [3, 1, 3, 0, 2]. order = [3, 0, 2, 1] and n_held_out = 2. "
        "{outcome}"
    ),
    examples=(
        "split_by_concept(torch.tensor([3, 1, 3, 0, 2, 5, 4, 4]), "
        "torch.tensor([4, 0, 3, 2, 5, 1]), 2)",
    ),
)


def _twist(says, returned, by_hand, asked, **words):
    """asked(concept, order as a list, n) -> what the result says of an image of this concept."""

    @split_by_concept.twist(says, returns=returned, outcome=by_hand, **words)
    def right(concepts, order, n_held_out):
        listed = order.tolist()
        answers = torch.tensor([asked(c, listed, n_held_out) for c in range(len(listed))])
        return answers[concepts]

    @split_by_concept.right
    def image_by_image(concepts, order, n_held_out):
        listed = [int(each) for each in order]
        return torch.tensor([asked(int(c), listed, n_held_out) for c in concepts])


_twist(
    "Asked is the training side.",
    "(N,) torch.bool: True for an image that may be trained on",
    "Concepts 3 and 0 are held out: [False, True, False, False, True]",
    lambda concept, order, n: concept not in order[:n],
)
_twist(
    "Held out are the last concepts of `order`.",
    "(N,) torch.bool: True for an image that is held out",
    "Concepts 2 and 1 are held out: [False, True, False, False, True]",
    lambda concept, order, n: concept in order[len(order) - n :],
    n_held_out="how many *concepts* are held out: the last ones of `order`",
)
_twist(
    "Concepts 2k and 2k + 1 are twins, and nobody may be trained on a twin of what is held out.",
    "(N,) torch.bool: True for an image that is held out, because of its concept or of its twin",
    "Concepts 3 and 0 are held out, and their twins 2 and 1: all five are True",
    lambda concept, order, n: concept // 2 in [each // 2 for each in order[:n]],
)
_twist(
    "The first of `order` is trained on, whatever happens; the next ones are held out.",
    "(N,) torch.bool: True for an image that is held out",
    "Concepts 0 and 2 are held out: [False, False, False, True, True]",
    lambda concept, order, n: concept in order[1 : n + 1],
    n_held_out="how many *concepts* are held out: those of `order` from the second on",
)


def _trial(n_concepts, n_held_out, rng, most=3, least=1) -> Trial:
    times = torch.randint(least, most + 1, (n_concepts,), generator=rng)
    concepts = torch.arange(n_concepts).repeat_interleave(times)
    concepts = concepts[torch.randperm(len(concepts), generator=rng)]
    return Trial((concepts, torch.randperm(n_concepts, generator=rng), n_held_out))


split_by_concept.trials("every concept drawn once")(
    lambda rng: [_trial(8, 3, rng, most=1), _trial(12, 5, rng, most=1)]
)
split_by_concept.trials("every concept drawn twice, anywhere")(
    lambda rng: [_trial(10, 4, rng, most=2, least=2)]
)
split_by_concept.trials("some drawn once, some often")(
    lambda rng: [_trial(10, 4, rng, most=5), _trial(16, 2, rng, most=4)]
)
