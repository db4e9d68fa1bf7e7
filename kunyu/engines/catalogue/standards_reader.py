"""Read one standard's folder, strictly, into the dataclasses of :mod:`kunyu.engines.catalogue.standards_model`. Pure."""

from __future__ import annotations

import csv
import datetime
import io
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, replace
from dataclasses import fields as dataclass_fields
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kunyu.engines.catalogue.standards_model import (
    BadStandard,
    Code,
    CodeList,
    Conversion,
    ConversionRow,
    Field,
    Layer,
    Standard,
    Swatch,
)
from kunyu.kernel.digests import canonical_json, sm3_hex

GEOMETRIES = ("Polygon", "LineString", "Point", "Table", "Documents")
FIELD_TYPES = ("Char", "VarChar", "Int", "Float", "Date", "DateTime")
REQUIREMENTS = ("M", "C", "O")
ROLES = ("base", "update", "process", "annotation", "table", "documents")
CODE_COLUMNS = ["code", "name_zh", "name_en", "parent", "verified", "note"]
CONVERSION_COLUMNS = [
    "source",
    "target",
    "method",
    "valid_from",
    "valid_to",
    "verified",
    "note",
]
FIELD_CODE = re.compile(
    r"[A-Z][A-Z0-9_]{0,29}"
)  # a quoted PostgreSQL column and, up to 10, a DBF column
LAYER_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,29}")
DATASET_CODE = re.compile(r"\d{5}-\d{3}(@\d{6})?")

FindList = Callable[[str, str], CodeList]

_LIST_KEYS = {"name_zh", "name_en", "clause", "verified", "parents", "same_as"}
_CONVERSION_KEYS = {"name_zh", "name_en", "clause", "verified", "from", "to"}
_STANDARD_KEYS = {
    "id", "number", "name_zh", "name_en", "edition", "verified", "note", "layers", "extends", "division",
    "codelists", "conversions",
}  # fmt: skip
_LAYER_KEYS = {one.name for one in dataclass_fields(Layer)} | {"fields_of"}
_FIELD_KEYS = {one.name for one in dataclass_fields(Field)}


def read_standard(folder: Path, other: Callable[[str], Standard]) -> Standard:
    """Read and validate the standard in ``folder``; ``other`` loads a standard this one refers to.

    Raises
    ------
    BadStandard
        A file is missing or not readable, a key unknown, a reference dangling, or a local extension redefines
        what its standard already fixes (R-021).
    """
    files: dict[str, Any] = {}
    head = _toml(folder, "standard.toml", files)
    where = f"{folder.name}/standard.toml"
    _only(head, _STANDARD_KEYS, where)
    for key in ("id", "number", "name_zh", "name_en", "edition", "verified", "layers"):
        if key not in head:
            raise _bad(where, f"缺少 {key}", f"{key} is missing")
    if head["id"] != folder.name:
        raise _bad(
            where,
            f"id {head['id']} 与文件夹名不同",
            f"id {head['id']} differs from the folder's name",
        )
    parent = other(head["extends"]) if head.get("extends") else None
    lists = _codelists(folder, head, parent, other, files)
    layers = _layers(folder, head, lists, parent, files)
    conversions = _conversions(folder, head, partial(_list_of, lists, other), files)
    styles = _styles(folder, partial(_list_of, lists, other), files)
    if parent is not None:
        files["extends"] = parent.digest
    return Standard(
        id=head["id"],
        number=head["number"],
        name_zh=head["name_zh"],
        name_en=head["name_en"],
        edition=head["edition"],
        verified=head["verified"],
        layers=MappingProxyType(layers),
        codelists=MappingProxyType(lists),
        conversions=MappingProxyType(conversions),
        styles=MappingProxyType(styles),
        extends=head.get("extends"),
        division=head.get("division"),
        note=head.get("note", ""),
        digest=sm3_hex(canonical_json(files)),
    )


def _bad(where: str, zh: str, en: str) -> BadStandard:
    return BadStandard(
        f"标准文件 {where}：{zh}", f"Standard file {where}: {en}", file=where
    )


