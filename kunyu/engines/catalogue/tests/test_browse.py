"""The catalogue pages show what a person may know of, filtered and sorted as the address says (R-082)."""

from __future__ import annotations

from typing import Any

import pytest

from kunyu.engines.catalogue import browse
from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.security.scope import SEE, Principal, Right, operator

pytestmark = pytest.mark.usefixtures("catalogue")
SURVEYS = Principal("surveys", rights=(Right("104", "", SEE),))


def codes(principal: Principal, **asked: Any) -> list[str]:
    return [row.dataset.code for row in browse.rows(principal, browse.Filter(**asked))]


def test_a_person_sees_the_branches_granted_and_public_data() -> None:
    seen = browse.rows(SURVEYS, browse.Filter())

    assert "10401-003" in {row.dataset.code for row in seen}
    assert all(row.dataset.code.startswith("104") or row.dataset.is_public for row in seen)
    assert len(seen) < len(codes(operator()))


def test_words_and_grade_narrow_the_list() -> None:
    assert codes(operator(), words="DLTB 地类图斑")[0] == "10401-003"
    assert codes(operator(), words="没有这样的数据集") == []
    graded = browse.rows(operator(), browse.Filter(grade="涉密"))
    assert graded
    assert {row.dataset.level for row in graded} == {"涉密"}
    assert codes(operator(), with_data=True) == []


def test_an_unknown_sort_is_the_catalogue_order() -> None:
    assert codes(operator(), sort="password") == codes(operator(), sort="code")


def test_a_dataset_brings_fields_codes_and_path() -> None:
    found = browse.detail(operator(), "10401-003")

    assert [item.code for item in found.path] == ["1", "104", "10401"]
    parcels = next(one for one in found.layers if one.layer.code == "DLTB")
    assert [field.code for field in parcels.model.fields][:5] == ["BSM", "YSDM", "TBYBH", "TBBH", "DLBM"]
    assert "DLBM" in [one.name for one in parcels.codelists]
    assert parcels.versions == ()


def test_what_may_not_be_seen_is_refused_like_what_does_not_exist() -> None:
    with pytest.raises(UnknownDataset) as unseen:
        browse.detail(SURVEYS, "20201-001")
    with pytest.raises(UnknownDataset) as absent:
        browse.detail(SURVEYS, "20201-999")

    assert str(unseen.value).replace("20201-001", "x") == str(absent.value).replace("20201-999", "x")
