"""Q101, Q105, Q106 and the vertical datum of Q103: the files of a package, each fault by itself."""

import shutil
import zipfile

import pytest

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.runner import run
from kunyu.engines.ingest.reading import open_delivery
from kunyu.project.sample_county.generate import generate_county
from kunyu.project.sample_county.package import DIGEST_LIST, PACKAGE_NAME

pytestmark = pytest.mark.quick

METADATA_FILE = f"元数据/{PACKAGE_NAME}元数据.xml"
REPORT = f"文字报告/{PACKAGE_NAME}工作报告.txt"
PACKAGE_RULES = {"Q101", "Q105", "Q106"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    generate_county(folder, 60, 1, package="folder")
    return folder / PACKAGE_NAME


@pytest.fixture
def package(made, tmp_path):
    return shutil.copytree(made, tmp_path / PACKAGE_NAME)


def check(path, **options):
    with open_delivery(path) as source:
        return run(source, load_standard("TDT1057-2020"), **options)


def found(path, rule, **options):
    report = check(path, **options)
    assert rule in report.rules_run
    return [one for one in report.findings if one.rule == rule]


def renamed(package, name):
    return package.rename(package.with_name(name))


def relisted(package):
    """Write the digest list anew, so that a test of names speaks of names only."""
    from kunyu.project.sample_county.package import _write_digests

    (package / DIGEST_LIST).unlink()
    _write_digests(package)


def test_the_package_of_the_sample_is_clean(package):
    report = check(package, year=2024)

    assert report.findings == () and set(report.rules_run) >= PACKAGE_RULES
    assert "Q103.vertical_datum" not in [one.rule for one in report.rules_not_run]


def test_a_zip_of_the_package_is_the_same_package(package, tmp_path):
    shutil.make_archive(tmp_path / "sent", "zip", package.parent, package.name)
    shutil.make_archive(tmp_path / PACKAGE_NAME, "zip", package)

    assert check(tmp_path / "sent.zip").findings == ()
    assert check(tmp_path / f"{PACKAGE_NAME}.zip").findings == ()
    with zipfile.ZipFile(tmp_path / f"{PACKAGE_NAME}.zip") as archive:
        assert DIGEST_LIST in archive.namelist()


def test_a_lone_file_and_a_folder_of_data_are_no_packages(made, tmp_path):
    shutil.copyfile(made / "矢量数据" / f"{PACKAGE_NAME}.gpkg", tmp_path / "county.gpkg")

    for path in (tmp_path / "county.gpkg", tmp_path):
        reasons = {one.rule: one.reason for one in check(path).rules_not_run}
        assert set(reasons) >= PACKAGE_RULES
        assert reasons["Q101"].startswith("不是成果包") and "not a package directory" in reasons["Q101"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("坤舆县2024", "应为 990101+县名+年度"), ("990102坤舆县2024", "县代码 990102"), ("990101坤舆县", "应为"),
     ("990101坤舆县2025", "晚于调查年度 2024"), ("9901012024", "应为")],
)  # fmt: skip
def test_q101_name_of_the_package(package, name, said):
    package = renamed(package, name)

    messages = [one.message_zh for one in found(package, "Q101", division="990101", year=2024)]

    (own,) = [one for one in messages if "应以" not in one]  # the others: files still bear the old name
    assert said in own


@pytest.mark.parametrize("folder", ["文字报告", "元数据"])
def test_q101_a_folder_that_is_missing(package, folder):
    shutil.rmtree(package / folder)
    relisted(package)

    (fault,) = found(package, "Q101")

    assert (fault.severity, fault.layer, fault.measured) == ("S", folder, "缺")


def test_q101_folders_and_files_beyond_the_rule(package):
    (package / "临时").mkdir()
    (package / "临时" / f"{PACKAGE_NAME}a.txt").write_text("a")
    (package / "文字报告" / "报告.txt").write_text("a")
    (package / "其他资料").mkdir()
    (package / "其他资料" / "随便.txt").write_text("a")
    relisted(package)

    assert [one.layer for one in found(package, "Q101")] == ["临时", "文字报告/报告.txt"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [(REPORT, b"", "文件为空"), (f"文字报告/{PACKAGE_NAME}b.docx", b"not a zip", "不是 .docx 文件"),
     (f"文字报告/{PACKAGE_NAME}c.pdf", b"not a pdf", "不是 PDF 文件"), (METADATA_FILE, b"<a><b></a>", "不是 XML")],
)  # fmt: skip
def test_q101_a_file_that_cannot_be_opened(package, name, content, said):
    (package / name).write_bytes(content)
    relisted(package)

    (fault,) = found(package, "Q101")

    assert fault.layer == name and said in fault.message_zh


