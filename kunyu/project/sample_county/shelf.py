"""Rows kept aside while parcels stream to disk: one shelf per package and layer. 暂存各图层."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kunyu.engines.catalogue.standards import Layer
from kunyu.project.sample_county.tables import Rows, bsm, conform


class Shelf:
    """Batches of the layers of one package, in the standard's types; ids run on from village to village."""

    def __init__(self, layers: dict[str, Layer], exact_decimals: bool) -> None:
        self.layers = layers
        self.exact_decimals = exact_decimals
        self.batches: dict[str, list[pa.RecordBatch]] = {}
        self.count: dict[str, int] = {}

    def add(self, code: str, rows: Rows) -> np.ndarray:
        """Keep rows; a BSM that is not given is the next one. Return the serial numbers of the rows."""
        first = self.count.get(code, 0) + 1
        layer = self.layers[code]
        given = rows.columns
        if "BSM" not in given and any(field.code == "BSM" for field in layer.fields):
            given = {**given, "BSM": bsm(layer.layer_code, first, rows.count)}
        batch = conform(layer, Rows(given, rows.count, rows.geometry), self.exact_decimals)
        self.batches.setdefault(code, []).append(batch)
        self.count[code] = first - 1 + rows.count
        return np.arange(first, first + rows.count)
