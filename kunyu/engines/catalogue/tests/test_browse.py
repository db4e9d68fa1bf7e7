"""The catalogue pages show what a person may know of, filtered and sorted as the address says (R-082)."""

from __future__ import annotations

import json

import pytest
from django.http import QueryDict
from django.test import Client

from kunyu.engines.catalogue import browse
from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.catalogue.models import Dataset
from kunyu.engines.pages import asked
from kunyu.engines.security.models import Grant, User
from kunyu.engines.security.scope import SEE, Principal, Right, operator

pytestmark = pytest.mark.usefixtures("catalogue")
SURVEYS = Principal("surveys", rights=(Right("104", "", SEE),))


def found(principal: Principal, **given: str) -> list[Dataset]:
    """Rows of the list as the address ``given`` asks for them."""
    listing, query = browse.listing(principal), QueryDict(mutable=True)
    query.update(given)
    return list(asked.matching(listing, asked.read(listing, query)))


def codes(principal: Principal, **given: str) -> list[str]:
    return [one.code for one in found(principal, **given)]


def test_a_person_sees_the_branches_granted_and_public_data() -> None:
    seen = found(SURVEYS)

    assert "10401-003" in {one.code for one in seen}
    assert all(one.code.startswith("104") or one.is_public for one in seen)
    assert len(seen) < len(codes(operator()))


def test_words_and_grade_narrow_the_list() -> None:
    assert codes(operator(), q="DLTB 地类图斑")[0] == "10401-003"
    assert codes(operator(), q="没有这样的数据集") == []
    graded = found(operator(), grade="涉密")
    assert graded
    assert {one.level for one in graded} == {"涉密"}
    assert codes(operator(), data="1") == []
    assert all(code.startswith("2") for code in codes(operator(), type="2"))


def test_an_unknown_sort_is_the_catalogue_order() -> None:
    assert codes(operator(), sort="password") == codes(operator(), sort="")


def test_the_page_shows_the_list_and_hands_out_the_same_rows() -> None:
    user = User.objects.create_user("li", "correct-horse-9", name_zh="李")
    Grant.objects.create(user=user, branch="104", action=SEE)
    client = Client()
    client.force_login(user)

    page = client.get("/catalogue/?q=DLTB").content.decode()
    rows = json.loads(b"".join(client.get("/catalogue/?q=DLTB&format=json").streaming_content))["rows"]

    assert '<a href="/catalogue/10401-003/">地类图斑</a>' in page
    assert rows and all(row["code"].startswith("104") for row in rows)


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
