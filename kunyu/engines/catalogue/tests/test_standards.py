"""Standards as data: what they hold, and that broken files are refused with a sentence. No Django here."""

import datetime
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from kunyu.engines.catalogue.standards import (
    BUILT_IN,
    BadStandard,
    UnknownStandard,
    load_standard,
    read_standard,
    standard_ids,
)

DLTB_FIELDS = [
    "BSM",
    "YSDM",
    "TBYBH",
    "TBBH",
    "DLBM",
    "DLMC",
    "QSXZ",
    "QSDWDM",
    "QSDWMC",
    "ZLDWDM",
    "ZLDWMC",
    "TBMJ",
    "KCDLBM",
    "KCXS",
    "KCMJ",
    "TBDLMJ",
    "GDLX",
    "GDPDJB",
    "XZDWKD",
    "TBXHDM",
    "TBXHMC",
    "ZZSXDM",
    "ZZSXMC",
    "GDDB",
    "FRDBS",
    "CZCSXM",
    "SJNF",
    "MSSM",
    "HDMC",
    "BZ",
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of TD/T 1057 to break."""
    return shutil.copytree(BUILT_IN / "TDT1057-2020", tmp_path / "TDT1057-2020")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_installed_standards() -> None:
    """Five standards ship; each reads without complaint."""
    assert standard_ids() == (
        "KUNYU-APPROVALS-2026", "KUNYU-OPEN-2026", "MNR-CONTROL-2021", "MNR-MINERAL-PLAN", "TDT1057-2020",
    )  # fmt: skip
    assert {one: len(load_standard(one).layers) for one in standard_ids()} == {
        "KUNYU-APPROVALS-2026": 1,
        "KUNYU-OPEN-2026": 13,
        "MNR-CONTROL-2021": 8,
        "MNR-MINERAL-PLAN": 3,
        "TDT1057-2020": 61,
    }


def test_dltb_has_the_thirty_fields_in_order() -> None:
    """DLTB as TD/T 1057-2020 has it (land-survey.md §3): order, types, lengths, requirement (Q201, Q203)."""
    fields = load_standard("TDT1057-2020").layers["DLTB"].fields

    assert [one.code for one in fields] == DLTB_FIELDS
    assert len(fields) == 30
    sizes = {one.code: (one.type, one.length, one.decimals, one.required) for one in fields}
    assert sizes["BSM"] == ("Char", 18, 0, "M")
    assert sizes["DLBM"] == ("Char", 5, 0, "M")
    assert sizes["TBMJ"] == ("Float", 15, 2, "M")
    assert sizes["KCXS"] == ("Float", 6, 4, "C")
    assert sizes["XZDWKD"] == ("Float", 5, 1, "C")
    assert sizes["SJNF"] == ("Int", 4, 0, "M")
    assert sizes["BZ"] == ("VarChar", 0, 0, "O")
    assert {one.code: one.aliases for one in fields if one.aliases} == {
        "KCXS": ("TKXS",),
        "KCMJ": ("TKMJ",),
        "XZDWKD": ("XXTBKD",),
        "ZZSXDM": ("GDZZSXDM",),
        "ZZSXMC": ("GDZZSXMC",),
    }
    assert {one.code: one.name_of for one in fields if one.name_of} == {
        "DLMC": "DLBM",
        "TBXHMC": "TBXHDM",
        "ZZSXMC": "ZZSXDM",
    }


def test_what_was_not_read_in_the_standard_is_marked() -> None:
    """Unverified facts stay unverified: six DLTB fields are certain in type and length, one layer code is."""
    standard = load_standard("TDT1057-2020")

    assert [one.code for one in standard.layers["DLTB"].fields if one.verified] == [
        "BSM", "TBMJ", "KCXS", "KCMJ", "TBDLMJ", "TBXHMC",
    ]  # fmt: skip
    assert [one.code for one in standard.layers.values() if one.layer_code_verified] == ["DLTB"]
    assert not standard.layers["PDT"].verified
    assert not load_standard("MNR-CONTROL-2021").verified
    assert not standard.styles["DLBM"]["0101"].verified


def test_layers_by_role() -> None:
    """Base, update, process and annotation layers, tables and document folders (land-survey.md §2, §8)."""
    layers = load_standard("TDT1057-2020").layers

    assert Counter(one.role for one in layers.values()) == {
        "base": 34, "update": 6, "process": 3, "annotation": 1, "table": 13, "documents": 4,
    }  # fmt: skip
    assert Counter(one.geometry for one in layers.values()) == {
        "Polygon": 35, "LineString": 5, "Point": 4, "Table": 13, "Documents": 4,
    }  # fmt: skip
    assert layers["DLTBGX"].fields == layers["DLTB"].fields
    assert layers["DLTBGX"].base == layers["DLTBGXGC"].base == "DLTB"
    process = [one.code for one in layers["DLTBGXGC"].fields]
    assert process[:6] == ["BSM", "YSDM", "BGQTBBSM", "BGQTBBH", "BGQDLBM", "BGQDLMC"]
    assert process[-5:] == ["BGXW", "TBBGMJ", "XZQTZLX", "GXSJ", "BZ"]
    assert {one[3:] for one in process if one.startswith("BGQ")} == {
        one[3:] for one in process if one.startswith("BGH")
    }
    assert layers["ZJ"].fields[2].length == 60 and len(layers["ZJ"].fields) == 15


@pytest.mark.parametrize("standard_id", standard_ids())
def test_every_named_codelist_exists_and_field_codes_fit_a_dbf(standard_id: str) -> None:
    """A field's code list is in its standard; codes are upper case and, except of our own layers, fit a shapefile."""
    standard = load_standard(standard_id)
    for layer in standard.layers.values():
        for one in layer.fields:
            assert one.codelist is None or standard.codelists[one.codelist].codes, (layer.code, one.code)
            assert one.code == one.code.upper()
            assert len(one.code) <= 10, (layer.code, one.code)


def test_code_lists() -> None:
    """Counts and samples of the code lists (land-survey.md §4, §5; planning.md §2)."""
    lists = load_standard("TDT1057-2020").codelists
    sizes = {name: len(one.codes) for name, one in lists.items()}
    assert sizes == {
        "DLBM1": 13, "DLBM": 69, "KCDLBM": 1, "QSXZ": 10, "TBXHDM": 15, "ZZSXDM": 8, "CZCSXM": 8, "GDLX": 2,
        "GDPDJB": 5, "FRDBS": 2, "MSSM": 2, "BGXW": 5, "XZQTZLX": 5, "JXLX": 10, "JXXZ": 4, "TBLX": 37, "HCJG": 4,
        "SDL": 3, "DLBM2007": 57,
    }  # fmt: skip
    classes = [row for row in lists["DLBM"].rows if row.parent in lists["DLBM1"].codes]
    assert len([row for row in classes if len(row.code) == 4]) == 55
    assert lists["DLBM"].codes["1103"] == "水库水面"
    assert "0199" not in lists["DLBM"]
    assert lists["DLBM"].below("1104") == ("1104", "1104A", "1104K")
    land = load_standard("MNR-CONTROL-2021").codelists["YDYH"].codes
    assert Counter(map(len, land)) == {2: 24, 4: 111, 6: 40}


def test_three_classes_cover_every_land_class_once() -> None:
    """§4.1 as dated data: every class falls into exactly one of the three; nothing before the date it takes effect."""
    standard = load_standard("TDT1057-2020")
    mapping = standard.conversions["DLBM_SDL"]

    now = mapping.at(datetime.date(2026, 1, 1))
    assert set(now) == set(standard.codelists["DLBM"].codes)
    assert all(len(targets) == 1 for targets in now.values())
    assert Counter(targets[0] for targets in now.values()) == {"NYD": 34, "JSYD": 24, "WLYD": 11}
    assert mapping.at(datetime.date(2017, 10, 31)) == {}
    assert now["1103"] == ("NYD",) and not next(row for row in mapping.rows if row.source == "1103").verified


def test_conversions_between_classifications() -> None:
    """§4.2 second to third survey; planning.md §2.1 land classes to land and sea use, one to many where it is."""
    day = datetime.date(2026, 1, 1)
    second = load_standard("TDT1057-2020").conversions["DLBM2007_DLBM"].at(day)
    assert len(second) == 57 and second["125"] == ("1108",) and second["051"] == ("05H1",)
    plan = load_standard("MNR-CONTROL-2021").conversions["DLBM_YDYH"].at(day)
    assert set(plan) == set(load_standard("TDT1057-2020").codelists["DLBM"].codes)
    assert plan["0303"] == ("0507",)
    assert plan["08H2"] == ("0802", "0803", "0804", "0805", "0806", "0807")


def test_digest_speaks_of_content_not_of_bytes(copy: Path) -> None:
    """Line ends and comments do not change the digest; one changed length does."""
    digest = load_standard("TDT1057-2020").digest
    for path in copy.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    edit(copy / "layers/DLTB.toml", 'code = "DLTB"', '# a remark\ncode = "DLTB"')
    assert read_standard(copy, load_standard).digest == digest

    edit(copy / "layers/XZQ.toml", "length = 12", "length = 9")
    assert read_standard(copy, load_standard).digest != digest


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("layers/DLTB.toml", 'codelist = "QSXZ"', 'codelist = "QSXX"', "代码表 QSXX 不存在"),
        ("layers/DLTB.toml", 'presence = "M"', 'presence = "X"', "presence = 'X'"),
        ("layers/DLTB.toml", 'code = "TBBH"', 'code = "TBYBH"', "字段或别名重复：TBYBH"),
        ("layers/DLTB.toml", 'code = "TBBH"', 'code = "tbbh"', "大写字母"),
        ("layers/DLTB.toml", 'dataset = "10401-003"', 'dataset = "10401"', "不是目录编码"),
        ("layers/DLTB.toml", 'dataset = "10401-003"', 'datasett = "10401-003"', "不认识的键 datasett"),
        ("layers/DLTB.toml", 'layer_code = "2110"', 'layer_code = "1110"', "层代码 1110 已用于 XZQ"),
        ("layers/DLTB.toml", 'type = "Char"\nlength = 18', 'type = "Char"\nlength = 0', "长度 0"),
        ("layers/DLTB.toml", "[[fields]]", "[[fields", "无法读取"),
        ("layers/DLTBGX.toml", 'fields_of = "DLTB"', 'fields_of = "DLTX"', "DLTX 应是排在前面的图层"),
        ("codelists/QSXZ.csv", "31,村民小组,Villager group,30", "31,村民小组,Villager group,39", "上级 39 不存在"),
        ("codelists/QSXZ.csv", "20,国有土地使用权", "10,国有土地使用权", "'10' 为空、重复"),
        ("codelists/QSXZ.csv", "false", "no", "verified 应为"),
        ("codelists/QSXZ.csv", "code,name_zh", "code,name", "列应为"),
        ("conversions/DLBM_SDL.csv", "NYD", "NYX", "代码 NYX 不在 SDL 表中"),
        ("conversions/DLBM_SDL.csv", "2017-11-01", "2017-13-01", "日期不对"),
        ("styles.toml", "#ffff64", "yellow", "DLBM.0101"),
        ("standard.toml", '"SZZJKZD", ', "", "SZZJKZD"),
        ("standard.toml", 'id = "TDT1057-2020"', 'id = "TDT1057-2021"', "与文件夹名不同"),
    ],
)
def test_broken_standard_is_refused(copy: Path, file: str, old: str, new: str, said: str) -> None:
    """Each fault stops the loader with a sentence naming the file, in both languages, exit code 2."""
    edit(copy / file, old, new)

    with pytest.raises(BadStandard) as refused:
        read_standard(copy, load_standard)

    assert said in refused.value.detail_zh
    assert refused.value.detail_zh.startswith("标准文件 TDT1057-2020/")
    assert refused.value.detail_en.startswith("Standard file TDT1057-2020/")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("name", ["TDT1057-2021", "", "..", "../standards/TDT1057-2020", "TDT1057-2020/layers"])
