"""Exercise 13.5: balls around real images, balls around drawn ones."""

import torch
from torch import Tensor

from tutorial_lib.codes.sample_quality import precision_and_recall as reference
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial

precision_and_recall = Exercise(
    "13.5",
    "Good, and complete",
    goal="Measure how many drawn points are near real ones, and how many real ones near drawn.",
    minutes=20,
    reference=reference,
    otherwise="These are other shares.",
    parts="a pair (precision, recall)",
    stub='''\
def precision_and_recall(
    real: torch.Tensor, drawn: torch.Tensor, *, k: int = 3
) -> tuple[float, float]:
    """The share of drawn points near real ones, and the share of real points near drawn ones.

    real     (N, D) features of real images
    drawn    (M, D) features of drawn images, from the same network
    k        around each point lies a ball that reaches to its k-th nearest fellow of the same set;
             a point is no fellow of itself
    returns  precision: the share of drawn points inside at least one ball of a real point;
             recall: the share of real points inside at least one ball of a drawn point.
             A point on the edge of a ball is inside

    By hand: D = 1, k = 1. Real 0, 1, 3 have the radii 1, 1, 2, and drawn 1, 2, 9 have 1, 1, 7.
             9 lies in no real ball (the last ends at 5), so precision is 2/3. Recall is 1: 0 and 3
             lie on the edges of the balls around 1 and 2
    """
    ____
''',
    answer="""\
def precision_and_recall(real, drawn, *, k=3):
    def share_inside(points, centers):
        among = torch.cdist(centers, centers).sort(dim=1).values
        radii = among[:, k]  # place 0 is the point itself
        inside = torch.cdist(points, centers) <= radii  # (points, balls)
        return inside.any(dim=1).float().mean().item()

    precision = share_inside(drawn, real)
    recall = share_inside(real, drawn)
    return precision, recall
""",
    hints=(
        """The same question is asked twice, with the two sets exchanged: which of these points
        lie in a ball of those? Write a function for it and call it two times. The radii
        belong to the set that the balls belong to.""",
        """`torch.cdist(a, b)` is the table of distances. A row of `torch.cdist(b, b)`, sorted,
        begins with the point itself at 0, so its k-th fellow stands at place k. `(distances
        <= radii)` spreads over the columns, and `.any(dim=1)` asks for one ball.""",
        """If a set held against itself scores below 1, the radii are too small or belong to
        other points. If k = 1 gives 0 nearly always, each point counts itself as its nearest
        fellow.""",
    ),
)


