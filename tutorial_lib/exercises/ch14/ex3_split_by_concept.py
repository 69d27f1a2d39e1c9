"""Exercise 14.3: a split that no concept crosses."""

import torch
from jaxtyping import Bool
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(concepts: Tensor, order: Tensor, n_held_out: int) -> Bool[Tensor, "N"]:
    """Which images are held out: all that draw one of the first n_held_out concepts of `order`."""
    return torch.isin(concepts, order[:n_held_out])


split_by_concept = Exercise(
    "14.3",
    "A split that does not leak",
    goal="Hold out concepts, with all the images that draw them.",
    minutes=10,
    reference=reference,
    otherwise="Other images are held out.",
    stub='''\
def split_by_concept(concepts: torch.Tensor, order: torch.Tensor, n_held_out: int) -> torch.Tensor:
    """Which images are held out, so that no concept is drawn on both sides of the split.

    concepts    (N,) torch.long: what each image draws, as a number. Several images may draw the
                same, anywhere in the list
    order       (K,) torch.long: every concept once, shuffled
    n_held_out  how many *concepts* are held out: the first ones of `order`
    returns     (N,) torch.bool: True for an image that is held out

    By hand: five images draw the concepts [3, 1, 3, 0, 2]. order = [3, 0, 2, 1] and n_held_out = 2
             hold out concepts 3 and 0: [True, False, True, True, False]
    """
    ____
''',
    answer="""\
def split_by_concept(concepts, order, n_held_out):
    chosen = order[:n_held_out]  # concepts, not images
    held_out = torch.zeros(len(concepts), dtype=torch.bool)
    for concept in chosen:
        held_out |= concepts == concept  # every image that draws it
    return held_out  # all at once: torch.isin(concepts, chosen)
""",
    hints=(
        """Two steps: which concepts are held out, and which images draw one of those. The second
        may give more images for one concept than for another.""",
        """`order[:n_held_out]` are the chosen concepts. `torch.isin(concepts, chosen)` asks of each
        image whether its concept is among them; so does `(concepts[:, None] ==
        chosen).any(dim=1)`.""",
        """If as many images are held out as `n_held_out` says, images were counted and not
        concepts. If a concept stands on both sides, the images were chosen and not the
        concepts.""",
    ),
)

AS_IMAGES = (
    "The numbers of `order` are taken as places of images. They are concepts: look for the images "
    "that draw them."
)
NO_MASK = "These are the right images, as places or in another dtype. Asked for is True or False \
for every image, torch.bool."


def _trial(n_concepts, n_held_out, rng, most=3, least=1):
    """Every concept is drawn between `least` and `most` times, in any places."""
    times = torch.randint(least, most + 1, (n_concepts,), generator=rng)
    concepts = torch.arange(n_concepts).repeat_interleave(times)
    concepts = concepts[torch.randperm(len(concepts), generator=rng)]
    return Trial((concepts, torch.randperm(n_concepts, generator=rng), n_held_out))


@split_by_concept.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    concepts, order, n_held_out = trial.args
    (i,) = first_difference(got, want)
    side = {True: "held out", False: "trained on"}
    return (
        f"{len(concepts)} images of {len(order)} concepts; held out are the concepts "
        f"{order[:n_held_out].tolist()}. Image {i} draws concept {int(concepts[i])}, so it is "
        f"{side[bool(want[i])]}. Your function says {side[bool(got[i])]}."
    )


split_by_concept.trials("every concept drawn once")(
    lambda rng: [_trial(8, 3, rng, most=1), _trial(12, 5, rng, most=1)]
)
split_by_concept.trials("every concept drawn twice, anywhere")(
    lambda rng: [_trial(9, 4, rng, most=2, least=2)]
)
split_by_concept.trials("some drawn once, some often")(
    lambda rng: [_trial(10, 4, rng, most=5), _trial(15, 2, rng, most=4)]
)
split_by_concept.also_try(
    lambda rng: [_trial(9, 5, rng), _trial(14, 6, rng, least=2), _trial(11, 4, rng, most=4)]
)


def _positions(concepts, order):
    """Where each image's concept stands in `order`."""
    return torch.argsort(order)[concepts]


def _mask(concepts, places):
    mask = torch.zeros(len(concepts), dtype=torch.bool)
    mask[places] = True
    return mask


def _which_time(concepts):
    """(N,): how many images before it draw the same."""
    same = concepts[:, None] == concepts
    return same.tril(-1).sum(dim=1)