def test_unknown_standard(name: str) -> None:
    """What is not installed is refused, naming what is; a path is no id."""
    with pytest.raises(UnknownStandard, match="TDT1057-2020") as refused:
        load_standard(name)
    assert refused.value.exit_code == 2


EXTENSION = """
id = "TDT1057-2020-990101"
number = "TD/T 1057-2020 + 990101"
name_zh = "坤舆县扩展"
name_en = "Extension of county 990101"
edition = "2020"
verified = true
extends = "TDT1057-2020"
division = "990101"
layers = ["DLTB"]
"""
LOCAL_FIELD = '\n[[fields]]\ncode = "%s"\nname_zh = "灌溉方式"\nname_en = "Irrigation"\ntype = "Char"\nlength = 2\n'


@pytest.fixture
def extension(tmp_path: Path) -> Path:
    folder = tmp_path / "TDT1057-2020-990101"
    (folder / "layers").mkdir(parents=True)
    (folder / "standard.toml").write_text(EXTENSION, encoding="utf-8")
    (folder / "layers/DLTB.toml").write_text('code = "DLTB"\n' + LOCAL_FIELD % "GGFS", encoding="utf-8")
    return folder


def test_local_extension_adds_fields(extension: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-021: a county adds a field to a layer of the standard; the 30 standard fields stay as they are."""
    monkeypatch.setenv("KUNYU_STANDARDS", str(extension.parent))

    local = load_standard("TDT1057-2020-990101")

    assert [one.code for one in local.layers["DLTB"].fields] == [*DLTB_FIELDS, "GGFS"]
    assert local.codelists["DLBM"] is load_standard("TDT1057-2020").codelists["DLBM"]
    assert "TDT1057-2020-990101" in standard_ids()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('code = "DLTB"\n' + LOCAL_FIELD % "DLBM", "DLBM"),
        ('code = "DLTB"\n' + LOCAL_FIELD % "TKXS", "TKXS"),
        ('code = "DLTB"\npresence = "O"\n', "presence"),
    ],
)
def test_local_extension_may_not_override(extension: Path, text: str, named: str) -> None:
    """R-021: redefining a standard field, taking its alias, or changing the layer is refused."""
    (extension / "layers/DLTB.toml").write_text(text, encoding="utf-8")

    with pytest.raises(BadStandard, match="不得改写") as refused:
        read_standard(extension, load_standard)

    assert named in refused.value.detail_zh


def test_standards_load_without_django() -> None:
    """``kunyu check`` runs without Django: loading every standard imports none of it."""
    code = (
        "import sys; from kunyu.engines.catalogue.standards import load_standard, standard_ids;"
        "[load_standard(one) for one in standard_ids()];"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('django', 'psycopg')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
