"""The catalogue's content: Table 1 verbatim, level-2 datasets, local extensions, references (R-076, R-079–R-082)."""

import csv
import re
from pathlib import Path

import pytest

from kunyu.engines.catalogue.errors import (
    BadCatalogueCode,
    IllegalParent,
    NoSchema,
    ProducerMissing,
    StandardEntryFixed,
)
from kunyu.engines.catalogue.loading import DATA, Loaded, load_catalogue
from kunyu.engines.catalogue.models import CatalogueItem, Dataset, Layer
from kunyu.engines.catalogue.queries import table_1
from kunyu.engines.catalogue.services import (
    LocalDataset,
    dataset_for_delivery,
    find_dataset,
    register_local_dataset,
)
from kunyu.engines.catalogue.standards import load_standard, standard_ids
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import operator

DOMAIN = Path(__file__).resolve().parents[5] / "shared" / "domain" / "catalogue.md"


def table_of(section: str, first_cell: str) -> list[list[str]]:
    """Rows of a Markdown table of the domain notes whose first cell matches."""
    if not DOMAIN.is_file():
        pytest.skip(f"the domain notes are not at {DOMAIN}")
    text = DOMAIN.read_text(encoding="utf-8").split(f"## {section}. ")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines()]
    return [row for row in rows if re.fullmatch(first_cell, row[0])]


def local(code: str, **changes: str) -> LocalDataset:
    values = {"name_zh": "灌溉设施", "producer_zh": "坤舆县自然资源局", "level": "内部", **changes}
    return LocalDataset(code=code, **values)


def test_counts(catalogue: Loaded) -> None:
    """R-076: 4 types and 其他, 33 categories, 127 content items; 155 datasets of which one stands in two places."""
    by_level = {level: CatalogueItem.objects.filter(level=level).count() for level in CatalogueItem.Level.values}
    assert by_level == {1: 5, 2: 33, 3: 127}
    assert catalogue.items == 165
    assert catalogue.datasets == Dataset.objects.filter(local_division="").count() == 155
    assert catalogue.local_datasets == 9
    assert catalogue.layers == Layer.objects.count() == 82


def test_loading_again_changes_nothing(catalogue: Loaded) -> None:
    """Loading is idempotent, keys included."""
    before = list(Layer.objects.order_by("pk").values()), list(Dataset.objects.order_by("pk").values())

    assert load_catalogue() == catalogue

    assert (list(Layer.objects.order_by("pk").values()), list(Dataset.objects.order_by("pk").values())) == before


def test_content_strings_come_back_byte_for_byte(catalogue: Loaded) -> None:
    """R-079: joining the content items gives every 数据内容 string of Table 1 exactly."""
    stored = dict(CatalogueItem.objects.filter(level=2).values_list("name_zh", "content_zh"))

    exported = list(table_1())

    assert len(exported) == 33
    assert {category: content for _, category, content in exported} == stored
    assert exported[0] == ("现状数据", "测绘", "基准/遥感影像/地形/DEM")
    assert exported[18] == ("规划管控数据", "国土空间规划", "各级国土空间规划/详细规划、村庄规划")


def test_table_1_equals_the_plan(catalogue: Loaded) -> None:
    """R-079: types, categories and content of the plan's Table 1, word for word."""

    def plain(cell: str) -> str:
        return re.sub(r" \([^)]*\)$", "", cell)

    wanted = [(plain(row[1]), plain(row[3]), row[4]) for row in table_of("1", r"\d") if row[2] != "900"]
    assert len(wanted) == 33
    assert list(table_1()) == wanted


def test_every_dataset_of_the_domain_notes_is_there(catalogue: Loaded) -> None:
    """Level-2 datasets with producer, classification text and update mode as noted."""
    wanted = table_of("3", r"\d{5}-\d{3}")
    assert len(wanted) == 156
    for code, _, _, layers, geometry, producer, label, mode, tag in wanted:
        dataset, _ = find_dataset(code)
        if code == "20202-001":
            assert dataset.code == "10502-001"
            continue
        assert (dataset.geometry, dataset.update_mode) == (geometry, mode), code
        assert dataset.layer_names == re.sub("[`*]", "", layers), code
        assert dataset.verified == ("mem" not in tag and "design" not in tag), code
        if "同上" not in (producer, label):
            assert (dataset.producer_zh, dataset.classification) == (producer, label), code


def test_type_names_of_the_text_are_aliases(catalogue: Loaded) -> None:
    """The plan's text and its table name the types differently; the table's name holds, the other is an alias."""
    assert CatalogueItem.objects.get(code="2").aliases == ["规划数据"]
    assert CatalogueItem.objects.get(code="3").name_zh == "管理数据"


