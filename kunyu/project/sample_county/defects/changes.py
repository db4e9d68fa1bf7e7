"""Defects of the change package: records, shapes, flows and checks that do not fit the stored county. 变更包缺陷.

The package is judged against the clean county and against its year's monitoring patches. Most kinds need a remainder: a
parcel that lost a piece and stayed what it was, which one record describes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.change import CHANGE_YEAR
from kunyu.project.sample_county.defects.kinds import Seeded
from kunyu.project.sample_county.defects.sheet import NoRoom, Sheet
from kunyu.project.sample_county.defects.spots import inner_square
from kunyu.project.sample_county.layout import COUNTY, EPSG
from kunyu.project.sample_county.randomness import stream
from kunyu.project.sample_county.shelf import Shelf
from kunyu.project.sample_county.tables import GEOMETRY, MONITORED, survey_layer

FILE = f"change-{CHANGE_YEAR}"
_HOLE_M = 5.0
_NOBODY = 99_000_000
"""Serial from which no parcel of the sample is numbered."""


class ChangeBench:
    """The package's layers on sheets; ``used`` holds the BSM of stored parcels that a defect touches already."""

    def __init__(self, shelf: Shelf, monitoring: Shelf, seed: int) -> None:
        self._shelf = shelf
        whole = shapely.box(0, 0, 0, 0)
        self.update, self.process = (
            Sheet(_whole(shelf, code), whole, stream(seed, 13, at)) for at, code in enumerate(("DLTBGX", "DLTBGXGC"))
        )
        self.checks = _whole(shelf, "HCJL")
        self.patches = _whole(monitoring, MONITORED.code)
        self.used: set[str] = set()
        self._serial = _NOBODY
        self._dropped: set[int] = set()
        self.row_of = {key: row for row, key in enumerate(self.update.values("BSM").tolist())}
        self.before = self.process.values("BGQTBBSM").astype(str)
        self.after = self.process.values("BGHTBBSM").astype(str)

    def fresh(self) -> str:
        """Return a BSM of a parcel that exists nowhere."""
        self._serial += 1
        return f"{COUNTY}{survey_layer('DLTB').layer_code}{self._serial:08d}"

    def take(self, wanted: NDArray[np.bool_]) -> tuple[int, int]:
        """Reserve a record that is ``wanted`` and return it with its row of DLTBGX.

        Raises
        ------
        NoRoom
            None is left whose parcels no other defect touches.
        """
        for row in self.process.free(wanted):
            ends = {self.before[row], self.after[row]}
            if not ends & self.used and self.after[row] in self.row_of:
                self.used |= ends
                self.process.used.add(row)
                return row, self.row_of[self.after[row]]
        raise NoRoom

    def remainders(self) -> NDArray[np.bool_]:
        """Records of parcels that lost a piece and stayed what they were."""
        _, parcel, count = np.unique(self.after, return_inverse=True, return_counts=True)
        alone = count[parcel] == 1
        same = self.process.values("BGQDLBM") == self.process.values("BGHDLBM")
        return np.asarray((self.process.values("BGXW") == "2") & same & alone)

    def records_to(self, key: str) -> NDArray[np.intp]:
        """Records that lead to a parcel after."""
        return np.flatnonzero(self.after == key)

    def drop_check(self, key: str) -> None:
        """Leave the record of checks about a parcel out."""
        self._dropped |= set(np.flatnonzero(self.checks.column("TBBSM").to_numpy(zero_copy_only=False) == key).tolist())

    def finish(self) -> None:
        """Put the spoiled layers on the shelf."""
        kept = [row for row in range(self.checks.num_rows) if row not in self._dropped]
        self._shelf.replace("HCJL", [self.checks.take(pa.array(kept, pa.int64()))])
        self._shelf.replace("DLTBGX", [self.update.result()])
        self._shelf.replace("DLTBGXGC", [self.process.result()])


ChangeKind = Callable[[ChangeBench], Seeded]


def _whole(shelf: Shelf, code: str) -> pa.RecordBatch:
    if code not in shelf.codes():
        raise NoRoom
    return pa.Table.from_batches(shelf.read(code)[1]).combine_chunks().to_batches()[0]


