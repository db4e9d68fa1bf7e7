"""A VCT file is handed in, checked and published like any other delivery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kunyu.engines.ingest.convert import convert
from kunyu.engines.ingest.models import DeliveredLayer
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.reading import open_delivery
from kunyu.engines.ingest.tests.delivered_files import OPERATOR, SURVEY, accepted


def test_a_vct_becomes_the_same_map(
    node: None, sample: Path, tmp_path: Path, sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    path = tmp_path / "county.vct"
    with open_delivery(sample / "county.gpkg") as source:
        assert convert(source, path).losses == ()
        wanted = {one.name: one.count for one in source.layers}
    delivery = accepted(path, standard=SURVEY, valid_from=None)
    assert delivery.status == "accepted"
    assert {one.layer_code: one.records for one in DeliveredLayer.objects.filter(delivery=delivery)} == wanted
    publish(delivery.pk, OPERATOR)
    ((rows, valid),) = sql("SELECT count(*), count(*) FILTER (WHERE ST_IsValid(geom)) FROM onemap.dltb_tdt1057_2020")
    assert rows == valid == wanted["DLTB"]
