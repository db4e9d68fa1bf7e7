"""Overlaps and gaps against brute force and faults of known geometry (Q303, Q304, Q305)."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kunyu.kernel.geometry import chains
from kunyu.kernel.geometry.coverage import GAP_EDGE, GAP_HOLE, OUTSIDE, gaps, overlaps, significant_parts
from kunyu.kernel.geometry.tests.coverages import coverage, jittered, sorted_pairs, with_t_junctions

SEEDS = st.integers(0, 2**31)
TOLERANCE = 0.001


def brute_overlaps(polygons):
    """All pairs by exact intersection, no shortcut: {(i, j): area}."""
    n = len(polygons)
    i, j = np.triu_indices(n, 1)
    parts, owner = significant_parts(shapely.intersection(polygons[i], polygons[j]), TOLERANCE)
    area = np.bincount(owner, shapely.area(parts), minlength=len(i))
    return {(int(i[k]), int(j[k])): area[k] for k in np.unique(owner)}


def assert_overlaps_are(polygons, expected, tolerance_m2=1e-3):
    found = overlaps(polygons)

    assert sorted_pairs(found.left, found.right) == set(expected)
    for left, right, geometry, area in zip(found.left, found.right, found.geometry, found.area, strict=True):
        assert area == pytest.approx(expected[left, right], abs=tolerance_m2)
        assert shapely.area(geometry) == area


def square(x, y, side=10.0):
    return shapely.box(x, y, x + side, y + side)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_clean_coverage_has_no_faults(seed):
    polygons = coverage(seed)
    boundary = shapely.union_all(polygons)

    assert len(overlaps(polygons)) == 0
    assert len(gaps(polygons, boundary)) == 0


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_t_junctions_are_no_faults(seed):
    """Vertices up to 0.05 mm off a neighbour's long edge are noise."""
    polygons = coverage(seed, winding=0.0)
    loose = with_t_junctions(polygons, seed)
    boundary = shapely.union_all(polygons)

    assert len(overlaps(loose)) == 0
    assert len(gaps(loose, boundary)) == 0


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_noise_below_the_tolerance_is_no_fault(seed):
    """Every vertex of every parcel moved by up to 0.1 mm on its own."""
    polygons = coverage(seed)
    boundary = shapely.union_all(polygons)
    noisy = jittered(polygons, seed, 1e-4)

    assert len(overlaps(noisy)) == 0
    assert len(gaps(noisy, boundary)) == 0


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 6), st.floats(0.01, 30))
def test_grown_parcels_overlap_as_brute_force_says(seed, count, amount):
    rng = np.random.default_rng(seed)
    polygons = coverage(seed, cells=40)
    chosen = rng.choice(len(polygons), count, replace=False)
    polygons[chosen] = shapely.buffer(polygons[chosen], amount, join_style="mitre", mitre_limit=2)

    assert_overlaps_are(polygons, brute_overlaps(polygons))


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_moved_parcels_overlap_and_leave_gaps_as_brute_force_says(seed, count):
    rng = np.random.default_rng(seed)
    polygons = with_t_junctions(coverage(seed, cells=40, winding=0.01), seed)
    boundary = shapely.union_all(coverage(seed, cells=40, winding=0.01))
    for k in rng.choice(len(polygons), count, replace=False):
        polygons[k] = shapely.transform(polygons[k], lambda xy: xy + rng.uniform(-20, 20, 2))

    assert_overlaps_are(polygons, brute_overlaps(polygons), tolerance_m2=0.02)
    assert_gaps_are_brute_force(polygons, boundary)


def assert_gaps_are_brute_force(polygons, boundary):
    union = shapely.union_all(polygons)
    found = gaps(polygons, boundary)
    uncovered, _ = significant_parts(np.array([shapely.difference(boundary, union)]), TOLERANCE)
    beyond, _ = significant_parts(np.array([shapely.difference(union, boundary)]), TOLERANCE)

    # 0.1 mm along every border is what leading edges through loose vertices may move
    for kinds, expected in (((GAP_HOLE, GAP_EDGE), uncovered), ((OUTSIDE,), beyond)):
        geometry = found.geometry[np.isin(found.kind, kinds)]
        difference = shapely.symmetric_difference(shapely.union_all(geometry), shapely.union_all(expected))
        assert len(significant_parts(np.array([difference]), TOLERANCE)[0]) == 0
        assert shapely.area(geometry).sum() == pytest.approx(shapely.area(expected).sum(), abs=0.05)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 8))
