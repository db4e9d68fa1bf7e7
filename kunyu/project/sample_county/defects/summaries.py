"""What seeded defects do to the summary tables: cells that no longer equal the parcels. 汇总表的连带变化.

A defect that books land elsewhere may move a cell over the half of its last decimal, or not. What must be found is
therefore worked out: the sums of the clean county, and the differences of the villages that bear defects.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa

from kunyu.project.sample_county.defects.kinds import Seeded
from kunyu.project.sample_county.shelf import Shelf
from kunyu.project.sample_county.survey_tables import SUMMARY_KEYS, first_level, hundredths_of_hectare

Sums = dict[tuple[str, ...], int]
"""Cents by (table, key, key …)."""


class SummaryDrift:
    """Differences of the sums, collected village by village."""

    def __init__(self) -> None:
        self._off: Sums = {}

    def add(self, clean: pa.RecordBatch, spoilt: pa.RecordBatch) -> None:
        """Take note of one village before and after."""
        if clean is spoilt:
            return
        for sign, batch in ((-1, clean), (1, spoilt)):
            for key, cents in _sums(batch):
                self._off[key] = self._off.get(key, 0) + sign * cents

    def entries(self, shelf: Shelf, clean: Sums) -> Iterator[Seeded]:
        """Yield what Q509 must find beside the cells that were spoilt on purpose."""
        for code, keys in SUMMARY_KEYS.items():
            if code not in shelf.codes():
                continue
            schema, batches = shelf.read(code)
            rows = pa.Table.from_batches(batches, schema=schema).to_pylist()
            cells = {tuple(str(row[one] or "") for one in keys): row for row in rows}
            moved = {key[1:] for key, cents in self._off.items() if key[0] == code and cents}
            for key in sorted(moved):
                total = hundredths_of_hectare(clean.get((code, *key), 0) + self._off[code, *key])
                row = cells.get(key)
                if total != (round(float(row["MJ"]) * 100) if row else 0):
                    yield Seeded(("Q509",), (str(row["XH"]),) if row else (), None, "summary_cell", code)


def _sums(batch: pa.RecordBatch) -> Iterator[tuple[tuple[str, ...], int]]:
    names = ("DLBM", "GDPDJB", "GDLX", "ZZSXDM", "CZCSXM")
    frame = pd.DataFrame({one: [value or "" for value in batch.column(one).to_pylist()] for one in names})
    net, ridge = (_cents(batch, one) for one in ("TBDLMJ", "KCMJ"))
    classes = pd.concat([frame.assign(cents=net), frame.assign(DLBM="1203", cents=ridge)[ridge > 0]], ignore_index=True)
    classes["YJLBM"] = [first_level(code) for code in classes["DLBM"]]
    fields = frame.assign(cents=net)
    chosen = {
        "YJFLMJB": classes, "EJFLMJB": classes, "CZCMJB": classes[classes["CZCSXM"] != ""],
        "GDPDB": fields[fields["DLBM"].str.startswith("01")], "GDZZLXB": fields[fields["ZZSXDM"] != ""],
        "KTZDLB": fields[fields["DLBM"].str.endswith("K")],
    }  # fmt: skip
    for code, keys in SUMMARY_KEYS.items():
        for key, cents in chosen[code].groupby(list(keys))["cents"].sum().items():
            yield (code, *(key if isinstance(key, tuple) else (key,))), int(cents)


def _cents(batch: pa.RecordBatch, code: str) -> np.ndarray:
    values = [0.0 if value is None else float(value) for value in batch.column(code).to_pylist()]
    return np.rint(np.array(values) * 100).astype(np.int64)