def test_q101_mandatory_tables(package, tmp_path):
    import pyogrio

    source = package / "矢量数据" / f"{PACKAGE_NAME}.gpkg"
    kept = tmp_path / "kept.gpkg"
    for layer, _ in pyogrio.list_layers(source):
        if layer != "YJFLMJB":
            meta, table = pyogrio.read_arrow(source, layer=layer)
            spatial = meta["geometry_name"] if meta["geometry_type"] else None
            pyogrio.write_arrow(
                table, kept, layer=layer, driver="GPKG", append=kept.exists(), geometry_name=spatial, crs=meta["crs"],
                geometry_type=meta["geometry_type"],
            )  # fmt: skip
    shutil.move(kept, source)
    relisted(package)

    assert [(one.layer, one.measured) for one in found(package, "Q101")] == [("YJFLMJB", "缺")]


# Q105


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("<生产单位>坤舆县自然资源局（虚构）</生产单位>", "", "没有填写生产单位"), ("2024-12-31", " ", "没有填写日期"),
     ("2024-12-31", "去年", "日期 去年 不是日期"), ("1985国家高程基准", "", "没有填写高程基准"),
     ("2000国家大地坐标系 高斯-克吕格投影 3度带 第38带", "", "没有填写坐标系")],
)  # fmt: skip
def test_q105_each_field(package, old, new, said):
    path = package / METADATA_FILE
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    relisted(package)

    (fault,) = found(package, "Q105")

    assert (fault.severity, fault.layer) == ("Z", METADATA_FILE) and said in fault.message_zh


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [("m.json", '{"producer": "a", "date": "20241231", "coordinateSystem": "CGCS2000", "vertical_datum": "1985"}', 0),
     ("m.json", '{"md": [{"producer": "a"}, {"date": "2024年12月31日"}], "coordinateSystem": "CGCS2000"}', 1),
     ("m.xml", '<m xmlns:g="u"><g:rpOrgName>a</g:rpOrgName><dateStamp><g:Date>2024-12-31</g:Date></dateStamp>'
      '<refSysName>CGCS2000</refSysName><vertDatum>1985</vertDatum></m>', 0)],
)  # fmt: skip
def test_q105_json_and_other_names(package, name, text, count):
    (package / METADATA_FILE).unlink()
    (package / "元数据" / f"{PACKAGE_NAME}{name}").write_text(text, "utf-8")
    relisted(package)

    assert len(found(package, "Q105")) == count


def test_q105_metadata_that_would_grow_without_end_are_not_read(package):
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><m><producer>&b;</producer></m>'
    (package / METADATA_FILE).write_text(bomb, "utf-8")
    relisted(package)

    assert len(found(package, "Q105")) == 4


def test_q105_without_metadata_says_where_that_stands(package):
    shutil.rmtree(package / "元数据")

    (reason,) = [one.reason for one in check(package).rules_not_run if one.rule == "Q105"]
    assert reason.startswith("成果包中没有元数据文件，见 Q101")


# Q103


def test_q103_another_vertical_datum(package):
    path = package / METADATA_FILE
    path.write_text(path.read_text("utf-8").replace("1985国家高程基准", "1956年黄海高程系"), "utf-8")
    relisted(package)

    (fault,) = found(package, "Q103")

    assert (fault.severity, fault.measured, fault.layer) == ("S", "1956年黄海高程系", METADATA_FILE)


# Q106


def test_q106_one_changed_byte(package):
    path = package / REPORT
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    (fault,) = found(package, "Q106")

    assert (fault.severity, fault.layer) == ("S", REPORT) and fault.measured != fault.limit
    assert len(fault.measured) == 64 and "SM3 与清单不符" in fault.message_zh


def test_q106_missing_and_unlisted_files(package):
    (package / REPORT).rename(package / "文字报告" / f"{PACKAGE_NAME}另一份.txt")

    faults = found(package, "Q106")

    assert [(one.layer, one.measured) for one in faults] == [
        (f"文字报告/{PACKAGE_NAME}另一份.txt", "未列入"), (REPORT, "缺"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "count"),
    [("# 生成于 2025", 0), ("", 0), ("abc  矢量数据/a.gpkg", 1), (f"{'0' * 64}  ../outside", 1), (f"{'0' * 64}  /etc/hosts", 1),
     (f"{'0' * 64}  没有这个文件", 1)],
)  # fmt: skip
def test_q106_lines_of_the_list(package, line, count):
    with (package / DIGEST_LIST).open("a", encoding="utf-8") as file:
        file.write(line + "\n")

    assert len(found(package, "Q106")) == count


@pytest.mark.parametrize("name", ["校验清单.sm3", "校验清单.txt"])
def test_q106_other_lists(package, name):
    text = (package / DIGEST_LIST).read_text("utf-8").replace("  ", "  ./").replace("/", "\\").upper()
    (package / DIGEST_LIST).unlink()
    (package / name).write_bytes(text.replace(".GPKG", ".gpkg").replace(".CSV", ".csv").replace(".TXT", ".txt").replace(
        ".XML", ".xml").encode("gb18030"))  # fmt: skip

    assert found(package, "Q106") == []


def test_q106_needs_a_list(package):
    (package / DIGEST_LIST).unlink()

    report = check(package)

    assert {"Q101", "Q105"} <= set(report.rules_run)
    assert "成果包中没有校验清单; the package holds no digest list" in [one.reason for one in report.rules_not_run]