def test_missing_parcels_are_gaps_of_exactly_their_shape(seed, count):
    rng = np.random.default_rng(seed)
    polygons = coverage(seed)
    boundary = shapely.union_all(polygons)
    chosen = rng.choice(len(polygons), count, replace=False)
    gone = shapely.get_parts(shapely.union_all(polygons[chosen]))

    found = gaps(np.delete(polygons, chosen), boundary)

    assert len(found) == len(gone)
    assert sorted(found.area.tolist()) == pytest.approx(sorted(shapely.area(gone).tolist()), abs=1e-3)
    rim = shapely.boundary(boundary)
    for geometry, kind in zip(found.geometry, found.kind, strict=True):
        assert kind == (GAP_EDGE if shapely.distance(geometry, rim) < TOLERANCE else GAP_HOLE)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(0.5, 8))
def test_contained_parcels_are_found(seed, side):
    """A parcel inside another touches none of its edges: an edge comparison alone cannot see it."""
    rng = np.random.default_rng(seed)
    polygons = coverage(seed, cells=30)
    host = int(np.argmax(shapely.area(polygons)))
    centre = shapely.point_on_surface(polygons[host])
    inner = shapely.buffer(centre, side, quad_segs=int(rng.integers(1, 6)))
    polygons = np.append(polygons, inner)

    assert_overlaps_are(polygons, brute_overlaps(polygons))
    assert (host, len(polygons) - 1) in sorted_pairs(*overlaps_pairs(polygons))


def overlaps_pairs(polygons):
    found = overlaps(polygons)
    return found.left, found.right


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 4))
def test_duplicates_are_found(seed, copies):
    rng = np.random.default_rng(seed)
    polygons = coverage(seed, cells=30)
    one = int(rng.integers(len(polygons)))
    turned = shapely.reverse(polygons[one])
    polygons = np.append(polygons, np.array([turned] * (copies - 1), dtype=object))

    expected = brute_overlaps(polygons)

    assert len(expected) == copies * (copies - 1) / 2
    assert_overlaps_are(polygons, expected)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_layer_delivered_twice(seed):
    """Every edge still finds its partner within its own layer; only the outline betrays the second layer."""
    polygons = coverage(seed, cells=20)
    both = np.concatenate((polygons, coverage(seed + 1, cells=20)))

    assert_overlaps_are(both, brute_overlaps(both), tolerance_m2=0.01)


def test_a_parcel_deep_inside_a_second_layer():
    """3 × 3 fine squares over one of coarse squares: the middle one shares all its edges, and still overlaps."""
    coarse = [square(x * 100, y * 100, 100) for x in range(5) for y in range(5)]
    fine = [square(210 + x * 20, 210 + y * 20, 20) for x in range(3) for y in range(3)]
    polygons = np.array(coarse + fine, dtype=object)
    host = 2 * 5 + 2

    assert_overlaps_are(polygons, {(host, len(coarse) + k): 400.0 for k in range(9)})


def test_width_decides_not_area():
    """A 10 km sliver of 0.5 mm has 5 m² and is noise; a 1 cm square of 1 cm² is an overlap."""
    long = np.array([shapely.box(0, 0, 10_000, 10), shapely.box(0, 9.9995, 10_000, 20)], dtype=object)
    small = np.array([shapely.box(0, 0, 10, 10), shapely.box(9.99, 9.99, 20, 20)], dtype=object)

    assert len(overlaps(long)) == 0
    assert overlaps(small).area == pytest.approx([1e-4], rel=1e-6)


@pytest.mark.parametrize(("width", "count"), [(0.0009, 0), (0.0011, 1)])
def test_the_tolerance_is_a_boundary(width, count):
    pair = np.array([shapely.box(0, 0, 100, 10), shapely.box(0, 10 - width, 100, 20)], dtype=object)
    apart = np.array([shapely.box(0, 0, 100, 10), shapely.box(0, 10 + width, 100, 20)], dtype=object)

    assert len(overlaps(pair)) == count
    assert len(gaps(apart, shapely.box(0, 0, 100, 20))) == count


def test_a_true_overlap_at_the_end_of_a_sliver_is_kept():
    """500 m of 0.05 mm sliver and a 2 cm square at its end are one part of too little mean width."""
    upper = shapely.Polygon([(0, 9.99995), (500, 9.99995), (500, 9.98), (500.02, 9.98), (500.02, 20), (0, 20)])
    polygons = np.array([shapely.box(0, 0, 600, 10), upper], dtype=object)

    found = overlaps(polygons)

    assert sorted_pairs(found.left, found.right) == {(0, 1)}
    assert found.area[0] == pytest.approx(4e-4, rel=0.05)


