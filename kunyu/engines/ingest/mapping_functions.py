"""Named functions a mapping file may call where a plain table will not do. 映射函数.

A mapping is values; whatever needs an ``if`` is a function here, with a name and a test.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

MappingFunction = Callable[[pa.RecordBatch], pa.Array]

FUNCTIONS: dict[str, MappingFunction] = {}
READS: dict[str, tuple[str, ...]] = {}
"""Delivered fields each function reads, so that they do not count as dropped."""


def mapping_function(*reads: str) -> Callable[[MappingFunction], MappingFunction]:
    """Register a function of one batch of delivered rows under its own name."""

    def register(function: MappingFunction) -> MappingFunction:
        FUNCTIONS[function.__name__] = function
        READS[function.__name__] = reads
        return function

    return register


@mapping_function("osm_id", "osm_way_id")
def osm_identity(batch: pa.RecordBatch) -> pa.Array:
    """``r`` + relation number or ``w`` + way number: OSM counts the two apart, so numbers alone repeat."""
    relation = pc.binary_join_element_wise("r", batch.column("osm_id"), "")
    way = pc.binary_join_element_wise("w", batch.column("osm_way_id"), "")
    return pc.coalesce(relation, way)


@mapping_function("name", "landuse")
def osm_landuse_name(batch: pa.RecordBatch) -> pa.Array:
    """The object's own name, else its land use in words (``recreation_ground`` → ``recreation ground``)."""
    return pc.coalesce(batch.column("name"), pc.replace_substring(batch.column("landuse"), "_", " "))


@mapping_function("GBM", "COUNTY_ID")
def division_code_or_number(batch: pa.RecordBatch) -> pa.Array:
    """Six-digit division code out of a ten-digit real (3411810000.0 → 341181), else ``no.`` + the source's number.

    Half of that source's rows carry 0 for a code; the source's own number keeps them apart and says that it is none.
    """
    text = batch.column("GBM").cast(pa.int64(), safe=False).cast(pa.string())
    ten = pc.equal(pc.utf8_length(text), 10)
    number = pc.binary_join_element_wise("no.", batch.column("COUNTY_ID").cast(pa.string()), "")
    return pc.if_else(ten, pc.utf8_slice_codeunits(text, 0, 6), number)
