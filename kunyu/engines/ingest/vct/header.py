"""The head of a VCT 3.0 file: key values, feature codes, table structures, as text and as data. 文件头、要素类型、表结构."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kunyu.engines.ingest.source_layers import FieldKind, SourceField

GEOMETRIES = ("Point", "Line", "Polygon", "Annotation")
ENDS_A_TABLE = "0"
BORDER_CODE = "1099000000"
"""Feature code of lines that are nothing but the border of polygons."""
NO_STYLE = "Unknown"
_KINDS: dict[str, FieldKind] = {
    "char": "text", "varchar": "text", "text": "text", "string": "text", "int": "integer", "int1": "integer",
    "int2": "integer", "int4": "integer", "int8": "integer", "integer": "integer", "smallint": "integer",
    "float": "real", "double": "real", "numeric": "real", "date": "date", "datetime": "datetime", "time": "text",
    "boolean": "text", "bool": "text", "varbin": "other",
}  # fmt: skip


@dataclass(frozen=True)
class FeatureCode:
    """One feature code: which geometry it has and which attribute table holds its rows."""

    code: str
    name: str
    geometry: str
    table: str


@dataclass(frozen=True)
class TableField:
    """One attribute as the structure section declares it; ``type`` is VCT's (Char, Int4, Float, Date …)."""

    name: str
    type: str
    length: int | None = None
    decimals: int | None = None

    def line(self, separator: str) -> str:
        """The line that declares it."""
        numbers = [str(one) for one in (self.length, self.decimals) if one is not None]
        return separator.join([self.name, self.type, *numbers])

    def as_source(self) -> SourceField:
        """As the readers of deliveries describe a field."""
        kind = _KINDS.get(self.type.lower(), "text")
        return SourceField(self.name, kind, self.length, self.decimals if kind == "real" else None)


@dataclass(frozen=True)
class Table:
    """One attribute table: its name, its fields, and the number of fields it announced."""

    name: str
    fields: tuple[TableField, ...]
    spatial: bool = True
    announced: int | None = None

    def lines(self, separator: str) -> list[str]:
        """The lines that declare it."""
        head = [self.name, str(len(self.fields)), *([] if self.spatial else ["NoneGeometry"])]
        return [separator.join(head), *(one.line(separator) for one in self.fields), ENDS_A_TABLE]


def head_values(lines: Iterable[str]) -> dict[str, str]:
    """Return the key values of a head section; keys as written, values without outer space (the separator keeps it)."""
    found: dict[str, str] = {}
    for line in lines:
        for mark in (":", "：", "="):
            key, parted, value = line.partition(mark)
            if parted:
                stripped = value.strip()
                found.setdefault(key.strip(), stripped or value[:1])
                break
    return found


def value_of(values: Mapping[str, str], key: str) -> str:
    """Return a head value whatever the case of its key, empty when absent."""
    return next((value for name, value in values.items() if name.lower() == key.lower()), "")


def separator_of(values: Mapping[str, str]) -> str:
    """Return the character between the values of a line; a comma when the head gives none."""
    given = value_of(values, "Separator")
    named = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "，": ","}
    return named.get(given.lower(), given[:1]) or ","


def feature_code(line: str, separator: str) -> FeatureCode | None:
    """Return the feature code of a line, None when it is none.

    Older writers put colours between geometry and table: the table is the last value.
    """
    parts = [one.strip().strip('"') for one in line.split(separator)]
    if len(parts) < 3 or not parts[0]:
        return None
    kind = next((one for one in GEOMETRIES if parts[2].lower() == one.lower()), parts[2])
    return FeatureCode(parts[0], parts[1], kind, parts[-1] if len(parts) > 3 and parts[-1] else parts[1])


def table_fields(lines: Iterable[str], separator: str) -> TableField | None:
    """Return the field a line declares."""
    parts = [one.strip().strip('"') for one in next(iter(lines)).split(separator)]
    if not parts[0]:
        return None
    numbers = [int(one) if one.isdigit() and len(one) < 6 else None for one in parts[2:4]]
    length, decimals = (*numbers, None, None)[:2]
    return TableField(parts[0], parts[1] if len(parts) > 1 and parts[1] else "Char", length or None, decimals)


def tables(lines: Iterable[str], separator: str) -> list[Table]:
    """Return the tables of a structure section (blank lines already left out)."""
    found: list[Table] = []
    head: list[str] | None = None
    fields: list[TableField] = []

    def close() -> None:
        if head is not None:
            count = int(head[1]) if len(head) > 1 and head[1].isdigit() and len(head[1]) < 6 else None
            flat = any(one.lower() in ("nonegeometry", "nogeometry") for one in head[2:])
            found.append(Table(head[0], tuple(fields), not flat, count))

    for line in lines:
        parts = [one.strip().strip('"') for one in line.split(separator)]
        if line.strip() == ENDS_A_TABLE:
            close()
            head, fields = None, []
        elif head is None or (len(parts) in (2, 3) and parts[1].isdigit() and not parts[0].isdigit()):
            close()  # a table that nothing ended: the next one begins
            head, fields = parts, []
        elif (one := table_fields([line], separator)) is not None:
            fields.append(one)
    close()
    return found
