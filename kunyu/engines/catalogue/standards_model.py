"""What a standard is made of: frozen dataclasses, and the errors of reading them. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from kunyu.kernel.errors import UsageError

Geometry = Literal["Polygon", "LineString", "Point", "Table", "Documents"]
FieldType = Literal["Char", "VarChar", "Int", "Float", "Date", "DateTime"]
Requirement = Literal["M", "C", "O"]
Role = Literal["base", "update", "process", "annotation", "table", "documents"]


class UnknownStandard(UsageError):
    """No standard of that id is installed."""

    code = "standard_unknown"


class BadStandard(UsageError):
    """A standard's own files contradict each other; names file, key and what is expected."""

    code = "standard_bad"


@dataclass(frozen=True)
class Field:
    """One attribute of a layer, in the standard's words.

    ``length`` counts characters (Char, VarChar; 0 = no limit) or digits (Int, Float); ``decimals`` digits after
    the point. ``minimum`` and ``maximum`` are inclusive. ``name_of`` names the field whose code this one spells
    out (DLMC of DLBM). ``personal`` says which kind of personal data the field holds (``name``, ``document``, ``phone``,
    ``address``; empty for none): it is shown masked to whoever's grant does not reveal that kind. ``verified`` covers
    name, type and length together.
    """

    code: str
    name_zh: str
    name_en: str
    type: FieldType
    length: int = 0
    decimals: int = 0
    required: Requirement = "O"
    codelist: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[str, ...] = ()
    clause: str = ""
    verified: bool = False
    name_of: str | None = None
    unit: str = ""
    note: str = ""
    personal: str = ""


@dataclass(frozen=True)
class Layer:
    """One attribute table of a standard.

    ``ysdm`` is the ten-digit feature code every row carries, ``layer_code`` digits 7 to 10 of its BSM (either may
    be empty), ``dataset`` the catalogue code the layer is stored under. ``base`` names the layer whose fields an
    update layer repeats (role ``update``) or whose change a process layer records (role ``process``).
    """

    code: str
    name_zh: str
    name_en: str
    geometry: Geometry
    presence: Requirement
    dataset: str
    fields: tuple[Field, ...]
    ysdm: str = ""
    layer_code: str = ""
    clause: str = ""
    verified: bool = False
    key: str = "BSM"
    role: Role = "base"
    base: str | None = None
    annotation_ysdm: str = ""
    ysdm_verified: bool = False
    layer_code_verified: bool = False
    aliases: tuple[str, ...] = ()
    note: str = ""

    @property
    def spatial(self) -> bool:
        """Whether rows have a geometry."""
        return self.geometry in ("Polygon", "LineString", "Point")

    @property
    def holds_images(self) -> bool:
        """Whether a row is an image or a grid of heights: its footprint here, its pixels in the object store (OBJECT)."""
        return {"OBJECT", "BANDS"} <= {one.code for one in self.fields}

    def field(self, code: str) -> Field:
        """Return the field of that code.

        Raises
        ------
        KeyError
            The layer has no such field.
        """
        for one in self.fields:
            if one.code == code:
                return one
        raise KeyError(code)


@dataclass(frozen=True)
class Code:
    """One row of a code list."""

    code: str
    name_zh: str
    name_en: str
    parent: str
    verified: bool
    note: str


@dataclass(frozen=True)
class CodeList:
    """A closed list of codes; ``parents`` names the list that its top codes' ``parent`` refers to, if another."""

    name: str
    codes: Mapping[str, str]
    rows: tuple[Code, ...]
    name_zh: str = ""
    name_en: str = ""
    clause: str = ""
    verified: bool = False
    parents: str | None = None

    def __contains__(self, code: object) -> bool:
        return code in self.codes

    def below(self, code: str) -> tuple[str, ...]:
        """Return ``code`` itself, if in the list, and every code whose ancestors include it."""
        inside = {code}
        while True:
            more = {row.code for row in self.rows if row.parent in inside} - inside
            if not more:
                return tuple(row.code for row in self.rows if row.code in inside)
            inside |= more


@dataclass(frozen=True)
class ConversionRow:
    """``source`` becomes ``target`` from ``valid_from`` up to, not including, ``valid_to`` (None = open)."""

    source: str
    target: str
    method: str
    valid_from: datetime.date | None
    valid_to: datetime.date | None
    verified: bool
    note: str


@dataclass(frozen=True)
class Conversion:
    """Codes of one list turned into codes of another, with dates: classes are regrouped by law now and then."""

    name: str
    source_list: str
    target_list: str
    rows: tuple[ConversionRow, ...]
    name_zh: str = ""
    name_en: str = ""
    clause: str = ""
    verified: bool = False

    def at(self, day: datetime.date) -> dict[str, tuple[str, ...]]:
        """Return source code → target codes in force on ``day``; more than one target needs evidence."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            if (row.valid_from is None or row.valid_from <= day) and (row.valid_to is None or day < row.valid_to):
                found.setdefault(row.source, []).append(row.target)
        return {source: tuple(targets) for source, targets in found.items()}


@dataclass(frozen=True)
class Swatch:
    """How a code is drawn: ``#rrggbb`` fill, and whether the colour was confirmed."""

    fill: str
    verified: bool


@dataclass(frozen=True)
class Standard:
    """A standard in one edition. ``digest`` is the SM3 of the canonical content of its files."""

    id: str
    number: str
    name_zh: str
    name_en: str
    edition: str
    verified: bool
    layers: Mapping[str, Layer]
    codelists: Mapping[str, CodeList]
    digest: str
    conversions: Mapping[str, Conversion] = field(default_factory=lambda: MappingProxyType({}))
    styles: Mapping[str, Mapping[str, Swatch]] = field(default_factory=lambda: MappingProxyType({}))
    extends: str | None = None
    division: str | None = None
    note: str = ""

    def layer(self, code: str) -> Layer:
        """Return a layer by its code or one of its aliases, letter case ignored.

        Raises
        ------
        KeyError
            The standard has no such layer.
        """
        wanted = code.upper()
        for one in self.layers.values():
            if one.code == wanted or wanted in one.aliases:
                return one
        raise KeyError(code)

    def layers_of(self, dataset: str) -> tuple[Layer, ...]:
        """Return the layers stored under a dataset code, in the standard's order."""
        return tuple(one for one in self.layers.values() if one.dataset == dataset)
