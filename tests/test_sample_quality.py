"""Precision, recall and nearest neighbours, on points that can be drawn on paper."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.codes.sample_quality import (
    CHUNK_ROWS,
    ball_radii,
    inside_a_ball,
    nearest_neighbors,
    precision_and_recall,
)


def line(*places):
    """Points on the number line, as (N, 1)."""
    return torch.tensor(places, dtype=torch.float64).unsqueeze(1)


def cloud(seed, n, dim=3, spread=1.0):
    noise = torch.Generator().manual_seed(seed)
    return spread * torch.randn(n, dim, generator=noise)


# -------------------------------------------------------------------------- by hand


def test_the_nearest_come_first_and_with_their_numbers():
    found = nearest_neighbors(line(0, 10), line(12, 1, 7), k=2)
    assert found.indices.tolist() == [[1, 2], [0, 2]]
    assert found.distances.tolist() == [[1, 7], [2, 3]]


def test_distances_are_euclidean():
    found = nearest_neighbors(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [5.0, 5.0]]))
    assert found.distances.item() == 5 and found.indices.item() == 0


def test_a_radius_reaches_to_the_kth_fellow_and_a_point_is_not_its_own_fellow():
    points = line(0, 1, 3, 7)
    assert ball_radii(points, k=1).tolist() == [1, 1, 2, 4]
    assert ball_radii(points, k=2).tolist() == [3, 2, 3, 6]
    assert ball_radii(points, k=3).tolist() == [7, 6, 4, 7]


def test_two_equal_points_are_fellows_at_distance_0():
    assert ball_radii(line(2, 2, 5), k=1).tolist() == [0, 0, 3]


def test_one_ball_is_enough_and_its_edge_belongs_to_it():
    inside = inside_a_ball(line(-1, 1, 1.01, 8.5), line(0, 10), line(1, 2).flatten())
    assert inside.tolist() == [True, True, False, True]


def test_a_ball_that_is_not_the_nearest_may_cover_a_point():
    """2.5 is nearer to 4, whose ball is small, than to 0, whose ball is large."""
    assert inside_a_ball(line(2.5), line(0, 4), line(3, 1).flatten()).item()


def test_precision_and_recall_by_hand():
    """Real 0 1 3 with radii 1 1 2, drawn 1 2 9 with radii 1 1 7, for k = 1."""
    found = precision_and_recall(line(0, 1, 3), line(1, 2, 9), k=1)
    assert found.precision == pytest.approx(2 / 3)  # 9 is outside: the ball of 3 ends at 5
    assert found.recall == 1  # 0 and 3 lie on edges


# ------------------------------------------------------------------- as they should behave


def test_the_same_points_are_precise_and_complete():
    points = cloud(0, 40)
    assert precision_and_recall(points, points.clone(), k=3) == (1, 1)


def test_two_draws_of_one_cloud_score_high_on_both():
    found = precision_and_recall(cloud(0, 400), cloud(1, 400))
    assert min(found) > 0.9


def test_points_far_away_score_zero_on_both():
    assert precision_and_recall(cloud(0, 40), cloud(1, 40) + 1000) == (0, 0)


def test_one_image_over_and_over_is_precise_and_covers_nothing():
    real = cloud(0, 60)
    found = precision_and_recall(real, real[:1].expand(60, -1))
    assert found.precision == 1 and found.recall == pytest.approx(1 / 60)


def test_a_narrow_cloud_loses_recall_and_a_wide_one_precision():
    real = cloud(0, 300)
    narrow = precision_and_recall(real, cloud(1, 300, spread=0.3))
    wide = precision_and_recall(real, cloud(1, 300, spread=3.0))
    assert narrow.precision > 0.95 > 0.5 > narrow.recall
    assert wide.recall > 0.8 > 0.5 > wide.precision


def test_exchanging_the_sets_exchanges_the_numbers():
    a, b = cloud(0, 50), cloud(1, 30, spread=2.0)
    forth, back = precision_and_recall(a, b, k=2), precision_and_recall(b, a, k=2)
    assert forth == (back.recall, back.precision) and forth.precision != forth.recall


@given(st.integers(0, 50), st.floats(0.01, 100))
def test_the_unit_of_length_and_the_origin_do_not_matter(seed, scale):
    a, b = cloud(seed, 20).double(), cloud(seed + 1, 20, spread=1.5).double()
    assert precision_and_recall(a, b) == precision_and_recall(scale * a + 3, scale * b + 3)


def test_many_points_are_worked_on_in_pieces_to_the_same_end():
    points, others = cloud(0, 2 * CHUNK_ROWS + 7, dim=2), cloud(1, 50, dim=2)
    found = nearest_neighbors(points, others, k=2)
    for i in (0, CHUNK_ROWS, 2 * CHUNK_ROWS + 6):
        each = [math.dist(points[i].tolist(), other.tolist()) for other in others]
        assert found.distances[i].tolist() == pytest.approx(sorted(each)[:2])
        assert each[found.indices[i, 0]] == min(each)


def test_a_copy_is_found_at_distance_zero_to_the_last_bit():
    """The usual shortcut ||a||^2 - 2ab + ||b||^2 leaves a rest for large numbers."""
    points = 1e4 + cloud(0, 300, dim=64)
    found = nearest_neighbors(points, points)
    assert (found.distances == 0).all()
    assert found.indices.flatten().tolist() == list(range(300))


# ------------------------------------------------------------------------------ complaints


def test_more_neighbours_than_points_are_refused():
    with pytest.raises(ValueError, match="only 3 others, got k=4"):
        nearest_neighbors(line(0), line(1, 2, 3), k=4)
    with pytest.raises(ValueError, match="at most 2, got k=3"):
        ball_radii(line(1, 2, 3), k=3)


@pytest.mark.parametrize("k", [0, -1])
def test_k_counts_from_1(k):
    with pytest.raises(ValueError, match=f"k must be at least 1, got {k}"):
        ball_radii(line(1, 2, 3), k=k)


def test_what_is_no_table_of_features_is_refused(own_messages):
    good = cloud(0, 5)
    with pytest.raises(TypeError, match="floating-point tensor, got torch.int64"):
        precision_and_recall(good, good.long())
    with pytest.raises(ValueError, match=r"real must have shape \(any, any\)|real must have shape"):
        precision_and_recall(good[0], good)
    with pytest.raises(ValueError, match="drawn must have shape"):
        precision_and_recall(good, cloud(0, 5, dim=4))
    with pytest.raises(ValueError, match="drawn must hold finite"):
        precision_and_recall(good, torch.full((5, 3), math.nan))
    with pytest.raises(ValueError, match=r"got shape \(0, 3\)"):
        nearest_neighbors(good, good[:0])


@pytest.mark.parametrize(
    ("radii", "message"),
    [([1.0], "must have shape"), ([1.0, -1.0], r"lie in \[0"), ([1.0, math.inf], "finite")],
)
def test_radii_that_fit_no_balls_are_refused(radii, message, own_messages):
    with pytest.raises(ValueError, match=message):
        inside_a_ball(line(0), line(0, 1), torch.tensor(radii).double())
