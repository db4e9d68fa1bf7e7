"""What a change package brings as evidence: approvals, confirmed checks, photographs, marks. 变更佐证.

DLTBGX has no field for an approval: numbers and marks are looked for in the remarks (BZ) of the parcel and of the record,
in the layers of temporary and approved land, and in what the node knows of approvals. [design, not verified]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered
from kunyu.engines.ingest.checks.reference import APPROVALS, base
from kunyu.packs.land_survey.quality.history import History, Rows, brought, mended, texts

CONSTRUCTION = "JSYD"
MARKS = ("未批先建", "临时", "设施农用地")
CONFIRMED = ("TG", "MJZ")
"""HCJG: 认定通过, 免举证."""
_NUMBER = re.compile(r"[^\s,，;；:：。]*[〔\[（(【]\s*\d{4}\s*[〕\]）)】]\s*第?\s*\d+\s*号")
_BSM = re.compile(r"(?<!\d)\d{18}(?!\d)")
_COVERED = 0.9
"""Share of a piece that approved land must cover to be its approval."""


def three_classes(delivery: Delivered, history: History) -> dict[str, str]:
    """Return NYD, JSYD or WLYD by class, as in force at the end of the survey year."""
    mapping = delivery.standard.conversions["DLBM_SDL"]
    return {code: found[0] for code, found in mapping.at(date(_year(delivery, history), 12, 31)).items() if found}


def _year(delivery: Delivered, history: History) -> int:
    if delivery.year is not None:
        return delivery.year
    years = history.update.numbers("SJNF", missing=0.0)
    sane = years[(years >= 1984) & (years <= 2100)]
    return int(sane.max()) if len(sane) else 2100


@dataclass(frozen=True)
class Evidence:
    """The evidence of one change package; asked for records that need some."""

    delivery: Delivered
    history: History

    @cached_property
    def known(self) -> frozenset[str] | None:
        """Approval numbers the node knows; None where nobody told."""
        reference = self.delivery.reference
        if reference is None or not reference.has(APPROVALS):
            return None
        return frozenset(_plain(one) for one in reference.rows(APPROVALS).column("PZWH").to_pylist() if one)

    @cached_property
    def confirmed(self) -> frozenset[str]:
        """BSM of parcels whose check was passed or waived (HCJL), or that a photograph's file name bears."""
        found: set[str] = set()
        checks = self.delivery.layers.get("HCJL")
        if checks is not None and checks.has("TBBSM") and checks.has("HCJG"):
            passed = np.isin(texts(checks.arrow("HCJG")).astype(str), CONFIRMED)
            found.update(texts(checks.arrow("TBBSM"))[passed].tolist())
        for name in self.delivery.source.documents if self.delivery.source is not None else ():
            found.update(_BSM.findall(name))
        return frozenset(found - {""})

    def remarks(self, rows: Rows) -> list[str]:
        """BZ of some records and of their parcels after, together."""
        after = self.history.after[rows]
        parcel = np.full(len(rows), "", object)
        parcel[after >= 0] = texts(self.history.update.arrow("BZ").take(pa.array(after[after >= 0])))
        own = texts(self.history.process.arrow("BZ").take(pa.array(rows)))
        return [f"{one} {other}" for one, other in zip(own, parcel, strict=True)]

    def numbers(self, remark: str) -> list[str]:
        """Approval numbers in a remark: what looks like one, and what the node knows as one."""
        found = [one.group().strip() for one in _NUMBER.finditer(remark)]
        words = re.split(r"[\s,，;；:：。]+", remark)
        return found + [one for one in words if self.known and _plain(one) in self.known and one not in found]

    def is_known(self, numbers: Iterable[str]) -> bool:
        """Whether one of these numbers is an approval the node knows (any, where nobody told)."""
        return any(self.known is None or _plain(one) in self.known for one in numbers)

    def confirms(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether a check or a photograph speaks of the parcel before or after."""
        keys = zip(self.history.before_key[rows], self.history.after_key[rows], strict=True)
        return np.array([bool({one, other} & self.confirmed) for one, other in keys], bool)

    def on_approved_land(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether land approved and not built yet (PZWJSTD, delivered or stored) covers the piece, or LSYD names it."""
        pieces = mended(self.history.process.on_earth[rows])
        found = np.isin(self.history.after_key[rows].astype(str), sorted(self._temporary))
        found |= np.isin(self.history.before_key[rows].astype(str), sorted(self._temporary))
        approved = mended(self._approved)
        piece, land = shapely.STRtree(approved).query(pieces, predicate="intersects")
        shared = shapely.area(shapely.intersection(pieces[piece], approved[land]))
        covered = np.bincount(piece, shared, len(rows))
        return np.asarray(found | (covered >= _COVERED * np.maximum(shapely.area(pieces), 1e-9)))

    @cached_property
    def _temporary(self) -> frozenset[str]:
        layer = self.delivery.layers.get("LSYD")
        if layer is None or not layer.has("GLTBBSM") or not layer.has("PZWH"):
            return frozenset()
        approved = texts(layer.arrow("PZWH")) != ""
        return frozenset(texts(layer.arrow("GLTBBSM"))[approved].tolist()) - {""}

    @cached_property
    def _approved(self) -> NDArray[np.object_]:
        found = [np.zeros(0, object)]
        layer, reference = self.delivery.layers.get("PZWJSTD"), self.delivery.reference
        if layer is not None and layer.has("PZWH"):
            found.append(layer.on_earth[texts(layer.arrow("PZWH")) != ""])
        if reference is not None and reference.has(base("PZWJSTD")) and self.history.update.crs is not None:
            part = reference.parts[base("PZWJSTD")]
            if part.geometry is not None and len(part):
                numbered = np.asarray(pc.fill_null(pc.not_equal(part.rows.column("PZWH").cast(pa.string()), ""), False))
                found.append(brought(part.geometry[numbered], self.history.update))
        return np.concatenate(found)


def _plain(number: str) -> str:
    """An approval number without blanks and with one kind of brackets."""
    return re.sub(r"[\[（(【]", "〔", re.sub(r"[\]）)】]", "〕", re.sub(r"\s", "", number)))
