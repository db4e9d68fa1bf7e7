"""Area closure by its properties: exact sums, one result whatever the order, bounded moves, idempotent."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kunyu.kernel.area_closure import AreasCannotClose, Level, close_areas, close_down, to_cents

pytestmark = pytest.mark.quick


@st.composite
def units(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Own areas, unit of each member, totals that can be reached, keys."""
    count = draw(st.integers(1, 60))
    groups = draw(st.integers(1, 5))
    top = draw(st.sampled_from([5, 10_000, 10**11]))  # parcels of hundredths, of 100 m², of 1,000 km²
    own = draw(arrays.arrays(np.int64, count, elements=st.integers(0, top)))
    unit = draw(arrays.arrays(np.intp, count, elements=st.integers(0, groups - 1)))
    own[np.unique(unit, return_index=True)[1]] += 1  # every unit that is used has some area
    sums = np.zeros(groups, np.int64)
    np.add.at(sums, unit, own)
    used = np.bincount(unit, minlength=groups) > 0
    off = draw(arrays.arrays(np.int64, groups, elements=st.integers(-top, top)))
    totals = np.where(used, np.maximum(sums + off, 0), 0)
    keys = np.array(draw(st.permutations(range(count))), np.int64)
    return own, unit, totals, keys


@given(units())
def test_sums_are_exact_and_nothing_becomes_negative(case):
    own, unit, totals, keys = case
    closed = close_areas(own, unit, totals, keys)
    for each, total in enumerate(totals):
        assert sum(closed.area[unit == each].tolist()) == total
    assert (closed.area >= 0).all()


@given(units())
def test_no_member_moves_by_more_than_stated_and_all_in_one_direction(case):
    own, unit, totals, keys = case
    closed = close_areas(own, unit, totals, keys)
    assert (np.abs(closed.moved) <= closed.limit[unit]).all()
    assert (np.sign(closed.moved) * np.sign(closed.remainder[unit]) >= 0).all()
    few = np.abs(closed.remainder) <= np.bincount(unit[own > 0], minlength=len(totals))
    assert (closed.limit[few] <= 1).all()
    whole = np.bincount(unit, own, len(totals))
    share = np.abs(closed.remainder)[unit] * own / np.maximum(whole, 1)[unit]
    assert (np.abs(closed.moved)[~few[unit]] >= np.floor(share * (1 - 1e-9))[~few[unit]] - 1).all()


@given(units(), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(case, random):
    own, unit, totals, keys = case
    order = np.array(random.sample(range(len(own)), len(own)))
    straight = close_areas(own, unit, totals, keys)
    shuffled = close_areas(own[order], unit[order], totals, keys[order])
    assert (shuffled.area == straight.area[order]).all()


@given(units())
def test_closing_what_is_closed_changes_nothing(case):
    own, unit, totals, keys = case
    once = close_areas(own, unit, totals, keys)
    again = close_areas(once.area, unit, totals, keys)
    assert (again.area == once.area).all() and (again.remainder == 0).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_come_first_and_ties_go_by_key(sign):
    own = np.array([500, 900, 500, 100, 0])
    closed = close_areas(own, np.zeros(5, int), np.array([2000 + 2 * sign]), np.array([7, 9, 3, 1, 0]))
    assert (closed.moved * sign).tolist() == [0, 1, 1, 0, 0]
    assert closed.limit.tolist() == [1]


def test_a_remainder_of_more_than_a_hundredth_per_parcel_is_shared_in_proportion():
    own = np.array([6000, 3000, 1000, 0])
    closed = close_areas(own, np.zeros(4, int), np.array([10_017]), np.arange(4))
    # 17 · 0.6 = 10.2, 17 · 0.3 = 5.1, 17 · 0.1 = 1.7; the one left over goes to the largest
    assert closed.moved.tolist() == [11, 5, 1, 0]
    assert closed.limit.tolist() == [11]


def test_levels_close_downward():
    """County 100.00 m², two townships measured 60.01 and 40.01, villages and parcels below."""
    towns, villages, parcels = close_down(10_000, [
        Level([60.014, 40.005], np.array([0, 0]), np.arange(2), np.array([1, 2])),
        Level([30.0, 30.0, 40.0], np.array([0, 0, 1]), np.arange(3), np.array([1, 2, 3])),
        Level([10.0, 20.0, 29.98, 15.0, 25.0], np.array([0, 0, 1, 2, 2]), np.arange(5), np.arange(5)),
    ])  # fmt: skip
    assert towns.own.tolist() == [6001, 4001] and towns.area.tolist() == [6000, 4000]
    assert villages.area.tolist() == [3000, 3000, 4000]
    assert parcels.area.tolist() == [1000, 2000, 3000, 1500, 2500]


def test_parts_of_one_unit_are_closed_together():
    """A village of two polygons: its parcels add up to both."""
    _, parcels = close_down(5_000, [
        Level([30.0, 20.01], np.array([0, 0]), np.array([0, 0]), np.arange(2)),
        Level([30.0, 20.0], np.array([0, 0]), np.arange(2), np.arange(2)),
    ])  # fmt: skip
    assert parcels.area.tolist() == [3000, 2000]


def test_half_a_hundredth_is_rounded_up():
    assert to_cents([2.675, 1.005, 0.0, 0.004]).tolist() == [268, 101, 0, 0]


@pytest.mark.parametrize(
    ("own", "unit", "totals"), [([1, 2], [0, 0], [3, 5]), ([0, 0], [0, 0], [1]), ([-1], [0], [1]), ([5], [0], [-1])]
)
def test_what_cannot_close_is_refused(own, unit, totals):
    with pytest.raises(AreasCannotClose):
        close_areas(np.array(own), np.array(unit), np.array(totals), np.arange(len(own)))


def test_the_refusal_names_the_unit():
    with pytest.raises(AreasCannotClose, match="乙村"):
        close_areas(np.array([1]), np.array([0]), np.array([1, 5]), np.array([0]), ["甲村", "乙村"])


def test_a_million_parcels_close_in_seconds():
    random = np.random.default_rng(3)
    own = random.integers(10_000, 5_000_000, 1_000_000)
    unit = random.integers(0, 5_000, 1_000_000)
    totals = np.zeros(5_000, np.int64)
    np.add.at(totals, unit, own)
    totals += random.integers(-150, 150, 5_000)
    totals[::100] += 1_000_000
    started = time.process_time()
    closed = close_areas(own, unit, totals, random.permutation(1_000_000))
    took = time.process_time() - started
    sums = np.zeros(5_000, np.int64)
    np.add.at(sums, unit, closed.area)
    assert (sums == totals).all()
    assert took < 5.0, f"{took:.1f} s"  # about 0.5 s on a quiet machine
