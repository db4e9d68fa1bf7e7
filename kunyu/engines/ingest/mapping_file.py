"""Mapping files: values in TOML that say which delivered field is which field of the standard. 映射文件.

::

    standard = "KUNYU-OPEN-2026"
    name_zh  = "…"
    encoding = "GB18030"                 # optional; shapefiles whose files say otherwise

    [[layer]]
    source = "m_*_p"                     # name, list or pattern of delivered layers
    target = "LANDCOVER"                 # layer of the standard
    id     = "row"                       # or a delivered field, or "" when the key is mapped below
    crs    = "EPSG:4490"                 # only where the file says nothing, or is known to lie (crs_why)
    where  = { landuse = ["forest"] }    # equality lists; ["*"] = any value
    repair = true                        # mend invalid geometry and drop repeated vertices; counted in the loss report
    [layer.fields]                       # TARGET = "source"
    [layer.constants]                    # TARGET = value
    [layer.functions]                    # TARGET = name of a function in mapping_functions.py
    [layer.codes.CLASS]                  # from = "LUOKKA", csv = "…" | table = {…} | conversion = "…", default
"""

from __future__ import annotations

import csv
import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kunyu.engines.ingest.mapping_functions import FUNCTIONS, READS
from kunyu.engines.ingest.source_layers import SourceLayer
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.errors import KunyuError, UsageError

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Standard

_TOP = {"standard", "name_zh", "name_en", "encoding", "layer", "note"}
_LAYER = {
    "source", "target", "id", "crs", "crs_why", "where", "fields", "constants", "functions", "codes", "optional",
    "match_rest", "repair",
}  # fmt: skip
_CODES = {"from", "csv", "table", "conversion", "at", "default"}


class BadMapping(UsageError):
    """The mapping file is wrong; names the file, the key and what is expected."""

    code = "mapping_bad"
    title_zh, title_en = "映射文件有误", "Bad mapping"


@dataclass(frozen=True)
class CodeTable:
    """Source code → target code. ``source`` is the delivered field; ``conversion`` names one of the standard's."""

    source: str | None
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    default: str | None = None
    conversion: str | None = None
    at: datetime.date | None = None

    @property
    def merged(self) -> dict[str, tuple[str, ...]]:
        """Targets that stand for several sources: there is no way back from these."""
        groups: dict[str, list[str]] = {}
        for source, target in zip(self.sources, self.targets, strict=True):
            groups.setdefault(target, []).append(source)
        return {target: tuple(sorted(some)) for target, some in groups.items() if len(some) > 1}


@dataclass(frozen=True)
class LayerMapping:
    """How delivered layers become one layer of the standard. ``match_rest`` also matches other fields by name;
    ``repair`` mends geometry: for data whose producer cannot be asked to, never for a statutory delivery."""

    source: tuple[str, ...]
    target: str
    fields: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, CodeTable] = field(default_factory=dict)
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identity: str = ""
    crs: str | None = None
    crs_why: str = ""
    optional: bool = False
    match_rest: bool = False
    repair: bool = False

    def takes(self, name: str) -> bool:
        """Whether a delivered layer of this name is meant."""
        return any(fnmatchcase(name.casefold(), one.casefold()) for one in self.source)

    @property
    def function_fields(self) -> tuple[str, ...]:
        """Delivered fields the functions read."""
        return tuple(name for function in self.functions.values() for name in READS[function])

    def check_source(self, source: SourceLayer, name: str) -> None:
        """Raise BadMapping when the delivered layer lacks a field the mapping names."""
        asked = [*self.fields.values(), *self.where, *self.function_fields]
        asked += [table.source for table in self.codes.values() if table.source]
        asked += [self.identity] if self.identity not in ("", "row") else []
        missing = sorted({one for one in asked if one not in source.field_names})
        if missing:
            raise BadMapping(
                f"映射 {name}: 图层 {source.name} 没有字段 {'、'.join(missing)}; 有 {'、'.join(source.field_names[:40])}。"
                "请改正映射。",
                f"Mapping {name}: layer {source.name} has no field {', '.join(missing)}; it has "
                f"{', '.join(source.field_names[:40])}. Correct the mapping.",
            )


@dataclass(frozen=True)
class MappingFile:
    """A whole mapping; ``sm3`` is the digest of its content (code tables included)."""

    name: str
    standard: str
    layers: tuple[LayerMapping, ...]
    encoding: str | None
    sm3: str

    def check(self, standard: Standard) -> None:
        """Raise BadMapping unless every name in it exists in the standard."""
        if standard.id != self.standard:
            raise _bad(self.name, f"为标准 {self.standard} 而写, 不是 {standard.id}",
                       f"is written for {self.standard}, not for {standard.id}")  # fmt: skip
        for layer in self.layers:
            if layer.target not in standard.layers:
                raise _bad(self.name, f"标准 {standard.id} 没有图层 {layer.target}",
                           f"{standard.id} has no layer {layer.target}")  # fmt: skip
            known = {one.code for one in standard.layers[layer.target].fields}
            named = {*layer.fields, *layer.constants, *layer.functions, *layer.codes}
            if named - known:
                wrong = ", ".join(sorted(named - known))
                raise _bad(self.name, f"图层 {layer.target} 没有字段 {wrong}", f"{layer.target} has no field {wrong}")


