"""Read one standard's folder, strictly, into the dataclasses of ``standards_model``. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, replace
from dataclasses import fields as dataclass_fields
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kunyu.engines.catalogue.standards_codes import find_list, read_codelists, read_conversions, read_styles
from kunyu.engines.catalogue.standards_files import bad, read_toml, require_choice, require_known_keys
from kunyu.engines.catalogue.standards_model import CodeList, Field, Layer, Standard
from kunyu.engines.security.masks import KINDS
from kunyu.kernel.digests import canonical_json, sm3_hex

GEOMETRIES = ("Polygon", "LineString", "Point", "Table", "Documents")
FIELD_TYPES = ("Char", "VarChar", "Int", "Float", "Date", "DateTime")
REQUIREMENTS = ("M", "C", "O")
ROLES = ("base", "update", "process", "annotation", "table", "documents")
FIELD_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,29}")  # a quoted PostgreSQL column and, up to 10, a DBF column
LAYER_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,29}")
DATASET_CODE = re.compile(r"\d{5}-\d{3}(@\d{6})?")

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
    head = read_toml(folder, "standard.toml", files)
    where = f"{folder.name}/standard.toml"
    require_known_keys(head, _STANDARD_KEYS, where)
    for key in ("id", "number", "name_zh", "name_en", "edition", "verified", "layers"):
        if key not in head:
            raise bad(where, f"缺少 {key}", f"{key} is missing")
    if head["id"] != folder.name:
        raise bad(
            where,
            f"id {head['id']} 与文件夹名不同",
            f"id {head['id']} differs from the folder's name",
        )
    parent = other(head["extends"]) if head.get("extends") else None
    lists = read_codelists(folder, head, parent, other, files)
    layers = _layers(folder, head, lists, parent, files)
    conversions = read_conversions(folder, head, partial(find_list, lists, other), files)
    styles = read_styles(folder, partial(find_list, lists, other), files)
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
        raise bad(
            f"{folder.name}/layers",
            f"与 standard.toml 不一致：{odd}",
            f"differs from standard.toml: {odd}",
        )
    layers: dict[str, Layer] = {}
    for code in declared:
        name = f"layers/{code}.toml"
        layers[code] = _layer(
            read_toml(folder, name, files),
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
    require_known_keys(given, _LAYER_KEYS, where)
    if parent and code in parent.layers:
        return _extended_layer(given, where, parent.layers[code], lists, parent)
    required = [one.name for one in dataclass_fields(Layer) if one.default is MISSING and one.name != "fields"]
    for key in required:
        if key not in given:
            raise bad(where, f"缺少 {key}", f"{key} is missing")
    if given["code"] != code or not LAYER_CODE.fullmatch(code):
        raise bad(where, f"code {given['code']} 应为大写并与文件名相同",
                   f"code {given['code']} must be upper case and equal the file's name")  # fmt: skip
    require_choice(given["geometry"], GEOMETRIES, "geometry", where)
    require_choice(given["presence"], REQUIREMENTS, "presence", where)
    require_choice(given.get("role", "base"), ROLES, "role", where)
    if not DATASET_CODE.fullmatch(given["dataset"]):
        raise bad(where, f"dataset {given['dataset']} 不是目录编码 (TCCNN-nnn)",
                   f"dataset {given['dataset']} is not a catalogue code (TCCNN-nnn)")  # fmt: skip
    base = given.get("base")
    if base is not None and base not in earlier:
        raise bad(
            where,
            f"base {base} 应是排在前面的图层",
            f"base {base} must be a layer listed earlier",
        )
    fields = _fields(given, where, earlier, lists)
    about = {key: value for key, value in given.items() if key not in ("fields", "fields_of")}
    layer = Layer(fields=fields, **{**about, "aliases": tuple(given.get("aliases", ()))})
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
    taken = {one.code for one in base.fields} | {alias for one in base.fields for alias in one.aliases}
    changed += [one.code for one in added if one.code in taken]
    if changed:
        names = "、".join(changed)
        raise bad(where, f"{names} 由 {parent.id} 规定，地方扩展只能增加字段，不得改写",
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
        raise bad(where, f"fields_of {same_as} 应是排在前面的图层",
                   f"fields_of {same_as} must be a layer listed earlier")  # fmt: skip
    repeated = earlier[same_as].fields if same_as else ()
    return (*repeated, *_own_fields(given, where, lists))


def _own_fields(given: dict[str, Any], where: str, lists: Mapping[str, CodeList]) -> tuple[Field, ...]:
    return tuple(_field(one, where, lists) for one in given.get("fields", ()))


def _field(given: dict[str, Any], where: str, lists: Mapping[str, CodeList]) -> Field:
    code = str(given.get("code", ""))
    here = f"{where} [{code}]"
    require_known_keys(given, _FIELD_KEYS, here)
    if not FIELD_CODE.fullmatch(code):
        raise bad(
            here,
            "字段代码应为大写字母开头的字母数字",
            "a field code is upper-case letters and digits",
        )
    for key in ("name_zh", "name_en", "type"):
        if not given.get(key):
            raise bad(here, f"缺少 {key}", f"{key} is missing")
    require_choice(given["type"], FIELD_TYPES, "type", here)
    require_choice(given.get("required", "O"), REQUIREMENTS, "required", here)
    if given.get("codelist") is not None and given["codelist"] not in lists:
        raise bad(
            here,
            f"代码表 {given['codelist']} 不存在",
            f"code list {given['codelist']} does not exist",
        )
    if given.get("personal"):
        _check_personal(given, here)
    length, decimals = given.get("length", 0), given.get("decimals", 0)
    if (given["type"] in ("Char", "Int", "Float") and length <= 0) or decimals < 0 or decimals > max(length, 0):
        raise bad(
            here,
            f"长度 {length}、小数位 {decimals} 不合理",
            f"length {length}, decimals {decimals} are wrong",
        )
    return Field(**{**given, "aliases": tuple(given.get("aliases", ()))})


def _check_personal(given: dict[str, Any], where: str) -> None:
    require_choice(given["personal"], KINDS, "personal", where)
    if given["type"] not in ("Char", "VarChar") or given.get("codelist") is not None:
        raise bad(
            where,
            "个人信息字段（personal）应为不带代码表的文本",
            "a field with personal data is text without a code list",
        )


def _check_layer(layer: Layer, where: str) -> None:
    codes = [one.code for one in layer.fields]
    names = codes + [alias for one in layer.fields for alias in one.aliases]
    repeated = sorted({one for one in names if names.count(one) > 1})
    if repeated:
        raise bad(
            where,
            f"字段或别名重复：{'、'.join(repeated)}",
            f"fields or aliases repeated: {', '.join(repeated)}",
        )
    if layer.geometry != "Documents" and layer.key not in codes:
        raise bad(
            where,
            f"关键字段 {layer.key} 不在字段中",
            f"key {layer.key} is not among the fields",
        )
    if layer.key in codes and layer.field(layer.key).personal:
        # the key stands in addresses, links and logs, where nothing is masked
        raise bad(
            where,
            f"关键字段 {layer.key} 不能是个人信息",
            f"key {layer.key} may not hold personal data",
        )
    for one in layer.fields:
        if one.name_of is not None and (one.name_of not in codes or layer.field(one.name_of).codelist is None):
            raise bad(where, f"{one.code}.name_of {one.name_of} 应是带代码表的字段",
                       f"{one.code}.name_of {one.name_of} must be a field with a code list")  # fmt: skip


def _check_layer_codes(layers: Mapping[str, Layer], name: str) -> None:
    seen: dict[str, str] = {}
    for layer in layers.values():
        if not layer.layer_code or layer.role == "update":
            continue  # an update layer carries the BSM of its base layer
        if layer.layer_code in seen:
            other = seen[layer.layer_code]
            raise bad(f"{name}/layers/{layer.code}.toml", f"层代码 {layer.layer_code} 已用于 {other}",
                       f"layer code {layer.layer_code} is already used by {other}")  # fmt: skip
        seen[layer.layer_code] = layer.code
