"""Every overlap and every gap of a spoiled county, and nothing else: judged by brute force, at three sizes.

R-188: defects are found 100 %; R-338: no hole, island or seam.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.base_reference import read_delivered
from kunyu.engines.ingest.checks.delivered import Delivered
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M
from kunyu.packs.land_survey.quality.coverage import parcels_do_not_overlap, parcels_leave_no_gap
from kunyu.packs.land_survey.quality.tests.corpus import COVERAGE_FAULTS, GRID_M, HARMLESS, County, wide
from kunyu.project.sample_county.generate import generate_county

Sized = Callable[[int], Delivered]


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> Sized:
    """A clean county of so many parcels, read once."""
    known: dict[int, Delivered] = {}

    def read(parcels: int) -> Delivered:
        if parcels not in known:
            folder = tmp_path_factory.mktemp(f"county-{parcels}")
            generate_county(folder, parcels, 11)
            known[parcels] = read_delivered(folder / "county.gpkg", load_standard("TDT1057-2020"))
        return known[parcels]

    return read


def judge(delivery: Delivered, names: list[str], seed: int) -> None:
    """Seed the faults, as many as find room, and compare what is found with brute force."""
    county = County(delivery.layers["DLTB"], np.random.default_rng(seed))
    for name in names:
        try:
            COVERAGE_FAULTS[name](county)
        except LookupError:
            break
    spoiled = county.delivered(delivery)
    parcels = spoiled.layers["DLTB"]
    found = {one.ids for one in parcels_do_not_overlap(spoiled)}
    must, may = county.overlapping(parcels)
    assert must <= found <= may
    gaps = [one.place for one in parcels_leave_no_gap(spoiled) if "beyond" not in one.message_en]
    lost = county.uncovered(parcels, 1.25 * TOPOLOGY_TOLERANCE_M)
    here, there = shapely.union_all(gaps, grid_size=GRID_M), shapely.union_all(lost, grid_size=GRID_M)
    apart = shapely.symmetric_difference(here, there, grid_size=GRID_M)
    # along the rim of a gap the two differ by up to the width of noise on either side
    assert not wide(np.array([apart], object), 3 * TOPOLOGY_TOLERANCE_M).any()
    for gap in lost:
        assert shapely.dwithin(here, gap, 0.001), f"a gap of {shapely.area(gap):.4f} m² was not found"


@pytest.mark.parametrize("name", COVERAGE_FAULTS)
def test_one_kind_of_fault(sized: Sized, name: str) -> None:
    judge(sized(300), [name] * 3, 1)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_fault_is_not_found(sized: Sized, name: str) -> None:
    delivery = sized(300)
    county = County(delivery.layers["DLTB"], np.random.default_rng(5))
    for _ in range(4):
        COVERAGE_FAULTS[name](county)
    spoiled = county.delivered(delivery)
    assert not list(parcels_do_not_overlap(spoiled))
    assert not list(parcels_leave_no_gap(spoiled))


@pytest.mark.parametrize("seed", range(4))
def test_all_kinds_at_once(sized: Sized, seed: int) -> None:
    judge(sized(3_000), list(COVERAGE_FAULTS) * 4, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_all_kinds_in_a_large_county(sized: Sized, seed: int) -> None:
    judge(sized(30_000), list(COVERAGE_FAULTS) * 40, seed)
