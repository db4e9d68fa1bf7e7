"""What a principal sees of the catalogue; themes and their broken links (R-081)."""

from collections.abc import Callable

import pytest

from kunyu.engines.catalogue import browse, queries
from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.catalogue.loading import Loaded
from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer
from kunyu.engines.catalogue.themes import BrokenLink, Leaf, broken_links, set_theme
from kunyu.engines.security import epochs
from kunyu.engines.security.errors import NotVisible, SignInNeeded
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.scope import ANONYMOUS, SEE, Principal, Right, operator

LAND_ONLY = Principal("land", rights=(Right("104", "", SEE),))
OTHER_COUNTY = Principal("far", rights=(Right("", "9902", SEE),))


def test_tree_counts_each_dataset_once(catalogue: Loaded, county: Callable[..., DatasetVersion]) -> None:
    """Counts go up the tree; a dataset with two references shows twice and counts once per branch."""
    county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101", "b": "0103"})

    roots = queries.tree(operator())

    assert [(node.code, node.dataset_count) for node in roots] == [
        ("1", 92), ("2", 23), ("3", 41), ("4", 9), ("9", 0),
    ]  # fmt: skip
    assert sum(node.dataset_count for node in roots) == Dataset.objects.count() + 1 == 165
    survey = next(node for node in roots[0].children if node.code == "104").children[0]
    parcels = next(one for one in survey.datasets if one.code == "10401-003")
    assert (parcels.counties, parcels.records, parcels.has_schema) == (1, 2, True)
    assert survey.published_count == roots[0].published_count == 1
    lines = next(node for node in roots[1].children if node.code == "202")
    assert [one.code for node in lines.children for one in node.datasets] == ["20201-001", "10502-001", "20203-001"]


def test_only_what_may_be_seen_is_listed(catalogue: Loaded) -> None:
    """R-041: nobody sees public datasets only, once their open label is approved; a grant on a branch adds that branch."""
    public = {one.code for one in queries.datasets(ANONYMOUS)}
    assert public == set(Dataset.objects.filter(is_public=True).values_list("code", flat=True))
    assert "10401-003" not in public
    LabelRow.objects.filter(collection="11202-001").update(state="proposed")
    epochs.forget()
    assert public - {one.code for one in queries.datasets(ANONYMOUS)} == {"11202-001"}

    land = {one.code for one in queries.datasets(LAND_ONLY)}
    assert land - public == {f"10401-00{number}" for number in range(1, 10)}


def test_detail_speaks_the_standards_language(county: Callable[..., DatasetVersion]) -> None:
    """Fields in order, the code lists they name, layers with the dataset's own first, versions newest first."""
    county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})
    county("2025-12-31", "2026-01-10T00:00:00+08:00", {"a": "0103"})

    detail = queries.dataset_detail(operator(), "10401-003")

    assert detail["layers"][0]["collection"] == "10401-003"
    assert len(detail["layers"][0]["fields"]) == 30
    assert detail["layers"][0]["codelists"]["GDLX"] == {"TT": "梯田", "PD": "坡地"}
    assert [one["number"] for one in detail["versions"]] == [2, 1]
    assert detail["producer_zh"] == "县级，国家核查"
    assert queries.dataset_detail(operator(), "20202-001")["code"] == "10502-001"


def test_who_may_not_see_learns_nothing(county: Callable[..., DatasetVersion]) -> None:
    """401 without an account, 404 without a grant, whether or not the code exists; other counties' versions hidden."""
    version = county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})
    for code in ("10401-003", "10401-777"):
        with pytest.raises(SignInNeeded):
            queries.dataset_detail(ANONYMOUS, code)
        with pytest.raises(NotVisible):
            queries.dataset_detail(Principal("nobody"), code)
    with pytest.raises(UnknownDataset):
        queries.dataset_detail(operator(), "10401-777")
    assert queries.dataset_detail(OTHER_COUNTY, "10401-003")["versions"] == []
    with pytest.raises(NotVisible):
        queries.lineage_of(OTHER_COUNTY, version.pk)
    with pytest.raises(NotVisible):
        queries.lineage_of(operator(), 10**12)
    assert queries.lineage_of(operator(), version.pk)["made_from"] == []


def test_theme_leaves_resolve_or_are_reported(catalogue: Loaded) -> None:
    """R-081: leaves by code or alias correspond; a code that leads nowhere is in the report, and leaves it when set."""
    leaves = [
        Leaf("耕地保护/现状", "耕地", "10401-003"),
        Leaf("耕地保护/底线", "永久基本农田", "20202-001"),
        Leaf("耕地保护/底线", "粮食生产功能区", "20299-001"),
    ]
    set_theme("farmland", "耕地保护", "自然资源局耕保科", leaves)
    assert broken_links() == [BrokenLink("farmland", "耕地保护/底线", "粮食生产功能区", "20299-001")]

    set_theme("farmland", "耕地保护", "自然资源局耕保科", leaves[:2])
    assert broken_links() == []


def test_search_finds_words_inside_what_may_be_seen(county: Callable[..., DatasetVersion]) -> None:
    """R-360: words meet code, names, layer, producer; permission is part of the question; wildcards are letters."""
    county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101", "b": "0103"})
    found = queries.search_datasets(operator(), "地类图斑", 10)
    assert [(one.code, one.counties, one.records) for one in found] == [("10401-003", 1, 2)]
    assert [one.code for one in queries.search_datasets(LAND_ONLY, "104 DLTB", 10)] == ["10401-003", "10401-008"]
    assert queries.search_datasets(ANONYMOUS, "地类图斑", 10) == []
    assert queries.search_datasets(operator(), "100%_", 10) == []
    everything = queries.search_datasets(operator(), "", 200)
    assert everything == queries.datasets(operator()) and len(queries.search_datasets(operator(), "", 7)) == 7


def test_a_stricter_layer_and_foreign_versions_stay_hidden(county: Callable[..., DatasetVersion]) -> None:
    """R-041, R-360: a layer labelled above its dataset, and versions of what one may not see, are in no answer."""
    base = county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})
    made = county("2025-12-31", "2026-01-10T00:00:00+08:00", {"a": "0103"}, inputs=[{"version": base.pk}])
    elsewhere = DatasetVersion.objects.create(
        layer=Layer.objects.get(collection="10401-004"), county="990101", number=1, valid_from="2025-12-31",
        status="published", lineage={"inputs": [{"version": made.pk}]},
    )  # fmt: skip
    parcels_only = Principal("li", rights=(Right("10401-003", "", SEE),))
    assert [one["id"] for one in queries.lineage_of(operator(), made.pk)["used_by"]] == [elsewhere.pk]
    assert queries.lineage_of(parcels_only, made.pk)["used_by"] == []
    slope_only = Principal("li", rights=(Right("10401-004", "", SEE),))
    assert queries.lineage_of(slope_only, elsewhere.pk)["made_from"] == []

    LabelRow.objects.create(
        collection="10401-001.XZQJX", secrecy=2, grading=2, sharing=2, reason="试", state="approved", proposed_by="a",
        decided_by="b",
    )  # fmt: skip
    epochs.forget()
    land = {one["collection"] for one in queries.dataset_detail(LAND_ONLY, "10401-001")["layers"]}
    assert "10401-001" in land and "10401-001.XZQJX" not in land
    assert "10401-001.XZQJX" not in {one.layer.collection for one in browse.detail(LAND_ONLY, "10401-001").layers}