def _toml(folder: Path, name: str, files: dict[str, Any]) -> dict[str, Any]:
    where = f"{folder.name}/{name}"
    try:
        content = tomllib.loads(
            (folder / name).read_bytes().decode("utf-8").replace("\r\n", "\n")
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as why:
        raise _bad(where, f"无法读取：{why}", f"cannot be read: {why}") from why
    files[name] = content
    return content


def _csv(
    folder: Path, name: str, columns: list[str], files: dict[str, Any]
) -> list[dict[str, str]]:
    where = f"{folder.name}/{name}"
    try:
        text = (folder / name).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as why:
        raise _bad(where, f"无法读取：{why}", f"cannot be read: {why}") from why
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if reader.fieldnames != columns:
        raise _bad(
            where, f"列应为 {','.join(columns)}", f"columns must be {','.join(columns)}"
        )
    rows = list(reader)
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise _bad(
                where,
                f"第 {number} 行列数不对",
                f"line {number} has the wrong number of columns",
            )
        if row["verified"] not in ("true", "false"):
            raise _bad(
                where,
                f"第 {number} 行 verified 应为 true 或 false",
                f"line {number}: verified must be true or false",
            )
    files[name] = rows
    return rows


def _only(given: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise _bad(
            where,
            f"不认识的键 {'、'.join(unknown)}",
            f"unknown keys {', '.join(unknown)}",
        )


def _one_of(value: Any, allowed: tuple[str, ...], key: str, where: str) -> None:
    if value not in allowed:
        choices = "/".join(allowed)
        raise _bad(
            where,
            f"{key} = {value!r}，应为 {choices}",
            f"{key} = {value!r}, must be one of {choices}",
        )


def _codelists(
    folder: Path,
    head: dict[str, Any],
    parent: Standard | None,
    other: Callable[[str], Standard],
    files: dict[str, Any],
) -> dict[str, CodeList]:
    lists = dict(parent.codelists) if parent else {}
    declared = dict(head.get("codelists", {}))
    for name in [name for name, about in declared.items() if "same_as" in about]:
        owner = other(declared.pop(name)["same_as"])
        if name not in owner.codelists:
            raise _bad(
                f"{folder.name}/standard.toml",
                f"{owner.id} 没有代码表 {name}",
                f"{owner.id} has no list {name}",
            )
        lists[name] = owner.codelists[name]
        files[f"codelists/{name}"] = [
            [row.code, row.name_zh, row.parent] for row in lists[name].rows
        ]
    on_disk = {path.stem for path in (folder / "codelists").glob("*.csv")}
    if on_disk != set(declared):
        odd = "、".join(sorted(on_disk ^ set(declared)))
        raise _bad(
            f"{folder.name}/codelists",
            f"与 standard.toml 不一致：{odd}",
            f"differs from standard.toml: {odd}",
        )
    for name, about in declared.items():
        where = f"{folder.name}/codelists/{name}.csv"
        _only(about, _LIST_KEYS, where)
        if parent and name in parent.codelists:
            raise _bad(
                where,
                f"{name} 属于 {parent.id}，不得改写",
                f"{name} belongs to {parent.id} and may not change",
            )
        rows = _csv(folder, f"codelists/{name}.csv", CODE_COLUMNS, files)
        codes: dict[str, str] = {}
        for row in rows:
            if not row["code"] or not row["name_zh"] or row["code"] in codes:
                raise _bad(where, f"代码 {row['code']!r} 为空、重复或无名称",
                           f"code {row['code']!r} is empty, repeated or has no name")  # fmt: skip
            codes[row["code"]] = row["name_zh"]
        lists[name] = CodeList(
            name=name,
            codes=MappingProxyType(codes),
            rows=tuple(
                Code(**{**row, "verified": row["verified"] == "true"}) for row in rows
            ),
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
        raise _bad(
            where,
            f"上级表 {one.parents} 不存在",
            f"parent list {one.parents} does not exist",
        )
    above = lists[one.parents].codes if one.parents else {}
    for row in one.rows:
        if row.parent and row.parent not in one.codes and row.parent not in above:
            raise _bad(where, f"{row.code} 的上级 {row.parent} 不存在",
                       f"parent {row.parent} of {row.code} does not exist")  # fmt: skip


def _layers(
    folder: Path,
    head: dict[str, Any],
    lists: Mapping[str, CodeList],
    parent: Standard | None,
    files: dict[str, Any],
) -> dict[str, Layer]:
    declared: list[str] = head["layers"]
    on_disk = {path.stem for path in (folder / "layers").glob("*.toml")}
    if on_disk != set(declared) or len(declared) != len(set(declared)):
        odd = "、".join(sorted(on_disk ^ set(declared))) or "repeated"
        raise _bad(
            f"{folder.name}/layers",
            f"与 standard.toml 不一致：{odd}",
            f"differs from standard.toml: {odd}",
        )
    layers: dict[str, Layer] = {}
    for code in declared:
        name = f"layers/{code}.toml"
        layers[code] = _layer(
            _toml(folder, name, files),
            f"{folder.name}/{name}",
            code,
            layers,
            lists,
            parent,
        )
    _check_layer_codes(layers, folder.name)
    return layers


def _layer(
    given: dict[str, Any],
    where: str,
    code: str,
    earlier: Mapping[str, Layer],
    lists: Mapping[str, CodeList],
    parent: Standard | None,
) -> Layer:
    _only(given, _LAYER_KEYS, where)
    if parent and code in parent.layers:
        return _extended_layer(given, where, parent.layers[code], lists, parent)
    required = [
        one.name
        for one in dataclass_fields(Layer)
        if one.default is MISSING and one.name != "fields"
    ]
    for key in required:
        if key not in given:
            raise _bad(where, f"缺少 {key}", f"{key} is missing")
    if given["code"] != code or not LAYER_CODE.fullmatch(code):
        raise _bad(where, f"code {given['code']} 应为大写并与文件名相同",
                   f"code {given['code']} must be upper case and equal the file's name")  # fmt: skip
    _one_of(given["geometry"], GEOMETRIES, "geometry", where)
    _one_of(given["presence"], REQUIREMENTS, "presence", where)
    _one_of(given.get("role", "base"), ROLES, "role", where)
    if not DATASET_CODE.fullmatch(given["dataset"]):
        raise _bad(where, f"dataset {given['dataset']} 不是目录编码 (TCCNN-nnn)",
                   f"dataset {given['dataset']} is not a catalogue code (TCCNN-nnn)")  # fmt: skip
    base = given.get("base")
    if base is not None and base not in earlier:
        raise _bad(
            where,
            f"base {base} 应是排在前面的图层",
            f"base {base} must be a layer listed earlier",
        )
    fields = _fields(given, where, earlier, lists)
    about = {
        key: value for key, value in given.items() if key not in ("fields", "fields_of")
    }
    layer = Layer(
        fields=fields, **{**about, "aliases": tuple(given.get("aliases", ()))}
    )
    _check_layer(layer, where)
    return layer


def _extended_layer(
    given: dict[str, Any],
    where: str,
    base: Layer,
    lists: Mapping[str, CodeList],
    parent: Standard,
) -> Layer:
    """A local extension may add fields to a layer of the standard, and nothing else (R-021)."""
    changed = sorted(set(given) - {"code", "fields"})
    added = _own_fields(given, where, lists)
    taken = {one.code for one in base.fields} | {
        alias for one in base.fields for alias in one.aliases
    }
    changed += [one.code for one in added if one.code in taken]
    if changed:
        names = "、".join(changed)
        raise _bad(where, f"{names} 由 {parent.id} 规定，地方扩展只能增加字段，不得改写",
                   f"{names} is fixed by {parent.id}; a local extension may add fields, not change them")  # fmt: skip
    return replace(base, fields=(*base.fields, *added))


def _fields(
    given: dict[str, Any],
    where: str,
    earlier: Mapping[str, Layer],
    lists: Mapping[str, CodeList],
) -> tuple[Field, ...]:
    same_as = given.get("fields_of")
    if same_as is not None and same_as not in earlier:
        raise _bad(where, f"fields_of {same_as} 应是排在前面的图层",
                   f"fields_of {same_as} must be a layer listed earlier")  # fmt: skip
    repeated = earlier[same_as].fields if same_as else ()
    return (*repeated, *_own_fields(given, where, lists))


def _own_fields(
    given: dict[str, Any], where: str, lists: Mapping[str, CodeList]
) -> tuple[Field, ...]:
    return tuple(_field(one, where, lists) for one in given.get("fields", ()))


def _field(given: dict[str, Any], where: str, lists: Mapping[str, CodeList]) -> Field:
    code = str(given.get("code", ""))
    here = f"{where} [{code}]"
    _only(given, _FIELD_KEYS, here)
    if not FIELD_CODE.fullmatch(code):
        raise _bad(
            here,
            "字段代码应为大写字母开头的字母数字",
            "a field code is upper-case letters and digits",
        )
    for key in ("name_zh", "name_en", "type"):
        if not given.get(key):
            raise _bad(here, f"缺少 {key}", f"{key} is missing")
    _one_of(given["type"], FIELD_TYPES, "type", here)
    _one_of(given.get("required", "O"), REQUIREMENTS, "required", here)
    if given.get("codelist") is not None and given["codelist"] not in lists:
        raise _bad(
            here,
            f"代码表 {given['codelist']} 不存在",
            f"code list {given['codelist']} does not exist",
        )
    length, decimals = given.get("length", 0), given.get("decimals", 0)
    if (
        (given["type"] in ("Char", "Int", "Float") and length <= 0)
        or decimals < 0
        or decimals > max(length, 0)
    ):
        raise _bad(
            here,
            f"长度 {length}、小数位 {decimals} 不合理",
            f"length {length}, decimals {decimals} are wrong",
        )
    return Field(**{**given, "aliases": tuple(given.get("aliases", ()))})


def _check_layer(layer: Layer, where: str) -> None:
    codes = [one.code for one in layer.fields]
    names = codes + [alias for one in layer.fields for alias in one.aliases]
    repeated = sorted({one for one in names if names.count(one) > 1})
    if repeated:
        raise _bad(
            where,
            f"字段或别名重复：{'、'.join(repeated)}",
            f"fields or aliases repeated: {', '.join(repeated)}",
        )
    if layer.geometry != "Documents" and layer.key not in codes:
        raise _bad(
            where,
            f"关键字段 {layer.key} 不在字段中",
            f"key {layer.key} is not among the fields",
        )
    for one in layer.fields:
        if one.name_of is not None and (
            one.name_of not in codes or layer.field(one.name_of).codelist is None
        ):
            raise _bad(where, f"{one.code}.name_of {one.name_of} 应是带代码表的字段",
                       f"{one.code}.name_of {one.name_of} must be a field with a code list")  # fmt: skip


def _check_layer_codes(layers: Mapping[str, Layer], name: str) -> None:
    seen: dict[str, str] = {}
    for layer in layers.values():
        if not layer.layer_code or layer.role == "update":
            continue  # an update layer carries the BSM of its base layer
        if layer.layer_code in seen:
            other = seen[layer.layer_code]
            raise _bad(f"{name}/layers/{layer.code}.toml", f"层代码 {layer.layer_code} 已用于 {other}",
                       f"layer code {layer.layer_code} is already used by {other}")  # fmt: skip
        seen[layer.layer_code] = layer.code


def _conversions(
    folder: Path, head: dict[str, Any], find: FindList, files: dict[str, Any]
) -> dict[str, Conversion]:
    declared = head.get("conversions", {})
    on_disk = {path.stem for path in (folder / "conversions").glob("*.csv")}
    if on_disk != set(declared):
        odd = "、".join(sorted(on_disk ^ set(declared)))
        raise _bad(f"{folder.name}/conversions", f"与 standard.toml 不一致：{odd}",
                   f"differs from standard.toml: {odd}")  # fmt: skip
    conversions = {}
    for name, about in declared.items():
        where = f"{folder.name}/conversions/{name}.csv"
        _only(about, _CONVERSION_KEYS, where)
        rows = _csv(folder, f"conversions/{name}.csv", CONVERSION_COLUMNS, files)
        source, target = find(about["from"], where), find(about["to"], where)
        conversions[name] = Conversion(
            name=name,
            source_list=about["from"],
            target_list=about["to"],
            rows=tuple(_conversion_row(row, source, target, where) for row in rows),
            **{key: value for key, value in about.items() if key not in ("from", "to")},
        )
    return conversions


def _list_of(
    lists: Mapping[str, CodeList],
    other: Callable[[str], Standard],
    reference: str,
    where: str,
) -> CodeList:
    """``NAME`` of this standard, or ``STANDARD:NAME`` of another."""
    owner, _, name = reference.rpartition(":")
    known = other(owner).codelists if owner else lists
    if name not in known:
        raise _bad(
            where, f"代码表 {reference} 不存在", f"code list {reference} does not exist"
        )
    return known[name]


def _conversion_row(
    row: dict[str, str], source: CodeList, target: CodeList, where: str
) -> ConversionRow:
    for code, known in ((row["source"], source), (row["target"], target)):
        if code not in known:
            raise _bad(
                where,
                f"代码 {code} 不在 {known.name} 表中",
                f"code {code} is not in list {known.name}",
            )
    try:
        begin, end = (
            datetime.date.fromisoformat(row[key]) if row[key] else None
            for key in ("valid_from", "valid_to")
        )
    except ValueError as why:
        raise _bad(where, f"日期不对：{why}", f"bad date: {why}") from why
    return ConversionRow(
        row["source"],
        row["target"],
        row["method"],
        begin,
        end,
        row["verified"] == "true",
        row["note"],
    )


def _styles(
    folder: Path, find: FindList, files: dict[str, Any]
) -> dict[str, Mapping[str, Swatch]]:
    if not (folder / "styles.toml").is_file():
        return {}
    where = f"{folder.name}/styles.toml"
    styles: dict[str, Mapping[str, Swatch]] = {}
    for name, colours in _toml(folder, "styles.toml", files).items():
        known = find(name, where)
        for code, swatch in colours.items():
            _only(swatch, ("fill", "verified"), where)
            if code not in known or not re.fullmatch("#[0-9a-f]{6}", swatch["fill"]):
                raise _bad(
                    where,
                    f"{name}.{code} 的代码或颜色不对",
                    f"code or colour of {name}.{code} is wrong",
                )
        styles[name] = MappingProxyType(
            {code: Swatch(**swatch) for code, swatch in colours.items()}
        )
    return styles
