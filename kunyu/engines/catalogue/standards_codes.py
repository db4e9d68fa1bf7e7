"""Read the code lists, conversions and colours of a standard. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kunyu.engines.catalogue.standards_files import bad, read_csv, read_toml, require_known_keys
from kunyu.engines.catalogue.standards_model import Code, CodeList, Conversion, ConversionRow, Standard, Swatch

CODE_COLUMNS = ["code", "name_zh", "name_en", "parent", "verified", "note"]
CONVERSION_COLUMNS = ["source", "target", "method", "valid_from", "valid_to", "verified", "note"]

FindList = Callable[[str, str], CodeList]

_LIST_KEYS = {"name_zh", "name_en", "clause", "verified", "parents", "same_as"}
_CONVERSION_KEYS = {"name_zh", "name_en", "clause", "verified", "from", "to"}


def read_codelists(
    folder: Path,
    head: dict[str, Any],
    parent: Standard | None,
    other: Callable[[str], Standard],
    files: dict[str, Any],
) -> dict[str, CodeList]:
    """Code lists declared in ``standard.toml``, plus those a local extension inherits from ``parent``."""
    lists = dict(parent.codelists) if parent else {}
    declared = dict(head.get("codelists", {}))
    for name in [name for name, about in declared.items() if "same_as" in about]:
        owner = other(declared.pop(name)["same_as"])
        if name not in owner.codelists:
            raise bad(
                f"{folder.name}/standard.toml",
                f"{owner.id} 没有代码表 {name}",
                f"{owner.id} has no list {name}",
            )
        lists[name] = owner.codelists[name]
        files[f"codelists/{name}"] = [[row.code, row.name_zh, row.parent] for row in lists[name].rows]
    on_disk = {path.stem for path in (folder / "codelists").glob("*.csv")}
    if on_disk != set(declared):
        odd = "、".join(sorted(on_disk ^ set(declared)))
        raise bad(
            f"{folder.name}/codelists",
            f"与 standard.toml 不一致：{odd}",
            f"differs from standard.toml: {odd}",
        )
    for name, about in declared.items():
        where = f"{folder.name}/codelists/{name}.csv"
        require_known_keys(about, _LIST_KEYS, where)
        if parent and name in parent.codelists:
            raise bad(
                where,
                f"{name} 属于 {parent.id}，不得改写",
                f"{name} belongs to {parent.id} and may not change",
            )
        rows = read_csv(folder, f"codelists/{name}.csv", CODE_COLUMNS, files)
        codes: dict[str, str] = {}
        for row in rows:
            if not row["code"] or not row["name_zh"] or row["code"] in codes:
                raise bad(where, f"代码 {row['code']!r} 为空、重复或无名称",
                           f"code {row['code']!r} is empty, repeated or has no name")  # fmt: skip
            codes[row["code"]] = row["name_zh"]
        lists[name] = CodeList(
            name=name,
            codes=MappingProxyType(codes),
            rows=tuple(_code(row) for row in rows),
            **about,
        )
    for name in declared:
        _check_parents(lists[name], lists, f"{folder.name}/codelists/{name}.csv")
    return lists


def _code(row: dict[str, str]) -> Code:
    named = (row["code"], row["name_zh"], row["name_en"], row["parent"])
    return Code(*named, verified=row["verified"] == "true", note=row["note"])


def _check_parents(one: CodeList, lists: Mapping[str, CodeList], where: str) -> None:
    if one.parents is not None and one.parents not in lists:
        raise bad(
            where,
            f"上级表 {one.parents} 不存在",
            f"parent list {one.parents} does not exist",
        )
    above = lists[one.parents].codes if one.parents else {}
    for row in one.rows:
        if row.parent and row.parent not in one.codes and row.parent not in above:
            raise bad(where, f"{row.code} 的上级 {row.parent} 不存在",
                       f"parent {row.parent} of {row.code} does not exist")  # fmt: skip


def read_conversions(
    folder: Path, head: dict[str, Any], find: FindList, files: dict[str, Any]
) -> dict[str, Conversion]:
    """Code conversions declared in ``standard.toml``; every code must be in its list."""
    declared = head.get("conversions", {})
    on_disk = {path.stem for path in (folder / "conversions").glob("*.csv")}
    if on_disk != set(declared):
        odd = "、".join(sorted(on_disk ^ set(declared)))
        raise bad(f"{folder.name}/conversions", f"与 standard.toml 不一致：{odd}",
                   f"differs from standard.toml: {odd}")  # fmt: skip
    conversions = {}
    for name, about in declared.items():
        where = f"{folder.name}/conversions/{name}.csv"
        require_known_keys(about, _CONVERSION_KEYS, where)
        rows = read_csv(folder, f"conversions/{name}.csv", CONVERSION_COLUMNS, files)
        source, target = find(about["from"], where), find(about["to"], where)
        conversions[name] = Conversion(
            name=name,
            source_list=about["from"],
            target_list=about["to"],
            rows=tuple(_conversion_row(row, source, target, where) for row in rows),
            **{key: value for key, value in about.items() if key not in ("from", "to")},
        )
    return conversions


def find_list(
    lists: Mapping[str, CodeList],
    other: Callable[[str], Standard],
    reference: str,
    where: str,
) -> CodeList:
    """``NAME`` of this standard, or ``STANDARD:NAME`` of another."""
    owner, _, name = reference.rpartition(":")
    known = other(owner).codelists if owner else lists
    if name not in known:
        raise bad(where, f"代码表 {reference} 不存在", f"code list {reference} does not exist")
    return known[name]


def _conversion_row(row: dict[str, str], source: CodeList, target: CodeList, where: str) -> ConversionRow:
    for code, known in ((row["source"], source), (row["target"], target)):
        if code not in known:
            raise bad(
                where,
                f"代码 {code} 不在 {known.name} 表中",
                f"code {code} is not in list {known.name}",
            )
    try:
        begin, end = (datetime.date.fromisoformat(row[key]) if row[key] else None for key in ("valid_from", "valid_to"))
    except ValueError as why:
        raise bad(where, f"日期不对：{why}", f"bad date: {why}") from why
    return ConversionRow(
        row["source"],
        row["target"],
        row["method"],
        begin,
        end,
        row["verified"] == "true",
        row["note"],
    )


def read_styles(folder: Path, find: FindList, files: dict[str, Any]) -> dict[str, Mapping[str, Swatch]]:
    """Fill colours by list and code, when the standard has ``styles.toml``."""
    if not (folder / "styles.toml").is_file():
        return {}
    where = f"{folder.name}/styles.toml"
    styles: dict[str, Mapping[str, Swatch]] = {}
    for name, colours in read_toml(folder, "styles.toml", files).items():
        known = find(name, where)
        for code, swatch in colours.items():
            require_known_keys(swatch, ("fill", "verified"), where)
            if code not in known or not re.fullmatch("#[0-9a-f]{6}", swatch["fill"]):
                raise bad(
                    where,
                    f"{name}.{code} 的代码或颜色不对",
                    f"code or colour of {name}.{code} is wrong",
                )
        styles[name] = MappingProxyType({code: Swatch(**swatch) for code, swatch in colours.items()})
    return styles
