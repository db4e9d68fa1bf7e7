"""Rules about the files of a package: Q101 names and folders, Q105 metadata, Q106 digests. 成果包的文件.

A package is a folder or zip called ``<county code><county name><year>`` (990101坤舆县2024) with the folders of
``FOLDERS`` and a digest list; docs/reference/package.md shows one. The naming is the land survey's as far as it is known
(county code 6 + name + year); folders and file names below that are this project's. [unverified]
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from kunyu.engines.ingest.checks.delivered import Delivered, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import Rule, rule
from kunyu.kernel.digests import sm3_file
from kunyu.packs.land_survey.quality.metadata import FIELDS, LARGEST_BYTES, is_metadata, metadata_of

VECTORS, TABLES, REPORTS, METADATA, OTHERS = "矢量数据", "汇总表格", "文字报告", "元数据", "其他资料"
FOLDERS = {VECTORS: True, TABLES: False, REPORTS: True, METADATA: True, OTHERS: False}
"""Folders of a package, and whether each must be there with something in it."""
DIGEST_LISTS = ("digests.sm3", "校验清单.sm3", "校验清单.txt")
DIGEST_LINE = re.compile(r"^\s*([0-9A-Fa-f]{64})\s+\*?(\S.*?)\s*$")
PACKAGE_NAME = re.compile(r"^(?P<county>\d{6})(?P<name>\D.*?)(?P<year>(?:19|20)\d{2})$")
DATE = re.compile(r"^(?:19|20)\d{2}[-/.年]?(?:0?[1-9]|1[0-2])[-/.月]?(?:0?[1-9]|[12]\d|3[01])日?(?:[T ].*)?$")
_OUR_OWN = {"thumbs.db", ".ds_store", "desktop.ini"}
_ZIPPED = (".docx", ".xlsx", ".pptx", ".zip")


@dataclass(frozen=True)
class _Package:
    """The folder a package is: its name, and its files by name inside it."""

    folder: Path
    name: str

    @cached_property
    def files(self) -> dict[str, Path]:
        found = {}
        for path in sorted(self.folder.rglob("*")):
            inside = path.relative_to(self.folder)
            if path.is_file() and not _through_a_link(self.folder, inside) and path.name.lower() not in _OUR_OWN:
                found[inside.as_posix()] = path
        return found

    @cached_property
    def digest_lists(self) -> list[str]:
        return [name for name in self.files if name.lower() in DIGEST_LISTS]

    @property
    def presents_itself(self) -> bool:
        named = PACKAGE_NAME.match(self.name) is not None
        return named or bool(self.digest_lists) or any(is_metadata(name) for name in self.files)


def _through_a_link(folder: Path, inside: Path) -> bool:
    """A link could lead out of the delivery."""
    return any((folder / part).is_symlink() for part in (inside, *inside.parents))


def package_of(delivery: Delivered) -> _Package | None:
    """Return the package a delivery is, None for a lone file and for a folder with nothing but data."""
    source = delivery.source
    if source is None or source.root is None or not source.root.is_dir():
        return None
    if any(
        layer.dataset == source.root for layer in source.layers
    ):  # a File Geodatabase is one file in a folder's form
        return None
    entries = [one for one in source.root.iterdir() if one.name.lower() not in _OUR_OWN]
    wrapped = len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink()
    wrapped = wrapped and all(layer.dataset != entries[0] for layer in source.layers)
    found = _Package(entries[0], entries[0].name) if wrapped else _Package(source.root, _stem(source.path))
    return found if found.presents_itself else None


def _stem(path: Path) -> str:
    return path.stem if path.suffix.lower() == ".zip" else path.name


def _no_package(delivery: Delivered) -> str | None:
    if package_of(delivery) is not None:
        return None
    return (
        "不是成果包（单个文件，或没有清单、元数据和规定名称的文件夹）; not a package directory (a lone file, or a folder "
        "without digest list, metadata and the prescribed name)"
    )


def _no_digests(delivery: Delivered) -> str | None:
    package = package_of(delivery)
    if package is None:
        return _no_package(delivery)
    return None if package.digest_lists else "成果包中没有校验清单; the package holds no digest list"


def _no_metadata(delivery: Delivered) -> str | None:
    package = package_of(delivery)
    if package is None:
        return _no_package(delivery)
    if any(is_metadata(name) for name in package.files):
        return None
    return "成果包中没有元数据文件，见 Q101; the package holds no metadata file, see Q101"


def _about(
    this: Rule, delivery: Delivered, file: str, measured: str | int, limit: str, zh: str, en: str, remedy: str
) -> Finding:
    """A finding about a file: its layer is the file's name."""
    report = Reporter(this, delivery, next(iter(delivery)))
    return report.table(measured=measured, limit=limit, unit="", zh=zh, en=en, remedy=remedy).at_layer(file)


