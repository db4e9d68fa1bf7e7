"""Photos of real packages against every check: seeded defects are found, and nothing else (R-186, Q701)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kunyu.packs.field_evidence.photos.checks import CHECKS, Assessed, assess, required_set, required_sets
from kunyu.packs.field_evidence.photos.integrity import Anchor, DeviceKey, Trust
from kunyu.packs.field_evidence.photos.limits import Limits, shipped_limits
from kunyu.packs.field_evidence.photos.package import open_package
from kunyu.packs.field_evidence.samples.simulate import DEFECTS, Simulated

pytestmark = pytest.mark.quick


def registered(made: Simulated) -> Trust:
    return Trust(devices={number: DeviceKey(key) for number, key in made.devices.items()})


def assessed(made: Simulated, trust: Trust | None = None) -> list[Assessed]:
    targets = {one.number: one.target for one in made.parcels}
    with open_package(made.path) as package:
        return assess(package, targets, trust or registered(made))


def outcome(one: Assessed, check: str) -> str:
    return next(verdict.outcome for verdict in one.verdicts if verdict.check == check)


def test_an_honest_package_passes_every_check(honest: Simulated) -> None:
    """Signature, chain, EXIF, place, direction and time of real JPEGs hold (R-186)."""
    found = assessed(honest)
    assert len(found) == honest.photos == 12
    assert [one.failed for one in found] == [()] * 12
    assert {outcome(one, check) for one in found for check in CHECKS} == {"pass"}
    sets = required_sets(found, [one.target for one in honest.parcels])
    assert [(one.complete, one.near, one.directions) for one in sets] == [(True, 1, 2)] * 4


def test_seeded_defects_are_found_and_nothing_else(seeded: Simulated) -> None:
    """Each defect fails exactly the checks it must; every other photo passes all (Q701)."""
    found = assessed(seeded)
    failing = {one.photo.name: tuple(v.check for v in one.failed) for one in found if not one.good}
    assert failing == {name: tuple(sorted(checks, key=list(CHECKS).index)) for name, checks in seeded.truth.items()}
    assert len(seeded.truth) == len(DEFECTS) - 1  # `missing` is no photo, and the two photos of `id` share a name
    sets = required_sets(found, [one.target for one in seeded.parcels])
    lacking = {one.number for one in sets if not one.complete}
    # the photo that lost its id's uniqueness was the near view of its patch
    assert set(seeded.incomplete) <= lacking
    assert len(lacking) == 2


def test_texts_say_value_and_limit(seeded: Simulated) -> None:
    found = assessed(seeded)
    place = next(v for one in found for v in one.failed if v.check == "place")
    assert place.limit == 100.0
    assert 440 < place.measured < 500
    assert place.zh == f"距图斑 {place.measured} m, 限 100 m"
    skew = next(v for one in found for v in one.failed if v.check == "skew")
    assert (skew.measured, skew.limit, skew.unit) == (300.0, 60.0, "s")


def test_without_a_register_the_package_vouches_for_itself(seeded: Simulated) -> None:
    """Signatures are held against the package's own certificates, and the verdict says so."""
    found = assessed(seeded, Trust())
    assert {outcome(one, "device") for one in found} == {"unknown"}
    verdict = next(v for v in found[0].verdicts if v.check == "signature")
    assert (verdict.outcome, verdict.zh) == ("pass", "按包内证书核验")


def test_a_registered_key_wins_over_the_packages_own(honest: Simulated) -> None:
    """Whoever signs with a key of his own under a registered number is caught."""
    other = DeviceKey(next(iter(reversed(honest.devices.values()))))
    swapped = Trust(devices=dict.fromkeys(honest.devices, other))
    found = assessed(honest, swapped)
    wrong = {one.photo.device for one in found if outcome(one, "signature") == "fail"}
    assert wrong == {number for number, key in honest.devices.items() if key != other.public_key}


def test_a_revoked_device_counts_from_that_moment(honest: Simulated) -> None:
    when = datetime(2025, 10, 9, 1, 20, tzinfo=UTC)
    trust = Trust(devices={n: DeviceKey(key, when) for n, key in honest.devices.items()})
    found = assessed(honest, trust)
    assert {outcome(one, "device") for one in found if one.photo.taken_at < when} == {"pass"}
    assert {outcome(one, "device") for one in found if one.photo.taken_at >= when} == {"fail"}


def test_the_chain_continues_from_what_was_taken_in_before(honest: Simulated) -> None:
    """A package that begins after photos that never came is caught by the node that knows the last one."""
    device = assessed(honest)[0].photo.device
    anchors = {device: Anchor(7, "0" * 64)}
    devices = registered(honest).devices
    first = next(one for one in assessed(honest, Trust(devices, anchors)) if one.photo.device == device)
    assert outcome(first, "chain") == "unknown"  # an older package, brought late
    renumbered = Trust(devices, {device: Anchor(0, "ab" * 32)})
    first = next(one for one in assessed(honest, renumbered) if one.photo.device == device)
    assert outcome(first, "chain") == "fail"


@pytest.mark.parametrize(
    ("turns", "complete"),
    [((0, 44.9), False), ((0, 45), True), ((350, 34.9), False), ((350, 35), True), ((10,), False)],
)
def test_panoramas_from_two_directions(turns: tuple[float, ...], complete: bool, parcels: list) -> None:
    """Two directions are ≥ 45° apart, across north too."""
    good = [("near", 0.0), *(("panorama", turn) for turn in turns)]
    assert required_set(parcels[0].target, good).complete is complete
    assert not required_set(parcels[0].target, good[1:]).complete


def test_limits_are_read_from_the_file() -> None:
    assert shipped_limits() == Limits()