def test_gap_along_the_boundary_island_and_hole():
    boundary = shapely.box(0, 0, 100, 100)
    hole = shapely.box(40, 40, 45, 45)
    parcels = np.array(
        [shapely.box(0, 0, 100, 100).difference(hole).difference(shapely.box(0, 0, 100, 2)), square(200, 200)],
        dtype=object,
    )

    found = gaps(parcels, boundary)

    assert found.kind.tolist() == [GAP_EDGE, GAP_HOLE, OUTSIDE]
    assert found.area == pytest.approx([200.0, 25.0, 100.0], abs=1e-6)
    assert found.width == pytest.approx([400 / 204, 2.5, 5.0], abs=1e-6)
    assert shapely.symmetric_difference(found.geometry[1], hole).area < 1e-6


def test_several_boundaries_count_as_their_union():
    villages = [shapely.box(0, 0, 50, 100), shapely.box(50, 0, 100, 100)]
    parcel_across = np.array([shapely.box(0, 0, 100, 90)], dtype=object)

    found = gaps(parcel_across, villages)

    assert found.area == pytest.approx([1000.0])
    assert found.kind.tolist() == [GAP_EDGE]


def test_nothing_delivered_is_one_gap():
    boundary = shapely.box(0, 0, 100, 100)

    assert gaps(np.empty(0, dtype=object), boundary).area == pytest.approx([10_000.0])
    assert len(gaps(np.empty(0, dtype=object), np.empty(0, dtype=object))) == 0
    assert len(overlaps(np.empty(0, dtype=object))) == 0


def test_bad_records_do_not_stop_the_others():
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    with_nan = shapely.set_coordinates(square(0, 0), [[0, 0], [0, np.nan], [1, 1], [1, 0], [0, 0]])
    with_infinity = shapely.set_coordinates(square(0, 0), [[0, 0], [0, np.inf], [1, 1], [1, 0], [0, 0]])
    flat = shapely.Polygon([(0, 0), (5, 0), (0, 0)])
    polygons = np.array(
        [None, shapely.Polygon(), with_nan, with_infinity, flat, shapely.Point(1, 1), bow_tie, square(0, 0)],
        dtype=object,
    )

    found = overlaps(polygons)

    assert sorted_pairs(found.left, found.right) == {(6, 7)}
    assert found.area == pytest.approx([50.0])
    assert gaps(polygons, square(0, 0, 20)).area == pytest.approx([300.0])


def test_multipolygons_and_holes():
    ring = square(0, 0, 30).difference(square(10, 10))
    plug = square(10, 10)
    both = shapely.MultiPolygon([square(100, 0), square(5, 5, 3)])
    polygons = np.array([ring, plug, both], dtype=object)

    assert_overlaps_are(polygons, {(0, 2): 9.0})


def test_degrees_with_a_tolerance_in_degrees():
    degrees = np.array(
        [shapely.box(113, 34, 113.001, 34.001), shapely.box(113.0009, 34, 113.002, 34.001)], dtype=object
    )

    found = overlaps(degrees, tolerance=1e-8)

    assert found.area == pytest.approx([1e-7], rel=1e-6)


def test_chunks_do_not_change_the_answer(monkeypatch):
    """The residual chain of many small chunks is that of one: memory is bounded, the answer the same."""
    polygons = coverage(3, cells=200)
    polygons[5] = shapely.buffer(polygons[5], 5)
    boundary = shapely.union_all(coverage(3, cells=200))
    whole, whole_gaps = overlaps(polygons), gaps(np.delete(polygons, 9), boundary)

    monkeypatch.setattr(chains, "CHUNK_VERTICES", 300)
    pieces, pieces_gaps = overlaps(polygons), gaps(np.delete(polygons, 9), boundary)

    assert sorted_pairs(whole.left, whole.right) == sorted_pairs(pieces.left, pieces.right)
    assert len(whole) > 0
    assert pieces.area == pytest.approx(whole.area)
    assert pieces_gaps.area == pytest.approx(whole_gaps.area)


def test_order_and_orientation_of_the_input_do_not_matter():
    polygons = coverage(11, cells=50)
    polygons[7] = shapely.buffer(polygons[7], 3)
    order = np.random.default_rng(0).permutation(len(polygons))
    mixed = polygons[order]
    mixed[::2] = shapely.reverse(mixed[::2])

    straight, shuffled = overlaps(polygons), overlaps(mixed)
    back = {tuple(sorted((int(order[i]), int(order[j])))) for i, j in zip(shuffled.left, shuffled.right, strict=True)}

    assert back == sorted_pairs(straight.left, straight.right)
    assert np.all(shuffled.left < shuffled.right)
