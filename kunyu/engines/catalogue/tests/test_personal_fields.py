"""Fields with personal data in a standard: which kinds there are, and where they may not stand. R-070, R-071."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from kunyu.engines.catalogue.standards import Field, load_standard, standard_ids
from kunyu.engines.catalogue.standards_model import BadStandard
from kunyu.engines.catalogue.standards_reader import read_standard
from kunyu.engines.catalogue.tests.personal_standard import FIELDS, STANDARD, write_standard
from kunyu.engines.ingest.column_conversion import convert
from kunyu.engines.ingest.loss import LayerLoss


def test_a_field_says_what_it_holds(tmp_path: Path) -> None:
    read = read_standard(write_standard(tmp_path) / STANDARD, load_standard)
    assert [(one.code, one.personal) for one in read.layers["HOLDER"].fields] == [
        (code, personal) for code, _, _, personal in FIELDS
    ]


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ({"key": "QLR"}, "关键字段 QLR 不能是个人信息"),
        ({"extra": '\n[[fields]]\ncode = "X"\nname_zh = "x"\nname_en = "x"\ntype = "VarChar"\nlength = 9\npersonal = "blood"\n'},
         "personal"),
        ({"extra": '\n[[fields]]\ncode = "X"\nname_zh = "x"\nname_en = "x"\ntype = "Int"\nlength = 9\npersonal = "phone"\n'},
         "个人信息字段"),
    ],
)  # fmt: skip
def test_what_cannot_be_masked_is_no_standard(tmp_path: Path, spoiled: dict[str, str], said: str) -> None:
    """A key stands in addresses and logs, numbers have no masked form, and only the four kinds have one."""
    with pytest.raises(BadStandard, match=said):
        read_standard(write_standard(tmp_path, **spoiled) / STANDARD, load_standard)


def test_shipped_layers_have_none() -> None:
    """The survey and control-line layers name organisations, not persons; whoever adds a person marks it."""
    personal = [
        (standard, layer.code, field.code)
        for standard in standard_ids()
        for layer in load_standard(standard).layers.values()
        for field in layer.fields
        if field.personal
    ]
    assert personal == []


def test_what_mapping_had_to_cut_is_quoted_masked() -> None:
    """T11: values that findings, reports and the loss report quote are masked at their source."""
    field = Field("ZJHM", "证件号码", "document", "VarChar", 10, personal="document")
    loss = LayerLoss("HOLDER")
    made = convert(pa.array(["11010519491231002X", "12345"]), field, pa.array([1, 2]), loss)
    assert made.to_pylist() == ["1101051949", "12345"]
    (example,) = loss.to_dict()["values_truncated"]["ZJHM"]["examples"]
    assert example == {"row": 1, "value": "110***********002X"}
