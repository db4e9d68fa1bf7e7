"""What a check of a local rule is asked: the rule, a layer, the rows it is about, its values. 地方规则的检查函数."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import Rule

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Ask:
    """One question put to a named function.

    ``layer`` is the layer the rule names, ``rows`` (k,) the rows its ``where`` leaves, ``values`` the rest of its TOML
    entry, ``remedy_zh`` what to do about a finding.
    """

    rule: Rule
    delivery: Delivered
    layer: DeliveredLayer
    rows: Rows
    values: Mapping[str, Any]
    remedy_zh: str

    @property
    def report(self) -> Reporter:
        """Makes the findings."""
        return Reporter(self.rule, self.delivery, self.layer)

    def ids(self, rows: Rows) -> list[str]:
        """Keys of some rows, for messages."""
        return [str(self.layer.ids[row]) for row in rows]


Check = Callable[[Ask], Iterable[Finding]]


def chosen_rows(layer: DeliveredLayer, where: Mapping[str, list[str]]) -> Rows:
    """Return the rows whose fields have one of the values that ``where`` lists; all rows without it.

    A value that ends in ``*`` stands for every value that begins so: ``01*`` is cultivated land.
    """
    kept = np.ones(len(layer), bool)
    for code, wanted in where.items():
        column = layer.arrow(code).cast(pa.string())
        exact = [one for one in wanted if not one.endswith("*")]
        found = pc.is_in(column, value_set=pa.array(exact, pa.string()))
        for one in wanted:
            if one.endswith("*"):
                found = pc.or_(found, pc.starts_with(column, one[:-1]))
        kept &= np.array(pc.fill_null(found, False))
    return np.flatnonzero(kept)
