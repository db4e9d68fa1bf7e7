"""What mapping could not keep, with counts. 映射损失报告 (R-019, R-027)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyproj.transformer import TransformerGroup

from kunyu.engines.ingest.source_layers import GEOMETRY, SourceLayer
from kunyu.kernel.digests import canonical_json

if TYPE_CHECKING:
    from kunyu.engines.ingest.mapping_file import CodeTable

MOST_EXAMPLES = 20


@dataclass
class BadValues:
    """Values of one field that did not fit: how many, in which rows (1-based, as delivered), what they were."""

    count: int = 0
    rows: list[pa.Array] = field(default_factory=list)
    values: list[pa.Array] = field(default_factory=list)

    def add(self, rows: pa.Array, values: pa.Array) -> None:
        """Add the rows and the values as text."""
        self.count += len(rows)
        self.rows.append(rows)
        self.values.append(values)

    def examples(self) -> list[dict[str, Any]]:
        """Return the first rows and values."""
        found: list[dict[str, Any]] = []
        for rows, values in zip(self.rows, self.values, strict=True):
            for row, value in zip(rows[:MOST_EXAMPLES], values[:MOST_EXAMPLES], strict=True):
                found.append({"row": row.as_py(), "value": value.as_py()})
        return found[:MOST_EXAMPLES]


@dataclass
class LayerLoss:
    """Losses of one layer. Fills while the layer is read; ``start`` empties it."""

    layer: str
    crs: str | None = None
    rows: int = 0
    rows_left_out: int = 0
    geometries_repaired: int = 0
    fields_missing: tuple[str, ...] = ()
    fields_dropped: Counter[str] = field(default_factory=Counter)
    codes_untranslated: dict[str, Counter[str]] = field(default_factory=dict)
    codes_merged: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    truncated: dict[str, BadValues] = field(default_factory=dict)
    type_failures: dict[str, BadValues] = field(default_factory=dict)
    kept: list[pa.Array] = field(default_factory=list)

    def start(self) -> None:
        """Forget the last reading."""
        self.rows = self.rows_left_out = self.geometries_repaired = 0
        for one in (
            self.fields_dropped, self.codes_untranslated, self.codes_merged, self.truncated, self.type_failures,
            self.kept,
        ):  # fmt: skip
            one.clear()

    @property
    def lossless(self) -> bool:
        """Whether a reader of the mapped layer lacks nothing of the delivered one."""
        return not (
            self.fields_dropped or self.codes_untranslated or self.codes_merged or self.truncated
            or self.type_failures or self.rows_left_out or self.geometries_repaired
        )  # fmt: skip

    def note_values(self, batch: pa.RecordBatch, used: frozenset[str], source: SourceLayer) -> None:
        """Count the values of attributes that nothing of the standard takes."""
        for at, name in enumerate(batch.schema.names):
            if name != GEOMETRY and name not in used:
                self.fields_dropped[name] += batch.num_rows - batch.column(at).null_count

    def kept_rows(self) -> NDArray[np.int64]:
        """Return the delivered row number (1-based) of every mapped row."""
        if not self.kept:
            return np.arange(1, self.rows + 1)
        return np.concatenate([one.to_numpy(zero_copy_only=False) for one in self.kept])

    def note_dropped(self, source: SourceLayer, used: frozenset[str]) -> None:
        """Forget attributes that held nothing: leaving them out loses nothing."""
        for name in source.field_names:
            if name not in used and not self.fields_dropped[name]:
                del self.fields_dropped[name]

    def note_codes(self, code: str, given: pa.Array, found: pa.Array, table: CodeTable) -> None:
        """Count codes without a translation, and name codes that lose their difference."""
        unknown = given.filter(pc.and_(pc.is_null(found), pc.is_valid(given)))
        if len(unknown):
            counts = self.codes_untranslated.setdefault(code, Counter())
            for pair in pc.value_counts(unknown).to_pylist():
                counts[pair["values"]] += pair["counts"]
        if table.merged:
            self.codes_merged[code] = {target: list(sources) for target, sources in table.merged.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the losses JSON-ready, sorted."""
        return {
            "rows": self.rows,
            "rows_left_out": self.rows_left_out,
            "geometries_repaired": self.geometries_repaired,
            "crs": self.crs,
            "to_cgcs2000": transformation(self.crs) if self.crs else None,
            "fields_missing": sorted(self.fields_missing),
            "fields_dropped": dict(sorted(self.fields_dropped.items())),
            "codes_untranslated": {
                name: dict(sorted(counts.items())) for name, counts in sorted(self.codes_untranslated.items())
            },
            "codes_merged": {name: dict(sorted(one.items())) for name, one in sorted(self.codes_merged.items())},
            "values_truncated": _bad(self.truncated),
            "type_failures": _bad(self.type_failures),
        }


@dataclass(frozen=True)
class LossReport:
    """Losses of a delivery: layers without a place, layers of the standard not delivered, losses per layer."""

    standard: str
    mapping: str | None
    mapping_sm3: str | None
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]
    layers: Mapping[str, LayerLoss]

    def to_dict(self) -> dict[str, Any]:
        """Return the report JSON-ready."""
        return {
            "standard": self.standard,
            "mapping": self.mapping,
            "mapping_sm3": self.mapping_sm3,
            "layers_unmatched": sorted(self.unmatched),
            "layers_missing": sorted(self.missing),
            "layers": {code: loss.to_dict() for code, loss in sorted(self.layers.items())},
        }

    def to_json(self) -> bytes:
        """Return the canonical JSON (UTF-8)."""
        return canonical_json(self.to_dict())


@lru_cache(maxsize=64)
def transformation(crs: str) -> dict[str, Any]:
    """Say by which method a coordinate system reaches CGCS2000 and how exact that is (R-027).

    Xi'an 1980 and Beijing 1954 have no public parameters: PROJ then moves nothing ("ballpark"), which may be off by a
    hundred metres, and the report has to say so.
    """
    found = TransformerGroup(crs, "EPSG:4490", always_xy=True).transformers
    if not found:
        return {"method": None, "accuracy_m": None, "ballpark": True}
    best = found[0]
    return {
        "method": best.description,
        "accuracy_m": best.accuracy if best.accuracy >= 0 else None,
        "ballpark": "Ballpark" in best.description,
    }


def _bad(fields: Mapping[str, BadValues]) -> dict[str, Any]:
    return {name: {"count": one.count, "examples": one.examples()} for name, one in sorted(fields.items())}