def test_permanent_farmland_is_one_dataset_with_two_references(catalogue: Loaded) -> None:
    """一数一源: 10502 and 20202 lead to one dataset."""
    dataset, layer = find_dataset("20202-001")

    assert dataset.code == "10502-001"
    assert [item.code for item in dataset.also_under.all()] == ["20202"]
    assert layer is not None and layer.code == "YJJBNT"


def test_every_layer_of_a_standard_has_its_dataset(catalogue: Loaded) -> None:
    """No layer of an installed standard lies outside the catalogue (R-031)."""
    known = set(Dataset.objects.values_list("code", flat=True))
    for standard_id in standard_ids():
        for layer in load_standard(standard_id).layers.values():
            assert layer.dataset in known, layer.code


def test_collections(catalogue: Loaded) -> None:
    """The dataset's code names its first layer; further layers add their own code."""
    named = dict(Layer.objects.values_list("collection", "table_name"))
    assert named["10401-003"] == "dltb_tdt1057_2020"
    assert named["10401-001"] == "xzq_tdt1057_2020"
    assert named["10401-001.XZQJX"] == "xzqjx_tdt1057_2020"
    assert named["10401-008"] == "dltbgx_tdt1057_2020"
    assert named["20201-001"] == "stbhhx_mnr_control_2021"
    assert named["20201-001.STBHHX.TDT1057-2020"] == "stbhhx_tdt1057_2020"
    assert named["20301-001"] == "ghydyh_mnr_control_2021"
    assert named["10302-901@990101"] == "landcover_kunyu_open_2026"


def test_only_open_data_is_public(catalogue: Loaded) -> None:
    """Whatever its classification text calls internal, sensitive or secret is not served without signing in."""
    for dataset in Dataset.objects.filter(is_public=True):
        assert not re.search("内部|敏感|涉密|秘密", dataset.classification), dataset.code
        assert dataset.level == "公开"
    assert Dataset.objects.get(code="10104-002").level == "涉密"


def test_every_dataset_names_producer_and_english(catalogue: Loaded) -> None:
    """R-082: nobody's data is not in the catalogue; both languages are complete."""
    assert not Dataset.objects.filter(producer_zh="").exists()
    assert not Dataset.objects.filter(name_en="").exists()
    assert not CatalogueItem.objects.filter(name_en="").exists()


def test_local_extension_under_a_content_item(catalogue: Loaded) -> None:
    """R-080: a county adds a dataset under an item of Table 1; it is marked as its own."""
    register_local_dataset(local("10501-001@990101"), operator("test"))

    found = Dataset.objects.get(code="10501-001@990101")
    assert (found.item_id, found.local_division, found.is_public) == ("10501", "990101", False)
    assert AuditEntry.objects.get(object_id="10501-001@990101").actor == "operator"


@pytest.mark.parametrize(
    ("entry", "error", "said"),
    [
        (local("10599-001@990101"), IllegalParent, "10599 不在数据目录中"),
        (local("105-001@990101"), BadCatalogueCode, "TCCNN-nnn@6位区划代码"),
        (local("10501-001"), StandardEntryFixed, "10501-001 是国家目录条目"),
        (local("10401-001@990101", name_zh="地类图斑"), StandardEntryFixed, "不得另立同名数据集"),
        (local("10501-001@990101", producer_zh=" "), ProducerMissing, "没有生产单位"),
        (local("10501-001@990101", level="机密"), BadCatalogueCode, "机密"),
    ],
)
def test_illegal_extension_is_refused(
    catalogue: Loaded, entry: LocalDataset, error: type[Exception], said: str
) -> None:
    """R-021, R-080, R-082: no parent, an override or no producer is refused, and nothing is written."""
    before = Dataset.objects.count()

    with pytest.raises(error, match=said):
        register_local_dataset(entry)

    assert Dataset.objects.count() == before
    assert Dataset.objects.get(code="10501-001").local_division == ""


def test_data_without_code_or_schema_is_refused(catalogue: Loaded) -> None:
    """R-031: a code outside the catalogue, or a dataset no standard gives a layer, takes no delivery."""
    assert dataset_for_delivery("10401-003")[1].code == "DLTB"
    assert dataset_for_delivery("10401-001.XZQJX")[1].code == "XZQJX"
    with pytest.raises(NoSchema, match="不在数据目录中"):
        dataset_for_delivery("10401-999")
    with pytest.raises(NoSchema, match="还没有图层结构"):
        dataset_for_delivery("10601-001")


def test_dataset_without_producer_takes_no_delivery(catalogue: Loaded) -> None:
    """R-082: a dataset whose producer was lost is refused too."""
    Dataset.objects.filter(code="10401-003").update(producer_zh="")
    with pytest.raises(ProducerMissing):
        dataset_for_delivery("10401-003")


def test_files_list_each_code_once() -> None:
    """The CSV files themselves repeat no code."""
    for path in DATA.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            codes = [row["code"] for row in csv.DictReader(file)]
        assert len(codes) == len(set(codes)), path.name