def _seeded(bench: ChangeBench, rules: tuple[str, ...], row: int, *ids: str, layer: str = "DLTBGXGC") -> Seeded:
    named = ids or (str(bench.process.get(row, "BSM")),)
    return Seeded(rules, named, shapely.point_on_surface(bench.process.polygon[row]), layer=layer, file=FILE)


def hole_after(bench: ChangeBench) -> Seeded:
    """A square of five metres in a parcel after belongs to nobody."""
    fields = np.isin(bench.update.values("BSM"), bench.after[bench.remainders()])
    bench.update.used.update(np.flatnonzero(~fields).tolist())
    bench.update.used.update(bench.row_of[key] for key in bench.used if key in bench.row_of)
    row, square = inner_square(bench.update, _HOLE_M)
    key = str(bench.update.get(row, "BSM"))
    record = int(bench.records_to(key)[0])
    bench.used |= {key, bench.before[record]}
    shape = bench.update.polygon[row].difference(square)
    bench.update.reshape(row, shape)
    stated = float(bench.update.get(row, "TBMJ"))
    off = abs(float(ellipsoidal_area(np.array([shape], object), EPSG)[0]) - stated)
    also = (Seeded(("Q507",), (key,), square, "hole_after_area", "DLTBGX", file=FILE),)
    return Seeded(
        ("Q601",),
        (bench.before[record],),
        square,
        layer="DLTBGX",
        file=FILE,
        also=also if off > max(0.5, 1e-4 * stated) else (),
    )


def unknown_after(bench: ChangeBench) -> Seeded:
    """A record leads to a parcel that DLTBGX does not hold; the parcel it meant has no record."""
    row, _ = bench.take(bench.remainders())
    bench.process.set(row, "BGHTBBSM", bench.fresh())
    return _seeded(bench, ("Q602",), row, str(bench.process.get(row, "BSM")), bench.after[row])


def unknown_before(bench: ChangeBench) -> Seeded:
    """A record starts from a parcel that is not stored; what is left of its true one does not add up."""
    row, _ = bench.take(bench.remainders())
    bench.process.set(row, "BGQTBBSM", bench.fresh())
    also = (
        Seeded(
            ("Q603",), (bench.before[row],), bench.process.polygon[row], "unknown_before_sum", "DLTBGXGC", file=FILE
        ),
    )
    return replace(_seeded(bench, ("Q602",), row), also=also)


def piece_too_large(bench: ChangeBench) -> Seeded:
    """A piece is five square metres too large: neither the parcel before nor the one after adds up."""
    row, _ = bench.take(bench.remainders())
    bench.process.set(row, "TBBGMJ", round(float(bench.process.get(row, "TBBGMJ")) + 5, 2))
    return _seeded(bench, ("Q603",), row, bench.before[row], bench.after[row])


def wrong_kind(bench: ChangeBench) -> Seeded:
    """A parcel that lost a piece is said to have changed its attributes only."""
    row, _ = bench.take(bench.remainders())
    bench.process.set(row, "BGXW", "1")
    return _seeded(bench, ("Q604",), row)


def recoded_only(bench: ChangeBench) -> Seeded:
    """A parcel got another owner's code, and nothing else changed."""
    process, update = bench.process, bench.update
    same_class = process.values("BGQDLBM") == process.values("BGHDLBM")
    row, after = bench.take((process.values("BGXW") == "1") & same_class)
    owners = update.values("QSDWDM")
    other = next((one for one in owners.tolist() if one != update.get(after, "QSDWDM")), None)
    if other is None:
        raise NoRoom
    for code in ("ZZSXDM", "ZZSXMC"):
        update.set(after, code, process.get(row, f"BGQ{code}"))
        process.set(row, f"BGH{code}", process.get(row, f"BGQ{code}"))
    update.set(after, "QSDWDM", other)
    process.set(row, "BGHQSDWDM", other)
    return _seeded(bench, ("Q605",), row)


def wrong_class(bench: ChangeBench) -> Seeded:
    """A record names another class than its parcel has: the classes do not balance."""
    row, _ = bench.take(bench.remainders())
    other = "0103" if bench.process.get(row, "BGHDLBM") != "0103" else "0102"
    names = {"0102": "水浇地", "0103": "旱地"}
    bench.process.set(row, "BGHDLBM", other)
    bench.process.set(row, "BGHDLMC", names[other])
    return _seeded(bench, ("Q606", "Q604"), row)