@rule(
    "Q101", clause="成果目录与命名 (县代码6位+名称+年度)", severity="S", scope="D", declines=_no_package,
    name_zh="成果包目录、文件命名规范且齐全", name_en="The package's folders and files are named and complete",
)  # fmt: skip
def packages_are_named_and_complete(delivery: Delivered) -> Iterator[Finding]:
    """The package is called county code 6 + county name + year; its folders are those prescribed, its files begin with its
    name (or are named after a layer), what is mandatory is there, and every file can be opened.

    Mandatory are vector data, a report, metadata and the tables that the standard marks M (wherever they are delivered).
    The county is the one delivered for, the year not later than the survey year where that is known. A vector file that
    cannot be read stops the whole check (exit 3) before any rule. One finding for each fault.
    """
    package = package_of(delivery)
    if package is not None:
        yield from _name_of_package(delivery, package)
        yield from _folders(delivery, package)
        yield from _file_names(delivery, package)
        yield from _missing_tables(delivery)
        yield from _closed_files(delivery, package)


def _fault(delivery: Delivered, file: str, measured: str | int, limit: str, zh: str, en: str, remedy: str) -> Finding:
    return _about(packages_are_named_and_complete, delivery, file, measured, limit, zh, en, remedy)


def _name_of_package(delivery: Delivered, package: _Package) -> Iterator[Finding]:
    named, county = PACKAGE_NAME.match(package.name), delivery.county or "县代码6位"
    rule_zh = f"{county}+县名+年度"
    if named is None:
        yield _fault(
            delivery, package.name, package.name, rule_zh, f"成果包名称 {package.name} 应为 {rule_zh}",
            f"The package is called {package.name}; it should be county code, county name and year", "按规定重新命名成果包",
        )  # fmt: skip
        return
    if delivery.county and named["county"] != delivery.county:
        yield _fault(
            delivery, package.name, named["county"], delivery.county,
            f"成果包名称中的县代码 {named['county']} 与成果的 {delivery.county} 不符",
            f"The package's name has county {named['county']}, its content {delivery.county}", "改正成果包名称中的县代码",
        )  # fmt: skip
    if delivery.year and int(named["year"]) > delivery.year:
        yield _fault(
            delivery, package.name, int(named["year"]), f"≤ {delivery.year}",
            f"成果包名称中的年度 {named['year']} 晚于调查年度 {delivery.year}",
            f"The package's name has the year {named['year']}, later than the survey year {delivery.year}",
            "改正成果包名称中的年度",
        )  # fmt: skip


def _folders(delivery: Delivered, package: _Package) -> Iterator[Finding]:
    held = {PurePosixPath(name).parts[0] for name in package.files if "/" in name}
    for folder, needed in FOLDERS.items():
        if needed and folder not in held:
            yield _fault(
                delivery, folder, "缺", "必选", f"成果包缺少文件夹 {folder} 或其中没有文件",
                f"The package has no folder {folder}, or nothing is in it", f"补充 {folder}",
            )  # fmt: skip
    for folder in sorted(held - set(FOLDERS)):
        listed = "、".join(FOLDERS)
        yield _fault(
            delivery, folder, folder, listed, f"文件夹 {folder} 不在规定的目录 ({listed}) 中",
            f"The folder {folder} is none of {listed}", "把文件移到规定的文件夹",
        )  # fmt: skip
    if METADATA in held and not any(is_metadata(name) for name in package.files):
        yield _fault(
            delivery, METADATA, "缺", "XML / JSON", f"{METADATA} 中没有 XML 或 JSON 元数据文件",
            f"There is no XML or JSON file of metadata in {METADATA}", "补充元数据文件",
        )  # fmt: skip


