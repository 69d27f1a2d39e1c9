"""Variants of exercise 13.5: other balls, and density and coverage."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch13
from tutorial_lib.exercises.trials import Trial

POINTS = (
    "torch.tensor([[0.0, 0.0], [2.0, 2.0], [6.0, 1.0]]), "
    "torch.tensor([[3.0, 0.0], [9.0, 9.0], [1.0, 1.0]])"
)
precision_and_recall = Variants(
    ch13.precision_and_recall,
    k=(
        "around each point lies a ball that reaches{reach} to its k-th nearest fellow of the same "
        "set; a point is no fellow of itself{distance}"
    ),
    reach="",
    distance="",
    examples=(
        f"precision_and_recall({POINTS}, k=1)",
        "precision_and_recall(torch.tensor([[0.0, 0.0], [2.0, 2.0]]), "
        "torch.tensor([[-3.5, 0.0], [9.0, 9.0]]), k=1)",
    ),
)


def _distances(points, others, p):
    return torch.linalg.vector_norm(points[:, None] - others, ord=p, dim=2)


def _balls(points, k, p=2.0):
    return _distances(points, points, p).sort(dim=1).values[:, k]


def _one_by_one(points, centers, k, distance, part=1.0):
    """The balls that each point lies in: a list of lists of bool."""
    radii = []
    for i, center in enumerate(centers):
        others = [float(distance(center - c)) for j, c in enumerate(centers) if j != i]
        radii.append(part * sorted(others)[k - 1])
    pairs = list(zip(centers, radii, strict=True))
    return [[bool(distance(point - c) <= r) for c, r in pairs] for point in points]


def _euclidean(difference):
    return difference.square().sum().sqrt()


def _city_block(difference):
    return difference.abs().sum()


def _other_balls(part: float, p: float, distance, says: str, words: dict):
    @precision_and_recall.twist(says, **words)
    def right(real, drawn, *, k=3):
        def share(points, centers):
            inside = _distances(points, centers, p) <= part * _balls(centers, k, p)
            return inside.any(dim=1).double().mean().item()

        return share(drawn, real), share(real, drawn)

    @precision_and_recall.right
    def counted(real, drawn, *, k=3):
        def share(points, centers):
            lies_in = _one_by_one(points, centers, k, distance, part)
            return sum(map(any, lies_in)) / len(points)

        return share(drawn, real), share(real, drawn)


_other_balls(
    0.5,
    2.0,
    _euclidean,
    "A ball is half as wide: it reaches half way to the k-th nearest fellow.",
    {
        "reach": " half way",
        "by_hand": (
            "D = 1, k = 1. Real 0, 1, 3 have the radii 0.5, 0.5, 1, and drawn 1, 2, 9 have 0.5, "
            "0.5, 3.5. 1 and 2 lie in real balls, 9 does not: precision 2/3. Of the real points "
            "only 1 lies in a drawn ball: recall 1/3"
        ),
    },
)
_other_balls(
    1.0,
    1.0,
    _city_block,
    "All distances are city-block distances: the sum of |differences|, not of their squares.",
    {
        "distance": (". A distance is the sum over D of |differences|"),
        "by_hand": (
            "D = 2, k = 1. Real (0, 0), (2, 2) have the radii 4, 4, and drawn (3, 0), (9, 9) have "
            "15, 15. (3, 0) is 3 from both real points, (9, 9) is far: precision 1/2. Both real "
            "points lie in the ball of (3, 0): recall 1"
        ),
    },
)


@precision_and_recall.twist(
    "In the place of precision and recall, asked are density and coverage.",
    asked="How densely drawn points lie among real ones, and how many real ones they cover.",
    distance=(". Only balls of real points are used"),
    returns=(
        "density: in how many balls of real points a drawn point lies, on average, divided by "
        "k; coverage: the share of balls of real points that hold at least one drawn point. A "
        "point on the edge of a ball is inside"
    ),
    by_hand=(
        "D = 1, k = 1. Real 0, 1, 3 have the radii 1, 1, 2. Drawn 1 lies in all three balls, "
        "2.5 in the last, 9 in none: density (3 + 1 + 0) / 3 = 1.333. All three balls hold a "
        "drawn point: coverage 1"
    ),
)
def density_and_coverage(real, drawn, *, k=3):
    inside = _distances(drawn, real, 2.0) <= _balls(real, k)
    density = inside.double().sum() / (k * len(drawn))
    return density.item(), inside.any(dim=0).double().mean().item()


@precision_and_recall.right
def counted(real, drawn, *, k=3):
    lies_in = _one_by_one(drawn, real, k, _euclidean)
    density = sum(map(sum, lies_in)) / k / len(drawn)
    return density, sum(map(any, zip(*lies_in, strict=True))) / len(real)


def _trial(n: int, m: int, k: int, rng: torch.Generator, spread: float = 1.6) -> Trial:
    """Two clouds in space, of different size, width and place; distances around 10."""
    real = torch.randn(n, 3, generator=rng, dtype=torch.float64)
    drawn = spread * torch.randn(m, 3, generator=rng, dtype=torch.float64)
    drawn[: m // 3] = 0.3 * drawn[: m // 3] + 1.0
    return Trial((10 * real, 10 * drawn), {"k": k})


precision_and_recall.trials("small clouds")(
    lambda rng: [_trial(20, 14, 1, rng), _trial(14, 20, 2, rng)]
)
precision_and_recall.trials("clouds of different size and width", points=2)(
    lambda rng: [_trial(50, 40, 3, rng), _trial(45, 45, 2, rng, 0.5)]
)
precision_and_recall.trials("wide balls")(lambda rng: [_trial(30, 24, 6, rng, 2.5)])
