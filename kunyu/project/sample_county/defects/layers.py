"""Defects of whole layers: a field missing or of the wrong type, a stray layer, a control sum that is off. 图层级缺陷."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import shapely

from kunyu.project.sample_county.defects.kinds import Seeded
from kunyu.project.sample_county.shelf import Shelf
from kunyu.project.sample_county.tables import GEOMETRY

LayerKind = Callable[[Shelf, int], Seeded]
STRAY = "LSTC"
"""Name of the layer that no standard knows."""


def missing_field(shelf: Shelf, turn: int) -> Seeded:
    """XZQ lacks the field HDMC."""
    shelf.replace("XZQ", [batch.drop_columns(["HDMC"]) for batch in shelf.read("XZQ")[1]])
    return Seeded(("Q201",), (), None, layer="XZQ")


def wrong_type(shelf: Shelf, turn: int) -> Seeded:
    """PDT has PDJB as a number."""
    spoiled = []
    for batch in shelf.read("PDT")[1]:
        at = batch.schema.get_field_index("PDJB")
        schema = batch.schema.set(at, pa.field("PDJB", pa.int32()))
        columns = [c.cast(pa.int32()) if k == at else c for k, c in enumerate(batch.columns)]
        spoiled.append(pa.RecordBatch.from_arrays(columns, schema=schema))
    shelf.replace("PDT", spoiled)
    return Seeded(("Q201",), (), None, layer="PDT")


def stray_layer(shelf: Shelf, turn: int) -> Seeded:
    """The package holds a layer that the standard does not know."""
    name = STRAY if turn == 0 else f"{STRAY}{turn}"
    source = next(shelf.read("CJDCQ")[1]).slice(0, 1)
    keep = [source.schema.get_field_index(code) for code in ("ZLDWDM", GEOMETRY)]
    schema = pa.schema([source.schema.field(k) for k in keep])
    shelf.replace(name, [pa.RecordBatch.from_arrays([source.column(k) for k in keep], schema=schema)])
    return Seeded(("Q202",), (), None, layer=name)


def control_sum(shelf: Shelf, turn: int) -> Seeded:
    """One village's DCMJ is a hundred square metres more than its parcels; its township's sum is off too."""
    batch = pa.Table.from_batches(shelf.read("CJDCQ")[1]).combine_chunks().to_batches()[0]
    row = (turn + 1) % batch.num_rows
    at = batch.schema.get_field_index("DCMJ")
    values = batch.column(at).to_pylist()
    values[row] = values[row] + 100
    columns = [pa.array(values, c.type) if k == at else c for k, c in enumerate(batch.columns)]
    shelf.replace("CJDCQ", [pa.RecordBatch.from_arrays(columns, schema=batch.schema)])
    township = next(shelf.read("XZQ")[1])
    above = township.column("XZQDM").to_pylist().index(batch.column("ZLDWDM")[row].as_py()[:9])
    ids = (batch.column("BSM")[row].as_py(), township.column("BSM")[above].as_py())
    shape = shapely.from_wkb(batch.column(GEOMETRY)[row].as_py())
    return Seeded(("Q508",), ids, shapely.point_on_surface(shape), layer="CJDCQ")


LAYER_KINDS: dict[str, dict[str, LayerKind]] = {
    "Q201": {"missing_field": missing_field, "wrong_type": wrong_type},
    "Q202": {"stray_layer": stray_layer},
    "Q508": {"control_sum": control_sum},
}
"""Kinds seeded in other layers, by the rule they are named for."""
MOST = {"Q201": 2}
"""How many of a rule's kinds a package can bear at all."""