def _trial(n: int, m: int, k: int, rng: torch.Generator, spread: float = 1.6) -> Trial:
    """Two clouds in a plane, of different size, width and place; distances around 10."""
    real = torch.randn(n, 2, generator=rng, dtype=torch.float64)
    drawn = spread * torch.randn(m, 2, generator=rng, dtype=torch.float64)
    drawn[: m // 3] = 0.3 * drawn[: m // 3] + 1.0
    return Trial((10 * real, 10 * drawn), {"k": k})


def _repeated(rng: torch.Generator, k: int) -> Trial:
    """One real point over and over: every drawn ball has the radius 0."""
    real, _ = _trial(20, 9, 2, rng).args
    return Trial((real, real[:1].repeat(8, 1)), {"k": k})


@precision_and_recall.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    real, drawn = trial.args
    n, m = len(real), len(drawn)
    return (
        f"{n} real and {m} drawn points in a plane, k = {trial.kwargs['k']}. "
        f"{want[0] * m:.0f} of the {m} drawn points lie in a real ball: precision {want[0]:.4f}, "
        f"your function says {got[0]:.4f}. {want[1] * n:.0f} of the {n} real points lie in a "
        f"drawn ball: recall {want[1]:.4f}, your function says {got[1]:.4f}."
    )


@precision_and_recall.trials("a set against itself, and against one far away")
def itself(rng):
    """A set held against itself, and against a copy far away."""
    real = _trial(12, 9, 2, rng).args[0]
    return [Trial((real, other), {"k": 2}) for other in (real.clone(), real + 1e4)]


precision_and_recall.trials("clouds of different size and width", points=2)(
    lambda rng: [_trial(50, 40, 3, rng), _trial(45, 45, 2, rng, 0.5)]
)
precision_and_recall.trials("one point over and over")(lambda rng: [_repeated(rng, 3)])
precision_and_recall.also_try(
    lambda rng: [_trial(60, 45, 3, rng), _trial(40, 70, 2, rng), _repeated(rng, 1)]
)


def _radii(points, k):
    return torch.cdist(points, points).sort(dim=1).values[:, k]


def _share(covered):
    return covered.double().mean().item()


def _both(real, drawn, inside):
    """inside(points, centers) -> bool for each point, asked in both directions."""
    return _share(inside(drawn, real)), _share(inside(real, drawn))


@precision_and_recall.mistakes
class Mistakes:
    def the_edge_is_outside(real, drawn, *, k=3):
        """A point on the edge of a ball is taken to be outside. It is inside: compare with <=."""

        def inside(points, centers):
            return (torch.cdist(points, centers) < _radii(centers, k)).any(dim=1)

        return _both(real, drawn, inside)

    def exchanged(real, drawn, *, k=3):
        """Precision and recall are exchanged. Precision judges the drawn points, recall asks for
        the real ones."""
        return tuple(reference(real, drawn, k=k))[::-1]

    def its_own_fellow(real, drawn, *, k=3):
        """Each point counts itself among its fellows, at distance 0, so every ball is one fellow
        too small."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= _radii(centers, k - 1)).any(dim=1)

        return _both(real, drawn, inside)

    def the_nearest_ball_only(real, drawn, *, k=3):
        """Only the ball around the nearest point is asked. A larger ball, whose middle is farther
        away, may hold the point as well: any ball counts."""

        def inside(points, centers):
            distance, nearest = torch.cdist(points, centers).min(dim=1)
            return distance <= _radii(centers, k)[nearest]

        return _both(real, drawn, inside)

    def every_ball(real, drawn, *, k=3):
        """A point has to lie in all balls here. One is enough."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= _radii(centers, k)).all(dim=1)

        return _both(real, drawn, inside)

    def one_radius_for_all(real, drawn, *, k=3):
        """All balls have the same radius, the mean. Each ball has its own: large where points are
        rare, small where they are dense."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= _radii(centers, k).mean()).any(dim=1)

        return _both(real, drawn, inside)

    def the_largest_radius(real, drawn, *, k=3):
        """All balls are as large as the largest one, so that one stray point opens the door to
        everything."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= _radii(centers, k).max()).any(dim=1)

        return _both(real, drawn, inside)

    def balls_around_the_wrong_points(real, drawn, *, k=3):
        """The balls lie around the points that are judged. A stray drawn point has a large ball of
        its own, and would call itself good: the balls belong to the other set."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= _radii(points, k)[:, None]).any(dim=1)

        return _both(real, drawn, inside)

    def radii_across_the_sets(real, drawn, *, k=3):
        """The radii reach to the k-th nearest point of the *other* set. Every ball then holds k
        points, however far away they are: the fellows are those of the same set."""

        def inside(points, centers):
            reach = torch.cdist(centers, points).sort(dim=1).values[:, k - 1]
            return (torch.cdist(points, centers) <= reach).any(dim=1)

        return _both(real, drawn, inside)

    def one_direction(real, drawn, *, k=3):
        """Both numbers are the precision. For recall the roles are exchanged: balls around the
        drawn points."""
        precision, _ = reference(real, drawn, k=k)
        return precision, precision

    def share_of_balls(real, drawn, *, k=3):
        """You count the balls that hold a point. What is asked for is the share of points that lie
        in a ball."""

        def used(points, centers):
            return (torch.cdist(points, centers) <= _radii(centers, k)).any(dim=0)

        return _both(real, drawn, used)

    def share_of_pairs(real, drawn, *, k=3):
        """You count pairs of a point and a ball. A point that lies in many balls counts once."""

        def inside(points, centers):
            return torch.cdist(points, centers) <= _radii(centers, k)

        return _both(real, drawn, inside)

    def squared_distances(real, drawn, *, k=3):
        """Squared distances are held against radii that are not squared."""

        def inside(points, centers):
            return (torch.cdist(points, centers).square() <= _radii(centers, k)).any(dim=1)

        return _both(real, drawn, inside)

    def one_fellow_too_many(real, drawn, *, k=3):
        """The balls reach to fellow k + 1. In a sorted row of distances the point itself stands at
        place 0, so fellow k stands at place k."""
        return tuple(reference(real, drawn, k=k + 1))

    def always_3(real, drawn, *, k=3):
        """`k` plays no part: the balls always reach to the third fellow."""
        return tuple(reference(real, drawn, k=3))

    def always_the_nearest(real, drawn, *, k=3):
        """`k` plays no part: the balls always reach to the nearest fellow."""
        return tuple(reference(real, drawn, k=1))

    def the_farthest_fellows(real, drawn, *, k=3):
        """The k-th *farthest* fellow is taken: the distances are sorted downwards."""

        def inside(points, centers):
            reach = torch.cdist(centers, centers).sort(dim=1, descending=True).values[:, k - 1]
            return (torch.cdist(points, centers) <= reach).any(dim=1)

        return _both(real, drawn, inside)

    @says(" ".join(the_farthest_fellows.__doc__.split()))
    def the_farthest_fellows_from_0(real, drawn, *, k=3):
        def inside(points, centers):
            reach = torch.cdist(centers, centers).sort(dim=1, descending=True).values[:, k]
            return (torch.cdist(points, centers) <= reach).any(dim=1)

        return _both(real, drawn, inside)

    def mean_of_the_nearest(real, drawn, *, k=3):
        """The radius is the mean distance to the k nearest fellows. It is the distance to the
        k-th."""

        def inside(points, centers):
            near = torch.cdist(centers, centers).sort(dim=1).values[:, 1 : k + 1]
            return (torch.cdist(points, centers) <= near.mean(dim=1)).any(dim=1)

        return _both(real, drawn, inside)

    def half_the_distance(real, drawn, *, k=3):
        """The balls have half of the distance as their radius. They reach to the fellow itself."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= _radii(centers, k) / 2).any(dim=1)

        return _both(real, drawn, inside)

    def city_block(real, drawn, *, k=3):
        """Distances are sums of absolute differences. A ball needs the Euclidean distance."""

        def inside(points, centers):
            reach = torch.cdist(centers, centers, p=1).sort(dim=1).values[:, k]
            return (torch.cdist(points, centers, p=1) <= reach).any(dim=1)

        return _both(real, drawn, inside)

    def outside(real, drawn, *, k=3):
        """These are the shares of points that lie in *no* ball."""
        precision, recall = reference(real, drawn, k=k)
        return 1 - precision, 1 - recall

    def percent(real, drawn, *, k=3):
        """These are percent. A share runs from 0 to 1."""
        precision, recall = reference(real, drawn, k=k)
        return 100 * precision, 100 * recall

    def one_pair_of_roles(real, drawn, *, k=3):
        """Both numbers are the recall. For precision the roles are exchanged: balls around the real
        points."""
        _, recall = reference(real, drawn, k=k)
        return recall, recall

    def every_k_nearest(real, drawn, *, k=3):
        """A point has to lie in k balls here. One is enough."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= _radii(centers, k)).sum(dim=1) >= k

        return _both(real, drawn, inside)

    def divided_by_the_other_set(real, drawn, *, k=3):
        """The numbers of points inside are divided by the size of the other set. Divide by the
        number of points that are judged."""
        precision, recall = reference(real, drawn, k=k)
        return precision * len(drawn) / len(real), recall * len(real) / len(drawn)

    def the_smallest_radius(real, drawn, *, k=3):
        """All balls are as small as the smallest one. Each ball has its own radius."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= _radii(centers, k).min()).any(dim=1)

        return _both(real, drawn, inside)

    def fellows_of_both_sets(real, drawn, *, k=3):
        """The fellows are sought in both sets together. They are those of the same set."""
        radii = _radii(torch.cat([real, drawn]), k)
        precise = (torch.cdist(drawn, real) <= radii[: len(real)]).any(dim=1)
        return _share(precise), _share((torch.cdist(real, drawn) <= radii[len(real) :]).any(dim=1))

    def not_sorted(real, drawn, *, k=3):
        """The distances are not sorted: the radius reaches to the point with the number k."""

        def inside(points, centers):
            return (torch.cdist(points, centers) <= torch.cdist(centers, centers)[:, k]).any(dim=1)

        return _both(real, drawn, inside)

    @says(" ".join(radii_across_the_sets.__doc__.split()))
    def radii_across_the_sets_from_0(real, drawn, *, k=3):
        def inside(points, centers):
            reach = torch.cdist(centers, points).sort(dim=1).values[:, k]
            return (torch.cdist(points, centers) <= reach).any(dim=1)

        return _both(real, drawn, inside)

    def precision_alone(real, drawn, *, k=3):
        """Only the precision comes back. Recall is asked for as well."""
        return reference(real, drawn, k=k)[0]

    def counts(real, drawn, *, k=3):
        """These are counts. Divide by the number of points that are judged."""
        precision, recall = reference(real, drawn, k=k)
        return precision * len(drawn), recall * len(real)


@precision_and_recall.right
def by_kthvalue(real, drawn, *, k=3):
    def covered(points, centers):
        among = (centers[:, None] - centers[None]).norm(dim=2).fill_diagonal_(float("inf"))
        radii = among.kthvalue(k, dim=1).values
        across = (centers[:, None] - points[None]).norm(dim=2)
        return (across <= radii[:, None]).any(dim=0).float().mean()

    return torch.stack([covered(drawn, real), covered(real, drawn)])


@precision_and_recall.right
def point_by_point(real, drawn, *, k=3):
    def share(points, centers):
        balls = []
        for i, center in enumerate(centers):
            others = torch.cat([centers[:i], centers[i + 1 :]])
            balls.append((center, (others - center).square().sum(dim=1).sort().values[k - 1]))
        n_inside = sum(any((p - c).square().sum() <= r for c, r in balls) for p in points)
        return n_inside / len(points)

    return [share(drawn, real), share(real, drawn)]