def _file_names(delivery: Delivered, package: _Package) -> Iterator[Finding]:
    """Files begin with the package's name, or are called after a layer; parts of a dataset follow its name."""
    layers = set(delivery.standard.layers)
    datasets = {layer.dataset for layer in delivery.source.layers} if delivery.source is not None else set()
    seen = set[str]()
    for name, path in package.files.items():
        folder = PurePosixPath(name).parts[0] if "/" in name else ""
        if folder == OTHERS or name in package.digest_lists or any(one in datasets for one in path.parents):
            continue  # a File Geodatabase names its own files
        shown = path.name
        stem = shown.split(".")[0]
        if shown.startswith(package.name) or stem.upper() in layers or f"{folder}/{stem}" in seen:
            continue
        seen.add(f"{folder}/{stem}")  # the parts of one shapefile are one fault
        yield _fault(
            delivery, name, shown, f"{package.name}…", f"文件 {name} 应以 {package.name} 开头, 或以图层代码命名",
            f"The name of {name} should begin with {package.name} or be the code of a layer", "按规定重新命名文件",
        )  # fmt: skip
    for dataset in sorted(one for one in datasets if one.is_dir()):
        shown = dataset.name
        if not shown.startswith(package.name) and dataset.stem.upper() not in layers:
            yield _fault(
                delivery, shown, shown, f"{package.name}…", f"{shown} 应以 {package.name} 开头",
                f"The name of {shown} should begin with {package.name}", "按规定重新命名文件",
            )  # fmt: skip


def _missing_tables(delivery: Delivered) -> Iterator[Finding]:
    """Mandatory tables; a change package brings none."""
    roles = {layer.spec.role for layer in delivery.spatial()}
    if "base" not in roles:
        return
    for code, spec in delivery.standard.layers.items():
        if spec.presence == "M" and spec.role == "table" and code not in delivery.layers:
            yield _fault(
                delivery, code, "缺", "必选", f"缺少必选表 {code} {spec.name_zh}",
                f"The mandatory table {code} ({spec.name_en}) is missing", f"补充表 {code}",
            )  # fmt: skip


def _closed_files(delivery: Delivered, package: _Package) -> Iterator[Finding]:
    for name, path in package.files.items():
        why = _why_closed(path)
        if why is not None:
            yield _fault(
                delivery, name, why[0], "可打开", f"文件 {name} 无法打开: {why[0]}", f"{name} cannot be opened: {why[1]}",
                "重新导出并放入完好的文件",
            )  # fmt: skip


def _why_closed(path: Path) -> tuple[str, str] | None:
    """Say why a document cannot be what its name says; vector files have been opened already."""
    size, kind = path.stat().st_size, path.suffix.lower()
    if size == 0:
        return None if path.parent.suffix.lower() == ".gdb" else ("文件为空", "it is empty")
    if kind in _ZIPPED and not zipfile.is_zipfile(path):
        return f"不是 {kind} 文件", f"it is no {kind} file"
    if kind == ".pdf":
        with path.open("rb") as file:
            return None if b"%PDF-" in file.read(1024) else ("不是 PDF 文件", "it is no PDF file")
    if kind in (".xml", ".json") and size <= LARGEST_BYTES:
        raw = path.read_bytes()
        try:
            if kind == ".json":
                json.loads(raw)
            elif b"<!ENTITY" not in raw:
                ElementTree.fromstring(raw)  # noqa: S314 - no entities, size is bounded  # nosec B314
        except (ValueError, ElementTree.ParseError, RecursionError):
            return f"不是 {kind[1:].upper()}", f"it is no {kind[1:].upper()}"
    return None


