"""The DLTB rows of one village on the bench: change a cell, a shape, add or remove a row. 待植入缺陷的图斑表."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.project.sample_county.tables import GEOMETRY


class NoRoom(Exception):
    """A village has no parcel left that a defect could be seeded in."""


class Sheet:
    """Rows of one village; only what is touched is turned into Python values.

    ``polygon`` holds the shapes as they were generated (for neighbours); ``used`` the rows that carry a defect.
    """

    def __init__(self, batch: pa.RecordBatch, village: shapely.Polygon, rng: np.random.Generator) -> None:
        self.batch = batch
        self.village = village
        self.rng = rng
        self.polygon: NDArray[np.object_] = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
        self.tree = shapely.STRtree(self.polygon)
        self.used: set[int] = set()
        self._rows = list(range(batch.num_rows))
        self._removed: set[int] = set()
        self._edits: dict[str, dict[int, Any]] = {}

    def get(self, row: int, code: str) -> Any:
        """Return a value as it stands now."""
        edited = self._edits.get(code, {})
        return edited[row] if row in edited else self.batch.column(code)[self._rows[row]].as_py()

    def set(self, row: int, code: str, value: Any) -> None:
        """Change one value."""
        self._edits.setdefault(code, {})[row] = value

    def reshape(self, row: int, shape: shapely.Geometry) -> None:
        """Change one shape."""
        self.set(row, GEOMETRY, shapely.to_wkb(shape))

    def append(self, source: int, bsm: str, shape: shapely.Geometry) -> int:
        """Add a copy of row ``source`` with its own BSM, the next TBBH and this shape; return its number."""
        row = len(self._rows)
        self._rows.append(self._rows[source])
        self.set(row, "BSM", bsm)
        self.set(row, "TBBH", str(row + 1 - len(self._removed)))
        self.reshape(row, shape)
        return row

    def remove(self, row: int) -> None:
        """Leave a row out."""
        self._removed.add(row)
        self.used.add(row)

    def free(self, wanted: NDArray[np.bool_]) -> list[int]:
        """Return unused rows that are ``wanted``, in random order; uses none."""
        rows = np.flatnonzero(wanted)
        return [r for r in rows[np.argsort(self.rng.random(rows.size), kind="stable")].tolist() if r not in self.used]

    def take(self, wanted: NDArray[np.bool_]) -> int:
        """Reserve one unused row that is ``wanted``.

        Raises
        ------
        NoRoom
            None is left.
        """
        rows = self.free(wanted)
        if not rows:
            raise NoRoom
        self.used.add(rows[0])
        return rows[0]

    def values(self, code: str) -> NDArray[Any]:
        """Return a column as generated."""
        return self.batch.column(code).to_numpy(zero_copy_only=False)

    def result(self) -> pa.RecordBatch:
        """Return the rows with every change."""
        if not self._edits and not self._removed:
            return self.batch
        table = self.batch.take(pa.array(self._rows))
        columns = []
        for field, column in zip(table.schema, table.columns, strict=True):
            changes = self._edits.get(field.name)
            columns.append(_edited(column, changes) if changes else column)
        whole = pa.RecordBatch.from_arrays(columns, schema=table.schema)
        kept = [k for k in range(len(self._rows)) if k not in self._removed]
        return whole.take(pa.array(kept)) if self._removed else whole


def _edited(column: pa.Array, changes: dict[int, Any]) -> pa.Array:
    values = column.to_pylist()
    for row, value in changes.items():
        exact = pa.types.is_decimal(column.type) and value is not None
        values[row] = decimal.Decimal(f"{value:.{column.type.scale}f}") if exact else value
    return pa.array(values, column.type)
