"""What a check must know of others: neighbours, stored versions, control areas, exceptions. 参考资料.

A node knows it and issues it as a signed file, the reference pack; on a laptop the pack stands in for the node. Django-
free. Geometry is EPSG:4490, longitude before latitude; ``Reference.plane`` brings it into the delivered plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.reference_errors import ReferenceNotForThis
from kunyu.kernel.geodesy import from_lonlat

CONTROL_AREAS = "control_areas"
"""XZQDM, KZMJ (m², 2 decimals): the control area of the county, and of units below it where known."""
COEFFICIENTS = "coefficients"
"""GDLX, GDPDJB, KCXS: the county's ridge coefficients."""
UNITS = "units"
"""QSDWDM, QSDWMC: code dictionary of owners and places."""
NEIGHBOURS = "neighbours"
"""XZQDM (county), BSM, valid_from, polygon: stored XZQ of the neighbouring counties."""
COUNTY_BOUNDARY = "county_boundary"
"""XZQDM, polygon: the county's own boundary as demarcated (勘界), where the node holds it."""
RETIRED = "retired"
"""layer, BSM: keys of records that ended; never to be used again."""
MONITORING = "monitoring_patches"
"""JCBH, TBLX, polygon: patches of national monitoring that must have a result."""
APPROVALS = "approvals"
"""PZWH, kind: approval numbers and project records known to the node."""
EXTENSIONS = "extensions"
"""layer, field: registered extension layers and fields (field empty: the whole layer)."""
EXCEPTIONS = "exceptions"
"""rule, fingerprint, number, reason: findings that two people have accepted."""
DEVICES = "devices"
"""device, public_key (hex, 65 bytes): registered devices of the field teams."""
INTERPRETATION = "interpretation"
"""BSM, DLBM: classes found by interpretation of a sample of parcels."""


def require_for(reference: Reference, standard_id: str, county: str | None) -> None:
    """Refuse a reference of another standard or county; ``county`` None where a delivery does not tell its own.

    Raises
    ------
    ReferenceNotForThis
    """
    if reference.standard != standard_id:
        raise ReferenceNotForThis(
            f"参考包是标准 {reference.standard} 的，本次按 {standard_id} 检查。请向节点下载 {standard_id} 的参考包。",
            f"The reference pack is for standard {reference.standard}, this check is by {standard_id}. Download the pack of "
            f"{standard_id} from the node.",
            pack=reference.standard, asked=standard_id,
        )  # fmt: skip
    own = reference.division[:6]
    if county is not None and county != own:
        raise ReferenceNotForThis(
            f"参考包是区划 {own} 的，成果属于 {county}。请下载 {county} 的参考包；成果确属 {own} 时用 --division {own}。",
            f"The reference pack is for division {own}, the delivery is of {county}. Download the pack of {county}; if the "
            f"delivery is meant for {own}, say --division {own}.",
            pack=own, delivery=county,
        )  # fmt: skip


def accepted_by(reference: Reference) -> dict[str, int]:
    """Numbers of the confirmed exceptions by fingerprint."""
    if not reference.has(EXCEPTIONS):
        return {}
    rows = reference.rows(EXCEPTIONS)
    numbers = map(int, rows.column("number").to_pylist())
    return dict(zip(rows.column("fingerprint").to_pylist(), numbers, strict=True))


def base(layer: str) -> str:
    """Name of the part with the stored current rows of a layer: the standard's fields and geometry."""
    return f"base.{layer}"


def control_line(layer: str) -> str:
    """Name of the part with a stored control line (STBHHX, YJJBNT, CZKFBJ)."""
    return f"control.{layer}"


@dataclass(frozen=True)
class ReferencePart:
    """One table of the reference: attribute columns, and geometry (n,) in EPSG:4490 where the part is spatial.

    ``source`` says what it was taken from: dataset codes with version numbers, a table, a register.
    """

    rows: pa.Table
    geometry: NDArray[np.object_] | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.rows.num_rows)


@dataclass(frozen=True)
class Reference:
    """The content of a reference pack.

    ``digest`` is the SM3 of the content, which reports name; ``issued_by`` the node as its certificate names it, empty
    for a reference that was never a file. ``year`` is the survey year of the delivery it was made for, if for one.
    """

    standard: str
    division: str
    parts: Mapping[str, ReferencePart]
    digest: str = ""
    issued_by: str = ""
    year: int | None = None
    _planes: dict[tuple[str, str], NDArray[np.object_]] = field(default_factory=dict, repr=False, compare=False)

    def has(self, name: str) -> bool:
        """Whether the node knew this: an empty part is knowledge too (there are none)."""
        return name in self.parts

    def rows(self, name: str) -> pa.Table:
        """Attribute columns of a part."""
        return self.parts[name].rows

    def plane(self, name: str, crs: str) -> NDArray[np.object_]:
        """Geometry of a part in the delivered plane ``crs``; vertices only are moved."""
        known = self._planes.get((name, crs))
        if known is None:
            geometry = self.parts[name].geometry
            known = np.zeros(0, object) if geometry is None else from_lonlat(geometry, crs)
            self._planes[name, crs] = known
        return known
