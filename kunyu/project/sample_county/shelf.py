"""Rows kept aside while parcels stream to disk: one shelf per package, one spool file per layer. 暂存各图层."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import Layer
from kunyu.project.sample_county.tables import Rows, bsm, conform


class Shelf:
    """Layers of one package in the standard's types; ids run on from village to village.

    Rows go to Arrow files in ``folder`` at once, so that memory does not grow with the county.
    """

    def __init__(self, layers: dict[str, Layer], exact_decimals: bool, folder: Path) -> None:
        self.layers = layers
        self.exact_decimals = exact_decimals
        self.count: dict[str, int] = {}
        self._folder = folder
        self._writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        self._replaced: dict[str, list[pa.RecordBatch]] = {}
        self._removed: set[str] = set()
        folder.mkdir(parents=True)

    def add(self, code: str, rows: Rows) -> NDArray[np.int64]:
        """Keep rows; a BSM that is not given is the next one. Return the serial numbers of the rows."""
        first = self.count.get(code, 0) + 1
        batch = self.row(code, rows)
        if code not in self._writers:
            self._writers[code] = pa.ipc.new_file(str(self._folder / f"{code}.arrow"), batch.schema)
        self._writers[code].write_batch(batch)
        return np.arange(first, first + rows.count)

    def row(self, code: str, rows: Rows) -> pa.RecordBatch:
        """Return rows in the layer's types with the next BSM, and count them; they are not kept."""
        first = self.count.get(code, 0) + 1
        layer = self.layers[code]
        given = rows.columns
        if "BSM" not in given and any(field.code == "BSM" for field in layer.fields):
            given = {**given, "BSM": bsm(layer.layer_code, first, rows.count)}
        self.count[code] = first - 1 + rows.count
        return conform(layer, Rows(given, rows.count, rows.geometry), self.exact_decimals)

    def codes(self) -> list[str]:
        """Return the layers that hold rows, in the standard's order; strays last."""
        order = list(self.layers)
        held = {*self._writers, *self._replaced} - self._removed
        return sorted(held, key=lambda code: (order.index(code) if code in order else len(order), code))

    def replace(self, code: str, batches: list[pa.RecordBatch]) -> None:
        """Put these batches in a layer's place."""
        self._replaced[code] = batches

    def remove(self, code: str) -> None:
        """Leave a layer out."""
        self._removed.add(code)

    def read(self, code: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return a layer's schema and its batches; the layer takes no more rows after this."""
        if code in self._replaced:
            return self._replaced[code][0].schema, iter(self._replaced[code])
        self._writers[code].close()
        source = pa.ipc.open_file(pa.memory_map(str(self._folder / f"{code}.arrow")))
        return source.schema, (source.get_batch(k) for k in range(source.num_record_batches))