def flow_without_evidence(bench: ChangeBench) -> Seeded:
    """A field became an orchard or woods, and nobody checked it."""
    after = bench.process.values("BGHDLBM").astype(str)
    field = np.char.startswith(bench.process.values("BGQDLBM").astype(str), "01")
    woods = np.char.startswith(after, "02") | np.char.startswith(after, "03")
    row, _ = bench.take(field & woods)
    bench.drop_check(bench.after[row])
    records = bench.records_to(bench.after[row])
    bench.used |= set(bench.before[records])
    return _seeded(bench, ("Q607",), row, *sorted(str(bench.process.get(int(one), "BSM")) for one in records))


def unanswered_patch(bench: ChangeBench) -> Seeded:
    """Nobody says what became of a monitoring patch on a field that did not change."""
    keys = bench.patches.column("BSM").to_pylist()
    for at, key in enumerate(keys):
        if key is not None and key not in bench.used:
            bench.used.add(key)
            bench.drop_check(key)
            place = shapely.from_wkb(bench.patches.column(GEOMETRY)[at].as_py())
            number = bench.patches.column("JCBH")[at].as_py()
            return Seeded(("Q608",), (number,), place, layer="DLTBGX", file=FILE)
    raise NoRoom


def unapproved_construction(bench: ChangeBench) -> Seeded:
    """A field was built on without an approval number and without a mark."""
    numbered = np.array([one is not None for one in bench.update.values("BZ").tolist()], bool)
    row, after = bench.take(np.isin(bench.after, bench.update.values("BSM")[numbered].astype(str)))
    bench.update.set(after, "BZ", None)
    records = bench.records_to(bench.after[row])
    bench.used |= set(bench.before[records])
    return _seeded(bench, ("Q609",), row, *sorted(str(bench.process.get(int(one), "BSM")) for one in records))


def number_of_another(bench: ChangeBench) -> Seeded:
    """A new parcel bears the BSM of a stored parcel that stays."""
    row, after = bench.take(bench.remainders())
    taken = {*bench.before, *bench.patches.column("BSM").to_pylist(), *bench.used}
    head, last = max(bench.before)[:10], int(max(bench.before)[10:])
    stays = next((key for key in (f"{head}{serial:08d}" for serial in range(last, 0, -1)) if key not in taken), None)
    if stays is None:
        raise NoRoom
    bench.used.add(stays)
    bench.process.set(row, "BGHTBBSM", stays)
    bench.update.set(after, "BSM", stays)
    return _seeded(bench, ("Q610",), row, stays, layer="DLTBGX")


CHANGE_KINDS: dict[str, dict[str, ChangeKind]] = {
    "Q601": {"hole_after": hole_after},
    "Q602": {"unknown_after": unknown_after, "unknown_before": unknown_before},
    "Q603": {"piece_too_large": piece_too_large},
    "Q604": {"wrong_kind": wrong_kind},
    "Q605": {"recoded_only": recoded_only},
    "Q606": {"wrong_class": wrong_class},
    "Q607": {"flow_without_evidence": flow_without_evidence},
    "Q608": {"unanswered_patch": unanswered_patch},
    "Q609": {"unapproved_construction": unapproved_construction},
    "Q610": {"number_of_another": number_of_another},
}
"""Kinds seeded in the change package, by the rule they are named for."""
_SCARCE = ("Q609", "Q607", "Q605")
"""Their parcels are few: they choose first."""


def seed_change(
    shelf: Shelf, monitoring: Shelf, wanted: list[tuple[str, str]], seed: int
) -> tuple[list[Seeded], list[tuple[str, str]]]:
    """Seed the change package; return the defects in the order asked for, and (rule, kind) of those without a record."""
    if not wanted:
        return [], []
    try:
        bench = ChangeBench(shelf, monitoring, seed)
    except NoRoom:
        return [], wanted
    found: dict[int, Seeded] = {}
    for at in sorted(range(len(wanted)), key=lambda at: (wanted[at][0] not in _SCARCE, at)):
        rule, kind = wanted[at]
        try:
            found[at] = replace(CHANGE_KINDS[rule][kind](bench), kind=kind)
        except NoRoom:
            continue
    bench.finish()
    return [found[at] for at in sorted(found)], [one for at, one in enumerate(wanted) if at not in found]