def load_mapping(path: str | Path) -> MappingFile:
    """Read a mapping file.

    Raises
    ------
    BadMapping
        Not TOML, an unknown key, or a code table that is not there.
    """
    file = Path(path)
    try:
        given = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(file.name, f"读不懂: {error}", f"cannot be read: {error}") from error
    try:
        _only(given, _TOP, file.name, "")
        layers = tuple(_layer(one, file) for one in given.get("layer", ()))
        if not layers or not isinstance(given.get("standard"), str):
            raise _bad(file.name, "须有 standard 和至少一个 [[layer]]", "needs standard and at least one [[layer]]")
    except KunyuError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _bad(file.name, f"结构有误: {error}", f"has a wrong structure: {error}") from error
    tables = [
        [list(pair) for pair in zip(t.sources, t.targets, strict=True)] for one in layers for t in one.codes.values()
    ]
    content = sm3_hex(file.read_bytes() + canonical_json(tables))
    return MappingFile(file.stem, given["standard"], layers, given.get("encoding"), content)


def _layer(given: dict[str, Any], file: Path) -> LayerMapping:
    _only(given, _LAYER, file.name, "[[layer]]")
    source = given["source"]
    functions = given.get("functions", {})
    unknown = sorted(set(functions.values()) - set(FUNCTIONS))
    if unknown:
        raise _bad(file.name, f"没有映射函数 {'、'.join(unknown)}; 可用: {'、'.join(sorted(FUNCTIONS))}",
                   f"no mapping function {', '.join(unknown)}; there are {', '.join(sorted(FUNCTIONS))}")  # fmt: skip
    return LayerMapping(
        source=(source,) if isinstance(source, str) else tuple(source),
        target=given["target"],
        fields=given.get("fields", {}),
        constants=given.get("constants", {}),
        functions=functions,
        codes={name: _codes(one, name, given, file) for name, one in given.get("codes", {}).items()},
        where={name: tuple(str(one) for one in some) for name, some in given.get("where", {}).items()},
        identity=given.get("id", ""),
        crs=given.get("crs"),
        crs_why=given.get("crs_why", ""),
        optional=bool(given.get("optional", False)),
        match_rest=bool(given.get("match_rest", False)),
        repair=bool(given.get("repair", False)),
    )


def _codes(given: dict[str, Any], name: str, layer: dict[str, Any], file: Path) -> CodeTable:
    _only(given, _CODES, file.name, f"codes.{name}")
    source = given.get("from") or layer.get("fields", {}).get(name)
    if source is None:
        raise _bad(file.name, f"codes.{name} 缺少 from", f"codes.{name} needs from")
    pairs = dict(given.get("table", {}))
    if "csv" in given:
        pairs |= _csv_pairs(file.parent / given["csv"], file.name)
    if "conversion" in given:
        pairs |= _conversion_pairs(given, file.name)
    return CodeTable(source, tuple(map(str, pairs)), tuple(map(str, pairs.values())), given.get("default"))


def _csv_pairs(path: Path, name: str) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {row["source"]: row["target"] for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise _bad(name, f"代码表 {path.name} 读不懂: {error}", f"code table {path.name}: {error}") from error


def _conversion_pairs(given: dict[str, Any], name: str) -> dict[str, str]:
    """``STANDARD:NAME`` at a day; codes with more than one target need evidence and stay untranslated."""
    from kunyu.engines.catalogue.standards import load_standard

    owner, _, conversion = str(given["conversion"]).partition(":")
    known = load_standard(owner).conversions
    if conversion not in known:
        raise _bad(name, f"没有代码转换 {given['conversion']}", f"no conversion {given['conversion']}")
    day = given.get("at")
    if not isinstance(day, datetime.date):
        raise _bad(name, "conversion 须有日期 at", "conversion needs a date at")
    return {source: some[0] for source, some in known[conversion].at(day).items() if len(some) == 1}


def _only(given: Mapping[str, Any], keys: set[str], file: str, where: str) -> None:
    odd = sorted(set(given) - keys)
    if odd:
        raise _bad(file, f"{where} 不认识的键 {'、'.join(odd)}", f"{where} unknown key {', '.join(odd)}")


def _bad(file: str, zh: str, en: str) -> BadMapping:
    return BadMapping(f"映射文件 {file} {zh}。请改正。", f"Mapping file {file} {en}. Correct it.", file=file)
