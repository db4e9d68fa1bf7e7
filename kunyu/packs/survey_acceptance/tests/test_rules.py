"""Drawing a sample, sizes by table, error rates with Wilson's interval (R-189). No database."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kunyu.kernel.digests import sm3_hex
from kunyu.packs.survey_acceptance.errors import BadPolicy
from kunyu.packs.survey_acceptance.measures import Rate, bars, wilson
from kunyu.packs.survey_acceptance.rules import policy as policies
from kunyu.packs.survey_acceptance.rules.policy import policy
from kunyu.packs.survey_acceptance.rules.sampling import allocate, draw

IDS = [f"9901012110{number:08d}" for number in range(1, 301)]


def test_the_same_seed_draws_the_same_list_in_whatever_order_the_parcels_come():
    """The list hangs on population, strata, size and seed alone; its SM3 is that of the identifiers, one a line."""
    first = draw(IDS, [""] * 300, 50, 7)
    turned = draw(IDS[::-1], [""] * 300, 50, 7)
    drawn = [IDS[row] for row in first.rows]
    assert drawn == [IDS[::-1][row] for row in turned.rows]
    assert first.list_sm3 == turned.list_sm3 == sm3_hex("\n".join(drawn).encode())
    assert first.population_sm3 == sm3_hex("\n".join(f"{one}\t" for one in IDS).encode())
    assert draw(IDS, [""] * 300, 50, 8).list_sm3 != first.list_sm3


def test_the_list_is_what_the_documents_say_anybody_can_compute():
    """Sorted identifiers, the i-th with the i-th raw number of PCG64(seed), the smallest drawn: done here by hand."""
    raw = np.random.PCG64(20261123).random_raw(300)
    by_hand = [name for _, name in sorted(zip(raw.tolist(), IDS, strict=True))[:32]]
    assert [IDS[row] for row in draw(IDS, [""] * 300, 32, 20261123).rows] == by_hand


def test_the_bit_stream_is_the_one_kept_for_ever():
    """Were NumPy to change PCG64, stored samples could not be proved any more: this fails first."""
    assert np.random.PCG64(7).random_raw(2).tolist() == FIRST_OF_SEVEN


FIRST_OF_SEVEN = [11530976094092348043, 16550673365885938325]


def test_every_stratum_gets_its_share_and_at_least_one():
    strata = ["0101"] * 240 + ["0301"] * 57 + ["1003"] * 3
    drawn = draw(IDS, strata, 30, 1)
    assert [(one.name, one.population, one.size) for one in drawn.strata] == [
        ("0101", 240, 23),
        ("0301", 57, 6),
        ("1003", 3, 1),
    ]
    assert len(set(drawn.rows.tolist())) == 30


def test_blank_and_repeated_identifiers_are_one_parcel_or_none():
    drawn = draw(["", "b", "a", "b", ""], [""] * 5, 5, 3)
    assert (drawn.population, sorted(drawn.rows.tolist())) == (2, [1, 2])
    assert draw(["", ""], ["", ""], 5, 3).population == 0


@settings(max_examples=150, deadline=None)
@given(some.lists(some.integers(1, 400), min_size=1, max_size=12), some.integers(0, 900))
def test_shares_add_up_and_never_exceed_a_stratum(populations, size):
    shares = allocate(np.array(populations), size)
    assert shares.sum() == min(size, sum(populations))
    assert (shares >= 0).all() and (shares <= populations).all()
    if size >= len(populations):
        assert (shares >= 1).all()


def test_every_parcel_is_as_likely_as_any_other():
    """3,000 seeds × 30 of 300: each parcel is drawn 300 times on average; χ² of 299 degrees stays below its 0.1 % limit."""
    seen = np.zeros(300)
    for seed in range(3000):
        seen[draw(IDS, [""] * 300, 30, seed).rows] += 1
    assert seen.sum() == 90_000
    chi2 = ((seen - 300) ** 2 / (300 * 0.9)).sum()
    assert chi2 < 383


@pytest.mark.parametrize(
    ("population", "size"),
    [(1, 1), (2, 2), (8, 2), (9, 3), (300, 50), (500, 50), (501, 80), (50_000, 500), (10**9, 1250)],
)
def test_sizes_by_the_table(population, size):
    """GB/T 2828.1 level II, from memory: 281–500 → 50."""
    assert policy().size_by_table(population) == size


def test_sizes_by_rate_are_rounded_up():
    assert [policy().size_by_rate(300, rate) for rate in (0.01, 1.0, 1.1, 100.0)] == [1, 3, 4, 300]


def test_a_node_changes_values_and_is_told_of_wrong_ones(monkeypatch, tmp_path):
    overlay = tmp_path / "acceptance.toml"
    monkeypatch.setattr(policies, "OVERLAY", str(overlay))
    assert not policy().is_mandatory("990101")
    overlay.write_text('[policy]\nmandatory = ["9901"]\n', "utf-8")
    assert policy().is_mandatory("990101") and not policy().is_mandatory("980101")
    assert policy().size_by_table(300) == 50
    for wrong in ("[policy\n", "[field]\nleast_right_percent = 'many'\n"):
        overlay.write_text(wrong, "utf-8")
        with pytest.raises(BadPolicy):
            policy()


# -- error rates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "checked", "low", "high"),
    [
        (0, 10, 0.0, 0.277533), (10, 10, 0.722467, 1.0), (81, 263, 0.255258, 0.366192), (15, 148, 0.062386, 0.160459),
        (0, 20, 0.0, 0.161130), (1, 29, 0.006113, 0.171756),
    ],
)  # fmt: skip
def test_wilson_published_examples(wrong, checked, low, high):
    """The examples of Newcombe (1998), table I, score method without continuity correction, and both ends."""
    found = wilson(wrong, checked)
    assert found == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


def test_the_interval_holds_as_often_as_it_says():
    """Exact coverage over a binomial stays near 95 % for small samples, where the plain normal interval fails."""
    for n, p in itertools.product((20, 50), (0.02, 0.05, 0.2)):
        covered = sum(
            math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if wilson(k, n)[0] <= p <= wilson(k, n)[1]
        )
        assert covered > 0.9


def test_a_rate_goes_with_its_numbers():
    assert Rate(3, 80).text == "3 / 80 = 3.8% (1.3–10.5 %)"
    assert (Rate(0, 0).text, Rate(0, 0).value, Rate(0, 0).interval) == ("—", None, None)


def test_bars_stand_within_their_drawing():
    drawn = bars([("甲", Rate(3, 80)), ("乙", Rate(0, 12)), ("nobody", Rate(0, 0))])
    assert [one.name for one in drawn.bars] == ["甲", "乙"]
    for one in drawn.bars:
        assert drawn.left <= one.low <= drawn.left + one.length <= one.high <= drawn.width
    assert drawn.ticks[0] == (drawn.left, "0.0%")
