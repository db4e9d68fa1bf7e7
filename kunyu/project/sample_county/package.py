"""The sample county as the package a county hands in: folders, reports, metadata, digests. 成果包."""

from __future__ import annotations

import csv
import shutil
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio

from kunyu.kernel.digests import sm3_file
from kunyu.kernel.errors import UsageError
from kunyu.project.sample_county.attributes import YEAR
from kunyu.project.sample_county.layout import COUNTY, COUNTY_NAME

PACKAGE_NAME = f"{COUNTY}{COUNTY_NAME}{YEAR}"
PACKAGE_FORMS = ("folder", "zip")
DIGEST_LIST = "digests.sm3"
_SUMMARIES = ("YJFLMJB", "EJFLMJB")
_CLOCK = (2025, 1, 1, 0, 0, 0)
_METADATA = {
    "名称": f"{COUNTY_NAME}国土调查数据库",
    "生产单位": "坤舆县自然资源局（虚构）",
    "日期": f"{YEAR}-12-31",
    "坐标系": "2000国家大地坐标系 高斯-克吕格投影 3度带 第38带",
    "高程基准": "1985国家高程基准",
}


def refuse_other_forms(form: str) -> None:
    """Refuse what is neither empty nor one of ``PACKAGE_FORMS``."""
    if form and form not in PACKAGE_FORMS:
        raise UsageError(
            f"--package {form}：可选 {'、'.join(PACKAGE_FORMS)}",
            f"--package {form}: one of {', '.join(PACKAGE_FORMS)}",
            package=form,
        )


def write_package(folder: Path, county: Path, form: str) -> str:
    """Write the package of a county beside it and return its name.

    Parameters
    ----------
    folder
        Where to write ``990101坤舆县2024`` or ``990101坤舆县2024.zip``; an earlier one is replaced.
    county
        The county's container (``county.gpkg``) or folder of layers; it is copied.
    form
        ``folder`` or ``zip``.
    """
    target = folder / PACKAGE_NAME
    shutil.rmtree(target, ignore_errors=True)
    _copy_vectors(county, target / "矢量数据")
    _write_tables(county, target / "汇总表格")
    _write_text(target / "文字报告" / f"{PACKAGE_NAME}工作报告.txt", "坤舆县不存在，本报告是样例。\n")
    _write_text(target / "元数据" / f"{PACKAGE_NAME}元数据.xml", _metadata())
    _write_digests(target)
    if form == "folder":
        return target.name
    packed = folder / f"{PACKAGE_NAME}.zip"
    _pack(target, packed)
    shutil.rmtree(target)
    return packed.name


def _copy_vectors(county: Path, target: Path) -> None:
    if county.is_dir() and county.suffix != ".gdb":  # a folder of layers: each file bears its layer's code
        shutil.copytree(county, target)
        return
    target.mkdir(parents=True)
    named = target / f"{PACKAGE_NAME}{county.suffix}"
    if county.is_dir():
        shutil.copytree(county, named)
    else:
        shutil.copyfile(county, named)


def _write_tables(county: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for code in _SUMMARIES:
        table = _rows(county, code)
        with (target / f"{PACKAGE_NAME}{code}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.column_names)
            writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _rows(county: Path, code: str) -> pa.Table:
    if (county / f"{code}.parquet").is_file():
        return pq.read_table(county / f"{code}.parquet")
    if (county / f"{code}.dbf").is_file():
        return pyogrio.read_arrow(county / f"{code}.dbf", encoding="GBK", read_geometry=False)[1]
    return pyogrio.read_arrow(county, layer=code, read_geometry=False)[1]


def _metadata() -> str:
    fields = "".join(f"  <{name}>{escape(text)}</{name}>\n" for name, text in _METADATA.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<元数据>\n{fields}</元数据>\n'


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def _write_digests(target: Path) -> None:
    files = sorted(one for one in target.rglob("*") if one.is_file())
    lines = [f"{sm3_file(one)}  {one.relative_to(target).as_posix()}\n" for one in files]
    (target / DIGEST_LIST).write_text("".join(lines), encoding="utf-8")


def _pack(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", _CLOCK)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as content, archive.open(entry, "w", force_zip64=True) as out:
                shutil.copyfileobj(content, out, 1 << 20)
