"""Real packages of a few parcels, made by the simulator once per run."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from kunyu.packs.field_evidence.samples.simulate import DEFECTS, Parcel, Simulated, simulate

LON, LAT = 113.02, 34.52


def parcel(at: int, *, holes: bool = False) -> Parcel:
    """The parcel number ``at``: about 90 m × 110 m, in a row of parcels 500 m apart."""
    west, south = LON + 0.0055 * at, LAT
    shape = shapely.Polygon(
        [(west, south), (west + 0.001, south + 0.0001), (west + 0.0011, south + 0.001), (west, south + 0.0009)]
    )
    return Parcel(f"9901012110000{at:05d}", f"{at:05d}", "990101", shape, JCBH=f"990101{at:04d}")


@pytest.fixture(scope="session")
def parcels() -> list[Parcel]:
    return [parcel(at) for at in range(1, len(DEFECTS) + 4)]


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory, parcels: list[Parcel]) -> Simulated:
    return simulate(tmp_path_factory.mktemp("evidence") / "honest.zip", parcels[:4], seed=3)


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory, parcels: list[Parcel]) -> Simulated:
    folder: Path = tmp_path_factory.mktemp("evidence")
    return simulate(folder / "seeded.zip", parcels, seed=5, defects=dict.fromkeys(DEFECTS, 1))