@split_by_concept.mistakes
class Mistakes:
    def the_first_images(concepts, order, n_held_out):
        """The first images are held out, whatever they draw. Their concepts may be drawn again on
        the other side."""
        return torch.arange(len(concepts)) < n_held_out

    def the_last_images(concepts, order, n_held_out):
        """The last images are held out, whatever they draw. Their concepts may stand on both
        sides."""
        return torch.arange(len(concepts)) >= len(concepts) - n_held_out

    @says(AS_IMAGES)
    def order_of_images(concepts, order, n_held_out):
        return _mask(concepts, order[:n_held_out])

    def the_training_images(concepts, order, n_held_out):
        """These are the images to train on. True is asked for those that are held out."""
        return ~reference(concepts, order, n_held_out)

    def order_ignored(concepts, order, n_held_out):
        """The concepts with the lowest numbers are held out, and `order` plays no part. Numbers
        often follow a list with the like side by side: shuffle."""
        return concepts < n_held_out

    def the_highest_numbers(concepts, order, n_held_out):
        """The concepts with the highest numbers are held out, and `order` plays no part."""
        return concepts >= len(order) - n_held_out

    def the_last_of_the_order(concepts, order, n_held_out):
        """The last concepts of `order` are held out. Asked for are the first."""
        return torch.isin(concepts, order[len(order) - n_held_out :])

    def one_drawing_of_each(concepts, order, n_held_out):
        """One drawing of each chosen concept is held out, and the others are trained on. That is
        the leak: take all of them."""
        return reference(concepts, order, n_held_out) & (_which_time(concepts) == 0)

    def all_but_one_drawing(concepts, order, n_held_out):
        """The first drawing of each chosen concept stays in training. Take all of them."""
        return reference(concepts, order, n_held_out) & (_which_time(concepts) > 0)

    def the_last_drawing_of_each(concepts, order, n_held_out):
        """Only the last drawing of each chosen concept is held out. The others are trained on."""
        last = _which_time(concepts.flip(0)).flip(0) == 0
        return reference(concepts, order, n_held_out) & last

    def order_of_the_wrong_way(concepts, order, n_held_out):
        """`order[concept]` is asked, the concept at that place of the shuffled list. Asked for is
        whether the concept is *among* the first of the list."""
        return order[concepts] < n_held_out

    def one_too_many(concepts, order, n_held_out):
        """One concept too many is held out."""
        return reference(concepts, order, n_held_out + 1)

    def one_too_few(concepts, order, n_held_out):
        """One concept too few is held out."""
        return reference(concepts, order, n_held_out - 1)

    def from_the_second(concepts, order, n_held_out):
        """The first concept of `order` is skipped: it has the number 0."""
        return torch.isin(concepts, order[1 : n_held_out + 1])

    def one_concept(concepts, order, n_held_out):
        """Only one concept is held out, the one at place n_held_out. Take all before it."""
        return concepts == order[n_held_out]

    def the_first_concept_alone(concepts, order, n_held_out):
        """Only the first concept is held out: later ones overwrite or are never asked."""
        return concepts == order[0]

    def the_last_concept_alone(concepts, order, n_held_out):
        """Only the last of the chosen concepts is held out. In a loop, join the masks with `|`."""
        return concepts == order[n_held_out - 1]

    def images_counted(concepts, order, n_held_out):
        """Concepts are taken until there are `n_held_out` *images*. It counts concepts."""
        places = _positions(concepts, order)
        by_concept = torch.bincount(places, minlength=len(order))
        enough = int((by_concept.cumsum(0) < n_held_out).sum()) + 1
        return places < enough

    def images_counted_and_cut(concepts, order, n_held_out):
        """The images are sorted by concept and the first `n_held_out` of them taken. It counts
        concepts."""
        places = torch.argsort(_positions(concepts, order), stable=True)
        return _mask(concepts, places[:n_held_out])

    def pairs_side_by_side(concepts, order, n_held_out):
        """The drawings of a concept are taken to lie side by side, two each. They may lie anywhere,
        and be more or fewer."""
        return torch.isin(torch.arange(len(concepts)) // 2, order[:n_held_out])

    def the_concepts_of_the_first_images(concepts, order, n_held_out):
        """Held out are the concepts of the first images. Asked for are the first of `order`."""
        return torch.isin(concepts, concepts[:n_held_out])

    def all_concepts(concepts, order, n_held_out):
        """Every image is held out: all of `order` was asked, not its first part."""
        return torch.ones(len(concepts), dtype=torch.bool)

    def no_image(concepts, order, n_held_out):
        """No image is held out. A tensor inside a Python set is never equal to another one: compare
        numbers, or use `torch.isin`."""
        return torch.zeros(len(concepts), dtype=torch.bool)

    def concepts_of_the_split(concepts, order, n_held_out):
        """This is an answer for each concept. Asked for is one for each image."""
        return _mask(order, order[:n_held_out])

    @says(NO_MASK)
    def places(concepts, order, n_held_out):
        return reference(concepts, order, n_held_out).nonzero().flatten()

    @says(NO_MASK)
    def zeros_and_ones(concepts, order, n_held_out):
        return reference(concepts, order, n_held_out).long()


@split_by_concept.right
def by_comparing_all(concepts, order, n_held_out):
    return (concepts[:, None] == order[:n_held_out]).any(dim=1)


@split_by_concept.right
def by_places(concepts, order, n_held_out):
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    return place[concepts] < n_held_out


@split_by_concept.right
def by_a_set(concepts, order, n_held_out):
    chosen = set(order[:n_held_out].tolist())
    return torch.tensor([concept in chosen for concept in concepts.tolist()])