@rule(
    "Q105", clause="成果元数据", severity="Z", scope="D", declines=_no_metadata,
    name_zh="元数据完整", name_en="The metadata are complete",
)  # fmt: skip
def metadata_are_complete(delivery: Delivered) -> Iterator[Finding]:
    """Each metadata file (XML or JSON) fills producer, date, coordinate system and vertical datum; the date is one.

    Names that are understood stand in the reference of packages. One finding for each field that is missing, blank or no
    date.
    """
    for name, values in metadata_of(delivery).items():
        for key, (zh, en, names) in FIELDS.items():
            value = values.get(key, "")
            if not value:
                yield _about(
                    metadata_are_complete, delivery, name, "空", "非空", f"{name}: 没有填写{zh}", f"{name}: no {en}",
                    f"在元数据中填写{zh} ({names[1]})",
                )  # fmt: skip
            elif key == "date" and not DATE.match(value):
                yield _about(
                    metadata_are_complete, delivery, name, value[:60], "YYYY-MM-DD", f"{name}: 日期 {value[:60]} 不是日期",
                    f"{name}: {value[:60]} is no date", "按 YYYY-MM-DD 填写日期",
                )  # fmt: skip


@rule(
    "Q106", clause="成果包校验清单 (SM3)", severity="S", scope="D", declines=_no_digests,
    name_zh="文件与校验清单一致", name_en="Every file has the digest the list gives",
)  # fmt: skip
def files_have_their_listed_digests(delivery: Delivered) -> Iterator[Finding]:
    """The digest list gives the SM3 of each file of the package, as lines ``SM3  path``, and each is what is computed.

    Listed files that are missing, files that are not listed, other digests and lines that are none are findings; a path
    that leads out of the package is a line that is none. Blank lines and lines that begin with # are passed over.
    """
    package = package_of(delivery)
    if package is None:
        return
    listed: dict[str, str] = {}
    for name in package.digest_lists:
        for number, line in enumerate(_lines(package.files[name]), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            entry = DIGEST_LINE.match(line)
            path = PurePosixPath(entry[2].replace("\\", "/").removeprefix("./")) if entry else None
            if entry is None or path is None or path.is_absolute() or ".." in path.parts:
                yield _wrong(delivery, name, line.strip()[:80], "SM3  路径", f"第 {number} 行不是“SM3  路径”",
                             f"line {number} is not “SM3  path”", "改正清单的这一行")  # fmt: skip
            else:
                listed[path.as_posix()] = entry[1].lower()
    for name, digest in sorted(listed.items()):
        if name not in package.files:
            yield _wrong(delivery, name, "缺", digest, "清单中的文件不在包内", "is listed but not in the package",
                         "补充该文件, 或从清单中删去")  # fmt: skip
        elif (found := sm3_file(package.files[name])) != digest:
            yield _wrong(delivery, name, found, digest, "SM3 与清单不符, 文件被改动或损坏",
                         "differs from the list: it was changed or damaged", "重新提交原文件, 或重新生成清单")  # fmt: skip
    for name in sorted(set(package.files) - set(listed) - set(package.digest_lists)):
        yield _wrong(
            delivery, name, "未列入", "列入清单", "没有列入校验清单", "is not in the digest list", "把该文件列入清单"
        )


def _wrong(delivery: Delivered, file: str, measured: str, limit: str, zh: str, en: str, remedy: str) -> Finding:
    return _about(
        files_have_their_listed_digests, delivery, file, measured, limit, f"{file}: {zh}", f"{file}: {en}", remedy
    )


def _lines(path: Path) -> list[str]:
    """Lines of a digest list; names in GBK are read too."""
    raw = path.read_bytes()[: 64 * LARGEST_BYTES]
    try:
        return raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace").splitlines()
