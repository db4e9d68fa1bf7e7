"""The reference a full delivery is for the one after it: its layers as the stored state. 以完整成果为基础.

A node issues a reference from what it stores. Where there is no node, last year's delivery itself is what this year's
change package is judged against; tests and surveyors with both files at hand build the reference here. Django-free.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kunyu.engines.catalogue.standards import Standard
from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer
from kunyu.engines.ingest.checks.reference import (
    COEFFICIENTS,
    CONTROL_AREAS,
    UNITS,
    Reference,
    ReferencePart,
    base,
)
from kunyu.engines.ingest.mapping import apply
from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.errors import UsageError
from kunyu.kernel.geodesy import to_lonlat

_TABLES = {
    "KZMJB": (CONTROL_AREAS, ("XZQDM", "KZMJ")),
    "TKXSB": (COEFFICIENTS, ("GDLX", "GDPDJB", "KCXS")),
    "QSDWDMB": (UNITS, ("QSDWDM", "QSDWMC")),
}
"""Tables of a delivery that are parts of a reference: layer code, part, columns."""


def reference_from(delivered: Delivered, parts: Mapping[str, ReferencePart] | None = None) -> Reference:
    """Return what a full delivery lets later deliveries be judged by.

    Parameters
    ----------
    delivered : Delivered
        A whole state, as ``CheckReport.delivered`` or ``read_delivered`` give it. Every base layer becomes a part
        ``base.<LAYER>``; the tables of control areas, ridge coefficients and units become their parts.
    parts : mapping of str to ReferencePart, optional
        What the delivery cannot know (``retired``, ``monitoring_patches``, ``approvals`` …); wins over its own.

    Raises
    ------
    UsageError
        A spatial layer does not say its coordinate system, so that nobody could place it.
    """
    known: dict[str, ReferencePart] = {}
    for layer in delivered:
        if layer.spec.role == "base":
            known[base(layer.code)] = _stored(layer)
        elif layer.code in _TABLES:
            name, columns = _TABLES[layer.code]
            known[name] = ReferencePart(layer.rows.select(columns), source={"layer": layer.code})
    return Reference(delivered.standard.id, delivered.county or "", {**known, **(parts or {})})


def _stored(layer: DeliveredLayer) -> ReferencePart:
    source = {"layer": layer.code}
    if not layer.spec.spatial:
        return ReferencePart(layer.rows, source=source)
    if layer.crs is None:
        raise UsageError(
            f"图层 {layer.code} 没有坐标系，不能作为基础数据。请补充坐标系后重试。",
            f"Layer {layer.code} does not say its coordinate system and cannot be a base. Add the system first.",
            layer=layer.code,
        )
    return ReferencePart(layer.rows, to_lonlat(layer.geometry, layer.crs), source)


def reference_of_file(path: Path, standard: Standard, parts: Mapping[str, ReferencePart] | None = None) -> Reference:
    """Return ``reference_from`` of a delivered file, folder or zip.

    Raises
    ------
    UnreadableInput, NothingMatches, UsageError
        See ``open_delivery``, ``apply`` and ``reference_from``.
    """
    return reference_from(read_delivered(path, standard), parts)


def read_delivered(path: Path, standard: Standard) -> Delivered:
    """Read a delivery whole, without checking it; its county is that of the first BSM found."""
    with open_delivery(path) as source:
        mapped = apply(source, standard)
        layers = {one.spec.code: DeliveredLayer.read(one) for one in mapped.layers}
    return Delivered(standard, layers, _county(layers), missing=mapped.missing_layers, unmatched=mapped.unmatched)


def _county(layers: Mapping[str, DeliveredLayer]) -> str | None:
    for layer in layers.values():
        if layer.spec.role == "base" and len(layer) and not str(layer.ids[0]).startswith("#"):
            return str(layer.ids[0])[:6]
    return None
